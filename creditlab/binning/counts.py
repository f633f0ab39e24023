"""Goods and bads by fine cell: the sufficient statistic from which all numeric bins are found.

A column of any length becomes at most about two thousand cells; after that all work is small. Cells are found on the
values alone (every distinct value where they are few, fine quantiles of goods and of bads where they are many), so the
order of rows does not matter and a weight of w equals w copies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: up to this many distinct values each is a cell; above, quantiles of goods and of bads are taken, half as many each
MOST_CELLS = 1024


@dataclass(frozen=True)
class Cells:
    """Goods and bads of m cells; cell c holds the values in [edges[c - 1], edges[c]), the outer ones are open.

    Parameters
    ----------
    edges : (m - 1,) lower ends of cells 1 to m - 1, each a value that occurs.
    below : (m - 1,) the largest value that occurs below each edge.
    goods, bads : (m,) weight of goods and bads.
    """

    edges: np.ndarray
    below: np.ndarray
    goods: np.ndarray
    bads: np.ndarray

    def __len__(self) -> int:
        return len(self.goods)


def count_cells(x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None, most: int = MOST_CELLS) -> Cells:
    """Cells of finite values `x` with target `y` (1 = bad); `weight` None means one each.

    Sorting goods and bads apart keeps the target beside the value without an index sort.
    """
    goods, bads = _Sorted.of(x, weight, y == 0), _Sorted.of(x, weight, y == 1)
    edges = _edges(goods, bads, most) + 0.0  # -0.0 and 0.0 are one value: keep one sign
    below = np.fmax(goods.below(edges), bads.below(edges)) + 0.0
    return Cells(edges, below, goods.between(edges), bads.between(edges))


@dataclass(frozen=True)
class _Sorted:
    """The sorted values of one class, with cumulative weight (None: one each)."""

    values: np.ndarray
    cumulative: np.ndarray | None

    @classmethod
    def of(cls, x: np.ndarray, weight: np.ndarray | None, rows: np.ndarray) -> _Sorted:
        if weight is None:
            return cls(np.sort(x[rows]), None)
        values, heavy = x[rows], weight[rows]
        order = np.argsort(values, kind="stable")
        return cls(values[order], np.cumsum(heavy[order]))

    def distinct(self) -> np.ndarray:
        first = np.ones(len(self.values), dtype=bool)
        np.not_equal(self.values[1:], self.values[:-1], out=first[1:])
        return self.values[first]

    def quantiles(self, parts: int) -> np.ndarray:
        """The first value at which more than k / parts of the weight is reached, k = 1 … parts - 1."""
        if not len(self.values):
            return self.values
        k = np.arange(1, parts)
        if self.cumulative is None:
            return self.values[k * len(self.values) // parts]
        return self.values[np.searchsorted(self.cumulative, k * self.cumulative[-1] / parts, side="right")]

    def below(self, edges: np.ndarray) -> np.ndarray:
        place = np.searchsorted(self.values, edges, side="left") - 1
        return np.where(place >= 0, self.values[np.maximum(place, 0)], np.nan) if len(self.values) else edges * np.nan

    def after(self, values: np.ndarray) -> np.ndarray:
        """The smallest value above each of `values`, +inf where there is none."""
        place = np.searchsorted(self.values, values, side="right")
        return np.append(self.values, np.inf)[place]

    def between(self, edges: np.ndarray) -> np.ndarray:
        place = np.searchsorted(self.values, edges, side="left")
        if self.cumulative is None:
            return np.diff(place, prepend=0, append=len(self.values)).astype(float)
        upto = np.append(0.0, self.cumulative)
        return np.diff(upto[place], prepend=0.0, append=upto[-1])


def _edges(goods: _Sorted, bads: _Sorted, most: int) -> np.ndarray:
    """Lower ends of all cells but the first."""
    distinct = goods.distinct(), bads.distinct()
    if max(map(len, distinct)) <= most:
        values = np.union1d(*distinct)
        if len(values) <= most:
            return values[1:]
    picked = np.concatenate([goods.quantiles(most // 2), bads.quantiles(most // 2)])
    values, times = np.unique(picked, return_counts=True)
    tied = values[times > 2]  # a heavy value is a cell of its own: close it with the next value
    after = np.fmin(goods.after(tied), bads.after(tied))
    values = np.union1d(values, after[np.isfinite(after)])
    lowest = min(part.values[0] for part in (goods, bads) if len(part.values))
    return values[values > lowest]


def equal_count_boundaries(total: np.ndarray, parts: int) -> np.ndarray:
    """Boundaries 1 … m - 1 between m cells that cut their weight into about equal parts.

    >>> equal_count_boundaries(np.array([1.0, 1.0, 1.0, 1.0]), 2)
    array([2])
    """
    m = len(total)
    if m - 1 <= parts:
        return np.arange(1, m)
    cumulative = np.cumsum(total)
    places = np.searchsorted(cumulative, np.arange(1, parts) * cumulative[-1] / parts, side="left") + 1
    return np.unique(places[(places >= 1) & (places < m)])


def hull_boundaries(goods: np.ndarray, bads: np.ndarray) -> np.ndarray:
    """Boundaries where the cumulative bads over cumulative rows bend: the pool-adjacent-violators splits.

    The lower hull holds the best unconstrained ascending fit, the upper hull the best descending one
    (Ayer et al. 1955).
    """
    rows = np.append(0.0, np.cumsum(goods + bads)).tolist()
    upto = np.append(0.0, np.cumsum(bads)).tolist()
    kept = set(_lower_hull(rows, upto)) | set(_lower_hull(rows, [-v for v in upto]))
    return np.array(sorted(kept - {0, len(goods)}), dtype=np.int64)


def _lower_hull(x: list[float], y: list[float]) -> list[int]:
    hull: list[int] = []
    for c in range(len(x)):
        while len(hull) > 1:
            a, b = hull[-2], hull[-1]
            if (y[b] - y[a]) * (x[c] - x[b]) < (y[c] - y[b]) * (x[b] - x[a]):
                break
            hull.pop()
        hull.append(c)
    return hull


def merge_cells(counts: np.ndarray, boundaries: np.ndarray) -> np.ndarray:
    """Counts of the bins that `boundaries` make of cells (along the last axis).

    >>> merge_cells(np.array([1.0, 2.0, 4.0]), np.array([1]))
    array([1., 6.])
    """
    return np.add.reduceat(counts, np.append(0, boundaries).astype(np.int64), axis=-1)


def fold_counts(counts: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """(folds, cells): the weight of each cell spread over folds as if each of its rows drew a fold at random.

    Counts are enough for cross-validation: no row is needed, so neither their order nor their place matters.
    """
    rows = np.where(counts > 0, np.maximum(np.rint(counts), 1), 0).astype(np.int64)
    drawn = rng.multinomial(rows, np.full(folds, 1 / folds)).T
    return drawn * (counts / np.maximum(rows, 1))


def round_cut(below: float, above: float) -> float:
    """The shortest decimal number c with below < c <= above, the nearest to the middle among equals.

    The sample's partition stays exactly that of `above`, and the table can be read aloud.

    >>> round_cut(1234.12, 1250.77), round_cut(2.0, 3.0), round_cut(0.1, 0.30000000000000004)
    (1240.0, 3.0, 0.2)
    """
    if not below < above or not np.isfinite(above - below) or max(abs(below), abs(above)) < 1e-290:
        return above
    middle = below + (above - below) / 2
    top = int(np.floor(np.log10(max(abs(below), abs(above))))) + 1
    for exponent in range(top, top - 18, -1):
        unit = 10.0 ** abs(exponent)
        scaled = middle * unit if exponent < 0 else middle / unit
        for k in sorted({np.floor(scaled), np.ceil(scaled)}, key=lambda v: (abs(v - scaled), v)):
            cut = float(f"{int(k)}e{exponent}")  # the float nearest to the decimal text
            if below < cut <= above:
                return cut + 0.0  # no negative zero
    return above
