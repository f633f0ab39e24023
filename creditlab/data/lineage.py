"""Villages that merge, split and take new codes: no household is lost, and each is counted once.

The table `village_changes` says which village followed which, and from when. A household of a merged village goes to
the village that took it. One of a split village goes where its own later record says (the register, or what it stated
at a visit), and, where none says, to the village that took most of the others; how each was placed is listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from creditlab.data.findings import finding

MOVE_COLUMNS = ["household_id", "village_id", "successor_id", "how"]
#: tables that say themselves which codes hold when
_OF_CODES = ("villages", "village_changes")
_TABLE = "village_changes"


@dataclass(frozen=True)
class Lineage:
    """The changes of village codes that were known and in force on a day.

    `successors` : village code → the codes that follow it, the main one first (the one that takes what cannot be told).
    """

    successors: Mapping[str, tuple[str, ...]]

    @property
    def ended(self) -> frozenset[str]:
        """Codes that are no longer in force."""
        return frozenset(self.successors)

    def main(self, codes: pd.Series) -> pd.Series:
        """The code in force for each code, the main successor of a village that was split."""
        follow = {code: self._last(code) for code in self.successors}
        return codes.map(lambda c: follow.get(c, c), na_action="ignore").astype("str") if follow else codes

    def heirs(self, code: str) -> frozenset[str]:
        """All codes in force that a code became."""
        if code not in self.successors:
            return frozenset([code])
        return frozenset().union(*(self.heirs(s) for s in self.successors[code]))

    def _last(self, code: str) -> str:
        seen = {code}
        while code in self.successors:
            code = self.successors[code][0]
            if code in seen:  # a ring of changes: the file says that each followed the other
                break
            seen.add(code)
        return code


def lineage(frames: Mapping[str, pd.DataFrame], day: pd.Timestamp) -> Lineage:
    """The lineage of the codes on a day, from the tables of a county: rows known and in force by then."""
    needed = {"village_id", "successor_id", "changed_on"}
    if _TABLE not in frames or not needed <= set(frames[_TABLE].columns):
        return Lineage({})
    rows = frames[_TABLE]
    rows = rows[(rows["changed_on"] <= day) & (rows["village_id"] != rows["successor_id"])]
    rows = rows[rows["known_on"] <= day] if "known_on" in rows else rows
    if not len(rows):
        return Lineage({})
    size = _households_of(frames, day)
    followed: dict[str, tuple[str, ...]] = {}
    for code, group in rows.groupby("village_id", sort=True):
        last = group[group["changed_on"] == group["changed_on"].max()]
        new = sorted(set(last["successor_id"]), key=lambda c: (-size.get(c, 0), c))
        followed[str(code)] = tuple(new)
    return Lineage(_without_rings(followed))


def _without_rings(followed: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """A code that comes back as its own successor stays in force: the faulty change is left out."""

    def back(code: str, start: str, seen: frozenset[str]) -> bool:
        return any(n == start or (n not in seen and back(n, start, seen | {n})) for n in followed.get(code, ()))

    return {code: new for code, new in followed.items() if not back(code, code, frozenset())}


def _households_of(frames: Mapping[str, pd.DataFrame], day: pd.Timestamp) -> dict[str, int]:
    """Households that are written under each code by then."""
    if "households" not in frames or "village_id" not in frames["households"]:
        return {}
    homes = frames["households"]
    homes = homes[homes["known_on"] <= day] if "known_on" in homes else homes
    return {str(k): int(v) for k, v in homes["village_id"].value_counts().items()}


def placed(census: pd.DataFrame, frames: Mapping[str, pd.DataFrame], line: Lineage, day: pd.Timestamp) -> pd.DataFrame:
    """The households whose village code is no longer in force, and where each belongs now.

    Parameters
    ----------
    census : index household_id, column village_id.
    frames : the tables of the county, for what households had stated at visits by that day.

    Returns
    -------
    DataFrame : household_id village_id successor_id how, where `how` is `merged`, `stated` (at a visit after the split)
        or `most of the village`.
    """
    old = census["village_id"][census["village_id"].isin(line.ended)]
    if not len(old):
        return pd.DataFrame(columns=MOVE_COLUMNS)
    heirs = {code: line.heirs(code) for code in old.unique()}
    stated = _stated(frames, day)
    rows: list[tuple[Any, ...]] = []
    for home, code in old.items():
        said = stated.get(home)
        if len(heirs[code]) == 1:
            rows.append((home, code, next(iter(heirs[code])), "merged"))
        elif said in heirs[code]:
            rows.append((home, code, said, "stated"))
        else:
            rows.append((home, code, None, "most of the village"))
    table = pd.DataFrame(rows, columns=MOVE_COLUMNS)
    unsure = table["successor_id"].isna()
    most = table[~unsure].groupby("village_id")["successor_id"].agg(lambda s: s.value_counts().index[0])
    main = line.main(table["village_id"])
    table["successor_id"] = table["successor_id"].fillna(table["village_id"].map(most)).fillna(main).astype("str")
    return table


def _stated(frames: Mapping[str, pd.DataFrame], day: pd.Timestamp) -> dict[Any, Any]:
    rows = frames["collection_log"] if "collection_log" in frames else pd.DataFrame()
    if not {"household_id", "stated_village_id", "requested_on"} <= set(rows.columns):
        return {}
    rows = rows[rows["known_on"] <= day] if "known_on" in rows else rows
    last = rows[rows["stated_village_id"].notna()].sort_values("requested_on", kind="stable")
    return dict(last.drop_duplicates("household_id", keep="last")[["household_id", "stated_village_id"]].to_numpy())


def in_villages_of(
    frames: Mapping[str, pd.DataFrame], day: pd.Timestamp
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """The tables of a county with the village codes in force on a day, for a study that looks back over changes.

    Returns
    -------
    (tables, moves) : every `village_id` and `stated_village_id` as of that day; of the table of villages the codes in
        force, those that are new with the record of the largest village that they came from for the time before them;
        and how each household was placed (`placed`).
    """
    line = lineage(frames, day)
    if not line.successors:
        return dict(frames), pd.DataFrame(columns=MOVE_COLUMNS)
    homes = frames["households"]
    known = homes[homes["known_on"] <= day].sort_values("known_on", kind="stable") if "known_on" in homes else homes
    census = known.drop_duplicates("household_id", keep="last").set_index("household_id")[["village_id"]]
    moves = placed(census, frames, line, day)
    now = census["village_id"].copy()
    now.loc[moves["household_id"]] = moves["successor_id"].to_numpy()
    made = {name: translated(frame, line) if name not in _OF_CODES else frame for name, frame in frames.items()}
    # a household belongs where it belongs today, in its earlier records too
    made["households"] = homes.assign(village_id=homes["household_id"].map(now).astype("str"))
    if "villages" in frames:
        made["villages"] = _villages(frames["villages"], line, now)
    return made, moves


def translated(frame: pd.DataFrame, line: Lineage) -> pd.DataFrame:
    """A table with its village codes in force: of a split village those of the main successor.

    What a household stated of a village that was split since says nothing of where in it the household lives.
    """
    if not line.successors:
        return frame
    if "village_id" in frame.columns:
        frame = frame.assign(village_id=line.main(frame["village_id"]))
    if "stated_village_id" in frame.columns:
        split = frame["stated_village_id"].isin([c for c in line.ended if len(line.heirs(c)) > 1])
        frame = frame.assign(stated_village_id=line.main(frame["stated_village_id"]).mask(split))
    return frame


def _villages(villages: pd.DataFrame, line: Lineage, now: pd.Series) -> pd.DataFrame:
    """The codes in force, with a record for the time before a code was new."""
    kept = villages[~villages["village_id"].isin(line.ended)]
    size = now.value_counts()
    before = []
    old = villages[villages["village_id"].isin(line.ended)].drop_duplicates("village_id", keep="last")
    for new in sorted(frozenset().union(*(line.heirs(c) for c in line.ended)) - set()):
        parents = old[[new in line.heirs(c) for c in old["village_id"]]]
        if len(parents):
            largest = (
                parents.sort_values("census_households").iloc[-1:] if "census_households" in parents else parents[-1:]
            )
            record = largest.assign(village_id=new)
            if "census_households" in record:
                record["census_households"] = int(size.get(new, 0))
            before.append(record)
    return pd.concat([*before, kept], ignore_index=True).drop_duplicates(["village_id", "valid_from"], keep="last")


def move_findings(moves: pd.DataFrame) -> list[dict[str, Any]]:
    """How many households were placed by each rule, as findings of the table of changes."""
    words = {
        "merged": ("并村：归入合并后的村", "households of merged villages: in the village that followed", "info"),
        "stated": ("分村：按本户自述归村", "households of split villages: where they stated to live", "info"),
        "most of the village": (
            "分村：无记录，随多数户",
            "households of split villages without a record: with most others",
            "warning",
        ),
    }
    found = []
    for how, (zh, en, severity) in words.items():
        marks = (moves["how"] == how).to_numpy()
        if marks.any():
            found.append(finding(_TABLE, "village_id", zh, en, severity, marks))
    return found
