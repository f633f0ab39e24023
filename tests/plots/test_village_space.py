"""Figures of geography: the slope is Moran's I, only named villages are coloured, blocks are those of the scan."""

import numpy as np
import pytest

from creditlab.errors import InputError
from creditlab.plots import theme, village_space
from creditlab.plots.words import word
from tests.plots import made_space


def test_the_slope_of_the_line_is_morans_i_and_islands_are_left_out():
    result = made_space.moran()
    points, line = village_space.scatter(result).data
    assert (line.y[1] - line.y[0]) / (line.x[1] - line.x[0]) == pytest.approx(result.statistic)
    assert len(points.x) == len(made_space.xy()) - 1


@pytest.mark.parametrize("place", [{"geojson": made_space.polygons()}, {"xy": made_space.xy()}])
def test_only_villages_below_the_limit_are_coloured(place):
    result = made_space.local()
    table = result.tidy()
    fig = village_space.clusters(result, **place)
    hot = [t for t in fig.data if t.name == word("high_high")]
    assert (table["cluster"] == "high-high").sum() == max(len(t.x) for t in hot if t.mode == "markers") > 0
    assert (table.loc[table["cluster"] == "high-high", "q_value"] <= 0.1).all()
    island = [t for t in fig.data if t.name == word("island") and t.mode == "markers"]
    assert len(island[0].x) == 1
    if "geojson" in place:
        assert {t.fillcolor for t in hot if t.fill == "toself"} == {theme.colour("vermilion")}


def test_blocks_are_those_of_the_scan():
    result = made_space.scan()
    fig = village_space.blocks(result, xy=made_space.xy())
    (likely,) = [t for t in fig.data if t.name == word("likely_block")]
    assert len(likely.x) == (result.members["cluster"] == 1).sum() == 9
    nothing = village_space.blocks(result, xy=made_space.xy(), alpha=1e-9)
    assert [t.name for t in nothing.data] == [word("outside_blocks")]


def test_a_map_needs_places():
    with pytest.raises(InputError, match="columns x and y, or a geojson"):
        village_space.clusters(made_space.local())
    assert np.isfinite(made_space.moran().p_value)
