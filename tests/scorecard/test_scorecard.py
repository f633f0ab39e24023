"""The scorecard as a whole: one truth from bins to points, scoring of awkward rows, wrong calls, the file."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from creditlab.columns import Column, Dictionary
from creditlab.errors import ColumnError, InputError, NotFittedError, PolicyError, UnreadableError
from creditlab.files import canonical_json
from creditlab.scaling import Scale
from creditlab.scorecard import Scorecard


def test_coefficients_are_those_of_statsmodels_on_the_woe(card, sample) -> None:
    result = card.result_
    woe = np.column_stack([result.bins[n].transform(sample.X[n]) for n in result.features])
    peer = GLM(sample.y.to_numpy(float), np.column_stack([np.ones(len(woe)), woe]), family=Binomial()).fit(
        tol=1e-14, cov_type="cluster", cov_kwds={"groups": sample.village.to_numpy()}
    )
    np.testing.assert_allclose(result.params.to_numpy(), peer.params, atol=1e-10)
    np.testing.assert_allclose(result.bse.to_numpy(), peer.bse, atol=1e-10)
    np.testing.assert_allclose(result.pvalues.to_numpy(), peer.pvalues, atol=1e-10)
    np.testing.assert_allclose(result.conf_int(0.9).to_numpy(), peer.conf_int(0.1), atol=1e-9)


def test_mean_pd_is_the_bad_rate_and_safer_means_more_points(card, sample) -> None:
    prob = card.predict_proba(sample.X)[:, 1]
    assert prob.mean() == pytest.approx(sample.y.mean(), abs=1e-9)
    assert card.score(sample.X, sample.y) == np.mean((prob > 0.5) == sample.y)
    assert np.corrcoef(card.points(sample.X), prob)[0, 1] < -0.8
    assert card.result_.features[:3] == ["收入", "crop", "deposit"]


@pytest.mark.parametrize("base", ["spread", "separate"])
def test_points_table_adds_up_to_the_score(sample, binner, base: str) -> None:
    card = Scorecard(binner, Scale(500, 10, 30), base=base).fit(sample.X, sample.y)
    table, result = card.result_.points_table(), card.result_
    codes = result.codes(sample.X)
    exact = np.zeros(len(sample.X)) + table.loc[table["feature"] == "(base)", "points_exact"].sum()
    whole = np.zeros(len(sample.X)) + table.loc[table["feature"] == "(base)", "points"].sum()
    for name in result.features:
        rows = table[table["feature"] == name].set_index("bin")
        exact += rows.loc[codes[name], "points_exact"].to_numpy()
        whole += rows.loc[codes[name], "points"].to_numpy()
    np.testing.assert_allclose(exact, result.scale.points_of_log_odds(card.decision_function(sample.X)), atol=1e-9)
    np.testing.assert_array_equal(whole, card.points(sample.X))
    assert result.facts["points_gap"] <= 1e-9
    assert result.facts["rounding_gap"] == pytest.approx(np.abs(whole - exact).max())
    by_feature = table[table["feature"].isin(result.features) & (table["n"] > 0)]
    for _, rows in by_feature.groupby("feature"):
        rows = rows.sort_values("bad_rate")
        assert (np.diff(rows["points_exact"]) <= 1e-9).all()  # points never contradict the bad rate
    held = Scorecard(binner, Scale(500, 10, 30), base=base, bin_sd=0).fit(sample.X, sample.y).result_.points_table()
    held = held[held["feature"].isin(result.features) & (held["n"] > 0)]
    assert (held.groupby("feature")[["points_exact", "woe"]].corr().iloc[0::2, 1] > 0.999999).all()


def test_points_carry_the_index_and_one_row_equals_the_batch(card, sample) -> None:
    points = card.points(sample.X)
    assert points.name == "points" and points.dtype == np.int64 and points.index.equals(sample.X.index)
    some = sample.X.iloc[[0, 299, 300, 2999]]
    assert [card.points(some.iloc[[i]]).iloc[0] for i in range(4)] == points[some.index].tolist()
    assert card.points(some.iloc[::-1]).tolist() == points[some.index].tolist()[::-1]


def test_awkward_rows_get_finite_points(card, sample) -> None:
    odd = sample.X.iloc[:6].copy()
    odd.iloc[0] = [np.nan, None, np.nan, np.nan]
    odd.iloc[1, 1] = "火星作物"
    odd.iloc[2, 0] = np.inf
    odd.iloc[3, 0] = -np.inf
    prob = card.predict_proba(odd)[:, 1]
    assert np.isfinite(prob).all() and ((prob > 0) & (prob < 1)).all()
    assert prob[3] > prob[2]
    extra = odd[odd.columns[::-1]].assign(unrelated=1)
    assert card.points(extra).tolist() == card.points(odd).tolist()


def test_reasons_name_what_costs_most(card, sample) -> None:
    zh, en = card.reasons(sample.X, k=2), card.reasons(sample.X, k=2, lang="en")
    assert (
        zh.index.equals(sample.X.index) and (zh["feature_1"] == en["feature_1"]).sum() == zh["feature_1"].notna().sum()
    )
    worst = sample.X["收入"].idxmin()
    assert en.loc[worst, "feature_1"] == "收入"
    assert en.loc[worst, "reason_1"].startswith("annual income (yuan): < ")
    assert en.loc[worst, "reason_1"].endswith("points below the training average")
    assert zh.loc[worst, "reason_1"].startswith("年收入（元）：< ") and zh.loc[worst, "reason_1"].endswith(" 分")
    loss = en[["loss_1", "loss_2"]].to_numpy()
    assert np.nanmin(loss) > 0 and (np.isnan(loss[:, 1]) | (loss[:, 0] >= loss[:, 1])).all()


def test_losses_are_points_below_the_training_mean(card, sample) -> None:
    _, points = card.result_.exact_points()
    codes = card.result_.codes(sample.X)
    each = pd.DataFrame({n: points[n][codes[n]] for n in points}, index=sample.X.index)
    loss = each.mean() - each
    frame = card.reasons(sample.X, k=1)
    given = frame["loss_1"].notna()
    np.testing.assert_allclose(frame.loc[given, "loss_1"], loss.max(axis=1)[given], atol=1e-9)
    assert (loss.max(axis=1)[~given] <= 1e-9).all()


def test_scores_name_household_village_date_and_card(card, sample) -> None:
    table = card.scores(sample).tidy()
    assert table.columns.tolist() == ["household", "village", "as_of", "pd", "points", "tier", "card"]
    assert table["household"].tolist() == sample.X.index.tolist() and set(table["card"]) == {"scorecard"}
    assert (table.groupby("tier")["pd"].max().sort_index().diff().dropna() > 0).all()
    assert card.scores(sample.X).tidy()["village"].isna().all()


def test_fit_leaves_inputs_and_parameters_alone(sample, binner) -> None:
    before = sample.X.copy(deep=True)
    card = Scorecard(binner)
    params = card.get_params(deep=False)
    card.fit(sample.X, sample.y)
    pd.testing.assert_frame_equal(sample.X, before)
    assert card.get_params(deep=False) == params and not hasattr(binner, "result_")
    assert {a for a in vars(card) if a.endswith("_")} == {"feature_names_in_", "n_features_in_", "classes_", "result_"}
    again = clone(card).fit(sample.X, sample.y)
    assert canonical_json(again.to_dict()) == canonical_json(card.to_dict())


def test_weight_equals_copies(sample, binner) -> None:
    X, y = sample.X.iloc[:800], sample.y.iloc[:800]
    weight = np.random.default_rng(0).integers(0, 3, 800)
    copies = np.repeat(np.arange(800), weight)
    once = Scorecard(binner).fit(X, y, sample_weight=weight)
    many = Scorecard(binner).fit(X.iloc[copies], y.iloc[copies])
    np.testing.assert_allclose(once.decision_function(X), many.decision_function(X), atol=1e-9)


def test_a_card_without_a_feature_gives_everyone_the_bad_rate() -> None:
    X = pd.DataFrame({"a": np.zeros(100), "b": np.full(100, np.nan)})
    card = Scorecard().fit(X, np.arange(100) % 4 == 0)
    assert card.result_.features == [] and card.predict_proba(X)[:, 1] == pytest.approx(0.25)
    assert card.result_.points_table()["feature"].tolist() == ["(base)"]
    assert card.points(X).nunique() == 1 and card.reasons(X, k=1)["reason_1"].isna().all()


def test_clamped_features_are_shown_with_their_reason() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=6000)
    b = a + 0.6 * rng.normal(size=6000)  # alone it is safer when high; beside `a` the data pull it the other way
    y = (rng.random(6000) < 1 / (1 + np.exp(1.5 + 1.6 * a - 0.5 * b))).astype(int)
    card = Scorecard().fit(pd.DataFrame({"a": a, "b": b}), y)
    row = card.result_.tidy().set_index("feature").loc["b"]
    assert row["coef"] == 0 and np.isnan(row["se"]) and "clamped" in row["reason"]
    picked = card.result_.selection.set_index("feature").loc["b"]
    assert not picked["kept"] and "contradict" in picked["reason_en"]
    assert card.result_.features == ["a"] and "b" not in set(card.result_.points_table()["feature"])
    assert "b" in Scorecard(sign_constrained=False).fit(pd.DataFrame({"a": a, "b": b}), y).result_.features


def test_result_shows_itself(card) -> None:
    result = card.result_
    assert result.glance().loc[0, "covariance"] == "by group" and "评分卡" in result.summary()
    assert "收入" in result._repr_html_() and repr(result).startswith("<ScorecardResult")
    assert json.loads(canonical_json(result.to_dict()))["points_table"]
    changed = result.tidy()
    changed["coef"] = 0.0
    assert (result.params != 0).all()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"base": "none"}, "base"),
        ({"scale": (600, 19, 50)}, "Scale"),
        ({"binner": "auto"}, "Binner"),
        ({"min_iv": -1}, "min_iv"),
        ({"max_correlation": 2}, "max_correlation"),
        ({"events_per_feature": "5"}, "events_per_feature"),
    ],
)
def test_wrong_settings_raise(sample, options, match: str) -> None:
    with pytest.raises(InputError, match=match):
        Scorecard(**options).fit(sample.X, sample.y)


def test_wrong_calls_raise(card, sample) -> None:
    with pytest.raises(NotFittedError, match="Call fit"):
        Scorecard().predict(sample.X)
    with pytest.raises(ColumnError, match="'crop'"):
        card.points(sample.X.drop(columns="crop"))
    with pytest.raises(InputError, match="0 and 1"):
        Scorecard().fit(sample.X, sample.y + 1)
    with pytest.raises(InputError, match="one class"):
        Scorecard().fit(sample.X, sample.y * 0)
    with pytest.raises(InputError, match="k=3"):
        card.reasons(sample.X, k=0)
    audit = Dictionary.of([Column("noise", use="audit")])
    with pytest.raises(PolicyError, match="noise"):
        Scorecard(dictionary=audit).fit(sample.X, sample.y)
    with pytest.raises(NotFittedError, match="Call fit"):
        Scorecard().edit("crop")


def test_file_round_trip_is_identical(card, sample, tmp_path) -> None:
    first, second = tmp_path / "一.json", tmp_path / "二.json"
    card.to_json(first)
    back = Scorecard.from_dict(json.loads(first.read_text(encoding="utf-8")))
    back.to_json(second)
    assert first.read_bytes() == second.read_bytes() and b"NaN" not in first.read_bytes()
    pd.testing.assert_series_equal(back.points(sample.X), card.points(sample.X))
    np.testing.assert_array_equal(back.decision_function(sample.X), card.decision_function(sample.X))
    pd.testing.assert_frame_equal(back.reasons(sample.X), card.reasons(sample.X))
    pd.testing.assert_frame_equal(back.result_.tidy(), card.result_.tidy())
    refit = clone(back).fit(sample.X, sample.y, groups=sample.village)
    np.testing.assert_array_equal(refit.decision_function(sample.X), card.decision_function(sample.X))


def test_damaged_and_newer_files_are_refused(card) -> None:
    whole = json.loads(canonical_json(card.to_dict()))
    edited = json.loads(canonical_json(whole))
    edited["content"]["result"]["scale"]["points"] = 700
    with pytest.raises(UnreadableError, match="damaged"):
        Scorecard.from_dict(edited)
    with pytest.raises(UnreadableError, match="newer"):
        Scorecard.from_dict(whole | {"schema_version": 99})
    with pytest.raises(UnreadableError, match="'scorecard'"):
        Scorecard.from_dict(whole | {"kind": "challenger"})
    with pytest.raises(UnreadableError, match="model file"):
        Scorecard.from_dict({"a": 1})
