"""Calibration beyond a slope: curves of observed risk, the link, comparisons of two PDs, coverage of sets, LGD.

Row-wise, PDs against outcomes. Use them beside the tests of `calibration` when those reject, to see where and how much.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression
from scipy.special import bdtr, chdtrc, ndtr, stdtr, stdtrit

from creditlab.checks import check_groups, check_level, check_prob, check_target
from creditlab.errors import InputError, message
from creditlab.validation.calibration import CERTAIN, NO_FIT, ONE_CLASS, fit_logit
from creditlab.validation.grades import grade_codes, rate_limits
from creditlab.validation.resampling import percentile_limits, row_weights
from creditlab.validation.result import Kind, TestFamily, TestResult, rejected
from creditlab.validation.rows import (
    FEW_CLUSTERS,
    check_outcome,
    check_score,
    cluster_codes,
    clustered_variance,
    critical,
)
from creditlab.validation.verdict import DEFAULTS, Threshold

STUKEL = Kind(
    "cal.stukel",
    "Stukel's test of the link",
    "Stukel连接函数检验",
    "Stukel, JASA 83 (1988) 426-431; in place of Hosmer-Lemeshow's groups",
    "log-odds of bad are linear in the PD's log-odds 坏账对数几率与PD对数几率呈线性",
    "stukel",
)
REDELMEIER = Kind(
    "cal.redelmeier",
    "Brier scores of two models",
    "两模型Brier得分比较",
    "Redelmeier, Bloch, Hickam, J. Clinical Epidemiology 44 (1991) 1141-1146",
    "both PDs are equally far from the truth 两组PD与真实概率距离相同",
    "redelmeier",
)
ECE = Kind(
    "cal.ece",
    "Expected calibration error",
    "期望校准误差（ECE）",
    "Naeini, Cooper, Hauskrecht, AAAI 2015; p by drawing outcomes from the PDs",
    "the PDs are true PD为真",
    "calibration_error",
)
ICI = Kind(
    "cal.ici",
    "Integrated calibration index",
    "综合校准指数（ICI）",
    "Austin, Steyerberg, Statistics in Medicine 38 (2019) 4051-4065, spline curve",
    "",
    "integrated_calibration",
)
CORP = Kind(
    "cal.corp",
    "Miscalibration of the CORP curve",
    "CORP校准偏差",
    "Dimitriadis, Gneiting, Jordan, PNAS 118 (2021); p by drawing outcomes from the PDs",
    "the PDs are true PD为真",
    "corp",
)
CONFORMAL = Kind(
    "cal.reliability",
    "Coverage of conformal sets",
    "共形预测集覆盖率",
    "Vovk, Gammerman, Shafer 2005; split conformal",
    "the sets hold the outcome at least as often as stated 覆盖率不低于名义水平",
    "conformal_coverage",
)
LGD = Kind(
    "cal.lgd",
    "Realised against estimated LGD",
    "实际与估计LGD",
    "ECB instructions (2019) 2.6.2.1, one-sided t-test of paired values",
    "the estimates are at least the realised values 估计值不低于实际值",
    "paired_t",
)
NO_SPREAD = "the PDs are all equal 全部PD相同"


def stukel(y: Any, prob: Any, threshold: Threshold = DEFAULTS["p_value"]) -> TestResult:
    """Does the calibration curve bend? Likelihood ratio of adding η²/2 above 0 and -η²/2 below, η = logit PD.

    Intercept and slope are fitted, so that it asks for the shape alone and holds for PDs fitted here or elsewhere. With
    all PDs on one side of ½ there is one term and 1 degree of freedom.

    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(2, 6, 500)
    >>> stukel(rng.random(500) < p, p).df
    2.0
    """
    target = check_outcome(y)
    p = check_prob(prob, len(target))
    inputs = [target, p]
    reason = (
        CERTAIN
        if ((p == 0) | (p == 1)).any()
        else ONE_CLASS
        if target.min() == target.max()
        else NO_SPREAD
        if np.ptp(p) == 0
        else ""
    )
    if reason:
        return STUKEL.result(inputs=inputs, n=len(p), reason=reason, threshold=threshold)
    eta, one, none = np.log(p) - np.log1p(-p), np.ones(len(p)), np.zeros(len(p))
    terms = [t for t in (np.where(eta >= 0, eta**2 / 2, 0.0), np.where(eta < 0, -(eta**2) / 2, 0.0)) if t.any()]
    small, large = fit_logit(target, [one, eta], none), fit_logit(target, [one, eta, *terms], none)
    if small is None or large is None:
        return STUKEL.result(inputs=inputs, n=len(p), reason=NO_FIT, threshold=threshold)
    statistic = max(0.0, 2 * (large[2] - small[2]))
    p_value = float(chdtrc(len(terms), statistic))
    return STUKEL.result(
        inputs=inputs,
        n=len(p),
        statistic=statistic,
        df=len(terms),
        p_value=p_value,
        facts={f"term_{i + 1}": float(b) for i, b in enumerate(large[0][2:])},
        **rejected(p_value, threshold),
    )


def redelmeier(y: Any, prob_a: Any, prob_b: Any, groups: Any = None, level: float = 0.95) -> TestResult:
    """Brier score of a less that of b on the same rows, two-sided: below 0 a is the better.

    Without groups z = Σ[a² - b² - 2(a - b)y]/√Σ(a - b)²(a + b)(2 - a - b): the variance if the mean of both is the
    truth. With groups the differences are summed by village, t with G - 1 degrees of freedom.

    >>> round(redelmeier([1, 0, 0, 1], [0.8, 0.1, 0.2, 0.7], [0.5, 0.4, 0.3, 0.6]).statistic, 4)
    -1.1781
    """
    level, target = check_level(level), check_outcome(y)
    a, b = check_prob(prob_a, len(target), "prob_a"), check_prob(prob_b, len(target), "prob_b")
    codes, n = cluster_codes(groups, len(target)), len(target)
    parts = (a - target) ** 2 - (b - target) ** 2
    estimate = float(parts.mean())
    null = (
        float(((a - b) ** 2 * (a + b) * (2 - a - b)).sum())
        if codes is None
        else clustered_variance(parts - estimate, codes)
    )
    own = float(((parts - estimate) ** 2).sum()) if codes is None else null
    z, df = critical(level, codes)
    statistic = float(parts.sum()) / math.sqrt(null) if null > 0 else math.nan
    half = z * math.sqrt(own) / n
    p_value = (
        math.nan
        if math.isnan(statistic)
        else float(2 * (ndtr(-abs(statistic)) if codes is None else stdtr(df, -abs(statistic))))
    )
    reason = "" if null > 0 else "the two PDs are equal 两组PD相同"
    return REDELMEIER.result(
        inputs=[target, a, b],
        n=n,
        estimate=estimate,
        statistic=statistic,
        df=df,
        p_value=p_value,
        lo=estimate - half if null > 0 else math.nan,
        hi=estimate + half if null > 0 else math.nan,
        level=level,
        reason=reason or (FEW_CLUSTERS if groups is not None and codes is None else ""),
        facts={"brier_a": float(((a - target) ** 2).mean()), "brier_b": float(((b - target) ** 2).mean())},
    )


def calibration_error(
    y: Any,
    prob: Any,
    grades: int = 10,
    groups: Any = None,
    draws: int = 200,
    seed: int = 0,
    level: float = 0.95,
    threshold: Threshold = DEFAULTS["p_value"],
) -> TestResult:
    """Mean distance of the default rate from the mean PD over grades, weighted by rows.

    It is above 0 even for true PDs: `facts` has expected, its mean if they are true, from which p comes too. The
    interval is a bootstrap of villages.

    >>> calibration_error([0, 0, 1, 1], [0.0, 0.0, 1.0, 1.0], draws=20).estimate
    0.0
    """
    level, target = check_level(level), check_outcome(y)
    p = check_prob(prob, len(target))
    codes, grade = cluster_codes(groups, len(target)), grade_codes(p, grades)
    k = int(grade.max()) + 1

    def error(outcome: np.ndarray, weight: np.ndarray) -> float:
        return float(np.abs(np.bincount(grade, weights=weight * (outcome - p), minlength=k)).sum() / weight.sum())

    ones = np.ones(len(p))
    estimate = error(target, ones)
    null = _null_draws(p, draws, seed, lambda outcome: error(outcome, ones))
    drawn = np.array([error(target, w) for w in row_weights(len(p), codes, draws, seed + 1)])
    lo, hi = percentile_limits(drawn, level)
    p_value = float((1 + (null >= estimate - 1e-12).sum()) / (len(null) + 1))
    return ECE.result(
        inputs=[target, p],
        n=len(p),
        estimate=estimate,
        statistic=estimate,
        p_value=p_value,
        lo=lo,
        hi=hi,
        level=level,
        facts={"expected": float(null.mean()), "grades": k, "draws": draws, "seed": seed},
        **rejected(p_value, threshold),
    )


def _null_draws(p: np.ndarray, draws: int, seed: int, statistic: Any) -> np.ndarray:
    """A statistic of outcomes drawn from the PDs."""
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 20:
        raise InputError(message("20 draws or more", repr(draws), "draws", "A few hundred are usual."))
    rng = np.random.default_rng(seed)
    return np.array([statistic((rng.random(len(p)) < p).astype(float)) for _ in range(draws)])


def integrated_calibration(
    y: Any, prob: Any, groups: Any = None, knots: int = 4, draws: int = 100, seed: int = 0, level: float = 0.95
) -> TestResult:
    """Mean distance of the PD from a smooth curve of observed risk; `facts`: e50, e90, emax.

    The curve is a logistic regression on a natural cubic spline of the PD's log-odds with `knots` knots at its
    quantiles, rows reduced to at most 500 values. Interval: bootstrap of villages, the curve fitted again.

    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(2, 6, 800)
    >>> integrated_calibration(rng.random(800) < p, p, draws=20).estimate < 0.05
    True
    """
    level, target = check_level(level), check_outcome(y)
    p = check_prob(prob, len(target))
    inputs, codes = [target, p], cluster_codes(groups, len(target))
    reason = (
        CERTAIN
        if ((p == 0) | (p == 1)).any()
        else ONE_CLASS
        if target.min() == target.max()
        else NO_SPREAD
        if len(np.unique(p)) < 5
        else ""
    )
    if reason:
        return ICI.result(inputs=inputs, n=len(p), reason=reason)
    order = np.lexsort((target, p))  # so that draws do not depend on the order in which the rows came
    target, p, codes = target[order], p[order], None if codes is None else codes[order]
    place = grade_codes(p, 500)
    n, bads = np.bincount(place), np.bincount(place, weights=target)
    mean = np.bincount(place, weights=p) / n
    basis = natural_spline(np.log(mean) - np.log1p(-mean), np.log(p) - np.log1p(-p), knots)
    curve = _smooth(basis, n.astype(float), bads)
    if curve is None:
        return ICI.result(inputs=inputs, n=len(p), reason=NO_FIT)
    gap = np.abs(curve - mean)
    drawn = []
    for weight in row_weights(len(p), codes, draws, seed):
        again = _smooth(basis, np.bincount(place, weights=weight), np.bincount(place, weights=weight * target))
        if again is not None:
            drawn.append(float((np.bincount(place, weights=weight) * np.abs(again - mean)).sum() / weight.sum()))
    lo, hi = percentile_limits(np.array(drawn), level)
    ranked = np.argsort(gap, kind="stable")
    share = np.cumsum(n[ranked]) / len(p)
    facts = {
        "e50": float(gap[ranked][np.searchsorted(share, 0.5)]),
        "e90": float(gap[ranked][np.searchsorted(share, 0.9)]),
        "emax": float(gap.max()),
    }
    return ICI.result(
        inputs=inputs,
        n=len(p),
        estimate=float((n * gap).sum() / len(p)),
        lo=lo,
        hi=hi,
        level=level,
        facts={**facts, "draws": draws, "seed": seed},
    )


def natural_spline(x: np.ndarray, over: np.ndarray, knots: int = 4) -> np.ndarray:
    """Columns 1, x and the restricted cubic terms of Harrell, knots at quantiles of `over` (F. Harrell 2015, 2.4.5)."""
    at = np.unique(np.quantile(over, np.linspace(0.05, 0.95, knots)))
    columns = [np.ones(len(x)), x]
    if len(at) >= 3:
        a, b, span = at[-2], at[-1], (at[-1] - at[0]) ** 2

        def cube(u: np.ndarray) -> np.ndarray:
            return np.maximum(u, 0) ** 3

        for t in at[:-2]:
            columns.append((cube(x - t) - cube(x - a) * (b - t) / (b - a) + cube(x - b) * (a - t) / (b - a)) / span)
    return np.column_stack(columns)


def _smooth(basis: np.ndarray, n: np.ndarray, bads: np.ndarray) -> np.ndarray | None:
    """Fitted risk at each value: weighted logistic regression by Newton's method; None where it does not settle."""
    beta, rate = np.zeros(basis.shape[1]), bads.sum() / n.sum()
    if not 0 < rate < 1:
        return None
    beta[0] = math.log(rate / (1 - rate))
    for _ in range(50):
        mean = 1 / (1 + np.exp(-np.clip(basis @ beta, -30, 30)))
        w = n * mean * (1 - mean)
        information = basis.T @ (basis * w[:, None]) + 1e-10 * np.eye(len(beta))
        step = np.linalg.solve(information, basis.T @ (bads - n * mean))
        step *= min(1.0, 5 / max(np.abs(step).max(), 1e-12))
        beta = beta + step
        if np.abs(step).max() < 1e-8:
            return np.asarray(1 / (1 + np.exp(-np.clip(basis @ beta, -30, 30))))
    return None


def corp(y: Any, prob: Any, draws: int = 100, seed: int = 0, threshold: Threshold = DEFAULTS["p_value"]) -> TestResult:
    """Miscalibration: what the Brier score would fall by if the PDs were replaced by their isotonic fit.

    `facts`: discrimination and uncertainty; Brier = miscalibration - discrimination + uncertainty exactly, with no
    choice of grades. p: share of outcomes drawn from the PDs that look worse.

    >>> corp([0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9], draws=20).facts["uncertainty"]
    0.25
    """
    target = check_outcome(y).astype(float)
    p = check_prob(prob, len(target))
    values, place = np.unique(p, return_inverse=True)
    n = np.bincount(place).astype(float)

    def parts(outcome: np.ndarray) -> tuple[float, float]:
        rate = np.bincount(place, weights=outcome) / n
        fitted = isotonic_regression(rate, weights=n).x
        score = float((n * (values - rate) ** 2).sum()) / len(p)
        best = float((n * (fitted - rate) ** 2).sum()) / len(p)
        inside = float((n * rate * (1 - rate)).sum()) / len(p)
        return score - best, best + inside

    miss, best = parts(target)
    null = _null_draws(p, draws, seed, lambda outcome: parts(outcome)[0])
    base = float(target.mean())
    p_value = float((1 + (null >= miss - 1e-15).sum()) / (len(null) + 1))
    facts = {
        "discrimination": base * (1 - base) - best,
        "uncertainty": base * (1 - base),
        "expected": float(null.mean()),
        "draws": draws,
        "seed": seed,
    }
    return CORP.result(
        inputs=[target, p],
        n=len(p),
        estimate=miss,
        statistic=miss,
        p_value=p_value,
        facts=facts,
        **rejected(p_value, threshold),
    )


def conformal_coverage(
    y_fit: Any,
    prob_fit: Any,
    y: Any,
    prob: Any,
    alpha: float = 0.1,
    groups: Any = None,
    threshold: Threshold = DEFAULTS["p_value"],
) -> TestFamily:
    """How often split-conformal sets hold the outcome, in all and by group; one-sided binomial test of 1 - alpha.

    The threshold of 1 - P(outcome) comes from `y_fit, prob_fit`, per class, so that bads are covered as well as goods.
    `facts`: size, the mean number of outcomes in a set.

    >>> conformal_coverage([1, 0, 1, 0], [0.8, 0.1, 0.7, 0.2], [1, 0], [0.9, 0.1], alpha=0.4).estimate
    1.0
    """
    level = 1 - check_level(alpha, "alpha")
    first, target = check_target(y_fit, "y_fit"), check_outcome(y)
    p_fit, p = check_prob(prob_fit, len(first), "prob_fit"), check_prob(prob, len(target))
    limits = [_conformal_limit(np.abs(first - p_fit)[first == c], level) for c in (0, 1)]
    held = np.where(target == 1, 1 - p <= limits[1], p <= limits[0])
    size = ((1 - p <= limits[1]).astype(int) + (p <= limits[0])).mean()
    scopes = [("all", np.ones(len(p), dtype=bool))]
    if groups is not None:
        names = pd.Series(check_groups(groups, len(p))).map(str).to_numpy()
        scopes += [(name, names == name) for name in sorted(set(names))]
    rows = []
    for name, chosen in scopes:
        n, covered = int(chosen.sum()), int(held[chosen].sum())
        lo, hi = rate_limits(covered, n, 0.95)
        rows.append(
            {
                "scope": name,
                "n": n,
                "estimate": covered / n,
                "statistic": covered,
                "p_value": float(bdtr(covered, n, level)),
                "lo": lo,
                "hi": hi,
            }
        )
    return CONFORMAL.family(
        rows,
        inputs=[first, p_fit, target, p],
        n=len(p),
        threshold=threshold,
        level=0.95,
        facts={"alpha": alpha, "size": float(size)},
    )


def _conformal_limit(scores: np.ndarray, level: float) -> float:
    """The ⌈(m + 1)·level⌉-th smallest score; infinite where there are too few."""
    place = math.ceil((len(scores) + 1) * level)
    return float(np.sort(scores)[place - 1]) if place <= len(scores) else math.inf


def paired_t(
    realised: Any, estimated: Any, groups: Any = None, level: float = 0.95, threshold: Threshold = DEFAULTS["p_value"]
) -> TestResult:
    """Are realised LGDs (or credit conversion factors) above their estimates? t = mean difference/se, p = 1 - F_t(t).

    Degrees of freedom: n - 1, or with groups G - 1 with differences summed by village.

    >>> round(paired_t([0.5, 0.4, 0.6, 0.3], [0.4, 0.4, 0.4, 0.3]).statistic, 4)
    1.5667
    """
    first = np.asarray(realised).reshape(-1)
    r, e = check_score(realised, len(first), "realised"), check_score(estimated, len(first), "estimated")
    level, codes, n = check_level(level), cluster_codes(groups, len(r)), len(r)
    if n < 2:
        return LGD.result(inputs=[r, e], n=n, reason="two rows or more are needed 至少需要两行", threshold=threshold)
    away = r - e
    estimate = float(away.mean())
    variance = float(away.var(ddof=1)) / n if codes is None else clustered_variance(away - estimate, codes) / n**2
    df = float(n - 1) if codes is None else float(codes.max())
    se = math.sqrt(variance)
    t = estimate / se if se > 0 else math.nan
    half = float(stdtrit(df, (1 + level) / 2)) * se
    p_value = float(stdtr(df, -t))
    return LGD.result(
        inputs=[r, e],
        n=n,
        estimate=estimate,
        statistic=t,
        df=df,
        p_value=p_value,
        lo=estimate - half,
        hi=estimate + half,
        level=level,
        reason="" if se > 0 else "all differences are equal 差异全部相同",
        facts={"realised": float(r.mean()), "estimated": float(e.mean())},
        **rejected(p_value, threshold),
    )
