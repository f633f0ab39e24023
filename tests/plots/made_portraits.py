"""Small results of the credit file for the figures, with hostile text wherever text can come from data."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from creditlab.features.coverage import STATES
from creditlab.plots import portraits
from tests.plots.made import HOSTILE

MONTHS = pd.date_range("2023-01-31", periods=12, freq="ME")
SOURCES = ["deposits", "tax", "agriculture"]


def portrait(kind: str = "household") -> SimpleNamespace:
    months = pd.DataFrame({"month": MONTHS, "dpd": 0, "late_share": 0.1, "balance": 30_000.0})
    months.loc[8:, "dpd"] = [5, 35, 65, 95]
    flows = pd.DataFrame({"period": MONTHS[2::3], "inflow": 9_000.0, "outflow": 8_000.0, "end_balance": 4_000.0})
    crops = pd.DataFrame({"crop": "maize", "zh": "玉米", "en": "maize", "year": [2022, 2023], "area": [6.0, 7.5]})
    states = [list(STATES)[place] for place in (0, 1, 2)]
    missing = pd.DataFrame({"source": SOURCES, "state": states, "households": 1})
    subject = {"kind": kind, "name": HOSTILE, "as_of": "2023-12-31"}
    return SimpleNamespace(subject=subject, months=months, flows=flows, crops=crops, missing=missing)


def coverage() -> SimpleNamespace:
    table = pd.DataFrame({"source": SOURCES}).assign(**dict.fromkeys(STATES, 20))
    return SimpleNamespace(sources=lambda: table, facts={"households": 20 * len(STATES), "never_reached": 3})


def ledger() -> SimpleNamespace:
    table = pd.DataFrame({"source": SOURCES, "action_zh": "补采", "action": "collect", "households": [40, 30, 20]})
    table = table.assign(adds_points=[900.0, 200.0, 0.0], decisions=[12.0, 3.0, 0.0])
    worth = SimpleNamespace(facts={"level": 0.9})
    table = table.assign(gain=[0.9, 0.2, 0.0], gain_lo=[0.5, -0.1, 0.0], gain_hi=[1.3, 0.5, 0.0])
    return SimpleNamespace(worth=worth, sources=lambda: table, facts={"households": 90})


def pivot() -> SimpleNamespace:
    rows = ["total", HOSTILE, "999999001201"]
    tables = {
        "value": pd.DataFrame({"wheat": [2.0, 1.5, np.nan], "total": [2.1, 1.6, 2.4]}, index=rows),
        "n": pd.DataFrame({"wheat": [40.0, 30.0, np.nan], "total": [60.0, 40.0, 20.0]}, index=rows),
    }
    return SimpleNamespace(wide=lambda name="value": tables[name].copy(), label=("存款", "deposits"))


def leak() -> SimpleNamespace:
    rates = [("none", "无", "no rate"), ("careless", "草率", "careless"), ("inside", "折内", "in the fold")]
    rows = [
        {"rate": rate, "split": split, "auc": auc, "lo": auc - 0.02, "hi": auc + 0.02, "zh": zh, "en": en}
        for rate, zh, en in rates
        for split, auc in (("random", 0.75), ("village", 0.73))
    ]
    table = pd.DataFrame(rows)
    return SimpleNamespace(tidy=lambda: table, facts={"rows": 2832})


def receipts() -> SimpleNamespace:
    table = pd.DataFrame({"village_id": [HOSTILE, "999999001201"], "unexplained_amount": [900.0, 40.0]})
    table = table.assign(unexplained_share=[0.2, 0.01], unexplained=[4, 1], entries=[30, 25])
    return SimpleNamespace(villages=lambda: table, facts={"entries": 55, "villages": 2})


DRAWN = {
    "portraits.conduct": lambda: portraits.conduct(portrait("segment")),
    "portraits.flows": lambda: portraits.flows(portrait()),
    "portraits.crops": lambda: portraits.crops(portrait()),
    "portraits.missing": lambda: portraits.missing(portrait()),
    "portraits.coverage": lambda: portraits.coverage(coverage()),
    "portraits.ledger": lambda: portraits.ledger(ledger()),
    "portraits.heat": lambda: portraits.heat(pivot()),
    "portraits.leak": lambda: portraits.leak(leak()),
    "portraits.receipts": lambda: portraits.receipts(receipts()),
}
