"""Values that spatial tests may be asked about: standardised so that small villages do not make the pattern.

A raw rate of eleven loans swings far more than one of three hundred, and a map of raw rates shows where the small
villages are. With counts and sizes the rates are standardised by their empirical-Bayes variance first (R. Assunção, E.
Reis, Statistics in Medicine 18 (1999) 2147-2162). It tests nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from creditlab.errors import InputError, message, some
from creditlab.results import NotEstimable
from creditlab.village.counts import check_counts, village_names
from creditlab.village.graph import Graph, read_graph
from creditlab.village.smoothing import variance_factor

NO_SPREAD = "all villages have the same value, so there is no pattern to test 各村取值相同，无空间格局可检验"
NO_PAIRS = "no two villages are neighbours, so there is no pattern to test 没有相邻的村，无空间格局可检验"
FEW = "fewer than three villages have a value, so there is no pattern to test 有值的村不足三个，无空间格局可检验"


@dataclass(frozen=True)
class Places:
    """Values of villages on a graph, in the order given, and the order in which random numbers are dealt.

    `order` sorts villages by what is known of them (value, neighbours, their sum), never by name or row, so that
    neither a new order of rows nor new names change a permutation test.
    """

    values: np.ndarray
    graph: Graph
    order: np.ndarray
    reason: str

    @property
    def names(self) -> pd.Index:
        return self.graph.villages

    def stamp_parts(self) -> list[Any]:
        """What the stamp is made of."""
        return [self.values, self.graph.matrix.indices, self.graph.matrix.data, pd.Series(self.names)]


def places(values: Any, graph: Any, size: Any = None, variance: Any = None, village: Any = None) -> Places:
    """Values aligned with a graph; standardised where `size` says what they are counted of.

    Parameters
    ----------
    values, graph, size, variance, village : as in `moran`.
    """
    numbers = _numbers(values)
    known = graph.villages if isinstance(graph, Graph) and len(graph.villages) == len(numbers) else None
    if village is None and not isinstance(values, pd.Series):
        names = pd.RangeIndex(len(numbers)) if known is None else known
    else:
        names = village_names(village, values, len(numbers))
    net = read_graph(graph, names).aligned(names)
    if size is not None:
        numbers = standardised(numbers, size, variance)
    _check_finite(numbers)
    degree = np.diff(net.matrix.indptr)
    lag = net.matrix @ numbers
    order = np.lexsort((np.round(lag, 9), degree, numbers))
    reason = FEW if len(numbers) < 3 else NO_PAIRS if net.matrix.nnz == 0 else ""
    spread = np.ptp(numbers) if len(numbers) else 0.0
    if not reason and spread <= 1e-12 * max(np.abs(numbers).max(), 1.0):
        reason = NO_SPREAD
    return Places(numbers, net, order, reason)


def standardised(count: Any, size: Any, variance: Any = None) -> np.ndarray:
    """Empirical-Bayes standardised rates (count - b·size) / size / √(a + b·φ/size) of villages.

    b is the county's rate, a the variance between villages by moments (0 where it would be negative for a village), φ
    the variance of a count over its Poisson variance: 1, or `variance` / `size` for expected bads of Bernoulli loans. A
    village of size 0 is at 0, where the county is.

    >>> standardised([4, 1, 1], [10, 10, 20]).round(2).tolist()
    [1.58, -0.32, -0.76]
    """
    seen = check_counts(count, "values")
    n = check_counts(size, "size", len(seen))
    factor = variance_factor(seen, n, variance)
    if seen.sum() == 0:
        return np.zeros(len(seen))
    there = n > 0
    rate = seen[there] / n[there]
    b = seen.sum() / n.sum()
    a = float((n[there] * (rate - b) ** 2).sum() / n.sum() - b * factor[there].sum() / n.sum())
    within = b * factor[there] / n[there]
    spread = np.where(a + within > 0, a + within, within)
    z = np.zeros(len(seen))
    z[there] = (rate - b) / np.sqrt(spread)
    return z


def not_estimable(reason: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Facts of a test that cannot be made."""
    return {name: NotEstimable(reason) for name in names} | {"note": reason}


def check_permutations(permutations: Any) -> int:
    """A number of permutations of 99 or more."""
    if (
        isinstance(permutations, bool)
        or not isinstance(permutations, int | np.integer)
        or not 99 <= permutations <= 999_999
    ):
        raise InputError(message("99 to 999,999 permutations", repr(permutations), "permutations", "999 are usual."))
    return int(permutations)


def _numbers(values: Any) -> np.ndarray:
    try:
        numbers = np.array(values, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        raise InputError(
            message("numbers", "values that are not numbers", "values", "Give one number per village.")
        ) from None
    if len(numbers) == 0:
        raise InputError(message("one or more villages", "none", "values", "Give one number per village."))
    return numbers


def _check_finite(numbers: np.ndarray) -> None:
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        where = f"values, rows {some(np.flatnonzero(wrong).tolist())}"
        came = f"{int(wrong.sum())} villages without"
        raise InputError(message("a finite value of every village", came, where, "Leave these villages out."))
