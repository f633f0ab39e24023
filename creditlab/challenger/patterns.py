"""Which conditions of each leaf the rows of a background meet, counted: all that exact Shapley values of trees need.

For a leaf with k columns on its path a row has a pattern of k bits: bit i says whether the row meets all conditions of
the i-th column. The counts of the 2^k patterns of the training rows are kept with the model, so that one household can
be explained against all of them years later without any of their rows (the idea of counting patterns is R.
Wettenstein's WOODELF, 2025). They are aggregates: no value and no row can be read from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from creditlab.challenger.trees import Tree

#: splits up to which the answers of a row are one code that indexes a table directly; more are hashed, so many at once
DIRECT, BLOCK = 16, 40
#: rows coded at a time, so that memory stays flat
CHUNK = 50_000


@dataclass(frozen=True, eq=False)
class Leaf:
    """A leaf of a tree: the columns on its path in order of first use, and each column's (split, side) conditions."""

    columns: tuple[int, ...]
    conditions: tuple[tuple[tuple[int, bool], ...], ...]


def leaves_of(tree: Tree) -> list[Leaf]:
    """The leaves of a tree, in the order of their values."""
    found = []
    for path in tree.paths():
        columns = tuple(dict.fromkeys(int(tree.feature[split]) for split, _ in path))
        conditions = tuple(
            tuple((split, side) for split, side in path if tree.feature[split] == column) for column in columns
        )
        found.append(Leaf(columns, conditions))
    return found


@dataclass(frozen=True, eq=False)
class Answers:
    """How rows answer the splits of one tree: `distinct` (m, splits) answers, and the number of each row's."""

    distinct: np.ndarray
    place: np.ndarray

    def patterns(self, leaf: Leaf) -> np.ndarray:
        """(m,) the pattern of each distinct answer at a leaf, as a whole number, the first column the lowest bit."""
        found = np.zeros(len(self.distinct), dtype=np.int64)
        for bit, conditions in enumerate(leaf.conditions):
            met = np.ones(len(self.distinct), dtype=bool)
            for split, side in conditions:
                met &= self.distinct[:, split] == side
            found |= met.astype(np.int64) << bit
        return found


def answers(tree: Tree, design: np.ndarray) -> Answers:
    """The distinct answers of rows to all splits of a tree."""
    splits, n = len(tree.feature), len(design)
    if splits > DIRECT:
        return _by_hash(tree, design)
    code = np.zeros(n, dtype=np.uint16)
    for split in range(splits):
        code |= tree.goes_left(design, split).astype(np.uint16) << np.uint16(split)
    used = np.flatnonzero(np.bincount(code, minlength=1))
    number = np.zeros(int(used.max()) + 1 if len(used) else 1, dtype=np.int64)
    number[used] = np.arange(len(used))
    distinct = (used[:, None] >> np.arange(splits)[None, :] & 1).astype(bool)
    return Answers(distinct, number[code])


def _by_hash(tree: Tree, design: np.ndarray) -> Answers:
    """Many splits: blocks of answers become whole numbers, told apart by hashing, block after block."""
    left = np.column_stack([tree.goes_left(design, split) for split in range(len(tree.feature))])
    place = np.zeros(len(design), dtype=np.int64)
    for start in range(0, left.shape[1], BLOCK):
        block = left[:, start : start + BLOCK]
        code = place << block.shape[1]
        for column in range(block.shape[1]):
            code |= block[:, column].astype(np.int64) << column
        place = pd.factorize(code)[0]
    first = np.empty(int(place.max(initial=-1)) + 1, dtype=np.int64)
    first[place[::-1]] = np.arange(len(place))[::-1]
    return Answers(left[first], place)


def chunks(n: int) -> Iterator[slice]:
    """Slices of at most `CHUNK` rows."""
    return (slice(start, start + CHUNK) for start in range(0, n, CHUNK))


@dataclass(frozen=True, eq=False)
class Background:
    """Weights of the patterns of a population at every leaf of every tree: trees × leaves × 2^columns.

    Parameters
    ----------
    counts : for each tree and leaf the weights by pattern. rows : number of rows; weight : their sum of weights.
    """

    counts: tuple[tuple[np.ndarray, ...], ...]
    rows: int
    weight: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON types: for each leaf the patterns that occur, then their weights."""
        trees = [
            [[*(at := np.flatnonzero(f)).tolist(), *(_short(v) for v in f[at].tolist())] for f in leaves]
            for leaves in self.counts
        ]
        return {"rows": self.rows, "weight": self.weight, "patterns": trees}

    @classmethod
    def from_dict(cls, d: dict[str, Any], trees: Sequence[Tree]) -> Background:
        """What `to_dict` wrote, for the same trees."""
        counts = []
        for tree, stored in zip(trees, d["patterns"], strict=True):
            found = []
            for leaf, listed in zip(leaves_of(tree), stored, strict=True):
                half, f = len(listed) // 2, np.zeros(1 << len(leaf.columns))
                f[np.array(listed[:half], dtype=np.int64)] = listed[half:]
                found.append(f)
            counts.append(tuple(found))
        return cls(tuple(counts), int(d["rows"]), float(d["weight"]))


def _short(value: float) -> int | float:
    return int(value) if value == int(value) else value


def count_patterns(trees: Sequence[Tree], design: np.ndarray, weight: np.ndarray | None = None) -> Background:
    """The background that these rows are.

    >>> from creditlab.challenger.trees import Tree
    >>> none = np.array([], dtype=int)
    >>> stump = Tree(np.array([0]), np.array([1.5]), np.array([True]), np.array([-1]), np.array([-2]), np.array([0, 1]))
    >>> [f.tolist() for f in count_patterns([stump], np.array([[1.0], [2.0], [3.0]])).counts[0]]
    [[2.0, 1.0], [1.0, 2.0]]
    """
    w = np.ones(len(design)) if weight is None else np.asarray(weight, dtype=float)
    counts = []
    for tree in trees:
        leaves = leaves_of(tree)
        found = [np.zeros(1 << len(leaf.columns)) for leaf in leaves]
        for rows in chunks(len(design)):
            given = answers(tree, design[rows])
            heavy = np.bincount(given.place, weights=w[rows], minlength=len(given.distinct))
            for f, leaf in zip(found, leaves, strict=True):
                f += np.bincount(given.patterns(leaf), weights=heavy, minlength=len(f))
        counts.append(tuple(found))
    return Background(tuple(counts), len(design), float(w.sum()))
