"""The page in headless Chromium, with no name resolved: figures drawn, language switched, no error in the console."""

import re
import subprocess

import pytest

from creditlab.report import render
from tests.conftest import browser
from tests.report.made import document, text

pytestmark = pytest.mark.chromium
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,6000",
    "--enable-logging=stderr",
    "--virtual-time-budget=10000",
]
NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(document(title=text("title"))), encoding="utf-8", newline="\n")
    return path


def run(page, folder, hash, *do):
    command = [browser(), *QUIET, NOWHERE, f"--user-data-dir={folder / 'profile'}", *do, page.as_uri() + hash]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    console = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if "CONSOLE" in line]
    assert console == []
    return done.stdout.decode("utf-8")


def axis_titles(dom):
    return set(re.findall(r'class="[xy]title"[^>]*>([^<]+)<', dom))


def test_figures_are_drawn_in_chinese_first(page, tmp_path):
    dom = run(page, tmp_path, "", "--dump-dom")
    assert '<html lang="zh-CN">' in dom and "<title>中文title</title>" in dom
    drawn = re.findall(r'class="plot js-plotly-plot"[^>]*data-figure="(\w+)--figure"', dom)
    assert drawn == ["funnel", "caterpillar", "map"] and dom.count('class="main-svg"') >= 3
    assert {"期望坏样本", "实际/期望"} <= axis_titles(dom)
    assert "<title>hacked" not in dom and "<img" not in dom


def test_the_language_is_switched_without_a_reload(page, tmp_path):
    dom = run(page, tmp_path, "#lang=en", "--dump-dom")
    assert '<html lang="en">' in dom and "<title>English title</title>" in dom
    assert re.search(r'data-lang="en"[^>]*aria-pressed="true"', dom)
    assert {"expected bads", "O/E"} <= axis_titles(dom) and "期望坏样本" not in axis_titles(dom)


def test_it_prints_with_figures(page, tmp_path):
    run(page, tmp_path, "", "--no-pdf-header-footer", f"--print-to-pdf={tmp_path / 'report.pdf'}")
    printed = (tmp_path / "report.pdf").read_bytes()
    assert printed.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", printed)) >= 3
