"""Logistic regression of bad on WOE: Newton's method under sign constraints and penalties, on plain arrays.

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

#: log-odds beyond which a fitted row means that the columns tell goods from bads perfectly: no maximum exists there
SEPARATED = 30.0
#: the penalty used only then: a normal prior of standard deviation 1 for each slope (slopes on WOE lie near -1)
SEPARATION_RIDGE = 1.0
#: rows that are worked on at a time, so that what a pass needs stays in the processor's cache
BLOCK = 16_384
#: more rows than this start from the solution on a part of them and take the curvature in single precision: the
#: gradient, always in double precision, decides the answer, the curvature only the way to it
MANY = 200_000


@dataclass(frozen=True)
class LogisticFit:
    """The maximum of the log-likelihood, the intercept first.

    Parameters
    ----------
    coef : (p + 1,) intercept and slopes.
    clamped : (p + 1,) True where a slope rests on 0 because the data pull it against its sign.
    log_likelihood : of the data, without a penalty.
    ridge : the quadratic penalty, the largest over the slopes; where the columns separate goods from bads and none was
        asked for, the one that was needed.
    iterations : Newton steps taken.
    shrunk : (p + 1,) True where a slope is 0 because the absolute penalty outweighs its data.
    lasso : the absolute penalty, the largest over the slopes.
    """

    coef: np.ndarray
    clamped: np.ndarray
    log_likelihood: float
    ridge: float
    iterations: int
    shrunk: np.ndarray
    lasso: float = 0.0

    @property
    def held(self) -> np.ndarray:
        """(p + 1,) True where a slope is held at 0, for whatever reason."""
        return self.clamped | self.shrunk

    @property
    def penalised(self) -> bool:
        """Whether a penalty took part, so that the likelihood has no covariance here."""
        return self.ridge > 0 or self.lasso > 0


@dataclass(frozen=True)
class Problem:
    """What is maximised: Σ weight · (y·η - ln(1 + e^η)) - ½ Σ ridge·b² - Σ lasso·|b|, with η = offset + b0 + x·b."""

    design: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    offset: np.ndarray | None
    sign: np.ndarray
    ridge: np.ndarray
    lasso: np.ndarray

    def part(self, rows: np.ndarray) -> Problem:
        """The same problem on some rows, with the penalties in proportion."""
        share = len(rows) / len(self.y)
        offset = None if self.offset is None else self.offset[rows]
        return Problem(
            self.design[rows], self.y[rows], self.weight[rows], offset, self.sign, self.ridge * share,
            self.lasso * share,
        )  # fmt: skip


def fit_logistic(
    design: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray | None = None,
    *,
    sign: int | np.ndarray = -1,
    ridge: float | np.ndarray = 0.0,
    lasso: float | np.ndarray = 0.0,
    offset: np.ndarray | None = None,
    start: np.ndarray | None = None,
) -> LogisticFit:
    """Coefficients of a logistic regression whose slopes are all <= 0 (sign=-1), >= 0 (1) or free (0).

    Parameters
    ----------
    design : (n, p) columns without a constant; the intercept is added and never constrained nor penalised.
    y : (n,) 0/1, 1 = bad; or shares between 0 and 1.
    weight : (n,) weights; a weight of w equals w copies of the row.
    sign, ridge, lasso : one for all slopes, or (p,) one each.
    ridge : half of it times the squared slopes is subtracted from the log-likelihood (a normal prior of precision
        `ridge`).
    lasso : it times the absolute slopes is subtracted; slopes that the data do not pull harder than that are 0.
    offset : (n,) log-odds that every row has before the columns speak; its coefficient is 1.
    start : (p + 1,) coefficients to start from; they change the time, not the answer.

    Where the columns separate goods from bads no finite maximum exists; the fit is then repeated with
    `SEPARATION_RIDGE` and says so in `ridge`.

    Raises
    ------
    InputError : for numbers that are not finite, and for penalties below 0.
    FitError : when Newton's method does not converge even so.

    References: D. P. Bertsekas, Projected Newton methods, SIAM J. Control 20 (1982); for |b| within an orthant,
    G. Andrew and J. Gao, Scalable training of L1-regularized log-linear models, ICML 2007.

    >>> x = np.array([[1.0], [0.0], [1.0], [0.0], [1.0], [0.0]])
    >>> fit = fit_logistic(x, np.array([0, 1, 0, 1, 1, 0]))
    >>> fit.coef.round(4).tolist(), fit.clamped.tolist()
    ([0.6931, -1.3863], [False, False])
    """
    problem = _problem(design, y, weight, sign, ridge, lasso, offset)
    if start is None and len(problem.y) > MANY:
        # rows of a file may be ordered by date or branch: the start is found on a spread of them
        some = np.sort(np.random.default_rng(0).choice(len(problem.y), MANY // 4, replace=False))
        first = _newton(problem.part(some), None)
        start = None if first is None else first.coef
    fit = _newton(problem, start)
    if fit is None and problem.ridge.max(initial=0.0) < SEPARATION_RIDGE:
        fit = _newton(
            _problem(design, y, weight, sign, np.maximum(problem.ridge[1:], SEPARATION_RIDGE), lasso, offset), None
        )
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


def _problem(design: Any, y: Any, weight: Any, sign: Any, ridge: Any, lasso: Any, offset: Any) -> Problem:
    x = np.asarray(design, dtype=float)
    n, p = x.shape
    each = {"sign": sign, "ridge": ridge, "lasso": lasso}
    slopes = {k: np.append(0.0, np.broadcast_to(np.asarray(v, dtype=float), (p,))) for k, v in each.items()}
    given = {
        "y": np.asarray(y, dtype=float),
        "weight": np.ones(n) if weight is None else np.asarray(weight, dtype=float),
        "offset": None if offset is None else np.asarray(offset, dtype=float),
    }
    for name, values in {"design": x, **given, **slopes}.items():
        if values is not None and not np.isfinite(values.sum()) and not np.isfinite(values).all():
            raise InputError(message("finite numbers", "NaN or infinity", name, "Fill or leave out these rows."))
        if name in ("ridge", "lasso") and values.min(initial=0.0) < 0:  # type: ignore[union-attr]
            raise InputError(message("a penalty of 0 or more", f"{values.min():g}", name, "Correct it."))  # type: ignore[union-attr]
    return Problem(x, given["y"], given["weight"], given["offset"], **slopes)  # type: ignore[arg-type]


def _newton(problem: Problem, start: np.ndarray | None) -> LogisticFit | None:
    """The constrained maximum, or None where Newton's method runs away."""
    many = len(problem.y) > MANY
    coef = _null(problem) if start is None else np.where(start * problem.sign < 0, 0.0, start)
    value, gradient, curvature, far = _pass(problem, coef, "single" if many else "double")
    hessian = np.asarray(curvature)
    total = problem.weight.sum()
    # the gain in log-likelihood below which a step no longer moves the answer; a step by an old or a rough curvature
    # gains digits one by one instead of doubling them, so it must be smaller before it may be the last
    enough = (1e-19 if many else 1e-14) * total
    fresh = 1
    for step in range(100):
        if far and not problem.ridge.any():
            return None
        orthant, bound = _orthant(problem, coef, gradient)
        slope = gradient - problem.lasso * orthant
        direction = np.zeros_like(coef)
        free = np.flatnonzero(~bound)
        direction[free] = np.linalg.lstsq(hessian[np.ix_(free, free)], slope[free], rcond=1e-13)[0]
        gain = float(slope @ direction)
        again = many and fresh < 2 and gain > 1e-8 * total
        how = ("single" if again else "none") if many else "double"
        found = _line_search(problem, coef, direction, value, orthant, how)
        if found is None and many and fresh < 5:  # an old curvature may lead nowhere; a fresh one does not
            value, gradient, curvature, far = _pass(problem, coef, "double")
            hessian, fresh = np.asarray(curvature), fresh + 1
            continue
        if found is not None:
            coef, value, gradient, far = found[0], found[1], found[2], found[4]
            hessian, fresh = (hessian, fresh) if found[3] is None else (found[3], fresh + 1)
        if gain <= enough or found is None:
            return _finished(problem, coef, step + 1)
    return None


def _null(problem: Problem) -> np.ndarray:
    mean = float(problem.weight @ problem.y / problem.weight.sum())
    shift = 0.0 if problem.offset is None else float(problem.weight @ problem.offset / problem.weight.sum())
    coef = np.zeros(problem.design.shape[1] + 1)
    coef[0] = np.log(mean / (1 - mean)) - shift
    return coef


def _orthant(problem: Problem, coef: np.ndarray, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sign in which each slope may move now, and which slopes are held at 0."""
    pull = np.where(np.abs(gradient) > problem.lasso, np.sign(gradient), 0.0)
    allowed = np.where(problem.sign * pull < 0, 0.0, pull)
    orthant = np.where(coef != 0, np.sign(coef), allowed)
    bound = (orthant == 0) & ((problem.sign != 0) | (problem.lasso > 0))
    bound[0] = False
    return orthant, bound


def _finished(problem: Problem, coef: np.ndarray, steps: int) -> LogisticFit:
    value, gradient, _, _ = _pass(problem, coef, "none")
    penalty = 0.5 * problem.ridge @ coef**2 + problem.lasso @ np.abs(coef)
    zero = np.append(False, coef[1:] == 0)
    clamped = zero & (problem.sign != 0) & (gradient * problem.sign <= 0)
    shrunk = zero & ~clamped & (problem.lasso > 0)
    return LogisticFit(
        coef, clamped, float(value + penalty), float(problem.ridge.max()), steps, shrunk, float(problem.lasso.max())
    )


Pass = tuple[float, np.ndarray, np.ndarray | None, bool]


def _line_search(
    problem: Problem, coef: np.ndarray, direction: np.ndarray, value: float, orthant: np.ndarray, curvature: str
) -> tuple[np.ndarray, float, np.ndarray, np.ndarray | None, bool] | None:
    """The longest halved step, kept within its orthant, that does not lose: (coef, *pass); None where none moves."""
    slack = 1e-12 * max(abs(value), 1.0)
    within = (problem.sign != 0) | (problem.lasso > 0)
    for halving in range(40):
        tried = coef + direction * 0.5**halving
        tried = np.where(within & (tried * orthant < 0), 0.0, tried)
        found = _pass(problem, tried, curvature)
        if found[0] >= value - slack:
            return (tried, *found) if (tried != coef).any() else None
    return None


def _pass(problem: Problem, coef: np.ndarray, curvature: str) -> Pass:
    """One reading of the rows: (value, gradient of its smooth part, minus its Hessian, whether a row is far out).

    `curvature`: 'double', 'single' (the rows in single precision) or 'none'.
    """
    size = len(coef)
    gradient, hessian = np.zeros(size), np.zeros((size, size))
    value, farthest = 0.0, 0.0
    for first in range(0, len(problem.y), BLOCK):
        rows = slice(first, first + BLOCK)
        x, y, w = problem.design[rows], problem.y[rows], problem.weight[rows]
        eta = x @ coef[1:] + coef[0]
        farthest = max(farthest, float(np.abs(eta).max(initial=0.0)))
        if problem.offset is not None:
            eta += problem.offset[rows]
        tail = np.exp(-np.abs(eta))
        value += float(w @ (y * eta - np.maximum(eta, 0.0) - np.log1p(tail)))
        prob = np.where(eta >= 0, 1.0, tail) / (1.0 + tail)
        residual = w * (y - prob)
        gradient[0] += residual.sum()
        gradient[1:] += residual @ x
        if curvature != "none":
            hessian += _curvature(x, w * prob * (1.0 - prob), np.float32 if curvature == "single" else np.float64)
    gradient -= problem.ridge * coef
    hessian[np.diag_indices_from(hessian)] += problem.ridge
    value -= float(0.5 * problem.ridge @ coef**2 + problem.lasso @ np.abs(coef))
    return value, gradient, None if curvature == "none" else hessian, farthest > SEPARATED


def _curvature(x: np.ndarray, weight: np.ndarray, dtype: Any) -> np.ndarray:
    """Σ weight · z zᵀ with z = (1, x) of one block."""
    root = np.sqrt(weight).astype(dtype)
    scaled = np.empty((len(x), x.shape[1] + 1), dtype=dtype)
    scaled[:, 0] = root
    np.multiply(x, root[:, None], out=scaled[:, 1:], casting="same_kind")
    return (scaled.T @ scaled).astype(float)


def covariance(
    design: np.ndarray, y: np.ndarray, fit: LogisticFit, weight: np.ndarray | None = None,
    groups: np.ndarray | None = None, offset: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """The covariance of the coefficients by statsmodels, NaN in rows and columns of those held at 0.

    Parameters
    ----------
    groups : (n,) group codes; then the sandwich that allows for dependence within groups (villages) is used.

    A clamped slope is held at its bound, so the others are conditional on that. A fit with a penalty has no likelihood
    covariance: all NaN.

    Raises
    ------
    InputError : with fewer than two groups.
    """
    size = len(fit.coef)
    table = np.full((size, size), np.nan)
    if fit.penalised:
        return table
    free = np.flatnonzero(~fit.held)
    full = np.column_stack([np.ones(len(y)), design])[:, free]
    if groups is not None and len(np.unique(groups)) < 2:
        raise InputError(message("at least two groups", "one", "groups", "Leave the groups out."))
    table[np.ix_(free, free)] = _statsmodels_covariance(full, y, fit.coef[free], weight, groups, offset)
    return table


def _statsmodels_covariance(
    x: np.ndarray, y: np.ndarray, coef: np.ndarray, weight: np.ndarray | None, groups: np.ndarray | None,
    offset: np.ndarray | None,
) -> np.ndarray:  # fmt: skip
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    model = GLM(np.asarray(y, dtype=float), x, family=Binomial(), freq_weights=weight, offset=offset)
    options: dict[str, Any] = {} if groups is None else {"cov_type": "cluster", "cov_kwds": {"groups": groups}}
    with warnings.catch_warnings():
        # said of robust covariances with frequency weights in general; for clusters the scores are weighted sums, exact
        warnings.filterwarnings("ignore", message="cov_type not fully supported with freq_weights")
        warnings.filterwarnings("ignore", message=".*[Ii]nverting [Hh]essian")
        # columns that repeat each other share one effect; their table shows it
        warnings.filterwarnings("ignore", message="The design matrix is rank-deficient")
        return np.asarray(model.fit(start_params=coef, maxiter=1, **options).cov_params())
