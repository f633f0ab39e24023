"""Exact Shapley values of trees against a whole background, for players of any kind: columns, features, sources.

The value of a set of players is the mean log-odds over the background when those players take the row's values and the
others keep the background row's (interventional; D. Janzing et al., AISTATS 2020). A leaf is reached by such a hybrid
when every player on its path is met by the side it takes: a unanimity game, whose Shapley values are known in closed
form. Summed over leaves and over the patterns of the background they are exact, in time linear in rows plus background
rows (R. Wettenstein, A. Shkedi, WOODELF, 2025, counts patterns in the same way). No sampling, no approximation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import factorial
from typing import Any

import numpy as np

from creditlab.challenger.patterns import Background, Leaf, answers, chunks, leaves_of
from creditlab.challenger.trees import Tree


@lru_cache(maxsize=32)
def _met_by_either(k: int) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of patterns (row, background row) of k players in which every player is met on one side at least."""
    pattern = np.arange(1 << k)
    full = (1 << k) - 1
    row, back = np.nonzero((pattern[:, None] | pattern[None, :]) == full)
    return row, back


def _sizes(k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For each pair: players met only by the row (must be in), only by the background row (must be out), numbers."""
    row, back = _met_by_either(k)
    bits = np.arange(k)
    only_row = (row[:, None] >> bits & 1).astype(bool) & ~(back[:, None] >> bits & 1).astype(bool)
    only_back = ~(row[:, None] >> bits & 1).astype(bool)
    return only_row, only_back, only_row.sum(axis=1), only_back.sum(axis=1)


_FACTORIAL = np.array([float(factorial(i)) for i in range(40)])


@lru_cache(maxsize=32)
def value_weights(k: int) -> Any:
    """Sparse (2^k · k, 2^k): what a unit of background weight at a pattern gives each player of a row's pattern.

    With a players that must be in and c that must be out, one that must be in gets (a-1)! c!/(a+c)!, one that must be
    out loses a! (c-1)!/(a+c)! (L. Shapley, 1953, for a unanimity game with both kinds of players).
    """
    from scipy.sparse import csr_array

    (row, back), (only_row, only_back, a, c) = _met_by_either(k), _sizes(k)
    f = _FACTORIAL
    inside = f[np.maximum(a - 1, 0)] * f[c] / f[a + c]
    outside = -f[a] * f[np.maximum(c - 1, 0)] / f[a + c]
    entry = only_row * inside[:, None] + only_back * outside[:, None]
    at, player = np.nonzero(entry)
    return csr_array((entry[at, player], (row[at] * k + player, back[at])), shape=((1 << k) * k, 1 << k))


@lru_cache(maxsize=32)
def pair_weights(k: int) -> Any:
    """Sparse (2^k · k(k-1)/2, 2^k): as `value_weights`, for the interaction of each pair of players.

    Grabisch and Roubens, 1999: the mean of v(S,i,j) - v(S,i) - v(S,j) + v(S) over coalitions. Pairs in the order of
    `np.triu_indices(k, 1)`.
    """
    from scipy.sparse import csr_array

    (row, back), (only_row, only_back, a, c) = _met_by_either(k), _sizes(k)
    first, second = np.triu_indices(k, 1)
    f = _FACTORIAL
    whole = f[np.maximum(a + c - 1, 0)]
    both_in = f[np.maximum(a - 2, 0)] * f[c] / whole
    mixed = -f[np.maximum(a - 1, 0)] * f[np.maximum(c - 1, 0)] / whole
    both_out = f[a] * f[np.maximum(c - 2, 0)] / whole
    i_in, j_in, i_out, j_out = only_row[:, first], only_row[:, second], only_back[:, first], only_back[:, second]
    entry = (i_in & j_in) * both_in[:, None] + (i_out & j_out) * both_out[:, None]
    entry = entry + ((i_in & j_out) | (i_out & j_in)) * mixed[:, None]
    at, pair = np.nonzero(entry)
    size = len(first)
    return csr_array((entry[at, pair], (row[at] * size + pair, back[at])), shape=((1 << k) * size, 1 << k))


def _merged(leaf: Leaf, players: np.ndarray) -> tuple[list[int], np.ndarray]:
    """The players on a path, and what each pattern of columns is as a pattern of players.

    A player is met where all its columns are.
    """
    owner = [int(players[column]) for column in leaf.columns]
    listed = list(dict.fromkeys(owner))
    pattern = np.arange(1 << len(owner))
    merged = np.zeros(len(pattern), dtype=np.int64)
    for bit, player in enumerate(listed):
        mask = sum(1 << i for i, one in enumerate(owner) if one == player)
        merged |= ((pattern & mask) == mask).astype(np.int64) << bit
    return listed, merged


def expected_value(trees: Sequence[Tree], background: Background) -> float:
    """The mean log-odds of the background."""
    total = 0.0
    for tree, counts in zip(trees, background.counts, strict=True):
        total += float(sum(value * f[-1] for value, f in zip(tree.value, counts, strict=True)))
    return total / background.weight


def shapley_values(
    trees: Sequence[Tree], design: np.ndarray, background: Background, players: np.ndarray,
    progress: Any = None,
) -> np.ndarray:  # fmt: skip
    """(n, players) exact interventional Shapley values in log-odds; with the background's mean they add up.

    Parameters
    ----------
    design : (n, m) coded rows. background : patterns of the population, see `count_patterns`.
    players : for each design column the number of its player, 0 … p-1.
    progress : wraps the sequence of trees (a progress bar); None shows none.
    """
    total = np.zeros((len(design), int(players.max()) + 1 if len(players) else 0))
    each: Iterable[Any] = zip(trees, background.counts, strict=True)
    for tree, counts in each if progress is None else progress(list(each)):
        tables = _leaf_tables(tree, counts, background.weight, players)
        if not tables:
            continue
        used = sorted({player for _, listed, _, _ in tables for player in listed})
        for rows in chunks(len(design)):
            given = answers(tree, design[rows])
            added = np.zeros((len(used), len(given.distinct)))
            for leaf, listed, merged, table in tables:
                pattern = merged[given.patterns(leaf)]
                for bit, player in enumerate(listed):
                    added[used.index(player)] += table[pattern, bit]
            for line, player in zip(added, used, strict=True):
                total[rows, player] += line[given.place]
    return total


def _leaf_tables(
    tree: Tree, counts: Sequence[np.ndarray], weight: float, players: np.ndarray
) -> list[tuple[Leaf, list[int], np.ndarray, np.ndarray]]:
    """Each leaf with its players and the table (2^k, k) of what a row's pattern gives them."""
    found = []
    for leaf, value, f in zip(leaves_of(tree), tree.value, counts, strict=True):
        if not leaf.columns:
            continue
        listed, merged = _merged(leaf, players)
        k = len(listed)
        heavy = np.bincount(merged, weights=f, minlength=1 << k)
        found.append((leaf, listed, merged, (value / weight) * (value_weights(k) @ heavy).reshape(1 << k, k)))
    return found


def interaction_values(
    trees: Sequence[Tree], design: np.ndarray, background: Background, players: np.ndarray
) -> dict[tuple[int, int], np.ndarray]:
    """Shapley interaction index of each pair of players that share a path, (n,) each, in log-odds.

    In shap's convention each of the two gets half of it; a player's value less its halves is its main effect.
    """
    found: dict[tuple[int, int], np.ndarray] = {}
    for tree, counts in zip(trees, background.counts, strict=True):
        for rows in chunks(len(design)):
            given = answers(tree, design[rows])
            for leaf, value, f in zip(leaves_of(tree), tree.value, counts, strict=True):
                listed, merged = _merged(leaf, players)
                k = len(listed)
                if k < 2:
                    continue
                heavy = np.bincount(merged, weights=f, minlength=1 << k)
                pairs = list(zip(*np.triu_indices(k, 1), strict=True))
                table = (value / background.weight) * (pair_weights(k) @ heavy).reshape(1 << k, len(pairs))
                pattern = merged[given.patterns(leaf)]
                for column, (i, j) in enumerate(pairs):
                    pair = tuple(sorted((listed[i], listed[j])))
                    line = found.setdefault(pair, np.zeros(len(design)))  # type: ignore[arg-type]
                    line[rows] += table[pattern, column][given.place]
    return found
