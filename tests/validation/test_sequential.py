"""Monitoring of few defaults: stated false-alarm rates hold, exact distributions, power, awkward input."""

import numpy as np
import pytest
from scipy.stats import binom

from creditlab.errors import InputError
from creditlab.validation import chart, cusum, exact_defaults, poisson_binomial, sprt, village_alerts


def quarters(seed, n=300, odds=1.0):
    rng = np.random.default_rng(seed)
    p = rng.beta(1.2, 30, n)
    return (rng.random(n) < odds * p / (1 + (odds - 1) * p)).astype(int), p


def test_distribution_of_the_number_of_defaults():
    np.testing.assert_allclose(poisson_binomial(np.full(40, 0.1)), binom.pmf(np.arange(41), 40, 0.1), atol=1e-14)
    p = np.random.default_rng(0).beta(1, 20, 301)
    chance = poisson_binomial(p)
    assert chance @ np.arange(302) == pytest.approx(p.sum()) and chance.sum() == pytest.approx(1)
    assert chance @ np.arange(302) ** 2 - p.sum() ** 2 == pytest.approx((p * (1 - p)).sum())


def test_exact_test_has_two_sides_and_a_large_sample_form():
    y, p = quarters(1)
    up, down = exact_defaults(y, p).p_value, exact_defaults(y, p, "less").p_value
    assert up + down == pytest.approx(1 + poisson_binomial(p)[y.sum()])
    assert exact_defaults(y, p, "two-sided").p_value == pytest.approx(min(1, 2 * min(up, down)))
    big_y, big_p = quarters(2, n=5001)
    exact = poisson_binomial(big_p)[big_y.sum() :].sum()
    assert exact_defaults(big_y, big_p).p_value == pytest.approx(exact, abs=2e-3)


@pytest.mark.parametrize(
    "test",
    [
        lambda y, p: exact_defaults(y, p).p_value <= 0.05,
        lambda y, p: cusum(y, p, draws=200).facts["alarm"] >= 0,
        lambda y, p: sprt(y, p).facts["decision"] == "rejected",
    ],
)
def test_false_alarms_are_at_the_stated_rate(test):
    """150 books of 300 rows, PDs true, 5 %: at most .05 + 3·√(.05·.95/150) = .103, and a little for the drawn limit."""
    assert np.mean([test(*quarters(seed)) for seed in range(150)]) <= 0.12


def test_doubled_odds_are_found():
    found = [
        (cusum(*quarters(seed, 900, 2.0), draws=200).verdict, sprt(*quarters(seed, 900, 2.0)).facts["decision"])
        for seed in range(20)
    ]
    assert sum(v == "red" for v, _ in found) >= 16 and sum(d == "rejected" for _, d in found) >= 14


def test_the_chart_never_falls_below_zero_and_restarts():
    y, p = quarters(3)
    path = chart(y, p, 2.0)
    step, level, by_hand = np.where(y == 1, np.log(2), 0) - np.log1p(p), 0.0, []
    for w in step:
        level = max(0.0, level + w)
        by_hand.append(level)
    np.testing.assert_allclose(path, by_hand, atol=1e-10)
    assert cusum(y, p, draws=50).estimate == pytest.approx(path.max())
    assert cusum(y, p, ratio=0.5, draws=50).estimate >= 0


def test_wald_limits():
    test = sprt([1, 1, 1, 1], [0.05] * 4, ratio=4.0, alpha=0.05, beta=0.2)
    assert test.facts["upper"] == pytest.approx(np.log(0.8 / 0.05)) and test.facts["lower"] == pytest.approx(
        np.log(0.2 / 0.95)
    )
    assert test.facts["decision"] == "rejected" and test.facts["stop"] == 2 and test.p_value < 0.07
    assert sprt([0], [0.05]).facts["decision"] == "open"


def test_village_alerts_hold_their_rate_and_find_the_village():
    """60 counties of 30 villages: any alert in at most .05 + .084; with shocks once the spread is told (20: + .146)."""
    plain, tamed = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        village = np.repeat(np.arange(30), 40)
        eta = -2.5 + rng.normal(0, 0.6, 30)[village]
        y = (rng.random(1200) < 1 / (1 + np.exp(-eta))).astype(int)
        p = np.full(1200, 1 / (1 + np.exp(2.5)))
        plain.append(village_alerts(y, p, village).facts["alerts"] > 0)
        tamed.append(village_alerts(y, p, village, spread=0.6).facts["alerts"] > 0)
    assert np.mean(tamed) <= 0.196 < np.mean(plain)
    alarms = [
        village_alerts(np.random.default_rng(s).random(900) < 0.08, np.full(900, 0.08), np.arange(900) % 30).facts[
            "alerts"
        ]
        > 0
        for s in range(60)
    ]
    assert np.mean(alarms) <= 0.134
    y = np.random.default_rng(0).random(1200) < np.where(np.arange(1200) < 40, 0.4, 0.08)
    table = village_alerts(y, np.full(1200, 0.08), np.repeat(np.arange(30), 40)).tidy().set_index("scope")
    assert table.loc["0", "verdict"] == "red" and (table["verdict"] == "red").sum() == 1


def test_villages_too_small_are_listed_and_not_tested():
    table = village_alerts([1, 0, 0], [0.01, 0.5, 0.5], ["a", "b", "b"]).tidy().set_index("scope")
    assert (
        "期望违约不足" in table.loc["a", "reason"]
        and np.isnan(table.loc["a", "p_value"])
        and table.loc["b", "p_value"] == 1
    )


def test_wrong_calls_are_named():
    with pytest.raises(InputError, match="an odds ratio above 0 other than 1"):
        cusum([0, 1], [0.1, 0.2], ratio=1)
    with pytest.raises(InputError, match="alpha \\+ beta below 1"):
        sprt([0], [0.1], alpha=0.6, beta=0.5)
    with pytest.raises(InputError, match="a standard deviation of 0 or more"):
        village_alerts([0, 1], [0.1, 0.2], ["a", "b"], spread=-1)
    with pytest.raises(InputError, match="greater, less or two-sided"):
        exact_defaults([0], [0.1], "more")
