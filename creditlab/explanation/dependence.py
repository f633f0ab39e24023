"""What a model does along one feature or two: partial dependence, single households (ICE), accumulated local effects.

Use them to see the shape that a booster found and whether a card can follow it. All are in log-odds of bad; they show
the model, not what would happen if a household changed. Where features hang together, accumulated local effects stay
with values that occur (D. Apley, J. Zhu, JRSS B 2020); partial dependence averages over all rows (J. Friedman, 2001).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.binning.values import form_of, read_levels, read_numbers
from creditlab.challenger import Challenger, count_patterns
from creditlab.checks import check_columns, check_level, check_one_of
from creditlab.columns import Dictionary
from creditlab.errors import InputError, message
from creditlab.estimators import check_fitted, read_frame
from creditlab.explanation.routes import exact_values, special_meanings
from creditlab.explanation.shapley import interaction_values
from creditlab.results import Result, Stamp

KINDS = ("pdp", "ice", "ale")
#: points along a feature; rows that are averaged over
GRID, ROWS = 20, 500


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Effects(Result):
    """Log-odds along features; `tidy()` has a row per feature and point: `feature value label n effect lo hi`.

    `effect` is centred on its mean over the rows; `lo` and `hi` hold the middle share of the households' own curves
    (partial dependence), or are NaN (accumulated local effects).

    Parameters
    ----------
    kind : 'pdp', 'ice' or 'ale'. curves : for 'ice' a row per household and point: `feature row value effect`.
    """

    title: ClassVar[str] = "Effects 边际效应"
    plots: ClassVar[str] = "explanation_effects"

    kind: str
    labels: Dictionary = field(default_factory=Dictionary)
    curves: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class JointEffect(Result):
    """What two features do together beyond what each does alone; a row per cell: `first second joint together`.

    `together` is the partial dependence of the pair, centred; `joint` what is left of it after both single ones.
    `facts` has `h2`, the share of the pair's variance that is joint (J. Friedman, B. Popescu, 2008).
    """

    title: ClassVar[str] = "Joint effect 交互作用"
    plots: ClassVar[str] = "explanation_effects"

    names: tuple[str, str]
    labels: Dictionary = field(default_factory=Dictionary)


def effects(
    model: Any, X: Any, features: Sequence[str] | None = None, kind: str = "pdp", *, grid: int = GRID,
    rows: int = ROWS, level: float = 0.9, seed: int = 0,
) -> Effects:  # fmt: skip
    """The shape of a model along features.

    Parameters
    ----------
    model : a fitted card or booster. X : raw rows whose values and combinations are used.
    features : raw columns; None takes the four that move the model most along their own values.
    kind : 'pdp': partial dependence; 'ice': with the curve of each household; 'ale': accumulated local effects, of
        numbers and dates only (others are left out, as they have no order).
    grid : points along a number, at its quantiles; special codes and levels are points of their own.
    rows : households drawn from X to average over. level : share of the curves between `lo` and `hi`.

    Raises
    ------
    ColumnError : for columns that X does not have. InputError : for settings that cannot be used.
    """
    check_one_of(kind, KINDS, "kind")
    check_level(level)
    check_fitted(model)
    frame = _drawn(read_frame(model, X), rows, seed)
    names = list(frame.columns) if features is None else list(features)
    check_columns(frame, names, "features")
    tables, curves = [], []
    for name in names:
        if kind == "ale":
            if form_of(frame[name]) in ("number", "date", "flag"):
                tables.append(_ale(model, frame, name, grid))
            continue
        table, own = _pdp(model, frame, name, grid, level)
        tables.append(table)
        curves.append(own)
    if not tables:
        raise InputError(message("numbers or dates", "text columns", "effects(kind='ale')", "Use kind='pdp'."))
    table = pd.concat(tables, ignore_index=True)
    if features is None:
        spread = table.groupby("feature", sort=False)["effect"].agg(lambda v: float(v.max() - v.min()))
        kept = list(spread.sort_values(ascending=False, kind="stable").index[:4])
        table = table[table["feature"].isin(kept)].reset_index(drop=True)
    own = pd.concat(curves, ignore_index=True) if kind == "ice" else pd.DataFrame()
    if len(own):
        own = own[own["feature"].isin(table["feature"])].reset_index(drop=True)
    facts = {"kind": kind, "rows": len(frame), "features": table["feature"].nunique(), "level": level}
    stamp = Stamp.of([frame], {"model": model.result_.stamp.to_dict(), "kind": kind, "grid": grid}, seed=seed)
    return Effects(table=table, stamp=stamp, facts=facts, kind=kind, labels=model.result_.labels, curves=own)


def joint_effect(
    model: Any, X: Any, first: str, second: str, *, grid: int = 8, rows: int = 200, seed: int = 0
) -> JointEffect:
    """The joint partial dependence of two raw columns; see `JointEffect`.

    Parameters
    ----------
    grid : points along each; rows : households drawn from X to average over.
    """
    check_fitted(model)
    frame = _drawn(read_frame(model, X), rows, seed)
    check_columns(frame, [first, second], "joint_effect")
    one, two = (points_of(model, frame[name], grid) for name in (first, second))
    both = np.zeros((len(one), len(two)))
    for k, a in enumerate(one["value"]):
        walk = pd.concat([_set(_set(frame, first, a), second, b) for b in two["value"]], ignore_index=True)
        both[k] = model.decision_function(walk).reshape(len(two), len(frame)).mean(axis=1)
    weight = np.outer(one["n"], two["n"]).astype(float)
    weight /= weight.sum()
    centred = both - (weight * both).sum()
    down, across = weight.sum(axis=1), weight.sum(axis=0)
    alone = (centred * across).sum(axis=1)[:, None] + (centred * down[:, None]).sum(axis=0)
    joint = centred - alone
    variance = float((weight * centred**2).sum())
    h2 = float((weight * joint**2).sum()) / variance if variance > 0 else 0.0
    i, j = (place.reshape(-1) for place in np.indices(both.shape))
    table = pd.DataFrame(
        {
            "first": one["label"].to_numpy()[i], "second": two["label"].to_numpy()[j],
            "n_first": one["n"].to_numpy()[i], "n_second": two["n"].to_numpy()[j],
            "together": centred.reshape(-1), "joint": joint.reshape(-1),
        }
    )  # fmt: skip
    stamp = Stamp.of([frame], {"model": model.result_.stamp.to_dict(), "pair": [first, second]}, seed=seed)
    facts = {"first": first, "second": second, "h2": h2, "rows": len(frame)}
    return JointEffect(table=table, stamp=stamp, facts=facts, names=(first, second), labels=model.result_.labels)


def interaction_strength(model: Challenger, X: Any, background: Any = None) -> pd.DataFrame:
    """Pairs of features by mean absolute Shapley interaction: `first second strength share`, the strongest first.

    Parameters
    ----------
    model : a booster. background : as in `explain`; None takes the training rows.

    `share` is of the sum of all mean absolute contributions; what all pairs have together is the mass that a card
    without crosses cannot show. M. Grabisch, M. Roubens, 1999.
    """
    if not isinstance(model, Challenger):
        raise InputError(message("a booster", type(model).__name__, "interaction_strength", "A card has no pairs."))
    check_fitted(model)
    result = model.result_
    design = result.design(read_frame(model, X))
    if background is not None:
        counted = count_patterns(result.trees, result.design(read_frame(model, background)))
    else:
        counted = result.background or count_patterns(result.trees, design)
    whole, _ = exact_values(result, design, counted, result.players)
    pairs = interaction_values(result.trees, design, counted, result.players)
    total, names = float(np.abs(whole).mean(axis=0).sum()), result.features
    listed = [(names[i], names[j], float(np.abs(v).mean())) for (i, j), v in pairs.items()]
    frame = pd.DataFrame(listed, columns=["first", "second", "strength"])
    frame["strength"] *= result.recalibrated[1]
    frame["share"] = frame["strength"] / (total * result.recalibrated[1]) if total > 0 else 0.0
    return frame.sort_values(["strength", "first", "second"], ascending=[False, True, True], ignore_index=True)


def points_of(model: Any, values: pd.Series, grid: int) -> pd.DataFrame:
    """`value label n` of the points along a column: quantiles of its numbers, then its codes; or its levels."""
    if form_of(values) == "text":
        levels = read_levels(values)
        count = np.bincount(levels.codes[levels.codes >= 0], minlength=len(levels.names))
        order = np.argsort(-count, kind="stable")[:grid]
        labels = [levels.names[k] for k in sorted(order)]
        return pd.DataFrame({"value": pd.Series(labels, dtype=object), "label": labels, "n": count[sorted(order)]})
    x = read_numbers(values, form_of(values))
    told = special_told(model, values)
    codes = list(told)
    plain = x[np.isfinite(x) & ~np.isin(x, codes)]
    points = (
        np.unique(np.quantile(plain, np.linspace(0.02, 0.98, grid), method="nearest")) if len(plain) else np.empty(0)
    )
    near = np.abs(plain[:, None] - points[None, :]).argmin(axis=1) if len(points) else np.empty(0, dtype=np.int64)
    rows = list(
        zip(points.tolist(), [_short(v) for v in points], np.bincount(near, minlength=len(points)), strict=True)
    )
    rows += [(code, told[code], int((x == code).sum())) for code in codes if (x == code).any()]
    found = pd.DataFrame(rows, columns=["value", "label", "n"])
    if form_of(values) == "date":
        found["value"] = pd.Timestamp("1970-01-01") + pd.to_timedelta(found["value"], unit="D")
    return found


def special_told(model: Any, values: pd.Series) -> dict[float, str]:
    """The special codes of a number column that a model keeps apart, and what each is called."""
    result, name = model.result_, str(values.name)
    if result.bins is not None:
        if name not in result.bins or result.bins[name].kind != "numeric":
            return {}
        spec = result.bins[name].spec
        return {float(code): meaning or f"{float(code):.12g}" for code, meaning in spec.special}
    given = special_meanings(model, values.to_frame()).get(name, {})
    kept = [code for coding in result.codings if coding.name == name for code, _ in coding.special]
    return {code: given.get(code) or f"{code:.12g}" for code in kept}


def _short(value: float) -> str:
    """A number for an axis: whole from a thousand up, else three digits."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _drawn(frame: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    if rows < 1 or len(frame) == 0:
        raise InputError(message("at least one row", f"rows={rows}, {len(frame)} given", "effects", "Give rows."))
    if len(frame) <= rows:
        return frame
    return frame.iloc[np.sort(np.random.default_rng(seed).choice(len(frame), rows, replace=False))]


def _set(frame: pd.DataFrame, name: str, value: Any) -> pd.DataFrame:
    column = pd.Series([value] * len(frame), index=frame.index, name=name)
    kind = frame[name].dtype
    if not (isinstance(kind, pd.CategoricalDtype) or pd.api.types.is_object_dtype(kind)):
        column = column.astype(kind) if form_of(frame[name]) != "number" else column.astype(float)
    return frame.assign(**{name: column})


def _pdp(model: Any, frame: pd.DataFrame, name: str, grid: int, level: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    points = points_of(model, frame[name], grid)
    walk = pd.concat([_set(frame, name, value) for value in points["value"]], ignore_index=True)
    curves = model.decision_function(walk).reshape(len(points), len(frame))
    weight = points["n"].to_numpy(dtype=float)
    weight = weight / weight.sum() if weight.sum() > 0 else np.full(len(points), 1 / len(points))
    own = curves - weight @ curves  # each household against its own mean
    tail = (1 - level) / 2
    lo, hi = np.quantile(own, [tail, 1 - tail], axis=1)
    table = points.assign(feature=name, effect=own.mean(axis=1), lo=lo, hi=hi)
    table["value"] = table["value"].astype(str)
    order = np.tile(np.arange(len(frame)), len(points))
    curve = pd.DataFrame(
        {
            "feature": name, "row": frame.index.to_numpy()[order],
            "value": np.repeat(points["label"].to_numpy(), len(frame)), "effect": own.reshape(-1),
        }
    )  # fmt: skip
    return table[["feature", "value", "label", "n", "effect", "lo", "hi"]], curve


def _ale(model: Any, frame: pd.DataFrame, name: str, grid: int) -> pd.DataFrame:
    """Accumulated local effects along quantile edges; special codes and missing values are left out."""
    form = form_of(frame[name])
    x = read_numbers(frame[name], form)
    usable = np.isfinite(x) & ~np.isin(x, list(special_told(model, frame[name])))
    inside, v = frame[usable], x[usable]
    edges = np.unique(np.quantile(v, np.linspace(0, 1, grid + 1), method="nearest")) if len(v) else np.empty(0)
    if len(edges) < 2:
        return pd.DataFrame(columns=["feature", "value", "label", "n", "effect", "lo", "hi"])
    cell = np.clip(np.searchsorted(edges, v, side="left") - 1, 0, len(edges) - 2)
    as_value = (
        (lambda e: pd.Timestamp("1970-01-01") + pd.to_timedelta(e, unit="D")) if form == "date" else (lambda e: e)
    )
    low, high = (_along(model, inside, name, edges[cell + k], as_value) for k in (0, 1))
    n = np.bincount(cell, minlength=len(edges) - 1)
    step = np.bincount(cell, weights=high - low, minlength=len(n))
    local = np.divide(step, n, out=np.zeros(len(n)), where=n > 0)
    level = np.concatenate([[0.0], np.cumsum(local)])
    middle = float(n @ ((level[:-1] + level[1:]) / 2) / n.sum())
    counts = np.bincount(np.abs(v[:, None] - edges[None, :]).argmin(axis=1), minlength=len(edges))
    labels = [_short(e) for e in edges] if form != "date" else [str(as_value(e).date()) for e in edges]
    return pd.DataFrame(
        {
            "feature": name, "value": labels, "label": labels, "n": counts, "effect": level - middle, "lo": np.nan,
            "hi": np.nan,
        }
    )  # fmt: skip


def _along(model: Any, frame: pd.DataFrame, name: str, values: np.ndarray, as_value: Any) -> np.ndarray:
    given = pd.Series([as_value(v) for v in values], index=frame.index) if form_of(frame[name]) == "date" else values
    if form_of(frame[name]) == "flag":
        given = pd.Series(values > 0.5, index=frame.index)
    return model.decision_function(frame.assign(**{name: given}))
