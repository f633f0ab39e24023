"""The five-class classification of a loan book by versioned rules, beside the classes that the bank recorded.

A rule gives floors; the bank's judgement that a loan is worse is kept, and a class better than the floor is a finding.
`classify` uses what a tape shows: days past due, extension, restructuring, the debtor's other claims, and how long a
note that was non-performing has been paying again. It does not see impairment, bankruptcy or misuse of funds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_columns, check_one_of
from creditlab.errors import InputError, message
from creditlab.loans.book import LoanBook, days_at_month_end, loan_book, month_ends, month_number
from creditlab.loans.classes import CLASSES, NORMAL, SUBSTANDARD, UNKNOWN, class_codes, class_names
from creditlab.loans.reading import dates
from creditlab.loans.rules import RULES, Policy, Rule
from creditlab.results import Result, Stamp, digest

#: what decided the class of a row; the place in this tuple is the code in `Classification.rows`
REASONS = (
    "none", "days past due", "extended", "restructured", "upgrade period", "debtor", "other banks", "judgement",
)  # fmt: skip
REASON_LABELS: Mapping[str, tuple[str, str]] = {
    "none": ("无", "nothing speaks against normal"),
    "days past due": ("逾期天数", "days past due"),
    "extended": ("展期", "extended"),
    "restructured": ("重组及观察期", "restructured, or in its observation period"),
    "upgrade period": ("不良上调前的正常还款期", "was non-performing, not yet long enough without arrears"),
    "debtor": ("非零售债务人交叉违约", "other claims on the same non-retail debtor"),
    "other banks": ("他行逾期", "the debtor's arrears at all banks"),
    "judgement": ("银行判断（低于规则底线）", "the bank judged it worse than the floor"),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Classification(Result):
    """A row per month end and class: notes and balance as recorded and by the rule.

    `rows` has one row per row of the book's months: `rule` (place in `policy.rules`), `floor`, `class5` (codes 0 to 4:
    the floor, or the bank's own class where that is worse) and `reason` (place in REASONS).
    """

    title: ClassVar[str] = "Five-class classification 五级分类"
    plots: ClassVar[str] = "loans"

    rows: pd.DataFrame
    findings: pd.DataFrame
    by_reason: pd.DataFrame
    policy: Policy

    def parameters(self) -> pd.DataFrame:
        """The parameters of the rules with their evidence; those marked 'unverified' belong into the report."""
        return self.policy.parameters()


def five_category(
    days: Any, rule: str | Rule = "2023", *, extended: Any = False, restructured: Any = False, judged: Any = None
) -> np.ndarray:
    """The class of each loan by its days past due and flags, as names; the worse of rule and judgement.

    Parameters
    ----------
    days : days past due, one per loan.
    rule : a name in RULES, or a `Rule`.
    extended, restructured : flags, one per loan or one for all.
    judged : the bank's own class per loan; it counts where it is worse.

    >>> five_category([0, 1, 90, 91, 270, 271, 360, 361]).tolist()[:4]
    ['normal', 'special_mention', 'special_mention', 'substandard']
    >>> five_category([100, 121, 181], "card").tolist()
    ['substandard', 'doubtful', 'loss']
    >>> five_category([0], judged=["doubtful"]).tolist()
    ['doubtful']
    """
    chosen = rule if isinstance(rule, Rule) else RULES[check_one_of(rule, tuple(RULES), "five_category(rule=...)")]
    past = np.atleast_1d(np.asarray(days, dtype=float))
    if np.isnan(past).any() or (past < 0).any():
        raise InputError(
            message("days past due of 0 or more", f"{int((~(past >= 0)).sum())} others", "five_category", "Fill them.")
        )
    level = chosen.floor(past)
    level = np.maximum(level, np.where(extended, CLASSES.index(chosen.extended), NORMAL))
    again = np.where(past > 0, CLASSES.index(chosen.restructured_overdue), NORMAL)
    level = np.maximum(level, np.where(restructured, np.maximum(CLASSES.index(chosen.restructured), again), NORMAL))
    if judged is not None:
        level = np.maximum(level, np.maximum(class_codes(pd.Series(np.atleast_1d(judged))), NORMAL))
    return np.asarray(CLASSES, dtype=object)[level]


def classify(
    source: Any, policy: Policy | None = None, *, refinanced: Any = (), elsewhere: pd.DataFrame | None = None
) -> Classification:
    """The class of every note at every month end by the rule that holds for it, beside the class recorded.

    Parameters
    ----------
    source : a `County`, a mapping of frames, or a `LoanBook`.
    policy : which rule holds when; the default keeps the legacy book under the old rule until 2025-12-31.
    refinanced : ids of notes that refinanced a debtor in difficulty (see `renewals`): restructured from their grant on.
    elsewhere : a row per non-retail borrower and month end with its debt at all banks and the part of it more than 90
        days past due: borrower_id month_end debt overdue_90.

    Returns
    -------
    Classification : amounts in yuan; rows off the book are left out of its table.

    Raises
    ------
    InputError : a table or column that is needed is missing.
    """
    book, policy = loan_book(source), policy or Policy()
    ladder = _Ladder(book, policy)
    ladder.days()
    ladder.extended()
    ladder.restructured(np.isin(book.notes["note_id"], list(refinanced)))
    ladder.upgrade()
    ladder.debtor()
    if elsewhere is not None:
        ladder.other_banks(elsewhere)
    floor = ladder.level.copy()
    recorded = book.months["class5"].to_numpy()
    ladder.lift(recorded, recorded != UNKNOWN, "judgement")
    rows = pd.DataFrame({"rule": ladder.rule, "floor": floor, "class5": ladder.level, "reason": ladder.reason})
    return Classification(
        table=_table(book, rows),
        rows=rows,
        findings=_findings(book, rows, policy),
        by_reason=_by_reason(book, rows),
        policy=policy,
        stamp=Stamp(inputs=book.digest, spec=digest({"policy": policy.to_dict(), "refinanced": sorted(refinanced)})),
        facts=_facts(book, rows, policy),
    )


class _Ladder:
    """The class of each row, raised step by step; a step that raises a row is its reason."""

    def __init__(self, book: LoanBook, policy: Policy) -> None:
        self.book, self.policy = book, policy
        self.rule = _rules(book, policy)
        self.level = np.zeros(len(book.months), dtype=np.int8)
        self.reason = np.zeros(len(book.months), dtype=np.int8)
        self.month = book.months["month"].to_numpy()
        self.note = book.months["note"].to_numpy()
        self.dpd = book.months["dpd"].to_numpy()

    def lift(self, level: Any, where: np.ndarray, reason: str) -> None:
        """Raise the rows `where` the level is higher than theirs."""
        higher = where & (np.asarray(level) > self.level)
        self.level = np.where(higher, level, self.level).astype(np.int8)
        self.reason[higher] = REASONS.index(reason)

    def of_rule(self, name: str) -> np.ndarray:
        """The floor that the parameter `name` gives under the rule of each row."""
        codes = np.array([CLASSES.index(getattr(rule, name)) for rule in self.policy.rules], dtype=np.int8)
        return codes[self.rule]

    def days(self) -> None:
        for place, rule in enumerate(self.policy.rules):
            self.lift(rule.floor(self.dpd), self.rule == place, "days past due")

    def extended(self) -> None:
        self.lift(self.of_rule("extended"), self.book.months["extended"].to_numpy(), "extended")

    def restructured(self, refinanced: np.ndarray) -> None:
        """Restructured notes and, to the end of the observation period, notes that were."""
        flag = self.book.months["restructured"].to_numpy() | refinanced[self.note]
        if not flag.any():
            return
        start, since = _since(flag, self.note, self.month)
        period = np.array([r.observation_months for r in self.policy.rules])[self.rule]
        own = refinanced[self.note] & ~self.book.months["restructured"].to_numpy()
        observed = (start >= 0) & ((since < period) | (flag & ~own))
        before = np.where((start > 0) & (self.note[start - 1] == self.note), start - 1, start)
        state = np.maximum(self.level, self.book.months["class5"].to_numpy())
        was_npl = observed & (state[before] >= SUBSTANDARD)
        floor = np.maximum(self.of_rule("restructured"), np.where(was_npl, SUBSTANDARD, NORMAL))
        floor = np.where(self.dpd > 0, np.maximum(floor, self.of_rule("restructured_overdue")), floor)
        self.lift(floor, observed, "restructured")

    def upgrade(self) -> None:
        """A note that was non-performing stays so until it has paid without arrears for the upgrade period."""
        period = np.array([r.upgrade_months for r in self.policy.rules])[self.rule]
        npl = self.level >= SUBSTANDARD
        if not (npl & (period > 0)).any():
            return
        held = _held(self.note, self.month, npl, self.dpd > 0, period)
        self.lift(np.int8(SUBSTANDARD), held, "upgrade period")

    def debtor(self) -> None:
        """The share of a non-retail debtor's claims at the bank that is non-performing."""
        rows, key = self._claims()
        if not len(rows):
            return
        balance = self.book.months["balance"].to_numpy()[rows]
        bad = np.bincount(key, balance * (self.level[rows] >= SUBSTANDARD))
        share = (bad / np.maximum(np.bincount(key, balance), 1e-9))[key]
        limits = np.array([np.inf if r.debtor_share is None else r.debtor_share for r in self.policy.rules])
        floor = np.where(share > limits[self.rule[rows]], SUBSTANDARD, NORMAL)
        floor = np.maximum(floor, np.where(share > 0, self.of_rule("debtor_any")[rows], NORMAL))
        self._lift_rows(rows, floor, "debtor")

    def other_banks(self, elsewhere: pd.DataFrame) -> None:
        """The share of a non-retail debtor's debt at all banks that is more than 90 days past due."""
        check_columns(elsewhere, ["borrower_id", "month_end", "debt", "overdue_90"], "elsewhere")
        sums = elsewhere.assign(month=month_number(dates(elsewhere["month_end"], "month_end", "elsewhere")))
        sums = sums.groupby(["borrower_id", "month"])[["debt", "overdue_90"]].sum()
        share = (sums["overdue_90"] / sums["debt"].where(sums["debt"] > 0)).fillna(0.0)
        rows, _ = self._claims()
        names = self.book.notes["borrower_id"].to_numpy()[self.note[rows]]
        own = share.reindex(pd.MultiIndex.from_arrays([names, self.month[rows]])).fillna(0.0).to_numpy()
        limits = np.array([np.inf if r.elsewhere_share is None else r.elsewhere_share for r in self.policy.rules])
        self._lift_rows(rows, np.where(own > limits[self.rule[rows]], SUBSTANDARD, NORMAL), "other banks")

    def _claims(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows on the book of non-retail debtors, and a number per debtor and month."""
        kind = self.book.notes["borrower_kind"].isin(self.policy.non_retail).to_numpy()
        rows = np.flatnonzero(kind[self.note] & self.book.on_book)
        debtor = pd.factorize(self.book.notes["borrower_id"])[0][self.note[rows]].astype(np.int64)
        return rows, np.unique(debtor * 65536 + self.month[rows], return_inverse=True)[1]

    def _lift_rows(self, rows: np.ndarray, floor: np.ndarray, reason: str) -> None:
        level = np.zeros(len(self.level), dtype=np.int8)
        level[rows] = floor
        self.lift(level, level > 0, reason)


def _rules(book: LoanBook, policy: Policy) -> np.ndarray:
    """The place of the rule of each row."""
    notes = book.notes
    new = (notes["granted_on"] >= pd.Timestamp(policy.new.in_force)).to_numpy()
    card = notes["product"].isin(policy.cards).to_numpy()
    note, month = book.months["note"].to_numpy(), book.months["month"].to_numpy()
    switched = days_at_month_end(month) >= np.datetime64(policy.reclassified_on)
    return np.where(card[note], 2, (new[note] | switched).astype(np.int8)).astype(np.int8)


def _since(flag: np.ndarray, note: np.ndarray, month: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The row in which the last spell of the flag began in the same note (-1 none), and the months since."""
    first = flag.copy()
    first[1:] &= ~(flag[:-1] & (note[1:] == note[:-1]))
    start = np.maximum.accumulate(np.where(first, np.arange(len(flag)), -1))
    start = np.where((start >= 0) & (note[start] == note), start, -1)
    return start, np.where(start >= 0, month - month[start], 0)


def _held(note: np.ndarray, month: np.ndarray, npl: np.ndarray, late: np.ndarray, period: np.ndarray) -> np.ndarray:
    """Rows of notes that were non-performing and have not yet been without arrears for the period.

    The notes concerned are walked month by month, all at once: a note is released when the months since its last
    arrears reach the period.
    """
    held = np.zeros(len(note), dtype=bool)
    concerned = np.unique(note[npl])
    rows = np.flatnonzero(np.isin(note, concerned))
    place = np.searchsorted(concerned, note[rows])
    pending = np.zeros(len(concerned), dtype=bool)
    last = np.zeros(len(concerned), dtype=np.int64)
    order = np.argsort(month[rows], kind="stable")
    months, cuts = np.unique(month[rows][order], return_index=True)
    for begin, end in zip(cuts, [*cuts[1:], len(order)], strict=True):
        at = order[begin:end]
        who, row = place[at], rows[at]
        pending[who] |= npl[row]
        dirty = npl[row] | late[row]
        last[who[dirty]] = month[row[dirty]]
        released = pending[who] & ~dirty & (month[row] - last[who] >= period[row])
        pending[who[released]] = False
        held[row] = pending[who]
    return held


def _table(book: LoanBook, rows: pd.DataFrame) -> pd.DataFrame:
    """Notes and balance by month end and class, recorded and by the rule; every month has all five classes."""
    on = book.on_book
    month = book.months["month"].to_numpy()[on] - book.first
    balance = book.months["balance"].to_numpy()[on]
    size = (book.last - book.first + 1) * len(CLASSES)
    grid = pd.MultiIndex.from_product([month_ends(range(book.first, book.last + 1)), CLASSES])
    table = pd.DataFrame({"month_end": grid.get_level_values(0), "class5": grid.get_level_values(1)})
    recorded = book.months["class5"].to_numpy()
    ruled = rows["class5"].to_numpy()
    sides = {"recorded": np.where(recorded == UNKNOWN, ruled, recorded)[on], "rule": ruled[on]}
    for side, codes in sides.items():
        key = month * len(CLASSES) + codes
        table[f"notes_{side}"] = np.bincount(key, minlength=size)
        table[f"balance_{side}"] = np.bincount(key, balance, minlength=size)
    return table


def _by_reason(book: LoanBook, rows: pd.DataFrame) -> pd.DataFrame:
    """What decided the classes at the last month end: reason class5 notes balance."""
    at = book.on_book & (book.months["month"].to_numpy() == book.last)
    part = pd.DataFrame(
        {
            "reason": pd.Categorical.from_codes(rows["reason"].to_numpy()[at], categories=list(REASONS)),
            "class5": class_names(rows["class5"].to_numpy()[at]),
            "balance": book.months["balance"].to_numpy()[at],
        }
    )
    sums = part.groupby(["reason", "class5"], observed=True)["balance"].agg(notes="size", balance="sum").reset_index()
    return sums.astype({"reason": "str", "class5": "str"})


def _findings(book: LoanBook, rows: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Rows that the bank classes better than the floor, by reason, and the parameters that are not verified."""
    recorded = book.months["class5"].to_numpy()
    better = book.on_book & (recorded != UNKNOWN) & (recorded < rows["floor"].to_numpy())
    npl = better & (recorded < SUBSTANDARD) & (rows["floor"].to_numpy() >= SUBSTANDARD)
    last = book.months["month"].to_numpy() == book.last
    found = []
    for code, reason in enumerate(REASONS):
        which = better & (rows["reason"].to_numpy() == code)
        if which.any():
            zh, en = REASON_LABELS[reason]
            now, lost = int((which & last).sum()), int((npl & which).sum())
            found.append(
                {
                    "table": "loan_months",
                    "column": "class5",
                    "rule": f"recorded class better than the rule allows: {en}; {lost} of them non-performing by the "
                    f"rule, {now} at the last month end",
                    "severity": "warning",
                    "rows": int(which.sum()),
                    "first_rows": "",
                    "rule_zh": f"台账分类优于规则底线：{zh}；其中按规则为不良 {lost} 行，期末 {now} 行",
                }
            )
    for rule in policy.rules:
        if rule.unverified:
            names = ", ".join(rule.unverified)
            found.append(
                {
                    "table": "loan_months",
                    "column": "class5",
                    "rule": f"parameters of the {rule.en} not read in a primary text: {names}",
                    "severity": "info",
                    "rows": 0,
                    "first_rows": "",
                    "rule_zh": f"{rule.zh}中未经原文核实的参数：{names}",
                }
            )
    return pd.DataFrame(found, columns=["table", "column", "rule", "severity", "rows", "first_rows", "rule_zh"])


def _facts(book: LoanBook, rows: pd.DataFrame, policy: Policy) -> dict[str, Any]:
    recorded = book.months["class5"].to_numpy()
    known = book.on_book & (recorded != UNKNOWN)
    floor = rows["floor"].to_numpy()
    return {
        "loan-months on the book": int(book.on_book.sum()),
        "recorded equals rule": int((known & (recorded == floor)).sum()),
        "judged worse, kept": int((known & (recorded > floor)).sum()),
        "better than the rule": int((known & (recorded < floor)).sum()),
        "unverified parameters": int(sum(len(r.unverified) for r in policy.rules)),
    }
