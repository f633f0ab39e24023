"""Who has been reached by which source, how fresh it is, and why not: 100 % coverage audited, not asserted (S9).

Each household of the census is in exactly one state per source: reached, a true zero, or one of the four reasons for
missing. The reasons are those of the features, so that the table, the bins of a card and the portrait say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.columns import MISSING_REASONS
from creditlab.data.coverage import FRESH_MONTHS, coverage, shares
from creditlab.features.frame import FeatureFrame, make_features
from creditlab.features.known import Known
from creditlab.features.missing import MISSING_CODES
from creditlab.features.plan import PLAN
from creditlab.results import Result, Stamp

#: registers of events: a row stays true until another comes, and the register is as fresh as its last delivery
EVENTS = ("loans", "guarantees", "judgments", "applications", "businesses")
#: state of a household at a source → what a Chinese and an English reader call it
STATES: Mapping[str, tuple[str, str]] = {
    "reached": ("已采集", "reached"), "zero": ("确为零", "a true zero"), **MISSING_REASONS,
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Coverage(Result):
    """One row per village and source.

    Columns: village_id source households resident reached share resident_reached resident_share fresh fresh_share
    median_age_days partly zero not_authorised not_connected not_collected not_applicable. `households` are those of
    the census, `resident` those not away a year or more; both are denominators. households = reached + zero + the four
    reasons. `partly`: reached, but some of it was not authorised. `states` and `age_days` have it by household.
    """

    title: ClassVar[str] = "Coverage 采集覆盖"
    plots: ClassVar[str] = "portraits"

    states: pd.DataFrame
    age_days: pd.DataFrame
    ports: pd.DataFrame

    def sources(self) -> pd.DataFrame:
        """The same by source, over all villages."""
        counts = self.table.drop(columns=["village_id", "share", "resident_share", "fresh_share", "median_age_days"])
        table = counts.groupby("source", as_index=False, sort=False).sum()
        table = shares(table)
        return table.assign(median_age_days=table["source"].map(self.age_days.median()))


def coverage_of(file: Any, features: FeatureFrame | None = None) -> Coverage:
    """Households of the census against households reached, by village and source, with freshness and reasons.

    Parameters
    ----------
    file : a `HouseholdFile` of the whole county (or of some households: then of those).
    features : the `FeatureFrame` of the file with all features of the plan; made when it is not given.

    Returns
    -------
    Coverage : `.tidy()` by village and source, `.sources()` for the county, `.ports` by village, source and port,
        `.states` the state of each household at each source.

    >>> from creditlab.data.household import household_file
    >>> from creditlab.data.world import make_county
    >>> found = coverage_of(household_file(make_county(12, seed=1).tables, pd.Timestamp("2023-12-31")))
    >>> bool((found.tidy()["households"] == found.tidy()[list(STATES)].sum(axis=1)).all())
    True
    """
    made = make_features(file) if features is None else features
    known = Known(file)
    states = pd.DataFrame({table: _states(known, made, table) for table in _sources(made)}, index=known.households)
    partly = pd.DataFrame({table: _withheld(made, table) for table in states}, index=known.households)
    ages = pd.DataFrame({table: _age(file, known, table) for table in states}, index=known.households)
    ages = ages.where(states == "reached")
    table = _by_village(file, states, partly & (states == "reached"), ages)
    reached = (states == "reached").any(axis=1)
    facts = {
        "as_of": str(known.as_of.date()), "households": len(states), "sources": states.shape[1],
        "reached_by_any": int(reached.sum()), "never_reached": int((~reached).sum()),
        "share_reached": float(reached.mean()) if len(states) else 0.0,
    }  # fmt: skip
    stamp = Stamp.of([states, ages], {"as_of": facts["as_of"], "fresh_months": FRESH_MONTHS})
    return Coverage(table=table, states=states, age_days=ages, ports=coverage(file), stamp=stamp, facts=facts)


def _sources(made: FeatureFrame) -> list[str]:
    """The tables of households with a feature in the frame; the census is the denominator itself."""
    listed = [f.table for f in PLAN if f.column.level != "village" and f.name in made.frame.columns]
    # months of a note come with the note: they are one source
    return [t for t in dict.fromkeys(listed) if t not in ("households", "loan_months")]


def _own(made: FeatureFrame, table: str) -> list[str]:
    return [f.name for f in PLAN if f.table == table and f.column.level != "village" and f.name in made.frame.columns]


def _states(known: Known, made: FeatureFrame, table: str) -> np.ndarray:
    """One word per household: reached where the table has a row of it and some feature a value, else the reason."""
    frame = made.frame[_own(made, table)]
    reasons = {r: frame.isin([r, MISSING_CODES[r]]) for r in MISSING_REASONS}
    valued = ~np.logical_or.reduce([m.to_numpy() for m in reasons.values()])
    state = np.full(len(frame), "zero", dtype=object)
    for reason in ("not_applicable", "not_collected", "not_connected", "not_authorised"):
        state[reasons[reason].to_numpy().any(axis=1) & ~valued.any(axis=1)] = reason
    there = known.present(table) if table in known.file.tables else np.zeros(len(frame), dtype=bool)
    # a register that is complete says zero of a household without rows; others say why they say nothing
    lacking = ~there & (state == "zero") & valued.any(axis=1)
    state[there & valued.any(axis=1)] = "reached"
    state[lacking] = "zero"
    return state


def _withheld(made: FeatureFrame, table: str) -> np.ndarray:
    frame = made.frame[_own(made, table)]
    return frame.isin(["not_authorised", MISSING_CODES["not_authorised"]]).to_numpy().any(axis=1)


def _age(file: Any, known: Known, table: str) -> np.ndarray:
    """Days since the latest fact of each household (of a register of events: since its last delivery)."""
    ages = np.full(len(known.households), np.nan)
    if table not in file.tables or not {"household_id", "observed_on"} <= set(file.tables[table].columns):
        return ages
    rows = file.tables[table]
    place = known.households.get_indexer(pd.Index(rows["household_id"]))
    days = (known.as_of - rows["observed_on"]).dt.days.to_numpy(dtype="float64")
    inside = (place >= 0) & (days >= 0)
    if table in EVENTS and len(rows):
        return np.full(len(ages), float((known.as_of - rows["known_on"].max()).days))
    best = np.full(len(ages), np.inf)
    np.minimum.at(best, place[inside], days[inside])
    return np.where(np.isfinite(best), best, ages)


def _by_village(file: Any, states: pd.DataFrame, partly: pd.DataFrame, ages: pd.DataFrame) -> pd.DataFrame:
    village = file.frame["village_id"].astype("str").to_numpy()
    away = file.frame["away"].gt(0).to_numpy() if "away" in file.frame else np.zeros(len(village), dtype=bool)
    parts = []
    for source in states:
        state = states[source].to_numpy()
        reached, age = state == "reached", ages[source].to_numpy()
        counts = pd.DataFrame({
            "village_id": village, "households": 1, "resident": ~away, "reached": reached,
            "resident_reached": reached & ~away, "fresh": age <= FRESH_MONTHS * 30.4375, "partly": partly[source],
            **{s: state == s for s in STATES if s != "reached"},
        }).groupby("village_id", as_index=False).sum()  # fmt: skip
        median = pd.Series(age).groupby(village).median()
        parts.append(counts.assign(source=source, median_age_days=counts["village_id"].map(median)))
    order = [
        "village_id", "source", "households", "resident", "reached", "share", "resident_reached", "resident_share",
        "fresh", "fresh_share", "median_age_days", "partly", *(s for s in STATES if s != "reached"),
    ]  # fmt: skip
    if not parts:
        return pd.DataFrame(columns=order)
    return shares(pd.concat(parts, ignore_index=True))[order]
