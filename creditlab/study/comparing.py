"""Two reports side by side: which lines of the validation, findings and tables changed.

It reads two report.json files and computes no figure again; `recheck` does that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from creditlab.study.validating import read_report
from creditlab.validation import ValidationDiff, validation_diff

COLUMNS = ["part", "id", "state", "old", "new", "cells", "largest"]


def report_diff(old: str | Path, new: str | Path) -> tuple[ValidationDiff | None, pd.DataFrame]:
    """What changed from one report.json to another.

    Returns
    -------
    The changes of the validation (None where a report has no tests), and a table of the other parts: part (finding,
    table, figure, manifest), id, state (new, gone, changed), old and new value or number of rows, cells that differ,
    and the largest relative change of a number.
    """
    then, now = read_report(old), read_report(new)
    tests = None
    if then.get("tests") and now.get("tests"):
        tests = validation_diff({"table": then["tests"]}, {"table": now["tests"]})
    rows = [*_findings(then, now), *_tables(then, now), *_manifest(then, now)]
    return tests, pd.DataFrame(rows, columns=COLUMNS)


def _findings(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    old, new = ({f["id"]: f for f in report.get("findings", ())} for report in (then, now))
    for id in sorted({*old, *new}):
        a, b = (f"{x['severity']}, {x['status']}" if x else None for x in (old.get(id), new.get(id)))
        if a != b:
            yield {"part": "finding", "id": id, "state": _state(a, b), "old": a, "new": b}


def _tables(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    old, new = (_rows(report) for report in (then, now))
    for key in sorted({*old, *new}):
        a, b = old.get(key), new.get(key)
        if a == b:
            continue
        row: dict[str, Any] = {"part": key[0], "id": key[1], "state": _state(a, b)}
        row |= {"old": None if a is None else f"{len(a)} rows", "new": None if b is None else f"{len(b)} rows"}
        yield row if a is None or b is None else {**row, **_cells(a, b)}


def _rows(report: Mapping[str, Any]) -> dict[tuple[str, str], list[Any]]:
    tables = {("table", id): table["rows"] for id, table in report.get("tables", {}).items()}
    return tables | {("figure", f["id"]): f["data"]["rows"] for f in report.get("figures", ())}


def _cells(a: list[Any], b: list[Any]) -> dict[str, Any]:
    """How many cells differ in rows at the same place, and the largest relative change of a number."""
    cells, largest = 0, 0.0
    for x, z in zip(a, b, strict=False):
        for name in {*x, *z}:
            u, v = x.get(name), z.get(name)
            if u == v:
                continue
            cells += 1
            if _number(u) and _number(v):
                largest = max(largest, abs(v - u) / max(abs(u), abs(v)))
    return {"cells": cells, "largest": largest}


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _manifest(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    old, new = then.get("manifest", {}), now.get("manifest", {})
    for name in sorted({*old, *new} - {"made"}):
        if old.get(name) != new.get(name):
            a, b = (None if v is None else str(v)[:60] for v in (old.get(name), new.get(name)))
            yield {"part": "manifest", "id": name, "state": _state(a, b), "old": a, "new": b}


def _state(old: Any, new: Any) -> str:
    return "new" if old is None else "gone" if new is None else "changed"
