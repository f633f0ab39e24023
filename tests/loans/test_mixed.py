"""The regression with one random intercept: a published fit, closed forms, and truths that are found again."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from creditlab.errors import InputError
from creditlab.loans.mixed import _Cells, _cloglog, _negative, fit_mixed, mixed_log_likelihood

#: M. Lesnoff et al., Preventive Veterinary Medicine 64 (2004) 101-112: new cases, animals, quarter, by herd
CBPP = (
    "2 14 1,3 12 2,4 9 3,0 5 4|3 22 1,1 18 2,1 21 3|8 22 1,2 16 2,0 16 3,2 20 4|2 10 1,0 10 2,2 9 3,0 6 4|"
    "5 18 1,0 25 2,0 24 3,1 4 4|3 17 1,0 17 2,0 18 3,1 20 4|8 16 1,1 10 2,3 9 3,0 5 4|12 34 1|"
    "2 9 1,0 6 2,0 8 3,0 6 4|1 22 1,1 22 2,0 18 3,2 22 4|0 25 1,5 27 2,3 22 3,1 22 4|2 10 1,1 8 2,0 6 3,0 5 4|"
    "1 21 1,2 24 2,0 19 3,0 23 4|11 19 1,0 2 2,0 3 3,0 2 4|1 19 1,1 15 2,1 15 3,0 15 4"
)


def cbpp() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rows = [(i, *map(int, cell.split())) for i, herd in enumerate(CBPP.split("|")) for cell in herd.split(",")]
    a = np.array(rows)
    x = np.column_stack([np.ones(len(a)), *((a[:, 3] == k).astype(float) for k in (2, 3, 4))])
    return x, a[:, 1], a[:, 2], a[:, 0]


def test_the_laplace_likelihood_of_lme4() -> None:
    """R package lme4, glmer on cbpp: logLik -92.0266 at -1.3983 -0.9919 -1.1282 -1.5797, standard deviation .6421."""
    x, d, n, herd = cbpp()
    value = mixed_log_likelihood(
        np.array([-1.3983, -0.9919, -1.1282, -1.5797]), 0.6421, x, d, n, herd, link="logit", nodes=1
    )
    assert value == pytest.approx(-92.0266, abs=5e-4)  # the printed coefficients are rounded


def test_quadrature_finds_the_higher_maximum_of_the_integral() -> None:
    """Fifteen nodes: coefficients within .002 of the Laplace fit of lme4, and no parameters nearby are more likely."""
    x, d, n, herd = cbpp()
    fit = fit_mixed(x, d, n, herd, link="logit")
    np.testing.assert_allclose(fit.coefficients, [-1.3983, -0.9919, -1.1282, -1.5797], atol=0.002)
    best = mixed_log_likelihood(fit.coefficients, fit.sigma, x, d, n, herd, link="logit", nodes=40)
    rng = np.random.default_rng(0)
    for _ in range(30):
        beta, sigma = fit.coefficients + rng.normal(0, 0.05, 4), fit.sigma * np.exp(rng.normal(0, 0.1))
        assert mixed_log_likelihood(beta, sigma, x, d, n, herd, link="logit", nodes=40) < best


@pytest.mark.parametrize(
    ("link", "family"), [("logit", sm.families.links.Logit()), ("cloglog", sm.families.links.CLogLog())]
)
def test_without_groups_it_is_the_glm_of_statsmodels(link, family) -> None:
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(300), rng.normal(size=300)])
    n = rng.integers(1, 20, 300)
    d = rng.binomial(n, 1 - np.exp(-np.exp(-2 + 0.5 * x[:, 1])))
    glm = sm.GLM(np.column_stack([d, n - d]), x, family=sm.families.Binomial(link=family)).fit(tol=1e-12)
    fit = fit_mixed(x, d, n, np.arange(300), link=link)
    assert fit.sigma < 0.15  # no group effects in these data
    np.testing.assert_allclose(fit.coefficients, glm.params, atol=0.01)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), glm.bse, rtol=0.05)
    constant = glm.llf - fit.log_likelihood_without
    from scipy.special import gammaln

    assert constant == pytest.approx((gammaln(n + 1) - gammaln(d + 1) - gammaln(n - d + 1)).sum(), abs=1e-6)


def test_the_gradient_is_that_of_the_likelihood() -> None:
    x, d, n, herd = cbpp()
    cells = _Cells(x, d, n, herd, None, _cloglog)
    at = np.array([-1.4, -1.0, -1.1, -1.5, np.log(0.6)])
    gradient = _negative(cells, at, 25)[1]
    for k in range(5):
        step = np.zeros(5)
        step[k] = 1e-5
        slope = (_negative(cells, at + step, 25)[0] - _negative(cells, at - step, 25)[0]) / 2e-5
        assert gradient[k] == pytest.approx(slope, abs=1e-5)


def test_weights_are_copies_and_cells_can_be_split() -> None:
    x, d, n, herd = cbpp()
    whole = fit_mixed(x, d, n, herd)
    rows = np.repeat(np.arange(len(n)), n)
    events = np.concatenate([np.r_[np.ones(k), np.zeros(m - k)] for k, m in zip(d, n, strict=True)])
    single = fit_mixed(x[rows], events, np.ones(len(rows)), herd[rows])
    np.testing.assert_allclose(whole.coefficients, single.coefficients, atol=1e-5)
    assert whole.sigma == pytest.approx(single.sigma, abs=1e-5)


def test_group_effects_and_their_spread_are_found_again() -> None:
    """150 groups of 200 trials at 5 %, σ = 0.7: σ within four standard errors (0.06 each), 90 % intervals cover 86-94
    %."""
    rng = np.random.default_rng(2)
    u = rng.normal(0, 0.7, 150)
    d = rng.binomial(200, 1 - np.exp(-np.exp(-3 + u)))
    fit = fit_mixed(np.ones((150, 1)), d, np.full(150, 200), np.arange(150))
    assert abs(fit.sigma - 0.7) < 0.24 and abs(fit.coefficients[0] + 3) < 0.3
    covered = np.abs(fit.effects - u) <= 1.645 * fit.effect_errors
    assert 0.83 <= covered.mean() <= 0.97  # four standard errors of a share of 150
    assert np.corrcoef(fit.effects, u)[0, 1] > 0.85


def test_wrong_cells_are_refused() -> None:
    one = np.ones((2, 1))
    with pytest.raises(InputError, match="0 <= events <= trials"):
        fit_mixed(one, [3, 0], [2, 2], [0, 1])
    with pytest.raises(InputError, match="0 <= events <= trials"):
        fit_mixed(one, [0, 0], [2, 2], [0, 1])
    with pytest.raises(InputError, match="5 nodes or more"):
        fit_mixed(one, [1, 0], [2, 2], [0, 1], nodes=1)
    with pytest.raises(InputError, match="one of 'cloglog'"):
        fit_mixed(one, [1, 0], [2, 2], [0, 1], link="probit")
