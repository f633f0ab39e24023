"""Figures of bins: bad rate and WOE of a characteristic with their intervals, and many characteristics on one sheet.

They draw `BinTable` and `BinningResult`, or frames with the columns of their `tidy()`. What the bins show on other rows
is drawn in `binning_views`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from creditlab.errors import InputError, message
from creditlab.plots import theme
from creditlab.plots.words import Text, word

__all__ = ["bad_rate", "by_period", "grid", "iv", "woe"]

#: a meaning in Chinese with its English behind it
_BILINGUAL = re.compile(r"^([^\x00-\x7f]+) ([\x00-\x7f]+)$")
#: features in one figure; the table has them all
MOST = 30
#: characteristics on one sheet, in three columns
MOST_PANELS, PANEL_COLUMNS = 12, 3


def bad_rate(table: Any, labels: Any = None) -> go.Figure:
    """Bad rate of each bin with its interval, over bars of the share of rows. Bins without rows are not drawn.

    With amounts in the table the bad rate by amount stands beside the one by count, hollow.

    Parameters
    ----------
    table : a `BinTable`, or a frame with `label n bads share bad_rate bad_rate_lo bad_rate_hi`.
    labels : a `Dictionary`, to name the characteristic.
    """
    needed = ["label", "n", "bads", "share", "bad_rate", "bad_rate_lo", "bad_rate_hi"]
    drawn = _with_rows(theme.rows(table, needed, "plots.binning.bad_rate"))
    fig = theme.figure("bad_rate_by_bin", _note(table, drawn), height=460)
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
    line, at = broken(table, drawn, place)
    fig.add_scatter(
        x=at,
        y=line["bad_rate"],
        mode="markers+lines",
        name=word("bad_rate"),
        line={"color": theme.colour("vermilion"), "width": 1.5},
        marker={"size": 8},
        error_y=theme.spread(line["bad_rate"], line["bad_rate_lo"], line["bad_rate_hi"]),
        customdata=line[["n", "bads"]].to_numpy(),
        hovertemplate=theme.hover({"bad_rate": "%{y:.2%}", "bads": "%{customdata[1]:,}", "n": "%{customdata[0]:,}"}),
    )
    if "amount_bad_rate" in drawn:
        _add_amounts(fig, drawn, place)
    fig.update_layout(
        xaxis=bin_axis(fig, table, drawn),
        yaxis=theme.axis("bad_rate", "%", tickformat=".3~%", rangemode="tozero", overlaying="y2", tickmode="auto"),
        # the bars keep to the lower half, out of the way of the line
        yaxis2=theme.axis("share", "%", tickformat=".0~%", side="right", showgrid=False, **lower_half(drawn["share"])),
        margin={"r": 70, "t": 112},
    )
    return named(fig, table, labels)


def _add_amounts(fig: go.Figure, drawn: pd.DataFrame, place: np.ndarray) -> None:
    """The bad rate by amount, to the right of the one by count."""
    rate = drawn["amount_bad_rate"]
    fig.add_scatter(
        x=place + 0.12,
        y=rate,
        mode="markers",
        name=word("amount_bad_rate"),
        marker={"size": 8, "symbol": "square-open", "color": theme.colour("purple"), "line": {"width": 1.5}},
        error_y=theme.spread(rate, drawn["amount_bad_rate_lo"], drawn["amount_bad_rate_hi"]),
        customdata=drawn[["amount", "amount_n"]].to_numpy(),
        hovertemplate=theme.hover(
            {"amount_bad_rate": "%{y:.2%}", "amount": "%{customdata[0]:,.0f}", "amount_n": "%{customdata[1]:,.0f}"}
        ),
    )


def woe(table: Any, labels: Any = None) -> go.Figure:
    """WOE of each bin with its interval: above zero safer than the sample, below zero riskier.

    `table` is a `BinTable`, or a frame with `label n woe woe_lo woe_hi`.
    """
    drawn = _with_rows(theme.rows(table, ["label", "n", "woe", "woe_lo", "woe_hi"], "plots.binning.woe"))
    fig = theme.figure("woe_by_bin", _note(table, drawn), height=460)
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
            error_y=theme.spread(part["woe"], part["woe_lo"], part["woe_hi"], color=theme.colour("ink")),
            customdata=part[["n"]].to_numpy(),
            hovertemplate=theme.hover({"woe": "%{y:.3f}", "n": "%{customdata[0]:,}"}),
        )
    fig.update_layout(xaxis=bin_axis(fig, table, drawn), yaxis=theme.axis("woe", zeroline=True), margin={"t": 112})
    return named(fig, table, labels)


def by_period(table: Any, labels: Any = None) -> go.Figure:
    """Bad rate of each bin in the periods of training, where `fit` was given them; see `binning_views.by_period`.

    What other rows, groups and villages show is drawn by the view: `table.on(...)`, `binner.on(...)[name]`.
    """
    from creditlab.plots import binning_views

    return binning_views.by_period(table.view() if hasattr(table, "view") else table, labels)


def iv(result: Any, labels: Any = None) -> go.Figure:
    """Information value of each characteristic with its interval, the largest on top; the first 30.

    A mark shows the IV that chance alone would give. The interval is free of that part, so it may lie below the bar.

    `result` is a `BinningResult`, or a frame with `name iv` (and `iv_lo iv_hi iv_noise`); `labels` a `Dictionary`.
    """
    table = theme.rows(result, ["name", "iv"], "plots.binning.iv")
    drawn = table.sort_values("iv", ascending=False, kind="stable").head(MOST)
    n = table["n"].max() if "n" in table else None
    level = getattr(result.tables[0], "level", None) if getattr(result, "tables", ()) else None
    note = [theme.of(len(drawn), len(table), "特征", "features"), theme.sample(n), theme.intervals(level)]
    fig = theme.figure("iv_by_feature", note, height=170 + 22 * len(drawn))
    names = theme.show_labels(fig, [theme.label_of(name, labels) for name in drawn["name"]])
    place = np.arange(len(drawn))
    fig.add_bar(
        x=drawn["iv"],
        y=place,
        orientation="h",
        name=word("iv"),
        marker={"color": theme.colour("sky")},
        hovertemplate=theme.hover({"iv": "%{x:.4f}"}),
    )
    reach = drawn[[c for c in ("iv", "iv_hi") if c in drawn]].max(axis=1)
    if "iv_lo" in drawn:
        _add_iv_intervals(fig, drawn, place)
    fig.add_scatter(
        x=reach,
        y=place,
        mode="text",
        text=[f"  {v:.3f}" for v in drawn["iv"]],
        textposition="middle right",
        cliponaxis=False,
        hoverinfo="skip",
        showlegend=False,
    )
    rows = {"tickvals": place, "ticktext": names, "autorange": "reversed", "showgrid": False}
    margin = {"l": 40, "r": 60, "t": 112}
    fig.update_layout(xaxis=theme.axis("iv", rangemode="tozero"), yaxis=rows, margin=margin)
    return fig


def _add_iv_intervals(fig: go.Figure, drawn: pd.DataFrame, place: np.ndarray) -> None:
    """The interval of each IV as a line, and what chance alone would give as a mark."""
    middle = (drawn["iv_lo"] + drawn["iv_hi"]) / 2
    fig.add_scatter(
        x=middle,
        y=place,
        mode="markers",
        name=word("interval"),
        marker={"size": 1, "color": theme.colour("ink")},
        error_x=theme.spread(middle, drawn["iv_lo"], drawn["iv_hi"], color=theme.colour("ink")),
        customdata=drawn[["iv_lo", "iv_hi"]].to_numpy(),
        hovertemplate=theme.hover({"iv_lo": "%{customdata[0]:.4f}", "iv_hi": "%{customdata[1]:.4f}"}),
    )
    fig.add_scatter(
        x=drawn["iv_noise"],
        y=place,
        mode="markers",
        name=word("iv_noise"),
        marker={"symbol": "line-ns-open", "size": 12, "color": theme.colour("vermilion"), "line": {"width": 2}},
        hovertemplate=theme.hover({"iv_noise": "%{x:.4f}"}),
    )


def grid(result: Any, names: Sequence[str] | None = None, labels: Any = None) -> go.Figure:
    """Bad rate by bin of many characteristics on one sheet, with intervals over bars of the share of rows.

    Parameters
    ----------
    result : a `BinningResult`, or a mapping of name to `BinTable`.
    names : which characteristics, in this order; else the twelve of largest IV.
    labels : a `Dictionary`, to name them.
    """
    tables = _panel_tables(result, names)
    rows = -(-len(tables) // PANEL_COLUMNS)
    n = tables[0].tidy()["n"].sum()
    note = [theme.of(len(tables), len(result), "特征", "features"), theme.sample(n), theme.intervals(tables[0].level)]
    fig = panels(theme.figure("bins_grid", note, height=150 + 275 * rows), rows, PANEL_COLUMNS, twin=True)
    heads = [(theme.label_of(t.name, labels), f"IV {t.iv:.3f}") for t in tables]
    top = max(float(_with_rows(t.tidy())["bad_rate_hi"].max()) for t in tables)
    for k, table in enumerate(tables):
        at = {"row": k // PANEL_COLUMNS + 1, "col": k % PANEL_COLUMNS + 1}
        _add_panel(fig, table, at, first=k == 0)
        panel_head(fig, *heads[k], at)
    fig.update_yaxes(range=[0, 2], showgrid=False, showticklabels=False, ticks="", secondary_y=False)
    fig.update_yaxes(tickformat=".0~%", range=[0, min(1.05 * top, 1.0)], side="left", tickmode="auto", secondary_y=True)
    return fig


def panels(empty: go.Figure, rows: int, columns: int, twin: bool = False, shared: bool = False) -> go.Figure:
    """Panels under the title and the note of an empty figure, with room for a head over each."""
    height = float(empty.layout.height)
    fig = make_subplots(
        rows=rows,
        cols=columns,
        specs=[[{"secondary_y": twin}] * columns] * rows,
        shared_yaxes=shared,
        horizontal_spacing=0.04 if shared else 0.06,
        vertical_spacing=min(128 / (height - 180), 1 / rows),
    )
    fig.update_layout(empty.layout)
    # the legend stands under the note, both above the heads of the panels
    legend = {"yref": "container", "y": 1 - 76 / height, "yanchor": "top"}
    return fig.update_layout(margin={"t": 150, "l": 56}, legend=legend)


def panel_head(fig: go.Figure, name: Text, detail: str, at: dict[str, int]) -> None:
    """The name of a panel over it, one language a line, and a detail behind the last."""
    zh, en = theme.clip(name.zh, 18), theme.clip(name.en, 32)
    both = en if name.zh == name.en else f"{zh}<br>{en}"
    meta = dict(fig.layout.meta or {})
    fig.update_layout(meta={**meta, "words": {**meta.get("words", {}), both: {"zh": zh, "en": en}}})
    fig.add_annotation(
        text=f"{both} · {detail}",
        x=0,
        y=1,
        xref="x domain",
        yref="y domain",
        xanchor="left",
        yanchor="bottom",
        yshift=4,
        showarrow=False,
        align="left",
        font={"size": 12},
        **at,
    )


def _panel_tables(result: Any, names: Sequence[str] | None) -> list[Any]:
    if not isinstance(result, Mapping) or not len(result):
        raise InputError(message("a BinningResult", type(result).__name__, "plots.binning.grid", "Fit a Binner."))
    if names is not None:
        return [result[name] for name in names][:MOST_PANELS]
    return sorted(result.values(), key=lambda t: -t.iv)[:MOST_PANELS]


def _add_panel(fig: go.Figure, table: Any, at: dict[str, int], first: bool) -> None:
    drawn = _with_rows(table.tidy())
    place, counts = np.arange(len(drawn)), drawn[["n", "bads"]].to_numpy()
    line, spot = broken(table, drawn, place)
    fig.add_bar(
        x=place,
        y=drawn["share"],
        name=word("share"),
        legendgroup="share",
        showlegend=first,
        marker={"color": theme.colour("mist")},
        customdata=counts,
        hovertemplate=theme.hover({"share": "%{y:.1%}", "n": "%{customdata[0]:,}"}),
        secondary_y=False,
        **at,
    )
    fig.add_scatter(
        x=spot,
        y=line["bad_rate"],
        mode="markers+lines",
        name=word("bad_rate"),
        legendgroup="bad_rate",
        showlegend=first,
        line={"color": theme.colour("vermilion"), "width": 1.2},
        marker={"size": 6},
        error_y=theme.spread(line["bad_rate"], line["bad_rate_lo"], line["bad_rate_hi"]),
        customdata=line[["n", "bads"]].to_numpy(),
        hovertemplate=theme.hover({"bad_rate": "%{y:.2%}", "bads": "%{customdata[1]:,}", "n": "%{customdata[0]:,}"}),
        secondary_y=True,
        **at,
    )
    fig.update_xaxes(**bin_axis(fig, table, drawn, 12, title=False), tickfont={"size": 10}, **at)


def broken(table: Any, frame: pd.DataFrame, place: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows and their places with an empty row before each special, missing or unseen bin, where a line breaks.

    These bins have no place in the order of the others: a line through them would draw a trend that is none.
    """
    spec = getattr(table, "spec", None)
    if spec is None or "bin" not in frame:
        return frame, place
    apart = np.flatnonzero(frame["bin"].to_numpy() >= spec.regular)
    order = np.sort(np.append(np.arange(len(frame)), apart - 0.5))
    rows = frame.reset_index(drop=True).astype(object).reindex(order)
    return rows.infer_objects(), np.interp(order, np.arange(len(frame)), place)


def _with_rows(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["n"] > 0].reset_index(drop=True)


def lower_half(share: pd.Series) -> dict[str, Any]:
    """Range and ticks of an axis whose bars reach half of its height."""
    most = float(share.max())
    step = next((s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if most / s <= 5), 1.0)
    return {"range": [0, 2 * most], "tickvals": np.arange(0, most + step / 2, step)}


def bin_axis(fig: go.Figure, table: Any, drawn: pd.DataFrame, most: int = 22, title: bool = True) -> dict[str, Any]:
    """The axis of bins, one tick per row of `drawn`, labels in both languages."""
    if callable(getattr(table, "label", None)) and "bin" in drawn:
        texts = [bin_text(table, c) for c in drawn["bin"]]
    else:
        texts = [Text.same(label) for label in drawn["label"]]
    # places, not labels, carry the bins: two long labels may look alike once shortened
    ticks: dict[str, Any] = {
        "tickvals": np.arange(len(drawn)),
        "ticktext": theme.show_labels(fig, texts, most),
        "showgrid": False,
    }
    return theme.axis("bin", **ticks) if title else ticks


def bin_text(table: Any, code: int) -> Text:
    """What a bin is called; of a special code its meaning, where it has one."""
    spec = getattr(table, "spec", None)
    meaning = spec.special[code - spec.regular][1] if spec is not None and spec.role(code) == "special" else ""
    if not meaning:
        return Text(str(table.label(code, "zh")), str(table.label(code, "en")))
    both = _BILINGUAL.match(meaning)
    return Text(*both.groups()) if both else Text.same(meaning)


def _note(table: Any, drawn: pd.DataFrame) -> list[Text | str]:
    parts = [theme.sample(drawn["n"].sum()), theme.intervals(getattr(table, "level", None))]
    return [*parts, f"IV {table.iv:.3f}"] if isinstance(getattr(table, "iv", None), float) else parts


def named(fig: go.Figure, table: Any, labels: Any) -> go.Figure:
    """The name of the characteristic in front of the title."""
    name = getattr(table, "name", None)
    if isinstance(name, str):
        text: Text = theme.label_of(name, labels)
        fig.update_layout(title={"text": f"{theme.clip(text.both, 40)}: {fig.layout.title.text}"})
    return fig
