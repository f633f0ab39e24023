"""Fay-Herriot: known truth of the MSE, properties that must hold, predicted villages, neighbours, wrong calls."""

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.village import FayHerriot, Graph
from creditlab.village.area_variance import area_log_likelihood, between_variance

METHODS = ["reml", "ml", "fh", "pr", "dl"]


def areas(seed=0, villages=60, variance=0.04):
    """Direct estimates with sampling variances between .01 and .2, one column, villages of variance `variance`."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(villages), rng.normal(size=villages)])
    psi = rng.uniform(0.01, 0.2, villages)
    truth = X @ [0.3, 0.2] + rng.normal(0, np.sqrt(variance), villages)
    return truth + rng.normal(0, np.sqrt(psi)), X, psi, truth


def path(villages):
    matrix = np.zeros((villages, villages))
    step = np.arange(villages - 1)
    matrix[step, step + 1] = matrix[step + 1, step] = 1
    return matrix


@pytest.mark.parametrize("method", METHODS)
def test_variance_is_found_and_the_mse_holds(method):
    """200 sets of 60 villages: the variance is .04 within three standard errors of its mean and, over villages, the
    mean MSE is the mean squared error within 6 % (three standard errors of 12,000 squares that share their set); by
    moments it claims more, because a variance cut off at zero still pays for its error (within 10 %)."""
    found, squares, claimed = [], [], []
    for seed in range(200):
        y, X, psi, truth = areas(seed)
        result = FayHerriot(method).fit(y, X, psi).result_
        table = result.tidy()
        found.append(result.variance)
        squares.append(np.mean((table["eblup"] - truth) ** 2))
        claimed.append(table["mse"].mean())
    if method != "ml":  # maximum likelihood is biased down by what the coefficients take
        assert abs(np.mean(found) - 0.04) < 3 * np.std(found) / np.sqrt(200) + 0.001
    assert np.mean(claimed) == pytest.approx(np.mean(squares), rel=0.1 if method == "pr" else 0.06)


@pytest.mark.parametrize("method", ["reml", "ml"])
def test_the_variance_maximises_its_likelihood(method):
    y, X, psi, _ = areas(3)
    best = between_variance(y, psi, X, method)
    height = area_log_likelihood(y, psi, X, best, method)
    for other in (0.5 * best, 0.99 * best, 1.01 * best, 3 * best):
        assert area_log_likelihood(y, psi, X, other, method) < height


@pytest.mark.parametrize("method", METHODS)
def test_estimates_lie_between_their_two_ends(method):
    y, X, psi, _ = areas(1)
    table = FayHerriot(method).fit(y, X, psi).result_.tidy()
    ends = np.sort(table[["direct", "synthetic"]], axis=1)
    assert (table["eblup"] >= ends[:, 0] - 1e-12).all() and (table["eblup"] <= ends[:, 1] + 1e-12).all()
    by_hand = table["gamma"] * table["direct"] + (1 - table["gamma"]) * table["synthetic"]
    np.testing.assert_allclose(table["eblup"], by_hand)


def test_units_scale_and_columns_move_with_the_estimates():
    y, X, psi, _ = areas(2)
    one = FayHerriot().fit(y, X, psi).result_.tidy()
    scaled = FayHerriot().fit(100 * y, X, 1e4 * psi).result_.tidy()
    np.testing.assert_allclose(100 * one["eblup"], scaled["eblup"], rtol=1e-6)
    np.testing.assert_allclose(1e4 * one["mse"], scaled["mse"], rtol=1e-5)
    turned = FayHerriot().fit(y + X @ [1.0, -2.0], X @ [[1.0, 2.0], [0.5, -1.0]], psi).result_.tidy()
    np.testing.assert_allclose(one["eblup"] + X @ [1.0, -2.0], turned["eblup"], atol=1e-6)


def test_limits_of_shrinkage():
    y, X, psi, _ = areas(4)
    sure = FayHerriot().fit(y, X, psi * 1e-8).result_.tidy()
    np.testing.assert_allclose(sure["eblup"], y, atol=1e-6)
    alike = FayHerriot().fit(X @ [0.3, 0.2], X, psi).result_
    assert alike.variance == 0 and "村间方差估计为零" in alike.facts["note"]
    np.testing.assert_allclose(alike.tidy()["eblup"], X @ [0.3, 0.2], atol=1e-12)


def test_a_village_without_an_estimate_is_predicted():
    """Leaving a village out changes nothing for the others, and its own estimate is the regression's."""
    y, X, psi, _ = areas(5)
    holed = y.copy()
    holed[7] = np.nan
    table = FayHerriot().fit(holed, X, psi).result_.tidy()
    apart = FayHerriot().fit(np.delete(y, 7), np.delete(X, 7, axis=0), np.delete(psi, 7)).result_.tidy()
    np.testing.assert_allclose(table.drop(index=7)[["eblup", "mse"]], apart[["eblup", "mse"]], rtol=1e-9)
    assert table["eblup"][7] == pytest.approx(table["synthetic"][7]) and table["mse"][7] > table["mse"].drop(7).max()
    assert "无直接估计" in table["reason"][7]


def test_draws_have_the_mse_as_variance_and_the_coefficients_in_common():
    y, X, psi, _ = areas(6)
    result = FayHerriot(level=0.9).fit(y, X, psi).result_
    table, draws = result.tidy(), result.draws(40_000, seed=1)
    np.testing.assert_allclose(draws.mean(axis=0), table["eblup"], atol=5 * np.sqrt(table["mse"].max() / 40_000))
    np.testing.assert_allclose(draws.var(axis=0), table["mse"], rtol=0.05)
    inside = ((draws > table["lo"].to_numpy()) & (draws < table["hi"].to_numpy())).mean(axis=0)
    np.testing.assert_allclose(inside, 0.9, atol=0.01)
    noisy = np.argsort(-psi)[:2]
    assert np.corrcoef(draws[:, noisy].T)[0, 1] != pytest.approx(0, abs=0.005)


def test_neighbours_carry_strength():
    """Effects of an autoregression of .8 on a path of 100: ρ is found, and errors are smaller than without it."""
    identity, W = np.eye(100), path(100) / path(100).sum(axis=1, keepdims=True)
    errors = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        truth = 1 + np.linalg.solve(identity - 0.8 * W, rng.normal(0, 0.3, 100))
        psi = np.full(100, 0.2)
        y = truth + rng.normal(0, np.sqrt(psi))
        near = FayHerriot("reml", spatial="sar").fit(y, None, psi, graph=path(100)).result_
        alone = FayHerriot("reml").fit(y, None, psi).result_
        errors.append([np.mean((r.tidy()["eblup"] - truth) ** 2) for r in (near, alone)])
        assert 0.4 < near.rho < 1 and near.facts["log_likelihood"] > alone.facts["log_likelihood"]
    assert np.mean(errors, axis=0)[0] < 0.9 * np.mean(errors, axis=0)[1]


def test_neighbours_without_autoregression_are_the_plain_model():
    """Where nobody has a neighbour both models are one."""
    y, X, psi, _ = areas(7)
    near = FayHerriot("ml", spatial="sar").fit(y, X, psi, graph=np.zeros((60, 60))).result_
    alone = FayHerriot("ml").fit(y, X, psi).result_
    assert near.variance == pytest.approx(alone.variance, rel=1e-5)
    np.testing.assert_allclose(near.tidy()["eblup"], alone.tidy()["eblup"], atol=1e-6)


def test_weights_that_add_to_one_are_taken_as_given():
    y, X, psi, _ = areas(8)
    W = path(60) / path(60).sum(axis=1, keepdims=True)
    given = FayHerriot(spatial="sar").fit(y, X, psi, graph=W).result_
    made = FayHerriot(spatial="sar").fit(y, X, psi, graph=Graph.of_matrix(path(60))).result_
    assert given.rho == pytest.approx(made.rho, abs=1e-6)


def test_names_and_coefficients():
    y, X, psi, _ = areas(9)
    frame = pd.DataFrame(X, columns=["one", "income"])
    result = FayHerriot().fit(pd.Series(y, index=[f"v{i}" for i in range(60)]), frame, psi).result_
    assert result.tidy()["village"][3] == "v3" and result.coefficients["term"].tolist() == ["one", "income"]
    assert abs(result.coefficients["estimate"][1] - 0.2) < 4 * result.coefficients["se"][1]


def test_wrong_calls_are_named():
    with pytest.raises(InputError, match="a sampling variance above 0 for every estimate; got 1 others"):
        FayHerriot().fit([0.0, 0.1, 0.2], None, [0.0, 0.1, 0.1])
    with pytest.raises(InputError, match="one estimate and one variance per village"):
        FayHerriot().fit([0.0, 0.1], None, [0.1])
    with pytest.raises(InputError, match="more villages with an estimate than columns"):
        FayHerriot().fit([0.1, 0.2], np.eye(2), [0.1, 0.1])
    with pytest.raises(InputError, match="one of 'reml', 'ml'"):
        FayHerriot("bayes").fit([0.1, 0.2, 0.3], None, [0.1] * 3)
    with pytest.raises(InputError, match="'reml' or 'ml' with neighbours"):
        FayHerriot("dl", spatial="sar").fit([0.1, 0.2, 0.3], None, [0.1] * 3, graph=path(3))
    with pytest.raises(InputError, match="a graph of neighbours"):
        FayHerriot(spatial="sar").fit([0.1, 0.2, 0.3], None, [0.1] * 3)
    with pytest.raises(InputError, match="each village once"):
        FayHerriot().fit([0.1, 0.2, 0.3], None, [0.1] * 3, village=["A", "A", "B"])
