"""The book: what is read, what is refused, what is assumed and said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import ColumnError, DuplicateKeyError, InputError
from creditlab.loans import loan_book
from creditlab.loans.classes import class_codes
from creditlab.loans.hits import days_past_due
from tests.loans import made


def test_the_order_of_the_rows_does_not_matter() -> None:
    tables = made.random_tables(3)
    one, other = loan_book(tables), loan_book(made.shuffled(tables))
    pd.testing.assert_frame_equal(one.notes, other.notes)
    pd.testing.assert_frame_equal(one.months, other.months)
    assert one.digest == other.digest


def test_no_amount_is_lost() -> None:
    tables = made.random_tables(4)
    book = loan_book(tables)
    assert len(book.months) == len(tables["loan_months"])
    assert book.months["balance"].sum() == tables["loan_months"]["balance"].sum()


def test_a_note_that_is_not_in_the_loans_is_counted_and_said() -> None:
    book = made.book([made.note("N1")], [*made.months("N1", "2023-01", [0]), *made.months("X9", "2023-01", [0])])
    assert len(book.notes) == 2 and book.months["balance"].sum() == 200
    finding = book.findings.iloc[0]
    assert finding["column"] == "note_id" and finding["rows"] == 1 and finding["first_rows"] == "1"


def test_what_comes_twice_is_refused_with_its_rows() -> None:
    rows = made.months("N1", "2023-01", [0, 0])
    with pytest.raises(DuplicateKeyError, match=r"one row per note_id and month; got 1 rows .* rows 2"):
        made.book([made.note("N1")], [*rows, rows[0]])
    with pytest.raises(DuplicateKeyError, match="one row per note_id; got 2 rows"):
        made.book([made.note("N1"), made.note("N1")], rows)


def test_missing_tables_and_columns_are_named() -> None:
    with pytest.raises(InputError, match="the table loan_months"):
        loan_book({"loans": pd.DataFrame([made.note("N1")])})
    with pytest.raises(ColumnError, match="the column 'due_on'"):
        loan_book({"loans": pd.DataFrame([made.note("N1")]).drop(columns="due_on"),
                   "loan_months": pd.DataFrame(made.months("N1", "2023-01", [0]))})  # fmt: skip
    with pytest.raises(InputError, match="a County or a mapping of frames; got int"):
        loan_book(3)


def test_days_that_the_tape_does_not_give_are_counted_from_the_first_month_of_arrears() -> None:
    rows = made.months("N1", "2023-01", [0, 1, 1, 0], class5="normal")
    for row in rows:
        del row["dpd"]
    book = made.book([made.note("N1")], rows)
    # arrears first seen at the end of February: at most 28 days old then, 28 + 31 a month later
    assert book.months["dpd"].tolist() == [0, 28, 59, 0]
    assert "counted from the month" in book.findings["rule"].iloc[0]


def test_principal_and_interest_apart() -> None:
    rows = made.months(
        "N1", "2023-10", [0, 31, 62, 20], overdue_principal=[0, 0, 0, 100.0], overdue_interest=[0, 5, 5, 0]
    )
    book = made.book([made.note("N1", due="2024-01-11")], rows)
    assert days_past_due(book, "principal").tolist() == [0, 0, 0, 20]
    assert days_past_due(book, "interest").tolist() == [0, 30, 61, 0]  # the spell began after the end of October
    assert days_past_due(book).tolist() == [0, 31, 62, 20]


def test_days_of_either_are_never_more_than_the_tape_s(sample_book) -> None:
    whole = days_past_due(sample_book)
    for of in ("principal", "interest"):
        assert (days_past_due(sample_book, of) <= whole).all()
    either = np.maximum(days_past_due(sample_book, "principal"), days_past_due(sample_book, "interest"))
    # off the book the tape still counts days but no amounts
    on = sample_book.on_book
    assert ((either > 0) == (whole > 0))[on].all()


def test_the_future_does_not_change_the_past() -> None:
    tables = made.random_tables(5)
    book = loan_book(tables).until("2024-03-31")
    early = tables | {
        "loans": tables["loans"][tables["loans"]["granted_on"] <= "2024-03-31"],
        "loan_months": tables["loan_months"][tables["loan_months"]["month_end"] <= "2024-03-31"],
    }
    pd.testing.assert_frame_equal(book.months, loan_book(early).months)


def test_a_selection_and_its_rest_are_the_whole() -> None:
    book = made.random_book(6)
    keep = np.arange(len(book.notes)) % 3 == 0
    one, other = book.select(keep), book.select(~keep)
    assert len(one.months) + len(other.months) == len(book.months)
    assert one.months["balance"].sum() + other.months["balance"].sum() == book.months["balance"].sum()


def test_classes_in_chinese_and_by_number() -> None:
    assert class_codes(pd.Series(["正常", "关注类", "Substandard", " 可疑 ", "5", "?"])).tolist() == [0, 1, 2, 3, 4, -1]
    assert class_codes(pd.Series([1, 5, np.nan, 9])).tolist() == [0, 4, -1, -1]


def test_flags_as_words_and_text_dates() -> None:
    rows = made.months("N1", "2023-01", [0, 0], written_off=["否", "是"])
    for row in rows:
        row["month_end"] = str(row["month_end"].date())
    book = made.book([made.note("N1")], rows)
    assert book.months["written_off"].tolist() == [False, True] and book.on_book.tolist() == [True, False]


def test_identities_are_in_no_finding() -> None:
    rows = [*made.months("SECRET-2", "2023-01", [0], balance=-5.0), *made.months("SECRET-1", "2023-01", [0])]
    book = made.book([made.note("SECRET-1", home=None)], rows)
    assert len(book.findings) >= 2 and "SECRET" not in book.findings.to_string()
