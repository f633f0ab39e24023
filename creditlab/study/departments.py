"""What each department's data are worth to the score: AUC, bads caught, cost per bad caught, source by source.

Use it when a bank pays for a source, or must say what it adds. Each figure is of households scored by models that never
saw their village. It values the data as they stand in this model, with the other sources there; it does not say what a
source would do elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import factorial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtri

from creditlab.checks import check_groups, check_level, check_target
from creditlab.columns import Column
from creditlab.errors import InputError, message
from creditlab.explanation.explanation import source_numbers
from creditlab.results import Result, Stamp
from creditlab.study.crossfit import MODEL, CrossFit, cross_explain, cross_fit

#: sources that can be valued over all their sets; with refits, sets of models that are fitted
MOST_SOURCES, MOST_REFITTED = 12, 6
#: share of rows around the cut, in ranks, in which the bad rate at the cut is taken
NEAR = 0.05
METRICS = ("auc", "caught")
COLUMNS = (
    "source", "features", "metric", "alone", "without", "drop", "drop_lo", "drop_hi", "shapley", "shapley_lo",
    "shapley_hi", "bads", "cost", "cost_per_bad", "reason",
)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class DepartmentValue(Result):
    """A row per source and metric; the Shapley values of a metric add up to the whole less that of no source.

    Columns: `source features metric alone without drop drop_lo drop_hi shapley shapley_lo shapley_hi bads cost
    cost_per_bad reason`. `metric` is 'auc' or 'caught' (the share of bads among the riskiest `share` of households);
    `alone` the source by itself, `without` all others, `drop` what is lost without it. `bads` is the Shapley value in
    bads caught, `cost_per_bad` yuan per bad caught; where a source catches none it is NaN with the reason.
    """

    title: ClassVar[str] = "Value of departments' data 部门数据价值"
    plots: ClassVar[str] = "explanation_pair"


def department_value(
    model: Any, X: pd.DataFrame, y: Any, groups: Any, dictionary: Mapping[str, Column] | None = None, *,
    costs: Mapping[str, float] | None = None, share: float = 0.1, refit: bool = False, folds: int = 5,
    level: float = 0.9, seed: int = 0,
) -> DepartmentValue:  # fmt: skip
    """What each source adds to a model, by dropping it and by Shapley over all sets of sources.

    Parameters
    ----------
    model : an unfitted `Scorecard` or `Challenger`; it is cross-fitted, villages held out.
    X, y, groups : raw rows, outcomes, villages.
    dictionary : declared columns with their sources; None takes the model's own.
    costs : yuan that each source costs for these households; sources without one have no cost per bad.
    share : the riskiest share of households that is looked at for 'caught'.
    refit : False keeps the fitted models: a set of sources scores by its contributions, the other sources standing at
        their average. True fits models on the columns of each set, for up to 6 sources.
    level : of the intervals, which are linearised with villages as clusters: for AUC by the placement values of
        DeLong et al. (1988) summed by village (N. Obuchowski, Biometrics 1997), for bads caught with the cut estimated.

    Raises
    ------
    InputError : for fewer than two or too many sources, or settings that cannot be used.
    """
    bad, codes = _checked(y, groups, share, level, len(X))
    declared = dictionary if dictionary is not None else (model.dictionary or {})
    owner, sources = source_numbers([str(c) for c in X.columns], declared)
    _check_costs(costs, sources)
    score: Score
    if refit:
        score, used, most = _refitted(model, X, y, groups, owner, folds, seed), list(range(len(sources))), MOST_REFITTED
    else:
        fit = cross_explain(model, X, y, groups, folds=folds, seed=seed)
        score, used = _kept(fit, dict(zip([str(c) for c in X.columns], owner.tolist(), strict=True)), len(sources))
        most = MOST_SOURCES
    spec = {"refit": refit, "folds": folds, "seed": seed}
    return _valued(score, used, most, sources, owner, bad, codes, costs, share, level, Stamp.of([X, bad, codes], spec))


def value_of_fit(
    fit: CrossFit, y: Any, groups: Any, dictionary: Mapping[str, Column], *, costs: Mapping[str, float] | None = None,
    share: float = 0.1, level: float = 0.9,
) -> DepartmentValue:  # fmt: skip
    """As `department_value`, of models that were cross-fitted and explained before."""
    bad, codes = _checked(y, groups, share, level, len(fit.prob))
    if fit.contributions is None:
        raise InputError(message("contributions", "none", "value_of_fit", "Cross-fit a Scorecard or a Challenger."))
    owner, sources = source_numbers(list(dictionary), dictionary)
    _check_costs(costs, sources)
    score, used = _kept(fit, dict(zip(dictionary, owner.tolist(), strict=True)), len(sources))
    stamp = Stamp.of([fit.contributions, bad, codes], {})
    return _valued(score, used, MOST_SOURCES, sources, owner, bad, codes, costs, share, level, stamp)


Score = Callable[[tuple[int, ...]], np.ndarray]


def _checked(y: Any, groups: Any, share: Any, level: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    check_level(level)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
        raise InputError(message("a share between 0 and 1", repr(share), "department_value(share=...)", "10 % is 0.1."))
    return check_target(y, "y", n).astype(float), pd.factorize(check_groups(groups, n))[0]


def _check_costs(costs: Mapping[str, float] | None, sources: list[str]) -> None:
    unknown = sorted(set(costs or {}) - set(sources))
    if unknown:
        raise InputError(message("sources of the columns", ", ".join(unknown), "costs", "Check the spelling."))


def _valued(
    score: Score, used: list[int], most: int, sources: list[str], owner: np.ndarray, bad: np.ndarray,
    codes: np.ndarray, costs: Mapping[str, float] | None, share: float, level: float, stamp: Stamp,
) -> DepartmentValue:  # fmt: skip
    if len(sources) < 2 or not 1 <= len(used) <= most:
        raise InputError(
            message(
                f"two sources or more, 1 to {most} of which the model uses",
                f"{len(sources)}, {len(used)} used",
                "department_value",
                "Declare sources; give small ones one name.",
            )
        )
    found = _all_sets(score, used, bad, share)
    values, rows = found[0], []
    for m, metric in enumerate(METRICS):
        rows += _rows(metric, sources, owner, used, [part[..., m] for part in found], codes, level)
    table = _costed(pd.DataFrame(rows), dict(costs or {}), bad)
    facts = {
        "rows": len(bad), "bads": int(bad.sum()), "villages": int(codes.max()) + 1, "sources": len(sources),
        "used": len(used), "auc": float(values[-1, 0]), "caught": float(values[-1, 1]), "share": share, "level": level,
    }  # fmt: skip
    return DepartmentValue(table=table, stamp=stamp, facts=facts)


def _kept(fit: CrossFit, known: Mapping[str, int], sources: int) -> tuple[Score, list[int]]:
    """A set scores by the sum of its sources' cross-fitted contributions; the level of each fold's model stays."""
    assert fit.contributions is not None
    sums, level = np.zeros((len(fit.prob), sources)), np.zeros(len(fit.prob))
    for name in fit.contributions.columns:
        values = fit.contributions[name].to_numpy()
        if name == MODEL:
            level = values
            continue
        parts = [known[part] for part in (name, *name.split(" × ")) if part in known]
        for part in parts:  # a cross of two sources is shared between them
            sums[:, part] += values / len(parts)
    # a source that moves no score adds nothing to any set: it needs no sets of its own
    used = np.flatnonzero(np.abs(sums).max(axis=0) > 0).tolist()
    return (lambda chosen: level + sums[:, list(chosen)].sum(axis=1)), used


def _refitted(model: Any, X: pd.DataFrame, y: Any, groups: Any, owner: np.ndarray, folds: int, seed: int) -> Score:
    def score(chosen: tuple[int, ...]) -> np.ndarray:
        columns = X.columns[np.isin(owner, chosen)]
        if not len(columns):
            return np.zeros(len(X))
        prob = cross_fit(model, X[columns], y, groups, folds=folds, seed=seed).to_numpy()
        return np.log(prob) - np.log1p(-prob)

    return score


def _all_sets(
    score: Score, used: list[int], bad: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Over all sets of the sources that are used, by bit mask and metric.

    The value of each set; the influence of each row on the value of all sources; on what each source adds by dropping
    it; and on its Shapley value.
    """
    k, n = len(used), len(bad)
    full = (1 << k) - 1
    values, whole = np.zeros((1 << k, len(METRICS))), np.zeros((n, len(METRICS)))
    without, shapley = np.zeros((k, n, len(METRICS))), np.zeros((k, n, len(METRICS)))
    for mask in range(1 << k):
        s = np.round(score(tuple(j for bit, j in enumerate(used) if mask >> bit & 1)), 12)
        row = np.empty((n, len(METRICS)))
        for m, (value, each) in enumerate((auc_influence(s, bad), caught_influence(s, bad, share))):
            values[mask, m], row[:, m] = value, each
        if mask == full:
            whole = row
        size = mask.bit_count()
        for bit in range(k):
            inside = mask >> bit & 1
            shapley[bit] += row * (_weight(size - 1, k) if inside else -_weight(size, k))
            if mask == full ^ 1 << bit:
                without[bit] = row
    return values, whole, whole - without, shapley


def _weight(before: int, k: int) -> float:
    """The share of orders in which a player comes after `before` given others."""
    return factorial(before) * factorial(k - before - 1) / factorial(k)


def auc_influence(score: np.ndarray, bad: np.ndarray) -> tuple[float, np.ndarray]:
    """AUC, and what each row adds to its deviation: placement values less AUC, over the rows of its class.

    >>> auc, row = auc_influence(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 1.0, 0.0, 1.0]))
    >>> auc, row.tolist()
    (0.75, [0.125, -0.125, -0.125, 0.125])
    """
    from scipy.stats import rankdata

    ranks, n1 = rankdata(score), float(bad.sum())
    n0 = len(bad) - n1
    one, zero = bad == 1, bad == 0
    place = np.zeros(len(bad))
    place[one] = (ranks[one] - rankdata(score[one])) / n0
    place[zero] = 1 - (ranks[zero] - rankdata(score[zero])) / n1
    auc = float(place[one].mean())
    return auc, (place - auc) / np.where(one, n1, n0)


def caught_influence(score: np.ndarray, bad: np.ndarray, share: float) -> tuple[float, np.ndarray]:
    """The share of bads among the riskiest share of rows, ties split evenly, and each row's part in its deviation."""
    n, n1 = len(bad), float(bad.sum())
    cut = np.sort(score)[::-1][max(int(np.ceil(share * n)) - 1, 0)]
    above, at = score > cut, score == cut
    inside = above + at * (share * n - above.sum()) / at.sum()
    caught = float(bad @ inside) / n1
    # the cut moves too: as many rows near it leave as enter
    ranks = np.argsort(np.argsort(-score, kind="stable"), kind="stable") / n
    near = np.abs(ranks - share) <= NEAR
    rate = float(bad[near].mean()) if near.any() else 0.0
    return caught, (bad * (inside - caught) - rate * (inside - share)) / n1


def _rows(
    metric: str, sources: list[str], owner: np.ndarray, used: list[int], found: list[np.ndarray], codes: np.ndarray,
    level: float,
) -> list[dict[str, Any]]:  # fmt: skip
    values, _, dropped, moved = found
    k, full = len(used), (1 << len(used)) - 1
    reach, masks = ndtri((1 + level) / 2), np.arange(1 << k)
    weight = np.array([_weight(int(mask).bit_count(), k) if mask != full else 0.0 for mask in masks])
    rows = []
    for j, source in enumerate(sources):
        row: dict[str, Any] = {"source": source, "features": int((owner == j).sum()), "metric": metric}
        if j not in used:
            row |= {"alone": values[0], "without": values[full]}
            row |= dict.fromkeys(("drop", "drop_lo", "drop_hi", "shapley", "shapley_lo", "shapley_hi"), 0.0)
            rows.append(row)
            continue
        bit = used.index(j)
        others = masks[(masks >> bit & 1) == 0]
        shapley = float(weight[others] @ (values[others | 1 << bit] - values[others]))
        row |= {"alone": float(values[1 << bit]), "without": float(values[full ^ 1 << bit])}
        drop = float(values[full] - values[full ^ 1 << bit])
        for name, value, each in (("drop", drop, dropped[bit]), ("shapley", shapley, moved[bit])):
            se = clustered_error(each, codes)
            row |= {name: value, f"{name}_lo": value - reach * se, f"{name}_hi": value + reach * se}
        rows.append(row)
    return rows


def clustered_error(influence: np.ndarray, codes: np.ndarray) -> float:
    """The standard error of a sum of influences, villages as clusters."""
    sums = np.bincount(codes, weights=influence)
    groups = int((np.bincount(codes) > 0).sum())
    return float(np.sqrt((sums @ sums) * groups / max(groups - 1, 1)))


def _costed(table: pd.DataFrame, costs: dict[str, float], bad: np.ndarray) -> pd.DataFrame:
    caught = table["metric"] == "caught"
    table["bads"] = np.where(caught, table["shapley"] * bad.sum(), np.nan)
    table["cost"] = np.where(caught, table["source"].map(costs).astype(float), np.nan)
    some = caught & (table["bads"] > 0) & table["cost"].notna()
    table["cost_per_bad"] = np.where(some, table["cost"] / table["bads"].where(some, 1.0), np.nan)
    none = caught & table["cost"].notna() & ~some
    table["reason"] = pd.Series(np.where(none, "catches no bad more 未能多识别坏客户", ""), dtype="str")
    return table[list(COLUMNS)].astype({"source": "str", "metric": "str"})
