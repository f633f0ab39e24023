"""Figures of strategy tables: bads captured by the riskiest, what a cut-off trades, where profit lies.

They draw a `Gains` or a `CutoffSweep` of the scorecard, or frames with their columns; they choose no cut-off.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from creditlab.plots import theme
from creditlab.plots.words import Text, word

__all__ = ["captured", "profit", "trade_off"]

#: room for a legend below the lines under the title
BELOW = {"t": 112}


def captured(result: Any) -> go.Figure:
    """The share of all bads among the riskiest rows, against their share, with its interval and the line of chance.

    `result` is a `Gains`, or a frame with `cum_share cum_bads cum_bads_lo cum_bads_hi cum_lift points_hi n`.
    """
    needed = ["cum_share", "cum_bads", "cum_bads_lo", "cum_bads_hi", "cum_lift", "points_hi", "n"]
    table = theme.rows(result, needed, "plots.strategy.captured")
    fig = theme.figure("bads_captured", [theme.sample(table["n"].sum()), _level(result)], showlegend=True, margin=BELOW)
    line = {"color": theme.colour("grey"), "dash": "dot", "width": 1.5}
    fig.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, name=word("chance"), hoverinfo="skip")
    lines = {
        "cum_share": "%{x:.1%}", "cum_bads": "%{y:.1%}", "interval": "%{customdata[0]:.1%} … %{customdata[1]:.1%}",
        "lift": "%{customdata[2]:.2f}", "score": "≤ %{customdata[3]:.6g}",
    }  # fmt: skip
    fig.add_scatter(
        x=table["cum_share"], y=table["cum_bads"], mode="lines+markers", name=word("cum_bads"),
        line={"color": theme.colour("blue"), "width": 2}, marker={"size": 8},
        error_y=theme.spread(table["cum_bads"], table["cum_bads_lo"], table["cum_bads_hi"]),
        customdata=table[["cum_bads_lo", "cum_bads_hi", "cum_lift", "points_hi"]].to_numpy(),
        hovertemplate=theme.hover(lines),
    )  # fmt: skip
    return fig.update_layout(
        xaxis=theme.axis("cum_share", "%", tickformat=".0%", range=[0, 1.02]),
        yaxis=theme.axis("cum_bads", "%", tickformat=".0%", range=[0, 1.05]),
    )


def trade_off(result: Any) -> go.Figure:
    """The bad rate among the approved against the share approved, a mark per cut-off, both with their intervals.

    `result` is a `CutoffSweep`, or a frame with `cutoff n approval approval_lo approval_hi bad_rate lo hi`. Cut-offs
    that approve nobody of known outcome have no bad rate and no mark.
    """
    needed = ["cutoff", "n", "approval", "approval_lo", "approval_hi", "bad_rate", "lo", "hi"]
    table = theme.rows(result, needed, "plots.strategy.trade_off")
    drawn = table[table["bad_rate"].notna()]
    note = [theme.sample(_applicants(result, table)), _level(result),
            theme.of(len(drawn), len(table), "准入分", "cut-offs")]  # fmt: skip
    fig = theme.figure("trade_off", note, showlegend=False)
    lines = {
        "cutoff": "%{customdata[0]:.6g}", "approval": "%{x:.1%}", "n": "%{customdata[1]:,.6g}", "bad_rate": "%{y:.2%}",
        "interval": "%{customdata[2]:.2%} … %{customdata[3]:.2%}",
    }  # fmt: skip
    fig.add_scatter(
        x=drawn["approval"], y=drawn["bad_rate"], mode="lines+markers",
        line={"color": theme.colour("mist"), "width": 2}, marker={"color": theme.colour("blue"), "size": 8},
        error_x=theme.spread(drawn["approval"], drawn["approval_lo"], drawn["approval_hi"], color=theme.colour("grey")),
        error_y=theme.spread(drawn["bad_rate"], drawn["lo"], drawn["hi"], color=theme.colour("grey")),
        customdata=drawn[["cutoff", "n", "lo", "hi"]].to_numpy(), hovertemplate=theme.hover(lines),
    )  # fmt: skip
    return fig.update_layout(
        xaxis=theme.axis("approval", "%", tickformat=".0%", range=[0, 1.04]),
        yaxis=theme.axis("bad_rate", "%", tickformat=".1%", rangemode="tozero"),
    )


def profit(result: Any) -> go.Figure:
    """Profit by cut-off with its interval; filled marks are cut-offs that the rows cannot tell from the best.

    `result` is a `CutoffSweep` made with `economics`, or a frame with `cutoff n profit profit_lo profit_hi as_good`.
    """
    needed = ["cutoff", "n", "profit", "profit_lo", "profit_hi", "as_good"]
    table = theme.rows(result, needed, "plots.strategy.profit")
    note = [theme.sample(_applicants(result, table)), _level(result)]
    fig = theme.figure("profit_by_cutoff", note, showlegend=True, margin=BELOW)
    lines = {
        "cutoff": "%{x:.6g}", "profit": "%{y:,.4g}", "interval": "%{customdata[0]:,.4g} … %{customdata[1]:,.4g}",
        "n": "%{customdata[2]:,.6g}",
    }  # fmt: skip
    groups = (("as_good", table["as_good"], "circle"), ("behind", ~table["as_good"].astype(bool), "circle-open"))
    for name, chosen, symbol in groups:
        part: pd.DataFrame = table[chosen.astype(bool)]
        fig.add_scatter(
            x=part["cutoff"], y=part["profit"], mode="markers", name=word(name),
            marker={"color": theme.colour("blue"), "size": 9, "symbol": symbol},
            error_y=theme.spread(part["profit"], part["profit_lo"], part["profit_hi"], color=theme.colour("grey")),
            customdata=part[["profit_lo", "profit_hi", "n"]].to_numpy(), hovertemplate=theme.hover(lines),
        )  # fmt: skip
    return fig.update_layout(
        xaxis=theme.axis("cutoff"), yaxis=theme.axis("profit", "元 yuan", zeroline=True, rangemode="tozero")
    )


def _level(result: Any) -> Text | str:
    return theme.intervals(getattr(result, "facts", {}).get("level"))


def _applicants(result: Any, table: pd.DataFrame) -> float:
    return float(getattr(result, "facts", {}).get("n", np.nan_to_num(table["n"]).max()))
