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


@pytest.mark.parametrize(
    "call",
    [
        lambda: vl.FayHerriot(method="reml"),
        lambda: vl.moran([1], None),
        lambda: vl.lisa([1], None),
        lambda: vl.scan([1], [1], [[0, 0]]),
        lambda: vl.did(),
        lambda: vl.att_gt(),
        lambda: vl.permutation(),
    ],
)
def test_what_is_not_built_says_what_is_missing(call):
    with pytest.raises(NotImplementedError, match=r"is not built yet: \w+"):
        call()
