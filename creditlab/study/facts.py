"""What the departments know of each village on a date: the counts behind the criteria, the cases, the drivers.

Everything is read from the household file of that date, so nothing is seen that was not known then, and consent and
column policy hold. Overlay columns (civility points) leave it as village counts only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

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
