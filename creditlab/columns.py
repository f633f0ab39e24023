"""Columns and what may be done with them: labels, units, direction, and the column policy.

Every column has three classes. *access*: may it be read (free), only with consent on file (consent), or never (block).
*use*: may a PD model see it (model), or only the screening rules, the policy overlay or the group tests (audit).
*level* of a model column: a fact of the household before the loan (household-origin), its conduct
(household-conduct), or a fact of the village (village). Only household-origin columns may enter a village's
expected rate. Sources: Personal Information Protection Law Art. 6, 24, 28-30, 55; Regulation on the Credit Reporting
Industry Art. 13-16, 20; Shandong Social Credit Regulation 2020.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pandas as pd

from creditlab.errors import ColumnError, InputError, PolicyError, message, some

Kind = Literal["number", "text", "date", "flag", "id", "code"]
Access = Literal["free", "consent", "block"]
Use = Literal["model", "screening", "overlay", "audit", "key", "meta"]
Level = Literal["household-origin", "household-conduct", "village", ""]
Action = Literal["", "up", "down", "any"]

KINDS = ("number", "text", "date", "flag", "id", "code")
ACCESSES = ("free", "consent", "block")
USES = ("model", "screening", "overlay", "audit", "key", "meta")
LEVELS = ("household-origin", "household-conduct", "village", "")
ACTIONS = ("", "up", "down", "any")

#: The five reasons why a value is missing, apart from a true zero, with their labels.
MISSING_REASONS: Mapping[str, tuple[str, str]] = {
    "not_authorised": ("未授权", "not authorised"),
    "not_connected": ("数据源未接入", "source not connected"),
    "not_collected": ("未采集", "not collected"),
    "not_applicable": ("不适用", "not applicable"),
}


@dataclass(frozen=True)
class Column:
    """One column: its name, kind, unit, classes, labels and direction.

    Parameters
    ----------
    name : the column's name, lower case with underscores.
    kind : number, text, date, flag (0/1), id (a pseudonym) or code (text that looks like a number).
    zh, en : what a Chinese and an English reader call it.
    unit : yuan, mu, days, months, count, share, or empty.
    access, use, level : the three classes of the column policy.
    direction : +1 when larger values are expected to be riskier, -1 safer, 0 not declared.
    source : the table or department it comes from.
    action : which way a household can move it by what it does from now on: 'up', 'down', 'any', or not at all (empty).
        What lies in the past, with others or with the village cannot be moved.
    told : whether a household may be told it as a reason; False where it would speak of another person.
    consent : the sources of `consents` that must be on file when `access` is 'consent'.

    >>> Column("deposit_avg_12m", zh="近12个月存款日均", en="average deposit, 12 months", unit="yuan").label("en")
    'average deposit, 12 months (yuan)'
    """

    name: str
    kind: Kind = "number"
    zh: str = ""
    en: str = ""
    unit: str = ""
    access: Access = "free"
    use: Use = "model"
    level: Level = ""
    direction: int = 0
    source: str = ""
    required: bool = False
    action: Action = ""
    told: bool = True

    def __post_init__(self) -> None:
        classes = (("kind", KINDS), ("access", ACCESSES), ("use", USES), ("level", LEVELS), ("action", ACTIONS))
        for field, allowed in classes:
            if getattr(self, field) not in allowed:
                raise InputError(
                    message(
                        f"one of {', '.join(allowed)}",
                        repr(getattr(self, field)),
                        f"{field} of column '{self.name}'",
                        "Use one of these words.",
                    )
                )
        if self.direction not in (-1, 0, 1):
            raise InputError(
                message(
                    "-1, 0 or 1",
                    repr(self.direction),
                    f"direction of column '{self.name}'",
                    "Use +1 where larger is riskier.",
                )
            )

    def label(self, lang: str = "zh") -> str:
        """The label in 'zh' or 'en', with its unit; the name where no label was given."""
        text = (self.zh if lang == "zh" else self.en) or self.en or self.name
        unit = UNITS_ZH.get(self.unit, self.unit) if lang == "zh" else self.unit
        bracket = f"（{unit}）" if lang == "zh" else f" ({unit})"
        return f"{text}{bracket}" if unit and unit != "count" else text


UNITS_ZH: Mapping[str, str] = {
    "yuan": "元",
    "mu": "亩",
    "days": "天",
    "months": "月",
    "share": "比例",
    "km": "公里",
    "years": "年",
    "people": "人",
    "households": "户",
    "count": "count",
}


@dataclass(frozen=True)
class Dictionary(Mapping[str, Column]):
    """The columns of a frame by name. It refuses two columns of one name.

    >>> d = Dictionary.of([Column("income", use="model"), Column("sex", use="audit")])
    >>> d.names(use="model")
    ['income']
    """

    columns: tuple[Column, ...] = ()

    @classmethod
    def of(cls, columns: Iterable[Column]) -> Dictionary:
        listed = tuple(columns)
        names = [c.name for c in listed]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise InputError(
                message("one column per name", f"{some(twice)} twice", "Dictionary", "Name each column once.")
            )
        return cls(listed)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise ColumnError(message("a declared column", repr(name), "Dictionary", "Declare it with its classes."))

    def __iter__(self) -> Iterator[str]:
        return (c.name for c in self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def names(self, *, use: str | None = None, level: str | Iterable[str] | None = None) -> list[str]:
        """Names of the columns of a use and of one or more levels, in order."""
        levels = None if level is None else {level} if isinstance(level, str) else set(level)
        return [c.name for c in self.columns if (use is None or c.use == use) and (levels is None or c.level in levels)]

    def only(self, names: Iterable[str]) -> Dictionary:
        """The dictionary of these names, in this order."""
        return Dictionary.of(self[n] for n in names)

    def label(self, name: str, lang: str = "zh") -> str:
        """The label of a column; its name where it is not declared."""
        return self[name].label(lang) if name in self else name

    def to_frame(self) -> pd.DataFrame:
        """A row per column."""
        return pd.DataFrame([asdict(c) for c in self.columns])

    def to_dict(self) -> dict[str, Any]:
        """Name → the column as JSON types; what was added later is left out where it says nothing."""
        return {c.name: _written(c) for c in self.columns}


#: fields that files of earlier versions do not have
LATER: Mapping[str, Any] = {"action": "", "told": True}


def _written(column: Column) -> dict[str, Any]:
    return {k: v for k, v in asdict(column).items() if k != "name" and not (k in LATER and v == LATER[k])}


def check_use(
    names: Iterable[str], dictionary: Mapping[str, Column] | None, *, purpose: str, levels: Iterable[str] | None = None
) -> None:
    """Refuse columns that a PD model (or an expected rate, by `levels`) may not see.

    Undeclared columns pass: on a plain table nothing is known of them, and the report says so.

    Raises
    ------
    PolicyError : for a declared column whose use is not 'model', or whose level is not among `levels`.
    """
    if not dictionary:
        return
    declared = [dictionary[n] for n in names if n in dictionary]
    forbidden = [c for c in declared if c.use != "model" or c.access == "block"]
    if forbidden:
        raise PolicyError(
            message(
                "columns of the use class 'model'",
                some(f"{c.name} ({'blocked' if c.access == 'block' else c.use})" for c in forbidden),
                purpose,
                "Leave them out; overlay columns belong to the policy layer, audit columns to group tests.",
            )
        )
    if levels is not None:
        allowed = set(levels)
        wrong = [c for c in declared if c.level not in allowed]
        if wrong:
            raise PolicyError(
                message(
                    f"columns of the level {' or '.join(sorted(allowed))}",
                    some(f"{c.name} ({c.level})" for c in wrong),
                    purpose,
                    "Conduct and place carry the village's own effect and would drive O/E to 1.",
                )
            )
