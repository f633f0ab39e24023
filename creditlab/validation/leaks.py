"""Does the table know too much, or too little yet: facts after the date, features that give the outcome away, open
windows.

One figure each; gaps, keys and sources are in `quality`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_frame, check_target
from creditlab.errors import InputError, message
from creditlab.validation.discrimination import placements
from creditlab.validation.ranking import information_value
from creditlab.validation.result import Kind, TestFamily, TestResult
from creditlab.validation.verdict import AMBER, DEFAULTS, GREEN, RED, Threshold

FUTURE = Kind(
    "dq.leak.time",
    "Facts known after the observation date",
    "观察日之后才知的信息",
    "point-in-time rule",
    "",
    "future_facts",
)
PROXY = Kind(
    "dq.leak.proxy", "Feature too good to be true", "疑似泄漏的单一特征", "Siddiqi 2006: explain or drop", "", "leak"
)
ORDER = Kind(
    "dq.identifier_label",
    "Row order or identifier tells the outcome",
    "行序或编号与结果相关",
    "Spearman 1904",
    "no rank correlation with the outcome 与结果无秩相关",
    "order_leak",
)
CONFLICTING = Kind(
    "dq.conflicting_labels",
    "Same features, both outcomes",
    "特征相同而结果不同",
    "share of rows; a bound of what any model can do",
    "",
    "conflicting_labels",
)
WINDOW = Kind(
    "dq.outcome_window",
    "Incomplete outcome windows",
    "表现期未满",
    "ECB/EBA: full performance window",
    "",
    "incomplete_windows",
)


def future_facts(known_on: Any, observed_on: Any, threshold: Threshold = DEFAULTS["none"]) -> TestResult:
    """How many facts became known after the observation date, or have no date: zero is the only good answer.

    >>> future_facts(["2024-01-01", "2024-07-01"], "2024-06-30").estimate
    1.0
    """
    known = pd.to_datetime(pd.Series(np.asarray(known_on, dtype=object)))
    seen = pd.to_datetime(pd.Series(np.asarray(observed_on, dtype=object).reshape(-1)))
    if len(seen) not in (1, len(known)):
        raise InputError(
            message(
                "one observation date, or one per row", f"{len(seen)} for {len(known)}", "future_facts", "Align them."
            )
        )
    at = seen.iloc[0] if len(seen) == 1 else seen
    undated = int(known.isna().sum())
    count = int((known > at).sum()) + undated
    return FUTURE.result(
        inputs=[known, seen],
        n=len(known),
        estimate=count,
        threshold="0",
        verdict=threshold.verdict(count),
        facts={"undated": undated},
    )


def leak(
    frame: pd.DataFrame, y: Any, at_auc: Threshold = DEFAULTS["leak_auc"], at_iv: Threshold = DEFAULTS["leak_iv"]
) -> TestFamily:
    """Single features that tell the outcome too well: AUC (either direction) above .9, or IV above .5.

    A numeric feature is ranked; other features are ranked by the bad rate of their value in the other four fifths
    of the rows, so that an identifier does not look perfect. Missing values are a level of their own. `statistic` is
    the IV over ten quantiles or the levels; features with more levels than a tenth of the rows get no IV.

    >>> frame = pd.DataFrame({"x": [1, 2, 3, 4, 5, 6, 7, 8] * 5, "u": [1, 2, 3, 4, 1, 2, 3, 4] * 5})
    >>> leak(frame, [0, 0, 0, 0, 1, 1, 1, 1] * 5).tidy().set_index("scope")["verdict"].to_dict()
    {'x': 'red', 'u': 'green'}
    """
    check_frame(frame, "leak")
    target = check_target(y, "y", len(frame))
    rows = []
    for column in map(str, frame.columns):
        ranks, bins = _ranks(frame[column], target)
        value = placements(target, ranks).auc
        value = max(value, 1 - value) if pd.api.types.is_numeric_dtype(frame[column]) else value
        row: dict[str, Any] = {
            "scope": column,
            "n": len(target),
            "estimate": value,
            "threshold": f"AUC: {at_auc}; IV: {at_iv}",
        }
        verdicts = [at_auc.verdict(value)]
        if bins is not None:
            bads, n = np.bincount(bins, weights=target), np.bincount(bins)
            row["statistic"] = float(information_value(n - bads, bads).estimate)
            verdicts.append(AMBER if at_iv.verdict(row["statistic"]) in (AMBER, RED) else GREEN)
        rows.append(row | {"verdict": RED if RED in verdicts else AMBER if AMBER in verdicts else GREEN})
    return PROXY.family(rows, inputs=[target, frame.isna()], n=len(target), method="none")


def _ranks(values: pd.Series, target: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """A rank per row, and bins where they are few enough for an IV."""
    void = values.isna().to_numpy()
    if pd.api.types.is_numeric_dtype(values) and not void.all():
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        cuts = np.unique(np.quantile(numbers[~void], np.arange(0.1, 1, 0.1), method="inverted_cdf"))
        bins = np.where(void, len(cuts) + 1, np.searchsorted(cuts, np.where(void, 0.0, numbers), side="left"))
        rate = target[void].mean() if void.any() else 0.0
        full = np.where(void, np.nan, numbers)
        at = np.nanquantile(full, 1 - rate)  # a missing value goes where its bad rate would put it
        return np.where(void, at, full), pd.factorize(bins)[0]
    codes = pd.factorize(values.astype(object).where(~values.isna(), "missing 缺失").map(str))[0]
    rate, fold, base = np.empty(len(target)), np.arange(len(target)) % 5, float(target.mean())
    for part in range(5):
        others = fold != part
        n = np.bincount(codes[others], minlength=codes.max() + 1)
        bads = np.bincount(codes[others], weights=target[others], minlength=codes.max() + 1)
        rate[~others] = ((bads + base) / (n + 1))[codes[~others]]
    return rate, codes if codes.max() + 1 <= len(target) / 10 else None


def order_leak(y: Any, order: Any = None, threshold: Threshold = DEFAULTS["order"]) -> TestResult:
    """Spearman's correlation of the outcome with the row order, or with an identifier; p two-sided.

    The colour is that of |ρ| where p < .01: an extract sorted by outcome, or numbers handed out after it.

    >>> order_leak([0, 1] * 50).verdict
    'green'
    """
    target = check_target(y, "y")
    keys = np.arange(len(target)) if order is None else pd.factorize(pd.Series(np.asarray(order)), sort=True)[0]
    if len(keys) != len(target):
        raise InputError(message("one key per row", f"{len(keys)} for {len(target)}", "order", "Align it with y."))
    from scipy.stats import spearmanr

    if keys.min() == keys.max():
        return ORDER.result(
            inputs=[target, keys], n=len(target), reason="one key only 只有一个取值", threshold=threshold
        )
    found = spearmanr(keys, target)
    rho, p = float(found.statistic), float(found.pvalue)
    return ORDER.result(
        inputs=[target, keys],
        n=len(target),
        estimate=rho,
        statistic=rho,
        p_value=p,
        threshold=f"p < 0.01 and |ρ|: {threshold}",
        verdict=threshold.verdict(abs(rho)) if p < 0.01 else GREEN,
    )


def conflicting_labels(frame: pd.DataFrame, y: Any) -> TestResult:
    """The share of rows whose features occur with both outcomes; `facts`: best_error, the least error of any rule.

    >>> conflicting_labels(pd.DataFrame({"a": [1, 1, 2, 3]}), [0, 1, 0, 1]).estimate
    0.5
    """
    check_frame(frame, "conflicting_labels")
    target = check_target(y, "y", len(frame))
    codes = frame.groupby(list(frame.columns), dropna=False, observed=True, sort=False).ngroup().to_numpy()
    n, bads = np.bincount(codes), np.bincount(codes, weights=target)
    mixed = ((bads > 0) & (bads < n))[codes]
    return CONFLICTING.result(
        inputs=[target, codes],
        n=len(target),
        estimate=float(mixed.mean()),
        facts={"profiles": len(n), "best_error": float(np.minimum(bads, n - bads).sum() / len(target))},
    )


def incomplete_windows(
    observed_on: Any, months: int, data_end: Any, threshold: Threshold = DEFAULTS["none"]
) -> TestResult:
    """The rows whose outcome window of `months` ends after the data do: their goods are not yet good.

    >>> incomplete_windows(["2023-01-31", "2023-12-31"], 12, "2024-06-30").estimate
    0.5
    """
    seen = pd.to_datetime(pd.Series(np.asarray(observed_on, dtype=object).reshape(-1)))
    end = pd.Timestamp(data_end)
    open_windows = seen + pd.DateOffset(months=months) > end
    share = float(open_windows.mean())
    return WINDOW.result(
        inputs=[seen, np.array([months])],
        n=len(seen),
        estimate=share,
        threshold="0",
        verdict=threshold.verdict(share),
        facts={"rows": int(open_windows.sum())},
    )
