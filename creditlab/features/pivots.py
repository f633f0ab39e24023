"""Any feature × village × segment, with small cells suppressed where the table leaves the bank (S4).

`pivot` aggregates one feature over cells of villages and segments with their margins. In the external edition no cell
of fewer than ten households is shown, and no margin gives one back: every hidden cell is a corner of a rectangle of
hidden cells, so that it can be moved without any shown sum changing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_one_of
from creditlab.errors import ColumnError, InputError, message, some
from creditlab.features.frame import FeatureFrame
from creditlab.features.missing import MISSING_CODES
from creditlab.results import Result, Stamp

#: fewest households in a cell that may leave the bank
MINIMUM = 10
STATISTICS = ("mean", "median", "share", "known")
TOTAL = "total"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Pivot(Result):
    """One row per village and segment and per margin (`total`): village segment households n value suppressed.

    `households` are in the cell, `n` have a value; `value` is the statistic over these n.
    """

    title: ClassVar[str] = "Pivot 透视"
    plots: ClassVar[str] = "portraits"

    feature: str
    label: tuple[str, str]

    def wide(self, what: str = "value") -> pd.DataFrame:
        """Village × segment of 'value', 'n' or 'households'; hidden cells are blank."""
        check_one_of(what, ("value", "n", "households"), "what")
        table = self.table
        order = sorted(table["segment"].unique(), key=lambda name: (name == TOTAL, name))
        return table.pivot(index="village", columns="segment", values=what)[order]


def pivot(
    features: FeatureFrame, file: Any, feature: str, *, segment: Any = None, statistic: str = "mean", level: Any = None,
    by: str = "village", edition: str = "internal", minimum: int = MINIMUM,
) -> Pivot:  # fmt: skip
    """A feature over villages (rows) and segments (columns), with margins.

    Parameters
    ----------
    features : a `FeatureFrame`; `file` : the household file that it was made from, for the villages.
    feature : the feature to aggregate.
    segment : a text or flag feature by name, or a Series of segments by household (score tier, product ...); None for
        villages alone. Households without a segment are the segment 'none'.
    statistic : 'mean' or 'median' of numbers, 'share' of households with `level` (text features) or with 1 (flags) or
        above zero (numbers), or 'known': the share of households with a value at all.
    by : 'village' or 'township' (when the file has the table villages).
    edition : 'internal' shows all cells; 'external' suppresses cells under `minimum` households, and others so that no
        margin gives them back.

    Raises
    ------
    ColumnError : an unknown feature. InputError : a statistic that the feature does not have.

    >>> from creditlab.data.household import household_file
    >>> from creditlab.data.world import make_county
    >>> from creditlab.features import make_features
    >>> file = household_file(make_county(12, seed=1, households_per_village=20).tables, pd.Timestamp("2023-12-31"))
    >>> pivot(make_features(file), file, "household_members", segment="household_away").wide().shape
    (13, 3)
    """
    check_one_of(edition, ("internal", "external"), "edition")
    values, known = _values(features, feature, statistic, level)
    cells = pd.DataFrame({
        "village": _places(file, by).reindex(features.frame.index).fillna("none").to_numpy(),
        "segment": _segments(features, segment).to_numpy(), "value": values, "n": known,
    })  # fmt: skip
    table = _with_margins(cells, "median" if statistic == "median" else "mean", segment is not None)
    table["suppressed"] = False
    if edition == "external":
        table = _suppressed(table, minimum)
    column = features.dictionary[feature]
    facts = {
        "feature": feature, "statistic": statistic, "as_of": str(features.as_of.date()), "edition": edition,
        "households": len(cells), "cells": len(table), "suppressed": int(table["suppressed"].sum()),
    }  # fmt: skip
    spec = {**facts, "by": by, "level": level, "minimum": minimum}
    label = (column.label("zh"), column.label("en"))
    return Pivot(table=table, feature=feature, label=label, stamp=Stamp.of(cells, spec), facts=facts)


def _values(features: FeatureFrame, feature: str, statistic: str, level: Any) -> tuple[np.ndarray, np.ndarray]:
    check_one_of(statistic, STATISTICS, "statistic")
    if feature not in features.frame.columns:
        near = [f for f in features.frame if str(feature)[:5] in f] or list(features.frame)
        raise ColumnError(message(f"a feature such as {some(near, 3)}", repr(feature), "pivot", "See .dictionary."))
    values, kind = features.frame[feature], features.dictionary[feature].kind
    known = ~values.isin(list(MISSING_CODES) if kind == "text" else list(MISSING_CODES.values())).to_numpy()
    if statistic == "known":
        return known.astype("float64"), np.ones(len(values), dtype=bool)
    if (kind == "text") != (level is not None) or (kind == "text" and statistic != "share"):
        raise InputError(
            message("statistic='share' with a level for texts, no level for numbers",
                    f"{statistic!r} with level {level!r}", f"pivot of '{feature}' ({kind})", "Change the statistic.")
        )  # fmt: skip
    if kind == "text":
        return values.eq(level).to_numpy(dtype="float64"), known
    numbers = values.to_numpy(dtype="float64")
    return (np.greater(numbers, 0).astype("float64") if statistic == "share" else numbers), known


def _places(file: Any, by: str) -> pd.Series:
    check_one_of(by, ("village", "township"), "by")
    village = file.frame["village_id"].astype("str")
    if by == "village":
        return village
    if "villages" not in file.tables:
        raise InputError(message("the table villages", "none", "pivot by township", "Use by='village'."))
    towns = file.tables["villages"].drop_duplicates("village_id", keep="last").set_index("village_id")["township"]
    return village.map(towns)


def _segments(features: FeatureFrame, segment: Any) -> pd.Series:
    index = features.frame.index
    if segment is None:
        return pd.Series(TOTAL, index=index)
    if isinstance(segment, str):
        if segment not in features.frame.columns:
            raise ColumnError(message("a feature, or a Series by household", repr(segment), "segment", "See .frame."))
        values = features.frame[segment]
        if features.dictionary[segment].kind == "number":
            raise InputError(
                message("a text or a flag", f"the number '{segment}'", "segment of pivot", "Cut it into classes first.")
            )
        words = {code: reason for reason, code in MISSING_CODES.items()} | {0.0: "0", 1.0: "1"}
        return values.map(words) if values.dtype.kind == "f" else values
    return pd.Series(segment).reindex(index).astype("object").fillna("none").astype("str")


def _with_margins(cells: pd.DataFrame, statistic: str, segmented: bool) -> pd.DataFrame:
    """Households, values and statistic of each cell, then of each village, each segment and all."""
    cells = cells.assign(value=cells["value"].where(cells["n"]))
    parts = []
    for village, segment in [(True, True), (True, False), (False, True), (False, False)] if segmented else (
        (True, False), (False, False)
    ):  # fmt: skip
        part = cells.assign(
            village=cells["village"] if village else TOTAL, segment=cells["segment"] if segment else TOTAL
        )
        groups = part.groupby(["village", "segment"])
        parts.append(groups.agg(households=("n", "size"), n=("n", "sum"), value=("value", statistic)).reset_index())
    table = pd.concat(parts, ignore_index=True)
    table = table.sort_values(["village", "segment"], key=lambda s: s.where(s != TOTAL, "\uffff"), ignore_index=True)
    return table[["village", "segment", "households", "n", "value"]]


def _suppressed(table: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """The table with small cells blanked, and others so that no shown sum gives them back."""
    n = table.pivot(index="village", columns="segment", values="n").fillna(0.0)
    order = [c for c in n.columns if c != TOTAL] + [TOTAL]
    n = n[order].loc[[v for v in n.index if v != TOTAL] + [TOTAL]]
    hidden = hide(n.to_numpy(dtype="float64"), minimum)
    marks = pd.DataFrame(hidden, index=n.index, columns=n.columns).stack()
    found = marks.reindex(pd.MultiIndex.from_frame(table[["village", "segment"]])).to_numpy(dtype=bool)
    blank = table[["households", "n", "value"]].astype("float64").mask(pd.Series(found), axis=0)
    return table.assign(**{c: blank[c] for c in blank}, suppressed=found)


def hide(counts: np.ndarray, minimum: int) -> np.ndarray:
    """Which cells of a table with margins (last row, last column) are hidden, so that no sum gives a small one back.

    A cell with 1 to `minimum` - 1 is hidden. Each hidden cell becomes a corner of a rectangle of hidden cells: moving
    one household around it changes no shown cell and no shown margin, so no hidden cell can be computed.
    The rectangle is taken where it hides the fewest households, and again while the hidden cells of a line hold fewer
    than `minimum` together. A margin may be a corner. With a single column, rows are hidden until two are.

    >>> hide(np.array([[3.0, 20, 23], [30, 15, 45], [33, 35, 68]]), 10).sum()
    4
    """
    small = (counts > 0) & (counts < minimum)
    hidden = small.copy()
    if counts.shape[1] == 1:
        body = counts[:-1, 0]
        for place in np.argsort(body, kind="stable"):
            if not hidden[:-1, 0].any() or (hidden[:-1, 0].sum() > 1 and body[hidden[:-1, 0]].sum() >= minimum):
                break
            hidden[place, 0] = True
        return hidden
    for row, column in np.argwhere(small):
        _close(hidden, counts, int(row), int(column), minimum)
    return hidden


def _close(hidden: np.ndarray, counts: np.ndarray, row: int, column: int, minimum: int) -> None:
    """Hide three more corners: the rectangle with the fewest newly hidden households that holds `minimum` by line."""
    rows, columns = (np.delete(np.arange(size), at) for size, at in zip(counts.shape, (row, column), strict=True))
    cost = np.where(hidden, 0.0, counts + 1e-6)
    corner = cost[row, columns][None, :] + cost[rows, column][:, None] + cost[np.ix_(rows, columns)]
    # an empty cell cannot be moved below zero: it protects nothing
    empty = (counts[row, columns] == 0)[None, :] | (counts[rows, column] == 0)[:, None]
    empty |= counts[np.ix_(rows, columns)] == 0
    thin = (counts[row, column] + counts[row, columns] < minimum)[None, :]
    thin = thin | (counts[row, column] + counts[rows, column] < minimum)[:, None]
    price = corner + np.where(empty, 1e12, 0.0) + np.where(thin, 1e9, 0.0)
    i, j = np.unravel_index(int(np.argmin(price)), price.shape)
    hidden[row, columns[j]] = hidden[rows[i], column] = hidden[rows[i], columns[j]] = True
