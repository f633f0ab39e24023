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
from creditlab.village.ranking import NOT_RANKABLE, RANKABLE
from creditlab.village.village_logit import VillageLogitResult

#: draws of the village effects behind ranks and P(top k): the error of a probability is below 0.01 (2 s.e.)
DRAWS = 10_000


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class VillageRatios(Result):
    """Shrunken O/E of each village: village observed expected ratio estimate lo hi p_above, from either smoother.

    `draws` gives O/E, whatever the model's own scale is.
    """

    title: ClassVar[str] = "Shrunken O/E of each village 各村收缩后的O/E"
    plots: ClassVar[str] = "village"

    model: Any

    def draws(self, n: int, seed: int = 0) -> np.ndarray:
        """`n` joint draws of the villages' O/E, n × villages in the order of `tidy()`."""
        options = {"of": "ratio"} if isinstance(self.model, VillageLogitResult) else {}
        return np.asarray(self.model.draws(n, seed=seed, **options), dtype=float)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class VillagePanel(Result):
    """One row per village; see `village_panel` for the columns.

    `smoothing` holds the posterior, `variance` Σp(1-p) of each village, both in the sorted order of the villages;
    `prob` the calibrated PD of each row of the sample.
    """

    title: ClassVar[str] = "Village panel 村级面板"
    plots: ClassVar[str] = "village"

    smoothing: VillageRatios
    variance: np.ndarray
    prob: np.ndarray

    @property
    def warning(self) -> str:
        """What to say beside a list of the worst villages; empty when the data carry one."""
        return "" if self.facts["rankability"] >= RANKABLE else NOT_RANKABLE

    def draws(self, n: int = DRAWS, seed: int = 0) -> pd.DataFrame:
        """Draws of the shrunken O/E, n × villages, for `vl.rank` and `vl.choose`."""
        names = self.smoothing.tidy()["village"]
        return pd.DataFrame(self.smoothing.draws(n, seed=seed), columns=names.to_numpy())


def smoothed(
    y: np.ndarray, prob: np.ndarray, village: np.ndarray, level: float, seed: int, graph: Any
) -> VillageRatios:
    """Shrunken O/E: with a map neighbours lend each other strength (BYM2), without one Poisson-gamma."""
    against = vl.expected(y, prob, village, level=level).tidy()
    sums = against[["village", "observed", "expected", "ratio", "variance"]]
    if graph is None:
        model: Any = (
            vl.PoissonGamma(level=level)
            .fit(sums["observed"], sums["expected"], variance=sums["variance"], village=sums["village"])
            .result_
        )
        found = model.tidy()[["village", "estimate", "lo", "hi", "p_above"]]
        about = {"smoother": "Poisson-gamma", "cv": model.facts["cv"]}
    else:
        fit = vl.VillageLogit(spatial="bym2", level=level, seed=seed)
        model = fit.fit(y, vl.calibration.logit(prob), village, graph=graph).result_
        names = {"ratio": "estimate", "ratio_lo": "lo", "ratio_hi": "hi"}
        found = model.tidy()[["village", *names, "p_above"]].rename(columns=names)
        about = {
            "smoother": "BYM2",
            **{k: model.facts[k] for k in ("sd", "phi", "phi_lo", "phi_hi") if k in model.facts},
        }
    table = sums.merge(found, on="village", validate="1:1")
    return VillageRatios(table=table, model=model, stamp=model.stamp, facts=about)


def village_panel(
    data: Any,
    prob: Any,
    *,
    top: int | None = None,
    level: float = 0.9,
    seed: int = 0,
    villages: Any = None,
    graph: Any = None,
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
    graph : neighbours (a `Graph`, polygons, pairs …): then O/E is smoothed over the map by BYM2, else by Poisson-gamma.

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
    smoothing = smoothed(np.asarray(y), p, np.asarray(village), level, seed, graph)
    ranked, k, rankability = _ranks(smoothing, top, seed)
    table = (
        rates[["village", "n", "bad", "rate", "rate_lo", "rate_hi"]]
        .merge(against[["village", "expected", "ratio", "ratio_lo", "ratio_hi"]], on="village", validate="1:1")
        .merge(smoothing.tidy()[["village", "estimate", "lo", "hi", "p_above"]], on="village", validate="1:1")
        .merge(ranked[["village", "expected_rank", "p_top"]], on="village", validate="1:1")
        .merge(_amounts(data, y, village), on="village", validate="1:1")
    )
    table["excess"] = table["bad"] - table["expected"]
    if villages is not None:
        check_unique(villages, ["village"], "villages of village_panel")
        table = table.merge(villages, on="village", how="left", validate="1:1")
    table = table.sort_values(["p_top", "expected_rank", "village"], ascending=[False, True, True], ignore_index=True)
    facts = {"villages": len(table), "rows": len(y), "bads": int(y.sum()), "top": k, "level": level}
    facts |= {**smoothing.facts, "rankability": rankability, "slope": calibration.slope}
    return VillagePanel(
        table=table,
        smoothing=smoothing,
        variance=against["variance"].to_numpy(),
        prob=p,
        facts=facts,
        stamp=Stamp.of([np.asarray(y), p, pd.Series(village).astype(str)], {"level": level, "top": k}, seed=seed),
    )


def _ranks(smoothing: VillageRatios, top: int | None, seed: int) -> tuple[pd.DataFrame, int, float]:
    """Ranks by O/E, how many count as the worst, and how far the data carry a ranking."""
    names = smoothing.tidy()["village"]
    n = len(names)
    k = min(max(5, round(n / 10)), max(1, n // 2)) if top is None else min(top, n)
    ranks = vl.rank(smoothing.draws(DRAWS, seed=seed), k, village=names)
    return ranks.tidy(), k, ranks.rankability


def _amounts(data: Any, y: np.ndarray, village: np.ndarray) -> pd.DataFrame:
    amount = getattr(data, "amount", None)
    values = np.full(len(y), np.nan) if amount is None else np.asarray(amount, dtype=float)
    frame = pd.DataFrame({"village": village, "balance": values, "npl_balance": values * y})
    return frame.groupby("village", as_index=False).sum(min_count=1)
