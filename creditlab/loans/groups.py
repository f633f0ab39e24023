"""Groups of notes for a breakdown: by a column of the notes, or by the cohort in which they were granted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from creditlab.checks import check_one_of
from creditlab.loans.book import NOTE_COLUMNS, LoanBook, month_ends

#: cohorts by the period of the grant
COHORTS = {"cohort": "Q", "cohort_year": "Y", "cohort_month": "M"}
_BY = tuple(sorted({"village_id", "note_id", *NOTE_COLUMNS} - {"line_limit", "line_valid_to", "amount", "rate"}))
ALL = "all"
NONE = "(none)"


def groups(book: LoanBook, by: str | None) -> tuple[np.ndarray, list[str]]:
    """The group number of each note, and the sorted names of the groups.

    `by` is a column of the notes, 'cohort' (quarter of the grant), 'cohort_year', 'cohort_month', or None for one group
    of all. A note without a value is in the group '(none)'.
    """
    if by is None:
        return np.zeros(len(book.notes), dtype=np.int64), [ALL]
    check_one_of(by, (*COHORTS, *_BY), "by")
    if by in COHORTS:
        values = book.notes["granted_on"].dt.to_period(COHORTS[by]).astype("str")
        values = values.where(book.notes["granted_on"].notna(), NONE)
    else:
        values = book.notes[by].astype("str").fillna(NONE)
    names, place = np.unique(values.to_numpy(dtype=object).astype(str), return_inverse=True)
    return place.astype(np.int64), [str(name) for name in names]


def distinct(values: np.ndarray) -> np.ndarray:
    """The distinct values in order; for millions of mostly distinct numbers a sort is four times as fast as a hash.

    >>> distinct(np.array([3, 1, 3])).tolist()
    [1, 3]
    """
    order = np.sort(values)
    return order[np.append(True, order[1:] != order[:-1])] if len(order) else order


def cells(book: LoanBook, by: str | None) -> tuple[np.ndarray, pd.DataFrame]:
    """The number of the cell (month × group) of each row of the book's months, and a row per cell: month_end group."""
    place, names = groups(book, by)
    months = book.last - book.first + 1
    key = (book.months["month"].to_numpy() - book.first) * len(names) + place[book.months["note"].to_numpy()]
    frame = pd.DataFrame(
        {
            "month_end": np.repeat(month_ends(range(book.first, book.last + 1)), len(names)),
            "group": np.tile(np.array(names, dtype=object), months),
        }
    )
    return key, frame.astype({"group": "str"})
