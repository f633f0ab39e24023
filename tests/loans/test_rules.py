"""The rules as they are written, and the policy that says which holds when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.loans import RULES, Policy, Rule, five_category
from creditlab.loans.classes import CLASSES


@pytest.mark.parametrize(
    ("rule", "days", "expected"),
    [
        ("2023", [0, 1, 90, 91, 270, 271, 360, 361], [0, 1, 1, 2, 2, 3, 3, 4]),
        ("card", [0, 1, 90, 91, 120, 121, 180, 181], [0, 1, 1, 2, 2, 3, 3, 4]),
        ("2007", [0, 1, 90, 91, 2000], [0, 1, 1, 2, 2]),
    ],
)
def test_the_floors_are_crossed_after_the_day(rule: str, days: list[int], expected: list[int]) -> None:
    """Measures of 2023, Art. 10-13; credit card measures, Art. 92; guideline of 2007, Art. 10-11."""
    assert five_category(days, rule).tolist() == [CLASSES[k] for k in expected]


def test_more_days_never_give_a_better_class() -> None:
    for rule in RULES.values():
        assert (np.diff(rule.floor(np.arange(0, 1000))) >= 0).all()


def test_judgement_is_kept_when_it_is_worse_and_never_when_it_is_better() -> None:
    assert five_category([0, 400], judged=["loss", "normal"]).tolist() == ["loss", "loss"]


def test_restructured_and_extended_floors() -> None:
    assert five_category([0], restructured=True).tolist() == ["special_mention"]
    assert five_category([0], "2007", restructured=True).tolist() == ["substandard"]
    # guideline of 2007, Art. 12: a restructured loan that is overdue again is at least doubtful
    assert five_category([1], "2007", restructured=True).tolist() == ["doubtful"]
    assert five_category([0], extended=[True]).tolist() == ["special_mention"]


def test_what_was_not_read_in_a_primary_text_is_marked() -> None:
    assert "observation_months" in RULES["2023"].unverified
    table = Policy().parameters()
    marked = table[table["evidence"] == "unverified"]
    assert (marked["source"].str.len() > 10).all() and set(marked["rule"]) == {"2023", "2007"}
    for rule in RULES.values():
        known = {name for name, _, _ in rule.evidence}
        thresholds = {"special_mention", "substandard", "doubtful", "loss"}
        assert thresholds <= known, rule.name


@pytest.mark.parametrize(
    ("granted", "product", "month", "rule"),
    [
        ("2023-06-30", "micro", "2025-11-30", "2007"),
        ("2023-06-30", "micro", "2025-12-31", "2023"),
        ("2023-07-01", "micro", "2023-07-31", "2023"),
        ("2019-01-01", "credit_card", "2020-01-31", "card"),
    ],
)
def test_the_legacy_book_keeps_the_old_rule_until_the_end_of_2025(granted, product, month, rule) -> None:
    policy = Policy()
    assert policy.rules[policy.which([granted], [product], [month])[0]].name == rule


def test_the_legacy_book_can_be_reclassified_earlier_but_not_later() -> None:
    assert Policy(reclassified_on="2024-01-01").which(["2020-01-01"], [""], ["2024-01-31"]).tolist() == [1]
    with pytest.raises(InputError, match="no later than 2025-12-31"):
        Policy(reclassified_on="2026-01-01")


def test_a_household_is_never_under_the_cross_default_tests() -> None:
    with pytest.raises(InputError, match="never apply to a household"):
        Policy(non_retail=("firm", "person"))
    assert "family_farm" not in Policy().non_retail


@pytest.mark.parametrize(
    "wrong",
    [{"substandard": 300, "doubtful": 200}, {"restructured": "bad"}, {"debtor_share": 10}, {"in_force": "soon"},
     {"special_mention": None, "substandard": None, "doubtful": None, "loss": None}],
)  # fmt: skip
def test_a_wrong_rule_is_refused(wrong: dict) -> None:
    with pytest.raises(InputError):
        replace(RULES["2023"], **wrong)


def test_a_bank_s_own_rule() -> None:
    own = Rule(name="own", zh="本行", en="own", in_force="2020-01-01", substandard=60, loss=180)
    assert five_category([61, 181], own).tolist() == ["substandard", "loss"]
    with pytest.raises(InputError, match="days past due of 0 or more"):
        five_category([np.nan])
    with pytest.raises(InputError, match="one of '2023'"):
        five_category([1], "2024")
    assert isinstance(own.parameters(), pd.DataFrame) and own.to_dict()["loss"] == 180
