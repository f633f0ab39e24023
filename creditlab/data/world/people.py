"""The households and persons of the sample county, and the facts that make a household safe or risky.

`origin` is the part of a household's log-odds of default that its own facts explain: savings, labour, insurance, debts
elsewhere, business, social security. `unseen` is what the loan officer knows and no table shows. Both are truths; the
tables show the facts with noise, late, and in part.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from creditlab.data.world.streams import identity_numbers, late, pseudonyms, stream, table
from creditlab.data.world.villages import Villages

SURVEYED = np.datetime64("2019-11-01", "D")
#: Standard deviation of the origin log-odds over ordinary villages.
SPREAD = 1.5
SECTORS = ("retail", "catering", "transport", "processing", "agricultural_service")


@dataclass(frozen=True)
class People:
    """The households as arrays, one value per household, village by village."""

    village: np.ndarray  # index of the true village
    head_birth: np.ndarray
    head_male: np.ndarray
    minority: np.ndarray
    disability: np.ndarray
    minimum_living: np.ndarray
    members: np.ndarray
    under_14: np.ndarray
    labour: np.ndarray
    migrants: np.ndarray
    away: np.ndarray
    crop: np.ndarray
    area: np.ndarray
    livestock: np.ndarray
    machinery: np.ndarray
    insured: np.ndarray
    business: np.ndarray  # -1 none, else index into SECTORS
    abnormal: np.ndarray
    tax_arrears: np.ndarray
    social_months: np.ndarray
    fund: np.ndarray
    outside_debt: np.ndarray
    income: np.ndarray
    deposit: np.ndarray
    thrift: np.ndarray
    unseen: np.ndarray
    origin: np.ndarray

    def __len__(self) -> int:
        return len(self.village)

    def take(self, rows: np.ndarray) -> People:
        """The people of these rows."""
        return People(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def make_people(villages: Villages, seed: int) -> People:
    """All households of the county with their facts and truths."""
    rng = stream(seed, "people")
    village = np.repeat(np.arange(len(villages)), villages.households)
    n = len(village)
    wealth = villages.wealth[village] + rng.normal(0, 0.9, n)
    thrift = rng.normal(0, 1, n)
    facts = _home(rng, wealth, n) | _farm(rng, villages.crop[village], wealth, thrift, n)
    facts |= _money(rng, facts, wealth, thrift, n)
    return People(
        village=village, thrift=thrift, unseen=rng.normal(0, 1, n), origin=_origin(facts, villages, village), **facts
    )


def _home(rng: np.random.Generator, wealth: np.ndarray, n: int) -> dict[str, np.ndarray]:
    age = np.clip(rng.normal(52, 11, n), 22, 85)
    birth = np.datetime64("2019-06-30") - (age * 365.25).astype(int)
    members = np.clip(1 + rng.poisson(2.3, n), 1, 8)
    under_14 = np.minimum(rng.binomial(members, 0.17), members - 1)
    labour = rng.binomial(members - under_14, np.where(age > 65, 0.35, 0.68))
    away = rng.random(n) < 0.07
    return {
        "head_birth": birth.astype("datetime64[D]"),
        "head_male": rng.random(n) < 0.84,
        "minority": rng.random(n) < 0.04,
        "disability": rng.random(n) < 0.06,
        "minimum_living": rng.random(n) < 1 / (1 + np.exp(3.3 + 1.2 * wealth)),
        "members": members,
        "under_14": under_14,
        "labour": labour,
        "migrants": np.where(away, labour, rng.binomial(labour, 0.22)),
        "away": away,
    }


def _farm(
    rng: np.random.Generator, main: np.ndarray, wealth: np.ndarray, thrift: np.ndarray, n: int
) -> dict[str, np.ndarray]:
    crop = np.where(rng.random(n) < 0.75, main, rng.integers(0, 4, n))
    return {
        "crop": crop,
        "area": np.round(np.exp(1.7 + 0.35 * wealth + rng.normal(0, 0.5, n)), 1),
        "livestock": np.where(rng.random(n) < 0.25, np.round(np.exp(2.3 + 0.3 * wealth + rng.normal(0, 0.8, n))), 0),
        "machinery": rng.poisson(np.exp(-0.8 + 0.4 * wealth)),
        "insured": rng.random(n) < 1 / (1 + np.exp(-0.1 - 0.8 * thrift)),
    }


def _money(
    rng: np.random.Generator, facts: dict[str, np.ndarray], wealth: np.ndarray, thrift: np.ndarray, n: int
) -> dict[str, np.ndarray]:
    business = np.where(rng.random(n) < 0.2, rng.integers(0, len(SECTORS), n), -1)
    owner = business >= 0
    abnormal = owner & (rng.random(n) < 1 / (1 + np.exp(1.6 + 0.7 * thrift)))
    work = 16000 * facts["labour"] + 9000 * facts["migrants"] + 900 * facts["area"] + 250 * facts["livestock"]
    income = (4000 + work + 30000 * owner) * np.exp(0.25 * wealth + rng.normal(0, 0.3, n))
    debt = np.where(rng.random(n) < 0.36, np.exp(10.3 - 0.2 * thrift + rng.normal(0, 0.9, n)), 0)
    return {
        "business": business,
        "abnormal": abnormal,
        "tax_arrears": np.where(owner & (rng.random(n) < 1 / (1 + np.exp(1.8 + 0.6 * thrift))), 1, 0)
        * np.round(np.exp(rng.normal(7.6, 0.8, n)), -1),
        "social_months": np.clip(
            np.round(12 / (1 + np.exp(-0.5 - 0.9 * thrift - 0.4 * wealth - rng.normal(0, 1, n)))), 0, 12
        ),
        "fund": rng.random(n) < 1 / (1 + np.exp(2.6 - 0.6 * wealth)),
        "outside_debt": np.round(debt, -2),
        "income": np.round(income, -2),
        "deposit": np.exp(8.8 + 0.75 * wealth + 0.5 * thrift + rng.normal(0, 0.5, n)),
    }


def _origin(facts: dict[str, np.ndarray], villages: Villages, village: np.ndarray) -> np.ndarray:
    """The log-odds part of the household's facts, mean 0 and standard deviation `SPREAD` over ordinary villages."""
    dependants = facts["members"] / np.maximum(facts["labour"], 0.5)
    share = np.log1p(facts["outside_debt"] / facts["income"] * 10)
    land = (np.log(facts["area"]) - 1.7) / 0.6
    value = (
        -0.60 * (np.log(facts["deposit"]) - 8.8) / 1.05
        - 0.30 * (np.log(facts["income"]) - 10.7) / 0.7
        + 0.22 * np.clip(dependants - 1.8, -1, 4)
        + 0.45 * share
        - 0.085 * (facts["social_months"] - 7)
        - 0.50 * facts["insured"]
        + 0.15 * (np.minimum(land**2, 5) - 1)  # both very little and very much land are risky
        + 0.25 * ((facts["crop"] == 2) & ~facts["insured"])
        - 0.20 * np.minimum(facts["machinery"], 3)
        - 0.25 * ((facts["business"] >= 0) & ~facts["abnormal"])
        + 0.80 * facts["abnormal"]
        + 0.60 * (facts["tax_arrears"] > 0)
    )
    ordinary = villages.part[village] == "none"
    return (value - value[ordinary].mean()) / value[ordinary].std() * SPREAD


@dataclass(frozen=True)
class Register:
    """Who is who: identity numbers (never written with the tables) and the pseudonyms made of them."""

    head_number: np.ndarray
    member_number: np.ndarray
    household_id: np.ndarray
    head_id: np.ndarray
    person_id: np.ndarray
    member_household: np.ndarray  # row in People
    relation: np.ndarray
    birth: np.ndarray
    male: np.ndarray


def make_register(people: People, seed: int) -> Register:
    """The persons of 14 and more with their identity numbers; the head of each household comes first."""
    rng = stream(seed, "register")
    adults = people.members - people.under_14
    household = np.repeat(np.arange(len(people)), adults)
    place = np.arange(len(household)) - np.repeat(np.cumsum(adults) - adults, adults)
    is_head = place == 0
    gap = np.where(place == 1, rng.integers(-4, 5, len(place)), 25 + rng.integers(-3, 8, len(place)))
    old = place > 3
    head_birth = people.head_birth[household]
    birth = np.where(is_head, head_birth, head_birth + np.where(old, -26, gap) * 365 + rng.integers(0, 365, len(place)))
    birth = birth.astype("datetime64[D]")
    youngest = np.datetime64("2005-10-31")  # 14 at the census
    birth = np.where(birth > youngest, youngest - rng.integers(0, 2500, len(birth)), birth)
    head_male = people.head_male[household]
    male = np.where(is_head, head_male, np.where(place == 1, ~head_male, rng.random(len(place)) < 0.5))
    relation = np.select([is_head, place == 1, old], ["head", "spouse", "parent"], "child").astype(object)
    number = identity_numbers(birth, male, rng)
    short = pseudonyms(number)
    head = np.flatnonzero(is_head)
    return Register(
        head_number=number[head],
        member_number=number,
        household_id="H" + short[head],
        head_id="P" + short[head],
        person_id="P" + short,
        member_household=household,
        relation=relation,
        birth=birth,
        male=male,
    )


def wrong_codes(people: People, villages: Villages, seed: int) -> np.ndarray:
    """The village written in the register: for 2 % of the households that of a neighbour."""
    rng = stream(seed, "wrong_codes")
    n = len(people)
    wrong = rng.choice(n, max(2, round(0.02 * n)), replace=False)
    written = people.village.copy()
    step = rng.choice([-1, 1], len(wrong))
    moved = written[wrong] + step
    written[wrong] = np.where((moved < 0) | (moved >= len(villages)), written[wrong] - step, moved)
    return written


def households_table(
    people: People, register: Register, villages: Villages, written: np.ndarray, members: np.ndarray, seed: int
) -> pd.DataFrame:
    """The table `households`: the census of November 2019, with the village and the members as written there."""
    rng = stream(seed, "households_table")
    columns = {
        "household_id": register.household_id,
        "village_id": villages.code[written],
        "head_birth_year": people.head_birth.astype("datetime64[Y]").astype(int) + 1970,
        "head_sex": np.where(people.head_male, "male", "female"),
        "ethnicity": np.where(people.minority, "minority", "han"),
        "disability": people.disability,
        "minimum_living": people.minimum_living,
        "members": members,
        "under_14": people.under_14,
        "labour": people.labour,
        "migrants": people.migrants,
        "away": people.away,
    }
    observed = np.full(len(people), SURVEYED)
    return table("households", columns, observed, late(rng, observed, (20, 45), 0.02))


def members_table(register: Register, seed: int) -> pd.DataFrame:
    """The table `members`: persons of 14 and more; the younger are only counted in `households`.

    In one household in forty of three adults or more the last one is still registered elsewhere and is not listed.
    """
    rng = stream(seed, "members_table")
    columns = {
        "person_id": register.person_id,
        "household_id": register.household_id[register.member_household],
        "relation": register.relation,
        "birth_year": register.birth.astype("datetime64[Y]").astype(int) + 1970,
        "sex": np.where(register.male, "male", "female"),
    }
    observed = np.full(len(register.person_id), SURVEYED)
    made = table("members", columns, observed, late(rng, observed, (20, 45), 0.02))
    return made[~made["person_id"].isin(register.person_id[unlisted(register, seed)])].reset_index(drop=True)


def unlisted(register: Register, seed: int) -> np.ndarray:
    """The persons whom the register of their village does not list."""
    rng = stream(seed, "unlisted")
    adults = np.bincount(register.member_household)
    last = np.cumsum(adults) - 1
    return last[(adults >= 3) & (rng.random(len(adults)) < 0.025)]
