"""Levels of a text column in groups: rare levels pooled, the rest ordered by shrunken bad rate and cut as numbers are.

Once in that order, levels are cells and the same exact programme (ascending bad rate) groups them. Columns with many
levels (branch, postcode) are where a scorecard learns noise: there the order, the number of groups and the WOE come
from empirical-Bayes rates, and only as many groups are made as held-out rows support. Levels that lie in larger units
(villages in townships) are shrunken towards the rate of their unit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from creditlab.binning.counts import equal_count_boundaries, fold_counts, merge_cells
from creditlab.binning.search import Limits, solve
from creditlab.binning.shapes import FOLDS

#: above this many levels the empirical-Bayes care for many small units sets in
MANY_LEVELS = 30
#: cells handed to the programme when there are more levels than that
MOST_CELLS = 120


@dataclass(frozen=True)
class Care:
    """How levels are treated before they are grouped.

    Parameters
    ----------
    many : whether rates are shrunken; else they only order the levels.
    rare : weight under which a level is pooled with its like; not used where rates are shrunken.
    parent : (levels,) number of the larger unit that each level lies in, or None.
    seed : seed of the folds that judge the number of groups.
    """

    many: bool
    rare: float
    seed: int
    parent: np.ndarray | None = None

    def of(self, levels: np.ndarray) -> Care:
        """The same for some of the levels."""
        return self if self.parent is None else replace(self, parent=self.parent[levels])


@dataclass(frozen=True)
class Grouping:
    """Which level is in which group.

    Parameters
    ----------
    group : (levels,) group number of each level, groups in order of ascending bad rate.
    goods, bads : (levels,) counts to take the WOE from: observed, or shrunken where there are many levels.
    pooled : how many rare levels were pooled before grouping.
    """

    group: np.ndarray
    goods: np.ndarray
    bads: np.ndarray
    pooled: int = 0


def shrunken_rates(
    goods: np.ndarray, bads: np.ndarray, most_weight: float = np.inf, parent: np.ndarray | None = None
) -> np.ndarray:
    """Empirical-Bayes bad rates: (b + M·m) / (n + M), with M from the spread between levels.

    Beta-binomial moments: tau² = (Σ n (r - m)² - (L - 1) m (1 - m)) / (N - Σ n² / N), M = m (1 - m) / tau² - 1,
    at least 0 and at most `most_weight`; without spread beyond chance all rates are the mean m (Kleinman 1973). With
    `parent`, m is the shrunken rate of the level's parent and the spread is that within parents.

    >>> shrunken_rates(np.array([50.0, 50.0]), np.array([50.0, 50.0]))
    array([0.5, 0.5])
    """
    n = goods + bads
    if parent is None:
        parent, centre = np.zeros(len(n), dtype=np.int64), np.array([bads.sum() / n.sum()])
    else:
        above = [np.bincount(parent, weights=c) for c in (goods, bads)]
        centre = shrunken_rates(above[0], above[1], most_weight)
    within = np.bincount(parent, weights=n)
    raw = np.bincount(parent, weights=bads) / np.maximum(within, 1e-300)
    mean, own = centre[parent], raw[parent]
    rate = np.divide(bads, n, out=own.copy(), where=n > 0)
    size = np.bincount(parent[n > 0], minlength=len(within))
    excess = (n * (rate - own) ** 2).sum() - (np.maximum(size - 1, 0) * raw * (1 - raw)).sum()
    spread = (within - np.bincount(parent, weights=n**2) / np.maximum(within, 1e-300)).sum()
    tau2 = excess / spread if spread > 0 else 0.0
    chance = bads.sum() / n.sum() * (1 - bads.sum() / n.sum())
    weight = min(max(chance / tau2 - 1, 0.0) if tau2 > 0 else np.inf, most_weight)
    if np.isinf(weight):
        return mean
    return np.divide(bads + weight * mean, n + weight, out=np.array(mean, dtype=float), where=n + weight > 0)


def group_levels(goods: np.ndarray, bads: np.ndarray, limits: Limits, care: Care, most: int | None = None) -> Grouping:
    """Groups of levels with the greatest objective; `most` groups instead of as many as held-out rows support."""
    if care.many:
        rates = shrunken_rates(goods, bads, parent=care.parent)
        most = most or _supported_groups(goods, bads, limits, care)
        group = _cut(rates, goods, bads, replace(limits, max_bins=most))
        n = goods + bads
        return Grouping(group, n * (1 - rates), n * rates)
    cell_of, pooled = _pool_rare(goods + bads, care.rare)
    cell_goods, cell_bads = (np.bincount(cell_of, weights=c) for c in (goods, bads))
    rates = shrunken_rates(cell_goods, cell_bads, most_weight=float((goods + bads).sum()))
    return Grouping(_cut(rates, cell_goods, cell_bads, limits)[cell_of], goods, bads, pooled)


def _pool_rare(n: np.ndarray, rare: float) -> tuple[np.ndarray, int]:
    """The cell of each level, rare ones sharing the last; and how many were pooled (one alone is not)."""
    is_rare = n < rare * (1 - 1e-9)
    if is_rare.sum() < 2:
        return np.arange(len(n)), 0
    cell_of = np.full(len(n), int((~is_rare).sum()))
    cell_of[~is_rare] = np.arange((~is_rare).sum())
    return cell_of, int(is_rare.sum())


def _cut(rates: np.ndarray, goods: np.ndarray, bads: np.ndarray, limits: Limits) -> np.ndarray:
    """The group of each cell; cells of equal shrunken rate, up to the rounding of sums, stay together."""
    _, place = np.unique(np.round(rates, 12), return_inverse=True)
    g, b = np.bincount(place, weights=goods), np.bincount(place, weights=bads)
    boundaries = equal_count_boundaries(g + b, MOST_CELLS)
    found = solve(merge_cells(g, boundaries), merge_cells(b, boundaries), "ascending", limits).boundaries
    cuts = boundaries[found - 1] if len(found) else found
    return np.searchsorted(cuts, place, side="right")


def _supported_groups(goods: np.ndarray, bads: np.ndarray, limits: Limits, care: Care) -> int:
    """The number of groups with the greatest held-out log-likelihood; levels are ordered and cut without the fold."""
    rng = np.random.default_rng(care.seed)
    held_goods, held_bads = fold_counts(goods, FOLDS, rng), fold_counts(bads, FOLDS, rng)
    gain = np.zeros(limits.max_bins)
    for fold in range(FOLDS):
        g, b = np.maximum(goods - held_goods[fold], 0.0), np.maximum(bads - held_bads[fold], 0.0)
        kept = (g.sum() + b.sum()) / (goods.sum() + bads.sum())
        if kept == 0:  # the only rows are in the fold
            continue
        rates = shrunken_rates(g, b, parent=care.parent)
        n = g + b
        for most in range(1, limits.max_bins + 1):
            group = _cut(rates, g, b, replace(limits.scaled(kept), max_bins=most))
            prob = (np.bincount(group, weights=n * rates) / np.maximum(np.bincount(group, weights=n), 1e-300))[group]
            prob = np.clip(prob, 1e-6, 1 - 1e-6)
            gain[most - 1] += (held_goods[fold] * np.log1p(-prob) + held_bads[fold] * np.log(prob)).sum()
    return int(np.argmax(gain >= gain.max() - 1e-9)) + 1
