"""A flat table taken apart: what is named wrongly raises, what the data hold is handled by a rule and reported."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.config import StudyConfig
from creditlab.errors import ColumnError, DuplicateKeyError, IdentityError, InputError
from creditlab.study.flat import UNKNOWN_GROUP, flat_table

N = 120


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "bad": rng.integers(0, 2, N),
            "收入": rng.normal(size=N),
            "作物": rng.choice(["小麦", "玉米,甜", '"苹果"'], N),
            "village": rng.choice([101.0, 102.0], N),
            "id": [f"C{i:04d}" for i in range(N)],
            "when": "2023-0" + pd.Series(rng.integers(1, 9, N)).astype("str") + "-28",
        }
    )


def _config(**more: object) -> StudyConfig:
    return StudyConfig(target="bad", **{"id": "id", **more})  # type: ignore[arg-type]


def _rules(table: object) -> dict[str, str]:
    return dict(zip(table.findings["column"], table.findings["rule"], strict=True))  # type: ignore[attr-defined]


def test_the_parts(frame: pd.DataFrame) -> None:
    table = flat_table(frame, _config(group="village", date="when", drop=("作物",)))
    assert table.X.columns.tolist() == ["收入"]
    assert set(table.group) == {"101", "102"}
    assert table.date is not None and table.date.dt.month.between(1, 8).all()
    assert table.y.sum() == frame["bad"].sum()
    assert len(table.findings) == 0


@pytest.mark.parametrize(("form", "text"), [("%Y%m%d", 20230228), ("%Y%m", 202302), ("%Y", 2023)])
def test_dates_written_as_numbers_are_dates_and_not_nanoseconds(frame: pd.DataFrame, form: str, text: int) -> None:
    table = flat_table(frame.assign(when=text), _config(date="when"))
    assert table.date is not None and (table.date == pd.to_datetime(str(text), format=form)).all()


def test_imperfect_columns_are_handled_counted_and_reported(frame: pd.DataFrame) -> None:
    awkward = frame.assign(
        empty=np.nan,
        constant=1,
        infinite=np.where(np.arange(N) < 3, np.inf, np.arange(N)),
        mixed=[str(i) if i % 10 else i for i in range(N)],
        name=[f"person {i}" for i in range(N)],
        gap=np.where(np.arange(N) == 7, np.nan, 1.0),
    )
    table = flat_table(awkward, _config(drop=("village", "when")))
    rules = _rules(table)
    assert rules["empty"].startswith("all values missing") and rules["constant"].startswith("one value in all rows")
    assert rules["infinite"].startswith("infinite") and rules["name"].startswith("text that names nearly every row")
    assert rules["gap"].startswith("missing")
    assert {"收入", "作物", "infinite", "gap"} <= set(table.X.columns)
    assert not {"empty", "constant", "name"} & set(table.X.columns)
    gap = table.findings.set_index("column").loc["gap"]
    assert (gap["rows"], gap["first_rows"]) == (1, "7")


def test_identity_numbers_never_become_features_ids_or_groups(frame: pd.DataFrame) -> None:
    numbers = ["11010519491231002X" if i % 2 else "440524188001010014" for i in range(N)]
    table = flat_table(frame.assign(person=numbers), _config())
    assert "person" not in table.X and "identity numbers" in _rules(table)["person"]
    assert "110105" not in table.findings.to_csv()
    with pytest.raises(IdentityError, match="Replace them by pseudonyms"):
        flat_table(frame.assign(id=["11010519491231002X", *frame["id"][1:]]), _config())
    with pytest.raises(IdentityError, match="a column of groups, not of persons"):
        flat_table(frame.assign(person=numbers), _config(group="person"))


def test_rows_without_a_group_stay_in_a_group_of_their_own(frame: pd.DataFrame) -> None:
    table = flat_table(frame.assign(village=frame["village"].mask(frame.index < 5)), _config(group="village"))
    assert (table.group == UNKNOWN_GROUP).sum() == 5
    assert _rules(table)["village"].startswith("no group")


def test_special_codes_go_to_the_named_or_to_all_numeric_columns_that_hold_them(frame: pd.DataFrame) -> None:
    coded = frame.assign(a=np.where(np.arange(N) % 4, 5.0, -9.0), b=np.arange(N) * 1.0)
    table = flat_table(coded, _config(special={"*": (-9, -8), "b": (0,)}))
    assert table.special == {"a": [-9, -8], "b": [0]}


@pytest.mark.parametrize(
    ("change", "config", "error", "says"),
    [
        ({}, {"group": "nowhere"}, ColumnError, "the column 'nowhere'"),
        ({}, {"drop": ("x", "y")}, ColumnError, "the columns 'x', 'y'"),
        ({}, {"special": {"z": (-9,)}}, ColumnError, "the column 'z'"),
        ({}, {"date": "bad"}, ColumnError, "one part per column"),
        ({"bad": 2}, {}, InputError, "a target of 0 and 1"),
        ({"bad": 0}, {}, InputError, "both goods and bads"),
        ({"id": "same"}, {}, DuplicateKeyError, "one row per id"),
        ({"w": "heavy"}, {"weight": "w"}, InputError, "numbers in column 'w'; got text in 120 rows"),
        ({}, {"special": {"作物": (-9,)}}, InputError, "numbers in column '作物'; got text"),
        ({"when": "soon"}, {"date": "when"}, InputError, "120 rows without one that can be read"),
    ],
)
def test_wrong_calls_raise_one_clear_message(
    frame: pd.DataFrame, change: dict, config: dict, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        flat_table(frame.assign(**change), _config(**config))


def test_no_target_no_row_no_feature(frame: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="a target column"):
        flat_table(frame, StudyConfig())
    with pytest.raises(InputError, match="an empty table"):
        flat_table(frame.iloc[:0], _config())
    with pytest.raises(InputError, match="at least one usable feature"):
        flat_table(frame[["bad", "id"]], _config())


def test_the_input_is_not_changed(frame: pd.DataFrame) -> None:
    before = frame.copy(deep=True)
    flat_table(frame, _config(group="village", date="when"))
    pd.testing.assert_frame_equal(frame, before)
