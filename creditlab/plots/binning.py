"""Figures of bins: bad rate and WOE of a characteristic with their intervals, information value of many.

They draw `BinTable` and `BinningResult`, or frames with the columns of their `tidy()`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from creditlab.plots import theme
from creditlab.plots.words import Text, word

__all__ = ["bad_rate", "iv", "woe"]

#: features in one figure; the table has them all
MOST = 30


def bad_rate(table: Any, labels: Any = None) -> go.Figure:
    """Bad rate of each bin with its interval, over bars of the share of rows. Bins without rows are not drawn.

    Parameters
    ----------
    table : a `BinTable`, or a frame with `label n bads share bad_rate bad_rate_lo bad_rate_hi`.
    labels : a `Dictionary`, to name the characteristic.
    """
    needed = ["label", "n", "bads", "share", "bad_rate", "bad_rate_lo", "bad_rate_hi"]
    drawn = _with_rows(theme.rows(table, needed, "plots.binning.bad_rate"))
    fig = theme.figure("bad_rate_by_bin", _note(table, drawn))
    place = np.arange(len(drawn))
    counts = drawn[["n", "bads"]].to_numpy()
    fig.add_bar(
        x=place,
        y=drawn["share"],
        yaxis="y2",
        name=word("share"),
        marker={"color": theme.colour("mist")},
        hovertemplate=theme.hover({"share": "%{y:.1%}", "n": "%{customdata[0]:,}"}),
        customdata=counts,
    )
    fig.add_scatter(
        x=place,
        y=drawn["bad_rate"],
        mode="markers+lines",
        name=word("bad_rate"),
        line={"color": theme.colour("vermilion"), "width": 1.5},
        marker={"size": 8},
        error_y=theme.spread(drawn["bad_rate"], drawn["bad_rate_lo"], drawn["bad_rate_hi"]),
        customdata=counts,
        hovertemplate=theme.hover({"bad_rate": "%{y:.2%}", "bads": "%{customdata[1]:,}", "n": "%{customdata[0]:,}"}),
    )
    fig.update_layout(
        xaxis=_bin_axis(fig, table, drawn),
        yaxis=theme.axis("bad_rate", "%", tickformat=".3~%", rangemode="tozero", overlaying="y2", tickmode="auto"),
        # the bars keep to the lower half, out of the way of the line
        yaxis2=theme.axis("share", "%", tickformat=".0~%", side="right", showgrid=False, **_lower_half(drawn["share"])),
        margin={"r": 70},
    )
    return _named(fig, table, labels)


def woe(table: Any, labels: Any = None) -> go.Figure:
    """WOE of each bin with its interval: above zero safer than the sample, below zero riskier.

    `table` is a `BinTable`, or a frame with `label n woe woe_lo woe_hi`.
    """
    drawn = _with_rows(theme.rows(table, ["label", "n", "woe", "woe_lo", "woe_hi"], "plots.binning.woe"))
    fig = theme.figure("woe_by_bin", _note(table, drawn))
    place = np.arange(len(drawn))
    for name, side, colour in (
        ("lowers_risk", drawn["woe"] >= 0, "blue"),
        ("raises_risk", drawn["woe"] < 0, "vermilion"),
    ):
        part = drawn[side]
        fig.add_bar(
            x=place[side.to_numpy()],
            y=part["woe"],
            name=word(name),
            marker={"color": theme.colour(colour)},
            error_y=theme.spread(part["woe"], part["woe_lo"], part["woe_hi"], color=theme.colour("grey")),
            customdata=part[["n"]].to_numpy(),
            hovertemplate=theme.hover({"woe": "%{y:.3f}", "n": "%{customdata[0]:,}"}),
        )
    fig.update_layout(xaxis=_bin_axis(fig, table, drawn), yaxis=theme.axis("woe", zeroline=True))
    return _named(fig, table, labels)


def iv(result: Any, labels: Any = None) -> go.Figure:
    """Information value of each characteristic, the largest on top; the first 30.

    `result` is a `BinningResult`, or a frame with `name iv`; `labels` a `Dictionary`.
    """
    table = theme.rows(result, ["name", "iv"], "plots.binning.iv")
    drawn = table.sort_values("iv", ascending=False, kind="stable").head(MOST)
    n = table["n"].max() if "n" in table else None
    note = [theme.of(len(drawn), len(table), "特征", "features"), theme.sample(n)]
    fig = theme.figure("iv_by_feature", note, height=110 + 22 * len(drawn), showlegend=False)
    names = theme.show_labels(fig, [theme.label_of(name, labels) for name in drawn["name"]])
    place = np.arange(len(drawn))
    fig.add_bar(
        x=drawn["iv"],
        y=place,
        orientation="h",
        marker={"color": theme.colour("blue")},
        text=drawn["iv"],
        texttemplate="%{x:.3f}",
        textposition="outside",
        cliponaxis=False,
        hovertemplate=theme.hover({"iv": "%{x:.4f}"}),
    )
    rows = {"tickvals": place, "ticktext": names, "autorange": "reversed", "showgrid": False}
    fig.update_layout(xaxis=theme.axis("iv", rangemode="tozero"), yaxis=rows, margin={"l": 40, "r": 60})
    return fig


def _with_rows(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["n"] > 0].reset_index(drop=True)


def _lower_half(share: pd.Series) -> dict[str, Any]:
    """Range and ticks of an axis whose bars reach half of its height."""
    most = float(share.max())
    step = next((s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if most / s <= 5), 1.0)
    return {"range": [0, 2 * most], "tickvals": np.arange(0, most + step / 2, step)}


def _bin_axis(fig: go.Figure, table: Any, drawn: pd.DataFrame) -> dict[str, Any]:
    if callable(getattr(table, "label", None)) and "bin" in drawn:
        texts = [Text(str(table.label(c, "zh")), str(table.label(c, "en"))) for c in drawn["bin"]]
    else:
        texts = [Text.same(label) for label in drawn["label"]]
    # places, not labels, carry the bins: two long labels may look alike once shortened
    ticks = theme.show_labels(fig, texts, 22)
    return theme.axis("bin", tickvals=np.arange(len(drawn)), ticktext=ticks, showgrid=False)


def _note(table: Any, drawn: pd.DataFrame) -> list[Text | str]:
    parts = [theme.sample(drawn["n"].sum()), theme.intervals(getattr(table, "level", None))]
    return [*parts, f"IV {table.iv:.3f}"] if isinstance(getattr(table, "iv", None), float) else parts


def _named(fig: go.Figure, table: Any, labels: Any) -> go.Figure:
    """The name of the characteristic in front of the title."""
    name = getattr(table, "name", None)
    if isinstance(name, str):
        text: Text = theme.label_of(name, labels)
        fig.update_layout(title={"text": f"{theme.clip(text.both, 40)}: {fig.layout.title.text}"})
    return fig
