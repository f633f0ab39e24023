"""How grades move from one date to the next: bandwidths, z of neighbouring cells, mobility, change of the matrix.

Counts of a square matrix, from (rows) by to (columns), safest first; defaults and withdrawals are left out or are a
grade of their own, as the bank declares.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtr

from creditlab.errors import InputError, message
from creditlab.validation.result import Kind, TestFamily, TestResult, rejected
from creditlab.validation.verdict import DEFAULTS, Threshold

UPPER = Kind(
    "stab.mwb_upper",
    "Matrix-weighted bandwidth, worse grades",
    "矩阵加权带宽（下迁）",
    "ECB instructions (2019) 2.5.5.1",
    "",
    "migration_bandwidth",
)
LOWER = Kind(
    "stab.mwb_lower",
    "Matrix-weighted bandwidth, better grades",
    "矩阵加权带宽（上迁）",
    "ECB instructions (2019) 2.5.5.1",
    "",
    "migration_bandwidth",
)
STEPS = Kind(
    "stab.migration_z",
    "Migration falls away from the diagonal",
    "迁徙率随距离递减",
    "ECB instructions (2019) 2.5.5.2",
    "the cell nearer the diagonal is the more frequent 离对角线近者频率更高",
    "migration_z",
)
MOBILITY = Kind(
    "stab.mobility",
    "Mobility of the matrix",
    "迁徙矩阵流动性",
    "Shorrocks, Econometrica 46 (1978) 1013-1024; Jafry, Schuermann, J. Banking & Finance 28 (2004) 2603-2639",
    "",
    "mobility",
)
CHANGED = Kind(
    "stab.migration_change",
    "Change of the matrix",
    "迁徙矩阵变化",
    "Anderson, Goodman, Ann. Math. Statistics 28 (1957) 89-110; χ² by row",
    "both matrices have the same probabilities 两矩阵迁徙概率相同",
    "migration_change",
)


def check_matrix(counts: Any, where: str = "counts") -> np.ndarray:
    """A square matrix of counts of at least two grades."""
    matrix = np.asarray(counts, dtype=float)
    if (
        matrix.ndim != 2
        or matrix.shape[0] != matrix.shape[1]
        or len(matrix) < 2
        or not np.isfinite(matrix).all()
        or (matrix < 0).any()
        or not matrix.any()
    ):
        raise InputError(
            message(
                "a square matrix of counts, two grades or more",
                f"shape {matrix.shape}",
                where,
                "Count from by to over the same grades.",
            )
        )
    return matrix


def migration_counts(before: Any, after: Any, grades: int | None = None) -> np.ndarray:
    """The matrix of counts from the grade of each customer (0 = safest) at two dates.

    >>> migration_counts([0, 0, 1], [0, 1, 1]).astype(int).tolist()
    [[1, 1], [0, 1]]
    """
    i, j = (np.asarray(v).reshape(-1) for v in (before, after))
    if (
        len(i) != len(j)
        or not len(i)
        or i.dtype.kind not in "iu"
        or j.dtype.kind not in "iu"
        or min(i.min(), j.min()) < 0
    ):
        raise InputError(
            message(
                "a grade number from 0 at both dates for each customer",
                f"{len(i)} and {len(j)} values",
                "migration_counts",
                "Number the grades from 0.",
            )
        )
    K = max(int(i.max()), int(j.max())) + 1 if grades is None else grades
    matrix = np.zeros((K, K))
    np.add.at(matrix, (i, j), 1)
    return matrix


def migration_bandwidth(counts: Any) -> tuple[TestResult, TestResult]:
    """The ECB's upper and lower matrix-weighted bandwidths, in that order.

    Σ |i - j|·N_ij over Σ_i max(K - i, i - 1)·N_i·, both over cells above the diagonal (downgrades), or below it.

    >>> upper, lower = migration_bandwidth([[8, 2], [1, 9]])
    >>> upper.estimate, lower.estimate
    (1.0, 1.0)
    """
    matrix = check_matrix(counts)
    K = len(matrix)
    i, j = np.indices(matrix.shape)
    farthest = np.maximum(K - 1 - np.arange(K), np.arange(K))
    found = []
    for kind, side in ((UPPER, j > i), (LOWER, j < i)):
        moved = np.where(side, matrix, 0.0)
        most = float((farthest * moved.sum(1)).sum())
        value = float((np.abs(i - j) * moved).sum()) / most if most else math.nan
        reason = "" if most else "nobody moved this way 无此方向迁徙"
        found.append(
            kind.result(
                inputs=matrix,
                n=int(matrix.sum()),
                estimate=value,
                reason=reason,
                facts={"moved": int(moved.sum()), "grades": K},
            )
        )
    return found[0], found[1]


def migration_z(counts: Any, threshold: Threshold = DEFAULTS["p_value"]) -> TestFamily:
    """Does the probability of moving fall with each step away from the diagonal? A row per off-diagonal cell.

    z = (p nearer - p)/√((p(1-p) + q(1-q) + 2pq)/N_i), q the neighbour nearer the diagonal; p-value Φ(z), small where
    the farther cell is the more frequent. Holm over the cells; a row of two empty cells or without members is missing.

    >>> table = migration_z([[90, 8, 2], [10, 80, 10], [1, 4, 95]]).tidy().set_index("scope")
    >>> table.loc["1 to 3", "statistic"].round(4).item()
    1.9325
    """
    matrix = check_matrix(counts)
    K, n = len(matrix), matrix.sum(1)
    rows: list[dict[str, Any]] = []
    for i in range(K):
        share = matrix[i] / n[i] if n[i] else np.full(K, np.nan)
        for j in range(K):
            if i == j:
                continue
            p, q = float(share[j]), float(share[j + 1 if j < i else j - 1])
            variance = (p * (1 - p) + q * (1 - q) + 2 * p * q) / n[i] if n[i] else math.nan
            z = (q - p) / math.sqrt(variance) if variance > 0 else math.nan
            reason = (
                ""
                if variance > 0
                else ("both cells are empty 两格均为空" if n[i] else "nobody in the grade 该级别无客户")
            )
            rows.append(
                {
                    "scope": f"{i + 1} to {j + 1}",
                    "n": int(n[i]),
                    "estimate": p,
                    "statistic": z,
                    "p_value": float(ndtr(z)),
                    "reason": reason,
                }
            )
    return STEPS.family(rows, inputs=matrix, n=int(n.sum()), threshold=threshold)


def transition_matrix(counts: Any) -> pd.DataFrame:
    """Row shares of the matrix; a grade without members stays where it is.

    >>> transition_matrix([[3, 1], [0, 0]]).to_numpy().tolist()
    [[0.75, 0.25], [0.0, 1.0]]
    """
    matrix = check_matrix(counts)
    n = matrix.sum(1, keepdims=True)
    shares = np.divide(matrix, n, out=np.eye(len(matrix)), where=n > 0)
    names = [str(g + 1) for g in range(len(matrix))]
    return pd.DataFrame(shares, index=pd.Index(names, name="from"), columns=pd.Index(names, name="to"))


def mobility(counts: Any) -> TestResult:
    """Shorrocks' index (K - trace P)/(K - 1); `facts`: singular, the mean singular value of P - I (Jafry, Schuermann).

    >>> mobility([[10, 0], [0, 10]]).estimate
    0.0
    """
    matrix = check_matrix(counts)
    P = transition_matrix(matrix).to_numpy()
    K = len(P)
    singular = float(np.linalg.svd(P - np.eye(K), compute_uv=False).mean())
    return MOBILITY.result(
        inputs=matrix,
        n=int(matrix.sum()),
        estimate=float((K - np.trace(P)) / (K - 1)),
        facts={"singular": singular, "grades": K},
    )


def migration_change(reference: Any, counts: Any, threshold: Threshold = DEFAULTS["p_value"]) -> TestResult:
    """Have the probabilities of moving changed? Σ over rows of the χ² of two rows of counts, degrees of freedom
    likewise.

    Cells empty in both are left out, and so are rows without members in one of the two. `facts`: distance, the mean
    singular value of the difference of the matrices.

    >>> migration_change([[80, 20], [30, 70]], [[80, 20], [30, 70]]).statistic
    0.0
    """
    then, now = check_matrix(reference, "reference"), check_matrix(counts)
    if then.shape != now.shape:
        raise InputError(
            message(
                "matrices of the same grades",
                f"{then.shape} and {now.shape}",
                "migration_change",
                "Count the same grades.",
            )
        )
    statistic, df = 0.0, 0
    for a, b in zip(then, now, strict=True):
        used = (a + b) > 0
        if a.sum() == 0 or b.sum() == 0 or used.sum() < 2:
            continue
        pooled = (a + b)[used] / (a.sum() + b.sum())
        for row in (a, b):
            statistic += float(((row[used] - row.sum() * pooled) ** 2 / (row.sum() * pooled)).sum())
        df += int(used.sum()) - 1
    gap = transition_matrix(now).to_numpy() - transition_matrix(then).to_numpy()
    p_value = float(chdtrc(df, statistic)) if df else math.nan
    judged: dict[str, Any] = dict(rejected(p_value, threshold))
    return CHANGED.result(
        inputs=[then, now],
        n=int(now.sum()),
        estimate=float(np.linalg.svd(gap, compute_uv=False).mean()),
        statistic=statistic if df else math.nan,
        df=df or math.nan,
        p_value=p_value,
        reason="" if df else "no row can be compared 无可比较的行",
        **judged,
    )


def aalen_johansen(start: Any, stop: Any, origin: Any, to: Any, grades: int, horizon: float) -> pd.DataFrame:
    """The probabilities of moving up to a horizon from spells of any length, some of them cut off.

    Π_t (I + ΔA(t)), ΔA_ij(t) = moves i → j at t over spells in i at risk just before t. Withdrawn spells count as long
    as they are seen, where the cohort matrix would drop them or count them as staying.

    Parameters
    ----------
    start, stop : of each spell, time since the start of the observation. origin : grade of the spell, from 0.
    to : grade after it; the same grade means cut off. horizon : the time.

    Returns
    -------
    DataFrame of probabilities, from by to (O. Aalen, S. Johansen, Scandinavian Journal of Statistics 5 (1978) 141-150).

    >>> aalen_johansen([0, 0, 1], [1, 2, 2], [0, 0, 1], [1, 0, 1], grades=2, horizon=2).to_numpy().tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """
    begun, ended = np.asarray(start, dtype=float), np.asarray(stop, dtype=float)
    i, j = np.asarray(origin, dtype=int), np.asarray(to, dtype=int)
    if (
        not len(begun) == len(ended) == len(i) == len(j)
        or (ended <= begun).any()
        or min(i.min(), j.min()) < 0
        or max(i.max(), j.max()) >= grades
    ):
        raise InputError(
            message(
                "spells that end after they begin, grades from 0",
                "others",
                "aalen_johansen",
                "Check start, stop, origin, to.",
            )
        )
    P = np.eye(grades)
    for t in np.unique(ended[(i != j) & (ended <= horizon)]):
        at_risk = np.bincount(i[(begun < t) & (ended >= t)], minlength=grades)
        moves = np.zeros((grades, grades))
        now = (ended == t) & (i != j)
        np.add.at(moves, (i[now], j[now]), 1)
        step = np.divide(moves, at_risk[:, None], out=np.zeros_like(moves), where=at_risk[:, None] > 0)
        P = P @ (np.eye(grades) + step - np.diag(step.sum(1)))
    names = [str(g + 1) for g in range(grades)]
    return pd.DataFrame(P, index=pd.Index(names, name="from"), columns=pd.Index(names, name="to"))
