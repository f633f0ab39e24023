"""The Poisson-gamma smoother: against brute-force integration, known truth, and properties that must hold."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.special import gammainc, gammaln

from creditlab.errors import FitError, InputError
from creditlab.results import digest
from creditlab.village import PoissonGamma, expected, rank


def counts(villages=40, spread=0.5, seed=0):
    rng = np.random.default_rng(seed)
    hoped = np.exp(rng.normal(0.7, 0.8, villages))
    return rng.poisson(hoped * rng.gamma(spread**-2, spread**2, villages)).astype(float), hoped


def smooth(observed, hoped, **options):
    return PoissonGamma().fit(observed, hoped, **options).result_


def test_posterior_equals_brute_force_integration():
    """A dense grid of 120 × 121 hyper-parameters, written from the formulas, gives the same means and limits."""
    observed, hoped = counts(40)
    log_s = np.linspace(np.log(0.002), np.log(5), 120)
    log_m = np.linspace(-2, 2, 121) + np.log(observed.sum() / hoped.sum())
    shape = np.repeat(np.exp(-2 * log_s), 121)
    rate = shape * np.exp(-np.tile(log_m, 120))
    height = np.repeat(2 * log_s - np.exp(2 * log_s) / 2, 121)
    for o, e in zip(observed, hoped, strict=True):
        height += gammaln(shape + o) - gammaln(shape) + shape * np.log(rate) - (shape + o) * np.log(rate + e)
    weight = np.exp(height - height.max()) / np.exp(height - height.max()).sum()
    table = smooth(observed, hoped).tidy()
    for i in (0, 7, 23):
        o, e = observed[i], hoped[i]
        assert table["estimate"][i] == pytest.approx(weight @ ((shape + o) / (rate + e)), abs=1e-3)
        for side, q in (("lo", 0.05), ("hi", 0.95)):
            exact = brentq(lambda t, o=o, e=e, q=q: weight @ gammainc(shape + o, (rate + e) * t) - q, 1e-6, 30)
            assert table[side][i] == pytest.approx(exact, abs=1e-3)


def test_coverage_of_the_ninety_percent_interval():
    """Loans are Bernoulli with lognormal village effects of sd .5; 5 seeds of 300 villages.

    A hundred seeds gave .89; the sd between seeds is about .06, so five seeds lie within .89 ± 3·.06/√5 = ± .08.
    """
    covered = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        size = np.maximum(np.round(np.exp(rng.normal(np.log(25), 0.72, 300))), 2).astype(int)
        village = np.repeat(np.arange(300), size)
        log_odds = -3.2 + 0.8 * (rng.normal(0, 0.5, 300)[village] + rng.normal(size=len(village)))
        pd_true = 1 / (1 + np.exp(-log_odds - rng.normal(0, 0.5, 300)[village]))
        pd_model = 1 / (1 + np.exp(-log_odds))
        panel = expected(rng.random(len(village)) < pd_true, pd_model, village).tidy()
        theta = np.bincount(village, pd_true) / panel["expected"]
        table = smooth(panel["observed"], panel["expected"], variance=panel["variance"]).tidy()
        covered.append(((table["lo"] <= theta) & (theta <= table["hi"])).mean())
    assert 0.81 <= np.mean(covered) <= 0.97


def test_the_variance_factor_finds_more_spread():
    observed, hoped = counts(200, seed=2)
    plain, factored = smooth(observed, hoped), smooth(observed, hoped, variance=0.8 * hoped)
    assert factored.facts["cv"] > plain.facts["cv"]


def test_a_shrunken_value_lies_between_its_two_ends():
    result = smooth(*counts(120, seed=4))
    table = result.tidy()
    ends = np.sort(np.column_stack([table["ratio"], np.full(len(table), result.facts["mean"])]), axis=1)
    assert (table["estimate"] > ends[:, 0] - 0.02).all() and (table["estimate"] < ends[:, 1] + 0.02).all()
    assert ((table["lo"] < table["estimate"]) & (table["estimate"] < table["hi"])).all()


def test_shrinkage_at_its_limits():
    big = smooth([400.0, 1000.0, 2500.0, 900.0], [1000.0] * 4).tidy()
    np.testing.assert_allclose(big["estimate"], big["ratio"], rtol=0.01)
    alike = smooth(np.full(400, 100.0), np.full(400, 100.0))
    assert alike.facts["cv"] < 0.03 and np.ptp(alike.tidy()["estimate"]) < 1e-9


def test_scaling_the_expected_scales_the_estimates():
    observed, hoped = counts(60, seed=5)
    one, three = smooth(observed, hoped).tidy(), smooth(observed, 3 * hoped).tidy()
    np.testing.assert_allclose(one[["estimate", "lo", "hi"]], 3 * three[["estimate", "lo", "hi"]], rtol=1e-7)


def test_order_and_names_of_villages_do_not_matter():
    observed, hoped = counts(60, seed=6)
    order = np.random.default_rng(0).permutation(60)
    straight = smooth(observed, hoped).tidy().loc[order]
    mixed = smooth(observed[order], hoped[order], village=[f"v{i}" for i in order]).tidy()
    np.testing.assert_allclose(straight[["estimate", "lo", "hi"]], mixed[["estimate", "lo", "hi"]], rtol=1e-10)
    assert mixed["village"].tolist() == [f"v{i}" for i in order]


def test_draws_agree_with_the_table_and_are_seeded():
    result = smooth(*counts(30, seed=7))
    draws = result.draws(20_000, seed=1)
    table = result.tidy()
    np.testing.assert_allclose(draws.mean(axis=0), table["estimate"], rtol=0.03)
    np.testing.assert_allclose((draws > 1).mean(axis=0), table["p_above"], atol=0.015)
    covered = ((draws > table["lo"].to_numpy()) & (draws < table["hi"].to_numpy())).mean(axis=0)
    np.testing.assert_allclose(covered, 0.9, atol=0.012)
    np.testing.assert_array_equal(draws, result.draws(20_000, seed=1))


def test_rankability_agrees_with_that_of_the_draws():
    result = smooth(*counts(200, spread=0.8, seed=8))
    assert result.facts["rankability"] == pytest.approx(rank(result.draws(4000), k=20).rankability, abs=0.03)


def test_no_bads_is_said_not_estimated():
    result = smooth([0, 0, 0], [1.0, 2.0, 3.0])
    assert result.tidy()["estimate"].isna().all() and result.tidy()["reason"].str.contains("无不良").all()
    with pytest.raises(FitError, match="no bads in any village"):
        result.draws(10)


@pytest.mark.parametrize(
    ("observed", "hoped"),
    [
        ([3], [1.0]),
        ([50] * 4, [1.0] * 4),
        ([0, 10**6], [10**3, 10**6]),
        ([5, 5], [1e-6, 100]),
        ([0] * 500 + [1], [9.0] * 501),
    ],
)
def test_awkward_counts_give_finite_ordered_limits(observed, hoped):
    result = smooth(observed, hoped)
    table = result.tidy()
    assert np.isfinite(table[["estimate", "lo", "hi", "p_above"]].to_numpy()).all()
    assert (table["lo"] <= table["hi"]).all() and table["p_above"].between(0, 1).all()
    assert "村数过少" in result.facts["note"] or len(observed) >= 10


def test_a_village_with_nothing_expected_has_a_reason():
    table = smooth([2, 3, 0], [1.0, 4.0, 0.0]).tidy()
    assert table["reason"].tolist()[:2] == ["", ""] and "期望" in table["reason"][2] and np.isnan(table["hi"][2])


def test_same_input_same_digest():
    one, two = (smooth(pd.Series([1, 2, 4], index=list("ABC")), [2.0, 2.0, 2.0]) for _ in range(2))
    assert digest(one.to_dict()) == digest(two.to_dict()) and one.tidy()["village"].tolist() == list("ABC")


def test_wrong_calls_are_named():
    with pytest.raises(InputError, match="1 villages with bads and none expected"):
        smooth([1, 2], [0.0, 1.0])
    with pytest.raises(InputError, match="a variance .* of at most the expected"):
        smooth([1, 2], [1.0, 1.0], variance=[2.0, 0.5])
    with pytest.raises(InputError, match="each village once"):
        smooth([1, 2], [1.0, 1.0], village=["A", "A"])
    with pytest.raises(InputError, match="finite counts of zero or more"):
        smooth([-1, 2], [1.0, 1.0])
    with pytest.raises(InputError, match="2 values, one per village"):
        smooth([1, 2], [1.0])
