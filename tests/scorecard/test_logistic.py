"""The regression: against statsmodels, against the Karush-Kuhn-Tucker conditions, against a known truth."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from creditlab.errors import InputError
from creditlab.estimators import expit
from creditlab.scorecard.logistic import covariance, fit_logistic

TRUTH = np.array([-1.0, -0.7, -0.4, -0.9])


def simulated(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)) + 0.5 * rng.normal(size=(n, 1))
    return x, (rng.random(n) < expit(-2.0 + x @ TRUTH)).astype(int)


def glm(x: np.ndarray, y: np.ndarray, **options):
    model = GLM(y.astype(float), np.column_stack([np.ones(len(y)), x]), family=Binomial(), **options)
    return model


def test_equals_statsmodels_where_no_constraint_binds() -> None:
    x, y = simulated(4000)
    weight = np.random.default_rng(1).integers(1, 4, 4000).astype(float)
    fit, peer = fit_logistic(x, y, weight), glm(x, y, freq_weights=weight).fit(tol=1e-14)
    assert not fit.clamped.any() and fit.ridge == 0
    np.testing.assert_allclose(fit.coef, peer.params, rtol=0, atol=1e-10)
    np.testing.assert_allclose(covariance(x, y, fit, weight), peer.cov_params(), rtol=0, atol=1e-10)
    assert fit.log_likelihood == pytest.approx(peer.llf, abs=1e-7)


def test_group_covariance_equals_statsmodels() -> None:
    x, y = simulated(3000)
    groups = np.random.default_rng(2).integers(0, 60, 3000)
    fit = fit_logistic(x, y)
    peer = glm(x, y).fit(tol=1e-14, cov_type="cluster", cov_kwds={"groups": groups})
    np.testing.assert_allclose(covariance(x, y, fit, groups=groups), peer.cov_params(), rtol=0, atol=1e-10)
    with pytest.raises(InputError, match="at least two groups"):
        covariance(x, y, fit, groups=np.zeros(3000))


def test_weight_equals_copies() -> None:
    x, y = simulated(500)
    weight = np.random.default_rng(3).integers(1, 4, 500)
    copies = np.repeat(np.arange(500), weight)
    once, many = fit_logistic(x, y, weight.astype(float)), fit_logistic(x[copies], y[copies])
    np.testing.assert_allclose(once.coef, many.coef, atol=1e-12)


def test_known_truth_lies_in_the_intervals() -> None:
    inside = np.zeros(5)
    for seed in range(20):
        x, y = simulated(2000, seed)
        fit = fit_logistic(x, y)
        half = 1.96 * np.sqrt(np.diag(covariance(x, y, fit)))
        inside += np.abs(fit.coef - np.append(-2.0, TRUTH)) <= half
    # 100 intervals of 95 %: fewer than 88 or all five terms poor would be beyond chance (binomial, p < 0.003)
    assert inside.sum() >= 88 and inside.min() >= 15


def test_clamped_fit_satisfies_the_conditions_of_a_maximum() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(3000, 6)) + 0.5 * rng.normal(size=(3000, 1))
    y = (rng.random(3000) < expit(-2.0 + x @ np.append(TRUTH, [0.5, 0.0]))).astype(int)
    fit = fit_logistic(x, y)
    full = np.column_stack([np.ones(3000), x])
    gradient = full.T @ (y - expit(full @ fit.coef))
    assert fit.clamped[5] and (fit.coef[fit.clamped] == 0).all() and (fit.coef[1:] <= 0).all()
    assert np.abs(gradient[~fit.clamped]).max() < 1e-7
    assert (gradient[fit.clamped] > 0).all()
    free = fit_logistic(x[:, ~fit.clamped[1:]], y, sign=0)
    np.testing.assert_allclose(fit.coef[~fit.clamped], free.coef, atol=1e-10)


def test_clamped_coefficients_have_no_covariance() -> None:
    x, y = simulated(1000)
    x[:, 0] = -x[:, 0]
    fit = fit_logistic(x, y)
    table = covariance(x, y, fit)
    assert fit.clamped[1] and np.isnan(table[1]).all() and np.isfinite(np.delete(np.diag(table), 1)).all()


def test_separation_gives_a_finite_answer_that_says_so() -> None:
    x = np.linspace(-1, 1, 200)[:, None]
    fit = fit_logistic(x, (x[:, 0] < 0).astype(int))
    assert fit.ridge > 0 and np.isfinite(fit.coef).all() and fit.coef[1] < -1
    assert np.isnan(covariance(x, (x[:, 0] < 0).astype(int), fit)).all()


def test_collinear_columns_share_and_do_not_fail() -> None:
    x, y = simulated(1000)
    twice = np.column_stack([x[:, 0], x[:, 0]])
    alone, shared = fit_logistic(x[:, :1], y), fit_logistic(twice, y)
    assert shared.coef[1:].sum() == pytest.approx(alone.coef[1], abs=1e-8)


def test_many_rows_take_another_way_to_the_same_answer(monkeypatch) -> None:
    from creditlab.scorecard import logistic

    x, y = simulated(30_000)
    order = np.argsort(x[:, 0])  # a file may be ordered
    weight = np.random.default_rng(1).random(30_000) + 0.1
    straight = fit_logistic(x, y, weight)
    monkeypatch.setattr(logistic, "MANY", 5000)
    np.testing.assert_allclose(fit_logistic(x[order], y[order], weight[order]).coef, straight.coef, atol=1e-10)
    flipped = x * [1, -1, 1, 1]
    np.testing.assert_allclose(fit_logistic(flipped, y).coef[[0, 1, 3, 4]], fit_logistic(x[:, [0, 2, 3]], y).coef)


def test_offset_equals_statsmodels() -> None:
    x, y = simulated(2000)
    offset = np.random.default_rng(5).normal(size=2000)
    fit = fit_logistic(x, y, offset=offset)
    peer = glm(x, y, offset=offset).fit(tol=1e-14)
    np.testing.assert_allclose(fit.coef, peer.params, atol=1e-10)
    np.testing.assert_allclose(covariance(x, y, fit, offset=offset), peer.cov_params(), atol=1e-10)


@pytest.mark.parametrize("sign", [0, -1])
@pytest.mark.parametrize("lasso", [5.0, 60.0, 1e5])
def test_penalised_fit_satisfies_the_conditions_of_a_maximum(sign: int, lasso: float) -> None:
    x, y = simulated(3000)
    x = np.column_stack([x, -x[:, 0] + np.random.default_rng(6).normal(size=3000), np.zeros(3000) + x[:, 1] * 0.1])
    fit = fit_logistic(x, y, sign=sign, lasso=lasso, ridge=3.0)
    gradient = x.T @ (y - expit(fit.coef[0] + x @ fit.coef[1:])) - 3.0 * fit.coef[1:]
    slopes = fit.coef[1:]
    np.testing.assert_allclose(gradient[slopes != 0], lasso * np.sign(slopes[slopes != 0]), atol=1e-6)
    assert (np.abs(gradient[fit.shrunk[1:]]) <= lasso + 1e-6).all()
    assert (gradient[fit.clamped[1:]] * sign <= 0).all() and (slopes * sign >= 0).all()
    assert (slopes == 0).sum() == fit.held.sum() and (lasso < 1e5 or fit.held[1:].all())


def test_lasso_equals_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    x, y = simulated(2000)
    peer = LogisticRegression(l1_ratio=1.0, C=1 / 40, solver="saga", tol=1e-10, max_iter=20_000).fit(x, y)
    np.testing.assert_allclose(fit_logistic(x, y, sign=0, lasso=40.0).coef[1:], peer.coef_[0], atol=1e-6)


def test_numbers_that_cannot_be_used_are_refused() -> None:
    x, y = simulated(100)
    x[3, 1] = np.nan
    with pytest.raises(InputError, match="finite"):
        fit_logistic(x, y)
    with pytest.raises(InputError, match="penalty of 0 or more"):
        fit_logistic(np.nan_to_num(x), y, ridge=-1.0)
