"""Neighbours from polygons, from centres, or none; a map that cannot be used is reported and stops nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.study import village_panel
from creditlab.study.geography import NEAREST, geography


def _square(name: str, x: float, key: str = "village_id") -> dict:
    ring = [[x, 0], [x + 1, 0], [x + 1, 1], [x, 1], [x, 0]]
    return {"type": "Feature", "properties": {key: name}, "geometry": {"type": "Polygon", "coordinates": [ring]}}


PLACES = pd.DataFrame({"village": list("ABCDEFG"), "x": np.arange(7.0) * 1000, "y": 0.0})
NAMES = pd.Series(list("ABCDEFG"))


@pytest.mark.parametrize("key", ["village_id", "village", "id"])
def test_polygons_that_touch_are_neighbours(key: str) -> None:
    polygons = {"type": "FeatureCollection", "features": [_square(v, i, key) for i, v in enumerate("ABC")]}
    land = geography(polygons, PLACES, NAMES)
    assert land.graph is not None and len(land.findings) == 0
    assert sorted(zip(land.graph.tidy()["village"], land.graph.tidy()["neighbour"], strict=True)) == [
        ("A", "B"), ("B", "A"), ("B", "C"), ("C", "B")
    ]  # fmt: skip


def test_without_polygons_the_nearest_centres_are_neighbours() -> None:
    graph = geography(None, PLACES, NAMES).graph
    assert graph is not None and graph.tidy().groupby("village").size().min() >= NEAREST
    assert geography(None, PLACES.drop(columns="x"), NAMES).graph is None
    assert geography(None, PLACES.head(4), NAMES).graph is None
    assert geography(None, PLACES.assign(x=np.nan), NAMES).graph is None


@pytest.mark.parametrize(
    ("polygons", "says"),
    [
        ({"features": [_square("Z1", 0), _square("Z2", 1)]}, "polygons of other villages"),
        ({"features": [{"type": "Feature", "properties": {}, "geometry": None}]}, "polygons cannot be used"),
        ({"features": []}, "no polygons"),
    ],
)
def test_a_map_that_cannot_be_used_is_a_finding(polygons: dict, says: str) -> None:
    land = geography(polygons, PLACES, NAMES)
    assert len(land.findings) == 1 and says in land.findings["rule"][0] and land.findings["severity"][0] == "warning"
    assert land.graph is not None, "the centres are taken"


def test_neighbours_lend_each_other_strength() -> None:
    """A village of two loans between bad neighbours is expected to be bad with a map, and average without one."""
    rng = np.random.default_rng(0)
    village = np.repeat([f"v{i:02d}" for i in range(40)], [2 if i == 5 else 60 for i in range(40)])
    number = np.array([int(v[1:]) for v in village])
    bad = (rng.random(len(village)) < np.where(number < 11, 0.3, 0.08)).astype(int)
    bad[number == 5] = 0
    rows = type("Rows", (), {"y": bad, "village": village, "amount": None})()
    chain = pd.DataFrame(
        {"village": [f"v{i:02d}" for i in range(39)], "neighbour": [f"v{i:02d}" for i in range(1, 40)]}
    )
    prob = np.full(len(bad), 0.12)
    alone = village_panel(rows, prob).tidy().set_index("village").loc["v05", "estimate"]
    panel = village_panel(rows, prob, graph=chain)
    assert panel.tidy().set_index("village").loc["v05", "estimate"] > alone + 0.3
    assert panel.facts["smoother"] == "BYM2" and panel.facts["phi"] > 0.5
    draws = panel.draws(500)
    np.testing.assert_allclose(draws.mean(), panel.smoothing.tidy().set_index("village")["estimate"], rtol=0.2)
