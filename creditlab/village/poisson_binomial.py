"""How many of a village's loans go bad when each has its own PD: the Poisson-binomial distribution, and its exact test.

Use it behind the interval of O/E. Loans are independent given their PDs; a common shock of a village is what the
interval is for, not part of it.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

#: above this many steps (loans × bads) the tails come from a saddlepoint, whose error is then below 5·10⁻⁵
EXACT_WORK = 10_000
#: PDs are cut here, so that a shift in log-odds can move them
EDGE = 1e-12
STEPS = 60


def shift_limits(
    observed: np.ndarray, prob: np.ndarray, codes: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Limits of the expected bads of each village: the PDs shifted in log-odds until the exact test turns.

    With X the bads of loans whose PDs are expit(logit p + t): the lower limit is Σ expit(logit p + t) at the t where
    P(X ≥ observed) = a, the upper where P(X ≤ observed) = a, a = (1 - level)/2. They lie between 0 and the number of
    loans (C. Clopper, E. Pearson's inversion for loans of unequal PDs).

    Parameters
    ----------
    observed : bads per village.
    prob : PD per loan; a village of which all PDs are 0 or all 1 keeps its number.
    codes : number of each loan's village.
    """
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(observed)))
    log_odds = logit(np.clip(prob[order], EDGE, 1 - EDGE))
    tail = (1 - level) / 2
    lo, hi = np.zeros(len(observed)), np.zeros(len(observed))
    sizes = np.diff(ends, prepend=0)
    small = observed * sizes <= EXACT_WORK
    for at_most, chosen in ((_exact, small), (_saddlepoint, ~small)):
        for rows in _batches(sizes, chosen):
            padded, seen, n = _padded(log_odds, ends, rows), observed[rows].astype(int), sizes[rows]
            lo[rows] = np.where(seen == 0, 0.0, _sum(padded, _turn(at_most, padded, seen - 1, 1 - tail, n)))
            hi[rows] = np.where(seen == n, n, _sum(padded, _turn(at_most, padded, seen, tail, n)))
    return lo, hi


def _batches(n: np.ndarray, chosen: np.ndarray, most: int = 400_000) -> list[np.ndarray]:
    """Villages of like size together, so that padding costs little, in batches that fit the cache."""
    order = np.flatnonzero(chosen)[np.argsort(n[chosen], kind="stable")]
    found, start = [], 0
    while start < len(order):
        stop = int(np.searchsorted(n[order], 1.5 * n[order[start]] + 8, side="right"))
        stop = min(stop, start + max(1, most // int(n[order[stop - 1]])))
        found.append(order[start:stop])
        start = stop
    return found


def _padded(log_odds: np.ndarray, ends: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Log-odds of the villages' loans, loans × villages, filled up with loans that are never bad."""
    n = np.diff(ends, prepend=0)[rows]
    place = np.arange(n.max(initial=0))[:, None]
    inside = place < n
    return np.where(inside, log_odds[np.where(inside, ends[rows] - n + place, 0)], -np.inf)


def _sum(padded: np.ndarray, shift: np.ndarray) -> np.ndarray:
    return expit(padded + shift).sum(axis=0)


def _turn(at_most: object, padded: np.ndarray, count: np.ndarray, target: float, n: np.ndarray) -> np.ndarray:
    """The shift t of each village at which P(X ≤ count) = target, by secant steps on the normal scale in a bracket."""
    assert callable(at_most)
    # the shift at which the expectation is a normal step from the count is a good place to start
    wanted = count + 0.5 - ndtri(target) * np.sqrt(np.maximum(count + 0.5, 0.5))
    t = _level_for(padded, np.clip(wanted, 0.05, np.maximum(n - 0.05, 0.05)))
    lo, hi = np.full(len(t), -60.0), np.full(len(t), 60.0)
    goal = ndtri(target)
    old_t = old_gap = None
    for _ in range(STEPS):
        gap = ndtri(np.clip(at_most(padded + t, count), 1e-300, 1 - 1e-16)) - goal  # falls as t rises
        lo, hi = np.where(gap > 0, t, lo), np.where(gap > 0, hi, t)
        slope = np.full(len(t), -0.5)
        if old_gap is not None:
            secant = (gap - old_gap) / np.where(t == old_t, 1, t - old_t)
            slope = np.where(np.isfinite(secant) & (secant < -1e-3), secant, slope)
        following = t - np.clip(gap / slope, -3, 3)
        following = np.where((following > lo) & (following < hi), following, (lo + hi) / 2)
        old_t, old_gap, t = t, gap, following
        if np.max(np.abs(t - old_t)) < 1e-12:
            break
    return t


def _level_for(padded: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The shift at which the expected bads are `wanted`."""
    t = np.zeros(len(wanted))
    for _ in range(60):
        p = expit(padded + t)
        step = np.clip((wanted - p.sum(axis=0)) / np.maximum((p * (1 - p)).sum(axis=0), 1e-12), -2, 2)
        t = t + step
        if np.max(np.abs(step)) < 1e-3:
            break
    return t


def _exact(log_odds: np.ndarray, count: np.ndarray) -> np.ndarray:
    """P(X ≤ count) per village by adding one loan after the other (loans × villages)."""
    p = expit(log_odds)
    most = int(count.max(initial=0)) + 1
    chance = np.zeros((most, log_odds.shape[1]))
    chance[0] = 1.0
    for row in p:
        moved = chance[:-1] * row
        chance *= 1 - row
        chance[1:] += moved
    total = np.cumsum(chance, axis=0)
    found = np.take_along_axis(total, np.clip(count, 0, most - 1)[None, :], axis=0)[0]
    return np.where(count < 0, 0.0, np.minimum(found, 1.0))


def _saddlepoint(log_odds: np.ndarray, count: np.ndarray) -> np.ndarray:
    """P(X ≤ count) by the saddlepoint formula of R. Lugannani and S. Rice, on a lattice as in H. Daniels (1987)."""
    p = expit(log_odds)
    edge = count + 0.5
    s = _level_for(log_odds, np.clip(edge, 0.25, (p > 0).sum(axis=0) - 0.25))
    tilted = expit(log_odds + s)
    log_sum = np.log1p(p * np.expm1(s)).sum(axis=0)
    w = np.sign(s) * np.sqrt(np.maximum(2 * (s * edge - log_sum), 0))
    u = 2 * np.sinh(s / 2) * np.sqrt((tilted * (1 - tilted)).sum(axis=0))
    near = np.abs(w) < 1e-4
    correction = np.where(near, 0.0, 1 / np.where(near, 1, w) - 1 / np.where(near, 1, u))
    density = np.exp(-(w**2) / 2) / np.sqrt(2 * np.pi)
    return np.clip(ndtr(w) + density * correction, 0.0, 1.0)
