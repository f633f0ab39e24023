"""Village statistics against published figures, each with its source."""

import numpy as np
import pytest

from creditlab.village import funnel_limits, overdispersion
from creditlab.village.intervals import byar_limits, wilson_limits


@pytest.mark.parametrize(
    ("level", "lo", "hi"),
    [
        (0.95, [0.5596924, 0.6108260, 0.6746958], [1.649348, 1.544419, 1.427562]),
        (0.998, [0.3862650, 0.4479107, 0.5289724], [2.082907, 1.902094, 1.702771]),
    ],
)
def test_funnel_limits_of_funnelplotr(level, lo, hi):
    """R package FunnelPlotR 0.6, its own tests: limits of a standardised ratio at 15, 20 and 30 expected."""
    table = funnel_limits([15, 20, 30], level=level).tidy()
    np.testing.assert_allclose(table["lo"], lo, atol=5e-8)
    np.testing.assert_allclose(table["hi"], hi, atol=5e-7)


def test_overdispersion_of_funnelplotr():
    """R package FunnelPlotR 0.6, its own tests: untrimmed φ of log z-scores of six units."""
    phi = overdispersion([100, 150, 180, 80, 120, 225], [108, 112, 165, 95, 100, 220]).phi
    assert phi == pytest.approx(2.948033, abs=5e-7)


def test_indirect_standardisation_of_phe():
    """R package PHEindicatormethods 2.1.1, `calculate_ISRate`: 895 observed, 835.883561 expected, and Byar's limits."""
    lo, hi = byar_limits(np.array([895.0, 91.0]), 0.95)
    scale = 9349.883092 / 835.883561
    assert 895 * scale == pytest.approx(10011.137622, abs=5e-6)
    assert lo[0] * scale == pytest.approx(9365.916003, abs=5e-6) and hi[0] * scale == pytest.approx(
        10689.097583, abs=5e-6
    )
    # the second area's expected count is not printed; its limits over its rate are
    assert lo[1] / 91 == pytest.approx(819.521003 / 1017.892205, abs=1e-8)
    assert hi[1] / 91 == pytest.approx(1249.759260 / 1017.892205, abs=1e-8)


def test_byar_and_wilson_of_phe():
    """PHEindicatormethods 2.1.1: Byar's limits of 65 events; Wilson's of 65 and of 5 in 100."""
    lo, hi = byar_limits(np.array([65.0]), 0.95)
    assert (lo[0], hi[0]) == (pytest.approx(50.163188, abs=5e-7), pytest.approx(82.849139, abs=5e-7))
    lo, hi = wilson_limits(np.array([65.0, 5.0]), np.array([100.0, 100.0]), 0.95)
    np.testing.assert_allclose([lo, hi], [[0.552544, 0.021544], [0.736358, 0.111750]], atol=5e-7)
