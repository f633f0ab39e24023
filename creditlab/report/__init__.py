"""Reports: a `Document` of sections and blocks becomes one HTML page and its JSON.

`Document.to_dict()` is report.json; `render(document)` is report.html, a single file that opens offline in Chinese and
English. A report arranges results: it computes nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

#: public name → the module that holds it
_PUBLIC = {
    "Text": "creditlab.report.document",
    "Document": "creditlab.report.document",
    "Section": "creditlab.report.document",
    "Paragraph": "creditlab.report.document",
    "KeyFigure": "creditlab.report.document",
    "KeyFigures": "creditlab.report.document",
    "TableBlock": "creditlab.report.document",
    "FigureBlock": "creditlab.report.document",
    "Finding": "creditlab.report.document",
    "Callout": "creditlab.report.document",
    "pair_texts": "creditlab.report.document",
    "render": "creditlab.report.page",
    "study_document": "creditlab.report.context",
    "validation_document": "creditlab.report.context",
    "loan_document": "creditlab.report.loan_sections",
    "write_workbook": "creditlab.report.workbook",
    "write_word": "creditlab.report.word",
    "DecisionLetter": "creditlab.report.letter",
    "Contact": "creditlab.report.letter",
    "render_letter": "creditlab.report.letter",
    "suppress": "creditlab.village.suppression",
}

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'creditlab.report' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
