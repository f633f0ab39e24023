"""What was known, cut to what a feature may read: the tables of a household file up to its date.

`Known` selects rows once for all features (windows, latest rows, open notes); a `View` of it shows one feature the
columns that it declares, besides keys and dates. Nothing is looked at whose event lies after the date of the file.
In every frame the column `household` is the row number of the household in the file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_columns
from creditlab.data.schema import PROVENANCE, TABLES
from creditlab.errors import PolicyError, message
from creditlab.features.spec import Feature

#: months after which the latest row of a yearly table is too old to speak of today
LATEST_MONTHS = 36
#: months after which an account without a new row counts as closed
DORMANT_MONTHS = 6
#: tables that speak of villages even where a row names a household
_OF_VILLAGES = ("village_receipts",)
_PROVENANCE = tuple(c.name for c in PROVENANCE)


def month_number(days: pd.Series | pd.Timestamp) -> Any:
    """Months since the year 0, so that windows are differences of whole numbers."""
    return days.dt.year * 12 + days.dt.month if isinstance(days, pd.Series) else days.year * 12 + days.month


class Known:
    """The tables of one household file up to its date; selections are made when first asked for."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.as_of: pd.Timestamp = pd.Timestamp(file.as_of)
        self.census: pd.DataFrame = file.frame
        self.households: pd.Index = self.census.index
        self.rows_of_file = pd.RangeIndex(len(self.households))
        self._made: dict[Any, Any] = {}

    def once(self, make: Callable[..., Any], *args: Any) -> Any:
        """What `make(self, *args)` gives, computed once."""
        key = (make, *args)
        if key not in self._made:
            self._made[key] = make(self, *args)
        return self._made[key]

    def has(self, feature: Feature) -> bool:
        """Whether all tables and columns that a feature reads are in this county."""
        there = all(t == "households" or t in self.file.tables for t in feature.tables)
        return there and all(
            column in (self.census if table == "households" else self.file.tables[table]).columns
            for table, _, column in (r.partition(".") for r in feature.reads)
        )

    def consented(self, source: str) -> np.ndarray:
        """Whether each household's consent to a source is valid."""
        return self.once(_consented, source)

    def present(self, table: str) -> np.ndarray:
        """Whether a table has a row of each household."""
        return self.once(_present, table)

    def not_connected(self, source: str) -> np.ndarray:
        """Whether the last request to a source for each household ended with 'not connected'."""
        return _marked(self, self.once(_unconnected).get(source, []))

    def view(self, feature: Feature) -> View:
        """What one feature may see."""
        return View(self, feature)


class View:
    """The rows of a file with the columns that one feature declares, besides keys and dates.

    Every frame has `household`, the row number in the file. `as_of` is the date of the file.
    """

    def __init__(self, known: Known, feature: Feature) -> None:
        self._known, self._feature = known, feature
        self.as_of = known.as_of
        self.village: pd.Series = known.census["village_id"].reset_index(drop=True)

    def rows(self, table: str) -> pd.DataFrame:
        """The rows of a table with an event on the date of the file or before."""
        return self._shown(self._known.once(_rows, table), table)

    def recent(self, table: str, months: int) -> pd.DataFrame:
        """The rows of a table whose event lies in the last months before the date of the file."""
        return self._shown(self._known.once(_recent, table, months), table)

    def latest(self, table: str, months: int = LATEST_MONTHS, by: str = "household") -> pd.DataFrame:
        """The rows of the latest event of each household (or other unit), not older than some months."""
        return self._shown(self._known.once(_latest, table, months, by), table)

    def last_year(self, table: str) -> pd.DataFrame:
        """The rows of the 12 months to each household's last known month end; `age` is 0 in the last month.

        The last month end before the date of the file is often not known yet; a window that ends where a household's
        own record ends always holds a whole year with its harvest.
        """
        return self._shown(self._known.once(_last_year, table), table, "age")

    def census(self) -> pd.DataFrame:
        """The census row of each household."""
        frame = self._known.census.reset_index()
        return self._shown(frame.assign(household=self._known.rows_of_file), "households")

    def notes(self) -> pd.DataFrame:
        """The notes that persons of the household drew; organisations have their own file."""
        return self._shown(self._known.once(_notes), "loans")

    def note_months(self, months: int | None = None) -> pd.DataFrame:
        """The month ends of these notes, of the last months or all."""
        return self._shown(self._known.once(_note_months, months), "loan_months")

    def reported(self) -> pd.DataFrame:
        """These notes at the last month end that the bank has closed."""
        return self._shown(self._known.once(_reported), "loan_months")

    def open_notes(self) -> pd.DataFrame:
        """The notes that are open, with `owed`: the balance at the last closed month end, the amount if drawn since."""
        for needed in ("loan_months.balance", "loans.amount"):
            if needed not in self._feature.reads:
                raise self._undeclared(needed)
        return self._shown(self._known.once(_open_notes), "loans", "owed")

    def of_village(self, facts: pd.Series) -> pd.Series:
        """The facts of villages, carried to their households."""
        return self.village.map(facts).dropna()

    def has(self, table: str) -> bool:
        """Whether a table is in this county."""
        return table in self._known.file.tables

    def measure(self) -> pd.Series:
        """What the feature's measure gives on this view."""
        try:
            return self._feature.measure(self)
        except KeyError as hidden:
            raise self._undeclared(str(hidden)) from hidden

    def _shown(self, frame: pd.DataFrame, table: str, *made: str) -> pd.DataFrame:
        if table not in self._feature.tables:
            raise self._undeclared(table)
        names = {r.partition(".")[2] for r in self._feature.reads if r.partition(".")[0] == table}
        names |= {c.name for c in TABLES[table] if c.use in ("key", "meta")} | {"household", *made}
        return frame[[c for c in frame.columns if c in names]]

    def _undeclared(self, what: str) -> PolicyError:
        return PolicyError(
            message(
                "only columns that the feature declares in `reads`",
                what,
                f"feature '{self._feature.name}'",
                "Declare the column; one that no PD model may see cannot be declared.",
            )  # fmt: skip
        )


def _marked(known: Known, places: Any) -> np.ndarray:
    """A boolean per household, true at these row numbers."""
    marks = np.zeros(len(known.households), dtype=bool)
    marks[np.asarray(places, dtype=np.intp)] = True
    return marks


def _consented(known: Known, source: str) -> np.ndarray:
    places = known.households.get_indexer(pd.Index(known.file.consented.get(source, ()), dtype=known.households.dtype))
    return _marked(known, places[places >= 0])


def _rows(known: Known, table: str) -> pd.DataFrame:
    """The rows up to the date, by household and day, so that sums of floats do not depend on the order of the table."""
    frame, contract = known.file.tables[table], TABLES[table]
    check_columns(frame, [contract.event], table)
    kept = [c.name for c in contract if c.use in ("key", "meta", "model") and c.name not in _PROVENANCE]
    frame = frame[[c for c in frame.columns if c in kept]]
    frame = frame[frame[contract.event] <= known.as_of]
    if "household_id" not in frame.columns or table in _OF_VILLAGES:
        return frame
    place = known.households.get_indexer(pd.Index(frame["household_id"]))
    frame = frame.drop(columns="household_id").assign(household=place)[place >= 0]
    keys = [k for k in contract.keys if k in frame.columns and k != contract.event]
    return frame.sort_values(["household", contract.event, *keys], kind="stable", ignore_index=True)


def _recent(known: Known, table: str, months: int) -> pd.DataFrame:
    frame = known.once(_rows, table)
    return frame[frame[TABLES[table].event] > known.as_of - pd.DateOffset(months=months)]


def _latest(known: Known, table: str, months: int, by: str) -> pd.DataFrame:
    frame, event = known.once(_recent, table, months), TABLES[table].event
    return frame[frame[event] == frame.groupby(by)[event].transform("max")]


def _last_year(known: Known, table: str) -> pd.DataFrame:
    frame = known.once(_recent, table, 12 + DORMANT_MONTHS)
    month = month_number(frame[TABLES[table].event])
    last = month.groupby(frame["household"]).transform("max")
    inside = (month > last - 12) & (last > month_number(known.as_of) - DORMANT_MONTHS)
    return frame.assign(age=last - month)[inside]


def _present(known: Known, table: str) -> np.ndarray:
    if table == "households":
        return np.ones(len(known.households), dtype=bool)
    rows = known.once(_rows, table)
    return _marked(known, rows["household"] if "household" in rows.columns else known.rows_of_file)


def _unconnected(known: Known) -> dict[str, np.ndarray]:
    """Source → row numbers of the households whose last request to it ended with 'not connected'."""
    if "collection_log" not in known.file.tables:
        return {}
    log = known.once(_rows, "collection_log")  # in the order of household and request
    last = log.drop_duplicates(["household", "covers"], keep="last")
    last = last[last["outcome"] == "not_connected"]
    return {str(source): rows["household"].to_numpy() for source, rows in last.groupby("covers")}


def _notes(known: Known) -> pd.DataFrame:
    notes = known.once(_rows, "loans")
    return notes[notes["borrower_kind"].eq("person")] if "borrower_kind" in notes else notes


def _note_months(known: Known, months: int | None) -> pd.DataFrame:
    if months is not None:
        frame = known.once(_note_months, None)
        return frame[frame["month_end"] > known.as_of - pd.DateOffset(months=months)]
    frame, notes = known.once(_rows, "loan_months"), known.once(_notes)
    place = pd.Index(notes["note_id"]).get_indexer(frame["note_id"])
    return frame[place >= 0].assign(household=notes["household"].to_numpy()[place[place >= 0]])


def _closed_month(known: Known) -> pd.Timestamp:
    """The last month end that the bank has closed, by its ledger or by any note: never by one household's notes."""
    ends = [known.once(_rows, "loan_months")["month_end"].max()]
    if "control_totals" in known.file.tables:
        ends.append(known.once(_rows, "control_totals")["month_end"].max())
    return max((e for e in ends if e is not pd.NaT), default=pd.NaT)


def _reported(known: Known) -> pd.DataFrame:
    frame = known.once(_note_months, None)
    return frame[frame["month_end"] == known.once(_closed_month)]


def _open_notes(known: Known) -> pd.DataFrame:
    notes, months = known.once(_notes), known.once(_reported)
    balance = notes["note_id"].map(months.set_index("note_id")["balance"])
    drawn_since = notes["granted_on"].gt(known.once(_closed_month)) | (known.once(_closed_month) is pd.NaT)
    owed = balance.where(~drawn_since | balance.notna(), notes["amount"])
    return notes.assign(owed=owed)[owed > 0]
