"""A county's study from the command line: the same bytes at one and two threads, hostile names, and its second path."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from creditlab.data import make_county, write_county
from creditlab.study import recheck_posteriors, recheck_report
from creditlab.validation import second_draws
from creditlab.validation.rechecking import DIFFERENT, Recheck

HOSTILE = [
    "<script>alert(1)</script>",
    "'; DROP TABLE villages;--",
    '=HYPERLINK("http://x","y")',
    "+1+1",
    "@SUM(1)",
    "-2+3",
    '"><img src=x onerror=alert(1)>',
    "</table><b>",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small county whose villages are called what nobody should run."""
    place = tmp_path_factory.mktemp("county")
    write_county(make_county(villages=16, seed=4), place)
    villages = pd.read_parquet(place / "villages.parquet")
    codes = sorted(villages["village_id"].unique())
    named = {code: f"{HOSTILE[i % len(HOSTILE)]}{i}" for i, code in enumerate(codes)}
    villages["name"] = villages["village_id"].map(named)
    villages.to_parquet(place / "villages.parquet", index=False)
    return place


@pytest.fixture(scope="module")
def studies(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The study at one and at two threads, side by side."""
    out = tmp_path_factory.mktemp("studies")
    runs, places = [], []
    for threads in ("1", "2"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        env = {**os.environ, **dict.fromkeys(names, threads), "SOURCE_DATE_EPOCH": "1700000000"}
        call = [sys.executable, "-m", "creditlab", "study", str(folder), "--out", str(out / threads), "--also", "xlsx"]
        runs.append(subprocess.Popen(call, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        places.append(out / threads)
    for run in runs:
        _, errors = run.communicate(timeout=300)
        assert run.returncode == 0, errors.decode()[-2000:]
    return places


@pytest.fixture(scope="module", autouse=True)
def few_draws() -> Iterator[None]:
    """Fewer draws of the second path: its stated limits widen by themselves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recheck_posteriors, "WARM", 150)
        patch.setattr(recheck_posteriors, "KEPT", 150)
        patch.setattr(second_draws, "TIMES", 40)
        yield


@pytest.fixture(scope="module")
def rechecked(studies: list[Path], folder: Path) -> Recheck:
    return recheck_report(studies[0] / "report.json", folder)


def test_a_county_gives_the_same_bytes_at_one_and_two_threads(studies: list[Path]) -> None:
    one, two = ({p.relative_to(place): p.read_bytes() for p in place.rglob("*") if p.is_file()} for place in studies)
    assert set(one) == set(two) and len(one) > 20
    assert [str(name) for name in one if one[name] != two[name]] == []


def test_names_of_villages_are_never_run(studies: list[Path]) -> None:
    place = studies[0]
    for page in ("report.html", "cards.html"):
        text = (place / page).read_text(encoding="utf-8")
        assert not re.search(r"<script>alert|<img src=x|</table><b>", text), page
        assert any(mark in text for mark in ("&lt;script&gt;alert(1)", "HYPERLINK", "@SUM(1)", "DROP TABLE")), page
    first = pd.read_csv(place / "villages.csv", dtype=str)["name"].dropna()
    assert not first.str.match(r"[=+\-@]").any() and first.str.match(r"'[=+\-@]").sum() >= 3
    from openpyxl import load_workbook

    cells = [c for sheet in load_workbook(place / "report.xlsx") for row in sheet.iter_rows() for c in row]
    assert not [c.coordinate for c in cells if c.data_type == "f"]
    assert any("HYPERLINK" in str(c.value) for c in cells)


def test_nearly_every_figure_of_a_county_is_computed_again(rechecked: Recheck) -> None:
    facts = rechecked.facts
    assert facts["different"] == 0, rechecked.differences().to_string()
    assert facts["equal"] > 0.8 * facts["figures"] and facts["figures"] > 10_000
    assert rechecked.unchecked()["reason"].ne("").all()
    sections = rechecked.sections().set_index("section")
    assert {"data", "scorecard", "villages", "space", "criteria", "why", "dynamics", "test"} <= set(sections.index)
    assert sections[["equal", "different", "not rechecked"]].to_numpy().sum() == facts["figures"]


def test_a_changed_figure_of_every_table_is_found(
    studies: list[Path], folder: Path, rechecked: Recheck, tmp_path: Path
) -> None:
    stored = json.loads((studies[0] / "report.json").read_text(encoding="utf-8"))
    table = rechecked.tidy()
    able = table[(table["state"] == "equal") & table["part"].isin(["table", "figure"])]
    changed = planted(stored, set(zip(able["id"], able["figure"], strict=True)))
    assert len(changed) > 30
    (tmp_path / "report.json").write_text(json.dumps(stored), encoding="utf-8")
    for name in ("evidence", "model.json", "challenger.json", "composition.json"):
        os.symlink(studies[0] / name, tmp_path / name)
    found = recheck_report(tmp_path / "report.json", folder).tidy()
    flagged = set(found[found["state"] == DIFFERENT]["id"])
    assert sorted(changed - flagged) == []
    lines = found[(found["part"] == "test") & (found["state"] == DIFFERENT)]
    assert set(lines["id"]) >= {"disc.auc"}


def planted(stored: dict[str, Any], able: set[tuple[str, str]]) -> set[str]:
    """Move one figure of every table that has a second path, by half its size and two; the ids."""
    changed = set()
    tables = {id: t["rows"] for id, t in stored["tables"].items()}
    tables |= {f["id"]: f["data"]["rows"] for f in stored["figures"]}
    for id, rows in tables.items():
        for row in copy.copy(rows):
            figure = next((k for k, v in row.items() if (id, k) in able and isinstance(v, int | float)), None)
            if figure is not None:
                row[figure] = row[figure] * 1.5 + 2
                changed.add(id)
                break
    line = next(t for t in stored["tests"] if t["id"] == "disc.auc")
    line["estimate"] += 0.01
    return changed


def test_evidence_that_was_changed_is_noticed(studies: list[Path], folder: Path, tmp_path: Path) -> None:
    from creditlab.study.evidence import read_evidence
    from creditlab.study.recheck_county import evidence_digests

    stored = json.loads((studies[0] / "report.json").read_text(encoding="utf-8"))
    tables = read_evidence(studies[0])
    assert {"rows", "features", "shap_card", "moves", "cases"} <= set(tables)
    assert {row["state"] for row in evidence_digests(stored, tables)} == {"equal"}
    tables["rows"].loc[0, "bad"] = 1 - tables["rows"].loc[0, "bad"]
    wrong = [row["id"] for row in evidence_digests(stored, tables) if row["state"] == DIFFERENT]
    assert wrong == ["evidence rows"]
