"""Overrides: decisions of persons against the score, and whether they knew better.

A low-side override grants a loan below the cut-off, a high-side override refuses one above it. Of high-side overrides
no outcome is known. Low-side ones are held against their PD: observed over expected bads, with an interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_groups, check_level
from creditlab.errors import InputError, message
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.scorecard.applicants import Applicants, Sums, divided
from creditlab.scorecard.cutoffs import read_points
from creditlab.scorecard.exhibit import OUTCOMES, RATE, Shown, exhibit
from creditlab.scorecard.swaps import cell_table

#: cell → what it is called, zh and en
CELLS = {
    "granted": ("评分通过并授信", "score and person grant"),
    "low_side": ("低端推翻（评分拒绝、人工授信）", "low-side override (granted below the cut-off)"),
    "high_side": ("高端推翻（评分通过、人工拒绝）", "high-side override (refused above the cut-off)"),
    "refused": ("评分与人工均拒绝", "score and person refuse"),
}
ALL = "all"


FACTS = (
    Shown("户数", "n", "n"), Shown("准入分", "cut-off", "cutoff", ".6g"),
    Shown("低端推翻率", "low-side overrides", "low_side_rate", RATE, "low_side_lo", "low_side_hi"),
    Shown("高端推翻率", "high-side overrides", "high_side_rate", RATE, "high_side_lo", "high_side_hi"),
)  # fmt: skip
COLUMNS = (
    Shown("类别", "label", "label", ""),
    Shown("决定", "decision", "zh", "", en_column="en"),
    *OUTCOMES,
    Shown("预期坏户", "expected bads", "expected_bads", ".1f"),
    Shown("比率", "ratio", "ratio", ".2f", "ratio_lo", "ratio_hi"),
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Overrides(Result):
    """A row per label and cell; the columns are those of `override_analysis`."""

    title: ClassVar[str] = "Overrides 人工推翻分析"

    def _repr_html_(self) -> str:
        note = (
            "比率 = 实际坏户 / 预期坏户；高端推翻没有结果。 Ratio: bads observed over expected; of high-side overrides "
            "no outcome is known."
        )
        return exhibit(self, FACTS, COLUMNS, note=note, by="label")


def override_analysis(
    points: Any,
    granted: Any,
    bad: Any,
    *,
    cutoff: float,
    prob: Any = None,
    by: Any = None,
    weight: Any = None,
    groups: Any = None,
    level: float = 0.9,
) -> Overrides:
    """Who was granted and refused against the score, how often, and what became of it.

    Parameters
    ----------
    points, granted : (n,) scores, and 1 where a loan was granted, 0 where it was refused.
    bad : (n,) 1 bad, 0 good, missing where unknown (as for all who were refused).
    cutoff : the score approves from here on.
    prob : (n,) PD; then observed bads are held against expected ones.
    by : (n,) labels, such as the reason of the override, the officer or the branch: a block of rows for each.
    weight, groups, level : copies of each row, villages, and level of the intervals.

    Returns
    -------
    Overrides : `label cell zh en n share known bads bad_rate lo hi`, with `prob` also `expected_rate expected_bads
        ratio ratio_lo ratio_hi` (bads observed over expected, of rows with an outcome). Facts: shares of low-side
        overrides among those below the cut-off and of high-side ones above, with limits.

    Raises
    ------
    InputError : when a refused row has an outcome: then `granted` or `bad` is wrong.

    Examples
    --------
    >>> found = override_analysis([500, 500, 600, 600], [1, 0, 1, 0], [1, None, 0, None], cutoff=550)
    >>> found.tidy()[["cell", "n", "bads"]].values.tolist()
    [['granted', 1.0, 0.0], ['low_side', 1.0, 1.0], ['high_side', 1.0, 0.0], ['refused', 1.0, 0.0]]
    >>> found.facts["low_side_rate"]
    0.5
    """
    check_level(level)
    values = read_points(points, "points")
    rows = Applicants.of(len(values), bad, prob, None, weight, groups)
    given = _decisions(granted, rows)
    above = values >= cutoff
    cell = np.select([above & given, ~above & given, above & ~given], [0, 1, 2], 3)
    labels = None if by is None else check_groups(by, len(values), "by")
    parts = [_block(ALL, rows, cell, np.ones(len(values), dtype=bool), level)]
    for label in [] if labels is None else sorted(pd.unique(labels), key=str):
        parts.append(_block(str(label), rows, cell, labels == label, level))
    spec = {"cutoff": float(cutoff), "level": level, "by": None if labels is None else list(map(str, labels))}
    stamp = Stamp.of([values, given, rows.bad, rows.weight], spec)
    facts = {"n": float(rows.weight.sum()), "cutoff": float(cutoff)} | _facts(rows, cell, level)
    return Overrides(table=pd.concat(parts, ignore_index=True), stamp=stamp, facts=facts)


def _decisions(granted: Any, rows: Applicants) -> np.ndarray:
    values = pd.to_numeric(pd.Series(np.asarray(granted).reshape(-1)), errors="coerce").to_numpy(dtype=float)
    wrong = ~np.isin(values, (0.0, 1.0))
    if len(values) != len(rows.bad) or wrong.any():
        came = f"{len(values)} values" if len(values) != len(rows.bad) else f"{int(wrong.sum())} others"
        raise InputError(message(f"{len(rows.bad)} decisions: 1 granted, 0 refused", came, "granted", "Recode them."))
    given = values == 1
    odd = ~given & rows.known
    if odd.any():
        raise InputError(
            message(
                "no outcome where no loan was granted",
                f"{int(odd.sum())} refused rows with one",
                "bad",
                "Correct the decision or leave the outcome missing.",
            )
        )
    return given


def _block(label: str, rows: Applicants, cell: np.ndarray, chosen: np.ndarray, level: float) -> pd.DataFrame:
    terms = rows.terms(None)
    if rows.prob is not None:
        terms["expected_known"] = np.where(rows.known, rows.prob, 0.0)
    terms = {name: values * chosen for name, values in terms.items()}
    sums = Sums.of(rows, terms, cell, len(CELLS))
    table = cell_table(CELLS, sums, level)
    table["share"] = divided(table["n"].to_numpy(), np.full(len(CELLS), sums.total("n").sum()))
    if rows.prob is not None:
        expected = sums.total("expected_known")
        rate = divided(expected, sums.total("known"))
        table["expected_bads"] = expected
        table["ratio"] = divided(sums.total("bads"), expected)
        table["ratio_lo"], table["ratio_hi"] = table["lo"] / rate, table["hi"] / rate
    table.insert(0, "label", label)
    return table


def _facts(rows: Applicants, cell: np.ndarray, level: float) -> dict[str, Any]:
    sums = Sums.of(rows, {"n": np.ones(len(cell))}, cell, len(CELLS))
    facts: dict[str, Any] = {}
    for name, one, others in (("low_side", 1, [1, 3]), ("high_side", 2, [0, 2])):
        part, whole = sums.part["n"][:, [one]], sums.part["n"][:, others].sum(axis=1, keepdims=True)
        if not whole.sum():
            facts[f"{name}_rate"] = NotEstimable("no row on this side of the cut-off")
            continue
        both = Sums({"part": part, "whole": whole}, {}, sums.size, sums.clustered)
        lo, hi = both.rate_limits("part", "whole", level)
        facts |= {f"{name}_rate": float(part.sum() / whole.sum()), f"{name}_lo": float(lo[0]),
                  f"{name}_hi": float(hi[0])}  # fmt: skip
    return facts | {"level": level, "villages": rows.clusters}
