"""The series behind a portrait: month ends, deposit flows, areas by crop, the guarantee network, disagreements.

Each takes a household file and an index of households and gives a small frame; segments are added up. It draws nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from creditlab.data.schema import TABLES
from creditlab.data.verification import cross_check

#: months and years that a portrait looks back
MONTHS, YEARS = 36, 3


def _of(file: Any, table: str, homes: pd.Index) -> pd.DataFrame:
    """The rows of these households up to the date of the file; an empty frame where the table is not there."""
    if table not in file.tables:
        return pd.DataFrame(columns=list(TABLES[table].names))
    rows = file.tables[table]
    return rows[rows["household_id"].isin(homes) & (rows[TABLES[table].event] <= file.as_of)]


def _notes(file: Any, homes: pd.Index) -> pd.DataFrame:
    notes = _of(file, "loans", homes)
    return notes[notes["borrower_kind"] == "person"] if "borrower_kind" in notes else notes


def conduct_months(file: Any, homes: pd.Index) -> pd.DataFrame:
    """month balance dpd late_share borrowers: balance, most days past due, share over 30 days late, borrowers."""
    columns = ["month", "balance", "dpd", "late_share", "borrowers"]
    notes = _notes(file, homes).set_index("note_id")["household_id"]
    if "loan_months" not in file.tables or notes.empty:
        return pd.DataFrame(columns=columns)
    rows = file.tables["loan_months"]
    since = file.as_of - pd.DateOffset(months=MONTHS)
    rows = rows[rows["note_id"].isin(notes.index) & (rows["month_end"] > since) & (rows["month_end"] <= file.as_of)]
    rows = rows.assign(household=rows["note_id"].map(notes))
    by_home = rows.groupby(["month_end", "household"], as_index=False).agg(
        balance=("balance", "sum"), dpd=("dpd", "max")
    )
    by_home["late"] = by_home["dpd"] > 30
    table = by_home.groupby("month_end", as_index=False).agg(
        balance=("balance", "sum"), dpd=("dpd", "max"), late_share=("late", "mean"), borrowers=("late", "size")
    )
    return table.rename(columns={"month_end": "month"})[columns]


def deposit_flows(file: Any, homes: pd.Index) -> pd.DataFrame:
    """period inflow outflow end_balance, by household on average."""
    rows = _of(file, "deposits", homes)
    rows = rows[rows["month_end"] > file.as_of - pd.DateOffset(years=YEARS)]
    table = rows.groupby("month_end", as_index=False)[["inflow", "outflow", "end_balance"]].sum()
    share = max(len(homes), 1)
    table[["inflow", "outflow", "end_balance"]] = table[["inflow", "outflow", "end_balance"]].astype("float64") / share
    return table.rename(columns={"month_end": "period"})


def crop_areas(file: Any, homes: pd.Index) -> pd.DataFrame:
    """year crop zh en area: mu by crop and year, by household on average."""
    rows = _of(file, "agriculture", homes)
    rows = rows[rows["year_end"] > file.as_of - pd.DateOffset(years=YEARS + 1)]
    crops = [c for c in rows.columns if c.startswith("area_")]
    long = rows.melt("year_end", crops, "column", "area")
    long["area"] = long["area"].astype("float64") / max(len(homes), 1)
    table = long.groupby(["year_end", "column"], as_index=False)["area"].sum()
    contract = TABLES["agriculture"]
    return pd.DataFrame({
        "year": table["year_end"].dt.year, "crop": table["column"].str.removeprefix("area_"),
        "zh": [contract[c].zh for c in table["column"]], "en": [contract[c].en for c in table["column"]],
        "area": table["area"],
    })  # fmt: skip


def network(file: Any, homes: pd.Index) -> pd.DataFrame:
    """role household notes owed dpd: whom the household guarantees, and who guarantees it, guarantees in force."""
    columns = ["role", "household", "notes", "owed", "dpd"]
    if not {"guarantees", "loans"} <= set(file.tables):
        return pd.DataFrame(columns=columns)
    signed, notes = file.tables["guarantees"], file.tables["loans"].set_index("note_id")["household_id"]
    signed = signed[signed["guaranteed_to"].isna() | (signed["guaranteed_to"] >= file.as_of)]
    signed = signed.assign(borrower=signed["note_id"].map(notes))
    state = _state(file)
    given = signed[signed["household_id"].isin(homes)].assign(role="guaranteed", household=lambda f: f["borrower"])
    taken = signed[signed["borrower"].isin(homes)].assign(role="guarantor", household=lambda f: f["household_id"])
    both = pd.concat([given, taken], ignore_index=True)
    both = both[both["household"].notna() & ~both["household"].isin(homes)]
    both = both.join(state, on="note_id")
    both = both[both["balance"] > 0]
    table = both.groupby(["role", "household"], as_index=False).agg(
        notes=("note_id", "nunique"), owed=("balance", "sum"), dpd=("dpd", "max")
    )
    return table[columns].sort_values(["role", "owed", "household"], ascending=[True, False, True], ignore_index=True)


def _state(file: Any) -> pd.DataFrame:
    """Balance and days past due of each note at the last closed month end."""
    if "loan_months" not in file.tables:
        return pd.DataFrame({"balance": [], "dpd": []}, dtype="float64")
    rows = file.tables["loan_months"]
    rows = rows[rows["month_end"] <= file.as_of]
    return rows[rows["month_end"] == rows["month_end"].max()].set_index("note_id")[["balance", "dpd"]]


def disagreements(file: Any, homes: pd.Index) -> pd.DataFrame:
    """Facts of these households on which two sources disagree, with the value that was taken."""
    found = cross_check(file).conflicts()
    if not len(found):
        return found
    found = found[found["household_id"].isin(homes)]
    return found.replace({np.nan: None}).reset_index(drop=True)
