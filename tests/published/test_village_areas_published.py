"""Small areas, random effects and a mixed logit against published figures, each with its source."""

import numpy as np
import pytest

from creditlab.village import FayHerriot, mixed_logit
from tests.loans.test_mixed import cbpp

#: R package sae, data `milk` (W. Arora, P. Lahiri 1997), first fifteen areas: estimate, standard error, major area
MILK = np.array([
    (1.099, 0.163, 1), (1.075, 0.08, 1), (1.105, 0.083, 1), (0.628, 0.109, 1), (0.753, 0.119, 1), (0.981, 0.141, 1),
    (1.257, 0.202, 1), (1.095, 0.127, 2), (1.405, 0.168, 2), (1.356, 0.178, 2), (0.615, 0.1, 2), (1.46, 0.201, 2),
    (1.338, 0.148, 2), (0.854, 0.143, 2), (1.176, 0.149, 3),
])  # fmt: skip


def test_fay_herriot_of_milk_expenditure():
    """sae `eblupFH` and `mseFH`, REML, as in the tests of R package emdi.

    sae stops scoring when a step changes the variance by less than 1e-4 of itself, at .0586208980532843; the maximum
    lies at .0586211175. That moves some estimates and MSE by a unit of the last printed digit.
    """
    y, sd, area = MILK.T
    X = np.column_stack([np.ones(15), area == 2, area == 3]).astype(float)
    result = FayHerriot(method="reml").fit(y, X, sd**2).result_
    table = result.tidy()
    scored = [np.median(sd**2)]
    for _ in range(12):
        scored.append(step(scored[-1], y, X, sd**2))
    assert scored[4] == pytest.approx(0.0586208980532843, abs=5e-15)
    assert abs(scored[4] - scored[3]) < 1e-4 * scored[3] < abs(scored[3] - scored[2])
    assert result.variance == pytest.approx(scored[-1], abs=1e-10)
    eblup = [1.060054, 1.065071, 1.091237, 0.686329, 0.796024, 0.979259, 1.140909, 1.102857, 1.316086, 1.277202,
             0.690256, 1.325936, 1.281805, 0.925744, 1.176]  # fmt: skip
    mse = [0.0211716, 0.0061148, 0.006556, 0.0108344, 0.0126524, 0.0168546, 0.0286032, 0.014198, 0.0222481, 0.0242056,
           0.0092904, 0.0285749, 0.0182933, 0.0173071, 0.0237089]  # fmt: skip
    np.testing.assert_allclose(table["eblup"], eblup, atol=6e-7)
    np.testing.assert_allclose(table["mse"], mse, atol=7e-8)


def step(variance, y, X, psi):
    """One step of Fisher's scoring for REML."""
    W = np.diag(1 / (variance + psi))
    P = W - W @ X @ np.linalg.solve(X.T @ W @ X, X.T @ W)
    return variance + (y @ P @ P @ y - np.trace(P)) / np.trace(P @ P)


@pytest.mark.parametrize(("method", "tau2"), [("dl", 0.2768), ("ml", 0.1967), ("reml", 0.2232), ("fh", 0.1920)])
def test_between_study_variance_of_viechtbauer(method, tau2):
    """W. Viechtbauer, J. Educational and Behavioral Statistics 30 (2005) 261-293, example 1, as in metafor's tests;
    the empirical-Bayes estimator of Paule and Mandel is Fay and Herriot's."""
    yi = [-0.581, 0.530, 0.771, 1.031, 0.553, 0.295, 0.078, 0.573, -0.176, -0.232]
    vi = [0.023, 0.052, 0.060, 0.115, 0.095, 0.203, 0.200, 0.211, 0.051, 0.040]
    assert FayHerriot(method=method).fit(yi, None, vi).result_.variance == pytest.approx(tau2, abs=5e-5)


def test_mixed_logit_of_pleuropneumonia():
    """R package lme4, glmer on cbpp by Laplace: -1.3983 -0.9919 -1.1282 -1.5797, sd 0.6421, log-likelihood -92.0266.

    Its search stops a little before the maximum: ours may be higher (-92.02628), and its figures are met to 2e-3.
    """
    X, bad, n, herd = cbpp()
    fit = mixed_logit(bad, X[:, 1:], herd, n=n, points=1)
    assert fit.facts["log_likelihood"] >= -92.0267 and fit.facts["log_likelihood"] == pytest.approx(-92.0263, abs=1e-4)
    np.testing.assert_allclose(fit.params, [-1.3983, -0.9919, -1.1282, -1.5797], atol=2e-3)
    assert fit.sd == pytest.approx(0.6421, abs=2e-3)
