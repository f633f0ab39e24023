"""Agricultural calendars: what falls due when, and rates that plans can be compared by."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.loans import calendar, comparable_arrears, payment_schedule, shows_from
from creditlab.loans.hits import plan_kind
from tests.loans import made


@pytest.mark.parametrize(
    ("plan", "granted", "due", "interest", "principal", "payments"),
    [
        ("harvest", "2023-12-05", "2024-11-20", "2024-11-20", "2024-11-20", 1),
        ("instalments", "2023-01-31", "2023-07-31", "2023-02-28", "2023-02-28", 6),
        ("monthly_interest", "2023-01-10", "2023-07-10", "2023-02-21", "2023-07-10", 6),
        ("quarterly_interest", "2023-01-10", "2024-01-10", "2023-03-21", "2024-01-10", 4),
        ("按季结息到期还本", "2023-03-25", "2024-03-25", "2023-06-21", "2024-03-25", 4),
    ],
)
def test_the_schedule_of_each_plan(plan, granted, due, interest, principal, payments) -> None:
    book = made.book([made.note("N", plan=plan, granted=granted, due=due)], made.months("N", granted[:7], [0]))
    row = payment_schedule(book).iloc[0]
    assert str(row["first_interest"].date()) == interest and str(row["first_principal"].date()) == principal
    assert row["payments"] == payments


def test_a_harvest_loan_of_a_year_cannot_show_ninety_days_before_month_fifteen() -> None:
    book = made.book(
        [made.note("N", plan="harvest", granted="2023-11-20", due="2024-11-20")], made.months("N", "2023-11", [0])
    )
    first = shows_from(book, over=90)["N"]
    assert first == pd.Timestamp("2025-02-19") and (first.year - 2023) * 12 + first.month - 11 == 15


def test_plans_are_known_in_both_languages() -> None:
    names = {"instalments": "instalments", "等额本息": "instalments", "quarterly_interest": "interest",
             "按月结息到期一次还本": "interest", "harvest": "once", "利随本清": "once", "revolving": "revolving",
             "随借随还": "revolving", "other": "unknown"}  # fmt: skip
    assert {plan: plan_kind(plan) for plan in names} == names


def test_the_plain_rate_hides_the_harvest_loans_and_the_comparable_rate_does_not() -> None:
    """Nine harvest notes a year, each third one bad: the plain rate depends on the season, the other one does not."""
    notes, rows = [], []
    for year in (2022, 2023):
        for i in range(9):
            name = f"N{year}{i}"
            notes.append(made.note(name, name, plan="harvest", granted=f"{year}-12-05", due=f"{year + 1}-11-20"))
            dpd = [0] * 11 + ([10, 41, 72, 101, 132] if i % 3 == 0 else [])
            rows += made.months(name, f"{year}-12", dpd)
    book = made.book(notes, rows)
    march = comparable_arrears(book, "2024-03-31").tidy().iloc[0]
    september = comparable_arrears(book, "2024-09-30").tidy().iloc[0]
    assert march["raw"] == 3 / 12 and september["raw"] == 0.0
    assert march["comparable"] == september["comparable"] == 3 / 9
    assert march["untested_share"] == 9 / 12 and september["untested_share"] == 1.0


def test_every_note_and_month_is_in_the_calendar_once(sample_book) -> None:
    table = calendar(sample_book).tidy()
    assert table["granted"].sum() == len(sample_book.notes)
    assert table["months"].sum() == sample_book.on_book.sum()
    assert table["due"].sum() == (sample_book.due <= sample_book.last).sum()
    assert ((table["lo"] <= table["overdue_share"]) | table["overdue_share"].isna()).all()


def test_harvest_loans_fall_due_in_two_months_and_go_bad_three_later(sample_book) -> None:
    """The sample county: wheat in July, other crops in November; ninety days later the notes pass the threshold."""
    result = calendar(sample_book)
    harvest = result.tidy().query("plan == 'harvest'").set_index("month")
    assert set(harvest.index[harvest["due"] > 0]) == {7, 11}
    assert set(harvest.index[harvest["new_bad"] > 0]) <= {2, 10}
    seasons = result.seasons().set_index("plan")
    assert seasons.loc["harvest", "peak_due_share"] > 0.5 > seasons.loc["monthly_interest", "peak_due_share"]


def test_what_shows_could_show(sample_book) -> None:
    result = comparable_arrears(sample_book)
    table = result.tidy()
    assert (table["bad"] + table["untested"] <= table["notes"]).all()
    assert table["notes"].sum() == result.facts["notes"] and (table["tested_bad"] <= table["tested"]).all()
    with pytest.raises(InputError, match="a date from 2020-01-31"):
        comparable_arrears(sample_book, "2019-01-31")
    with pytest.raises(InputError, match="one of 'principal or interest'"):
        shows_from(sample_book, 90, of="fees")


def test_no_note_of_the_sample_shows_arrears_before_it_could(sample_book) -> None:
    """The schedule against the tape: days past due of a note begin no earlier than its first payment."""
    schedule = payment_schedule(sample_book)
    first = schedule["first_interest"].to_numpy().astype("datetime64[D]")[sample_book.months["note"].to_numpy()]
    from creditlab.loans.book import days_at_month_end

    end = days_at_month_end(sample_book.months["month"].to_numpy())
    began = end - sample_book.months["dpd"].to_numpy().astype("timedelta64[D]")
    late = sample_book.months["dpd"].to_numpy() > 0
    assert (began[late] >= first[late]).mean() > 0.99
    assert np.isfinite(first.astype(float)).all()
