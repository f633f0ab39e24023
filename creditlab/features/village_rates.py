"""The bad rate of a village as a feature, made so that it does not leak.

A rate of outcomes holds the row's own label unless it is taken out, and the labels of the rows that a model is tested
on unless it is made inside the fold. `VillageRate` is fitted on the rows of a fold: its training rows see the outcomes
of the *other* households of their village, the rows held out see those of the training rows only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_groups, check_target
from creditlab.errors import InputError, message

#: loans' worth of the overall rate that a village's own rate is shrunken towards
PRIOR = 10.0


class VillageRate:
    """The shrunken bad rate of the other households of a village: (bads + prior · rate) / (n + prior).

    Parameters
    ----------
    prior : the weight of the overall rate, in rows; 0 takes the village's rate as it is.

    Use `fit_transform` for the rows that it is fitted on, `transform` for all others. A village without other rows has
    the overall rate of the rows that remain.

    >>> rate = VillageRate(prior=0).fit(["u", "u", "u", "v"], [1, 0, 0, 1])
    >>> rate.transform(["u", "v", "w"]).round(3).tolist()
    [0.333, 1.0, 0.5]
    >>> VillageRate(prior=0).fit_transform(["u", "u", "u"], [1, 0, 0]).tolist()
    [0.0, 0.5, 0.5]
    """

    def __init__(self, prior: float = PRIOR) -> None:
        self.prior = prior

    def fit(self, village: Any, y: Any) -> VillageRate:
        """Learn the rates from the rows of a fold; each row is a village and a 0/1 outcome."""
        target = check_target(y)
        names = check_groups(village, len(target), "village")
        if not self.prior >= 0:
            raise InputError(message("a weight of 0 or more", repr(self.prior), "prior of VillageRate", "Use 10."))
        self.rate_ = float(target.mean())
        self.sums_ = pd.Series(target.astype("float64")).groupby(np.asarray(names)).agg(["sum", "size"])
        return self

    def transform(self, village: Any) -> np.ndarray:
        """The rate of each row's village among the rows of the fit."""
        there = self.sums_.reindex(np.asarray(village)).fillna(0.0)
        return _shrunken(there["sum"].to_numpy(), there["size"].to_numpy(), self.rate_, self.prior)

    def fit_transform(self, village: Any, y: Any, household: Any = None) -> np.ndarray:
        """The rate of each row's village without the rows of its own household.

        `household` names it where one has several rows (several observation dates); None takes each row as its own.
        """
        self.fit(village, y)
        target = np.asarray(y, dtype="float64")
        own = np.arange(len(target)) if household is None else pd.factorize(np.asarray(household))[0]
        place = np.asarray(village)
        mine = pd.DataFrame({"own": own, "village": place, "y": target})
        here = mine.groupby(["own", "village"])["y"]
        anywhere = mine.groupby("own")["y"]
        there = self.sums_.reindex(place)
        bads = there["sum"].to_numpy() - here.transform("sum").to_numpy()
        rows = there["size"].to_numpy() - here.transform("size").to_numpy()
        # the overall rate, too, is that of the others
        left = len(target) - anywhere.transform("size").to_numpy()
        overall = (target.sum() - anywhere.transform("sum").to_numpy()) / np.maximum(left, 1)
        return _shrunken(bads, rows, np.where(left > 0, overall, self.rate_), self.prior)


def _shrunken(bads: np.ndarray, rows: np.ndarray, rate: Any, prior: float) -> np.ndarray:
    weight = np.where(rows + prior > 0, rows + prior, 1.0)
    return np.where(rows + prior > 0, (bads + prior * rate) / weight, rate)
