"""Facts of the village against values worked out by hand."""

from __future__ import annotations

import pytest

from creditlab.features import MISSING_CODES
from tests.features.stand_in import census, feature, rows

NOT_COLLECTED = MISSING_CODES["not_collected"]
VILLAGES = rows(
    "villages",
    "village_id valid_from valid_to census_households km_to_branch km_to_court collective_income",
    ("V1", "2010-01-01", "2020-12-31", 10, 99, 99, 9999),
    ("V1", "2021-01-01", None, 50, 3, 20, 1000),
    ("V2", "2010-01-01", None, 0, 0, 10, 500),
    ("V3", "2010-01-01", "2019-12-31", 20, 7, 30, 100),  # merged away
)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("village_km_to_branch", (3, 3, 0, NOT_COLLECTED)),
        ("village_km_to_court", (20, 20, 10, NOT_COLLECTED)),
        ("village_income_per_household", (20, 20, NOT_COLLECTED, NOT_COLLECTED)),
    ],
)
def test_facts_of_the_valid_record(name, values):
    homes = census(village_id=["V1", "V1", "V2", "V3"])
    assert tuple(feature(name, census=homes, villages=VILLAGES).values()) == values


def test_service_points_are_those_open_on_the_day():
    points = rows(
        "service_points",
        "point_id village_id kind opened_on closed_on",
        ("S1", "V1", "agent", "2020-01-01", None),
        ("S2", "V1", "terminal", "2020-01-01", "2023-12-31"),
        ("S3", "V1", "terminal", "2023-12-31", "2024-06-30"),
        ("S4", "V2", "agent", "2024-01-01", None),
    )
    assert list(feature("village_service_points", service_points=points).values()) == [2, 2, 0, 0]
    assert list(feature("village_agents", service_points=points).values()) == [1, 1, 0, 0]
    assert list(feature("village_terminals", service_points=points).values()) == [1, 1, 0, 0]
    served = feature("village_months_served", service_points=points)
    assert list(served.values()) == [47, 47, *[MISSING_CODES["not_applicable"]] * 2]


@pytest.mark.parametrize(("name", "value"), [("village_qr_share_12m", 0.5), ("village_reconciled_share_12m", 0.75)])
def test_receipts_of_the_last_year(name, value):
    paid = rows(
        "village_receipts",
        "receipt_id village_id paid_on direction channel reconciled household_id",
        ("R1", "V1", "2023-01-01", "receipt", "qr", 1, "H9"),
        ("R2", "V1", "2023-06-01", "receipt", "qr", 1, None),
        ("R3", "V1", "2023-07-01", "receipt", "cash", 1, None),
        ("R4", "V1", "2023-12-31", "receipt", "cash", 0, None),
        ("R5", "V1", "2023-12-31", "payment", "cash", 0, None),
        ("R6", "V1", "2022-12-31", "receipt", "cash", 0, None),  # a year ago
        ("R7", "V1", "2024-01-01", "receipt", "cash", 0, None),  # after the date of the file
    )
    assert list(feature(name, village_receipts=paid).values()) == [value, value, NOT_COLLECTED, NOT_COLLECTED]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("village_receipts_per_household_12m", 6.0),
        ("village_payments_per_household_12m", 2.0),
        ("village_land_rent_share_12m", 2 / 3),
        ("village_receipt_gap_12m", 0.25),  # (50 + 50) / 400: the second has no statement at all
        ("village_voucher_share_12m", 0.75),
    ],
)
def test_the_books_of_the_collective(name, value):
    paid = rows(
        "village_receipts", "receipt_id village_id paid_on direction purpose channel amount bank_amount voucher",
        ("R1", "V1", "2023-02-01", "receipt", "fee", "qr", 50, None, 1),
        ("R2", "V1", "2023-06-01", "receipt", "fee", "qr", 50, 50, 1),
        ("R3", "V1", "2023-07-01", "receipt", "land_rent", "cash", 200, 150, 0),
        ("R4", "V1", "2023-12-31", "payment", "works", "cash", 100, 100, 1),
        ("R5", "V1", "2022-12-31", "receipt", "fee", "cash", 999, 0, 0),  # a year ago
    )  # fmt: skip
    found = feature(name, village_receipts=paid, villages=VILLAGES)
    assert found["H1"] == pytest.approx(value) and found["H3"] == NOT_COLLECTED
