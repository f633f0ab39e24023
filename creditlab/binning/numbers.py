"""Numbers, flags and dates: from their values to the ranges of their bins.

Values are reduced to fine cells, the shape is chosen on held-out counts, the cuts by the exact programme. A column that
ends in one bin says in its notes why, and which rule to relax.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning.characteristic import Found, Special
from creditlab.binning.counts import Cells, count_cells, round_cut
from creditlab.binning.sample import Rules, Sample
from creditlab.binning.search import Limits, best_cuts, solve
from creditlab.binning.shapes import choose_shape
from creditlab.binning.spec import BinSpec
from creditlab.binning.values import read_numbers
from creditlab.errors import InputError, message


def find_ranges(values: pd.Series, form: str, sample: Sample, trend: str, special: Special, rules: Rules) -> Found:
    """The best ranges of one column of numbers, flags or dates."""
    x = read_numbers(values, form)
    codes = tuple((_number_code(code, values.name), meaning) for code, meaning in special)
    regular = ~np.isnan(x)
    for code, _ in codes:
        regular &= x != code
    notes = _reading_notes(values, x, form)
    clean, bad = _finite(x[regular]), sample.bad[regular]
    cells = count_cells(clean, bad, None if sample.weight is None else sample.weight[regular])
    limits = sample.limits(rules, float(cells.goods.sum() + cells.bads.sum()))
    splits = len(cells) > 1 and float(cells.goods.sum() + cells.bads.sum()) >= 2 * limits.min_n
    choice = choose_shape(cells.goods, cells.bads, limits, rules.seed) if trend == "auto" and splits else None
    shape = choice.shape if choice else "free" if trend == "auto" else trend
    found = best_cuts(cells.goods, cells.bads, shape, limits).boundaries
    if not len(found):
        notes.append(_why_one_bin(cells, shape, limits))
    elif choice and choice.gain[shape] <= 0:
        notes.append("留出样本不支持 held-out rows do not support these bins")
    cuts = tuple(round_cut(float(cells.below[b - 1]), float(cells.edges[b - 1])) for b in found)
    return Found(
        spec=BinSpec(str(values.name), form, cuts=cuts, special=codes),
        count=lambda spec: sample.counts(spec.number_codes(x).astype(np.int64), spec.size),
        trend=None if trend == "auto" or not len(found) else trend,
        inputs=(cells.edges, cells.goods, cells.bads),
        notes=tuple(notes),
        facts={"held_out_gain": choice.gain[choice.shape]} if choice else {},
    )


def _finite(x: np.ndarray) -> np.ndarray:
    """Infinities count with the extreme finite values; without any finite value they are -1 and 1."""
    wild = np.isinf(x)
    if not wild.any():
        return x
    if wild.all():
        return np.sign(x)
    calm = x[~wild]
    return np.clip(x, calm.min(), calm.max())


def _number_code(code: Any, name: Any) -> float:
    try:
        return float(code)
    except (TypeError, ValueError):
        raise InputError(
            message("numbers as special codes", repr(code), f"special of column '{name}'", "Give the code as a number.")
        ) from None


def _reading_notes(values: pd.Series, x: np.ndarray, form: str) -> list[str]:
    notes = []
    unread = int(np.isnan(x).sum()) - int(values.isna().sum())
    if unread > 0:
        notes.append(f"无法读为数值，作缺失 not readable as {form}, taken as missing: {unread}")
    low, high = int(np.isneginf(x).sum()), int(np.isposinf(x).sum())
    if low or high:
        notes.append(f"无穷值归入两端 infinities in the outer bins: -inf {low}, +inf {high}")
    return notes


def _why_one_bin(cells: Cells, shape: str, limits: Limits) -> str:
    """Why a numeric column has one bin, and what to relax."""
    n = float(cells.goods.sum() + cells.bads.sum())
    if n == 0:
        return "全部缺失或为特殊值 all values are missing or special"
    if len(cells) == 1:
        return "常数列 constant: one value"
    if n < 2 * limits.min_n:
        return (
            f"样本不足以分两箱 {n:g} rows are too few for two bins of {limits.min_n:g}: relax min_share or min_expected"
        )
    if len(solve(cells.goods, cells.bads, "free", limits).boundaries):
        return f"无满足单调要求的分箱 no two bins are {shape}: relax trend"
    return "无法切分 no two bins satisfy min_share, min_expected, min_goods and min_bads: relax one of them"
