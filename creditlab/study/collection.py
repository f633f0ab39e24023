"""What to collect next: each household and source without a (fresh) record, ranked by what it would add to the score.

What a record would say is not known; what such records say of others is. Where outcomes are at hand (`source_worth`),
the gain of a record is the fall in log-loss that it would bring to this household's PD: measured out of village on the
borrowers whose record is there, card with the source against card with it masked, and carried to the household by the
information that the card implies at its own score; the gain in AUC stands beside it, by source. Both have intervals.
The ledger is ranked by gain per unit of cost. Without outcomes nothing can be measured, and the ledger is ranked by
the change in points alone.

The change in points: for a household that lacks a source, the source's contribution to its score could become that of
any household whose record is there and fresh. The mean absolute change over these donors is `adds_points`; the share
of them that would move the household to another tier is the chance that a decision changes. A source that the card
does not use adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.columns import MISSING_REASONS
from creditlab.data.schema import TABLES
from creditlab.errors import InputError, message, some
from creditlab.explanation import explain
from creditlab.features import FeatureFrame, make_features
from creditlab.features.coverage import FRESH_MONTHS, Coverage, coverage_of
from creditlab.results import Result, Stamp
from creditlab.scorecard.scores import tier_of
from creditlab.study.worth import SourceWorth, by_source, implied_gain

#: why there is nothing → what to do about it
ACTIONS: Mapping[str, tuple[str, str]] = {
    "not_authorised": ("征求授权", "ask for consent"),
    "not_connected": ("接入数据源", "connect the source"),
    "not_collected": ("上门采集", "visit and collect"),
    "stale": ("更新记录", "refresh the record"),
}
#: fewest households with a fresh record from which its worth is learned
FEWEST_DONORS = 20
#: donors are reduced to this many quantiles of their contribution
QUANTILES = 200
#: log-odds at which the implied gain is worked out; between them it is a straight line
POINTS = 200
DAYS_OF_YEAR = 365.25
_GAINS = ("gain", "gain_lo", "gain_hi")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CollectionLedger(Result):
    """One row per household and source that is lacking: what would be gained, the most per unit of cost first.

    Columns: rank household_id village_id source reason action_zh action age_days gain gain_lo gain_hi cost
    gain_per_cost adds_points p_tier points. `gain` is the expected fall in log-loss (nats); NaN where it could not be
    measured. `worth` has what was measured, by source; None without outcomes.
    """

    title: ClassVar[str] = "What to collect next 采集任务台账"
    plots: ClassVar[str] = "portraits"

    donors: pd.DataFrame
    worth: SourceWorth | None = None

    def villages(self) -> pd.DataFrame:
        """The same by village, source and action: households to ask, gain in all, cost; the plan of visits."""
        table = self._sums(["village_id", "source"])
        return table.assign(rank=np.arange(1, len(table) + 1))

    def sources(self) -> pd.DataFrame:
        """The same by source and reason, with the gain in AUC that was measured where the record is there."""
        table = self._sums(["source"])
        if self.worth is None:
            return table
        measured = self.worth.tidy()[["source", "auc_gain", "auc_gain_lo", "auc_gain_hi"]]
        return table.merge(measured, on="source", how="left")

    def _sums(self, by: list[str]) -> pd.DataFrame:
        keys = [*by, "reason", "action_zh", "action"]
        sums = {"adds_points": ("adds_points", "sum"), "decisions": ("p_tier", "sum"), "cost": ("cost", "sum")}
        groups = self.table.groupby(keys, as_index=False)
        table = groups.agg(households=("household_id", "nunique"), **sums)
        # a sum of nothing that was measured is not zero
        gains = groups[list(_GAINS)].sum(min_count=1)
        table = table.merge(gains, on=keys, validate="1:1")
        table = table.assign(gain_per_cost=table["gain"] / table["cost"])
        first = [c for c in ("gain_per_cost", "adds_points") if self.worth is not None or c == "adds_points"]
        return table.sort_values([*first, *by], ascending=[*[False] * len(first), *[True] * len(by)], ignore_index=True)


def collection_ledger(
    file: Any,
    card: Any,
    features: FeatureFrame | None = None,
    coverage: Coverage | None = None,
    *,
    worth: SourceWorth | None = None,
    costs: Mapping[str, float] | None = None,
) -> CollectionLedger:
    """The ledger of what to collect next, ranked by what it would add to the score of the household.

    Parameters
    ----------
    file : a `HouseholdFile`. card : a fitted `Scorecard` on features of the plan.
    features, coverage : of the file, when they are at hand.
    worth : what each source's record adds, measured on borrowers with an outcome (`source_worth`).
    costs : what an action costs, in any unit: by reason (what a request, visit or refresh takes; 1 where not given) and
        by source (what is paid for a record; 0 where not given), such as `{"not_collected": 3, "credit_reports": 2}`.

    Returns
    -------
    CollectionLedger : ranked by `gain_per_cost`, without `worth` by `adds_points`. `adds_points` is the mean absolute
        change of points over the donors, `p_tier` the share of them that changes the tier. A true zero and what does
        not apply are nothing to collect.

    Raises
    ------
    InputError : the card reads features that the plan does not have, or costs that are none.
    """
    prices = _checked_costs(costs)
    made = make_features(file) if features is None else features
    covered = coverage_of(file, made) if coverage is None else coverage
    names = list(card.feature_names_in_)
    absent = [n for n in names if n not in made.frame.columns]
    if absent:
        raise InputError(
            message("a card on features of the plan", some(absent), "collection_ledger", "Fit it on a modelling_frame.")
        )
    X = made.frame[names]
    contributions = explain(card, X, background=X).values
    log_odds = np.log(p := card.predict_proba(X)[:, 1]) - np.log1p(-p)
    factor = abs(float(card.result_.scale.factor))
    fresh = covered.age_days <= FRESH_MONTHS * 30.4375
    owned = by_source(contributions, made.dictionary)
    parts, donors = [], []
    for source in covered.states:
        own = owned.get(source, [])
        state, age = covered.states[source], covered.age_days[source]
        reason = state.where(state.isin(list(MISSING_REASONS)) & (state != "not_applicable"), "")
        reason = reason.mask((state == "reached") & ~fresh[source], "stale")
        lacking = (reason != "").to_numpy()
        known = ((state == "reached") & fresh[source]).to_numpy()
        donors.append(
            {"source": source, "donors": int(known.sum()), "features": len(own), "lacking": int(lacking.sum())}
        )
        if not lacking.any():
            continue
        part = contributions[own].sum(axis=1).to_numpy() if own else np.zeros(len(X))
        adds, moves = _worth(part, log_odds, known, lacking)
        parts.append(pd.DataFrame({
            "household_id": X.index[lacking], "source": source, "reason": reason[lacking].to_numpy(),
            "age_days": age[lacking].to_numpy(), "adds_points": adds * factor, "p_tier": moves,
            **_gain(source, own, part, log_odds, known, lacking, age.where(reason == "stale"), worth),
        }))  # fmt: skip
    table = _ranked(parts, file, card.points(X), prices, worth is not None)
    facts = {"as_of": str(made.as_of.date()), "rows": len(table), "households": table["household_id"].nunique()}
    facts |= {"adds_points": float(table["adds_points"].sum()), "gain": float(table["gain"].sum())}
    stamp = Stamp.of(table, {"card": card.result_.stamp.to_dict(), "as_of": facts["as_of"], "costs": prices})
    return CollectionLedger(table=table, donors=pd.DataFrame(donors), worth=worth, stamp=stamp, facts=facts)


def _checked_costs(costs: Mapping[str, float] | None) -> dict[str, float]:
    known = [*ACTIONS, *TABLES]
    unknown = sorted(set(costs or {}) - set(known))
    if unknown:
        raise InputError(
            message(f"reasons ({', '.join(ACTIONS)}) or tables", some(unknown), "costs", "Check the spelling.")
        )
    wrong = [k for k, v in (costs or {}).items() if isinstance(v, bool) or not np.isfinite(v) or v < 0]
    if wrong:
        raise InputError(message("costs of 0 or more", f"{some(wrong)} below", "costs", "Give one unit for all."))
    prices = {**dict.fromkeys(ACTIONS, 1.0), **{k: float(v) for k, v in (costs or {}).items()}}
    if min(prices[reason] for reason in ACTIONS) <= 0:
        raise InputError(message("every action to cost something", "0", "costs", "Gain is divided by cost."))
    return prices


def _gain(
    source: str, own: list[str], part: np.ndarray, log_odds: np.ndarray, known: np.ndarray, lacking: np.ndarray,
    stale_days: pd.Series, worth: SourceWorth | None,
) -> dict[str, Any]:  # fmt: skip
    """Expected fall in log-loss of each lacking household, with limits: implied by the card, times what is realised."""
    if not own:  # the card does not ask this source
        return dict.fromkeys(_GAINS, 0.0)
    measured = None if worth is None else worth.of(source)
    if measured is None or known.sum() < FEWEST_DONORS:
        return dict.fromkeys(_GAINS, np.nan)
    rest = (log_odds - part)[lacking]
    at = np.linspace(rest.min(), rest.max(), POINTS)
    implied = np.interp(rest, at, implied_gain(at, part[known]))
    # a record that has grown old still tells a part; where that is not known, as if it told nothing
    years = stale_days[lacking].to_numpy() / DAYS_OF_YEAR
    kept = measured["kept"] if np.isfinite(measured["kept"]) else 0.0
    news = np.where(np.isfinite(years), 1 - kept ** np.where(np.isfinite(years), years, 1.0), 1.0)
    return {name: implied * news * measured[name.replace("gain", "realised")] for name in _GAINS}


def _worth(
    part: np.ndarray, log_odds: np.ndarray, known: np.ndarray, lacking: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean absolute change in log-odds over the donors, and the share of donors that changes the tier."""
    if known.sum() < FEWEST_DONORS:
        return np.zeros(int(lacking.sum())), np.zeros(int(lacking.sum()))
    grid = np.quantile(part[known], (np.arange(QUANTILES) + 0.5) / QUANTILES)
    change = grid[None, :] - part[lacking][:, None]
    now = tier_of(1 / (1 + np.exp(-log_odds[lacking])))
    then = tier_of((1 / (1 + np.exp(-(log_odds[lacking][:, None] + change)))).ravel()).reshape(change.shape)
    return np.abs(change).mean(axis=1), (then != now[:, None]).mean(axis=1)


def _ranked(
    parts: list[pd.DataFrame], file: Any, points: pd.Series, prices: dict[str, float], measured: bool
) -> pd.DataFrame:
    columns = ["rank", "household_id", "village_id", "source", "reason", "action_zh", "action", "age_days", *_GAINS,
               "cost", "gain_per_cost", "adds_points", "p_tier", "points"]  # fmt: skip
    if not parts:
        return pd.DataFrame(columns=columns)
    table = pd.concat(parts, ignore_index=True)
    table = table.assign(
        village_id=table["household_id"].map(file.frame["village_id"]).astype("str"),
        points=table["household_id"].map(points),
        action_zh=table["reason"].map({k: v[0] for k, v in ACTIONS.items()}),
        action=table["reason"].map({k: v[1] for k, v in ACTIONS.items()}),
        cost=table["reason"].map(prices).astype("float64") + table["source"].map(prices).fillna(0.0),
    )
    table = table.assign(gain_per_cost=table["gain"] / table["cost"])
    first = ["gain_per_cost", "adds_points", "p_tier"] if measured else ["adds_points", "p_tier"]
    order = [*first, "household_id", "source"]
    table = table.sort_values(order, ascending=[*[False] * len(first), True, True])
    return table.assign(rank=np.arange(1, len(table) + 1)).reset_index(drop=True)[columns]
