"""Goods and bads by fine cell: the sufficient statistic from which all numeric bins are found.

A column of any length becomes at most some thousand cells; after that all work is small. Where distinct values are few,
each is a cell; else cells are those of a grid, and the ones beside a cut are resolved into their values in a second
look (`resolve`). Counts of pieces add up, and neither the order of rows nor the pieces they come in change a cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from creditlab.binning.counts import merge_cells
from creditlab.binning.grid import Bits, Grid, grids_for
from creditlab.binning.means import MeanSample
from creditlab.binning.sample import Sample
from creditlab.binning.sketch import Sketch

#: rows per step: small enough for the processor's cache
BLOCK = 1 << 15
#: a grid with more than this share of the rows in one cell is compared with another
CROWDED = 0.01
#: so many rows are resolved without looking whether most of them share one value
FEW_ROWS = 20_000
#: values closer than this share of their size are one
NOISE = 1e-12
#: cells to each side of a cut that are resolved into their values
WINDOW = 2


@dataclass(frozen=True)
class Piece:
    """Some rows of one numeric column with their target: what is counted.

    Parameters
    ----------
    x : (n,) floats, NaN where missing.
    sample : the target side of the same rows.
    """

    x: np.ndarray
    sample: Sample | MeanSample


@dataclass(frozen=True)
class Cells:
    """Goods and bads of m cells in ascending order of their values.

    Parameters
    ----------
    goods, bads : (m,) weight of goods and bads.
    low, high : (m,) smallest and largest value of each cell, NaN where only the grid knows it.
    parts : (p, 2, m) goods and bads by period or group, or None.
    """

    goods: np.ndarray
    bads: np.ndarray
    low: np.ndarray
    high: np.ndarray
    parts: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.goods)

    @property
    def n(self) -> float:
        """The weight of all cells."""
        return float(self.goods.sum() + self.bads.sum())

    def known(self) -> np.ndarray:
        """(m + 1,): whether a boundary lies between two known values."""
        inner = ~(np.isnan(self.high[:-1]) | np.isnan(self.low[1:]))
        return np.concatenate([[False], inner, [False]])


@dataclass(frozen=True)
class Counted:
    """A column after its first look.

    Parameters
    ----------
    cells : the regular values.
    apart : (codes + 1, 2) goods and bads of each special code, then of missing values.
    occupied : (m,) the grid's number of each cell.
    size : how many numbers there are, those of missing values and special codes included.
    index : the grid's number of each row, one array per piece.
    infinite : whether there are infinities.
    """

    cells: Cells
    apart: np.ndarray
    occupied: np.ndarray
    size: int
    index: tuple[np.ndarray, ...]
    infinite: bool


def count_column(pieces: Sequence[Piece], codes: tuple[float, ...] = ()) -> Counted:
    """Cells of the regular values of a column, and what stands apart."""
    sketch = Sketch.of(pieces[0].x, codes)
    for piece in pieces[1:]:
        sketch = sketch.merge(Sketch.of(piece.x, codes))
    grid, index, both, infinite = _look(grids_for(sketch), pieces, codes)
    size, after = both.shape[1], grid.size + 1
    occupied = np.flatnonzero(both[:, 1:after].sum(axis=0) > 0) + 1
    occupied = occupied if len(occupied) else np.array([1])  # a column without regular values has one empty cell
    by_part = None
    if len(pieces[0].sample.part_names):
        each = [_by_part(piece.sample, found, size) for piece, found in zip(pieces, index, strict=True)]
        by_part = np.sum(each, axis=0)[:, :, occupied]
    low = high = np.full(len(occupied), np.nan)
    if sketch.complete and len(sketch.values) == len(occupied):
        low = high = sketch.values
    apart = np.concatenate([both[:, after:], both[:, :1]], axis=1).T
    cells = _without_rounding_noise(Cells(both[0, occupied], both[1, occupied], low, high, by_part))
    return Counted(cells, apart, occupied, size, index, infinite)


def _without_rounding_noise(cells: Cells) -> Cells:
    """Values that differ by no more than arithmetic does (0.1 + 0.2 and 0.3) share a cell: no cut tells them apart."""
    if len(cells) < 2 or np.isnan(cells.low).any():
        return cells
    size = np.maximum(np.abs(cells.low[1:]), np.abs(cells.low[:-1]))
    starts = np.flatnonzero(np.diff(cells.low) > NOISE * size) + 1
    if len(starts) == len(cells) - 1:
        return cells
    parts = None if cells.parts is None else merge_cells(cells.parts, starts)
    goods, bads = merge_cells(cells.goods, starts), merge_cells(cells.bads, starts)
    return Cells(goods, bads, cells.low[np.append(0, starts)], cells.high[np.append(starts - 1, -1)], parts)


_Look = tuple[Grid, tuple[np.ndarray, ...], np.ndarray, bool]


def _look(grids: list[Grid], pieces: Sequence[Piece], codes: tuple[float, ...]) -> _Look:
    """The first grid, the cell of every row on it, and its counts; another grid if that crowds rows less."""
    grid, *others = grids
    found = _count(grid, pieces, codes)
    for other in others:
        most, crowded = _crowding(grid, found[2])
        if most <= CROWDED:
            break
        other_found = _count(other, pieces, codes)
        if _crowding(other, other_found[2])[1] < crowded:
            return other_found
        found = _count(grid, pieces, codes)  # the look at the other grid took its place
    return found


def _count(grid: Grid, pieces: Sequence[Piece], codes: tuple[float, ...]) -> _Look:
    index = tuple(piece.sample.scratch for piece in pieces)
    infinite = [_index(grid, piece, codes, place) for piece, place in zip(pieces, index, strict=True)]
    size = grid.size + 1 + len(codes)
    both = np.sum([p.sample.counts(found, size) for p, found in zip(pieces, index, strict=True)], axis=0)
    return grid, index, both, any(infinite)


def _crowding(grid: Grid, both: np.ndarray) -> tuple[float, float]:
    """The largest share of rows in one cell, and the sum of squares of shares; a cell of one value is not crowded."""
    n = both[:, : grid.size + 1].sum(axis=0)
    n[0] = 0.0
    if isinstance(grid, Bits) and 0 < grid.zero <= grid.size:
        n[grid.zero] = 0.0
    share = n / max(float(n.sum()), 1e-300)
    return float(share.max()), float((share**2).sum())


def _index(grid: Grid, piece: Piece, codes: tuple[float, ...], out: np.ndarray) -> bool:
    """The grid's cell of every row, 0 if missing, behind them the special codes; whether there are infinities."""
    x, infinite = piece.x, False
    for start in range(0, len(x), BLOCK):
        block, place = x[start : start + BLOCK], out[start : start + BLOCK]
        grid.index(block, place)
        infinite = infinite or bool(np.isinf(block).any())
        for k, code in enumerate(codes):
            there = block == code
            if there.any():
                np.putmask(place, there, grid.size + 1 + k)
    return infinite


def _by_part(sample: Sample | MeanSample, index: np.ndarray, size: int) -> np.ndarray:
    """(parts, 2, size): goods and bads by period or group and code."""
    assert sample.part is not None
    parts = len(sample.part_names)
    return sample.counts(sample.part * size + index, parts * size).reshape(2, parts, size).transpose(1, 0, 2)


def resolve(counted: Counted, pieces: Sequence[Piece], boundaries: np.ndarray) -> tuple[Cells, np.ndarray]:
    """Cells with those beside `boundaries` resolved into their values, and where the boundaries are now.

    Cells farther away become one between each two of those that are resolved.
    """
    cells, m = counted.cells, len(counted.cells)
    window = np.unique((boundaries[:, None] + np.arange(-WINDOW, WINDOW)[None, :]).reshape(-1))
    window = window[(window >= 0) & (window < m)]
    cells, unknown = _single_values(counted, cells, pieces, window[np.isnan(cells.low[window])])
    place_of = np.full(counted.size, -1)
    place_of[counted.occupied[unknown]] = unknown
    found = _values_in(pieces, counted.index, place_of, 0 if cells.parts is None else len(cells.parts))
    starts = np.unique(np.concatenate([[0], window, window + 1]))
    starts = starts[starts < m]  # the first cells of windows, of single cells in them, and of the gaps between them
    first = np.concatenate([starts[~np.isin(starts, unknown)], found.place])
    order = np.argsort(first, kind="stable")

    def joined(old: np.ndarray, new: np.ndarray) -> np.ndarray:
        kept = merge_cells(old, starts[1:])[..., ~np.isin(starts, unknown)]
        return np.concatenate([kept, new], axis=-1)[..., order]

    alone = np.append(starts[1:], m) - starts == 1
    low, high = (np.where(alone, v[starts], np.nan)[~np.isin(starts, unknown)] for v in (cells.low, cells.high))
    resolved = Cells(
        joined(cells.goods, found.both[0]),
        joined(cells.bads, found.both[1]),
        np.concatenate([low, found.values])[order],
        np.concatenate([high, found.values])[order],
        None if cells.parts is None else joined(cells.parts, found.parts),
    )
    return resolved, np.searchsorted(first[order], boundaries, side="left")


def _single_values(
    counted: Counted, cells: Cells, pieces: Sequence[Piece], window: np.ndarray
) -> tuple[Cells, np.ndarray]:
    """The cells with the value of each large cell of the window that holds but one, and the rest of the window."""
    low = cells.low.copy()
    for cell in window[cells.goods[window] + cells.bads[window] > FEW_ROWS]:
        x = [p.x[np.flatnonzero(i == counted.occupied[cell])] for p, i in zip(pieces, counted.index, strict=True)]
        least, most = min(v.min() for v in x if len(v)), max(v.max() for v in x if len(v))
        if least == most and np.isfinite(least):
            low[cell] = least + 0.0
    alone = ~np.isnan(low[window])
    return replace(cells, low=low, high=np.where(np.isnan(cells.high), low, cells.high)), window[~alone]


@dataclass(frozen=True)
class _Values:
    """Distinct values of some cells in ascending order: the cell of each, goods and bads, the same by part."""

    place: np.ndarray
    values: np.ndarray
    both: np.ndarray
    parts: np.ndarray


def _values_in(pieces: Sequence[Piece], index: tuple[np.ndarray, ...], place_of: np.ndarray, parts: int) -> _Values:
    wanted = place_of >= 0
    rows = [np.flatnonzero(wanted[i]) for i in index]
    x = np.concatenate([piece.x[at] for piece, at in zip(pieces, rows, strict=True)]) + 0.0
    place = place_of[np.concatenate([i[at] for i, at in zip(index, rows, strict=True)])]
    finite = np.isfinite(x)
    if not finite.all():  # infinities count with the extreme finite values of their cell
        x = _within(x, place, finite)
    values, inverse = _ranked(x)
    size, start = len(values), 0
    both, by_part = np.zeros((2, size)), np.zeros((parts, 2, size))
    for piece, at in zip(pieces, rows, strict=True):
        here = inverse[start : start + len(at)]
        start += len(at)
        sample = piece.sample.rows(at)
        both += sample.counts(here, size)
        if parts:
            by_part += _by_part(sample, here, size)
    at_value = np.empty(size, dtype=np.int64)
    at_value[inverse] = place
    return _Values(at_value, values, both, by_part)


def _ranked(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct values and the place of each row among them; a value that most rows share is not sorted with the rest.

    >>> [a.tolist() for a in _ranked(np.array([3.0, 1.0, 3.0]))]
    [[1.0, 3.0], [1, 0, 1]]
    """
    if len(x) < FEW_ROWS:
        return np.unique(x, return_inverse=True)
    common = np.median(x[:: len(x) // 101])
    rest = np.flatnonzero(x != common)
    if 2 * len(rest) > len(x):
        return np.unique(x, return_inverse=True)
    values, inverse = _ranked(x[rest])
    place = int(np.searchsorted(values, common))
    ranks = np.full(len(x), place)
    ranks[rest] = inverse + (inverse >= place)
    return np.insert(values, place, common), ranks


def _within(x: np.ndarray, place: np.ndarray, finite: np.ndarray) -> np.ndarray:
    """Infinities replaced by the extreme finite value of their cell; without one by an end of the float range."""
    x = x.copy()
    for sign in (-1.0, 1.0):
        rows = x == sign * np.inf
        if rows.any():
            beside = x[finite & (place == place[rows][0])]
            x[rows] = sign * ((sign * beside).max() if len(beside) else np.finfo(float).max)
    return x


def round_cut(below: float, above: float) -> float:
    """The shortest decimal number c with below < c <= above, the nearest to the middle among equals.

    The sample's partition stays exactly that of `above`, and the table can be read aloud.

    >>> round_cut(1234.12, 1250.77), round_cut(2.0, 3.0), round_cut(0.1, 0.30000000000000004)
    (1240.0, 3.0, 0.2)
    """
    if not below < above or not np.isfinite(above - below) or max(abs(below), abs(above)) < 1e-290:
        return above
    middle = below + (above - below) / 2
    top = min(int(np.floor(np.log10(max(abs(below), abs(above))))) + 1, 308)
    for exponent in range(top, top - 18, -1):
        unit = 10.0 ** abs(exponent)
        scaled = middle * unit if exponent < 0 else middle / unit
        for k in sorted({np.floor(scaled), np.ceil(scaled)}, key=lambda v: (abs(v - scaled), v)):
            cut = float(f"{int(k)}e{exponent}")  # the float nearest to the decimal text
            if below < cut <= above:
                return cut + 0.0  # no negative zero
    return above
