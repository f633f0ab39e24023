"""The trees of a booster as plain arrays: read from LightGBM's model text, evaluated, walked.

A model text is the one stored truth of a challenger; everything that must look inside it (directions, exact
explanations, points tables) reads it here and nowhere else. Trees on native categories are refused: challengers code
text as numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from creditlab.errors import FitError, InputError, message, some

#: bits of LightGBM's decision type: categorical split, missing values go left, kind of missing values (2 bits)
CATEGORICAL, DEFAULT_LEFT, MISSING_SHIFT = 1, 2, 2
NO_MISSING, ZERO_MISSING = 0, 1
#: leaf values further apart than this against a direction break it
BROKEN = 1e-10


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree. Split s sends a row left where x[feature] <= threshold; children below 0 are leaves, -1 the first.

    Parameters
    ----------
    feature, threshold, left, right : one value per split. nan_left : where missing values go.
    value : log-odds of each leaf.
    """

    feature: np.ndarray
    threshold: np.ndarray
    nan_left: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray

    def goes_left(self, design: np.ndarray, split: int) -> np.ndarray:
        """(n,) whether each row goes left at a split, were it to come there."""
        x = design[:, self.feature[split]]
        return ~(x > self.threshold[split]) if self.nan_left[split] else x <= self.threshold[split]

    def paths(self) -> list[list[tuple[int, bool]]]:
        """For each leaf the splits above it from the root, and whether the leaf lies on their left."""
        found: list[list[tuple[int, bool]]] = [[] for _ in self.value]
        todo: list[tuple[int, list[tuple[int, bool]]]] = [(0, [])] if len(self.feature) else []
        while todo:
            split, above = todo.pop()
            for child, side in ((int(self.left[split]), True), (int(self.right[split]), False)):
                path = [*above, (split, side)]
                if child < 0:
                    found[~child] = path
                else:
                    todo.append((child, path))
        return found

    def log_odds(self, design: np.ndarray) -> np.ndarray:
        """(n,) the leaf value of each row."""
        total = np.zeros(len(design))
        left = [self.goes_left(design, split) for split in range(len(self.feature))]
        for path, value in zip(self.paths(), self.value, strict=True):
            here = np.ones(len(design), dtype=bool)
            for split, side in path:
                here &= left[split] == side
            total[here] = value
        return total


def read_trees(text: str) -> list[Tree]:
    """The trees of a LightGBM model text, in order; the log-odds of a row are the sum of their leaf values.

    Raises
    ------
    InputError : for a text without trees, categorical or linear trees, or zeros taken as missing.
    """
    blocks = text.split("\nTree=")[1:]
    if not blocks:
        raise InputError(message("a LightGBM model text", "a text without trees", "read_trees", "Fit again."))
    return [_read_tree(block.split("\nend of trees")[0]) for block in blocks]


def _read_tree(block: str) -> Tree:
    fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
    value = np.array(fields["leaf_value"].split(), dtype=float)
    if int(fields.get("num_cat", 0)) or int(fields.get("is_linear", 0)):
        raise InputError(
            message("trees on numbers", "categorical or linear trees", "read_trees", "Code text as whole numbers.")
        )
    if len(value) == 1:
        empty = np.empty(0, dtype=np.int64)
        return Tree(empty, np.empty(0), np.empty(0, dtype=bool), empty, empty, value)
    kind = np.array(fields["decision_type"].split(), dtype=np.int64)
    threshold = np.array(fields["threshold"].split(), dtype=float)
    missing = kind >> MISSING_SHIFT & 3
    if (missing == ZERO_MISSING).any():
        raise InputError(message("missing values as NaN", "zeros taken as missing", "read_trees", "Fit again."))
    # without missing values in training LightGBM reads NaN as 0
    nan_left = np.where(missing == NO_MISSING, threshold >= 0, (kind & DEFAULT_LEFT) > 0)
    whole = {name: np.array(fields[name].split(), dtype=np.int64) for name in _SPLITS}
    return Tree(whole["split_feature"], threshold, nan_left, whole["left_child"], whole["right_child"], value)


_SPLITS = ("split_feature", "left_child", "right_child")


def leaf_boxes(tree: Tree, columns: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(leaves, columns) lower (excluded) and upper (included) end of each leaf, and whether missing values reach it."""
    place = {column: c for c, column in enumerate(columns)}
    shape = len(tree.value), len(columns)
    lo, hi, missing = np.full(shape, -np.inf), np.full(shape, np.inf), np.ones(shape, dtype=bool)
    for leaf, path in enumerate(tree.paths()):
        for split, side in path:
            c, at = place[int(tree.feature[split])], tree.threshold[split]
            missing[leaf, c] &= tree.nan_left[split] == side
            if side:
                hi[leaf, c] = min(hi[leaf, c], at)
            else:
                lo[leaf, c] = max(lo[leaf, c], at)
    return lo, hi, missing


def walk_directions(trees: Sequence[Tree], directions: np.ndarray) -> int:
    """Verify directions on every tree, leaf against leaf; how many pairs of leaves were compared.

    Two leaves whose boxes share values of all columns but one must differ along that one in its direction. Where it
    holds in every tree it holds in their sum, everywhere, also between and beyond the rows of the sample.

    Parameters
    ----------
    directions : by design column, +1 log-odds of bad may not fall, -1 may not rise, 0 free.

    Raises
    ------
    FitError : naming the first tree and design column where leaf values move against a direction.
    """
    compared = 0
    for number, tree in enumerate(trees):
        columns = sorted(set(tree.feature.tolist()))
        held = [c for c in columns if directions[c]]
        if not held:
            continue
        lo, hi, missing = leaf_boxes(tree, columns)
        meets = [_meet(lo[:, c], hi[:, c], missing[:, c]) for c in range(len(columns))]
        for column in held:
            c = columns.index(column)
            others = np.ones((len(tree.value),) * 2, dtype=bool)
            for d, meet in enumerate(meets):
                if d != c:
                    others &= meet
            below, above = np.nonzero(others & (hi[:, c][:, None] <= lo[:, c][None, :]))
            step = directions[column] * (tree.value[above] - tree.value[below])
            compared += len(step)
            if len(step) and step.min() < -BROKEN:
                leaves = some(below[step < -BROKEN].tolist())
                raise FitError(
                    message(
                        "leaf values that keep the monotone direction",
                        f"a step of {step.min():.3g} against it",
                        f"tree {number}, design column {column}, leaves {leaves}",
                        "Report this; monotone='none' fits without directions.",
                    )
                )
    return compared


def _meet(lo: np.ndarray, hi: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """(leaves, leaves) whether two leaves share values of a column."""
    values = np.maximum(lo[:, None], lo[None, :]) < np.minimum(hi[:, None], hi[None, :])
    return values | (missing[:, None] & missing[None, :])
