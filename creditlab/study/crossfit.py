"""Cross-fitted PDs: each row is scored by a model that never saw its village.

Use it before O/E per village: a model fitted on a village's own loans has already learned part of what it should be
compared with. Binning and selection happen inside the fold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from creditlab.challenger import Challenger
from creditlab.checks import check_groups, check_target
from creditlab.errors import InputError, message
from creditlab.explanation import explain
from creditlab.scorecard import Scorecard
from creditlab.village import calibrate_in_the_large


def cross_fit(
    model: Any, X: pd.DataFrame, y: Any, groups: Any, *, sample_weight: Any = None, folds: int = 5, seed: int = 0
) -> pd.Series:
    """PD of each row from a clone of `model` that was fitted without the row's group.

    Parameters
    ----------
    model : an unfitted classifier such as `Scorecard` or `Challenger`; it is cloned, never changed.
    X, y, groups : rows × features, 0/1 target, and one group (village) per row.
    folds : number of folds; each group lies in exactly one. Fewer groups than folds take as many folds as groups.
    seed : seed of the assignment of groups to folds.

    Returns
    -------
    Series of PDs named 'pd', with the index of `X`.

    Raises
    ------
    InputError : with fewer than two groups, or when a fold leaves only goods or only bads to fit on.

    >>> import pandas as pd, sklearn.linear_model as lm
    >>> X = pd.DataFrame({"x": [0, 1, 0, 1, 0, 1, 0, 1]}, index=list("abcdefgh"))
    >>> y, village = [0, 1, 0, 1, 0, 1, 1, 0], ["u", "u", "v", "v"] * 2
    >>> cross_fit(lm.LogisticRegression(), X, y, village, folds=2).index.tolist()
    ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
    """
    from sklearn.model_selection import cross_val_predict

    target, codes = check_target(y, n=len(X)), _group_codes(groups, len(X))
    params = None if sample_weight is None else {"sample_weight": np.asarray(sample_weight, dtype=float)}
    cv = _folds(codes, target, folds, seed)
    prob = cross_val_predict(_for_scores(model), X, target, cv=cv, method="predict_proba", params=params)
    return pd.Series(prob[:, 1], index=X.index, name="pd")


#: the contribution that is the level of the model that scored a row; models differ between folds
MODEL = "(model) 模型差异"


@dataclass(frozen=True)
class CrossFit:
    """Cross-fitted PDs, and what each feature added to them in log-odds (rows × features).

    The last column, `MODEL`, is the level of the model that scored the row less the mean level: what villages differ by
    only because different models scored them is a line of its own. With it a row adds up to its log-odds less the mean
    level. `contributions` is None for a model that `explain` does not know. `raw` are the PDs before calibration in the
    large: those of `cross_fit`.
    """

    prob: pd.Series
    contributions: pd.DataFrame | None
    raw: pd.Series


def cross_explain(
    model: Any, X: pd.DataFrame, y: Any, groups: Any, *, sample_weight: Any = None, folds: int = 5, seed: int = 0
) -> CrossFit:
    """PD of each row from a model that never saw its group, with the contributions of its features.

    As `cross_fit`, with two differences. Every village is explained by the model that scored it, against the same rows,
    all of `X`. And that model is calibrated in the large on all rows: a fold that leaves out bad villages is fitted on
    better loans, and its level would make the villages left out look worse than they are.

    Parameters and errors as in `cross_fit`.
    """
    target, codes = check_target(y, n=len(X)), _group_codes(groups, len(X))
    weight = None if sample_weight is None else np.asarray(sample_weight, dtype=float)
    prob, raw = np.full((2, len(X)), np.nan)
    parts: list[pd.DataFrame] = []
    for fit_rows, held in _folds(codes, target, folds, seed):
        options = {} if weight is None else {"sample_weight": weight[fit_rows]}
        fitted = _for_scores(model).fit(X.iloc[fit_rows], target[fit_rows], **options)
        given = fitted.predict_proba(X)[:, 1]
        level = calibrate_in_the_large(given, target, weight)
        prob[held], raw[held] = level[held], given[held]
        if isinstance(fitted, Scorecard | Challenger):
            parts.append(_explained(fitted, X, held, level[held]))
    return CrossFit(
        prob=pd.Series(prob, index=X.index, name="pd"),
        contributions=_joined(parts, X.index),
        raw=pd.Series(raw, index=X.index, name="pd"),
    )


def _explained(fitted: Any, X: pd.DataFrame, held: np.ndarray, prob: np.ndarray) -> pd.DataFrame:
    """The contributions of held-out rows against all rows, and the rest of their log-odds as the model's level."""
    values = explain(fitted, X.iloc[held], background=X).values.set_axis(held, axis=0)
    left = np.log(prob) - np.log1p(-prob) - values.to_numpy().sum(axis=1)
    return values.assign(**{MODEL: left})


def _joined(parts: list[pd.DataFrame], index: pd.Index) -> pd.DataFrame | None:
    if not parts:
        return None
    joined = pd.concat(parts).fillna(0.0).sort_index().set_axis(index, axis=0)
    level = joined.pop(MODEL)
    return joined.assign(**{MODEL: level - level.mean()})


def _for_scores(model: Any) -> Any:
    """A clone of the model that works out no intervals of its coefficients: only its scores are used here."""
    from sklearn.base import clone

    copy = clone(model)
    return copy.set_params(inference="wald") if isinstance(copy, Scorecard) else copy


def _group_codes(groups: Any, n: int) -> np.ndarray:
    group = check_groups(groups, n)
    # sorted, so that the folds do not depend on the order of the rows
    codes, names = pd.factorize(group.astype(str), sort=True)
    if len(names) < 2:
        raise InputError(
            message("at least two groups", f"{len(names)}", "groups of cross_fit", "Give the village of every row.")
        )
    return codes


def _folds(codes: np.ndarray, target: np.ndarray, folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to fit on and rows held out; each group lies in exactly one fold."""
    from sklearn.model_selection import GroupKFold

    cv = GroupKFold(n_splits=min(folds, int(codes.max()) + 1), shuffle=True, random_state=seed)
    listed = list(cv.split(codes, target, codes))
    if any(target[rows].min() == target[rows].max() for rows, _ in listed):
        raise InputError(
            message(
                "goods and bads in every fold",
                f"{int(target.sum())} bads in few groups",
                "cross_fit",
                "Use fewer folds, or a larger sample.",
            )
        )
    return listed
