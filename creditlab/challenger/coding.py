"""How raw columns become the numbers that trees split: one coding per column, kept with the model.

Numbers, flags and dates stay what they are. Text levels become integers in the order of their shrunken bad rates, so
that no explainer meets native categories; levels whose rates do not differ beyond chance keep codes of their own (they
may act together with another column), and no direction is imposed on them. A level never seen, or too thin to fill a
leaf, is missing. Where no training row was missing the trees have learned nothing of it (LightGBM would read 0, which
may be the best or the worst value): a missing value is then read as the middle one. A special code is missing in its
column, and a companion column says which code it was (0 for a value), so that reasons stay apart. A column of bin
numbers is coded in the same way: ranges in their order, groups of levels in that of their bad rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from creditlab.binning.values import form_of, read_levels, read_numbers
from creditlab.errors import InputError, message

#: an infinity becomes this: beyond every threshold, and finite
FAR = 1e300
#: forms of bin numbers: ordered ranges, groups of levels
BINNED = ("ranges", "groups")


@dataclass(frozen=True)
class Coding:
    """The coding of one column.

    Parameters
    ----------
    name : the column. form : number, flag, date or text; ranges or groups for the numbers of bins.
    levels : text levels (or bins) with their codes. special : special codes with the companion's value, NaN-free.
    ordered : whether the rates of text levels differ beyond chance, so that a direction may be imposed on their order.
    middle : what a missing value is read as, where no training row was missing; None where some were.
    """

    name: str
    form: str
    levels: tuple[tuple[str, int], ...] = ()
    special: tuple[tuple[float, int], ...] = ()
    middle: float | None = None
    ordered: bool = True

    @property
    def width(self) -> int:
        """Design columns that this column takes."""
        return 2 if self.special else 1

    def design(self, values: pd.Series) -> np.ndarray:
        """(n, width) floats, NaN where missing."""
        columns = self._read(values)
        if self.middle is not None:
            main, lost = columns[:, 0], np.isnan(columns[:, 0])
            if self.width == 2:  # a special code is not lost: its companion tells it
                lost &= ~(columns[:, 1] > 0)
                columns[lost, 1] = 0.0
            main[lost] = self.middle
        return columns

    def _read(self, values: pd.Series) -> np.ndarray:
        if self.form == "text":
            return _level_codes(values, self.levels)[:, None]
        if self.form in BINNED:
            return self._of_bins(values.to_numpy())
        x = np.clip(read_numbers(values, self.form), -FAR, FAR)
        if not self.special:
            return x[:, None]
        main, companion = x.copy(), np.where(np.isnan(x), np.nan, 0.0)
        for code, place in self.special:
            main[x == code] = np.nan
            companion[x == code] = place
        return np.column_stack([main, companion])

    def with_middle(self, values: pd.Series, weight: np.ndarray) -> Coding:
        """The coding with its middle value, taken from the training rows."""
        columns = self._read(values)
        lost = np.isnan(columns[:, 0])
        if self.width == 2:
            lost &= ~(columns[:, 1] > 0)
        if lost.any():
            return self
        x, w = columns[~np.isnan(columns[:, 0]), 0], weight[~np.isnan(columns[:, 0])]
        if not len(x):
            return self
        order = np.argsort(x, kind="stable")
        place = int(np.searchsorted(np.cumsum(w[order]), w.sum() / 2))
        return replace(self, middle=float(x[order[min(place, len(x) - 1)]]))

    def _of_bins(self, codes: np.ndarray) -> np.ndarray:
        size = 1 + max(
            [int(codes.max(initial=0)), *(int(b) for b, _ in self.levels), *(int(b) for b, _ in self.special)]
        )
        main = np.full(size, np.nan)
        for number, code in self.levels:
            main[int(number)] = code
        if not self.special:
            return main[codes][:, None]
        companion = np.where(np.isnan(main), np.nan, 0.0)
        for bin_number, place in self.special:
            companion[int(bin_number)] = place
        return np.column_stack([main[codes], companion[codes]])

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "form": self.form,
            "levels": [list(v) for v in self.levels],
            "special": [list(v) for v in self.special],
            "middle": self.middle,
            "ordered": self.ordered,
        }

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> Coding:
        levels = tuple((str(level), int(code)) for level, code in d["levels"])
        special = tuple((float(code), int(place)) for code, place in d["special"])
        return cls(d["name"], d["form"], levels, special, d.get("middle"), d.get("ordered", True))


def fit_coding(
    values: pd.Series, bad: np.ndarray, weight: np.ndarray, special: Sequence[tuple[Any, str]] = (), least: float = 0.0
) -> Coding:
    """The coding of a column. Special codes that do not occur, and text levels lighter than `least`, are missing."""
    form, name = form_of(values), str(values.name)
    if form == "text":
        levels = read_levels(values)
        there = levels.codes >= 0
        heavy = np.bincount(levels.codes[there], weights=weight[there], minlength=len(levels.names)) >= least
        place = np.append(np.where(heavy, np.cumsum(heavy) - 1, -1), -1)
        names = [level for level, kept in zip(levels.names, heavy, strict=True) if kept]
        order, ordered = _level_order(*_counted(place[levels.codes], len(names), bad, weight))
        return Coding(name, form, levels=tuple(zip(names, order.tolist(), strict=True)), ordered=ordered)
    x = read_numbers(values, form)
    found = [code for code in _numbers(special, name) if (x == code).any()]
    if not found:
        return Coding(name, form)
    place = np.full(len(x), -1)
    for k, code in enumerate(found):
        place[x == code] = k
    order = rate_order(place, len(found), bad, weight) + 1
    return Coding(name, form, special=tuple(zip(found, order.tolist(), strict=True)))


def bin_coding(table: Any) -> Coding:
    """The coding of a characteristic by its bins: missing and unseen ones are missing, each special code its own."""
    spec, counts = table.spec, table.tidy()
    n, bads = counts["n"].to_numpy(dtype=float), counts["bads"].to_numpy(dtype=float)
    regular, special = np.arange(spec.regular), np.arange(spec.regular, spec.missing)
    rank, ordered = (regular, True) if spec.kind == "numeric" else _level_order(n[regular], bads[regular])
    places = order_of_rates(n[special], bads[special]) + 1 if len(special) else np.empty(0, dtype=np.int64)
    return Coding(
        spec.name,
        BINNED[0] if spec.kind == "numeric" else BINNED[1],
        levels=tuple((str(b), int(r)) for b, r in zip(regular, rank, strict=True)),
        special=tuple((float(b), int(r)) for b, r in zip(special, places, strict=True)),
        ordered=ordered,
    )


def nearest_bins(table: Any, codes: pd.Series, woe: pd.Series) -> np.ndarray:
    """The bin numbers of rows, or where their WOE was taken from groups found without them, the bin nearest to it."""
    given = codes.to_numpy()
    moved = np.abs(woe.to_numpy(dtype=float) - table.woe[given]) > 1e-12
    if not moved.any():
        return given
    regular = table.woe[: table.spec.regular]
    nearest = np.abs(woe.to_numpy(dtype=float)[moved][:, None] - regular[None, :]).argmin(axis=1)
    found = given.copy()
    found[moved] = nearest
    return found


def rate_order(codes: np.ndarray, size: int, bad: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The rank of each level by shrunken bad rate, equal rates sharing a rank; codes below 0 are no level.

    Rates are drawn towards the mean by a beta-binomial prior whose strength comes from the spread of the rates beyond
    chance (method of moments): a level of three rows is not called the worst.

    >>> rate_order(np.repeat([0, 1, 2], 100), 3, np.tile([0] * 90 + [1] * 10, 3), np.ones(300)).tolist()
    [0, 0, 0]
    """
    return order_of_rates(*_counted(codes, size, bad, weight))


def _counted(codes: np.ndarray, size: int, bad: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and bads of each level."""
    there = codes >= 0
    n = np.bincount(codes[there], weights=weight[there], minlength=size)
    return n, np.bincount(codes[there], weights=(weight * bad)[there], minlength=size)


def _level_order(n: np.ndarray, bads: np.ndarray) -> tuple[np.ndarray, bool]:
    """Codes of text levels, and whether their rates differ beyond chance (chi-square at 5 %).

    If not even their spread is beyond chance, each level keeps a code of its own.
    """
    order, rate = order_of_rates(n, bads), np.divide(bads, n, out=np.zeros(len(n)), where=n > 0)
    if len(n) < 2:
        return order, True
    mean = bads.sum() / n.sum()
    statistic = float(n @ (rate - mean) ** 2) / max(mean * (1 - mean), 1e-12)
    ordered = bool(statistic > chi2.ppf(0.95, len(n) - 1))
    if order.max() > 0:
        return order, ordered
    ranks = np.empty(len(n), dtype=np.int64)
    ranks[np.argsort(rate, kind="stable")] = np.arange(len(n))
    return ranks, False


def order_of_rates(n: np.ndarray, bads: np.ndarray) -> np.ndarray:
    """As `rate_order`, from the rows and bads of each level."""
    size = len(n)
    mean = bads.sum() / max(n.sum(), 1.0)
    rate = np.divide(bads, n, out=np.full(size, mean), where=n > 0)
    excess = float(n @ (rate - mean) ** 2) - (size - 1) * mean * (1 - mean)
    spread = excess / max(n.sum() - (n @ n) / max(n.sum(), 1.0), 1e-12)
    if spread <= 0:
        return np.zeros(size, dtype=np.int64)
    strength = mean * (1 - mean) / spread
    shrunken = np.round((bads + strength * mean) / (n + strength), 12)
    return np.unique(shrunken, return_inverse=True)[1].astype(np.int64)


def design_matrix(codings: Sequence[Coding], frame: pd.DataFrame) -> np.ndarray:
    """(n, m) floats of all columns side by side."""
    return np.column_stack([coding.design(frame[coding.name]) for coding in codings])


def owners(codings: Sequence[Coding]) -> np.ndarray:
    """The column number that each design column belongs to."""
    return np.repeat(np.arange(len(codings)), [coding.width for coding in codings])


def _level_codes(values: pd.Series, levels: tuple[tuple[str, int], ...]) -> np.ndarray:
    known, read = dict(levels), read_levels(values)
    found = np.array([*(known.get(name, np.nan) for name in read.names), np.nan], dtype=float)
    return found[read.codes]


def _numbers(special: Sequence[tuple[Any, str]], name: str) -> list[float]:
    try:
        return [float(code) for code, _ in special]
    except (TypeError, ValueError):
        raise InputError(
            message("numbers as special codes", "others", f"special of column '{name}'", "Give codes as numbers.")
        ) from None
