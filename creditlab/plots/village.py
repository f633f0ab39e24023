"""Figures of villages: funnel, caterpillar, map, and the probability of being among the worst.

They draw a village panel, a study, or a frame with `village n observed expected ratio ratio_lo ratio_hi estimate lo hi
p_top` and perhaps `name`, `x`, `y`; `bad` is taken for `observed`. The shrunken O/E is `estimate`, the raw `ratio`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from creditlab.checks import check_columns
from creditlab.plots import land, theme
from creditlab.plots.words import WORDS, Text, word

__all__ = ["caterpillar", "funnel", "map", "top_k"]

#: villages in a figure that lists them by name; the table has them all
MOST = 30
#: classes of O/E on the map: glossary word, upper end, colour, mark of the centre
CLASSES = (
    ("ratio_below_2_3", 2 / 3, "blue", "triangle-down"),
    ("ratio_below", 0.9, "sky", ""),
    ("ratio_near", 1.1, "mist", ""),
    ("ratio_above", 1.5, "sand", ""),
    ("ratio_above_3_2", np.inf, "vermilion", "square"),
)
_FUNNEL = (
    ("within_limits", "blue", "circle"),
    ("outside_95", "purple", "diamond"),
    ("outside_998", "vermilion", "square"),
)


def funnel(result: Any) -> go.Figure:
    """O/E of every village against its expected bads, with the 95 % and 99.8 % limits of chance alone.

    Limits: exact Poisson, `creditlab.village.funnel_limits`. Villages without expected bads have no O/E and are not
    drawn.
    """
    table = _villages(result, ["n", "expected", "ratio", "ratio_lo", "ratio_hi"])
    drawn = table[(table["expected"] > 0) & table["ratio"].notna()].reset_index(drop=True)
    place = _outside(drawn)
    note = [_count(drawn, table), theme.sample(drawn["n"].sum())]
    for i, name in ((1, "outside_95"), (2, "outside_998")):
        count = int((place == i).sum())
        note.append(Text(f"{WORDS[name].zh}: {count}", f"{WORDS[name].en}: {count}"))
    fig = theme.figure("funnel", note, height=500, margin={"t": 118})
    _limits(fig, drawn)
    for i, (name, colour, symbol) in enumerate(_FUNNEL):
        part = drawn[place == i]
        fig.add_scatter(
            x=part["expected"],
            y=part["ratio"],
            mode="markers",
            name=word(name),
            marker={"color": theme.colour(colour), "symbol": symbol, "size": 8, "opacity": 0.85},
            **_hover(part, {"ratio": "%{y:.2f}", "interval": "%{customdata[4]:.2f} … %{customdata[5]:.2f}"}),
        )
    top = max(2.0, float(drawn["ratio"].max()) * 1.08) if len(drawn) else 2.0
    return fig.update_layout(
        xaxis=theme.axis("expected", rangemode="tozero"), yaxis=theme.axis("ratio", range=[-0.03 * top, top])
    )


def _limits(fig: go.Figure, drawn: pd.DataFrame) -> None:
    if len(drawn) == 0:
        return
    most = float(drawn["expected"].max()) * 1.05
    grid = np.geomspace(max(0.05, min(0.5, float(drawn["expected"].min()))), most, 120)
    for name, level, dash in (("limits_95", 0.95, "dash"), ("limits_998", 0.998, "solid")):
        limits = _limits_at(grid, level)
        for side, shown in (("lo", False), ("hi", True)):
            fig.add_scatter(
                x=grid, y=limits[side], mode="lines", name=word(name), legendgroup=name, showlegend=shown,
                hoverinfo="skip", line={"color": theme.colour("grey"), "dash": dash, "width": 1.2},
            )  # fmt: skip
    fig.add_hline(y=1, line={"color": theme.colour("ink"), "width": 1})


def _limits_at(expected: Any, level: float) -> pd.DataFrame:
    from creditlab.village import funnel_limits

    return funnel_limits(np.asarray(expected, dtype=float), level=level).tidy()


def _outside(drawn: pd.DataFrame) -> np.ndarray:
    """0 within the limits, 1 outside 95 %, 2 outside 99.8 %: by the exact Poisson tail of the count.

    The drawn lines are smooth; a count of 0 lies below them wherever E is small, and means nothing there.
    """
    from scipy.stats import poisson

    expected = drawn["expected"].to_numpy(dtype=float)
    bads = np.round(drawn["ratio"].to_numpy(dtype=float) * expected)
    tail = np.minimum(poisson.cdf(bads, expected), poisson.sf(bads - 1, expected))
    return (tail < 0.025).astype(int) + (tail < 0.001)


def caterpillar(result: Any, most: int = MOST) -> go.Figure:
    """Shrunken O/E with its interval, the highest on top; hollow marks are the raw O/E before shrinkage."""
    table = _villages(result, ["n", "expected", "ratio", "estimate", "lo", "hi"])
    known = table[table["estimate"].notna()].sort_values("estimate", ascending=False, kind="stable")
    drawn = known.head(most).reset_index(drop=True)
    note = [_count(drawn, table), theme.intervals(_fact(result, "level"))]
    fig = theme.figure("caterpillar", note, height=190 + 20 * len(drawn), margin={"t": 118})
    place = np.arange(len(drawn))
    fig.add_scatter(
        x=drawn["ratio"],
        y=place,
        mode="markers",
        name=word("raw_ratio"),
        marker={"color": theme.colour("grey"), "symbol": "circle-open", "size": 8},
        **_hover(drawn, {"raw_ratio": "%{x:.2f}"}),
    )
    fig.add_scatter(
        x=drawn["estimate"],
        y=place,
        mode="markers",
        name=word("shrunken_ratio"),
        marker={"color": theme.colour("blue"), "size": 8},
        error_x=theme.spread(drawn["estimate"], drawn["lo"], drawn["hi"]),
        **_hover(drawn, {"shrunken_ratio": "%{x:.2f}", "interval": "%{customdata[6]:.2f} … %{customdata[7]:.2f}"}),
    )
    fig.add_vline(x=1, line={"color": theme.colour("ink"), "width": 1})
    return fig.update_layout(
        xaxis=theme.axis("ratio", rangemode="tozero"), yaxis=_rows_by_name(drawn), margin={"l": 40}
    )


def top_k(result: Any, most: int = MOST) -> go.Figure:
    """The probability of each village of being among the k worst: how far the order can be trusted."""
    table = _villages(result, ["n", "expected", "p_top"])
    drawn = table.sort_values("p_top", ascending=False, kind="stable").head(most).reset_index(drop=True)
    k = _fact(result, "top")
    note = [f"k = {k}" if k else "", _count(drawn, table)]
    fig = theme.figure("top_k", note, height=130 + 20 * len(drawn), showlegend=False)
    fig.add_bar(
        x=drawn["p_top"],
        y=np.arange(len(drawn)),
        orientation="h",
        marker={"color": theme.colour("blue")},
        **_hover(drawn, {"p_top": "%{x:.0%}"}),
    )
    axis = theme.axis("p_top", "%", tickformat=".0%", range=[0, 1])
    return fig.update_layout(xaxis=axis, yaxis=_rows_by_name(drawn), margin={"l": 40})


def map(result: Any, geojson: Mapping[str, Any] | None = None) -> go.Figure:
    """The shrunken O/E of each village on its place, in five classes; no tiles, so it works offline.

    Parameters
    ----------
    result : with `x` and `y` (degrees or metres) unless `geojson` has the villages.
    geojson : a FeatureCollection of polygons whose property `village_id`, `village` or `id` names the village.
    """
    table = _villages(result, ["n", "expected", "estimate", "lo", "hi"])
    rings = land.outlines(geojson)
    drawn = land.placed(table, rings)
    fig = theme.figure(
        "map", [_count(drawn, table), theme.intervals(_fact(result, "level"))], height=580, margin={"t": 134}
    )
    classes = np.searchsorted([c[1] for c in CLASSES[:-1]], drawn["estimate"].to_numpy(dtype=float), side="left")
    for i, (name, _, colour, symbol) in enumerate(CLASSES):
        part = drawn[classes == i]
        if rings:
            land.fill(fig, name, colour, [r for v in part["village"] for r in rings.get(str(v), ())])
            _centres(fig, name, part, "paper" if symbol else "", symbol or "circle", showlegend=False)
        else:
            _centres(fig, name, part, colour, symbol or "circle")
    return fig.update_layout(**land.axes(drawn))


def _centres(fig: go.Figure, name: str, part: pd.DataFrame, colour: str, symbol: str, **options: Any) -> None:
    """A mark on each village, to hover over; without a colour it is not seen."""
    ground = theme.colour(colour) if colour else "rgba(0,0,0,0)"
    edge = theme.colour("grey") if colour not in ("", "paper") else ground
    lines = {"shrunken_ratio": "%{customdata[8]:.2f}", "interval": "%{customdata[6]:.2f} … %{customdata[7]:.2f}"}
    fig.add_scatter(
        x=part["x"],
        y=part["y"],
        mode="markers",
        name=word(name),
        legendgroup=name,
        marker={"symbol": symbol, "size": 8, "color": ground, "line": {"width": 1, "color": edge}},
        **_hover(part, lines),
        **options,
    )


def _villages(result: Any, columns: Sequence[str]) -> pd.DataFrame:
    table = theme.rows(result, [], "plots.village")
    if "observed" not in table and "bad" in table:
        table = table.rename(columns={"bad": "observed"})
    check_columns(table, ["village", "observed", *columns], "plots.village")
    return table.reset_index(drop=True)


def _hover(drawn: pd.DataFrame, lines: Mapping[str, str]) -> dict[str, Any]:
    """Name, n, observed and expected of each village, then the lines of the figure."""
    names = [_name(row) for row in drawn[[c for c in ("village", "name") if c in drawn]].to_dict("records")]
    columns = ["n", "observed", "expected", "ratio_lo", "ratio_hi", "lo", "hi", "estimate"]
    numbers = drawn.reindex(columns=columns).astype(object).where(lambda f: f.notna(), None)
    data = np.column_stack([np.array(names, dtype=object), numbers.to_numpy()]) if len(drawn) else np.empty((0, 9))
    common = {"n": "%{customdata[1]:,}", "observed": "%{customdata[2]}", "expected": "%{customdata[3]:.1f}"}
    return {"customdata": data, "hovertemplate": theme.hover({**common, **lines}, head="%{customdata[0]}")}


def _name(row: Mapping[str, Any], most: int = 40) -> str:
    name, id = row.get("name"), row["village"]
    there = isinstance(name, str) and name.strip()
    return theme.clip(f"{name} {id}" if there and name != id else id, most)


def _rows_by_name(drawn: pd.DataFrame) -> dict[str, Any]:
    # places, not names, carry the rows: two villages may have the same name
    names = [_name(row, 24) for row in drawn[[c for c in ("village", "name") if c in drawn]].to_dict("records")]
    return {"tickvals": np.arange(len(drawn)), "ticktext": names, "autorange": "reversed", "showgrid": False}


def _count(drawn: pd.DataFrame, table: pd.DataFrame) -> Text:
    return theme.of(len(drawn), len(table), "村", "villages")


def _fact(result: Any, name: str) -> Any:
    return getattr(result, "facts", {}).get(name)
