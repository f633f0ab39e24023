"""Figures of a scorecard: points by bin, coefficients with their intervals, the distribution of scores.

They draw a `ScorecardResult` and frames of scores.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from creditlab.checks import check_columns, check_frame
from creditlab.errors import InputError, message
from creditlab.plots import theme
from creditlab.plots.words import WORDS, Text, word

__all__ = ["coefficients", "points", "score_distribution"]

#: bars of the score distribution
BARS = 40


def points(result: Any) -> go.Figure:
    """The points of every bin, a row per characteristic, the widest on top; the mark grows with the share of rows.

    `result` is a `ScorecardResult`, or a frame with the columns of its `points_table()`.
    """
    table = result.points_table() if hasattr(result, "points_table") else result
    needed = ["feature", "label_zh", "label_en", "bin_zh", "bin_en", "n", "bad_rate", "points"]
    check_columns(check_frame(table, "plots.scorecard.points"), needed, "plots.scorecard.points")
    drawn = table[(table["n"] > 0) & (table["feature"] != "(base)")]
    by_feature = drawn.groupby("feature", sort=False)["points"]
    width = (by_feature.max() - by_feature.min()).sort_values(ascending=False, kind="stable")
    place = {name: i for i, name in enumerate(width.index)}
    n = int(drawn.groupby("feature")["n"].sum().max()) if len(drawn) else 0
    size = Text("标记面积 = 样本占比", "area of mark = share of rows")
    note = [theme.of(len(width), len(width), "特征", "features"), theme.sample(n), size]
    fig = theme.figure("points_by_bin", note, height=130 + 30 * len(width), showlegend=False)
    first = drawn.drop_duplicates("feature").set_index("feature").loc[width.index]
    names = theme.show_labels(fig, [Text(str(zh), str(en)) for zh, en in first[["label_zh", "label_en"]].to_numpy()])
    for name, part in drawn.groupby("feature", sort=False):
        fig.add_scatter(**_bins_of(part, place[name], n))
    rows = {"tickvals": list(place.values()), "ticktext": names, "autorange": "reversed"}
    return fig.update_layout(xaxis=theme.axis("points"), yaxis=rows, margin={"l": 40})


def _bins_of(part: pd.DataFrame, row: int, n: int) -> dict[str, Any]:
    both = [
        theme.clip(zh if zh == en else f"{zh} {en}", 60) for zh, en in zip(part["bin_zh"], part["bin_en"], strict=True)
    ]
    order = np.argsort(part["points"].to_numpy(), kind="stable")
    return {
        "x": part["points"].to_numpy()[order],
        "y": np.full(len(part), row),
        "mode": "lines+markers",
        "line": {"color": theme.colour("mist"), "width": 3},
        "marker": {
            "color": theme.colour("blue"),
            "size": 7 + 22 * np.sqrt(part["n"].to_numpy()[order] / max(n, 1)),
            "sizemode": "diameter",
            "opacity": 0.75,
            "line": {"width": 1, "color": theme.colour("paper")},
        },
        "customdata": np.array(
            [both, part["n"].map("{:,.6g}".format), part["bad_rate"].map("{:.2%}".format)], dtype=object
        ).T[order],
        "hovertemplate": theme.hover(
            {"points": "%{x}", "n": "%{customdata[1]}", "bad_rate": "%{customdata[2]}"}, head="%{customdata[0]}"
        ),
    }


def coefficients(result: Any) -> go.Figure:
    """The coefficients of the features with their intervals; a hollow mark has none and says why.

    `result` is a `ScorecardResult`, or a frame with `feature coef lo hi` and perhaps `reason`. The intercept is left
    out: it is on another scale.
    """
    table = theme.rows(result, ["feature", "coef", "lo", "hi"], "plots.scorecard.coefficients")
    drawn = table[table["feature"] != "(intercept)"].reset_index(drop=True)
    unit = Text("WOE 每单位", "per unit of WOE")
    note = [theme.sample(getattr(result, "facts", {}).get("n")), theme.intervals(0.95), unit]
    fig = theme.figure("coefficients", note, height=130 + 26 * len(drawn), showlegend=False)
    labels = getattr(result, "labels", None)
    names = theme.show_labels(fig, [theme.label_of(name, labels) for name in drawn["feature"]])
    place = np.arange(len(drawn))
    known = (drawn["lo"].notna() & drawn["hi"].notna()).to_numpy()
    reason = drawn["reason"] if "reason" in drawn else pd.Series("", index=drawn.index)
    fig.add_scatter(
        x=drawn["coef"],
        y=place,
        mode="markers",
        error_x=theme.spread(drawn["coef"], drawn["lo"], drawn["hi"]),
        marker={"color": theme.colour("blue"), "size": 9, "symbol": np.where(known, "circle", "circle-open")},
        customdata=np.array([drawn["lo"], drawn["hi"], reason.fillna("").map(theme.escape)], dtype=object).T,
        hovertemplate=theme.hover(
            {
                "coefficient": "%{x:.3f}",
                "interval": "%{customdata[0]:.3f} … %{customdata[1]:.3f}",
                "reason": "%{customdata[2]}",
            }
        ),
    )
    rows = {"tickvals": place, "ticktext": names, "autorange": "reversed"}
    return fig.update_layout(
        xaxis=theme.axis("coefficient", zeroline=True, rangemode="tozero"), yaxis=rows, margin={"l": 40}
    )


def score_distribution(scores: Any, bad: Any = None) -> go.Figure:
    """The distribution of scores, of goods and of bads where the outcome is known.

    Parameters
    ----------
    scores : a frame or result with `points` and perhaps `bad` (0/1), a row per scored row; at most 40 bars are drawn.
    bad : the outcome of each row, when it is not a column.
    """
    table = theme.rows(scores, ["points"], "plots.scorecard.score_distribution")
    values = table["points"].to_numpy(dtype=float)
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise InputError(message("finite points", f"{count} rows without", "score_distribution", "Score them first."))
    given = table["bad"] if bad is None and "bad" in table else bad
    outcome = None if given is None else np.asarray(given, dtype=float)
    edges = np.histogram_bin_edges(values, bins=min(BARS, max(1, len(np.unique(values)))))
    groups = {"all": np.full(len(values), True)} if outcome is None else {"good": outcome == 0, "bad": outcome == 1}
    sizes = {name: f" n = {int(part.sum()):,}" for name, part in groups.items()}
    note = [Text(WORDS[name].zh + size, WORDS[name].en + size) for name, size in sizes.items()]
    fig = theme.figure("score_distribution", note, bargap=0.02)
    for name, part in groups.items():
        _histogram(fig, name, values[part], edges)
    return fig.update_layout(
        xaxis=theme.axis("score", showgrid=False),
        yaxis=theme.axis("share", "%", tickformat=".0%", rangemode="tozero"),
        showlegend=True,
    )


def _histogram(fig: go.Figure, name: str, values: np.ndarray, edges: np.ndarray) -> None:
    """Bars for the goods or for all, a stepped line for the bads: the two can be told apart in grey."""
    count = np.histogram(values, edges)[0]
    share = count / max(1, count.sum())
    lines = {"score": "%{customdata[0]:.0f} … %{customdata[1]:.0f}", "share": "%{y:.1%}", "n": "%{customdata[2]:,}"}
    common = {
        "x": (edges[1:] + edges[:-1]) / 2,
        "y": share,
        "name": word(name),
        "customdata": np.array([edges[:-1], edges[1:], count]).T,
        "hovertemplate": theme.hover(lines, head=word(name)),
    }
    if name == "bad":
        line = {"color": theme.colour("vermilion"), "width": 2, "shape": "hvh"}
        fig.add_scatter(mode="lines", line=line, **common)
    else:
        marker = {"color": theme.colour("grey" if name == "all" else "blue"), "line": {"width": 0}}
        fig.add_bar(width=np.diff(edges), opacity=0.6, marker=marker, **common)
