"""The feature frame: one row per household, one column per feature of the plan, as known on the date of the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from creditlab.checks import check_columns, check_frame
from creditlab.columns import MISSING_REASONS, Dictionary
from creditlab.errors import InputError, message, some
from creditlab.features.known import Known
from creditlab.features.missing import MISSING_CODES, fill, special_of
from creditlab.features.plan import PLAN
from creditlab.features.spec import Feature, check_plan
from creditlab.results import Result, Stamp


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FeatureFrame(Result):
    """Features by household; `tidy()` has a row per feature: what it is, and how many values are missing for what.

    Parameters
    ----------
    frame : index household_id, one column per feature; missing values are codes (words in text features).
    dictionary : labels, unit, level, direction and source of each feature.
    as_of : the date on which the features are frozen.
    special : feature → {code: meaning}, the reasons for missing that can occur.
    """

    title: ClassVar[str] = "Feature frame 特征表"

    frame: pd.DataFrame
    dictionary: Dictionary
    as_of: pd.Timestamp
    special: Mapping[str, Mapping[Any, str]]


def make_features(file: Any, plan: Iterable[Feature] = PLAN) -> FeatureFrame:
    """The features of every household of a file, as they stood on its date.

    Parameters
    ----------
    file : a `HouseholdFile` (or what has its frame, as_of, tables and consented).
    plan : the features to make; the default has them all.

    Returns
    -------
    FeatureFrame : `.frame` (index household_id), `.dictionary`, `.as_of`, `.special`. The columns are always those of
        the plan: features of a table that the county lacks are 'not_connected' throughout. Missing values are the
        codes of `MISSING_CODES` in numbers and the words themselves in text; a true zero is 0.

    Raises
    ------
    InputError : for what is no household file, or a plan with two features of one name.
    PolicyError : for a feature that reads what no PD model may see.

    >>> from creditlab.data.household import household_file
    >>> from creditlab.data.world import make_county
    >>> county = make_county(12, seed=1, households_per_village=20)
    >>> features = make_features(household_file(county.tables, pd.Timestamp("2023-12-31")))
    >>> features.dictionary.label("dpd_max_12m", "en"), features.special["dpd_max_12m"][-9999004.0]
    ('most days past due, 12 months (days)', '不适用 not applicable')
    """
    features = check_plan(plan)
    known = Known(_checked(file))
    frame = pd.DataFrame(_measured(features, known), index=known.households)[[f.name for f in features]]
    dictionary = Dictionary.of(f.column for f in features)
    return FeatureFrame(
        table=_overview(frame, dictionary),
        frame=frame,
        dictionary=dictionary,
        as_of=known.as_of,
        special={f.name: special_of(f) for f in features},
        stamp=Stamp.of(_contents(frame), {"as_of": str(known.as_of.date()), "plan": [f.to_dict() for f in features]}),
        facts={"as_of": str(known.as_of.date()), "households": len(frame), "features": frame.shape[1]},
    )


#: tables in the order in which they are gone through, those that are read together side by side
_TURNS = (
    "collection_log", "agriculture", "businesses", "tax", "social_security", "housing_fund", "third_party", "payments",
    "credit_reports", "deposits", "loans", "loan_months", "guarantees", "judgments", "applications",
)  # fmt: skip
#: the table with the most rows; of it a later turn asks only for what its own turn has made by household
_LARGEST = "deposits"


def _measured(features: Sequence[Feature], known: Known) -> dict[str, pd.Series]:
    """Each feature filled; a table is let go after the last feature that opens it, so that memory stays low."""
    turn = {"households": -1} | {table: place for place, table in enumerate(_TURNS)}

    def of(feature: Feature) -> int:
        return max(turn.get(t, len(turn)) for t in feature.tables)

    order = sorted(features, key=of)
    last = {table: place for place, f in enumerate(order) for table in f.tables}
    columns: dict[str, pd.Series] = {}
    gone: set[str] = set()
    for place, feature in enumerate(order):
        values = known.view(feature).measure() if known.has(feature) else None
        columns[feature.name] = fill(values, feature, known)
        if place + 1 < len(order) and of(feature) == turn[_LARGEST] < of(order[place + 1]):
            known.forget_rows([_LARGEST])
        done = {table for table, at in last.items() if at <= place and table not in gone}
        if done and not {"loans", "loan_months"} & done or {"loans", "loan_months"} <= {*done, *gone}:
            known.forget({*done, *gone})
            gone |= done
    return columns


def _checked(file: Any) -> Any:
    absent = [a for a in ("frame", "as_of", "tables", "consented") if not hasattr(file, a)]
    if absent:
        raise InputError(
            message(
                "a household file",
                f"{type(file).__name__} without {some(absent)}",
                "make_features",
                "Make one with county.household_file(as_of).",
            )  # fmt: skip
        )
    check_columns(check_frame(file.frame, "household file"), ["village_id"], "household file")
    return file


def _contents(frame: pd.DataFrame) -> list[Any]:
    """The frame as what a stamp hashes fast: the numbers as they lie in memory, texts as codes of their levels."""
    parts: list[Any] = [frame.index, list(frame.columns)]
    for name in frame.columns:
        values = frame[name]
        if values.dtype.kind == "f":
            parts.append(values.to_numpy())
        else:
            codes, levels = pd.factorize(values, sort=True)
            parts += [codes, list(levels)]
    return parts


def _overview(frame: pd.DataFrame, dictionary: Dictionary) -> pd.DataFrame:
    """A row per feature: its classes, the households with a value, with a zero, and missing by reason."""
    rows = []
    for name, column in dictionary.items():
        values = frame[name]
        text = column.kind == "text"
        missing = {r: int((values == (r if text else MISSING_CODES[r])).sum()) for r in MISSING_REASONS}
        rows.append(
            {
                "feature": name,
                "zh": column.zh,
                "en": column.en,
                "unit": column.unit,
                "kind": column.kind,
                "source": column.source,
                "level": column.level,
                "direction": column.direction,
                "n": len(values),
                "known": len(values) - sum(missing.values()),
                "zero": 0 if text else int((values == 0).sum()),
                **missing,
            }  # fmt: skip
        )
    return pd.DataFrame(rows)
