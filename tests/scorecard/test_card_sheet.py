"""Five lines: a sample with its split, a card that shows itself with checks and clustered intervals, points, a page."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import creditlab as cl
from creditlab.errors import InputError
from creditlab.estimators import expit
from creditlab.scorecard import Expert, PointSteps, Sample, Scorecard
from creditlab.scorecard.performance import auc_interval, rate_interval
from creditlab.validation import auc


@pytest.fixture(scope="module")
def rows() -> Sample:
    rng = np.random.default_rng(5)
    n = 4000
    village, month = rng.integers(0, 50, n), 202301 + rng.integers(0, 12, n)
    X = pd.DataFrame({"收入<b>": rng.normal(size=n), "crop": rng.choice(["小麦", "<script>"], n)})
    log_odds = -2 - X["收入<b>"] + 0.6 * (X["crop"] == "小麦") + 0.5 * rng.normal(size=50)[village]
    return Sample(X, (rng.random(n) < expit(log_odds)).astype(int), village, month)


def test_five_lines(rows, tmp_path) -> None:
    sample = rows.split(test=0.25, out_of_time=202310, seed=7)
    card = cl.Scorecard().fit(sample)
    shown = card._repr_html_()
    points = card.points(sample.X)
    card.to_html(tmp_path / "card.html")
    page = (tmp_path / "card.html").read_text(encoding="utf-8")
    for text in ("训练 train", "测试 test", "跨期 out of time", "intervals by village", "● 绿 green", "分值 points"):
        assert text in shown and text in page
    assert "<script>" not in page and "&lt;script&gt;" in page and "http" not in page
    assert points.dtype == np.int64 and card._repr_mimebundle_()["text/html"] == shown
    assert "<pre>" in Scorecard()._repr_html_()


def test_every_part_has_an_interval_by_village_and_the_page_shows_it(rows) -> None:
    card = Scorecard().fit(rows.split(test=0.25, out_of_time=202310, seed=7))
    table, page = card.result_.performance, card._repr_html_()
    assert (table["villages"] > 1).all()
    assert table[["auc_lo", "auc_hi", "bad_rate_lo", "bad_rate_hi"]].notna().all(axis=None)
    for row in table.to_dict("records"):
        assert f"{row['auc']:.3f} ({row['auc_lo']:.3f}–{row['auc_hi']:.3f})" in page
    alone = Scorecard().fit(Sample(rows.X, rows.y).split(test=0.3, seed=1))
    assert "intervals take rows as independent" in alone._repr_html_()


def test_a_pure_small_bin_is_marked_and_named_among_the_checks() -> None:
    rng = np.random.default_rng(3)
    n = 1500
    X = pd.DataFrame({"income": rng.normal(size=n), "guild": rng.choice(["open", "barred"], n)})
    y = (rng.random(n) < expit(-2 - 0.3 * X["income"])).astype(int)
    pure = rng.choice(np.flatnonzero(y == 0), 89, replace=False)
    X.loc[pure, "guild"] = "elders"
    result = Scorecard(min_z=0).fit(X, y).result_
    table = result.points_table()
    thin = table[table["thin"]]
    assert thin["bin_en"].tolist() == ["elders"] and thin["n"].item() == 89 and thin["bads"].item() == 0
    check = result.signals().set_index("check").loc["thin_bins"]
    assert check["colour"] == "amber" and check["value"] == 1
    assert "elders" in check["en"] and "0 bads among 89 rows" in check["en"] and "elders" in check["zh"]
    assert result._repr_html_().count("title='thin'") == 1
    calm = Scorecard().fit(X.drop(index=pure), np.delete(y, pure)).result_.signals().set_index("check")
    assert calm.loc["thin_bins", "colour"] == "green"


def test_limits_of_points_are_those_of_the_woe_and_hold_the_points(rows) -> None:
    sample = rows.split(test=0.25, out_of_time=202310, seed=7)
    free = Scorecard().fit(sample).result_.points_table()
    free = free[free["n"] > 0]
    assert (free["points_lo"] < free["points_exact"]).all() and (free["points_exact"] < free["points_hi"]).all()
    card = Scorecard(bin_sd=0).fit(sample)
    result, table = card.result_, card.result_.points_table()
    seen = table[table["n"] > 0]
    assert (seen["points_lo"] < seen["points_exact"]).all() and (seen["points_exact"] < seen["points_hi"]).all()
    name = result.features[0]
    bins, mine = result.bins[name].table, table[table["feature"] == name]
    once, effects = result.intercept / len(result.features), result.coef[name] * bins["woe_hi"].to_numpy()
    each = result.scale.offset / len(result.features) - result.scale.factor * (once + effects)
    np.testing.assert_allclose(mine["points_hi"][bins["n"] > 0], each[bins["n"] > 0], atol=1e-9)
    edited = card.edit(name, author="Li").points(0, 50, reason="policy").result_.points_table()
    assert edited.loc[edited["feature"] == name, "points_lo"].isna().iloc[0]


def test_what_was_laid_over_the_card_stands_on_its_page(rows) -> None:
    sample = rows.split(test=0.25, out_of_time=202310, seed=7)
    stated = Expert(points={"收入<b>": PointSteps((0.0,), (10, 40))}, weight=30, author="李 <i>", reason="manual §3")
    card = Scorecard(expert=stated).fit(sample)
    test = sample.part("test")
    changed = card.edit("crop", author="Wang & Co", held_out=(test.X, test.y)).points("小麦", 50, reason="pilot <7>")
    page = changed.calibrate(test.X, None, "intercept", target_rate=0.2)._repr_html_()
    for text in ("worth 30 bads", "李 &lt;i&gt;", "manual §3", "Wang &amp; Co", "pilot &lt;7&gt;", "20.00%"):
        assert text in page
    assert "<i>" not in page and "<7>" not in page
    row = card.result_.blend.iloc[0]
    assert f"{row['moved']:+.1f}" in page and f"{row['expert_share']:.0%}" in page
    cost = changed.result_.edits[-1].cost
    assert f"{cost['auc_after'] - cost['auc_before']:+.5f}" in page and f"{cost['changed']:.1%}" in page


def test_a_sample_keeps_the_weights_of_a_modelling_frame(rows) -> None:
    weight = np.where(rows.y == 1, 1.0, 3.0)
    given = SimpleNamespace(X=rows.X, y=rows.y, village=rows.village, weight=weight)
    assert Sample.of(given).weight.tolist() == weight.tolist()
    assert Sample.of(SimpleNamespace(X=rows.X, y=rows.y, weight=np.ones(len(rows.y)))).weight is None


def test_the_split_keeps_villages_and_time_apart(rows) -> None:
    sample = rows.split(test=0.25, out_of_time=202310, seed=7)
    train, test, late = (sample.part(name) for name in ("train", "test", "out_of_time"))
    assert not set(train.village) & set(test.village)
    assert max(train.period.max(), test.period.max()) < 202310 <= late.period.min()
    assert len(train.X) + len(test.X) + len(late.X) == len(rows.X)
    assert 0.15 < len(test.X) / (len(train.X) + len(test.X)) <= 0.25
    again = rows.split(test=0.25, out_of_time=202310, seed=7)
    assert (again.role == sample.role).all()
    plain = Sample(rows.X, rows.y).split(test=0.3, seed=1)
    assert plain.part("test").y.mean() == pytest.approx(rows.y.mean(), abs=0.001)


def test_the_card_is_that_of_the_training_rows_alone(rows) -> None:
    sample = rows.split(test=0.25, out_of_time=202310, seed=7)
    train = sample.part("train")
    alone = Scorecard().fit(train.X, train.y, groups=train.village, period=train.period)
    card = Scorecard().fit(sample)
    assert (card.points(rows.X) == alone.points(rows.X)).all()
    assert card.result_.performance["part"].tolist() == ["train", "test", "out_of_time"]
    pd.testing.assert_frame_equal(card.evaluate(sample), card.result_.performance)


@pytest.mark.parametrize("clustered", [True, False])
def test_auc_and_its_interval_are_those_of_the_validation(rows, clustered: bool) -> None:
    rng = np.random.default_rng(0)
    score = np.round(rng.normal(size=len(rows.y)) + rows.y, 1)
    codes = pd.factorize(rows.village)[0] if clustered else None
    found = auc_interval(rows.y.astype(float), score, np.ones(len(score)), codes)
    peer = auc(rows.y, score, groups=rows.village if clustered else None)
    np.testing.assert_allclose(found, [peer.estimate, peer.lo, peer.hi], atol=1e-12)


def test_weights_are_copies_in_the_auc_and_villages_widen_the_rate(rows) -> None:
    rng = np.random.default_rng(0)
    score, weight = rng.normal(size=300), rng.integers(1, 4, 300)
    y = (rng.random(300) < expit(score)).astype(float)
    copies = np.repeat(np.arange(300), weight)
    codes = np.arange(300) // 10
    once = auc_interval(y, score, weight.astype(float), codes)
    many = auc_interval(y[copies], score[copies], np.ones(len(copies)), codes[copies])
    np.testing.assert_allclose(once, many, atol=1e-12)
    ones, bad = np.ones(len(rows.y)), rows.y.astype(float)
    narrow = rate_interval(bad, ones, None)
    wide = rate_interval(bad, ones, pd.factorize(rows.village)[0])
    assert narrow[0] == wide[0] and wide[2] - wide[1] > 1.2 * (narrow[2] - narrow[1])


def test_intervals_by_village_cover_the_rate_of_new_villages() -> None:
    node, weight = np.polynomial.hermite_e.hermegauss(60)
    truth, inside = float(weight @ expit(-1.5 + node) / weight.sum()), 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        codes = np.repeat(np.arange(40), 30)
        rate = expit(-1.5 + rng.normal(size=40))
        bad = (rng.random(1200) < rate[codes]).astype(float)
        _, lo, hi = rate_interval(bad, np.ones(1200), codes)
        inside += lo <= truth <= hi
    assert inside >= 51  # fewer of 60 at 95 % happens with p < 0.002


def test_signals_turn_with_what_they_watch(rows) -> None:
    sample = rows.split(test=0.25, out_of_time=202310, seed=7)
    card = Scorecard().fit(sample)
    calm = card.result_.signals().set_index("check")
    assert calm.loc["signs", "colour"] == "green" and calm.loc["calibration_test", "colour"] in ("green", "amber")
    assert set(calm["colour"]) <= {"green", "amber", "red"} and (calm["zh"] != "").all()
    moved = rows.X.copy()
    late = rows.period >= 202310
    moved.loc[late, "收入<b>"] -= 2.5
    shifted = Sample(moved, rows.y, rows.village, rows.period, role=sample.role)
    alarmed = Scorecard().fit(shifted).result_.signals().set_index("check")
    assert alarmed.loc["psi_out_of_time", "colour"] == "red"
    assert alarmed.loc["calibration_out_of_time", "colour"] == "red"
    noise = Sample(rows.X, np.where(late, np.random.default_rng(0).permutation(rows.y), rows.y), rows.village,
                   rows.period, role=sample.role)  # fmt: skip
    assert Scorecard().fit(noise).result_.signals().set_index("check").loc["auc_out_of_time", "colour"] == "red"
    alone = Scorecard().fit(rows.X, rows.y).result_.signals().set_index("check")
    assert alone.loc["held_out", "colour"] == "amber"
    edited = card.edit("crop", author="Li").points(0, 50, reason="policy").result_.signals().set_index("check")
    assert edited.loc["edits", "colour"] == "amber"


def test_a_part_of_one_kind_has_no_auc_and_says_so(rows) -> None:
    late = rows.period >= 202310
    role = np.where(late, np.where(rows.y == 0, "out_of_time", "test"), "train")
    result = Scorecard().fit(Sample(rows.X, rows.y, rows.village, rows.period, role=role)).result_
    assert result.performance.set_index("part").loc[["test", "out_of_time"], ["auc", "ks"]].isna().all(axis=None)
    checks = result.signals().set_index("check")
    assert checks.loc["auc_test", "colour"] == "amber" and "only bads" in checks.loc["auc_test", "en"]
    assert "nan" not in result._repr_html_()


def test_the_file_keeps_performance_and_signals(rows, tmp_path) -> None:
    card = Scorecard().fit(rows.split(test=0.25, seed=7))
    card.to_json(tmp_path / "card.json")
    again = cl.load(tmp_path / "card.json")
    pd.testing.assert_frame_equal(again.result_.performance, card.result_.performance)
    assert again._repr_html_() == card._repr_html_()


def test_wrong_samples_are_refused(rows) -> None:
    for call in (
        lambda: rows.split(test=1.5),
        lambda: rows.split(out_of_time=209901),
        lambda: rows.split(out_of_time="2023-10"),
        lambda: Sample(rows.X, rows.y).split(out_of_time=1),
        lambda: Sample(rows.X, rows.y, role=["train"]),
        lambda: Sample(rows.X, rows.y[:-1]),
        lambda: Scorecard().fit(rows.X),
    ):
        with pytest.raises(InputError):
            call()


def test_dates_are_periods_too(rows) -> None:
    days = pd.to_datetime(pd.Series(rows.period).astype(str), format="%Y%m")
    by_date = Sample(rows.X, rows.y, rows.village, days).split(out_of_time="2023-10-01", seed=7)
    assert (by_date.role == rows.split(out_of_time=202310, seed=7).role).all()


def test_a_changed_card_forgets_what_was_measured_and_can_be_measured_again(rows) -> None:
    sample = rows.split(test=0.25, out_of_time=202310, seed=7)
    card = Scorecard().fit(sample)
    edited = card.edit("crop", author="Li").points(0, 50, reason="policy")
    checks = edited.result_.signals().set_index("check")
    assert checks.loc["measured", "colour"] == "amber" and "rounding" not in checks.index
    assert edited.result_.performance.empty and "测试 test" not in edited._repr_html_()
    again = edited.measured(sample)
    pd.testing.assert_frame_equal(again.result_.performance, edited.evaluate(sample))
    assert "rounding" in set(again.result_.signals()["check"]) and "测试 test" in again._repr_html_()
    assert again.result_.performance["auc"].iloc[0] < card.result_.performance["auc"].iloc[0]
    same = card.measured(sample).result_
    assert same.facts == card.result_.facts
    pd.testing.assert_frame_equal(same.performance, card.result_.performance)
    with pytest.raises(InputError, match="calibrated"):
        edited.calibrate(rows.X, rows.y).without_edits()
