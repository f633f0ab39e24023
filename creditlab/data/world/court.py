"""The court's cases: suits on bad notes against debtors and guarantors, and cases without the bank.

Enforcement is harder in villages with a bad credit environment: more cases end for lack of assets.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from creditlab.data.world.borrowers import Slots
from creditlab.data.world.departments import Facts
from creditlab.data.world.ends import Ends
from creditlab.data.world.lending import Notes
from creditlab.data.world.streams import late, only_where, stream, table
from creditlab.data.world.villages import Villages

NAT = np.datetime64("NaT", "D")
END = np.datetime64("2025-06-30")


def judgments_table(
    notes: Notes, slots: Slots, ends: Ends, villages: Villages, facts: Facts, guarantees: pd.DataFrame, seed: int
) -> pd.DataFrame:
    """The table `judgments`: a row per case and household."""
    rng = stream(seed, "judgments")
    household, amount, filed, role = _cases(notes, slots, facts, guarantees, rng)
    n = len(household)
    effect = villages.effect[facts.people.village[household]]
    enforced = filed + rng.integers(60, 200, n)
    enforced = np.where((rng.random(n) < 0.8) & (enforced < END), enforced, NAT)
    closed = enforced + rng.integers(60, 400, n)
    closed = np.where(closed < END, closed, NAT)
    none = rng.random(n) < 1 / (1 + np.exp(0.1 - 1.2 * effect))
    outcome = np.where(none, "no_assets", rng.choice(["paid", "settled", "resumed"], n, p=(0.5, 0.4, 0.1)))
    is_closed = ~np.isnat(closed)
    share = np.where(none, rng.uniform(0, 0.15, n), rng.uniform(0.5, 1.0, n))
    columns = {
        "case_id": np.array([f"J{i + 1:05d}" for i in range(n)], dtype=object),
        "court": "county court",
        "household_id": facts.register.household_id[household],
        "role": role,
        "amount": amount,
        "filed_on": filed,
        "enforcement_on": enforced,
        "enforced_amount": np.where(is_closed, np.round(amount * share, -1), np.nan),
        "evasion": np.where(is_closed, none & (rng.random(n) < 0.25), np.nan),
        "outcome": only_where(is_closed, outcome),
        "closed_on": closed,
        "spending_restricted": np.where(np.isnat(enforced), np.nan, rng.random(n) < 0.4),
        "dishonest_list": np.where(is_closed, none & (rng.random(n) < 0.5), np.nan),
    }
    return table("judgments", columns, filed, late(rng, filed, (10, 40)))


def _cases(
    notes: Notes, slots: Slots, facts: Facts, guarantees: pd.DataFrame, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Household, amount, day filed and role of every case, in the order of filing."""
    stuck = np.flatnonzero(~np.isnat(notes.onset) & np.isnat(notes.cured))
    sued = stuck[rng.random(len(stuck)) < 0.65]
    filed = notes.onset[sued] + rng.integers(120, 300, len(sued))
    others = np.flatnonzero(rng.random(len(facts.people)) < 0.012 * np.exp(0.3 * facts.people.origin))
    row = pd.Series(np.arange(len(facts.people)), index=facts.register.household_id)
    numbers = guarantees["note_id"].str[1:].astype(int).to_numpy() - 1
    place = pd.Series(np.arange(len(sued)), index=sued).reindex(numbers).to_numpy()
    called = np.flatnonzero(~np.isnan(place) & (rng.random(len(numbers)) < 0.4))
    which = place[called].astype(int)
    surety = row.loc[guarantees["household_id"].iloc[called]].to_numpy()
    household = np.concatenate([slots.household[notes.slot[sued]], surety, others])
    amount = slots.amount[notes.slot[sued]]
    amounts = np.concatenate([amount, amount[which], np.round(np.exp(rng.normal(9.5, 0.8, len(others))), -2)])
    days = np.concatenate([filed, filed[which], np.datetime64("2017-01-10") + rng.integers(0, 3000, len(others))])
    role = np.repeat(np.array(["debtor", "guarantor", "debtor"], dtype=object), [len(sued), len(called), len(others)])
    keep = days < END
    order = np.flatnonzero(keep)[np.argsort(days[keep], kind="stable")]
    return household[order], amounts[order], days[order], role[order]
