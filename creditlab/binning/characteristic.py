"""One characteristic from its values to its bin table: read, count, choose the shape, cut, tabulate.

This is the recipe in one page; each step is a function of its own module. Nothing collapses silently: a column that
ends in one bin says in its notes why, and which rule to relax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning.categories import group_levels
from creditlab.binning.counts import Cells, count_cells, merge_cells, round_cut
from creditlab.binning.search import Limits, best_cuts, solve, woe_of
from creditlab.binning.shapes import choose_shape
from creditlab.binning.spec import BinSpec
from creditlab.binning.table import BinTable, make_table
from creditlab.binning.values import form_of, level_text, read_levels, read_numbers
from creditlab.errors import InputError, message
from creditlab.results import Stamp

Special = Sequence[tuple[Any, str]]


@dataclass(frozen=True)
class Rules:
    """What every bin must satisfy; see `Binner` for the meaning of each."""

    max_bins: int
    min_share: float
    min_goods: float
    min_bads: float
    min_expected: float
    prior: float
    seed: int


@dataclass(frozen=True)
class Sample:
    """The target side of a fit: which rows are bad, their weights (None: one each), and the totals."""

    bad: np.ndarray
    weight: np.ndarray | None
    total_goods: float
    total_bads: float

    @classmethod
    def of(cls, bad: np.ndarray, weight: np.ndarray | None) -> Sample:
        total = float(len(bad)) if weight is None else float(weight.sum())
        bads = float(bad.sum()) if weight is None else float(weight[bad == 1].sum())
        return cls(bad, weight, total - bads, bads)

    @property
    def rare_share(self) -> float:
        """The smaller of the shares of goods and bads."""
        return min(self.total_goods, self.total_bads) / (self.total_goods + self.total_bads)

    def pseudo_rows(self, events: float) -> float:
        """Rows at the sample's own odds that hold this many goods or bads, whichever are rarer."""
        return events / self.rare_share

    def counts(self, codes: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Goods and bads by code."""
        both = np.bincount(codes * 2 + self.bad, weights=self.weight, minlength=2 * size).reshape(size, 2)
        return both[:, 0].astype(float), both[:, 1].astype(float)

    def of_rows(self, rows: np.ndarray) -> tuple[float, float]:
        """Goods and bads of the rows of a mask."""
        bad = self.bad[rows]
        weight = np.ones(len(bad)) if self.weight is None else self.weight[rows]
        bads = float(weight[bad == 1].sum())
        return float(weight.sum()) - bads, bads

    def limits(self, rules: Rules, n: float) -> Limits:
        """The limits of regular bins in a column with weight `n` that is neither missing nor special."""
        return Limits(
            max_bins=rules.max_bins,
            min_n=max(rules.min_share * n, self.pseudo_rows(rules.min_expected)),
            total_goods=self.total_goods,
            total_bads=self.total_bads,
            min_goods=rules.min_goods,
            min_bads=rules.min_bads,
            prior=self.pseudo_rows(rules.prior),
        )


def bin_characteristic(values: pd.Series, sample: Sample, trend: str, special: Special, rules: Rules) -> BinTable:
    """The bin table of one column."""
    form = form_of(values)
    if form == "text":
        return _bin_levels(values, sample, special, rules)
    return _bin_numbers(values, form, sample, trend, special, rules)


def _bin_numbers(values: pd.Series, form: str, sample: Sample, trend: str, special: Special, rules: Rules) -> BinTable:
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
    spec = BinSpec(str(values.name), form, cuts=cuts, special=codes)
    goods, bads = _counts_by_bin(spec, cells, found, x, sample)
    trend = shape_of(goods[: spec.regular], bads[: spec.regular]) if trend == "auto" or not len(found) else trend
    facts = {"held_out_gain": choice.gain[choice.shape]} if choice else {}
    return _tabulated(spec, goods, bads, sample, rules, trend=trend, notes=notes, facts=facts, cells=cells)


def _counts_by_bin(
    spec: BinSpec, cells: Cells, boundaries: np.ndarray, x: np.ndarray, sample: Sample
) -> tuple[np.ndarray, np.ndarray]:
    """Goods and bads of every bin: ranges from their cells, codes and missing values from their rows."""
    apart = [x == code for code, _ in spec.special] + [np.isnan(x)]
    goods, bads = zip(*(sample.of_rows(rows) for rows in apart), strict=True)
    return np.append(merge_cells(cells.goods, boundaries), goods), np.append(merge_cells(cells.bads, boundaries), bads)


def _bin_levels(values: pd.Series, sample: Sample, special: Special, rules: Rules) -> BinTable:
    levels = read_levels(values)
    size = len(levels.names)
    goods, bads = (c[:size] for c in sample.counts(np.where(levels.codes < 0, size, levels.codes), size + 1))
    codes = tuple((level_text(code), meaning) for code, meaning in special)
    named = {code for code, _ in codes}
    kept = np.array([i for i, name in enumerate(levels.names) if name not in named], dtype=np.int64)
    kept = kept[goods[kept] + bads[kept] > 0]
    notes = []
    limits = sample.limits(rules, float(goods[kept].sum() + bads[kept].sum()))
    groups: tuple[tuple[str, ...], ...] = ()
    woe = None
    if len(kept):
        rare = sample.pseudo_rows(rules.min_expected)
        grouping = group_levels(goods[kept], bads[kept], limits, rare, rules.seed)
        names = np.array(levels.names, dtype=object)[kept]
        groups = tuple(tuple(names[grouping.group == g]) for g in range(grouping.group.max() + 1))
        if grouping.pooled:
            notes.append(f"合并稀有取值 rare levels pooled: {grouping.pooled}")
        if grouping.shrunken:
            shrunken = [np.bincount(grouping.group, weights=c) for c in (grouping.goods, grouping.bads)]
            woe = woe_of(shrunken[0], shrunken[1], sample.total_goods, sample.total_bads, limits.prior)
            notes.append(f"取值多，WOE取收缩坏账率 many levels ({len(kept)}): WOE from shrunken bad rates")
    if len(groups) < 2:
        notes.append(_why_one_group(len(kept)))
    spec = BinSpec(str(values.name), "text", groups=groups, special=codes)
    bin_goods, bin_bads = sample.counts(spec.codes(values).astype(np.int64), spec.size)
    trend = "ascending" if len(groups) > 1 else "flat"
    facts = {"levels": len(kept)}
    return _tabulated(spec, bin_goods, bin_bads, sample, rules, trend=trend, notes=notes, facts=facts, regular_woe=woe)


def _tabulated(
    spec: BinSpec,
    goods: np.ndarray,
    bads: np.ndarray,
    sample: Sample,
    rules: Rules,
    *,
    trend: str,
    notes: list[str],
    facts: dict[str, Any],
    cells: Cells | None = None,
    regular_woe: np.ndarray | None = None,
) -> BinTable:
    pseudo = pseudo_rows(goods + bads, spec, sample, rules)
    woe = woe_of(goods, bads, sample.total_goods, sample.total_bads, pseudo)
    if regular_woe is not None:
        woe[: spec.regular] = regular_woe
    counts = [goods, bads] if cells is None else [cells.edges, cells.goods, cells.bads, goods, bads]
    stamp = Stamp.of([spec.to_dict(), *counts], asdict(rules), rules.seed)
    return make_table(spec, goods, bads, woe=woe, pseudo=pseudo, stamp=stamp, trend=trend, notes=notes, facts=facts)


def pseudo_rows(n: np.ndarray, spec: BinSpec, sample: Sample, rules: Rules) -> np.ndarray:
    """Pseudo-rows added to each bin at the sample's own odds before WOE is taken.

    Every bin gets as many as hold `prior` events of the rarer class (half a bad, as Jeffreys would add). A bin of
    missing, special or unseen values, whose size nobody controls, is filled up further until it has `min_expected`
    expected goods and bads: three rows that are all bad say little, and their WOE says so.
    """
    pseudo = np.full(spec.size, sample.pseudo_rows(rules.prior))
    enough = sample.pseudo_rows(rules.min_expected)
    pseudo[spec.regular :] = np.maximum(pseudo[spec.regular :], enough - n[spec.regular :])
    return pseudo


def shape_of(goods: np.ndarray, bads: np.ndarray) -> str:
    """The shape of the bad rate along bins: flat, ascending, descending, peak, valley or free.

    >>> shape_of(np.array([9.0, 8.0, 9.0]), np.array([1.0, 2.0, 1.0]))
    'peak'
    """
    if len(goods) < 2:
        return "flat"
    up = np.diff(bads / (goods + bads)) > 0
    turns = np.count_nonzero(up[1:] != up[:-1])
    if turns == 0:
        return "ascending" if up[0] else "descending"
    if turns == 1:
        return "peak" if up[0] else "valley"
    return "free"


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


def _why_one_group(levels: int) -> str:
    if levels == 0:
        return "全部缺失或为特殊值 all values are missing or special"
    if levels == 1:
        return "常数列 constant: one level"
    return "合为一组 one group: levels differ no more than chance, or min_share and min_expected leave no two groups"
