"""How hard a debt is to enforce, by village and court: share enforced, months to close, no assets, dishonest debtors.

Use it on court cases with the village of the debtor. Open cases count with the months they have waited, so that a court
that closes nothing does not look fast. It compares villages with the county; it does not say whose fault it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_columns, check_date, check_level
from creditlab.errors import InputError, message
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.village.index import Component, Index, VillageIndex, village_index

_CASES = ("件已结案件", "closed cases")
#: the declared index of enforcement: four facts of the criterion, equal weights; all from the court's cases
ENFORCEMENT = Index(
    "enforcement",
    "债务执行难度",
    "hardness of enforcement",
    (
        Component("not_enforced", "未执行到位比例", "share of the amount not enforced", _CASES, "court"),
        Component(
            "months_to_close", "结案所需月数", "months to close", ("月", "months waited"), "court", "rate", 1.0, -1
        ),
        Component("no_assets", "终结本次执行（无财产）占比", "share ended for lack of assets", _CASES, "court"),
        Component("dishonest", "列入失信名单占比", "share on the dishonest-debtor list", _CASES, "court"),
    ),
)
DAYS_A_MONTH = 365.25 / 12
NO_CASES = "no case under enforcement 无进入执行的案件"
NEEDED = ("amount", "enforcement_on", "enforced_amount", "outcome", "closed_on", "dishonest_list")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Enforcement(Result):
    """Outcomes of enforcement, one row per village (or court).

    Columns: unit cases closed amount enforced share_enforced months_to_close no_assets dishonest, as observed, then
    `estimate lo hi p_above`: the hardness relative to the county from the declared index, 1 = the county's level.
    `index` is the whole index with its components.
    """

    title: ClassVar[str] = "Enforcement by village and court 各村与法院的执行结果"
    plots: ClassVar[str] = "village_why"

    index: VillageIndex


def enforcement_outcomes(
    cases: pd.DataFrame, by: Any, as_of: Any, level: float = 0.9, units: Any = None, seed: int = 0
) -> Enforcement:
    """Outcomes of enforcement by village or by court, observed and shrunken to the county, with intervals.

    Parameters
    ----------
    cases : a row per case: amount (yuan), enforcement_on, closed_on (empty while open), enforced_amount (yuan), outcome
        ('no_assets' is the end for lack of assets), dishonest_list (0/1). Cases without enforcement_on do not count.
    by : village (or court) of each case.
    as_of : the date on which open cases are still open.
    units : villages to list, in this order, also those without a case; None lists those with one.

    Returns
    -------
    Enforcement. `months_to_close` is months waited over cases closed, which holds for open cases too: the mean of an
    exponential waiting time. `share_enforced` is by amount.

    Raises
    ------
    ColumnError, InputError : a column that is missing, a case without a unit, amounts below 0.

    >>> cases = pd.DataFrame({
    ...     "amount": [100.0, 100.0, 50.0], "enforcement_on": pd.to_datetime(["2024-01-01"] * 3),
    ...     "closed_on": pd.to_datetime(["2024-07-01", "2024-04-01", None]), "enforced_amount": [0.0, 90.0, None],
    ...     "outcome": ["no_assets", "paid", None], "dishonest_list": [1, 0, None]})
    >>> table = enforcement_outcomes(cases, ["A", "B", "B"], as_of="2024-12-31").tidy()
    >>> table[["unit", "cases", "closed", "share_enforced"]].values.tolist()
    [['A', 1, 1, 0.0], ['B', 2, 1, 0.9]]
    """
    level, day = check_level(level), check_date(as_of, "as_of")
    started = _started(cases, by, day)
    names = pd.Index(sorted(started["unit"].unique()) if units is None else list(units), name="unit")
    stamp = Stamp.of([started, pd.Series(names)], {"as_of": str(day.date()), "level": level}, seed=seed)
    observed = _observed(started, names)
    index = village_index(_facts(started), ENFORCEMENT, level, villages=names if len(names) else ["-"], seed=seed)
    levels = index.tidy().rename(columns={"village": "unit"})[["unit", "estimate", "lo", "hi", "p_above", "reason"]]
    table = observed.merge(levels, on="unit", how="left", validate="1:1")
    closed = started["closed"].sum()
    facts: dict[str, Any] = {"cases": len(started), "closed": int(closed), "as_of": str(day.date()), "level": level}
    facts["share_enforced"] = _share(started["enforced"].sum(), started.loc[started["closed"], "amount"].sum())
    facts["months_to_close"] = _share(started["months"].sum(), closed)
    facts["no_assets"] = _share(started["no_assets"].sum(), closed)
    facts["dishonest"] = _share(started["dishonest"].sum(), closed)
    return Enforcement(table=table, index=index, stamp=stamp, facts=facts)


def _share(part: float, whole: float) -> Any:
    return float(part / whole) if whole > 0 else NotEstimable(NO_CASES)


def _started(cases: pd.DataFrame, by: Any, day: pd.Timestamp) -> pd.DataFrame:
    """The cases under enforcement on the day: unit amount enforced months closed no_assets dishonest loss."""
    check_columns(cases, NEEDED, "cases")
    unit = pd.Series(list(by), index=cases.index, dtype=object)
    live = cases["enforcement_on"].notna() & (cases["enforcement_on"] <= day)
    if unit[live].isna().any():
        came = f"{int(unit[live].isna().sum())} cases without"
        raise InputError(message("a village (or court) for every case", came, "by", "Leave these cases out."))
    rows, unit = cases[live], unit[live]
    amount = rows["amount"].astype(float)
    if (amount < 0).any():
        raise InputError(message("amounts of 0 or more", f"{int((amount < 0).sum())} below", "cases", "Correct them."))
    closed = rows["closed_on"].notna() & (rows["closed_on"] <= day)
    end = rows["closed_on"].where(closed, day)
    enforced = rows["enforced_amount"].astype(float).where(closed, 0.0).fillna(0.0)
    share = (enforced / amount.where(amount > 0)).clip(0, 1)
    return pd.DataFrame(
        {
            "unit": unit,
            "amount": amount,
            "enforced": np.minimum(enforced, amount),
            "months": np.maximum((end - rows["enforcement_on"]).dt.days, 1) / DAYS_A_MONTH,
            "closed": closed,
            "no_assets": closed & rows["outcome"].eq("no_assets").fillna(False),
            "dishonest": closed & rows["dishonest_list"].astype(float).eq(1),
            "loss": (1 - share).where(closed),
        }
    )


def _observed(started: pd.DataFrame, names: pd.Index) -> pd.DataFrame:
    paid = started["amount"].where(started["closed"], 0.0)
    sums = started.assign(claimed=paid).groupby("unit").agg(
        cases=("amount", "size"), closed=("closed", "sum"), amount=("claimed", "sum"), enforced=("enforced", "sum"),
        months=("months", "sum"), no_assets=("no_assets", "sum"), dishonest=("dishonest", "sum"),
    )  # fmt: skip
    sums = sums.reindex(names, fill_value=0).astype(float)
    ended = sums["closed"].where(sums["closed"] > 0)
    table = pd.DataFrame(
        {
            "cases": sums["cases"].astype(int),
            "closed": sums["closed"].astype(int),
            "amount": sums["amount"],
            "enforced": sums["enforced"],
            "share_enforced": sums["enforced"] / sums["amount"].where(sums["amount"] > 0),
            "months_to_close": sums["months"] / ended,
            "no_assets": sums["no_assets"] / ended,
            "dishonest": sums["dishonest"] / ended,
        }
    )
    return table.rename_axis("unit").reset_index()


def _facts(started: pd.DataFrame) -> pd.DataFrame:
    """The four components as counts out of exposures, with the variance of the share that was not enforced."""
    ended = started[started["closed"] & started["loss"].notna()]
    spread = float(ended["loss"].var()) if len(ended) > 1 else 0.0
    closed = started[started["closed"]]
    counts = {
        "not_enforced": (ended.groupby("unit")["loss"].sum(), ended.groupby("unit").size()),
        "months_to_close": (closed.groupby("unit").size(), started.groupby("unit")["months"].sum()),
        "no_assets": (closed.groupby("unit")["no_assets"].sum(), closed.groupby("unit").size()),
        "dishonest": (closed.groupby("unit")["dishonest"].sum(), closed.groupby("unit").size()),
    }
    frames = []
    for name, (observed, exposure) in counts.items():
        both = pd.DataFrame({"observed": observed, "exposure": exposure}).fillna(0.0)
        frame = both.rename_axis("village").reset_index().assign(component=name, variance=np.nan)
        if name == "not_enforced":
            frame["variance"] = frame["exposure"] * spread
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)
