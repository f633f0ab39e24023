"""The laboratory of the definition: what each definition counts, how arrears go on, and what it recommends."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.loans import Bad, definition_lab, performance_sample
from creditlab.loans.definitions import maturity_curves, roll_out
from tests.loans import made

DATES = ["2021-12-31", "2022-12-31", "2023-12-31"]


@pytest.fixture(scope="module")
def lab(sample_county):
    return definition_lab(sample_county, DATES[1:], dpds=(30, 90), windows=("12m", "24m", "maturity+120d"))


def test_each_cell_is_the_performance_sample_of_its_definition(lab, sample_county) -> None:
    row = lab.tidy().set_index(["dpd", "window"]).loc[(90, "maturity+120d")]
    samples = [performance_sample(sample_county, day, Bad()) for day in DATES[1:]]
    assert row["n"] == sum(len(s.tidy()) for s in samples) and row["bads"] == sum(s.facts["bads"] for s in samples)
    assert row["left_out"] == sum(s.waterfall.set_index("step")["n"]["window not complete"] for s in samples)
    assert row["lo"] < row["bad_rate"] < row["hi"]


def test_a_window_that_cannot_show_the_principal_is_refused_by_plan_with_the_number_of_notes(lab) -> None:
    table = lab.tidy().set_index(["dpd", "window"])
    short = table.loc[(90, "12m")]
    counts = dict(part.rsplit(" ", 1) for part in short["refused_plans"].split(", "))
    assert short["refused_notes"] == sum(map(int, counts.values())) > 0 and "harvest" in counts
    assert table.loc[(90, "maturity+120d"), "refused_notes"] == 0
    assert table.loc[(30, "12m"), "refused_notes"] < short["refused_notes"] < table.loc[(90, "12m"), "n"]


def test_more_days_call_fewer_bad_and_a_longer_window_more(lab) -> None:
    table = lab.tidy().set_index(["dpd", "window"])
    assert table.loc[(90, "maturity+120d"), "bad_rate"] < table.loc[(30, "maturity+120d"), "bad_rate"]
    assert table.loc[(90, "12m"), "captured"] < 1.0 == table.loc[(90, "maturity+120d"), "captured"]
    assert table.loc[(lab.choice.dpd, lab.choice.window), "kappa"] == 1.0


def test_rolls_worked_by_hand() -> None:
    notes = [made.note(n, f"H{n}", due="2023-03-10") for n in ("cures", "pays", "fails", "late", "stays")]
    rows = [
        *made.months("cures", "2023-01", [0, 0, 21, 51, 0, 0] + [0] * 12),
        *made.months("pays", "2023-01", [0, 0, 21, 51]),
        *made.months("fails", "2023-01", [0, 0, 21, 51, 82, 112, 143, 174, 204] + [230] * 9),
        *made.months("late", "2023-01", [0] * 16 + [51, 82]),
        *made.months("stays", "2023-01", [0, 0, 21, 51, 60, 60, 60, 60] + [60] * 10),
    ]
    table = roll_out(made.book(notes, rows), (30, 90)).set_index("dpd")
    row = table.loc[30]
    assert (row["n"], row["open"], row["ended_badly"], row["cured"], row["undecided"]) == (4, 1, 1, 2, 1)
    assert row["next"] == 1 and table.loc[90, "n"] == 1 and table.loc[90, "ended_badly"] == 1


def test_every_note_that_reached_the_days_ends_in_one_way(sample_book) -> None:
    table = roll_out(sample_book)
    assert (table["ended_badly"] + table["cured"] + table["undecided"] == table["n"]).all()
    assert (np.diff(table["cured_share"].iloc[:3]) < 0).all()  # the later, the fewer come back


def test_the_sample_county_s_arrears_become_defaults_at_ninety_days(lab, sample_folder, sample_book) -> None:
    """Its truth: late payments are at most 80 days late, defaults cure after 100 days or never. Ninety days part
    them."""
    assert lab.choice.dpd == 90 and lab.choice.window == "maturity+90d"
    truth = pd.read_parquet(sample_folder / "truth" / "notes.parquet").set_index("note_id")["failed_on"]
    from creditlab.loans.hits import NEVER, first_hit

    hit = pd.Series(first_hit(sample_book, over=89) < NEVER, index=sample_book.notes["note_id"])
    failed = truth.reindex(hit.index).notna()
    assert not (hit & ~failed).any() and (hit & failed).sum() > 0.9 * failed.sum()
    assert all(zh and en for zh, en in lab.reasons)


def test_maturity_curves_rise_to_all_of_the_bad(sample_book) -> None:
    curves = maturity_curves(sample_book, (90,))
    for _, curve in curves.groupby("plan"):
        assert (np.diff(curve["bad"]) >= 0).all() and curve["captured"].iloc[-1] == 1.0
    harvest = curves[curves["plan"] == "harvest"].set_index("days")
    assert harvest.loc[60, "bad"] == 0 and harvest.loc[90, "captured"] == 1.0  # nothing shows before ninety days
    parts = curves[curves["plan"] != "all"].groupby("days")[["n", "bad"]].sum()
    whole = curves[curves["plan"] == "all"].set_index("days")[["n", "bad"]]
    pd.testing.assert_frame_equal(parts, whole)


def test_a_book_without_bad_notes_keeps_the_supervisor_s_days() -> None:
    homes = pd.DataFrame({"household_id": ["H1"], "village_id": ["V"]})
    book = made.book([made.note("N1", due="2023-12-10")], made.months("N1", "2023-01", [0] * 12), homes)
    result = definition_lab(book, "2023-03-31", windows=("maturity+120d",))
    assert result.choice == Bad(window="maturity+120d") and "90" in result.reasons[0][1]
    assert result.choose(dpd=60).dpd == 60


def test_wrong_calls_are_refused(sample_book) -> None:
    with pytest.raises(InputError, match="days past due that rise"):
        definition_lab(sample_book, "2023-12-31", dpds=(90, 60))
    with pytest.raises(InputError, match="a window such as"):
        definition_lab(sample_book, "2023-12-31", windows=("year",))
    with pytest.raises(InputError, match="a date from 2020-01-31"):
        definition_lab(sample_book, "2010-12-31")
