"""The indicators side by side: each is the figure of its own result, with the n and the effective n behind it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.loans import Indicators, LoanBook, indicators, migration, npl_flow, npl_ratios
from creditlab.loans.book import month_ends
from tests.loans import made


def _of(book: LoanBook, months: int = 12) -> Indicators:
    span = month_ends([max(book.last - 12, book.first), book.last])
    return indicators(npl_ratios(book, vintage_months=6), migration(book, *span), npl_flow(book), months=months)


def test_every_listed_ratio_stands_beside_the_others_with_its_n(sample_book: LoanBook) -> None:
    table = _of(sample_book).tidy().set_index("indicator")
    listed = {
        "by_count", "by_household", "by_balance", "by_vintage", "with_add_back", "overdue_share", "overdue_90_to_npl",
        "special_mention_share", "migration_special_mention", "migration_normal_loans", "formation", "cure", "repaid",
        "disposed",
    }  # fmt: skip
    assert listed <= set(table.index)
    assert (table["n"] > 0).all() and (table["n_eff"] > 0).all() and (table["n_eff"] <= table["n"] + 1e-9).all()
    assert ((table["lo"] <= table["estimate"]) & (table["estimate"] <= table["hi"])).all()
    assert (table["n_eff"] == table["n"])[table["basis"] != "balance"].all()


def test_each_is_the_figure_of_its_own_result(sample_book: LoanBook) -> None:
    table = _of(sample_book).tidy().set_index("indicator")["estimate"]
    last = npl_ratios(sample_book, vintage_months=6).at().iloc[0]
    for name in ("by_count", "by_balance", "by_vintage", "overdue_90_to_npl", "with_add_back"):
        assert table[name] == last[name]
    year = npl_flow(sample_book).tidy().tail(12)
    assert np.isclose(table["formation"], year["inflow"].sum() / year["opening_performing"].iloc[0])
    out = table["cure"] + table["repaid"] + table["disposed"]
    whole = year["opening"].iloc[0] + year["inflow"].sum()
    # what flowed in and did not flow out stands there at the end
    assert np.isclose(1 - out, year["closing"].iloc[-1] / whole)


def test_equal_balances_have_as_many_effective_notes_as_notes() -> None:
    notes = [made.note(f"N{i}", f"H{i}") for i in range(8)]
    rows = [r for i in range(8) for r in made.months(f"N{i}", "2023-01", [0] * 10 + [100 * (i < 2)] * 4)]
    table = _of(made.book(notes, rows)).tidy().set_index("indicator")
    assert np.isclose(table.loc["by_balance", "n_eff"], 8) and np.isclose(table.loc["overdue_90_to_npl", "n_eff"], 2)
    assert np.isclose(table.loc["formation", "n_eff"], table.loc["formation", "n"])
    assert table.loc["formation", "estimate"] == 2 / 8


def test_the_order_of_rows_does_not_matter() -> None:
    tables = made.random_tables(11)
    pd.testing.assert_frame_equal(_of(made.loan_book(tables)).tidy(), _of(made.loan_book(made.shuffled(tables))).tidy())


def test_notes_over_90_days_outside_the_npl_have_a_ratio_above_one_without_limits() -> None:
    notes = [made.note(f"N{i}", f"H{i}") for i in range(3)]
    classes = ["substandard", "special_mention", "normal"]
    rows = [r for i, c in enumerate(classes) for r in made.months(f"N{i}", "2023-01", [0, 100 * (i < 2)], class5=c)]
    row = _of(made.book(notes, rows)).tidy().set_index("indicator").loc["overdue_90_to_npl"]
    assert row["estimate"] == 2.0 and np.isnan(row["lo"]) and "not classed non-performing" in row["reason"]


def test_wrong_calls_are_refused(sample_book: LoanBook) -> None:
    ratios, flow = npl_ratios(sample_book), npl_flow(sample_book)
    moved = migration(sample_book, "2024-06-30", "2025-06-30")
    with pytest.raises(InputError, match="ratios of the whole book"):
        indicators(npl_ratios(sample_book, "product"), moved, flow)
    with pytest.raises(InputError, match="results of one book"):
        indicators(ratios, moved, npl_flow(made.random_book(1)))
    with pytest.raises(InputError, match="months from 1 on"):
        indicators(ratios, moved, flow, months=0)
