"""Shrunken bad rates of villages without PDs: the beta-binomial model with honest hyper-parameters.

Use it where no scorecard says what to expect: for rates by count, and for rates by balance with their effective number
of loans (`rates(..., balance=...)`). It takes bads and loans, not covariates, and it knows no map.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import betainc, betaln, digamma, expit, xlog1py, xlogy

from creditlab.checks import check_level
from creditlab.errors import FitError, InputError, message, some
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.village.counts import check_counts, village_names, whole
from creditlab.village.draws import Draws, check_draw_count
from creditlab.village.hyper import hyper_nodes
from creditlab.village.intervals import quantile, weighted_limits
from creditlab.village.smoothing import FEW_NOTE, FEW_VILLAGES, NO_BADS, rankability

ALL_BAD = "all loans are bad, so no spread between villages can be estimated 所有贷款均为不良，无法估计村间差异"


@dataclass(frozen=True)
class BetaMixture:
    """Rates of V villages: over K nodes with `weight`, Beta(good-or-bad counts of the prior + those of the village)."""

    weight: np.ndarray
    a: np.ndarray
    b: np.ndarray
    bad: np.ndarray
    good: np.ndarray

    def shapes(self) -> tuple[np.ndarray, np.ndarray]:
        """Both shapes, nodes × villages."""
        return self.a[:, None] + self.bad, self.b[:, None] + self.good

    def mixed(self, values: np.ndarray) -> np.ndarray:
        """The mean over nodes. Not a matrix product: its last digits would depend on the number of threads."""
        return np.einsum("k,kv->v", self.weight, values)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Posterior mean and variance of each village."""
        a, b = self.shapes()
        means = a / (a + b)
        mean = self.mixed(means)
        return mean, self.mixed(means * b / (a + b) / (a + b + 1) + (means - mean) ** 2)

    def cdf(self, rate: np.ndarray) -> np.ndarray:
        """P(rate ≤ given) of each village."""
        return self.mixed(betainc(*self.shapes(), rate))

    def quantile(self, q: float) -> np.ndarray:
        """The q-quantile of each village."""
        a, b = self.shapes()
        scale = betaln(a, b)

        def distribution(rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            log_density = xlogy(a - 1, rate) + xlog1py(b - 1, -rate) - scale
            return self.cdf(rate), self.mixed(np.exp(np.minimum(log_density, 700)))

        mean, variance = self.moments()
        return quantile(distribution, q, mean, np.sqrt(variance), least=0.0, most=1.0)

    def draws(self, n: int, seed: int) -> np.ndarray:
        """`n` joint draws, n × villages: a node for each draw, then each village given that node."""
        rng = np.random.default_rng(seed)
        node = rng.choice(len(self.weight), size=n, p=self.weight)
        order = np.lexsort((np.round(self.good, 9), np.round(self.bad, 9)))  # no order of villages changes a draw
        sample = rng.beta(self.a[node, None] + self.bad[order], self.b[node, None] + self.good[order])
        return sample[:, np.argsort(order)]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BetaBinomialResult(Result):
    """Shrunken rates: village n bad raw estimate lo hi p_above reason; `p_above` is P(rate above the county's)."""

    title: ClassVar[str] = "Shrunken bad rate of each village 各村收缩后的不良率"
    plots: ClassVar[str] = "village"

    mixture: BetaMixture | NotEstimable = field(default_factory=lambda: NotEstimable(NO_BADS))

    def draws(self, n: int, seed: int = 0) -> Draws:
        """`n` joint draws of the villages' rates, n × villages in the order of `tidy()`; neutral: the county's rate."""
        if isinstance(self.mixture, NotEstimable):
            raise FitError(f"There are no draws: {self.mixture.reason}.")
        return Draws.of(self.mixture.draws(check_draw_count(n), seed), neutral=float(self.facts["rate"]))


class BetaBinomial:
    """Empirical-Bayes rates: villages' rates are beta distributed, bads given them binomial.

    With mean μ and strength s the posterior of a village is Beta(O + μs, n - O + (1-μ)s): its mean lies between O/n and
    μ. μ and the spread d, with s = 1/(μ(1-μ)d²), are integrated over with the prior d·exp(-d²/2); d is the sd of the
    rates in log-odds to first order. J. Kleinman, JASA 68 (1973) 46-54, with integration in place of moments.

    Parameters
    ----------
    level : of the intervals.

    Attributes
    ----------
    result_ : BetaBinomialResult, after `fit`.

    >>> fit = BetaBinomial().fit([9, 2, 3, 1, 0], [30, 25, 28, 26, 4])
    >>> fit.result_.tidy()["estimate"].round(2).tolist()
    [0.23, 0.11, 0.13, 0.09, 0.12]
    """

    result_: BetaBinomialResult

    def __init__(self, level: float = 0.9) -> None:
        self.level = level

    def __repr__(self) -> str:
        return f"BetaBinomial(level={self.level})"

    def fit(self, bad: Any, n: Any, village: Any = None) -> BetaBinomial:
        """Fit and keep `result_`.

        Parameters
        ----------
        bad, n : bads and loans, one per village; effective numbers need not be whole.
        village : names; None takes the index of `bad` when that is a Series, else 0, 1, …

        Raises
        ------
        InputError : more bads than loans; counts that are negative, missing or of unequal length; a village twice.
        """
        level = check_level(self.level)
        seen, size = check_counts(bad, "bad"), check_counts(n, "n")
        if len(seen) != len(size) or (seen > size * (1 + 1e-12)).any():
            rows = f"bad, rows {some(np.flatnonzero(seen > size).tolist())}" if len(seen) == len(size) else "bad, n"
            raise InputError(message("at most as many bads as loans, one pair per village", "others", rows, "Check n."))
        names = village_names(village, bad, len(seen))
        stamp = Stamp.of([seen, size, pd.Series(names)], {"model": "BetaBinomial", "level": level})
        table = pd.DataFrame({"village": names, "n": whole(size), "bad": whole(seen)})
        table["raw"] = seen / np.where(size > 0, size, np.nan)
        if seen.sum() in (0.0, size.sum()):
            self.result_ = _without_estimate(table, stamp, NO_BADS if seen.sum() == 0 else ALL_BAD)
        else:
            self.result_ = _with_estimate(table, posterior_of_rates(seen, size - seen), level, stamp)
        return self


def posterior_of_rates(bad: np.ndarray, good: np.ndarray) -> BetaMixture:
    """The posterior of the rates given bads and goods, with at least one of each among them."""
    kinds, place, copies = _distinct(bad, good)
    nodes = hyper_nodes(
        lambda log_spread, start: _profile(log_spread, start, kinds, copies),
        lambda location, spread: _log_marginal(location, spread, kinds, copies),
        float(np.log(bad.sum() / good.sum())),
    )
    a, b = _prior_counts(nodes.location, nodes.spread)
    return BetaMixture(nodes.weight, a, b, bad, good)


def _distinct(bad: np.ndarray, good: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct pairs of counts and how often they come: most villages share theirs with others."""
    kinds, place, copies = np.unique(np.column_stack([bad, good]), axis=0, return_inverse=True, return_counts=True)
    return kinds.T, place, copies.astype(float)


def _prior_counts(location: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """μs and (1-μ)s of mean μ = expit(location) and spread d, with s = 1/(μ(1-μ)d²)."""
    mean = expit(np.clip(location, -30, 30))  # farther out the mean is 0 or 1 to the last digit
    return 1 / ((1 - mean) * spread**2), 1 / (mean * spread**2)


def _log_marginal(location: np.ndarray, spread: np.ndarray, kinds: np.ndarray, copies: np.ndarray) -> np.ndarray:
    a, b = (x[:, None] for x in _prior_counts(location, spread))
    return ((betaln(a + kinds[0], b + kinds[1]) - betaln(a, b)) * copies).sum(axis=1)


def _profile(
    log_spread: np.ndarray, location: np.ndarray, kinds: np.ndarray, copies: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each spread the mode of logit μ, its standard error, and the log marginal likelihood there.

    With d fixed, ∂a/∂m = a·μ and ∂b/∂m = -b·(1-μ) for m = logit μ; Newton steps with the slope's own derivative.
    """
    spread, location = np.exp(log_spread), np.array(location, dtype=float)
    width = np.ones(len(location))
    for _ in range(60):
        slope = _slope(location, spread, kinds, copies)
        bend = (_slope(location + 1e-4, spread, kinds, copies) - _slope(location - 1e-4, spread, kinds, copies)) / 2e-4
        width = 1 / np.sqrt(np.maximum(-bend, 1e-6))
        step = np.clip(slope * width**2, -1, 1)
        location = location + step
        if np.max(np.abs(step) / width) < 0.01:
            break
    return location, width, _log_marginal(location, spread, kinds, copies)


def _slope(location: np.ndarray, spread: np.ndarray, kinds: np.ndarray, copies: np.ndarray) -> np.ndarray:
    mean = expit(location)[:, None]
    a, b = (x[:, None] for x in _prior_counts(location, spread))
    total, both = a + b, kinds[0] + kinds[1]
    shared = digamma(total) - digamma(total + both)
    of_a = digamma(a + kinds[0]) - digamma(a) + shared
    of_b = digamma(b + kinds[1]) - digamma(b) + shared
    return ((of_a * a * mean - of_b * b * (1 - mean)) * copies).sum(axis=1)


def _with_estimate(table: pd.DataFrame, mixture: BetaMixture, level: float, stamp: Stamp) -> BetaBinomialResult:
    tail = (1 - level) / 2
    rate = float(mixture.bad.sum() / (mixture.bad + mixture.good).sum())
    mean, variance = mixture.moments()
    table = table.assign(estimate=mean, lo=mixture.quantile(tail), hi=mixture.quantile(1 - tail))
    table["p_above"] = 1 - mixture.cdf(np.full(len(table), rate))
    table["reason"] = ""
    strength = mixture.a + mixture.b
    middle = mixture.a / strength
    spread = 1 / np.sqrt(middle * (1 - middle) * strength)
    lo, hi = weighted_limits(spread, mixture.weight, level)
    facts = {
        "villages": len(table),
        "n": float(table["n"].sum()),
        "bad": float(table["bad"].sum()),
        "rate": rate,
        "mean": float(mixture.weight @ middle),
        "strength": float(np.exp(mixture.weight @ np.log(strength))),
        "sd": float(mixture.weight @ spread),
        "sd_lo": lo,
        "sd_hi": hi,
        "rankability": rankability(mean, variance),
        "level": level,
        "note": FEW_NOTE if len(table) < FEW_VILLAGES else "",
    }
    return BetaBinomialResult(table=table, stamp=stamp, facts=facts, mixture=mixture)


def _without_estimate(table: pd.DataFrame, stamp: Stamp, reason: str) -> BetaBinomialResult:
    table = table.assign(estimate=np.nan, lo=np.nan, hi=np.nan, p_above=np.nan, reason=reason)
    facts = {"villages": len(table), "n": float(table["n"].sum()), "sd": NotEstimable(reason), "note": reason}
    return BetaBinomialResult(table=table, stamp=stamp, facts=facts, mixture=NotEstimable(reason))
