"""A difference shared out among factors by their mean effect over all orders: Shapley values, and Fairlie's for PDs.

Use `shapley` for any figure that depends on a few factors which are switched one after the other, and `fairlie` for
what the borrowers of a village, source by source, add to its mean PD. The parts add up exactly. They say how much of a
difference goes with a factor, not what changing it would do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.errors import InputError, message, some
from creditlab.results import Result, Stamp
from creditlab.village.calibration import expit

#: up to this many factors every order is taken: 4,096 values; more factors take `orders` random orders
EXACT = 12


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ShapleyGap(Result):
    """A difference by factor: factor value share. `facts` has gap, and the values add up to it."""

    title: ClassVar[str] = "A difference by factor 差距按因素分解"


def shapley_gap(
    value: Callable[[frozenset[str]], float], factors: Sequence[str], orders: int = 500, seed: int = 0
) -> ShapleyGap:
    """What each factor adds to `value`, averaged over the orders in which the factors are switched.

    Exact over all orders for up to 12 factors, else over random orders and their reverses. L. Shapley (1953); for
    rates P. Das Gupta, Standardization and Decomposition of Rates, Census Bureau P23-186 (1993).

    Parameters
    ----------
    value : the figure when the factors of a set are switched to the village and the others stay with the reference.
    factors : names, each once.
    orders : random orders for more than 12 factors; their reverses are taken too.

    Returns
    -------
    ShapleyGap : factor value share; `facts` has gap = value(all) - value(none), reference, whole, and exact.

    Raises
    ------
    InputError : no factor, a factor twice, a value that is not finite.

    >>> rate = {"price": 3.0, "volume": 2.0}
    >>> both = shapley_gap(lambda on: np.prod([rate[f] if f in on else 1.0 for f in rate]), ["price", "volume"])
    >>> both.tidy()["value"].tolist()
    [3.0, 2.0]
    """
    names = list(factors)
    if not names or len(set(names)) < len(names):
        raise InputError(message("factors, each once", some(names), "shapley", "Name every factor once."))
    known: dict[frozenset[str], float] = {}

    def of(switched: frozenset[str]) -> float:
        if switched not in known:
            known[switched] = float(value(switched))
            if not np.isfinite(known[switched]):
                raise InputError(message("finite values", repr(known[switched]), "value of shapley", "Check it."))
        return known[switched]

    exact = len(names) <= EXACT
    parts = _over_all_orders(of, names) if exact else _over_some_orders(of, names, orders, seed)
    none, whole = of(frozenset()), of(frozenset(names))
    facts = {"gap": whole - none, "reference": none, "whole": whole, "factors": len(names), "exact": exact}
    stamp = Stamp.of([np.array(list(parts.values())), names], {"orders": None if exact else orders}, seed=seed)
    return ShapleyGap(table=_table(parts, whole - none), stamp=stamp, facts=facts)


def _table(parts: Mapping[str, float], gap: float) -> pd.DataFrame:
    values = np.array(list(parts.values()))
    share = values / gap if abs(gap) > 1e-300 else np.full(len(values), np.nan)
    return pd.DataFrame({"factor": list(parts), "value": values, "share": share})


def _over_all_orders(of: Callable[[frozenset[str]], float], names: list[str]) -> dict[str, float]:
    k = len(names)
    parts = dict.fromkeys(names, 0.0)
    for name in names:
        others = [other for other in names if other != name]
        for size in range(k):
            weight = factorial(size) * factorial(k - size - 1) / factorial(k)
            for chosen in combinations(others, size):
                before = frozenset(chosen)
                parts[name] += weight * (of(before | {name}) - of(before))
    return parts


def _over_some_orders(
    of: Callable[[frozenset[str]], float], names: list[str], orders: int, seed: int
) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    parts = dict.fromkeys(names, 0.0)
    for _ in range(orders):
        drawn = rng.permutation(len(names))
        for order in (drawn, drawn[::-1]):
            before: frozenset[str] = frozenset()
            for place in order:
                after = before | {names[place]}
                parts[names[place]] += (of(after) - of(before)) / (2 * orders)
                before = after
    return parts


def fairlie(
    contributions: Any,
    base: float,
    village: Any,
    of: Any,
    bad: Any = None,
    sources: Mapping[str, str] | None = None,
    orders: int = 500,
    seed: int = 0,
) -> ShapleyGap:
    """What each factor of its borrowers adds to a village's mean PD against all other villages.

    The borrowers of the village are matched with the others by rank of PD, and the factors are switched from the
    matched borrower to the village's own, over all orders (R. Fairlie, J. Economic and Social Measurement 30 (2005)
    305-316). Instead of random subsamples the two are coupled along their quantiles, so that the parts add up to the
    difference of the mean PDs exactly, whatever the sizes.

    Parameters
    ----------
    contributions : frame of loans × features in log-odds of bad, all villages.
    base : log-odds that they are added to.
    village, of : the village of each loan, and the village to be explained.
    bad : 0/1 per loan; then `facts` has the observed gap and what the borrowers do not explain.
    sources : feature → factor; None takes every feature as a factor.

    Returns
    -------
    ShapleyGap : factor value share, in the order of the columns; `facts` has gap (of mean PDs), reference, whole.

    Raises
    ------
    InputError : an unknown village, or no other village.

    >>> phi = pd.DataFrame({"deposit": [1.0, 0.5, -0.5, -1.0], "farm": [0.2, -0.2, 0.1, -0.1]})
    >>> parts = fairlie(phi, base=-2.0, village=["A", "A", "B", "B"], of="A")
    >>> bool(abs(parts.tidy()["value"].sum() - parts.facts["gap"]) < 1e-15)
    True
    """
    frame = pd.DataFrame(contributions)
    here = np.asarray(pd.Series(list(village)) == of)
    if len(here) != len(frame) or not here.any() or here.all():
        came = f"{int(here.sum())} of {len(frame)} loans in it"
        raise InputError(
            message("a village with loans, and other villages", came, f"village {of!r}", "Check the name.")
        )
    factors, values = _by_factor(frame, dict(sources or {}))
    inside, outside = values[here], values[~here]
    i, j, weight = _coupled(inside.sum(axis=1), outside.sum(axis=1))

    def mean_pd(switched: frozenset[str]) -> float:
        own = np.array([f in switched for f in factors])
        log_odds = base + np.where(own, inside[i], outside[j]).sum(axis=1)
        return float((weight * expit(log_odds)).sum())

    parts = shapley_gap(mean_pd, factors, orders=orders, seed=seed)
    if bad is None:
        return parts
    outcome = np.asarray(bad, dtype=float)
    seen = float(outcome[here].mean() - outcome[~here].mean())
    more = {"gap_observed": seen, "unexplained": seen - parts.facts["gap"]}
    return ShapleyGap(table=parts.tidy(), stamp=parts.stamp, facts={**parts.facts, **more})


def _by_factor(frame: pd.DataFrame, sources: Mapping[str, str]) -> tuple[list[str], np.ndarray]:
    owner = [sources.get(str(name), str(name)) for name in frame.columns]
    factors = list(dict.fromkeys(owner))
    values = frame.to_numpy(dtype=float)
    sums = [values[:, [place for place, f in enumerate(owner) if f == factor]].sum(axis=1) for factor in factors]
    return factors, np.column_stack(sums)


def _coupled(inside: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of equal rank with their weights: the steps of both distribution functions laid over each other."""
    first, second = np.argsort(inside, kind="stable"), np.argsort(outside, kind="stable")
    n, m = len(first), len(second)
    # in units of 1/(n·m), whole numbers, so that equal steps meet exactly
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    middle = ends - 1
    weight = np.diff(np.concatenate([[0], ends])) / (n * m)
    return first[middle // m], second[middle // n], weight
