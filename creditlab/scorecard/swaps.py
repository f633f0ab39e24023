"""The swap set: whom another card would let in and keep out at the same approval rate, and what that changes.

Use it before a card replaces another. Where outcomes exist only for those whom the old card let in, nothing is known of
the ones swapped in: then the table says so, and only their PD speaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.binning.intervals import quantile
from creditlab.checks import check_level
from creditlab.errors import InputError, message
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.scorecard.applicants import Applicants, Economics, Sums, divided
from creditlab.scorecard.cutoffs import read_points
from creditlab.scorecard.exhibit import MONEY, OUTCOMES, RATE, Shown, exhibit

#: cell → what it is called, zh and en
CELLS = {
    "both": ("两卡都通过", "both approve"),
    "swap_out": ("换出（仅旧卡通过）", "swapped out (old card only)"),
    "swap_in": ("换入（仅新卡通过）", "swapped in (new card only)"),
    "neither": ("两卡都拒绝", "neither approves"),
}
NO_OUTCOME = "no outcome is known of those swapped in: they were never granted a loan"


FACTS = (
    Shown("户数", "n", "n"), Shown("旧卡准入分", "old cut-off", "old_cutoff", ".6g"),
    Shown("新卡准入分", "new cut-off", "new_cutoff", ".6g"),
    Shown("旧卡通过率", "old approval", "old_approval", RATE),
    Shown("新卡通过率", "new approval", "new_approval", RATE),
    Shown("旧卡坏账率", "old bad rate", "old_bad_rate", ".2%"),
    Shown("新卡坏账率", "new bad rate", "new_bad_rate", ".2%"),
    Shown("坏账率变化", "change of the bad rate", "change", "+.2%", "change_lo", "change_hi"),
    Shown("换出减换入的坏账率", "bad rate of those out less those in", "out_less_in", "+.2%", "out_less_in_lo",
         "out_less_in_hi"),
    Shown("利润变化", "change of profit", "profit_change", "+,.0f", "profit_change_lo", "profit_change_hi"),
)  # fmt: skip
COLUMNS = (
    Shown("户别", "who", "zh", "", en_column="en"),
    *OUTCOMES,
    Shown("金额（元）", "amount (yuan)", "amount", MONEY),
    Shown("预期损失（元）", "expected loss (yuan)", "expected_loss", MONEY, "expected_loss_lo", "expected_loss_hi"),
    Shown("损失（元）", "loss (yuan)", "loss", MONEY, "loss_lo", "loss_hi"),
    Shown("利润（元）", "profit (yuan)", "profit", MONEY, "profit_lo", "profit_hi"),
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SwapSet(Result):
    """A row per cell: both, swap_out, swap_in, neither; the columns are those of `swap_set`."""

    title: ClassVar[str] = "Swap set 换入换出"

    def _repr_html_(self) -> str:
        note = "变化 = 新卡 - 旧卡，配对区间。 Change: new card less old, with paired limits."
        return exhibit(self, FACTS, COLUMNS, note=note)


def swap_set(
    old_points: Any,
    new_points: Any,
    bad: Any,
    *,
    old_cutoff: float,
    new_cutoff: float | None = None,
    prob: Any = None,
    amount: Any = None,
    weight: Any = None,
    groups: Any = None,
    economics: Economics | None = None,
    level: float = 0.9,
) -> SwapSet:
    """What changes when a new card takes the place of an old one.

    Parameters
    ----------
    old_points, new_points : (n,) scores of the same applicants by both cards, higher = safer.
    bad : (n,) 1 bad, 0 good, missing where unknown.
    old_cutoff : the old card approves from here on.
    new_cutoff : the same of the new card; None takes the one whose approval is nearest to the old card's.
    prob : (n,) PD by the new card. The other arguments are those of `cutoff_sweep`.

    Returns
    -------
    SwapSet : `cell zh en n share known bads bad_rate lo hi`, and as in `cutoff_sweep` `expected_rate amount` and
        `expected_loss loss profit` with their limits. Facts: approval and bad rate of both cards; `change` of the bad
        rate among the approved (new less old) with paired limits; `out_less_in`, the bad rate of those swapped out less
        that of those swapped in, with limits; the change of profit.

    Raises
    ------
    InputError : when a card approves nobody.

    Examples
    --------
    >>> swaps = swap_set([1, 2, 3, 4], [1, 4, 2, 3], [1, 0, 1, 0], old_cutoff=3)
    >>> swaps.tidy()[["cell", "n", "bads"]].values.tolist()
    [['both', 1.0, 0.0], ['swap_out', 1.0, 1.0], ['swap_in', 1.0, 0.0], ['neither', 1.0, 1.0]]
    >>> swaps.facts["new_cutoff"], swaps.facts["change"]
    (3.0, -0.5)
    """
    check_level(level)
    old, new = read_points(old_points, "old_points"), read_points(new_points, "new_points")
    if len(old) != len(new):
        raise InputError(message(f"{len(old)} new points", f"{len(new)}", "new_points", "Score the same rows."))
    rows = Applicants.of(len(old), bad, prob, amount, weight, groups)
    by_old = old >= old_cutoff
    new_cutoff = matched_cutoff(new, rows.weight, float(rows.weight @ by_old)) if new_cutoff is None else new_cutoff
    by_new = new >= new_cutoff
    for name, approved in (("old", by_old), ("new", by_new)):
        if not (rows.weight @ approved):
            raise InputError(message("approved rows", "none", f"{name}_cutoff", "Lower the cut-off."))
    cell = np.select([by_old & by_new, by_old & ~by_new, ~by_old & by_new], [0, 1, 2], 3)
    sums = Sums.of(rows, rows.terms(economics), cell, 4)
    spec = {"old": float(old_cutoff), "new": float(new_cutoff), "economics": economics, "level": level}
    facts = {"n": sums.rows, "old_cutoff": float(old_cutoff), "new_cutoff": float(new_cutoff), "level": level,
             "villages": rows.clusters} | change_facts(sums, rows, by_old, by_new, cell, level)  # fmt: skip
    stamp = Stamp.of([old, new, rows.bad, rows.weight], spec)
    return SwapSet(table=cell_table(CELLS, sums, level), stamp=stamp, facts=facts)


def matched_cutoff(points: np.ndarray, weight: np.ndarray, approved: float) -> float:
    """The score whose approval is nearest to a weight of approved rows.

    >>> matched_cutoff(np.array([1.0, 2.0, 2.0, 5.0]), np.ones(4), 3)
    2.0
    """
    found, place = np.unique(points, return_inverse=True)
    reached = np.cumsum(np.bincount(place, weight)[::-1])[::-1]
    # of two that are equally near, the stricter one
    near = np.abs(reached - approved)
    return float(found[len(found) - 1 - int(np.argmin(near[::-1]))])


def cell_table(cells: dict[str, tuple[str, str]], sums: Sums, level: float) -> pd.DataFrame:
    """A row per cell: who is in it, what became of them, what they bring."""
    n, known, bads = (sums.total(name) for name in ("n", "known", "bads"))
    lo, hi = sums.rate_limits("bads", "known", level)
    columns: dict[str, Any] = {
        "cell": list(cells),
        "zh": [zh for zh, _ in cells.values()],
        "en": [en for _, en in cells.values()],
        "n": n,
        "share": n / sums.rows,
        "known": known,
        "bads": bads,
        "bad_rate": divided(bads, known),
        "lo": lo,
        "hi": hi,
    }
    if "expected_bads" in sums.part:
        columns["expected_rate"] = divided(sums.total("expected_bads"), n)
    for name in ("amount", "expected_loss", "loss", "profit"):
        if name in sums.part:
            columns[name] = sums.total(name)
            if name != "amount":
                columns[f"{name}_lo"], columns[f"{name}_hi"] = sums.total_limits(name, level)
    return pd.DataFrame(columns)


def change_facts(
    sums: Sums, rows: Applicants, by_old: np.ndarray, by_new: np.ndarray, cell: np.ndarray, level: float
) -> dict[str, Any]:
    """Approval, bad rates and their differences."""
    n = sums.total("n")
    facts: dict[str, Any] = {
        "old_approval": float(n[:2].sum() / sums.rows),
        "new_approval": float(n[[0, 2]].sum() / sums.rows),
        "old_bad_rate": _rate(rows, by_old),
        "new_bad_rate": _rate(rows, by_new),
    }
    facts |= dict(zip(("change", "change_lo", "change_hi"), rate_difference(rows, by_new, by_old, level), strict=True))
    gap = rate_difference(rows, cell == 1, cell == 2, level)
    facts |= dict(zip(("out_less_in", "out_less_in_lo", "out_less_in_hi"), gap, strict=True))
    if "profit" in sums.part:
        names = np.array([[0.0], [-1.0], [1.0], [0.0]])
        swap = Sums({"profit": sums.part["profit"] @ names}, {"profit": sums.square["profit"] @ np.abs(names)},
                    sums.size, sums.clustered)  # fmt: skip
        lo, hi = swap.total_limits("profit", level)
        facts |= {"profit_change": float(swap.total("profit")[0]), "profit_change_lo": float(lo[0]),
                  "profit_change_hi": float(hi[0])}  # fmt: skip
    return facts


def _rate(rows: Applicants, chosen: np.ndarray) -> Any:
    counted = rows.weight * (chosen & rows.known)
    if not counted.sum():
        return NotEstimable("no outcome is known")
    return float(counted @ np.nan_to_num(rows.bad) / counted.sum())


def rate_difference(rows: Applicants, first: np.ndarray, second: np.ndarray, level: float) -> tuple[Any, Any, Any]:
    """Bad rate of the first rows less that of the second, with limits; rows in both count in both.

    Linearised: a row adds (bad - rate)/n of each side that it is in; the sums are by cluster where there are clusters.
    """
    rates = [_rate(rows, chosen) for chosen in (first, second)]
    missing = [rate for rate in rates if isinstance(rate, NotEstimable)]
    if missing:
        never = NotEstimable(NO_OUTCOME)
        return never, never, never
    parts = []
    for chosen, rate in zip((first, second), rates, strict=True):
        counted = (chosen & rows.known).astype(float)
        parts.append(counted * (np.nan_to_num(rows.bad) - rate) / (rows.weight @ counted))
    error = parts[0] - parts[1]
    gap = rates[0] - rates[1]
    if rows.cluster is not None and rows.clusters > 1:
        by_cluster = np.bincount(rows.cluster, rows.weight * error, minlength=rows.clusters)
        variance = rows.clusters / (rows.clusters - 1) * float((by_cluster**2).sum())
        half = float(quantile(level, np.array([rows.clusters - 1.0]))[0]) * variance**0.5
    else:
        half = float(quantile(level)) * float(rows.weight @ error**2) ** 0.5
    return gap, gap - half, gap + half
