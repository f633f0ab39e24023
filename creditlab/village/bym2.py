"""Village effects that are partly shared with neighbours: the BYM2 model, by nested Laplace approximation.

The effect is u = σ(√φ·S + √(1-φ)·ε): S an intrinsic autoregression over the graph, scaled so that the geometric mean of
its marginal variances is 1 in every connected part, ε independent. φ is the share of the spread that follows the
graph. A. Riebler, S. Sørbye, D. Simpson, H. Rue, Statistical Methods in Medical Research 25 (2016) 1145-1165; islands
and parts as in A. Freni-Sterrantino, M. Ventrucci, H. Rue, Spatial and Spatio-temporal Epidemiology 26 (2018) 25-34.

Given σ and φ, a normal approximation at the mode is improved by one step of moment matching, which brings the marginal
likelihood to within hundredths of the exact value; then each village is one-dimensional and exact (`quadrature`). σ and
φ are integrated on a grid. All algebra is sparse: ten thousand villages take seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from creditlab.village.graph import Graph
from creditlab.village.likelihood import LevelLikelihood
from creditlab.village.precision import Factor, Pattern
from creditlab.village.quadrature import LevelMixture, tilt

#: the prior of the common level, Normal(level of all loans, 1/this): as good as flat
LEVEL_PRECISION = 1e-3
#: ranges of log σ and logit φ, and the steps of the first search
RANGE = np.array([[np.log(1e-3), np.log(6.0)], [-7.0, 7.0]])
FIRST_STEP = np.array([0.35, 0.9])
#: the grid goes in steps of this many sd until the log posterior is this much below its mode
GRID_STEP, DEPTH = 1.4, 5.0
#: most nodes of the grid, Newton steps to the mode, and the longest change of a level in one of them
MOST_NODES, STEPS, LONGEST = 80, 60, 2.0


@dataclass(frozen=True)
class Structure:
    """The scaled intrinsic autoregression of a graph: precision, and what its constraints need.

    `edges` is villages × pairs: its product with its transpose is the precision, but for the islands.
    In every connected part of two or more villages S adds to zero; an island has S ~ Normal(0, 1).
    """

    precision: Any
    part: np.ndarray
    parts: int
    island: np.ndarray
    edges: Any
    pattern: list[Pattern] = field(default_factory=list)

    @property
    def villages(self) -> int:
        return len(self.part)

    def factor(self, diagonal: np.ndarray) -> Factor:
        """The factor of precision + diagonal; all of them share one pattern."""
        from scipy.sparse import csc_array, diags_array

        factor = Factor(csc_array(self.precision + diags_array(diagonal)), *self.pattern)
        if not self.pattern:
            self.pattern.append(factor.pattern())
        return factor

    def root_times_noise(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draws (villages × n) whose covariance is the precision: a sum over edges, and over islands."""
        total = self.edges @ rng.standard_normal((self.edges.shape[1], n))
        return total + self.island[:, None] * rng.standard_normal((self.villages, n))


def structure(graph: Graph) -> Structure:
    """The scaled intrinsic autoregression of a graph; weights are conductances, both directions are joined."""
    from scipy.sparse import csc_array, diags_array, triu

    matrix = graph.symmetric().matrix
    part = graph.components
    degree = np.asarray(matrix.sum(axis=1)).reshape(-1)
    island = degree == 0
    parts = int(part.max()) + 1
    laplacian = diags_array(degree) - matrix
    tiny = 1e-9 * (degree[~island].mean() if (~island).any() else 1.0)
    factor = Factor(csc_array(laplacian + diags_array(np.where(island, 1.0, tiny))))
    ones = factor.solve(np.ones(len(part)))
    total = np.bincount(part, ones, parts)
    variance = np.where(island, 1.0, factor.inverse_diagonal() - ones**2 / total[part])
    scale = np.exp(np.bincount(part, np.log(variance), parts) / np.bincount(part, minlength=parts))[part]
    root = diags_array(np.sqrt(scale))
    upper = triu(matrix, k=1).tocoo()
    start, end = upper.coords
    return Structure(
        precision=csc_array(root @ laplacian @ root + diags_array(island.astype(float))),
        part=part,
        parts=parts,
        island=island,
        edges=_incidence(start, end, np.sqrt(upper.data * scale[start]), len(part)),
    )


def _incidence(start: np.ndarray, end: np.ndarray, root: np.ndarray, villages: int) -> Any:
    """Villages × pairs: the root of a pair's weight at its start, and less it at its end."""
    from scipy.sparse import csr_array

    pairs = np.arange(len(start))
    place = (np.concatenate([start, end]), np.concatenate([pairs, pairs]))
    return csr_array((np.concatenate([root, -root]), place), shape=(villages, len(start)))


@dataclass(frozen=True)
class Normal:
    """The normal posterior of all levels when every village's likelihood is exp(h·t - W·t²/2).

    `mean` of the levels, `common` level and its precision, `log_mass` the log of the integral up to a constant that σ
    and φ do not change; `shared` = σ²φ and `own` = σ²(1-φ); `seen`, `flat` and `ones` are constrained solutions.
    """

    W: np.ndarray
    h: np.ndarray
    mean: np.ndarray
    common: float
    common_precision: float
    log_mass: float
    shared: float
    own: float
    seen: np.ndarray
    flat: np.ndarray
    ones: np.ndarray
    total: np.ndarray

    @property
    def passed(self) -> np.ndarray:
        """How much of the neighbours' word about each level passes beside the village's own loans."""
        return 1 / (1 + self.own * self.W)


def normal(
    base: Structure, W: np.ndarray, h: np.ndarray, sigma: float, phi: float, centre: float
) -> tuple[Normal, Factor]:
    """Integrate ε out, then S (sparse, constrained in every part), then the common level."""
    shared, own = sigma**2 * phi, sigma**2 * (1 - phi)
    D, weighted = W / (1 + own * W), h / (1 + own * W)
    factor = base.factor(shared * D)
    solved = factor.solve(np.column_stack([weighted, D, np.ones(base.villages)]))
    ones = solved[:, 2]
    islands = np.bincount(base.part, base.island, base.parts) > 0
    total = np.where(islands, np.inf, np.bincount(base.part, ones, base.parts))
    seen, flat = (constrained(x, ones, total, base) for x in (solved[:, 0], solved[:, 1]))
    precision = float((D - shared * D * flat).sum()) + LEVEL_PRECISION
    common = float((weighted - shared * D * seen).sum() + centre * LEVEL_PRECISION) / precision
    predictor = common + shared * (seen - common * flat)
    mean = (predictor + own * h) / (1 + own * W)
    pull = h - W * mean
    log_mass = (
        (h * mean - W * mean**2 / 2).sum()
        - ((mean - common) * pull).sum() / 2
        - LEVEL_PRECISION * (common - centre) ** 2 / 2
        - (np.log1p(own * W).sum() + factor.log_determinant() + np.log(total[~islands]).sum() + np.log(precision)) / 2
    )
    found = Normal(W, h, mean, common, precision, float(log_mass), shared, own, seen, flat, ones, total)
    return found, factor


def constrained(x: np.ndarray, ones: np.ndarray, total: np.ndarray, base: Structure) -> np.ndarray:
    """Solutions corrected so that they add to zero in every part that has neighbours."""
    flat = x.reshape(base.villages, -1)
    sums = np.column_stack([np.bincount(base.part, column, base.parts) for column in flat.T])
    return (flat - ones[:, None] * (sums / total[:, None])[base.part]).reshape(x.shape)


def marginals(base: Structure, found: Normal, factor: Factor) -> tuple[np.ndarray, np.ndarray]:
    """Variance of every level, and its covariance with the common level."""
    structured = factor.inverse_diagonal() - found.ones**2 / found.total[base.part]
    slope = 1 - found.shared * found.flat
    predictor = found.shared * structured + slope**2 / found.common_precision
    return found.passed**2 * predictor + found.own * found.passed, found.passed * slope / found.common_precision


@dataclass(frozen=True)
class Node:
    """One pair of σ and φ: log posterior, normal approximation, and the normal of each level without its own loans."""

    sigma: float
    phi: float
    log_posterior: float
    approximation: Normal
    variance: np.ndarray
    with_common: np.ndarray
    mean: np.ndarray
    sd: np.ndarray


def laplace(
    likelihood: LevelLikelihood, base: Structure, sigma: float, phi: float, centre: float, start: np.ndarray
) -> tuple[Normal, Factor, float]:
    """The normal approximation at the mode of all levels, its factor, and the log marginal likelihood it gives."""
    t = start
    for _ in range(STEPS):
        _, slope, bend = likelihood.expand(t)
        W = np.maximum(-bend, 0.0)
        found, factor = normal(base, W, W * t + slope, sigma, phi, centre)
        step = np.clip(found.mean - t, -LONGEST, LONGEST)
        t = t + step
        if np.max(np.abs(step)) < 1e-2:
            break
    scale = likelihood.value(found.mean) - (found.h * found.mean - found.W * found.mean**2 / 2)
    return found, factor, float(scale.sum()) + found.log_mass


def refine(
    likelihood: LevelLikelihood, base: Structure, sigma: float, phi: float, centre: float, start: np.ndarray
) -> Node:
    """A node: Laplace, one step of moment matching, then each village against what the others say.

    With the village's own factor taken out of the normal, the rest times its exact likelihood gives moments; the factor
    that reproduces them replaces the one at the mode (one parallel step of expectation propagation, T. Minka 2001).
    """
    found, factor, _ = laplace(likelihood, base, sigma, phi, centre, start)
    for last in (False, True):
        variance, with_common = marginals(base, found, factor)
        rest = 1 / np.maximum(1 / variance - found.W, 1e-10)
        mean = rest * (found.mean / variance - found.h)
        part = tilt(likelihood, mean[None], np.sqrt(rest)[None], start=found.mean[None])
        if last:
            break
        centre_t = part.expect(part.t)
        spread = part.expect((part.t - centre_t[..., None]) ** 2)[0]
        W = np.maximum(1 / spread - 1 / rest, 1e-12)
        found, factor = normal(base, W, centre_t[0] / spread - mean / rest, sigma, phi, centre)
    known = found.W * rest
    replaced = ((mean + rest * found.h) ** 2 / (1 + known) - mean**2) / (2 * rest) - np.log1p(known) / 2
    height = found.log_mass + float((part.log_integral[0] - replaced).sum()) + log_prior(sigma, phi)
    return Node(sigma, phi, height, found, variance, with_common, mean, np.sqrt(rest))


def log_prior(sigma: float, phi: float) -> float:
    """Log density of (log σ, logit φ): σ·exp(-σ²/2), which avoids the boundary, and uniform φ."""
    return float(2 * np.log(sigma) - sigma**2 / 2 + np.log(phi) + np.log1p(-phi))


def neighbour_levels(likelihood: LevelLikelihood, graph: Graph, level: float) -> tuple[LevelMixture, list[Node]]:
    """The posterior of the levels under BYM2, as a mixture over nodes of (σ, φ), and those nodes.

    Parameters
    ----------
    likelihood : of V villages in the order of the graph; villages without loans have a flat one.
    level : the level of all loans together.
    """
    base = structure(graph)
    nodes = _grid(likelihood, base, level)
    height = np.array([node.log_posterior for node in nodes])
    weight = np.exp(height - height.max())
    weight /= weight.sum()
    shift, scale = zip(*(_effect_map(likelihood, node) for node in nodes), strict=True)

    def scores(node: int, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        return _joint_scores(base, nodes[node], n, rng)

    mixture = LevelMixture(
        likelihood=likelihood,
        weight=weight,
        mean=np.array([node.mean for node in nodes]),
        sd=np.array([node.sd for node in nodes]),
        shift=np.array(shift),
        scale=np.array(scale),
        scores=scores,
    )
    return mixture, nodes


def _effect_map(likelihood: LevelLikelihood, node: Node) -> tuple[np.ndarray, np.ndarray]:
    """Effect = level - common level, as a straight function of the level with the right mean and variance."""
    part = tilt(likelihood, node.mean[None], node.sd[None])
    mean = part.expect(part.t)[0]
    variance = part.expect((part.t - mean[:, None]) ** 2)[0]
    slope = 1 - node.with_common / node.variance
    rest = np.maximum(1 / node.approximation.common_precision - node.with_common**2 / node.variance, 0)
    scale = np.sqrt(slope**2 + rest / variance)
    effect = node.approximation.mean - node.approximation.common + slope * (mean - node.approximation.mean)
    return effect - scale * mean, scale


def _joint_scores(base: Structure, node: Node, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Normal scores of all levels (draws × villages) and the common level of each draw, from the joint normal."""
    found = node.approximation
    precision = found.shared * found.W * found.passed
    noise = base.root_times_noise(rng, n) + np.sqrt(precision)[:, None] * rng.standard_normal((base.villages, n))
    structured = constrained(base.factor(precision).solve(noise), found.ones, found.total, base)
    common = found.common + rng.standard_normal(n) / np.sqrt(found.common_precision)
    level = np.sqrt(found.shared) * structured + common
    level += found.shared * (found.seen[:, None] - common * found.flat[:, None]) + found.own * found.h[:, None]
    level *= found.passed[:, None]
    level += np.sqrt(found.own * found.passed)[:, None] * rng.standard_normal((base.villages, n))
    return ((level - found.mean[:, None]) / np.sqrt(node.variance)[:, None]).T, common


def _grid(likelihood: LevelLikelihood, base: Structure, level: float) -> list[Node]:
    """Nodes on a lattice along the axes of the posterior of (log σ, logit φ), as far as it has weight."""
    centre, axes, start = _search(likelihood, base, level)
    found: dict[tuple[int, int], Node] = {}
    queue, best = [(0, 0)], -np.inf
    while queue and len(found) < MOST_NODES:
        place = queue.pop(0)
        x = centre + axes @ (GRID_STEP * np.array(place, dtype=float))
        if place in found or np.any((x < RANGE[:, 0]) | (x > RANGE[:, 1])):
            continue
        node = refine(likelihood, base, np.exp(x[0]), 1 / (1 + np.exp(-x[1])), level, start)
        found[place] = node
        best = max(best, node.log_posterior)
        if node.log_posterior > best - DEPTH:
            queue += [(place[0] + i, place[1] + j) for i, j in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    return [node for _, node in sorted(found.items()) if node.log_posterior > best - DEPTH]


def _search(likelihood: LevelLikelihood, base: Structure, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mode of (log σ, logit φ) under Laplace, axes of one sd each, and the levels at the mode.

    A parabola through nine points around the best one gives the next centre; the last one gives the axes.
    """
    known: dict[tuple[float, float], float] = {}
    levels = np.full(base.villages, level)

    def height(x: np.ndarray) -> float:
        nonlocal levels
        key = (round(float(x[0]), 9), round(float(x[1]), 9))
        if key not in known:
            sigma, phi = float(np.exp(x[0])), float(1 / (1 + np.exp(-x[1])))
            found, _, value = laplace(likelihood, base, sigma, phi, level, levels)
            levels, known[key] = found.mean, value + log_prior(sigma, phi)
        return known[key]

    centre = np.array([np.log(0.4), 0.0])
    steps = [np.array([i, j], dtype=float) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    design = np.array([[1, i, j, i * i / 2, j * j / 2, i * j] for i, j in steps])
    for _ in range(12):
        values = np.array([height(centre + step * FIRST_STEP) for step in steps])
        fitted = np.linalg.lstsq(design, values, rcond=None)[0]
        slope, bend = fitted[1:3], -np.array([[fitted[3], fitted[5]], [fitted[5], fitted[4]]])
        size, axes = np.linalg.eigh(bend)
        size = np.maximum(size, 0.02)
        move = np.clip(axes @ ((axes.T @ slope) / size), -2.5, 2.5)
        following = np.clip(centre + move * FIRST_STEP, RANGE[:, 0], RANGE[:, 1])
        if np.all(np.abs(following - centre) <= 0.6 * FIRST_STEP):
            break
        centre = following
    # whole steps keep the last stencil on known points; the sign of an axis is a convention
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), [0, 1]] < 0, -1, 1)
    return following, FIRST_STEP[:, None] * axes / np.sqrt(size), levels
