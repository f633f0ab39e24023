"""The course of lending, month by month: notes are granted, repaid, renewed, or go bad.

Each note draws one chance of default, at one of its payment dates, from the risk of that month; so the probability it
was drawn with is known. A default within the last 14 months in a joint group raises the risk of the others. At the end
of 2022 the bank sends cadres to the villages with the worst bad rate it has seen so far.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from creditlab.data.world.borrowers import Slots, harvest_months
from creditlab.data.world.people import People
from creditlab.data.world.risk import LEAVES, MEASURES, Officers, Risk, month_index, sigmoid
from creditlab.data.world.streams import START, day_of, stream

CONTAGION, CHAIN_CONTAGION, HIDDEN = 2.2, 14.0, 2.0
HIDE = 0.15  # share of those about to fail at maturity whose note is renewed instead
LAST_MONTH = month_index("2025-06")
FIRST_MONTH = month_index("2020-01")
NEVER = 10_000


@dataclass
class Notes:
    """The notes as arrays, one value per note in the order of granting; months count from January 2019."""

    slot: np.ndarray
    officer: np.ndarray
    granted: np.ndarray  # day
    due: np.ndarray  # day
    onset_month: np.ndarray
    at_maturity: np.ndarray
    luck: np.ndarray
    prob: np.ndarray
    onset: np.ndarray  # day from which a defaulted note is past due, NaT for the others
    cured: np.ndarray  # day on which a defaulted note was paid, NaT
    closed: np.ndarray  # day on which the note was paid or renewed, NaT
    renews: np.ndarray  # index of the note it renews, -1
    hidden: np.ndarray  # renewed to hide arrears
    extended: np.ndarray

    def __len__(self) -> int:
        return len(self.slot)


@dataclass(frozen=True)
class Measures:
    """What was done in which village: the month it starts, and the true effect on the log-odds."""

    village: np.ndarray
    kind: np.ndarray
    start: np.ndarray
    chosen_by: np.ndarray

    def effect(self, village: np.ndarray, month: int) -> np.ndarray:
        """The sum of the effects in these villages in a month."""
        total = np.zeros(village.max() + 1 if len(village) else 1)
        months = month - self.start
        strength = np.array([MEASURES[k] for k in self.kind])
        fade = np.where(self.kind == "enforcement_drive", np.clip(1 - months / 12, 0, 1), 1.0)
        live = (months >= 3) & (self.village < len(total))
        np.add.at(total, self.village[live], (strength * fade)[live])
        return total[village]


def lend(people: People, slots: Slots, officers: Officers, risk: Risk, seed: int) -> tuple[Notes, Measures]:
    """All notes of the county and the measures taken."""
    course = _Course(people, slots, officers, risk, seed)
    for month in range(LAST_MONTH + 1):
        if month == month_index("2023-01"):
            course.choose_villages()
        course.grant(month)
        course.fail(month)
        course.close(month)
    return course.notes(), course.measures


class _Course:
    """The state of the simulation; `grant`, `fail` and `close` are the three events of a month."""

    def __init__(self, people: People, slots: Slots, officers: Officers, risk: Risk, seed: int) -> None:
        self.people, self.slots, self.officers, self.risk = people, slots, officers, risk
        self.rng = stream(seed, "lending")
        n = len(slots)
        self.next_start = slots.start.copy()
        self.open = np.full(n, -1)  # index of the open note
        self.renewing = np.full(n, -1)
        self.hiding = np.zeros(n, dtype=bool)
        self.group_fell = np.full(max(slots.group.max() + 1, 1), -NEVER)
        self.count = 0
        self.size = 64
        self.store = {k: np.zeros(self.size, dtype=t) for k, t in _FIELDS.items()}
        self.measures = self._first_measures()

    # -- events ----------------------------------------------------------------------------------------------------

    def grant(self, month: int) -> None:
        """New notes for the slots whose time has come; harvest loans wait for their month."""
        ready = np.flatnonzero((self.next_start <= month) & (self.open < 0))
        crop = self.people.crop[self.slots.household[ready]]
        sown, _ = harvest_months(crop)
        waits = (self.slots.plan[ready] == 3) & (month % 12 != sown) & (self.renewing[ready] < 0)
        ready = ready[~waits]
        if not len(ready):
            return
        rows = self._append(ready, month)
        self.open[ready] = rows
        self.renewing[ready], self.hiding[ready] = -1, False

    def fail(self, month: int) -> None:
        """The notes whose date has come are drawn; those that fail fall due, or are renewed to hide it."""
        slot = np.flatnonzero(self.open >= 0)
        slot = slot[self.store["onset_month"][self.open[slot]] == month]
        note = self.open[slot]
        log_odds = self._log_odds(slot, note, month)
        self.store["prob"][note] = sigmoid(log_odds)
        fails = (self.store["luck"][note] < sigmoid(log_odds)) & (month >= FIRST_MONTH)
        hides = fails & self.store["at_maturity"][note] & (self.rng.random(len(slot)) < HIDE)
        written = self.slots.ring[slot] | (self.slots.chain[slot] > 0)  # these fail openly
        hides &= (month > FIRST_MONTH) & ~written & ~self.store["hidden"][note]
        self._renew(slot[hides], note[hides], month, hidden=True)
        self._default(slot[fails & ~hides], note[fails & ~hides], month)

    def close(self, month: int) -> None:
        """Notes due this month that did not fail are paid, a few after the day; then the next note is planned."""
        slot = np.flatnonzero(self.open >= 0)
        note = self.open[slot]
        due = (self.store["due"][note].astype("datetime64[M]") - START).astype(int) == month
        slot, note = slot[due & np.isnat(self.store["onset"][note])], note[due & np.isnat(self.store["onset"][note])]
        n = len(slot)
        late_prob = sigmoid(self._log_odds(slot, note, month) * 0.9 + 0.2)
        late = np.where(self.rng.random(n) < late_prob, self._late_days(n), 0)
        renewed = (self.rng.random(n) < 0.12) & (late == 0) & ~self.slots.once[slot]
        extended = (self.rng.random(n) < 0.03) & (late == 0) & ~renewed
        self._renew(slot[renewed], note[renewed], month, hidden=False)
        paid = ~renewed
        wait = np.where(extended, self.rng.integers(90, 180, n), late)
        self.store["extended"][note] = extended
        self.store["closed"][note[paid]] = (self.store["due"][note] + wait)[paid]
        self._plan_next(slot[paid], (month + 1 + wait // 30)[paid])

    def choose_villages(self) -> None:
        """Cadres go to the tenth of the villages with the worst rate of defaulted notes in 2021 and 2022."""
        used = slice(0, self.count)
        village = self.slots.village[self.store["slot"][used]]
        n = int(self.risk.village.max()) + 1
        due = self.store["due"][used]
        recent = (due >= np.datetime64("2021-01-01")) & (due < np.datetime64("2023-01-01"))
        bad = recent & ~np.isnat(self.store["onset"][used])
        notes, bads = np.bincount(village[recent], minlength=n), np.bincount(village[bad], minlength=n)
        rate = np.where(notes >= 8, bads / np.maximum(notes, 1), -1.0)
        worst = np.argsort(-rate, kind="stable")[: max(1, n // 10)]
        start = np.where(np.arange(len(worst)) % 2 == 0, month_index("2023-01"), month_index("2023-07"))
        old = self.measures
        self.measures = Measures(
            np.append(old.village, worst),
            np.append(old.kind, np.full(len(worst), "seconded_cadre")),
            np.append(old.start, start),
            np.append(old.chosen_by, np.full(len(worst), "worst_rate")),
        )

    def notes(self) -> Notes:
        return Notes(**{k: self.store[k][: self.count].copy() for k in _FIELDS})

    # -- parts of events -------------------------------------------------------------------------------------------

    def _append(self, slot: np.ndarray, month: int) -> np.ndarray:
        rows = np.arange(self.count, self.count + len(slot))
        self.count += len(slot)
        while self.count > self.size:
            self.size *= 2
            self.store = {k: np.resize(v, self.size) for k, v in self.store.items()}
        granted = day_of(np.full(len(slot), START + month), self.slots.day[slot])
        again = self.renewing[slot]
        granted = np.where(again >= 0, self.store["due"][np.maximum(again, 0)], granted)
        due_month, due = self._due(slot, month)
        onset_month, at_maturity = self._payment_date(slot, month, due_month)
        luck = np.where(self.slots.ring[slot] | (self.slots.chain[slot] == 1), 0.0, self.rng.random(len(slot)))
        written = {
            "slot": slot,
            "officer": self._officer(slot, month),
            "granted": granted,
            "due": due,
            "onset_month": onset_month,
            "at_maturity": at_maturity,
            "luck": luck,
            "prob": np.nan,
            "onset": np.datetime64("NaT"),
            "cured": np.datetime64("NaT"),
            "closed": np.datetime64("NaT"),
            "renews": again,
            "hidden": self.hiding[slot],
            "extended": False,
        }
        for name, values in written.items():
            self.store[name][rows] = values
        return rows

    def _due(self, slot: np.ndarray, month: int) -> tuple[np.ndarray, np.ndarray]:
        """Due month and day: by term, or at the harvest."""
        _, harvest = harvest_months(self.people.crop[self.slots.household[slot]])
        to_harvest = (harvest - month - 1) % 12 + 1
        is_harvest = self.slots.plan[slot] == 3
        due_month = month + np.where(is_harvest, to_harvest, self.slots.term[slot])
        day = np.where(is_harvest, 20, self.slots.day[slot])
        return due_month, day_of(START + due_month, day)

    def _payment_date(self, slot: np.ndarray, month: int, due_month: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The month in which the note is drawn: an earlier payment date for some plans, else maturity."""
        plan = self.slots.plan[slot]
        early, first, step = payment_dates(plan, month, due_month)
        share = early_share(plan, early)
        pick = first + step * np.floor(self.rng.random(len(slot)) * early).astype(int)
        is_early = (self.rng.random(len(slot)) < share) & ~self.slots.ring[slot] & (self.slots.chain[slot] == 0)
        return np.where(is_early, pick, due_month), ~is_early

    def _officer(self, slot: np.ndarray, month: int) -> np.ndarray:
        village = self.slots.village[slot]
        officers = self.officers
        main = np.where(month < month_index("2022-01"), officers.main[village], officers.later[village])
        main = np.where((officers.main[village] == officers.bad) & (month < LEAVES), officers.bad, main)
        colleague = self.rng.integers(0, len(officers.branch) - 1, len(slot))
        same = officers.branch[colleague] == officers.branch[main]
        other = (self.rng.random(len(slot)) < 0.6) & same & ~self.slots.ring[slot]
        return np.where(other, colleague, main)

    def _log_odds(self, slot: np.ndarray, note: np.ndarray, month: int) -> np.ndarray:
        household = self.slots.household[slot]
        group = self.slots.group[slot]
        fell = (group >= 0) & (month - self.group_fell[np.maximum(group, 0)] <= 14)
        push = np.where(self.slots.chain[slot] == 2, CHAIN_CONTAGION, CONTAGION)
        return (
            self.risk.log_odds(household, self.store["officer"][note], month)
            + self.measures.effect(self.slots.village[slot], month)
            + np.where(fell, push, 0)
            + HIDDEN * self.store["hidden"][note]
        )

    def _default(self, slot: np.ndarray, note: np.ndarray, month: int) -> None:
        at_maturity = self.store["at_maturity"][note]
        plan = self.slots.plan[slot]
        interest_day = day_of(np.full(len(slot), START + month), np.where(plan == 0, self.slots.day[slot], 21))
        onset = np.where(at_maturity, self.store["due"][note], interest_day)
        self.store["onset"][note] = onset
        cures = (self.rng.random(len(slot)) < 0.27) & ~self.slots.ring[slot]
        cured = np.where(cures, onset + self.rng.integers(100, 330, len(slot)), np.datetime64("NaT"))
        self.store["cured"][note] = cured
        self.store["closed"][note] = cured
        joined = self.slots.group[slot] >= 0
        self.group_fell[self.slots.group[slot][joined]] = month
        self._plan_next(slot, np.where(cures & (self.rng.random(len(slot)) < 0.4), month + 18, NEVER))

    def _renew(self, slot: np.ndarray, note: np.ndarray, month: int, *, hidden: bool) -> None:
        """The note is paid on its due day out of a new note of the same day."""
        self.store["closed"][note] = self.store["due"][note]
        self.open[slot], self.next_start[slot] = -1, month
        self.renewing[slot], self.hiding[slot] = note, hidden
        if len(slot):
            rows = self._append(slot, month)
            self.open[slot] = rows
            self.renewing[slot], self.hiding[slot] = -1, False

    def _plan_next(self, slot: np.ndarray, month: np.ndarray) -> None:
        gap = self.rng.choice([0, 1, 2, 8, NEVER], len(slot), p=(0.5, 0.22, 0.1, 0.1, 0.08))
        self.open[slot] = -1
        self.next_start[slot] = np.where(self.slots.once[slot] | self.slots.ring[slot], NEVER, month + gap)

    def _late_days(self, n: int) -> np.ndarray:
        return np.clip(3 + self.rng.exponential(28, n), 3, 80).astype(int)

    def _first_measures(self) -> Measures:
        """Financial education in villages drawn by lot, enforcement drives in villages that officers name."""
        n = int(self.risk.village.max()) + 1
        rng = self.rng
        taught = rng.choice(n, max(1, n // 8), replace=False)
        seen = self.risk.village_effect + rng.normal(0, 0.5, n)
        driven = np.argsort(-seen, kind="stable")[: max(1, n // 20)]
        return Measures(
            np.append(taught, driven),
            np.append(np.full(len(taught), "financial_education"), np.full(len(driven), "enforcement_drive")),
            np.append(np.full(len(taught), month_index("2022-03")), np.full(len(driven), month_index("2023-10"))),
            np.append(np.full(len(taught), "random"), np.full(len(driven), "judgement")),
        )


def payment_dates(plan: np.ndarray, granted: np.ndarray | int, due: np.ndarray) -> tuple[np.ndarray, ...]:
    """How many payment months lie before maturity, the first of them, and the step from one to the next."""
    granted = np.asarray(granted)
    quarter = 3 * ((granted - 2) // 3 + 1) + 2  # March, June, September, December
    monthly = (plan == 0) | (plan == 1) | (plan == 4)
    first = np.where(monthly, granted + 1, quarter)
    step = np.where(monthly, 1, 3)
    count = np.where(plan == 3, 0, np.maximum((due - 1 - first) // step + 1, 0))
    return count, first, step


def early_share(plan: np.ndarray, early: np.ndarray) -> np.ndarray:
    """The probability that a note's one chance of default lies before maturity."""
    return np.where(plan == 0, early / (early + 1), np.where(early > 0, 0.3, 0.0))


_FIELDS: dict[str, str] = {
    "slot": "int64",
    "officer": "int64",
    "granted": "datetime64[D]",
    "due": "datetime64[D]",
    "onset_month": "int64",
    "at_maturity": "bool",
    "luck": "float64",
    "prob": "float64",
    "onset": "datetime64[D]",
    "cured": "datetime64[D]",
    "closed": "datetime64[D]",
    "renews": "int64",
    "hidden": "bool",
    "extended": "bool",
}
