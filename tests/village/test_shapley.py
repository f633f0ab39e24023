"""Shapley values and Fairlie's decomposition: axioms, exact sums, and a brute force over all orders."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.village import fairlie, shapley_gap
from creditlab.village.calibration import expit
from creditlab.village.shapley import _over_some_orders


def made(on):
    """A figure with interactions between three factors; 'd' does nothing."""
    a, b, c = (f in on for f in "abc")
    return 2.0 * a + 3.0 * a * b - 1.5 * b * c + 0.5 * c


def test_equal_to_the_mean_over_all_orders():
    names = list("abcd")
    brute = dict.fromkeys(names, 0.0)
    for order in permutations(names):
        before: frozenset[str] = frozenset()
        for name in order:
            brute[name] += (made(before | {name}) - made(before)) / 24
            before = before | {name}
    table = shapley_gap(made, names).tidy().set_index("factor")["value"]
    for name in names:
        assert table[name] == pytest.approx(brute[name], abs=1e-12)
    assert table["d"] == 0 and table.sum() == pytest.approx(made(frozenset("abcd")), abs=1e-12)


def test_many_factors_take_random_orders_and_still_add_up():
    names = [f"f{i}" for i in range(15)]
    weight = dict(zip(names, np.linspace(-1, 2, 15), strict=True))
    result = shapley_gap(lambda on: expit(sum(weight[f] for f in on) - 3), names, orders=60, seed=3)
    assert not result.facts["exact"]
    assert result.tidy()["value"].sum() == pytest.approx(result.facts["gap"], abs=1e-12)
    again = shapley_gap(lambda on: expit(sum(weight[f] for f in on) - 3), names, orders=60, seed=3)
    pd.testing.assert_frame_equal(result.tidy(), again.tidy())


def test_random_orders_come_near_the_exact_values():
    """200 orders and their reverses; the standard error is below 0.08 for this figure."""
    exact = shapley_gap(made, list("abc")).tidy()["value"].to_numpy()
    drawn = np.array(list(_over_some_orders(made, list("abc"), 200, 1).values()))
    np.testing.assert_allclose(drawn, exact, atol=0.25)


def test_wrong_calls():
    with pytest.raises(InputError, match="factors, each once"):
        shapley_gap(made, ["a", "a"])
    with pytest.raises(InputError, match="finite values"):
        shapley_gap(lambda on: float("nan"), ["a"])


def borrowers(seed=0, n=400):
    rng = np.random.default_rng(seed)
    village = rng.choice(["A", "B", "C"], n, p=[0.15, 0.5, 0.35])
    phi = pd.DataFrame(rng.normal(size=(n, 4)), columns=["deposit", "debt", "farm", "age"])
    phi.loc[village == "A", "debt"] += 1.2
    return phi, village


def test_fairlie_adds_up_to_the_difference_of_the_mean_pds_whatever_the_sizes():
    phi, village = borrowers()
    prob = expit(-2 + phi.sum(axis=1))
    parts = fairlie(phi, -2, village, "A", bad=prob > 0.3)
    here = village == "A"
    assert parts.facts["gap"] == pytest.approx(prob[here].mean() - prob[~here].mean(), abs=1e-12)
    assert parts.tidy()["value"].sum() == pytest.approx(parts.facts["gap"], abs=1e-12)
    assert parts.tidy().set_index("factor")["value"].idxmax() == "debt"
    seen = (prob > 0.3)[here].mean() - (prob > 0.3)[~here].mean()
    assert parts.facts["unexplained"] == pytest.approx(seen - parts.facts["gap"], abs=1e-12)


def test_fairlie_by_source_is_the_same_difference_and_order_of_rows_does_not_matter():
    phi, village = borrowers(1)
    sources = {"deposit": "bank", "debt": "registry", "farm": "agriculture", "age": "bank"}
    parts = fairlie(phi, -2, village, "A", sources=sources)
    assert parts.tidy()["factor"].tolist() == ["bank", "registry", "agriculture"]
    order = np.random.default_rng(2).permutation(len(phi))
    moved = fairlie(phi.iloc[order], -2, village[order], "A", sources=sources)
    np.testing.assert_allclose(moved.tidy()["value"], parts.tidy()["value"], atol=1e-12)


def test_fairlie_of_equal_groups_is_nothing():
    phi, _ = borrowers(2)
    twice = pd.concat([phi, phi], ignore_index=True)
    parts = fairlie(twice, -2, np.repeat(["A", "B"], len(phi)), "A")
    np.testing.assert_allclose(parts.tidy()["value"], 0, atol=1e-15)


def test_fairlie_needs_two_sides():
    phi, village = borrowers()
    with pytest.raises(InputError, match="a village with loans, and other villages"):
        fairlie(phi, -2, village, "Z")
