"""Applications by channel (branch, agent, mobile, WeChat): who asks, who is granted, who then goes bad.

Channels attract different borrowers and products, so their plain rates cannot be compared. Beside each rate stands what
the same mixture of product, amount and year would give in the whole bank (indirect standardisation); what remains may
be the channel, or what the tables do not show. Households that are refused and try another channel are counted too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_columns, check_frame, check_level
from creditlab.errors import InputError, message
from creditlab.loans.bad import Bad
from creditlab.loans.book import LoanBook, loan_book, month_ends, month_number
from creditlab.loans.hits import NEVER, days_past_due, first_month
from creditlab.loans.reading import dates, names, numbers
from creditlab.loans.shares import LEVEL, ratio, share_limits
from creditlab.results import NotEstimable, Result, Stamp, digest

#: days within which a second application counts as another try
TRY_AGAIN = 180
DECISIONS = ("granted", "refused", "withdrawn")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Channels(Result):
    """A row per channel: the funnel (applied granted refused withdrawn open drawn judged bad), approval and bad rate
    with limits, days to decide, and O/E of approvals and of bads against the bank's rates for the same mixture.

    drawn: a note of the application is on the tape; judged: its window is complete. approval = granted over granted and
    refused. `reapplied` follows those who were refused and tried again within 180 days.
    """

    title: ClassVar[str] = "Applications by channel 各渠道申请"
    plots: ClassVar[str] = "loans"

    reapplied: pd.DataFrame
    strata: pd.DataFrame
    level: float


def channel_funnel(
    county: Any,
    *,
    bad: Bad | None = None,
    strata: tuple[str, ...] = ("product", "amount", "year"),
    bands: int = 3,
    level: float = LEVEL,
) -> Channels:
    """The funnel of applications by channel, with the selection between the channels.

    Parameters
    ----------
    county : a `County` with the tables applications, loans and loan_months.
    bad : days past due and the window after the due date by which a granted note is judged.
    strata : what channels are made comparable by: 'product', 'amount' (in `bands` bands of equal numbers), 'year'.
    level : level of the intervals (Jeffreys for rates, exact Poisson for O/E).

    Raises
    ------
    InputError : no applications, a window in months.
    """
    check_level(level)
    bad = bad or Bad(unit="note")
    if bad.days_after_due is None:
        raise InputError(
            message("a window by maturity", repr(bad.window), "channel_funnel", "Use Bad(window='maturity+120d').")
        )
    book = loan_book(county)
    asked = _applications(county, book, bad)
    asked["stratum"] = _stratum(asked, strata, bands)
    table = _funnel(asked, level)
    table = table.merge(_standardised(asked, level), on="channel", validate="1:1")
    return Channels(
        table=table,
        reapplied=_reapplied(asked, level),
        strata=asked.groupby("stratum", as_index=False).agg(
            applied=("decision", "size"), granted=("granted", "sum"), refused=("refused", "sum"), bad=("bad", "sum")
        ),
        level=level,
        stamp=Stamp(
            inputs=digest(book.digest, asked),
            spec=digest({"bad": bad.to_dict(), "strata": list(strata), "bands": bands}),
        ),
        facts={
            "applications": len(asked),
            "granted": int(asked["granted"].sum()),
            "judged": int(asked["judged"].sum()),
            "bad": int(asked["bad"].sum()),
            "p_value approval": _cmh(asked[asked["granted"] | asked["refused"]], "granted"),
            "p_value bad": _cmh(asked[asked["judged"]], "bad"),
        },
    )


def _applications(county: Any, book: LoanBook, bad: Bad) -> pd.DataFrame:
    tables = county if isinstance(county, dict) else getattr(county, "tables", {})
    if "applications" not in tables:
        raise InputError(message("the table applications", "none", "county folder", "Without it there is no funnel."))
    frame: pd.DataFrame = getattr(tables["applications"], "frame", tables["applications"])
    check_frame(frame, "applications")
    check_columns(frame, ["household_id", "channel", "product", "amount", "applied_on", "decision"], "applications")
    asked = frame.reset_index(drop=True).copy()
    for column in ("applied_on", "decided_on"):
        given = asked[column] if column in asked else pd.Series(pd.NaT, index=asked.index, dtype="datetime64[us]")
        asked[column] = dates(given, column, "applications")
    asked["amount"] = numbers(asked["amount"], "amount", "applications")
    for column in ("decision", "household_id", "product", "channel"):
        asked[column] = names(asked[column])
    asked["channel"] = asked["channel"].fillna("(none)")
    for decision in ("granted", "refused"):
        asked[decision] = asked["decision"].eq(decision).fillna(False).astype(bool)
    outcome = _note_outcomes(book, bad)
    note = names(asked["note_id"]) if "note_id" in asked else pd.Series(pd.NA, index=asked.index, dtype="str")
    for column in ("drawn", "judged", "bad"):
        asked[column] = note.isin(outcome.index[outcome[column]]) & asked["granted"]
    return asked


def _note_outcomes(book: LoanBook, bad: Bad) -> pd.DataFrame:
    """Per note: drawn (on the tape), judged (its window is complete), bad within it."""
    hit = (days_past_due(book, bad.of) >= bad.dpd) | book.months["written_off"].to_numpy()
    event = first_month(book, hit)
    end = book.notes["due_on"] + pd.Timedelta(days=bad.days_after_due or 0)
    judged = (end <= month_ends([book.last])[0]).to_numpy()
    within = (event < NEVER) & (event <= month_number(end))
    return pd.DataFrame({"drawn": True, "judged": judged, "bad": judged & within}, index=book.notes["note_id"])


def _stratum(asked: pd.DataFrame, strata: tuple[str, ...], bands: int) -> pd.Series:
    known = {
        "product": lambda: asked["product"].astype("str").fillna("(none)"),
        "amount": lambda: _bands(asked["amount"], bands),
        "year": lambda: asked["applied_on"].dt.year.astype("str"),
    }
    wrong = [s for s in strata if s not in known]
    if wrong:
        raise InputError(message(f"strata among {', '.join(known)}", repr(wrong[0]), "strata", "Use one of these."))
    parts = [known[s]() for s in strata]
    joined = pd.Series("all", index=asked.index) if not parts else parts[0]
    for part in parts[1:]:
        joined = joined + " · " + part
    return joined


def _bands(amount: pd.Series, bands: int) -> pd.Series:
    rank = pd.to_numeric(amount, errors="coerce").rank(method="average", pct=True)
    return "band " + np.ceil(rank * bands).clip(1, bands).fillna(0).astype(int).astype("str")


def _funnel(asked: pd.DataFrame, level: float) -> pd.DataFrame:
    asked = asked.assign(
        withdrawn=asked["decision"].eq("withdrawn").fillna(False),
        open=~asked["decision"].isin(DECISIONS),
        days=(asked["decided_on"] - asked["applied_on"]).dt.days,
        granted_amount=asked["amount"].where(asked["granted"], 0),
    )
    table = asked.groupby("channel", as_index=False).agg(
        applied=("decision", "size"),
        granted=("granted", "sum"),
        refused=("refused", "sum"),
        withdrawn=("withdrawn", "sum"),
        open=("open", "sum"),
        drawn=("drawn", "sum"),
        judged=("judged", "sum"),
        bad=("bad", "sum"),
        amount=("amount", "sum"),
        granted_amount=("granted_amount", "sum"),
        days_median=("days", "median"),
    )
    table["applied"] = asked.groupby("channel").size().to_numpy()
    decided = table["granted"] + table["refused"]
    for name, part, whole in (("approval", table["granted"], decided), ("bad_rate", table["bad"], table["judged"])):
        lo, hi = share_limits(part, whole, level)
        table = table.assign(**{name: ratio(part, whole), f"{name}_lo": lo, f"{name}_hi": hi})
    return table.assign(withdrawn_share=ratio(table["withdrawn"], table["applied"]))


def _standardised(asked: pd.DataFrame, level: float) -> pd.DataFrame:
    """Approvals and bads over those that the bank's rates of the same strata lead one to expect."""
    table = pd.DataFrame({"channel": sorted(pd.unique(asked["channel"]))})
    for name, rows, event in (
        ("approval", asked["granted"] | asked["refused"], "granted"),
        ("bad", asked["judged"], "bad"),
    ):
        part = asked[rows]
        rate = part.groupby("stratum")[event].transform("mean")
        sums = part.assign(expected=rate).groupby("channel").agg(seen=(event, "sum"), expected=("expected", "sum"))
        sums = sums.reindex(table["channel"]).fillna(0.0)
        lo, hi = _poisson(sums["seen"].to_numpy(dtype=float), level)
        expected = sums["expected"].to_numpy()
        table[f"{name}_expected"] = expected
        table[f"{name}_oe"] = ratio(sums["seen"], expected)
        table[f"{name}_oe_lo"], table[f"{name}_oe_hi"] = ratio(lo, expected), ratio(hi, expected)
    return table


def _poisson(count: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Exact limits of a Poisson mean (F. Garwood, Biometrika 28 (1936) 437-442)."""
    from scipy.special import gammaincinv

    tail = (1 - level) / 2
    lo = np.where(count == 0, 0.0, gammaincinv(np.where(count == 0, 1, count), tail))
    return lo, gammaincinv(count + 1, 1 - tail)


def _cmh(rows: pd.DataFrame, event: str) -> float | NotEstimable:
    """p-value of equal odds of all channels within strata: generalised Cochran-Mantel-Haenszel test.

    N. Mantel, W. Haenszel, Journal of the National Cancer Institute 22 (1959) 719-748.
    """
    from scipy.stats import chi2

    names = sorted(pd.unique(rows["channel"]))
    if len(names) < 2 or rows[event].nunique() < 2:
        return NotEstimable("不足两个渠道或两种结果 fewer than two channels or outcomes")
    gap, spread = np.zeros(len(names) - 1), np.zeros((len(names) - 1, len(names) - 1))
    for _, part in rows.groupby("stratum"):
        n = part.groupby("channel").size().reindex(names, fill_value=0).to_numpy(dtype=float)
        seen = part.groupby("channel")[event].sum().reindex(names, fill_value=0).to_numpy(dtype=float)
        total, events = n.sum(), seen.sum()
        if total < 2:
            continue
        share = n[:-1] / total
        gap += seen[:-1] - events * share
        spread += events * (total - events) / (total - 1) * (np.diag(share) - np.outer(share, share))
    rank = int(np.linalg.matrix_rank(spread))
    if not rank:
        return NotEstimable("没有一层同时有两个渠道和两种结果 no stratum with two channels and two outcomes")
    return float(chi2.sf(gap @ np.linalg.pinv(spread, hermitian=True) @ gap, rank))


def _reapplied(asked: pd.DataFrame, level: float) -> pd.DataFrame:
    """Those refused: what they did within 180 days, by whether they took the same channel: way n granted judged bad."""
    order = asked.sort_values(["household_id", "applied_on"], kind="stable")
    order = order[order["household_id"].notna()]
    following = order.groupby("household_id").shift(-1)
    soon = (following["applied_on"] - order["applied_on"]).dt.days <= TRY_AGAIN
    same = following["channel"] == order["channel"]
    way = np.select([~soon.fillna(False), same], ["not again", "same channel"], "another channel")
    refused = order["refused"].to_numpy(dtype=bool)
    frame = pd.DataFrame({"way": way[refused]})
    for column in ("granted", "judged", "bad"):
        frame[column] = following[column].to_numpy()[refused] == True  # noqa: E712  (missing is not true)
        frame.loc[frame["way"] == "not again", column] = False
    table = frame.groupby("way", as_index=False).agg(
        n=("granted", "size"), granted=("granted", "sum"), judged=("judged", "sum"), bad=("bad", "sum")
    )
    # who did not ask again could not be granted
    asked_again = table["n"].where(table["way"] != "not again", 0)
    lo, hi = share_limits(table["granted"], asked_again, level)
    return table.assign(approval=ratio(table["granted"], asked_again), lo=lo, hi=hi)
