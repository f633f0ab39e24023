"""The contracts: every table of the county is there, its keys and dates exist, and the column policy is declared."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from creditlab.data.schema import CLASSES, PORTS, TABLES
from creditlab.errors import ColumnError

EXPECTED = [
    "agriculture", "applications", "businesses", "civility_events", "collection_log", "consents", "control_totals",
    "credit_reports", "deposits", "guarantees", "households", "housing_fund", "interventions", "judgments",
    "loan_months", "loans", "medical_arrears", "members", "offers", "payments", "programmes", "service_points",
    "social_security", "tax", "third_party", "village_changes", "village_receipts", "villages",
]  # fmt: skip
EACH = pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))


def test_every_table_of_the_county_has_a_contract():
    assert sorted(TABLES) == EXPECTED


@EACH
def test_keys_event_and_later_dates_are_columns(table):
    assert len(set(table.names)) == len(table.names)
    assert table.keys and set(table.keys) <= set(table.names)
    assert table[table.event].kind == "date"
    for date, columns in table.later.items():
        assert table[date].kind == "date"
        assert set(columns) <= set(table.names)
        assert not set(columns) & set(table.keys)
    assert all(table[k].required for k in table.keys)


@EACH
def test_provenance_is_meta_and_closes_every_table(table):
    assert table.names[-4:] == ("source", "port", "observed_on", "known_on")
    assert {table[n].use for n in table.names[-4:]} == {"meta"}


@EACH
def test_every_column_is_labelled_in_both_languages_and_labels_differ(table):
    assert table.zh and table.en and table.source and table.source_zh and table.row
    assert table.system in {f"S{i}" for i in range(1, 16)}
    assert all(c.zh and c.en and c.source == table.name for c in table)
    assert len({c.zh for c in table}) == len(table.names)  # raw files are read by their Chinese headers


@EACH
def test_model_columns_have_a_level_and_others_have_none(table):
    for column in table:
        assert bool(column.level) == (column.use == "model"), column.name


@EACH
def test_identifiers_and_codes_are_text_and_never_model_columns(table):
    for column in table:
        if column.name.endswith("_id"):
            assert column.kind in ("id", "code") and column.use == "key", column.name


def test_the_column_policy_of_sensitive_facts():
    use = {(t.name, c.name): c.use for t in TABLES.values() for c in t}
    access = {(t.name, c.name): c.access for t in TABLES.values() for c in t}
    level = {(t.name, c.name): c.level for t in TABLES.values() for c in t}
    for name in ("head_sex", "ethnicity", "disability", "minimum_living", "head_birth_year"):
        assert use["households", name] == "audit"
    assert use["civility_events", "points"] == use["programmes", "programme"] == "overlay"
    assert use["medical_arrears", "unpaid_amount"] == "screening"
    consent = {("medical_arrears", "unpaid_amount"), ("tax", "paid"), ("credit_reports", "outside_debt"),
               ("payments", "consumption"), ("third_party", "score"), ("agriculture", "insured"),
               ("collection_log", "stated_income"), ("social_security", "base")}  # fmt: skip
    assert {access[key] for key in consent} == {"consent"}
    assert access["deposits", "avg_balance"] == "free"
    assert level["loan_months", "dpd"] == level["judgments", "amount"] == "household-conduct"
    assert level["villages", "km_to_branch"] == "village"
    assert level["deposits", "avg_balance"] == "household-origin"


def test_no_contract_has_a_column_for_what_may_never_be_read():
    words = ("religion", "gene", "fingerprint", "blood", "disease", "diagnosis", "provider_of_care")
    names = [c.name for t in TABLES.values() for c in t]
    assert not [n for n in names if any(w in n for w in words)]
    assert not [n for n in names if n in ("name", "id_number", "phone", "address") and n != "name"]
    assert TABLES["villages"]["name"].use == "meta"


def test_ports_and_classes_are_in_order_and_bilingual():
    assert list(CLASSES) == ["normal", "special_mention", "substandard", "doubtful", "loss"]
    assert list(PORTS) == ["government", "bank", "enterprise", "self"]


def test_a_contract_is_frozen_and_an_unknown_column_says_where():
    with pytest.raises(FrozenInstanceError):
        TABLES["tax"].zh = "x"  # type: ignore[misc]
    with pytest.raises(ColumnError, match="a column of 'tax'"):
        TABLES["tax"]["income"]
