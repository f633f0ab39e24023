"""Are the PDs at the right level: row-wise tests of PDs against outcomes.

O/E of the portfolio, Brier score with its Murphy parts, Spiegelhalter's z, Cox's slope, and Hosmer-Lemeshow. Use them
on rows; tests on counts per grade are in `grades`. They do not ask whether the order is right.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import chdtrc, fdtrc, ndtr, stdtr

from creditlab.checks import check_level, check_prob
from creditlab.errors import InputError, message
from creditlab.validation.grades import grade_chi_square, grade_codes, rate_limits
from creditlab.validation.result import Kind, TestResult, outside, rejected
from creditlab.validation.rows import FEW_CLUSTERS, check_outcome, cluster_codes, clustered_variance, critical
from creditlab.validation.verdict import DEFAULTS, Threshold

PORTFOLIO = Kind(
    "cal.portfolio",
    "Observed over expected defaults",
    "实际与期望违约之比",
    "z of O - E, variance Σp(1-p) or by cluster; EBA handbook CP/2022/08",
    "O/E = 1 实际/期望为1",
    "calibration_in_the_large",
)
BRIER = Kind(
    "cal.brier", "Brier score", "Brier得分", "Brier 1950; Murphy, J. Applied Meteorology 12 (1973) 595-600", "", "brier"
)
SPIEGELHALTER = Kind(
    "cal.spiegelhalter",
    "Spiegelhalter's z",
    "Spiegelhalter z检验",
    "Spiegelhalter, Statistics in Medicine 5 (1986) 421-433",
    "the PDs are true PD为真",
    "spiegelhalter",
)
COX = Kind(
    "cal.cox",
    "Calibration slope (Cox)",
    "校准斜率（Cox）",
    "Cox, Biometrika 45 (1958) 562-565; Miller et al. 1991",
    "intercept 0 and slope 1 截距为0且斜率为1",
    "cox",
)
HOSMER = Kind(
    "cal.hl_deciles",
    "Hosmer-Lemeshow over quantile groups",
    "Hosmer-Lemeshow检验（分位组）",
    "Hosmer, Lemeshow, Communications in Statistics A9 (1980) 1043-1069; df G, or G - 2 when fitted here",
    "the PDs are true PD为真",
    "hosmer_lemeshow",
)
#: up to this many different PDs each is a grade of its own
EXACT_GRADES = 50
CERTAIN = "PDs of exactly 0 or 1 have no log-odds PD恰为0或1，没有对数几率"
NO_SPREAD = "the PDs are all equal, so there is no slope PD全部相同，无法估计斜率"
NO_VARIANCE = "no variance under the hypothesis: all PDs are 0, ½ or 1 原假设下方差为零：PD均为0、½或1"
ONE_CLASS = "only one class, so there is no slope 只有一类样本，无法估计斜率"
NO_FIT = "bads and goods are separated by the PD, so there is no finite slope 好坏样本被PD完全分离，斜率无穷"
NOTHING_EXPECTED = "no default is expected 期望违约数为零"


def calibration_in_the_large(
    y: Any, prob: Any, groups: Any = None, level: float = 0.95, threshold: Threshold = DEFAULTS["oe"]
) -> TestResult:
    """Observed over expected defaults of the portfolio, with an interval, and a test that the ratio is 1.

    Without groups the test is z = (O - E)/√Σp(1-p). With groups the residuals y - R·p are summed by village, for loans
    of a village share its luck, and t with G - 1 degrees of freedom is used: the interval is then exp(log R ± t·s/R).
    Without groups, or without any default, it is the Jeffreys interval of the default rate over the mean PD.

    Parameters
    ----------
    y : 0/1; one class only is allowed.
    prob : PD per row.
    groups : villages. level : of the interval. threshold : of |O/E - 1| where the interval excludes 1.

    Returns
    -------
    TestResult: estimate O/E, statistic, df, p_value, lo, hi; `facts`: observed, expected.

    >>> calibration_in_the_large([1, 0, 0, 1], [0.5, 0.2, 0.1, 0.2]).estimate
    2.0
    """
    level = check_level(level)
    target = check_outcome(y)
    p = check_prob(prob, len(target))
    codes = cluster_codes(groups, len(target))
    observed, hoped = float(target.sum()), float(p.sum())
    if hoped == 0:
        return PORTFOLIO.result(inputs=[target, p], n=len(p), reason=NOTHING_EXPECTED, threshold=threshold)
    ratio = observed / hoped
    null_variance = _null_variance(target, p, codes)
    z, df = critical(level, codes)
    if codes is None or observed == 0:
        lo, hi = (float(limit * len(p) / hoped) for limit in rate_limits(observed, len(p), level))
    else:
        step = z * math.sqrt(clustered_variance(target - ratio * p, codes)) / observed
        lo, hi = ratio * math.exp(-step), ratio * math.exp(step)
    statistic = (observed - hoped) / math.sqrt(null_variance) if null_variance > 0 else math.nan
    return PORTFOLIO.result(
        inputs=[target, p],
        n=len(target),
        estimate=ratio,
        statistic=statistic,
        df=df,
        p_value=_p_of(statistic**2, 1, df),
        lo=lo,
        hi=hi,
        level=level,
        reason=FEW_CLUSTERS if groups is not None and codes is None else "",
        facts={"observed": int(observed), "expected": hoped},
        **outside(ratio, lo, hi, threshold),
    )


def _null_variance(target: np.ndarray, p: np.ndarray, codes: np.ndarray | None) -> float:
    """Variance of O - E if the PDs are true: Bernoulli, or from the residuals by cluster around their mean."""
    if codes is None:
        return float((p * (1 - p)).sum())
    residual = target - p
    return clustered_variance(residual - residual.mean(), codes)


def brier(y: Any, prob: Any, groups: Any = None, grades: int = 10, level: float = 0.95) -> TestResult:
    """The Brier score, mean (y - p)², with its interval and Murphy's parts.

    `facts`: reliability, resolution, uncertainty over grades of equal PD (up to 50 different PDs) or over `grades`
    quantile grades, `within` what the spread of PDs inside a grade adds (D. Stephenson et al., Weather and Forecasting
    23 (2008) 752-757): Brier = reliability - resolution + uncertainty + within, exactly. `skill` is 1 - Brier /
    uncertainty. No verdict: at low PDs the score follows discrimination (BCBS WP14 p. 46).

    >>> round(brier([0, 0, 1, 1, 1], [0.1, 0.2, 0.4, 0.7, 0.9]).estimate, 4)
    0.102
    """
    level = check_level(level)
    target = check_outcome(y)
    p = check_prob(prob, len(target))
    codes = cluster_codes(groups, len(target))
    loss = (target - p) ** 2
    score = float(loss.mean())
    parts = (loss - score) / len(p)
    variance = float((parts**2).sum()) if codes is None else clustered_variance(parts, codes)
    z, df = critical(level, codes)
    half = z * math.sqrt(variance)
    return BRIER.result(
        inputs=[target, p],
        n=len(target),
        estimate=score,
        df=df,
        lo=max(0.0, score - half),
        hi=score + half,
        level=level,
        facts=murphy(target, p, grades),
    )


def murphy(target: np.ndarray, p: np.ndarray, grades: int = 10) -> dict[str, float]:
    """Reliability, resolution, uncertainty, what is within grades, and skill."""
    different = len(np.unique(p))
    codes = grade_codes(p, different if different <= EXACT_GRADES else grades)
    n = np.bincount(codes)
    rate, mean = np.bincount(codes, weights=target) / n, np.bincount(codes, weights=p) / n
    overall = float(target.mean())
    parts = {
        "reliability": float((n * (mean - rate) ** 2).sum() / len(p)),
        "resolution": float((n * (rate - overall) ** 2).sum() / len(p)),
        "uncertainty": overall * (1 - overall),
    }
    inside = p - mean[codes]
    parts["within"] = float((inside**2).mean() - 2 * (inside * (target - rate[codes])).mean())
    score = float(((target - p) ** 2).mean())
    parts["skill"] = 1 - score / parts["uncertainty"] if parts["uncertainty"] > 0 else math.nan
    return parts


def spiegelhalter(y: Any, prob: Any, groups: Any = None, threshold: Threshold = DEFAULTS["p_value"]) -> TestResult:
    """Spiegelhalter's z of the Brier score: Σ(y - p)(1 - 2p) / √Σ(1 - 2p)²p(1 - p), two-sided. H0: the PDs are true.

    Without groups rows count as independent, which rejects too often where villages share shocks; with groups the terms
    are summed by village around their mean, and t with G - 1 degrees of freedom is used.

    >>> round(spiegelhalter([0, 0, 1, 1, 1], [0.1, 0.2, 0.4, 0.7, 0.9]).statistic, 8)
    -0.60246408
    """
    target = check_outcome(y)
    p = check_prob(prob, len(target))
    codes = cluster_codes(groups, len(target))
    terms = (target - p) * (1 - 2 * p)
    variance = float(((1 - 2 * p) ** 2 * p * (1 - p)).sum())
    if codes is not None and variance > 0:
        variance = clustered_variance(terms - terms.mean(), codes)
    z = float(terms.sum()) / math.sqrt(variance) if variance > 0 else math.nan
    df = math.nan if codes is None else float(codes.max())
    p_value = math.nan if math.isnan(z) else float(2 * (ndtr(-abs(z)) if codes is None else stdtr(df, -abs(z))))
    reason = "" if variance > 0 else NO_VARIANCE
    if groups is not None and codes is None and not reason:
        reason = FEW_CLUSTERS
    row: dict[str, Any] = {
        "statistic": z,
        "df": df,
        "p_value": p_value,
        "reason": reason,
        **rejected(p_value, threshold),
    }
    return SPIEGELHALTER.result(inputs=[target, p], n=len(target), **row)


def hosmer_lemeshow(
    y: Any, prob: Any, groups: int = 10, fitted: bool = False, threshold: Threshold = DEFAULTS["p_value"]
) -> TestResult:
    """The Hosmer-Lemeshow χ² over quantile groups of PD; rows of equal PD are never split.

    Degrees of freedom: the number of groups G when the PDs come from elsewhere, G - 2 when `fitted` on these very rows.
    The answer depends on the grouping; read it beside the slope of `cox`.

    >>> y = [0, 0, 0, 1, 0, 1, 1, 1]
    >>> hosmer_lemeshow(y, [0.1, 0.1, 0.3, 0.3, 0.5, 0.5, 0.8, 0.8], groups=4).df
    4.0
    """
    target = check_outcome(y)
    p = check_prob(prob, len(target))
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 2:
        raise InputError(message("two or more groups", repr(groups), "groups", "Ten is usual."))
    codes = grade_codes(p, groups)
    n = np.bincount(codes)
    mean = np.clip(np.bincount(codes, weights=p) / n, 0, 1)
    return grade_chi_square(
        n, np.bincount(codes, weights=target), mean, fitted=fitted, threshold=threshold, kind=HOSMER
    )


def cox(
    y: Any, prob: Any, groups: Any = None, level: float = 0.95, threshold: Threshold = DEFAULTS["slope"]
) -> TestResult:
    """The calibration slope: logit P(bad) = a + b·logit(PD), with an interval of b and a joint test of a = 0, b = 1.

    Below 1 the PDs are too extreme (overfit), above 1 too timid. The test is the likelihood ratio on 2 df, or with
    groups Wald's F on 2 and G - 1 df with a covariance by village.

    Returns
    -------
    TestResult: estimate b, lo, hi; statistic, df, p_value of the joint test; `facts`: intercept, slope_se, and
    `in_the_large`, the intercept at b = 1. Where a slope does not exist (one class, equal PDs, PDs of 0 or 1,
    separation) the reason says so.

    >>> y, p = [0, 0, 1, 0, 1, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    >>> round(cox(y, p).estimate, 4)
    0.9882
    """
    level = check_level(level)
    target = check_outcome(y)
    p = check_prob(prob, len(target))
    codes = cluster_codes(groups, len(target))
    inputs, n = [target, p], len(target)
    sure = int(((p == 0) | (p == 1)).sum())
    reason = CERTAIN if sure else ONE_CLASS if target.min() == target.max() else NO_SPREAD if np.ptp(p) == 0 else ""
    if reason:
        return COX.result(inputs=inputs, n=n, reason=reason, threshold=threshold)
    log_odds = np.log(p) - np.log1p(-p)
    fit = fit_logit(target, [np.ones(n), log_odds], np.zeros(n))
    if fit is None:
        return COX.result(inputs=inputs, n=n, reason=NO_FIT, threshold=threshold)
    (a, b), cov, best = fit
    large = fit_logit(target, [np.ones(n)], log_odds)
    z, df = critical(level, codes)
    if codes is None:
        statistic, p_value = _likelihood_ratio(target, p, best)
    else:
        cov = _clustered_covariance(target, log_odds, a, b, cov, codes)
        away = np.array([a, b - 1])
        statistic = float(away @ np.linalg.solve(cov, away) / 2)
        p_value = float(fdtrc(2, df, statistic))
    se = math.sqrt(cov[1, 1])
    lo, hi = b - z * se, b + z * se
    facts = {"intercept": a, "slope_se": se, "in_the_large": math.nan if large is None else float(large[0][0])}
    return COX.result(
        inputs=inputs,
        n=n,
        estimate=b,
        statistic=statistic,
        df=2,
        p_value=p_value,
        lo=lo,
        hi=hi,
        level=level,
        facts=facts,
        **outside(b, lo, hi, threshold),
    )


def _likelihood_ratio(target: np.ndarray, p: np.ndarray, best: float) -> tuple[float, float]:
    null = float(np.log(np.where(target == 1, p, 1 - p)).sum())
    statistic = max(0.0, 2 * (best - null))
    return statistic, float(chdtrc(2, statistic))


def fit_logit(
    target: np.ndarray, columns: list[np.ndarray], offset: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Coefficients, covariance, log likelihood of a small logit by Newton's method; None where it does not settle."""
    beta: np.ndarray = np.zeros(len(columns))
    step: np.ndarray = np.zeros(len(columns))
    best = -math.inf
    for _ in range(60):
        eta = offset + sum(b * column for b, column in zip(beta + step, columns, strict=True))
        eta = np.clip(eta, -700, 700)
        value = float((target * eta - np.logaddexp(0, eta)).sum())
        if value < best - 1e-12 * abs(best):
            step = step / 2
            if np.max(np.abs(step)) < 1e-12:
                break
            continue
        beta, best = beta + step, value
        mean = 1 / (1 + np.exp(-eta))
        information = _products(columns, mean * (1 - mean))
        if not np.isfinite(information).all() or np.linalg.cond(information) > 1e13:
            return None
        step = np.linalg.solve(information, [((target - mean) * column).sum() for column in columns])
        if np.max(np.abs(step)) < 1e-9:
            return beta, np.linalg.inv(information), best
    return None


def _clustered_covariance(
    target: np.ndarray, log_odds: np.ndarray, a: float, b: float, bread: np.ndarray, codes: np.ndarray
) -> np.ndarray:
    """The sandwich covariance of (a, b) with score contributions summed by cluster."""
    left = target - 1 / (1 + np.exp(-(a + b * log_odds)))
    sums = [np.bincount(codes, weights=left), np.bincount(codes, weights=left * log_odds)]
    clusters = len(sums[0])
    return bread @ (_products(sums, np.full(clusters, clusters / (clusters - 1)))) @ bread


def _products(columns: list[np.ndarray], weight: np.ndarray) -> np.ndarray:
    """Weighted sums of products of every two columns."""
    return np.array([[(a * b * weight).sum() for b in columns] for a in columns])


def _p_of(square: float, df: int, clusters: float) -> float:
    """p of a squared statistic: χ², or F when the variance has cluster degrees of freedom."""
    if math.isnan(square):
        return math.nan
    return float(chdtrc(df, square) if math.isnan(clusters) else fdtrc(df, clusters, square))
