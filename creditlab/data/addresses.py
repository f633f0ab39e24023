"""Free-text addresses matched to village codes: bank tapes carry addresses, not codes.

A `Gazetteer` is made of the table of villages. An address names a village by its name, with or without 村, under an
old or a new name, misspelt by a character that is read the same; a township in the address decides between villages of
one name. What names no village, or more than one, is listed and not guessed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from creditlab.checks import check_columns
from creditlab.data.names import readings

_ENDINGS = ("村民委员会", "村委会", "新村", "村", "社区", "屯", "庄")
#: a name of one character is in every second address
_SHORTEST = 2


@dataclass(frozen=True)
class Matched:
    """What became of addresses: `table` has a row per address in their order: village_id, how (`name`, `read_alike`,
    `unmatched`, `ambiguous`) and how many villages were meant."""

    table: pd.DataFrame

    @property
    def rate(self) -> float:
        """Share of the addresses that name one village."""
        return float(self.table["village_id"].notna().mean()) if len(self.table) else float("nan")

    def unmatched(self) -> pd.DataFrame:
        """Row numbers of the addresses that named no village or more than one; the address itself is not shown."""
        open_rows = self.table[self.table["village_id"].isna()]
        return open_rows.reset_index(names="row")[["row", "how", "villages"]]


class Gazetteer:
    """The names of villages and townships of a county, ready to match addresses."""

    def __init__(self, villages: pd.DataFrame) -> None:
        check_columns(villages, ["village_id", "name"], "villages")
        self._names: dict[str, set[str]] = {}
        self._townships: dict[str, set[str]] = {}
        for row in villages.dropna(subset=["village_id", "name"]).itertuples():
            for name in _forms(str(row.name)):
                self._names.setdefault(name, set()).add(row.village_id)
            town = getattr(row, "township", None)
            if isinstance(town, str):
                self._townships.setdefault(_clean(town), set()).add(row.village_id)
        self._longest = max(map(len, self._names), default=0)
        self._read: dict[str, set[str]] | None = None

    def match(self, addresses: Iterable[object]) -> Matched:
        """The village of each address.

        Parameters
        ----------
        addresses : texts; a missing address is unmatched.

        >>> places = {"village_id": ["1", "2"], "name": ["东山村", "西河村"], "township": ["甲乡", "乙乡"]}
        >>> Gazetteer(pd.DataFrame(places)).match(["甲乡东山12号", "西河村", "幸福路3号"]).table["village_id"].tolist()
        ['1', '2', nan]
        """
        listed = pd.Series(list(addresses), dtype="object")
        texts = listed.map(lambda a: _clean(a) if isinstance(a, str) else "")
        known = {text: self._one(text) for text in texts.unique()}
        found = [known[text] for text in texts]
        table = pd.DataFrame(found, columns=["village_id", "how", "villages"])
        return Matched(table.astype({"village_id": "str", "how": "str"}))

    def _one(self, text: str) -> tuple[str | None, str, int]:
        inside = self._township(text)
        rest = text if inside is None else text.replace(inside[0], "", 1)
        within = None if inside is None else inside[1]
        for names, spoken, how in ((self._names, rest, "name"), (None, rest, "read_alike")):
            meant = self._longest_name(names, spoken, within)
            if len(meant) == 1:
                return next(iter(meant)), how, 1
            if meant:
                return None, "ambiguous", len(meant)
        return None, "unmatched", 0

    def _township(self, text: str) -> tuple[str, set[str]] | None:
        there = [t for t in self._townships if t and t in text]
        longest = max(there, key=len, default=None)
        return None if longest is None else (longest, self._townships[longest])

    def _longest_name(self, names: dict[str, set[str]] | None, text: str, within: set[str] | None) -> set[str]:
        """The villages of the longest name in a text, of those within a township where one is named."""
        for size in range(min(self._longest, len(text)), _SHORTEST - 1, -1):
            parts = [text[i : i + size] for i in range(len(text) - size + 1)]
            parts = [p for p in parts if not p.isdigit()]
            meant: set[str] = set()
            if names is not None:
                meant = set().union(*(names.get(p, set()) for p in parts))
            elif parts and within is not None:  # a misspelt name counts only where the township is right
                read = self._readings()
                meant = set().union(*(read.get(r, set()) for r in readings(parts, tones=False)))
            meant = meant if within is None else meant & within
            if meant:
                return meant
        return set()

    def _readings(self) -> dict[str, set[str]]:
        if self._read is None:
            self._read = {}
            for name, spoken in zip(self._names, readings(self._names, tones=False), strict=True):
                self._read.setdefault(spoken, set()).update(self._names[name])
        return self._read


def _clean(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text)
    return "".join(c for c in plain if c.isalnum())


def _forms(name: str) -> set[str]:
    """The forms under which a village is named: as registered, without its ending, with 新村."""
    plain = _clean(name)
    stems = {plain.removesuffix(e) for e in _ENDINGS if plain.endswith(e)} or {plain}
    forms = {plain, *stems, *(s + "村" for s in stems), *(s + "新村" for s in stems)}
    return {f for f in forms if len(f) >= _SHORTEST}
