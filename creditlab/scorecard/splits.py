"""Splits that a leak cannot cross: whole villages are held out, and the future is never used to judge the past.

Selection judges a feature on rows whose bins were found without them. Without villages or periods the folds are random
and stratified. Bins are found anew in every split.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from creditlab.binning.binner import coded_out_of_fold
from creditlab.checks import check_target
from creditlab.errors import InputError, message
from creditlab.scorecard.fitting import Target

#: blocks of time that periods are pooled to: the first only trains, each later one tests what came before it
BLOCKS = 3


@dataclass(frozen=True)
class Split:
    """Rows to train on, rows to judge on, and the WOE of both by bins that the training rows alone gave.

    `lines` are the columns whose training WOE is out of fold: it is no step function of their bins.
    """

    train: np.ndarray
    test: np.ndarray
    woe_train: pd.DataFrame
    woe_test: pd.DataFrame
    lines: frozenset[str] = frozenset()


def split_rows(target: Target, period: np.ndarray | None, folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(train, test) row numbers. Each row is tested at most once; a village is never on both sides of a split.

    >>> y = np.tile([0, 1], 10)
    >>> village, month = np.arange(20) // 2, np.arange(20) % 4
    >>> made = split_rows(Target(y, np.ones(20), village), month, 2, 0)
    >>> all(set(village[a]).isdisjoint(village[b]) and month[a].max() < month[b].min() for a, b in made)
    True
    """
    n = len(target.bad)
    fold = _folds(target, folds, seed)
    block = np.ones(n, dtype=int) if period is None else time_blocks(period)
    made = []
    for b in np.unique(block)[0 if period is None else 1 :]:
        for v in np.unique(fold):
            # without villages, time alone separates: every earlier row may train
            apart = fold != v if target.groups is not None or period is None else np.ones(n, dtype=bool)
            earlier = block < b if period is not None else np.ones(n, dtype=bool)
            train, test = np.flatnonzero(apart & earlier), np.flatnonzero((fold == v) & (block == b))
            if all(len(np.unique(target.bad[rows])) == 2 for rows in (train, test)):
                made.append((train, test))
    if not made:
        raise InputError(
            message(
                "splits with goods and bads on both sides",
                f"{int(target.bad.sum())} bads in {n} rows",
                "Select",
                "Use fewer folds, or leave out the rules that hold out rows.",
            )  # fmt: skip
        )
    return made


def time_blocks(period: np.ndarray, blocks: int = BLOCKS) -> np.ndarray:
    """The block of each row: periods in their order, pooled to blocks of about as many rows."""
    codes, labels = pd.factorize(pd.Series(period), sort=True)
    if len(labels) < 2:
        raise InputError(message("at least two periods", "one", "period", "Leave the periods out."))
    share = np.cumsum(np.bincount(codes)) / len(codes)
    of_label = np.minimum((share - 1e-12) * min(blocks, len(labels)), blocks - 1).astype(int)
    if len(np.unique(of_label)) < 2:
        of_label = (np.arange(len(labels)) > 0).astype(int)
    return np.unique(of_label, return_inverse=True)[1][codes]


def _folds(target: Target, folds: int, seed: int) -> np.ndarray:
    """Fold of each row: villages dealt so that bads are even, rows dealt within goods and bads otherwise."""
    rng = np.random.default_rng(seed)
    if target.groups is None:
        fold = np.empty(len(target.bad), dtype=int)
        for value in (0, 1):
            rows = rng.permutation(np.flatnonzero(target.bad == value))
            fold[rows] = np.arange(len(rows)) % folds
        return fold
    codes = target.groups
    bads = np.bincount(codes, weights=target.bad * target.weight)
    order = rng.permutation(len(bads))
    order = order[np.argsort(-bads[order], kind="stable")]
    load, fold_of = np.zeros(min(folds, len(bads))), np.empty(len(bads), dtype=int)
    for village in order:
        fold_of[village] = int(np.argmin(load))
        load[fold_of[village]] += bads[village] + 1e-3
    return fold_of[codes]


def make_splits(
    binner: Any, frame: pd.DataFrame, target: Target, period: np.ndarray | None, folds: int, seed: int
) -> list[Split]:
    """The splits with the bins of each found on its training rows."""
    made = []
    for train, test in split_rows(target, period, folds, seed):
        weight = None if (target.weight == 1).all() else target.weight[train]
        own = clone(binner)
        if own.stable_over is not None:
            own = own.set_params(stable_over=None)
        bad = check_target(target.bad[train], "y")
        woe = own.fit_transform(frame.iloc[train], bad, sample_weight=weight).reset_index(drop=True)
        lines = frozenset(table.name for table in own.result_.tables if coded_out_of_fold(table))
        made.append(Split(train, test, woe, own.transform(frame.iloc[test]).reset_index(drop=True), lines))
    return made


def held_out(splits: list[Split], target: Target) -> tuple[pd.DataFrame, Target]:
    """The tested rows of all splits together: their WOE by bins that never saw them, and their outcomes."""
    rows = np.concatenate([s.test for s in splits])
    woe = pd.concat([s.woe_test for s in splits], ignore_index=True)
    groups = None if target.groups is None else target.groups[rows]
    offset = None if target.offset is None else target.offset[rows]
    return woe, Target(target.bad[rows], target.weight[rows], groups, offset)
