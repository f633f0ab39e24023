"""Contributions by group: gaps with bootstrap intervals and shrinkage, and which feature leads in how many households.

Plain functions on frames and labels; `Explanation.by_group`, `by_segment` and `leaders` introduce them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from creditlab.checks import check_level

#: contributions that raise the log-odds by less than this raise nothing
NOTHING = 1e-9


def group_intervals(values: pd.DataFrame, labels: np.ndarray, level: float, draws: int, seed: int) -> pd.DataFrame:
    """`group n part gap lo hi shrunken`: gaps of group means to the mean of all rows.

    `lo` and `hi` are percentiles of means over the group's households drawn with replacement, the mean of all rows
    taken as known; groups of one household have none. `shrunken` is gap · τ²/(τ² + s²/n) with s² the variance within
    groups and τ² that between them beyond chance, from the analysis of variance (as in C. Morris, JASA 1983), for each
    part on its own.
    """
    tail = (1 - check_level(level)) / 2
    codes, names = pd.factorize(labels, sort=True)
    array, overall = values.to_numpy(), values.to_numpy().mean(axis=0)
    whole = np.column_stack([array, array.sum(axis=1)])
    overall = np.append(overall, overall.sum())
    rng = np.random.default_rng(seed)
    size = len(names), whole.shape[1]
    gap, lo, hi = (np.full(size, np.nan) for _ in range(3))
    within = np.zeros(whole.shape[1])
    n = np.bincount(codes, minlength=len(names))
    order = np.argsort(codes, kind="stable")
    for g, rows in enumerate(np.split(order, np.cumsum(n)[:-1])):
        mine = whole[rows]
        gap[g] = mine.mean(axis=0) - overall
        if len(rows) > 1:
            drawn = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=draws) / len(rows)
            lo[g], hi[g] = np.quantile(drawn @ mine, [tail, 1 - tail], axis=0) - overall
            within += len(rows) * mine.var(axis=0)
    parts = [*map(str, values.columns), "log_odds"]
    shrunken = _shrunken(gap, within / max(len(whole) - len(names), 1), n.astype(float))
    return pd.DataFrame(
        {
            "group": np.repeat(np.asarray(names, dtype=object), len(parts)),
            "n": np.repeat(n, len(parts)),
            "part": pd.Series(parts * len(names), dtype="str"),
            "gap": gap.reshape(-1),
            "lo": lo.reshape(-1),
            "hi": hi.reshape(-1),
            "shrunken": shrunken.reshape(-1),
        }
    )


def _shrunken(gap: np.ndarray, within: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Gaps (groups, parts) drawn towards 0 by as much as the variance within groups explains them."""
    spare = max(float(n.sum() - (n @ n) / n.sum()), 1e-12)
    between = np.maximum((n @ gap**2 - (len(n) - 1) * within) / spare, 0.0)
    total = between + within / n[:, None]
    return gap * np.divide(between, total, out=np.zeros(gap.shape), where=total > 0)


def leaders(values: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    """By group `n`, the share of rows in which each column has the largest positive value, and `none`."""
    array = values.to_numpy()
    best = np.argmax(np.rint(array / NOTHING), axis=1)
    first = np.where(array[np.arange(len(array)), best] > NOTHING, best, array.shape[1])
    codes, names = pd.factorize(labels, sort=True)
    counts = np.zeros((len(names), array.shape[1] + 1))
    np.add.at(counts, (codes, first), 1.0)
    n = counts.sum(axis=1)
    table = pd.DataFrame(counts / n[:, None], index=pd.Index(names, name="group"), columns=[*values.columns, "none"])
    table.insert(0, "n", n.astype(np.int64))
    return table
