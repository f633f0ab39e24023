"""Debts before the court: how long until enforcement, how long until a case is closed, and how it ends.

Cases that are still running are not left out: they count for as long as they have been seen (Kaplan and Meier). How a
case ends (paid or settled, closed for lack of assets 终本) is a cumulative incidence, because the one excludes the
other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_columns, check_date, check_frame, check_level, check_one_of
from creditlab.errors import InputError, message
from creditlab.loans.book import villages_of
from creditlab.loans.reading import dates, names, numbers
from creditlab.loans.shares import LEVEL, ratio, share_limits
from creditlab.results import NotEstimable, Result, Stamp, digest

STAGES: Mapping[str, tuple[str, str, str, str]] = {
    "enforcement": ("filed_on", "enforcement_on", "立案至申请执行", "from filing to enforcement"),
    "closing": ("enforcement_on", "closed_on", "申请执行至结案", "from enforcement to closing"),
    "whole": ("filed_on", "closed_on", "立案至结案", "from filing to closing"),
}
#: outcome → what it counts as
GOOD_ENDS = ("paid", "settled")
DAYS = (90, 180, 365, 730)
#: fewest cases of a group for which a curve is estimated
FEWEST = 5


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Enforcement(Result):
    """A row per stage and group: stage group cases events median lo hi, and done_90 … done_730 (share done by then).

    median in days with its interval. `curves` has the steps of every curve: stage group day at_risk estimate lo hi.
    `outcomes` has a row per group: closed cases, how they ended, and the share of the amount that was enforced.
    """

    title: ClassVar[str] = "Enforcement 执行"
    plots: ClassVar[str] = "loans"

    curves: pd.DataFrame
    outcomes: pd.DataFrame
    by: str | None
    level: float


def enforcement(
    county: Any, by: str | None = None, *, as_of: Any = None, role: str = "debtor", level: float = LEVEL
) -> Enforcement:
    """Times to enforcement and to closing, and outcomes of the cases, by court or village.

    Parameters
    ----------
    county : a `County` or a mapping with the table judgments, and households for by='village_id'.
    by : None, 'court' or 'village_id'.
    as_of : the day up to which cases are seen; by default the last day that the table knows of.
    role : 'debtor', 'guarantor' or 'all'.
    level : level of the intervals (Greenwood on the log-log scale for curves, Jeffreys for shares).

    Raises
    ------
    InputError : no cases, an unknown breakdown.
    """
    check_level(level)
    check_one_of(by, (None, "court", "village_id"), "by")
    check_one_of(role, ("debtor", "guarantor", "all"), "role")
    cases, end = _cases(county, by, as_of, role)
    rows, curves = [], []
    for stage in STAGES:
        part = _spells(cases, stage, end)
        for name, spells in _groups(part, by):
            row, curve = _survival(spells, stage, name, level)
            rows.append(row)
            curves.append(curve)
    facts: dict[str, Any] = {"cases": len(cases), "as_of": str(end.date())}
    if by is not None:
        facts |= {f"p_value {stage}": _log_rank(_spells(cases, stage, end)) for stage in STAGES}
    table = pd.DataFrame(rows)
    facts["median days to enforcement"] = table["median"].iloc[0]
    return Enforcement(
        table=table,
        curves=pd.concat(curves, ignore_index=True),
        outcomes=_outcomes(cases, by, level),
        by=by,
        level=level,
        stamp=Stamp(
            inputs=digest(cases), spec=digest({"by": by, "role": role, "as_of": str(end.date()), "level": level})
        ),
        facts=facts,
    )


def _cases(county: Any, by: str | None, as_of: Any, role: str) -> tuple[pd.DataFrame, pd.Timestamp]:
    tables = county if isinstance(county, dict) else getattr(county, "tables", {})
    if "judgments" not in tables:
        raise InputError(message("the table judgments", "none", "county folder", "Ask the court for its cases."))
    frame: pd.DataFrame = getattr(tables["judgments"], "frame", tables["judgments"])
    check_frame(frame, "judgments")
    check_columns(frame, ["household_id", "filed_on", "enforcement_on", "closed_on", "outcome", "amount"], "judgments")
    cases = frame.reset_index(drop=True).copy()
    days = ["filed_on", "enforcement_on", "closed_on"]
    for column in (*days, *(["known_on"] if "known_on" in cases else [])):
        cases[column] = dates(cases[column], column, "judgments")
    for column in ("outcome", *(["role"] if "role" in cases else [])):
        cases[column] = names(cases[column])
    cases["amount"] = numbers(cases["amount"], "amount", "judgments")
    if "enforced_amount" in cases:
        cases["enforced_amount"] = numbers(cases["enforced_amount"], "enforced_amount", "judgments")
    latest = cases[days].max().max()
    known = cases["known_on"].max() if "known_on" in cases else latest
    end = check_date(as_of, "as_of") if as_of is not None else min(known, latest)
    if role != "all" and "role" in cases:
        cases = cases[cases["role"].eq(role).fillna(False)]
    cases = cases[cases["filed_on"].notna() & (cases["filed_on"] <= end)]
    # what happened after the day is not known on it
    for column in ("enforcement_on", "closed_on"):
        cases.loc[cases[column] > end, column] = pd.NaT
    cases.loc[cases["closed_on"].isna(), "outcome"] = pd.NA
    cases["group"] = "all" if by is None else _group(cases, tables, by)
    if not len(cases):
        raise InputError(message("at least one case", "none", f"judgments with role '{role}'", "Take another role."))
    return cases.reset_index(drop=True), end


def _group(cases: pd.DataFrame, tables: Any, by: str) -> pd.Series:
    if by == "court":
        check_columns(cases, ["court"], "judgments")
        return cases["court"].astype("str").fillna("(none)")
    if "households" not in tables:
        raise InputError(message("the table households", "none", "county folder", "It tells the villages."))
    homes = getattr(tables["households"], "frame", tables["households"])
    return villages_of(cases["household_id"], homes).fillna("(none)")


def _spells(cases: pd.DataFrame, stage: str, end: pd.Timestamp) -> pd.DataFrame:
    """Days of each case in the stage, and whether it ended; a date that lies before its beginning is left out."""
    start, stop, *_ = STAGES[stage]
    part = cases[cases[start].notna()]
    done = part[stop].notna() & (part[stop] >= part[start])
    days = (part[stop].where(done, end) - part[start]).dt.days
    spells = pd.DataFrame({"days": days.to_numpy(), "done": done.to_numpy(), "group": part["group"].to_numpy()})
    # a case that begins on the last day has not been seen at all
    return spells[spells["days"] > 0].reset_index(drop=True)


def _groups(spells: pd.DataFrame, by: str | None) -> list[tuple[str, pd.DataFrame]]:
    parts = [("all", spells)]
    return parts if by is None else parts + [(str(name), part) for name, part in spells.groupby("group")]


def _survival(spells: pd.DataFrame, stage: str, name: str, level: float) -> tuple[dict[str, Any], pd.DataFrame]:
    """Median and shares done of one group, and its curve."""
    from statsmodels.duration.survfunc import SurvfuncRight

    n, events = len(spells), int(spells["done"].sum())
    row: dict[str, Any] = {"stage": stage, "group": name, "cases": n, "events": events, "reason": ""}
    empty = pd.DataFrame(columns=["stage", "group", "day", "at_risk", "estimate", "lo", "hi"])
    blank = {"median": np.nan, "lo": np.nan, "hi": np.nan, **{f"done_{d}": np.nan for d in DAYS}}
    if n < FEWEST or events == 0:
        return row | blank | {
            "reason": f"少于 {FEWEST} 件 fewer than {FEWEST} cases"
            if n < FEWEST
            else "尚无案件结束 no case has ended yet"
        }, empty
    curve = SurvfuncRight(spells["days"].to_numpy(dtype=float), spells["done"].to_numpy(dtype=int))
    done = 1 - curve.surv_prob
    lo, hi = _log_log(curve.surv_prob, curve.surv_prob_se, level)
    steps = pd.DataFrame(
        {"stage": stage, "group": name, "day": curve.surv_times, "at_risk": curve.n_risk.astype(int), "estimate": done,
         "lo": 1 - hi, "hi": 1 - lo}
    )  # fmt: skip
    limits = [_first_day(steps["day"], steps[c]) for c in ("estimate", "hi", "lo")]
    row |= dict(zip(("median", "lo", "hi"), limits, strict=True))
    last = spells["days"].max()
    for day in DAYS:
        before = steps["day"] <= day
        row[f"done_{day}"] = np.nan if day > last else float(steps["estimate"][before].max() if before.any() else 0.0)
    if np.isnan(limits[0]):
        row["reason"] = "结束的案件不足一半 less than half of the cases have ended"
    return row, steps


def _log_log(survival: np.ndarray, error: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Limits of a survival probability on the log-log scale (J. Kalbfleisch, R. Prentice, 1980)."""
    from scipy.special import ndtri

    z = ndtri((1 + level) / 2)
    inside = (survival > 0) & (survival < 1)
    s = np.where(inside, survival, 0.5)
    spread = np.where(inside, z * error / (s * np.abs(np.log(s))), 0.0)
    lo, hi = s ** np.exp(spread), s ** np.exp(-spread)
    return np.where(inside, lo, survival), np.where(inside, hi, survival)


def _first_day(day: pd.Series, done: pd.Series) -> float:
    """The first day on which half are done; missing if it never comes."""
    reached = (done >= 0.5).to_numpy()
    return float(day.to_numpy()[reached][0]) if reached.any() else float("nan")


def _log_rank(spells: pd.DataFrame) -> float | NotEstimable:
    """p-value of equal curves of all groups of enough cases (log-rank).

    N. Mantel, Cancer Chemotherapy Reports 50 (1966) 163-170; a generalised inverse, because groups may end before
    others begin to count.
    """
    from scipy.stats import chi2

    sizes = spells["group"].value_counts()
    part = spells[spells["group"].isin(sizes.index[sizes >= FEWEST])]
    names = sorted(pd.unique(part["group"]))
    if len(names) < 2 or not part["done"].any():
        return NotEstimable(f"不足两组各 {FEWEST} 件 fewer than two groups of {FEWEST} cases")
    gap, spread = np.zeros(len(names)), np.zeros((len(names), len(names)))
    for day in np.unique(part.loc[part["done"], "days"]):
        at_risk = part[part["days"] >= day]
        n = at_risk["group"].value_counts().reindex(names, fill_value=0).to_numpy(dtype=float)
        now = at_risk[(at_risk["days"] == day) & at_risk["done"]]
        d = now["group"].value_counts().reindex(names, fill_value=0).to_numpy(dtype=float)
        share = n / n.sum()
        gap += d - d.sum() * share
        left = (n.sum() - d.sum()) / max(n.sum() - 1, 1)
        spread += d.sum() * left * (np.diag(share) - np.outer(share, share))
    rank = int(np.linalg.matrix_rank(spread))
    if not rank:
        return NotEstimable("各组从未同时在观察中 the groups are never at risk together")
    return float(chi2.sf(gap @ np.linalg.pinv(spread, hermitian=True) @ gap, rank))


def _outcomes(cases: pd.DataFrame, by: str | None, level: float) -> pd.DataFrame:
    """How closed cases ended: group closed paid_or_settled no_assets resumed, shares with limits, enforced share."""
    closed = cases[cases["closed_on"].notna()].copy()
    closed["good"] = closed["outcome"].isin(GOOD_ENDS)
    closed["empty"] = closed["outcome"].eq("no_assets").fillna(False)
    amount = closed["amount"].fillna(0.0)
    enforced = closed["enforced_amount"] if "enforced_amount" in closed else pd.Series(np.nan, index=closed.index)
    closed["asked"] = amount.where(enforced.notna(), 0.0)
    closed["got"] = enforced.fillna(0.0)
    parts = [("all", closed)] if by is None else [("all", closed), *((str(g), p) for g, p in closed.groupby("group"))]
    rows = []
    for name, part in parts:
        lo, hi = share_limits(part["empty"].sum(), len(part), level)
        rows.append(
            {"group": name, "closed": len(part), "paid_or_settled": int(part["good"].sum()),
             "no_assets": int(part["empty"].sum()), "no_assets_share": float(ratio(part["empty"].sum(), len(part))),
             "lo": float(lo), "hi": float(hi), "amount": float(part["asked"].sum()),
             "enforced": float(part["got"].sum()),
             "enforced_share": float(ratio(part["got"].sum(), part["asked"].sum()))}
        )  # fmt: skip
    return pd.DataFrame(rows)
