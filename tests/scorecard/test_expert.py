"""Expert points blended with data: both ends of the weight, the share between them, features without data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

import creditlab as cl
from creditlab.errors import ColumnError, InputError
from creditlab.estimators import expit
from creditlab.scorecard import Expert, PointGroups, PointSteps, Scorecard

AGE = PointSteps(cuts=(30.0, 50.0), points=(0.0, 25.0, 40.0), missing=10.0)
CROP = PointGroups({("wheat", "rice"): 30.0, ("maize",): 0.0})


def county(n: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.1, np.nan, rng.normal(42, 14, n).round()),
            "crop": rng.choice(["wheat", "maize", "rice"], n),
            "income": rng.normal(size=n),
        }
    )
    log_odds = -2.6 - 0.03 * (X["age"].fillna(35) - 42) + 0.5 * (X["crop"] == "maize") - 0.7 * X["income"]
    return X, (rng.random(n) < expit(log_odds)).astype(int).to_numpy()


def expert(weight: float, **points) -> Expert:
    return Expert(points=points or {"age": AGE, "crop": CROP}, weight=weight, author="Li", reason="credit manual 2025")


def gaps(card: Scorecard, name: str) -> np.ndarray:
    """Points of the regular bins against the first."""
    points = card.result_.exact_points()[1][name][: card.result_.bins[name].spec.regular]
    return points - points[0]


def test_a_great_weight_gives_the_expert_and_none_gives_the_data() -> None:
    X, y = county(3000)
    certain = Scorecard(expert=expert(1e12)).fit(X, y)
    np.testing.assert_allclose(gaps(certain, "age"), [0, 25, 40], atol=1e-6)
    np.testing.assert_allclose(gaps(certain, "crop"), [0, -30], atol=1e-6)
    silent = Scorecard(expert=expert(0.0)).fit(X, y)
    assert (silent.result_.blend["moved"].abs() < 1e-9).all() and (silent.result_.blend["expert_share"] == 0).all()
    alone = Scorecard(silent.binner, expert=expert(0.0), bin_sd=0).fit(X, y).result_
    np.testing.assert_allclose(alone.effects_by_bin["age"], alone.coef["age"] * alone.bins["age"].woe, atol=1e-12)
    forced = Scorecard(cl.Binner(edits=expert(0.0).edits()), select=cl.Select(force_in=("age", "crop"))).fit(X, y)
    np.testing.assert_allclose(gaps(silent, "age"), gaps(forced, "age"), atol=1e-9)


def test_the_blend_is_the_stated_mean_and_the_level_that_of_the_data() -> None:
    X, y = county(3000)
    card = Scorecard(expert=expert(20.0)).fit(X, y)
    blend = card.result_.blend
    share = 20 / (20 + 1 / (1 / blend["bads"] + 1 / (blend["n"] - blend["bads"])))
    np.testing.assert_allclose(blend["expert_share"], share)
    mean = share * blend["expert_points"] + (1 - share) * blend["data_points"]
    np.testing.assert_allclose(blend["blended_points"], mean)
    np.testing.assert_allclose(blend["moved"], mean - blend["data_points"])
    low, high = np.minimum(blend["expert_points"], blend["data_points"]), np.maximum(
        blend["expert_points"], blend["data_points"]
    )  # fmt: skip
    assert ((low - 1e-9 <= blend["blended_points"]) & (blend["blended_points"] <= high + 1e-9)).all()
    assert card.predict_proba(X)[:, 1].mean() == pytest.approx(y.mean(), abs=1e-9)
    exact = card.result_.scale.points_of_log_odds(card.decision_function(X))
    once, points = card.result_.exact_points()
    codes = card.result_.codes(X)
    np.testing.assert_allclose(once + sum(points[n][codes[n]] for n in points), exact, atol=1e-8)


def test_more_bads_silence_the_expert() -> None:
    shares = [Scorecard(expert=expert(20.0)).fit(*county(n)).result_.blend["expert_share"].mean()
              for n in (300, 3000, 30_000)]  # fmt: skip
    assert shares[0] > shares[1] + 0.1 > shares[2] + 0.2


def test_with_few_bads_a_right_expert_helps_on_new_households() -> None:
    new, outcome = county(20_000, seed=99)
    with_, without = [], []
    for seed in range(8):
        X, y = county(250, seed)
        with_.append(roc_auc_score(outcome, Scorecard(expert=expert(20.0)).fit(X, y).predict_proba(new)[:, 1]))
        without.append(roc_auc_score(outcome, Scorecard().fit(X, y).predict_proba(new)[:, 1]))
    assert np.mean(with_) > np.mean(without) + 0.01


def test_a_feature_without_data_scores_by_the_expert_alone() -> None:
    X, y = county(400)
    X["guarantor"] = 1.0  # never varied in the sample: the expert knows what 0 means
    card = Scorecard(expert=expert(10.0, guarantor=PointSteps((0.5,), (0, 60)))).fit(X, y)
    picked = card.result_.selection.set_index("feature").loc["guarantor"]
    assert picked["kept"] and "expert alone" in picked["reason_en"]
    one = X.iloc[[0]]
    gap = card.points(one).iloc[0] - card.points(one.assign(guarantor=0.0)).iloc[0]
    assert abs(gap - 60) <= 1
    told = card.reason_details(one.assign(guarantor=0.0), k=1, lang="en")
    assert told["feature"].tolist() == ["guarantor"]


def test_the_expert_is_kept_in_the_file_and_by_clone(tmp_path) -> None:
    X, y = county(800)
    card = Scorecard(expert=expert(15.0)).fit(X, y)
    card.to_json(tmp_path / "card.json")
    again = cl.load(tmp_path / "card.json")
    assert (again.points(X) == card.points(X)).all() and again.expert == card.expert
    pd.testing.assert_frame_equal(again.result_.blend, card.result_.blend)
    assert (clone(card).fit(X, y).points(X) == card.points(X)).all()
    space: dict = {}
    exec(card.to_python(), space)
    row = X.iloc[3].to_dict()
    assert space["pd"](row) == pytest.approx(card.predict_proba(X.iloc[[3]])[0, 1], abs=1e-12)


def test_wrong_experts_are_refused() -> None:
    X, y = county(300)
    for error, call in (
        (InputError, lambda: PointSteps((50.0, 30.0), (1, 2, 3))),
        (InputError, lambda: PointSteps((30.0,), (1, 2, 3))),
        (InputError, lambda: PointGroups({("a",): 1.0, ("a", "b"): 2.0})),
        (InputError, lambda: expert(-1.0)),
        (InputError, lambda: Expert(points={"age": AGE}, weight=5, author=" ", reason="r")),
        (InputError, lambda: Expert(points={"age": (1, 2)}, weight=5, author="a", reason="r")),
        (InputError, lambda: Scorecard(expert=expert(5.0, age=CROP)).fit(X, y)),
        (InputError, lambda: Scorecard(expert=expert(5.0, crop=AGE)).fit(X, y)),
        (ColumnError, lambda: Scorecard(expert=expert(5.0, nothing=AGE)).fit(X, y)),
    ):
        with pytest.raises(error):
            call()
