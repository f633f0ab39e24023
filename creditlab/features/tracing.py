"""From a feature of a household back to the source rows that it rests on.

`trace` makes the feature once more, for this household alone, and keeps what its measure was shown. Fed with nothing
but these rows, the measure gives the same value: that is what the tests hold it to. A mean over the other households
of the village rests on their rows, and shows those.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from creditlab.data.schema import TABLES
from creditlab.errors import ColumnError, message, some
from creditlab.features.known import Known, View
from creditlab.features.missing import fill
from creditlab.features.plan import PLAN
from creditlab.features.spec import Feature

_PROVENANCE = ("source", "port", "observed_on", "known_on")


def trace(file: Any, household: str, feature: str | Feature) -> pd.DataFrame:
    """The source rows behind one feature of one household; see `HouseholdFile.trace`.

    Returns
    -------
    DataFrame : table, row, the keys and dates of the row, the columns that the feature reads (others are blank), and
        source, port, observed_on, known_on. `attrs` has `feature`, `value` (a missing value is its code), `label`.

    Raises
    ------
    ColumnError : no such feature in the plan.
    """
    spec = _spec(feature)
    alone = file.only([household])
    known = Known(alone, tracing=True)
    view = known.view(spec)
    values = view.measure() if known.has(spec) else None
    if spec.applies is not None and values is not None:
        spec.applies(view)
    value = fill(values, spec, known).iloc[0]
    rows = _rows(view, spec, alone, household)
    rows.attrs.update(feature=spec.name, value=value, label=spec.column.label("zh") + " " + spec.column.label("en"))
    return rows


def _spec(feature: str | Feature) -> Feature:
    if isinstance(feature, Feature):
        return feature
    found = next((f for f in PLAN if f.name == feature), None)
    if found is None:
        near = [f.name for f in PLAN if str(feature)[:5] in f.name] or [f.name for f in PLAN]
        raise ColumnError(
            message(
                f"a feature of the plan (such as {some(near, 3)}) or one of the tables {some(TABLES, 30)}",
                repr(feature),
                "trace",
                "See docs/features.md.",
            )  # fmt: skip
        )
    return found


def _rows(view: View, spec: Feature, alone: Any, household: str) -> pd.DataFrame:
    parts = []
    for table in spec.tables:
        numbers = sorted(
            {int(i) for name, frame in view.shown if name == table for i in _own(frame, view)["source_row"]}
        )
        if table == "households":
            numbers = _census_rows(view, alone, spec, household)
        if numbers:
            parts.append(_described(alone, table, numbers, spec))
    if not parts:
        return pd.DataFrame(columns=["table", "row", *_PROVENANCE])
    joined = pd.concat(parts, ignore_index=True)
    return joined[[c for c in joined.columns if c not in _PROVENANCE] + [c for c in _PROVENANCE if c in joined.columns]]


def _own(frame: pd.DataFrame, view: View) -> pd.DataFrame:
    """The rows of the household's village, where a frame has those of all villages or of all households."""
    if "source_row" not in frame.columns:
        return frame.assign(source_row=0).iloc[:0]
    if view.others:
        return frame[frame["household"].isin(view.others)] if "household" in frame.columns else frame
    if "village_id" in frame.columns and "household" not in frame.columns:
        return frame[frame["village_id"].isin(view.village)]
    return frame


def _census_rows(view: View, alone: Any, spec: Feature, household: str) -> list[int]:
    if not any(name == "households" for name, _ in view.shown):
        return []
    census = alone.whole.tables["households"] if spec.others else alone.tables["households"]
    if spec.others:
        village = alone.frame["village_id"].iloc[0]
        homes = alone.whole.frame.index[alone.whole.frame["village_id"] == village]
        census = census[census["household_id"].isin(homes) & (census["household_id"] != household)]
    ordered = census.sort_values("observed_on", kind="stable") if "observed_on" in census else census
    return sorted(int(i) for i in ordered.drop_duplicates("household_id", keep="last").index)


def _described(alone: Any, table: str, numbers: list[int], spec: Feature) -> pd.DataFrame:
    contract, frame = TABLES[table], alone.whole.tables[table]
    read = {r.partition(".")[2] for r in spec.reads if r.partition(".")[0] == table}
    shown = [c.name for c in contract if c.use == "key" or c.kind == "date" or c.name in read]
    shown += [c for c in _PROVENANCE if c not in shown]
    rows = frame.loc[numbers, [c for c in shown if c in frame.columns]]
    return rows.assign(table=table, row=numbers)[["table", "row", *rows.columns]].astype("str").assign(row=numbers)
