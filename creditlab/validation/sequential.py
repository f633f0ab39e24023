"""Monitoring of few defaults: charts and tests that may be read after every default, with their false-alarm rate
stated.

A quarter of a county bank has a handful of defaults; a test per quarter then either sees nothing or, repeated, cries
wolf. The charts here gather evidence over time and keep one stated probability of a false alarm for the whole horizon.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import bdtr, bdtrc

from creditlab.checks import check_groups, check_level, check_prob
from creditlab.errors import InputError, message
from creditlab.validation.multiplicity import holm
from creditlab.validation.result import Kind, TestFamily, TestResult
from creditlab.validation.rows import check_outcome
from creditlab.validation.verdict import DEFAULTS, GREEN, INFO, RED, Threshold

CUSUM = Kind(
    "mon.cusum",
    "Risk-adjusted CUSUM",
    "风险调整CUSUM",
    "Steiner, Cook, Farewell, Treasure, Biostatistics 1 (2000) 441-452; limit by simulation under the PDs",
    "the odds of default are those of the PDs throughout 违约几率始终符合PD",
    "cusum",
)
SPRT = Kind(
    "mon.sprt",
    "Sequential probability ratio test",
    "序贯概率比检验（SPRT）",
    "Wald, Ann. Math. Statistics 16 (1945) 117-186; Spiegelhalter et al. 2003",
    "the odds of default are those of the PDs 违约几率符合PD",
    "sprt",
)
EXACT = Kind(
    "mon.exact",
    "Exact test of the number of defaults",
    "违约数精确检验",
    "Poisson-binomial distribution by convolution, Hong 2013",
    "every PD is true 各PD为真",
    "exact_defaults",
)
ALERTS = Kind(
    "mon.village_alerts",
    "Village alerts",
    "村级预警",
    "Poisson-binomial with a common village factor, Holm 1979",
    "the village's PDs are true up to the usual spread of villages 该村PD为真（考虑常见村间离散）",
    "village_alerts",
)
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(31)


def scaled_odds(p: Any, ratio: float) -> np.ndarray:
    """PDs whose odds are multiplied."""
    q = np.asarray(p, dtype=float)
    return np.asarray(ratio * q / (1 + (ratio - 1) * q))


def _ratio(ratio: float) -> float:
    if not (ratio > 0 and ratio != 1 and math.isfinite(ratio)):
        raise InputError(
            message("an odds ratio above 0 other than 1", repr(ratio), "ratio", "2 looks for doubled odds.")
        )
    return float(ratio)


def _steps(y: np.ndarray, p: np.ndarray, ratio: float) -> np.ndarray:
    """Log-likelihood ratio of each row: odds multiplied against odds as they are."""
    base = np.log1p((ratio - 1) * p)
    return np.asarray(y * math.log(ratio) - base)


def poisson_binomial(p: Any) -> np.ndarray:
    """Probabilities of 0 … n defaults when row i defaults with probability p_i, independently.

    >>> poisson_binomial([0.5, 0.5]).tolist()
    [0.25, 0.5, 0.25]
    """
    parts = [np.array([1 - v, v]) for v in check_prob(p)]
    while len(parts) > 1:  # convolve pairs, so that long with long
        parts = [
            np.convolve(parts[i], parts[i + 1]) if i + 1 < len(parts) else parts[i] for i in range(0, len(parts), 2)
        ]
    found = np.maximum(parts[0], 0.0)
    return np.asarray(found / found.sum())


def exact_defaults(
    y: Any, prob: Any, alternative: str = "greater", threshold: Threshold = DEFAULTS["p_value"]
) -> TestResult:
    """The exact probability of as many defaults or more, each row with its own PD. `alternative`: greater, less,
    two-sided.

    Above 5,000 rows the distribution is that of a binomial with the same mean and variance (a translation by its two
    moments), which differs in no digit that matters there.

    >>> exact_defaults([1, 1, 0], [0.1, 0.2, 0.3]).p_value.__round__(6)
    0.098
    """
    if alternative not in ("greater", "less", "two-sided"):
        raise InputError(message("greater, less or two-sided", repr(alternative), "alternative", "Use one of these."))
    target = check_outcome(y)
    p = check_prob(prob, len(target))
    D = int(target.sum())
    upper, lower = _tails(D, p)
    p_value = upper if alternative == "greater" else lower if alternative == "less" else min(1.0, 2 * min(upper, lower))
    E = float(p.sum())
    return EXACT.result(
        inputs=[target, p],
        n=len(p),
        estimate=D / E if E else math.nan,
        statistic=D,
        p_value=p_value,
        verdict=threshold.verdict(p_value),
        threshold=f"p: {threshold}",
        reason="" if E else "no default is expected 期望违约数为零",
        facts={"observed": D, "expected": E, "alternative": alternative},
    )


def _tails(D: int, p: np.ndarray) -> tuple[float, float]:
    """P(X ≥ D) and P(X ≤ D)."""
    if len(p) <= 5000:
        chance = poisson_binomial(p)
        return min(1.0, float(chance[D:].sum())), min(1.0, float(chance[: D + 1].sum()))
    mean, variance = float(p.sum()), float((p * (1 - p)).sum())
    rate = 1 - variance / mean if mean else 0.0
    if rate <= 0:
        return (1.0, 1.0) if D == 0 else (0.0, 1.0)
    n = max(round(mean / rate), D)
    upper = 1.0 if D == 0 else float(bdtrc(D - 1, n, mean / n))
    return upper, float(bdtr(D, n, mean / n))


def cusum(
    y: Any, prob: Any, ratio: float = 2.0, false_alarm: float = 0.05, draws: int = 1000, seed: int = 0
) -> TestResult:
    """The chart S_t = max(0, S_{t-1} + W_t), W the log-likelihood ratio of odds times `ratio`; rows in order of time.

    The limit is the 1 - `false_alarm` quantile of the highest point of the chart over all these rows when outcomes are
    drawn from the PDs: the stated probability of any false alarm over the whole horizon. p: the share of drawn charts
    that rise as high. A ratio below 1 looks for fewer defaults.

    Returns
    -------
    TestResult: estimate the highest point, statistic the last; `facts`: limit, alarm (row of the first alarm, or -1),
    false_alarm, draws.

    >>> rng = np.random.default_rng(0)
    >>> cusum(np.r_[np.zeros(50), np.ones(10)], np.full(60, 0.05)).verdict
    'red'
    """
    target = check_outcome(y)
    p = check_prob(prob, len(target))
    odds, alpha = _ratio(ratio), check_level(false_alarm, "false_alarm")
    path = chart(target, p, odds)
    rng = np.random.default_rng(seed)
    tops = np.concatenate(
        [_tops((rng.random((min(200, draws - i), len(p))) < p).astype(float), p, odds) for i in range(0, draws, 200)]
    )
    limit, top = float(np.quantile(tops, 1 - alpha, method="higher")), float(path.max())
    alarm = int(np.argmax(path > limit)) if (path > limit).any() else -1
    return CUSUM.result(
        inputs=[target, p],
        n=len(p),
        estimate=top,
        statistic=float(path[-1]),
        p_value=float((1 + (tops >= top - 1e-12).sum()) / (draws + 1)),
        threshold=f"limit {limit:.4g}: false alarm {alpha:g} over {len(p)} rows",
        verdict=RED if alarm >= 0 else GREEN,
        facts={"limit": limit, "alarm": alarm, "ratio": odds, "false_alarm": alpha, "draws": draws, "seed": seed},
    )


def chart(y: Any, prob: Any, ratio: float = 2.0) -> np.ndarray:
    """The CUSUM after each row.

    >>> chart([1, 0], [0.5, 0.5]).round(4).tolist()
    [0.2877, 0.0]
    """
    target = check_outcome(y).astype(float)
    steps = np.cumsum(_steps(target, check_prob(prob, len(target)), _ratio(ratio)))
    return np.asarray(steps - np.minimum.accumulate(np.minimum(steps, 0.0)))


def _tops(outcomes: np.ndarray, p: np.ndarray, ratio: float) -> np.ndarray:
    steps = np.cumsum(_steps(outcomes, p, ratio), axis=1)
    return np.asarray((steps - np.minimum.accumulate(np.minimum(steps, 0.0), axis=1)).max(axis=1))


def sprt(y: Any, prob: Any, ratio: float = 2.0, alpha: float = 0.05, beta: float = 0.1) -> TestResult:
    """Wald's test of odds times `ratio` against odds as the PDs say, row after row in order of time.

    It stops at the first crossing: above ln((1 - β)/α) the PDs are rejected, below ln(β/(1 - α)) they are accepted, in
    between no decision. The false-alarm probability is at most about α whenever it is read, the miss β.

    >>> sprt([0] * 60, [0.1] * 60).facts["decision"]
    'accepted'
    """
    target = check_outcome(y)
    p = check_prob(prob, len(target))
    odds, a, b = _ratio(ratio), check_level(alpha, "alpha"), check_level(beta, "beta")
    if a + b >= 1:
        raise InputError(message("alpha + beta below 1", f"{a:g} + {b:g}", "sprt", "0.05 and 0.1 are usual."))
    upper, lower = math.log((1 - b) / a), math.log(b / (1 - a))
    path = np.cumsum(_steps(target.astype(float), p, odds))
    crossed = np.flatnonzero((path >= upper) | (path <= lower))
    stop = int(crossed[0]) if len(crossed) else -1
    value = float(path[stop])
    decision = "open" if stop < 0 else "rejected" if value >= upper else "accepted"
    verdict = {"open": INFO, "rejected": RED, "accepted": GREEN}[decision]
    # by Ville's inequality P(max of the likelihood ratio ≥ c) ≤ 1/c under the PDs, so this p is valid at any time
    p_value = float(min(1.0, math.exp(-max(0.0, path[: stop + 1 if stop >= 0 else len(path)].max()))))
    return SPRT.result(
        inputs=[target, p],
        n=len(p),
        estimate=value,
        statistic=value,
        p_value=p_value,
        threshold=f"{lower:.3g} … {upper:.3g}: false alarm ≤ {a:g}, miss ≤ {b:g}",
        verdict=verdict,
        facts={"decision": decision, "stop": stop, "upper": upper, "lower": lower, "ratio": odds},
    )


def village_alerts(
    y: Any, prob: Any, groups: Any, false_alarm: float = 0.05, spread: float = 0.0, least_expected: float = 0.5
) -> TestFamily:
    """Villages with more defaults than their PDs explain; with probability 1 - `false_alarm` none of them is a false
    alarm.

    p: P(as many defaults or more) exactly from the PDs, or averaged over a normal village factor of the log-odds with
    standard deviation `spread` (what villages of this county differ by anyway; 0 takes none), corrected by Holm over
    all villages. Red: an alert at the stated rate; amber: at four times it. Villages with fewer than `least_expected`
    expected defaults are listed and not tested.

    >>> y = np.r_[np.ones(8), np.zeros(92)]
    >>> village_alerts(y, np.full(100, 0.05), ["a"] * 20 + ["b"] * 80).tidy()["verdict"].tolist()
    ['red', 'green']
    """
    target = check_outcome(y)
    p = check_prob(prob, len(target))
    alpha = check_level(false_alarm, "false_alarm")
    if not (spread >= 0 and math.isfinite(spread)):
        raise InputError(
            message(
                "a standard deviation of 0 or more", repr(spread), "spread", "That of village effects, such as 0.4."
            )
        )
    codes, names = pd.factorize(pd.Series(check_groups(groups, len(target))).map(str), sort=True)
    order = np.argsort(codes, kind="stable")
    pieces = np.split(order, np.cumsum(np.bincount(codes))[:-1])
    rows = []
    for name, piece in zip(names, pieces, strict=True):
        D, E = int(target[piece].sum()), float(p[piece].sum())
        row: dict[str, Any] = {
            "scope": str(name),
            "n": len(piece),
            "estimate": D / E if E > 0 else math.nan,
            "statistic": D,
            "expected": E,
        }
        if least_expected > E:
            rows.append(row | {"reason": f"expected {E:.2g} < {least_expected:g} 期望违约不足", "verdict": INFO})
        else:
            rows.append(row | {"p_value": _upper(D, p[piece], spread)})
    tested = np.array([row["p_value"] for row in rows if "p_value" in row])
    alerts = int((holm(tested) < alpha).sum()) if len(tested) else 0
    return ALERTS.family(
        rows,
        inputs=[target, p, codes],
        n=len(p),
        threshold=Threshold(min(4 * alpha, 0.5), alpha, "higher"),
        facts={"alerts": alerts, "tested": len(tested), "false_alarm": alpha, "spread": spread},
    )


def _upper(D: int, p: np.ndarray, spread: float) -> float:
    """P(D defaults or more), the village factor averaged out where there is one."""
    if D == 0:
        return 1.0
    if spread == 0:
        return _tails(D, p)[0]
    weight = WEIGHTS / WEIGHTS.sum()
    shifted = [scaled_odds(p, math.exp(spread * u)) for u in NODES]
    if len(p) > 5000:
        return float(sum(w * _tails(D, q)[0] for w, q in zip(weight, shifted, strict=True)))
    below = np.zeros((len(NODES), D))  # chances of 0 … D - 1 defaults among the rows so far, for each factor
    below[:, 0] = 1.0
    for q in np.array(shifted).T:
        below[:, 1:] = below[:, 1:] * (1 - q[:, None]) + below[:, :-1] * q[:, None]
        below[:, 0] *= 1 - q
    return float(np.clip(weight @ (1 - below.sum(axis=1)), 0.0, 1.0))
