"""Transition matrices and roll rates from month to month, for the bank and for any breakdown, with intervals.

States are days past due in buckets, or the five classes, and how a note leaves: paid, written off, sold. Counts come
from pairs of consecutive month ends of the same note; pairs further apart are counted beside and belong to the
generator (see `generator`). A village's own matrix is mostly noise: `shrink` draws it to the bank's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_level, check_one_of
from creditlab.errors import InputError, message
from creditlab.loans.book import LoanBook, loan_book
from creditlab.loans.classes import CLASSES
from creditlab.loans.classification import Classification
from creditlab.loans.groups import ALL, groups
from creditlab.loans.ratios import book_classes
from creditlab.loans.shares import LEVEL, effective_n, ratio, share_limits
from creditlab.results import Result, Stamp, digest

BUCKETS = (0, 30, 60, 90, 180)
EXITS = ("paid", "written_off", "transferred")
EXIT_LABELS = {"paid": ("结清", "paid"), "written_off": ("核销", "written off"), "transferred": ("转让", "sold")}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Transitions(Result):
    """A row per group, state and next state: group from to n total estimate lo hi balance balance_share.

    `n` counts pairs of months, `total` those that start in the state; `balance` is the balance at the start in yuan.
    `irregular` has the pairs any number of months apart: months from to n, with a breakdown group too.
    """

    title: ClassVar[str] = "Transitions 状态转移"
    plots: ClassVar[str] = "loans"

    states: tuple[str, ...]
    by: str | None
    level: float
    irregular: pd.DataFrame

    def counts(self, group: str = ALL) -> pd.DataFrame:
        """The counts of one group as a square frame, states in rows and next states in columns."""
        return self._square("n", group).fillna(0).astype(int)

    def matrix(self, group: str = ALL) -> pd.DataFrame:
        """The transition probabilities of one group; a row never seen, and an exit, stays where it is."""
        shares = self._square("estimate", group)
        for place, state in enumerate(self.states):
            if shares.iloc[place].isna().any():
                shares.loc[state] = np.eye(len(self.states))[place]
        return shares

    def by_group(self) -> np.ndarray | None:
        """The counts of every group of a breakdown: (groups, states, states); None without one."""
        if self.by is None:
            return None
        inner, size = len(self.states) - len(EXITS), len(self.states)
        table = self.table
        cells = table.loc[table["group"] != ALL, "n"].to_numpy(dtype=float).reshape(-1, inner, size)
        return np.concatenate([cells, np.zeros((len(cells), len(EXITS), size))], axis=1)

    def _square(self, column: str, group: str) -> pd.DataFrame:
        table = self.table
        check_one_of(group, tuple(pd.unique(table["group"])), "group")
        part = table[table["group"] == group].pivot(index="from", columns="to", values=column)
        return part.reindex(index=list(self.states), columns=list(self.states)).rename_axis(index=None, columns=None)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RollRates(Result):
    """A row per group and state: worse, same, better, cured and paid as shares of the notes in the state, with n.

    cured: to the first state; better includes cured and paid; each with _lo and _hi, and worse_balance by balance.
    """

    title: ClassVar[str] = "Roll rates 滚动率"
    plots: ClassVar[str] = "loans"

    states: tuple[str, ...]


def bucket_names(buckets: Sequence[int] = BUCKETS) -> tuple[str, ...]:
    """The states of days past due.

    >>> bucket_names((0, 30, 90))
    ('0', '1-30', '31-90', '90+')
    """
    edges = list(buckets)
    if edges[:1] != [0] or any(b <= a for a, b in zip(edges, edges[1:], strict=False)):
        raise InputError(
            message("buckets that rise from 0", f"{tuple(buckets)}", "buckets", "(0, 30, 60, 90) is usual.")
        )
    middle = [f"{a + 1}-{b}" for a, b in zip(edges, edges[1:], strict=False)]
    return ("0", *middle, f"{edges[-1]}+")


def transitions(
    source: Any,
    by: str | None = None,
    *,
    states: str | Sequence[int] = BUCKETS,
    classification: Classification | None = None,
    start: Any = None,
    end: Any = None,
    level: float = LEVEL,
) -> Transitions:
    """How often a note moves from each state to each other within a month.

    Parameters
    ----------
    source : a `County`, a mapping of frames, or a `LoanBook`.
    by : None, or what to break down by: 'product', 'channel', 'village_id', 'cohort_year' and other columns of notes.
    states : days past due above which each next bucket begins, or 'class5' for the five classes.
    classification : with 'class5' the classes by a rule; None takes those recorded.
    start, end : month ends between which both months of a pair lie.
    level : level of the intervals (Jeffreys, each cell against the rest of its row).

    Raises
    ------
    InputError : an unknown breakdown or buckets that do not rise.
    """
    book = loan_book(source)
    check_level(level)
    names, code = book_states(book, states, classification)
    pairs = _pairs(book, code, len(names), start, end)
    place, group_names = groups(book, by)
    if by is not None:
        group_names = [ALL, *group_names]
    table = _table(book, pairs, place, group_names, names, by is not None, level)
    return Transitions(
        table=table,
        states=names,
        by=by,
        level=level,
        irregular=_irregular(book, code, names, place if by is not None else None, group_names),
        stamp=Stamp(inputs=book.digest, spec=digest({"by": by, "states": list(names), "level": level})),
        facts={
            "pairs": len(pairs["from"]),
            "groups": len(group_names),
            "irregular pairs": int(_gaps(book).sum()),
            "states": len(names),
        },
    )


def book_states(
    book: LoanBook, states: str | Sequence[int], classification: Classification | None = None
) -> tuple[tuple[str, ...], np.ndarray]:
    """The names of the states, exits last, and the state of each row."""
    off, sold = book.months["written_off"].to_numpy(), book.months["transferred"].to_numpy()
    if isinstance(states, str):
        check_one_of(states, ("class5",), "states")
        inner: tuple[str, ...] = CLASSES
        code = book_classes(book, classification).astype(np.int64)
    else:
        inner = bucket_names(states)
        code = np.searchsorted(np.asarray(states), book.months["dpd"].to_numpy(), side="left")
    names = (*inner, *EXITS)
    code = np.select([off, sold, ~book.on_book], [len(inner) + 1, len(inner) + 2, len(inner)], code)
    return names, code.astype(np.int64)


def _pairs(book: LoanBook, code: np.ndarray, size: int, start: Any, end: Any) -> dict[str, np.ndarray]:
    """Row, state and next state of every pair of consecutive months that starts on the book.

    A note whose months end before the book does was paid in the month after.
    """
    month = book.months["month"].to_numpy()
    lowest = book.first if start is None else _number(start)
    highest = book.last if end is None else _number(end)
    inside = book.on_book & (month >= lowest) & (month < highest)
    stays = np.flatnonzero(inside & book.follows)
    note = book.months["note"].to_numpy()
    ends = np.append(note[1:] != note[:-1], True)
    leaves = np.flatnonzero(inside & ends & (month < book.last))
    row = np.concatenate([stays, leaves])
    paid = np.full(len(leaves), size - len(EXITS))
    return {"row": row, "from": code[row], "to": np.concatenate([code[stays + 1], paid])}


def _number(day: Any) -> int:
    moment = pd.Timestamp(day)
    return moment.year * 12 + moment.month - 1


def _gaps(book: LoanBook) -> np.ndarray:
    """Rows whose next row is the same note more than a month later."""
    note, month = book.months["note"].to_numpy(), book.months["month"].to_numpy()
    gap = np.zeros(len(note), dtype=bool)
    gap[:-1] = (note[1:] == note[:-1]) & (month[1:] > month[:-1] + 1)
    return gap & book.on_book


def _irregular(
    book: LoanBook, code: np.ndarray, names: tuple[str, ...], place: np.ndarray | None, group_names: list[str]
) -> pd.DataFrame:
    """Counts by months between two sightings of a note: months from to n, with a breakdown group too."""
    note, month = book.months["note"].to_numpy(), book.months["month"].to_numpy()
    row = np.flatnonzero(_gaps(book) | (book.follows & book.on_book))
    leaves = np.flatnonzero(book.on_book & np.append(note[1:] != note[:-1], True) & (month < book.last))
    size = len(names)
    stays = ((month[row + 1] - month[row]) * size + code[row]) * size + code[row + 1]
    paid = (size + code[leaves]) * size + size - len(EXITS)
    gap = np.concatenate([stays, paid])
    of = 0 if place is None else place[note[np.concatenate([row, leaves])]]
    wide = int(gap.max(initial=0)) + 1
    key, n = np.unique(of * wide + gap, return_counts=True)
    group, key = key // wide, key % wide
    label = np.array(names, dtype=object)
    frame = {"months": key // size**2, "from": label[key // size % size], "to": label[key % size], "n": n}
    if place is None:
        return pd.DataFrame(frame)
    return pd.DataFrame({"group": np.array(group_names[1:], dtype=object)[group], **frame})


def _table(
    book: LoanBook,
    pairs: dict[str, np.ndarray],
    place: np.ndarray,
    group_names: list[str],
    names: tuple[str, ...],
    grouped: bool,
    level: float,
) -> pd.DataFrame:
    size = len(names)
    balance = book.months["balance"].to_numpy()[pairs["row"]]
    group = place[book.months["note"].to_numpy()[pairs["row"]]] if grouped else np.zeros(len(balance), dtype=np.int64)
    key = (group * size + pairs["from"]) * size + pairs["to"]
    cells = (len(group_names) - grouped) * size * size
    cubes = [np.bincount(key, w, minlength=cells).reshape(-1, size, size) for w in (None, balance, balance**2)]
    if grouped:  # the bank as a whole comes first
        cubes = [np.concatenate([c.sum(axis=0, keepdims=True), c]) for c in cubes]
    n, amount, squares = cubes
    total = n.sum(axis=2, keepdims=True) + np.zeros_like(n)
    lo, hi = share_limits(n, total, level)
    sums = amount.sum(axis=2, keepdims=True)
    inner = size - len(EXITS)
    index = pd.MultiIndex.from_product([group_names, names, names], names=["group", "from", "to"])
    frame = pd.DataFrame(
        {
            "n": n.reshape(-1).astype(int),
            "total": total.reshape(-1).astype(int),
            "estimate": ratio(n, total).reshape(-1),
            "lo": lo.reshape(-1),
            "hi": hi.reshape(-1),
            "balance": amount.reshape(-1),
            "balance_share": ratio(amount, sums + np.zeros_like(amount)).reshape(-1),
            "n_eff": (effective_n(sums, squares.sum(axis=2, keepdims=True)) + np.zeros_like(amount)).reshape(-1),
        },
        index=index,
    ).reset_index()
    return frame[frame["from"].isin(names[:inner])].reset_index(drop=True)


def roll_rates(result: Transitions) -> RollRates:
    """Which share of the notes in each state is worse, the same, or better a month later.

    Raises
    ------
    InputError : for anything but a `Transitions`.
    """
    if not isinstance(result, Transitions):
        raise InputError(message("a Transitions", type(result).__name__, "roll_rates", "Call transitions(...) first."))
    table = result.tidy()
    inner = len(result.states) - len(EXITS)
    rank = {name: place for place, name in enumerate(result.states[:inner])}
    rank |= {"paid": -1, "written_off": inner, "transferred": inner}
    step = table["to"].map(rank) - table["from"].map(rank)
    way = {
        "worse": step > 0,
        "same": step == 0,
        "better": step < 0,
        "cured": (table["to"] == result.states[0]) & (step < 0),
        "paid": table["to"] == "paid",
    }
    keys = ["group", "from"]
    base = table.groupby(keys, sort=False).agg(n=("total", "first"), balance=("balance", "sum")).reset_index()
    for name, where in way.items():
        count = table["n"].where(where, 0).groupby([table["group"], table["from"]], sort=False).sum().to_numpy()
        lo, hi = share_limits(count, base["n"], result.level)
        base[f"{name}_n"], base[name], base[f"{name}_lo"], base[f"{name}_hi"] = count, ratio(count, base["n"]), lo, hi
    worse = table["balance"].where(way["worse"], 0.0).groupby([table["group"], table["from"]], sort=False).sum()
    base["worse_balance"] = ratio(worse.to_numpy(), base["balance"])
    return RollRates(
        table=base,
        states=result.states[:inner],
        stamp=Stamp(inputs=result.stamp.inputs, spec=digest({"of": result.stamp.spec})),
        facts={"groups": base["group"].nunique(), "pairs": int(result.facts["pairs"])},
    )
