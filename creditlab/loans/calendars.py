"""Agricultural calendars: when payments of each plan fall due, so that arrears of different plans can be compared.

A loan repaid once at harvest cannot be overdue before it; an instalment loan can from its second month. A rate of
arrears over all notes therefore follows the mixture of plans and the season. Here each note has the first day on which
arrears of its principal or interest can show, and rates are taken over the notes that could show them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_level, check_one_of
from creditlab.errors import InputError, message
from creditlab.loans.book import LoanBook, days_at_month_end, loan_book, month_ends
from creditlab.loans.hits import NEVER, WHAT, days_past_due, first_hit, plan_kind
from creditlab.loans.shares import LEVEL, ratio, share_limits
from creditlab.results import Result, Stamp, digest


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Calendar(Result):
    """A row per plan and calendar month (1 to 12): plan month granted due principal_due months overdue overdue_share lo
    hi new_bad new_bad_share.

    granted, due: notes by their month of the year; principal_due in yuan; months: loan-months on the book; overdue:
    those with any arrears; new_bad: notes that passed the threshold in that month.
    """

    title: ClassVar[str] = "Agricultural calendar 农时与还款日历"
    plots: ClassVar[str] = "loans"

    level: float
    over: int

    def seasons(self) -> pd.DataFrame:
        """A row per plan: how uneven the year is (largest over mean share of the due months), and the peak month."""
        table = self.table
        rows = []
        for plan, part in table.groupby("plan", sort=False):
            due, bad = part["due"].to_numpy(), part["new_bad"].to_numpy()
            rows.append(
                {
                    "plan": plan,
                    "due": int(due.sum()),
                    "peak_due_month": int(part["month"].iloc[due.argmax()]) if due.sum() else 0,
                    "peak_due_share": float(ratio(due.max(), due.sum())),
                    "new_bad": int(bad.sum()),
                    "peak_bad_month": int(part["month"].iloc[bad.argmax()]) if bad.sum() else 0,
                    "peak_bad_share": float(ratio(bad.max(), bad.sum())),
                }
            )
        return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Comparable(Result):
    """A row per plan at a month end: plan kind notes bad raw untested_share tested tested_bad comparable lo hi reason.

    raw: the share of open notes over the threshold. untested_share: the share of open notes that cannot show such
    arrears yet. comparable: of the notes whose due date plus the threshold fell in the 12 months to the month end
    (tested), the share that was ever over it; open or closed, one life of a note each, whatever its plan.
    """

    title: ClassVar[str] = "Comparable arrears 可比逾期率"
    plots: ClassVar[str] = "loans"


def payment_schedule(source: Any) -> pd.DataFrame:
    """When payments of each note fall due: note_id plan kind interval first_interest first_principal due_on payments.

    `interval` is months between payments of interest or instalments (1 or 3, 0 when all is paid at the end); payments
    is their number. Interest on a 'quarterly' plan is due on the 21st of March, June, September and December
    (结息日), on a 'monthly' plan every month from the month after the grant; an instalment from that month on too.
    """
    book = loan_book(source)
    notes = book.notes
    kind = np.array([plan_kind(p) for p in notes["plan"]], dtype=object)
    quarterly = (
        notes["plan"].astype("str").str.lower().str.contains("quarter|按季", regex=True).fillna(False).to_numpy(bool)
    )
    granted, due = (notes[c].to_numpy().astype("datetime64[D]") for c in ("granted_on", "due_on"))
    interval = np.select([np.isin(kind, ("once", "unknown")), quarterly], [0, 3], 1)
    start = granted.astype("datetime64[M]")
    after = start + 1
    quarter = start + (2 - (start.astype(int) % 3)) % 3
    quarter = np.where(quarter.astype("datetime64[D]") + 20 <= granted, quarter + 3, quarter)
    first = np.where(
        interval == 3, quarter.astype("datetime64[M]").astype("datetime64[D]") + 20, after.astype("datetime64[D]") + 20
    )
    first = np.where(kind == "instalments", _same_day(after, granted), first)
    first = np.where(interval == 0, due, np.minimum(first, due))
    principal = np.where(kind == "instalments", first, due)
    span = (due.astype("datetime64[M]") - first.astype("datetime64[M]")).astype("timedelta64[M]").astype(float)
    payments = np.where(interval == 0, 1, np.floor(np.maximum(span, 0) / np.maximum(interval, 1)) + 1)
    return pd.DataFrame(
        {
            "note_id": notes["note_id"],
            "plan": notes["plan"],
            "kind": kind,
            "interval": interval,
            "first_interest": first.astype("datetime64[us]"),
            "first_principal": principal.astype("datetime64[us]"),
            "due_on": notes["due_on"],
            "payments": np.where(np.isnan(payments), 0, payments).astype(int),
        }
    )


def _same_day(month: np.ndarray, day: np.ndarray) -> np.ndarray:
    """The same day of the month in another month, or its last day."""
    offset = (day - day.astype("datetime64[M]").astype("datetime64[D]")).astype(int)
    last = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(int) - 1
    return month.astype("datetime64[D]") + np.minimum(offset, last)


def shows_from(source: Any, over: int, of: str = "principal or interest") -> pd.Series:
    """The first day on which each note can be more than `over` days past due.

    >>> notes = pd.DataFrame({"note_id": ["N1"], "granted_on": ["2023-12-05"], "due_on": ["2024-11-20"],
    ...                       "plan": ["harvest"]})
    >>> months = pd.DataFrame({"note_id": ["N1"], "month_end": ["2023-12-31"], "balance": [100.0], "dpd": [0]})
    >>> str(shows_from({"loans": notes, "loan_months": months}, over=90)["N1"].date())
    '2025-02-19'
    """
    check_one_of(of, WHAT, "of")
    schedule = payment_schedule(source)
    first = schedule["first_principal"] if of == "principal" else schedule["first_interest"]
    days = first + pd.Timedelta(days=int(over) + 1)
    return pd.Series(days.to_numpy(), index=schedule["note_id"])


def comparable_arrears(
    source: Any, month_end: Any = None, *, over: int = 90, of: str = "principal or interest", level: float = LEVEL
) -> Comparable:
    """The rate of arrears of each plan among the notes that could show them.

    Parameters
    ----------
    source : a `County`, a mapping of frames, or a `LoanBook`.
    month_end : a date in the month; the last one by default.
    over, of : days past due that must be exceeded, of 'principal or interest', 'principal' or 'interest'.
    level : level of the intervals (Jeffreys).

    Raises
    ------
    InputError : a month that is not in the book.
    """
    book = loan_book(source)
    check_level(level)
    at = book.last if month_end is None else _month(book, month_end)
    end = days_at_month_end(np.array([at, at - 12]))
    rows = book.on_book & (book.months["month"].to_numpy() == at)
    note = book.months["note"].to_numpy()[rows]
    plans, names = pd.factorize(book.notes["plan"].fillna("(none)"), sort=True)
    bad = days_past_due(book, of)[rows] > over
    can = (shows_from(book, over, of).to_numpy()[note].astype("datetime64[D]") <= end[0]) | bad
    life = book.notes["due_on"].to_numpy().astype("datetime64[D]") + over + 1
    tested = (life > end[1]) & (life <= end[0])
    ever = first_hit(book, over=over, of=of) <= at

    def count(place: np.ndarray) -> np.ndarray:
        return np.bincount(place, minlength=len(names))

    table = pd.DataFrame(
        {
            "plan": np.asarray(names, dtype=object),
            "kind": [plan_kind(p) for p in names],
            "notes": count(plans[note]),
            "bad": count(plans[note[bad]]),
            "untested": count(plans[note[~can]]),
            "tested": count(plans[tested]),
            "tested_bad": count(plans[tested & ever]),
        }
    ).astype({"plan": "str", "kind": "str"})
    lo, hi = share_limits(table["tested_bad"], table["tested"], level)
    table = table.assign(
        raw=ratio(table["bad"], table["notes"]),
        untested_share=ratio(table["untested"], table["notes"]),
        comparable=ratio(table["tested_bad"], table["tested"]),
        lo=lo,
        hi=hi,
        reason=np.where(
            table["tested"] == 0,
            "近12个月该还款方式没有借据到检验日 no note of the plan came to its test in these 12 months",
            "",
        ),
    )
    return Comparable(
        table=table,
        stamp=Stamp(inputs=book.digest, spec=digest({"at": at, "over": over, "of": of, "level": level})),
        facts={"month_end": str(month_ends([at])[0].date()), "over": over, "notes": len(note), "bad": int(bad.sum()),
               "untested": int((~can).sum()), "tested": int(tested.sum())},
    )  # fmt: skip


def _month(book: LoanBook, day: Any) -> int:
    moment = pd.Timestamp(day)
    month = moment.year * 12 + moment.month - 1
    if not book.first <= month <= book.last:
        ends = month_ends([book.first, book.last])
        raise InputError(
            message(f"a date from {ends[0].date()} to {ends[1].date()}", str(day), "month_end", "Choose another.")
        )
    return month


def calendar(source: Any, *, over: int = 90, level: float = LEVEL) -> Calendar:
    """Grants, due dates, arrears and new bad notes of each plan by calendar month.

    Parameters
    ----------
    source : a `County`, a mapping of frames, or a `LoanBook`.
    over : days past due beyond which a note is newly bad.
    level : level of the intervals (Jeffreys).
    """
    book = loan_book(source)
    check_level(level)
    plans, names = pd.factorize(book.notes["plan"].fillna("(none)"), sort=True)
    width = 12

    def count(place: np.ndarray, month: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(place * width + month % 12, weight, minlength=len(names) * width)

    dated = book.granted > 0
    fell = (book.due > 0) & (book.due <= book.last)
    month, note = book.months["month"].to_numpy(), book.months["note"].to_numpy()
    on = book.on_book
    late = on & (book.months["dpd"].to_numpy() > 0)
    hit = first_hit(book, over=over, lost=False)
    bad = hit < NEVER
    amount = book.notes["amount"].fillna(0.0).to_numpy()
    table = pd.DataFrame(
        {
            "plan": np.repeat(np.asarray(names, dtype=object), width),
            "month": np.tile(np.arange(1, 13), len(names)),
            "granted": count(plans[dated], book.granted[dated]),
            "due": count(plans[fell], book.due[fell]),
            "principal_due": count(plans[fell], book.due[fell], amount[fell]),
            "months": count(plans[note[on]], month[on]),
            "overdue": count(plans[note[late]], month[late]),
            "new_bad": count(plans[bad], hit[bad]),
        }
    ).astype({"plan": "str"})
    lo, hi = share_limits(table["overdue"], table["months"], level)
    years = table.groupby("plan")["new_bad"].transform("sum")
    table = table.assign(
        overdue_share=ratio(table["overdue"], table["months"]),
        lo=lo,
        hi=hi,
        new_bad_share=ratio(table["new_bad"], years),
    )
    return Calendar(
        table=table,
        level=level,
        over=over,
        stamp=Stamp(inputs=book.digest, spec=digest({"over": over, "level": level})),
        facts={"plans": len(names), "notes": len(book.notes), "loan-months": int(on.sum()), "new bad": int(bad.sum())},
    )
