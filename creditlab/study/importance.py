"""What a booster makes of each feature, in the form that the selection of a card asks for.

Give it to `Select(eliminate=True, importance=booster_importance())`: recursive elimination then goes by the booster's
SHAP values instead of the card's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from sklearn.base import clone

from creditlab.challenger import Challenger
from creditlab.explanation import explain


def booster_importance(
    booster: Challenger | None = None, rows: int = 1_000
) -> Callable[[pd.DataFrame, np.ndarray, np.ndarray, pd.DataFrame], Mapping[str, float]]:
    """A function that fits a booster on training rows and gives its mean absolute SHAP values on the test rows.

    Parameters
    ----------
    booster : an unfitted `Challenger`; None takes `Challenger()`. It is cloned for every call.
    rows : test rows at most that are explained, the first of a seeded draw.
    """
    unfitted = Challenger() if booster is None else booster

    def importance(train: pd.DataFrame, bad: np.ndarray, weight: np.ndarray, test: pd.DataFrame) -> Mapping[str, float]:
        model = clone(unfitted).set_params(**_known_to(unfitted, train))
        model.fit(train, bad, weight)
        some = test.iloc[np.sort(np.random.default_rng(unfitted.seed).permutation(len(test))[:rows])]
        values = explain(model, some, background=some).values.abs().mean()
        return {name: float(values.get(name, 0.0)) for name in train.columns}

    return importance


def _known_to(booster: Challenger, frame: pd.DataFrame) -> dict[str, Mapping[str, object] | None]:
    """The special codes and directions of the columns that are there."""
    kept: dict[str, Mapping[str, object] | None] = {}
    for name in ("special", "directions"):
        given = getattr(booster, name)
        kept[name] = None if given is None else {c: v for c, v in given.items() if c in frame or c == "*"}
    return kept
