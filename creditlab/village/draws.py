"""Draws of a posterior that know their neutral value: 1 for a ratio, 0 for an effect, the county's rate for a rate.

One set of draws feeds intervals, ranks, choices and figures; the neutral value is what "worse than expected" compares
with when no other threshold is named.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from creditlab.errors import InputError, message


class Draws(np.ndarray):
    """An array of draws × villages with `neutral`, the value of a village that is as expected.

    >>> float(Draws.of([[0.2, -0.1]], neutral=0.0).neutral)
    0.0
    """

    neutral: float

    @classmethod
    def of(cls, values: Any, neutral: float) -> Draws:
        """Draws from an array; no copy is made."""
        made = np.asarray(values, dtype=float).view(cls)
        made.neutral = float(neutral)
        return made

    def __array_finalize__(self, other: Any) -> None:
        self.neutral = getattr(other, "neutral", 1.0)

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        # what is calculated from draws (means, comparisons) is an ordinary array again
        plain = np.asarray(array)
        return plain[()] if return_scalar else plain


def neutral(draws: Any, above: float | None) -> float:
    """The threshold that was asked for, or else the neutral value of the draws; 1 for a plain array."""
    if above is None:
        return float(getattr(draws, "neutral", 1.0))
    if isinstance(above, bool) or not isinstance(above, int | float | np.number) or not np.isfinite(above):
        raise InputError(message("a number", repr(above), "above", "1 for O/E, 0 for effects."))
    return float(above)


def check_draw_count(n: Any) -> int:
    """A number of draws, one or more."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise InputError(message("one or more draws", repr(n), "draws(n)", "A few thousand are usual."))
    return int(n)
