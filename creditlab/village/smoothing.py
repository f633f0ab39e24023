"""Shrunken O/E of each village: the Poisson-gamma model with the variance of loans and honest hyper-parameters.

Use it to compare villages of different size: a small village is drawn to the mean, a large one stands for itself. It
takes observed and expected bads, not loans or covariates, and it knows no map.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_level
from creditlab.errors import FitError, InputError, message, some
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.village.counts import check_counts, village_names
from creditlab.village.indirect import NOTHING_EXPECTED
from creditlab.village.intervals import weighted_limits
from creditlab.village.posterior import GammaMixture, posterior

#: below this number of villages the spread between them rests on the prior more than on the data
FEW_VILLAGES = 10
#: the variance factor is not taken below this, where nearly all PDs of a village are 1
LEAST_FACTOR = 0.05
NO_BADS = "no bads in any village, so no spread between villages can be estimated 所有村均无不良，无法估计村间差异"
FEW_NOTE = "few villages: the spread between them rests mainly on the prior 村数过少，村间差异主要取决于先验"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SmoothingResult(Result):
    """Shrunken relative risks: village observed expected ratio estimate lo hi p_above reason.

    `estimate` is the posterior mean of the relative risk, `lo` and `hi` its equal-tailed limits, `p_above` the
    probability that it is above 1. One posterior feeds them and `draws`.
    """

    title: ClassVar[str] = "Shrunken O/E of each village 各村收缩后的O/E"
    plots: ClassVar[str] = "village"

    mixture: GammaMixture | NotEstimable = field(default_factory=lambda: NotEstimable(NO_BADS))

    def draws(self, n: int, seed: int = 0) -> np.ndarray:
        """`n` joint draws of the villages' relative risks, n × villages in the order of `tidy()`.

        A village where nothing is expected is drawn from the distribution of villages.

        Raises
        ------
        FitError : when nothing could be estimated.
        """
        if isinstance(self.mixture, NotEstimable):
            raise FitError(f"There are no draws: {self.mixture.reason}.")
        if not isinstance(n, int | np.integer) or n < 1:
            raise InputError(message("one or more draws", repr(n), "draws(n)", "A few thousand are usual."))
        return self.mixture.draws(int(n), seed)


class PoissonGamma:
    """Empirical-Bayes O/E: relative risks are gamma between villages, bads given them nearly Poisson.

    Given hyper-parameters the posterior of village v is Gamma(ν + O/φ, α + E/φ). Loans are Bernoulli, so the observed
    bads vary less than Poisson, by φ_v = Σp(1-p)/Σp; leaving φ out takes spread between villages for noise. Spread and
    mean are integrated over, with a prior that avoids a spread of zero; plugging in their estimates makes intervals too
    narrow. D. Clayton, J. Kaldor, Biometrics 43 (1987) 671-681, with these two corrections.

    Parameters
    ----------
    level : of the intervals.

    Attributes
    ----------
    result_ : SmoothingResult, after `fit`.

    >>> fit = PoissonGamma().fit([9, 2, 3, 1, 0], [3.0, 2.5, 2.8, 2.6, 0.4])
    >>> fit.result_.tidy()["estimate"].round(2).tolist()
    [2.46, 0.95, 1.12, 0.67, 0.91]
    """

    result_: SmoothingResult

    def __init__(self, level: float = 0.9) -> None:
        self.level = level

    def __repr__(self) -> str:
        return f"PoissonGamma(level={self.level})"

    def fit(self, observed: Any, expected: Any, variance: Any = None, village: Any = None) -> PoissonGamma:
        """Fit and keep `result_`.

        Parameters
        ----------
        observed, expected : bads seen and bads expected (sum of PDs), one per village.
        variance : Σp(1-p) per village, as `expected(...)` gives it; None takes the Poisson variance.
        village : names; None takes the index of `observed` when that is a Series, else 0, 1, …

        Raises
        ------
        InputError : counts that are negative, missing or of unequal length; bads where none is expected; a variance
            above the expected bads; a village named twice.
        """
        level = check_level(self.level)
        seen = check_counts(observed, "observed")
        hoped = check_counts(expected, "expected", len(seen))
        names = village_names(village, observed, len(seen))
        factor = variance_factor(seen, hoped, variance)
        stamp = Stamp.of([seen, hoped, factor, pd.Series(names)], {"model": "PoissonGamma", "level": level})
        table = pd.DataFrame({"village": names, "observed": seen, "expected": hoped})
        table["ratio"] = seen / np.where(hoped > 0, hoped, np.nan)
        if seen.sum() == 0:
            self.result_ = _without_estimate(table, stamp)
        else:
            mixture = posterior(seen / factor, hoped / factor)
            self.result_ = _with_estimate(table, mixture, level, factor, stamp)
        return self


def variance_factor(observed: np.ndarray, expected: np.ndarray, variance: Any = None) -> np.ndarray:
    """φ = variance / expected per village: 1 for Poisson counts, 1 - Σp²/Σp for loans."""
    impossible = (expected == 0) & (observed > 0)
    if impossible.any():
        raise InputError(
            message(
                "a positive number of expected bads wherever bads were observed",
                f"{int(impossible.sum())} villages with bads and none expected",
                f"expected, rows {some(np.flatnonzero(impossible).tolist())}",
                "Use PDs above 0.",
            )
        )
    if variance is None:
        return np.ones(len(expected))
    spread = check_counts(variance, "variance", len(expected))
    wrong = spread > expected * (1 + 1e-9)
    if wrong.any():
        raise InputError(
            message(
                "a variance Σp(1-p) of at most the expected bads Σp",
                f"{int(wrong.sum())} larger ones",
                f"variance, rows {some(np.flatnonzero(wrong).tolist())}",
                "Pass the column 'variance' of village.expected.",
            )
        )
    void = expected == 0
    factor = np.where(void, 1.0, spread / np.where(void, 1.0, expected))
    return np.clip(factor, LEAST_FACTOR, 1.0)


def _with_estimate(
    table: pd.DataFrame, mixture: GammaMixture, level: float, factor: np.ndarray, stamp: Stamp
) -> SmoothingResult:
    tail = (1 - level) / 2
    known = table["expected"].to_numpy() > 0
    found = {
        "estimate": mixture.mean(),
        "lo": mixture.quantile(tail),
        "hi": mixture.quantile(1 - tail),
        "p_above": mixture.above(1.0),
    }
    table = table.assign(**{name: np.where(known, values, np.nan) for name, values in found.items()})
    table["reason"] = np.where(known, "", NOTHING_EXPECTED)
    spread, weight = mixture.spread()
    cv_lo, cv_hi = weighted_limits(spread, weight, level)
    facts = {
        "villages": len(table),
        "observed": float(table["observed"].sum()),
        "expected": float(table["expected"].sum()),
        "mean": mixture.prior_mean(),
        "cv": float((weight * spread).sum()),
        "cv_lo": cv_lo,
        "cv_hi": cv_hi,
        "rankability": rankability(found["estimate"], mixture.variance()),
        "variance_factor": float(factor.mean()),
        "level": level,
        "note": FEW_NOTE if len(table) < FEW_VILLAGES else "",
    }
    return SmoothingResult(table=table, stamp=stamp, facts=facts, mixture=mixture)


def _without_estimate(table: pd.DataFrame, stamp: Stamp) -> SmoothingResult:
    table = table.assign(estimate=np.nan, lo=np.nan, hi=np.nan, p_above=np.nan, reason=NO_BADS)
    facts = {"villages": len(table), "observed": 0.0, "cv": NotEstimable(NO_BADS), "note": NO_BADS}
    return SmoothingResult(table=table, stamp=stamp, facts=facts)


def rankability(mean: np.ndarray, variance: np.ndarray) -> float:
    """Share of the variance between villages that is not chance, from posterior means and variances (as in `rank`)."""
    if len(mean) < 2:
        return 0.0
    between = mean.var(ddof=1) + variance.mean()
    return float(np.clip(1 - np.median(variance) / between, 0, 1))
