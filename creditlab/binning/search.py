"""The best bins over cells of counts: information value or likelihood, under hard constraints.

`Limits` says what is allowed and what is sought, `solve` is the global optimum over the cells it is given, `best_cuts`
works on any number of cells. No data are seen here, only counts; which shape to take is decided in `shapes`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import chdtri, xlogy

from creditlab.binning.counts import equal_count_boundaries, merge_cells
from creditlab.binning.programme import RATE_STEPS, SHAPES, Bins, Cuts, Programme, rate_steps

__all__ = ["SHAPES", "Cuts", "Limits", "best_cuts", "programme", "solve", "woe_of"]

OBJECTIVES = ("iv", "likelihood")


@dataclass(frozen=True)
class Effort:
    """How widely the best cuts over many cells are sought.

    Parameters
    ----------
    exact : up to this many cells the programme is solved on all of them at once.
    starts : equal-count segments of each start.
    near : neighbours of a cut that are tried, in cells.
    places, tried : in how many parts of its range a cut's best place is looked for, and among how many places.
    partners : whether, when nothing gains any more, bins of least size are tried at every candidate.
    gain : the relative growth of the objective that calls for another round.
    resolved : the most rounds once the cells beside the cuts are resolved into their values.
    """

    exact: int
    starts: tuple[int, ...]
    near: tuple[int, ...]
    places: int
    tried: int
    partners: bool
    gain: float
    resolved: int = 100


#: few events: noise puts many local optima in the way
THOROUGH = Effort(400, (32, 64, 100), (-8, -4, -2, -1, 0, 1, 2, 4, 8), 4, 5000, True, 1e-9)
#: from this many goods and bads on the objective is smooth, and the same IV is found with less
MANY_EVENTS = 20_000
QUICK = Effort(160, (24,), (0,), 3, 300, False, 3e-4, 1)
#: where neighbours are judged pair by pair, which costs m³
PAIRED = Effort(96, (20, 40), (-4, -1, 0, 1, 4), 2, 400, False, 1e-6)


@dataclass(frozen=True)
class Limits:
    """What is sought and the hard constraints of every bin, in weight, with the totals that make IV.

    Parameters
    ----------
    max_bins : the most bins.
    min_n, min_goods, min_bads : the least weight of rows, goods and bads in a bin.
    total_goods, total_bads : of the whole sample, missing and special rows included.
    prior : pseudo-rows per bin, at the odds of the whole sample.
    objective : 'iv' (information value as the bin table shows it), 'likelihood' (of the bad rates of the bins) or
        'squares' (between the rates of the bins, for a continuous target).
    min_rate_gap : the least difference of bad rate between neighbours.
    max_pvalue : the largest p-value of the two-sided chi-square test (1 df) that neighbours have the same bad rate.
    """

    max_bins: int
    min_n: float
    total_goods: float
    total_bads: float
    min_goods: float = 0.0
    min_bads: float = 0.0
    prior: float = 1.0
    objective: str = "iv"
    min_rate_gap: float = 0.0
    max_pvalue: float = 1.0

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


def solve(goods: np.ndarray, bads: np.ndarray, shape: str, limits: Limits, parts: np.ndarray | None = None) -> Cuts:
    """The global optimum over these cells: greatest objective, then fewest bins, then leftmost cuts.

    One bin of everything is the answer where no two bins satisfy the constraints; then its IV is that of one bin, and
    the caller reports it. `parts` (p, 2, m) are goods and bads by period or group: neighbours must differ in the same
    direction in every part that can tell (see `holds_in_parts`).

    >>> limits = Limits(max_bins=3, min_n=1, total_goods=12, total_bads=6)
    >>> solve(np.array([4.0, 4, 2, 2]), np.array([1.0, 1, 1, 3]), "ascending", limits).boundaries.tolist()
    [2, 3]
    """
    return programme(goods, bads, limits, parts).best(shape)[0]


def programme(goods: np.ndarray, bads: np.ndarray, limits: Limits, parts: np.ndarray | None = None) -> Programme:
    """The dynamic programme over cells of counts, (m,) for one problem or (p, m) for several with the same limits."""
    g, b = _spans(np.atleast_2d(goods)), _spans(np.atleast_2d(bads))
    n = g + b
    least, least_goods, least_bads = (v * (1 - 1e-9) for v in (limits.min_n, limits.min_goods, limits.min_bads))
    possible = (n >= least) & (n > 0) & (g >= least_goods) & (b >= least_bads)
    possible &= ~np.tri(n.shape[1], dtype=bool)
    if limits.prior == 0:  # without a prior a pure bin has no WOE
        possible &= (g > 0) & (b > 0)
    rate = rate_steps(np.divide(b, n, out=np.zeros_like(n), where=n > 0))
    value = objective(g, b, limits)
    whole = np.where(n[:, 0, -1] > 0, value[:, 0, -1], 0.0)
    pairs = _different(g, b, limits.max_pvalue) if limits.max_pvalue < 1 else None
    if parts is not None:
        steady = _holds(_spans(parts[:, 0]), _spans(parts[:, 1]), rate[0], limits)[None]
        pairs = steady if pairs is None else pairs & steady
    gap = int(limits.min_rate_gap * RATE_STEPS * (1 - 1e-9))
    bins = Bins(np.where(possible, value, -np.inf), rate, whole, gap, pairs)
    return Programme(bins, limits.max_bins)


def _spans(counts: np.ndarray) -> np.ndarray:
    """(p, m + 1, m + 1): counts[i:j].sum() for every i < j, else 0."""
    upto = np.concatenate([np.zeros((len(counts), 1)), np.cumsum(counts, axis=1)], axis=1)
    return np.maximum(upto[:, None, :] - upto[:, :, None], 0.0)


def objective(goods: np.ndarray, bads: np.ndarray, limits: Limits) -> np.ndarray:
    """What each bin of these counts adds to what is sought."""
    if limits.objective == "squares":
        return _squares(goods, bads, limits)
    return _iv(goods, bads, limits) if limits.objective == "iv" else _log_likelihood(goods, bads, limits)


def _iv(goods: np.ndarray, bads: np.ndarray, limits: Limits) -> np.ndarray:
    """A bin's part of the IV on its counts as they are; only where it has no goods or no bads, the prior is added."""
    share = goods / limits.total_goods - bads / limits.total_bads
    n = limits.total_goods + limits.total_bads
    pure = np.where((goods == 0) | (bads == 0), limits.prior / n, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):  # one logarithm where `woe_of` takes two
        woe = np.log((goods + pure * limits.total_goods) / (bads + pure * limits.total_bads))
    woe -= np.log(limits.total_goods / limits.total_bads)
    return share * np.where(goods + bads > 0, woe, 0.0)


def _log_likelihood(goods: np.ndarray, bads: np.ndarray, limits: Limits) -> np.ndarray:
    """Of a bin's rows at the bin's own bad rate, over that at the bad rate of the whole sample."""
    n = np.maximum(goods + bads, 1e-300)
    total = limits.total_goods + limits.total_bads
    return xlogy(goods, goods / n * total / limits.total_goods) + xlogy(bads, bads / n * total / limits.total_bads)


def _squares(goods: np.ndarray, bads: np.ndarray, limits: Limits) -> np.ndarray:
    """Of a bin's rows: the sum of squares between its rate and that of the whole sample."""
    n = goods + bads
    mean = limits.total_bads / (limits.total_goods + limits.total_bads)
    return np.where(n > 0, (bads - n * mean) ** 2 / np.maximum(n, 1e-300), 0.0)


def _different(goods: np.ndarray, bads: np.ndarray, max_pvalue: float) -> np.ndarray:
    """[p, i, h, j]: whether the chi-square test between [h, i) and [i, j) has a p-value of at most `max_pvalue`."""
    g1, b1 = (c.transpose(0, 2, 1)[:, :, :, None] for c in (goods, bads))
    g2, b2 = (c[:, :, None, :] for c in (goods, bads))
    n1, n2, g, b = g1 + b1, g2 + b2, g1 + g2, b1 + b2
    return (b1 * g2 - b2 * g1) ** 2 * (n1 + n2) >= chdtri(1, max_pvalue) * n1 * n2 * g * b


def _holds(goods: np.ndarray, bads: np.ndarray, rate: np.ndarray, limits: Limits) -> np.ndarray:
    """[i, h, j]: whether bins [h, i) and [i, j) differ in no part against the direction of the whole."""
    up = rate.T[:, :, None] < rate[:, None, :]
    held = np.ones(up.shape, dtype=bool)
    for g, b in zip(goods, bads, strict=True):
        tells, r = _tells(g, b, limits), _rates(g, b)
        against = np.where(up, r.T[:, :, None] > r[:, None, :], r.T[:, :, None] < r[:, None, :])
        held &= ~(against & tells.T[:, :, None] & tells[:, None, :])
    return held


def reversed_parts(both: np.ndarray, parts: np.ndarray, limits: Limits) -> np.ndarray:
    """(k - 1, p): whether neighbours among k bins differ in a part against the direction of the whole.

    `both` (2, k) are goods and bads of the bins, `parts` (p, 2, k) the same by part.
    """
    whole = np.diff(_rates(both[0], both[1]))
    steps, tells = np.diff(_rates(parts[:, 0], parts[:, 1])), _tells(parts[:, 0], parts[:, 1], limits)
    return ((steps * np.sign(whole) < 0) & tells[:, 1:] & tells[:, :-1]).T


def _tells(goods: np.ndarray, bads: np.ndarray, limits: Limits) -> np.ndarray:
    """Whether a part of a bin is large enough to judge: five expected events, as the normal approximation asks."""
    share = limits.total_bads / (limits.total_goods + limits.total_bads)
    return (goods + bads) * min(share, 1 - share) >= 5.0


def _rates(goods: np.ndarray, bads: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return bads / (goods + bads)


def best_cuts(goods: np.ndarray, bads: np.ndarray, shape: str, limits: Limits, parts: np.ndarray | None = None) -> Cuts:
    """The cuts of greatest objective over any number of fine cells.

    Up to `Effort.exact` cells the result is the global optimum. Above, the programme is solved on candidate boundaries
    (equal counts, and between them where the bad rate bends most), then on candidates around its cuts until the
    objective stops growing, from several starts; each solve is exact on what it is given, the best of the starts wins.
    """
    fine = _Fine(goods, bads, shape, limits, parts)
    if len(goods) <= fine.effort.exact:
        return solve(goods, bads, shape, limits, parts)
    best = Cuts(np.empty(0, dtype=np.int64), -np.inf)
    for count in fine.effort.starts:
        found = fine.started(count)
        if _better(found, best):
            best = found
    if not len(best.boundaries):  # candidates so wide apart may miss the only cuts that are allowed
        best = fine.started(fine.effort.exact)
    return fine.refined(best, partners=True) if fine.effort.partners else best


def refine_cuts(
    goods: np.ndarray,
    bads: np.ndarray,
    shape: str,
    limits: Limits,
    parts: np.ndarray | None,
    start: Cuts,
    only: np.ndarray,
) -> Cuts:
    """The best cuts that can be reached from the cuts `start` over the boundaries that `only` (m + 1,) allows."""
    return _Fine(goods, bads, shape, limits, parts, only).refined(start)


def _better(one: Cuts, other: Cuts, gain: float = 1e-9) -> bool:
    """One bin of everything is the value of a failure: any allowed cuts beat it."""
    if not len(one.boundaries) or not len(other.boundaries):
        return len(one.boundaries) > 0
    return one.iv > other.iv + gain * abs(other.iv)


def bends(goods: np.ndarray, bads: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Base boundaries and, in each segment between them, where cumulative bads lie farthest above and below its chord.

    These are the splits that a tree would make in the segment.
    """
    rows, upto = (np.append(0.0, np.cumsum(c)) for c in (goods + bads, bads))
    ends = np.concatenate([[0], base, [len(goods)]])
    length = np.diff(ends)
    rise = np.diff(upto[ends]) / np.maximum(np.diff(rows[ends]), 1e-300)
    first = np.repeat(ends[:-1], length)
    away = upto[:-1] - upto[first] - np.repeat(rise, length) * (rows[:-1] - rows[first])
    found = [base]
    for side in (away, -away):
        top = np.repeat(np.maximum.reduceat(side, ends[:-1]), length)
        at = np.flatnonzero(side == top)
        found.append(at[np.unique(np.searchsorted(ends, at, side="right"), return_index=True)[1]])
    together = np.unique(np.concatenate(found))
    return together[together > 0]


@dataclass(frozen=True)
class _Fine:
    """Fine cells on which the programme is solved between chosen boundaries."""

    goods: np.ndarray
    bads: np.ndarray
    shape: str
    limits: Limits
    parts: np.ndarray | None
    only: np.ndarray | None = None

    @cached_property
    def effort(self) -> Effort:
        """What these counts need."""
        if self.parts is not None or self.limits.max_pvalue < 1:
            return PAIRED
        return QUICK if min(self.goods.sum(), self.bads.sum()) >= MANY_EVENTS else THOROUGH

    @cached_property
    def upto(self) -> tuple[np.ndarray, np.ndarray]:
        """(m + 1,) goods and bads before each boundary."""
        return np.append(0.0, np.cumsum(self.goods)), np.append(0.0, np.cumsum(self.bads))

    def started(self, segments: int) -> Cuts:
        """The best cuts that are reached from so many equal-count segments and the bends within them."""
        base = equal_count_boundaries(self.goods + self.bads, segments)
        return self.refined(self.solve(bends(self.goods, self.bads, base)))

    def solve(self, boundaries: np.ndarray) -> Cuts:
        parts = None if self.parts is None else merge_cells(self.parts, boundaries)
        g, b = merge_cells(self.goods, boundaries), merge_cells(self.bads, boundaries)
        found = solve(g, b, self.shape, self.limits, parts)
        return Cuts(boundaries[found.boundaries - 1], found.iv)

    def refined(self, found: Cuts, partners: bool = False) -> Cuts:
        """Solved again around the cuts until that gains nothing."""
        rounds = 0
        while len(found.boundaries) and (self.only is None or rounds < self.effort.resolved):
            rounds += 1
            again = self.solve(self._around(found.boundaries, partners))
            if not _better(again, found, self.effort.gain):
                break
            found = again
        return found

    def _around(self, cuts: np.ndarray, partners: bool) -> np.ndarray:
        """The cuts, their neighbours, the best places for each cut between its two, and bins of least size at them."""
        m = len(self.goods)
        near = (cuts[:, None] + np.array(self.effort.near)[None, :]).reshape(-1)
        ends = np.concatenate([[0], cuts, [m]])
        best = self._best_places(np.append(ends[:-2], ends[:-1]), np.append(ends[2:], ends[1:]))
        some = np.append(ends, best) if partners else ends
        found = np.unique(np.concatenate([near, best, *self._least_bins(some)]))
        found = found[(found >= 1) & (found < m)]
        return found if self.only is None else np.union1d(found[self.only[found]], cuts)

    def _least_bins(self, ends: np.ndarray) -> list[np.ndarray]:
        """Where the smallest allowed bins end that begin at `ends`, and begin that end there."""
        found = []
        for upto, least in self._least:
            found.append(np.searchsorted(upto, upto[ends] + least, side="left"))
            found.append(np.searchsorted(upto, upto[ends] - least, side="right") - 1)
        return found

    @cached_property
    def _least(self) -> list[tuple[np.ndarray, float]]:
        """Rows, goods and bads before each boundary with the least of each in a bin, where there is a least."""
        (goods, bads), limits = self.upto, self.limits
        each = ((goods + bads, limits.min_n), (goods, limits.min_goods), (bads, limits.min_bads))
        return [(upto, least * (1 - 1e-9)) for upto, least in each if least > 0 or upto is each[0][0]]

    def _best_places(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """In each of a few parts of each range of cells, the boundary where cutting the range in two is best."""
        tried = [self._allowed(a, b) for a, b in zip(first.tolist(), last.tolist(), strict=True)]
        at, length = np.concatenate(tried), np.array([len(t) for t in tried])
        if not len(at):
            return at
        goods, bads = self.upto
        a, b = np.repeat(first, length), np.repeat(last, length)
        left, right = (goods[at] - goods[a], bads[at] - bads[a]), (goods[b] - goods[at], bads[b] - bads[at])
        value = objective(*left, self.limits) + objective(*right, self.limits)
        for upto, least in self._least:
            value[(upto[at] - upto[a] < least) | (upto[b] - upto[at] < least)] = -np.inf
        value[value == np.inf] = -np.inf
        place = np.arange(len(at)) - np.repeat(np.cumsum(length) - length, length)
        part = np.repeat(np.arange(len(length)), length) * self.effort.places
        part += place * self.effort.places // np.repeat(length, length)
        starts = np.flatnonzero(np.diff(part, prepend=-1))
        top = np.repeat(np.maximum.reduceat(value, starts), np.diff(np.append(starts, len(at))))
        best = np.flatnonzero(value == top)
        return at[best[np.diff(part[best], prepend=-1) > 0]]

    def _allowed(self, a: int, b: int) -> np.ndarray:
        """Boundaries between a and b, evenly thinned to what is tried."""
        if self.only is None:
            return np.arange(a + 1, b, max(-(-(b - a) // self.effort.tried), 1))
        places = self._places[np.searchsorted(self._places, a + 1) : np.searchsorted(self._places, b)]
        return places[:: max(-(-len(places) // self.effort.tried), 1)]

    @cached_property
    def _places(self) -> np.ndarray:
        assert self.only is not None
        return np.flatnonzero(self.only)
