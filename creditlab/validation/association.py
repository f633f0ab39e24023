"""Agreement of two orders: Somers' D, Kendall's tau-b and Goodman-Kruskal's gamma, with asymptotic standard errors.

Use them where grades meet an ordinal outcome: rating grades against realised loss classes, or a score against grades.
They count pairs of a contingency table, so ties are part of the answer. Not for two continuous columns of many rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from creditlab.checks import check_level
from creditlab.errors import InputError, message
from creditlab.validation.result import Kind, TestResult
from creditlab.validation.rows import check_score

ASE = "Brown, Benedetti, JASA 72 (1977) 309-315"
SOMERS = Kind(
    "disc.somers",
    "Somers' D",
    "Somers D",
    f"Somers 1962; ECB instructions (2019) Annex 3.2; {ASE}",
    "no association 无关联",
    "somers_d",
)
TAU = Kind(
    "disc.tau", "Kendall's tau-b", "Kendall tau-b", f"Kendall 1938; {ASE}", "no association 无关联", "kendall_tau"
)
GAMMA = Kind(
    "disc.gamma",
    "Goodman-Kruskal gamma",
    "Goodman-Kruskal gamma",
    f"Goodman, Kruskal 1954; {ASE}",
    "no association 无关联",
    "goodman_kruskal",
)
#: cells of the table at most
MOST_CELLS = 4_000_000
NO_PAIR = "no pair differs in both: one value only 只有一个取值，无可比对"


@dataclass(frozen=True)
class Concordance:
    """A contingency table with, per cell, the rows that are concordant less or more discordant with it."""

    counts: np.ndarray
    concordant: np.ndarray
    discordant: np.ndarray

    @classmethod
    def of(cls, x: Any, y: Any) -> Concordance:
        """Count the table of x (rows) and y (columns)."""
        first = np.asarray(x).reshape(-1)
        a, b = check_score(x, len(first), "x"), check_score(y, len(first), "y")
        xs, i = np.unique(a, return_inverse=True)
        ys, j = np.unique(b, return_inverse=True)
        if len(xs) * len(ys) > MOST_CELLS:
            came = f"{len(xs)} by {len(ys)} values"
            raise InputError(message("columns with few distinct values", came, "x, y", "Round or grade one of them."))
        counts = np.zeros((len(xs), len(ys)))
        np.add.at(counts, (i, j), 1)
        return cls.of_table(counts)

    @classmethod
    def of_table(cls, counts: np.ndarray) -> Concordance:
        """From a table of counts."""
        total = np.zeros((counts.shape[0] + 1, counts.shape[1] + 1))
        total[1:, 1:] = counts.cumsum(0).cumsum(1)  # total[i, j]: rows above i and left of j
        before, upto = total[:-1, :], total[1:, :]
        all_rows, all_columns = total[-1:, :], total[:, -1:]
        low_low = before[:, :-1]
        high_high = total[-1, -1] - all_rows[:, 1:] - all_columns[1:, :] + upto[:, 1:]
        low_high = all_columns[:-1, :] - before[:, 1:]
        high_low = all_rows[:, :-1] - upto[:, :-1]
        return cls(counts, low_low + high_high, low_high + high_low)

    @property
    def n(self) -> float:
        return float(self.counts.sum())

    @property
    def net(self) -> float:
        """Concordant less discordant pairs, each counted twice."""
        return float((self.counts * (self.concordant - self.discordant)).sum())

    def null_spread(self) -> float:
        """Σ n_ij (A_ij - D_ij)² - (P - Q)²/n: what the variance under no association is made of."""
        return float((self.counts * (self.concordant - self.discordant) ** 2).sum() - self.net**2 / self.n)


def somers_d(x: Any, y: Any, level: float = 0.95) -> TestResult:
    """Somers' D of y given x: concordant less discordant pairs over the pairs that differ in x.

    Give the predicted grade as x and the realised class as y: D = 2 gAUC - 1 of the ECB's generalised AUC; `facts` has
    gauc and se. The test uses the variance under no association, the interval the other.

    >>> round(somers_d([1, 1, 2, 2, 3, 3], [1, 2, 1, 2, 3, 3]).estimate, 4)
    0.6667
    """
    table = Concordance.of(x, y)
    n, rows = table.n, table.counts.sum(1)
    weight = float(n**2 - (rows**2).sum())
    if weight == 0 or table.counts.shape[1] < 2:
        return SOMERS.result(inputs=table.counts, n=int(n), reason=NO_PAIR)
    apart = weight * (table.concordant - table.discordant) - table.net * (n - rows[:, None])
    variance = 4 / weight**4 * float((table.counts * apart**2).sum())
    return _judged(SOMERS, table, table.net / weight, variance, weight / 2, level, gauc=(table.net / weight + 1) / 2)


def kendall_tau(x: Any, y: Any, level: float = 0.95) -> TestResult:
    """Kendall's tau-b: concordant less discordant pairs over the geometric mean of the untied pairs of each.

    >>> kendall_tau([1, 2, 3], [1, 2, 3]).estimate
    1.0
    """
    table = Concordance.of(x, y)
    n, rows, columns = table.n, table.counts.sum(1), table.counts.sum(0)
    w_r, w_c = float(n**2 - (rows**2).sum()), float(n**2 - (columns**2).sum())
    if w_r * w_c == 0:
        return TAU.result(inputs=table.counts, n=int(n), reason=NO_PAIR)
    w = math.sqrt(w_r * w_c)
    tau = table.net / w
    v = rows[:, None] * w_c + columns[None, :] * w_r
    inner = (table.counts * (2 * w * (table.concordant - table.discordant) + tau * v) ** 2).sum()
    variance = float(inner - n**3 * tau**2 * (w_r + w_c) ** 2) / w**4
    return _judged(TAU, table, tau, variance, w / 2, level)


def goodman_kruskal(x: Any, y: Any, level: float = 0.95) -> TestResult:
    """Goodman-Kruskal's gamma: (P - Q)/(P + Q) over the pairs that are tied in neither.

    >>> goodman_kruskal([1, 1, 2, 2], [1, 2, 2, 2]).estimate
    1.0
    """
    table = Concordance.of(x, y)
    P, Q = float((table.counts * table.concordant).sum()), float((table.counts * table.discordant).sum())
    if P + Q == 0:
        return GAMMA.result(inputs=table.counts, n=int(table.n), reason=NO_PAIR)
    inner = (table.counts * (Q * table.concordant - P * table.discordant) ** 2).sum()
    variance = 16 / (P + Q) ** 4 * float(inner)
    return _judged(GAMMA, table, (P - Q) / (P + Q), variance, (P + Q) / 2, level)


def _judged(
    kind: Kind, table: Concordance, estimate: float, variance: float, half_weight: float, level: float, **facts: Any
) -> TestResult:
    null = math.sqrt(max(table.null_spread(), 0.0)) / half_weight
    z = estimate / null if null > 0 else math.nan
    se = math.sqrt(max(variance, 0.0))
    half = float(ndtri((1 + check_level(level)) / 2)) * se
    return kind.result(
        inputs=table.counts,
        n=int(table.n),
        estimate=estimate,
        statistic=z,
        level=level,
        p_value=math.nan if math.isnan(z) else float(2 * ndtr(-abs(z))),
        lo=max(-1.0, estimate - half),
        hi=min(1.0, estimate + half),
        reason="" if null > 0 else NO_PAIR,
        facts={"se": se, **facts},
    )
