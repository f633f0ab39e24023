"""Funnel limits of O/E and the over-dispersion of a set of villages.

Use it to show which villages lie outside what chance alone gives at their size. The limits assume Poisson counts;
`overdispersion` says by how much villages vary beyond that, and widens the limits. It does not rank.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import gammaincinv

from creditlab.checks import check_level, check_one_of
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
    """How much more the villages vary than chance: one row, villages used phi tau2 scale trimmed."""

    title: ClassVar[str] = "Over-dispersion between villages 村间过度离散"

    @property
    def phi(self) -> float:
        """Mean squared z: 1 when the villages vary as chance alone makes them."""
        return float(self.table["phi"].iloc[0])

    @property
    def tau2(self) -> float:
        """Variance between villages of log(O/E) beyond chance (moment estimate)."""
        return float(self.table["tau2"].iloc[0])


def funnel_limits(
    expected: Any, level: float = 0.95, over: Overdispersion | None = None, model: str = "additive"
) -> FunnelLimits:
    """Control limits of O/E around 1 for each number of expected bads.

    With a = (1 - level)/2: lo = χ²(a; 2E)/2E and hi = χ²(1 - a; 2E + 2)/2E. With `over`, the logarithms of both are
    stretched: by √φ ("multiplicative": every village varies φ times as much) or by √(1 + τ²E) ("additive": villages
    truly differ, with variance τ²). D. Spiegelhalter, Statistics in Medicine 24 (2005) 1185-1202.

    Parameters
    ----------
    expected : expected bads, one per village (or a grid of values for a curve).
    level : share inside the limits when chance alone is at work; 0.95 and 0.998 are usual.
    over : what `overdispersion` found; None takes chance alone. φ below 1 counts as 1.
    model : "additive" or "multiplicative", used with `over`.

    Returns
    -------
    FunnelLimits, a row per value in the order given: expected lo hi reason. Where nothing is expected, no limits.

    >>> funnel_limits([15], level=0.95).tidy()[["lo", "hi"]].round(4).values.tolist()
    [[0.5597, 1.6493]]
    """
    level, kind = check_level(level), check_one_of(model, ["additive", "multiplicative"], "model")
    hoped = check_counts(expected, "expected")
    void = hoped == 0
    safe = np.where(void, np.nan, hoped)
    tail = (1 - level) / 2
    stretch = np.ones(len(hoped))
    if over is not None:
        stretch = np.sqrt(1 + over.tau2 * safe) if kind == "additive" else stretch * np.sqrt(max(over.phi, 1.0))
    table = pd.DataFrame({"expected": hoped, "lo": (gammaincinv(safe, tail) / safe) ** stretch})
    table["hi"] = (gammaincinv(safe + 1, 1 - tail) / safe) ** stretch
    table["reason"] = np.where(void, NOTHING_EXPECTED, "")
    spec = {"level": level} if over is None else {"level": level, "model": kind, "phi": over.phi, "tau2": over.tau2}
    return FunnelLimits(table=table, stamp=Stamp.of(hoped, spec), facts={**spec, "rows": len(hoped)})


def overdispersion(
    observed: Any, expected: Any, scale: str = "log", trim: float = 0.0, by: str | None = None
) -> Overdispersion:
    """The over-dispersion φ of the villages, the mean of z², and the variance τ² between them.

    z = log(O/E)·√E ("log") or 2(√O - √E) ("sqrt"). φ widens a funnel by √φ, τ² is added to its variance
    (`funnel_limits` takes both): τ² = (nφ - (n-1)) / (Σw - Σw²/Σw) with w = E, not below 0. A few truly bad villages
    should not widen the limits they are judged by: trim a tenth of each end, by pulling it in or leaving it out. On the
    scale "log" half a bad is added to a village with none, whose
    logarithm does not exist; `facts` counts them.

    Parameters
    ----------
    observed, expected : bads seen and expected, one per village; two villages or more, all with expected bads.
    scale : "log" or "sqrt"; the square root is steadier where few bads are expected.
    trim : share of the villages at each end, 0 … 0.4.
    by : "winsorise" (pull in to the quantiles) or "truncate" (leave out); None takes the first for "sqrt" and the
        second for "log", the customs of hospital statistics.

    Raises
    ------
    InputError : fewer than two villages, or a village with no expected bads.

    >>> round(overdispersion([100, 150, 180, 80, 120, 225], [108, 112, 165, 95, 100, 220]).phi, 6)
    2.948033
    """
    seen, hoped = _check(observed, expected, trim)
    check_one_of(scale, ["log", "sqrt"], "scale")
    how = check_one_of(by, [None, "winsorise", "truncate"], "by") or ("winsorise" if scale == "sqrt" else "truncate")
    none = seen == 0
    if scale == "log":
        z = np.log(np.where(none, 0.5, seen) / hoped) * np.sqrt(hoped)
    else:
        z = 2 * (np.sqrt(seen) - np.sqrt(hoped))
    used, w = _trimmed(z, hoped, trim, how)
    phi = float(np.mean(used**2))
    room = w.sum() - (w**2).sum() / w.sum()
    tau2 = max(0.0, float((len(used) * phi - (len(used) - 1)) / room)) if room > 0 else 0.0
    columns = {"villages": [len(z)], "used": [len(used)], "phi": [phi], "tau2": [tau2], "scale": [scale]}
    table = pd.DataFrame({**columns, "trimmed": [f"{how} {trim:g}" if trim else "no"]})
    facts = {"villages": len(z), "phi": phi, "tau2": tau2, "without_bads": int(none.sum())}
    spec = {"z": scale, "trim": trim, "by": how}
    return Overdispersion(table=table, stamp=Stamp.of([seen, hoped], spec), facts=facts)


def _check(observed: Any, expected: Any, trim: Any) -> tuple[np.ndarray, np.ndarray]:
    seen = check_counts(observed, "observed")
    hoped = check_counts(expected, "expected", len(seen))
    if len(seen) < 2 or (hoped == 0).any():
        came = f"{len(seen)} villages, {int((hoped == 0).sum())} of them with none expected"
        raise InputError(
            message("two or more villages with expected bads", came, "overdispersion", "Leave out empty villages.")
        )
    if isinstance(trim, bool) or not isinstance(trim, int | float) or not 0 <= trim <= 0.4:
        raise InputError(message("a share between 0 and 0.4", repr(trim), "trim", "A tenth of each end is 0.1."))
    return seen, hoped


def _trimmed(z: np.ndarray, w: np.ndarray, trim: float, how: str) -> tuple[np.ndarray, np.ndarray]:
    if trim == 0:
        return z, w
    lo, hi = np.quantile(z, [trim, 1 - trim])
    if how == "winsorise":
        return np.clip(z, lo, hi), w
    kept = (z >= lo) & (z <= hi)
    return z[kept], w[kept]
