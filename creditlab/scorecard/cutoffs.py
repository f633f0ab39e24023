"""The cut-off sweep: what each cut-off approves, at what bad rate, loss and profit, each with its interval.

Use it to choose where a card says yes. A row is approved when its points are at or above the cut-off. The table also
tells which cut-offs earn no less than the best one as far as these rows can tell. It does not choose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_level
from creditlab.errors import InputError, message
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.scorecard.applicants import Applicants, Economics, Sums, divided
from creditlab.scorecard.exhibit import MONEY, RATE, Shown, exhibit

#: cut-offs of a sweep that names none
MOST = 50


FACTS = (
    Shown("户数", "n", "n"), Shown("有结果", "known", "known"), Shown("坏", "bads", "bads"),
    Shown("村", "villages", "villages"), Shown("利润最高的准入分", "best cut-off", "best_cutoff", ".6g"),
    Shown("与其无法区分：自", "as good from", "as_good_from", ".6g"), Shown("至", "to", "as_good_to", ".6g"),
)  # fmt: skip
COLUMNS = (
    Shown("准入分", "cut-off", "cutoff", ".6g"),
    Shown("通过户数", "approved", "n"),
    Shown("通过率", "approval", "approval", RATE, "approval_lo", "approval_hi"),
    Shown("坏账率", "bad rate", "bad_rate", RATE, "lo", "hi"),
    Shown("预期损失（元）", "expected loss (yuan)", "expected_loss", MONEY, "expected_loss_lo", "expected_loss_hi"),
    Shown("利润（元）", "profit (yuan)", "profit", MONEY, "profit_lo", "profit_hi"),
    Shown("低于最高（元）", "behind the best (yuan)", "behind", MONEY, "behind_lo", "behind_hi"),
    Shown("不可区分", "as good", "as_good"),
    Shown("坏", "bads", "bads"),
    Shown("预期坏账率", "expected rate", "expected_rate", RATE),
    Shown("避免的坏户", "bads avoided", "bads_avoided", RATE),
    Shown("误拒的好户", "goods refused", "goods_refused", RATE),
    Shown("金额（元）", "amount (yuan)", "amount", MONEY),
    Shown("损失（元）", "loss (yuan)", "loss", MONEY, "loss_lo", "loss_hi"),
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CutoffSweep(Result):
    """A row per cut-off, ascending; the columns are those of `cutoff_sweep`."""

    title: ClassVar[str] = "Cut-off sweep 准入分扫描"
    plots: ClassVar[str] = "strategy"

    def _repr_html_(self) -> str:
        note = "不可区分：在此样本上与利润最高的准入分无法区分。 As good: these rows cannot tell it from the best."
        return exhibit(self, FACTS, COLUMNS, note=note if "as_good" in self.table else "")


def cutoff_sweep(
    points: Any,
    bad: Any,
    *,
    prob: Any = None,
    amount: Any = None,
    weight: Any = None,
    groups: Any = None,
    cutoffs: Any = None,
    economics: Economics | None = None,
    level: float = 0.9,
) -> CutoffSweep:
    """Approval, bad rate, expected loss and profit of each cut-off.

    Parameters
    ----------
    points : (n,) scores of all applicants, higher = safer.
    bad : (n,) 1 bad, 0 good, missing where no loan was granted and nothing is known.
    prob, amount, weight : (n,) PD, yuan asked for, copies of each row.
    groups : (n,) villages: intervals allow for dependence within them.
    cutoffs : points to try; None tries up to 50 that are spread over the rows.
    economics : margin, loss and cost; without it there are no columns of money. Without `amount` a loan is 1 yuan.
    level : of the intervals.

    Returns
    -------
    CutoffSweep : `cutoff n approval approval_lo approval_hi known bads bad_rate lo hi bads_avoided goods_refused`;
        with `prob` also `expected_rate`; with `economics` `amount loss loss_lo loss_hi profit profit_lo profit_hi
        behind behind_lo behind_hi as_good`, and `expected_loss expected_loss_lo expected_loss_hi` with both.
        `behind` is what a cut-off earns less than the best; `as_good` where its limits reach 0. Intervals are for as
        many new applicants from as many villages.

    Examples
    --------
    >>> sweep = cutoff_sweep([500, 550, 600, 650], [1, 0, 1, 0], amount=[100, 100, 100, 100], cutoffs=[500, 601],
    ...     economics=Economics(margin=0.1, lgd=0.5))
    >>> sweep.tidy()[["cutoff", "approval", "bad_rate", "loss", "profit"]].values.tolist()
    [[500.0, 1.0, 0.5, 100.0, -80.0], [601.0, 0.25, 0.0, 0.0, 10.0]]
    """
    values = read_points(points, "points")
    check_level(level)
    rows = Applicants.of(len(values), bad, prob, amount, weight, groups)
    tried = default_cutoffs(values, rows.weight) if cutoffs is None else _read_cutoffs(cutoffs)
    band = np.searchsorted(tried, values, side="right")
    sums = Sums.of(rows, rows.terms(economics), band, len(tried) + 1)
    table = sweep_table(tried, sums, level)
    spec = {"level": level, "economics": economics, "cutoffs": tried}
    stamp = Stamp.of([values, rows.bad, rows.weight], spec)
    return CutoffSweep(table=table, stamp=stamp, facts=_facts(table, sums, rows, level))


def sweep_table(tried: np.ndarray, sums: Sums, level: float) -> pd.DataFrame:
    """The table from sums by band between cut-offs, the lowest first."""
    k = len(tried)
    approved = sums.gathered(np.tril(np.ones((k + 1, k)), -1))
    everyone = sums.gathered(np.ones((k + 1, k)))
    n, known, bads = (approved.total(name) for name in ("n", "known", "bads"))
    part = {"n": everyone.part["n"], "approved": approved.part["n"]}
    approval_lo, approval_hi = Sums(part, {}, sums.size, sums.clustered).rate_limits("approved", "n", level)
    lo, hi = approved.rate_limits("bads", "known", level)
    all_bads = everyone.total("bads")
    all_goods = everyone.total("known") - all_bads
    columns = {
        "cutoff": tried, "n": n, "approval": n / sums.rows, "approval_lo": approval_lo, "approval_hi": approval_hi,
        "known": known, "bads": bads, "bad_rate": divided(bads, known), "lo": lo, "hi": hi,
        "bads_avoided": divided(all_bads - bads, all_bads),
        "goods_refused": divided(all_goods - (known - bads), all_goods),
    }  # fmt: skip
    if "expected_bads" in sums.part:
        columns["expected_rate"] = divided(approved.total("expected_bads"), n)
    for name in ("amount", "expected_loss", "loss", "profit"):
        if name in sums.part:
            columns[name] = approved.total(name)
            if name != "amount":
                columns[f"{name}_lo"], columns[f"{name}_hi"] = approved.total_limits(name, level)
    if "profit" in columns:
        best = int(np.argmax(columns["profit"]))
        low, high = approved.difference_limits("profit", best, level)
        behind = columns["profit"][best] - columns["profit"]
        columns |= {"behind": behind, "behind_lo": 0 - high, "behind_hi": 0 - low, "as_good": high >= 0}
    return pd.DataFrame(columns)


def default_cutoffs(points: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Points that rows have, the lowest first: all where they are few, else at equal shares of the weight."""
    found = np.unique(points)
    if len(found) <= MOST:
        return found
    order = np.argsort(points, kind="stable")
    reached = np.cumsum(weight[order]) / weight.sum()
    return np.unique(points[order][np.searchsorted(reached, np.arange(MOST) / MOST, side="right")])


def read_points(points: Any, where: str) -> np.ndarray:
    """Scores as finite floats."""
    values = pd.to_numeric(pd.Series(np.asarray(points).reshape(-1)), errors="coerce").to_numpy(dtype=float)
    if not len(values) or not np.isfinite(values).all():
        came = f"{int((~np.isfinite(values)).sum())} of {len(values)} are not"
        raise InputError(message("a finite score for every row", came, where, "Score every row."))
    return values


def _read_cutoffs(cutoffs: Any) -> np.ndarray:
    values = np.unique(read_points(cutoffs, "cutoffs"))
    return values


def _facts(table: pd.DataFrame, sums: Sums, rows: Applicants, level: float) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "n": sums.rows,
        "known": float(sums.total("known").sum()),
        "bads": float(sums.total("bads").sum()),
        "level": level,
        "villages": rows.clusters,
    }
    if "profit" not in table:
        return facts | {"best_cutoff": NotEstimable("no economics were given")}
    best = table.loc[table["profit"].idxmax()]
    alike = table.loc[table["as_good"], "cutoff"]
    return facts | {
        "money": "outcome, else PD" if rows.prob is not None else "known outcomes only",
        "best_cutoff": float(best["cutoff"]),
        "best_profit": float(best["profit"]),
        "as_good_from": float(alike.min()),
        "as_good_to": float(alike.max()),
    }
