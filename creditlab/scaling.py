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
