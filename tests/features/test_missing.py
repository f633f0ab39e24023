"""The reasons for a missing value stay apart from each other and from a true zero."""

from __future__ import annotations

import pytest

from creditlab.columns import MISSING_REASONS
from creditlab.features import MISSING_CODES, PLAN, make_features
from tests.features.stand_in import StandIn, census, feature, rows

LOG = rows(
    "collection_log",
    "household_id covers requested_on outcome",
    ("H1", "businesses", "2020-06-01", "not_connected"),
    ("H1", "businesses", "2022-06-01", "done"),  # connected since
    ("H2", "businesses", "2020-06-01", "done"),
    ("H3", "businesses", "2020-06-01", "not_connected"),
    ("H4", "businesses", "2024-06-01", "not_connected"),  # after the date of the file
    ("H2", "payments", "2020-06-01", "not_connected"),
    ("H3", "payments", "2020-06-01", "not_connected"),
    ("H4", "payments", "2020-06-01", "not_connected"),
)


def test_codes_are_distinct_and_name_every_reason():
    assert list(MISSING_CODES) == list(MISSING_REASONS)
    assert len(set(MISSING_CODES.values())) == 4 and max(MISSING_CODES.values()) < -1e6


def test_an_unconnected_register_is_not_a_zero():
    none = rows("businesses", "business_id household_id")
    found = feature("business_open", businesses=none, collection_log=LOG)
    assert list(found.values()) == [0, 0, MISSING_CODES["not_connected"], 0]


def test_without_rows_the_connection_is_asked_before_the_consent():
    paid = rows(
        "payments", "household_id month_end consumption", ("H1", "2023-09-30", 5), ("H2", "2023-09-30", 6),
        ("H4", "2023-09-30", 7),
    )  # fmt: skip
    found = feature("consumption_12m", {"payments": {"H1", "H4"}}, payments=paid, collection_log=LOG)
    # H2 has rows, so it is connected, whatever the log said in 2020; they may not be read
    assert list(found.values()) == [5, MISSING_CODES["not_authorised"], MISSING_CODES["not_connected"], 7]


@pytest.mark.parametrize("item", PLAN, ids=lambda f: f.name)
def test_without_its_table_a_feature_is_not_connected(item):
    if item.table == "households":
        return
    made = make_features(StandIn(census(), {}), [item])
    word = "not_connected" if item.column.kind == "text" else MISSING_CODES["not_connected"]
    assert (made.frame[item.name] == word).all()


def test_without_its_column_a_feature_is_not_connected():
    few = rows("deposits", "household_id month_end inflow", ("H1", "2023-09-30", 5.0)).drop(columns="inflow")
    assert set(feature("deposit_inflow_12m", deposits=few).values()) == {MISSING_CODES["not_connected"]}


@pytest.mark.parametrize("item", PLAN, ids=lambda f: f.name)
def test_special_lists_the_reasons_that_can_occur(item):
    made = make_features(StandIn(census(), {}), [item])
    codes = made.special[item.name]
    assert all("\u4e00" <= meaning[0] <= "\u9fff" and meaning[-1].isascii() for meaning in codes.values())
    words = {w for w, c in MISSING_CODES.items() if (w if item.column.kind == "text" else c) in codes}
    assert ("not_authorised" in words) == bool(item.consents)
    assert "not_connected" in words and words == set(item.reasons)
