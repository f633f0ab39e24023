"""Tests of PDs against default counts, for one grade, a portfolio, or all grades together.

Jeffreys and binomial tests with correlated defaults, and the χ² over grades. They take counts, so that they can be
re-performed from a report's table.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import betainc, betaincinv, chdtrc, ndtr, ndtri

from creditlab.checks import check_level, check_prob
from creditlab.errors import InputError, message
from creditlab.validation.result import Kind, TestResult, rejected
from creditlab.validation.verdict import DEFAULTS, Threshold

JEFFREYS = Kind(
    "cal.jeffreys",
    "Jeffreys test of the PD",
    "Jeffreys检验",
    "ECB instructions (2019) 2.5.3.1; Brown et al. 2001",
    "the PD is at least the true rate PD不低于真实违约率",
    "jeffreys",
)
BINOMIAL = Kind(
    "cal.binomial",
    "Binomial test of the PD",
    "二项检验",
    "BCBS WP14 (2005) pp. 47-51",
    "the PD is at least the true rate PD不低于真实违约率",
    "binomial",
)
GROUPED = Kind(
    "cal.chi2_groups",
    "Chi-square over grades",
    "分级卡方检验",
    "BCBS WP14 p. 52; Hosmer, Lemeshow 1980",
    "every grade's PD is true 各组PD为真",
    "grade_chi_square",
)
NO_VARIANCE = "no variance in any grade: all PDs are 0 or 1 各组方差均为零：PD均为0或1"
CONTRADICTED = "a grade with a PD of 0 or 1 has outcomes that it rules out PD为0或1的组出现了不可能的结果"
#: standard normal nodes of the common factor: equal steps, exact to the digits printed for smooth integrands
FACTOR = np.linspace(-8.5, 8.5, 1701)
FACTOR_WEIGHT = np.exp(-(FACTOR**2) / 2) / np.exp(-(FACTOR**2) / 2).sum()


def jeffreys_p(defaults: Any, n: Any, pd: Any) -> np.ndarray:
    """P(true rate ≤ PD) under Beta(D + ½, N - D + ½): small where the PD is too low. Works on arrays."""
    D, N = np.asarray(defaults, dtype=float), np.asarray(n, dtype=float)
    return betainc(D + 0.5, N - D + 0.5, np.asarray(pd, dtype=float))


def jeffreys(
    defaults: int, n: int, pd: float, level: float = 0.95, threshold: Threshold = DEFAULTS["p_value"]
) -> TestResult:
    """Is the PD prudent? One-sided: p = P(true rate ≤ PD | D of N), with the Jeffreys interval of the rate.

    H0: the PD is at least the true rate. A small p speaks against the PD; a p near 1 says that it is too high, which
    this test does not colour.

    Parameters
    ----------
    defaults, n, pd : counts and the PD of one grade or of the portfolio.
    level : of the interval of the default rate. threshold : of p.

    >>> round(jeffreys(12, 1000, 0.01).p_value, 8)
    0.25238123
    """
    D, N, p = check_grade(defaults, n, pd)
    lo, hi = rate_limits(D, N, check_level(level))
    p_value = float(jeffreys_p(D, N, p))
    inputs = {"defaults": D, "n": N, "pd": p}
    facts = {"defaults": D, "pd": p}
    row = rejected(p_value, threshold)
    return JEFFREYS.result(
        inputs=inputs, n=N, estimate=D / N, p_value=p_value, lo=lo, hi=hi, level=level, facts=facts, **row
    )


def rate_limits(defaults: Any, n: Any, level: float) -> tuple[Any, Any]:
    """Jeffreys limits of a default rate, 0 at none and 1 at all. Works on arrays."""
    D, N, tail = np.asarray(defaults, dtype=float), np.asarray(n, dtype=float), (1 - level) / 2
    lo = np.where(D == 0, 0.0, betaincinv(D + 0.5, N - D + 0.5, tail))
    hi = np.where(D == N, 1.0, betaincinv(D + 0.5, N - D + 0.5, 1 - tail))
    return lo[()], hi[()]


def wilson_limits(k: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Limits of the score test of a rate (E. Wilson, JASA 22 (1927) 209-212).

    >>> tuple(round(v, 4) for v in wilson_limits(0, 10))
    (0.0, 0.2775)
    """
    z = float(ndtri((1 + level) / 2))
    centre, half = (k + z * z / 2) / (n + z * z), z / (n + z * z) * math.sqrt(k * (n - k) / n + z * z / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


def binomial(
    defaults: int, n: int, pd: float, correlation: float = 0.0, threshold: Threshold = DEFAULTS["p_value"]
) -> TestResult:
    """P(D or more defaults) if the PD is right, defaults independent or tied by one common factor.

    Villages share weather, crop and leader, so a test that takes loans as independent rejects too often: give the asset
    `correlation` (5 % and 10 % are usual) and read both.

    >>> round(binomial(12, 1000, 0.01).p_value, 4), round(binomial(12, 1000, 0.01, correlation=0.1).p_value, 4)
    (0.3026, 0.3032)
    """
    D, N, p = check_grade(defaults, n, pd)
    p_value = float(mixed_tail(D, N, p, check_correlation(correlation)))
    inputs = {"defaults": D, "n": N, "pd": p, "correlation": correlation}
    facts = {"defaults": D, "pd": p, "correlation": correlation}
    return BINOMIAL.result(
        inputs=inputs, n=N, estimate=D / N, statistic=D, p_value=p_value, facts=facts, **rejected(p_value, threshold)
    )


def critical_defaults(n: int, pd: float, level: float = 0.99, correlation: float = 0.0, exact: bool = True) -> int:
    """The least number of defaults that speaks against the PD: min k with P(D ≥ k) ≤ 1 - level.

    `exact=False` is Vasicek's limit for many loans, ⌈n·Φ((√ρ·Φ⁻¹(level) + Φ⁻¹(pd))/√(1-ρ))⌉, for a correlation above 0.

    >>> [critical_defaults(1000, 0.01, correlation=rho) for rho in (0, 0.05, 0.10)]
    [19, 35, 49]
    """
    _, N, p = check_grade(0, n, pd)
    level, rho = check_level(level), check_correlation(correlation)
    if not exact:
        if rho == 0 or p in (0.0, 1.0):
            came = f"correlation {rho:g}, PD {p:g}"
            raise InputError(message("a correlation above 0 and a PD inside 0 … 1", came, "exact=False", "Use exact."))
        return math.ceil(N * ndtr((math.sqrt(rho) * ndtri(level) + ndtri(p)) / math.sqrt(1 - rho)))
    lo, hi = 0, N + 1  # P(D ≥ N + 1) is 0
    while hi - lo > 1:
        middle = (lo + hi) // 2
        lo, hi = (lo, middle) if mixed_tail(middle, N, p, rho) <= 1 - level else (middle, hi)
    return hi


def default_correlation(pd: float, correlation: float) -> float:
    """The correlation of two defaults when their asset values are correlated.

    >>> round(default_correlation(0.01, 0.05), 4)
    0.0041
    """
    _, _, p = check_grade(0, 1, pd)
    given = _conditional(p, check_correlation(correlation))
    return float(((FACTOR_WEIGHT * given**2).sum() - p**2) / (p * (1 - p))) if 0 < p < 1 else math.nan


def grade_chi_square(
    n: Any,
    defaults: Any,
    pd: Any,
    fitted: bool = False,
    threshold: Threshold = DEFAULTS["p_value"],
    kind: Kind = GROUPED,
) -> TestResult:
    """T = Σ (D - N·p)²/(N·p(1-p)) over grades, against χ² with G degrees of freedom, or G - 2 when `fitted` here.

    H0: every grade's PD is true. G - 2 is right only where the PDs were fitted on these very rows.

    Parameters
    ----------
    n, defaults, pd : one per grade.
    fitted : whether the PDs were fitted on these rows. kind : under which name the result goes.

    Returns
    -------
    TestResult; `facts` has the p-value of both choices of degrees of freedom.

    >>> round(grade_chi_square([400, 300, 200, 100], [4, 9, 14, 15], [0.008, 0.025, 0.06, 0.16]).statistic, 8)
    0.9383199
    """
    N, D, p = (np.asarray(v, dtype=float).reshape(-1) for v in (n, defaults, pd))
    if not (len(N) == len(D) == len(p)) or (N <= 0).any() or (D < 0).any() or (D > N).any():
        came = f"{len(N)}, {len(D)} and {len(p)} values"
        fix = "One of each per grade; no more defaults than loans."
        raise InputError(message("counts and PDs of the same grades", came, "grade_chi_square", fix))
    p = check_prob(p, len(N), "pd")
    variance = N * p * (1 - p)
    open_grades = variance > 0
    reason = "" if open_grades.any() else NO_VARIANCE
    if (N * p != D)[~open_grades].any():
        reason = CONTRADICTED
    G = int(open_grades.sum())
    statistic = float(((D - N * p)[open_grades] ** 2 / variance[open_grades]).sum()) if not reason else math.nan
    given = float(chdtrc(G, statistic)) if not reason else math.nan
    same = float(chdtrc(G - 2, statistic)) if not reason and G > 2 else math.nan
    if fitted and G <= 2 and not reason:
        reason = "G - 2 degrees of freedom need three grades or more G-2自由度至少需要三组"
    p_value, df = (same, G - 2) if fitted else (given, G)
    row = rejected(p_value, threshold)
    row["threshold"] += f"; df {'G-2, fitted here' if fitted else 'G, PDs given'}"
    if reason == CONTRADICTED:
        row["verdict"] = "red"
    return kind.result(
        inputs=[N, D, p],
        n=int(N.sum()),
        statistic=statistic,
        df=df,
        p_value=p_value,
        reason=reason,
        facts={"grades": G, "p_given": given, "p_fitted": same},
        **row,
    )


def grade_edges(prob: np.ndarray, grades: int) -> np.ndarray:
    """Inner cut points of up to `grades` quantile grades, at PDs that occur, so that equal PDs share a grade."""
    cuts = np.quantile(prob, np.arange(1, grades) / grades, method="inverted_cdf")
    cuts = np.unique(cuts)
    return cuts[cuts < prob.max()]


def grade_codes(prob: np.ndarray, grades: int = 10) -> np.ndarray:
    """The grade of each row, 0 = safest, none empty: one per different PD where there are few, else quantile grades."""
    values, place = np.unique(prob, return_inverse=True)
    if len(values) <= grades:
        return place
    return np.searchsorted(grade_edges(prob, grades), prob, side="left")


def check_grade(defaults: Any, n: Any, pd: Any) -> tuple[int, int, float]:
    """Whole counts 0 ≤ defaults ≤ n, n ≥ 1, and a PD between 0 and 1."""
    p = float(check_prob(pd, 1, "pd")[0])
    whole = all(not isinstance(v, bool) and float(v) == int(v) for v in (defaults, n))
    if not whole or n < 1 or not 0 <= defaults <= n:
        raise InputError(
            message("0 ≤ defaults ≤ n, whole numbers", f"{defaults} of {n}", "defaults, n", "Give counts, not rates.")
        )
    return int(defaults), int(n), p


def check_correlation(correlation: float) -> float:
    if not 0 <= correlation < 1:
        raise InputError(message("a correlation from 0 to below 1", repr(correlation), "correlation", "5 % is 0.05."))
    return float(correlation)


def _conditional(pd: float, correlation: float) -> np.ndarray:
    """The PD given each value of the common factor (Vasicek)."""
    return ndtr((ndtri(pd) - math.sqrt(correlation) * FACTOR) / math.sqrt(1 - correlation))


def mixed_tail(defaults: int, n: int, pd: float, correlation: float) -> float:
    """P(D ≥ defaults)."""
    if defaults <= 0:
        return 1.0
    if defaults > n:
        return 0.0
    if correlation == 0 or pd in (0.0, 1.0):
        return float(betainc(defaults, n - defaults + 1, pd))
    return float((FACTOR_WEIGHT * betainc(defaults, n - defaults + 1, _conditional(pd, correlation))).sum())
