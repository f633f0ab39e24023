"""Arithmetic on counts: equal parts, folds."""

from __future__ import annotations

import numpy as np
import pytest

from creditlab.binning.counts import equal_count_boundaries, fold_counts, merge_cells


def test_equal_count_boundaries_cut_into_equal_parts():
    total = np.ones(1000)
    places = equal_count_boundaries(total, 10)
    assert merge_cells(total, places).tolist() == [100.0] * 10


def test_folds_add_up_and_vary_like_random_rows():
    counts = np.full(4000, 50.0)
    folds = fold_counts(counts, 5, np.random.default_rng(1))
    assert np.allclose(folds.sum(axis=0), counts)
    assert folds[0].var() == pytest.approx(50 * 0.2 * 0.8, rel=0.1)
    assert np.allclose(fold_counts(np.array([0.3, 0.0]), 5, np.random.default_rng(1)).sum(axis=0), [0.3, 0.0])
