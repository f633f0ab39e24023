"""Shrunken rates by moments: the closed-form empirical-Bayes estimates of disease mapping.

Use it to compare with other programs and as a first look; it gives no intervals. `PoissonGamma` and `BetaBinomial` fit
the same models with their uncertainty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_one_of
from creditlab.errors import InputError, message
from creditlab.results import Result, Stamp
from creditlab.village.counts import check_counts, village_names


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MomentRates(Result):
    """Rates by moments: village observed exposure raw weight estimate; `facts` has a (between) and b (mean)."""

    title: ClassVar[str] = "Empirical-Bayes rates by moments 矩法经验贝叶斯率"


def moment_rates(observed: Any, exposure: Any, family: str = "poisson", village: Any = None) -> MomentRates:
    """Empirical-Bayes rates by the method of moments.

    With b = ΣO/Σn and s² = Σn(r - b)²/Σn of the raw rates r = O/n, and n̄ their mean exposure: for "poisson" the
    variance between villages is a = s² - b/n̄, at least 0, and a rate is drawn to b by a/(a + b/n) (R. Marshall, Applied
    Statistics 40 (1991) 283-294). For "binomial" the weight is (n·s² - (n/n̄)·b(1-b)) / ((n-1)·s² + (1 - n/n̄)·b(1-b))
    (M. Martuzzi, P. Elliott, Statistics in Medicine 15 (1996) 1867-1873), here kept between 0 and 1.

    Parameters
    ----------
    observed, exposure : bads and loans (or expected bads, with "poisson"), one per village, exposures above 0.
    family : "poisson" or "binomial".
    village : names; None takes the index of `observed` when that is a Series, else 0, 1, …

    >>> moment_rates([2, 5, 20], [50, 60, 100]).tidy()["estimate"].round(3).tolist()
    [0.075, 0.102, 0.177]
    """
    kind = check_one_of(family, ["poisson", "binomial"], "family")
    seen = check_counts(observed, "observed")
    n = check_counts(exposure, "exposure", len(seen))
    if (n <= 0).any() or (kind == "binomial" and (seen > n).any()):
        came = f"{int((n <= 0).sum())} exposures of zero, {int((seen > n).sum())} villages with more bads than loans"
        raise InputError(message("exposures above zero, and at most as many bads as loans", came, "exposure", "Check."))
    names = village_names(village, observed, len(seen))
    raw, b, mean = seen / n, seen.sum() / n.sum(), n.mean()
    s2 = float((n * (raw - b) ** 2).sum() / n.sum())
    if kind == "poisson":
        a = max(0.0, s2 - b / mean)
        weight = a / np.maximum(a + b / n, 1e-300)
    else:
        q = b * (1 - b)
        a = max(0.0, s2 - q / mean)
        weight = np.clip(n * a / np.maximum((n - 1) * s2 + (1 - n / mean) * q, 1e-300), 0.0, 1.0)
    table = pd.DataFrame({"village": names, "observed": seen, "exposure": n, "raw": raw, "weight": weight})
    table["estimate"] = weight * raw + (1 - weight) * b
    facts = {"villages": len(table), "a": float(a), "b": float(b), "family": kind}
    return MomentRates(table=table, stamp=Stamp.of([seen, n, pd.Series(names)], {"family": kind}), facts=facts)
