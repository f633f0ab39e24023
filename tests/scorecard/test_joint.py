"""The joint fit of bins: its maximum, its order, its limits, and what it is for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

import creditlab as cl
from creditlab.estimators import expit
from creditlab.scorecard import Scorecard, fit_logistic, joint
from creditlab.scorecard.joint import Bins, Line, fit_effects


def made(n: int = 4000, seed: int = 0, features: int = 4) -> tuple[list[Bins], np.ndarray]:
    """Features that hang together, cut into bins, with WOE of the rows; a bin without rows in the first."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=n)
    x = common[:, None] * 0.8 + rng.normal(size=(n, features))
    bad = (rng.random(n) < expit(-1.2 - 0.6 * x[:, 0] + 0.5 * (x[:, 1] > 0.5) - 0.2 * x[:, 2])).astype(float)
    found = []
    for j in range(features):
        codes = np.searchsorted(np.quantile(x[:, j], [0.1, 0.3, 0.5, 0.7, 0.9]), x[:, j])
        b = np.bincount(codes, weights=bad)
        g = np.bincount(codes) - b
        woe = np.log(g / b) - np.log(g.sum() / b.sum())
        found.append(Bins(codes, np.append(woe, 0.3) if j == 0 else woe))
    return found, bad


def total(features: list, effects: joint.Effects) -> np.ndarray:
    return effects.intercept + sum(v[f.codes] for f, v in zip(features, effects.values, strict=True))


def objective(
    features: list[Bins], values: list[np.ndarray], intercept: float, bad: np.ndarray, spread: float
) -> float:
    """The penalised log-likelihood, written from its definition: departures from each feature's least-squares line."""
    eta = intercept + sum(v[f.codes] for f, v in zip(features, values, strict=True))
    away = 0.0
    for f, v in zip(features, values, strict=True):
        used = np.unique(f.codes)
        line = np.column_stack([np.ones(len(used)), f.woe[used]])
        away += float(np.sum((v[used] - line @ np.linalg.lstsq(line, v[used])[0]) ** 2))
    return float(bad @ eta - np.logaddexp(0, eta).sum()) - away / (2 * spread**2)


def test_no_step_within_the_order_gains() -> None:
    features, bad = made()
    found = fit_effects(features, bad, np.ones(len(bad)), spread=0.1)
    best = objective(features, found.values, found.intercept, bad, 0.1)
    rng = np.random.default_rng(1)
    for _ in range(300):
        tried = [v.copy() for v in found.values]
        j = rng.integers(len(features))
        order = np.argsort(-features[j].woe[:6])
        tried[j][order[rng.integers(6) :]] += rng.choice([1e-3, 1e-2, -1e-3, -1e-2])  # a rise or a fall from one bin on
        if (np.diff(tried[j][order]) >= 0).all():
            assert objective(features, tried, found.intercept + rng.normal(0, 1e-3), bad, 0.1) < best + 1e-9


def test_it_is_the_maximum_that_a_general_optimiser_finds() -> None:
    features, bad = made(features=3)
    found = fit_effects(features, bad, np.ones(len(bad)), spread=0.2)
    orders = [np.argsort(-f.woe[:6]) for f in features]

    def values(z: np.ndarray) -> list[np.ndarray]:
        out = []
        for f, order, rises in zip(features, orders, np.split(z[1:], 3), strict=True):
            v = np.zeros(len(f.woe))
            v[order] = np.append(0.0, np.cumsum(rises))
            out.append(v)
        return out

    bounds = [(None, None)] + [(0, None)] * 15
    far = minimize(
        lambda z: -objective(features, values(z), z[0], bad, 0.2), np.append(-1.0, np.full(15, 0.05)), bounds=bounds,
        method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 2000, "maxfun": 10**6},
    )  # fmt: skip
    eta = far.x[0] + sum(v[f.codes] for f, v in zip(features, values(far.x), strict=True))
    # L-BFGS-B with differences of the objective stops about 1e-5 short
    np.testing.assert_allclose(total(features, found), eta, atol=2e-4)


def test_a_wide_spread_without_order_is_the_regression_on_dummies_of_statsmodels() -> None:
    from statsmodels.api import GLM, families

    features, bad = made(features=3)
    found = fit_effects(features, bad, np.ones(len(bad)), spread=1e4, ordered=False)
    dummies = [(f.codes[:, None] == np.arange(1, 6)).astype(float) for f in features]
    fit = GLM(bad, np.column_stack([np.ones(len(bad)), *dummies]), family=families.Binomial()).fit(tol=1e-12)
    np.testing.assert_allclose(
        total(features, found),
        fit.fittedvalues_linear
        if hasattr(fit, "fittedvalues_linear")
        else np.log(fit.fittedvalues / (1 - fit.fittedvalues)),
        atol=1e-6,
    )
    # the errors are those of the same contrasts: a bin against the mean of the rows
    cov = fit.cov_params()
    share = np.bincount(features[1].codes) / len(bad)
    contrast = np.zeros((6, len(cov)))
    contrast[:, 6:11] = np.vstack([np.zeros(5), np.eye(5)]) - share[1:]
    np.testing.assert_allclose(found.errors[1], np.sqrt(np.diag(contrast @ cov @ contrast.T)), rtol=1e-4)


def test_a_narrow_spread_is_the_regression_on_woe() -> None:
    features, bad = made()
    found = fit_effects(features, bad, np.ones(len(bad)), spread=1e-4)
    design = np.column_stack([f.woe[f.codes] for f in features])
    fit = fit_logistic(design, bad)
    np.testing.assert_allclose(total(features, found), fit.coef[0] + design @ fit.coef[1:], atol=1e-5)


def test_effects_keep_the_order_of_the_bad_rates_and_expected_bads_are_bads() -> None:
    for seed in range(5):
        features, bad = made(n=900, seed=seed)
        found = fit_effects(features, bad, np.ones(len(bad)), spread=0.5)
        for f, v in zip(features, found.values, strict=True):
            used = np.unique(f.codes)
            assert (np.diff(v[used][np.lexsort((v[used], -f.woe[used]))]) >= -1e-12).all()
            assert abs(v[f.codes].mean()) < 1e-9
        assert expit(total(features, found)).sum() == pytest.approx(bad.sum(), abs=1e-6)


def test_weights_are_copies_and_the_order_of_rows_and_features_does_not_matter() -> None:
    features, bad = made(n=1500)
    rng = np.random.default_rng(5)
    weight = rng.integers(1, 4, len(bad)).astype(float)
    one = fit_effects(features, bad, weight, spread=0.1)
    many = np.repeat(np.arange(len(bad)), weight.astype(int))
    mixed = rng.permutation(many)
    two = fit_effects(
        [Bins(f.codes[mixed], f.woe) for f in features[::-1]], bad[mixed], np.ones(len(mixed)), spread=0.1
    )
    for a, b in zip(one.values, two.values[::-1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-8)


def test_many_rows_take_the_curvature_of_a_part_and_find_the_same(monkeypatch) -> None:
    features, bad = made(n=6000)
    whole = fit_effects(features, bad, np.ones(len(bad)), spread=0.1)
    monkeypatch.setattr(joint, "MANY", 1500)
    part = fit_effects(features, bad, np.ones(len(bad)), spread=0.1)
    for a, b in zip(whole.values, part.values, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-8)


def test_a_line_stays_a_line_and_an_offset_is_taken() -> None:
    features, bad = made()
    line = Line(features[0].woe[features[0].codes], features[0].woe)
    found = fit_effects([line, *features[1:]], bad, np.ones(len(bad)), spread=0.1)
    slope = np.polyfit(features[0].woe, found.values[0], 1)[0]
    np.testing.assert_allclose(found.values[0], found.values[0][-1] + slope * (features[0].woe - 0.3), atol=1e-12)
    shifted = fit_effects(features, bad, np.ones(len(bad)), spread=0.1, offset=np.full(len(bad), 0.7))
    assert shifted.intercept == pytest.approx(fit_effects(features, bad, np.ones(len(bad)), spread=0.1).intercept - 0.7)


def test_limits_of_bins_cover_the_truth() -> None:
    """Bins whose truth is drawn as the fit supposes: around lines, in the order of their rates."""
    rng, hits, tries = np.random.default_rng(2), 0, 0
    for _ in range(60):
        codes = rng.integers(0, 5, size=(3000, 3))
        truth = [np.sort(rng.normal(0, 0.5, 5)) for _ in range(3)]
        bad = (rng.random(3000) < expit(-1.5 + sum(t[codes[:, j]] for j, t in enumerate(truth)))).astype(float)
        features = []
        for j in range(3):
            b = np.bincount(codes[:, j], weights=bad)
            g = np.bincount(codes[:, j]) - b
            features.append(Bins(codes[:, j], np.log(g / b) - np.log(g.sum() / b.sum())))
        found = fit_effects(features, bad, np.ones(3000), spread=0.1)
        for j, t in enumerate(truth):
            right = t - t[codes[:, j]].mean()
            hits += int((np.abs(found.values[j] - right) <= 1.645 * found.errors[j]).sum())
            tries += 5
    # 90 % limits; bins of one table are dependent, so about 60 x 3 x 4 / 2 independent ones: a standard error of .016
    assert 0.85 <= hits / tries <= 0.95


def test_a_card_with_effects_of_bins_is_better_on_new_rows_where_features_repeat_each_other() -> None:
    """Known truth: the steps of one feature are told by another, so one slope for all of its bins is too coarse."""
    gains = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        late = rng.poisson(0.7, 16_000)
        X = pd.DataFrame({f"late_{k}": np.clip(late + rng.integers(-1, 2, 16_000), 0, 6) for k in range(4)})
        X["income"] = rng.normal(size=16_000) - 0.3 * late
        truth = expit(-2.2 + 1.2 * (X["late_0"] > 1) + 0.8 * (X["late_1"] > 3) - 0.4 * X["income"])
        y = (rng.random(16_000) < truth).astype(int)
        loss = []
        for sd in (0.1, 0.0):
            p = Scorecard(bin_sd=sd, inference="wald").fit(X[:4000], y[:4000]).predict_proba(X[4000:])[:, 1]
            loss.append(-np.mean(truth[4000:] * np.log(p) + (1 - truth[4000:]) * np.log1p(-p)))
        gains.append(loss[1] - loss[0])
    assert np.mean(gains) > 2 * np.std(gains) / np.sqrt(len(gains))


def test_what_moved_is_listed_kept_in_the_file_and_scored_by_it(tmp_path) -> None:
    rng = np.random.default_rng(3)
    a = rng.normal(size=5000)
    X = pd.DataFrame({"a": a, "b": np.where(a > 1, a, rng.normal(size=5000)), "c": rng.normal(size=5000)})
    y = (rng.random(5000) < expit(-1.5 - a - 0.3 * X["c"])).astype(int)
    card = Scorecard().fit(X, y)
    moved = card.result_.departures()
    table = card.result_.points_table()
    assert moved["moved"].abs().is_monotonic_decreasing and moved["moved"].abs().max() > 0.5
    assert set(moved["feature"]) == set(card.result_.features)
    lines = table["points_exact"] - table["moved"]
    for _, rows in table.assign(line=lines)[table["n"] > 0].groupby("feature"):
        slope, level = np.polyfit(rows["woe"], rows["line"], 1)
        np.testing.assert_allclose(rows["line"], level + slope * rows["woe"], atol=1e-6)
    rows = table[table["n"] > 0]
    assert ((rows["points_lo"] < rows["points_exact"]) & (rows["points_exact"] < rows["points_hi"])).all()
    card.to_json(tmp_path / "card.json")
    again = cl.load(tmp_path / "card.json")
    pd.testing.assert_frame_equal(again.result_.points_table(), table)
    assert (again.points(X) == card.points(X)).all()
    plain = Scorecard(bin_sd=0).fit(X, y).result_
    assert (plain.points_table()["moved"] == 0).all() and not plain.bin_se
    assert "departures" in set(card.result_.signals()["check"]) - set(plain.signals()["check"])
