"""The numbers behind `FayHerriot`: variance between villages, best predictions and their mean squared errors.

Arrays in, arrays out. y = Xβ + u + e with Var e = diag(ψ); Var u is A·I, or A·[(I-ρW)'(I-ρW)]⁻¹ over neighbours.
Villages without a direct estimate (NaN) are predicted from the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: autoregressions searched, and the largest that is allowed
RHO_GRID, RHO_MOST = np.linspace(-0.95, 0.95, 20), 0.999


@dataclass(frozen=True)
class AreaFit:
    """β with covariance, variance between villages, ρ; per village gamma, eblup, mse, and the row of g2's root."""

    beta: np.ndarray
    covariance: np.ndarray
    variance: float
    rho: float
    log_likelihood: float
    gamma: np.ndarray
    eblup: np.ndarray
    mse: np.ndarray
    leverage: np.ndarray


def fit_areas(y: np.ndarray, psi: np.ndarray, X: np.ndarray, method: str, weights: np.ndarray | None = None) -> AreaFit:
    """Estimate A (and ρ), then β, predictions and mean squared errors of all villages."""
    seen = np.isfinite(y)
    if weights is not None:
        variance, rho = _spatial_parameters(y, psi, X, weights, method, seen)
        covariance, slopes, bends = _sar(weights, variance, rho)
        information, bias = _information(psi, X, covariance, slopes, seen, method)
        return _general(y, psi, X, covariance, slopes, bends, information, bias, (variance, rho))
    a = between_variance(y[seen], psi[seen], X[seen], method)
    drift, precision = _moments_of_estimate(psi[seen], X[seen], a, method)
    if seen.all():
        return _independent(y, psi, X, a, drift, precision, method)
    identity = np.eye(len(y))
    information, bias = np.array([[precision]]), np.array([drift])
    return _general(y, psi, X, a * identity, [identity], None, information, bias, (a, np.nan))


def between_variance(y: np.ndarray, psi: np.ndarray, X: np.ndarray, method: str) -> float:
    """The variance A between villages, never below 0.

    "reml" and "ml" maximise their likelihood; "fh" solves Σ(y-Xβ)²/(A+ψ) = m - p; "pr" and "dl" equate a quadratic form
    of the residuals of least squares (unweighted, or weighted by 1/ψ) to its expectation.
    """
    if method in ("pr", "dl"):
        P = _residual_maker(np.ones(len(y)) if method == "pr" else 1 / psi, X)
        return max(0.0, float((y @ P @ y - np.diag(P) @ psi) / np.trace(P)))
    if method == "fh":
        return _root(lambda a: _quadratic(y, psi, X, a) - (len(y) - X.shape[1]), y)
    return _maximum(lambda a: area_log_likelihood(y, psi, X, a, method), y, psi)


def _residual_maker(weight: np.ndarray, X: np.ndarray) -> np.ndarray:
    weighted = X * weight[:, None]
    return np.diag(weight) - weighted @ np.linalg.solve(X.T @ weighted, weighted.T)


def _least_squares(y: np.ndarray, X: np.ndarray, precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted least squares: β and (X'V⁻¹X)⁻¹."""
    covariance = np.linalg.inv((X * precision[:, None]).T @ X)
    return covariance @ (X.T @ (precision * y)), covariance


def _quadratic(y: np.ndarray, psi: np.ndarray, X: np.ndarray, a: float) -> float:
    beta, _ = _least_squares(y, X, 1 / (a + psi))
    return float(((y - X @ beta) ** 2 / (a + psi)).sum())


def area_log_likelihood(y: np.ndarray, psi: np.ndarray, X: np.ndarray, a: float, method: str) -> float:
    """Log likelihood of A with β at its best ("ml"), or of residual contrasts ("reml")."""
    total = a + psi
    beta, covariance = _least_squares(y, X, 1 / total)
    value = -0.5 * (np.log(2 * np.pi * total).sum() + ((y - X @ beta) ** 2 / total).sum())
    if method == "reml":
        value += 0.5 * np.linalg.slogdet(covariance)[1] + X.shape[1] / 2 * np.log(2 * np.pi)
    return float(value)


def _root(function: object, y: np.ndarray) -> float:
    """The root of a decreasing function of A, or 0."""
    from scipy.optimize import brentq

    assert callable(function)
    if function(0.0) <= 0:
        return 0.0
    top = max(float(np.var(y)), 1e-12)
    while function(top) > 0:
        top *= 4
    return float(brentq(function, 0.0, top, xtol=1e-15, rtol=1e-13))


def _maximum(function: object, y: np.ndarray, psi: np.ndarray) -> float:
    """The A ≥ 0 with the largest value: a grid of A on a log scale, then Brent's search beside its best point."""
    from scipy.optimize import minimize_scalar

    assert callable(function)
    scale = max(float(np.var(y)), float(psi.min()))
    grid = np.concatenate([[0.0], scale * np.logspace(-6, 2, 49)])
    best = int(np.argmax([function(a) for a in grid]))
    if best == 0:
        return 0.0
    lo, hi = np.log(grid[max(best - 1, 1)] / (2 if best == 1 else 1)), np.log(grid[min(best + 1, 49)])
    found = minimize_scalar(lambda x: -function(np.exp(x)), bounds=(lo, hi), method="bounded", options={"xatol": 1e-10})
    return float(np.exp(found.x))


def _moments_of_estimate(psi: np.ndarray, X: np.ndarray, a: float, method: str) -> tuple[float, float]:
    """Bias of the estimate of A, and 1 over its variance, both to first order."""
    precision = 1 / (a + psi)
    m, squares, total = len(psi), float((precision**2).sum()), float(precision.sum())
    if method == "reml":
        return 0.0, squares / 2
    if method == "ml":
        covariance = np.linalg.inv((X * precision[:, None]).T @ X)
        return -float(np.trace(covariance @ ((X * precision[:, None] ** 2).T @ X))) / squares, squares / 2
    if method == "fh":
        return 2 * (m * squares - total**2) / total**3, total**2 / (2 * m)
    P = _residual_maker(np.ones(m) if method == "pr" else 1 / psi, X)
    return 0.0, float(np.trace(P) ** 2 / (2 * ((P**2) * np.outer(a + psi, a + psi)).sum()))


def _independent(
    y: np.ndarray, psi: np.ndarray, X: np.ndarray, a: float, bias: float, information: float, method: str
) -> AreaFit:
    beta, covariance = _least_squares(y, X, 1 / (a + psi))
    gamma = a / (a + psi)
    eblup = gamma * y + (1 - gamma) * (X @ beta)
    leverage = (1 - gamma)[:, None] * X
    g1, g2 = gamma * psi, np.einsum("ij,jk,ik->i", leverage, covariance, leverage)
    g3 = psi**2 / (a + psi) ** 3 / information
    mse = g1 + g2 + 2 * g3 - bias * (1 - gamma) ** 2
    kind = method if method == "reml" else "ml"
    value = area_log_likelihood(y, psi, X, a, kind)
    return AreaFit(beta, covariance, a, np.nan, value, gamma, eblup, mse, leverage)


def _sar(W: np.ndarray, a: float, rho: float) -> tuple[np.ndarray, list[np.ndarray], list[list[np.ndarray | None]]]:
    """Covariance of u, its first derivatives by A and ρ, and its second derivatives (None where zero)."""
    identity = np.eye(len(W))
    core = np.linalg.inv((identity - rho * W).T @ (identity - rho * W))
    turn = 2 * rho * W.T @ W - W - W.T  # derivative of the inverse of core
    first = -core @ turn @ core
    second = a * (2 * core @ turn @ core @ turn @ core - core @ (2 * W.T @ W) @ core)
    return a * core, [core, a * first], [[None, first], [first, second]]


def _information(
    psi: np.ndarray, X: np.ndarray, G: np.ndarray, slopes: list[np.ndarray], seen: np.ndarray, method: str
) -> tuple[np.ndarray, np.ndarray]:
    """Fisher information of the variance parameters, and the first-order bias of their estimates (ML only).

    The information is that of residual contrasts, ½ tr(P V_j P V_k), for both methods: β costs villages in either.
    """
    rows = np.ix_(seen, seen)
    inverse = np.linalg.inv(G[rows] + np.diag(psi[seen]))
    x = X[seen]
    covariance = np.linalg.inv(x.T @ inverse @ x)
    contrasts = inverse - inverse @ x @ covariance @ x.T @ inverse
    parts = [contrasts @ slope[rows] for slope in slopes]
    information = np.array([[np.einsum("ij,ji->", a, b) / 2 for b in parts] for a in parts])
    if method == "reml":
        return information, np.zeros(len(slopes))
    traces = np.array([np.trace(covariance @ (x.T @ inverse @ slope[rows] @ inverse @ x)) for slope in slopes])
    return information, -np.linalg.pinv(information) @ traces / 2


def _general(
    y: np.ndarray,
    psi: np.ndarray,
    X: np.ndarray,
    G: np.ndarray,
    slopes: list[np.ndarray],
    bends: list[list[np.ndarray | None]] | None,
    information: np.ndarray,
    bias: np.ndarray,
    parameters: tuple[float, float],
) -> AreaFit:
    """Best predictions of all villages from those seen, for any covariance of u, and their mean squared errors.

    mse = g1 + g2 + 2·g3 - g4 - bias'∇g1; g4 comes from the second derivatives of a covariance that bends in ρ.
    """
    seen = np.isfinite(y)
    rows = np.ix_(seen, seen)
    V = G[rows] + np.diag(psi[seen])
    inverse = np.linalg.inv(V)
    covariance = np.linalg.inv(X[seen].T @ inverse @ X[seen])
    beta = covariance @ (X[seen].T @ inverse @ y[seen])
    pull = G[:, seen] @ inverse
    residual = y[seen] - X[seen] @ beta
    leverage = X - pull @ X[seen]
    g1 = np.diag(G) - np.einsum("ij,ij->i", pull, G[:, seen])
    g2 = np.einsum("ij,jk,ik->i", leverage, covariance, leverage)
    spread = np.linalg.pinv(information)
    turned = [(slope[:, seen] - pull @ slope[rows]) @ inverse for slope in slopes]  # derivatives of pull
    g3 = sum(
        spread[j, k] * np.einsum("ij,jk,ik->i", turned[j], V, turned[k])
        for j in range(len(slopes))
        for k in range(len(slopes))
    )
    # derivative of g1: own variance, less what others say of it
    tilts = [
        np.diag(slope)
        - 2 * np.einsum("ij,ij->i", pull, slope[:, seen])
        + np.einsum("ij,jk,ik->i", pull, slope[rows], pull)
        for slope in slopes
    ]
    g4 = np.zeros(len(y))
    for j, row in enumerate(bends or []):
        for k, bend in enumerate(row):
            if bend is not None:
                of_g1 = np.diag(bend) - 2 * np.einsum("ij,ij->i", pull, bend[:, seen])
                g4 += spread[j, k] / 2 * (of_g1 + np.einsum("ij,jk,ik->i", pull, bend[rows], pull))
    mse = g1 + g2 + 2 * g3 - g4 - sum(b * tilt for b, tilt in zip(bias, tilts, strict=True))
    gamma = np.zeros(len(y))
    gamma[seen] = np.diag(pull[seen])
    value = _spatial_log_likelihood(y[seen], X[seen], V, "ml")
    return AreaFit(beta, covariance, *parameters, value, gamma, X @ beta + pull @ residual, np.asarray(mse), leverage)


def _spatial_log_likelihood(y: np.ndarray, X: np.ndarray, V: np.ndarray, method: str) -> float:
    root = np.linalg.cholesky(V)
    white_y, white_X = np.linalg.solve(root, y), np.linalg.solve(root, X)
    beta, *_ = np.linalg.lstsq(white_X, white_y, rcond=None)
    value = -np.log(np.diag(root)).sum() - ((white_y - white_X @ beta) ** 2).sum() / 2 - len(y) / 2 * np.log(2 * np.pi)
    if method == "reml":
        value -= 0.5 * np.linalg.slogdet(white_X.T @ white_X)[1] - X.shape[1] / 2 * np.log(2 * np.pi)
    return float(value)


def _spatial_parameters(
    y: np.ndarray, psi: np.ndarray, X: np.ndarray, W: np.ndarray, method: str, seen: np.ndarray
) -> tuple[float, float]:
    """A and ρ that maximise the likelihood: a search from the best of a few autoregressions."""
    from scipy.optimize import minimize

    rows = np.ix_(seen, seen)
    y_seen, X_seen, noise = y[seen], X[seen], np.diag(psi[seen])
    scale = max(between_variance(y_seen, psi[seen], X_seen, method), float(np.median(psi[seen])) / 100)

    def loss(x: np.ndarray) -> float:
        identity = np.eye(len(W))
        root = np.linalg.inv(identity - np.clip(x[1], -RHO_MOST, RHO_MOST) * W)
        covariance = scale * np.exp(min(x[0], 50.0)) * (root @ root.T)
        return -_spatial_log_likelihood(y_seen, X_seen, covariance[rows] + noise, method)

    starts = np.array([[shift, rho] for rho in RHO_GRID[::3] for shift in (-1.0, 0.0)])
    start = starts[int(np.argmin([loss(x) for x in starts]))]
    bounds = [(-18.0, 12.0), (-RHO_MOST, RHO_MOST)]
    options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000, "maxfev": 4000}
    found = minimize(loss, start, method="Nelder-Mead", bounds=bounds, options=options)
    return float(scale * np.exp(found.x[0])), float(found.x[1])
