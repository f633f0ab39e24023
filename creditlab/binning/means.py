"""A continuous target in bins: amounts as shares of their range for the search, moments by bin for the table.

The engine of counts serves amounts too: an amount that lies a share p of the way from the smallest to the largest is p
of a bad and 1 - p of a good, so that weight, mean and sum of squares between bins are what they are of counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import stdtrit

from creditlab.binning.search import Limits


@dataclass(frozen=True)
class MeanRules:
    """What every bin of a continuous target must satisfy; see `ContinuousBinner`."""

    max_bins: int
    min_share: float
    min_rows: float
    min_gap: float
    prior: float
    seed: int


@dataclass(frozen=True)
class MeanSample:
    """The target side of some rows: amounts `y`, their weights, and the range of the amounts of the whole fit."""

    y: np.ndarray
    weight: np.ndarray
    low: float
    span: float
    part: None = None
    part_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, y: np.ndarray, weight: np.ndarray | None) -> MeanSample:
        """The amounts of all rows; they must not all be the same."""
        low = float(y.min())
        return cls(y, np.ones(len(y)) if weight is None else weight, low, float(y.max()) - low)

    @property
    def n(self) -> float:
        """The weight of all rows."""
        return float(self.weight.sum())

    @cached_property
    def mean(self) -> float:
        """The weighted mean amount."""
        return float(self.low + (self.weight @ (self.y - self.low)) / self.n)

    @cached_property
    def share(self) -> np.ndarray:
        """Where each amount lies between the smallest (0) and the largest (1)."""
        return (self.y - self.low) / self.span

    @cached_property
    def scratch(self) -> np.ndarray:
        """(n,) int64 room for the cell numbers of one column at a time."""
        return np.empty(len(self.y), dtype=np.int64)

    def counts(self, codes: np.ndarray, size: int) -> np.ndarray:
        """(2, size): the weight of each code as goods and bads; bads are the part that lies in the amounts."""
        n = np.bincount(codes, weights=self.weight, minlength=size)
        bads = np.bincount(codes, weights=self.weight * self.share, minlength=size)
        return np.stack([np.maximum(n - bads, 0.0), bads])

    def rows(self, at: np.ndarray) -> MeanSample:
        """Some of the rows, with the range of all."""
        return replace(self, y=self.y[at], weight=self.weight[at])

    def limits(self, rules: MeanRules, n: float) -> Limits:
        """The limits of regular bins in a column with weight `n` that is neither missing nor special."""
        bads = float(self.weight @ self.share)
        return Limits(
            max_bins=rules.max_bins,
            min_n=max(rules.min_share * n, rules.min_rows),
            total_goods=self.n - bads,
            total_bads=bads,
            objective="squares",
            min_rate_gap=rules.min_gap / self.span,
        )


@dataclass(frozen=True)
class Moments:
    """Weight and amounts by bin, about the mean of all rows, and the standard errors they give.

    Parameters
    ----------
    mean : of all rows.
    n : (bins,) weight. away : (bins,) sum of amount - mean. square : (bins,) sum of its square.
    se_mean, se_effect : (bins,) standard error of the bin's mean, and of its distance from the mean of all rows.
    df : (bins,) degrees of freedom of both; 0 or less where they are not estimable.
    zeros : (bins,) weight of rows whose amount is zero.
    clusters : how many clusters the rows come from; 0 where they are independent.
    """

    mean: float
    n: np.ndarray
    away: np.ndarray
    square: np.ndarray
    se_mean: np.ndarray
    se_effect: np.ndarray
    df: np.ndarray
    zeros: np.ndarray
    clusters: int = 0

    @classmethod
    def of(cls, codes: np.ndarray, size: int, sample: MeanSample, groups: np.ndarray | None = None) -> Moments:
        """The moments of rows whose bin numbers are `codes`; `groups` are the numbers 0 … of their clusters.

        The variance of a mean is the sum of squares of what each row, or each cluster, adds to its error (linearised;
        small-sample factor k / (k - 1), t quantiles with k - 1 degrees of freedom, k rows or clusters in the bin).
        """
        w, d = sample.weight, sample.y - sample.mean

        def by_bin(values: np.ndarray) -> np.ndarray:
            return np.bincount(codes, weights=values, minlength=size)

        n, away, square = by_bin(w), by_bin(w * d), by_bin(w * d * d)
        zeros = by_bin(w * (sample.y == 0))
        if groups is None:
            errors = _independent(n, away, square)
            return cls(sample.mean, n, away, square, *errors, zeros)
        clusters = int(groups.max()) + 1
        place = groups * size + codes
        table = [np.bincount(place, weights=v, minlength=clusters * size).reshape(clusters, size) for v in (w, w * d)]
        return cls(sample.mean, n, away, square, *_clustered(table[0], table[1], n, away), zeros, clusters)

    def joined(self) -> float:
        """The share of the variance of the amounts that lies between the bins: R²."""
        filled = self.n > 0
        return float((self.away[filled] ** 2 / self.n[filled]).sum() / self.square.sum())

    def quantile(self, level: float) -> np.ndarray:
        """(bins,) two-sided t quantiles, NaN where nothing is estimable."""
        known = self.df > 0
        return np.where(known, stdtrit(np.where(known, self.df, 1.0), 0.5 + level / 2), np.nan)

    def to_dict(self) -> dict[str, Any]:
        """The moments as JSON types; what is not estimable is None."""
        lists = {name: [float(v) if np.isfinite(v) else None for v in getattr(self, name)] for name in _BY_BIN}
        return {"mean": self.mean, "clusters": self.clusters} | lists

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> Moments:
        """The moments that `to_dict` wrote."""
        lists = {name: np.array([np.nan if v is None else v for v in d[name]], dtype=float) for name in _BY_BIN}
        return cls(mean=float(d["mean"]), clusters=int(d["clusters"]), **lists)


_BY_BIN = ("n", "away", "square", "se_mean", "se_effect", "df", "zeros")


def _independent(n: np.ndarray, away: np.ndarray, square: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    total = n.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        within = np.maximum(square - away**2 / n, 0.0)
        mean = within / (n * (n - 1))
        apart = within / n**2 - 2 * within / (n * total) + square.sum() / total**2
        effect = np.maximum(apart, 0.0) * n / (n - 1)
    return _root(mean), _root(effect), n - 1.0


def _clustered(
    n_by: np.ndarray, away_by: np.ndarray, n: np.ndarray, away: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    inside = (n_by > 0).sum(axis=0).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = (away_by - n_by * (away / n)) / n
        small = inside / (inside - 1)
        mean = (own**2).sum(axis=0) * small
        effect = ((own - away_by.sum(axis=1, keepdims=True) / n.sum()) ** 2).sum(axis=0) * small
    return _root(mean), _root(effect), inside - 1.0


def _root(variance: np.ndarray) -> np.ndarray:
    known = np.isfinite(variance) & (variance >= 0)
    return np.where(known, np.sqrt(np.where(known, variance, 0.0)), np.nan)
