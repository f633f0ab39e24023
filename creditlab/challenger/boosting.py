"""LightGBM with a deterministic preset, on plain arrays: how many trees by cross-validation, then all rows.

Same arrays, settings and seed give the same trees at any number of threads. Leaves are limited by weight, not by
number of rows, so that a weight of w acts as w copies.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from sklearn.model_selection import GroupKFold, StratifiedKFold

#: with fewer bads or goods than this, held-out loss is too noisy to choose by: `FEW_TREES` are grown
FEW_EVENTS, FEW_TREES = 50, 40
#: with fewer columns each tree may use all of them
FEW_COLUMNS = 5
PATIENCE = 40


@dataclass(frozen=True)
class Growth:
    """How trees are grown; see `Challenger` for the meaning of each."""

    n_estimators: int
    learning_rate: float
    num_leaves: int
    max_depth: int
    min_child_weight: float
    feature_share: float
    penalty: float
    folds: int
    seed: int
    n_jobs: int

    def params(self, directions: np.ndarray, rate: float) -> dict[str, Any]:
        """LightGBM's own parameters. Leaves hold `min_child_weight` rows of average variance, as a sum of Hessians."""
        return {
            "objective": "binary",
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "max_depth": self.max_depth,
            "min_data_in_leaf": 1,
            "min_sum_hessian_in_leaf": self.min_child_weight * rate * (1 - rate),
            "min_data_in_bin": 1,
            "lambda_l2": self.penalty,
            # of two columns a share would leave one, and no tree could see both
            "feature_fraction": self.feature_share if len(directions) >= FEW_COLUMNS else 1.0,
            "monotone_constraints": directions.tolist() if directions.any() else None,
            "monotone_constraints_method": "basic",
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": self.n_jobs,
            "verbosity": -1,
        }

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Chosen:
    """How many trees held-out folds chose, their log-loss, and the log-odds of rows from trees that never saw them.

    `held_out` is NaN for rows that no fold held out, or where there were too few bads to choose by.
    """

    trees: int
    loss: float
    held_out: np.ndarray


def grow(
    design: np.ndarray, bad: np.ndarray, weight: np.ndarray, groups: np.ndarray | None, directions: np.ndarray,
    growth: Growth,
) -> tuple[str, Chosen]:  # fmt: skip
    """The model text of the trees grown on all rows, and what cross-validation said of them."""
    params = growth.params(directions, float(weight @ bad / weight.sum()))
    chosen = choose_trees(design, bad, weight, groups, params, growth)
    booster = lgb.train(params, _dataset(design, bad, weight), num_boost_round=chosen.trees)
    return model_text(booster), chosen


def choose_trees(
    design: np.ndarray, bad: np.ndarray, weight: np.ndarray, groups: np.ndarray | None, params: dict[str, Any],
    growth: Growth,
) -> Chosen:  # fmt: skip
    """The number of trees with the least held-out log-loss over folds, whole groups held out together."""
    folds, held_out = _folds(design, bad, groups, growth), np.full(len(bad), np.nan)
    if min(weight @ bad, weight @ (1 - bad)) < FEW_EVENTS or not folds:
        return Chosen(min(growth.n_estimators, FEW_TREES), float("nan"), held_out)
    history = lgb.cv(
        params,
        _dataset(design, bad, weight),
        num_boost_round=growth.n_estimators,
        folds=folds,
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
        return_cvbooster=True,
    )
    curve = np.asarray(history["valid binary_logloss-mean"], dtype=float)
    best = int(np.argmin(curve)) + 1
    grown: Any = history["cvbooster"]
    boosters = grown.boosters
    for (_, held), booster in zip(folds, boosters, strict=True):
        held_out[held] = booster.predict(design[held], raw_score=True, num_iteration=best, num_threads=growth.n_jobs)
    return Chosen(best, float(curve[best - 1]), held_out)


def _folds(
    design: np.ndarray, bad: np.ndarray, groups: np.ndarray | None, growth: Growth
) -> list[tuple[np.ndarray, np.ndarray]]:
    if groups is None:
        split = StratifiedKFold(growth.folds, shuffle=True, random_state=growth.seed)
        return list(split.split(design, bad)) if np.bincount(bad).min() >= growth.folds else []
    count = min(growth.folds, len(np.unique(groups)))
    if count < 2:
        return []
    parts = GroupKFold(count, shuffle=True, random_state=growth.seed).split(design, bad, groups)
    return [(fit, held) for fit, held in parts if len(np.unique(bad[fit])) == 2]


def _dataset(design: np.ndarray, bad: np.ndarray, weight: np.ndarray) -> lgb.Dataset:
    # safe names: LightGBM refuses Chinese text and JSON characters in some of its own functions
    names = [f"f{i}" for i in range(design.shape[1])]
    return lgb.Dataset(design, label=bad, weight=weight, feature_name=names, free_raw_data=False)


def model_text(booster: lgb.Booster) -> str:
    """The trees as LightGBM's text, without its list of parameters: that one differs by thread count."""
    return str(booster.model_to_string(num_iteration=-1)).split("\nparameters:")[0] + "\n"


def booster_of(text: str) -> lgb.Booster:
    """The trees of a model text."""
    return lgb.Booster(model_str=text)
