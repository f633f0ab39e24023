"""Measures of what a household is and earns: deposits, production, people, business, tax, debt elsewhere.

All of them are facts of the household, none of its conduct as our borrower. Each takes a `View` and gives values by
household row number, as `measures` says.
"""

from __future__ import annotations

import pandas as pd

from creditlab.features.known import View
from creditlab.features.measures import share


def end_balance(view: View) -> pd.Series:
    """The balance at the household's last known month end, when the account is not dormant."""
    rows = view.last_year("deposits")
    return rows[rows["age"] == 0].dropna(subset=["end_balance"]).groupby("household")["end_balance"].sum()


def inflow_volatility(view: View) -> pd.Series:
    """Standard deviation over mean of the periods' inflow in the last known year; three periods or more."""
    flows = view.last_year("deposits").dropna(subset=["inflow"]).groupby("household")["inflow"]
    found = flows.agg(["size", "mean", "var"])
    # the population variance: these periods are the year, not a sample of it
    spread = (found["var"] * (found["size"] - 1) / found["size"]).clip(lower=0) ** 0.5
    return share(spread, found["mean"]).where(found["size"] >= 3)


def balance_trend(view: View) -> pd.Series:
    """(last six months - the six before) / their sum, of mean end balances: from -1 (drained) to 1 (filled)."""
    rows = view.last_year("deposits").dropna(subset=["end_balance"])
    half = rows["age"].ge(6).map({True: "prior", False: "last"})
    means = rows.groupby(["household", half])["end_balance"].mean().unstack().reindex(columns=["last", "prior"])
    return share(means["last"] - means["prior"], means["last"] + means["prior"])


def _areas(view: View) -> pd.DataFrame:
    """Household × crop: the area of the latest known year, without households whose areas are all blank."""
    rows = view.latest("agriculture")
    crops = [c for c in rows.columns if c.startswith("area_")]
    areas = rows.dropna(subset=crops, how="all").groupby("household")[crops].sum()
    return areas.rename(columns=lambda c: c.removeprefix("area_"))


def farm_area(view: View) -> pd.Series:
    """The area of all crops in the latest known year."""
    return _areas(view).sum(axis=1)


def main_crop(view: View) -> pd.Series:
    """The crop with the largest area; blank where nothing is grown."""
    areas = _areas(view)
    return areas.idxmax(axis=1).astype("str").where(areas.sum(axis=1) > 0)


def main_crop_share(view: View) -> pd.Series:
    """The largest crop's share of the area."""
    areas = _areas(view)
    return share(areas.max(axis=1), areas.sum(axis=1))


def census(view: View, column: str) -> pd.Series:
    """A column of the census row."""
    return view.census().set_index("household")[column].dropna()


def per_member(view: View, column: str) -> pd.Series:
    """A column of the census row as a share of the members, at most 1: a part that exceeds the whole is misfiled."""
    rows = view.census().set_index("household").dropna(subset=[column, "members"])
    return share(rows[column], rows["members"]).clip(upper=1.0)


def dependants(view: View) -> pd.Series:
    """Members who do not work, children included."""
    rows = view.census().dropna(subset=["members", "labour"]).set_index("household")
    return (rows["members"] - rows["labour"]).clip(lower=0)


def _businesses(view: View) -> pd.DataFrame:
    """Each business in the status that it has on the date of the file."""
    rows = view.rows("businesses").sort_values(["status_from", "business_id"], kind="stable")
    last = rows.drop_duplicates("business_id", keep="last")
    return last[last["status_to"].isna() | (last["status_to"] >= view.as_of)]


def business_open(view: View) -> pd.Series:
    """Businesses that are open."""
    rows = _businesses(view)
    return rows[rows["status"] == "open"].groupby("household").size()


def business_sector(view: View) -> pd.Series:
    """The sector of the open business that changed its status last."""
    rows = _businesses(view).dropna(subset=["sector"])
    rows = rows[rows["status"] == "open"]
    return rows.drop_duplicates("household", keep="last").set_index("household")["sector"]


def business_abnormal(view: View) -> pd.Series:
    """1 where a business is on the abnormal-operation list, 0 where there is a business and none is."""
    rows = _businesses(view).dropna(subset=["abnormal"])
    return rows["abnormal"].gt(0).groupby(rows["household"]).any().astype(float)


def has_business(view: View) -> pd.Series:
    """Whether a household has an open business: who should have a tax record. All, where no registry is connected."""
    if not view.has("businesses"):
        return pd.Series(True, index=view.village.index)
    return business_open(view).reindex(view.village.index, fill_value=0) > 0
