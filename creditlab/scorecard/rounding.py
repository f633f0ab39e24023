"""Whole points whose sums stay close to the unrounded score, and what rounding costs.

Rounding each bin by itself lets the errors of many features add up. Here each bin is rounded up or down so that, over
the rows of the fit, the sum of whole points leaves the unrounded sum by no more than half a point wherever that can be
found; the order of the bins of a feature is kept. It works on plain arrays.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

ROUNDINGS = ("nearest", "sum")
#: rows that the search looks at; what is reported is measured on all
SEARCHED = 20_000
SWEEPS = 30
#: what a squared error counts against one sum that is more than half a point off
SQUARE = 0.1


def round_sums(
    once: float, points: Mapping[str, np.ndarray], codes: Mapping[str, np.ndarray], n: int
) -> tuple[int, dict[str, np.ndarray]]:
    """Whole points: (base, {feature: points per bin}), each its unrounded value rounded up or down.

    Parameters
    ----------
    once, points : unrounded points, from `points.bin_points`.
    codes : the bin of each row, by feature. n : rows.

    From nearest rounding, bins change one at a time, or all bins of a feature together as if its points were shifted,
    while more sums come within half a point: a coordinate descent, which the order of rows does not change. A table of
    whole points cannot keep every sum of many features that close; what is left is reported by `rounding_facts`.

    >>> exact = {name: np.array([0.4]) for name in "abcde"}
    >>> base, whole = round_sums(0.0, exact, {name: np.zeros(1, dtype=int) for name in exact}, 1)
    >>> base + sum(int(w[0]) for w in whole.values())
    2
    """
    base, whole = round(once), {name: np.rint(values).astype(np.int64) for name, values in points.items()}
    if not points or n == 0:
        return base, whole
    rows = np.arange(n) if n <= SEARCHED else np.sort(np.random.default_rng(0).choice(n, SEARCHED, replace=False))
    place = {name: codes[name][rows] for name in points}
    error = np.full(len(rows), base - once)
    for name, values in points.items():
        error += (whole[name] - values)[place[name]]
    members = {name: [np.flatnonzero(place[name] == b) for b in range(len(v))] for name, v in points.items()}
    for _ in range(SWEEPS):
        changed = False
        step = _best_step(error, tuple(step for step in (0, 1, -1) if abs(base + step - once) < 1))
        if step:
            base, error, changed = base + step, error + step, True
        for name, values in points.items():
            shifted = _best_shift(error, values, whole[name], place[name])
            if shifted is not None:
                error = error + (shifted - whole[name])[place[name]]
                whole[name], changed = shifted, True
            for b in np.argsort(-np.bincount(place[name], minlength=len(values)), kind="stable"):
                step = _best_step(error[members[name][b]], _allowed(values, whole[name], int(b)))
                if step:
                    whole[name][b] += step
                    error[members[name][b]] += step
                    changed = True
        if not changed:
            break
    return int(base), whole


def _best_step(error: np.ndarray, steps: tuple[int, ...]) -> int:
    """The step of these errors that costs least; 0 where none gains."""
    if not len(error):
        return 0
    costs = {step: _cost(error + step) for step in steps}
    best = min(costs, key=lambda step: (costs[step], abs(step)), default=0)
    return best if best and costs[best] < costs.get(0, np.inf) * (1 - 1e-9) else 0


def _best_shift(error: np.ndarray, exact: np.ndarray, whole: np.ndarray, place: np.ndarray) -> np.ndarray | None:
    """The bins of one feature rounded after a shift of less than half a point, where that costs less than now."""
    turns = np.unique(np.round(0.5 - exact % 1, 9))
    shifts = np.append((turns[1:] + turns[:-1]) / 2, [turns[0] - 1e-6, turns[-1] + 1e-6])
    best, least = None, _cost(error) * (1 - 1e-9)
    for shift in shifts[np.abs(shifts) <= 0.5]:
        tried = np.rint(exact + shift).astype(np.int64)
        cost = _cost(error + (tried - whole)[place])
        if cost < least:
            best, least = tried, cost
    return best


def _cost(error: np.ndarray) -> float:
    return float((np.abs(error) > 0.5 + 1e-9).sum() + SQUARE * error @ error)


def _allowed(exact: np.ndarray, whole: np.ndarray, b: int) -> tuple[int, ...]:
    """Steps of one bin that leave it within one point of its value and the bins in their order."""
    steps = [0]
    for step in (1, -1):
        value = whole[b] + step
        if (
            abs(value - exact[b]) < 1
            and (whole[exact < exact[b]] <= value).all()
            and (whole[exact > exact[b]] >= value).all()
        ):
            steps.append(step)
    return tuple(steps)


def rounding_facts(exact: np.ndarray, whole: np.ndarray, bad: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """What rounding costs on the rows of the fit.

    `rounding_gap` points: the largest gap of a sum; `rounding_within_half`: share of rows within half a point (and the
    tie of .5 itself); `rounding_auc_lost`; `rounding_decisions`: the largest share of rows that change sides at any
    whole-point cut-off.
    """
    from sklearn.metrics import roc_auc_score

    gap = np.abs(whole - exact)
    auc = [float(roc_auc_score(bad, -score, sample_weight=weight)) for score in (exact, whole)]
    return {
        "rounding_gap": float(gap.max()),
        "rounding_within_half": float(weight[gap <= 0.5 + 1e-9].sum() / weight.sum()),
        "rounding_auc_lost": auc[0] - auc[1],
        "rounding_decisions": most_changed(exact, whole, weight),
    }


def most_changed(first: np.ndarray, second: np.ndarray, weight: np.ndarray) -> float:
    """The largest share of rows that two scores put on different sides of the same whole-point cut-off.

    >>> most_changed(np.array([599.6, 610.0]), np.array([600.0, 610.0]), np.ones(2))
    0.5
    """
    # a row is apart at every whole cut-off in (lower, upper]
    start = np.floor(np.minimum(first, second) + 1e-9).astype(np.int64) + 1
    stop = np.floor(np.maximum(first, second) + 1e-9).astype(np.int64)
    apart = stop >= start
    if not apart.any():
        return 0.0
    low = int(start[apart].min())
    steps = np.zeros(int(stop[apart].max()) - low + 2)
    np.add.at(steps, start[apart] - low, weight[apart])
    np.add.at(steps, stop[apart] - low + 1, -weight[apart])
    return float(np.cumsum(steps).max() / weight.sum())
