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

LINEAR_CELLS = 1 << 14
BITS_CELLS = 1 << 15
#: the share of values beyond each end of a grid; they fall into its outer cells
BEYOND = 0.0005


class Grid(Protocol):
    """A monotone map from finite or infinite floats to cells 0 … size - 1; NaN may go anywhere."""

    @property
    def size(self) -> int:
        """How many cells."""
        ...

    def index(self, x: np.ndarray) -> np.ndarray:
        """(n,) int64 cell numbers."""
        ...


@dataclass(frozen=True)
class Linear:
    """Equally wide cells from `low` on, `scale` of them per unit."""

    low: float
    scale: float
    size: int = LINEAR_CELLS

    def index(self, x: np.ndarray) -> np.ndarray:
        place = x - self.low
        place *= self.scale
        np.maximum(place, 0.0, out=place)
        np.minimum(place, self.size - 1.0, out=place)
        with np.errstate(invalid="ignore"):
            return place.astype(np.int64)


@dataclass(frozen=True)
class Bits:
    """The leading bits of |x| + centre with the sign of x: cells grow with |x|, and do not shrink below the centre."""

    centre: float
    shift: int
    first: int
    size: int

    def index(self, x: np.ndarray) -> np.ndarray:
        place = self.ordered(x, self.centre)
        place >>= self.shift
        place -= self.first
        np.maximum(place, 0, out=place)
        np.minimum(place, self.size - 1, out=place)
        return place

    @staticmethod
    def ordered(x: np.ndarray, centre: float) -> np.ndarray:
        """Integers in the order of the floats."""
        x = x + 0.0  # -0.0 and 0.0 are one value
        place = (x + np.copysign(centre, x)).view(np.int64)
        return place ^ ((place >> 63) & np.int64(2**63 - 1))


@dataclass(frozen=True)
class Values:
    """A cell for each of a sorted list of values; what lies between falls to the lower one."""

    values: np.ndarray

    @property
    def size(self) -> int:
        return len(self.values)

    def index(self, x: np.ndarray) -> np.ndarray:
        return np.maximum(np.searchsorted(self.values, x, side="right") - 1, 0)


def grid_for(sketch: Sketch) -> Grid:
    """The grid that tells the sketched values apart best; where the sketch is complete, one cell for each of them."""
    values = sketch.values
    if len(values) < 2:  # without any finite value, the two infinities are a cell each
        return Linear(0.0, 1.0, 2 - len(values))
    beyond = 0 if sketch.complete else int(len(values) * BEYOND)
    low, high = float(values[beyond]), float(values[-1 - beyond])
    candidates: list[Grid] = []
    if np.isfinite(high - low) and high > low:
        scale = (LINEAR_CELLS - 1) / (high - low)
        candidates += [Linear(low, scale)] if np.isfinite(scale) else []
    candidates.append(_bits(values, low, high))
    crowded = [float((np.bincount(grid.index(values)).astype(float) ** 2).sum()) for grid in candidates]
    best = int(np.argmin(crowded))
    if sketch.complete and crowded[best] > len(values):
        return Values(values)
    return candidates[best]


def _bits(values: np.ndarray, low: float, high: float) -> Bits:
    size = np.abs(values[values != 0])
    centre = float(np.quantile(size, 0.02)) if len(size) else 0.0
    first, last = Bits.ordered(np.array([low, high]), centre).tolist()
    shift = max((last - first).bit_length() - BITS_CELLS.bit_length() + 1, 0)
    return Bits(centre, shift, first >> shift, (last >> shift) - (first >> shift) + 1)
