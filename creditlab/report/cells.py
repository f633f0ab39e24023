"""Values as they are shown on a page: numbers by format, dates, flags, states, and a dash for what is missing.

A cell is a bilingual text and says whether it is a number. It knows no HTML: escaping is the template's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from creditlab.errors import InputError, message
from creditlab.plots.words import Text
from creditlab.report.blocks import STATES
from creditlab.results import NotEstimable, plain

__all__ = ["Cell", "cell", "flat", "text_width"]

DASH = "–"


@dataclass(frozen=True)
class Cell:
    """A value to show: its text, whether it is a number, its state, and the reason where it is missing."""

    text: Text
    number: bool = False
    state: str = ""
    reason: str = ""


def cell(value: Any, format: str = "") -> Cell:
    """The value as it is shown.

    `format` is a Python format specification; 'state' shows a word of STATES with its colour and shape. Without one,
    whole numbers and large ones get separators, others four significant digits.

    >>> cell(0.1234, ".1%").text.zh, cell(1234567).text.en, cell(float("nan")).text.en
    ('12.3%', '1,234,567', '–')
    """
    if format == "state" and isinstance(value, str) and value in STATES:
        return Cell(STATES[value], state=value)
    if isinstance(value, Text):
        return Cell(value)
    if isinstance(value, NotEstimable):
        return Cell(Text.same(DASH), number=True, reason=value.reason)
    if _missing(value):
        return Cell(Text.same(DASH), number=isinstance(value, float))
    if isinstance(value, bool | np.bool_):
        return Cell(Text("是", "yes") if value else Text("否", "no"))
    if isinstance(value, int | float | np.integer | np.floating):
        return Cell(Text.same(_number(value, format)), number=True)
    shown = plain(value)
    text = ", ".join(str(v) for v in shown) if isinstance(shown, list) else str(shown)
    return Cell(Text.same(text if text.strip() else DASH))


def _missing(value: Any) -> bool:
    if value is None or value is pd.NaT or value is pd.NA:
        return True
    return isinstance(value, float | np.floating) and math.isnan(value)


def _number(value: Any, format: str) -> str:
    if isinstance(value, float | np.floating) and math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if not format or format == "state":
        if isinstance(value, int | np.integer):
            return f"{value:,}"
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"  # an amount in yuan, not 7.03e+07
    if format.endswith("d") and isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)  # a column of counts with one missing value is a column of floats
    try:
        return _small(value, format) or f"{value:{format}}"
    except ValueError:
        raise InputError(
            message("a format for numbers", repr(format), "formats of a table", "Use such as ',.0f', '.1%', '.3f'.")
        ) from None


def _small(value: Any, format: str) -> str:
    """A number that its format would show as zero is not zero: "<0.0001"."""
    found = re.fullmatch(r",?\.(\d+)([f%])", format)
    if not found or value == 0:
        return ""
    least = 10.0 ** -int(found[1]) / (100 if found[2] == "%" else 1)
    if abs(value) >= least / 2:
        return ""
    return f"<{least:{format}}" if value > 0 else f">-{least:{format}}"


def flat(value: Mapping[str, Any], path: str = "") -> list[tuple[str, Any]]:
    """Nested mappings as dotted names, in the order given.

    >>> flat({"seed": 7, "digest": {"inputs": "ab"}})
    [('seed', 7), ('digest.inputs', 'ab')]
    """
    listed: list[tuple[str, Any]] = []
    for name, item in value.items():
        whole = f"{path}{name}"
        listed += flat(item, f"{whole}.") if isinstance(item, Mapping) and item else [(whole, item)]
    return listed


def text_width(text: str) -> int:
    """Columns that the first line of a text takes: a Chinese character takes two.

    >>> text_width("村 village")
    10
    """
    return sum(2 if ord(c) > 0x2E7F else 1 for c in text.split("\n")[0][:120])
