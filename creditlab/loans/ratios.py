"""NPL ratios side by side: by count of notes, by count of households, by balance, and by vintage.

The four answer different questions and are easily confused. The ratio by balance falls when loans are written off, sold
or newly granted; the vintage ratio does not. Every ratio carries n (or the effective n of a balance) and its interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_level
from creditlab.errors import InputError, message
from creditlab.loans.book import LoanBook, loan_book
from creditlab.loans.classes import SPECIAL_MENTION, SUBSTANDARD, UNKNOWN
from creditlab.loans.classification import Classification
from creditlab.loans.groups import cells, distinct, groups
from creditlab.loans.hits import first_hit
from creditlab.loans.rules import RULES
from creditlab.loans.shares import LEVEL, effective_n, ratio, share_limits
from creditlab.results import Result, Stamp, digest

VIEWS = ("by_count", "by_household", "by_balance", "by_vintage")
#: further shares of balances → the effective number behind each
MORE = {
    "overdue_share": "n_eff",
    "overdue_90_to_npl": "npl_n_eff",
    "special_mention_share": "n_eff",
    "with_add_back": "add_back_n_eff",
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NplRatios(Result):
    """A row per month end (and group): the ratios with n and interval, and what else the ratio hides.

    Columns: month_end group; notes npl_notes by_count; households npl_households by_household; balance npl_balance
    n_eff by_balance; vintage_n vintage_bad by_vintage; each ratio with _lo and _hi. Then, each with _lo and _hi too:
    overdue_share (balance overdue), overdue_90 (balance) and overdue_90_to_npl (with npl_n_eff; above 1 when notes over
    90 days are not classed non-performing, then without limits), special_mention_share, and the add-back:
    written_off_open, transferred_12m, with_add_back (NPL ratio by balance as if neither had left the book, with
    add_back_n and add_back_n_eff); and `reason`, why a ratio is missing.
    """

    title: ClassVar[str] = "NPL ratios 不良率"
    plots: ClassVar[str] = "loans"

    by: str | None
    level: float
    vintage_months: int

    def at(self, month_end: Any = None) -> pd.DataFrame:
        """The rows of one month end; the last one by default."""
        table = self.table
        day = table["month_end"].max() if month_end is None else pd.Timestamp(month_end) + pd.offsets.MonthEnd(0)
        return table[table["month_end"] == day].reset_index(drop=True)

    def side_by_side(self, month_end: Any = None) -> pd.DataFrame:
        """A row per group and view: group view n n_eff bad ratio lo hi."""
        rows = self.at(month_end)
        sizes = {
            "by_count": ("notes", "notes", "npl_notes"),
            "by_household": ("households", "households", "npl_households"),
            "by_balance": ("notes", "n_eff", "npl_notes"),
            "by_vintage": ("vintage_n", "vintage_n", "vintage_bad"),
        }
        parts = [
            pd.DataFrame(
                {"group": rows["group"], "view": view, "n": rows[n], "n_eff": rows[n_eff], "bad": rows[bad],
                 "ratio": rows[view], "lo": rows[f"{view}_lo"], "hi": rows[f"{view}_hi"]}
            )
            for view, (n, n_eff, bad) in sizes.items()
        ]  # fmt: skip
        return pd.concat(parts, ignore_index=True).sort_values(["group", "view"], ignore_index=True, kind="stable")


def npl_ratios(
    source: Any,
    by: str | None = None,
    *,
    classification: Classification | None = None,
    level: float = LEVEL,
    vintage_months: int = 18,
) -> NplRatios:
    """The NPL ratios of every month end, by count, household, balance and vintage.

    Parameters
    ----------
    source : a `County`, a mapping of frames, or a `LoanBook`.
    by : None, or what to break down by: a column of the notes such as 'village_id', 'product', 'channel', or 'cohort'.
    classification : the classes by a rule (see `classify`); None takes those that the bank recorded.
    level : level of the intervals. Jeffreys, with the effective n for balances.
    vintage_months : the vintage ratio at a month end is the share of the notes granted in the 12 months that end so
        many months earlier that were ever more than 90 days past due, or written off, within as many months.

    A written-off claim is added back as long as the tape shows it; a sold one for 12 months, at its last balance.

    Raises
    ------
    InputError : an unknown breakdown, a classification of another book.
    """
    book = loan_book(source)
    check_level(level)
    if not isinstance(vintage_months, int) or not 1 <= vintage_months <= 600:
        raise InputError(
            message("a number of months from 1 on", repr(vintage_months), "vintage_months", "18 is usual.")
        )
    classes = book_classes(book, classification)
    key, table = cells(book, by)
    sums = _Sums(key, len(table), book, classes)
    table = table.assign(**sums.counts(), **sums.households(), **sums.balances(), **sums.hidden())
    table = table.assign(**_vintage(book, by, table, vintage_months))
    table = _with_limits(table, level)
    spec = {"by": by, "level": level, "vintage_months": vintage_months, "classes": _stamp_of(classification)}
    last = table[table["month_end"] == table["month_end"].max()]
    facts = {} if by else {name: float(last[name].iloc[0]) for name in (*VIEWS, "n_eff", "with_add_back")}
    return NplRatios(
        table=table,
        by=by,
        level=level,
        vintage_months=vintage_months,
        stamp=Stamp(inputs=book.digest, spec=digest(spec)),
        facts={"month_end": str(last["month_end"].iloc[0].date()), "groups": last["group"].nunique(), **facts},
    )


def book_classes(book: LoanBook, classification: Classification | None) -> np.ndarray:
    """The class code of each row: by the classification, else as recorded (by the 2023 floors where it is unknown)."""
    if classification is not None:
        codes = classification.rows["class5"].to_numpy()
        if len(codes) != len(book.months):
            raise InputError(
                message(f"{len(book.months)} rows", f"{len(codes)}", "classification", "Classify this same book.")
            )
        return codes
    recorded = book.months["class5"].to_numpy()
    return np.where(recorded == UNKNOWN, RULES["2023"].floor(book.months["dpd"].to_numpy()), recorded)


def _stamp_of(classification: Classification | None) -> str:
    return "recorded" if classification is None else classification.stamp.spec


class _Sums:
    """Sums over the cells (month × group)."""

    def __init__(self, key: np.ndarray, size: int, book: LoanBook, classes: np.ndarray) -> None:
        self.book, self.size, self.all = book, size, key
        self.on = book.on_book
        self.key, self.classes = key[self.on], classes[self.on]
        self.balance = book.months["balance"].to_numpy()[self.on]
        self.npl = self.classes >= SUBSTANDARD

    def of(self, weight: np.ndarray | None = None, key: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(self.key if key is None else key, weight, minlength=self.size)

    def counts(self) -> dict[str, np.ndarray]:
        return {"notes": self.of(), "npl_notes": self.of(key=self.key[self.npl])}

    def households(self) -> dict[str, np.ndarray]:
        """Households (not notes) with an open note, and those with a non-performing one."""
        who = pd.factorize(self.book.notes["household_id"])[0][self.book.months["note"].to_numpy()[self.on]]
        known, base = who >= 0, int(who.max(initial=0)) + 1
        pair = self.key.astype(np.int64) * base + who
        every, bad = distinct(pair[known]), distinct(pair[known & self.npl])
        return {"households": self.of(key=every // base), "npl_households": self.of(key=bad // base)}

    def balances(self) -> dict[str, np.ndarray]:
        total, squares = self.of(self.balance), self.of(self.balance**2)
        return {
            "balance": total,
            "npl_balance": self.of(self.balance * self.npl),
            "n_eff": effective_n(total, squares),
            "npl_n_eff": effective_n(self.of(self.balance * self.npl), self.of(self.balance**2 * self.npl)),
        }

    def hidden(self) -> dict[str, np.ndarray]:
        """Overdue, special mention, and what left the book."""
        dpd = self.book.months["dpd"].to_numpy()[self.on]
        total = self.of(self.balance)
        over_90 = self.of(self.balance * (dpd > 90))
        npl = self.of(self.balance * self.npl)
        claims, buyers = self._left()
        off, sold = self.of(claims, self.all), self.of(buyers, self.all)
        squares = self.of(self.balance**2) + self.of(claims**2 + buyers**2, self.all)
        return {
            "overdue_share": ratio(self.of(self.balance * (dpd > 0)), total),
            "overdue_90": over_90,
            "overdue_90_to_npl": ratio(over_90, npl),
            "special_mention_share": ratio(self.of(self.balance * (self.classes == SPECIAL_MENTION)), total),
            "written_off_open": off,
            "transferred_12m": sold,
            "add_back_n": self.of() + self.of(key=self.all[(claims > 0) | (buyers > 0)]),
            "add_back_n_eff": effective_n(total + off + sold, squares),
            "with_add_back": ratio(npl + off + sold, total + off + sold),
        }

    def _left(self) -> tuple[np.ndarray, np.ndarray]:
        """Per row: a written-off claim still open; a balance sold within the last 12 months, at its last value."""
        months = self.book.months
        note, month = months["note"].to_numpy(), months["month"].to_numpy()
        off = months["written_off"].to_numpy()
        claim = np.where(off, months["written_off_balance"].to_numpy(), 0.0)
        sold, since, before = _sold(note, month, months["transferred"].to_numpy(), months["balance"].to_numpy())
        recent = sold & (since < 12) & ~off
        return claim, np.where(recent, before, 0.0)


def _sold(
    note: np.ndarray, month: np.ndarray, flag: np.ndarray, balance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sold rows, months since the sale, and the balance in the month before it."""
    first = flag.copy()
    first[1:] &= ~(flag[:-1] & (note[1:] == note[:-1]))
    start = np.maximum.accumulate(np.where(first, np.arange(len(flag)), 0))
    before = np.maximum(start - 1, 0)
    known = (note[before] == note[start]) & (before < start)
    return flag, month - month[start], np.where(known, balance[before], 0.0)


def _vintage(book: LoanBook, by: str | None, table: pd.DataFrame, months: int) -> dict[str, np.ndarray]:
    """Notes granted in the 12 months that end `months` before, and those ever over 90 days past due within them."""
    place, names = groups(book, by)
    age = first_hit(book, over=90) - book.granted
    bad = (age >= 0) & (age <= months)
    # a note granted before the tape begins is on it only if it lived to see the first month
    seen = book.granted >= book.first
    size = book.last - book.first + 1
    start = (book.granted - book.first)[seen]
    key = start * len(names) + place[seen]
    shape = (size, len(names))
    notes = np.bincount(key, minlength=size * len(names)).reshape(shape)
    bads = np.bincount(key, bad[seen], minlength=size * len(names)).reshape(shape)
    return {
        "vintage_n": _rolled(notes, months).reshape(-1).astype(int),
        "vintage_bad": _rolled(bads, months).reshape(-1).astype(int),
    }


def _rolled(grants: np.ndarray, months: int) -> np.ndarray:
    """Sums over the 12 grant months that end `months` earlier; 0 where they do not all lie in the tape."""
    total = np.vstack([np.zeros((1, grants.shape[1])), np.cumsum(grants, axis=0)])
    rolled = np.zeros(grants.shape)
    for t in range(months + 11, len(grants)):
        rolled[t] = total[t - months + 1] - total[t - months - 11]
    return rolled


def _with_limits(table: pd.DataFrame, level: float) -> pd.DataFrame:
    sizes = {
        "by_count": (table["npl_notes"], table["notes"]),
        "by_household": (table["npl_households"], table["households"]),
        "by_balance": (ratio(table["npl_balance"], table["balance"]) * table["n_eff"], table["n_eff"]),
        "by_vintage": (table["vintage_bad"], table["vintage_n"]),
    }
    for view, (bad, n) in sizes.items():
        lo, hi = share_limits(bad, n, level)
        table[view], table[f"{view}_lo"], table[f"{view}_hi"] = ratio(bad, n), lo, hi
    for view, size in MORE.items():
        value, n = table[view].to_numpy(), table[size].to_numpy(dtype=float)
        lo, hi = share_limits(np.nan_to_num(value) * n, np.where(value <= 1, n, 0.0), level)
        table[f"{view}_lo"], table[f"{view}_hi"] = lo, hi
    table["reason"] = np.select(
        [table["notes"] == 0, table["vintage_n"] == 0],
        [
            "台账上没有借据 no note on the book",
            "账龄口径：没有自发放起可见的该账龄借据 vintage: no note of that age is on the tape from its grant on",
        ],
        "",
    )
    first = ["month_end", "group", "notes", "npl_notes", *_triple("by_count"), "households", "npl_households",
             *_triple("by_household"), "balance", "npl_balance", "n_eff", *_triple("by_balance"), "vintage_n",
             "vintage_bad", *_triple("by_vintage")]  # fmt: skip
    return table[[*first, *(c for c in table.columns if c not in first)]]


def _triple(view: str) -> list[str]:
    return [view, f"{view}_lo", f"{view}_hi"]
