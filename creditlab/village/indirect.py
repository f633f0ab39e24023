"""Observed against expected bads of each village: indirect standardisation by the borrowers' PDs.

Use it to tell a village that is worse than its borrowers explain from one that has risky borrowers. The PDs must come
from a model that never saw the village (`creditlab.cross_fit`), else they carry the village's own effect and O/E is
drawn to 1 in exactly the bad villages. It does not shrink: small villages are left as wide as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_level, check_one_of, check_prob, check_weights
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.village.counts import check_outcome, totals, village_codes, whole
from creditlab.village.intervals import byar_limits, poisson_limits
from creditlab.village.poisson_binomial import shift_limits

NOTHING_EXPECTED = "no bad is expected here, so O/E does not exist 期望不良数为零，无法计算O/E"

#: what the interval is called in the facts
INTERVALS = {
    "exact": "exact Poisson-binomial",
    "poisson": "exact Poisson, at most n/E",
    "byar": "Byar, at most n/E",
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class VillageExpected(Result):
    """Observed over expected: village n observed expected ratio lo hi variance reason."""

    title: ClassVar[str] = "Observed over expected bads of each village 各村实际与期望不良之比"
    plots: ClassVar[str] = "village"


def expected(
    bad: Any, prob: Any, village: Any, level: float = 0.9, interval: str = "exact", balance: Any = None
) -> VillageExpected:
    """Observed and expected bads of each village and their ratio O/E with an interval.

    Loans are Bernoulli with PDs of their own: the exact interval shifts all PDs of a village in log-odds until the test
    of its Poisson-binomial number of bads turns. The Poisson interval is exact for rare bads and too wide otherwise;
    Byar's is its approximation. All end where every loan is bad. Calibrate the PDs first (`calibrate`). The variance of
    the observed bads, Σp(1-p), is given as `variance` for the smoothers.

    By balance, loans count by their yuan: bads and expected bads are in effective loans, b·Σbq/Σb²q with q = p(1-p),
    which are loans where all balances are equal, and whose variance keeps within the Poisson bound.

    Parameters
    ----------
    bad : 0/1 per loan, 1 = bad; all 0 or all 1 is allowed.
    prob : PD per loan, from a model that never saw the loan's village.
    village : the village of each row.
    level : confidence level.
    interval : "exact" (Poisson-binomial), "poisson" or "byar"; by balance "exact" is Poisson's on effective loans.
    balance : yuan of each loan, zero or more; None counts loans.

    Returns
    -------
    VillageExpected, a row per village in sorted order: village n observed expected ratio lo hi variance reason; with
    balances also n_effective balance. `facts` holds the portfolio's O/E, which is near 1 after calibration.

    Raises
    ------
    InputError : outcomes other than 0/1, PDs outside 0 … 1 or missing, a row without a village, balances below 0.

    >>> row = expected([1, 0, 1, 0], [0.2, 0.2, 0.3, 0.3], ["A", "A", "B", "B"]).tidy().iloc[0]
    >>> int(row["observed"]), float(row["ratio"].round(3)), float(row["variance"].round(3))
    (1, 2.5, 0.32)
    """
    level, kind = check_level(level), check_one_of(interval, ["exact", "poisson", "byar"], "interval")
    outcome = check_outcome(bad)
    p = check_prob(prob, len(outcome))
    codes, names = village_codes(village, len(outcome))
    amount = None if balance is None else check_weights(balance, len(p), "balance")
    weight = None if amount is None else effective_loans(amount, p, codes, len(names))
    sums = sums_of(outcome, p, codes, len(names), weight)
    if kind == "exact" and weight is None:
        limits = shift_limits(sums["observed"].to_numpy(), p, codes, level)
    else:
        limits = (byar_limits if kind == "byar" else poisson_limits)(sums["observed"].to_numpy(), level)
    table = standardised(sums, limits)
    table.insert(0, "village", names)
    if amount is not None:
        table["balance"] = totals(codes, len(names), amount)
    facts = {
        "villages": len(names),
        "n": len(outcome),
        "observed": float(sums["observed"].sum()),
        "expected": float(sums["expected"].sum()),
        "ratio": float(outcome.sum() / p.sum()) if p.any() else NotEstimable(NOTHING_EXPECTED),
        "interval": INTERVALS[kind if weight is None or kind != "exact" else "poisson"],
        "by": "count" if balance is None else "balance",
        "level": level,
    }
    inputs = [outcome, p, codes, pd.Series(names), *([] if weight is None else [weight])]
    return VillageExpected(table=table, stamp=Stamp.of(inputs, {"level": level, "interval": kind}), facts=facts)


def effective_loans(balance: np.ndarray, p: np.ndarray, codes: np.ndarray, villages: int) -> np.ndarray:
    """How many loans each loan counts for by its balance: b·Σbq/Σb²q per village, q = p(1-p)."""
    spread = np.maximum(p * (1 - p), 1e-12)
    first, second = (totals(codes, villages, v) for v in (balance * spread, balance**2 * spread))
    return balance * (first / np.where(second > 0, second, 1))[codes]


def sums_of(
    outcome: np.ndarray, p: np.ndarray, codes: np.ndarray, villages: int, weight: np.ndarray | None
) -> pd.DataFrame:
    """Sums per village: n n_effective observed expected variance; by count when there is no weight."""
    w = np.ones(len(p)) if weight is None else weight
    columns = {"n": None, "n_effective": w, "observed": w * outcome, "expected": w * p, "variance": w**2 * p * (1 - p)}
    table = pd.DataFrame({name: totals(codes, villages, values) for name, values in columns.items()})
    return table.drop(columns="n_effective") if weight is None else table


def standardised(sums: pd.DataFrame, limits: tuple[np.ndarray, np.ndarray]) -> pd.DataFrame:
    """O/E of sums per village, with limits of the expected bads: n observed expected ratio lo hi variance reason."""
    hoped = sums["expected"].to_numpy()
    void = hoped <= 0
    divisor = np.where(void, np.nan, hoped)
    table = sums[["n", "observed", "expected"]].copy()
    table["n"], table["observed"] = table["n"].astype(int), whole(table["observed"].to_numpy())
    table["ratio"] = sums["observed"] / divisor
    most = sums["n_effective" if "n_effective" in sums else "n"]
    table["lo"], table["hi"] = np.minimum(limits[0], most) / divisor, np.minimum(limits[1], most) / divisor
    table["variance"] = sums["variance"]
    if "n_effective" in sums:
        table["n_effective"] = sums["n_effective"]
    table["reason"] = np.where(void, NOTHING_EXPECTED, "")
    return table
