"""A report as a Word document: its text, tables and static figures, for those who must file or edit one.

Needs the extra `word` (python-docx); figures also need `static` and a browser, and are replaced by their tables where
those are missing. The HTML page and report.json stay the report: they hold every row.
"""

from __future__ import annotations

import io
import re
from os import PathLike
from typing import Any

from creditlab.checks import check_one_of
from creditlab.errors import MissingExtraError, MissingProgramError
from creditlab.plots.words import Text
from creditlab.report.archive import same_archive
from creditlab.report.blocks import (
    SEVERITIES,
    STATES,
    STATUSES,
    Callout,
    FigureBlock,
    Finding,
    KeyFigures,
    Paragraph,
    TableBlock,
)
from creditlab.report.cells import Cell, cell, flat, text_width
from creditlab.report.document import Document
from creditlab.report.images import figure_images
from creditlab.results import plain

__all__ = ["write_word"]

#: rows and columns of a table in the document; the page and report.json hold all
MOST_ROWS, MOST_COLUMNS = 40, 12
FONTS = {"ascii": "Calibri", "hAnsi": "Calibri", "eastAsia": "Microsoft YaHei"}
#: what XML 1.0 cannot hold
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
SHADE = "E8F0F8"
#: centimetres between the margins of an A4 page
PAPER = 17.0


def write_word(document: Document, path: str | PathLike[str], lang: str | None = None, figures: bool = True) -> None:
    """Write the report as a .docx file, whole or not at all.

    Parameters
    ----------
    document : the report.
    path : the file to write.
    lang : 'zh' or 'en'; None takes the document's.
    figures : False leaves the drawing out and shows the tables of the figures.

    Raises
    ------
    MissingExtraError : python-docx is not installed.
    InputError : the language is unknown.
    """
    try:
        import docx
    except ImportError:
        raise MissingExtraError("python-docx", "word", "a report as a Word document") from None
    lang = check_one_of(lang or document.lang, ("zh", "en"), "lang of write_word")
    page = _Page(docx.Document(), lang)
    page.images, page.undrawn = _images(document) if figures else ({}, None)
    page.front(document)
    for section in document.sections:
        page.heading(section.title, 1)
        for block in section.blocks:
            page.block(block)
    if document.manifest:
        page.heading(Text("复现清单", "Manifest"), 1)
        rows = [[cell(name), cell(value)] for name, value in flat(plain(dict(document.manifest)))]
        page.grid([Text("项目", "item"), Text("取值", "value")], rows)
    with same_archive(path) as draft:
        page.book.save(str(draft))


def _images(document: Document) -> tuple[dict[str, bytes], str | None]:
    blocks = [b for b in document.blocks() if isinstance(b, FigureBlock)]
    try:
        return figure_images(blocks), None
    except (MissingExtraError, MissingProgramError) as error:
        return {}, str(error)


class _Page:
    """A Word document that is being filled in one language."""

    def __init__(self, book: Any, lang: str) -> None:
        from docx.shared import Cm, Pt

        self.book, self.lang = book, lang
        self.images: dict[str, bytes] = {}
        self.undrawn: str | None = None
        page = book.sections[0]
        page.page_width, page.page_height = Cm(21), Cm(29.7)
        page.left_margin = page.right_margin = Cm(2)
        page.top_margin = page.bottom_margin = Cm(2)
        for name in ("Normal", "Title", "Heading 1", "Heading 2", "Heading 3"):
            self._font(book.styles[name])
        book.styles["Normal"].font.size = Pt(10.5)

    def _font(self, style: Any) -> None:
        from docx.oxml.ns import qn

        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for name in [n for n in fonts.attrib if "Theme" in n or n.endswith("heme")]:
            del fonts.attrib[name]
        for name, font in FONTS.items():
            fonts.set(qn(f"w:{name}"), font)

    def say(self, text: Text | str) -> str:
        return UNWRITABLE.sub("\ufffd", text if isinstance(text, str) else getattr(text, self.lang))

    def front(self, document: Document) -> None:
        edition = {"internal": Text("行内版", "internal edition"), "external": Text("对外版", "external edition")}
        self.book.core_properties.title = self.say(document.title)
        self.book.core_properties.author = "creditlab"
        self.book.core_properties.language = "zh-CN" if self.lang == "zh" else "en"
        self.book.add_heading(self.say(document.title), 0)
        self.book.add_paragraph(f"{self.say(document.subtitle)} · {self.say(edition[document.edition])}")
        if self.undrawn:
            self.note(Text(f"图以数据表代替：{self.undrawn}", f"Tables stand for the figures: {self.undrawn}"))

    def heading(self, text: Text, level: int) -> None:
        self.book.add_heading(self.say(text), level)

    def note(self, text: Text) -> None:
        from docx.shared import Pt

        run = self.book.add_paragraph().add_run(self.say(text))
        run.italic, run.font.size = True, Pt(9)

    def block(self, block: Any) -> None:
        if isinstance(block, Paragraph):
            self.book.add_paragraph(self.say(block.text))
        elif isinstance(block, Callout):
            self.book.add_paragraph().add_run(f"【{self.say(STATES[block.state])}】{self.say(block.text)}").bold = True
        elif isinstance(block, KeyFigures):
            self.key_figures(block)
        elif isinstance(block, Finding):
            self.finding(block)
        elif isinstance(block, FigureBlock):
            self.figure(block)
        elif isinstance(block, TableBlock):
            self.heading(block.title, 2)
            self.table(block)

    def key_figures(self, block: KeyFigures) -> None:
        labels = [Text("指标", "figure"), Text("取值", "value"), Text("说明", "note")]
        rows = [[cell(f.label), cell(f.value, f.format), cell(f.note)] for f in block.all]
        self.grid(labels, rows)

    def finding(self, block: Finding) -> None:
        severity, status = self.say(SEVERITIES[block.severity]), self.say(STATUSES[block.status])
        line = self.book.add_paragraph()
        line.add_run(f"{block.id} [{severity}] ").bold = True
        line.add_run(self.say(block.statement))
        owner = self.say(block.owner)
        self.note(
            Text(
                f"证据 {block.evidence}；责任人 {owner}；状态 {status}",
                f"evidence {block.evidence}; owner {owner}; status {status}",
            )
        )

    def figure(self, block: FigureBlock) -> None:
        from docx.shared import Cm

        self.heading(block.title, 2)
        if block.id not in self.images:
            self.table(block.table())
            return
        picture = self.book.add_picture(io.BytesIO(self.images[block.id]), width=Cm(PAPER))
        properties = picture._inline.docPr
        properties.set("descr", self.say(block.alt))
        properties.set("title", self.say(block.title))
        note = (block.figure.layout.meta or {}).get("note") or {"zh": "", "en": ""}
        self.note(
            Text(
                f"{block.alt.zh} {note['zh']}（figures.{block.id}）",
                f"{block.alt.en} {note['en']} (figures.{block.id})",
            )
        )

    def table(self, block: TableBlock) -> None:
        names = list(block.columns)[:MOST_COLUMNS]
        columns = [block.frame[name].head(MOST_ROWS).tolist() for name in names]
        rows = [
            [cell(v, block.formats.get(n, "")) for n, v in zip(names, row, strict=True)]
            for row in zip(*columns, strict=True)
        ]
        self.grid([block.columns[n] for n in names], rows)
        more, wide = len(block.frame) - len(rows), len(block.columns) - len(names)
        if more > 0 or wide > 0:
            self.note(
                Text(
                    f"另有 {max(more, 0)} 行、{max(wide, 0)} 列未列出；全部见 report.json（tables.{block.id}）。",
                    f"{max(more, 0)} more rows, {max(wide, 0)} more columns: all in report.json (tables.{block.id}).",
                )
            )
        if block.note:
            self.note(block.note)

    def grid(self, labels: list[Text], rows: list[list[Cell]]) -> None:
        from docx.enum.text import WD_ALIGN_PARAGRAPH

        table = self.book.add_table(rows=1, cols=len(labels))
        table.style, table.autofit = "Table Grid", False
        for place, label in zip(table.rows[0].cells, labels, strict=True):
            self._write(place, self.say(label), bold=True, shade=True)
        _repeat(table.rows[0])
        for row in rows:
            for place, value in zip(table.add_row().cells, row, strict=True):
                self._write(place, self._shown(value))
                if value.number:
                    place.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
        shown = [[self.say(label), *(self._shown(row[i]) for row in rows)] for i, label in enumerate(labels)]
        self._widths(table, [max(map(text_width, texts)) for texts in shown])
        self.book.add_paragraph()

    def _widths(self, table: Any, longest: list[int]) -> None:
        """Columns share the width of the page by the length of their longest text, within bounds."""
        from docx.shared import Cm

        weights = [min(max(w, 5), 28) for w in longest]
        for column, weight in zip(table.columns, weights, strict=True):
            column.width = Cm(PAPER * weight / sum(weights))

    def _shown(self, value: Cell) -> str:
        if value.reason:
            return self.say(Text(f"无法估计：{value.reason}", f"not estimable: {value.reason}"))
        return self.say(value.text)

    def _write(self, place: Any, text: str, bold: bool = False, shade: bool = False) -> None:
        from docx.oxml import OxmlElement
        from docx.oxml.ns import qn
        from docx.shared import Pt

        run = place.paragraphs[0].add_run(text)
        run.bold, run.font.size = bold, Pt(8)
        if shade:
            fill = OxmlElement("w:shd")
            fill.set(qn("w:val"), "clear")
            fill.set(qn("w:fill"), SHADE)
            place._tc.get_or_add_tcPr().append(fill)


def _repeat(row: Any) -> None:
    """The row stands on top of every page that the table reaches."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    mark = OxmlElement("w:tblHeader")
    mark.set(qn("w:val"), "true")
    row._tr.get_or_add_trPr().append(mark)
