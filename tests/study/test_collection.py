"""The ledger of what to collect next: ranked by what it would add to the score."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import creditlab as cl
from creditlab.errors import InputError
from creditlab.features import make_features
from creditlab.features.coverage import coverage_of
from creditlab.study.collection import ACTIONS, collection_ledger


@pytest.fixture(scope="module")
def parts(county):
    file = county.household_file("2023-12-31")
    made = make_features(file)
    rng = np.random.default_rng(0)
    X = made.frame[["outside_debt", "deposit_avg_12m", "farm_area"]]
    risk = -2 + 1.5 * (X["outside_debt"] > 0) - 0.8 * (X["deposit_avg_12m"] > 8000)
    y = (rng.random(len(X)) < 1 / (1 + np.exp(-risk))).astype(int)
    card = cl.Scorecard(binner=cl.Binner(special={n: made.special[n] for n in X}), inference="wald").fit(X, y)
    return file, made, coverage_of(file, made), card


def test_only_what_is_lacking_and_can_be_had_is_listed(parts):
    file, made, covered, card = parts
    ledger = collection_ledger(file, card, made, covered)
    table = ledger.tidy()
    assert set(table["reason"]) <= set(ACTIONS) and table["rank"].tolist() == list(range(1, len(table) + 1))
    assert table["adds_points"].is_monotonic_decreasing and table["p_tier"].between(0, 1).all()
    for source in ("credit_reports", "agriculture"):
        mine = table[(table["source"] == source) & (table["reason"] != "stale")]
        lacking = covered.states[source].isin(["not_authorised", "not_connected", "not_collected"])
        assert set(mine["household_id"]) == set(lacking.index[lacking])
    assert ledger.villages()["households"].sum() == len(table)


def test_the_debt_register_comes_first_and_sources_outside_the_card_add_nothing(parts):
    file, made, covered, card = parts
    sources = collection_ledger(file, card, made, covered).sources()
    assert sources.iloc[0]["source"] == "credit_reports"
    outside = sources[~sources["source"].isin(["credit_reports", "deposits", "agriculture"])]
    assert len(outside) and (outside["adds_points"] == 0).all()


def test_what_is_added_is_the_mean_change_of_points_over_the_donors(parts):
    """Against the definition: put each donor's value into the household and score it."""
    file, made, covered, card = parts
    table = collection_ledger(file, card, made, covered).tidy()
    row = table[(table["source"] == "credit_reports") & (table["reason"] == "not_authorised")].iloc[0]
    fresh = (covered.states["credit_reports"] == "reached") & (covered.age_days["credit_reports"] <= 12 * 30.4375)
    donors = made.frame.loc[fresh, "outside_debt"].to_numpy()
    home = made.frame.loc[[row["household_id"]], list(card.feature_names_in_)]
    copies = pd.concat([home] * len(donors), ignore_index=True).assign(outside_debt=donors)
    points = card.result_.scale.points_of_pd(card.predict_proba(copies)[:, 1])
    before = card.result_.scale.points_of_pd(card.predict_proba(home)[:, 1])[0]
    # 200 quantiles stand for all donors: within a hundredth of the spread
    assert row["adds_points"] == pytest.approx(np.abs(points - before).mean(), rel=0.02)


def test_a_card_of_other_features_is_refused(parts):
    file, made, covered, _ = parts
    X = pd.DataFrame({"income": np.tile([0.0, 1.0], 200)})
    card = cl.Scorecard(inference="wald").fit(X, np.tile([0, 1, 1, 1], 100))
    with pytest.raises(InputError, match="a card on features of the plan"):
        collection_ledger(file, card, made, covered)


def test_with_outcomes_the_ledger_is_ranked_by_measured_gain_per_unit_of_cost(parts):
    file, made, covered, card = parts
    names = list(card.feature_names_in_)
    worth = _worth(card, made.frame[names], made.dictionary)
    table = collection_ledger(file, card, made, covered, worth=worth).tidy()
    assert table["gain_per_cost"].dropna().is_monotonic_decreasing
    measured = table.dropna(subset="gain")
    assert (measured["gain_lo"] <= measured["gain"]).all() and (measured["gain"] <= measured["gain_hi"]).all()
    assert (table.loc[table["source"] == "tax", "gain"] == 0).all()  # the card does not ask the tax bureau
    dear = collection_ledger(
        file, card, made, covered, worth=worth, costs={"not_authorised": 4, "credit_reports": 2}
    ).tidy()
    row = dear[(dear["source"] == "credit_reports") & (dear["reason"] == "not_authorised")].iloc[0]
    before = table[(table["source"] == "credit_reports") & (table["household_id"] == row["household_id"])].iloc[0]
    assert row["cost"] == 6 and before["cost"] == 1
    assert row["gain_per_cost"] == pytest.approx(before["gain_per_cost"] / 6, rel=1e-12)
    # refreshing a record adds less than a first record: the old one still tells a part
    debt = table[table["source"] == "agriculture"].groupby("reason")["gain"].mean()
    assert debt["stale"] <= debt.drop("stale").min()


def test_costs_that_are_none_are_refused(parts):
    file, made, covered, card = parts
    for costs, words in (({"visit": 1}, "reasons"), ({"stale": -1}, "costs of 0 or more"), ({"stale": 0}, "something")):
        with pytest.raises(InputError, match=words):
            collection_ledger(file, card, made, covered, costs=costs)


def _worth(card, X, dictionary):
    """What the records are worth to a card whose outcomes follow it: twelve villages, one year apart."""
    from creditlab.explanation import explain
    from creditlab.results import Stamp
    from creditlab.study.crossfit import MODEL, CrossFit
    from creditlab.study.frame import ModellingFrame
    from creditlab.study.worth import source_worth

    rng = np.random.default_rng(1)
    prob = pd.Series(card.predict_proba(X)[:, 1], index=X.index)
    parts = explain(card, X, background=X).values.assign(**{MODEL: 0.0})
    twice = pd.concat([parts, parts], ignore_index=True)
    table = pd.DataFrame({
        "bad": (rng.random(2 * len(X)) < np.tile(prob, 2)).astype(int), "household_id": np.tile(X.index, 2),
        "village_id": np.tile(np.arange(len(X)) % 12, 2).astype(str),
        "as_of": pd.to_datetime(np.repeat(["2022-12-31", "2023-12-31"], len(X))),
    })  # fmt: skip
    frame = ModellingFrame(
        table=table, features=pd.concat([X, X], ignore_index=True), dictionary=dictionary.only(X.columns), special={},
        card="behaviour", stamp=Stamp.of(X, {}), facts={},
    )  # fmt: skip
    both = pd.Series(np.tile(prob, 2))
    return source_worth(CrossFit(prob=both, contributions=twice, raw=both), frame)
