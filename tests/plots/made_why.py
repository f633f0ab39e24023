"""Small results on why villages differ, from the real functions, with a hostile name of a village and of a source."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from creditlab.village import (
    bad_share,
    context_drivers,
    crossed_effects,
    three_criteria,
    village_gap,
)
from tests.plots.made import HOSTILE
from tests.village.made import make_loans

NAMES = {0: HOSTILE, 1: "石桥村"}


@cache
def gap() -> Any:
    loans = make_loans(villages=25, seed=1)
    phi = loans.phi.assign(**{HOSTILE: loans.phi["farm"] * 0.2})
    return village_gap(loans.bad, loans.pd_origin, loans.village, phi, {"deposit": "bank"})


@cache
def criteria() -> Any:
    loans = make_loans(villages=25, seed=1)
    counts = pd.DataFrame({"v": loans.village, "bad": loans.bad}).groupby("v")["bad"].agg(["sum", "size"])
    frame = pd.DataFrame({"village": counts.index, "estimate": 1.2, "lo": 0.6, "hi": 2.2, "p_above": 0.7})
    frame.loc[0, "p_above"] = 0.95
    return three_criteria({"bad_share": bad_share(counts["sum"], counts["size"], counts.index), "environment": frame})


@cache
def crossed() -> Any:
    loans = make_loans(villages=25, seed=1)
    officer = np.array([HOSTILE, "O001", "O002", "O003"], dtype=object)[
        (loans.village + np.arange(len(loans.bad)) % 2) % 4
    ]
    return crossed_effects(loans.bad, loans.pd_origin, loans.village, {"officer": officer})


@cache
def drivers() -> Any:
    rng = np.random.default_rng(0)
    facts = pd.DataFrame(rng.normal(size=(60, 2)), columns=["km_to_court", HOSTILE])
    labels = {"km_to_court": ("距法庭", "distance to the court")}
    return context_drivers(rng.poisson(3, 60), np.full(60, 3.0), facts, labels=labels)


def moves() -> pd.DataFrame:
    quarters = pd.date_range("2023-03-31", periods=6, freq="QE")
    return pd.DataFrame({"village": 0, "quarter": quarters, "n": 20, "worse": [1, 2, 0, 4, 3, 2], "expected": 1.5})


def both_cards() -> pd.DataFrame:
    return pd.DataFrame({"village": range(6), "n": 30, "estimate": [0.5, 0.8, 1, 1.1, 1.4, 2.0],
                         "estimate_full": [0.7, 0.9, 1, 1.0, 1.2, 1.6], "lo": 0.4, "hi": 2.5})  # fmt: skip


def truth() -> pd.DataFrame:
    return pd.DataFrame({"village": range(6), "true_ratio": [0.6, 0.7, 1.2, 1.0, 1.3, 3.5]})
