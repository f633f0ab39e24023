"""The way back to customer numbers: for whoever holds the crosswalk, written down, never onto reports or models."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from creditlab.cli import main
from creditlab.data import make_crosswalk, read_key, reveal
from creditlab.errors import InputError, UnreadableError


@pytest.fixture(scope="module")
def key(sample_folder: Path) -> bytes:
    return read_key(sample_folder / "raw" / "sample.key")


@pytest.fixture
def crosswalk(sample_folder: Path, key: bytes, tmp_path: Path) -> Path:
    out = tmp_path / "safe" / "crosswalk.csv"
    assert make_crosswalk(sample_folder / "raw" / "客户台账.csv", out, key) > 1000
    return out


@pytest.fixture
def contacts(sample_folder: Path, tmp_path: Path) -> Path:
    homes = pd.read_parquet(sample_folder / "deposits.parquet")["household_id"].drop_duplicates().head(3).tolist()
    frame = pd.DataFrame({"household_id": [*homes, "H000000000000"], "reason": ["renewal", "=1+1", "阅读", "none"]})
    frame.to_csv(tmp_path / "contacts.csv", index=False, encoding="utf-8-sig")
    return tmp_path / "contacts.csv"


def test_customer_numbers_are_put_onto_a_contact_list_and_the_access_is_logged(
    crosswalk: Path, contacts: Path, sample_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "branch" / "calls.csv"
    call = ["reveal", str(contacts), "--crosswalk", str(crosswalk), "--out", str(out), "--reason", "renewals of July"]
    assert main(call) == 0
    assert "3 of 4 rows" in capsys.readouterr().out
    shown = pd.read_csv(out, dtype="str", encoding="utf-8-sig")
    ledger = pd.read_csv(sample_folder / "raw" / "客户台账.csv", dtype="str")
    assert shown["customer_no"].notna().tolist() == [True, True, True, False]
    assert set(shown["customer_no"].dropna()) <= set(ledger["客户号"])
    assert shown["reason"].tolist()[1] == "'=1+1"
    entries = [json.loads(line) for line in crosswalk.with_suffix(".access.jsonl").read_text("utf-8").splitlines()]
    assert len(entries) == 1
    entry = entries[0]
    assert entry["revealed"] == 3 and entry["rows"] == 4 and entry["by"] and entry["at"].endswith("Z")
    assert entry["reason"] == "renewals of July" and entry["out"] == "calls.csv"
    assert not any(str(n) in json.dumps(entry) for n in shown["customer_no"].dropna()), "the log names nobody"
    assert main([*call[:-1], "again"]) == 0
    assert len(crosswalk.with_suffix(".access.jsonl").read_text("utf-8").splitlines()) == 2, "entries are added"


def test_the_customer_number_is_the_right_one(crosswalk: Path, sample_folder: Path, key: bytes) -> None:
    from creditlab.data.identity import pseudonyms

    ledger = pd.read_csv(sample_folder / "raw" / "客户台账.csv", dtype="str")
    known = pd.read_csv(crosswalk, dtype="str").set_index("household_id")["customer_no"]
    home = pseudonyms(ledger["身份证号"], key, "H")
    assert (known.loc[home].to_numpy() == ledger["客户号"].to_numpy()).all()


@pytest.mark.parametrize("name", ["report.html", "report.json", "model.json", "study.toml", "card.pmml"])
def test_reports_and_models_are_refused_and_untouched(crosswalk: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="a contact list .* got a report or a model"):
        reveal(tmp_path / name, crosswalk, tmp_path / "out.csv")
    assert (tmp_path / name).read_text(encoding="utf-8") == "{}" and not (tmp_path / "out.csv").exists()
    assert not crosswalk.with_suffix(".access.jsonl").exists()


def test_nothing_is_written_beside_a_report_or_over_an_input(crosswalk: Path, contacts: Path, tmp_path: Path) -> None:
    study = tmp_path / "study"
    study.mkdir()
    (study / "report.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="the folder of a report or model"):
        reveal(contacts, crosswalk, study / "calls.csv")
    with pytest.raises(InputError, match="got an input"):
        reveal(contacts, crosswalk, contacts)
    with pytest.raises(InputError, match="ending in .csv"):
        reveal(contacts, crosswalk, tmp_path / "calls.xlsx")


def test_what_cannot_be_logged_is_not_revealed(crosswalk: Path, contacts: Path, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises(UnreadableError, match="Nothing was revealed"):
        reveal(contacts, crosswalk, tmp_path / "out" / "calls.csv", log=tmp_path / "blocked" / "log.jsonl")
    assert not (tmp_path / "out" / "calls.csv").exists()


def test_a_list_or_ledger_of_other_columns_is_refused(
    crosswalk: Path, contacts: Path, key: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pd.DataFrame({"who": ["H1"]}).to_csv(tmp_path / "odd.csv", index=False)
    with pytest.raises(InputError, match="a column with the pseudonym"):
        reveal(tmp_path / "odd.csv", crosswalk, tmp_path / "out.csv")
    with pytest.raises(InputError, match="a crosswalk"):
        reveal(contacts, contacts, tmp_path / "out.csv")
    with pytest.raises(InputError, match="identity number"):
        make_crosswalk(contacts, tmp_path / "c.csv", key)
    pd.DataFrame({"身份证号": ["11010519491231002X", "nobody"], "客户号": ["1", "2"]}).to_csv(
        tmp_path / "l.csv", index=False, encoding="utf-8"
    )
    with pytest.raises(InputError, match="an identity number in every row") as caught:
        make_crosswalk(tmp_path / "l.csv", tmp_path / "c.csv", key)
    assert "110105" not in str(caught.value)
    call = ["reveal", str(tmp_path / "odd.csv"), "--crosswalk", str(crosswalk), "--out", str(tmp_path / "o.csv")]
    assert main(call) == 2 and capsys.readouterr().err.count("\n") == 1


def test_two_numbers_of_one_person_are_refused(key: bytes, tmp_path: Path) -> None:
    pd.DataFrame({"身份证号": ["11010519491231002X", "110105491231002"], "客户号": ["1", "2"]}).to_csv(
        tmp_path / "l.csv", index=False, encoding="utf-8"
    )
    with pytest.raises(InputError, match="one customer number per person"):
        make_crosswalk(tmp_path / "l.csv", tmp_path / "c.csv", key)
