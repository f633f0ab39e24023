"""The gap of a village in parts: exact sums, known truth, and properties that must hold."""

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.village import PoissonGamma, calibrate_in_the_large, expected, village_gap
from creditlab.village.gap import REST
from tests.village.made import make_loans


def gap_of(loans, **options):
    return village_gap(loans.bad, loans.pd_origin, loans.village, loans.phi, **options)


def test_parts_add_up_to_the_gap_by_source_by_feature_and_in_total():
    """Observed rate minus the county's, to 1e-10, at every level of detail."""
    loans = make_loans()
    gap = gap_of(loans, sources={"deposit": "bank", "farm": "agriculture"})
    table = gap.tidy()
    county = loans.bad.mean()
    rate = pd.Series(loans.bad).groupby(loans.village).mean().to_numpy()
    np.testing.assert_allclose(table["gap"], rate - county, atol=1e-12)
    np.testing.assert_allclose(table[["composition", "context", "noise"]].sum(axis=1), table["gap"], atol=1e-10)
    for wide in (gap.by_source(), gap.by_feature()):
        np.testing.assert_allclose(wide.drop(columns="gap").sum(axis=1), wide["gap"], atol=1e-10)
    assert {"bank", "agriculture", "context", "noise"} <= set(gap.by_source().columns)
    by_feature = gap.by_feature()
    np.testing.assert_allclose(gap.by_source()["bank"], by_feature["deposit"], atol=1e-12)


def test_the_composition_is_the_mean_pd_of_the_village_less_the_countys():
    loans = make_loans(seed=1)
    table = gap_of(loans).tidy()
    against = expected(loans.bad, loans.pd_origin, loans.village).tidy()
    shift = loans.bad.mean() - loans.pd_origin.mean()
    near = against["expected"] / against["n"] - loans.pd_origin.mean()
    # the PDs are calibrated in the large, which moves all of them by about the same amount
    np.testing.assert_allclose(table["composition"], near, atol=abs(shift) + 0.02)
    assert table["n"].mul(table["composition"]).sum() == pytest.approx(0, abs=1e-9)


def test_a_feature_that_is_the_same_everywhere_gets_nothing_and_equal_features_get_the_same():
    loans = make_loans(seed=2)
    phi = pd.DataFrame({"a": loans.phi["deposit"], "b": loans.phi["deposit"], "constant": 0.7})
    prob = 1 / (1 + np.exp(2.5 - phi.sum(axis=1)))
    wide = village_gap(loans.bad, prob, loans.village, phi).by_feature()
    np.testing.assert_allclose(wide["a"], wide["b"], atol=1e-12)
    assert (wide["constant"].abs() < 0.25 * wide["a"].abs().max()).all()


def test_what_contributions_leave_of_the_log_odds_is_a_part_of_its_own():
    loans = make_loans(seed=3)
    gap = village_gap(loans.bad, loans.pd_origin, loans.village, loans.phi[["deposit"]])
    wide = gap.by_feature()
    assert REST in wide and wide[REST].abs().max() > 1e-3
    np.testing.assert_allclose(wide.drop(columns="gap").sum(axis=1), wide["gap"], atol=1e-10)
    assert REST not in gap_of(loans).by_feature()


def test_the_sign_of_the_context_is_right_where_the_truth_is_mostly_context():
    """Gate of the method note: right in 95 % of the villages whose true share of context is above 60 %.

    The share is that of the absolute parts composition, context and noise, all three from the truth.
    """
    right = total = 0
    for seed in range(8):
        loans = make_loans(villages=120, median=30, spread=0.6, seed=seed)
        table = gap_of(loans).tidy()
        mean = pd.DataFrame({"true": loans.pd_true, "origin": loans.pd_origin}).groupby(loans.village).mean()
        context = (mean["true"] - mean["origin"]).to_numpy()
        composition = mean["origin"].to_numpy() - loans.pd_origin.mean()
        noise = table["rate"].to_numpy() - mean["true"].to_numpy()
        mostly = np.abs(context) / (np.abs(context) + np.abs(composition) + np.abs(noise)) > 0.6
        right += int((np.sign(table["context"])[mostly] == np.sign(context[mostly])).sum())
        total += int(mostly.sum())
    assert total > 100 and right / total >= 0.95


def test_intervals_of_the_context_cover_the_truth():
    """90 % intervals of context, four seeds of 150 villages; the error of a coverage over 600 villages is 1.2 %, and
    the spread between seeds three times that."""
    covered = []
    for seed in range(4):
        loans = make_loans(villages=150, median=25, seed=seed)
        table = gap_of(loans).tidy()
        true = pd.Series(loans.pd_true - loans.pd_origin).groupby(loans.village).mean().to_numpy()
        covered.append(((table["context_lo"] <= true) & (true <= table["context_hi"])).mean())
    assert 0.82 <= np.mean(covered) <= 0.97


def test_doubt_about_the_coefficients_widens_the_parts_and_leaves_the_values():
    loans = make_loans(seed=5)
    known, doubted = gap_of(loans), gap_of(loans, covariance=np.diag([0.04, 0.09]))
    a, b = known.tidy(), doubted.tidy()
    for column in ("gap", "composition", "context", "noise"):
        np.testing.assert_array_equal(a[column], b[column])
    assert (a["composition_lo"] == a["composition"]).all()
    wider = b["composition_hi"] - b["composition_lo"]
    assert (wider > 0).all() and wider.corr(b["composition"].abs()) > 0.5
    assert ((b["context_hi"] - b["context_lo"]) >= (a["context_hi"] - a["context_lo"]) * 0.97).all()


def test_the_delta_method_meets_refitted_coefficients():
    """Coefficients moved by 1 % change the composition by the gradient that the standard error is made of."""
    loans = make_loans(seed=6)
    cov = np.zeros((2, 2))
    cov[0, 0] = 0.01**2
    table = gap_of(loans, covariance=cov).tidy()
    moved = loans.phi.assign(deposit=loans.phi["deposit"] * 1.01)
    base = gap_of(loans).tidy()["composition"]
    log_odds = np.log(loans.pd_origin / (1 - loans.pd_origin)) + 0.01 * loans.phi["deposit"]
    shifted = village_gap(loans.bad, 1 / (1 + np.exp(-log_odds)), loans.village, moved).tidy()["composition"]
    step = (table["composition_hi"] - table["composition"]) / 1.6448536
    np.testing.assert_allclose(step, (shifted - base).abs(), atol=2e-5)


def test_order_names_and_copies_change_nothing():
    loans = make_loans(seed=7, villages=30)
    base = gap_of(loans).tidy()
    order = np.random.default_rng(0).permutation(len(loans.bad))
    moved = village_gap(
        loans.bad[order], loans.pd_origin[order], loans.village[order], loans.phi.iloc[order].reset_index(drop=True)
    ).tidy()
    pd.testing.assert_frame_equal(base, moved, atol=1e-10, rtol=0)
    named = village_gap(loans.bad, loans.pd_origin, [f"v{i:03d}" for i in loans.village], loans.phi).tidy()
    np.testing.assert_allclose(named["context"], base["context"], atol=1e-12)


def test_a_smoother_of_ones_own_is_taken_and_a_foreign_one_refused():
    loans = make_loans(seed=8, villages=20)
    against = expected(loans.bad, loans.pd_origin, loans.village).tidy()
    own = PoissonGamma().fit(against["observed"], against["expected"], against["variance"], against["village"])
    assert len(gap_of(loans, smoothing=own.result_).tidy()) == 20
    foreign = PoissonGamma().fit([1, 2], [1, 1], village=["x", "y"]).result_
    with pytest.raises(InputError, match="the villages of the loans, sorted"):
        gap_of(loans, smoothing=foreign)


def test_awkward_counties_give_results_or_words():
    none = village_gap([0, 0, 0], [0.1, 0.1, 0.2], ["A", "A", "B"]).tidy()
    assert (none["gap"] == 0).all() and none["context"].isna().all() and none["reason"].str.len().min() > 0
    all_bad = village_gap([1, 1], [0.5, 0.5], ["A", "B"]).tidy()
    assert all_bad["composition"].isna().all()
    one = village_gap([1, 0, 0], [0.3, 0.3, 0.2], ["A"] * 3).tidy()
    assert one["gap"][0] == pytest.approx(0) and one["composition"][0] == pytest.approx(0)
    singles = village_gap([1, 0, 0, 1], [0.4, 0.2, 0.1, 0.3], list("ABCD")).tidy()
    np.testing.assert_allclose(singles[["composition", "context", "noise"]].sum(axis=1), singles["gap"], atol=1e-12)
    with pytest.raises(InputError, match="3 rows of finite log-odds"):
        village_gap([1, 0, 0], [0.3, 0.3, 0.2], list("AAB"), pd.DataFrame({"x": [1.0, np.nan, 0.0]}))
    with pytest.raises(InputError, match="finite 1 × 1 covariance"):
        village_gap([1, 0, 0], [0.3, 0.3, 0.2], list("AAB"), pd.DataFrame({"x": [1.0, 0.0, 0.0]}), covariance=[1, 2])


def test_drawing_households_again_gives_the_error_of_a_mean_of_households_and_moves_no_value():
    rng = np.random.default_rng(0)
    village, household = np.repeat(np.arange(30), 40), np.repeat(np.arange(600), 2)
    shared = rng.normal(size=600)[household] * 0.8  # both loans of a household are alike
    phi = pd.DataFrame({"a": shared, "b": rng.normal(size=1200) * 0.2})
    p = 1 / (1 + np.exp(2 - phi.sum(axis=1)))
    bad = (rng.random(1200) < p).astype(int)
    plain = village_gap(bad, p, village, phi)
    loans = village_gap(bad, p, village, phi, resample=2000)
    homes = village_gap(bad, p, village, phi, households=household, resample=2000)
    for other in (loans, homes):
        pd.testing.assert_series_equal(plain.parts["value"], other.parts["value"])
        kept = [c for c in plain.tidy().columns if not c.startswith("composition_")]
        pd.testing.assert_frame_equal(plain.tidy()[kept], other.tidy()[kept])
    width = (homes.tidy()["composition_hi"] - homes.tidy()["composition_lo"]).to_numpy() / (2 * 1.6448536)
    fitted = calibrate_in_the_large(np.asarray(p), bad)
    means = pd.Series(fitted).groupby(household).mean()
    hoped = means.groupby(np.arange(600) // 20).std(ddof=0).to_numpy() / np.sqrt(20)
    # 2,000 draws: the error of an error is 1.6 %, four of them
    np.testing.assert_allclose(width, hoped, rtol=0.065)
    narrow = (loans.tidy()["composition_hi"] - loans.tidy()["composition_lo"]).mean()
    assert narrow < (homes.tidy()["composition_hi"] - homes.tidy()["composition_lo"]).mean()
    order = rng.permutation(1200)
    again = village_gap(bad[order], np.asarray(p)[order], village[order], phi.iloc[order], resample=2000)
    np.testing.assert_allclose(again.tidy()["composition_hi"], loans.tidy()["composition_hi"], atol=1e-12)
    with pytest.raises(InputError, match="households"):
        village_gap(bad, p, village, phi, households=household[:5], resample=10)
