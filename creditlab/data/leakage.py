"""Dates that give a leak away: rows that know their own future, and days of knowledge that were filled in afterwards.

A row counts from its `known_on`. Where a department exports today's state under yesterday's date, features of the past
would see what was written later. These are the traces that such an export leaves in the table itself; what it does to
a model is hunted in `creditlab.study.leakage`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from creditlab.data.findings import finding
from creditlab.data.schema import PROVENANCE, TABLES, Table

#: dates that are agreed in advance: they lie after the day on which the row became known
PLANNED: Mapping[str, tuple[str, ...]] = {
    "loans": ("due_on", "line_valid_to"),
    "guarantees": ("guaranteed_to",),
    "consents": ("valid_to",),
    "programmes": ("valid_to",),
    "offers": ("offered_from", "offered_to"),
    "villages": ("valid_from",),
    "village_changes": ("changed_on",),
}
#: a department that usually takes this many days, and whose rows are all known on the day itself, did not date them
SLOW_DAYS, SAME_DAY, FEWEST = 20, 0.99, 50


def date_findings(frames: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Findings of suspicious dates over all tables: rows by number, no value."""
    return [f for name, frame in frames.items() if "known_on" in frame for f in _of_table(TABLES[name], frame)]


def _of_table(table: Table, frame: pd.DataFrame) -> list[dict[str, Any]]:
    found = []
    own = {c.name for c in PROVENANCE}
    planned, later = PLANNED.get(table.name, ()), set(table.later)
    for column in (c.name for c in table if c.kind == "date"):
        if column in frame and column not in own and column not in planned and column not in later:
            ahead = frame[column] > frame["known_on"]
            if ahead.any():
                rule = ("行内日期晚于获知日期：疑似事后回填", "date after the day it was known: filled in afterwards?")
                found.append(finding(table.name, column, *rule, "warning", ahead))
    for day, columns in table.later.items():
        for column in (c for c in columns if c != day and c in frame and day in frame):
            blank = frame[column].notna() & frame[day].isna()
            blank &= frame[column].ne(0) if pd.api.types.is_numeric_dtype(frame[column].dtype) else True
            if blank.any():
                rule = (f"有值而无{day}：不予使用", f"value without its date '{day}': not used")
                found.append(finding(table.name, column, *rule, "warning", blank))
    return found + _same_day(table, frame)


def _same_day(table: Table, frame: pd.DataFrame) -> list[dict[str, Any]]:
    if table.lag_days < SLOW_DAYS or "observed_on" not in frame or len(frame) < FEWEST:
        return []
    same = frame["known_on"] == frame["observed_on"]
    if same.mean() < SAME_DAY:
        return []
    rule = (
        f"几乎全部当日获知（通常约{table.lag_days}天）：获知日期疑似由事实日期填充",
        f"nearly all known the day they were true (usual: {table.lag_days} days): known_on copied from it?",
    )
    return [finding(table.name, "known_on", *rule, "warning", same)]
