"""Measures of the village a household lives in: distance, service points, the collective's income and receipts.

Each takes a `View` and gives values by household row number, the same for all households of a village.
"""

from __future__ import annotations

import pandas as pd

from creditlab.features.known import View


def _villages(view: View) -> pd.DataFrame:
    """The record of each village that is valid on the date of the file."""
    rows = view.rows("villages").sort_values("valid_from", kind="stable")
    rows = rows[rows["valid_to"].isna() | (rows["valid_to"] >= view.as_of)]
    return rows.drop_duplicates("village_id", keep="last").set_index("village_id")


def fact(view: View, column: str) -> pd.Series:
    """A column of the village's record."""
    return view.of_village(_villages(view)[column])


def income_per_household(view: View) -> pd.Series:
    """The collective's income per census household."""
    record = _villages(view)
    return view.of_village(record["collective_income"] / record["census_households"].where(lambda n: n > 0))


def service_points(view: View) -> pd.Series:
    """Service points that are open; 0 in a village of the county that has none."""
    points = view.rows("service_points")
    is_open = points["closed_on"].isna() | (points["closed_on"] > view.as_of)
    count = points[is_open].groupby("village_id").size()
    return view.of_village(count)


def receipt_share(view: View, column: str, value: object) -> pd.Series:
    """The share of the collective's receipts of the last 12 months whose column has a value."""
    rows = view.recent("village_receipts", 12).dropna(subset=[column])
    rows = rows[rows["direction"] == "receipt"]
    return view.of_village(rows[column].eq(value).groupby(rows["village_id"]).mean())
