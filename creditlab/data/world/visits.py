"""The collection log: what was asked of whom, when, through which port, with which outcome, and what was stated."""

from __future__ import annotations

import numpy as np
import pandas as pd

from creditlab.data.world.departments import Facts
from creditlab.data.world.permissions import CONSENT_SOURCES, LINKED_SOURCES
from creditlab.data.world.streams import only_where, stream, table
from creditlab.data.world.villages import Villages

NAT = np.datetime64("NaT", "D")
OUTCOMES = ("done", "refused", "not_authorised", "not_connected")


def collection_log_table(villages: Villages, facts: Facts, seed: int) -> pd.DataFrame:
    """The table `collection_log`: the survey of each household, and one request per household and source."""
    survey, requests = _surveys(villages, facts, seed), _requests(facts, seed)
    columns = {k: np.concatenate([survey[k], requests[k]]) for k in survey}
    requested = columns["requested_on"]
    recorded = columns["recorded_on"]
    known = np.where(np.isnat(recorded), requested, recorded)
    return table("collection_log", columns, requested, known, columns.pop("port"))


def _surveys(villages: Villages, facts: Facts, seed: int) -> dict[str, np.ndarray]:
    """Visits of 2020 to 2021 to nine in ten households, and of 2023 to a third; villages are visited in turn."""
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
    side = facts.disagreements.side["business"][h]
    owner = people.business[h] >= 0
    business = np.where(owner ^ (side == 1), "open", "none")
    business = np.where(owner & (side == 2), "closed", business)
    income = np.round(people.income[h] * np.exp(rng.normal(0, 0.15, len(h))), -3)
    columns = {
        "household_id": facts.register.household_id[h],
        "covers": np.full(len(h), "survey", dtype=object),
        "requested_on": day,
        "recorded_on": np.where(done, day + wait, NAT),
        "outcome": np.where(done, "done", "refused").astype(object),
        "stated_income": np.where(consented, income, np.nan),
        "stated_area": np.where(done, facts.disagreements.area_stated[h], np.nan),
        "stated_members": np.where(done, facts.disagreements.members_stated[h], np.nan),
        "stated_business": only_where(done, business),
        "stated_village_id": only_where(done, villages.code[people.village[h]]),
        "port": port.astype(object),
    }
    return columns


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
