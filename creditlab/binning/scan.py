"""The bin number of each float, without search: one comparison per cut, over blocks that stay in the cache.

A number's bin is how many cuts are at or below it; special codes are moved to their own places, and a missing value is
what does not equal itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

BLOCK = 1 << 16
#: up to so many cuts and codes a table of pairs of bins stays small
MOST_PAIRED = 60


def range_codes(x: np.ndarray, cuts: Sequence[float], codes: Sequence[float]) -> np.ndarray:
    """(n,) int16: cuts at or below each value; then one number for each special code; then one for NaN.

    >>> range_codes(np.array([1.0, 2.0, -9.0, np.nan]), [2.0], [-9.0]).tolist()
    [0, 1, 2, 3]
    """
    found = np.empty(len(x), dtype=np.int16)
    for rows, place in _blocks(x, cuts, codes):
        here = found[rows]
        np.subtract(place, 1, out=here, dtype=np.int16)
        np.putmask(here, here < 0, len(cuts) + 1 + len(codes))
    return found


def values_of(
    x: np.ndarray, cuts: Sequence[float], codes: Sequence[float], values: np.ndarray, out: np.ndarray
) -> np.ndarray:
    """`values` by the numbers of `range_codes`, written to `out` (n,) block by block."""
    values = np.roll(values, 1)  # that of missing values comes first
    few = len(cuts) + len(codes) < MOST_PAIRED and values.dtype == np.float64 and out.flags.c_contiguous
    pairs = _pairs(values, len(cuts) + len(codes) + 2) if few else None
    for rows, place in _blocks(x, cuts, codes):
        here, even = out[rows], len(place) // 2 * 2
        if pairs is None:
            here[:] = values.take(place)
        else:  # two at a time: half as many look-ups
            pairs.take(place[:even].view(np.uint16), out=here[:even].view(np.complex128), mode="clip")
            here[even:] = values[place[even:]]
    return out


def _pairs(values: np.ndarray, size: int) -> np.ndarray:
    """The values of two numbers side by side, at the place that the two numbers make when read as one of 16 bits."""
    first, second = (n.reshape(-1) for n in np.indices((size, size)).astype(np.uint8))
    at = np.stack([first, second], axis=1).reshape(-1).view(np.uint16)
    found = np.zeros((int(at.max()) + 1, 2))
    found[at, 0], found[at, 1] = values[first], values[second]
    return found.reshape(-1).view(np.complex128)


def _blocks(x: np.ndarray, cuts: Sequence[float], codes: Sequence[float]) -> Iterator[tuple[slice, np.ndarray]]:
    """Each block of rows with its numbers plus one, 0 for NaN, in room that the next block uses again."""
    regular = len(cuts) + 1
    kind = np.uint8 if regular + len(codes) < 256 else np.uint16
    room = np.empty((3, min(BLOCK, len(x))), dtype=kind)
    # a code has been counted among the cuts: it is moved to its place by a sum that wraps around
    moves = [(code, regular + k - int(np.searchsorted(cuts, code, side="right"))) for k, code in enumerate(codes)]
    for start in range(0, len(x), BLOCK):
        block = x[start : start + BLOCK]
        place, mask, move = room[:, : len(block)]
        flag = mask.view(bool) if kind is np.uint8 else np.empty(len(block), dtype=bool)
        np.equal(block, block, out=flag)
        np.copyto(place, mask if kind is np.uint8 else flag)
        for cut in cuts:
            np.greater_equal(block, cut, out=flag)
            np.add(place, mask if kind is np.uint8 else flag, out=place)
        for code, step in moves:
            np.equal(block, code, out=flag)
            if flag.any():
                np.multiply(mask if kind is np.uint8 else flag, kind(step % (1 << (8 * place.itemsize))), out=move)
                np.add(place, move, out=place)
        yield slice(start, start + len(block)), place
