"""The definition of bad, the sample with its waterfall, and the reconciliation, on books worked by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.loans import Bad, performance_sample, reconcile

MONTHS = pd.date_range("2023-01-31", "2025-06-30", freq="ME").as_unit("us")


def _county(notes: list[dict], months: list[dict], totals: list[dict] | None = None) -> SimpleNamespace:
    loans = pd.DataFrame(notes)
    for column, value in (
        ("borrower_kind", "person"),
        ("officer_granted", "O1"),
        ("branch", "B1"),
        ("plan", "harvest"),
    ):
        loans[column] = loans[column].fillna(value) if column in loans else value
    loans["borrower_id"] = (
        loans["borrower_id"].fillna(loans["household_id"]) if "borrower_id" in loans else loans["household_id"]
    )
    for column in ("granted_on", "due_on"):
        loans[column] = pd.to_datetime(loans[column]).astype("datetime64[us]")
    homes = pd.DataFrame({"household_id": loans["household_id"].dropna().unique()})
    homes = homes.assign(village_id="V1", known_on=pd.Timestamp("2020-01-01"))
    tables = {"loans": loans, "loan_months": pd.DataFrame(months), "households": homes}
    if totals is not None:
        tables["control_totals"] = pd.DataFrame(totals)
    return SimpleNamespace(tables={name: SimpleNamespace(frame=frame) for name, frame in tables.items()})


def _months(note: str, first: str, last: str, dpd: dict[str, int] | None = None, balance: float = 100.0) -> list[dict]:
    days = [m for m in MONTHS if pd.Timestamp(first) <= m <= pd.Timestamp(last)]
    return [
        {
            "note_id": note,
            "month_end": m,
            "balance": balance,
            "dpd": (dpd or {}).get(str(m.date())[:7], 0),
            "written_off": 0,
        }
        for m in days
    ]


def _note(note: str, home: str | None, granted: str = "2023-03-01", due: str = "2024-02-28", **more: object) -> dict:
    return {"note_id": note, "household_id": home, "granted_on": granted, "due_on": due, **more}


@pytest.fixture
def county() -> SimpleNamespace:
    notes = [
        _note("good", "H1"),
        _note("late bad", "H2"),
        _note("bad too late", "H3"),
        _note("already bad", "H4"),
        _note("firm", None, borrower_kind="firm", borrower_id="F1"),
        _note("long", "H5", due="2025-12-31"),
        _note("small of H1", "H1", granted="2023-06-01", due="2024-05-31"),
        _note("written off", "H6"),
    ]
    months = [
        *_months("good", "2023-03-01", "2024-02-29", {"2024-02": 1}),
        *_months("late bad", "2023-03-01", "2024-08-31", {"2024-05": 90}),
        *_months("bad too late", "2023-03-01", "2025-01-31", {"2024-05": 60, "2024-12": 100}),
        *_months("already bad", "2023-03-01", "2024-08-31", {"2023-12": 95}),
        *_months("firm", "2023-03-01", "2024-02-29"),
        *_months("long", "2023-03-01", "2025-06-30"),
        *_months("small of H1", "2023-06-01", "2024-05-31", balance=10.0),
        *_months("written off", "2023-03-01", "2024-06-30"),
    ]
    months[-2]["written_off"] = 1
    return _county(notes, months)


def test_the_outcome_of_each_household_as_worked_by_hand(county: SimpleNamespace) -> None:
    rows = performance_sample(county, "2023-12-31", Bad()).tidy().set_index("household_id")
    assert rows["bad"].to_dict() == {"H1": 0, "H2": 1, "H3": 0, "H6": 1}
    assert rows.loc["H1", "balance"] == 110.0
    assert rows.loc["H1", "granted_on"] == pd.Timestamp("2023-03-01")
    assert rows.loc["H2", "village_id"] == "V1"


def test_the_waterfall_adds_up(county: SimpleNamespace) -> None:
    sample = performance_sample(county, "2023-12-31")
    steps = sample.waterfall.set_index("step")
    assert steps["n"].to_dict() == {
        "open": 7, "organisation": 1, "already bad": 1, "window not complete": 1, "no village": 0, "kept": 4,
    }  # fmt: skip
    lost = steps["n"].drop(["open", "kept"]).sum()
    assert steps.loc["open", "n"] - lost == steps.loc["kept", "n"] == steps.loc["kept", "left"] == len(sample.tidy())


def test_pooled_dates_take_a_household_out_once_it_was_bad(county: SimpleNamespace) -> None:
    rows = performance_sample(county, ["2023-06-30", "2023-12-31"]).tidy()
    assert rows.groupby("household_id")["bad"].sum().max() == 1
    assert (rows[rows["household_id"] == "H2"]["as_of"] == pd.Timestamp("2023-06-30")).all()


def test_the_order_of_the_rows_does_not_matter(county: SimpleNamespace) -> None:
    expected = performance_sample(county, "2023-12-31").tidy()
    for name in ("loans", "loan_months"):
        frame = county.tables[name].frame
        county.tables[name] = SimpleNamespace(frame=frame.sample(frac=1, random_state=5).reset_index(drop=True))
    assert performance_sample(county, "2023-12-31").tidy().equals(expected)


def test_a_window_that_cannot_show_the_arrears_is_refused(county: SimpleNamespace) -> None:
    with pytest.raises(InputError, match=r"every note repaid once; got '3m', too short for 6 of 6"):
        performance_sample(county, "2023-12-31", Bad(window="3m"))
    with pytest.raises(InputError, match="at least the due date plus 90 days"):
        Bad(dpd=90, window="maturity+60d")


@pytest.mark.parametrize(
    "wrong", [{"dpd": 0}, {"dpd": 90.5}, {"window": "a year"}, {"window": "0m"}, {"unit": "village"}]
)
def test_a_wrong_definition_is_refused(wrong: dict) -> None:
    with pytest.raises(InputError):
        Bad(**wrong)


def test_a_date_outside_the_book_is_refused(county: SimpleNamespace) -> None:
    with pytest.raises(InputError, match="a date from 2023-03-31"):
        performance_sample(county, "2019-12-31")


def _totals(**change: float) -> list[dict]:
    notes, loss = 2 + change.get("notes", 0), 30.0 + change.get("balance", 0.0)
    normal = {"class5": "normal", "notes": notes, "balance": 150.0, "npl_balance": 0.0}
    lost = {"class5": "loss", "notes": 1, "balance": loss, "npl_balance": loss}
    return [{"month_end": MONTHS[0], **row} for row in (normal, lost)]


def _book(class5: list[str], balance: list[float]) -> list[dict]:
    return [
        {"note_id": f"N{i}", "month_end": MONTHS[0], "class5": c, "balance": b, "dpd": 0, "written_off": 0}
        for i, (c, b) in enumerate(zip(class5, balance, strict=True))
    ]


def test_a_book_that_agrees_has_no_differences() -> None:
    county = _county([_note("N0", "H1")], _book(["normal", "normal", "loss"], [100.0, 50.0, 30.0]), _totals())
    result = reconcile(county)
    assert result.facts["differing_cells"] == 0 and len(result.findings) == 0
    assert np.isclose(result.facts["npl_balance_at_the_end"], 30.0)


def test_every_difference_is_a_cell_and_a_finding() -> None:
    county = _county(
        [_note("N0", "H1")], _book(["normal", "normal", "loss"], [100.0, 50.0, 30.0]), _totals(notes=1, balance=5.0)
    )
    result = reconcile(county)
    cells = result.differences().set_index("class5")
    assert cells["notes_difference"].to_dict() == {"normal": -1, "loss": 0}
    assert cells["balance_difference"].to_dict() == {"normal": 0.0, "loss": -5.0}
    assert len(result.findings) == 2


def test_a_class_that_only_one_side_has_is_a_difference() -> None:
    county = _county([_note("N0", "H1")], _book(["normal", "normal"], [100.0, 50.0]), _totals())
    assert reconcile(county).differences()["class5"].tolist() == ["loss"]


def test_without_control_totals_it_says_so() -> None:
    with pytest.raises(InputError, match="the table control_totals"):
        reconcile(_county([_note("N0", "H1")], _book(["normal"], [1.0])))
