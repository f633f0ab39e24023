"""BYM2: against integration by simulation, the exact independent model, known truth, and graphs of every shape."""

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from creditlab.village import Graph, VillageLogit
from creditlab.village.bym2 import refine, structure
from creditlab.village.independent import profile
from creditlab.village.likelihood import common_level, gather, tabulate
from creditlab.village.precision import Factor
from tests.village.counties import county, pooled


def grid_graph(side):
    """A square lattice of villages."""
    place = np.arange(side * side).reshape(side, side)
    pairs = np.concatenate(
        [np.c_[place[:, :-1].ravel(), place[:, 1:].ravel()], np.c_[place[:-1].ravel(), place[1:].ravel()]]
    )
    matrix = np.zeros((side * side, side * side))
    matrix[pairs[:, 0], pairs[:, 1]] = matrix[pairs[:, 1], pairs[:, 0]] = 1
    return matrix


def smooth_effects(seed, side, sd=0.7):
    """Effects of a lattice that are half a smooth surface, half noise."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    surface = np.sin(5 * x + rng.uniform(0, 6)) * np.cos(4 * y + rng.uniform(0, 6))
    surface = (surface - surface.mean()).ravel() / surface.std()
    return sd * (np.sqrt(0.6) * surface + np.sqrt(0.4) * rng.normal(size=side * side))


def by_simulation(bad, n, offset, matrix, draws=400_000):
    """Posterior means by importance sampling from the prior, written from the definition of BYM2 with dense algebra."""
    rng = np.random.default_rng(0)
    laplacian = np.diag(matrix.sum(axis=1)) - matrix
    covariance = np.linalg.pinv(laplacian, hermitian=True)
    for part in range(connected_components(matrix)[0]):
        members = np.flatnonzero(connected_components(matrix)[1] == part)
        block = np.ix_(members, members)
        single = len(members) == 1
        covariance[block] = 1.0 if single else covariance[block] / np.exp(np.log(np.diag(covariance)[members]).mean())
    root = np.linalg.cholesky(covariance + 1e-10 * np.eye(len(n)))
    sigma, phi = np.sqrt(-2 * np.log(rng.random(draws))), rng.random(draws)
    shared = rng.normal(size=(draws, len(n))) @ root.T
    own = rng.normal(size=(draws, len(n)))
    u = sigma[:, None] * (np.sqrt(phi)[:, None] * shared + np.sqrt(1 - phi)[:, None] * own)
    centre = np.log(bad.sum() / (n.sum() - bad.sum())) - offset
    common = centre + 2 * rng.normal(size=draws)
    t = common[:, None] + u + offset
    height = (bad * t - n * np.logaddexp(0, t)).sum(axis=1) + (common - centre) ** 2 / 8
    weight = np.exp(height - height.max())
    weight /= weight.sum()
    return {"rate": weight @ (1 / (1 + np.exp(-t))), "sd": weight @ sigma, "phi": weight @ phi}


def test_posterior_equals_integration_by_simulation():
    """Four villages in a row and an island; an effective sample of 2,000 leaves errors of a fortieth of the sd."""
    matrix = np.zeros((5, 5))
    for i, j in ((0, 1), (1, 2), (2, 3)):
        matrix[i, j] = matrix[j, i] = 1
    bad, n, offset = np.array([8.0, 6, 1, 0, 3]), np.array([20.0, 30, 25, 15, 40]), -1.5
    truth = by_simulation(bad, n, offset, matrix)
    result = VillageLogit(spatial="bym2").fit(bad, np.full(5, offset), list("ABCDE"), graph=matrix, n=n).result_
    table = result.tidy()
    width = (table["rate_hi"] - table["rate_lo"]).to_numpy() / 3.3
    np.testing.assert_array_less(np.abs(truth["rate"] - table["rate"]), 0.1 * width)
    assert result.facts["sd"] == pytest.approx(truth["sd"], abs=0.06)
    assert result.facts["phi"] == pytest.approx(truth["phi"], abs=0.03)


def test_marginal_likelihood_without_shared_part_is_the_exact_one():
    """At φ = 0 the model is that of independent effects, whose likelihood is exact: differences agree within .02."""
    loans, _ = county(1)
    cells = gather(loans["bad"].to_numpy(float), pooled(loans), loans["village"].to_numpy(), 300)
    likelihood, level = tabulate(cells), common_level(cells)
    base = structure(Graph.nearest(np.random.default_rng(0).random((300, 2)), 5))
    exact, found = [], []
    for spread in (0.2, 0.4, 0.8):
        levels, _, _ = profile(likelihood, np.log([spread]), np.array([level]))
        _, width, height = profile(likelihood, np.log([spread]), levels)
        exact.append(height[0] + np.log(width[0]))
        node = refine(likelihood, base, spread, 1e-7, level, np.full(300, level))
        found.append(node.log_posterior - (2 * np.log(spread) - spread**2 / 2))
    np.testing.assert_allclose(np.diff(found), np.diff(exact), atol=0.02)


def test_neighbours_help_where_effects_are_smooth():
    """Two lattices of 225 villages: the error of the rates is lower, the shared part is found, coverage holds."""
    errors, covered = [], []
    for seed in (0, 1):
        loans, truth = county(seed, 225, effects=smooth_effects(seed, 15))
        offset = pooled(loans)
        alone = VillageLogit().fit(loans["bad"], offset, loans["village"]).result_.tidy()
        result = VillageLogit(spatial="bym2").fit(loans["bad"], offset, loans["village"], graph=grid_graph(15)).result_
        table = result.tidy()
        errors.append([np.sqrt(np.mean((t["rate"] - truth["rate"]) ** 2)) for t in (alone, table)])
        covered.append(truth["rate"].between(table["rate_lo"], table["rate_hi"]).mean())
        assert result.facts["phi"] > 0.4
    assert np.mean(errors, axis=0)[1] < 0.95 * np.mean(errors, axis=0)[0]
    # binomial error of 450 intervals and .04 between seeds
    assert 0.8 < np.mean(covered) < 0.98


def test_draws_agree_with_the_table():
    loans, _ = county(2, 64, effects=smooth_effects(2, 8))
    result = (
        VillageLogit(spatial="bym2").fit(loans["bad"], pooled(loans), loans["village"], graph=grid_graph(8)).result_
    )
    table, draws = result.tidy(), result.draws(20_000, seed=1)
    np.testing.assert_allclose(draws.mean(axis=0), table["effect"], atol=0.03)
    np.testing.assert_allclose(draws.std(axis=0), table["sd"], rtol=0.04)
    rates = result.draws(20_000, seed=1, of="rate")
    inside = ((rates > table["rate_lo"].to_numpy()) & (rates < table["rate_hi"].to_numpy())).mean(axis=0)
    np.testing.assert_allclose(inside, 0.9, atol=0.015)
    near, far = np.corrcoef(draws[:, [0, 1, 63]].T)[0, 1:]
    assert near > far


def test_order_of_villages_does_not_matter():
    loans, _ = county(3, 49, effects=smooth_effects(3, 7))
    offset, matrix = pooled(loans), grid_graph(7)
    one = VillageLogit(spatial="bym2").fit(loans["bad"], offset, loans["village"], graph=matrix).result_.tidy()
    order = np.random.default_rng(0).permutation(49)
    place = np.argsort(order)[loans["village"]]
    mixed = VillageLogit(spatial="bym2").fit(loans["bad"], offset, place, graph=matrix[np.ix_(order, order)])
    columns = ["effect", "sd", "rate", "rate_lo", "rate_hi"]
    np.testing.assert_allclose(one[columns].to_numpy()[order], mixed.result_.tidy()[columns], atol=1e-6)


@pytest.mark.parametrize(
    "pairs",
    [
        [],  # nobody has a neighbour
        [(0, 1)],  # one pair and islands
        [(0, i) for i in range(1, 12)],  # a star
        [(i, i + 1) for i in range(11)],  # a path
        [(i, j) for i in range(12) for j in range(i)],  # everybody with everybody
        [(i, i + 1) for i in range(0, 12, 2)],  # six pairs
    ],
)
def test_graphs_of_every_shape(pairs):
    matrix = np.zeros((12, 12))
    for i, j in pairs:
        matrix[i, j] = matrix[j, i] = 1
    loans, _ = county(4, 12)
    result = VillageLogit(spatial="bym2").fit(loans["bad"], pooled(loans), loans["village"], graph=matrix).result_
    table = result.tidy()
    assert np.isfinite(table.drop(columns=["village", "reason"]).to_numpy(dtype=float)).all()
    assert result.facts["islands"] == (matrix.sum(axis=0) == 0).sum()
    assert ("没有相邻的村" in result.facts["note"]) == (not pairs)


def test_villages_without_loans_and_villages_without_a_place():
    loans, _ = county(5, 30)
    graph = Graph.nearest(np.random.default_rng(0).random((40, 2)), 4, village=range(5, 45))
    result = VillageLogit(spatial="bym2").fit(loans["bad"], pooled(loans), loans["village"], graph=graph).result_
    assert len(result.tidy()) == 30 and result.facts["not_in_graph"] == 5 and "孤岛" in result.facts["note"]
    assert result.draws(10).shape == (10, 30)


def test_the_autoregression_is_scaled():
    """In each part the geometric mean of the marginal variances is one, whatever the weights of the pairs."""
    matrix = np.zeros((30, 30))
    matrix[:25, :25] = 3.0 * grid_graph(5)
    for i in range(25, 28):
        matrix[i, i + 1] = matrix[i + 1, i] = 0.2
    base = structure(Graph.of_matrix(matrix))
    covariance = np.linalg.pinv(base.precision.toarray(), hermitian=True)
    for members in (range(25), range(25, 29)):
        assert np.exp(np.log(np.diag(covariance)[list(members)]).mean()) == pytest.approx(1, abs=1e-6)
    assert covariance[29, 29] == pytest.approx(1)


def test_sparse_factor_equals_dense_algebra():
    rng = np.random.default_rng(0)
    matrix = np.diag(grid_graph(9).sum(axis=1) + rng.uniform(0.05, 1, 81)) - grid_graph(9)
    factor = Factor(matrix)
    inverse = np.linalg.inv(matrix)
    np.testing.assert_allclose(factor.inverse_diagonal(), np.diag(inverse), rtol=1e-11)
    np.testing.assert_allclose(factor.solve(np.eye(81)), inverse, atol=1e-11)
    assert factor.log_determinant() == pytest.approx(np.linalg.slogdet(matrix)[1], rel=1e-12)
    again = Factor(matrix + np.diag(rng.random(81)), factor.pattern())
    assert again.inverse_diagonal().max() < factor.inverse_diagonal().max()


def test_a_part_of_the_map_without_loans_changes_nothing():
    """Villages beyond reach of any loan: even a map of other villages only gives every village its own word."""
    rng = np.random.default_rng(0)
    village = np.repeat(list("ABCDEF"), 30)
    bad = (rng.random(180) < 0.15).astype(int)
    line = {a: [b] for a, b in zip("ABCDE", "BCDEF", strict=True)}
    alone = VillageLogit(spatial="bym2").fit(bad, None, village, graph=line).result_
    beside = VillageLogit(spatial="bym2").fit(bad, None, village, graph={**line, "X": ["Y"], "Y": ["Z"]}).result_
    np.testing.assert_allclose(alone.tidy()["effect"], beside.tidy()["effect"], atol=1e-12)
    strangers = VillageLogit(spatial="bym2").fit(bad, None, village, graph={"X": ["Y"]}).result_
    assert strangers.facts["not_in_graph"] == 6 and np.isfinite(strangers.tidy()["effect"]).all()
