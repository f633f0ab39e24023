"""Arithmetic on counts by cell: merge cells, cut them into equal parts, spread them over folds."""

from __future__ import annotations

import numpy as np


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
