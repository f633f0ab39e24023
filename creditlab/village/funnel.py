"""Funnel limits of O/E and the over-dispersion of a set of villages.

Use it to show which villages lie outside what chance alone gives at their size. The limits assume Poisson counts and no
spread between villages beyond chance; `overdispersion` says by how much that is wrong. It does not rank.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import gammaincinv

from creditlab.checks import check_level
from creditlab.errors import InputError, message
from creditlab.results import Result, Stamp
from creditlab.village.counts import check_counts
from creditlab.village.indirect import NOTHING_EXPECTED


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FunnelLimits(Result):
    """Control limits of O/E at given expected bads: expected lo hi reason."""

    title: ClassVar[str] = "Funnel limits of O/E O/E漏斗图控制限"
    plots: ClassVar[str] = "village"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Overdispersion(Result):
    """How much more the villages vary than chance: one row, villages phi tau2."""

    title: ClassVar[str] = "Over-dispersion between villages 村间过度离散"

    @property
    def phi(self) -> float:
        """Mean squared z: 1 when the villages vary as chance alone makes them."""
        return float(self.table["phi"].iloc[0])

    @property
    def tau2(self) -> float:
        """Variance between villages of log(O/E) beyond chance (DerSimonian-Laird moment estimate)."""
        return float(self.table["tau2"].iloc[0])


def funnel_limits(expected: Any, level: float = 0.95) -> FunnelLimits:
    """Control limits of O/E around 1 for each number of expected bads.

    With a = (1 - level)/2: lo = χ²(a; 2E)/2E and hi = χ²(1 - a; 2E + 2)/2E. D. Spiegelhalter, Statistics in Medicine
    24 (2005) 1185-1202.

    Parameters
    ----------
    expected : expected bads, one per village (or a grid of values for a curve).
    level : share inside the limits when chance alone is at work; 0.95 and 0.998 are usual.

    Returns
    -------
    FunnelLimits, a row per value in the order given: expected lo hi reason. Where nothing is expected, no limits.

    >>> funnel_limits([15], level=0.95).tidy()[["lo", "hi"]].round(4).values.tolist()
    [[0.5597, 1.6493]]
    """
    level = check_level(level)
    hoped = check_counts(expected, "expected")
    void = hoped == 0
    safe = np.where(void, np.nan, hoped)
    tail = (1 - level) / 2
    table = pd.DataFrame({"expected": hoped, "lo": gammaincinv(safe, tail) / safe})
    table["hi"] = gammaincinv(safe + 1, 1 - tail) / safe
    table["reason"] = np.where(void, NOTHING_EXPECTED, "")
    return FunnelLimits(
        table=table, stamp=Stamp.of(hoped, {"level": level}), facts={"level": level, "rows": len(hoped)}
    )


def overdispersion(observed: Any, expected: Any) -> Overdispersion:
    """The over-dispersion φ of the villages, the mean of z² with z = log(O/E)·√E, and the variance τ² between them.

    Use φ to widen a funnel by √φ, or τ² to add to its variance. Not trimmed. τ² = (nφ - (n-1)) / (Σw - Σw²/Σw) with
    w = E, not below 0. Half a bad is added to a village with none, whose logarithm does not exist; `facts` counts them.

    Parameters
    ----------
    observed, expected : bads seen and expected, one per village; two villages or more, all with expected bads.

    Raises
    ------
    InputError : fewer than two villages, or a village with no expected bads.

    >>> round(overdispersion([100, 150, 180, 80, 120, 225], [108, 112, 165, 95, 100, 220]).phi, 6)
    2.948033
    """
    seen = check_counts(observed, "observed")
    hoped = check_counts(expected, "expected", len(seen))
    if len(seen) < 2 or (hoped == 0).any():
        came = f"{len(seen)} villages, {int((hoped == 0).sum())} of them with none expected"
        raise InputError(
            message("two or more villages with expected bads", came, "overdispersion", "Leave out empty villages.")
        )
    none = seen == 0
    z = np.log(np.where(none, 0.5, seen) / hoped) * np.sqrt(hoped)
    phi = float(np.mean(z**2))
    room = hoped.sum() - (hoped**2).sum() / hoped.sum()
    tau2 = max(0.0, float((len(z) * phi - (len(z) - 1)) / room))
    table = pd.DataFrame({"villages": [len(z)], "phi": [phi], "tau2": [tau2]})
    facts = {"villages": len(z), "phi": phi, "tau2": tau2, "without_bads": int(none.sum())}
    return Overdispersion(table=table, stamp=Stamp.of([seen, hoped], {"z": "log"}), facts=facts)
