"""Grids of fine cells: a monotone map from a value to a cell number that costs a few operations and no search.

`Linear` cells are equally wide; `Bits` cells take the leading bits of the number, so they are as wide as the number is
large (for long tails); `Values` has a cell for each of a list of values. Which one suits a column is judged on its
sketch. Cell numbers never decrease with the value, so cells are ranges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from creditlab.binning.sketch import Sketch

LINEAR_CELLS = 1 << 15
#: equally wide cells that are tried to tell all values of a complete sketch apart
FINE_CELLS = (1 << 17, 1 << 20)
BITS_CELLS = 1 << 15
#: a grid is fine enough when no cell holds more than this share of the sketched values
FINE = 0.002
#: the share of values beyond each end of a grid; they fall into its outer cells
BEYOND = 0.0005


class Grid(Protocol):
    """A monotone map from finite or infinite floats to cells 1 … size, and of NaN to 0."""

    @property
    def size(self) -> int:
        """How many cells."""
        ...

    def index(self, x: np.ndarray, out: np.ndarray) -> np.ndarray:
        """(n,) int64 cell numbers, written to `out`; those of NaN are 0."""
        ...


@dataclass(frozen=True)
class Linear:
    """Equally wide cells, `scale` of them per unit; `low` is where cell 0 would begin."""

    low: float
    scale: float
    size: int

    def index(self, x: np.ndarray, out: np.ndarray) -> np.ndarray:
        place = x - self.low
        place *= self.scale
        np.clip(place, 1.0, self.size, out=place)
        np.fmax(place, 0.0, out=place)  # of NaN and a number it takes the number
        np.copyto(out, place, casting="unsafe")
        return out


@dataclass(frozen=True)
class Bits:
    """The leading bits of |x| + centre with the sign of x: cells grow with |x|, and do not shrink below the centre."""

    centre: float
    shift: int
    first: int
    size: int

    @property
    def zero(self) -> int:
        """The cell of zero, which holds nothing else."""
        return 1 - self.first

    def index(self, x: np.ndarray, out: np.ndarray) -> np.ndarray:
        place = self.signed(x, self.centre, self.shift)
        place -= self.first - 1
        return _missing_apart(x, np.clip(place, 1, self.size, out=out))

    @staticmethod
    def signed(x: np.ndarray, centre: float, shift: int) -> np.ndarray:
        """Integers that never decrease with x, 0 at 0."""
        place = np.abs(x)
        place += centre
        place = place.view(np.int64)
        place -= np.float64(centre).view(np.int64)
        above = place > 0  # zero, the value that many rows share, has a cell of its own
        place >>= shift
        place += above
        sign = np.ascontiguousarray(x).view(np.int64) >> 63
        place ^= sign
        place -= sign
        return place


@dataclass(frozen=True)
class Values:
    """A cell for each of a sorted list of values; what lies between falls to the lower one."""

    values: np.ndarray

    @property
    def size(self) -> int:
        return len(self.values)

    def index(self, x: np.ndarray, out: np.ndarray) -> np.ndarray:
        place = np.searchsorted(self.values, x, side="right")
        return _missing_apart(x, np.maximum(place, 1, out=out))


def _missing_apart(x: np.ndarray, place: np.ndarray) -> np.ndarray:
    void = np.isnan(x)
    if void.any():
        np.putmask(place, void, 0)
    return place


def _index(grid: Grid, values: np.ndarray) -> np.ndarray:
    return grid.index(values, np.empty(len(values), dtype=np.int64))


def grids_for(sketch: Sketch) -> list[Grid]:
    """Grids that suit the sketched values, the most suitable first; where the sketch is complete, one cell for each.

    Cells that are equally wide cost less, so they come first where they are fine enough or crowd the values no more
    than others do.
    """
    values = sketch.values
    if len(values) < 2:  # without any finite value, the two infinities are a cell each
        return [Linear(-1.0, 1.0, 2 - len(values))]
    beyond = 0 if sketch.complete else int(len(values) * BEYOND)
    low, high = float(values[beyond]), float(values[-1 - beyond])
    grids: list[Grid] = [*_linear(low, high, LINEAR_CELLS), _bits(values, low, high)]
    found = [np.bincount(_index(grid, values)) / len(values) for grid in grids]
    if len(grids) == 2 and found[0].max() > FINE and (found[0] ** 2).sum() > 1.3 * (found[1] ** 2).sum():
        grids.reverse()
    if not sketch.complete:
        return grids
    grids += [grid for cells in FINE_CELLS for grid in _linear(low, high, cells)]
    apart = (grid for grid in grids if len(np.unique(_index(grid, values))) == len(values))
    return [next(apart, Values(values))]


def _linear(low: float, high: float, cells: int) -> list[Linear]:
    scale = (cells - 1) / (high - low) if high > low else np.inf
    first = low - 1 / scale if scale > 0 else -np.inf
    return [Linear(first, scale, cells)] if 0 < scale < np.inf and first > -np.inf else []


def _bits(values: np.ndarray, low: float, high: float) -> Bits:
    size = np.abs(values[values != 0])
    centre = float(np.quantile(size, 0.001)) if len(size) else 0.0
    ends = np.array([low, high])
    first, last = Bits.signed(ends, centre, 0).tolist()
    if min(abs(first), abs(last)) <= last - first:  # zero, which no sample holds, gets its own cell where it is near
        ends = np.array([min(low, 0.0), max(high, 0.0)])
        first, last = Bits.signed(ends, centre, 0).tolist()
    shift = max((last - first).bit_length() - BITS_CELLS.bit_length() + 1, 0)
    first, last = Bits.signed(ends, centre, shift).tolist()
    return Bits(centre, shift, first, last - first + 1)
