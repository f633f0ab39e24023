"""A household file made by hand: four households in two villages, tables of a few rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from creditlab.data.schema import TABLES
from creditlab.features import PLAN, make_features

AS_OF = pd.Timestamp("2023-12-31")
HOMES = ("H1", "H2", "H3", "H4")


@dataclass(frozen=True)
class StandIn:
    """What `make_features` needs of a household file."""

    frame: pd.DataFrame
    tables: Mapping[str, pd.DataFrame]
    consented: Mapping[str, Any] = field(default_factory=dict)
    as_of: pd.Timestamp = AS_OF


def census(**columns: Any) -> pd.DataFrame:
    """The census of the four households, with some columns given."""
    given = {
        "village_id": ["V1", "V1", "V2", "V2"],
        "head_birth_year": [1960, 1970, 1980, 1990],
        "head_sex": ["f", "m", "f", "m"],
        "members": [4, 2, 5, 0],
        "under_14": [1, 0, 2, 0],
        "labour": [2, 2, 1, 0],
        "migrants": [1, 0, 0, 0],
        "away": [0, 0, 1, 0],
    } | columns
    return pd.DataFrame(given, index=pd.Index(HOMES, name="household_id"))


def rows(table: str, names: str, *values: tuple[Any, ...]) -> pd.DataFrame:
    """The rows of one table; columns that are not named are blank, dates are read by the contract."""
    frame = pd.DataFrame(list(values), columns=names.split())
    for column in TABLES[table]:
        if column.name not in frame:
            blank = {"date": "datetime64[us]", "number": "float64", "flag": "float64"}.get(column.kind, "str")
            frame[column.name] = pd.Series(index=frame.index, dtype=blank)
        elif column.kind == "date":
            frame[column.name] = pd.to_datetime(frame[column.name]).astype("datetime64[us]")
        elif column.kind in ("text", "id", "code"):
            frame[column.name] = frame[column.name].astype("str")
    return frame[[c.name for c in TABLES[table]]]


def feature(name: str, consented: Mapping[str, Any] | None = None, as_of: Any = AS_OF, **tables: pd.DataFrame) -> dict:
    """One feature of the plan by household, from these tables."""
    frame = tables.pop("census", census())
    file = StandIn(frame, tables, consented or {}, pd.Timestamp(as_of))
    made = make_features(file, [f for f in PLAN if f.name == name])
    return made.frame[name].to_dict()
