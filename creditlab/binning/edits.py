"""Bins made by a person: specs of manual edits, the editor that makes them, and what they do to constraints.

An edit holds the bins of its whole column as the person left them: the cuts, or the groups of levels. Replayed on other
rows it gives the same bins, whatever the optimum there would be; manual cuts are law. The other columns stay optimal.
A rule that edited bins break is a finding, never a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning.sample import Rules
from creditlab.binning.spec import BinSpec
from creditlab.errors import InputError, message

COLUMNS = (
    "column", "operation", "reason", "author", "made_at", "bins_before", "bins_after", "iv_before", "iv_after",
    "held_out_iv_before", "held_out_iv_after", "held_out_rates",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Edit:
    """The bins that a person gave one column, and why.

    Parameters
    ----------
    column : the characteristic.
    cuts : lower ends of the second and later ranges, for numbers, flags and dates (days since 1970-01-01).
    groups : the levels of each bin, for text; levels in no group are unseen ones.
    operation : what was done, in words.
    reason, author, made_at : who did it, why, and when (ISO 8601).
    bins_before, bins_after, iv_before, iv_after : effect on the rows of the fit.
    held_out_iv_before, held_out_iv_after, held_out_rates : effect on held-out rows, where they were given; the rates
        are bad rates of the new bins.

    >>> Edit(column="age", cuts=(30.0, 45.0), reason="policy 2025-12", author="Li").cuts
    (30.0, 45.0)
    """

    column: str
    cuts: tuple[float, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    operation: str = "set"
    reason: str = ""
    author: str = ""
    made_at: str = ""
    bins_before: int | None = None
    bins_after: int | None = None
    iv_before: float | None = None
    iv_after: float | None = None
    held_out_iv_before: float | None = None
    held_out_iv_after: float | None = None
    held_out_rates: tuple[float | None, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The edit as JSON types."""
        return asdict(self) | {
            "cuts": list(self.cuts),
            "groups": [list(g) for g in self.groups],
            "held_out_rates": list(self.held_out_rates),
        }

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> Edit:
        """The edit that `to_dict` wrote."""
        return cls(
            **{
                **d,
                "cuts": tuple(float(c) for c in d["cuts"]),
                "groups": tuple(tuple(g) for g in d["groups"]),
                "held_out_rates": tuple(d["held_out_rates"]),
            }
        )


def edited_spec(spec: BinSpec, edits: Sequence[Edit]) -> tuple[BinSpec, list[Edit]]:
    """The spec as its last edit left it, and the edits of this column."""
    mine = [edit for edit in edits if edit.column == spec.name]
    if not mine:
        return spec, []
    last = mine[-1]
    if spec.form == "text":
        return replace(spec, groups=last.groups, parents=(), prefix=0, joins=()), mine
    return replace(spec, cuts=last.cuts, joins=()), mine


def edit_log(edits: Sequence[Edit]) -> pd.DataFrame:
    """A row per edit, in the order they were made."""
    return pd.DataFrame([{name: getattr(edit, name) for name in COLUMNS} for edit in edits], columns=list(COLUMNS))


@dataclass(frozen=True)
class Violation:
    """One rule that one bin of an edited column breaks."""

    column: str
    rule: str
    bin: str
    wanted: float | str
    got: float | str

    def note(self) -> str:
        """The finding in words."""
        wanted, got = (f"{v:g}" if isinstance(v, float) else v for v in (self.wanted, self.got))
        return f"人工分箱违反 {self.rule}: bin '{self.bin}' has {got}, {wanted} asked"


def violations(spec: BinSpec, both: np.ndarray, rules: Rules, least: float, trend: str, shape: str) -> list[Violation]:
    """What edited bins with these counts (2, bins) break; `least` is the least weight of a bin."""
    goods, bads = both[:, : spec.regular]
    n, found = goods + bads, []

    def broken(rule: str, wanted: float, got: np.ndarray) -> None:
        for k in np.flatnonzero(got < wanted * (1 - 1e-9)):
            found.append(Violation(spec.name, rule, spec.label(int(k), "en"), float(wanted), float(got[k])))

    broken("min_share or min_expected", least, n)
    broken("min_goods", rules.min_goods, goods)
    broken("min_bads", rules.min_bads, bads)
    if spec.regular > rules.max_bins:
        found.append(Violation(spec.name, "max_bins", "all", float(rules.max_bins), float(spec.regular)))
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = np.abs(np.diff(bads / n))
    broken("min_rate_gap", rules.min_rate_gap, np.append(gap, np.inf))
    if trend not in ("auto", "free") and shape not in (trend, "flat"):
        monotone = shape in ("ascending", "descending") and trend in ("peak", "valley")
        if not monotone:
            found.append(Violation(spec.name, "trend", "all", trend, shape))
    return found


class Editor:
    """Edits one column of a fitted binner; every method gives a new binner.

    Bins are numbered as in the table. `reason` is asked of every edit, `author` may be given once in `Binner.edit`.
    """

    def __init__(self, binner: Any, spec: BinSpec, author: str, held_out: tuple[Any, Any] | None) -> None:
        self._binner, self._spec, self._author, self._held_out = binner, spec, author, held_out

    def merge(self, first: int, *others: int, reason: str, author: str = "") -> Any:
        """Bins that lie side by side become one (of text: any bins)."""
        bins = sorted({self._regular(k) for k in (first, *others)})
        if len(bins) < 2:
            raise self._wrong("two or more different bins", f"{(first, *others)}", "merge")
        if self._spec.form == "text":
            together = tuple(level for k in bins for level in self._spec.groups[k])
            kept = [g for k, g in enumerate(self._spec.groups) if k not in bins]
            groups = [*kept[: bins[0]], together, *kept[bins[0] :]]
            return self._done(f"merge {bins}", reason, author, groups=tuple(groups))
        if bins[-1] - bins[0] != len(bins) - 1:
            raise self._wrong("bins side by side", f"{bins}", "merge")
        gone = set(range(bins[0], bins[-1]))
        cuts = tuple(c for k, c in enumerate(self._spec.cuts) if k not in gone)
        return self._done(f"merge {bins}", reason, author, cuts=cuts)

    def split(self, bin: int, at: Any, *, reason: str, author: str = "") -> Any:
        """A range is cut at a value (or date); of text: `at` lists the levels that leave for a bin of their own."""
        k = self._regular(bin)
        if self._spec.form == "text":
            return self._leave(k, at, reason, author)
        cut, (lower, upper) = self._spec.read_cut(at), self._spec.bounds(k)
        if not lower < cut < upper:
            raise self._wrong(f"a value inside bin {k}, {self._spec.label(k, 'en')}", f"{at}", "split")
        return self._done(f"split {k} at {at}", reason, author, cuts=tuple(sorted((*self._spec.cuts, cut))))

    def move(self, cut: Any, to: Any, *, reason: str, author: str = "") -> Any:
        """A cut goes to another value, between its neighbours."""
        self._numbers("move")
        old, new = self._spec.read_cut(cut), self._spec.read_cut(to)
        if old not in self._spec.cuts:
            known = ", ".join(self._spec.end_text(c) for c in self._spec.cuts)
            raise self._wrong(f"one of the cuts ({known})", f"{cut}", "move")
        k = self._spec.cuts.index(old)
        ends = (-np.inf, *self._spec.cuts, np.inf)
        if not ends[k] < new < ends[k + 2]:
            raise self._wrong("a value between the neighbouring cuts", f"{to}", "move")
        cuts = (*self._spec.cuts[:k], new, *self._spec.cuts[k + 1 :])
        return self._done(f"move {cut} to {to}", reason, author, cuts=cuts)

    def cuts(self, values: Sequence[Any], *, reason: str, author: str = "") -> Any:
        """These cuts and no others."""
        self._numbers("cuts")
        found = [self._spec.read_cut(v) for v in values]
        if not np.isfinite(found).all() or any(b <= a for a, b in zip(found[:-1], found[1:], strict=True)):
            raise self._wrong("finite values in ascending order", f"{list(values)}", "cuts")
        return self._done(f"cuts {list(values)}", reason, author, cuts=tuple(found))

    def group(self, *groups: Sequence[str], reason: str, author: str = "") -> Any:
        """Each list of levels becomes a bin, out of the bins they were in; other levels stay where they are."""
        self._text("group")
        wanted = [tuple(str(v) for v in levels) for levels in groups]
        named = [v for levels in wanted for v in levels]
        if len(set(named)) < len(named) or not all(wanted):
            raise self._wrong("lists of levels, each level once", f"{wanted}", "group")
        self._known(named, "group")
        kept = [tuple(v for v in g if v not in set(named)) for g in self._spec.groups]
        return self._done(f"group {wanted}", reason, author, groups=tuple(g for g in [*kept, *wanted] if g))

    def _leave(self, k: int, levels: Any, reason: str, author: str) -> Any:
        named = [levels] if isinstance(levels, str) else [str(v) for v in levels]
        rest = tuple(v for v in self._spec.groups[k] if v not in set(named))
        if not named or not rest or not set(named) <= set(self._spec.groups[k]):
            raise self._wrong(f"some, not all, of the levels of bin {k}", f"{named}", "split")
        groups = [*self._spec.groups[:k], rest, tuple(named), *self._spec.groups[k + 1 :]]
        return self._done(f"split {k}: {named} leave", reason, author, groups=tuple(groups))

    def _done(
        self, operation: str, reason: str, author: str, cuts: tuple[float, ...] = (),
        groups: tuple[tuple[str, ...], ...] = (),
    ) -> Any:  # fmt: skip
        if not isinstance(reason, str) or not reason.strip():
            raise self._wrong("a reason in words", repr(reason), operation)
        edit = Edit(
            column=self._spec.name, cuts=cuts, groups=groups, operation=operation, reason=reason,
            author=author or self._author,
        )  # fmt: skip
        return self._binner.edited(edit, self._held_out)

    def _regular(self, k: Any) -> int:
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 0 <= k < self._spec.regular:
            raise self._wrong(f"a bin number from 0 to {self._spec.regular - 1}", repr(k), "edit")
        return int(k)

    def _known(self, levels: Sequence[str], where: str) -> None:
        there = {v for g in self._spec.groups for v in g}
        strange = [v for v in levels if v not in there]
        if strange:
            raise self._wrong("levels that training had", f"{strange}", where)

    def _numbers(self, where: str) -> None:
        if self._spec.form == "text":
            raise self._wrong("a column of numbers, flags or dates", "a text column", where)

    def _text(self, where: str) -> None:
        if self._spec.form != "text":
            raise self._wrong("a text column", f"a column of {self._spec.form}s", where)

    def _wrong(self, expected: str, came: str, where: str) -> InputError:
        return InputError(message(expected, came, f"edit of column '{self._spec.name}', {where}", "See the bin table."))
