"""Tests of geography against published figures, on data that libpysal brings; each with its source."""

import warnings

import numpy as np
import pytest

from creditlab import village as vl


@pytest.fixture(scope="module")
def libpysal():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("libpysal", reason="needs the extra [geo]")


def shipped(libpysal, name, columns):
    """Columns of a table of libpysal's examples, and its neighbours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = libpysal.io.open(libpysal.examples.get_path(f"{name}.dbf"))
        found = [np.array(table.by_col(c), dtype=float) for c in columns]
        table.close()
    return found, vl.Graph.of_matrix(weights_of(libpysal, name).full()[0])


def weights_of(libpysal, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = libpysal.io.open(libpysal.examples.get_path(f"{name}.gal"))
        weights = file.read()
        file.close()
    return weights


def test_moran_of_crime_in_columbus(libpysal):
    """esda 2.9, Moran of CRIME with row weights: I 0.5001885572, z under randomisation 5.58938."""
    (crime,), graph = shipped(libpysal, "columbus", ["CRIME"])
    found = vl.moran(crime, graph)
    assert found.statistic == pytest.approx(0.5001885572, abs=5e-11)
    assert found.facts["z"] == pytest.approx(5.58938, abs=5e-6)


def test_moran_of_rates_of_sudden_infant_death(libpysal):
    """esda 2.9, Moran_Rate of SID79 over BIR79: raw 0.1665575, standardised 0.1662234, p of a normal 0.0041915."""
    (deaths, births), graph = shipped(libpysal, "sids2", ["SID79", "BIR79"])
    found = vl.moran(deaths, graph, size=births)
    assert vl.moran(deaths / births, graph).statistic == pytest.approx(0.1665575, abs=5e-8)
    assert found.statistic == pytest.approx(0.1662234, abs=5e-8)
    assert found.facts["p_norm"] == pytest.approx(0.0041915, abs=5e-8)


def test_marshall_of_sudden_infant_death(libpysal):
    """esda 2.9, Empirical_Bayes of SID74 over BIR74, first five counties."""
    (deaths, births), _ = shipped(libpysal, "sids2", ["SID74", "BIR74"])
    table = vl.moment_rates(deaths, births).tidy()
    np.testing.assert_allclose(
        table["estimate"].head(5), [0.0016973, 0.0017054, 0.0017731, 0.0020129, 0.0035349], atol=5e-8
    )


def test_local_statistics_agree_with_esda(libpysal):
    """esda 2.9 on the same data: local Moran (with variance over n) and Gi* with binary weights, to rounding."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        esda = pytest.importorskip("esda", reason="needs the extra [geo]")
        (crime,), graph = shipped(libpysal, "columbus", ["CRIME"])
        weights = weights_of(libpysal, "columbus")
        local = esda.Moran_Local(crime, weights, permutations=0)
        hot = esda.G_Local(crime, weights, star=True, transform="B", permutations=0)
    n = len(crime)
    np.testing.assert_allclose(vl.lisa(crime, graph).tidy()["statistic"], local.Is * n / (n - 1), atol=1e-12)
    np.testing.assert_allclose(vl.gi_star(crime, graph).tidy()["statistic"], hot.Zs, atol=1e-12)
