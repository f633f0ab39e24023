"""The beta-binomial smoother and moment rates: brute-force integration, known truth, properties, awkward counts."""

import numpy as np
import pytest
from scipy.special import betainc, betaln, expit

from creditlab.errors import FitError, InputError
from creditlab.village import BetaBinomial, moment_rates, rates


def counts(villages=40, mean=0.1, strength=20, seed=0):
    rng = np.random.default_rng(seed)
    n = np.maximum(np.round(np.exp(rng.normal(3, 0.7, villages))), 2)
    rate = rng.beta(mean * strength, (1 - mean) * strength, villages)
    return rng.binomial(n.astype(int), rate).astype(float), n, rate


def test_posterior_equals_brute_force_integration():
    """A dense grid of 150 × 151 hyper-parameters, written from the formulas, gives the same means and limits."""
    bad, n, _ = counts(20)
    log_d = np.linspace(np.log(0.005), np.log(6), 150)
    centre = np.log(bad.sum() / (n.sum() - bad.sum()))
    d, mean = np.repeat(np.exp(log_d), 151), np.tile(expit(centre + np.linspace(-3, 3, 151)), 150)
    a, b = 1 / ((1 - mean) * d**2), 1 / (mean * d**2)
    height = 2 * np.log(d) - d**2 / 2
    for o, size in zip(bad, n, strict=True):
        height += betaln(a + o, b + size - o) - betaln(a, b)
    weight = np.exp(height - height.max()) / np.exp(height - height.max()).sum()
    table = BetaBinomial().fit(bad, n).result_.tidy()
    for i in (0, 7, 13):
        o, size = bad[i], n[i]
        assert table["estimate"][i] == pytest.approx(weight @ ((a + o) / (a + b + size)), abs=2e-4)
        for side, q in (("lo", 0.05), ("hi", 0.95)):
            assert weight @ betainc(a + o, b + size - o, table[side][i]) == pytest.approx(q, abs=2e-3)


def test_coverage_of_the_ninety_percent_interval():
    """Five seeds of 300 villages with beta rates; twenty gave .90 with sd .02 between seeds: five lie within ± .04."""
    covered = []
    for seed in range(5):
        bad, n, rate = counts(300, 0.06, 40, seed)
        table = BetaBinomial().fit(bad, n).result_.tidy()
        covered.append(((table["lo"] <= rate) & (rate <= table["hi"])).mean())
    assert 0.86 <= np.mean(covered) <= 0.94


def test_estimates_lie_between_their_two_ends_and_the_order_does_not_matter():
    bad, n, _ = counts(80, seed=3)
    result = BetaBinomial().fit(bad, n).result_
    table = result.tidy()
    ends = np.sort(np.column_stack([table["raw"], np.full(80, result.facts["mean"])]), axis=1)
    assert (table["estimate"] > ends[:, 0] - 0.005).all() and (table["estimate"] < ends[:, 1] + 0.005).all()
    order = np.random.default_rng(0).permutation(80)
    mixed = BetaBinomial().fit(bad[order], n[order]).result_.tidy()
    np.testing.assert_allclose(table["estimate"].to_numpy()[order], mixed["estimate"], rtol=1e-10)


def test_draws_agree_with_the_table():
    bad, n, _ = counts(30, seed=4)
    result = BetaBinomial().fit(bad, n).result_
    table, draws = result.tidy(), result.draws(20_000, seed=1)
    error = (draws.mean(axis=0) - table["estimate"]) / (draws.std(axis=0) / np.sqrt(20_000))
    assert error.abs().max() < 4.5  # standard errors; 1 in 5,000 by chance among 30 villages
    inside = ((draws > table["lo"].to_numpy()) & (draws < table["hi"].to_numpy())).mean(axis=0)
    np.testing.assert_allclose(inside, 0.9, atol=0.012)
    np.testing.assert_allclose((draws > draws.neutral).mean(axis=0), table["p_above"], atol=0.015)


def test_rates_by_balance_with_effective_loans():
    """Duplicating every loan halves the sampling variance: twice the effective loans, less shrinkage."""
    rng = np.random.default_rng(5)
    village, bad, balance = rng.integers(0, 40, 2000), rng.random(2000) < 0.1, rng.lognormal(10, 1, 2000)
    once = rates(bad, village, balance=balance).tidy()
    twice = rates(np.tile(bad, 2), np.tile(village, 2), balance=np.tile(balance, 2)).tidy()
    np.testing.assert_allclose(twice["n_effective"], 2 * once["n_effective"])
    np.testing.assert_allclose(twice["estimate"], once["estimate"])
    assert (once["n_effective"] < once["n"]).all()
    shrunken = BetaBinomial().fit(once["estimate"] * once["n_effective"], once["n_effective"]).result_.tidy()
    assert shrunken["estimate"].std() < once["estimate"].std() and (shrunken["lo"] < shrunken["hi"]).all()


@pytest.mark.parametrize(
    ("bad", "n"), [([3], [9]), ([0, 5], [5, 5]), ([0] * 300 + [1], [9] * 301), ([0, 900], [2, 10**6]), ([2, 0], [4, 0])]
)
def test_awkward_counts_give_finite_ordered_limits(bad, n):
    table = BetaBinomial().fit(bad, n).result_.tidy()
    assert np.isfinite(table[["estimate", "lo", "hi", "p_above"]].to_numpy(dtype=float)).all()
    assert (table["lo"] <= table["hi"]).all()


@pytest.mark.parametrize(("bad", "words"), [([0, 0], "均无不良"), ([4, 5], "均为不良")])
def test_nothing_to_compare_is_said(bad, words):
    result = BetaBinomial().fit(bad, [4, 5]).result_
    assert result.tidy()["estimate"].isna().all() and words in result.tidy()["reason"][0]
    with pytest.raises(FitError, match="There are no draws"):
        result.draws(5)


def test_moment_rates_shrink_small_villages_most():
    bad, n, _ = counts(80, seed=6)
    for family in ("poisson", "binomial"):
        table = moment_rates(bad, n, family).tidy()
        assert table["weight"].between(0, 1).all()
        assert (np.diff(table.sort_values("exposure")["weight"]) >= -1e-12).all()
    flat = moment_rates([10] * 5, [100] * 5)
    assert flat.facts["a"] == 0 and np.ptp(flat.tidy()["estimate"]) < 1e-15


def test_wrong_calls_are_named():
    with pytest.raises(InputError, match="at most as many bads as loans"):
        BetaBinomial().fit([3], [2])
    with pytest.raises(InputError, match="at most as many bads as loans"):
        BetaBinomial().fit([1, 1], [2])
    with pytest.raises(InputError, match="exposures above zero"):
        moment_rates([0, 1], [0, 5])
    with pytest.raises(InputError, match="one of 'poisson', 'binomial'"):
        moment_rates([1], [5], family="normal")
