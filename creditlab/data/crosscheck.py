"""Cross-verification and coverage: where sources disagree on a fact, and which households each source has reached."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

#: fact → its sources, the most trusted first
TRUST = {
    "area": ("agriculture", "collection_log"),
    "members": ("households", "collection_log"),
    "business": ("businesses", "collection_log"),
    "village": ("households", "collection_log"),
}
RULE = "most trusted source, then most recent 最可信来源优先，其次最新"
#: two numbers agree within this relative difference
TOLERANCE = 0.05
#: months after which a record no longer counts as fresh
FRESH_MONTHS = 12
_AREAS = ["area_wheat", "area_maize", "area_apple", "area_vegetable"]


def conflicts(file: Any) -> pd.DataFrame:
    """Facts that two sources state differently.

    Returns
    -------
    DataFrame : household_id fact source_a value_a source_b value_b resolved rule confidence, one row per pair of
        sources that disagree. Numbers agree within 5 %. `confidence` is the share of the sources that state the
        resolved value; with two sources that disagree it is 0.5.
    """
    stated = _stated(file)
    rows = []
    for fact, (first, second) in TRUST.items():
        a = stated[(stated["fact"] == fact) & (stated["source"] == first)].set_index("household_id")["value"]
        b = stated[(stated["fact"] == fact) & (stated["source"] == second)].set_index("household_id")["value"]
        both = a.index.intersection(b.index)
        pairs = pd.DataFrame({"value_a": a.loc[both], "value_b": b.loc[both]})
        pairs = pairs[~_agree(pairs["value_a"], pairs["value_b"])]
        rows.append(pairs.assign(fact=fact, source_a=first, source_b=second).reset_index())
    table = pd.concat(rows, ignore_index=True)
    table = table.assign(resolved=table["value_a"], rule=RULE, confidence=0.5)
    columns = ["household_id", "fact", "source_a", "value_a", "source_b", "value_b", "resolved", "rule", "confidence"]
    return table[columns].sort_values(["fact", "household_id"], ignore_index=True)


def _agree(a: pd.Series, b: pd.Series) -> np.ndarray:
    x, y = pd.to_numeric(a, errors="coerce"), pd.to_numeric(b, errors="coerce")
    number = x.notna() & y.notna()
    near = (x - y).abs() <= TOLERANCE * np.maximum(x.abs(), y.abs())
    return np.where(number, near, a.astype("str") == b.astype("str"))


def _stated(file: Any) -> pd.DataFrame:
    """The latest statement of each source on each fact: household_id fact source value, values as text or numbers."""
    parts = []
    census = file.frame
    for fact, column in (("members", "members"), ("village", "village_id")):
        if column in census:
            parts.append(_part(census[column], fact, "households"))
    if "agriculture" in file.tables:
        farms = _latest(file.tables["agriculture"], "year_end")
        parts.append(_part(farms[[c for c in _AREAS if c in farms]].sum(axis=1), "area", "agriculture"))
    if "businesses" in file.tables:
        firms = _latest(file.tables["businesses"], "status_from")
        parts.append(_part(firms["status"], "business", "businesses"))
    if "collection_log" in file.tables:
        visits = file.tables["collection_log"]
        for fact, column in (("area", "stated_area"), ("members", "stated_members"), ("business", "stated_business"),
                             ("village", "stated_village_id")):  # fmt: skip
            if column in visits:
                said = _latest(visits[visits[column].notna()], "requested_on")
                parts.append(_part(said[column], fact, "collection_log"))
    return pd.concat(parts, ignore_index=True)


def _part(values: pd.Series, fact: str, source: str) -> pd.DataFrame:
    filled = values.dropna()
    return pd.DataFrame(
        {"household_id": filled.index, "fact": fact, "source": source, "value": filled.to_numpy(dtype=object)}
    )


def _latest(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    ordered = rows[rows["household_id"].notna()].sort_values([by, "known_on"], kind="stable")
    return ordered.drop_duplicates("household_id", keep="last").set_index("household_id")


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
