"""Fairness and challengers: known gaps, intervals, few persons, money."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from creditlab.errors import InputError
from creditlab.results import NotEstimable
from creditlab.validation import (
    adverse_impact,
    adverse_impact_by,
    alternatives,
    auc,
    calibration_by_group,
    challenge,
    delong,
    disagreement,
    group_gaps,
    mcnemar,
    mean_difference,
    other_village,
    profit,
    proxy,
    surrogate,
    village_mean_pd,
    within_bands,
)


@pytest.fixture(scope="module")
def book():
    rng = np.random.default_rng(0)
    member = rng.integers(0, 2, 3000)
    x = rng.normal(size=3000) + 0.5 * member
    p = 1 / (1 + np.exp(2 - x))
    return (rng.random(3000) < p).astype(int), p, member, np.where(member == 1, "f", "m"), x


def test_four_fifths_needs_an_interval_too():
    assert adverse_impact(70, 100, 100, 100).verdict == "red"
    few = adverse_impact(5, 8, 8, 9)
    assert few.estimate < 0.8 and few.verdict == "green" and few.facts["exact"]
    assert few.p_value == pytest.approx(stats.fisher_exact([[5, 3], [8, 1]])[1])
    assert adverse_impact(80, 100, 80, 100).estimate == 1
    none = adverse_impact(0, 50, 25, 50)
    assert (
        isinstance(none.lo, NotEstimable)
        and none.verdict == "red"
        and "无人通过" in adverse_impact(5, 10, 0, 10).reason
    )


def test_impact_interval_is_katz():
    test = adverse_impact(30, 60, 50, 80)
    theirs = stats.contingency.relative_risk(30, 60, 50, 80).confidence_interval(0.95)
    assert (test.lo, test.hi) == (pytest.approx(theirs.low), pytest.approx(theirs.high))


def test_groups_of_a_few_are_refused():
    table = (
        adverse_impact_by([1, 0] * 20 + [1] * 5, ["a"] * 20 + ["b"] * 20 + ["c"] * 5, reference="a")
        .tidy()
        .set_index("scope")
    )
    assert "组内人数不足" in table.loc["c / a", "reason"] and table.loc["b / a", "estimate"] == 1
    with pytest.raises(InputError, match="a reference among the groups"):
        adverse_impact_by([1, 0], ["a", "b"], reference="z")


def test_means_calibration_and_gaps(book):
    y, p, member, group, x = book
    d = mean_difference(x, group, "m")
    assert d.estimate == pytest.approx(0.5, abs=0.12) and d.lo < d.estimate < d.hi
    assert (calibration_by_group(y, p, group).tidy()["verdict"] == "green").all()
    low = calibration_by_group(y, np.where(member == 1, p / 2, p), group).tidy().set_index("scope")
    assert low.loc["f · O/E", "verdict"] == "red" and low.loc["m · O/E", "verdict"] == "green"
    gaps = group_gaps(y, p, group, "m").tidy().set_index("scope")
    assert gaps.loc["f - m · FPR", "estimate"] > 0 and gaps.loc["f - m · FPR", "verdict"] != "green"
    direct = auc(y[member == 1], p[member == 1]).estimate - auc(y[member == 0], p[member == 0]).estimate
    assert gaps.loc["f - m · AUC", "estimate"] == pytest.approx(direct)
    mirror = group_gaps(y, p, group, "f").tidy().set_index("scope")
    np.testing.assert_allclose(mirror["estimate"].to_numpy(), -gaps["estimate"].to_numpy())


def test_gaps_of_like_groups_are_seldom_found():
    """100 books with a group that means nothing, Holm over four gaps: at most .05 + 3·√(.05·.95/100) = .115."""
    found = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        p = rng.beta(2, 6, 600)
        found.append(
            (group_gaps(rng.random(600) < p, p, rng.choice(["a", "b"], 600), "a").tidy()["p_adjusted"] < 0.05).any()
        )
    assert np.mean(found) <= 0.115


def test_within_bands_sees_through_the_mix(book):
    y, p, member, _, _ = book
    band = pd.qcut(p, 20, labels=False)
    assert within_bands(y, member, band).p_value > 0.01 and stats.chi2_contingency(pd.crosstab(member, y)).pvalue < 1e-4
    assert "无可比较的分段" in within_bands([1, 0, 1, 0], [1, 1, 0, 0], ["a", "a", "b", "b"]).reason


def test_proxies_alternatives_and_the_village(book):
    y, p, member, _, x = book
    rng = np.random.default_rng(1)
    noise = pd.DataFrame({"n": rng.normal(size=800)})
    assert proxy(noise, member[:800], draws=39).verdict == "green"
    tell = proxy(noise.assign(name=np.where(member[:800] == 1, "李", "王")), member[:800], draws=39)
    assert tell.verdict == "red" and next(iter(tell.facts["drivers"])) == "name"
    blind = 1 / (1 + np.exp(2 - (x - 0.5 * member)))
    table = alternatives(y, member, {"now": p, "blind": blind}, most_loss=1.0).tidy().set_index("scope")
    assert table.loc["blind", "estimate"] > table.loc["now", "estimate"] and table.loc["blind", "verdict"] == "amber"
    frame, village = pd.DataFrame({"own": p, "v": np.repeat([0.0, 0.2], 1500)}), np.repeat(["a", "b"], 1500)
    assert other_village(frame, lambda f: f["own"] * 0.5 + f["v"], ["v"], village, cap=0.25).verdict == "green"
    assert other_village(frame, lambda f: f["own"] * 0.5, ["v"], village).estimate == 0


def test_decisions_and_money_of_two_models(book):
    y, p, _, _, _ = book
    noisy = np.clip(p + np.random.default_rng(2).normal(0, 0.2, 3000), 0.001, 0.999)
    test = mcnemar(y, p, noisy)
    assert test.estimate > 0 and test.facts["only_a"] + test.facts["only_b"] == test.facts["flips"]
    earned = profit(y, p, noisy, margin=0.1, lgd=0.6, groups=np.arange(3000) % 50)
    assert (
        earned.estimate == pytest.approx(earned.facts["profit_a"] - earned.facts["profit_b"])
        and earned.estimate > 0
        and earned.df == 49
    )
    assert profit(y, noisy, p, margin=0.1, lgd=0.6).estimate == pytest.approx(-earned.estimate)
    assert "决策全部相同" in mcnemar(y, p, p).reason and "决策全部相同" in profit(y, p, p).reason


def test_a_challenger_must_rank_better_and_not_be_miscalibrated(book):
    y, p, _, _, _ = book
    noisy = np.clip(p * np.exp(np.random.default_rng(3).normal(0, 0.8, 3000)), 0.001, 0.999)
    assert challenge(y, noisy, p).verdict == "amber" and challenge(y, p, noisy).verdict == "green"
    assert challenge(y, noisy, p**0.25).verdict == "green"  # the order is better, the level is far off


def test_surrogates_disagreements_and_the_village_rule(book):
    y, p, _, _, _ = book
    assert surrogate(p, p**2 / (p**2 + (1 - p) ** 2)).facts["slope"] == pytest.approx(2)
    other = p.copy()
    other[5] = 0.99
    assert disagreement(p, other, k=1).tidy()["scope"].iloc[0] == "5"
    village = np.arange(3000) % 30
    rule = village_mean_pd(y, village)
    assert abs(auc(y, rule).estimate - 0.5) < 0.06 and delong(y, p, rule).estimate > 0.1
