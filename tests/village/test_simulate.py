"""Made counties: what was asked for is what comes, the truth is the truth, and a seed is a county."""

import numpy as np
import pandas as pd
import pytest

from creditlab import village as vl
from creditlab.errors import InputError
from creditlab.village.simulate import village_book


def test_a_seed_is_a_county():
    one, other = village_book(3, villages=50), village_book(3, villages=50)
    pd.testing.assert_frame_equal(one.loans, other.loans)
    assert not one.loans["bad"].equals(village_book(4, villages=50).loans["bad"])


@pytest.mark.parametrize("shape", ["normal", "skewed", "heavy", "two groups"])
def test_effects_have_the_spread_and_the_share_that_was_asked_for(shape):
    truth = village_book(1, villages=2000, sd=0.5, phi=0.5, shape=shape).truth
    assert truth["effect"].std() == pytest.approx(0.5, abs=0.06)
    assert truth["shared"].var() / (truth["shared"].var() + truth["own"].var()) == pytest.approx(0.5, abs=0.1)
    np.testing.assert_allclose(truth["effect"], truth["shared"] + truth["own"])


def test_neighbours_share_what_is_shared_and_nothing_else():
    book = village_book(2, villages=400, phi=0.5)
    shared, own = (vl.moran(book.truth[c].to_numpy(), book.graph, permutations=199) for c in ("shared", "own"))
    assert shared.statistic > 0.4 and shared.p_value < 0.01 and own.p_value > 0.01


def test_sizes_borrowers_and_outcomes():
    book = village_book(5, villages=1500, confounding=0.4)
    truth = book.truth
    assert truth["n"].median() == pytest.approx(25, abs=2) and 0.1 < (truth["n"] < 10).mean() < 0.2
    assert np.corrcoef(truth["effect"], truth["x_mean"])[0, 1] == pytest.approx(0.4, abs=0.08)
    # outcomes are draws of the PDs: the z-score of their sum
    assert abs(book.loans["bad"].sum() - book.pd_true.sum()) < 4 * np.sqrt(book.pd_true.sum())
    np.testing.assert_allclose(truth["rate"] * truth["n"], np.bincount(book.loans["village"], book.pd_true, 1500))


def test_selection_contagion_and_wrong_codes():
    chosen = village_book(1, villages=200, selection=1.0)
    applied = chosen.applicants
    assert 0.5 < applied["granted"].mean() < 0.9 and len(chosen.loans) == applied["granted"].sum()
    assert applied.loc[~applied["granted"], "bad"].mean() > applied.loc[applied["granted"], "bad"].mean()
    chained = village_book(1, villages=300, contagion=2.0)
    bad = chained.loans.set_index("loan")["bad"]
    first, second = (bad.loc[chained.guarantees[c]].to_numpy() for c in ("loan", "partner"))
    assert second[first == 1].mean() > 2 * second[first == 0].mean()
    wrong = village_book(1, villages=300, wrong_code=0.02)
    right = village_book(1, villages=300)
    assert (wrong.loans["village"] != right.loans["village"]).mean() == pytest.approx(0.02, abs=0.005)


def test_one_village_and_wrong_calls():
    assert len(village_book(0, villages=1).truth) == 1 and len(village_book(0, villages=2).graph.villages) == 2
    for options in ({"villages": 0}, {"sd": -1}, {"phi": 2}, {"shape": "round"}):
        with pytest.raises(InputError):
            village_book(0, **options)
