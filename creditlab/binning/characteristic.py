"""From the bins of one characteristic and its counts to the bin table: WOE, pseudo-rows, the shape that came out.

The recipes in `numbers` and `levels` find bins; what happens to found bins is the same for both and is here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from creditlab.binning.edits import Edit, Violation, edited_spec, violations
from creditlab.binning.joins import Policy, joined_spec, moved, notes_of
from creditlab.binning.sample import Rules, Sample
from creditlab.binning.search import woe_of
from creditlab.binning.spec import BinSpec
from creditlab.binning.table import BinTable, make_table
from creditlab.errors import InputError, message
from creditlab.results import Stamp

Special = Sequence[tuple[Any, str]]


@dataclass(frozen=True)
class Found:
    """What a recipe found in one column, before policies and edits.

    Parameters
    ----------
    spec : the best bins.
    count : (2, bins): goods and bads of every bin of any spec of this column, from the counts the recipe holds.
    trend : the declared shape of the regular bins; None to read it off the counts.
    inputs : arrays that stand for the data in the stamp.
    regular_woe : WOE of the regular bins of a spec where it is not the one of the counts (shrunken levels), else None.
    """

    spec: BinSpec
    count: Callable[[BinSpec], np.ndarray]
    trend: str | None
    inputs: tuple[Any, ...] = ()
    notes: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    regular_woe: Callable[[BinSpec], np.ndarray] | None = None


def tabulated(
    found: Found, sample: Sample, rules: Rules, policy: Policy, edits: Sequence[Edit] = (), trend: str = "auto"
) -> BinTable:
    """The bin table of what was found: edits replayed, then joins made, then WOE taken from the counts."""
    spec, mine = edited_spec(found.spec, edits)
    raw = found.count(spec)
    before = pseudo_rows(raw.sum(axis=0), spec, sample, rules)
    plain = woe_of(raw[0], raw[1], sample.total_goods, sample.total_bads, before)
    spec = joined_spec(spec, raw, plain, before, policy)
    goods, bads = both = moved(spec, raw)
    pseudo = pseudo_rows(goods + bads, spec, sample, rules)
    woe = woe_of(goods, bads, sample.total_goods, sample.total_bads, pseudo)
    if found.regular_woe is not None:
        woe[: spec.regular] = found.regular_woe(spec)
    for source, target in spec.joins:
        woe[source] = woe[target]
    _check_finite(woe, spec, both)
    shape = shape_of(goods[: spec.regular], bads[: spec.regular])
    broken = _broken(spec, both, sample, rules, trend, shape) if mine else []
    notes = [*found.notes, *notes_of(spec, raw), *(_edit_note(edit) for edit in mine), *(v.note() for v in broken)]
    stamp = Stamp.of([spec.to_dict(), *found.inputs, goods, bads], asdict(rules), rules.seed)
    kept = found.trend if found.trend and not mine and not spec.joins else shape
    facts = found.facts | ({"edits": len(mine)} if mine else {})
    return make_table(spec, goods, bads, woe=woe, pseudo=pseudo, stamp=stamp, trend=kept, notes=notes, facts=facts)


def _check_finite(woe: np.ndarray, spec: BinSpec, both: np.ndarray) -> None:
    """A pure bin has a WOE only with a prior."""
    wrong = np.flatnonzero(~np.isfinite(woe))
    if not len(wrong):
        return
    goods, bads = both[:, wrong[0]]
    raise InputError(
        message(
            "goods and bads in every bin, since prior=0 gives a pure bin an infinite WOE",
            f"{goods:g} goods and {bads:g} bads in '{spec.label(int(wrong[0]), 'en')}'",
            f"column '{spec.name}'",
            "Give a prior above 0 (0.5 is Jeffreys'), or let the bin join another.",
        )
    )


def _broken(spec: BinSpec, both: np.ndarray, sample: Sample, rules: Rules, trend: str, shape: str) -> list[Violation]:
    limits = sample.limits(rules, float(both[:, : spec.regular].sum()))
    return violations(spec, both, rules, limits.min_n, trend, shape)


def _edit_note(edit: Edit) -> str:
    who = f" {edit.author}" if edit.author else ""
    when = f" {edit.made_at[:10]}" if edit.made_at else ""
    return f"人工调整 edited{who}{when}: {edit.operation} ({edit.reason})"


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
    filled = goods + bads > 0
    goods, bads = goods[filled], bads[filled]
    if len(goods) < 2:
        return "flat"
    up = np.diff(bads / (goods + bads)) > 0
    turns = np.count_nonzero(up[1:] != up[:-1])
    if turns == 0:
        return "ascending" if up[0] else "descending"
    if turns == 1:
        return "peak" if up[0] else "valley"
    return "free"
