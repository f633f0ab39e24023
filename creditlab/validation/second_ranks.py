"""Measures of the order by a second path: ranks, U statistics, scikit-learn, hulls; and what all second paths share.

See `second_path`, which has the others and the table of all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import spatial, stats

#: figures of one line by name: n, estimate, statistic, df, p_value, lo, hi
Figures = dict[str, float]


@dataclass(frozen=True)
class Part:
    """The rows of one line: outcomes, PDs, villages, the other model, the development rows, the spec's numbers."""

    y: np.ndarray
    p: np.ndarray
    groups: np.ndarray | None
    level: float
    first: Part | None = None
    other: np.ndarray | None = None
    fitted: bool = False
    correlation: float = 0.0
    grades: int = 10
    stored: Mapping[str, Any] | None = None
    amount: np.ndarray | None = None
    settings: Mapping[str, float] | None = None
    grade: int = 0
    worst: str = ""
    periods: np.ndarray | None = None


def critical(part: Part) -> tuple[float, float]:
    """Critical value, and degrees of freedom of the clusters (NaN without)."""
    if part.groups is None:
        return float(stats.norm.ppf((1 + part.level) / 2)), math.nan
    df = len(set(part.groups)) - 1
    return float(stats.t.ppf((1 + part.level) / 2, df)), float(df)


def two_sided(z: float, df: float) -> float:
    return float(2 * (stats.norm.sf(abs(z)) if math.isnan(df) else stats.t.sf(abs(z), df)))


def _placement_values(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, float]:
    """For each row the share of the other class it beats, by ranks (Hanley, Hajian-Tilaki 1997), and the AUC."""
    ranks = stats.rankdata(p)
    bads, goods = int(y.sum()), int((1 - y).sum())
    value = np.empty(len(y))
    value[y == 1] = (ranks[y == 1] - stats.rankdata(p[y == 1])) / goods
    value[y == 0] = 1 - (ranks[y == 0] - stats.rankdata(p[y == 0])) / bads
    from sklearn.metrics import roc_auc_score

    return value, float(roc_auc_score(y, p))


def _auc_covariance(part: Part, p: np.ndarray, q: np.ndarray) -> float:
    """DeLong's covariance by np.cov; with villages Obuchowski's S10 + S01 + 2·S11 from sums by village."""
    y = part.y
    (u, a), (v, b) = _placement_values(y, p), _placement_values(y, q)
    bads, goods = int(y.sum()), int((1 - y).sum())
    if part.groups is None:
        return float(np.cov(u[y == 1], v[y == 1])[0, 1] / bads + np.cov(u[y == 0], v[y == 0])[0, 1] / goods)
    sums = (
        pd.DataFrame(
            {
                "g": part.groups,
                "u1": (u - a) * y / bads,
                "v1": (v - b) * y / bads,
                "u0": (u - a) * (1 - y) / goods,
                "v0": (v - b) * (1 - y) / goods,
            }
        )
        .groupby("g")
        .sum()
    )
    k = len(sums)
    s10, s01 = (sums["u1"] * sums["v1"]).sum(), (sums["u0"] * sums["v0"]).sum()
    s11 = (sums["u1"] * sums["v0"]).sum() + (sums["u0"] * sums["v1"]).sum()
    return float(k / (k - 1) * (s10 + s01 + s11))


def auc(part: Part) -> Figures:
    value = _placement_values(part.y, part.p)[1]
    se = math.sqrt(_auc_covariance(part, part.p, part.p))
    z, df = critical(part)
    t = (value - 0.5) / se
    return {"estimate": value, "statistic": t, "df": df, "p_value": two_sided(t, df), "lo": max(0.0, value - z * se),
            "hi": min(1.0, value + z * se)}  # fmt: skip


def gini(part: Part) -> Figures:
    found = auc(part)
    return found | {name: 2 * found[name] - 1 for name in ("estimate", "lo", "hi")}


def ks(part: Part) -> Figures:
    bad, good = part.p[part.y == 1], part.p[part.y == 0]
    distance = float(stats.ks_2samp(bad, good).statistic)
    p_value = float(stats.kstwobign.sf(math.sqrt(len(bad) * len(good) / len(part.y)) * distance))
    return {"estimate": distance, "statistic": distance, "p_value": p_value}


def auc_initial(part: Part) -> Figures:
    assert part.first is not None
    value, before = _placement_values(part.y, part.p)[1], _placement_values(part.first.y, part.first.p)[1]
    s = (before - value) / math.sqrt(_auc_covariance(part, part.p, part.p))
    return {"estimate": value - before, "statistic": s, "p_value": float(stats.norm.sf(s))}


def delong(part: Part) -> Figures:
    assert part.other is not None
    gap = _placement_values(part.y, part.p)[1] - _placement_values(part.y, part.other)[1]
    variance = _auc_covariance(part, part.p, part.p) + _auc_covariance(part, part.other, part.other)
    se = math.sqrt(variance - 2 * _auc_covariance(part, part.p, part.other))
    z, df = critical(part)
    return {
        "estimate": gap,
        "statistic": gap / se,
        "df": df,
        "p_value": two_sided(gap / se, df),
        "lo": gap - z * se,
        "hi": gap + z * se,
    }


def challenge(part: Part) -> Figures:
    found = delong(part)
    return found | {
        "estimate": -found["estimate"],
        "statistic": -found["statistic"],
        "lo": -found["hi"],
        "hi": -found["lo"],
    }


def _u(y: np.ndarray, p: np.ndarray) -> tuple[float, float]:
    """Concordant pairs and pairs, by the Mann-Whitney U."""
    bad, good = p[y == 1], p[y == 0]
    if not len(bad) or not len(good):
        return 0.0, 0.0
    return float(stats.mannwhitneyu(bad, good, method="asymptotic").statistic), float(len(bad) * len(good))


def auc_within(part: Part) -> Figures:
    assert part.groups is not None
    sums = np.array([_u(part.y[part.groups == g], part.p[part.groups == g]) for g in sorted(set(part.groups))])
    sums = sums[sums[:, 1] > 0]
    value, k = float(sums[:, 0].sum() / sums[:, 1].sum()), len(sums)
    se = math.sqrt(k / (k - 1) * float((((sums[:, 0] / sums[:, 1] - value) * sums[:, 1]) ** 2).sum())) / float(
        sums[:, 1].sum()
    )
    return _by_t(value, se, k - 1, part.level)


def auc_between(part: Part) -> Figures:
    assert part.groups is not None
    names = sorted(set(part.groups))
    inside = {g: _u(part.y[part.groups == g], part.p[part.groups == g]) for g in names}
    total, pairs = _u(part.y, part.p)
    within = np.array(list(inside.values())).sum(axis=0)
    value = (total - within[0]) / (pairs - within[1])
    without = []
    for g in names:
        left = part.groups != g
        u, m = _u(part.y[left], part.p[left])
        without.append((u - within[0] + inside[g][0]) / (m - within[1] + inside[g][1]))
    k = len(names)
    se = math.sqrt((k - 1) / k * float(((np.array(without) - np.mean(without)) ** 2).sum()))
    return _by_t(value, se, k - 1, part.level)


def _by_t(value: float, se: float, df: int, level: float) -> Figures:
    t, half = (value - 0.5) / se, float(stats.t.ppf((1 + level) / 2, df)) * se
    return {
        "estimate": value,
        "statistic": t,
        "df": df,
        "p_value": float(2 * stats.t.sf(abs(t), df)),
        "lo": max(0.0, value - half),
        "hi": min(1.0, value + half),
    }


def average_precision(part: Part) -> Figures:
    from sklearn.metrics import average_precision_score

    return {"estimate": float(average_precision_score(part.y, part.p))}


def h_measure(part: Part) -> Figures:
    """Least loss over all cut-offs, cost by cost, against a Beta(2, 2): midpoints of 20,000 costs."""
    from sklearn.metrics import roc_curve

    fpr, tpr, _ = roc_curve(part.y, part.p, drop_intermediate=True)
    corners = spatial.ConvexHull(np.column_stack([[*fpr, 1.0], [*tpr, 0.0]])).vertices
    points = [(fpr[i], tpr[i]) for i in corners if i < len(fpr)]
    cost, share = (np.arange(20_000) + 0.5) / 20_000, float(part.y.mean())
    density = stats.beta.pdf(cost, 2, 2)
    best = np.min([cost * (1 - share) * x + (1 - cost) * share * (1 - h) for x, h in points], axis=0)
    blind = np.minimum(cost * (1 - share), (1 - cost) * share)
    return {"estimate": 1 - float((density * best).sum()) / float((density * blind).sum())}


def lift(part: Part) -> Figures:
    share, bads = float(part.worst.rstrip("%")) / 100, int(part.y.sum())
    order = pd.DataFrame({"p": -part.p, "y": part.y}).groupby("p")["y"].agg(["size", "sum"]).cumsum()
    caught = float(np.interp(share * len(part.y), [0, *order["size"]], [0, *order["sum"]]))
    lo, hi = beta_limits(caught, bads, part.level)
    return {"estimate": caught / bads, "statistic": caught / bads / share, "lo": lo, "hi": hi}


def neighbours(part: Part) -> tuple[Figures, float]:
    """The step between the two grades that the line names, and its z, by statsmodels."""
    from statsmodels.stats.proportion import proportions_ztest

    first = int(part.worst.split(" - ")[0].split()[-1]) - 1
    two = grade_rows(part).iloc[[first + 1, first]]
    z = float(proportions_ztest(two["bads"].to_numpy(), two["n"].to_numpy())[0])
    rates = (two["bads"] / two["n"]).to_numpy()
    return {"estimate": float(rates[0] - rates[1]), "statistic": z}, z


def monotone(part: Part) -> Figures:
    found, z = neighbours(part)
    return found | {"p_value": float(stats.norm.cdf(z))}


def heterogeneity(part: Part) -> Figures:
    found, z = neighbours(part)
    return found | {"p_value": two_sided(z, math.nan)}


def beta_limits(bads: float, n: float, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    lo = 0.0 if bads == 0 else float(stats.beta.ppf(tail, bads + 0.5, n - bads + 0.5))
    return lo, 1.0 if bads == n else float(stats.beta.ppf(1 - tail, bads + 0.5, n - bads + 0.5))


def grade_rows(part: Part) -> pd.DataFrame:
    """Rows, bads and mean PD by quantile grade: cuts at the ⌈n·k/G⌉-th smallest PD, equal PDs together."""
    ranked = np.sort(part.p)
    if len(set(ranked)) <= part.grades:
        code: Any = pd.Series(part.p).rank(method="dense").astype(int)
    else:
        cuts = sorted(
            {ranked[math.ceil(len(ranked) * k / part.grades) - 1] for k in range(1, part.grades)} - {ranked[-1]}
        )
        code = pd.cut(part.p, [-np.inf, *cuts, np.inf], labels=False)
    return (
        pd.DataFrame({"g": code, "y": part.y, "p": part.p})
        .groupby("g")
        .agg(n=("y", "size"), bads=("y", "sum"), pd=("p", "mean"))
        .reset_index(drop=True)
    )
