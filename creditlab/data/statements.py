"""What each source states of a household's facts on a date: the ground of cross-verification (大数据交叉验证).

A source is a department's table, or one port of the visits: an officer of the bank, a government collector and the
household's own form err differently. Of each source the latest statement counts, and what a newer one has overtaken
does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

STATEMENT_COLUMNS = ["household_id", "fact", "source", "value", "stated_on"]


@dataclass(frozen=True)
class Fact:
    """A fact that several sources state.

    Parameters
    ----------
    zh, en, unit : labels.
    kind : `category` (stated right or wrong), `number` (stated right within `tolerance`, or wrong), or `noisy` (every
        source states it with an error of its own size).
    trust : the sources, the most trusted first.
    tolerance : relative difference within which two statements agree.
    fades : months after which an older statement no longer counts beside a newer one; 0 where it always does.
    """

    zh: str
    en: str
    unit: str
    kind: str
    trust: tuple[str, ...]
    tolerance: float = 0.0
    fades: int = 0


VISITS = ("visit_bank", "visit_government", "visit_self")
#: The facts that more than one source states.
FACTS: Mapping[str, Fact] = {
    "area": Fact("承包面积", "contracted area", "mu", "number", ("agriculture", *VISITS), 0.05, 60),
    "income": Fact("年收入", "income of the year", "yuan", "noisy", (*VISITS, "deposits"), 0.5, 0),
    "members": Fact("人口数", "members", "people", "category", ("households", "register", *VISITS)),
    "business": Fact("经营状态", "business status", "", "category", ("businesses", *VISITS)),
    "village": Fact("所在村", "village", "", "category", ("households", *VISITS)),
}
#: source → (Chinese, English)
SOURCES: Mapping[str, tuple[str, str]] = {
    "agriculture": ("农业农村局", "agriculture and rural affairs"),
    "deposits": ("存款流水", "money in at the bank"),
    "households": ("农户普查", "census"),
    "register": ("户籍", "household register"),
    "businesses": ("市场监管局", "business registry"),
    "visit_bank": ("银行走访", "visit of the bank"),
    "visit_government": ("政府走访", "visit of the government"),
    "visit_self": ("自主填报", "the household's own form"),
}
_AREAS = ("area_wheat", "area_maize", "area_apple", "area_vegetable")
_STATED = {"area": "stated_area", "income": "stated_income", "members": "stated_members",
           "business": "stated_business", "village": "stated_village_id"}  # fmt: skip


def statements(file: Any) -> pd.DataFrame:
    """The latest statement of each source on each fact, as known on the date of a household file.

    Returns
    -------
    DataFrame : household_id fact source value stated_on, sorted; `value` is text or a number. Statements that a newer
        one has overtaken are left out: older than `Fact.fades`, or from before a change that a register dates.
    """
    parts = [_visits(file), *(make(file) for make in _BY_TABLE)]
    there = [p for p in parts if p is not None and len(p)]
    if not there:
        return pd.DataFrame(columns=STATEMENT_COLUMNS)
    table = pd.concat(there, ignore_index=True)
    table = table[table["household_id"].isin(file.frame.index)]
    newest = table.groupby(["household_id", "fact"])["stated_on"].transform("max")
    months = (newest - table["stated_on"]).dt.days / 30.44
    limit = table["fact"].map({name: fact.fades or np.inf for name, fact in FACTS.items()})
    since = table.groupby(["household_id", "fact"])["since"].transform("max")
    kept = table[((months <= limit) & ~(table["stated_on"] < since)).to_numpy()]
    return kept.sort_values(["fact", "household_id", "source"], ignore_index=True)[STATEMENT_COLUMNS]


def _part(
    household: pd.Series, fact: str, source: str, value: pd.Series, day: Any, since: Any = pd.NaT
) -> pd.DataFrame:
    made = pd.DataFrame(
        {
            "household_id": household.to_numpy(),
            "fact": fact,
            "source": source,
            "value": value.to_numpy(dtype=object),
            "stated_on": day.to_numpy() if isinstance(day, pd.Series) else day,
            "since": since.to_numpy() if isinstance(since, pd.Series) else since,
        }
    ).astype({"stated_on": "datetime64[us]", "since": "datetime64[us]"})
    return made[made["value"].notna() & made["household_id"].notna()]


def _table(file: Any, name: str, *columns: str) -> pd.DataFrame | None:
    """A table of the file that has these columns besides the household."""
    if name not in file.tables:
        return None
    rows = file.tables[name]
    return rows if {"household_id", *columns} <= set(rows.columns) else None


def _last(rows: pd.DataFrame, by: str, *more: str) -> pd.DataFrame:
    return rows.sort_values(by, kind="stable").drop_duplicates(["household_id", *more], keep="last")


def _visits(file: Any) -> pd.DataFrame | None:
    rows = _table(file, "collection_log", "requested_on", "port")
    if rows is None:
        return None
    parts = []
    for fact, column in _STATED.items():
        if column in rows.columns:
            said = _last(rows[rows[column].notna()], "requested_on", "port")
            said = said[said["port"].isin(["bank", "government", "self"])]
            part = _part(said["household_id"], fact, "", said[column], said["requested_on"])
            parts.append(part.assign(source=("visit_" + said["port"].astype("str")).to_numpy()))
    return pd.concat(parts, ignore_index=True) if parts else None


def _area(file: Any) -> pd.DataFrame | None:
    rows = _table(file, "agriculture", "year_end")
    if rows is None or not any(c in rows for c in _AREAS):
        return None
    last = _last(rows, "year_end")
    total = last[[c for c in _AREAS if c in last]].sum(axis=1, min_count=1)
    return _part(last["household_id"], "area", "agriculture", total, last["year_end"])


def _income(file: Any) -> pd.DataFrame | None:
    """Money in over the last year of an account that has a whole year."""
    rows = _table(file, "deposits", "month_end", "inflow")
    if rows is None:
        return None
    last = rows.groupby("household_id")["month_end"].transform("max")
    year = rows[rows["month_end"] > last - pd.DateOffset(months=12)]
    spells = year.groupby("household_id").agg(
        inflow=("inflow", "sum"), first=("month_end", "min"), last=("month_end", "max"), n=("month_end", "size")
    )
    gap = (spells["last"] - spells["first"]).dt.days / (spells["n"] - 1).clip(lower=1)
    whole = spells[
        (spells["n"] > 1) & ((spells["last"] - spells["first"]).dt.days + gap >= 350) & (spells["inflow"] > 0)
    ]
    return _part(whole.index.to_series(), "income", "deposits", whole["inflow"], whole["last"])


def _members(file: Any) -> pd.DataFrame | None:
    """The census states the members; the register lists those of 14 and more, and the census the younger."""
    census = file.frame
    if "members" not in census:
        return None
    home = census.index.to_series()
    stated = [_part(home, "members", "households", census["members"], _census_day(file))]
    rows = _table(file, "members", "person_id")
    if rows is not None and "under_14" in census:
        listed = home.map(rows.groupby("household_id")["person_id"].nunique()) + census["under_14"]
        stated.append(_part(home, "members", "register", listed, rows["observed_on"].max()))
    return pd.concat(stated, ignore_index=True)


def _census_day(file: Any) -> Any:
    rows = _table(file, "households", "observed_on")
    if rows is None:
        return file.as_of
    return _last(rows, "observed_on").set_index("household_id")["observed_on"].reindex(file.frame.index)


def _business(file: Any) -> pd.DataFrame | None:
    """A registry states today's status, and since when, of whom it lists; of whom it was asked about and has not, that
    there is none."""
    rows = _table(file, "businesses", "status", "status_from")
    if rows is None:
        return None
    last = _last(rows, "status_from")
    status = last["status"].map({"open": "open", "cancelled": "closed", "revoked": "closed"})
    parts = [_part(last["household_id"], "business", "businesses", status, file.as_of, last["status_from"])]
    log = _table(file, "collection_log", "covers", "outcome", "requested_on")
    if log is not None:
        asked = _last(log[log["covers"] == "businesses"], "requested_on")
        none = asked[(asked["outcome"] == "done") & ~asked["household_id"].isin(rows["household_id"])]
        value = pd.Series("none", index=none.index)
        parts.append(_part(none["household_id"], "business", "businesses", value, file.as_of))
    return pd.concat(parts, ignore_index=True)


def _village(file: Any) -> pd.DataFrame | None:
    home = file.frame.index.to_series()
    return _part(home, "village", "households", file.frame["village_id"], _census_day(file))


_BY_TABLE: tuple[Callable[[Any], pd.DataFrame | None], ...] = (_area, _income, _members, _business, _village)
