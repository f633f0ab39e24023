"""The challenger's other forms: on bins, recalibrated, weighted, tuned; and the boosted scorecard as points tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import creditlab as cl
from creditlab.binning import Binner, Cross
from creditlab.challenger import BoostedScorecard, Challenger, tune
from creditlab.challenger.recalibration import fit_line
from creditlab.challenger.tables import purify
from creditlab.errors import InputError
from tests.test_challenger import made

SPECIAL = {"deposit": {-999: "not connected"}}
QUICK = {"n_estimators": 60, "folds": 3}


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, np.ndarray]:
    return made()


def test_on_bins_the_trees_see_bin_numbers_and_nothing_else(data) -> None:
    X, y = data
    binner = Binner(special=SPECIAL, crosses=[Cross("crop", "flag")])
    boost = Challenger(binner=binner, **QUICK).fit(X, y)
    result = boost.result_
    assert result.features == ["收入{}", "crop", "deposit", "flag", "crop × flag"] and binner.get_params()["crosses"]
    # two households in the same bins are one household for the model
    moved = X.copy()
    cut = result.bins["收入{}"].spec.cuts[0]
    inside = (X["收入{}"] < cut).to_numpy()
    moved.loc[inside, "收入{}"] = cut - 7.0
    np.testing.assert_array_equal(boost.decision_function(moved), boost.decision_function(X))
    # special codes and missing values stay apart in what the trees see
    odd = X.head(3).copy()
    odd["deposit"] = [-999.0, np.nan, 1.0]
    column = result.design(odd)[:, 2:4]
    assert len({tuple(np.nan_to_num(row, nan=-1.0)) for row in column}) == 3
    again = Challenger.from_dict(boost.to_dict())
    np.testing.assert_array_equal(again.decision_function(X), boost.decision_function(X))
    assert again.fit(X, y).result_.model == result.model
    told = cl.explain(boost, X.head(300)).reasons(3, "en")
    assert any("not connected" in str(v) for v in told.to_numpy().ravel())


def test_a_missing_value_that_no_training_row_had_is_read_as_the_middle_not_as_zero() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"income": rng.normal(100, 10, 1500)})  # 0 would be the poorest of all
    y = (rng.random(1500) < 1 / (1 + np.exp((X["income"] - 90) / 5))).astype(int)
    boost = Challenger(**QUICK).fit(X, y)
    gone = boost.decision_function(pd.DataFrame({"income": [np.nan]}))[0]
    middle = boost.decision_function(pd.DataFrame({"income": [float(X["income"].median())]}))[0]
    assert gone == middle < boost.decision_function(pd.DataFrame({"income": [0.0]}))[0]


def test_recalibration_meets_the_rate_keeps_the_ranking_and_explains_itself(data) -> None:
    X, y = data
    boost = Challenger(special=SPECIAL, **QUICK).fit(X, y)
    shifted = boost.calibrate(X, method="intercept", target_rate=0.05)
    assert shifted.predict_proba(X)[:, 1].mean() == pytest.approx(0.05, abs=1e-9)
    line = boost.calibrate(X, y)
    facts = line.result_.calibration["steps"][0]
    assert facts["log_loss_after"] < facts["log_loss_before"] and facts["mean_pd_after"] == pytest.approx(y.mean())
    assert roc_auc_score(y, line.decision_function(X)) == roc_auc_score(y, boost.decision_function(X))
    e = cl.explain(line, X.head(200))
    np.testing.assert_allclose(e.log_odds, line.decision_function(X.head(200)), atol=1e-10)
    back = cl.challenger.Challenger.from_dict(line.to_dict())
    np.testing.assert_array_equal(back.decision_function(X), line.decision_function(X))
    twice = line.calibrate(X, method="intercept", target_rate=0.1)
    assert len(twice.result_.calibration["steps"]) == 2
    assert boost.result_.recalibrated == (0.0, 1.0), "the challenger itself stays as it was"
    with pytest.raises(InputError, match="method='intercept'"):
        boost.calibrate(X)


def test_the_line_is_the_logistic_regression() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=4000)
    bad = (rng.random(4000) < 1 / (1 + np.exp(1 - 2 * x))).astype(float)
    a, b = fit_line(x, bad, np.ones(4000), "platt")
    p = 1 / (1 + np.exp(-(a + b * x)))
    assert abs((bad - p).sum()) < 1e-4 and abs(((bad - p) * x).sum()) < 1e-4 and b == pytest.approx(2, abs=0.25)
    with pytest.raises(InputError, match="ranks bads above goods"):
        fit_line(-x, bad, np.ones(4000), "platt")


def test_weights_move_the_level_and_both_levels_are_shown(data) -> None:
    X, y = data
    weight = np.where(y == 1, 4.0, 1.0)
    facts = Challenger(**QUICK).fit(X, y, sample_weight=weight).result_.facts
    assert facts["bad_rate"] == pytest.approx((weight * y).sum() / weight.sum())
    assert facts["bad_rate_by_rows"] == pytest.approx(y.mean()) and facts["mean_pd_by_rows"] > y.mean() + 0.1
    plain = Challenger(**QUICK).fit(X, y).result_.facts
    assert "bad_rate_by_rows" not in plain and 0.5 < plain["held_out_slope"] < 2
    fixed = Challenger(recalibrate=True, **QUICK).fit(X, y).result_
    assert fixed.recalibrated == (fixed.facts["held_out_intercept"], fixed.facts["held_out_slope"])


def test_tuning_keeps_every_trial_and_is_the_same_for_the_same_seed(data) -> None:
    X, y = data
    village = np.arange(len(y)) // 40
    seen: list[int] = []

    def watched(trials):
        for trial in trials:
            seen.append(trial)
            yield trial

    small = Challenger(n_estimators=30, folds=2, directions={"flag": 0})
    first = tune(small, X, y, groups=village, trials=3, progress=watched)
    again = tune(small, X, y, groups=village, trials=3)
    table = first.tidy()
    assert seen == [0, 1, 2, 3] and sorted(table["trial"]) == seen
    pd.testing.assert_frame_equal(table, again.tidy())
    assert table["log_loss"].is_monotonic_increasing and first.facts["log_loss_best"] <= first.facts["log_loss_before"]
    assert not hasattr(first.best, "result_") and first.best.directions == {"flag": 0}
    short = tune(small, X, y, groups=village, trials=50, seconds=1e-9)
    assert len(short.tidy()) == 1 and short.facts["ended_by_time"]
    for wrong in ({"trials": 0}, {"seconds": -1}):
        with pytest.raises(InputError, match="tune"):
            tune(small, X, y, **wrong)
    with pytest.raises(InputError, match="at least 50 bads"):
        tune(small, X, np.where(np.arange(len(y)) < 20, 1, 0), trials=1)


@pytest.mark.parametrize("depth", [1, 2])
def test_the_boosted_scorecard_is_the_sum_of_its_printed_tables(data, depth: int) -> None:
    X, y = data
    card = BoostedScorecard(depth, special=SPECIAL, n_estimators=80, folds=3).fit(X, y)
    table = card.result_.points_table()
    base = table.loc[table["feature"] == "(base)", "points"].iloc[0]
    coded = {name: values.to_numpy() for name, values in card.result_.coded(X).items()}
    total = np.full(len(X), float(base))
    for name, part in table[table["feature"] != "(base)"].groupby("feature", sort=False):
        total += part["points"].to_numpy()[coded[name]]
    for (a, b), part in card.result_.pair_tables().groupby(["first", "second"], sort=False):
        size = int(part["bin_second"].max()) + 1
        total += part["points"].to_numpy()[coded[a] * size + coded[b]]
    np.testing.assert_array_equal(card.points(X), total)
    assert card.result_.facts["tables_gap"] < 1e-9 and (len(card.result_.pair_tables()) > 0) == (depth == 2)
    assert max(len(t.value) for t in card.result_.trees) <= 1 << depth
    back = cl.challenger.BoostedScorecard.from_dict(card.to_dict())
    assert back.points(X).equals(card.points(X)) and back.result_.points_table().equals(table)


def test_pairs_hold_only_what_two_features_do_together(data) -> None:
    X, y = data
    card = BoostedScorecard(2, special=SPECIAL, n_estimators=80, folds=3).fit(X, y)
    coded = {name: values.to_numpy() for name, values in card.result_.coded(X).items()}
    for (a, b), effect in card.result_.tables.pairs.items():
        cells = pd.Series(effect[coded[a], coded[b]])
        assert cells.groupby(coded[a]).mean().abs().max() < 1e-9 > cells.groupby(coded[b]).mean().abs().max()
    for name, effect in card.result_.tables.main.items():
        assert abs(effect[coded[name]].mean()) < 1e-9


def test_purification_keeps_the_sum_for_any_weights() -> None:
    rng = np.random.default_rng(0)
    effect, joint = rng.normal(size=(4, 5)), rng.integers(0, 9, (4, 5)).astype(float)
    joint[2] = 0
    pure, rows, columns = purify(effect, joint)
    np.testing.assert_allclose(pure + rows[:, None] + columns, effect, atol=1e-12)
    assert np.abs((pure * joint).sum(axis=0)).max() < 1e-9 > np.abs((pure * joint).sum(axis=1)).max()


def test_wrong_settings_of_the_forms_raise(data) -> None:
    with pytest.raises(InputError, match="depth 1 or 2"):
        BoostedScorecard(3).fit(*data)
    with pytest.raises(InputError, match="Give them to the Binner"):
        Challenger(binner=Binner(), special=SPECIAL).fit(*data)
    with pytest.raises(InputError, match="a Binner"):
        Challenger(binner="bins").fit(*data)
    with pytest.raises(InputError, match="recalibrate"):
        Challenger(recalibrate=1).fit(*data)


def test_many_levels_that_say_nothing_cost_little_on_new_rows() -> None:
    """Groups of 300 noise levels found on the rows themselves would look like the best column of all."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"income": rng.normal(size=4000), "zip": rng.integers(0, 300, 4000).astype(str)})
    y = (rng.random(4000) < 1 / (1 + np.exp(1.5 + X["income"]))).astype(int)
    fit, new = X.iloc[:2500], X.iloc[2500:]
    alone = BoostedScorecard(n_estimators=60, folds=3).fit(fit[["income"]], y[:2500])
    both = BoostedScorecard(n_estimators=60, folds=3).fit(fit, y[:2500])
    auc = [roc_auc_score(y[2500:], model.decision_function(new)) for model in (alone, both)]
    assert auc[1] > auc[0] - 0.02
