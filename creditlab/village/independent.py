"""Hyper-parameters of independent village effects: common level and spread of a random-intercept logit.

The posterior of both is put on a grid of nodes, each with a weight; given a node every village is one-dimensional and
exact (`quadrature`). It knows likelihoods of levels, not loans.
"""

from __future__ import annotations

import numpy as np

from creditlab.village.likelihood import LevelLikelihood
from creditlab.village.quadrature import LevelMixture, tilt

#: the spread between villages (sd of the effect in log-odds) is searched here
SPREAD_LO, SPREAD_HI = 1e-3, 6.0
#: steps per round of the search, most rounds, nodes of the spread, nodes of the level
SEARCH, ROUNDS, SPREAD_NODES, LEVEL_NODES = 9, 8, 15, 5
#: what lies this far below the mode of the log posterior is left out
DEPTH = 12.0
#: nodes with less weight than this are left out
LEAST_WEIGHT = 1e-5


def independent_levels(likelihood: LevelLikelihood, level: float) -> LevelMixture:
    """The posterior of the levels when village effects are independent Normal(0, s²) around a common level.

    Prior: s·exp(-s²/2) on s, which keeps away from the boundary s = 0 where plug-in intervals collapse, and flat on the
    common level. Given s the level is integrated by Gauss-Hermite nodes around its conditional mode, reweighted by the
    exact marginal likelihood; s by equal steps of log s over the range that holds the posterior.

    Parameters
    ----------
    likelihood : of V villages, with a bad and a good somewhere.
    level : where to look first, such as `common_level`.
    """
    grid, levels = _range_of_spread(likelihood, level)
    levels, width, _ = profile(likelihood, grid, levels)
    x, w = np.polynomial.hermite.hermgauss(LEVEL_NODES)
    means = (levels[:, None] + np.sqrt(2) * width[:, None] * x).reshape(-1)
    spreads = np.repeat(np.exp(grid), LEVEL_NODES)
    height = log_marginal(likelihood, means, spreads).reshape(len(grid), -1) + x**2 + np.log(w)
    log_weight = (height + (np.log(width) + log_prior(grid))[:, None]).reshape(-1)
    weight = np.exp(log_weight - log_weight.max())
    kept = weight > LEAST_WEIGHT
    weight, means, spreads = weight[kept] / weight[kept].sum(), means[kept], spreads[kept]
    shape = (len(weight), likelihood.villages)

    def scores(node: int, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        return rng.standard_normal((n, likelihood.villages)), np.full(n, means[node])

    return LevelMixture(
        likelihood=likelihood,
        weight=weight,
        mean=np.broadcast_to(means[:, None], shape),
        sd=np.broadcast_to(spreads[:, None], shape),
        shift=np.broadcast_to(-means[:, None], shape),
        scale=np.broadcast_to(1.0, shape),
        scores=scores,
    )


def log_prior(log_spread: np.ndarray) -> np.ndarray:
    """Log density of log s under s·exp(-s²/2): one s is the prior's, one the change of scale."""
    return 2 * log_spread - np.exp(2 * log_spread) / 2


def log_marginal(likelihood: LevelLikelihood, level: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Log marginal likelihood of K pairs of common level and spread, exact by quadrature."""
    total = np.zeros(len(level))
    for rows in _chunks(likelihood.villages):
        total += tilt(likelihood[rows], *_normal(level, spread, rows)).log_integral.sum(axis=1)
    return total


def profile(
    likelihood: LevelLikelihood, log_spread: np.ndarray, level: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each spread the mode of the common level, its standard error, and the log marginal likelihood there.

    The level's gradient is Σ(E t - a)/s² and its curvature Σ(1/s² - Var t/s⁴), over villages with level t.
    """
    spread, level = np.exp(log_spread), np.array(level, dtype=float)
    for _ in range(30):
        height, slope, curvature = np.zeros((3, len(level)))
        for rows in _chunks(likelihood.villages):
            part = tilt(likelihood[rows], *_normal(level, spread, rows))
            mean = part.expect(part.t)
            variance = part.expect((part.t - mean[..., None]) ** 2)
            slope += (mean - level[:, None]).sum(axis=1) / spread**2
            curvature += (1 - variance / spread[:, None] ** 2).sum(axis=1) / spread**2
            height += part.log_integral.sum(axis=1)
        width = 1 / np.sqrt(np.maximum(curvature, 1e-8))
        step = np.clip(slope * width**2, -2, 2)
        if np.max(np.abs(step) / width) < 0.05:  # nodes are reweighted exactly: the mode need not be exact
            return level, width, height
        level = level + step
    return level, width, height


def _range_of_spread(likelihood: LevelLikelihood, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Equal steps of log s over the range that holds the posterior, and the common level near its mode at each."""
    lo, hi = np.log(SPREAD_LO), np.log(SPREAD_HI)
    grid, levels = np.linspace(lo, hi, SEARCH), np.full(SEARCH, level)
    for _ in range(ROUNDS):
        levels, width, height = profile(likelihood, grid, levels)
        height = height + np.log(width) + log_prior(grid)
        inside = np.flatnonzero(height > height.max() - DEPTH)
        lo, hi = grid[max(inside[0] - 1, 0)], grid[min(inside[-1] + 1, SEARCH - 1)]
        following = np.linspace(lo, hi, SPREAD_NODES if len(inside) > 3 else SEARCH)
        levels = np.interp(following, grid, levels)
        grid = following
        if len(inside) > 3:
            break
    return grid, levels


def _chunks(villages: int, size: int = 4096) -> list[slice]:
    return [slice(first, min(first + size, villages)) for first in range(0, villages, size)]


def _normal(level: np.ndarray, spread: np.ndarray, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    shape = (len(level), rows.stop - rows.start)
    return np.broadcast_to(level[:, None], shape), np.broadcast_to(spread[:, None], shape)
