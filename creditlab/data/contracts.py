"""What the contracts ask of the tables together: villages that exist, households of the census, dates in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from creditlab.data.findings import finding
from creditlab.data.schema import TABLES

#: amounts that may be below zero are none; the rest of the number columns of these units are checked
_NEVER_NEGATIVE = ("yuan", "mu", "months", "people", "households", "days", "km")


def contract_findings(frames: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Findings over all tables: required values missing, negative amounts, known before observed, orphans."""
    found: list[dict[str, Any]] = []
    for name, frame in frames.items():
        found += _within(name, frame)
    for name, frame in frames.items():
        found += _orphans(
            name, frame, "village_id", "villages", frames, "村编码不在村表中", "village code not among the villages"
        )
        found += _orphans(
            name, frame, "household_id", "households", frames, "户不在农户表中", "household not in the census"
        )
        found += _orphans(name, frame, "note_id", "loans", frames, "借据不在借据表中", "note not among the loans")
    return found


def _within(name: str, frame: pd.DataFrame) -> list[dict[str, Any]]:
    found = []
    for column in TABLES[name].columns:
        if column.name not in frame.columns:
            continue
        values = frame[column.name]
        if column.required and values.isna().any():
            found.append(finding(name, column.name, "必填值缺失", "required value missing", "warning", values.isna()))
        if column.kind == "number" and column.unit in _NEVER_NEGATIVE and (values < 0).any():
            found.append(finding(name, column.name, "负数", "negative", "warning", values < 0))
        if column.kind == "flag" and (~values.dropna().isin([0, 1])).any():
            found.append(
                finding(
                    name, column.name, "标志不是 0 或 1", "flag other than 0 and 1", "warning", ~values.isin([0, 1])
                )
            )
    if {"observed_on", "known_on"} <= set(frame.columns):
        early = frame["known_on"] < frame["observed_on"]
        if early.any():
            found.append(finding(name, "known_on", "获知早于事实", "known before it was true", "warning", early))
    return found


def _orphans(
    name: str, frame: pd.DataFrame, column: str, home: str, frames: Mapping[str, pd.DataFrame], zh: str, en: str
) -> list[dict[str, Any]]:
    if name == home or home not in frames or column not in frame.columns:
        return []
    strange = frame[column].notna() & ~frame[column].isin(frames[home][column])
    return [finding(name, column, zh, en, "warning", strange)] if strange.any() else []
