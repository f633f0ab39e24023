"""A `Document` as one HTML page that opens offline: both languages, light, dark and paper, plotly embedded once.

Use `render(document)`. The page makes no request: a content policy in its head forbids any, and allows only the two
scripts whose digests it names. Same document, same bytes.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from creditlab.errors import InputError, message
from creditlab.plots import theme
from creditlab.plots.words import WORDS, Text
from creditlab.report.blocks import SEVERITIES, STATES, STATUSES, FigureBlock, TableBlock
from creditlab.report.cells import Cell, cell, flat
from creditlab.report.document import Document
from creditlab.results import plain

__all__ = ["render"]

#: pixels that plotly leaves above a figure for its title, which the page sets itself
TITLE = 48


def render(document: Document, lang: str | None = None) -> str:
    """The report as the text of one HTML file.

    Parameters
    ----------
    document : what to show.
    lang : the language shown first, 'zh' or 'en'; None takes the document's. Both are in the page; the reader switches,
        or opens the file with `#lang=en`.

    Raises
    ------
    InputError : the language is unknown, or a format of a table cannot be used.
    """
    first = lang or document.lang
    if first not in ("zh", "en"):
        raise InputError(message("'zh' or 'en'", repr(lang), "lang of render", "Choose one of the two."))
    figures = [b for b in document.blocks() if isinstance(b, FigureBlock)]
    script, plotly = page_asset("page.js"), _plotly() if figures else ""
    return (
        page_environment()
        .get_template("page.html.j2")
        .render(
            document=document,
            lang=first,
            style=Markup(page_asset("page.css")),
            script=Markup(script),
            policy=_policy(script, plotly),
            bundle=Markup(_packed(plotly)) if figures else "",
            settings=script_json(_settings(document, figures)),
            manifest=[(name, cell(value)) for name, value in flat(plain(dict(document.manifest)))],
            states=STATES,
            severities=SEVERITIES,
            statuses=STATUSES,
        )
    )


@cache
def page_environment() -> jinja2.Environment:
    """The templates of the report; everything put into them is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("creditlab.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(cell=cell, cells=_cells, figure_json=_figure_json, figure_note=_figure_note)
    return environment


@cache
def page_asset(name: str) -> str:
    """A style or script that lies beside the templates."""
    return resources.files("creditlab.report").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


@cache
def _packed(text: str) -> str:
    """Gzip without a time, as base64: about two fifths of the size."""
    return base64.b64encode(gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0)).decode("ascii")


def _policy(*scripts: str) -> str:
    digests = (base64.b64encode(hashlib.sha256(s.encode("utf-8")).digest()).decode("ascii") for s in scripts if s)
    allowed = " ".join(f"'sha256-{d}'" for d in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def script_json(value: Any) -> Markup:
    """JSON that may stand inside a script element: nothing in it can end the element or a line.

    >>> print(script_json({"a": "</script>"}))
    {"a":"\\u003c/script\\u003e"}
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # safe: every character that HTML could read has just been replaced


def _settings(document: Document, figures: list[FigureBlock]) -> dict[str, Any]:
    """What the script of the page needs: titles, words to switch, colours, figure templates."""
    words = {text.both: text.to_dict() for text in [*WORDS.values(), *(w for f in figures for w in f.words)]}
    for figure in figures:
        words |= (figure.figure.layout.meta or {}).get("words", {})
    return {
        "title": document.title.to_dict(),
        "words": words,
        "dark": dict(theme.COLOURS.values()),
        "templates": {name: theme.template(name == "dark").to_plotly_json() for name in ("light", "dark")},
    }


def _figure_json(figure: Any) -> Markup:
    """The figure without template and title: the page has its own of both."""
    content = json.loads(figure.to_json())
    layout = content.get("layout", {})
    for name in ("template", "title", "meta"):
        layout.pop(name, None)
    margin = {"l": 60, "r": 16, "t": 88, "b": 52, **layout.get("margin", {})}
    layout["margin"] = margin | {"t": max(40, margin["t"] - TITLE)}
    return script_json({"data": content.get("data", []), "layout": layout})


def _figure_note(figure: Any) -> Text | None:
    """The line on n and intervals, which figures of this package carry in both languages."""
    note = (figure.layout.meta or {}).get("note")
    return Text(note["zh"], note["en"]) if note else None


def _cells(table: TableBlock) -> list[list[Cell]]:
    """The rows that are shown, cell by cell."""
    columns = [table.frame[name].tolist() for name in table.columns]
    formats = [table.formats.get(name, "") for name in table.columns]
    rows = zip(*(column[: table.shown] for column in columns), strict=True)
    return [[cell(value, format) for value, format in zip(row, formats, strict=True)] for row in rows]
