"""Trees of depth one or two as tables: what each bin, and each pair of bins, adds to the log-odds of bad.

A leaf asks about one or two features, so that the sum of all leaves is a sum of functions of one and of two features.
The part of a table of two that one of them explains alone is moved to that one (purified by B. Lengerich et al.,
AISTATS 2020, with the training rows as weights), so that each figure has one home.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from creditlab.challenger.coding import Coding, owners
from creditlab.challenger.trees import Tree

#: moves of mass end when what is left to move is below this
SETTLED, MOST_MOVES = 1e-13, 2000


@dataclass(frozen=True, eq=False)
class Tables:
    """`intercept`, `main[feature]` by bin, `pairs[first, second]` by bin × bin; in log-odds of bad."""

    intercept: float
    main: Mapping[str, np.ndarray]
    pairs: Mapping[tuple[str, str], np.ndarray]

    def log_odds(self, codes: Mapping[str, np.ndarray]) -> np.ndarray:
        """The sum for rows given by their bin numbers."""
        n = len(next(iter(codes.values()))) if codes else 0
        total = np.full(n, self.intercept)
        for name, effect in self.main.items():
            total += effect[codes[name]]
        for (first, second), effect in self.pairs.items():
            total += effect[codes[first], codes[second]]
        return total

    def scaled(self, shift: float, slope: float) -> Tables:
        """shift + slope · the sum."""
        main = {name: slope * effect for name, effect in self.main.items()}
        return Tables(shift + slope * self.intercept, main, {pair: slope * e for pair, e in self.pairs.items()})

    def rounded(self, factor: float) -> Tables:
        """Every cell times `factor`, to whole numbers; the intercept is left out."""
        main = {name: np.rint(factor * effect) for name, effect in self.main.items()}
        return Tables(0.0, main, {pair: np.rint(factor * e) for pair, e in self.pairs.items()})

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return {
            "intercept": self.intercept,
            "main": {name: effect.tolist() for name, effect in self.main.items()},
            "pairs": [[*pair, effect.tolist()] for pair, effect in self.pairs.items()],
        }

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> Tables:
        """What `to_dict` wrote."""
        return cls(
            float(d["intercept"]),
            {name: np.array(effect, dtype=float) for name, effect in d["main"].items()},
            {(first, second): np.array(effect, dtype=float) for first, second, effect in d["pairs"]},
        )


def points_tables(
    trees: Sequence[Tree], codings: Sequence[Coding], bins: Any, codes: Mapping[str, np.ndarray], weight: np.ndarray
) -> Tables:
    """The tables of trees of depth one or two on bins.

    Parameters
    ----------
    codings, bins : how the bins of each feature become design columns. codes, weight : the training rows.
    """
    import pandas as pd

    owner = owners(codings)
    grids = [c.design(pd.Series(np.arange(bins[c.name].spec.size), name=c.name)) for c in codings]
    first_column = np.concatenate([[0], np.cumsum([c.width for c in codings])[:-1]])
    base, main, pairs = 0.0, {}, {}  # type: float, dict[int, np.ndarray], dict[tuple[int, int], np.ndarray]
    for tree in trees:
        for path, value in zip(tree.paths(), tree.value, strict=True):
            met = _met(tree, path, owner, grids, first_column)
            if not met:
                base += float(value)
            elif len(met) == 1:
                ((j, there),) = met.items()
                main[j] = main.get(j, 0.0) + value * there
            else:
                (i, a), (j, b) = sorted(met.items())
                pairs[i, j] = pairs.get((i, j), 0.0) + value * np.outer(a, b)
    return _purified(base, main, pairs, [c.name for c in codings], codes, weight)


def _met(
    tree: Tree, path: list[tuple[int, bool]], owner: np.ndarray, grids: list[np.ndarray], first: np.ndarray
) -> dict[int, np.ndarray]:
    """For each feature on a path, which of its bins go this way."""
    found: dict[int, np.ndarray] = {}
    for split, side in path:
        column = int(tree.feature[split])
        j = int(owner[column])
        x = grids[j][:, column - first[j]]
        left = ~(x > tree.threshold[split]) if tree.nan_left[split] else x <= tree.threshold[split]
        there = (left == side).astype(float)
        found[j] = found[j] * there if j in found else there
    return found


def _purified(
    base: float, main: dict[int, np.ndarray], pairs: dict[tuple[int, int], np.ndarray], names: list[str],
    codes: Mapping[str, np.ndarray], weight: np.ndarray,
) -> Tables:  # fmt: skip
    for (i, j), effect in pairs.items():
        size = effect.shape
        joint = np.bincount(codes[names[i]] * size[1] + codes[names[j]], weights=weight, minlength=size[0] * size[1])
        pure, rows, columns = purify(effect, joint.reshape(size))
        pairs[i, j] = pure
        main[i] = main.get(i, 0.0) + rows
        main[j] = main.get(j, 0.0) + columns
    for j, effect in main.items():
        share = np.bincount(codes[names[j]], weights=weight, minlength=len(effect)) / weight.sum()
        middle = float(share @ effect)
        main[j], base = effect - middle, base + middle
    return Tables(
        base, {names[j]: main[j] for j in sorted(main)}, {(names[i], names[j]): pairs[i, j] for i, j in sorted(pairs)}
    )


def purify(effect: np.ndarray, joint: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(pure, rows, columns) with pure + rows + columns = effect and weighted row and column means of pure near 0.

    A bin without rows is purified by the bins of all rows on the other side.

    >>> pure, rows, columns = purify(np.array([[0.0, 0.0], [0.0, 1.0]]), np.ones((2, 2)))
    >>> pure.tolist(), (rows[:, None] + columns + pure).tolist()
    ([[0.25, -0.25], [-0.25, 0.25]], [[0.0, 0.0], [0.0, 1.0]])
    """
    pure, rows, columns = effect.astype(float).copy(), np.zeros(effect.shape[0]), np.zeros(effect.shape[1])
    along_rows, along_columns = _shares(joint), _shares(joint.T).T
    for _ in range(MOST_MOVES):
        move = (pure * along_rows).sum(axis=1)
        pure, rows = pure - move[:, None], rows + move
        turn = (pure * along_columns).sum(axis=0)
        pure, columns = pure - turn, columns + turn
        if max(np.abs(move).max(initial=0.0), np.abs(turn).max(initial=0.0)) < SETTLED:
            break
    return pure, rows, columns


def _shares(joint: np.ndarray) -> np.ndarray:
    """The shares of each row of a table; those of all rows where it is empty."""
    total, overall = joint.sum(axis=1, keepdims=True), joint.sum(axis=0) / joint.sum()
    return np.where(total > 0, joint / np.where(total > 0, total, 1.0), overall)
