"""How the book is built: credit line (授信) → contract (合同) → draw-down note (借据), persons and organisations apart.

A limit binds the line, a contract its notes; the tape shows only the notes. What does not fit together (a note under
two lines, more drawn than the line allows, a draw-down after the line's validity) is a finding of the book, before any
rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.loans.book import LoanBook, loan_book, month_ends
from creditlab.loans.groups import distinct
from creditlab.loans.shares import ratio
from creditlab.results import Result, Stamp, digest

KIND_LABELS = {
    "person": ("个人（农户）", "person"),
    "cooperative": ("合作社", "cooperative"),
    "family_farm": ("家庭农场", "family farm"),
    "village_collective": ("村集体", "village collective"),
    "firm": ("企业", "firm"),
    "unknown": ("未知", "unknown"),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Structure(Result):
    """A row per month end and kind of borrower: month_end kind borrowers notes balance overdue_notes overdue_principal
    overdue_interest, with the shares of the balance overdue; amounts in yuan.

    `lines` has a row per kind at the last month end: lines, contracts, notes, limit, drawn and usage.
    """

    title: ClassVar[str] = "Structure of the book 台账结构"
    plots: ClassVar[str] = "loans"

    lines: pd.DataFrame
    findings: pd.DataFrame


def book_structure(source: Any) -> Structure:
    """Borrowers, notes, balances and arrears by kind of borrower; lines, contracts and notes; what does not fit.

    Parameters
    ----------
    source : a `County`, a mapping of frames, or a `LoanBook`.

    Principal and interest in arrears are apart. A borrower with several notes counts once.
    """
    book = loan_book(source)
    table = _by_month(book)
    last = table[table["month_end"] == table["month_end"].max()]
    return Structure(
        table=table,
        lines=_lines(book),
        findings=_findings(book),
        stamp=Stamp(inputs=book.digest, spec=digest({})),
        facts={
            "notes": int(last["notes"].sum()),
            "balance": float(last["balance"].sum()),
            "overdue_principal": float(last["overdue_principal"].sum()),
            "overdue_interest": float(last["overdue_interest"].sum()),
            "lines": int(book.notes["line_id"].nunique()),
            "contracts": int(book.notes["contract_id"].nunique()),
        },
    )


def _by_month(book: LoanBook) -> pd.DataFrame:
    kinds, names = pd.factorize(book.notes["borrower_kind"], sort=True)
    on = book.on_book
    months = book.months
    note = months["note"].to_numpy()[on]
    size = len(names)
    key = (months["month"].to_numpy()[on] - book.first) * size + kinds[note]
    cells = (book.last - book.first + 1) * size
    borrower = pd.factorize(book.notes["borrower_id"])[0].astype(np.int64)[note]
    width = int(borrower.max(initial=0)) + 1
    once = distinct(key.astype(np.int64) * width + borrower) // width

    def total(weight: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(key, weight, minlength=cells)

    amounts = {c: months[c].to_numpy()[on] for c in ("balance", "overdue_principal", "overdue_interest")}
    table = pd.DataFrame(
        {
            "month_end": np.repeat(month_ends(range(book.first, book.last + 1)), size),
            "kind": np.tile(np.asarray(names, dtype=object), cells // size),
            "borrowers": np.bincount(once, minlength=cells),
            "notes": total(),
            "balance": total(amounts["balance"]),
            "overdue_notes": total((months["dpd"].to_numpy()[on] > 0).astype(float)).astype(int),
            "overdue_principal": total(amounts["overdue_principal"]),
            "overdue_interest": total(amounts["overdue_interest"]),
        }
    ).astype({"kind": "str"})
    shares = {f"{c}_share": ratio(table[c], table["balance"]) for c in ("overdue_principal", "overdue_interest")}
    return table.assign(**shares)


def _open_now(book: LoanBook) -> pd.DataFrame:
    """The notes on the book at the last month end, with their balance."""
    at = book.on_book & (book.months["month"].to_numpy() == book.last)
    notes = book.notes.iloc[book.months["note"].to_numpy()[at]]
    return notes.assign(balance=book.months["balance"].to_numpy()[at])


def _lines(book: LoanBook) -> pd.DataFrame:
    """Open lines, contracts and notes by kind of borrower, with limit, balance and usage."""
    open_notes = _open_now(book)
    limits = open_notes.drop_duplicates("line_id").dropna(subset=["line_id"])
    grouped = open_notes.groupby("borrower_kind", as_index=False)
    table = grouped.agg(
        lines=("line_id", "nunique"),
        contracts=("contract_id", "nunique"),
        notes=("note_id", "size"),
        drawn=("balance", "sum"),
    )
    limit = limits.groupby("borrower_kind")["line_limit"].sum()
    table["limit"] = table["borrower_kind"].map(limit).astype(float)
    return table.rename(columns={"borrower_kind": "kind"}).assign(usage=lambda t: ratio(t["drawn"], t["limit"]))


def _findings(book: LoanBook) -> pd.DataFrame:
    notes = book.notes
    drawn = _open_now(book).groupby("line_id").agg(balance=("balance", "sum"), limit=("line_limit", "max"))
    late = (notes["granted_on"] > notes["line_valid_to"]).fillna(False)
    above = (notes["amount"] > notes["line_limit"]).fillna(False)
    checks = [
        (
            "contract_id",
            _more_than_one(notes, "contract_id", "line_id"),
            "合同对应多个授信",
            "contract under two lines",
        ),
        (
            "contract_id",
            _more_than_one(notes, "contract_id", "borrower_id"),
            "合同有多个借款人",
            "contract of two borrowers",
        ),
        ("line_id", int((drawn["balance"] > drawn["limit"]).sum()), "授信超额使用", "more drawn than the line allows"),
        ("amount", int(above.sum()), "借据金额大于授信额度", "note larger than its line"),
        ("line_valid_to", int(late.sum()), "授信到期后放款", "drawn after the line's validity"),
        ("balance", _above_amount(book), "余额大于借据金额", "balance larger than the note's amount"),
    ]
    rows = [
        {
            "table": "loans",
            "column": column,
            "rule": en,
            "severity": "warning",
            "rows": n,
            "first_rows": "",
            "rule_zh": zh,
        }
        for column, n, zh, en in checks
        if n
    ]
    return pd.DataFrame(rows, columns=["table", "column", "rule", "severity", "rows", "first_rows", "rule_zh"])


def _more_than_one(notes: pd.DataFrame, of: str, what: str) -> int:
    """How many values of one column have more than one of another."""
    return int((notes.dropna(subset=[of]).groupby(of)[what].nunique() > 1).sum())


def _above_amount(book: LoanBook) -> int:
    """Notes that at some month end owe more principal than was granted."""
    most = np.zeros(len(book.notes))
    np.maximum.at(most, book.months["note"].to_numpy(), book.months["balance"].to_numpy())
    return int((most > book.notes["amount"].to_numpy() + 0.5).sum())
