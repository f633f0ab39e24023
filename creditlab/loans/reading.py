"""Columns of a bank's tables as they arrive: numbers with thousands marks, dates in every usual form, ids, kinds.

A value that can be read in one way only is read; one that cannot be read at all stops with its row. Nothing is guessed
and nothing turns quietly into zero.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from creditlab.errors import DuplicateKeyError, InputError, message, some

#: the kinds of borrowers, and the words under which a tape may bring them
KINDS = ("person", "cooperative", "family_farm", "village_collective", "firm", "unknown")
_KINDS: Mapping[str, str] = {
    **{name: name for name in KINDS},
    **{name.replace("_", " "): name for name in KINDS},
    **dict.fromkeys(("个人", "自然人", "农户", "individual", "household", "natural person"), "person"),
    **dict.fromkeys(("合作社", "农民专业合作社", "co-operative"), "cooperative"),
    **dict.fromkeys(("家庭农场", "farm"), "family_farm"),
    **dict.fromkeys(("村集体", "村集体经济组织", "collective"), "village_collective"),
    **dict.fromkeys(("企业", "公司", "法人", "对公", "company", "enterprise", "legal person"), "firm"),
    **dict.fromkeys(("未知", "其他", "other"), "unknown"),
}
_CHINESE = r"^\s*(\d{4})\s*[年.]\s*(\d{1,2})\s*(?:[月.]\s*(?:(\d{1,2})\s*日?)?)?\s*$"


def numbers(values: pd.Series, column: str, table: str) -> np.ndarray:
    """The column as floats, missing as NaN; text may carry thousands marks.

    >>> numbers(pd.Series(["1,234.50", None, "7"]), "balance", "loan_months").tolist()
    [1234.5, nan, 7.0]
    """
    if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
        found = values.to_numpy(dtype=float, na_value=np.nan)
    else:
        plain = values.astype("str").str.strip().str.replace(r"[,，\s¥￥]", "", regex=True)
        plain = plain.where(~plain.str.lower().isin(["", "nan", "none", "null", "na", "-", "<na>"]))
        found = pd.to_numeric(plain, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        _stop(np.isnan(found) & plain.notna().to_numpy(), "numbers", "texts that are no numbers", column, table)
    _stop(np.isinf(found), "finite numbers", "infinite values", column, table)
    return found


def dates(values: pd.Series, column: str, table: str) -> pd.Series:
    """The column as dates without a zone.

    Read are dates, periods, text such as 2023-01-31, 2023/1/31, 20230131, 2023-01, 2023年1月31日, and the numbers
    20230131 and 202301 (a month).

    >>> dates(pd.Series(["2023年1月31日", "20230131"]), "due_on", "loans").dt.strftime("%Y-%m-%d").tolist()
    ['2023-01-31', '2023-01-31']
    """
    if values.isna().all():
        return pd.Series(pd.NaT, index=values.index, dtype="datetime64[us]")
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        read = values
    elif isinstance(values.dtype, pd.PeriodDtype):
        read = values.dt.to_timestamp(how="end").dt.normalize()
    else:
        read = _from_text(_as_text(values), column, table)
    if not pd.api.types.is_datetime64_any_dtype(read.dtype) or isinstance(read.dtype, pd.ArrowDtype):
        read = pd.to_datetime(read)
    if read.dt.tz is not None:
        read = read.dt.tz_localize(None)
    return read.astype("datetime64[us]")


def _as_text(values: pd.Series) -> pd.Series:
    """Numbers without decimals, dates of the standard library and text, as text; void text is missing."""
    text = _whole(values).astype("str").str.strip()
    return text.where(~text.str.lower().isin(["", "nan", "nat", "none", "null", "<na>"]))


def _from_text(text: pd.Series, column: str, table: str) -> pd.Series:
    """Dates from text; pandas reads a run of digits as nanoseconds or days, so those are told apart first."""
    parts = text.str.extract(_CHINESE)
    chinese = parts[0].notna()
    if chinese.any():
        day = parts[2].fillna("1").str.zfill(2)
        text = text.where(~chinese, parts[0] + "-" + parts[1].str.zfill(2) + "-" + day)
    digits = text.str.fullmatch(r"\d+").fillna(False).astype(bool)
    month = digits & (text.str.len() == 6)
    text = text.where(~month, text.str.slice(0, 4) + "-" + text.str.slice(4, 6))
    odd = digits & ~month & (text.str.len() != 8)
    try:
        read = pd.to_datetime(text.where(~odd), format="ISO8601", errors="coerce")
    except (ValueError, TypeError):
        read = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us]")
    _stop((read.isna() & text.notna()).to_numpy(), "dates", "values that are not dates", column, table)
    return read


def ids(values: pd.Series, table: str, column: str = "note_id") -> pd.Series:
    """Keys as text; whole numbers lose their decimals. A row without a key stops the reading."""
    void = values.isna()
    if void.any():
        raise DuplicateKeyError(
            message(
                f"a {column} in every row",
                f"{int(void.sum())} rows without",
                f"{table}, rows {some(np.flatnonzero(void).tolist())}",
                "Fill the key or leave these rows out.",
            )
        )
    return _whole(values).astype("str")


def names(values: pd.Series) -> pd.Series:
    """Names or keys that may be missing, as text; whole numbers lose their decimals."""
    return _whole(values).astype("str")


def _whole(values: pd.Series) -> pd.Series:
    """Floats that are whole numbers as integers, so that 7.0 and 7 are one key."""
    if not pd.api.types.is_float_dtype(values.dtype):
        return values
    there = values.dropna().to_numpy(dtype=float)
    whole = len(there) and np.isfinite(there).all() and (there == np.floor(there)).all() and np.abs(there).max() < 2**53
    return values.astype("Int64") if whole else values


def kinds(values: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Kinds of borrowers by the project's names, missing as 'person'; and which rows bring an unknown word.

    >>> kinds(pd.Series(["农户", None, "合作社", "moon base"]))[0].tolist()
    ['person', 'person', 'cooperative', 'unknown']
    """
    place, words = pd.factorize(values)
    known = [_KINDS.get(str(word).strip().lower(), "") for word in words]
    table = np.array([*(k or "unknown" for k in known), "person"], dtype=object)
    strange = np.array([*(not k for k in known), False], dtype=bool)
    return pd.Series(table[place], index=values.index, dtype="str"), strange[place]


def _stop(wrong: np.ndarray, expected: str, came: str, column: str, table: str) -> None:
    if wrong.any():
        raise InputError(
            message(
                expected,
                f"{int(wrong.sum())} {came}",
                f"column '{column}' of {table}, rows {some(np.flatnonzero(wrong).tolist())}",
                "Correct these rows, or leave the value empty where it is not known.",
            )
        )
