"""The laboratory of the definition of bad: how many days past due, within which window, and how sure that is.

Too few days call a late payer bad; too many days and too long a window leave nothing to learn from. The grid shows what
each definition counts; the rolls show who comes back; the maturity curves show how long arrears take to appear. The
choice is a frozen `Bad`, with its reasons in both languages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_date, check_level
from creditlab.errors import InputError, message
from creditlab.loans.bad import UNITS, Bad
from creditlab.loans.book import LoanBook, days_at_month_end, loan_book
from creditlab.loans.hits import NEVER, WHAT, days_past_due, first_month, plan_kind
from creditlab.loans.sample import Judged, judged
from creditlab.loans.shares import LEVEL, ratio, share_limits
from creditlab.results import NotEstimable, Result, Stamp, digest

DPDS = (30, 60, 90, 180)
WINDOWS = ("6m", "12m", "18m", "24m", "maturity+90d", "maturity+120d", "maturity+240d")
#: months after the arrears began in which they cure or end badly
OUTLOOK = 12
#: days past due that are called a bad end
BAD_END = 180
#: bad is what fewer than this share comes back from
COME_BACK = 0.25
#: share of the eventually bad that a window must show
CAPTURED = 0.95


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class DefinitionLab(Result):
    """A row per definition (dpd × window): dpd window n bads bad_rate lo hi indeterminate left_out refused_notes
    refused_plans captured kappa dates spread p_value reason.

    indeterminate: households that reached `grey` days but are not bad. left_out: households whose window is not
    complete; refused_notes: notes that the window cannot judge because it ends before their due date plus the days
    past due, by plan in refused_plans; the figures are of the others. captured: the share of those bad by the longest
    window that are bad by this one. kappa: agreement beyond chance with the choice. spread: standard deviation of the
    bad rate between observation dates beyond chance; p_value: chi-square of equal rates.

    `variants` has a row per combination of arrears (of principal, interest or either) and unit (household or note), at
    the recommended days and window: of unit n bads bad_rate lo hi reason. `rolls` has a row per dpd: how those who
    reached it ended within 12 months. `maturity` has a row per plan and days after the due date: the share of notes bad
    by then. `choice` is the recommended definition, `reasons` say why.
    """

    title: ClassVar[str] = "Definition of bad 坏的定义"
    plots: ClassVar[str] = "loans"

    variants: pd.DataFrame
    rolls: pd.DataFrame
    maturity: pd.DataFrame
    choice: Bad
    reasons: tuple[tuple[str, str], ...]
    level: float

    def choose(self, **changes: Any) -> Bad:
        """The recommended definition, with changes that the analyst answers for.

        >>> replace(Bad(), dpd=60, window="maturity+120d").dpd
        60
        """
        return replace(self.choice, **changes)


def definition_lab(
    source: Any,
    as_of: Any,
    *,
    dpds: Sequence[int] = DPDS,
    windows: Sequence[str] = WINDOWS,
    of: str = "principal or interest",
    unit: str = "household",
    grey: int = 30,
    level: float = LEVEL,
) -> DefinitionLab:
    """What each definition of bad would count, how arrears go on, and which definition the data recommend.

    Parameters
    ----------
    source : a `County`, a mapping of frames, or a `LoanBook`.
    as_of : the observation dates; several show how stable a definition is.
    dpds, windows : the grid.
    of, unit : see `Bad`.
    grey : days past due from which a household that is not bad counts as indeterminate.
    level : level of the intervals.

    Returns
    -------
    DefinitionLab : the recommended days are the fewest from which less than a quarter comes back within a year (upper
        limit of the interval); the recommended window is the shortest, in steps of 30 days after the due date, that
        shows 95 % of the notes that are bad within two years of it.

    Raises
    ------
    InputError : days that do not rise, a window of another form, dates outside the book.
    """
    book = loan_book(source)
    check_level(level)
    thresholds = [int(d) for d in dpds]
    if not thresholds or sorted(set(thresholds)) != thresholds or thresholds[0] < 1:
        raise InputError(
            message("days past due that rise from 1 on", f"{tuple(dpds)}", "dpds", "(30, 60, 90) is usual.")
        )
    given = [as_of] if isinstance(as_of, str | pd.Timestamp) else list(as_of)
    dates = sorted(check_date(d, "as_of") for d in given)
    rolls = roll_out(book, thresholds, of=of, level=level)
    maturity = maturity_curves(book, thresholds, of=of)
    choice, reasons = _recommend(rolls, maturity, of, unit, level)
    definitions = [*((d, w) for d in thresholds for w in windows), (choice.dpd, choice.window)]
    samples = _samples(book, dates, definitions, of, unit)
    return DefinitionLab(
        table=_grid(samples, choice, grey, level),
        variants=_variants(book, dates, choice, level),
        rolls=rolls,
        maturity=maturity,
        choice=choice,
        reasons=reasons,
        level=level,
        stamp=Stamp(
            inputs=book.digest,
            spec=digest({"dpds": thresholds, "windows": list(windows), "of": of, "unit": unit, "grey": grey,
                         "as_of": [str(d.date()) for d in dates], "level": level}),
        ),
        facts={"dates": len(dates), "definitions": len(samples), "dpd": choice.dpd, "window": choice.window},
    )  # fmt: skip


# --- how arrears go on ---------------------------------------------------------------------------------------------


def roll_out(
    source: Any,
    dpds: Sequence[int] = DPDS,
    *,
    of: str = "principal or interest",
    months: int = OUTLOOK,
    level: float = LEVEL,
) -> pd.DataFrame:
    """How notes that reach so many days past due go on: dpd n open ended_badly cured undecided, shares with limits.

    n : notes that first reached the days at least `months` before the end of the book. ended_badly : 180 days past due,
    or written off or sold, within `months`; cured : paid, or back to no arrears, before that; undecided : the rest.
    open : notes that reached the days too late to be judged. next : those that reached the next threshold.
    """
    book = loan_book(source)
    days = days_past_due(book, of)
    lost = book.months["written_off"].to_numpy() | book.months["transferred"].to_numpy()
    end = first_month(book, (days >= BAD_END) | lost)
    last = np.full(len(book.notes), -1, dtype=np.int64)
    np.maximum.at(last, book.months["note"].to_numpy(), book.months["month"].to_numpy())
    rows = []
    for place, dpd in enumerate(dpds):
        began = first_month(book, (days >= dpd) | lost)
        hit = began < NEVER
        judged = hit & (began + months <= book.last)
        worse = end if dpd < BAD_END else first_month(book, lost)
        badly = judged & (worse <= began + months) & ((worse > began) | (dpd < BAD_END))
        back = _first_back(book, days, began)
        paid = np.where(last < book.last, last + 1, NEVER)
        cured = judged & ~badly & (np.minimum(back, paid) <= began + months)
        following = first_month(book, (days >= dpds[place + 1]) | lost) if place + 1 < len(dpds) else worse
        onward = judged & (following <= began + months)
        rows.append(_rolled(dpd, judged, hit, badly, cured, onward, level))
    return pd.DataFrame(rows)


def _rolled(
    dpd: int,
    judged: np.ndarray,
    hit: np.ndarray,
    badly: np.ndarray,
    cured: np.ndarray,
    onward: np.ndarray,
    level: float,
) -> dict[str, Any]:
    n = int(judged.sum())
    row: dict[str, Any] = {"dpd": dpd, "n": n, "open": int((hit & ~judged).sum())}
    for name, which in (("ended_badly", badly), ("cured", cured), ("next", onward)):
        count = int(which.sum())
        lo, hi = share_limits(count, n, level)
        row |= {name: count, f"{name}_share": float(ratio(count, n)), f"{name}_lo": float(lo), f"{name}_hi": float(hi)}
    return row | {"undecided": n - row["ended_badly"] - row["cured"]}


def _first_back(book: LoanBook, days: np.ndarray, began: np.ndarray) -> np.ndarray:
    """The first month without arrears after they began, per note."""
    note, month = book.months["note"].to_numpy(), book.months["month"].to_numpy()
    return first_month(book, book.on_book & (days == 0) & (month > began[note]))


def maturity_curves(source: Any, dpds: Sequence[int] = DPDS, *, of: str = "principal or interest") -> pd.DataFrame:
    """The share of notes bad by each number of days after their due date: dpd plan days n bad share captured.

    Notes that fell due two years or more before the end of the book; `captured` is the share of those bad within the
    two years. Days go from -360 to 720 in steps of 30. A note is bad on the day on which it reaches the days past due.
    """
    book = loan_book(source)
    grid = np.arange(-360, 721, 30)
    past = days_past_due(book, of)
    due = book.notes["due_on"].to_numpy().astype("datetime64[D]")
    end = days_at_month_end(np.array([book.last]))[0]
    old = ~np.isnat(due) & (due + 720 <= end) & (book.granted >= book.first)
    plans = np.asarray(book.notes["plan"].fillna("(none)"), dtype=object)
    frames = []
    for dpd in dpds:
        after = _days_after_due(book, past, dpd, due)
        for plan in ["all", *sorted(set(plans[old].tolist()))]:
            which = old if plan == "all" else old & (plans == plan)
            bad = (after[which][None, :] <= grid[:, None]).sum(axis=1)
            frames.append(
                pd.DataFrame(
                    {"dpd": dpd, "plan": plan, "kind": "all" if plan == "all" else plan_kind(plan), "days": grid,
                     "n": int(which.sum()), "bad": bad, "share": ratio(bad, which.sum()),
                     "captured": ratio(bad, bad[-1])}
                )
            )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def _days_after_due(book: LoanBook, past: np.ndarray, dpd: int, due: np.ndarray) -> np.ndarray:
    """Days from each note's due date to the day on which it reached the days past due; huge if it never did."""
    hit = (past >= dpd) | book.months["written_off"].to_numpy()
    first = first_month(book, hit)
    note, month = book.months["note"].to_numpy(), book.months["month"].to_numpy()
    row = np.flatnonzero(hit & (month == first[note]))
    over = np.maximum(past[row] - dpd, 0)
    day = days_at_month_end(month[row]) - over.astype("timedelta64[D]")
    after = np.full(len(book.notes), np.iinfo(np.int64).max)
    after[note[row]] = (day - due[note[row]]).astype(np.int64)
    return after


# --- the grid ------------------------------------------------------------------------------------------------------


def _samples(
    book: LoanBook, dates: list[pd.Timestamp], definitions: list[tuple[int, str]], of: str, unit: str
) -> dict[tuple[int, str], list[Judged]]:
    """The sample of each definition at each date; a window that ends before the days past due is not asked."""
    samples: dict[tuple[int, str], list[Judged]] = {}
    for dpd, window in sorted(set(definitions), key=lambda d: (d[0], _length(d[1]))):
        after = Bad(dpd=1, window=window).days_after_due
        if after is None or after >= dpd:
            bad = Bad(dpd=dpd, of=of, unit=unit, window=window)
            samples[dpd, window] = [judged(book, day, bad) for day in dates]
    return samples


def _grid(samples: dict[tuple[int, str], list[Judged]], choice: Bad, grey: int, level: float) -> pd.DataFrame:
    keys = {key: _keyed(parts) for key, parts in samples.items()}
    chosen = keys.get((choice.dpd, choice.window))
    rows = []
    for (dpd, window), parts in samples.items():
        bad = keys[dpd, window]
        longest = max((k for k in samples if k[0] == dpd), key=lambda k: _length(k[1]))
        n, bads = len(bad), int(bad.sum())
        lo, hi = share_limits(bads, n, level)
        refused, plans = _refused(parts)
        spread, p_value = _between([p.bad for p in parts])
        rows.append(
            {
                "dpd": dpd, "window": window, "n": n, "bads": bads, "bad_rate": float(ratio(bads, n)), "lo": float(lo),
                "hi": float(hi), "indeterminate": _indeterminate(parts, grey),
                "left_out": _step(parts, "window not complete"), "refused_notes": refused,
                "refused_plans": plans, "captured": _captured(bad, keys[longest]),
                "kappa": float("nan") if chosen is None else _kappa(bad, chosen), "dates": len(parts),
                "spread": float(spread), "p_value": float(p_value),
                "reason": "" if n else "该窗口内没有可判断的借据 no note could be judged within this window",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _variants(book: LoanBook, dates: list[pd.Timestamp], choice: Bad, level: float) -> pd.DataFrame:
    """The choice on principal, on interest and on either, by household and by note."""
    rows = []
    for of in WHAT:
        for unit in UNITS:
            bad = replace(choice, of=of, unit=unit)
            parts = [judged(book, day, bad).bad for day in dates]
            n, bads = sum(map(len, parts)), int(sum(p.sum() for p in parts))
            lo, hi = share_limits(bads, n, level)
            rows.append(
                {"of": of, "unit": unit, "n": n, "bads": bads, "bad_rate": float(ratio(bads, n)), "lo": float(lo),
                 "hi": float(hi), "reason": _untold(book, of)}
            )  # fmt: skip
    return pd.DataFrame(rows)


def _untold(book: LoanBook, of: str) -> str:
    """Why arrears of principal or interest alone cannot be told from this tape; empty where they can."""
    if of == WHAT[0] or (book.months[f"overdue_{of}"].to_numpy() > 0).any():
        return ""
    return f"台账没有该项欠款金额 the tape has no amount of overdue {of}"


def _keyed(parts: list[Judged]) -> pd.Series:
    """Bad by number of the date and household (or note)."""
    return pd.concat([p.bad for p in parts], keys=range(len(parts)))


def _length(window: str) -> int:
    """An order of windows: those by maturity after those in months."""
    bad = Bad(dpd=1, window=window)
    return bad.months if bad.months is not None else 10_000 + (bad.days_after_due or 0)


def _indeterminate(parts: list[Judged], grey: int) -> int:
    return sum(int(((p.worst >= grey) & (p.bad == 0)).sum()) for p in parts)


def _step(parts: list[Judged], name: str) -> int:
    return int(sum(p.steps.get(name, 0) for p in parts))


def _refused(parts: list[Judged]) -> tuple[int, str]:
    counts: dict[str, int] = {}
    for part in parts:
        for plan, n in part.refused.items():
            counts[plan] = counts.get(plan, 0) + n
    return sum(counts.values()), ", ".join(f"{plan} {n}" for plan, n in sorted(counts.items()))


def _captured(bad: pd.Series, longest: pd.Series) -> float:
    """Of those in both samples that are bad by the longest window, the share bad by this one."""
    both = longest[longest == 1].index.intersection(bad.index)
    return float(ratio(bad.loc[both].sum(), len(both)))


def _kappa(bad: pd.Series, chosen: pd.Series) -> float:
    """Agreement beyond chance on the households in both samples: J. Cohen, 1960."""
    both = bad.index.intersection(chosen.index)
    a, b = bad.loc[both].to_numpy(dtype=float), chosen.loc[both].to_numpy(dtype=float)
    if not len(both):
        return float("nan")
    same, chance = (a == b).mean(), a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
    return float((same - chance) / (1 - chance)) if chance < 1 else float("nan")


def _between(outcomes: list[pd.Series]) -> tuple[float | NotEstimable, float | NotEstimable]:
    """The spread of the bad rate between dates beyond chance, and the p-value of equal rates."""
    from scipy.stats import chi2

    n = np.array([len(o) for o in outcomes], dtype=float)
    bad = np.array([o.sum() for o in outcomes], dtype=float)
    kept = n > 0
    n, bad = n[kept], bad[kept]
    if len(n) < 2 or bad.sum() == 0 or bad.sum() == n.sum():
        none = NotEstimable("fewer than two dates, or no bad")
        return none, none
    rate = bad.sum() / n.sum()
    weighted = float((n * (bad / n - rate) ** 2).sum())
    statistic, df = weighted / (rate * (1 - rate)), len(n) - 1
    size = n.sum() - (n**2).sum() / n.sum()
    return float(np.sqrt(max(0.0, (weighted - df * rate * (1 - rate)) / size))), float(chi2.sf(statistic, df))


# --- the recommendation --------------------------------------------------------------------------------------------


def _recommend(
    rolls: pd.DataFrame, maturity: pd.DataFrame, of: str, unit: str, level: float
) -> tuple[Bad, tuple[tuple[str, str], ...]]:
    sure = rolls[rolls["cured_hi"] < COME_BACK]
    if len(sure):
        row = sure.iloc[0]
        dpd = int(row["dpd"])
        share = f"{row['cured_share']:.0%}"
        limits = f"{row['cured_lo']:.0%}–{row['cured_hi']:.0%}"
        days = (
            f"达到 {dpd} 天的 {row['n']:.0f} 笔借据中，{OUTLOOK} 个月内只有 {share}（{limits}）回到正常或结清："
            f"这是回头者少于 {COME_BACK:.0%} 的最小天数。",
            f"of the {row['n']:.0f} notes that reached {dpd} days, only {share} ({limits}) came back or were paid "
            f"within {OUTLOOK} months: the fewest days from which less than {COME_BACK:.0%} comes back.",
        )
    else:
        dpd = 90
        days = (
            f"没有一个天数能以足够把握认定回头者少于 {COME_BACK:.0%}；沿用监管的 90 天。",
            f"at no number of days is it certain enough that less than {COME_BACK:.0%} comes back; the 90 days of the "
            "supervisor are kept.",
        )
    window, why = _window(maturity, dpd)
    return Bad(dpd=dpd, of=of, unit=unit, window=f"maturity+{window}d"), (days, why)


def _window(maturity: pd.DataFrame, dpd: int) -> tuple[int, tuple[str, str]]:
    """The shortest window after the due date that shows 95 % of the bad of every plan that has enough of them."""
    least = -(-dpd // 30) * 30
    curves = maturity[maturity["dpd"] == (dpd if dpd in set(maturity["dpd"]) else maturity["dpd"].iloc[0])]
    whole = curves[curves["plan"] == "all"].set_index("days")
    if not len(whole) or not whole["bad"].iloc[-1]:
        days = least + 30
        return days, (
            f"没有足够久远的到期借据可供判断窗口；取到期日加 {days} 天。",
            f"no note that fell due long enough ago can tell the window; the due date plus {days} days is taken.",
        )
    enough = whole.index[(whole["captured"] >= CAPTURED) & (whole.index >= least)]
    days = int(enough[0])
    share, bad = whole.loc[days, "captured"], int(whole["bad"].iloc[-1])
    return days, (
        f"到期日加 {days} 天的窗口显示出两年内全部坏借据（{bad} 笔）的 {share:.1%}；再短则本金无法显示 {dpd} 天逾期。"
        if days == least
        else f"到期日加 {days} 天是显示出两年内坏借据（{bad} 笔）95% 的最短窗口（{share:.1%}）。",
        f"a window of the due date plus {days} days shows {share:.1%} of the {bad} notes bad within two years; a "
        f"shorter one cannot show {dpd} days on the principal."
        if days == least
        else f"the due date plus {days} days is the shortest window that shows 95 % of the {bad} notes bad within two "
        f"years ({share:.1%}).",
    )
