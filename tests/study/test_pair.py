"""Two cards on one scale on the sample county, and the populations of whole-village credit granting."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import creditlab as cl
from creditlab.data import County
from creditlab.errors import InputError
from creditlab.study import CardPair, county_populations
from creditlab.study.pair import recent_borrowers

DAY = "2023-12-31"


@pytest.fixture(scope="module")
def pair(county: County) -> CardPair:
    sample = cl.performance_sample(county, as_of=DAY, bad=cl.Bad(dpd=90, window="maturity+120d"))
    return cl.card_pair(county, sample)


def test_both_cards_are_calibrated_named_and_joined(pair: CardPair) -> None:
    assert (pair.entry.name, pair.behaviour.name) == ("entry", "behaviour")
    levels = {pair.entry.dictionary[n].level for n in pair.entry.result_.features}
    assert levels <= {"household-origin", "village"}
    assert "household-conduct" in {pair.behaviour.dictionary[n].level for n in pair.behaviour.result_.features}
    assert pair.entry.result_.scale == pair.behaviour.result_.scale
    table = pair.tidy().set_index("card")
    assert table.loc["behaviour", "auc_cross_fitted"] > table.loc["entry", "auc_cross_fitted"] > 0.6
    # on PDs that never saw the village both cards promise too much, and the calibration takes it back
    assert (table["calibration_slope"] < 1).all()
    assert pair.join.facts["n"] == pair.facts["passing"] == int(recent_borrowers(pair.data["behaviour"], 12).sum())
    assert pair.facts["join"] == "pass"


def test_the_entry_card_reads_what_its_own_modelling_frame_holds(county: County, pair: CardPair) -> None:
    sample = cl.performance_sample(county, as_of=DAY, bad=cl.Bad(dpd=90, window="maturity+120d"))
    own, shared = cl.modelling_frame(county, sample, card="entry"), pair.data["entry"]
    pd.testing.assert_frame_equal(shared.X, own.X)
    assert shared.dictionary.to_dict() == own.dictionary.to_dict() and dict(shared.special) == dict(own.special)
    assert shared.facts == own.facts and shared.card == "entry"
    with pytest.raises(InputError, match="behaviour card"):
        own.for_card("behaviour")
    with pytest.raises(InputError, match="the behaviour card's frame"):
        cl.card_pair(county, sample, data=own)


def test_the_join_is_found_broken_when_one_card_is_moved(pair: CardPair) -> None:
    passing = recent_borrowers(pair.data["behaviour"], 12)
    rows = {name: frame.rows(passing) for name, frame in pair.data.items()}
    eta = {name: getattr(pair, name).decision_function(frame.X) for name, frame in rows.items()}
    moved = cl.scorecard.join_test(rows["entry"].y, eta["entry"] - 0.7, eta["behaviour"], rows["entry"].village)
    assert moved.facts["verdict"] == "fail"


def test_every_household_gets_one_score_and_the_name_of_its_card(county: County, pair: CardPair) -> None:
    everyone = county_populations(county, DAY)
    borrowers = county_populations(county, DAY, "behaviour").only("borrower", "former")
    table = pair.scores(everyone, borrowers).tidy()
    assert table["household"].is_unique and len(table) == len(county.tables["households"].frame)
    assert set(table.loc[table["card"] == "behaviour", "household"]) == set(borrowers.household)
    assert table["pd"].between(0, 1).all() and table["points"].notna().all()


def test_populations_follow_the_book_and_know_nothing_later(county: County) -> None:
    found = county_populations(county, DAY)
    population = found.population
    loans = county.tables["loans"].frame
    had = set(loans.loc[(loans["granted_on"] <= DAY) & (loans["known_on"] <= DAY), "household_id"].dropna())
    assert not set(population.index[population == "never_applied"]) & had
    assert not set(population.index[population == "refused"]) & had
    assert set(population.index[population.isin(["borrower", "former"])]) <= had
    assert sum(found.facts[name] for name in ("never_applied", "granted_not_drawn", "refused", "withdrawn", "borrower",
                                              "former")) == len(population)  # fmt: skip
    earlier = county_populations(county, "2021-12-31").population
    assert (earlier == "never_applied").sum() > (population == "never_applied").sum()
    truth = pd.read_parquet("data/sample/truth/households.parquet").set_index("household_id")["pd"]
    mean = truth.groupby(population).mean()
    assert mean["refused"] > 1.5 * mean["granted_not_drawn"]


def test_parts_of_the_populations(county: County) -> None:
    found = county_populations(county, DAY)
    frames, villages = found.frames(), found.villages()
    assert list(frames) == list(villages) == ["never_applied", "granted_not_drawn", "refused"]
    assert all(frames[name].index.equals(villages[name].index) for name in frames)
    assert found.only("refused").facts["households"] == len(frames["refused"])
    with pytest.raises(InputError, match="populations"):
        found.frames("unknown")
    assert np.isin(found.village.dropna(), county.tables["villages"].frame["village_id"]).all()
