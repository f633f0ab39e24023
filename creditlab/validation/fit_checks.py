"""Does the fit hold: overfit, optimism, rows far from the centre, inflated variances, separation.

They need no model: two samples of PDs, a design, or `refit(rows)` → predict.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri, stdtr

from creditlab.checks import check_frame, check_prob, check_target
from creditlab.errors import InputError, message
from creditlab.validation.discrimination import auc, placements
from creditlab.validation.result import Kind, TestFamily, TestResult
from creditlab.validation.robustness import Predict, predicted
from creditlab.validation.rows import cluster_codes
from creditlab.validation.verdict import AMBER, DEFAULTS, GREEN, INFO, RED, Threshold

OVERFIT = Kind(
    "rob.overfit",
    "AUC of development less that of test",
    "开发与测试AUC之差",
    "two independent AUCs, DeLong 1988",
    "both AUCs are equal 两样本AUC相同",
    "overfit",
)
OPTIMISM = Kind(
    "rob.optimism",
    "Optimism of the AUC",
    "AUC乐观偏差",
    "Efron 1983; Harrell 2015 §5.3: bootstrap of villages, refitted",
    "",
    "optimism",
)
RESILIENCE = Kind(
    "rob.resilience",
    "Rows far from the centre",
    "远离中心样本的表现",
    "worst share by distance; Welch t of squared errors, Holm 1979",
    "squared errors are alike near and far 远近样本误差相同",
    "resilience",
)
VIF = Kind(
    "rob.vif", "Variance inflation", "方差膨胀因子", "Belsley, Kuh, Welsch 1980; 1/(1 - R²)", "", "variance_inflation"
)
SEPARATION = Kind(
    "rob.separation",
    "Separation by one column",
    "单列完全分离",
    "Albert, Anderson, Biometrika 71 (1984) 1-10",
    "",
    "separation",
)


def overfit(
    y_fit: Any, prob_fit: Any, y: Any, prob: Any, groups_fit: Any = None, groups: Any = None, level: float = 0.95
) -> TestResult:
    """AUC on the development rows less that on rows the model never saw, as of two independent samples, one-sided.

    Amber where the interval excludes 0.

    >>> overfit([1, 0, 1, 0], [0.9, 0.1, 0.8, 0.85], [1, 0, 1, 0], [0.9, 0.1, 0.4, 0.5]).estimate
    0.0
    """
    first, then = auc(y_fit, prob_fit, groups_fit, level), auc(y, prob, groups, level)
    gap = float(first.estimate) - float(then.estimate)
    se = math.hypot(float(first.facts["se"]), float(then.facts["se"]))
    z = gap / se if se > 0 else math.nan
    half = float(ndtri((1 + level) / 2)) * se
    verdict = INFO if not se > 0 else AMBER if gap - half > 0 else GREEN
    return OVERFIT.result(
        inputs=[np.asarray(prob_fit, dtype=float), np.asarray(prob, dtype=float)],
        n=first.n + then.n,
        estimate=gap,
        statistic=z,
        level=level,
        p_value=math.nan if math.isnan(z) else float(ndtr(-z)),
        lo=gap - half,
        hi=gap + half,
        threshold="interval above 0",
        verdict=verdict,
        reason="" if se > 0 else "no variance 无方差",
        facts={"auc_fit": float(first.estimate), "auc": float(then.estimate)},
    )


def optimism(
    y: Any,
    frame: pd.DataFrame,
    refit: Callable[[np.ndarray], Predict],
    groups: Any = None,
    draws: int = 20,
    seed: int = 0,
) -> TestResult:
    """How much the AUC on the fitted rows flatters: the mean over refits of AUC on their own rows less that on all.

    `refit(rows)` fits on those row numbers (with repeats) and gives `predict`. `facts`: apparent, corrected, and the
    .632+ estimate of Efron and Tibshirani (1997) on the AUC scale, whose no-information value is ½.

    >>> frame = pd.DataFrame({"x": np.arange(40.0)})
    >>> y = (np.arange(40) % 3 == 0).astype(int)
    >>> optimism(y, frame, lambda rows: lambda f: f["x"] / 40, draws=20).facts["apparent"] > 0
    True
    """
    check_frame(frame, "optimism")
    target = check_target(y, "y", len(frame))
    codes = cluster_codes(groups, len(target))
    units = len(target) if codes is None else int(codes.max()) + 1
    rng = np.random.default_rng(seed)
    every = np.arange(len(target))
    apparent = placements(target, predicted(refit(every), frame)).auc
    gaps, outside = [], []
    for _ in range(draws):
        times = np.bincount(rng.integers(0, units, units), minlength=units)
        rows = np.repeat(every, times if codes is None else times[codes])
        if target[rows].min() == target[rows].max():
            continue
        prob = predicted(refit(rows), frame)
        gaps.append(placements(target[rows], prob[rows]).auc - placements(target, prob).auc)
        left = np.setdiff1d(every, rows)
        if len(left) and target[left].min() != target[left].max():
            outside.append(placements(target[left], prob[left]).auc)
    value = float(np.mean(gaps))
    out = max(0.5, float(np.mean(outside))) if outside else math.nan
    rate = (apparent - out) / (apparent - 0.5) if apparent > 0.5 and out < apparent else 0.0
    weight = 0.632 / (1 - 0.368 * rate)
    facts = {
        "apparent": apparent,
        "corrected": apparent - value,
        "plus_632": (1 - weight) * apparent + weight * out,
        "draws": len(gaps),
        "seed": seed,
    }
    return OPTIMISM.result(inputs=[target], n=len(target), estimate=value, facts=facts)


def resilience(
    y: Any,
    prob: Any,
    frame: pd.DataFrame,
    shares: Sequence[float] = (0.1, 0.2, 0.3),
    threshold: Threshold = DEFAULTS["p_value"],
) -> TestFamily:
    """Squared errors of the rows farthest from the centre of the inputs against the others (Welch's t, two-sided).

    Distance: mean square of standardised ranks of the numeric columns. `estimate` is the difference of the Brier scores
    relative to that of the others.

    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"x": rng.normal(size=400)})
    >>> p = np.full(400, 0.3)
    >>> resilience(rng.random(400) < p, p, frame).n
    400
    """
    check_frame(frame, "resilience")
    target = check_target(y, "y", len(frame))
    p = check_prob(prob, len(target))
    numbers = frame.select_dtypes("number")
    if numbers.shape[1] == 0:
        raise InputError(
            message("at least one numeric column", "none", "resilience", "Give the model's inputs as numbers.")
        )
    rank = (numbers.rank().to_numpy(dtype=float) - 0.5) / len(numbers)
    distance = np.nanmean(np.where(np.isnan(rank), 0.5, rank - 0.5) ** 2, axis=1)
    loss, rows = (target - p) ** 2, []
    order = np.argsort(-distance, kind="stable")
    for share in shares:
        far = np.zeros(len(target), dtype=bool)
        far[order[: round(share * len(target))]] = True
        a, b = loss[far], loss[~far]
        variance = a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b) if min(len(a), len(b)) > 1 else math.nan
        t = float((a.mean() - b.mean()) / math.sqrt(variance)) if variance > 0 else math.nan
        df = (
            float(
                variance**2
                / ((a.var(ddof=1) / len(a)) ** 2 / (len(a) - 1) + (b.var(ddof=1) / len(b)) ** 2 / (len(b) - 1))
            )
            if variance > 0
            else math.nan
        )
        rows.append(
            {
                "scope": f"farthest {share:.0%}",
                "n": len(a),
                "estimate": float(a.mean() / b.mean() - 1),
                "statistic": t,
                "df": df,
                "p_value": float(2 * stdtr(df, -abs(t))) if variance > 0 else math.nan,
                "reason": "" if variance > 0 else "no variance 无方差",
            }
        )
    return RESILIENCE.family(rows, inputs=[target, p, distance], n=len(target), threshold=threshold)


def variance_inflation(X: pd.DataFrame, threshold: Threshold = DEFAULTS["vif"]) -> TestFamily:
    """The variance inflation factor of each column; `facts`: condition, the condition number of the scaled columns.

    >>> X = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [1.0, -1, -1, 1]})
    >>> variance_inflation(X).tidy()["estimate"].round(6).tolist()
    [1.0, 1.0]
    """
    check_frame(X, "variance_inflation")
    numbers = X.to_numpy(dtype=float)
    if not np.isfinite(numbers).all():
        raise InputError(
            message("finite numbers", "missing or infinite values", "variance_inflation", "Give WOE or filled columns.")
        )
    centred = numbers - numbers.mean(0)
    norm = np.sqrt((centred**2).sum(0))
    rows = []
    for j, name in enumerate(map(str, X.columns)):
        if norm[j] == 0:
            rows.append(
                {"scope": name, "n": len(X), "reason": "constant 常数列", "verdict": INFO, "threshold": str(threshold)}
            )
            continue
        others = np.delete(centred, j, axis=1)
        left = centred[:, j] - (
            others @ np.linalg.lstsq(others, centred[:, j], rcond=None)[0] if others.shape[1] else 0
        )
        share = float((left**2).sum() / norm[j] ** 2)
        value = 1 / share if share > 1e-14 else math.inf
        rows.append(
            {
                "scope": name,
                "n": len(X),
                "estimate": value,
                "threshold": str(threshold),
                "verdict": RED if math.isinf(value) else threshold.verdict(value),
                "reason": "" if math.isfinite(value) else "a sum of the others 为其他列的线性组合",
            }
        )
    used = centred[:, norm > 0] / norm[norm > 0]
    return VIF.family(
        rows,
        inputs=numbers,
        n=len(X),
        method="none",
        facts={"condition": float(np.linalg.cond(used)) if used.size else math.nan},
    )


def separation(y: Any, X: pd.DataFrame) -> TestFamily:
    """Columns that alone part bads from goods, wholly or but for a shared value: their coefficient has no finite
    estimate.

    >>> separation([0, 0, 1, 1], pd.DataFrame({"a": [1, 2, 3, 4], "b": [1, 3, 2, 4]})).tidy()["verdict"].tolist()
    ['red', 'green']
    """
    check_frame(X, "separation")
    target = check_target(y, "y", len(X))
    rows = []
    for name in map(str, X.columns):
        values = X[name].to_numpy(dtype=float, na_value=np.nan)
        there = ~np.isnan(values)
        bad, good = values[there & (target == 1)], values[there & (target == 0)]
        apart = bool(
            len(bad)
            and len(good)
            and (bad.min() >= good.max() or bad.max() <= good.min())
            and np.ptp(values[there]) > 0
        )
        rows.append(
            {
                "scope": name,
                "n": int(there.sum()),
                "estimate": float(apart),
                "verdict": RED if apart else GREEN,
                "threshold": "no separation",
            }
        )
    return SEPARATION.family(rows, inputs=[target], n=len(target), method="none")
