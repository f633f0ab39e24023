"""Are the data fit to judge a model by: gaps, codes, keys, sources that disagree, coverage, leaks, windows, exclusions.

Frames and arrays in, one row per column, source or village out. They report; they do not mend. Contracts of single
departments' tables are checked in `creditlab.data`; these tests take any modelling table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from creditlab.checks import check_columns, check_frame, check_groups, check_prob, check_target
from creditlab.errors import InputError, message
from creditlab.validation.grade_order import two_proportions
from creditlab.validation.grades import jeffreys_p, rate_limits, wilson_limits
from creditlab.validation.result import Kind, TestFamily, TestResult, rejected
from creditlab.validation.verdict import AMBER, DEFAULTS, GREEN, INFO, RED, Threshold

MISSING = Kind(
    "dq.missing",
    "Share missing",
    "缺失率",
    "EBA handbook CP/2022/08 §3.2; two-proportion z between periods, Holm 1979",
    "the share is that of the period before 缺失率与上期相同",
    "missing",
)
SPECIAL = Kind(
    "dq.special_codes",
    "Undeclared special codes",
    "未声明的特殊代码",
    "EBA handbook CP/2022/08 §3.2",
    "",
    "special_codes",
)
DUPLICATES = Kind(
    "dq.duplicates",
    "Rows that share a key",
    "主键重复行",
    "ECB instructions (2019): each customer once",
    "",
    "duplicates",
)
AGREEMENT = Kind(
    "dq.crosscheck",
    "Agreement of two sources",
    "两来源一致率",
    "Cohen 1960; cross-verification of sources",
    "",
    "agreement",
)
COVERAGE = Kind(
    "dq.coverage",
    "Households reached",
    "农户覆盖率",
    "census households as the denominator; Jeffreys interval",
    "",
    "coverage",
)
PROCESS = Kind(
    "dq.process",
    "Ratings outside the process",
    "流程外评级",
    "ECB instructions (2019) 2.5.2",
    "the excluded default as their PD says 被剔除者违约率与其PD一致",
    "excluded",
)
MISSING_BIAS = Kind(
    "rep.missing_bias",
    "Defaults where a value is missing",
    "缺失与违约的关系",
    "two-proportion z; Newcombe, Statistics in Medicine 17 (1998) 873-890",
    "rows with and without a value default alike 有无该值的违约率相同",
    "missing_bias",
)
#: values that often stand for 'unknown'
SUSPECTS: tuple[Any, ...] = (-1, -9, -99, -999, -9999, 99, 999, 9999, 99999, 999999, 99999999)
SUSPECT_TEXTS = ("unknown", "n/a", "na", "null", "none", "-", "?", "未知", "不详", "无")
SUSPECT_DATES = ("9999-12-31", "1900-01-01", "1970-01-01")
#: a suspect number is a special code where this share of the column has it and no neighbour within 10 % does
SPECIAL_SHARE = 0.002


def missing(
    frame: pd.DataFrame, period: Any = None, by: Any = None, threshold: Threshold = DEFAULTS["missing"]
) -> TestFamily:
    """The share missing of every column, in all rows, by period and by another cut (village, source port).

    A period's share is tested against the period before (two-proportion z, Holm over all). The verdict is that of the
    share, and at least amber where a jump is significant.

    Parameters
    ----------
    frame : rows × columns. period, by : labels, one per row.

    >>> missing(pd.DataFrame({"a": [1, None, 3, 4], "b": [1, 2, 3, 4]})).tidy()[["scope", "estimate"]].values.tolist()
    [['a', 0.25], ['b', 0.0]]
    """
    check_frame(frame, "missing")
    gone = frame.isna().to_numpy()
    rows = []
    for c, column in enumerate(map(str, frame.columns)):
        rows.append(_share(column, gone[:, c], threshold))
        for cut in (period, by):
            if cut is not None:
                rows += _shares(column, gone[:, c], check_groups(cut, len(frame)), threshold, jumps=cut is period)
    from creditlab.validation.multiplicity import adjust

    for row, p in zip(rows, adjust(np.array([row.get("p_value", math.nan) for row in rows])), strict=True):
        if p < 0.05 and row["verdict"] == GREEN:
            row["verdict"] = AMBER
    return MISSING.family(rows, inputs=frame.isna(), n=len(frame))


def _share(scope: str, gone: np.ndarray, threshold: Threshold) -> dict[str, Any]:
    n, count = len(gone), int(gone.sum())
    lo, hi = rate_limits(count, n, 0.95)
    return {
        "scope": scope,
        "n": n,
        "estimate": count / n,
        "lo": lo,
        "hi": hi,
        "level": 0.95,
        "verdict": threshold.verdict(count / n),
        "threshold": str(threshold),
    }


def _shares(
    column: str, gone: np.ndarray, labels: np.ndarray, threshold: Threshold, jumps: bool
) -> list[dict[str, Any]]:
    names = pd.Series(labels).map(str).to_numpy()
    rows, before = [], None
    for name in sorted(set(names)):
        here = gone[names == name]
        row = _share(f"{column} · {name}", here, threshold)
        if jumps and before is not None:
            z = float(two_proportions(before.sum(), len(before), here.sum(), len(here)))
            row |= {"statistic": z, "p_value": math.nan if math.isnan(z) else float(2 * ndtr(-abs(z)))}
        rows.append(row)
        before = here
    return rows


def special_codes(frame: pd.DataFrame, declared: Mapping[str, Sequence[Any]] | None = None) -> TestFamily:
    """Values that look like codes for 'unknown' and were not declared: a row per column and value, red.

    Numbers such as -999 or 9999 count where they stand alone (no other value within a tenth of them) and are
    frequent; texts such as 'unknown' or 未知 and dates such as 9999-12-31 always.

    >>> special_codes(pd.DataFrame({"income": [10.0, 12.0, -999.0, 11.0]})).tidy()["scope"].tolist()
    ['income = -999']
    """
    check_frame(frame, "special_codes")
    known = {str(k): {str(v) for v in values} for k, values in (declared or {}).items()}
    rows: list[dict[str, Any]] = []
    for column in map(str, frame.columns):
        for value, count in _suspects(frame[column]).items():
            row = {
                "scope": f"{column} = {value}",
                "n": len(frame),
                "estimate": count / len(frame),
                "statistic": count,
                "threshold": "declared",
            }
            if value in known.get(column, ()) or value in known.get("*", ()):
                row |= {"verdict": GREEN, "reason": "declared 已声明"}
            rows.append({"verdict": RED, "reason": "undeclared 未声明"} | row)
    if not rows:
        rows = [
            {
                "scope": "all",
                "n": len(frame),
                "estimate": 0.0,
                "statistic": 0,
                "verdict": GREEN,
                "threshold": "declared",
            }
        ]
    return SPECIAL.family(rows, inputs=frame.isna(), n=len(frame), method="none")


def _suspects(values: pd.Series) -> dict[str, int]:
    there = values.dropna()
    if pd.api.types.is_datetime64_any_dtype(there):
        days = there.dt.strftime("%Y-%m-%d")
        return {day: int((days == day).sum()) for day in SUSPECT_DATES if (days == day).any()}
    if pd.api.types.is_numeric_dtype(there) and not pd.api.types.is_bool_dtype(there):
        numbers = there.to_numpy(dtype=float)
        found = {}
        for code in SUSPECTS:
            count = int((numbers == code).sum())
            near = int((np.abs(numbers - code) <= 0.1 * abs(code)).sum()) - count
            outer = code < 0 and numbers[numbers != code].min(initial=np.inf) >= 0 or abs(code) >= 99
            if count and near == 0 and outer and count >= SPECIAL_SHARE * len(numbers):
                found[f"{code:g}"] = count
        return found
    text = there.astype(str).str.strip().str.lower()
    return {word: int((text == word).sum()) for word in (*SUSPECT_TEXTS, *SUSPECT_DATES) if (text == word).any()}


def duplicates(frame: pd.DataFrame, keys: Sequence[str], threshold: Threshold = DEFAULTS["none"]) -> TestResult:
    """How many rows share their key with an earlier row: zero is the only good answer. Missing keys count too.

    >>> duplicates(pd.DataFrame({"id": [1, 1, 2]}), ["id"]).estimate
    1.0
    """
    check_frame(frame, "duplicates")
    check_columns(frame, keys, "duplicates")
    count = int((frame.duplicated(list(keys)) | frame[list(keys)].isna().any(axis=1)).sum())
    return DUPLICATES.result(
        inputs=frame[list(keys)], n=len(frame), estimate=count, threshold="0", verdict=threshold.verdict(count)
    )


def agreement(a: Any, b: Any, tolerance: float = 0.0, threshold: Threshold = DEFAULTS["agreement"]) -> TestResult:
    """The share of rows on which two sources agree, where both have a value; `facts`: kappa, both, differing.

    Numbers agree within a relative `tolerance`. κ is Cohen's, for values of up to 100 kinds; statistic = κ.

    >>> agreement(["a", "b", "b", None], ["a", "b", "a", "a"]).estimate.__round__(4)
    0.6667
    """
    first, other = pd.Series(np.asarray(a, dtype=object)), pd.Series(np.asarray(b, dtype=object))
    if len(first) != len(other):
        raise InputError(
            message(
                "a value of each source per row", f"{len(first)} and {len(other)}", "agreement", "Align them first."
            )
        )
    both = (first.notna() & other.notna()).to_numpy()
    n = int(both.sum())
    if n == 0:
        return AGREEMENT.result(
            inputs=[first, other], n=0, reason="no row has both 没有两来源同时有值的行", threshold=threshold
        )
    x, z = first[both], other[both]
    if tolerance > 0:
        u, v = pd.to_numeric(x).to_numpy(dtype=float), pd.to_numeric(z).to_numpy(dtype=float)
        equal = np.abs(u - v) <= tolerance * np.maximum(np.abs(u), np.abs(v))
    else:
        equal = (x.to_numpy() == z.to_numpy()).astype(bool)
    share = float(equal.mean())
    kinds = sorted({str(k) for k in x} | {str(k) for k in z})
    kappa = math.nan
    if len(kinds) <= 100 and tolerance == 0:
        chance = float(
            (
                x.map(str).value_counts(normalize=True).reindex(kinds, fill_value=0)
                * z.map(str).value_counts(normalize=True).reindex(kinds, fill_value=0)
            ).sum()
        )
        kappa = (share - chance) / (1 - chance) if chance < 1 else math.nan
    lo, hi = rate_limits(int(equal.sum()), n, 0.95)
    return AGREEMENT.result(
        inputs=[first, other],
        n=n,
        estimate=share,
        statistic=kappa,
        lo=lo,
        hi=hi,
        level=0.95,
        threshold=threshold,
        verdict=threshold.verdict(share),
        facts={"kappa": kappa, "both": n, "differing": int((~equal).sum())},
    )


def coverage(
    reached: Any, households: Any, labels: Sequence[Any] | None = None, threshold: Threshold = DEFAULTS["coverage"]
) -> TestFamily:
    """Households in the file over households registered, by village (or source), with Jeffreys limits.

    >>> coverage([90, 40], [100, 100], ["A", "B"]).tidy()["verdict"].tolist()
    ['green', 'red']
    """
    got, registered = np.asarray(reached, dtype=float).reshape(-1), np.asarray(households, dtype=float).reshape(-1)
    if (
        len(got) != len(registered)
        or not (np.isfinite(got) & np.isfinite(registered) & (got >= 0) & (registered >= got)).all()
    ):
        raise InputError(
            message(
                "0 ≤ reached ≤ households",
                f"{len(got)} and {len(registered)} values",
                "coverage",
                "Count against the register.",
            )
        )
    names = [str(v) for v in (range(1, len(got) + 1) if labels is None else labels)]
    rows = []
    for name, k, n in zip(names, got, registered, strict=True):
        if n == 0:
            rows.append(
                {
                    "scope": name,
                    "n": 0,
                    "reason": "no household registered 无登记农户",
                    "verdict": INFO,
                    "threshold": str(threshold),
                }
            )
            continue
        lo, hi = rate_limits(k, n, 0.95)
        rows.append(
            {
                "scope": name,
                "n": int(n),
                "estimate": k / n,
                "lo": lo,
                "hi": hi,
                "level": 0.95,
                "verdict": threshold.verdict(k / n),
                "threshold": str(threshold),
            }
        )
    return COVERAGE.family(
        rows,
        inputs=[got, registered],
        method="none",
        facts={"share": float(got.sum() / registered.sum()) if registered.sum() else math.nan},
    )


def excluded(y: Any, prob: Any, reason: Any) -> TestFamily:
    """Rows kept out of the validation, by reason (outdated, overridden, transferred): n, defaults, rate against PD.

    `reason` is empty or missing for the rows that stay, which are the first row of the table. p: Jeffreys, one-sided.

    >>> excluded([0, 1, 1, 0], [0.1, 0.2, 0.1, 0.1], ["", "outdated", "", ""]).tidy()["scope"].tolist()
    ['kept', 'outdated']
    """
    target = check_target(y, "y")
    p = check_prob(prob, len(target))
    why = pd.Series(np.asarray(reason, dtype=object)).fillna("").map(str).to_numpy()
    if len(why) != len(target):
        raise InputError(
            message(
                "one reason per row", f"{len(why)} for {len(target)}", "reason", "Leave it empty for rows that stay."
            )
        )
    rows = []
    for name in ["", *sorted(set(why) - {""})]:
        chosen = why == name
        n, D = int(chosen.sum()), int(target[chosen].sum())
        if n == 0:
            continue
        lo, hi = rate_limits(D, n, 0.95)
        rows.append(
            {
                "scope": name or "kept",
                "n": n,
                "estimate": D / n,
                "statistic": D,
                "p_value": float(jeffreys_p(D, n, p[chosen].mean())),
                "lo": lo,
                "hi": hi,
                "level": 0.95,
                "reason": f"share 占比 {n / len(target):.2%}, mean PD 平均PD {p[chosen].mean():.4f}",
            }
        )
    return PROCESS.family(
        rows, inputs=[target, p, why.astype(str)], n=len(target), facts={"excluded": int((why != "").sum())}
    )


def missing_bias(y: Any, value: Any, threshold: Threshold = DEFAULTS["p_value"]) -> TestResult:
    """Do rows without a value default more or less often? Two-proportion z; a small p asks for a bin for missing.

    `estimate` is the rate of the missing less that of the others, with Newcombe's interval.

    >>> missing_bias([1, 1, 0, 0, 0, 0], [None, None, 1, 2, 3, 4]).estimate
    1.0
    """
    target = check_target(y, "y")
    gone = pd.isna(pd.Series(np.asarray(value, dtype=object))).to_numpy()
    if len(gone) != len(target):
        raise InputError(message("one value per row", f"{len(gone)} for {len(target)}", "value", "Align it with y."))
    n, D = int(gone.sum()), int(target[gone].sum())
    if n in (0, len(target)):
        return MISSING_BIAS.result(
            inputs=[target, gone],
            n=len(target),
            reason="no value, or every value, is missing 无缺失或全部缺失",
            threshold=threshold,
        )
    m, E = len(target) - n, int(target[~gone].sum())
    z = float(two_proportions(E, m, D, n))
    p_value = float(2 * ndtr(-abs(z)))
    (l1, u1), (l2, u2) = wilson_limits(D, n), wilson_limits(E, m)
    a, b = D / n, E / m
    lo, hi = a - b - math.hypot(a - l1, u2 - b), a - b + math.hypot(u1 - a, b - l2)
    return MISSING_BIAS.result(
        inputs=[target, gone],
        n=len(target),
        estimate=a - b,
        statistic=z,
        p_value=p_value,
        lo=lo,
        hi=hi,
        level=0.95,
        facts={"missing": n, "rate_missing": a, "rate_there": b},
        **rejected(p_value, threshold),
    )
