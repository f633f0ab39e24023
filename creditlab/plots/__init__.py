"""Figures: one module per area, one noun per figure, `plots.area.noun(result) -> plotly Figure`.

Use them directly or as `result.plot.noun()`. A figure draws only the numbers of the result it is given: it does not
fit, write a file or show itself. Plotly is imported when the first area is used.
"""

from __future__ import annotations

import importlib
from typing import Any

_AREAS = (
    "binning",
    "binning_views",
    "challenger",
    "explanation",
    "explanation_effects",
    "explanation_pair",
    "land",
    "loans",
    "means",
    "rejects",
    "portraits",
    "scorecard",
    "strategy",
    "theme",
    "validation",
    "village",
    "village_space",
    "village_why",
    "words",
)


def __getattr__(name: str) -> Any:
    if name in _AREAS:
        return importlib.import_module(f"creditlab.plots.{name}")
    raise AttributeError(f"module 'creditlab.plots' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_AREAS})
