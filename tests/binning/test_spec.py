"""A value has exactly one bin; ranges are closed on the left to the last bit."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from creditlab.binning.spec import BinSpec

NUMBERS = BinSpec("x", "number", cuts=(-1.5, 0.0, 0.1, 1e6), special=((-9.0, "refused"), (0.05, "")))


def test_edges_are_left_closed_to_one_ulp():
    for place, cut in enumerate(NUMBERS.cuts):
        around = pd.Series([np.nextafter(cut, -np.inf), cut, np.nextafter(cut, np.inf)])
        assert NUMBERS.codes(around).tolist() == [place, place + 1, place + 1]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([-9.0, 0.05, 0.0, -0.0]), min_size=1))
def test_every_number_is_in_one_bin_and_within_its_bounds(values):
    codes = NUMBERS.codes(pd.Series(values, dtype=float))
    assert codes.dtype == np.int16 and codes.min() >= 0 and codes.max() < NUMBERS.size
    for value, code in zip(values, codes, strict=True):
        role = NUMBERS.role(int(code))
        lower, upper = NUMBERS.bounds(int(code))
        if role == "range":
            assert lower <= value and (value < upper or value == upper == np.inf)
        else:
            assert np.isnan(value) if role == "missing" else value in (-9.0, 0.05)


def test_levels_codes_missing_and_unseen():
    odd = ("水稻, 小麦", '"[a%"', "a|b")
    spec = BinSpec("crop", "text", groups=((odd[0],), odd[1:]), special=(("未授权", "not authorised"),))
    codes = spec.codes(pd.Series([*odd, "未授权", None, "new"]))
    assert codes.tolist() == [0, 1, 1, 2, 3, 4]
    assert [spec.role(c) for c in range(5)] == ["levels", "levels", "special", "missing", "unseen"]
    assert spec.label(3, "zh") == "缺失" and spec.label(4, "en") == "unseen level"
    assert spec.label(2) == "未授权 not authorised"


def test_labels_of_dates_flags_and_long_groups():
    day = BinSpec("d", "date", cuts=(19753.0, 19783.5))
    assert [day.label(c, "en") for c in range(3)] == [
        "< 2024-01-31",
        "[2024-01-31, 2024-03-01 12:00:00)",
        "≥ 2024-03-01 12:00:00",
    ]
    flag = BinSpec("f", "flag", cuts=(1.0,))
    assert [flag.label(c) for c in range(2)] == ["否 no", "是 yes"]
    many = BinSpec("g", "text", groups=(tuple(f"level{i}" for i in range(30)),))
    assert many.label(0).endswith("+23") and len(many.label(0)) < 75


def test_json_round_trip_is_exact():
    for spec in (NUMBERS, BinSpec("g", "text", groups=(("甲",), ("乙", "丙")), special=(("x", "y"),))):
        assert BinSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
