"""The files of a county's folder become its tables: which file is which table, whose row is whose, in which village.

Files are taken in the order in which they need each other: the villages, which addresses are matched to; the register
and the census, which persons and names are matched to; then all others. Names, birth dates and addresses live only
while this runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from creditlab.data.addresses import Gazetteer
from creditlab.data.decisions import DECISION_COLUMNS, check_decisions, decide, numbered
from creditlab.data.door import Draft, draft, recognise
from creditlab.data.findings import finding
from creditlab.data.linking import PAIRS, link
from creditlab.data.schema import TABLES, Table
from creditlab.data.sources import ENDINGS, SourceTable, finish, read_table
from creditlab.data.texts import each_distinct
from creditlab.errors import MissingExtraError, UnreadableError, message

ADDRESS_COLUMNS = ["table", "file", "row", "how", "villages"]
OUTCOME_COLUMNS = ["table", "file", "row", "outcome", "household_id", "probability"]
#: the tables that others are matched to, in this order
FIRST = ("villages", "village_changes", "households", "members")


@dataclass
class Intake:
    """What came of a folder: tables, files of no table or not readable, and the lists that a person has to look at.

    `links` : a row per record without a number: table file row outcome household_id probability.
    `doubtful` : the candidates of what could not be linked surely, with comparison scores and without names, and the
        decisions of a person on them.
    `addresses` : the rows whose address named no village, or more than one.
    """

    tables: dict[str, SourceTable] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    links: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=OUTCOME_COLUMNS))
    doubtful: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["table", "file", *PAIRS, *DECISION_COLUMNS])
    )
    addresses: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=ADDRESS_COLUMNS))


def take_in(folder: Path, key: bytes | None, decisions: pd.DataFrame | None = None) -> Intake:
    """Read the tables of a folder.

    Parameters
    ----------
    decisions : what a person decided on doubtful links, see `creditlab.data.decisions`.

    Raises
    ------
    UnreadableError : two files for one table, a file that cannot be read.
    IdentityError : identity numbers without a key.
    """
    drafts, unknown, unreadable = _drafts(folder, key)
    done, lists = Intake(unknown=unknown, unreadable=unreadable), _Lists(decisions=decisions)
    if decisions is not None:
        check_decisions(decisions, {name: [one.file for one in listed] for name, listed in drafts.items()})
    around = _Around()
    for name in (*FIRST, *(n for n in TABLES if n not in FIRST)):
        if name in drafts:
            files = drafts.pop(name)  # the raw rows are let go as soon as their table is done
            for one in files:
                _place(one, around, lists)
                _own(one, around, lists)
            done.tables[name] = finish(files)
            around.learn(name, files, done.tables[name].frame)
            del files
    done.tables = {name: done.tables[name] for name in TABLES if name in done.tables}
    return lists.into(done)


# -- which file is which table -----------------------------------------------------------------------------------------


def _drafts(folder: Path, key: bytes | None) -> tuple[dict[str, list[Draft]], tuple[str, ...], tuple[str, ...]]:
    by_name: dict[str, list[Path]] = {}
    others: list[Path] = []
    for file in sorted(f for f in folder.iterdir() if f.is_file() and f.suffix.lower() in ENDINGS):
        table = named(file.stem)
        if table is None:
            others.append(file)
        else:
            by_name.setdefault(table.name, []).append(file)
    for name, files in by_name.items():
        if len(files) > 1:
            came = " and ".join(f.name for f in files)
            raise UnreadableError(message(f"one file for the table {name}", came, str(folder), "Remove one of them."))
    drafts = {name: [draft(read_table(f[0]), TABLES[name], key, f[0])] for name, f in by_name.items()}
    unknown, unreadable = [], []
    for file in others:
        try:
            frame = read_table(file)
        except UnreadableError:  # a note or a damaged file: listed, and the tables go on
            unreadable.append(file.name)
            continue
        table = recognise(frame.columns)
        if table is None or table.name in by_name:
            unknown.append(file.name)
            continue
        one = draft(frame, table, key, file)
        rule = (f"按表头识别为{table.zh}表", f"read as the table '{table.name}' by its headers")
        one.findings.insert(0, finding(table.name, "", *rule, "info", ()))
        drafts.setdefault(table.name, []).append(one)
    return drafts, tuple(unknown), tuple(unreadable)


def named(stem: str) -> Table | None:
    """The table that a file bears the name of, in English or Chinese."""
    return TABLES.get(stem) or next((t for t in TABLES.values() if t.zh == stem), None)


# -- what is known around a file ---------------------------------------------------------------------------------------


@dataclass
class _Around:
    """The villages, persons and households that rows are matched to, as far as they have been read."""

    gazetteer: Gazetteer | None = None
    village: pd.Series | None = None  # by household
    household: pd.Series | None = None  # by person
    register: pd.DataFrame | None = None

    def learn(self, name: str, drafts: Sequence[Draft], frame: pd.DataFrame) -> None:
        if name == "villages" and {"village_id", "name"} <= set(frame.columns):
            self.gazetteer = Gazetteer(frame)
        if name == "households" and {"household_id", "village_id"} <= set(frame.columns):
            last = frame.drop_duplicates("household_id", keep="last")
            self.village = last.set_index("household_id")["village_id"]
        if name == "members" and {"person_id", "household_id"} <= set(frame.columns):
            self.household = frame.drop_duplicates("person_id", keep="last").set_index("person_id")["household_id"]
            self.register = self._register(drafts)

    def _register(self, drafts: Sequence[Draft]) -> pd.DataFrame | None:
        """The persons with the names under which they are registered, for the rest of this reading."""
        parts = []
        for one in drafts:
            if "name" in one.clues and {"person_id", "household_id"} <= set(one.frame.columns):
                birth = one.clues["birth"] if "birth" in one.clues else pd.Series(None, one.frame.index, dtype="str")
                people = one.frame[["person_id", "household_id"]].astype("str")
                parts.append(people.assign(name=one.clues["name"], birth=birth))
        if not parts:
            return None
        people = pd.concat(parts, ignore_index=True).dropna(subset=["person_id", "household_id", "name"])
        village = people["household_id"].map(self.village) if self.village is not None else None
        return people.assign(village=village).drop_duplicates("person_id", ignore_index=True)


@dataclass
class _Lists:
    links: list[pd.DataFrame] = field(default_factory=list)
    doubtful: list[pd.DataFrame] = field(default_factory=list)
    addresses: list[pd.DataFrame] = field(default_factory=list)
    decisions: pd.DataFrame | None = None

    def on(self, one: Draft) -> pd.DataFrame:
        """The decisions on the rows of a file."""
        if self.decisions is None:
            return pd.DataFrame()
        mine = (self.decisions["table"] == one.table.name) & (self.decisions["file"] == one.file)
        return self.decisions[mine]

    def into(self, done: Intake) -> Intake:
        for name in ("links", "doubtful", "addresses"):
            parts = getattr(self, name)
            if parts:
                setattr(done, name, pd.concat(parts, ignore_index=True)[list(getattr(done, name).columns)])
        return done


def _place(one: Draft, around: _Around, lists: _Lists) -> None:
    """The village of each row by its address, where the file has no code; kept as a clue for other tables."""
    if around.gazetteer is None or "address" not in one.clues:
        return
    matched = around.gazetteer.match(one.clues["address"])
    one.clues["village"] = matched.table["village_id"].to_numpy()
    lists.addresses.append(matched.unmatched().assign(table=one.table.name, file=one.file))
    if "village_id" in one.table.names and "village_id" not in one.frame.columns:
        one.frame = one.frame.assign(village_id=one.clues["village"].to_numpy())
        rule = ("地址未能匹配到村：列出待人工核对", "address matched to no village, or to several: listed")
        unplaced = matched.table["village_id"].isna()
        if unplaced.any():
            one.findings.append(finding(one.table.name, "village_id", *rule, "warning", unplaced))


def _own(one: Draft, around: _Around, lists: _Lists) -> None:
    """The household of each row: by the person's number, by the register, or, without a number, by name."""
    names = set(one.table.names)
    if "birth_year" in names and "birth_year" not in one.frame.columns and "birth" in one.clues:
        born = pd.to_datetime(one.clues["birth"], errors="coerce", format="mixed")
        one.frame = one.frame.assign(birth_year=born.dt.year)
    if one.table.name in FIRST or "household_id" not in names:
        return
    if "household_id" not in one.frame.columns and "person_id" in one.frame.columns and around.household is not None:
        one.frame = one.frame.assign(household_id=one.frame["person_id"].map(around.household))
    if "household_id" in one.frame.columns:
        one.frame = one.frame.assign(household_id=_of_members(one, around))
    _by_name(one, around, lists)


def _of_members(one: Draft, around: _Around) -> pd.Series:
    """A number of another member than the head stands for the household of the register."""
    given = one.frame["household_id"].astype("str")
    register = around.household
    if register is None:
        return given

    def home_of(number: pd.Series) -> pd.Series:
        home = ("P" + number.str[1:]).map(register)
        return number.where(~(home.notna() & number.str.startswith("H")), home)

    homes = each_distinct(given, home_of)
    if homes is not given:
        member = homes.notna() & homes.ne(given)
        rule = ("成员证件号：归入户籍所在户", "number of a member: taken for the household of the register")
        one.findings.append(finding(one.table.name, "household_id", *rule, "info", member))
    return homes


def _by_name(one: Draft, around: _Around, lists: _Lists) -> None:
    frame, clues = one.frame, one.clues
    missing = frame["household_id"].isna() if "household_id" in frame else pd.Series(True, index=frame.index)
    if not missing.any() or "name" not in clues or around.register is None:
        return
    rows = np.flatnonzero(missing)
    asked = pd.DataFrame({c: clues[c].iloc[rows] for c in ("name", "birth", "village") if c in clues})
    try:
        found = link(asked, around.register)
    except MissingExtraError:
        rule = ("缺少扩展包link：未按姓名匹配", "rows without a number not linked: install creditlab[link]")
        one.findings.append(finding(one.table.name, "household_id", *rule, "error", missing))
        return
    decided, unused, torn = decide(numbered(found, rows), lists.on(one))
    home = frame["household_id"] if "household_id" in frame else pd.Series(None, frame.index)
    home = home.astype(object)
    home.iloc[rows] = decided.table["household_id"].to_numpy(dtype=object)
    one.frame = frame.assign(household_id=home)
    origin = {"table": one.table.name, "file": one.file}
    lists.links.append(decided.table.assign(**origin))
    lists.doubtful.append(decided.pairs.assign(**origin))
    one.findings += _link_findings(one, decided.table["outcome"].to_numpy(), rows)
    one.findings += _decision_findings(one, unused, torn)


def _decision_findings(one: Draft, unused: int, torn: int) -> list[dict[str, Any]]:
    found = []
    if unused:
        rule = (f"{unused}条人工判定与现有待判对不符：未采用", f"{unused} decisions fit no doubtful pair: not applied")
        found.append(finding(one.table.name, "household_id", *rule, "warning", ()))
    if torn:
        rule = (
            f"{torn}条记录被判为两户的同一人：未采用，请改判",
            f"{torn} records decided to be the same as persons of two households: not applied, decide again",
        )
        found.append(finding(one.table.name, "household_id", *rule, "error", ()))
    return found


def _link_findings(one: Draft, outcome: np.ndarray, rows: np.ndarray) -> list[dict[str, Any]]:
    words: Mapping[str, tuple[str, str, str]] = {
        "linked": ("无证件号：按姓名、出生日期、村匹配", "no number: linked by name, birth date and village", "info"),
        "doubtful": ("无证件号且不能确定：列出待人工核对", "no number, and not sure: listed for a person", "warning"),
        "decided same": ("无证件号：人工判定为同一人", "no number: a person decided who it is", "info"),
        "decided different": (
            "无证件号：人工判定非所列之人，剔除",
            "no number: a person decided that it is nobody listed, left out",
            "warning",
        ),
        "none": ("无证件号且无匹配：剔除", "no number and nobody like it: left out", "warning"),
    }
    found = []
    for kind, (zh, en, severity) in words.items():
        marks = np.zeros(len(one.frame), dtype=bool)
        marks[rows[outcome == kind]] = True
        if marks.any():
            found.append(finding(one.table.name, "household_id", zh, en, severity, marks))
    return found
