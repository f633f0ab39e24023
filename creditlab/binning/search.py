"""The best bins over cells: an exact dynamic programme for information value under hard constraints.

State: the last bin [i, j) and the number of bins. A bin's value is its part of the IV, so the value of a binning is a
sum, and a shape only restricts which bad rates may be neighbours; the best predecessor is a prefix maximum over starts
in order of their bad rate, all numbers of bins at once: O(K m² log m) for m cells and K bins. No data are seen here,
only counts; which shape to take is decided in `shapes`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from creditlab.binning.counts import equal_count_boundaries, hull_boundaries, merge_cells

#: shapes of the bad rate along the bins; neighbours always differ
SHAPES = ("ascending", "descending", "peak", "valley", "free")
#: values within this share of the best are equal: fewest bins win, then the leftmost cuts
TIE = 1e-12


@dataclass(frozen=True)
class Limits:
    """The hard constraints of every bin, in weight, and the totals that make IV.

    Parameters
    ----------
    max_bins : the most bins.
    min_n, min_goods, min_bads : the least weight of rows, goods and bads in a bin.
    total_goods, total_bads : of the whole sample, missing and special rows included.
    prior : pseudo-counts per bin, at the odds of the whole sample.
    """

    max_bins: int
    min_n: float
    total_goods: float
    total_bads: float
    min_goods: float = 0.0
    min_bads: float = 0.0
    prior: float = 1.0

    def scaled(self, share: float) -> Limits:
        """The limits for a part of the sample with this share of its weight."""
        return replace(
            self,
            min_n=self.min_n * share,
            min_goods=self.min_goods * share,
            min_bads=self.min_bads * share,
            total_goods=self.total_goods * share,
            total_bads=self.total_bads * share,
        )


@dataclass(frozen=True)
class Cuts:
    """Boundaries between bins (cell numbers, ascending) and the IV they reach."""

    boundaries: np.ndarray
    iv: float


def woe_of(
    goods: np.ndarray, bads: np.ndarray, total_goods: float, total_bads: float, prior: np.ndarray | float
) -> np.ndarray:
    """WOE = ln((g + p·G/N) / (b + p·B/N)) - ln(G / B): `prior` pseudo-rows at the sample's own odds, so 0 without rows.

    >>> float(woe_of(np.array(0.0), np.array(0.0), 90, 10, 1.0))
    0.0
    """
    n = total_goods + total_bads
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(goods + prior * total_goods / n) - np.log(bads + prior * total_bads / n)
    return np.where(goods + bads > 0, ratio - np.log(total_goods / total_bads), 0.0)


def best_cuts(goods: np.ndarray, bads: np.ndarray, shape: str, limits: Limits, exact: int = 160) -> Cuts:
    """The cuts of greatest IV over fine cells.

    Up to `exact` cells the result is the global optimum. Above, the programme is solved on equal-count and hull
    boundaries, then again on all boundaries around its cuts and a base grid that changes each time, until twice the IV
    did not grow (each solve is exact on what it is given).
    """
    m = len(goods)
    if m <= exact:
        return solve(goods, bads, shape, limits)
    coarse = equal_count_boundaries(goods + bads, exact // 2)
    hull = hull_boundaries(goods, bads)
    best = _solve_on(np.union1d(coarse, _thin(hull, exact // 2)), goods, bads, shape, limits)
    misses = 0
    for attempt in range(10):
        base = equal_count_boundaries(goods + bads, exact // 4 + 5 * attempt)
        finer = _solve_on(_around(best.boundaries, m, base), goods, bads, shape, limits)
        misses = 0 if finer.iv > best.iv * (1 + 1e-9) else misses + 1
        best = finer if misses == 0 else best
        if misses == 2:
            break
    return best


def _thin(boundaries: np.ndarray, most: int) -> np.ndarray:
    return boundaries if len(boundaries) <= most else boundaries[:: -(-len(boundaries) // most)]


def _around(cuts: np.ndarray, m: int, base: np.ndarray) -> np.ndarray:
    """The cuts, all neighbours up to 4 cells, then growing steps, and a coarse base to leave a local optimum."""
    steps = np.array([0, 1, 2, 3, 4, 6, 9, 13, 19, 28])
    near = (cuts[:, None] + np.concatenate([-steps, steps])[None, :]).reshape(-1)
    return np.union1d(near[(near >= 1) & (near < m)], base)


def _solve_on(boundaries: np.ndarray, goods: np.ndarray, bads: np.ndarray, shape: str, limits: Limits) -> Cuts:
    found = solve(merge_cells(goods, boundaries), merge_cells(bads, boundaries), shape, limits)
    return Cuts(boundaries[found.boundaries - 1], found.iv)


def solve(goods: np.ndarray, bads: np.ndarray, shape: str, limits: Limits) -> Cuts:
    """The global optimum over these cells: greatest IV, then fewest bins, then leftmost cuts.

    One bin of everything is the answer where no two bins satisfy the constraints; then its IV is that of one bin, and
    the caller reports it.

    >>> limits = Limits(max_bins=3, min_n=1, total_goods=12, total_bads=6)
    >>> solve(np.array([4.0, 4, 2, 2]), np.array([1.0, 1, 1, 3]), "ascending", limits).boundaries.tolist()
    [2, 3]
    """
    return Programme(goods, bads, limits).best(shape)


class Programme:
    """The dynamic programme over one set of cells; shapes share its tables, so ask it for several at once."""

    def __init__(self, goods: np.ndarray, bads: np.ndarray, limits: Limits) -> None:
        self._bins = _Bins.of(np.asarray(goods, dtype=float), np.asarray(bads, dtype=float), limits)
        self._most = limits.max_bins
        self._chains: dict[tuple[str, bool], np.ndarray] = {}

    def best(self, shape: str) -> Cuts:
        """The best cuts of one shape."""
        if shape in ("ascending", "descending", "free"):
            found = _best_chain(self._bins, self._chain(shape), shape)
        else:
            side = "ascending" if shape == "peak" else "descending"
            found = _best_turn(self._bins, self._chain(side), self._chain(side, mirrored=True), side)
        return found or Cuts(np.empty(0, dtype=np.int64), self._bins.whole)

    def _chain(self, shape: str, mirrored: bool = False) -> np.ndarray:
        if (shape, mirrored) not in self._chains:
            bins = self._bins.mirrored() if mirrored else self._bins
            self._chains[shape, mirrored] = _chain_values(bins, shape, self._most)
        return self._chains[shape, mirrored]


@dataclass(frozen=True)
class _Bins:
    """Value and bad rate of every possible bin [i, j); value -inf where a constraint forbids it.

    Counts only grow with a bin, so the bins that may start at i end at `first_end[i]` or later, and those that may end
    at j start before `starts[j]`.
    """

    value: np.ndarray
    rate: np.ndarray
    first_end: np.ndarray
    starts: np.ndarray
    whole: float

    @classmethod
    def of(cls, goods: np.ndarray, bads: np.ndarray, limits: Limits) -> _Bins:
        g, b = _spans(goods), _spans(bads)
        n = g + b
        possible = (n >= limits.min_n * (1 - 1e-9)) & (n > 0) & (g >= limits.min_goods) & (b >= limits.min_bads)
        possible &= ~np.tri(len(n), dtype=bool)
        share = g / limits.total_goods - b / limits.total_bads
        with np.errstate(invalid="ignore", divide="ignore"):
            value = share * woe_of(g, b, limits.total_goods, limits.total_bads, limits.prior)
            rate = b / n
        whole = float(value[0, -1]) if n[0, -1] > 0 else 0.0
        return cls._within(possible, np.where(possible, value, -np.inf), rate, whole)

    @classmethod
    def _within(cls, possible: np.ndarray, value: np.ndarray, rate: np.ndarray, whole: float) -> _Bins:
        return cls(value, rate, len(possible) - possible.sum(axis=1), possible.sum(axis=0), whole)

    def mirrored(self) -> _Bins:
        """The same bins read from the right: [i, j) becomes [m - j, m - i)."""
        value = np.ascontiguousarray(self.value[::-1, ::-1].T)
        return _Bins._within(np.isfinite(value), value, np.ascontiguousarray(self.rate[::-1, ::-1].T), self.whole)


def _spans(counts: np.ndarray) -> np.ndarray:
    """counts[i:j].sum() for every i < j, else 0."""
    upto = np.append(0.0, np.cumsum(counts))
    return np.maximum(upto[None, :] - upto[:, None], 0.0)


def _chain_values(bins: _Bins, shape: str, most: int) -> np.ndarray:
    """best[j, k - 1, i]: the best IV of k bins that cover cells 0 … j - 1, the last being [i, j)."""
    size = len(bins.value)
    best = np.full((size, most, size), -np.inf)
    best[:, 0, 0] = bins.value[0]
    rate = -bins.rate if shape == "descending" else bins.rate
    for j in range(1, size - 1) if most > 1 else ():
        starts, end = bins.starts[j], bins.first_end[j]
        if starts == 0 or end == size:
            continue
        before = best[j, :-1, :starts]
        if shape == "free":
            reach = before.max(axis=1)[None, :]
        else:
            order = rate[:starts, j].argsort(kind="stable")
            highest = np.full((starts + 1, most - 1), -np.inf)
            np.maximum.accumulate(before[:, order].T, axis=0, out=highest[1:])
            reach = highest[rate[:starts, j][order].searchsorted(rate[j, end:], side="left")]
        best[end:, 1:, j] = bins.value[j, end:, None] + reach
    return best


def _best_chain(bins: _Bins, best: np.ndarray, shape: str) -> Cuts | None:
    final = best[-1]
    if final.max() == -np.inf:
        return None
    k = _first_best(final.max(axis=1))
    i = _first_best(final[k])
    return Cuts(np.array(_trace(bins, best, shape, k, i, len(best) - 1), dtype=np.int64), float(final[k, i]))


def _best_turn(bins: _Bins, left: np.ndarray, right: np.ndarray, side: str) -> Cuts | None:
    """Chains of shape `side` from the left and from the right, joined at a common bin [i, j): a peak or a valley."""
    m = len(bins.value) - 1
    j, i = np.nonzero(np.isfinite(left.max(axis=1)) & np.isfinite(right.max(axis=1)[::-1, ::-1].T))
    if not len(i):
        return None
    before, after = left[j, :, i].T, right[m - i, :, m - j].T - bins.value[i, j]
    most = len(before)
    totals = np.full(before.shape, -np.inf)
    for k in range(most):
        np.maximum(totals[k:], before[k] + after[: most - k], out=totals[k:])
    k = _first_best(totals.max(axis=1))
    top = _first_best(totals[k])
    at_left = _first_best(before[: k + 1, top] + after[k::-1, top])
    i0, j0 = int(i[top]), int(j[top])
    starts = _trace(bins, left, side, at_left, i0, j0)
    ends = [m - s for s in _trace(bins.mirrored(), right, side, k - at_left, m - j0, m - i0)][::-1]
    return Cuts(np.array(starts + ends, dtype=np.int64), float(totals[k, top]))


def _trace(bins: _Bins, best: np.ndarray, shape: str, k: int, i: int, j: int) -> list[int]:
    """The starts of all bins but the first, when bin number k (0-based) is [i, j)."""
    starts = []
    while k > 0:
        starts.append(i)
        before = best[i, k - 1, :i]
        if shape == "ascending":
            before = np.where(bins.rate[:i, i] < bins.rate[i, j], before, -np.inf)
        elif shape == "descending":
            before = np.where(bins.rate[:i, i] > bins.rate[i, j], before, -np.inf)
        i, j, k = _first_best(before), i, k - 1
    return starts[::-1]


def _first_best(values: np.ndarray) -> int:
    """The first index whose value equals the greatest up to the tie tolerance."""
    top = values.max()
    return int(np.argmax(values >= top - TIE * abs(top)))
