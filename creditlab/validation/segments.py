"""Observed over expected defaults in segments and villages, with exact limits and corrected p-values.

Use it to find where a portfolio that is right on average is wrong. It does not shrink: `creditlab.village` does.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammaincinv, ndtr, ndtri, pdtr, pdtrc

from creditlab.checks import check_groups, check_level, check_prob
from creditlab.validation.calibration import calibration_in_the_large
from creditlab.validation.multiplicity import adjust, benjamini_hochberg
from creditlab.validation.result import Kind, TestFamily
from creditlab.validation.rows import check_outcome
from creditlab.validation.verdict import DEFAULTS, GREEN, INFO, Threshold

SEGMENTS = Kind(
    "cal.segments",
    "Observed over expected by segment",
    "分群实际/期望",
    "Garwood, Biometrika 28 (1936) 437-442; Benjamini, Hochberg 1995",
    "O/E = 1 in the segment 该分群实际/期望为1",
    "oe_by_segment",
)
FUNNEL = Kind(
    "cal.village_funnel",
    "Villages outside the funnel",
    "村漏斗图异常",
    "Spiegelhalter, Statistics in Medicine 24 (2005) 1185-1202; Benjamini, Hochberg 1995",
    "O/E = 1 in the village, up to the spread of all villages 该村实际/期望为1（考虑村间离散）",
    "village_funnel",
)
#: mean square of standard normals whose outer tenths are drawn in to the 10 and 90 % points
WINSORISED = 0.6787
NOTHING_EXPECTED = "no default is expected 期望违约数为零"


def poisson_limits(observed: Any, expected: Any, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Exact limits of O/E, Poisson (Garwood). Works on arrays; NaN where nothing is expected."""
    O, E, tail = np.asarray(observed, dtype=float), np.asarray(expected, dtype=float), (1 - level) / 2
    low = np.where(O == 0, 0.0, gammaincinv(np.maximum(O, 1), tail))
    high = gammaincinv(O + 1, 1 - tail)
    void: np.ndarray = np.full(np.shape(E), np.nan)
    return np.divide(low, E, out=void.copy(), where=E > 0), np.divide(high, E, out=void.copy(), where=E > 0)


def poisson_p(observed: Any, expected: Any) -> np.ndarray:
    """Two-sided exact p of a Poisson count: twice the smaller tail, at most 1."""
    O, E = np.asarray(observed, dtype=float), np.asarray(expected, dtype=float)
    upper = np.where(O == 0, 1.0, pdtrc(np.maximum(O - 1, 0), E))
    return np.minimum(1.0, 2 * np.minimum(pdtr(O, E), upper))


def _middle(observed: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """P(X < O) + ½P(X = O) of a Poisson count."""
    upto = pdtr(observed, expected)
    below = np.where(observed > 0, pdtr(np.maximum(observed - 1, 0), expected), 0.0)
    return np.asarray((upto + below) / 2)


def oe_by_segment(
    y: Any,
    prob: Any,
    segment: Any,
    groups: Any = None,
    level: float = 0.95,
    method: str = "bh",
    threshold: Threshold = DEFAULTS["oe"],
) -> TestFamily:
    """O/E of each segment (product, village tier, pattern of missing sources), p-values corrected over segments.

    Without groups the limits are exact Poisson; with groups (villages) each segment is judged as the portfolio is, by
    clusters. A segment is coloured by |O/E - 1| where its corrected p is below 1 - level.

    >>> oe_by_segment([1, 0, 0, 1], [0.5, 0.1, 0.3, 0.1], ["a", "a", "b", "b"]).tidy()["estimate"].round(4).tolist()
    [1.6667, 2.5]
    """
    level, target = check_level(level), check_outcome(y)
    p = check_prob(prob, len(target))
    names = pd.Series(check_groups(segment, len(target), "segment")).map(str).to_numpy()
    rows = [
        _segment(
            name,
            target[names == name],
            p[names == name],
            None if groups is None else np.asarray(groups, dtype=object)[names == name],
            level,
        )
        for name in sorted(set(names))
    ]
    for row, adjusted in zip(
        rows, adjust(np.array([row.get("p_value", math.nan) for row in rows]), method), strict=True
    ):
        significant = adjusted < 1 - level
        row |= {
            "verdict": INFO
            if math.isnan(adjusted)
            else threshold.verdict(abs(row["estimate"] - 1))
            if significant
            else GREEN,
            "threshold": f"p ({method}) < {1 - level:.2g} and |x-1|: {threshold}",
        }
    return SEGMENTS.family(rows, inputs=[target, p, names.astype(str)], n=len(p), method=method, level=level)


def _segment(name: str, y: np.ndarray, p: np.ndarray, groups: Any, level: float) -> dict[str, Any]:
    O, E = int(y.sum()), float(p.sum())
    if E == 0:
        return {"scope": name, "n": len(y), "reason": NOTHING_EXPECTED}
    if groups is not None and len(set(groups)) > 1:
        test = calibration_in_the_large(y, p, groups, level)
        return {
            "scope": name,
            "n": len(y),
            **{k: float(getattr(test, k)) for k in ("estimate", "statistic", "df", "p_value", "lo", "hi")},
        }
    lo, hi = poisson_limits(O, E, level)
    return {
        "scope": name,
        "n": len(y),
        "estimate": O / E,
        "statistic": O,
        "p_value": float(poisson_p(O, E)),
        "lo": float(lo),
        "hi": float(hi),
    }


def village_funnel(y: Any, prob: Any, groups: Any, level: float = 0.95, overdispersed: bool = True) -> TestFamily:
    """O/E of every village with exact limits, and which lie outside the funnel after correction (Benjamini-Hochberg).

    Villages differ beyond chance, and a plain funnel flags too many: with `overdispersed` the z-scores are divided by
    √φ, φ their mean square with the outer tenth on either side drawn in, against that of a normal, where it is above 1.
    Amber: corrected p below 1 - level; red: below .002. `facts`: phi, outside.

    >>> village_funnel([1, 0, 0, 1], [0.5, 0.1, 0.3, 0.1], ["a", "a", "b", "b"]).tidy()["scope"].tolist()
    ['a', 'b']
    """
    level, target = check_level(level), check_outcome(y)
    p = check_prob(prob, len(target))
    codes, names = pd.factorize(pd.Series(check_groups(groups, len(target))).map(str), sort=True)
    n, O, E = np.bincount(codes), np.bincount(codes, weights=target), np.bincount(codes, weights=p)
    z = np.where(E > 0, ndtri(np.clip(_middle(O, E), 1e-15, 1 - 1e-15)), np.nan)
    there = z[~np.isnan(z)]
    trimmed = np.clip(there, *np.quantile(there, [0.1, 0.9])) if len(there) > 9 else there
    usual = WINSORISED if len(there) > 9 else 1.0
    phi = max(1.0, float((trimmed**2).mean() / usual)) if overdispersed and len(there) > 1 else 1.0
    exact = np.where(E > 0, poisson_p(O, E), np.nan)
    p_value = exact if phi == 1 else 2 * ndtr(-np.abs(z) / math.sqrt(phi))
    lo, hi = poisson_limits(O, E, level)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(E > 0, O / E, np.nan)
    table = pd.DataFrame(
        {
            "scope": names.astype(str),
            "n": n,
            "estimate": ratio,
            "statistic": z / math.sqrt(phi),
            "p_value": p_value,
            "lo": lo,
            "hi": hi,
            "reason": np.where(E > 0, "", NOTHING_EXPECTED),
        }
    )
    flagged = int((benjamini_hochberg(p_value[E > 0]) < 1 - level).sum())
    return FUNNEL.family(
        table,
        inputs=[target, p, names.astype(str).to_numpy()],
        n=len(p),
        method="bh",
        level=level,
        threshold=Threshold(1 - level, 0.002, "higher"),
        facts={"phi": phi, "outside": flagged},
    )
