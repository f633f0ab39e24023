"""The report of a study as a reader meets it: offline, in both languages, drawn in a real browser, in two editions."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

import creditlab as cl
from tests.conftest import browser
from tests.test_cli import make_table


@pytest.fixture(scope="module")
def study() -> object:
    config = cl.StudyConfig(target="bad", group="village", date="month", id="id", audit=("sex",), special={"*": (-9,)})
    return cl.run_study(make_table(), config, name="loans")


@pytest.fixture(scope="module")
def page(study: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    study.to_html(path, lang="en")  # type: ignore[attr-defined]
    return path


def test_the_page_is_one_small_file_that_loads_nothing(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    markup = re.sub(r"<script.*?</script>", "", text, flags=re.S)
    assert not re.search(r"""(?:src|href)\s*=\s*["']?\s*(?:https?:)?//""", markup)
    assert not re.search(r"url\(\s*['\"]?https?:", markup)
    assert page.stat().st_size < 6_000_000


def test_every_figure_has_its_text_and_its_numbers(study: object, page: Path) -> None:
    document = study.document()  # type: ignore[attr-defined]
    stored = document.to_dict()
    figures = stored["figures"]
    assert len(figures) >= 8
    listed = figures.values() if isinstance(figures, dict) else figures
    for figure in listed:
        assert figure["alt"]["zh"] and figure["alt"]["en"] and figure["data"]["rows"], figure["id"]
    json.dumps(stored, allow_nan=False)
    assert page.read_text(encoding="utf-8").count("<figure") == len(figures)


def test_every_number_of_the_village_table_is_in_the_json(study: object) -> None:
    stored = study.document().to_dict()  # type: ignore[attr-defined]
    rows = stored["tables"]["villages.table"]["rows"]
    assert [r["village"] for r in rows] == study.villages["village"].tolist()  # type: ignore[attr-defined]
    assert np.allclose([r["estimate"] for r in rows], study.villages["estimate"])  # type: ignore[attr-defined]


def test_the_external_edition_holds_no_small_cell_and_no_person(study: object, tmp_path: Path) -> None:
    outside = study.document(edition="external").to_dict()  # type: ignore[attr-defined]
    rows = outside["tables"]["villages.table"]["rows"]
    assert all(r["n"] is None or r["n"] >= 10 for r in rows)
    study.to_html(tmp_path / "e.html", edition="external")  # type: ignore[attr-defined]
    assert "C00001" not in (tmp_path / "e.html").read_text(encoding="utf-8")


@pytest.mark.chromium
@pytest.mark.fonts
def test_a_browser_draws_the_page_without_a_network_or_an_error(page: Path, tmp_path: Path) -> None:
    call = [str(browser()), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path / 'x'}", "--enable-logging=stderr",
            "--window-size=1300,20000", "--virtual-time-budget=20000", "--dump-dom", page.as_uri()]  # fmt: skip
    done = subprocess.run(call, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)
    assert done.stdout.count("main-svg") >= 5, "the figures are drawn"
    assert re.search(r"<html[^>]*lang=\"en", done.stdout)
    assert not re.findall(r"CONSOLE.*(?:Error|error|Uncaught|Refused).*", done.stderr)
