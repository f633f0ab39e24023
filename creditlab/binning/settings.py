"""The settings and frames that are given to a binner: checked, and read as text names, shapes and codes.

A wrong setting is an error with what was expected; none is replaced silently. Nothing here sees a target.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from creditlab.binning.programme import SHAPES
from creditlab.binning.values import form_of
from creditlab.checks import as_pandas, check_columns, check_frame, check_one_of
from creditlab.errors import InputError, message

TRENDS = ("auto", *SHAPES)


def frame_of(binner: BaseEstimator, X: Any, names: Sequence[str] | None) -> pd.DataFrame:
    """X as a frame with text names, those given or (None) its own; scikit-learn's checks, as InputError."""
    reset = names is None
    X = as_pandas(X)
    is_frame = isinstance(X, pd.DataFrame)
    try:
        if is_frame:
            check_frame(X, "X")
            validate_data(binner, X, reset=reset, skip_check_array=True)
        else:
            X = validate_data(binner, X, reset=reset, dtype=None, ensure_all_finite=False)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(str(error)) from None
    if is_frame:
        X = X.set_axis([str(c) for c in X.columns], axis=1)
        return X if names is None or set(X.columns) == set(names) else X.set_axis(list(names), axis=1)
    return pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])] if names is None else list(names))


def trends_of(trend: Any, frame: pd.DataFrame) -> dict[str, str]:
    """The shape asked of each column, from one word for all or {column: word}."""
    if isinstance(trend, str):
        check_one_of(trend, TRENDS, "trend")
        return dict.fromkeys(frame.columns, trend)
    if not isinstance(trend, Mapping):
        raise InputError(message("a word or {column: word}", repr(trend), "trend", "Give trend='auto'."))
    check_columns(frame, trend, "trend")
    for name, word in trend.items():
        check_one_of(word, TRENDS, f"trend of column '{name}'")
    return {name: trend.get(name, "auto") for name in frame.columns}


def special_codes(
    special: Mapping[str, Any] | None, frame: pd.DataFrame, *more: pd.DataFrame
) -> dict[str, list[tuple[Any, str]]]:
    """The codes of each column with their meanings; '*' holds for all number columns, a column's own entry wins.

    `more` are further pieces of the same columns.

    >>> special_codes({"*": [-9], "b": {-9: "refused"}}, pd.DataFrame({"a": [1], "b": [2], "c": ["x"]}))
    {'a': [(-9, '')], 'b': [(-9, 'refused')], 'c': []}
    """
    given = dict(special or {})
    common = _meanings(given.pop("*", {}), "*")
    check_columns(frame, given, "special")
    found = {}
    for name in frame.columns:
        own = _meanings(given.get(name, {}), name)
        shared = common if common and form_of(*(f[name] for f in (frame, *more))) == "number" else {}
        found[name] = list((shared | own).items())
    return found


def _meanings(codes: Any, name: str) -> dict[Any, str]:
    if isinstance(codes, Mapping):
        return {code: str(meaning) for code, meaning in codes.items()}
    if isinstance(codes, Iterable) and not isinstance(codes, str):
        return dict.fromkeys(codes, "")
    raise InputError(
        message("{code: meaning} or a list of codes", repr(codes), f"special of column '{name}'", "Write [-9, -8].")
    )


def check_number(name: str, value: Any, low: float, high: float, whole: bool = False) -> None:
    """A finite setting within its range, a whole number where it must be."""
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise InputError(message(f"{kind} from {low:g} to {high:g}", repr(value), name, "Correct the setting."))
