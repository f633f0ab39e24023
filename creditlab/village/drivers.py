"""What goes with a bad village: O/E regressed on village facts, with the villages' own spread left in.

Use it as the second stage after O/E: distance to the court, collective finance, civility, guarantee chains, shocks by
crop. The villages keep a spread of their own, so that a fact of a hundred villages is not tested as a fact of ten
thousand loans. The results are associations between villages; they name no cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import gammaln, ndtri, stdtrit

from creditlab.checks import check_level
from creditlab.errors import InputError, message
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.village.counts import check_counts, village_names
from creditlab.village.smoothing import NO_BADS, variance_factor

#: nodes of the spread between villages, and draws of the posterior
NODES, DRAWS = 25, 4000
SPREAD_LO, SPREAD_HI = 0.03, 3.0
#: prior sd of the effect of one standard deviation of a driver on log O/E: e² either way is within two of them
PRIOR_SD = 1.0
#: a driver known in fewer than this share of the villages is left out
LEAST_KNOWN = 0.5
#: villages per coefficient below which a joint model is refused
VILLAGES_EACH = 5


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Drivers(Result):
    """One row per driver: driver villages mean sd ratio lo hi p_value q_value reason.

    `ratio` is the factor on O/E that goes with one standard deviation more of the driver, all other drivers held;
    `q_value` is the p-value after Benjamini-Hochberg. `contributions` has, per village and driver, the factor on O/E
    that goes with the village's own value: village driver value ratio. `facts` has the spread between villages with
    and without the drivers, and the share of it that they explain.
    """

    title: ClassVar[str] = "Drivers of the villages' context 村环境的驱动因素"
    plots: ClassVar[str] = "village_why"

    contributions: pd.DataFrame
    labels: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def context_drivers(
    observed: Any,
    expected: Any,
    facts: pd.DataFrame,
    variance: Any = None,
    block: Any = None,
    level: float = 0.9,
    seed: int = 0,
    labels: Mapping[str, tuple[str, str]] | None = None,
) -> Drivers:
    """Factors on O/E that go with village facts, with intervals that hold the villages' own spread.

    O_v ~ negative binomial with mean E_v·exp(z_v'γ) and a gamma spread s between villages; loans are Bernoulli, so O
    and E are divided by their variance factor as in `PoissonGamma`. z is standardised; γ has the prior N(0, 1), s the
    prior s·exp(-s²/2), and s is integrated over. With `block` the errors are at least those of a jackknife over blocks
    (neighbours resemble each other, and count for less than their number).

    Parameters
    ----------
    observed, expected, variance : per village, as `expected(...)` gives them.
    facts : villages × drivers, numbers, in the same order. A missing value counts as the mean of the others; a driver
        that is constant, or known in less than half of the villages, is left out with a reason.
    block : township (or another block) of each village.
    level : of the intervals.
    labels : driver → (zh, en), what a reader calls it.

    Returns
    -------
    Drivers. With no bads, or fewer than 5 villages per driver, estimates are NaN with a reason.

    Raises
    ------
    InputError : counts or facts of unequal length, facts that are no numbers.

    >>> rng = np.random.default_rng(1)
    >>> distance, hoped = rng.normal(size=300), np.full(300, 4.0)
    >>> bads = rng.poisson(hoped * np.exp(0.4 * distance))
    >>> row = context_drivers(bads, hoped, pd.DataFrame({"distance": distance})).tidy().iloc[0]
    >>> bool(row["lo"] < np.exp(0.4) < row["hi"]), bool(row["p_value"] < 0.01)
    (True, True)
    """
    level = check_level(level)
    seen = check_counts(observed, "observed")
    hoped = check_counts(expected, "expected", len(seen))
    factor = variance_factor(seen, hoped, variance)
    names = village_names(None, observed, len(seen))
    raw = _checked(facts, len(seen))
    table, z = _standardised(raw)
    stamp = Stamp.of([seen, hoped, factor, raw], {"level": level}, seed=seed)
    reason = _not_estimable(seen, z)
    if reason:
        empty = dict.fromkeys(["ratio", "lo", "hi", "p_value", "q_value"], np.nan)
        table = table.assign(**empty, reason=table["reason"].where(table["reason"] != "", reason))
        none = pd.DataFrame(columns=["village", "driver", "value", "ratio"])
        note = {"villages": len(seen), "drivers": z.shape[1], "note": NotEstimable(reason), "level": level}
        return Drivers(table=table, contributions=none, labels=dict(labels or {}), stamp=stamp, facts=note)
    design = np.column_stack([np.ones(len(seen)), z])
    model = _posterior(seen / factor, hoped / factor, design)
    alone = _posterior(seen / factor, hoped / factor, design[:, :1])
    sample = _draws(model, seen / factor, hoped / factor, design, block, seed)
    table = _estimates(table, sample, level)
    found = {"villages": len(seen), "drivers": z.shape[1], **_explained(model, alone, level, seed), "level": level}
    parts = _contributions(names, raw, table, z, sample)
    return Drivers(table=table, contributions=parts, labels=dict(labels or {}), stamp=stamp, facts=found)


def _checked(facts: pd.DataFrame, villages: int) -> pd.DataFrame:
    frame = pd.DataFrame(facts).reset_index(drop=True)
    wrong = [str(c) for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c].dtype)]
    if len(frame) != villages or wrong or not frame.shape[1]:
        came = f"{len(frame)} rows, {frame.shape[1]} columns, {len(wrong)} of them no numbers"
        raise InputError(message(f"{villages} rows of numbers", came, "facts of drivers", "One row per village."))
    return frame.astype(float).replace([np.inf, -np.inf], np.nan)


def _standardised(raw: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """What is known of each driver, and the standardised values of those that can be used."""
    known, mean, sd = raw.notna().sum(), raw.mean(), raw.std(ddof=0)
    few = known < LEAST_KNOWN * len(raw)
    constant = ~(sd > 1e-12 * np.maximum(mean.abs(), 1e-300))
    reason = np.select(
        [few, constant],
        ["known in less than half of the villages 半数以上的村无此数据", "the same in all villages 各村取值相同"],
        default="",
    )
    table = pd.DataFrame({"driver": raw.columns.astype(str), "villages": known.to_numpy(), "mean": mean.to_numpy()})
    table = table.assign(sd=sd.to_numpy(), reason=reason)
    used = (table["reason"] == "").to_numpy()
    z = ((raw - mean) / sd.where(sd > 0, 1.0)).fillna(0.0).to_numpy()[:, used]
    return table, z


def _not_estimable(seen: np.ndarray, z: np.ndarray) -> str:
    if seen.sum() == 0:
        return NO_BADS
    if not z.shape[1]:
        return "no driver can be used 没有可用的驱动因素"
    if len(seen) < VILLAGES_EACH * (z.shape[1] + 1):
        return f"fewer than {VILLAGES_EACH} villages per coefficient 村数相对因素过少"
    return ""


@dataclass(frozen=True)
class _Posterior:
    """Nodes of the spread with their weight, and mode and covariance of the coefficients at each."""

    spread: np.ndarray
    weight: np.ndarray
    mode: np.ndarray
    cov: np.ndarray


def _posterior(count: np.ndarray, exposure: np.ndarray, x: np.ndarray) -> _Posterior:
    grid = np.exp(np.linspace(np.log(SPREAD_LO), np.log(SPREAD_HI), NODES))
    k = x.shape[1]
    penalty = np.append(1e-8, np.full(k - 1, PRIOR_SD**-2))
    start = np.append(np.log(count.sum() / exposure.sum()), np.zeros(k - 1))
    modes, covs, heights = [], [], []
    for spread in grid[::-1]:
        start, curvature, height = _mode(spread, count, exposure, x, penalty, start)
        modes.append(start)
        covs.append(np.linalg.inv(curvature))
        # the prior of log s: one s is the prior's, one the change of scale
        heights.append(height - np.linalg.slogdet(curvature)[1] / 2 + 2 * np.log(spread) - spread**2 / 2)
    weight = np.exp(np.array(heights) - max(heights))
    return _Posterior(grid[::-1], weight / weight.sum(), np.array(modes), np.array(covs))


def _mode(
    spread: float, count: np.ndarray, exposure: np.ndarray, x: np.ndarray, penalty: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Newton steps for the coefficients at one spread: mode, curvature, log posterior without the prior of s."""
    shape = spread**-2
    beta, height = start, -np.inf
    curvature = np.eye(len(start))
    for _ in range(50):
        mean = _mean(exposure, x, beta)
        residual = shape * (count - mean) / (shape + mean)
        bend = shape * mean * (shape + count) / (shape + mean) ** 2
        curvature = np.einsum("vi,v,vj->ij", x, bend, x) + np.diag(penalty)
        step = np.linalg.solve(curvature, (x * residual[:, None]).sum(axis=0) - penalty * beta)
        beta = beta + step * min(1.0, 3.0 / max(np.abs(step).max(), 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    mean = _mean(exposure, x, beta)
    kernel = gammaln(shape + count) - gammaln(shape) - (shape + count) * np.log1p(mean / shape)
    height = float((kernel + count * np.log(mean / shape)).sum() - 0.5 * (penalty * beta**2).sum())
    return beta, curvature, height


def _mean(exposure: np.ndarray, x: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Expected counts. No matrix product: its last digits would depend on the number of threads."""
    return np.where(exposure > 0, exposure, 1e-300) * np.exp(np.clip(np.einsum("vi,i->v", x, beta), -30, 30))


def _draws(
    model: _Posterior, count: np.ndarray, exposure: np.ndarray, x: np.ndarray, block: Any, seed: int
) -> np.ndarray:
    """Draws of the coefficients (draws × coefficients): a node of the spread, then a normal around its mode."""
    rng = np.random.default_rng(seed)
    node = np.sort(rng.choice(len(model.weight), size=DRAWS, p=model.weight))
    widen = _widening(model, count, exposure, x, block)
    noise = rng.standard_normal((DRAWS, x.shape[1]))
    sample = np.empty_like(noise)
    for k in np.unique(node):
        rows = node == k
        sample[rows] = model.mode[k] + np.einsum("dj,ij->di", noise[rows], np.linalg.cholesky(model.cov[k])) * widen
    return sample


def _widening(model: _Posterior, count: np.ndarray, exposure: np.ndarray, x: np.ndarray, block: Any) -> np.ndarray:
    """How many times wider than the model's the errors over blocks are, at least 1, per coefficient.

    Blocks are left out one by one (one Newton step each), and t with one degree of freedom less than blocks is used.
    """
    if block is None:
        return np.ones(x.shape[1])
    codes, names = pd.factorize(pd.Series(list(block)).astype(str), sort=True)
    if len(codes) != len(count):
        raise InputError(message(f"{len(count)} blocks, one per village", str(len(codes)), "block", "Align them."))
    if len(names) < 3:
        return np.ones(x.shape[1])
    k = int(model.weight.argmax())
    shape = model.spread[k] ** -2
    mean = _mean(exposure, x, model.mode[k])
    score = x * (shape * (count - mean) / (shape + mean))[:, None]
    bend = shape * mean * (shape + count) / (shape + mean) ** 2
    whole = np.linalg.inv(model.cov[k])
    moved = []
    for place in range(len(names)):
        rows = codes == place
        rest = whole - np.einsum("vi,v,vj->ij", x[rows], bend[rows], x[rows])
        moved.append(np.linalg.solve(rest, score[rows].sum(axis=0)))
    robust = (np.array(moved) ** 2).sum(axis=0) * (len(names) - 1) / len(names)
    heavier = stdtrit(len(names) - 1, 0.95) / ndtri(0.95)
    return np.maximum(np.sqrt(robust / np.diag(model.cov[k])) * heavier, 1.0)


def _estimates(table: pd.DataFrame, sample: np.ndarray, level: float) -> pd.DataFrame:
    tail = (1 - level) / 2
    used = (table["reason"] == "").to_numpy()
    effect = sample[:, 1:]
    lo, hi = np.exp(np.quantile(effect, [tail, 1 - tail], axis=0))
    above = (effect > 0).mean(axis=0)
    p = np.clip(2 * np.minimum(above, 1 - above), 1 / len(sample), 1)
    found = {"ratio": np.exp(effect.mean(axis=0)), "lo": lo, "hi": hi, "p_value": p, "q_value": _adjusted(p)}
    for name, values in found.items():
        column = np.full(len(table), np.nan)
        column[used] = values
        table[name] = column
    return table[["driver", "villages", "mean", "sd", "ratio", "lo", "hi", "p_value", "q_value", "reason"]]


def _adjusted(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg (JRSS B 57, 1995)."""
    order = np.argsort(p)[::-1]
    scaled = p[order] * len(p) / np.arange(len(p), 0, -1)
    q = np.empty(len(p))
    q[order] = np.minimum(np.minimum.accumulate(scaled), 1)
    return q


def _explained(model: _Posterior, alone: _Posterior, level: float, seed: int) -> dict[str, float]:
    """The spread (sd of log O/E) with and without drivers, and the share of its variance that goes with them."""
    rng = np.random.default_rng(seed + 1)
    with_, without = (np.log1p(m.spread**2)[rng.choice(len(m.weight), size=DRAWS, p=m.weight)] for m in (model, alone))
    share = np.clip(1 - with_ / without, 0, 1)
    tail = (1 - level) / 2
    lo, hi = np.quantile(share, [tail, 1 - tail])
    spread = {"spread": float(np.sqrt(without).mean()), "spread_left": float(np.sqrt(with_).mean())}
    return {**spread, "explained": float(np.median(share)), "explained_lo": float(lo), "explained_hi": float(hi)}


def _contributions(
    names: pd.Index, raw: pd.DataFrame, table: pd.DataFrame, z: np.ndarray, sample: np.ndarray
) -> pd.DataFrame:
    effect = sample[:, 1:].mean(axis=0)
    used = table.loc[table["reason"] == "", "driver"].tolist()
    values = raw[[c for c in raw.columns if str(c) in used]]
    parts = [
        pd.DataFrame(
            {"village": names, "driver": name, "value": values.iloc[:, j], "ratio": np.exp(z[:, j] * effect[j])}
        )
        for j, name in enumerate(used)
    ]
    return pd.concat(parts, ignore_index=True)
