"""Which villages lie in a cluster: local Moran and Getis-Ord Gi*, always with false-discovery control.

A map of unadjusted local tests shows a cluster somewhere in every county; here a village is coloured only where its
false-discovery rate is below the limit. The whole map is one question too: `moran` and `scan` answer that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_level, check_one_of
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.village.standardisation import Places, check_permutations, places

#: kinds of a village, by its own value and that of its neighbours
CLUSTERS = {
    "high-high": ("高值聚集", "high among high"),
    "low-low": ("低值聚集", "low among low"),
    "high-low": ("高值孤立", "high among low"),
    "low-high": ("低值孤立", "low among high"),
    "hot": ("热点", "hot spot"),
    "cold": ("冷点", "cold spot"),
    "none": ("不显著", "not significant"),
    "island": ("孤岛", "island"),
}
ISLAND = "an island: no neighbours to compare with 孤岛：无邻村可比"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class LocalResult(Result):
    """Local tests of villages: village value lag statistic z p_value q_value cluster reason.

    `q_value` is the p-value adjusted for the number of villages; `cluster` names villages with q ≤ `alpha` only. An
    island has no test, and its reason says so.
    """

    title: ClassVar[str] = "Local clusters of villages 村的局部聚集"
    plots: ClassVar[str] = "village_space"


def lisa(
    values: Any,
    graph: Any,
    fdr: str = "bh",
    *,
    size: Any = None,
    variance: Any = None,
    village: Any = None,
    alpha: float = 0.05,
    permutations: int = 9999,
    seed: int = 0,
) -> LocalResult:
    """Local Moran: I_i = z_i · mean of z over the neighbours / variance of z, by conditional permutation.

    Parameters
    ----------
    values, graph, size, variance, village : as in `moran`.
    fdr : "bh" (Y. Benjamini, Y. Hochberg, JRSS B 57 (1995)) or "by", which holds under any dependence between villages.
    alpha : the false-discovery rate up to which a village is named.
    permutations : of the other villages' values; p-values are two-sided, so the smallest is 2/(permutations + 1).

    Source: L. Anselin, Geographical Analysis 27 (1995) 93-115.

    >>> line = {i: [j for j in (i - 1, i + 1) if 0 <= j < 8] for i in range(8)}
    >>> lisa([1.0, 2, 1, 2, 8, 9, 8, 9], line).tidy()["statistic"].round(2).tolist()[:2]
    [0.96, 0.96]
    """
    given, spec = _given(values, graph, fdr, size, variance, village, alpha, permutations)
    weights = given.graph.weights("W")
    z = given.values - given.values.mean()
    second = float((z**2).mean())
    scale = z / second if second > 0 else np.zeros(len(z))
    table = _tested(given, weights, scale, z, spec, seed)
    names = np.where(z > 0, "high", "low"), np.where(weights @ z > 0, "high", "low")
    table["cluster"] = [f"{a}-{b}" for a, b in zip(*names, strict=True)]
    return _result(given, table, {"statistic": "local Moran", **spec}, seed)


def gi_star(
    values: Any,
    graph: Any,
    fdr: str = "bh",
    *,
    size: Any = None,
    variance: Any = None,
    village: Any = None,
    alpha: float = 0.05,
    permutations: int = 9999,
    seed: int = 0,
) -> LocalResult:
    """Gi*: the sum over a village and its neighbours against what chance has it, as a standard score (`statistic`).

    Binary weights, the village itself among them. Parameters as in `lisa`; the permutation holds the village's own
    value fixed. Source: J. Ord, A. Getis, Geographical Analysis 27 (1995) 286-306.

    >>> line = {i: [j for j in (i - 1, i + 1) if 0 <= j < 8] for i in range(8)}
    >>> gi_star([1.0, 2, 1, 2, 8, 9, 8, 9], line).tidy()["statistic"].round(2).tolist()[-1]
    1.51
    """
    given, spec = _given(values, graph, fdr, size, variance, village, alpha, permutations)
    weights = given.graph.weights("B").copy()
    weights.data[:] = 1.0
    z = given.values - given.values.mean()
    table = _tested(given, weights, np.ones(len(z)), z, spec, seed)
    n, second = len(z), float((z**2).mean())
    within = np.diff(weights.indptr) + 1.0
    spread = np.sqrt(np.maximum(second * (n * within - within**2) / max(n - 1, 1), 0))
    total = weights @ z + z
    table["statistic"] = np.where(table["reason"] == "", total / np.where(spread > 0, spread, np.nan), np.nan)
    table["cluster"] = np.where(total > 0, "hot", "cold")
    return _result(given, table, {"statistic": "Gi*", **spec}, seed)


def _given(
    values: Any, graph: Any, fdr: str, size: Any, variance: Any, village: Any, alpha: float, permutations: int
) -> tuple[Places, dict[str, Any]]:
    check_one_of(fdr, ["bh", "by"], "fdr")
    check_level(alpha)
    spec = {"fdr": fdr, "alpha": float(alpha), "permutations": check_permutations(permutations)}
    return places(values, graph, size, variance, village), spec


def _tested(
    given: Places, weights: Any, scale: np.ndarray, z: np.ndarray, spec: dict[str, Any], seed: int
) -> pd.DataFrame:
    """Statistic scale·lag of each village, its score and two-sided p-value over conditional permutations."""
    lag = weights @ z
    table = pd.DataFrame({"village": given.names, "value": given.values})
    table["lag"] = given.graph.weights("W") @ given.values
    degree = np.diff(weights.indptr)
    alone = degree == 0
    table["lag"] = table["lag"].where(~alone)
    table["statistic"] = scale * lag
    table["reason"] = given.reason or np.where(alone, ISLAND, "")
    score, p = np.full((2, len(z)), np.nan)
    if not given.reason:
        for rows, drawn in _conditional(given, weights, z, spec["permutations"], seed):
            mean, sd = drawn.mean(axis=1), drawn.std(axis=1)
            score[rows] = np.where(sd > 0, (lag[rows] - mean) / np.where(sd > 0, sd, 1), 0)
            slack = 1e-9 * np.maximum(np.abs(lag[rows]), np.abs(drawn).max(axis=1))[:, None]
            tails = ((drawn >= lag[rows, None] - slack).sum(axis=1), (drawn <= lag[rows, None] + slack).sum(axis=1))
            p[rows] = np.minimum(2 * (1 + np.minimum(*tails)) / (spec["permutations"] + 1), 1)
    table["z"] = score * np.sign(scale)
    table["p_value"] = p
    table.loc[table["reason"] != "", "statistic"] = np.nan
    return table


def _conditional(given: Places, weights: Any, z: np.ndarray, count: int, seed: int) -> Any:
    """Per group of villages with equally many neighbours: sums of weights times the values of other villages at random.

    One table of places without repetition serves all villages: each skips itself, as in Anselin (1995).
    """
    degree = np.diff(weights.indptr)
    place = np.argsort(given.order)
    dealt = z[given.order]
    for k in np.unique(degree[degree > 0]):
        chosen = without_repetition(len(z) - 1, int(k), count, np.random.default_rng([seed, int(k)]))
        rows = np.flatnonzero(degree == k)
        most = max(1, 2_000_000 // chosen.size)
        for first in range(0, len(rows), most):
            part = rows[first : first + most]
            others = chosen[None] + (chosen[None] >= place[part, None, None])
            # weights in falling order: which neighbour comes first in a table must not matter
            own = -np.sort(-np.array([weights.data[weights.indptr[i] : weights.indptr[i + 1]] for i in part]), axis=1)
            yield part, np.einsum("vpk,vk->vp", dealt[others], own)


def without_repetition(n: int, k: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` random choices of k of n places, in random order, without repetition."""
    if 2 * k > n or n < 50:
        return rng.permuted(np.repeat(np.arange(n)[None], count, 0), axis=1)[:, :k]
    chosen = rng.integers(0, n, (count, k))
    while True:
        ordered = np.sort(chosen, axis=1)
        again = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
        if not len(again):
            return chosen
        chosen[again] = rng.integers(0, n, (len(again), k))


def adjusted(p: np.ndarray, fdr: str) -> np.ndarray:
    """p-values adjusted for false discoveries; what has no p-value stays without and does not count."""
    q = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    if len(known):
        from scipy.stats import false_discovery_control

        q[known] = false_discovery_control(p[known], method=fdr)
    return q


def _result(given: Places, table: pd.DataFrame, spec: dict[str, Any], seed: int) -> LocalResult:
    table["q_value"] = adjusted(table["p_value"].to_numpy(), spec["fdr"])
    named = (table["q_value"] <= spec["alpha"]).to_numpy()
    island = (table["reason"] == ISLAND).to_numpy()
    table["cluster"] = np.where(named, table["cluster"], np.where(island, "island", "none"))
    columns = ["village", "value", "lag", "statistic", "z", "p_value", "q_value", "cluster", "reason"]
    counts = table["cluster"].value_counts()
    facts = {"villages": len(table), "islands": int(island.sum()), **spec}
    facts |= {name: int(counts.get(name, 0)) for name in CLUSTERS if name in counts and name != "island"}
    facts["named"] = NotEstimable(given.reason) if given.reason else int(named.sum())
    facts["note"] = given.reason
    return LocalResult(table=table[columns], stamp=Stamp.of(given.stamp_parts(), spec, seed=seed), facts=facts)
