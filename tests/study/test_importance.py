"""The booster's SHAP values inside the selection of a card."""

from __future__ import annotations

import numpy as np
import pandas as pd

from creditlab.challenger import Challenger
from creditlab.estimators import expit
from creditlab.scorecard import Scorecard, Select
from creditlab.study import booster_importance


def test_elimination_by_a_booster_drops_noise_and_keeps_what_it_uses() -> None:
    rng = np.random.default_rng(4)
    X = pd.DataFrame(rng.normal(size=(2500, 4)), columns=["strong", "second", "noise", "more_noise"])
    y = (rng.random(2500) < expit(-1.5 - X["strong"] - 0.6 * X["second"])).astype(int)
    booster = Challenger(n_estimators=40, special={"noise": [-9]}, folds=2)
    select = Select(eliminate=True, importance=booster_importance(booster, rows=300), folds=2)
    card = Scorecard(select=select, min_iv=0).fit(X, y, groups=np.arange(2500) // 25)
    gone = card.result_.path.query("rule == 'eliminated'")
    assert set(card.result_.features) == {"strong", "second"} and set(gone["feature"]) == {"noise", "more_noise"}
    assert (gone["statistic"] >= 0).all() and not hasattr(booster, "result_")
