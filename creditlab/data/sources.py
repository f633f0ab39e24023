"""Reading one file: Parquet, CSV (UTF-8 or GB18030, with or without BOM) or Excel, with codes and ids kept as text.

A file that cannot be read gives one clear message. A file with faults is read, its faults are findings, and what is
sound goes on.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from creditlab.data.identity import looks_like_identity, pseudonyms, valid_identity
from creditlab.data.schema import Table
from creditlab.errors import IdentityError, UnreadableError, message
from creditlab.results import digest

ENDINGS = (".parquet", ".csv", ".txt", ".xlsx", ".xlsm")
FINDING_COLUMNS = ["table", "column", "rule", "severity", "rows", "first_rows", "rule_zh"]
#: words in a column's name that mark what may never be kept (Credit Reporting Regulation, Art. 14)
BLOCKED = re.compile(
    r"(?:^|[^a-z])(?:religion|religious|faith|belief|genes?|genetic|genome|dna|fingerprints?|blood|diseases?|illness"
    r"|diagnos\w*|medical_(?:history|records?)|health)(?:[^a-z]|$)|宗教|信仰|基因|指纹|血型|疾病|病史|病历|诊断|健康"
)
#: headers under which offices write the identity number of the person or of the household's head
IDENTITY_HEADERS = ("身份证号", "身份证号码", "公民身份号码", "证件号码", "户主身份证号")
YES, NO = ("是", "有", "y", "yes", "true"), ("否", "无", "n", "no", "false")


@dataclass(frozen=True)
class SourceTable:
    """One department's table as read: its frame, where it came from, its digest, and what was found in it."""

    name: str
    frame: pd.DataFrame
    file: str
    digest: str
    findings: tuple[dict[str, Any], ...] = field(default=())


def read_table(path: str | Path) -> pd.DataFrame:
    """A table from a Parquet, CSV or Excel file; numbers as numbers, codes and long digit strings as text.

    Parameters
    ----------
    path : a file ending in .parquet, .csv, .txt, .xlsx or .xlsm (first sheet).

    Raises
    ------
    UnreadableError : the file is absent, empty, damaged, of another format, or has no row.
    """
    place = Path(path)
    if not place.is_file():
        came = "a folder" if place.is_dir() else "no file"
        raise UnreadableError(message("a table file", came, str(path), "Check the path."))
    ending = place.suffix.lower()
    if ending not in ENDINGS:
        raise UnreadableError(
            message(
                f"a file ending in {', '.join(ENDINGS)}", repr(ending), str(path), "Save it in one of these formats."
            )
        )
    if place.stat().st_size == 0:
        raise UnreadableError(message("a table", "an empty file", str(path), "Check the extract."))
    frame = _parse(place, ending)
    if frame.shape[1] == 0 or len(frame) == 0:
        raise UnreadableError(
            message("at least one row", "an empty table", str(path), "Check the extract and its filters.")
        )
    return frame


def _parse(place: Path, ending: str) -> pd.DataFrame:
    try:
        if ending == ".parquet":
            return pd.read_parquet(place)
        if ending in (".xlsx", ".xlsm"):
            return _typed(pd.read_excel(place, dtype=object))
        return _typed(_csv(place))
    except (ValueError, OSError, KeyError, ImportError, UnicodeError, csv.Error) as error:
        reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    except Exception as error:  # the parsers of three formats raise classes of their own for a damaged file
        reason = type(error).__name__
    raise UnreadableError(
        message("a readable table", reason, str(place), "Open it in its own program and save it again.")
    )


def _csv(place: Path) -> pd.DataFrame:
    raw = place.read_bytes()
    text = _decode(raw, place)
    first = text.split("\n", 1)[0]
    separator = max((",", ";", "\t", "|"), key=first.count)
    return pd.read_csv(io.StringIO(text), sep=separator, dtype="str", skipinitialspace=True)


def _decode(raw: bytes, place: Path) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError as error:
            last = error
    raise UnreadableError(
        message(
            "text in UTF-8 or GB18030",
            f"bytes that are neither (from byte {last.start})",
            str(place),
            "Save the file as UTF-8.",
        )  # fmt: skip
    )


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Text columns that hold only numbers become numbers; codes with leading zeros and long digit strings stay text."""
    return frame.apply(_number_or_text).set_axis(frame.columns.map(lambda c: str(c).strip()), axis=1)


def _number_or_text(values: pd.Series) -> pd.Series:
    if not (pd.api.types.is_object_dtype(values) or pd.api.types.is_string_dtype(values)):
        return values
    if pd.api.types.infer_dtype(values, skipna=True) in ("datetime", "date", "datetime64"):
        return pd.to_datetime(values).dt.as_unit("us")
    text = values.astype("str").str.strip() if pd.api.types.is_string_dtype(values) else values
    filled = text.dropna()
    if filled.empty or filled.astype("str").str.fullmatch(r"0\d+|[+-]?\d{15,}").any():
        return text
    numbers = pd.to_numeric(filled, errors="coerce")
    return pd.to_numeric(text) if numbers.notna().all() else text


def read_source(path: Path, table: Table, key: bytes | None) -> SourceTable:
    """A department's file under its contract: headers, kinds, blocked columns, identity numbers, keys.

    Raises
    ------
    UnreadableError : see `read_table`.
    IdentityError : identity numbers without a key.
    """
    frame = read_table(path)
    findings: list[dict[str, Any]] = []
    frame = _named(frame, table)
    frame = _without_strangers(frame, table, findings)
    frame = _without_identity(frame, table, key, path, findings)
    missing = [c.name for c in table.columns if c.required and c.name not in frame.columns]
    findings += [finding(table.name, c, "缺少必需列", "required column not there", "error", ()) for c in missing]
    for column in table.columns:
        if column.name in frame.columns:
            frame[column.name] = _of_kind(frame[column.name], column.kind, table.name, findings)
    frame = _unique_keys(frame, table, findings)
    return SourceTable(table.name, frame, path.name, digest(frame), tuple(findings))


def _named(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Chinese headers under the contract's names; a person's identity number stands for the key that it replaces."""
    names = {c.zh: c.name for c in table.columns}
    person = "person_id" if "person_id" in table.keys else "household_id"
    for header in IDENTITY_HEADERS:
        name = "household_id" if header.startswith("户主") else person
        if header in frame.columns and name not in {names.get(c, c) for c in frame.columns}:
            names[header] = name
    return frame.rename(columns=names)


def _without_strangers(frame: pd.DataFrame, table: Table, findings: list[dict[str, Any]]) -> pd.DataFrame:
    """The columns of the contract; what the law blocks or no contract names is dropped and listed."""
    known = set(table.names)
    strange = [c for c in frame.columns if c not in known]
    for column in strange:
        if BLOCKED.search(str(column).lower()):
            rule = ("法律禁止采集：整列剔除", "blocked by law: column dropped", "error")
        else:
            rule = ("契约之外的列：剔除", "not in the contract: column dropped", "warning")
        findings.append(finding(table.name, column, *rule, frame[column].notna()))
    return frame.drop(columns=strange)


def _without_identity(
    frame: pd.DataFrame, table: Table, key: bytes | None, path: Path, findings: list[dict[str, Any]]
) -> pd.DataFrame:
    for name in frame.columns:
        numbers = looks_like_identity(frame[name])
        if not numbers.any():
            continue
        if key is None:
            raise IdentityError(
                message(
                    "pseudonyms, or a key to make them",
                    f"identity numbers in {int(numbers.sum())} rows",
                    f"column '{name}' of {path.name}",
                    "Give the key: id_key=..., or --id-key FILE.",
                )
            )
        mistyped = numbers & ~valid_identity(frame[name])
        if mistyped.any():
            rule = (
                "身份证校验码不符：仍作假名处理",
                "identity number with a wrong check digit: pseudonym made all the same",
            )
            findings.append(finding(table.name, name, *rule, "warning", mistyped))
        hidden = pseudonyms(frame[name].where(numbers), key, "H" if name == "household_id" else "P")
        frame = frame.assign(**{name: frame[name].astype(object).where(~numbers, hidden)})
    return frame


def _of_kind(values: pd.Series, kind: str, table: str, findings: list[dict[str, Any]]) -> pd.Series:
    """A column as its contract declares it; what does not fit becomes missing and a finding."""
    if kind in ("text", "id", "code"):
        if pd.api.types.is_numeric_dtype(values.dtype):
            whole = values.dropna().mod(1).eq(0).all()
            values = values.astype("Int64") if whole else values
        return values.astype("str").where(values.notna(), None).astype("str")
    if kind == "date":
        clean, rule = _dates(values), ("不是日期：视为缺失", "not a date: taken as missing")
    else:
        clean, rule = _numbers(values, kind), ("数值列中有文字：视为缺失", "text in a number column: taken as missing")
    wrong = (clean.isna() & values.notna()).to_numpy()
    if wrong.any():
        findings.append(finding(table, str(values.name), *rule, "error", wrong))
    return clean


def _dates(values: pd.Series) -> pd.Series:
    if pd.api.types.is_string_dtype(values.dtype) and not pd.api.types.is_datetime64_any_dtype(values.dtype):
        # 2021年12月31日 is how offices write it
        values = values.astype("str").str.replace(r"[年月/.]", "-", regex=True).str.replace("日", "")
    elif pd.api.types.is_numeric_dtype(values.dtype):  # 20211231; never nanoseconds
        values = values.astype("Int64").astype("str")
    clean = pd.to_datetime(values, errors="coerce", format=None if values.dtype.kind == "M" else "mixed")
    return clean.dt.tz_localize(None).dt.as_unit("us")


def _numbers(values: pd.Series, kind: str) -> pd.Series:
    if kind == "flag" and not pd.api.types.is_numeric_dtype(values.dtype):
        word = values.astype("str").str.strip().str.lower()
        said = word.map(dict.fromkeys(YES, 1.0) | dict.fromkeys(NO, 0.0))
        return said.fillna(pd.to_numeric(values, errors="coerce")).astype("float64")
    return pd.to_numeric(values, errors="coerce")


def _unique_keys(frame: pd.DataFrame, table: Table, findings: list[dict[str, Any]]) -> pd.DataFrame:
    """One row per key and day of knowledge: a correction that became known later is a version, not a copy."""
    if not set(table.keys) <= set(frame.columns):
        return frame
    keys = list(table.keys)
    void = frame[keys].isna().any(axis=1).to_numpy()
    if void.any():
        rule = ("缺少主键的行：剔除", "row without its key: left out", "error")
        findings.append(finding(table.name, keys[0], *rule, void))
    version = [*keys, "known_on"] if "known_on" in frame.columns else keys
    twice = frame.duplicated(version).to_numpy() & ~void
    if twice.any():
        rule = ("主键重复：后行剔除", "key there before: later row left out", "error")
        findings.append(finding(table.name, " + ".join(keys), *rule, twice))
    return frame[~(void | twice)].reset_index(drop=True) if (void | twice).any() else frame


def finding(table: str, column: str, zh: str, en: str, severity: str, rows: Iterable[Any]) -> dict[str, Any]:
    """One row of a findings table, the rule in both languages; it names rows by number and shows no value."""
    places = np.flatnonzero(np.asarray(rows, dtype=bool)) if not isinstance(rows, tuple) else np.array([], dtype=int)
    first = ", ".join(str(i) for i in places[:3])
    return {
        "table": table,
        "column": column,
        "rule": en,
        "severity": severity,
        "rows": len(places),
        "first_rows": first,
        "rule_zh": zh,
    }
