"""Generators: closed forms, known rates found again from irregular dates, and matrices that have none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import expm

from creditlab.errors import FitError, InputError
from creditlab.loans import fit_generator, generator, transitions

Q = np.array([[-0.10, 0.08, 0.02], [0.15, -0.35, 0.20], [0.0, 0.0, 0.0]])
#: J.P. Jarrow, D. Lando, S. Turnbull, Review of Financial Studies 10 (1997) 481-523, table 3: one-year matrix
JLT = np.array(
    [
        [0.8910, 0.0963, 0.0078, 0.0019, 0.0030, 0, 0, 0],
        [0.0086, 0.9010, 0.0747, 0.0099, 0.0029, 0.0029, 0, 0],
        [0.0009, 0.0291, 0.8894, 0.0649, 0.0101, 0.0045, 0, 0.0009],
        [0.0006, 0.0043, 0.0656, 0.8427, 0.0644, 0.0160, 0.0018, 0.0045],
        [0.0004, 0.0022, 0.0079, 0.0719, 0.7764, 0.1043, 0.0127, 0.0241],
        [0, 0.0019, 0.0031, 0.0066, 0.0517, 0.8246, 0.0435, 0.0685],
        [0, 0, 0.0116, 0.0116, 0.0203, 0.0754, 0.6493, 0.2319],
        [0, 0, 0, 0, 0, 0, 0, 1],
    ]
)


def _is_generator(matrix: pd.DataFrame) -> None:
    rates = matrix.to_numpy()
    np.testing.assert_allclose(rates.sum(axis=1), 0.0, atol=1e-12)
    assert (rates[~np.eye(len(rates), dtype=bool)] >= 0).all()


def test_the_generator_of_a_matrix_that_has_one() -> None:
    result = generator(pd.DataFrame(expm(3 * Q), index=list("abc"), columns=list("abc")), months=3)
    np.testing.assert_allclose(result.matrix.to_numpy(), Q, atol=1e-10)
    assert result.facts["exact"] and result.facts["usable"] and list(result.matrix.index) == list("abc")


def test_two_states_have_a_closed_form() -> None:
    """P(t) = [[b + a·e, a - a·e], [b - b·e, a + b·e]] / (a + b) with e = exp(-(a + b)t)."""
    a, b, t = 0.3, 0.1, 2.5
    result = generator(expm(np.array([[-a, a], [b, -b]])))
    e = np.exp(-(a + b) * t)
    expected = np.array([[b + a * e, a - a * e], [b - b * e, a + b * e]]) / (a + b)
    np.testing.assert_allclose(result.after(t).to_numpy(), expected, atol=1e-12)


def test_steps_compose_and_half_a_step_is_a_root() -> None:
    result = generator(JLT, months=12)
    np.testing.assert_allclose(result.after(5) @ result.after(7).to_numpy(), result.after(12), atol=1e-10)
    half = result.after(6).to_numpy()
    np.testing.assert_allclose(half @ half, result.after(12), atol=1e-10)


def test_a_published_rating_matrix_has_no_exact_generator_and_is_mended() -> None:
    """The matrix of Jarrow, Lando and Turnbull: its logarithm has small negative rates (see Israel et al., 2001)."""
    result = generator(JLT, months=12)
    _is_generator(result.matrix)
    assert not result.facts["exact"] and result.facts["usable"]
    errors = [result.facts[f"row error {m}"] for m in ("diagonal", "weighted", "nearest")]
    assert result.facts["largest row error"] == min(errors) < 0.001


def test_the_nearest_generator_is_nearest() -> None:
    """No generator near the mended row is nearer to the row of the logarithm."""
    from creditlab.loans.intensities import _nearest_row

    rng = np.random.default_rng(4)
    for _ in range(50):
        row = rng.normal(size=5)
        row -= row.mean()
        best = _nearest_row(row, 2)
        assert abs(best.sum()) < 1e-12 and (np.delete(best, 2) >= 0).all()
        for _ in range(50):
            other = np.maximum(np.delete(best, 2) + rng.normal(0, 0.2, 4), 0)
            other = np.insert(other, 2, -other.sum())
            assert ((best - row) ** 2).sum() <= ((other - row) ** 2).sum() + 1e-12


def _pairs(gaps: list[float], n: int, seed: int) -> pd.DataFrame:
    """Pairs of sightings drawn from Q: n per state and gap."""
    rng = np.random.default_rng(seed)
    rows = []
    for gap in gaps:
        prob = expm(Q * gap)
        for state in range(3):
            drawn = rng.multinomial(n, prob[state] / prob[state].sum())
            rows += [{"months": gap, "from": str(state), "to": str(t), "n": int(k)} for t, k in enumerate(drawn)]
    return pd.DataFrame(rows)


def test_regular_dates_give_the_logarithm() -> None:
    """With one gap and a matrix that has a generator the likelihood is highest at the logarithm of the shares."""
    counts = _pairs([2.0], 100_000, 5)
    fit = fit_generator(counts, states=["0", "1", "2"])
    square = counts.pivot(index="from", columns="to", values="n").to_numpy(dtype=float)
    exact = generator(square / square.sum(axis=1, keepdims=True), months=2.0)
    np.testing.assert_allclose(fit.matrix.to_numpy(), exact.matrix.to_numpy(), atol=2e-5)


def test_rates_are_found_again_from_irregular_dates() -> None:
    """Gaps of 0.5 to 5 months, 4,000 pairs per state and gap: every rate within 0.01, four times its standard error."""
    fit = fit_generator(_pairs([0.5, 1.0, 3.0, 5.0], 4000, 6), states=["0", "1", "2"])
    np.testing.assert_allclose(fit.matrix.to_numpy(), Q, atol=0.01)
    _is_generator(fit.matrix)


def test_no_rates_nearby_are_more_likely() -> None:
    counts = _pairs([1.0, 4.0], 300, 7)
    fit = fit_generator(counts, states=["0", "1", "2"])

    def log_likelihood(rates: np.ndarray) -> float:
        total = 0.0
        for gap, part in counts.groupby("months"):
            square = part.pivot(index="from", columns="to", values="n").to_numpy(dtype=float)
            prob = np.maximum(expm(rates * float(gap)), 1e-300)
            total += float((square * np.log(prob)).sum())
        return total

    best = fit.matrix.to_numpy()
    assert log_likelihood(best) == pytest.approx(fit.facts["log_likelihood"], abs=1e-6)
    rng = np.random.default_rng(8)
    for _ in range(40):
        rates = best * np.exp(rng.normal(0, 0.05, (3, 3)))
        np.fill_diagonal(rates, 0.0)
        assert log_likelihood(rates - np.diag(rates.sum(axis=1))) <= fit.facts["log_likelihood"] + 1e-7


def test_days_past_due_run_like_a_clock_and_the_classes_do_not(sample_book) -> None:
    buckets = transitions(sample_book)
    assert not generator(buckets.matrix()).facts["usable"]
    assert generator(transitions(sample_book, states="class5").matrix()).facts["usable"]
    _is_generator(fit_generator(buckets.irregular, buckets.states).matrix)


def test_wrong_calls_are_refused() -> None:
    with pytest.raises(InputError, match="a square matrix"):
        generator(np.ones((2, 3)))
    with pytest.raises(InputError, match="sum to 1"):
        generator(np.array([[0.5, 0.2], [0.0, 1.0]]))
    with pytest.raises(FitError, match="no real logarithm"):
        generator(np.array([[0.0, 1.0], [1.0, 0.0]]))
    with pytest.raises(InputError, match="at least one move"):
        fit_generator(pd.DataFrame({"months": [1], "from": ["a"], "to": ["a"], "n": [3]}))
    with pytest.raises(InputError, match="months above 0"):
        fit_generator(pd.DataFrame({"months": [0], "from": ["a"], "to": ["b"], "n": [3]}))
    with pytest.raises(InputError, match="of 0 or more"):
        generator(np.eye(2)).after(-1)
