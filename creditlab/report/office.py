"""A report in the forms of an office: which endings there are, and which function writes each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from creditlab.checks import check_one_of
from creditlab.report.document import Document
from creditlab.report.word import write_word
from creditlab.report.workbook import write_workbook

#: ending → the function that writes it
FORMS: Mapping[str, Callable[[Document, Path], None]] = {"xlsx": write_workbook, "docx": write_word}


def write_office(document: Document, folder: Path, also: Sequence[str], name: str = "report") -> None:
    """Write `name`.xlsx and `name`.docx into a folder, those that `also` names."""
    for ending in [check_one_of(ending, tuple(FORMS), "also") for ending in also]:
        FORMS[ending](document, folder / f"{name}.{ending}")
