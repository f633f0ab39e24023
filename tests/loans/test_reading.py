"""A tape in every form in which a bank exports it gives one book; what cannot be read stops with its rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import DuplicateKeyError, InputError
from creditlab.loans import loan_book, reconcile
from creditlab.loans.reading import KINDS, dates, kinds, numbers
from creditlab.loans.reconciliation import book_totals
from tests.loans import made

Tables = dict[str, pd.DataFrame]
DATES = (("loans", "granted_on"), ("loans", "due_on"), ("loan_months", "month_end"))


@pytest.fixture
def tables() -> Tables:
    return made.random_tables(5, 60)


def _each_date(tables: Tables, how: Callable[[pd.Series], Any]) -> Tables:
    for table, column in DATES:
        tables[table] = tables[table].assign(**{column: how(tables[table][column])})
    return tables


def _months(tables: Tables, column: str, how: Callable[[pd.Series], Any]) -> Tables:
    months = tables["loan_months"]
    return tables | {"loan_months": months.assign(**{column: how(months[column])})}


def _numbers(ids: pd.Series) -> pd.Series:
    return ids.str.slice(1).astype(float)


FORMS: dict[str, Callable[[Tables], Tables]] = {
    "text": lambda t: _each_date(t, lambda d: d.dt.strftime("%Y-%m-%d")),
    "slashes": lambda t: _each_date(t, lambda d: d.dt.strftime("%Y/%m/%d")),
    "digits": lambda t: _each_date(t, lambda d: d.dt.strftime("%Y%m%d")),
    "numbers": lambda t: _each_date(t, lambda d: d.dt.strftime("%Y%m%d").astype(int)),
    "floats": lambda t: _each_date(t, lambda d: d.dt.strftime("%Y%m%d").astype(float)),
    "chinese": lambda t: _each_date(t, lambda d: d.dt.strftime("%Y年%m月%d日")),
    "objects": lambda t: _each_date(t, lambda d: pd.Series([v.date() for v in d], dtype=object)),
    "zones": lambda t: _each_date(t, lambda d: d.dt.tz_localize("Asia/Shanghai")),
    "periods": lambda t: _months(t, "month_end", lambda d: d.dt.to_period("M")),
    "months": lambda t: _months(t, "month_end", lambda d: d.dt.strftime("%Y%m").astype(int)),
    "nullable": lambda t: {k: v.convert_dtypes() for k, v in t.items()},
    "arrow": lambda t: {k: v.convert_dtypes(dtype_backend="pyarrow") for k, v in t.items()},
    "categories": lambda t: {k: v.astype({c: "category" for c in v if v[c].dtype == "str"}) for k, v in t.items()},
    "object columns": lambda t: {k: v.astype(object) for k, v in t.items()},
    "thousands": lambda t: _months(t, "balance", lambda b: b.map("{:,.2f}".format)),
    "padded keys": lambda t: _months(t, "note_id", lambda n: n + "  "),
    "unsorted, one index": lambda t: {k: v.set_axis([0] * len(v)) for k, v in made.shuffled(t).items()},
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_tape_is_the_same_book(tables: Tables, form: str) -> None:
    expected = loan_book({name: table.copy() for name, table in tables.items()})
    book = loan_book(FORMS[form](tables))
    pd.testing.assert_frame_equal(book.months, expected.months)
    pd.testing.assert_frame_equal(book.notes, expected.notes)


def test_whole_numbers_as_keys_meet_whatever_their_dtype(tables: Tables) -> None:
    wanted = loan_book(tables)
    for table in ("loans", "loan_months"):
        tables[table]["note_id"] = _numbers(tables[table]["note_id"])
    tables["loans"]["note_id"] = tables["loans"]["note_id"].astype("Int32")
    tables["loans"]["renewed_from"] = _numbers(tables["loans"]["renewed_from"])
    book = loan_book(tables)
    assert len(book.notes) == len(wanted.notes)
    assert book.notes["renewed_from"].notna().sum() == wanted.notes["renewed_from"].notna().sum() > 0
    assert book.notes["renewed_from"].dropna().isin(book.notes["note_id"]).all()


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("balance", "a lot", r"numbers; got 1 texts that are no numbers \(column 'balance' of loan_months, rows 3\)"),
        ("balance", np.inf, r"finite numbers; got 1 infinite values \(column 'balance'"),
        ("dpd", 1e9, "days past due up to 36525; got 1 larger"),
        ("month_end", "soon", r"dates; got 1 values that are not dates \(column 'month_end' of loan_months, rows 3\)"),
        ("month_end", "0000-00-00", "dates; got 1 values"),
        ("month_end", None, "a month end in every row; got 1"),
    ],
)
def test_what_cannot_be_read_stops_with_its_row(tables: Tables, column: str, value: Any, words: str) -> None:
    tables["loan_months"][column] = tables["loan_months"][column].astype(object)
    tables["loan_months"].loc[3, column] = value
    with pytest.raises(InputError, match=words):
        loan_book(tables)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda t: t | {"loans": t["loans"].iloc[:0]}, InputError, "at least one row; got an empty table .loans"),
        (lambda t: t | {"loan_months": t["loan_months"].iloc[:0]}, InputError, "empty table .loan_months"),
        (lambda t: t | {"loans": pd.concat([t["loans"], t["loans"].iloc[:1]])}, DuplicateKeyError, "per note_id"),
        (lambda t: t | {"loan_months": pd.concat([t["loan_months"], t["loan_months"].iloc[:1]])}, DuplicateKeyError,
         "one row per note_id and month"),
        (lambda t: t | {"loans": t["loans"].assign(note_id=lambda n: "X" + n["note_id"])}, InputError,
         "note_ids that are in both tables; got none in common"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_a_book_are_refused(tables: Tables, change: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        loan_book(change(tables))


def test_kinds_of_borrowers_in_chinese_and_an_unknown_one_is_a_finding(tables: Tables) -> None:
    word = {"person": "农户", "firm": "企业", "cooperative": "合作社", "family_farm": "家庭农场"}
    wanted = loan_book(tables).notes["borrower_kind"]
    tables["loans"]["borrower_kind"] = tables["loans"]["borrower_kind"].map(word)
    pd.testing.assert_series_equal(loan_book(tables).notes["borrower_kind"], wanted)
    tables["loans"].loc[0, "borrower_kind"] = "moon base"
    book = loan_book(tables)
    assert book.findings.set_index("rule").loc["kind of borrower unknown", "rows"] == 1
    assert set(book.notes["borrower_kind"]) <= set(KINDS)


def test_a_due_date_of_no_end_is_a_date(tables: Tables) -> None:
    tables["loans"]["due_on"] = tables["loans"]["due_on"].dt.strftime("%Y-%m-%d")
    tables["loans"].loc[0, "due_on"] = "9999-12-31"
    assert loan_book(tables).notes["due_on"].max() == pd.Timestamp("9999-12-31")


def test_the_ledger_is_read_like_the_tape(tables: Tables) -> None:
    totals = book_totals(loan_book(tables))
    written = totals.assign(
        month_end=totals["month_end"].dt.strftime("%Y年%m月%d日"), balance=totals["balance"].map("{:,.2f}".format)
    )
    assert reconcile(tables, written).facts["differing_cells"] == 0
    with pytest.raises(InputError, match="column 'month_end' of control_totals"):
        reconcile(tables, written.assign(month_end="never"))
    with pytest.raises(InputError, match="column 'balance' of control_totals"):
        reconcile(tables, written.assign(balance="much"))


def test_missing_stays_missing() -> None:
    void = pd.Series(["", None, "null", " 1 234 "])
    np.testing.assert_array_equal(numbers(void, "amount", "loans"), [np.nan, np.nan, np.nan, 1234.0])
    assert dates(pd.Series(["", None, "NaT"]), "due_on", "loans").isna().all()
    assert kinds(pd.Series([None, "Person"]))[0].tolist() == ["person", "person"]
