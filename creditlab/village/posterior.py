"""The posterior of the villages' relative risks: a mixture of gamma distributions over hyper-parameters.

Given its spread and mean, the relative risk of a village is gamma distributed; not knowing these two makes it a mixture
over a grid of nodes. The nodes come from `hyper_nodes`; means, limits, probabilities and draws from `GammaMixture`. It
knows effective counts, not villages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc, gammaincinv, gammaln

#: steps of the grids: values of the spread searched per round, rounds, final nodes of the spread and of the mean
SEARCH, ROUNDS, SPREAD_NODES, MEAN_NODES = 31, 3, 21, 5
#: the spread (coefficient of variation of the relative risk) is searched here
SPREAD_LO, SPREAD_HI = 1e-3, 6.0
#: what lies this far below the mode of the log posterior is left out
DEPTH = 12.0


@dataclass(frozen=True)
class GammaMixture:
    """Relative risks of V villages: over K nodes with `weight`, Gamma(shape_k + count_v, rate_k + exposure_v).

    `count` and `exposure` are observed and expected bads, both divided by the variance factor of the village.
    """

    weight: np.ndarray
    shape: np.ndarray
    rate: np.ndarray
    count: np.ndarray
    exposure: np.ndarray

    def mean(self) -> np.ndarray:
        """The posterior mean of each village."""
        return self._mixed(self._shapes() / self._rates())

    def variance(self) -> np.ndarray:
        """The posterior variance of each village."""
        means = self._shapes() / self._rates()
        return self._mixed(means / self._rates() + (means - self._mixed(means)) ** 2)

    def spread(self) -> tuple[np.ndarray, np.ndarray]:
        """The coefficient of variation between villages at each node, and the node's weight."""
        return 1 / np.sqrt(self.shape), self.weight

    def prior_mean(self) -> float:
        """The mean relative risk of the villages as the data place it (geometric mean over the nodes)."""
        return float(np.exp((self.weight * np.log(self.shape / self.rate)).sum()))

    def above(self, threshold: float) -> np.ndarray:
        """P(relative risk > threshold) of each village."""
        return 1 - self.cdf(np.full(len(self.count), threshold))

    def cdf(self, t: np.ndarray) -> np.ndarray:
        """P(relative risk ≤ t_v) of each village v."""
        return np.minimum(self._mixed(gammainc(self._shapes(), self._rates() * t)), 1.0)

    def quantile(self, q: float) -> np.ndarray:
        """The q-quantile of each village, by Newton steps on the log scale kept inside a bracket."""
        shapes, rates = self._shapes(), self._rates()
        tiny = np.finfo(float).tiny
        x = np.log(np.maximum(self._matched_quantile(q), tiny))
        lo, hi = np.full(len(x), -np.inf), np.full(len(x), np.inf)
        scale = shapes * np.log(rates) - gammaln(shapes)
        for _ in range(100):
            t = np.exp(x)
            gap = self._mixed(gammainc(shapes, rates * t)) - q
            lo, hi = np.where(gap < 0, x, lo), np.where(gap < 0, hi, x)
            slope = self._mixed(np.exp(scale + shapes * x - rates * t))
            following = x - np.clip(gap / np.maximum(slope, tiny), -20, 20)
            # a step out of the bracket has met a bend: both ends are known then, halve the bracket
            following = np.where((following >= lo) & (following <= hi), following, (lo + hi) / 2)
            done = np.max(np.abs(following - x)) < 1e-9
            x = following
            if done:
                break
        return np.exp(x)

    def _matched_quantile(self, q: float) -> np.ndarray:
        """The quantile of the gamma distribution with the mixture's mean and variance."""
        mean, variance = self.mean(), self.variance()
        return gammaincinv(mean**2 / variance, q) * variance / mean

    def draws(self, n: int, seed: int) -> np.ndarray:
        """`n` joint draws, n × villages: a node for each draw, then each village given that node."""
        rng = np.random.default_rng(seed)
        node = np.sort(rng.choice(len(self.weight), size=n, p=self.weight))
        sample = rng.standard_gamma(self.shape[node, None] + self.count) / (self.rate[node, None] + self.exposure)
        return rng.permutation(sample, axis=0)

    def _mixed(self, values: np.ndarray) -> np.ndarray:
        """The mean over nodes. Not a matrix product: its last digits would depend on the number of threads."""
        return np.einsum("k,kv->v", self.weight, values)

    def _shapes(self) -> np.ndarray:
        return self.shape[:, None] + self.count

    def _rates(self) -> np.ndarray:
        return self.rate[:, None] + self.exposure


def posterior(count: np.ndarray, exposure: np.ndarray) -> GammaMixture:
    """The posterior of the relative risks given effective counts and exposures, with at least one bad among them."""
    weight, shape, rate = hyper_nodes(count, exposure)
    return GammaMixture(weight=weight, shape=shape, rate=rate, count=count, exposure=exposure)


def hyper_nodes(count: np.ndarray, exposure: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes of the hyper-parameters (weight, shape, rate): the posterior of spread s and mean m on a grid.

    The prior is s·exp(-s²/2) on s, which keeps away from the boundary s = 0 where plug-in intervals collapse, and flat
    on log m. For each s the mean is integrated by Gauss-Hermite nodes around its conditional mode; s by equal steps of
    log s over the range that holds the posterior, found by narrowing a wide range.
    """
    lo, hi = np.log(SPREAD_LO), np.log(SPREAD_HI)
    for _ in range(ROUNDS):
        grid = np.linspace(lo, hi, SEARCH)
        log_mean, width, height = _conditional_mean(grid, count, exposure)
        height = height + np.log(width) + _log_prior(grid)
        inside = np.flatnonzero(height > height.max() - DEPTH)
        lo, hi = grid[max(inside[0] - 1, 0)], grid[min(inside[-1] + 1, SEARCH - 1)]
    grid = np.linspace(lo, hi, SPREAD_NODES)
    log_mean, width, _ = _conditional_mean(grid, count, exposure)
    x, w = np.polynomial.hermite.hermgauss(MEAN_NODES)
    means = log_mean[:, None] + np.sqrt(2) * width[:, None] * x
    shape = np.repeat(np.exp(-2 * grid), MEAN_NODES)
    rate = shape * np.exp(-means.reshape(-1))
    bent = _log_marginal(shape, rate, count, exposure).reshape(means.shape) + x**2 + np.log(w)
    log_weight = (bent + np.log(width)[:, None] + _log_prior(grid)[:, None]).reshape(-1)
    weight = np.exp(log_weight - log_weight.max())
    kept = weight > 1e-6
    return weight[kept] / weight[kept].sum(), shape[kept], rate[kept]


def _log_prior(log_spread: np.ndarray) -> np.ndarray:
    """Log density of log s under s·exp(-s²/2): one s is the prior's, one the change of scale."""
    return 2 * log_spread - np.exp(2 * log_spread) / 2


def _log_marginal(shape: np.ndarray, rate: np.ndarray, count: np.ndarray, exposure: np.ndarray) -> np.ndarray:
    """Log marginal (negative binomial) likelihood of each node, without terms that are the same for all nodes."""
    kinds, place = np.unique(shape, return_inverse=True)  # log gamma is dear, and nodes share their shapes
    gammas = (gammaln(kinds[:, None] + count) - gammaln(kinds)[:, None]).sum(axis=1)[place]
    # rate^shape / (rate + exposure)^(shape + count), arranged so that large shapes do not cancel
    kernel = -(shape[:, None] + count) * np.log1p(exposure / rate[:, None]) - count * np.log(rate)[:, None]
    return gammas + kernel.sum(axis=1)


def _conditional_mean(
    log_spread: np.ndarray, count: np.ndarray, exposure: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each spread the mode of log m, its standard error, and the log marginal likelihood there.

    The log likelihood is concave in log m, so Newton steps from the overall ratio arrive.
    """
    shape = np.exp(-2 * log_spread)
    log_mean = np.full(len(shape), np.log(count.sum() / exposure.sum()))
    curvature = np.ones(len(shape))
    for _ in range(30):
        rate = shape * np.exp(-log_mean)
        total = rate[:, None] + exposure
        slope = ((count * rate[:, None] - shape[:, None] * exposure) / total).sum(axis=1)
        curvature = ((shape[:, None] + count) * rate[:, None] * exposure / total**2).sum(axis=1)
        step = np.clip(slope / curvature, -1, 1)
        log_mean = log_mean + step
        if np.max(np.abs(step)) < 1e-9:
            break
    rate = shape * np.exp(-log_mean)
    return log_mean, 1 / np.sqrt(curvature), _log_marginal(shape, rate, count, exposure)
