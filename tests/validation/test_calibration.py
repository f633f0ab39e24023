"""Calibration of rows and of grades: size under the truth, power, statsmodels, identities, awkward PDs."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import binom

from creditlab.errors import InputError
from creditlab.results import NotEstimable
from creditlab.validation import (
    binomial,
    brier,
    calibration_in_the_large,
    cox,
    critical_defaults,
    grade_chi_square,
    hosmer_lemeshow,
    jeffreys,
    spiegelhalter,
)


def rows(seed=0, n=800, shift=0.0):
    rng = np.random.default_rng(seed)
    p = rng.beta(1.5, 12, n)
    odds = p / (1 - p) * np.exp(shift)
    return (rng.random(n) < odds / (1 + odds)).astype(int), p


@pytest.mark.parametrize("test", [spiegelhalter, cox, hosmer_lemeshow, calibration_in_the_large])
def test_true_pds_are_rejected_at_the_stated_rate(test):
    """120 samples at 5 %: .05 ± 3·√(.05·.95/120) = ± .060."""
    rejected = np.mean([test(*rows(seed)).p_value < 0.05 for seed in range(120)])
    assert 0 < rejected <= 0.11


@pytest.mark.parametrize("test", [cox, hosmer_lemeshow, calibration_in_the_large, spiegelhalter])
def test_pds_half_as_high_as_the_truth_are_rejected(test):
    assert test(*rows(1, n=3000, shift=np.log(2))).p_value < 1e-4


def test_village_shocks_fool_the_plain_test_and_not_the_clustered_one():
    """Villages share shocks of sd .8 around PDs that are right on average: 60 samples of 40 villages."""
    plain, clustered = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        village = np.repeat(np.arange(40), 50)
        p_village = rng.beta(2, 18, 40)
        y = (rng.random(2000) < p_village[village]).astype(int)
        p = np.full(2000, 0.1)
        plain.append(calibration_in_the_large(y, p).p_value < 0.05)
        clustered.append(calibration_in_the_large(y, p, village).p_value < 0.05)
    assert np.mean(plain) > 0.2 and np.mean(clustered) < 0.13


def test_cox_equals_statsmodels():
    y, p = rows(3)
    logit = sm.Logit(y, sm.add_constant(np.log(p / (1 - p)))).fit(disp=0)
    result = cox(y, p)
    assert (result.facts["intercept"], result.estimate) == pytest.approx(tuple(logit.params), abs=1e-8)
    np.testing.assert_allclose([result.lo, result.hi], logit.conf_int()[1], atol=1e-7)
    null = np.log(np.where(y == 1, p, 1 - p)).sum()
    assert result.statistic == pytest.approx(2 * (logit.llf - null), abs=1e-8)


def test_clustered_cox_equals_statsmodels():
    y, p = rows(3)
    village = np.arange(800) % 25
    options = {"groups": village, "use_correction": False}
    logit = sm.Logit(y, sm.add_constant(np.log(p / (1 - p)))).fit(disp=0, cov_type="cluster", cov_kwds=options)
    assert cox(y, p, village).facts["slope_se"] == pytest.approx(logit.bse[1] * np.sqrt(25 / 24), rel=1e-6)


def test_in_the_large_is_zero_when_the_sum_is_right():
    y, p = rows(4)
    base = np.full(len(y), y.mean())
    assert "PD全部相同" in cox(y, base).reason
    assert calibration_in_the_large(y, base).estimate == pytest.approx(1)


def test_murphy_parts_add_to_the_score_with_grades_or_without():
    y, p = rows(5)
    for prob in (p, np.round(p, 1)):
        result = brier(y, prob)
        parts = result.facts
        total = parts["reliability"] - parts["resolution"] + parts["uncertainty"] + parts["within"]
        assert total == pytest.approx(result.estimate, abs=1e-14)
    assert brier(y, np.round(p, 1)).facts["within"] == pytest.approx(0, abs=1e-15)


def test_hosmer_lemeshow_never_splits_equal_pds_and_is_order_free():
    y, p = rows(6)
    p = np.round(p, 2)
    shuffle = np.random.default_rng(0).permutation(len(y))
    one, other = hosmer_lemeshow(y, p), hosmer_lemeshow(y[shuffle], p[shuffle])
    assert one.statistic == pytest.approx(other.statistic, rel=1e-10) and one.df == other.df
    assert hosmer_lemeshow(y, p, fitted=True).df == one.df - 2
    assert hosmer_lemeshow(y, np.where(p < 0.1, 0.05, 0.2)).df == 2


def test_jeffreys_colours_and_side():
    assert jeffreys(18, 1000, 0.01).verdict == "red" and jeffreys(12, 1000, 0.01).verdict == "green"
    assert jeffreys(0, 1000, 0.2).verdict == "green"  # a PD that is too high is prudent
    none = jeffreys(0, 30, 0.01)
    assert none.lo == 0 and 0 < none.hi < 0.15


def test_binomial_tail_and_critical_value_agree():
    assert binomial(7, 120, 0.03).p_value == pytest.approx(binom.sf(6, 120, 0.03))
    k = critical_defaults(120, 0.03, 0.99, correlation=0.08)
    assert binomial(k, 120, 0.03, 0.08).p_value <= 0.01 < binomial(k - 1, 120, 0.03, 0.08).p_value


def test_common_shocks_raise_the_critical_value():
    values = [critical_defaults(500, 0.02, 0.99, rho) for rho in (0, 0.02, 0.05, 0.1, 0.3)]
    assert values == sorted(values) and values[0] < values[-1]


@pytest.mark.parametrize("p", [np.zeros(4), np.ones(4), np.full(4, 0.5), np.array([0, 0, 1, 1.0])])
@pytest.mark.parametrize("y", [[0, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1]])
def test_certain_pds_and_one_class_give_reasons_not_warnings(y, p):
    for result in (spiegelhalter(y, p), cox(y, p), hosmer_lemeshow(y, p), calibration_in_the_large(y, p), brier(y, p)):
        assert isinstance(result.p_value, NotEstimable) or 0 <= result.p_value <= 1
    assert isinstance(cox(y, p).estimate, NotEstimable) and cox(y, p).reason


def test_a_pd_that_the_outcome_rules_out_is_red():
    assert grade_chi_square([10, 10], [1, 2], [0.0, 0.2]).verdict == "red"


def test_separation_has_no_slope():
    assert "完全分离" in cox([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4]).reason


def test_no_defaults_have_an_interval():
    result = calibration_in_the_large([0] * 50, np.full(50, 0.02), np.arange(50) % 5)
    assert result.estimate == 0 and result.lo == 0 and result.hi > 1


def test_wrong_calls_are_named():
    with pytest.raises(InputError, match="probabilities between 0 and 1"):
        spiegelhalter([0, 1], [0.2, 1.2])
    with pytest.raises(InputError, match="0 ≤ defaults ≤ n, whole numbers; got 5 of 3"):
        jeffreys(5, 3, 0.1)
    with pytest.raises(InputError, match="a correlation from 0 to below 1"):
        binomial(1, 10, 0.1, correlation=1.0)
    with pytest.raises(InputError, match="counts and PDs of the same grades"):
        grade_chi_square([10, 10], [1], [0.1, 0.1])
    with pytest.raises(InputError, match="two or more groups"):
        hosmer_lemeshow([0, 1], [0.1, 0.2], groups=1)
