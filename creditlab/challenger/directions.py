"""Monotone directions of the challenger: declared, or found on the training rows; `trees` verifies them afterwards.

A direction is +1 where larger values are riskier, -1 where safer, 0 where free. A column is taken as monotone only
where its trend is clear and no significant and sizeable turn speaks against it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import chi2
from sklearn.isotonic import isotonic_regression

from creditlab.challenger.coding import Coding

#: groups of about equal weight on which evidence is judged
GROUPS = 10
#: standard errors beyond which a trend is clear
CLEAR = 3.0
#: the share of the differences between groups that a monotone fit may miss, where the miss is significant
MISSED = 0.05


def find_directions(
    codings: Sequence[Coding], design: np.ndarray, bad: np.ndarray, weight: np.ndarray, declared: Mapping[str, int]
) -> np.ndarray:
    """The direction of each design column.

    Coded text and companions of special codes are in the order of their bad rates: +1, where the rates of levels differ
    beyond chance. A declared direction wins.
    """
    found = []
    place = 0
    for coding in codings:
        if coding.form in ("text", "groups"):
            found.append(1 if coding.ordered else 0)
        elif coding.name in declared:
            found.append(int(declared[coding.name]))
        else:
            found.append(evidence(design[:, place], bad, weight))
        found += [1] * (coding.width - 1)
        place += coding.width
    return np.array(found, dtype=np.int64)


def evidence(x: np.ndarray, bad: np.ndarray, weight: np.ndarray) -> int:
    """+1 or -1 where the bad rate clearly rises or falls with `x`, else 0.

    The best isotonic fit to the bad rates of ten groups (pool adjacent violators) must leave a miss that is either
    within chance (chi-square at 5 %) or below 5 % of all differences between groups.
    """
    there = ~np.isnan(x)
    n, rate, mean = _group_rates(x[there], bad[there], weight[there])
    if len(n) < 2 or not 0 < mean < 1:
        return 0
    variance = mean * (1 - mean)
    place = np.cumsum(n) - n / 2  # mid-ranks
    centred = place - (n @ place) / n.sum()
    z = float(n @ (centred * rate)) / np.sqrt(variance * float(n @ centred**2))
    if abs(z) < CLEAR:
        return 0
    direction = 1 if z > 0 else -1
    fit = isotonic_regression(rate, sample_weight=n, increasing=direction > 0)
    missed = float(n @ (rate - fit) ** 2) / variance
    between = float(n @ (rate - mean) ** 2) / variance
    within_chance = missed <= chi2.ppf(0.95, len(n) - 1)
    return direction if within_chance or missed <= MISSED * between else 0


def _group_rates(x: np.ndarray, bad: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Weight and bad rate of up to ten groups of neighbouring values, equal values together, and the mean rate."""
    values, place = np.unique(x, return_inverse=True)
    n = np.bincount(place, weights=weight, minlength=len(values))
    bads = np.bincount(place, weights=weight * bad, minlength=len(values))
    if not len(values):
        return n, bads, 0.0
    group = np.minimum((np.cumsum(n) - n / 2) / n.sum() * GROUPS, GROUPS - 1).astype(np.int64)
    _, group = np.unique(group, return_inverse=True)
    heavy, spoiled = np.bincount(group, weights=n), np.bincount(group, weights=bads)
    return heavy, spoiled / heavy, float(bads.sum() / n.sum())
