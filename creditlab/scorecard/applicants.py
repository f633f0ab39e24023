"""Rows that were scored, what became of them, and sums over those whom a decision lets in, with intervals.

The strategy tables (gains, cut-offs, swaps, overrides) stand on it. An outcome may be unknown (NaN): who was never
granted a loan has none. Such rows count among applicants and never in a bad rate; where a PD is given it stands in for
the outcome in sums of money. Sums over rows that share a village are linearised, cluster by cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning.intervals import LEAST_DF, Ratio, correlation, jeffreys, quantile
from creditlab.checks import check_groups, check_prob, check_weights
from creditlab.errors import InputError, message

Limits = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Economics:
    """What a loan brings and costs, over its life, as parts of its amount.

    Parameters
    ----------
    margin : income less funding and running cost of a loan that is repaid, per yuan lent.
    lgd : loss of a loan that goes bad, per yuan lent (loss given default; interest lost and recovery counted).
    cost : yuan spent on each loan that is granted, whatever becomes of it.

    >>> economics = Economics(margin=0.05, lgd=0.6, cost=100)
    >>> economics.profit(np.array([10_000.0, 10_000.0]), np.array([0.0, 1.0])).tolist()
    [400.0, -6100.0]
    """

    margin: float
    lgd: float
    cost: float = 0.0

    def __post_init__(self) -> None:
        for name, low, high in (("margin", -1.0, 10.0), ("lgd", 0.0, 2.0), ("cost", 0.0, np.inf)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise InputError(
                    message(f"a number from {low:g} to {high:g}", repr(value), f"Economics({name}=...)", "Correct it.")
                )

    def loss(self, amount: np.ndarray, bad: np.ndarray) -> np.ndarray:
        """Yuan lost on each row, `bad` being 0, 1 or a probability."""
        return amount * self.lgd * bad

    def profit(self, amount: np.ndarray, bad: np.ndarray) -> np.ndarray:
        """Yuan earned on each row."""
        return amount * self.margin * (1 - bad) - self.loss(amount, bad) - self.cost

    def to_dict(self) -> dict[str, float]:
        """The three numbers."""
        return {"margin": self.margin, "lgd": self.lgd, "cost": self.cost}


@dataclass(frozen=True, eq=False)
class Applicants:
    """Checked rows.

    Parameters
    ----------
    bad : (n,) 1.0 bad, 0.0 good, NaN unknown. weight : (n,) copies of each row.
    prob : (n,) PD or None. amount : (n,) yuan or None. cluster : (n,) cluster codes or None; clusters : how many.
    """

    bad: np.ndarray
    weight: np.ndarray
    prob: np.ndarray | None
    amount: np.ndarray | None
    cluster: np.ndarray | None
    clusters: int

    @classmethod
    def of(cls, n: int, bad: Any, prob: Any, amount: Any, weight: Any, groups: Any) -> Applicants:
        """The rows of n applicants, or an `InputError` that names what cannot be used."""
        codes = None if groups is None else pd.factorize(check_groups(groups, n))[0]
        return cls(
            bad=_outcomes(bad, n),
            weight=check_weights(weight, n),
            prob=None if prob is None else check_prob(prob, n),
            amount=None if amount is None else _amounts(amount, n),
            cluster=codes,
            clusters=0 if codes is None else int(codes.max()) + 1,
        )

    @property
    def known(self) -> np.ndarray:
        """(n,) whether the outcome is known."""
        return ~np.isnan(self.bad)

    def terms(self, economics: Economics | None) -> dict[str, np.ndarray]:
        """What each row adds to each sum, before weights.

        `loss` and `profit` take the outcome where it is known, the PD where not, and leave out rows that have neither.
        """
        known = self.known
        found = {"n": np.ones(len(known)), "known": known.astype(float), "bads": np.where(known, self.bad, 0.0)}
        if self.prob is not None:
            found["expected_bads"] = self.prob
        if economics is None:
            return found
        if self.amount is None and economics.cost:
            raise InputError(
                message("the amount of every loan", "a cost in yuan alone", "amount", "Give amounts, or set cost=0.")
            )
        amount = np.ones(len(known)) if self.amount is None else self.amount
        found["amount"] = amount
        if self.prob is not None:
            found["expected_loss"] = economics.loss(amount, self.prob)
        chance = np.where(known, self.bad, np.nan if self.prob is None else self.prob)
        counted = ~np.isnan(chance)
        found["loss"] = np.where(counted, economics.loss(amount, np.nan_to_num(chance)), 0.0)
        found["profit"] = np.where(counted, economics.profit(amount, np.nan_to_num(chance)), 0.0)
        return found


def _outcomes(bad: Any, n: int) -> np.ndarray:
    values = pd.to_numeric(pd.Series(np.asarray(bad).reshape(-1)), errors="coerce").to_numpy(
        dtype=float, na_value=np.nan
    )
    given = pd.Series(np.asarray(bad).reshape(-1)).notna().to_numpy()
    wrong = given & ~np.isin(values, (0.0, 1.0))
    if len(values) != n or wrong.any():
        came = f"{len(values)} values" if len(values) != n else f"{int(wrong.sum())} other values"
        raise InputError(
            message(f"{n} outcomes: 1 bad, 0 good, missing where unknown", came, "bad", "Recode the outcome.")
        )
    if not given.any():
        raise InputError(message("at least one known outcome", "none", "bad", "Give outcomes of those granted."))
    return values


def _amounts(amount: Any, n: int) -> np.ndarray:
    values = np.asarray(amount, dtype=float).reshape(-1)
    wrong = ~np.isfinite(values) | (values < 0)
    if len(values) != n or wrong.any():
        came = f"{len(values)} values" if len(values) != n else f"{int(wrong.sum())} others"
        raise InputError(message(f"{n} finite amounts of zero or more", came, "amount", "Correct the amounts."))
    return values


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over cells of rows: by cluster, or of independent rows with their squares.

    Parameters
    ----------
    part : name → (clusters, cells); one row of totals where rows are independent.
    square : name → (cells,) Σ weight · value², for independent rows.
    size : (clusters,) Σ weight of all rows. clustered : whether there are clusters.
    """

    part: Mapping[str, np.ndarray]
    square: Mapping[str, np.ndarray]
    size: np.ndarray
    clustered: bool

    @property
    def rows(self) -> float:
        """Σ weight of all rows."""
        return float(self.size.sum())

    @classmethod
    def of(cls, applicants: Applicants, terms: Mapping[str, np.ndarray], cell: np.ndarray, cells: int) -> Sums:
        """The sums of each cell: `cell` is (n,) its number."""
        clustered = applicants.cluster is not None and applicants.clusters > 1
        clusters = applicants.clusters if clustered else 1
        place = applicants.cluster * cells + cell if applicants.cluster is not None and clustered else cell
        part, square = {}, {}
        for name, values in terms.items():
            weighted = applicants.weight * values
            part[name] = np.bincount(place, weighted, minlength=clusters * cells).reshape(clusters, cells)
            square[name] = np.bincount(cell, weighted * values, minlength=cells)
        size = sum_by(applicants.cluster if clustered else None, applicants.weight, clusters)
        return cls(part, square, size, clustered)

    def gathered(self, cells: np.ndarray) -> Sums:
        """Sums over unions of cells: `cells` is (cells, unions) of 0 and 1."""
        part = {name: values @ cells for name, values in self.part.items()}
        return Sums(part, {name: v @ cells for name, v in self.square.items()}, self.size, self.clustered)

    def total(self, name: str) -> np.ndarray:
        """(cells,) the sum."""
        return self.part[name].sum(axis=0)

    def total_limits(self, name: str, level: float) -> Limits:
        """Limits of the sum over as many new applicants.

        The sum is n times a mean; the error of the mean is linearised: C/(C - 1) Σ (z_c - z̄·n_c)² over clusters c of
        n_c applicants, each row being one where there are no clusters.
        """
        return self._limits(self.part[name], self.square[name], level)

    def difference_limits(self, name: str, other: int, level: float) -> Limits:
        """Limits of the sum of each cell less that of another, of nested cells: rows in both cancel."""
        part = self.part[name] - self.part[name][:, [other]]
        square = np.abs(self.square[name] - self.square[name][other])
        return self._limits(part, square, level)

    def _limits(self, part: np.ndarray, square: np.ndarray, level: float) -> Limits:
        total = part.sum(axis=0)
        if self.clustered:
            n = len(part)
            variance = n / (n - 1) * ((part - np.outer(self.size, total / self.rows)) ** 2).sum(axis=0)
            half = quantile(level, np.full(len(total), n - 1.0)) * np.sqrt(variance)
        else:
            variance = np.maximum(square - total**2 / self.rows, 0.0) * self.rows / max(self.rows - 1, 1)
            half = quantile(level) * np.sqrt(variance)
        return total - half, total + half

    def rate_limits(self, part: str, whole: str, level: float) -> Limits:
        """Jeffreys limits of Σ part / Σ whole, of as many rows as the clusters are worth (see `binning.intervals`)."""
        return rate_limits(self.part[part], self.part[whole], level, self.clustered)


def sum_by(cluster: np.ndarray | None, values: np.ndarray, clusters: int) -> np.ndarray:
    """(clusters,) the sum of each cluster; of all rows where there is none."""
    return np.array([values.sum()]) if cluster is None else np.bincount(cluster, values, minlength=clusters)


def rate_limits(part: np.ndarray, whole: np.ndarray, level: float, clustered: bool) -> Limits:
    """Limits of a rate from counts (clusters, cells); a rate that is 0 or 1 takes the correlation of the others."""
    count, n = part.sum(axis=0), whole.sum(axis=0)
    if not clustered:
        return jeffreys(count, n, level)
    ratio = Ratio.of(part, whole)
    mixed = (count > 0) & (count < n) & (ratio.df >= LEAST_DF)
    binomial = np.where(mixed, n * ratio.rate * (1 - ratio.rate), 1.0)
    deff = (ratio.error**2).sum(axis=0) / binomial
    pooled = 1 + np.maximum(ratio.seen - 1, 0) * correlation(deff, ratio.seen, n, mixed)
    deff = np.maximum(np.where(mixed, deff, pooled), 1.0)
    df = np.where(mixed, ratio.df, max(len(part) - 1.0, 1.0))
    worth = quantile(level) ** 2 / (deff * quantile(level, df) ** 2)
    return jeffreys(count * worth, n * worth, level)


def divided(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The ratio, NaN where the whole is 0."""
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
