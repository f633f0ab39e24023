"""How far the shares of a matrix of moves scatter, with villages that share a fate; what follows for rates and chances.

The months of one note and the notes of one village go together. Given the counts of each village, the covariance of
the shares comes from what the villages differ by (linearised, between clusters); without them pairs count as
independent and the intervals are too narrow wherever villages differ. Used by the generator and the migration
statistics; it does not count moves (see `transitions`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaincinv, ndtri, stdtrit

from creditlab.checks import check_level
from creditlab.errors import InputError, message
from creditlab.loans.matrices import Transitions
from creditlab.loans.shares import LEVEL, ratio, share_limits


def counted(source: Any, size: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The counts of a matrix and those of each group, from `Transitions`, a square or a stack of squares.

    Raises
    ------
    InputError : counts of another size than the matrix, negative or not finite.

    >>> whole, groups = counted([[[1, 2], [0, 3]], [[4, 0], [0, 1]]], 2)
    >>> whole.tolist(), groups.shape
    ([[5.0, 2.0], [0.0, 4.0]], (2, 2, 2))
    """
    if isinstance(source, Transitions):
        groups = source.by_group()
        return source.counts().to_numpy(dtype=float), groups
    values = np.asarray(source, dtype=float)
    fits = values.ndim in (2, 3) and values.shape[-2:] == (size, size)
    if not fits or not np.isfinite(values).all() or (values < 0).any():
        expected = f"counts (groups, {size}, {size}) or ({size}, {size})"
        raise InputError(message(expected, f"shape {values.shape}", "counts", "Count over the same states."))
    return (values, None) if values.ndim == 2 else (values.sum(axis=0), values)


def share_covariance(counts: np.ndarray, groups: np.ndarray | None = None, level: float = LEVEL) -> np.ndarray:
    """The covariance of the shares of a matrix of counts, row by row one after the other: (K·K, K·K).

    Parameters
    ----------
    counts : (K, K) counts, from in rows. groups : (G, K, K) counts of each village, None for independent pairs.
    level : of the intervals made from it, for the quantile of t below.

    Between villages: G/(G - 1)·Σ_g d_g d_g', d_g = (n_gij - p_ij·n_gi)/n_i the part of a village in the share, times
    (t/z)² with t of G - 1 degrees of freedom, G the villages seen in the row. W. Cochran, Sampling Techniques (1977),
    sections 6.3-6.4 and 9A; E. Korn, B. Graubard, Survey Methodology 24 (1998) 193-201 for (t/z)². A row seen in fewer
    than two villages, one whose villages differ by less than chance alone would make them, and every row without
    `groups`, has the multinomial's (diag(p) - pp')/n.

    >>> share_covariance(np.array([[50.0, 50.0], [0.0, 0.0]]))[0, :2].tolist()
    [0.0025, -0.0025]
    """
    size = len(counts)
    total = counts.sum(axis=1)
    share = np.nan_to_num(ratio(counts, total[:, None]))
    found = np.zeros((size, size, size, size))
    for i in np.flatnonzero(total > 0):
        found[i, :, i] = (np.diag(share[i]) - np.outer(share[i], share[i])) / total[i]
    if groups is None:
        return found.reshape(size**2, size**2)
    of_row = groups.sum(axis=2)
    seen = (of_row > 0).sum(axis=0)
    clustered = (seen > 1) & (total > 0)
    parts = (groups - share * of_row[:, :, None]) / np.where(total > 0, total, 1.0)[:, None]
    scale = np.where(clustered, np.sqrt(seen / np.maximum(seen - 1.0, 1.0)) * _widened(seen, level), 0.0)
    parts = (parts * scale[:, None]).reshape(len(groups), -1)
    parts = parts.reshape(len(groups), size, size)
    even = (parts**2).sum(axis=(0, 2)) < [np.trace(found[i, :, i]) for i in range(size)]
    parts = np.where((clustered & ~even)[:, None], parts, 0.0).reshape(len(groups), -1)
    between = (parts.T @ parts).reshape(size, size, size, size)
    for i in np.flatnonzero(~clustered | even):
        between[i, :, i] = found[i, :, i]
    return between.reshape(size**2, size**2)


def between(parts: np.ndarray, clusters: int, level: float = LEVEL) -> float:
    """The variance of a sum of the parts of clusters, of mean zero: G/(G - 1)·Σ parts², times (t/z)²; NaN for one.

    >>> round(between(np.array([0.1, -0.1, 0.0]), 3), 4)
    0.0945
    """
    if clusters < 2:
        return float("nan")
    return float((parts**2).sum() * clusters / (clusters - 1) * _widened(np.array(float(clusters)), level) ** 2)


def _widened(clusters: np.ndarray, level: float) -> np.ndarray:
    """t of G - 1 degrees of freedom over the normal quantile: the price of few clusters."""
    upper = (1 + check_level(level)) / 2
    return stdtrit(np.maximum(clusters - 1.0, 1.0), upper) / ndtri(upper)


def effective_counts(counts: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """The effective number of pairs behind each share: (K, K), at most the pairs of the row.

    p(1 - p) over the variance (Korn and Graubard, 1998); for a share of 0 or 1, which has no variance of its own, the
    effective number of its row.
    """
    total = counts.sum(axis=1, keepdims=True)
    share = np.nan_to_num(ratio(counts, total))
    variance = np.diag(covariance).reshape(counts.shape)
    own = np.divide(share * (1 - share), variance, out=np.full(counts.shape, np.nan), where=variance > 0)
    row = effective_rows(counts, covariance)[:, None]
    return np.minimum(np.where(np.isfinite(own), own, row), total + np.zeros_like(counts))


def effective_rows(counts: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """The pairs of each row over its design effect, of at least 1: Σ_j variance over Σ_j p(1 - p)/n.

    A row that is all in one cell takes the design effect of all rows.
    """
    total = counts.sum(axis=1)
    share = np.nan_to_num(ratio(counts, total[:, None]))
    variance = np.diag(covariance).reshape(counts.shape).sum(axis=1)
    plain = np.nan_to_num(ratio((share * (1 - share)).sum(axis=1), total))
    whole = float(ratio(variance.sum(), plain.sum()))
    design = np.nan_to_num(ratio(variance, plain), nan=np.nan_to_num(whole, nan=1.0))
    return total / np.maximum(design, 1.0)


def rate_limits(rate: Any, variance: Any, exposure: Any, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Jeffreys limits of a rate per month from its variance; for a rate of 0 from the months at risk.

    With m = rate²/variance effective moves in m/rate months: quantiles of Gamma(m + ½) over the months. With variance
    rate/months these are Jeffreys' limits of a Poisson rate: L. Brown, T. Cai, A. DasGupta, Statistica Sinica 13 (2003)
    19-49. Below one effective move, and for a rate estimated below 0: from 0 to the larger of rate + z·sd and the limit
    of no move in `exposure` months. NaN where neither is known.

    >>> lo, hi = rate_limits(0.05, 0.05 / 200, 200.0)  # 10 moves in 200 months
    >>> round(float(lo), 4), round(float(hi), 4)
    (0.029, 0.0817)
    """
    value, spread, risk = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (rate, variance, exposure)))
    tail = (1 - check_level(level)) / 2
    moves = np.divide(np.maximum(value, 0.0) ** 2, spread, out=np.zeros(value.shape), where=spread > 0)
    few = moves < 1
    months = np.divide(value, spread, out=np.full(value.shape, np.nan), where=~few)
    none = np.divide(gammaincinv(0.5, 1 - tail), risk, out=np.full(value.shape, np.nan), where=risk > 0)
    upper = np.maximum(value - ndtri(tail) * np.sqrt(spread), none)
    lo = np.where(few, 0.0 * none, gammaincinv(moves + 0.5, tail) / months)
    return lo, np.where(few, upper, gammaincinv(moves + 0.5, 1 - tail) / months)


def chance_limits(chance: Any, variance: Any, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Jeffreys limits of a probability from its variance, by the effective number p(1 - p)/variance; NaN without one.

    >>> lo, hi = chance_limits(0.25, 0.25 * 0.75 / 20)  # 5 in 20
    >>> round(float(lo), 3), round(float(hi), 3)
    (0.122, 0.429)
    """
    value, spread = np.broadcast_arrays(np.asarray(chance, dtype=float), np.asarray(variance, dtype=float))
    n = np.divide(value * (1 - value), spread, out=np.zeros(value.shape), where=spread > 0)
    return share_limits(value * n, n, level)


def derivative(rates: np.ndarray, months: float) -> np.ndarray:
    """How P = exp(months·Q) follows Q: (K·K, K·K), d vec P = D · d vec Q, vec row by row.

    A column per entry of Q, by the Fréchet derivative of the exponential: A. Al-Mohy, N. Higham, SIAM Journal on Matrix
    Analysis 30 (2009) 1639-1657.
    """
    from scipy.linalg import expm_frechet

    size = len(rates)
    columns = np.empty((size**2, size**2))
    for place in range(size**2):
        unit = np.zeros(size**2)
        unit[place] = months
        columns[:, place] = expm_frechet(rates * months, unit.reshape(size, size), compute_expm=False).reshape(-1)
    return columns


def rate_covariance(rates: np.ndarray, months: float, of_shares: np.ndarray) -> np.ndarray:
    """The covariance of Q = log(P)/months by the delta method from that of the shares P, both row by row."""
    inverse = np.linalg.pinv(derivative(rates, months))
    return inverse @ of_shares @ inverse.T


def likelihood_covariance(
    rates: np.ndarray,
    counts: dict[float, np.ndarray],
    groups: dict[float, np.ndarray] | None,
    allowed: np.ndarray,
    level: float = LEVEL,
) -> np.ndarray:
    """The covariance of rates of highest likelihood, row by row.

    Parameters
    ----------
    counts : months apart → (K, K). groups : months apart → (G, K, K), None for independent pairs. allowed : the rates
        that were free.

    The inverse of the expected information of J. Kalbfleisch, J. Lawless, JASA 80 (1985) 863-871; with groups the
    sandwich of the villages' scores, times G/(G - 1) and (t/z)².
    """
    from scipy.linalg import expm

    size = len(rates)
    free = np.flatnonzero(allowed.reshape(-1))
    steps = np.zeros((size**2, len(free)))
    steps[free, np.arange(len(free))] = 1.0
    steps[free // size * size + free // size, np.arange(len(free))] = -1.0  # the diagonal makes up for each rate
    seen = 1 if groups is None else len(next(iter(groups.values())))
    information, scores = np.zeros((len(free), len(free))), np.zeros((seen, len(free)))
    for gap, square in counts.items():
        prob = np.maximum(expm(rates * gap), 1e-14).reshape(-1)
        slope = derivative(rates, gap) @ steps
        information += slope.T @ (slope * (np.repeat(square.sum(axis=1), size) / prob)[:, None])
        if groups is not None:
            scores += (groups[gap].reshape(seen, -1) / prob) @ slope
    inverse = np.linalg.pinv(information, hermitian=True)
    if seen > 1:
        widened = seen / (seen - 1) * _widened(np.array(float(seen)), level) ** 2
        inverse = inverse @ (scores.T @ scores) @ inverse * widened
    return steps @ inverse @ steps.T
