"""Data quality, leaks and representativeness: what must be found is found, clean data are left alone, awkward input."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from creditlab.errors import InputError
from creditlab.validation import (
    agreement,
    anderson_darling,
    conflicting_labels,
    coverage,
    cramer_von_mises,
    duplicates,
    excluded,
    extrapolated,
    future_facts,
    incomplete_windows,
    ks_samples,
    leak,
    legality,
    missing,
    missing_bias,
    order_leak,
    same_mix,
    special_codes,
    two_samples,
)


def test_missing_by_period_finds_the_jump():
    rng = np.random.default_rng(0)
    period = np.repeat(["2023", "2024"], 500)
    values = pd.Series(rng.normal(size=1000)).mask((period == "2024") & (rng.random(1000) < 0.04))
    table = missing(pd.DataFrame({"tax": values, "ok": 1.0}), period=period).tidy().set_index("scope")
    assert table.loc["tax · 2024", "p_adjusted"] < 0.01 and table.loc["tax · 2024", "verdict"] == "amber"
    assert table.loc["ok", "verdict"] == "green" and table.loc["tax", "estimate"] == values.isna().mean()
    by_village = missing(pd.DataFrame({"a": [1, None, None, None]}), by=["u", "u", "v", "v"]).tidy()
    assert by_village.set_index("scope").loc["a · v", "verdict"] == "red"


def test_special_codes_are_found_and_declared_ones_are_not_held_against():
    frame = pd.DataFrame(
        {
            "income": [100.0, 120, 90, -999] * 20,
            "crop": ["rice", "tea", "未知", "rice"] * 20,
            "born": pd.to_datetime(["1980-01-02", "9999-12-31", "1975-05-05", "1990-01-01"] * 20),
            "count": list(range(80)),
        }
    )
    table = special_codes(frame, {"income": [-999]}).tidy().set_index("scope")
    assert table["verdict"].to_dict() == {"income = -999": "green", "crop = 未知": "red", "born = 9999-12-31": "red"}
    assert special_codes(pd.DataFrame({"x": [1.0, 2.0]})).verdict == "green"


def test_keys_and_sources():
    frame = pd.DataFrame({"id": [1, 1, 2, None], "t": [1, 1, 1, 1]})
    assert (
        duplicates(frame, ["id", "t"]).estimate == 2
        and duplicates(frame.dropna().drop_duplicates(), ["id"]).verdict == "green"
    )
    a, b = ["x", "y", "y", "z", None], ["x", "y", "x", "z", "z"]
    result = agreement(a, b)
    assert result.facts["kappa"] == pytest.approx(cohen_kappa_score(a[:4], b[:4])) and result.n == 4
    assert agreement([100, 200.0], [103, 300.0], tolerance=0.05).estimate == 0.5
    assert "没有两来源同时有值" in agreement([None, 1], [1, None]).reason


def test_coverage_needs_no_more_than_the_register():
    table = coverage([95, 0, 0], [100, 50, 0], ["A", "B", "C"]).tidy()
    assert table["verdict"].tolist() == ["green", "red", "info"] and table["hi"].iloc[1] > 0
    with pytest.raises(InputError, match="0 ≤ reached ≤ households"):
        coverage([5], [4])


def test_points_in_time():
    result = future_facts(["2024-01-01", "2024-07-01", None], "2024-06-30")
    assert result.estimate == 2 and result.facts["undated"] == 1 and result.verdict == "red"
    assert future_facts(["2024-06-30"], ["2024-06-30"]).verdict == "green"
    assert incomplete_windows(["2023-06-30"], 12, "2024-06-30").verdict == "green"


def test_leaks_are_red_and_identifiers_are_not_fooled_by():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 600)
    frame = pd.DataFrame(
        {
            "after": y + rng.normal(0, 0.1, 600),
            "noise": rng.normal(size=600),
            "id": [f"H{i}" for i in range(600)],
            "town": rng.choice(list("abcdef"), 600),
        }
    )
    frame["reason"] = np.where(y == 1, "sued", "none")
    frame["late"] = frame["noise"].mask(y == 1)
    table = leak(frame, y).tidy().set_index("scope")
    assert (table.loc[["after", "reason", "late"], "verdict"] == "red").all()
    assert (table.loc[["noise", "id", "town"], "verdict"] == "green").all() and table.loc[
        "id", "estimate"
    ] == pytest.approx(0.5, abs=0.06)


def test_order_of_rows():
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 2000)
    assert order_leak(np.sort(y)).verdict == "red" and order_leak(y).verdict == "green"
    found = [order_leak(rng.integers(0, 2, 300)).p_value < 0.05 for _ in range(200)]
    assert 0.004 <= np.mean(found) <= 0.097


def test_conflicts_bound_the_error():
    result = conflicting_labels(pd.DataFrame({"a": [1, 1, 1, 2], "b": ["x", "x", "x", None]}), [0, 0, 1, 1])
    assert result.estimate == 0.75 and result.facts["best_error"] == 0.25


def test_exclusions_are_tabled():
    y, p = np.r_[np.zeros(90), np.ones(10)].astype(int), np.full(100, 0.1)
    why = np.where(np.arange(100) >= 85, "transferred", "")
    table = excluded(y, p, why).tidy().set_index("scope")
    assert table["n"].to_dict() == {"kept": 85, "transferred": 15} and table.loc["transferred", "verdict"] == "red"


def test_missing_bias_equals_the_library():
    from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

    y = np.r_[np.ones(12), np.zeros(28), np.ones(20), np.zeros(140)].astype(int)
    value = np.r_[np.full(40, np.nan), np.ones(160)]
    result = missing_bias(y, value)
    z, p = proportions_ztest([12, 20], [40, 160])
    assert (result.statistic, result.p_value) == (pytest.approx(z), pytest.approx(p))
    np.testing.assert_allclose(
        [result.lo, result.hi], confint_proportions_2indep(12, 40, 20, 160, method="newcomb"), atol=1e-9
    )


def test_samples_equal_scipy():
    rng = np.random.default_rng(3)
    a, b = np.round(rng.normal(size=80), 1), np.round(rng.normal(0.4, 1, 60), 1)
    assert ks_samples(a, b).p_value == pytest.approx(stats.ks_2samp(a, b).pvalue)
    assert cramer_von_mises(a, b).statistic == pytest.approx(stats.cramervonmises_2samp(a, b).statistic)
    method = stats.PermutationMethod(n_resamples=9, rng=np.random.default_rng(0))
    theirs = stats.anderson_ksamp([a, b], variant="midrank", method=method)
    sigma = _anderson_sigma(len(a), len(b))
    assert anderson_darling(a, b, draws=19).statistic == pytest.approx(1 + theirs.statistic * sigma, rel=1e-6)
    chi = stats.chi2_contingency(np.array([[50, 60, 40], [30, 60, 70]]), correction=False)
    result = same_mix([50, 60, 40], [30, 60, 70])
    assert (result.statistic, result.p_value) == (pytest.approx(chi.statistic), pytest.approx(chi.pvalue))
    assert result.estimate == pytest.approx(stats.contingency.association(np.array([[50, 60, 40], [30, 60, 70]])))


def _anderson_sigma(n, m):
    """σ_N of Scholz and Stephens (1987), by which scipy standardises."""
    N, k = n + m, 2
    H = 1 / n + 1 / m
    h = (1.0 / np.arange(N - 1, 1, -1)).cumsum()
    small = h[-1] + 1
    g = (h / np.arange(2, N)).sum()
    a = (4 * g - 6) * (k - 1) + (10 - 6 * g) * H
    b = (2 * g - 4) * k**2 + 8 * small * k + (2 * g - 14 * small - 4) * H - 8 * small + 4 * g - 6
    c = (6 * small + 2 * g - 2) * k**2 + (4 * small - 4 * g + 6) * k + (2 * small - 6) * H + 4 * small
    d = (2 * small + 6) * k**2 - 4 * small * k
    return np.sqrt((a * N**3 + b * N**2 + c * N + d) / ((N - 1.0) * (N - 2.0) * (N - 3.0)))


def test_classifier_finds_what_single_columns_do_not_and_names_it():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(700, 2))
    then = pd.DataFrame({"a": x[:, 0], "b": x[:, 0] + 0.2 * x[:, 1], "c": rng.choice(["u", "v"], 700)})
    now = pd.DataFrame({"a": x[:, 0], "b": rng.permutation(then["b"]), "c": rng.choice(["u", "v", None], 700)})
    assert ks_samples(then["b"], now["b"]).estimate == 0
    result = two_samples(then, now, draws=39)
    assert result.verdict != "green" and set(result.facts["drivers"]) >= {"a", "b"}


def test_classifier_keeps_its_level():
    """12 pairs of equal samples: at most 3 at 5 % (P of more .02)."""
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        found.append(
            two_samples(
                pd.DataFrame(rng.normal(size=(120, 2))),
                pd.DataFrame(rng.normal(size=(120, 2))),
                draws=39,
                folds=2,
                seed=seed,
            ).p_value
            < 0.05
        )
    assert sum(found) <= 3


def test_where_no_outcome_is_known():
    rng = np.random.default_rng(5)
    applicants = rng.uniform(400, 800, 2000)
    assert extrapolated(applicants[applicants > 600], applicants).estimate == pytest.approx(0.5, abs=0.06)
    assert extrapolated(applicants, applicants).verdict == "green"


def test_each_breach_of_the_law_is_named():
    base = {
        "feature": "x",
        "source": "s",
        "basis": "contract",
        "sensitive": False,
        "consent": False,
        "medical": False,
        "adverse_years": None,
    }
    breaches = [{"basis": ""}, {"sensitive": True}, {"medical": True}, {"adverse_years": 6}]
    table = legality(pd.DataFrame([base, *({**base, **b} for b in breaches)])).tidy()
    assert table["verdict"].tolist() == ["green"] + ["red"] * 4
    assert all(
        word in reason
        for word, reason in zip(["PIPL 13", "PIPL 28", "CRR 14", "CRR 16"], table["reason"].iloc[1:], strict=True)
    )
