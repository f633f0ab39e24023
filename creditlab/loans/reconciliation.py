"""The bank's own numbers first: the book against the ledger's control totals, month by month and class by class.

Every later figure inherits what differs here, so every difference is a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_columns, check_unique
from creditlab.errors import InputError, message
from creditlab.loans.book import LoanBook, loan_book, month_ends, month_number
from creditlab.loans.classes import CLASSES, NPL, UNKNOWN, class_codes
from creditlab.loans.reading import dates, numbers
from creditlab.results import Result, Stamp

MEASURES = ("notes", "balance", "npl_balance")
#: yuan by which two balances may differ and still be called equal (rounding of the ledger)
ROUNDING = 0.5
#: the class of notes for which the tape gives none
WITHOUT = "unknown"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Reconciliation(Result):
    """A row per month and class: month_end class5, then book, ledger and difference of notes, balance, npl_balance.

    `side` says whether both have the cell, or only the book or the ledger.
    """

    title: ClassVar[str] = "Reconciliation to the ledger 与总账核对"
    plots: ClassVar[str] = "loans"

    def differences(self) -> pd.DataFrame:
        """The cells in which book and ledger differ."""
        return self.table[self.table["differs"]].drop(columns="differs").reset_index(drop=True)

    def totals(self) -> pd.DataFrame:
        """A row per month over all classes: book, ledger and difference of the three measures."""
        sums = [c for c in self.table.columns if c.endswith(("_book", "_ledger", "_difference"))]
        return self.table.groupby("month_end", as_index=False)[sums].sum()

    @property
    def findings(self) -> pd.DataFrame:
        """Each difference in the columns of a data finding."""
        only = {
            "book only": ("；总账无此项", "; not in the ledger"),
            "ledger only": ("；台账无此项", "; not on the tape"),
        }
        rows = [
            {
                "table": "control_totals",
                "column": row.class5,
                "rule": f"{row.month_end.date()}: book less ledger {row.notes_difference:+.0f} notes, "
                f"{row.balance_difference:+,.0f} yuan{only.get(row.side, ('', ''))[1]}",
                "severity": "warning",
                "rows": 1,
                "first_rows": "",
                "rule_zh": f"{row.month_end.date()}：台账减总账 {row.notes_difference:+.0f} 笔，"
                f"{row.balance_difference:+,.0f} 元{only.get(row.side, ('', ''))[0]}",
            }
            for row in self.differences().itertuples()
        ]
        return pd.DataFrame(rows, columns=["table", "column", "rule", "severity", "rows", "first_rows", "rule_zh"])


def reconcile(county: Any, control_totals: pd.DataFrame | None = None) -> Reconciliation:
    """Notes, balance and NPL balance of the book beside those of the bank's control totals.

    Parameters
    ----------
    county : a `County` with the tables loan_months and control_totals, a mapping of frames, or a `LoanBook`.
    control_totals : month_end class5 notes balance npl_balance; by default the county's table.

    Returns
    -------
    Reconciliation : one row per month end and class that either side has. Amounts in yuan; difference = book - ledger.

    Raises
    ------
    InputError : when one of the tables is not there, or the ledger has a month and class twice.
    """
    totals = _ledger(county, control_totals)
    book = loan_book(county)
    table = _compare(book_totals(book), totals)
    differing = table["differs"]
    return Reconciliation(
        table=table,
        stamp=Stamp.of([book.digest, totals], {"rounding": ROUNDING}),
        facts={
            "months": table["month_end"].nunique(),
            "cells": len(table),
            "differing_cells": int(differing.sum()),
            "largest_difference_yuan": float(table["balance_difference"].abs().max()),
            "notes_at_the_end": int(_at_the_end(table, "notes_book")),
            "balance_at_the_end": float(_at_the_end(table, "balance_book")),
            "npl_balance_at_the_end": float(_at_the_end(table, "npl_balance_book")),
        },
    )


def book_totals(book: LoanBook) -> pd.DataFrame:
    """Notes, balance and NPL balance by month end and class, of the notes that are on the balance sheet."""
    on = book.on_book
    codes = book.months["class5"].to_numpy()[on].astype(np.int64)
    names = np.array([*CLASSES, WITHOUT], dtype=object)
    key = book.months["month"].to_numpy()[on].astype(np.int64) * len(names) + np.where(codes == UNKNOWN, 5, codes)
    cell, place = np.unique(key, return_inverse=True)
    balance = np.bincount(place, book.months["balance"].to_numpy()[on], minlength=len(cell))
    frame = pd.DataFrame(
        {
            "month_end": month_ends(cell // len(names)),
            "class5": names[cell % len(names)],
            "notes": np.bincount(place, minlength=len(cell)),
            "balance": balance,
        }
    )
    return frame.assign(npl_balance=np.where(frame["class5"].isin(NPL), balance, 0.0)).astype({"class5": "str"})


def _ledger(county: Any, control_totals: pd.DataFrame | None) -> pd.DataFrame:
    """The control totals with classes and month ends as the book writes them."""
    given: Any = control_totals
    if given is None:
        tables = county if isinstance(county, dict) else getattr(county, "tables", {})
        for name in ("loan_months", "control_totals"):
            if name not in tables:
                raise InputError(
                    message(f"the table {name}", "none", "county folder", "Without it nothing can be reconciled.")
                )
        given = getattr(tables["control_totals"], "frame", tables["control_totals"])
    check_columns(given, ["month_end", "class5", *MEASURES], "control_totals")
    codes = class_codes(given["class5"])
    names = np.array([*CLASSES, WITHOUT], dtype=object)[codes]
    month = month_number(_month_ends(given["month_end"]))
    ledger = pd.DataFrame({"month_end": month_ends(month), "class5": names}).astype({"class5": "str"})
    for measure in MEASURES:
        ledger[measure] = np.nan_to_num(numbers(given[measure], measure, "control_totals"))
    check_unique(ledger, ["month_end", "class5"], "control_totals")
    return ledger


def _month_ends(values: pd.Series) -> pd.Series:
    ends = dates(values, "month_end", "control_totals")
    if ends.isna().any():
        raise InputError(
            message(
                "a month end in every row",
                f"{int(ends.isna().sum())} rows without",
                "column 'month_end' of control_totals",
                "Fill it or leave these rows out.",
            )
        )
    return ends


def _compare(book: pd.DataFrame, ledger: pd.DataFrame) -> pd.DataFrame:
    keys = ["month_end", "class5"]
    table = book.merge(ledger, on=keys, how="outer", suffixes=("_book", "_ledger"), validate="1:1", indicator="side")
    table["side"] = (
        table["side"].map({"both": "both", "left_only": "book only", "right_only": "ledger only"}).astype("str")
    )
    order = [f"{m}_{side}" for m in MEASURES for side in ("book", "ledger")]
    table[order] = table[order].fillna(0)
    for measure in MEASURES:
        table[f"{measure}_difference"] = table[f"{measure}_book"] - table[f"{measure}_ledger"]
    table["differs"] = (
        (table["notes_difference"] != 0)
        | (table["balance_difference"].abs() > ROUNDING)
        | (table["npl_balance_difference"].abs() > ROUNDING)
    )
    return table.sort_values(keys, ignore_index=True)


def _at_the_end(table: pd.DataFrame, column: str) -> float:
    return table.loc[table["month_end"] == table["month_end"].max(), column].sum()
