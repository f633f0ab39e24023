"""Has the population moved: PSI with critical value and empty bins, shift of points, distances, prediction accuracy.

Use PSI on counts over bins that were fixed on the reference sample and stored. It says that the mix has moved, not that
the model has failed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import chdtrc, chdtri, ndtr

from creditlab.errors import InputError, message
from creditlab.validation.result import Kind, TestResult
from creditlab.validation.rows import check_score
from creditlab.validation.verdict import AMBER, DEFAULTS, GREEN, INFO, Threshold

PSI = Kind(
    "stab.psi",
    "Population stability index",
    "群体稳定性指数（PSI）",
    "Siddiqi 2006; critical value: Yurdakul 2018",
    "the mix is the same 分布未变",
    "psi",
)
CSI = Kind(
    "stab.csi",
    "Shift of the mean points",
    "特征稳定性（分值移动）",
    "Siddiqi 2006; Σ(a - e)·points, two-sample z",
    "the mean points are the same 平均分值未变",
    "csi",
)
PAI = Kind(
    "stab.pai",
    "Prediction accuracy index",
    "预测精度指数（PAI）",
    "Taplin, Hunt, Risks 7 (2019) 53",
    "",
    "prediction_accuracy",
)
JS = Kind(
    "stab.js",
    "Jensen-Shannon divergence",
    "Jensen-Shannon散度",
    "Lin, IEEE Trans. Information Theory 37 (1991) 145-151",
    "",
    "jensen_shannon",
)
HELLINGER = Kind(
    "stab.hellinger", "Hellinger distance", "Hellinger距离", "Hellinger 1909; Le Cam 1986", "", "hellinger"
)
WASSERSTEIN = Kind(
    "stab.wasserstein",
    "Wasserstein distance",
    "Wasserstein距离",
    "Vallender 1974; in standard deviations of the reference",
    "",
    "wasserstein",
)
ONE_BIN = "a single bin cannot move 只有一个分箱，无法变动"
#: a bin counts as gone when this many were to be expected and none came
EXPECTED_HERE = 5.0


def psi(
    reference_counts: Any,
    counts: Any,
    smoothing: float = 0.5,
    labels: Sequence[Any] | None = None,
    level: float = 0.95,
    threshold: Threshold = DEFAULTS["psi"],
) -> TestResult:
    """The population stability index Σ (a - e)·ln(a/e) over stored bins, with its critical value and the empty bins.

    Shares are smoothed by `smoothing` per bin on both sides, so that an empty bin gives a finite, large index and is
    listed, never dropped. If nothing moved, PSI/(1/N + 1/M) is χ² with B - 1 degrees of freedom: the verdict needs the
    index above its threshold and above that critical value, or a bin gone empty where 5 or more were expected.

    Parameters
    ----------
    reference_counts, counts : rows per bin, then and now; bins empty in both are left out.
    smoothing : added to every bin; 0 allows no empty bin.
    labels : names of the bins. level : of the critical value.

    Returns
    -------
    TestResult: estimate PSI, statistic χ², df, p_value; `facts`: critical, empty (labels of bins empty now), new (empty
    in the reference).

    >>> now = [100, 100, 100, 100, 100, 100, 100, 0, 0, 0]
    >>> moved = psi([100] * 10, now)
    >>> round(moved.estimate, 8), moved.facts["empty"], moved.verdict
    (1.57970784, [7, 8, 9], 'red')
    """
    then, now = check_bins(reference_counts, "reference_counts"), check_bins(counts, "counts")
    if len(then) != len(now) or (labels is not None and len(labels) != len(then)):
        came = f"{len(then)} and {len(now)}"
        raise InputError(message("the same bins in both samples", came, "psi", "Count both with the stored bins."))
    names = np.arange(len(then)) if labels is None else np.asarray(labels, dtype=object)
    used = (then > 0) | (now > 0)
    then, now, names = then[used], now[used], names[used]
    empty, new = now == 0, then == 0
    if not smoothing > 0 and (empty | new).any():
        came = f"{int((empty | new).sum())} empty bins and smoothing {smoothing:g}"
        raise InputError(message("no empty bin without smoothing", came, "psi", "Use smoothing=0.5."))
    bins, N, M = len(then), then.sum(), now.sum()
    e, a = (then + smoothing) / (N + smoothing * bins), (now + smoothing) / (M + smoothing * bins)
    index = float(((a - e) * np.log(a / e)).sum())
    scale = 1 / N + 1 / M
    df = bins - 1
    limit = float(chdtri(df, 1 - level) * scale) if df else math.nan
    gone = bool((then * M / N >= EXPECTED_HERE)[empty].any())
    verdict = threshold.verdict(index) if df and index > limit else (GREEN if df else INFO)
    return PSI.result(
        inputs=[then, now],
        n=int(M),
        estimate=index,
        statistic=index / scale if df else math.nan,
        df=df or math.nan,
        p_value=float(chdtrc(df, index / scale)) if df else math.nan,
        level=level,
        reason="" if df else ONE_BIN,
        verdict=AMBER if verdict == GREEN and gone else verdict,
        threshold=f"{threshold}; and > critical {limit:.4g}" if df else threshold,
        facts={"bins": bins, "critical": limit, "empty": names[empty].tolist(), "new": names[new].tolist()},
    )


def psi_critical(n_reference: int, n: int, bins: int, level: float = 0.95) -> float:
    """The PSI that is exceeded with probability 1 - level if nothing moved: χ²(B - 1)·(1/N + 1/M).

    >>> round(psi_critical(1000, 1000, 10), 8)
    0.03383796
    """
    return float(chdtri(bins - 1, 1 - level) * (1 / n_reference + 1 / n))


def check_bins(counts: Any, where: str) -> np.ndarray:
    try:
        values = np.asarray(counts, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        raise InputError(message("counts", "values that are not numbers", where, "Give one per bin.")) from None
    if not np.isfinite(values).all() or (values < 0).any() or not values.any():
        raise InputError(message("counts of zero or more, not all zero", "others", where, "Count the rows per bin."))
    return values


def csi(reference_counts: Any, counts: Any, points: Any, threshold: Threshold = DEFAULTS["csi_points"]) -> TestResult:
    """How many points a characteristic has moved the mean score: Σ(a - e)·points over its bins, with direction.

    Below 0 the population has moved to riskier bins. Interval: independent samples then and now; z of no shift.

    >>> csi([50, 50], [40, 60], [20, 50]).estimate.__round__(6)
    3.0
    """
    then, now = check_bins(reference_counts, "reference_counts"), check_bins(counts, "counts")
    value = np.asarray(points, dtype=float).reshape(-1)
    if not len(then) == len(now) == len(value) or not np.isfinite(value).all():
        came = f"{len(then)}, {len(now)} and {len(value)} values"
        raise InputError(
            message("counts then and now and points of the same bins", came, "csi", "Use the points table.")
        )
    e, a = then / then.sum(), now / now.sum()
    shift = float(((a - e) * value).sum())
    variance = sum(
        float((s * value**2).sum() - (s * value).sum() ** 2) / n for s, n in ((e, then.sum()), (a, now.sum()))
    )
    z = shift / math.sqrt(variance) if variance > 0 else math.nan
    half = 1.959963984540054 * math.sqrt(max(variance, 0.0))
    return CSI.result(
        inputs=[then, now, value],
        n=int(now.sum()),
        estimate=shift,
        statistic=z,
        p_value=math.nan if math.isnan(z) else float(2 * ndtr(-abs(z))),
        lo=shift - half,
        hi=shift + half,
        level=0.95,
        reason="" if variance > 0 else "one bin, or equal points 单一分箱或分值相同",
        threshold=threshold,
        verdict=threshold.verdict(abs(shift)),
        facts={"index": psi(then, now).estimate, "then": float((e * value).sum()), "now": float((a * value).sum())},
    )


def prediction_accuracy(
    X_reference: Any, X: Any, covariance: Any = None, threshold: Threshold = DEFAULTS["pai"]
) -> TestResult:
    """The prediction accuracy index: mean variance of predictions in review over that at development.

    PAI = mean x'Vx (review) / mean x'Vx (development), V the covariance of the coefficients, or (X'X)⁻¹ of development.
    It asks whether the model is now used where its coefficients say little, which PSI cannot tell.

    Parameters
    ----------
    X_reference, X : rows × columns of the regression, with the column of ones. covariance : of the coefficients.

    >>> X = np.column_stack([np.ones(4), [0.0, 1.0, 2.0, 3.0]])
    >>> prediction_accuracy(X, X).estimate.__round__(12)
    1.0
    """
    first, now = (np.atleast_2d(np.asarray(v, dtype=float)) for v in (X_reference, X))
    if first.shape[1] != now.shape[1] or not (np.isfinite(first).all() and np.isfinite(now).all()):
        came = f"{first.shape} and {now.shape}"
        raise InputError(
            message("finite rows of the same columns", came, "prediction_accuracy", "Give both designs alike.")
        )
    information = first.T @ first
    if covariance is None and np.linalg.matrix_rank(information) < len(information):
        return PAI.result(
            inputs=[first, now], n=len(now), reason="the columns are collinear 各列共线", threshold=threshold
        )
    V = np.linalg.inv(information) if covariance is None else np.asarray(covariance, dtype=float)
    before, after = (float(np.einsum("ij,jk,ik->i", rows, V, rows).mean()) for rows in (first, now))
    index = after / before
    return PAI.result(
        inputs=[first, now, V],
        n=len(now),
        estimate=index,
        threshold=threshold,
        verdict=threshold.verdict(index),
        facts={"variance_then": before, "variance_now": after},
    )


def jensen_shannon(reference_counts: Any, counts: Any) -> TestResult:
    """The Jensen-Shannon divergence of two distributions over bins, in bits: 0 equal, 1 apart. Empty bins are allowed.

    >>> jensen_shannon([10, 0], [0, 10]).estimate
    1.0
    """
    e, a, n = _shares(reference_counts, counts)
    m = (e + a) / 2

    def part(p: np.ndarray) -> float:
        used = p > 0
        return float((p[used] * np.log2(p[used] / m[used])).sum())

    return JS.result(inputs=[e, a], n=n, estimate=(part(e) + part(a)) / 2)


def hellinger(reference_counts: Any, counts: Any) -> TestResult:
    """The Hellinger distance √(1 - Σ√(e·a)) of two distributions over bins: 0 equal, 1 apart.

    >>> hellinger([10, 0], [0, 10]).estimate
    1.0
    """
    e, a, n = _shares(reference_counts, counts)
    return HELLINGER.result(inputs=[e, a], n=n, estimate=math.sqrt(max(0.0, 1 - float(np.sqrt(e * a).sum()))))


def wasserstein(reference: Any, values: Any) -> TestResult:
    """The Wasserstein distance of two samples in units of the reference's standard deviation.

    >>> wasserstein([0.0, 2.0], [1.0, 3.0]).estimate.__round__(6)
    0.707107
    """
    from scipy.stats import wasserstein_distance

    first, now = check_score(reference, np.size(reference), "reference"), check_score(values, np.size(values), "values")
    spread = float(first.std(ddof=1)) if len(first) > 1 else 0.0
    if spread == 0:
        return WASSERSTEIN.result(inputs=[first, now], n=len(now), reason="the reference does not vary 参照样本无变异")
    return WASSERSTEIN.result(
        inputs=[first, now], n=len(now), estimate=float(wasserstein_distance(first, now)) / spread
    )


def _shares(reference_counts: Any, counts: Any) -> tuple[np.ndarray, np.ndarray, int]:
    then, now = check_bins(reference_counts, "reference_counts"), check_bins(counts, "counts")
    if len(then) != len(now):
        raise InputError(
            message(
                "the same bins in both samples",
                f"{len(then)} and {len(now)}",
                "counts",
                "Count both with the stored bins.",
            )
        )
    return then / then.sum(), now / now.sum(), int(now.sum())
