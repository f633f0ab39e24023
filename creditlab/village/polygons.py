"""Boundaries of villages: reading GeoJSON and finding which boundaries meet.

Use it behind `Graph.touching`. It works on rings of coordinates in any unit; it does not draw and needs no geographic
package.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from creditlab.errors import InputError, message

#: boundaries this close meet, as a share of the extent of the map
SNAP = 1e-6
_FIX = "Give a GeoJSON FeatureCollection, or {village: [ring, …]} with rings of x, y."


def read_polygons(polygons: Any, key: str = "village") -> dict[Any, list[np.ndarray]]:
    """The rings of each village: {village: [points × 2, …]}; holes count as boundary.

    >>> square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    >>> list(read_polygons({"features": [{"properties": {"village": "A"}, "geometry": square}]}))
    ['A']
    """
    if not isinstance(polygons, Mapping) or not polygons:
        raise InputError(message("polygons of villages", type(polygons).__name__, "polygons", _FIX))
    found: dict[Any, list[np.ndarray]] = {}
    if "features" in polygons:
        for place, feature in enumerate(polygons["features"]):
            name = (feature.get("properties") or {}).get(key, feature.get("id"))
            if name is None:
                came = f"feature {place} without"
                raise InputError(
                    message(f"a property '{key}' in every feature", came, "polygons", "Name the property.")
                )
            found.setdefault(name, []).extend(_rings(feature.get("geometry"), name))
    else:
        for name, shape in polygons.items():
            found[name] = _rings(shape, name)
    if not found:
        raise InputError(message("polygons of villages", "none", "polygons", _FIX))
    return found


def _rings(shape: Any, name: Any) -> list[np.ndarray]:
    if isinstance(shape, Mapping):
        kind, parts = shape.get("type"), shape.get("coordinates") or []
        if kind not in ("Polygon", "MultiPolygon"):
            raise InputError(message("a Polygon or MultiPolygon", repr(kind), f"village {name!r}", _FIX))
        rings = list(parts) if kind == "Polygon" else [ring for part in parts for ring in part]
    else:
        rings = shape or []
    try:
        listed = [np.asarray(ring, dtype=float)[:, :2] for ring in rings]
    except (TypeError, ValueError, IndexError):
        raise InputError(message("rings of x, y", "others", f"village {name!r}", _FIX)) from None
    if not listed or any(len(ring) < 3 or not np.isfinite(ring).all() for ring in listed):
        raise InputError(message("rings of three or more points", "shorter ones", f"village {name!r}", _FIX))
    return [ring if (ring[0] == ring[-1]).all() else np.vstack([ring, ring[:1]]) for ring in listed]


def touching_pairs(villages: list[list[np.ndarray]], rule: str = "queen", snap: float | None = None) -> np.ndarray:
    """Pairs (i, j), i < j, of villages whose boundaries meet in a point ("queen") or along a stretch ("rook")."""
    boxes = np.array([[*np.vstack(rings).min(axis=0), *np.vstack(rings).max(axis=0)] for rings in villages])
    extent = float(np.max(boxes[:, 2:].max(axis=0) - boxes[:, :2].min(axis=0)))
    near = SNAP * extent if snap is None else float(snap)
    pairs = [(i, j) for i, j in _overlapping(boxes, near) if _meet(villages[i], villages[j], boxes[[i, j]], near, rule)]
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def _overlapping(boxes: np.ndarray, near: float) -> list[tuple[int, int]]:
    """Pairs whose bounding boxes come within `near`, by a sweep along x."""
    order = np.argsort(boxes[:, 0], kind="stable")
    left = boxes[order, 0]
    pairs = []
    for place, i in enumerate(order):
        last = int(np.searchsorted(left, boxes[i, 2] + near, side="right"))
        others = order[place + 1 : last]
        inside = (boxes[others, 1] <= boxes[i, 3] + near) & (boxes[others, 3] >= boxes[i, 1] - near)
        pairs += [(min(i, j), max(i, j)) for j in others[inside].tolist()]
    return pairs


def _meet(one: list[np.ndarray], other: list[np.ndarray], boxes: np.ndarray, near: float, rule: str) -> bool:
    window = np.concatenate([boxes[:, :2].max(axis=0) - near, boxes[:, 2:].min(axis=0) + near])
    points = [_contacts(a, b, window, near) for a in one for b in other]
    points += [_contacts(b, a, window, near) for a in one for b in other]
    common = np.vstack(points)
    if rule == "queen" or len(common) == 0:
        return len(common) > 0
    return bool(np.max(np.ptp(common, axis=0)) > 2 * near)


def _contacts(corners: np.ndarray, ring: np.ndarray, window: np.ndarray, near: float) -> np.ndarray:
    """The corners of one ring that lie on the boundary of the other, within the window both share."""
    corners = corners[((corners >= window[:2]) & (corners <= window[2:])).all(axis=1)]
    start, end = ring[:-1], ring[1:]
    meets = (np.minimum(start, end) <= window[2:]).all(axis=1) & (np.maximum(start, end) >= window[:2]).all(axis=1)
    start, along = start[meets], (end - start)[meets]
    if len(corners) == 0 or len(start) == 0:
        return np.zeros((0, 2))
    away = corners[:, None, :] - start
    share = (away * along).sum(axis=2) / np.maximum((along**2).sum(axis=1), 1e-300)
    gap = away - np.clip(share, 0, 1)[..., None] * along
    return corners[((gap**2).sum(axis=2) <= near**2).any(axis=1)]
