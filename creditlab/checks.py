"""What every public boundary checks: frames, columns, keys, 0/1 targets, weights, groups, dates.

A check returns the clean value or raises an `InputError` whose text says what was expected, what came, where, and what
to do. Messages name columns, row numbers and pseudonyms, never values of identity columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from creditlab.errors import ColumnError, DuplicateKeyError, InputError, message, some


def kind_of(values: pd.Series) -> str:
    """The kind of a column: number, flag, date, category, text, or mixed.

    Nullable, Arrow and categorical dtypes are recognised. An object column is 'text' when all that is there is text,
    'number' when all that is there is a number, else 'mixed'.

    >>> kind_of(pd.Series(["a", None])), kind_of(pd.Series([1, None])), kind_of(pd.Series([True, False]))
    ('text', 'number', 'flag')
    """
    types = pd.api.types
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if types.is_bool_dtype(dtype):
        return "flag"
    if types.is_datetime64_any_dtype(dtype):
        return "date"
    if types.is_numeric_dtype(dtype):
        return "number"
    if not types.is_object_dtype(dtype) and types.is_string_dtype(dtype):
        return "text"
    inferred = pd.api.types.infer_dtype(values, skipna=True)
    known = {
        "string": "text",
        "empty": "number",
        "boolean": "flag",
        "integer": "number",
        "floating": "number",
        "mixed-integer-float": "number",
        "decimal": "number",
        "date": "date",
        "datetime": "date",
        "datetime64": "date",
    }
    return known.get(inferred, "mixed")


def as_pandas(given: Any) -> Any:
    """The pandas frame of a frame of another library (polars, Arrow); anything else as it is."""
    return given.to_pandas() if not isinstance(given, pd.DataFrame) and hasattr(given, "to_pandas") else given


def check_frame(frame: Any, where: str) -> pd.DataFrame:
    """A non-empty DataFrame with unique column names."""
    if not isinstance(frame, pd.DataFrame):
        raise InputError(message("a pandas DataFrame", type(frame).__name__, where, "Wrap the data in a DataFrame."))
    if len(frame) == 0:
        raise InputError(message("at least one row", "an empty table", where, "Check the extract and its filters."))
    twice = frame.columns[frame.columns.duplicated()].unique()
    if len(twice):
        raise InputError(message("unique column names", f"{some(twice)} more than once", where, "Rename the columns."))
    return frame


def check_columns(frame: pd.DataFrame, names: Iterable[str], where: str) -> None:
    """Every named column is there."""
    missing = [n for n in names if n not in frame.columns]
    if missing:
        raise ColumnError(
            message(
                f"the column{'s' * (len(missing) > 1)} {some(missing)}",
                f"columns {some(frame.columns, 8)}",
                where,
                "Check the spelling, or name another column.",
            )
        )


def check_unique(frame: pd.DataFrame, keys: Sequence[str], where: str) -> None:
    """The key columns name each row once and are never missing."""
    check_columns(frame, keys, where)
    void = frame[list(keys)].isna().any(axis=1).to_numpy()
    if void.any():
        raise DuplicateKeyError(
            message(
                f"a value of {' + '.join(keys)} in every row",
                f"{int(void.sum())} rows without",
                f"{where}, {_rows(void)}",
                "Fill the key or leave these rows out.",
            )
        )
    twice = frame.duplicated(list(keys), keep=False).to_numpy()
    if twice.any():
        raise DuplicateKeyError(
            message(
                f"one row per {' + '.join(keys)}",
                f"{int(twice.sum())} rows that share their key",
                f"{where}, {_rows(twice)}",
                "Remove the copies, or name the full key.",
            )
        )


def check_target(y: Any, where: str = "target", n: int | None = None, both: bool = True) -> np.ndarray:
    """A target of 0 and 1 (with `both` present), as an int8 array of length `n`."""
    values = pd.Series(np.asarray(y).reshape(-1) if not isinstance(y, pd.Series) else y.to_numpy())
    _same_length(len(values), n, where)
    void = values.isna().to_numpy()
    if void.any():
        raise InputError(
            message(
                "0 or 1 in every row",
                f"{int(void.sum())} rows without a value",
                f"{where}, {_rows(void)}",
                "Leave out rows without an outcome.",
            )
        )
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
    wrong = ~np.isin(numbers, (0.0, 1.0))
    if wrong.any():
        found = pd.unique(values[wrong])
        raise InputError(
            message(
                "a target of 0 and 1 (1 = bad)",
                f"{some(found)} in {int(wrong.sum())} rows",
                f"{where}, {_rows(wrong)}",
                "Recode the target: 1 = bad, 0 = good.",
            )
        )
    target = numbers.astype(np.int8)
    if both and target.min() == target.max():
        name = "bad" if target[0] else "good"
        raise InputError(
            message(
                "both goods and bads",
                f"only {name} rows ({len(target)}), one class",
                where,
                "Widen the sample or check the definition of bad.",
            )
        )
    return target


def check_weights(weight: Any, n: int, where: str = "sample_weight") -> np.ndarray:
    """Weights of length `n`, finite, none negative, not all zero; ones where None."""
    if weight is None:
        return np.ones(n)
    try:
        values = np.asarray(weight, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        raise InputError(message("numbers", "values that are not numbers", where, "Give one number per row.")) from None
    _same_length(len(values), n, where)
    wrong = ~np.isfinite(values) | (values < 0)
    if wrong.any():
        raise InputError(
            message(
                "finite weights of zero or more",
                f"{int(wrong.sum())} others",
                f"{where}, {_rows(wrong)}",
                "Correct these weights or leave the rows out.",
            )
        )
    if not values.any():
        raise InputError(message("at least one positive weight", "only zeros", where, "Check the weight column."))
    return values


def check_prob(prob: Any, n: int | None = None, where: str = "prob") -> np.ndarray:
    """Probabilities between 0 and 1, as floats."""
    try:
        values = np.asarray(prob, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        raise InputError(
            message("probabilities", "values that are not numbers", where, "Give one PD per row.")
        ) from None
    _same_length(len(values), n, where)
    wrong = ~((values >= 0) & (values <= 1))
    if wrong.any():
        raise InputError(
            message(
                "probabilities between 0 and 1",
                f"{int(wrong.sum())} others",
                f"{where}, {_rows(wrong)}",
                "Give PDs, not scores; 5 % is 0.05.",
            )
        )
    return values


def check_groups(groups: Any, n: int, where: str = "groups") -> np.ndarray:
    """One group label per row, none missing, as an object array."""
    values = (
        pd.Series(groups).reset_index(drop=True) if not isinstance(groups, pd.Series) else groups.reset_index(drop=True)
    )
    _same_length(len(values), n, where)
    void = values.isna().to_numpy()
    if void.any():
        raise InputError(
            message(
                "a group in every row",
                f"{int(void.sum())} rows without",
                f"{where}, {_rows(void)}",
                "Give these rows a group of their own, such as 'unknown'.",
            )
        )
    return values.astype(object).to_numpy()


def check_level(level: float, where: str = "level") -> float:
    """A confidence level strictly between 0 and 1."""
    if not isinstance(level, int | float) or isinstance(level, bool) or not 0 < level < 1:
        raise InputError(message("a level between 0 and 1, such as 0.9", repr(level), where, "90 % is 0.9."))
    return float(level)


def check_one_of(value: Any, allowed: Sequence[Any], where: str) -> Any:
    """A setting that is one of the allowed words; never replaced by a default."""
    if value not in allowed:
        raise InputError(message(f"one of {some(allowed, 12)}", repr(value), where, "Use one of these."))
    return value


def check_date(value: Any, where: str) -> pd.Timestamp:
    """A calendar date without a zone, as the start of that day in microseconds."""
    try:
        moment = pd.Timestamp(value)
    except (TypeError, ValueError):
        moment = pd.NaT
    if moment is pd.NaT or isinstance(value, bool | int | float):
        raise InputError(message("a date such as 2023-12-31", repr(value), where, "Write year-month-day."))
    return moment.tz_localize(None).normalize().as_unit("us")


def _same_length(came: int, expected: int | None, where: str) -> None:
    if expected is not None and came != expected:
        raise InputError(message(f"{expected} values, one per row", f"{came}", where, "Align it with the table."))


def _rows(mask: np.ndarray) -> str:
    return f"rows {some(np.flatnonzero(mask).tolist())}"
