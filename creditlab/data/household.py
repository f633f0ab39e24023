"""The household file: what the bank knew of each household on a date, and nothing that it learned later.

`household_file` filters every table by the day on which a row became known, blanks what of a row came later still, and
leaves out what a household has not consented to. Features are made from it, never from the county itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import pandas as pd

from creditlab.checks import check_columns
from creditlab.data.erasure import stale
from creditlab.data.lineage import MOVE_COLUMNS, Lineage, lineage, placed, translated
from creditlab.data.schema import TABLES, Table
from creditlab.data.texts import among
from creditlab.errors import ColumnError, InputError, message
from creditlab.results import Result, Stamp

#: tables that speak of villages or of the bank, and are kept whole in the file of few households
SHARED = ("villages", "service_points", "village_receipts", "offers", "interventions", "control_totals")


class KnownTables(Mapping[str, pd.DataFrame]):
    """The tables of a county as known on a date; each is filtered when first asked for."""

    def __init__(
        self,
        frames: Mapping[str, pd.DataFrame],
        as_of: pd.Timestamp,
        households: pd.Index | None,
        whole: KnownTables | None = None,
    ) -> None:
        self._frames, self._as_of, self._households, self._whole = frames, as_of, households, whole
        self._known: dict[str, pd.DataFrame] = {}
        self._consents: dict[str, dict[str, pd.Index]] = {}

    @property
    def frames(self) -> Mapping[str, pd.DataFrame]:
        """The tables of the county as they were read, with what became known later."""
        return self._frames

    @property
    def subset(self) -> pd.Index | None:
        """The households that the tables are cut to; None for all."""
        return self._households

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._known:
            self._known[name] = self._filter(name)
        return self._known[name].copy(deep=False)

    def __contains__(self, name: object) -> bool:
        return name in self._frames  # a mapping's own way would filter the table to say that it is there

    def columns(self, name: str) -> pd.Index:
        """The columns of a table, without filtering it."""
        return self._frames[name].columns

    def part(self, name: str, columns: Iterable[str]) -> pd.DataFrame:
        """Some columns of a table, besides its keys and dates, filtered and not kept: what a large county needs."""
        if name in self._known:
            frame = self._known[name]
            return frame[[c for c in frame.columns if c in set(columns)]]
        contract = TABLES[name]
        needed = {*columns, *contract.keys, *contract.later, "known_on", "household_id", "note_id"}
        frame = self._frames[name]
        return self._filtered(name, frame[[c for c in frame.columns if c in needed]])

    def _filter(self, name: str) -> pd.DataFrame:
        if self._whole is not None:
            return self._cut(name, self._whole[name])
        return self._filtered(name, self._frames[name])

    def _filtered(self, name: str, frame: pd.DataFrame) -> pd.DataFrame:
        frame = latest_version(known_rows(frame, self._as_of), TABLES[name].keys)
        if name not in ("villages", "village_changes", "households"):
            frame = translated(frame, self.lineage)
        frame = self._cut(name, frame)
        return self._without_consent(name, blank_later(frame, TABLES[name].later, self._as_of))

    def _cut(self, name: str, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of the households that the file is of."""
        if self._households is not None and name not in SHARED:
            if "household_id" in frame:
                frame = frame[among(frame["household_id"], self._households)]
            elif "note_id" in frame and "loans" in self._frames:
                frame = frame[among(frame["note_id"], self["loans"]["note_id"])]
        return frame

    @cached_property
    def lineage(self) -> Lineage:
        """The changes of village codes that were known and in force on the date."""
        return lineage(self._frames, self._as_of)

    def _without_consent(self, name: str, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with the columns blanked that need a consent which the household has not given."""
        needing = [c.name for c in TABLES[name].columns if c.access == "consent" and c.name in frame.columns]
        if not needing or "household_id" not in frame.columns:
            return frame
        given = among(frame["household_id"], self.consented(TABLES[name]).get(name, pd.Index([])))
        return frame if given.all() else frame.assign(**{c: frame[c].where(given) for c in needing})

    def consented(self, table: Table) -> dict[str, pd.Index]:
        """Source → households whose consent to it is on file, valid and not withdrawn, for the purpose of the table."""
        if "consents" not in self._frames:
            return {}
        purpose = "screening" if any(c.use == "screening" for c in table.columns) else "credit"
        if purpose not in self._consents:
            self._consents[purpose] = self._of_purpose(purpose)
        return self._consents[purpose]

    def _of_purpose(self, purpose: str) -> dict[str, pd.Index]:
        named = ("household_id", "covers", "purpose", "given_on", "valid_to", "withdrawn_on")
        papers = self.part("consents", named)
        valid = (papers["given_on"] <= self._as_of) & (papers["valid_to"] >= self._as_of)
        valid &= papers["withdrawn_on"].isna() & papers["purpose"].eq(purpose)
        return {str(name): pd.Index(rows["household_id"].unique()) for name, rows in papers[valid].groupby("covers")}

    def __iter__(self) -> Iterator[str]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)


def known_rows(frame: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """The rows that the bank knew at the end of a day."""
    if "known_on" not in frame.columns:
        return frame
    known = frame["known_on"] <= as_of
    return frame if known.all() else frame[known]


def latest_version(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """The last known version of each row: a correction replaces what it corrects from the day on which it is known."""
    if "known_on" not in frame.columns or not set(keys) <= set(frame.columns) or not frame.duplicated(list(keys)).any():
        return frame
    last = frame.sort_values("known_on", kind="stable").drop_duplicates(list(keys), keep="last")
    return last.sort_index()


def blank_later(frame: pd.DataFrame, later: Mapping[str, tuple[str, ...]], as_of: pd.Timestamp) -> pd.DataFrame:
    """The frame with the columns blanked that are known only from a later date of their row on."""
    for day, columns in later.items():
        if day in frame.columns:
            unknown = ~(frame[day] <= as_of)
            if unknown.any():
                hidden = {c: frame[c].mask(unknown) for c in columns if c in frame.columns}
                frame = frame.assign(**hidden)
    return frame


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class HouseholdFile(Result):
    """One row per household: the latest census row that was known, indexed by household_id.

    `moves` are the households whose village was merged or split, and how each was placed; see `creditlab.data.lineage`.
    """

    title: ClassVar[str] = "Household file 一户一档"

    as_of: pd.Timestamp
    tables: KnownTables
    moves: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=MOVE_COLUMNS))

    @property
    def frame(self) -> pd.DataFrame:
        """One row per household, index household_id."""
        return self.table

    @cached_property
    def whole(self) -> HouseholdFile:
        """The file of all households of the county on the same date: what a mean over a village is made from."""
        return self if self.tables.subset is None else household_file(self.tables.frames, self.as_of)

    def only(self, households: Iterable[str]) -> HouseholdFile:
        """The file of some of the households, on the same date."""
        return household_file(self.tables.frames, self.as_of, households, whole=self.whole.tables)

    @cached_property
    def consented(self) -> dict[str, pd.Index]:
        """Source → households whose consent to its use for credit is valid on the date of the file."""
        return self.tables.consented(TABLES["loans"])

    def trace(self, household: str, feature: str | None = None) -> pd.DataFrame:
        """The source rows of a household that a feature, a table or the whole file rests on.

        Parameters
        ----------
        household : its pseudonym.
        feature : a feature of the plan: the rows that its window holds, with the columns that it reads; or a table:
            its rows with all columns; None lists all tables.

        Returns
        -------
        DataFrame : table, row (number of the row in the table as it was read), then the columns of the row as text. For
            a feature also `value`, what the feature is, in its attribute `attrs["value"]`, and `observed_on`,
            `known_on`, `source`, `port` of each row.

        Raises
        ------
        ColumnError : for a household that is not in the file, or a feature or table that is not there.

        >>> from creditlab.data.world import make_county
        >>> county = make_county(12, seed=1, households_per_village=20)
        >>> file = household_file(county.tables, pd.Timestamp("2023-12-31"))
        >>> file.trace(file.frame.index[0], "deposit_end")["table"].unique().tolist()
        ['deposits']
        """
        if household not in self.table.index:
            raise ColumnError(message("a household of this file", "another", "trace", "Give its pseudonym."))
        if feature is not None and feature not in self.tables:
            # the one upward edge of this area: a file answers for the features that are made from it
            return importlib.import_module("creditlab.features.tracing").trace(self, household, feature)
        parts = []
        for name in list(self.tables) if feature is None else [feature]:
            rows = self.tables[name]
            if "household_id" in rows.columns:
                rows = rows[rows["household_id"] == household]
                fields = rows.drop(columns="household_id").astype("str")
                parts += [
                    {"table": name, "row": int(i), **dict(f)}
                    for i, f in zip(rows.index, fields.to_dict("records"), strict=True)
                ]
        return pd.DataFrame(parts)

    def erase(self, person: str, outputs: Iterable[Any] = (), plan: Iterable[Any] = ()) -> pd.DataFrame:
        """What a withdrawal of consent makes stale: rows, features, models, scores and reports that hold a person.

        Parameters
        ----------
        person : pseudonym of a person or a household.
        outputs : folders that a study wrote, to be looked through.
        plan : the features, such as `creditlab.features.PLAN`.

        Returns
        -------
        DataFrame : kind name columns rows consent do do_zh; see `creditlab.data.erasure.stale`. Nothing is deleted.
        """
        return stale(self, person, outputs, plan)


def household_file(
    frames: Mapping[str, pd.DataFrame],
    as_of: pd.Timestamp,
    households: Iterable[str] | None = None,
    whole: KnownTables | None = None,
) -> HouseholdFile:
    """The file of all households (or of some) on a date, from the frames of a county.

    `whole` are the tables of the file of all households on the same date, where they are at hand: they are only cut.
    """
    if "households" not in frames:
        raise InputError(
            message("the table households", "none", "county folder", "Bring the census; it is the denominator.")
        )
    subset = None if households is None else pd.Index(sorted(set(households)))
    tables = KnownTables(frames, as_of, subset, whole)
    check_columns(tables["households"], ["household_id", "village_id"], "households")
    frame = _census(tables["households"])
    moves = placed(frame, frames, tables.lineage, as_of)
    if len(moves) and subset is not None:  # where most of a split village went is a question of all its households
        everybody = _census((whole or KnownTables(frames, as_of, None))["households"])
        moves = placed(everybody, frames, tables.lineage, as_of)
        moves = moves[moves["household_id"].isin(frame.index)].reset_index(drop=True)
    if len(moves):
        frame = frame.assign(village_id=frame["village_id"].mask(frame.index.isin(moves["household_id"])))
        frame["village_id"] = frame["village_id"].fillna(moves.set_index("household_id")["successor_id"]).astype("str")
    return HouseholdFile(
        table=frame,
        as_of=as_of,
        tables=tables,
        moves=moves,
        stamp=Stamp.of(frame, {"as_of": str(as_of.date())}),
        facts={"as_of": str(as_of.date()), "households": len(frame), "villages": frame["village_id"].nunique()},
    )


def _census(rows: pd.DataFrame) -> pd.DataFrame:
    """The latest census row of each household, index household_id."""
    rows = rows.sort_values("observed_on", kind="stable") if "observed_on" in rows else rows
    frame = rows.drop_duplicates("household_id", keep="last").set_index("household_id").sort_index()
    return frame.drop(columns=["source", "port", "observed_on", "known_on"], errors="ignore")
