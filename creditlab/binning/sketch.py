"""A column's distinct values, all of them where they are few, else a sample that any split of the rows gives alike.

A value is kept when its hash falls below a threshold that halves until few enough are kept. What is kept depends on the
set of values alone: not on the order of rows, on weights, or on how the rows came in pieces, so sketches of pieces
merge into the sketch of the whole (adaptive sampling of distinct values: P. Flajolet, Computing 43 (1990) 391-400).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: most values kept
MOST_VALUES = 4096
#: rows per step: small enough for the processor's cache
BLOCK = 1 << 15
#: Fibonacci hashing: 2^64 over the golden ratio, odd (Knuth, TAOCP 6.4)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SLOT = np.uint64(64 - 13)


@dataclass(frozen=True)
class Sketch:
    """Sorted distinct finite values whose hash is below 2^(64 - halvings).

    >>> Sketch.of(np.array([2.0, 1.0, 2.0, np.nan])).values.tolist()
    [1.0, 2.0]
    """

    values: np.ndarray
    halvings: int = 0

    @property
    def complete(self) -> bool:
        """Whether these are all values."""
        return self.halvings == 0

    @classmethod
    def of(cls, x: np.ndarray, leave_out: tuple[float, ...] = ()) -> Sketch:
        """The sketch of one array of floats without NaN, infinities and `leave_out`."""
        sketch, pending, waiting = cls(np.empty(0)), list[np.ndarray](), 0
        seen = np.full(1 << 13, np.nan)  # values met before, by hash: most repeats end here
        for start in range(0, len(x), BLOCK):
            block = x[start : start + BLOCK] + 0.0  # -0.0 and 0.0 are one value
            hashed = _hashes(block)
            if sketch.halvings:
                kept = np.flatnonzero(hashed < _threshold(sketch.halvings))
                block, hashed = block[kept], hashed[kept]
            new = block[seen[hashed >> _SLOT] != block]
            if sketch.halvings == 0:
                new = np.unique(new[np.isfinite(new)])
            seen[_hashes(new) >> _SLOT] = new
            pending.append(new)
            waiting += len(new)
            if waiting > MOST_VALUES:
                sketch, pending, waiting = sketch._with(pending, leave_out), [], 0
        return sketch._with(pending, leave_out)

    def merge(self, other: Sketch) -> Sketch:
        """The sketch of both sets of rows together."""
        start = Sketch(np.empty(0), max(self.halvings, other.halvings))
        return start._with([self.values, other.values], ())

    def _with(self, pending: list[np.ndarray], leave_out: tuple[float, ...]) -> Sketch:
        values = np.unique(np.concatenate([self.values, *pending]))
        values = values[np.isfinite(values)]
        if leave_out:
            values = values[~np.isin(values, leave_out)]
        hashed, halvings = _hashes(values), self.halvings
        kept = hashed < _threshold(halvings) if halvings else np.ones(len(values), dtype=bool)
        while kept.sum() > MOST_VALUES:
            halvings += 1
            kept = hashed < _threshold(halvings)
        return Sketch(values[kept], halvings)


def _hashes(values: np.ndarray) -> np.ndarray:
    return values.view(np.uint64) * _FACTOR


def _threshold(halvings: int) -> np.uint64:
    return np.uint64(2 ** (64 - halvings))
