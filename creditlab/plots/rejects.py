"""Figures of reject inference: the band of mean PD by population, and what each method gains against a known truth.

They draw a `RejectBand`, or the frames that its `tidy()` and `judged()` give.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from creditlab.checks import check_columns, check_frame
from creditlab.plots import theme
from creditlab.plots.words import Text, word

__all__ = ["band", "gains"]

ASSUMPTIONS = {"": Text("无假设", "no assumption"), "low": Text("低", "low"), "middle": Text("中", "middle"),
               "high": Text("高", "high")}  # fmt: skip
SYMBOLS = {"": "circle", "low": "triangle-left", "middle": "diamond", "high": "triangle-right"}
COLOURS = {"": "grey", "low": "mist", "middle": "blue", "high": "vermilion"}
#: where the figure of a mark at the edge stands: three may share a place
BESIDE = {"": "middle right", "low": "middle left", "middle": "top right", "high": "bottom right"}
BELOW = {"t": 112, "l": 40}


def band(result: Any, judged: pd.DataFrame | None = None) -> go.Figure:
    """The mean PD of each population under every method and assumption; the broad bar is the band of the cards.

    The narrow bar is the band of the bad rates that the methods gave the population itself.

    `result` is a `RejectBand`, or a frame with the columns of its `tidy()`; with the frame of
    `RejectBand.judged(truth)` the true mean PD of each population is a star.
    """
    needed = ["population", "population_zh", "population_en", "method_zh", "method_en", "assumption", "n", "mean_pd",
              "inferred_rate"]  # fmt: skip
    table = theme.rows(result, needed, "plots.rejects.band")
    names = _names(table, "population", "population")
    place = {name: i for i, name in enumerate(names)}
    fig = theme.figure("reject_band", [theme.sample(table.groupby("population")["n"].first().sum())],
                       height=190 + 60 * len(place), showlegend=True, margin=BELOW)  # fmt: skip
    for column, shade, width in (("inferred_rate", "sand", 5), ("mean_pd", "grid", 14)):
        ends = table.groupby("population", sort=False)[column].agg(["min", "max"]).dropna()
        for i, (name, low, high) in enumerate(ends.itertuples()):
            line = {"color": theme.colour(shade), "width": width}
            fig.add_scatter(x=[low, high], y=[place[name]] * 2, mode="lines", line=line, hoverinfo="skip",
                            name=word(column), showlegend=i == 0)  # fmt: skip
    _marks(fig, table, table["population"].map(place), "mean_pd", {"mean_pd": "%{x:.2%}"})
    if judged is not None:
        true = check_columns_of(judged).groupby("population", sort=False)["true_pd"].first()
        marker = {"symbol": "star", "size": 15, "color": theme.colour("green"), "line": {"width": 1}}
        fig.add_scatter(x=true, y=true.index.map(place), mode="markers", marker=marker, name=word("true_pd"),
                        hovertemplate=theme.hover({"true_pd": "%{x:.2%}"}))  # fmt: skip
    ticks = {"tickvals": list(place.values()), "ticktext": theme.show_labels(fig, list(names.values()))}
    return fig.update_layout(xaxis=theme.axis("mean_pd", "%", tickformat=".1%", rangemode="tozero"),
                             yaxis=ticks | {"autorange": "reversed"})  # fmt: skip


def gains(judged: Any) -> go.Figure:
    """What each method gains over the card of the granted alone, against the true PDs: right of 0 helps, left harms.

    `judged` is the frame of `RejectBand.judged(truth)`. What lies further left than twice the largest gain is drawn at
    the edge, with its figure beside it. A row per method, a block per population.
    """
    needed = ["population", "population_zh", "population_en", "method", "method_zh", "method_en", "assumption", "gain",
              "gain_lo", "gain_hi", "n"]  # fmt: skip
    check_columns(check_frame(judged, "plots.rejects.gains"), needed, "plots.rejects.gains")
    table = judged[judged["method"] != "granted_only"].reset_index(drop=True)
    labels, place = [], []
    for _, part in table.groupby(["population", "method"], sort=False):
        row = part.iloc[0]
        labels.append(
            Text(f"{row['population_zh']}：{row['method_zh']}", f"{row['population_en']}: {row['method_en']}")
        )
        place += [len(labels) - 1] * len(part)
    edge = 2 * max(float(table["gain_hi"].max()), 1e-6)
    shown = table.assign(shown=table["gain"].clip(lower=-edge), cut=table["gain"] < -edge)
    note = [theme.sample(table.groupby("population")["n"].first().sum()), theme.intervals(judged.attrs.get("level"))]
    fig = theme.figure("reject_gains", note, height=170 + 24 * len(labels), showlegend=True, margin=BELOW)
    fig.add_vline(x=0, line={"color": theme.colour("grey"), "width": 1})
    inside = ~shown["cut"]
    bars = {"lo": table["gain_lo"].where(inside), "hi": table["gain_hi"].where(inside)}
    _marks(fig, shown.assign(**bars), pd.Series(place), "shown", {"reject_gain": "%{customdata[1]:.4f}"}, bars=True)
    ticks = {"tickvals": list(range(len(labels))), "ticktext": theme.show_labels(fig, labels)}
    axis = theme.axis("reject_gain", "nats", zeroline=False, range=[-1.2 * edge, 0.6 * edge])
    return fig.update_layout(xaxis=axis, yaxis=ticks | {"autorange": "reversed"})


def check_columns_of(judged: pd.DataFrame) -> pd.DataFrame:
    """The frame of `RejectBand.judged`, checked."""
    check_columns(check_frame(judged, "judged"), ["population", "true_pd"], "judged")
    return judged


def _names(table: pd.DataFrame, key: str, stem: str) -> dict[str, Text]:
    first = table.drop_duplicates(key)
    return {str(row[key]): Text(row[f"{stem}_zh"], row[f"{stem}_en"]) for row in first.to_dict("records")}


def _marks(
    fig: go.Figure, table: pd.DataFrame, place: pd.Series, x: str, lines: dict[str, str], bars: bool = False
) -> None:
    """A mark per row, a colour and a form per assumption."""
    for name, text in ASSUMPTIONS.items():
        part = table[table["assumption"] == name]
        if not len(part):
            continue
        marker = {"color": theme.colour(COLOURS[name]), "symbol": SYMBOLS[name], "size": 11,
                  "line": {"width": 1, "color": theme.colour("ink")}}  # fmt: skip
        method = [theme.escape(Text(zh, en).both) for zh, en in part[["method_zh", "method_en"]].to_numpy()]
        cut = part["cut"] if "cut" in part else np.zeros(len(part), dtype=bool)
        gain = part["gain"] if "gain" in part else np.zeros(len(part))
        fig.add_scatter(
            x=part[x], y=place[part.index], mode="markers+text", marker=marker, name=text.both,
            text=[f"{g:.2f}" if c else "" for g, c in zip(gain, cut, strict=True)], textposition=BESIDE[name],
            error_x=theme.spread(part[x], part["lo"], part["hi"]) if bars else None,
            customdata=np.array([method, gain], dtype=object).T,
            hovertemplate=theme.hover({"method": "%{customdata[0]}"} | lines, f"{word('assumption')} {text.both}"),
        )  # fmt: skip
