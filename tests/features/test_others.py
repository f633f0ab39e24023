"""Means over the other households of the village: own household excluded, dated before the as-of date."""

from __future__ import annotations

import pandas as pd
import pytest

from creditlab.features import MISSING_CODES
from tests.features.stand_in import census, feature, rows

NOT_APPLICABLE = MISSING_CODES["not_applicable"]
HOMES = [f"H{i}" for i in range(1, 9)]


def homes() -> pd.DataFrame:
    """Seven households of V1 and one of V2."""
    return pd.DataFrame({"village_id": ["V1"] * 7 + ["V2"], "members": 1}, index=pd.Index(HOMES, name="household_id"))


def deposits(*balances: float) -> pd.DataFrame:
    made = [(h, "2023-09-30", b) for h, b in zip(HOMES, balances, strict=False)]
    return rows("deposits", "household_id month_end avg_balance", *made, ("H1", "2024-03-31", 9e9))


def test_the_mean_leaves_the_own_household_out():
    found = feature("village_others_deposit_12m", census=homes(), deposits=deposits(70, 10, 20, 30, 40, 50))
    assert found["H1"] == 30 and found["H2"] == 42
    assert found["H7"] == pytest.approx(220 / 6)  # it has no account: all six others count
    assert found["H8"] == NOT_APPLICABLE  # nobody else lives in its village


def test_the_own_value_moves_the_others_and_never_the_own():
    before = feature("village_others_deposit_12m", census=homes(), deposits=deposits(70, 10, 20, 30, 40, 50))
    after = feature("village_others_deposit_12m", census=homes(), deposits=deposits(0, 10, 20, 30, 40, 50))
    assert after["H1"] == before["H1"] and after["H2"] == before["H2"] - 14


def test_of_fewer_than_five_others_none_could_hide():
    four = feature("village_others_deposit_12m", census=homes(), deposits=deposits(70, 10, 20, 30, 40))
    assert four["H1"] == NOT_APPLICABLE and four["H6"] == 34


def test_shares_of_others_count_those_who_were_not_sued():
    cases = rows(
        "judgments", "case_id household_id role filed_on",
        ("J1", "H1", "debtor", "2023-05-01"), ("J2", "H2", "guarantor", "2023-05-01"),
        ("J3", "H3", "debtor", "2021-05-01"), ("J4", "H4", "debtor", "2024-05-01"),
    )  # fmt: skip
    found = feature("village_others_sued_share_24m", census=homes(), judgments=cases)
    assert found["H1"] == 0 and found["H2"] == pytest.approx(1 / 6) and found["H8"] == NOT_APPLICABLE


def test_arrears_of_others_are_those_of_borrowers():
    notes = rows("loans", "note_id borrower_kind household_id granted_on amount",
                 *((f"N{i}", "person", h, "2022-01-01", 10) for i, h in enumerate(HOMES[:6])))  # fmt: skip
    months = rows("loan_months", "note_id month_end balance dpd class5",
                  *((f"N{i}", "2023-11-30", 10, dpd, "loss" if dpd > 90 else "normal")
                    for i, dpd in enumerate((31, 30, 0, 120, 0, 0))))  # fmt: skip
    late = feature("village_others_late_share", census=homes(), loans=notes, loan_months=months)
    assert late["H1"] == 0.2 and late["H2"] == 0.4 and late["H7"] == pytest.approx(2 / 6)
    bad = feature("village_others_npl_share", census=homes(), loans=notes, loan_months=months)
    assert bad["H4"] == 0 and bad["H1"] == 0.2
    loan = feature("village_others_borrow_share", census=homes(), loans=notes, loan_months=months)
    assert loan["H1"] == pytest.approx(5 / 6) and loan["H7"] == 1


def test_the_mean_is_over_the_whole_village_even_in_the_file_of_one():
    from creditlab.data.household import household_file
    from creditlab.data.world import make_county
    from creditlab.features import PLAN, make_features

    file = household_file(make_county(12, seed=3, households_per_village=20).tables, pd.Timestamp("2023-12-31"))
    plan = [f for f in PLAN if f.others]
    whole = make_features(file, plan).frame
    one = whole.index[:1]
    pd.testing.assert_frame_equal(make_features(file.only(one), plan).frame, whole.loc[one], check_exact=True)
    assert census().index.name == "household_id" and len(plan) == 6
