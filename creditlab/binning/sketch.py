"""A column's distinct values, all of them where they are few, else a sample that any split of the rows gives alike.

A value is kept when its hash falls below a threshold that falls until few enough are kept. What is kept depends on the
set of values alone: not on the order of rows, on weights, or on how the rows came in pieces, so sketches of pieces
merge into the sketch of the whole (adaptive sampling of distinct values: P. Flajolet, Computing 43 (1990) 391-400).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: up to so many distinct values all are kept; of more a sample of at most so many
ALL_VALUES = 1 << 15
MOST_VALUES = 4096
#: rows per step: small enough for the processor's cache
BLOCK = 1 << 15
#: Fibonacci hashing: 2^64 over the golden ratio, odd (Knuth, TAOCP 6.4)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SLOT = np.uint64(64 - 16)


@dataclass(frozen=True)
class Sketch:
    """Sorted distinct finite values whose hash, a signed integer, is below 2^(64 - halvings) - 2^63.

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
        x = np.ascontiguousarray(x)
        halvings = _promising_halvings(x)
        if halvings:
            found = cls(np.empty(0), halvings)._with([_sampled(x, halvings)], leave_out)
            if found.halvings > halvings:  # else fewer halvings might have been enough
                return found
        return cls._step_by_step(x, leave_out)

    @classmethod
    def _step_by_step(cls, x: np.ndarray, leave_out: tuple[float, ...]) -> Sketch:
        sketch, pending, waiting = cls(np.empty(0)), list[np.ndarray](), 0
        seen = np.full(1 << 16, np.nan)  # values met before, by hash: most repeats end here
        for start in range(0, len(x), BLOCK):
            block = x[start : start + BLOCK]
            hashed = _hashes(block)
            if sketch.halvings:
                kept = np.flatnonzero(hashed < _threshold(sketch.halvings))
                block, hashed = block[kept], hashed[kept]
            new = block[(seen.take(_slots(hashed)) != block) & (block == block)]
            if not len(new):
                continue
            new = _distinct(new)
            seen[_slots(_hashes(new))] = new
            pending.append(new)
            waiting += len(new)
            if waiting > (MOST_VALUES if sketch.halvings else ALL_VALUES):
                sketch, pending, waiting = sketch._with(pending, leave_out), [], 0
        return sketch._with(pending, leave_out)

    def merge(self, other: Sketch) -> Sketch:
        """The sketch of both sets of rows together."""
        start = Sketch(np.empty(0), max(self.halvings, other.halvings))
        return start._with([self.values, other.values], ())

    def _with(self, pending: list[np.ndarray], leave_out: tuple[float, ...]) -> Sketch:
        values = _distinct(np.concatenate([self.values, *pending]))
        for value in leave_out:
            values = values[values != value]
        hashed, halvings = _hashes(values), self.halvings
        kept = np.ones(len(values), dtype=bool)
        while halvings < 64:
            if halvings:
                kept = (hashed < _threshold(halvings)) & (values != 0)  # 0.0 and -0.0 have hashes of their own
            if kept.sum() <= (MOST_VALUES if halvings else ALL_VALUES):
                break
            halvings += 1
        return Sketch(values[kept], halvings)


def _promising_halvings(x: np.ndarray) -> int:
    """Rather fewer halvings than needed if new values keep coming as in the first rows; 0 if those repeat."""
    first = x[:MOST_VALUES]
    new = len(_distinct(first)) / MOST_VALUES
    return 0 if new < 0.5 or len(x) < 4 * ALL_VALUES else int(np.log2(len(x) * new / MOST_VALUES / 1.3))


def _sampled(x: np.ndarray, halvings: int) -> np.ndarray:
    kept = []
    for start in range(0, len(x), BLOCK):
        block = x[start : start + BLOCK]
        kept.append(block[np.flatnonzero(_hashes(block) < _threshold(halvings))])
    return np.concatenate(kept)


def _distinct(values: np.ndarray) -> np.ndarray:
    """Sorted distinct finite values; -0.0 is 0.0."""
    values = np.sort(values) + 0.0
    first = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return values[first & np.isfinite(values)]


def _hashes(values: np.ndarray) -> np.ndarray:
    """Signed, so that zero, the value that many rows share, lies above every threshold and in no sample."""
    hashed: np.ndarray = (values.view(np.uint64) * _FACTOR).view(np.int64)
    return hashed


def _slots(hashed: np.ndarray) -> np.ndarray:
    return (hashed.view(np.uint64) >> _SLOT).view(np.int64)


def _threshold(halvings: int) -> np.int64:
    return np.int64(2 ** (64 - halvings) - 2**63)
