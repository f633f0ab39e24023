"""The departments' tables: agriculture, business registry, tax, social security, housing fund, credit reports, third
party, health, and the honours of the leagues.

Each shows a household's facts as its department files them: by year, with noise, late, and only where the village is
connected and, for the consent columns, where the household has consented.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from creditlab.data.world.people import SECTORS, People, Register
from creditlab.data.world.permissions import Consents, Filed
from creditlab.data.world.risk import DROUGHT_CROP, DROUGHT_YEAR, Risk
from creditlab.data.world.streams import YEARS, credit_codes, late, pseudonyms, stream, table
from creditlab.data.world.villages import CROPS

NAT = np.datetime64("NaT", "D")


@dataclass(frozen=True)
class Facts:
    """What the departments know: the people, who they are, who consented, and what is filed wrongly."""

    people: People
    register: Register
    consents: Consents
    links: dict[str, np.ndarray]
    filed: Filed
    risk: Risk
    borrower: np.ndarray

    def linked(self, source: str) -> np.ndarray:
        """Households in villages that are connected to a source."""
        return self.links[source][self.people.village]


def agriculture_table(facts: Facts, seed: int) -> pd.DataFrame:
    """The table `agriculture`: a row per farming household and year, 2019 to 2024."""
    rng = stream(seed, "agriculture")
    people = facts.people
    farms = np.flatnonzero(facts.linked("agriculture") & (rng.random(len(people)) < 0.93))
    h, year = _by_year(farms)
    n = len(h)
    changed = rng.random(n) < 0.1
    area = np.round(facts.filed.area[h] * np.where(changed, rng.uniform(0.98, 1.02, n), 1.0), 1)
    side_crop = rng.integers(0, 2, len(people))[h]
    main_part = rng.choice([1.0, 0.8, 0.7], len(people))[h]
    main = np.round(area * main_part, 1)
    rest = np.round(area - main, 1)
    areas = {
        f"area_{name}": np.round(np.where(people.crop[h] == i, main, 0) + np.where(side_crop == i, rest, 0), 1)
        for i, name in enumerate(CROPS)
    }
    dry = (year == DROUGHT_YEAR) & (people.crop[h] == CROPS.index(DROUGHT_CROP))
    hit = people.insured[h] & (rng.random(n) < np.where(dry, 0.8, 0.04))
    open_to_bank = facts.consents.shared("agriculture", rng)[h]
    columns = {
        "household_id": facts.register.household_id[h],
        "year_end": _year_end(year),
        **areas,
        "livestock": np.round(people.livestock[h] * np.where(changed, 0.9, 1.0)),
        "machinery": people.machinery[h],
        "subsidy": np.round(area * 120, -1),
        "insured": np.where(open_to_bank, people.insured[h], np.nan),
        "insured_loss": np.where(open_to_bank, np.where(hit, np.round(area * 200, -1), 0), np.nan),
    }
    return table("agriculture", columns, _year_end(year), late(rng, _year_end(year), (40, 75)))


def businesses_table(facts: Facts, seed: int) -> pd.DataFrame:
    """The table `businesses`: a row per business and period of a status; some registers still show closed shops."""
    rng = stream(seed, "businesses")
    people = facts.people
    owner = np.flatnonzero((people.business >= 0) & facts.linked("businesses"))
    n = len(owner)
    opened = np.datetime64("2010-01-01") + rng.integers(0, 3000, n)
    listed = np.datetime64("2018-06-01") + rng.integers(0, 1000, n)
    closed = np.datetime64("2022-01-01") + rng.integers(0, 1000, n)
    abnormal, closes = people.abnormal[owner], rng.random(n) < 0.08
    rows = [
        (np.arange(n), opened, np.where(abnormal, listed - 1, np.where(closes, closed - 1, NAT)), "open", 0),
        (np.flatnonzero(abnormal), listed[abnormal], np.where(closes, closed - 1, NAT)[abnormal], "open", 1),
        (np.flatnonzero(closes), closed[closes], np.full(closes.sum(), NAT), "cancelled", 0),
    ]
    which = np.concatenate([r[0] for r in rows])
    order = np.argsort(which, kind="stable")
    start = np.concatenate([r[1] for r in rows])[order]
    which = which[order]
    columns = {
        "business_id": business_ids(owner)[which],
        "household_id": facts.register.household_id[owner[which]],
        "sector": np.array(SECTORS, dtype=object)[people.business[owner[which]]],
        "status": np.concatenate([np.full(len(r[0]), r[3], dtype=object) for r in rows])[order],
        "abnormal": np.concatenate([np.full(len(r[0]), r[4]) for r in rows])[order],
        "status_from": start,
        "status_to": np.concatenate([r[2] for r in rows])[order],
    }
    return table("businesses", columns, start, late(rng, start, (5, 30)))


def business_ids(household: np.ndarray) -> np.ndarray:
    """The pseudonyms of the businesses of these households: E and the keyed hash of their credit code."""
    different, place = np.unique(household, return_inverse=True)
    return ("E" + pseudonyms(credit_codes(different)))[place]


def closed_on(facts: Facts, businesses: pd.DataFrame) -> np.ndarray:
    """The day on which each household's business left the registry, blank where it did not."""
    shut = businesses[businesses["status"] == "cancelled"].set_index("household_id")["status_from"]
    return shut.reindex(facts.register.household_id).to_numpy().astype("datetime64[D]")


def tax_table(facts: Facts, seed: int) -> pd.DataFrame:
    """The table `tax`: a row per household with a business and year."""
    rng = stream(seed, "tax")
    people = facts.people
    h, year = _by_year(np.flatnonzero((people.business >= 0) & facts.linked("tax")))
    n = len(h)
    worth = 0.6 * people.thrift[h] - 1.2 * (people.tax_arrears[h] > 0) + rng.normal(0, 0.6, n)
    grade = np.array(["D", "C", "M", "B", "A"], dtype=object)[np.searchsorted([-1.6, -0.9, 0.3, 1.1], worth)]
    open_to_bank = facts.consents.shared("tax", rng)[h]
    paid = np.round(people.income[h] * 0.02 * np.exp(rng.normal(0, 0.3, n)), -1)
    columns = {
        "household_id": facts.register.household_id[h],
        "business_id": business_ids(h),
        "year_end": _year_end(year),
        "grade": grade,
        "paid": np.where(open_to_bank, paid, np.nan),
        "arrears": np.where(open_to_bank, people.tax_arrears[h], np.nan),
    }
    return table("tax", columns, _year_end(year), late(rng, _year_end(year), (60, 110)))


def social_security_table(facts: Facts, seed: int) -> pd.DataFrame:
    """The table `social_security`: a row per head of household and year."""
    rng = stream(seed, "social_security")
    people = facts.people
    h, year = _by_year(np.flatnonzero(facts.linked("social_security") & (rng.random(len(people)) < 0.85)))
    moved = np.where(rng.random(len(h)) < 0.25, rng.integers(-2, 3, len(h)), 0)
    months = np.clip(people.social_months[h] + moved, 0, 12)
    return _period_table("social_security", facts, h, year, months, rng)


def housing_fund_table(facts: Facts, seed: int) -> pd.DataFrame:
    """The table `housing_fund`: a row per head of household with an account and year."""
    rng = stream(seed, "housing_fund")
    h, year = _by_year(np.flatnonzero(facts.people.fund & facts.linked("housing_fund")))
    months = np.where(rng.random(len(h)) < 0.9, 12, rng.integers(0, 12, len(h)))
    return _period_table("housing_fund", facts, h, year, months, rng)


def _period_table(
    name: str, facts: Facts, h: np.ndarray, year: np.ndarray, months: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    base = np.clip(np.round(facts.people.income / np.maximum(facts.people.labour, 1) / 12, -2), 2000, 12000)
    columns = {
        "person_id": facts.register.head_id[h],
        "household_id": facts.register.household_id[h],
        "year_end": _year_end(year),
        "months_paid": months,
        "base": np.where(facts.consents.shared(name, rng)[h], base[h], np.nan),
        "gap_months": 12 - months,
    }
    return table(name, columns, _year_end(year), late(rng, _year_end(year), (30, 60)))


def credit_reports_table(facts: Facts, seed: int) -> pd.DataFrame:
    """The table `credit_reports`: about one query a year for those who consented and borrow, or asked to."""
    rng = stream(seed, "credit_reports")
    people = facts.people
    some = facts.borrower | (rng.random(len(people)) < 0.08)
    h, year = _by_year(np.flatnonzero(some & facts.consents.shared("credit_reports", rng)))
    keep = rng.random(len(h)) < 0.85
    h, year = h[keep], year[keep]
    n = len(h)
    distress = facts.risk.distress[h, year - YEARS[0]]
    day = _year_end(year) - rng.integers(5, 330, n)
    overdue = rng.random(n) < 1 / (1 + np.exp(3.2 - 1.2 * distress - 0.35 * people.origin[h]))
    columns = {
        "person_id": facts.register.head_id[h],
        "household_id": facts.register.household_id[h],
        "queried_on": day,
        "outside_debt": np.round(people.outside_debt[h] * np.exp(0.2 * distress + rng.normal(0, 0.1, n)), -2),
        "outside_overdue": np.where(overdue, np.round(np.exp(rng.normal(7.5, 0.8, n)), -1), 0),
        "queries_6m": rng.poisson(np.exp(-0.3 + 0.3 * distress + 0.4 * (people.outside_debt[h] > 0))),
    }
    return table("credit_reports", columns, day, day, "bank")


def third_party_table(facts: Facts, seed: int) -> pd.DataFrame:
    """The table `third_party`: the score of a licensed agency each December for borrowers who consented."""
    rng = stream(seed, "third_party")
    some = facts.borrower & (rng.random(len(facts.people)) < 0.65)
    h, year = _by_year(np.flatnonzero(some & facts.consents.shared("third_party", rng)))
    n = len(h)
    log_odds = facts.risk.log_odds(h, np.zeros(n, dtype=int), (year - YEARS[0]) * 12)
    day = _year_end(year) - 20
    columns = {
        "household_id": facts.register.household_id[h],
        "product": "multi_lending_score",
        "dated_on": day,
        "score": np.round(560 - 22 * log_odds + rng.normal(0, 40, n)),
        "flag": rng.random(n) < 1 / (1 + np.exp(2.2 - 0.5 * log_odds)),
        "licence": "CB-0001",
    }
    return table("third_party", columns, day, day + 5, "enterprise")


def medical_arrears_table(facts: Facts, seed: int) -> pd.DataFrame:
    """The table `medical_arrears`: unpaid bills, amount and days only."""
    rng = stream(seed, "medical_arrears")
    people = facts.people
    ill = rng.random(len(people)) < 1 / (1 + np.exp(2.0 - 0.15 * people.origin))
    h = np.flatnonzero(ill & facts.consents.shared("medical_arrears", rng))
    n = len(h)
    day = np.datetime64("2020-01-15") + rng.integers(0, 1900, n)
    unpaid = rng.integers(30, 720, n)
    columns = {
        "bill_id": np.array([f"M{i + 1:05d}" for i in range(n)], dtype=object),
        "household_id": facts.register.household_id[h],
        "billed_on": day,
        "unpaid_amount": np.round(np.exp(rng.normal(8, 0.9, n)), -1),
        "days_unpaid": unpaid,
    }
    return table("medical_arrears", columns, day + unpaid, late(rng, day + unpaid, (5, 30)))


def programmes_table(facts: Facts, seed: int) -> pd.DataFrame:
    """The table `programmes`: honours and eligibility; they know a little of what only the officer sees."""
    rng = stream(seed, "programmes")
    names = ("young_entrepreneur", "model_family", "award_winner", "honoured_party_member", "startup_guarantee")
    people = facts.people
    chosen = rng.random(len(people)) < 1 / (1 + np.exp(2.7 - 0.4 * people.unseen))
    h = np.flatnonzero(chosen)
    day = np.datetime64("2018-03-01") + rng.integers(0, 2500, len(h))
    columns = {
        "household_id": facts.register.household_id[h],
        "programme": rng.choice(names, len(h), p=(0.15, 0.35, 0.15, 0.15, 0.2)),
        "awarded_on": day,
        "valid_to": day + 1095,
    }
    return table("programmes", columns, day, late(rng, day, (10, 60)))


def _by_year(household: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each household with each year 2019 to 2024."""
    years = YEARS[YEARS < 2025]
    return np.repeat(household, len(years)), np.tile(years, len(household))


def _year_end(year: np.ndarray) -> np.ndarray:
    return (year - 1969).astype("datetime64[Y]").astype("datetime64[D]") - 1
