"""The ground of maps: outlines of villages from GeoJSON, their middles, axes of equal length; no tiles, so offline.

Figures of villages draw on it; it knows neither estimates nor classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from creditlab.errors import InputError, message
from creditlab.plots import theme
from creditlab.plots.words import word

__all__ = ["axes", "fill", "outlines", "placed"]


def fill(fig: go.Figure, name: str, colour: str, rings: Sequence[np.ndarray], **options: Any) -> None:
    """Outlines filled with a colour of the palette, one entry of the legend for all of them."""
    gap = np.array([[np.nan, np.nan]])
    path = np.concatenate([part for ring in rings for part in (ring, gap)]) if rings else gap
    fig.add_scatter(
        x=path[:, 0],
        y=path[:, 1],
        mode="lines",
        fill="toself",
        fillcolor=theme.colour(colour),
        line={"color": theme.colour("paper"), "width": 1},
        name=word(name),
        legendgroup=name,
        hoverinfo="skip",
        **options,
    )


def axes(drawn: pd.DataFrame) -> dict[str, Any]:
    """Axes of a map: equal lengths in both directions, without a grid."""
    degrees = len(drawn) > 0 and bool(drawn["x"].abs().max() <= 180 and drawn["y"].abs().max() <= 90)
    ratio = 1 / np.cos(np.deg2rad(drawn["y"].mean())) if degrees else 1.0
    names = ("longitude", "latitude") if degrees else ("east", "north")
    quiet = {"showgrid": False, "nticks": 5}
    return {
        "xaxis": theme.axis(names[0], "°" if degrees else "m", **quiet),
        "yaxis": theme.axis(names[1], "°" if degrees else "m", scaleanchor="x", scaleratio=float(ratio), **quiet),
    }


def outlines(geojson: Mapping[str, Any] | None) -> dict[str, list[np.ndarray]]:
    """Outer and inner rings of each village by its id."""
    rings: dict[str, list[np.ndarray]] = {}
    for feature in (geojson or {}).get("features", ()):
        properties = feature.get("properties") or {}
        id = next((properties[k] for k in ("village_id", "village", "id") if k in properties), feature.get("id"))
        if id is not None:
            rings[str(id)] = [np.asarray(r, dtype=float)[:, :2] for r in _shapes(feature.get("geometry") or {})]
    return rings


def _shapes(geometry: Mapping[str, Any]) -> Iterator[Any]:
    parts = {"Polygon": [geometry.get("coordinates", ())], "MultiPolygon": geometry.get("coordinates", ())}
    for part in parts.get(str(geometry.get("type")), ()):
        yield from part


def placed(table: pd.DataFrame, rings: Mapping[str, Sequence[np.ndarray]], value: str = "estimate") -> pd.DataFrame:
    """The villages that have a value and a place: the middle of their outline, else their own x and y."""
    if not rings and not {"x", "y"} <= set(table.columns):
        raise InputError(
            message("columns x and y, or a geojson", "neither", "a map", "Join the places of the villages.")
        )
    place = table.reindex(columns=[*table.columns, *(c for c in ("x", "y") if c not in table)])
    if rings:
        middle = {id: (r[0].min(axis=0) + r[0].max(axis=0)) / 2 for id, r in rings.items() if len(r)}
        for i, column in enumerate(("x", "y")):
            place[column] = [middle[str(v)][i] if str(v) in middle else np.nan for v in place["village"]]
    return place[place[["x", "y", value]].notna().all(axis=1)].reset_index(drop=True)
