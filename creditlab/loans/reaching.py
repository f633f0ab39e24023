"""The chance that a note has come to certain states by each month, from a generator: the PD curve of a class.

The states are made final, so that the curve counts who came there at any time and not who is there. It stands on the
generator: where that does not give the data back (`usable`), neither does the curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_one_of
from creditlab.errors import InputError, message
from creditlab.loans import scatter
from creditlab.results import Result, Stamp, digest

if TYPE_CHECKING:
    from creditlab.loans.intensities import Generator


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Reached(Result):
    """A row per state and month: from months chance lo hi at_risk (note-months seen in the state, NaN if unknown)."""

    title: ClassVar[str] = "Chance of having reached 累计到达概率"
    plots: ClassVar[str] = "loans"

    to: tuple[str, ...]
    level: float


def reached(result: Generator, to: str | Sequence[str], months: Sequence[float] = tuple(range(1, 13))) -> Reached:
    """The chance to have come from each state to the states `to` by each month, with intervals.

    Parameters
    ----------
    result : a generator. to : a state or some. months : 0 or more, whole or not.

    P(t) = exp(tQ) with the rows of `to` set to zero; its variance by the delta method through the Fréchet derivative of
    the exponential, its interval Jeffreys' on the effective number p(1 - p)/variance (`scatter.chance_limits`). States
    that nobody is seen to leave have no row.

    Raises
    ------
    InputError : an unknown state, no state to start from, or months below 0.

    >>> from creditlab.loans import generator
    >>> curve = generator(pd.DataFrame([[0.9, 0.1], [0.0, 1.0]], list("ab"), list("ab")), counts=[[180, 20], [0, 0]])
    >>> curve.reached("b", [1, 12]).tidy()[["lo", "chance", "hi"]].round(3).to_numpy().tolist()
    [[0.069, 0.1, 0.139], [0.575, 0.718, 0.832]]
    """
    goals = (to,) if isinstance(to, str) else tuple(to)
    for name in goals:
        check_one_of(name, result.states, "to")
    times = [float(t) for t in months]
    if not goals or not times or not np.isfinite(times).all() or min(times) < 0:
        raise InputError(message("a state and months of 0 or more", f"{goals}, {times}", "reached", "12 is usual."))
    final = np.isin(result.states, goals)
    rates = np.where(final[:, None], 0.0, result.matrix.to_numpy())
    starts = np.flatnonzero(~final & (rates != 0).any(axis=1))
    if not len(starts):
        raise InputError(message("a state that is left", "none", "reached", "Choose other states."))
    frames = [_at(result, rates, final, starts, t) for t in times]
    table = pd.concat(frames).sort_values(["place", "months"], kind="stable").drop(columns="place")
    return Reached(
        table=table.reset_index(drop=True),
        to=goals,
        level=result.level,
        stamp=Stamp(inputs=result.stamp.inputs, spec=digest([result.stamp.spec, list(goals), times])),
        facts={"to": " ".join(goals), "usable": result.facts["usable"], "pairs": result.facts.get("pairs"),
               "level": result.level},
    )  # fmt: skip


def _at(result: Generator, rates: np.ndarray, final: np.ndarray, starts: np.ndarray, months: float) -> pd.DataFrame:
    from scipy.linalg import expm

    chance = np.clip(expm(rates * months)[starts][:, final].sum(axis=1), 0.0, 1.0)
    lo, hi = np.full((2, len(starts)), np.nan)
    if result.covariance is not None:
        slope = _slope(rates, final, starts, months)
        variance = np.einsum("sa,ab,sb->s", slope, result.covariance, slope)
        lo, hi = scatter.chance_limits(chance, variance, result.level)
    at_risk = result.table.groupby("from", sort=False)["at_risk"].first().reindex(list(result.states)).to_numpy()
    return pd.DataFrame({"place": starts, "from": [result.states[i] for i in starts], "months": months,
                         "chance": chance, "lo": lo, "hi": hi, "at_risk": at_risk[starts]})  # fmt: skip


def _slope(rates: np.ndarray, final: np.ndarray, starts: np.ndarray, months: float) -> Any:
    """How the chance of each start follows each rate: (starts, K·K); rates out of the goals do not count."""
    size = len(rates)
    slope = scatter.derivative(rates, months).reshape(size, size, size, size)[starts][:, final].sum(axis=1)
    return np.where(final[:, None], 0.0, slope).reshape(len(starts), size**2)
