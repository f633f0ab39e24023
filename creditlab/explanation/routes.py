"""`explain`: contributions of every feature to the log-odds of bad of every row, by the route that is asked for.

The default value function is the interventional one for card and booster alike: a feature that was not scored gets
nothing, which is what a reason given to a household must mean. The default population is the training rows, whose sums
are kept with the model, so that one household is explained against all of them and gets the same reasons in any batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning.settings import special_codes
from creditlab.challenger import Challenger, count_patterns
from creditlab.checks import check_one_of
from creditlab.errors import InputError, message
from creditlab.estimators import check_fitted, read_frame
from creditlab.explanation import peers
from creditlab.explanation.correlated import ORDERS, correlated_values
from creditlab.explanation.explanation import ADDITIVE, Explanation, Meaning, Shown, check_additive, wrapped
from creditlab.explanation.shapley import expected_value, shapley_values
from creditlab.results import Stamp, digest
from creditlab.scorecard import Scorecard
from creditlab.scorecard.reasons import BASELINE

METHODS = ("auto", "shap", "woodelf")
VALUES = ("interventional", "path", "correlated")
#: the baseline of reasons where rows are given
BACKGROUND = ("背景样本平均", "the background average")
#: rows × trees above which a progress bar is shown on a terminal
LONG = 5_000_000

TRAINING_MEAN = (
    "干预式 Shapley 值：系数 × (WOE − 训练样本平均 WOE)，精确；基准：训练样本平均",
    "interventional: coefficient × (WOE - mean WOE of the training rows), exact; baseline: training rows",
)
BACKGROUND_MEAN = (
    "干预式 Shapley 值：系数 × (WOE − 背景样本平均 WOE)，精确；基准：给定的 {n} 行背景样本",
    "interventional: coefficient × (WOE - mean WOE of the background), exact; baseline: the {n} background rows given",
)
TREES = (
    "干预式 Shapley 值（树），对{of}全部 {n} 行精确，未抽样；基准：其平均",
    "interventional Shapley values of the trees, exact against all {n} {of} rows, none sampled; baseline: their mean",
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
CORRELATED = (
    "条件 Shapley 值（正态近似，{n} 行背景样本的协方差），仅作诊断，不得作为理由；{how}",
    "conditional Shapley values (normal, covariance of {n} background rows): a diagnostic, never a reason; {how}",
)


def explain(
    model: Scorecard | Challenger, X: Any, method: str = "auto", background: Any = None, *,
    value: str = "interventional",
) -> Explanation:  # fmt: skip
    """Contributions of every feature to the log-odds of bad of every row.

    Parameters
    ----------
    model : a fitted `Scorecard`, `Challenger` or `BoostedScorecard`.
    X : the raw frame, n rows.
    method : 'auto': exact and complete for every model: the closed form for a card, the pattern counts of `shapley` for
        trees, in time linear in rows plus background rows. 'shap': the shap package for both, exact up to 20 million
        rows × background rows, with a background that is not cut. 'woodelf': the package woodelf-explainer (extra
        `explain`) for trees, whole portfolio against whole portfolio. The three agree; the last two are independent
        checks (they know columns only: a column with special codes and its companion are two players there, one here).
    background : rows that stand for "everybody"; None takes all training rows, which the model has counted (for 'shap'
        and 'woodelf', which need rows: `X`). Pass `X` to explain a portfolio against itself.
    value : 'interventional' (the default: a feature that was not scored gets nothing); 'path': LightGBM's
        path-dependent values, which condition along the trees; 'correlated': for a card, the conditional values of
        correlated features, a diagnostic that `reasons` refuses.

    Returns
    -------
    Explanation : `.values` rows × features, `.base_value`, `.value_function`, `.by_source()`, `.by_group(village)`,
        `.by_segment(segment)`, `.reasons(k, lang)`, `.to_frame(unit)`, `.to_shap()`.

    Raises
    ------
    InputError : for another kind of model, a value function or method that the model does not have, or a background too
        large for shap's route. MissingExtraError : for 'woodelf' without the extra.
    FitError : when contributions do not add up to the model's log-odds on every row.

    Formula: for the card φ_j = β_j (w_j − E w_j), the exact interventional Shapley value of a linear model; for trees
    `creditlab.explanation.shapley`. S. Lundberg et al., Nature Machine Intelligence 2 (2020); D. Janzing et al.,
    AISTATS (2020), on why interventional.

    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"income": rng.normal(size=2000)})
    >>> y = (rng.random(2000) < 1 / (1 + np.exp(2 + X["income"]))).astype(int)
    >>> card = Scorecard().fit(X, y)
    >>> e = explain(card, X)
    >>> bool(np.allclose(e.values.sum(axis=1) + e.base_value, card.decision_function(X), atol=1e-8))
    True
    """
    check_one_of(method, METHODS, "method")
    check_one_of(value, VALUES, "value")
    if not isinstance(model, Scorecard | Challenger):
        raise InputError(
            message("a Scorecard or a Challenger", type(model).__name__, "explain", "Explain other models with shap.")
        )
    check_fitted(model)
    frame = read_frame(model, X)
    rows = None if background is None else read_frame(model, background)
    if isinstance(model, Scorecard):
        values, meaning = explain_card(model.result_, frame, method, rows, value)
    else:
        values, meaning = explain_trees(model.result_, frame, method, rows, value)
    log_odds = model.decision_function(frame)
    check_additive(values, meaning.base_value, log_odds, "card" if isinstance(model, Scorecard) else "trees")
    features = model.result_.features
    spec = {"model": model.result_.stamp.to_dict(), "method": meaning.method, "value": value}
    data, shown = _told_values(model, frame, features)
    return wrapped(
        pd.DataFrame(values, index=frame.index, columns=features), meaning,
        Stamp.of([values, np.array([meaning.base_value])], spec), data=data, shown=shown,
        codes=special_meanings(model, frame),
        model=model_digest(model), scale=model.result_.scale, concepts=model.result_.concepts,
        labels=model.result_.labels,
    )  # fmt: skip


def linear_contributions(coef: np.ndarray, values: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """φ_j = β_j (w_j − E w_j): rows × features.

    >>> linear_contributions(np.array([-0.9]), np.array([[0.8]]), np.array([0.1])).round(9).tolist()
    [[-0.63]]
    """
    return coef * (values - mean)


def explain_card(
    result: Any, frame: pd.DataFrame, method: str, background: pd.DataFrame | None, value: str
) -> tuple[np.ndarray, Meaning]:
    """Contributions of a card's features, and what they mean."""
    if method == "woodelf" or value == "path":
        raise InputError(
            message("a booster", "a card", f"explain(method={method!r}, value={value!r})", "A card has a closed form.")
        )
    # what each bin adds, hand-set points included; its own coefficient is 1
    effects, coef = card_effects(result, frame), np.ones(len(result.features))
    if value == "correlated":
        return _correlated_card(result, effects, method, background)
    if method == "shap":
        rows = effects if background is None else card_effects(result, background)
        values, base = peers.linear_shap(coef, result.intercept, effects, rows)
        return values, Meaning(base, "shap.LinearExplainer", _filled(LINEAR_SHAP, len(rows)), BACKGROUND, digest(rows))
    if background is None:
        mean, function, baseline = np.array(list(result.mean_effects.values())), TRAINING_MEAN, BASELINE
        origin = result.stamp.inputs
    else:
        mean = card_effects(result, background).mean(axis=0)
        function, baseline = _filled(BACKGROUND_MEAN, len(background)), BACKGROUND
        origin = digest(background)
    base = result.intercept + float(coef @ mean)
    return linear_contributions(coef, effects, mean), Meaning(base, "closed form", function, baseline, origin)


def _correlated_card(
    result: Any, effects: np.ndarray, method: str, background: pd.DataFrame | None
) -> tuple[np.ndarray, Meaning]:
    if method != "auto":
        raise InputError(message("method='auto'", repr(method), "value='correlated'", "It has one route."))
    rows = effects if background is None else card_effects(result, background)
    mean = rows.mean(axis=0)
    spread = np.atleast_2d(np.cov(rows, rowvar=False, ddof=0)) if len(rows) > 1 else np.zeros((effects.shape[1],) * 2)
    values, exact = correlated_values(np.ones(effects.shape[1]), effects - mean, spread)
    how = ("对所有子集精确", "exact over all sets") if exact else (
        f"{2 * ORDERS} 个随机次序", f"{2 * ORDERS} random orders")  # fmt: skip
    function = (CORRELATED[0].format(n=len(rows), how=how[0]), CORRELATED[1].format(n=len(rows), how=how[1]))
    base = result.intercept + float(mean.sum())
    return values, Meaning(base, "conditional, closed form", function, BACKGROUND, digest(rows), diagnostic=True)


def explain_trees(
    result: Any, frame: pd.DataFrame, method: str, background: pd.DataFrame | None, value: str
) -> tuple[np.ndarray, Meaning]:
    """Contributions of a challenger's features, and what they mean."""
    if value == "correlated":
        raise InputError(message("a card", "a booster", "value='correlated'", "It needs a linear score."))
    booster, design = result.booster, result.design(frame)
    shift, slope = result.recalibrated
    if value == "path" or (background is None and method == "auto" and result.background is None):
        if background is not None or method == "woodelf":
            raise InputError(
                message(
                    "neither a background nor woodelf", "one of them", "value='path'", "Its population is in the trees."
                )
            )
        route = peers.tree_shap if method == "shap" else peers.pred_contrib
        raw, base = route(booster, design, *([] if method == "shap" else [result.threads]))
        meaning = Meaning(
            shift + slope * base, "shap.TreeExplainer, path-dependent" if method == "shap" else "LightGBM pred_contrib",
            PATH_DEPENDENT, BASELINE, result.stamp.inputs,
        )  # fmt: skip
        return slope * result.by_feature(raw), meaning
    values, base, name, function, origin = _interventional(result, booster, design, method, background)
    baseline = BASELINE if background is None and method == "auto" else BACKGROUND
    return slope * values, Meaning(shift + slope * base, name, function, baseline, origin)


def _interventional(
    result: Any, booster: Any, design: np.ndarray, method: str, background: pd.DataFrame | None
) -> tuple[np.ndarray, float, str, tuple[str, str], str]:
    """Contributions by feature, base value, name of the route, what they mean, digest of the population."""
    if method == "auto":
        counted = result.background if background is None else count_patterns(result.trees, result.design(background))
        origin = result.stamp.inputs if background is None else digest(background)
        of = ("训练样本", "training") if background is None else ("背景样本", "background")
        function = (TREES[0].format(of=of[0], n=counted.rows), TREES[1].format(of=of[1], n=counted.rows))
        values, base = exact_values(result, design, counted, result.players)
        return values, base, "exact, pattern counts", function, origin
    back = design if background is None else result.design(background)
    if method == "shap":
        raw, base = peers.interventional_shap(booster, design, back)
        name, function = "shap.TreeExplainer, interventional", _filled(INTERVENTIONAL, len(back))
        values, base, name = _or_exact(result, booster, design, back, result.by_feature(raw), base, name)
        return values, base, name, function, digest(back)
    base = expected_value(result.trees, count_patterns(result.trees, back))
    raw = peers.woodelf(booster, design, back)
    values, base, name = _or_exact(result, booster, design, back, result.by_feature(raw), base, "woodelf-explainer")
    function = (TREES[0].format(of="背景样本", n=len(back)), TREES[1].format(of="background", n=len(back)))
    return values, base, name, function, digest(back)


def _or_exact(
    result: Any, booster: Any, design: np.ndarray, back: np.ndarray, values: np.ndarray, base: float, name: str
) -> tuple[np.ndarray, float, str]:
    """The values of another package where they add up to the log-odds of every row; else ours, with its gap named."""
    log_odds = booster.predict(design, raw_score=True)
    gap = np.abs(values.sum(axis=1) + base - log_odds)
    if (gap <= ADDITIVE["trees"] * np.maximum(1.0, np.abs(log_odds))).all():
        return values, base, name
    values, base = exact_values(result, design, count_patterns(result.trees, back), result.players)
    return values, base, f"exact, pattern counts ({name.split(',')[0]} was off by {gap.max():.2g})"


def exact_values(result: Any, design: np.ndarray, background: Any, players: np.ndarray) -> tuple[np.ndarray, float]:
    """Exact interventional values of players, without recalibration, and the mean log-odds of the background."""
    trees = result.trees
    long = len(design) * len(trees) > LONG
    values = shapley_values(trees, design, background, players, _bar if long else None)
    return values, expected_value(trees, background)


def _bar(trees: Sequence[Any]) -> Any:
    from tqdm import tqdm

    return tqdm(trees, desc="explain 解释", unit="tree", disable=None, leave=False)


def card_effects(result: Any, frame: pd.DataFrame) -> np.ndarray:
    """What each feature adds to the log-odds of each row: (n, p)."""
    codes, by_bin = result.codes(frame), result.effects_by_bin
    effects = np.zeros((len(frame), len(codes)))
    for j, (name, found) in enumerate(codes.items()):
        effects[:, j] = by_bin[name][found]
    return effects


def model_digest(model: Any) -> str:
    """Digest of what decides the log-odds: the points of a card, the trees of a booster with how columns are read."""
    result = model.result_
    if isinstance(model, Scorecard):
        return digest(result.intercept, {name: values.tolist() for name, values in result.effects_by_bin.items()})
    return digest(result.model, [c.to_dict() for c in result.codings], list(result.recalibrated))


def _told_values(model: Any, frame: pd.DataFrame, features: Sequence[str]) -> tuple[pd.DataFrame, dict[str, Shown]]:
    """The values that are explained (those of a cross are its joint cells), and in words where the model has bins."""
    result = model.result_
    if result.bins is None:
        return frame[list(features)], {}
    raw = {n: frame[n] if n in frame.columns else result.bins[n].values_in(frame) for n in features}
    codes = (
        result.codes(frame)
        if isinstance(model, Scorecard)
        else {n: c.to_numpy() for n, c in result.coded(frame).items()}
    )
    shown = {
        name: Shown(found, *(tuple(result.bins[name].spec.words(lang)) for lang in ("zh", "en")))
        for name, found in codes.items()
    }
    return pd.DataFrame(raw, index=frame.index), shown


def special_meanings(model: Any, frame: pd.DataFrame) -> dict[str, dict[Any, str]]:
    """The special codes of each raw column with their meanings, of a model without bins."""
    if model.result_.bins is not None or not model.special:
        return {}
    given = {name: codes for name, codes in model.special.items() if name == "*" or name in frame}
    return {name: dict(codes) for name, codes in special_codes(given, frame).items() if codes}


def _filled(texts: tuple[str, str], n: int) -> tuple[str, str]:
    zh, en = texts
    return zh.format(n=n), en.format(n=n)
