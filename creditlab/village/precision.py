"""Sparse symmetric positive matrices: solve, log determinant, and the diagonal of the inverse.

Use it for the precision matrices of neighbour graphs, where a dense inverse of ten thousand villages would not fit the
time or the memory. It factorises with SuperLU from SciPy, one thread, without pivoting, so that equal input gives equal
bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Pattern:
    """Which entries of the inverse are needed, and in which order they are found: one per sparsity of the factor.

    The entries of L below its diagonal are numbered as stored. `products` are their partners in the recursion.
    """

    indptr: np.ndarray
    indices: np.ndarray
    levels: list[tuple[np.ndarray, ...]]


class Factor:
    """A = P'LDL'P of a sparse symmetric positive definite matrix (CSC)."""

    def __init__(self, matrix: Any, pattern: Pattern | None = None) -> None:
        from scipy.sparse import csc_array
        from scipy.sparse.linalg import splu

        options = {"SymmetricMode": True}
        self._lu = splu(csc_array(matrix), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options)
        self._pattern = pattern

    def solve(self, right: np.ndarray) -> np.ndarray:
        """A⁻¹ times a vector, or times the columns of a matrix."""
        return self._lu.solve(right)

    def log_determinant(self) -> float:
        """log |A|."""
        return float(np.log(np.abs(self._lu.U.diagonal())).sum())

    def pattern(self) -> Pattern:
        """The pattern of the factor, to be passed to factors of matrices with the same entries."""
        if self._pattern is None:
            lower = self._lu.L.tocsc()
            lower.sort_indices()
            self._pattern = _pattern(lower.indptr, lower.indices)
        return self._pattern

    def inverse_diagonal(self) -> np.ndarray:
        """The diagonal of A⁻¹ by the recursion of K. Takahashi, J. Fagan, M. Chen (8th PICA conference, 1973).

        Z_ij = -Σ_k Z_ik L_kj over the k > j of column j of the factor, from the last column to the first; columns that
        do not need each other are done together.
        """
        lower = self._lu.L.tocsc()
        lower.sort_indices()
        known = self.pattern()
        if not (np.array_equal(known.indptr, lower.indptr) and np.array_equal(known.indices, lower.indices)):
            self._pattern, known = None, _pattern(lower.indptr, lower.indices)
        L, pivot = lower.data, self._lu.U.diagonal()
        Z = np.zeros(len(L))
        first = lower.indptr[:-1]
        for columns, entries, starts, left, right, first_entries in known.levels:
            Z[first[columns]] = 1 / pivot[columns]
            if len(entries):  # every column but the roots, which make up the first level, has entries below
                Z[entries] = -np.add.reduceat(Z[left] * L[right], starts)
                Z[first[columns]] -= np.add.reduceat(Z[entries] * L[entries], first_entries)
        return Z[first][self._lu.perm_c]


def _pattern(indptr: np.ndarray, indices: np.ndarray) -> Pattern:
    """Levels of columns from the root of the elimination tree down, with the places of all products they need."""
    n = len(indptr) - 1
    size = np.diff(indptr) - 1  # entries below the diagonal, which is stored first
    parent = np.where(size > 0, indices[np.minimum(indptr[:-1] + 1, len(indices) - 1)], n)
    depth = np.zeros(n + 1, dtype=np.int64)
    for j in range(n - 1, -1, -1):
        depth[j] = depth[parent[j]] + 1
    column = np.repeat(np.arange(n), np.diff(indptr))
    key = column.astype(np.int64) * n + indices
    order = np.argsort(depth[:n], kind="stable")
    bounds = np.searchsorted(depth[:n][order], np.arange(1, depth[:n].max() + 2))
    return Pattern(
        indptr,
        indices,
        [_level(order[a:b], indptr, indices, size, key, n) for a, b in zip(bounds[:-1], bounds[1:], strict=True)],
    )


def _level(
    columns: np.ndarray, indptr: np.ndarray, indices: np.ndarray, size: np.ndarray, key: np.ndarray, n: int
) -> tuple[np.ndarray, ...]:
    count = size[columns]
    entries = _ranges(indptr[columns] + 1, count)
    per_entry = np.repeat(count, count)
    row = np.repeat(indices[entries], per_entry)
    right = _ranges(np.repeat(indptr[columns] + 1, count), per_entry)
    other = indices[right]
    left = np.searchsorted(key, np.minimum(row, other).astype(np.int64) * n + np.maximum(row, other))
    starts = np.concatenate([[0], np.cumsum(per_entry)[:-1]]) if len(entries) else np.zeros(0, dtype=np.int64)
    first_entries = np.concatenate([[0], np.cumsum(count)[:-1]])
    return columns, entries, starts, left, right, first_entries


def _ranges(start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """start, start+1, … of each length, one after the other."""
    ends = np.cumsum(length)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) - np.repeat(ends - length, length) + np.repeat(start, length)
