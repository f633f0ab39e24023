"""Cross-fitting by village: no village is scored by a model that saw it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from creditlab.errors import InputError
from creditlab.study.crossfit import calibrate_in_the_large, cross_fit


class Memory(ClassifierMixin, BaseEstimator):
    """Remembers the villages it was fitted on, and says 0.9 for those it knows."""

    def fit(self, X: pd.DataFrame, y: np.ndarray, sample_weight: np.ndarray | None = None) -> Memory:
        self.classes_ = np.array([0, 1])
        self.known_ = set(X["v"])
        self.weight_ = None if sample_weight is None else float(np.sum(sample_weight))
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        known = np.where(X["v"].isin(self.known_), 0.9, 0.1)
        return np.column_stack([1 - known, known])

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.predict_proba(X)[:, 1] > 0.5


@pytest.fixture
def rows() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    village = rng.integers(0, 12, 300)
    return pd.DataFrame({"v": village}, index=[f"H{i}" for i in range(300)]), rng.integers(0, 2, 300)


def test_no_row_is_scored_by_a_model_that_saw_its_village(rows: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, y = rows
    prob = cross_fit(Memory(), X, y, X["v"])
    assert (prob == 0.1).all()
    assert prob.index.equals(X.index) and prob.name == "pd"


def test_the_assignment_depends_on_the_seed_and_not_on_the_order_of_the_rows(
    rows: tuple[pd.DataFrame, np.ndarray],
) -> None:
    from sklearn.tree import DecisionTreeClassifier

    X, y = rows
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    first = cross_fit(tree, X, y, X["v"], seed=1)
    assert first.equals(cross_fit(tree, X, y, X["v"], seed=1))
    order = np.random.default_rng(5).permutation(len(X))
    shuffled = cross_fit(tree, X.iloc[order], y[order], X["v"].iloc[order], seed=1)
    assert np.allclose(shuffled.loc[X.index], first, rtol=0, atol=1e-12)


def test_fewer_groups_than_folds_and_one_group(rows: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, y = rows
    assert (cross_fit(Memory(), X, y, X["v"] % 2, folds=5) == 0.1).all()
    with pytest.raises(InputError, match="at least two groups; got 1"):
        cross_fit(Memory(), X, y, np.zeros(len(X)))


def test_a_fold_of_one_class_is_refused_in_words() -> None:
    X = pd.DataFrame({"v": [0, 0, 1, 1]})
    with pytest.raises(InputError, match="goods and bads in every fold"):
        cross_fit(Memory(), X, [1, 1, 0, 0], X["v"])


def test_calibration_in_the_large_meets_the_number_of_bads_and_keeps_the_order() -> None:
    rng = np.random.default_rng(3)
    p = rng.beta(0.5, 20, 5000)
    y = rng.random(5000) < np.minimum(3 * p, 1)
    shifted = calibrate_in_the_large(p, y)
    assert shifted.sum() == pytest.approx(y.sum(), rel=1e-9)
    assert (np.argsort(shifted, kind="stable") == np.argsort(np.clip(p, 1e-12, 1), kind="stable")).all()
    gap = np.log(shifted / (1 - shifted)) - np.log(np.clip(p, 1e-12, 1) / (1 - np.clip(p, 1e-12, 1)))
    assert np.ptp(gap) < 1e-6
