"""The definition of bad, as a frozen spec: how many days past due, of what, of whom, within which window."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from creditlab.checks import check_one_of
from creditlab.errors import InputError, message

_WINDOW = re.compile(r"maturity\+(?P<days>\d{1,4})d|(?P<months>\d{1,3})m")


@dataclass(frozen=True)
class Bad:
    """When a borrower counts as bad.

    Parameters
    ----------
    dpd : days past due from which a note is bad.
    of : 'principal or interest'; the tape's days past due count from the older of the two arrears.
    unit : 'household': one bad note makes the household bad.
    window : 'maturity+120d' looks at each note until 120 days after it falls due, so that a loan repaid once at
        harvest can show its arrears; '18m' looks 18 months ahead of the observation date.

    Raises
    ------
    InputError : for a window of another form, one of no length, or days past due that it cannot show.

    >>> Bad(dpd=90, window="maturity+120d").days_after_due
    120
    """

    dpd: int = 90
    of: str = "principal or interest"
    unit: str = "household"
    window: str = "maturity+120d"

    def __post_init__(self) -> None:
        if not isinstance(self.dpd, int) or isinstance(self.dpd, bool) or not 1 <= self.dpd <= 1000:
            raise InputError(message("days past due from 1 to 1000", repr(self.dpd), "Bad(dpd=...)", "90 is usual."))
        check_one_of(self.of, ("principal or interest",), "Bad(of=...)")
        check_one_of(self.unit, ("household",), "Bad(unit=...)")
        found = _WINDOW.fullmatch(self.window) if isinstance(self.window, str) else None
        if found is None or not any(int(v) for v in found.groups() if v):
            raise InputError(
                message(
                    "a window such as 'maturity+120d' or '18m'", repr(self.window), "Bad(window=...)", "See its form."
                )
            )
        if self.days_after_due is not None and self.days_after_due < self.dpd:
            raise InputError(
                message(
                    f"a window of at least the due date plus {self.dpd} days",
                    repr(self.window),
                    "Bad(window=...)",
                    f"A note cannot be {self.dpd} days past due on its principal before that; lengthen the window.",
                )
            )

    @property
    def days_after_due(self) -> int | None:
        """Days after the due date at which a window by maturity ends; None for a window in months."""
        found = _WINDOW.fullmatch(self.window)
        return int(found["days"]) if found and found["days"] else None

    @property
    def months(self) -> int | None:
        """Months after the observation date at which a window in months ends; None for a window by maturity."""
        found = _WINDOW.fullmatch(self.window)
        return int(found["months"]) if found and found["months"] else None

    def end(self, as_of: pd.Timestamp, due_on: pd.Series) -> pd.Series:
        """The last day of the window of each note."""
        if self.days_after_due is not None:
            return due_on + pd.Timedelta(days=self.days_after_due)
        day = (as_of + pd.DateOffset(months=self.months or 0)) + pd.offsets.MonthEnd(0)
        return pd.Series(day, index=due_on.index)

    def to_dict(self) -> dict[str, Any]:
        """The four settings."""
        return asdict(self)
