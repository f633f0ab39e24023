"""The household file: what the bank knew of each household on a date, and nothing that it learned later.

`household_file` filters every table by the day on which a row became known, blanks what of a row came later still, and
leaves out what a household has not consented to. Features are made from it, never from the county itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import pandas as pd

from creditlab.checks import check_columns
from creditlab.data.erasure import stale
from creditlab.data.lineage import MOVE_COLUMNS, Lineage, lineage, placed, translated
from creditlab.data.schema import TABLES, Table
from creditlab.errors import ColumnError, InputError, message, some
from creditlab.results import Result, Stamp

#: tables that speak of villages or of the bank, and are kept whole in the file of few households
SHARED = ("villages", "service_points", "village_receipts", "offers", "interventions", "control_totals")


class KnownTables(Mapping[str, pd.DataFrame]):
    """The tables of a county as known on a date; each is filtered when first asked for."""

    def __init__(self, frames: Mapping[str, pd.DataFrame], as_of: pd.Timestamp, households: pd.Index | None) -> None:
        self._frames, self._as_of, self._households = frames, as_of, households
        self._known: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._known:
            self._known[name] = self._filter(name)
        return self._known[name].copy(deep=False)

    def _filter(self, name: str) -> pd.DataFrame:
        frame = latest_version(known_rows(self._frames[name], self._as_of), TABLES[name].keys)
        if name not in ("villages", "village_changes", "households"):
            frame = translated(frame, self.lineage)
        if self._households is not None and name not in SHARED:
            if "household_id" in frame:
                frame = frame[frame["household_id"].isin(self._households)]
            elif "note_id" in frame and "loans" in self._frames:
                frame = frame[frame["note_id"].isin(self["loans"]["note_id"])]
        return self._without_consent(name, blank_later(frame, TABLES[name].later, self._as_of))

    @cached_property
    def lineage(self) -> Lineage:
        """The changes of village codes that were known and in force on the date."""
        return lineage(self._frames, self._as_of)

    def _without_consent(self, name: str, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with the columns blanked that need a consent which the household has not given."""
        needing = [c.name for c in TABLES[name].columns if c.access == "consent" and c.name in frame.columns]
        if not needing or "household_id" not in frame.columns:
            return frame
        given = frame["household_id"].isin(self.consented(TABLES[name]).get(name, pd.Index([])))
        return frame if given.all() else frame.assign(**{c: frame[c].where(given) for c in needing})

    def consented(self, table: Table) -> dict[str, pd.Index]:
        """Source → households whose consent to it is on file, valid and not withdrawn, for the purpose of the table."""
        if "consents" not in self._frames:
            return {}
        purpose = "screening" if any(c.use == "screening" for c in table.columns) else "credit"
        papers = self["consents"]
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
    return frame[frame["known_on"] <= as_of]


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
    def consented(self) -> dict[str, pd.Index]:
        """Source → households whose consent to its use for credit is valid on the date of the file."""
        return self.tables.consented(TABLES["loans"])

    def trace(self, household: str, table: str | None = None) -> pd.DataFrame:
        """The source rows of a household that the file rests on: table, then the columns of the row as text.

        Parameters
        ----------
        household : its pseudonym.
        table : one table; None lists all that speak of the household.

        Raises
        ------
        ColumnError : for a household that is not in the file, or a table that is not there.
        """
        if household not in self.table.index:
            raise ColumnError(message("a household of this file", "another", "trace", "Give its pseudonym."))
        names = list(self.tables) if table is None else [table]
        unknown = [n for n in names if n not in self.tables]
        if unknown:
            raise ColumnError(
                message(
                    f"one of the tables {some(self.tables, 30)}",
                    some(unknown),
                    "trace",
                    "Tracing a single feature is not built yet: name the table that it reads.",
                )  # fmt: skip
            )
        parts = []
        for name in names:
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
    frames: Mapping[str, pd.DataFrame], as_of: pd.Timestamp, households: Iterable[str] | None = None
) -> HouseholdFile:
    """The file of all households (or of some) on a date, from the frames of a county."""
    if "households" not in frames:
        raise InputError(
            message("the table households", "none", "county folder", "Bring the census; it is the denominator.")
        )
    subset = None if households is None else pd.Index(sorted(set(households)))
    tables = KnownTables(frames, as_of, subset)
    census = tables["households"]
    check_columns(census, ["household_id", "village_id"], "households")
    census = census.sort_values("observed_on", kind="stable") if "observed_on" in census else census
    frame = census.drop_duplicates("household_id", keep="last").set_index("household_id").sort_index()
    frame = frame.drop(columns=["source", "port", "observed_on", "known_on"], errors="ignore")
    moves = placed(frame, frames, tables.lineage, as_of)
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
