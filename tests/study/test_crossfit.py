"""Cross-fitting by village: no village is scored by a model that saw it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

import creditlab as cl
from creditlab.errors import InputError
from creditlab.study.crossfit import cross_explain, cross_fit
from creditlab.village import calibrate_in_the_large


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


def _cards_table(n: int = 1500, villages: int = 25, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    village = rng.integers(0, villages, n)
    X = pd.DataFrame({"deposit": rng.normal(size=n), "farm": rng.normal(size=n)})
    return X, (rng.random(n) < 1 / (1 + np.exp(2 + X["deposit"]))).astype(int).to_numpy(), village


def test_contributions_and_pds_of_a_card_agree_and_every_fold_is_on_the_countys_level() -> None:
    X, y, village = _cards_table()
    fit = cross_explain(cl.Scorecard(), X, y, village, folds=4)
    assert fit.contributions is not None and fit.contributions.index.equals(X.index)
    log_odds = np.log(fit.prob / (1 - fit.prob))
    rest = log_odds - fit.contributions.sum(axis=1)
    # what is left is the base of the fold's model, one constant per fold
    assert rest.round(9).nunique() <= 4
    assert fit.prob.sum() == pytest.approx(y.sum(), rel=0.02)


def test_a_village_s_own_outcomes_do_not_move_its_own_pds() -> None:
    """Flipping every outcome of a village leaves the contributions of its rows as they were."""
    X, y, village = _cards_table(seed=2)
    here = village == 3
    flipped = np.where(here, 1 - y, y)
    first, second = (cross_explain(cl.Scorecard(), X, t, village, folds=5) for t in (y, flipped))
    assert first.contributions is not None and second.contributions is not None
    same = first.contributions[here].sub(first.contributions[here].mean())
    np.testing.assert_allclose(same, second.contributions[here].sub(second.contributions[here].mean()), atol=1e-12)
    # the level on all rows is the only thing that an outcome of the village may move
    gap = np.log(first.prob[here] / (1 - first.prob[here])) - np.log(second.prob[here] / (1 - second.prob[here]))
    assert np.ptp(gap) < 1e-6


def test_a_foreign_model_has_pds_and_no_contributions(rows: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, y = rows
    fit = cross_explain(Memory(), X, y, X["v"])
    assert fit.contributions is None and fit.prob.notna().all()
