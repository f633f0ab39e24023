"""A county: the tables that are there, what is not there, and what was found wrong with them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from creditlab.checks import check_date
from creditlab.data.contracts import contract_findings
from creditlab.data.coverage import coverage
from creditlab.data.decisions import read_decisions
from creditlab.data.findings import FINDING_COLUMNS, finding
from creditlab.data.household import HouseholdFile, KnownTables, household_file
from creditlab.data.identity import check_key
from creditlab.data.intake import Intake, take_in
from creditlab.data.leakage import date_findings
from creditlab.data.lineage import in_villages_of, move_findings
from creditlab.data.schema import TABLES
from creditlab.data.sources import SourceTable
from creditlab.data.verification import CrossCheck, cross_check
from creditlab.errors import InputError, UnreadableError, message
from creditlab.files import read_json

NOT_THERE = ("无此表：其特征记为未接入", "table not there: its features are 'not connected'")
NOT_READABLE = ("文件无法读取：未读取", "file cannot be read: open it in its own program and save it again")
NOT_KNOWN = ("不是已知的表：未读取", "file of no known table: not read")


@dataclass(frozen=True, eq=False)
class County:
    """The tables of one county.

    Parameters
    ----------
    tables : name → `SourceTable`; a real county may bring any subset of `creditlab.data.TABLES`.
    unknown, unreadable : files of the folder that fit no contract, and those of other names that cannot be read.
    geojson : polygons of the villages, when there is a villages.geojson.
    links, doubtful, addresses : what was matched while reading, and what a person has to decide: rows without a number
        (see `creditlab.data.linking`) and addresses that named no village (see `creditlab.data.addresses`).
    """

    tables: Mapping[str, SourceTable]
    unknown: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    geojson: Mapping[str, Any] | None = field(default=None, repr=False)
    links: pd.DataFrame = field(default_factory=lambda: Intake().links, repr=False)
    doubtful: pd.DataFrame = field(default_factory=lambda: Intake().doubtful, repr=False)
    addresses: pd.DataFrame = field(default_factory=lambda: Intake().addresses, repr=False)

    @property
    def missing(self) -> tuple[str, ...]:
        """Tables that a county may bring and this one does not."""
        return tuple(name for name in TABLES if name not in self.tables)

    def check(self) -> pd.DataFrame:
        """Findings: table column rule severity rows first_rows. Row numbers start at 0; no value is shown."""
        found = [f for source in self.tables.values() for f in source.findings]
        found += contract_findings(self._frames())
        found += date_findings(self._frames())
        found += [finding(name, "", *NOT_THERE, "info", ()) for name in self.missing]
        found += [finding(name, "", *NOT_KNOWN, "info", ()) for name in self.unknown]
        found += [finding(name, "", *NOT_READABLE, "error", ()) for name in self.unreadable]
        order = {"stop": 0, "error": 1, "warning": 2, "info": 3}
        table = pd.DataFrame(found, columns=FINDING_COLUMNS)
        return table.sort_values("severity", key=lambda s: s.map(order), kind="stable", ignore_index=True)

    def household_file(self, as_of: Any, households: Iterable[str] | None = None) -> HouseholdFile:
        """One row per household of the census, with nothing that became known after `as_of` (that day inclusive).

        Parameters
        ----------
        as_of : a date.
        households : optional subset of household pseudonyms; a file of few is cheaper.

        Raises
        ------
        InputError : for something that is no date, or when there is no household table.
        """
        return household_file(self._frames(), check_date(as_of, "as_of"), households)

    def delivered_by(self, day: Any) -> County:
        """The county as it would have been read on a day: only what was known by then.

        A household file of a day is the same from both; use it to show that.
        """
        known = KnownTables(self._frames(), check_date(day, "day"), None)
        return replace(self, tables={name: replace(s, frame=known[name]) for name, s in self.tables.items()})

    def cross_check(self, as_of: Any, rule: str = "weighted") -> CrossCheck:
        """The facts that several sources state, resolved by a rule; see `creditlab.data.verification.cross_check`."""
        return cross_check(self.household_file(as_of), rule)

    def conflicts(self, as_of: Any, rule: str = "weighted") -> pd.DataFrame:
        """Facts on which two sources disagree, as known on a date, with the value that holds.

        Returns
        -------
        DataFrame : household_id fact source_a value_a source_b value_b resolved resolved_from rule confidence, one row
            per pair of sources that disagree; see `creditlab.data.verification.cross_check` for rules and confidence.
        """
        return self.cross_check(as_of, rule).conflicts()

    def coverage(self, as_of: Any) -> pd.DataFrame:
        """Households reached by village, source and port; see `creditlab.data.coverage.coverage`."""
        return coverage(self.household_file(as_of))

    def in_villages_of(self, day: Any) -> County:
        """This county with every village code as of a day, for a study that looks back over merges and splits.

        Households go with their village; those of a split village where their own record says. The county itself is
        unchanged, and comes back as it is when no code changed. See `creditlab.data.lineage`.
        """
        made, moves = in_villages_of(self._frames(), check_date(day, "day"))
        if not len(moves) and all(made[name] is s.frame for name, s in self.tables.items()):
            return self
        told = tuple(move_findings(moves))
        tables = {
            name: replace(
                s, frame=made[name], findings=(*s.findings, *told) if name == "village_changes" else s.findings
            )
            for name, s in self.tables.items()
        }
        return replace(self, tables=tables)

    def last_known(self) -> pd.Timestamp:
        """The last day on which the bank learned anything: the day of the extract, or just before."""
        days = [s.frame["known_on"].max() for s in self.tables.values() if "known_on" in s.frame]
        if not days:
            raise InputError(message("known_on in a table", "none", "county folder", "Give a date yourself."))
        return max(days)

    def last_month(self) -> pd.Timestamp:
        """The last month end of the book."""
        if "loan_months" not in self.tables:
            raise InputError(message("the table loan_months", "none", "county folder", "Give a date (as_of) yourself."))
        return self.tables["loan_months"].frame["month_end"].max()

    def _frames(self) -> dict[str, pd.DataFrame]:
        return {name: source.frame for name, source in self.tables.items()}

    def __repr__(self) -> str:
        rows = sum(len(s.frame) for s in self.tables.values())
        return f"<County {len(self.tables)} tables, {rows:,} rows; not there: {', '.join(self.missing) or 'none'}>"

    def _repr_html_(self) -> str:
        listed = [
            {"table": n, "名称": TABLES[n].zh, "rows": len(s.frame), "columns": s.frame.shape[1], "file": s.file}
            for n, s in self.tables.items()
        ]
        return pd.DataFrame(listed).to_html(index=False, border=0)


def read_county(
    path: str | os.PathLike[str],
    id_key: str | bytes | None = None,
    *,
    links: str | os.PathLike[str] | pd.DataFrame | None = None,
) -> County:
    """Read a county's folder: the tables of `creditlab.data.TABLES` that are there.

    Parameters
    ----------
    path : a folder with one file per table, named as the table (loans.parquet, households.csv, 纳税.xlsx ...), or under
        any name with headers that fit a contract, in Chinese or English.
    id_key : key of the pseudonyms, needed only when files hold identity numbers or credit codes. It is kept nowhere.
    links : the list of doubtful links with a person's decisions (`doubtful.csv` of `creditlab check --out`), as a file
        or as `creditlab.data.decisions.read_decisions` read it.

    Returns
    -------
    County : `.tables`, `.missing`, `.check()`, `.household_file(as_of)`, `.conflicts(as_of)`, `.coverage(as_of)`.

    Raises
    ------
    UnreadableError : no such folder, no table in it, two files for one table, a file that cannot be read.
    IdentityError : identity numbers without a key.
    InputError : decisions on links that cannot be used.

    >>> read_county("data/sample").missing  # doctest: +SKIP
    ()
    """
    folder = Path(path)
    if not folder.is_dir():
        came = "a file" if folder.is_file() else "no folder"
        raise UnreadableError(message("a county folder", came, str(path), "For one table use `creditlab scorecard`."))
    decided = links if links is None or isinstance(links, pd.DataFrame) else read_decisions(Path(links))
    done = take_in(folder, None if id_key is None else check_key(id_key), decided)
    if not done.tables:
        raise UnreadableError(
            message(
                f"tables such as loans.parquet or households.csv ({len(TABLES)} are known)",
                "none",
                str(path),
                "Name each file as its table.",
            )  # fmt: skip
        )
    map_file = folder / "villages.geojson"
    return County(
        tables=done.tables,
        unknown=done.unknown,
        unreadable=done.unreadable,
        geojson=read_json(map_file) if map_file.is_file() else None,
        links=done.links,
        doubtful=done.doubtful,
        addresses=done.addresses,
    )
