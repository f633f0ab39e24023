"""The loan book's own report: every part of the sample county, what small books lack, and what leaves the bank."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

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
    first = study.document().to_dict()["tables"]
    assert next(iter(first)) == "ledger.reconciliation"  # the first table of the study
    facts = study["reconciliation"].facts
    assert facts["differing_cells"] == 4 == len(study.findings[study.findings["table"] == "control_totals"])


def test_the_document_shows_every_part_in_both_languages(study):
    document = study.document().to_dict()
    titles = [section["title"] for section in document["sections"]]
    assert titles[0]["en"].startswith("The bank's own numbers")
    assert len(titles) >= 14 and all(t["zh"] and t["en"] for t in titles)
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    assert "observation_months" in text and "未经原文核实" in text and "Unverified parameters" in text
    ids = _ids(document)
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
    figures = {"movement.ecb", "movement.generator", "movement.reached"}
    shown = {edition.edition: figures & set(_ids(edition.document().to_dict())) for edition in (study, external)}
    # rates of the generator may rest on a small cell: outside the bank one sentence says whether it is usable
    assert shown == {"internal": figures, "external": {"movement.ecb"}}
    assert "The generator of the classes serves irregular dates" in text


def _ids(document: dict[str, Any]) -> list[str]:
    return [block["id"] for section in document["sections"] for block in section["blocks"]]


def _all(**values: object) -> dict[str, pd.DataFrame]:
    tables = random_tables(1, 40)
    return tables | {"loan_months": tables["loan_months"].assign(**values)}


def _written_off_early() -> dict[str, pd.DataFrame]:
    """Months go on after the third, in which every note is written off."""
    tables = random_tables(2, 40)
    months = tables["loan_months"].sort_values(["note_id", "month_end"])
    off = (months.groupby("note_id").cumcount() >= 2).astype(int)
    return tables | {"loan_months": months.assign(written_off=off)}


AWKWARD = {
    "random": ("internal", lambda: random_tables(0, 60)),
    "all performing": ("external", lambda: _all(dpd=0, class5="normal", overdue_principal=0.0, overdue_interest=0.0)),
    "all bad, unknown classes": ("internal", lambda: _all(dpd=400, class5="?")),
    "negative balances": ("external", lambda: _all(balance=-5.0)),
    "after the write-off": ("external", _written_off_early),
}


@pytest.mark.parametrize("name", AWKWARD)
def test_an_awkward_book_gives_what_it_can_and_says_what_it_cannot(name):
    edition, tables = AWKWARD[name]
    study = loan_study(tables(), edition=edition)
    assert {"reconciliation", "enforcement", "channels"} <= set(study.absent)
    assert {"structure", "classification", "ratios", "flow", "vintages"} <= set(study.parts)
    assert all(study.absent.values())
    assert len(study.document().sections) >= 10


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
