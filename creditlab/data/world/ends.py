"""How bad notes end, and which payments came late: written off, sold, restructured, recovered.

The bank's committee writes off each December what is more than a year past due, which makes the balance ratio of the
new year look better than the book is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from creditlab.data.world.borrowers import Slots
from creditlab.data.world.lending import Notes, payment_dates
from creditlab.data.world.risk import Risk, sigmoid
from creditlab.data.world.streams import START, day_of, stream

NAT = np.datetime64("NaT", "D")
SALES = (np.datetime64("2022-06-15"), np.datetime64("2024-09-18"))


@dataclass(frozen=True)
class Ends:
    """One value per note; dates are blank where nothing of the kind happened."""

    written_off: np.ndarray
    transferred: np.ndarray
    restructured: np.ndarray
    recovered_on: np.ndarray
    recovered_share: np.ndarray
    drawn: np.ndarray  # share of the amount that is drawn
    rate: np.ndarray
    judged: np.ndarray  # classed special mention by judgement


def make_ends(notes: Notes, slots: Slots, seed: int) -> Ends:
    """The end of every bad note, and the terms that no other table needs."""
    rng = stream(seed, "ends")
    n = len(notes)
    stuck = ~np.isnat(notes.onset) & np.isnat(notes.cured)
    december = _committee(notes.onset + 365)
    tries = rng.geometric(0.7, n) - 1
    written_off = np.where(stuck, december + np.array([365 * t for t in tries]), NAT)
    sale = np.where(notes.onset + 180 < SALES[0], SALES[0], SALES[1])
    sold = stuck & (rng.random(n) < 0.06) & (notes.onset + 180 < sale) & ~(written_off < sale)
    restructured = stuck & (rng.random(n) < 0.1)
    written_off = np.where(sold | (written_off > np.datetime64("2025-06-30")), NAT, written_off)
    back = ~np.isnat(written_off) & (rng.random(n) < 0.3)
    plan = slots.plan[notes.slot]
    rate = 0.075 - 0.012 * (slots.guarantee[notes.slot] == 2) - 0.02 * (slots.guarantee[notes.slot] == 3)
    year = notes.granted.astype("datetime64[Y]").astype(int) + 1970
    return Ends(
        written_off=written_off,
        transferred=np.where(sold, sale, NAT),
        restructured=np.where(restructured, notes.onset + 150, NAT),
        recovered_on=np.where(back, written_off + rng.integers(60, 330, n), NAT),
        recovered_share=np.round(rng.beta(1.5, 3, n), 2),
        drawn=np.where(plan == 4, np.round(rng.uniform(0.4, 1.0, n), 1), 1.0),
        rate=np.round(rate - 0.003 * (year - 2019) + 0.0025 * rng.integers(-3, 4, n), 4),
        judged=rng.random(n) < 0.01,
    )


@dataclass(frozen=True)
class LatePayments:
    """Payments that came late and were made: note, day due, days late, and whether principal was due."""

    note: np.ndarray
    due: np.ndarray
    days: np.ndarray
    principal: np.ndarray


def make_late_payments(notes: Notes, slots: Slots, risk: Risk, seed: int) -> LatePayments:
    """Late payments of interest and instalments before any default, and of principal at maturity."""
    rng = stream(seed, "late_payments")
    plan = slots.plan[notes.slot]
    granted = _month(notes.granted)
    count, first, step = payment_dates(plan, granted, _month(notes.due))
    note = np.repeat(np.arange(len(notes)), count)
    rank = np.arange(len(note)) - np.repeat(np.cumsum(count) - count, count)
    month = first[note] + rank * step[note]
    day = np.where(plan[note] == 0, slots.day[notes.slot[note]], 21)
    due = day_of(START + month, day)
    log_odds = risk.log_odds(slots.household[notes.slot[note]], notes.officer[note], month)
    frequency = np.where(step[note] == 3, 0.2, -0.7)
    is_late = rng.random(len(note)) < sigmoid(0.9 * log_odds + frequency)
    days = np.clip(3 + rng.exponential(26, len(note)), 3, 80).astype(int)
    gone = (due >= notes.onset[note]) | (due + days >= notes.closed[note])
    is_late &= ~gone & ~(due + days >= notes.onset[note])
    at_end = np.flatnonzero(np.isnat(notes.onset) & (notes.closed > notes.due) & ~notes.extended)
    return LatePayments(
        np.concatenate([note[is_late], at_end]),
        np.concatenate([due[is_late], notes.due[at_end]]),
        np.concatenate([days[is_late], (notes.closed - notes.due)[at_end].astype(int)]),
        np.concatenate([plan[note[is_late]] == 0, np.ones(len(at_end), dtype=bool)]),
    )


def _month(day: np.ndarray) -> np.ndarray:
    return (day.astype("datetime64[M]") - START).astype(int)


def _committee(day: np.ndarray) -> np.ndarray:
    """The first 20 December on or after a day."""
    meeting = day_of(day.astype("datetime64[Y]").astype("datetime64[M]") + 11, 20)
    following = day_of(day.astype("datetime64[Y]").astype("datetime64[M]") + 23, 20)
    return np.where(day <= meeting, meeting, following)
