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


def year_change(view: View, table: str, column: str) -> pd.Series:
    """(last known year - the year before) / their sum, of a flow; blank where the year before is not known."""
    rows = view.last_two_years(table).dropna(subset=[column])
    year = rows["age"].ge(12).map({True: "prior", False: "last"})
    sums = rows.groupby(["household", year])[column].sum().unstack().reindex(columns=["last", "prior"])
    return share(sums["last"] - sums["prior"], sums["last"] + sums["prior"])


def year_spread(view: View, table: str, column: str, least: int = 3) -> pd.Series:
    """Standard deviation over mean of the periods of the last known year; `least` periods or more."""
    flows = view.last_year(table).dropna(subset=[column]).groupby("household")[column]
    found = flows.agg(["size", "mean", "var"])
    # the population variance: these periods are the year, not a sample of it
    spread = (found["var"] * (found["size"] - 1) / found["size"]).clip(lower=0) ** 0.5
    return share(spread, found["mean"]).where(found["size"] >= least)


def year_peak(view: View, table: str, column: str, least: int = 3) -> pd.Series:
    """The share of the year's flow that falls into its strongest period: how seasonal it is."""
    flows = view.last_year(table).dropna(subset=[column]).groupby("household")[column]
    found = flows.agg(["size", "max", "sum"])
    return share(found["max"], found["sum"]).where(found["size"] >= least)


def recent_sum(view: View, table: str, column: str, months: int) -> pd.Series:
    """The sum of a column over the events of the last months."""
    return view.recent(table, months).dropna(subset=[column]).groupby("household")[column].sum()


def recent_mean(view: View, table: str, column: str, months: int) -> pd.Series:
    """The mean of a column over the rows of the last months."""
    return view.recent(table, months).dropna(subset=[column]).groupby("household")[column].mean()


def latest_two(view: View, table: str, column: str, months: int = LATEST_MONTHS) -> pd.DataFrame:
    """Household × (last, prior): the sums of a column over the rows of the last event and of the one before it."""
    rows = view.recent(table, months).dropna(subset=[column])
    event = rows[view.event(table)]
    sums = rows.groupby([rows["household"], event])[column].sum().reset_index()
    place = sums.groupby("household").cumcount(ascending=False).map({0: "last", 1: "prior"})
    wide = sums.assign(place=place).dropna(subset=["place"]).pivot(index="household", columns="place", values=column)
    return wide.reindex(columns=["last", "prior"]).astype("float64")


def latest_change(view: View, table: str, column: str, months: int = LATEST_MONTHS) -> pd.Series:
    """(last - the one before) / their sum, of the sums of two successive events; blank with one event only."""
    two = latest_two(view, table, column, months)
    return share(two["last"] - two["prior"], two["last"] + two["prior"])
