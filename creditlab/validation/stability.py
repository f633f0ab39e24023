"""Has the population moved, and is it piled up: PSI with critical value and empty bins, concentration indices.

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
from creditlab.validation.result import Kind, TestResult, rejected
from creditlab.validation.verdict import AMBER, DEFAULTS, GREEN, INFO, Threshold

PSI = Kind(
    "stab.psi", "Population stability index", "群体稳定性指数（PSI）", "Siddiqi 2006; critical value: Yurdakul 2018"
)
HHI = Kind(
    "conc.hhi", "Herfindahl-Hirschman index", "赫芬达尔指数（HHI）", "Σ share²; ECB instructions (2019) 2.5.5.3 for HI"
)
MOVED = Kind(
    "conc.hi_ecb", "Concentration against development", "集中度与开发样本相比", "ECB instructions (2019) 2.5.5.3"
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
    then, now = _bins(reference_counts, "reference_counts"), _bins(counts, "counts")
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


def hhi(counts: Any) -> TestResult:
    """The raw Herfindahl-Hirschman index Σ share² of counts or amounts over grades, villages or industries.

    `facts`: effective (1/HHI, the number of equal parts that would be as concentrated), largest share, and the ECB's
    own figures: cv, the coefficient of variation, and hi = 1 + ln((cv² + 1)/K)/ln K, which is 0 for equal parts and 1
    for a single one. HHI and HI are not the same index. No verdict: what is too much is the bank's to say.

    >>> round(hhi([406, 480, 114]).estimate, 6)
    0.408232
    """
    share, cv, hi = _concentration(_bins(counts, "counts"))
    index = float((share**2).sum())
    facts = {"parts": len(share), "effective": 1 / index, "largest": float(share.max()), "cv": cv, "hi": hi}
    return HHI.result(inputs=share, n=len(share), estimate=index, facts=facts)


def concentration_change(initial: Any, current: Any, threshold: Threshold = DEFAULTS["p_value"]) -> TestResult:
    """Is the current distribution over grades more concentrated than at development? ECB test on CV.

    p = 1 - Φ(√(K-1)·(CV - CV₀)/√(CV²(½ + CV²))). H0: the current concentration is lower.

    >>> round(concentration_change([10, 20, 40, 20, 10], [5, 10, 60, 15, 10]).p_value, 8)
    0.22862831
    """
    before, after = _bins(initial, "initial"), _bins(current, "current")
    if len(before) != len(after) or len(before) < 2:
        came = f"{len(before)} and {len(after)}"
        raise InputError(message("the same two or more grades", came, "concentration_change", "Count all grades."))
    (_, cv_0, hi_0), (_, cv, hi) = _concentration(before), _concentration(after)
    root = math.sqrt(cv**2 * (0.5 + cv**2))
    statistic = math.sqrt(len(after) - 1) * (cv - cv_0) / root if root > 0 else math.nan
    p_value = float(ndtr(-statistic))
    return MOVED.result(
        inputs=[before, after],
        n=len(after),
        estimate=hi,
        statistic=statistic,
        p_value=p_value,
        reason="" if root > 0 else "all grades are equal 各级别占比相同",
        facts={"cv_initial": cv_0, "cv": cv, "hi_initial": hi_0, "hi": hi},
        **rejected(p_value, threshold),
    )


def _concentration(counts: np.ndarray) -> tuple[np.ndarray, float, float]:
    share = counts / counts.sum()
    K = len(share)
    cv = math.sqrt(K * float(((share - 1 / K) ** 2).sum()))
    return share, cv, 1 + math.log((cv**2 + 1) / K) / math.log(K) if K > 1 else 1.0


def _bins(counts: Any, where: str) -> np.ndarray:
    try:
        values = np.asarray(counts, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        raise InputError(message("counts", "values that are not numbers", where, "Give one per bin.")) from None
    if not np.isfinite(values).all() or (values < 0).any() or not values.any():
        raise InputError(message("counts of zero or more, not all zero", "others", where, "Count the rows per bin."))
    return values
