"""Merges and splits of villages do not lose a household, and change nothing before they are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.data import County, SourceTable
from creditlab.data.household import household_file
from creditlab.data.lineage import lineage
from creditlab.data.world import make_county
from creditlab.features import make_features
from tests.data.changed import MERGED, SPLIT, changed_county

BEFORE, AFTER = pd.Timestamp("2022-06-30"), pd.Timestamp("2025-06-30")


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return make_county(12, seed=3, households_per_village=40).tables


@pytest.fixture(scope="module")
def changed(tables: dict[str, pd.DataFrame]) -> tuple[dict[str, pd.DataFrame], pd.Series]:
    return changed_county(tables)


def as_county(frames: dict[str, pd.DataFrame]) -> County:
    return County({name: SourceTable(name, frame, name, "") for name, frame in frames.items()})


def test_no_household_is_lost_and_each_is_counted_once(tables, changed) -> None:
    frames, true = changed
    before, after = household_file(tables, AFTER).frame, household_file(frames, AFTER).frame
    assert after.index.equals(before.index)
    assert after["village_id"].notna().all()
    assert not set(after["village_id"]) & lineage(frames, AFTER).ended
    assert (after["village_id"] == MERGED).sum() == (true == MERGED).sum()


def test_households_of_a_split_village_go_where_their_records_say(changed) -> None:
    frames, true = changed
    file = household_file(frames, AFTER)
    home = file.frame["village_id"]
    split = true[true.isin(SPLIT)]
    registered = split.index[::2]
    assert (home[registered] == split[registered]).all()
    moves = file.moves.set_index("household_id")
    stated = moves.index[moves["how"] == "stated"]
    assert len(stated) and (home[stated] == true[stated]).all()
    guessed = moves[moves["how"] == "most of the village"]
    assert guessed["successor_id"].isin(SPLIT).all() and guessed["successor_id"].nunique() <= 1
    assert set(moves["how"]) == {"merged", "stated", "most of the village"}


def test_before_a_change_is_known_nothing_changes(tables, changed) -> None:
    frames, _ = changed
    for day in (BEFORE, pd.Timestamp("2022-07-20")):  # in force, but not yet known
        one, other = household_file(tables, day), household_file(frames, day)
        pd.testing.assert_frame_equal(one.frame, other.frame)
        assert len(other.moves) == 0
    known = household_file(frames, pd.Timestamp("2022-07-21")).frame["village_id"]
    assert MERGED in set(known)


def test_records_of_merged_villages_are_added_up(tables, changed) -> None:
    frames, _ = changed
    receipts = household_file(frames, AFTER).tables["village_receipts"]
    old = tables["village_receipts"]
    a, b, _ = sorted(tables["households"]["village_id"].value_counts().loc[lambda s: s >= 20].index)[:3]
    known = old[old["known_on"] <= AFTER]
    assert (receipts["village_id"] == MERGED).sum() == known["village_id"].isin([a, b]).sum()


def test_features_have_a_row_for_every_household_with_the_facts_of_the_new_village(changed) -> None:
    frames, true = changed
    features = make_features(household_file(frames, AFTER)).frame
    assert len(features) == len(true)
    moved = true.index[true == MERGED]
    assert (features.loc[moved, "village_km_to_court"] >= 0).all()
    assert (features.loc[moved, "village_qr_share_12m"] >= 0).all()


def test_a_study_looks_back_in_the_villages_of_today(tables, changed) -> None:
    frames, true = changed
    county = as_county(frames)
    today = county.in_villages_of(AFTER)
    early = today.household_file("2021-12-31")
    assert early.frame.index.equals(county.household_file("2021-12-31").frame.index)
    assert (early.frame["village_id"] == MERGED).sum() == (true == MERGED).sum()
    places = today.tables["villages"].frame
    assert not places["village_id"].isin(lineage(frames, AFTER).ended).any()
    assert (places["village_id"] == MERGED).sum() == 2, "a record for the time before, and one since"
    features = make_features(early).frame
    assert (features.loc[true.index[true == MERGED], "village_km_to_court"] >= 0).all()
    rules = today.check().query("table == 'village_changes'")["rule"]
    assert rules.str.contains("merged").any() and rules.str.contains("split").any()
    assert not rules.str.contains("not among").any()


def test_a_county_without_changes_comes_back_as_it_is(tables) -> None:
    county = as_county(tables)
    assert county.in_villages_of(AFTER) is county


def test_chains_of_changes_and_rings(tables) -> None:
    day = pd.Timestamp("2021-01-01")
    homes = pd.DataFrame({"household_id": ["H1", "H2"], "village_id": ["A", "X"], "known_on": [day, day]})
    rows = [("A", "B", "2022-01-01"), ("B", "C", "2023-01-01"), ("X", "Y", "2022-01-01"), ("Y", "X", "2022-01-01")]
    changes = pd.DataFrame(rows, columns=["village_id", "successor_id", "changed_on"])
    changes["changed_on"] = pd.to_datetime(changes["changed_on"])
    frames = {"households": homes, "village_changes": changes.assign(known_on=changes["changed_on"])}
    assert household_file(frames, AFTER).frame["village_id"].tolist() == ["C", "X"]
    assert household_file(frames, BEFORE).frame["village_id"].tolist() == ["B", "X"]
    assert np.isin(["H1"], household_file(frames, AFTER).moves["household_id"]).all()
