"""Measures of a household's conduct: its notes with us, its arrears, what it guarantees, its cases, its refusals.

Each takes a `View` and gives values by household row number, as `measures` says. Notes are those that persons of the
household drew, as in the good/bad sample; notes of organisations are left to a file of their own.
"""

from __future__ import annotations

import pandas as pd

from creditlab.features.known import View, month_number
from creditlab.features.measures import share

NORMAL = "normal"


def open_notes(view: View) -> pd.Series:
    """Notes that are open."""
    return view.open_notes().groupby("household").size()


def balance(view: View) -> pd.Series:
    """What is owed on open notes."""
    return view.open_notes().groupby("household")["owed"].sum()


def line_use(view: View) -> pd.Series:
    """What is owed on the open notes of credit lines, over the limits of these lines."""
    notes = view.open_notes().dropna(subset=["line_id", "line_limit"])
    lines = notes.groupby(["household", "line_id"]).agg(owed=("owed", "sum"), limit=("line_limit", "max"))
    sums = lines.groupby("household").sum()
    return share(sums["owed"], sums["limit"])


def largest_note(view: View, column: str) -> pd.Series:
    """A text of the open note on which most is owed."""
    notes = view.open_notes().sort_values(["owed", "note_id"], kind="stable").dropna(subset=[column])
    return notes.drop_duplicates("household", keep="last").set_index("household")[column]


def months_since_first(view: View) -> pd.Series:
    """Months since the first note was granted."""
    first = view.notes().groupby("household")["granted_on"].min()
    return month_number(view.as_of) - month_number(first)


def renewals(view: View, months: int) -> pd.Series:
    """Notes granted in the last months to renew another; 0 for households with notes and none such."""
    notes = view.notes()
    counted = notes["renewed_from"].notna() & (notes["granted_on"] > view.as_of - pd.DateOffset(months=months))
    return counted.groupby(notes["household"]).sum()


def dpd_now(view: View) -> pd.Series:
    """Days past due at the last month end that the bank has closed, the worst note."""
    return view.reported().groupby("household")["dpd"].max()


def dpd_max(view: View, months: int) -> pd.Series:
    """The most days past due at a month end of the last months."""
    return view.note_months(months).groupby("household")["dpd"].max()


def overdue_months(view: View, months: int) -> pd.Series:
    """Month ends of the last months at which some note was overdue."""
    rows = view.note_months(months)
    late = rows[rows["dpd"] > 0].drop_duplicates(["household", "month_end"]).groupby("household").size()
    return late.reindex(rows["household"].unique(), fill_value=0)


def ever_below_normal(view: View) -> pd.Series:
    """1 where a note was ever classed special mention or worse, else 0."""
    rows = view.note_months().dropna(subset=["class5"])
    return rows["class5"].ne(NORMAL).groupby(rows["household"]).any().astype(float)


def extended(view: View, months: int) -> pd.Series:
    """1 where a note was extended or restructured in the last months, else 0."""
    rows = view.note_months(months)
    eased = rows["extended"].gt(0) | rows["restructured"].gt(0)
    return eased.groupby(rows["household"]).any().astype(float)


def guarantees_given(view: View) -> pd.Series:
    """Notes of others that the household stands guarantee for."""
    rows = view.rows("guarantees")
    valid = rows["guaranteed_to"].isna() | (rows["guaranteed_to"] >= view.as_of)
    return rows[valid].groupby("household")["note_id"].nunique()


def _debtor_cases(view: View) -> pd.DataFrame:
    rows = view.rows("judgments")
    return rows[rows["role"] == "debtor"]


def cases_open(view: View) -> pd.Series:
    """Cases against the household as debtor that are not closed."""
    cases = _debtor_cases(view)
    return cases[~(cases["closed_on"] <= view.as_of)].groupby("household").size()


def amount_enforced(view: View) -> pd.Series:
    """What was enforced in cases against the household as debtor; 0 where cases brought nothing yet."""
    cases = _debtor_cases(view)
    return cases["enforced_amount"].fillna(0.0).groupby(cases["household"]).sum()


def restricted(view: View) -> pd.Series:
    """1 where a case as debtor led to a spending restriction or to the dishonest-debtor list, else 0."""
    cases = _debtor_cases(view)
    hard = cases["spending_restricted"].gt(0) | cases["dishonest_list"].gt(0)
    return hard.groupby(cases["household"]).any().astype(float)


def refusals(view: View, months: int) -> pd.Series:
    """Applications that the bank refused in the last months."""
    rows = view.rows("applications")
    inside = (rows["decided_on"] <= view.as_of) & (rows["decided_on"] > view.as_of - pd.DateOffset(months=months))
    return rows[inside & (rows["decision"] == "refused")].groupby("household").size()
