"""The values of one column as the binner reads them: floats for numbers, flags and dates, text levels for the rest.

The form of a column is decided once, when bins are fitted, and kept in its bin table; scoring reads by the kept form,
so that a batch, a single row and another dtype of the same values meet the same bins. Nothing here knows the target.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from creditlab.checks import kind_of
from creditlab.errors import InputError, message

#: number, flag and date are read as floats (0/1 for flags, days since 1970-01-01 for dates), text as levels
FORMS = ("number", "flag", "date", "text")
#: a column of mixed types is a number when at least this share of its values can be read as one
NUMBER_SHARE = 0.95
_EPOCH = pd.Timestamp("1970-01-01")


@dataclass(frozen=True)
class Levels:
    """A text column: `codes` point into the sorted `names`; -1 is missing (also blank text)."""

    codes: np.ndarray
    names: tuple[str, ...]


def form_of(values: pd.Series, *more: pd.Series) -> str:
    """The form in which a column is read, or one that comes in several pieces: number, flag, date or text.

    Text stays text even where it looks like a number ("001" is a code); only an object column of mixed types is parsed,
    and it is a number when at least 95 % of its values are. Categories stay levels, but for those that are dates or
    true and false. A period (a month) is the date on which it starts, a duration a number of days.

    >>> mixed = pd.Series([1] * 30 + ["?"], dtype=object)
    >>> form_of(pd.Series([1, 2.5])), form_of(pd.Series(["001", "002"])), form_of(mixed)
    ('number', 'text', 'number')
    """
    if any(piece.dtype != values.dtype or piece.dtype == object for piece in more):
        if not all(isinstance(piece.dtype, pd.CategoricalDtype) for piece in (values, *more)):
            return form_of(pd.concat([values, *more], ignore_index=True))
        forms = {form_of(piece) for piece in (values, *more)}
        return forms.pop() if len(forms) == 1 else "text"
    if isinstance(values.dtype, pd.CategoricalDtype):
        of_categories = form_of(pd.Series(values.dtype.categories)) if len(values.dtype.categories) else "text"
        return of_categories if of_categories in ("flag", "date") else "text"
    if isinstance(values.dtype, pd.PeriodDtype):
        return "date"
    if _is_duration(values) or _is_dictionary(values):
        return "number" if _is_duration(values) else "text"
    kind = kind_of(values)
    if kind in ("number", "flag", "date"):
        if np.issubdtype(getattr(values.dtype, "type", object), np.complexfloating):
            raise InputError(
                message("real numbers", "complex numbers", f"column '{values.name}'", "Complex data not supported.")
            )
        return kind
    if kind == "mixed":
        given = values.dropna()
        return "number" if pd.to_numeric(given, errors="coerce").notna().mean() >= NUMBER_SHARE else "text"
    return "text"


def _is_duration(values: pd.Series) -> bool:
    return pd.api.types.is_timedelta64_dtype(values.dtype) or str(values.dtype).startswith("duration")


def _is_dictionary(values: pd.Series) -> bool:
    """Whether these are categories as Arrow has them."""
    return isinstance(values.dtype, pd.ArrowDtype) and str(values.dtype).startswith("dictionary")


def read_numbers(values: pd.Series, form: str) -> np.ndarray:
    """The column as floats, NaN where a value is missing or cannot be read in its form.

    Dates are days since 1970-01-01 without a zone; flags are 0 and 1; durations are days.
    """
    if _is_duration(values):
        return (pd.to_timedelta(values) / pd.Timedelta(days=1)).to_numpy(dtype=float, na_value=np.nan)
    if form == "date":
        if isinstance(values.dtype, pd.PeriodDtype):
            values = values.dt.to_timestamp()
        moments = pd.to_datetime(values, errors="coerce")
        if moments.dt.tz is not None:
            moments = moments.dt.tz_localize(None)
        return ((moments - _EPOCH) / pd.Timedelta(days=1)).to_numpy(dtype=float, na_value=np.nan)
    if values.dtype == np.float64:  # no copy of what is floats already
        return values.to_numpy()
    if isinstance(values.dtype, pd.CategoricalDtype) or pd.api.types.is_datetime64_any_dtype(values.dtype):
        values = values.astype(object)
    if not pd.api.types.is_numeric_dtype(values.dtype):
        values = pd.to_numeric(values, errors="coerce")
    return values.to_numpy(dtype=float, na_value=np.nan)


def read_levels(values: pd.Series) -> Levels:
    """The column as text levels in sorted order; whole numbers lose their '.0', blank text is missing."""
    try:
        codes, found = pd.factorize(values, use_na_sentinel=True)
    except TypeError:  # lists and the like
        kinds = sorted({type(v).__name__ for v in values if not pd.api.types.is_hashable(v)})
        raise InputError(
            message("one text or number per row", f"values of type {', '.join(kinds)}", f"column '{values.name}'",
                    "Make columns of their parts, or leave the column out.")
        ) from None  # fmt: skip
    texts = [level_text(v) for v in found]
    names = tuple(sorted({t for t in texts if t}))
    place = {name: i for i, name in enumerate(names)}
    renamed = np.array([place.get(t, -1) for t in texts] + [-1], dtype=np.int64)
    return Levels(renamed[codes], names)


def level_text(value: object) -> str:
    """The text of one level: surrounding blanks removed, 3.0 as '3', a date as ISO text.

    >>> level_text(3.0), level_text(" 水稻 "), level_text(True)
    ('3', '水稻', 'True')
    """
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d" if value == value.normalize() else "%Y-%m-%d %H:%M:%S")
    return str(value).strip()


def day_text(day: float) -> str:
    """The date of a number of days since 1970-01-01, with the time of day where there is one."""
    return level_text((_EPOCH + pd.Timedelta(days=float(day))).round("s"))
