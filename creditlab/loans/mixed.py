"""A binary regression with one random intercept per group, by maximum likelihood (adaptive Gauss-Hermite quadrature).

It knows arrays only. Rows are cells: so many trials, so many events, one design row, one group. The hazard of the loan
book is fitted with it; anything else with grouped binary data can be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from creditlab.checks import check_one_of
from creditlab.errors import FitError, InputError, message

#: nodes of the quadrature; one node is the Laplace approximation
NODES = 15
_Terms = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class MixedFit:
    """Coefficients with covariance, standard deviation of the group effects, the effects with their standard errors."""

    coefficients: np.ndarray
    covariance: np.ndarray
    sigma: float
    effects: np.ndarray
    effect_errors: np.ndarray
    log_likelihood: float
    log_likelihood_without: float


def fit_mixed(
    x: np.ndarray,
    events: np.ndarray,
    trials: np.ndarray,
    group: np.ndarray,
    *,
    link: str = "cloglog",
    nodes: int = NODES,
    offset: np.ndarray | None = None,
) -> MixedFit:
    """Fit η = x·β + offset + u[group], u ~ N(0, σ²), to events out of trials.

    Parameters
    ----------
    x : cells × coefficients, of full rank.
    events, trials : per cell.
    group : a number per cell, from 0 on.
    link : 'cloglog' (proportional hazards in discrete time) or 'logit'.
    nodes : nodes of the quadrature, at least 5.

    Raises
    ------
    InputError : cells that do not fit together. FitError : no maximum was found.

    References: R. Prentice, L. Gloeckler, Biometrics 34 (1978) 57-67; J. Pinheiro, D. Bates, Journal of Computational
    and Graphical Statistics 4 (1995) 12-35.

    >>> rng = np.random.default_rng(0)
    >>> fit = fit_mixed(np.ones((40, 1)), rng.binomial(50, 0.1, 40), np.full(40, 50), np.arange(40), link="logit")
    >>> bool(abs(fit.coefficients[0] - np.log(0.1 / 0.9)) < 0.3)
    True
    """
    from scipy.optimize import minimize

    check_one_of(link, tuple(_LINKS), "link")
    if nodes < 5:
        raise InputError(message("5 nodes or more", repr(nodes), "nodes", "The gradient is exact only then."))
    cells = _Cells(x, events, trials, group, offset, _LINKS[link])
    start = _fixed(cells)
    without = float(cells.terms(cells.x @ start + cells.offset)[0].sum())
    first = np.append(start, np.log(0.3))
    fit = minimize(
        lambda p: _negative(cells, p, nodes), first, jac=True, method="L-BFGS-B",
        bounds=[(None, None)] * len(start) + [(np.log(1e-4), np.log(10.0))], options={"maxiter": 500, "ftol": 1e-13},
    )  # fmt: skip
    if not np.isfinite(fit.fun):
        raise FitError(f"The hazard model has no maximum: {fit.message}")
    beta, sigma = fit.x[:-1], float(np.exp(fit.x[-1]))
    u, precision = cells.modes(beta, sigma)
    covariance, errors = _covariance(cells, beta, u, precision)
    return MixedFit(beta, covariance, sigma, u, errors, -float(fit.fun), without)


def mixed_log_likelihood(
    beta: np.ndarray, sigma: float, x: np.ndarray, events: np.ndarray, trials: np.ndarray, group: np.ndarray, *,
    link: str = "cloglog", nodes: int = NODES,
) -> float:  # fmt: skip
    """The marginal log-likelihood with the binomial coefficients; one node is the Laplace approximation."""
    from scipy.special import gammaln

    cells = _Cells(x, events, trials, group, None, _LINKS[link])
    constant = gammaln(cells.n + 1) - gammaln(cells.d + 1) - gammaln(cells.n - cells.d + 1)
    return -_negative(cells, np.append(beta, np.log(sigma)), nodes)[0] + float(constant.sum())


# --- cells and links -----------------------------------------------------------------------------------------------


def _cloglog(eta: np.ndarray, d: np.ndarray, n: np.ndarray) -> _Terms:
    """Log-likelihood, slope and curvature (negative second derivative) in η of each cell."""
    rate = np.exp(np.clip(eta, -40.0, 6.0))
    event = -np.expm1(-rate)
    ratio = np.where(rate < 1e-8, 1.0 - rate / 2, rate * np.exp(-rate) / np.maximum(event, 1e-300))
    # d/dη of that ratio
    turn = ratio * (1 - rate - ratio)
    value = d * np.log(np.maximum(event, 1e-300)) - (n - d) * rate
    return value, d * ratio - (n - d) * rate, (n - d) * rate - d * turn


def _logit(eta: np.ndarray, d: np.ndarray, n: np.ndarray) -> _Terms:
    prob = 1 / (1 + np.exp(-np.clip(eta, -40.0, 40.0)))
    value = d * eta - n * np.logaddexp(0.0, eta)
    return value, d - n * prob, n * prob * (1 - prob)


_LINKS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], _Terms]] = {"cloglog": _cloglog, "logit": _logit}


class _Cells:
    """The data, checked, and the two things that are asked of them again and again."""

    def __init__(
        self,
        x: np.ndarray,
        events: np.ndarray,
        trials: np.ndarray,
        group: np.ndarray,
        offset: np.ndarray | None,
        link: Callable[[np.ndarray, np.ndarray, np.ndarray], _Terms],
    ) -> None:
        self.x = np.asarray(x, dtype=float)
        self.d, self.n = np.asarray(events, dtype=float), np.asarray(trials, dtype=float)
        self.group = np.asarray(group, dtype=np.int64)
        self.offset = np.zeros(len(self.x)) if offset is None else np.asarray(offset, dtype=float)
        self.link = link
        lengths = {len(v) for v in (self.x, self.d, self.n, self.group, self.offset)}
        if len(lengths) != 1 or not len(self.x) or (self.d > self.n).any() or (self.d < 0).any() or not self.d.any():
            raise InputError(
                message("cells with 0 <= events <= trials and an event", "others", "fit_mixed", "Check the cells.")
            )
        self.groups = int(self.group.max()) + 1

    def terms(self, eta: np.ndarray) -> _Terms:
        return self.link(eta, self.d, self.n)

    def by_group(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.group, values, minlength=self.groups)

    def modes(self, beta: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
        """The most probable effect of each group given β and σ, and its precision, by Newton's method."""
        fixed = self.x @ beta + self.offset
        u = np.zeros(self.groups)
        for _ in range(60):
            _, slope, curve = self.terms(fixed + u[self.group])
            precision = self.by_group(np.maximum(curve, 0.0)) + 1 / sigma**2
            step = (self.by_group(slope) - u / sigma**2) / precision
            u = u + np.clip(step, -1.0, 1.0)
            if np.abs(step).max(initial=0.0) < 1e-10:
                break
        curve = self.terms(fixed + u[self.group])[2]
        return u, self.by_group(np.maximum(curve, 0.0)) + 1 / sigma**2


def _fixed(cells: _Cells) -> np.ndarray:
    """The coefficients without group effects, by Fisher scoring with halved steps."""
    beta = np.zeros(cells.x.shape[1])
    value = cells.terms(cells.x @ beta + cells.offset)[0].sum()
    for _ in range(100):
        _, slope, curve = cells.terms(cells.x @ beta + cells.offset)
        hessian = cells.x.T @ (np.maximum(curve, 1e-12)[:, None] * cells.x)
        step = np.linalg.lstsq(hessian, cells.x.T @ slope, rcond=None)[0]
        for scale in 0.5 ** np.arange(30):
            trial = cells.terms(cells.x @ (beta + scale * step) + cells.offset)[0].sum()
            if trial >= value - 1e-12:
                break
        beta, gain, value = beta + scale * step, trial - value, trial
        if gain < 1e-10:
            return beta
    return beta


def _negative(cells: _Cells, parameters: np.ndarray, nodes: int) -> tuple[float, np.ndarray]:
    """Minus the marginal log-likelihood and its gradient in β and log σ.

    The nodes lie around each group's mode. The gradient is the posterior mean of the gradient of the joint likelihood,
    which holds for the integral itself and, with enough nodes, for its quadrature.
    """
    beta, sigma = parameters[:-1], float(np.exp(parameters[-1]))
    u, precision = cells.modes(beta, sigma)
    points, weights = np.polynomial.hermite.hermgauss(nodes)
    spread = np.sqrt(2 / precision)
    at = u[:, None] + spread[:, None] * points[None, :]
    fixed = cells.x @ beta + cells.offset
    joint = np.empty((cells.groups, nodes))
    slopes = np.empty((len(fixed), nodes))
    for k in range(nodes):
        value, slopes[:, k], _ = cells.terms(fixed + at[cells.group, k])
        joint[:, k] = cells.by_group(value)
    joint += -0.5 * (at / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)
    joint += np.log(weights)[None, :] + points[None, :] ** 2 + np.log(spread)[:, None]
    top = joint.max(axis=1, keepdims=True)
    share = np.exp(joint - top)
    total = share.sum(axis=1, keepdims=True)
    posterior = share / total
    log_likelihood = float((top[:, 0] + np.log(total[:, 0])).sum())
    score = (slopes * posterior[cells.group]).sum(axis=1)
    for_sigma = float((posterior * ((at / sigma) ** 2 - 1)).sum())
    return -log_likelihood, -np.append(cells.x.T @ score, for_sigma)


def _covariance(cells: _Cells, beta: np.ndarray, u: np.ndarray, precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariance of β and standard errors of the effects from the joint curvature at the modes, σ taken as known."""
    curve = np.maximum(cells.terms(cells.x @ beta + cells.offset + u[cells.group])[2], 0.0)
    cross = np.zeros((cells.groups, cells.x.shape[1]))
    np.add.at(cross, cells.group, curve[:, None] * cells.x)
    schur = cells.x.T @ (curve[:, None] * cells.x) - cross.T @ (cross / precision[:, None])
    covariance = np.linalg.pinv(schur, hermitian=True)
    carried = cross / precision[:, None]
    variance = 1 / precision + np.einsum("gp,pq,gq->g", carried, covariance, carried)
    return covariance, np.sqrt(np.maximum(variance, 0.0))
