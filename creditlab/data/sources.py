"""Reading one file: Parquet, CSV (UTF-8 or GB18030, with or without BOM) or Excel, with codes and ids kept as text.

A file that cannot be read gives one clear message. A file with faults is read, its faults are findings, and what is
sound goes on.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from creditlab.data.door import Draft, draft
from creditlab.data.findings import finding
from creditlab.data.schema import Table, codes_of, range_of
from creditlab.data.texts import each_distinct
from creditlab.errors import UnreadableError, message
from creditlab.results import digest

ENDINGS = (".parquet", ".csv", ".txt", ".xlsx", ".xlsm")
_TEXT = pd.StringDtype(na_value=np.nan)
#: kind → the dtype of a column that is taken as it is
_AS_READ: dict[str, Any] = {
    **dict.fromkeys(("text", "id", "code"), _TEXT),
    "date": np.dtype("datetime64[us]"),
    "number": np.dtype("float64"),
}
#: words of a flag
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
            # columns that lie apart can be let go one by one
            return pd.read_parquet(place, to_pandas_kwargs={"split_blocks": True, "self_destruct": True})
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
    """A department's file under its contract: headers, kinds, blocked columns, identity numbers, ranges, keys.

    A file whose rows have no number of a person, or addresses in place of village codes, is read with the others of
    its county (`read_county`): they hold what it is matched to.

    Raises
    ------
    UnreadableError : see `read_table`.
    IdentityError : identity numbers without a key.
    """
    return finish([draft(read_table(path), table, key, path)])


def finish(drafts: Sequence[Draft]) -> SourceTable:
    """The table of one or more files that have passed the door: provenance, codes, kinds, ranges, keys."""
    table, file = drafts[0].table, " + ".join(d.file for d in drafts)
    findings = [f for d in drafts for f in d.findings]
    frame = drafts[0].frame if len(drafts) == 1 else pd.concat([d.frame for d in drafts], ignore_index=True)
    frame = _with_codes(frame, table)
    for column in table.columns:
        if column.name in frame.columns:
            given = frame[column.name]
            kept = _of_kind(given, column.kind, table.name, findings)
            frame = frame if kept is given else frame.assign(**{column.name: kept})
    frame = _with_provenance(frame, table, findings)
    missing = [c.name for c in table.columns if c.required and c.name not in frame.columns]
    findings += [finding(table.name, c, "缺少必需列", "required column not there", "error", ()) for c in missing]
    frame = _within_ranges(frame, table, findings)
    frame = _unique_keys(frame, table, findings)
    names = [c for c in table.names if c in frame.columns]
    frame = frame if list(frame.columns) == names else frame[names]
    return SourceTable(table.name, frame, file, digest(frame), tuple(findings))


def _with_codes(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Labels of a code list in Chinese or English as their codes."""
    for column in table.columns:
        codes, _ = codes_of(table.name, column.name)
        if codes and column.name in frame.columns and not pd.api.types.is_numeric_dtype(frame[column.name].dtype):
            words = {label: code for code, labels in codes.items() for label in labels}
            given = frame[column.name].astype("str")
            frame = frame.assign(**{column.name: each_distinct(given, partial(_coded, words))})
    return frame


def _coded(words: Mapping[str, str], texts: pd.Series) -> pd.Series:
    return texts.str.strip().map(lambda text: words.get(text, text))


def _with_provenance(frame: pd.DataFrame, table: Table, findings: list[dict[str, Any]]) -> pd.DataFrame:
    """Source and port of the contract, and dates by the event and the usual lag, where a file does not give them."""
    given = {"source": table.source, "port": table.port}
    absent = [name for name in given if name not in frame.columns]
    if absent:
        frame = frame.assign(**{name: pd.Series(given[name], index=frame.index, dtype="str") for name in absent})
        rule = ("文件未注明：取契约的部门与端口", "not in the file: source and port of the contract")
        findings.append(finding(table.name, " + ".join(absent), *rule, "info", ()))
    if "observed_on" not in frame.columns and table.event in frame.columns:
        frame = frame.assign(observed_on=frame[table.event])
        rule = ("文件未注明：取业务日期", f"not in the file: the day of '{table.event}'")
        findings.append(finding(table.name, "observed_on", *rule, "info", ()))
    if "known_on" not in frame.columns and "observed_on" in frame.columns:
        frame = frame.assign(known_on=frame["observed_on"] + pd.Timedelta(days=table.lag_days))
        rule = (
            f"文件未注明获知日期：按事实日期后{table.lag_days}天计",
            f"not in the file: taken as {table.lag_days} days after observed_on",
        )
        findings.append(finding(table.name, "known_on", *rule, "warning", ()))
    return frame


def _within_ranges(frame: pd.DataFrame, table: Table, findings: list[dict[str, Any]]) -> pd.DataFrame:
    """Values that cannot be true are missing, and listed; the rest of their rows goes on."""
    for column in table.columns:
        limits = range_of(table.name, column)
        if limits is None or column.name not in frame.columns:
            continue
        values = frame[column.name]
        if _all_within(values, limits, column.kind):
            continue
        wrong = values.notna().to_numpy() & ~values.between(*limits).to_numpy()
        if column.kind == "flag":
            wrong |= values.notna().to_numpy() & ~values.isin([0, 1]).to_numpy()
        if wrong.any():
            low, high = (f"{v:g}" for v in limits)
            rule = (f"超出{low}至{high}：视为缺失", f"outside {low} to {high}: taken as missing")
            findings.append(finding(table.name, column.name, *rule, "error", wrong))
            frame = frame.assign(**{column.name: values.mask(wrong)})
    return frame


def _all_within(values: pd.Series, limits: tuple[float, float], kind: str) -> bool:
    """Whether the smallest and the largest number lie inside: what most columns are passed by."""
    if kind == "flag" or not len(values) or not isinstance(values.dtype, np.dtype) or values.dtype.kind not in "iuf":
        return False
    return not (values.min() < limits[0] or values.max() > limits[1])


def _of_kind(values: pd.Series, kind: str, table: str, findings: list[dict[str, Any]]) -> pd.Series:
    """A column as its contract declares it; what does not fit becomes missing and a finding."""
    if kind in _AS_READ and values.dtype == _AS_READ[kind]:
        return values
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
