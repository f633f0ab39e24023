"""The supervisor's indicators of a loan book side by side, each with n, effective n and interval.

NPL ratios by count, household, balance and vintage, with the add-back of what left the book; overdue over balance and
over NPL; the share of special mention; the migration rates; formation and cure of non-performing loans. One figure
alone flatters or frightens: the ratio by balance falls with a write-off, the vintage does not, and formation shows what
the write-off took away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.errors import InputError, message
from creditlab.loans.class_moves import RATE_LABELS, Migration, NplFlow
from creditlab.loans.ratios import NplRatios
from creditlab.loans.shares import ratio, share_limits
from creditlab.results import Result, Stamp, digest

#: indicator → (zh, en, of what the n counts)
LABELS = {
    "by_count": ("不良率（笔数）", "NPL ratio by count", "notes"),
    "by_household": ("不良率（户数）", "NPL ratio by household", "households"),
    "by_balance": ("不良率（余额）", "NPL ratio by balance", "notes"),
    "by_vintage": ("不良率（账龄）", "NPL ratio by vintage", "vintage_n"),
    "with_add_back": ("不良率（余额，加回核销转让）", "NPL by balance, write-offs and sales added back", "add_back_n"),
    "overdue_share": ("逾期贷款占比（余额）", "overdue over balance", "notes"),
    "overdue_90_to_npl": ("逾期90天以上/不良（余额）", "overdue over 90 days / NPL, by balance", "npl_notes"),
    "special_mention_share": ("关注类占比（余额）", "special mention over balance", "notes"),
}  # fmt: skip
_N_EFF = {"by_balance": "n_eff", "with_add_back": "add_back_n_eff", "overdue_share": "n_eff",
          "overdue_90_to_npl": "npl_n_eff", "special_mention_share": "n_eff"}  # fmt: skip
FLOWS = {
    "formation": ("不良生成率（12个月）", "NPL formation in 12 months over opening performing balance"),
    "formation_by_count": ("不良生成率（笔数，12个月）", "NPL formation in 12 months by count"),
    "cure": ("不良上调率（12个月）", "cured in 12 months over opening NPL and inflow"),
    "repaid": ("不良收回率（12个月）", "repaid in 12 months over opening NPL and inflow"),
    "disposed": ("不良核销与转让率（12个月）", "written off or sold in 12 months over opening NPL and inflow"),
}
_COLUMNS = ["indicator", "zh", "en", "basis", "n", "n_eff", "estimate", "lo", "hi", "reason"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Indicators(Result):
    """A row per indicator: indicator zh en basis n n_eff estimate lo hi reason.

    basis says what is counted: 'count', 'balance' or 'vintage'. n is a number of notes or households; n_eff the
    effective number (Σb)²/Σb² behind a rate of balances, equal to n for a rate by count.
    """

    title: ClassVar[str] = "Indicators 监管指标"
    plots: ClassVar[str] = "loans"

    level: float


def indicators(ratios: NplRatios, migration: Migration, flow: NplFlow, *, months: int = 12) -> Indicators:
    """The indicators at the last month end of the book, from results that exist.

    Parameters
    ----------
    ratios : `npl_ratios(book)` of the whole book. migration : `migration(book, start, end)`. flow : `npl_flow(book)`.
    months : over which formation, cure and disposal are taken.

    Intervals are Jeffreys', on the effective n for balances; the level is that of the ratios.

    Raises
    ------
    InputError : ratios broken down by something, results of different books, or months below 1.
    """
    if ratios.by is not None:
        raise InputError(message("ratios of the whole book", f"by '{ratios.by}'", "indicators", "Leave out by=."))
    inputs = {r.stamp.inputs for r in (ratios, migration, flow)}
    if len(inputs) > 1:
        raise InputError(message("results of one book", f"{len(inputs)} books", "indicators", "Use the same book."))
    if not isinstance(months, int) or isinstance(months, bool) or months < 1:
        raise InputError(message("a number of months from 1 on", repr(months), "months", "12 is usual."))
    last = ratios.at().iloc[0]
    rows = [_ratio(last, name) for name in LABELS]
    rows += [_rate(row) for row in migration.tidy().itertuples()]
    rows += _flows(flow.tidy().tail(months), ratios.level)
    return Indicators(
        table=pd.DataFrame(rows, columns=_COLUMNS),
        level=ratios.level,
        stamp=Stamp(inputs=ratios.stamp.inputs, spec=digest({"ratios": ratios.stamp.spec, "months": months})),
        facts={"month_end": str(last["month_end"].date()), "months": months, "indicators": len(rows)},
    )


def _ratio(last: pd.Series, name: str) -> dict[str, Any]:
    zh, en, count = LABELS[name]
    basis = "balance" if name in _N_EFF else "vintage" if name == "by_vintage" else "count"
    n = float(last[count])
    reason = "" if np.isfinite(last[name]) else "没有可计入的借据 no note that counts"
    if not reason and last[name] > 1:
        reason = "逾期90天以上未全部计入不良 notes over 90 days that are not classed non-performing"
    return {"indicator": name, "zh": zh, "en": en, "basis": basis, "n": int(n),
            "n_eff": float(last[_N_EFF[name]]) if name in _N_EFF else n, "estimate": float(last[name]),
            "lo": float(last[f"{name}_lo"]), "hi": float(last[f"{name}_hi"]), "reason": reason}  # fmt: skip


def _rate(row: Any) -> dict[str, Any]:
    zh, en = RATE_LABELS[row.rate]
    return {"indicator": f"migration_{row.rate}", "zh": zh, "en": f"migration: {en}", "basis": "balance", "n": row.n,
            "n_eff": row.n_eff, "estimate": row.estimate, "lo": row.lo, "hi": row.hi, "reason": row.reason}  # fmt: skip


def _flows(part: pd.DataFrame, level: float) -> list[dict[str, Any]]:
    """Formation, cure, repayment and disposal over the months of `part`."""
    # the first month of a book has no month before it
    start = part.iloc[0]
    inflow, opening = part["inflow"].sum(), start["opening"]
    squares = _squares(part["inflow"], part["inflow_n_eff"]).sum() + _squares(opening, start["opening_n_eff"])
    whole = opening + inflow
    bads, all_eff = int(start["opening_npl_notes"] + part["notes_in"].sum()), float(ratio(whole**2, squares))
    good, count = start["opening_performing"], int(start["performing_notes"])
    rows = [
        _share("formation", inflow, good, count, float(start["performing_n_eff"]), level),
        _share("formation_by_count", part["notes_in"].sum(), count, count, float(count), level),
        _share("cure", part["cured"].sum(), whole, bads, all_eff, level),
        _share("repaid", part["repaid"].sum(), whole, bads, all_eff, level),
        _share("disposed", part[["written_off", "transferred"]].sum().sum(), whole, bads, all_eff, level),
    ]
    rows[1]["basis"] = "count"
    return rows


def _squares(total: Any, n_eff: Any) -> Any:
    """The sum of squares behind a sum and its effective number."""
    return np.nan_to_num(ratio(np.asarray(total, dtype=float) ** 2, n_eff))


def _share(name: str, part: float, whole: float, n: int, n_eff: float, level: float) -> dict[str, Any]:
    zh, en = FLOWS[name]
    value = float(ratio(part, whole))
    size = n_eff if np.isfinite(n_eff) and np.isfinite(value) else 0.0
    lo, hi = share_limits(min(value, 1.0) * size if size else 0.0, size, level)
    reason = "" if np.isfinite(value) else "期初没有可计入的余额 no balance at the start that counts"
    return {"indicator": name, "zh": zh, "en": en, "basis": "balance", "n": n, "n_eff": size, "estimate": value,
            "lo": float(lo), "hi": float(hi), "reason": reason}  # fmt: skip
