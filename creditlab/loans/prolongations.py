"""Extensions of a term (展期), and which of them hide arrears.

An extension moves the due date of the same note. For a borrower who is not late it is an ordinary change of contract;
for one who is, the days past due may start again at zero, and the NPL ratio falls although nothing was paid. The tape
shows it in the month in which the flag first appears: the note was overdue at the month end before and is less overdue
now, without its balance being repaid. Whether overdue interest was paid in that month the tape cannot say, so the list
is one of questions to the branch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.errors import InputError, message
from creditlab.loans.book import LoanBook, days_at_month_end, loan_book, month_ends
from creditlab.loans.classes import SUBSTANDARD
from creditlab.loans.hits import NEVER, first_month
from creditlab.loans.ratios import book_classes
from creditlab.loans.shares import LEVEL, ratio, share_limits
from creditlab.results import Result, Stamp, digest

#: kind → what it is called
KINDS = {
    "sound": ("正常展期", "sound extension, no arrears before it"),
    "after arrears": ("展期前一年曾有逾期", "extended after arrears in the year before"),
    "still counted": ("展期时逾期，天数继续累计", "overdue when extended, the days go on"),
    "hidden": ("展期后逾期天数归零（掩盖逾期）", "overdue when extended, the days started again"),
}
#: share of the balance that must have been repaid for arrears to have gone by payment
REPAID = 0.9


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Extensions(Result):
    """A row per extension: note_id borrower_id household_id village_id month_end kind dpd_before dpd_after worst_before
    balance_before balance.

    `by_kind` counts them, with how many were later more than 90 days past due or written off; `npl` has the NPL balance
    of each month end, and what would be over 90 days past due had the days gone on through the extension.
    """

    title: ClassVar[str] = "Extensions 展期"
    plots: ClassVar[str] = "loans"

    by_kind: pd.DataFrame
    npl: pd.DataFrame


def extensions(source: Any, *, lookback: int = 12, level: float = LEVEL) -> Extensions:
    """The extensions of a book, and those that hide arrears.

    Parameters
    ----------
    source : a `County`, a mapping of frames, or a `LoanBook`.
    lookback : months before the extension in which arrears are looked for.
    level : level of the intervals (Jeffreys).

    An extension begins in the first month of a run of months flagged as extended; a note that is flagged in its first
    month on the tape was extended before, and its state then is not known: it counts as sound.

    Raises
    ------
    InputError : a lookback of less than a month.

    >>> notes = pd.DataFrame({"note_id": ["N1"], "granted_on": ["2023-01-10"], "due_on": ["2023-03-10"]})
    >>> ends = ["2023-01-31", "2023-02-28", "2023-03-31", "2023-04-30"]
    >>> months = pd.DataFrame({"note_id": "N1", "month_end": ends, "balance": 100.0, "dpd": [0, 8, 0, 0],
    ...                        "extended": [0, 0, 1, 1]})
    >>> extensions({"loans": notes, "loan_months": months}).tidy()["kind"].tolist()
    ['hidden']
    """
    book = loan_book(source)
    if not isinstance(lookback, int) or isinstance(lookback, bool) or lookback < 1:
        raise InputError(message("a number of months from 1 on", repr(lookback), "lookback", "12 is usual."))
    rows = _first_rows(book)
    table = _describe(book, rows, lookback)
    order = np.lexsort((table["note_id"].to_numpy(dtype=object).astype(str), table["month_end"].to_numpy()))
    return Extensions(
        table=table.iloc[order].reset_index(drop=True),
        by_kind=_by_kind(book, rows, table, level),
        npl=_npl_with(book, rows, table),
        stamp=Stamp(inputs=book.digest, spec=digest({"lookback": lookback, "level": level})),
        facts={"extensions": len(table), **{kind: int((table["kind"] == kind).sum()) for kind in KINDS}},
    )


def _first_rows(book: LoanBook) -> np.ndarray:
    """The rows in which an extension begins."""
    flag, note = book.months["extended"].to_numpy(), book.months["note"].to_numpy()
    begins = flag & book.on_book
    begins[1:] &= ~(flag[:-1] & (note[1:] == note[:-1]))
    return np.flatnonzero(begins)


def _describe(book: LoanBook, rows: np.ndarray, lookback: int) -> pd.DataFrame:
    """The state of each note in the month of its extension and before."""
    months, notes = book.months, book.notes
    note, month = months["note"].to_numpy(), months["month"].to_numpy()
    dpd, balance = months["dpd"].to_numpy(), months["balance"].to_numpy()
    before = np.maximum(rows - 1, 0)
    seen = (note[before] == note[rows]) & (rows > 0)
    late, owed = np.where(seen, dpd[before], 0), np.where(seen, balance[before], balance[rows])
    worst = _worst(note, month, dpd, rows, lookback)
    repaid = balance[rows] < (1 - REPAID) * owed
    hidden = (late > 0) & (dpd[rows] < late) & ~repaid
    kind = np.select([hidden, late > 0, worst > 0], ["hidden", "still counted", "after arrears"], "sound")
    which = notes.iloc[note[rows]].reset_index(drop=True)
    return pd.DataFrame(
        {
            "note_id": which["note_id"],
            "borrower_id": which["borrower_id"],
            "household_id": which["household_id"],
            "village_id": which["village_id"],
            "month_end": month_ends(month[rows]),
            "kind": pd.Series(kind, dtype="str"),
            "dpd_before": late,
            "dpd_after": dpd[rows],
            "worst_before": worst,
            "balance_before": owed,
            "balance": balance[rows],
        }
    )


def _worst(note: np.ndarray, month: np.ndarray, dpd: np.ndarray, rows: np.ndarray, lookback: int) -> np.ndarray:
    """The most days past due of the same note in the months before each row."""
    worst = np.zeros(len(rows), dtype=np.int64)
    for back in range(1, lookback + 1):
        place = np.maximum(rows - back, 0)
        inside = (rows >= back) & (note[place] == note[rows]) & (month[place] >= month[rows] - lookback)
        worst = np.maximum(worst, np.where(inside, dpd[place], 0))
    return worst


def _by_kind(book: LoanBook, rows: np.ndarray, table: pd.DataFrame, level: float) -> pd.DataFrame:
    """How many of each kind, how much, and how many were over 90 days past due after the extension."""
    note, month = book.months["note"].to_numpy(), book.months["month"].to_numpy()
    last = np.full(len(book.notes), NEVER)
    last[note[rows]] = month[rows]  # a note that was extended twice is followed from the last time
    bad = (book.months["dpd"].to_numpy() > 90) | book.months["written_off"].to_numpy()
    later = first_month(book, bad & (month > last[note])) < NEVER
    state = table.assign(later_bad=later[note[rows]])
    parts = [(k, state[state["kind"] == k]) for k in KINDS]
    frame = pd.DataFrame(
        [
            {"kind": k, "zh": KINDS[k][0], "en": KINDS[k][1], "n": len(p), "amount": float(p["balance"].sum()),
             "later_bad": int(p["later_bad"].sum())}
            for k, p in parts if len(p)
        ],
        columns=["kind", "zh", "en", "n", "amount", "later_bad"],
    )  # fmt: skip
    lo, hi = share_limits(frame["later_bad"], frame["n"], level)
    return frame.assign(share=ratio(frame["later_bad"], frame["n"]), lo=lo, hi=hi)


def _npl_with(book: LoanBook, rows: np.ndarray, table: pd.DataFrame) -> pd.DataFrame:
    """NPL balance by month end as recorded, and of notes whose days would be over 90 without their extension."""
    note, month = book.months["note"].to_numpy(), book.months["month"].to_numpy()
    on = book.on_book
    balance = np.where(on, book.months["balance"].to_numpy(), 0.0)
    npl = on & (book_classes(book, None) >= SUBSTANDARD)
    size = book.last - book.first + 1
    hidden = (table["kind"] == "hidden").to_numpy()
    days, since = np.zeros(len(book.notes), dtype=np.int64), np.full(len(book.notes), NEVER)
    days[note[rows[hidden]]] = table["dpd_before"].to_numpy()[hidden]
    since[note[rows[hidden]]] = month[rows[hidden]]
    inside = month >= since[note]
    start = days_at_month_end(np.where(inside, since[note], month) - 1)
    past = (days_at_month_end(month) - start).astype(np.int64) + days[note]

    def by_month(where: np.ndarray) -> np.ndarray:
        return np.bincount(month - book.first, balance * where, minlength=size)

    total, recorded, more = by_month(on), by_month(npl), by_month(inside & ~npl & (past > 90))
    return pd.DataFrame(
        {
            "month_end": month_ends(range(book.first, book.last + 1)),
            "balance": total,
            "npl_balance": recorded,
            "hidden_balance": more,
            "ratio": ratio(recorded, total),
            "ratio_with_hidden": ratio(recorded + more, total),
        }
    )
