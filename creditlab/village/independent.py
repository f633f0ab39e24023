"""Hyper-parameters of independent village effects: common level and spread of a random-intercept logit.

The posterior of both is put on a grid of nodes, each with a weight; given a node every village is one-dimensional and
exact (`quadrature`). It knows likelihoods of levels, not loans.
"""

from __future__ import annotations

import numpy as np

from creditlab.village.hyper import hyper_nodes
from creditlab.village.likelihood import LevelLikelihood
from creditlab.village.quadrature import LevelMixture, tilt


def independent_levels(likelihood: LevelLikelihood, level: float) -> LevelMixture:
    """The posterior of the levels when village effects are independent Normal(0, s²) around a common level.

    Parameters
    ----------
    likelihood : of V villages, with a bad and a good somewhere.
    level : where to look first, such as `common_level`.
    """
    nodes = hyper_nodes(
        lambda log_spread, start: profile(likelihood, log_spread, start),
        lambda location, spread: log_marginal(likelihood, location, spread),
        level,
    )
    shape = (len(nodes.weight), likelihood.villages)

    def scores(node: int, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        return rng.standard_normal((n, likelihood.villages)), np.full(n, nodes.location[node])

    return LevelMixture(
        likelihood=likelihood,
        weight=nodes.weight,
        mean=np.broadcast_to(nodes.location[:, None], shape),
        sd=np.broadcast_to(nodes.spread[:, None], shape),
        shift=np.broadcast_to(-nodes.location[:, None], shape),
        scale=np.broadcast_to(1.0, shape),
        scores=scores,
    )


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


def _chunks(villages: int, size: int = 4096) -> list[slice]:
    return [slice(first, min(first + size, villages)) for first in range(0, villages, size)]


def _normal(level: np.ndarray, spread: np.ndarray, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    shape = (len(level), rows.stop - rows.start)
    return np.broadcast_to(level[:, None], shape), np.broadcast_to(spread[:, None], shape)
