"""A report as an Excel workbook: one sheet per table, with contents, key figures and findings in front.

Use it for readers who work in spreadsheets. It holds the numbers of the document in one language; text that came from
data is text in every cell, never a formula. It draws nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_one_of
from creditlab.plots.words import Text
from creditlab.report.archive import same_archive
from creditlab.report.blocks import SEVERITIES, STATES, STATUSES, FigureBlock, KeyFigures, TableBlock
from creditlab.report.cells import cell, flat, text_width
from creditlab.report.document import Document
from creditlab.results import NotEstimable, plain

__all__ = ["write_workbook"]

#: Excel's limit of a sheet name, and what a name may not hold
NAME_LENGTH, NAME_FORBIDDEN = 31, re.compile(r"[\[\]:*?/\\']")
#: a sheet has 1,048,576 rows; three stand above the first
MOST_ROWS = 1_048_576 - 3
#: what XML 1.0 cannot hold
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
HEADER_ROW = 3
Grid = tuple[Text, list[Text], list[list[Any]], list[str]]


def write_workbook(document: Document, path: str | PathLike[str], lang: str | None = None) -> None:
    """Write the report's tables as an .xlsx file, whole or not at all.

    Parameters
    ----------
    document : the report.
    path : the file to write.
    lang : 'zh' or 'en', the language of labels and texts; None takes the document's.

    Raises
    ------
    InputError : the language is unknown.

    Notes
    -----
    Row 1 of a sheet is its title, row 2 leads back to the contents and gives the id of report.json, row 3 the column
    names; these three rows and the first column stay in view. A number keeps its full value; its format only shows it.
    The same document gives the same bytes.

    >>> from creditlab.report import Document, Section, TableBlock, Text
    >>> import pandas as pd, tempfile, pathlib
    >>> table = TableBlock("villages", Text("村", "villages"), pd.DataFrame({"n": [3]}))
    >>> out = pathlib.Path(tempfile.mkdtemp()) / "report.xlsx"
    >>> write_workbook(Document(table.title, table.title, [Section("s", table.title, [table])]), out, "en")
    >>> out.exists()
    True
    """
    from openpyxl import Workbook

    lang = check_one_of(lang or document.lang, ("zh", "en"), "lang of write_workbook")
    book = Workbook()
    contents = book.active
    contents.title = "目录" if lang == "zh" else "contents"
    listed: list[tuple[str, str, str, int]] = []
    for id, grid in _grids(document):
        title = getattr(grid[0], lang)
        sheet = book.create_sheet(_sheet_name(title, len(listed) + 1))
        _fill(sheet, id, grid, lang, contents.title)
        listed.append((sheet.title, title, id, len(grid[2])))
    _contents(contents, document, listed, lang)
    with same_archive(path) as draft:
        book.save(draft)


def _grids(document: Document) -> Iterable[tuple[str, Grid]]:
    """Key figures, findings, the manifest, then every table and the data of every figure, in reading order."""
    figures = [f for b in document.blocks() if isinstance(b, KeyFigures) for f in b.all]
    if figures:
        labels = [Text("指标", "figure"), Text("取值", "value"), Text("说明", "note"), Text("状态", "state")]
        rows = [[f.label, f.value, f.note, STATES.get(f.state)] for f in figures]
        yield "key_figures", (Text("关键指标", "Key figures"), labels, rows, [""] * 4)
    if document.findings:
        labels = [Text("编号", "id"), Text("严重度", "severity"), Text("发现", "finding"), Text("证据", "evidence"),
                  Text("责任人", "owner"), Text("状态", "status")]  # fmt: skip
        rows = [
            [f.id, SEVERITIES[f.severity], f.statement, f.evidence, f.owner, STATUSES[f.status]]
            for f in document.findings
        ]
        yield "findings", (Text("问题清单", "Findings log"), labels, rows, [""] * 6)
    for block in document.blocks():
        if isinstance(block, TableBlock | FigureBlock):
            yield block.id, _grid(block.table() if isinstance(block, FigureBlock) else block)
    if document.manifest:
        rows = [[name, value] for name, value in flat(plain(dict(document.manifest)))]
        yield "manifest", (Text("复现清单", "Manifest"), [Text("项目", "item"), Text("取值", "value")], rows, ["", ""])


def _grid(table: TableBlock) -> Grid:
    frame = table.frame.head(MOST_ROWS)
    columns = [frame[name].tolist() for name in table.columns]
    formats = [table.formats.get(name, "") for name in table.columns]
    return table.title, list(table.columns.values()), [list(row) for row in zip(*columns, strict=True)], formats


def _sheet_name(title: str, place: int) -> str:
    """The title after its number, without what Excel forbids: unique by the number.

    >>> _sheet_name("O/E: villages [a]", 7)
    '07 O E villages a'
    """
    words = " ".join(NAME_FORBIDDEN.sub(" ", UNWRITABLE.sub("", title)).split())
    return f"{place:02d} {words}"[:NAME_LENGTH].strip()


def _fill(sheet: Any, id: str, grid: Grid, lang: str, contents: str) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    title, labels, rows, formats = grid
    _put(sheet.cell(1, 1), getattr(title, lang)).font = Font(bold=True, size=13)
    back = _put(sheet.cell(2, 1), ("← 目录 · " if lang == "zh" else "← contents · ") + id)
    _link(back, contents)
    for place, label in enumerate(labels, start=1):
        head = _put(sheet.cell(HEADER_ROW, place), getattr(label, lang))
        head.font, head.fill = Font(bold=True), PatternFill("solid", fgColor="E8F0F8")
        head.alignment = Alignment(wrap_text=True, vertical="top")
    for line, row in enumerate(rows, start=HEADER_ROW + 1):
        for place, (value, format) in enumerate(zip(row, formats, strict=True), start=1):
            _put(sheet.cell(line, place), _value(value, format, lang), _number_format(format))
    sheet.freeze_panes = sheet.cell(HEADER_ROW + 1, 2)
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A4
    sheet.sheet_properties.pageSetUpPr.fitToPage, sheet.page_setup.fitToHeight = True, 0
    sheet.print_title_rows = f"1:{HEADER_ROW}"
    for place, label in enumerate(labels, start=1):
        shown = [getattr(label, lang), *(str(_value(row[place - 1], formats[place - 1], lang)) for row in rows[:200])]
        sheet.column_dimensions[get_column_letter(place)].width = min(60, 2 + max(map(text_width, shown)))


def _contents(sheet: Any, document: Document, listed: list[tuple[str, str, str, int]], lang: str) -> None:
    from openpyxl.styles import Font

    zh = lang == "zh"
    _put(sheet.cell(1, 1), getattr(document.title, lang)).font = Font(bold=True, size=15)
    _put(sheet.cell(2, 1), getattr(document.subtitle, lang))
    edition = {"internal": ("行内版", "internal edition"), "external": ("对外版", "external edition")}[document.edition]
    _put(sheet.cell(3, 1), edition[0] if zh else edition[1])
    heads = ("表", "report.json", "行数") if zh else ("table", "report.json", "rows")
    for place, head in enumerate(heads, start=1):
        _put(sheet.cell(5, place), head).font = Font(bold=True)
    for line, (name, title, id, rows) in enumerate(listed, start=6):
        link = _put(sheet.cell(line, 1), title)
        _link(link, name)
        _put(sheet.cell(line, 2), id)
        _put(sheet.cell(line, 3), rows, "#,##0")
    sheet.freeze_panes = "A6"
    for letter, width in (("A", 56), ("B", 34), ("C", 10)):
        sheet.column_dimensions[letter].width = width


def _value(value: Any, format: str, lang: str) -> Any:
    """The value as a spreadsheet holds it: a number, a date, a flag's word, or text."""
    if isinstance(value, str) and format == "state":
        return getattr(STATES[value], lang) if value in STATES else value
    if isinstance(value, NotEstimable):
        return ("无法估计：" if lang == "zh" else "not estimable: ") + value.reason
    if isinstance(value, bool | np.bool_ | Text):
        return getattr(cell(value).text, lang)
    if isinstance(value, int | float | np.integer | np.floating):
        number = value.item() if isinstance(value, np.generic) else value
        return number if np.isfinite(number) else (None if number != number else str(number))
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime().replace(tzinfo=None)
    return getattr(cell(value).text, lang) if not isinstance(value, str) else value


def _put(place: Any, value: Any, number_format: str = "") -> Any:
    """Put a value into a cell; text stays text, whatever it begins with."""
    if isinstance(value, str):
        place.value = UNWRITABLE.sub("\ufffd", value)[:32_767]
        place.data_type = "s"
        if value[:1] in ("=", "+", "-", "@", "\t", "\r"):
            place.quotePrefix = True
        return place
    place.value = value
    if number_format and isinstance(value, int | float):
        place.number_format = number_format
    elif hasattr(value, "year"):
        place.number_format = "yyyy-mm-dd"
    return place


def _link(place: Any, sheet: str) -> None:
    """Make a cell lead to the top of a sheet of the same workbook."""
    from openpyxl.styles import Font
    from openpyxl.worksheet.hyperlink import Hyperlink

    place.hyperlink = Hyperlink(ref=place.coordinate, location=f"'{sheet}'!A1")
    place.font = Font(color="14558F", underline="single")


def _number_format(format: str) -> str:
    """A Python format specification as Excel writes it.

    >>> _number_format(",.0f"), _number_format(".1%"), _number_format(".3f"), _number_format("")
    ('#,##0', '0.0%', '0.000', '')
    """
    found = re.fullmatch(r"(,?)(?:\.(\d+))?([fd%])", format)
    if not found:
        return ""
    digits = int(found[2] or 0)
    return ("#,##0" if found[1] else "0") + ("." + "0" * digits if digits else "") + ("%" if found[3] == "%" else "")
