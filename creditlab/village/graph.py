"""Which villages are neighbours: from polygons, distances, nearest villages, a triangulation, or a table.

Every spatial method takes a `Graph`, or anything `as_graph` reads. A village without neighbours (an island) stays an
ordinary village: it is listed, and each method says what it does with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_groups, check_one_of
from creditlab.errors import InputError, message, some
from creditlab.results import Result, Stamp
from creditlab.village.counts import village_names

#: mean radius of the earth, km
EARTH = 6371.0088


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Graph(Result):
    """Neighbours of villages: a row per directed pair, village neighbour weight.

    `matrix` is villages × villages, sparse (CSR), weights ≥ 0 with nothing on the diagonal; `villages` are its names.
    """

    title: ClassVar[str] = "Neighbours of villages 村的相邻关系"

    matrix: Any = field(repr=False)
    villages: pd.Index

    @classmethod
    def nearest(cls, xy: Any, k: int = 5, village: Any = None, mutual: bool = True, degrees: bool = False) -> Graph:
        """Each village and its k nearest; `mutual` adds the other direction where it is missing.

        Parameters
        ----------
        xy : villages × 2 coordinates; `degrees` reads them as longitude and latitude (great circles).
        k : neighbours of each, fewer than there are villages.
        village : names; None takes the index of a DataFrame, else 0, 1, …

        >>> Graph.nearest([[0, 0], [1, 0], [3, 0]], k=1).tidy()[["village", "neighbour"]].values.tolist()
        [[0, 1], [1, 0], [1, 2], [2, 1]]
        """
        from scipy.spatial import cKDTree

        points, names = coordinates(xy, village, degrees)
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k < len(points):
            came = f"k = {k!r} of {len(points)} villages"
            raise InputError(message("1 or more neighbours, fewer than the villages", came, "k", "Use a smaller k."))
        # villages may share a place: then a village need not be the first of its own nearest ones
        found = cKDTree(points).query(points, k + 1)[1]
        own = found == np.arange(len(points))[:, None]
        own[~own.any(axis=1), -1] = True
        rows = np.repeat(np.arange(len(points)), k)
        return cls._made(names, rows, found[~own], None, mutual, {"from": "nearest", "k": int(k)})

    @classmethod
    def within(cls, xy: Any, distance: float, village: Any = None, degrees: bool = False) -> Graph:
        """All pairs of villages at most `distance` apart, in the unit of `xy`, or km where `degrees`.

        >>> Graph.within([[0, 0], [1, 0], [3, 0]], distance=1.5).facts["islands"]
        1
        """
        from scipy.spatial import cKDTree

        points, names = coordinates(xy, village, degrees)
        if isinstance(distance, bool) or not isinstance(distance, int | float | np.number) or not distance > 0:
            raise InputError(message("a distance above 0", repr(distance), "distance", "Give it in the unit of xy."))
        chord = 2 * EARTH * np.sin(min(distance / (2 * EARTH), np.pi / 2)) if degrees else float(distance)
        pairs = cKDTree(points).query_pairs(chord * (1 + 1e-12), output_type="ndarray")
        return cls._made(names, pairs[:, 0], pairs[:, 1], None, True, {"from": "distance", "distance": float(distance)})

    @classmethod
    def delaunay(cls, xy: Any, village: Any = None) -> Graph:
        """Neighbours in the Delaunay triangulation of the coordinates; villages that share a place are neighbours."""
        from scipy.spatial import Delaunay

        points, names = coordinates(xy, village, False)
        places, where = np.unique(points, axis=0, return_inverse=True)
        where = where.reshape(-1)
        if np.linalg.matrix_rank(places - places[0], tol=1e-12 * max(np.ptp(places), 1e-300)) < 2:
            order = np.argsort(places @ np.ptp(places, axis=0)) if len(places) > 1 else np.array([0])
            edges = np.column_stack([order[:-1], order[1:]])  # on one line: the next on either side
        else:
            corners = Delaunay(places).simplices
            edges = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]])
        members = pd.Series(np.arange(len(points))).groupby(where).apply(np.array)
        pairs = [np.array(np.meshgrid(members[a], members[b])).reshape(2, -1).T for a, b in edges]
        pairs += [np.array([(i, j) for i in m for j in m if i < j]) for m in members if len(m) > 1]
        joined = np.concatenate(pairs) if pairs else np.zeros((0, 2), dtype=int)
        return cls._made(names, joined[:, 0], joined[:, 1], None, True, {"from": "delaunay"})

    @classmethod
    def touching(cls, polygons: Any, key: str = "village", rule: str = "queen", snap: float | None = None) -> Graph:
        """Villages whose boundaries meet.

        Parameters
        ----------
        polygons : a GeoJSON FeatureCollection of Polygons or MultiPolygons, or {village: list of rings}.
        key : the property of a feature that names its village; features of one village are taken together.
        rule : "queen" (a common point is enough) or "rook" (a common stretch).
        snap : boundaries this close meet; None takes a millionth of the extent of the map.

        A corner of one polygon may lie anywhere on the boundary of the other: they need not share corners.
        """
        from creditlab.village.polygons import read_polygons, touching_pairs

        check_one_of(rule, ["queen", "rook"], "rule")
        rings = read_polygons(polygons, key)
        names = pd.Index(list(rings), name="village")
        pairs = touching_pairs(list(rings.values()), rule, snap)
        return cls._made(names, pairs[:, 0], pairs[:, 1], None, True, {"from": "polygons", "rule": rule})

    @classmethod
    def of_table(cls, table: Any, village: Any = None, mutual: bool = True) -> Graph:
        """Neighbours from a table of pairs: its first two columns, or `village` and `neighbour`, and perhaps `weight`.

        Parameters
        ----------
        table : DataFrame, a row per pair; a village with itself is left out, a pair named twice counts once.
        village : all villages, so that those without neighbours are known; None takes the villages of the table.

        >>> graph = Graph.of_table(pd.DataFrame({"village": ["A", "B"], "neighbour": ["B", "C"]}), village=list("ABCD"))
        >>> graph.islands
        ['D']
        """
        pairs, weight = _table_pairs(table)
        listed = _sorted(pd.unique(pairs.ravel())) if village is None else list(village)
        names = village_names(listed, None, len(listed))
        rows, columns = (names.get_indexer(pairs[:, i]) for i in (0, 1))
        unknown = pd.unique(np.concatenate([pairs[rows < 0, 0], pairs[columns < 0, 1]]))
        if len(unknown):
            came = f"{len(unknown)} others ({some(unknown)})"
            raise InputError(message("villages of the list", came, "the table of neighbours", "Add or remove them."))
        kept = rows != columns
        weight = None if weight is None else weight[kept]
        return cls._made(names, rows[kept], columns[kept], weight, mutual, {"from": "table"})

    @classmethod
    def of_matrix(cls, matrix: Any, village: Any = None) -> Graph:
        """Neighbours from a villages × villages matrix (dense or sparse) of weights ≥ 0; the diagonal is left out."""
        from scipy.sparse import coo_array, issparse

        found = coo_array(matrix) if issparse(matrix) else coo_array(_numbers(matrix))
        if (
            found.ndim != 2
            or found.shape[0] != found.shape[1]
            or not (np.isfinite(found.data) & (found.data >= 0)).all()
        ):
            came = f"shape {found.shape}"
            raise InputError(message("a square matrix of weights of zero or more", came, "graph", "Check it."))
        names = village_names(None if village is None else list(village), None, found.shape[0])
        rows, columns = found.coords
        kept = (rows != columns) & (found.data > 0)
        return cls._made(names, rows[kept], columns[kept], found.data[kept], False, {"from": "matrix"})

    @classmethod
    def _made(cls, names: Any, rows: Any, columns: Any, weight: Any, mutual: bool, facts: dict[str, Any]) -> Graph:
        from scipy.sparse import csr_array

        n = len(names)
        values = np.ones(len(rows)) if weight is None else np.asarray(weight, dtype=float)
        if mutual:
            rows, columns = np.concatenate([rows, columns]), np.concatenate([columns, rows])
            values = np.concatenate([values, values])
        frame = pd.DataFrame({"row": rows, "column": columns, "weight": values}, copy=False)
        frame = frame.groupby(["row", "column"], as_index=False, sort=True)["weight"].max()
        place = (frame["row"].to_numpy(dtype=np.int64), frame["column"].to_numpy(dtype=np.int64))
        matrix = csr_array((frame["weight"].to_numpy(dtype=float), place), shape=(n, n))
        return cls._of(matrix, pd.Index(names, name="village"), facts)

    @classmethod
    def _of(cls, matrix: Any, names: pd.Index, facts: Mapping[str, Any]) -> Graph:
        rows, columns = matrix.tocoo().coords
        table = pd.DataFrame({"village": names[rows], "neighbour": names[columns], "weight": matrix.tocoo().data})
        degree = np.diff(matrix.indptr)
        count, _ = _components(matrix)
        found = {
            "villages": len(names),
            "pairs": len(table),
            "neighbours": float(degree.mean()),
            "islands": int((_degree(matrix) == 0).sum()),
            "components": count,
        }
        how = {name: facts[name] for name in facts if name not in found}
        stamp = Stamp.of([matrix.indptr, matrix.indices, matrix.data, pd.Series(names)], how)
        return cls(table=table, stamp=stamp, facts={**found, **how}, matrix=matrix, villages=names)

    @property
    def islands(self) -> list[Any]:
        """Villages without neighbours."""
        return self.villages[_degree(self.matrix) == 0].tolist()

    @property
    def components(self) -> np.ndarray:
        """The number of the connected part that each village belongs to."""
        return _components(self.matrix)[1]

    def symmetric(self) -> Graph:
        """The graph with both directions of every pair, each with the larger weight."""
        from scipy.sparse import csr_array

        both = csr_array(self.matrix.maximum(self.matrix.T))
        return self if (both != self.matrix).nnz == 0 else Graph._of(both, self.villages, self.facts)

    def aligned(self, villages: Any) -> Graph:
        """The graph of these villages in this order; those it does not know have no neighbours, others are left out."""
        names = pd.Index(villages, name="village")
        if names.equals(self.villages):
            return self
        place = names.get_indexer(self.villages)
        pairs = self.matrix.tocoo()
        rows, columns = (place[c] for c in pairs.coords)
        kept = (rows >= 0) & (columns >= 0)
        how = {k: v for k, v in self.facts.items() if k in ("from", "k", "distance", "rule")}
        return Graph._made(names, rows[kept], columns[kept], pairs.data[kept], False, how)

    def weights(self, style: str = "W") -> Any:
        """Weights (sparse): "B" as they are, "W" rows that add to 1, "C" all that add to the number of villages."""
        from scipy.sparse import csr_array, diags_array

        check_one_of(style, ["W", "B", "C"], "style")
        if style == "B":
            return self.matrix
        if style == "C":
            return csr_array(self.matrix * (len(self.villages) / max(self.matrix.sum(), 1e-300)))
        total = np.asarray(self.matrix.sum(axis=1)).reshape(-1)
        return csr_array(diags_array(1 / np.where(total > 0, total, 1)) @ self.matrix)


def as_graph(graph: Any, villages: Any) -> Graph:
    """A graph of these villages, in this order; those it does not know are islands (see `read_graph`).

    >>> as_graph({"A": ["B"], "B": ["A"]}, ["B", "A", "C"]).islands
    ['C']
    """
    names = pd.Index(villages, name="village")
    return read_graph(graph, names).aligned(names)


def read_graph(graph: Any, villages: Any) -> Graph:
    """A graph from what is at hand, with the villages it comes with.

    Parameters
    ----------
    graph : a `Graph`; a DataFrame of pairs; a dict {village: neighbours}; a villages × villages matrix in the order of
        `villages`; or an object with `neighbors` and `weights` by name, such as a libpysal W.
    villages : names of the rows of a matrix.
    """
    if graph is None:
        raise InputError(message("a graph of neighbours", "none", "graph", "Use Graph.nearest(xy), or of_table."))
    if isinstance(graph, Graph):
        return graph
    if isinstance(graph, pd.DataFrame) and graph.shape[0] != graph.shape[1]:
        return Graph.of_table(graph)
    if isinstance(graph, Mapping):
        return _of_lists(graph, {})
    if hasattr(graph, "neighbors") and hasattr(graph, "weights"):
        return _of_lists(graph.neighbors, graph.weights)
    made, names = Graph.of_matrix(graph), pd.Index(villages, name="village")
    if len(made.villages) != len(names):
        came = f"{len(made.villages)} rows"
        raise InputError(message(f"a matrix of {len(names)} villages", came, "graph", "Order it as the villages."))
    return Graph._of(made.matrix, names, {"from": "matrix"})


def _of_lists(neighbours: Mapping[Any, Any], weights: Mapping[Any, Any]) -> Graph:
    rows = [
        (v, u, w)
        for v, near in neighbours.items()
        for u, w in zip(near, weights.get(v, [1.0] * len(near)), strict=True)
    ]
    names = pd.unique(pd.Series([*neighbours, *(u for _, u, _ in rows)], dtype=object))
    frame = pd.DataFrame(rows, columns=["village", "neighbour", "weight"])
    return Graph.of_table(frame, village=names, mutual=False)


def coordinates(xy: Any, village: Any, degrees: bool) -> tuple[np.ndarray, pd.Index]:
    """Checked coordinates and the villages' names; `degrees` become km in three dimensions (chords)."""
    if village is None and isinstance(xy, pd.DataFrame):
        village = xy.index
    points = _numbers(xy)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise InputError(message("villages × 2 coordinates", f"shape {points.shape}", "xy", "Give x and y."))
    wrong = ~np.isfinite(points).all(axis=1)
    if wrong.any():
        came = f"{int(wrong.sum())} villages without"
        rows = f"xy, rows {some(np.flatnonzero(wrong).tolist())}"
        raise InputError(message("coordinates of every village", came, rows, "Fill them or leave these villages out."))
    names = village_names(None if village is None else list(village), None, len(points))
    if not degrees:
        return points, names
    longitude, latitude = np.radians(points).T
    flat = np.cos(latitude)
    return EARTH * np.column_stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)]), names


def _numbers(values: Any) -> np.ndarray:
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise InputError(
            message("numbers", "values that are not", "graph", "Check the coordinates or weights.")
        ) from None


def _table_pairs(table: Any) -> tuple[np.ndarray, np.ndarray | None]:
    if not isinstance(table, pd.DataFrame) or table.shape[1] < 2:
        came = type(table).__name__
        raise InputError(message("a table with two columns of villages", came, "graph", "Columns village, neighbour."))
    named = {"village", "neighbour"} <= set(table.columns)
    pairs = table[["village", "neighbour"]] if named else table.iloc[:, :2]
    checked = [check_groups(pairs.iloc[:, i], len(pairs), str(pairs.columns[i])) for i in (0, 1)]
    if "weight" not in table.columns:
        return np.column_stack(checked).astype(object), None
    weight = _numbers(table["weight"])
    if not (np.isfinite(weight) & (weight >= 0)).all():
        raise InputError(message("weights of zero or more", "others", "weight", "Correct them."))
    return np.column_stack(checked).astype(object)[weight > 0], weight[weight > 0]


def _sorted(names: Any) -> list[Any]:
    try:
        return sorted(names)
    except TypeError:
        return sorted(names, key=lambda name: (type(name).__name__, str(name)))


def _degree(matrix: Any) -> np.ndarray:
    """The number of neighbours in either direction."""
    return np.diff(matrix.indptr) + np.diff(matrix.tocsc().indptr)


def _components(matrix: Any) -> tuple[int, np.ndarray]:
    from scipy.sparse.csgraph import connected_components

    count, label = connected_components(matrix, directed=False)
    return int(count), label
