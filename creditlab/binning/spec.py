"""Which bin a value falls into: the bin spec, the one place where edges, levels and codes are read.

Bins are numbered 0 … : first the regular bins (ranges or groups of levels), then one bin per special code, then missing
values, and for text columns the levels never seen in training. Ranges are closed on the left: [lower, upper). A spec
knows no target; counts and WOE are in `table`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning.scan import range_codes, values_of
from creditlab.binning.values import day_text, level_text, read_levels, read_numbers

MISSING = ("缺失", "missing")
UNSEEN = ("未见取值", "unseen level")
ALL = ("全部取值", "all values")
FLAGS = (("否", "no"), ("是", "yes"))
#: longest label of a group of levels; the full list is in `groups`
LABEL_WIDTH = 60


#: a meaning in both languages, such as '未授权 not authorised'
_PAIR = re.compile(r"([^A-Za-z]*[^\x00-\x7f])\s+([A-Za-z].*)")


def meaning_in(meaning: str, lang: str) -> str:
    """The part of a meaning that is in this language, where it is written in both; else all of it."""
    pair = _PAIR.fullmatch(meaning.strip())
    return meaning.strip() if pair is None else pair[1 if lang == "zh" else 2]


@dataclass(frozen=True)
class BinSpec:
    """The bins of one characteristic.

    Parameters
    ----------
    name : the column.
    form : number, flag, date or text (see `values`).
    cuts : lower ends of the second and later ranges, ascending; empty for text.
    groups : the levels of each regular bin; empty unless the form is text.
    special : (code, meaning) of each special code.
    prefix, parents : how many leading characters of a level name its larger unit, and the bin that an unseen level of
        each unit falls into.
    joins : (bin, the regular bin that its rows join), of missing, special or unseen values.
    sides : the bins of the two columns of a cross, whose cells are the levels here; else empty.

    >>> spec = BinSpec("age", "number", cuts=(30.0, 45.0), special=((-9.0, "not asked"),))
    >>> spec.codes(pd.Series([29.9, 30, 60, -9, None])).tolist()
    [0, 1, 2, 3, 4]
    >>> [spec.label(c, "en") for c in range(spec.size)]
    ['< 30', '[30, 45)', '≥ 45', '-9 not asked', 'missing']
    """

    name: str
    form: str
    cuts: tuple[float, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    special: tuple[tuple[float | str, str], ...] = ()
    prefix: int = 0
    parents: tuple[tuple[str, int], ...] = ()
    joins: tuple[tuple[int, int], ...] = ()
    sides: tuple[BinSpec, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the characteristic is made of: its own, or the two of a cross."""
        return tuple(side.name for side in self.sides) or (self.name,)

    @property
    def kind(self) -> str:
        """'category' for text, else 'numeric'."""
        return "category" if self.form == "text" else "numeric"

    @property
    def regular(self) -> int:
        """How many regular bins there are: they come first."""
        return max(len(self.groups), 1) if self.form == "text" else len(self.cuts) + 1

    @property
    def missing(self) -> int:
        """The number of the bin of missing values."""
        return self.regular + len(self.special)

    @property
    def size(self) -> int:
        """The number of all bins."""
        return self.missing + 1 + (self.form == "text")

    def role(self, code: int) -> str:
        """'range', 'levels', 'special', 'missing' or 'unseen'."""
        if code < self.regular:
            return "levels" if self.form == "text" else "range"
        if code < self.missing:
            return "special"
        return "missing" if code == self.missing else "unseen"

    def codes(self, values: pd.Series) -> np.ndarray:
        """The bin number of each value, as int16; a new array, one per row."""
        if self.form == "text":
            return self._joined(self._level_codes(values))
        return self.number_codes(read_numbers(values, self.form))

    def number_codes(self, x: np.ndarray) -> np.ndarray:
        """The bin number of each float: the number of cuts at or below it, then codes, then NaN; then joins."""
        return self._joined(range_codes(x, self.cuts, self._number_specials))

    def raw_codes(self, values: pd.Series) -> np.ndarray:
        """The bin number of each value before joins."""
        if self.form == "text":
            return self._level_codes(values)
        return range_codes(read_numbers(values, self.form), self.cuts, self._number_specials)

    def look_up(self, values: pd.Series, by_bin: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """What `by_bin` holds for the bin of each value; written to `out` where it is given."""
        found = np.empty(len(values), dtype=by_bin.dtype) if out is None else out
        by_bin = by_bin[self.targets]
        if self.form == "text":
            return by_bin.take(self._level_codes(values), out=found, mode="clip")
        return values_of(read_numbers(values, self.form), self.cuts, self._number_specials, by_bin, found)

    @property
    def targets(self) -> np.ndarray:
        """The bin that the rows of each bin are in after joins."""
        targets = np.arange(self.size, dtype=np.int16)
        for source, target in self.joins:
            targets[source] = target
        return targets

    def _joined(self, codes: np.ndarray) -> np.ndarray:
        return self.targets[codes] if self.joins else codes

    def read_cut(self, value: Any) -> float:
        """A cut as the float it is kept as: a date as days since 1970-01-01."""
        cut = read_numbers(pd.Series([value], dtype=object), self.form)[0] if self.form == "date" else float(value)
        return float(cut) + 0.0

    @property
    def _number_specials(self) -> list[float]:
        return [float(code) for code, _ in self.special]

    def _level_codes(self, values: pd.Series) -> np.ndarray:
        levels = read_levels(values)
        place = {name: g for g, names in enumerate(self.groups) for name in names}
        place |= {str(code): self.regular + s for s, (code, _) in enumerate(self.special)}
        above = dict(self.parents)
        found = [place.get(name, above.get(name[: self.prefix], self.size - 1)) for name in levels.names]
        return np.array([*found, self.missing], dtype=np.int16)[levels.codes]

    def bounds(self, code: int) -> tuple[float, float]:
        """[lower, upper) of a range, NaN for every other bin."""
        if self.role(code) != "range":
            return np.nan, np.nan
        ends = (-np.inf, *self.cuts, np.inf)
        return ends[code], ends[code + 1]

    def label(self, code: int, lang: str = "both") -> str:
        """What the bin is called in 'zh', 'en' or 'both'."""
        role = self.role(code)
        if role == "special":
            value, meaning = self.special[code - self.regular]
            return f"{level_text(value)} {meaning}".strip()
        if role in ("missing", "unseen"):
            return _in(MISSING if role == "missing" else UNSEEN, lang)
        if role == "levels":
            return _shortened(self.groups[code]) if self.groups else _in(ALL, lang)
        return self._range_label(code, lang)

    def told(self, code: int, lang: str) -> str:
        """The bin in a sentence: as `label`, but a special code by its meaning alone, in one language where it has two.

        >>> spec = BinSpec("income", "number", cuts=(30.0,), special=((-9.0, "未授权 not authorised"), (-8.0, "")))
        >>> spec.told(2, "en"), spec.told(2, "zh"), spec.told(3, "en"), spec.told(0, "en")
        ('not authorised', '未授权', '-8', '< 30')
        """
        if self.role(code) != "special":
            return self.label(code, lang)
        value, meaning = self.special[code - self.regular]
        return meaning_in(meaning, lang) or level_text(value)

    def words(self, lang: str) -> list[str]:
        """What every bin is called in a sentence, by its number."""
        return [self.told(code, lang) for code in range(self.size)]

    def _range_label(self, code: int, lang: str) -> str:
        if not self.cuts:
            return _in(ALL, lang)
        if self.form == "flag" and len(self.cuts) == 1:
            return _in(FLAGS[code], lang)
        lower, upper = (self.end_text(v) for v in self.bounds(code))
        if code == 0:
            return f"< {upper}"
        return f"≥ {lower}" if code == len(self.cuts) else f"[{lower}, {upper})"

    def end_text(self, value: float) -> str:
        """An edge as text: the date where the column holds dates, else the number that reads back exactly."""
        if not np.isfinite(value):
            return "∞" if value > 0 else "-∞"
        return day_text(value) if self.form == "date" else level_text(value) if abs(value) < 1e15 else repr(value)

    def to_dict(self) -> dict[str, Any]:
        """The spec as JSON types; floats read back exactly."""
        return {
            "name": self.name,
            "form": self.form,
            "cuts": list(self.cuts),
            "groups": [list(g) for g in self.groups],
            "special": [list(s) for s in self.special],
            "prefix": self.prefix,
            "parents": [list(p) for p in self.parents],
            "joins": [list(j) for j in self.joins],
            "sides": [side.to_dict() for side in self.sides],
        }

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> BinSpec:
        """The spec that `to_dict` wrote."""
        return cls(
            name=d["name"],
            form=d["form"],
            cuts=tuple(float(c) for c in d["cuts"]),
            groups=tuple(tuple(g) for g in d["groups"]),
            special=tuple((s[0], s[1]) for s in d["special"]),
            prefix=int(d.get("prefix", 0)),
            parents=tuple((p[0], int(p[1])) for p in d.get("parents", ())),
            joins=tuple((int(j[0]), int(j[1])) for j in d.get("joins", ())),
            sides=tuple(cls.from_dict(side) for side in d.get("sides", ())),
        )


def _in(labels: tuple[str, str], lang: str) -> str:
    return " ".join(labels) if lang == "both" else labels[lang == "en"]


def _shortened(names: tuple[str, ...]) -> str:
    text, shown = "", 0
    for name in names:
        longer = f"{text} | {name}" if text else name
        if shown and len(longer) > LABEL_WIDTH:
            break
        text, shown = longer, shown + 1
    return text if shown == len(names) else f"{text} … +{len(names) - shown}"
