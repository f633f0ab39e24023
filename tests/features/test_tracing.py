"""From a feature back to its rows: fed with nothing but the rows of its trace, it has the same value."""

from __future__ import annotations

import pandas as pd
import pytest

from creditlab.data.household import HouseholdFile
from creditlab.errors import ColumnError
from creditlab.features import MISSING_CODES, PLAN, FeatureFrame, make_features
from tests.features.stand_in import AS_OF, StandIn

#: not source rows of the feature, but what says which month is closed and which source is connected
CONTEXT = ("control_totals", "collection_log")


@pytest.fixture(scope="module")
def file(small_file: HouseholdFile) -> HouseholdFile:
    return small_file


@pytest.fixture(scope="module")
def made(small_features: FeatureFrame) -> FeatureFrame:
    return small_features


def known_of(made: FeatureFrame, name: str) -> pd.Series:
    values = made.frame[name]
    return values[~values.isin([*MISSING_CODES, *MISSING_CODES.values()])]


@pytest.mark.parametrize("item", PLAN, ids=lambda f: f.name)
def test_the_rows_of_the_trace_alone_give_the_value(file, made, item):
    values = known_of(made, item.name)
    told = values[values != 0] if item.column.kind != "text" else values
    home = (told if len(told) else values).index[0]
    rows = file.trace(home, item.name)
    assert rows.attrs["value"] == made.frame.loc[home, item.name]
    tables = {
        n: file.tables[n] if n in CONTEXT and n not in item.tables else file.tables[n].iloc[:0] for n in file.tables
    }
    for table, part in rows.groupby("table"):
        tables[table] = file.tables[table].loc[part["row"]]
    again = make_features(StandIn(file.frame, tables, file.consented, AS_OF), [item])
    assert again.frame.loc[home, item.name] == pytest.approx(made.frame.loc[home, item.name], abs=1e-12)
    assert set(rows["table"]) <= set(item.tables)
    if "known_on" in rows:
        assert (pd.to_datetime(rows["known_on"]) <= AS_OF).all()


def test_a_trace_shows_other_households_only_where_the_feature_is_about_them(file, made):
    home = known_of(made, "dpd_now").index[0]
    notes = file.tables["loans"].set_index("note_id")["household_id"]
    shown = file.trace(home, "dpd_now")
    assert set(notes.loc[shown["note_id"]]) == {home}
    mates = file.trace(home, "village_others_deposit_12m")["household_id"]
    village = file.frame["village_id"]
    assert home not in set(mates) and set(village.loc[mates.unique()]) == {village[home]}


def test_a_missing_value_traces_to_no_rows(file, made):
    values = made.frame["dpd_now"]
    home = values.index[values == MISSING_CODES["not_applicable"]][0]
    rows = file.trace(home, "dpd_now")
    assert rows.empty and rows.attrs["value"] == MISSING_CODES["not_applicable"]


def test_a_trace_reads_only_the_columns_that_the_feature_declares(file, made):
    home = known_of(made, "deposit_end").index[0]
    rows = file.trace(home, "deposit_end")
    assert "end_balance" in rows and "inflow" not in rows and len(rows) >= 1


def test_wrong_calls(file):
    home = file.frame.index[0]
    with pytest.raises(ColumnError, match=r"one of the tables .*got 'horoscope'"):
        file.trace(home, "horoscope")
    with pytest.raises(ColumnError, match="a household of this file"):
        file.trace("nobody", "dpd_now")
