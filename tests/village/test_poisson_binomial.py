"""The exact interval of O/E: against scipy's binomial, direct enumeration, and the saddlepoint against the exact."""

from itertools import product

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import binom

from creditlab.village.poisson_binomial import _exact, _saddlepoint, shift_limits


def test_distribution_equals_enumeration():
    p = np.array([0.1, 0.35, 0.02, 0.6, 0.44])
    chance = np.zeros(6)
    for outcome in product((0, 1), repeat=5):
        chance[sum(outcome)] += np.prod(np.where(outcome, p, 1 - p))
    for count in range(-1, 6):
        found = _exact(logit(p)[:, None], np.array([count]))[0]
        assert found == pytest.approx(chance[: count + 1].sum(), abs=1e-14)


def test_equal_pds_give_clopper_and_pearson():
    from statsmodels.stats.proportion import proportion_confint

    n, bad = np.array([5, 30, 200]), np.array([0, 4, 31])
    lo, hi = shift_limits(bad, np.full(n.sum(), 0.1), np.repeat([0, 1, 2], n), 0.9)
    theirs = proportion_confint(bad, n, alpha=0.1, method="beta")
    np.testing.assert_allclose([lo / n, hi / n], theirs, atol=1e-7)


def test_limits_are_where_the_test_turns():
    rng = np.random.default_rng(0)
    p = rng.beta(1.2, 8, 60)
    lo, hi = shift_limits(np.array([9]), p, np.zeros(60, dtype=int), 0.9)
    for limit, tail in ((hi[0], lambda q: _exact(logit(q)[:, None], np.array([9]))[0]), (lo[0], None)):
        shifts = np.linspace(-6, 6, 4001)
        sums = expit(logit(p)[:, None] + shifts).sum(axis=0)
        shift = np.interp(limit, sums, shifts)
        moved = expit(logit(p) + shift)
        at_most = _exact(logit(moved)[:, None], np.array([9 if tail else 8]))[0]
        assert (at_most if tail else 1 - at_most) == pytest.approx(0.05, abs=1e-5)


def test_intervals_are_narrower_than_the_binomial_bound_and_cover():
    """10,000 villages of 20 loans with PDs around .3: the exact interval covers at least its level at the truth."""
    rng = np.random.default_rng(1)
    p = np.tile(rng.uniform(0.1, 0.5, 20), 10_000)
    bad = (rng.random(len(p)) < p).reshape(-1, 20).sum(axis=1)
    lo, hi = shift_limits(bad, p, np.repeat(np.arange(10_000), 20), 0.9)
    covered = ((lo <= p[:20].sum()) & (p[:20].sum() <= hi)).mean()
    # three standard errors of 10,000; a discrete exact test covers a few points more than its level, not ten
    assert 0.9 - 0.009 <= covered <= 0.99


@pytest.mark.parametrize(("n", "shape"), [(200, 3.0), (400, 1.2), (1000, 1.2)])
def test_the_saddlepoint_is_close_where_it_is_used(n, shape):
    """Beyond 10,000 steps the tails come from a saddlepoint: its error stays below 5·10⁻⁵."""
    p = np.random.default_rng(2).beta(shape, 14, (n, 1))
    for sds in (-2, -1, 0, 1, 2):
        count = np.array([int(p.sum() + sds * np.sqrt(p.sum()))])
        assert _saddlepoint(logit(p), count)[0] == pytest.approx(_exact(logit(p), count)[0], abs=5e-5)


def test_one_giant_village_beside_a_single_loan():
    codes = np.concatenate([np.zeros(200_000, dtype=int), [1]])
    p = np.full(200_001, 0.05)
    lo, hi = shift_limits(np.array([10_300, 1]), p, codes, 0.9)
    exact = binom.isf(0.05, 200_000, 0.05)
    assert lo[0] < 10_300 < hi[0] and hi[0] - lo[0] == pytest.approx(2 * (exact - 10_000), rel=0.03)
    assert hi[1] == 1 and 0 < lo[1] < 0.06
