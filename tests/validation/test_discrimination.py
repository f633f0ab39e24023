"""AUC, its intervals, paired comparison, KS: against scikit-learn and scipy, simulation, properties, awkward input."""

import time

import numpy as np
import pytest
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score

from creditlab.errors import InputError
from creditlab.results import NotEstimable
from creditlab.validation import auc, auc_against_initial, delong, gini, ks


def rows(n=600, seed=0, digits=1):
    """Scores with many ties."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.2).astype(int)
    return y, np.round(rng.normal(size=n) + 0.8 * y, digits)


def test_auc_and_ks_equal_scikit_learn_and_scipy():
    y, score = rows()
    assert auc(y, score).estimate == pytest.approx(roc_auc_score(y, score), abs=1e-14)
    assert gini(y, score).estimate == pytest.approx(2 * roc_auc_score(y, score) - 1, abs=1e-14)
    theirs = ks_2samp(score[y == 1], score[y == 0], method="asymp")
    ours = ks(y, score)
    assert (
        ours.statistic == pytest.approx(theirs.statistic, abs=1e-14) and ours.facts["at"] == theirs.statistic_location
    )


def test_auc_depends_on_the_order_alone():
    y, score = rows()
    one, other = auc(y, score), auc(y, np.exp(3 * score) + 7)
    assert one.estimate == other.estimate and one.lo == other.lo
    assert auc(y, -score).estimate == pytest.approx(1 - one.estimate)
    shuffle = np.random.default_rng(1).permutation(len(y))
    assert auc(y[shuffle], score[shuffle]).hi == pytest.approx(one.hi, abs=1e-14)


def test_delong_variance_equals_its_definition():
    y, score = rows(80, seed=2)
    bad, good = score[y == 1], score[y == 0]
    wins = (bad[:, None] > good) + 0.5 * (bad[:, None] == good)
    by_hand = wins.mean(axis=1).var(ddof=1) / len(bad) + wins.mean(axis=0).var(ddof=1) / len(good)
    assert auc(y, score).facts["se"] ** 2 == pytest.approx(by_hand, rel=1e-12)


def test_interval_covers_the_known_auc():
    """Binormal scores one sd apart have AUC Φ(1/√2) = .7602; 200 samples, so .95 ± 3·√(.95·.05/200) = ± .046."""
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        y = (np.arange(300) < 60).astype(int)
        result = auc(y, rng.normal(size=300) + y)
        covered += result.lo <= 0.76024994 <= result.hi
    assert 0.904 <= covered / 200 <= 0.996


def test_village_interval_covers_where_the_plain_one_does_not():
    """Villages share a shock of bads and a shift of scores: 40 villages of 30, the clustered interval is the wider."""
    clustered = plain = 0
    truth = np.mean([auc(*_clustered(seed, 400)[:2]).estimate for seed in range(1000, 1010)])
    for seed in range(80):
        y, score, village = _clustered(seed)
        robust, naive = auc(y, score, village), auc(y, score)
        clustered += robust.lo <= truth <= robust.hi
        plain += naive.lo <= truth <= naive.hi
        assert robust.df == 39
    assert clustered / 80 >= 0.87 and plain < clustered


def _clustered(seed, villages=40):
    rng = np.random.default_rng(seed)
    village = np.repeat(np.arange(villages), 30)
    shock, shift = rng.normal(0, 1, villages)[village], rng.normal(0, 1.5, villages)[village]
    y = (rng.random(len(village)) < 1 / (1 + np.exp(1.5 - shock))).astype(int)
    return y, rng.normal(size=len(village)) + 0.7 * y + shift, village


def test_each_row_its_own_cluster_is_nearly_plain():
    y, score = rows(2000, digits=6)
    assert auc(y, score, np.arange(2000)).facts["design_effect"] == pytest.approx(1, abs=0.01)


def test_doubling_every_row_in_its_cluster_changes_no_clustered_interval():
    y, score = rows()
    village = np.arange(600) % 30
    one, two = auc(y, score, village), auc(np.tile(y, 2), np.tile(score, 2), np.tile(village, 2))
    assert (one.lo, one.hi) == (pytest.approx(two.lo), pytest.approx(two.hi))


def test_paired_difference_is_antisymmetric_and_sharper_than_two_samples():
    y, a = rows(digits=6)
    b = a + np.random.default_rng(5).normal(0, 0.5, len(a))
    one, other = delong(y, a, b), delong(y, b, a)
    assert one.statistic == pytest.approx(-other.statistic) and one.p_value == pytest.approx(other.p_value)
    assert one.hi - one.lo < 2 * 1.96 * np.hypot(auc(y, a).facts["se"], auc(y, b).facts["se"])


def test_logit_interval_stays_inside():
    y, score = [1, 1, 1, 0, 0, 0, 0], [0.9, 0.8, 0.35, 0.4, 0.3, 0.2, 0.1]
    assert auc(y, score).hi == 1.0 and auc(y, score, interval="logit").hi < 1.0


def test_awkward_scores_say_why():
    separated, constant = auc([1, 1, 0, 0], [4, 3, 2, 1]), auc([1, 1, 0, 0], [1, 1, 1, 1])
    assert separated.estimate == 1 and isinstance(separated.lo, NotEstimable) and "完全分离" in separated.reason
    assert constant.estimate == 0.5 and "评分为常数" in constant.reason
    assert "两个坏样本" in auc([1, 0, 0], [0.5, 0.6, 0.1]).reason
    assert isinstance(delong([1, 1, 0, 0], [4, 2, 3, 1], [4, 2, 3, 1]).p_value, NotEstimable)
    assert "少于两个群组" in auc([1, 0, 1, 0], [0.4, 0.2, 0.1, 0.3], ["A"] * 4).reason
    assert ks([1, 1, 0, 0], [1, 1, 1, 1]).estimate == 0


def test_wrong_calls_are_named():
    with pytest.raises(InputError, match="both goods and bads"):
        auc([1, 1], [0.1, 0.2])
    with pytest.raises(InputError, match="2 finite scores, one per row; got 2 values, 1 of them missing"):
        auc([1, 0], [0.1, np.nan])
    with pytest.raises(InputError, match="'wald' or 'logit'"):
        auc([1, 0], [0.1, 0.2], interval="exact")
    with pytest.raises(InputError, match="a positive variance"):
        auc_against_initial(0.8, 0.7, 0.0)


def test_a_million_rows_take_seconds_at_most():
    """About 0.3 s of processor time alone; the bound leaves room for a slow machine and rules out n² or slow sorts."""
    rng = np.random.default_rng(0)
    y, score = rng.random(1_000_000) < 0.05, rng.random(1_000_000)
    start = time.process_time()
    auc(y, score)
    assert time.process_time() - start < 4.0
