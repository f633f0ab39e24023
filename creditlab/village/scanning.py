"""Which block of neighbouring villages: the circular scan statistic, with one p-value for the whole county.

Every circle around every village is compared with the rest; the most surprising one is reported with the probability
that chance makes one as surprising anywhere. It takes observed and expected bads, so it scans what the borrowers do not
explain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import xlogy

from creditlab.checks import check_one_of
from creditlab.errors import InputError, message
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.village.counts import check_counts
from creditlab.village.graph import coordinates
from creditlab.village.smoothing import variance_factor
from creditlab.village.standardisation import check_permutations

#: circles are compared in at most this many pairs of centre and village; more villages get smaller circles
MOST_CELLS = 500_000
#: clusters listed beside the most likely one
LISTED = 5
NO_BADS = "no bads, so there is nothing to scan 没有不良，无从扫描"
NO_CIRCLE = "no circle holds enough villages and few enough of the expected bads 没有符合条件的圆"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ScanResult(Result):
    """Clusters, the most likely first: centre radius villages observed expected ratio relative_risk llr p_value.

    `members` lists the villages of each: cluster village observed expected. `p_value` of the first is the one answer to
    "is there any such block"; those of the others are against the same question, which makes them cautious.
    """

    title: ClassVar[str] = "Scan for blocks of villages 村庄聚集扫描"
    plots: ClassVar[str] = "village_space"

    members: pd.DataFrame

    @property
    def p_value(self) -> float:
        """The p-value of the most likely cluster; NaN where nothing could be scanned."""
        return float(self.facts["p_value"])


@dataclass(frozen=True)
class _Circles:
    """All circles: villages by distance from each centre, which ends are circles, and their size and expected bads."""

    near: np.ndarray
    radius: np.ndarray
    usable: np.ndarray
    expected: np.ndarray
    order: np.ndarray


def scan(
    observed: Any,
    expected: Any,
    xy: Any,
    seed: int = 0,
    *,
    variance: Any = None,
    village: Any = None,
    degrees: bool = False,
    most: float = 0.5,
    fewest: int = 1,
    null: str = "chance",
    simulations: int = 999,
) -> ScanResult:
    """The most likely block of villages with more bads than expected, and how likely chance is to make one.

    Parameters
    ----------
    observed, expected : bads seen and bads expected, one per village.
    xy : villages × 2 coordinates; a DataFrame names the villages by its index; `degrees` reads longitude and latitude.
    variance : Σp(1-p) per village, as `expected(...)` gives it; None redeals the bads as a multinomial (M. Kulldorff).
    most : share of the expected bads that a circle may hold.
    fewest : villages that a circle must hold; 2 leaves out single villages, which is asking for blocks.
    null : "chance" (no village differs from what its borrowers explain) or "places" (villages differ, but not by where
        they lie: their bads and expected bads change places together).
    simulations : under the null; p = (1 + those that reach the statistic) / (simulations + 1).

    Returns
    -------
    ScanResult. LLR = C ln(C/E) + (T-C) ln((T-C)/(T-E)) where C > E, of T bads in all and E scaled to add to T.
    M. Kulldorff, Communications in Statistics - Theory and Methods 26 (1997) 1481-1496.

    >>> xy = [[x, 0] for x in range(8)]
    >>> found = scan([9, 8, 1, 1, 1, 0, 1, 1], [2.5] * 8, xy, null="chance")
    >>> found.members["village"].tolist(), found.p_value < 0.01
    ([0, 1], True)
    """
    check_one_of(null, ["chance", "places"], "null")
    count = check_permutations(simulations)
    points, names = coordinates(xy, village, degrees)
    seen = check_counts(observed, "observed", len(points))
    hoped = check_counts(expected, "expected", len(points))
    factor = variance_factor(seen, hoped, variance)
    _check_circle(most, fewest, len(points))
    spec = {"most": float(most), "fewest": int(fewest), "null": null, "simulations": count}
    stamp = Stamp.of([seen, hoped, factor, points, pd.Series(names)], spec, seed=seed)
    facts: dict[str, Any] = {"villages": len(points), "observed": float(seen.sum()), **spec}
    if seen.sum() == 0:
        return _nothing(names, NO_BADS, facts, stamp)
    hoped = hoped * (seen.sum() / hoped.sum())
    circles = _circles(points, hoped, seen, most, int(fewest))
    if not circles.usable.any():
        return _nothing(names, NO_CIRCLE, facts, stamp)
    llr = _llr(_inside(circles, seen), circles.expected, seen.sum())
    highest = _simulated(circles, seen, hoped, factor, null, count, seed)
    table, members = _clusters(circles, llr, highest, seen, hoped, names)
    facts |= {"circles": int(circles.usable.sum()), "villages_in_a_circle": int(circles.near.shape[1])}
    facts |= {"statistic": float(llr.max()), "p_value": float(table["p_value"].iloc[0]) if len(table) else 1.0}
    return ScanResult(table=table, members=members, stamp=stamp, facts={**facts, "note": ""})


def _check_circle(most: Any, fewest: Any, villages: int) -> None:
    if isinstance(most, bool) or not isinstance(most, int | float | np.number) or not 0 < most <= 1:
        raise InputError(message("a share above 0 and up to 1", repr(most), "most", "0.5 is usual."))
    if isinstance(fewest, bool) or not isinstance(fewest, int | np.integer) or not 1 <= fewest <= villages:
        raise InputError(message(f"1 to {villages} villages", repr(fewest), "fewest", "1, or 2 for blocks only."))


def _circles(points: np.ndarray, expected: np.ndarray, observed: np.ndarray, most: float, fewest: int) -> _Circles:
    """Circles around every village, up to the share of expected bads, and to the number of cells."""
    from scipy.spatial import cKDTree

    villages = len(points)
    reach = int(min(villages, max(fewest, MOST_CELLS // villages)))
    middle = np.linalg.norm(points - points.mean(axis=0), axis=1)
    # by what is known of a village, never by row or name: equal distances and random numbers follow this order
    order = np.lexsort((np.round(middle, 9), observed, expected))
    rank = np.argsort(order)
    distance, near = cKDTree(points[order]).query(points[order], k=np.arange(1, min(villages, reach + 1) + 1))
    tied = np.round(distance / max(float(distance.max()), 1e-300), 12)
    near = np.take_along_axis(near, np.lexsort((near, tied), axis=1), axis=1)[rank]
    distance, tied = distance[rank], tied[rank]
    last = np.ones(near.shape, dtype=bool)
    last[:, :-1] = tied[:, 1:] > tied[:, :-1]
    near, distance, last = near[:, :reach], distance[:, :reach], last[:, :reach]
    dealt = expected[order]
    inside = np.cumsum(dealt[near], axis=1)
    usable = last & (inside <= most * dealt.sum() * (1 + 1e-12)) & (inside > 0)
    usable[:, : fewest - 1] = False
    kept = np.flatnonzero(usable.any(axis=0))
    width = int(kept.max()) + 1 if len(kept) else 1
    near, distance, usable = near[:, :width], distance[:, :width], usable[:, :width]
    return _Circles(near, distance[usable], usable, inside[:, :width][usable], order)


def _inside(circles: _Circles, observed: np.ndarray) -> np.ndarray:
    """Observed bads within every circle."""
    return np.cumsum(observed[circles.order][circles.near], axis=1)[circles.usable]


def _llr(inside: np.ndarray, expected: np.ndarray, total: float) -> np.ndarray:
    """Log likelihood ratio of every circle, 0 where it holds no more than expected."""
    found = np.zeros(inside.shape)
    more = inside > expected * (1 + 1e-12)
    c, e = inside[more], expected[more]
    rest = np.maximum(total - e, 1e-300)
    found[more] = xlogy(c, c / e) + xlogy(total - c, (total - c) / rest)
    return found


def _simulated(
    circles: _Circles,
    observed: np.ndarray,
    expected: np.ndarray,
    factor: np.ndarray,
    null: str,
    count: int,
    seed: int,
) -> np.ndarray:
    """The highest LLR of each simulated county."""
    rng = np.random.default_rng(seed)
    total, back = observed.sum(), np.argsort(circles.order)
    hoped, seen = expected[circles.order], observed[circles.order]
    highest = np.zeros(count)
    trials, p = _trials(hoped, factor[circles.order])
    for i in range(count):
        if null == "places":
            place = rng.permutation(len(seen))
            sums = np.cumsum(np.stack([seen[place], hoped[place]])[:, circles.near], axis=2)[:, circles.usable]
            small = sums[1] <= circles.expected.max()
            highest[i] = _llr(np.where(small, sums[0], 0), sums[1], total).max()
            continue
        bads = rng.multinomial(int(round(total)), hoped / total) if trials is None else rng.binomial(trials, p)
        scale = bads.sum() / total
        if scale > 0:
            inside = _inside(circles, bads[back].astype(float))
            highest[i] = _llr(inside, circles.expected * scale, float(bads.sum())).max()
    return highest


def _trials(expected: np.ndarray, factor: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """Binomials with the mean and nearly the variance of Bernoulli loans; None where the variance is Poisson's."""
    if (factor >= 1).all():
        return None, factor
    trials = np.maximum(np.round(expected / np.maximum(1 - factor, 1e-9)), np.ceil(expected)).astype(np.int64)
    trials = np.maximum(trials, 1)
    return trials, np.minimum(expected / trials, 1.0)


def _clusters(
    circles: _Circles,
    llr: np.ndarray,
    highest: np.ndarray,
    observed: np.ndarray,
    expected: np.ndarray,
    names: pd.Index,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The most likely cluster and others that share no village with it, as tables."""
    centre, end = np.nonzero(circles.usable)
    total, taken = observed.sum(), np.zeros(len(names), dtype=bool)
    rows: list[dict[str, Any]] = []
    parts: list[pd.DataFrame] = []
    rank = np.argsort(circles.order)
    for i in np.lexsort((rank[centre], np.round(circles.radius, 9), -np.round(llr, 9))):
        if llr[i] <= 0 or len(rows) > LISTED:
            break
        villages = circles.order[circles.near[centre[i], : end[i] + 1]]
        if taken[villages].any():
            continue
        taken[villages] = True
        c, e = observed[villages].sum(), expected[villages].sum()
        outside = (total - c) / (total - e) if total > e else np.nan
        found = {"cluster": len(rows) + 1, "centre": names[centre[i]], "radius": circles.radius[i]}
        found |= {"villages": len(villages), "observed": c, "expected": e, "ratio": c / e}
        found |= {"relative_risk": c / e / outside if outside > 0 else np.nan, "llr": llr[i]}
        found["p_value"] = (1 + (highest >= llr[i] - 1e-9).sum()) / (len(highest) + 1)
        rows.append(found)
        parts.append(pd.DataFrame({"cluster": len(rows), "village": names[villages]}).assign(
            observed=observed[villages], expected=expected[villages]
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS), pd.concat(parts, ignore_index=True) if parts else _no_members(names)


COLUMNS = [
    "cluster", "centre", "radius", "villages", "observed", "expected", "ratio", "relative_risk", "llr", "p_value",
]  # fmt: skip


def _no_members(names: pd.Index) -> pd.DataFrame:
    return pd.DataFrame({"cluster": [], "village": names[:0], "observed": [], "expected": []})


def _nothing(names: pd.Index, reason: str, facts: dict[str, Any], stamp: Stamp) -> ScanResult:
    facts |= {"statistic": NotEstimable(reason), "p_value": NotEstimable(reason), "note": reason}
    table = pd.DataFrame([], columns=COLUMNS)
    return ScanResult(table=table, members=_no_members(names), stamp=stamp, facts=facts)
