"""Who asks for a loan, who gets one, and on what terms: the credit slots of the sample county.

Loans are granted on facts that the tables show and on what only the officer sees, so that the granted are safer than
their files say. A slot is a place for one open note after another; some borrowers have two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from creditlab.data.world.people import People
from creditlab.data.world.streams import stream
from creditlab.data.world.villages import CROPS, Villages

PLANS = ("instalments", "monthly_interest", "quarterly_interest", "harvest", "revolving")
GUARANTEES = ("credit", "joint", "mortgage", "startup")
GROUP, CHAIN, RING = 4, 6, 8


@dataclass(frozen=True)
class Demand:
    """Per household: does it ask, is it granted, and the probability of that."""

    asks: np.ndarray
    granted: np.ndarray
    grant_prob: np.ndarray


@dataclass(frozen=True)
class Slots:
    """The credit slots, one value per slot."""

    household: np.ndarray
    village: np.ndarray
    plan: np.ndarray
    term: np.ndarray
    guarantee: np.ndarray
    group: np.ndarray  # joint-guarantee group, -1 none
    start: np.ndarray  # month since January 2019
    amount: np.ndarray
    day: np.ndarray
    once: np.ndarray  # one note and no more
    ring: np.ndarray
    chain: np.ndarray  # 0 no, 1 first to fall, 2 follows
    organisation: np.ndarray  # 0 person, else index into ORGANISATIONS

    def __len__(self) -> int:
        return len(self.household)


ORGANISATIONS = ("person", "cooperative", "family_farm", "firm", "village_collective")


def make_demand(people: People, villages: Villages, seed: int) -> Demand:
    """Applications and decisions; villages of three loans have exactly three borrowers."""
    rng = stream(seed, "demand")
    n = len(people)
    age = 2019 - (people.head_birth.astype("datetime64[Y]").astype(int) + 1970)
    need = rng.normal(0, 1, n) + 0.4 * (people.business >= 0) + 0.15 * np.log(people.area) - 3.0 * (age > 68)
    asks = need > np.quantile(need, 0.55)
    prob = 1 / (1 + np.exp(-(1.5 - 0.4 * people.origin + 1.0 * people.unseen)))
    granted = asks & (rng.random(n) < prob)
    for v in np.flatnonzero(villages.part == "tiny"):
        here = np.flatnonzero(people.village == v)
        three = here[np.argsort(-(need[here] + prob[here]), kind="stable")[:3]]
        asks[three], granted[here] = True, False
        granted[three] = True
    return Demand(asks, granted, prob)


def make_slots(people: People, villages: Villages, demand: Demand, seed: int) -> Slots:
    """The slots of all borrowers with their terms, the joint groups, the chain and the ring among them."""
    rng = stream(seed, "slots")
    first = np.flatnonzero(demand.granted)
    tiny = villages.part[people.village] == "tiny"
    second = first[(rng.random(len(first)) < 0.14) & ~tiny[first]]
    household = np.sort(np.concatenate([first, second]), kind="stable")
    village, n = people.village[household], len(household)
    is_second = np.append(False, household[1:] == household[:-1])
    plan = _plans(people, household, is_second, rng)
    term = np.choose(plan, [rng.choice([12, 24, 36], n, p=(0.3, 0.45, 0.25)), rng.choice([6, 12], n, p=(0.35, 0.65)),
                            rng.choice([12, 24], n, p=(0.93, 0.07)), np.full(n, 11), np.full(n, 12)])  # fmt: skip
    early = rng.random(n) < 0.5
    start = np.where(early, rng.integers(0, 12, n), rng.integers(12, 58, n))
    guarantee = rng.choice([0, 2, 3], n, p=(0.68, 0.24, 0.08))
    group = _groups(village, is_second | tiny[household])
    guarantee = np.where(group >= 0, 1, guarantee)
    start = np.where(group >= 0, start[np.maximum(_first_of(group), 0)], start)
    slots = Slots(
        household,
        village,
        plan,
        term,
        guarantee,
        group,
        start,
        _amounts(people, household, plan, rng),
        rng.integers(3, 27, n),
        tiny[household],
        np.zeros(n, dtype=bool),
        np.zeros(n, dtype=np.int8),
        np.where((rng.random(n) < 0.02) & ~tiny[household], rng.integers(1, len(ORGANISATIONS), n), 0),
    )
    _write_ring(slots, villages, is_second, rng)
    _write_chain(slots, villages, is_second)
    return slots


def harvest_months(crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Calendar months (0 = January) in which harvest loans are granted and due: wheat October to July, else December
    to November."""
    wheat = crop == CROPS.index("wheat")
    return np.where(wheat, 9, 11), np.where(wheat, 6, 10)


def _plans(people: People, household: np.ndarray, is_second: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    owner = people.business[household] >= 0
    u = rng.random(len(household))
    farm = np.searchsorted(np.cumsum([0.10, 0.10, 0.38, 0.32]), u)
    trade = np.searchsorted(np.cumsum([0.25, 0.25, 0.35, 0.0]), u)
    return np.where(is_second, 4, np.where(owner, trade, farm))


def _amounts(people: People, household: np.ndarray, plan: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Amounts around one year's income, smaller for draw-downs made on a telephone, in steps of 5,000."""
    raw = people.income[household] * np.exp(rng.normal(-0.1, 0.5, len(household))) * np.where(plan == 4, 0.35, 1.0)
    return np.clip(np.round(raw / 5000) * 5000, 5000, 500_000)


def _groups(village: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Joint-guarantee groups of four: about one slot in six, within a village."""
    rank = np.full(len(village), -1)
    open_slots = np.flatnonzero(~apart)
    v = village[open_slots]
    count = np.bincount(v, minlength=village.max() + 1)
    rank[open_slots] = np.arange(len(v)) - (np.cumsum(count) - count)[v]
    joined = (rank >= 0) & (rank < (0.18 * count[village]).astype(int) // GROUP * GROUP)
    label = village * 1000 + rank // GROUP
    group = np.full(len(village), -1)
    group[joined] = np.unique(label[joined], return_inverse=True)[1]
    return group


def _first_of(group: np.ndarray) -> np.ndarray:
    """The first slot of each slot's group, -1 where it has none."""
    first = np.full(len(group), -1)
    joined = group >= 0
    names, start = np.unique(group, return_index=True)
    first[joined] = start[np.searchsorted(names, group[joined])]
    return first


def _write_ring(slots: Slots, villages: Villages, is_second: np.ndarray, rng: np.random.Generator) -> None:
    """Eight households of the bad officer's villages lend their names in March 2021; nobody repays."""
    twice = np.isin(slots.household, slots.household[is_second])
    able = (villages.part[slots.village] == "officer") & (slots.group < 0) & ~twice & (slots.organisation == 0)
    ring = rng.permutation(np.flatnonzero(able))[:RING]
    slots.ring[ring], slots.start[ring], slots.plan[ring], slots.term[ring] = True, 26, 2, 12
    slots.amount[ring], slots.guarantee[ring] = 100_000, 0


def _write_chain(slots: Slots, villages: Villages, is_second: np.ndarray) -> None:
    """Six households of one ordinary village guarantee one another; the first fails in June 2022, the others follow."""
    twice = np.isin(slots.household, slots.household[is_second])
    plain = (villages.part[slots.village] == "none") & (slots.group < 0) & ~twice & (slots.organisation == 0)
    count = np.bincount(slots.village[plain], minlength=len(villages))
    chain = np.flatnonzero(plain & (slots.village == np.argmax(count)))[:CHAIN]
    slots.chain[chain] = 2
    slots.chain[chain[0]] = 1
    slots.group[chain] = slots.group.max() + 1
    slots.guarantee[chain], slots.plan[chain], slots.term[chain] = 1, 2, 12
    slots.start[chain] = 33
    slots.start[chain[0]] = 29
