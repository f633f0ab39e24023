"""Small results of geography from the real functions: a board of villages with a bad corner, and one island."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from creditlab import village as vl

SIDE = 6


def xy() -> pd.DataFrame:
    places = [(i, j) for i in range(SIDE) for j in range(SIDE)] + [(20, 20)]
    return pd.DataFrame({"village": range(len(places)), "x": [p[0] for p in places], "y": [p[1] for p in places]})


def observed() -> np.ndarray:
    table = xy()
    corner = (table["x"] < 3) & (table["y"] < 3)
    return np.where(corner, 9, 2) + np.arange(len(table)) % 2


def graph() -> vl.Graph:
    return vl.Graph.within(xy().set_index("village"), 1.0)


@cache
def moran() -> Any:
    return vl.moran(observed(), graph(), size=np.full(len(xy()), 4.0))


@cache
def local() -> Any:
    return vl.lisa(observed(), graph(), size=np.full(len(xy()), 4.0), permutations=999, alpha=0.1)


@cache
def scan() -> Any:
    return vl.scan(observed(), np.full(len(xy()), 4.0), xy().set_index("village"), simulations=99)


def polygons() -> dict[str, Any]:
    def square(x: float, y: float) -> list[list[list[float]]]:
        corners = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5)]
        return [[[x + a, y + b] for a, b in corners]]

    rows = xy().to_dict("records")
    features = [
        {
            "properties": {"village": r["village"]},
            "geometry": {"type": "Polygon", "coordinates": square(r["x"], r["y"])},
        }
        for r in rows
    ]
    return {"type": "FeatureCollection", "features": features}
