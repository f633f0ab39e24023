"""The bank's own numbers first: the book against the ledger's control totals, month by month and class by class.

Every later figure inherits what differs here, so every difference is a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from creditlab.checks import check_columns
from creditlab.errors import InputError, message
from creditlab.results import Result, Stamp

#: the non-performing classes of the five-class classification
NPL = ("substandard", "doubtful", "loss")
MEASURES = ("notes", "balance", "npl_balance")
#: yuan by which two balances may differ and still be called equal (rounding of the ledger)
ROUNDING = 0.5


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Reconciliation(Result):
    """A row per month and class: month_end class5, then book, ledger and difference of notes, balance, npl_balance."""

    title: ClassVar[str] = "Reconciliation to the ledger 与总账核对"
    plots: ClassVar[str] = "loans"

    def differences(self) -> pd.DataFrame:
        """The cells in which book and ledger differ."""
        return self.table[self.table["differs"]].drop(columns="differs").reset_index(drop=True)

    @property
    def findings(self) -> pd.DataFrame:
        """Each difference in the columns of a data finding."""
        rows = [
            {
                "table": "control_totals",
                "column": row.class5,
                "rule": f"{row.month_end.date()}: book less ledger {row.notes_difference:+.0f} notes, "
                f"{row.balance_difference:+,.0f} yuan",
                "severity": "warning",
                "rows": 1,
                "first_rows": "",
                "rule_zh": f"{row.month_end.date()}：台账减总账 {row.notes_difference:+.0f} 笔，"
                f"{row.balance_difference:+,.0f} 元",
            }
            for row in self.differences().itertuples()
        ]
        return pd.DataFrame(rows, columns=["table", "column", "rule", "severity", "rows", "first_rows", "rule_zh"])


def reconcile(county: Any) -> Reconciliation:
    """Notes, balance and NPL balance of the book beside those of the bank's control totals.

    Parameters
    ----------
    county : a `County` with the tables loan_months and control_totals.

    Returns
    -------
    Reconciliation : one row per month end and class that either side has. Amounts in yuan; difference = book - ledger.

    Raises
    ------
    InputError : when one of the tables is not there.
    """
    for name in ("loan_months", "control_totals"):
        if name not in county.tables:
            raise InputError(
                message(f"the table {name}", "none", "county folder", "Without it nothing can be reconciled.")
            )
    months, totals = county.tables["loan_months"].frame, county.tables["control_totals"].frame
    check_columns(months, ["month_end", "class5", "balance"], "loan_months")
    check_columns(totals, ["month_end", "class5", *MEASURES], "control_totals")
    table = _compare(book_totals(months), totals)
    differing = table["differs"]
    return Reconciliation(
        table=table,
        stamp=Stamp.of([months, totals], {"rounding": ROUNDING}),
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


def book_totals(months: pd.DataFrame) -> pd.DataFrame:
    """Notes, balance and NPL balance by month end and class, of the notes that are on the balance sheet."""
    on_book = months["balance"] > 0
    for column in ("written_off", "transferred"):
        if column in months:
            on_book &= ~months[column].eq(1).fillna(False)
    rows = months[on_book].assign(npl_balance=lambda f: f["balance"].where(f["class5"].isin(NPL), 0.0))
    return rows.groupby(["month_end", "class5"], as_index=False, observed=True).agg(
        notes=("balance", "size"), balance=("balance", "sum"), npl_balance=("npl_balance", "sum")
    )


def _compare(book: pd.DataFrame, ledger: pd.DataFrame) -> pd.DataFrame:
    keys = ["month_end", "class5"]
    sums = ledger.groupby(keys, as_index=False, observed=True)[list(MEASURES)].sum()
    table = book.merge(sums, on=keys, how="outer", suffixes=("_book", "_ledger"), validate="1:1")
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
