"""What the withdrawal of a consent makes stale."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from creditlab.data.household import HouseholdFile, household_file
from creditlab.data.world import make_county
from creditlab.errors import ColumnError, UnreadableError
from creditlab.features.plan import PLAN
from creditlab.files import write_json

AS_OF = pd.Timestamp("2023-12-31")


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return make_county(12, seed=3, households_per_village=30).tables


@pytest.fixture(scope="module")
def file(tables: dict[str, pd.DataFrame]) -> HouseholdFile:
    return household_file(tables, AS_OF)


@pytest.fixture(scope="module")
def home(file: HouseholdFile) -> str:
    """A borrower with reports of the central bank."""
    reports = file.tables["credit_reports"]
    return str(reports["household_id"].value_counts().index[0])


def test_every_row_of_the_household_is_counted(file: HouseholdFile, home: str) -> None:
    listed = file.erase(home)
    sources = listed[listed["kind"] == "source"].set_index("name")
    for name, rows in file.tables.items():
        if "household_id" in rows:
            mine = int((rows["household_id"] == home).sum())
            assert (name in sources.index) == (mine > 0)
            assert not mine or sources.loc[name, "rows"] == mine
    assert sources.loc["credit_reports", "consent"] == "credit_reports"
    assert "outside_debt" in sources.loc["credit_reports", "columns"]
    assert sources.loc["deposits", "columns"] == ""
    assert (listed["kind"] == "household file").sum() == 1 and listed["do"].str.len().min() > 0


def test_the_head_stands_for_the_household_and_another_member_for_himself(file: HouseholdFile) -> None:
    members = file.tables["members"]
    head = members[members["relation"] == "head"].iloc[0]
    wife = members[members["relation"] == "spouse"].iloc[0]
    assert set(file.erase(head["person_id"])["name"]) == set(file.erase(head["household_id"])["name"])
    hers = file.erase(wife["person_id"])
    assert set(hers.loc[hers["kind"] == "source", "name"]) == {"members"}


def test_features_that_read_a_column_under_consent_are_listed(file: HouseholdFile, home: str) -> None:
    listed = file.erase(home, plan=PLAN)
    features = listed[listed["kind"] == "feature"].set_index("name")
    assert "outside_debt" in features.index and "deposit_avg_12m" not in features.index
    assert features.loc["outside_debt", "consent"] == "credit_reports"


def test_models_scores_and_reports_that_hold_the_household_are_listed(
    file: HouseholdFile, home: str, tmp_path: Path
) -> None:
    for name, holds in (("with", home), ("without", "H0")):
        folder = tmp_path / name
        folder.mkdir()
        pd.DataFrame({"household_id": [holds, "H1"], "points": [1, 2]}).to_parquet(folder / "scores.parquet")
        write_json(folder / "model.json", {})
        write_json(folder / "report.json", {})
        (folder / "report.html").write_text("<p>", encoding="utf-8")
    listed = file.erase(home, outputs=[tmp_path / "with", tmp_path / "without"])
    outputs = listed[listed["kind"].isin(["scores", "model", "report"])]
    assert set(outputs["name"]) == {"with/scores.parquet", "with/model.json", "with/report.json", "with/report.html"}
    with pytest.raises(UnreadableError, match="a folder of outputs"):
        file.erase(home, outputs=[tmp_path / "nowhere"])


def test_a_stranger_is_refused_without_naming_him(file: HouseholdFile) -> None:
    with pytest.raises(ColumnError, match="a person or household of this file") as caught:
        file.erase("P-secret")
    assert "secret" not in str(caught.value)


def test_after_the_withdrawal_the_list_names_what_the_next_file_no_longer_has(
    tables: dict[str, pd.DataFrame], file: HouseholdFile, home: str
) -> None:
    papers = tables["consents"]
    gone = papers.assign(withdrawn_on=papers["withdrawn_on"].mask(papers["household_id"] == home, AS_OF))
    after = household_file(tables | {"consents": gone}, AS_OF)
    listed = file.erase(home)
    for row in listed[listed["consent"] != ""].itertuples():
        mine = after.tables[row.name].query("household_id == @home")
        assert mine[row.columns.split(", ")].isna().all().all(), row.name
        others = after.tables[row.name].query("household_id != @home")
        pd.testing.assert_frame_equal(others, file.tables[row.name].query("household_id != @home"))
