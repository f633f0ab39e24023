"""Vintage curves: of the notes granted in one period, how many have gone bad by which age.

A vintage compares loans of the same age, so that growth, write-offs and sales cannot flatter it. The age counts from
the grant or, for loans repaid once at harvest, from the due date. A cohort counts at an age only when all of its notes
could be seen to that age; beside it stands the product-limit estimate, which uses the younger notes too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_level, check_one_of
from creditlab.errors import InputError, message
from creditlab.loans.book import LoanBook, loan_book
from creditlab.loans.groups import COHORTS, groups
from creditlab.loans.hits import NEVER, WHAT, first_hit
from creditlab.loans.shares import LEVEL, effective_n, ratio, share_limits
from creditlab.results import Result, Stamp, digest

CLOCKS = ("grant", "due")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Vintages(Result):
    """A row per group, cohort and age in months: group cohort age n n_seen bad estimate lo hi product_limit amount
    bad_amount by_amount n_eff reason.

    `n` is the size of the cohort, `n_seen` how many of it could be seen to the age; `estimate` is given only where the
    two agree. Ages by due date may be negative.
    """

    title: ClassVar[str] = "Vintages 账龄（Vintage）"
    plots: ClassVar[str] = "loans"

    clock: str
    over: int
    level: float

    def at(self, age: int) -> pd.DataFrame:
        """The cohorts at one age: a row per group and cohort."""
        return self.table[self.table["age"] == age].reset_index(drop=True)


def vintage_curves(
    source: Any,
    by: str | None = None,
    *,
    cohort: str = "cohort",
    clock: str = "grant",
    over: int = 90,
    of: str = "principal or interest",
    longest: int = 36,
    level: float = LEVEL,
) -> Vintages:
    """The share of each cohort that was ever more than `over` days past due (or written off) by each age.

    Parameters
    ----------
    source : a `County`, a mapping of frames, or a `LoanBook`.
    by : None, or what to break down by within the cohorts: 'product', 'channel', 'village_id', 'plan', …
    cohort : 'cohort' (quarter of the grant), 'cohort_year' or 'cohort_month'.
    clock : 'grant' counts months since the grant, 'due' months since the note fell due.
    over, of : days past due that must be exceeded, of 'principal or interest', 'principal' or 'interest'.
    longest : the last age, in months.
    level : level of the intervals (Jeffreys).

    Notes granted before the tape begins are left out: those among them that had ended cannot be seen.

    Raises
    ------
    InputError : a setting that is not among those allowed.
    """
    book = loan_book(source)
    check_level(level)
    check_one_of(cohort, tuple(COHORTS), "cohort")
    check_one_of(clock, CLOCKS, "clock")
    check_one_of(of, WHAT, "of")
    if not isinstance(longest, int) or not 1 <= longest <= 600:
        raise InputError(message("a number of months from 1 on", repr(longest), "longest", "36 is usual."))
    ages, notes = _ages(book, clock, over, of, longest)
    cohorts, cohort_names = groups(book, cohort)
    place, names = groups(book, by)
    kept = notes["kept"].to_numpy()
    cell = (place * len(cohort_names) + cohorts)[kept]
    table = _curves(notes[kept], cell, len(names) * len(cohort_names), ages, level)
    index = pd.MultiIndex.from_product([names, cohort_names, ages], names=["group", "cohort", "age"])
    table.index = index
    table = table[table["n"] > 0].reset_index()
    return Vintages(
        table=table,
        clock=clock,
        over=over,
        level=level,
        stamp=Stamp(
            inputs=book.digest,
            spec=digest({"by": by, "cohort": cohort, "clock": clock, "over": over, "of": of, "longest": longest}),
        ),
        facts={
            "notes": int(kept.sum()),
            "granted before the tape": int((~kept).sum()),
            "bad": int((notes["age"][kept] <= ages[-1]).sum()),
            "cohorts": int(table["cohort"].nunique()),
        },
    )


def _ages(book: LoanBook, clock: str, over: int, of: str, longest: int) -> tuple[np.ndarray, pd.DataFrame]:
    """The ages, and per note: its age at the event and at the end of the tape, its amount, whether it is used."""
    zero = book.granted if clock == "grant" else book.due
    hit = first_hit(book, over=over, of=of)
    event = np.where(hit < NEVER, hit - zero, NEVER)
    known = (book.granted >= book.first) & (book.granted <= book.last) & (zero > 0)
    start = 0 if clock == "grant" else int(max(-longest, (book.granted - zero)[known].min(initial=0)))
    frame = pd.DataFrame(
        {
            "age": np.maximum(event, start),
            "seen": book.last - zero,
            "amount": book.notes["amount"].fillna(0.0).to_numpy(),
            "kept": known,
        }
    )
    return np.arange(start, longest + 1), frame


def _curves(notes: pd.DataFrame, cell: np.ndarray, cells: int, ages: np.ndarray, level: float) -> pd.DataFrame:
    """A row per cell and age, in the order of both."""
    low, width = ages[0], len(ages)
    amount = notes["amount"].to_numpy()
    seen = np.clip(notes["seen"].to_numpy() - low, -1, width - 1)
    hit = notes["age"].to_numpy() - low
    event = hit < width

    def upward(weight: np.ndarray | None, place: np.ndarray, where: np.ndarray) -> np.ndarray:
        """Cumulated over the ages: how many notes have their place at or below each age."""
        chosen = None if weight is None else weight[where]
        grid = np.bincount(cell[where] * width + place[where], chosen, minlength=cells * width)
        return np.cumsum(grid.reshape(cells, width), axis=1)

    every = np.bincount(cell, minlength=cells).astype(float)[:, None]
    total = np.bincount(cell, amount, minlength=cells)[:, None]
    squares = np.bincount(cell, amount**2, minlength=cells)[:, None]
    observed = seen >= 0
    ended = upward(None, np.maximum(seen, 0), observed)
    n_seen = np.bincount(cell, observed, minlength=cells)[:, None] - np.concatenate(
        [np.zeros((cells, 1)), ended[:, :-1]], axis=1
    )
    bad = upward(None, hit, event)
    bad_amount = upward(amount, hit, event)
    whole = n_seen >= every
    rate = np.where(whole, ratio(bad, every + np.zeros_like(bad)), np.nan)
    lo, hi = share_limits(bad, every + np.zeros_like(bad), level)
    frame = pd.DataFrame(
        {
            "n": (every + np.zeros_like(bad)).reshape(-1).astype(int),
            "n_seen": n_seen.reshape(-1).astype(int),
            "bad": bad.reshape(-1).astype(int),
            "estimate": rate.reshape(-1),
            "lo": np.where(whole, lo, np.nan).reshape(-1),
            "hi": np.where(whole, hi, np.nan).reshape(-1),
            "product_limit": np.where(n_seen > 0, _product_limit(cell, cells, hit, seen, width), np.nan).reshape(-1),
            "amount": (total + np.zeros_like(bad)).reshape(-1),
            "bad_amount": bad_amount.reshape(-1),
            "by_amount": np.where(whole, ratio(bad_amount, total + np.zeros_like(bad)), np.nan).reshape(-1),
            "n_eff": (effective_n(total, squares) + np.zeros_like(bad)).reshape(-1),
        }
    )
    frame["reason"] = np.where(
        frame["estimate"].isna(), "该批部分借据尚未到此账龄 some notes of the cohort are younger than this age", ""
    )
    return frame


def _product_limit(cell: np.ndarray, cells: int, hit: np.ndarray, seen: np.ndarray, width: int) -> np.ndarray:
    """1 - Π(1 - bad at the age / still good and seen at the age): Kaplan and Meier, JASA 53 (1958) 457-481."""
    observed = seen >= 0
    happened = hit <= seen
    leaves = np.where(happened, np.minimum(hit, width - 1), np.minimum(seen, width - 1))
    shape = (cells, width)
    d = np.bincount(cell[happened] * width + leaves[happened], minlength=cells * width).reshape(shape)
    out = np.bincount(cell[observed] * width + leaves[observed], minlength=cells * width).reshape(shape)
    at_risk = out[:, ::-1].cumsum(axis=1)[:, ::-1]
    hazard = np.divide(d, at_risk, out=np.zeros(shape), where=at_risk > 0)
    return 1 - np.cumprod(1 - hazard, axis=1)
