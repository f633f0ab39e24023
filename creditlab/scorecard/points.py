"""Points per bin from coefficients and WOE, exact and rounded, on plain arrays.

The map is points = offset - factor * log-odds, shared out over the features (N. Siddiqi, Credit Risk Scorecards, 2006).
Unrounded points are the model itself; rounding is a layer above it whose gap is measured.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from creditlab.errors import FitError, message
from creditlab.scaling import Scale

BASES = ("spread", "separate")
#: largest difference between summed points and the affine map of the log-odds that a fit may have
EXACT = 1e-9


def base_points(scale: Scale, intercept: float, features: int, base: str) -> tuple[float, float]:
    """Points that every row gets: (once, with each feature). 'spread' shares the base over the features.

    >>> base_points(Scale(600, 50, 20), -2.0, 2, "separate")[1]
    0.0
    """
    whole = scale.offset - scale.factor * intercept
    return (0.0, whole / features) if base == "spread" and features else (whole, 0.0)


def bin_points(
    scale: Scale, intercept: float, effects: Mapping[str, np.ndarray], base: str = "spread"
) -> tuple[float, dict[str, np.ndarray]]:
    """Unrounded points of what each bin adds to the log-odds of bad: (base given once, {feature: points per bin}).

    >>> once, points = bin_points(Scale(600, 1, 20), 0.0, {"x": np.array([0.0, -np.log(2)])}, "separate")
    >>> once, points["x"].round(6).tolist()
    (600.0, [0.0, 20.0])
    """
    once, each = base_points(scale, intercept, len(effects), base)
    return once, {name: each - scale.factor * np.asarray(values) for name, values in effects.items()}


def rounded(once: float, points: Mapping[str, np.ndarray]) -> tuple[int, dict[str, np.ndarray]]:
    """Integer points, each bin rounded to the nearest by itself."""
    return round(once), {name: np.rint(values).astype(np.int64) for name, values in points.items()}


def add_points(once: float, points: Mapping[str, np.ndarray], codes: Mapping[str, np.ndarray], n: int) -> np.ndarray:
    """The score of each row: the base plus the points of its bins, in the number type of the points.

    >>> add_points(10, {"x": np.array([1, 2])}, {"x": np.array([0, 1, 1])}, 3).tolist()
    [11, 12, 12]
    """
    total = np.full(n, once)
    for name, values in points.items():
        total = total + values[codes[name]]
    return total


def check_points(scale: Scale, total: np.ndarray, log_odds: np.ndarray) -> float:
    """The largest gap between summed points and the affine map of the log-odds.

    Raises
    ------
    FitError : when it exceeds 1e-9 points: then points and PD would tell two stories.
    """
    gap = float(np.abs(total - scale.points_of_log_odds(log_odds)).max()) if len(total) else 0.0
    if not gap <= EXACT:
        raise FitError(
            message(
                f"unrounded points within {EXACT:g} of the map of the log-odds",
                f"a gap of {gap:.3g}",
                "points of the scorecard",
                "Use a scale of ordinary size; report this if the scale is ordinary.",
            )  # fmt: skip
        )
    return gap
