"""Reject inference: what the assumption says is what comes out, and the known truth tells help from harm."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.binning import Binner, Cross
from creditlab.errors import InputError
from creditlab.estimators import expit
from creditlab.scorecard import RejectBand, Scorecard, Select, reject_inference
from creditlab.scorecard.augmentation import Known, Rows, Unknown, fuzzy, hard_cutoff, parcelling, reweighting
from creditlab.scorecard.rejects import _refitted
from creditlab.scorecard.truths import divergence, expected_auc, shifted

N = 6000


@pytest.fixture(scope="module")
def world() -> dict[str, object]:
    """Loans are granted on a seen and on an unseen fact; the unseen one triples the odds of bad of those refused."""
    rng = np.random.default_rng(5)
    village = rng.integers(0, 60, N)
    seen, noise, unseen = rng.normal(size=N), rng.normal(size=N), rng.normal(size=N)
    granted = rng.random(N) < expit(1.0 + 0.8 * seen + 1.2 * unseen)
    truth = expit(-1.8 - 0.9 * seen - 0.8 * unseen)
    y = (rng.random(N) < truth).astype(int)
    index = pd.Index([f"H{i:05d}" for i in range(N)])
    X = pd.DataFrame({"seen": seen, "noise": noise}, index=index)
    return {
        "X": X[granted], "y": y[granted], "refused": X[~granted], "truth": pd.Series(truth, index=index),
        "village": village[granted], "other_village": village[~granted],
    }  # fmt: skip


@pytest.fixture(scope="module")
def band(world) -> RejectBand:
    return reject_inference(
        Scorecard(), world["X"], world["y"], {"refused": world["refused"]}, groups=world["village"],
        other_groups={"refused": world["other_village"]}, odds={"refused": (1, 2, 3)},
    )  # fmt: skip


def test_the_truth_lies_in_the_band_and_the_granted_alone_are_too_hopeful(world, band: RejectBand) -> None:
    row = band.band().set_index("population").loc["refused"]
    true = world["truth"].reindex(world["refused"].index).mean()
    assert row["alone"] < true - 0.05
    assert row["inferred_lo"] < true < row["inferred_hi"]
    assert row["lo"] <= row["alone"] <= row["hi"] and row["lo"] < row["hi"]


def test_the_right_assumption_helps_and_a_hard_cut_off_harms(world, band: RejectBand) -> None:
    found = band.judged(world["truth"]).set_index(["population", "scenario"])
    refused = found.loc["refused"]
    assert refused.loc["fuzzy:high", "verdict"] == refused.loc["parcelling:high", "verdict"] == "helps"
    assert refused.loc["hard_cutoff:low", "verdict"] == "harms"
    assert refused.loc["granted_only", "gain"] == 0 and refused.loc["granted_only", "verdict"] == "no difference"
    assert (found["excess"] >= 0).all()
    # the truth is brought to the level of the granted
    assert found.loc[("granted", "granted_only"), "true_pd"] == pytest.approx(world["y"].mean(), abs=1e-6)


def test_fuzzy_augmentation_with_the_same_risk_adds_nothing(world) -> None:
    """A.k.a. the classic result: PDs of the granted card, fed back as weights, give the granted card again."""
    same = reject_inference(Scorecard(), world["X"], world["y"], {"refused": world["refused"]}, methods=["fuzzy"],
                            odds={"refused": (1, 1, 1)})  # fmt: skip
    people = same.people
    gap = np.abs(people["fuzzy:middle"] - people["granted_only"])
    assert gap.mean() < 0.02 and people["fuzzy:low"].equals(people["fuzzy:high"])


def test_households_say_who_is_decided_alike_by_all(band: RejectBand) -> None:
    rows = band.households()
    assert ((rows["lo"] <= rows["pd"]) & (rows["pd"] <= rows["hi"])).all()
    limit = band.facts["max_pd"]
    assert (rows["firm"] == ((rows["hi"] <= limit) | (rows["lo"] > limit))).all()
    assert 0 < rows["firm"].mean() < 1
    granted = band.people.query("population == 'granted'")["granted_only"]
    assert (granted <= limit).mean() == pytest.approx(0.9, abs=0.03)  # whole bins tie


def _sides(shift: float) -> tuple[Known, Unknown]:
    rng = np.random.default_rng(1)
    eta, other = rng.normal(-1.5, 1, 4000), rng.normal(-1.0, 1, 1000)
    bad = (rng.random(4000) < expit(eta)).astype(np.int8)
    known = Known(pd.DataFrame({"a": eta}), bad, np.ones(4000), None, eta, rng.normal(size=4000))
    return known, Unknown(pd.DataFrame({"a": other}), None, other, rng.normal(size=1000), np.full(1000, np.log(shift)))


def test_each_method_gives_what_its_definition_says() -> None:
    known, unknown = _sides(2.0)
    assumed = expit(unknown.log_odds + np.log(2.0))
    rows = fuzzy(known, unknown)
    assert rows.weight[4000:].sum() == pytest.approx(1000) and len(rows.bad) == 6000
    assert (rows.weight * rows.bad)[4000:].sum() == pytest.approx(assumed.sum())
    cut = hard_cutoff(known, unknown)
    bad = cut.bad[4000:].astype(bool)
    assert bad.sum() == round(assumed.sum()) and unknown.log_odds[bad].min() >= unknown.log_odds[~bad].max()
    drawn = parcelling(known, unknown, seed=3)
    # bands are coarse and bads are drawn: within three standard errors and the width of a band
    assert drawn.bad[4000:].mean() == pytest.approx(assumed.mean(), abs=3 * np.sqrt(0.25 / 1000) + 0.02)
    assert (parcelling(known, unknown, seed=3).bad == drawn.bad).all()
    again = reweighting(known, unknown)
    assert len(again.bad) == 4000 and again.weight.sum() == pytest.approx(4000) and again.inferred is None
    order = np.argsort(known.granting)
    assert (np.diff(again.weight[order]) <= 1e-12).all()


def test_reweighting_repairs_a_choice_on_what_the_features_show() -> None:
    """Granted on a seen fact alone: then the weighted granted look like everybody."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=20_000)
    granting = 0.5 + 1.0 * a
    granted = rng.random(20_000) < expit(granting)
    known = Known(pd.DataFrame({"a": a[granted]}), np.zeros(granted.sum(), np.int8), np.ones(granted.sum()), None,
                  a[granted], granting[granted])  # fmt: skip
    rows = reweighting(known, _sides(1.0)[1])
    assert abs(np.average(rows.frame["a"], weights=rows.weight)) < 0.05 < a[granted].mean()


def test_columns_that_a_card_does_not_read_change_nothing_in_a_refit() -> None:
    rng = np.random.default_rng(2)
    n = 1500
    X = pd.DataFrame({
        "income": rng.normal(size=n), "noise": rng.normal(size=n), "crop": rng.choice(["wheat", "rice"], n),
        "insured": rng.choice(["yes", "no"], n), "other": rng.choice([-9.0, 0.0, 1.0], n),
    })  # fmt: skip
    odd = (X["crop"] == "rice") == (X["insured"] == "yes")
    bad = (rng.random(n) < expit(-1.5 - X["income"] + odd)).astype(float).to_numpy()
    binner = Binner(special={"other": [-9], "noise": [-8]}, crosses=(Cross("crop", "insured"), Cross("noise", "other")))
    card = Scorecard(binner, min_iv=0.08)
    base = Scorecard(binner, min_iv=0.08).fit(X, bad)
    assert "crop × insured" in base.result_.features and "noise" not in base.result_.features
    rows = Rows(X, bad, np.ones(n), None)
    wide = tuple(name for name in base.result_.bins if name not in base.result_.features)
    whole = card.set_params(inference="wald", select=Select(direction=False, force_out=wide)).fit(X, bad)
    narrow = _refitted(Scorecard(binner, min_iv=0.08), base, rows)
    assert set(narrow.feature_names_in_) == set(X) - {"noise", "other"}
    np.testing.assert_allclose(narrow.predict_proba(X), whole.predict_proba(X), atol=1e-12)


def test_measures_against_the_truth() -> None:
    truth, prob = np.array([0.1, 0.6]), np.array([0.2, 0.5])
    assert divergence(truth, truth).tolist() == [0, 0] and (divergence(truth, prob) > 0).all()
    assert expected_auc(truth, prob) == pytest.approx((0.6 * 0.9 + 0.5 * (0.1 * 0.9 + 0.6 * 0.4)) / (0.7 * 1.3))
    moved = shifted(truth, np.array([True, False]), 0.3)
    odds = truth / (1 - truth)
    assert moved[0] == pytest.approx(0.3)
    assert (moved / (1 - moved) / odds)[0] == pytest.approx((moved / (1 - moved) / odds)[1])


def test_the_same_call_gives_the_same_band_and_inputs_stay(world, band: RejectBand) -> None:
    X, before = world["X"], world["X"].copy()
    again = reject_inference(
        Scorecard(), X, world["y"], {"refused": world["refused"]}, groups=world["village"],
        other_groups={"refused": world["other_village"]}, odds={"refused": (1, 2, 3)},
    )  # fmt: skip
    assert again.to_dict() == band.to_dict()
    pd.testing.assert_frame_equal(X, before)


def test_wrong_calls_say_what_was_expected(world) -> None:
    X, y, refused = world["X"], world["y"], world["refused"]
    for others, text in (({}, "without an outcome"), ({"granted": refused}, "granted"), (refused, "population")):
        with pytest.raises(InputError, match=text):
            reject_inference(Scorecard(), X, y, others)
    with pytest.raises(InputError, match="three rising"):
        reject_inference(Scorecard(), X, y, {"refused": refused}, odds={"refused": (2, 1, 3)})
    with pytest.raises(InputError, match="Check the names"):
        reject_inference(Scorecard(), X, y, {"refused": refused}, odds={"others": (1, 1, 3)})
    with pytest.raises(InputError, match="other_groups"):
        reject_inference(Scorecard(), X, y, {"refused": refused}, groups=world["village"])
    with pytest.raises(InputError, match="methods"):
        reject_inference(Scorecard(), X, y, {"refused": refused}, methods=["magic"])


def test_a_truth_that_does_not_fit_is_refused(world, band: RejectBand) -> None:
    with pytest.raises(InputError, match="true PD"):
        band.judged(world["truth"].iloc[:10])
