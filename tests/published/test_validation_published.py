"""Validation tests against published or hand-computable figures, each with its source, to the digits printed."""

import numpy as np
import pytest

from creditlab.validation import (
    auc,
    auc_against_initial,
    auc_width_bound,
    binomial,
    brier,
    concentration_change,
    critical_defaults,
    default_correlation,
    delong,
    grade_chi_square,
    hhi,
    jeffreys,
    psi,
    psi_critical,
    spiegelhalter,
)

TINY = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
FIRST = [0.9, 0.8, 0.4, 0.6, 0.3, 0.7, 0.2, 0.4, 0.1, 0.5]
SECOND = [0.7, 0.9, 0.3, 0.2, 0.4, 0.8, 0.1, 0.3, 0.2, 0.6]


def test_delong_by_hand():
    """Four bads, six goods, with ties: the 24 pairs can be counted by hand, the variances by DeLong's formulas."""
    result = delong(TINY, FIRST, SECOND)
    facts = result.facts
    assert (facts["auc_a"], facts["auc_b"]) == (pytest.approx(20.5 / 24), pytest.approx(15 / 24))
    assert facts["var_a"] == pytest.approx(0.0163773148, abs=5e-11)
    assert facts["var_b"] == pytest.approx(0.0431712963, abs=5e-11)
    assert facts["cov"] == pytest.approx(0.0197337963, abs=5e-11)
    assert result.statistic == pytest.approx(1.61718081, abs=5e-9)
    assert result.p_value == pytest.approx(0.10583926, abs=5e-9)
    assert auc(TINY, FIRST).facts["se"] ** 2 == pytest.approx(0.0163773148, abs=5e-11)


def test_hosmer_lemeshow_of_low_birth_weight():
    """189 births of Hosmer & Lemeshow (MASS `birthwt`) in the deciles of the Stata manual: 9.65, p 0.2904 on 8 df."""
    n = np.array([19] * 9 + [18])
    observed = [0, 2, 6, 1, 7, 7, 6, 7, 10, 13]
    expected = [1.176605, 2.025155, 3.170068, 4.303356, 4.892475, 5.642112, 6.536684, 8.176792, 10.311409, 12.765345]
    result = grade_chi_square(n, observed, np.array(expected) / n, fitted=True)
    assert result.df == 8
    assert result.statistic == pytest.approx(9.652475615, abs=2e-5)  # the expected counts are printed to six digits
    assert result.p_value == pytest.approx(0.290269, abs=2e-6)


def test_spiegelhalter_by_hand():
    """Five rows: Σ(y-p)(1-2p) over the root of Σ(1-2p)²p(1-p)."""
    y, p = [0, 0, 1, 1, 1], [0.1, 0.2, 0.4, 0.7, 0.9]
    result = spiegelhalter(y, p)
    assert result.statistic == pytest.approx(-0.60246408, abs=5e-9)
    assert result.p_value == pytest.approx(0.54686527, abs=5e-9)
    assert brier(y, p).estimate == pytest.approx(0.102)


@pytest.mark.parametrize(
    ("n", "exact", "limit"),
    [
        (100, [5, 6, 7, 8, 10], [4, 5, 7, 8]),
        (1000, [19, 35, 49, 63, 77], [32, 47, 62, 76]),
        (10_000, [125, 322, 470, 613, 755], [320, 468, 611, 753]),
    ],
)
def test_critical_defaults_of_the_basel_committee(n, exact, limit):
    """BCBS Working Paper 14 (2005), examples 1, 3 and 5, pp. 50-51: PD 1 %, level 99 %, asset correlation 0 … 20 %."""
    correlations = [0, 0.05, 0.10, 0.15, 0.20]
    assert [critical_defaults(n, 0.01, 0.99, rho) for rho in correlations] == exact
    assert [critical_defaults(n, 0.01, 0.99, rho, exact=False) for rho in correlations[1:]] == limit


def test_default_correlation_of_the_basel_committee():
    """BCBS Working Paper 14, example 1: default correlations of 0.41, 0.94, 1.60 and 2.41 %."""
    found = [100 * default_correlation(0.01, rho) for rho in (0.05, 0.10, 0.15, 0.20)]
    np.testing.assert_allclose(found, [0.41, 0.94, 1.60, 2.41], atol=0.005)


@pytest.mark.parametrize(
    ("bads", "widths"),
    [
        (10, [0.4505, 0.5368, 0.7054, 0.7687]),
        (50, [0.2015, 0.2400, 0.3155, 0.3438]),
        (250, [0.0901, 0.1074, 0.1411, 0.1537]),
    ],
)
def test_auc_width_bound_of_the_basel_committee(bads, widths):
    """BCBS Working Paper 14, table 2: widest intervals of an AUC of 0.75 at 90, 95, 99 and 99.5 %."""
    found = [auc_width_bound(0.75, bads, 10_000, level) for level in (0.90, 0.95, 0.99, 0.995)]
    np.testing.assert_allclose(found, widths, atol=5.1e-5)


def test_jeffreys_of_meliora():
    """Tests of meliora (R reference), grade A: 55 defaults of 406 at a PD printed as 0.103429 give 0.01995857.

    The PD is rounded in print; the printed p-value lies between those of the two ends of the rounding.
    """
    ends = [jeffreys(55, 406, pd).p_value for pd in (0.1034285, 0.1034295)]
    assert ends[0] < 0.01995857 < ends[1]
    ends = [binomial(55, 406, pd).p_value for pd in (0.1034285, 0.1034295)]
    assert ends[0] < 0.02389227 < ends[1]


@pytest.mark.parametrize(
    ("n", "defaults", "pd", "p_value"),
    [
        (1000, 12, 0.01, 0.25238123),
        (1000, 18, 0.01, 0.00983184),
        (250, 0, 0.005, 0.88678642),
        (500, 9, 0.01, 0.04618845),
    ],
)
def test_jeffreys_is_a_beta_distribution_function(n, defaults, pd, p_value):
    """ECB instructions (2019) 2.5.3.1: the Beta(D + ½, N - D + ½) distribution function at the PD."""
    assert jeffreys(defaults, n, pd).p_value == pytest.approx(p_value, abs=5e-9)


def test_herfindahl_of_meliora():
    """Tests of meliora: counts 406, 480, 114."""
    assert hhi([406, 480, 114]).estimate == pytest.approx(0.408232, abs=5e-10)


def test_concentration_of_the_ecb():
    """ECB instructions (2019) 2.5.5.3, computed by its formulas; limits: equal parts give 0, a single one gives 1."""
    result = concentration_change([10, 20, 40, 20, 10], [5, 10, 60, 15, 10])
    assert result.facts["cv_initial"] == pytest.approx(0.54772256, abs=5e-9)
    assert result.facts["cv"] == pytest.approx(1.01242284, abs=5e-9)
    assert result.facts["hi_initial"] == pytest.approx(0.16301608, abs=5e-9)
    assert result.estimate == pytest.approx(0.43839510, abs=5e-9)
    assert result.p_value == pytest.approx(0.22862831, abs=5e-9)
    assert hhi([3] * 7).facts["hi"] == pytest.approx(0, abs=1e-12)
    single = hhi([5, 0, 0, 0]).facts
    assert single["hi"] == pytest.approx(1) and single["cv"] == pytest.approx(1.7320508, abs=5e-8)


def test_auc_against_initial_of_the_ecb():
    """ECB instructions (2019) 2.5.4.1: 0.780 at development, 0.742 now, s² 0.00040."""
    result = auc_against_initial(0.780, 0.742, 0.00040)
    assert result.statistic == pytest.approx(1.9) and result.p_value == pytest.approx(0.02871656, abs=5e-9)


def test_grades_and_murphy_by_hand():
    """Four grades of 400, 300, 200, 100 loans: χ² and Murphy's parts by their formulas."""
    n, defaults, pd = np.array([400, 300, 200, 100]), np.array([4, 9, 14, 15]), np.array([0.008, 0.025, 0.06, 0.16])
    given, fitted = grade_chi_square(n, defaults, pd), grade_chi_square(n, defaults, pd, fitted=True)
    assert given.statistic == pytest.approx(0.93831990, abs=5e-9)
    assert (given.df, given.p_value) == (4, pytest.approx(0.91899998, abs=5e-9))
    assert (fitted.df, fitted.p_value) == (2, pytest.approx(0.62552752, abs=5e-9))
    y = np.concatenate([np.repeat([1, 0], [d, m - d]) for d, m in zip(defaults, n, strict=True)])
    result = brier(y, np.repeat(pd, n))
    assert result.estimate == pytest.approx(0.0384991, abs=5e-8)
    assert result.facts["reliability"] == pytest.approx(3.91e-5, abs=5e-8)
    assert result.facts["resolution"] == pytest.approx(0.001776, abs=5e-7)
    assert result.facts["uncertainty"] == pytest.approx(0.040236, abs=5e-10)
    p_values = [jeffreys(d, m, p).p_value for d, m, p in zip(defaults, n, pd, strict=True)]
    np.testing.assert_allclose(p_values, [0.30043823, 0.27577652, 0.26639576, 0.59616731], atol=5e-9)


def test_psi_by_hand():
    """Ten bins: plain; three gone empty, half a row added to each; and the critical value of Yurdakul 2018."""
    now = [80, 90, 95, 100, 105, 110, 110, 105, 105, 100]
    assert psi([100] * 10, now, smoothing=0).estimate == pytest.approx(0.00841100, abs=5e-9)
    gone = psi([100] * 10, [100] * 7 + [0] * 3)
    assert gone.estimate == pytest.approx(1.57970784, abs=5e-9) and gone.facts["empty"] == [7, 8, 9]
    assert psi_critical(1000, 1000, 10) == pytest.approx(0.03383796, abs=5e-9)
