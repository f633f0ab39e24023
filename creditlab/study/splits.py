"""Who is fitted on and who is held out: development, test (by group or at random) and out-of-time.

Use it on flat tables. A date makes the last part of the rows out-of-time; a group keeps whole groups apart; with
neither, rows are drawn at random within goods and bads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from creditlab.errors import InputError, message

#: fewer groups than this are not held back whole
FEWEST_GROUPS = 4
DEVELOPMENT, TEST, OUT_OF_TIME = "development", "test", "out-of-time"
SPLIT_LABELS = {
    DEVELOPMENT: ("开发样本", "development"),
    TEST: ("测试样本", "test"),
    OUT_OF_TIME: ("时间外样本", "out-of-time"),
}


def split_rows(
    y: np.ndarray, *, date: pd.Series | None = None, group: Any = None, share: float = 0.3, seed: int = 0
) -> np.ndarray:
    """The split of each row: 'development', 'test' or 'out-of-time'.

    Parameters
    ----------
    y : 0/1 target, one per row.
    date : a date per row; the latest dates that hold at least `share` of the rows become out-of-time. A date is never
        cut in two.
    group : a group per row; then about `share` of the groups are the test. With fewer than four groups whole groups
        cannot be held back, and rows are drawn at random instead.
    share : the share held back.

    With a date and no group there is no test beside out-of-time.

    >>> import numpy as np
    >>> split = split_rows(np.array([0, 1] * 50), seed=1)
    >>> (split == "test").mean().item()
    0.3
    """
    split = np.full(len(y), DEVELOPMENT, dtype=object)
    if date is not None:
        split[_late(date, share)] = OUT_OF_TIME
    early = split == DEVELOPMENT
    if group is not None and _check_groups(pd.Series(group)[early]) >= FEWEST_GROUPS:
        split[early] = np.where(_held_groups(pd.Series(group)[early], share, seed), TEST, DEVELOPMENT)
    elif date is None:
        split = np.where(_held_rows(y, share, seed), TEST, DEVELOPMENT).astype(object)
    _check_classes(y, split)
    return split


def _late(date: pd.Series, share: float) -> np.ndarray:
    days = pd.to_datetime(date)
    if days.isna().any():
        raise InputError(
            message(
                "a date in every row",
                f"{int(days.isna().sum())} rows without",
                "date column",
                "Fill the dates or leave these rows out.",
            )
        )
    counts = days.value_counts().sort_index(ascending=False).cumsum()
    cut = counts.index[int(np.searchsorted(counts.to_numpy(), share * len(days)))]
    late = (days >= cut).to_numpy()
    if late.all():
        raise InputError(
            message("at least two dates", "one", "date column", "Leave the date out, or widen the extract.")
        )
    return late


def _check_groups(group: pd.Series) -> int:
    """The number of groups, at least two."""
    found = group.astype(str).nunique()
    if found < 2:
        raise InputError(message("at least two groups", f"{found}", "group column", "Leave the group out."))
    return found


def _held_groups(group: pd.Series, share: float, seed: int) -> np.ndarray:
    names = np.sort(pd.unique(group.astype(str)))
    order = np.random.default_rng(seed).permutation(len(names))
    held = names[order[: max(1, round(share * len(names)))]]
    return group.astype(str).isin(held).to_numpy()


def _held_rows(y: np.ndarray, share: float, seed: int) -> np.ndarray:
    held = np.zeros(len(y), dtype=bool)
    rng = np.random.default_rng(seed)
    for value in (0, 1):
        rows = np.flatnonzero(y == value)
        held[rng.permutation(rows)[: round(share * len(rows))]] = True
    return held


def _check_classes(y: np.ndarray, split: np.ndarray) -> None:
    rows = split == DEVELOPMENT
    if not rows.any() or y[rows].min() == y[rows].max():
        raise InputError(
            message(
                "goods and bads in the development rows",
                f"{int(y[rows].sum()) if rows.any() else 0} bads of {int(rows.sum())} rows",
                "split",
                "Use another seed, a smaller test share, or more data.",
            )
        )
