"""Levels of a text column in groups: rare levels pooled, the rest ordered by shrunken bad rate and cut as numbers are.

Once in that order, levels are cells and the same exact programme (ascending bad rate) groups them. Columns with many
levels (branch, postcode) are where a scorecard learns noise: there the order, the number of groups and the WOE come
from empirical-Bayes rates, and only as many groups are made as held-out rows support. It does not code training rows
out of fold.
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
class Grouping:
    """Which level is in which group.

    Parameters
    ----------
    group : (levels,) group number of each level, groups in order of ascending bad rate.
    goods, bads : (levels,) counts to take the WOE from: observed, or shrunken where there are many levels.
    pooled : how many rare levels were pooled before grouping.
    shrunken : whether `goods` and `bads` are shrunken.
    """

    group: np.ndarray
    goods: np.ndarray
    bads: np.ndarray
    pooled: int
    shrunken: bool


def shrunken_rates(goods: np.ndarray, bads: np.ndarray, most_weight: float = np.inf) -> np.ndarray:
    """Empirical-Bayes bad rates: (b + M·m) / (n + M), with M from the spread between levels.

    Beta-binomial moments: tau² = (Σ n (r - m)² - (L - 1) m (1 - m)) / (N - Σ n² / N), M = m (1 - m) / tau² - 1,
    at least 0 and at most `most_weight`; without spread beyond chance all rates are the mean m (Kleinman 1973).

    >>> shrunken_rates(np.array([50.0, 50.0]), np.array([50.0, 50.0]))
    array([0.5, 0.5])
    """
    n = goods + bads
    total = n.sum()
    mean = bads.sum() / total
    chance = mean * (1 - mean)
    rate = np.divide(bads, n, out=np.full(len(n), mean), where=n > 0)
    excess = (n * (rate - mean) ** 2).sum() - (np.count_nonzero(n) - 1) * chance
    spread = total - (n**2).sum() / total
    tau2 = excess / spread if spread > 0 else 0.0
    weight = max(chance / tau2 - 1, 0.0) if tau2 > 0 else np.inf
    weight = min(weight, most_weight)
    return np.full(len(n), mean) if np.isinf(weight) else (bads + weight * mean) / (n + weight)


def group_levels(goods: np.ndarray, bads: np.ndarray, limits: Limits, rare: float, seed: int) -> Grouping:
    """Groups of levels with the greatest IV; `rare` is the weight under which a level is pooled with its like."""
    n = goods + bads
    many = len(n) > MANY_LEVELS
    is_rare = (n < rare) & (not many)  # with many levels shrinkage does what pooling does, level by level
    pooled = int(is_rare.sum()) if is_rare.sum() > 1 else 0
    cell_of = np.arange(len(n))
    if pooled:
        kept = np.flatnonzero(~is_rare)
        cell_of = np.full(len(n), len(kept))
        cell_of[kept] = np.arange(len(kept))
    cell_goods, cell_bads = (np.bincount(cell_of, weights=c) for c in (goods, bads))
    if not many:
        rates = shrunken_rates(cell_goods, cell_bads, most_weight=float(n.sum()))
        group = _cut(rates, cell_goods, cell_bads, limits)[cell_of]
        return Grouping(group, goods, bads, pooled, False)
    rates = shrunken_rates(cell_goods, cell_bads)
    most = _supported_groups(cell_goods, cell_bads, limits, seed)
    group = _cut(rates, cell_goods, cell_bads, replace(limits, max_bins=most))[cell_of]
    return Grouping(group, n * (1 - rates[cell_of]), n * rates[cell_of], pooled, True)


def _cut(rates: np.ndarray, goods: np.ndarray, bads: np.ndarray, limits: Limits) -> np.ndarray:
    """The group of each cell; cells of equal shrunken rate stay together."""
    _, place = np.unique(rates, return_inverse=True)
    g, b = np.bincount(place, weights=goods), np.bincount(place, weights=bads)
    boundaries = equal_count_boundaries(g + b, MOST_CELLS)
    found = solve(merge_cells(g, boundaries), merge_cells(b, boundaries), "ascending", limits).boundaries
    cuts = boundaries[found - 1] if len(found) else found
    return np.searchsorted(cuts, place, side="right")


def _supported_groups(goods: np.ndarray, bads: np.ndarray, limits: Limits, seed: int) -> int:
    """The number of groups with the greatest held-out log-likelihood; levels are ordered and cut without the fold."""
    rng = np.random.default_rng(seed)
    held_goods, held_bads = fold_counts(goods, FOLDS, rng), fold_counts(bads, FOLDS, rng)
    gain = np.zeros(limits.max_bins)
    for fold in range(FOLDS):
        g, b = np.maximum(goods - held_goods[fold], 0.0), np.maximum(bads - held_bads[fold], 0.0)
        kept = (g.sum() + b.sum()) / (goods.sum() + bads.sum())
        rates = shrunken_rates(g, b)
        n = g + b
        for most in range(1, limits.max_bins + 1):
            there = replace(limits.scaled(kept), max_bins=most)
            group = _cut(rates, g, b, there)
            prob = (np.bincount(group, weights=n * rates) / np.maximum(np.bincount(group, weights=n), 1e-300))[group]
            prob = np.clip(prob, 1e-6, 1 - 1e-6)
            gain[most - 1] += (held_goods[fold] * np.log1p(-prob) + held_bads[fold] * np.log(prob)).sum()
    return int(np.argmax(gain >= gain.max() - 1e-9)) + 1
