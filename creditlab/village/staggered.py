"""Programmes that reach villages on different dates: group-time effects and their averages.

Two-way fixed effects compare late villages with early ones and get signs wrong; here every group of villages is
compared with villages that are not yet, or never, reached. It takes a panel of village-periods and no covariates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_level, check_one_of
from creditlab.errors import InputError, message
from creditlab.results import Result, Stamp
from creditlab.village.counts import village_codes
from creditlab.village.effects import _numbers

#: averages of the group-time effects → what they say
AVERAGES = {
    "simple": ("全部组与期", "all groups and periods since the start"),
    "group": ("按组", "by date of start, then over groups"),
    "dynamic": ("按时长", "by time since the start, then over it"),
    "calendar": ("按日历期", "by period, then over periods"),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class GroupTime(Result):
    """Group-time effects: group time att se lo hi before n_treated n_control; `before` marks periods before the start.

    `averages` has a row per average of `AVERAGES`, `events` a row per time since the start (before it: placebos).
    """

    title: ClassVar[str] = "Group-time effects 分组分期效应"

    averages: pd.DataFrame
    events: pd.DataFrame


def att_gt(y: Any, village: Any, time: Any, first: Any, control: str = "never", level: float = 0.9) -> GroupTime:
    """The effect on every group of villages in every period, and four averages of it.

    ATT(g, t) is the mean change from the last period before g of villages reached at g, less that of the controls;
    before the start the change is from the period before, a placebo. Standard errors from influence functions, by
    village. B. Callaway, P. Sant'Anna, J. Econometrics 225 (2021) 200-230, without covariates.

    Parameters
    ----------
    y : outcome of each village-period; several rows of a village-period are averaged.
    village, time : of each row; times are numbers or dates that can be sorted.
    first : the period in which the programme reached the village, NaN (or None) for never; one value per village.
    control : "never" reached, or "notyet" reached by the period.

    Raises
    ------
    InputError : a village without a row in some period, with two starts, no group or no controls.

    >>> rows = [(v, t, 1.0 * t + (v < 2 and t >= 3)) for v in range(6) for t in (1, 2, 3, 4)]
    >>> v, t, y = zip(*rows, strict=True)
    >>> found = att_gt(y, v, t, [3 if i < 2 else np.nan for i in v])
    >>> found.averages["estimate"].round(6).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    level, rule = check_level(level), check_one_of(control, ["never", "notyet"], "control")
    values, names, times, start = _panel(y, village, time, first)
    groups = np.array(sorted({int(s) for s in start if s > 0}), dtype=int)
    if not len(groups):
        raise InputError(message("villages that were reached within the panel", "none", "first", "Check the dates."))
    rows, influence = [], []
    for g in groups:
        for t in range(1, len(times)):
            base = g - 1 if t >= g else t - 1
            treated = start == g
            never = start < 0
            others = never if rule == "never" else never | (start > max(t, base))
            if rule == "notyet":
                others &= start != g
            if not others.any():
                continue
            change = values[:, t] - values[:, base]
            found, part = _att(change, treated, others)
            counted = {"n_treated": int(treated.sum()), "n_control": int(others.sum())}
            rows.append({"group": times[g], "time": times[t], "att": found, "before": t < g, "g": g, "t": t, **counted})
            influence.append(part)
    if not rows:
        raise InputError(message("villages never or not yet reached", "none", "first", "Use control='notyet'."))
    table, psi = pd.DataFrame(rows), np.column_stack(influence)
    table = _with_limits(table, "att", psi, level)
    averages, events = _averages(table, psi, start, level)
    kept = ["group", "time", "att", "se", "lo", "hi", "before", "n_treated", "n_control"]
    facts = {"villages": len(names), "periods": len(times), "groups": len(groups), "control": rule, "level": level}
    facts |= {row["average"]: row["estimate"] for row in averages.to_dict("records")}
    stamp = Stamp.of([values, start, pd.Series(names)], {"control": rule, "level": level})
    return GroupTime(table=table[kept], averages=averages, events=events, stamp=stamp, facts=facts)


def _panel(y: Any, village: Any, time: Any, first: Any) -> tuple[np.ndarray, pd.Index, list[Any], np.ndarray]:
    """Villages × periods, and the number of the period in which each village was reached; -1 for never."""
    value = _numbers(y, "y", None)
    codes, names = village_codes(village, len(value))
    periods, times = village_codes(pd.Series(list(time)), len(value), "time")
    cells = codes * len(times) + periods
    n = np.bincount(cells, minlength=len(names) * len(times)).reshape(len(names), -1)
    if (n == 0).any():
        came = f"{int((n == 0).any(axis=1).sum())} villages with periods missing"
        raise InputError(message("every village in every period", came, "village, time", "Leave them out, or merge."))
    if len(times) < 2:
        raise InputError(message("two periods or more", "one", "time", "A period before the start is needed."))
    sums = np.bincount(cells, value, len(names) * len(times)).reshape(n.shape)
    starts = pd.Series(list(first), dtype=object)
    if len(starts) != len(value):
        raise InputError(message(f"{len(value)} starts", str(len(starts)), "first", "One value per row."))
    mark = pd.Series(pd.factorize(starts)[0])  # -1 for never: NaN does not equal NaN
    given = mark.groupby(codes).nunique()
    if (given > 1).any():
        raise InputError(message("one start per village", f"{int((given > 1).sum())} with more", "first", "Correct."))
    each = pd.DataFrame({"code": codes, "first": starts}).drop_duplicates("code").set_index("code")["first"]
    place = [_period(each[v], list(times)) for v in range(len(names))]
    start = np.array(place)
    if (start == 0).any():
        came = f"{int((start == 0).sum())} reached in the first period"
        raise InputError(message("a period before the start", came, "first", "Leave these villages out."))
    return sums / n, names, list(times), start


def _period(first: Any, times: list[Any]) -> int:
    """The number of the first period at or after the start; -1 for never, or after the panel."""
    if first is None or pd.isna(first) or first == 0:
        return -1
    later = [i for i, t in enumerate(times) if t >= first]
    return later[0] if later else -1


def _att(change: np.ndarray, treated: np.ndarray, others: np.ndarray) -> tuple[float, np.ndarray]:
    """Difference of mean changes, and what each village adds to its error (times the number of villages)."""
    n = len(change)
    a, b = change[treated].mean(), change[others].mean()
    part = n / treated.sum() * treated * (change - a) - n / others.sum() * others * (change - b)
    return float(a - b), part


def _with_limits(table: pd.DataFrame, column: str, psi: np.ndarray, level: float) -> pd.DataFrame:
    from scipy.special import ndtri

    se = np.sqrt((psi**2).sum(axis=0)) / len(psi)
    reach = float(ndtri((1 + level) / 2)) * se
    return table.assign(se=se, lo=table[column] - reach, hi=table[column] + reach)


def _averages(
    table: pd.DataFrame, psi: np.ndarray, start: np.ndarray, level: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The four averages, and effects by time since the start; weights are shares of villages, and have errors too."""
    g, t, att = (table[c].to_numpy() for c in ("g", "t", "att"))
    since = t >= g
    share = np.array([(start == k).mean() for k in g])
    found: dict[str, tuple[float, np.ndarray]] = {"simple": _weighted(att, psi, g, share, start, since)}
    by_group = [_equal(att, psi, since & (g == k)) for k in np.unique(g[since])]
    found["group"] = _over_groups(by_group, np.unique(g[since]), start)
    events = {e: _weighted(att, psi, g, share, start, (t - g) == e) for e in np.unique(t - g)}
    found["dynamic"] = _mean([v for e, v in events.items() if e >= 0])
    found["calendar"] = _mean([_weighted(att, psi, g, share, start, since & (t == k)) for k in np.unique(t[since])])
    averages = pd.DataFrame({"average": list(found), "estimate": [v[0] for v in found.values()]})
    averages = _with_limits(averages, "estimate", np.column_stack([v[1] for v in found.values()]), level)
    listed = pd.DataFrame({"event": list(events), "estimate": [v[0] for v in events.values()]})
    listed = _with_limits(listed, "estimate", np.column_stack([v[1] for v in events.values()]), level)
    return averages, listed


def _weighted(
    att: np.ndarray, psi: np.ndarray, g: np.ndarray, share: np.ndarray, start: np.ndarray, kept: np.ndarray
) -> tuple[float, np.ndarray]:
    """Effects weighted by the shares of their groups; the shares' own errors are part of the influence."""
    p, total = share[kept], share[kept].sum()
    of = (start[:, None] == g[kept][None]) - p
    weights = of / total - of.sum(axis=1, keepdims=True) * p / total**2
    return float((att[kept] * p).sum() / total), psi[:, kept] @ (p / total) + weights @ att[kept]


def _equal(att: np.ndarray, psi: np.ndarray, kept: np.ndarray) -> tuple[float, np.ndarray]:
    return float(att[kept].mean()), psi[:, kept].mean(axis=1)


def _over_groups(
    parts: list[tuple[float, np.ndarray]], groups: np.ndarray, start: np.ndarray
) -> tuple[float, np.ndarray]:
    att, psi = np.array([p[0] for p in parts]), np.column_stack([p[1] for p in parts])
    share = np.array([(start == k).mean() for k in groups])
    return _weighted(att, psi, groups, share, start, np.ones(len(groups), dtype=bool))


def _mean(parts: list[tuple[float, np.ndarray]]) -> tuple[float, np.ndarray]:
    return float(np.mean([p[0] for p in parts])), np.mean([p[1] for p in parts], axis=0)
