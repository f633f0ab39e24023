"""Figures of bins seen on other rows: samples side by side, rates by period, rates by group, IV by scope.

They draw `BinView` (one characteristic) and `BinningView` (all of them).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from creditlab.checks import check_columns
from creditlab.errors import InputError, message
from creditlab.plots import theme
from creditlab.plots.binning import bin_axis, bin_text, broken, lower_half, named, panel_head, panels
from creditlab.plots.words import WORDS, Text, word

__all__ = ["by_group", "by_period", "compare", "iv_by_scope"]

#: colour, mark and line of each series: told apart in grey by mark and line
STYLES = (
    ("blue", "circle", "solid"),
    ("vermilion", "square", "dash"),
    ("green", "triangle-up", "dot"),
    ("purple", "diamond", "dashdot"),
    ("ochre", "x", "longdash"),
    ("grey", "cross", "longdashdot"),
    ("ink", "triangle-down", "solid"),
    ("sky", "star", "dash"),
)
MOST_SAMPLES = 4
MOST_FEATURES = 20
#: groups in one panel; the view has them all
MOST_GROUPS = 40
PERIODS = ("train period", "period")


def compare(view: Any, scopes: Sequence[str] | None = None, labels: Any = None) -> go.Figure:
    """Bad rate of each bin on training rows and on others, with intervals, over bars of the share of rows.

    Parameters
    ----------
    view : a `BinView`.
    scopes : names of scopes; else training and the other samples (without their periods and groups), four at most.
    labels : a `Dictionary`, to name the characteristic.
    """
    table = _table(view, "plots.binning_views.compare")
    names = list(scopes) if scopes is not None else _samples(table)
    unknown = [s for s in names if s not in set(table["scope"])]
    if unknown or not names:
        known = ", ".join(map(str, table["scope"].unique()))
        raise InputError(message(f"scopes among {known}", f"{unknown or 'none'}", "compare", "Name other scopes."))
    names = names[:MOST_SAMPLES]
    bins = _bins_with_rows(table[table["scope"].isin(names)])
    level = theme.intervals(view.level)
    fig = theme.figure("bins_compared", [_sizes(table, names), level], 460, barmode="group", bargap=0.45)
    shades = ("mist", "sky", "sand", "grey")
    for k, name in enumerate(names):
        part = table[table["scope"] == name].set_index("bin").loc[bins]
        colour, mark, dash = STYLES[k]
        said, spot = said_scope(name), np.arange(len(bins)) + 0.16 * (k - (len(names) - 1) / 2)
        fig.add_bar(
            x=np.arange(len(bins)),
            y=part["share"],
            yaxis="y2",
            name=f"{word('share')} · {said}",
            marker={"color": theme.colour(shades[k])},
            customdata=part[["n"]].to_numpy(),
            hovertemplate=theme.hover({"share": "%{y:.1%}", "n": "%{customdata[0]:,}"}, said),
        )
        line, at = broken(view.bins, part.reset_index(), spot)
        fig.add_scatter(
            x=at,
            y=line["bad_rate"],
            name=f"{word('bad_rate')} · {said}",
            mode="markers+lines",
            line={"color": theme.colour(colour), "width": 1.4, "dash": dash},
            marker={"size": 8, "symbol": mark},
            error_y=theme.spread(line["bad_rate"], line["bad_rate_lo"], line["bad_rate_hi"]),
            customdata=line[["n", "bads"]].to_numpy(),
            hovertemplate=_rate_hover(said),
        )
    share = table[table["scope"].isin(names)]["share"]
    rate = theme.axis("bad_rate", "%", tickformat=".3~%", rangemode="tozero", overlaying="y2", tickmode="auto")
    drawn = table[table["scope"] == names[0]].set_index("bin", drop=False).loc[bins]
    fig.update_layout(
        xaxis=bin_axis(fig, view.bins, drawn),
        yaxis=rate,
        yaxis2=theme.axis("share", "%", tickformat=".0~%", side="right", showgrid=False, **lower_half(share)),
        margin={"r": 70, "t": 120},
    )
    return named(fig, view, labels)


def by_period(view: Any, labels: Any = None) -> go.Figure:
    """Bad rate of each bin by period, a line per bin with intervals: where lines cross, the order turned.

    Periods of training have full marks, those of other rows hollow ones.
    """
    table = _table(view, "plots.binning_views.by_period")
    drawn = table[table["kind"].isin(PERIODS)]
    if not len(drawn):
        fix = "Give period= to Binner.fit or Binner.on."
        raise InputError(message("periods in the view", "none", "plots.binning_views.by_period", fix))
    scopes = list(dict.fromkeys(zip(drawn["kind"], drawn["scope"], strict=True)))
    bins = _bins_with_rows(drawn)
    left_out = len(bins) - len(STYLES)
    more = Text(f"另有 {left_out} 箱未画", f"{left_out} more bins not drawn") if left_out > 0 else ""
    note = [theme.sample(drawn["n"].sum()), theme.intervals(view.level), more]
    fig = theme.figure("bad_rate_by_period", note, height=480)
    bins = bins[: len(STYLES)]
    texts = [bin_text(view.bins, b) for b in bins]
    first_other = sum(kind == PERIODS[0] for kind, _ in scopes) - 0.5
    shown = theme.show_labels(fig, texts, 30)
    for k, (code, said) in enumerate(zip(bins, shown, strict=True)):
        part = drawn[drawn["bin"] == code]
        part = part[part["n"] > 0]
        place = np.array([scopes.index(key) for key in zip(part["kind"], part["scope"], strict=True)])
        part, place = _with_gap(part, place, first_other)
        colour, mark, dash = STYLES[k]
        fig.add_scatter(
            x=place + 0.06 * (k - (len(bins) - 1) / 2),
            y=part["bad_rate"],
            mode="markers+lines",
            name=said,
            line={"color": theme.colour(colour), "width": 1.4, "dash": dash},
            marker={"size": 8, "symbol": [f"{mark}-open" if p > first_other else mark for p in place]},
            error_y=theme.spread(part["bad_rate"], part["bad_rate_lo"], part["bad_rate_hi"]),
            customdata=part[["n", "bads"]].to_numpy(),
            hovertemplate=_rate_hover(said),
        )
    sizes = [int(drawn[(drawn["kind"] == kind) & (drawn["scope"] == s)]["n"].sum()) for kind, s in scopes]
    ticks = [f"{theme.clip(s, 20)}<br>n = {n:,}" for (_, s), n in zip(scopes, sizes, strict=True)]
    if 0 < first_other < len(scopes) - 1:
        _mark_training(fig, table, first_other)
    fig.update_layout(
        xaxis=theme.axis("period", tickvals=np.arange(len(scopes)), ticktext=ticks, showgrid=False),
        yaxis=theme.axis("bad_rate", "%", tickformat=".3~%", rangemode="tozero"),
        margin={"t": 120},
    )
    return named(fig, view, labels)


def _with_gap(part: pd.DataFrame, place: np.ndarray, at: float) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows and their places with an empty one between training and other rows, where the line breaks."""
    row = int((place < at).sum())
    if row in (0, len(part)):
        return part, place.astype(float)
    empty = pd.DataFrame([dict.fromkeys(part.columns, np.nan)]).astype(object)
    parts = [part.iloc[:row].astype(object), empty, part.iloc[row:].astype(object)]
    return pd.concat(parts, ignore_index=True), np.insert(place.astype(float), row, at)


def _mark_training(fig: go.Figure, table: pd.DataFrame, at: float) -> None:
    """A line between the periods of training and those of other rows, and who is on which side."""
    fig.add_vline(x=at, line={"color": theme.colour("grey"), "dash": "dot", "width": 1})
    others = [said_scope(s) for s in _samples(table)[1:]]
    for text, anchor, shift in ((word("train"), "right", -6), (" · ".join(others), "left", 6)):
        side = {"xanchor": anchor, "xshift": shift, "yanchor": "top"}
        fig.add_annotation(text=text, x=at, y=1, yref="paper", showarrow=False, **side)


def by_group(view: Any, kind: str | None = None, labels: Any = None) -> go.Figure:
    """Bad rate of each bin in each group (village, branch), a panel per bin, groups in order of their rate.

    The line is the bin's rate in training; a square marks a group whose interval excludes it.

    Parameters
    ----------
    view : a `BinView` that was cut `by` groups.
    kind : the kind of scopes to draw; else the one with most scopes besides samples and periods.
    """
    table = _table(view, "plots.binning_views.by_group")
    scopes = table.drop_duplicates(["kind", "scope"])
    known = scopes[~scopes["kind"].isin(("train", "sample", *PERIODS))]["kind"].value_counts()
    chosen = kind if kind is not None else next(iter(known.index), "")
    if chosen not in known.index:
        came = repr(kind) if kind is not None else "none"
        fix = "Give by= or groups= to Binner.on."
        raise InputError(message(f"one of {list(known.index)}", came, "plots.binning_views.by_group", fix))
    part = table[(table["kind"] == chosen) & (table["n"] > 0)]
    sizes = part.groupby("scope")["n"].sum().sort_values(ascending=False, kind="stable")
    kept = set(sizes.index[:MOST_GROUPS])
    bins = _bins_with_rows(part)[:6]
    columns = min(len(bins), 3)
    rows = -(-len(bins) // columns)
    said = WORDS.get(chosen, Text.same(chosen))
    note = [
        theme.of(len(kept), len(sizes), said.zh, said.en),
        theme.sample(part["n"].sum()),
        theme.intervals(view.level),
    ]
    fig = panels(theme.figure("bad_rate_by_group", note, height=150 + 280 * rows), rows, columns, shared=True)
    for k, code in enumerate(bins):
        at = {"row": k // columns + 1, "col": k % columns + 1}
        _add_group_panel(fig, view, part[(part["bin"] == code) & part["scope"].isin(kept)], code, at)
        panel_head(fig, bin_text(view.bins, code), f"{view.bins.table['bad_rate'].iloc[code]:.1%}", at)
    fig.update_xaxes(showticklabels=False, ticks="", showgrid=False)
    fig.update_yaxes(tickformat=".0~%", rangemode="tozero")
    fig.update_yaxes(title={"text": word("bad_rate", "%")}, col=1)
    return named(fig, view, labels)


def _add_group_panel(fig: go.Figure, view: Any, part: pd.DataFrame, code: int, at: dict[str, int]) -> None:
    rate = float(view.bins.table["bad_rate"].iloc[code])
    drawn = part.sort_values(["bad_rate", "n"], kind="stable").reset_index(drop=True)
    in_legend = {t.legendgroup for t in fig.data}
    apart = (drawn["bad_rate_lo"] > rate) | (drawn["bad_rate_hi"] < rate)
    for name, rows, colour, mark in (
        ("interval", drawn[~apart], "blue", "circle"),
        ("apart", drawn[apart], "vermilion", "square"),
    ):
        fig.add_scatter(
            x=rows.index,
            y=rows["bad_rate"],
            mode="markers",
            name=word("bad_rate") if name == "interval" else word(name),
            legendgroup=name if len(rows) else "",
            showlegend=name not in in_legend and len(rows) > 0,
            marker={"color": theme.colour(colour), "symbol": mark, "size": 6},
            error_y=theme.spread(rows["bad_rate"], rows["bad_rate_lo"], rows["bad_rate_hi"], thickness=1, width=0),
            customdata=[
                [theme.escape(s), n, b] for s, n, b in zip(rows["scope"], rows["n"], rows["bads"], strict=True)
            ],
            hovertemplate=theme.hover(
                {"bad_rate": "%{y:.1%}", "bads": "%{customdata[2]:,}", "n": "%{customdata[1]:,}"}, "%{customdata[0]}"
            ),
            **at,
        )
    fig.add_scatter(
        x=[-0.5, max(len(drawn) - 0.5, 0.5)],
        y=[rate, rate],
        mode="lines",
        name=word("rate_in_training"),
        legendgroup="line",
        showlegend="line" not in in_legend,
        line={"color": theme.colour("ink"), "dash": "dash", "width": 1},
        hoverinfo="skip",
        **at,
    )


def iv_by_scope(view: Any, labels: Any = None) -> go.Figure:
    """IV of each characteristic on training and on other samples, with intervals; the largest in training on top.

    `view` is a `BinningView`. What is seen in training and gone on other rows was found by the search alone.
    """
    needed = ["name", "scope", "kind", "n", "iv", "iv_lo", "iv_hi", "iv_noise"]
    table = theme.rows(view, needed, "plots.binning_views.iv_by_scope")
    scopes = _samples(table)[:MOST_SAMPLES]
    train = table[table["scope"] == scopes[0]].sort_values("iv", ascending=False, kind="stable")
    order = train["name"].tolist()[:MOST_FEATURES]
    of_all = theme.of(len(order), len(train), "特征", "features")
    fig = theme.figure("iv_by_scope", [of_all, _sizes(table, scopes)], height=170 + 26 * len(order))
    names = theme.show_labels(fig, [theme.label_of(name, labels) for name in order])
    for k, scope in enumerate(scopes):
        part = table[table["scope"] == scope].set_index("name").loc[order]
        colour, mark, _ = STYLES[k]
        place = np.arange(len(order)) + 0.24 * (k - (len(scopes) - 1) / 2)
        said = said_scope(scope)
        fig.add_scatter(
            x=part["iv"],
            y=place,
            mode="markers",
            name=said,
            marker={"color": theme.colour(colour), "symbol": mark, "size": 8},
            customdata=part[["iv_lo", "iv_hi", "iv_noise"]].to_numpy(),
            hovertemplate=theme.hover({"iv": "%{x:.4f}", "iv_noise": "%{customdata[2]:.4f}"}, said),
        )
        middle = (part["iv_lo"] + part["iv_hi"]) / 2
        fig.add_scatter(
            x=middle,
            y=place,
            mode="markers",
            showlegend=False,
            hoverinfo="skip",
            marker={"size": 1, "color": theme.colour(colour)},
            error_x=theme.spread(middle, part["iv_lo"], part["iv_hi"], color=theme.colour(colour)),
        )
        fig.add_scatter(
            x=part["iv_noise"],
            y=place,
            mode="markers",
            name=word("iv_noise"),
            legendgroup="noise",
            showlegend=k == 0,
            marker={"symbol": "line-ns-open", "size": 9, "color": theme.colour("grey"), "line": {"width": 2}},
            hovertemplate=theme.hover({"iv_noise": "%{x:.4f}"}, said),
        )
    rows = {"tickvals": np.arange(len(order)), "ticktext": names, "autorange": "reversed", "showgrid": False}
    return fig.update_layout(xaxis=theme.axis("iv", rangemode="tozero"), yaxis=rows, margin={"l": 40, "t": 110})


def said_scope(name: Any) -> str:
    """A scope in both languages where the glossary knows it, else its name, inert."""
    known = WORDS.get(str(name).replace("-", "_"))
    return known.both if known else theme.clip(name, 24)


def _table(view: Any, where: str) -> pd.DataFrame:
    if not hasattr(view, "bins"):
        raise InputError(message("a BinView", type(view).__name__, where, "Use binner.on(...)[name] or table.view()."))
    table = view.tidy()
    check_columns(table, ["scope", "kind", "bin", "n", "bads", "share", "bad_rate"], where)
    return table


def _samples(table: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(table[table["kind"].isin(("train", "sample"))]["scope"]))


def _bins_with_rows(table: pd.DataFrame) -> list[int]:
    n = table.groupby("bin")["n"].sum()
    return [int(b) for b in n.index[n > 0]]


def _sizes(table: pd.DataFrame, scopes: Sequence[str]) -> Text:
    """n of each scope in words; `table` has a row per bin of one characteristic, or per characteristic."""
    n = table.groupby("scope")["n"].agg("max" if "name" in table else "sum")
    said = [(WORDS.get(str(s).replace("-", "_"), Text.same(s)), f"n = {n[s]:,.10g}") for s in scopes]
    return Text(" · ".join(f"{w.zh} {size}" for w, size in said), " · ".join(f"{w.en} {size}" for w, size in said))


def _rate_hover(head: str) -> str:
    return theme.hover({"bad_rate": "%{y:.2%}", "bads": "%{customdata[1]:,}", "n": "%{customdata[0]:,}"}, head)
