"""The blockwise scan equals a search for every value, also at the edges of cuts, and for any number of bins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditlab.binning import scan
from creditlab.binning.scan import range_codes, values_of

numbers = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([-9.0, 0.0, -0.0, 1.5])


def searched(x, cuts, codes):
    found = np.searchsorted(cuts, x, side="right")
    for k, code in enumerate(codes):
        found[x == code] = len(cuts) + 1 + k
    found[np.isnan(x)] = len(cuts) + 1 + len(codes)
    return found


@given(st.lists(numbers), st.lists(st.floats(-5, 5), unique=True), st.lists(st.sampled_from([-9.0, 1.5]), unique=True))
def test_the_scan_equals_a_search(values, cuts, codes):
    cuts = sorted({c + 0.0 for c in cuts})
    around = [np.nextafter(c, side) for c in cuts for side in (-np.inf, np.inf)]
    x = np.array([*values, *cuts, *around, *codes, np.nan])
    assert range_codes(x, cuts, codes).tolist() == searched(x, cuts, codes).tolist()
    by_bin = np.arange(len(cuts) + len(codes) + 2) * 1.5
    assert values_of(x, cuts, codes, by_bin, np.empty(len(x))).tolist() == (searched(x, cuts, codes) * 1.5).tolist()


@pytest.mark.parametrize("bins", [3, 250, 400])
def test_blocks_and_many_bins(bins):
    x = np.random.default_rng(0).normal(size=3 * scan.BLOCK + 17)
    x[::7], x[::11] = np.nan, -9.0
    cuts = np.linspace(-2, 2, bins).tolist()
    assert np.array_equal(range_codes(x, cuts, [-9.0, 0.5]), searched(x, cuts, [-9.0, 0.5]))
