"""Columns are read by their form, whatever their dtype."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from creditlab.binning.values import form_of, read_levels, read_numbers
from creditlab.errors import InputError

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


def test_categories_of_dates_and_flags_are_what_they_are_and_others_stay_levels():
    dates = pd.Series(pd.Categorical(pd.to_datetime(pd.Series(DAYS))))
    assert form_of(dates) == "date"
    assert np.array_equal(read_numbers(dates, "date"), [19753.0, 19783.0, np.nan], equal_nan=True)
    flags = pd.Series(pd.Categorical([True, False, True]))
    assert form_of(flags) == "flag" and read_numbers(flags, "flag").tolist() == [1.0, 0.0, 1.0]
    assert form_of(pd.Series(pd.Categorical([3, 1, 2]))) == "text"
    assert form_of(pd.Series(pd.Categorical([None, None]))) == "text"


def test_a_month_is_its_first_day_and_a_duration_a_number_of_days_in_every_unit():
    months = pd.Series(pd.PeriodIndex(["2024-01", "2024-03", None], freq="M"))
    assert form_of(months) == "date"
    assert np.array_equal(read_numbers(months, "date"), [19723.0, 19783.0, np.nan], equal_nan=True)
    for unit in ("s", "ns"):
        waits = pd.Series(pd.to_timedelta([1.5, 30, None], unit="D")).astype(f"timedelta64[{unit}]")
        assert form_of(waits) == "number"
        assert np.array_equal(read_numbers(waits, "number"), [1.5, 30.0, np.nan], equal_nan=True)


def test_categories_as_arrow_has_them_are_levels():
    import pyarrow as pa

    crops = pd.Series(["水稻", None, "wheat"], dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string())))
    assert form_of(crops) == "text"
    assert read_levels(crops).names == ("wheat", "水稻") and read_levels(crops).codes.tolist() == [1, -1, 0]


def test_lists_in_cells_are_refused_in_words():
    with pytest.raises(InputError, match="one text or number per row; got values of type list"):
        read_levels(pd.Series([["a"], ["b"]], name="tags"))
