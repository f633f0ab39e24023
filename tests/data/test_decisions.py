"""A person's decisions on doubtful links: the list goes out without names, comes back decided, and is applied."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from creditlab.cli import main
from creditlab.data import read_county
from creditlab.data.decisions import DECISION_COLUMNS, decide, read_decisions
from creditlab.data.linking import PAIRS, Links
from creditlab.errors import InputError

ORIGIN = {"table": "civility_events", "file": "events.csv"}


@pytest.fixture
def found() -> Links:
    """Three doubtful records with two candidates each."""
    pairs = pd.DataFrame({
        "row": [3, 3, 5, 5, 9, 9], "household_id": ["H1", "H2", "H3", "H4", "H5", "H6"],
        "person_id": ["P1", "P2", "P3", "P4", "P5", "P6"], "probability": [0.6, 0.3] * 3, "name": "same characters",
        "birth": "same year", "village": "same township",
    })[PAIRS]  # fmt: skip
    table = pd.DataFrame({"row": [3, 5, 9], "outcome": "doubtful", "household_id": None, "probability": 0.6})
    return Links(table, pairs)


def _decided(found: Links, words: list[str]) -> pd.DataFrame:
    listed = found.pairs.assign(**ORIGIN, decision=words, decided_by="LW", decided_on="2026-03-31")
    return listed


def _back(tmp_path: Path, listed: pd.DataFrame) -> pd.DataFrame:
    listed.to_csv(tmp_path / "doubtful.csv", index=False, encoding="utf-8-sig")
    return read_decisions(tmp_path / "doubtful.csv")


def test_same_links_different_for_all_leaves_out_and_the_rest_stays_doubtful(tmp_path: Path, found: Links) -> None:
    decisions = _back(tmp_path, _decided(found, ["不同", "相同", "different", "different", "不同", ""]))
    done, unused, torn = decide(found, decisions)
    by_row = done.table.set_index("row")
    assert by_row.loc[3, ["outcome", "household_id"]].tolist() == ["decided same", "H2"]
    assert by_row.loc[5, "outcome"] == "decided different" and pd.isna(by_row.loc[5, "household_id"])
    assert by_row.loc[9, "outcome"] == "doubtful"
    assert (unused, torn) == (0, 0)
    # who decided what, and when, stays in the list
    assert done.pairs.loc[done.pairs["row"] == 3, DECISION_COLUMNS].to_numpy().tolist() == [
        ["different", "LW", "2026-03-31"], ["same", "LW", "2026-03-31"],
    ]  # fmt: skip


def test_a_decision_that_fits_no_pair_now_or_two_households_is_not_applied(tmp_path: Path, found: Links) -> None:
    decisions = _back(tmp_path, _decided(found, ["same", "same", "same", "", "", ""]))
    other = Links(found.table, found.pairs.assign(birth=["same year"] * 2 + ["same day"] * 4))
    done, unused, torn = decide(other, decisions)
    assert (done.table["outcome"] == "doubtful").all() and done.table["household_id"].isna().all()
    assert (unused, torn) == (1, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"decision": "maybe"}, r"same \(相同\) or different .*another word in 1 rows .*lines 2"),
        ({"decided_by": ""}, "who decided"),
        ({"decided_on": "soon"}, "a date"),
    ],
)
def test_a_list_that_cannot_be_used_says_which_line(
    tmp_path: Path, found: Links, change: dict[str, str], words: str
) -> None:
    listed = _decided(found, ["same", "", "", "", "", ""])
    listed.loc[0, list(change)] = list(change.values())
    with pytest.raises(InputError, match=words):
        _back(tmp_path, listed)
    with pytest.raises(InputError, match="the list of doubtful links"):
        _back(tmp_path, listed.drop(columns="decided_by"))


def test_the_list_of_the_raw_files_goes_out_is_decided_and_comes_back(
    tmp_path: Path, sample_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Decided by the sample's truth, every doubtful record gets its true household, by the command line too."""
    raw = sample_folder / "raw"
    first = ["check", str(raw), "--id-key", str(raw / "sample.key"), "--as-of", "2023-12-31"]
    assert main([*first, "--out", str(tmp_path / "lists")]) == 0
    listed = pd.read_csv(tmp_path / "lists" / "doubtful.csv", dtype="str")
    assert len(listed) and listed[DECISION_COLUMNS].isna().all().all()
    assert not {"姓名", "name_of_person"} & set(listed.columns)
    truth = pd.read_parquet(sample_folder / "truth" / "links.parquet")
    true = dict(zip(zip(truth["file"], truth["row"], strict=True), truth["household_id"], strict=True))
    home = np.array([true.get((f, int(r))) for f, r in zip(listed["file"], listed["row"], strict=True)])
    listed["decision"] = np.where(listed["household_id"].to_numpy() == home, "相同", "不同")
    listed = listed.assign(decided_by="LW", decided_on="2026-03-31")
    listed.to_csv(tmp_path / "decided.csv", index=False, encoding="utf-8-sig")
    capsys.readouterr()
    assert main([*first, "--links", str(tmp_path / "decided.csv"), "--out", str(tmp_path / "again")]) == 0
    assert "decided same" in capsys.readouterr().out
    links, doubtful = (pd.read_csv(tmp_path / "again" / f"{n}.csv") for n in ("links", "doubtful"))
    outcomes = links["outcome"].value_counts()
    assert "doubtful" not in outcomes and outcomes["decided same"] > 0
    right = links[links["outcome"] == "decided same"]
    assert all(true[f, r] == h for f, r, h in zip(right["file"], right["row"], right["household_id"], strict=True))
    assert (doubtful["decided_by"] == "LW").all()  # the next list still has them
    with pytest.raises(InputError, match="decisions on files of this folder"):
        read_county(sample_folder, links=tmp_path / "decided.csv")
