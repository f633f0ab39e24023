"""What comes back of bad loans: recovery curves, loss given default, cure, expected loss.

A recovery curve that uses only closed cases is too good or too bad; here every note counts in each month in which it
could be seen, whether or not its case has ended. A note that was sold leaves the count at the sale, because the price
is not on the tape. Flows are discounted at the note's own rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_level
from creditlab.errors import InputError, message
from creditlab.loans.book import LoanBook, loan_book, month_ends
from creditlab.loans.groups import groups
from creditlab.loans.hazards import HazardModel
from creditlab.loans.hits import NEVER, days_past_due, first_month
from creditlab.loans.shares import LEVEL, ratio, share_limits
from creditlab.results import Result, Stamp, digest

#: fewest notes seen to a month for which a recovery is still estimated
FEWEST = 10
DRAWS = 400


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Recoveries(Result):
    """A row per group and month since the default: group month notes seen ead recovered cured lo hi lgd reason.

    seen : notes that could be seen so long; recovered : share of their balance at default that has come back,
    discounted; lo and hi by resampling villages; cured : share of notes paid in full or without arrears again by then.
    `cases` has a row per defaulted note.
    """

    title: ClassVar[str] = "Recoveries 清收"
    plots: ClassVar[str] = "loans"

    cases: pd.DataFrame
    level: float
    by: str | None

    def lgd(self, month: int = 24) -> pd.DataFrame:
        """Loss given default by group after so many months: group notes seen lgd lo hi cured reason."""
        rows = self.table[self.table["month"] == month]
        if not len(rows):
            raise InputError(
                message(f"a month from 0 to {self.table['month'].max()}", repr(month), "lgd", "Take another month.")
            )
        swapped = rows.assign(lo=1 - rows["hi"], hi=1 - rows["lo"])
        return swapped[["group", "notes", "seen", "ead", "lgd", "lo", "hi", "cured", "reason"]].reset_index(drop=True)


def recoveries(
    source: Any,
    by: str | None = None,
    *,
    over: int = 90,
    longest: int = 36,
    discount: bool = True,
    level: float = LEVEL,
    seed: int = 0,
) -> Recoveries:
    """Recovery curves of the notes that were more than `over` days past due or written off.

    Parameters
    ----------
    source : a `County`, a mapping of frames, or a `LoanBook`.
    by : None, or a column of the notes: 'guarantee', 'product', 'village_id', …
    over : days past due beyond which a note is in default.
    longest : the last month since the default.
    discount : at the note's yearly rate, back to the default.
    level, seed : level of the intervals, and the seed of their resampling (400 draws of villages).

    Raises
    ------
    InputError : no note was ever in default.
    """
    book = loan_book(source)
    check_level(level)
    cases, flow, seen, cured = _cases(book, over, longest, discount)
    if not len(cases):
        raise InputError(
            message(f"a note more than {over} days past due", "none", "recoveries", "There is nothing to recover.")
        )
    place, names = groups(book, by)
    group = place[cases["note"].to_numpy()]
    cluster = pd.factorize(cases["village_id"].fillna("(none)"), sort=True)[0]
    tables = []
    for number, name in enumerate(names):
        rows = np.flatnonzero(group == number)
        if len(rows):
            part = _curve(
                cases["ead"].to_numpy()[rows], flow[rows], seen[rows], cured[rows], cluster[rows], level, seed
            )
            part.insert(0, "group", name)
            tables.append(part)
    table = pd.concat(tables, ignore_index=True)
    whole = cases["ead"].sum()
    return Recoveries(
        table=table,
        cases=cases.drop(columns="note"),
        level=level,
        by=by,
        stamp=Stamp(
            inputs=book.digest,
            spec=digest({"by": by, "over": over, "longest": longest, "discount": discount, "level": level}),
            seed=seed,
        ),
        facts={
            "notes": len(cases),
            "ead": float(whole),
            "paid back so far": float(cases["paid"].sum()),
            "sold": int((cases["end"] == "transferred").sum()),
            "still open": int((cases["end"] == "open").sum()),
        },
    )


def _cases(
    book: LoanBook, over: int, longest: int, discount: bool
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """The defaulted notes; and per note and month since the default: flow, whether it can be seen, whether it is
    cured."""
    months = book.months
    note, month = months["note"].to_numpy(), months["month"].to_numpy()
    off, sold = months["written_off"].to_numpy(), months["transferred"].to_numpy()
    days = days_past_due(book)
    start = first_month(book, (book.on_book & (days > over)) | (off & (months["balance"].to_numpy() > 0)))
    start = np.minimum(start, first_month(book, off) - 1)
    bad = np.flatnonzero(start < NEVER - 1)
    place = np.full(len(book.notes), -1)
    place[bad] = np.arange(len(bad))
    rows = np.flatnonzero(place[note] >= 0)
    who, age = place[note[rows]], month[rows] - start[note[rows]]
    width = longest + 1
    held = np.zeros((len(bad), width + 1))
    inside = (age >= 0) & (age <= width)
    on = book.on_book[rows]
    held[who[inside & on], age[inside & on]] = months["balance"].to_numpy()[rows][inside & on]
    ead = held[:, 0].copy()
    gone_off, gone_sold = first_month(book, off)[bad] - start[bad], first_month(book, sold)[bad] - start[bad]
    flow = np.maximum(held[:, :width] - held[:, 1 : width + 1], 0.0)
    flow = np.concatenate([np.zeros((len(bad), 1)), flow[:, : width - 1]], axis=1)
    ages = np.arange(width)
    # the balance that leaves the book by write-off or sale is no money
    flow[(ages == gone_off[:, None]) | (ages == gone_sold[:, None])] = 0.0
    back = inside & (age < width)
    np.add.at(flow, (who[back], age[back]), months["recovered"].to_numpy()[rows][back])
    seen = (start[bad][:, None] + ages <= book.last) & (ages < gone_sold[:, None])
    flow = np.where(seen, flow, 0.0)
    clean = np.zeros((len(bad), width), dtype=bool)
    clear = back & on & (days[rows] == 0) & (age > 0)
    clean[who[clear], age[clear]] = True
    paid = (held[:, :width] <= 0) & (ages > 0) & (ages < np.minimum(gone_off, gone_sold)[:, None]) & seen
    cured = np.maximum.accumulate(clean | paid, axis=1)
    total = flow.sum(axis=1)
    if discount:
        rate = book.notes["rate"].fillna(0.0).to_numpy()[bad]
        flow = flow / (1 + rate[:, None]) ** (ages / 12)
    end = np.select(
        [gone_sold < NEVER - start[bad], gone_off < NEVER - start[bad], paid.any(axis=1)],
        ["transferred", "written_off", "paid"],
        "open",
    )
    frame = pd.DataFrame(
        {
            "note": bad,
            "note_id": book.notes["note_id"].to_numpy()[bad],
            "household_id": book.notes["household_id"].to_numpy()[bad],
            "village_id": book.notes["village_id"].to_numpy()[bad],
            "defaulted": month_ends(start[bad]),
            "ead": ead,
            "paid": total,
            "end": end,
            "months_seen": np.minimum(seen.sum(axis=1) - 1, longest),
        }
    )
    kept = ead > 0
    return frame[kept].reset_index(drop=True), flow[kept], seen[kept], cured[kept]


def _curve(
    ead: np.ndarray, flow: np.ndarray, seen: np.ndarray, cured: np.ndarray, cluster: np.ndarray, level: float, seed: int
) -> pd.DataFrame:
    """The curve of one group with limits by resampling clusters."""
    estimate = _cumulated(flow.sum(axis=0)[None, :], (ead[:, None] * seen).sum(axis=0)[None, :])[0]
    names, of = np.unique(cluster, return_inverse=True)
    size = flow.shape[1]
    sums = np.zeros((len(names), 2 * size))
    np.add.at(sums, of, np.concatenate([flow, ead[:, None] * seen], axis=1))
    rng = np.random.default_rng(seed)
    weight = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS).astype(float)
    drawn = weight @ sums
    curves = _cumulated(drawn[:, :size], drawn[:, size:])
    n = seen.sum(axis=0)
    enough = (n >= FEWEST) & (len(names) > 1)
    # a draw may have nobody who could be seen so long: its curve stays where it was
    lo, hi = np.quantile(_carried(curves), [(1 - level) / 2, (1 + level) / 2], axis=0)
    share = (cured & seen).sum(axis=0)
    low, high = share_limits(share, n, level)
    return pd.DataFrame(
        {
            "month": np.arange(size),
            "notes": len(ead),
            "seen": n,
            "ead": (ead[:, None] * seen).sum(axis=0),
            "recovered": np.where(enough, estimate, np.nan),
            "lo": np.where(enough, lo, np.nan),
            "hi": np.where(enough, hi, np.nan),
            "lgd": np.where(enough, 1 - estimate, np.nan),
            "cured": np.where(enough, ratio(share, n), np.nan),
            "cured_lo": np.where(enough, low, np.nan),
            "cured_hi": np.where(enough, high, np.nan),
            "reason": np.where(
                enough,
                "",
                f"不足 {FEWEST} 笔或仅一村 fewer than {FEWEST} notes, or one village, can be seen so long",
            ),
        }
    )


def _cumulated(flow: np.ndarray, at_risk: np.ndarray) -> np.ndarray:
    """Sums over the months of what came in over the balance of those who could be seen in that month."""
    share = np.divide(flow, at_risk, out=np.full(flow.shape, np.nan), where=at_risk > 0)
    return np.cumsum(share, axis=1)


def _carried(curves: np.ndarray) -> np.ndarray:
    """Curves whose missing end is their last value."""
    known = np.where(np.isnan(curves), -np.inf, curves)
    return np.maximum.accumulate(np.where(np.isneginf(known), 0.0, known), axis=1)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ExpectedLoss(Result):
    """A row per village: village_id notes ead pd lgd expected_loss rate lo hi; amounts in yuan."""

    title: ClassVar[str] = "Expected loss 预期损失"
    plots: ClassVar[str] = "loans"

    level: float


def expected_loss(
    model: HazardModel, losses: Recoveries, source: Any, as_of: Any, *, horizon: int | str = "maturity", month: int = 24
) -> ExpectedLoss:
    """PD × LGD × balance of the open notes that are not bad, by village.

    Parameters
    ----------
    model : the hazard; losses : recoveries without a breakdown, or by a column of the notes.
    source, as_of : the book and the date. horizon : of the PD. month : months after the default to which LGD is taken.

    The interval carries the uncertainty of the PD's village effect and of the LGD, added in squares.

    Raises
    ------
    InputError : an LGD that cannot be estimated for the month.
    """
    book = loan_book(source)
    prob = model.predict(book, as_of, horizon)
    table = losses.lgd(month).set_index("group")
    whole = _whole_lgd(losses, month)
    notes = book.notes.set_index("note_id")
    group = notes[losses.by].reindex(prob["note_id"]).astype("str").to_numpy() if losses.by else ["all"] * len(prob)
    own = table.reindex(group)[["lgd", "lo", "hi"]].reset_index(drop=True)
    lgd = own.where(own["lgd"].notna(), pd.DataFrame([whole] * len(own), columns=["lgd", "lo", "hi"]))
    balance = _balances(book, as_of).reindex(prob["note_id"]).fillna(0.0).to_numpy()
    prob = prob.assign(ead=balance, lgd=lgd["lgd"], loss=balance * prob["pd"] * lgd["lgd"])
    for side in ("lo", "hi"):
        gap_pd = (prob[side] - prob["pd"]) * balance * lgd["lgd"]
        gap_lgd = (lgd[side] - lgd["lgd"]) * balance * prob["pd"]
        prob[f"gap_pd_{side}"], prob[f"gap_lgd_{side}"] = gap_pd, gap_lgd
    return ExpectedLoss(
        table=_by_village(prob),
        level=losses.level,
        stamp=Stamp(
            inputs=digest(model.stamp.to_dict(), losses.stamp.to_dict(), book.digest),
            spec=digest({"as_of": str(as_of), "horizon": horizon, "month": month}),
        ),
        facts={
            "notes": len(prob),
            "ead": float(prob["ead"].sum()),
            "expected_loss": float(prob["loss"].sum()),
            "rate": float(ratio(prob["loss"].sum(), prob["ead"].sum())),
            "lgd": float(whole[0]),
        },
    )


def _whole_lgd(losses: Recoveries, month: int) -> list[float]:
    """The LGD over all groups, weighted by balance, for groups that have none of their own."""
    rows = losses.lgd(month).dropna(subset=["lgd"])
    if not len(rows):
        raise InputError(
            message(
                f"an LGD after {month} months", "too few notes in every group", "expected_loss", "Take fewer months."
            )
        )
    weight = rows["ead"] / rows["ead"].sum()
    return [float((rows[c] * weight).sum()) for c in ("lgd", "lo", "hi")]


def _balances(book: LoanBook, as_of: Any) -> pd.Series:
    """Balance by note at the last month end no later than a date."""
    until = book.until(as_of)
    at = until.on_book & (until.months["month"].to_numpy() == until.last)
    names = until.notes["note_id"].iloc[until.months["note"].to_numpy()[at]]
    return pd.Series(until.months["balance"].to_numpy()[at], index=names.to_numpy())


def _by_village(prob: pd.DataFrame) -> pd.DataFrame:
    village = prob["village_id"].astype("str").fillna("(none)")
    sums = prob.assign(weighted=prob["pd"] * prob["ead"], village_id=village).groupby("village_id", as_index=False).agg(
        notes=("ead", "size"), ead=("ead", "sum"), weighted=("weighted", "sum"), expected_loss=("loss", "sum"),
        gap_pd_lo=("gap_pd_lo", "sum"), gap_pd_hi=("gap_pd_hi", "sum"), gap_lgd_lo=("gap_lgd_lo", "sum"),
        gap_lgd_hi=("gap_lgd_hi", "sum"),
    )  # fmt: skip
    down = np.hypot(sums["gap_pd_lo"], sums["gap_lgd_lo"])
    up = np.hypot(sums["gap_pd_hi"], sums["gap_lgd_hi"])
    table = sums.assign(
        pd=ratio(sums["weighted"], sums["ead"]),
        lgd=ratio(sums["expected_loss"], sums["weighted"]),
        rate=ratio(sums["expected_loss"], sums["ead"]),
        lo=np.maximum(sums["expected_loss"] - down, 0.0),
        hi=np.minimum(sums["expected_loss"] + up, sums["ead"]),
    )
    return table[["village_id", "notes", "ead", "pd", "lgd", "expected_loss", "rate", "lo", "hi"]]
