"""Fine cells add up, do not depend on row order or pieces, and make weights equal copies."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditlab.binning.cells import Piece, count_column, resolve, round_cut
from creditlab.binning.grid import Bits, Linear, Values, grids_for
from creditlab.binning.sample import Sample
from creditlab.binning.sketch import ALL_VALUES, MOST_VALUES, Sketch
from creditlab.results import digest

N = 100_000


def column(kind: str, n: int = N, seed: int = 3) -> np.ndarray:
    """Columns that suit no single grid, with missing values."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    x = {
        "normal": z,
        "zeros": np.where(rng.random(n) < 0.4, 0.0, np.exp(z)),
        "counts": np.floor(np.exp(1 + z)),
        "tails": np.sinh(4 * z),
        "pareto": (1 - 0.999 / (1 + np.exp(-1.7 * z))) ** -0.8,
        "offset": 1e9 + z,
        "amounts": np.round(np.exp(9 + 2 * z), -2),
        "tiny": z * 1e-300,
        "huge": z * 1e300,
        "signs": np.where(z > 0, 0.0, -0.0),
        "tie": np.where(rng.random(n) < 0.5, 1000.0, 1000 * np.exp(z)),
        "far": np.where(rng.random(n) < 1e-3, 1e250, z),
    }[kind]
    x[rng.random(n) < 0.05] = np.nan
    return x


KINDS = ["normal", "zeros", "counts", "tails", "pareto", "offset", "amounts", "tiny", "huge", "signs", "tie", "far"]


def target(n: int = N, seed: int = 8) -> np.ndarray:
    return (np.random.default_rng(seed).random(n) < 0.2).astype(np.int64)


def count(x, y, weight=None, codes=()):
    pieces = [Piece(x, Sample.of(y, weight))]
    return pieces, count_column(pieces, codes)


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_is_counted_once_and_cells_are_ranges(kind):
    x, y = column(kind), target()
    _, counted = count(x, y)
    cells, index = counted.cells, counted.index[0]
    assert cells.n + counted.apart.sum() == N
    assert cells.bads.sum() + counted.apart[:, 1].sum() == y.sum()
    assert counted.apart[-1].sum() == np.isnan(x).sum()
    given = ~np.isnan(x)
    order = np.argsort(x[given], kind="stable")
    assert (np.diff(index[given][order]) >= 0).all()
    assert np.array_equal(np.flatnonzero(np.bincount(index[given])), counted.occupied)


@pytest.mark.parametrize("kind", KINDS)
def test_no_cell_mixes_much(kind):
    """Values apart stay apart: only a value that many rows share may fill more than a hundredth of the rows."""
    x, y = column(kind), target()
    _, counted = count(x, y)
    n = counted.cells.goods + counted.cells.bads
    for cell in np.flatnonzero(n > N / 100):
        rows = counted.index[0] == counted.occupied[cell]
        values, times = np.unique(x[rows], return_counts=True)
        assert n[cell] - times.max() <= N / 100, (kind, values[:5])


@pytest.mark.parametrize("kind", KINDS)
def test_resolved_cells_hold_their_values(kind):
    x, y = column(kind), target()
    pieces, counted = count(x, y)
    m = len(counted.cells)
    boundaries = np.unique(np.linspace(1, m - 1, 5).astype(int)) if m > 1 else np.empty(0, dtype=int)
    cells, moved = resolve(counted, pieces, boundaries)
    assert cells.n == counted.cells.n and cells.bads.sum() == counted.cells.bads.sum()
    for old, new in zip(boundaries, moved, strict=True):
        edge = cells.low[new]
        assert cells.high[new - 1] < edge
        assert (x < edge).sum() == counted.cells.goods[:old].sum() + counted.cells.bads[:old].sum()
        assert cells.goods[:new].sum() == ((x < edge) & (y == 0)).sum()


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_orders_and_copies_agree(kind):
    x, y = column(kind, 30_000), target(30_000)
    w = np.random.default_rng(1).integers(1, 4, len(x))
    order = np.random.default_rng(2).permutation(len(x))
    sketch = Sketch.of(x, (1000.0,))
    merged = Sketch(np.empty(0))
    for rows in np.array_split(order, 4):
        merged = Sketch.of(x[rows], (1000.0,)).merge(merged)
    assert digest(sketch) == digest(merged) == digest(Sketch.of(np.repeat(x, w), (1000.0,)))
    _, whole = count(x, y, w.astype(float), (1000.0,))
    _, copies = count(np.repeat(x, w), np.repeat(y, w), None, (1000.0,))
    four = count_column([Piece(x[r], Sample.of(y[r], w[r].astype(float))) for r in np.array_split(order, 4)], (1000.0,))
    for other in (copies, four):
        assert np.array_equal(whole.cells.goods, other.cells.goods) and np.array_equal(whole.apart, other.apart)
        assert np.array_equal(whole.cells.bads, other.cells.bads) and np.array_equal(whole.occupied, other.occupied)


def test_a_sketch_is_complete_or_a_fair_share_of_the_values():
    few = np.random.default_rng(0).integers(0, ALL_VALUES, 50_000).astype(float)
    assert Sketch.of(few).complete and np.array_equal(Sketch.of(few).values, np.unique(few))
    many = np.random.default_rng(0).normal(size=200_000)
    sketch = Sketch.of(many)
    assert MOST_VALUES / 2.5 < len(sketch.values) <= MOST_VALUES
    share = len(sketch.values) * 2.0**sketch.halvings / len(many)
    assert share == pytest.approx(1, abs=5 / np.sqrt(MOST_VALUES / 2.5))  # five standard errors of a share
    assert abs(np.median(sketch.values)) < 5 * 1.25 / np.sqrt(MOST_VALUES / 2.5)


def test_the_sketch_of_a_fast_guess_equals_the_step_by_step_one():
    for kind in KINDS:
        x = np.concatenate([column(kind, seed=s) for s in (1, 2)])
        assert digest(Sketch.of(x)) == digest(Sketch._step_by_step(x, ())), kind


def test_grids_suit_their_columns():
    assert isinstance(grids_for(Sketch.of(column("normal")))[0], Linear)
    assert isinstance(grids_for(Sketch.of(column("tails")))[0], Bits)
    stubborn = np.concatenate([[1.0, np.nextafter(1.0, 2)], 10.0 ** np.arange(0, 300)])
    assert isinstance(grids_for(Sketch.of(stubborn))[0], Values)
    _, counted = count(stubborn, np.arange(len(stubborn)) % 2)
    assert np.array_equal(counted.cells.low, 10.0 ** np.arange(0, 300))  # the two beside 1 are one value


def test_no_cut_separates_what_only_arithmetic_tells_apart():
    x = np.repeat([0.3, 0.1 + 0.2, 0.7, 0.1 * 7], 100)  # the same two numbers, each in two ways
    _, counted = count(x, np.arange(400) % 3 == 0)
    assert len(counted.cells) == 2 and counted.cells.n == 400
    assert round_cut(float(counted.cells.high[0]), float(counted.cells.low[1])) == 0.5


def test_infinities_count_with_the_extreme_values():
    x = np.concatenate([column("normal", 20_000), [np.inf] * 50, [-np.inf] * 30])
    y = target(len(x))
    pieces, counted = count(x, y)
    cells, _ = resolve(counted, pieces, np.array([1, len(counted.cells) - 1]))
    assert cells.n == (~np.isnan(x)).sum() and np.isfinite(cells.low[~np.isnan(cells.low)]).all()
    assert cells.low[0] == np.nanmin(x[np.isfinite(x)]) and cells.high[-1] == x[np.isfinite(x)].max()
    assert cells.goods[-1] + cells.bads[-1] == 51


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
