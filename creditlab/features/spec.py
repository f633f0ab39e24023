"""What a feature is, as a frozen spec: its column, the table it speaks of, what it reads, and what no value means.

`check_plan` holds the spec against the column policy: no overlay, audit, screening or blocked column is read, and the
level of a feature is not freer than what it reads. It computes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from creditlab.columns import Column, Dictionary, Level, check_use
from creditlab.data.schema import TABLES
from creditlab.errors import InputError, PolicyError, message
from creditlab.features.windows import AGGREGATES, ON_DATE, Window

if TYPE_CHECKING:
    from creditlab.features.known import View

#: What a household without rows gets: a true zero (the register is complete), or one of the reasons for missing.
Absent = Literal["zero", "not_applicable", "not_collected"]

#: level of a feature → levels of the columns that it may read
READABLE: Mapping[Level, tuple[Level, ...]] = {
    "household-origin": ("household-origin",),
    "household-conduct": ("household-conduct", "household-origin"),
    "village": ("village",),
}
#: table → the tables that say whose its rows are
LINKS: Mapping[str, tuple[str, ...]] = {"loan_months": ("loans",)}
#: what a mean over the other households of the village may read: no household sees its own value in it
OVER_OTHERS: tuple[Level, ...] = ("household-origin", "household-conduct", "village")
#: fewest other households with a value for such a mean: of fewer, one could be made out
FEWEST_OTHERS = 5


@dataclass(frozen=True)
class Feature:
    """One feature of the plan.

    Parameters
    ----------
    column : name, kind, labels, unit, direction, level; its `source` is the table it speaks of.
    measure : view of the household file → values by household row number; households left out have no rows.
    window : which rows count, and so the as-of rule: no window holds an event or a row known after the date.
    aggregate : how the rows of the window become one value, a word of `AGGREGATES`.
    others : the feature is the mean of the measure over the *other* households of the village, own household excluded;
        it is of the level 'village', and missing where fewer than `FEWEST_OTHERS` of them have a value.
    reads : the columns with values that it reads, as 'table.column'. Keys, dates and other columns of the class 'meta'
        select and link rows and need no declaration; every other column is hidden from the measure.
    absent : what it means that a household has no rows.
    undefined : the reason where a household has rows but the measure has no value (a share of nothing).
    applies : view → one boolean per household: for whom there should be a value; the others are 'not_applicable'.
    """

    column: Column
    measure: Callable[[View], pd.Series]
    reads: tuple[str, ...] = ()
    absent: Absent = "not_collected"
    undefined: Literal["not_applicable", "not_collected"] = "not_collected"
    applies: Callable[[View], pd.Series] | None = None
    window: Window = ON_DATE
    aggregate: str = "value"
    others: bool = False

    def __post_init__(self) -> None:
        if self.aggregate not in AGGREGATES:
            raise InputError(
                message(
                    f"one of {', '.join(AGGREGATES)}",
                    repr(self.aggregate),
                    f"aggregate of '{self.column.name}'",
                    "Use one of these words.",
                )  # fmt: skip
            )

    @property
    def name(self) -> str:
        """The feature's name."""
        return self.column.name

    @property
    def table(self) -> str:
        """The table that the feature speaks of."""
        return self.column.source

    @property
    def tables(self) -> tuple[str, ...]:
        """All tables that it opens."""
        opened = dict.fromkeys([self.table, *(r.partition(".")[0] for r in self.reads)])
        return tuple(opened | dict.fromkeys(t for name in opened for t in LINKS.get(name, ())))

    @property
    def consents(self) -> tuple[str, ...]:
        """The tables for which a household's consent is needed, by what is read of them.

        A mean over others asks for none of the household itself: what the others did not consent to is blank.
        """
        if self.others:
            return ()
        opened = (r.partition(".") for r in self.reads)
        return tuple(dict.fromkeys(t for t, _, c in opened if TABLES[t][c].access == "consent"))

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons for missing that can occur."""
        found = {"not_connected", "not_authorised" if self.consents else "", self.undefined}
        found |= {self.absent, "not_applicable" if self.applies else ""}
        order = ("not_authorised", "not_connected", "not_collected", "not_applicable")
        return tuple(r for r in order if r in found)

    def to_dict(self) -> dict[str, Any]:
        """The declared part of the feature as JSON types."""
        return {
            **asdict(self.column), "reads": list(self.reads), "absent": self.absent, "undefined": self.undefined,
            "applies": self.applies is not None, "window": self.window.name, "aggregate": self.aggregate,
            "others": self.others,
        }  # fmt: skip


def check_plan(plan: Iterable[Feature]) -> tuple[Feature, ...]:
    """The plan, when each name is used once and the column policy allows all that it reads.

    Raises
    ------
    PolicyError : a feature reads a column that no PD model may see, opens a table without any that it may, or calls
        itself freer than its columns (a fact of conduct passed off as origin).
    InputError : two features of one name, or none at all.
    """
    features = tuple(plan)
    if not features:
        raise InputError(message("at least one feature", "an empty plan", "plan", "Use creditlab.features.PLAN."))
    Dictionary.of(f.column for f in features)
    for feature in features:
        _check_feature(feature)
    return features


def _check_feature(feature: Feature) -> None:
    where = f"feature '{feature.name}'"
    if feature.column.use != "model" or feature.column.level not in READABLE:
        raise PolicyError(
            message("a model column with a level", f"{feature.column.use}/{feature.column.level}", where, "Declare it.")
        )
    if feature.others and feature.column.level != "village":
        raise PolicyError(
            message("the level 'village'", repr(feature.column.level), where, "Others' conduct is a fact of the place.")
        )
    unknown = [t for t in feature.tables if t not in TABLES]
    if unknown:
        raise InputError(message("a table of the schema", repr(unknown[0]), where, "See creditlab.data.schema.TABLES."))
    for table in feature.tables:
        names = [r.partition(".")[2] for r in feature.reads if r.partition(".")[0] == table]
        read = {f"{table}.{n}": TABLES[table][n] for n in names}
        check_use(read, read, purpose=where, levels=OVER_OTHERS if feature.others else READABLE[feature.column.level])
        if all(c.use != "model" for c in TABLES[table]):
            raise PolicyError(
                message(
                    "a table with columns of the use class 'model'",
                    repr(table),
                    where,
                    "That somebody is in this table is itself what no PD model may see.",
                )  # fmt: skip
            )
