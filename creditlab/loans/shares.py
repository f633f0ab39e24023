"""A share with its interval: of loans by count, and of money, where a few large loans weigh like many small ones.

A share of balances is no count of anything. Its interval uses the effective number n_eff = (Σb)²/Σb² of L. Kish
(1965): as many equal loans as would scatter as much. Loans that share a village's fate scatter more than either says.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betaincinv

from creditlab.checks import check_level

#: level of all intervals of the area
LEVEL = 0.9


def share_limits(bad: Any, n: Any, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Jeffreys limits of a share of `bad` in `n`; both may be effective numbers. NaN where n is 0.

    Equal tails of Beta(bad + ½, n - bad + ½), 0 at no bad and 1 at all bad: L. Brown, T. Cai, A. DasGupta, Statistical
    Science 16 (2001) 101-133.

    >>> lo, hi = share_limits([0, 5], [20, 20])
    >>> lo.round(3).tolist(), hi.round(3).tolist()
    ([0.0, 0.122], [0.09, 0.429])
    """
    bads, total = np.broadcast_arrays(np.asarray(bad, dtype=float), np.asarray(n, dtype=float))
    tail = (1 - check_level(level)) / 2
    known = total > 0
    a, b = np.where(known, bads, 0.0) + 0.5, np.where(known, np.maximum(total - bads, 0.0), 1.0) + 0.5
    lo = np.where(bads <= 0, 0.0, betaincinv(a, b, tail))
    hi = np.where(bads >= total, 1.0, betaincinv(a, b, 1 - tail))
    return np.where(known, lo, np.nan), np.where(known, hi, np.nan)


def effective_n(total: Any, squares: Any) -> np.ndarray:
    """The effective number (Σb)²/Σb² of sums and sums of squares of balances.

    >>> effective_n([30.0, 12.0], [300.0, 102.0]).round(2).tolist()
    [3.0, 1.41]
    """
    sums, of_squares = np.asarray(total, dtype=float), np.asarray(squares, dtype=float)
    return np.divide(sums**2, of_squares, out=np.zeros(np.broadcast(sums, of_squares).shape), where=of_squares > 0)


def ratio(part: Any, whole: Any) -> np.ndarray:
    """Part over whole, NaN where the whole is 0."""
    top, bottom = np.broadcast_arrays(np.asarray(part, dtype=float), np.asarray(whole, dtype=float))
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
