"""Posteriors by a second path: Hamiltonian Monte Carlo and brute-force grids, where the study integrates by Laplace.

`village_draws` samples the BYM2 or independent village effects of a logit from the model's own density, many chains at
once; `gamma_posterior` integrates the gamma-Poisson model on a dense grid. Only the priors are those of the study: they
are part of the model. Standard errors of the draws come from the spread between chains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

CHAINS, WARM, KEPT, LEAPS = 32, 200, 400, 12
#: how far the study's approximations may be off, beside the Monte-Carlo error: relative, and for a probability
APPROXIMATION, PROBABILITY = 0.03, 0.03


@dataclass(frozen=True)
class VillageModel:
    """Loans sorted by village: outcome, log-odds, start of each village; the factor of the shared part, if any."""

    y: np.ndarray
    offset: np.ndarray
    starts: np.ndarray
    shared: np.ndarray | None

    @property
    def villages(self) -> int:
        return len(self.starts)

    def start(self) -> tuple[np.ndarray, np.ndarray]:
        """Where chains start, and the scale of each number of a state.

        The numbers: scores, level, log spread and, with neighbours, the log-odds of the shared part.
        """
        at = self.villages if self.shared is None else 2 * self.villages
        first = np.zeros(at + 2 if self.shared is None else at + 3)
        scale = np.ones(len(first))
        first[at + 1], scale[at] = np.log(0.4), 3.0 / np.sqrt(max(float(self.y.sum()), 9.0))
        return first, scale

    def effects(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
        """Effects (chains × villages), level, spread and share of each state."""
        v = self.villages
        if self.shared is None:
            sigma = np.exp(q[:, v + 1])
            return sigma[:, None] * q[:, :v], q[:, v], sigma, None
        sigma, phi = np.exp(q[:, 2 * v + 1]), special.expit(q[:, 2 * v + 2])
        smooth = q[:, :v] @ self.shared.T
        mixed = np.sqrt(phi)[:, None] * smooth + np.sqrt(1 - phi)[:, None] * q[:, v : 2 * v]
        return sigma[:, None] * mixed, q[:, 2 * v], sigma, phi

    def density(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log posterior of each state and its slope."""
        v, (u, level, sigma, phi) = self.villages, self.effects(q)
        counts = np.diff([*self.starts, len(self.y)])
        eta = self.offset + np.repeat(u + level[:, None], counts, axis=1)
        left = self.y - special.expit(eta)
        value = (self.y * eta - np.logaddexp(0, eta)).sum(axis=1)
        by_village = np.add.reduceat(left, self.starts, axis=1)
        scores = q[:, :v] if phi is None else q[:, : 2 * v]
        value += 2 * np.log(sigma) - sigma**2 / 2 - (scores**2).sum(axis=1) / 2
        slope = np.zeros_like(q)
        if phi is None:
            slope[:, :v] = sigma[:, None] * by_village - scores
            at = v
        else:
            assert self.shared is not None
            value += np.log(phi) + np.log1p(-phi)
            slope[:, :v] = (sigma * np.sqrt(phi))[:, None] * (by_village @ self.shared) - scores[:, :v]
            slope[:, v : 2 * v] = (sigma * np.sqrt(1 - phi))[:, None] * by_village - scores[:, v:]
            smooth = scores[:, :v] @ self.shared.T
            bend = smooth / (2 * np.sqrt(phi))[:, None] - scores[:, v:] / (2 * np.sqrt(1 - phi))[:, None]
            turn = (by_village * sigma[:, None] * bend).sum(axis=1)
            slope[:, 2 * v + 2] = phi * (1 - phi) * turn + 1 - 2 * phi
            at = 2 * v
        slope[:, at] = by_village.sum(axis=1)
        slope[:, at + 1] = (by_village * u).sum(axis=1) + 2 - sigma**2
        return value, slope


def sampled(model: Any, seed: int = 0) -> np.ndarray:
    """Draws by Hamiltonian Monte Carlo, chains × kept × numbers of a state (R. Neal 2011)."""
    rng, (first, scale) = np.random.default_rng(seed), model.start()
    size = len(first)
    q = first + 0.1 * rng.standard_normal((CHAINS, size))
    step, kept = 0.1, np.empty((CHAINS, KEPT, size))
    value, slope = model.density(q)
    for turn in range(WARM + KEPT):
        momentum = rng.standard_normal(q.shape)
        new, kick, height, pull = q.copy(), momentum.copy(), value, slope
        own = step * rng.uniform(0.7, 1.3)
        for _ in range(LEAPS):
            kick = kick + own / 2 * scale * pull
            new = new + own * scale * kick
            height, pull = model.density(new)
            kick = kick + own / 2 * scale * pull
        gain = height - value + ((momentum**2).sum(axis=1) - (kick**2).sum(axis=1)) / 2
        chance = np.exp(np.minimum(np.nan_to_num(gain, nan=-np.inf), 0))
        taken = rng.random(CHAINS) < chance
        q, value, slope = (
            np.where(taken[:, None], new, q),
            np.where(taken, height, value),
            np.where(taken[:, None], pull, slope),
        )
        if turn < WARM:
            step *= np.exp((chance.mean() - 0.8) * min(0.3, 3 / (turn + 1) ** 0.6))
        else:
            kept[:, turn - WARM] = q
    return kept


def shared_factor(neighbours: pd.DataFrame, names: list[str]) -> tuple[np.ndarray, list[str]]:
    """A root of the covariance of the scaled intrinsic autoregression, and the villages of its rows.

    By eigenvectors of the whole graph's Laplacian; in each connected part the variances have the geometric mean 1.
    Islands are independent with variance 1. Villages of the map without loans stand behind those with loans.
    """
    listed = sorted(set(neighbours["village"].astype(str)) | set(neighbours["neighbour"].astype(str)))
    every = [*names, *(name for name in listed if name not in set(names))]
    place = {name: i for i, name in enumerate(every)}
    W = np.zeros((len(every), len(every)))
    for a, b, w in zip(
        neighbours["village"].astype(str),
        neighbours["neighbour"].astype(str),
        neighbours["weight"].astype(float),
        strict=True,
    ):
        W[place[a], place[b]] = max(W[place[a], place[b]], w)
    W = np.maximum(W, W.T)
    from scipy.sparse.csgraph import connected_components

    parts = connected_components(W > 0, directed=False)[1]
    root = np.zeros_like(W)
    for part in np.unique(parts):
        rows = np.flatnonzero(parts == part)
        if len(rows) == 1:
            root[rows[0], rows[0]] = 1.0
            continue
        inside = W[np.ix_(rows, rows)]
        value, vector = np.linalg.eigh(np.diag(inside.sum(axis=1)) - inside)
        factor = vector[:, 1:] / np.sqrt(value[1:])
        scale = np.exp(np.log((factor**2).sum(axis=1)).mean() / 2)
        root[np.ix_(rows, rows[1:])] = factor / scale
    return root, every


def village_draws(y: np.ndarray, p: np.ndarray, village: np.ndarray, neighbours: pd.DataFrame | None) -> Any:
    """(names, effects, O/E), draws as chains × kept × villages; O/E is the mean PD of the loans over the expected."""
    order = np.argsort(village, kind="stable")
    y, offset, village = y[order].astype(float), special.logit(np.clip(p[order], 1e-12, 1 - 1e-12)), village[order]
    names, starts = np.unique(village, return_index=True)
    shared = None
    if neighbours is not None and len(neighbours):
        root, every = shared_factor(neighbours, list(names))
        covariance = (root @ root.T)[: len(names), : len(names)]
        value, vector = np.linalg.eigh(covariance)
        shared = vector * np.sqrt(np.maximum(value, 0))
    model = VillageModel(y, offset, starts, shared)
    kept = sampled(model)
    flat = kept.reshape(-1, kept.shape[2])
    u, level, _, _ = model.effects(flat)
    ends = [*starts[1:], len(y)]
    rate = np.column_stack(
        [_mean_rate(offset[a:b], u[:, j] + level) for j, (a, b) in enumerate(zip(starts, ends, strict=True))]
    )
    c = optimize.brentq(lambda c: special.expit(offset + c).sum() - y.sum(), -10, 10)
    hoped = np.add.reduceat(special.expit(offset + c), starts) / np.diff([*starts, len(y)])
    shape = (*kept.shape[:2], len(names))
    return list(names), u.reshape(shape), (rate / hoped).reshape(shape)


def _mean_rate(offset: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Mean PD of one village's loans at every shift, read off a fine grid of shifts."""
    grid = np.linspace(shift.min() - 1e-6, shift.max() + 1e-6, 400)
    return np.interp(shift, grid, special.expit(offset[:, None] + grid).mean(axis=0))


def summed_up(draws: np.ndarray, level: float) -> pd.DataFrame:
    """Mean and limits of each village from chains × kept × villages, with what two runs may differ by."""
    flat = draws.reshape(-1, draws.shape[2])
    tail = (1 - level) / 2
    lo, hi = np.quantile(flat, [tail, 1 - tail], axis=0)
    ends = np.quantile(draws, [tail, 1 - tail], axis=1)
    error = draws.mean(axis=1).std(axis=0, ddof=1) / np.sqrt(len(draws))
    spread = ends.std(axis=1, ddof=1) / np.sqrt(len(draws))
    table = pd.DataFrame({"estimate": flat.mean(axis=0), "lo": lo, "hi": hi})
    near = APPROXIMATION * flat.std(axis=0)
    table["estimate_limit"] = 4 * error + near
    # a quantile of a chain is biased by its length: the limits may differ by the spread of an end, and a little
    table["lo_limit"], table["hi_limit"] = 4 * spread + 3 * near
    return table


def share_and_limit(hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A probability of each village from 0/1 draws, chains × kept × villages, and what two runs may differ by."""
    p = hits.reshape(-1, hits.shape[2]).mean(axis=0)
    error = hits.mean(axis=1).std(axis=0, ddof=1) / np.sqrt(len(hits))
    return p, 4 * np.sqrt(error**2 + p * (1 - p) / 10_000) + PROBABILITY


@dataclass(frozen=True)
class GammaGrid:
    """Hyper-parameters of a gamma-Poisson model on a dense grid, with weights, and the effective counts of villages."""

    shape: np.ndarray
    rate: np.ndarray
    weight: np.ndarray
    count: np.ndarray
    exposure: np.ndarray

    def draws(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """`n` draws × villages: a node of the grid for each draw, then each village given it."""
        node = rng.choice(len(self.weight), n, p=self.weight)
        return rng.gamma(self.shape[node, None] + self.count) / (self.rate[node, None] + self.exposure)

    def table(self, level: float) -> pd.DataFrame:
        """estimate lo hi p_above of each village, limits by root finding."""
        return pd.DataFrame([self._row(n, x, level) for n, x in zip(self.count, self.exposure, strict=True)])

    def _row(self, count: float, exposure: float, level: float) -> dict[str, float]:
        given = stats.gamma(self.shape + count, scale=1 / (self.rate + exposure))
        mean = float(self.weight @ given.mean())
        tail, top = (1 - level) / 2, 60 * max(mean, 1.0)
        lo, hi = (
            optimize.brentq(lambda t, q=q: float(self.weight @ given.cdf(t)) - q, 1e-12, top) for q in (tail, 1 - tail)
        )
        return {"estimate": mean, "lo": lo, "hi": hi, "p_above": float(self.weight @ given.sf(1.0))}


def gamma_grid(observed: Any, expected: Any, variance: Any) -> GammaGrid:
    """The posterior of spread (prior s·exp(-s²/2)) and mean (flat) of relative risks, by brute force."""
    O, E, V = (np.asarray(v, dtype=float) for v in (observed, expected, variance))
    factor = np.clip(np.where(E > 0, V / np.where(E > 0, E, 1), 1), 0.05, 1)
    o, e = O / factor, E / factor
    spread, mean = np.meshgrid(
        np.exp(np.linspace(np.log(2e-3), np.log(6), 101)),
        np.log(o.sum() / e.sum()) + np.linspace(-2, 2, 101),
        indexing="ij",
    )
    a = (spread**-2).ravel()
    b = a * np.exp(-mean.ravel())
    height = 2 * np.log(spread.ravel()) - spread.ravel() ** 2 / 2
    for count, exposure in zip(o, e, strict=True):
        height += special.gammaln(a + count) - special.gammaln(a)
        height += -(a + count) * np.log1p(exposure / b) - count * np.log(b)
    weight = np.exp(height - height.max())
    kept = weight > 1e-7
    return GammaGrid(a[kept], b[kept], weight[kept] / weight[kept].sum(), o, e)
