"""Curves, links, comparisons of PDs, coverage, segments, funnel: size under the truth, identities, awkward PDs."""

import numpy as np
import pytest
from scipy import stats

from creditlab.errors import InputError
from creditlab.results import NotEstimable
from creditlab.validation import (
    brier,
    calibration_error,
    conformal_coverage,
    corp,
    integrated_calibration,
    oe_by_segment,
    paired_t,
    redelmeier,
    spiegelhalter,
    stukel,
    village_funnel,
)
from creditlab.validation.segments import poisson_limits, poisson_p


def rows(seed=0, n=800, bend=0.0):
    rng = np.random.default_rng(seed)
    p = rng.beta(1.5, 6, n)
    eta = np.log(p / (1 - p))
    truth = 1 / (1 + np.exp(-(eta + bend * eta**2)))
    return (rng.random(n) < truth).astype(int), p


@pytest.mark.parametrize(
    "test", [stukel, lambda y, p: corp(y, p, draws=59), lambda y, p: calibration_error(y, p, draws=59)]
)
def test_true_pds_are_rejected_at_the_stated_rate(test):
    """100 samples at 5 %: at most .05 + 3·√(.05·.95/100) = .115."""
    assert np.mean([test(*rows(seed, 400)).p_value < 0.05 for seed in range(100)]) <= 0.115


def test_a_bent_curve_is_found():
    y, p = rows(1, 6000, bend=0.25)
    assert stukel(y, p).p_value < 1e-4 and corp(y, p, draws=99).p_value <= 0.02
    assert integrated_calibration(y, p, draws=20).estimate > 0.01


def test_stukel_equals_statsmodels():
    import statsmodels.api as sm

    y, p = rows(2)
    eta = np.log(p / (1 - p))
    terms = np.column_stack(
        [np.ones(len(y)), eta, np.where(eta >= 0, eta**2 / 2, 0), np.where(eta < 0, -(eta**2) / 2, 0)]
    )
    large, small = sm.Logit(y, terms).fit(disp=0), sm.Logit(y, terms[:, :2]).fit(disp=0)
    assert stukel(y, p).statistic == pytest.approx(2 * (large.llf - small.llf), abs=1e-7)


def test_redelmeier_by_its_formula_and_its_size():
    y, p = rows(3)
    q = np.clip(p * 1.3, 0, 1)
    top = (p**2 - q**2 - 2 * (p - q) * y).sum()
    assert redelmeier(y, p, q).statistic == pytest.approx(top / np.sqrt(((p - q) ** 2 * (p + q) * (2 - p - q)).sum()))
    assert redelmeier(y, p, q).estimate == pytest.approx(brier(y, p).estimate - brier(y, q).estimate)
    assert redelmeier(y, q, p).statistic == pytest.approx(-redelmeier(y, p, q).statistic)
    assert isinstance(redelmeier(y, p, p).p_value, NotEstimable)
    found = []
    for seed in range(200):  # two PDs equally far from the truth on either side
        rng = np.random.default_rng(seed)
        truth = rng.beta(2, 8, 400)
        found.append(
            redelmeier(rng.random(400) < truth, np.clip(truth + 0.03, 0, 1), np.clip(truth - 0.03, 0, 1)).p_value < 0.05
        )
    assert 0.004 <= np.mean(found) <= 0.1


def test_villages_widen_every_row_wise_test():
    rng = np.random.default_rng(4)
    village = np.repeat(np.arange(40), 50)
    level = rng.beta(2, 18, 40)[village]
    y, p = (rng.random(2000) < level).astype(int), np.clip(0.1 + rng.normal(0, 0.01, 2000), 0.01, 1)
    assert abs(spiegelhalter(y, p, village).statistic) < abs(spiegelhalter(y, p).statistic)
    assert spiegelhalter(y, p, village).df == 39
    assert "少于两个群组" in spiegelhalter(y, p, ["a"] * 2000).reason


def test_spiegelhalter_with_villages_keeps_its_level():
    """80 books of 40 villages with shocks, PDs right on average: at most .05 + 3·√(.05·.95/80) = .123."""
    plain, clustered = [], []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        village = np.repeat(np.arange(40), 40)
        y = (rng.random(1600) < rng.beta(2, 18, 40)[village]).astype(int)
        plain.append(spiegelhalter(y, np.full(1600, 0.1)).p_value < 0.05)
        clustered.append(spiegelhalter(y, np.full(1600, 0.1), village).p_value < 0.05)
    assert np.mean(clustered) <= 0.123 < np.mean(plain)


def test_corp_parts_add_up_to_the_score():
    y, p = rows(5)
    for prob in (p, np.round(p, 1)):
        result = corp(y, prob, draws=20)
        total = result.estimate - result.facts["discrimination"] + result.facts["uncertainty"]
        assert total == pytest.approx(brier(y, prob).estimate, abs=1e-12)


def test_calibration_error_is_zero_only_for_perfect_grades():
    y = np.array([0, 1, 0, 1, 1, 1])
    p = np.array([0.5, 0.5, 0.5, 0.5, 1.0, 1.0])
    assert calibration_error(y, p, draws=20).estimate == pytest.approx(0)
    assert calibration_error(y, p / 2, draws=20).estimate == pytest.approx(p.mean() / 2)


def test_conformal_sets_cover():
    rng = np.random.default_rng(6)
    p = rng.beta(2, 5, 4000)
    y = (rng.random(4000) < p).astype(int)
    result = conformal_coverage(y[:2000], p[:2000], y[2000:], p[2000:], alpha=0.2, groups=np.arange(2000) % 4)
    assert result.tidy()["estimate"].iloc[0] == pytest.approx(0.8, abs=0.03) and len(result.tidy()) == 5
    drifted = conformal_coverage(y[:2000], p[:2000], 1 - y[2000:], p[2000:], alpha=0.1)
    assert drifted.verdict == "red"


def test_poisson_limits_and_p_equal_scipy():
    for observed, expected in ((0, 2.5), (7, 2.5), (3, 4.0)):
        lo, hi = poisson_limits(observed, expected, 0.95)
        assert hi * expected == pytest.approx(stats.chi2.ppf(0.975, 2 * observed + 2) / 2)
        assert lo * expected == pytest.approx(stats.chi2.ppf(0.025, 2 * observed) / 2 if observed else 0)
        tails = stats.poisson.cdf(observed, expected), stats.poisson.sf(observed - 1, expected)
        assert poisson_p(observed, expected) == pytest.approx(min(1, 2 * min(tails)))


def test_segments_add_up_and_wrong_ones_are_red():
    rng = np.random.default_rng(7)
    p = rng.beta(2, 18, 6000)
    segment = rng.choice(["fish", "rice", "tea"], 6000)
    y = rng.random(6000) < np.where(segment == "tea", np.clip(p * 2, 0, 1), p)
    table = oe_by_segment(y, p, segment).tidy().set_index("scope")
    assert table["verdict"].to_dict() == {"fish": "green", "rice": "green", "tea": "red"}
    assert table["n"].sum() == 6000
    clustered = oe_by_segment(y, p, segment, groups=rng.integers(0, 50, 6000)).tidy()
    assert clustered["df"].eq(49).all()


def test_the_funnel_flags_the_village_that_is_wrong_and_knows_the_usual_spread():
    rng = np.random.default_rng(8)
    village = np.repeat(np.arange(60), 80)
    p = np.full(4800, 0.08)
    y = (rng.random(4800) < np.where(village == 7, 0.3, 0.08)).astype(int)
    table = village_funnel(y, p, village).tidy().set_index("scope")
    assert table.loc["7", "verdict"] == "red" and (table.drop("7")["verdict"] == "red").sum() == 0
    wide = np.repeat(np.arange(60), 300)
    spread = (rng.random(18_000) < np.clip(0.08 * rng.gamma(4, 0.25, 60)[wide], 0, 1)).astype(int)
    plain, tamed = (village_funnel(spread, np.full(18_000, 0.08), wide, overdispersed=o) for o in (False, True))
    assert tamed.facts["phi"] > 1.5 and tamed.facts["outside"] < plain.facts["outside"]


def test_funnel_false_alarms_are_few():
    """100 counties of 40 villages whose PDs are true: any alarm in at most .05 + .065 of them."""
    alarms = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        alarms.append(
            village_funnel(rng.random(2000) < 0.1, np.full(2000, 0.1), np.arange(2000) % 40).facts["outside"] > 0
        )
    assert np.mean(alarms) <= 0.115


def test_lgd_is_one_sided_by_t():
    rng = np.random.default_rng(9)
    realised, estimated = rng.beta(2, 2, 60), rng.beta(2, 2, 60)
    t, p = stats.ttest_rel(realised, estimated, alternative="greater")
    result = paired_t(realised, estimated)
    assert (result.statistic, result.p_value, result.df) == (pytest.approx(t), pytest.approx(p), 59)
    assert paired_t(realised, estimated, groups=np.arange(60) % 12).df == 11
    assert "差异全部相同" in paired_t([0.5, 0.5], [0.4, 0.4]).reason


@pytest.mark.parametrize("p", [np.zeros(6), np.ones(6), np.full(6, 0.5), np.array([0, 0, 1, 1, 0.5, 0.5])])
@pytest.mark.parametrize("y", [[0, 0, 1, 1, 0, 1], [0] * 6, [1] * 6])
def test_certain_pds_and_one_class_give_reasons_not_warnings(y, p):
    for result in (
        stukel(y, p),
        integrated_calibration(y, p, draws=20),
        corp(y, p, draws=20),
        calibration_error(y, p, draws=20),
        redelmeier(y, p, np.full(6, 0.3)),
    ):
        assert isinstance(result.p_value, NotEstimable) or 0 <= result.p_value <= 1
    assert stukel(y, p).reason and integrated_calibration(y, p, draws=20).reason


def test_wrong_calls_are_named():
    with pytest.raises(InputError, match="probabilities between 0 and 1"):
        corp([0, 1], [0.2, 1.2])
    with pytest.raises(InputError, match="20 draws or more"):
        corp([0, 1], [0.2, 0.3], draws=1)
    with pytest.raises(InputError, match="one per row"):
        redelmeier([0, 1], [0.1, 0.2], [0.1])
