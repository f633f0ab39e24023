"""A report as a whole: title, sections with their blocks, and the manifest that leads back to the inputs.

Build a `Document` from results, then `document.to_dict()` is report.json and `creditlab.report.render(document)` the
page. Every number has one place, under the id of its block. A document holds no layout and computes no figure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from creditlab.errors import InputError, message, some
from creditlab.plots.words import Text
from creditlab.report.blocks import (
    Block,
    Callout,
    FigureBlock,
    Finding,
    KeyFigure,
    KeyFigures,
    Paragraph,
    TableBlock,
    check_texts,
    check_word,
    pair_texts,
)
from creditlab.results import plain

__all__ = [
    "Callout",
    "Document",
    "FigureBlock",
    "Finding",
    "KeyFigure",
    "KeyFigures",
    "Paragraph",
    "Section",
    "TableBlock",
    "Text",
    "pair_texts",
]

SCHEMA = "creditlab.report"
SCHEMA_VERSION = 1

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
#: ids that the page itself uses
_RESERVED = ("main", "manifest", "contents")


def _named(block: Any, name: str) -> Block:
    return replace(block, id=name)


@dataclass(frozen=True, eq=False)
class Section:
    """A section of the report; blocks without an id are called `<section>.<position>`.

    `number` stands before the title; where no section of a document has one, they are counted from 1.
    """

    id: str
    title: Text
    blocks: Sequence[Block] = ()
    number: str = ""

    def __post_init__(self) -> None:
        check_texts(f"section '{self.id}'", title=self.title)
        for block in self.blocks:
            if not isinstance(block, Block):
                raise InputError(
                    message(
                        "blocks", type(block).__name__, f"section '{self.id}'", "Wrap it, for example in Paragraph."
                    )
                )
        named = (b if b.id else _named(b, f"{self.id}.{place}") for place, b in enumerate(self.blocks, start=1))
        object.__setattr__(self, "blocks", tuple(named))

    def to_dict(self) -> dict[str, Any]:
        blocks = [b.entry() for b in self.blocks]
        return {"id": self.id, "number": self.number, "title": self.title.to_dict(), "blocks": blocks}


@dataclass(frozen=True, eq=False)
class Document:
    """A whole report.

    Parameters
    ----------
    title, subtitle : shown on top.
    sections : in reading order.
    manifest : what is needed to make the report again: digests, seeds, versions, command; nested mappings allowed.
    lang : the language shown first.
    edition : internal or external.
    tests : every line of a validation with its id, scope and unrounded figures: what another program reads.
    reference : bins for the next run of monitoring, by model.

    Raises
    ------
    InputError : an id is used twice or cannot be an anchor, a finding points to evidence that is not there.

    >>> text = Text("一", "one")
    >>> Document(text, text, [Section("data", text, [Paragraph(text)])], {"seed": 7}).to_dict()["sections"][0]["blocks"]
    [{'id': 'data.1', 'kind': 'paragraph', 'text': {'zh': '一', 'en': 'one'}}]
    """

    title: Text
    subtitle: Text
    sections: Sequence[Section]
    manifest: Mapping[str, Any] = field(default_factory=dict)
    lang: str = "zh"
    edition: str = "internal"
    tests: Sequence[Mapping[str, Any]] = ()
    reference: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_texts("the document", title=self.title, subtitle=self.subtitle)
        check_word(self.lang, {"zh": 0, "en": 0}, "lang of the document")
        check_word(self.edition, {"internal": 0, "external": 0}, "edition of the document")
        object.__setattr__(self, "sections", tuple(self.sections))
        _check_ids([*(s.id for s in self.sections), *(b.id for b in self.blocks())])
        self._check_evidence()

    def numbers(self) -> list[str]:
        """What stands before the title of each section, and of the manifest."""
        given = [section.number for section in self.sections]
        return [*given, ""] if any(given) else [str(k) for k in range(1, len(given) + 2)]

    def _check_evidence(self) -> None:
        anchors = {*(s.id for s in self.sections), *(b.id for b in self.blocks()), "manifest"}
        for finding in self.findings:
            if finding.evidence not in anchors:
                raise InputError(
                    message(
                        "the id of a section, table or figure of this report",
                        repr(finding.evidence),
                        f"evidence of finding '{finding.id}'",
                        "Name the block that shows it.",
                    )
                )

    def blocks(self) -> Iterator[Block]:
        """All blocks in reading order."""
        for section in self.sections:
            yield from section.blocks

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings in reading order."""
        return tuple(b for b in self.blocks() if isinstance(b, Finding))

    def to_dict(self) -> dict[str, Any]:
        """report.json: every number of the page in JSON types, under the id printed beside it."""
        return {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "title": self.title.to_dict(),
            "subtitle": self.subtitle.to_dict(),
            "lang": self.lang,
            "edition": self.edition,
            "manifest": plain(dict(self.manifest)),
            "sections": [s.to_dict() for s in self.sections],
            "findings": [f.data() for f in self.findings],
            "tests": plain(list(self.tests)),
            "reference": plain(dict(self.reference)),
            "tables": {b.id: b.data() for b in self.blocks() if isinstance(b, TableBlock)},
            "figures": [b.data() for b in self.blocks() if isinstance(b, FigureBlock)],
        }


def _check_ids(ids: Iterable[str]) -> None:
    listed = list(ids)
    wrong = [i for i in listed if not _ID.fullmatch(i) or i in _RESERVED]
    if wrong:
        raise InputError(
            message(
                f"ids of letters, digits, '_', '.', '-' that begin with a letter and are not {some(_RESERVED)}",
                some(wrong),
                "the document",
                "Give the section or block another id.",
            )
        )
    twice = sorted({i for i in listed if listed.count(i) > 1})
    if twice:
        raise InputError(message("an id once in a report", f"{some(twice)} more than once", "the document", "Rename."))
