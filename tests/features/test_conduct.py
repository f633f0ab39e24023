"""Notes, arrears, guarantees, cases and refusals against values worked out by hand."""

from __future__ import annotations

import pytest

from creditlab.features import MISSING_CODES
from tests.features.stand_in import feature, rows

NOT_APPLICABLE = MISSING_CODES["not_applicable"]

LOANS = rows(
    "loans",
    "note_id line_id line_limit borrower_kind household_id granted_on due_on amount plan guarantee renewed_from",
    ("N1", "L1", 100, "person", "H1", "2020-03-01", "2022-03-01", 80, "harvest", "credit", None),  # repaid
    ("N2", "L1", 100, "person", "H1", "2022-03-01", "2024-03-01", 80, "harvest", "joint", "N1"),
    ("N3", "L1", 100, "person", "H1", "2023-12-10", "2024-12-10", 15, "revolving", "credit", None),  # drawn since
    ("N4", "L2", 200, "person", "H2", "2020-07-01", "2023-07-01", 50, "instalments", "mortgage", None),  # repaid
    ("N5", "L3", 500, "cooperative", "H3", "2022-07-01", "2025-07-01", 500, "instalments", "mortgage", None),
    ("N6", "L1", 100, "person", "H1", "2024-02-01", "2025-02-01", 99, "revolving", "credit", None),  # not yet granted
)
MONTHS = rows(
    "loan_months",
    "note_id month_end balance dpd class5 extended restructured",
    ("N1", "2021-10-31", 80, 120, "substandard", 0, 0),
    ("N1", "2022-01-31", 80, 40, "special_mention", 0, 0),
    ("N2", "2022-12-31", 80, 70, "special_mention", 0, 0),
    ("N2", "2023-01-31", 80, 25, "normal", 1, 0),
    ("N2", "2023-02-28", 80, 0, "normal", 1, 0),
    ("N2", "2023-11-30", 60, 5, "special_mention", 1, 0),
    ("N4", "2022-06-30", 30, 0, "normal", 0, 0),
    ("N4", "2023-05-31", 10, 0, "normal", 0, 0),
    ("N5", "2023-11-30", 500, 300, "loss", 0, 1),
    ("N2", "2024-01-31", 60, 999, "loss", 1, 1),  # after the date of the file
)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("loan_open_notes", (2, 0, 0, 0)),
        ("loan_balance", (75, 0, 0, 0)),
        ("loan_line_use", (0.75, NOT_APPLICABLE, NOT_APPLICABLE, NOT_APPLICABLE)),
        ("loan_guarantee", ("joint", *["not_applicable"] * 3)),
        ("loan_plan", ("harvest", *["not_applicable"] * 3)),
        ("loan_months_since_first", (45, 41, NOT_APPLICABLE, NOT_APPLICABLE)),
        ("loan_renewals_36m", (1, 0, NOT_APPLICABLE, NOT_APPLICABLE)),
        ("dpd_now", (5, NOT_APPLICABLE, NOT_APPLICABLE, NOT_APPLICABLE)),
        ("dpd_max_12m", (25, 0, NOT_APPLICABLE, NOT_APPLICABLE)),
        # 2022-01, 2022-12, 2023-01, 2023-11; 2021-10 lies outside
        ("overdue_months_24m", (4, 0, NOT_APPLICABLE, NOT_APPLICABLE)),
        ("late_30_months_24m", (2, 0, NOT_APPLICABLE, NOT_APPLICABLE)),
        ("late_90_months_24m", (0, 0, NOT_APPLICABLE, NOT_APPLICABLE)),
        ("months_since_late", (1, NOT_APPLICABLE, NOT_APPLICABLE, NOT_APPLICABLE)),
        ("worst_class_12m", (2, 1, NOT_APPLICABLE, NOT_APPLICABLE)),
        ("balance_change_12m", (1.0, NOT_APPLICABLE, NOT_APPLICABLE, NOT_APPLICABLE)),
        ("loan_drawn_24m", (95, 0, NOT_APPLICABLE, NOT_APPLICABLE)),
        ("loan_due_6m", (60, NOT_APPLICABLE, NOT_APPLICABLE, NOT_APPLICABLE)),
        ("loan_organisation_balance", (0, 0, 500, 0)),
        ("ever_special_mention", (1, 0, NOT_APPLICABLE, NOT_APPLICABLE)),
        ("extended_24m", (1, 0, NOT_APPLICABLE, NOT_APPLICABLE)),
    ],
)
def test_notes_and_arrears(name, values):
    assert tuple(feature(name, loans=LOANS, loan_months=MONTHS).values()) == values


def test_the_balance_is_compared_with_that_of_twelve_months_before():
    then = rows("loan_months", "note_id month_end balance", ("N2", "2022-11-30", 180), ("N2", "2023-11-30", 60))
    assert feature("balance_change_12m", loans=LOANS, loan_months=then)["H1"] == -0.5


def test_a_month_overdue_on_two_notes_counts_once():
    twice = rows("loan_months", "note_id month_end balance dpd", ("N1", "2023-11-30", 1, 9), ("N2", "2023-11-30", 1, 3))
    assert feature("overdue_months_24m", loans=LOANS, loan_months=twice)["H1"] == 1


def test_the_ledger_says_which_month_is_closed_when_no_note_of_the_file_does():
    gone = MONTHS[MONTHS["note_id"] == "N4"]
    ledger = rows("control_totals", "month_end class5", ("2023-11-30", "normal"))
    assert feature("loan_balance", loans=LOANS, loan_months=gone)["H2"] == 10
    assert feature("loan_balance", loans=LOANS, loan_months=gone, control_totals=ledger)["H2"] == 0


def test_guarantees_in_force_are_counted_by_note():
    signed = rows(
        "guarantees",
        "note_id household_id kind guaranteed_from guaranteed_to",
        ("N2", "H2", "joint", "2022-03-01", "2026-03-01"),
        ("N3", "H2", "joint", "2023-12-10", None),
        ("N1", "H2", "joint", "2020-03-01", "2023-12-30"),  # ran out the day before
        ("N1", "H3", "surety", "2020-03-01", "2023-12-31"),  # the last day
        ("N6", "H3", "joint", "2024-02-01", "2026-02-01"),  # not yet signed
    )
    assert list(feature("guarantees_given", guarantees=signed).values()) == [0, 2, 1, 0]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("cases_open", (1, 0, 0, 0)),
        ("cases_enforced", (70, 0, NOT_APPLICABLE, NOT_APPLICABLE)),
        ("cases_restricted", (1, 0, 0, 0)),
    ],
)
def test_cases_as_debtor(name, values):
    cases = rows(
        "judgments",
        "case_id household_id role filed_on amount closed_on enforced_amount spending_restricted dishonest_list",
        ("J1", "H1", "debtor", "2021-01-01", 100, "2022-01-01", 70, None, 1),
        ("J2", "H1", "debtor", "2023-01-01", 50, None, None, 0, None),
        ("J3", "H2", "debtor", "2020-01-01", 10, "2021-01-01", 0, 0, 0),
        ("J4", "H3", "guarantor", "2023-01-01", 99, None, None, 1, 1),
        ("J5", "H4", "debtor", "2024-01-01", 99, None, None, 1, 1),  # after the date of the file
    )
    assert tuple(feature(name, judgments=cases).values()) == values


def test_refusals_are_counted_by_the_day_of_the_decision():
    asked = rows(
        "applications",
        "application_id household_id applied_on decision decided_on",
        ("A1", "H1", "2023-05-01", "refused", "2023-05-09"),
        ("A2", "H1", "2022-06-01", "refused", "2022-06-09"),
        ("A3", "H1", "2021-12-20", "refused", "2021-12-30"),  # more than 24 months ago
        ("A4", "H2", "2023-12-20", None, None),  # not decided yet
        ("A5", "H3", "2023-05-01", "granted", "2023-05-09"),
        ("A6", "H4", "2021-12-20", "refused", "2022-01-05"),  # asked before, decided within
    )
    assert list(feature("refusals_24m", applications=asked).values()) == [2, 0, 0, 1]


SIGNED = rows(
    "guarantees",
    "note_id household_id kind guaranteed_from guaranteed_to",
    ("N2", "H2", "joint", "2022-03-01", "2026-03-01"),
    ("N2", "H3", "joint", "2022-03-01", None),
    ("N2", "H4", "joint", "2022-03-01", "2023-03-01"),  # ran out
    ("N9", "H1", "joint", "2022-03-01", None),
)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("guaranteed_amount", (40, 60, 60, 0)),
        ("guaranteed_dpd", (200, 5, 5, 0)),
        ("guarantors", (2, 1, NOT_APPLICABLE, NOT_APPLICABLE)),
        ("guarantors_dpd", (200, 5, NOT_APPLICABLE, NOT_APPLICABLE)),
    ],
)
def test_the_guarantee_network_is_read_from_both_ends(name, values):
    """H2 guarantees N2 of H1 and is itself 200 days late on N9, which H1 guarantees."""
    ours = rows(
        "loans", "note_id borrower_kind household_id granted_on amount",
        ("N2", "person", "H1", "2022-03-01", 80), ("N9", "person", "H2", "2022-03-01", 80),
    )  # fmt: skip
    months = rows(
        "loan_months", "note_id month_end balance dpd",
        ("N2", "2023-11-30", 60, 5), ("N9", "2023-11-30", 40, 200), ("N9", "2023-10-31", 40, 999),
    )  # fmt: skip
    found = tuple(feature(name, loans=ours, loan_months=months, guarantees=SIGNED).values())
    assert found == values


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("applications_24m", (2, 0, 1, 0)),
        ("applications_remote_share_24m", (0.5, NOT_APPLICABLE, 1, NOT_APPLICABLE)),
        ("application_amount_24m", (90, NOT_APPLICABLE, 20, NOT_APPLICABLE)),
    ],
)
def test_applications_by_channel(name, values):
    asked = rows(
        "applications", "application_id household_id channel amount applied_on",
        ("A1", "H1", "branch", 90, "2023-05-01"), ("A2", "H1", "wechat", 40, "2022-06-01"),
        ("A3", "H1", "mobile", 999, "2021-06-01"), ("A4", "H3", "mobile", 20, "2023-06-01"),
    )  # fmt: skip
    assert tuple(feature(name, applications=asked).values()) == values


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("cases_as_guarantor", (0, 0, 1, 0)),
        ("cases_amount_open", (50, 0, 0, 0)),
        ("cases_evasion", (1, 0, 0, 0)),
        ("cases_no_assets", (0, 1, 0, 0)),
        ("months_since_case", (11, 47, NOT_APPLICABLE, NOT_APPLICABLE)),
    ],
)
def test_cases_as_guarantor_and_how_cases_ended(name, values):
    cases = rows(
        "judgments", "case_id household_id role filed_on amount closed_on evasion outcome",
        ("J1", "H1", "debtor", "2021-01-01", 100, "2022-01-01", 1, "paid"),
        ("J2", "H1", "debtor", "2023-01-01", 50, None, None, None),
        ("J3", "H2", "debtor", "2020-01-01", 10, "2021-01-01", 0, "no_assets"),
        ("J4", "H3", "guarantor", "2023-01-01", 99, None, None, None),
    )  # fmt: skip
    assert tuple(feature(name, judgments=cases).values()) == values
