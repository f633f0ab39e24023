"""Who has consented to what, which sources are connected where, and what is filed wrongly.

A department's table holds its consent columns for those who have consented and for a few who have not, so that a reader
has something to refuse. In a village that is not connected to a source the source has no rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from creditlab.data.world.people import People, Register
from creditlab.data.world.streams import stream, table

CONSENT_SOURCES = (
    "agriculture", "tax", "social_security", "housing_fund", "credit_reports", "third_party", "payments",
    "medical_arrears", "collection_log",
)  # fmt: skip
#: Sources that some villages are not connected to.
LINKED_SOURCES = ("agriculture", "businesses", "tax", "social_security", "housing_fund", "payments")
FACTS = ("area", "members", "business")
FILED_WRONG = 0.025
NAT = np.datetime64("NaT", "D")


@dataclass(frozen=True)
class Consents:
    """Households × sources: given on, valid to, withdrawn on (blank where there is none)."""

    given: np.ndarray
    valid_to: np.ndarray
    withdrawn: np.ndarray

    def shared(self, source: str, rng: np.random.Generator) -> np.ndarray:
        """Households whose data of a source arrive: those who consented, and 3 % of the others by mistake."""
        has = ~np.isnat(self.given[:, CONSENT_SOURCES.index(source)])
        return has | (rng.random(len(has)) < 0.03)


def make_consents(borrower: np.ndarray, seed: int) -> Consents:
    """Consents of the heads of households: 85 % of the borrowers, a third of the others, most of them by 2020."""
    rng = stream(seed, "consents")
    n, k = len(borrower), len(CONSENT_SOURCES)
    signs = rng.random(n) < np.where(borrower, 0.85, 0.33)
    has = signs[:, None] & (rng.random((n, k)) < 0.94)
    has[:, CONSENT_SOURCES.index("medical_arrears")] &= rng.random(n) < 0.3
    day = np.datetime64("2019-06-01") + np.where(rng.random(n) < 0.8, rng.integers(0, 540, n), rng.integers(0, 1700, n))
    given = np.where(has, day[:, None], NAT)
    years = rng.choice([3, 5, 6], n, p=(0.1, 0.5, 0.4))
    withdrawn = has & (rng.random((n, k)) < 0.025)
    when = given + rng.integers(100, 1300, n)[:, None]
    withdrawn &= when < np.datetime64("2025-06-30")
    return Consents(given, given + (365 * years)[:, None], np.where(withdrawn, when, NAT))


def consents_table(consents: Consents, register: Register) -> pd.DataFrame:
    """The table `consents`: a row per head of household and source."""
    household, source = np.nonzero(~np.isnat(consents.given))
    given = consents.given[household, source]
    names = np.array(CONSENT_SOURCES, dtype=object)[source]
    columns = {
        "document_no": np.array([f"D{i + 1:06d}" for i in range(len(given))], dtype=object),
        "person_id": register.head_id[household],
        "household_id": register.household_id[household],
        "covers": names,
        "purpose": np.where(names == "medical_arrears", "screening", "credit"),
        "given_on": given,
        "valid_to": consents.valid_to[household, source],
        "withdrawn_on": consents.withdrawn[household, source],
    }
    return table("consents", columns, given, given + 1, "bank")


def make_links(villages: int, seed: int) -> dict[str, np.ndarray]:
    """Per source: which villages are connected to it (nine in ten)."""
    rng = stream(seed, "links")
    return {name: rng.random(villages) < 0.9 for name in LINKED_SOURCES}


@dataclass(frozen=True)
class Filed:
    """What departments have on file of each household: which facts are wrong, and the values as filed."""

    wrong: dict[str, np.ndarray]
    members: np.ndarray
    area: np.ndarray


def make_filed(people: People, seed: int) -> Filed:
    """On each fact one household in forty is filed with a wrong value; visits add errors of their own (`visits`)."""
    rng = stream(seed, "disagreements")
    n = len(people)
    wrong = {fact: rng.random(n) >= 1 - FILED_WRONG for fact in FACTS}
    return Filed(
        wrong,
        np.where(wrong["members"], other_members(people.members, rng), people.members),
        np.where(wrong["area"], other_area(people.area, rng), people.area),
    )


def other_members(members: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A wrong number of members for each household."""
    other = np.maximum(members + rng.choice([-1, 1, 2], len(members)), 1)
    return np.where(other == members, members + 1, other)


def other_area(area: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A wrong area for each household: off by a quarter or more, as when a plot is left out or counted twice."""
    return np.round(area * rng.choice([0.5, 0.7, 1.5, 2.0], len(area)), 1) + 0.3
