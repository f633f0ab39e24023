"""The data dictionary: every contract as a page that a department, an analyst and a validator can read.

`docs/data_dictionary.md` is written by `creditlab dictionary --out docs/data_dictionary.md`; a test holds it equal to
the contracts.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from creditlab.columns import UNITS_ZH, Column
from creditlab.data.schema import PORTS, TABLES, Table, codes_of, order_of, range_of

_KINDS = {"number": "数值 number", "text": "文本 text", "date": "日期 date", "flag": "标志 flag", "id": "编号 id",
          "code": "代码 code"}  # fmt: skip
_HEAD = """# Data dictionary 数据字典

Written from the contracts in `creditlab/data/tables/` by `creditlab dictionary --out docs/data_dictionary.md`; change
them there. 本页由数据契约自动生成，请在 `creditlab/data/tables/` 中修改。

- **access 访问**: `free` may be read; `consent` only with consent on file, valid and not withdrawn; blocked facts
  (religion, genes, fingerprints, blood type, disease and medical history) have no column and are dropped at reading.
- **use 用途**: `model` PD models; `screening` rules of the screening layer; `overlay` policy layer only; `audit` group
  tests only; `key` and `meta` identify and date a row.
- **level 层级**: `household-origin` facts before the loan (the only ones in a village's expected rate);
  `household-conduct` what the household did; `village` facts of the village.
- **known 获知**: a row counts from its `known_on`; columns with a later date are blank before it.
- A number outside its range is taken as missing and listed; a value outside a closed code list is listed.
- Every table ends with `source`, `port`, `observed_on`, `known_on`; where a file does not say, `source` and `port` are
  those below, `observed_on` is the event date and `known_on` the usual lag after it.
"""


def contracts_table(tables: Iterable[Table] = tuple(TABLES.values())) -> pd.DataFrame:
    """The contracts as data: a row per column of each table.

    Returns
    -------
    DataFrame : table column zh en kind unit key required access use level direction low high codes closed known_from.
    """
    rows = []
    for table in tables:
        later = {c: date for date, columns in table.later.items() for c in columns}
        for column in table:
            limits = range_of(table.name, column) or (None, None)
            codes, closed = codes_of(table.name, column.name)
            rows.append(
                {
                    "table": table.name,
                    "column": column.name,
                    "zh": column.zh,
                    "en": column.en,
                    "kind": column.kind,
                    "unit": column.unit,
                    "key": column.name in table.keys,
                    "required": column.required,
                    "access": column.access,
                    "use": column.use,
                    "level": column.level,
                    "direction": column.direction,
                    "low": limits[0],
                    "high": limits[1],
                    "codes": ", ".join(codes),
                    "closed": closed,
                    "known_from": later.get(column.name, "known_on"),
                }
            )
    return pd.DataFrame(rows)


def dictionary_page(tables: Iterable[Table] = tuple(TABLES.values())) -> str:
    """The data dictionary as Markdown, Chinese and English side by side."""
    listed = list(tables)
    return "\n".join([_HEAD, *_overview(listed), *(line for table in listed for line in _section(table))]) + "\n"


def _overview(tables: list[Table]) -> list[str]:
    head = [
        "| table 表 | 名称 name | source 来源 | port 端口 | one row per 一行为 | columns 列 |",
        "|---|---|---|---|---|---|",
    ]
    rows = [
        f"| [{t.name}](#{t.name}) | {t.zh} {t.en} | {t.source_zh} {t.source} | {' '.join(PORTS[t.port])} | {t.row} |"
        f" {len(t.columns)} |"
        for t in tables
    ]
    return [*head, *rows, ""]


def _section(table: Table) -> list[str]:
    later = "; ".join(f"{', '.join(columns)} from `{date}`" for date, columns in table.later.items())
    dates = "; ".join(f"`{a}` ≤ `{b}`" for a, b in order_of(table.name))
    return [
        f"## {table.name}",
        "",
        f"**{table.zh} {table.en}** ({table.system}): one row per {table.row}. Source {table.source_zh} {table.source};"
        f" port {table.port}; usual lag {table.lag_days} days.",
        f"Key: {', '.join(f'`{k}`' for k in table.keys)}. Event date: `{table.event}`. Dates in order: {dates}."
        + (f" Known later: {later}." if later else ""),
        "",
        "| column 列 | 中文 | English | kind 类型 | unit 单位 | range or codes 范围或代码 | access | use | level | ± |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(_row(table, column) for column in table),
        "",
    ]


def _row(table: Table, column: Column) -> str:
    name = f"**{column.name}**" if column.name in table.keys else column.name
    must = " *" if column.required else ""
    unit = f"{UNITS_ZH.get(column.unit, '')} {column.unit}".strip() if column.unit else ""
    sign = {1: "+", -1: "−", 0: ""}[column.direction]
    cells = (name + must, column.zh, column.en, _KINDS[column.kind], unit, _values(table, column), column.access,
             column.use, column.level, sign)  # fmt: skip
    return "| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |"


def _values(table: Table, column: Column) -> str:
    codes, closed = codes_of(table.name, column.name)
    if codes:
        words = ", ".join(f"{code} {zh}" for code, (zh, _) in codes.items())
        return words if closed else f"{words}, … "
    limits = range_of(table.name, column)
    return "" if limits is None else f"{limits[0]:g} … {limits[1]:g}"
