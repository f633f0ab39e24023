"""Intervals of bins that allow for villages, by a second path: written anew from their definitions, cluster by cluster.

Bad rates: CR2 variance of a mean, Bell and McCaffrey's degrees of freedom as traces of its quadratic form. IV: second
order in the shares, as matrices, with the covariance of the shares from sums by village; limits as roots of a square.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

LEAST_DF = 4.0


class Clustered:
    """Goods and bads by village and bin, and what sharing a village does to the limits of each bin.

    Parameters
    ----------
    place, y, village : bin, outcome and village of each row. size : number of bins. woe, pseudo : of each bin.
    """

    def __init__(
        self, place: np.ndarray, y: np.ndarray, village: Any, size: int, woe: np.ndarray, pseudo: np.ndarray
    ) -> None:
        self.alone = village is None
        codes: Any = pd.factorize(np.zeros(len(y)) if village is None else village, sort=True)[0]
        n = pd.crosstab(codes, place).reindex(columns=range(size), fill_value=0).to_numpy(dtype=float)
        self.b = np.column_stack([np.bincount(codes, (place == k) * y, int(codes.max()) + 1) for k in range(size)])
        self.g, self.woe, self.pseudo = n - self.b, woe, pseudo
        self.n = n.sum(axis=0)
        self.whole = n.sum()
        self._design()

    def _design(self) -> None:
        n, b, g = self.g + self.b, self.b, self.g
        B, G, K = float(b.sum()), float(g.sum()), n.shape[1]
        self.deff, self.woe_deff, self.df, self.all_df = np.ones(K), np.ones(K), np.full(K, np.inf), np.inf
        if self.alone:
            return
        error, df, seen = np.zeros_like(n), np.zeros(K), np.zeros(K)
        for k in range(K):
            error[:, k], df[k], seen[k] = _cr2(b[:, k], n[:, k])
        all_error, self.all_df, _ = _cr2(b.sum(axis=1), n.sum(axis=1))
        bk, gk, nk = b.sum(axis=0), g.sum(axis=0), self.n
        mixed = (bk > 0) & (gk > 0) & (df >= LEAST_DF)
        deff, woe_deff = np.ones(K), np.ones(K)
        for j in np.flatnonzero(mixed):
            binomial = bk[j] * gk[j] / nk[j]
            deff[j] = (error[:, j] ** 2).sum() / binomial
            alone = 1 / gk[j] + 1 / bk[j] - 1 / G - 1 / B
            pull = all_error / (B * G / self.whole) - error[:, j] / binomial
            woe_deff[j] = (pull**2).sum() / alone if alone > 1e-12 else 0.0
        extra = float((nk * (seen - 1))[mixed].sum())
        rho = min(max(float((nk * (deff - 1))[mixed].sum()) / extra, 0.0), 1.0) if extra > 0 else 0.0
        pooled = 1 + np.maximum(seen - 1, 0) * rho
        self.deff = np.maximum(np.where(mixed, deff, pooled), 1)
        self.woe_deff = np.maximum(np.where(mixed, woe_deff, pooled), 1)
        self.df = np.where(mixed, df, max(self.all_df, 1.0))

    def rates(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Jeffreys limits of the bad rate on effective rows."""
        tail = (1 - level) / 2
        shrink = (stats.norm.ppf(1 - tail) / stats.t.ppf(1 - tail, self.df)) ** 2 / self.deff
        b, n = self.b.sum(axis=0) * shrink, self.n * shrink
        lo = np.where(b > 0, stats.beta.ppf(tail, b + 0.5, n - b + 0.5), 0.0)
        hi = np.where(b < n, stats.beta.ppf(1 - tail, b + 0.5, n - b + 0.5), 1.0)
        return lo, hi

    def woes(self, level: float) -> np.ndarray:
        """Half the width of the limits of each WOE."""
        G, B = self.g.sum(), self.b.sum()
        share = B / (G + B)
        more_g, more_b = self.pseudo * (1 - share), self.pseudo * share
        g, b = self.g.sum(axis=0) + more_g, self.b.sum(axis=0) + more_b
        variance = 1 / g - 1 / (G + more_g) + 1 / b - 1 / (B + more_b)
        return stats.t.ppf((1 + level) / 2, self.df) * np.sqrt(np.maximum(variance, 0) * self.woe_deff)

    def iv(self, level: float) -> dict[str, float]:
        """Limits of the IV of all bins and what chance alone would give."""
        z = float(stats.t.ppf((1 + level) / 2, max(self.all_df, 1.0)))
        G, B = self.g.sum(), self.b.sum()
        used = self.n > 0
        shares = np.concatenate([self.g.sum(axis=0) / G, self.b.sum(axis=0) / B])
        S = self._independent() if self.alone else self._covariance()
        gradient, hessian = self._derivatives(shares, used)
        bias = max(float(np.trace(hessian @ S)) / 2, 0.0)
        linear = max(float(gradient @ S @ gradient), 0.0)
        quadratic = max(float(np.trace(hessian @ S @ hessian @ S)) / 2, 0.0)
        K = len(self.n)
        value = float(((shares[:K] - shares[K:]) * self.woe)[used].sum())
        slope = linear / value if value > 1e-15 else 0.0
        # the θ with (middle - θ)² = z²(slope·θ + quadratic); chance is never less than at an IV of 0
        middle = value - bias
        inside = middle**2 - z**2 * quadratic + min(middle, 0.0) * z**2 * slope
        lo, hi = sorted(float(np.real(r)) for r in np.roots([1.0, -(2 * middle + z**2 * slope), inside]))
        return {"iv_lo": max(lo, 0.0), "iv_hi": max(hi, 0.0), "iv_noise": self._noise(S)}

    def _covariance(self) -> np.ndarray:
        parts = []
        for counts in (self.g, self.b):
            total = counts.sum()
            parts.append((counts - np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total) / total)
        z, C = np.hstack(parts), len(self.g)
        return z.T @ z * C / (C - 1)

    def _independent(self) -> np.ndarray:
        K = len(self.n)
        S = np.zeros((2 * K, 2 * K))
        for place, counts in ((slice(0, K), self.g.sum(axis=0)), (slice(K, 2 * K), self.b.sum(axis=0))):
            m = counts / counts.sum()
            S[place, place] = (np.diag(m) - np.outer(m, m)) / counts.sum()
        return S

    def _derivatives(self, shares: np.ndarray, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradient and Hessian of IV = Σ (p - q)·WOE in p and q; the WOE is that of counts with pseudo-rows."""
        K, G, B = len(self.n), self.g.sum(), self.b.sum()
        share = B / (G + B)
        p, q = shares[:K], shares[K:]
        slope_p = G / (p * G + self.pseudo * (1 - share))
        slope_q = B / (q * B + self.pseudo * share)
        slope_p, slope_q = np.where(used, slope_p, 0), np.where(used, slope_q, 0)
        gradient = np.concatenate([self.woe + (p - q) * slope_p, -self.woe - (p - q) * slope_q])
        hessian = np.diag(np.concatenate([2 * slope_p - (p - q) * slope_p**2, 2 * slope_q + (p - q) * slope_q**2]))
        cross = np.diag(-slope_p - slope_q)
        hessian[:K, K:], hessian[K:, :K] = cross, cross
        return gradient, hessian

    def _noise(self, S: np.ndarray) -> float:
        K, G, B = len(self.n), self.g.sum(), self.b.sum()
        used = self.n > 0
        sums = []
        for C in (S, self._independent()):
            spread = [C[k, k] + C[K + k, K + k] - 2 * C[k, K + k] for k in range(K)]
            sums.append(float((np.array(spread)[used] / (self.n[used] / self.whole)).sum()))
        kept = np.divide(self.n, self.n + self.pseudo, out=np.zeros(K), where=used)
        plain = float(((1 - self.n / self.whole) * kept).sum() * (1 / G + 1 / B))
        return plain * max(sums[0] / max(sums[1], 1e-300), 1.0)


def _cr2(part: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Errors of each cluster in a mean, over √(1 - h); Satterthwaite's degrees of freedom; the mean cluster size seen.

    The degrees of freedom are (tr A)² / tr A² of the quadratic form A of the variance under independent rows.
    """
    n = size.sum()
    if n <= 0:
        return np.zeros(len(size)), 0.0, 0.0
    h = size / n
    seen = float((size**2).sum() / n)
    error = part - part.sum() / n * size
    if (h > 1 - 1e-12).any():
        return error, 0.0, seen
    # residual of cluster c: e_c - h_c·Σe, rows independent with one variance; each over √(1 - h)
    M = np.diag(np.sqrt(size)) - np.outer(size, np.sqrt(size)) / n
    A = M.T @ np.diag(1 / (1 - h)) @ M
    df = float(np.trace(A) ** 2 / np.trace(A @ A))
    return error / np.sqrt(1 - h), df, seen
