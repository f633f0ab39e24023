"""The village panel: one row per village with what it has, what its borrowers lead one to expect, and the excess.

Use `village_panel` on a modelling frame and cross-fitted PDs. It joins the statistics of `creditlab.village` into one
table; it estimates nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab import village as vl
from creditlab.checks import check_groups, check_prob, check_target, check_unique
from creditlab.results import Result, Stamp

#: draws of the village effects behind ranks and P(top k): the error of a probability is below 0.01 (2 s.e.)
DRAWS = 10_000


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class VillagePanel(Result):
    """One row per village; see `village_panel` for the columns.

    `smoothing` holds the posterior, `variance` Σp(1-p) of each village, both in the sorted order of the villages;
    `prob` the calibrated PD of each row of the sample.
    """

    title: ClassVar[str] = "Village panel 村级面板"
    plots: ClassVar[str] = "village"

    smoothing: Any
    variance: np.ndarray
    prob: np.ndarray

    def draws(self, n: int = DRAWS, seed: int = 0) -> pd.DataFrame:
        """Draws of the shrunken O/E, n × villages, for `vl.rank` and `vl.choose`."""
        names = self.smoothing.tidy()["village"]
        return pd.DataFrame(self.smoothing.draws(n, seed=seed), columns=names.to_numpy())


def village_panel(
    data: Any, prob: Any, *, top: int | None = None, level: float = 0.9, seed: int = 0, villages: Any = None
) -> VillagePanel:
    """Observed and expected bads per village, O/E with its interval, shrunken O/E, and P(among the worst).

    Parameters
    ----------
    data : a `ModellingFrame`, or anything with `y`, `village` and (optional) `amount`, one value per row.
    prob : PD of each row from a model that never saw its village (`cross_fit` of the composition card). They are
        calibrated first, level and slope (`vl.calibrate`); `facts` has the slope.
    top : how many villages count as the worst; None takes a tenth, at least 5 and at most half of them.
    level : level of all intervals.
    villages : optional frame with `village` and facts to join (name, township, x, y).

    Returns
    -------
    VillagePanel : village n bad rate rate_lo rate_hi expected ratio ratio_lo ratio_hi estimate lo hi p_above
        expected_rank p_top excess balance npl_balance, the most probable among the worst first.
        `estimate` is the shrunken O/E; `excess` is bads beyond the expected; amounts in yuan.
    """
    y, village = check_target(data.y), check_groups(data.village, len(data.y), "village")
    calibration = vl.calibrate(check_prob(prob, len(y)), y)
    p = calibration.prob
    rates = (
        vl.rates(y, village, level=level).tidy().rename(columns={"estimate": "rate", "lo": "rate_lo", "hi": "rate_hi"})
    )
    against = vl.expected(y, p, village, level=level).tidy()
    against = against.rename(columns={"lo": "ratio_lo", "hi": "ratio_hi"})
    smoother = vl.PoissonGamma(level=level).fit(
        against["observed"], against["expected"], variance=against["variance"], village=against["village"]
    )
    ranks, k = _ranks(smoother, against["village"], top, seed)
    table = (
        rates[["village", "n", "bad", "rate", "rate_lo", "rate_hi"]]
        .merge(against[["village", "expected", "ratio", "ratio_lo", "ratio_hi"]], on="village", validate="1:1")
        .merge(smoother.result_.tidy()[["village", "estimate", "lo", "hi", "p_above"]], on="village", validate="1:1")
        .merge(ranks[["village", "expected_rank", "p_top"]], on="village", validate="1:1")
        .merge(_amounts(data, y, village), on="village", validate="1:1")
    )
    table["excess"] = table["bad"] - table["expected"]
    if villages is not None:
        check_unique(villages, ["village"], "villages of village_panel")
        table = table.merge(villages, on="village", how="left", validate="1:1")
    table = table.sort_values(["p_top", "expected_rank", "village"], ascending=[False, True, True], ignore_index=True)
    facts = {"villages": len(table), "rows": len(y), "bads": int(y.sum()), "top": k, "level": level}
    facts |= {name: value for name, value in smoother.result_.facts.items() if name in ("cv", "rankability")}
    facts |= {"slope": calibration.slope}
    return VillagePanel(
        table=table,
        smoothing=smoother.result_,
        variance=against["variance"].to_numpy(),
        prob=p,
        facts=facts,
        stamp=Stamp.of([np.asarray(y), p, pd.Series(village).astype(str)], {"level": level, "top": k}, seed=seed),
    )


def _ranks(smoother: Any, village: pd.Series, top: int | None, seed: int) -> tuple[pd.DataFrame, int]:
    n = len(village)
    k = min(max(5, round(n / 10)), max(1, n // 2)) if top is None else min(top, n)
    draws = smoother.result_.draws(DRAWS, seed=seed)
    ranked = vl.rank(draws, k, village=village).tidy()
    return ranked, k


def _amounts(data: Any, y: np.ndarray, village: np.ndarray) -> pd.DataFrame:
    amount = getattr(data, "amount", None)
    values = np.full(len(y), np.nan) if amount is None else np.asarray(amount, dtype=float)
    frame = pd.DataFrame({"village": village, "balance": values, "npl_balance": values * y})
    return frame.groupby("village", as_index=False).sum(min_count=1)
