"""Explanation quality on linear models, where the truth is known."""

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.validation import (
    additivity,
    background_change,
    conditional_contributions,
    declared_directions,
    explanation_stability,
    faithfulness,
    hybrids,
    interaction_mass,
    local_change,
    method_agreement,
    null_and_twins,
    reason_audit,
    reason_margin,
)

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(300, 4)), columns=list("abcd"))
BETA = np.array([1.5, -1.0, 0.4, 0.0])
PHI = BETA * (X.to_numpy() - X.to_numpy().mean(0))


def predict(frame):
    return 1 / (1 + np.exp(-(frame[list("abcd")].to_numpy(dtype=float) @ BETA)))


def test_additivity_is_over_all_rows_and_names_the_worst():
    eta, base = X.to_numpy() @ BETA, float(BETA @ X.to_numpy().mean(0))
    assert additivity(PHI, base, eta).verdict == "green"
    bad = eta.copy()
    bad[17] += 1e-3
    result = additivity(PHI, base, bad)
    assert result.verdict == "red" and result.facts["row"] == 17 and result.estimate == pytest.approx(1e-3)


def test_null_columns_and_twins():
    assert null_and_twins(PHI, unused=[3]).verdict == "green" and null_and_twins(PHI, unused=[2]).verdict == "red"
    assert null_and_twins(np.column_stack([PHI[:, 0] / 2, PHI[:, 0] / 2]), twins=[(0, 1)]).verdict == "green"


def test_stability_and_agreement_reach_one_only_for_equals():
    assert explanation_stability([PHI, PHI, PHI]).tidy()["estimate"].tolist() == [1, 1]
    assert explanation_stability([PHI, RNG.normal(size=PHI.shape)]).verdict != "green"
    assert method_agreement(PHI, PHI).tidy()["estimate"].tolist() == [1] * 5
    half = method_agreement(PHI, -PHI).tidy().set_index("scope")["estimate"]
    assert (
        half["signs"] == 0 and half["Spearman by row"] == pytest.approx(-1) and half["importance"] == pytest.approx(1)
    )
    assert background_change(PHI, PHI + 0.3).verdict == "red"


def test_the_true_reasons_matter_more_than_random_ones():
    y = (np.random.default_rng(1).random(300) < predict(X)).astype(int)
    true, wrong = faithfulness(PHI, X, predict, X, y), faithfulness(PHI[:, ::-1], X, predict, X, k=1)
    assert true.verdict == "green" and true.facts["rho"] > 0.7 and true.facts["aopc"] > true.facts["random"]
    assert wrong.verdict == "amber"


def test_directions_neighbours_and_hybrids():
    table = declared_directions(X, predict, {"a": 1, "b": -1, "c": -1, "d": 1}).tidy().set_index("scope")
    assert table["estimate"].to_dict() == {"a": 0, "b": 0, "c": 1, "d": 0}
    assert local_change(PHI, X).estimate <= np.abs(BETA).max() * X.std().max() + 1e-9
    tied = X.assign(b=X["a"] + 0.01 * X["b"], c=-X["a"] + 0.01 * X["c"])
    assert hybrids(tied, tied).estimate > hybrids(X, X).estimate


def test_interactions():
    cube = np.zeros((50, 2, 2))
    cube[:, 0, 0], cube[:, 0, 1], cube[:, 1, 0] = 1.0, 0.25, 0.25
    result = interaction_mass(cube)
    assert result.estimate == pytest.approx(1 / 3) and result.lo == pytest.approx(1 / 3) and result.verdict == "amber"


def test_conditional_contributions_equal_the_two_feature_formula():
    """φ1 = β1 d1 + ½ρ(β2 d1 - β1 d2), and its mirror (Aas et al. 2021)."""
    b, d, rho = [0.7, -0.4], [1.2, 0.5], 0.6
    first = b[0] * d[0] + rho / 2 * (b[1] * d[0] - b[0] * d[1])
    second = b[1] * d[1] + rho / 2 * (b[0] * d[1] - b[1] * d[0])
    np.testing.assert_allclose(conditional_contributions(b, d, [[1, rho], [rho, 1]]), [first, second])


def test_reasons_must_be_tellable():
    dictionary = pd.DataFrame(
        {"actionable": [True, False, True], "sensitive": [False, False, True], "plain": [True, True, True]},
        index=["overdue", "age", "health"],
    )
    table = (
        reason_audit(pd.DataFrame({"r1": ["overdue", "health"], "r2": ["age", None]}), dictionary)
        .tidy()
        .set_index("scope")
    )
    assert table.loc["not sensitive", "verdict"] == "red" and table.loc["in the dictionary", "verdict"] == "green"
    assert table.loc["actionable", "estimate"] == pytest.approx(2 / 3)
    assert reason_audit(pd.DataFrame({"r1": ["unknown"]}), dictionary).tidy()["verdict"].iloc[0] == "red"
    assert reason_margin(PHI, k=2).lo >= 0


def test_wrong_shapes_are_named():
    with pytest.raises(InputError, match="rows × features of finite contributions"):
        additivity([1.0, 2.0], 0, [1.0])
    with pytest.raises(InputError, match="a log-odds per row"):
        additivity(PHI, 0, [1.0])
    with pytest.raises(InputError, match="two refits or more of the same shape"):
        explanation_stability([PHI])
    with pytest.raises(InputError, match="a direction of"):
        declared_directions(X, predict, {"a": 0})
    with pytest.raises(InputError, match="unused columns or twins"):
        null_and_twins(PHI)
