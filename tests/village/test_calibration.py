"""PDs on the level and the line of the outcomes, before villages are compared with them."""

import numpy as np
import pytest
import statsmodels.api as sm

from creditlab.errors import InputError
from creditlab.village import calibrate, calibrate_in_the_large
from creditlab.village.calibration import expit, logit


def rows(n=8000, seed=0, slope=0.6):
    rng = np.random.default_rng(seed)
    true = rng.normal(-2.2, 1, n)
    return expit(true / slope), (rng.random(n) < expit(true)).astype(int)


def test_the_line_is_the_logistic_regression_on_the_log_odds():
    """statsmodels' Logit, an independent fit, gives the same intercept, slope and standard error."""
    prob, y = rows()
    ours, theirs = calibrate(prob, y), sm.Logit(y, sm.add_constant(logit(prob))).fit(disp=0)
    assert (ours.intercept, ours.slope) == pytest.approx(tuple(theirs.params), abs=1e-7)
    assert ours.slope_se == pytest.approx(theirs.bse[1], rel=1e-5)
    assert ours.prob.sum() == pytest.approx(y.sum(), rel=1e-9)


def test_weight_two_is_two_copies_and_order_does_not_matter():
    prob, y = rows(900)
    twice = calibrate(np.tile(prob, 2), np.tile(y, 2))
    weighted = calibrate(prob, y, np.full(len(y), 2.0))
    assert weighted.slope == pytest.approx(twice.slope, abs=1e-9)
    order = np.random.default_rng(1).permutation(len(y))
    np.testing.assert_allclose(calibrate(prob[order], y[order]).prob, calibrate(prob, y).prob[order], atol=1e-10)


@pytest.mark.parametrize(
    ("prob", "y"),
    [
        (np.full(500, 0.1), np.arange(500) % 7 == 0),  # one PD for all
        (np.linspace(0.01, 0.5, 100), np.arange(100) % 10 == 0),  # ten bads
    ],
)
def test_where_no_slope_can_be_had_only_the_level_is_calibrated(prob, y):
    out = calibrate(prob, y.astype(int))
    assert out.slope == 1 and np.isnan(out.slope_se)
    assert out.prob.sum() == pytest.approx(y.sum(), rel=1e-6)


def test_pds_that_separate_all_bads_stay_numbers():
    out = calibrate(np.repeat([0.0, 0.4, 0.6, 1.0], 100), np.repeat([0, 1], 200))
    assert np.isfinite(out.prob).all() and out.prob.sum() == pytest.approx(200, rel=1e-6)


def test_pds_that_point_the_wrong_way_become_the_mean_rate():
    prob, y = rows(4000)
    out = calibrate(1 - prob, y)
    assert out.slope == 0 and np.ptp(out.prob) == 0 and out.prob[0] == pytest.approx(y.mean())


@pytest.mark.parametrize("outcome", [0, 1])
def test_one_outcome_gives_that_outcome(outcome):
    prob = np.linspace(0.1, 0.9, 30)
    assert (calibrate_in_the_large(prob, np.full(30, outcome)) == outcome).all()
    assert (calibrate(prob, np.full(30, outcome)).prob == outcome).all()


def test_wrong_calls():
    with pytest.raises(InputError, match="probabilities between 0 and 1"):
        calibrate([0.1, 1.4], [0, 1])
    with pytest.raises(InputError, match="expected|Expected"):
        calibrate([0.1, 0.4], [0, 2])
