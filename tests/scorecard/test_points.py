"""Points: worked figures, and what must hold of every card."""

from __future__ import annotations

import numpy as np
import pytest

from creditlab.errors import FitError
from creditlab.scaling import Scale
from creditlab.scorecard.points import add_points, bin_points, check_points, rounded

# a published textbook scale: 600 points at 50 : 1, 20 points double the odds; worked by hand
SCALE = Scale(points=600, odds=50, pdo=20)
COEF = {"a": -0.9, "b": -0.7, "c": -0.5}
WOE = {"a": np.array([0.8, -1.0]), "b": np.array([0.3]), "c": np.array([-0.2])}
EFFECTS = {name: COEF[name] * WOE[name] for name in COEF}
ROW = {name: np.array([0]) for name in COEF}


@pytest.mark.parametrize("base", ["spread", "separate"])
def test_worked_case(base: str) -> None:
    once, points = bin_points(SCALE, -2.2, EFFECTS, base)
    assert add_points(once, points, ROW, 1)[0] == pytest.approx(574.55019568, abs=1e-8)
    assert SCALE.factor == pytest.approx(28.85390082, abs=1e-8)
    assert SCALE.offset == pytest.approx(487.12287620, abs=1e-8)
    assert (once == 0) == (base == "spread")


def test_rounding_costs_at_most_half_a_point_per_bin() -> None:
    exact = bin_points(SCALE, -2.2, EFFECTS, "separate")
    whole = rounded(*exact)
    gap = add_points(*whole, ROW, 1) - add_points(*exact, ROW, 1)
    assert abs(gap[0]) <= 0.5 * 4 and whole[1]["a"].dtype == np.int64


def test_points_that_tell_another_story_are_refused() -> None:
    assert check_points(SCALE, SCALE.points_of_log_odds([0.5]), np.array([0.5])) == 0
    with pytest.raises(FitError, match="within 1e-09"):
        check_points(SCALE, SCALE.points_of_log_odds([0.5]) + 1e-6, np.array([0.5]))
