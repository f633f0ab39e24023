"""Vintage curves: worked by hand, monotone, complete or not, and what they add up to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.loans import loan_book, vintage_curves
from tests.loans import made


def _book():
    notes = [
        made.note("A", "H1", granted="2023-01-05", due="2023-07-05", amount=100.0),
        made.note("B", "H2", granted="2023-02-05", due="2023-08-05", amount=300.0),
        made.note("C", "H3", granted="2023-05-05", due="2024-05-05", amount=100.0),
        made.note("old", "H4", granted="2022-11-05", due="2023-11-05"),
    ]
    rows = [
        *made.months("A", "2023-01", [0] * 6),
        *made.months("B", "2023-02", [0, 0, 0, 0, 60, 91]),
        *made.months("C", "2023-05", [0, 0, 0]),
        *made.months("old", "2023-01", [0, 95, 95, 95, 95, 95, 95]),
    ]
    return made.book(notes, rows)


def test_a_vintage_worked_by_hand() -> None:
    result = vintage_curves(_book(), longest=6)
    first = result.tidy().query("cohort == '2023Q1'").set_index("age")
    # the book ends in July: A is seen to age 6, B to age 5 and bad there
    assert first["n"].unique().tolist() == [2] and first["n_seen"].tolist() == [2, 2, 2, 2, 2, 2, 1]
    assert first["bad"].tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert first["estimate"].iloc[:6].tolist() == [0, 0, 0, 0, 0, 0.5] and np.isnan(first["estimate"].iloc[6])
    assert first["reason"].iloc[6] and not first["reason"].iloc[5]
    assert first["by_amount"].iloc[5] == 0.75
    assert result.facts["granted before the tape"] == 1


def test_the_clock_of_the_due_date() -> None:
    table = vintage_curves(_book(), clock="due", longest=3, cohort="cohort_year").tidy().set_index("age")
    # B is over 90 days past due in the month before it falls due: interest was
    assert table["bad"].loc[-1] == 1 and table["bad"].loc[-2] == 0


@pytest.mark.parametrize("clock", ["grant", "due"])
def test_curves_never_fall_and_lie_in_their_intervals(clock: str) -> None:
    table = vintage_curves(made.random_book(40), "product", clock=clock, cohort="cohort_year").tidy()
    for _, curve in table.groupby(["group", "cohort"]):
        assert (np.diff(curve["bad"]) >= 0).all()
        assert (np.diff(curve["product_limit"].dropna()) >= -1e-12).all()
        assert curve["n"].nunique() == 1 and (np.diff(curve["n_seen"]) <= 0).all()
    seen = table.dropna(subset="estimate")
    assert ((seen["lo"] <= seen["estimate"]) & (seen["estimate"] <= seen["hi"])).all()
    # where everybody was seen, the product limit is the plain share
    np.testing.assert_allclose(seen["product_limit"], seen["estimate"], atol=1e-12)


@pytest.mark.parametrize("by", ["product", "village_id", "channel", "plan"])
def test_groups_add_up_to_the_cohort(by: str) -> None:
    book = made.random_book(41)
    added = ["n", "n_seen", "bad", "amount", "bad_amount"]
    parts = vintage_curves(book, by).tidy().groupby(["cohort", "age"])[added].sum()
    whole = vintage_curves(book).tidy().set_index(["cohort", "age"])[added]
    pd.testing.assert_frame_equal(parts, whole, check_dtype=False)


def test_merged_books_are_the_sum_and_the_order_of_rows_does_not_matter() -> None:
    tables = made.random_tables(42)
    one, other = (vintage_curves(loan_book(t), "product") for t in (tables, made.shuffled(tables)))
    pd.testing.assert_frame_equal(one.tidy(), other.tidy())
    book = loan_book(tables)
    half = np.arange(len(book.notes)) % 2 == 0
    added = ["n", "bad", "amount"]
    halves = [loan_book({k: _of(tables[k], book, keep) for k in tables}) for keep in (half, ~half)]
    *parts, whole = (vintage_curves(b).tidy().set_index(["cohort", "age"])[added] for b in (*halves, book))
    pd.testing.assert_frame_equal(parts[0].add(parts[1], fill_value=0), whole, check_dtype=False)


def _of(table: pd.DataFrame, book, keep: np.ndarray) -> pd.DataFrame:
    return table[table["note_id"].isin(book.notes["note_id"][keep])] if "note_id" in table else table


def test_the_product_limit_uses_the_younger_notes() -> None:
    """A constant monthly hazard of 3 %, half of the notes censored on the way: the estimate finds 1 - 0.97^12.

    4,000 notes: within four standard errors (0.8 points each).
    """
    rng = np.random.default_rng(9)
    n = 4000
    event = rng.geometric(0.03, n)
    start = rng.integers(0, 15, n)
    ids = [f"N{i:05d}" for i in range(n)]
    granted = pd.to_datetime([f"2023-{s % 12 + 1:02d}-01" if s < 12 else f"2024-{s - 11:02d}-01" for s in start])
    last = 18  # the book ends in June 2024
    rows = []
    for i in range(n):
        for k in range(last - start[i]):
            rows.append((ids[i], start[i] + k, 95 if k >= event[i] else 0))
    frame = pd.DataFrame(rows, columns=["note_id", "m", "dpd"])
    ends = pd.date_range("2023-01-31", periods=last, freq="ME")
    frame["month_end"] = ends[frame.pop("m")]
    frame["balance"] = 1.0
    loans = pd.DataFrame(
        {"note_id": ids, "granted_on": granted, "due_on": granted + pd.DateOffset(years=5), "plan": "x"}
    )
    table = vintage_curves({"loans": loans, "loan_months": frame}, cohort="cohort_year", longest=17).tidy()
    got = table[(table["age"] == 12) & (table["cohort"] == "2023")].iloc[0]
    assert np.isnan(got["estimate"]) and abs(got["product_limit"] - (1 - 0.97**12)) < 0.032


def test_wrong_calls_are_refused(sample_book) -> None:
    for wrong in ({"clock": "age"}, {"cohort": "product"}, {"of": "fees"}, {"longest": 0}, {"by": "colour"}):
        with pytest.raises(InputError):
            vintage_curves(sample_book, **wrong)


def test_the_vintages_of_the_drought_are_worse_than_the_next(sample_book) -> None:
    """The drought of the sample county fell on 2022: grants of 2021 and 2022 went bad more often than those of 2023."""
    bank = vintage_curves(sample_book, cohort="cohort_year").at(18).set_index("cohort")["estimate"]
    assert bank[["2021", "2022"]].min() > bank["2023"]
