"""Numbers, flags and dates: from their values to the ranges of their bins.

Values are reduced to fine cells, the shape is chosen on held-out counts, the cuts by the exact programme. A column that
ends in one bin says in its notes why, and which rule to relax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning.cells import Cells, Counted, Piece, count_column, resolve, round_cut
from creditlab.binning.characteristic import Found, Special
from creditlab.binning.counts import merge_cells
from creditlab.binning.sample import Rules, Sample
from creditlab.binning.search import Cuts, Limits, best_cuts, refine_cuts, reversed_parts
from creditlab.binning.shapes import Choice, choose_shape
from creditlab.binning.spec import BinSpec
from creditlab.binning.values import read_numbers
from creditlab.errors import InputError, message


def find_ranges(
    columns: Sequence[pd.Series], samples: Sequence[Sample], form: str, trend: str, special: Special, rules: Rules
) -> Found:
    """The best ranges of one column of numbers, flags or dates, in one or more pieces."""
    name = columns[0].name
    pieces = [Piece(read_numbers(v, form), sample) for v, sample in zip(columns, samples, strict=True)]
    codes = tuple((number_code(code, name), meaning) for code, meaning in special)
    counted = count_column(pieces, tuple(code for code, _ in codes))
    limits = samples[0].limits(rules, counted.cells.n)
    choice = _choice(counted.cells, trend, limits, rules)
    shape = choice.shape if choice else "free" if trend == "auto" else trend
    cells, boundaries, unsteady = best_boundaries(counted, pieces, shape, limits)
    cuts = tuple(round_cut(float(cells.high[b - 1]), float(cells.low[b])) for b in boundaries)
    spec = BinSpec(str(name), form, cuts=cuts, special=codes)
    counts = np.stack([merge_cells(c, boundaries) for c in (cells.goods, cells.bads)])
    notes = reading_notes(columns, pieces, form, counted.infinite)
    if unsteady:
        notes.append(_unsteady_note(unsteady, samples[0].part_names))
    if not len(boundaries):
        notes.append(_why_one_bin(cells, shape, limits))
    elif choice and choice.gain.get(shape, 1.0) <= 0:
        notes.append("留出样本不支持 held-out rows do not support these bins")
    return Found(
        spec=spec,
        count=_Recount(spec, np.concatenate([counts, counted.apart.T], axis=1), tuple(pieces)),
        trend=None if trend == "auto" or not len(boundaries) else trend,
        inputs=(cells.low[boundaries], counts, counted.apart),
        notes=tuple(notes),
        facts={"held_out_gain": choice.gain[shape]} if choice and choice.gain else {},
    )


def _choice(cells: Cells, trend: str, limits: Limits, rules: Rules) -> Choice | None:
    """The shape that held-out counts choose, where it is asked for and two bins are possible."""
    splits = len(cells) > 1 and cells.n >= 2 * limits.min_n
    return choose_shape(cells.goods, cells.bads, limits, rules.seed) if trend == "auto" and splits else None


def best_boundaries(
    counted: Counted, pieces: Sequence[Piece], shape: str, limits: Limits
) -> tuple[Cells, np.ndarray, list[tuple[int, int]]]:
    """The cells, the boundaries of the best bins, and (boundary, part) where an unsteady cut was not made."""
    cells = counted.cells
    found = best_cuts(cells.goods, cells.bads, shape, limits, cells.parts)
    unsteady = [] if cells.parts is None else _unsteady(cells, shape, limits)
    if not cells.known()[found.boundaries].all():
        cells, start = resolve(counted, pieces, found.boundaries)
        start_cuts = Cuts(start, found.iv)
        found = refine_cuts(cells.goods, cells.bads, shape, limits, cells.parts, start_cuts, cells.known())
    return cells, found.boundaries, unsteady


def _unsteady(cells: Cells, shape: str, limits: Limits) -> list[tuple[int, int]]:
    """Boundaries that would be best but for a part in which they do not hold, and the first such part."""
    assert cells.parts is not None
    cuts = best_cuts(cells.goods, cells.bads, shape, limits).boundaries
    if not len(cuts):
        return []
    both = np.stack([merge_cells(c, cuts) for c in (cells.goods, cells.bads)])
    against = reversed_parts(both, merge_cells(cells.parts, cuts), limits)
    return [(int(cut), int(np.flatnonzero(row)[0])) for cut, row in zip(cuts, against, strict=True) if row.any()]


def _unsteady_note(unsteady: list[tuple[int, int]], part_names: Sequence[str]) -> str:
    parts = sorted({part_names[part] for _, part in unsteady})
    return (
        f"不稳定的切点未采用 cuts not made because the order of bad rates turns in {', '.join(parts)}: {len(unsteady)}"
    )


class _Recount:
    """Goods and bads of the bins of any spec: of the spec that was found as they were counted, of others from rows."""

    def __init__(self, spec: BinSpec, both: np.ndarray, pieces: tuple[Piece, ...]) -> None:
        self._spec, self._both, self._pieces = spec, both, pieces

    def __call__(self, spec: BinSpec) -> np.ndarray:
        if spec == self._spec:
            return self._both
        return np.sum([p.sample.counts(spec.number_codes(p.x), spec.size) for p in self._pieces], axis=0)


def number_code(code: Any, name: Any) -> float:
    """A special code of a column of numbers, as a float."""
    try:
        return float(code)
    except (TypeError, ValueError):
        raise InputError(
            message("numbers as special codes", repr(code), f"special of column '{name}'", "Give the code as a number.")
        ) from None


def reading_notes(columns: Sequence[pd.Series], pieces: Sequence[Piece], form: str, infinite: bool) -> list[str]:
    """What reading the values brought up: values that are no numbers, infinities."""
    notes = []
    taken = [(v, p) for v, p in zip(columns, pieces, strict=True) if v.dtype != np.float64]
    unread = sum(int(np.isnan(p.x).sum()) - int(v.isna().sum()) for v, p in taken)
    if unread > 0:
        notes.append(f"无法读为数值，作缺失 not readable as {form}, taken as missing: {unread}")
    if infinite:
        low, high = (sum(int(f(p.x).sum()) for p in pieces) for f in (np.isneginf, np.isposinf))
        notes.append(f"无穷值归入两端 infinities in the outer bins: -inf {low}, +inf {high}")
    return notes


#: what may stand in the way of two bins, in the order in which it is tried to relax it
_OBSTACLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("min_rate_gap", {"min_rate_gap": 0.0}),
    ("max_pvalue", {"max_pvalue": 1.0}),
    ("min_bads", {"min_bads": 0.0}),
    ("min_goods", {"min_goods": 0.0}),
    ("min_share or min_expected", {"min_n": 0.0}),
)


def _why_one_bin(cells: Cells, shape: str, limits: Limits) -> str:
    """Why a numeric column has one bin, and which rule to relax."""
    if cells.n == 0:
        return "全部缺失或为特殊值 all values are missing or special"
    if len(cells) == 1:
        return "常数列 constant: one value"
    if cells.n < 2 * limits.min_n:
        return (
            f"样本不足以分两箱 {cells.n:g} rows are too few for two bins of {limits.min_n:g}: "
            "relax min_share or min_expected"
        )
    two = replace(limits, max_bins=2)
    if limits.max_bins == 1:
        return "只要一箱 max_bins is 1"
    if _splits(cells, "free", two):
        return f"无满足单调要求的分箱 no two bins are {shape}: relax trend"
    for name, relaxed in _OBSTACLES:
        if _splits(cells, "free", replace(two, **relaxed)):
            return f"无法切分 no two bins satisfy {name}: relax {name}"
    return "无法切分 no two bins satisfy all rules together: relax min_share, min_expected, min_goods or min_bads"


def _splits(cells: Cells, shape: str, limits: Limits) -> bool:
    return len(best_cuts(cells.goods, cells.bads, shape, limits).boundaries) > 0
