"""Migration between the classes in the supervisor's way, and what flowed into and out of the non-performing loans.

A migration rate asks of the loans that were in a class at the start: how much of what was not repaid has moved down.
The flow of non-performing loans adds up: opening + inflow - cured - repaid - written off - transferred = closing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_date
from creditlab.errors import InputError, message
from creditlab.loans.book import LoanBook, loan_book, month_ends
from creditlab.loans.classes import CLASSES, SPECIAL_MENTION, SUBSTANDARD
from creditlab.loans.classification import Classification
from creditlab.loans.ratios import book_classes
from creditlab.loans.shares import LEVEL, effective_n, ratio, share_limits
from creditlab.results import NotEstimable, Result, Stamp, digest

#: rate → the classes at the start, and the class from which on a loan has migrated
RATES = {
    "normal_loans": ((0, 1), SUBSTANDARD),
    "normal": ((0,), SPECIAL_MENTION),
    "special_mention": ((1,), SUBSTANDARD),
    "substandard": ((2,), SUBSTANDARD + 1),
    "doubtful": ((3,), SUBSTANDARD + 2),
}
RATE_LABELS = {
    "normal_loans": ("正常贷款迁徙率", "normal loans (normal and special mention) to non-performing"),
    "normal": ("正常类贷款迁徙率", "normal, moved down"),
    "special_mention": ("关注类贷款迁徙率", "special mention, moved down"),
    "substandard": ("次级类贷款迁徙率", "substandard, moved down"),
    "doubtful": ("可疑类贷款迁徙率", "doubtful, moved down"),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Migration(Result):
    """A row per rate: rate opening decrease moved estimate lo hi of_opening n n_eff reason; amounts in yuan.

    of_opening is what moved down over the whole opening balance, whatever was repaid meanwhile. `matrix` counts notes
    and balances from class to class, with what left the book and how.
    """

    title: ClassVar[str] = "Migration of classes 迁徙率"
    plots: ClassVar[str] = "loans"

    matrix: pd.DataFrame
    level: float


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NplFlow(Result):
    """A row per month end: opening, inflow, cured, repaid, written_off, transferred, closing of the NPL balance.

    Then opening_performing with performing_notes and performing_n_eff, opening_npl_notes and opening_n_eff, notes_in
    and inflow_n_eff; formation_rate (inflow over opening performing) and cure_rate (cured over opening), by balance
    with limits by the effective n; formation_by_count with its own.
    """

    title: ClassVar[str] = "Flow of non-performing loans 不良贷款变动"
    plots: ClassVar[str] = "loans"

    def yearly(self) -> pd.DataFrame:
        """The flows summed by calendar year; a note that cures and falls again counts each time."""
        table = self.table
        year = table["month_end"].dt.year
        sums = table.groupby(year)[list(_FLOWS)].sum()
        sums.insert(0, "opening", table.groupby(year)["opening"].first())
        sums["closing"] = table.groupby(year)["closing"].last()
        start = table.groupby(year)["opening_performing"].first()
        return sums.assign(formation_rate=ratio(sums["inflow"], start)).rename_axis("year").reset_index()


def migration_rate(moved: Any, opening: Any, decrease: Any = 0.0) -> float | NotEstimable:
    """The supervisor's migration rate: moved / (opening - decrease).

    `moved` is what was in the class at the start and is in a worse one at the end; `decrease` is what was in the class
    at the start and was repaid, disposed of or written off in the period.

    >>> migration_rate(500, 5000, 1000)
    0.125
    """
    left = float(opening) - float(decrease)
    if left < 0 or float(moved) < 0:
        raise InputError(
            message("amounts with decrease <= opening", f"{opening}, {decrease}", "migration_rate", "Correct them.")
        )
    return float(moved) / left if left > 0 else NotEstimable("nothing was left of the class 该类期初贷款已全部减少")


def migration(
    source: Any,
    start: Any = None,
    end: Any = None,
    *,
    classification: Classification | None = None,
    level: float = LEVEL,
) -> Migration:
    """The migration rates between two month ends.

    Parameters
    ----------
    source : a `County`, a mapping of frames, or a `LoanBook`.
    start, end : dates in the first and in the last month; the states are those of the two month ends. By default the
        end of the book, and twelve months before the end (or the beginning of the book).
    classification : the classes by a rule; None takes those recorded.
    level : level of the intervals (Jeffreys on the effective n).

    Raises
    ------
    InputError : dates that do not lie in the book in this order.

    Source: core indicators of risk supervision of commercial banks (商业银行风险监管核心指标), as worked in
    examination texts: the amount moved is the balance at the end of what was in the class at the start.
    """
    book = loan_book(source)
    last = book.last if end is None else _month_of(book, end, "end")
    first = max(last - 12, book.first) if start is None else _month_of(book, start, "start")
    if first >= last:
        days = " and ".join(str(d.date()) for d in month_ends([first, last]))
        raise InputError(message("a start before the end", days, "migration", "It takes two month ends."))
    classes = book_classes(book, classification)
    pairs = _pairs(book, classes, first, last)
    table = pd.DataFrame([_rate(pairs, name, *RATES[name], level) for name in RATES])
    return Migration(
        table=table,
        matrix=_matrix(pairs),
        level=level,
        stamp=Stamp(inputs=book.digest, spec=digest({"start": first, "end": last, "level": level})),
        facts={
            "start": str(month_ends([first])[0].date()),
            "end": str(month_ends([last])[0].date()),
            **{row.rate: row.estimate for row in table.itertuples()},
        },
    )


def _month_of(book: LoanBook, day: Any, where: str) -> int:
    moment = check_date(day, where)
    month = moment.year * 12 + moment.month - 1
    if not book.first <= month <= book.last:
        ends = month_ends([book.first, book.last])
        raise InputError(
            message(f"a date from {ends[0].date()} to {ends[1].date()}", str(moment.date()), where, "Choose another.")
        )
    return month


def _pairs(book: LoanBook, classes: np.ndarray, first: int, last: int) -> pd.DataFrame:
    """Notes on the book at the start: class and balance then, class and balance at the end, and how they left."""
    months = book.months
    month = months["month"].to_numpy()
    at = book.on_book & (month == first)
    start = pd.DataFrame(
        {"note": months["note"].to_numpy()[at], "from": classes[at], "balance": months["balance"].to_numpy()[at]}
    )
    then = month == last
    end = pd.DataFrame(
        {
            "note": months["note"].to_numpy()[then],
            "to": np.where(book.on_book[then], classes[then], -1),
            "balance_end": np.where(book.on_book[then], months["balance"].to_numpy()[then], 0.0),
        }
    )
    pairs = start.merge(end, on="note", how="left", validate="1:1")
    pairs["to"] = pairs["to"].fillna(-1).astype(int)
    pairs["balance_end"] = pairs["balance_end"].fillna(0.0)
    inside = (month > first) & (month <= last)
    pairs["exit"] = _exits(book, inside, pairs["note"].to_numpy(), pairs["to"].to_numpy())
    return pairs


def _exits(book: LoanBook, inside: np.ndarray, note: np.ndarray, to: np.ndarray) -> np.ndarray:
    """How a note that is not on the book at the end left it."""
    size = len(book.notes)
    rows = book.months["note"].to_numpy()[inside]
    off = np.bincount(rows, book.months["written_off"].to_numpy()[inside], minlength=size)[note] > 0
    sold = np.bincount(rows, book.months["transferred"].to_numpy()[inside], minlength=size)[note] > 0
    gone = to < 0
    return np.select([~gone, off, sold], ["", "written_off", "transferred"], "repaid")


def _rate(pairs: pd.DataFrame, name: str, start: tuple[int, ...], worse: int, level: float) -> dict[str, Any]:
    part = pairs[pairs["from"].isin(start)]
    # what is left of the opening balance is what stands at the end, never more than at the start
    kept = np.minimum(part["balance_end"], part["balance"])
    opening, decrease = part["balance"].sum(), part["balance"].sum() - kept.sum()
    moved = kept[part["to"] >= worse].sum()
    rate = migration_rate(moved, opening, decrease) if len(part) else NotEstimable("no loan in the class 该类无贷款")
    n_eff = float(effective_n(kept.sum(), (kept**2).sum()))
    lo, hi = share_limits(float(rate) * n_eff if rate or rate == 0.0 else 0.0, n_eff, level)
    return {
        "rate": name, "opening": opening, "decrease": decrease, "moved": moved, "estimate": float(rate),
        "lo": float(lo), "hi": float(hi), "of_opening": float(ratio(moved, opening)), "n": len(part), "n_eff": n_eff,
        "reason": rate.reason if isinstance(rate, NotEstimable) else "",
    }  # fmt: skip


def _matrix(pairs: pd.DataFrame) -> pd.DataFrame:
    names = np.array([*CLASSES, ""], dtype=object)
    to = np.where(pairs["to"] >= 0, names[pairs["to"]], pairs["exit"])
    frame = pd.DataFrame({"from": names[pairs["from"]], "to": to, "balance": pairs["balance"]})
    return frame.groupby(["from", "to"], as_index=False)["balance"].agg(notes="size", balance="sum")


# --- flow ----------------------------------------------------------------------------------------------------------

_FLOWS = ("inflow", "cured", "repaid", "written_off", "transferred")


def npl_flow(source: Any, *, classification: Classification | None = None, level: float = LEVEL) -> NplFlow:
    """What flowed into and out of the non-performing loans each month; the parts add up to the closing balance.

    inflow: newly non-performing, at their new balance, and growth of those that were; cured: classed up; repaid: paid
    back in part or whole; written_off and transferred: taken off the book in that month, at the balance before.
    """
    book = loan_book(source)
    npl = book.on_book & (book_classes(book, classification) >= SUBSTANDARD)
    flows = _flows(book, npl)
    lo, hi = share_limits(flows["notes_in"], flows["performing_notes"], level)
    table = flows.assign(
        formation_rate=ratio(flows["inflow"], flows["opening_performing"]),
        formation_by_count=ratio(flows["notes_in"], flows["performing_notes"]),
        formation_by_count_lo=lo,
        formation_by_count_hi=hi,
        cure_rate=ratio(flows["cured"], flows["opening"]),
    )
    for name, size in (("formation_rate", "performing_n_eff"), ("cure_rate", "opening_n_eff")):
        share = np.minimum(np.nan_to_num(table[name].to_numpy()), 1.0)
        table[f"{name}_lo"], table[f"{name}_hi"] = share_limits(share * table[size], table[size], level)
    return NplFlow(
        table=table,
        stamp=Stamp(inputs=book.digest, spec=digest({"level": level})),
        facts={name: float(table[name].sum()) for name in _FLOWS} | {"closing": float(table["closing"].iloc[-1])},
    )


def _flows(book: LoanBook, npl: np.ndarray) -> pd.DataFrame:
    months = book.months
    on = book.on_book
    size = book.last - book.first + 1
    month = months["month"].to_numpy() - book.first
    balance = np.where(on, months["balance"].to_numpy(), 0.0)
    held = np.where(npl, balance, 0.0)
    before, was_npl, was_on = _before(book, held, npl, on)
    change = held - before
    left_npl = was_npl & ~npl
    off, sold = months["written_off"].to_numpy(), months["transferred"].to_numpy()

    def by_month(weight: np.ndarray, where: np.ndarray) -> np.ndarray:
        return np.bincount(month[where], weight[where], minlength=size)

    gone = _gone(book, held)
    flows = {
        "inflow": by_month(change, npl & (change > 0)),
        "cured": by_month(before, left_npl & on),
        "repaid": by_month(-change, npl & (change < 0)) + by_month(before, left_npl & ~on & ~off & ~sold) + gone,
        "written_off": by_month(before, left_npl & ~on & off),
        "transferred": by_month(before, left_npl & ~on & ~off & sold),
    }
    closing = by_month(held, npl)
    performing = by_month(balance, on & ~npl)
    notes = by_month(np.ones(len(month)), on & ~npl)
    frame = pd.DataFrame({"month_end": month_ends(range(book.first, book.last + 1)), **flows})
    frame.insert(1, "opening", _earlier(closing))
    frame["closing"] = closing
    frame["opening_performing"] = _earlier(performing)
    frame["performing_notes"] = _earlier(notes).astype(int)
    frame["performing_n_eff"] = _earlier(effective_n(performing, by_month(balance**2, on & ~npl)))
    frame["opening_npl_notes"] = _earlier(by_month(np.ones(len(month)), npl)).astype(int)
    frame["opening_n_eff"] = _earlier(effective_n(closing, by_month(held**2, npl)))
    grown = npl & (change > 0)
    frame["inflow_n_eff"] = effective_n(flows["inflow"], by_month(change**2, grown))
    frame["notes_in"] = by_month(np.ones(len(month)), npl & ~was_npl & was_on).astype(int)
    # the first month has no month before it: what stands there is the opening
    first = frame.index[0]
    frame.loc[first, ["opening", *_FLOWS]] = [closing[0], 0.0, 0.0, 0.0, 0.0, 0.0]
    frame.loc[first, "inflow_n_eff"] = 0.0
    return frame


def _earlier(values: np.ndarray) -> np.ndarray:
    """The values of the month before; 0 for the first month."""
    return np.concatenate([[0.0], values[:-1]])


def _before(book: LoanBook, held: np.ndarray, npl: np.ndarray, on: np.ndarray) -> tuple[np.ndarray, ...]:
    """NPL balance and states of the same note in the month before; zero where the tape has none."""
    linked = np.zeros(len(held), dtype=bool)
    linked[1:] = book.follows[:-1]
    shifted = [np.concatenate([[0], values[:-1]]) for values in (held, npl, on)]
    return shifted[0] * linked, shifted[1].astype(bool) & linked, shifted[2].astype(bool) & linked


def _gone(book: LoanBook, held: np.ndarray) -> np.ndarray:
    """NPL balances of notes whose months end here although the book goes on: paid back in the month after."""
    month = book.months["month"].to_numpy()
    ends = ~book.follows & (month < book.last)
    size = book.last - book.first + 1
    return np.bincount(month[ends] - book.first + 1, held[ends], minlength=size)[:size]
