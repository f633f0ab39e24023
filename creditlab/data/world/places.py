"""The tables of the villages: receipts of the collectives, service points, offers, measures, civility events."""

from __future__ import annotations

import numpy as np
import pandas as pd

from creditlab.data.world.departments import Facts
from creditlab.data.world.lending import Measures
from creditlab.data.world.risk import Officers
from creditlab.data.world.streams import FIRST, LAST, START, day_of, late, only_where, stream, table
from creditlab.data.world.villages import Villages

NAT = np.datetime64("NaT", "D")
RULES = {
    "volunteer": 2, "good_neighbour": 2, "clean_yard": 1, "fee_on_time": 1,
    "quarrel": -2, "waste_dumping": -1, "gambling": -3, "fee_refused": -1,
}  # fmt: skip
SPAN_DAYS = 2000


def village_receipts_table(villages: Villages, facts: Facts, seed: int) -> pd.DataFrame:
    """The table `village_receipts`: one receipt or payment a month and village, half of them of a known household."""
    rng = stream(seed, "village_receipts")
    month = np.tile(np.arange(FIRST, LAST + 1), len(villages))
    v = np.repeat(np.arange(len(villages)), len(month) // len(villages))
    n = len(v)
    purpose = rng.choice(["fee", "land_rent", "dividend", "works"], n, p=(0.5, 0.25, 0.1, 0.15))
    receipt = np.isin(purpose, ["fee", "land_rent"])
    amount = np.round(np.exp(rng.normal(6, 0.8, n)) * np.where(receipt, 1, 4), -1)
    first = np.cumsum(villages.households) - villages.households
    payer = first[v] + np.floor(rng.random(n) * villages.households[v]).astype(int)
    known_payer = (purpose != "works") & (rng.random(n) < 0.5)
    care = 1 / (1 + np.exp(-2.0 + 1.2 * villages.effect[v]))
    same = rng.random(n) < 0.6 + 0.4 * care
    paid = day_of(month, rng.integers(2, 26, n))
    columns = {
        "receipt_id": np.array([f"R{i + 1:06d}" for i in range(n)], dtype=object),
        "village_id": villages.code[v],
        "paid_on": paid,
        "direction": np.where(receipt, "receipt", "payment"),
        "purpose": purpose,
        "channel": np.where(rng.random(n) < 0.4 + 0.08 * (month - FIRST).astype(int) / 12, "qr", "cash"),
        "amount": amount,
        "household_id": only_where(known_payer, facts.register.household_id[payer]),
        "bank_amount": np.where(same, amount, np.round(amount * 0.8, -1)),
        "voucher": rng.random(n) < care,
        "reconciled": same & (rng.random(n) < 0.95),
    }
    return table("village_receipts", columns, paid, late(rng, paid, (1, 20)))


def service_points_table(villages: Villages, seed: int) -> pd.DataFrame:
    """The table `service_points`: agents, terminals and devices; some villages have none."""
    rng = stream(seed, "service_points")
    v = np.sort(rng.choice(len(villages), round(1.1 * len(villages))), kind="stable")
    n = len(v)
    opened = np.datetime64("2017-01-01") + rng.integers(0, 2500, n)
    closed = np.where(rng.random(n) < 0.12, opened + rng.integers(300, 1500, n), NAT)
    columns = {
        "point_id": np.array([f"S{i + 1:04d}" for i in range(n)], dtype=object),
        "village_id": villages.code[v],
        "kind": rng.choice(["agent", "terminal", "self_service"], n, p=(0.5, 0.35, 0.15)),
        "opened_on": opened,
        "closed_on": np.where(closed < np.datetime64("2025-06-30"), closed, NAT),
    }
    return table("service_points", columns, opened, opened + 2, "bank")


def offers_table(villages: Villages, officers: Officers, seed: int) -> pd.DataFrame:
    """The table `offers`: published incentives with their condition and the officer to ask."""
    rng = stream(seed, "offers")
    kinds = ("credit_loan", "credit_buy", "credit_clinic")
    n = len(villages)
    v, k = np.nonzero(rng.random((n, 3)) < (0.8, 0.35, 0.25))
    start = np.datetime64("2021-01-01") + 30 * rng.integers(0, 40, len(v))
    columns = {
        "offer_id": np.array([f"F{i + 1:04d}" for i in range(len(v))], dtype=object),
        "village_id": villages.code[v],
        "offer": np.array(kinds, dtype=object)[k],
        "provider": np.array(["bank", "cooperative", "clinic"], dtype=object)[k],
        "condition": np.array(["score of 650 or more", "civility grade A", "no arrears"], dtype=object)[k],
        "contact_officer": officers.names[officers.later[v]],
        "offered_from": start,
        "offered_to": start + 730,
    }
    return table("offers", columns, start, start + 5)


def interventions_table(villages: Villages, measures: Measures) -> pd.DataFrame:
    """The table `interventions`: cadres, financial education, enforcement drives, and how the village was chosen."""
    order = np.lexsort((measures.village, measures.start))
    start = day_of(START + measures.start[order], 15)
    months = np.select([measures.kind == "seconded_cadre", measures.kind == "financial_education"], [24, 3], 6)[order]
    end = start + 30 * months
    columns = {
        "intervention_id": intervention_ids(len(order)),
        "village_id": villages.code[measures.village[order]],
        "kind": measures.kind[order],
        "started_on": start,
        "ended_on": np.where(end < np.datetime64("2025-06-30"), end, NAT),
        "chosen_by": measures.chosen_by[order],
    }
    return table("interventions", columns, start, start + 3, "bank")


def intervention_ids(n: int) -> np.ndarray:
    return np.array([f"I{i + 1:03d}" for i in range(n)], dtype=object)


def civility_events_table(villages: Villages, facts: Facts, seed: int) -> pd.DataFrame:
    """The table `civility_events`: about one event per household; minus points lean on what only the officer sees."""
    rng = stream(seed, "civility_events")
    people = facts.people
    count = rng.poisson(0.9, len(people))
    h = np.repeat(np.arange(len(people)), count)
    n = len(h)
    minus = rng.random(n) < 1 / (1 + np.exp(1.4 + 0.6 * people.unseen[h] - 0.5 * villages.effect[people.village[h]]))
    names = np.array(list(RULES), dtype=object)
    rule = np.where(minus, rng.integers(4, 8, n), rng.integers(0, 4, n))
    day = np.datetime64("2020-01-05") + rng.integers(0, SPAN_DAYS - 10, n)
    year, month = day.astype("datetime64[Y]").astype(int) + 1970, day.astype("datetime64[M]").astype(int) % 12
    columns = {
        "event_id": np.array([f"V{i + 1:05d}" for i in range(n)], dtype=object),
        "household_id": facts.register.household_id[h],
        "happened_on": day,
        "quarter": np.array([f"{y}Q{q}" for y, q in zip(year, month // 3 + 1, strict=True)], dtype=object),
        "rule": names[rule],
        "points": np.array(list(RULES.values()))[rule],
        "witnessed_by": rng.choice(["village_cadre", "neighbour", "camera"], n, p=(0.7, 0.25, 0.05)),
    }
    return table("civility_events", columns, day, late(rng, day, (5, 60), 0.02))
