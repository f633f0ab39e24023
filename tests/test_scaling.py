"""Points, odds and PDO."""

from __future__ import annotations

import numpy as np
import pytest

from creditlab.errors import InputError
from creditlab.scaling import Scale


def test_the_anchor_and_the_doubling() -> None:
    scale = Scale(points=600, odds=19, pdo=50)
    assert scale.points_of_pd(1 / 20) == pytest.approx(600, abs=1e-12)
    assert scale.points_of_pd(1 / 39) == pytest.approx(650, abs=1e-10)  # odds 38 to 1


def test_the_worked_case_of_a_published_scale() -> None:
    # 600 points at 50:1 and 20 points to double the odds: factor 28.8539, offset 487.123 (Siddiqi 2006, chapter 6)
    scale = Scale(points=600, odds=50, pdo=20)
    assert scale.factor == pytest.approx(28.85390082, abs=1e-8)
    assert scale.offset == pytest.approx(487.12287620, abs=1e-8)


def test_points_and_log_odds_are_inverse() -> None:
    scale = Scale()
    log_odds = np.linspace(-8, 4, 25)
    assert np.allclose(scale.log_odds_of_points(scale.points_of_log_odds(log_odds)), log_odds, rtol=0, atol=1e-12)


@pytest.mark.parametrize("wrong", [{"pdo": 0}, {"odds": -1}, {"points": float("nan")}, {"pdo": "50"}])
def test_a_wrong_setting_raises(wrong: dict) -> None:
    with pytest.raises(InputError, match="a positive finite"):
        Scale(**wrong)
