"""Intervals of bins: closed forms, published software, and coverage where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit
from scipy.stats import chi2_contingency
from statsmodels.stats.proportion import proportion_confint

from creditlab.binning.information import iv_moments, noise_iv, share_covariance
from creditlab.binning.intervals import (
    Design,
    Ratio,
    amount_size,
    degrees_of_freedom,
    design_of,
    rate_limits,
    share_effect,
    woe_limits,
    woe_variance,
)
from creditlab.binning.search import woe_of
from creditlab.binning.tally import Tally, iv_range, woe_and_pseudo


def counts(seed: int = 0, clusters: int = 40, bins: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Goods and bads by cluster and bin, clusters of different size and rate."""
    rng = np.random.default_rng(seed)
    n = rng.poisson(rng.gamma(3, 3, size=(clusters, 1)), size=(clusters, bins)) + 1
    bads = rng.binomial(n, expit(rng.normal(-1.5, 0.8, (clusters, 1)) + np.linspace(-0.5, 0.5, bins)))
    return (n - bads).astype(float), bads.astype(float)


def each_row_a_cluster(goods: np.ndarray, bads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same bins with one row in every cluster."""
    one = np.eye(len(goods))
    rows = [np.repeat(one, c.astype(int), axis=0) for c in (goods, bads)]
    nothing = [np.zeros_like(r) for r in rows]
    return np.concatenate([rows[0], nothing[1]]), np.concatenate([nothing[0], rows[1]])


def test_one_row_per_cluster_is_the_ordinary_sandwich():
    g, b = np.array([300.0, 250, 90]), np.array([12.0, 30, 45])
    woe, pseudo = woe_and_pseudo(g, b, 0.5)
    design = design_of(*each_row_a_cluster(g, b), woe, pseudo)
    assert design is not None
    n = g + b
    np.testing.assert_allclose(design.deff, n / (n - 1), rtol=1e-12)
    np.testing.assert_allclose(design.df, n - 1, rtol=1e-12)
    # each row's part of ln(g/G) - ln(b/B) squared gives 1/g - 1/G + 1/b - 1/B; the small-sample factors are 1 + O(1/n)
    np.testing.assert_allclose(design.woe_deff, 1, atol=2 / n.min())
    np.testing.assert_allclose(design.share_deff, n.sum() / (n.sum() - 1), rtol=1e-9)
    plain = iv_moments(g, b, woe, pseudo, share_covariance(g, b))
    np.testing.assert_allclose(design.iv, plain, rtol=2 / n.sum() * 10)


def test_the_bad_rate_variance_is_hc2_of_statsmodels_where_rows_are_clusters():
    y = np.repeat([1.0, 0.0], [7, 53])
    ols = sm.OLS(y, np.ones(60)).fit(cov_type="HC2")
    ratio = Ratio.of(y[:, None], np.ones((60, 1)))
    assert np.sqrt((ratio.error**2).sum()) / 60 == pytest.approx(ols.bse[0], rel=1e-12)


def test_with_clusters_of_one_size_it_is_the_clustered_error_of_statsmodels():
    rng = np.random.default_rng(1)
    groups, m = 30, 12
    y = (rng.random(groups * m) < np.repeat(expit(rng.normal(-1, 1, groups)), m)).astype(float)
    village = np.repeat(np.arange(groups), m)
    ols = sm.OLS(y, np.ones(len(y))).fit(cov_type="cluster", cov_kwds={"groups": village, "use_correction": False})
    bads = np.bincount(village, weights=y)[:, None]
    ratio = Ratio.of(bads, np.full((groups, 1), float(m)))
    sandwich = ols.bse[0] ** 2 * groups / (groups - 1)  # 1/(1 - 1/C), clusters being of one size
    assert (ratio.error**2).sum() / len(y) ** 2 == pytest.approx(sandwich, rel=1e-12)
    assert ratio.df[0] == pytest.approx(groups - 1, rel=1e-12)


def test_degrees_of_freedom_are_satterthwaites_of_the_quadratic_form():
    """The definition: (Σ eigenvalues)² / Σ eigenvalues² of the form e'e of independent rows with variance one."""
    sizes = np.array([1, 2, 3, 7, 12])
    n = sizes.sum()
    member = np.repeat(np.arange(len(sizes)), sizes)
    residual = np.eye(n) - 1 / n
    sums = np.array([(member == c) @ residual / np.sqrt(1 - sizes[c] / n) for c in range(len(sizes))])
    eigen = np.linalg.eigvalsh(sums @ sums.T)
    assert degrees_of_freedom(sizes[:, None].astype(float))[0] == pytest.approx(eigen.sum() ** 2 / (eigen**2).sum())


def test_woe_variance_is_that_of_the_log_odds_ratio_of_statsmodels():
    g, b = np.array([300.0, 250]), np.array([12.0, 30])
    table = sm.stats.Table2x2(np.array([[g[0], b[0]], [g[1], b[1]]]))
    # of two bins, ln odds ratio is the difference of the two WOEs; against the whole each WOE has its own variance
    assert woe_variance(g, b, np.zeros(2)) == pytest.approx(
        [1 / 300 - 1 / 550 + 1 / 12 - 1 / 42, 1 / 250 - 1 / 550 + 1 / 30 - 1 / 42]
    )
    woe = woe_of(g, b, g.sum(), b.sum(), 0.0)
    assert woe[0] - woe[1] == pytest.approx(table.log_oddsratio)


def test_the_iv_of_noise_is_chi_square():
    """With no relation IV/(1/G + 1/B) is χ² with bins - 1 degrees of freedom: its mean is what `noise_iv` says."""
    rng = np.random.default_rng(2)
    share = np.array([0.1, 0.2, 0.3, 0.4])
    found, pearson, expected = [], [], []
    for _ in range(400):
        g, b = rng.multinomial(9000, share).astype(float), rng.multinomial(1000, share).astype(float)
        found.append(((g / 9000 - b / 1000) * np.log(g / b)).sum() / (1 / 9000 + 1 / 1000))
        pearson.append(chi2_contingency(np.stack([g, b]))[0])
        expected.append(noise_iv(g, b, np.zeros(4)) / (1 / 9000 + 1 / 1000))
    assert np.allclose(expected, 3)
    assert np.corrcoef(found, pearson)[0, 1] > 0.99  # both are χ² up to terms of higher order
    assert np.mean(found) == pytest.approx(3, abs=4 * np.sqrt(6 / 400))


def test_iv_moments_are_the_numerical_derivatives():
    g, b = np.array([300.0, 250, 90, 5]), np.array([12.0, 30, 45, 0])
    pseudo = np.full(4, 6.0)
    G, B = g.sum(), b.sum()
    share = B / (G + B)

    def iv(x: np.ndarray) -> float:
        goods, bads = x[:4] * G, x[4:] * B
        woe = np.log((goods + pseudo * (1 - share)) / (bads + pseudo * share)) - np.log(G / B)
        return float(((x[:4] - x[4:]) * woe).sum())

    at, h = np.concatenate([g / G, b / B]), 1e-5
    steps = np.eye(8) * h
    gradient = np.array([(iv(at + s) - iv(at - s)) / (2 * h) for s in steps])
    hessian = np.array(
        [
            [(iv(at + s + t) - iv(at + s - t) - iv(at - s + t) + iv(at - s - t)) / (4 * h * h) for t in steps]
            for s in steps
        ]
    )
    S = share_covariance(g, b)
    moments = iv_moments(g, b, woe_of(g, b, G, B, pseudo), pseudo, S)
    product = hessian @ S
    expected = [np.trace(product) / 2, gradient @ S @ gradient, np.trace(product @ product) / 2]
    np.testing.assert_allclose(moments[:, -1], expected, rtol=1e-4)
    np.testing.assert_allclose(moments[0, :-1].sum(), moments[0, -1], rtol=1e-9)


def villages(seed: int, effect: float, mixed: float, reps: int):
    """Goods and bads by village and bin, drawn again and again; villages differ in rate and in their mix of bins."""
    rng = np.random.default_rng(seed)
    step = np.linspace(-0.8, 0.8, 5)
    for _ in range(reps):
        mix = np.exp(rng.normal(0, mixed, (60, 5)))
        n = np.stack([rng.multinomial(40, row / row.sum()) for row in mix])
        bads = rng.binomial(n, expit(logit(0.08) + step + rng.normal(0, effect, (60, 1))))
        yield (n - bads).astype(float), bads.astype(float)


def truth(effect: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Bad rate, WOE and IV of the population that `villages` draws from: the normal effect integrated out."""
    z, weight = np.polynomial.hermite_e.hermegauss(61)
    rate = (expit(logit(0.08) + np.linspace(-0.8, 0.8, 5)[:, None] + effect * z) * weight).sum(axis=1) / weight.sum()
    p, q = (1 - rate) / (1 - rate).sum(), rate / rate.sum()
    return rate, np.log(p / q), float(((p - q) * np.log(p / q)).sum())


def covers(limits: tuple[np.ndarray, np.ndarray], value: np.ndarray | float) -> np.ndarray:
    return (limits[0] <= value) & (value <= limits[1])


def coverage(effect: float, mixed: float, clustered: bool, reps: int = 300) -> dict[str, float]:
    """Share of 90 % intervals that hold the truth."""
    rate, woe_true, iv_true = truth(effect)
    held: dict[str, list[float]] = {"rate": [], "woe": [], "iv": []}
    for goods, bads in villages(11, effect, mixed, reps):
        g, b = goods.sum(axis=0), bads.sum(axis=0)
        woe, pseudo = woe_and_pseudo(g, b, 0.5)
        design = design_of(goods, bads, woe, pseudo) if clustered else None
        held["rate"].append(covers(rate_limits(b, g + b, 0.9, design), rate).mean())
        held["woe"].append(covers(woe_limits(g, b, woe, pseudo, 0.9, design), woe_true).mean())
        lo, hi = iv_range(Tally(g, b, design), woe, pseudo, 0.9)
        held["iv"].append(float(lo[-1] <= iv_true <= hi[-1]))
    return {name: float(np.mean(v)) for name, v in held.items()}


def test_intervals_of_villages_cover_where_naive_ones_do_not():
    """Strong villages (sd of log-odds 1, mixes that differ): of 300 draws the error of a coverage is at most 0.017."""
    robust, naive = coverage(1.0, 1.5, clustered=True), coverage(1.0, 1.5, clustered=False)
    assert all(0.85 <= v <= 0.95 for v in robust.values()), robust
    assert all(v < 0.82 for v in naive.values()), naive


def test_intervals_of_independent_rows_cover_with_and_without_groups():
    for clustered in (True, False):
        held = coverage(0.0, 0.0, clustered)
        assert all(0.85 <= v <= 0.95 for v in held.values()), held


def test_the_iv_interval_covers_an_iv_of_zero():
    """Without any relation the true IV is 0: the lower limit must reach it as often as it claims."""
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        g, b = rng.multinomial(1900, [0.25] * 4).astype(float), rng.multinomial(100, [0.25] * 4).astype(float)
        woe, pseudo = woe_and_pseudo(g, b, 0.5)
        lo, _ = iv_range(Tally(g, b), woe, pseudo, 0.9)
        held += lo[-1] == 0
    assert 0.89 <= held / 400 <= 0.97  # 95 % by a one-sided limit, two standard errors and the skew of a χ² around it


def test_a_pure_bin_and_a_bin_of_one_village_borrow_the_correlation_of_the_others():
    goods, bads = counts()
    goods[:, 0] += bads[:, 0]
    bads[:, 0] = 0  # no bads
    goods[1:, 3], bads[1:, 3] = 0, 0  # one village alone
    woe, pseudo = woe_and_pseudo(goods.sum(axis=0), bads.sum(axis=0), 0.5)
    design = design_of(goods, bads, woe, pseudo)
    assert design is not None and 0 < design.rho < 1
    n = (goods + bads).sum(axis=0)
    seen = ((goods + bads) ** 2).sum(axis=0) / n
    np.testing.assert_allclose(design.deff[[0, 3]], 1 + (seen[[0, 3]] - 1) * design.rho)
    lo, hi = rate_limits(bads.sum(axis=0), n, 0.9, design)
    plain_lo, plain_hi = rate_limits(bads.sum(axis=0), n, 0.9)
    assert lo[0] == plain_lo[0] == 0 and hi[0] > plain_hi[0]
    assert design.within.tolist() == [40, 40, 40, 1]


def test_no_interval_is_narrower_than_that_of_independent_rows():
    rng = np.random.default_rng(3)
    n = np.full((50, 3), 10.0)
    bads = np.full((50, 3), 2.0) + rng.integers(0, 2, (50, 3))  # villages more alike than chance allows
    woe, pseudo = woe_and_pseudo((n - bads).sum(axis=0), bads.sum(axis=0), 0.5)
    design = design_of(n - bads, bads, woe, pseudo)
    assert design is not None
    for effects in (design.deff, design.woe_deff, design.step_deff, [design.share_deff]):
        assert np.min(effects) == 1


def test_nothing_can_be_said_of_one_village_or_one_class():
    goods, bads = counts()
    woe, pseudo = woe_and_pseudo(goods.sum(axis=0), bads.sum(axis=0), 0.5)
    assert design_of(goods[:1], bads[:1], woe, pseudo) is None
    assert design_of(goods + bads, bads * 0, woe, pseudo) is None


def test_amounts_are_worth_the_rows_that_kish_says_and_fewer_where_villages_go_together():
    rng = np.random.default_rng(4)
    amount, village = rng.lognormal(10, 1, 3000), rng.integers(0, 50, 3000)
    bad = rng.random(3000) < expit(rng.normal(-1, 1.5, 50))[village]
    kish, df = amount_size(*(np.array([v.sum()]) for v in (amount, amount * bad, amount**2)), None)
    assert kish[0] == pytest.approx(amount.sum() ** 2 / (amount**2).sum()) and np.isinf(df[0])
    by_village = [np.bincount(village, weights=w)[:, None] for w in (amount, amount * bad)]
    robust, df = amount_size(*(np.array([v.sum()]) for v in (amount, amount * bad, amount**2)), tuple(by_village))
    assert robust[0] < kish[0] / 4 and df[0] < 49
    equal, _ = amount_size(np.array([500.0]), np.array([100.0]), np.array([2500.0]), None)
    assert equal[0] == 100  # a hundred loans of five yuan are a hundred rows


def test_rao_scott_is_one_for_independent_rows_and_the_cluster_size_for_villages_of_one_bin():
    rng = np.random.default_rng(6)
    drawn = rng.multinomial(20, [0.2, 0.3, 0.5], size=400).astype(float)
    assert share_effect(drawn) == pytest.approx(1, abs=0.15)
    alike = np.eye(3)[rng.integers(0, 3, 400)] * 20.0
    assert share_effect(alike) == pytest.approx(20, rel=0.15)


def test_a_design_reads_back():
    goods, bads = counts()
    woe, pseudo = woe_and_pseudo(goods.sum(axis=0), bads.sum(axis=0), 0.5)
    design = design_of(goods, bads, woe, pseudo)
    assert design is not None
    assert Design.from_dict(design.to_dict()).to_dict() == design.to_dict()


def test_jeffreys_limits_are_those_of_statsmodels():
    bads, n = np.array([1.0, 7, 30]), np.array([10.0, 90, 300])
    lo, hi = rate_limits(bads, n, 0.95)
    expected = proportion_confint(bads, n, alpha=0.05, method="jeffreys")
    np.testing.assert_allclose([lo, hi], expected, rtol=1e-9)
