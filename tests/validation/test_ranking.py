"""Further measures of the order: identities, coverage, invariances, awkward input."""

import numpy as np
import pytest

from creditlab.errors import InputError
from creditlab.results import NotEstimable
from creditlab.validation import (
    auc,
    auc_between,
    auc_bootstrap,
    auc_pooled,
    auc_within,
    average_precision,
    bayes_error,
    cier,
    goodman_kruskal,
    h_measure,
    information_value,
    kendall_tau,
    ks,
    lift,
    partial_auc,
    pietra,
    psi,
    somers_d,
)

DRAWN = [average_precision, bayes_error, cier, h_measure, partial_auc, pietra]


def book(seed=0, villages=30, size=30, shift=1.0):
    rng = np.random.default_rng(seed)
    village = np.repeat(np.arange(villages), size)
    effect = rng.normal(0, shift, villages)[village]
    score = rng.normal(size=len(village)) + effect
    return (rng.random(len(village)) < 1 / (1 + np.exp(2 - score))).astype(int), score, village


def test_within_and_between_split_the_auc():
    y, score, village = book()
    within, between = auc_within(y, score, village), auc_between(y, score, village)
    w, b = within.facts["pairs"], between.facts["pairs"]
    assert (w * within.estimate + b * between.estimate) / (w + b) == pytest.approx(auc(y, score).estimate, abs=1e-12)
    assert w + b == y.sum() * (1 - y).sum()


def test_a_score_of_the_village_alone_ranks_villages_and_no_person():
    y, _, village = book(1, shift=2.0)
    rate = (np.bincount(village, weights=y) / np.bincount(village))[village]
    assert auc_within(y, rate, village).estimate == 0.5 and auc_between(y, rate, village).estimate > 0.6


def test_within_interval_covers_a_half_under_chance():
    """150 books without signal inside villages: .95 ± 3·√(.95·.05/150) = ± .053."""
    covered = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        village = np.repeat(np.arange(25), 24)
        y = (rng.random(600) < rng.beta(2, 6, 25)[village]).astype(int)
        test = auc_within(y, rng.normal(size=600), village)
        covered += test.lo <= 0.5 <= test.hi
    assert covered / 150 >= 0.897


def test_village_bootstrap_agrees_with_the_clustered_interval():
    y, score, village = book(2, villages=60)
    drawn, direct = auc_bootstrap(y, score, village, draws=400), auc(y, score, village)
    assert drawn.estimate == direct.estimate
    assert drawn.hi - drawn.lo == pytest.approx(direct.hi - direct.lo, rel=0.2)
    assert drawn.facts["design_effect"] == pytest.approx(direct.facts["design_effect"], rel=0.4)
    skewed = auc_bootstrap(y, score, village, draws=400, interval="bca")
    assert skewed.lo < skewed.estimate < skewed.hi


def test_same_seed_same_interval_and_another_seed_another():
    y, score, village = book(3)
    one, two, other = (auc_bootstrap(y, score, village, draws=50, seed=s) for s in (1, 1, 2))
    assert (one.lo, one.hi) == (two.lo, two.hi) != (other.lo, other.hi)


def test_pooling_is_blind_to_a_drift_of_the_level():
    y, score, _ = book(4)
    period = np.arange(len(y)) % 3
    drifted = score + 10 * period
    assert auc_pooled(y, drifted, period).estimate == pytest.approx(auc_pooled(y, score, period).estimate)
    assert auc_pooled(y, drifted, period).estimate > auc(y, drifted).estimate
    assert auc_pooled(y, score, np.zeros(len(y))).estimate == pytest.approx(auc(y, score).estimate)


@pytest.mark.parametrize("measure", DRAWN)
def test_measures_are_functions_of_the_order(measure):
    y, score, village = book(5)
    score = np.round(score, 1)
    one, other = measure(y, score, draws=20), measure(y, np.exp(score / 3), draws=20)
    assert one.estimate == pytest.approx(other.estimate, abs=1e-12)
    assert (one.lo, one.hi) == pytest.approx((other.lo, other.hi))
    shuffle = np.random.default_rng(0).permutation(len(y))
    assert measure(y[shuffle], score[shuffle], draws=20).estimate == pytest.approx(one.estimate, abs=1e-12)
    doubled = measure(np.tile(y, 2), np.tile(score, 2), draws=20)
    assert doubled.estimate == pytest.approx(one.estimate, abs=1e-12)
    clustered = measure(y, score, groups=village, draws=60)
    assert clustered.lo <= clustered.estimate <= clustered.hi and clustered.estimate == one.estimate


def test_perfect_and_useless_scores_reach_the_ends():
    y = np.array([0, 0, 0, 1, 1])
    assert h_measure(y, y, draws=20).estimate == pytest.approx(1) and h_measure(
        y, np.zeros(5), draws=20
    ).estimate == pytest.approx(0, abs=1e-12)
    assert cier(y, y, draws=20).estimate == pytest.approx(1) and cier(
        y, np.zeros(5), draws=20
    ).estimate == pytest.approx(0, abs=1e-12)
    assert partial_auc(y, y, draws=20).estimate == pytest.approx(1) and partial_auc(
        y, np.zeros(5), draws=20
    ).estimate == pytest.approx(0.5)
    assert bayes_error(y, y, draws=20).estimate == 0 and bayes_error(y, np.zeros(5), draws=20).estimate == 0.5
    assert average_precision(y, np.zeros(5), draws=20).estimate == pytest.approx(0.4)


def test_pietra_and_error_follow_the_ks():
    y, score, _ = book(6)
    distance = ks(y, score).estimate
    assert pietra(y, score, draws=20).estimate == pytest.approx(np.sqrt(2) / 4 * distance)
    assert bayes_error(y, score, draws=20).estimate == pytest.approx((1 - distance) / 2)


def test_lift_counts_the_worst_rows():
    y, score, _ = book(7)
    worst = np.argsort(-score)[: round(0.2 * len(y))]
    row = lift(y, score).tidy().set_index("scope").loc["20%"]
    assert row["estimate"] == pytest.approx(y[worst].sum() / y.sum()) and row["statistic"] == pytest.approx(
        row["estimate"] / 0.2
    )
    assert lift(y, np.zeros(len(y))).tidy()["statistic"].tolist() == pytest.approx([1, 1, 1])


def test_information_value_is_the_psi_of_bads_against_goods():
    goods, bads = [80, 60, 40], [10, 20, 30]
    assert information_value(goods, bads).estimate == pytest.approx(psi(goods, bads).estimate)
    assert information_value(goods, bads).statistic == pytest.approx(psi(goods, bads).statistic)


def test_information_value_keeps_its_level():
    """300 features that tell nothing, 5 %: .05 ± 3·√(.05·.95/300) = ± .038."""
    rng = np.random.default_rng(8)
    share = np.full(5, 0.2)
    rejected = [
        information_value(rng.multinomial(800, share), rng.multinomial(200, share)).p_value < 0.05 for _ in range(300)
    ]
    assert 0.012 <= np.mean(rejected) <= 0.088


@pytest.mark.parametrize("measure", [somers_d, kendall_tau, goodman_kruskal])
def test_association_signs_and_size(measure):
    rng = np.random.default_rng(9)
    x, y = rng.integers(0, 5, 200), rng.integers(0, 4, 200)
    assert measure(x, -y).estimate == pytest.approx(-measure(x, y).estimate)
    assert measure(np.tile(x, 2), np.tile(y, 2)).estimate == pytest.approx(measure(x, y).estimate)
    rejected = [measure(rng.integers(0, 5, 150), rng.integers(0, 4, 150)).p_value < 0.05 for _ in range(200)]
    assert 0.004 <= np.mean(rejected) <= 0.097  # .05 ± 3·√(.05·.95/200)
    assert isinstance(measure([1, 1, 1], [1, 2, 3]).estimate, NotEstimable)


def test_awkward_input_says_why():
    assert "没有同时含好坏样本" in auc_within([1, 0], [0.2, 0.1], ["a", "b"]).reason
    assert "两个以上的村" in auc_between([1, 0], [0.2, 0.1], ["a", "a"]).reason
    assert isinstance(auc_bootstrap([1, 0], [2, 1], draws=20).hi, float | NotEstimable)
    with pytest.raises(InputError, match="20 draws or more"):
        auc_bootstrap([1, 0], [2, 1], draws=3)
    with pytest.raises(InputError, match="both goods and bads"):
        h_measure([1, 1], [0.1, 0.2])
    with pytest.raises(InputError, match="a rate above 0 and at most 1"):
        partial_auc([1, 0], [2, 1], max_fpr=0)
    with pytest.raises(InputError, match=r"\(a, b\) above 0, or 'ratio'"):
        h_measure([1, 0], [2, 1], severity="steep")
    with pytest.raises(InputError, match="shares above 0 and at most 1"):
        lift([1, 0], [2, 1], shares=[1.5])
    with pytest.raises(InputError, match="goods and bads of the same bins"):
        information_value([1, 2], [3])
    with pytest.raises(InputError, match="few distinct values"):
        somers_d(np.arange(3000), np.arange(3000))
