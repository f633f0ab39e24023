"""Fine cells add up, do not depend on row order, and make weights equal copies."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditlab.binning.counts import (
    count_cells,
    equal_count_boundaries,
    fold_counts,
    hull_boundaries,
    merge_cells,
    round_cut,
)


def direct_counts(x, y, edges):
    cell = np.searchsorted(edges, x, side="right")
    return [np.bincount(cell[y == k], minlength=len(edges) + 1) for k in (0, 1)]


@pytest.mark.parametrize("most", [16, 64, 1024])
@pytest.mark.parametrize("kind", ["continuous", "zeros", "integers", "one class at an end"])
def test_cells_count_every_row_once(kind, most):
    rng = np.random.default_rng(3)
    x = rng.lognormal(size=4000)
    if kind == "zeros":
        x[rng.random(4000) < 0.4] = 0.0
    if kind == "integers":
        x = np.floor(x * 3)
    y = (x > np.quantile(x, 0.9)).astype(int) if kind.startswith("one") else (rng.random(4000) < 0.2).astype(int)
    cells = count_cells(x, y, most=most)
    goods, bads = direct_counts(x, y, cells.edges)
    assert np.array_equal(cells.goods, goods) and np.array_equal(cells.bads, bads)
    assert np.all(np.diff(cells.edges) > 0) and np.all(cells.below < cells.edges)
    assert np.array_equal(cells.below, [x[x < e].max() for e in cells.edges])
    assert np.all(cells.goods + cells.bads > 0)
    if kind == "zeros":
        assert (cells.goods + cells.bads)[0] == (x == 0).sum()  # a heavy value is a cell of its own


def test_row_order_does_not_matter_and_weights_equal_copies():
    rng = np.random.default_rng(4)
    x, y, w = rng.normal(size=3000).round(2), rng.integers(0, 2, 3000), rng.integers(1, 4, 3000)
    order = rng.permutation(3000)
    one, shuffled = (
        count_cells(x, y, w.astype(float), 128),
        count_cells(x[order], y[order], w[order].astype(float), 128),
    )
    copies = count_cells(np.repeat(x, w), np.repeat(y, w), None, 128)
    for other in (shuffled, copies):
        for part in ("edges", "below", "goods", "bads"):
            assert np.array_equal(getattr(one, part), getattr(other, part)), part


def test_equal_count_boundaries_cut_into_equal_parts():
    total = np.ones(1000)
    places = equal_count_boundaries(total, 10)
    assert merge_cells(total, places).tolist() == [100.0] * 10


def test_hull_holds_the_best_monotone_fit():
    rng = np.random.default_rng(0)
    n, bads = np.full(40, 50.0), rng.binomial(50, np.linspace(0.1, 0.4, 40)).astype(float)
    from sklearn.isotonic import isotonic_regression

    fitted = isotonic_regression(bads / n, sample_weight=n)
    jumps = np.flatnonzero(np.diff(fitted) > 1e-12) + 1
    assert set(jumps) <= set(hull_boundaries(n - bads, bads).tolist())


def test_folds_add_up_and_vary_like_random_rows():
    counts = np.full(4000, 50.0)
    folds = fold_counts(counts, 5, np.random.default_rng(1))
    assert np.allclose(folds.sum(axis=0), counts)
    assert folds[0].var() == pytest.approx(50 * 0.2 * 0.8, rel=0.1)
    assert np.allclose(fold_counts(np.array([0.3, 0.0]), 5, np.random.default_rng(1)).sum(axis=0), [0.3, 0.0])


def digits(value: float) -> int:
    """Significant decimal digits of the shortest text that reads back as the value."""
    return len(Decimal(repr(value)).normalize().as_tuple().digits)


@settings(max_examples=200, deadline=None)
@given(
    st.floats(-1e12, 1e12, allow_nan=False, allow_subnormal=False),
    st.floats(-1e12, 1e12, allow_nan=False, allow_subnormal=False),
)
def test_a_rounded_cut_lies_in_its_gap(a, b):
    below, above = min(a, b), max(a, b)
    if below < above:
        cut = round_cut(below, above)
        assert below < cut <= above
        assert digits(cut) <= digits(above)


@pytest.mark.parametrize(
    ("below", "above", "cut"),
    [
        (2, 3, 3),
        (9, 12, 10),
        (-5, 3, 0),
        (1234.12, 1250.77, 1240),
        (0.123, 0.1241, 0.124),
        (99, 100, 100),
        (-3, -2, -2),
    ],
)
def test_cuts_are_short_numbers(below, above, cut):
    assert round_cut(float(below), float(above)) == cut
