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

from creditlab.checks import check_level, check_prob
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.village.counts import check_outcome, totals, village_codes
from creditlab.village.intervals import poisson_limits

NOTHING_EXPECTED = "no bad is expected here, so O/E does not exist 期望不良数为零，无法计算O/E"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class VillageExpected(Result):
    """Observed over expected: village n observed expected ratio lo hi variance reason."""

    title: ClassVar[str] = "Observed over expected bads of each village 各村实际与期望不良之比"
    plots: ClassVar[str] = "village"


def expected(bad: Any, prob: Any, village: Any, level: float = 0.9) -> VillageExpected:
    """Observed and expected bads of each village and their ratio O/E with an exact Poisson interval.

    The interval inverts the exact Poisson test and is cut at n/E, where every loan is bad. Loans are Bernoulli: the
    variance of the observed bads is Σp(1-p), given as `variance`, and is smaller than the Poisson variance Σp. So the
    interval covers at least `level`, more where PDs are large. The smoother uses `variance`, and is not so wide.

    Parameters
    ----------
    bad : 0/1 per loan, 1 = bad; all 0 or all 1 is allowed.
    prob : PD per loan, from a model that never saw the loan's village.
    village : the village of each row.
    level : confidence level.

    Returns
    -------
    VillageExpected, a row per village in sorted order: village n observed expected ratio lo hi variance reason.
    `facts` holds the portfolio's O/E, which should be near 1: the PDs are taken as they come.

    Raises
    ------
    InputError : outcomes other than 0/1, PDs outside 0 … 1 or missing, a row without a village.

    >>> row = expected([1, 0, 1, 0], [0.2, 0.2, 0.3, 0.3], ["A", "A", "B", "B"]).tidy().iloc[0]
    >>> int(row["observed"]), float(row["ratio"].round(3)), float(row["variance"].round(3))
    (1, 2.5, 0.32)
    """
    level = check_level(level)
    outcome = check_outcome(bad)
    p = check_prob(prob, len(outcome))
    codes, names = village_codes(village, len(outcome))
    n, seen, hoped, variance = (totals(codes, len(names), values) for values in (None, outcome, p, p * (1 - p)))
    table = standardised(n, seen, hoped, variance, level)
    table.insert(0, "village", names)
    facts = {
        "villages": len(names),
        "n": len(outcome),
        "observed": int(seen.sum()),
        "expected": float(hoped.sum()),
        "ratio": float(seen.sum() / hoped.sum()) if hoped.any() else NotEstimable(NOTHING_EXPECTED),
        "interval": "exact Poisson, at most n/E",
        "level": level,
    }
    return VillageExpected(
        table=table, stamp=Stamp.of([outcome, p, codes, pd.Series(names)], {"level": level}), facts=facts
    )


def standardised(
    n: np.ndarray, observed: np.ndarray, hoped: np.ndarray, variance: np.ndarray, level: float
) -> pd.DataFrame:
    """O/E with limits from sums per village: n observed expected ratio lo hi variance reason."""
    void = hoped <= 0
    divisor = np.where(void, np.nan, hoped)
    lo, hi = poisson_limits(observed, level)
    return pd.DataFrame(
        {
            "n": n.astype(int),
            "observed": observed.astype(int),
            "expected": hoped,
            "ratio": observed / divisor,
            "lo": lo / divisor,
            "hi": np.minimum(hi, n) / divisor,
            "variance": variance,
            "reason": np.where(void, NOTHING_EXPECTED, ""),
        }
    )
