"""A strategy table as HTML: headings in both languages, rates in percent, money in whole yuan, limits beside estimates.

Gains, cut-offs, swaps, overrides and grades show themselves with it. Text from data is escaped; nothing is computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from creditlab.results import NotEstimable, Result

_OPEN = "<div class='creditlab-result' style='overflow-x:auto'>"
_TABLE = "border-collapse:collapse;font-size:.95em;line-height:1.3;margin:.4em 0"
_PAD = "padding:.15em .6em;vertical-align:top;white-space:nowrap;"
_RIGHT = _PAD + "text-align:right;font-variant-numeric:tabular-nums"
_LEFT = _PAD + "text-align:left"
_RULE = ";border-top:1px solid #999"
#: rows that a screen holds; the whole table is one call away
MOST = 60
#: with more columns than this the limits of an estimate stand below it
NARROW = 10
WHOLE, RATE, MONEY = ",.0f", ".1%", ",.0f"


@dataclass(frozen=True)
class Shown:
    """A column or a fact of the page: headings, its name, its format; with the names of its limits where it has them.

    A column of text has the format ''; `en_column` is its English half.
    """

    zh: str
    en: str
    column: str
    form: str = WHOLE
    lo: str = ""
    hi: str = ""
    en_column: str = ""


#: how many there are in a cell, and how they turned out beside what was expected
OUTCOMES = (
    Shown("户数", "n", "n"),
    Shown("占比", "share", "share", RATE),
    Shown("有结果", "known", "known"),
    Shown("坏", "bads", "bads"),
    Shown("坏账率", "bad rate", "bad_rate", RATE, "lo", "hi"),
    Shown("预期坏账率", "expected rate", "expected_rate", RATE),
)


def exhibit(result: Result, facts: Sequence[Shown], columns: Sequence[Shown], *, note: str = "", by: str = "") -> str:
    """The table of a result; columns and facts that it does not have are left out.

    `by` : a column whose first row of each value is set off by a rule. `note` : a sentence under the table.
    """
    table, given = result.tidy(), result.facts
    there = [one for one in columns if one.column in table]
    heads = [f"<th style='{_style(one)}'>{'<br>'.join(escape(text) for text in _once(one))}</th>" for one in there]
    rows: list[dict[str, Any]] = table.head(MOST).to_dict("records")
    first = [bool(by) and (k == 0 or row[by] != rows[k - 1][by]) for k, row in enumerate(rows)]
    between = "<br>" if len(there) > NARROW else " "
    body = [_row(row, there, new, between) for row, new in zip(rows, first, strict=True)]
    told = [f"{escape(' '.join(_once(one)))} <b>{_fact(given, one)}</b>" for one in facts if one.column in given]
    more = f"<p><small>… {len(table)} 行 rows</small></p>" if len(table) > MOST else ""
    return (
        f"{_OPEN}<h4 style='margin:.3em 0'>{escape(result.title)}</h4><p style='margin:.2em 0'>{' · '.join(told)}</p>"
        f"<table style='{_TABLE}'><thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(body)}</tbody></table>{more}"
        f"<p style='margin:.2em 0'><small>{escape(_below(given, note))}</small></p>"
        f"<p><small>{escape(str(result.stamp))}</small></p></div>"
    )


def _once(one: Shown) -> list[str]:
    """The headings, once where they are the same."""
    return list(dict.fromkeys([one.zh, one.en]))


def _style(one: Shown) -> str:
    return _LEFT if one.form == "" else _RIGHT


def _below(facts: Mapping[str, Any], note: str) -> str:
    """How the limits were made, and what the table says of itself."""
    level = facts.get("level")
    if level is None:
        return note
    by_village = int(facts.get("villages", 0)) > 1
    zh = f"括号内为 {level:.0%} 区间，" + ("按村聚类。" if by_village else "按独立样本。")
    en = f"In brackets {level:.0%} limits, " + ("by village." if by_village else "rows taken as independent.")
    return f"{zh} {en} {note}".strip()


def _row(row: Mapping[str, Any], columns: Sequence[Shown], ruled: bool, between: str) -> str:
    rule = _RULE if ruled else ""
    cells = [f"<td style='{_style(one)}{rule}'>{_cell(row, one, between)}</td>" for one in columns]
    return f"<tr>{''.join(cells)}</tr>"


def _cell(row: Mapping[str, Any], one: Shown, between: str) -> str:
    value = row[one.column]
    if one.form == "":
        names = [str(value), *([str(row[one.en_column])] if one.en_column else [])]
        return escape(" ".join(dict.fromkeys(names)))
    limits = _limits(row.get(one.lo, np.nan), row.get(one.hi, np.nan), one.form) if one.lo else ""
    return _number(value, one.form) + (f"{between}<small>{limits}</small>" if limits else "")


def _fact(facts: Mapping[str, Any], one: Shown) -> str:
    value = facts[one.column]
    if isinstance(value, NotEstimable):
        return f"– ({escape(value.reason)})"
    if isinstance(value, str):
        return escape(value)
    lo, hi = (facts.get(name, np.nan) for name in (one.lo, one.hi))
    known = not isinstance(lo, NotEstimable) and not isinstance(hi, NotEstimable)
    return f"{_number(value, one.form)} {_limits(lo, hi, one.form) if known else ''}".strip()


def _number(value: Any, form: str) -> str:
    if isinstance(value, bool | np.bool_):
        return "是 yes" if value else ""
    if pd.isna(value):
        return "–"
    if np.isinf(value):
        return "∞" if value > 0 else "-∞"
    return escape(f"{value:{form}}")


def _limits(lo: Any, hi: Any, form: str) -> str:
    """The limits in brackets; nothing where there are none."""
    return f"({_number(lo, form)}–{_number(hi, form)})" if np.isfinite([lo, hi]).all() else ""
