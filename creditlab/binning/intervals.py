"""Intervals of bad rate and WOE, for independent rows or for rows that share a village.

All are functions of counts, so that a weight of w equals w copies and no row is needed. Without clusters the counts are
two multinomial samples. With clusters the variance is linearised (Taylor): each cluster's share of the error of a ratio
is summed before it is squared. The information value has its own module; nothing here finds bins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import betaincinv, ndtri, stdtrit

from creditlab.binning.information import iv_moments, noise_iv, noise_of, share_covariance

#: a bin whose clusters give fewer degrees of freedom than this takes the sample's own intra-cluster correlation
LEAST_DF = 4.0
Limits = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Design:
    """What sharing a cluster does to the intervals of each bin, relative to independent rows.

    Parameters
    ----------
    clusters : how many clusters the rows come from.
    within : (bins,) clusters with rows in each bin.
    deff : (bins,) design effect of the bad rate: clustered over binomial variance, at least 1.
    woe_deff : (bins,) design effect of the WOE, at least 1.
    step_deff : (bins - 1,) design effect of the difference of log-odds between a bin and the next, at least 1.
    share_deff : design effect of the shares of rows, all bins together (Rao and Scott's mean), at least 1.
    df : (bins,) degrees of freedom of the t quantile.
    rho : intra-cluster correlation that reproduces the design effects of the bins together.
    iv : bias, linear and quadratic variance of the IV of each bin and, last, of all bins: (3, bins + 1).
    iv_df : degrees of freedom for the IV.
    noise : IV to expect in these bins when there is no relation.
    """

    clusters: int
    within: np.ndarray
    deff: np.ndarray
    woe_deff: np.ndarray
    step_deff: np.ndarray
    share_deff: float
    df: np.ndarray
    rho: float
    iv: np.ndarray
    iv_df: float
    noise: float

    _ARRAYS: ClassVar = ("within", "deff", "woe_deff", "step_deff", "df", "iv")
    _SINGLE: ClassVar = ("share_deff", "rho", "iv_df", "noise")

    def to_dict(self) -> dict[str, Any]:
        """The design as JSON types."""
        arrays = {name: getattr(self, name).tolist() for name in self._ARRAYS}
        return {"clusters": self.clusters, **arrays, **{name: getattr(self, name) for name in self._SINGLE}}

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> Design:
        """The design that `to_dict` wrote."""
        read: dict[str, Any] = {name: np.asarray(d[name], dtype=float) for name in cls._ARRAYS}
        read |= {name: float(d[name]) for name in cls._SINGLE}
        return cls(clusters=int(d["clusters"]), **read)


def design_of(goods: np.ndarray, bads: np.ndarray, woe: np.ndarray, pseudo: np.ndarray) -> Design | None:
    """The design of goods and bads by cluster and bin, both (clusters, bins); None where nothing can be estimated.

    Bad rate r of a bin: V = Σ_c e_c² / (1 - n_c/n) / n², e_c = b_c - r·n_c: the CR2 variance of a mean, C/(C - 1) times
    the plain sandwich when clusters are of one size; its degrees of freedom are Bell and McCaffrey's (Survey
    Methodology 28, 2002) under independent rows. WOE: the same with each cluster's part of ln(g/G) - ln(b/B). A bin
    that is pure, or whose clusters give fewer than 4 degrees of freedom, takes 1 + (m - 1)·rho, m the mean cluster size
    that a row sees and rho the intra-cluster correlation of the other bins (Kish 1965). No interval is made narrower
    than that of independent rows.
    """
    g, b, n = goods.sum(axis=0), bads.sum(axis=0), (goods + bads).sum(axis=0)
    if len(goods) < 2 or not g.any() or not b.any():
        return None
    bins, everything = Ratio.of(bads, goods + bads), Ratio.of(bads.sum(1)[:, None], (goods + bads).sum(1)[:, None])
    mixed = (g > 0) & (b > 0) & (bins.df >= LEAST_DF)
    binomial = np.where(mixed, n * bins.rate * (1 - bins.rate), 1.0)
    whole = float(n.sum() * everything.rate[0] * (1 - everything.rate[0]))
    log_odds = np.where(mixed, bins.error / binomial, 0.0)  # each cluster's part of ln(b/g)
    alone = np.where(mixed, 1 / np.where(mixed, g, 1) + 1 / np.where(mixed, b, 1), np.inf)
    deff = (bins.error**2).sum(axis=0) / binomial
    naive = alone - 1 / g.sum() - 1 / b.sum()  # 0 where one bin holds all rows: its WOE is 0
    woe_deff = ((everything.error / whole - log_odds) ** 2).sum(axis=0) / np.where(naive > 1e-12, naive, np.inf)
    step_deff = (np.diff(log_odds, axis=1) ** 2).sum(axis=0) / (alone[1:] + alone[:-1])
    rho = correlation(deff, bins.seen, n, mixed)
    pooled = 1 + np.maximum(bins.seen - 1, 0) * rho
    shares = clustered_covariance(goods, bads)
    return Design(
        clusters=len(goods),
        within=(goods + bads > 0).sum(axis=0).astype(float),
        deff=np.maximum(np.where(mixed, deff, pooled), 1.0),
        woe_deff=np.maximum(np.where(mixed, woe_deff, pooled), 1.0),
        step_deff=np.maximum(np.where(mixed[1:] & mixed[:-1], step_deff, np.maximum(pooled[1:], pooled[:-1])), 1.0),
        share_deff=share_effect(goods + bads),
        df=np.where(mixed, bins.df, np.maximum(everything.df, 1.0)),
        rho=rho,
        iv=iv_moments(g, b, woe, pseudo, shares),
        iv_df=max(float(everything.df[0]), 1.0),
        noise=noise_iv(g, b, pseudo) * max(noise_of(shares, n) / max(noise_of(share_covariance(g, b), n), 1e-300), 1.0),
    )


def share_effect(n: np.ndarray) -> float:
    """Mean generalised design effect of the shares of rows by bin, from rows by cluster and bin (clusters, bins).

    Σ V(m)/m over that of independent rows, (bins - 1)/n (J. Rao, A. Scott, JASA 76, 1981); at least 1.
    """
    total = n.sum(axis=0)
    used, share = total > 0, total / total.sum()
    if used.sum() < 2:
        return 1.0
    error = (n - share * n.sum(axis=1)[:, None])[:, used] / total.sum()
    clustered = float(((error**2).sum(axis=0) / share[used]).sum()) * len(n) / (len(n) - 1)
    return max(clustered * float(total.sum()) / (used.sum() - 1), 1.0)


@dataclass(frozen=True)
class Ratio:
    """Σ part / Σ whole by bin, with each cluster's share of its error.

    Parameters
    ----------
    rate : (bins,) the ratio.
    error : (clusters, bins) part - rate·whole of each cluster, over √(1 - its share of the bin).
    df : (bins,) degrees of freedom of the variance Σ error² / (Σ whole)²; 0 where one cluster holds the bin.
    seen : (bins,) mean size of the cluster of a unit of `whole`: Σ whole_c² / Σ whole_c.
    """

    rate: np.ndarray
    error: np.ndarray
    df: np.ndarray
    seen: np.ndarray

    @classmethod
    def of(cls, part: np.ndarray, whole: np.ndarray) -> Ratio:
        """The ratio of two arrays (clusters, bins)."""
        total = whole.sum(axis=0)
        safe = np.where(total > 0, total, 1.0)
        rate, left = part.sum(axis=0) / safe, 1 - whole / safe
        alone = ~(left > 1e-12).all(axis=0)
        error = (part - rate * whole) / np.sqrt(np.where(alone, 1.0, left))
        df = np.where(alone | (total <= 0), 0.0, degrees_of_freedom(np.where(alone, 1.0, whole)))
        return cls(rate, error, df, (whole**2).sum(axis=0) / safe)


def degrees_of_freedom(size: np.ndarray) -> np.ndarray:
    """Bell and McCaffrey's degrees of freedom of the CR2 variance of a mean, from cluster sizes (clusters, bins).

    They are what Satterthwaite's rule gives for independent rows: C - 1 for C clusters of one size, fewer when sizes
    differ.

    >>> degrees_of_freedom(np.array([[5.0], [5.0], [5.0]]))
    array([2.])
    """
    share = size / np.maximum(size.sum(axis=0), 1e-300)
    q = np.divide(share**2, 1 - share, out=np.zeros_like(share), where=share < 1)
    return 1 / np.maximum((share**2).sum(axis=0) + q.sum(axis=0) ** 2 - (q**2).sum(axis=0), 1e-300)


def correlation(deff: np.ndarray, seen: np.ndarray, n: np.ndarray, mixed: np.ndarray) -> float:
    """The intra-cluster correlation, 0 to 1, that reproduces these design effects: Σ n(deff - 1) / Σ n(m - 1)."""
    extra = float((n * (seen - 1))[mixed].sum())
    return min(max(float((n * (deff - 1))[mixed].sum()) / extra, 0.0), 1.0) if extra > 0 else 0.0


def clustered_covariance(goods: np.ndarray, bads: np.ndarray) -> np.ndarray:
    """Covariance of the shares of goods and of bads by bin when rows share clusters: C/(C - 1)·Σ_c z_c z_c'."""
    z = [(c - c.sum(axis=0) / c.sum() * c.sum(axis=1)[:, None]) / c.sum() for c in (goods, bads)]
    shares = np.hstack(z)
    return len(shares) / (len(shares) - 1) * shares.T @ shares


def amount_size(
    amount: np.ndarray, bad_amount: np.ndarray, square: np.ndarray, clusters: tuple[np.ndarray, np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Effective rows (bins,) behind a bad rate by amount, and its degrees of freedom (infinite without clusters).

    (Σ amount)² / Σ amount², at most; with `clusters` (amounts and bad amounts by cluster and bin) what the clustered
    variance of the ratio leaves.
    """
    kish = np.divide(amount**2, square, out=np.zeros_like(amount), where=square > 0)
    if clusters is None or len(clusters[0]) < 2:
        return kish, np.full(len(kish), np.inf)
    ratio = Ratio.of(clusters[1], clusters[0])
    mixed = (bad_amount > 0) & (bad_amount < amount) & (ratio.df >= LEAST_DF)
    variance = (ratio.error**2).sum(axis=0) / np.where(mixed, amount**2, 1.0)
    binomial = np.where(mixed, ratio.rate * (1 - ratio.rate), 1.0)
    deff = np.maximum(variance / binomial * kish, 1.0)
    seen = np.divide(ratio.seen, np.divide(amount, kish, out=np.ones_like(kish), where=kish > 0))
    rho = correlation(deff, seen, amount, mixed)
    deff = np.where(mixed, deff, 1 + np.maximum(seen - 1, 0) * rho)
    df = np.where(mixed, ratio.df, np.maximum(Ratio.of(*(c.sum(axis=1)[:, None] for c in clusters[::-1])).df, 1.0))
    return kish / deff, df


def rate_limits(bads: np.ndarray, n: np.ndarray, level: float, design: Design | None = None) -> Limits:
    """Jeffreys limits of a bad rate (Brown, Cai, DasGupta, Statistical Science 16, 2001); NaN without rows.

    With a design the rate is that of n* = n / deff · (z/t)² rows (Korn and Graubard, Survey Methodology 24, 1998).
    """
    if design is not None:
        size = quantile(level) ** 2 / (design.deff * quantile(level, design.df) ** 2)
        bads, n = bads * size, n * size
    return jeffreys(bads, n, level)


def jeffreys(bads: np.ndarray, n: np.ndarray, level: float) -> Limits:
    """Equal-tailed limits of Beta(b + ½, n - b + ½), 0 without bads and 1 without goods; NaN without rows."""
    tail = (1 - level) / 2
    lo = np.where(bads > 0, betaincinv(bads + 0.5, n - bads + 0.5, tail), 0.0)
    hi = np.where(bads < n, betaincinv(bads + 0.5, n - bads + 0.5, 1 - tail), 1.0)
    return np.where(n > 0, lo, np.nan), np.where(n > 0, hi, np.nan)


def woe_limits(
    goods: np.ndarray, bads: np.ndarray, woe: np.ndarray, pseudo: np.ndarray, level: float, design: Design | None = None
) -> Limits:
    """WOE ± quantile · error; variance 1/g - 1/G + 1/b - 1/B (Katz et al., Biometrics 34, 1978) with pseudo-rows."""
    half = quantile(level, None if design is None else design.df) * np.sqrt(
        woe_variance(goods, bads, pseudo) * (1.0 if design is None else design.woe_deff)
    )
    rows = goods + bads > 0
    return np.where(rows, woe - half, np.nan), np.where(rows, woe + half, np.nan)


def woe_variance(goods: np.ndarray, bads: np.ndarray, pseudo: np.ndarray) -> np.ndarray:
    """Variance of ln(g/G) - ln(b/B), goods and bads being two multinomial samples, pseudo-rows counted."""
    total_goods, total_bads = goods.sum(), bads.sum()
    share = total_bads / (total_goods + total_bads)
    g, b = goods + pseudo * (1 - share), bads + pseudo * share
    with np.errstate(divide="ignore"):
        variance = 1 / g - 1 / (total_goods + pseudo * (1 - share)) + 1 / b - 1 / (total_bads + pseudo * share)
    return np.maximum(variance, 0.0)


def quantile(level: float, df: np.ndarray | None = None) -> Any:
    """The two-sided quantile: normal, or t with these degrees of freedom."""
    return ndtri((1 + level) / 2) if df is None else stdtrit(df, (1 + level) / 2)
