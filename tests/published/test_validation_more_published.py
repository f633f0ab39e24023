"""Further validation tests against published or hand-computable figures, to the digits printed, and other libraries."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.contingency_tables import mcnemar as sm_mcnemar
from statsmodels.stats.outliers_influence import variance_inflation_factor
from statsmodels.stats.proportion import proportions_ztest

from creditlab.scaling import Scale
from creditlab.validation import (
    aalen_johansen,
    additivity,
    adverse_impact,
    average_precision,
    conditional_contributions,
    goodman_kruskal,
    h_measure,
    heterogeneity,
    kendall_tau,
    mcnemar,
    migration_bandwidth,
    migration_z,
    partial_auc,
    pluto_tasche,
    somers_d,
    traffic_light,
    traffic_light_critical,
    traffic_lights,
    variance_inflation,
    within_bands,
)
from creditlab.validation.years import _lights


def test_bandwidths_of_mathworks():
    """MathWorks, `matrixWeightedBandwidth`: prints [.3306 .6066] for lower and upper; by hand 41/124 and 202/333."""
    counts = [[10, 8, 15, 9, 10], [11, 9, 13, 9, 8], [0, 10, 10, 11, 10], [0, 0, 9, 11, 11], [0, 0, 0, 11, 10]]
    upper, lower = migration_bandwidth(counts)
    assert upper.estimate == pytest.approx(202 / 333, abs=1e-15) and round(upper.estimate, 4) == 0.6066
    assert lower.estimate == pytest.approx(41 / 124, abs=1e-15) and round(lower.estimate, 4) == 0.3306


def test_migration_z_of_the_ecb():
    """ECB instructions (2019) 2.5.5.2: third of five grades, 10 30 120 30 10 of 200."""
    counts = np.diag([50.0, 50, 0, 50, 50])
    counts[2] = [10, 30, 120, 30, 10]
    cells = migration_z(counts).tidy().set_index("scope")
    for scope, z in (("3 to 1", 3.24442842), ("3 to 2", 8.60073269), ("3 to 4", 8.60073269), ("3 to 5", 3.24442842)):
        assert cells.loc[scope, "statistic"] == pytest.approx(z, abs=5e-9)
    assert cells.loc["3 to 1", "p_value"] == pytest.approx(0.99941157, abs=5e-9)


@pytest.mark.parametrize(("gamma", "bounds"), [(0.5, (9, 10, 23)), (0.9, (29, 33, 76)), (0.99, (57, 66, 152))])
def test_pluto_tasche_without_defaults(gamma, bounds):
    """Pluto, Tasche (2005): 100, 400 and 300 borrowers without a default, bounds in basis points."""
    found = pluto_tasche([100, 400, 300], [0, 0, 0], gamma).tidy()["hi"]
    assert tuple(np.round(found * 1e4)) == bounds
    assert found.iloc[2] == pytest.approx(1 - (1 - gamma) ** (1 / 300), rel=1e-12)


@pytest.mark.parametrize("gamma", [0.5, 0.75, 0.9])
def test_pluto_tasche_bounds_are_the_binomial_ones(gamma):
    """With defaults 0, 2, 1 each bound solves P(Bin(n, p) ≤ k) = 1 - γ for the pooled grades."""
    found = pluto_tasche([100, 400, 300], [0, 2, 1], gamma).tidy()["hi"]
    for p, k, n in zip(found, (3, 3, 1), (800, 700, 300), strict=True):
        assert stats.binom.cdf(k, n, p) == pytest.approx(1 - gamma, rel=1e-9)


def test_pluto_tasche_with_correlation_is_wider_and_tends_to_the_independent_bound():
    plain = pluto_tasche([300, 500], [1, 2], 0.9).tidy()["hi"]
    near = pluto_tasche([300, 500], [1, 2], 0.9, correlation=1e-6).tidy()["hi"]
    wide = pluto_tasche([300, 500], [1, 2], 0.9, correlation=0.12).tidy()["hi"]
    np.testing.assert_allclose(near, plain, rtol=1e-3)
    assert (wide > plain).all()


def test_traffic_lights_of_the_basel_committee():
    """BCBS Working Paper 14, pp. 54-56, five years: critical values 1211 (P .082875) and 230 (P .00991999)."""
    assert (traffic_light_critical(5, 0.10), traffic_light_critical(5, 0.01)) == (1211, 230)
    below = {limit: sum(p for v, p in _lights(5) if v <= limit) for limit in (1211, 230)}
    assert below[1211] == pytest.approx(0.08287500, abs=5e-9)
    assert below[230] == pytest.approx(0.00991999, abs=1.1e-8)  # the printed figure is cut, not rounded, from .00992
    assert sum(p for _, p in _lights(5)) == pytest.approx(1, abs=1e-12)


def test_traffic_lights_by_simulation():
    """The four colours come with their stated shares when the PDs are right, and p is the share of years as bad."""
    rng = np.random.default_rng(0)
    D = rng.binomial(20_000, 0.02, (150, 4))
    shares = pd.Series(" ".join(traffic_lights(d, [20_000] * 4, 0.02).facts["colours"] for d in D).split())
    found = shares.value_counts(normalize=True)
    np.testing.assert_allclose(
        found[["green", "yellow", "orange", "red"]], [0.5, 0.3, 0.15, 0.05], atol=0.062
    )  # 3·√(.25/600)


def test_light_of_one_year_turns_at_the_binomial_quantiles():
    """HKMA CA-G-4, footnote 23: 95 % and 99.9 %."""
    facts = traffic_light(12, 1000, 0.01).facts
    assert (
        stats.binom.sf(facts["critical_95"] - 1, 1000, 0.01)
        <= 0.05
        < stats.binom.sf(facts["critical_95"] - 2, 1000, 0.01)
    )
    assert stats.binom.sf(facts["critical_999"] - 1, 1000, 0.01) <= 0.001


def test_adverse_impact_by_hand():
    """12 of 40 against 48 of 80: half the rate, pooled z by the library too."""
    result = adverse_impact(12, 40, 48, 80)
    assert result.estimate == 0.5 and result.statistic == pytest.approx(-3.09838668, abs=5e-9)
    z, p = proportions_ztest([12, 48], [40, 80])
    assert (result.statistic, result.p_value) == (pytest.approx(z), pytest.approx(p))
    assert result.verdict == "red" and result.hi < 1


def test_shap_of_a_scorecard_by_hand():
    """Logit -2.2 -.9·.8 -.7·.3 +.5·.2: contributions against the means, and the points of 600 at 50:1 with PDO 20."""
    beta, mean, row = np.array([-0.9, -0.7, -0.5]), np.array([0.1, -0.05, 0.02]), np.array([0.8, 0.3, -0.2])
    phi, base = beta * (row - mean), -2.2 + beta @ mean
    np.testing.assert_allclose(phi, [-0.63, -0.245, 0.11], atol=1e-12)
    assert base == pytest.approx(-2.265)
    assert additivity([phi], base, [-3.03]).estimate < 1e-12
    scale = Scale(points=600, odds=50, pdo=20)
    factor, offset = 20 / math.log(2), 600 - 20 / math.log(2) * math.log(50)
    assert (factor, offset) == (pytest.approx(28.85390082, abs=5e-9), pytest.approx(487.12287620, abs=5e-9))
    assert float(np.asarray(scale.points_of_log_odds(np.array([-3.03])))[0]) == pytest.approx(574.55019568, abs=5e-9)


def test_conditional_contributions_of_two_correlated_features():
    """ρ = .8, β = (1, 0), x = (1, 1): conditional (.6, .4), interventional (1, 0)."""
    np.testing.assert_allclose(conditional_contributions([1, 0], [1, 1], [[1, 0.8], [0.8, 1]]), [0.6, 0.4], atol=1e-12)
    np.testing.assert_allclose(conditional_contributions([1, 0], [1, 1], np.eye(2)), [1, 0], atol=1e-12)
    rng = np.random.default_rng(0)
    a = rng.normal(size=(4, 4))
    beta, deviation = rng.normal(size=4), rng.normal(size=4)
    assert conditional_contributions(beta, deviation, a @ a.T).sum() == pytest.approx(beta @ deviation)


def test_h_measure_of_the_hmeasure_package():
    """README of the Python translation of R's hmeasure: seed 66, ten rows, severity ratio π1/π0."""
    rng = np.random.default_rng(66)
    y, score = rng.integers(0, 2, 10), rng.random(10)
    assert h_measure(y, score, "ratio").estimate == pytest.approx(0.18889596344769588, abs=1e-12)


def test_h_measure_is_the_loss_integrated_over_the_costs():
    """The least loss at each cost by trying every cut-off, integrated over a Beta(2, 2) on a fine grid."""
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, 60)
    score = np.round(rng.random(60) + 0.4 * y, 1)
    cost = (np.arange(20_000) + 0.5) / 20_000
    weight = stats.beta.pdf(cost, 2, 2)
    of_bads = y.mean()
    losses = [
        cost * (1 - of_bads) * (score[y == 0] >= t).mean() + (1 - cost) * of_bads * (score[y == 1] < t).mean()
        for t in [*np.unique(score), 9.0]
    ]
    best = (np.min(losses, axis=0) * weight).mean()
    blind = (np.minimum(cost * (1 - of_bads), (1 - cost) * of_bads) * weight).mean()
    assert h_measure(y, score).estimate == pytest.approx(1 - best / blind, abs=1e-6)


def test_areas_equal_scikit_learn():
    from sklearn.metrics import average_precision_score, roc_auc_score

    rng = np.random.default_rng(1)
    y, score = rng.integers(0, 2, 400), np.round(rng.normal(size=400), 1)
    assert average_precision(y, score, draws=20).estimate == pytest.approx(average_precision_score(y, score), abs=1e-12)
    for most in (0.05, 0.2, 0.7):
        assert partial_auc(y, score, most, draws=20).estimate == pytest.approx(
            roc_auc_score(y, score, max_fpr=most), abs=1e-12
        )


def test_association_equals_scipy():
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 4, 300), rng.integers(0, 3, 300)
    y = np.minimum(2, y + (x > 2))
    ours, theirs = somers_d(x, y), stats.somersd(x, y)
    assert (ours.estimate, ours.p_value) == (pytest.approx(theirs.statistic), pytest.approx(theirs.pvalue))
    assert kendall_tau(x, y).estimate == pytest.approx(stats.kendalltau(x, y).statistic)
    assert abs(goodman_kruskal(x, y).estimate) > abs(kendall_tau(x, y).estimate)


def test_somers_d_is_the_gini_of_the_score():
    rng = np.random.default_rng(3)
    score = rng.integers(0, 8, 500)
    y = (rng.random(500) < 0.05 + 0.05 * score).astype(int)
    from sklearn.metrics import roc_auc_score

    assert somers_d(y, score).estimate == pytest.approx(2 * roc_auc_score(y, score) - 1)


def test_association_errors_equal_the_jackknife():
    """ASE of Brown and Benedetti against the delete-one jackknife on 400 rows, within 5 %."""
    rng = np.random.default_rng(4)
    x = rng.integers(0, 4, 400)
    y = np.clip(x + rng.integers(-2, 3, 400), 0, 3)
    for measure in (somers_d, kendall_tau, goodman_kruskal):
        cells = {(a, b) for a, b in zip(x, y, strict=True)}
        values, times = [], []
        for a, b in sorted(cells):
            rows = np.flatnonzero((x == a) & (y == b))
            keep = np.delete(np.arange(400), rows[0])
            values.append(measure(x[keep], y[keep]).estimate)
            times.append(len(rows))
        mean = np.average(values, weights=times)
        jackknife = math.sqrt(399 / 400 * float((times * (np.array(values) - mean) ** 2).sum()))
        assert measure(x, y).facts["se"] == pytest.approx(jackknife, rel=0.05)


def test_bands_equal_statsmodels():
    rng = np.random.default_rng(6)
    band, member = rng.integers(0, 4, 800), rng.integers(0, 2, 800)
    y = (rng.random(800) < 0.1 + 0.08 * band + 0.05 * member).astype(int)
    tables = [
        np.array([[((band == b) & (member == m) & (y == t)).sum() for t in (1, 0)] for m in (1, 0)]) for b in range(4)
    ]
    theirs = StratifiedTable(tables)
    test, ours = theirs.test_null_odds(), within_bands(y, member, band)
    assert (ours.statistic, ours.p_value) == (pytest.approx(test.statistic), pytest.approx(test.pvalue))
    assert ours.estimate == pytest.approx(theirs.oddsratio_pooled)
    np.testing.assert_allclose([ours.lo, ours.hi], theirs.oddsratio_pooled_confint(), rtol=1e-9)


def test_mcnemar_equals_statsmodels():
    rng = np.random.default_rng(7)
    y, a, b = rng.integers(0, 2, 200), rng.random(200), rng.random(200)
    facts = mcnemar(y, a, b).facts
    theirs = sm_mcnemar([[0, facts["only_a"]], [facts["only_b"], 0]], exact=True)
    assert mcnemar(y, a, b).p_value == pytest.approx(theirs.pvalue)


def test_inflation_equals_statsmodels():
    rng = np.random.default_rng(8)
    X = pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc")).assign(
        d=lambda f: f["a"] + 0.3 * f["b"] + rng.normal(0, 0.5, 200)
    )
    design = np.column_stack([np.ones(200), X])
    theirs = [variance_inflation_factor(design, j) for j in range(1, 5)]
    np.testing.assert_allclose(variance_inflation(X).tidy()["estimate"], theirs, rtol=1e-9)


def test_neighbouring_grades_equal_statsmodels():
    rows = heterogeneity([4, 9, 14], [400, 300, 200]).tidy()
    for i, (d, n) in enumerate([((4, 9), (400, 300)), ((9, 14), (300, 200))]):
        z, p = proportions_ztest(d, n)
        assert (rows.loc[i, "statistic"], rows.loc[i, "p_value"]) == (pytest.approx(-z), pytest.approx(p))


def test_aalen_johansen_without_cut_off_spells_is_the_cohort_share():
    """Ten rows, all seen to the end, three of them move: the product integral is the share."""
    stop = np.array([1.0, 2, 3] + [4.0] * 7)
    P = aalen_johansen(np.zeros(10), stop, np.zeros(10, dtype=int), np.array([1] * 3 + [0] * 7), 2, 4)
    assert P.loc["1", "2"] == pytest.approx(0.3)
