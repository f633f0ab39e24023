"""The exact dynamic programme: the chain of neighbouring bins with the greatest sum of values under a shape.

A bin [i, j) over m cells has a value and a rate; a shape says which rates may be neighbours. State: the last bin and
the number of bins. The best predecessor of every bin is a running maximum over the bins that end where it starts, in
order of their rate, so one more bin costs a few operations on whole (m + 1) × (m + 1) matrices: O(K m² + m² log m) for
K bins. It knows no counts and no data; what a value is (information value, likelihood, a sum of squares) is the
caller's business. Several problems of one size are solved together: they are the leading axis of every array. Rates are
whole numbers of `RATE_STEPS`, so that all comparisons are exact: rates that only rounding tells apart are equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

#: shapes of the rate along the bins; neighbours always differ
SHAPES = ("ascending", "descending", "peak", "valley", "free")
#: a rate of 1 in whole steps; counts of a million rows differ by more, the rounding of their sums by less
RATE_STEPS = 2**45
#: values within this share of the best are equal: fewest bins win, then the leftmost cuts
TIE = 1e-12


@dataclass(frozen=True)
class Cuts:
    """Boundaries between bins (cell numbers, ascending) and the objective they reach."""

    boundaries: np.ndarray
    iv: float


@dataclass(frozen=True)
class Bins:
    """Value and rate of every possible bin [i, j) of each of `p` problems.

    Parameters
    ----------
    value : (p, m + 1, m + 1), -inf where no bin may be.
    rate : (p, m + 1, m + 1) whole numbers, see `rate_steps`; anything where no bin may be.
    whole : (p,) the value of the bin of all cells, allowed or not.
    gap : neighbours must differ by at least this much in rate, in the same steps.
    pairs : (p, m + 1, m + 1, m + 1) or None: whether bins [h, i) and [i, j) may be neighbours, at place [p, i, h, j].
    """

    value: np.ndarray
    rate: np.ndarray
    whole: np.ndarray
    gap: int = 0
    pairs: np.ndarray | None = None

    def mirrored(self) -> Bins:
        """The same bins read from the right: [i, j) becomes [m - j, m - i)."""
        pairs = None if self.pairs is None else self.pairs[:, ::-1, ::-1, ::-1].transpose(0, 1, 3, 2)
        return Bins(_mirrored(self.value), _mirrored(self.rate), self.whole, self.gap, pairs)


def rate_steps(rate: np.ndarray) -> np.ndarray:
    """Rates from 0 to 1 in whole steps.

    >>> bool(rate_steps(np.array(0.1 + 0.2)) == rate_steps(np.array(0.3)))
    True
    """
    return np.rint(rate * RATE_STEPS).astype(np.int64)


def _mirrored(matrix: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(matrix[:, ::-1, ::-1].transpose(0, 2, 1))


class Programme:
    """The dynamic programme over one set of bins; shapes share its tables, so ask it for several at once."""

    def __init__(self, bins: Bins, most: int) -> None:
        self._bins = {False: bins}
        self._most = most
        self._orders: dict[bool, _Order] = {}
        self._chains: dict[tuple[str, bool], np.ndarray] = {}

    def best(self, shape: str) -> list[Cuts]:
        """The best cuts of one shape, for each problem: greatest sum, then fewest bins, then leftmost cuts.

        One bin of everything is the answer where no chain of allowed bins exists; then its value is `whole`.
        """
        if shape in ("ascending", "descending", "free"):
            found = [self._chain_cuts(p, shape) for p in range(len(self._bins[False].value))]
        else:
            side = "ascending" if shape == "peak" else "descending"
            found = self._turn_cuts(side)
        whole = self._bins[False].whole
        nothing = np.empty(0, dtype=np.int64)
        return [cuts or Cuts(nothing, float(whole[p])) for p, cuts in enumerate(found)]

    def _view(self, mirrored: bool) -> Bins:
        if mirrored not in self._bins:
            self._bins[mirrored] = self._bins[False].mirrored()
        return self._bins[mirrored]

    def _chain(self, shape: str, mirrored: bool = False) -> np.ndarray:
        if (shape, mirrored) not in self._chains:
            bins = self._view(mirrored)
            self._chains[shape, mirrored] = _chain_values(bins, self._step(shape, mirrored), self._most)
        return self._chains[shape, mirrored]

    def _step(self, shape: str, mirrored: bool) -> _Ranked | _Paired:
        bins = self._view(mirrored)
        if bins.pairs is not None:
            return _Paired(bins, shape)
        if mirrored not in self._orders:
            self._orders[mirrored] = _Order(bins)
        return self._orders[mirrored].towards(shape)

    def _chain_cuts(self, p: int, shape: str) -> Cuts | None:
        chains = self._chain(shape)[:, p]
        final = chains[:, -1]
        if final.max() == -np.inf:
            return None
        k = _first_best(final.max(axis=1))
        i = _first_best(final[k])
        return Cuts(
            np.array(self._trace(p, shape, False, k, i, final.shape[1] - 1), dtype=np.int64), float(final[k, i])
        )

    def _turn_cuts(self, side: str) -> list[Cuts | None]:
        """Chains of shape `side` from the left and from the right that share the bin [i, j): a peak or a valley."""
        bins = self._bins[False]
        left, right = self._chain(side), self._chain(side, mirrored=True)
        before = left.transpose(0, 1, 3, 2)  # [k, p, i, j]: k + 1 bins of which [i, j) is the last
        after = right[:, :, ::-1, ::-1] - np.where(np.isfinite(bins.value), bins.value, 0.0)
        after = after.reshape(before.shape)  # place [m - i, m - j] of a mirrored chain is place [i, j]
        most = len(before)
        totals = np.full(before.shape, -np.inf)
        for k in range(most):
            np.maximum(totals[k:], before[k] + after[: most - k], out=totals[k:])
        problems = range(len(bins.value))
        return [self._joined(p, side, before[:, p], after[:, p], totals[:, p]) for p in problems]

    def _joined(self, p: int, side: str, before: np.ndarray, after: np.ndarray, totals: np.ndarray) -> Cuts | None:
        best = totals.max(axis=(1, 2))
        if best.max() == -np.inf:
            return None
        k, m = _first_best(best), totals.shape[1] - 1
        i, j = divmod(_first_best(totals[k].reshape(-1)), m + 1)
        at_left = _first_best(before[: k + 1, i, j] + after[k::-1, i, j])
        starts = self._trace(p, side, False, at_left, i, j)
        ends = [m - s for s in self._trace(p, side, True, k - at_left, m - j, m - i)][::-1]
        return Cuts(np.array(starts + ends, dtype=np.int64), float(totals[k, i, j]))

    def _trace(self, p: int, shape: str, mirrored: bool, k: int, i: int, j: int) -> list[int]:
        """The starts of all bins but the first, when bin number k (0-based) is [i, j)."""
        bins, chains = self._view(mirrored), self._chains[shape, mirrored][:, p]
        starts = []
        while k > 0:
            starts.append(i)
            allowed = _neighbours(bins.rate[p, :i, i], bins.rate[p, i, j], shape, bins.gap)
            if bins.pairs is not None:
                allowed &= bins.pairs[p, i, :i, j]
            i, j, k = _first_best(np.where(allowed, chains[k - 1, i, :i], -np.inf)), i, k - 1
        return starts[::-1]


def _neighbours(before: np.ndarray, after: np.ndarray | int, shape: str, gap: int) -> np.ndarray:
    """Whether a bin of rate `before` may be followed by one of rate `after`."""
    up = (before < after) if gap == 0 else (before <= after - gap)
    down = (before > after) if gap == 0 else (before >= after + gap)
    if shape == "free":
        return up | down if gap else np.ones(np.broadcast_shapes(np.shape(before), np.shape(after)), dtype=bool)
    return up if shape == "ascending" else down


class _Order:
    """For every cell boundary i: the bins that end at i in order of rate, and where each bin that starts at i fits.

    Places are flat, into an array with one more column than there are boundaries: column 0 stands for no bin.
    """

    def __init__(self, bins: Bins) -> None:
        p, size, _ = bins.value.shape
        self._gap = bins.gap
        possible = bins.value > -np.inf
        rates = bins.rate[possible]
        low, high = (rates.min(), rates.max()) if len(rates) else (0, 0)
        self._span = 4 * int(high - low + bins.gap) + 2
        row = (np.arange(p * size) * self._span).reshape(p, size, 1)  # each row in a range of its own
        ending = np.where(possible, bins.rate - low, self._span // 2).transpose(0, 2, 1)
        first = (np.arange(p * size) * size).reshape(p, size, 1)
        self.order = ending.argsort(axis=2)
        self.order += first
        self._keys = np.ascontiguousarray(ending).reshape(-1).take(self.order)
        self._keys += row
        self._starting = np.where(possible, bins.rate - low, 0) + row
        self._shift = (np.arange(p * size)).reshape(p, size, 1)

    def towards(self, shape: str) -> _Ranked:
        below = above = None
        if shape != "descending" and not (shape == "free" and self._gap == 0):
            below = self._place(-self._gap, "right" if self._gap else "left")
        if shape != "ascending" and not (shape == "free" and self._gap == 0):
            above = self._place(self._gap, "left" if self._gap else "right")
        return _Ranked(self.order, below, above)

    def _place(self, shift: int, side: Literal["left", "right"]) -> np.ndarray:
        places = np.searchsorted(self._keys.reshape(-1), (self._starting + shift).reshape(-1), side=side)
        return places.reshape(self._starting.shape) + self._shift


@dataclass(frozen=True)
class _Ranked:
    """Of the ordered bins that end at i: where those below a bin that starts at i end, and those above it begin."""

    order: np.ndarray
    below: np.ndarray | None
    above: np.ndarray | None

    def reach(self, chains: np.ndarray) -> np.ndarray:
        """(p, i, j): the best chain that may come before the bin [i, j), from chains (p, i, h) that end in [h, i)."""
        if self.below is None and self.above is None:
            return chains.max(axis=2)[:, :, None]
        ordered = chains.reshape(-1).take(self.order)
        found = None
        padded = np.empty((*ordered.shape[:2], ordered.shape[2] + 1))
        if self.below is not None:
            padded[:, :, 0] = -np.inf
            np.maximum.accumulate(ordered, axis=2, out=padded[:, :, 1:])
            found = padded.reshape(-1).take(self.below)
        if self.above is not None:
            padded[:, :, -1] = -np.inf
            np.maximum.accumulate(ordered[:, :, ::-1], axis=2, out=padded[:, :, -2::-1])
            other = padded.reshape(-1).take(self.above)
            found = other if found is None else np.maximum(found, other)
        assert found is not None
        return found


class _Paired:
    """The same for neighbours that are allowed pair by pair; costs m³."""

    def __init__(self, bins: Bins, shape: str) -> None:
        assert bins.pairs is not None
        before, after = bins.rate.transpose(0, 2, 1)[:, :, :, None], bins.rate[:, :, None, :]
        self._allowed = bins.pairs & _neighbours(before, after, shape, bins.gap)

    def reach(self, chains: np.ndarray) -> np.ndarray:
        return np.where(self._allowed, chains[:, :, :, None], -np.inf).max(axis=2)


def _chain_values(bins: Bins, step: _Ranked | _Paired, most: int) -> np.ndarray:
    """best[k - 1, p, j, i]: the greatest value of k bins that cover cells 0 … j - 1, the last being [i, j)."""
    p, size, _ = bins.value.shape
    best = np.full((most, p, size, size), -np.inf)
    best[0, :, :, 0] = bins.value[:, 0]
    for k in range(1, most):
        longer = bins.value + step.reach(best[k - 1])
        if longer.max() == -np.inf:
            break
        best[k] = longer.transpose(0, 2, 1)
    return best


def _first_best(values: np.ndarray) -> int:
    """The first index whose value equals the greatest up to the tie tolerance."""
    top = values.max()
    return int(np.argmax(values >= top - TIE * abs(top)))
