"""NPL ratios: what each counts, their intervals, and what leaves the book."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from creditlab.errors import InputError
from creditlab.loans import loan_book, npl_ratios
from creditlab.loans.shares import effective_n, share_limits
from tests.loans import made


def test_by_count_by_household_and_by_balance_are_three_figures() -> None:
    notes = [made.note("N1", "H1"), made.note("N2", "H1"), made.note("N3", "H2"), made.note("N4", "H3")]
    rows = [
        *made.months("N1", "2023-01", [0], 10.0, class5="loss"),
        *made.months("N2", "2023-01", [0], 20.0, class5="doubtful"),
        *made.months("N3", "2023-01", [0], 70.0, class5="normal"),
        *made.months("N4", "2023-01", [0], 100.0, class5="special_mention"),
    ]
    row = npl_ratios(made.book(notes, rows)).tidy().iloc[0]
    assert (row["by_count"], row["by_household"], row["by_balance"]) == (2 / 4, 1 / 3, 30 / 200)
    assert row["special_mention_share"] == 0.5
    assert row["n_eff"] == pytest.approx(200**2 / (100 + 400 + 4900 + 10000))


def test_write_offs_and_sales_lower_the_ratio_but_not_the_one_with_add_back() -> None:
    notes = [made.note("N1"), made.note("N2", "H2"), made.note("N3", "H3")]
    off = [0, 1, 1]
    rows = [
        *made.months("N1", "2023-01", [200, 200, 200], [100.0, 0.0, 0.0], class5="loss", written_off=off,
                     written_off_balance=[0, 100.0, 80.0]),
        *made.months("N2", "2023-01", [100, 100, 100], [50.0, 0.0, 0.0], class5="substandard", transferred=off),
        *made.months("N3", "2023-01", [0, 0, 0], 350.0, class5="normal"),
    ]  # fmt: skip
    for row in rows:
        if isinstance(row["balance"], list):
            row["balance"] = row["balance"][row["month_end"].month - 1]
            row["overdue_principal"] = row["balance"]
    table = npl_ratios(made.book(notes, rows)).tidy()
    assert table["by_balance"].tolist() == [150 / 500, 0.0, 0.0]
    assert table["with_add_back"].tolist() == pytest.approx([150 / 500, 150 / 500, 130 / 480])


def test_the_vintage_ratio_compares_notes_of_one_age() -> None:
    notes = [made.note(f"N{i}", f"H{i}", granted="2023-01-15", due="2025-06-15") for i in range(4)]
    late = [0] * 9 + [95] + [0] * 20
    rows = [r for i in range(4) for r in made.months(f"N{i}", "2023-01", late if i == 0 else [0] * 30, class5="normal")]
    table = npl_ratios(made.book(notes, rows), vintage_months=12).tidy().set_index("month_end")
    # grants of January to December 2023 are twelve months old or more at the end of 2024: one of four was ever 90+
    assert table.loc["2024-12-31", "by_vintage"] == 0.25 and table.loc["2024-12-31", "vintage_n"] == 4
    assert np.isnan(table.loc["2024-11-30", "by_vintage"]) and "vintage" in table.loc["2024-11-30", "reason"]


@pytest.mark.parametrize("by", [None, "product", "village_id", "channel", "cohort_year", "borrower_kind"])
def test_the_groups_add_up_to_the_book(by: str | None) -> None:
    book = made.random_book(11)
    whole, parts = npl_ratios(book).tidy(), npl_ratios(book, by).tidy()
    added = ["notes", "npl_notes", "balance", "npl_balance", "overdue_90", "written_off_open", "transferred_12m",
             "vintage_n", "vintage_bad"]  # fmt: skip
    sums = parts.groupby("month_end")[added].sum()
    np.testing.assert_allclose(sums.to_numpy(dtype=float), whole[added].to_numpy(dtype=float))


def test_two_books_merged_are_their_sum() -> None:
    one, other = made.random_tables(12), made.random_tables(13)
    for tables, mark in ((one, "a"), (other, "b")):
        for table, column in (("loans", "note_id"), ("loan_months", "note_id"), ("loans", "renewed_from")):
            tables[table][column] = mark + tables[table][column].astype("str")
        for table in ("loans", "households"):
            tables[table]["household_id"] = mark + tables[table]["household_id"]
    both = {name: pd.concat([one[name], other[name]], ignore_index=True) for name in one}
    added = ["notes", "npl_notes", "households", "npl_households", "balance", "npl_balance"]
    keyed = [npl_ratios(loan_book(t)).tidy().set_index("month_end")[added] for t in (one, other, both)]
    pd.testing.assert_frame_equal(keyed[0].add(keyed[1], fill_value=0), keyed[2], check_dtype=False)


def test_ratios_do_not_depend_on_the_unit_of_money_nor_on_the_order_of_rows() -> None:
    tables = made.random_tables(14)
    scaled = made.shuffled(tables)
    for column in ("balance", "overdue_principal", "overdue_interest", "written_off_balance"):
        scaled["loan_months"][column] *= 7.0
    one, other = npl_ratios(loan_book(tables)).tidy(), npl_ratios(loan_book(scaled)).tidy()
    columns = [c for c in one.columns if c.startswith("by_") or c.endswith("_share")] + ["n_eff", "with_add_back"]
    np.testing.assert_allclose(one[columns].to_numpy(), other[columns].to_numpy(), rtol=1e-12)


def test_doubling_every_loan_narrows_the_interval_and_keeps_the_ratio() -> None:
    tables = made.random_tables(15)
    copy = {k: v.assign(note_id="c" + v["note_id"]) if "note_id" in v else v for k, v in tables.items()}
    both = {k: pd.concat([tables[k], copy[k]]) if k != "households" else tables[k] for k in tables}
    one, other = npl_ratios(loan_book(tables)).tidy(), npl_ratios(loan_book(both)).tidy()
    some = one["npl_notes"] > 0
    np.testing.assert_allclose(one["by_balance"], other["by_balance"])
    np.testing.assert_allclose(2 * one["n_eff"], other["n_eff"])
    assert ((other["by_balance_hi"] - other["by_balance_lo"]) < (one["by_balance_hi"] - one["by_balance_lo"]))[
        some
    ].all()


def test_the_interval_is_that_of_statsmodels() -> None:
    lo, hi = share_limits([3, 7], [40, 90], 0.9)
    expected = [proportion_confint(k, n, alpha=0.1, method="jeffreys") for k, n in ((3, 40), (7, 90))]
    np.testing.assert_allclose(np.column_stack([lo, hi]), expected, rtol=1e-9)


def test_the_effective_number_makes_the_interval_of_a_balance_ratio_cover() -> None:
    """Balances of a lognormal tail, each note bad with one probability: the 90 % interval covers in about nine of ten.

    3,000 books have a standard error of 0.5 points; the interval with n in the place of n_eff covers far less.
    """
    rng = np.random.default_rng(0)
    books, n, p = 3000, 200, 0.2
    balance = rng.lognormal(0, 1, (books, n))
    bad = rng.random((books, n)) < p
    share = (balance * bad).sum(axis=1) / balance.sum(axis=1)
    n_eff = effective_n(balance.sum(axis=1), (balance**2).sum(axis=1))
    lo, hi = share_limits(share * n_eff, n_eff)
    assert 0.88 <= ((lo <= p) & (p <= hi)).mean() <= 0.93
    lo, hi = share_limits(share * n, np.full(books, n))
    assert ((lo <= p) & (p <= hi)).mean() < 0.78


def test_side_by_side_names_every_view_with_its_n(sample_book) -> None:
    result = npl_ratios(sample_book, "product")
    rows = result.side_by_side()
    assert set(rows["view"]) == {"by_count", "by_household", "by_balance", "by_vintage"}
    known = rows[rows["n_eff"] > 0]
    assert (known["lo"] <= known["ratio"]).all() and (known["ratio"] <= known["hi"]).all()
    assert result.at("2024-06-15")["month_end"].iloc[0] == pd.Timestamp("2024-06-30")


def test_wrong_calls_are_refused(sample_book) -> None:
    with pytest.raises(InputError, match="one of 'cohort'"):
        npl_ratios(sample_book, "village")
    with pytest.raises(InputError, match="months from 1 on"):
        npl_ratios(sample_book, vintage_months=0)
    with pytest.raises(InputError, match="level between 0 and 1"):
        npl_ratios(sample_book, level=90)
