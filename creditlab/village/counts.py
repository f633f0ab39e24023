"""Rows become villages: checked outcomes and sums per village, in one fixed order of villages.

All village statistics start here, so that row order never matters and a village without a single bad is an ordinary
village. It does not estimate anything.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_groups, check_target
from creditlab.errors import InputError, message, some


def check_outcome(bad: Any, where: str = "bad") -> np.ndarray:
    """Outcomes of 0 and 1 as an int8 array; unlike a model's target they may all be 0, or all 1."""
    values = np.asarray(bad).reshape(-1)
    if len(values) == 0:
        raise InputError(message("at least one loan", "no rows", where, "Check the extract and its filters."))
    # one row of each class is added for the check and taken off again: `check_target` refuses a single class
    return check_target(np.append(values, [0, 1]), where=where)[:-2]


def village_codes(village: Any, n: int, where: str = "village") -> tuple[np.ndarray, pd.Index]:
    """The number of each row's village, and the villages in sorted order."""
    codes, found = pd.factorize(check_groups(village, n, where))
    names = list(found)
    if all(isinstance(name, str) for name in names) or all(_is_number(name) for name in names):
        order = sorted(range(len(names)), key=names.__getitem__)
    else:  # mixed kinds cannot be compared with each other
        order = sorted(range(len(names)), key=lambda i: (type(names[i]).__name__, str(names[i])))
    place = np.empty(len(names), dtype=np.intp)
    place[order] = np.arange(len(names))
    return place[codes], pd.Index([names[i] for i in order], name="village")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating)


def totals(codes: np.ndarray, villages: int, values: np.ndarray | None = None) -> np.ndarray:
    """The sum of `values` per village, or the number of rows where `values` is None."""
    return np.bincount(codes, weights=values, minlength=villages)


def whole(values: np.ndarray) -> np.ndarray:
    """The values as integers where all of them are whole, else as they are (effective numbers of loans)."""
    rounded = np.round(values)
    return rounded.astype(int) if np.array_equal(rounded, values) else values


def check_counts(values: Any, where: str, n: int | None = None) -> np.ndarray:
    """Finite numbers of zero or more, one per village, as floats."""
    try:
        numbers = np.array(values, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        raise InputError(
            message("numbers", "values that are not numbers", where, "Give one number per village.")
        ) from None
    if len(numbers) == 0 or (n is not None and len(numbers) != n):
        raise InputError(
            message(f"{n or 'one or more'} values, one per village", str(len(numbers)), where, "Align the arrays.")
        )
    wrong = ~(np.isfinite(numbers) & (numbers >= 0))
    if wrong.any():
        rows = f"{where}, rows {some(np.flatnonzero(wrong).tolist())}"
        raise InputError(message("finite counts of zero or more", f"{int(wrong.sum())} others", rows, "Correct them."))
    return numbers


def village_names(village: Any, like: Any, n: int) -> pd.Index:
    """One name per village: as given, or the index of the counts, or 0 … n-1; never twice the same."""
    if village is None and isinstance(like, pd.Series):
        village = like.index
    names = pd.RangeIndex(n) if village is None else pd.Index(check_groups(pd.Series(list(village)), n, "village"))
    if names.has_duplicates:
        twice = names[names.duplicated()].unique()
        raise InputError(
            message("each village once", f"{len(twice)} villages more than once", "village", "Sum their counts first.")
        )
    return names.infer_objects().rename("village")


def draw_count(most: int, villages: int, least: int = 500) -> int:
    """How many draws are worth their memory: `most`, fewer where villages are many, so that memory stays flat.

    >>> draw_count(4000, 120), draw_count(4000, 10_000)
    (4000, 800)
    """
    return max(min(most, 8_000_000 // max(villages, 1)), min(most, least))
