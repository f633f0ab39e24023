"""Intervals of a generator and of the migration statistics: closed forms, limits, and how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import expm
from scipy.stats import beta, gamma

from creditlab.errors import InputError
from creditlab.loans import fit_generator, generator, migration_statistics, scatter, transitions
from tests.loans import made

Q = np.array([[-0.08, 0.07, 0.01], [0.20, -0.35, 0.15], [0.02, 0.03, -0.05]])
P = expm(Q)


def _villages(rng: np.random.Generator, spread: float = 25.0) -> np.ndarray:
    """Counts of 40 villages whose rows differ around P like a Dirichlet's; n is Poisson."""
    stack = np.zeros((40, 3, 3))
    for village in stack:
        for i, size in enumerate((60, 25, 20)):
            village[i] = rng.multinomial(rng.poisson(size), rng.dirichlet(P[i] * spread))
    return stack


def test_intervals_hold_the_truth_as_often_as_they_say_where_villages_differ() -> None:
    """90% intervals from 60 books of 40 villages, mean over the cells of a kind.

    Its standard error is at most √(0.9·0.1/60) = 0.04 were all cells one; the band is 0.9 ± 0.07. Intervals that take
    pairs as independent hold the truth in about 65% to 80%, and must be seen to fail.
    """
    rng = np.random.default_rng(11)
    off = ~np.eye(3, dtype=bool)
    final = Q.copy()
    final[2] = 0.0
    by_month_6 = expm(6 * final)[:2, 2]
    mean = P * np.array([[60.0], [25.0], [20.0]])
    band = (mean[0, 1] + 2 * mean[0, 2] + mean[1, 2]) / (2 * mean[0, 1:].sum() + mean[1, 2])
    held: dict[str, list[float]] = {"rate": [], "reached": [], "share": [], "band": [], "independent": []}
    for _ in range(60):
        stack = _villages(rng)
        whole = stack.sum(axis=0)
        shares = whole / whole.sum(axis=1, keepdims=True)
        fit = generator(shares, counts=stack)
        held["rate"].append(_inside(fit.tidy(), Q.reshape(-1)))
        held["reached"].append(_inside(fit.reached("2", [6.0]).tidy(), by_month_6))
        moves = migration_statistics(whole, groups=stack)
        held["share"].append(_inside(moves.tidy(), P[off]))
        held["band"].append(float(moves.facts["upper_lo"] <= band <= moves.facts["upper_hi"]))
        held["independent"].append(_inside(migration_statistics(whole).tidy(), P[off]))
    found = {name: float(np.mean(values)) for name, values in held.items()}
    assert found.pop("independent") < 0.82
    assert all(0.83 <= rate <= 0.97 for rate in found.values()), found


def _inside(table: pd.DataFrame, truth: np.ndarray) -> float:
    return float(((table["lo"].to_numpy() <= truth) & (truth <= table["hi"].to_numpy())).mean())


def test_limits_of_independent_shares_are_jeffreys() -> None:
    table = migration_statistics([[90, 8, 2], [10, 80, 10], [0, 4, 96]]).tidy().set_index(["from", "to"])
    row = table.loc[("1", "2")]
    assert row["n_eff"] == pytest.approx(100.0)
    np.testing.assert_allclose([row["lo"], row["hi"]], beta.ppf([0.05, 0.95], 8.5, 92.5), rtol=1e-10)
    none = table.loc[("3", "1")]
    assert none["lo"] == 0 and none["hi"] == pytest.approx(beta.ppf(0.95, 0.5, 100.5))


def test_a_rate_with_poisson_variance_has_the_limits_of_its_moves() -> None:
    lo, hi = scatter.rate_limits([0.05, 0.0], [0.05 / 200, 0.0], [200.0, 200.0])
    np.testing.assert_allclose([lo[0], hi[0]], gamma.ppf([0.05, 0.95], 10.5) / 200, rtol=1e-10)
    assert lo[1] == 0 and hi[1] == pytest.approx(gamma.ppf(0.95, 0.5) / 200)


def test_the_variance_of_rates_is_that_of_drawn_matrices() -> None:
    """The delta method against the logarithm of 4,000 drawn matrices; standard errors within 5%, 4 of their own."""
    rng = np.random.default_rng(3)
    total = np.array([4000, 3000, 2000])
    counts = P * total[:, None]
    given = scatter.rate_covariance(Q, 1.0, scatter.share_covariance(counts))
    shares = np.stack([rng.multinomial(n, p, size=4000) / n for n, p in zip(total, P, strict=True)], axis=1)
    values, vectors = np.linalg.eig(shares)
    drawn = np.real((vectors * np.log(values.astype(complex))[:, None, :]) @ np.linalg.inv(vectors)).reshape(4000, -1)
    np.testing.assert_allclose(np.sqrt(np.diag(given)), drawn.std(axis=0), rtol=0.05)


def test_copies_of_one_village_scatter_like_nothing_and_n_is_no_more_than_the_pairs() -> None:
    stack = np.repeat(np.array([[[40.0, 10.0], [5.0, 45.0]]]), 6, axis=0)
    table = migration_statistics(stack.sum(axis=0), groups=stack).tidy()
    assert (table["n_eff"] == table["total"]).all()


def test_likelihood_and_logarithm_agree_on_the_intervals_of_regular_dates() -> None:
    """One gap and a matrix with a generator: the same rates, and limits within 3% of each other."""
    counts = np.round(expm(2 * Q) * np.array([[9000], [7000], [8000]]))
    listed = [{"months": 2.0, "from": str(i), "to": str(j), "n": counts[i, j]} for i in range(3) for j in range(3)]
    fit = fit_generator(pd.DataFrame(listed), ["0", "1", "2"]).tidy()
    direct = generator(counts / counts.sum(axis=1, keepdims=True), 2.0, counts=counts).tidy()
    np.testing.assert_allclose(fit["lo"], direct["lo"], rtol=0.03, atol=1e-4)
    np.testing.assert_allclose(fit["hi"], direct["hi"], rtol=0.03, atol=1e-4)


def test_irregular_dates_by_village_widen_the_intervals() -> None:
    """Villages of twice the rates and of half: limits between villages are wider than of independent pairs."""
    rows = []
    rng = np.random.default_rng(5)
    for village in range(20):
        for months in (1.0, 3.0):
            prob = expm(Q * months * (2.0 if village % 2 else 0.5))
            for i in range(3):
                for j, n in enumerate(rng.multinomial(200, prob[i])):
                    rows.append({"group": f"V{village}", "months": months, "from": str(i), "to": str(j), "n": n})
    counts = pd.DataFrame(rows)
    wide, narrow = fit_generator(counts).tidy(), fit_generator(counts.drop(columns="group")).tidy()
    np.testing.assert_allclose(wide["rate"], narrow["rate"])
    width = (wide["hi"] - wide["lo"]) / (narrow["hi"] - narrow["lo"])
    assert width.iloc[[1, 3, 5]].min() > 1.5


def test_transitions_bring_their_villages() -> None:
    moves = transitions(made.random_book(21), "village_id", states="class5")
    bank, stack = moves.counts(), moves.by_group()
    np.testing.assert_array_equal(stack.sum(axis=0), bank)
    assert transitions(made.random_book(21)).by_group() is None
    statistics = migration_statistics(moves)
    np.testing.assert_array_equal(statistics.tidy()["n"], bank.to_numpy()[:5, :5][~np.eye(5, dtype=bool)])
    assert statistics.facts["groups"] == (stack.sum(axis=(1, 2)) > 0).sum()
    again = moves.irregular.groupby(["months", "from", "to"])["n"].sum()
    whole = transitions(made.random_book(21), states="class5").irregular.set_index(["months", "from", "to"])["n"]
    pd.testing.assert_series_equal(again, whole.sort_index())


def test_the_curve_rises_and_starts_at_nothing() -> None:
    fit = generator(P, counts=P * 1000)
    curve = fit.reached("2", [0, 1, 6, 12]).tidy()
    for _, part in curve.groupby("from"):
        assert part["chance"].iloc[0] == 0 and (part["chance"].diff().dropna() > 0).all()
        assert ((part["lo"] < part["chance"]) & (part["chance"] < part["hi"])).iloc[1:].all()
    with pytest.raises(InputError, match="'9'"):
        fit.reached("9")


def test_a_bandwidth_of_moves_that_are_all_alike_has_no_interval() -> None:
    facts = migration_statistics([[90, 10, 0], [5, 90, 5], [0, 0, 100]]).facts
    assert facts["lower"] == 1.0 and "alike" in facts["lower_lo"].reason
    assert facts["upper_lo"] < facts["upper"] < facts["upper_hi"]


def test_wrong_counts_are_refused() -> None:
    with pytest.raises(InputError, match="counts"):
        generator(P, counts=np.ones((2, 2)))
    with pytest.raises(InputError, match="sum to the counts"):
        migration_statistics(np.ones((2, 2)), groups=np.ones((3, 2, 2)))
