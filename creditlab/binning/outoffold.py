"""Out-of-fold WOE of text columns with many levels: what a model may be trained on.

A postcode or branch with few rows a level is found on the same rows that it is then tested on; a regression believes
too much of it, and ranks worse on new rows than without the column. So the rows are dealt into folds, and the WOE of
each row comes from groups that were found without its fold, with the rates of levels shrunken as in the bin table. The
regression learns from them what the column is worth; the card then scores with the WOE of the table.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from creditlab.binning.categories import Care, Grouping, group_levels
from creditlab.binning.sample import Sample
from creditlab.binning.search import Limits, woe_of
from creditlab.binning.values import form_of, read_levels, read_numbers

FOLDS = 5
#: distinct rows per level from which on equal rows may go to one fold together
RICH = 5


def row_hashes(columns: Sequence[pd.Series]) -> np.ndarray:
    """A number for each row from what its columns hold: it does not depend on the order of rows.

    >>> frame = pd.DataFrame({"a": [1.0, 2.0, 1.0], "b": ["x", "y", "x"]})
    >>> h = row_hashes([frame["a"], frame["b"]])
    >>> bool(h[0] == h[2] and h[0] != h[1])
    True
    """
    total = np.zeros(len(columns[0]), dtype=np.uint64)
    for values in columns:
        form = form_of(values)
        if form == "text":
            levels = read_levels(values)
            one = np.append(pd.util.hash_array(np.array(levels.names, dtype=object)), np.uint64(7))[levels.codes]
        else:
            one = pd.util.hash_array(read_numbers(values, form) + 0.0)
        total = total * np.uint64(0x9E3779B97F4A7C15) + one
    return total


def deal(level: np.ndarray, bad: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """The fold of each row, 0 … FOLDS - 1, drawn from what the row holds, its target left out.

    (Dealing goods and bads evenly would give every fold the rate of the whole level, and nothing would be held out.)
    Where rows differ enough (`RICH` distinct ones per level), equal rows share a fold, and a weight of w equals w
    copies; where they do not, as in a frame of this one column, each copy draws for itself.
    """
    order = np.lexsort((bad, hashes, level))
    lev, key = level[order], hashes[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (lev[1:] != lev[:-1]) | (key[1:] != key[:-1])
    if new.sum() >= RICH * len(np.unique(level)):
        return (_mixed(hashes) % np.uint64(FOLDS)).astype(np.int64)
    place = np.arange(len(order))
    copy = place - np.maximum.accumulate(np.where(new, place, 0))
    fold = np.empty(len(order), dtype=np.int64)
    fold[order] = _mixed(key + _mixed(copy.astype(np.uint64))) % np.uint64(FOLDS)
    return fold


def _mixed(x: np.ndarray) -> np.ndarray:
    """Well mixed bits (the finaliser of splitmix64: Steele, Lea, Flood, OOPSLA 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def out_of_fold_woe(
    level: np.ndarray, fold: np.ndarray, sample: Sample, limits: Limits, care: Care, most: int
) -> np.ndarray:
    """(n,) WOE of each row from the rows of the other folds; 0 for a level that they do not have.

    `level` counts from 0, `most` is the number of groups of the bin table.
    """
    size = int(level.max()) + 1
    each = sample.counts(fold * size + level, FOLDS * size).reshape(2, FOLDS, size)
    woe = np.zeros((FOLDS, size))
    for k in range(FOLDS):
        goods, bads = np.maximum(each.sum(axis=1) - each[:, k], 0.0)
        there = np.flatnonzero(goods + bads > 0)
        if not len(there) or not goods.sum() or not bads.sum():
            continue
        share = (goods.sum() + bads.sum()) / each.sum()
        part = limits.scaled(share)
        woe[k, there] = level_woe(group_levels(goods[there], bads[there], part, care.of(there), most), part)
    return woe[fold, level]


def level_woe(grouping: Grouping, limits: Limits) -> np.ndarray:
    """(levels,) WOE of each level's group from its shrunken counts."""
    goods, bads = (np.bincount(grouping.group, weights=c) for c in (grouping.goods, grouping.bads))
    return woe_of(goods, bads, limits.total_goods, limits.total_bads, limits.prior)[grouping.group]
