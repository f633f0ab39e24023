"""Neighbour graphs: from every source, against counts by hand, islands kept, wrong calls named."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist

from creditlab.errors import InputError
from creditlab.village import Graph
from creditlab.village.graph import as_graph, read_graph


def square(x, y, side=1.0):
    return [[[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]]


def test_nearest_are_the_nearest():
    xy = np.random.default_rng(0).random((80, 2))
    distance = cdist(xy, xy)
    np.fill_diagonal(distance, np.inf)
    by_hand = np.zeros((80, 80))
    np.put_along_axis(by_hand, np.argsort(distance, axis=1)[:, :4], 1, axis=1)
    np.testing.assert_array_equal(Graph.nearest(xy, 4, mutual=False).matrix.toarray(), by_hand)
    np.testing.assert_array_equal(Graph.nearest(xy, 4).matrix.toarray(), np.maximum(by_hand, by_hand.T))


def test_villages_may_share_a_place():
    graph = Graph.nearest([[0, 0]] * 5 + [[1, 1]], 2, mutual=False)
    assert (np.diff(graph.matrix.indptr) == 2).all() and graph.matrix.diagonal().sum() == 0
    assert Graph.delaunay([[0, 0], [0, 0], [1, 0], [0, 1]]).facts["islands"] == 0


def test_distance_in_the_plane_and_on_the_globe():
    xy = np.random.default_rng(1).random((60, 2))
    by_hand = (cdist(xy, xy) <= 0.15) & ~np.eye(60, dtype=bool)
    np.testing.assert_array_equal(Graph.within(xy, 0.15).matrix.toarray() > 0, by_hand)
    # one degree of latitude is 111.19 km on the sphere; one of longitude at 60 degrees north half of that
    places = [[10, 60], [10, 61], [11, 60]]
    assert Graph.within(places, 60, degrees=True).facts["pairs"] == 2
    assert Graph.within(places, 112, degrees=True).facts["pairs"] == 4


def test_triangulation_has_the_edges_of_euler():
    """V villages with H on the hull have 3V - 3 - H edges."""
    from scipy.spatial import ConvexHull

    xy = np.random.default_rng(2).random((70, 2))
    assert Graph.delaunay(xy).facts["pairs"] / 2 == 3 * 70 - 3 - len(ConvexHull(xy).vertices)
    assert Graph.delaunay([[i, 2 * i] for i in (3, 0, 1, 2)]).tidy()["neighbour"].tolist() == [3, 2, 1, 3, 0, 2]
    assert Graph.delaunay([[0, 0]]).islands == [0]


def test_polygons_that_meet():
    shapes = {"A": square(0, 0), "B": square(1, 0), "C": square(1, 1), "D": square(5, 5), "E": square(2, 0.25, 0.5)}
    queen, rook = Graph.touching(shapes), Graph.touching(shapes, rule="rook")
    # E lies along the side of B without sharing a corner; A and C meet in a corner; D is an island
    both = {("A", "B"), ("B", "A"), ("B", "C"), ("C", "B"), ("B", "E"), ("E", "B")}
    pairs = lambda graph: set(map(tuple, graph.tidy()[["village", "neighbour"]].to_numpy()))  # noqa: E731
    assert pairs(rook) == both and pairs(queen) == both | {("A", "C"), ("C", "A")}
    assert queen.islands == ["D"]


def test_geojson_features_of_one_village_are_taken_together():
    features = [
        {"properties": {"code": code}, "geometry": {"type": "Polygon", "coordinates": rings}}
        for code, rings in (("A", square(0, 0)), ("B", square(1, 0)), ("A", square(2, 0)), ("C", square(3, 0)))
    ]
    graph = Graph.touching(json.loads(json.dumps({"type": "FeatureCollection", "features": features})), key="code")
    assert graph.villages.tolist() == ["A", "B", "C"] and graph.facts["pairs"] == 4
    many = {"A": {"type": "MultiPolygon", "coordinates": [square(0, 0), square(9, 9)]}, "B": square(9, 10)}
    assert Graph.touching(many).facts["pairs"] == 2


def test_tables_lists_and_matrices_say_the_same():
    table = pd.DataFrame({"a": ["u", "v", "v"], "b": ["v", "u", "w"]})
    by_table = Graph.of_table(table, village=["u", "v", "w", "z"])
    matrix = np.array([[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]])
    for graph in (
        Graph.of_matrix(matrix, list("uvwz")),
        as_graph(matrix, list("uvwz")),
        as_graph(csr_array(matrix), list("uvwz")),
        as_graph({"u": ["v"], "v": ["u", "w"], "w": ["v"], "z": []}, list("uvwz")),
        as_graph(table, list("uvwz")).symmetric(),
    ):
        np.testing.assert_array_equal(graph.matrix.toarray(), by_table.matrix.toarray())
        assert graph.islands == ["z"] and graph.facts["components"] == 2


def test_alignment_keeps_pairs_and_adds_islands():
    graph = Graph.of_table(pd.DataFrame({"a": ["u", "v"], "b": ["v", "w"]}))
    moved = graph.aligned(["w", "x", "v"])
    assert moved.tidy()[["village", "neighbour"]].to_numpy().tolist() == [["w", "v"], ["v", "w"]]
    assert moved.islands == ["x"]


def test_weights_of_every_style_add_up():
    graph = Graph.nearest(np.random.default_rng(3).random((30, 2)), 3).aligned([*range(30), "away"])
    rows = np.asarray(graph.weights("W").sum(axis=1)).ravel()
    np.testing.assert_allclose(rows, [1] * 30 + [0])
    assert graph.weights("C").sum() == pytest.approx(31) and graph.weights("B").sum() == graph.facts["pairs"]


def test_wrong_calls_are_named():
    with pytest.raises(InputError, match="coordinates of every village; got 1 villages without"):
        Graph.nearest([[0, 0], [np.nan, 1], [2, 2]], 1)
    with pytest.raises(InputError, match="fewer than the villages; got k = 5 of 3"):
        Graph.nearest([[0, 0], [1, 1], [2, 2]], 5)
    with pytest.raises(InputError, match="each village once"):
        Graph.nearest([[0, 0], [1, 1], [2, 2]], 1, village=["A", "A", "B"])
    with pytest.raises(InputError, match="villages × 2 coordinates"):
        Graph.within([[0, 0, 1]], 1)
    with pytest.raises(InputError, match="a distance above 0"):
        Graph.within([[0, 0], [1, 1]], 0)
    with pytest.raises(InputError, match="villages of the list; got 1 others"):
        Graph.of_table(pd.DataFrame({"a": ["u"], "b": ["q"]}), village=["u"])
    with pytest.raises(InputError, match="a square matrix of weights of zero or more"):
        Graph.of_matrix([[0, -1], [1, 0]])
    with pytest.raises(InputError, match="a matrix of 3 villages"):
        read_graph(np.zeros((2, 2)), list("abc"))
    with pytest.raises(InputError, match="a Polygon or MultiPolygon"):
        Graph.touching({"A": {"type": "Point", "coordinates": [0, 0]}})
    with pytest.raises(InputError, match="a property 'code' in every feature"):
        Graph.touching({"features": [{"properties": {}, "geometry": None}]}, key="code")
    with pytest.raises(InputError, match="a graph of neighbours"):
        read_graph(None, list("ab"))


def test_a_map_without_features_is_refused_in_words():
    with pytest.raises(InputError, match="polygons of villages; got none"):
        Graph.touching({"type": "FeatureCollection", "features": []})
