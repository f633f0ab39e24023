"""A sample with numbers, Chinese text, special codes, gaps and villages, whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from creditlab.binning import Binner
from creditlab.columns import Column, Dictionary
from creditlab.scorecard import Scorecard


@dataclass(frozen=True)
class Sample:
    X: pd.DataFrame
    y: pd.Series
    village: pd.Series
    as_of: str = "2023-12-31"

    @property
    def household(self) -> pd.Index:
        return self.X.index


@pytest.fixture(scope="session")
def sample() -> Sample:
    rng = np.random.default_rng(7)
    n = 3000
    index = pd.Index([f"H{i:05d}" for i in range(n)], name="household_id")
    X = pd.DataFrame(
        {
            "收入": rng.normal(size=n),
            "crop": rng.choice(["小麦", "玉米", "稻"], n),
            "deposit": np.round(rng.gamma(2.0, size=n), 2),
            "noise": rng.normal(size=n),
        },
        index=index,
    )
    X.iloc[:300, 2] = -999
    X.iloc[300:500, 2] = np.nan
    log_odds = -2 - X["收入"] + 0.8 * (X["crop"] == "玉米") + 0.7 * (X["deposit"] == -999) - 0.3 * X["deposit"].clip(0)
    y = pd.Series((rng.random(n) < 1 / (1 + np.exp(-log_odds.fillna(-2)))).astype(int), index=index)
    return Sample(X, y, pd.Series(rng.integers(0, 25, n), index=index))


@pytest.fixture(scope="session")
def binner() -> Binner:
    return Binner(special={"deposit": {-999: "not connected"}})


@pytest.fixture(scope="session")
def dictionary() -> Dictionary:
    return Dictionary.of(
        [
            Column("收入", zh="年收入", en="annual income", unit="yuan", source="tax"),
            Column("crop", kind="text", zh="作物", en="crop", source="agriculture"),
            Column("deposit", zh="存款", en="deposit", unit="yuan", source="bank"),
        ]
    )


@pytest.fixture(scope="session")
def card(sample: Sample, binner: Binner, dictionary: Dictionary) -> Scorecard:
    return Scorecard(binner, dictionary=dictionary).fit(sample.X, sample.y, groups=sample.village)
