"""Why villages differ: decompositions and change points against published figures, each with its source."""

import numpy as np
import pytest
import statsmodels.api as sm

from creditlab.village import change_points, kitagawa, oaxaca_blinder, shapley_gap


def test_kitagawa_of_headship_rates():
    """P. Das Gupta, Census Bureau P23-186 (1993), Table 5.1, as computed by R package DasGuptR: household headship
    rates of the United States, 1985 against 1970: age composition 1.2269, rates 1.7403, difference 2.9672 per 100."""
    size_1970 = [12.9, 10.9, 9.5, 8.0, 7.8, 8.4, 8.6, 7.8, 7.0, 5.9, 4.7, 3.6, 4.9]
    size_1985 = [10.1, 11.2, 11.6, 10.9, 9.4, 7.7, 6.3, 6.0, 6.3, 5.9, 5.1, 4.0, 5.5]
    rate_1970 = [1.9, 25.8, 45.7, 49.6, 51.2, 51.6, 51.8, 54.9, 58.7, 60.4, 62.8, 66.6, 66.8]
    rate_1985 = [2.2, 24.3, 45.8, 52.5, 56.1, 55.6, 56.0, 57.4, 57.2, 61.2, 63.9, 68.6, 72.2]
    n, n0 = np.array(size_1985), np.array(size_1970)
    parts = kitagawa(n, n * rate_1985 / 100, n0, n0 * rate_1970 / 100).facts
    assert 100 * parts["composition"] == pytest.approx(1.2269, abs=5e-5)
    assert 100 * parts["within"] == pytest.approx(1.7403, abs=5e-5)
    assert 100 * parts["gap"] == pytest.approx(2.9672, abs=5e-5)


def test_shapley_of_the_illegitimacy_ratio():
    """P. Das Gupta (1993), Table 6.5, as computed by R package DasGuptR: illegitimacy ratio of the United States, 1968
    against 1963, four factors by age group: 0.9773438, 5.0282497, 7.1177686, 9.1479140; difference 22.2712761."""
    year = {
        1963: {
            "A": [0.200, 0.163, 0.146, 0.154, 0.168, 0.169],
            "B": [0.866, 0.325, 0.119, 0.099, 0.099, 0.121],
            "C": [0.007, 0.021, 0.023, 0.015, 0.008, 0.002],
            "D": [0.454, 0.326, 0.195, 0.107, 0.051, 0.015],
        },
        1968: {
            "A": [0.215, 0.191, 0.156, 0.137, 0.144, 0.157],
            "B": [0.891, 0.373, 0.124, 0.100, 0.107, 0.127],
            "C": [0.010, 0.023, 0.023, 0.015, 0.008, 0.002],
            "D": [0.433, 0.249, 0.159, 0.079, 0.037, 0.011],
        },
    }

    def ratio(switched):
        a, b, c, d = (np.array(year[1968 if f in switched else 1963][f]) for f in "ABCD")
        return 1000 * (a * b * c).sum() / ((a * b * c).sum() + (a * (1 - b) * d).sum())

    result = shapley_gap(ratio, list("ABCD"))
    np.testing.assert_allclose(result.tidy()["value"], [0.9773438, 5.0282497, 7.1177686, 9.1479140], atol=5e-8)
    assert result.facts["gap"] == pytest.approx(22.2712761, abs=5e-8)


def test_oaxaca_blinder_of_credit_card_spending():
    """Stata's `oaxaca` on Greene's credit card data, as quoted in the tests of statsmodels: renters against owners."""
    data = sm.datasets.ccard.load_pandas()
    owner = data.exog["OWNRENT"] == 1
    result = oaxaca_blinder(data.endog, data.exog.drop(columns="OWNRENT"), owner)
    table = result.tidy()
    value = table[table["variable"] == "total"].set_index("part")["value"]
    assert result.facts["gap"] == pytest.approx(158.7504, abs=5e-5)
    assert value["endowments"] == pytest.approx(321.7482, abs=5e-5)
    assert value["coefficients"] == pytest.approx(75.4537, abs=5e-5)
    assert value["interaction"] == pytest.approx(-238.4515, abs=5e-5)
    assert value["explained"] == pytest.approx(130.8095, abs=5e-5)
    assert value["unexplained"] == pytest.approx(27.9409, abs=5e-5)


def test_change_point_of_coal_mining_disasters():
    """British coal-mining disasters 1851-1961 (R. Jarrett, Biometrika 66 (1979)). A. Raftery and V. Akman, Biometrika
    73 (1986) and B. Carlin, A. Gelfand, A. Smith, Applied Statistics 41 (1992): the rate fell around 1890, most likely
    after 1891, from about 3.1 a year to about 0.9."""
    counts = "454014340633402633545314415534252234213221111300101100310322" + (
        "011101010002100011023311211112420014000100000100101"
    )
    series = [int(c) for c in counts]
    assert len(series) == 111 and sum(series) == 191
    row = change_points(series, np.ones(111), ["UK"] * 111, range(1851, 1962)).tidy().iloc[0]
    assert row["last_before"] == 1891 and 1884 <= row["first"] <= row["last"] <= 1896
    assert row["before"] == pytest.approx(3.1, abs=0.05) and row["after"] == pytest.approx(0.9, abs=0.05)
    assert row["p_value"] <= 0.001
