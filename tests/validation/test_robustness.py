"""Robustness, slices, checks of the fit: known losses, honest search, size, awkward models."""

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.validation import (
    auc,
    extreme_rows,
    noise,
    optimism,
    other_definitions,
    overfit,
    refit_spread,
    reporting_errors,
    resilience,
    separation,
    source_loss,
    stress,
    variance_inflation,
    weak_slices,
)
from creditlab.validation.robustness import approve


@pytest.fixture(scope="module")
def book():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "income": rng.lognormal(10, 0.5, 1500),
            "debt": rng.normal(size=1500),
            "crop": rng.choice(["rice", "tea"], 1500),
        }
    )
    y = (rng.random(1500) < predict(frame)).astype(int)
    return y, frame, rng.integers(0, 40, 1500)


def predict(frame):
    income = frame["income"].fillna(22_000).astype(float)
    eta = (
        -1.5
        - 1.2 * (np.log(income.clip(lower=1)) - 10)
        + 0.9 * frame["debt"].fillna(0).astype(float)
        + 0.3 * (frame["crop"] == "tea")
    )
    return 1 / (1 + np.exp(-eta))


def test_more_noise_loses_more(book):
    y, frame, village = book
    rows = noise(y, frame, predict, groups=village).tidy()
    assert (
        rows["estimate"].is_monotonic_increasing
        and rows["flips"].is_monotonic_increasing
        and rows["estimate"].iloc[-1] > 0
    )
    assert noise(y, frame, predict, sizes=[1e-9]).tidy()["estimate"].iloc[0] == pytest.approx(0, abs=1e-3)
    again = noise(y, frame, predict, groups=village).tidy()
    pd.testing.assert_frame_equal(rows, again)


def test_a_lost_source_is_measured_against_the_whole(book):
    y, frame, _ = book
    table = (
        source_loss(y, frame, predict, {"bank": ["debt"], "farm": ["crop"], "all": ["income", "debt", "crop"]})
        .tidy()
        .set_index("scope")
    )
    lost = auc(y, predict(frame.assign(debt=np.nan))).estimate
    assert (
        table.loc["bank", "auc"] == pytest.approx(lost)
        and table.loc["bank", "estimate"] > table.loc["farm", "estimate"]
    )
    assert table.loc["all", "auc"] == 0.5 and table.loc["all", "estimate"] == pytest.approx(1)
    with pytest.raises(InputError, match="source 'tax'"):
        source_loss(y, frame, predict, {"tax": ["absent"]})


def test_wrong_reports_and_stress(book):
    y, frame, village = book
    rows = reporting_errors(y, frame, predict, ["income"], error=0.5, share=0.5).tidy()
    assert rows["estimate"].gt(0).all() and rows["mean_pd"].iloc[0] < predict(frame).mean() < rows["mean_pd"].iloc[1]
    shocks = stress(frame, predict, {"income -20 %": {"income": 0.8}, "income +20 %": {"income": 1.2}}, village).tidy()
    whole = shocks[~shocks["scope"].str.contains("·")].set_index("scope")
    assert whole["verdict"].to_dict() == {"income -20 %": "green", "income +20 %": "red"} and len(shocks) == 82


def test_models_that_break_at_the_border_are_red(book):
    _, frame, _ = book
    assert extreme_rows(frame, predict).verdict == "green"

    def fragile(f):
        if f["crop"].isin(["rice", "tea"]).all():
            return f["income"] / f["income"].max() / 2
        raise KeyError("crop")

    table = extreme_rows(frame, fragile).tidy().set_index("scope")
    assert (
        table.loc["unseen categories", "reason"].endswith("KeyError") and table.loc["all missing", "verdict"] == "red"
    )


def test_overfit_is_one_sided_and_optimism_is_found():
    rng = np.random.default_rng(1)
    y, noise_frame = rng.integers(0, 2, 160), pd.DataFrame(rng.normal(size=(160, 12)))

    def refit(rows):
        import warnings

        from sklearn.linear_model import LogisticRegression

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = LogisticRegression(C=100, max_iter=500).fit(noise_frame.to_numpy()[rows], y[rows])
        return lambda f: model.predict_proba(f.to_numpy())[:, 1]

    result = optimism(y, noise_frame, refit, draws=20)
    assert (
        result.facts["apparent"] > 0.6
        and result.facts["corrected"] == pytest.approx(0.5, abs=0.12)
        and result.estimate > 0.05
    )
    assert (
        result.facts["corrected"] < result.facts["apparent"]
        and 0.5 <= result.facts["plus_632"] <= result.facts["apparent"]
    )
    p = refit(np.arange(80))(noise_frame)
    assert (
        overfit(y[:80], p[:80], y[80:], p[80:]).verdict == "amber"
        and overfit(y[80:], p[80:], y[:80], p[:80]).verdict == "green"
    )


def test_rows_far_from_the_centre_where_the_model_is_wrong(book):
    y, frame, _ = book
    p = predict(frame)
    assert resilience(y, p, frame).verdict in ("green", "info", "amber")
    wrong = np.where(frame["debt"].abs() > 1.5, 1 - p, p)
    assert resilience(y, wrong, frame[["debt"]]).verdict == "red"


def test_refits_and_definitions():
    rng = np.random.default_rng(2)
    p = rng.beta(2, 8, 500)
    same, apart = refit_spread(np.column_stack([p, p, p])), refit_spread(np.column_stack([p, p * 1.5, p * 0.5]))
    assert same.estimate == 0 and same.facts["flips"] == 0 and apart.verdict == "red"
    y = rng.random(500) < p
    table = other_definitions(p, {"90": y, "120": y & (rng.random(500) < 0.7)}).tidy()
    assert (
        table["estimate"].iloc[0] == pytest.approx(auc(y.astype(int), p).estimate)
        and table["bad_rate"].iloc[1] < table["bad_rate"].iloc[0]
    )


def test_collinear_and_separating_columns_are_named():
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"a": rng.normal(size=50), "b": rng.normal(size=50)}).assign(c=lambda f: f["a"] + f["b"], d=1.0)
    table = variance_inflation(X).tidy().set_index("scope")
    assert (
        table.loc["a", "verdict"] == "red"
        and "线性组合" in table.loc["a", "reason"]
        and "常数" in table.loc["d", "reason"]
    )
    y = (X["a"] > 0.2).astype(int)
    assert separation(y, X[["a", "b"]]).tidy()["verdict"].tolist() == ["red", "green"]


def test_true_pds_have_no_weak_slice():
    """40 books whose PDs are true, 12 columns, villages with no effect: any slice at 5 % in at most .05 + .10."""
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame(rng.normal(size=(1500, 6)), columns=list("abcdef"))
        p = rng.beta(2, 10, 1500)
        table = weak_slices(rng.random(1500) < p, p, frame, groups=rng.integers(0, 50, 1500), seed=seed).tidy()
        found.append((table["p_adjusted"] < 0.05).any())
    assert np.mean(found) <= 0.153


def test_a_planted_slice_is_found_by_name():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "age": rng.integers(20, 70, 4000),
            "crop": rng.choice(["rice", "tea", "fish"], 4000),
            "noise": rng.normal(size=4000),
        }
    )
    p = rng.beta(2, 12, 4000)
    weak = (frame["crop"] == "fish") & (frame["age"] > 55)
    y = rng.random(4000) < np.where(weak, np.clip(2.5 * p, 0, 1), p)
    table = weak_slices(y, p, frame).tidy()
    red = table[table["verdict"] == "red"].sort_values("p_value")
    assert "crop = fish" in red["scope"].iloc[0] and "age" in red["scope"].iloc[0] and red["estimate"].iloc[0] > 1.6


def test_small_slices_are_refused():
    result = weak_slices([0, 1] * 20, np.full(40, 0.5), pd.DataFrame({"a": range(40)}))
    assert "无满足样本量的分群" in result.reason
    with pytest.raises(InputError, match="ten rows or more"):
        weak_slices([0, 1], [0.5, 0.5], pd.DataFrame({"a": [1, 2]}), min_rows=1)


def test_approval_takes_the_safest_share():
    p = np.array([0.4, 0.1, 0.3, 0.2])
    assert approve(p, 0.5).tolist() == [False, True, False, True]
    with pytest.raises(InputError, match="a share between 0 and 1"):
        approve(p, 1.0)
