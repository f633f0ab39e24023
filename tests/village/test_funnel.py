"""Funnel limits, over-dispersion, the Kitagawa identity, and names that are not built yet."""

import numpy as np
import pytest
from scipy.stats import chi2

import creditlab.village as vl
from creditlab.errors import InputError


def test_limits_narrow_with_size_and_hold_one():
    table = vl.funnel_limits(np.linspace(0.5, 200, 50), level=0.998).tidy()
    assert (np.diff(table["hi"] - table["lo"]) < 0).all() and ((table["lo"] < 1) & (table["hi"] > 1)).all()


def test_limits_are_chi_square_quantiles():
    row = vl.funnel_limits([7.3], level=0.9).tidy().iloc[0]
    assert row["lo"] == pytest.approx(chi2.ppf(0.05, 14.6) / 14.6) and row["hi"] == pytest.approx(
        chi2.ppf(0.95, 16.6) / 14.6
    )


def test_a_village_with_nothing_expected_has_no_limits():
    row = vl.funnel_limits([0.0]).tidy().iloc[0]
    assert np.isnan(row["lo"]) and "期望" in row["reason"]


def test_overdispersion_is_one_without_spread_and_finds_a_known_spread():
    rng = np.random.default_rng(0)
    hoped = rng.uniform(50, 400, 3000)
    none = vl.overdispersion(rng.poisson(hoped), hoped)
    some = vl.overdispersion(rng.poisson(hoped * np.exp(rng.normal(0, 0.3, 3000))), hoped)
    assert none.phi == pytest.approx(1, abs=0.1) and none.tau2 < 0.002
    assert some.tau2 == pytest.approx(0.09, abs=0.012)


def test_overdispersion_counts_villages_without_bads():
    assert vl.overdispersion([0, 3, 9], [2, 3, 5]).facts["without_bads"] == 1
    with pytest.raises(InputError, match="two or more villages with expected bads"):
        vl.overdispersion([1], [1])


def test_trimming_takes_out_the_few_that_are_truly_bad():
    """Two hundred villages as chance has them and ten at three times the expected: trimmed, φ is near 1 again."""
    rng = np.random.default_rng(3)
    hoped = rng.uniform(20, 60, 210)
    seen = rng.poisson(hoped * np.where(np.arange(210) < 10, 3.0, 1.0))
    for scale in ("log", "sqrt"):
        whole = vl.overdispersion(seen, hoped, scale=scale)
        for by in ("winsorise", "truncate"):
            trimmed = vl.overdispersion(seen, hoped, scale=scale, trim=0.1, by=by)
            assert whole.phi > 2 and trimmed.phi < 1.3 and trimmed.tau2 < whole.tau2
    assert vl.overdispersion(seen, hoped, trim=0.1).tidy()["used"][0] < 210


def test_the_square_root_scale_agrees_with_the_logarithm():
    rng = np.random.default_rng(4)
    hoped = rng.uniform(80, 300, 2000)
    seen = rng.poisson(hoped * np.exp(rng.normal(0, 0.2, 2000)))
    one, other = (vl.overdispersion(seen, hoped, scale=scale) for scale in ("log", "sqrt"))
    assert one.tau2 == pytest.approx(other.tau2, rel=0.1) == pytest.approx(0.04, rel=0.2)


def test_wider_limits_hold_what_they_should():
    """Villages that truly differ by τ = .3: limits of chance alone leave many outside, widened ones five in a hundred.

    Four standard errors of 4,000 villages, and the approximation of the stretched logarithm.
    """
    rng = np.random.default_rng(5)
    hoped = rng.uniform(20, 120, 4000)
    ratio = rng.poisson(hoped * np.exp(rng.normal(0, 0.3, 4000))) / hoped
    over = vl.overdispersion(ratio * hoped, hoped)
    outside = {}
    for name, limits in {
        "chance": vl.funnel_limits(hoped),
        "additive": vl.funnel_limits(hoped, over=over),
        "multiplicative": vl.funnel_limits(hoped, over=over, model="multiplicative"),
    }.items():
        table = limits.tidy()
        outside[name] = ((ratio < table["lo"]) | (ratio > table["hi"])).mean()
    assert outside["chance"] > 0.25 and 0.03 < outside["additive"] < 0.07 and outside["multiplicative"] < 0.1
    same = vl.funnel_limits([15], over=vl.overdispersion([10, 10, 10], [10, 10, 10]), model="multiplicative").tidy()
    assert same["hi"][0] == pytest.approx(vl.funnel_limits([15]).tidy()["hi"][0])  # φ below 1 does not narrow


def test_wrong_settings_are_named():
    with pytest.raises(InputError, match="a share between 0 and 0.4"):
        vl.overdispersion([1, 2], [1, 2], trim=0.6)
    with pytest.raises(InputError, match="one of 'log', 'sqrt'"):
        vl.overdispersion([1, 2], [1, 2], scale="cube")
    with pytest.raises(InputError, match="one of 'additive', 'multiplicative'"):
        vl.funnel_limits([1], model="both")


def test_kitagawa_parts_add_to_the_gap():
    rng = np.random.default_rng(1)
    n, other = rng.integers(0, 50, 8), rng.integers(0, 400, 8)
    bad, other_bad = rng.binomial(n, 0.2), rng.binomial(other, 0.08)
    facts = vl.kitagawa(n, bad, other, other_bad).facts
    assert facts["composition"] + facts["within"] == pytest.approx(facts["gap"], abs=1e-12)
    assert facts["gap"] == pytest.approx(bad.sum() / n.sum() - other_bad.sum() / other.sum())


def test_kitagawa_pure_cases():
    same_rates = vl.kitagawa([10, 30], [1, 12], [30, 10], [3, 4]).facts
    same_mix = vl.kitagawa([10, 30], [2, 12], [100, 300], [10, 60]).facts
    assert same_rates["within"] == pytest.approx(0) and same_mix["composition"] == pytest.approx(0)
