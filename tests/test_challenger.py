"""The challenger: same contract, same trees at any number of threads, directions kept, files that read back."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from creditlab.challenger import Challenger
from creditlab.challenger.coding import Coding, fit_coding, rate_order
from creditlab.challenger.directions import evidence
from creditlab.challenger.trees import walk_directions
from creditlab.columns import Column, Dictionary
from creditlab.errors import ColumnError, FitError, InputError, NotFittedError, PolicyError, UnreadableError
from creditlab.scaling import Scale

QUICK = {"n_estimators": 60, "folds": 3}


def made(n: int = 2000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "收入{}": rng.normal(size=n),
            "crop": rng.choice(["小麦", "玉米", "稻"], n),
            "deposit": np.round(rng.gamma(2.0, size=n), 2),
            "flag": rng.random(n) < 0.3,
        }
    )
    X.loc[:200, "deposit"] = -999
    X.loc[201:300, "deposit"] = np.nan
    log_odds = -1.5 - X["收入{}"] + 0.9 * (X["crop"] == "玉米") + 0.9 * (X["deposit"] == -999)
    return X, (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(int).to_numpy()


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, np.ndarray]:
    return made()


@pytest.fixture(scope="module")
def boost(data) -> Challenger:
    return Challenger(special={"deposit": {-999: "not connected"}}, **QUICK).fit(*data)


def test_it_finds_the_truth(boost, data) -> None:
    X, y = made(seed=1)
    assert roc_auc_score(y, boost.predict_proba(X)[:, 1]) > 0.72
    table = boost.result_.tidy().set_index("feature")
    assert table.index[0] == "收入{}" and table.loc["收入{}", ["direction", "directed_by"]].tolist() == [
        -1,
        "training rows",
    ]
    assert table["share"].sum() == pytest.approx(1.0)
    assert boost.predict_proba(data[0])[:, 1].mean() == pytest.approx(data[1].mean(), abs=0.01)


def test_points_are_the_scale_of_the_log_odds(boost, data) -> None:
    points = boost.points(data[0])
    np.testing.assert_array_equal(points, np.rint(Scale().points_of_log_odds(boost.decision_function(data[0]))))
    assert points.index.equals(data[0].index) and points.name == "points"


def test_threads_do_not_change_the_trees(data) -> None:
    small = {"n_estimators": 12, "folds": 2}
    texts = {Challenger(n_jobs=n, **small).fit(*data).result_.model for n in (1, 2, 4)}
    assert len(texts) == 1
    wide = data[0].assign(more=np.arange(2000) % 7, other=np.arange(2000) % 11)
    assert len({Challenger(seed=s, **small).fit(wide, data[1]).result_.model for s in (0, 1)}) == 2


def test_a_code_is_missing_in_its_column_and_kept_apart_beside_it() -> None:
    values = pd.Series([1.0, -9, -8, np.nan, 2.0] * 200, name="x")
    bad = np.array([0, 1, 0, 0, 1] * 200)
    coding = fit_coding(values, bad, np.ones(1000), [(-9, "no record"), (-8, "not valid"), (-7, "never seen")])
    assert coding.special == ((-9.0, 2), (-8.0, 1))
    expected = np.array([[1, 0], [np.nan, 2], [np.nan, 1], [np.nan, np.nan], [2, 0]])
    np.testing.assert_array_equal(coding.design(values.head(5)), expected)


def test_levels_are_ordered_by_bad_rate_and_unseen_is_missing() -> None:
    values = pd.Series(["高", "低", "中"] * 300, name="risk")
    rng = np.random.default_rng(0)
    bad = (rng.random(900) < values.map({"高": 0.6, "中": 0.3, "低": 0.1})).astype(int).to_numpy()
    coding = fit_coding(values, bad, np.ones(900))
    assert dict(coding.levels) == {"低": 0, "中": 1, "高": 2}
    np.testing.assert_array_equal(coding.design(pd.Series(["低", "新", None]))[:, 0], [0, np.nan, np.nan])
    assert Coding.from_dict(coding.to_dict()) == coding
    # no training row was missing: the trees know nothing of it, and it is read as the middle level, not as the best
    known = coding.with_middle(values, np.ones(900))
    np.testing.assert_array_equal(known.design(pd.Series(["低", "新", None]))[:, 0], [0, 1, 1])
    assert Coding.from_dict(known.to_dict()) == known


def test_a_level_of_one_row_is_not_called_the_worst() -> None:
    codes = np.array([0] * 400 + [1] * 400 + [2])
    bad = np.array([1] * 40 + [0] * 360 + [1] * 160 + [0] * 240 + [1])
    assert rate_order(codes, 3, bad, np.ones(801)).tolist() == [0, 2, 1]
    assert rate_order(codes[:800], 3, bad[:800], np.ones(800)).tolist() == [0, 2, 1]  # no rows at all: the mean


def test_thin_levels_are_missing() -> None:
    values = pd.Series(["a"] * 50 + ["b"] * 50 + ["thin"] * 3)
    coding = fit_coding(values, np.tile([0, 1], 52)[:103], np.ones(103), least=20)
    assert [name for name, _ in coding.levels] == ["a", "b"]
    assert np.isnan(coding.design(pd.Series(["thin"]))).all()


def test_evidence_sees_trends_and_turns() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=5000)

    def drawn(log_odds):
        return (rng.random(5000) < 1 / (1 + np.exp(-log_odds))).astype(int)

    ones = np.ones(5000)
    assert evidence(x, drawn(x - 1), ones) == 1
    assert evidence(x, drawn(-x - 1), ones) == -1
    assert evidence(x, drawn(0 * x - 1), ones) == 0
    assert evidence(x, drawn(0.3 * x + x**2 - 2), ones) == 0


def test_declared_directions_hold_everywhere(data) -> None:
    X, y = data
    boost = Challenger(directions={"收入{}": 1}, **QUICK).fit(X, y)  # against the data: then it must stay flat or rise
    walk = X.iloc[np.repeat(np.arange(20), 30)].copy()
    walk["收入{}"] = np.tile(np.linspace(-3, 3, 30), 20)
    assert np.diff(boost.decision_function(walk).reshape(20, 30), axis=1).min() >= -1e-12
    assert boost.result_.tidy().set_index("feature").loc["收入{}", "directed_by"] == "declared"
    free = Challenger(monotone="none", **QUICK).fit(X, y)
    assert (free.result_.tidy()["direction"] == 0).all() and free.result_.facts["directions_verified"] == 0


def test_a_broken_direction_is_refused_leaf_against_leaf(data) -> None:
    free = Challenger(monotone="none", **QUICK).fit(*data).result_
    with pytest.raises(FitError, match="tree .*, design column 0"):
        walk_directions(free.trees, np.array([1, 0, 0, 0]))  # income lowers risk: upwards it is broken
    held = Challenger(**QUICK).fit(*data).result_
    assert held.facts["leaf_pairs_compared"] > 100


def test_awkward_rows_get_finite_points(boost, data) -> None:
    odd = data[0].head(4).copy()
    odd["flag"] = odd["flag"].astype(object)
    odd.iloc[0] = [np.nan, None, np.nan, None]
    odd.iloc[1, 1] = "火星作物"
    odd.iloc[2, 0], odd.iloc[3, 0] = np.inf, -np.inf
    prob = boost.predict_proba(odd[odd.columns[::-1]])[:, 1]
    assert np.isfinite(prob).all() and prob[3] > prob[2]
    batch = boost.decision_function(data[0])
    assert boost.decision_function(data[0].iloc[[7]])[0] == batch[7]


def test_dictionary_gives_directions_and_guards_columns(data) -> None:
    X, y = data
    declared = Dictionary.of([Column("收入{}", direction=-1), Column("deposit", direction=0)])
    boost = Challenger(dictionary=declared, monotone="declared", **QUICK).fit(X, y)
    assert boost.result_.tidy().set_index("feature")["direction"].to_dict() == {
        "收入{}": -1,
        "crop": 1,
        "deposit": 0,
        "flag": 0,
    }
    with pytest.raises(PolicyError, match="flag"):
        Challenger(dictionary=Dictionary.of([Column("flag", use="audit")])).fit(X, y)


def test_groups_are_held_out_together(data) -> None:
    X, y = data
    village = np.arange(len(y)) // 50
    boost = Challenger(**QUICK).fit(X, y, groups=village)
    assert 1 <= boost.result_.facts["trees"] <= 60 and np.isfinite(boost.result_.facts["log_loss_held_out"])


def test_file_round_trip_is_identical(boost, data, tmp_path) -> None:
    first, second = tmp_path / "一.json", tmp_path / "二.json"
    boost.to_json(first)
    back = Challenger.from_dict(json.loads(first.read_text(encoding="utf-8")))
    back.to_json(second)
    assert first.read_bytes() == second.read_bytes()
    np.testing.assert_array_equal(back.decision_function(data[0]), boost.decision_function(data[0]))
    assert back.special == {"deposit": {-999: "not connected"}}
    broken = json.loads(first.read_text(encoding="utf-8"))
    broken["content"]["result"]["model"] += " "
    with pytest.raises(UnreadableError, match="damaged"):
        Challenger.from_dict(broken)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"monotone": True}, "monotone"),
        ({"directions": {"flag": 2}}, "directions"),
        ({"num_leaves": 1}, "num_leaves"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"special": {"flag": "x"}}, "special"),
        ({"scale": 600}, "Scale"),
    ],
)
def test_wrong_settings_raise(data, options, match: str) -> None:
    with pytest.raises(InputError, match=match):
        Challenger(**options).fit(*data)


def test_wrong_calls_raise(boost, data) -> None:
    with pytest.raises(NotFittedError, match="Call fit"):
        Challenger().points(data[0])
    with pytest.raises(ColumnError, match="crop"):
        boost.points(data[0].drop(columns="crop"))
    with pytest.raises(ColumnError, match="'nosuch'"):
        Challenger(directions={"nosuch": 1}).fit(*data)


OTHER_TARGET = "its target holds values other than 0 and 1; here the target is good or bad"
EXPECTED = dict.fromkeys(
    (
        "check_estimators_dtypes",
        "check_sample_weights_pandas_series",
        "check_sample_weights_not_an_array",
        "check_sample_weights_shape",
        "check_sample_weights_not_overwritten",
        "check_classifier_data_not_an_array",
        "check_classifiers_classes",
        "check_classifier_not_supporting_multiclass",
    ),
    OTHER_TARGET,
)


@parametrize_with_checks([Challenger(**QUICK)], expected_failed_checks=lambda _: EXPECTED, xfail_strict=True)
@pytest.mark.filterwarnings("default")
def test_scikit_learn_checks(estimator, check) -> None:
    check(estimator)


def test_levels_that_differ_only_together_with_another_column_keep_codes_and_no_direction() -> None:
    """Crop alone says nothing; with insurance it says all: equal codes would hide it."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"crop": rng.choice(["小麦", "玉米"], 3000), "insured": rng.random(3000) < 0.5})
    z = 0.7 * X["insured"] + np.where((X["crop"] == "小麦") == X["insured"], 0.5, -1.5)
    y = (rng.random(3000) < 1 / (1 + np.exp(-z))).astype(int)
    boost = Challenger("declared", **QUICK).fit(X, y)
    assert roc_auc_score(y, boost.decision_function(X)) > 0.7
    table = boost.result_.tidy().set_index("feature")
    assert table.loc["crop", "direction"] == 0 and not boost.result_.codings[0].ordered
