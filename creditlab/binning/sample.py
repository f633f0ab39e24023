"""The target side of a fit: which rows are bad, what they weigh, and the rules that every bin must satisfy."""

from __future__ import annotations

from dataclasses import dataclass

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
