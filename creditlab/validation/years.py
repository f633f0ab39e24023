"""PDs against default rates of several years, and PDs where hardly anything defaults.

The multi-year normal test, the traffic lights of the Basel committee, the long-run average, and the upper bounds of
Pluto and Tasche. Counts or rates per year and grade; no rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import betaincinv, gammaln, ndtr, ndtri, stdtr, stdtrit

from creditlab.checks import check_level, check_prob
from creditlab.errors import InputError, message
from creditlab.validation.grade_order import check_counts
from creditlab.validation.grades import binomial, check_correlation, check_grade, critical_defaults, mixed_tail
from creditlab.validation.result import Kind, TestFamily, TestResult, outside, rejected
from creditlab.validation.verdict import AMBER, DEFAULTS, GREEN, INFO, RED, Threshold

NORMAL = Kind(
    "cal.normal_multi",
    "Multi-year normal test",
    "多年正态检验",
    "BCBS WP14 (2005) pp. 52-53",
    "no year's PD is below the true rate 各年PD不低于真实违约率",
    "normal_years",
)
LIGHTS = Kind(
    "cal.traffic_bhw",
    "Traffic lights over the years",
    "多年交通灯",
    "Blochwitz, Hohl, Wehn; BCBS WP14 (2005) pp. 54-56",
    "no year's PD is below the true rate 各年PD不低于真实违约率",
    "traffic_lights",
)
LIGHT = Kind(
    "cal.binomial_light",
    "Traffic light of one year",
    "单年交通灯（95%/99.9%）",
    "HKMA CA-G-4; OeNB 2004; BCBS WP14 (2005) pp. 47-51",
    "the PD is not below the true rate PD不低于真实违约率",
    "traffic_light",
)
LOW = Kind(
    "cal.ldp",
    "Most prudent PD of few defaults",
    "低违约组合最审慎PD",
    "Pluto, Tasche, cond-mat/0411699 (2005)",
    "",
    "pluto_tasche",
)
CENTRAL = Kind(
    "cal.central_tendency",
    "Long-run average default rate",
    "长期平均违约率",
    "EBA GL/2017/16; t interval of yearly rates",
    "the mean PD is the long-run average rate 平均PD等于长期平均违约率",
    "central_tendency",
)
#: shares of green, yellow, orange, red when the PD is right, and what a year of each colour counts
SHARES, COUNTS = (0.5, 0.3, 0.15, 0.05), (1000, 100, 10, 1)
MOST_YEARS = 9
FEW_YEARS = "three years or more are needed 至少需要三年"
NO_VARIANCE = "no variance between years 年度间无方差"


def normal_years(rates: Any, pds: Any, threshold: Threshold = DEFAULTS["p_value"]) -> TestResult:
    """One-sided: z = Σ(d_t - p_t)/(√T·τ), τ² the estimated variance of d_t - p_t over T years, p = 1 - Φ(z).

    The years are independent, the loans of a year need not be. `facts`: p_t, the same by t with T - 1 degrees of
    freedom, which holds better for few years.

    >>> round(normal_years([0.02, 0.03, 0.025, 0.04], [0.02, 0.02, 0.02, 0.02]).statistic, 4)
    2.0494
    """
    d, p = (check_prob(v, None, name) for v, name in ((rates, "rates"), (pds, "pds")))
    if len(d) != len(p):
        raise InputError(
            message("a rate and a PD per year", f"{len(d)} and {len(p)}", "normal_years", "Give one of each.")
        )
    T, away = len(d), d - p
    if T < 3:
        return NORMAL.result(inputs=[d, p], n=T, reason=FEW_YEARS, threshold=threshold)
    tau = float(away.std(ddof=1))
    z = float(away.sum()) / (math.sqrt(T) * tau) if tau > 1e-15 else math.nan
    p_value = float(ndtr(-z))
    return NORMAL.result(
        inputs=[d, p],
        n=T,
        estimate=float(away.mean()),
        statistic=z,
        p_value=p_value,
        reason="" if tau > 1e-15 else NO_VARIANCE,
        facts={"years": T, "p_t": float(stdtr(T - 1, -z))},
        **rejected(p_value, threshold),
    )


def traffic_light(defaults: int, n: int, pd: float, correlation: float = 0.0) -> TestResult:
    """Green below the 95 % critical number of defaults, amber from there, red from the 99.9 % one.

    `facts`: critical_95, critical_999, the least numbers that turn the light.

    >>> [traffic_light(d, 1000, 0.01).verdict for d in (12, 17, 25)]
    ['green', 'amber', 'red']
    """
    D, N, p = check_grade(defaults, n, pd)
    test = binomial(D, N, p, correlation, Threshold(0.05, 0.001, "higher"))
    k95, k999 = (critical_defaults(N, p, level, correlation) for level in (0.95, 0.999))
    facts = {"defaults": D, "pd": p, "correlation": correlation, "critical_95": k95, "critical_999": k999}
    verdict = RED if k999 <= D else (AMBER if k95 <= D else GREEN)
    return LIGHT.result(
        inputs={"defaults": D, "n": N, "pd": p, "correlation": correlation},
        n=N,
        estimate=D / N,
        statistic=D,
        p_value=float(test.p_value),
        threshold=f"amber from {k95}, red from {k999} defaults",
        verdict=verdict,
        facts=facts,
    )


def traffic_lights(defaults: Any, n: Any, pd: Any, correlation: float = 0.0, alpha: float = 0.05) -> TestResult:
    """The lights of several years together: V = 1000·green + 100·yellow + 10·orange + red, small is bad.

    A year is coloured by its z: (D - Np)/√(Np(1-p)), or with a `correlation` by Vasicek's limit. Under the PDs a year
    is green, yellow, orange, red with probability .5, .3, .15, .05. p = P(V ≤ v) exactly; `facts`: colours, critical.

    Parameters
    ----------
    defaults, n, pd : one per year, at most nine years. alpha : of the critical value.

    >>> traffic_lights([12, 14, 9], [1000, 1000, 1000], [0.01, 0.01, 0.01]).facts["colours"]
    'yellow orange green'
    """
    D, N = check_counts(defaults, n, 1)
    p = check_prob(np.broadcast_to(np.asarray(pd, dtype=float), D.shape), len(D), "pd")
    rho = check_correlation(correlation)
    if len(D) > MOST_YEARS or ((p <= 0) | (p >= 1)).any():
        raise InputError(
            message(
                f"at most {MOST_YEARS} years and PDs inside 0 … 1",
                f"{len(D)} years",
                "traffic_lights",
                "Take the last nine.",
            )
        )
    if rho == 0:
        z = (D - N * p) / np.sqrt(N * p * (1 - p))
    else:
        z = (math.sqrt(1 - rho) * ndtri(D / N) - ndtri(p)) / math.sqrt(rho)
    place = np.searchsorted(ndtri(np.cumsum(SHARES)[:-1]), z, side="left")
    v = int(np.array(COUNTS)[place].sum())
    p_value = float(sum(chance for value, chance in _lights(len(D)) if value <= v))
    names = np.array(["green", "yellow", "orange", "red"])
    limit = traffic_light_critical(len(D), alpha)
    row = rejected(p_value, Threshold(alpha, min(alpha, 0.01), "higher"))
    return LIGHTS.result(
        inputs=[D, N, p, np.array([rho])],
        n=int(N.sum()),
        estimate=v,
        statistic=v,
        p_value=p_value,
        facts={"years": len(D), "colours": " ".join(names[place]), "critical": limit, "alpha": alpha},
        **row,
    )


def traffic_light_critical(years: int, alpha: float = 0.05) -> int:
    """The largest v with P(V ≤ v) ≤ alpha when the PDs are right; 0 where there is none.

    >>> traffic_light_critical(5, 0.10), traffic_light_critical(5, 0.01)
    (1211, 230)
    """
    if not 1 <= years <= MOST_YEARS:
        raise InputError(
            message(f"1 to {MOST_YEARS} years", repr(years), "years", "The code V has a digit per colour.")
        )
    total, critical = 0.0, 0
    for value, chance in _lights(years):
        total += chance
        if total > check_level(alpha) * (1 + 1e-12):
            break
        critical = value
    return critical


def _lights(years: int) -> list[tuple[int, float]]:
    """All values of V with their probabilities, smallest first."""
    found = []
    for g in range(years + 1):
        for yellow in range(years + 1 - g):
            for o in range(years + 1 - g - yellow):
                split = np.array([g, yellow, o, years - g - yellow - o])
                log_ways = gammaln(years + 1) - gammaln(split + 1).sum()
                found.append((int((split * COUNTS).sum()), float(math.exp(log_ways + (split * np.log(SHARES)).sum()))))
    return sorted(found)


def central_tendency(
    rates: Any, mean_pd: float, level: float = 0.95, overlapping: bool = False, threshold: Threshold = DEFAULTS["oe"]
) -> TestResult:
    """The average of yearly default rates over the mean PD, with the t interval of the years.

    `facts`: average, margin (half the interval of the average, a margin of conservatism). Windows that overlap are not
    independent: the interval is then too narrow, and the reason says so.

    >>> round(central_tendency([0.02, 0.03, 0.025, 0.035], 0.0275).estimate, 6)
    1.0
    """
    level, d = check_level(level), check_prob(rates, None, "rates")
    p = float(check_prob(mean_pd, 1, "mean_pd")[0])
    T, average = len(d), float(d.mean())
    if T < 3 or p == 0:
        return CENTRAL.result(
            inputs=[d, np.array([p])],
            n=T,
            reason=FEW_YEARS if T < 3 else "no default is expected 期望违约为零",
            threshold=threshold,
        )
    se = float(d.std(ddof=1)) / math.sqrt(T)
    half = float(stdtrit(T - 1, (1 + level) / 2)) * se
    t = (average - p) / se if se > 0 else math.nan
    lo, hi = max(0.0, average - half) / p, (average + half) / p
    reason = (
        "windows overlap: the interval is too narrow 观察窗口重叠，区间过窄"
        if overlapping
        else ""
        if se > 0
        else NO_VARIANCE
    )
    return CENTRAL.result(
        inputs=[d, np.array([p])],
        n=T,
        estimate=average / p,
        statistic=t,
        df=T - 1,
        p_value=float(2 * stdtr(T - 1, -abs(t))),
        lo=lo,
        hi=hi,
        level=level,
        reason=reason,
        facts={"average": average, "margin": half, "mean_pd": p},
        **outside(average / p, lo, hi, threshold),
    )


def pluto_tasche(
    n: Any, defaults: Any, confidence: float = 0.75, pd: Any = None, correlation: float = 0.0
) -> TestFamily:
    """Upper bounds of the PDs of few defaults: grade i is pooled with all worse ones, P(Bin(n, p) ≤ k) = 1 -
    confidence.

    Parameters
    ----------
    n, defaults : per grade, safest first. confidence : 0.5, 0.75 and 0.9 are usual.
    pd : per grade, where PDs are to be compared: one below its bound is amber.
    correlation : of assets; the bound then holds for defaults that share one factor in one year.

    Returns
    -------
    TestFamily: a row per grade, estimate the observed rate of the pool, hi the bound.

    >>> [round(p, 4) for p in pluto_tasche([100, 400, 300], [0, 0, 0], 0.9).tidy()["hi"]]
    [0.0029, 0.0033, 0.0076]
    """
    D, N = check_counts(defaults, n, 1)
    gamma, rho = check_level(confidence, "confidence"), check_correlation(correlation)
    k, m = np.cumsum(D[::-1])[::-1], np.cumsum(N[::-1])[::-1]
    bound = np.array([_bound(a, b, gamma, rho) for a, b in zip(k, m, strict=True)])
    given = None if pd is None else check_prob(pd, len(D), "pd")
    rows = [
        {
            "scope": f"grade {i + 1}",
            "n": int(m[i]),
            "estimate": k[i] / m[i],
            "lo": 0.0,
            "hi": bound[i],
            "level": gamma,
            "threshold": "" if given is None else "PD at least the bound",
            "verdict": INFO if given is None else (GREEN if given[i] >= bound[i] else AMBER),
        }
        for i in range(len(D))
    ]
    return LOW.family(
        rows,
        inputs=[D, N],
        n=int(N.sum()),
        method="none",
        facts={"confidence": gamma, "correlation": rho, "defaults": int(D.sum())},
    )


def _bound(k: float, n: float, gamma: float, rho: float) -> float:
    if k >= n:
        return 1.0
    if rho == 0:
        return float(betaincinv(k + 1, n - k, gamma))
    return float(brentq(lambda p: mixed_tail(int(k) + 1, int(n), p, rho) - gamma, 1e-12, 1 - 1e-9, xtol=1e-12))
