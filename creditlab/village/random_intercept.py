"""Logit with covariates and a random intercept per village, by maximum likelihood.

Use it where columns have to be estimated together with the village effects, and for their standard errors. Village
effects themselves come from `VillageLogit`, which integrates over what is estimated here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit, ndtr

from creditlab.errors import FitError, InputError, message, some
from creditlab.results import Result, Stamp
from creditlab.village.counts import check_counts, check_outcome, village_codes
from creditlab.village.likelihood import check_offset

#: bounds of the log of the spread
LOG_SPREAD = (np.log(1e-4), np.log(20.0))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MixedLogit(Result):
    """Coefficients of the mixed logit: term estimate se z p_value; `facts` has sd, log_likelihood, villages, n."""

    title: ClassVar[str] = "Logit with a village intercept 含村随机截距的逻辑回归"

    @property
    def params(self) -> pd.Series:
        """The coefficients by name."""
        return self.table.set_index("term")["estimate"]

    @property
    def sd(self) -> float:
        """The standard deviation of the village effects."""
        return float(self.facts["sd"])

    @property
    def log_likelihood(self) -> float:
        """The maximised log likelihood, of rows in the order given (with binomial coefficients for counts)."""
        return float(self.facts["log_likelihood"])


def mixed_logit(
    bad: Any, X: Any, village: Any, n: Any = None, offset: Any = None, points: int = 1, intercept: bool = True
) -> MixedLogit:
    """Maximum likelihood of logit p = offset + Xβ + u_village, u ~ Normal(0, sd²).

    Parameters
    ----------
    bad : 0/1 per row, or counts of bads among `n`.
    X : rows × columns, numbers; a DataFrame names its columns. None fits the intercept alone.
    village : the village of each row.
    n : loans per row where rows are counts.
    offset : log-odds per row.
    points : 1 is Laplace's approximation (as lme4's default); 5 or more is adaptive Gauss-Hermite quadrature.
    intercept : put a column of ones first, unless the columns already make one.

    Raises
    ------
    InputError : outcomes or columns that cannot be used, columns that repeat each other.
    FitError : when the search does not converge, as with complete separation.

    D. Bates, M. Mächler, B. Bolker, S. Walker, J. Statistical Software 67 (2015); J. Pinheiro, D. Bates, J.
    Computational and Graphical Statistics 4 (1995) 12-35.

    >>> fit = mixed_logit([0, 1, 1, 1, 0, 0, 1, 0], None, [1, 1, 1, 1, 2, 2, 2, 2])
    >>> fit.params.index.tolist(), fit.facts["villages"]
    (['intercept'], 2)
    """
    y, trials = check_trials(bad, n)
    codes, names = village_codes(village, len(y))
    design, terms = check_design(X, len(y), intercept)
    if design.shape[1] == 0 or np.linalg.matrix_rank(design) < design.shape[1]:
        came = f"{design.shape[1]} columns of rank {np.linalg.matrix_rank(design) if design.size else 0}"
        raise InputError(message("columns that do not repeat each other", came, "X", "Leave one of them out."))
    if isinstance(points, bool) or not isinstance(points, int) or points < 1:
        raise InputError(message("1 or more points", repr(points), "points", "1 is Laplace, 9 is close to exact."))
    rows = Rows(y, trials, check_offset(offset, len(y)), design, codes, len(names), points)
    found, covariance, height = maximise(rows)
    se = np.sqrt(np.diag(covariance))
    table = pd.DataFrame({"term": terms, "estimate": found[:-1], "se": se[:-1]})
    table["z"] = table["estimate"] / table["se"]
    table["p_value"] = 2 * ndtr(-np.abs(table["z"]))
    facts = {
        "villages": len(names),
        "n": float(trials.sum()),
        "bad": float(y.sum()),
        "sd": float(np.exp(found[-1])),
        "log_likelihood": height,
        "points": points,
    }
    stamp = Stamp.of([y, trials, rows.offset, design, codes], {"model": "mixed_logit", "points": points})
    return MixedLogit(table=table, stamp=stamp, facts=facts)


def check_trials(bad: Any, n: Any) -> tuple[np.ndarray, np.ndarray]:
    """Bads and loans per row: 0/1 of single loans, or counts of at most `n`."""
    if n is None:
        y = check_outcome(bad).astype(float)
        return y, np.ones(len(y))
    y = check_counts(bad, "bad")
    trials = check_counts(n, "n", len(y))
    wrong = y > trials
    if wrong.any():
        rows = f"bad, rows {some(np.flatnonzero(wrong).tolist())}"
        raise InputError(message("at most as many bads as loans", f"{int(wrong.sum())} with more", rows, "Check n."))
    return y, trials


def check_design(X: Any, rows: int, intercept: bool) -> tuple[np.ndarray, list[str]]:
    """Columns of numbers, one row per loan, and their names."""
    if X is None:
        return np.ones((rows, int(intercept))), ["intercept"] * intercept
    try:
        values = np.asarray(X, dtype=float).reshape(len(X), -1)
    except (TypeError, ValueError):
        raise InputError(message("columns of numbers", "others", "X", "Code categories as 0/1 columns.")) from None
    if len(values) != rows or not np.isfinite(values).all():
        came = f"{len(values)} rows, {int((~np.isfinite(values)).sum())} values missing or infinite"
        raise InputError(
            message(f"{rows} rows of finite numbers", came, "X", "Align X, and fill or drop missing rows.")
        )
    names = (
        [str(c) for c in X.columns] if isinstance(X, pd.DataFrame) else [f"x{j + 1}" for j in range(values.shape[1])]
    )
    rank = np.linalg.matrix_rank(values)
    if not intercept or np.linalg.matrix_rank(np.column_stack([np.ones(rows), values])) == rank > 0:
        return values, names
    return np.column_stack([np.ones(rows), values]), ["intercept", *names]


@dataclass(frozen=True)
class Rows:
    """What the likelihood needs: bads, loans, offset and design per row, village codes, quadrature points."""

    y: np.ndarray
    n: np.ndarray
    offset: np.ndarray
    design: np.ndarray
    codes: np.ndarray
    villages: int
    points: int

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums per village."""
        return np.bincount(self.codes, values, self.villages)


def maximise(rows: Rows) -> tuple[np.ndarray, np.ndarray, float]:
    """The maximum of the likelihood over (β, log sd), the covariance of both, and the log likelihood there."""
    from scipy.optimize import minimize
    from scipy.special import gammaln

    start = np.append(_pooled(rows), np.log(0.5))
    bounds = [(-50.0, 50.0)] * rows.design.shape[1] + [LOG_SPREAD]
    size = max(rows.n.sum(), 1.0)  # the search wants values and slopes of order one

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = log_likelihood(rows, x)
        return -value / size, -slope / size

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-15, "gtol": 1e-9})
    x = found.x
    if not np.isfinite(found.fun) or np.max(np.abs(x[:-1]), initial=0) > 49:
        raise FitError("The mixed logit does not converge: a column separates goods from bads. Leave it out.")
    # the slope of the approximation is exact for Laplace and nearly so for five points or more
    curvature = np.array([(log_likelihood(rows, x - h)[1] - log_likelihood(rows, x + h)[1]) / 2e-4 for h in _steps(x)])
    curvature = (curvature + curvature.T) / 2
    free = np.arange(len(x)) < len(x) - (x[-1] <= LOG_SPREAD[0] + 1e-6)  # no spread at all: nothing known of its error
    covariance = np.full(curvature.shape, np.nan)
    covariance[np.ix_(free, free)] = np.linalg.pinv(curvature[np.ix_(free, free)])
    choices = gammaln(rows.n + 1) - gammaln(rows.y + 1) - gammaln(rows.n - rows.y + 1)
    return x, covariance, float(-found.fun * size + choices.sum())


def _steps(x: np.ndarray) -> np.ndarray:
    return 1e-4 * np.eye(len(x))


def _pooled(rows: Rows) -> np.ndarray:
    """The logit without village effects, by damped Newton steps: a place to start."""
    beta = np.zeros(rows.design.shape[1])
    for _ in range(25):
        p = expit(rows.offset + rows.design @ beta)
        curvature = (rows.design * (rows.n * p * (1 - p))[:, None]).T @ rows.design
        slope = rows.design.T @ (rows.y - rows.n * p)
        step = np.linalg.solve(curvature + 1e-8 * np.eye(len(beta)), slope)
        beta = beta + step * min(1.0, 2.0 / max(np.max(np.abs(step)), 1e-12))
        if np.max(np.abs(step)) < 1e-6:
            break
    return beta


def log_likelihood(rows: Rows, x: np.ndarray) -> tuple[float, np.ndarray]:
    """Marginal log likelihood at (β, log sd) and its slope, by Laplace or adaptive Gauss-Hermite quadrature."""
    linear, precision = rows.offset + rows.design @ x[:-1], float(np.exp(-2 * x[-1]))
    mode, curvature = _modes(rows, linear, precision)
    if rows.points == 1:
        return _laplace(rows, linear, precision, mode, curvature)
    return _quadrature(rows, linear, precision, mode, curvature)


def _modes(rows: Rows, linear: np.ndarray, precision: float) -> tuple[np.ndarray, np.ndarray]:
    u = np.zeros(rows.villages)
    for _ in range(100):
        p = expit(linear + u[rows.codes])
        curvature = rows.sums(rows.n * p * (1 - p)) + precision
        step = np.clip((rows.sums(rows.y - rows.n * p) - precision * u) / curvature, -2, 2)
        u = u + step
        if np.max(np.abs(step)) < 1e-10:
            break
    p = expit(linear + u[rows.codes])
    return u, rows.sums(rows.n * p * (1 - p)) + precision


def _joint(rows: Rows, eta: np.ndarray, u: np.ndarray, precision: float) -> np.ndarray:
    """Log of likelihood times prior of the village effects u, per village."""
    own = rows.sums(rows.y * eta - rows.n * np.logaddexp(0, eta))
    return own - precision * u**2 / 2 + np.log(precision) / 2


def _laplace(
    rows: Rows, linear: np.ndarray, precision: float, u: np.ndarray, curvature: np.ndarray
) -> tuple[float, np.ndarray]:
    eta = linear + u[rows.codes]
    p = expit(eta)
    w = rows.n * p * (1 - p)
    value = float((_joint(rows, eta, u, precision) - np.log(curvature) / 2).sum())
    # the mode moves with β and sd: du = -Σ w x / c and 2u/sd²/c; the curvature's own slope is Σ w(1-2p)
    third = rows.sums(w * (1 - 2 * p)) / curvature
    pull = rows.y - rows.n * p - w * (1 - 2 * p - third[rows.codes]) / (2 * curvature)[rows.codes]
    of_log_sd = precision * u**2 - 1 + precision / curvature - third * precision * u / curvature
    return value, np.append(rows.design.T @ pull, of_log_sd.sum())


def _quadrature(
    rows: Rows, linear: np.ndarray, precision: float, mode: np.ndarray, curvature: np.ndarray
) -> tuple[float, np.ndarray]:
    z, w = np.polynomial.hermite_e.hermegauss(rows.points)
    width = 1 / np.sqrt(curvature)
    heights = np.empty((rows.points, rows.villages))
    for k in range(rows.points):
        u = mode + width * z[k]
        heights[k] = _joint(rows, linear + u[rows.codes], u, precision) + z[k] ** 2 / 2 + np.log(w[k])
    top = heights.max(axis=0)
    weight = np.exp(heights - top)
    value = float((top + np.log(weight.sum(axis=0)) + np.log(width) - np.log(2 * np.pi) / 2).sum())
    weight /= weight.sum(axis=0)
    p, square = np.zeros(len(rows.y)), np.zeros(rows.villages)
    for k in range(rows.points):
        u = mode + width * z[k]
        p += weight[k][rows.codes] * expit(linear + u[rows.codes])
        square += weight[k] * u**2
    return value, np.append(rows.design.T @ (rows.y - rows.n * p), (precision * square - 1).sum())
