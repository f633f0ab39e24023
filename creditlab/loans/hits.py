"""When arrears first happened: the first month in which a note was so many days past due, or was written off."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from creditlab.checks import check_one_of
from creditlab.loans.book import LoanBook, days_at_month_end, spell_days

#: no such month
NEVER = np.iinfo(np.int32).max
WHAT = ("principal or interest", "principal", "interest")


def first_hit(book: LoanBook, *, over: int, of: str = "principal or interest", lost: bool = True) -> np.ndarray:
    """Per note the first month with more than `over` days past due (or written off, if `lost`); NEVER if none."""
    rows = days_past_due(book, of) > over
    if lost:
        rows |= book.months["written_off"].to_numpy()
    return first_month(book, rows)


def first_month(book: LoanBook, rows: np.ndarray) -> np.ndarray:
    """Per note the first month of the marked rows; NEVER if there is none."""
    first = np.full(len(book.notes), NEVER, dtype=np.int64)
    note = book.months["note"].to_numpy()[rows]
    # rows are in the order of months: written backwards, the earliest stays
    first[note[::-1]] = book.months["month"].to_numpy()[rows][::-1]
    return first


def days_past_due(book: LoanBook, of: str = "principal or interest") -> np.ndarray:
    """Days past due of each row, of principal, of interest, or of the older of the two.

    The tape has one number and two amounts. Days of the principal count from the due date for a note repaid once, else
    from the first month of the present run of months with overdue principal; never more than the tape's own days, which
    count from the older arrears. The same for interest.
    """
    check_one_of(of, WHAT, "of")
    dpd = book.months["dpd"].to_numpy()
    if of == WHAT[0]:
        return dpd
    overdue = book.months[f"overdue_{of}"].to_numpy() > 0
    spell = spell_days(book.months, overdue)
    days = np.where(overdue, np.minimum(dpd, spell), 0)
    if of == "principal":
        due = book.notes["due_on"].to_numpy().astype("datetime64[D]")[book.months["note"].to_numpy()]
        past = (days_at_month_end(book.months["month"].to_numpy()) - due).astype("timedelta64[D]").astype(np.int64)
        matured = overdue & (past > 0) & ~np.isnat(due)
        once = repaid_once(book.notes["plan"])[book.months["note"].to_numpy()]
        days = np.where(matured & once, np.minimum(dpd, past), days)
    return days


@lru_cache(maxsize=256)
def _kind(plan: str) -> str:
    words = plan.strip().lower()
    if any(word in words for word in ("instal", "annuity", "等额", "分期")):
        return "instalments"
    if any(word in words for word in ("revolv", "循环", "随借随还")):
        return "revolving"
    if any(word in words for word in ("harvest", "bullet", "maturity", "利随本清", "到期一次", "一次还本付息", "收获")):
        if any(word in words for word in ("interest", "按月结息", "按季结息")) and "harvest" not in words:
            return "interest"
        return "once"
    if any(word in words for word in ("interest", "结息", "付息")):
        return "interest"
    return "unknown"


#: what a repayment plan does: principal in parts; interest before, principal at the end; all at the end; a line
PLAN_KINDS = ("instalments", "interest", "once", "revolving", "unknown")


def plan_kind(plan: Any) -> str:
    """The kind of a repayment plan by its name: instalments, interest, once, revolving or unknown.

    >>> [plan_kind(p) for p in ("instalments", "quarterly_interest", "harvest", "按季结息到期还本", None)]
    ['instalments', 'interest', 'once', 'interest', 'unknown']
    """
    return _kind(plan) if isinstance(plan, str) else "unknown"


def repaid_once(plans: Any) -> np.ndarray:
    """Whether the principal of each note falls due in one sum, at the end."""
    return np.array([plan_kind(p) in ("interest", "once", "revolving") for p in plans], dtype=bool)
