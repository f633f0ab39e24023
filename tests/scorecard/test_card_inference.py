"""The regression of a card through its public settings: penalties, offsets, villages, few bads, clamped features."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from creditlab.errors import InputError
from creditlab.estimators import expit
from creditlab.results import NotEstimable
from creditlab.scorecard import Scorecard
from creditlab.scorecard.signals import signals


def few_bads(n: int = 600, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 3)), columns=list("abc"))
    return X, (rng.random(n) < expit(-3 - X["a"] - 0.5 * X["b"])).astype(int).to_numpy()


def test_few_bads_get_penalised_limits_and_many_get_walds(sample, binner) -> None:
    X, y = few_bads()
    few, many = Scorecard().fit(X, y).result_, Scorecard(binner, min_z=0).fit(sample.X, sample.y).result_
    assert few.facts["inference"] == "firth" and many.facts["inference"] == "wald"
    table = many.tidy().set_index("feature")
    half = 1.959963984540054 * table["se"]
    np.testing.assert_allclose(table["hi"] - table["coef"], half, atol=1e-9)
    lo, hi = few.limits("a")
    assert lo < few.coef["a"] < hi and few.tidy().set_index("feature").loc["a", "lr_p"] < 0.05


@pytest.mark.parametrize("inference", ["profile", "firth"])
def test_the_inference_that_is_asked_for_is_made(sample, binner, inference: str) -> None:
    result = Scorecard(binner, inference=inference).fit(sample.X, sample.y).result_
    table = result.tidy().set_index("feature").loc[result.features]
    assert (table["interval"] == inference).all() and (table["lo"] < table["coef"]).all()
    assert (table["lr"] > 0).all() and result.facts["inference"] == inference


def test_a_clamped_feature_has_no_interval_but_a_reason() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=6000)
    b = a + 0.6 * rng.normal(size=6000)
    y = (rng.random(6000) < expit(-1.5 - 1.6 * a + 0.5 * b)).astype(int)
    result = Scorecard().fit(pd.DataFrame({"a": a, "b": b}), y).result_
    assert isinstance(result.limits("b"), NotEstimable) and "clamped" in result.limits("b").reason
    assert isinstance(result.limits("a"), tuple) and "held out" in result.summary()


def test_ridge_and_lasso_shrink_and_say_so(sample, binner) -> None:
    plain = Scorecard(binner).fit(sample.X, sample.y).result_
    ridge = Scorecard(binner, ridge=500.0, min_effect=0).fit(sample.X, sample.y).result_
    assert all(abs(ridge.coef[n]) < abs(plain.coef[n]) for n in plain.coef)
    assert isinstance(ridge.limits("收入"), NotEstimable) and "penalty" in ridge.limits("收入").reason
    lasso = Scorecard(binner, lasso=60.0, min_iv=0).fit(sample.X, sample.y).result_
    left = lasso.selection.set_index("feature")
    assert not left.loc["noise", "kept"] and left.loc["收入", "kept"] and len(lasso.features) < 4
    again = clone(Scorecard(binner, lasso=60.0, min_iv=0)).fit(sample.X, sample.y).result_
    assert again.coef == lasso.coef


def test_few_bads_hold_the_slopes_back_and_leave_the_inference_alone() -> None:
    rng = np.random.default_rng(8)
    X = pd.DataFrame(rng.normal(size=(700, 8)), columns=list("abcdefgh"))
    y = (rng.random(700) < expit(-1.5 - 0.8 * X["a"] - 0.5 * X["b"])).astype(int)
    held, plain = (Scorecard(min_iv=0, min_effect=0, ridge=r).fit(X, y).result_ for r in ("auto", 0))
    assert held.facts["ridge_chosen"] and held.facts["ridge"] == 4 and plain.facts["ridge"] == 0
    assert "ridge" in signals(held)["check"].tolist() and "ridge" not in signals(plain)["check"].tolist()
    mine, theirs = held.tidy().set_index("feature"), plain.tidy().set_index("feature")
    assert abs(mine.loc["a", "coef"]) < abs(theirs.loc["a", "coef"])
    same = ["se", "z", "p_value", "lo", "hi"]
    pd.testing.assert_frame_equal(mine[same], theirs[same])
    np.testing.assert_allclose(mine["unshrunk"], theirs["coef"], rtol=1e-8)
    known = mine["se"].notna()
    assert (held.conf_int()["lo"] < mine["unshrunk"])[known].all()


def test_many_bads_leave_the_likelihood_unpenalised(sample, binner) -> None:
    result = Scorecard(binner).fit(sample.X, sample.y).result_
    assert result.facts["ridge"] == 0 and not result.facts["ridge_chosen"]
    assert (result.tidy()["unshrunk"] == result.tidy()["coef"]).all()


def test_held_back_slopes_rank_and_price_new_rows_better() -> None:
    """Twelve small samples of one truth with many weak features, judged on the true PDs."""
    rng, gains = np.random.default_rng(3), []
    slopes = np.array([0.6, 0.4, 0.3, 0.2] + [0.1] * 8)
    for _ in range(12):
        X = pd.DataFrame(rng.normal(size=(2400, 12)))
        truth = expit(-1.5 + X.to_numpy() @ slopes)
        y = (rng.random(2400) < truth).astype(int)
        loss = []
        for ridge in ("auto", 0.0):
            prob = Scorecard(ridge=ridge, inference="wald").fit(X[:400], y[:400]).predict_proba(X[400:])[:, 1]
            loss.append(-np.mean(truth[400:] * np.log(prob) + (1 - truth[400:]) * np.log1p(-prob)))
        gains.append(loss[1] - loss[0])
    assert np.mean(gains) > 2 * np.std(gains) / np.sqrt(12)


def test_offset_undoes_a_sample_of_the_goods(sample, binner) -> None:
    rng = np.random.default_rng(3)
    keep = (sample.y == 1) | (rng.random(len(sample.y)) < 0.25)
    X, y = sample.X[keep], sample.y[keep]
    card = Scorecard(binner).fit(X, y, offset=np.full(len(y), np.log(4.0)))
    naive = Scorecard(binner).fit(X, y)
    # a constant offset moves the intercept and nothing else
    assert card.result_.intercept == pytest.approx(naive.result_.intercept - np.log(4.0), abs=1e-8)
    assert card.predict_proba(sample.X)[:, 1].mean() == pytest.approx(sample.y.mean(), rel=0.1)
    with pytest.raises(InputError, match="one per row"):
        Scorecard().fit(X, y, offset=[1.0])


def test_villages_reach_the_intervals_of_the_bins_and_leave_the_bins(sample, binner) -> None:
    alone = Scorecard(binner).fit(sample.X, sample.y)
    clustered = Scorecard(binner).fit(sample.X, sample.y, groups=sample.village)
    for name in alone.result_.bins:
        here, there = alone.result_.bins[name], clustered.result_.bins[name]
        assert here.spec == there.spec and np.array_equal(here.woe, there.woe)
        assert "clusters" in there.tidy() and "clusters" not in here.tidy()
    assert (alone.points(sample.X) == clustered.points(sample.X)).all()


def test_settings_that_cannot_be_used_are_refused(sample) -> None:
    for options in ({"inference": "bayes"}, {"ridge": -1.0}, {"lasso": np.inf}):
        with pytest.raises(InputError):
            Scorecard(**options).fit(sample.X, sample.y)
