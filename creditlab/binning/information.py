"""The information value as an estimate: its bias, its variance, its limits, and what chance alone would give.

IV sums (p - q)·ln(p/q) over bins, p and q their shares of goods and bads (Jeffreys' divergence, 1946). It is never
negative, so chance counts as information: with few bads a useless characteristic has an IV too. All are functions of
counts; bins are taken as given.
"""

from __future__ import annotations

import numpy as np


def iv_limits(
    goods: np.ndarray,
    bads: np.ndarray,
    woe: np.ndarray,
    pseudo: np.ndarray,
    z: float,
    moments: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Limits of the IV of each bin and, last, of all bins together: (bins + 1,) each.

    The observed IV is too high by its second-order bias: it counts chance as information. With bias b, variance
    c·IV + q (delta method to second order on multinomial or clustered shares) the limits are the IVs θ with
    (IV - b - θ)² = z²(c·θ + q), as Wilson's are for a proportion; never below 0. Bins are taken as given: the search
    that chose them on the same rows adds to the IV, which only other rows show.

    Parameters
    ----------
    goods, bads, woe, pseudo : (bins,), of one set of rows; both classes present.
    z : the quantile.
    moments : those of a clustered design; None for independent rows.
    """
    moments = iv_moments(goods, bads, woe, pseudo, share_covariance(goods, bads)) if moments is None else moments
    part = (goods / goods.sum() - bads / bads.sum()) * woe
    value = np.append(part, part.sum())
    bias, linear, quadratic = moments
    slope = np.divide(linear, value, out=np.zeros_like(value), where=value > 1e-15)
    centre = value - bias + z**2 * slope / 2
    half = z * np.sqrt(np.maximum(slope * (value - bias), 0.0) + quadratic + z**2 * slope**2 / 4)
    rows = np.append(goods + bads > 0, True)
    lo, hi = np.maximum(centre - half, 0.0), np.maximum(centre + half, 0.0)
    return np.where(rows, lo, np.nan), np.where(rows, hi, np.nan)


def iv_moments(
    goods: np.ndarray, bads: np.ndarray, woe: np.ndarray, pseudo: np.ndarray, covariance: np.ndarray
) -> np.ndarray:
    """Second-order bias, variance of the linear and of the quadratic part of each bin's IV and of their sum.

    IV of a bin is (p - q)·WOE with shares p = g/G, q = b/B. With gradient d and Hessian H of it, and the covariance S
    of the shares (2·bins, 2·bins; goods first): bias tr(HS)/2, variances d'Sd and tr(HSHS)/2.
    """
    size = len(goods)
    total_goods, total_bads = goods.sum(), bads.sum()
    share = total_bads / (total_goods + total_bads)
    with np.errstate(divide="ignore", invalid="ignore"):
        a, c = total_goods / (goods + pseudo * (1 - share)), total_bads / (bads + pseudo * share)
    used = (goods + bads > 0) & np.isfinite(a) & np.isfinite(c)
    a, c = np.where(used, a, 0.0), np.where(used, c, 0.0)
    gap = goods / total_goods - bads / total_bads
    gradient = np.concatenate([woe + gap * a, -woe - gap * c])
    pp, qq, pq = 2 * a - gap * a**2, 2 * c + gap * c**2, -a - c
    hessian = np.zeros((2 * size, 2 * size))
    own = np.arange(size)
    hessian[own, own], hessian[own + size, own + size] = pp, qq
    hessian[own, own + size] = hessian[own + size, own] = pq
    product = hessian @ covariance
    of_all = np.trace(product) / 2, gradient @ covariance @ gradient, np.trace(product @ product) / 2
    of_bins = _bin_moments(gradient.reshape(2, size), (pp, qq, pq), covariance)
    return np.maximum(np.column_stack([of_bins, np.array(of_all)]), 0.0)


def _bin_moments(
    gradient: np.ndarray, hessian: tuple[np.ndarray, np.ndarray, np.ndarray], covariance: np.ndarray
) -> np.ndarray:
    """The three moments of each bin alone, (3, bins), from its two shares."""
    size = gradient.shape[1]
    pp, qq, pq = hessian
    vp, vq = np.diag(covariance)[:size], np.diag(covariance)[size:]
    vpq = np.diag(covariance[:size, size:])
    upper, right, left, lower = pp * vp + pq * vpq, pp * vpq + pq * vq, pq * vp + qq * vpq, pq * vpq + qq * vq
    linear = gradient[0] ** 2 * vp + 2 * gradient[0] * gradient[1] * vpq + gradient[1] ** 2 * vq
    return np.array([(upper + lower) / 2, linear, (upper**2 + 2 * right * left + lower**2) / 2])


def share_covariance(goods: np.ndarray, bads: np.ndarray) -> np.ndarray:
    """Covariance of the shares of goods and of bads by bin, two independent multinomial samples."""
    size = len(goods)
    found = np.zeros((2 * size, 2 * size))
    for place, counts in ((slice(0, size), goods), (slice(size, 2 * size), bads)):
        share = counts / counts.sum()
        found[place, place] = (np.diag(share) - np.outer(share, share)) / counts.sum()
    return found


def noise_iv(goods: np.ndarray, bads: np.ndarray, pseudo: np.ndarray) -> float:
    """IV to expect in these bins without any relation: Σ (1 - m)·n/(n + pseudo) · (1/G + 1/B), m the share of rows.

    Without pseudo-rows that is (bins - 1)·(1/G + 1/B), since IV is then χ² with bins - 1 degrees of freedom times
    1/G + 1/B. It holds for bins found on other rows.

    >>> noise_iv(np.array([450.0, 450.0]), np.array([50.0, 50.0]), np.zeros(2)) == 1 / 900 + 1 / 100
    True
    """
    n = goods + bads
    kept = np.divide(n, n + pseudo, out=np.zeros_like(n), where=n > 0)
    return float(((1 - n / n.sum()) * kept).sum() * (1 / goods.sum() + 1 / bads.sum()))


def noise_of(covariance: np.ndarray, n: np.ndarray) -> float:
    """Σ V(p - q) / m: what the covariance of the shares alone adds to the IV."""
    size = len(n)
    variance = np.diag(covariance)[:size] + np.diag(covariance)[size:] - 2 * np.diag(covariance[:size, size:])
    return float((variance[n > 0] / (n[n > 0] / n.sum())).sum())
