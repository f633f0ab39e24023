"""Which shape the mean amount takes along a characteristic: decided by held-out squared error.

As in `shapes`, but amounts are no counts: rows with the same amount in the same coarse cell are spread over folds at
random, so neither the order of rows nor their place matters, and a weight of w is spread as w copies are.
"""

from __future__ import annotations

import numpy as np

from creditlab.binning.counts import merge_cells
from creditlab.binning.means import MeanSample
from creditlab.binning.search import Limits, programme
from creditlab.binning.shapes import COARSE_CELLS, FOLDS, STEPS, Choice, simplest_unbeaten


def choose_mean_shape(x: np.ndarray, sample: MeanSample, limits: Limits, seed: int) -> Choice:
    """The shape that held-out rows support; gains are shares of the squared error about the mean of all rows (R²).

    Parameters
    ----------
    x : (n,) regular values, none missing, infinities allowed.
    sample : the amounts of these rows.
    """
    cell = _coarse(x, sample.weight)
    share, rows = sample.share, sample.weight
    size = int(cell.max()) + 1
    order = np.lexsort((share, cell))
    cell, share, rows = cell[order], share[order], rows[order]
    new = np.append(True, (cell[1:] != cell[:-1]) | (share[1:] != share[:-1]))
    first = np.flatnonzero(new)
    held = _spread(np.add.reduceat(rows, first), np.random.default_rng(seed))
    moments = [
        np.stack([np.bincount(cell[first], weights=part * share[first] ** k, minlength=size) for part in held])
        for k in range(3)
    ]
    return _judged(moments, limits)


def _coarse(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The number of each value's cell among about thirty of equal weight."""
    order = np.argsort(x, kind="stable")
    upto = np.cumsum(weight[order])
    places = np.searchsorted(upto, np.arange(1, COARSE_CELLS) / COARSE_CELLS * upto[-1], side="left")
    edges = np.unique(x[order][np.minimum(places, len(x) - 1)])
    return np.unique(np.searchsorted(edges, x, side="right"), return_inverse=True)[1]


def _spread(weight: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(folds, k): each weight spread over the folds as if each of its rows drew one."""
    rows = np.maximum(np.rint(weight), 1).astype(np.int64)
    found = np.zeros((FOLDS, len(rows)))
    single = rows == 1
    fold = rng.integers(FOLDS, size=len(rows))
    found[fold[single], np.flatnonzero(single)] = 1.0
    if not single.all():
        found[:, ~single] = rng.multinomial(rows[~single], np.full(FOLDS, 1 / FOLDS)).T
    return found * (weight / rows)


def _judged(moments: list[np.ndarray], limits: Limits) -> Choice:
    """The choice from weight, sum and sum of squares of the amounts, each (folds, cells), of the rows held out."""
    n, total, square = moments
    solver = programme(n.sum(axis=0) - total.sum(axis=0), total.sum(axis=0), limits)
    able = [shape for step in STEPS for shape in step if len(solver.best(shape)[0].boundaries)]
    if not able:
        return Choice("free", {"free": 0.0})
    rest_n, rest_total = n.sum(axis=0) - n, total.sum(axis=0) - total
    fold_solver = programme(np.maximum(rest_n - rest_total, 0.0), rest_total, limits.scaled(1 - 1 / FOLDS))
    nothing = [np.empty(0, dtype=np.int64)] * FOLDS
    mean = {
        shape: _fold_means(rest_n, rest_total, [c.boundaries for c in fold_solver.best(shape)] if shape else nothing)
        for shape in ("", *able)
    }
    spread = float(square.sum() - total.sum() ** 2 / n.sum())

    def difference(one: str, other: str) -> tuple[float, float]:
        # (y - b)² - (y - a)² = 2 (a - b) y + b² - a² for means a of `one` and b of `other`
        slope, level = 2 * (mean[one] - mean[other]), mean[other] ** 2 - mean[one] ** 2
        gain = float((slope * total + level * n).sum())
        squared = float((slope**2 * square + 2 * slope * level * total + level**2 * n).sum())
        error = np.sqrt(max(squared - gain**2 / float(n.sum()), 0.0))
        return gain / spread, float(error) / spread

    return simplest_unbeaten(able, difference)


def _fold_means(n: np.ndarray, total: np.ndarray, cuts: list[np.ndarray]) -> np.ndarray:
    """(folds, cells): the mean of each cell's bin, found without the fold, with one pseudo-row at the mean of all."""
    found = np.empty_like(n)
    for fold, at in enumerate(cuts):
        middle = total[fold].sum() / n[fold].sum()
        by_bin = (merge_cells(total[fold], at) + middle) / (merge_cells(n[fold], at) + 1.0)
        found[fold] = by_bin[np.searchsorted(at, np.arange(n.shape[1]), side="right")]
    return found
