"""Figures of what a model does along features: curves, two features together, and what the card misses.

They draw `Effects`, `JointEffect` and `Missed`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from creditlab.plots import theme
from creditlab.plots.words import Text

__all__ = ["curves", "joint", "proposals"]

#: features in one figure; households whose own curves are drawn
MOST, OWN = 4, 30


def curves(result: Any) -> go.Figure:
    """The effect along each feature, up to four: the mean, and the middle share of the households' own curves.

    `result` is an `Effects`; with kind 'ice' the curves of thirty households are drawn beneath.
    """
    table = theme.rows(result, ["feature", "label", "n", "effect", "lo", "hi"], "plots.explanation_effects.curves")
    features = list(dict.fromkeys(table["feature"]))[:MOST]
    kind = getattr(result, "kind", "")
    note = [theme.of(len(features), table["feature"].nunique(), "特征", "features"),
            theme.sample(getattr(result, "facts", {}).get("rows")), kind.upper()]  # fmt: skip
    height = 130 + 330 * ((len(features) + 1) // 2)
    columns = min(len(features), 2)
    fig = theme.figure("curves", note, height=height, showlegend=False)
    panels = make_subplots((len(features) + 1) // 2, max(columns, 1), vertical_spacing=0.22, horizontal_spacing=0.1)
    fig.update_layout({k: v for k, v in panels.layout.to_plotly_json().items() if k != "template"})
    labels = getattr(result, "labels", None)
    for number, feature in enumerate(features):
        suffix = "" if number == 0 else str(number + 1)
        _curve(fig, table[table["feature"] == feature], result, feature, suffix)
        (name,) = theme.show_labels(fig, [theme.label_of(feature, labels)])
        fig.update_layout({f"yaxis{suffix}": theme.axis("effect_log_odds", zeroline=True)})
        fig.layout[f"xaxis{suffix}"].title.text = name
    return fig.update_layout(margin={"l": 60, "t": 90, "b": 100})


def _curve(fig: go.Figure, part: pd.DataFrame, result: Any, feature: str, suffix: str) -> None:
    place, axes = np.arange(len(part)), {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
    shown = [theme.clip(v, 22) for v in part["label"]]
    own = getattr(result, "curves", pd.DataFrame())
    if len(own):
        mine = own[own["feature"] == feature]
        for row in list(dict.fromkeys(mine["row"]))[:OWN]:
            fig.add_scatter(x=place, y=mine.loc[mine["row"] == row, "effect"], mode="lines", hoverinfo="skip", **axes,
                            line={"color": theme.colour("mist"), "width": 1})  # fmt: skip
    fig.add_scatter(
        x=place, y=part["effect"], mode="lines+markers", **axes,
        customdata=np.array([shown, part["n"]], dtype=object).T,
        line={"color": theme.colour("blue"), "width": 2}, marker={"size": 6},
        error_y=None if part["lo"].isna().all() or len(own) else theme.spread(
            part["effect"], part["lo"], part["hi"], color=theme.colour("sky")
        ),
        hovertemplate=theme.hover({"effect_log_odds": "%{y:+.3f}", "n": "%{customdata[1]}"}, head="%{customdata[0]}"),
    )  # fmt: skip
    step = max(1, len(part) // 8)
    fig.update_layout(
        {f"xaxis{suffix}": {"tickvals": place[::step], "ticktext": shown[::step], "tickangle": -35, "automargin": True}}
    )


def joint(result: Any) -> go.Figure:
    """What two features do together beyond what each does alone, as a heat map; `result` is a `JointEffect`."""
    table = theme.rows(result, ["first", "second", "joint"], "plots.explanation_effects.joint")
    across, down = list(dict.fromkeys(table["second"])), list(dict.fromkeys(table["first"]))
    cells = table["joint"].to_numpy().reshape(len(down), len(across))
    names, labels = getattr(result, "names", ("", "")), getattr(result, "labels", None)
    facts = getattr(result, "facts", {})
    note = [f"H² = {float(facts.get('h2', np.nan)):.3f}", theme.sample(facts.get("rows"))]
    fig = theme.figure("two_features", note, height=460)
    first, second = theme.show_labels(fig, [theme.label_of(n, labels) for n in names])
    limit = float(np.abs(cells).max(initial=0.0)) or 1.0
    fig.add_heatmap(
        z=cells, x=np.arange(len(across)), y=np.arange(len(down)), zmid=0, zmin=-limit, zmax=limit, xgap=1, ygap=1,
        colorscale=[[0, theme.colour("blue")], [0.5, "#f7f7f7"], [1, theme.colour("vermilion")]],
        colorbar={"thickness": 12}, hovertemplate=theme.hover({"joint_log_odds": "%{z:+.3f}"}),
    )  # fmt: skip
    ticks = [[theme.clip(v, 18) for v in side] for side in (across, down)]
    return fig.update_layout(
        xaxis={"tickvals": np.arange(len(across)), "ticktext": ticks[0], "title": {"text": second}, "tickangle": -35},
        yaxis={"tickvals": np.arange(len(down)), "ticktext": ticks[1], "title": {"text": first}},
        margin={"b": 110},
    )


def proposals(result: Any) -> go.Figure:
    """The proposals of a `Missed`, tested against the card's residuals; beyond the line one in forty by chance."""
    table = theme.rows(
        result, ["kind", "feature", "other", "z", "p_holm", "cut"], "plots.explanation_effects.proposals"
    )
    drawn = table.reset_index(drop=True)
    facts = getattr(result, "facts", {})
    note = [theme.of(len(drawn), len(drawn), "项", "proposals"), theme.sample(facts.get("rows")),
            Text("实心：Holm 校正后 p ≤ 5%", "filled: p ≤ 5 % after Holm")]  # fmt: skip
    fig = theme.figure("proposals", note, height=150 + 28 * len(drawn), showlegend=False)
    texts = [
        Text.same(f"{row.feature} × {row.other}") if row.kind == "cross" else
        Text(f"{row.feature} 在 {row.cut:g} 处分箱", f"{row.feature} cut at {row.cut:g}")
        for row in drawn.itertuples()
    ]  # fmt: skip
    names = theme.show_labels(fig, texts, most=44)
    fig.add_bar(
        x=drawn["z"], y=np.arange(len(drawn)), orientation="h",
        marker={
            "color": [theme.colour("vermilion" if p <= 0.05 else "mist") for p in drawn["p_holm"]],
            "line": {"color": theme.colour("grey"), "width": 1},
        },
        hovertemplate=theme.hover({"z_of_residuals": "%{x:.2f}"}),
    )  # fmt: skip
    fig.add_vline(x=1.96, line={"color": theme.colour("grey"), "width": 1, "dash": "dot"})
    rows = {"tickvals": np.arange(len(drawn)), "ticktext": names, "autorange": "reversed", "showgrid": False}
    return fig.update_layout(xaxis=theme.axis("z_of_residuals", zeroline=True), yaxis=rows, margin={"l": 40})
