"""What the departments know of each village on a date: the counts behind the criteria, the cases, the drivers.

Everything is read from the household file of that date, so nothing is seen that was not known then, and consent and
column policy hold. Overlay columns (civility points) leave it as village counts only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from creditlab.village.intervals import jeffreys_limits

#: records older than this are not held against a village: five years, as for adverse items of a person
#: (Regulation on the Credit Reporting Industry, Art. 16)
WINDOW_MONTHS = 60
#: days past due from which a guarantor is called
CALLED_DPD = 90


def environment_facts(file: Any) -> pd.DataFrame:
    """The counts of the credit environment: village component observed exposure; absent tables give no rows.

    Parameters
    ----------
    file : a `HouseholdFile` of all households; its date is the date of the facts.
    """
    parts = [make(file) for make in _ENVIRONMENT.values()]
    known = [part.assign(component=name) for name, part in zip(_ENVIRONMENT, parts, strict=True) if part is not None]
    columns = ["village", "component", "observed", "exposure"]
    return pd.concat(known, ignore_index=True)[columns] if known else pd.DataFrame(columns=columns)


def court_cases(file: Any) -> pd.DataFrame | None:
    """The court's cases with the village of the household: the columns of `judgments` and village."""
    cases = _recent(file, "judgments", "filed_on")
    if cases is None:
        return None
    cases = cases.assign(village=cases["household_id"].map(file.frame["village_id"]))
    return cases[cases["village"].notna()]


def _recent(file: Any, table: str, date: str) -> pd.DataFrame | None:
    """The rows of a table that are not older than the window, or None where the table or its date is not there."""
    if table not in file.tables or date not in file.tables[table]:
        return None
    rows = file.tables[table]
    return rows[rows[date] > file.as_of - pd.DateOffset(months=WINDOW_MONTHS)]


def _counts(file: Any, household: pd.Series, hit: pd.Series) -> pd.DataFrame:
    """Villages with the number of rows and of hits among them."""
    village = household.map(file.frame["village_id"])
    rows = pd.DataFrame({"village": village.to_numpy(), "hit": hit.to_numpy(dtype=float)})
    counts = rows.dropna(subset=["village"]).groupby("village")["hit"].agg(observed="sum", exposure="size")
    return counts.reset_index()


def _evasion(file: Any) -> pd.DataFrame | None:
    cases = _recent(file, "judgments", "filed_on")
    if cases is None or "evasion" not in cases:
        return None
    closed = cases[cases["evasion"].notna()]
    return _counts(file, closed["household_id"], closed["evasion"].eq(1))


def _guarantor_refusal(file: Any) -> pd.DataFrame | None:
    """Guaranteed notes that went past due by 90 days and into court, and those whose guarantors were sued as well.

    Counted by note, not by guarantor: the guarantors of a note are sued together. The village is the guarantors'.
    """
    if not {"guarantees", "loans", "loan_months", "judgments"} <= set(file.tables):
        return None
    months, cases, links = (file.tables[t] for t in ("loan_months", "judgments", "guarantees"))
    if "dpd" not in months or "role" not in cases:
        return None
    first = months[months["dpd"] >= CALLED_DPD].groupby("note_id")["month_end"].min()
    called = links[links["note_id"].isin(first.index)].assign(called=lambda f: f["note_id"].map(first))
    debtor = file.tables["loans"].drop_duplicates("note_id").set_index("note_id")["household_id"]
    suits = cases[["household_id", "role", "filed_on"]]
    sued = called.assign(debtor=called["note_id"].map(debtor))
    sued = sued[sued["debtor"].isin(suits.loc[suits["role"].eq("debtor"), "household_id"])]
    against = suits[suits["role"].eq("guarantor")].groupby("household_id")["filed_on"].max()
    hit = sued["household_id"].map(against) >= sued["called"]
    notes = sued.assign(hit=hit).groupby("note_id", as_index=False).agg(
        household_id=("household_id", "first"), hit=("hit", "max")
    )  # fmt: skip
    return _counts(file, notes["household_id"], notes["hit"])


def _adverse_record(file: Any) -> pd.DataFrame | None:
    """The last credit report of each household that consented, and whether it shows arrears elsewhere."""
    reports = _recent(file, "credit_reports", "queried_on")
    if reports is None or "outside_overdue" not in reports:
        return None
    known = reports[reports["outside_overdue"].notna()].sort_values(["queried_on", "person_id"], kind="stable")
    last = known.drop_duplicates("household_id", keep="last")
    return _counts(file, last["household_id"], last["outside_overdue"] > 0)


def _collection_refusal(file: Any) -> pd.DataFrame | None:
    visits = _recent(file, "collection_log", "requested_on")
    if visits is None or "outcome" not in visits:
        return None
    met = visits[visits["outcome"].isin(["done", "refused"])]
    return _counts(file, met["household_id"], met["outcome"].eq("refused"))


def _civility_minus(file: Any) -> pd.DataFrame | None:
    events = _recent(file, "civility_events", "happened_on")
    if events is None or "points" not in events:
        return None
    counted = events[events["points"].notna()]
    return _counts(file, counted["household_id"], counted["points"] < 0)


_ENVIRONMENT: dict[str, Callable[[Any], pd.DataFrame | None]] = {
    "evasion": _evasion,
    "guarantor_refusal": _guarantor_refusal,
    "adverse_record": _adverse_record,
    "collection_refusal": _collection_refusal,
    "civility_minus": _civility_minus,
}


def quality_facts(file: Any, conflicts: pd.DataFrame) -> pd.DataFrame:
    """How far the records of a village can be trusted: village households conflicts coverage.

    Parameters
    ----------
    conflicts : what `county.conflicts(as_of)` gives: a row per household and fact on which two sources disagree.

    Returns
    -------
    DataFrame : `conflicts` is the number of households with a conflict, `coverage` the share of the census households
        that a survey has reached within the window, NaN without a collection log.
    """
    village = file.frame["village_id"]
    census = village.value_counts().sort_index()
    disputed = conflicts["household_id"].drop_duplicates().map(village).value_counts()
    table = pd.DataFrame({"households": census, "conflicts": disputed.reindex(census.index, fill_value=0)})
    table["coverage"] = np.nan
    visits = _recent(file, "collection_log", "requested_on")
    if visits is not None and {"covers", "outcome"} <= set(visits.columns):
        done = visits.loc[visits["covers"].eq("survey") & visits["outcome"].eq("done"), "household_id"]
        reached = done.drop_duplicates().map(village).value_counts()
        table["coverage"] = reached.reindex(census.index, fill_value=0) / census
    return table.rename_axis("village").reset_index()


def driver_facts(file: Any) -> pd.DataFrame:
    """Facts that may drive a village's context, one row per village: village, then the columns of `DRIVERS` known.

    Overlay columns (civility) come as village shares. Facts of tables that are not there are left out.
    """
    village = file.frame["village_id"]
    parts = {name: make(file) for name, (_, _, make) in DRIVERS.items()}
    names = pd.Index(sorted(village.dropna().unique()), name="village")
    known = {name: part.reindex(names) for name, part in parts.items() if part is not None}
    return pd.DataFrame(known, index=names).reset_index()


def _places(file: Any) -> pd.DataFrame | None:
    """The record of each village that is valid on the date."""
    if "villages" not in file.tables:
        return None
    rows = file.tables["villages"].sort_values("valid_from", kind="stable")
    valid = rows[rows["valid_to"].isna() | (rows["valid_to"] >= file.as_of)]
    return valid.drop_duplicates("village_id", keep="last").set_index("village_id")


def _place(column: str) -> Callable[[Any], pd.Series | None]:
    def fact(file: Any) -> pd.Series | None:
        places = _places(file)
        return None if places is None or column not in places else places[column].astype(float)

    return fact


def _collective_income(file: Any) -> pd.Series | None:
    """Collective income per census household, yuan, as its logarithm: incomes are spread over orders of magnitude."""
    places = _places(file)
    if places is None or not {"collective_income", "census_households"} <= set(places.columns):
        return None
    each = places["collective_income"] / places["census_households"].where(lambda n: n > 0)
    return np.log(each.where(each > 0))


def _reconciled(file: Any) -> pd.Series | None:
    """Share of the collective's receipts of the last 12 months that were reconciled."""
    if "village_receipts" not in file.tables or "reconciled" not in file.tables["village_receipts"]:
        return None
    rows = file.tables["village_receipts"]
    rows = rows[(rows["paid_on"] > file.as_of - pd.DateOffset(months=12)) & rows["direction"].eq("receipt")]
    return rows["reconciled"].astype(float).groupby(rows["village_id"]).mean()


def _service_points(file: Any) -> pd.Series | None:
    """Open service points per 100 census households; 0 in a village that has none."""
    if "service_points" not in file.tables:
        return None
    points = file.tables["service_points"]
    open_ = points["opened_on"].le(file.as_of) & ~points["closed_on"].le(file.as_of)
    homes = file.frame["village_id"].value_counts()
    return 100 * points[open_].groupby("village_id").size().reindex(homes.index, fill_value=0) / homes


def _share(counts: pd.DataFrame | None) -> pd.Series | None:
    """Observed out of exposed by village, drawn to the county by two units of exposure, so that few are not extreme."""
    if counts is None or not counts["exposure"].sum() > 0:
        return None
    county = counts["observed"].sum() / counts["exposure"].sum()
    rows = counts.set_index("village")
    return (rows["observed"] + 2 * county) / (rows["exposure"] + 2)


def _no_assets(file: Any) -> pd.Series | None:
    cases = court_cases(file)
    if cases is None or "outcome" not in cases:
        return None
    closed = cases[cases["outcome"].notna()]
    return _share(_counts(file, closed["household_id"], closed["outcome"].eq("no_assets")))


def _months_to_close(file: Any) -> pd.Series | None:
    """Months waited per closed case, open cases included, drawn to the county's by one closed case."""
    cases = court_cases(file)
    if cases is None or not {"enforcement_on", "closed_on"} <= set(cases.columns):
        return None
    started = cases[cases["enforcement_on"].notna()]
    if started["closed_on"].notna().sum() == 0:
        return None
    waited = (started["closed_on"].fillna(file.as_of) - started["enforcement_on"]).dt.days.clip(lower=1) / 30.44
    sums = pd.DataFrame({"months": waited, "closed": started["closed_on"].notna(), "village": started["village"]})
    sums = sums.groupby("village").sum()
    county = sums["months"].sum() / sums["closed"].sum()
    return (sums["months"] + county) / (sums["closed"] + 1)


def _joint_share(file: Any) -> pd.Series | None:
    """Share of the notes granted in the last 36 months that are jointly guaranteed."""
    if "loans" not in file.tables or "guarantee" not in file.tables["loans"]:
        return None
    notes = file.tables["loans"]
    notes = notes[notes["granted_on"] > file.as_of - pd.DateOffset(months=36)]
    return _share(_counts(file, notes["household_id"], notes["guarantee"].eq("joint")))


#: a year in which this share of a crop's insured growers reported a loss was a shock to the crop
SHOCK = 0.3


def _crop_shock(file: Any) -> pd.Series | None:
    """Share of the village's crop land under crops hit by a shock in the last 36 months.

    A crop was hit in a year when insurance paid to 30 % or more of its insured growers; land counts by the crops of the
    growers, insured or not, because drought does not ask.
    """
    farms = _recent(file, "agriculture", "year_end")
    if farms is None or "insured_loss" not in farms:
        return None
    farms = farms[farms["year_end"] > file.as_of - pd.DateOffset(months=36)]
    areas = [c for c in farms.columns if c.startswith("area_")]
    if not areas or not len(farms):
        return None
    main = farms[areas].fillna(0).idxmax(axis=1)
    hit = farms["insured_loss"].gt(0).where(farms["insured"].eq(1))
    shocks = hit.astype(float).groupby([farms["year_end"], main]).mean()
    crops = sorted({crop for (_, crop), share in shocks.items() if share >= SHOCK})
    land = farms.assign(village=farms["household_id"].map(file.frame["village_id"])).groupby("village")[areas].sum()
    return (land[crops].sum(axis=1) if crops else 0.0 * land.sum(axis=1)) / land.sum(axis=1).where(lambda a: a > 0)


#: driver → (zh, en, how it is made)
DRIVERS: dict[str, tuple[str, str, Callable[[Any], pd.Series | None]]] = {
    "km_to_court": ("距法庭（公里）", "distance to the court (km)", _place("km_to_court")),
    "km_to_branch": ("距支行（公里）", "distance to the branch (km)", _place("km_to_branch")),
    "collective_income": ("户均村集体收入（对数）", "collective income per household (log)", _collective_income),
    "reconciled": ("村集体收款对账占比", "receipts of the collective reconciled", _reconciled),
    "service_points": ("每百户服务点", "service points per 100 households", _service_points),
    "civility_minus": ("文明积分扣分占比", "civility events with minus points", lambda f: _share(_civility_minus(f))),
    "months_to_close": ("执行结案月数", "months to close a case", _months_to_close),
    "no_assets": ("无财产终本占比", "cases ended for lack of assets", _no_assets),
    "joint_share": ("联保贷款占比", "jointly guaranteed notes", _joint_share),
    "crop_shock": ("受灾作物面积占比", "land under crops that met a shock", _crop_shock),
}


def guarantee_links(file: Any) -> pd.DataFrame | None:
    """Who guarantees whom: household partner from to, one row per note and guarantor; None without the tables."""
    if not {"guarantees", "loans"} <= set(file.tables):
        return None
    debtor = file.tables["loans"][["note_id", "household_id"]].rename(columns={"household_id": "household"})
    links = file.tables["guarantees"].merge(debtor, on="note_id")
    columns = {"household_id": "partner", "guaranteed_from": "from", "guaranteed_to": "to"}
    if not set(columns) <= set(links.columns):
        return None
    links = links.rename(columns=columns)[["household", "partner", "from", "to"]]
    return links[links["household"].notna() & links["partner"].notna()]


def quarter_moves(file: Any) -> pd.DataFrame | None:
    """Notes at consecutive quarter ends: quarter (the later end) village note start end, states of five classes.

    Notes that were repaid, or drawn, between two quarter ends are left out; None without the book's classes.
    """
    if not {"loans", "loan_months"} <= set(file.tables) or "class5" not in file.tables["loan_months"]:
        return None
    months = file.tables["loan_months"]
    ends = months[months["month_end"].dt.month.isin([3, 6, 9, 12]) & months["class5"].notna()]
    home = file.tables["loans"].drop_duplicates("note_id").set_index("note_id")["household_id"]
    table = ends[["note_id", "month_end", "class5"]].assign(
        village=ends["note_id"].map(home).map(file.frame["village_id"]),
        number=ends["month_end"].dt.year * 4 + ends["month_end"].dt.quarter,
    )
    table = table[table["village"].notna()]
    earlier = table[["note_id", "number", "class5"]].assign(number=lambda f: f["number"] + 1)
    pairs = table.merge(earlier.rename(columns={"class5": "start"}), on=["note_id", "number"])
    pairs = pairs.rename(columns={"class5": "end", "month_end": "quarter", "note_id": "note"})
    return pairs[["quarter", "village", "note", "start", "end"]].sort_values(["quarter", "note"], ignore_index=True)


def book_now(file: Any, npl_dpd: int = 90) -> pd.DataFrame | None:
    """The book at its last month end, by village; None without the book.

    Columns: village borrowers performing balance performing_balance npl_balance n_eff npl_share npl_lo npl_hi. Yuan; a
    note is performing below `npl_dpd` days past due. The share by balance has a Jeffreys interval at 90 % on the
    effective number of notes, (Σ balance)² / Σ balance².
    """
    if not {"loans", "loan_months"} <= set(file.tables):
        return None
    months = file.tables["loan_months"]
    now = months[(months["month_end"] == months["month_end"].max()) & (months["balance"] > 0)]
    home = file.tables["loans"].drop_duplicates("note_id").set_index("note_id")["household_id"]
    rows = now[["note_id", "balance", "dpd"]].assign(household=now["note_id"].map(home))
    rows["village"] = rows["household"].map(file.frame["village_id"])
    good = rows["dpd"].fillna(0) < npl_dpd
    rows = rows.assign(
        square=rows["balance"].astype(float) ** 2,
        good_balance=rows["balance"].where(good, 0.0),
        good_household=rows["household"].where(good),
    )
    table = rows[rows["village"].notna()].groupby("village").agg(
        borrowers=("household", "nunique"), performing=("good_household", "nunique"), balance=("balance", "sum"),
        performing_balance=("good_balance", "sum"), squares=("square", "sum"),
    )  # fmt: skip
    table["npl_balance"] = table["balance"] - table["performing_balance"]
    table["n_eff"] = table["balance"] ** 2 / table.pop("squares")
    table["npl_share"] = table["npl_balance"] / table["balance"]
    bad = (table["npl_share"] * table["n_eff"]).to_numpy()
    table["npl_lo"], table["npl_hi"] = jeffreys_limits(bad, table["n_eff"].to_numpy(), 0.9)
    return table.reset_index()
