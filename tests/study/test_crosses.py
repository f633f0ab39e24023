"""Crosses of a booster: a planted one is found and helps, noise stays out, a leak by village does not get through."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.estimators import expit
from creditlab.scorecard import Scorecard
from creditlab.study import CrossSearch, find_crosses

N = 4000


def _rows(seed: int, together: float) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(N, 5)), columns=list("abcde"))
    truth = expit(-1.5 - 0.5 * X["a"] + 0.3 * X["c"] - together * X["a"] * X["b"])
    return X, (rng.random(N) < truth).astype(int), truth.to_numpy()


@pytest.fixture(scope="module")
def planted() -> tuple[pd.DataFrame, np.ndarray, np.ndarray, CrossSearch]:
    X, y, truth = _rows(0, 0.8)
    half = N // 2
    return X, y, truth, find_crosses(Scorecard(), X[:half], y[:half], groups=np.arange(half) // 30)


def test_what_acts_together_is_found_shown_and_helps_new_rows(planted) -> None:
    X, y, truth, found = planted
    assert [c.name for c in found.crosses] == ["a × b"]
    row = found.tidy().iloc[0]
    assert row["taken"] and row["gain"] > 2 * row["se"] and "taken" in row["en"] and "入选" in row["zh"]
    assert "a × b" in found.card.result_.features
    half = N // 2
    plain = Scorecard().fit(X[:half], y[:half])
    loss = [-np.mean(truth[half:] * np.log(p) + (1 - truth[half:]) * np.log1p(-p))
            for p in (card.predict_proba(X[half:])[:, 1] for card in (plain, found.card))]  # fmt: skip
    assert loss[1] < loss[0] - 0.01


def test_without_interactions_hardly_ever_one_is_taken() -> None:
    taken = [len(find_crosses(Scorecard(), *_rows(seed, 0.0)[:2]).crosses) for seed in (1, 2)]
    assert sum(taken) == 0


def test_settings_are_checked_and_nothing_is_changed(planted) -> None:
    X, y, _, _ = planted
    card = Scorecard()
    with pytest.raises(InputError, match="0 to 3"):
        find_crosses(card, X, y, most=4)
    none = find_crosses(card, X[:600], y[:600], most=0)
    assert none.crosses == () and not hasattr(card, "result_") and card.binner is None
