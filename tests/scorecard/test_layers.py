"""What is laid over a card: scale by its ends, rounding, points set by hand, calibration, grades."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta
from sklearn.base import clone
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import creditlab as cl
from creditlab.errors import InputError
from creditlab.estimators import expit
from creditlab.scaling import Scale, Span
from creditlab.scorecard import Expert, MasterScale, PointEdit, PointSteps, Scorecard
from creditlab.scorecard.calibration import isotonic
from creditlab.scorecard.rounding import most_changed, round_sums


def sums_agree(card: Scorecard, X: pd.DataFrame) -> None:
    """Points summed from the table are the affine map of the log-odds, and the whole ones are what `points` gives."""
    result, table = card.result_, card.result_.points_table()
    codes = result.codes(X)
    for column, wanted in (
        ("points_exact", result.scale.points_of_log_odds(card.decision_function(X))),
        ("points", card.points(X).to_numpy()),
    ):
        total = np.zeros(len(X)) + table.loc[table["feature"] == "(base)", column].sum()
        for name in result.features:
            total += table[table["feature"] == name].set_index("bin").loc[codes[name], column].to_numpy()
        np.testing.assert_allclose(total, wanted, atol=1e-8)


def test_span_puts_the_ends_of_the_card_where_they_were_asked_for(sample, binner, tmp_path) -> None:
    card = Scorecard(binner, Span(300, 900)).fit(sample.X, sample.y)
    once, points = card.result_.exact_points()
    assert once + sum(p.min() for p in points.values()) == pytest.approx(300, abs=1e-8)
    assert once + sum(p.max() for p in points.values()) == pytest.approx(900, abs=1e-8)
    plain = Scorecard(binner).fit(sample.X, sample.y)
    assert np.array_equal(card.decision_function(sample.X), plain.decision_function(sample.X))
    card.to_json(tmp_path / "card.json")
    again = cl.load(tmp_path / "card.json")
    assert again.scale == card.scale and (again.points(sample.X) == card.points(sample.X)).all()
    sums_agree(card, sample.X)
    constant = pd.DataFrame({"a": np.zeros(100)})
    for wrong in (lambda: Span(900, 300), lambda: Scorecard(scale=Span()).fit(constant, np.arange(100) % 4 == 0)):
        with pytest.raises(InputError):
            wrong()


def many_features(n: int = 3000, seed: int = 3) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 14)), columns=[f"x{i}" for i in range(14)])
    return X, (rng.random(n) < expit(-2 - 0.35 * X.sum(axis=1))).to_numpy().astype(int)


@pytest.mark.parametrize("base", ["spread", "separate"])
def test_sums_of_whole_points_stay_close_where_they_can(base: str) -> None:
    X, y = many_features()
    near = Scorecard(base=base).fit(X, y)
    close = Scorecard(base=base, rounding="sum").fit(X, y)
    a, b = near.result_.facts, close.result_.facts
    assert b["rounding_gap"] <= a["rounding_gap"] and b["rounding_within_half"] > a["rounding_within_half"] + 0.02
    exact = close.result_.scale.points_of_log_odds(close.decision_function(X))
    assert b["rounding_gap"] == pytest.approx(np.abs(close.points(X) - exact).max())
    lost = roc_auc_score(y, -exact) - roc_auc_score(y, -close.points(X))
    assert b["rounding_auc_lost"] == pytest.approx(lost) and abs(lost) < 0.002
    sums_agree(close, X)
    _, whole = close.result_.integer_points()
    for name, values in close.result_.exact_points()[1].items():
        order = np.argsort(values)
        assert (np.diff(whole[name][order]) >= 0).all() and np.abs(whole[name] - values).max() < 1


def test_two_features_are_rounded_within_half_a_point() -> None:
    X, y = many_features()
    card = Scorecard(rounding="sum").fit(X[["x0", "x1"]], y)
    nearest = Scorecard().fit(X[["x0", "x1"]], y)
    assert card.result_.facts["rounding_within_half"] >= nearest.result_.facts["rounding_within_half"]
    rng = np.random.default_rng(0)
    # errors that one bin alone can take: the search finds sums within half a point on every row
    exact = {"a": np.array([0.45, 10.45]), "b": np.array([0.45]), "c": np.array([0.45])}
    codes = {"a": rng.integers(0, 2, 50), "b": np.zeros(50, dtype=int), "c": np.zeros(50, dtype=int)}
    base, whole = round_sums(0.0, exact, codes, 50)
    gap = base + sum(whole[n][codes[n]] - exact[n][codes[n]] for n in exact)
    assert np.abs(gap).max() <= 0.5


def test_most_changed_is_the_worst_cut_off() -> None:
    rng = np.random.default_rng(1)
    first = rng.normal(600, 20, 400)
    second = np.rint(first + rng.normal(0, 1, 400))
    by_hand = max(np.mean((first >= c) != (second >= c)) for c in range(500, 700))
    assert most_changed(first, second, np.ones(400)) == pytest.approx(by_hand)


def test_points_set_by_hand_cost_what_they_cost_and_undo(card, sample, tmp_path) -> None:
    labels = card.result_.bin_labels("crop")
    edited = card.edit("crop", author="Li", held_out=(sample.X, sample.y)).points(0, 99, reason="policy 2025-12")
    row = edited.result_.edit_log().iloc[0]
    assert row["bin"] == labels[0] and row["points"] == 99 and row["author"] == "Li" and row["reason"]
    assert row["points_before"] == pytest.approx(card.result_.exact_points()[1]["crop"][0])
    assert row["auc_before"] == pytest.approx(roc_auc_score(sample.y, card.predict_proba(sample.X)[:, 1]))
    assert row["auc_after"] == pytest.approx(roc_auc_score(sample.y, edited.predict_proba(sample.X)[:, 1]))
    assert row["auc_after"] < row["auc_before"] and 0 < row["changed"] <= 1
    table = edited.result_.points_table()
    assert table.loc[(table["feature"] == "crop") & (table["bin"] == 0), "points"].tolist() == [99]
    sums_agree(edited, sample.X)
    assert "99" not in str(card.result_.edit_log()) and edited.result_.stamp.spec != card.result_.stamp.spec
    back = edited.without_edits()
    np.testing.assert_allclose(back.decision_function(sample.X), card.decision_function(sample.X), atol=1e-12)
    edited.to_json(tmp_path / "card.json")
    again = cl.load(tmp_path / "card.json")
    assert (again.points(sample.X) == edited.points(sample.X)).all() and again.edits == edited.edits
    replayed = clone(edited).fit(sample.X, sample.y, groups=sample.village)
    assert (replayed.points(sample.X) == edited.points(sample.X)).all()
    space: dict = {}
    exec(edited.to_python(), space)
    first = sample.X.iloc[0].to_dict()
    assert space["pd"](first) == pytest.approx(edited.predict_proba(sample.X.iloc[:1])[0, 1], abs=1e-12)


def test_edits_that_cannot_be_made_are_refused(card, sample) -> None:
    for wrong in (
        lambda: card.edit("nothing"),
        lambda: card.edit("crop").points(77, 5, reason="r", author="a"),
        lambda: card.edit("crop").points(0, np.nan, reason="r", author="a"),
        lambda: card.edit("crop").points(0, 5, reason=" ", author="a"),
        lambda: card.edit("crop").points(0, 5, reason="r"),
        lambda: Scorecard(edits=(PointEdit(feature="crop", bin="?", points=1, reason="r", author="a"),)).fit(
            sample.X, sample.y
        ),
    ):
        with pytest.raises(InputError):
            wrong()


def drifted(sample) -> np.ndarray:
    rng = np.random.default_rng(9)
    return (rng.random(len(sample.y)) < np.where(sample.y == 1, 0.9, 0.15)).astype(int)


def test_platt_is_the_regression_on_the_log_odds_and_moves_the_points(card, sample) -> None:
    y = drifted(sample)
    found = card.calibrate(sample.X, y, "platt")
    eta = card.decision_function(sample.X)
    peer = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000).fit(eta[:, None], y)
    np.testing.assert_allclose(found.decision_function(sample.X), peer.decision_function(eta[:, None]), atol=1e-5)
    assert found.predict_proba(sample.X)[:, 1].mean() == pytest.approx(y.mean(), abs=1e-9)
    steps = found.result_.calibration["steps"][0]
    assert steps["log_loss_after"] < steps["log_loss_before"] and steps["bad_rate"] == pytest.approx(y.mean())
    sums_agree(found, sample.X)
    assert not np.array_equal(card.points(sample.X), found.points(sample.X))


def test_intercept_meets_the_target_rate(card, sample) -> None:
    found = card.calibrate(sample.X, method="intercept", target_rate=0.03)
    assert found.predict_proba(sample.X)[:, 1].mean() == pytest.approx(0.03, abs=1e-9)
    gap = found.decision_function(sample.X) - card.decision_function(sample.X)
    assert np.ptp(gap) < 1e-9
    for options in ({"target_rate": 5.0}, {}):
        with pytest.raises(InputError):
            card.calibrate(sample.X, method="intercept", **options)


def test_isotonic_follows_scikit_learn_keeps_ranks_and_points(card, sample, tmp_path) -> None:
    y = drifted(sample)
    found = card.calibrate(sample.X, y, "isotonic")
    prob, before = found.predict_proba(sample.X)[:, 1], card.predict_proba(sample.X)[:, 1]
    order = np.argsort(before, kind="stable")
    assert (np.diff(prob[order]) >= 0).all() and len(np.unique(prob)) == len(np.unique(before))
    assert (found.points(sample.X) == card.points(sample.X)).all()
    peer = IsotonicRegression().fit(before, y).predict(before)
    assert np.abs(prob - peer).mean() < 0.02 and prob.mean() == pytest.approx(y.mean(), abs=0.01)
    found.to_json(tmp_path / "card.json")
    assert np.array_equal(cl.load(tmp_path / "card.json").predict_proba(sample.X)[:, 1], prob)
    with pytest.raises(InputError, match="isotonic"):
        found.calibrate(sample.X, y, "platt")
    twice = found.calibrate(sample.X, y, "isotonic").predict_proba(sample.X)[:, 1]
    assert np.abs(twice - prob).mean() < 0.02


@pytest.mark.parametrize("rounding", ["nearest", "sum"])
def test_every_layer_is_exported_with_the_same_points_and_pd(sample, binner, rounding: str) -> None:
    import duckdb

    y, X = drifted(sample), sample.X
    card = Scorecard(binner, rounding=rounding).fit(X, sample.y)
    stated = Expert(points={"收入": PointSteps((0.0,), (10, 40.5))}, weight=30, author="Li", reason="manual")
    cards = {
        "none": card,
        "edited": card.edit("crop", author="Li").points("玉米", 33.4, reason="policy"),
        "expert": Scorecard(binner, rounding=rounding, expert=stated).fit(X, sample.y),
        "platt": card.calibrate(X, y, "platt"),
        "isotonic": card.calibrate(X, y, "isotonic"),
    }
    lines = X.astype(object).where(X.notna(), None).to_dict("records")
    con = duckdb.connect()
    con.register("t", X.reset_index())
    for name, one in cards.items():
        space: dict = {}
        exec(one.to_python(), space)
        wanted = one.points(X).tolist()
        assert [space["points"](line) for line in lines] == wanted, name
        asked = one.to_sql(keep=["household_id"]) + " ORDER BY 1"
        assert [points for _, points in con.execute(asked).fetchall()] == wanted, name
        np.testing.assert_allclose([space["pd"](line) for line in lines], one.predict_proba(X)[:, 1], rtol=1e-12)


def test_isotonic_weight_equals_copies() -> None:
    rng = np.random.default_rng(0)
    eta, weight = rng.normal(size=300), rng.integers(1, 4, 300)
    y = (rng.random(300) < expit(eta)).astype(float)
    copies = np.repeat(np.arange(300), weight)
    once, many = isotonic(eta, y, weight.astype(float)), isotonic(eta[copies], y[copies], np.ones(len(copies)))
    np.testing.assert_allclose(once.log_odds, many.log_odds)
    np.testing.assert_allclose(once.calibrated, many.calibrated)


def test_grades_partition_the_households_and_show_their_rates(card, sample) -> None:
    master = MasterScale.geometric(0.01, 0.32, 7, names=["AAA", "AA", "A", "BBB", "BB", "B", "C"])
    prob = card.predict_proba(sample.X)[:, 1]
    table = master.table(prob, sample.y, scale=card.result_.scale).tidy()
    assert table["n"].sum() == len(prob) and table["bads"].sum() == sample.y.sum()
    grade = master.grade(prob)
    for row in table.itertuples():
        inside = grade == row.grade
        assert inside.sum() == row.n
        exact = card.result_.scale.points_of_log_odds(card.decision_function(sample.X))[inside]
        assert not row.n or (exact.min() > row.points_from - 1e-9 and exact.max() <= row.points_to + 1e-9)
    row = table[table["n"] > 100].iloc[0]
    tails = beta.ppf([0.05, 0.95], row["bads"] + 0.5, row["n"] - row["bads"] + 0.5)
    np.testing.assert_allclose([row["bad_rate_lo"], row["bad_rate_hi"]], tails)
    page = master.table(prob, sample.y, scale=card.result_.scale)._repr_html_()
    assert "等级<br>grade" in page and f"({row['bad_rate_lo']:.2%}–{row['bad_rate_hi']:.2%})" in page
    assert f"{row['points_from']:,.0f}" in page and "∞" in page and "inf" not in page
    for wrong in (lambda: MasterScale((0.5, 0.1)), lambda: MasterScale((0.1,), ("a", "a")),
                  lambda: MasterScale.geometric(0.1, 0.05, 5)):  # fmt: skip
        with pytest.raises(InputError):
            wrong()


def test_a_scale_of_points_stays_a_scale() -> None:
    assert Scorecard(scale=Scale(500, 20, 40)).get_params()["scale"] == Scale(500, 20, 40)
