"""Inference beyond Wald: likelihood ratio, profile likelihood, and Firth's penalised likelihood when bads are few.

Use it where a normal approximation is not to be trusted: few bads, coefficients that are nearly separated. All of it is
conditional on the columns that are in the model and takes rows as independent; dependence within villages is the
business of `logistic.covariance`. It works on plain arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2

from creditlab.errors import FitError, message
from creditlab.estimators import expit
from creditlab.scorecard.logistic import LogisticFit, fit_logistic

#: a limit farther than this many log-odds per unit of WOE from the estimate is given as infinite
FARTHEST = 60.0


@dataclass(frozen=True)
class Rows:
    """Rows of a regression: columns with the constant in front, outcome, weight, offset."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    offset: np.ndarray

    @classmethod
    def of(
        cls, design: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None, offset: np.ndarray | None = None
    ) -> Rows:
        n = len(y)
        full = np.column_stack([np.ones(n), np.asarray(design, dtype=float).reshape(n, -1)])
        return cls(
            full, np.asarray(y, dtype=float), np.ones(n) if weight is None else weight,
            np.zeros(n) if offset is None else offset,
        )  # fmt: skip

    def only(self, columns: np.ndarray) -> Rows:
        """The same rows with some of the columns."""
        return Rows(self.x[:, columns], self.y, self.weight, self.offset)


def likelihood_ratio(rows: Rows, fit: LogisticFit) -> np.ndarray:
    """(p + 1, 2) statistic and p-value (chi-square, 1 df) of leaving out each slope; NaN for the intercept and for
    slopes that are held at 0.

    The other slopes are refitted without constraint: the test is that of a plain logistic regression.

    For a table of two by two it is G = 2 Σ observed · ln(observed / expected), here of 10 : 40 against 20 : 30:

    >>> rows = Rows.of(np.array([1.0, 1, 0, 0])[:, None], np.array([1.0, 0, 1, 0]), np.array([10.0, 40, 20, 30]))
    >>> fit = fit_logistic(rows.x[:, 1:], rows.y, rows.weight)
    >>> g = 2 * sum(o * np.log(o / e) for o, e in [(10, 15), (40, 35), (20, 15), (30, 35)])
    >>> bool(np.isclose(likelihood_ratio(rows, fit)[1, 0], g))
    True
    """
    free = np.flatnonzero(~fit.held)
    inside, out = rows.only(free), np.full((len(fit.coef), 2), np.nan)
    top = _height(inside, None, 0.0, fit.coef[free])[0]
    for k in range(1, len(free)):
        without = np.delete(fit.coef[free], k)
        statistic = max(2 * (top - _height(inside, k, 0.0, without)[0]), 0.0)
        out[free[k]] = statistic, float(chi2.sf(statistic, 1))
    return out


def profile_limits(rows: Rows, fit: LogisticFit, se: np.ndarray, level: float = 0.95) -> np.ndarray:
    """(p + 1, 2) limits where twice the drop of the profile log-likelihood is the chi-square quantile of the level.

    Parameters
    ----------
    se : (p + 1,) standard errors, the first guess of the half-widths.

    Reference: D. J. Venzon, S. H. Moolgavkar, Applied Statistics 37 (1988) 87-94. A limit that the data do not give
    (separation) is infinite.
    """
    free = np.flatnonzero(~fit.held)
    return _limits(rows.only(free), free, fit.coef, se, level, _height)


@dataclass(frozen=True)
class FirthFit:
    """The maximum of the penalised likelihood: coefficients and their covariance, the intercept first."""

    coef: np.ndarray
    covariance: np.ndarray
    penalised_log_likelihood: float


def fit_firth(rows: Rows) -> FirthFit:
    """The maximum of log-likelihood + ½ ln |information|: finite also where columns separate goods from bads.

    Reference: D. Firth, Biometrika 80 (1993) 27-38; G. Heinze, M. Schemper, Statistics in Medicine 21 (2002) 2409-2419.

    Raises
    ------
    FitError : when columns repeat each other, or the steps do not settle.

    For one yes/no column it adds half a row to each of the four cells:

    >>> rows = Rows.of(np.repeat([[1.0], [0.0]], 4, axis=0), np.array([1, 1, 1, 1, 1, 0, 0, 0]))
    >>> bool(np.isclose(fit_firth(rows).coef[1], np.log(4.5 / 0.5) - np.log(1.5 / 3.5)))
    True
    """
    height, coef = _firth_height(rows, None, 0.0, np.zeros(rows.x.shape[1]))
    return FirthFit(coef, np.linalg.inv(_information(rows, rows.x @ coef + rows.offset)), height)


def firth_limits(rows: Rows, fit: FirthFit, level: float = 0.95) -> np.ndarray:
    """(p + 1, 2) limits from the profile of the penalised likelihood."""
    every = np.arange(len(fit.coef))
    return _limits(rows, every, fit.coef, np.sqrt(np.diag(fit.covariance)), level, _firth_height)


def firth_tests(rows: Rows, fit: FirthFit) -> np.ndarray:
    """(p + 1, 2) penalised likelihood ratio of each coefficient with its p-value (chi-square, 1 df)."""
    out = np.full((len(fit.coef), 2), np.nan)
    for k in range(1, len(fit.coef)):
        held, _ = _firth_height(rows, k, 0.0, np.delete(fit.coef, k))
        statistic = max(2 * (fit.penalised_log_likelihood - held), 0.0)
        out[k] = statistic, float(chi2.sf(statistic, 1))
    return out


Height = Callable[[Rows, "int | None", float, np.ndarray], tuple[float, np.ndarray]]


def _height(rows: Rows, fixed: int | None, value: float, start: np.ndarray) -> tuple[float, np.ndarray]:
    """The log-likelihood, at its maximum over all coefficients but the fixed one; and those coefficients."""
    design, offset = rows.x[:, 1:], rows.offset
    if fixed is not None:
        offset, design = offset + value * rows.x[:, fixed], np.delete(design, fixed - 1, axis=1)
    fit = fit_logistic(design, rows.y, rows.weight, sign=0, offset=offset, start=start)
    return fit.log_likelihood, fit.coef


def _limits(
    rows: Rows, places: np.ndarray, coef: np.ndarray, se: np.ndarray, level: float, height: Height
) -> np.ndarray:
    out = np.full((len(coef), 2), np.nan)
    top = height(rows, None, 0.0, coef[places])[0]
    target = top - chi2.ppf(level, 1) / 2
    for k in range(1, len(places)):
        for side, sign in enumerate((-1.0, 1.0)):
            out[places[k], side] = _limit(rows, k, coef[places], sign * se[places[k]], target, height)
    return out


def _limit(rows: Rows, k: int, coef: np.ndarray, step: float, target: float, height: Height) -> float:
    """Where the profile of coefficient k falls to the target, in the direction of the step."""
    start = np.delete(coef, k)

    def drop(value: float) -> float:
        return height(rows, k, value, start)[0] - target

    near, far = float(coef[k]), float(coef[k] + 2 * step)
    while drop(far) > 0:
        near, far = far, far + 2 * (far - near)
        if abs(far - coef[k]) > FARTHEST:
            return float(np.copysign(np.inf, step))
    return float(brentq(drop, near, far, xtol=1e-8 * max(abs(step), 1e-6), rtol=1e-12))


def _information(rows: Rows, eta: np.ndarray) -> np.ndarray:
    prob = expit(eta)
    return rows.x.T @ (rows.x * (rows.weight * prob * (1 - prob))[:, None])


def _firth_height(rows: Rows, fixed: int | None, value: float, start: np.ndarray) -> tuple[float, np.ndarray]:
    """The penalised log-likelihood at its maximum over all coefficients but the fixed one; and those coefficients."""
    free = np.delete(np.arange(rows.x.shape[1]), [] if fixed is None else [fixed])
    coef = np.zeros(rows.x.shape[1])
    coef[free] = start
    if fixed is not None:
        coef[fixed] = value
    now, direction = _firth_step(rows, coef, free)
    for _ in range(60):
        if not np.isfinite(now) or not np.isfinite(direction).all():
            break
        if np.abs(direction).max() < 1e-9:
            return now, coef[free]
        share = min(1.0, 5.0 / np.abs(direction).max())
        for _ in range(40):
            tried = coef.copy()
            tried[free] += share * direction
            found, turn = _firth_step(rows, tried, free)
            if found >= now - 1e-12 * max(abs(now), 1.0):
                break
            share /= 2
        coef, now, direction = tried, found, turn
    raise FitError(
        message("a penalised likelihood with a maximum", "no convergence", "fit_firth", "Look for repeated columns.")
    )


def _firth_step(rows: Rows, coef: np.ndarray, free: np.ndarray) -> tuple[float, np.ndarray]:
    """The penalised log-likelihood, and the Newton direction of the free coefficients by Firth's score."""
    eta = rows.x @ coef + rows.offset
    prob = expit(eta)
    spread = rows.weight * prob * (1 - prob)
    information = rows.x.T @ (rows.x * spread[:, None])
    sign, log_det = np.linalg.slogdet(information)
    if sign <= 0 or np.linalg.cond(information) > 1e13:
        return -np.inf, np.zeros(len(free))
    hat = np.einsum("ij,jk,ik->i", rows.x, np.linalg.inv(information), rows.x, optimize=True) * spread
    score = rows.x.T @ (rows.weight * (rows.y - prob) + hat * (0.5 - prob))
    value = float(rows.weight @ (rows.y * eta - np.logaddexp(0.0, eta)) + 0.5 * log_det)
    return value, np.linalg.lstsq(information[np.ix_(free, free)], score[free], rcond=1e-13)[0]
