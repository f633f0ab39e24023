"""The bins of one column for a continuous target: ranges of numbers and dates, groups of levels of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning.categories import MANY_LEVELS
from creditlab.binning.cells import Piece, count_column, round_cut
from creditlab.binning.characteristic import shape_of
from creditlab.binning.mean_shapes import choose_mean_shape
from creditlab.binning.means import MeanRules, MeanSample
from creditlab.binning.numbers import best_boundaries, number_code, reading_notes
from creditlab.binning.search import Limits, best_cuts
from creditlab.binning.spec import BinSpec
from creditlab.binning.values import form_of, level_text, read_levels, read_numbers

Special = Sequence[tuple[Any, str]]


@dataclass(frozen=True)
class MeanFound:
    """Bins of one column; `away` (regular bins,) is their mean less that of all rows where levels were shrunken."""

    spec: BinSpec
    trend: str
    notes: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    away: np.ndarray | None = None


def find_mean_bins(values: pd.Series, sample: MeanSample, trend: str, special: Special, rules: MeanRules) -> MeanFound:
    """The bins of greatest sum of squares between their means."""
    form = form_of(values)
    if form == "text":
        return _find_groups(values, sample, special, rules)
    return _find_ranges(values, sample, form, trend, special, rules)


def _find_ranges(
    values: pd.Series, sample: MeanSample, form: str, trend: str, special: Special, rules: MeanRules
) -> MeanFound:
    codes = tuple((number_code(code, values.name), meaning) for code, meaning in special)
    x = read_numbers(values, form)
    pieces = [Piece(x, sample)]
    counted = count_column(pieces, tuple(code for code, _ in codes))
    limits = sample.limits(rules, counted.cells.n)
    notes = reading_notes([values], pieces, form, counted.infinite)
    splits = len(counted.cells) > 1 and counted.cells.n >= 2 * limits.min_n
    choice = None
    if trend == "auto" and splits:
        regular = np.flatnonzero(~np.isnan(x) & ~np.isin(x, [code for code, _ in codes]))
        choice = choose_mean_shape(x[regular] + 0.0, sample.rows(regular), limits, rules.seed)
    shape = choice.shape if choice else "free" if trend == "auto" else trend
    cells, boundaries, _ = best_boundaries(counted, pieces, shape, limits)
    cuts = tuple(round_cut(float(cells.high[b - 1]), float(cells.low[b])) for b in boundaries)
    spec = BinSpec(str(values.name), form, cuts=cuts, special=codes)
    if not cuts:
        notes.append(_why_one_bin(counted.cells.n, len(counted.cells), shape, limits))
    elif choice and choice.gain[shape] <= 0:
        notes.append("留出样本不支持 held-out rows do not support these bins")
    goods, bads = sample.counts(spec.number_codes(x), spec.size)[:, : spec.regular]
    facts = {"held_out_r2": choice.gain[shape]} if choice else {}
    return MeanFound(spec, shape if trend != "auto" and cuts else shape_of(goods, bads), tuple(notes), facts)


def _why_one_bin(n: float, cells: int, shape: str, limits: Limits) -> str:
    if n == 0:
        return "全部缺失或为特殊值 all values are missing or special"
    if cells == 1:
        return "常数列 constant: one value"
    if n < 2 * limits.min_n:
        return f"样本不足以分两箱 {n:g} rows are too few for two bins of {limits.min_n:g}: relax min_share or min_rows"
    if limits.max_bins == 1:
        return "只要一箱 max_bins is 1"
    return f"无法切分 no two bins are {shape} and satisfy min_share, min_rows and min_gap: relax one of them"


def _find_groups(values: pd.Series, sample: MeanSample, special: Special, rules: MeanRules) -> MeanFound:
    """Levels in order of their shrunken mean, grouped with their neighbours."""
    codes = tuple((level_text(code), meaning) for code, meaning in special)
    levels = read_levels(values)
    named = {code for code, _ in codes}
    size = len(levels.names) + 1
    goods, bads = sample.counts(np.where(levels.codes < 0, size - 1, levels.codes), size)
    kept = np.array([i for i, name in enumerate(levels.names) if name not in named and goods[i] + bads[i] > 0], int)
    names = np.array(levels.names, dtype=object)[kept]
    n, total = (goods + bads)[kept], bads[kept]
    limits = sample.limits(rules, float(n.sum()))
    square = np.bincount(levels.codes + 1, weights=sample.weight * sample.share**2, minlength=size)[kept + 1]
    mean = shrunken_means(n, total, square)
    order = np.lexsort((names.astype(str), mean))
    notes, cuts = [], np.empty(0, dtype=np.int64)
    if len(kept) > 1 and n.sum() >= 2 * limits.min_n:
        ordered = mean[order] * n[order]
        cuts = best_cuts(n[order] - ordered, ordered, "ascending", limits).boundaries
    groups = tuple(tuple(sorted(part)) for part in np.split(names[order], cuts)) if len(kept) else ()
    if len(groups) < 2:
        notes.append(_why_one_group(len(kept)))
    many = len(kept) > MANY_LEVELS
    away = None
    if many:
        notes.append(f"取值多，均值已收缩 many levels ({len(kept)}): means of shrunken levels")
        within = np.add.reduceat(np.stack([n[order], mean[order] * n[order]]), np.append(0, cuts), axis=1)
        away = sample.low + sample.span * within[1] / within[0] - sample.mean
    spec = BinSpec(str(values.name), "text", groups=groups, special=codes)
    trend = "ascending" if len(groups) > 1 else "flat"
    return MeanFound(spec, trend, tuple(notes), {"levels": len(kept)}, away)


def shrunken_means(n: np.ndarray, total: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Credibility means of levels: each mean drawn towards that of all levels by n / (n + σ² / τ²).

    σ² is the variance within levels, τ² that between their true means, by moments (Bühlmann and Straub, Mitteilungen
    der VSVM 70 (1970) 111-133). Where levels differ no more than chance τ² is 0, and all means are the mean of all.

    >>> shrunken_means(np.array([10.0, 10.0]), np.array([1.0, 9.0]), np.array([1.0, 9.0])).round(3).tolist()
    [0.113, 0.887]
    """
    whole = n.sum()
    if not len(n) or whole <= len(n):
        return np.full(len(n), total.sum() / whole if whole else 0.0)
    mean, middle = total / n, total.sum() / whole
    within = max(float((square - total * mean).sum()), 0.0) / (whole - len(n))
    between = (float(n @ (mean - middle) ** 2) - (len(n) - 1) * within) / max(whole - float(n @ n) / whole, 1e-300)
    if between <= 0:
        return np.full(len(n), middle)
    return middle + (mean - middle) * n / (n + within / between)


def _why_one_group(levels: int) -> str:
    if levels == 0:
        return "全部缺失或为特殊值 all values are missing or special"
    if levels == 1:
        return "常数列 constant: one level"
    return "合为一组 one group: levels differ no more than chance, or min_share and min_rows leave no two groups"
