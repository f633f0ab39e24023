"""The good/bad sample: who is observed on which day, what became of them, and who was left out why.

One row per household and observation date. A household's notes that were open and in good standing on that day are
followed to the end of their windows; whoever guaranteed a note is not counted for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from creditlab.checks import check_columns, check_date
from creditlab.errors import InputError, message
from creditlab.loans.bad import Bad
from creditlab.results import Result, Stamp

#: repayment plans whose principal falls due once, at the end
ONCE = ("maturity", "interest", "harvest", "bullet")
COLUMNS = [
    "household_id", "village_id", "officer", "branch", "as_of", "granted_on", "bad", "balance", "weight", "period",
]  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PerformanceSample(Result):
    """Households with their outcome; `waterfall` says step by step who was left out."""

    title: ClassVar[str] = "Performance sample 好坏样本"

    waterfall: pd.DataFrame
    bad: Bad


def performance_sample(county: Any, as_of: Any, bad: Bad | None = None) -> PerformanceSample:
    """Households in good standing on each observation date, and whether they went bad within the window.

    Parameters
    ----------
    county : a `County` with the tables loans, loan_months and households.
    as_of : one date, or several that are pooled; a household that went bad in an earlier window does not come again.
    bad : the definition of bad.

    Returns
    -------
    PerformanceSample : household_id village_id officer branch as_of granted_on bad balance weight period, one row per
        household and date. `granted_on` is the first grant among the notes followed, `balance` their sum in yuan.

    Raises
    ------
    InputError : a date outside the book; a window in months that ends before the notes repaid once can show their
        arrears (the message says how many notes).
    """
    bad = bad or Bad()
    dates = sorted({check_date(d, "as_of") for d in ([as_of] if _single(as_of) else as_of)})
    if not dates:
        raise InputError(message("at least one observation date", "none", "as_of", "Give a date such as 2023-12-31."))
    book = _Book.of(county)
    parts, steps, gone = [], [], set[str]()
    for day in dates:
        rows, step = _observe(book, day, bad, gone)
        gone |= set(rows.loc[rows["bad"] == 1, "household_id"])
        parts.append(rows)
        steps.append(step)
    table = pd.concat(parts, ignore_index=True)[COLUMNS]
    return PerformanceSample(
        table=table,
        waterfall=_waterfall(steps),
        bad=bad,
        stamp=Stamp.of(table, {"bad": bad.to_dict(), "as_of": [str(d.date()) for d in dates]}),
        facts={
            "households": table["household_id"].nunique(),
            "rows": len(table),
            "bads": int(table["bad"].sum()),
            "bad_rate": float(table["bad"].mean()) if len(table) else float("nan"),
            "dates": len(dates),
        },
    )


def _single(as_of: Any) -> bool:
    return isinstance(as_of, str) or not isinstance(as_of, Iterable)


@dataclass(frozen=True)
class _Book:
    """Notes, their months and the households' villages, as the sample reads them."""

    notes: pd.DataFrame
    months: pd.DataFrame
    village: pd.Series

    @classmethod
    def of(cls, county: Any) -> _Book:
        for name in ("loans", "loan_months", "households"):
            if name not in county.tables:
                raise InputError(message(f"the table {name}", "none", "county folder", "Add it, or use a flat table."))
        notes = county.tables["loans"].frame
        months = county.tables["loan_months"].frame
        check_columns(notes, ["note_id", "household_id", "borrower_kind", "granted_on", "due_on", "plan"], "loans")
        check_columns(months, ["note_id", "month_end", "balance", "dpd"], "loan_months")
        homes = county.tables["households"].frame
        village = homes.sort_values("known_on", kind="stable").drop_duplicates("household_id", keep="last")
        written = months["written_off"].eq(1) if "written_off" in months else pd.Series(False, index=months.index)
        kept = months[["note_id", "month_end", "balance", "dpd"]].assign(
            written=written.fillna(False), dpd=months["dpd"].fillna(0)
        )
        return cls(notes=notes, months=kept, village=village.set_index("household_id")["village_id"])


def _observe(book: _Book, day: pd.Timestamp, bad: Bad, gone: set[str]) -> tuple[pd.DataFrame, list[tuple[str, int]]]:
    """The rows of one observation date, and how many households each step leaves out."""
    last = book.months["month_end"].max()
    if not book.months["month_end"].min() <= day <= last:
        raise InputError(
            message(
                f"a date from {book.months['month_end'].min().date()} to {last.date()}",
                str(day.date()),
                "as_of",
                "Choose a date inside the book.",
            )  # fmt: skip
        )
    now = book.months[book.months["month_end"] == _month_end_at(book, day)]
    notes = now.merge(book.notes, on="note_id", validate="1:1")
    notes = notes[notes["granted_on"] <= day]
    steps: list[tuple[str, int]] = []
    persons = notes[notes["borrower_kind"].eq("person") & notes["household_id"].notna()]
    steps.append(("open", notes.loc[_open(notes), "borrower_id"].nunique()))
    steps.append(("organisation", steps[0][1] - persons.loc[_open(persons), "household_id"].nunique()))
    sick = set(persons.loc[(persons["dpd"] >= bad.dpd) | persons["written"], "household_id"])
    standing = persons[_open(persons)]
    left = set(standing["household_id"])
    steps.append(("already bad", len(left & (sick | gone))))
    left -= sick | gone
    standing = standing[standing["household_id"].isin(left)].copy()
    _refuse_short_window(standing, day, bad)
    standing["window_end"] = bad.end(day, standing["due_on"])
    outcome = _outcome(book, standing, day, bad)
    # goods and bads alike: keeping only those that have gone bad already would raise the bad rate
    incomplete = left & set(standing.loc[standing["window_end"] > last, "household_id"])
    steps.append(("window not complete", len(incomplete)))
    left -= incomplete
    homeless = {h for h in left if h not in book.village.index}
    steps.append(("no village", len(homeless)))
    left -= homeless
    steps.append(("kept", len(left)))
    return _rows(book, standing[standing["household_id"].isin(left)], outcome, day), steps


def _open(notes: pd.DataFrame) -> pd.Series:
    return (notes["balance"] > 0) & ~notes["written"]


def _month_end_at(book: _Book, day: pd.Timestamp) -> pd.Timestamp:
    """The last month end of the book that is not after the observation date."""
    ends = book.months["month_end"]
    return ends[ends <= day].max()


def _refuse_short_window(notes: pd.DataFrame, day: pd.Timestamp, bad: Bad) -> None:
    if bad.months is None:
        return
    once = notes["plan"].isin(_once_plans(notes["plan"]))
    short = once & (bad.end(day, notes["due_on"]) < notes["due_on"] + pd.Timedelta(days=bad.dpd))
    if short.any():
        raise InputError(
            message(
                f"a window that reaches the due date plus {bad.dpd} days of every note repaid once",
                f"'{bad.window}', too short for {int(short.sum())} of {int(once.sum())} such notes",
                f"Bad(window=...) at {day.date()}",
                "Use 'maturity+120d', or a longer window.",
            )
        )


def _once_plans(plans: pd.Series) -> list[str]:
    return [plan for plan in plans.dropna().unique() if any(word in plan for word in ONCE)]


def _outcome(book: _Book, standing: pd.DataFrame, day: pd.Timestamp, bad: Bad) -> pd.Series:
    """Household → whether one of its notes went bad after the day and within the note's window."""
    later = book.months[book.months["month_end"] > day]
    seen = later.merge(standing[["note_id", "household_id", "window_end"]], on="note_id", validate="m:1")
    # month ends are what the tape shows: the month in which the window ends still belongs to it
    inside = seen["month_end"] <= seen["window_end"] + pd.offsets.MonthEnd(0)
    hit = inside & ((seen["dpd"] >= bad.dpd) | seen["written"])
    return hit.groupby(seen["household_id"]).any().reindex(standing["household_id"].unique(), fill_value=False)


def _rows(book: _Book, standing: pd.DataFrame, outcome: pd.Series, day: pd.Timestamp) -> pd.DataFrame:
    largest = standing.sort_values(["household_id", "balance", "note_id"], kind="stable").drop_duplicates(
        "household_id", keep="last"
    )
    rows = largest[["household_id", "officer_granted", "branch"]].rename(columns={"officer_granted": "officer"})
    sums = standing.groupby("household_id", as_index=False).agg(
        granted_on=("granted_on", "min"), balance=("balance", "sum")
    )
    rows = rows.merge(sums, on="household_id", validate="1:1")
    rows["village_id"] = rows["household_id"].map(book.village)
    rows["as_of"] = day
    rows["bad"] = rows["household_id"].map(outcome).astype("int8")
    rows["weight"] = 1.0
    rows["period"] = str(day.date())
    return rows.sort_values("household_id", ignore_index=True)


_STEPS = {
    "open": ("观察日有未结清贷款的借款人", "borrowers with an open note on the observation date"),
    "organisation": ("剔除：组织类借款人", "left out: organisations"),
    "already bad": ("剔除：观察日或更早已坏", "left out: bad on that day or in an earlier window"),
    "window not complete": ("剔除：表现窗口未满（不论好坏）", "left out: window not complete, good or bad so far"),
    "no village": ("剔除：不在农户表中", "left out: not in the household table"),
    "kept": ("进入样本", "in the sample"),
}


def _waterfall(steps: list[list[tuple[str, int]]]) -> pd.DataFrame:
    """The steps summed over the dates; 'left' is what remains after the step, and the last step equals it."""
    names = list(_STEPS)
    counts = {name: sum(dict(step)[name] for step in steps) for name in names}
    rows, left = [], counts["open"]
    for name in names:
        left -= counts[name] if name not in ("open", "kept") else 0
        rows.append({"step": name, "zh": _STEPS[name][0], "en": _STEPS[name][1], "n": counts[name], "left": left})
    return pd.DataFrame(rows)
