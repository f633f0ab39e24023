"""Organisations that borrow: their notes are their own, the household behind them stands beside."""

from __future__ import annotations

import pandas as pd
import pytest

from creditlab.data.household import household_file
from creditlab.errors import InputError
from creditlab.features import make_features
from creditlab.features.organisations import KINDS, organisation_file
from tests.features.stand_in import AS_OF, StandIn, census, rows


def test_notes_of_an_organisation_are_its_own_and_not_its_households():
    loans = rows("loans", "note_id borrower_id borrower_kind household_id granted_on amount",
                 ("N1", "G1", "cooperative", "H1", "2022-01-01", 500), ("N2", "H1", "person", "H1", "2022-01-01", 10),
                 ("N3", "G2", "village_collective", None, "2022-01-01", 70))  # fmt: skip
    months = rows("loan_months", "note_id month_end balance dpd", ("N1", "2023-11-30", 400, 40),
                  ("N2", "2023-11-30", 10, 0), ("N3", "2023-11-30", 70, 0))  # fmt: skip
    file = StandIn(census(), {"loans": loans, "loan_months": months})
    found = organisation_file(file)
    assert found.frame["kind"].to_dict() == {"G1": "cooperative", "G2": "village_collective"}
    assert found.frame.loc["G1", ["household_id", "village_id"]].tolist() == ["H1", "V1"]
    made = found.features().frame
    assert made["loan_balance"].to_dict() == {"G1": 400, "G2": 70} and made.loc["G1", "dpd_now"] == 40
    homes = make_features(file)
    assert homes.frame.loc["H1", ["loan_balance", "dpd_now", "loan_organisation_balance"]].tolist() == [10, 0, 400]
    behind = found.of_household(homes)
    assert behind.index.tolist() == ["G1"] and behind.loc["G1", "household_members"] == 4


def test_the_county_has_organisations_of_every_kind_and_later_notes_are_not_seen(small_file):
    file = small_file
    found = organisation_file(file)
    assert set(found.frame["kind"]) <= set(KINDS) and found.facts["organisations"] == len(found.frame) > 0
    assert (found.frame["first_granted"] <= AS_OF).all()
    earlier = organisation_file(household_file(file.tables.frames, pd.Timestamp("2021-12-31")))
    assert set(earlier.frame.index) <= set(found.frame.index)
    assert not found.features().frame.isna().any(axis=None)


def test_a_county_without_a_tape_is_told_so():
    with pytest.raises(InputError, match="loans with borrower_kind"):
        organisation_file(StandIn(census(), {}))
