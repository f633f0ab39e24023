"""Text columns: from their levels to groups of levels. A column that ends in one group says in its notes why.

Rows are first reduced to goods and bads per level; counts of pieces add up. Levels are grouped by bad rate, or, where
they have an order of their own, as ranges are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from creditlab.binning.categories import MANY_LEVELS, Care, Grouping, group_levels, shrunken_rates
from creditlab.binning.characteristic import Found, Special
from creditlab.binning.outoffold import level_woe
from creditlab.binning.sample import Rules, Sample
from creditlab.binning.search import Limits, best_cuts
from creditlab.binning.shapes import choose_shape
from creditlab.binning.spec import BinSpec
from creditlab.binning.values import level_text, read_levels


@dataclass(frozen=True)
class LevelCounts:
    """Goods and bads of each level of a text column.

    Parameters
    ----------
    names : (levels,) sorted.
    both : (2, levels + 1) goods and bads; the last column is missing values.
    """

    names: tuple[str, ...]
    both: np.ndarray

    @classmethod
    def of(cls, values: pd.Series, sample: Sample) -> LevelCounts:
        """The counts of one piece of rows."""
        levels = read_levels(values)
        size = len(levels.names) + 1
        return cls(levels.names, sample.counts(np.where(levels.codes < 0, size - 1, levels.codes), size))

    def merge(self, other: LevelCounts) -> LevelCounts:
        """The counts of both pieces together."""
        names = tuple(sorted({*self.names, *other.names}))
        place = {name: i for i, name in enumerate(names)}
        both = np.zeros((2, len(names) + 1))
        for part in (self, other):
            both[:, [*(place[name] for name in part.names), -1]] += part.both
        return LevelCounts(names, both)

    def by_bin(self, spec: BinSpec) -> np.ndarray:
        """(2, bins): goods and bads of each bin of a spec."""
        codes = spec.codes(pd.Series([*self.names, None], dtype=object))
        return np.stack([np.bincount(codes, weights=c, minlength=spec.size) for c in self.both])


@dataclass(frozen=True)
class LevelRules:
    """What is declared of the levels of one column.

    Parameters
    ----------
    order : the levels in their own order, or None.
    prefix : how many leading characters of a level name the larger unit that it lies in; 0 for none.
    trend : the shape of the bad rate along the order.
    units : the larger unit of each level, where another column names it; else empty.
    """

    order: tuple[str, ...] | None = None
    prefix: int = 0
    trend: str = "auto"
    units: Mapping[str, str] = field(default_factory=dict)


def find_groups(
    columns: Sequence[pd.Series],
    samples: Sequence[Sample],
    special: Special,
    rules: Rules,
    declared: LevelRules = LevelRules(),
) -> Found:
    """The best groups of levels of one text column, in one or more pieces."""
    counts = LevelCounts.of(columns[0], samples[0])
    for values, sample in zip(columns[1:], samples[1:], strict=True):
        counts = counts.merge(LevelCounts.of(values, sample))
    codes = tuple((level_text(code), meaning) for code, meaning in special)
    named = {code for code, _ in codes}
    n = counts.both.sum(axis=0)
    kept = np.array([i for i, name in enumerate(counts.names) if name not in named and n[i] > 0], dtype=np.int64)
    limits = samples[0].limits(rules, float(n[kept].sum()))
    name = str(columns[0].name)
    if declared.order is not None:
        return _ordered(name, counts, kept, codes, limits, rules, declared)
    return _grouped(name, counts, kept, codes, limits, rules, declared, samples[0].pseudo_rows(rules.min_expected))


def _grouped(
    name: str,
    counts: LevelCounts,
    kept: np.ndarray,
    codes: tuple[tuple[str, str], ...],
    limits: Limits,
    rules: Rules,
    declared: LevelRules,
    rare: float,
) -> Found:
    """Levels grouped by their bad rate."""
    names, notes = [counts.names[i] for i in kept], []
    goods, bads = counts.both[:, kept]
    care = care_for(names, rare, rules, declared)
    grouping = group_levels(goods, bads, limits, care) if len(kept) else Grouping(kept, goods, bads)
    spec = _spec(name, names, grouping, codes, care, declared)
    if grouping.pooled:
        notes.append(f"合并稀有取值 rare levels pooled: {grouping.pooled}")
    if care.many:
        notes.append(f"取值多，WOE取收缩坏账率 many levels ({len(kept)}): WOE from shrunken bad rates")
    if care.parent is not None:
        notes.append(f"向上级单位收缩 shrunken towards {int(care.parent.max()) + 1} larger units")
    if len(spec.groups) < 2:
        notes.append(_why_one_group(len(kept)))
    facts = {"levels": len(kept)} | ({"many_levels": True} if care.many else {})
    return Found(
        spec=spec,
        count=counts.by_bin,
        trend="ascending" if len(spec.groups) > 1 else "flat",
        inputs=(names, goods, bads),
        notes=tuple(notes),
        facts=facts,
        regular_woe=_ShrunkenWoe(tuple(names), grouping, limits) if care.many else None,
    )


def care_for(names: Sequence[str], rare: float, rules: Rules, declared: LevelRules) -> Care:
    """How these levels are treated before they are grouped."""
    parent = None
    if (declared.prefix or declared.units) and len(names):
        above = [declared.units.get(name, "") if declared.units else name[: declared.prefix] for name in names]
        parent = np.unique(above, return_inverse=True)[1]
    return Care(len(names) > MANY_LEVELS or parent is not None, rare, rules.seed, parent)


def _spec(
    name: str,
    names: Sequence[str],
    grouping: Grouping,
    codes: tuple[tuple[str, str], ...],
    care: Care,
    declared: LevelRules,
) -> BinSpec:
    size = int(grouping.group.max()) + 1 if len(names) else 0
    groups = tuple(tuple(np.array(names, dtype=object)[grouping.group == g]) for g in range(size))
    parents: tuple[tuple[str, int], ...] = ()
    if care.parent is not None and declared.prefix:
        goods, bads = (np.bincount(grouping.group, weights=c) for c in (grouping.goods, grouping.bads))
        above = [np.bincount(care.parent, weights=c) for c in (grouping.goods, grouping.bads)]
        nearest = np.abs(shrunken_rates(above[0], above[1])[:, None] - bads / (goods + bads)).argmin(axis=1)
        prefixes = np.unique([n[: declared.prefix] for n in names])
        parents = tuple((str(p), int(g)) for p, g in zip(prefixes, nearest, strict=True))
    return BinSpec(name, "text", groups=groups, special=codes, prefix=declared.prefix, parents=parents)


def units_of(levels: Sequence[pd.Series], units: Sequence[pd.Series]) -> dict[str, str]:
    """The unit in which most rows of each level lie, the first by name among equals.

    >>> units_of([pd.Series(["v1", "v1", "v2"])], [pd.Series(["t1", "t2", "t1"])])
    {'v1': 't1', 'v2': 't1'}
    """
    read = [(read_levels(a), read_levels(b)) for a, b in zip(levels, units, strict=True)]
    pairs = pd.concat(
        [
            pd.DataFrame({"level": np.array([*a.names, ""])[a.codes], "unit": np.array([*b.names, ""])[b.codes]})
            for a, b in read
        ]
    )
    counts = pairs[(pairs["level"] != "") & (pairs["unit"] != "")].value_counts(sort=False).rename("n").reset_index()
    best = counts.sort_values(["level", "n", "unit"], ascending=[True, False, True]).drop_duplicates("level")
    return dict(zip(best["level"], best["unit"], strict=True))


class _ShrunkenWoe:
    """WOE of the groups of any spec from the shrunken counts of the levels in them."""

    def __init__(self, names: tuple[str, ...], grouping: Grouping, limits: Limits) -> None:
        self._place = {name: i for i, name in enumerate(names)}
        self._grouping, self._limits = grouping, limits

    def __call__(self, spec: BinSpec) -> np.ndarray:
        group = np.zeros(len(self._place), dtype=np.int64)
        for number, levels in enumerate(spec.groups):
            group[[self._place[name] for name in levels if name in self._place]] = number
        goods, bads = self._grouping.goods, self._grouping.bads
        woe = level_woe(Grouping(group, goods, bads), self._limits)
        found = np.zeros(spec.regular)
        found[group] = woe
        return found


def _ordered(
    name: str,
    counts: LevelCounts,
    kept: np.ndarray,
    codes: tuple[tuple[str, str], ...],
    limits: Limits,
    rules: Rules,
    declared: LevelRules,
) -> Found:
    """Levels grouped with their neighbours in the declared order; levels outside it are in the bin of unseen levels."""
    place = {counts.names[i]: i for i in kept}
    assert declared.order is not None
    names = [level for level in declared.order if level in place]
    goods, bads = counts.both[:, [place[level] for level in names]]
    notes = []
    if len(names) < len(kept):
        notes.append(f"不在所列次序中，作未见取值 levels outside the declared order: {len(kept) - len(names)}")
    splits = len(names) > 1 and float(goods.sum() + bads.sum()) >= 2 * limits.min_n
    auto = declared.trend == "auto"
    shape = declared.trend if not auto else choose_shape(goods, bads, limits, rules.seed).shape if splits else "free"
    cuts = best_cuts(goods, bads, shape, limits).boundaries if splits else np.empty(0, dtype=np.int64)
    groups = tuple(tuple(part) for part in np.split(np.array(names, dtype=object), cuts)) if names else ()
    if len(groups) < 2:
        notes.append(_why_one_group(len(names)))
    return Found(
        spec=BinSpec(name, "text", groups=groups, special=codes),
        count=counts.by_bin,
        trend=None if auto or len(groups) < 2 else shape,
        inputs=(names, goods, bads),
        notes=tuple(notes),
        facts={"levels": len(names), "ordinal": True},
    )


def _why_one_group(levels: int) -> str:
    if levels == 0:
        return "全部缺失或为特殊值 all values are missing or special"
    if levels == 1:
        return "常数列 constant: one level"
    return "合为一组 one group: levels differ no more than chance, or min_share and min_expected leave no two groups"
