"""Cross-fitted PDs: each row is scored by a model that never saw its village.

Use it before O/E per village: a model fitted on a village's own loans has already learned part of what it should be
compared with. Binning and selection happen inside the fold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_groups, check_prob, check_target
from creditlab.errors import InputError, message


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
    from sklearn.model_selection import GroupKFold, cross_val_predict

    target = check_target(y, n=len(X))
    group = check_groups(groups, len(X))
    # sorted, so that the folds do not depend on the order of the rows
    codes, names = pd.factorize(group.astype(str), sort=True)
    if len(names) < 2:
        raise InputError(
            message("at least two groups", f"{len(names)}", "groups of cross_fit", "Give the village of every row.")
        )
    cv = GroupKFold(n_splits=min(folds, len(names)), shuffle=True, random_state=seed)
    for fit_rows, _ in cv.split(X, target, codes):
        if target[fit_rows].min() == target[fit_rows].max():
            raise InputError(
                message(
                    "goods and bads in every fold",
                    f"{int(target.sum())} bads in few groups",
                    "cross_fit",
                    "Use fewer folds, or a larger sample.",
                )
            )
    params = None if sample_weight is None else {"sample_weight": np.asarray(sample_weight, dtype=float)}
    prob = cross_val_predict(model, X, target, groups=codes, cv=cv, method="predict_proba", params=params)
    return pd.Series(prob[:, 1], index=X.index, name="pd")


def calibrate_in_the_large(prob: Any, y: Any, sample_weight: Any = None) -> np.ndarray:
    """PDs shifted by one constant in log-odds so that their sum equals the number of bads.

    O/E per village compares villages with each other; the constant takes out the error that all share.
    Formula: p' = expit(logit p + a) with sum p' = sum y, by Newton on a (the sum is monotone in a).
    """
    p = np.clip(check_prob(prob), 1e-12, 1 - 1e-12)
    weight = np.ones(len(p)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    bads = float(weight @ check_target(y, n=len(p)))
    log_odds, shift = np.log(p) - np.log1p(-p), 0.0
    for _ in range(100):
        shifted = 1 / (1 + np.exp(-(log_odds + shift)))
        gap = bads - float(weight @ shifted)
        if abs(gap) <= 1e-10 * max(bads, 1.0):
            return shifted
        step = gap / float(weight @ (shifted * (1 - shifted)))
        shift += min(max(step, -2.0), 2.0)  # a bounded step cannot overshoot where the curve is flat
    return shifted
