"""A county as read: what is there, what is missing, what was found; coverage and conflicts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from creditlab.data import County, make_county, read_county, write_county
from creditlab.errors import InputError, UnreadableError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("county")
    write_county(make_county(12, seed=3, households_per_village=40), out)
    return out


@pytest.fixture(scope="module")
def county(folder: Path) -> County:
    return read_county(folder)


def test_all_tables_are_read_and_a_sound_county_has_no_errors(county: County) -> None:
    assert county.missing == () and county.unknown == ()
    assert not (county.check()["severity"] == "error").any()
    assert county.geojson is not None


def test_a_subset_is_enough_and_what_is_missing_is_said(folder: Path, tmp_path: Path) -> None:
    for name in ("households", "villages", "loans"):
        shutil.copy(folder / f"{name}.parquet", tmp_path)
    (tmp_path / "notes.csv").write_text("a\n1\n", encoding="utf-8")
    county = read_county(tmp_path)
    assert "deposits" in county.missing and county.unknown == ("notes.csv",)
    check = county.check()
    assert (
        check.loc[check["table"] == "deposits", "rule"] == "table not there: its features are 'not connected'"
    ).all()
    with pytest.raises(InputError, match="the table loan_months"):
        county.last_month()


def test_wrong_folders(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="a county folder; got no folder"):
        read_county(tmp_path / "none")
    with pytest.raises(UnreadableError, match="tables such as loans.parquet"):
        read_county(tmp_path)
    for ending in ("csv", "txt"):
        (tmp_path / f"loans.{ending}").write_text("note_id\nN1\n", encoding="utf-8")
    with pytest.raises(UnreadableError, match="one file for the table loans"):
        read_county(tmp_path)


def test_planted_faults_are_found(folder: Path, county: County, tmp_path: Path) -> None:
    for file in folder.glob("*.parquet"):
        shutil.copy(file, tmp_path)
    homes = pd.read_parquet(folder / "households.parquet")
    homes.loc[0, "village_id"] = "999999999999"
    homes.loc[1, "members"] = -2
    homes.loc[2, "known_on"] = homes.loc[2, "observed_on"] - pd.Timedelta(days=1)
    homes.to_parquet(tmp_path / "households.parquet")
    before = county.check()
    after = read_county(tmp_path).check()
    new = after.merge(before, how="left", indicator=True).query("_merge == 'left_only' and table == 'households'")
    assert set(new["rule"]) == {
        "village code not among the villages",
        "outside 0 to 50: taken as missing",
        "known before it was true",
    }
    assert set(new["first_rows"]) == {"0", "1", "2"}


def test_coverage_counts_households_of_the_census(county: County) -> None:
    coverage = county.coverage("2023-12-31")
    census = county.household_file("2023-12-31").frame["village_id"].value_counts()
    assert (coverage["households"] == coverage["village_id"].map(census)).all()
    assert (coverage["fresh"] <= coverage["reached"]).all() and coverage["share"].between(0, 1).all()


def test_conflicts_name_both_values_the_value_that_holds_and_the_rule(county: County) -> None:
    conflicts = county.conflicts("2024-12-31")
    assert len(conflicts) and not conflicts.duplicated(["household_id", "fact", "source_a", "source_b"]).any()
    assert (conflicts["value_a"].astype("str") != conflicts["value_b"].astype("str")).all()
    assert conflicts["resolved"].notna().all() and conflicts["confidence"].between(0, 1).all()
    held = conflicts[conflicts["fact"] == "members"]
    assert (held["resolved"] == held["value_a"]).any() and (held["resolved"] == held["value_b"]).any()
    assert set(conflicts["rule"]) == {"weighted by measured reliability 按实测可靠度加权"}
    trusted = county.conflicts("2024-12-31", rule="most_trusted").query(
        "fact == 'members' and source_a == 'households'"
    )
    assert (trusted["resolved"] == trusted["value_a"]).all()


def test_conflicts_do_not_depend_on_what_became_known_later(county: County) -> None:
    early = county.conflicts("2022-06-30")
    assert len(early) < len(county.conflicts("2025-06-30"))
