"""The collection log: what was asked of whom, when, through which port, with which outcome, and what was stated.

Each port states facts with errors of its own: an officer of the bank who walks the fields errs least, a household that
fills in a form on its telephone most. What was true on the day of a visit may have ended since.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from creditlab.data.world.departments import Facts
from creditlab.data.world.permissions import CONSENT_SOURCES, FACTS, LINKED_SOURCES, other_area, other_members
from creditlab.data.world.streams import only_where, stream, table
from creditlab.data.world.villages import Villages

NAT = np.datetime64("NaT", "D")
OUTCOMES = ("done", "refused", "not_authorised", "not_connected")
#: share of wrong statements on a fact, by port; of the village a third of that, of the income none but noise
PORT_ERRORS = {"bank": 0.012, "government": 0.025, "self": 0.06}
#: log standard deviation of a stated income, by port
INCOME_NOISE = {"bank": 0.12, "government": 0.16, "self": 0.25}


@dataclass(frozen=True)
class Visits:
    """The visits as arrays, one value per visit, and which of their statements are wrong."""

    household: np.ndarray
    day: np.ndarray
    port: np.ndarray
    done: np.ndarray
    recorded: np.ndarray
    income: np.ndarray
    area: np.ndarray
    members: np.ndarray
    business: np.ndarray
    village: np.ndarray
    wrong: dict[str, np.ndarray]


def make_visits(villages: Villages, facts: Facts, closed: np.ndarray, seed: int) -> Visits:
    """Visits of 2020 to 2021 to nine in ten households, and of 2023 to a third; villages are visited in turn.

    `closed` is the day on which each household's business closed, blank where it did not.
    """
    rng = stream(seed, "surveys")
    people, n = facts.people, len(facts.people)
    first, again = np.flatnonzero(rng.random(n) < 0.9), np.flatnonzero(rng.random(n) < 0.33)
    h = np.concatenate([first, again])
    base = np.repeat(np.array(["2020-04-01", "2023-03-01"], dtype="datetime64[D]"), [len(first), len(again)])
    tour = rng.integers(0, 480, len(villages))[people.village[h]]
    day = base + tour + rng.integers(0, 6, len(h))
    port = rng.choice(["bank", "government", "self"], len(h), p=(0.55, 0.35, 0.10))
    done = rng.random(len(h)) < 0.94
    wait = np.where(rng.random(len(h)) < 0.05, rng.integers(120, 300, len(h)), rng.integers(0, 12, len(h)))
    consented = facts.consents.shared("collection_log", rng)[h] & done
    return _stated(villages, facts, closed, h, day, port, done, wait, consented, stream(seed, "statements"))


def _stated(
    villages: Villages,
    facts: Facts,
    closed: np.ndarray,
    h: np.ndarray,
    day: np.ndarray,
    port: np.ndarray,
    done: np.ndarray,
    wait: np.ndarray,
    consented: np.ndarray,
    rng: np.random.Generator,
) -> Visits:
    """What each visit states, wrong as often as its port errs."""
    people, m = facts.people, len(h)
    share = np.array([PORT_ERRORS[p] for p in port])
    wrong = {fact: rng.random(m) < share for fact in FACTS} | {"village": rng.random(m) < share / 3}
    noise = np.array([INCOME_NOISE[p] for p in port]) * rng.normal(0, 1, m)
    area = np.where(wrong["area"], other_area(people.area[h], rng), people.area[h])
    members = np.where(wrong["members"], other_members(people.members[h], rng), people.members[h])
    owner = people.business[h] >= 0
    shut = owner & (facts.filed.wrong["business"][h] | (closed[h] <= day))
    business = np.select([~owner, shut], ["none", "closed"], "open").astype(object)
    other = np.where(business == "none", "open", np.where(rng.random(m) < 0.5, "none", "closed"))
    business = np.where(wrong["business"], np.where(business == "closed", "open", other), business)
    home = people.village[h]
    step = rng.choice([-1, 1], m)
    beside = np.where((home + step < 0) | (home + step >= len(villages)), home - step, home + step)
    return Visits(
        household=h,
        day=day,
        port=port.astype(object),
        done=done,
        recorded=np.where(done, day + wait, NAT),
        income=np.where(consented, np.round(people.income[h] * np.exp(noise), -3), np.nan),
        area=np.where(done, area, np.nan),
        members=np.where(done, members, np.nan),
        business=only_where(done, business),
        village=only_where(done, villages.code[np.where(wrong["village"], beside, home)]),
        wrong={fact: side & done for fact, side in wrong.items()},
    )


def collection_log_table(visits: Visits, facts: Facts, seed: int) -> pd.DataFrame:
    """The table `collection_log`: the visits, and one request per household and source."""
    survey, requests = _surveys(visits, facts), _requests(facts, seed)
    columns = {k: np.concatenate([survey[k], requests[k]]) for k in survey}
    requested = columns["requested_on"]
    recorded = columns["recorded_on"]
    known = np.where(np.isnat(recorded), requested, recorded)
    return table("collection_log", columns, requested, known, columns.pop("port"))


def _surveys(visits: Visits, facts: Facts) -> dict[str, np.ndarray]:
    return {
        "household_id": facts.register.household_id[visits.household],
        "covers": np.full(len(visits.household), "survey", dtype=object),
        "requested_on": visits.day,
        "recorded_on": visits.recorded,
        "outcome": np.where(visits.done, "done", "refused").astype(object),
        "stated_income": visits.income,
        "stated_area": visits.area,
        "stated_members": visits.members,
        "stated_business": visits.business,
        "stated_village_id": visits.village,
        "port": visits.port,
    }


def _requests(facts: Facts, seed: int) -> dict[str, np.ndarray]:
    """One request per household and connected source; the outcome says why there is no answer."""
    rng = stream(seed, "requests")
    n, k = len(facts.people), len(LINKED_SOURCES)
    linked = np.column_stack([facts.linked(s) for s in LINKED_SOURCES])
    needs = np.array([s in CONSENT_SOURCES for s in LINKED_SOURCES])
    given = np.column_stack(
        [
            facts.consents.given[:, CONSENT_SOURCES.index(s)] if s in CONSENT_SOURCES else np.full(n, NAT)
            for s in LINKED_SOURCES
        ]
    )
    tour = np.datetime64("2020-06-01") + rng.integers(0, 300, facts.people.village.max() + 1)
    day = np.repeat(tour[facts.people.village][:, None], k, axis=1)
    refused = rng.random((n, k)) < 0.01
    outcome = np.select(
        [~linked, refused, needs & ~(given <= day)], ["not_connected", "refused", "not_authorised"], "done"
    ).astype(object)
    done = outcome == "done"
    size = n * k
    return {
        "household_id": np.repeat(facts.register.household_id, k),
        "covers": np.tile(np.array(LINKED_SOURCES, dtype=object), n),
        "requested_on": day.ravel(),
        "recorded_on": np.where(done, day + 10, NAT).ravel(),
        "outcome": outcome.ravel(),
        "stated_income": np.full(size, np.nan),
        "stated_area": np.full(size, np.nan),
        "stated_members": np.full(size, np.nan),
        "stated_business": np.full(size, None, dtype=object),
        "stated_village_id": np.full(size, None, dtype=object),
        "port": np.tile(np.array(["government"] * (k - 1) + ["enterprise"], dtype=object), n),
    }
