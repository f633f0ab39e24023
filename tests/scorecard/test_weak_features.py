"""Features that add less than the error of their own estimate leave; the closed form finds those that refits find."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.scorecard import Scorecard, fit_logistic
from creditlab.scorecard.fitting import Regression, Target, weak_features, without_weak


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(4)
    X = pd.DataFrame(rng.normal(size=(3000, 12)), columns=[f"x{i}" for i in range(12)])
    log_odds = -2 - 0.8 * X["x0"] - 0.4 * X["x1"] - 0.2 * X["x2"]
    return X, (rng.random(3000) < 1 / (1 + np.exp(-log_odds))).astype(np.int8)


def _by_refits(X: pd.DataFrame, y: np.ndarray, min_z: float) -> list[str]:
    from statsmodels.api import GLM, add_constant, families

    names = list(X.columns)
    while True:
        z = GLM(y, add_constant(X[names]), family=families.Binomial()).fit().tvalues.iloc[1:].abs()
        if z.min() >= min_z:
            return names
        names.remove(z.idxmin())


def test_the_closed_form_keeps_what_statsmodels_keeps_after_a_refit_for_every_step(
    rows: tuple[pd.DataFrame, np.ndarray],
) -> None:
    X, y = rows
    names, weak = without_weak(X, Target(y, np.ones(len(y))), Regression(sign=0, min_z=1.0))
    assert names == _by_refits(X, y, 1.0)
    assert set(names) | set(weak) == set(X.columns) and {"x0", "x1", "x2"} <= set(names)


def test_a_column_that_others_determine_leaves_without_a_warning(rows: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, y = rows
    twin = X[["x0", "x1"]].assign(both=X["x0"] + X["x1"])
    fit = fit_logistic(twin.to_numpy(), y, sign=0)
    assert len(weak_features(twin.to_numpy(), Target(y, np.ones(len(y))), fit, 1.0)) == 1


def test_a_weak_feature_is_listed_with_its_reason_and_zero_keeps_all() -> None:
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"strong": rng.normal(size=1500), "noise": rng.choice(list("abcd"), 1500)})
    y = (rng.random(1500) < 1 / (1 + np.exp(1.5 + X["strong"]))).astype(int)
    kept = Scorecard(min_iv=0, min_effect=0).fit(X, y).result_.selection.set_index("feature")
    strict = Scorecard(min_iv=0, min_z=3).fit(X, y).result_.selection.set_index("feature")
    assert kept.loc["noise", "kept"]
    assert not strict.loc["noise", "kept"] and "|z|" in strict.loc["noise", "reason_en"]
    assert strict.loc["strong", "kept"]
