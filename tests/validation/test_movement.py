"""Migration, concentration, shift of points, parameters: identities, limits, size, awkward counts."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency

from creditlab.errors import InputError
from creditlab.validation import (
    bin_stability,
    bunching,
    coefficient_stability,
    concentration_gini,
    csi,
    decision_flips,
    ellison_glaeser,
    guarantee_component,
    hellinger,
    hhi,
    hoover,
    jensen_shannon,
    migration_bandwidth,
    migration_change,
    migration_counts,
    migration_z,
    mobility,
    near_cutoff,
    prediction_accuracy,
    theil,
    top_share,
    transition_matrix,
    wasserstein,
)

MATRIX = np.array([[80, 15, 5], [10, 70, 20], [2, 18, 80]])


def test_bandwidths_reach_their_ends_and_transposing_swaps_them():
    upper, lower = migration_bandwidth(MATRIX)
    other_upper, other_lower = migration_bandwidth(MATRIX[::-1, ::-1])
    assert (upper.estimate, lower.estimate) == (
        pytest.approx(other_lower.estimate),
        pytest.approx(other_upper.estimate),
    )
    farthest = np.array([[0, 0, 5], [0, 9, 0], [7, 0, 0]])
    assert [test.estimate for test in migration_bandwidth(farthest)] == [1, 1]
    assert "无此方向迁徙" in migration_bandwidth(np.diag([5, 5]))[0].reason


def test_migration_that_jumps_is_red():
    jumpy = np.array([[70, 2, 28], [10, 80, 10], [2, 8, 90]])
    table = migration_z(jumpy).tidy().set_index("scope")
    assert table.loc["1 to 3", "verdict"] == "red" and table.loc["2 to 3", "verdict"] == "green"
    empty = migration_z([[5, 0, 0], [0, 0, 0], [0, 2, 8]]).tidy().set_index("scope")
    assert "两格均为空" in empty.loc["1 to 3", "reason"] and "无客户" in empty.loc["2 to 1", "reason"]
    assert migration_z(MATRIX * 10).tidy()["statistic"].abs().gt(migration_z(MATRIX).tidy()["statistic"].abs()).all()


def test_matrix_of_customers():
    before, after = np.repeat([0, 1, 2], 100), np.concatenate([np.repeat([0, 1, 2], row) for row in MATRIX])
    np.testing.assert_array_equal(migration_counts(before, after), MATRIX)
    assert transition_matrix(MATRIX).sum(axis=1).tolist() == pytest.approx([1, 1, 1])
    assert (
        mobility(MATRIX).estimate == pytest.approx((3 - 0.8 - 0.7 - 0.8) / 2)
        and mobility(np.diag([5, 5])).facts["singular"] == 0
    )


def test_change_of_the_matrix_keeps_its_level_and_finds_change():
    """200 pairs of the same matrix: .05 ± 3·√(.05·.95/200) = ± .046."""
    rng = np.random.default_rng(0)
    P = transition_matrix(MATRIX).to_numpy()

    def draw(P):
        return np.array([rng.multinomial(200, row) for row in P])

    assert 0.004 <= np.mean([migration_change(draw(P), draw(P)).p_value < 0.05 for _ in range(200)]) <= 0.097
    assert migration_change(draw(P), draw(np.eye(3) * 0.4 + 0.2)).p_value < 1e-6
    one, other = MATRIX.copy(), MATRIX.copy()
    other[0] = [60, 30, 10]
    assert migration_change(one, other).statistic == pytest.approx(
        chi2_contingency([one[0], other[0]], correction=False).statistic
    )


def test_concentration_ends():
    equal, single = [5, 5, 5, 5], [20, 0, 0, 0]
    for index, most in ((concentration_gini, 0.75), (theil, np.log(4)), (hoover, 0.75)):
        assert index(equal).estimate == pytest.approx(0, abs=1e-12) and index(single).estimate == pytest.approx(most)
        assert index([1, 2, 3]).estimate == pytest.approx(index([30, 10, 20]).estimate)
    assert top_share([1] * 50).verdict == "green" and top_share([90, 10]).verdict == "red"
    assert hoover([1, 3], [1, 3]).estimate == 0 and hhi(single).estimate == 1


def test_agglomeration_is_zero_when_borrowers_settle_at_random():
    rng = np.random.default_rng(1)
    area = rng.dirichlet(np.full(20, 3)) * 100
    found = [ellison_glaeser(rng.multinomial(60, area / 100), area, np.ones(60)).estimate for _ in range(200)]
    assert np.mean(found) == pytest.approx(0, abs=0.004)


def test_guarantee_groups():
    result = guarantee_component([(0, 1), (1, 2), (3, 4)], [10, 10, 20, 5, 5, 50])
    assert result.estimate == pytest.approx(0.4) and result.facts == result.facts | {"members": 3, "groups": 2}
    assert guarantee_component([], [1, 2]).estimate == 0
    with pytest.raises(InputError, match="row numbers from 0 to 1"):
        guarantee_component([(0, 2)], [1, 2])


def test_bunching_is_found_and_smooth_scores_are_left_alone():
    """80 smooth samples: at most .05 + 3·√(.05·.95/80) = .123."""
    found = []
    for seed in range(80):
        found.append(bunching(np.random.default_rng(seed).normal(600, 50, 1500), 620).p_value < 0.05)
    assert np.mean(found) <= 0.123
    score = np.random.default_rng(0).normal(600, 50, 4000)
    pushed = np.where((score > 612) & (score < 620) & (np.arange(4000) % 2 == 0), score + 8, score)
    assert bunching(pushed, 620).verdict == "red"
    assert "切点附近样本不足" in bunching([1.0, 2.0, 3.0], 2.0).reason


def test_shift_of_points_has_a_direction():
    down = csi([50, 50], [80, 20], [10, 60])
    assert down.estimate == pytest.approx(-15) and down.verdict == "red" and down.hi < 0
    assert csi([50, 50], [100, 100], [10, 60]).estimate == 0
    assert "分值相同" in csi([50, 50], [80, 20], [10, 10]).reason


def test_distances_equal_scipy():
    then, now = [10, 20, 30, 0], [5, 30, 20, 10]
    p, q = np.array(then) / 60, np.array(now) / 65
    assert jensen_shannon(then, now).estimate == pytest.approx(jensenshannon(p, q, base=2) ** 2)
    assert hellinger(then, now).estimate == pytest.approx(np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2))
    x = np.random.default_rng(2).normal(size=200)
    assert wasserstein(x, x + 2 * x.std(ddof=1)).estimate == pytest.approx(2)


def test_prediction_accuracy_asks_for_new_places_not_new_shares():
    rng = np.random.default_rng(3)
    X = np.column_stack([np.ones(500), rng.normal(size=500)])
    assert prediction_accuracy(X, X[:200]).verdict == "green"
    assert prediction_accuracy(X, np.column_stack([np.ones(50), rng.normal(4, 1, 50)])).verdict == "red"
    assert prediction_accuracy(X, X[:, :], covariance=np.eye(2)).estimate == pytest.approx(1)
    assert "共线" in prediction_accuracy(np.ones((5, 2)), np.ones((3, 2))).reason


def test_coefficients_over_folds_keep_their_level():
    rng = np.random.default_rng(4)
    found = [
        coefficient_stability(
            pd.DataFrame({"a": 1 + rng.normal(0, 0.1, 6)}), pd.DataFrame({"a": np.full(6, 0.1)})
        ).p_value
        < 0.05
        for _ in range(200)
    ]
    assert 0.004 <= np.mean(found) <= 0.097
    apart = coefficient_stability(pd.DataFrame({"a": [1.0, 1.0, 2.0]}), pd.DataFrame({"a": [0.1] * 3}))
    assert apart.verdict == "red" and apart.df == 2
    with pytest.raises(InputError, match="two folds or more"):
        coefficient_stability(pd.DataFrame({"a": [1.0]}))


def test_bins_and_cut_offs():
    table = bin_stability(pd.DataFrame([[-1, 0, 1], [-2, 0, 2], [1, 0, -1.0], [0, 0, 0]], index=list("dabc"))).tidy()
    assert table["estimate"].tolist()[:2] == [1, -1] and "无可比较" in table["reason"].iloc[2]
    assert near_cutoff([600, 619, 640], 2, 620).estimate == pytest.approx(1 / 3)
    assert decision_flips([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]).estimate == 0


def test_wrong_matrices_are_named():
    with pytest.raises(InputError, match="a square matrix of counts"):
        migration_bandwidth([[1, 2, 3], [4, 5, 6]])
    with pytest.raises(InputError, match="matrices of the same grades"):
        migration_change(np.eye(2), np.eye(3))
    with pytest.raises(InputError, match="a grade number from 0"):
        migration_counts([0, 1], [0])
