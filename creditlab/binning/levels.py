"""Text columns: from their levels to groups of levels. A column that ends in one group says in its notes why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from creditlab.binning.categories import group_levels
from creditlab.binning.characteristic import Found, Special
from creditlab.binning.sample import Rules, Sample, joined
from creditlab.binning.search import woe_of
from creditlab.binning.spec import BinSpec
from creditlab.binning.values import level_text, read_levels


def find_groups(columns: Sequence[pd.Series], samples: Sequence[Sample], special: Special, rules: Rules) -> Found:
    """The best groups of levels of one text column, in one or more pieces."""
    values, sample = pd.concat(list(columns)), joined(samples)
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
    return Found(
        spec=BinSpec(str(values.name), "text", groups=groups, special=codes),
        count=lambda spec: sample.counts(spec.codes(values), spec.size),
        trend="ascending" if len(groups) > 1 else "flat",
        notes=tuple(notes),
        facts={"levels": len(kept)},
        regular_woe=None if woe is None else lambda spec: woe,
    )


def _why_one_group(levels: int) -> str:
    if levels == 0:
        return "全部缺失或为特殊值 all values are missing or special"
    if levels == 1:
        return "常数列 constant: one level"
    return "合为一组 one group: levels differ no more than chance, or min_share and min_expected leave no two groups"
