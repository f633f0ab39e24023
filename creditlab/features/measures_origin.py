"""Measures of what a household is and earns: deposits, production, people, business, tax, debt elsewhere.

All of them are facts of the household, none of its conduct as our borrower. Each takes a `View` and gives values by
household row number, as `measures` says.
"""

from __future__ import annotations

import pandas as pd

from creditlab.features.known import LATEST_MONTHS, View, month_number
from creditlab.features.measures import latest_change, recent_mean, share


def end_balance(view: View) -> pd.Series:
    """The balance at the household's last known month end, when the account is not dormant."""
    rows = view.last_year("deposits")
    return rows[rows["age"] == 0].dropna(subset=["end_balance"]).groupby("household")["end_balance"].sum()


def balance_trend(view: View) -> pd.Series:
    """(last six months - the six before) / their sum, of mean end balances: from -1 (drained) to 1 (filled)."""
    rows = view.last_year("deposits").dropna(subset=["end_balance"])
    half = rows["age"].ge(6).map({True: "prior", False: "last"})
    means = rows.groupby(["household", half])["end_balance"].mean().unstack().reindex(columns=["last", "prior"])
    return share(means["last"] - means["prior"], means["last"] + means["prior"])


def lowest_balance(view: View) -> pd.Series:
    """The lowest end balance of the last known year: what was left in the tightest period."""
    return view.last_year("deposits").dropna(subset=["end_balance"]).groupby("household")["end_balance"].min()


def months_covered(view: View) -> pd.Series:
    """How many months of outflow the mean end balance of the last known year would pay for."""
    rows = view.last_year("deposits").dropna(subset=["end_balance", "outflow"])
    found = rows.groupby("household").agg(balance=("end_balance", "mean"), outflow=("outflow", "sum"))
    return share(found["balance"], found["outflow"] / 12)


def harvest_inflow(view: View) -> pd.Series:
    """The share of a full year's money in that came from July to December, the months of the harvest and its sale."""
    rows = view.last_year("deposits").dropna(subset=["inflow"])
    rows = rows.assign(harvest=rows["inflow"].where(rows["month_end"].dt.month > 6, 0.0))
    sums = rows.groupby("household").agg(part=("harvest", "sum"), whole=("inflow", "sum"), first=("age", "max"))
    return share(sums["part"], sums["whole"]).where(sums["first"] >= 9)


def consumption_share(view: View) -> pd.Series:
    """Consumption over the money that came in, in the last known year of each."""
    spent = view.last_year("payments").dropna(subset=["consumption"]).groupby("household")["consumption"].sum()
    earned = view.last_year("deposits").dropna(subset=["inflow"]).groupby("household")["inflow"].sum()
    return share(spent, earned.reindex(spent.index))


def income_per_member(view: View) -> pd.Series:
    """The income stated at the latest visit, by member of the census."""
    said = _stated(view, "stated_income")
    members = view.census().set_index("household")["members"]
    return share(said, members.reindex(said.index))


def stated(view: View, column: str) -> pd.Series:
    """What was stated at the latest visit that has an answer."""
    return _stated(view, column)


def _stated(view: View, column: str) -> pd.Series:
    rows = view.recent("collection_log", LATEST_MONTHS).dropna(subset=[column])
    return rows.drop_duplicates("household", keep="last").set_index("household")[column]


def area_gap(view: View) -> pd.Series:
    """|stated - registered| over the larger of the two areas: how far the household and the register disagree."""
    said, filed = _stated(view, "stated_area"), farm_area(view)
    both = said.index.intersection(filed.index)
    larger = pd.concat([said.loc[both], filed.loc[both]], axis=1).max(axis=1)
    return ((said.loc[both] - filed.loc[both]).abs() / larger.where(larger > 0)).fillna(0.0)


def members_gap(view: View) -> pd.Series:
    """|stated - census| members over the census."""
    said, filed = _stated(view, "stated_members"), view.census().set_index("household")["members"].dropna()
    both = said.index.intersection(filed.index)
    return share((said.loc[both] - filed.loc[both]).abs(), filed.loc[both])


def debt_to_income(view: View) -> pd.Series:
    """Debt elsewhere over the money that came in at our bank in the last known year."""
    reports = view.latest("credit_reports", 24, "person_id").dropna(subset=["outside_debt"])
    debt = reports.groupby("household")["outside_debt"].sum()
    earned = view.last_year("deposits").dropna(subset=["inflow"]).groupby("household")["inflow"].sum()
    return share(debt, earned.reindex(debt.index))


def reports_change(view: View) -> pd.Series:
    """Change of the debt elsewhere between the last two days on which the household was queried."""
    return latest_change(view, "credit_reports", "outside_debt", 36)


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


def crop_share(view: View, crop: str) -> pd.Series:
    """One crop's share of the area of the latest known year."""
    areas = _areas(view)
    return share(areas[crop], areas.sum(axis=1))


def area_per_worker(view: View) -> pd.Series:
    """Contracted area by member who works."""
    labour = view.census().set_index("household")["labour"]
    area = farm_area(view)
    return share(area, labour.reindex(area.index))


def area_change(view: View) -> pd.Series:
    """(area of the last known year - of the year before) / their sum."""
    rows = view.recent("agriculture", LATEST_MONTHS)
    crops = [c for c in rows.columns if c.startswith("area_")]
    rows = rows.dropna(subset=crops, how="all")
    total = rows[crops].sum(axis=1)
    sums = total.groupby([rows["household"], rows["year_end"]]).sum().reset_index(name="area")
    place = sums.groupby("household").cumcount(ascending=False)
    last, prior = (sums[place == k].set_index("household")["area"] for k in (0, 1))
    prior = prior.reindex(last.index)
    return share(last - prior, last + prior)


def subsidy_per_mu(view: View) -> pd.Series:
    """The subsidy of the latest known year by mu."""
    rows = view.latest("agriculture").dropna(subset=["subsidy"])
    paid, area = rows.groupby("household")["subsidy"].sum(), farm_area(view)
    return share(paid, area.reindex(paid.index))


def insured_years(view: View) -> pd.Series:
    """The share of the known years of the last three in which crops were insured."""
    return recent_mean(view, "agriculture", "insured", 36)


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


def business_age(view: View) -> pd.Series:
    """Months since the oldest business that is open was first registered."""
    still = _businesses(view)
    still = still[still["status"] == "open"]["business_id"]
    rows = view.rows("businesses")
    first = rows[rows["business_id"].isin(still)].groupby("household")["status_from"].min()
    return month_number(view.as_of) - month_number(first)


def business_closed(view: View, months: int) -> pd.Series:
    """Businesses that were cancelled or revoked in the last months."""
    rows = view.recent("businesses", months)
    return rows[rows["status"].isin(["cancelled", "revoked"])].groupby("household")["business_id"].nunique()


def tax_years(view: View) -> pd.Series:
    """Years with a tax record among the last three: continuity of filing."""
    return view.recent("tax", 36).dropna(subset=["grade"]).groupby("household")["year_end"].nunique()


def months_paid_share(view: View, table: str) -> pd.Series:
    """Months paid over months paid and missed, of all members over the known years of the last three."""
    rows = view.recent(table, 36).dropna(subset=["months_paid", "gap_months"])
    sums = rows.groupby("household")[["months_paid", "gap_months"]].sum()
    return share(sums["months_paid"], sums.sum(axis=1))


def has_business(view: View) -> pd.Series:
    """Whether a household has an open business: who should have a tax record. All, where no registry is connected."""
    if not view.has("businesses"):
        return pd.Series(True, index=view.village.index)
    return business_open(view).reindex(view.village.index, fill_value=0) > 0
