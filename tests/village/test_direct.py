"""Observed rates of villages: counts, intervals, order of rows, wrong calls."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from creditlab.errors import InputError
from creditlab.village import rates


@pytest.fixture
def loans():
    rng = np.random.default_rng(3)
    return pd.DataFrame({"bad": rng.integers(0, 2, 200), "village": rng.choice(["甲", "乙", "丙"], 200)})


def test_counts_add_to_the_rows(loans):
    table = rates(loans["bad"], loans["village"]).tidy()
    assert table["n"].sum() == len(loans) and table["bad"].sum() == loans["bad"].sum()
    assert list(table.columns) == ["village", "n", "bad", "estimate", "lo", "hi", "method"]


@pytest.mark.parametrize(("interval", "theirs"), [("jeffreys", "jeffreys"), ("wilson", "wilson"), ("exact", "beta")])
def test_intervals_equal_statsmodels(loans, interval, theirs):
    table = rates(loans["bad"], loans["village"], interval=interval, level=0.9).tidy()
    lo, hi = proportion_confint(table["bad"], table["n"], alpha=0.1, method=theirs)
    np.testing.assert_allclose(table[["lo", "hi"]], np.column_stack([lo, hi]), atol=1e-12)


@pytest.mark.parametrize("interval", ["jeffreys", "wilson", "exact"])
def test_villages_without_bads_or_without_goods_keep_their_ends(interval):
    table = rates([0, 0, 1, 1, 1], ["A", "A", "B", "B", "B"], interval=interval).tidy()
    assert table["lo"].iloc[0] == 0 and table["hi"].iloc[1] == 1
    assert 0 < table["hi"].iloc[0] < 1 and 0 < table["lo"].iloc[1] < 1


def test_row_order_does_not_matter(loans):
    shuffled = loans.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        rates(loans["bad"], loans["village"]).tidy(), rates(shuffled["bad"], shuffled["village"]).tidy()
    )


def test_villages_may_be_numbers_or_mixed():
    assert rates([0, 1, 0], [10, 9, 10]).tidy()["village"].tolist() == [9, 10]
    assert rates([0, 1, 0], [10, "9", 10]).tidy()["village"].tolist() == [10, "9"]


def test_wrong_calls_are_named():
    with pytest.raises(InputError, match=r"a target of 0 and 1 .*got 2 in 1 rows \(bad, rows 1\)"):
        rates([0, 2], ["A", "A"])
    with pytest.raises(InputError, match="a group in every row"):
        rates([0, 1], ["A", None])
    with pytest.raises(InputError, match="one of 'jeffreys', 'wilson', 'exact', 'byar'"):
        rates([0, 1], ["A", "B"], interval="wald")
    with pytest.raises(InputError, match="at least one loan"):
        rates([], [])
    with pytest.raises(InputError, match="a level between 0 and 1"):
        rates([0, 1], ["A", "B"], level=90)


def test_byar_is_the_poisson_limit_of_rare_bads():
    table = rates([1] * 12 + [0] * 3988, ["A"] * 4000, interval="byar", level=0.95).tidy()
    exact = rates([1] * 12 + [0] * 3988, ["A"] * 4000, interval="exact", level=0.95).tidy()
    np.testing.assert_allclose(table[["lo", "hi"]], exact[["lo", "hi"]], rtol=0.02)


def test_balances_decide_by_yuan(loans):
    yuan = np.random.default_rng(1).lognormal(10, 1, len(loans))
    table = rates(loans["bad"], loans["village"], balance=yuan).tidy()
    by_hand = loans.assign(b=yuan, x=yuan * loans["bad"], q=yuan**2).groupby("village")[["b", "x", "q"]].sum()
    np.testing.assert_allclose(table["estimate"], by_hand["x"] / by_hand["b"])
    np.testing.assert_allclose(table["n_effective"], by_hand["b"] ** 2 / by_hand["q"])
    scaled = rates(loans["bad"], loans["village"], balance=yuan / 1e4).tidy()
    np.testing.assert_allclose(table[["estimate", "lo", "hi"]], scaled[["estimate", "lo", "hi"]])
    same = rates(loans["bad"], loans["village"], balance=np.ones(len(loans))).tidy()
    count = rates(loans["bad"], loans["village"]).tidy()
    np.testing.assert_allclose(same[["estimate", "lo", "hi"]], count[["estimate", "lo", "hi"]])


def test_a_village_without_balance_says_so():
    table = rates([0, 1, 0], ["A", "A", "B"], balance=[5.0, 1.0, 0.0]).tidy()
    assert np.isnan(table["estimate"][1]) and "余额为零" in table["reason"][1] and table["reason"][0] == ""


def test_vintages_split_villages_and_add_up(loans):
    vintage = np.random.default_rng(2).choice(["2022Q1", "2022Q2"], len(loans))
    table = rates(loans["bad"], loans["village"], vintage=vintage).tidy()
    whole = rates(loans["bad"], loans["village"]).tidy().set_index("village")
    assert table[["village", "vintage"]].duplicated().sum() == 0
    added = table.groupby("village")[["n", "bad"]].sum()
    np.testing.assert_array_equal(added.loc[whole.index], whole[["n", "bad"]])
