"""Observed over expected: sums, exact limits against the Poisson test, awkward villages."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import poisson

from creditlab.errors import InputError
from creditlab.village import expected


@pytest.fixture
def loans():
    rng = np.random.default_rng(5)
    village = rng.integers(0, 30, 1500)
    prob = rng.beta(1.2, 14, 1500)
    return pd.DataFrame({"bad": (rng.random(1500) < prob).astype(int), "prob": prob, "village": village})


def test_sums_are_those_of_the_rows(loans):
    table = expected(loans["bad"], loans["prob"], loans["village"]).tidy()
    by_hand = loans.assign(v=loans["prob"] * (1 - loans["prob"])).groupby("village").sum()
    np.testing.assert_array_equal(table["observed"], by_hand["bad"])
    np.testing.assert_allclose(table["expected"], by_hand["prob"], rtol=1e-13)
    np.testing.assert_allclose(table["variance"], by_hand["v"], rtol=1e-13)
    assert list(table.columns) == ["village", "n", "observed", "expected", "ratio", "lo", "hi", "variance", "reason"]


def test_limits_are_where_the_exact_test_turns(loans):
    table = expected(loans["bad"], loans["prob"], loans["village"], level=0.9, interval="poisson").tidy()
    table = table[(table["observed"] > 0) & (table["hi"] < table["n"] / table["expected"])]
    mean_lo, mean_hi = table["lo"] * table["expected"], table["hi"] * table["expected"]
    np.testing.assert_allclose(poisson.sf(table["observed"] - 1, mean_lo), 0.05, atol=1e-9)
    np.testing.assert_allclose(poisson.cdf(table["observed"], mean_hi), 0.05, atol=1e-9)


def test_the_exact_interval_lies_within_the_poisson_one(loans):
    """Loans vary less than Poisson counts; both end where every loan is bad."""
    exact, poisson_table, byar = (
        expected(loans["bad"], loans["prob"] * 3 % 1, loans["village"], interval=kind).tidy()
        for kind in ("exact", "poisson", "byar")
    )
    assert (exact["hi"] <= poisson_table["hi"] + 1e-9).all()
    # one bad is rarer from loans than from a Poisson count of the same mean: its lower limit lies a little lower
    assert (exact["lo"] >= 0.95 * poisson_table["lo"]).all()
    np.testing.assert_allclose(byar["hi"], poisson_table["hi"], rtol=0.02)


def test_equal_balances_are_counts_and_units_do_not_matter(loans):
    rng = np.random.default_rng(0)
    count = expected(loans["bad"], loans["prob"], loans["village"], interval="poisson").tidy()
    same = expected(loans["bad"], loans["prob"], loans["village"], balance=np.full(len(loans), 5e4)).tidy()
    np.testing.assert_allclose(same[["observed", "expected", "lo", "hi"]], count[["observed", "expected", "lo", "hi"]])
    yuan = rng.lognormal(10, 1, len(loans))
    one, other = (expected(loans["bad"], loans["prob"], loans["village"], balance=k * yuan).tidy() for k in (1, 1e-4))
    np.testing.assert_allclose(one[["observed", "ratio", "variance"]], other[["observed", "ratio", "variance"]])
    assert (one["variance"] <= one["expected"]).all() and (one["n_effective"] <= one["n"] * 1.0001).mean() > 0.5
    sums = loans.assign(b=yuan, o=yuan * loans["bad"], e=yuan * loans["prob"]).groupby("village").sum()
    np.testing.assert_allclose(one["ratio"], sums["o"] / sums["e"])


def test_an_upper_limit_does_not_ask_for_more_bads_than_loans():
    row = expected([1, 1, 1], [0.5, 0.6, 0.7], ["A"] * 3).tidy().iloc[0]
    assert row["hi"] == pytest.approx(3 / 1.8)


def test_merging_two_villages_keeps_the_totals(loans):
    apart = expected(loans["bad"], loans["prob"], loans["village"])
    merged = expected(loans["bad"], loans["prob"], loans["village"].replace({1: 0}))
    sums = ["n", "observed", "expected", "variance"]
    np.testing.assert_allclose(apart.tidy()[sums].sum(), merged.tidy()[sums].sum(), rtol=1e-13)
    assert merged.facts["ratio"] == pytest.approx(apart.facts["ratio"], rel=1e-13)


def test_a_village_with_nothing_expected_says_so():
    table = expected([0, 0, 1], [0.0, 0.0, 0.4], ["A", "A", "B"]).tidy()
    assert np.isnan(table.loc[0, ["ratio", "lo", "hi"]].astype(float)).all() and "期望" in table.loc[0, "reason"]
    assert table.loc[1, "reason"] == ""


def test_no_bads_at_all_is_a_result():
    table = expected([0, 0, 0], [0.1, 0.1, 0.2], ["A", "A", "B"]).tidy()
    assert (table["ratio"] == 0).all() and (table["lo"] == 0).all() and (table["hi"] > 1).all()


def test_wrong_calls_are_named():
    with pytest.raises(InputError, match="probabilities between 0 and 1"):
        expected([0, 1], [0.1, 5.0], ["A", "B"])
    with pytest.raises(InputError, match="2 values, one per row"):
        expected([0, 1], [0.1], ["A", "B"])
    with pytest.raises(InputError, match="one of 'exact', 'poisson', 'byar'"):
        expected([0, 1], [0.1, 0.2], ["A", "B"], interval="normal")
    with pytest.raises(InputError, match="finite weights of zero or more"):
        expected([0, 1], [0.1, 0.2], ["A", "B"], balance=[-1.0, 2.0])
