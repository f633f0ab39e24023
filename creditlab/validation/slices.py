"""Weak slices: where the model is wrong although it is right on average, found on one half and judged on the other.

A search over many slices finds something in any data. So slices are found on half of the villages (or rows), their
residuals are tested on the other half, and p-values are corrected for the number that was tested.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, stdtr

from creditlab.checks import check_frame, check_prob, check_target
from creditlab.errors import InputError, message
from creditlab.validation.result import Kind, TestFamily
from creditlab.validation.rows import cluster_codes, clustered_variance
from creditlab.validation.verdict import DEFAULTS, Threshold

WEAK = Kind(
    "rob.weakspot",
    "Weak slices",
    "薄弱分群",
    "honest split; z or village-clustered t of Σ(y - p), Benjamini, Hochberg 1995",
    "O = E in the slice, on rows that did not choose it 该分群实际等于期望",
    "weak_slices",
)
BINS = 4
MOST_LEVELS = 12


def weak_slices(
    y: Any,
    prob: Any,
    frame: pd.DataFrame,
    groups: Any = None,
    min_rows: int = 50,
    most: int = 20,
    pairs: bool = True,
    seed: int = 0,
    method: str = "bh",
    threshold: Threshold = DEFAULTS["p_value"],
) -> TestFamily:
    """The slices of one or two columns with the largest residuals, tested on rows that had no part in choosing them.

    Candidates are quarters of each number, its missing values, the frequent levels of other columns, and with `pairs`
    the crossings of the columns' worst slices. The `most` largest |z| of one half are tested on the other (whole
    villages where `groups` are given). `estimate` is O/E there; the table has expected and excess (O - E).

    Parameters
    ----------
    y, prob : outcomes and PDs. frame : columns to slice by; also columns that the model does not use.
    min_rows : least rows of a slice in either half. method : "bh" or "holm".

    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"crop": rng.choice(["rice", "tea"], 2000), "x": rng.normal(size=2000)})
    >>> p = np.full(2000, 0.1)
    >>> y = rng.random(2000) < np.where(frame["crop"] == "tea", 0.2, 0.1)
    >>> "crop = tea" in set(weak_slices(y, p, frame).tidy().query("verdict == 'red'")["scope"])
    True
    """
    check_frame(frame, "weak_slices")
    target = check_target(y, "y", len(frame)).astype(float)
    p = check_prob(prob, len(target))
    if isinstance(min_rows, bool) or not isinstance(min_rows, int) or min_rows < 10:
        raise InputError(message("ten rows or more", repr(min_rows), "min_rows", "Fifty is usual."))
    codes = cluster_codes(groups, len(target))
    units = len(target) if codes is None else int(codes.max()) + 1
    chosen = np.random.default_rng(seed).permutation(units) < units // 2
    search = chosen if codes is None else chosen[codes]
    found = _search(frame, target - p, p * (1 - p), search, min_rows, most, pairs)
    rows = [
        row for name, where in found if (row := _judge(name, where & ~search, target, p, codes, min_rows)) is not None
    ]
    if not rows:
        rows = [
            {
                "scope": "none",
                "n": int((~search).sum()),
                "reason": f"no slice of {min_rows} rows in both halves 无满足样本量的分群",
            }
        ]
    facts = {"searched": int(search.sum()), "judged": int((~search).sum()), "slices": len(rows), "seed": seed}
    return WEAK.family(
        rows, inputs=[target, p], n=int((~search).sum()), method=method, threshold=threshold, facts=facts
    )


def _search(
    frame: pd.DataFrame, residual: np.ndarray, spread: np.ndarray, rows: np.ndarray, least: int, most: int, pairs: bool
) -> list[tuple[str, np.ndarray]]:
    """The slices with the largest |z| on the searching half."""

    def size(where: np.ndarray) -> float:
        here = where & rows
        total = spread[here].sum()
        return abs(residual[here].sum()) / math.sqrt(total) if here.sum() >= least and total > 0 else -1.0

    singles = [
        (column, name, where, size(where)) for column in frame.columns for name, where in _cells(frame[column], rows)
    ]
    singles = sorted((s for s in singles if s[3] >= 0), key=lambda s: (-s[3], s[1]))
    found = [(name, where, z) for _, name, where, z in singles]
    if pairs:
        lead = singles[:most]
        crossed = [
            (f"{a[1]} & {b[1]}", a[2] & b[2], max(a[3], b[3]))
            for i, a in enumerate(lead)
            for b in lead[i + 1 :]
            if a[0] != b[0]
        ]
        # a crossing is worth telling only where it is worse than both of its sides
        found += [(name, where, z) for name, where, sides in crossed if (z := size(where)) > sides]
    found.sort(key=lambda s: (-s[2], s[0]))
    return [(name, where) for name, where, _ in found[:most]]


def _cells(values: pd.Series, rows: np.ndarray) -> list[tuple[str, np.ndarray]]:
    name, void = str(values.name), values.isna().to_numpy()
    cells = [(f"{name} missing", void)] if void.any() else []
    if (
        pd.api.types.is_numeric_dtype(values)
        and not pd.api.types.is_bool_dtype(values)
        and values.nunique() > MOST_LEVELS
    ):
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        cuts = (
            np.unique(np.quantile(numbers[rows & ~void], np.arange(1, BINS) / BINS, method="inverted_cdf"))
            if (rows & ~void).any()
            else np.array([])
        )
        place = np.searchsorted(cuts, numbers, side="left")
        for i in range(len(cuts) + 1):
            lower = f"{cuts[i - 1]:g} < " if i else ""
            upper = f" ≤ {cuts[i]:g}" if i < len(cuts) else ""
            cells.append((f"{lower}{name}{upper}", ~void & (place == i)))
        return cells
    text = values.map(str)
    for level in sorted(text[~void].value_counts().index[:MOST_LEVELS]):
        cells.append((f"{name} = {level}", ~void & (text == level).to_numpy()))
    return cells


def _judge(
    name: str, where: np.ndarray, target: np.ndarray, p: np.ndarray, codes: np.ndarray | None, least: int
) -> dict[str, Any] | None:
    n = int(where.sum())
    if n < least:
        return None
    residual, E = (target - p)[where], float(p[where].sum())
    row: dict[str, Any] = {
        "scope": name,
        "n": n,
        "estimate": float(target[where].sum()) / E if E else math.nan,
        "expected": E,
        "excess": float(residual.sum()),
    }
    inside = None if codes is None else pd.factorize(codes[where])[0]
    if inside is None or inside.max() < 1:
        spread = float((p * (1 - p))[where].sum())
        z = row["excess"] / math.sqrt(spread) if spread > 0 else math.nan
        return row | {"statistic": z, "p_value": float(2 * ndtr(-abs(z)))}
    df = float(inside.max())
    spread = clustered_variance(residual - residual.mean(), inside)
    t = row["excess"] / math.sqrt(spread) if spread > 0 else math.nan
    return row | {"statistic": t, "df": df, "p_value": float(2 * stdtr(df, -abs(t)))}
