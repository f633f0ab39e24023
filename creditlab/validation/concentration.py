"""Is the book piled up: on grades, villages, one guarantee group, one score.

Shares of counts or amounts. What is too much is the bank's to say, save where a supervisor has a test.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from creditlab.errors import InputError, message
from creditlab.validation.result import Kind, TestResult, rejected
from creditlab.validation.rows import check_score
from creditlab.validation.stability import check_bins
from creditlab.validation.verdict import DEFAULTS, Threshold

HHI = Kind(
    "conc.hhi",
    "Herfindahl-Hirschman index",
    "赫芬达尔指数（HHI）",
    "Σ share²; ECB instructions (2019) 2.5.5.3 for HI",
    "",
    "hhi",
)
MOVED = Kind(
    "conc.hi_ecb",
    "Concentration against development",
    "集中度与开发样本相比",
    "ECB instructions (2019) 2.5.5.3; Miller 1991",
    "the current concentration is not above that at development 当前集中度不高于开发时",
    "concentration_change",
)
TOP = Kind("conc.top", "Share of the largest", "最大者占比", "Σ of the largest shares", "", "top_share")
GINI = Kind("conc.gini", "Gini of concentration", "集中度基尼系数", "Gini 1912; Lorenz curve", "", "concentration_gini")
THEIL = Kind("conc.theil", "Theil index", "泰尔指数", "Theil 1967: ln K less the entropy", "", "theil")
HOOVER = Kind("conc.hoover", "Hoover index", "胡佛指数", "Hoover 1936: half the sum of |share - 1/K|", "", "hoover")
AGGLOMERATION = Kind(
    "conc.ellison_glaeser",
    "Ellison-Glaeser index",
    "Ellison-Glaeser集聚指数",
    "Ellison, Glaeser, J. Political Economy 105 (1997) 889-927",
    "",
    "ellison_glaeser",
)
GUARANTEE = Kind(
    "conc.guarantee",
    "Largest joint-guarantee group",
    "最大联保圈占比",
    "connected components of the guarantee graph",
    "",
    "guarantee_component",
)
BUNCHING = Kind(
    "conc.score",
    "Bunching at the cut-off",
    "切点处堆积",
    "McCrary, J. Econometrics 142 (2008) 698-714",
    "the density of the score is continuous at the cut-off 评分密度在切点处连续",
    "bunching",
)


def hhi(counts: Any) -> TestResult:
    """The raw Herfindahl-Hirschman index Σ share² of counts or amounts over grades, villages or industries.

    `facts`: effective (1/HHI, the number of equal parts that would be as concentrated), largest share, and the ECB's
    own figures: cv, the coefficient of variation, and hi = 1 + ln((cv² + 1)/K)/ln K, which is 0 for equal parts and 1
    for a single one. HHI and HI are not the same index. No verdict: what is too much is the bank's to say.

    >>> round(hhi([406, 480, 114]).estimate, 6)
    0.408232
    """
    share, cv, hi = _concentration(check_bins(counts, "counts"))
    index = float((share**2).sum())
    facts = {"parts": len(share), "effective": 1 / index, "largest": float(share.max()), "cv": cv, "hi": hi}
    return HHI.result(inputs=share, n=len(share), estimate=index, facts=facts)


def concentration_change(initial: Any, current: Any, threshold: Threshold = DEFAULTS["p_value"]) -> TestResult:
    """Is the current distribution over grades more concentrated than at development? ECB test on CV.

    p = 1 - Φ(√(K-1)·(CV - CV₀)/√(CV²(½ + CV²))). H0: the current concentration is lower.

    >>> round(concentration_change([10, 20, 40, 20, 10], [5, 10, 60, 15, 10]).p_value, 8)
    0.22862831
    """
    before, after = check_bins(initial, "initial"), check_bins(current, "current")
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


def top_share(counts: Any, k: int = 5, threshold: Threshold = DEFAULTS["share"]) -> TestResult:
    """The share of the k largest villages, grades or borrowers; the colour is that of the single largest.

    >>> top_share([50, 30, 20], k=2).estimate
    0.8
    """
    values = check_bins(counts, "counts")
    share = np.sort(values / values.sum())[::-1]
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise InputError(message("one or more", repr(k), "k", "Five is usual."))
    return TOP.result(
        inputs=values,
        n=len(values),
        estimate=float(share[:k].sum()),
        threshold=f"largest {threshold}",
        verdict=threshold.verdict(float(share[0])),
        facts={"k": min(k, len(share)), "largest": float(share[0])},
    )


def concentration_gini(counts: Any) -> TestResult:
    """The Gini coefficient of shares: 0 for equal parts, 1 - 1/K for a single one.

    >>> concentration_gini([5, 5, 5]).estimate.__round__(12)
    0.0
    """
    values = np.sort(check_bins(counts, "counts"))
    K = len(values)
    index = float((2 * np.arange(1, K + 1) - K - 1) @ values / (K * values.sum()))
    return GINI.result(inputs=values, n=K, estimate=index)


def theil(counts: Any) -> TestResult:
    """Theil's index Σ share·ln(K·share): 0 for equal parts, ln K for a single one.

    >>> theil([1, 1]).estimate
    0.0
    """
    values = check_bins(counts, "counts")
    share = values[values > 0] / values.sum()
    return THEIL.result(
        inputs=values,
        n=len(values),
        estimate=float((share * np.log(len(values) * share)).sum()),
        facts={"most": math.log(len(values))},
    )


def hoover(counts: Any, reference: Any = None) -> TestResult:
    """The Hoover index: the share that would have to move for equal parts, or for the shares of `reference`.

    >>> hoover([3, 1]).estimate
    0.25
    """
    values = check_bins(counts, "counts")
    other = np.ones(len(values)) if reference is None else check_bins(reference, "reference")
    if len(other) != len(values):
        raise InputError(
            message("a reference of the same parts", f"{len(values)} and {len(other)}", "hoover", "Give one per part.")
        )
    return HOOVER.result(
        inputs=[values, other],
        n=len(values),
        estimate=float(np.abs(values / values.sum() - other / other.sum()).sum() / 2),
    )


def ellison_glaeser(exposure: Any, area: Any, size: Any) -> TestResult:
    """Is an industry's exposure gathered in few villages beyond what the size of its borrowers brings about?

    γ = (G - (1 - Σx²)H)/((1 - Σx²)(1 - H)), G = Σ(s - x)², s the shares of the industry over villages, x those of all
    exposure, H the Herfindahl index of its borrowers. 0: as random; above .05 is strong (Ellison, Glaeser).

    Parameters
    ----------
    exposure : of the industry per village. area : of all per village.
    size : exposure of each borrower of the industry.

    >>> round(ellison_glaeser([10, 0], [50, 50], [1] * 10).estimate, 4)
    1.0
    """
    s, x, z = check_bins(exposure, "exposure"), check_bins(area, "area"), check_bins(size, "size")
    if len(s) != len(x):
        came = f"{len(s)} and {len(x)} villages"
        raise InputError(
            message("exposure and area of the same villages", came, "ellison_glaeser", "Give one of each.")
        )
    s, x, z = s / s.sum(), x / x.sum(), z / z.sum()
    G, H, left = float(((s - x) ** 2).sum()), float((z**2).sum()), 1 - float((x**2).sum())
    if H >= 1 or left <= 0:
        return AGGLOMERATION.result(inputs=[s, x, z], n=len(z), reason="one borrower or one village 只有一户或一村")
    return AGGLOMERATION.result(
        inputs=[s, x, z], n=len(z), estimate=(G - left * H) / (left * (1 - H)), facts={"G": G, "H": H}
    )


def guarantee_component(edges: Any, amounts: Any, threshold: Threshold = DEFAULTS["share"]) -> TestResult:
    """The share of the book in the largest group of households that guarantee each other.

    Parameters
    ----------
    edges : pairs of row numbers (borrower, guarantor). amounts : balance of each row.

    >>> guarantee_component([(0, 1), (1, 2)], [10, 10, 10, 70]).facts["members"]
    3
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    book = check_bins(amounts, "amounts")
    pairs = np.asarray(edges, dtype=int).reshape(-1, 2)
    if len(pairs) and (pairs.min() < 0 or pairs.max() >= len(book)):
        raise InputError(
            message(f"row numbers from 0 to {len(book) - 1}", "others", "edges", "Number the rows of amounts.")
        )
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(book), len(book)))
    _, label = connected_components(graph, directed=False)
    members, held = np.bincount(label), np.bincount(label, weights=book)
    joined = np.where(members > 1, held, 0.0)
    if not joined.any():
        return GUARANTEE.result(
            inputs=[pairs, book],
            n=len(book),
            estimate=0.0,
            threshold=threshold,
            verdict=threshold.verdict(0.0),
            facts={"members": 0, "groups": 0},
        )
    largest = int(joined.argmax())
    share = float(joined[largest] / book.sum())
    return GUARANTEE.result(
        inputs=[pairs, book],
        n=len(book),
        estimate=share,
        threshold=threshold,
        verdict=threshold.verdict(share),
        facts={"members": int(members[largest]), "groups": int((members > 1).sum())},
    )


def bunching(
    score: Any, cutoff: float, bandwidth: float | None = None, threshold: Threshold = DEFAULTS["p_value"]
) -> TestResult:
    """Are scores pushed over the cut-off? The log difference of the density just above and just below (McCrary).

    Counts in bins of 2·s/√n, smoothed on either side by a local line with triangular weights over `bandwidth` (default
    twice the standard deviation over n^¼). `facts`: mode, the share of rows at the most frequent score.

    >>> rng = np.random.default_rng(0)
    >>> bunching(rng.normal(600, 50, 3000), 620).verdict
    'green'
    """
    s = check_score(score, np.size(score))
    n, spread = len(s), float(s.std(ddof=1)) if len(s) > 1 else 0.0
    mode = float(pd.Series(s).value_counts().iloc[0] / n)
    width = 2 * spread / math.sqrt(n)
    h = bandwidth or 2 * spread / n**0.25
    near = [int(((s < cutoff) & (s >= cutoff - h)).sum()), int(((s >= cutoff) & (s < cutoff + h)).sum())]
    if spread == 0 or min(near) < 20 or h < 3 * width:
        reason = f"{min(near)} rows beside the cut-off < 20 切点附近样本不足"
        return BUNCHING.result(inputs=[s], n=n, reason=reason, threshold=threshold, facts={"mode": mode})
    density = [_edge_density(s, cutoff, side, width, h) for side in (-1, 1)]
    if min(density) <= 0:
        return BUNCHING.result(
            inputs=[s],
            n=n,
            reason="no density beside the cut-off 切点旁密度为零",
            threshold=threshold,
            facts={"mode": mode},
        )
    jump = math.log(density[1] / density[0])
    se = math.sqrt(24 / (5 * n * h) * (1 / density[0] + 1 / density[1]))
    z = jump / se
    p_value, half = float(2 * ndtr(-abs(z))), float(ndtri(0.975)) * se
    return BUNCHING.result(
        inputs=[s],
        n=n,
        estimate=jump,
        statistic=z,
        p_value=p_value,
        lo=jump - half,
        hi=jump + half,
        level=0.95,
        facts={"mode": mode, "bandwidth": h, "beside": near},
        **rejected(p_value, threshold),
    )


def _edge_density(s: np.ndarray, cutoff: float, side: int, width: float, h: float) -> float:
    """Density at the cut-off from one side: a triangular local line through bin counts."""
    away = side * (s - cutoff)
    inside = away[(away >= 0) & (away < h)] if side > 0 else away[(away > 0) & (away <= h)]
    bins = max(3, int(h / width))
    count, edge = np.histogram(inside, bins=bins, range=(0, bins * width))
    x = (edge[:-1] + edge[1:]) / 2
    w = np.maximum(0, 1 - x / h)
    f = count / (len(s) * width)
    s0, s1, s2 = w.sum(), (w * x).sum(), (w * x**2).sum()
    return float((w * f * (s2 - s1 * x)).sum() / (s0 * s2 - s1**2))
