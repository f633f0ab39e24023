"""Receipts against bank and vouchers: states by hand, sums that add up, the planted differences first."""

from __future__ import annotations

import pandas as pd
import pytest

from creditlab.data.household import household_file
from creditlab.data.receipts import STATES, reconcile_receipts
from creditlab.data.world import make_county
from creditlab.errors import InputError

AS_OF = pd.Timestamp("2023-12-31")


@pytest.fixture(scope="module")
def file():
    return household_file(make_county(12, seed=1).tables, AS_OF)


def test_every_entry_is_in_one_state_and_the_sums_are_those_of_the_books(file):
    found = reconcile_receipts(file, channel=None)
    table, rows = found.tidy(), file.tables["village_receipts"]
    assert table["entries"].sum() == len(rows) == table[list(STATES)].to_numpy().sum()
    assert table["books"].sum() == rows["amount"].sum() and table["bank"].sum() == rows["bank_amount"].sum()
    assert table["difference"].sum() == (rows["amount"] - rows["bank_amount"]).sum()
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    assert table["unexplained_amount"].is_monotonic_decreasing
    assert found.villages()["unexplained_amount"].sum() == pytest.approx(table["unexplained_amount"].sum())


def test_states_by_hand(file):
    rows = file.tables["village_receipts"].head(5).copy()
    rows = rows.assign(village_id="V", paid_on=pd.Timestamp("2023-02-03"), channel="qr", amount=100.0,
                       bank_amount=[100.0, 100.4, 80.0, 80.0, None], voucher=[1, 0, 1, 0, 1],
                       reconciled=[1, 1, 1, 1, 0])  # fmt: skip
    found = reconcile_receipts(type("File", (), {"tables": {"village_receipts": rows}, "as_of": AS_OF}))
    assert found.entries["state"].tolist() == ["matched", "no_voucher", "explained", "unexplained", "unexplained"]
    row = found.tidy().iloc[0]
    assert row["month"] == pd.Timestamp("2023-02-28") and row["unexplained_amount"] == 120
    assert row["unexplained_share"] == 120 / 500
    assert found.unexplained()["gap"].tolist() == [100, 20]


def test_only_what_was_known_counts_and_no_payer_is_shown(file):
    late = reconcile_receipts(household_file(file.tables.frames, pd.Timestamp("2022-06-30")))
    assert late.entries["paid_on"].max() <= pd.Timestamp("2022-06-30")
    assert not any("household" in c for c in late.entries) and not any("household" in c for c in late.tidy())


def test_the_larger_unexplained_difference_comes_first_whatever_the_order_of_rows(file):
    rows = file.tables["village_receipts"].sample(frac=1, random_state=1)
    turned = type("File", (), {"tables": {"village_receipts": rows}, "as_of": AS_OF})
    pd.testing.assert_frame_equal(reconcile_receipts(turned).tidy(), reconcile_receipts(file).tidy())


def test_wrong_calls(file):
    with pytest.raises(InputError, match="one of the channels"):
        reconcile_receipts(file, channel="cheque")
    with pytest.raises(InputError, match="yuan of 0 or more"):
        reconcile_receipts(file, tolerance=-1)
    with pytest.raises(InputError, match="the table village_receipts"):
        reconcile_receipts(type("File", (), {"tables": {}, "as_of": AS_OF}))
