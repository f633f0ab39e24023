"""Intervals of a proportion and of a Poisson count, as pure functions of arrays.

Binomial: Jeffreys, Wilson, exact (Clopper-Pearson). Poisson: exact (Garwood) and Byar's approximation. They hold for
independent loans; loans that share a village's shock vary more, which the smoothing models take in.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import betaincinv, gammaincinv, ndtri

Limits = tuple[np.ndarray, np.ndarray]


def jeffreys_limits(bad: np.ndarray, n: np.ndarray, level: float) -> Limits:
    """Equal-tailed limits of Beta(bad + ½, n - bad + ½); 0 at no bad and 1 at all bad.

    L. Brown, T. Cai, A. DasGupta, Statistical Science 16 (2001) 101-133, with their modification at both ends.
    """
    tail = (1 - level) / 2
    lo = betaincinv(bad + 0.5, n - bad + 0.5, tail)
    hi = betaincinv(bad + 0.5, n - bad + 0.5, 1 - tail)
    return np.where(bad == 0, 0.0, lo), np.where(bad == n, 1.0, hi)


def wilson_limits(bad: np.ndarray, n: np.ndarray, level: float) -> Limits:
    """Limits of the score test (E. B. Wilson, JASA 22 (1927) 209-212)."""
    z = ndtri((1 + level) / 2)
    rate = bad / n
    centre = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return np.where(bad == 0, 0.0, centre - half), np.where(bad == n, 1.0, centre + half)


def exact_limits(bad: np.ndarray, n: np.ndarray, level: float) -> Limits:
    """Limits that cover at least `level` for every rate (C. Clopper, E. Pearson, Biometrika 26 (1934) 404-413)."""
    tail = (1 - level) / 2
    none, all_bad = bad == 0, bad == n
    lo = betaincinv(np.where(none, 1, bad), n - bad + 1, tail)
    hi = betaincinv(bad + 1, np.where(all_bad, 1, n - bad), 1 - tail)
    return np.where(none, 0.0, lo), np.where(all_bad, 1.0, hi)


def poisson_limits(count: np.ndarray, level: float) -> Limits:
    """Exact limits of a Poisson mean (F. Garwood, Biometrika 28 (1936) 437-442)."""
    tail = (1 - level) / 2
    none = count == 0
    lo = gammaincinv(np.where(none, 1, count), tail)
    return np.where(none, 0.0, lo), gammaincinv(count + 1, 1 - tail)


def byar_limits(count: np.ndarray, level: float) -> Limits:
    """Byar's approximate limits of a Poisson mean; exact limits below ten events.

    N. Breslow, N. Day, Statistical Methods in Cancer Research II (1987) p. 69.
    """
    z = ndtri((1 + level) / 2)
    few = count < 10
    safe = np.where(few, 10.0, count)
    lo = safe * (1 - 1 / (9 * safe) - z / (3 * np.sqrt(safe))) ** 3
    hi = (safe + 1) * (1 - 1 / (9 * (safe + 1)) + z / (3 * np.sqrt(safe + 1))) ** 3
    exact_lo, exact_hi = poisson_limits(count, level)
    return np.where(few, exact_lo, lo), np.where(few, exact_hi, hi)


def byar_rate_limits(bad: np.ndarray, n: np.ndarray, level: float) -> Limits:
    """Byar's limits of a rate of rare events, at most 1."""
    lo, hi = byar_limits(bad, level)
    return np.minimum(lo / n, 1.0), np.minimum(hi / n, 1.0)


BINOMIAL: dict[str, Callable[[np.ndarray, np.ndarray, float], Limits]] = {
    "jeffreys": jeffreys_limits,
    "wilson": wilson_limits,
    "exact": exact_limits,
    "byar": byar_rate_limits,
}


def weighted_limits(values: np.ndarray, weight: np.ndarray, level: float) -> tuple[float, float]:
    """Equal-tailed limits of a distribution given by values and their weights."""
    tail = (1 - level) / 2
    order = np.argsort(values, kind="stable")
    # the middle of each step of the distribution function, so that few nodes do not bias the limits
    heights = np.cumsum(weight[order]) - weight[order] / 2
    lo, hi = np.interp([tail, 1 - tail], heights, values[order])
    return float(lo), float(hi)


def quantile(
    distribution: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    q: float,
    centre: np.ndarray,
    sd: np.ndarray,
    least: float = -np.inf,
    most: float = np.inf,
) -> np.ndarray:
    """The q-quantile of every village, by Newton steps kept inside a bracket.

    `distribution` gives P(≤ x) and the density at x, one x per village; `centre` and `sd` say where to look.
    """
    lo, hi = np.maximum(centre - 40 * sd, least), np.minimum(centre + 40 * sd, most)
    x = np.clip(centre + ndtri(q) * sd, (lo + centre) / 2, (hi + centre) / 2)
    for _ in range(100):
        height, density = distribution(x)
        lo, hi = np.where(height < q, x, lo), np.where(height < q, hi, x)
        following = x + (q - height) / np.maximum(density, 1e-300)
        following = np.where((following > lo) & (following < hi), following, (lo + hi) / 2)
        done = np.all(np.abs(following - x) <= 1e-11 * sd)
        x = following
        if done:
            break
    return x
