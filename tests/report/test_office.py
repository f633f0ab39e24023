"""Workbook and Word document of a report: every table, text that stays text, the same bytes, a place for each."""

import hashlib
import zipfile

import pandas as pd
import pytest
from docx import Document as WordDocument
from openpyxl import load_workbook

from creditlab.errors import InputError, MissingProgramError
from creditlab.report import Document, Section, TableBlock, write_word, write_workbook
from creditlab.report import word as word_module
from creditlab.results import NotEstimable
from tests.plots.made import HOSTILE
from tests.report.made import document, text

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")', "a\x00b"]


@pytest.fixture(autouse=True)
def same_time(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


def hostile() -> Document:
    frame = pd.DataFrame(
        {
            "name": FORMULAS,
            "rate": [0.123456789, None, 0.5, 1.0, 0.0, 0.25, 0.75],
            "n": [1234567, *range(1, 7)],
            "day": pd.to_datetime(["2024-03-31"] * 7),
            "kept": [True, False, True, True, True, True, True],
            "auc": [NotEstimable("7 < 10"), *[0.7] * 6],
        }
    )
    table = TableBlock("odd.table", text("[a]: table? " * 4), frame, formats={"rate": ".1%", "n": ",.0f"})
    return Document(text("title"), text("sub"), [Section("one", text("s"), [table])])


def sheet(path, place=1):
    return load_workbook(path).worksheets[place]


def test_every_table_and_figure_of_the_report_is_a_sheet(tmp_path):
    whole = document()
    write_workbook(whole, tmp_path / "r.xlsx", "en")
    book = load_workbook(tmp_path / "r.xlsx")
    ids = [row[1].value for row in book.worksheets[0].iter_rows(min_row=6)]
    assert ids == ["key_figures", "findings", "villages", "funnel", "caterpillar", "map", "manifest"]
    assert len(book.worksheets) == 1 + len(ids)
    funnel = whole.to_dict()["figures"][0]["data"]
    read = [[c.value for c in row] for row in book.worksheets[4].iter_rows(min_row=4)]
    assert len(read) == len(funnel["rows"])
    numbers = [c["name"] for c in funnel["columns"]].index("expected")
    assert [row[numbers] for row in read] == [row["expected"] for row in funnel["rows"]]


def test_no_text_becomes_a_formula_and_numbers_stay_numbers(tmp_path):
    write_workbook(hostile(), tmp_path / "r.xlsx", "zh")
    page = sheet(tmp_path / "r.xlsx")
    first = [row[0] for row in page.iter_rows(min_row=4)]
    assert [c.data_type for c in first] == ["s"] * 7
    assert [c.value for c in first] == [*FORMULAS[:6], "a\ufffdb"]
    assert all(c.quotePrefix for c in first[:6])
    with zipfile.ZipFile(tmp_path / "r.xlsx") as parts:
        assert not any(b"<f>" in parts.read(n) for n in parts.namelist() if n.startswith("xl/worksheets"))
    row = next(page.iter_rows(min_row=4))
    assert row[1].value == 0.123456789 and row[1].number_format == "0.0%"
    assert row[2].value == 1234567 and row[2].number_format == "#,##0"
    assert row[3].value.date().isoformat() == "2024-03-31" and row[4].value == "是"
    assert row[5].value == "无法估计：7 < 10"


def test_headers_stay_in_view_and_links_lead_there_and_back(tmp_path):
    write_workbook(hostile(), tmp_path / "r.xlsx", "zh")
    book = load_workbook(tmp_path / "r.xlsx")
    page = book.worksheets[1]
    assert page.freeze_panes == "B4" and page["A3"].value == "名称" and page["A2"].value.endswith("odd.table")
    assert book.worksheets[0]["A6"].hyperlink.location == f"'{page.title}'!A1"
    assert page["A2"].hyperlink.location == "'目录'!A1"
    assert len(page.title) <= 31 and not set("[]:*?/\\") & set(page.title)


def test_both_languages(tmp_path):
    for lang, header, contents in (("zh", "样本量", "目录"), ("en", "n", "contents")):
        write_workbook(document(), tmp_path / f"{lang}.xlsx", lang)
        assert load_workbook(tmp_path / f"{lang}.xlsx").sheetnames[0] == contents
        write_word(document(), tmp_path / f"{lang}.docx", lang, figures=False)
        words = {c.text for t in WordDocument(str(tmp_path / f"{lang}.docx")).tables for c in t.rows[0].cells}
        assert header in words
    with pytest.raises(InputError, match="lang of write_workbook"):
        write_workbook(document(), tmp_path / "no.xlsx", "fr")
    assert not (tmp_path / "no.xlsx").exists()


def test_the_same_document_gives_the_same_bytes(tmp_path):
    for write, ending in ((write_workbook, "xlsx"), (lambda d, p: write_word(d, p, figures=False), "docx")):
        sums = []
        for name in ("a", "b"):
            write(document(), tmp_path / f"{name}.{ending}")
            sums.append(hashlib.sha256((tmp_path / f"{name}.{ending}").read_bytes()).hexdigest())
        assert sums[0] == sums[1]
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_the_word_document_has_sections_findings_and_hostile_text_as_text(tmp_path):
    write_word(document(), tmp_path / "r.docx", "zh", figures=False)
    book = WordDocument(str(tmp_path / "r.docx"))
    headings = [p.text for p in book.paragraphs if p.style.name.startswith("Heading")]
    assert headings[:2] == ["中文summary", "中文table"] and HOSTILE in headings and headings[-1] == "复现清单"
    assert any(p.text.startswith("F-1 [高] ") for p in book.paragraphs)
    write_word(hostile(), tmp_path / "h.docx", "en", figures=False)
    cells = [row.cells[0].text for row in WordDocument(str(tmp_path / "h.docx")).tables[0].rows]
    assert cells[1] == "=1+1" and cells[7] == "a\ufffdb"


def test_without_a_browser_tables_stand_for_the_figures(tmp_path, monkeypatch):
    def none(figures):
        raise MissingProgramError("expected a browser")

    monkeypatch.setattr(word_module, "figure_images", none)
    write_word(document(), tmp_path / "r.docx", "en")
    book = WordDocument(str(tmp_path / "r.docx"))
    assert any(p.text == "Tables stand for the figures: expected a browser" for p in book.paragraphs)
    assert len(book.inline_shapes) == 0 and len(book.tables) == 6


@pytest.mark.chromium
def test_figures_are_drawn_with_their_alternative_text(tmp_path):
    write_word(document(), tmp_path / "r.docx", "en")
    shapes = WordDocument(str(tmp_path / "r.docx")).inline_shapes
    assert len(shapes) == 3
    assert {s._inline.docPr.get("descr") for s in shapes} == {"English what is seen"}
    with zipfile.ZipFile(tmp_path / "r.docx") as parts:
        pictures = [parts.read(n) for n in parts.namelist() if n.startswith("word/media")]
    assert all(p.startswith(b"\x89PNG") and len(p) > 8_000 for p in pictures)
