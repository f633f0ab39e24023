"""Explanations: a worked case, shap as the independent second route, additivity, and the village identity."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.binning import Binner
from creditlab.challenger import Challenger, count_patterns
from creditlab.columns import Column, Dictionary
from creditlab.errors import FitError, InputError, NotFittedError
from creditlab.explanation import Explanation, check_additive, explain, linear_contributions
from creditlab.explanation.shapley import shapley_values
from creditlab.scorecard import Scorecard

DICTIONARY = Dictionary.of(
    [
        Column("收入", zh="年收入", en="annual income", unit="yuan", source="tax"),
        Column("crop", kind="text", zh="作物", en="crop", source="agriculture"),
        Column("deposit", zh="存款", en="deposit", source="bank"),
        Column("area", zh="面积", en="area", source="agriculture"),
    ]
)


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    n = 1500
    X = pd.DataFrame(
        {
            "收入": rng.normal(size=n),
            "crop": rng.choice(["小麦", "玉米"], n),
            "deposit": rng.gamma(2.0, size=n),
            "area": rng.normal(size=n),
        },
        index=[f"H{i}" for i in range(n)],
    )
    X.iloc[:150, 2] = -999
    X.iloc[150:250, 2] = np.nan
    z = -1 - X["收入"] + (X["crop"] == "玉米") + (X["deposit"] == -999) - 0.6 * X["area"] * (X["crop"] == "小麦")
    return X, (rng.random(n) < 1 / (1 + np.exp(-z))).astype(int).to_numpy(), rng.integers(0, 12, n)


@pytest.fixture(scope="module")
def models(data) -> dict[str, object]:
    X, y, _ = data
    special = {"deposit": {-999: "not connected"}}
    return {
        "card": Scorecard(Binner(special=special), dictionary=DICTIONARY).fit(X, y),
        "challenger": Challenger(special=special, dictionary=DICTIONARY, n_estimators=40, folds=3).fit(X, y),
    }


def test_worked_case() -> None:
    """beta0 -2.2; three features; row WOE .8 .3 -.2; means .1 -.05 .02: worked by hand."""
    coef, mean = np.array([-0.9, -0.7, -0.5]), np.array([0.1, -0.05, 0.02])
    phi = linear_contributions(coef, np.array([[0.8, 0.3, -0.2]]), mean)
    np.testing.assert_allclose(phi, [[-0.63, -0.245, 0.11]], atol=1e-15)
    base = -2.2 + coef @ mean
    assert base == pytest.approx(-2.265, abs=1e-15) and base + phi.sum() == pytest.approx(-3.03, abs=1e-15)


@pytest.mark.parametrize("name", ["card", "challenger"])
def test_contributions_add_up_on_every_row(models, data, name: str) -> None:
    X = data[0].copy()
    X.iloc[0] = [np.inf, "火星", np.nan, np.nan]
    e = explain(models[name], X)
    assert e.values.index.equals(X.index) and list(e.values.columns) == models[name].result_.features
    np.testing.assert_allclose(e.log_odds, models[name].decision_function(X), atol=1e-8)
    assert e.to_frame().columns.tolist()[-2:] == ["base_value", "log_odds"]


def test_card_contributions_are_points_below_the_mean(models, data) -> None:
    card, X = models["card"], data[0]
    e, result = explain(card, X), card.result_
    codes, (_, points), mean = result.codes(X), result.exact_points(), result.mean_points()
    for name in result.features:
        lost = mean[name] - points[name][codes[name]]
        np.testing.assert_allclose(lost, result.scale.factor * e.values[name], atol=1e-9)
    assert e.values.mean().abs().max() < 1e-12  # on the training rows the baseline is their own mean
    assert e.base_value == pytest.approx(card.decision_function(X).mean(), abs=1e-12)


def test_card_equals_shap_over_the_whole_background(models, data) -> None:
    X = data[0]
    ours = explain(models["card"], X.head(80), background=X.head(400))
    peer = explain(models["card"], X.head(80), method="shap", background=X.head(400))
    np.testing.assert_allclose(ours.values, peer.values, atol=1e-8)
    assert ours.base_value == pytest.approx(peer.base_value, abs=1e-8)
    assert "400" in ours.value_function[1] and "400" in peer.value_function[0]


@pytest.mark.parametrize("method", ["shap", "woodelf"])
def test_trees_equal_the_other_routes_against_the_whole_background(models, data, method: str, capfd) -> None:
    if method == "woodelf":
        pytest.importorskip("woodelf", reason="woodelf-explainer (the extra explain) is not installed")
    rows, background = data[0].head(100), data[0].head(400)
    boost = models["challenger"]
    ours = explain(boost, rows, background=background)
    peer = explain(boost, rows, method=method, background=background)
    plain = ["收入", "crop", "area"]  # columns without special codes
    # both peers keep single precision inside: 1e-7 of a log-odds is what they can carry
    result = boost.result_
    counted = count_patterns(result.trees, result.design(background))
    apart = shapley_values(result.trees, result.design(rows), counted, np.arange(5))
    np.testing.assert_allclose(result.by_feature(apart), peer.values, atol=5e-7)
    # a column and the companion that tells its codes are one player for us, two for the peers
    assert np.abs(ours.values[plain] - peer.values[plain]).to_numpy().max() < 0.01
    assert ours.base_value == pytest.approx(peer.base_value, abs=1e-7) and method in peer.method.lower()
    assert capfd.readouterr() == ("", "")


def test_path_dependent_values_are_those_of_lightgbm_and_shap(models, data) -> None:
    X = data[0].head(100)
    ours = explain(models["challenger"], X, value="path")
    peer = explain(models["challenger"], X, method="shap", value="path")
    np.testing.assert_allclose(ours.values, peer.values, atol=1e-8)
    assert ours.base_value == pytest.approx(peer.base_value, abs=1e-8)
    assert "path-dependent" in ours.value_function[1] and "路径依赖" in ours.value_function[0]


def test_one_household_is_explained_against_all_training_rows_that_the_model_counted(models, data) -> None:
    boost, X = models["challenger"], data[0]
    counted, given = explain(boost, X.iloc[[7]]), explain(boost, X.iloc[[7]], background=X)
    np.testing.assert_allclose(counted.values, given.values, atol=1e-12)
    assert counted.base_value == pytest.approx(boost.decision_function(X).mean(), abs=1e-12)
    batch = explain(boost, X)
    np.testing.assert_array_equal(batch.values.iloc[[7]], counted.values)
    assert batch.reasons(2).iloc[[7]].equals(counted.reasons(2))


def test_weights_are_copies_in_the_counted_background(data) -> None:
    X, y, _ = data
    weight = np.where(np.arange(len(y)) % 3 == 0, 2.0, 1.0)
    boost = Challenger(n_estimators=20, folds=3).fit(X, y, sample_weight=weight)
    copies = X.iloc[np.repeat(np.arange(len(y)), weight.astype(int))]
    one, two = explain(boost, X.head(5)), explain(boost, X.head(5), background=copies)
    np.testing.assert_allclose(one.values, two.values, atol=1e-12)


def test_interventional_trees_use_the_whole_background(models, data) -> None:
    X = data[0]
    e = explain(models["challenger"], X.head(20), background=X.head(300))
    # shap alone would keep 100 rows; the base value shows that all 300 are used
    assert e.base_value == pytest.approx(models["challenger"].decision_function(X.head(300)).mean(), abs=1e-8)
    assert (
        "300" in e.value_function[1]
        and e.reasons(1, "en")["reason_1"].dropna().str.endswith("background average").all()
    )


def test_interventional_values_by_brute_force(data) -> None:
    """Shapley values of three features over all subsets, against a background of ten rows."""
    X, y, _ = data
    X = X[["收入", "crop", "area"]]
    boost = Challenger(n_estimators=30, folds=3).fit(X, y)
    rows, background = X.iloc[[5, 77]], X.iloc[100:110]
    e = explain(boost, rows, background=background)

    def value(row: pd.Series, known: tuple[str, ...]) -> float:
        mixed = background.copy()
        for name in known:
            mixed[name] = row[name]
        return float(boost.decision_function(mixed).mean())

    names, weights = list(X.columns), {0: 1 / 3, 1: 1 / 6, 2: 1 / 3}
    for label, row in rows.iterrows():
        for name in names:
            others = [n for n in names if n != name]
            subsets = [(), (others[0],), (others[1],), tuple(others)]
            phi = sum(weights[len(s)] * (value(row, (*s, name)) - value(row, s)) for s in subsets)
            assert e.values.loc[label, name] == pytest.approx(phi, abs=1e-8)


@pytest.mark.parametrize("name", ["card", "challenger"])
def test_village_identity(models, data, name: str) -> None:
    X, _, village = data
    e = explain(models[name], X)
    table = e.by_group(village)
    log_odds = pd.Series(models[name].decision_function(X))
    gap = log_odds.groupby(village).mean() - log_odds.mean()
    np.testing.assert_allclose(table["log_odds"], gap, atol=1e-10)
    np.testing.assert_allclose(table[models[name].result_.features].sum(axis=1), gap, atol=1e-10)
    assert table["n"].sum() == len(X) and table.index.name == "group"
    by_source = e.by_source().by_group(village)
    np.testing.assert_allclose(by_source["log_odds"], gap, atol=1e-10)


def test_sources_add_up(models, data) -> None:
    e = explain(models["challenger"], data[0])
    s = e.by_source()
    assert isinstance(s, Explanation) and list(s.values.columns) == ["tax", "agriculture", "bank"]
    np.testing.assert_allclose(s.values["agriculture"], e.values["crop"] + e.values["area"], atol=1e-12)
    assert e.by_source({}).values.columns.tolist() == ["undeclared"]
    assert s.tidy()["share"].sum() == pytest.approx(1.0) and s.tidy()["rank"].tolist() == [1, 2, 3]


def test_reasons_speak_both_languages(models, data) -> None:
    X = data[0]
    worst = X["收入"].idxmin()
    e = explain(models["challenger"], X)
    zh, en = e.reasons(2), e.reasons(2, "en")
    assert en.loc[worst, "reason_1"].startswith("annual income (yuan): -")
    assert en.loc[worst, "reason_1"].endswith(" points below the training average")
    assert zh.loc[worst, "reason_1"].startswith("年收入（元）：-") and "比训练样本平均低" in zh.loc[worst, "reason_1"]
    top = e.values.idxmax(axis=1)
    given = en["feature_1"].notna()
    assert (en.loc[given, "feature_1"] == top[given]).all()


def test_importance_is_the_mean_absolute_contribution(models, data) -> None:
    e = explain(models["card"], data[0])
    table = e.tidy().set_index("feature")
    np.testing.assert_allclose(table["mean_abs"], e.values.abs().mean()[table.index], atol=1e-15)
    assert table["mean_abs"].is_monotonic_decreasing and "解释" in e.summary()
    assert e.to_dict()["value_function"]["zh"] and str(e.values.index[0]) not in str(e.to_dict())


def test_to_shap_is_their_object(models, data) -> None:
    e = explain(models["card"], data[0].head(10))
    theirs = e.to_shap()
    np.testing.assert_array_equal(theirs.values, e.values)
    assert theirs.feature_names == list(e.values.columns) and theirs.base_values[0] == e.base_value


def test_wrong_calls_raise(models, data) -> None:
    X = data[0]
    with pytest.raises(InputError, match="method"):
        explain(models["card"], X, method="lime")
    for wrong in ({"method": "woodelf"}, {"value": "path"}):
        with pytest.raises(InputError, match="closed form"):
            explain(models["card"], X, **wrong)
    with pytest.raises(InputError, match="linear score"):
        explain(models["challenger"], X, value="correlated")
    with pytest.raises(InputError, match="in the trees"):
        explain(models["challenger"], X, value="path", background=X)
    with pytest.raises(InputError, match="one of 'interventional'"):
        explain(models["card"], X, value="causal")
    large = pd.concat([X] * 3)
    with pytest.raises(InputError, match="at most 20,000,000 rows"):
        explain(models["challenger"], large, method="shap", background=pd.concat([large] * 2))
    with pytest.raises(InputError, match="Scorecard or a Challenger"):
        explain(object(), X)
    with pytest.raises(NotFittedError, match="Call fit"):
        explain(Scorecard(), X)
    with pytest.raises(InputError, match="values, one per row"):
        explain(models["card"], X).by_group(["a"])
    with pytest.raises(FitError, match="rows 1"):
        check_additive(np.ones((2, 1)), 0.0, np.array([1.0, 2.0]), "card")


def test_points_set_by_hand_are_explained_too() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=1500), "b": rng.normal(size=1500)})
    y = (rng.random(1500) < 1 / (1 + np.exp(1.5 + X["a"] + 0.5 * X["b"]))).astype(int)
    card = Scorecard().fit(X, y)
    edited = card.edit("a", author="Li").points(0, 150, reason="policy")
    e = explain(edited, X)
    np.testing.assert_allclose(np.asarray(e.values).sum(axis=1) + e.base_value, edited.decision_function(X), atol=1e-9)
    assert not np.allclose(np.asarray(e.values), np.asarray(explain(card, X).values))


@pytest.mark.parametrize("name", ["card", "challenger"])
def test_scored_rows_carry_the_sentences_of_the_explanation(models, data, name: str) -> None:
    from creditlab.study import score_table

    X = data[0].head(30)
    scores = score_table(models[name], X, lang="en")
    told = explain(models[name], X).reasons(3, "en")
    for column in ("reason_1", "reason_2", "reason_3"):
        assert scores[column].fillna("").tolist() == told[column].fillna("").tolist()
