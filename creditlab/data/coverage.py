"""Coverage: which households of the census each source has reached, by village and port, and how freshly."""

from __future__ import annotations

from typing import Any

import pandas as pd

#: months after which a record no longer counts as fresh
FRESH_MONTHS = 12


def coverage(file: Any) -> pd.DataFrame:
    """Households reached by each source, by village and port.

    Returns
    -------
    DataFrame : village_id source port households reached fresh share. `households` counts the census, `reached` those
        with at least one row known, `fresh` those whose latest row was true within the 12 months before the date.
    """
    village = file.frame["village_id"]
    census = village.value_counts()
    limit = file.as_of - pd.DateOffset(months=FRESH_MONTHS)
    parts = []
    for name, rows in file.tables.items():
        if name == "households" or not {"household_id", "port", "observed_on"} <= set(rows.columns):
            continue
        latest = (
            rows[rows["household_id"].isin(village.index)]
            .groupby(["household_id", "port"], observed=True)["observed_on"]
            .max()
        )
        seen = latest.reset_index().assign(village_id=lambda f: f["household_id"].map(village))
        seen["fresh"] = seen["observed_on"] >= limit
        counts = seen.groupby(["village_id", "port"], as_index=False).agg(
            reached=("household_id", "nunique"), fresh=("fresh", "sum")
        )
        parts.append(counts.assign(source=name))
    columns = ["village_id", "source", "port", "households", "reached", "fresh", "share"]
    if not parts:
        return pd.DataFrame(columns=columns)
    table = pd.concat(parts, ignore_index=True)
    table["households"] = table["village_id"].map(census)
    table["share"] = table["reached"] / table["households"]
    return table[columns].sort_values(columns[:3], ignore_index=True)
