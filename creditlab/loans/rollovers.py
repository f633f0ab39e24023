"""Renewals: which notes were paid out of a new note, and which of them hide arrears (借新还旧, 展期).

A renewal without repaying principal (无还本续贷) to a sound borrower is an ordinary product and no restructuring. One
to a borrower in arrears refinances a bad loan: its days past due start again at zero and the NPL ratio falls. The tape
shows the difference only in the months before; what was never overdue cannot be told from a sound renewal, so the list
is one of questions to the branch, not of findings of guilt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.loans.book import LoanBook, days_at_month_end, loan_book, month_ends
from creditlab.loans.classes import SPECIAL_MENTION, SUBSTANDARD
from creditlab.loans.hits import NEVER, first_hit
from creditlab.loans.ratios import book_classes
from creditlab.loans.shares import LEVEL, ratio, share_limits
from creditlab.results import Result, Stamp, digest

#: kind → what it is called
KINDS = {
    "sound": ("正常续贷（无还本续贷）", "sound renewal, no arrears before it"),
    "after arrears": ("续贷前曾有逾期", "renewed after arrears in the year before"),
    "refinanced": ("续贷时逾期或有困难（借新还旧）", "overdue or in difficulty when renewed"),
    "undeclared": ("疑似未登记的借新还旧", "undeclared: new note as an overdue one left"),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Renewals(Result):
    """A row per renewal: note renewed household_id granted_on kind dpd_before class_before balance_before amount
    repaid_share chain; `by_kind` counts them, with what became of the new notes."""

    title: ClassVar[str] = "Renewals 续贷"
    plots: ClassVar[str] = "loans"

    by_kind: pd.DataFrame
    npl: pd.DataFrame

    @property
    def refinanced(self) -> list[str]:
        """The notes that count as restructured: give them to `classify(..., refinanced=...)`."""
        return sorted(self.table.loc[self.table["kind"] == "refinanced", "note_id"])


def renewals(source: Any, *, lookback: int = 12, gap: int = 1, level: float = LEVEL) -> Renewals:
    """The renewals of a book, declared (`renewed_from`) and suspected, and the arrears that they hide.

    Parameters
    ----------
    source : a `County`, a mapping of frames, or a `LoanBook`.
    lookback : months before the renewal in which arrears of the old note are looked for.
    gap : a new note counts as an undeclared renewal when it was granted at most so many months after the last month of
        a note of the same borrower that was still overdue then, and is at least four fifths of its balance.
    level : level of the intervals.

    A reference to a note that is not on the tape, or is not older than the note that names it, counts as not usable.

    Returns
    -------
    Renewals : `npl` sets the NPL balance of each month end beside what it would be if the days past due had gone on
        counting through the renewal: refinanced_balance for the declared, suspected_balance for the undeclared.
    """
    book = loan_book(source)
    pairs = pd.concat([_declared(book), _undeclared(book, gap)], ignore_index=True)
    pairs = pairs.drop_duplicates(["note"], keep="first", ignore_index=True)
    table = _describe(book, pairs, lookback)
    named = int(book.notes["renewed_from"].notna().sum())
    return Renewals(
        table=table,
        by_kind=_by_kind(book, table, level),
        npl=_npl_with(book, table),
        stamp=Stamp(inputs=book.digest, spec=digest({"lookback": lookback, "gap": gap, "level": level})),
        facts={
            "renewals": len(table),
            "not usable": named - int(pairs["declared"].sum()),
            **{kind: int((table["kind"] == kind).sum()) for kind in KINDS},
        },
    )


def _declared(book: LoanBook) -> pd.DataFrame:
    old = _named(book)
    granted = book.notes["granted_on"].to_numpy()
    older = (old >= 0) & (granted[np.maximum(old, 0)] < granted)
    rows = np.flatnonzero(older)
    return pd.DataFrame({"note": rows, "old": old[rows], "declared": True})


def _named(book: LoanBook) -> np.ndarray:
    """The row of the note that each note says it renews, -1 for none or one that is not on the tape."""
    place = pd.Series(book.notes.index, index=book.notes["note_id"])
    return place.reindex(book.notes["renewed_from"]).fillna(-1).to_numpy(dtype=int)


def _undeclared(book: LoanBook, gap: int) -> pd.DataFrame:
    """New notes of a borrower granted just as an overdue note of the same borrower left the tape."""
    end = _last_rows(book)
    note = book.months["note"].to_numpy()[end]
    overdue = (book.months["dpd"].to_numpy()[end] > 0) & book.on_book[end]
    closed = overdue & (book.months["month"].to_numpy()[end] < book.last)
    ended = pd.DataFrame(
        {
            "old": note[closed],
            "end": book.months["month"].to_numpy()[end][closed],
            "balance": book.months["balance"].to_numpy()[end][closed],
        }
    )
    ended["began"] = book.granted[ended["old"]]
    ended["borrower_id"] = book.notes["borrower_id"].to_numpy()[ended["old"]]
    new = pd.DataFrame(
        {
            "note": book.notes.index,
            "borrower_id": book.notes["borrower_id"],
            "granted": book.granted,
            "amount": book.notes["amount"].fillna(0.0),
        }
    )
    pairs = ended.merge(new, on="borrower_id")
    near = (pairs["granted"] >= pairs["end"]) & (pairs["granted"] <= pairs["end"] + gap)
    near &= pairs["began"] < pairs["granted"]
    like = pairs["amount"] >= 0.8 * pairs["balance"]
    found = pairs[near & like & (pairs["note"] != pairs["old"])].sort_values(["note", "old"], kind="stable")
    return found[["note", "old"]].assign(declared=False)


def _last_rows(book: LoanBook) -> np.ndarray:
    """The last row of each note that has one."""
    note = book.months["note"].to_numpy()
    return np.flatnonzero(np.append(note[1:] != note[:-1], True)) if len(note) else np.array([], dtype=int)


def _describe(book: LoanBook, pairs: pd.DataFrame, lookback: int) -> pd.DataFrame:
    """The state of the old note before the renewal, and the kind of the renewal."""
    granted = book.granted[pairs["note"].to_numpy(dtype=int)]
    before = _state_before(book, pairs["old"].to_numpy(dtype=int), granted, lookback)
    new = book.notes.iloc[pairs["note"].to_numpy(dtype=int)].reset_index(drop=True)
    old = book.notes.iloc[pairs["old"].to_numpy(dtype=int)].reset_index(drop=True)
    owed = before["balance"].where(before["balance"] > 0, old["amount"])
    troubled = (before["dpd"] > 0) | (before["class"] >= SPECIAL_MENTION) | before["flagged"]
    declared = pairs["declared"].to_numpy(dtype=bool)
    kind = np.select([~declared, troubled, before["worst"] > 0], ["undeclared", "refinanced", "after arrears"], "sound")
    table = pd.DataFrame(
        {
            "note_id": new["note_id"],
            "renewed": old["note_id"],
            "borrower_id": new["borrower_id"],
            "household_id": new["household_id"],
            "village_id": new["village_id"],
            "granted_on": new["granted_on"],
            "kind": kind,
            "dpd_before": before["dpd"],
            "worst_before": before["worst"],
            "class_before": before["class"],
            "balance_before": owed,
            "amount": new["amount"],
            "repaid_share": np.clip(1 - ratio(new["amount"], owed), 0, 1),
            "chain": _chain(pairs, len(book.notes)),
        }
    )
    return table.sort_values(["granted_on", "note_id"], ignore_index=True, kind="stable")


def _state_before(book: LoanBook, old: np.ndarray, granted: np.ndarray, lookback: int) -> pd.DataFrame:
    """Last days past due, class and balance of each old note before the month of the renewal, and its worst days."""
    months = book.months
    classes = book_classes(book, None)
    first = np.searchsorted(months["note"].to_numpy(), np.arange(len(book.notes) + 1))
    pair = np.repeat(np.arange(len(old)), first[old + 1] - first[old])
    row = np.concatenate([np.arange(first[o], first[o + 1]) for o in old]) if len(old) else np.array([], dtype=int)
    month = months["month"].to_numpy()[row]
    # the month of the renewal is left out: at its end the old note is paid
    inside = (month < granted[pair]) & (month >= granted[pair] - lookback)
    pair, row = pair[inside], row[inside]
    dpd = months["dpd"].to_numpy()[row]
    worst = np.zeros(len(old), dtype=int)
    np.maximum.at(worst, pair, dpd)
    last = np.full(len(old), -1)
    last[pair] = row  # rows come in the order of months: the last one stays
    seen = last >= 0
    at = np.maximum(last, 0)
    flagged = months["extended"].to_numpy() | months["restructured"].to_numpy()
    return pd.DataFrame(
        {
            "dpd": np.where(seen, months["dpd"].to_numpy()[at] if len(months) else 0, 0),
            "class": np.where(seen, classes[at] if len(months) else 0, 0),
            "balance": np.where(seen, months["balance"].to_numpy()[at] if len(months) else 0.0, 0.0),
            "flagged": seen & (flagged[at] if len(months) else False),
            "worst": worst,
        }
    )


def _chain(pairs: pd.DataFrame, size: int) -> np.ndarray:
    """How many notes in a row were renewed up to each renewal; each is younger than the one it renews."""
    source = np.full(size, -1)
    source[pairs["note"].to_numpy(dtype=int)] = pairs["old"].to_numpy(dtype=int)
    at, length = pairs["old"].to_numpy(dtype=int), np.ones(len(pairs), dtype=int)
    while (at >= 0).any():
        at = np.where(at >= 0, source[np.maximum(at, 0)], -1)
        length += at >= 0
    return length


def _by_kind(book: LoanBook, table: pd.DataFrame, level: float) -> pd.DataFrame:
    """Renewals by kind: how many, how much, and how many of the new notes were later more than 90 days past due."""
    later = pd.Series(first_hit(book, over=90) < NEVER, index=book.notes["note_id"])
    renewed = table.assign(later_bad=table["note_id"].map(later).astype(bool))
    rest = book.notes["note_id"][~book.notes["note_id"].isin(table["note_id"])]
    rows = [
        (kind, *KINDS[kind], part["later_bad"], part["amount"].sum())
        for kind in KINDS
        if len(part := renewed[renewed["kind"] == kind])
    ]
    rows.append(("no renewal", "非续贷", "not a renewal", rest.map(later).astype(bool), book.notes["amount"].sum()))
    frame = pd.DataFrame(
        [{"kind": k, "zh": zh, "en": en, "n": len(bad), "amount": a, "later_bad": int(bad.sum())}
         for k, zh, en, bad, a in rows]
    )  # fmt: skip
    frame.loc[frame["kind"] == "no renewal", "amount"] -= table["amount"].sum()
    lo, hi = share_limits(frame["later_bad"], frame["n"], level)
    return frame.assign(share=ratio(frame["later_bad"], frame["n"]), lo=lo, hi=hi)


def _npl_with(book: LoanBook, table: pd.DataFrame) -> pd.DataFrame:
    """NPL balance by month end as recorded, and of notes that would be over 90 days past due without their renewal."""
    note, month = book.months["note"].to_numpy(), book.months["month"].to_numpy()
    balance = np.where(book.on_book, book.months["balance"].to_numpy(), 0.0)
    npl = book.on_book & (book_classes(book, None) >= SUBSTANDARD)
    size = book.last - book.first + 1

    def by_month(where: np.ndarray) -> np.ndarray:
        return np.bincount(month - book.first, balance * where, minlength=size)

    parts = {}
    for kind in ("refinanced", "undeclared"):
        part = table[table["kind"] == kind].set_index("note_id")["dpd_before"]
        before = book.notes["note_id"].map(part).to_numpy(dtype=float, na_value=np.nan)
        since = (days_at_month_end(month) - days_at_month_end(book.granted[note] - 1)).astype(np.int64)
        parts[kind] = by_month(~npl & (before[note] > 0) & (before[note] + since > 90))
    total, recorded = by_month(book.on_book), by_month(npl)
    return pd.DataFrame(
        {
            "month_end": month_ends(range(book.first, book.last + 1)),
            "balance": total,
            "npl_balance": recorded,
            "refinanced_balance": parts["refinanced"],
            "suspected_balance": parts["undeclared"],
            "ratio": ratio(recorded, total),
            "ratio_with_refinanced": ratio(recorded + parts["refinanced"], total),
            "ratio_with_suspected": ratio(recorded + parts["refinanced"] + parts["undeclared"], total),
        }
    )
