"""Tests of geography: what is there is found, what is not there is not, and no order of rows or name matters."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from creditlab import village as vl
from creditlab.errors import InputError
from creditlab.village.autocorrelation import randomisation_moments
from creditlab.village.graph import as_graph
from creditlab.village.local import without_repetition


def board(side=8):
    """Places on a square, neighbours by sides."""
    xy = np.array([(i, j) for i in range(side) for j in range(side)], dtype=float)
    return xy, vl.Graph.within(xy, 1.0)


def county(seed=0, side=12, clustered=False):
    """Observed and expected bads on a board; a block of nine villages is twice as bad where `clustered`."""
    rng = np.random.default_rng(seed)
    xy, graph = board(side)
    expected = np.exp(rng.normal(0.8, 0.7, len(xy)))
    block = (xy < 3).all(axis=1)
    return rng.poisson(expected * np.where(block & clustered, 3.0, 1.0)), expected, xy, graph, block


def test_moran_of_a_chess_board_and_of_halves():
    xy, graph = board()
    chess = vl.moran((xy.sum(axis=1) % 2), graph, alternative="two-sided")
    halves = vl.moran((xy[:, 0] < 4).astype(float), graph)
    assert chess.statistic == pytest.approx(-1) and chess.p_value < 0.01
    assert halves.statistic > 0.8 and halves.p_value == pytest.approx(0.001)


def test_moments_over_all_permutations_of_five_villages():
    import itertools

    graph = as_graph({0: [1], 1: [0, 2], 2: [1, 3], 3: [2, 4], 4: [3]}, range(5))
    z = np.array([3.0, 1.0, 2.0, 7.0, 4.0])
    z -= z.mean()
    weights = graph.weights("W")
    found = [float(p @ (weights @ p)) / (z @ z) for p in map(np.array, itertools.permutations(z))]
    expectation, variance = randomisation_moments(weights, z, 5)
    assert np.mean(found) == pytest.approx(expectation) and np.var(found) == pytest.approx(variance)


def test_raw_rates_mislead_and_standardised_ones_do_not():
    """Small villages in one corner: their rates swing, which a plain test of squared deviations takes for a pattern."""
    z = vl.standardised([0, 2, 40], [10, 10, 1000])
    assert abs(z[1]) < 3 and z[1] > z[2]
    assert (vl.standardised([0, 0], [3, 4]) == 0).all() and vl.standardised([0, 3], [0, 4])[0] == 0


def test_p_values_are_uniform_without_a_pattern():
    p = [vl.moran(*_null(seed), permutations=199, seed=seed, size=_null(seed, "size")).p_value for seed in range(60)]
    assert kstest(p, "uniform").pvalue > 0.01


def _null(seed, what="given"):
    observed, expected, _, graph, _ = county(seed)
    return expected if what == "size" else (observed, graph)


def test_the_block_is_found_by_every_test():
    observed, expected, xy, graph, block = county(3, clustered=True)
    assert vl.moran(observed, graph, size=expected).p_value < 0.01
    hot = vl.gi_star(observed, graph, size=expected).tidy()
    assert block[(hot["cluster"] == "hot").to_numpy()].mean() > 0.6 and (hot["cluster"] == "hot").any()
    found = vl.scan(observed, expected, xy)
    members = found.members.loc[found.members["cluster"] == 1, "village"]
    assert found.p_value < 0.01 and block[members].mean() > 0.6
    assert vl.scan(observed, expected, xy, null="places", simulations=199).p_value < 0.05


def test_nobody_is_named_without_a_pattern():
    named = [vl.lisa(*_null(seed), size=_null(seed, "size")).facts["named"] for seed in range(8)]
    assert sum(count > 0 for count in named) <= 2


def test_p_values_of_the_scan_without_a_pattern():
    """Bernoulli loans with their variance: the test neither cries wolf nor sleeps."""
    rng = np.random.default_rng(5)
    xy, _ = board(7)
    p = []
    for seed in range(60):
        n, rate = rng.integers(5, 60, len(xy)), 0.2
        p.append(vl.scan(rng.binomial(n, rate), n * rate, xy, seed, variance=n * rate * 0.8, simulations=99).p_value)
    assert kstest(p, "uniform").pvalue > 0.01


@pytest.mark.parametrize("test", [vl.moran, vl.lisa, vl.gi_star])
def test_order_and_names_change_nothing(test):
    observed, expected, xy, graph, _ = county(1, side=7)
    place = np.random.default_rng(0).permutation(len(xy))
    other = vl.Graph.of_matrix(graph.matrix.toarray()[np.ix_(place, place)], village=[f"v{i}" for i in place])
    options = {"permutations": 199}
    first = test(observed, graph, size=expected, **options)
    second = test(observed[place], other, size=expected[place], **options)
    columns = [c for c in first.tidy().select_dtypes("number").columns if c != "village"]
    np.testing.assert_allclose(first.tidy()[columns].to_numpy()[place], second.tidy()[columns].to_numpy(), atol=1e-10)
    if test is vl.moran:
        assert first.p_value == second.p_value


def test_order_and_names_change_nothing_in_the_scan():
    observed, expected, xy, _, _ = county(1, side=7, clustered=True)
    place = np.random.default_rng(0).permutation(len(xy))
    first = vl.scan(observed, expected, xy, simulations=199)
    second = vl.scan(observed[place], expected[place], xy[place], village=place, simulations=199)
    numbers = ["radius", "villages", "observed", "expected", "llr", "p_value"]
    np.testing.assert_allclose(first.tidy()[numbers], second.tidy()[numbers], atol=1e-10)
    assert set(first.members.loc[first.members["cluster"] == 1, "village"]) == set(
        second.members.loc[second.members["cluster"] == 1, "village"]
    )


def test_villages_at_one_place_are_in_or_out_together():
    xy = [[0, 0], [0, 0], [5, 5], [9, 9], [9, 0]]
    found = vl.scan([6, 0, 0, 1, 0], [1.0, 1.0, 2.0, 2.0, 2.0], xy)
    assert set(found.members.loc[found.members["cluster"] == 1, "village"]) == {0, 1}


def test_brute_force_of_the_scan():
    observed, expected, xy, _, _ = county(2, side=5)
    total, best = observed.sum(), 0.0
    hoped = expected * total / expected.sum()
    distance = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    for i in range(len(xy)):
        for radius in np.unique(distance[i]):
            inside = distance[i] <= radius + 1e-9
            c, e = observed[inside].sum(), hoped[inside].sum()
            if e <= total / 2 and c > e:
                rest = (total - c) * np.log((total - c) / (total - e)) if c < total else 0
                best = max(best, c * np.log(c / e) + rest)
    assert vl.scan(observed, expected, xy, simulations=99).facts["statistic"] == pytest.approx(best)


def test_islands_stay_and_say_so():
    _, graph = board(4)
    joined = vl.Graph.of_table(graph.tidy(), village=[*range(16), "far"])
    values = np.arange(17.0)
    table = vl.lisa(values, joined).tidy().set_index("village")
    assert table.loc["far", "cluster"] == "island" and "island" in table.loc["far", "reason"]
    assert vl.moran(values, joined).facts["islands"] == 1
    # an island is in the mean and the variance, not in n: nothing else changes
    z = values - values.mean()
    by_hand = z @ (joined.weights("W") @ z) / (z @ z)
    assert vl.moran(values, joined).statistic == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("values", "graph", "said"),
    [
        ([1.0, 2.0], {0: [1], 1: [0]}, "fewer than three"),
        ([1.0], {0: []}, "fewer than three"),
        ([1.0, 1.0, 1.0, 1.0], {0: [1], 1: [0, 2], 2: [1, 3], 3: [2]}, "same value"),
        ([1.0, 2.0, 3.0], {0: [], 1: [], 2: []}, "no two villages"),
    ],
)
def test_what_cannot_be_tested_says_why(values, graph, said):
    found = vl.moran(values, graph)
    assert np.isnan(found.p_value) and said in found.facts["note"]
    local = vl.gi_star(values, graph)
    assert local.tidy()["p_value"].isna().all() and said in local.tidy()["reason"].iloc[0]


def test_a_county_without_bads_has_nothing_to_scan():
    found = vl.scan([0, 0, 0], [1, 2, 3], [[0, 0], [1, 0], [0, 1]])
    assert np.isnan(found.p_value) and "no bads" in found.facts["note"] and len(found.members) == 0
    assert "no circle" in vl.scan([2], [1.0], [[0, 0]]).facts["note"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: vl.moran([1, 2, np.nan], {0: [1], 1: [2], 2: [0]}), "finite value"),
        (lambda: vl.moran([1, 2, 3], {0: [1], 1: [2], 2: [0]}, alternative="both"), "greater"),
        (lambda: vl.moran([1, 2, 3], {0: [1], 1: [2], 2: [0]}, permutations=5), "99 to"),
        (lambda: vl.lisa([1, 2, 3], {0: [1], 1: [2], 2: [0]}, fdr="none"), "bh"),
        (lambda: vl.moran([2, 0, 0], {0: [1], 1: [2], 2: [0]}, size=[0, 1, 1]), "expected bads"),
        (lambda: vl.moran([1, 2, 3], None), "Graph.nearest"),
        (lambda: vl.scan([1, 2], [1, 2], [[0, 0], [np.nan, 1]]), "coordinates of every village"),
        (lambda: vl.scan([1, 2], [1, 2], [[0, 0], [1, 1]], most=2), "share above 0"),
        (lambda: vl.scan([1, 2], [1, 2], [[0, 0], [1, 1]], fewest=3), "1 to 2"),
        (lambda: vl.scan([1, 2], [1, 2], [[0, 0], [1, 1]], null="none"), "chance"),
    ],
)
def test_wrong_calls(call, said):
    with pytest.raises(InputError, match=said):
        call()


def test_series_names_its_villages_and_the_graph_follows():
    values = pd.Series([5.0, 4.0, 1.0, 0.0], index=list("DCBA"))
    graph = vl.Graph.of_table(pd.DataFrame({"village": list("ABC"), "neighbour": list("BCD")}))
    assert vl.moran(values, graph).statistic == pytest.approx(vl.moran(values.sort_index(), graph).statistic)


def test_random_choices_never_repeat():
    chosen = without_repetition(200, 6, 500, np.random.default_rng(0))
    assert all(len(set(row)) == 6 for row in chosen.tolist())
    assert np.bincount(chosen.ravel(), minlength=200).std() < 8  # 15 each, binomial sd 3.9
