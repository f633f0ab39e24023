"""Oaxaca-Blinder: the difference of two means as endowments, coefficients and their interaction, by variable.

Use it for a figure that a linear model describes (an amount, a share, a rate by balance) in a village or a branch
against the rest; for bads `village_gap` and `fairlie` follow the curve of the PD. It fits one regression on each side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtri

from creditlab.checks import check_level
from creditlab.errors import InputError, message
from creditlab.results import Result, Stamp


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Oaxaca(Result):
    """The parts of a difference of means: part variable value se lo hi.

    Parts 'endowments', 'coefficients', 'interaction' add up to the gap, and so do 'explained' and 'unexplained' (pooled
    coefficients). The variable 'total' is the sum of the rows of its part.
    """

    title: ClassVar[str] = "Oaxaca-Blinder parts of a difference 差距的Oaxaca-Blinder分解"


def oaxaca_blinder(y: Any, X: pd.DataFrame, here: Any, level: float = 0.9) -> Oaxaca:
    """The mean of `y` where `here` is true minus the mean elsewhere, in parts, with intervals.

    endowments = (x̄₁ - x̄₀)'β₀, coefficients = x̄₀'(β₁ - β₀), interaction = (x̄₁ - x̄₀)'(β₁ - β₀); explained =
    (x̄₁ - x̄₀)'β with β of the pooled regression that has `here` among its regressors, unexplained = the coefficient of
    `here`. Standard errors by the delta method with the x̄ as random, regressions with HC1 covariance. A. Blinder, J.
    Human Resources 8 (1973); R. Oaxaca, Int. Economic Review 14 (1973); B. Jann, Stata Journal 8 (2008) 453-479.

    Parameters
    ----------
    y : a number per row.
    X : rows × numeric variables, without a constant.
    here : true for the rows of the village (or branch), false for the others.

    Returns
    -------
    Oaxaca ; `facts` has gap, mean, mean_reference, n, n_reference.

    Raises
    ------
    InputError : a side with fewer rows than coefficients, values that are missing or no numbers.

    >>> x = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 5.0]})
    >>> parts = oaxaca_blinder(2 * x["x"] + [1, 1, 1, 1, 0, 0, 0, 0], x, [True] * 4 + [False] * 4)
    >>> table = parts.tidy().set_index(["part", "variable"])["value"]
    >>> [round(float(table[p, "total"]), 6) + 0 for p in ("endowments", "coefficients", "interaction")]
    [-0.5, 1.0, 0.0]
    """
    level = check_level(level)
    design, target, side = _checked(y, X, here)
    names = ["(constant)", *(str(c) for c in X.columns)]
    one, two = _fit(target[side], design[side]), _fit(target[~side], design[~side])
    pooled = _fit(target, np.column_stack([design, side]))
    rows = _three_fold(names, one, two) + _two_fold(names, one, two, pooled)
    table = pd.DataFrame(rows, columns=["part", "variable", "value", "se"])
    reach = ndtri((1 + level) / 2) * table["se"]
    table = table.assign(lo=table["value"] - reach, hi=table["value"] + reach)
    facts = {
        "gap": float(target[side].mean() - target[~side].mean()),
        "mean": float(target[side].mean()),
        "mean_reference": float(target[~side].mean()),
        "n": int(side.sum()),
        "n_reference": int((~side).sum()),
        "level": level,
    }
    return Oaxaca(table=table, stamp=Stamp.of([target, design, side], {"level": level}), facts=facts)


@dataclass(frozen=True)
class _Side:
    """A regression on one side: mean of the regressors and its covariance, coefficients and theirs."""

    mean: np.ndarray
    mean_cov: np.ndarray
    coef: np.ndarray
    coef_cov: np.ndarray


def _fit(y: np.ndarray, x: np.ndarray) -> _Side:
    from statsmodels.regression.linear_model import OLS

    fit = OLS(y, x).fit(cov_type="HC1")
    cov = np.cov(x, rowvar=False).reshape(x.shape[1], x.shape[1]) / len(x)
    return _Side(x.mean(axis=0), cov, np.asarray(fit.params), np.asarray(fit.cov_params()))


def _three_fold(names: list[str], one: _Side, two: _Side) -> list[tuple[str, str, float, float]]:
    moved, bent = one.mean - two.mean, one.coef - two.coef
    moved_cov, bent_cov = one.mean_cov + two.mean_cov, one.coef_cov + two.coef_cov
    return [
        *_rows("endowments", names, moved, moved_cov, two.coef, two.coef_cov),
        *_rows("coefficients", names, two.mean, two.mean_cov, bent, bent_cov),
        *_rows("interaction", names, moved, moved_cov, bent, bent_cov),
    ]


def _two_fold(names: list[str], one: _Side, two: _Side, pooled: _Side) -> list[tuple[str, str, float, float]]:
    k = len(names)
    moved, moved_cov = one.mean - two.mean, one.mean_cov + two.mean_cov
    explained = _rows("explained", names, moved, moved_cov, pooled.coef[:k], pooled.coef_cov[:k, :k])
    se = float(np.sqrt(pooled.coef_cov[k, k]))
    return [*explained, ("unexplained", "total", float(pooled.coef[k]), se)]


def _rows(
    part: str, names: list[str], a: np.ndarray, a_cov: np.ndarray, b: np.ndarray, b_cov: np.ndarray
) -> list[tuple[str, str, float, float]]:
    """a_j·b_j of every variable and their sum, with the errors of a product of two independent estimates."""
    se = np.sqrt(a**2 * np.diag(b_cov) + b**2 * np.diag(a_cov))
    total = float(np.sqrt(a @ b_cov @ a + b @ a_cov @ b))
    each = [(part, name, float(v), float(s)) for name, v, s in zip(names, a * b, se, strict=True)]
    return [*each, (part, "total", float(a @ b), total)]


def _checked(y: Any, X: pd.DataFrame, here: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    target = np.asarray(y, dtype=float).reshape(-1)
    try:
        values = pd.DataFrame(X).to_numpy(dtype=float)
    except (TypeError, ValueError):
        raise InputError(message("numbers", "columns that are not", "X of oaxaca", "Code text as 0/1 first.")) from None
    side = np.asarray(here, dtype=bool).reshape(-1)
    if not len(target) == len(values) == len(side):
        came = f"{len(target)}, {len(values)} and {len(side)} rows"
        raise InputError(message("arrays of equal length", came, "oaxaca", "Align y, X and here."))
    if not (np.isfinite(target).all() and np.isfinite(values).all()):
        void = ~(np.isfinite(target) & np.isfinite(values).all(axis=1))
        raise InputError(message("finite numbers", f"{int(void.sum())} rows without", "oaxaca", "Leave them out."))
    if min(side.sum(), (~side).sum()) <= values.shape[1] + 1:
        came = f"{int(side.sum())} and {int((~side).sum())} rows"
        more = f"more than {values.shape[1] + 1} rows on each side"
        raise InputError(message(more, came, "oaxaca", "Use fewer variables, or a larger village."))
    return np.column_stack([np.ones(len(values)), values]), target, side
