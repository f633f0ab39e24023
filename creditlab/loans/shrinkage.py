"""Transition matrices of small groups, drawn to the matrix of the whole bank.

A row of a village's matrix gets a Dirichlet prior with the bank's row as its mean; the prior's strength is estimated
from how much the villages differ (empirical Bayes, the Dirichlet-multinomial likelihood). Where they do not differ more
than chance, the strength is infinite and every village gets the bank's row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.errors import InputError, message
from creditlab.loans.groups import ALL
from creditlab.loans.matrices import EXITS, Transitions
from creditlab.results import Result, Stamp, digest

#: beyond this strength a prior is as good as certain
STRONGEST = 1e7


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ShrunkenTransitions(Result):
    """A row per group, state and next state: group from to n total raw bank strength estimate lo hi.

    `estimate` is the posterior mean (n + strength · bank) / (total + strength); lo and hi are quantiles of its Beta
    marginal, which take the strength as known.
    """

    title: ClassVar[str] = "Shrunken transitions 收缩后的状态转移"
    plots: ClassVar[str] = "loans"

    strengths: pd.DataFrame
    level: float


def shrink(result: Transitions) -> ShrunkenTransitions:
    """The matrices of all groups of a breakdown, each row drawn to the bank's.

    Raises
    ------
    InputError : when the transitions were not broken down by anything.

    Reference: J. Mosimann, Biometrika 49 (1962) 65-82, for the Dirichlet-multinomial distribution.
    """
    from scipy.special import betaincinv

    if not isinstance(result, Transitions) or result.by is None:
        raise InputError(
            message("transitions by a group", "none", "shrink", "Call transitions(book, by='village_id').")
        )
    states = list(result.states)
    inner = states[: len(states) - len(EXITS)]
    table = result.tidy()
    names = [g for g in pd.unique(table["group"]) if g != ALL]
    n = _cube(table, names, inner, states)
    bank = n.sum(axis=0)
    mean = bank / np.maximum(bank.sum(axis=1, keepdims=True), 1)
    strength = np.array([strength_of(n[:, row, :], mean[row]) for row in range(len(inner))])
    total = n.sum(axis=2, keepdims=True)
    a = n + strength[None, :, None] * mean[None]
    b = total + strength[None, :, None] - a
    tail = (1 - result.level) / 2
    free = (a > 0) & (b > 0)
    safe_a, safe_b = np.where(free, a, 1.0), np.where(free, b, 1.0)
    estimate = a / np.maximum(a + b, 1e-300)
    lo = np.where(free, betaincinv(safe_a, safe_b, tail), estimate)
    hi = np.where(free, betaincinv(safe_a, safe_b, 1 - tail), estimate)
    seen = np.broadcast_to(bank.sum(axis=1)[None, :, None] > 0, n.shape)
    index = pd.MultiIndex.from_product([names, inner, states], names=["group", "from", "to"])
    raw = np.divide(n, total, out=np.full(n.shape, np.nan), where=total > 0)
    frame = pd.DataFrame(
        {
            "n": n.reshape(-1).astype(int),
            "total": np.broadcast_to(total, n.shape).reshape(-1).astype(int),
            "raw": raw.reshape(-1),
            "bank": np.broadcast_to(mean[None], n.shape).reshape(-1),
            "strength": np.broadcast_to(strength[None, :, None], n.shape).reshape(-1),
            "estimate": np.where(seen, estimate, np.nan).reshape(-1),
            "lo": np.where(seen, lo, np.nan).reshape(-1),
            "hi": np.where(seen, hi, np.nan).reshape(-1),
        },
        index=index,
    ).reset_index()
    frame["reason"] = np.where(
        frame["estimate"].isna(), "全行没有借据处于该状态 no note of the bank was ever in this state", ""
    )
    strengths = pd.DataFrame({"from": inner, "n": bank.sum(axis=1).astype(int), "strength": strength})
    return ShrunkenTransitions(
        table=frame,
        strengths=strengths,
        level=result.level,
        stamp=Stamp(inputs=result.stamp.inputs, spec=digest({"of": result.stamp.spec})),
        facts={"groups": len(names), **{f"strength from {s}": k for s, k in zip(inner, strength, strict=True)}},
    )


def _cube(table: pd.DataFrame, names: list[str], inner: list[str], states: list[str]) -> np.ndarray:
    """Counts: group × state × next state."""
    part = table[table["group"].isin(names)].set_index(["group", "from", "to"])["n"]
    full = part.reindex(pd.MultiIndex.from_product([names, inner, states]), fill_value=0)
    return full.to_numpy(dtype=float).reshape(len(names), len(inner), len(states))


def strength_of(counts: Any, mean: Any) -> float:
    """The strength of a Dirichlet prior with a given mean, by the likelihood of the groups' counts.

    Parameters
    ----------
    counts : groups × outcomes.
    mean : the prior's mean, one probability per outcome.

    Groups that do not differ more than chance give the strongest prior, 1e7.

    >>> strength_of([[5, 5], [50, 50], [500, 500]], [0.5, 0.5])
    10000000.0
    """
    from scipy.optimize import minimize_scalar

    n = np.atleast_2d(np.asarray(counts, dtype=float))
    p = np.asarray(mean, dtype=float)
    used = p > 0
    n, p = n[:, used], p[used]
    n = n[n.sum(axis=1) > 0]
    if not len(n) or used.sum() < 2:
        return STRONGEST
    best = minimize_scalar(
        lambda log_s: -_log_likelihood(n, p, np.exp(log_s)), bounds=(np.log(1e-3), np.log(STRONGEST)), method="bounded"
    )
    limit = _log_likelihood(n, p, STRONGEST)
    # within rounding of the likelihood at the far end, the groups do not differ
    return float(np.exp(best.x)) if -best.fun > limit + 1e-6 else STRONGEST


def _log_likelihood(n: np.ndarray, p: np.ndarray, s: float) -> float:
    from scipy.special import gammaln

    total = n.sum(axis=1)
    inner = (gammaln(n + s * p) - gammaln(s * p)).sum()
    return float((gammaln(s) - gammaln(total + s)).sum() + inner)
