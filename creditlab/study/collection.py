"""What to collect next: each household and source without a (fresh) record, ranked by what it would add to the score.

What a record would say is not known; what such records say of others is. For a household that lacks a source, the
source's contribution to its score could become that of any household whose record is there and fresh: the mean
absolute change over these donors is what collecting adds, in points, and the share of them that would move the
household to another tier is the chance that a decision changes. A source that the card does not use adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.columns import MISSING_REASONS
from creditlab.errors import InputError, message, some
from creditlab.explanation import explain
from creditlab.features import FeatureFrame, make_features
from creditlab.features.coverage import FRESH_MONTHS, Coverage, coverage_of
from creditlab.results import Result, Stamp
from creditlab.scorecard.scores import tier_of

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


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CollectionLedger(Result):
    """One row per household and source that is lacking: what would be gained, the most first.

    Columns: rank household_id village_id source reason action_zh action age_days adds_points p_tier points.
    """

    title: ClassVar[str] = "What to collect next 采集任务台账"
    plots: ClassVar[str] = "portraits"

    donors: pd.DataFrame

    def villages(self) -> pd.DataFrame:
        """The same by village, source and action: households to ask, points in all; the plan of visits."""
        groups = self.table.groupby(["village_id", "source", "reason", "action_zh", "action"], as_index=False)
        table = groups.agg(
            households=("household_id", "nunique"), adds_points=("adds_points", "sum"), decisions=("p_tier", "sum")
        )
        table = table.sort_values(["adds_points", "village_id", "source"], ascending=[False, True, True])
        return table.assign(rank=np.arange(1, len(table) + 1)).reset_index(drop=True)

    def sources(self) -> pd.DataFrame:
        """The same by source and reason."""
        groups = self.table.groupby(["source", "reason", "action_zh", "action"], as_index=False)
        table = groups.agg(
            households=("household_id", "nunique"), adds_points=("adds_points", "sum"), decisions=("p_tier", "sum")
        )
        return table.sort_values("adds_points", ascending=False, ignore_index=True)


def collection_ledger(
    file: Any, card: Any, features: FeatureFrame | None = None, coverage: Coverage | None = None
) -> CollectionLedger:
    """The ledger of what to collect next, ranked by what it would add to the score of the household.

    Parameters
    ----------
    file : a `HouseholdFile`. card : a fitted `Scorecard` on features of the plan.
    features, coverage : of the file, when they are at hand.

    Returns
    -------
    CollectionLedger : `adds_points` is the mean absolute change of points over the donors, `p_tier` the share of them
        that changes the tier. A true zero and what does not apply are nothing to collect.

    Raises
    ------
    InputError : the card reads features that the plan does not have.
    """
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
    source_of = {n: made.dictionary[n].source for n in contributions}
    parts, donors = [], []
    for source in covered.states:
        own = [n for n, s in source_of.items() if s == source or (source == "loans" and s == "loan_months")]
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
        }))  # fmt: skip
    table = _ranked(parts, file, card.points(X))
    facts = {"as_of": str(made.as_of.date()), "rows": len(table), "households": table["household_id"].nunique()}
    facts["adds_points"] = float(table["adds_points"].sum())
    stamp = Stamp.of(table, {"card": card.result_.stamp.to_dict(), "as_of": facts["as_of"]})
    return CollectionLedger(table=table, donors=pd.DataFrame(donors), stamp=stamp, facts=facts)


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


def _ranked(parts: list[pd.DataFrame], file: Any, points: pd.Series) -> pd.DataFrame:
    columns = ["rank", "household_id", "village_id", "source", "reason", "action_zh", "action", "age_days",
               "adds_points", "p_tier", "points"]  # fmt: skip
    if not parts:
        return pd.DataFrame(columns=columns)
    table = pd.concat(parts, ignore_index=True)
    table = table.assign(
        village_id=table["household_id"].map(file.frame["village_id"]).astype("str"),
        points=table["household_id"].map(points),
        action_zh=table["reason"].map({k: v[0] for k, v in ACTIONS.items()}),
        action=table["reason"].map({k: v[1] for k, v in ACTIONS.items()}),
    ).sort_values(["adds_points", "p_tier", "household_id", "source"], ascending=[False, False, True, True])
    return table.assign(rank=np.arange(1, len(table) + 1)).reset_index(drop=True)[columns]
