"""Figures of explanations: importance, the spread of contributions, along the values, one household, the villages.

They draw an `Explanation`: contributions to the log-odds of bad, positive = riskier than the baseline.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from creditlab.errors import InputError, message
from creditlab.plots import theme
from creditlab.plots.words import WORDS, Text

__all__ = ["beeswarm", "by_source", "dependence", "household", "importance", "villages"]

#: features in one figure; the table has them all
MOST = 20
#: dots of one feature: quantiles, so that a million rows draw as few
DOTS = 200


def importance(explanation: Any, most: int = MOST) -> go.Figure:
    """Mean absolute contribution of each feature, the largest on top."""
    table = theme.rows(explanation, ["feature", "mean_abs"], "plots.explanation.importance")
    drawn = table.sort_values("mean_abs", ascending=False, kind="stable").head(most)
    return _bars("feature_importance", drawn, "feature", explanation, len(table), ("特征", "features"))


def by_source(explanation: Any, dictionary: Any = None) -> go.Figure:
    """Mean absolute contribution of each data source: contributions of a source's features added up row by row.

    `explanation` is an `Explanation`, whose `by_source(dictionary)` is drawn, or a frame with `source mean_abs`.
    """
    grouped = explanation.by_source(dictionary) if hasattr(explanation, "by_source") else explanation
    table = theme.rows(grouped, ["mean_abs"], "plots.explanation.by_source")
    column = "source" if "source" in table else "feature"
    drawn = theme.rows(table, [column], "plots.explanation.by_source").sort_values(
        "mean_abs", ascending=False, kind="stable"
    )
    return _bars("importance_by_source", drawn, column, grouped, len(table), ("来源", "sources"))


def _bars(
    title: str, drawn: pd.DataFrame, column: str, explanation: Any, whole: int, unit: tuple[str, str]
) -> go.Figure:
    note = [theme.of(len(drawn), whole, *unit), _rows(explanation)]
    fig = theme.figure(title, note, height=120 + 24 * len(drawn), showlegend=False)
    labels = getattr(explanation, "labels", None)
    texts = [theme.label_of(name, labels) for name in drawn[column]]
    fig.add_bar(
        x=drawn["mean_abs"],
        y=np.arange(len(drawn)),
        orientation="h",
        marker={"color": theme.colour("blue")},
        texttemplate="%{x:.3f}",
        textposition="outside",
        cliponaxis=False,
        hovertemplate=theme.hover({"importance": "%{x:.4f}"}),
    )
    rows = _rows_named(theme.show_labels(fig, texts))
    return fig.update_layout(xaxis=theme.axis("importance", rangemode="tozero"), yaxis=rows, margin={"l": 40, "r": 60})


def beeswarm(explanation: Any, most: int = MOST) -> go.Figure:
    """How the contributions of each feature spread over the rows: at most 200 quantiles each, and the median.

    The dots are quantiles, not households; their height above and below the line is how many fall together.
    """
    values = _values(explanation)
    order = values.abs().mean().sort_values(ascending=False, kind="stable").index[:most]
    note = [theme.of(len(order), values.shape[1], "特征", "features"), _rows(explanation)]
    fig = theme.figure("contributions", note, height=130 + 30 * len(order), showlegend=False)
    width = float(np.ptp(values[order].to_numpy())) or 1.0
    for row, name in enumerate(order):
        dots = np.quantile(values[name].to_numpy(dtype=float), np.linspace(0, 1, min(DOTS, len(values))))
        fig.add_scatter(
            x=dots,
            y=row + _heights(dots, width),
            mode="markers",
            marker={"size": 4, "opacity": 0.6, "color": np.where(dots > 0, *_two("vermilion", "blue"))},
            hovertemplate=theme.hover({"contribution": "%{x:.3f}"}),
        )
        middle = float(np.median(values[name]))
        fig.add_scatter(
            x=[middle, middle], y=[row - 0.36, row + 0.36], mode="lines", hoverinfo="skip",
            line={"color": theme.colour("ink"), "width": 1.5},
        )  # fmt: skip
    names = theme.show_labels(fig, [theme.label_of(name, getattr(explanation, "labels", None)) for name in order])
    return fig.update_layout(
        xaxis=theme.axis("contribution", zeroline=True), yaxis=_rows_named(names, zeroline=False), margin={"l": 40}
    )


def _heights(dots: np.ndarray, width: float) -> np.ndarray:
    """Offsets that stack dots lying within a hundredth of the axis, evenly to both sides."""
    cell = np.floor(dots / (width / 100)).astype(int)
    heights = np.zeros(len(dots))
    for one in np.unique(cell):
        there = np.flatnonzero(cell == one)
        step = min(0.05, 0.7 / max(1, len(there)))
        heights[there] = (np.arange(len(there)) - (len(there) - 1) / 2) * step
    return heights


def dependence(explanation: Any, feature: Any, cells: int = 30) -> go.Figure:
    """The contribution of one feature along its values: the median of each cell, and the middle 90 % of its households.

    Numbers are drawn in cells of equally many rows, at most `cells`; levels, bins and special codes one by one. The
    spread inside a cell is what other features add to this one: a card without crosses has none.
    """
    values = _values(explanation)
    if feature not in values.columns:
        raise InputError(message("a feature of the explanation", repr(feature), "dependence", "See values.columns."))
    numeric, place, texts = _places(explanation, feature, cells)
    phi = values[feature].to_numpy(dtype=float)
    kept = np.unique(place)
    middle, lo, hi = (np.array([np.quantile(phi[place == k], q) for k in kept]) for q in (0.5, 0.05, 0.95))
    n = np.array([(place == k).sum() for k in kept])
    note = [theme.label_of(feature, getattr(explanation, "labels", None)), _rows(explanation), WORDS["middle_share"]]
    fig = theme.figure("dependence", note, height=520, showlegend=False)
    shown = theme.show_labels(fig, [texts[k] for k in kept], most=30)
    # numbers keep their distances; levels and codes stand behind them, one step each
    line = np.array([k in numeric for k in kept])
    x: Any = np.arange(len(kept)) if not line.all() else np.array([numeric[k] for k in kept])
    fig.add_scatter(
        x=x, y=middle, mode="markers+lines" if line.all() else "markers",
        customdata=np.array([shown, n], dtype=object).T,
        error_y=theme.spread(middle, lo, hi, color=theme.colour("sky")),
        line={"color": theme.colour("mist"), "width": 1},
        marker={
            "size": 6 + 14 * np.sqrt(n / n.max()),
            "color": np.where(middle > 0, *_two("vermilion", "blue")),
            "symbol": np.where(line, "circle", "diamond"),
        },
        hovertemplate=theme.hover({"contribution": "%{y:.3f}", "n": "%{customdata[1]}"}, head="%{customdata[0]}"),
    )  # fmt: skip
    axis = theme.axis("feature_value")
    if not line.all():
        axis |= {"tickvals": np.arange(len(kept)), "ticktext": shown, "tickangle": -35}
    return fig.update_layout(xaxis=axis, yaxis=theme.axis("contribution", zeroline=True), margin={"b": 120})


def _places(explanation: Any, feature: Any, cells: int) -> tuple[dict[int, float], np.ndarray, dict[int, Text]]:
    """The cell of each row, where a cell is a number its place on the axis, and what each cell is called."""
    shown = getattr(explanation, "shown", {}).get(feature)
    if shown is not None:
        return {}, np.asarray(shown.codes), {k: Text(shown.zh[k], shown.en[k]) for k in range(len(shown.zh))}
    raw = explanation.data[feature]
    meanings = getattr(explanation, "codes", {}).get(feature, {})
    coded = raw.isin(list(meanings)).to_numpy()
    missing = raw.isna().to_numpy()
    if not pd.api.types.is_numeric_dtype(raw) or pd.api.types.is_bool_dtype(raw):
        names, listed = pd.factorize(raw.astype(object).where(~missing, "缺失 missing"))
        return {}, names, {k: Text.same(v) for k, v in enumerate(listed)}
    place, x = np.full(len(raw), -1), raw.to_numpy(dtype=float, na_value=np.nan)
    plain = ~coded & ~missing
    edges = np.unique(np.quantile(x[plain], np.linspace(0, 1, cells + 1))) if plain.any() else np.empty(0)
    place[plain] = np.clip(np.searchsorted(edges, x[plain], side="right") - 1, 0, max(len(edges) - 2, 0))
    at = {int(k): float(np.median(x[place == k])) for k in np.unique(place[plain])}
    texts = {k: Text.same(f"{v:.0f}" if abs(v) >= 1000 else f"{v:.3g}") for k, v in at.items()}
    for number, (code, meaning) in enumerate(meanings.items(), start=len(edges) + 1):
        place[(raw == code).to_numpy()] = number
        texts[number] = Text.same(meaning or f"{code:.12g}")
    place[missing] = len(edges) + 1 + len(meanings)
    texts[len(edges) + 1 + len(meanings)] = Text("缺失", "missing")
    return at, place, texts


def villages(
    explanation: Any, groups: Any, names: Any = None, labels: Any = None, dictionary: Any = None, most: int = MOST
) -> go.Figure:
    """Why villages differ: mean contribution of each source in a village less that of all rows, as a heat map.

    Parameters
    ----------
    groups : the village of each row. names : village → name. labels : source → bilingual label.
    dictionary : declared columns; None takes the model's.
    most : villages drawn, those that differ most; the last column is the whole difference.
    """
    table = explanation.by_source(dictionary).by_group(groups)
    order = table["log_odds"].abs().sort_values(ascending=False, kind="stable").index[:most]
    drawn = table.loc[order].sort_values("log_odds", ascending=False, kind="stable")
    sources = [c for c in drawn.columns if c not in ("n", "log_odds")]
    sources = sorted(sources, key=lambda c: -float(drawn[c].abs().mean()))
    cells = drawn[[*sources, "log_odds"]].to_numpy()
    note = [theme.of(len(drawn), len(table), "村", "villages"), _rows(explanation)]
    fig = theme.figure("village_sources", note, height=230 + 22 * len(drawn))
    rows = theme.show_labels(
        fig, [Text.same(f"{(names or {}).get(v, v)} (n={n})") for v, n in drawn["n"].items()], most=30
    )
    across = theme.show_labels(fig, [*(theme.label_of(s, labels) for s in sources), WORDS["total"]])
    limit = float(np.abs(cells[:, :-1]).max(initial=0.0)) or 1.0
    fig.add_heatmap(
        z=cells, x=np.arange(len(across)), y=np.arange(len(rows)), zmid=0, zmin=-limit, zmax=limit, xgap=1, ygap=1,
        colorscale=[[0, theme.colour("blue")], [0.5, "#f7f7f7"], [1, theme.colour("vermilion")]],
        text=[[f"{v:+.2f}" for v in row] for row in cells], texttemplate="%{text}", textfont={"size": 10},
        colorbar={"title": {"text": "", "side": "right"}, "thickness": 12},
        hovertemplate=theme.hover({"mean_gap": "%{z:+.3f}"}, head="%{customdata}"),
        customdata=[[f"{r} · {c}" for c in across] for r in rows],
    )  # fmt: skip
    top = theme.axis("mean_gap", tickvals=np.arange(len(across)), ticktext=across, tickangle=-40)
    return fig.update_layout(xaxis=top, yaxis=_rows_named(rows), margin={"l": 40, "b": 130})


def household(explanation: Any, row: Any, most: int = 12) -> go.Figure:
    """How one household comes from the baseline to its log-odds of bad: a step per feature, the largest first.

    Parameters
    ----------
    explanation : an `Explanation`.
    row : the index label of the row in `explanation.values`.
    most : features drawn one by one; the others are summed.
    """
    values = _values(explanation)
    if row not in values.index:
        raise InputError(message("a row of the explanation", "one that is not there", "household", "Use values.index."))
    phi = values.loc[row]
    if isinstance(phi, pd.DataFrame):
        raise InputError(message("a row once", f"{len(phi)} rows of this label", "household", "Use a unique index."))
    order = phi.abs().sort_values(ascending=False, kind="stable").index
    shown, others = order[:most], order[most:]
    base = float(explanation.base_value)
    labels = getattr(explanation, "labels", None)
    steps = [
        (WORDS["base_value"], base, "absolute"),
        *((theme.label_of(f, labels), float(phi[f]), "relative") for f in shown),
    ]
    if len(others):
        rest = Text(f"其余 {len(others)} 项", f"{len(others)} others")
        steps.append((rest, float(phi[others].sum()), "relative"))
    steps.append((WORDS["total"], base + float(phi.sum()), "total"))
    return _waterfall(steps, explanation)


def _waterfall(steps: list[tuple[Text, float, str]], explanation: Any) -> go.Figure:
    total = steps[-1][1]
    prob = f" {1 / (1 + np.exp(-total)):.1%}"
    note = [Text(WORDS["pd"].zh + prob, WORDS["pd"].en + prob), str(getattr(explanation, "method", ""))]
    fig = theme.figure("household", note, height=130 + 26 * len(steps), showlegend=False)
    names = theme.show_labels(fig, [text for text, _, _ in steps])
    up, down = _two("vermilion", "blue")
    fig.add_waterfall(
        x=[value for _, value, _ in steps],
        y=np.arange(len(steps)),
        measure=[kind for _, _, kind in steps],
        orientation="h",
        text=[f"{value:+.3f}" if kind == "relative" else f"{value:.3f}" for _, value, kind in steps],
        textposition=["outside" if kind == "relative" else "inside" for _, _, kind in steps],
        insidetextanchor="middle",
        cliponaxis=False,
        increasing={"marker": {"color": up}},
        decreasing={"marker": {"color": down}},
        totals={"marker": {"color": theme.colour("grey")}},
        connector={"line": {"color": theme.colour("grey"), "width": 1}},
        hovertemplate=theme.hover({"contribution": "%{text}"}),
    )
    # room for the figures beside the bars, on both sides
    ends = np.cumsum([value for _, value, kind in steps if kind != "total"])
    low, high = min(float(ends.min()), 0.0), max(float(ends.max()), 0.0)
    room = 0.1 * (high - low or 1.0)
    axis = theme.axis("contribution", range=[low - room, high + room])
    return fig.update_layout(xaxis=axis, yaxis=_rows_named(names), margin={"l": 40, "r": 60})


def _two(first: str, second: str) -> tuple[str, str]:
    return theme.colour(first), theme.colour(second)


def _rows_named(names: list[str], **options: Any) -> dict[str, Any]:
    return {"tickvals": np.arange(len(names)), "ticktext": names, "autorange": "reversed", "showgrid": False, **options}


def _values(explanation: Any) -> pd.DataFrame:
    values = getattr(explanation, "values", None)
    if not isinstance(values, pd.DataFrame):
        raise InputError(
            message("an Explanation", type(explanation).__name__, "plots.explanation", "Call creditlab.explain first.")
        )
    return values


def _rows(explanation: Any) -> str:
    values = getattr(explanation, "values", None)
    return theme.sample(len(values)) if isinstance(values, pd.DataFrame) else ""
