"""Addresses matched to village codes: what is sure is matched, what is not is listed."""

from __future__ import annotations

import pandas as pd
import pytest

from creditlab.data.addresses import Gazetteer
from creditlab.errors import ColumnError

VILLAGES = pd.DataFrame(
    {
        "village_id": ["01", "02", "03", "04", "04"],
        "name": [
            "东山村",
            "西河村",
            "东山村",
            "老庄村",
            "新庄村",
        ],  # two villages of one name, one village of two names
        "township": ["甲乡", "甲乡", "乙乡", "乙乡", "乙乡"],
    }
)


@pytest.fixture(scope="module")
def places() -> Gazetteer:
    return Gazetteer(VILLAGES)


@pytest.mark.parametrize(
    ("address", "code", "how"),
    [
        ("甲乡东山村12号", "01", "name"),
        ("某县乙乡　东山　第３组", "03", "name"),
        ("西河", "02", "name"),
        ("西河新村８号", "02", "name"),
        ("甲乡西河村委会", "02", "name"),
        ("乙乡老庄村5号", "04", "name"),
        ("乙乡新庄村5号", "04", "name"),
        ("甲乡西合村3号", "02", "read_alike"),
        ("东山村12号", None, "ambiguous"),
        ("甲乡幸福路3号", None, "unmatched"),
        ("乙乡西河村3号", None, "unmatched"),  # the township says otherwise: not guessed
        ("西合村", None, "unmatched"),
        ("", None, "unmatched"),
        (None, None, "unmatched"),
    ],
)
def test_an_address_names_one_village_or_is_listed(
    places: Gazetteer, address: str | None, code: str | None, how: str
) -> None:
    matched = places.match([address])
    row = matched.table.iloc[0]
    assert row["how"] == how
    assert (pd.isna(row["village_id"]) and code is None) or row["village_id"] == code
    assert matched.rate == (code is not None)
    assert len(matched.unmatched()) == (code is None)


def test_the_unmatched_list_names_rows_and_shows_no_address(places: Gazetteer) -> None:
    listed = places.match(["甲乡东山村1号", "秘密路9号", "东山村"]).unmatched()
    assert listed.to_dict("list") == {"row": [1, 2], "how": ["unmatched", "ambiguous"], "villages": [0, 2]}
    assert "秘密" not in listed.to_csv()


def test_a_table_without_names_is_refused() -> None:
    with pytest.raises(ColumnError, match="the column"):
        Gazetteer(VILLAGES.drop(columns="name"))
