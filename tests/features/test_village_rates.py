"""The village rate: own outcome never inside, held-out outcomes never inside, shuffled labels say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from creditlab.errors import InputError
from creditlab.features import VillageRate
from creditlab.validation import auc


def county(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    village = np.repeat(np.arange(200), rng.integers(2, 40, 200))
    return village, (rng.random(len(village)) < 0.1 + 0.2 * (village % 3 == 0)).astype(int)


def test_flipping_the_own_outcome_never_moves_the_own_value():
    village, y = county()
    before = VillageRate().fit_transform(village, y)
    for place in (0, 7, len(y) - 1):
        flipped = y.copy()
        flipped[place] = 1 - y[place]
        after = VillageRate().fit_transform(village, flipped)
        assert after[place] == pytest.approx(before[place], abs=1e-15)
        assert (np.delete(after, place) != np.delete(before, place)).any()


def test_all_rows_of_the_own_household_stay_out():
    rate = VillageRate(prior=0).fit_transform(["u"] * 4, [1, 1, 0, 0], household=["a", "a", "b", "c"])
    assert rate.tolist() == [0, 0, pytest.approx(2 / 3), pytest.approx(2 / 3)]


def test_held_out_rows_see_only_the_outcomes_of_the_fold():
    village, y = county()
    fit = np.arange(len(y)) % 2 == 0
    rate = VillageRate().fit(village[fit], y[fit])
    assert np.array_equal(
        rate.transform(village[~fit]), VillageRate().fit(village[fit], y[fit]).transform(village[~fit])
    )
    assert rate.transform([9999])[0] == pytest.approx(y[fit].mean())


def test_a_rate_of_shuffled_labels_says_nothing_of_held_out_rows():
    village, y = county()
    rng = np.random.default_rng(1)
    found = []
    for _ in range(20):
        shuffled = rng.permutation(y)
        fit = rng.random(len(y)) < 0.5
        score = VillageRate().fit(village[fit], shuffled[fit]).transform(village[~fit])
        found.append(float(auc(shuffled[~fit], score).estimate))
    # 20 means of about 2,000 rows: the standard error of the mean is below 0.005
    assert np.mean(found) == pytest.approx(0.5, abs=0.02)


def test_the_rate_over_all_rows_of_shuffled_labels_does_leak():
    """The careless rate, for contrast: labels at random, and yet an AUC well above one half."""
    village, y = county()
    shuffled = np.random.default_rng(2).permutation(y)
    careless = VillageRate().fit(village, shuffled).transform(village)
    assert float(auc(shuffled, careless).estimate) > 0.55


def test_order_of_rows_and_shrinkage():
    village, y = county()
    order = np.random.default_rng(3).permutation(len(y))
    assert np.allclose(
        VillageRate().fit_transform(village[order], y[order]), VillageRate().fit_transform(village, y)[order]
    )
    strong = VillageRate(prior=1e9).fit(village, y).transform(village)
    assert np.allclose(strong, y.mean(), atol=1e-6)


def test_wrong_calls():
    with pytest.raises(InputError, match="a weight of 0 or more"):
        VillageRate(prior=-1).fit(["u", "v"], [0, 1])
