"""Likelihood ratio, profile and Firth intervals: against statsmodels, worked tables and what defines them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from creditlab.estimators import expit
from creditlab.scorecard.inference import (
    Rows,
    firth_limits,
    firth_tests,
    fit_firth,
    likelihood_ratio,
    profile_limits,
)
from creditlab.scorecard.logistic import covariance, fit_logistic


def simulated(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    return x, (rng.random(n) < expit(-2 + x @ [-1.0, -0.5, -0.2])).astype(float), rng.integers(1, 4, n).astype(float)


def glm(x: np.ndarray, y: np.ndarray, weight: np.ndarray, offset: np.ndarray | None = None):
    full = np.column_stack([np.ones(len(y)), x])
    return GLM(y, full, family=Binomial(), freq_weights=weight, offset=offset).fit(tol=1e-13)


def test_likelihood_ratio_is_that_of_two_fits_of_statsmodels() -> None:
    x, y, weight = simulated(600)
    offset = np.random.default_rng(1).normal(size=600)
    rows, fit = Rows.of(x, y, weight, offset), fit_logistic(x, y, weight, offset=offset)
    found = likelihood_ratio(rows, fit)
    for j in range(3):
        both = glm(x, y, weight, offset), glm(np.delete(x, j, axis=1), y, weight, offset)
        statistic = 2 * (both[0].llf - both[1].llf)
        np.testing.assert_allclose(found[j + 1], [statistic, chi2.sf(statistic, 1)], atol=1e-7)
    assert np.isnan(found[0]).all()


def test_profile_limits_are_where_the_likelihood_of_statsmodels_has_dropped_by_the_quantile() -> None:
    x, y, weight = simulated(300)
    fit = fit_logistic(x, y, weight)
    limits = profile_limits(Rows.of(x, y, weight), fit, np.sqrt(np.diag(covariance(x, y, fit, weight))), 0.9)
    top = glm(x, y, weight).llf
    for j in range(3):
        for value in limits[j + 1]:
            held = glm(np.delete(x, j, axis=1), y, weight, value * x[:, j]).llf
            assert 2 * (top - held) == pytest.approx(chi2.ppf(0.9, 1), abs=1e-5)
    assert (limits[1:, 0] < fit.coef[1:]).all() and (fit.coef[1:] < limits[1:, 1]).all()


def test_with_many_rows_profile_and_wald_agree() -> None:
    x, y, weight = simulated(20_000)
    fit = fit_logistic(x, y, weight)
    se = np.sqrt(np.diag(covariance(x, y, fit, weight)))
    limits = profile_limits(Rows.of(x, y, weight), fit, se)
    np.testing.assert_allclose(limits[1:, 1] - limits[1:, 0], 2 * 1.959964 * se[1:], rtol=5e-3)


@pytest.mark.parametrize("cells", [(10, 40, 3, 47), (5, 5, 0, 10), (0, 30, 2, 28)])
def test_firth_adds_half_a_row_to_each_cell_of_a_two_by_two_table(cells: tuple[int, ...]) -> None:
    bad1, good1, bad0, good0 = cells
    x = np.array([1.0, 1.0, 0.0, 0.0])[:, None]
    rows = Rows.of(x, np.array([1.0, 0, 1, 0]), np.array(cells, dtype=float))
    odds = [np.log((bad1 + 0.5) / (good1 + 0.5)), np.log((bad0 + 0.5) / (good0 + 0.5))]
    fit = fit_firth(rows)
    np.testing.assert_allclose(fit.coef, [odds[1], odds[0] - odds[1]], atol=1e-8)
    lo, hi = firth_limits(rows, fit)[1]
    assert lo < fit.coef[1] < hi and np.isfinite([lo, hi]).all()
    assert (firth_tests(rows, fit)[1, 1] < 0.05) == (not lo <= 0 <= hi)


def test_firth_weight_equals_copies_and_offset_is_a_known_coefficient() -> None:
    x, y, weight = simulated(80)
    copies = np.repeat(np.arange(80), weight.astype(int))
    once, many = fit_firth(Rows.of(x, y, weight)), fit_firth(Rows.of(x[copies], y[copies]))
    np.testing.assert_allclose(once.coef, many.coef, atol=1e-8)
    shifted = fit_firth(Rows.of(x, y, weight, np.full(80, 0.7)))
    np.testing.assert_allclose(shifted.coef, once.coef - [0.7, 0, 0, 0], atol=1e-8)


def test_firth_covers_where_bads_are_few_and_wald_has_no_answer() -> None:
    # 15 bads in 150 rows: separated samples occur, and the penalised intervals still hold the truth
    inside, draws = 0, 60
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(150, 1))
        y = (rng.random(150) < expit(-2.8 - 1.2 * x[:, 0])).astype(float)
        rows = Rows.of(x, y)
        lo, hi = firth_limits(rows, fit_firth(rows))[1]
        inside += lo <= -1.2 <= hi
    assert inside >= 51  # fewer of 60 at 95 % happens with p < 0.002


def test_limits_of_separated_columns_are_finite() -> None:
    x = np.r_[np.ones(10), np.zeros(30)][:, None]
    y = np.r_[np.ones(10), np.ones(6), np.zeros(24)]
    rows = Rows.of(x, y)
    fit = fit_firth(rows)
    lo, hi = firth_limits(rows, fit)[1]
    assert 0 < lo < fit.coef[1] < hi < 60
