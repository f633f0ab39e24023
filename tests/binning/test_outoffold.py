"""A column of many levels does not lower the ranking of a card: its rows are coded without themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from creditlab import Scorecard
from creditlab.binning import Binner
from creditlab.binning.outoffold import FOLDS, deal, row_hashes
from creditlab.scorecard.selection import information

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "real"


def credit(n: int = 6000, levels: int = 400, effect: float = 0.0, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    level, income = rng.integers(0, levels, n), rng.normal(size=n)
    risk = 0.8 * income - effect * rng.normal(size=levels)[level]
    y = (rng.random(n) < 1 / (1 + np.exp(1.5 + risk))).astype(int)
    return pd.DataFrame({"income": income, "zip": np.char.add("z", level.astype(str))}), y


def test_training_rows_are_coded_without_themselves_and_new_rows_by_the_table():
    X, y = credit(effect=0.8)
    binner = Binner()
    held = binner.fit_transform(X, y)
    table = binner.transform(X)
    assert held["income"].equals(table["income"])
    assert not held["zip"].equals(table["zip"])
    one = np.ones(len(y))
    assert information(held, y, one)[1] < 0.8 * information(table, y, one)[1]
    assert binner.result_["zip"].spec == Binner().fit(X, y).result_["zip"].spec


def test_noise_carries_nothing_out_of_fold():
    found = []
    for seed in range(10):
        X, y = credit(seed=seed)
        # as many groups as the sample gives: the worst that selection could let through
        held = Binner(min_share=0.01).fit_transform(X, y)
        found.append(information(held, y, np.ones(len(y)))[1])
    assert np.mean(found) < 0.002 and np.max(found) < 0.01  # a table's own IV of such noise is several hundredths


def test_a_column_of_few_levels_is_coded_by_the_table():
    X, y = credit(levels=8, effect=0.5)
    binner = Binner()
    assert binner.fit_transform(X, y).equals(binner.transform(X))


def test_row_order_does_not_matter_and_weights_equal_copies():
    X, y = credit(n=4000, effect=0.8)
    order = np.random.default_rng(1).permutation(len(X))
    whole = Binner().fit_transform(X, y)
    mixed = Binner().fit_transform(X.iloc[order], y[order])
    pd.testing.assert_frame_equal(mixed.sort_index(), whole)
    w = np.random.default_rng(2).integers(0, 4, len(X))
    at = np.repeat(np.arange(len(X)), w)
    weighted = Binner().fit_transform(X, y, sample_weight=w)
    copies = Binner().fit_transform(X.iloc[at], y[at])
    np.testing.assert_allclose(weighted.to_numpy()[at], copies.to_numpy(), atol=1e-12)


def test_copies_of_a_lone_column_are_dealt_apart():
    level = np.repeat(np.arange(40), 50)
    bad = np.tile([0, 0, 0, 0, 1], 400)
    hashes = row_hashes([pd.Series(level.astype(str))])
    fold = deal(level, bad, hashes)
    share = np.bincount(level * FOLDS + fold, minlength=40 * FOLDS).reshape(40, FOLDS) / 50
    assert share.max() < 0.2 + 5 * np.sqrt(0.16 / 50)  # five standard errors of a fifth
    of_bads = np.bincount(fold[bad == 1], minlength=FOLDS) / bad.sum()
    assert np.abs(of_bads - 0.2).max() < 5 * np.sqrt(0.16 / bad.sum())  # the target says nothing of the fold


def test_folds_do_not_depend_on_the_dtype_of_a_number():
    X, _ = credit(n=500)
    whole = X.assign(income=X["income"].round())
    other = whole.assign(income=whole["income"].astype("Int64"))
    assert np.array_equal(row_hashes([whole[c] for c in whole]), row_hashes([other[c] for c in other]))


def test_a_pipeline_trains_out_of_fold():
    X, y = credit(effect=0.0, seed=3)
    new, truth = credit(effect=0.0, seed=4)
    careful = make_pipeline(Binner(), LogisticRegression()).fit(X, y)
    binner = Binner().fit(X, y)
    careless = LogisticRegression().fit(binner.transform(X), y)
    auc = roc_auc_score(truth, careful.predict_proba(new)[:, 1])
    assert auc >= roc_auc_score(truth, careless.predict_proba(binner.transform(new))[:, 1]) - 1e-9


@pytest.mark.parametrize("effect", [0.0, 0.5])
def test_a_card_gains_from_a_real_effect_and_loses_nothing_to_noise(effect):
    gain = []
    for seed in range(3):
        X, y = credit(n=12_000, levels=600, effect=effect, seed=seed)
        fit, test = train_test_split(np.arange(len(y)), test_size=0.3, random_state=seed)
        auc = [
            roc_auc_score(y[test], Scorecard().fit(X[c].iloc[fit], y[fit]).predict_proba(X[c].iloc[test])[:, 1])
            for c in (["income"], ["income", "zip"])
        ]
        gain.append(auc[1] - auc[0])
    assert np.mean(gain) > (0.005 if effect else -0.001), gain


@pytest.mark.skipif(not (REAL / "lendingclub_2007_2011.parquet").exists(), reason="the real tables are not here")
def test_the_postcode_does_not_lower_lending_club():
    facts = json.loads((REAL / "lendingclub_2007_2011.json").read_text(encoding="utf-8"))
    frame = pd.read_parquet(REAL / "lendingclub_2007_2011.parquet")
    columns, y = facts["numeric"] + facts["categorical"], frame[facts["target"]]
    gain = []
    for seed in range(101, 106):
        fit, test = train_test_split(np.arange(len(y)), test_size=0.3, stratify=y, random_state=seed)
        auc = []
        for X in (frame[columns], frame[[*columns, "zip3"]]):
            card = Scorecard(Binner(special=facts["special_codes"])).fit(X.iloc[fit], y.iloc[fit])
            auc.append(roc_auc_score(y.iloc[test], card.predict_proba(X.iloc[test])[:, 1]))
        gain.append(auc[1] - auc[0])
    assert np.mean(gain) >= -0.0005, gain
