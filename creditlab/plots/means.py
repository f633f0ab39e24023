"""Figures of a continuous target in bins: the mean amount of each bin with its interval over bars of the share of rows.

They draw `MeanTable`, or frames with the columns of its `tidy()`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from creditlab.plots import theme
from creditlab.plots.binning import bin_axis, broken, lower_half, named
from creditlab.plots.words import Text, word

__all__ = ["mean"]


def mean(table: Any, unit: str = "", labels: Any = None) -> go.Figure:
    """Mean of each bin with its interval, over bars of the share of rows. Bins without rows are not drawn.

    Parameters
    ----------
    table : a `MeanTable`, or a frame with `label n share mean mean_lo mean_hi`.
    unit : of the target, such as 'yuan'.
    labels : a `Dictionary`, to name the characteristic.
    """
    drawn = theme.rows(table, ["label", "n", "share", "mean", "mean_lo", "mean_hi"], "plots.means.mean")
    drawn = drawn[drawn["n"] > 0].reset_index(drop=True)
    notes: list[Text | str] = [theme.sample(drawn["n"].sum()), theme.intervals(getattr(table, "level", None))]
    if isinstance(getattr(table, "r2", None), float):
        notes.append(f"R² {table.r2:.4f}")
    fig = theme.figure("mean_by_bin", notes, height=460)
    place = np.arange(len(drawn))
    fig.add_bar(
        x=place,
        y=drawn["share"],
        yaxis="y2",
        name=word("share"),
        marker={"color": theme.colour("mist")},
        customdata=drawn[["n"]].to_numpy(),
        hovertemplate=theme.hover({"share": "%{y:.1%}", "n": "%{customdata[0]:,}"}),
    )
    line, at = broken(table, drawn, place)
    fig.add_scatter(
        x=at,
        y=line["mean"],
        mode="markers+lines",
        name=word("bin_mean"),
        line={"color": theme.colour("vermilion"), "width": 1.5},
        marker={"size": 8},
        error_y=theme.spread(line["mean"], line["mean_lo"], line["mean_hi"]),
        customdata=line[["n"]].to_numpy(),
        hovertemplate=theme.hover({"bin_mean": "%{y:,.6~g}", "n": "%{customdata[0]:,}"}),
    )
    fig.update_layout(
        xaxis=bin_axis(fig, table, drawn),
        yaxis=theme.axis("bin_mean", theme.escape(unit), overlaying="y2", tickmode="auto", tickformat=",.9~g"),
        yaxis2=theme.axis("share", "%", tickformat=".0~%", side="right", showgrid=False, **lower_half(drawn["share"])),
        margin={"r": 70, "t": 112},
    )
    return named(fig, table, labels)
