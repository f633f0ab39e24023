"""The supervisors' statistics of a migration matrix of ordered grades: how far customers move, and how steadily.

ECB, Instructions for reporting the validation results of internal models (February 2019), section 2.5.5: the matrix
weighted bandwidth, and a z-test for each pair of neighbouring cells that probability falls with the distance from the
diagonal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtr

from creditlab.errors import InputError, message
from creditlab.results import NotEstimable, Result, Stamp


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MigrationStatistics(Result):
    """A row per cell off the diagonal: from to n total share z p_value reason; facts hold the two bandwidths.

    z compares a cell with its neighbour towards the diagonal: z below 0 says that the probability rises on the way out,
    which it should not; p_value = Φ(z) is small then.
    """

    title: ClassVar[str] = "Migration statistics 迁移矩阵统计量"
    plots: ClassVar[str] = "loans"


def migration_statistics(counts: Any) -> MigrationStatistics:
    """Upper and lower matrix weighted bandwidth and the z of every cell of a square matrix of counts.

    Parameters
    ----------
    counts : customers by grade at the start (rows) and at the end (columns), grades from best to worst, no exits.

    Raises
    ------
    InputError : a matrix that is not square, of fewer than two grades, or with negative counts.

    >>> result = migration_statistics([[10, 8, 15, 9, 10], [11, 9, 13, 9, 8], [0, 10, 10, 11, 10],
    ...                                [0, 0, 9, 11, 11], [0, 0, 0, 11, 10]])
    >>> round(result.facts["upper"], 4), round(result.facts["lower"], 4)
    (0.6066, 0.3306)
    """
    n = np.asarray(counts, dtype=float)
    if n.ndim != 2 or n.shape[0] != n.shape[1] or len(n) < 2 or not np.isfinite(n).all() or (n < 0).any():
        raise InputError(
            message("a square matrix of counts", f"shape {n.shape}", "migration_statistics", "Leave the exits out.")
        )
    names = [str(v) for v in (counts.index if isinstance(counts, pd.DataFrame) else range(1, len(n) + 1))]
    upper, lower = _bandwidth(n, above=True), _bandwidth(n, above=False)
    z = _z(n)
    table = pd.DataFrame(
        {
            "from": np.repeat(names, len(n)),
            "to": np.tile(names, len(n)),
            "n": n.reshape(-1).astype(int),
            "total": np.repeat(n.sum(axis=1), len(n)).astype(int),
            "share": _shares(n).reshape(-1),
            "z": z.reshape(-1),
            "p_value": ndtr(z).reshape(-1),
        }
    )
    none = (
        "该格与内侧相邻格均为空或满，或该等级没有客户 "
        "the cell and its inner neighbour are empty or full, or nobody is in the grade"
    )
    table["reason"] = np.where(table["z"].isna(), none, "")
    off = ~np.eye(len(n), dtype=bool).reshape(-1)
    return MigrationStatistics(
        table=table[off].reset_index(drop=True),
        stamp=Stamp.of([n], {}),
        facts={"upper": upper, "lower": lower, "n": int(n.sum()), "grades": len(n)},
    )


def _shares(n: np.ndarray) -> np.ndarray:
    total = n.sum(axis=1, keepdims=True)
    return np.divide(n, total, out=np.full(n.shape, np.nan), where=total > 0)


def _bandwidth(n: np.ndarray, *, above: bool) -> float | NotEstimable:
    """Distance moved over the farthest distance possible, of those who moved to one side."""
    size = len(n)
    place = np.arange(size)
    distance = np.abs(place[:, None] - place[None, :])
    side = np.triu(n, 1) if above else np.tril(n, -1)
    farthest = np.maximum(size - 1 - place, place)
    possible = (side.sum(axis=1) * farthest).sum()
    if possible == 0:
        return NotEstimable("nobody moved to this side 没有向该方向迁移")
    return float((distance * side).sum() / possible)


def _z(n: np.ndarray) -> np.ndarray:
    """z of each cell against its neighbour towards the diagonal; the two are negatively correlated (multinomial)."""
    share = _shares(n)
    total = np.broadcast_to(n.sum(axis=1, keepdims=True), n.shape)
    place = np.arange(len(n))
    towards = np.sign(place[:, None] - place[None, :]) + place[None, :]
    near = np.take_along_axis(share, towards, axis=1)
    both = share * (1 - share) + near * (1 - near) + 2 * share * near
    spread = np.sqrt(np.divide(both, total, out=np.full(n.shape, np.nan), where=total > 0))
    return np.divide(near - share, spread, out=np.full(n.shape, np.nan), where=spread > 0)
