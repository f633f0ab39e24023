"""Is there geography in it: Moran's I of village rates, of what is left after O/E, or of any value.

Use it with counts and sizes (`moran(bad, graph, size=n)`, `moran(observed, graph, size=expected)`), which standardises
them first; a plain Moran's I of raw rates finds the small villages. Which villages, `lisa` and `gi_star` say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_one_of
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.village.standardisation import Places, check_permutations, not_estimable, places

#: what cannot be had where there is no pattern to test
_ESTIMATES = ("statistic", "expectation", "variance", "z", "p_rand", "p_norm", "p_value")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MoranResult(Result):
    """Moran's I: facts statistic expectation variance z p_rand p_norm p_value; table village value lag island.

    `variance`, `z` and `p_rand` are those under randomisation, `p_norm` that of normal values, `p_value` counts
    permutations.
    """

    title: ClassVar[str] = "Moran's I 莫兰指数"
    plots: ClassVar[str] = "village_space"

    @property
    def statistic(self) -> float:
        """Moran's I; NaN where there is no pattern to test."""
        return float(self.facts["statistic"])

    @property
    def p_value(self) -> float:
        """The share of permutations, the data among them, that reach the statistic."""
        return float(self.facts["p_value"])


def moran(
    values: Any,
    graph: Any,
    seed: int = 0,
    *,
    size: Any = None,
    variance: Any = None,
    village: Any = None,
    style: str = "W",
    alternative: str = "greater",
    permutations: int = 999,
) -> MoranResult:
    """Moran's I with a permutation test: do neighbours resemble each other more than chance has it?

    Parameters
    ----------
    values : one per village. With `size`, counts: bads of villages, standardised before the test. Without, any value
        whose precision does not depend on the village's size; never raw rates.
    graph : a `Graph` or what `read_graph` reads. Villages it does not know are islands. Islands have no lag: they
        count in mean and variance, not in n, as in R's spdep.
    size : loans, or expected bads, per village.
    variance : Σp(1-p) per village where `size` is expected bads, as `expected(...)` gives it.
    village : names; None takes the index of a Series, else the order of the graph.
    style : weights "W" (rows add to 1), "B" (as they are) or "C".
    alternative : "greater" (neighbours alike), "less" or "two-sided".

    Returns
    -------
    MoranResult; `facts` hold NotEstimable with a reason where nothing can be tested (no neighbours, one value).

    Moments under randomisation: A. Cliff, J. Ord, Spatial Processes (1981), ch. 2.

    >>> line = {0: [1], 1: [0, 2], 2: [1, 3], 3: [2, 4], 4: [3]}
    >>> round(moran([1.0, 2.0, 3.0, 4.0, 5.0], line).statistic, 3)
    0.6
    """
    check_one_of(alternative, ["greater", "less", "two-sided"], "alternative")
    count = check_permutations(permutations)
    given = places(values, graph, size, variance, village)
    weights = given.graph.weights(style)
    z = given.values - given.values.mean()
    table = pd.DataFrame(
        {"village": given.names, "value": given.values, "lag": given.graph.weights("W") @ given.values}
    )
    table["island"] = np.diff(given.graph.matrix.indptr) == 0
    table["lag"] = table["lag"].where(~table["island"])
    facts: dict[str, Any] = {"villages": len(z), "islands": int(table["island"].sum()), "style": style}
    spec = {"style": style, "alternative": alternative, "permutations": count}
    stamp = Stamp.of(given.stamp_parts(), spec, seed=seed)
    if given.reason:
        facts |= not_estimable(given.reason, _ESTIMATES)
    else:
        facts |= _test(given, weights, z, alternative, count, seed) | {"note": ""}
    facts |= {"alternative": alternative, "permutations": count}
    return MoranResult(table=table, stamp=stamp, facts=facts)


def _test(given: Places, weights: Any, z: np.ndarray, alternative: str, count: int, seed: int) -> dict[str, Any]:
    n = int((np.diff(given.graph.matrix.indptr) > 0).sum())
    statistic = _index(weights, z[:, None], n)[0]
    expectation, variance = randomisation_moments(weights, z, n)
    rng = np.random.default_rng(seed)
    back = np.argsort(given.order)
    drawn = np.concatenate(
        [
            _index(weights, rng.permuted(np.repeat(z[given.order, None], part, 1), axis=0)[back], n)
            for part in _parts(count, len(z))
        ]
    )
    known = variance > 0
    score = float((statistic - expectation) / np.sqrt(variance)) if known else NotEstimable("no variance 方差为零")
    return {
        "statistic": float(statistic),
        "expectation": expectation,
        "variance": variance,
        "z": score,
        "p_rand": _normal_p(float(score), alternative) if known else score,
        "p_norm": _normal_p((statistic - expectation) / np.sqrt(normal_variance(weights, n)), alternative),
        "p_value": permutation_p(statistic, drawn, alternative),
    }


def _index(weights: Any, z: np.ndarray, n: int) -> np.ndarray:
    """Moran's I of columns that have mean zero."""
    return (z * (weights @ z)).sum(axis=0) / (z**2).sum(axis=0) * n / weights.sum()


def _parts(count: int, villages: int) -> list[int]:
    """Permutations in pieces of a few million numbers."""
    most = max(1, 4_000_000 // villages)
    return [min(most, count - done) for done in range(0, count, most)]


def randomisation_moments(weights: Any, z: np.ndarray, n: int) -> tuple[float, float]:
    """Mean and variance of Moran's I over all permutations (Cliff and Ord 1981, eq. 2.38)."""
    s0, s1, s2 = _sums(weights)
    expectation = -1.0 / (n - 1)
    if n < 4:
        return expectation, 0.0
    kurtosis = len(z) * (z**4).sum() / (z**2).sum() ** 2
    first = n * ((n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2)
    second = kurtosis * ((n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2)
    return expectation, float((first - second) / ((n - 1) * (n - 2) * (n - 3) * s0**2) - expectation**2)


def normal_variance(weights: Any, n: int) -> float:
    """Variance of Moran's I of independent normal values (Cliff and Ord 1981, eq. 2.37)."""
    s0, s1, s2 = _sums(weights)
    return (n**2 * s1 - n * s2 + 3 * s0**2) / ((n**2 - 1) * s0**2) - 1 / (n - 1) ** 2


def _sums(weights: Any) -> tuple[float, float, float]:
    """S0, S1 and S2 of the weights."""
    both = weights + weights.T
    rows = np.asarray(weights.sum(axis=1)).reshape(-1) + np.asarray(weights.sum(axis=0)).reshape(-1)
    return float(weights.sum()), float((both.data**2).sum()) / 2, float((rows**2).sum())


def _normal_p(z: float, alternative: str) -> float:
    from scipy.special import ndtr

    tails = {"greater": ndtr(-z), "less": ndtr(z), "two-sided": 2 * ndtr(-abs(z))}
    return float(tails[alternative])


def permutation_p(statistic: Any, drawn: np.ndarray, alternative: str) -> float:
    """The p-value of a permutation test; the data are one of the permutations, and ties count against us."""
    slack = 1e-9 * max(float(np.abs(drawn).max()), abs(float(statistic)), 1e-300)
    above = (1 + (drawn >= statistic - slack).sum()) / (len(drawn) + 1)
    below = (1 + (drawn <= statistic + slack).sum()) / (len(drawn) + 1)
    return float({"greater": above, "less": below, "two-sided": min(1.0, 2 * min(above, below))}[alternative])
