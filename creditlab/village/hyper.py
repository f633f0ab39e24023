"""Nodes of two hyper-parameters: where villages lie on average, and how far they spread.

All smoothers of villages share this: given the nodes every village is simple, and mixing over them is what keeps
intervals honest where the data say little about the spread. It knows no model: a model passes two functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: values of the spread per round of the search, most rounds, final nodes of the spread and of the location
SEARCH, ROUNDS, SPREAD_NODES, LOCATION_NODES = 13, 8, 15, 5
#: the spread (an sd on the log or log-odds scale, or a coefficient of variation) is searched here
SPREAD_LO, SPREAD_HI = 1e-3, 6.0
#: what lies this far below the mode of the log posterior is left out, as are nodes with less weight than this
DEPTH, LEAST_WEIGHT = 12.0, 1e-5

#: (log spreads, locations to start from) → modes of the location, their standard errors, log marginal likelihood there
Profile = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]
#: (locations, spreads) → log marginal likelihood of each pair
Marginal = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Nodes:
    """Pairs of location and spread, with weights that add to one."""

    weight: np.ndarray
    location: np.ndarray
    spread: np.ndarray


def hyper_nodes(profile: Profile, marginal: Marginal, start: float) -> Nodes:
    """The posterior of location and spread on a grid.

    The prior is s·exp(-s²/2) on the spread s, which keeps away from the boundary s = 0 where plug-in intervals
    collapse, and flat on the location. For each s the location is integrated by Gauss-Hermite nodes around its
    conditional mode, reweighted by the exact marginal likelihood; s by equal steps of log s over the range that holds
    the posterior, found by narrowing a wide one.
    """
    grid, location = _range_of_spread(profile, start)
    location, width, _ = profile(grid, location)
    x, w = np.polynomial.hermite.hermgauss(LOCATION_NODES)
    locations = (location[:, None] + np.sqrt(2) * width[:, None] * x).reshape(-1)
    spreads = np.repeat(np.exp(grid), LOCATION_NODES)
    height = marginal(locations, spreads).reshape(len(grid), -1) + x**2 + np.log(w)
    log_weight = (height + (np.log(width) + log_prior(grid))[:, None]).reshape(-1)
    weight = np.exp(log_weight - log_weight.max())
    kept = weight > LEAST_WEIGHT
    return Nodes(weight[kept] / weight[kept].sum(), locations[kept], spreads[kept])


def log_prior(log_spread: np.ndarray) -> np.ndarray:
    """Log density of log s under s·exp(-s²/2): one s is the prior's, one the change of scale."""
    return 2 * log_spread - np.exp(2 * log_spread) / 2


def _range_of_spread(profile: Profile, start: float) -> tuple[np.ndarray, np.ndarray]:
    """Equal steps of log s over the range that holds the posterior, and the location near its mode at each."""
    lo, hi = np.log(SPREAD_LO), np.log(SPREAD_HI)
    grid, location = np.linspace(lo, hi, SEARCH), np.full(SEARCH, start)
    for _ in range(ROUNDS):
        location, width, height = profile(grid, location)
        height = height + np.log(width) + log_prior(grid)
        inside = np.flatnonzero(height > height.max() - DEPTH)
        lo, hi = grid[max(inside[0] - 1, 0)], grid[min(inside[-1] + 1, SEARCH - 1)]
        enough = len(inside) > 3
        following = np.linspace(lo, hi, SPREAD_NODES if enough else SEARCH)
        grid, location = following, np.interp(following, grid, location)
        if enough:
            break
    return grid, location
