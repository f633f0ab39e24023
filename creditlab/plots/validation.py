"""Figures of a validation: ROC and calibration curves by sample, and all verdicts at a glance.

They draw the `curves` of a `ValidationResult` and the rows of its `tidy()`.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from creditlab.checks import check_columns, check_frame
from creditlab.errors import InputError, message
from creditlab.plots import theme
from creditlab.plots.words import WORDS, Text, word

__all__ = ["calibration", "changes", "family", "roc", "tests"]

#: panels side by side; more samples than this do not fit a page
MOST_SCOPES = 3
#: rows of a family, and changes, that a page shows
MOST_ROWS = 40
#: models times samples in the figure of verdicts
MOST_COLUMNS = 12
#: model by model: colour, dash, symbol
_STYLES = (
    ("blue", "solid", "circle"),
    ("vermilion", "dash", "diamond"),
    ("green", "dot", "square"),
    ("purple", "dashdot", "cross"),
)


def roc(result: Any) -> go.Figure:
    """ROC curves, a panel per sample, a line per model; Jeffreys limits of the true-positive rate are in the hover.

    `result` is a `ValidationResult`, or a frame with `model scope curve x y lo hi n`.
    """
    curves = _curves(result, "roc")
    fig, scopes = _panels(curves, "roc", _sizes(curves, "max"), _level(result))
    lines = {"false_positive_rate": "%{x:.1%}", "true_positive_rate": "%{y:.1%}", **_INTERVAL}
    for column, scope in enumerate(scopes, start=1):
        _diagonal(fig, column, "chance", 1.0)
        for model, colour, dash, _ in _models(curves):
            line = {"color": theme.colour(colour), "dash": dash, "width": 2}
            _curve(fig, column, curves, model, scope, lines, mode="lines", line=line)
    _areas(result, fig, scopes, [model for model, *_ in _models(curves)])
    fig.update_xaxes(theme.axis("false_positive_rate", "%", tickformat=".0%", range=[0, 1], dtick=0.25))
    fig.update_yaxes(tickformat=".0%", range=[0, 1.005], dtick=0.25)
    return fig.update_layout(yaxis=theme.axis("true_positive_rate", "%"))


def calibration(result: Any) -> go.Figure:
    """Observed bad rate with its interval against predicted PD in groups of rows, a panel per sample.

    `result` is a `ValidationResult`, or a frame with `model scope curve x y lo hi n`. A model whose intervals cross the
    line says what happens.
    """
    curves = _curves(result, "calibration")
    fig, scopes = _panels(curves, "calibration", _sizes(curves, "sum"), _level(result))
    lines = {"predicted": "%{x:.1%}", "observed_rate": "%{y:.1%}", **_INTERVAL}
    most = float(np.nanmax(curves[["x", "y", "hi"]].to_numpy(dtype=float))) * 1.05
    for column, scope in enumerate(scopes, start=1):
        _diagonal(fig, column, "perfect", most)
        for model, colour, _, symbol in _models(curves):
            part = curves[(curves["scope"] == scope) & (curves["model"] == model)]
            marker = {"color": theme.colour(colour), "symbol": symbol, "size": 8}
            bars = theme.spread(part["y"], part["lo"], part["hi"])
            _curve(fig, column, curves, model, scope, lines, mode="markers", marker=marker, error_y=bars)
    fig.update_xaxes(theme.axis("predicted", "%", tickformat=".0~%", range=[0, most]))
    fig.update_yaxes(tickformat=".0~%", range=[0, most])
    return fig.update_layout(yaxis=theme.axis("observed_rate", "%"))


_INTERVAL = {"interval": "%{customdata[0]:.1%} … %{customdata[1]:.1%}", "n": "%{customdata[2]:,}"}


def _curve(
    fig: go.Figure, column: int, curves: pd.DataFrame, model: Any, scope: Any, lines: dict[str, str], **style: Any
) -> None:
    part = curves[(curves["scope"] == scope) & (curves["model"] == model)]
    fig.add_scatter(
        x=part["x"],
        y=part["y"],
        name=_said(model),
        legendgroup=str(model),
        showlegend=column == 1,
        customdata=part[["lo", "hi", "n"]].to_numpy(),
        hovertemplate=theme.hover(lines, head=_said(model)),
        row=1,
        col=column,
        **style,
    )


def _diagonal(fig: go.Figure, column: int, name: str, most: float) -> None:
    fig.add_scatter(
        x=[0, most],
        y=[0, most],
        mode="lines",
        name=word(name),
        legendgroup=name,
        showlegend=column == 1,
        hoverinfo="skip",
        line={"color": theme.colour("grey"), "width": 1, "dash": "dot"},
        row=1,
        col=column,
    )


def tests(result: Any) -> go.Figure:
    """All verdicts at a glance: a row per test, a column per model and sample, shape and colour for the verdict.

    Where a test was made for many grades, the worst verdict is shown; the table has them all. `result` is a
    `ValidationResult`, or a frame with `test_zh test_en model scope n verdict`.
    """
    needed = ["test_zh", "test_en", "model", "scope", "n", "verdict"]
    table = theme.rows(result, needed, "plots.validation.tests")
    worst = _worst(table[table["verdict"].isin(theme.SHAPES)])
    names = worst[["test_zh", "test_en"]].drop_duplicates("test_en").reset_index(drop=True)
    heads = worst[["model", "sample"]].drop_duplicates().head(MOST_COLUMNS).reset_index(drop=True)
    count = table["verdict"].value_counts()
    note = [
        Text(f"{WORDS[v].zh} {int(count.get(v, 0))}", f"{WORDS[v].en} {int(count.get(v, 0))}") for v in theme.SHAPES
    ]
    fig = theme.figure("tests", note, height=190 + 22 * len(names))
    drawn = worst.merge(heads.reset_index(names="column"), on=["model", "sample"])
    drawn["row"] = drawn["test_en"].map({en: i for i, en in enumerate(names["test_en"])})
    for verdict, (colour, symbol) in theme.SHAPES.items():
        part = drawn[drawn["verdict"] == verdict]
        fig.add_scatter(
            x=part["column"],
            y=part["row"],
            mode="markers",
            name=word(verdict),
            marker={"color": theme.colour(colour), "symbol": symbol, "size": 11},
            customdata=part[["n"]].to_numpy(),
            hovertemplate=theme.hover({"n": "%{customdata[0]:,}"}, head=word(verdict)),
        )
    ticks = theme.show_labels(fig, [Text(str(zh), str(en)) for zh, en in names.to_numpy()])
    columns = [f"{_said(model)} · {_said(sample)}" for model, sample in heads.to_numpy()]
    return fig.update_layout(
        xaxis={"tickvals": np.arange(len(heads)), "ticktext": columns, "showgrid": False, "tickangle": -45},
        yaxis={"tickvals": np.arange(len(names)), "ticktext": ticks, "autorange": "reversed"},
        margin={"l": 40},
    )


def family(result: Any) -> go.Figure:
    """The estimates of a family of tests with their intervals, a row per scope, the worst verdicts first.

    `result` is a `TestFamily`, a table of `ValidationResult.detail`, or a frame with `scope n estimate lo hi verdict`.
    """
    table = theme.rows(result, ["scope", "n", "estimate", "lo", "hi", "verdict"], "plots.validation.family")
    there = table[table["estimate"].notna()]
    order = there["verdict"].map(list(theme.SHAPES).index)
    shown = there.assign(order=order).sort_values("order", kind="stable").head(MOST_ROWS).reset_index(drop=True)
    left = len(table) - len(shown)
    more = Text(f"另有 {left} 行未画或无法估计", f"{left} more rows not drawn or not estimable") if left else ""
    levels = set(shown["level"].dropna()) if "level" in shown else set()
    note = [theme.intervals(levels.pop()) if len(levels) == 1 else "", more]
    fig = theme.figure("test_family", note, height=170 + 22 * len(shown))
    for verdict, (colour, symbol) in theme.SHAPES.items():
        part = shown[shown["verdict"] == verdict]
        fig.add_scatter(
            x=part["estimate"],
            y=part.index,
            mode="markers",
            name=word(verdict),
            error_x=theme.spread(part["estimate"], part["lo"], part["hi"]),
            marker={"color": theme.colour(colour), "symbol": symbol, "size": 10},
            customdata=part[["n", "lo", "hi"]].to_numpy(),
            hovertemplate=theme.hover({"n": "%{customdata[0]:,}", "estimate": "%{x:.4g}", **_ENDS}, head=word(verdict)),
        )
    ticks = theme.show_labels(fig, [Text.same(str(scope)) for scope in shown["scope"]])
    return fig.update_layout(
        xaxis=theme.axis("estimate"),
        yaxis={"tickvals": np.arange(len(shown)), "ticktext": ticks, "autorange": "reversed"},
        margin={"l": 40},
    )


_STATES = {"worse": "变差", "better": "变好", "changed": "变动", "same": "未变"}
_ENDS = {"interval": "%{customdata[1]:.4g} … %{customdata[2]:.4g}"}


def changes(result: Any) -> go.Figure:
    """What changed between two validations: z of the change per line, filled where it is significant after correction.

    `result` is a `ValidationDiff`, or a frame with `test_zh test_en scope z p_adjusted state`.
    """
    table = theme.rows(result, ["test_zh", "test_en", "scope", "z", "p_adjusted", "state"], "plots.validation.changes")
    there = table[table["z"].notna()]
    size = there["z"].abs().sort_values(ascending=False, kind="stable").index
    shown = there.loc[size].head(MOST_ROWS).reset_index(drop=True)
    counts = {state: int((table["state"] == state).sum()) for state in _STATES}
    note = [Text(f"{zh} {counts[state]}", f"{state} {counts[state]}") for state, zh in _STATES.items()]
    fig = theme.figure("test_changes", note, height=170 + 22 * len(shown))
    for name, part, symbol in (
        ("significant", shown[shown["p_adjusted"] < 0.05], "circle"),
        ("not_significant", shown[~(shown["p_adjusted"] < 0.05)], "circle-open"),
    ):
        fig.add_scatter(
            x=part["z"],
            y=part.index,
            mode="markers",
            name=word(name),
            marker={"color": theme.colour("blue"), "symbol": symbol, "size": 10},
            hovertemplate=theme.hover({"z": "%{x:.2f}"}, head=word(name)),
        )
    said = [Text(f"{r.test_zh} · {r.scope}", f"{r.test_en} · {r.scope}") for r in shown.itertuples()]
    fig.add_vline(x=0, line={"color": theme.colour("grey"), "width": 1})
    return fig.update_layout(
        xaxis=theme.axis("z"),
        yaxis={"tickvals": np.arange(len(shown)), "ticktext": theme.show_labels(fig, said), "autorange": "reversed"},
        margin={"l": 40},
    )


def _worst(table: pd.DataFrame) -> pd.DataFrame:
    """One row per test, model and sample: the worst verdict of those that there are."""
    rank = {"red": 0, "amber": 1, "green": 2, "info": 3}
    placed = table.assign(
        sample=[_sample(model, scope) for model, scope in zip(table["model"], table["scope"], strict=True)],
        rank=table["verdict"].map(rank),
        order=np.arange(len(table)),
    )
    first = placed.sort_values("rank", kind="stable").drop_duplicates(["test_en", "model", "sample"])
    return first.sort_values("order", ignore_index=True)


def _sample(model: Any, scope: Any) -> str:
    """The sample in a scope such as "card · test · grade 3" or "card - challenger · test"."""
    parts = str(scope).split(" · ")
    return parts[1] if len(parts) > 1 and str(model) in parts[0] else parts[0]


def _areas(result: Any, fig: go.Figure, scopes: list[Any], models: list[Any]) -> None:
    """The AUC with its interval in each panel, where the result has it."""
    if not hasattr(result, "tidy") or "id" not in result.tidy():
        return
    table = result.tidy()
    table = table[(table["id"] == "disc.auc") & table["estimate"].notna()]
    known = {
        (m, _sample(m, s)): row for m, s, row in zip(table["model"], table["scope"], table.itertuples(), strict=True)
    }
    for column, scope in enumerate(scopes, start=1):
        for i, model in enumerate(reversed([m for m in models if (m, str(scope)) in known])):
            row = known[model, str(scope)]
            text = f"{_said(model)} · AUC {row.estimate:.3f} ({row.lo:.3f}–{row.hi:.3f})"
            fig.add_annotation(
                text=text, x=1, y=0.02 + 0.075 * i, xanchor="right", yanchor="bottom", showarrow=False,
                font={"size": 10}, bgcolor=theme.colour("paper"), row=1, col=column,
            )  # fmt: skip


def _curves(result: Any, curve: str) -> pd.DataFrame:
    where = f"plots.validation.{curve}"
    table = check_frame(getattr(result, "curves", result), where)
    check_columns(table, ["model", "scope", "curve", "x", "y", "lo", "hi", "n"], where)
    drawn = table[table["curve"] == curve]
    if len(drawn) == 0:
        raise InputError(
            message(
                f"rows of the curve '{curve}'", "none", where, "Too few bads or goods: look at the reasons in tidy()."
            )
        )
    return drawn


def _sizes(curves: pd.DataFrame, how: str) -> dict[Any, int]:
    """Rows of each sample: on a ROC curve the last point flags all, in a calibration the groups add up."""
    return curves.groupby(["scope", "model"])["n"].agg(how).groupby("scope").max().astype(int).to_dict()


def _models(curves: pd.DataFrame) -> list[tuple[Any, str, str, str]]:
    return [(m, *_STYLES[i % len(_STYLES)]) for i, m in enumerate(dict.fromkeys(curves["model"]))]


def _panels(
    curves: pd.DataFrame, title: str, sizes: dict[Any, int], level: float | None
) -> tuple[go.Figure, list[Any]]:
    scopes = [s for s in dict.fromkeys(curves["scope"]) if s != "all" or curves["scope"].nunique() == 1]
    left_out = len(scopes) - MOST_SCOPES
    scopes = scopes[:MOST_SCOPES]
    heads = [f"{_said(s)} (n={sizes[s]:,})" for s in scopes]
    fig = make_subplots(cols=len(scopes), shared_yaxes=True, horizontal_spacing=0.05, subplot_titles=heads)
    more = Text(f"另有 {left_out} 个样本未画", f"{left_out} more samples not drawn") if left_out > 0 else ""
    empty = theme.figure(title, [theme.intervals(level), more]).layout
    fig.update_layout(template="creditlab", title=empty.title, meta=empty.meta)
    # panel heads stand under the legend, both above the panels
    fig.update_annotations(font={"size": 12})
    return fig.update_layout(legend={"y": 1.1}, margin={"t": 120}, height=430), scopes


def _said(name: Any) -> str:
    known = WORDS.get(re.sub(r"\W+", "_", str(name)).strip("_"))
    return known.both if known else theme.clip(name, 24)


def _level(result: Any) -> float | None:
    return getattr(getattr(result, "spec", None), "level", None)
