"""The report that a validator signs: its outline, its verdicts, its findings; read in a browser as a person would."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from creditlab.plots.words import Text
from creditlab.report import render, validation_document
from creditlab.report.area_sections import area_tests, strip
from creditlab.report.findings_log import findings, proposal
from creditlab.report.formal_sections import DOCUMENTS
from creditlab.report.outline import AREAS, area_of
from creditlab.validation import validate
from creditlab.validation.listing import catalogue
from tests.plots.made import HOSTILE
from tests.report.chrome import visit

OUTLINE = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "A"]


@pytest.fixture(scope="module")
def result() -> object:
    rng = np.random.default_rng(5)
    n = 3000
    p = rng.beta(1, 9, n)
    y = rng.random(n) < np.clip(p * 1.9, 0, 1)  # PDs that are far too low
    village = np.array([f"{HOSTILE}{v}" for v in rng.integers(0, 40, n)], dtype=object)
    return validate(
        y, {"model": p, HOSTILE: p**1.2}, split=np.where(np.arange(n) < 2000, "train", "oot"), groups=village
    )


@pytest.fixture(scope="module")
def document(result: object) -> object:
    return validation_document(result, "loans.csv", {"stamp": {"inputs": "ab"}}, lang="zh")


def test_the_outline_is_whole_and_in_order(document) -> None:
    assert [s.number for s in document.sections] == OUTLINE
    assert [s.id for s in document.sections[1:-1]] == [area.id for area in AREAS]


def test_every_kind_of_test_has_an_area() -> None:
    assert [id for id in catalogue()["id"] if area_of(id) is None] == []


def test_every_row_of_the_validation_stands_in_one_area(result, document) -> None:
    areas = area_tests(result)
    assert sum(len(tests) for tests in areas.values()) == len(result.tidy())
    shown = [b for s in document.sections for b in s.blocks if b.kind == "table" and "verdict" in b.columns]
    rows = sum(len(table.frame) for table in shown if table.id.split(".")[0] in areas)
    assert rows == len(result.tidy())


def test_what_was_not_tested_says_what_is_needed(document) -> None:
    fairness = next(s for s in document.sections if s.id == "fairness")
    assert [b.kind for b in fairness.blocks] == ["paragraph", "callout", "table"]
    assert fairness.blocks[2].frame["reason"].str.contains("pass protected").all()
    explanation = next(s for s in document.sections if s.id == "explanation")
    assert [b.kind for b in explanation.blocks] == ["paragraph", "callout"] and explanation.blocks[1].state == "none"
    assert "model.json" in explanation.blocks[1].text.en and "model.json" in explanation.blocks[1].text.zh


def test_the_strip_counts_what_the_tables_show(result) -> None:
    table, tests = strip(result).frame, result.tidy()
    assert table["tests"].sum() == len(tests)
    for colour in ("red", "amber", "green"):
        assert table[colour].sum() == (tests["verdict"] == colour).sum()
    calibration = table[table["area"].map(lambda a: a.en == "5 Calibration")].iloc[0]
    assert calibration["state"] == "red"


def test_findings_have_severity_evidence_owner_and_a_stable_id(result, document) -> None:
    listed = findings(result)
    bad = result.tidy().query("verdict in ('amber', 'red')")
    assert len(listed) == len(bad.drop_duplicates(["id", "model"]))
    assert {f.id for f in listed} == {f.id for f in findings(result)} and len({f.id for f in listed}) == len(listed)
    order = ["high", "medium", "low", "info"]
    assert [order.index(f.severity) for f in listed] == sorted(order.index(f.severity) for f in listed)
    grave = next(f for f in listed if f.id == "F.cal.jeffreys.model")
    assert grave.severity == "high" and "p<0.0001" in grave.statement.en and "n=" in grave.statement.en
    assert proposal(listed) == "high"
    assert {f.evidence for f in listed} <= {b.id for b in document.blocks()}


def test_owner_and_status_are_carried_over_and_close_the_proposal(result, document) -> None:
    stored = document.to_dict()
    for finding in stored["findings"]:
        finding |= {"status": "accepted", "owner": {"zh": "张", "en": "Zhang"}}
    again = findings(result, earlier=stored)
    assert {f.status for f in again} == {"accepted"} and {f.owner for f in again} == {Text("张", "Zhang")}
    assert proposal(again) == "none"


def test_findings_of_the_data_are_listed_and_warnings_are_not(result) -> None:
    data = pd.DataFrame(
        {
            "table": ["loans", "tax", "tax"],
            "column": ["amount", "grade", "paid"],
            "rule": ["negative amounts", "unknown grade", "late"],
            "severity": ["stop", "error", "warning"],
            "rows": [3, 5, 9],
            "first_rows": ["1", "2", "3"],
            "rule_zh": ["金额为负", "未知等级", "迟到"],
        }
    )
    named = {f.id: f.severity for f in findings(result, data) if f.id.startswith("F.data")}
    assert named == {"F.data.loans.amount": "high", "F.data.tax.grade": "medium"}


def test_the_checklist_names_every_document_once(document) -> None:
    rows = document.to_dict()["tables"]["documentation.list"]["rows"]
    assert len(rows) == len(DOCUMENTS) and {r["state"] for r in rows} == {"green", "amber", "red"}


def test_hostile_names_stay_text(document) -> None:
    page = render(document)
    markup = re.sub(r"<script.*?</script>", "", page, flags=re.S)
    assert "<img" not in markup and "<script>document" not in page


#: what a person does, step by step; each gives something that can be checked
STEPS = [
    "document.documentElement.lang",
    "document.querySelector('[data-lang=en]').click(); document.documentElement.lang + '|' + document.title",
    "getComputedStyle(document.querySelector('main h2 .zh')).display",
    "document.querySelector('.contents a[href=\"#findings\"]').click(); location.hash",
    "document.querySelector('.finding a').click(); location.hash.slice(1)",
    """new Promise((done) => setTimeout(() => {
        const place = document.querySelector(':target'), top = place.getBoundingClientRect().top;
        done(place.id === location.hash.slice(1) && top > 0 && top < innerHeight);
    }, 1500))""",
    """location.hash = 'discrimination.roc';
    new Promise((done) => setTimeout(() => done(document.querySelectorAll('.main-svg').length), 2500))""",
    "performance.getEntriesByType('resource').filter((e) => !e.name.startsWith('blob:')).length",
    """const made = [];
    URL.createObjectURL = (content) => (made.push(content), 'blob:null/x');
    HTMLAnchorElement.prototype.click = function () { made.push(this.download); };
    document.querySelector('.table button.file').click();
    made[0].text().then((text) => made[1] + '|' + text.split('\\r\\n').length)""",
    "performance.timing.loadEventEnd - performance.timing.navigationStart",
]


@pytest.mark.chromium
def test_a_person_reads_it_offline(document, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render(document), encoding="utf-8", newline="\n")
    found, console = visit(path, STEPS, tmp_path / "report.pdf")
    assert console == []
    assert found[0] == "zh-CN" and found[1] == "en|Model validation" and found[2] == "none"
    assert found[3] == "#findings" and found[5] is True
    assert found[4] in {b.id for b in document.blocks()}
    assert found[6] > 0 and found[7] == 0
    assert found[8] == "cover.signatures.csv|4"
    assert found[9] > 0
    printed = (tmp_path / "report.pdf").read_bytes()
    assert printed.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", printed)) > 5


def test_a_remark_is_in_one_language() -> None:
    from creditlab.report.area_sections import _remark

    remark = _remark("worst 最差: bank · out-of-time · grade 3 (10 rows 行); few bads 坏样本过少")
    assert remark.zh == "10 行中最差者：时间外样本 · 等级 3；坏样本过少"
    assert remark.en == "worst of 10 rows: out-of-time · grade 3; few bads"
    assert _remark("worst of 最差 (120 rows 行)").en == "worst of 120 rows"


def test_the_sizes_are_those_of_the_samples(document) -> None:
    (block,) = [b for b in document.blocks() if b.id == "scope.sizes"]
    sizes = {scope.en: n for scope, n in zip(block.frame["scope"], block.frame["n"], strict=True)}
    assert sizes == {"all": 3000, "development": 2000, "out-of-time": 1000}
