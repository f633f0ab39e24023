"""The blocks of a report: paragraph, callout, key figures, table, figure, finding; frozen and bilingual.

Use them to fill the sections of a `Document`. A block knows its numbers in JSON types, not how it looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import pandas as pd

from creditlab.checks import check_columns
from creditlab.errors import InputError, message
from creditlab.plots.words import WORDS, Text
from creditlab.results import plain

__all__ = [
    "SEVERITIES",
    "STATES",
    "STATUSES",
    "Block",
    "Callout",
    "FigureBlock",
    "Finding",
    "KeyFigure",
    "KeyFigures",
    "Paragraph",
    "TableBlock",
    "check_texts",
    "check_word",
    "pair_texts",
]

#: state → what it is called; the page adds a shape and a colour
STATES: Mapping[str, Text] = {
    "green": Text("合格", "pass"),
    "amber": Text("关注", "watch"),
    "red": Text("不合格", "fail"),
    "info": Text("说明", "note"),
    "none": Text("无法估计", "not estimable"),
}
SEVERITIES: Mapping[str, Text] = {
    "high": Text("高", "high"),
    "medium": Text("中", "medium"),
    "low": Text("低", "low"),
    "info": Text("提示", "info"),
}
STATUSES: Mapping[str, Text] = {
    "open": Text("未关闭", "open"),
    "accepted": Text("已接受", "accepted"),
    "closed": Text("已关闭", "closed"),
}


def check_word(value: str, known: Mapping[str, Any], where: str) -> None:
    """The value is one of the known words."""
    if value not in known:
        raise InputError(message(f"one of {', '.join(known)}", repr(value), where, "Use one of these words."))


def check_texts(where: str, /, **values: Any) -> None:
    """Every value that is given is a bilingual text."""
    for name, value in values.items():
        if value is not None and not isinstance(value, Text):
            raise InputError(
                message(
                    "a Text(zh, en)", type(value).__name__, f"{name} of {where}", "Give both languages: Text(zh, en)."
                )
            )


def pair_texts(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The frame with each pair of columns `<name>_zh`, `<name>_en` joined into one bilingual column `<name>`.

    A row that lacks one language shows the other; a row that lacks both is missing.

    >>> pair_texts(pd.DataFrame({"why_zh": ["缺失"], "why_en": ["missing"]}), "why")["why"][0]
    Text(zh='缺失', en='missing')
    """
    joined = frame.copy(deep=False)
    for name in names:
        check_columns(frame, [f"{name}_zh", f"{name}_en"], "pair_texts")
        pairs = zip(frame[f"{name}_zh"], frame[f"{name}_en"], strict=True)
        column = pd.Series([_pair(zh, en) for zh, en in pairs], index=frame.index, dtype=object)
        place = list(joined.columns).index(f"{name}_zh")
        joined = joined.drop(columns=[f"{name}_zh", f"{name}_en"])
        joined.insert(min(place, joined.shape[1]), name, column)
    return joined


def _pair(zh: Any, en: Any) -> Text | None:
    there = [str(v) for v in (zh, en) if isinstance(v, str) and v.strip()]
    return Text(there[0], there[-1]) if there else None


class Block:
    """Base of the blocks: an id, and the kind that report.json names. An empty id is filled in by the section."""

    kind: ClassVar[str] = ""
    id: str

    def entry(self) -> dict[str, Any]:
        """The block as it stands among the blocks of its section in report.json."""
        return {"id": self.id, "kind": self.kind}


@dataclass(frozen=True, eq=False)
class Paragraph(Block):
    """A paragraph of text."""

    kind: ClassVar[str] = "paragraph"
    text: Text
    id: str = ""

    def __post_init__(self) -> None:
        check_texts("a paragraph", text=self.text)

    def entry(self) -> dict[str, Any]:
        return {**super().entry(), "text": self.text.to_dict()}


@dataclass(frozen=True, eq=False)
class Callout(Block):
    """A statement set apart, with the state it expresses."""

    kind: ClassVar[str] = "callout"
    text: Text
    state: str = "info"
    id: str = ""

    def __post_init__(self) -> None:
        check_texts("a callout", text=self.text)
        check_word(self.state, STATES, "state of a callout")

    def entry(self) -> dict[str, Any]:
        return {**super().entry(), "text": self.text.to_dict(), "state": self.state}


@dataclass(frozen=True, eq=False)
class KeyFigure:
    """One number that a reader should not miss.

    Parameters
    ----------
    label : what the number is, with its unit.
    value : number, text, date or `NotEstimable`.
    note : what belongs beside it: n, interval, comparison.
    state : one of STATES, or empty.
    format : a Python format specification such as ',.0f' or '.1%'; empty for the default of the type.
    """

    label: Text
    value: Any
    note: Text | None = None
    state: str = ""
    format: str = ""

    def __post_init__(self) -> None:
        check_texts("a key figure", label=self.label, note=self.note)
        if self.state:
            check_word(self.state, STATES, "state of a key figure")

    def to_dict(self) -> dict[str, Any]:
        note = self.note.to_dict() if self.note else None
        return {"label": self.label.to_dict(), "value": plain(self.value), "note": note, "state": self.state or None}


@dataclass(frozen=True, eq=False)
class KeyFigures(Block):
    """A row of key figures; tuples (label, value, note, state) are taken too."""

    kind: ClassVar[str] = "key_figures"
    figures: Sequence[KeyFigure | tuple[Any, ...]]
    id: str = ""

    def __post_init__(self) -> None:
        listed = tuple(f if isinstance(f, KeyFigure) else KeyFigure(*f) for f in self.figures)
        object.__setattr__(self, "figures", listed)

    @property
    def all(self) -> tuple[KeyFigure, ...]:
        """The figures, each a KeyFigure."""
        return cast("tuple[KeyFigure, ...]", self.figures)

    def entry(self) -> dict[str, Any]:
        return {**super().entry(), "figures": [plain(f) for f in self.figures]}


@dataclass(frozen=True, eq=False)
class TableBlock(Block):
    """A table of the report.

    Parameters
    ----------
    id : the id under which its numbers lie in report.json (`tables.<id>`).
    title : what the table shows.
    frame : the rows. Cells may be numbers, texts, dates, flags, `Text`, `NotEstimable`.
    columns : column → label, in the order to show; empty shows all columns, labelled by the glossary or by their name.
    formats : column → Python format specification ('.1%', ',.0f'), or 'state' for a column of STATES words.
    note : a sentence under the table: interval, method, what was left out.
    n : the number of observations behind the table.
    shown : rows on the page; report.json holds them all.
    """

    kind: ClassVar[str] = "table"
    id: str
    title: Text
    frame: pd.DataFrame
    columns: Mapping[str, Text] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    note: Text | None = None
    n: int | None = None
    shown: int = 200

    def __post_init__(self) -> None:
        where = f"table '{self.id}'"
        check_texts(where, title=self.title, note=self.note)
        if not isinstance(self.frame, pd.DataFrame):
            raise InputError(message("a DataFrame", type(self.frame).__name__, where, "Wrap the rows in a DataFrame."))
        columns = dict(self.columns) or {str(c): WORDS.get(str(c)) or Text.same(c) for c in self.frame.columns}
        frame = self.frame.set_axis([str(c) for c in self.frame.columns], axis=1)
        check_columns(frame, columns, where)
        check_columns(frame, self.formats, f"formats of {where}")
        check_texts(where, **columns)
        object.__setattr__(self, "frame", frame[list(columns)].reset_index(drop=True))
        object.__setattr__(self, "columns", columns)

    def entry(self) -> dict[str, Any]:
        return {**super().entry(), "table": self.id}

    def data(self) -> dict[str, Any]:
        """Labels and all rows in JSON types."""
        columns = [
            {"name": name, **label.to_dict(), "format": self.formats.get(name)} for name, label in self.columns.items()
        ]
        return {
            "title": self.title.to_dict(),
            "n": plain(self.n),
            "note": self.note.to_dict() if self.note else None,
            "columns": columns,
            "rows": plain(self.frame),
        }


@dataclass(frozen=True, eq=False)
class FigureBlock(Block):
    """A figure with the text that stands for it and the table that it draws.

    Parameters
    ----------
    id, title : as in `TableBlock`.
    figure : a plotly Figure. Its own title is not shown; the subtitle becomes the line on n and intervals.
    alt : what the figure shows, in a sentence, for those who do not see it; printed under the figure.
    frame, columns, formats : the numbers that are drawn, as in `TableBlock`.
    words : texts of the figure outside the glossary that shall follow the language switch.
    """

    kind: ClassVar[str] = "figure"
    id: str
    title: Text
    figure: Any
    alt: Text
    frame: pd.DataFrame
    columns: Mapping[str, Text] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    words: Sequence[Text] = ()

    def __post_init__(self) -> None:
        check_texts(f"figure '{self.id}'", title=self.title, alt=self.alt)
        if not hasattr(self.figure, "to_json"):
            raise InputError(
                message("a plotly Figure", type(self.figure).__name__, f"figure '{self.id}'", "Call a plots function.")
            )
        object.__setattr__(self, "words", tuple(self.words))
        self.table()

    def table(self) -> TableBlock:
        """The numbers of the figure as a table block."""
        return TableBlock(self.id, self.title, self.frame, self.columns, self.formats)

    def entry(self) -> dict[str, Any]:
        return {**super().entry(), "figure": self.id}

    def data(self) -> dict[str, Any]:
        """Title, alternative text and numbers in JSON types."""
        table = self.table().data()
        data = {"columns": table["columns"], "rows": table["rows"]}
        return {"id": self.id, "title": self.title.to_dict(), "alt": self.alt.to_dict(), "data": data}


@dataclass(frozen=True, eq=False)
class Finding(Block):
    """A finding of the log.

    Parameters
    ----------
    id : stays the same from report to report.
    severity : high, medium, low or info.
    statement : what was found, with its number.
    evidence : the id of the section, table or figure that shows it.
    owner : who answers for it.
    status : open, accepted or closed.
    """

    kind: ClassVar[str] = "finding"
    id: str
    severity: str
    statement: Text
    evidence: str
    owner: Text
    status: str = "open"

    def __post_init__(self) -> None:
        where = f"finding '{self.id}'"
        check_texts(where, statement=self.statement, owner=self.owner)
        check_word(self.severity, SEVERITIES, f"severity of {where}")
        check_word(self.status, STATUSES, f"status of {where}")

    def entry(self) -> dict[str, Any]:
        return {**super().entry(), "finding": self.id}

    def data(self) -> dict[str, Any]:
        """The finding in JSON types."""
        return {
            "id": self.id,
            "severity": self.severity,
            "statement": self.statement.to_dict(),
            "evidence": self.evidence,
            "owner": self.owner.to_dict(),
            "status": self.status,
        }
