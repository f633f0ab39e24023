"""The contracts as checks: within a table they compile to pandera when first used, between tables they are ours.

A county's `check()` runs them over everything that was read. A finding names table, column, rule and rows, and shows no
value; nothing is changed here: what cannot be true was taken out while reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from creditlab.data.findings import finding
from creditlab.data.schema import TABLES, codes_of, order_of, range_of
from creditlab.data.texts import among

if TYPE_CHECKING:
    import pandera.pandas as pa

#: rule of a check → (Chinese, English, severity)
Rules = dict[str, tuple[str, str, str]]


_CANNOT = ("该列无法检查：类型不符", "column cannot be checked: not of its kind", "error")


def contract_findings(frames: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Findings over all tables: what a column requires, ranges, code lists, dates in order, keys, orphans."""
    found: list[dict[str, Any]] = []
    for name, frame in frames.items():
        found += table_findings(name, frame)
    for name, frame in frames.items():
        if name != "village_changes":  # a code that has ended may be in no table any more
            found += _orphans(
                name, frame, "village_id", "villages", frames, "村编码不在村表中", "village code not among the villages"
            )
        found += _orphans(
            name, frame, "household_id", "households", frames, "户不在农户表中", "household not in the census"
        )
        found += _orphans(name, frame, "note_id", "loans", frames, "借据不在借据表中", "note not among the loans")
    return found


def table_findings(name: str, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Findings of one table against its contract, by pandera."""
    from pandera.errors import SchemaErrors

    schema, rules = pandera_schema(name)
    plain = frame.reset_index(drop=True)
    try:
        schema.validate(plain, lazy=True, inplace=True)  # nothing is coerced: no copy is needed
    except SchemaErrors as error:
        return _told(name, len(plain), error.failure_cases, rules)
    return []


@cache
def pandera_schema(name: str) -> tuple[pa.DataFrameSchema, Rules]:
    """The pandera schema that the contract of a table compiles to, and what each of its checks is called.

    Use it to check a frame of your own: `pandera_schema("tax")[0].validate(frame, lazy=True)`. Columns that are not
    there are no failure here: which columns a table must have is said while reading.
    """
    import pandera.pandas as pa

    table = TABLES[name]
    rules: Rules = {"not_nullable": ("必填值缺失", "required value missing", "warning")}
    columns = {}
    for column in table:
        checks = []
        limits, (codes, closed) = range_of(name, column), codes_of(name, column.name)
        if limits is not None:
            word = f"within {limits[0]:g} to {limits[1]:g}"
            rules[word] = (f"超出{limits[0]:g}至{limits[1]:g}", f"outside {limits[0]:g} to {limits[1]:g}", "error")
            checks.append(pa.Check.in_range(*limits, error=word, ignore_na=True))
        if column.kind == "flag":
            rules["flag"] = ("标志不是 0 或 1", "flag other than 0 and 1", "error")
            checks.append(pa.Check.isin([0, 1], error="flag", ignore_na=True))
        if codes:
            word = "code of the list" if closed else "usual code"
            rules["code of the list"] = ("不在代码表中", "code not in the list", "warning")
            rules["usual code"] = ("不是常用代码", "not one of the usual codes", "info")
            checks.append(pa.Check.isin(list(codes), error=word, ignore_na=True))
        columns[column.name] = pa.Column(
            None, checks, nullable=not column.required, required=False, description=column.label("en"),
            metadata={"access": column.access, "use": column.use, "level": column.level},
        )  # fmt: skip
    whole = [_in_order(first, second, rules) for first, second in order_of(name)]
    whole.append(_once(tuple(table.keys), rules))
    return pa.DataFrameSchema(columns, checks=whole, name=name, strict=False), rules


def _in_order(first: str, second: str, rules: Rules) -> pa.Check:
    import pandera.pandas as pa

    word = f"{first} <= {second}"
    known = (first, second) == ("observed_on", "known_on")
    en = "known before it was true" if known else f"'{second}' before '{first}'"
    rules[word] = ("获知早于事实" if known else f"{second} 早于 {first}", en, "warning")

    def holds(frame: pd.DataFrame) -> pd.Series:
        if not {first, second} <= set(frame.columns):
            return pd.Series(True, index=frame.index)
        return ~(frame[second] < frame[first])

    return pa.Check(holds, error=word)


def _once(keys: tuple[str, ...], rules: Rules) -> pa.Check:
    import pandera.pandas as pa

    word = "one row per key and day of knowledge"
    rules[word] = ("主键重复", "key there before", "error")

    def holds(frame: pd.DataFrame) -> pd.Series:
        named = [c for c in (*keys, "known_on") if c in frame.columns]
        if not set(keys) <= set(named):
            return pd.Series(True, index=frame.index)
        return ~frame.duplicated(named)

    return pa.Check(holds, error=word)


def _told(name: str, rows: int, cases: pd.DataFrame, rules: Rules) -> list[dict[str, Any]]:
    """Failure cases as findings: rule, rows and no value."""
    found = []
    of_table = cases["schema_context"] == "DataFrameSchema"
    cases = cases.assign(column=cases["column"].where(~of_table, cases["check"].map(_column_of)))
    for (column, check), failed in cases.groupby(["column", "check"], sort=True):
        ran = failed["index"].notna().any()  # a check that cannot run names no row
        zh, en, severity = rules[str(check)] if ran and check in rules else _CANNOT
        marks = np.zeros(rows, dtype=bool)
        marks[failed["index"].dropna().astype(int).unique()] = True
        found.append(finding(name, str(column), zh, en, severity, marks))
    return found


def _column_of(check: str) -> str:
    """The column that a rule over a row is about."""
    return check.split(" <= ")[-1] if " <= " in check else "key"


def _orphans(
    name: str, frame: pd.DataFrame, column: str, home: str, frames: Mapping[str, pd.DataFrame], zh: str, en: str
) -> list[dict[str, Any]]:
    if name == home or home not in frames or column not in frame.columns:
        return []
    strange = frame[column].notna() & ~among(frame[column], frames[home][column])
    return [finding(name, column, zh, en, "warning", strange)] if strange.any() else []
