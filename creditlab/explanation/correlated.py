"""Shapley values of a linear score when the features are correlated: a diagnostic, never a reason.

The value of a set of features is the score expected of a normal population with the background's means and covariance,
given the features of the set. A feature that the score does not use gets credit for what it tells about others, so that
a household could be given a reason that was not scored; the interventional values have no such fault.
"""

from __future__ import annotations

from math import comb

import numpy as np

#: up to this many features every set is taken; more take random orders and their reverses
EXACT = 12
ORDERS = 400


def correlated_values(
    coef: np.ndarray, centred: np.ndarray, covariance: np.ndarray, seed: int = 0
) -> tuple[np.ndarray, bool]:
    """(n, p) conditional Shapley values of coef · x, and whether all sets of features were taken.

    v(S) = β_S'd_S + β_R'Σ_RS Σ_SS⁻¹ d_S with d = x − E x and R the other features. v is linear in d, so that one
    p × p matrix serves every row. Exact for up to 12 features; more take 400 random orders and their reverses (R.
    Mitchell et al., JMLR 2022), a property that keeps the sum exact.

    Parameters
    ----------
    coef : (p,) β. centred : (n, p) d. covariance : (p, p) Σ of the background.

    >>> rho = np.array([[1.0, 0.8], [0.8, 1.0]])
    >>> correlated_values(np.array([1.0, 0.0]), np.ones((1, 2)), rho)[0].round(12).tolist()
    [[0.6, 0.4]]
    """
    p = len(coef)
    exact = p <= EXACT
    matrix = _over_sets(coef, covariance) if exact else _over_orders(coef, covariance, seed)
    return centred @ matrix.T, exact


def _told(coef: np.ndarray, covariance: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(p,) the row r with v(S) = r · d for the set of a boolean mask."""
    row = np.zeros(len(coef))
    if known.any():
        inner = covariance[np.ix_(known, known)]
        cross = covariance[np.ix_(known, ~known)] @ coef[~known]
        # a feature that repeats another leaves the inverse open; the pseudo-inverse shares between them
        row[known] = coef[known] + np.linalg.pinv(inner, hermitian=True) @ cross
    return row


def _over_sets(coef: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    p = len(coef)
    bits = np.arange(p)
    rows = [_told(coef, covariance, (mask >> bits & 1).astype(bool)) for mask in range(1 << p)]
    matrix = np.zeros((p, p))
    for mask in range(1 << p):
        size = int(mask).bit_count()
        for i in np.flatnonzero(~(mask >> bits & 1).astype(bool)).tolist():
            matrix[i] += (rows[mask | 1 << i] - rows[mask]) / (p * comb(p - 1, size))
    return matrix


def _over_orders(coef: np.ndarray, covariance: np.ndarray, seed: int) -> np.ndarray:
    p, rng = len(coef), np.random.default_rng(seed)
    matrix = np.zeros((p, p))
    for _ in range(ORDERS):
        drawn = rng.permutation(p)
        for order in (drawn, drawn[::-1]):
            known, before = np.zeros(p, dtype=bool), np.zeros(p)
            for i in order.tolist():
                known[i] = True
                after = _told(coef, covariance, known)
                matrix[i] += (after - before) / (2 * ORDERS)
                before = after
    return matrix
