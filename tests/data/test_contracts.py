"""The contracts as data, as checks by pandera, and as a page."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from creditlab.cli import main
from creditlab.data.contracts import contract_findings, pandera_schema, table_findings
from creditlab.data.dictionary import contracts_table, dictionary_page
from creditlab.data.schema import CLASSES, PORTS, TABLES, codes_of, order_of, range_of
from creditlab.data.world import make_county

EACH = pytest.mark.parametrize("name", list(TABLES))


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return make_county(12, seed=3, households_per_village=30).tables


# -- as data -----------------------------------------------------------------------------------------------------------


@EACH
def test_every_number_has_a_range_or_a_reason_and_every_list_is_bilingual(name: str) -> None:
    table = TABLES[name]
    assert table.port in PORTS and table.lag_days >= 0
    for column in table:
        limits, (codes, closed) = range_of(name, column), codes_of(name, column.name)
        assert (limits is not None) == (column.kind in ("number", "flag")), column.name
        assert limits is None or limits[0] < limits[1]
        assert all(zh and en for zh, en in codes.values())
        labels = [label for pair in codes.values() for label in pair]
        assert len({zh for zh, _ in codes.values()}) == len(codes), "a label stands for one code"
        assert not codes or (closed in (True, False) and not set(labels) & (set(codes) - set(labels)))
    for first, second in order_of(name):
        assert table[first].kind == table[second].kind == "date"


def test_the_code_lists_and_ranges_name_columns_that_exist() -> None:
    from creditlab.data.tables.codes import CLOSED, OPEN
    from creditlab.data.tables.order import ORDER
    from creditlab.data.tables.ranges import BY_COLUMN

    for name in (*CLOSED, *OPEN, *BY_COLUMN):
        table, _, column = name.rpartition(".")
        assert column in TABLES[table].names if table else any(column in t.names for t in TABLES.values()), name
    assert set(ORDER) <= set(TABLES)
    assert codes_of("loan_months", "class5")[0] is CLASSES


def test_the_contracts_can_be_read_as_a_table() -> None:
    table = contracts_table()
    assert len(table) == sum(len(t.columns) for t in TABLES.values())
    assert table.groupby("table")["key"].any().all()
    late = table.set_index(["table", "column"])["known_from"]
    assert late["judgments", "outcome"] == "closed_on" and late["judgments", "amount"] == "known_on"


# -- as checks ---------------------------------------------------------------------------------------------------------


@EACH
def test_the_sample_county_keeps_its_contracts(tables: dict[str, pd.DataFrame], name: str) -> None:
    assert table_findings(name, tables[name]) == []


def test_a_pandera_schema_is_made_once_and_when_first_used(tables: dict[str, pd.DataFrame]) -> None:
    schema, _ = pandera_schema("tax")
    assert pandera_schema("tax")[0] is schema
    assert set(schema.columns) == set(TABLES["tax"].names)
    assert schema.columns["paid"].metadata == {"access": "consent", "use": "model", "level": "household-origin"}
    schema.validate(tables["tax"], lazy=True)


#: what is planted in a row → the column, the rule and the severity of its finding
FAULTS = {
    ("loans", "due_on", pd.Timestamp("1999-01-01")): ("due_on", "'due_on' before 'granted_on'", "warning"),
    ("loans", "plan", "whenever"): ("plan", "code not in the list", "warning"),
    ("loans", "product", "gold"): ("product", "not one of the usual codes", "info"),
    ("loans", "branch", None): ("branch", "required value missing", "warning"),
    ("loans", "rate", 3.0): ("rate", "outside 0 to 1", "error"),
    ("loans", "known_on", pd.Timestamp("1999-01-01")): ("known_on", "known before it was true", "warning"),
    ("tax", "grade", "Z"): ("grade", "code not in the list", "warning"),
    ("tax", "paid", -1.0): ("paid", "outside 0 to 1e+11", "error"),
    ("agriculture", "insured", 2.0): ("insured", "outside 0 to 1", "error"),
    ("consents", "withdrawn_on", pd.Timestamp("1999-01-01")): ("withdrawn_on", "'withdrawn_on' before 'given_on'",
                                                               "warning"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f"{f[0]}.{f[1]}")
def test_each_planted_fault_is_found_with_its_row_and_no_value(tables: dict[str, pd.DataFrame], fault: tuple) -> None:
    name, column, value = fault
    frame = tables[name].copy()
    frame.loc[4, column] = value
    found = [f for f in table_findings(name, frame) if f["column"] == FAULTS[fault][0]]
    match = [f for f in found if (f["rule"], f["severity"]) == FAULTS[fault][1:]]
    assert len(match) == 1 and match[0]["rows"] == 1 and match[0]["first_rows"] == "4" and match[0]["rule_zh"]
    assert value is None or str(value) not in match[0]["rule"].split()


def test_double_keys_and_orphans(tables: dict[str, pd.DataFrame]) -> None:
    frames = {name: tables[name] for name in ("villages", "households", "loans", "loan_months")}
    assert contract_findings(frames) == []
    loans = pd.concat([tables["loans"], tables["loans"].iloc[[2]]], ignore_index=True)
    months = tables["loan_months"].assign(note_id=tables["loan_months"]["note_id"].mask(lambda s: s.index < 2, "N?"))
    found = {(f["table"], f["column"], f["rule"]): f["rows"] for f in
             contract_findings(frames | {"loans": loans, "loan_months": months})}  # fmt: skip
    assert found["loans", "key", "key there before"] == 1
    assert found["loan_months", "note_id", "note not among the loans"] == 2


def test_a_frame_of_the_wrong_kinds_is_a_finding_and_not_a_crash(tables: dict[str, pd.DataFrame]) -> None:
    found = table_findings("tax", tables["tax"].assign(paid="secret-amount"))
    assert any("cannot be checked" in f["rule"] for f in found) and "secret" not in str(found)


def test_an_absent_column_is_no_failure_here(tables: dict[str, pd.DataFrame]) -> None:
    assert table_findings("tax", tables["tax"][["household_id", "year_end"]]) == []


# -- as a page ---------------------------------------------------------------------------------------------------------


def test_the_committed_data_dictionary_is_what_the_contracts_say(root: Path) -> None:
    page = (root / "docs" / "data_dictionary.md").read_text(encoding="utf-8")
    assert page == dictionary_page(), "run: creditlab dictionary --out docs/data_dictionary.md"


def test_the_page_has_every_table_and_column_in_both_languages() -> None:
    page = dictionary_page()
    for table in TABLES.values():
        assert f"## {table.name}\n" in page and table.zh in page and table.source_zh in page
        assert all(f"| {c.zh} | {c.en} |" in page for c in table)
    assert "联保" in page and "consent" in page and "household-origin" in page


def test_the_command_line_writes_the_dictionary_and_the_lists(
    sample_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dictionary", "--out", str(tmp_path / "d.md")]) == 0
    assert (tmp_path / "d.md").read_text(encoding="utf-8") == dictionary_page()
    raw = sample_folder / "raw"
    for name in ("行政区划.csv", "农户普查.csv", "户籍登记.csv", "妇联荣誉名册.csv"):
        (tmp_path / name).write_bytes((raw / name).read_bytes())
    call = ["check", str(tmp_path), "--id-key", str(raw / "sample.key"), "--out", str(tmp_path / "lists")]
    assert main(call) == 0
    said = capsys.readouterr().out
    assert "妇联荣誉名册.csv" in said and "linked" in said and "unmatched" in said and "reliability" in said
    names = {p.stem for p in (tmp_path / "lists").iterdir()}
    assert names == {"findings", "links", "doubtful", "addresses", "facts", "conflicts", "agreement", "reliability"}
    links = pd.read_csv(tmp_path / "lists" / "links.csv", encoding="utf-8-sig")
    assert (links["outcome"] == "linked").sum() > 80
