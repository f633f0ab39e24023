"""Posterior of a village's level when the rest of the model gives it a normal distribution: one-dimensional quadrature.

The normal comes from the prior (independent effects) or from what the other villages say (effects on a graph); the
likelihood is the village's own, exact. `tilt` multiplies the two for every node of the hyper-parameters, and
`LevelMixture` mixes the nodes. It knows no loans and no graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from creditlab.village.intervals import quantile
from creditlab.village.likelihood import LevelLikelihood

#: (node, number of draws, generator) → normal scores (draws × villages), common levels (draws)
Scores = Callable[[int, int, np.random.Generator], tuple[np.ndarray, np.ndarray]]
#: points of the quadrature: t = mode + width · sinh(x), x in equal steps up to REACH (14 widths each side)
POINTS, REACH = 33, 3.34
#: villages handled at a time, which bounds the memory
CHUNK = 1024
#: Newton steps to a mode, and the longest of them
STEPS, LONGEST = 60, 2.0
_X = np.linspace(-REACH, REACH, POINTS)
_DX = _X[1] - _X[0]
_SINH, _COSH, _TANH = np.sinh(_X), np.cosh(_X), np.tanh(_X)


@dataclass(frozen=True)
class Tilted:
    """Normal times likelihood for K nodes × V villages: log of the integral, and the density on its own grid.

    `t` (K × V × points), `density` in x, `slope` of that density in x, `mode` and `width` of the grid (K × V).
    """

    log_integral: np.ndarray
    mode: np.ndarray
    width: np.ndarray
    t: np.ndarray
    density: np.ndarray
    slope: np.ndarray

    def expect(self, values: np.ndarray) -> np.ndarray:
        """The posterior mean of a function given by its values at `t`."""
        return (values * self.density).sum(axis=-1) * _DX

    def cumulative(self) -> np.ndarray:
        """P(level ≤ t) at every point: trapezoids with the end correction of Euler and Maclaurin."""
        d, s = self.density, self.slope
        step = _DX / 2 * (d[..., 1:] + d[..., :-1]) + _DX**2 / 12 * (s[..., :-1] - s[..., 1:])
        total = np.concatenate([np.zeros((*d.shape[:-1], 1)), np.cumsum(np.maximum(step, 0), axis=-1)], axis=-1)
        return total / total[..., -1:]


def tilt(likelihood: LevelLikelihood, mean: np.ndarray, sd: np.ndarray, start: np.ndarray | None = None) -> Tilted:
    """Normal(mean, sd²) × likelihood of the village's level, for arrays of K nodes × V villages.

    The substitution t = mode + width·sinh(x) makes equal steps exact to about ten digits, whether the likelihood or the
    normal decides, and in the long tail of a village without bads.
    """
    mode, curvature = find_mode(likelihood, mean, sd, start)
    width = 1 / np.sqrt(curvature)
    t = mode[..., None] + width[..., None] * _SINH
    flat = np.moveaxis(t, -1, 0)  # villages last, as the likelihood wants them
    gap = (flat - mean) / sd
    value, pull = likelihood.expand(flat, 1)
    height = np.moveaxis(value - gap**2 / 2, 0, -1)
    pull = np.moveaxis(pull - gap / sd, 0, -1)
    top = height.max(axis=-1, keepdims=True)
    raw = np.exp(height - top) * _COSH
    mass = raw.sum(axis=-1) * _DX
    density = raw / mass[..., None]
    log_integral = top[..., 0] + np.log(mass * width / sd) - np.log(2 * np.pi) / 2
    slope = density * (pull * width[..., None] * _COSH + _TANH)
    return Tilted(log_integral, mode, width, t, density, slope)


def find_mode(
    likelihood: LevelLikelihood, mean: np.ndarray, sd: np.ndarray, start: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Mode of normal × likelihood and the curvature there, by Newton steps kept inside a bracket (concave)."""
    mean, sd = np.broadcast_arrays(mean, sd)
    t = np.array(mean if start is None else np.broadcast_to(start, mean.shape), dtype=float)
    lo, hi = np.full(t.shape, -np.inf), np.full(t.shape, np.inf)
    for _ in range(STEPS):
        _, slope, bend = likelihood.expand(t)
        pull, curvature = slope - (t - mean) / sd**2, 1 / sd**2 - bend
        lo, hi = np.where(pull > 0, t, lo), np.where(pull > 0, hi, t)
        following = t + np.clip(pull / curvature, -LONGEST, LONGEST)
        following = np.where((following < lo) | (following > hi), (lo + hi) / 2, following)
        # a hundredth of the width of the posterior from the mode the grid lies as well as on it
        done = np.all(np.abs(following - t) <= 1e-2 / np.sqrt(curvature))
        t = following
        if done:
            break
    return t, 1 / sd**2 - likelihood.expand(t)[2]


@dataclass(frozen=True)
class LevelMixture:
    """Levels of V villages: over K nodes with `weight`, Normal(mean_kv, sd_kv²) × likelihood of village v.

    The effect of a village is `scale`·level + `shift` (K × V), which takes the common level out. `scores` draws, for a
    node, normal scores of all villages (n × V) and the common level of each draw.
    """

    likelihood: LevelLikelihood
    weight: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    shift: np.ndarray
    scale: np.ndarray
    scores: Scores

    @property
    def villages(self) -> int:
        return self.mean.shape[1]

    def parts(self) -> Iterator[tuple[slice, Tilted]]:
        """The tilted distributions, some villages at a time."""
        for first in range(0, self.villages, CHUNK):
            rows = slice(first, first + CHUNK)
            yield rows, tilt(self.likelihood[rows], self.mean[:, rows], self.sd[:, rows])

    def draws(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """`n` joint draws of levels and effects, each n × villages: a node for each draw, then all villages given it.

        Each village has its exact one-dimensional distribution; what villages share is that of their normal scores.
        """
        rng = np.random.default_rng(seed)
        count = np.bincount(rng.choice(len(self.weight), size=n, p=self.weight), minlength=len(self.weight))
        levels, common = np.empty((n, self.villages)), np.empty(n)
        order, first = rng.permutation(n), 0
        for node in np.flatnonzero(count):
            place = order[first : first + count[node]]
            first += count[node]
            score, common[place] = self.scores(int(node), int(count[node]), rng)
            levels[place] = self._levels(int(node), score)
        return levels, levels - common[:, None]

    def _levels(self, node: int, score: np.ndarray) -> np.ndarray:
        levels = np.empty(score.shape)
        for first in range(0, self.villages, CHUNK):
            rows = slice(first, first + CHUNK)
            part = tilt(self.likelihood[rows], self.mean[[node], rows], self.sd[[node], rows])
            levels[:, rows] = _from_scores(part, score[:, rows])
        return levels

    def mixed(self, values: np.ndarray) -> np.ndarray:
        """The mean over nodes (first axis). Not a matrix product, whose last digits depend on the number of threads."""
        return np.einsum("k,kv->v", self.weight, values)


@dataclass(frozen=True)
class LevelSummary:
    """Moments and limits of the villages' effects and rates, each an array over villages."""

    effect: np.ndarray
    effect_sd: np.ndarray
    effect_lo: np.ndarray
    effect_hi: np.ndarray
    p_above: np.ndarray
    rate: np.ndarray
    rate_lo: np.ndarray
    rate_hi: np.ndarray


def summarise(mixture: LevelMixture, level: float) -> LevelSummary:
    """Posterior means, sd and equal-tailed limits of every village's effect and rate."""
    found = [_summarise_rows(mixture, rows, part, (1 - level) / 2) for rows, part in mixture.parts()]
    return LevelSummary(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def _summarise_rows(mixture: LevelMixture, rows: slice, part: Tilted, tail: float) -> tuple[np.ndarray, ...]:
    likelihood = mixture.likelihood[rows]
    scale, shift = mixture.scale[:, rows], mixture.shift[:, rows]
    effects = scale[..., None] * part.t + shift[..., None]
    mean = part.expect(effects)
    effect = mixture.mixed(mean)
    variance = mixture.mixed(part.expect((effects - mean[..., None]) ** 2) + (mean - effect) ** 2)
    rate = mixture.mixed(part.expect(np.moveaxis(likelihood.rate(np.moveaxis(part.t, -1, 0)), 0, -1)))
    cdf = _distribution(part)
    sd = np.sqrt(variance)

    def of_effect(u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height, density = cdf((u - shift) / scale)
        return mixture.mixed(height), mixture.mixed(density / scale)

    def of_level(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height, density = cdf(np.broadcast_to(t, part.mode.shape))
        return mixture.mixed(height), mixture.mixed(density)

    centre = mixture.mixed(part.expect(part.t))
    lo, hi = (quantile(of_effect, q, effect, sd) for q in (tail, 1 - tail))
    rate_lo, rate_hi = (likelihood.rate(quantile(of_level, q, centre, sd)) for q in (tail, 1 - tail))
    return effect, sd, lo, hi, 1 - of_effect(np.zeros(len(effect)))[0], rate, rate_lo, rate_hi


def _distribution(part: Tilted) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """P(level ≤ t) and density at any t (K × V), by cubic pieces through the points of the grid."""
    total = part.cumulative()
    k, v = np.ogrid[: total.shape[0], : total.shape[1]]

    def at(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = np.arcsinh((t - part.mode) / part.width)
        place = np.clip(np.floor((x + REACH) / _DX), 0, POINTS - 2).astype(np.intp)
        u = np.clip((x - _X[place]) / _DX, 0, 1)
        left, right = total[k, v, place], total[k, v, place + 1]
        a, b = part.density[k, v, place] * _DX, part.density[k, v, place + 1] * _DX
        rise = right - left
        height = left + u * (a + u * (3 * rise - 2 * a - b + u * (a + b - 2 * rise)))
        density = a + u * (2 * (3 * rise - 2 * a - b) + 3 * u * (a + b - 2 * rise))
        return height, np.maximum(density, 0) / (_DX * part.width * np.cosh(x))

    return at


def _from_scores(part: Tilted, score: np.ndarray) -> np.ndarray:
    """Levels of a single node whose distribution functions are those of the normal scores (draws × villages)."""
    total = part.cumulative()[0]
    # a small rise everywhere, so that the flat ends of the distribution function have an inverse
    knots = ndtri(np.clip(total, 1e-12, 1 - 1e-12)) + 1e-9 * np.arange(POINTS)
    place = np.zeros(score.shape, dtype=np.intp)
    for j in range(1, POINTS - 1):
        place += score >= knots[:, j]
    v = np.arange(score.shape[1])
    left, right = knots[v, place], knots[v, place + 1]
    share = np.clip((score - left) / (right - left), 0, 1)
    start, end = part.t[0][v, place], part.t[0][v, place + 1]
    return start + share * (end - start)
