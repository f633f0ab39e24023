"""Extensions: those of borrowers who pay are left in peace, those after which the days start again are found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.loans import extensions, loan_book
from creditlab.loans.book import LoanBook
from tests.loans import made

FLAG = [0] * 6 + [1] * 6


def _book() -> LoanBook:
    days = {
        "sound": [0] * 12,
        "after": [0, 0, 10, 0, 0, 0] + [0] * 6,
        "counted": [0] * 4 + [20, 50, 80, 110] + [110] * 4,
        "hidden": [0] * 4 + [20, 50] + [0] * 6,
        "repaid": [0] * 4 + [20, 50] + [0] * 6,
    }
    rows = [r for name, dpd in days.items() for r in made.months(name, "2023-01", dpd, extended=FLAG)]
    for row in rows:
        if row["note_id"] == "repaid" and row["month_end"] > pd.Timestamp("2023-06-30"):
            row["balance"] = 5.0
    return made.book([made.note(name, f"H-{name}") for name in days], rows)


def test_each_kind_is_told_by_the_month_before() -> None:
    table = extensions(_book()).tidy().set_index("note_id")
    assert table["kind"].to_dict() == {
        "sound": "sound", "after": "after arrears", "counted": "still counted", "hidden": "hidden",
        "repaid": "still counted",
    }  # fmt: skip
    assert table.loc["hidden", ["dpd_before", "dpd_after", "worst_before"]].tolist() == [50, 0, 50]
    assert (table["month_end"] == pd.Timestamp("2023-07-31")).all()


def test_the_days_go_on_counting_through_an_extension_that_hides_them() -> None:
    npl = extensions(_book()).npl.set_index("month_end")
    # 50 days at the end of June, so over 90 from the end of August on
    assert npl["hidden_balance"].loc["2023-06-30":"2023-08-31"].tolist() == [0.0, 0.0, 100.0]
    assert npl.loc["2023-09-30", "ratio_with_hidden"] > npl.loc["2023-09-30", "ratio"]
    assert (npl["npl_balance"] + npl["hidden_balance"] <= npl["balance"]).all()


def test_what_became_of_them_is_counted_after_the_extension() -> None:
    kinds = extensions(_book()).by_kind.set_index("kind")
    assert kinds["n"].to_dict() == {"sound": 1, "after arrears": 1, "still counted": 2, "hidden": 1}
    assert kinds["later_bad"].to_dict() == {"sound": 0, "after arrears": 0, "still counted": 1, "hidden": 0}
    assert ((kinds["lo"] <= kinds["share"]) & (kinds["share"] <= kinds["hi"])).all()


def test_kinds_add_up_and_the_order_of_rows_does_not_matter() -> None:
    tables = made.random_tables(8)
    result = extensions(loan_book(tables))
    assert result.by_kind["n"].sum() == len(result.tidy()) == result.facts["extensions"] > 20
    again = extensions(loan_book(made.shuffled(tables)))
    pd.testing.assert_frame_equal(again.tidy(), result.tidy())
    pd.testing.assert_frame_equal(again.npl, result.npl)


def test_a_book_without_extensions_has_none() -> None:
    result = extensions(made.book([made.note("N")], made.months("N", "2023-01", [0, 30])))
    assert not len(result.tidy()) and not len(result.by_kind) and (result.npl["hidden_balance"] == 0).all()


def test_the_extensions_of_the_sample_county_are_those_of_its_flags(sample_book: LoanBook) -> None:
    result = extensions(sample_book)
    flagged = sample_book.months.loc[sample_book.months["extended"].to_numpy(bool), "note"].nunique()
    assert result.facts["extensions"] == flagged
    # the county extends without regard to arrears: few are late at that moment, and none of them is repaid then
    late = result.tidy()[result.tidy()["dpd_before"] > 0]
    assert set(late["kind"]) <= {"hidden", "still counted"} and np.allclose(late["balance"], late["balance_before"])


def test_a_wrong_lookback_is_refused(sample_book: LoanBook) -> None:
    with pytest.raises(InputError, match="months from 1 on"):
        extensions(sample_book, lookback=0)
