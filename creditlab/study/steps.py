"""Steps that both studies share: fit the models, lay the held-out rows side by side, validate, explain, score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning import Binner
from creditlab.challenger import Challenger
from creditlab.columns import Dictionary
from creditlab.config import StudyConfig
from creditlab.scorecard import Sample, Scorecard
from creditlab.study.splits import DEVELOPMENT, OUT_OF_TIME, TEST

#: the part of a split → what a card calls it
ROLES: Mapping[str, str] = {DEVELOPMENT: "train", TEST: "test", OUT_OF_TIME: "out_of_time"}
#: called with a step's name (zh, en) before the step begins
Progress = Callable[[str, str], None]


def silent(zh: str, en: str) -> None:
    """The progress of a call that shows none."""


@dataclass(frozen=True)
class Rows:
    """What a model is fitted on or applied to: features, outcome, and group and weight of each row."""

    X: pd.DataFrame
    y: np.ndarray
    group: np.ndarray | None
    weight: np.ndarray | None = None

    def at(self, mask: np.ndarray) -> Rows:
        """The rows of a boolean mask."""
        return Rows(
            X=self.X[mask],
            y=self.y[mask],
            group=None if self.group is None else self.group[mask],
            weight=None if self.weight is None else self.weight[mask],
        )


def new_card(config: StudyConfig, special: Mapping[str, Any], dictionary: Dictionary | None) -> Scorecard:
    """An unfitted scorecard with the study's binning."""
    binner = Binner(**config.binning(), special=dict(special) or None, seed=config.seed)
    return Scorecard(binner=binner, dictionary=dictionary)


def new_challenger(config: StudyConfig, special: Mapping[str, Any], dictionary: Dictionary | None) -> Challenger:
    """An unfitted challenger; monotone where the dictionary declares a direction."""
    return Challenger(seed=config.seed, special=dict(special) or None, dictionary=dictionary)


def fit_models(card: Scorecard, challenger: Challenger, rows: Rows, split: np.ndarray) -> dict[str, Any]:
    """Champion and challenger, fitted on the development rows; the card shows itself on every part of the split."""
    fit_on = rows.at(split == DEVELOPMENT)
    fitted = card.fit(fit_on.X, fit_on.y, sample_weight=fit_on.weight, groups=fit_on.group)
    role = np.array([ROLES[name] for name in split], dtype=object)
    sample = Sample(rows.X, rows.y, rows.group, weight=rows.weight, role=role)
    return {
        "card": fitted.measured(sample) if (role != "train").any() else fitted,
        "challenger": challenger.fit(fit_on.X, fit_on.y, sample_weight=fit_on.weight, groups=fit_on.group),
    }


def split_table(split: np.ndarray, y: np.ndarray, order: list[str]) -> pd.DataFrame:
    """Rows, bads and bad rate of each split, in the given order."""
    frame = pd.DataFrame({"split": split, "bad": y})
    table = frame.groupby("split")["bad"].agg(n="size", bads="sum", bad_rate="mean").reset_index()
    rank = {name: place for place, name in enumerate(order)}
    return table.sort_values("split", key=lambda s: s.map(rank), ignore_index=True)
