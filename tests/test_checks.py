"""Boundary checks: each message says what was expected, what came, where, and what to do."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from creditlab import checks
from creditlab.errors import ColumnError, DuplicateKeyError, InputError


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.Series([1, 2]), "number"),
        (pd.Series([1, None], dtype="Int64"), "number"),
        (pd.Series([1.5, None], dtype="float64[pyarrow]"), "number"),
        (pd.Series([Decimal("1.5"), None]), "number"),
        (pd.Series([True, False]), "flag"),
        (pd.Series([True, None], dtype="boolean"), "flag"),
        (pd.Series(["甲", None]), "text"),
        (pd.Series(["a"], dtype="string[pyarrow]"), "text"),
        (pd.Series(["a", "b"], dtype=object), "text"),
        (pd.Series(["a", 1], dtype=object), "mixed"),
        (pd.Series(["a"]).astype("category"), "category"),
        (pd.Series(pd.to_datetime(["2023-01-01"])), "date"),
        (pd.Series([None, None], dtype=object), "number"),
    ],
)
def test_kind_of(values: pd.Series, kind: str) -> None:
    assert checks.kind_of(values) == kind


def test_target() -> None:
    assert checks.check_target([0, 1, 1.0]).tolist() == [0, 1, 1]
    assert checks.check_target(pd.Series([True, False])).tolist() == [1, 0]
    with pytest.raises(InputError, match=r"a target of 0 and 1 \(1 = bad\); got 2 in 1 rows \(target, rows 1\)"):
        checks.check_target([0, 2, 1])
    with pytest.raises(InputError, match="only good rows"):
        checks.check_target([0, 0])
    with pytest.raises(InputError, match="only bad rows"):
        checks.check_target([1, 1])
    with pytest.raises(InputError, match="1 rows without a value"):
        checks.check_target([0, 1, None])
    with pytest.raises(InputError, match="'yes' in 1 rows"):
        checks.check_target(["yes", 0, 1])
    with pytest.raises(InputError, match="4 values, one per row; got 2"):
        checks.check_target([0, 1], n=4)


def test_frame_columns_and_keys() -> None:
    frame = pd.DataFrame({"id": ["a", "a", None], "x": [1, 2, 3]})
    with pytest.raises(InputError, match="an empty table"):
        checks.check_frame(frame.iloc[:0], "loans")
    with pytest.raises(InputError, match="a pandas DataFrame; got list"):
        checks.check_frame([1], "loans")
    with pytest.raises(InputError, match="'x' more than once"):
        checks.check_frame(pd.DataFrame([[1, 2]], columns=["x", "x"]), "loans")
    with pytest.raises(ColumnError, match=r"the column 'y'; got columns 'id', 'x' \(loans\)"):
        checks.check_columns(frame, ["y"], "loans")
    with pytest.raises(DuplicateKeyError, match="1 rows without"):
        checks.check_unique(frame, ["id"], "loans")
    with pytest.raises(DuplicateKeyError, match=r"2 rows that share their key \(loans, rows 0, 1\)"):
        checks.check_unique(frame.iloc[:2], ["id"], "loans")
    checks.check_unique(frame, ["x"], "loans")


def test_duplicate_keys_are_named_by_row_never_by_value() -> None:
    frame = pd.DataFrame({"id": ["999999199001011234"] * 2})
    with pytest.raises(DuplicateKeyError) as caught:
        checks.check_unique(frame, ["id"], "customers")
    assert "999999" not in str(caught.value)


def test_weights_probabilities_groups_levels_dates() -> None:
    assert checks.check_weights(None, 2).tolist() == [1.0, 1.0]
    with pytest.raises(InputError, match="finite weights of zero or more; got 1 others"):
        checks.check_weights([1, -1], 2)
    with pytest.raises(InputError, match="at least one positive weight"):
        checks.check_weights([0, 0], 2)
    with pytest.raises(InputError, match="numbers; got values that are not numbers"):
        checks.check_weights(["a"], 1)
    with pytest.raises(InputError, match="probabilities between 0 and 1"):
        checks.check_prob([0.5, 1.5])
    with pytest.raises(InputError, match="probabilities between 0 and 1"):
        checks.check_prob([np.nan])
    with pytest.raises(InputError, match="1 rows without"):
        checks.check_groups(["a", None], 2)
    with pytest.raises(InputError, match="90 % is 0.9"):
        checks.check_level(90)
    with pytest.raises(InputError, match="a date such as 2023-12-31; got 'soon'"):
        checks.check_date("soon", "as_of")
    assert str(checks.check_date("2023-12-31", "as_of").date()) == "2023-12-31"
    with pytest.raises(InputError, match="one of 'a', 'b'; got 'c'"):
        checks.check_one_of("c", ["a", "b"], "setting")
