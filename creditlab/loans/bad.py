"""The definition of bad, as a frozen spec: how many days past due, of what, of whom, within which window."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from creditlab.checks import check_one_of
from creditlab.errors import InputError, message
from creditlab.loans.hits import WHAT

UNITS = ("household", "note")
_WINDOW = re.compile(r"maturity\+(?P<days>\d{1,4})d|(?P<months>\d{1,3})m")


@dataclass(frozen=True)
class Bad:
    """When a borrower counts as bad.

    Parameters
    ----------
    dpd : days past due from which a note is bad.
    of : 'principal or interest' (the older of the two arrears, as the tape counts), 'principal' or 'interest'.
    unit : 'household': one bad note makes the household bad; 'note': every note for itself.
    window : 'maturity+120d' looks at each note until 120 days after it falls due, so that a loan repaid once at
        harvest can show its arrears; '18m' looks 18 months ahead of the observation date.
    indeterminate : days past due from which a borrower that does not turn bad is neither good nor bad and is left out;
        None calls everybody who is not bad good.

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
    indeterminate: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.dpd, int) or isinstance(self.dpd, bool) or not 1 <= self.dpd <= 1000:
            raise InputError(message("days past due from 1 to 1000", repr(self.dpd), "Bad(dpd=...)", "90 is usual."))
        check_one_of(self.of, WHAT, "Bad(of=...)")
        check_one_of(self.unit, UNITS, "Bad(unit=...)")
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
        grey = self.indeterminate
        if grey is not None and (not isinstance(grey, int) or isinstance(grey, bool) or not 1 <= grey < self.dpd):
            raise InputError(
                message(
                    f"days past due from 1 to {self.dpd - 1}, or None",
                    repr(grey),
                    "Bad(indeterminate=...)",
                    "30 is usual.",
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

    def label(self, lang: str = "zh") -> str:
        """The definition as a sentence.

        >>> Bad(of="principal", unit="note", window="12m").label("en")
        'a note is bad from 90 days past due on principal, within 12 months'
        """
        check_one_of(lang, ("zh", "en"), "lang")
        window = (
            (f"到期后 {self.days_after_due} 天内", f"until {self.days_after_due} days after maturity")
            if self.months is None
            else (f"{self.months} 个月内", f"within {self.months} months")
        )
        what = {"principal or interest": ("本金或利息", "principal or interest"), "principal": ("本金", "principal"),
                "interest": ("利息", "interest")}[self.of]  # fmt: skip
        who = {"household": ("农户", "a household"), "note": ("借据", "a note")}[self.unit]
        if lang == "zh":
            return f"{who[0]}：{window[0]}{what[0]}逾期 {self.dpd} 天及以上为坏"
        return f"{who[1]} is bad from {self.dpd} days past due on {what[1]}, {window[1]}"

    def to_dict(self) -> dict[str, Any]:
        """The settings."""
        return asdict(self)
