"""Measures of a household's conduct: its notes with us, its arrears, what it guarantees, its cases, its refusals.

Each takes a `View` and gives values by household row number, as `measures` says. Notes are those that persons of the
household drew, as in the good/bad sample; notes of organisations are left to a file of their own.
"""

from __future__ import annotations

import pandas as pd

from creditlab.data.schema import CLASSES
from creditlab.features.known import View, month_number
from creditlab.features.measures import share

NORMAL = "normal"
#: class → 1 (normal) to 5 (loss)
CLASS_ORDER = {name: place for place, name in enumerate(CLASSES, start=1)}
#: channels without a person of the bank
REMOTE = ("mobile", "wechat")


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


def balance_to_inflow(view: View) -> pd.Series:
    """What is owed on open notes over the money that came in in the last known year."""
    owed = balance(view)
    earned = view.last_year("deposits").dropna(subset=["inflow"]).groupby("household")["inflow"].sum()
    return share(owed, earned.reindex(owed.index))


def rate(view: View) -> pd.Series:
    """The yearly rate on open notes, weighted by what is owed."""
    notes = view.open_notes().dropna(subset=["rate"])
    # an empty table may hold amounts of any dtype
    interest = (notes["owed"].astype("float64") * notes["rate"].astype("float64")).groupby(notes["household"]).sum()
    return share(interest, notes.groupby("household")["owed"].sum())


def due_soon(view: View, months: int) -> pd.Series:
    """What is owed on open notes that fall due within the next months; the due dates are in the contracts."""
    notes = view.open_notes()
    soon = notes["owed"].where(notes["due_on"] <= view.as_of + pd.DateOffset(months=months), 0.0)
    return soon.groupby(notes["household"]).sum()


def drawn(view: View, months: int) -> pd.Series:
    """The amount of notes drawn in the last months; 0 for households with older notes only."""
    notes = view.notes()
    amount = notes["amount"].where(notes["granted_on"] > view.as_of - pd.DateOffset(months=months), 0.0)
    return amount.groupby(notes["household"]).sum()


def remote_share(view: View, months: int) -> pd.Series:
    """The share of notes of the last months that were drawn by mobile or WeChat."""
    notes = view.notes().dropna(subset=["channel"])
    notes = notes[notes["granted_on"] > view.as_of - pd.DateOffset(months=months)]
    return notes["channel"].isin(REMOTE).groupby(notes["household"]).mean()


def organisation_balance(view: View) -> pd.Series:
    """What organisations with this household behind them owe at the last closed month."""
    notes = view.notes_behind()
    state = view.county_months(notes["note_id"]).set_index("note_id")["balance"]
    owed = notes["note_id"].map(state).fillna(0.0)
    return owed.groupby(notes["household"]).sum()


def overdue_amount(view: View, column: str) -> pd.Series:
    """Overdue principal or interest at the last month end that the bank has closed."""
    return view.reported().groupby("household")[column].sum()


def late_months(view: View, months: int, days: int) -> pd.Series:
    """Month ends of the last months at which some note was overdue by more than some days."""
    rows = view.note_months(months)
    late = rows[rows["dpd"] > days].drop_duplicates(["household", "month_end"]).groupby("household").size()
    return late.reindex(rows["household"].unique(), fill_value=0)


def months_since_late(view: View) -> pd.Series:
    """Months since a note was last overdue at a month end; blank for borrowers that never were."""
    rows = view.note_months()
    last = rows[rows["dpd"] > 0].groupby("household")["month_end"].max()
    return (month_number(view.as_of) - month_number(last)).reindex(rows["household"].unique())


def worst_class(view: View, months: int) -> pd.Series:
    """The worst of the five classes in the last months: 1 normal to 5 loss."""
    rows = view.note_months(months).dropna(subset=["class5"])
    return rows["class5"].map(CLASS_ORDER).groupby(rows["household"]).max()


def balance_change(view: View) -> pd.Series:
    """(balance at the last closed month - twelve months before) / their sum."""
    reported, rows = view.reported(), view.note_months(24)
    now = reported.groupby("household")["balance"].sum()
    year_ago = month_number(rows["month_end"]) == month_number(reported["month_end"]).max() - 12
    then = rows[year_ago].groupby("household")["balance"].sum()
    then = then.reindex(now.index, fill_value=0.0)
    return share(now - then, now + then)


def written_off(view: View) -> pd.Series:
    """1 where a note was written off or transferred, else 0."""
    rows = view.note_months()
    gone = rows["written_off"].gt(0) | rows["transferred"].gt(0)
    return gone.groupby(rows["household"]).any().astype(float)


def recovered(view: View, months: int) -> pd.Series:
    """What was recovered on written-off notes in the last months."""
    return view.note_months(months).dropna(subset=["recovered"]).groupby("household")["recovered"].sum()


def guaranteed_amount(view: View) -> pd.Series:
    """What others owe on the notes that the household stands guarantee for, at the last closed month."""
    rows = view.notes_guaranteed()
    return rows.groupby("household")["balance"].sum()


def guaranteed_dpd(view: View) -> pd.Series:
    """The most days past due of the notes that the household stands guarantee for."""
    return view.notes_guaranteed().groupby("household")["dpd"].max()


def guarantors(view: View) -> pd.Series:
    """Households that stand guarantee for the open notes; 0 with open notes and none."""
    rows = view.notes_secured()
    count = rows.groupby("household")["guarantor"].nunique()
    return count.reindex(view.open_notes()["household"].unique(), fill_value=0)


def guarantors_dpd(view: View) -> pd.Series:
    """The most days past due of the households that stand guarantee for the open notes: a joint group falls together.

    0 where guarantors owe us nothing.
    """
    rows = view.notes_secured()
    worst = view.arrears_in_county(rows["guarantor"])
    return rows["guarantor"].map(worst).fillna(0.0).groupby(rows["household"]).max()


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


def cases_as_guarantor(view: View) -> pd.Series:
    """Cases against the household as guarantor that are not closed."""
    rows = view.rows("judgments")
    return rows[(rows["role"] == "guarantor") & ~(rows["closed_on"] <= view.as_of)].groupby("household").size()


def cases_amount(view: View) -> pd.Series:
    """What is at issue in open cases against the household as debtor."""
    cases = _debtor_cases(view)
    return cases[~(cases["closed_on"] <= view.as_of)].groupby("household")["amount"].sum()


def case_found(view: View, column: str, value: object) -> pd.Series:
    """1 where a case as debtor ended with a finding (evasion, no assets), else 0."""
    cases = _debtor_cases(view)
    return cases[column].eq(value).groupby(cases["household"]).any().astype(float)


def months_since_case(view: View) -> pd.Series:
    """Months since the last case as debtor was filed."""
    last = _debtor_cases(view).groupby("household")["filed_on"].max()
    return month_number(view.as_of) - month_number(last)


def applications(view: View, months: int) -> pd.Series:
    """Applications of the last months, by all channels."""
    return view.recent("applications", months).groupby("household").size()


def remote_applications(view: View, months: int) -> pd.Series:
    """The share of the applications of the last months that came by mobile or WeChat."""
    rows = view.recent("applications", months).dropna(subset=["channel"])
    return rows["channel"].isin(REMOTE).groupby(rows["household"]).mean()


def asked_amount(view: View, months: int) -> pd.Series:
    """The largest amount asked for in the last months."""
    return view.recent("applications", months).dropna(subset=["amount"]).groupby("household")["amount"].max()


def is_borrower(view: View) -> pd.Series:
    """Whether the household has an open note."""
    there = pd.Series(False, index=view.village.index)
    there.loc[view.open_notes()["household"].unique()] = True
    return there


def is_late(view: View, days: int) -> pd.Series:
    """1 where a borrower is overdue by more than some days at the last closed month, else 0."""
    return view.reported().groupby("household")["dpd"].max().gt(days).astype(float)


def is_npl(view: View) -> pd.Series:
    """1 where a borrower has a note in one of the last three classes at the last closed month, else 0."""
    rows = view.reported().dropna(subset=["class5"])
    return rows["class5"].map(CLASS_ORDER).ge(3).groupby(rows["household"]).any().astype(float)


def sued(view: View, months: int) -> pd.Series:
    """1 for households sued as debtor in the last months, 0 for all others of the file."""
    rows = view.recent("judgments", months)
    there = pd.Series(0.0, index=view.village.index)
    there.loc[rows[rows["role"] == "debtor"]["household"].unique()] = 1.0
    return there


def refusals(view: View, months: int) -> pd.Series:
    """Applications that the bank refused in the last months."""
    rows = view.rows("applications")
    inside = (rows["decided_on"] <= view.as_of) & (rows["decided_on"] > view.as_of - pd.DateOffset(months=months))
    return rows[inside & (rows["decision"] == "refused")].groupby("household").size()
