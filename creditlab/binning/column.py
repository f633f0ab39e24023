"""One column as a binner fits and keeps it: its best bins by the recipe of its form, and all that edits of them need.

A fitted column holds counts beside the sample, so that an edit gives a new table without a search. Which columns there
are, and their settings, is the binner's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning.characteristic import Found, tabulated
from creditlab.binning.cross import Cross, joint_values
from creditlab.binning.edits import Edit
from creditlab.binning.joins import Policy
from creditlab.binning.levels import LevelRules, find_groups
from creditlab.binning.numbers import find_ranges
from creditlab.binning.sample import Rules, Sample
from creditlab.binning.table import BinTable
from creditlab.binning.tally import Outcomes
from creditlab.binning.values import form_of
from creditlab.checks import check_columns, check_target


@dataclass(frozen=True)
class FittedColumn:
    """All that the bin table of one column is made of, so that edits need no search."""

    found: Found
    sample: Sample
    rules: Rules
    policy: Policy
    trend: str
    beside: tuple[list[pd.DataFrame], Outcomes] | None = None

    def table(self, edits: Sequence[Edit]) -> BinTable:
        """The table with these edits of the column replayed."""
        table = tabulated(self.found, self.sample, self.rules, self.policy, edits, self.trend)
        if self.beside is None:
            return table
        frames, outcomes = self.beside
        codes = [table.codes(table.values_in(frame)) for frame in frames]
        return table.seen_by(np.concatenate(codes), outcomes)


def find_bins(
    columns: list[pd.Series],
    samples: list[Sample],
    trend: str,
    special: list[tuple[Any, str]],
    rules: Rules,
    declared: Callable[[pd.Series], LevelRules],
) -> Found:
    """The best bins of one column, in one or more pieces."""
    form = form_of(*columns)
    if form == "text":
        return find_groups(columns, samples, special, rules, declared(columns[0]))
    return find_ranges(columns, samples, form, trend, special, rules)


def find_cross(
    cross: Cross,
    frames: list[pd.DataFrame],
    samples: list[Sample],
    trends: Mapping[str, str],
    special: Mapping[str, list[tuple[Any, str]]],
    rules: Rules,
    declared: Callable[[pd.Series], LevelRules],
) -> Found:
    """The best groups of the cells of two columns."""
    few = replace(rules, max_bins=min(cross.bins, rules.max_bins))
    sides = tuple(
        find_bins([f[side] for f in frames], samples, trends[side], special[side], few, declared).spec
        for side in (cross.first, cross.second)
    )
    columns = [joint_values(sides, frame, cross.name) for frame in frames]
    found = find_groups(columns, samples, (), rules)
    return replace(found, spec=replace(found.spec, sides=sides))


def held_out_effect(old: BinTable, new: BinTable, held_out: tuple[Any, Any] | None) -> dict[str, Any]:
    """IV of the old and the new bins on held-out rows, and the bad rates of the new ones."""
    if held_out is None:
        return {}
    frame, y = held_out
    bad = check_target(y, "held_out", len(frame))
    check_columns(frame, list(new.spec.columns), "held_out")
    found = {}
    for when, table in (("before", old), ("after", new)):
        codes = table.codes(table.values_in(frame))
        n = np.bincount(codes, minlength=table.spec.size)
        bads = np.bincount(codes, weights=bad, minlength=table.spec.size)
        share = (n - bads) / (bad == 0).sum() - bads / bad.sum()
        found[f"held_out_iv_{when}"] = float(share @ table.woe)
        rates = tuple(float(b / m) if m else None for b, m in zip(bads, n, strict=True))
    return found | {"held_out_rates": rates}
