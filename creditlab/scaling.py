"""Points: the one map between log-odds of bad, probability of default (PD) and score.

Card and booster share it, so that both speak in the same points. Higher points are safer. The map is
points = offset - factor * ln(odds of bad), with factor = PDO / ln 2 and offset = points0 - factor * ln(odds0)
(N. Siddiqi, Credit Risk Scorecards, 2006, chapter 6).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from creditlab.errors import InputError, message


@dataclass(frozen=True)
class Scale:
    """A point scale: `points` at `odds` good to one bad, and `pdo` points that double the odds.

    Parameters
    ----------
    points : the score at the anchor.
    odds : goods per bad at the anchor (19 means a PD of 5 %).
    pdo : points to double the odds.

    Raises
    ------
    InputError : when `odds` or `pdo` is not a positive finite number.

    >>> scale = Scale(points=600, odds=19, pdo=50)
    >>> float(scale.points_of_pd(0.05))
    600.0
    >>> round(float(scale.pd_of_points(650)), 6)
    0.025641
    """

    points: float = 600.0
    odds: float = 19.0
    pdo: float = 50.0

    def __post_init__(self) -> None:
        for name in ("points", "odds", "pdo"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not math.isfinite(value) or (name != "points" and value <= 0):
                raise InputError(
                    message(f"a positive finite {name}", repr(value), f"Scale({name}=...)", "Give a number such as 50.")
                )

    @property
    def factor(self) -> float:
        """Points per unit of log-odds."""
        return self.pdo / math.log(2.0)

    @property
    def offset(self) -> float:
        """Points at even odds."""
        return self.points - self.factor * math.log(self.odds)

    def points_of_log_odds(self, log_odds: Any) -> np.ndarray:
        """Points (unrounded) of log-odds of bad."""
        return self.offset - self.factor * np.asarray(log_odds, dtype=float)

    def points_of_pd(self, pd: Any) -> np.ndarray:
        """Points (unrounded) of a PD between 0 and 1, both excluded."""
        p = np.asarray(pd, dtype=float)
        return self.points_of_log_odds(np.log(p) - np.log1p(-p))

    def log_odds_of_points(self, points: Any) -> np.ndarray:
        """Log-odds of bad at a score."""
        return (self.offset - np.asarray(points, dtype=float)) / self.factor

    def pd_of_points(self, points: Any) -> np.ndarray:
        """PD at a score."""
        return 1.0 / (1.0 + np.exp(-self.log_odds_of_points(points)))

    def to_dict(self) -> dict[str, float]:
        """The three numbers that define the scale."""
        return {"points": self.points, "odds": self.odds, "pdo": self.pdo}


@dataclass(frozen=True)
class Span:
    """A point scale by its ends: the riskiest household that a card can meet gets `low`, the safest `high`.

    A card turns it into a `Scale` when it is fitted and its ends are known; odds and PDO follow from them.

    Raises
    ------
    InputError : when the ends are not two finite numbers in order.

    >>> scale = Span(300, 900).scale(worst=2.0, best=-4.0)
    >>> scale.points_of_log_odds([2.0, -4.0]).round(6).tolist()
    [300.0, 900.0]
    """

    low: float = 300.0
    high: float = 900.0

    def __post_init__(self) -> None:
        ends = (self.low, self.high)
        if not all(isinstance(v, int | float) and math.isfinite(v) for v in ends) or self.low >= self.high:
            raise InputError(message("two finite numbers, low < high", repr(ends), "Span(low, high)", "Correct them."))

    def scale(self, worst: float, best: float) -> Scale:
        """The scale that gives `low` at the log-odds of bad `worst`, and `high` at `best`.

        Raises
        ------
        InputError : when the two are the same, as in a card without a feature.
        """
        if not worst > best:
            raise InputError(
                message(
                    "households that differ",
                    "a card that gives everyone the same log-odds",
                    "Span",
                    "Use a Scale of points, odds and PDO, or let features in.",
                )  # fmt: skip
            )
        factor = (self.high - self.low) / (worst - best)
        return Scale(points=self.low + factor * worst, odds=1.0, pdo=factor * math.log(2.0))

    def to_dict(self) -> dict[str, float]:
        """The two numbers that define the span."""
        return {"low": self.low, "high": self.high}
