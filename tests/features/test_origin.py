"""Deposits, production, people, business, tax and debt elsewhere against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from creditlab.features import MISSING_CODES
from tests.features.stand_in import HOMES, census, feature, rows

NOT_AUTHORISED, NOT_CONNECTED, NOT_COLLECTED, NOT_APPLICABLE = MISSING_CODES.values()

DEPOSITS = rows(
    "deposits",
    "household_id month_end avg_balance end_balance inflow outflow",
    ("H1", "2022-09-30", 9e9, 9e9, 9e9, 9e9),  # more than a year before the last known row
    ("H1", "2022-12-31", 100, 100, 10, 5),
    ("H1", "2023-03-31", 200, 300, 20, 10),
    ("H1", "2023-06-30", 300, 500, 30, 20),
    ("H1", "2023-09-30", 400, 700, 40, 40),
    ("H1", "2024-03-31", 9e9, 9e9, 9e9, 9e9),  # after the date of the file
    ("H2", "2023-12-31", 50, 60, 0, 0),
    ("H3", "2023-03-31", 70, 70, 70, 70),  # nothing for nine months: dormant
)
DEPOSIT_VALUES = {
    "deposit_avg_12m": (250.0, 50.0),
    "deposit_end": (700.0, 60.0),
    "deposit_inflow_12m": (100.0, 0.0),
    # periods 10, 20, 30, 40: mean 25, population standard deviation sqrt(125)
    "deposit_inflow_volatility_12m": (np.sqrt(125) / 25, NOT_APPLICABLE),
    "deposit_outflow_share_12m": (0.75, NOT_APPLICABLE),
    # ends 500, 700 against 100, 300: (600 - 200) / 800
    "deposit_trend_6m": (0.5, NOT_APPLICABLE),
    "deposit_low_12m": (100.0, 60.0),
    # mean end balance 400 against 75 of outflow a year
    "deposit_months_covered": (64.0, NOT_APPLICABLE),
    # the year before has one quarter of 9e9
    "deposit_inflow_change": ((100 - 9e9) / (100 + 9e9), NOT_APPLICABLE),
    "deposit_inflow_peak_12m": (0.4, NOT_APPLICABLE),
    "deposit_harvest_share_12m": (0.5, NOT_APPLICABLE),
}


@pytest.mark.parametrize("name", DEPOSIT_VALUES)
def test_deposits_are_of_the_year_that_ends_with_the_last_known_row(name):
    found = feature(name, deposits=DEPOSITS)
    assert list(found.values()) == pytest.approx([*DEPOSIT_VALUES[name], NOT_APPLICABLE, NOT_APPLICABLE])


FARMS = rows(
    "agriculture",
    "household_id year_end area_wheat area_maize area_apple area_vegetable livestock machinery subsidy insured",
    ("H1", "2021-12-31", 50, 0, 0, 0, 9, 9, 9000, 0),
    ("H1", "2022-12-31", 2, 6, 0, 0, 3, 0, 960, 1),
    ("H2", "2022-12-31", 0, 0, 0, 0, 20, 1, 0, 1),
    ("H3", "2019-12-31", 4, 0, 0, 0, 1, 1, 480, 1),  # four years old: says nothing of today
)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("farm_area", (8.0, 0.0, NOT_COLLECTED, NOT_COLLECTED)),
        ("farm_main_crop", ("maize", "not_applicable", "not_collected", "not_collected")),
        ("farm_main_crop_share", (0.75, NOT_APPLICABLE, NOT_COLLECTED, NOT_COLLECTED)),
        ("farm_livestock", (3.0, 20.0, NOT_COLLECTED, NOT_COLLECTED)),
        ("farm_machinery", (0.0, 1.0, NOT_COLLECTED, NOT_COLLECTED)),
        ("farm_subsidy", (960.0, 0.0, NOT_COLLECTED, NOT_COLLECTED)),
        ("farm_maize_share", (0.75, NOT_APPLICABLE, NOT_COLLECTED, NOT_COLLECTED)),
        ("farm_apple_share", (0.0, NOT_APPLICABLE, NOT_COLLECTED, NOT_COLLECTED)),
        ("farm_area_per_worker", (4.0, 0.0, NOT_COLLECTED, NOT_COLLECTED)),
        ("farm_area_change", ((8 - 50) / 58, NOT_APPLICABLE, NOT_COLLECTED, NOT_COLLECTED)),
        ("farm_subsidy_per_mu", (120.0, NOT_APPLICABLE, NOT_COLLECTED, NOT_COLLECTED)),
        ("farm_insured_share_36m", (0.5, NOT_AUTHORISED, NOT_COLLECTED, NOT_AUTHORISED)),
        ("farm_insured", (1.0, NOT_AUTHORISED, NOT_COLLECTED, NOT_AUTHORISED)),
    ],
)
def test_agriculture_is_the_latest_year(name, values):
    found = feature(name, consented={"agriculture": {"H1", "H3"}}, agriculture=FARMS)
    assert tuple(found.values()) == values


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("household_members", (4, 2, 5, 0)),
        ("household_labour_share", (0.5, 1.0, 0.2, NOT_APPLICABLE)),
        ("household_dependants", (2, 0, 4, 0)),
        ("household_children_share", (0.25, 0, 0.4, NOT_APPLICABLE)),
        ("household_migrants_share", (0.25, 0, 0, NOT_APPLICABLE)),
        ("household_away", (0, 0, 1, 0)),
    ],
)
def test_composition_of_the_household(name, values):
    assert tuple(feature(name).values()) == values


def test_blank_census_cells_are_not_collected_and_misfiled_parts_stay_shares():
    homes = census(members=[4, np.nan, 5, 1], labour=[6, 2, np.nan, 1])
    assert list(feature("household_labour_share", census=homes).values()) == [1.0, NOT_COLLECTED, NOT_COLLECTED, 1.0]


SHOPS = rows(
    "businesses",
    "business_id household_id sector status abnormal status_from status_to",
    ("E1", "H1", "retail", "open", 0, "2015-01-01", "2022-05-31"),
    ("E1", "H1", "retail", "open", 1, "2022-06-01", None),
    ("E2", "H2", "transport", "open", 0, "2018-01-01", "2023-06-30"),
    ("E2", "H2", "transport", "cancelled", 0, "2023-07-01", None),
    ("E3", "H3", "catering", "open", 0, "2020-01-01", None),
    ("E4", "H3", "retail", "open", 0, "2021-01-01", None),
)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("business_open", (1, 0, 2, 0)),
        ("business_age", (107, NOT_APPLICABLE, 47, NOT_APPLICABLE)),
        ("business_closed_36m", (0, 1, 0, 0)),
        ("business_sector", ("retail", "not_applicable", "retail", "not_applicable")),
        ("business_abnormal", (1, 0, 0, NOT_APPLICABLE)),
    ],
)
def test_business_has_the_status_of_the_day(name, values):
    assert tuple(feature(name, businesses=SHOPS).values()) == values


TAX = rows(
    "tax",
    "household_id year_end grade paid arrears",
    ("H1", "2021-12-31", "A", 500, 0),
    ("H1", "2022-12-31", "C", 300, 80),
    ("H2", "2022-12-31", "A", 900, 0),
)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("tax_grade", ("C", "not_applicable", "not_collected", "not_applicable")),
        ("tax_paid", (300, NOT_APPLICABLE, NOT_AUTHORISED, NOT_APPLICABLE)),
        ("tax_years_36m", (2, NOT_APPLICABLE, NOT_COLLECTED, NOT_APPLICABLE)),
        ("tax_paid_change", (-0.25, NOT_APPLICABLE, NOT_AUTHORISED, NOT_APPLICABLE)),
        ("tax_arrears", (80, NOT_APPLICABLE, NOT_AUTHORISED, NOT_APPLICABLE)),
    ],
)
def test_tax_is_asked_of_open_businesses_only(name, values):
    found = feature(name, consented={"tax": {"H1", "H2"}}, tax=TAX, businesses=SHOPS)
    assert tuple(found.values()) == values


def test_social_security_and_housing_fund_are_means_of_the_latest_year():
    paid = rows(
        "social_security",
        "person_id household_id year_end months_paid base",
        ("P1", "H1", "2021-12-31", 12, 9000),
        ("P1", "H1", "2022-12-31", 10, 4000),
        ("P2", "H1", "2022-12-31", 4, 2000),
        ("P3", "H2", "2022-12-31", 0, 2000),
    )
    months = feature("social_months_12m", social_security=paid)
    assert list(months.values()) == [7, 0, NOT_COLLECTED, NOT_COLLECTED]
    base = feature("social_base", consented={"social_security": {"H1"}}, social_security=paid)
    assert list(base.values()) == [3000, NOT_AUTHORISED, NOT_AUTHORISED, NOT_AUTHORISED]
    fund = feature("fund_months_12m", housing_fund=paid.assign(source="housing fund centre"))
    assert list(fund.values()) == [7, 0, NOT_APPLICABLE, NOT_APPLICABLE]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("consumption_volatility_12m", (NOT_APPLICABLE, NOT_AUTHORISED, NOT_APPLICABLE, NOT_AUTHORISED)),
        ("merchant_receipts_change", (NOT_APPLICABLE, NOT_AUTHORISED, NOT_APPLICABLE, NOT_AUTHORISED)),
        ("merchant_receipts_12m", (70, NOT_AUTHORISED, NOT_APPLICABLE, NOT_AUTHORISED)),
        ("consumption_12m", (7, NOT_AUTHORISED, NOT_APPLICABLE, NOT_AUTHORISED)),
        ("bills_on_time_12m", (0.75, NOT_AUTHORISED, NOT_APPLICABLE, NOT_AUTHORISED)),
    ],
)
def test_payments_need_consent(name, values):
    paid = rows(
        "payments",
        "household_id month_end merchant_receipts consumption bills_due bills_on_time",
        ("H1", "2023-06-30", 30, 3, 9, 9),
        ("H1", "2023-09-30", 40, 4, 3, 0),
        ("H2", "2023-09-30", 99, 9, 9, 9),  # arrived without consent
    )
    assert tuple(feature(name, consented={"payments": ["H1", "H3"]}, payments=paid).values()) == values


def test_debt_elsewhere_adds_up_the_latest_report_of_each_member():
    reports = rows(
        "credit_reports",
        "person_id household_id queried_on outside_debt outside_overdue queries_6m",
        ("P1", "H1", "2022-11-01", 9000, 900, 9),
        ("P1", "H1", "2023-05-01", 1000, 0, 1),
        ("P2", "H1", "2023-03-01", 200, 20, 2),
        ("P3", "H2", "2021-06-01", 500, 50, 5),  # older than two years
        ("P3", "H2", "2024-01-01", 500, 50, 5),  # after the date of the file
    )
    given = {"credit_reports": {"H1", "H2"}}
    expected = {"outside_debt": 1200, "outside_overdue": 20, "outside_queries_6m": 3}
    for name, value in expected.items():
        found = feature(name, consented=given, credit_reports=reports)
        assert list(found.values()) == [value, NOT_COLLECTED, NOT_AUTHORISED, NOT_AUTHORISED]


def test_risk_flag_of_the_agency_is_that_of_the_latest_date():
    flags = rows(
        "third_party",
        "household_id product dated_on flag",
        ("H1", "a", "2022-12-11", 1),
        ("H1", "a", "2023-12-11", 0),
        ("H2", "a", "2023-12-11", 0),
        ("H2", "b", "2023-12-11", 1),
    )
    found = feature("third_party_flag", consented={"third_party": HOMES}, third_party=flags)
    assert list(found.values()) == [0, 1, NOT_COLLECTED, NOT_COLLECTED]


VISITS = rows(
    "collection_log",
    "household_id covers requested_on outcome stated_income stated_area stated_members stated_business",
    ("H1", "survey", "2021-06-01", "done", 90000, 9, 3, "none"),
    ("H1", "survey", "2023-06-01", "done", 80000, 6, None, "open"),
    ("H1", "tax", "2023-08-01", "refused", None, None, None, None),  # says nothing of the household
    ("H2", "survey", "2023-06-01", "done", None, 0, 2, "none"),
    ("H3", "survey", "2020-06-01", "done", 1, 1, 1, "open"),  # too old
)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("stated_income", (80000, NOT_COLLECTED, NOT_AUTHORISED, NOT_AUTHORISED)),
        ("stated_income_per_member", (20000, NOT_COLLECTED, NOT_AUTHORISED, NOT_AUTHORISED)),
        ("stated_business", ("open", "none", "not_collected", "not_collected")),
        ("stated_area_gap", (0.25, 0.0, NOT_COLLECTED, NOT_COLLECTED)),  # 6 stated, 8 registered
        ("stated_members_gap", (0.25, 0.0, NOT_COLLECTED, NOT_COLLECTED)),
    ],
)
def test_what_was_stated_is_held_against_the_registers(name, values):
    found = feature(name, consented={"collection_log": {"H1", "H2"}}, collection_log=VISITS, agriculture=FARMS)
    assert tuple(found.values()) == values


def test_debt_elsewhere_against_income_and_against_the_query_before():
    reports = rows(
        "credit_reports", "person_id household_id queried_on outside_debt",
        ("P1", "H1", "2022-05-01", 100), ("P1", "H1", "2023-05-01", 300), ("P2", "H2", "2023-05-01", 50),
    )  # fmt: skip
    given = {"credit_reports": {"H1", "H2"}}
    ratio = feature("outside_debt_to_inflow", consented=given, credit_reports=reports, deposits=DEPOSITS)
    assert list(ratio.values()) == [3.0, NOT_APPLICABLE, NOT_AUTHORISED, NOT_AUTHORISED]
    change = feature("outside_debt_change", consented=given, credit_reports=reports)
    assert list(change.values()) == [0.5, NOT_APPLICABLE, NOT_AUTHORISED, NOT_AUTHORISED]


def test_continuity_of_social_security_counts_months_over_three_years():
    paid = rows(
        "social_security", "person_id household_id year_end months_paid gap_months",
        ("P1", "H1", "2019-12-31", 0, 12), ("P1", "H1", "2021-12-31", 12, 0), ("P1", "H1", "2022-12-31", 6, 6),
    )  # fmt: skip
    assert feature("social_paid_share_36m", social_security=paid)["H1"] == 0.75
    base = feature("fund_base", consented={"housing_fund": HOMES}, housing_fund=paid.assign(base=[1.0, 2.0, 3.0]))
    assert base["H1"] == 3.0 and base["H2"] == NOT_APPLICABLE


def test_the_score_of_the_agency_is_that_of_the_latest_date():
    scored = rows("third_party", "household_id product dated_on score", ("H1", "a", "2022-12-11", 700),
                  ("H1", "a", "2023-12-11", 600))  # fmt: skip
    assert feature("third_party_score", consented={"third_party": HOMES}, third_party=scored)["H1"] == 600
