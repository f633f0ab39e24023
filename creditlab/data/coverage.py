"""Coverage: which households of the census each source has reached, by village and port, and how freshly."""

from __future__ import annotations

from typing import Any

import pandas as pd

#: months after which a record no longer counts as fresh
FRESH_MONTHS = 12
_COLUMNS = [
    "village_id", "source", "port", "households", "reached", "fresh", "share", "resident", "resident_reached",
    "resident_share", "fresh_share", "median_age_days",
]  # fmt: skip


def coverage(file: Any) -> pd.DataFrame:
    """Households reached by each source, by village and port, on both denominators.

    Returns
    -------
    DataFrame : village_id source port households reached fresh share resident resident_reached resident_share
        fresh_share median_age_days. `households` counts the census, `resident` those not away a year or more;
        `reached` those with at least one row known, `fresh` those whose latest row was true within the 12 months
        before the date. Why the others were not reached is in `creditlab.features.coverage_of`.
    """
    village = file.frame["village_id"].astype("str")
    away = file.frame["away"].gt(0) if "away" in file.frame else pd.Series(False, index=village.index)
    parts = []
    for name in file.tables:
        rows = file.tables[name]
        if name != "households" and {"household_id", "port", "observed_on"} <= set(rows.columns):
            parts.append(_reached(rows, village, away, file.as_of).assign(source=name))
    if not parts:
        return pd.DataFrame(columns=_COLUMNS)
    table = pd.concat(parts, ignore_index=True)
    table["households"] = table["village_id"].map(village.value_counts())
    table["resident"] = table["village_id"].map(village[~away].value_counts()).fillna(0).astype("int64")
    return shares(table)[_COLUMNS].sort_values(["village_id", "source", "port"], ignore_index=True)


def _reached(rows: pd.DataFrame, village: pd.Series, away: pd.Series, as_of: pd.Timestamp) -> pd.DataFrame:
    """Village × port of one source: households reached, resident ones, fresh ones, and the median age in days."""
    rows = rows[rows["household_id"].isin(village.index) & (rows["observed_on"] <= as_of)]
    seen = rows.groupby(["household_id", "port"], observed=True)["observed_on"].max().reset_index()
    seen["village_id"] = seen["household_id"].map(village)
    seen["age"] = (as_of - seen["observed_on"]).dt.days
    seen["home"] = ~seen["household_id"].map(away).astype(bool)
    seen["fresh"] = seen["observed_on"] >= as_of - pd.DateOffset(months=FRESH_MONTHS)
    return seen.groupby(["village_id", "port"], as_index=False, observed=True).agg(
        reached=("household_id", "nunique"), resident_reached=("home", "sum"), fresh=("fresh", "sum"),
        median_age_days=("age", "median"),
    )  # fmt: skip


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """The table with `share`, `resident_share` and `fresh_share` beside the counts."""

    def over(part: str, whole: str) -> pd.Series:
        # an empty table may hold counts of any dtype
        whole_of = table[whole].astype("float64")
        return table[part].astype("float64") / whole_of.where(whole_of > 0)

    return table.assign(
        share=over("reached", "households"), resident_share=over("resident_reached", "resident"),
        fresh_share=over("fresh", "households"),
    )  # fmt: skip
