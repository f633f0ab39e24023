"""Bins as code that runs elsewhere: SQL CASE expressions and standalone Python, from the edges that scoring here uses.

Ranges are closed on the left, [lower, upper), as everywhere: `x < upper` decides. Numbers are compared as 64-bit floats
and written so that every dialect reads back the same bits. Text is compared exactly (case, blanks inside), after white
space around it is removed; blank text is missing. Dates have no zone: of a moment with a zone the database takes the
day in the zone of its session, so set that to the bank's. The WOE written is the bin table's own array.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning.cross import cell_names
from creditlab.binning.spec import BinSpec
from creditlab.checks import check_one_of

#: characters that Python strips from the ends of a text
WHITE = tuple(c for c in range(0x3001) if chr(c).isspace())
WHAT = ("woe", "bin")
EPOCH = datetime(1970, 1, 1)
#: the types of what stands for a missing value in rows of data frames
NOTHING = ("NAType", "NaTType")


@dataclass(frozen=True)
class Dialect:
    """How one database writes what differs.

    Parameters
    ----------
    quotes : the two marks around an identifier; the closing one is doubled inside.
    double, void : templates of the column as a 64-bit float, and of the test that such a float is NaN ('' for none).
    text, trimmed : templates of the column as text, and of text without white space around it.
    backslash : whether a backslash in a text literal is an escape.
    exactly : appended to a text so that case and trailing blanks count.
    moment, literal : templates of the column as a point in time, and of such a point from 'YYYY-MM-DD HH:MM:SS.ffffff'.
    flag : template of a truth value as a condition.
    national : the prefix of a text literal.
    suffix : after the literal of a float.
    ratios : whether numbers of more than 15 digits are written as a ratio of two whole numbers, which is exact.
    """

    quotes: tuple[str, str] = ('"', '"')
    double: str = "CAST({} AS DOUBLE PRECISION)"
    void: str = ""
    text: str = "CAST({} AS VARCHAR)"
    trimmed: str = ""
    backslash: bool = False
    exactly: str = ""
    moment: str = "CAST({} AS TIMESTAMP)"
    literal: str = "TIMESTAMP '{}'"
    flag: str = "{} <> 0"
    national: str = ""
    suffix: str = ""
    ratios: bool = False


def _joined(function: str, plus: str) -> str:
    return plus.join(f"{function}({c})" for c in WHITE)


#: white space around a text as a regular expression inside a text literal whose escape is the backslash
_AROUND = "^[{0}]+|[{0}]+$".format("".join(f"\\\\x{{{c:x}}}" for c in WHITE)).replace("{", "{{").replace("}", "}}")
#: the same characters for Oracle, whose regular expressions know no codes
_UNISTR = "UNISTR('" + "".join(f"\\{c:04X}" for c in WHITE) + "')"


DIALECTS = {
    "duckdb": Dialect(
        double="CAST({} AS DOUBLE)", void="isnan({})", trimmed=f"TRIM({{}}, {_joined('chr', ' || ')})",
        flag="CAST({} AS BOOLEAN)",
    ),
    "postgres": Dialect(
        void="{} = CAST('NaN' AS DOUBLE PRECISION)", text="CAST({} AS TEXT)",
        trimmed=f"BTRIM({{}}, {_joined('chr', ' || ')})", flag="CAST({} AS BOOLEAN)",
    ),
    "sqlite": Dialect(
        double="CAST({} AS REAL)", text="CAST({} AS TEXT)", trimmed=f"TRIM({{}}, char({', '.join(map(str, WHITE))}))",
        moment="strftime('%Y-%m-%d %H:%M:%f', {})", literal="'{}'", ratios=True,
    ),
    "mysql": Dialect(
        quotes=("`", "`"), double="({} + 0e0)", text="CAST({} AS CHAR)", backslash=True,
        trimmed=f"REGEXP_REPLACE({{}}, '{_AROUND}', '')", exactly=" COLLATE utf8mb4_bin",
        moment="CAST({} AS DATETIME(6))",
    ),
    "sqlserver": Dialect(
        quotes=("[", "]"), double="CAST({} AS FLOAT)", text="CAST({} AS NVARCHAR(4000))", national="N",
        trimmed=f"TRIM({_joined('NCHAR', ' + ')} FROM {{}})", exactly=" COLLATE Latin1_General_100_BIN2",
        moment="CAST({} AS DATETIME2)", literal="CAST('{}' AS DATETIME2)",
    ),
    "oracle": Dialect(
        double="TO_BINARY_DOUBLE({})", void="{} IS NAN", text="TO_CHAR({})",
        trimmed=f"RTRIM(LTRIM({{}}, {_UNISTR}), {_UNISTR})", suffix="d",
    ),
    "hive": Dialect(
        quotes=("`", "`"), double="CAST({} AS DOUBLE)", void="isnan({})", text="CAST({} AS STRING)", backslash=True,
        trimmed=f"regexp_replace({{}}, '{_AROUND}', '')", literal="CAST('{}' AS TIMESTAMP)",
        flag="CAST({} AS BOOLEAN)",
    ),
}  # fmt: skip


def identifier(name: str, dialect: str) -> str:
    """A name quoted for a dialect.

    >>> print(identifier('a"b', "duckdb"), identifier("a]b", "sqlserver"))
    "a""b" [a]]b]
    """
    opening, closing = DIALECTS[dialect].quotes
    return opening + name.replace(closing, closing * 2) + closing


def literal(text: str, dialect: str) -> str:
    """A text quoted for a dialect.

    >>> print(literal("it's 5\\\\", "mysql"), literal("it's 5\\\\", "postgres"))
    'it''s 5\\\\' 'it''s 5\\'
    """
    kind = DIALECTS[dialect]
    body = text.replace("\\", "\\\\") if kind.backslash else text
    return kind.national + "'" + body.replace("'", "''") + "'"


def number(value: float, dialect: str) -> str:
    """A float that the dialect reads back to the same bits.

    An exponent makes it a float everywhere (without one it may be a decimal). SQLite before 3.47 may miss the last bit
    of more than 15 digits, so there such a number is the ratio of two whole numbers that floats hold exactly.

    >>> number(0.1, "duckdb"), number(1 / 3, "sqlite")
    ('0.1e0', '(6004799503160661e0 / 18014398509481984e0)')
    """
    text = repr(float(value))
    digits, _, exponent = text.partition("e")
    long = len(digits.strip("-").replace(".", "").strip("0")) > 15 or abs(int(exponent or 0)) > 22
    if long and DIALECTS[dialect].ratios:
        top, bottom = float(value).as_integer_ratio()
        if abs(top) < 2**53 and bottom < 2**63:
            return f"({top}e0 / {bottom}e0)"
    return (text if exponent else f"{text}e0") + DIALECTS[dialect].suffix


def sql_case(
    spec: BinSpec,
    by_bin: Sequence[Any] | np.ndarray,
    column: str | Sequence[str] | None = None,
    dialect: str = "duckdb",
) -> str:
    """A CASE expression that gives what `by_bin` holds for the bin of a column.

    Parameters
    ----------
    spec : the bins. by_bin : (bins,) a float or a whole number for each bin.
    column : the SQL expression of the value (of a cross: of both values); by default the quoted name of the column.
    dialect : one of duckdb, postgres, sqlite, mysql, sqlserver, oracle, hive (also Spark).
    """
    check_one_of(dialect, tuple(DIALECTS), "dialect")
    if spec.sides:
        return _cross_case(spec, by_bin, column, dialect)
    value = identifier(spec.name, dialect) if column is None else str(column)
    found = [_number_or_code(by_bin[target], dialect) for target in spec.targets]
    if spec.form == "text":
        conditions = _text_conditions(spec, value, dialect)
    elif spec.form == "flag":
        conditions = _flag_conditions(spec, value, dialect)
    else:
        conditions = _range_conditions(spec, value, dialect)
    *tested, last = conditions
    lines = [f"  WHEN {condition} THEN {found[code]}" for condition, code in tested]
    return "\n".join(["CASE", *lines, f"  ELSE {found[last[1]]}", "END"])


def _cross_case(
    spec: BinSpec, by_bin: Sequence[Any] | np.ndarray, column: str | Sequence[str] | None, dialect: str
) -> str:
    """The bins of both sides as one number, and what each number gives."""
    names = cell_names(spec.sides)
    columns = [None, None] if column is None else list(column)
    first, second = (
        sql_case(side, range(side.size), one, dialect) for side, one in zip(spec.sides, columns, strict=True)
    )
    cells = spec.codes(pd.Series(names.reshape(-1)))
    lines = [f"  WHEN {k} THEN {_number_or_code(by_bin[cell], dialect)}" for k, cell in enumerate(cells)]
    return "\n".join([f"CASE ({first}) * {names.shape[1]} + ({second})", *lines, "END"])


def _number_or_code(value: Any, dialect: str) -> str:
    return str(int(value)) if isinstance(value, int | np.integer) else number(float(value), dialect)


def _range_conditions(spec: BinSpec, value: str, dialect: str) -> Iterable[tuple[str, int]]:
    kind = DIALECTS[dialect]
    date = spec.form == "date"
    x = (kind.moment if date else kind.double).format(value)

    def end(cut: float) -> str:
        return kind.literal.format(_moment(cut, dialect)) if date else number(cut, dialect)

    void = f"{value} IS NULL"
    if kind.void and not date:
        void += f" OR {kind.void.format(x)}"
    yield void, spec.missing
    for k, (code, _) in enumerate(spec.special):
        yield f"{x} = {end(float(code))}", spec.regular + k
    for k, cut in enumerate(spec.cuts):
        yield f"{x} < {end(cut)}", k
    yield "", spec.regular - 1


def _moment(day: float, dialect: str) -> str:
    """The first point in time whose number of days is not below `day`, to the microsecond (SQLite: millisecond)."""
    step = 1000 if dialect == "sqlite" else 1
    micros = int(np.floor(day * 86_400e6 / step)) * step - step
    while micros / 86_400e6 < day:
        micros += step
    text = (EPOCH + timedelta(microseconds=micros)).isoformat(sep=" ")
    text = text if "." in text else text + ".000000"
    return text[:-3] if dialect == "sqlite" else text


def _flag_conditions(spec: BinSpec, value: str, dialect: str) -> Iterable[tuple[str, int]]:
    no, yes = spec.raw_codes(pd.Series([False, True])).tolist()
    yield f"{value} IS NULL", spec.missing
    yield DIALECTS[dialect].flag.format(value), yes
    yield "", no


def _text_conditions(spec: BinSpec, value: str, dialect: str) -> Iterable[tuple[str, int]]:
    kind = DIALECTS[dialect]
    text = kind.trimmed.format(kind.text.format(value))
    exact = text + kind.exactly

    def listed(levels: Iterable[str]) -> str:
        return f"{exact} IN ({', '.join(literal(level, dialect) for level in levels)})"

    yield f"{text} IS NULL OR {text} = ''", spec.missing  # Oracle holds an empty text to be NULL
    for k, (code, _) in enumerate(spec.special):
        yield listed([str(code)]), spec.regular + k
    for k, levels in enumerate(spec.groups):
        yield listed(levels), k
    for k in sorted({group for _, group in spec.parents}):
        units = ", ".join(literal(unit, dialect) for unit, group in spec.parents if group == k)
        start = "SUBSTRING" if dialect == "sqlserver" else "SUBSTR"
        yield f"{start}({text}, 1, {spec.prefix}){kind.exactly} IN ({units})", k
    yield "", spec.size - 1


def python_source(spec: BinSpec, by_bin: Sequence[Any] | np.ndarray, name: str) -> str:
    """A function of one value that needs nothing but Python's own library: it can be copied anywhere.

    >>> spec = BinSpec("age", "number", cuts=(30.0,))
    >>> space = {}
    >>> exec(python_source(spec, [0.5, -0.5, 0.0], "woe_of_age"), space)
    >>> [space["woe_of_age"](v) for v in (29.9, 30, None)]
    [0.5, -0.5, 0.0]
    """
    found = [_plain(by_bin[target]) for target in spec.targets]
    if spec.sides:
        return _cross_source(spec, by_bin, name)
    if spec.form == "text":
        return _text_source(spec, found, name)
    reader = {"date": _READ_DATE, "flag": _READ_NUMBER, "number": _READ_NUMBER}[spec.form]
    codes = {float(code): found[spec.regular + k] for k, (code, _) in enumerate(spec.special)}
    return (
        f"def {name}(value):\n"
        f'    """{spec.kind} {_harmless(spec.name)}: bins are [lower, upper)."""\n'
        f"    import bisect, datetime, math\n"
        f"    cuts = {list(spec.cuts)!r}\n    found = {found[: spec.regular]!r}\n"
        f"    special = {codes!r}\n    missing = {found[spec.missing]!r}\n"
        f"{reader}"
        f"    if x != x:\n        return missing\n"
        f"    if x in special:\n        return special[x]\n"
        f"    return found[bisect.bisect_right(cuts, x)]\n"
    )


_READ_NUMBER = """\
    if hasattr(value, "total_seconds"):
        value = value.total_seconds() / 86400
    try:
        x = float("nan") if value is None or "_" in str(value) else float(value)
    except (TypeError, ValueError):
        x = float("nan")
"""
_READ_DATE = """\
    value = getattr(value, "start_time", value)
    try:
        if isinstance(value, str):
            value = datetime.datetime.fromisoformat(value.strip())
        if not isinstance(value, datetime.datetime):
            value = datetime.datetime(value.year, value.month, value.day)
        passed = value.replace(tzinfo=None) - datetime.datetime(1970, 1, 1)
        x = (passed // datetime.timedelta(microseconds=1)) / 86400000000
    except (AttributeError, TypeError, ValueError):
        x = float("nan")
"""


def _cross_source(spec: BinSpec, by_bin: Sequence[Any] | np.ndarray, name: str) -> str:
    """A function of two values: the bins of both sides point into a table of cells."""
    sides = [python_source(side, range(side.size), f"{name}_{k}") for k, side in enumerate(spec.sides)]
    names = cell_names(spec.sides)
    cells = spec.codes(pd.Series(names.reshape(-1))).reshape(names.shape)
    table = [[_plain(by_bin[cell]) for cell in row] for row in cells]
    body = f"def {name}(first, second):\n    return {table!r}[{name}_0(first)][{name}_1(second)]\n"
    return "\n\n".join([*sides, body])


def _text_source(spec: BinSpec, found: list[Any], name: str) -> str:
    levels = {level: found[k] for k, group in enumerate(spec.groups) for level in group}
    levels |= {str(code): found[spec.regular + k] for k, (code, _) in enumerate(spec.special)}
    units = {unit: found[group] for unit, group in spec.parents}
    return (
        f"def {name}(value):\n"
        f'    """category {_harmless(spec.name)}."""\n'
        f"    levels = {levels!r}\n    units = {units!r}\n"
        f"    if value is None or type(value).__name__ in {NOTHING!r} or value != value:\n"
        f"        return {found[spec.missing]!r}\n"
        f"    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()\n"
        f"    if not text:\n        return {found[spec.missing]!r}\n"
        f"    if text in levels:\n        return levels[text]\n"
        f"    return units.get(text[:{spec.prefix}], {found[spec.size - 1]!r})\n"
    )


def _plain(value: Any) -> float | int:
    found = value.item() if isinstance(value, np.generic) else value
    assert isinstance(found, int) or isfinite(found), "a bin's value is finite"
    return found


def _harmless(name: str) -> str:
    """A column's name that cannot end the docstring it stands in."""
    plain = name.replace("\\", "/").replace('"', "'")
    return plain if plain.isprintable() else plain.encode("unicode_escape").decode("ascii")
