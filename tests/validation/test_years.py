"""Grades in order, several years, few defaults: size under the truth, sides, exactness, awkward counts."""

import numpy as np
import pytest
from scipy.stats import fisher_exact

from creditlab.errors import InputError
from creditlab.results import NotEstimable
from creditlab.validation import (
    central_tendency,
    heterogeneity,
    homogeneity,
    monotone_grades,
    normal_years,
    pluto_tasche,
    traffic_light_critical,
    traffic_lights,
)


def test_a_reversal_is_red_and_its_mirror_is_not():
    falls, rises = monotone_grades([30, 5], [100, 100]), monotone_grades([5, 30], [100, 100])
    assert falls.verdict == "red" and rises.verdict == "green"
    assert falls.tidy()["p_value"].iloc[0] == pytest.approx(1 - rises.tidy()["p_value"].iloc[0])
    assert falls.facts["reversals"] == 1 and falls.facts["violation"] > 0 and rises.facts["violation"] == 0


def test_equal_grades_are_seldom_called_reversed():
    """150 sets of six equal grades, Holm at 5 %: at most .05 + 3·√(.05·.95/150) = .103."""
    rng = np.random.default_rng(0)
    found = [monotone_grades(rng.binomial(300, 0.1, 6), [300] * 6).p_value < 0.05 for _ in range(150)]
    assert np.mean(found) <= 0.103


def test_heterogeneity_wants_rejection_and_homogeneity_does_not():
    assert (
        heterogeneity([5, 50], [500, 500]).verdict == "green" and heterogeneity([50, 52], [500, 500]).verdict == "amber"
    )
    alike = homogeneity([[10, 11, 9]], [[100, 100, 100]])
    apart = homogeneity([[10, 40, 9]], [[100, 100, 100]])
    assert alike.verdict == "green" and apart.verdict == "red" and apart.df == 2


def test_few_expected_are_judged_exactly_or_not_at_all():
    row = homogeneity([[1, 6]], [[20, 20]]).tidy().iloc[0]
    assert row["p_value"] == pytest.approx(fisher_exact([[1, 6], [19, 14]])[1])
    assert "期望频数不足" in homogeneity([[1, 2, 0]], [[9, 9, 9]]).reason
    assert "只有一个子组" in homogeneity([[3, 0]], [[9, 0]]).reason


def test_grades_without_defaults_have_reasons():
    rows = monotone_grades([0, 0, 5], [50, 50, 50]).tidy()
    assert (
        "无违约" in rows["reason"].iloc[0] and np.isnan(rows["p_value"].iloc[0]) and rows["verdict"].iloc[0] == "info"
    )


def test_normal_test_of_years_keeps_its_level():
    """400 times six years with common shocks: one-sided 5 % by t is .05 ± .033; by the normal it is somewhat more."""
    rng = np.random.default_rng(1)
    tests = [normal_years(np.clip(0.03 + rng.normal(0, 0.01, 6), 0, 1), np.full(6, 0.03)) for _ in range(400)]
    by_t = np.mean([test.facts["p_t"] < 0.05 for test in tests])
    by_normal = np.mean([test.p_value < 0.05 for test in tests])
    assert 0.017 <= by_t <= 0.083 and by_t < by_normal < 0.15
    assert "至少需要三年" in normal_years([0.1, 0.2], [0.1, 0.1]).reason
    assert isinstance(normal_years([0.1] * 4, [0.1] * 4).p_value, NotEstimable)


def test_lights_over_years_keep_their_level():
    """200 sets of five years, PDs right: at most .05 + .046 rejected; correlated years with their correlation too."""
    rng = np.random.default_rng(2)
    plain = [traffic_lights(rng.binomial(50_000, 0.02, 5), [50_000] * 5, 0.02).p_value <= 0.05 for _ in range(200)]
    assert np.mean(plain) <= 0.096
    from scipy.stats import norm

    factor = rng.normal(size=(150, 5))
    rates = norm.cdf((norm.ppf(0.02) - np.sqrt(0.1) * factor) / np.sqrt(0.9))
    counts = rng.binomial(50_000, rates)
    own = [traffic_lights(d, [50_000] * 5, 0.02, correlation=0.1).p_value <= 0.05 for d in counts]
    assert np.mean(own) <= 0.10  # .05 + 3·√(.05·.95/150)


def test_red_years_are_red():
    test = traffic_lights([60, 70, 55], [1000] * 3, 0.02)
    assert test.facts["colours"] == "red red red" and test.verdict == "red" and test.statistic == 3


def test_critical_lights_bound_the_error():
    values = [traffic_light_critical(years, 0.05) for years in range(3, 8)]
    assert all(v > 0 for v in values) and traffic_light_critical(1, 0.01) == 0


def test_long_run_average():
    test = central_tendency([0.02, 0.03, 0.025, 0.035, 0.04], 0.03)
    assert test.estimate == pytest.approx(1) and test.lo < 1 < test.hi and test.verdict == "green"
    assert central_tendency([0.02, 0.021, 0.019, 0.02], 0.04).verdict == "red"
    assert "重叠" in central_tendency([0.02, 0.03, 0.025], 0.03, overlapping=True).reason


def test_prudent_pds_rise_with_confidence_and_fall_with_size():
    low, high = (pluto_tasche([100, 100], [0, 1], g).tidy()["hi"] for g in (0.5, 0.9))
    assert (high > low).all()
    more = pluto_tasche([1000, 1000], [0, 10], 0.9).tidy()["hi"]
    assert (more < high).all() and pluto_tasche([5], [5]).tidy()["hi"].iloc[0] == 1
    judged = pluto_tasche([100, 100], [0, 1], 0.75, pd=[0.001, 0.05]).tidy()["verdict"].tolist()
    assert judged == ["amber", "green"]


def test_wrong_counts_are_named():
    with pytest.raises(InputError, match="0 ≤ defaults ≤ n in 2 or more grades"):
        monotone_grades([5], [10])
    with pytest.raises(InputError, match="0 ≤ defaults ≤ n"):
        heterogeneity([5, 11], [10, 10])
    with pytest.raises(InputError, match="a rate and a PD per year"):
        normal_years([0.1], [0.1, 0.2])
    with pytest.raises(InputError, match="at most 9 years"):
        traffic_lights([1] * 10, [100] * 10, 0.02)
    with pytest.raises(InputError, match="defaults and n of the same shape"):
        homogeneity([[1, 2]], [[3, 4], [5, 6]])
