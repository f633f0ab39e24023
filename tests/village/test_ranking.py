"""Ranks, probabilities of the list, rankability, choice."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from creditlab.errors import InputError
from creditlab.village import choose, rank
from creditlab.village.ranking import p_top, ranks_of


def normal_draws(between, within, villages=60, n=4000, seed=0):
    """Draws of a normal model whose truth is known: posterior of N(0, between²) effects seen with sd `within`."""
    rng = np.random.default_rng(seed)
    seen = rng.normal(0, between, villages) + rng.normal(0, within, villages)
    kept = between**2 / (between**2 + within**2)
    return kept * seen + np.sqrt(kept) * within * rng.normal(size=(n, villages))


def test_probabilities_add_to_the_length_of_the_list():
    table = rank(normal_draws(1, 1), k=7).tidy()
    assert table["p_top"].sum() == pytest.approx(7) and table["expected_rank"].mean() == pytest.approx(30.5)


def test_rank_one_is_the_worst():
    table = rank(np.array([[3.0, 1.0, 2.0]] * 5), k=1, village=["A", "B", "C"]).tidy().set_index("village")
    assert table["expected_rank"].to_dict() == {"A": 1.0, "B": 3.0, "C": 2.0} and table["p_top"]["A"] == 1


def test_expected_rank_is_the_sum_of_pairwise_probabilities():
    draws = normal_draws(1, 0.7, villages=12)
    pairwise = 1 + (draws[:, None, :] > draws[:, :, None]).mean(axis=0).sum(axis=1)
    np.testing.assert_allclose(rank(draws, k=3).tidy()["expected_rank"], pairwise, rtol=1e-12)


def test_fast_ranks_equal_scipy():
    draws = normal_draws(1, 1, villages=20, n=50)
    np.testing.assert_array_equal(ranks_of(draws), rankdata(-draws, axis=1))


def test_ties_share_the_list():
    np.testing.assert_allclose(p_top(np.ones((10, 4)), 1), 0.25)
    np.testing.assert_allclose(p_top(np.array([[5.0, 2.0, 2.0, 1.0]]), 2), [1, 0.5, 0.5, 0])
    assert rank(np.ones((10, 4)), k=1).tidy()["expected_rank"].tolist() == [2.5] * 4


@pytest.mark.parametrize(("between", "within"), [(1, 0.5), (0.5, 1.0)])
def test_rankability_finds_its_known_value(between, within):
    """Lingsma's ρ = σ²/(σ² + s²) when all villages have the same sampling variance s²."""
    result = rank(normal_draws(between, within, villages=2000, n=600), k=5)
    assert result.rankability == pytest.approx(between**2 / (between**2 + within**2), abs=0.04)


def test_a_list_of_chance_is_said_to_be_one():
    assert "不足以支撑排名" in rank(normal_draws(0.3, 1.0), k=5).warning
    assert rank(normal_draws(1.0, 0.3), k=5).warning == ""


def test_permuting_villages_permutes_the_table():
    draws = normal_draws(1, 1, villages=9)
    order = np.random.default_rng(1).permutation(9)
    one = rank(draws, k=2).tidy().loc[order].drop(columns="village").reset_index(drop=True)
    pd.testing.assert_frame_equal(one, rank(draws[:, order], k=2).tidy().drop(columns="village"))


def test_choice_follows_size_and_cost():
    draws = np.array([[1.5, 3.0, 0.5]] * 3)
    assert choose(draws, k=1).tidy()["chosen"].tolist() == [False, True, False]
    assert choose(draws, k=1, size=[20, 2, 50]).tidy()["chosen"].tolist() == [True, False, False]
    dear = choose(draws, k=1, size=[20, 2, 50], cost=[10, 1, 1]).tidy()
    assert dear["chosen"].tolist() == [False, True, False] and dear["excess"].tolist() == [10.0, 4.0, 0.0]


def test_wrong_calls_are_named():
    with pytest.raises(InputError, match="a list of 1 to 3 villages"):
        rank(np.ones((5, 3)), k=4)
    with pytest.raises(InputError, match="draws × villages"):
        rank([1.0, 2.0], k=1)
    with pytest.raises(InputError, match="finite draws"):
        rank([[1.0, np.nan]], k=1)
    with pytest.raises(InputError, match="positive costs"):
        choose(np.ones((2, 2)), k=1, cost=[0, 1])
