"""Coverage and collection by a second path: the tables of villages against those of sources, and rates from counts.

Households come from the census; villages of the ledger add up to their sources; shares and gains per cost follow from
the other figures of a row. What a source
is worth to the card needs refits, and is left.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from creditlab.study.recheck_tables import Shown

#: what adds up over villages
SUMS = ("households", "cost", "gain", "decisions", "adds_points")
ROW = "of single households, which the report does not list 单户明细不在报告中"
REFIT = "refits of the card with a source masked 遮蔽来源后重新拟合"


def recheck_collection(shown: Shown, county: Any) -> None:
    """`coverage.*` and `collection.*`, where the report has them."""
    if shown.rows("coverage.villages"):
        homes = county.household_file(county.last_month()).frame["village_id"].astype(str).value_counts()
        for id, keys in (("coverage.villages", ["village_id", "source"]), ("coverage.sources", ["source"])):
            table = shown.frame(id)
            if len(table):
                _covered(shown, id, table, keys, homes)
    _ledger(shown)
    shown.left("collection.worth", REFIT)


def _covered(shown: Shown, id: str, table: pd.DataFrame, keys: list[str], homes: pd.Series) -> None:
    """Households of the census by village; who was reached is who has no reason for a gap; shares of both."""
    gaps = [c for c in table if c.startswith("not_") or c == "zero"]
    second = table[keys].copy()
    second["households"] = table["village_id"].map(homes) if "village_id" in table else float(homes.sum())
    second["reached"] = table["households"] - table[gaps].sum(axis=1)
    second["share"] = table["reached"] / table["households"]
    late = dict.fromkeys([c for c in table if c not in second], ROW)
    shown.against(id, second, keys, reasons=late)


def _ledger(shown: Shown) -> None:
    by = ["action", "source"]
    for id, keys in (("collection.villages", ["village_id", *by]), ("collection.sources", by)):
        table = shown.frame(id)
        if not len(table):
            continue
        second = table[keys].copy()
        if "gain_per_cost" in table:
            paid = table["cost"].where(table["cost"] > 0)
            second["gain_per_cost"] = (table["gain"] / paid).fillna(table["gain_per_cost"].where(paid.isna()))
        other = shown.frame("collection.sources" if id.endswith("villages") else "collection.villages")
        if len(other) and set(by) <= set(other):
            for name in [c for c in SUMS if c in table and c in other and c != "adds_points"]:
                here, there = (t.groupby(by)[name].sum() for t in (table, other))
                gap = (there - here).reindex(pd.MultiIndex.from_frame(table[by])).to_numpy()
                second[name] = table[name].to_numpy() + gap
        late = dict.fromkeys([c for c in table if c not in second], ROW)
        shown.against(id, second, keys, reasons=late)
