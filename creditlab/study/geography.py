"""Who is whose neighbour in a county: from polygons that touch, else from the nearest centres.

A map that cannot be used does not stop a study: it is reported as a finding, and the villages are smoothed without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from creditlab.data.findings import FINDING_COLUMNS, finding
from creditlab.errors import InputError
from creditlab.village.graph import Graph

#: neighbours by distance where there are no polygons
NEAREST = 5
#: properties of a polygon that may name its village, the first that is there
KEYS = ("village_id", "village", "id")
FILE = "villages.geojson"


@dataclass(frozen=True)
class Geography:
    """The neighbours of the villages, None without a usable map, and what was wrong with the map."""

    graph: Graph | None
    findings: pd.DataFrame


def geography(geojson: Mapping[str, Any] | None, places: pd.DataFrame, villages: pd.Series) -> Geography:
    """Neighbours from the polygons, else from the centres of the villages.

    Parameters
    ----------
    geojson : a FeatureCollection whose features name their village as `village_id`, `village` or `id`; or None.
    places : village and perhaps x, y (degrees or metres), one row per village.
    villages : the villages of the sample; a map must know two of them.
    """
    known = set(villages)
    notes: list[dict[str, Any]] = []
    graph = None if geojson is None else _from_polygons(geojson, known, notes)
    if graph is None:
        graph = _from_centres(places, known)
    return Geography(graph=graph, findings=pd.DataFrame(notes, columns=FINDING_COLUMNS))


def _from_polygons(geojson: Mapping[str, Any], known: set[Any], notes: list[dict[str, Any]]) -> Graph | None:
    features = geojson.get("features") or []
    if not features:
        notes.append(finding(FILE, "", "没有多边形，改用中心点", "no polygons, centres are taken", "warning", ()))
        return None
    properties = features[0].get("properties") or {}
    key = next((k for k in KEYS if k in properties), KEYS[-1])
    try:
        graph = Graph.touching(geojson, key=key)
    except InputError as error:
        said = ("多边形不可用，改用中心点", f"polygons cannot be used, centres are taken: {error}")
        notes.append(finding(FILE, "", *said, "warning", ()))
        return None
    if len(known & set(graph.villages)) < 2:
        said = ("多边形与本书各村不符，改用中心点", "polygons of other villages, centres are taken")
        notes.append(finding(FILE, "", *said, "warning", ()))
        return None
    return graph


def _from_centres(places: pd.DataFrame, known: set[Any]) -> Graph | None:
    if not {"x", "y"} <= set(places.columns):
        return None
    there = places[places[["x", "y"]].notna().all(axis=1) & places["village"].isin(known)]
    if len(there) <= NEAREST:
        return None
    degrees = bool(there["x"].abs().max() <= 180 and there["y"].abs().max() <= 90)
    return Graph.nearest(there[["x", "y"]].to_numpy(), k=NEAREST, village=there["village"], degrees=degrees)
