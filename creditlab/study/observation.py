"""The observation dates of a study: a year apart, the last one so early that the windows of its loans are full."""

from __future__ import annotations

from typing import Any

import pandas as pd

from creditlab.config import StudyConfig
from creditlab.errors import InputError, message

#: months from the last observation date to the end of the book: a loan of a year, 120 days, and the month of the report
WINDOW_MONTHS = 18


def observation_dates(month_ends: Any, config: StudyConfig) -> list[str]:
    """The observation dates, a year apart, the last one given (`as_of`) or so early that windows can be full."""
    months = pd.to_datetime(pd.Series(month_ends))
    if config.as_of is None:
        last = (months.max() - pd.DateOffset(months=WINDOW_MONTHS)) + pd.offsets.MonthEnd(0)
    else:
        last = pd.Timestamp(config.as_of)
    dates = [last - pd.DateOffset(years=back) for back in reversed(range(config.observations))]
    dates = [day + pd.offsets.MonthEnd(0) if last.is_month_end else day for day in dates]
    inside = [day for day in dates if day >= months.min()]
    if not inside or last > months.max():
        raise InputError(
            message(
                f"an observation date inside the book ({months.min().date()} to {months.max().date()})",
                str(last.date()),
                "as_of",
                "Choose a date inside, or bring a longer book.",
            )
        )
    return [str(day.date()) for day in inside]
