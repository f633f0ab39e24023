"""Does the score tell bad from good: AUC with DeLong or village-cluster intervals, paired DeLong, KS, Gini.

Use them with PDs or any score where higher = riskier. All are functions of the order only; they say nothing about the
level of the PDs. One sort serves a million rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import kolmogorov, ndtr, ndtri, stdtr

from creditlab.checks import check_level, check_target
from creditlab.errors import InputError, message
from creditlab.validation.resampling import bootstrap, percentile_limits
from creditlab.validation.result import Kind, TestResult, rejected
from creditlab.validation.rows import FEW_CLUSTERS, check_score, cluster_codes, critical
from creditlab.validation.verdict import DEFAULTS, INFO, Threshold

DELONG = (
    "DeLong, DeLong, Clarke-Pearson, Biometrics 44 (1988) 837-845; clusters: Obuchowski, Biometrics 53 (1997) 567-578"
)
SEPARATED = "variance zero: bads and goods are wholly separated 方差为零：好坏样本完全分离"
CONSTANT = "variance zero: a constant score 方差为零：评分为常数"
TOO_FEW = "a variance needs two bads and two goods 方差需要至少两个坏样本和两个好样本"
NO_DIFFERENCE = "the two scores order the rows alike: no variance of the difference 两个评分排序相同，差异方差为零"

AUC = Kind("disc.auc", "AUC", "AUC（ROC曲线下面积）", DELONG, "AUC = ½ AUC等于½", "auc")
GINI = Kind(
    "disc.gini",
    "Gini (accuracy ratio)",
    "基尼系数（准确率比）",
    f"2 AUC - 1, BCBS WP14 (2005); {DELONG}",
    "Gini = 0 基尼系数为0",
    "gini",
)
KS = Kind(
    "disc.ks",
    "Kolmogorov-Smirnov",
    "KS统计量",
    "Kolmogorov 1933, Smirnov 1939; HKMA CA-G-4",
    "bads and goods have the same scores 好坏样本评分分布相同",
    "ks",
)
PAIRED = Kind(
    "disc.delong_pair", "Paired AUC difference", "配对AUC之差", DELONG, "the AUCs are equal AUC相同", "delong"
)
INITIAL = Kind(
    "disc.auc_init",
    "AUC against development",
    "AUC与开发样本相比",
    "ECB instructions (2019) 2.5.4.1",
    "the AUC at development was not above the current one 开发时AUC不高于当前",
    "auc_against_initial",
)


@dataclass(frozen=True)
class Placements:
    """An AUC and each row's part of its error: how far the share of the other class it beats is from the AUC.

    The parts are divided by the number of their class, so that they add up to zero within each class.
    """

    auc: float
    part: np.ndarray
    bad: np.ndarray

    def covariance(self, other: Placements, codes: np.ndarray | None = None) -> float:
        """Covariance of two AUCs on the same rows (DeLong), or with rows of one cluster going together."""
        products = self.part * other.part
        bads = int(self.bad.sum())
        goods = len(self.bad) - bads
        if min(bads, goods) < 2:
            return math.nan
        if codes is None:
            among_bads = products[self.bad].sum()
            return float(bads / (bads - 1) * among_bads + goods / (goods - 1) * (products.sum() - among_bads))
        mine, theirs = np.bincount(codes, weights=self.part), np.bincount(codes, weights=other.part)
        return float(len(mine) / (len(mine) - 1) * (mine * theirs).sum())


def placements(target: np.ndarray, score: np.ndarray) -> Placements:
    """AUC and parts from one sort (X. Sun, W. Xu, IEEE Signal Processing Letters 21 (2014) 1389-1393)."""
    order = np.argsort(score, kind="stable")
    ranked, bad = score[order], target[order] == 1
    first = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    sizes = np.diff(np.append(first, len(ranked)))
    bads_here = np.add.reduceat(bad.astype(float), first)
    goods_here = sizes - bads_here
    bads, goods = bads_here.sum(), goods_here.sum()
    beaten = (np.cumsum(goods_here) - goods_here / 2) / goods
    beating = (bads - np.cumsum(bads_here) + bads_here / 2) / bads
    auc_value = float((bads_here * beaten).sum() / bads)
    parts = np.where(
        bad, np.repeat((beaten - auc_value) / bads, sizes), np.repeat((beating - auc_value) / goods, sizes)
    )
    part = np.empty(len(ranked))
    part[order] = parts
    return Placements(auc=auc_value, part=part, bad=target == 1)


def auc(
    y: Any,
    score: Any,
    groups: Any = None,
    level: float = 0.95,
    interval: str = "wald",
    threshold: Threshold = DEFAULTS["auc"],
) -> TestResult:
    """The area under the ROC curve with DeLong's interval, or one that takes rows of a village as dependent.

    Parameters
    ----------
    y : 0/1, 1 = bad, both present.
    score : higher = riskier (a PD); pass `-points`.
    groups : clusters such as villages; the interval then uses the parts summed by cluster and t with G - 1 df.
    level : of the interval.
    interval : "wald" (cut to 0 … 1) or "logit", which is better near 1.
    threshold : of the verdict.

    Returns
    -------
    TestResult: estimate, lo, hi, n; statistic and p_value of AUC = ½. `facts`: se, bads, goods, clusters, design_effect
    (clustered over independent variance).

    Raises
    ------
    InputError : one class only, a target other than 0/1, scores missing or infinite.

    >>> round(auc([1, 1, 0, 0, 0], [0.9, 0.4, 0.5, 0.2, 0.1]).estimate, 6)
    0.833333
    """
    return _auc(AUC, 1.0, y, score, groups, level, interval, threshold)


def gini(
    y: Any, score: Any, groups: Any = None, level: float = 0.95, interval: str = "wald", threshold: Any = None
) -> TestResult:
    """The accuracy ratio 2·AUC - 1 with twice the AUC's interval. Arguments as for `auc`.

    No verdict without a threshold: the AUC, of which it is a copy, has one.

    >>> round(gini([1, 1, 0, 0, 0], [0.9, 0.4, 0.5, 0.2, 0.1]).estimate, 4)
    0.6667
    """
    return _auc(GINI, 2.0, y, score, groups, level, interval, threshold)


def _auc(
    kind: Kind, slope: float, y: Any, score: Any, groups: Any, level: float, interval: str, threshold: Threshold | None
) -> TestResult:
    level = check_level(level)
    if interval not in ("wald", "logit"):
        raise InputError(message("'wald' or 'logit'", repr(interval), "interval", "Use one of these."))
    target = check_target(y, "y")
    placed = placements(target, check_score(score, len(target)))
    codes = cluster_codes(groups, len(target))
    alone = placed.covariance(placed)
    variance = alone if codes is None else placed.covariance(placed, codes)
    lo, hi, df, reason = _limits(placed.auc, variance, level, interval, codes)
    if groups is not None and codes is None and not reason:
        reason = FEW_CLUSTERS
    shift = slope - 1  # Gini = 2 AUC - 1
    estimate = slope * placed.auc - shift
    z = (placed.auc - 0.5) / math.sqrt(variance) if variance > 0 else math.nan
    bads = int(placed.bad.sum())
    return kind.result(
        inputs=[target, np.asarray(score, dtype=float)],
        n=len(target),
        estimate=estimate,
        statistic=z,
        df=df,
        p_value=_two_sided(z, df),
        lo=slope * lo - shift,
        hi=slope * hi - shift,
        level=level,
        reason=reason,
        verdict=INFO if threshold is None else threshold.verdict(estimate),
        threshold="" if threshold is None else threshold,
        facts={
            "se": slope * math.sqrt(variance) if variance >= 0 else math.nan,
            "bads": bads,
            "goods": len(target) - bads,
            "clusters": 0 if codes is None else int(codes.max()) + 1,
            "design_effect": variance / alone if alone > 0 else math.nan,
        },
    )


def _limits(
    value: float, variance: float, level: float, interval: str, codes: np.ndarray | None
) -> tuple[float, float, float, str]:
    z, df = critical(level, codes)
    if math.isnan(variance):
        return math.nan, math.nan, df, TOO_FEW
    if variance <= 0:
        return math.nan, math.nan, df, SEPARATED if value in (0.0, 1.0) else CONSTANT
    se = math.sqrt(variance)
    if interval == "wald" or value in (0.0, 1.0):
        return max(0.0, value - z * se), min(1.0, value + z * se), df, ""
    centre, half = math.log(value / (1 - value)), z * se / (value * (1 - value))
    return 1 / (1 + math.exp(half - centre)), 1 / (1 + math.exp(-half - centre)), df, ""


def _two_sided(z: float, df: float) -> float:
    if math.isnan(z):
        return math.nan
    return float(2 * ndtr(-abs(z)) if math.isnan(df) else 2 * stdtr(df, -abs(z)))


def delong(y: Any, score_a: Any, score_b: Any, groups: Any = None, level: float = 0.95) -> TestResult:
    """The difference AUC(a) - AUC(b) of two scores on the same rows, with its interval and p-value.

    Use it for champion (a) against challenger (b). H0: the AUCs are equal.

    Parameters
    ----------
    y, groups, level : as for `auc`.
    score_a, score_b : higher = riskier, one per row.

    Returns
    -------
    TestResult: estimate (difference), statistic z, p_value, lo, hi. `facts`: auc_a, auc_b, var_a, var_b, cov.

    >>> y, a, b = [1, 1, 1, 0, 0, 0], [0.9, 0.8, 0.3, 0.4, 0.2, 0.1], [0.7, 0.2, 0.4, 0.5, 0.1, 0.3]
    >>> round(delong(y, a, b).estimate, 4)
    0.2222
    """
    level = check_level(level)
    target = check_target(y, "y")
    a = placements(target, check_score(score_a, len(target), "score_a"))
    b = placements(target, check_score(score_b, len(target), "score_b"))
    codes = cluster_codes(groups, len(target))
    var_a, var_b, cov = a.covariance(a, codes), b.covariance(b, codes), a.covariance(b, codes)
    difference = a.auc - b.auc
    apart = Placements(difference, a.part - b.part, a.bad)
    spread = apart.covariance(apart, codes)  # not var_a + var_b - 2 cov, whose rounding may fall below zero
    critical_z, df = critical(level, codes)
    se = math.sqrt(spread) if spread > 0 else math.nan
    z = difference / se
    reason = "" if spread > 0 else (TOO_FEW if math.isnan(spread) else NO_DIFFERENCE)
    return PAIRED.result(
        inputs=[target, np.asarray(score_a, dtype=float), np.asarray(score_b, dtype=float)],
        n=len(target),
        estimate=difference,
        statistic=z,
        df=df,
        p_value=_two_sided(z, df),
        lo=difference - critical_z * se,
        hi=difference + critical_z * se,
        level=level,
        reason=reason,
        facts={"auc_a": a.auc, "auc_b": b.auc, "var_a": var_a, "var_b": var_b, "cov": cov},
    )


def ks(
    y: Any,
    score: Any,
    level: float = 0.95,
    threshold: Threshold = DEFAULTS["ks"],
    groups: Any = None,
    draws: int = 0,
    seed: int = 0,
) -> TestResult:
    """The largest distance between the score distributions of bads and goods.

    The p-value is asymptotic (H0: the same distribution, rows independent). The interval is that of the difference of
    two proportions at the score where the distance is largest, which does not count that this place was chosen; with
    `draws` it is a bootstrap of villages (or rows), moved back to the estimate.

    Parameters
    ----------
    y, score, level, threshold, groups : as for `auc`. draws, seed : of the bootstrap; 0 makes none.

    Returns
    -------
    TestResult: estimate = statistic = KS; `facts` has `at`, the score of the largest distance.

    >>> round(ks([1, 1, 0, 0, 0], [0.9, 0.4, 0.5, 0.2, 0.1]).estimate, 6)
    0.666667
    """
    level = check_level(level)
    target = check_target(y, "y")
    values = check_score(score, len(target))
    order = np.argsort(values, kind="stable")
    ranked, bad = values[order], target[order].astype(float)
    bads = bad.sum()
    goods = len(bad) - bads
    last = np.append(ranked[1:] != ranked[:-1], True)  # a step of the distribution ends where the score changes
    of_goods, of_bads = (np.cumsum(1 - bad) / goods)[last], (np.cumsum(bad) / bads)[last]
    best = int(np.argmax(np.abs(of_goods - of_bads)))
    distance = float(abs(of_goods[best] - of_bads[best]))
    f, g = of_goods[best], of_bads[best]
    half = float(ndtri((1 + level) / 2) * math.sqrt(f * (1 - f) / goods + g * (1 - g) / bads))
    lo, hi = distance - half, distance + half
    if draws:
        codes = cluster_codes(groups, len(target))
        drawn = bootstrap(target, values, codes, _distance, draws, seed)
        lo, hi = percentile_limits(drawn - (drawn.mean() - distance), level)
    return KS.result(
        inputs=[target, values],
        n=len(target),
        estimate=distance,
        statistic=distance,
        p_value=float(kolmogorov(math.sqrt(bads * goods / (bads + goods)) * distance)),
        lo=max(0.0, lo),
        hi=min(1.0, hi),
        level=level,
        verdict=threshold.verdict(distance),
        threshold=threshold,
        facts={"at": float(ranked[last][best])},
    )


def _distance(bads: np.ndarray, goods: np.ndarray) -> float:
    return float(np.abs(np.cumsum(bads) / bads.sum() - np.cumsum(goods) / goods.sum()).max())


def auc_against_initial(
    initial: float, current: float, variance: float, n: int = 0, threshold: Threshold = DEFAULTS["p_value"]
) -> TestResult:
    """Has the AUC fallen since development? S = (initial - current)/s, p = 1 - Φ(S).

    As the ECB asks, the initial AUC counts as known. H0: it was no higher than the current one.

    Parameters
    ----------
    initial, current : AUC at development and now.
    variance : of the current AUC.
    n : rows behind the current AUC.

    >>> round(auc_against_initial(0.780, 0.742, 0.00040).p_value, 8)
    0.02871656
    """
    if not variance > 0:
        raise InputError(message("a positive variance", repr(variance), "variance", "Use that of `auc`."))
    statistic = (initial - current) / math.sqrt(variance)
    p_value = float(ndtr(-statistic))
    row: dict[str, Any] = {"estimate": current - initial, "statistic": statistic, "p_value": p_value}
    row |= rejected(p_value, threshold)
    inputs = {"initial": initial, "current": current, "variance": variance}
    return INITIAL.result(inputs=inputs, n=n, **row)


def auc_width_bound(auc: float, bads: int, goods: int, level: float = 0.95) -> float:
    """The widest an AUC's interval can be: 2·z·√(A(1-A)/min(bads, goods)) (BCBS WP14, 2005, p. 42).

    >>> round(auc_width_bound(0.75, 10, 1000, level=0.90), 4)
    0.4505
    """
    return float(2 * ndtri((1 + check_level(level)) / 2) * math.sqrt(auc * (1 - auc) / min(bads, goods)))
