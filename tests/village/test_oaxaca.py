"""Oaxaca-Blinder: against statsmodels, exact sums, and standard errors against a bootstrap."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.oaxaca import OaxacaBlinder

from creditlab.errors import InputError
from creditlab.village import oaxaca_blinder


def rows(n=300, seed=0):
    rng = np.random.default_rng(seed)
    here = rng.random(n) < 0.4
    X = pd.DataFrame({"area": rng.normal(2 + here, 1), "debt": rng.normal(0, 1 + here)})
    return 1 + X["area"] * (0.5 + 0.3 * here) - 0.4 * X["debt"] + 0.2 * here + rng.normal(0, 0.5, n), X, here


def totals(result):
    table = result.tidy()
    return table[table["variable"] == "total"].set_index("part")


def test_the_same_as_statsmodels():
    y, X, here = rows()
    ours = totals(oaxaca_blinder(y, X, here))["value"]
    design = np.column_stack([X, ~here])  # statsmodels subtracts its second group
    theirs = OaxacaBlinder(y.to_numpy(), design, 2, hasconst=False, swap=False)
    three, two = theirs.three_fold().params, theirs.two_fold().params
    np.testing.assert_allclose(ours[["endowments", "coefficients", "interaction"]], three[:3], atol=1e-10)
    np.testing.assert_allclose(ours[["unexplained", "explained"]], two[:2], atol=1e-10)


def test_parts_add_up_and_variables_add_up_to_their_part():
    y, X, here = rows(seed=1)
    result = oaxaca_blinder(y, X, here)
    value = totals(result)["value"]
    gap = y[here].mean() - y[~here].mean()
    assert value[["endowments", "coefficients", "interaction"]].sum() == pytest.approx(gap, abs=1e-12)
    assert value[["explained", "unexplained"]].sum() == pytest.approx(gap, abs=1e-12)
    table = result.tidy()
    each = table[table["variable"] != "total"].groupby("part")["value"].sum()
    for part in each.index:
        assert each[part] == pytest.approx(value[part], abs=1e-12)


def test_standard_errors_near_those_of_a_bootstrap():
    """400 resamples: the relative error of a bootstrap sd is 1/√800 = 3.5 %, and the delta method's is of order 1/n."""
    y, X, here = rows(seed=2)
    se = totals(oaxaca_blinder(y, X, here))["se"]
    rng = np.random.default_rng(0)
    values = []
    for _ in range(400):
        pick = rng.integers(0, len(y), len(y))
        values.append(
            totals(oaxaca_blinder(y.to_numpy()[pick], X.iloc[pick].reset_index(drop=True), here[pick]))["value"]
        )
    boot = pd.DataFrame(values).std()
    for part in ("endowments", "coefficients", "explained", "unexplained"):
        assert se[part] == pytest.approx(boot[part], rel=0.2), part


def test_wrong_calls():
    y, X, here = rows(40)
    with pytest.raises(InputError, match="more than 3 rows on each side"):
        oaxaca_blinder(y[:5], X[:5], [True, True, False, False, False])
    with pytest.raises(InputError, match="columns that are not"):
        oaxaca_blinder(y, X.assign(crop="wheat"), here)
    with pytest.raises(InputError, match="1 rows without"):
        oaxaca_blinder(y.mask(y.index == 3), X, here)
    with pytest.raises(InputError, match="arrays of equal length"):
        oaxaca_blinder(y[:-1], X, here)
