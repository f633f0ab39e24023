"""The loan tape as the analyses read it: notes and their months, checked, in one order, with what is imperfect.

`loan_book(county)` makes it once; every other function of the area takes it (or the county itself). Notes are numbered
in the order of their ids and months are sorted by note and month, so the order of the rows never matters. It changes no
figure of the bank: what it had to assume is listed in `findings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_columns, check_date, check_frame
from creditlab.errors import DuplicateKeyError, InputError, message, some
from creditlab.loans.classes import UNKNOWN, class_codes
from creditlab.loans.reading import dates, ids, kinds, names, numbers
from creditlab.results import digest

AMOUNTS = ("balance", "overdue_principal", "overdue_interest", "written_off_balance", "recovered")
FLAGS = ("extended", "restructured", "written_off", "transferred")
#: attributes of a note that may be absent from a tape
NOTE_COLUMNS = (
    "contract_id", "line_id", "line_limit", "line_valid_to", "borrower_id", "borrower_kind", "household_id", "branch",
    "officer_granted", "officer_now", "product", "amount", "rate", "plan", "guarantee", "purpose", "channel",
    "renewed_from",
)  # fmt: skip
_NUMBERS = ("line_limit", "amount", "rate")
#: days past due beyond which a number is no count of days (a hundred years)
MOST_DAYS = 36_525
_FINDING = ["table", "column", "rule", "severity", "rows", "first_rows", "rule_zh"]


@dataclass(frozen=True, eq=False)
class LoanBook:
    """Notes and months of a loan tape.

    Parameters
    ----------
    notes : a row per note in the order of `note_id`, with `village_id` of the household behind it.
    months : a row per note and month: `note` (row number of `notes`), `month` (months since the year 0), balance,
        overdue_principal, overdue_interest, dpd, class5 (code 0 to 4, -1 unknown), the four flags,
        written_off_balance, recovered. Sorted by note and month.
    findings : what was imperfect and what was assumed, in the columns of a data finding.
    """

    notes: pd.DataFrame
    months: pd.DataFrame
    findings: pd.DataFrame

    @cached_property
    def digest(self) -> str:
        """The content of the book as 16 hexadecimal digits."""
        return digest(self.notes, *(self.months[c].to_numpy() for c in self.months.columns))

    @cached_property
    def first(self) -> int:
        """The first month of the book."""
        return int(self.months["month"].min())

    @cached_property
    def last(self) -> int:
        """The last month of the book."""
        return int(self.months["month"].max())

    @cached_property
    def on_book(self) -> np.ndarray:
        """Rows of `months` with a balance that is neither written off nor transferred."""
        m = self.months
        return (m["balance"].to_numpy() > 0) & ~m["written_off"].to_numpy() & ~m["transferred"].to_numpy()

    @cached_property
    def follows(self) -> np.ndarray:
        """Rows of `months` whose next row is the same note one month later."""
        note, month = self.months["note"].to_numpy(), self.months["month"].to_numpy()
        same = np.zeros(len(note), dtype=bool)
        same[:-1] = (note[1:] == note[:-1]) & (month[1:] == month[:-1] + 1)
        return same

    @cached_property
    def granted(self) -> np.ndarray:
        """Month of grant per note; a very low number for a note without a date."""
        return month_number(self.notes["granted_on"])

    @cached_property
    def due(self) -> np.ndarray:
        """Month in which each note falls due."""
        return month_number(self.notes["due_on"])

    def of_note(self, column: str) -> pd.Series:
        """A column of the notes, a value per row of `months`."""
        check_columns(self.notes, [column], "notes of the loan book")
        return self.notes[column].take(self.months["note"].to_numpy()).reset_index(drop=True)

    def until(self, day: Any) -> LoanBook:
        """The book as it stood at the end of a day: later months and notes granted later are not there."""
        last = check_date(day, "until")
        notes = self.notes[~(self.notes["granted_on"] > last)]
        at = month_ends(self.months["month"].to_numpy()) <= last
        kept = self.months[at & np.isin(self.months["note"].to_numpy(), notes.index.to_numpy())]
        place = np.full(len(self.notes), -1, dtype=np.int32)
        place[notes.index.to_numpy()] = np.arange(len(notes), dtype=np.int32)
        months = kept.assign(note=place[kept["note"].to_numpy()]).reset_index(drop=True)
        return LoanBook(notes=notes.reset_index(drop=True), months=months, findings=self.findings)

    def select(self, keep: Any) -> LoanBook:
        """The book of the notes for which `keep`, one truth value per note, holds."""
        kept = np.asarray(keep, dtype=bool)
        if len(kept) != len(self.notes):
            raise InputError(message(f"{len(self.notes)} values, one per note", f"{len(kept)}", "keep", "Align it."))
        place = np.cumsum(kept, dtype=np.int32) - 1
        months = self.months[kept[self.months["note"].to_numpy()]]
        months = months.assign(note=place[months["note"].to_numpy()]).reset_index(drop=True)
        return LoanBook(notes=self.notes[kept].reset_index(drop=True), months=months, findings=self.findings)

    def __repr__(self) -> str:
        return f"<LoanBook notes={len(self.notes)} loan-months={len(self.months)}>"


def loan_book(source: Any) -> LoanBook:
    """The loan tape of a county, checked and put in order.

    Parameters
    ----------
    source : a `County`, a mapping of the frames 'loans', 'loan_months' and, where there is one, 'households'; or a
        `LoanBook`, which is handed back.

    Raises
    ------
    InputError : a table or a needed column is missing; a note, or a month of a note, comes twice.

    >>> notes = pd.DataFrame({"note_id": ["N1"], "granted_on": ["2023-01-10"], "due_on": ["2024-01-10"]})
    >>> months = pd.DataFrame({"note_id": ["N1"], "month_end": ["2023-01-31"], "balance": [100.0], "dpd": [0]})
    >>> loan_book({"loans": notes, "loan_months": months})
    <LoanBook notes=1 loan-months=1>
    """
    if isinstance(source, LoanBook):
        return source
    tables = _tables(source)
    found: list[dict[str, Any]] = []
    loans, rows = tables["loans"], tables["loan_months"]
    check_frame(loans, "loans")
    check_frame(rows, "loan_months")
    check_columns(loans, ["note_id", "granted_on", "due_on"], "loans")
    check_columns(rows, ["note_id", "month_end", "balance"], "loan_months")
    if "dpd" not in rows and not {"overdue_principal", "overdue_interest"} & set(rows.columns):
        check_columns(rows, ["dpd"], "loan_months")
    notes, place = _with_strays(_notes(loans, found), rows, found)
    notes["village_id"] = villages_of(notes["household_id"], tables.get("households"))
    months = _months(place, rows, found)
    _check_dates(notes, months, found)
    return LoanBook(notes=notes, months=months, findings=pd.DataFrame(found, columns=_FINDING))


def month_number(dates: pd.Series) -> np.ndarray:
    """Months since the year 0 of dates; the lowest integer where there is none."""
    months = dates.to_numpy().astype("datetime64[M]").astype(np.int64)
    return np.where(np.isnat(dates.to_numpy()), np.iinfo(np.int32).min, months + 1970 * 12)


def month_ends(numbers: Any) -> pd.DatetimeIndex:
    """The last days of months given by number.

    >>> month_ends([2023 * 12 + 1]).strftime("%Y-%m-%d").tolist()
    ['2023-02-28']
    """
    months = (np.asarray(numbers, dtype=np.int64) - 1970 * 12 + 1).astype("datetime64[M]")
    return pd.DatetimeIndex((months.astype("datetime64[D]") - 1).astype("datetime64[us]"))


def days_at_month_end(numbers: np.ndarray) -> np.ndarray:
    """The last day of each month as `datetime64[D]`."""
    return (np.asarray(numbers, dtype=np.int64) - 1970 * 12 + 1).astype("datetime64[M]").astype("datetime64[D]") - 1


# --- reading -------------------------------------------------------------------------------------------------------


def _tables(source: Any) -> dict[str, pd.DataFrame]:
    listed = source if isinstance(source, Mapping) else getattr(source, "tables", None)
    if listed is None:
        raise InputError(
            message("a County or a mapping of frames", type(source).__name__, "loan book", "Read it with read_county.")
        )
    frames = {str(name): getattr(table, "frame", table) for name, table in listed.items()}
    for name in ("loans", "loan_months"):
        if name not in frames:
            raise InputError(message(f"the table {name}", "none", "county folder", "Add it, or use a flat table."))
    return frames


def _finding(table: str, column: str, zh: str, en: str, rows: Any, severity: str = "warning") -> dict[str, Any]:
    place = np.flatnonzero(np.asarray(rows))
    first = ", ".join(str(p) for p in place[:3])
    return {
        "table": table, "column": column, "rule": en, "severity": severity, "rows": len(place), "first_rows": first,
        "rule_zh": zh,
    }  # fmt: skip


def _notes(loans: pd.DataFrame, found: list[dict[str, Any]]) -> pd.DataFrame:
    kept = loans[["note_id", "granted_on", "due_on", *(c for c in NOTE_COLUMNS if c in loans)]].copy()
    kept["note_id"] = ids(kept["note_id"], "loans")
    for column in NOTE_COLUMNS:
        if column not in kept:
            kept[column] = np.nan if column in _NUMBERS else pd.Series(pd.NA, index=kept.index, dtype="str")
    for column in ("granted_on", "due_on", "line_valid_to"):
        kept[column] = dates(kept[column], column, "loans")
    for column in _NUMBERS:
        kept[column] = numbers(kept[column], column, "loans")
    for column in (c for c in NOTE_COLUMNS if c not in (*_NUMBERS, "line_valid_to")):
        kept[column] = names(kept[column])
    kept["borrower_kind"], strange = kinds(kept["borrower_kind"])
    if strange.any():
        found.append(
            _finding("loans", "borrower_kind", "借款人类型无法识别，按“未知”", "kind of borrower unknown", strange)
        )
    absent = kept["household_id"].isna() & kept["borrower_kind"].eq("person")
    kept["borrower_id"] = kept["borrower_id"].fillna(kept["household_id"]).fillna(kept["note_id"])
    if absent.any():
        found.append(
            _finding("loans", "household_id", "个人借据没有关联户", "a person's note without household", absent)
        )
    twice = kept["note_id"].duplicated(keep=False)
    if twice.any():
        raise DuplicateKeyError(
            message(
                "one row per note_id",
                f"{int(twice.sum())} rows that share theirs",
                f"loans, rows {some(np.flatnonzero(twice).tolist())}",
                "Remove the copies.",
            )
        )
    return kept.sort_values("note_id", ignore_index=True)


def _with_strays(
    notes: pd.DataFrame, rows: pd.DataFrame, found: list[dict[str, Any]]
) -> tuple[pd.DataFrame, np.ndarray]:
    """The notes with those that only the months know, and the row of each month's note among them."""
    seen = ids(rows["note_id"], "loan_months")
    place = _places(notes["note_id"], seen)
    if (place < 0).any():
        # an export pads its keys with blanks
        seen, tidy = seen.str.strip(), notes["note_id"].str.strip()
        notes = notes.assign(note_id=tidy) if tidy.is_unique else notes
        place = _places(notes["note_id"], seen)
    lost = place < 0
    if not lost.any():
        return notes, place
    if lost.all():
        raise InputError(
            message(
                "note_ids that are in both tables",
                "none in common",
                "loans and loan_months",
                "Bring both tables with the same keys.",
            )
        )
    found.append(
        _finding(
            "loan_months",
            "note_id",
            "月表中的借据不在借据表中（计入总额，无属性）",
            "note not in the table loans: counted in totals, without attributes",
            lost,
        )
    )
    strays = sorted(pd.unique(seen[lost]).tolist())
    more = pd.DataFrame({"note_id": strays, "borrower_id": strays, "borrower_kind": "unknown"}, dtype="str")
    whole = pd.concat([notes, more]).sort_values("note_id", ignore_index=True)
    return whole, _places(whole["note_id"], seen)


def villages_of(household: pd.Series, homes: pd.DataFrame | None) -> pd.Series:
    """The village of each household; one that is listed more than once counts where it was last known."""
    if homes is None or not {"household_id", "village_id"} <= set(homes.columns):
        return pd.Series(pd.NA, index=household.index, dtype="str")
    listed = homes.sort_values("known_on", kind="stable") if "known_on" in homes else homes
    listed = pd.DataFrame({"home": names(listed["household_id"]), "village": names(listed["village_id"])})
    village = listed.dropna(subset="home").drop_duplicates("home", keep="last").set_index("home")["village"]
    return names(household).map(village).astype("str")


def _months(note: np.ndarray, rows: pd.DataFrame, found: list[dict[str, Any]]) -> pd.DataFrame:
    ends = dates(rows["month_end"], "month_end", "loan_months")
    if ends.isna().any():
        raise InputError(
            message(
                "a month end in every row",
                f"{int(ends.isna().sum())} rows without",
                "column 'month_end' of loan_months",
                "Fill it or leave these rows out.",
            )
        )
    month = month_number(ends)
    key = note.astype(np.int64) * 65536 + month
    order = np.argsort(key, kind="stable") if (np.diff(key) <= 0).any() else np.arange(len(key))
    _check_once(key, order)
    columns: dict[str, Any] = {"note": note[order].astype(np.int32), "month": month[order].astype(np.int32)}
    for name in AMOUNTS:
        columns[name] = _amount(rows, name, found)[order]
    for name in FLAGS:
        columns[name] = _flag(rows, name)[order]
    columns["class5"] = _classes(rows, found)[order]
    columns["dpd"] = _days(rows, columns, order, found)
    names = ["note", "month", *AMOUNTS[:3], "dpd", "class5", *FLAGS, *AMOUNTS[3:]]
    return pd.DataFrame({name: columns[name] for name in names})


def _places(known: pd.Series, seen: pd.Series) -> np.ndarray:
    """The row of each id among the known ids, -1 for others; Arrow's hash join is five times as fast as an Index."""
    import pyarrow as pa
    import pyarrow.compute as pc

    place = pc.index_in(pa.array(seen, type=pa.large_string()), pa.array(known, type=pa.large_string()))
    whole = place.combine_chunks() if isinstance(place, pa.ChunkedArray) else place
    return np.asarray(pc.fill_null(whole, -1)).astype(np.int64)


def _check_once(key: np.ndarray, order: np.ndarray) -> None:
    twice = np.flatnonzero(np.diff(key[order]) == 0)
    if len(twice):
        raise DuplicateKeyError(
            message(
                "one row per note_id and month",
                f"{len(twice)} rows that repeat one",
                f"loan_months, rows {some(order[twice + 1].tolist())}",
                "Remove the copies: a note has one state at a month end.",
            )
        )


def _amount(rows: pd.DataFrame, name: str, found: list[dict[str, Any]]) -> np.ndarray:
    if name not in rows:
        return np.zeros(len(rows))
    values = numbers(rows[name], name, "loan_months")
    missing, negative = np.isnan(values), values < 0
    if name == "balance" and missing.any():
        found.append(_finding("loan_months", name, "余额缺失，按零计", "balance missing: counted as zero", missing))
    if negative.any():
        found.append(_finding("loan_months", name, "金额为负", "negative amount", negative))
    return np.where(missing, 0.0, values)


def _flag(rows: pd.DataFrame, name: str) -> np.ndarray:
    if name not in rows:
        return np.zeros(len(rows), dtype=bool)
    values = rows[name]
    if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
        return values.to_numpy(dtype=float, na_value=0.0) == 1
    return (
        values.astype("str")
        .str.strip()
        .str.lower()
        .isin(["1", "1.0", "true", "t", "y", "yes", "是", "有"])
        .to_numpy(dtype=bool)
    )


def _classes(rows: pd.DataFrame, found: list[dict[str, Any]]) -> np.ndarray:
    if "class5" not in rows:
        return np.full(len(rows), UNKNOWN, dtype=np.int8)
    codes = class_codes(rows["class5"])
    if (codes == UNKNOWN).any():
        found.append(
            _finding(
                "loan_months",
                "class5",
                "五级分类缺失或无法识别，按规则分类",
                "class missing or unknown: the rule's class is taken",
                codes == UNKNOWN,
            )
        )
    return codes


def _days(
    rows: pd.DataFrame, columns: Mapping[str, np.ndarray], order: np.ndarray, found: list[dict[str, Any]]
) -> np.ndarray:
    """Days past due in book order; where the tape gives none, counted from the month the arrears began."""
    given = numbers(rows["dpd"], "dpd", "loan_months")[order] if "dpd" in rows else np.full(len(rows), np.nan)
    if (given > MOST_DAYS).any():
        place = np.flatnonzero(_back(given > MOST_DAYS, order)).tolist()
        raise InputError(
            message(
                f"days past due up to {MOST_DAYS}",
                f"{len(place)} larger",
                f"column 'dpd' of loan_months, rows {some(place)}",
                "Days are counted, not seconds or amounts.",
            )
        )
    missing, negative = np.isnan(given), given < 0
    if negative.any():
        found.append(
            _finding(
                "loan_months", "dpd", "逾期天数为负，按零计", "negative days: counted as 0", _back(negative, order)
            )
        )
    if missing.any():
        found.append(
            _finding(
                "loan_months",
                "dpd",
                "逾期天数缺失，按欠款起始月推算",
                "days past due missing: counted from the month in which the arrears began",
                _back(missing, order),
            )
        )
        counted = spell_days(columns, columns["overdue_principal"] + columns["overdue_interest"] > 0)
        given = np.where(missing, counted, given)
    return np.maximum(given, 0).astype(np.int32)


def _back(mask: np.ndarray, order: np.ndarray) -> np.ndarray:
    """A mask in book order, put back into the order of the file."""
    placed = np.zeros(len(mask), dtype=bool)
    placed[order[mask]] = True
    return placed


def spell_days(months: Any, overdue: np.ndarray) -> np.ndarray:
    """Days from the month end before a spell of arrears to each month end in it; 0 outside.

    A spell is a run of months of one note in which `overdue` holds. The day on which it began lies in its first month,
    so the count is an upper bound, by at most that month.
    """
    note, month = np.asarray(months["note"]), np.asarray(months["month"])
    first = overdue.copy()
    first[1:] &= ~(overdue[:-1] & (note[1:] == note[:-1]) & (month[1:] == month[:-1] + 1))
    start = np.maximum.accumulate(np.where(first, np.arange(len(note)), 0))
    days = days_at_month_end(month) - days_at_month_end(month[start] - 1)
    return np.where(overdue, days.astype(np.int64), 0)


def _check_dates(notes: pd.DataFrame, months: pd.DataFrame, found: list[dict[str, Any]]) -> None:
    early = (notes["due_on"] < notes["granted_on"]).to_numpy()
    if early.any():
        found.append(_finding("loans", "due_on", "到期日早于发放日", "due before granted", early))
    granted = month_number(notes["granted_on"])
    before = months["month"].to_numpy() < granted[months["note"].to_numpy()]
    if before.any():
        found.append(_finding("loan_months", "month_end", "月份早于发放日", "month before the grant", before))
    note, month = months["note"].to_numpy(), months["month"].to_numpy()
    gap = np.zeros(len(note), dtype=bool)
    gap[1:] = (note[1:] == note[:-1]) & (month[1:] > month[:-1] + 1)
    if gap.any():
        found.append(
            _finding("loan_months", "month_end", "借据月份有间断", "months of a note are missing between", gap)
        )
