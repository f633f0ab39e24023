"""The three criteria of the source article, each by itself: bad-loan share, credit environment, enforcement.

Use it to place a village on every criterion with its interval instead of on one scale: what a village needs follows
from the pattern. The credit environment is a declared index that never sees the bank's own outcomes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_level
from creditlab.errors import InputError, message, some
from creditlab.results import Result, Stamp
from creditlab.village.counts import check_counts, village_names
from creditlab.village.index import Component, Index
from creditlab.village.smoothing import PoissonGamma

#: a criterion is bad (good) when the probability of lying above (below) the county's level reaches this
CLEAR = 0.9
#: the declared index of the credit environment: equal weights; no fact of it is an outcome of the bank's own loans
ENVIRONMENT = Index(
    "environment",
    "信用环境",
    "credit environment",
    (
        Component("evasion", "逃废债认定占比", "share of cases with evasion found", ("件", "closed cases"), "court"),
        Component(
            "guarantor_refusal", "保证人拒不代偿占比", "share of called guarantors who had to be sued",
            ("人次", "guarantors called"), "guarantees",
        ),
        Component(
            "adverse_record", "外部征信不良占比", "share of credit reports with arrears elsewhere",
            ("份", "reports"), "credit registry",
        ),
        Component("collection_refusal", "采集拒访占比", "share of visits refused", ("次", "visits"), "collection log"),
        Component("civility_minus", "文明积分扣分占比", "share of civility events with minus points", ("件", "events"),
                  "village committee"),
    ),
)  # fmt: skip
#: criterion → what a reader calls it
CRITERIA: Mapping[str, tuple[str, str]] = {
    "bad_share": ("不良占比", "bad-loan share"),
    "environment": ("信用环境", "credit environment"),
    "enforcement": ("执行难度", "enforcement"),
}
STATES: Mapping[str, tuple[str, str]] = {
    "bad": ("明显偏差", "clearly worse"),
    "good": ("明显较好", "clearly better"),
    "unclear": ("不明确", "not clear"),
    "no data": ("无数据", "no data"),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Criteria(Result):
    """One row per village and criterion: village criterion estimate lo hi p_above state reason.

    `estimate` is the level relative to the county, 1 = the county's, higher is worse, on all three criteria.
    """

    title: ClassVar[str] = "The three criteria of each village 各村的三项标准"
    plots: ClassVar[str] = "village_why"

    def wide(self) -> pd.DataFrame:
        """One row per village: village, then `<criterion>_<what>` with estimate, lo, hi, p_above and state."""
        columns = ["estimate", "lo", "hi", "p_above", "state"]
        table = self.table
        parts = [
            table[table["criterion"] == name].set_index("village")[columns].add_prefix(f"{name}_") for name in CRITERIA
        ]
        return pd.concat(parts, axis=1).reset_index()


def bad_share(observed: Any, n: Any, village: Any = None, level: float = 0.9) -> pd.DataFrame:
    """The first criterion: each village's bad rate relative to the county's, shrunken: village estimate lo hi p_above.

    Not adjusted for who borrows: this is the share that the article speaks of. `expected` and `PoissonGamma` say how
    much of it the borrowers explain. Counts are of loans (or households); an estimate of 2 is twice the county's rate.

    >>> bad_share([5, 5], [10, 90], ["A", "B"])["estimate"].round(1).tolist()
    [4.4, 0.6]
    """
    bads = check_counts(observed, "observed")
    loans = check_counts(n, "n", len(bads))
    names = village_names(village, observed, len(bads))
    if (bads > loans).any():
        came = f"{int((bads > loans).sum())} villages with more"
        raise InputError(message("at most as many bads as loans", came, "bad_share", "Check the counts."))
    rate = bads.sum() / max(loans.sum(), 1)
    fit = PoissonGamma(level=level).fit(bads, loans * rate, loans * rate * (1 - rate), names) if rate > 0 else None
    if fit is None:
        return pd.DataFrame({"village": names, "estimate": np.nan, "lo": np.nan, "hi": np.nan, "p_above": np.nan})
    return fit.result_.tidy()[["village", "estimate", "lo", "hi", "p_above"]]


def three_criteria(levels: Mapping[str, pd.DataFrame], villages: Any = None, level: float = 0.9) -> Criteria:
    """The criteria side by side.

    Parameters
    ----------
    levels : 'bad_share', 'environment', 'enforcement' → frame with village estimate lo hi p_above and perhaps `weight`
        (0 where a village has no record of its own); a criterion that is not given has no data anywhere.
    villages : the villages to list; None takes those of 'bad_share'.

    Returns
    -------
    Criteria, a row per village and criterion. A village without a record of its own has the state 'no data', and keeps
    the interval that the county gives it.

    Raises
    ------
    InputError : an unknown criterion, or no villages.

    >>> levels = {"bad_share": bad_share([9, 1, 1, 1], [30, 30, 30, 30], list("ABCD"))}
    >>> three_criteria(levels).wide()[["village", "bad_share_state", "environment_state"]].values.tolist()[0]
    ['A', 'bad', 'no data']
    """
    level = check_level(level)
    unknown = [name for name in levels if name not in CRITERIA]
    if unknown or (villages is None and "bad_share" not in levels):
        came = some(unknown) if unknown else "no villages"
        raise InputError(message(f"criteria among {some(CRITERIA)}", came, "criteria", "Name the criteria so."))
    names = pd.Index(levels["bad_share"]["village"] if villages is None else list(villages), name="village")
    parts = [_criterion(name, levels.get(name), names) for name in CRITERIA]
    table = pd.concat(parts, ignore_index=True)
    counts = {f"{name}_bad": int(((table["criterion"] == name) & (table["state"] == "bad")).sum()) for name in CRITERIA}
    return Criteria(
        table=table, stamp=Stamp.of(table, {"level": level}), facts={"villages": len(names), **counts, "level": level}
    )


def _criterion(name: str, frame: pd.DataFrame | None, villages: pd.Index) -> pd.DataFrame:
    columns = ["estimate", "lo", "hi", "p_above"]
    empty = pd.DataFrame(np.nan, index=villages, columns=columns)
    rows = empty if frame is None else frame.set_index("village").reindex(villages)
    table = rows[columns].astype(float).reset_index()
    seen = rows["weight"].fillna(0).to_numpy() > 0 if "weight" in rows else table["estimate"].notna().to_numpy()
    table.insert(1, "criterion", name)
    p = table["p_above"]
    table["state"] = np.select(
        [~seen | p.isna().to_numpy(), p >= CLEAR, p <= 1 - CLEAR], ["no data", "bad", "good"], default="unclear"
    )
    table["reason"] = np.where(table["state"] == "no data", "no record of this village 该村无记录", "")
    return table
