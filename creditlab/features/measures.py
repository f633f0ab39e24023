"""Measures that several tables share: sums, means and latest values over the windows of a view.

Each takes a `View` and gives values by household row number; households without rows are left out, and NaN means that
there are rows but nothing can be said. The plan binds their table and column.
"""

from __future__ import annotations

import pandas as pd

from creditlab.features.known import LATEST_MONTHS, View


def share(part: pd.Series, whole: pd.Series) -> pd.Series:
    """Part of whole, NaN where the whole is not positive."""
    # an empty table may hold sums of any dtype
    part, whole = part.astype("float64"), whole.astype("float64")
    return part / whole.where(whole > 0)


def latest_sum(view: View, table: str, column: str, months: int = LATEST_MONTHS, by: str = "household") -> pd.Series:
    """The sum of a column over the rows of the latest event (of each `by`, then over the household)."""
    rows = view.latest(table, months, by).dropna(subset=[column])
    return rows.groupby("household")[column].sum()


def latest_mean(view: View, table: str, column: str, months: int = LATEST_MONTHS) -> pd.Series:
    """The mean of a column over the rows of the latest event."""
    return view.latest(table, months).dropna(subset=[column]).groupby("household")[column].mean()


def latest_any(view: View, table: str, column: str, months: int = LATEST_MONTHS, by: str = "household") -> pd.Series:
    """1 where a flag is set, or an amount is positive, in a row of the latest event, else 0."""
    rows = view.latest(table, months, by).dropna(subset=[column])
    return rows[column].gt(0).groupby(rows["household"]).any().astype(float)


def latest_text(view: View, table: str, column: str, months: int = LATEST_MONTHS) -> pd.Series:
    """The text of the latest event; of several rows the first in the order of the alphabet."""
    return view.latest(table, months).dropna(subset=[column]).groupby("household")[column].min()


def year_sum(view: View, table: str, column: str) -> pd.Series:
    """The sum of a column over a household's last known year."""
    return view.last_year(table).dropna(subset=[column]).groupby("household")[column].sum()


def year_mean(view: View, table: str, column: str) -> pd.Series:
    """The mean of a column over a household's last known year."""
    return view.last_year(table).dropna(subset=[column]).groupby("household")[column].mean()


def year_share(view: View, table: str, part: str, whole: str) -> pd.Series:
    """The sum of one column over that of another, in a household's last known year."""
    sums = view.last_year(table).dropna(subset=[part, whole]).groupby("household")[[part, whole]].sum()
    return share(sums[part], sums[whole])
