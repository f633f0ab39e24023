"""Which shape a characteristic has: decided by held-out log-likelihood, never by IV on the training rows.

The counts of coarse cells are thinned at random into folds (each row falls into a fold independently, so counts are
enough and the order of rows does not matter); every shape is solved on the other folds and judged on the one left out.
A richer shape must earn its freedom: it replaces a simpler one only when its held-out gain exceeds one standard error
of the difference between the two (one-standard-error rule, Breiman et al. 1984; row-wise difference as in Vuong 1989).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from creditlab.binning.counts import equal_count_boundaries, fold_counts, merge_cells
from creditlab.binning.search import SHAPES, Limits, Programme

#: from simple to rich; within a step the better on held-out rows is the candidate
STEPS = (("ascending", "descending"), ("peak", "valley"), ("free",))
FOLDS = 5
#: enough cells to tell shapes apart; the final cuts are sought on the fine cells
COARSE_CELLS = 30


@dataclass(frozen=True)
class Choice:
    """The chosen shape; `gain` holds the held-out log-likelihood of each shape over that of a single bin (nats).

    Only shapes that make two bins or more are candidates, so that a column without evidence still shows its bins; a
    gain of zero or less says that held-out rows do not support them.
    """

    shape: str
    gain: Mapping[str, float]


def choose_shape(goods: np.ndarray, bads: np.ndarray, limits: Limits, seed: int) -> Choice:
    """The shape that held-out rows support, from fine cells."""
    boundaries = equal_count_boundaries(goods + bads, COARSE_CELLS)
    goods, bads = merge_cells(goods, boundaries), merge_cells(bads, boundaries)
    rng = np.random.default_rng(seed)
    held = fold_counts(goods, FOLDS, rng), fold_counts(bads, FOLDS, rng)
    logs = _held_out_logs(goods, bads, held, limits)
    gain = {shape: _difference(logs[shape], logs[""], held)[0] for shape in SHAPES}
    whole = Programme(goods, bads, limits)
    chosen = ""
    for step in STEPS:
        able = [shape for shape in step if len(whole.best(shape).boundaries)]
        if not able:
            continue
        richer = max(able, key=lambda shape: gain[shape])
        more, error = _difference(logs[richer], logs[chosen], held)
        if not chosen or more > error:
            chosen = richer
    return Choice(chosen or "free", gain)


def _held_out_logs(
    goods: np.ndarray, bads: np.ndarray, held: tuple[np.ndarray, np.ndarray], limits: Limits
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By shape: ln(1 - PD) and ln(PD) of each cell (folds, cells), the PD found without the fold; "" is one bin."""
    prob = {shape: np.empty_like(held[0]) for shape in ("", *SHAPES)}
    pseudo = max(limits.prior, 1.0)  # a pure bin must not judge a held-out row with certainty
    share = limits.total_bads / (limits.total_goods + limits.total_bads)
    for fold in range(FOLDS):
        g, b = np.maximum(goods - held[0][fold], 0.0), np.maximum(bads - held[1][fold], 0.0)
        kept = (g.sum() + b.sum()) / (goods.sum() + bads.sum())
        programme = Programme(g, b, limits.scaled(kept))
        for shape, found in prob.items():
            cuts = programme.best(shape).boundaries if shape else np.empty(0, dtype=np.int64)
            in_bin = np.searchsorted(cuts, np.arange(len(g)), side="right")
            bin_goods, bin_bads = merge_cells(g, cuts), merge_cells(b, cuts)
            found[fold] = ((bin_bads + pseudo * share) / (bin_goods + bin_bads + pseudo))[in_bin]
    return {shape: (np.log1p(-found), np.log(found)) for shape, found in prob.items()}


def _difference(
    a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray], held: tuple[np.ndarray, np.ndarray]
) -> tuple[float, float]:
    """Held-out log-likelihood of `a` minus that of `b`, with its standard error over rows."""
    by_row = a[0] - b[0], a[1] - b[1]
    total = sum(float((d * n).sum()) for d, n in zip(by_row, held, strict=True))
    square = sum(float((d * d * n).sum()) for d, n in zip(by_row, held, strict=True))
    rows = float(held[0].sum() + held[1].sum())
    return total, float(np.sqrt(max(square - total * total / rows, 0.0)))
