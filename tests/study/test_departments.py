"""What departments' data are worth: sums that must hold, known influences, a source that adds nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import creditlab as cl
from creditlab.errors import InputError
from creditlab.study.crossfit import MODEL, cross_explain
from creditlab.study.departments import auc_influence, caught_influence, clustered_error, department_value

COLUMNS = cl.Dictionary.of([cl.Column(n, source=s) for n, s in (("a", "tax"), ("b", "bank"), ("c", "idle"))])


def made(n: int = 1000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 3)), columns=list("abc"))
    y = (rng.random(n) < 1 / (1 + np.exp(2 + X["a"] + 0.5 * X["b"]))).astype(int).to_numpy()
    return X, y, rng.integers(0, 40, n)


@pytest.mark.parametrize("refit", [False, True])
def test_values_add_up_to_the_whole_and_a_useless_source_adds_nothing(refit: bool) -> None:
    X, y, village = made()
    card = cl.Scorecard(dictionary=COLUMNS)
    value = department_value(card, X, y, village, costs={"tax": 1000.0, "idle": 500.0}, refit=refit, folds=2)
    table = value.tidy().set_index(["source", "metric"])
    parts = table["shapley"].groupby("metric").sum()
    none = 0.5 if refit else auc_of_level(card, X, y, village)
    assert parts["auc"] == pytest.approx(value.facts["auc"] - none, abs=1e-9)
    assert table.loc[("tax", "auc"), "shapley_lo"] > 0.03 > abs(table.loc[("idle", "auc"), "shapley"])
    row = table.loc[("tax", "caught")]
    assert row["cost_per_bad"] == pytest.approx(1000.0 / row["bads"]) and row["bads"] > 2
    idle = table.loc[("idle", "caught")]
    assert np.isfinite(idle["cost_per_bad"]) or "未能" in idle["reason"]
    assert np.isnan(table.loc[("bank", "caught"), "cost_per_bad"])
    for name in ("drop", "shapley"):
        assert (table[f"{name}_lo"] <= table[name]).all() and (table[name] <= table[f"{name}_hi"]).all()


def auc_of_level(card: cl.Scorecard, X: pd.DataFrame, y: np.ndarray, village: np.ndarray) -> float:
    fit = cross_explain(card, X, y, village, folds=2)
    assert fit.contributions is not None
    return float(roc_auc_score(y, fit.contributions[MODEL].round(12)))


def test_the_influence_of_auc_is_its_jackknife() -> None:
    rng = np.random.default_rng(0)
    bad = (rng.random(300) < 0.3).astype(float)
    score = rng.normal(size=300) + bad
    auc, row = auc_influence(score, bad)
    assert auc == pytest.approx(roc_auc_score(bad, score)) and abs(row.sum()) < 1e-12
    left = np.array([auc_influence(np.delete(score, i), np.delete(bad, i))[0] for i in range(300)])
    # deletion moves AUC by minus the influence, up to 1/n of it
    np.testing.assert_allclose(auc - left, row, atol=1.5 * np.abs(row).max() / bad.sum())


def test_intervals_cover_what_another_county_would_show() -> None:
    """200 counties of 40 villages: the AUC of a fixed score lies inside 90 % of its intervals, within chance."""
    rng, inside, caught = np.random.default_rng(1), 0, 0
    truth = {"auc": [], "caught": []}
    found = []
    for _ in range(200):
        village = np.repeat(np.arange(40), 20)
        shared = rng.normal(size=40)[village] * 0.7
        score = shared + rng.normal(size=800)
        bad = (rng.random(800) < 1 / (1 + np.exp(2 - score))).astype(float)
        pair = (auc_influence(score, bad), caught_influence(score, bad, 0.1))
        for name, (value, _) in zip(truth, pair, strict=True):
            truth[name].append(value)
        found.append([(value, clustered_error(row, village)) for value, row in pair])
    middle = [np.mean(values) for values in truth.values()]
    for (a, a_se), (c, c_se) in found:
        inside += abs(a - middle[0]) <= 1.645 * a_se
        caught += abs(c - middle[1]) <= 1.645 * c_se
    assert 0.84 <= inside / 200 <= 0.96 and 0.84 <= caught / 200 <= 0.96


def test_ties_at_the_cut_are_split_evenly() -> None:
    bad = np.array([1.0, 0.0, 1.0, 0.0])
    assert caught_influence(np.zeros(4), bad, 0.5)[0] == 0.5
    assert caught_influence(np.array([3.0, 2.0, 1.0, 0.0]), bad, 0.5)[0] == 0.5


def test_wrong_calls_raise() -> None:
    X, y, village = made(400)
    with pytest.raises(InputError, match="two sources or more"):
        department_value(cl.Scorecard(), X, y, village, folds=2)
    with pytest.raises(InputError, match="share=..."):
        department_value(cl.Scorecard(dictionary=COLUMNS), X, y, village, share=1.5)
    with pytest.raises(InputError, match="costs"):
        department_value(cl.Scorecard(dictionary=COLUMNS), X, y, village, costs={"police": 1.0}, folds=3)


def test_a_village_is_explained_by_the_model_that_scored_it_and_models_differ_on_a_line_of_their_own() -> None:
    X, y, village = made(800)
    for model in (cl.Scorecard(), cl.Challenger(n_estimators=30, folds=2)):
        fit = cross_explain(model, X, y, village, folds=2)
        assert fit.contributions is not None and fit.contributions.columns[-1] == MODEL
        log_odds = np.log(fit.prob / (1 - fit.prob))
        total = fit.contributions.sum(axis=1)
        # all that is left is the mean level: one number for all rows
        assert np.ptp(log_odds - total) < 1e-9 and fit.contributions[MODEL].round(9).nunique() <= 2
        gap = cl.village.village_gap(y, fit.prob, village, fit.contributions)
        wide = gap.by_source()
        assert MODEL in wide.columns and "rest 其余" not in wide.columns
        np.testing.assert_allclose(wide.drop(columns="gap").sum(axis=1), wide["gap"], atol=1e-10)
        assert fit.raw.equals(cl.cross_fit(model, X, y, village, folds=2))
