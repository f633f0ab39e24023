"""The good/bad sample: who is observed on which day, what became of them, and who was left out why.

One row per household (or note) and observation date. The notes that were open and in good standing on that day are
followed to the end of their windows; whoever guaranteed a note is not counted for it. The splits for validation travel
with the sample, so that every model is tested on the same later dates and the same unseen villages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_date, check_one_of
from creditlab.errors import InputError, message
from creditlab.loans.bad import Bad
from creditlab.loans.book import LoanBook, loan_book, month_ends
from creditlab.loans.hits import days_past_due, plan_kind
from creditlab.results import NotEstimable, Result, Stamp

COLUMNS = [
    "household_id", "village_id", "officer", "branch", "as_of", "granted_on", "bad", "balance", "weight", "period",
]  # fmt: skip
INCOMPLETE = ("leave out", "refuse", "hazard")
SHORT = ("refuse", "leave out")
DEVELOPMENT, OUT_OF_TIME = "development", "out-of-time"
_NOTE = [
    "note_id", "household_id", "village_id", "borrower_id", "borrower_kind", "branch", "officer_granted", "granted_on",
    "due_on", "plan",
]  # fmt: skip
#: kinds of repayment whose principal falls due in one sum; and those that also show no interest before it
_ONCE = ("interest", "once", "revolving")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PerformanceSample(Result):
    """Households (or notes) with their outcome, and how they came to be in the sample.

    Parameters
    ----------
    waterfall : step by step who was left out, and how many remain; the steps add up.
    bad : the definition of bad.
    splits : a row per row of the table: split ('development' or 'out-of-time'), fold (villages dealt into folds), and
        in_both (an out-of-time row whose household is in the development rows too).
    exposure : a row per household and month at risk: household_id as_of month (1 is the first after the observation
        date) event (went bad) done (paid, or its window complete). A household whose last row is neither was still open
        when the book ended: incomplete windows count as far as they go. A discrete-time hazard is fitted on it.
    outcomes : a row per row of the table: worst (most days past due within the window) and months (followed).
    refused : plan → notes that the window cannot judge (with short='leave out').
    """

    title: ClassVar[str] = "Performance sample 好坏样本"
    plots: ClassVar[str] = "loans"

    waterfall: pd.DataFrame
    bad: Bad
    splits: pd.DataFrame
    exposure: pd.DataFrame
    outcomes: pd.DataFrame
    refused: Mapping[str, int]

    def rows(self, split: str) -> pd.DataFrame:
        """The rows of one split, 'development' or 'out-of-time'."""
        check_one_of(split, (DEVELOPMENT, OUT_OF_TIME), "split")
        return self.table[(self.splits["split"] == split).to_numpy()].reset_index(drop=True)

    def leave_villages_out(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Row numbers to fit and to test on, fold by fold; no village is on both sides (`cv=` of scikit-learn)."""
        fold = self.splits["fold"].to_numpy()
        for k in range(int(fold.max(initial=-1)) + 1):
            yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)

    def maturity(self) -> pd.DataFrame:
        """The share bad by each month after the observation date: month at_risk event done estimate.

        Those who paid or whose window is complete are good for good, so the estimate is a cumulative incidence; without
        incomplete windows it ends at the bad rate. O. Aalen, S. Johansen, Scandinavian Journal of Statistics 5 (1978)
        141-150.
        """
        sums = self.exposure.groupby("month").agg(
            at_risk=("event", "size"), event=("event", "sum"), done=("done", "sum")
        )
        left = (1 - (sums["event"] + sums["done"]) / sums["at_risk"]).cumprod().shift(fill_value=1.0)
        return sums.assign(estimate=(left * sums["event"] / sums["at_risk"]).cumsum()).reset_index()


def performance_sample(
    county: Any,
    as_of: Any,
    bad: Bad | None = None,
    *,
    incomplete: str = "leave out",
    short: str = "refuse",
    out_of_time: Any = None,
    folds: int = 5,
    seed: int = 0,
) -> PerformanceSample:
    """Households in good standing on each observation date, and whether they went bad within the window.

    Parameters
    ----------
    county : a `County` with the tables loans, loan_months and households; or a `LoanBook`.
    as_of : one date (snapshot), or several that are pooled; a household that went bad in an earlier window does not
        come again.
    bad : the definition of bad.
    incomplete : what becomes of windows that end after the book does. 'leave out': all of them, good or bad so far;
        'refuse': an error; 'hazard': they stay with the outcome so far and `complete` = 0, and `exposure` holds the
        months seen, for a discrete-time hazard; such rows must not be used as plain goods.
    short : what becomes of notes whose principal falls due too late for a window in months to show their arrears:
        'refuse' is an error with their number; 'leave out' follows the other notes only.
    out_of_time : the date from which observation dates are held out; None takes the last of several dates.
    folds, seed : villages are dealt into so many folds with about equal numbers of bads.

    Returns
    -------
    PerformanceSample : household_id village_id officer branch as_of granted_on bad balance weight period (and note_id
        for unit='note'), one row per household and date. `granted_on` is the first grant among the notes followed,
        `balance` their sum in yuan.

    Raises
    ------
    InputError : a date outside the book; a window in months that ends before the notes repaid once can show their
        arrears (the message says how many notes, by plan); an incomplete window, when these are refused.
    """
    bad = bad or Bad()
    check_one_of(incomplete, INCOMPLETE, "incomplete")
    check_one_of(short, SHORT, "short")
    if not isinstance(folds, int) or isinstance(folds, bool) or folds < 2:
        raise InputError(message("2 folds or more", repr(folds), "folds", "5 is usual."))
    dates = sorted({check_date(d, "as_of") for d in ([as_of] if _single(as_of) else as_of)})
    if not dates:
        raise InputError(message("at least one observation date", "none", "as_of", "Give a date such as 2023-12-31."))
    _check_households(county)
    follow = _Follow(loan_book(county), bad, incomplete, short)
    for day in dates:
        follow.observe(day)
    columns = [
        *COLUMNS,
        *(["note_id"] if bad.unit == "note" else []),
        *(["complete"] if incomplete == "hazard" else []),
    ]
    table = pd.concat(follow.parts, ignore_index=True)[columns]
    splits = _splits(table, dates, out_of_time, folds, seed)
    exposure = pd.concat(follow.exposures, ignore_index=True)
    return PerformanceSample(
        table=table,
        waterfall=_waterfall(follow.steps, bad),
        bad=bad,
        splits=splits,
        exposure=exposure,
        outcomes=pd.concat(follow.outcomes, ignore_index=True),
        refused=dict(sorted(follow.refused.items())),
        stamp=Stamp.of(
            table, {"bad": bad.to_dict(), "as_of": [str(d.date()) for d in dates], "incomplete": incomplete}, seed=seed
        ),
        facts=_facts(table, dates, splits, incomplete),
    )


@dataclass(frozen=True)
class Judged:
    """What one definition says at one date: bad (1 or 0) and worst (most days past due) by household or note, how many
    each step left out, and the notes that the window cannot judge, by plan."""

    bad: pd.Series
    worst: pd.Series
    steps: Mapping[str, int]
    refused: Mapping[str, int]


def judged(source: Any, day: pd.Timestamp, bad: Bad) -> Judged:
    """The outcomes of `performance_sample(source, day, bad, short='leave out')` without what a sample adds to them."""
    follow = _Follow(loan_book(source), bad, "leave out", "leave out")
    standing, outcome, step = follow.judge(day)
    kept = outcome.loc[np.unique(standing[follow.unit].to_numpy(dtype=object).astype(str))]
    return Judged(kept["bad"].astype("int8"), kept["worst"], step, dict(sorted(follow.refused.items())))


def _single(as_of: Any) -> bool:
    return isinstance(as_of, str) or not isinstance(as_of, Iterable)


def _check_households(county: Any) -> None:
    tables = getattr(county, "tables", None)
    if tables is not None and "households" not in tables:
        raise InputError(message("the table households", "none", "county folder", "Add it, or use a flat table."))


def _facts(table: pd.DataFrame, dates: list[pd.Timestamp], splits: pd.DataFrame, incomplete: str) -> dict[str, Any]:
    late = splits["split"] == OUT_OF_TIME
    facts = {
        "households": table["household_id"].nunique(),
        "rows": len(table),
        "bads": int(table["bad"].sum()),
        "bad_rate": float(table["bad"].mean()) if len(table) else NotEstimable("no rows 没有样本"),
        "dates": len(dates),
        "out_of_time": int(late.sum()) if late.any() else NotEstimable("one observation date 只有一个观察日"),
    }
    if incomplete == "hazard":
        facts["incomplete"] = int((table["complete"] == 0).sum())
    return facts


class _Follow:
    """The book followed from one observation date after the other; what it finds is kept in lists."""

    def __init__(self, book: LoanBook, bad: Bad, incomplete: str, short: str) -> None:
        self.book, self.bad, self.incomplete, self.short = book, bad, incomplete, short
        self.unit = "household_id" if bad.unit == "household" else "note_id"
        self.month, self.note = book.months["month"].to_numpy(), book.months["note"].to_numpy()
        days = days_past_due(book, bad.of)
        self.hit = (days >= bad.dpd) | book.months["written_off"].to_numpy()
        grey = np.inf if bad.indeterminate is None else bad.indeterminate
        self.days, self.grey = days, grey
        self.gone: set[str] = set()
        self.parts: list[pd.DataFrame] = []
        self.steps: list[dict[str, int]] = []
        self.exposures: list[pd.DataFrame] = []
        self.outcomes: list[pd.DataFrame] = []
        self.refused: dict[str, int] = {}

    def observe(self, day: pd.Timestamp) -> None:
        """Add the rows of one observation date, and how many borrowers each step leaves out."""
        standing, outcome, step = self.judge(day)
        rows = self._rows(standing, outcome, day)
        self.gone |= set(rows.loc[rows["bad"] == 1, self.unit])
        self.parts.append(rows)
        self.steps.append(step)
        kept = outcome.loc[rows[self.unit]]
        self.outcomes.append(kept[["worst", "months"]].reset_index(drop=True))
        self.exposures.append(self._exposure(kept, day))

    def judge(self, day: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
        """The notes of those who stay in, what became of everybody who was followed, and how many each step leaves
        out."""
        now = self._month_at(day)
        notes = self._notes(day, now)
        persons = notes[notes["borrower_kind"].eq("person") & notes["household_id"].notna()]
        whole = "borrower_id" if self.unit == "household_id" else "note_id"
        step = {"open": notes.loc[notes["open"], whole].nunique()}
        step["organisation"] = step["open"] - persons.loc[persons["open"], self.unit].nunique()
        sick = set(persons.loc[persons["hit"], self.unit]) | self.gone
        standing = persons[persons["open"] & ~persons[self.unit].isin(sick)].copy()
        left = set(standing[self.unit])
        step["already bad"] = persons.loc[persons["open"], self.unit].nunique() - len(left)
        standing, lost = self._long_enough(standing, day)
        left = self._drop(step, "window too short", left, lost)
        standing["window_end"] = self.bad.end(day, standing["due_on"])
        outcome = self._outcome(standing, now)
        left = self._drop(step, "window not complete", left, self._incomplete(standing, outcome, day))
        left = self._drop(
            step, "indeterminate", left, set(outcome.index[(outcome["worst"] >= self.grey) & ~outcome["bad"]])
        )
        left = self._drop(step, "no village", left, set(standing.loc[standing["village_id"].isna(), self.unit]))
        step["kept"] = len(left)
        return standing[standing[self.unit].isin(left)], outcome, step

    def _month_at(self, day: pd.Timestamp) -> int:
        """The last month of the book that ends no later than the day."""
        ends = month_ends([self.book.first, self.book.last])
        if not ends[0] <= day <= ends[1]:
            raise InputError(
                message(
                    f"a date from {ends[0].date()} to {ends[1].date()}",
                    str(day.date()),
                    "as_of",
                    "Choose a date inside the book.",
                )
            )
        month = day.year * 12 + day.month - 1
        return month if day == month_ends([month])[0] else month - 1

    def _notes(self, day: pd.Timestamp, now: int) -> pd.DataFrame:
        """The notes of that month with their state."""
        rows = np.flatnonzero(self.month == now)
        state = pd.DataFrame(
            {
                "place": self.note[rows],
                "open": self.book.on_book[rows],
                "hit": self.hit[rows],
                "balance": self.book.months["balance"].to_numpy()[rows],
            }
        )
        notes = self.book.notes[_NOTE].iloc[state["place"]].reset_index(drop=True)
        notes = pd.concat([notes, state], axis=1)
        return notes[notes["granted_on"] <= day]

    def _long_enough(self, standing: pd.DataFrame, day: pd.Timestamp) -> tuple[pd.DataFrame, set[str]]:
        """The notes that the window can judge, and those who have no such note."""
        short, once = short_windows(standing, day, self.bad)
        if short.any() and self.short == "refuse":
            raise InputError(_too_short(standing, short, once, day, self.bad))
        for plan, n in standing.loc[short, "plan"].value_counts().items():
            self.refused[str(plan)] = self.refused.get(str(plan), 0) + int(n)
        kept = standing[~short].copy()
        return kept, set(standing[self.unit]) - set(kept[self.unit])

    def _outcome(self, standing: pd.DataFrame, now: int) -> pd.DataFrame:
        """Per household (or note): bad within the windows, the worst days past due, and the months that were seen.

        Month ends are what the tape shows: the month in which a window ends still belongs to it.
        """
        last = np.full(len(self.book.notes), -1)
        ends = standing["window_end"]
        last[standing["place"]] = np.where(ends.isna(), -1, ends.dt.year * 12 + ends.dt.month - 1)
        inside = (self.month > now) & (self.month <= last[self.note])
        name = pd.Series(standing[self.unit].to_numpy(), index=standing["place"])
        seen = pd.DataFrame({"unit": name.reindex(self.note[inside]).to_numpy(), "month": self.month[inside]})
        seen["hit"], seen["days"] = self.hit[inside], self.days[inside]
        units = standing.groupby(self.unit)["window_end"].max()
        frame = pd.DataFrame(index=units.index)
        frame["bad"] = seen.groupby("unit")["hit"].any().reindex(frame.index, fill_value=False)
        frame["worst"] = seen.groupby("unit")["days"].max().reindex(frame.index, fill_value=0)
        first = seen[seen["hit"]].groupby("unit")["month"].min().reindex(frame.index)
        # a note is paid in the month after the last one that the tape shows of it
        paid = seen.groupby("unit")["month"].max().reindex(frame.index).fillna(now) + 1
        window = units.dt.year * 12 + units.dt.month - 1
        end = np.minimum(np.minimum(paid, window.fillna(self.book.last)), self.book.last)
        frame["months"] = np.maximum(first.fillna(end) - now, 1).astype(int)
        frame["open"] = frame.index.isin(seen.loc[seen["month"] == self.book.last, "unit"])
        return frame

    def _incomplete(self, standing: pd.DataFrame, outcome: pd.DataFrame, day: pd.Timestamp) -> set[str]:
        """Those with a window that ends after the book.

        Goods and bads alike: keeping only those that have gone bad already would raise the bad rate.
        """
        after = standing["window_end"] > month_ends([self.book.last])[0]
        late = set(standing.loc[after | standing["window_end"].isna(), self.unit])
        outcome["complete"] = ~outcome.index.isin(late)
        if self.incomplete == "refuse" and late:
            raise InputError(
                message(
                    f"windows that end by {month_ends([self.book.last])[0].date()}",
                    f"{len(late)} of {len(outcome)} that do not",
                    f"performance_sample at {day.date()}",
                    "Take an earlier date, or incomplete='hazard'.",
                )
            )
        return late if self.incomplete == "leave out" else set()

    @staticmethod
    def _drop(step: dict[str, int], name: str, left: set[str], gone: set[str]) -> set[str]:
        step[name] = len(left & gone)
        return left - gone

    def _rows(self, standing: pd.DataFrame, outcome: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
        order = standing.sort_values([self.unit, "balance", "note_id"], kind="stable")
        names = [self.unit, "household_id", "note_id", "village_id", "officer_granted", "branch"]
        largest = order.drop_duplicates(self.unit, keep="last")[list(dict.fromkeys(names))]
        rows = largest.rename(columns={"officer_granted": "officer"})
        sums = standing.groupby(self.unit, as_index=False).agg(
            granted_on=("granted_on", "min"), balance=("balance", "sum")
        )
        rows = rows.merge(sums, on=self.unit, validate="1:1")
        rows["as_of"] = day
        rows["bad"] = rows[self.unit].map(outcome["bad"]).astype("int8")
        rows["complete"] = rows[self.unit].map(outcome["complete"]).astype("int8")
        rows["weight"] = 1.0
        rows["period"] = str(day.date())
        return rows.sort_values(self.unit, ignore_index=True)

    def _exposure(self, outcome: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
        """A row per unit and month until the event, the end of the window or the end of the book."""
        months = outcome["months"].to_numpy()
        unit = np.repeat(outcome.index.to_numpy(), months)
        month = np.arange(len(unit)) - np.repeat(np.cumsum(months) - months, months) + 1
        last = month == np.repeat(months, months)
        bad, open_ = (np.repeat(outcome[name].to_numpy(), months) for name in ("bad", "open"))
        complete = np.repeat(outcome["complete"].to_numpy(), months)
        frame = pd.DataFrame({self.unit: pd.Series(unit, dtype="str"), "as_of": day, "month": month})
        frame["event"] = (last & bad).astype("int8")
        frame["done"] = (last & ~bad & (complete | ~open_)).astype("int8")
        return frame


def short_windows(notes: pd.DataFrame, day: pd.Timestamp, bad: Bad) -> tuple[pd.Series, pd.Series]:
    """Notes whose window ends before their due date plus the days past due, and all notes whose principal is due
    once."""
    kind = notes["plan"].map(plan_kind)
    once = kind.isin(_ONCE if bad.of != "interest" else ("once",))
    if bad.months is None:
        return pd.Series(False, index=notes.index), once
    return once & (bad.end(day, notes["due_on"]) < notes["due_on"] + pd.Timedelta(days=bad.dpd)), once


def _too_short(notes: pd.DataFrame, short: pd.Series, once: pd.Series, day: pd.Timestamp, bad: Bad) -> str:
    plans = ", ".join(f"{plan} {n}" for plan, n in notes.loc[short, "plan"].value_counts().sort_index().items())
    return message(
        f"a window that reaches the due date plus {bad.dpd} days of every note repaid once",
        f"'{bad.window}', too short for {int(short.sum())} of {int(once.sum())} such notes ({plans})",
        f"Bad(window=...) at {day.date()}",
        "Use 'maturity+120d', a longer window, or short='leave out'.",
    )


# --- splits --------------------------------------------------------------------------------------------------------


def _splits(table: pd.DataFrame, dates: list[pd.Timestamp], out_of_time: Any, folds: int, seed: int) -> pd.DataFrame:
    """Out-of-time by observation date, and villages dealt into folds."""
    late = pd.Series(False, index=table.index)
    if out_of_time is not None:
        late = table["as_of"] >= check_date(out_of_time, "out_of_time")
        if len(table) and (late.all() or not late.any()):
            raise InputError(
                message(
                    f"a date after {dates[0].date()} and no later than {dates[-1].date()}",
                    str(out_of_time),
                    "out_of_time",
                    "It must part the observation dates in two.",
                )
            )
    elif len(dates) > 1:
        late = table["as_of"] == dates[-1]
    early = set(table.loc[~late, "household_id"])
    return pd.DataFrame(
        {
            "split": np.where(late, OUT_OF_TIME, DEVELOPMENT),
            "fold": village_folds(table["village_id"], table["bad"], folds, seed),
            "in_both": late & table["household_id"].isin(early),
        }
    )


def village_folds(village: Any, bad: Any, folds: int = 5, seed: int = 0) -> np.ndarray:
    """The fold of each row: whole villages, dealt so that the folds have about equal numbers of bads and of rows.

    Villages are taken from the one with the most bads down, ties in an order drawn from the seed, and each goes to the
    fold that has the smallest share of bads and rows so far. The order of the rows does not matter.

    >>> village_folds(["a", "a", "b", "c"], [1, 0, 1, 0], folds=2).tolist() in ([0, 0, 1, 1], [1, 1, 0, 0])
    True
    """
    frame = pd.DataFrame(
        {"village": pd.Series(np.asarray(village, dtype=object)).astype("str"), "bad": np.asarray(bad, dtype=float)}
    )
    sums = frame.groupby("village")["bad"].agg(["sum", "size"])
    drawn = np.random.default_rng(seed).permutation(len(sums))
    order = np.lexsort((drawn, -sums["size"].to_numpy(), -sums["sum"].to_numpy()))
    weight = (sums / np.maximum(sums.sum(), 1)).sum(axis=1).to_numpy()
    load = np.zeros(folds)
    fold = np.zeros(len(sums), dtype=np.int64)
    for place in order:
        fold[place] = load.argmin()
        load[fold[place]] += weight[place]
    return pd.Series(fold, index=sums.index).reindex(frame["village"]).to_numpy()


_STEPS = {
    "open": ("观察日有未结清贷款的借款人", "borrowers with an open note on the observation date"),
    "organisation": ("剔除：组织类借款人", "left out: organisations"),
    "already bad": ("剔除：观察日或更早已坏", "left out: bad on that day or in an earlier window"),
    "window too short": ("剔除：表现窗口显示不出本金逾期", "left out: the window cannot show arrears of principal"),
    "window not complete": ("剔除：表现窗口未满（不论好坏）", "left out: window not complete, good or bad so far"),
    "indeterminate": ("剔除：不确定（逾期但未达坏）", "left out: indeterminate, overdue but not bad"),
    "no village": ("剔除：不在农户表中", "left out: not in the household table"),
    "kept": ("进入样本", "in the sample"),
}


def _waterfall(steps: list[dict[str, int]], bad: Bad) -> pd.DataFrame:
    """The steps summed over the dates; 'left' is what remains after the step, and the last step equals it."""
    asked = {"indeterminate": bad.indeterminate is not None, "window too short": bad.months is not None}
    names = [name for name in _STEPS if asked.get(name, True)]
    counts = {name: sum(step[name] for step in steps) for name in names}
    rows, left = [], counts["open"]
    for name in names:
        left -= counts[name] if name not in ("open", "kept") else 0
        rows.append({"step": name, "zh": _STEPS[name][0], "en": _STEPS[name][1], "n": counts[name], "left": left})
    return pd.DataFrame(rows)
