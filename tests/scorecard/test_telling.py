"""Reasons against named baselines, concepts, margins, advice; counterfactuals against brute force."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import creditlab as cl
from creditlab.binning import Binner
from creditlab.columns import Column, Dictionary
from creditlab.errors import ColumnError, InputError, NotFittedError
from creditlab.estimators import expit
from creditlab.scorecard import Scorecard
from creditlab.scorecard.reasons import rank_losses
from creditlab.scorecard.telling import Telling, baseline_points, losses_of


@pytest.fixture(scope="module")
def twins() -> tuple[Scorecard, pd.DataFrame]:
    rng = np.random.default_rng(4)
    n = 4000
    a = rng.normal(size=n)
    X = pd.DataFrame(
        {
            "deposit": a,
            "balance": a + 0.4 * rng.normal(size=n),
            "income": rng.normal(size=n),
            "crop": rng.choice(["wheat", "maize", "rice"], n),
            "age": rng.normal(45, 12, n).round(),
        },
        index=[f"H{i:04d}" for i in range(n)],
    )
    log_odds = -1.5 - 0.5 * a - 0.5 * X["balance"] - 0.7 * X["income"] + 0.8 * (X["crop"] == "maize")
    y = (rng.random(n) < expit(log_odds - 0.03 * (X["age"] - 45))).astype(int)
    level = "household-conduct"
    labels = Dictionary.of(
        [
            Column("deposit", zh="存款", en="deposit", level=level),
            Column("balance", zh="余额", en="balance", level=level),
            Column("income", zh="收入", en="income"),
            Column("crop", kind="text", zh="作物", en="crop", level=level),
        ]
    )
    return Scorecard(dictionary=labels).fit(X, y), X


@pytest.mark.parametrize("baseline", ["mean", "approved", "cutoff", "best"])
def test_losses_add_up_to_the_baseline_less_the_score(twins, baseline: str) -> None:
    card, X = twins
    result = card.result_
    options = {"cutoff": 610.0} if baseline in ("approved", "cutoff") else {}
    telling = Telling(baseline=baseline, reference=X if baseline == "approved" else None, **options)
    losses = losses_of(result, result.codes(X), len(X), telling)
    exact = result.scale.points_of_log_odds(card.decision_function(X))
    once = result.exact_points()[0]
    whole = once + sum(baseline_points(result, telling).values())
    np.testing.assert_allclose(losses.by_concept.sum(axis=1), whole - exact, atol=1e-8)
    if baseline == "cutoff":
        assert whole == pytest.approx(610.0, abs=1e-8)
    if baseline == "best":
        assert (losses.by_feature > -1e-9).all()
    if baseline == "approved":
        assert whole == pytest.approx(exact[card.points(X).to_numpy() >= 610].mean(), abs=1e-8)
    if baseline == "mean":
        assert whole == pytest.approx(exact.mean(), abs=1e-6)


def test_features_of_one_concept_are_told_together(twins) -> None:
    card, X = twins
    assert card.result_.concepts["balance"] == card.result_.concepts["deposit"]
    assert len(set(card.result_.concepts.values())) == len(card.result_.features) - 1
    merged, apart = card.reason_details(X, k=5, lang="en"), card.reason_details(X, k=5, lang="en", merge=False)
    poor = X[["deposit", "balance"]].max(axis=1).idxmin()
    told = merged.loc[[poor]]
    both = told[told["feature"].isin(["deposit", "balance"])]
    assert len(both) == 1 and ", with " in both["reason"].iloc[0]
    singles = apart.loc[[poor]]
    parts = singles[singles["feature"].isin(["deposit", "balance"])]
    assert len(parts) == 2 and parts["loss"].sum() == pytest.approx(both["loss"].iloc[0])


def test_wide_reasons_are_the_first_of_the_details(twins) -> None:
    card, X = twins
    some = X.iloc[:200]
    table, details = card.reasons(some, k=2, lang="zh"), card.reason_details(some, k=2, lang="zh")
    first = details[details["rank"] == 1]
    assert table.index.equals(some.index)
    given = table["reason_1"].notna()
    assert table.loc[given, "reason_1"].tolist() == first["reason"].tolist()
    np.testing.assert_array_equal(table.loc[given, "loss_1"], first["loss"])
    best = card.reasons(some, k=1, lang="en", baseline="best")
    assert best["reason_1"].dropna().str.endswith("points below the best bin").all()
    twice = card.reasons(pd.concat([some, some]), k=2)
    pd.testing.assert_frame_equal(twice.iloc[:200], table)
    pd.testing.assert_frame_equal(card.reasons(some.iloc[::-1], k=2).iloc[::-1], table)


def test_equal_losses_keep_the_order_of_the_columns() -> None:
    loss = np.array([[2.0, 2.0 + 1e-12, 3.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    order, size = rank_losses(loss, 3)
    assert order.tolist() == [[2, 0, 1], [0, 1, 2]] and size[1].tolist() == [1.0, 1.0, 1.0]
    assert rank_losses(loss[::-1], 3)[0].tolist() == [[0, 1, 2], [2, 0, 1]]


def test_hidden_features_are_never_told(twins) -> None:
    card, X = twins
    details = card.reason_details(X, k=5, hide=["income", "crop"])
    assert not set(details["feature"]) & {"income", "crop"}
    assert not details["reason"].str.contains("收入").any()
    open_ = card.reason_details(X, k=5)
    kept = open_[open_["feature"] == "age"]
    np.testing.assert_allclose(kept["loss"], details[details["feature"] == "age"]["loss"])


def test_margin_is_the_gap_to_the_next_reason_and_its_error_that_of_the_coefficients(twins) -> None:
    card, X = twins
    result, one = card.result_, X.iloc[[7]]
    details = card.reason_details(one, k=10, merge=False)
    assert len(details) >= 2
    loss = details["loss"].to_numpy()
    np.testing.assert_allclose(details["margin"], loss - np.append(loss[1:], 0.0))
    first, second = details["feature"].iloc[:2]
    codes, factor = result.codes(one), result.scale.factor

    def distance(name: str) -> float:
        return result.bins[name].woe[codes[name][0]] - result.mean_woe[name]

    names = [first, second]
    gradient = factor * np.array([distance(first), -distance(second)])
    wanted = np.sqrt(gradient @ result.covariance.loc[names, names].to_numpy() @ gradient)
    assert details["margin_se"].iloc[0] == pytest.approx(wanted)
    assert details["unstable"].iloc[0] == (details["margin"].iloc[0] < wanted)


def test_advice_is_the_next_better_bin_of_what_can_be_acted_on(twins) -> None:
    card, X = twins
    details = card.reason_details(X.iloc[:500], k=5, lang="en")
    advised = details[details["advice"] != ""]
    assert set(advised["feature"]) <= {"deposit", "balance", "crop"} and len(advised) > 50
    assert (advised["gain"] > 0).all() and (details.loc[details["feature"] == "income", "advice"] == "").all()
    points = card.result_.integer_points()[1]
    for row in advised.head(20).itertuples():
        labels = card.result_.bin_labels(row.feature)
        here, there = labels.index(row.value), labels.index(row.next_bin)
        assert points[row.feature][there] - points[row.feature][here] == row.gain
        nearer = range(min(here, there) + 1, max(here, there))
        if row.feature != "crop":
            assert all(points[row.feature][b] <= points[row.feature][here] for b in nearer)
    assert (card.reason_details(X.iloc[:50], actionable=[])["advice"] == "").all()


def test_every_reason_names_the_next_better_bin_and_only_actions_are_advised(twins) -> None:
    card, X = twins
    details = card.reason_details(X.iloc[:300], k=5, lang="en")
    income = details[(details["feature"] == "income") & (details["next_bin"] != "")]
    assert len(income) > 20 and (income["gain"] > 0).all() and (income["advice"] == "").all()


@pytest.fixture(scope="module")
def declared() -> tuple[Scorecard, pd.DataFrame]:
    """Deposits can be raised, debts lowered, nobody moves his age; one fact is of another person."""
    rng = np.random.default_rng(8)
    n = 4000
    X = pd.DataFrame({
        "deposit": rng.normal(size=n), "debt": rng.normal(size=n), "age": rng.normal(45, 12, n).round(),
        "friends": rng.normal(size=n),
    }, index=[f"H{i:04d}" for i in range(n)])  # fmt: skip
    log_odds = -1.5 - 0.8 * X["deposit"] + 0.8 * X["debt"] - 0.03 * (X["age"] - 45) + 0.8 * X["friends"]
    y = (rng.random(n) < expit(log_odds)).astype(int)
    X.loc[X.index[:700], "deposit"] = -9.0
    labels = Dictionary.of([
        Column("deposit", zh="存款", en="deposit", action="up"), Column("debt", zh="负债", en="debt", action="down"),
        Column("age", zh="年龄", en="age", level="household-conduct"),
        Column("friends", zh="担保人", en="guarantor", told=False),
    ])  # fmt: skip
    special = {"deposit": {-9.0: "未授权 not authorised"}}
    return Scorecard(Binner(special=special), dictionary=labels).fit(X, y), X


def test_declared_actions_go_their_way_and_from_a_value_only(declared) -> None:
    card, X = declared
    result, some = card.result_, X[card.points(X) < 580]
    found = card.counterfactual(some, 620, lang="en")
    moved = found[found["reachable"]]
    assert set(moved["feature"]) == {"deposit", "debt"} and found["reachable"].nunique() == 2
    for row in moved.itertuples():
        labels = result.bin_labels(row.feature)
        step = labels.index(row.to_bin) - labels.index(row.from_bin)
        assert step > 0 if row.feature == "deposit" else step < 0
        assert "not authorised" not in row.from_bin
    # who may say so moves from a special code too
    free = card.counterfactual(some, 620, permitted={"deposit": "any"}, lang="en")
    assert free["from_bin"].str.contains("not authorised").any()
    with_values = card.counterfactual(some, 620, permitted={"deposit": "value"}, lang="en")
    assert not with_values["from_bin"].str.contains("not authorised").any() and with_values["reachable"].any()
    details = card.reason_details(some, k=4, lang="en")
    assert set(details.loc[details["advice"] != "", "feature"]) == {"deposit", "debt"}


def test_what_is_declared_as_not_to_be_told_is_not_told(declared) -> None:
    card, X = declared
    assert "friends" in card.result_.features
    details = card.reason_details(X, k=5)
    assert "friends" not in set(details["feature"]) and not details["reason"].str.contains("担保人").any()


def test_a_special_code_is_told_by_its_meaning_in_one_language(declared) -> None:
    card, X = declared
    for lang, text in (("en", "deposit: not authorised, "), ("zh", "存款：未授权，")):
        told = card.reason_details(X.iloc[:700], k=5, lang=lang, baseline="best")
        deposit = told[told["feature"] == "deposit"]["reason"]
        assert len(deposit) and deposit.str.startswith(text).all()


def test_a_coefficient_without_variance_spoils_no_other_margin(twins) -> None:
    card, X = twins
    whole = card.reason_details(X.iloc[:300], k=3, merge=False)
    cov = card.result_.covariance
    cov.loc["age", :] = cov.loc[:, "age"] = np.nan
    poor = clone(card)._restore(list(card.feature_names_in_), True, replace(card.result_, covariance=cov))
    found = poor.reason_details(X.iloc[:300], k=3, merge=False)
    apart = (found["feature"] != "age").to_numpy() & np.append((found["feature"] != "age").to_numpy()[1:], False)
    apart &= (found["rank"] < 3).to_numpy()
    np.testing.assert_allclose(found["margin_se"][apart], whole["margin_se"][apart])
    assert apart.sum() > 50 and found.loc[found["feature"] == "age", "margin_se"].isna().all()


def brute_force(card: Scorecard, row: pd.DataFrame, names: list[str], goal: int) -> tuple[int, int] | None:
    """(changes, steps) of the least change, by trying every combination of bins."""
    result = card.result_
    codes, points = result.codes(row), result.integer_points()[1]
    score, best = int(card.points(row).iloc[0]), None
    regular = [range(result.bins[n].spec.regular) for n in names]
    now = [int(codes[n][0]) for n in names]
    for to in product(*regular):
        gain = sum(points[n][t] - points[n][b] for n, t, b in zip(names, to, now, strict=True))
        if score + gain >= goal:
            steps = [0 if t == b else 1 if n == "crop" else abs(t - b) for n, t, b in zip(names, to, now, strict=True)]
            found = sum(s > 0 for s in steps), sum(steps)
            best = found if best is None or found < best else best
    return best


def test_counterfactuals_are_those_of_brute_force(twins) -> None:
    card, X = twins
    names, goal = ["deposit", "income", "crop"], 640
    some = X[card.points(X) < goal].iloc[:60]
    found = card.counterfactual(some, goal, permitted=names, lang="en")
    result, reached = card.result_, 0
    for household in some.index:
        rows, best = found.loc[[household]], brute_force(card, some.loc[[household]], names, goal)
        assert rows["reachable"].all() == (best is not None)
        if best is None:
            assert len(rows) == 1 and rows["feature"].iloc[0] == ""
            continue
        reached += 1
        steps = 0
        for row in rows.itertuples():
            labels = result.bin_labels(row.feature)
            far = abs(labels.index(row.from_bin) - labels.index(row.to_bin))
            steps += 1 if row.feature == "crop" else far
        assert (len(rows), steps) == best
        assert rows["points_before"].iloc[0] + rows["gain"].sum() == rows["points_after"].iloc[0] >= goal
    assert 10 < reached <= 60


def test_ways_and_costs_are_respected(twins) -> None:
    card, X = twins
    some = X[card.points(X) < 620].iloc[:200]
    up = card.counterfactual(some, 620, permitted={"age": "up"}, lang="en")
    labels = card.result_.bin_labels("age")
    moved = up[up["reachable"]]
    assert len(moved) and all(labels.index(r.to_bin) > labels.index(r.from_bin) for r in moved.itertuples())
    down = card.counterfactual(some, 620, permitted={"age": "down"})
    assert not down["reachable"].any()  # older is safer here
    cheap = card.counterfactual(some, 620, permitted=["deposit", "income"], cost={"deposit": 100.0, "income": 1.0})
    single = cheap[cheap["reachable"]].groupby(level=0).filter(lambda g: len(g) == 1)
    free = card.counterfactual(some, 620, permitted=["income"])
    can = set(free.index[free["reachable"] & ~free.index.duplicated(keep=False)])
    assert set(single.index[single["feature"] == "deposit"]).isdisjoint(can)
    declared = card.counterfactual(some, 620)
    assert set(declared["feature"]) <= {"deposit", "balance", "crop", ""}


def test_households_above_the_cut_off_need_nothing(twins) -> None:
    card, X = twins
    assert card.counterfactual(X, 1).empty
    above = X[card.points(X) >= 600]
    assert card.counterfactual(above, 600).empty


def test_wrong_calls_are_refused(twins, card, sample) -> None:
    own, X = twins
    for error, call in (
        (InputError, lambda: own.reasons(X, baseline="median")),
        (InputError, lambda: own.reasons(X, baseline="cutoff")),
        (InputError, lambda: own.reasons(X, baseline="approved", cutoff=600)),
        (InputError, lambda: own.reasons(X, baseline="approved", cutoff=9999, reference=X)),
        (InputError, lambda: own.reasons(X, hide="income")),
        (ColumnError, lambda: own.reasons(X, hide=["nothing"])),
        (ColumnError, lambda: own.counterfactual(X, 600, permitted=["nothing"])),
        (InputError, lambda: own.counterfactual(X, 600, permitted={"age": "left"})),
        (InputError, lambda: own.counterfactual(X, np.nan)),
        (InputError, lambda: own.counterfactual(X, 600, cost={"age": -1.0})),
        (InputError, lambda: card.counterfactual(sample.X, 600)),
        (NotFittedError, lambda: Scorecard().counterfactual(X, 600)),
        (NotFittedError, lambda: Scorecard().reason_details(X)),
    ):
        with pytest.raises(error):
            call()


def test_a_loaded_card_tells_the_same(twins, tmp_path) -> None:
    card, X = twins
    card.to_json(tmp_path / "card.json")
    again = cl.load(tmp_path / "card.json")
    for options in ({}, {"baseline": "cutoff", "cutoff": 620.0}):
        one, two = (c.reason_details(X.iloc[:50], **options) for c in (card, again))
        pd.testing.assert_frame_equal(one, two)
