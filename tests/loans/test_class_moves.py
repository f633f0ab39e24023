"""Migration rates as the examination texts work them, and the flow of non-performing loans, which adds up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.loans import loan_book, migration, migration_rate, npl_flow
from creditlab.results import NotEstimable
from tests.loans import made


def _book() -> object:
    """Special mention of 5,000 at the start: 1,000 repaid, 500 moved down, the rest stays."""
    parts = {"paid": (1000.0, None), "down": (500.0, "substandard"), "stays": (3000.0, "special_mention"),
             "up": (500.0, "normal")}  # fmt: skip
    notes = [made.note(name, f"H{name}") for name in (*parts, "good")]
    rows = made.months("good", "2023-01", [0, 0], 9000.0, class5="normal")
    for name, (amount, end) in parts.items():
        states = ["special_mention"] + ([end] if end else [])
        rows += made.months(name, "2023-01", [0] * len(states), amount, class5=states)
    return made.book(notes, rows)


def test_the_special_mention_migration_rate_of_a_tape() -> None:
    """The worked example of the examination texts, 500 / (5,000 - 1,000) = 12.5 %, as a loan tape."""
    row = migration(_book(), "2023-01-31", "2023-02-28").tidy().set_index("rate").loc["special_mention"]
    assert (row["opening"], row["decrease"], row["moved"]) == (5000, 1000, 500)
    assert row["estimate"] == 0.125 and row["lo"] < 0.125 < row["hi"]


def test_the_normal_loan_migration_rate_takes_both_classes() -> None:
    rates = migration(_book(), "2023-01-31", "2023-02-28").tidy().set_index("rate")["estimate"]
    assert rates["normal_loans"] == 500 / (14000 - 1000)
    assert rates["normal"] == 0.0 and np.isnan(rates["doubtful"])


def test_every_note_is_in_the_matrix_once() -> None:
    book = made.random_book(20)
    result = migration(book, "2023-06-30", "2024-06-30")
    at = book.on_book & (book.months["month"].to_numpy() == 2023 * 12 + 5)
    assert result.matrix["notes"].sum() == at.sum()
    assert result.matrix["balance"].sum() == pytest.approx(book.months["balance"].to_numpy()[at].sum())


def test_the_flow_adds_up_month_by_month() -> None:
    for book in (made.random_book(21), made.random_book(22)):
        t = npl_flow(book).tidy()
        left = t["opening"] + t["inflow"] - t["cured"] - t["repaid"] - t["written_off"] - t["transferred"]
        # the first month's opening is its own closing; a note that skips a month comes back as inflow
        np.testing.assert_allclose(left, t["closing"], atol=1e-6)
        np.testing.assert_allclose(t["opening"].to_numpy()[2:], t["closing"].to_numpy()[1:-1], atol=1e-6)
        assert (t[["inflow", "cured", "repaid", "written_off", "transferred"]] >= 0).all().all()


def test_each_way_out_is_where_it_belongs() -> None:
    loss = {"class5": "loss"}
    notes = [made.note(n, f"H{n}") for n in ("off", "sold", "paid", "cured", "less", "new")]
    rows = [
        *made.months("off", "2023-01", [100, 100], 10.0, written_off=[0, 1], **loss),
        *made.months("sold", "2023-01", [100, 100], 20.0, transferred=[0, 1], **loss),
        *made.months("paid", "2023-01", [100], 30.0, **loss),
        *made.months("cured", "2023-01", [100, 0], 40.0, class5=["loss", "normal"]),
        *made.months("less", "2023-01", [100], 50.0, **loss),
        *made.months("less", "2023-02", [100], 45.0, **loss),
        *made.months("new", "2023-01", [0, 95], 60.0, class5=["normal", "substandard"]),
    ]
    row = npl_flow(made.book(notes, rows)).tidy().iloc[1]
    assert row[["opening", "written_off", "transferred", "repaid", "cured", "inflow", "closing"]].tolist() == [
        150.0, 10.0, 20.0, 35.0, 40.0, 60.0, 105.0,
    ]  # fmt: skip
    assert row["formation_rate"] == 1.0 and row["notes_in"] == 1 and row["cure_rate"] == 40 / 150


def test_years_sum_their_months(sample_book) -> None:
    result = npl_flow(sample_book)
    assert result.yearly()["inflow"].sum() == pytest.approx(result.tidy()["inflow"].sum())


def test_wrong_calls_are_refused() -> None:
    book = _book()
    with pytest.raises(InputError, match="a start before the end"):
        migration(book, "2023-02-28", "2023-01-31")
    with pytest.raises(InputError, match="a date from 2023-01-31 to 2023-02-28"):
        migration(book, "2023-01-31", "2024-01-31")
    with pytest.raises(InputError, match="decrease <= opening"):
        migration_rate(1, 2, 3)
    assert isinstance(migration_rate(0, 5, 5), NotEstimable)


def test_the_order_of_the_rows_does_not_matter() -> None:
    tables = made.random_tables(23)
    one, other = (migration(loan_book(t), "2023-06-30", "2024-03-31") for t in (tables, made.shuffled(tables)))
    pd.testing.assert_frame_equal(one.tidy(), other.tidy())
