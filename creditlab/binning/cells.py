"""Goods and bads by fine cell: the sufficient statistic from which all numeric bins are found.

A column of any length becomes at most some thousand cells; after that all work is small. Where distinct values are few,
each is a cell; else cells are those of a grid, and the ones beside a cut are resolved into their values in a second
look (`resolve`). Counts of pieces add up, and neither the order of rows nor the pieces they come in change a cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from creditlab.binning.grid import Grid, grid_for
from creditlab.binning.sample import Sample
from creditlab.binning.sketch import Sketch

#: rows per step: small enough for the processor's cache
BLOCK = 1 << 15
#: cells to each side of a cut that are resolved into their values
WINDOW = 2


@dataclass(frozen=True)
class Piece:
    """Some rows of one numeric column with their target: what is counted.

    Parameters
    ----------
    x : (n,) floats, NaN where missing.
    sample : the target side of the same rows.
    part : (n,) period or group number of each row, or None.
    """

    x: np.ndarray
    sample: Sample
    part: np.ndarray | None = None


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
    index : the grid's number of each row, one array per piece.
    """

    cells: Cells
    apart: np.ndarray
    occupied: np.ndarray
    index: tuple[np.ndarray, ...]


def count_column(pieces: Sequence[Piece], codes: tuple[float, ...] = (), parts: int = 0) -> Counted:
    """Cells of the regular values of a column, and what stands apart; `parts` is the number of periods or groups."""
    sketch = Sketch.of(pieces[0].x, codes)
    for piece in pieces[1:]:
        sketch = sketch.merge(Sketch.of(piece.x, codes))
    grid = grid_for(sketch)
    size = grid.size + 1 + len(codes)
    index = tuple(_index(grid, piece.x, codes) for piece in pieces)
    both = np.sum([piece.sample.counts(found, size) for piece, found in zip(pieces, index, strict=True)], axis=0)
    occupied = np.flatnonzero(both[:, : grid.size].sum(axis=0) > 0)
    occupied = occupied if len(occupied) else np.array([0])  # a column without regular values has one empty cell
    by_part = None
    if parts:
        each = [_by_part(piece, found, size, parts) for piece, found in zip(pieces, index, strict=True)]
        by_part = np.sum(each, axis=0)[:, :, occupied]
    low = high = np.full(len(occupied), np.nan)
    if sketch.complete and len(sketch.values) == len(occupied):
        low = high = sketch.values
    apart = np.roll(both[:, grid.size :], -1, axis=1).T
    return Counted(Cells(both[0, occupied], both[1, occupied], low, high, by_part), apart, occupied, index)


def _index(grid: Grid, x: np.ndarray, codes: tuple[float, ...]) -> np.ndarray:
    """The grid's cell of every row; behind them missing values, then the special codes."""
    index = np.empty(len(x), dtype=np.int64)
    for start in range(0, len(x), BLOCK):
        block, place = x[start : start + BLOCK], index[start : start + BLOCK]
        place[:] = grid.index(block)
        np.putmask(place, np.isnan(block), grid.size)
        for k, code in enumerate(codes):
            np.putmask(place, block == code, grid.size + 1 + k)
    return index


def _by_part(piece: Piece, index: np.ndarray, size: int, parts: int) -> np.ndarray:
    assert piece.part is not None
    return piece.sample.counts(piece.part * size + index, parts * size).reshape(2, parts, size).transpose(1, 0, 2)


def resolve(counted: Counted, pieces: Sequence[Piece], boundaries: np.ndarray) -> tuple[Cells, np.ndarray]:
    """The cells with those beside `boundaries` resolved into their values, and where the boundaries are now."""
    cells, m = counted.cells, len(counted.cells)
    window = np.unique((boundaries[:, None] + np.arange(-WINDOW, WINDOW)[None, :]).reshape(-1))
    window = window[(window >= 0) & (window < m)]
    window = window[np.isnan(cells.low[window])]
    place_of = np.full(int(counted.occupied.max()) + 1, -1)
    place_of[counted.occupied[window]] = window
    parts = 0 if cells.parts is None else len(cells.parts)
    found = _values_in(pieces, counted.index, place_of, parts)
    kept = np.ones(m, dtype=bool)
    kept[window] = False
    order = np.argsort(np.concatenate([np.flatnonzero(kept), found.place]), kind="stable")

    def joined(old: np.ndarray, new: np.ndarray) -> np.ndarray:
        return np.concatenate([old[..., kept], new], axis=-1)[..., order]

    resolved = Cells(
        joined(cells.goods, found.both[0]),
        joined(cells.bads, found.both[1]),
        joined(cells.low, found.values),
        joined(cells.high, found.values),
        None if cells.parts is None else joined(cells.parts, found.parts),
    )
    first = np.concatenate([np.flatnonzero(kept), found.place])[order]
    return resolved, np.searchsorted(first, boundaries, side="left")


@dataclass(frozen=True)
class _Values:
    """Distinct values of some cells in ascending order: the cell of each, goods and bads, the same by part."""

    place: np.ndarray
    values: np.ndarray
    both: np.ndarray
    parts: np.ndarray


def _values_in(pieces: Sequence[Piece], index: tuple[np.ndarray, ...], place_of: np.ndarray, parts: int) -> _Values:
    wanted = np.append(place_of >= 0, False)
    rows = [np.flatnonzero(wanted[np.minimum(i, len(place_of))]) for i in index]
    x = np.concatenate([piece.x[at] for piece, at in zip(pieces, rows, strict=True)]) + 0.0
    place = place_of[np.concatenate([i[at] for i, at in zip(index, rows, strict=True)])]
    finite = np.isfinite(x)
    if not finite.all():  # infinities count with the extreme finite values of their cell
        x = _within(x, place, finite)
    values, inverse = np.unique(x, return_inverse=True)
    size, start = len(values), 0
    both, by_part = np.zeros((2, size)), np.zeros((parts, 2, size))
    for piece, at in zip(pieces, rows, strict=True):
        here = inverse[start : start + len(at)]
        start += len(at)
        sample = piece.sample.rows(at)
        both += sample.counts(here, size)
        if piece.part is not None:
            by_part += _by_part(Piece(piece.x[at], sample, piece.part[at]), here, size, parts)
    at_value = np.empty(size, dtype=np.int64)
    at_value[inverse] = place
    return _Values(at_value, values, both, by_part)


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
    top = int(np.floor(np.log10(max(abs(below), abs(above))))) + 1
    for exponent in range(top, top - 18, -1):
        unit = 10.0 ** abs(exponent)
        scaled = middle * unit if exponent < 0 else middle / unit
        for k in sorted({np.floor(scaled), np.ceil(scaled)}, key=lambda v: (abs(v - scaled), v)):
            cut = float(f"{int(k)}e{exponent}")  # the float nearest to the decimal text
            if below < cut <= above:
                return cut + 0.0  # no negative zero
    return above
