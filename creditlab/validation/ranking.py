"""Further measures of the order: pooled, within and between villages, by bootstrap, in the approval zone, by costs.

Use them where the plain AUC hides something: few defaults a year, villages that differ, a cut-off that matters. Scores
are higher = riskier throughout; intervals come from a bootstrap of villages where `groups` are given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression
from scipy.special import betainc

from creditlab.checks import check_groups, check_level, check_one_of, check_target
from creditlab.errors import InputError, message
from creditlab.validation.discrimination import DELONG, auc, placements
from creditlab.validation.grades import rate_limits
from creditlab.validation.resampling import Ranked, Statistic, bca_limits, bootstrap, percentile_limits
from creditlab.validation.result import Kind, TestFamily, TestResult
from creditlab.validation.rows import check_score, cluster_codes
from creditlab.validation.verdict import DEFAULTS, Threshold

HAND = "Hand, Machine Learning 77 (2009) 103-123"
POOLED = Kind(
    "disc.auc_pool",
    "AUC pooled over periods",
    "跨期合并AUC",
    "ECB instructions (2019) Annex 3.1",
    "AUC = ½ AUC等于½",
    "auc_pooled",
)
BOOT = Kind(
    "disc.cluster_boot",
    "AUC, bootstrap of villages",
    "AUC（按村自助法）",
    f"Efron 1987; Field, Welsh, JRSS B 69 (2007) 369-390; {DELONG}",
    "AUC = ½ AUC等于½",
    "auc_bootstrap",
)
WITHIN = Kind(
    "disc.within_village",
    "AUC within villages",
    "村内AUC",
    "pairs of one village only; ratio of sums by village, Cochran 1977 ch. 6",
    "AUC within = ½ 村内AUC等于½",
    "auc_within",
)
BETWEEN = Kind(
    "disc.between_village",
    "AUC between villages",
    "村间AUC",
    "pairs of two villages; jackknife over villages, Efron 1982",
    "AUC between = ½ 村间AUC等于½",
    "auc_between",
)
PARTIAL = Kind(
    "disc.partial_auc",
    "Partial AUC in the approval zone",
    "审批区间部分AUC",
    "McClish, Medical Decision Making 9 (1989) 190-195",
    "",
    "partial_auc",
)
HMEASURE = Kind("disc.h_measure", "H-measure", "H测度", HAND, "", "h_measure")
PRAUC = Kind(
    "disc.prauc",
    "Average precision",
    "平均精确率（PR曲线）",
    "Davis, Goadrich, ICML 2006; Σ (R_n - R_{n-1})·P_n",
    "",
    "average_precision",
)
LIFT = Kind(
    "disc.lift",
    "Bads captured in the worst share",
    "最差区间坏样本捕获率",
    "CAP curve, BCBS WP14 (2005) pp. 36-38",
    "",
    "lift",
)
CIER = Kind(
    "disc.cier",
    "Conditional information entropy ratio",
    "条件信息熵比（CIER）",
    "BCBS WP14 (2005) p. 44; HKMA CA-G-4 7.2.1",
    "",
    "cier",
)
PIETRA = Kind("disc.pietra", "Pietra index", "Pietra指数", "√2/4 · KS, BCBS WP14 (2005) p. 43", "", "pietra")
BER = Kind("disc.ber", "Bayesian error rate", "贝叶斯误差率", "½ min(α + β), BCBS WP14 (2005) p. 43", "", "bayes_error")
IV = Kind(
    "disc.iv",
    "Information value",
    "信息值（IV）",
    "Σ(g - b)·ln(g/b), Siddiqi 2006; χ² as for PSI (Yurdakul 2018)",
    "goods and bads fall alike into the bins 好坏样本分布相同",
    "information_value",
)
FEW_DRAWS = "too few draws held both classes 有效自助样本不足"
NO_PAIR = "no village has both a bad and a good 没有同时含好坏样本的村"
ONE_VILLAGE = "two villages or more are needed 需要两个以上的村"


def auc_pooled(
    y: Any, score: Any, period: Any, groups: Any = None, level: float = 0.95, threshold: Threshold = DEFAULTS["auc"]
) -> TestResult:
    """The AUC over several periods on ranks within each period, so that a drift of the level cannot help or hurt.

    Each score becomes the share of its period that is not above it; use it where a year has fewer than 20 defaults.

    >>> auc_pooled([1, 0, 0, 1, 0, 0], [3, 2, 1, 30, 20, 10], ["a", "a", "a", "b", "b", "b"]).estimate
    1.0
    """
    target = check_target(y, "y")
    values = check_score(score, len(target))
    when = check_groups(period, len(target), "period")
    relative = pd.Series(values).groupby(when).rank(method="max", pct=True).to_numpy()
    plain = auc(target, relative, groups, level, threshold=threshold)
    return POOLED.result(
        inputs=[target, values, when.astype(str)],
        n=plain.n,
        reason=plain.reason,
        threshold=threshold,
        verdict=plain.verdict,
        level=level,
        facts={**_tail(plain), "periods": len(set(when))},
        **_numbers(plain),
    )


def _numbers(test: TestResult) -> dict[str, float]:
    return {name: float(getattr(test, name)) for name in ("estimate", "statistic", "df", "p_value", "lo", "hi")}


def _tail(test: TestResult) -> dict[str, Any]:
    return {name: test.facts[name] for name in ("se", "bads", "goods", "clusters", "design_effect")}


def auc_bootstrap(
    y: Any,
    score: Any,
    groups: Any = None,
    draws: int = 500,
    seed: int = 0,
    level: float = 0.95,
    interval: str = "percentile",
    threshold: Threshold = DEFAULTS["auc"],
) -> TestResult:
    """The AUC with an interval from drawing whole villages again, and the design effect against DeLong's variance.

    Households inside a drawn village are all kept: drawing them too would count their noise twice.

    Parameters
    ----------
    y, score, groups, level, threshold : as for `auc`; without groups, rows are drawn.
    draws, seed : of the bootstrap. interval : "percentile" or "bca".

    >>> y, s = [1, 0, 1, 0, 0, 1, 0, 0], [0.9, 0.2, 0.4, 0.5, 0.1, 0.7, 0.3, 0.2]
    >>> auc_bootstrap(y, s, list("aabbccdd"), draws=50).n
    8
    """
    level, kind = check_level(level), check_one_of(interval, ("percentile", "bca"), "interval")
    target = check_target(y, "y")
    values = check_score(score, len(target))
    codes = cluster_codes(groups, len(target))
    placed = placements(target, values)
    drawn = bootstrap(target, values, codes, _auc_of, draws, seed)
    parts = placed.part if codes is None else np.bincount(codes, weights=placed.part)
    lo, hi = (
        percentile_limits(drawn, level)
        if kind == "percentile" or len(drawn) < 20
        else bca_limits(drawn, placed.auc, parts, level)
    )
    spread, alone = float(drawn.std(ddof=1)) if len(drawn) > 1 else math.nan, placed.covariance(placed)
    facts = {
        "se": spread,
        "draws": len(drawn),
        "clusters": 0 if codes is None else len(parts),
        "interval": kind,
        "design_effect": spread**2 / alone if alone > 0 else math.nan,
    }
    return BOOT.result(
        inputs=[target, values],
        n=len(target),
        estimate=placed.auc,
        lo=lo,
        hi=hi,
        level=level,
        reason="" if lo == lo else FEW_DRAWS,
        verdict=threshold.verdict(placed.auc),
        threshold=threshold,
        facts=facts,
    )


def _auc_of(bads: np.ndarray, goods: np.ndarray) -> float:
    beaten = np.cumsum(goods) - goods / 2
    return float((bads * beaten).sum() / (bads.sum() * goods.sum()))


def auc_within(y: Any, score: Any, groups: Any, level: float = 0.95) -> TestResult:
    """The AUC over pairs of one village: does the score rank people, not only villages?

    A_w = Σ_v concordant pairs / Σ_v pairs; a village without both classes adds nothing. Interval: ratio of sums by
    village, t with G - 1 degrees of freedom, G villages with pairs.

    >>> auc_within([1, 0, 1, 0], [0.2, 0.1, 0.9, 0.8], ["a", "a", "b", "b"]).estimate
    1.0
    """
    level = check_level(level)
    target, values, codes = _grouped(y, score, groups)
    right, pairs = _pairs(target, values, codes)
    right, pairs = right[pairs > 0], pairs[pairs > 0]
    if not len(pairs):
        return WITHIN.result(inputs=[target, values, codes], n=len(target), reason=NO_PAIR)
    estimate = float(right.sum() / pairs.sum())
    G = len(pairs)
    variance = float(G / (G - 1) * ((right - estimate * pairs) ** 2).sum() / pairs.sum() ** 2) if G > 1 else math.nan
    return _judged(
        WITHIN,
        [target, values, codes],
        len(target),
        estimate,
        variance,
        G,
        level,
        {"villages": G, "pairs": float(pairs.sum())},
    )


def auc_between(y: Any, score: Any, groups: Any, level: float = 0.95) -> TestResult:
    """The AUC over pairs of two villages: how far the score tells bad villages from good ones.

    Together with `auc_within` it splits the AUC: both, weighted by their pairs, add up to it. Interval: jackknife over
    villages, t with G - 1 degrees of freedom.

    >>> auc_between([1, 0, 1, 0], [0.2, 0.1, 0.9, 0.8], ["a", "a", "b", "b"]).estimate
    0.5
    """
    level = check_level(level)
    target, values, codes = _grouped(y, score, groups)
    inputs, G = [target, values, codes], int(codes.max()) + 1
    mine, my_pairs = _pairs(target, values, codes)
    right, pairs = _pairs(target, values, np.zeros(len(codes), dtype=int))
    total, count = float(right[0] - mine.sum()), float(pairs[0] - my_pairs.sum())
    if count <= 0:
        return BETWEEN.result(inputs=inputs, n=len(target), reason=ONE_VILLAGE)
    of_rows, with_rows = _won(target, values)
    theirs = np.bincount(codes, weights=of_rows, minlength=G) - 2 * mine
    their_pairs = np.bincount(codes, weights=with_rows, minlength=G) - 2 * my_pairs
    left = count - their_pairs
    variance = math.nan
    if G > 2 and (left > 0).all():
        without = (total - theirs) / left
        variance = float((G - 1) / G * ((without - without.mean()) ** 2).sum())
    return _judged(BETWEEN, inputs, len(target), total / count, variance, G, level, {"villages": G, "pairs": count})


def _grouped(y: Any, score: Any, groups: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    target = check_target(y, "y")
    return target, check_score(score, len(target)), pd.factorize(check_groups(groups, len(target)))[0]


def _judged(
    kind: Kind, inputs: Any, n: int, estimate: float, variance: float, G: int, level: float, facts: dict[str, Any]
) -> TestResult:
    """Estimate, t and interval of an AUC over villages."""
    from scipy.special import stdtr, stdtrit

    se = math.sqrt(variance) if variance > 0 else math.nan
    t = (estimate - 0.5) / se
    half = float(stdtrit(G - 1, (1 + level) / 2)) * se if G > 1 else math.nan
    reason = (
        "" if variance > 0 else (ONE_VILLAGE if math.isnan(variance) else "no variance between villages 村间无方差")
    )
    return kind.result(
        inputs=inputs,
        n=n,
        estimate=estimate,
        statistic=t,
        df=G - 1 if G > 1 else math.nan,
        level=level,
        p_value=math.nan if math.isnan(t) else float(2 * stdtr(G - 1, -abs(t))),
        lo=max(0.0, estimate - half),
        hi=min(1.0, estimate + half),
        reason=reason,
        facts={"se": se, **facts},
    )


def _pairs(target: np.ndarray, values: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per group: pairs of a bad and a good in which the bad scores higher (ties ½), and pairs."""
    order = np.lexsort((values, codes))
    g, s, bad = codes[order], values[order], target[order].astype(float)
    start = np.flatnonzero(np.append(True, (g[1:] != g[:-1]) | (s[1:] != s[:-1])))
    bads, goods = np.add.reduceat(bad, start), np.add.reduceat(1 - bad, start)
    here = g[start]
    before = np.cumsum(goods) - goods / 2
    first = np.flatnonzero(np.append(True, here[1:] != here[:-1]))
    offset = (np.cumsum(goods) - goods)[first]
    beaten = before - np.repeat(offset, np.diff(np.append(first, len(here))))
    groups = int(codes.max()) + 1
    right = np.bincount(here, weights=bads * beaten, minlength=groups)
    return right, np.bincount(here, weights=bads, minlength=groups) * np.bincount(here, weights=goods, minlength=groups)


def _won(target: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per row: in how many of its pairs with the other class the bad scores higher, and how many pairs it has."""
    placed = placements(target, values)
    bads = int(placed.bad.sum())
    other = np.where(placed.bad, len(target) - bads, bads).astype(float)
    own = np.where(placed.bad, bads, len(target) - bads)
    return (placed.part * own + placed.auc) * other, other


def partial_auc(
    y: Any, score: Any, max_fpr: float = 0.2, groups: Any = None, draws: int = 200, seed: int = 0, level: float = 0.95
) -> TestResult:
    """The AUC up to a false-positive rate, standardised to ½ for chance and 1 for perfect (McClish).

    `facts`: area, the raw area. Interval: percentile bootstrap of villages, or of rows.

    >>> partial_auc([1, 1, 0, 0, 0, 0], [0.9, 0.4, 0.5, 0.3, 0.2, 0.1], max_fpr=0.5).n
    6
    """
    if not 0 < max_fpr <= 1:
        raise InputError(message("a rate above 0 and at most 1", repr(max_fpr), "max_fpr", "0.2 is 20 %."))

    def statistic(bads: np.ndarray, goods: np.ndarray) -> float:
        area, least = _area(bads, goods, max_fpr), max_fpr**2 / 2
        return 0.5 * (1 + (area - least) / (max_fpr - least)) if max_fpr < 1 else area

    def facts(bads: np.ndarray, goods: np.ndarray) -> dict[str, Any]:
        return {"area": _area(bads, goods, max_fpr), "max_fpr": max_fpr}

    return _drawn(PARTIAL, y, score, groups, statistic, draws, seed, level, facts)


def _area(bads: np.ndarray, goods: np.ndarray, most: float) -> float:
    """Area under the ROC curve left of a false-positive rate."""
    x = np.append(0.0, np.cumsum(goods[::-1]) / goods.sum())
    h = np.append(0.0, np.cumsum(bads[::-1]) / bads.sum())
    inside = x <= most
    xs, hs = np.append(x[inside], most), np.append(h[inside], np.interp(most, x, h))
    return float(((xs[1:] - xs[:-1]) * (hs[1:] + hs[:-1]) / 2).sum())


def h_measure(
    y: Any,
    score: Any,
    severity: tuple[float, float] | str = (2.0, 2.0),
    groups: Any = None,
    draws: int = 200,
    seed: int = 0,
    level: float = 0.95,
) -> TestResult:
    """Hand's H: one less the expected minimum loss over that of a model that knows nothing, costs drawn from a Beta.

    Parameters
    ----------
    severity : (a, b) of the Beta of the relative cost of refusing a good; "ratio" is the R package's default, whose
        mode lies at the share of bads.

    >>> round(h_measure([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]).estimate, 6)
    1.0
    """
    if severity != "ratio" and not (isinstance(severity, tuple) and len(severity) == 2 and min(severity) > 0):
        raise InputError(message("(a, b) above 0, or 'ratio'", repr(severity), "severity", "(2, 2) is usual."))

    def statistic(bads: np.ndarray, goods: np.ndarray) -> float:
        a, b = (severity[0], severity[1]) if isinstance(severity, tuple) else (2.0, 1 + goods.sum() / bads.sum())
        return _h(bads, goods, float(a), float(b))

    return _drawn(HMEASURE, y, score, groups, statistic, draws, seed, level, lambda *_: {"severity": str(severity)})


def _h(bads: np.ndarray, goods: np.ndarray, a: float, b: float) -> float:
    B, G = bads.sum(), goods.sum()
    of_bads, of_goods = B / (B + G), G / (B + G)
    x, h = _hull(bads, goods)
    rise, run = of_bads * np.diff(h), of_goods * np.diff(x)
    cost = np.concatenate(
        [[1.0], rise / (rise + run), [0.0]]
    )  # vertex i is best for costs between cost[i+1] and cost[i]

    def of_cost(c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return a / (a + b) * betainc(a + 1, b, c), b / (a + b) * betainc(a, b + 1, c)

    up, down = of_cost(cost[:-1]), of_cost(cost[1:])
    loss = float((of_goods * x * (up[0] - down[0]) + of_bads * (1 - h) * (up[1] - down[1])).sum())
    at = of_cost(np.array([of_bads, 1.0]))
    worst = float(of_goods * at[0][0] + of_bads * (at[1][1] - at[1][0]))
    return 1 - loss / worst


def _hull(bads: np.ndarray, goods: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The upper convex hull of a ROC curve: pools of scores whose bad rates rise, worst pool first."""
    used = (bads + goods) > 0
    bads, goods = bads[used], goods[used]
    blocks = isotonic_regression(bads / (bads + goods), weights=bads + goods).blocks
    pooled = [np.add.reduceat(v, blocks[:-1])[::-1] for v in (goods, bads)]
    x, h = (np.append(0.0, np.cumsum(v) / v.sum()) for v in pooled)
    return x, h


def average_precision(
    y: Any, score: Any, groups: Any = None, draws: int = 200, seed: int = 0, level: float = 0.95
) -> TestResult:
    """The area under the precision-recall curve by steps; `facts`: base_rate, what a random score would have.

    >>> average_precision([1, 1, 0, 0], [0.9, 0.8, 0.3, 0.1]).estimate
    1.0
    """

    def statistic(bads: np.ndarray, goods: np.ndarray) -> float:
        hits, flagged = np.cumsum(bads[::-1]), np.cumsum((bads + goods)[::-1])
        precision = np.divide(hits, flagged, out=np.ones_like(hits), where=flagged > 0)
        return float((bads[::-1] * precision).sum() / bads.sum())

    return _drawn(
        PRAUC,
        y,
        score,
        groups,
        statistic,
        draws,
        seed,
        level,
        lambda b, g: {"base_rate": float(b.sum() / (b.sum() + g.sum()))},
    )


def cier(y: Any, grade: Any, groups: Any = None, draws: int = 200, seed: int = 0, level: float = 0.95) -> TestResult:
    """The share of the entropy of default that the grades take away: 1 - H(D | grade)/H(D).

    `grade` is a grade or a score with few values; with a value of its own for each row the ratio is always 1.

    >>> round(cier([1, 0, 0, 0, 1, 1], [2, 1, 1, 1, 2, 2]).estimate, 6)
    1.0
    """

    def statistic(bads: np.ndarray, goods: np.ndarray) -> float:
        n = bads + goods
        used = n > 0
        inside = (n[used] * _entropy(bads[used] / n[used])).sum() / n.sum()
        return float(1 - inside / _entropy(np.array(bads.sum() / n.sum())))

    return _drawn(CIER, y, grade, groups, statistic, draws, seed, level)


def _entropy(rate: np.ndarray) -> np.ndarray:
    p = np.clip(rate, 1e-300, 1.0)
    q = np.clip(1 - rate, 1e-300, 1.0)
    return -(rate * np.log(p) + (1 - rate) * np.log(q))


def _distance(bads: np.ndarray, goods: np.ndarray) -> float:
    return float(np.abs(np.cumsum(bads) / bads.sum() - np.cumsum(goods) / goods.sum()).max())


def pietra(y: Any, score: Any, groups: Any = None, draws: int = 200, seed: int = 0, level: float = 0.95) -> TestResult:
    """Half the largest distance of the ROC curve from the diagonal: √2/4 · KS.

    >>> round(pietra([1, 1, 0, 0], [0.9, 0.8, 0.3, 0.1]).estimate, 6)
    0.353553
    """
    return _drawn(PIETRA, y, score, groups, lambda b, g: math.sqrt(2) / 4 * _distance(b, g), draws, seed, level)


def bayes_error(
    y: Any, score: Any, groups: Any = None, draws: int = 200, seed: int = 0, level: float = 0.95
) -> TestResult:
    """The least error of a cut-off when bads and goods weigh alike: ½(1 - KS).

    >>> bayes_error([1, 1, 0, 0], [0.9, 0.8, 0.3, 0.1]).estimate
    0.0
    """
    return _drawn(BER, y, score, groups, lambda b, g: (1 - _distance(b, g)) / 2, draws, seed, level)


def _drawn(
    kind: Kind,
    y: Any,
    score: Any,
    groups: Any,
    statistic: Statistic,
    draws: int,
    seed: int,
    level: float,
    facts: Any = None,
) -> TestResult:
    """A figure of the order with a bootstrap interval around it."""
    level = check_level(level)
    target = check_target(y, "y")
    values = check_score(score, len(target))
    codes = cluster_codes(groups, len(target))
    bads, goods = Ranked.of(target, values).counts()
    estimate, drawn = statistic(bads, goods), bootstrap(target, values, codes, statistic, draws, seed)
    # drawing with repeats favours such maxima and ratios: the draws are moved back to the estimate
    lo, hi = percentile_limits(drawn - (drawn.mean() - estimate) if len(drawn) else drawn, level)
    more = facts(bads, goods) if facts else {}
    return kind.result(
        inputs=[target, values],
        n=len(target),
        estimate=estimate,
        lo=lo,
        hi=hi,
        level=level,
        reason="" if lo == lo else FEW_DRAWS,
        facts={**more, "draws": draws, "seed": seed},
    )


def lift(y: Any, score: Any, shares: Sequence[float] = (0.1, 0.2, 0.3), level: float = 0.95) -> TestFamily:
    """The share of all bads among the worst-scored `shares` of rows; `statistic` is the lift over a random choice.

    Rows with the score at the border are taken in proportion. Interval: Jeffreys of the captured share.

    >>> lift([1, 1, 0, 0, 0, 0, 0, 0, 0, 0], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]).tidy()["estimate"].tolist()
    [0.5, 1.0, 1.0]
    """
    level = check_level(level)
    target = check_target(y, "y")
    values = check_score(score, len(target))
    wrong = [s for s in shares if not 0 < s <= 1]
    if wrong or not len(shares):
        raise InputError(message("shares above 0 and at most 1", f"{list(shares)}", "shares", "0.1 is 10 %."))
    bads, goods = Ranked.of(target, values).counts()
    rows = np.append(0.0, np.cumsum((bads + goods)[::-1]))
    hits = np.append(0.0, np.cumsum(bads[::-1]))
    table = []
    for share in shares:
        caught = float(np.interp(share * len(target), rows, hits))
        lo, hi = rate_limits(caught, bads.sum(), level)
        table.append(
            {
                "scope": f"{share:.0%}",
                "n": len(target),
                "estimate": caught / bads.sum(),
                "lo": lo,
                "hi": hi,
                "statistic": caught / bads.sum() / share,
                "verdict": "info",
                "threshold": "",
            }
        )
    return LIFT.family(table, inputs=[target, values], n=len(target), level=level, method="none")


def information_value(goods: Any, bads: Any, smoothing: float = 0.5) -> TestResult:
    """The information value Σ(g - b)·ln(g/b) of bins, half a row added to each cell; χ² against no information.

    IV/(1/goods + 1/bads) is χ² with bins - 1 degrees of freedom if the bins tell nothing.

    >>> round(information_value([80, 20], [30, 70], smoothing=0).estimate, 4)
    1.1168
    """
    g, b = (np.asarray(v, dtype=float).reshape(-1) for v in (goods, bads))
    if (
        len(g) != len(b)
        or not (np.isfinite(g) & np.isfinite(b) & (g >= 0) & (b >= 0)).all()
        or not (g.any() and b.any())
    ):
        raise InputError(
            message(
                "goods and bads of the same bins",
                f"{len(g)} and {len(b)} values",
                "information_value",
                "One count of each per bin.",
            )
        )
    used = (g + b) > 0
    g, b = g[used], b[used]
    if not smoothing > 0 and ((g == 0) | (b == 0)).any():
        raise InputError(
            message("no empty cell without smoothing", "empty cells", "information_value", "Use smoothing=0.5.")
        )
    bins = len(g)
    share_g, share_b = (g + smoothing) / (g.sum() + smoothing * bins), (b + smoothing) / (b.sum() + smoothing * bins)
    value = float(((share_g - share_b) * np.log(share_g / share_b)).sum())
    from scipy.special import chdtrc

    statistic = value / (1 / g.sum() + 1 / b.sum())
    p_value = float(chdtrc(bins - 1, statistic)) if bins > 1 else math.nan
    return IV.result(
        inputs=[g, b],
        n=int(g.sum() + b.sum()),
        estimate=value,
        statistic=statistic,
        df=bins - 1,
        p_value=p_value,
        facts={"bins": bins, "empty": int(((g == 0) | (b == 0)).sum())},
    )
