"""Measures of the village a household lives in: distance, service points, the collective's income and receipts.

Each takes a `View` and gives values by household row number, the same for all households of a village.
"""

from __future__ import annotations

import pandas as pd

from creditlab.features.known import View, month_number
from creditlab.features.measures import share


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


def _open_points(view: View) -> pd.DataFrame:
    points = view.rows("service_points")
    return points[points["closed_on"].isna() | (points["closed_on"] > view.as_of)]


def service_points(view: View) -> pd.Series:
    """Service points that are open; 0 in a village of the county that has none."""
    return view.of_village(_open_points(view).groupby("village_id").size())


def points_of_kind(view: View, kinds: tuple[str, ...]) -> pd.Series:
    """Open service points of some kinds; 0 in a village that has others only."""
    points = _open_points(view)
    return view.of_village(points["kind"].isin(kinds).groupby(points["village_id"]).sum())


def months_served(view: View) -> pd.Series:
    """Months since the oldest service point that is still open was opened."""
    first = _open_points(view).groupby("village_id")["opened_on"].min()
    return view.of_village(month_number(view.as_of) - month_number(first))


def members_per_household(view: View) -> pd.Series:
    """People of the census by household."""
    record = _villages(view)
    return view.of_village(record["census_people"] / record["census_households"].where(lambda n: n > 0))


def receipt_share(view: View, column: str, value: object) -> pd.Series:
    """The share of the collective's receipts of the last 12 months whose column has a value."""
    rows = view.recent("village_receipts", 12).dropna(subset=[column])
    rows = rows[rows["direction"] == "receipt"]
    return view.of_village(rows[column].eq(value).groupby(rows["village_id"]).mean())


def receipts_per_household(view: View, direction: str) -> pd.Series:
    """The collective's receipts or payments of the last 12 months in its books, by census household."""
    rows = view.recent("village_receipts", 12).dropna(subset=["amount"])
    total = rows[rows["direction"] == direction].groupby("village_id")["amount"].sum()
    homes = _villages(view)["census_households"]
    return view.of_village(total / homes.where(homes > 0).reindex(total.index))


def receipt_gap(view: View) -> pd.Series:
    """|books - bank statement| over the books, of the last 12 months; what no statement shows counts in full."""
    rows = view.recent("village_receipts", 12).dropna(subset=["amount"])
    gap = (rows["amount"] - rows["bank_amount"].fillna(0.0)).abs().groupby(rows["village_id"]).sum()
    return view.of_village(share(gap, rows.groupby("village_id")["amount"].sum()))


def voucher_share(view: View) -> pd.Series:
    """The share of the last 12 months' entries with a voucher on file."""
    rows = view.recent("village_receipts", 12).dropna(subset=["voucher"])
    return view.of_village(rows.groupby("village_id")["voucher"].mean())


def purpose_share(view: View, purpose: str) -> pd.Series:
    """The share of the receipts of the last 12 months, by amount, that came for one purpose."""
    rows = view.recent("village_receipts", 12).dropna(subset=["amount", "purpose"])
    rows = rows[rows["direction"] == "receipt"]
    part = rows["amount"].where(rows["purpose"] == purpose, 0.0).groupby(rows["village_id"]).sum()
    return view.of_village(share(part, rows.groupby("village_id")["amount"].sum()))
