"""The sample county: `make_county` puts its parts together, `World` is what comes out.

The county is invented. Use it to learn the package, to test it, and to see how far a study can be trusted, because the
truth is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from creditlab.data.schema import TABLES
from creditlab.data.world import book, court, departments, money, permissions, places, truth, visits
from creditlab.data.world.borrowers import Demand, Slots, make_demand, make_slots
from creditlab.data.world.ends import Ends, make_ends, make_late_payments
from creditlab.data.world.lending import Measures, Notes, lend
from creditlab.data.world.people import (
    People,
    Register,
    households_table,
    make_people,
    make_register,
    members_table,
    wrong_codes,
)
from creditlab.data.world.raw import RawFiles, make_raw
from creditlab.data.world.risk import Officers, Risk, make_officers, make_risk
from creditlab.data.world.villages import Villages, geojson, make_villages, village_changes_table, villages_table
from creditlab.errors import InputError, message
from creditlab.results import digest


@dataclass(frozen=True)
class World:
    """A county: its tables by name, the truth beside them, the map of its villages, and a few raw files."""

    tables: dict[str, pd.DataFrame]
    truth: dict[str, pd.DataFrame]
    geojson: dict[str, Any]
    raw: RawFiles
    seed: int

    def digest(self) -> str:
        """The digest of all contents: 16 hexadecimal digits."""
        frames = [self.tables[name] for name in TABLES] + [self.truth[name] for name in sorted(self.truth)]
        return digest(*frames, self.geojson, self.raw.digest())

    def __repr__(self) -> str:
        rows = sum(len(t) for t in self.tables.values())
        return f"World(villages={self.tables['villages']['village_id'].nunique()}, seed={self.seed}, rows={rows})"


@dataclass(frozen=True)
class _Parts:
    """The simulated county before it becomes tables."""

    villages: Villages
    people: People
    register: Register
    written: np.ndarray
    officers: Officers
    demand: Demand
    slots: Slots
    risk: Risk
    notes: Notes
    measures: Measures
    ends: Ends
    facts: departments.Facts
    seed: int


def make_county(villages: int = 120, seed: int = 7, households_per_village: int = 60) -> World:
    """An invented county with its truth; the same arguments give the same values.

    Parameters
    ----------
    villages : number of villages, 10 or more.
    seed : seed of all random streams; each table has its own.
    households_per_village : mean number of households; sizes are lognormal.

    Returns
    -------
    World with every table of `creditlab.data.schema.TABLES`.

    >>> make_county(12, seed=1, households_per_village=20).tables["villages"]["village_id"].nunique()
    12
    """
    for name, value, least in (("villages", villages, 10), ("households_per_village", households_per_village, 20)):
        if not isinstance(value, int | np.integer) or value < least:
            raise InputError(
                message(f"a whole number of {least} or more", repr(value), name, "Ask for a larger county.")
            )
    parts = _simulate(int(villages), int(households_per_village), seed)
    tables, planted = _tables(parts)
    tables = {name: tables[name] for name in TABLES}
    raw = make_raw(parts.people, parts.register, parts.villages, parts.written, tables, seed)
    truth = _truth(parts, planted, tables) | {"links": raw.truth}
    return World(tables, truth, geojson(parts.villages), raw, seed)


def _simulate(n: int, per_village: int, seed: int) -> _Parts:
    villages = make_villages(n, per_village, seed)
    people = make_people(villages, seed)
    register = make_register(people, seed)
    officers = make_officers(villages, seed)
    demand = make_demand(people, villages, seed)
    slots = make_slots(people, villages, demand, seed)
    risk = make_risk(people, villages, officers, demand.granted, seed)
    notes, measures = lend(people, slots, officers, risk, seed)
    facts = departments.Facts(
        people,
        register,
        permissions.make_consents(demand.granted, seed),
        permissions.make_links(n, seed),
        permissions.make_filed(people, seed),
        risk,
        demand.granted,
    )
    written = wrong_codes(people, villages, seed)
    ends = make_ends(notes, slots, seed)
    return _Parts(
        villages, people, register, written, officers, demand, slots, risk, notes, measures, ends, facts, seed
    )


def _tables(p: _Parts) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """All tables, and the planted differences of the control totals."""
    seed, facts = p.seed, p.facts
    late_payments = make_late_payments(p.notes, p.slots, p.risk, seed)
    loans = book.loans_table(p.notes, p.slots, p.ends, p.people, p.register, p.villages, p.officers, seed)
    loan_months = book.loan_months_table(p.notes, p.slots, p.ends, late_payments, seed)
    control_totals, planted = book.control_totals_table(loan_months)
    guarantees = book.guarantees_table(p.notes, p.slots, p.register, seed)
    businesses = departments.businesses_table(facts, seed)
    seen = visits.make_visits(p.villages, facts, departments.closed_on(facts, businesses), seed)
    census = np.bincount(p.people.village, p.people.members, minlength=len(p.villages)).astype(int)
    tables = {
        "villages": villages_table(p.villages, census, seed),
        "village_changes": village_changes_table(p.villages, seed),
        "service_points": places.service_points_table(p.villages, seed),
        "village_receipts": places.village_receipts_table(p.villages, facts, seed),
        "offers": places.offers_table(p.villages, p.officers, seed),
        "interventions": places.interventions_table(p.villages, p.measures),
        "households": households_table(p.people, p.register, p.villages, p.written, facts.filed.members, seed),
        "members": members_table(p.register, seed),
        "consents": permissions.consents_table(facts.consents, p.register),
        "collection_log": visits.collection_log_table(seen, facts, seed),
        "loans": loans,
        "loan_months": loan_months,
        "control_totals": control_totals,
        "guarantees": guarantees,
        "applications": book.applications_table(p.notes, p.slots, p.demand, p.register, loans, seed),
        "deposits": money.deposits_table(facts, seed),
        "payments": money.payments_table(facts, seed),
        "credit_reports": departments.credit_reports_table(facts, seed),
        "third_party": departments.third_party_table(facts, seed),
        "businesses": businesses,
        "tax": departments.tax_table(facts, seed),
        "social_security": departments.social_security_table(facts, seed),
        "housing_fund": departments.housing_fund_table(facts, seed),
        "agriculture": departments.agriculture_table(facts, seed),
        "programmes": departments.programmes_table(facts, seed),
        "medical_arrears": departments.medical_arrears_table(facts, seed),
        "judgments": court.judgments_table(p.notes, p.slots, p.ends, p.villages, facts, guarantees, seed),
        "civility_events": places.civility_events_table(p.villages, facts, seed),
    }
    return tables, planted


def _truth(p: _Parts, planted: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    planted = planted.astype({"class5": "str", "why": "str"})
    closed = departments.closed_on(p.facts, tables["businesses"])
    seen = visits.make_visits(p.villages, p.facts, closed, p.seed)
    return {
        "households": truth.households_truth(p.people, p.register, p.villages, p.written, p.slots, p.demand, p.risk),
        "villages": truth.villages_truth(p.people, p.villages, p.demand, p.risk),
        "officers": truth.officers_truth(p.officers),
        "interventions": truth.interventions_truth(p.villages, p.measures),
        "conflicts": truth.conflicts_truth(p.people, p.register, p.facts.filed, seen),
        "facts": truth.facts_truth(p.people, p.register, p.villages, p.facts, closed),
        "notes": truth.notes_truth(p.notes, p.slots, book.open_in_span(p.notes)),
        "performance": truth.performance_truth(p.notes, p.slots, p.register, p.risk, p.measures),
        "ledger_differences": planted,
    }
