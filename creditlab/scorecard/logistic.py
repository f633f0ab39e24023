"""Logistic regression of bad on WOE: Newton's method under sign constraints, on plain arrays.

Use it where a coefficient must not contradict the bad rate that the bin table shows. It finds the exact maximum (the
Karush-Kuhn-Tucker point) by projected Newton steps; inference is by statsmodels, on the coefficients that are free.
It knows no frames, bins or points.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from creditlab.errors import FitError, InputError, message
from creditlab.estimators import expit

#: log-odds beyond which a fitted row means that the columns tell goods from bads perfectly: no maximum exists there
SEPARATED = 30.0
#: the penalty used only then: a normal prior of standard deviation 1 for each slope (slopes on WOE lie near -1)
SEPARATION_RIDGE = 1.0


@dataclass(frozen=True)
class LogisticFit:
    """The maximum of the log-likelihood, the intercept first.

    Parameters
    ----------
    coef : (p + 1,) intercept and slopes.
    clamped : (p + 1,) True where a slope rests on its bound because the data pull it beyond.
    log_likelihood : of the data, without a penalty.
    ridge : the penalty that was needed; 0.0 unless the columns separate goods from bads.
    iterations : Newton steps taken.
    """

    coef: np.ndarray
    clamped: np.ndarray
    log_likelihood: float
    ridge: float
    iterations: int


def fit_logistic(
    design: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None, *, sign: int = -1, ridge: float = 0.0
) -> LogisticFit:
    """Coefficients of a logistic regression whose slopes are all <= 0 (sign=-1), >= 0 (1) or free (0).

    Parameters
    ----------
    design : (n, p) columns without a constant; the intercept is added and never constrained nor penalised.
    y : (n,) 0/1, 1 = bad.
    weight : (n,) weights; a weight of w equals w copies of the row.
    ridge : half of it times the squared slopes is subtracted from the log-likelihood.

    Where the columns separate goods from bads no finite maximum exists; the fit is then repeated with
    `SEPARATION_RIDGE` and says so in `ridge`.

    Raises
    ------
    FitError : when Newton's method does not converge even so.

    Reference: D. P. Bertsekas, Projected Newton methods, SIAM J. Control 20 (1982).

    >>> x = np.array([[1.0], [0.0], [1.0], [0.0], [1.0], [0.0]])
    >>> fit = fit_logistic(x, np.array([0, 1, 0, 1, 1, 0]))
    >>> fit.coef.round(4).tolist(), fit.clamped.tolist()
    ([0.6931, -1.3863], [False, False])
    """
    weight = np.ones(len(y)) if weight is None else weight
    full = np.column_stack([np.ones(len(y)), design])
    fit = _newton(full, np.asarray(y, dtype=float), weight, sign, ridge)
    if fit is None and ridge < SEPARATION_RIDGE:
        fit = _newton(full, np.asarray(y, dtype=float), weight, sign, SEPARATION_RIDGE)
    if fit is None:
        raise FitError(
            message(
                "a logistic regression that converges",
                "none after 100 Newton steps",
                "fit_logistic",
                "Look for columns that repeat the target, or for huge weights.",
            )  # fmt: skip
        )
    return fit


def _newton(x: np.ndarray, y: np.ndarray, weight: np.ndarray, sign: int, ridge: float) -> LogisticFit | None:
    """The constrained maximum, or None where Newton's method runs away."""
    penalty = np.append(0.0, np.full(x.shape[1] - 1, ridge))
    mean = float(weight @ y / weight.sum())
    coef = np.append(np.log(mean / (1 - mean)), np.zeros(x.shape[1] - 1))
    value = _objective(x, y, weight, coef, penalty)
    tiny = 1e-14 * weight.sum()  # the gain in log-likelihood below which a step no longer moves the answer
    for step in range(100):
        eta = x @ coef
        if not ridge and np.abs(eta).max() > SEPARATED:
            return None
        prob = expit(eta)
        gradient = x.T @ (weight * (y - prob)) - penalty * coef
        bound = (coef == 0) & (gradient * sign <= 0) if sign else np.zeros(len(coef), dtype=bool)
        bound[0] = False
        free = np.flatnonzero(~bound)
        z = x[:, free]
        hessian = (z * (weight * prob * (1 - prob))[:, None]).T @ z + np.diag(penalty[free])
        direction = np.zeros_like(coef)
        direction[free] = np.linalg.lstsq(hessian, gradient[free], rcond=1e-13)[0]
        coef, value, moved = _line_search(x, y, weight, coef, penalty, direction, value, sign)
        if float(gradient @ direction) <= tiny or not moved:
            return LogisticFit(coef, bound, _log_likelihood(x @ coef, y, weight), ridge, step + 1)
    return None


def _line_search(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, coef: np.ndarray, penalty: np.ndarray, direction: np.ndarray,
    value: float, sign: int,
) -> tuple[np.ndarray, float, bool]:  # fmt: skip
    """The longest halved step, projected on the signs, that does not lose likelihood."""
    slack = 1e-12 * max(abs(value), 1.0)
    for halving in range(40):
        tried = coef + direction * 0.5**halving
        if sign:
            tried[1:] = np.where(tried[1:] * sign < 0, 0.0, tried[1:])
        found = _objective(x, y, weight, tried, penalty)
        if found >= value - slack:
            return tried, found, bool((tried != coef).any())
    return coef, value, False


def _objective(x: np.ndarray, y: np.ndarray, weight: np.ndarray, coef: np.ndarray, penalty: np.ndarray) -> float:
    return _log_likelihood(x @ coef, y, weight) - 0.5 * float(penalty @ coef**2)


def _log_likelihood(eta: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
    return float(weight @ (y * eta - np.logaddexp(0.0, eta)))


def covariance(
    design: np.ndarray, y: np.ndarray, fit: LogisticFit, weight: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """The covariance of the coefficients by statsmodels, NaN in rows and columns of clamped ones.

    Parameters
    ----------
    groups : (n,) group codes; then the sandwich that allows for dependence within groups (villages) is used.

    A clamped slope is held at its bound, so the others are conditional on that. A fit that needed a penalty has no
    likelihood covariance: all NaN.

    Raises
    ------
    InputError : with fewer than two groups.
    """
    size = len(fit.coef)
    table = np.full((size, size), np.nan)
    if fit.ridge:
        return table
    free = np.flatnonzero(~fit.clamped)
    full = np.column_stack([np.ones(len(y)), design])[:, free]
    if groups is not None and len(np.unique(groups)) < 2:
        raise InputError(message("at least two groups", "one", "groups", "Leave the groups out."))
    table[np.ix_(free, free)] = _statsmodels_covariance(full, y, fit.coef[free], weight, groups)
    return table


def _statsmodels_covariance(
    x: np.ndarray, y: np.ndarray, coef: np.ndarray, weight: np.ndarray | None, groups: np.ndarray | None
) -> np.ndarray:
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    model = GLM(np.asarray(y, dtype=float), x, family=Binomial(), freq_weights=weight)
    options: dict[str, Any] = {} if groups is None else {"cov_type": "cluster", "cov_kwds": {"groups": groups}}
    with warnings.catch_warnings():
        # said of robust covariances with frequency weights in general; for clusters the scores are weighted sums, exact
        warnings.filterwarnings("ignore", message="cov_type not fully supported with freq_weights")
        warnings.filterwarnings("ignore", message=".*[Ii]nverting [Hh]essian")
        return np.asarray(model.fit(start_params=coef, maxiter=1, **options).cov_params())
