"""Where a village is going: migration between states, trends, change points, and who is new on the list.

Use `early_warning` on the states of two dates before loans are bad, `trends` and `change_points` on
counts by period whose expected numbers already carry the season (`seasonal_expected`), `new_and_gone` on the lists of
two dates. All of them are shrunken or tested for the number of villages; none of them forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtr

from creditlab.checks import check_columns, check_level
from creditlab.errors import InputError, message, some
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.village.counts import check_counts, totals, village_codes
from creditlab.village.smoothing import NO_BADS, PoissonGamma

#: five classes from best to worst; other orders are given to `early_warning`
CLASSES = ("normal", "special_mention", "substandard", "doubtful", "loss")
#: random series per village behind the p-value of a change point
SERIES = 999
#: grids of the spread of the villages' levels and slopes (log O/E, and log O/E per year)
LEVEL_SPREADS, SLOPE_SPREADS = (0.1, 0.25, 0.45, 0.7, 1.1), (0.03, 0.07, 0.14, 0.25, 0.45, 0.8)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class EarlyWarning(Result):
    """Early warning: village n worse better expected ratio estimate lo hi p_above.

    `worse` are loans in a worse state at the end than at the start, `expected` those that the county's moves give for
    the states in which the village's loans began, `estimate` the shrunken worse/expected.
    """

    title: ClassVar[str] = "Early warning from migration 迁徙预警"
    plots: ClassVar[str] = "village_why"

    smoothing: Any


def early_warning(
    start: Any, end: Any, village: Any, order: Sequence[str] = CLASSES, level: float = 0.9
) -> EarlyWarning:
    """How many loans of each village moved to a worse state, against what the county's moves lead one to expect.

    Parameters
    ----------
    start, end : the state of each loan on two dates (or in two buckets of days past due); loans that were repaid or new
        between them are left out before.
    village : the village of each loan.
    order : the states from best to worst.

    Returns
    -------
    EarlyWarning, a row per village in sorted order. Where no loan of the county worsened, estimates are NaN.

    Raises
    ------
    InputError : a state outside `order`, arrays of unequal length.

    >>> start, end = ["normal"] * 6, ["normal", "special_mention", "special_mention", "normal", "normal", "normal"]
    >>> early_warning(start, end, list("AAABBB")).tidy()[["village", "worse", "expected"]].values.tolist()
    [['A', 2, 1.0], ['B', 0, 1.0]]
    """
    level, states = check_level(level), tuple(order)
    a, b = (_states(values, states, where) for values, where in ((start, "start"), (end, "end")))
    if len(a) != len(b):
        raise InputError(message("as many states at the end", f"{len(a)} and {len(b)}", "early_warning", "Align them."))
    codes, names = village_codes(village, len(a))
    began = np.bincount(codes * len(states) + a, minlength=len(names) * len(states)).reshape(len(names), -1)
    share = np.bincount(a, b > a, len(states)) / np.maximum(np.bincount(a, minlength=len(states)), 1)
    table = pd.DataFrame(
        {
            "village": names,
            "n": began.sum(axis=1),
            "worse": totals(codes, len(names), b > a).astype(int),
            "better": totals(codes, len(names), b < a).astype(int),
            "expected": began @ share,
        }
    )
    variance = np.minimum(began @ (share * (1 - share)), table["expected"])
    fit = PoissonGamma(level=level).fit(table["worse"], table["expected"], variance, names)
    found = fit.result_.tidy()[["village", "ratio", "estimate", "lo", "hi", "p_above"]]
    facts = {"villages": len(names), "n": len(a), "worse": int((b > a).sum()), "better": int((b < a).sum())}
    return EarlyWarning(
        table=table.merge(found, on="village", validate="1:1"),
        smoothing=fit.result_,
        stamp=Stamp.of([a, b, codes, pd.Series(names)], {"order": list(states), "level": level}),
        facts={**facts, "share_worse": float((b > a).mean()), "cv": fit.result_.facts["cv"], "level": level},
    )


def _states(values: Any, order: tuple[str, ...], where: str) -> np.ndarray:
    found = pd.Index(order).get_indexer(pd.Index(list(values)))
    if (found < 0).any():
        rows = some(np.flatnonzero(found < 0).tolist())
        came = f"{int((found < 0).sum())} others"
        raise InputError(message(f"states among {some(order, 9)}", came, f"{where}, rows {rows}", "Give their order."))
    if not len(found):
        raise InputError(message("at least one loan", "none", where, "Check the two dates."))
    return found


def seasonal_expected(
    observed: Any, exposure: Any, period: Any, season: Any, group: Any = None, rounds: int = 50
) -> np.ndarray:
    """Expected counts per row that carry the county's level in each period and the season of each group.

    rate = level(period) · season(group, season), fitted by alternating (the Poisson fit of a two-way table), so that
    the expected counts add up to the observed ones in every period and in every season of every group.

    Parameters
    ----------
    observed, exposure : events and loans at risk, one value per row (village and period).
    period : the period of each row, such as '2024Q1'.
    season : its season, such as the quarter of the year: harvest loans fall due once a year.
    group : what shares a season, such as the main crop; None takes one group.

    >>> seasonal_expected([2, 0, 4, 2], [10, 10, 10, 10], ["Q1", "Q1", "Q2", "Q2"], [1, 1, 2, 2]).tolist()
    [1.0, 1.0, 3.0, 3.0]
    """
    seen = check_counts(observed, "observed")
    loans = check_counts(exposure, "exposure", len(seen))
    if ((loans == 0) & (seen > 0)).any():
        raise InputError(message("exposure wherever events are", "rows without", "exposure", "Correct the counts."))
    times, _ = pd.factorize(pd.Series(list(period)))
    both = pd.Series(list(season)).astype(str)
    if group is not None:
        both = both + "\x00" + pd.Series(list(group)).astype(str)
    seasons, _ = pd.factorize(both)
    rate = np.full(len(seen), seen.sum() / max(loans.sum(), 1e-300))
    for _ in range(rounds):
        for codes in (times, seasons):
            hoped = np.bincount(codes, loans * rate)
            factor = np.bincount(codes, seen) / np.where(hoped > 0, hoped, 1.0)
            rate = rate * factor[codes]
    return loans * rate


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Trends(Result):
    """Trend of each village against the county: village periods observed expected change lo hi p_rising reason.

    `change` is the factor on O/E per year, shrunken to 1; 1.2 reads "20 % more every year than the county".
    """

    title: ClassVar[str] = "Trend of each village 各村趋势"
    plots: ClassVar[str] = "village_why"


def trends(observed: Any, expected: Any, village: Any, time: Any, level: float = 0.9) -> Trends:
    """The trend of each village's O/E per year, shrunken, with its interval.

    O_vt ~ Poisson(E_vt·exp(a_v + b_v t)), a and b normal between villages; their spreads are integrated over a grid,
    the villages' levels and slopes by Laplace's approximation.

    Parameters
    ----------
    observed, expected : events, and what the county's level and season lead one to expect (`seasonal_expected`).
    village, time : of each row; time in years, any origin.

    Returns
    -------
    Trends, a row per village in sorted order. With no event at all, or one period, the changes are NaN with a reason.

    >>> t = np.tile(np.arange(8) / 4, 2)
    >>> rising = np.round(20 * np.exp(0.8 * t[:8]))
    >>> out = trends([*rising, *[20] * 8], [20] * 16, ["A"] * 8 + ["B"] * 8, t).tidy()
    >>> bool(out["change"][0] > 1.6), bool(out["p_rising"][0] > 0.99)
    (True, True)
    """
    level = check_level(level)
    seen = check_counts(observed, "observed")
    hoped = check_counts(expected, "expected", len(seen))
    codes, names = village_codes(village, len(seen))
    years = np.asarray(time, dtype=float)
    if len(years) != len(seen) or not np.isfinite(years).all():
        raise InputError(message(f"{len(seen)} times in years", f"{len(years)}", "time", "Give a number per row."))
    table = pd.DataFrame(
        {
            "village": names,
            "periods": totals(codes, len(names)).astype(int),
            "observed": totals(codes, len(names), seen),
            "expected": totals(codes, len(names), hoped),
        }
    )
    stamp = Stamp.of([seen, hoped, codes, years, pd.Series(names)], {"level": level})
    reason = NO_BADS if not seen.sum() else "one period only 仅有一期" if not np.ptp(years) > 0 else ""
    facts: dict[str, Any] = {"villages": len(names), "rows": len(seen), "level": level}
    if reason:
        empty = dict.fromkeys(["change", "lo", "hi", "p_rising"], np.nan)
        return Trends(
            table=table.assign(**empty, reason=reason), stamp=stamp, facts={**facts, "note": NotEstimable(reason)}
        )
    centre = float((hoped * years).sum() / hoped.sum())
    slope, sd, weight, spread = _slopes(seen, hoped, codes, len(names), years - centre)
    mean = np.einsum("k,kv->v", weight, slope)
    lo, hi = (_mixed_quantile(weight, slope, sd, q) for q in ((1 - level) / 2, (1 + level) / 2))
    rising = np.einsum("k,kv->v", weight, ndtr(slope / sd))
    table = table.assign(change=np.exp(mean), lo=np.exp(lo), hi=np.exp(hi), p_rising=rising, reason="")
    return Trends(table=table, stamp=stamp, facts={**facts, "spread_per_year": spread})


def _slopes(
    seen: np.ndarray, hoped: np.ndarray, codes: np.ndarray, villages: int, t: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Slopes and their sds at every node of the two spreads (nodes × villages), the nodes' weights, and the spread."""
    shift = np.log(max(seen.sum(), 0.5) / hoped.sum())
    slopes, sds, heights, spreads = [], [], [], []
    for level_sd in LEVEL_SPREADS:
        for slope_sd in SLOPE_SPREADS:
            a, b, h, height = _village_lines(seen, hoped * np.exp(shift), codes, villages, t, level_sd, slope_sd)
            det = h[0] * h[2] - h[1] ** 2
            slopes.append(b)
            sds.append(np.sqrt(h[0] / det))
            half_log = 0.5 * np.log(det).sum() + villages * (np.log(level_sd) + np.log(slope_sd))
            # half-normal priors with sd 1 for levels and 0.5 a year for slopes; the grids are about even in log
            prior = np.log(level_sd * slope_sd) - level_sd**2 / 2 - slope_sd**2 / 0.5
            heights.append(height - half_log + prior)
            spreads.append(slope_sd)
    weight = np.exp(np.array(heights) - max(heights))
    weight /= weight.sum()
    return np.array(slopes), np.array(sds), weight, float(weight @ np.array(spreads))


def _village_lines(
    seen: np.ndarray, hoped: np.ndarray, codes: np.ndarray, villages: int, t: np.ndarray, level_sd: float,
    slope_sd: float,
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray], float]:  # fmt: skip
    """Level and slope of every village at once, by Newton; curvature (aa, ab, bb); log posterior at the mode."""
    a, b = np.zeros(villages), np.zeros(villages)
    pa, pb = level_sd**-2, slope_sd**-2
    for _ in range(40):
        mean = hoped * np.exp(np.clip(a[codes] + b[codes] * t, -20, 20))
        left = seen - mean
        g0, g1 = totals(codes, villages, left) - pa * a, totals(codes, villages, left * t) - pb * b
        h0, h1 = totals(codes, villages, mean) + pa, totals(codes, villages, mean * t)
        h2 = totals(codes, villages, mean * t**2) + pb
        det = h0 * h2 - h1**2
        da, db = (h2 * g0 - h1 * g1) / det, (h0 * g1 - h1 * g0) / det
        damp = np.minimum(1.0, 1.5 / np.maximum(np.maximum(np.abs(da), np.abs(db)), 1e-12))
        a, b = a + damp * da, b + damp * db
        if max(np.abs(da).max(), np.abs(db).max()) < 1e-8:
            break
    eta = a[codes] + b[codes] * t
    height = float((seen * eta - hoped * np.exp(np.clip(eta, -20, 20))).sum() - (pa * a**2 + pb * b**2).sum() / 2)
    return a, b, (h0, h1, h2), height


def _mixed_quantile(weight: np.ndarray, mean: np.ndarray, sd: np.ndarray, q: float) -> np.ndarray:
    """The q-quantile of a mixture of normals per village, by bisection."""
    lo, hi = (mean - 8 * sd).min(axis=0), (mean + 8 * sd).max(axis=0)
    for _ in range(60):
        middle = (lo + hi) / 2
        below = np.einsum("k,kv->v", weight, ndtr((middle - mean) / sd)) < q
        lo, hi = np.where(below, middle, lo), np.where(below, hi, middle)
    return (lo + hi) / 2


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ChangePoints(Result):
    """The most likely change of each village: village last_before before after ratio p_value q_value first last reason.

    `last_before` is the last period before the change, `before` and `after` are O/E on both sides, `ratio` their
    quotient, `first` … `last` the range of `last_before` that holds the stated share of the likelihood.
    """

    title: ClassVar[str] = "Change points 变点"
    plots: ClassVar[str] = "village_why"


def change_points(
    observed: Any, expected: Any, village: Any, period: Any, least: int = 2, level: float = 0.9, seed: int = 0
) -> ChangePoints:
    """When a village's O/E changed most, and whether chance would do as much.

    Likelihood ratio of one O/E before and another after, at its best period; the p-value is that of the largest ratio
    among random series with the village's own total, spread over the periods as expected (exact under Poisson, without
    nuisance). q-values after Benjamini-Hochberg over the villages. K. Worsley, Biometrika 73 (1986) 91-104.

    Parameters
    ----------
    observed, expected : events and expected events, one row per village and period; season and the county's level
        belong into `expected`.
    village, period : of each row; periods are sorted as they compare.
    least : fewest periods on each side.

    Returns
    -------
    ChangePoints, a row per village in sorted order; NaN with a reason where there is no event, or too few periods.

    Raises
    ------
    InputError : a village with a period twice, counts that cannot be used.

    >>> out = change_points([5, 5, 5, 5, 0, 0, 0, 0], [2.5] * 8, ["A"] * 8, range(8)).tidy()
    >>> int(out["last_before"][0]), bool(out["p_value"][0] < 0.01)
    (3, True)
    """
    level = check_level(level)
    seen = check_counts(observed, "observed")
    hoped = check_counts(expected, "expected", len(seen))
    codes, names = village_codes(village, len(seen))
    rows = pd.DataFrame({"village": codes, "period": list(period), "seen": seen, "hoped": hoped})
    if rows.duplicated(["village", "period"]).any():
        came = f"{int(rows.duplicated(['village', 'period']).sum())} more"
        raise InputError(message("one row per village and period", came, "change_points", "Sum them first."))
    rows = rows.sort_values(["village", "period"], kind="stable")
    found = [
        {"village": names[int(code)], **_change(part, least, level, seed)} for code, part in rows.groupby("village")
    ]
    table = pd.DataFrame(found)
    known = table["p_value"].notna().to_numpy()
    q = np.full(len(table), np.nan)
    if known.any():
        from statsmodels.stats.multitest import multipletests

        q[known] = multipletests(table.loc[known, "p_value"], method="fdr_bh")[1]
    table.insert(list(table.columns).index("p_value") + 1, "q_value", q)
    facts = {"villages": len(table), "series": SERIES, "changed": int((table["q_value"] <= 0.1).sum()), "level": level}
    stamp = Stamp.of([seen, hoped, codes, pd.Series(rows["period"])], {"least": least, "level": level}, seed=seed)
    return ChangePoints(table=table, stamp=stamp, facts=facts)


def _change(part: pd.DataFrame, least: int, level: float, seed: int) -> dict[str, Any]:
    seen, hoped = part["seen"].to_numpy(), part["hoped"].to_numpy()
    total, whole = seen.sum(), hoped.sum()
    blank = dict.fromkeys(("last_before", "before", "after", "ratio", "p_value", "first", "last"), np.nan)
    if len(seen) < 2 * least or total == 0 or whole == 0:
        few = "no event 无事件" if len(seen) >= 2 * least else f"fewer than {2 * least} periods 期数不足"
        return {**blank, "reason": few}
    share = np.cumsum(hoped)[least - 1 : len(seen) - least] / whole
    inside = (share > 1e-9) & (share < 1 - 1e-9)
    if not inside.any():
        return {**blank, "reason": "nothing is expected on one side 一侧期望为零"}
    ratio = np.where(inside, _likelihood_ratio(np.cumsum(seen)[least - 1 : len(seen) - least], total, share), -np.inf)
    k = int(ratio.argmax())
    # the same stream for every village, so that its name changes nothing
    random = np.random.default_rng([seed, int(total), len(seen)]).multinomial(int(total), hoped / whole, size=SERIES)
    chance = _likelihood_ratio(np.cumsum(random, axis=1)[:, least - 1 : len(seen) - least], total, share)
    best = np.where(inside, chance, -np.inf).max(axis=1)
    place = least - 1 + k
    before = seen[: place + 1].sum() / hoped[: place + 1].sum()
    after = seen[place + 1 :].sum() / hoped[place + 1 :].sum()
    periods = part["period"].tolist()
    first, last = _range(ratio, level)
    return {
        "last_before": periods[place],
        "before": float(before),
        "after": float(after),
        "ratio": float(after / before) if before > 0 else np.inf,
        "p_value": float((1 + (best >= ratio[k] - 1e-9).sum()) / (1 + SERIES)),
        "first": periods[least - 1 + first],
        "last": periods[least - 1 + last],
        "reason": "",
    }


def _likelihood_ratio(early: np.ndarray, total: float, share: np.ndarray) -> np.ndarray:
    """Log likelihood of two rates less that of one, for `early` of `total` events where `share` was expected."""
    late = total - early
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(early > 0, early * np.log(early / (total * share)), 0.0)
        right = np.where(late > 0, late * np.log(late / (total * (1 - share))), 0.0)
    return left + right


def _range(ratio: np.ndarray, level: float) -> tuple[int, int]:
    """The first and last place of the smallest set of places that holds `level` of the likelihood."""
    weight = np.exp(ratio - ratio.max())
    weight /= weight.sum()
    order = np.argsort(-weight, kind="stable")
    held = order[: int(np.searchsorted(np.cumsum(weight[order]), level)) + 1]
    return int(held.min()), int(held.max())


def new_and_gone(now: pd.DataFrame, before: pd.DataFrame, p: str = "p_above", threshold: float = 0.9) -> pd.DataFrame:
    """Who is on the list now and was not at the last date, and the other way round.

    Parameters
    ----------
    now, before : frames with `village` and a probability; a village is on a list when it reaches the threshold.

    Returns
    -------
    DataFrame : village status p_now p_before, with status 'new', 'stays' or 'gone', in that order. A village that only
        one date knows has NaN at the other and counts as not listed there.

    >>> now = pd.DataFrame({"village": ["A", "B"], "p_above": [0.95, 0.2]})
    >>> before = pd.DataFrame({"village": ["A", "B"], "p_above": [0.3, 0.92]})
    >>> new_and_gone(now, before)[["village", "status"]].values.tolist()
    [['A', 'new'], ['B', 'gone']]
    """
    for frame, where in ((now, "now"), (before, "before")):
        check_columns(frame, ["village", p], where)
        if frame["village"].duplicated().any():
            raise InputError(message("each village once", "a village twice", where, "Give one row per village."))
    level = check_level(threshold, "threshold")
    both = now[["village", p]].merge(before[["village", p]], on="village", how="outer", suffixes=("_now", "_before"))
    both.columns = ["village", "p_now", "p_before"]
    here, there = both["p_now"] >= level, both["p_before"] >= level
    both["status"] = np.select([here & ~there, here & there, there], ["new", "stays", "gone"], default="")
    listed = both[both["status"] != ""]
    order = {"new": 0, "stays": 1, "gone": 2}
    listed = listed.sort_values(["status", "p_now"], key=lambda s: s.map(order) if s.name == "status" else -s.fillna(0))
    return listed[["village", "status", "p_now", "p_before"]].reset_index(drop=True)
