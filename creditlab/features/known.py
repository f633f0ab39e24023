"""What was known, cut to what a feature may read: the tables of a household file up to its date.

`Known` selects rows once for all features (windows, latest rows, open notes); a `View` of it shows one feature the
columns that it declares, besides keys and dates. Nothing is looked at whose event lies after the date of the file.
In every frame the column `household` is the row number of the household in the file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_columns
from creditlab.data.schema import PROVENANCE, TABLES
from creditlab.data.texts import among, places
from creditlab.errors import PolicyError, message
from creditlab.features.spec import FEWEST_OTHERS, Feature

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
    """The tables of one household file up to its date; selections are made when first asked for.

    While tracing, each frame has a column `source_row`: the row number in the table as it was read.
    """

    def __init__(self, file: Any, tracing: bool = False) -> None:
        self.file = file
        self.tracing = tracing
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

    @property
    def whole(self) -> Known:
        """The same for all households of the county: what reaches beyond a household is read there."""
        whole = getattr(self.file, "whole", self.file)
        return self if whole is self.file else self.once(_whole)

    def has(self, feature: Feature) -> bool:
        """Whether all tables and columns that a feature reads are in this county."""
        there = all(t == "households" or t in self.file.tables for t in feature.tables)
        return there and all(
            column in (self.census.columns if table == "households" else self.columns(table))
            for table, _, column in (r.partition(".") for r in feature.reads)
        )

    def columns(self, table: str) -> pd.Index:
        """The columns that a table of the file has."""
        tables = self.file.tables
        return tables.columns(table) if hasattr(tables, "columns") else tables[table].columns

    def forget(self, tables: Collection[str]) -> None:
        """Let go of what was selected from some tables; it is made again when it is asked for."""
        about = {t for t in tables if t not in ("loans", "loan_months")}
        about |= {"loans", "loan_months"} if {"loans", "loan_months"} <= set(tables) else set()
        for key in list(self._made):
            make, *args = key
            of_notes = make in (_notes, _note_months, _reported, _open_notes, _closing) and "loans" in about
            if of_notes or (make in (_rows, _recent, _latest, _last_months) and args[0] in about):
                del self._made[key]
        self._give_back()

    def forget_rows(self, tables: Collection[str]) -> None:
        """Let go of the rows of some tables, and of what was cut from them by date only; what was made of it stays."""
        for key in list(self._made):
            make, *args = key
            if make in (_rows, _recent) and args[0] in tables:
                del self._made[key]
        self._give_back()

    def _give_back(self) -> None:
        if "pyarrow" in sys.modules:  # texts lie in its pool, which keeps what was let go
            sys.modules["pyarrow"].default_memory_pool().release_unused()

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
        #: in a file that is traced: the source rows of each table that the measure was shown
        self.shown: list[tuple[str, pd.DataFrame]] = []
        #: while tracing a mean over others: their row numbers in the whole file
        self.others: list[int] = []
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
        return self._shown(self._known.once(_last_months, table, 12), table, "age")

    def last_two_years(self, table: str) -> pd.DataFrame:
        """The rows of the 24 months to each household's last known month end; `age` as in `last_year`."""
        return self._shown(self._known.once(_last_months, table, 24), table, "age")

    def census(self) -> pd.DataFrame:
        """The census row of each household."""
        frame = self._known.census.reset_index()
        return self._shown(frame.assign(household=self._known.rows_of_file), "households")

    def notes(self) -> pd.DataFrame:
        """The notes that persons of the household drew; organisations have their own file."""
        return self._shown(self._known.once(_notes), "loans")

    def note_months(self, months: int | None = None) -> pd.DataFrame:
        """The month ends of these notes, of the last months or all."""
        return self._of_notes(self._known.once(_note_months, months))

    def reported(self) -> pd.DataFrame:
        """These notes at the last month end that the bank has closed."""
        return self._of_notes(self._known.once(_reported))

    def open_notes(self) -> pd.DataFrame:
        """The notes that are open, with `owed`: the balance at the last closed month end, the amount if drawn since."""
        for needed in ("loan_months.balance", "loans.amount"):
            if needed not in self._feature.reads:
                raise self._undeclared(needed)
        if self._known.tracing:
            self._of_notes(self._known.once(_reported))
        return self._shown(self._known.once(_open_notes), "loans", "owed")

    def notes_behind(self) -> pd.DataFrame:
        """The notes of organisations with one of these households behind them."""
        notes = self._known.once(_rows, "loans")
        kind = notes.get("borrower_kind", pd.Series("person", index=notes.index))
        return self._shown(notes[~kind.isin(_borrowers(self._known))], "loans")

    def notes_guaranteed(self) -> pd.DataFrame:
        """The guarantees in force that these households gave, with the state of the note: `owed`, `dpd`, by note.

        The note is another household's; its state is that of the last closed month.
        """
        given = self._in_force(self.rows("guarantees"))
        return self._with_state(given)

    def notes_secured(self) -> pd.DataFrame:
        """The guarantees in force on the open notes of these households; `guarantor` is a row number of the whole."""
        known = self._known
        mine = self.open_notes()[["note_id", "household"]]
        signed = known.whole.once(_rows, "guarantees").rename(columns={"household": "guarantor"})
        signed = signed[signed["note_id"].isin(mine["note_id"])]
        shown = self._shown(self._in_force(signed), "guarantees", "guarantor")
        return shown.merge(mine, on="note_id")

    def county_months(self, notes: pd.Series) -> pd.DataFrame:
        """These notes of anybody at the last month end that the bank has closed."""
        known = self._known.whole
        months = known.once(_closing)
        return self._shown(months[among(months["note_id"], notes).to_numpy()], "loan_months")

    def arrears_in_county(self, households: pd.Series) -> pd.Series:
        """Most days past due at the last closed month of these households (row numbers of the whole file)."""
        months = self._known.whole.once(_reported)
        shown = self._of_notes(months[months["household"].isin(households)], self._known.whole)
        return shown.groupby("household")["dpd"].max()

    def _of_notes(self, months: pd.DataFrame, known: Known | None = None) -> pd.DataFrame:
        """Month ends of notes; a trace shows the notes as well, which say whose they are."""
        if self._known.tracing:
            notes = (known or self._known).once(_notes)
            self.shown.append(("loans", notes[notes["note_id"].isin(months["note_id"])]))
        return self._shown(months, "loan_months")

    def _in_force(self, signed: pd.DataFrame) -> pd.DataFrame:
        return signed[signed["guaranteed_to"].isna() | (signed["guaranteed_to"] >= self.as_of)]

    def _with_state(self, given: pd.DataFrame) -> pd.DataFrame:
        state = self.county_months(given["note_id"])
        columns = [c for c in ("balance", "dpd") if c in state.columns]
        return given.drop(columns=columns, errors="ignore").merge(state[["note_id", *columns]], on="note_id")

    def of_village(self, facts: pd.Series) -> pd.Series:
        """The facts of villages, carried to their households."""
        return self.village.map(facts).dropna()

    def event(self, table: str) -> str:
        """The column with the day that a row of the table speaks of."""
        return TABLES[table].event

    def has(self, table: str) -> bool:
        """Whether a table is in this county."""
        return table in self._known.file.tables

    def measure(self) -> pd.Series:
        """What the feature's measure gives on this view; over the other households of the village, where it says so."""
        try:
            if self._feature.others:
                return self._over_others()
            return self._feature.measure(self)
        except KeyError as hidden:
            raise self._undeclared(str(hidden)) from hidden

    def _over_others(self) -> pd.Series:
        """The mean of the measure over the other households of each household's village, own household excluded."""
        whole = self._known.whole
        view = View(whole, self._feature)
        values = self._feature.measure(view).dropna().astype("float64")
        if self._known.tracing:
            mates = np.flatnonzero(view.village.isin(self.village))
            own = whole.households.get_indexer(self._known.households)
            self.shown, self.others = view.shown, [int(i) for i in mates if i not in own]
        sums = values.groupby(view.village.reindex(values.index).to_numpy()).agg(["sum", "size"])
        mine = values.reindex(whole.households.get_indexer(self._known.households)).to_numpy()
        own = pd.notna(mine)
        there = sums.reindex(self.village.to_numpy()).fillna(0.0)
        rest = there["size"].to_numpy() - own
        total = there["sum"].to_numpy() - np.where(own, mine, 0.0)
        enough = rest >= FEWEST_OTHERS
        # a sum of non-negative values less one of them may fall below zero by rounding
        low = min(values.min(), 0.0) if len(values) else 0.0
        mean = np.maximum(total, low * rest) / np.where(enough, rest, 1)
        return pd.Series(mean, index=self._known.rows_of_file)[enough]

    def _shown(self, frame: pd.DataFrame, table: str, *made: str) -> pd.DataFrame:
        if table not in self._feature.tables:
            raise self._undeclared(table)
        names = {r.partition(".")[2] for r in self._feature.reads if r.partition(".")[0] == table}
        names |= {c.name for c in TABLES[table] if c.use in ("key", "meta")} | {"household", *made}
        if self._known.tracing:
            self.shown.append((table, frame))
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
    given = pd.Series(pd.Index(known.file.consented.get(source, ())), dtype="str")
    place = places(given, known.households)
    return _marked(known, place[place >= 0])


def _rows(known: Known, table: str) -> pd.DataFrame:
    """The rows up to the date, by household and day, so that sums of floats do not depend on the order of the table."""
    contract, tables = TABLES[table], known.file.tables
    check_columns(pd.DataFrame(columns=known.columns(table)), [contract.event], table)
    kept = [c.name for c in contract if c.use in ("key", "meta", "model") and c.name not in _PROVENANCE]
    frame = tables.part(table, kept) if hasattr(tables, "part") else tables[table]
    frame = frame[[c for c in frame.columns if c in kept]]
    if known.tracing:
        frame = frame.assign(source_row=frame.index)
    frame = _kept(frame, (frame[contract.event] <= known.as_of).to_numpy())
    if "household_id" not in frame.columns or table in _OF_VILLAGES:
        return frame
    place = places(frame["household_id"], known.households)
    frame = _kept(frame.drop(columns="household_id").assign(household=place), place >= 0)
    return _in_order(frame, contract.event, [k for k in contract.keys if k in frame.columns and k != contract.event])


def _kept(frame: pd.DataFrame, mask: np.ndarray) -> pd.DataFrame:
    """The rows of a mask; the frame itself where that is all of them, for a large table is not copied twice."""
    return frame if mask.all() else frame[mask]


def _in_order(frame: pd.DataFrame, event: str, keys: list[str]) -> pd.DataFrame:
    """The rows by household, event and keys; the keys, which are texts, are compared only where the rest is equal."""
    day = frame[event].to_numpy().astype("datetime64[D]").astype("int64")
    code = frame["household"].to_numpy().astype("int64") * 1_000_000 + day
    order = np.argsort(code, kind="stable")
    same = code[order][1:] == code[order][:-1]
    tied = np.flatnonzero(np.r_[same, False] | np.r_[False, same])
    if len(tied) and keys:
        part = frame.iloc[order[tied]].assign(at=order[tied])
        order[tied] = part.sort_values(["household", event, *keys], kind="stable")["at"].to_numpy()
    return frame.iloc[order].reset_index(drop=True)


def _recent(known: Known, table: str, months: int) -> pd.DataFrame:
    frame = known.once(_rows, table)
    return frame[frame[TABLES[table].event] > known.as_of - pd.DateOffset(months=months)]


def _latest(known: Known, table: str, months: int, by: str) -> pd.DataFrame:
    frame, event = known.once(_recent, table, months), TABLES[table].event
    return frame[frame[event] == frame.groupby(by)[event].transform("max")]


def _last_months(known: Known, table: str, months: int) -> pd.DataFrame:
    frame = known.once(_recent, table, months + DORMANT_MONTHS)
    month = month_number(frame[TABLES[table].event])
    last = month.groupby(frame["household"]).transform("max")
    inside = (month > last - months) & (last > month_number(known.as_of) - DORMANT_MONTHS)
    return frame.assign(age=last - month)[inside]


def _present(known: Known, table: str) -> np.ndarray:
    if table == "households":
        return np.ones(len(known.households), dtype=bool)
    if "household_id" not in known.columns(table) or table in _OF_VILLAGES:
        return np.ones(len(known.households), dtype=bool)
    return _marked(known, known.once(_rows, table)["household"])


def _unconnected(known: Known) -> dict[str, np.ndarray]:
    """Source → row numbers of the households whose last request to it ended with 'not connected'."""
    if "collection_log" not in known.file.tables:
        return {}
    log = known.once(_rows, "collection_log")  # in the order of household and request
    codes, sources = pd.factorize(log["covers"])
    home = log["household"].to_numpy()
    last = ~pd.Series(home * (len(sources) + 1) + codes).duplicated(keep="last").to_numpy()
    last &= log["outcome"].eq("not_connected").to_numpy(dtype=bool)
    return {str(source): home[last & (codes == place)] for place, source in enumerate(sources)}


def _notes(known: Known) -> pd.DataFrame:
    notes = known.once(_rows, "loans")
    return notes[notes["borrower_kind"].isin(_borrowers(known))] if "borrower_kind" in notes else notes


def _borrowers(known: Known) -> tuple[str, ...]:
    """The kinds of borrowers whose notes are the unit's own: persons, in the file of households."""
    return tuple(getattr(known.file, "borrowers", ("person",)))


def _whole(known: Known) -> Known:
    return Known(known.file.whole, known.tracing)


def _note_months(known: Known, months: int | None) -> pd.DataFrame:
    if months is not None:
        frame = known.once(_note_months, None)
        return frame[frame["month_end"] > known.as_of - pd.DateOffset(months=months)]
    frame, notes = known.once(_rows, "loan_months"), known.once(_notes)
    place = places(frame["note_id"], pd.Index(notes["note_id"]))
    home = notes["household"].to_numpy()[place[place >= 0]]
    known.once(_closing)  # all that is asked of the other notes' months: the rest of the largest table is let go
    known.forget_rows(["loan_months"])
    return _kept(frame, place >= 0).assign(household=home)


def _closed_month(known: Known) -> pd.Timestamp:
    """The last month end that the bank has closed, by its ledger or by any note: never by one household's notes."""
    ends = [known.once(_rows, "loan_months")["month_end"].max()]
    if "control_totals" in known.file.tables:
        ends.append(known.once(_rows, "control_totals")["month_end"].max())
    return max((e for e in ends if e is not pd.NaT), default=pd.NaT)


def _closing(known: Known) -> pd.DataFrame:
    """The notes of anybody at the last month end that the bank has closed."""
    months = known.once(_rows, "loan_months")
    return months[months["month_end"] == known.once(_closed_month)]


def _reported(known: Known) -> pd.DataFrame:
    frame = known.once(_note_months, None)
    return frame[frame["month_end"] == known.once(_closed_month)]


def _open_notes(known: Known) -> pd.DataFrame:
    notes, months = known.once(_notes), known.once(_reported)
    balance = notes["note_id"].map(months.set_index("note_id")["balance"])
    drawn_since = notes["granted_on"].gt(known.once(_closed_month)) | (known.once(_closed_month) is pd.NaT)
    owed = balance.where(~drawn_since | balance.notna(), notes["amount"])
    return notes.assign(owed=owed)[owed > 0]
