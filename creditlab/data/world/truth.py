"""What the sample county knows of itself: the truth beside the tables, for tests and for judging a study.

No table of the county and no study may read it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from creditlab.data.world.book import note_ids
from creditlab.data.world.borrowers import Demand, Slots
from creditlab.data.world.departments import Facts
from creditlab.data.world.lending import FIRST_MONTH, Measures, Notes, early_share, payment_dates
from creditlab.data.world.people import People, Register
from creditlab.data.world.permissions import FACTS, Filed
from creditlab.data.world.places import intervention_ids
from creditlab.data.world.risk import MEASURES, Officers, Risk, sigmoid
from creditlab.data.world.streams import COHORTS, START, typed
from creditlab.data.world.villages import Villages
from creditlab.data.world.visits import Visits


def households_truth(
    people: People,
    register: Register,
    villages: Villages,
    written: np.ndarray,
    slots: Slots,
    demand: Demand,
    risk: Risk,
) -> pd.DataFrame:
    """Per household: its true village, the parts of its log-odds, and its PD in an ordinary year and with an ordinary
    officer (`pd`), or in a village without effect (`pd_origin`)."""
    ring, chain = np.zeros(len(people), dtype=bool), np.zeros(len(people), dtype=bool)
    ring[slots.household[slots.ring]] = True
    chain[slots.household[slots.chain > 0]] = True
    effect = villages.effect[people.village]
    return _frame(
        {
            "household_id": ("id", register.household_id),
            "village_id": ("code", villages.code[people.village]),
            "written_village_id": ("code", villages.code[written]),
            "origin": ("number", np.round(people.origin, 6)),
            "unseen": ("number", np.round(people.unseen, 6)),
            "pd": ("number", np.round(sigmoid(risk.household + effect), 6)),
            "pd_origin": ("number", np.round(sigmoid(people.origin + risk.intercept), 6)),
            "asks": ("flag", demand.asks),
            "borrower": ("flag", demand.granted),
            "grant_prob": ("number", np.round(demand.grant_prob, 6)),
            "ring": ("flag", ring),
            "chain": ("flag", chain),
        }
    )


def villages_truth(people: People, villages: Villages, demand: Demand, risk: Risk) -> pd.DataFrame:
    """Per village: its effect and parts of it, its true composition (mean of the origin log-odds and PD of its
    borrowers), and the part it plays."""
    n = len(villages)
    v, b = people.village, demand.granted
    count = np.maximum(np.bincount(v[b], minlength=n), 1)
    origin = np.bincount(v[b], people.origin[b], minlength=n) / count
    prob = np.bincount(v[b], sigmoid(people.origin + risk.intercept)[b], minlength=n) / count
    return _frame(
        {
            "village_id": ("code", villages.code),
            "effect": ("number", np.round(villages.effect, 6)),
            "spatial": ("number", np.round(villages.spatial, 6)),
            "own": ("number", np.round(villages.own, 6)),
            "composition": ("number", np.round(origin, 6)),
            "composition_pd": ("number", np.round(prob, 6)),
            "borrowers": ("number", np.bincount(v[b], minlength=n)),
            "part": ("text", villages.part),
        }
    )


def officers_truth(officers: Officers) -> pd.DataFrame:
    """Per officer: branch, effect on the log-odds, and whether this is the one who lends badly."""
    return _frame(
        {
            "officer": ("text", officers.names),
            "branch": ("text", officers.branch),
            "effect": ("number", np.round(officers.effect, 6)),
            "bad": ("flag", np.arange(len(officers.branch)) == officers.bad),
        }
    )


def interventions_truth(villages: Villages, measures: Measures) -> pd.DataFrame:
    """Per intervention: its true effect on the log-odds from the third month on, and whether it fades."""
    order = np.lexsort((measures.village, measures.start))
    kind = measures.kind[order]
    return _frame(
        {
            "intervention_id": ("id", intervention_ids(len(order))),
            "village_id": ("code", villages.code[measures.village[order]]),
            "effect": ("number", np.array([MEASURES[k] for k in kind])),
            "fades": ("flag", kind == "enforcement_drive"),
        }
    )


def conflicts_truth(people: People, register: Register, filed: Filed, visits: Visits) -> pd.DataFrame:
    """Per household and fact on which two sources disagree by error: which is wrong, and the true value."""
    business = (people.business >= 0).astype(int)
    true = {"area": people.area, "members": people.members, "business": business}
    place = {"area": "agriculture", "members": "households", "business": "businesses"}
    rows = []
    for fact in FACTS:
        stated = np.bincount(visits.household, visits.wrong[fact], minlength=len(people)) > 0
        false = filed.wrong[fact] & ((people.business >= 0) | (fact != "business"))
        h = np.flatnonzero(stated | false)
        wrong = np.select([stated[h] & false[h], stated[h]], ["both", "stated"], "filed")
        value = np.where((fact == "business") & false[h], 0, true[fact][h])
        rows.append(
            pd.DataFrame(
                {
                    "household_id": register.household_id[h],
                    "fact": fact,
                    "filed_in": place[fact],
                    "wrong": wrong,
                    "true_value": value,
                }
            )
        )
    joined = pd.concat(rows, ignore_index=True)
    kinds = {"household_id": "id", "fact": "text", "filed_in": "text", "wrong": "text", "true_value": "number"}
    return _frame({name: (kind, joined[name].to_numpy()) for name, kind in kinds.items()})


def facts_truth(
    people: People, register: Register, villages: Villages, facts: Facts, closed: np.ndarray
) -> pd.DataFrame:
    """Per household: the true area, income, members, village and business, with the day on which the business closed.

    `business` is none, open, or closed (closed long ago, though a registry may still show it open).
    """
    owner = people.business >= 0
    gone = owner & facts.filed.wrong["business"]
    return _frame(
        {
            "household_id": ("id", register.household_id),
            "area": ("number", people.area),
            "income": ("number", people.income),
            "members": ("number", people.members),
            "village": ("code", villages.code[people.village]),
            "business": ("text", np.select([~owner, gone], ["none", "closed"], "open")),
            "business_closed_on": ("date", np.where(owner & ~gone, closed, np.datetime64("NaT"))),
        }
    )


def notes_truth(notes: Notes, slots: Slots, rows: np.ndarray) -> pd.DataFrame:
    """Per note: the probability it was drawn with, the day it failed, hidden arrears, ring, chain and joint group."""
    slot = notes.slot
    return _frame(
        {
            "note_id": ("id", note_ids(notes)),
            "pd": ("number", np.round(notes.prob, 6)),
            "failed_on": ("date", notes.onset),
            "hidden_arrears": ("flag", notes.hidden),
            "ring": ("flag", slots.ring[slot]),
            "chain": ("number", slots.chain[slot]),
            "joint_group": ("number", np.where(slots.group[slot] >= 0, slots.group[slot], np.nan)),
        }
    )[rows].reset_index(drop=True)


def performance_truth(notes: Notes, slots: Slots, register: Register, risk: Risk, measures: Measures) -> pd.DataFrame:
    """Per household with an open performing note on a cohort date: the PD of going bad by maturity.

    The PD is of the notes open on the date, given the year that followed; contagion between guarantors and the arrears
    that a renewal hides are left out. `failing` marks those that are already on their way, fewer than 90 days past due:
    their PD is 1.
    """
    frames = []
    for day in COHORTS:
        month = int((day.astype("datetime64[M]") - START).astype(int))
        live = (notes.granted <= day) & ~(notes.closed <= day) & ~(notes.onset + 90 <= day)
        note = np.flatnonzero(live)
        slot = notes.slot[note]
        log_odds = risk.log_odds(slots.household[slot], notes.officer[note], month + 6)
        p = sigmoid(log_odds + measures.effect(slots.village[slot], month + 6))
        ahead = _share_ahead(notes, slots, note, month)
        failing = notes.onset[note] <= day
        prob = np.where(failing, 1 - 1e-9, p * ahead / (1 - p * (1 - ahead)))
        frame = pd.DataFrame({"household": slots.household[slot], "safe": np.log1p(-prob), "failing": failing})
        by_household = frame.groupby("household")
        safe, stopped = by_household["safe"].sum(), by_household["failing"].max()
        frames.append(
            _frame(
                {
                    "household_id": ("id", register.household_id[safe.index.to_numpy()]),
                    "as_of": ("date", np.full(len(safe), day)),
                    "pd": ("number", np.round(1 - np.exp(safe.to_numpy()), 6)),
                    "failing": ("flag", stopped.to_numpy()),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _share_ahead(notes: Notes, slots: Slots, note: np.ndarray, month: int) -> np.ndarray:
    """The probability that a note's date of default lies after a month."""
    plan = slots.plan[notes.slot[note]]
    granted = (notes.granted[note].astype("datetime64[M]") - START).astype(int)
    due = (notes.due[note].astype("datetime64[M]") - START).astype(int)
    early, first, step = payment_dates(plan, granted, due)
    gone = np.clip((max(month, FIRST_MONTH) - first) // step + 1, 0, early)
    share = early_share(plan, early)
    ahead_early = np.where(early > 0, 1 - gone / np.maximum(early, 1), 0.0)
    return np.where(due > month, share * ahead_early + 1 - share, 0.0)


def _frame(columns: dict[str, tuple[str, np.ndarray]]) -> pd.DataFrame:
    n = len(next(iter(columns.values()))[1])
    return pd.DataFrame({name: typed(values, kind, n) for name, (kind, values) in columns.items()})
