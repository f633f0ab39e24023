"""The bad rate of each village as it was observed, by count or balance and by vintage, with its range.

Use it for a first look and for reporting what happened. It does not ask whether the borrowers explain the rate
(`expected`), and it does not borrow strength from other villages (`PoissonGamma`, `BetaBinomial`, `VillageLogit`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_groups, check_level, check_one_of, check_weights
from creditlab.results import Result, Stamp
from creditlab.village.counts import check_outcome, totals, village_codes
from creditlab.village.intervals import BINOMIAL

NO_BALANCE = "no balance, so no rate by balance 余额为零，无法计算余额不良率"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class VillageRates(Result):
    """Observed bad rates: village (vintage) n bad (balance bad_balance n_effective) estimate lo hi method."""

    title: ClassVar[str] = "Bad rate of each village 各村不良率"
    plots: ClassVar[str] = "village"


def rates(
    bad: Any, village: Any, interval: str = "jeffreys", level: float = 0.9, balance: Any = None, vintage: Any = None
) -> VillageRates:
    """The bad rate of each village, by count or by balance, with an interval.

    Use it as the first look at a portfolio. A village with eleven loans has no bad rate, it has a range. By balance a
    few large loans decide: the interval then counts n = (Σb)²/Σb² effective loans (L. Kish 1965), not loans.

    Parameters
    ----------
    bad : 0/1 per loan (or household), 1 = bad; all 0 or all 1 is allowed. For rates by vintage: ever bad by the month
        on book that is compared.
    village : the village of each row.
    interval : "jeffreys" (default), "wilson", "exact" (Clopper-Pearson) or "byar" (Poisson, for rare bads).
    level : confidence level.
    balance : yuan of each row, zero or more; None counts loans.
    vintage : period of origination of each row; None takes all together.

    Returns
    -------
    VillageRates, a row per village (and vintage) in sorted order: village n bad estimate lo hi method; with balances
    also balance bad_balance n_effective reason.

    Raises
    ------
    InputError : outcomes other than 0/1, a row without a village, balances below 0, an unknown interval or level.

    >>> rates([1, 0, 0, 0, 1], ["B", "B", "B", "A", "A"]).tidy()[["village", "n", "bad", "estimate"]].values.tolist()
    [['A', 2, 1, 0.5], ['B', 3, 1, 0.3333333333333333]]
    """
    level = check_level(level)
    limits = BINOMIAL[check_one_of(interval, list(BINOMIAL), "interval")]
    outcome = check_outcome(bad)
    codes, keys = _cells(village, vintage, len(outcome))
    n, bads = totals(codes, len(keys)), totals(codes, len(keys), outcome)
    table = keys.assign(n=n.astype(int), bad=bads.astype(int))
    effective, share = n.astype(float), bads / n
    if balance is not None:
        weight = check_weights(balance, len(outcome), "balance")
        whole_balance, bad_balance, squares = (
            totals(codes, len(keys), v) for v in (weight, weight * outcome, weight**2)
        )
        void = squares <= 0
        effective = np.where(void, np.nan, whole_balance**2 / np.where(void, 1, squares))
        share = np.where(void, np.nan, bad_balance / np.where(void, 1, whole_balance))
        table = table.assign(balance=whole_balance, bad_balance=bad_balance, n_effective=effective)
    known = np.isfinite(share)
    table["estimate"], table["lo"], table["hi"] = share, np.nan, np.nan
    table.loc[known, "lo"], table.loc[known, "hi"] = limits((share * effective)[known], effective[known], level)
    table["method"] = interval
    if balance is not None:
        table["reason"] = np.where(known, "", NO_BALANCE)
    facts = {"villages": table["village"].nunique(), "n": int(n.sum()), "bad": int(bads.sum())}
    facts |= {"estimate": _overall(table, balance is not None), "by": "count" if balance is None else "balance"}
    inputs = [outcome, pd.Series(keys["village"]), codes, *([] if balance is None else [weight])]
    return VillageRates(
        table=table, stamp=Stamp.of(inputs, {"interval": interval, "level": level}), facts={**facts, "level": level}
    )


def _cells(village: Any, vintage: Any, rows: int) -> tuple[np.ndarray, pd.DataFrame]:
    """The number of each row's cell, and the village (and vintage) of each cell, in sorted order."""
    codes, names = village_codes(village, rows)
    if vintage is None:
        return codes, pd.DataFrame({"village": names})
    periods, found = village_codes(check_groups(vintage, rows, "vintage"), rows, "vintage")
    cells, place = np.unique(codes * len(found) + periods, return_inverse=True)
    return place, pd.DataFrame({"village": names[cells // len(found)], "vintage": found[cells % len(found)]})


def _overall(table: pd.DataFrame, by_balance: bool) -> float:
    top, bottom = ("bad_balance", "balance") if by_balance else ("bad", "n")
    return float(table[top].sum() / table[bottom].sum())
