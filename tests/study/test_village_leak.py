"""The leak of a careless village rate, on made-up villages whose truth is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from creditlab.study.village_leak import village_rate_leak


def sample(seed: int = 0, villages: int = 120) -> SimpleNamespace:
    """Households whose risk depends on themselves and, a little, on their village."""
    rng = np.random.default_rng(seed)
    village = np.repeat(np.arange(villages), rng.integers(3, 30, villages))
    effect = rng.normal(0, 0.4, villages)
    x = rng.normal(size=len(village))
    y = (rng.random(len(village)) < 1 / (1 + np.exp(2.2 - x - effect[village]))).astype(int)
    homes = np.array([f"H{i}" for i in range(len(y))])
    return SimpleNamespace(X=pd.DataFrame({"x": x}), y=y, village=village, household=homes)


def test_the_careless_rate_lifts_the_auc_under_both_splits_and_the_fold_one_does_not_when_villages_are_held_out():
    table = village_rate_leak(sample()).tidy().set_index(["rate", "split"])
    gain = table["gain"]
    assert gain["careless", "random"] > 0.02 and gain["careless", "village"] > 0.02
    # a village that the fold has not seen has the overall rate: nothing to gain, and little to lose
    assert abs(gain["fold", "village"]) < 0.01
    assert gain["fold", "random"] < gain["careless", "random"] / 2


def test_the_figure_and_the_stamp():
    data = sample(1, 60)
    found = village_rate_leak(data, seeds=(0,))
    assert len(found.plot.leak().data) == 2 and len(found.tidy()) == 6
    assert found.stamp == village_rate_leak(data, seeds=(0,)).stamp
