"""The quality of explanations, as tests with results: do they add up, stay, agree, tell what the model does?

One call gives one table, a row per test with its value, its threshold and a verdict, which a validator can re-perform.
It judges explanations of a model, not the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.stats import kendalltau
from sklearn.base import clone

from creditlab.challenger import Challenger, count_patterns
from creditlab.challenger.result import raw_scores
from creditlab.checks import check_groups, check_target
from creditlab.columns import Column
from creditlab.errors import InputError, message
from creditlab.estimators import read_frame
from creditlab.explanation.comparison import compare, jaccard, top_sets
from creditlab.explanation.explanation import ADDITIVE, Explanation
from creditlab.explanation.routes import card_effects, explain
from creditlab.explanation.shapley import interaction_values
from creditlab.results import Result, Stamp

COLUMNS = ("test", "value", "threshold", "verdict", "n", "note_zh", "note_en")
#: reasons that are compared as a set
REASONS = 4
#: trees that tell households from hybrids
FOREST = 40
#: test → (threshold, larger is better); None: reported, not judged
THRESHOLDS: Mapping[str, tuple[float, bool] | None] = {
    "additivity": (1.0, False),  # in units of the stated tolerance
    "unused features": (0.0, False),
    "refits: reasons": (0.6, True),
    "refits: importance": (0.8, True),
    "seeds: reasons": (0.6, True),
    "months: importance": (0.8, True),
    "other model: households": None,
    "other model: villages": None,
    "value functions: leading reason": None,
    "deletion": (0.0, True),
    "permutation: importance": (0.7, True),
    "monotonicity": (0.0, False),
    "interaction mass": (0.2, False),
    "off-manifold": (0.8, False),
    "permitted reasons": (1.0, True),
    "actionable reasons": None,
}
NOTES: Mapping[str, tuple[str, str]] = {
    "additivity": (
        "全部行上贡献之和与对数几率之差的最大值，以容差 {tol:g} 为单位",
        "largest gap on all rows between the sum and the log-odds, in units of the tolerance {tol:g}",
    ),
    "unused features": (
        "模型未使用的特征的最大绝对贡献",
        "largest contribution of a feature that the model does not use",
    ),
    "refits: reasons": (
        "在这些行上拟合，与按村有放回抽样重新拟合 {k} 次相比，前 4 个理由的平均 Jaccard",
        "mean Jaccard index of the top four reasons of a fit on these rows and of {k} on villages drawn from them",
    ),
    "refits: importance": (
        "同上，特征重要性的平均 Kendall τ",
        "of the same refits, mean Kendall's tau of importance",
    ),
    "seeds: reasons": (
        "换随机种子重新拟合 {k} 次，前 4 个理由的平均 Jaccard",
        "mean Jaccard index of the top four reasons over {k} refits with other seeds",
    ),
    "months: importance": (
        "相邻各期之间重要性的最小 Kendall τ",
        "least Kendall's tau of importance between neighbouring periods",
    ),
    "other model: households": (
        "与另一模型主因相同的户的占比",
        "share of households with the same leading feature in the other model",
    ),
    "other model: villages": (
        "与另一模型主因相同的村的占比",
        "share of villages with the same driver in the other model",
    ),
    "value functions: leading reason": (
        "干预式与路径依赖取值下主因相同的占比",
        "share of rows with the same leading reason under the interventional and the path-dependent values",
    ),
    "deletion": (
        "把前 3 个理由换成其他户的值后对数几率的下降，减去换随机 3 项的下降",
        "fall of the log-odds when the top three reasons take other rows' values, less that of three random ones",
    ),
    "permutation: importance": (
        "打乱一个特征后 AUC 的损失与其平均绝对贡献的秩相关",
        "rank correlation of the AUC lost by shuffling a feature with its mean absolute contribution",
    ),
    "monotonicity": (
        "已声明方向的特征上，沿单户曲线违反方向的步数占比",
        "share of steps along households' curves against a declared direction",
    ),
    "interaction mass": (
        "两两交互的平均绝对值 / 交互与主效应之和",
        "mean absolute pairwise interactions over those and the main effects",
    ),
    "off-manifold": (
        "分类器区分真实户与背景混合户的 AUC",
        "AUC of a classifier that tells households from the hybrids behind interventional values",
    ),
    "permitted reasons": (
        "前 4 个理由中属可用于建模且有双语名称的占比",
        "share of top-four reasons that are model columns with labels in both languages",
    ),
    "actionable reasons": (
        "前 4 个理由中农户能够改变的占比",
        "share of top-four reasons that a household can act on (household-conduct)",
    ),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Quality(Result):
    """Tests of explanations: `test value threshold verdict n note_zh note_en`.

    `verdict` is 'pass', 'finding', or 'shown' where no threshold is set; a test that could not be made is not in the
    table but in `facts['not_made']`.
    """

    title: ClassVar[str] = "Quality of explanations 解释质量"

    @property
    def findings(self) -> pd.DataFrame:
        """The tests that did not pass."""
        table = self.table
        return table[table["verdict"] == "finding"]


def explanation_quality(
    model: Any, X: Any, y: Any = None, groups: Any = None, *, period: Any = None, other: Any = None,
    dictionary: Mapping[str, Column] | None = None, refits: int = 3, rows: int = 1000, seed: int = 0,
) -> Quality:  # fmt: skip
    """Test the explanations of a model.

    Parameters
    ----------
    model : a fitted card or booster.
    X : raw rows; additivity is tested on all of them, the rest on at most `rows`.
    y, groups : outcomes and villages; with them the model is refitted on these rows, and on villages drawn from them.
    period : the month (or year) of each row; with it stability over time is tested.
    other : a second fitted model; with it agreement per household and per village is shown.
    dictionary : declared columns; None takes those that the model was fitted with.
    refits : how often the model is refitted, for villages and for seeds; 0 leaves these tests out.

    Raises
    ------
    InputError : for labels or outcomes of another length.
    """
    check_refits(refits)
    frame = read_frame(model, X)
    e = explain(model, frame)
    chosen = np.sort(np.random.default_rng(seed).choice(len(frame), min(rows, len(frame)), replace=False))
    some, declared = frame.iloc[chosen].set_axis(pd.RangeIndex(len(chosen))), dictionary or e.labels
    part = explain(model, some)
    made: dict[str, tuple[float, int]] = {}
    kind = "trees" if isinstance(model, Challenger) else "card"
    gap = np.abs(e.log_odds.to_numpy() - model.decision_function(frame)).max(initial=0.0)
    made["additivity"] = (float(gap) / ADDITIVE[kind], len(frame))
    labels = None if groups is None else check_groups(groups, len(frame))
    if refits > 0 and y is not None:
        made |= _refitted(model, frame, check_target(y, "y", len(frame)), labels, some, refits, seed)
    if period is not None:
        made |= _by_period(e, check_groups(period, len(frame), "period"))
    if other is not None:
        made |= _beside(part, explain(other, some), None if labels is None else labels[chosen])
    made |= _of_model(model, part, some, seed)
    if y is not None:
        outcome = check_target(y, "y", len(frame))[chosen]
        made["permutation: importance"] = (_permutation(model, part, some, outcome, seed), len(some))
    made["deletion"] = (_deletion(model, part, some, frame, seed), len(some))
    made |= _of_reasons(part, declared)
    return _result(made, e, seed, refits, ADDITIVE[kind])


def _result(made: Mapping[str, tuple[float, int]], e: Explanation, seed: int, refits: int, tol: float) -> Quality:
    rows = []
    for test, limit in THRESHOLDS.items():
        if test not in made or np.isnan(made[test][0]):
            continue
        value, n = made[test]
        threshold = float("nan") if limit is None else limit[0]
        good = limit is None or (value >= threshold if limit[1] else value <= threshold + 1e-12)
        verdict = "shown" if limit is None else "pass" if good else "finding"
        zh, en = (text.format(k=refits, tol=tol) for text in NOTES[test])
        rows.append((test, value, threshold, verdict, n, zh, en))
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(
        dict.fromkeys(("test", "verdict", "note_zh", "note_en"), "str")
    )
    left = [test for test in THRESHOLDS if test not in set(table["test"])]
    facts = {
        "tests": len(table), "findings": int((table["verdict"] == "finding").sum()), "not_made": ", ".join(left) or "-",
        "value_function": e.value_function[1],
    }  # fmt: skip
    return Quality(
        table=table, stamp=Stamp.of([e.values], {"model": e.model, "refits": refits}, seed=seed), facts=facts
    )


def _refitted(
    model: Any, frame: pd.DataFrame, y: np.ndarray, labels: np.ndarray | None, some: pd.DataFrame, refits: int,
    seed: int,
) -> dict[str, tuple[float, int]]:  # fmt: skip
    """Stability over refits on villages drawn with replacement, and over seeds where the model has one."""
    rng = np.random.default_rng(seed)
    codes, names = pd.factorize(np.arange(len(frame)) if labels is None else labels)
    whole = clone(model).fit(frame, y, groups=labels)
    own = explain(whole, some)
    found = []
    for _ in range(refits):
        copies = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))
        weight = copies[codes].astype(float)
        if len(np.unique(y[weight > 0])) == 2:
            found.append(clone(model).fit(frame, y, sample_weight=weight, groups=labels))
    sets, taus = _stability(found, own, some)
    made = {"refits: reasons": (sets, len(some)), "refits: importance": (taus, len(some))}
    if isinstance(model, Challenger):
        seeds = [clone(model).set_params(seed=model.seed + 1 + k).fit(frame, y, groups=labels) for k in range(refits)]
        made["seeds: reasons"] = (_stability(seeds, own, some)[0], len(some))
    return made


def _stability(models: Sequence[Any], part: Explanation, some: pd.DataFrame) -> tuple[float, float]:
    """Mean Jaccard index of the top reasons and mean Kendall's tau of importance, against the model's own."""
    sets, taus = [], []
    for model in models:
        values = explain(model, some).values
        columns = list(dict.fromkeys([*part.values.columns, *values.columns]))
        ours, theirs = (v.reindex(columns=columns, fill_value=0.0).to_numpy() for v in (part.values, values))
        sets.append(float(jaccard(top_sets(ours, REASONS), top_sets(theirs, REASONS)).mean()))
        taus.append(_tau(np.abs(ours).mean(axis=0), np.abs(theirs).mean(axis=0)))
    return (float(np.mean(sets)), float(np.mean(taus))) if sets else (float("nan"), float("nan"))


def _tau(one: np.ndarray, two: np.ndarray) -> float:
    used = (one > 1e-9) | (two > 1e-9)
    if used.sum() < 2 or np.ptp(one[used]) == 0 or np.ptp(two[used]) == 0:
        return float("nan")
    return float(kendalltau(one[used], two[used]).statistic)


def _by_period(e: Explanation, period: np.ndarray) -> dict[str, tuple[float, int]]:
    values = e.values.abs().to_numpy()
    means = [values[period == one].mean(axis=0) for one in sorted(set(period.tolist()))]
    taus = [_tau(a, b) for a, b in zip(means, means[1:], strict=False)]
    return {"months: importance": (float(np.min(taus)), len(values))} if taus else {}


def _beside(part: Explanation, other: Explanation, labels: np.ndarray | None) -> dict[str, tuple[float, int]]:
    both = compare(part, other, labels)
    found = both.tidy().set_index("measure")["value"]
    made = {"other model: households": (float(found["share with the same leading feature"]), len(part.values))}
    if labels is not None:
        made["other model: villages"] = (float(found["share of villages with the same driver"]), len(both.villages))
    return made


def _of_model(model: Any, part: Explanation, some: pd.DataFrame, seed: int) -> dict[str, tuple[float, int]]:
    """Tests that look inside: unused features, directions, interactions, the other value function, hybrids."""
    result, n = model.result_, len(some)
    if not isinstance(model, Challenger):
        effects = card_effects(result, some)
        return {"off-manifold": (hybrid_auc(effects, np.arange(effects.shape[1]), seed), n),
                "interaction mass": (0.0, n)}  # fmt: skip
    table = result.tidy().set_index("feature")
    idle = [name for name in result.features if table.loc[name, "splits"] == 0]
    design = result.design(some)
    pairs = interaction_values(result.trees, design, count_patterns(result.trees, design), result.players)
    main = explain(model, some, background=some).values.to_numpy(copy=True)
    for (i, j), values in pairs.items():
        main[:, [i, j]] -= result.recalibrated[1] * values[:, None] / 2
    mass = sum(float(np.abs(v).mean()) for v in pairs.values()) * result.recalibrated[1]
    whole = mass + float(np.abs(main).mean(axis=0).sum())
    path = explain(model, some, value="path").values.to_numpy()
    ours = part.values.to_numpy()
    same = float((top_sets(ours, 1) == top_sets(path, 1)).all(axis=1).mean())
    return {
        "unused features": (float(part.values[idle].abs().to_numpy().max(initial=0.0)), n),
        "monotonicity": (_against(model, some), n),
        "interaction mass": (mass / whole if whole > 0 else 0.0, n),
        "value functions: leading reason": (same, n),
        "off-manifold": (hybrid_auc(design, result.players, seed), n),
    }


def _against(model: Challenger, some: pd.DataFrame, rows: int = 100, steps: int = 12) -> float:
    """Share of steps against a direction, along design columns of a hundred households."""
    result, wrong, walked = model.result_, 0, 0
    design, directions = result.design(some.head(rows)), _directions(model)
    for column in np.flatnonzero(directions):
        known = design[~np.isnan(design[:, column]), column]
        grid = np.unique(np.quantile(known, np.linspace(0, 1, steps))) if len(known) else np.empty(0)
        if len(grid) < 2:
            continue
        walk = np.repeat(design, len(grid), axis=0)
        walk[:, column] = np.tile(grid, len(design))
        total = raw_scores(result.booster, walk, result.threads)
        change = np.diff(total.reshape(len(design), len(grid)), axis=1) * directions[column]
        wrong, walked = wrong + int((change < -1e-9).sum()), walked + change.size
    return wrong / walked if walked else float("nan")


def _directions(model: Challenger) -> np.ndarray:
    """The direction of each design column; companions of special codes are in the order of their rates."""
    table = model.result_.tidy().set_index("feature")["direction"]
    held = (table != 0).any()
    found: list[int] = []
    for coding in model.result_.codings:
        found += [int(table[coding.name]), *([int(held)] * (coding.width - 1))]
    return np.array(found)


def hybrid_auc(design: np.ndarray, players: np.ndarray, seed: int) -> float:
    """How well a forest tells rows from hybrids of two rows: 0.5 where hybrids look like rows, 1 where none does.

    Hybrids take each feature from one of two rows at random, as interventional values do. Out-of-fold AUC.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    rng = np.random.default_rng(seed)
    filled = np.where(np.isnan(design), -1e6, design)
    if len(design) < 20:
        return float("nan")
    take = rng.random((len(design), int(players.max()) + 1)) < 0.5
    other = filled[rng.permutation(len(design))]
    hybrid = np.where(take[:, players], filled, other)
    rows, label = np.vstack([filled, hybrid]), np.repeat([0, 1], len(design))
    forest = RandomForestClassifier(FOREST, min_samples_leaf=5, random_state=seed)
    folds = StratifiedKFold(3, shuffle=True, random_state=seed)
    score = cross_val_predict(forest, rows, label, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(label, score))


def _deletion(
    model: Any, part: Explanation, some: pd.DataFrame, frame: pd.DataFrame, seed: int, draws: int = 5
) -> float:
    """Fall of the log-odds when the top three contributions take the values of random rows, over that of any three."""
    rng = np.random.default_rng(seed)
    values = part.values.to_numpy()
    columns = [_raw(model, name) for name in part.values.columns]
    if len(columns) < 2:
        return float("nan")
    k = min(3, len(columns) - 1)
    before = model.decision_function(some)
    top = np.argsort(-values, axis=1, kind="stable")[:, :k]
    falls = []
    for chosen in (lambda: top, lambda: np.argsort(rng.random(values.shape), axis=1)[:, :k]):
        fall = 0.0
        for _ in range(draws):
            picks, source = chosen(), frame.iloc[rng.integers(0, len(frame), len(some))]
            changed = some.copy()
            for j, names in enumerate(columns):
                hit = (picks == j).any(axis=1)
                for name in names:
                    changed[name] = changed[name].where(~hit, source[name].set_axis(some.index))
            fall += float((before - model.decision_function(changed)).mean()) / draws
        falls.append(fall)
    return falls[0] - falls[1]


def _permutation(model: Any, part: Explanation, some: pd.DataFrame, y: np.ndarray, seed: int) -> float:
    """Spearman's correlation of the AUC lost by shuffling the raw columns of a feature with its importance."""
    from scipy.stats import spearmanr
    from sklearn.metrics import roc_auc_score

    weight = part.values.abs().mean().to_numpy()
    if len(np.unique(y)) < 2 or len(weight) < 3 or np.ptp(weight) == 0:
        return float("nan")
    rng, before, lost = np.random.default_rng(seed), roc_auc_score(y, model.decision_function(some)), []
    for name in part.values.columns:
        order, changed = rng.permutation(len(some)), some.copy()
        for column in _raw(model, name):
            changed[column] = some[column].iloc[order].set_axis(some.index)
        lost.append(before - roc_auc_score(y, model.decision_function(changed)))
    return float(spearmanr(lost, weight).statistic) if np.ptp(lost) > 0 else float("nan")


def _raw(model: Any, name: str) -> tuple[str, ...]:
    """The raw columns behind a feature: two for a cross."""
    bins = model.result_.bins
    return (name,) if bins is None else bins[name].spec.columns


def _of_reasons(part: Explanation, declared: Mapping[str, Column]) -> dict[str, tuple[float, int]]:
    told = top_sets(part.values.to_numpy(), REASONS).sum(axis=0).astype(float)
    names, total = list(part.values.columns), told.sum()
    if not len(declared) or total == 0:
        return {}
    parts = [name.split(" × ") for name in names]
    permitted = [all(p in declared and _permitted(declared[p]) for p in listed) for listed in parts]
    active = [any(p in declared and declared[p].level == "household-conduct" for p in listed) for listed in parts]
    n = int(total)
    return {
        "permitted reasons": (float(told @ np.array(permitted, dtype=float) / total), n),
        "actionable reasons": (float(told @ np.array(active, dtype=float) / total), n),
    }


def _permitted(column: Column) -> bool:
    return column.use == "model" and column.access != "block" and bool(column.zh) and bool(column.en)


def check_refits(refits: int) -> None:
    """A number of refits that can be made."""
    if isinstance(refits, bool) or not isinstance(refits, int) or refits < 0:
        raise InputError(message("a whole number of refits, 0 or more", repr(refits), "refits", "Try 3."))
