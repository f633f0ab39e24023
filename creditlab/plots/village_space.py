"""Figures of geography: the Moran scatter, the map of local clusters, the map of blocks that the scan finds.

They draw results of `vl.moran`, `vl.lisa`, `vl.gi_star` and `vl.scan`. Maps are polygons or points without tiles, so
they work offline; a village is coloured only where its adjusted test says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from creditlab.plots import land, theme
from creditlab.plots.words import Text, word

__all__ = ["blocks", "clusters", "scatter"]

#: cluster → glossary word, colour, mark of the middle
_CLASSES = {
    "high-high": ("high_high", "vermilion", "square"),
    "low-low": ("low_low", "blue", "triangle-down"),
    "high-low": ("high_low", "sand", "square-open"),
    "low-high": ("low_high", "sky", "triangle-down-open"),
    "hot": ("hot", "vermilion", "square"),
    "cold": ("cold", "blue", "triangle-down"),
    "none": ("not_significant", "mist", ""),
    "island": ("island", "grid", "x-thin-open"),
}


def scatter(result: Any, names: Mapping[Any, str] | None = None) -> go.Figure:
    """Each village against the mean of its neighbours; the slope of the line is Moran's I. Islands are not drawn."""
    table = theme.rows(result, ["village", "value", "lag"], "plots.village_space.scatter")
    drawn = table[table["lag"].notna()].reset_index(drop=True)
    facts = result.facts
    note: list[Any] = [theme.of(len(drawn), len(table), "村", "villages")]
    if np.isfinite(float(facts["statistic"])):
        said = f"I = {float(facts['statistic']):.3f}, p = {float(facts['p_value']):.3f}"
        n = facts["permutations"]
        note.append(Text(f"{said}（{n} 次置换）", f"{said} ({n} permutations)"))
    else:
        note.append(Text.same(facts["note"]))
    fig = theme.figure("moran", note, height=470, showlegend=False)
    fig.add_scatter(
        x=drawn["value"],
        y=drawn["lag"],
        mode="markers",
        marker={"color": theme.colour("blue"), "size": 8, "opacity": 0.75},
        customdata=[_label(v, names) for v in drawn["village"]],
        hovertemplate=theme.hover({"own_value": "%{x:.2f}", "lag": "%{y:.2f}"}, head="%{customdata}"),
    )
    middle = float(table["value"].mean())
    fig.add_vline(x=middle, line={"color": theme.colour("grey"), "width": 1, "dash": "dot"})
    fig.add_hline(y=middle, line={"color": theme.colour("grey"), "width": 1, "dash": "dot"})
    if np.isfinite(float(facts["statistic"])) and facts.get("style") == "W" and len(drawn):
        ends = np.array([drawn["value"].min(), drawn["value"].max()])
        fig.add_scatter(x=ends, y=middle + float(facts["statistic"]) * (ends - middle), mode="lines",
                        hoverinfo="skip", line={"color": theme.colour("vermilion"), "width": 2})  # fmt: skip
    return fig.update_layout(xaxis=theme.axis("own_value", "z"), yaxis=theme.axis("lag", "z"))


def clusters(
    result: Any, geojson: Any = None, xy: pd.DataFrame | None = None, names: Mapping[Any, str] | None = None
) -> go.Figure:
    """The villages of local clusters on their places, after control of false discoveries.

    Parameters
    ----------
    result : of `vl.lisa` or `vl.gi_star`.
    geojson : polygons whose property `village_id`, `village` or `id` names the village; or
    xy : village x y (degrees or metres), drawn as points where there are no polygons.
    """
    table = theme.rows(result, ["village", "q_value", "cluster"], "plots.village_space.clusters")
    facts = result.facts
    known = [name for name in _CLASSES if (table["cluster"] == name).any()]
    test = {"local Moran": Text("局部莫兰", "local Moran")}.get(facts["statistic"], Text.same(facts["statistic"]))
    limit = f"{facts['fdr'].upper()} q ≤ {facts['alpha']:g}"
    note: list[Any] = [Text(f"{test.zh}，{limit}", f"{test.en}, {limit}")]
    if facts["note"]:
        note.append(Text.same(facts["note"]))
    lines = {"own_value": "%{customdata[1]}", "q_value": "%{customdata[2]}"}
    return _drawn("local_clusters", note, table, "cluster", {k: _CLASSES[k] for k in known}, lines, geojson, xy, names)


def blocks(
    result: Any,
    geojson: Any = None,
    xy: pd.DataFrame | None = None,
    names: Mapping[Any, str] | None = None,
    alpha: float = 0.05,
    villages: Any = None,
) -> go.Figure:
    """The blocks of a scan on the map: the most likely one in full colour, others only where p ≤ `alpha`.

    Parameters
    ----------
    result : of `vl.scan`; `geojson`, `xy` and `names` as in `clusters`.
    villages : all villages to draw; None takes those of `xy` or of the polygons.
    """
    found = result.tidy()
    likely = found.loc[found["p_value"] <= alpha, "cluster"].tolist()
    member = result.members.set_index("village")["cluster"]
    every = list(villages) if villages is not None else _every(geojson, xy)
    table = pd.DataFrame({"village": every})
    block = table["village"].map({str(k): v for k, v in member.items()} | member.to_dict())
    table["cluster"] = np.where(
        ~block.isin(likely), "outside", np.where(block.eq(likely[0] if likely else -1), "likely", "other")
    )
    table["value"] = block.map(found.set_index("cluster")["ratio"])
    table["q_value"] = block.map(found.set_index("cluster")["p_value"])
    note: list[Any] = [_said(result, found)]
    classes = {
        "likely": ("likely_block", "vermilion", "square"),
        "other": ("other_block", "sand", "diamond"),
        "outside": ("outside_blocks", "mist", ""),
    }
    lines = {"ratio": "%{customdata[1]}", "p_value": "%{customdata[2]}"}
    there = {k: v for k, v in classes.items() if (table["cluster"] == k).any()}
    return _drawn("scan_blocks", note, table, "cluster", there, lines, geojson, xy, names)


def _said(result: Any, found: pd.DataFrame) -> Text:
    if not len(found):
        return Text.same(result.facts["note"] or "–")
    first = found.iloc[0]
    zh = f"最可能聚集：{first['villages']:.0f} 村，实际 {first['observed']:.0f}，期望 {first['expected']:.1f}"
    en = f"most likely block: {first['villages']:.0f} villages, {first['observed']:.0f} bads, "
    return Text(
        f"{zh}，p = {first['p_value']:.3f}", f"{en}{first['expected']:.1f} expected, p = {first['p_value']:.3f}"
    )


def _drawn(
    title: str,
    note: list[Any],
    table: pd.DataFrame,
    column: str,
    classes: Mapping[str, tuple[str, str, str]],
    lines: Mapping[str, str],
    geojson: Any,
    xy: pd.DataFrame | None,
    names: Mapping[Any, str] | None,
) -> go.Figure:
    """A map of classes: polygons filled, or points, with a mark that is not colour alone."""
    rings = land.outlines(geojson)
    table = table.assign(known=1.0)
    if xy is not None:
        table = table.merge(xy[["village", "x", "y"]], on="village", how="left")
    drawn = land.placed(table, rings, "known")
    note = [theme.of(len(drawn), len(table), "村", "villages"), *note]
    fig = theme.figure(title, note, height=580, margin={"t": 134})
    for name, (label, colour, symbol) in classes.items():
        part = drawn[drawn[column] == name]
        if rings:
            land.fill(fig, label, colour, [r for v in part["village"] for r in rings.get(str(v), ())])
        seen = symbol or "circle"
        ground = theme.colour("ink" if rings else colour) if symbol or not rings else "rgba(0,0,0,0)"
        fig.add_scatter(
            x=part["x"],
            y=part["y"],
            mode="markers",
            name=word(label),
            legendgroup=label,
            showlegend=not rings,
            marker={"symbol": seen, "size": 8, "color": ground, "line": {"width": 1, "color": ground}},
            customdata=[[_label(r["village"], names), _number(r["value"]), _number(r["q_value"])]
                        for r in part.to_dict("records")],
            hovertemplate=theme.hover(lines, head="%{customdata[0]}"),
        )  # fmt: skip
    return fig.update_layout(**land.axes(drawn))


def _every(geojson: Any, xy: pd.DataFrame | None) -> list[Any]:
    return xy["village"].tolist() if xy is not None else list(land.outlines(geojson))


def _number(value: Any) -> str:
    return f"{value:.3g}" if value is not None and np.isfinite(value) else "–"


def _label(village: Any, names: Mapping[Any, str] | None) -> str:
    name = (names or {}).get(village)
    return theme.clip(f"{name} {village}" if isinstance(name, str) and name.strip() else village, 40)
