"""What keeps the plan readable: one call is one feature, with its table and level bound once for several rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from creditlab.columns import Column, Kind, Level
from creditlab.features.known import View
from creditlab.features.spec import Feature
from creditlab.features.windows import Window

ORIGIN: Level = "household-origin"
CONDUCT: Level = "household-conduct"
VILLAGE: Level = "village"

Measure = Callable[[View], pd.Series]


def rows_of(level: Level, table: str) -> Callable[..., Feature]:
    """Rows of the plan of one level and table.

    Each is called with name, zh, en, unit, direction, window, aggregate, measure, then the columns read; a column of
    another table is written 'table.column'. Keyword arguments: `kind`, and the meanings of `Feature`.
    """

    def row(
        name: str, zh: str, en: str, unit: str, direction: int, window: Window, aggregate: str, measure: Measure,
        *reads: str, kind: Kind = "number", **meaning: Any,
    ) -> Feature:  # fmt: skip
        column = Column(name, kind, zh=zh, en=en, unit=unit, level=level, direction=direction, source=table)
        named = tuple(r if "." in r else f"{table}.{r}" for r in reads)
        return Feature(column, measure, named, window=window, aggregate=aggregate, **meaning)

    return row
