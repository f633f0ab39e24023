"""Two models side by side, tests of explanations, effects, what a card misses: on data whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from creditlab.binning import Binner, Cross
from creditlab.challenger import Challenger
from creditlab.columns import Column, Dictionary
from creditlab.errors import ColumnError, InputError
from creditlab.explanation import (
    compare,
    effects,
    explain,
    explanation_quality,
    interaction_strength,
    joint_effect,
    what_the_card_misses,
)
from creditlab.explanation.missed import clustered_z
from creditlab.explanation.quality import hybrid_auc
from creditlab.scorecard import Scorecard

LABELS = Dictionary.of(
    [
        Column("income", zh="收入", en="income", source="tax", level="household-origin"),
        Column("crop", kind="text", zh="作物", en="crop", source="agriculture"),
        Column("insured", kind="flag", zh="参保", en="insured", source="agriculture", level="household-conduct"),
        Column("debt", zh="负债", en="debt", source="bank", level="household-conduct"),
    ]
)
SPECIAL = {"debt": {-9: "未授权 not authorised"}}


def made(seed: int, n: int = 2500) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Wheat without insurance is bad, nothing else of the two. Debt turns inside a wide bin."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "income": rng.normal(size=n), "crop": rng.choice(["wheat", "maize"], n),
            "insured": rng.random(n) < 0.5, "debt": np.round(rng.uniform(0, 100, n)),
        },
        index=[f"H{i}" for i in range(n)],
    )  # fmt: skip
    X.iloc[:200, 3] = -9
    together = ((X["crop"] == "wheat") & ~X["insured"]).astype(float)
    z = -2.0 - 0.8 * X["income"] + 2.4 * together + 0.8 * (X["debt"] > 40)
    return X, (rng.random(n) < 1 / (1 + np.exp(-z))).astype(int).to_numpy(), rng.integers(0, 30, n)


@pytest.fixture(scope="module")
def models() -> dict[str, object]:
    X, y, village = made(0)
    card = Scorecard(Binner(special=SPECIAL), dictionary=LABELS, min_iv=0, min_z=0)
    boost = Challenger(special=SPECIAL, dictionary=LABELS, n_estimators=120, folds=3)
    return {"card": card.fit(X, y), "boost": boost.fit(X, y, groups=village)}


def test_a_model_agrees_with_itself_and_differences_are_those_of_the_log_odds(models) -> None:
    X, _, village = made(1)
    e, b = explain(models["card"], X), explain(models["boost"], X)
    same = compare(e, e, village).tidy().set_index("measure")["value"]
    assert same["share with the same leading feature"] == 1 and same["mean Jaccard index of the top three"] == 1
    both = compare(e, b, village)
    gap = models["boost"].decision_function(X) - models["card"].decision_function(X)
    np.testing.assert_allclose(both.households["gap"], gap, atol=1e-8)
    worst = both.disagreements(5, "zh")
    assert np.abs(gap).max() == pytest.approx(worst["gap"].abs().iloc[0]) and len(worst) == 5
    assert worst["reason_1_of_2"].dropna().str.contains("低").all()
    mean = pd.Series(gap).groupby(village).mean()
    np.testing.assert_allclose(both.villages["difference"], mean - gap.mean(), atol=1e-8)
    with pytest.raises(InputError, match="same rows"):
        compare(e, explain(models["boost"], X.head(5)))


def test_leaders_and_segments_count_every_household(models) -> None:
    X, _, village = made(1)
    sources = explain(models["boost"], X).by_source()
    shares = sources.leaders(village)
    np.testing.assert_allclose(shares.drop(columns="n").sum(axis=1), 1.0, atol=1e-12)
    assert shares["n"].sum() == len(X) and sources.leaders().shape[0] == 1
    bands = np.where(X["income"] < 0, "poor", "rich")
    table = sources.by_segment(bands)
    assert table.index.name == "segment" and table.loc["poor", "mean_pd"] > table.loc["rich", "mean_pd"]
    assert table.loc["poor", "leader"] == "tax"


def test_intervals_of_group_gaps_cover_and_shrinkage_pulls_small_groups_more(models) -> None:
    X, _, _ = made(1)
    e = explain(models["card"], X)
    rng, inside, count = np.random.default_rng(0), 0, 0
    for draw in range(20):  # villages drawn at random differ by chance only: the truth is no gap
        table = e.by_group(rng.integers(0, 10, len(X)), level=0.9, draws=200, seed=draw)
        rows = table[table["part"] == "log_odds"]
        inside, count = inside + int(((rows["lo"] <= 0) & (rows["hi"] >= 0)).sum()), count + len(rows)
    assert 0.82 < inside / count < 0.96  # 200 villages: two standard errors of 90 %
    own = np.where(np.arange(len(X)) < 8, "small", np.where(X["income"] < -0.5, "poor", "rest"))
    whole = e.by_group(own, level=0.9).set_index(["group", "part"])
    share = (whole["shrunken"] / whole["gap"]).xs("log_odds", level="part")
    assert share["small"] < share["poor"] <= 1
    exact = e.by_group(own)["log_odds"]
    np.testing.assert_allclose(whole["gap"].xs("log_odds", level="part")[exact.index], exact, atol=1e-10)


def test_points_and_pd_are_the_same_explanation_on_other_scales(models) -> None:
    X, _, _ = made(1)
    for model in models.values():
        e = explain(model, X)
        points, prob = e.to_frame("points"), e.to_frame("pd")
        names = list(e.values.columns)
        np.testing.assert_allclose(points["base_value"] + points[names].sum(axis=1), points["points"], atol=1e-6)
        np.testing.assert_allclose(prob["base_value"] + prob[names].sum(axis=1), prob["pd"], atol=1e-12)
        np.testing.assert_allclose(prob["pd"], model.predict_proba(X)[:, 1], atol=1e-9)
        order = np.argsort(e.values.to_numpy(), axis=1)
        assert (np.argsort(prob[names].to_numpy(), axis=1) == order).mean() > 0.999


def test_reasons_of_a_card_are_the_card_s_own_and_codes_are_told_in_words(models) -> None:
    X, _, _ = made(1)
    ours, cards = explain(models["card"], X).reasons(2, "en"), models["card"].reasons(X, 2, "en")
    pd.testing.assert_frame_equal(ours, cards, check_exact=False, atol=1e-6)
    assert explain(models["card"], X).reasons(2, "en").equals(ours)  # the same data, the same reasons
    told = explain(models["boost"], X, background=X[X["debt"] > 0]).reasons(3, "en")
    coded = pd.concat([told[f"reason_{k}"][X["debt"] == -9] for k in (1, 2, 3)]).dropna()
    assert coded[coded.str.startswith("debt")].str.contains("not authorised").all()
    hidden = explain(models["boost"], X).reasons(2, hide=("income",))
    assert "income" not in set(hidden["feature_1"]) | set(hidden["feature_2"])
    with pytest.raises(ColumnError, match="hide"):
        explain(models["boost"], X).reasons(hide=("nosuch",))


def test_quality_has_a_row_per_test_and_sees_what_is_wrong(models) -> None:
    X, y, village = made(1)
    period = np.where(np.arange(len(y)) % 2, "2024", "2025")
    quick = clone_quick(models["boost"])
    q = explanation_quality(
        quick, X, y, village, period=period, other=models["card"], refits=2, rows=300, dictionary=LABELS
    )
    table = q.tidy().set_index("test")
    assert q.facts["not_made"] == "-" and set(table["verdict"]) <= {"pass", "finding", "shown"}
    for name in ("additivity", "unused features", "monotonicity", "deletion", "permitted reasons"):
        assert table.loc[name, "verdict"] == "pass", name
    assert table.loc["months: importance", "value"] > 0.9  # two random halves of the same months
    assert table.loc["interaction mass", "verdict"] == "finding"  # crop and insurance act together
    blind = Dictionary.of([Column("income", use="audit"), *(LABELS[n] for n in ("crop", "insured", "debt"))])
    other = explanation_quality(quick, X, dictionary=blind, refits=0, rows=300).tidy().set_index("test")
    assert other.loc["permitted reasons", "verdict"] == "finding"
    assert "refits: reasons" not in other.index
    card = explanation_quality(models["card"], X, y, village, refits=1, rows=300).tidy().set_index("test")
    assert card.loc["interaction mass", "value"] == 0 and card.loc["additivity", "verdict"] == "pass"
    with pytest.raises(InputError, match="refits"):
        explanation_quality(quick, X, refits=-1)


def clone_quick(model: Challenger) -> Challenger:
    X, y, village = made(0)
    return Challenger(special=SPECIAL, dictionary=LABELS, n_estimators=40, folds=2).fit(X, y, groups=village)


def test_hybrids_of_independent_columns_look_real_and_those_of_a_copy_do_not() -> None:
    rng = np.random.default_rng(0)
    free = rng.normal(size=(400, 3))
    tied = np.column_stack([free[:, 0], free[:, 0], free[:, 0]])
    assert hybrid_auc(free, np.arange(3), 0) < 0.6 < 0.7 < hybrid_auc(tied, np.arange(3), 0)
    assert hybrid_auc(tied, np.zeros(3, dtype=int), 0) < 0.6  # as one player they stay together


def test_effects_recover_the_shapes_that_were_put_in(models) -> None:
    X, _, _ = made(1)
    line = effects(models["boost"], X, ["income", "debt"]).tidy()
    income = line[line["feature"] == "income"]["effect"].to_numpy()
    assert income[0] > 0.8 > -0.8 > income[-1] and (np.diff(income) <= 1e-12).all()
    debt = line[line["feature"] == "debt"]
    low, high = (debt["effect"][debt["label"].map(test)].mean() for test in (below_40, above_40))
    assert 0.4 < high - low < 1.1 and "未授权 not authorised" in set(debt["label"])
    ale = effects(models["boost"], X, ["debt"], "ale").tidy()
    assert 0.4 < ale["effect"].iloc[-1] - ale["effect"].iloc[0] < 1.1 and "-9" not in set(ale["label"])
    ice = effects(models["card"], X, ["income"], "ice", rows=40)
    own = ice.curves.pivot(index="value", columns="row", values="effect")
    assert own.shape[1] == 40 and float(own.std(axis=1).max()) < 1e-9  # a card without crosses: all curves are one
    with pytest.raises(ColumnError, match="nosuch"):
        effects(models["card"], X, ["nosuch"])
    with pytest.raises(InputError, match="numbers or dates"):
        effects(models["card"], X, ["crop"], "ale")


def below_40(label: str) -> bool:
    return label.isdigit() and int(label) < 38


def above_40(label: str) -> bool:
    return label.isdigit() and int(label) > 45


def test_two_features_that_act_together_are_found_and_proposed_as_a_cross(models) -> None:
    X, y, village = made(2)
    pairs = interaction_strength(models["boost"], X)
    assert {pairs.loc[0, "first"], pairs.loc[0, "second"]} == {"crop", "insured"}
    joint = joint_effect(models["boost"], X, "crop", "insured")
    assert joint.facts["h2"] > 0.1 and joint.tidy()["joint"].abs().max() > 0.3
    assert joint_effect(models["card"], X, "crop", "insured").facts["h2"] < 1e-12
    missed = what_the_card_misses(models["card"], models["boost"], X, y, village)
    first = missed.tidy().iloc[0]
    assert (first["kind"], first["feature"], first["other"]) == ("cross", "crop", "insured")
    assert first["p_holm"] < 1e-4 and first["auc_gain"] > 0.005
    assert missed.crosses() == (Cross("crop", "insured"),)
    # ready to be used: with the cross the card has what the booster had
    again = Scorecard(Binner(special=SPECIAL, crosses=missed.crosses()), min_iv=0, min_z=0).fit(*made(0)[:2])
    auc = [roc_auc_score(y, model.decision_function(X)) for model in (models["card"], again, models["boost"])]
    assert auc[1] - auc[0] > 0.5 * (auc[2] - auc[0]) > 0
    with pytest.raises(InputError, match="a booster"):
        interaction_strength(models["card"], X)


def test_a_turn_inside_a_bin_is_found_with_its_place() -> None:
    X, y, village = made(0)
    wide = Binner(special=SPECIAL).fit(X, y).edit("debt", author="t").cuts([90], reason="too wide on purpose")
    card = Scorecard(wide, min_iv=0, min_z=0).fit(X, y)
    boost = Challenger(special=SPECIAL, n_estimators=120, folds=3).fit(X, y, groups=village)
    X2, y2, village2 = made(3)
    missed = what_the_card_misses(card, boost, X2, y2, village2)
    cuts = missed.cuts()
    assert list(cuts) == ["debt"] and 30 <= cuts["debt"][0] <= 50
    table = missed.tidy()
    assert table.loc[table["kind"] == "bin", "proposal"].str.startswith("binner.edit('debt').split(0, ").any()


def test_the_clustered_test_counts_villages_not_rows() -> None:
    rng = np.random.default_rng(0)
    residual, signal = rng.normal(size=50), rng.normal(size=50)
    one = clustered_z(signal, residual, np.arange(50))
    copies = clustered_z(np.tile(signal, 9), np.tile(residual, 9), np.tile(np.arange(50), 9))
    assert copies == pytest.approx(one)
