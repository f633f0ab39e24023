"""Columns are read by their form, whatever their dtype."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from creditlab.binning.values import form_of, read_levels, read_numbers

DAYS = [dt.date(2024, 1, 31), dt.date(2024, 3, 1), None]


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1.0, 2.5, np.nan]),
        pd.Series([1.0, 2.5, None], dtype="Float64"),
        pd.Series([1.0, 2.5, None], dtype="double[pyarrow]"),
        pd.Series([Decimal("1"), Decimal("2.5"), None], dtype=object),
        pd.Series([1, 2.5, None], dtype=object),
        pd.Series([1, 2.5, pd.NA], dtype=object),
    ],
)
def test_numbers_of_every_dtype(values):
    assert form_of(values) == "number"
    assert np.array_equal(read_numbers(values, "number"), [1.0, 2.5, np.nan], equal_nan=True)


@pytest.mark.parametrize("dtype", [bool, "boolean", object, "bool[pyarrow]"])
def test_flags_are_zero_and_one(dtype):
    values = pd.Series([True, False, True], dtype=dtype)
    assert form_of(values) == "flag"
    assert read_numbers(values, "flag").tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(DAYS, dtype=object),
        pd.to_datetime(pd.Series(DAYS)),
        pd.to_datetime(pd.Series(DAYS)).dt.tz_localize("Asia/Shanghai"),
        pd.to_datetime(pd.Series(DAYS)).astype("datetime64[ns]"),
    ],
)
def test_dates_are_days(values):
    assert form_of(values) == "date"
    assert np.array_equal(read_numbers(values, "date"), [19753.0, 19783.0, np.nan], equal_nan=True)


def test_a_date_column_that_arrives_as_text_is_still_read():
    assert read_numbers(pd.Series(["2024-01-31", "no date"]), "date")[0] == 19753.0


def test_mixed_columns_are_numbers_when_nearly_all_can_be_read():
    mostly = pd.Series([str(i) if i % 2 else i for i in range(100)] + ["n/a"], dtype=object)
    assert form_of(mostly) == "number"
    assert np.isnan(read_numbers(mostly, "number")[-1])
    assert form_of(pd.Series([1, 2, "a", "b", "c"], dtype=object)) == "text"


def test_codes_written_as_text_stay_text():
    assert form_of(pd.Series(["370101", "370102"])) == "text"


def test_levels_are_sorted_text_and_blank_is_missing():
    read = read_levels(pd.Series(["乙", " 甲 ", None, "", 3.0, 3, "3"], dtype=object))
    assert read.names == ("3", "乙", "甲")
    assert read.codes.tolist() == [1, 2, -1, -1, 0, 0, 0]
    categories = pd.Series(pd.Categorical(["b", None, "a"], categories=["c", "b", "a"]))
    assert read_levels(categories).codes.tolist() == [1, -1, 0]
