"""Many tests at once: p-values corrected so that a stated share of errors holds for the whole family.

Holm keeps the probability of any false rejection, Benjamini-Hochberg the share of false ones among the rejections. Use
Holm over a handful of grades, Benjamini-Hochberg over hundreds of villages or slices.
"""

from __future__ import annotations

import numpy as np

from creditlab.checks import check_one_of

METHODS = ("holm", "bh", "none")


def adjust(p_values: np.ndarray, method: str = "holm") -> np.ndarray:
    """Corrected p-values; NaN stays NaN and does not count.

    >>> adjust(np.array([0.01, np.nan, 0.04])).tolist()
    [0.02, nan, 0.04]
    """
    check_one_of(method, METHODS, "method")
    p = np.asarray(p_values, dtype=float)
    there = ~np.isnan(p)
    adjusted = p.copy()
    if method != "none" and there.any():
        adjusted[there] = (holm if method == "holm" else benjamini_hochberg)(p[there])
    return adjusted


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's step-down adjusted p-values (S. Holm, Scandinavian Journal of Statistics 6 (1979) 65-70).

    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    steps = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Step-up adjusted p-values of the false discovery rate (Benjamini, Hochberg, JRSS B 57 (1995) 289-300).

    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.04, 0.04]
    """
    order = np.argsort(p_values, kind="stable")
    count = len(p_values)
    steps = p_values[order] * count / np.arange(1, count + 1)
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return adjusted
