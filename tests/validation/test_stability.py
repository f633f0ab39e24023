"""PSI and concentration: size of the critical value, empty bins, symmetry, wrong calls."""

import numpy as np
import pytest

from creditlab.errors import InputError
from creditlab.validation import concentration_change, hhi, psi


def test_critical_value_is_exceeded_at_the_stated_rate():
    """400 pairs of samples from the same ten bins: .05 ± 3·√(.05·.95/400) = ± .033."""
    rng = np.random.default_rng(0)
    share = rng.dirichlet(np.full(10, 5))
    above = [psi(rng.multinomial(2000, share), rng.multinomial(800, share)).p_value < 0.05 for _ in range(400)]
    assert 0.017 <= np.mean(above) <= 0.083


def test_nothing_moved_is_zero_and_swapping_changes_nothing():
    assert psi([10, 20, 30], [100, 200, 300], smoothing=0).estimate == pytest.approx(0, abs=1e-15)
    one, other = psi([10, 20, 30], [30, 20, 9]), psi([30, 20, 9], [10, 20, 30])
    assert one.estimate == pytest.approx(other.estimate)


def test_small_samples_need_more_than_the_rule_of_thumb():
    noise = psi([8, 12, 9, 11, 10], [13, 8, 12, 7, 10])
    assert noise.estimate < noise.facts["critical"] and noise.verdict == "green"
    assert psi([8000, 12000], [12000, 8000]).verdict == "amber"


def test_an_empty_bin_is_listed_and_never_green():
    result = psi([1000, 1000, 10], [1005, 1005, 0], labels=["A", "B", "C"])
    assert result.estimate < 0.1 and result.facts["empty"] == ["C"] and result.verdict == "amber"
    assert psi([10, 10, 0], [10, 10, 3], labels=list("ABC")).facts["new"] == ["C"]


def test_bins_empty_in_both_do_not_count():
    assert psi([10, 0, 20], [12, 0, 30]).df == 1
    assert "单" in psi([10, 0], [12, 0]).reason or "分箱" in psi([10, 0], [12, 0]).reason


def test_concentration_of_equal_parts():
    facts = hhi([5] * 8).facts
    assert facts["effective"] == pytest.approx(8) and facts["cv"] == pytest.approx(0)
    assert "占比相同" in concentration_change([1, 2], [5, 5]).reason


def test_wrong_calls_are_named():
    with pytest.raises(InputError, match="the same bins in both samples; got 2 and 3"):
        psi([1, 2], [1, 2, 3])
    with pytest.raises(InputError, match="no empty bin without smoothing"):
        psi([1, 2], [3, 0], smoothing=0)
    with pytest.raises(InputError, match="counts of zero or more, not all zero"):
        hhi([0, 0])
