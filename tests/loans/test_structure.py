"""Lines, contracts and notes, persons and organisations, principal and interest apart; the ledger in other words."""

from __future__ import annotations

import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.loans import book_structure, loan_book, reconcile
from tests.loans import made


def test_the_kinds_of_borrowers_add_up_to_the_ledger(sample_county, sample_book) -> None:
    table = book_structure(sample_book).tidy()
    months = table.groupby("month_end")[["notes", "balance"]].sum()
    totals = reconcile(sample_county).totals().set_index("month_end")
    pd.testing.assert_series_equal(months["notes"], totals["notes_book"], check_names=False, check_dtype=False)
    pd.testing.assert_series_equal(months["balance"], totals["balance_book"], check_names=False)
    assert (table["borrowers"] <= table["notes"]).all() and table["kind"].nunique() == 5


def test_principal_and_interest_in_arrears_are_apart() -> None:
    rows = [
        *made.months("N1", "2023-01", [40], overdue_principal=0.0, overdue_interest=7.0),
        *made.months("N2", "2023-01", [10], overdue_principal=30.0, overdue_interest=0.0),
    ]
    row = book_structure(made.book([made.note("N1"), made.note("N2")], rows)).tidy().iloc[0]
    assert (row["overdue_principal"], row["overdue_interest"], row["overdue_notes"], row["borrowers"]) == (30, 7, 2, 1)
    assert row["overdue_principal_share"] == 0.15


def test_lines_contracts_and_notes_that_do_not_fit_are_findings() -> None:
    line = {"line_id": "L1", "contract_id": "C1", "line_limit": 150.0, "line_valid_to": "2023-06-30"}
    notes = [
        made.note("N1", **line),
        made.note("N2", **line | {"line_id": "L2"}),  # the contract under two lines
        made.note("N3", "H3", **line | {"line_id": "L3", "contract_id": "C3"}, granted="2023-07-01", amount=200.0),
        made.note("N4", "H3", **line | {"line_id": "L3", "contract_id": "C3"}),
    ]
    rows = [r for n in ("N1", "N2", "N3", "N4") for r in made.months(n, "2023-07", [0], 100.0)]
    result = book_structure(made.book(notes, rows))
    found = result.findings.set_index("rule")["rows"].to_dict()
    assert found == {
        "contract under two lines": 1,
        "more drawn than the line allows": 1,
        "note larger than its line": 1,
        "drawn after the line's validity": 1,
    }
    person = result.lines.iloc[0]
    assert (person["lines"], person["contracts"], person["notes"], person["limit"], person["drawn"]) == (
        3,
        2,
        4,
        450,
        400,
    )


def test_a_balance_above_the_note_s_amount_is_found() -> None:
    result = book_structure(made.book([made.note("N1", amount=50.0)], made.months("N1", "2023-01", [0])))
    assert result.findings["rule"].tolist() == ["balance larger than the note's amount"]


def test_the_ledger_in_chinese_and_with_text_dates_is_read() -> None:
    tables = {
        "loans": pd.DataFrame([made.note("N1")]),
        "loan_months": pd.DataFrame(made.months("N1", "2023-01", [0], class5="正常")),
        "control_totals": pd.DataFrame(
            [{"month_end": "2023-01-31", "class5": "正常类", "notes": 1, "balance": "100", "npl_balance": None}]
        ),
    }
    result = reconcile(tables)
    assert result.facts["differing_cells"] == 0 and result.tidy()["side"].tolist() == ["both"]


def test_a_cell_of_one_side_says_so_and_a_note_without_class_has_its_own() -> None:
    book = made.book([made.note("N1")], made.months("N1", "2023-01", [0]))
    ledger = pd.DataFrame(
        [{"month_end": "2023-01-31", "class5": "loss", "notes": 1, "balance": 5.0, "npl_balance": 5.0}]
    )
    result = reconcile(book, ledger)
    assert result.tidy().set_index("class5")["side"].to_dict() == {"loss": "ledger only", "unknown": "book only"}
    assert "not on the tape" in result.findings["rule"].iloc[0]


def test_a_ledger_with_a_cell_twice_is_refused() -> None:
    book = loan_book(
        {"loans": pd.DataFrame([made.note("N1")]), "loan_months": pd.DataFrame(made.months("N1", "2023-01", [0]))}
    )
    row = {"month_end": "2023-01-31", "class5": "normal", "notes": 1, "balance": 5.0, "npl_balance": 0.0}
    with pytest.raises(InputError, match="one row per month_end"):
        reconcile(book, pd.DataFrame([row, row]))


def test_the_planted_differences_and_no_others_are_found(sample_county, sample_folder) -> None:
    truth = pd.read_parquet(sample_folder / "truth" / "ledger_differences.parquet")
    found = reconcile(sample_county).differences()
    key = ["month_end", "class5"]
    both = truth.merge(found, on=key, how="outer", indicator=True)
    assert (both["_merge"] == "both").all()
    assert (both["notes"] == -both["notes_difference"]).all() and (both["balance"] == -both["balance_difference"]).all()
