"""Checked rows for the tests, and sums over clusters: what discrimination and calibration share.

It holds no statistics of its own beyond the variance of a sum of clustered parts. Sums are `np.sum` of products, not
matrix products, whose last digits would depend on the number of threads.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from creditlab.checks import check_groups, check_target
from creditlab.errors import InputError, message

FEW_CLUSTERS = "fewer than two clusters: the interval takes rows as independent 少于两个群组：区间按独立样本计算"


def check_outcome(y: Any, where: str = "y") -> np.ndarray:
    """Outcomes of 0 and 1 as an int8 array; calibration can be judged where all are 0, or all 1."""
    values = np.asarray(y).reshape(-1)
    if len(values) == 0:
        raise InputError(message("at least one row", "no rows", where, "Check the extract and its filters."))
    # one row of each class is added for the check and taken off again: `check_target` refuses a single class
    return check_target(np.append(values, [0, 1]), where=where)[:-2]


def check_score(score: Any, n: int, where: str = "score") -> np.ndarray:
    """Finite scores, one per row; higher = riskier."""
    try:
        values = np.asarray(score, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        raise InputError(message("numbers", "values that are not numbers", where, "Give one score per row.")) from None
    wrong = int((~np.isfinite(values)).sum())
    if len(values) != n or wrong:
        came = f"{len(values)} values, {wrong} of them missing or infinite"
        raise InputError(message(f"{n} finite scores, one per row", came, where, "Score every row first."))
    return values


def cluster_codes(groups: Any, n: int) -> np.ndarray | None:
    """The cluster number of each row, or None where there are fewer than two clusters or none were given."""
    if groups is None:
        return None
    numbered = isinstance(groups, np.ndarray) and groups.dtype.kind in "iu" and groups.shape == (n,)
    # numbered by name, so that draws of clusters do not depend on the order of the rows
    labels = groups if numbered else pd.Series(check_groups(groups, n)).map(str).to_numpy()
    codes = pd.factorize(labels, sort=True)[0]
    return codes if codes.max() > 0 else None


def clustered_variance(parts: np.ndarray, codes: np.ndarray) -> float:
    """Variance of a sum of parts with mean zero, when parts of one cluster go together: G/(G-1)·Σ_g (Σ parts)²."""
    sums = np.bincount(codes, weights=parts)
    return float(len(sums) / (len(sums) - 1) * (sums * sums).sum())


def critical(level: float, codes: np.ndarray | None) -> tuple[float, float]:
    """The two-sided critical value and its degrees of freedom: t with G - 1, or normal (NaN) without clusters."""
    if codes is None:
        return float(ndtri((1 + level) / 2)), math.nan
    df = float(codes.max())
    return float(stdtrit(df, (1 + level) / 2)), df
