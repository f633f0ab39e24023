"""Do the grades mean something: rates that rise, neighbours that differ, members that are alike.

Counts per grade, safest first. They ask about the order and the cut of the grades, not about the level of the PDs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import chdtrc, ndtr
from scipy.stats import fisher_exact

from creditlab.errors import InputError, message
from creditlab.validation.result import Kind, TestFamily
from creditlab.validation.verdict import AMBER, DEFAULTS, GREEN, INFO, Threshold

MONOTONE = Kind(
    "disc.grade_monotone",
    "Grades in the right order",
    "级别违约率单调性",
    "EBA handbook CP/2022/08, monotonicity; pooled two-proportion z, Holm 1979",
    "the default rate does not fall from a grade to the next worse 违约率不随级别变差而下降",
    "monotone_grades",
)
HETEROGENEOUS = Kind(
    "disc.heterogeneity",
    "Neighbouring grades differ",
    "相邻级别有差异",
    "EBA handbook CP/2022/08; pooled two-proportion z, Holm 1979",
    "neighbouring grades have the same default rate (rejection is wanted) 相邻级别违约率相同（希望被拒绝）",
    "heterogeneity",
)
HOMOGENEOUS = Kind(
    "disc.homogeneity",
    "Members of a grade are alike",
    "级别内部同质",
    "EBA handbook CP/2022/08; Pearson χ², Fisher exact where few are expected, Holm 1979",
    "all parts of the grade have the same default rate 级别内各子组违约率相同",
    "homogeneity",
)
NO_SPREAD = "no defaults, or only defaults, in both grades 两个级别均无违约或全部违约"
FEW_EXPECTED = "fewer than 5 expected in a cell of more than two parts 期望频数不足5"
ONE_PART = "one part only 只有一个子组"


def two_proportions(d_a: Any, n_a: Any, d_b: Any, n_b: Any) -> np.ndarray:
    """Pooled z of rate b less rate a; NaN where neither varies. Works on arrays."""
    d_a, n_a, d_b, n_b = (np.asarray(v, dtype=float) for v in (d_a, n_a, d_b, n_b))
    pooled = (d_a + d_b) / (n_a + n_b)
    variance = pooled * (1 - pooled) * (1 / n_a + 1 / n_b)
    z: np.ndarray = np.full(np.shape(variance), np.nan)
    return np.divide(d_b / n_b - d_a / n_a, np.sqrt(variance), out=z, where=variance > 0)


def check_counts(defaults: Any, n: Any, least: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Defaults and members per grade, 0 ≤ defaults ≤ n, n ≥ 1, at least `least` grades."""
    D, N = (np.asarray(v, dtype=float).reshape(-1) for v in (defaults, n))
    if (
        len(D) != len(N)
        or len(D) < least
        or not (np.isfinite(D) & np.isfinite(N) & (N >= 1) & (D >= 0) & (D <= N)).all()
    ):
        came = f"{len(D)} and {len(N)} values"
        raise InputError(
            message(
                f"0 ≤ defaults ≤ n in {least} or more grades",
                came,
                "defaults, n",
                "Give counts per grade; merge empty grades.",
            )
        )
    return D, N


def monotone_grades(defaults: Any, n: Any, threshold: Threshold = DEFAULTS["p_value"]) -> TestFamily:
    """Does the default rate fall anywhere from a grade to the next worse? One-sided, a row per pair of neighbours.

    `estimate` is the rise of the rate, p = Φ(z): small where it falls significantly. `facts`: reversals, and violation,
    the share of defaults that an isotonic fit would have to move.

    >>> monotone_grades([1, 5, 30, 4], [100, 100, 100, 100]).verdict
    'red'
    """
    D, N = check_counts(defaults, n)
    z = two_proportions(D[:-1], N[:-1], D[1:], N[1:])
    rise = D[1:] / N[1:] - D[:-1] / N[:-1]
    rows = [_pair(i, N, rise[i], z[i], float(ndtr(z[i]))) for i in range(len(z))]
    from scipy.optimize import isotonic_regression

    fitted = isotonic_regression(D / N, weights=N).x
    moved = float((N * np.abs(fitted - D / N)).sum() / 2 / D.sum()) if D.sum() else 0.0
    return MONOTONE.family(
        rows,
        inputs=[D, N],
        n=int(N.sum()),
        threshold=threshold,
        facts={"reversals": int((rise < 0).sum()), "violation": moved},
    )


def heterogeneity(defaults: Any, n: Any, alpha: float = 0.05) -> TestFamily:
    """Are neighbouring grades different? Two-sided, a row per pair; a pair that is not told apart is amber.

    >>> heterogeneity([2, 20, 21], [200, 200, 200]).tidy()["verdict"].tolist()
    ['green', 'amber']
    """
    D, N = check_counts(defaults, n)
    z = two_proportions(D[:-1], N[:-1], D[1:], N[1:])
    rise = D[1:] / N[1:] - D[:-1] / N[:-1]
    rows = [_pair(i, N, rise[i], z[i], float(2 * ndtr(-abs(z[i])))) for i in range(len(z))]
    from creditlab.validation.multiplicity import holm

    p = np.array([row["p_value"] for row in rows])
    adjusted = np.full(len(p), np.nan)
    adjusted[~np.isnan(p)] = holm(p[~np.isnan(p)])
    for row, value in zip(rows, adjusted, strict=True):
        row |= {
            "verdict": INFO if math.isnan(value) else GREEN if value < alpha else AMBER,
            "threshold": f"p (holm) < {alpha:g} wanted",
        }
    return HETEROGENEOUS.family(rows, inputs=[D, N], n=int(N.sum()))


def _pair(i: int, N: np.ndarray, rise: float, z: float, p_value: float) -> dict[str, Any]:
    return {
        "scope": f"grade {i + 1} - grade {i + 2}",
        "n": int(N[i] + N[i + 1]),
        "estimate": rise,
        "statistic": z,
        "p_value": p_value,
        "reason": NO_SPREAD if math.isnan(z) else "",
    }


def homogeneity(defaults: Any, n: Any, threshold: Threshold = DEFAULTS["p_value"]) -> TestFamily:
    """Do the parts of a grade (villages, sizes, dates) have one default rate? A row per grade.

    Parameters
    ----------
    defaults, n : grades × parts; parts without members are left out. Pearson's χ² with parts - 1 degrees of freedom;
        Fisher's exact test for two parts with fewer than 5 expected somewhere.

    >>> homogeneity([[5, 6], [10, 40]], [[100, 100], [100, 100]]).tidy()["verdict"].tolist()
    ['green', 'red']
    """
    D, N = (np.atleast_2d(np.asarray(v, dtype=float)) for v in (defaults, n))
    if D.shape != N.shape or not (np.isfinite(D) & np.isfinite(N) & (D >= 0) & (D <= N)).all():
        raise InputError(
            message(
                "defaults and n of the same shape, grades × parts",
                f"{D.shape} and {N.shape}",
                "homogeneity",
                "Count both alike.",
            )
        )
    rows = [
        {"scope": f"grade {i + 1}", "n": int(N[i].sum()), **_alike(D[i][N[i] > 0], N[i][N[i] > 0])}
        for i in range(len(D))
    ]
    return HOMOGENEOUS.family(rows, inputs=[D, N], n=int(N.sum()), threshold=threshold)


def _alike(D: np.ndarray, N: np.ndarray) -> dict[str, Any]:
    if len(N) < 2:
        return {"reason": ONE_PART}
    rate = D.sum() / N.sum()
    if rate in (0.0, 1.0):
        return {"estimate": rate, "reason": NO_SPREAD}
    expected = min(rate, 1 - rate) * N
    statistic = float(((D - rate * N) ** 2 / (N * rate * (1 - rate))).sum())
    if (expected < 5).any():
        if len(N) > 2:
            return {"estimate": rate, "reason": FEW_EXPECTED}
        return {"estimate": rate, "p_value": float(fisher_exact(np.array([D, N - D]))[1])}
    return {"estimate": rate, "statistic": statistic, "df": len(N) - 1, "p_value": float(chdtrc(len(N) - 1, statistic))}
