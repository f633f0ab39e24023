"""The supervisors' statistics of a migration matrix of ordered grades: how far customers move, and how steadily.

ECB, Instructions for reporting the validation results of internal models (February 2019), section 2.5.5: the matrix
weighted bandwidth, and a z-test for each pair of neighbouring cells that probability falls with the distance from the
diagonal. Shares and bandwidths have intervals, as wide as the villages differ where their counts are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtr

from creditlab.checks import check_level
from creditlab.errors import InputError, message
from creditlab.loans import scatter
from creditlab.loans.matrices import EXITS, Transitions
from creditlab.loans.shares import LEVEL, share_limits
from creditlab.results import NotEstimable, Result, Stamp


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MigrationStatistics(Result):
    """A row per cell off the diagonal: from to n total share lo hi n_eff z p_value z_groups reason.

    z compares a cell with its neighbour towards the diagonal: z below 0 says that the probability rises on the way out,
    which it should not; p_value = Φ(z) is small then. z has the ECB's variance of independent customers; z_groups the
    variance between the groups, NaN without them. Facts hold the bandwidths: upper upper_lo upper_hi lower lower_lo
    lower_hi.
    """

    title: ClassVar[str] = "Migration statistics 迁移矩阵统计量"
    plots: ClassVar[str] = "loans"

    level: float = LEVEL


def migration_statistics(counts: Any, *, groups: Any = None, level: float = LEVEL) -> MigrationStatistics:
    """Upper and lower matrix weighted bandwidth, the share and the z of every cell, with intervals.

    Parameters
    ----------
    counts : customers by grade at the start (rows) and at the end (columns), grades from best to worst, no exits; or
        `Transitions`, of which the exits are left out: by 'village_id' the villages are the groups.
    groups : counts of each village or other group that goes together, (groups, grades, grades), summing to `counts`.
    level : of the intervals.

    Intervals of a share are Jeffreys' on the effective number p(1 - p)/variance, of a bandwidth R on R(1 - R)/variance
    with the variance of the ratio of sums, between groups where given (E. Korn, B. Graubard, Survey Methodology 24
    (1998) 193-201), else of independent customers.

    Raises
    ------
    InputError : a matrix that is not square, of fewer than two grades, or with negative counts; groups that do not sum
        to the counts.

    >>> result = migration_statistics([[10, 8, 15, 9, 10], [11, 9, 13, 9, 8], [0, 10, 10, 11, 10],
    ...                                [0, 0, 9, 11, 11], [0, 0, 0, 11, 10]])
    >>> round(result.facts["upper"], 4), round(result.facts["lower"], 4)
    (0.6066, 0.3306)
    """
    check_level(level)
    counts, groups = _graded(counts, groups)
    n = np.asarray(counts, dtype=float)
    if n.ndim != 2 or n.shape[0] != n.shape[1] or len(n) < 2 or not np.isfinite(n).all() or (n < 0).any():
        raise InputError(
            message("a square matrix of counts", f"shape {n.shape}", "migration_statistics", "Leave the exits out.")
        )
    cube = None if groups is None else scatter.counted(groups, len(n))[1]
    if groups is not None and (cube is None or not np.allclose(cube.sum(axis=0), n)):
        raise InputError(message("groups that sum to the counts", f"{np.shape(groups)}", "migration_statistics",
                                 "Count each group over the same grades, without exits."))  # fmt: skip
    names = [str(v) for v in (counts.index if isinstance(counts, pd.DataFrame) else range(1, len(n) + 1))]
    table = _cells(n, cube, names, level)
    off = ~np.eye(len(n), dtype=bool).reshape(-1)
    seen = {} if cube is None else {"groups": int((cube.sum(axis=(1, 2)) > 0).sum())}
    return MigrationStatistics(
        table=table[off].reset_index(drop=True),
        level=level,
        stamp=Stamp.of([n if cube is None else cube], {"level": level}),
        facts={**_bandwidth(n, cube, "upper", level), **_bandwidth(n, cube, "lower", level), "n": int(n.sum()),
               "grades": len(n), **seen, "level": level},
    )  # fmt: skip


def _graded(counts: Any, groups: Any) -> tuple[Any, Any]:
    """The counts of the grades and of each group; of `Transitions` without the exits."""
    if not isinstance(counts, Transitions):
        return counts, groups
    inner = len(counts.states) - len(EXITS)
    cube = counts.by_group() if groups is None else np.asarray(groups)
    return counts.counts().iloc[:inner, :inner], None if cube is None else cube[:, :inner, :inner]


def _cells(n: np.ndarray, cube: np.ndarray | None, names: list[str], level: float) -> pd.DataFrame:
    covariance = scatter.share_covariance(n, cube, level)
    n_eff = scatter.effective_counts(n, covariance)
    share, total = _shares(n), n.sum(axis=1, keepdims=True) + np.zeros_like(n)
    lo, hi = share_limits(np.nan_to_num(share) * n_eff, np.where(total > 0, n_eff, 0.0), level)
    z = _z(n)
    own = np.full(n.shape, np.nan) if cube is None else _z_between(share, covariance)
    none = (
        "该格与内侧相邻格均为空或满，或该等级没有客户 "
        "the cell and its inner neighbour are empty or full, or nobody is in the grade"
    )
    columns = {"n": n.astype(int), "total": total.astype(int), "share": share, "lo": lo, "hi": hi, "n_eff": n_eff,
               "z": z, "p_value": ndtr(z), "z_groups": own}  # fmt: skip
    return pd.DataFrame(
        {"from": np.repeat(names, len(n)), "to": np.tile(names, len(n)),
         **{name: values.reshape(-1) for name, values in columns.items()},
         "reason": np.where(np.isnan(z), none, "").reshape(-1)}
    )  # fmt: skip


def _shares(n: np.ndarray) -> np.ndarray:
    total = n.sum(axis=1, keepdims=True)
    return np.divide(n, total, out=np.full(n.shape, np.nan), where=total > 0)


def _bandwidth(n: np.ndarray, cube: np.ndarray | None, side: str, level: float) -> dict[str, Any]:
    """Distance moved over the farthest distance possible, of those who moved to one side, with its interval."""
    size = len(n)
    place = np.arange(size)
    distance = np.abs(place[:, None] - place[None, :])
    cut = np.triu if side == "upper" else np.tril
    moved = cut(np.ones_like(n), 1 if side == "upper" else -1)
    farthest = np.maximum(size - 1 - place, place)[:, None] * moved
    possible = float((farthest * n).sum())
    if possible == 0:
        none = NotEstimable("nobody moved to this side 没有向该方向迁移")
        return {side: none, f"{side}_lo": none, f"{side}_hi": none}
    value = float((distance * moved * n).sum()) / possible
    surplus = (distance * moved - value * farthest) / possible
    variance = float((n * surplus**2).sum())
    if cube is not None:
        seen = int(((cube * moved).sum(axis=(1, 2)) > 0).sum())
        apart = scatter.between(np.einsum("gij,ij->g", cube, surplus), seen, level) if seen > 1 else 0.0
        variance = max(variance, apart)
    # cancellation leaves 1e-30 where every mover made moves of the same length
    if not variance > 1e-20:
        one = NotEstimable("all moves to this side are alike 同向迁移步长相同")
        return {side: value, f"{side}_lo": one, f"{side}_hi": one}
    lo, hi = scatter.chance_limits(value, variance, level)
    return {side: value, f"{side}_lo": float(lo), f"{side}_hi": float(hi)}


def _z(n: np.ndarray) -> np.ndarray:
    """z of each cell against its neighbour towards the diagonal; the two are negatively correlated (multinomial)."""
    share = _shares(n)
    total = np.broadcast_to(n.sum(axis=1, keepdims=True), n.shape)
    near = np.take_along_axis(share, _inner(len(n)), axis=1)
    both = share * (1 - share) + near * (1 - near) + 2 * share * near
    spread = np.sqrt(np.divide(both, total, out=np.full(n.shape, np.nan), where=total > 0))
    return np.divide(near - share, spread, out=np.full(n.shape, np.nan), where=spread > 0)


def _inner(size: int) -> np.ndarray:
    """The column of the neighbour of each cell towards the diagonal."""
    place = np.arange(size)
    return np.sign(place[:, None] - place[None, :]) + place[None, :]


def _z_between(share: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """z of each cell with the variance of the difference between groups."""
    size = len(share)
    cell = np.arange(size**2).reshape(size, size)
    near = np.take_along_axis(cell, _inner(size), axis=1)
    variance = covariance[cell, cell] + covariance[near, near] - 2 * covariance[cell, near]
    fall = np.take_along_axis(share, _inner(size), axis=1) - share
    return np.divide(fall, np.sqrt(variance), out=np.full(share.shape, np.nan), where=variance > 1e-18)
