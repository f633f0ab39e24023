"""Village, officer and branch as crossed effects beside the borrowers' PDs, and whether they can be told apart.

Use it before a village is blamed: bad loans may come from the officer who granted them. Where an officer and a village
coincide no model can separate them; this one says so, and what follows is an audit of files, not a cadre. It needs
outcomes and PDs per loan, not covariates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from creditlab.checks import check_level, check_prob
from creditlab.errors import FitError, InputError, message
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.village.calibration import calibrate_in_the_large, expit, logit
from creditlab.village.counts import check_outcome, draw_count, totals, village_codes

#: an effect is called clear when its probability of lying above 0 reaches this
CLEAR = 0.9
#: a factor whose information left beside the others is below this share coincides with them
COINCIDE = 0.1
#: draws of the posterior, spread over this many nodes of the standard deviations
DRAWS, NODES = 4000, 40
ONE_OUTCOME = "all loans have the same outcome, so no effect can be estimated 所有贷款结果相同，无法估计各效应"
VERDICTS = {
    "village": ("村本身偏高", "the village itself is high"),
    "officer": ("偏高主要来自经办人或支行", "what is high comes with the officer or branch"),
    "not told apart": ("村与经办人无法区分", "village and officer cannot be told apart"),
    "not clear": ("均不明确", "nothing is clear"),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CrossedEffects(Result):
    """Effects on the log-odds: factor level n bad expected effect sd lo hi p_above separable.

    `separable` is the share of the information on a level that is left when the other factors are known only from the
    same loans: 0 where it coincides with them. `villages` has a row per village: village effect lo hi p_above beside
    beside_lo beside_hi p_beside p_both separable main_officer main_share verdict; `beside` is the loan-weighted effect
    of the other factors in the village. `facts` has the standard deviation of each factor with limits.
    """

    title: ClassVar[str] = "Village, officer and branch as crossed effects 村、经办人与支行的交叉效应"
    plots: ClassVar[str] = "village_why"

    villages: pd.DataFrame


def crossed_effects(
    bad: Any, prob: Any, village: Any, beside: Mapping[str, Any], level: float = 0.9, seed: int = 0
) -> CrossedEffects:
    """Effects of villages and of what stands beside them (officers, branches), each given the others.

    logit P(bad_i) = a + logit p_i + u_village(i) + Σ_f w_f(i), all effects normal with mean 0. Laplace approximation
    for the effects; the standard deviations σ have the prior σ·exp(-σ²/2), which avoids 0, and are integrated over by
    draws from the normal approximation of log σ.

    Parameters
    ----------
    bad, prob, village : 0/1, PD from a model that never saw the village, and village, one value per loan.
    beside : {"officer": officer of each loan, "branch": ...}; at least one, each with two levels or more. A loan
        without an officer belongs to the level 'unknown 未知'.
    level : of the intervals.

    Returns
    -------
    CrossedEffects. With one outcome only, or one village, the effects are NaN with a reason in `facts`.

    Raises
    ------
    InputError : arrays of unequal length, nothing beside the village, a factor of one level.

    >>> rng = np.random.default_rng(0)
    >>> village, officer = np.repeat(np.arange(40), 30), np.tile(np.arange(12), 100)
    >>> bad = rng.random(1200) < np.where(officer == 3, 0.4, 0.1)
    >>> fit = crossed_effects(bad, np.full(1200, 0.12), village, {"officer": officer})
    >>> worst = fit.tidy().query("factor == 'officer'").sort_values("effect").iloc[-1]
    >>> int(worst["level"]), bool(worst["p_above"] > 0.99)
    (3, True)
    """
    level, outcome = check_level(level), check_outcome(bad)
    raw = check_prob(prob, len(outcome))
    design = _design(outcome, village, beside)
    stamp = Stamp.of([outcome, raw, *design.codes], {"level": level, "beside": list(beside)}, seed=seed)
    if outcome.min() == outcome.max() or design.sizes[0] < 2:
        return _without_effects(design, outcome, raw, stamp, level)
    offset = logit(calibrate_in_the_large(raw, outcome))
    mode, nodes = _nodes(design, outcome, offset, seed)
    sample = _draws(design, outcome, offset, nodes, seed)
    weights = _weights(expit(offset))
    table = _table(design, outcome, expit(offset), sample, level, _separable(design, weights))
    villages = _villages(design, table, sample, level, weights)
    facts = {"villages": design.sizes[0], "n": len(outcome), "bad": int(outcome.sum()), "level": level}
    facts |= _spread(design, mode, nodes, level)
    return CrossedEffects(table=table, villages=villages, stamp=stamp, facts=facts)


UNKNOWN = "unknown 未知"


@dataclass(frozen=True)
class _Design:
    """Codes of each loan in each factor (village first), the names and the numbers of levels."""

    factors: list[str]
    codes: list[np.ndarray]
    names: list[pd.Index]

    @property
    def sizes(self) -> list[int]:
        return [len(names) for names in self.names]

    @property
    def starts(self) -> np.ndarray:
        """Where the levels of each other factor begin in the vector of their effects; the constant comes last."""
        return np.concatenate([[0], np.cumsum(self.sizes[1:])])


def _design(outcome: np.ndarray, village: Any, beside: Mapping[str, Any]) -> _Design:
    if not beside:
        raise InputError(message("officers or branches beside the village", "none", "beside", "Use PoissonGamma."))
    n = len(outcome)
    codes, names = village_codes(village, n)
    listed = [(codes, names)]
    for factor, labels in beside.items():
        filled = pd.Series(list(labels), dtype=object)
        found = village_codes(filled.where(filled.notna(), UNKNOWN), n, f"beside['{factor}']")
        if len(found[1]) < 2:
            came = f"one level in '{factor}'"
            raise InputError(message("two levels or more", came, "beside", "Leave this factor out: it is constant."))
        listed.append(found)
    return _Design(["village", *map(str, beside)], [c for c, _ in listed], [names for _, names in listed])


def _columns(design: _Design) -> list[np.ndarray]:
    """For each other factor the place of each loan's level in the vector of their effects; the constant comes last."""
    n = len(design.codes[0])
    placed = [start + codes for start, codes in zip(design.starts, design.codes[1:], strict=False)]
    return [*placed, np.full(n, design.starts[-1])]


def _cross(design: _Design, weight: np.ndarray) -> tuple[np.ndarray, Any, Any]:
    """Information of the loans: villages (diagonal), villages × others, others × others (the constant last), sparse."""
    from scipy.sparse import csc_array, csr_array

    k, columns, village = design.starts[-1] + 1, _columns(design), design.codes[0]
    pairs = len(columns)
    between = csr_array(
        (np.tile(weight, pairs), (np.tile(village, pairs), np.concatenate(columns))), shape=(design.sizes[0], k)
    )
    rows = np.concatenate([a for a in columns for _ in columns])
    others = csc_array((np.tile(weight, pairs**2), (rows, np.tile(np.concatenate(columns), pairs))), shape=(k, k))
    return totals(village, design.sizes[0], weight), between, others


class _Factor:
    """A positive definite matrix factorised as L·D·L', by SuperLU without pivoting.

    Sparse and on one thread, unlike LAPACK, whose last digits depend on the number of threads.
    """

    def __init__(self, matrix: Any) -> None:
        from scipy.sparse.linalg import splu

        options = {"SymmetricMode": True}
        self._lu = splu(matrix.tocsc(), permc_spec="NATURAL", diag_pivot_thresh=0.0, options=options)
        self.pivots = self._lu.U.diagonal()
        if not (self.pivots > 0).all():
            raise FitError("The crossed effects have no finite posterior: a factor separates all bads.")

    def solve(self, values: np.ndarray) -> np.ndarray:
        return self._lu.solve(values)

    def log_determinant(self) -> float:
        return float(np.log(self.pivots).sum())

    def spread(self, noise: np.ndarray) -> np.ndarray:
        """Draws with the inverse of the matrix as their covariance, from standard normal ones in columns."""
        from scipy.sparse.linalg import spsolve_triangular

        scaled = noise / np.sqrt(self.pivots)[:, None]
        return spsolve_triangular(self._lu.L.T.tocsr(), scaled, lower=False, unit_diagonal=True)


@dataclass(frozen=True)
class _Mode:
    """The mode of the effects at given standard deviations, and the parts of the curvature there."""

    u: np.ndarray
    w: np.ndarray
    diagonal: np.ndarray
    between: Any
    schur: _Factor
    log_marginal: float


def _mode(design: _Design, y: np.ndarray, offset: np.ndarray, log_sd: np.ndarray, start: _Mode | None) -> _Mode:
    """Newton steps with the villages eliminated: their block is diagonal, what is left is as large as the others."""
    from scipy.sparse import diags_array

    u = np.zeros(design.sizes[0]) if start is None else start.u
    w = np.zeros(design.starts[-1] + 1) if start is None else start.w
    prior_u = float(np.exp(-2 * log_sd[0]))
    prior_w = np.append(np.repeat(np.exp(-2 * log_sd[1:]), design.sizes[1:]), 1e-8)
    height = _height(design, y, offset, u, w, prior_u, prior_w)
    for _ in range(50):
        p = expit(_eta(design, offset, u, w))
        diagonal, between, others = _cross(design, p * (1 - p))
        diagonal = diagonal + prior_u
        schur = _Factor(others + diags_array(prior_w) - between.T @ (diags_array(1 / diagonal) @ between))
        g_u = totals(design.codes[0], design.sizes[0], y - p) - prior_u * u
        g_w = _score(design, y - p) - prior_w * w
        step_w = schur.solve(g_w - between.T @ (g_u / diagonal))
        step_u = (g_u - between @ step_w) / diagonal
        scale, higher = 1.0, -np.inf
        while scale > 1e-4:
            higher = _height(design, y, offset, u + scale * step_u, w + scale * step_w, prior_u, prior_w)
            if higher >= height - 1e-9:
                break
            scale /= 2
        u, w = u + scale * step_u, w + scale * step_w
        if higher - height < 1e-8:
            break
        height = higher
    half_logs = 0.5 * (np.log(diagonal).sum() + schur.log_determinant())
    log_marginal = higher - half_logs - float((log_sd * np.array(design.sizes)).sum())
    return _Mode(u, w, diagonal, between, schur, log_marginal)


def _eta(design: _Design, offset: np.ndarray, u: np.ndarray, w: np.ndarray) -> np.ndarray:
    eta = offset + w[-1] + u[design.codes[0]]
    for start, codes in zip(design.starts, design.codes[1:], strict=False):
        eta = eta + w[start + codes]
    return eta


def _score(design: _Design, residual: np.ndarray) -> np.ndarray:
    sums = [totals(c, k, residual) for c, k in zip(design.codes[1:], design.sizes[1:], strict=True)]
    return np.concatenate([*sums, [residual.sum()]])


def _height(
    design: _Design, y: np.ndarray, offset: np.ndarray, u: np.ndarray, w: np.ndarray, prior_u: float,
    prior_w: np.ndarray,
) -> float:  # fmt: skip
    eta = _eta(design, offset, u, w)
    fit = float((y * eta - np.logaddexp(0, eta)).sum())
    return fit - 0.5 * float(prior_u * (u**2).sum() + (prior_w * w**2).sum())


def _log_prior(log_sd: np.ndarray) -> float:
    """Log density of log σ under σ·exp(-σ²/2): one σ is the prior's, one the change of scale."""
    return float((2 * log_sd - np.exp(2 * log_sd) / 2).sum())


def _nodes(
    design: _Design, y: np.ndarray, offset: np.ndarray, seed: int
) -> tuple[np.ndarray, list[tuple[np.ndarray, _Mode]]]:
    """The mode of log σ, and nodes drawn around it with the effects' mode at each.

    Nodes come from a normal around the mode and are drawn again by what the posterior is over that normal: log σ of a
    factor with few levels is far from normal, and nodes without weights would make its effects too wide.
    """
    last: list[_Mode | None] = [None]

    def minus(log_sd: np.ndarray) -> float:
        mode = _mode(design, y, offset, log_sd, last[0])
        last[0] = mode
        return -mode.log_marginal - _log_prior(log_sd)

    k = len(design.sizes)
    # heights are known to 1e-8: slopes from smaller steps than 1e-3 would be noise, and the search would stop at once
    options = {"ftol": 1e-7, "eps": 1e-3}
    found = minimize(minus, np.full(k, np.log(0.4)), method="L-BFGS-B", bounds=[(-4.5, 1.5)] * k, options=options)
    curvature = _curvature(minus, found.x)
    values, vectors = np.linalg.eigh(curvature)
    root = vectors / np.sqrt(np.clip(values, 0.25, None))  # a flat direction is bounded by the prior
    rng = np.random.default_rng(seed)
    half = rng.standard_normal((NODES // 2, k))
    score = np.vstack([half, -half])
    points = np.clip(found.x + np.einsum("dj,ij->di", score, root), -4.5, 1.5)
    nodes = [(point, _mode(design, y, offset, point, last[0])) for point in points]
    height = np.array([mode.log_marginal + _log_prior(point) for point, mode in nodes]) + (score**2).sum(axis=1) / 2
    return found.x, _again(nodes, np.exp(height - height.max()))


def _again(nodes: list[Any], weight: np.ndarray) -> list[Any]:
    """As many nodes, each as often as its weight says (systematic resampling: no further chance)."""
    ends = np.cumsum(weight) / weight.sum()
    places = np.searchsorted(ends, (np.arange(len(nodes)) + 0.5) / len(nodes))
    return [nodes[min(int(place), len(nodes) - 1)] for place in places]


def _curvature(minus: Any, x: np.ndarray, step: float = 0.1) -> np.ndarray:
    """Second differences of `minus` at its minimum."""
    k = len(x)
    eye = np.eye(k) * step
    middle = minus(x)
    out = np.zeros((k, k))
    for i in range(k):
        out[i, i] = (minus(x + eye[i]) + minus(x - eye[i]) - 2 * middle) / step**2
        for j in range(i):
            corners = [minus(x + s * eye[i] + t * eye[j]) * s * t for s in (1, -1) for t in (1, -1)]
            out[i, j] = out[j, i] = sum(corners) / (4 * step**2)
    return out


def _draws(
    design: _Design, y: np.ndarray, offset: np.ndarray, nodes: list[tuple[np.ndarray, _Mode]], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draws of the villages' effects and of the others' (without the constant), each factor centred by its prior."""
    rng = np.random.default_rng(seed + 1)
    each = draw_count(DRAWS, design.sizes[0]) // len(nodes)
    us, ws = [], []
    for _, mode in nodes:
        shift = mode.schur.spread(rng.standard_normal((len(mode.w), each)))
        # dealt by what is known of the villages: neither their order nor their names change a draw
        place = np.argsort(np.lexsort((np.round(mode.diagonal, 6), np.round(mode.u, 6))))
        own = rng.standard_normal((each, len(mode.u)))[:, place] / np.sqrt(mode.diagonal)
        us.append(mode.u + own - ((mode.between @ shift) / mode.diagonal[:, None]).T)
        ws.append((mode.w + shift.T)[:, :-1])
    return np.vstack(us), np.vstack(ws)


def _weights(p: np.ndarray) -> np.ndarray:
    return p * (1 - p)


def _separable(design: _Design, weight: np.ndarray) -> list[np.ndarray]:
    """For each factor the least share of a level's information that is left beside any one other factor.

    1 - Σ_b C_ab² / (C_a C_b): C_ab is the information of the loans that levels a and b share. 0 where they coincide.
    A village inside a branch is judged against the other villages of the branch: 0 only where it is the only one.
    """
    shares = []
    for i, (codes, size) in enumerate(zip(design.codes, design.sizes, strict=True)):
        left = np.ones(size)
        for j, (other, width) in enumerate(zip(design.codes, design.sizes, strict=True)):
            if i != j:
                left = np.minimum(left, _left_beside(codes, size, other, width, weight))
        shares.append(np.clip(left, 0, 1))
    return shares


def _left_beside(codes: np.ndarray, size: int, other: np.ndarray, width: int, weight: np.ndarray) -> np.ndarray:
    kinds, place = np.unique(codes.astype(np.int64) * width + other, return_inverse=True)
    a, b = kinds // width, kinds % width
    if len(kinds) == size:  # each level lies inside one level of the other factor
        return (np.bincount(b, minlength=width)[b] > 1).astype(float)
    shared = np.bincount(place, weight)
    own, its = totals(codes, size, weight)[a], totals(other, width, weight)[b]
    return 1 - np.bincount(a, shared**2 / (own * its), size)


def _table(
    design: _Design, y: np.ndarray, p: np.ndarray, sample: tuple[np.ndarray, np.ndarray], level: float,
    separable: list[np.ndarray],
) -> pd.DataFrame:  # fmt: skip
    tail = (1 - level) / 2
    frames = []
    for i, factor in enumerate(design.factors):
        codes, names, size = design.codes[i], design.names[i], design.sizes[i]
        draws = sample[0] if i == 0 else sample[1][:, design.starts[i - 1] : design.starts[i]]
        lo, hi = np.quantile(draws, [tail, 1 - tail], axis=0)
        frames.append(
            pd.DataFrame(
                {
                    "factor": factor,
                    "level": pd.Series(list(names), dtype=object),
                    "n": totals(codes, size).astype(int),
                    "bad": totals(codes, size, y).astype(int),
                    "expected": totals(codes, size, p),
                    "effect": draws.mean(axis=0),
                    "sd": draws.std(axis=0),
                    "lo": lo,
                    "hi": hi,
                    "p_above": (draws > 0).mean(axis=0),
                    "separable": separable[i],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _villages(
    design: _Design, table: pd.DataFrame, sample: tuple[np.ndarray, np.ndarray], level: float, weight: np.ndarray
) -> pd.DataFrame:
    """What is the village's and what stands beside it, and the verdict."""
    from scipy.sparse import csr_array

    tail = (1 - level) / 2
    size, k = design.sizes[0], design.starts[-1]
    share = np.zeros((size, k))
    for start, codes in zip(design.starts, design.codes[1:], strict=False):
        share += np.bincount(design.codes[0] * k + start + codes, minlength=size * k).reshape(size, k)
    share /= totals(design.codes[0], size)[:, None]
    u, beside = sample[0], (csr_array(share) @ sample[1].T).T
    own = table[table["factor"] == "village"].reset_index(drop=True)
    rows = own.rename(columns={"level": "village"})[["village", "n", "effect", "lo", "hi", "p_above", "separable"]]
    rows["beside"] = beside.mean(axis=0)
    rows["beside_lo"], rows["beside_hi"] = np.quantile(beside, [tail, 1 - tail], axis=0)
    rows["p_beside"], rows["p_both"] = (beside > 0).mean(axis=0), (u + beside > 0).mean(axis=0)
    first = share[:, : design.sizes[1]]  # the first factor beside the village is the one that is named
    main = first.argmax(axis=1)
    its = table.loc[table["factor"] == design.factors[1], "separable"].to_numpy()
    rows["main_officer"] = [design.names[1][m] for m in main]
    rows["main_share"] = first.max(axis=1)
    rows["separable"] = np.minimum(rows["separable"], np.where(rows["main_share"] >= 0.5, its[main], 1.0))
    rows["verdict"] = _verdict(rows)
    return rows


def _verdict(rows: pd.DataFrame) -> np.ndarray:
    """Which of the two is high: clear alone, clear only together, or neither."""
    together = rows["p_both"] >= CLEAR
    coincide = rows["separable"] < COINCIDE
    alone, other = rows["p_above"] >= CLEAR, rows["p_beside"] >= CLEAR
    return np.select(
        [together & coincide, alone, other & together, together],
        ["not told apart", "village", "officer", "not told apart"],
        default="not clear",
    )


def _spread(design: _Design, mode: np.ndarray, nodes: list[tuple[np.ndarray, _Mode]], level: float) -> dict[str, float]:
    tail = (1 - level) / 2
    points = np.exp(np.array([point for point, _ in nodes]))
    facts: dict[str, float] = {}
    for i, factor in enumerate(design.factors):
        lo, hi = np.quantile(points[:, i], [tail, 1 - tail])
        facts |= {f"sd_{factor}": float(np.exp(mode[i])), f"sd_{factor}_lo": float(lo), f"sd_{factor}_hi": float(hi)}
    return facts


def _without_effects(design: _Design, y: np.ndarray, p: np.ndarray, stamp: Stamp, level: float) -> CrossedEffects:
    reason = ONE_OUTCOME if y.min() == y.max() else "one village only 仅有一个村"
    sample = (np.zeros((1, design.sizes[0])), np.zeros((1, design.starts[-1])))
    empty = ["effect", "sd", "lo", "hi", "p_above"]
    separable = [np.full(k, np.nan) for k in design.sizes]
    table = _table(design, y, p, sample, level, separable).assign(**dict.fromkeys(empty, np.nan))
    own = table[table["factor"] == "village"].rename(columns={"level": "village"})
    villages = own[["village", "n", "effect", "lo", "hi", "p_above", "separable"]].reset_index(drop=True)
    more = dict.fromkeys(["beside", "beside_lo", "beside_hi", "p_beside", "p_both", "main_share"], np.nan)
    villages = villages.assign(**more, main_officer=None, verdict="not clear")
    facts = {"villages": design.sizes[0], "n": len(y), "bad": int(y.sum()), "note": NotEstimable(reason)}
    return CrossedEffects(table=table, villages=villages, stamp=stamp, facts={**facts, "level": level})
