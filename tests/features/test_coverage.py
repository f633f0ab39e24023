"""Coverage: each household of the census in one state per source, on both denominators."""

from __future__ import annotations

import pandas as pd
import pytest

from creditlab.features.coverage import STATES, coverage_of
from tests.features.stand_in import StandIn, census, rows


@pytest.fixture(scope="module")
def county(small_file):
    return small_file


@pytest.fixture(scope="module")
def found(county):
    return coverage_of(county)


def test_each_household_is_in_one_state_per_source(county, found):
    table = found.tidy()
    assert (table["households"] == table[list(STATES)].sum(axis=1)).all()
    assert table.groupby("source")["households"].sum().eq(len(county.frame)).all()
    assert (table["resident"] <= table["households"]).all() and (table["resident_reached"] <= table["reached"]).all()
    assert (table["fresh"] <= table["reached"]).all() and table["share"].between(0, 1).all()
    assert set(found.states.stack()) <= set(STATES)


def test_reached_are_those_with_rows_and_something_to_say(county, found):
    for source in ("deposits", "judgments", "tax"):
        there = found.states.index[found.states[source] == "reached"]
        assert set(there) <= set(county.tables[source]["household_id"])
    sued = set(county.tables["judgments"]["household_id"]) & set(county.frame.index)
    assert set(found.states.index[found.states["judgments"] == "reached"]) == sued
    assert (found.states["judgments"] != "reached").sum() == (found.states["judgments"] == "zero").sum()


def test_ports_count_the_households_that_each_port_brought(county, found):
    ports = found.ports
    rows_of = county.tables["collection_log"]
    village = county.frame["village_id"].iloc[0]
    mates = county.frame.index[county.frame["village_id"] == village]
    for port in rows_of["port"].unique():
        mine = rows_of[(rows_of["port"] == port) & rows_of["household_id"].isin(mates)]["household_id"].nunique()
        shown = ports[
            (ports["village_id"] == village) & (ports["source"] == "collection_log") & (ports["port"] == port)
        ]
        assert shown["reached"].sum() == mine


def test_the_five_reasons_stay_apart():
    paid = rows("social_security", "person_id household_id year_end months_paid base observed_on",
                ("P1", "H1", "2022-12-31", 12, 5, "2022-12-31"))  # fmt: skip
    asked = rows("collection_log", "household_id covers requested_on outcome",
                 ("H4", "social_security", "2023-01-01", "not_connected"))  # fmt: skip
    cases = rows(
        "judgments", "case_id household_id role filed_on known_on", ("J", "H2", "debtor", "2021-01-01", "2021-02-01")
    )
    agency = rows("third_party", "household_id product dated_on score flag", ("H9", "a", "2023-01-01", 1, 0))
    tables = {"social_security": paid, "collection_log": asked, "judgments": cases, "third_party": agency,
              "deposits": rows("deposits", "household_id month_end", )}  # fmt: skip
    given = {"social_security": {"H1"}, "third_party": {"H1", "H2"}}
    states = coverage_of(StandIn(census(), tables, given)).states
    assert states["social_security"].tolist() == ["reached", "not_authorised", "not_authorised", "not_connected"]
    assert states["third_party"].tolist() == ["not_collected", "not_collected", "not_authorised", "not_authorised"]
    assert states["judgments"].tolist() == ["zero", "reached", "zero", "zero"]
    assert set(states["deposits"]) == {"not_applicable"} and set(states["tax"]) == {"not_connected"}


def test_fresh_is_a_year_and_a_register_of_events_is_as_fresh_as_its_last_delivery():
    paid = rows("deposits", "household_id month_end avg_balance observed_on",
                ("H1", "2023-09-30", 1, "2023-09-30"), ("H2", "2022-09-30", 1, "2022-09-30"))  # fmt: skip
    cases = rows("judgments", "case_id household_id role filed_on known_on observed_on",
                 ("J1", "H1", "debtor", "2015-01-01", "2015-02-01", "2015-01-01"),
                 ("J2", "H2", "debtor", "2023-11-01", "2023-12-01", "2023-11-01"))  # fmt: skip
    found = coverage_of(StandIn(census(), {"deposits": paid, "judgments": cases}))
    sources = found.sources().set_index("source")
    assert found.age_days.loc["H1", "deposits"] == 92 and found.age_days.loc["H1", "judgments"] == 30
    assert sources.loc["judgments", ["reached", "fresh"]].tolist() == [2, 2]
    assert pd.isna(found.age_days.loc["H3", "deposits"])


def test_the_census_counts_who_was_never_reached():
    found = coverage_of(StandIn(census(), {}))
    assert found.facts["never_reached"] == 4 and found.facts["share_reached"] == 0
