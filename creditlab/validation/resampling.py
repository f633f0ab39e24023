"""Resampled rows: whole villages drawn with replacement, or rows where there are no villages.

A statistic of the order of a score is a function of the bads and goods at each distinct score, so one sort serves all
draws. Nothing here knows which statistic it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from creditlab.errors import InputError, message

#: bads and goods at each distinct score, safest first → a figure
Statistic = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Ranked:
    """The rows of a score reduced to the place of each row among its distinct values.

    Rows are put in the order of score and outcome, so that draws do not depend on the order in which they came.
    """

    place: np.ndarray
    bad: np.ndarray
    order: np.ndarray
    levels: int

    @classmethod
    def of(cls, target: np.ndarray, score: np.ndarray) -> Ranked:
        """Sort once."""
        values, place = np.unique(score, return_inverse=True)
        order = np.lexsort((target, place))
        return cls(place=place[order], bad=target[order] == 1, order=order, levels=len(values))

    def counts(self, weight: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Bads and goods at each distinct score, of rows taken `weight` times."""
        ones = np.ones(len(self.place)) if weight is None else weight
        bads = np.bincount(self.place, weights=ones * self.bad, minlength=self.levels)
        return bads, np.bincount(self.place, weights=ones, minlength=self.levels) - bads


def row_weights(n: int, codes: np.ndarray | None, draws: int, seed: int) -> Iterator[np.ndarray]:
    """How often each row is drawn: all rows of a village that was drawn, or single rows without villages."""
    rng = np.random.default_rng(seed)
    units = n if codes is None else int(codes.max()) + 1
    for _ in range(draws):
        times = np.bincount(rng.integers(0, units, units), minlength=units).astype(float)
        yield times if codes is None else times[codes]


def bootstrap(
    target: np.ndarray, score: np.ndarray, codes: np.ndarray | None, statistic: Statistic, draws: int, seed: int
) -> np.ndarray:
    """The statistic in each draw; draws without both classes are left out."""
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 20:
        raise InputError(message("20 draws or more", repr(draws), "draws", "A few hundred are usual."))
    ranked = Ranked.of(target, score)
    found = []
    clusters = None if codes is None else codes[ranked.order]
    for weight in row_weights(len(target), clusters, draws, seed):
        bads, goods = ranked.counts(weight)
        if bads.sum() > 0 and goods.sum() > 0:
            found.append(statistic(bads, goods))
    return np.array(found)


def percentile_limits(values: np.ndarray, level: float) -> tuple[float, float]:
    """The middle `level` of the draws; NaN where fewer than 20 draws gave a figure."""
    values = values[np.isfinite(values)]
    if len(values) < 20:
        return math.nan, math.nan
    lo, hi = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(lo), float(hi)


def bca_limits(values: np.ndarray, estimate: float, influence: np.ndarray, level: float) -> tuple[float, float]:
    """Bias-corrected and accelerated limits (B. Efron, JASA 82 (1987) 171-185); `influence` sums to zero."""
    values = values[np.isfinite(values)]
    below = float(np.clip((values < estimate).mean() + (values == estimate).mean() / 2, 1e-6, 1 - 1e-6))
    z0, spread = ndtri(below), float((influence**2).sum())
    skew = float((influence**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    ends = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        z = z0 + ndtri(tail)
        ends.append(float(np.quantile(values, ndtr(z0 + z / (1 - skew * z)))))
    return ends[0], ends[1]
