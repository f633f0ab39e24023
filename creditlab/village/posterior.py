"""The posterior of the villages' relative risks: a mixture of gamma distributions over hyper-parameters.

Given its spread and mean, the relative risk of a village is gamma distributed; not knowing these two makes it a mixture
over a grid of nodes. The nodes come from `hyper`; means, limits, probabilities and draws from `GammaMixture`. It
knows effective counts, not villages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc, gammaincinv, gammaln

from creditlab.village.hyper import hyper_nodes


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
        """`n` joint draws, n × villages: a node for each draw, then each village given that node.

        Random numbers are dealt to villages by their counts, not by their place: no order of villages changes a draw.
        """
        rng = np.random.default_rng(seed)
        node = np.sort(rng.choice(len(self.weight), size=n, p=self.weight))
        order = np.lexsort((np.round(self.exposure, 9), np.round(self.count, 9)))
        count, exposure = self.count[order], self.exposure[order]
        sample = rng.standard_gamma(self.shape[node, None] + count) / (self.rate[node, None] + exposure)
        return rng.permutation(sample, axis=0)[:, np.argsort(order)]

    def _mixed(self, values: np.ndarray) -> np.ndarray:
        """The mean over nodes. Not a matrix product: its last digits would depend on the number of threads."""
        return np.einsum("k,kv->v", self.weight, values)

    def _shapes(self) -> np.ndarray:
        return self.shape[:, None] + self.count

    def _rates(self) -> np.ndarray:
        return self.rate[:, None] + self.exposure


def posterior(count: np.ndarray, exposure: np.ndarray) -> GammaMixture:
    """The posterior of the relative risks given effective counts and exposures, with at least one bad among them.

    Location is the log of the mean relative risk, spread its coefficient of variation between villages.
    """
    nodes = hyper_nodes(
        lambda log_spread, start: _conditional_mean(log_spread, start, count, exposure),
        lambda log_mean, spread: _log_marginal(spread**-2, spread**-2 * np.exp(-log_mean), count, exposure),
        float(np.log(count.sum() / exposure.sum())),
    )
    shape = nodes.spread**-2
    return GammaMixture(nodes.weight, shape, shape * np.exp(-nodes.location), count, exposure)


def _log_marginal(shape: np.ndarray, rate: np.ndarray, count: np.ndarray, exposure: np.ndarray) -> np.ndarray:
    """Log marginal (negative binomial) likelihood of each node, without terms that are the same for all nodes."""
    kinds, place = np.unique(shape, return_inverse=True)  # log gamma is dear, and nodes share their shapes
    gammas = (gammaln(kinds[:, None] + count) - gammaln(kinds)[:, None]).sum(axis=1)[place]
    # rate^shape / (rate + exposure)^(shape + count), arranged so that large shapes do not cancel
    kernel = -(shape[:, None] + count) * np.log1p(exposure / rate[:, None]) - count * np.log(rate)[:, None]
    return gammas + kernel.sum(axis=1)


def _conditional_mean(
    log_spread: np.ndarray, log_mean: np.ndarray, count: np.ndarray, exposure: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each spread the mode of log m, its standard error, and the log marginal likelihood there.

    The log likelihood is concave in log m, so Newton steps arrive.
    """
    shape = np.exp(-2 * log_spread)
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
