"""Figures of two models beside each other, and of what departments' data add.

They draw a `Comparison` (households, villages) and a `DepartmentValue` (departments).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from creditlab.checks import check_columns, check_frame
from creditlab.plots import theme
from creditlab.plots.words import Text, word

__all__ = ["departments", "households", "villages"]

#: cells along each axis of the figure of households
CELLS = 28


def households(result: Any) -> go.Figure:
    """Log-odds under one model against the other, households counted in cells; on the line they agree.

    `result` is a `Comparison`, or a frame with `log_odds_1 log_odds_2`.
    """
    table = result.households if hasattr(result, "households") else result
    check_columns(check_frame(table, "plots.explanation_pair.households"), ["log_odds_1", "log_odds_2"], "households")
    one, two = table["log_odds_1"].to_numpy(dtype=float), table["log_odds_2"].to_numpy(dtype=float)
    low, high = float(min(one.min(), two.min())), float(max(one.max(), two.max()))
    edges = np.linspace(low, high if high > low else low + 1, CELLS + 1)
    count, _, _ = np.histogram2d(one, two, bins=(edges, edges))
    middle = (edges[1:] + edges[:-1]) / 2
    note = [theme.sample(len(table)), _names(result)]
    fig = theme.figure("two_models", note, height=500)
    fig.add_heatmap(
        x=middle, y=middle, z=np.where(count.T > 0, count.T, np.nan), hoverongaps=False,
        colorscale=[[0, theme.colour("sky")], [1, theme.colour("blue")]],
        colorbar={"title": {"text": word("households_n")}, "thickness": 12},
        hovertemplate=theme.hover({"first_log_odds": "%{x:.2f}", "second_log_odds": "%{y:.2f}", "n": "%{z}"}),
    )  # fmt: skip
    fig.add_scatter(
        x=[edges[0], edges[-1]], y=[edges[0], edges[-1]], mode="lines", hoverinfo="skip", showlegend=False,
        line={"color": theme.colour("vermilion"), "width": 1.5, "dash": "dash"},
    )  # fmt: skip
    return fig.update_layout(xaxis=theme.axis("first_log_odds"), yaxis=theme.axis("second_log_odds"))


def villages(result: Any, names: Mapping[Any, str] | None = None) -> go.Figure:
    """How far each village is from the county under one model and the other; on the line they agree.

    Squares are villages that the two explain by another feature. `result` is a `Comparison` with groups.
    """
    table = result.villages
    check_columns(check_frame(table, "plots.explanation_pair.villages"), ["gap_1", "gap_2", "n"], "villages")
    same = (table["driver_1"] == table["driver_2"]).to_numpy()
    said = Text("方块：主因不同", "squares: another driver")
    note = [theme.of(len(table), len(table), "村", "villages"), _names(result), said]
    fig = theme.figure("two_models_villages", note, height=500, showlegend=False)  # fmt: skip
    size = 5 + 17 * np.sqrt(table["n"].to_numpy() / max(float(table["n"].max()), 1.0)) if len(table) else []
    listed = [theme.clip((names or {}).get(v, v)) for v in table.index]
    fig.add_scatter(
        x=table["gap_1"], y=table["gap_2"], mode="markers",
        marker={
            "size": size, "opacity": 0.75, "symbol": np.where(same, "circle", "square"),
            "color": np.where(same, theme.colour("blue"), theme.colour("vermilion")),
        },
        customdata=np.array(
            [listed, table["n"], *([theme.clip(v) for v in table[d]] for d in ("driver_1", "driver_2"))], dtype=object
        ).T,
        hovertemplate=theme.hover(
            {"first_gap": "%{x:+.2f} (%{customdata[2]})", "second_gap": "%{y:+.2f} (%{customdata[3]})",
             "n": "%{customdata[1]}"}, head="%{customdata[0]}"
        ),
    )  # fmt: skip
    ends = [
        float(min(table["gap_1"].min(), table["gap_2"].min())),
        float(max(table["gap_1"].max(), table["gap_2"].max())),
    ]
    fig.add_scatter(
        x=ends, y=ends, mode="lines", hoverinfo="skip", line={"color": theme.colour("grey"), "width": 1, "dash": "dash"}
    )
    return fig.update_layout(
        xaxis=theme.axis("first_gap", zeroline=True), yaxis=theme.axis("second_gap", zeroline=True)
    )


def departments(result: Any, labels: Any = None) -> go.Figure:
    """What each source adds: Shapley value with its interval, and a mark for what dropping it loses; AUC and bads.

    `result` is a `DepartmentValue`; sources that add nothing are left out. `labels`: source → bilingual label.
    """
    table = theme.rows(result, ["source", "metric", "shapley", "shapley_lo", "shapley_hi", "drop"], "departments")
    auc = table[table["metric"] == "auc"].sort_values("shapley", ascending=False, kind="stable")
    moved = table.groupby("source")["shapley"].agg(lambda v: float(v.abs().max()))
    order = [s for s in auc["source"] if moved[s] > 0]
    facts = getattr(result, "facts", {})
    note = [theme.of(len(order), auc["source"].nunique(), "来源", "sources"), theme.sample(facts.get("rows")),
            theme.intervals(facts.get("level"))]  # fmt: skip
    fig = theme.figure("departments", note, height=210 + 28 * len(order))
    panels = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.06)
    fig.update_layout({k: v for k, v in panels.layout.to_plotly_json().items() if k != "template"})
    names = theme.show_labels(fig, [theme.label_of(s, labels) for s in order])
    for number, metric in enumerate(("auc", "caught")):
        part = table[table["metric"] == metric].set_index("source").loc[order]
        axes = {"xaxis": f"x{number + 1 if number else ''}", "yaxis": f"y{number + 1 if number else ''}"}
        fig.add_scatter(
            x=part["shapley"], y=np.arange(len(order)), mode="markers", name=word("shapley_value"), **axes,
            showlegend=number == 0, marker={"color": theme.colour("blue"), "size": 9},
            error_x=theme.spread(part["shapley"], part["shapley_lo"], part["shapley_hi"]),
            hovertemplate=theme.hover({"shapley_value": "%{x:+.4f}"}),
        )  # fmt: skip
        fig.add_scatter(
            x=part["drop"], y=np.arange(len(order)), mode="markers", name=word("drop_value"), **axes,
            showlegend=number == 0, marker={"color": theme.colour("vermilion"), "size": 8, "symbol": "x"},
            hovertemplate=theme.hover({"drop_value": "%{x:+.4f}"}),
        )  # fmt: skip
    rows = {"tickvals": np.arange(len(order)), "ticktext": names, "range": [len(order) - 0.5, -0.5]}
    return fig.update_layout(
        xaxis=theme.axis("auc_added", zeroline=True), xaxis2=theme.axis("bads_added", zeroline=True, tickformat=".0%"),
        yaxis=rows, yaxis2={**rows, "showticklabels": False}, margin={"l": 40, "t": 116},
    )  # fmt: skip


def _names(result: Any) -> Text | str:
    names = getattr(result, "names", None)
    if names is None:
        return ""
    one, two = (theme.clip(v) for v in names)
    return Text(f"模型一：{one}，模型二：{two}", f"first: {one}, second: {two}")
