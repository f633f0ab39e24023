"""The target side of a fit: which rows are bad, what they weigh, and the rules that every bin must satisfy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from creditlab.binning.search import Limits


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
    objective: str = "iv"
    min_rate_gap: float = 0.0
    max_pvalue: float = 1.0


@dataclass(frozen=True)
class Sample:
    """The target side of some rows: which are bad, their weights (None: one each), and the totals of the whole fit.

    `part` is the number of each row's period or group in `part_names`, where bins must hold in each of them.
    """

    bad: np.ndarray
    weight: np.ndarray | None
    total_goods: float
    total_bads: float
    part: np.ndarray | None = None
    part_names: tuple[str, ...] = ()

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

    @cached_property
    def bad_rows(self) -> np.ndarray:
        """Where the bads are."""
        return np.flatnonzero(self.bad)

    @cached_property
    def good_rows(self) -> np.ndarray:
        """Where the goods are."""
        return np.flatnonzero(self.bad == 0)

    @cached_property
    def scratch(self) -> np.ndarray:
        """(n,) int64 room for the cell numbers of one column at a time: fresh memory costs more than filling it."""
        return np.empty(len(self.bad), dtype=np.int64)

    def counts(self, codes: np.ndarray, size: int) -> np.ndarray:
        """(2, size): goods and bads by code."""
        if self.weight is None:
            bads = np.bincount(codes.take(self.bad_rows), minlength=size)
            return np.stack([np.bincount(codes, minlength=size) - bads, bads]).astype(float)
        rows = self.good_rows, self.bad_rows
        return np.stack([np.bincount(codes[at], weights=self.weight[at], minlength=size) for at in rows])

    def rows(self, at: np.ndarray) -> Sample:
        """The target side of some rows, with the totals of all."""
        weight = None if self.weight is None else self.weight[at]
        return replace(self, bad=self.bad[at], weight=weight, part=None if self.part is None else self.part[at])

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
            objective=rules.objective,
            min_rate_gap=rules.min_rate_gap,
            max_pvalue=rules.max_pvalue,
        )


def joined(samples: Sequence[Sample]) -> Sample:
    """The target sides of all pieces as one."""
    if len(samples) == 1:
        return samples[0]
    weighted = any(s.weight is not None for s in samples)
    weight = [np.ones(len(s.bad)) if s.weight is None else s.weight for s in samples]
    return replace(
        samples[0],
        bad=np.concatenate([s.bad for s in samples]),
        weight=np.concatenate(weight) if weighted else None,
        part=np.concatenate([s.part for s in samples]) if samples[0].part is not None else None,
    )
