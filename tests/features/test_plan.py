"""The plan against the column policy, and the dictionary that comes of it."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from creditlab.columns import UNITS_ZH, Column, check_use
from creditlab.data.schema import TABLES
from creditlab.errors import InputError, PolicyError
from creditlab.features import PLAN, Feature, catalogue_page, make_features
from creditlab.features.rows import ACTIONS, OTHERS
from tests.features.stand_in import StandIn, census, rows


def planted(table: str, *reads: str, level: str = "household-conduct", measure=None) -> Feature:
    column = Column("planted", zh="植入", en="planted", level=level, source=table)
    return Feature(column, measure or (lambda view: view.rows(table).groupby("household").size()), reads)


def file_with(table: str) -> StandIn:
    return StandIn(census(), {table: rows(table, "household_id", ("H1",))})


FORBIDDEN = [f"{t.name}.{c.name}" for t in TABLES.values() for c in t if c.use in ("overlay", "audit", "screening")]


@pytest.mark.parametrize("read", FORBIDDEN)
def test_no_feature_reads_an_overlay_audit_or_screening_column(read):
    table = read.partition(".")[0]
    with pytest.raises(PolicyError, match="columns of the use class 'model'"):
        make_features(file_with(table), [planted(table, read)])


@pytest.mark.parametrize("table", ["programmes", "civility_events", "medical_arrears"])
def test_being_in_an_overlay_or_screening_table_is_no_feature(table):
    with pytest.raises(PolicyError, match="a table with columns of the use class 'model'"):
        make_features(file_with(table), [planted(table)])


def test_conduct_cannot_pass_as_origin_nor_the_village_as_conduct():
    with pytest.raises(PolicyError, match="columns of the level household-origin"):
        make_features(file_with("judgments"), [planted("judgments", "judgments.amount", level="household-origin")])
    with pytest.raises(PolicyError, match="level household-conduct or household-origin"):
        make_features(file_with("judgments"), [planted("judgments", "villages.km_to_court")])


@pytest.mark.parametrize(
    "hidden",
    [
        lambda view: view.census()["head_sex"],
        lambda view: view.census()["members"],  # a model column, but not declared
        lambda view: view.rows("deposits")["inflow"],  # nor is this table
    ],
)
def test_a_measure_sees_only_what_it_declares(hidden):
    item = planted("households", "households.labour", level="household-origin", measure=hidden)
    with pytest.raises(PolicyError, match="only columns that the feature declares"):
        make_features(StandIn(census(), {"deposits": rows("deposits", "household_id", ("H1",))}), [item])


def test_every_read_of_the_plan_is_a_model_column_of_its_level():
    read = {r: TABLES[r.partition(".")[0]][r.partition(".")[2]] for f in PLAN for r in f.reads}
    assert len(read) > 50
    check_use(read, read, purpose="plan")
    for item in PLAN:
        levels = {read[r].level for r in item.reads}
        if item.column.level == "village" and not item.others:
            assert levels <= {"village"}, item.name
        if item.column.level == "household-origin":
            assert levels == {"household-origin"}, item.name


def test_the_plan_has_enough_features_of_each_level():
    levels = pd.Series([f.column.level for f in PLAN]).value_counts()
    assert len(PLAN) >= 80 and levels["household-origin"] >= 40
    assert levels["household-conduct"] >= 30 and levels["village"] >= 15


def test_every_table_with_model_columns_gives_a_feature():
    with_facts = {t.name for t in TABLES.values() if any(c.use == "model" for c in t)}
    assert with_facts == {f.table for f in PLAN}


def test_the_page_of_features_is_the_plan(root):
    assert (root / "docs" / "features.md").read_text(encoding="utf-8") == catalogue_page()


def test_only_features_of_the_village_look_at_other_households():
    column = Column("planted", zh="植入", en="planted", level="household-conduct", source="deposits")
    with pytest.raises(PolicyError, match="the level 'village'"):
        make_features(file_with("deposits"), [Feature(column, lambda view: view.village, others=True)])
    with pytest.raises(InputError, match="aggregate of 'planted'"):
        Feature(column, lambda view: view.village, aggregate="modal")


@pytest.mark.parametrize("item", PLAN, ids=lambda f: f.name)
def test_each_feature_is_documented(item):
    column = item.column
    assert re.search("[\u4e00-\u9fff]", column.zh) and column.en.isascii() and column.en != column.name
    assert column.level and column.source in TABLES and column.use == "model"
    assert column.unit in {"", *UNITS_ZH}
    assert item.window.rule("zh") and item.window.rule("en") and item.aggregate
    assert item.measure.func.__doc__ if hasattr(item.measure, "func") else item.measure.__doc__
    assert column.kind != "text" or column.direction == 0


def test_dictionary_is_that_of_the_frame():
    made = make_features(StandIn(census(), {}))
    assert list(made.dictionary) == list(made.frame.columns) == [f.name for f in PLAN] == list(made.special)
    assert made.dictionary.label("dpd_max_12m", "zh") == "近12个月最大逾期天数（天）"
    assert set(made.dictionary.names(level="village")) == {n for n in made.frame if n.startswith("village_")}


def test_wrong_plans_and_files():
    with pytest.raises(InputError, match="at least one feature"):
        make_features(StandIn(census(), {}), [])
    with pytest.raises(InputError, match="one column per name"):
        make_features(StandIn(census(), {}), [PLAN[0], PLAN[0]])
    with pytest.raises(InputError, match="a table of the schema"):
        make_features(StandIn(census(), {}), [planted("horoscopes")])
    with pytest.raises(InputError, match="a household file"):
        make_features(census())
    with pytest.raises(InputError, match="village_id"):
        make_features(StandIn(census().drop(columns="village_id"), {}))


def test_actions_are_those_of_features_that_exist_and_agree_with_the_direction_of_risk() -> None:
    columns = {f.column.name: f.column for f in PLAN}
    assert set(ACTIONS) <= set(columns) and set(OTHERS) <= set(columns)
    for name, action in ACTIONS.items():
        column = columns[name]
        assert column.action == action and column.level != "village"
        assert (action, column.direction) not in {("up", 1), ("down", -1)}, f"{name}: advice would raise the risk"
    assert {name for name, column in columns.items() if not column.told} == set(OTHERS)
