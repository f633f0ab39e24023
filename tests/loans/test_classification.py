"""The classification of a book: debtors, restructurings, the way back up, and what the bank recorded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import ColumnError
from creditlab.loans import RULES, Policy, classify, loan_book, npl_ratios
from creditlab.loans.classes import CLASSES
from creditlab.loans.classification import REASONS
from tests.loans import made

NEW = Policy(reclassified_on="2023-01-01")  # everything under the Measures of 2023


def classes(result, book) -> dict[str, list[str]]:
    """note → its classes, month by month."""
    names = np.array(CLASSES, dtype=object)[result.rows["class5"].to_numpy()]
    note = book.notes["note_id"].to_numpy()[book.months["note"].to_numpy()]
    return {n: names[note == n].tolist() for n in book.notes["note_id"]}


def debtor(kind: str, bad: float) -> tuple:
    """A debtor with two claims, one of which, `bad` in 100 yuan, is 100 days past due."""
    notes = [
        made.note("N1", borrower_kind=kind, borrower_id="B1"),
        made.note("N2", borrower_kind=kind, borrower_id="B1"),
    ]
    rows = [*made.months("N1", "2023-09", [100], bad), *made.months("N2", "2023-09", [0], 100.0 - bad)]
    book = made.book(notes, rows)
    return classes(classify(book, NEW), book), book


def test_more_than_a_tenth_of_a_firm_s_claims_drags_all_of_them_down() -> None:
    """Measures of 2023, Art. 7: over 10 % of a non-retail debtor's claims non-performing → all of them."""
    assert debtor("firm", 11.0)[0]["N2"] == ["substandard"]
    # at exactly 10 % it does not; Art. 10 still makes the other claim special mention
    assert debtor("firm", 10.0)[0]["N2"] == ["special_mention"]


@pytest.mark.parametrize("kind", ["person", "family_farm"])
def test_a_household_s_other_notes_stay_what_they_are(kind: str) -> None:
    assert debtor(kind, 60.0)[0]["N2"] == ["normal"]


def test_the_debtor_test_is_of_the_new_rule_only() -> None:
    book = debtor("firm", 60.0)[1]
    assert classes(classify(book, Policy()), book)["N2"] == ["normal"]  # legacy book: guideline of 2007


def test_a_fifth_of_the_debt_at_all_banks() -> None:
    """Measures of 2023, Art. 11: over 20 % of the debt at all banks more than 90 days past due."""
    book = made.book([made.note("N1", borrower_kind="firm", borrower_id="B1")], made.months("N1", "2023-09", [0]))
    for overdue, expected in ((20.0, "normal"), (20.1, "substandard")):
        other = pd.DataFrame({"borrower_id": ["B1"], "month_end": ["2023-09-30"], "debt": 100.0, "overdue_90": overdue})
        assert classes(classify(book, NEW, elsewhere=other), book)["N1"] == [expected]
    person = made.book([made.note("N1", borrower_id="B1")], made.months("N1", "2023-09", [0]))
    assert classes(classify(person, NEW, elsewhere=other), person)["N1"] == ["normal"]
    with pytest.raises(ColumnError, match="overdue_90"):
        classify(book, NEW, elsewhere=other.drop(columns="overdue_90"))


def test_a_way_back_up_takes_six_months_without_arrears() -> None:
    book = made.book([made.note("N1")], made.months("N1", "2023-01", [100, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]))
    # the five days in May start the count again: held through October, free in November
    assert classes(classify(book, NEW), book)["N1"] == ["substandard"] * 10 + ["normal"] * 2
    own = replace(NEW, new=replace(RULES["2023"], upgrade_months=0))
    assert classes(classify(book, own), book)["N1"] == [
        "substandard",
        *["normal"] * 3,
        "special_mention",
        *["normal"] * 7,
    ]


def test_a_restructured_note_is_observed_to_the_end_of_the_period() -> None:
    flag = [0, 1, 1, *[0] * 13]
    book = made.book([made.note("N1")], made.months("N1", "2023-01", [0] * 16, restructured=flag))
    got = classes(classify(book, NEW), book)["N1"]
    assert got == ["normal"] + ["special_mention"] * 12 + ["normal"] * 3  # twelve months from February


def test_a_note_restructured_when_non_performing_stays_so_in_the_period() -> None:
    own = replace(NEW, new=replace(RULES["2023"], upgrade_months=0))
    flag = [0, 1, *[0] * 13]
    book = made.book([made.note("N1")], made.months("N1", "2023-01", [100, *[0] * 14], restructured=flag))
    assert classes(classify(book, own), book)["N1"] == ["substandard"] * 13 + ["normal"] * 2


def test_a_note_that_refinanced_arrears_is_restructured_from_its_grant() -> None:
    book = made.book([made.note("N1")], made.months("N1", "2023-01", [0] * 14))
    assert classes(classify(book, NEW, refinanced=["N1"]), book)["N1"] == ["special_mention"] * 12 + ["normal"] * 2
    assert set(classes(classify(book, NEW), book)["N1"]) == {"normal"}


def test_what_the_bank_recorded_is_kept_when_worse_and_a_finding_when_better() -> None:
    rows = [*made.months("N1", "2023-09", [0], class5="loss"), *made.months("N2", "2023-09", [100], class5="normal")]
    book = made.book([made.note("N1"), made.note("N2")], rows)
    result = classify(book, NEW)
    assert classes(result, book) == {"N1": ["loss"], "N2": ["substandard"]}
    assert result.facts["judged worse, kept"] == 1 and result.facts["better than the rule"] == 1
    assert REASONS[result.rows["reason"].iloc[0]] == "judgement"
    assert "1 of them non-performing by the rule" in result.findings["rule"].iloc[0]
    assert result.findings["rule"].str.contains("not read in a primary text: .*observation_months").any()


def test_both_sides_of_the_table_count_every_note_once() -> None:
    book = made.random_book(8)
    table = classify(book).tidy()
    on = book.on_book.sum(), book.months["balance"].to_numpy()[book.on_book].sum()
    for side in ("recorded", "rule"):
        assert table[f"notes_{side}"].sum() == on[0] and table[f"balance_{side}"].sum() == pytest.approx(on[1])


def test_the_rule_s_class_is_never_better_than_its_floor_nor_than_the_record() -> None:
    book = made.random_book(9)
    rows, recorded = classify(book).rows, book.months["class5"].to_numpy()
    assert (rows["class5"] >= rows["floor"]).all() and (rows["class5"].to_numpy() >= recorded).all()


def test_the_sample_bank_s_classes_are_those_of_its_days_and_flags(sample_book) -> None:
    """The sample county's bank classed by the new days from 1 July 2023 on; 1 % special mention by judgement."""
    result = classify(sample_book, Policy(reclassified_on="2023-07-01"))
    recent = sample_book.on_book & (sample_book.months["month"].to_numpy() >= 2023 * 12 + 6)
    recorded, floor = sample_book.months["class5"].to_numpy()[recent], result.rows["floor"].to_numpy()[recent]
    assert (recorded == floor).mean() > 0.98
    worse = recorded > floor
    assert set(recorded[worse]) <= {1, 2}  # judged special mention; restructured notes held at substandard


def test_the_order_of_the_rows_does_not_matter() -> None:
    tables = made.random_tables(10)
    one, other = classify(loan_book(tables)), classify(loan_book(made.shuffled(tables)))
    pd.testing.assert_frame_equal(one.tidy(), other.tidy())
    assert one.stamp == other.stamp


def test_ratios_can_be_taken_by_the_rule() -> None:
    book = made.book([made.note("N1")], made.months("N1", "2023-09", [100], class5="normal"))
    assert npl_ratios(book).facts["by_count"] == 0.0
    assert npl_ratios(book, classification=classify(book, NEW)).facts["by_count"] == 1.0
