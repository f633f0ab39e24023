"""Explanations: rows × features in log-odds of bad, in one form for card and booster, for household and village.

Use `explain(model, X)` to see what moved each score, and `.by_group(village)` to see what moves a village's. Every
explanation adds up to the model's log-odds on all rows, or there is none. What it says depends on the value function,
which is always stated; it says what the model did, not what would happen if a household changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.challenger import Challenger
from creditlab.challenger.boosting import booster_of
from creditlab.checks import check_groups, check_one_of
from creditlab.columns import Column, Dictionary
from creditlab.errors import FitError, InputError, message, some
from creditlab.estimators import check_fitted, read_frame
from creditlab.results import Result, Stamp
from creditlab.scorecard import Scorecard, reason_frame
from creditlab.scorecard.reasons import BACKGROUND, BASELINE

METHODS = ("auto", "shap", "woodelf")
#: largest gap between the sum of contributions and the model's log-odds on any row
ADDITIVE = {"card": 1e-8, "trees": 1e-6}
#: rows explained at a time, so that memory stays flat
CHUNK = 20_000
#: rows × background rows up to which shap's interventional route is run
MOST_PAIRS = 20_000_000
NO_SOURCE = "undeclared"

TRAINING_MEAN = (
    "系数 × (WOE − 训练样本平均 WOE)，精确；基准：训练样本平均",
    "coefficient × (WOE - mean WOE of the training rows), exact; baseline: training rows",
)
BACKGROUND_MEAN = (
    "系数 × (WOE − 背景样本平均 WOE)，精确；基准：给定的 {n} 行背景样本",
    "coefficient × (WOE - mean WOE of the background), exact; baseline: the {n} background rows given",
)
PATH_DEPENDENT = (
    "路径依赖 TreeSHAP（LightGBM pred_contrib），精确；基准：训练样本在各树中的分布",
    "path-dependent TreeSHAP (LightGBM pred_contrib), exact; baseline: the training rows as they fell in the trees",
)
INTERVENTIONAL = (
    "干预式 TreeSHAP（shap），背景未截断，精确；基准：给定的 {n} 行背景样本",
    "interventional TreeSHAP (shap), background not cut, exact; baseline: the {n} background rows given",
)
LINEAR_SHAP = (
    "干预式 SHAP（shap.LinearExplainer），背景未截断；基准：{n} 行背景样本",
    "interventional SHAP (shap.LinearExplainer), background not cut; baseline: {n} background rows",
)


@dataclass(frozen=True)
class Meaning:
    """What contributions are measured from, how they were computed, and what they mean (zh, en)."""

    base_value: float
    method: str
    value_function: tuple[str, str]
    baseline: tuple[str, str]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Explanation(Result):
    """Contributions to the log-odds of bad: `base_value` + the sum of a row = the model's log-odds of that row.

    `tidy()` has a row per feature: `feature mean_abs mean share rank`; `share` is of the sum of `mean_abs`.

    Parameters
    ----------
    values : rows × features; positive = riskier than the baseline.
    base_value : log-odds of bad at the baseline.
    method : how it was computed.
    value_function : what a contribution means and against which baseline, (zh, en).
    baseline : the name of the baseline in reasons, (zh, en).
    data : the raw values of the features, for reasons.
    labels : the declared columns.
    """

    title: ClassVar[str] = "Explanation 解释"
    plots: ClassVar[str] = "explanation"

    values: pd.DataFrame
    base_value: float
    method: str
    value_function: tuple[str, str]
    baseline: tuple[str, str]
    data: pd.DataFrame
    labels: Dictionary = field(default_factory=Dictionary)

    @property
    def importance(self) -> pd.DataFrame:
        """Mean absolute contribution per feature, the largest first."""
        return self.table

    @property
    def log_odds(self) -> pd.Series:
        """Log-odds of bad of each row, from the contributions."""
        return (self.values.sum(axis=1) + self.base_value).rename("log_odds")

    def to_frame(self) -> pd.DataFrame:
        """Contributions with `base_value` and `log_odds` beside them."""
        return self.values.assign(base_value=self.base_value, log_odds=self.log_odds)

    def by_source(self, dictionary: Mapping[str, Column] | None = None) -> Explanation:
        """The same explanation by source: the contributions of a source's features added up, exact for every model.

        Parameters
        ----------
        dictionary : declared columns; None takes those that the model was fitted with. Columns without a declared
            source count as 'undeclared'.
        """
        declared = self.labels if dictionary is None else dictionary
        names = list(self.values.columns)
        sources = [(declared[n].source if n in declared else "") or NO_SOURCE for n in names]
        order = list(dict.fromkeys(sources))
        owner = np.array([order.index(s) for s in sources], dtype=np.int64)
        total = np.zeros((len(self.values), len(order)))
        array = self.values.to_numpy()
        for column, place in enumerate(owner):
            total[:, place] += array[:, column]
        values = pd.DataFrame(total, index=self.values.index, columns=order)
        data = pd.DataFrame("", index=values.index, columns=order)
        meaning = Meaning(self.base_value, self.method, self.value_function, self.baseline)
        return _wrapped(values, meaning, data, Dictionary(), self.stamp)

    def by_group(self, groups: Any) -> pd.DataFrame:
        """Why the mean of a group (village) differs from the mean of all rows: a row per group, indexed by group.

        Columns: `n`, one per feature (mean contribution in the group minus mean contribution in all rows), and
        `log_odds`, their sum: the group's mean log-odds minus the overall mean. The identity holds to 1e-10.

        Means of few households are noisy: read `n`, and do not rank villages by this table.
        """
        labels = pd.Series(check_groups(groups, len(self.values)), index=self.values.index, name="group")
        values = self.values
        grouped = values.groupby(labels.to_numpy(), sort=True)
        gaps = grouped.mean() - values.mean()
        gaps.index.name = "group"
        gaps.insert(0, "n", grouped.size())
        return gaps.assign(log_odds=gaps.drop(columns="n").sum(axis=1))

    def reasons(self, k: int = 3, lang: str = "zh") -> pd.DataFrame:
        """Up to k features that raise the log-odds of each row most above the baseline, as sentences."""
        names = list(self.values.columns)
        data = self.data
        columns = [data[name].tolist() for name in names]
        return reason_frame(
            self.values.to_numpy(), names, self.values.index,
            value_text=lambda row, j: _value_text(columns[j][row], lang),
            labels=[self.labels.label(name, lang) for name in names], k=k, lang=lang, unit="log_odds",
            baseline=self.baseline,
        )  # fmt: skip

    def to_shap(self) -> Any:
        """A `shap.Explanation`, for shap's own figures."""
        import shap

        values = self.values
        base = np.full(len(values), self.base_value)
        return shap.Explanation(
            values.to_numpy(copy=True), base, self.data.to_numpy(), feature_names=list(values.columns)
        )

    def to_dict(self) -> dict[str, Any]:
        """The aggregate as JSON types; single households are not in it."""
        zh, en = self.value_function
        more = {"base_value": self.base_value, "method": self.method, "value_function": {"zh": zh, "en": en}}
        return super().to_dict() | more


def explain(model: Scorecard | Challenger, X: Any, method: str = "auto", background: Any = None) -> Explanation:
    """Contributions of every feature to the log-odds of bad of every row.

    Parameters
    ----------
    model : a fitted `Scorecard` or `Challenger`.
    X : the raw frame, n rows.
    method : 'auto': the closed form for a card; for a challenger LightGBM's own path-dependent TreeSHAP, or with a
        background shap's interventional one. 'shap': the shap package for both, as an independent second route.
        'woodelf': not built yet.
    background : rows that stand for "everybody"; None takes the training rows (for the card with method='shap': `X`).

    Returns
    -------
    Explanation : `.values` rows × features, `.base_value`, `.value_function`, `.by_source()`, `.by_group(village)`,
        `.reasons(k, lang)`.

    Raises
    ------
    InputError : for another kind of model, or a background too large for shap's route.
    FitError : when contributions do not add up to the model's log-odds on every row.

    Formula: for the card φ_j = β_j (w_j − E w_j), which is the exact interventional Shapley value of a linear model;
    for trees S. Lundberg et al., Nature Machine Intelligence 2 (2020).

    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"income": rng.normal(size=2000)})
    >>> y = (rng.random(2000) < 1 / (1 + np.exp(2 + X["income"]))).astype(int)
    >>> card = Scorecard().fit(X, y)
    >>> e = explain(card, X)
    >>> bool(np.allclose(e.values.sum(axis=1) + e.base_value, card.decision_function(X), atol=1e-8))
    True
    """
    check_one_of(method, METHODS, "method")
    if method == "woodelf":
        raise NotImplementedError(
            "method='woodelf' is not built yet: the route through woodelf-explainer and its checks"
        )
    if not isinstance(model, Scorecard | Challenger):
        raise InputError(
            message("a Scorecard or a Challenger", type(model).__name__, "explain", "Explain other models with shap.")
        )
    check_fitted(model)
    frame = read_frame(model, X)
    rows = None if background is None else read_frame(model, background)
    route = explain_card if isinstance(model, Scorecard) else explain_trees
    values, meaning = route(model.result_, frame, method, rows)
    features = model.result_.features
    check_additive(
        values, meaning.base_value, model.decision_function(frame), "card" if route is explain_card else "trees"
    )
    spec = {"model": model.result_.stamp.to_dict(), "method": meaning.method}
    stamp = Stamp.of([values, np.array([meaning.base_value])], spec)
    table = pd.DataFrame(values, index=frame.index, columns=features)
    return _wrapped(table, meaning, _shown(model, frame, features), model.result_.labels, stamp)


def _shown(model: Any, frame: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """The values that are explained; those of a cross are its joint cells."""
    if set(features) <= set(frame.columns):
        return frame[list(features)]
    return pd.DataFrame({name: model.result_.bins[name].values_in(frame) for name in features})


def linear_contributions(coef: np.ndarray, values: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """φ_j = β_j (w_j − E w_j): rows × features.

    >>> linear_contributions(np.array([-0.9]), np.array([[0.8]]), np.array([0.1])).round(9).tolist()
    [[-0.63]]
    """
    return coef * (values - mean)


def explain_card(
    result: Any, frame: pd.DataFrame, method: str, background: pd.DataFrame | None
) -> tuple[np.ndarray, Meaning]:
    """Contributions of a card's features, and what they mean."""
    # what each bin adds, hand-set points included; its own coefficient is 1
    effects, coef = _effects(result, frame), np.ones(len(result.features))
    if method == "shap":
        rows = effects if background is None else _effects(result, background)
        values, base = _linear_shap(coef, result.intercept, effects, rows)
        return values, Meaning(base, "shap.LinearExplainer", _filled(LINEAR_SHAP, len(rows)), BACKGROUND)
    if background is None:
        mean, function, baseline = np.array(list(result.mean_effects.values())), TRAINING_MEAN, BASELINE
    else:
        mean = _effects(result, background).mean(axis=0)
        function, baseline = _filled(BACKGROUND_MEAN, len(background)), BACKGROUND
    base = result.intercept + float(coef @ mean)
    return linear_contributions(coef, effects, mean), Meaning(base, "closed form", function, baseline)


def explain_trees(
    result: Any, frame: pd.DataFrame, method: str, background: pd.DataFrame | None
) -> tuple[np.ndarray, Meaning]:
    """Contributions of a challenger's features, and what they mean."""
    booster, design = booster_of(result.model), result.design(frame)
    if background is not None:
        raw, base = _interventional(booster, design, result.design(background))
        function = _filled(INTERVENTIONAL, len(background))
        meaning = Meaning(base, "shap.TreeExplainer, interventional", function, BACKGROUND)
    elif method == "shap":
        raw, base = _tree_shap(booster, design)
        meaning = Meaning(base, "shap.TreeExplainer, path-dependent", PATH_DEPENDENT, BASELINE)
    else:
        raw, base = _pred_contrib(booster, design, result.threads)
        meaning = Meaning(base, "LightGBM pred_contrib", PATH_DEPENDENT, BASELINE)
    return result.by_feature(raw), meaning


def check_additive(values: np.ndarray, base: float, log_odds: np.ndarray, kind: str) -> None:
    """Contributions plus base equal the log-odds on every row; never switched off.

    Raises
    ------
    FitError : naming the first rows where they do not.
    """
    gap = np.abs(values.sum(axis=1) + base - log_odds)
    wrong = ~(gap <= ADDITIVE[kind] * np.maximum(1.0, np.abs(log_odds)))
    if wrong.any():
        raise FitError(
            message(
                f"contributions that add up to the log-odds within {ADDITIVE[kind]:g}",
                f"{int(wrong.sum())} rows that do not (largest gap {np.nanmax(gap):.3g})",
                f"explain, rows {some(np.flatnonzero(wrong).tolist())}",
                "Report this; another method may be exact here.",
            )
        )


def importance_table(values: pd.DataFrame) -> pd.DataFrame:
    """`feature mean_abs mean share rank`, the largest mean absolute contribution first."""
    mean_abs = values.abs().mean().to_numpy()
    total = mean_abs.sum()
    frame = pd.DataFrame(
        {
            "feature": pd.Series([str(c) for c in values.columns], dtype="str"),
            "mean_abs": mean_abs,
            "mean": values.mean().to_numpy(),
            "share": mean_abs / total if total > 0 else mean_abs,
        }
    ).sort_values("mean_abs", ascending=False, kind="stable", ignore_index=True)
    return frame.assign(rank=np.arange(1, len(frame) + 1))


def _wrapped(
    values: pd.DataFrame, meaning: Meaning, data: pd.DataFrame, labels: Dictionary, stamp: Stamp
) -> Explanation:
    facts = {
        "rows": len(values), "features": values.shape[1], "base_value": meaning.base_value, "method": meaning.method,
    }  # fmt: skip
    return Explanation(
        table=importance_table(values), stamp=stamp, facts=facts, values=values, data=data, labels=labels,
        base_value=meaning.base_value, method=meaning.method, value_function=meaning.value_function,
        baseline=meaning.baseline,
    )  # fmt: skip


def _effects(result: Any, frame: pd.DataFrame) -> np.ndarray:
    codes, by_bin = result.codes(frame), result.effects_by_bin
    effects = np.zeros((len(frame), len(codes)))
    for j, (name, found) in enumerate(codes.items()):
        effects[:, j] = by_bin[name][found]
    return effects


def _pred_contrib(booster: Any, design: np.ndarray, threads: int) -> tuple[np.ndarray, float]:
    """LightGBM's own contributions, chunk by chunk, and its base value."""
    starts = range(0, len(design), CHUNK)
    parts = [booster.predict(design[s : s + CHUNK], pred_contrib=True, num_threads=threads) for s in starts]
    both = np.vstack(parts)
    return both[:, :-1], float(both[0, -1])


def _tree_shap(booster: Any, design: np.ndarray) -> tuple[np.ndarray, float]:
    """shap's path-dependent route; for LightGBM it hands the work back to LightGBM."""
    import shap

    explainer = shap.TreeExplainer(booster)
    return _one_output(explainer.shap_values(design, check_additivity=False), explainer.expected_value)


def _interventional(booster: Any, design: np.ndarray, background: np.ndarray) -> tuple[np.ndarray, float]:
    """shap's interventional route with the whole background: its default would keep 100 rows without a word."""
    import shap

    if len(design) * len(background) > MOST_PAIRS:
        raise InputError(
            message(
                f"at most {MOST_PAIRS:,} rows × background rows",
                f"{len(design) * len(background):,}",
                "explain",
                "Explain fewer rows, or leave the background out.",
            )  # fmt: skip
        )
    masker = shap.maskers.Independent(background, max_samples=len(background))
    explainer = shap.TreeExplainer(booster, data=masker, feature_perturbation="interventional")
    return _one_output(explainer.shap_values(design, check_additivity=False), explainer.expected_value)


def _one_output(values: Any, base: Any) -> tuple[np.ndarray, float]:
    """(rows, features) of the class bad, whichever shape this version of shap returns."""
    if isinstance(values, list):
        values = values[-1]
    array = np.asarray(values, dtype=float)
    array = array[:, :, -1] if array.ndim == 3 else array
    return array, float(np.asarray(base, dtype=float).reshape(-1)[-1])


def _linear_shap(coef: np.ndarray, intercept: float, woe: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, float]:
    import shap

    explainer = shap.LinearExplainer((coef, intercept), shap.maskers.Independent(rows, max_samples=len(rows)))
    return _one_output(explainer.shap_values(woe), explainer.expected_value)


def _filled(texts: tuple[str, str], n: int) -> tuple[str, str]:
    zh, en = texts
    return zh.format(n=n), en.format(n=n)


def _value_text(value: Any, lang: str) -> str:
    if pd.isna(value):
        return "缺失" if lang == "zh" else "missing"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
