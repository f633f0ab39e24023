"""The bank's deposits and the payments of households, by quarter, with what distress does to them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from creditlab.data.world.departments import Facts
from creditlab.data.world.streams import FIRST, LAST, YEARS, late, month_end, stream, table

QUARTERS = month_end(np.arange(FIRST, LAST + 1))[2::3]
#: Money comes with the harvest: factors of the four quarters.
SEASON = np.array([0.9, 0.8, 1.15, 1.2])


def deposits_table(facts: Facts, seed: int) -> pd.DataFrame:
    """The table `deposits`: every borrower and four in five of the other households, by quarter."""
    rng = stream(seed, "deposits")
    people = facts.people
    h, t, quarter = _by_quarter(np.flatnonzero(facts.borrower | (rng.random(len(people)) < 0.72)))
    n = len(h)
    distress = facts.risk.distress[h, t.astype("datetime64[Y]").astype(int) + 1970 - YEARS[0]]
    average = people.deposit[h] * np.exp(-0.7 * distress + rng.normal(0, 0.3, n)) * SEASON[quarter]
    inflow = people.income[h] / 4 * np.exp(-0.35 * distress + rng.normal(0, 0.35, n)) * SEASON[quarter]
    columns = {
        "household_id": facts.register.household_id[h],
        "month_end": t,
        "avg_balance": _short(average),
        "end_balance": _short(average * np.exp(rng.normal(-0.1, 0.35, n))),
        "inflow": _short(inflow),
        "outflow": _short(inflow * np.exp(rng.normal(0.0, 0.2, n) + 0.15 * distress)),
    }
    return table("deposits", columns, t, t + 3, "bank")


def payments_table(facts: Facts, seed: int) -> pd.DataFrame:
    """The table `payments`: households with a merchant code or a utility account at the bank, by quarter."""
    rng = stream(seed, "payments")
    people = facts.people
    some = rng.random(len(people)) < np.where(people.business >= 0, 0.8, 0.35)
    h, t, quarter = _by_quarter(
        np.flatnonzero(some & facts.linked("payments") & facts.consents.shared("payments", rng))
    )
    n = len(h)
    distress = facts.risk.distress[h, t.astype("datetime64[Y]").astype(int) + 1970 - YEARS[0]]
    owner = people.business[h] >= 0
    sales = np.where(owner, people.income[h] * 0.3 * np.exp(-0.4 * distress + rng.normal(0, 0.3, n)), 0)
    spent = people.income[h] / 6 * np.exp(-0.2 * distress + rng.normal(0, 0.3, n)) * SEASON[quarter]
    on_time = 1 / (1 + np.exp(-2.2 - 0.6 * people.thrift[h] + 0.8 * distress))
    columns = {
        "household_id": facts.register.household_id[h],
        "month_end": t,
        "merchant_receipts": _short(sales),
        "consumption": _short(spent),
        "bills_due": 9,
        "bills_on_time": rng.binomial(9, on_time),
    }
    return table("payments", columns, t, late(rng, t, (5, 10), 0.01), "enterprise")


def _by_quarter(household: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    k = len(QUARTERS)
    quarter = np.tile(np.arange(k), len(household))
    return np.repeat(household, k), QUARTERS[quarter], quarter % 4


def _short(values: np.ndarray) -> np.ndarray:
    """Values with two significant figures: what a small file needs and a feature keeps."""
    step = 10.0 ** np.maximum(np.floor(np.log10(np.maximum(values, 1))) - 1, 1)
    return np.round(values / step) * step
