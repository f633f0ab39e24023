"""The bad rate of each village as it was observed, with its range.

Use it for a first look and for reporting what happened. It does not ask whether the borrowers explain the rate
(`expected`), and it does not borrow strength from other villages (`PoissonGamma`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from creditlab.checks import check_level, check_one_of
from creditlab.results import Result, Stamp
from creditlab.village.counts import check_outcome, totals, village_codes
from creditlab.village.intervals import BINOMIAL


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class VillageRates(Result):
    """Observed bad rates: village n bad estimate lo hi method."""

    title: ClassVar[str] = "Bad rate of each village 各村不良率"
    plots: ClassVar[str] = "village"


def rates(bad: Any, village: Any, interval: str = "jeffreys", level: float = 0.9) -> VillageRates:
    """The bad rate by count of each village, with an interval.

    Use it as the first look at a portfolio. A village with eleven loans has no bad rate, it has a range.

    Parameters
    ----------
    bad : 0/1 per loan (or household), 1 = bad; all 0 or all 1 is allowed.
    village : the village of each row.
    interval : "jeffreys" (default), "wilson" or "exact" (Clopper-Pearson).
    level : confidence level.

    Returns
    -------
    VillageRates, a row per village in sorted order: village n bad estimate lo hi method.

    Raises
    ------
    InputError : outcomes other than 0/1, a row without a village, an unknown interval, a level outside 0 … 1.

    >>> rates([1, 0, 0, 0, 1], ["B", "B", "B", "A", "A"]).tidy()[["village", "n", "bad", "estimate"]].values.tolist()
    [['A', 2, 1, 0.5], ['B', 3, 1, 0.3333333333333333]]
    """
    level = check_level(level)
    limits = BINOMIAL[check_one_of(interval, list(BINOMIAL), "interval")]
    outcome = check_outcome(bad)
    codes, names = village_codes(village, len(outcome))
    n, bads = totals(codes, len(names)), totals(codes, len(names), outcome)
    lo, hi = limits(bads, n, level)
    columns = {"village": names, "n": n.astype(int), "bad": bads.astype(int), "estimate": bads / n, "lo": lo, "hi": hi}
    table = pd.DataFrame({**columns, "method": interval})
    facts = {"villages": len(names), "n": int(n.sum()), "bad": int(bads.sum()), "estimate": float(bads.sum() / n.sum())}
    return VillageRates(
        table=table,
        stamp=Stamp.of([outcome, pd.Series(names), codes], {"interval": interval, "level": level}),
        facts={**facts, "level": level},
    )
