"""The loan book's own report: every part of the sample county, what small books lack, and what leaves the bank."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from creditlab.cli import main
from creditlab.data import read_county
from creditlab.errors import InputError
from creditlab.study import LoanStudy, loan_study
from creditlab.study.loan_book import PARTS
from tests.loans.made import months, note, random_tables


@pytest.fixture(scope="module")
def study(sample_folder: Path) -> LoanStudy:
    return loan_study(read_county(sample_folder), name="sample")


def test_all_parts_are_made_and_the_ledger_comes_first(study):
    assert not study.absent
    assert list(study.parts) == list(PARTS) and next(iter(PARTS)) == "reconciliation"
    facts = study["reconciliation"].facts
    assert facts["differing_cells"] == 4 == len(study.findings[study.findings["table"] == "control_totals"])


def test_the_document_shows_every_part_in_both_languages(study):
    document = study.document().to_dict()
    titles = [section["title"] for section in document["sections"]]
    assert titles[0]["en"].startswith("The bank's own numbers")
    assert len(titles) >= 14 and all(t["zh"] and t["en"] for t in titles)
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    assert "observation_months" in text and "未经原文核实" in text
    ids = [block["id"] for section in document["sections"] for block in section["blocks"]]
    assert len(set(ids)) == len(ids)


def test_the_command_writes_one_whole_folder(tmp_path, sample_folder, capsys):
    out = tmp_path / "report"
    assert main(["loans", str(sample_folder), "--out", str(out), "--lang", "en"]) == 0
    assert "NPL ratios" in capsys.readouterr().out
    html = (out / "report.html").read_text(encoding="utf-8")
    assert 'src="http' not in html and "@import" not in html
    named = {path.stem for path in out.glob("*.parquet")}
    assert {"reconciliation", "ratios", "vintages", "definition", "hazard", "enforcement", "channels"} <= named
    rates = pd.read_parquet(out / "ratios.parquet")
    assert {"by_balance", "by_count", "by_household", "by_vintage"} <= set(rates.get("view", rates.columns))
    assert main(["loans", str(tmp_path / "absent"), "--out", str(tmp_path / "x")]) == 2
    assert not (tmp_path / "x").exists()


def test_the_external_edition_holds_no_person_and_no_village(study):
    external = replace(study, edition="external")
    tables = external.tables()
    assert "sample" not in tables and "village_transitions" not in tables and "expected_loss" not in tables
    villages = {v for v in study["village_transitions"].tidy()["group"].astype(str).unique() if v != "all"}
    text = json.dumps(external.document().to_dict(), ensure_ascii=False)
    assert not [v for v in villages if v in text]


@pytest.mark.parametrize("seed", [0, 1])
def test_an_awkward_book_gives_what_it_can_and_says_what_it_cannot(seed):
    study = loan_study(random_tables(seed))
    assert {"reconciliation", "enforcement", "channels"} <= set(study.absent)
    assert {"structure", "renewals", "classification", "ratios", "flow", "transitions", "vintages"} <= set(study.parts)
    assert all(study.absent.values())
    titles = [s.title.en for s in study.document().sections]
    assert len(titles) >= 10


def test_a_book_without_dates_of_grant_is_still_a_report():
    tables = random_tables(3)
    tables["loans"]["granted_on"] = pd.NaT
    study = loan_study(tables)
    assert "vintages" in study.absent and "ratios" in study.parts
    study.document().to_dict()


def test_a_book_of_one_note_is_still_a_report():
    tables = {"loans": pd.DataFrame([note("N1")]), "loan_months": pd.DataFrame(months("N1", "2023-01-31", [0, 0, 10]))}
    study = loan_study(tables)
    assert study["ratios"].facts is not None
    study.document().to_dict()
    with pytest.raises(InputError, match="hazard|loan study"):
        study["hazard"]


def test_without_loans_there_is_one_clear_message():
    with pytest.raises(InputError, match="loan"):
        loan_study({"households": pd.DataFrame({"household_id": ["H1"]})})
