"""Recoveries: money counted once, censoring without bias, discounting, and expected loss."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.loans import expected_loss, hazard_model, loan_book, recoveries
from creditlab.loans.book import month_ends
from tests.loans import made


def _rows(name: str, balances: list[float], dpd: list[int], **more: object) -> list[dict]:
    rows = made.months(name, "2023-01", dpd, **more)
    for row, balance in zip(rows, balances, strict=True):
        row["balance"] = balance
    return rows


def _flow(rows: list[dict], notes: list[dict], **more: object) -> pd.DataFrame:
    filler = [made.months(f"F{i}", "2023-01", [100] * 12) for i in range(0)]
    book = made.book(notes, [*rows, *(r for part in filler for r in part)])
    return recoveries(book, longest=8, discount=False, **more).cases.set_index("note_id")


def test_what_comes_back_is_counted_once_and_write_offs_are_no_money() -> None:
    over = [100, 130, 160, 190, 220, 250, 280, 310, 340]
    off = [0, 0, 1, 1, 1, 1, 1, 1, 1]
    notes = [made.note(n, f"H{n}") for n in ("parts", "paid", "off", "sold", "open")]
    rows = [
        *_rows("parts", [100, 80, 80, 50, 50, 50, 50, 50, 50], over),
        *_rows("paid", [100, 100], over[:2]),
        *_rows("off", [100, 90, 0, 0, 0, 0, 0, 0, 0], over, written_off=off, recovered=[0, 0, 0, 25, 0, 0, 0, 0, 0]),
        *_rows("sold", [100, 100, 0], over[:3], transferred=off[:3]),
        *_rows("open", [100] * 9, over),
    ]
    cases = _flow(rows, notes)
    assert cases["paid"].to_dict() == {"parts": 50.0, "paid": 100.0, "off": 35.0, "sold": 0.0, "open": 0.0}
    assert cases["end"].to_dict() == {"parts": "open", "paid": "paid", "off": "written_off", "sold": "transferred",
                                      "open": "open"}  # fmt: skip
    assert cases.loc["sold", "months_seen"] == 1  # it leaves the count at the sale
    assert (cases["paid"] <= cases["ead"]).all()


def test_money_is_worth_less_the_later_it_comes() -> None:
    notes = [made.note(f"N{i}", f"H{i}", rate=0.1) for i in range(12)]
    homes = pd.DataFrame({"household_id": [f"H{i}" for i in range(12)], "village_id": ["V1", "V2"] * 6})
    rows = [r for i in range(12) for r in made.months(f"N{i}", "2023-01", [100] * 12)]
    last = [made.months(f"N{i}", "2024-01", [400], 100.0) for i in range(12)]
    book = made.book([*notes, made.note("good", "H0")], [*rows, *made.months("good", "2023-01", [0] * 14)], homes)
    table = recoveries(book, longest=13).tidy().set_index("month")
    plain = recoveries(book, longest=13, discount=False).tidy().set_index("month")
    assert plain.loc[12, "recovered"] == 1.0 and plain.loc[11, "recovered"] == 0.0
    assert table.loc[12, "recovered"] == pytest.approx(1.1**-1)
    assert len(last) == 12


def test_censoring_does_not_bias_the_curve() -> None:
    """Each note pays 60 % of its balance in a month drawn uniformly from 1 to 12; half are cut off. The curve at month
    12 is 60 % within four standard errors (1.2 points each with 800 notes)."""
    rng = np.random.default_rng(3)
    n, length = 800, 30
    start, when = rng.integers(0, 28, n), rng.integers(1, 13, n)
    rows, names = [], [f"N{i:04d}" for i in range(n)]
    for i in range(n):
        for k in range(length - start[i]):
            rows.append((names[i], start[i] + k, 40.0 if k >= when[i] else 100.0, 100 + 30 * k))
    frame = pd.DataFrame(rows, columns=["note_id", "m", "balance", "dpd"])
    frame["month_end"] = month_ends(2022 * 12 + frame.pop("m"))
    loans = pd.DataFrame({"note_id": names, "household_id": names, "granted_on": "2021-01-01", "due_on": "2021-12-01"})
    homes = pd.DataFrame({"household_id": names, "village_id": rng.choice([f"V{v}" for v in range(40)], n)})
    book = loan_book({"loans": loans, "loan_months": frame, "households": homes})
    row = recoveries(book, discount=False).tidy().set_index("month").loc[12]
    assert row["seen"] < 0.7 * n and abs(row["recovered"] - 0.6) < 0.048
    assert row["lo"] < 0.6 < row["hi"] and row["hi"] - row["lo"] < 0.1


def test_curves_rise_and_groups_are_of_the_same_cases(sample_book) -> None:
    whole, parts = recoveries(sample_book), recoveries(sample_book, "guarantee")
    assert (np.diff(whole.tidy()["recovered"].dropna()) >= -1e-12).all()
    seen = parts.tidy()
    assert seen[seen["month"] == 12]["notes"].sum() == len(whole.cases)
    limits = whole.tidy().dropna(subset="recovered")
    assert ((limits["lo"] <= limits["recovered"] + 1e-9) & (limits["recovered"] <= limits["hi"] + 1e-9)).all()
    assert recoveries(sample_book, "village_id").tidy()["reason"].ne("").any()
    assert whole.lgd(24)["lgd"].iloc[0] == pytest.approx(1 - limits.set_index("month").loc[24, "recovered"])


def test_money_back_agrees_with_the_tape(sample_book) -> None:
    """Over all cases: balance at default = paid back + written off + sold + still open (all at their last balance)."""
    result = recoveries(sample_book, longest=120, discount=False)
    months = sample_book.months
    after_write_off = months["recovered"].sum()
    cases = result.cases
    lost = cases.loc[cases["end"].isin(["written_off", "transferred", "open"]), "ead"].sum()
    assert cases["paid"].sum() - after_write_off <= cases["ead"].sum()
    assert cases.loc[cases["end"] == "paid", "paid"].sum() == pytest.approx(
        cases.loc[cases["end"] == "paid", "ead"].sum()
    )
    assert lost > 0


def test_defaults_that_cure_are_about_the_share_that_the_truth_cures(sample_book) -> None:
    """The sample county: 27 % of defaults are paid within 100 to 330 days; four standard errors with some 500 cases."""
    row = recoveries(sample_book).tidy().set_index("month").loc[12]
    assert abs(row["cured"] - 0.27) < 4 * np.sqrt(0.27 * 0.73 / row["seen"])


def test_expected_loss_is_pd_times_lgd_times_balance(sample_book) -> None:
    model = hazard_model(sample_book, until="2024-12-31")
    losses = recoveries(sample_book.until("2024-12-31"))
    result = expected_loss(model, losses, sample_book, "2024-12-31")
    lgd = losses.lgd(24)["lgd"].iloc[0]
    notes = model.predict(sample_book, "2024-12-31")
    until = sample_book.until("2024-12-31")
    at = until.months["month"].to_numpy() == until.last
    names = until.notes["note_id"].to_numpy()[until.months["note"].to_numpy()[at]]
    balance = pd.Series(until.months["balance"].to_numpy()[at], index=names)
    by_hand = (notes["pd"].to_numpy() * balance.loc[notes["note_id"]].to_numpy() * lgd).sum()
    assert result.facts["expected_loss"] == pytest.approx(by_hand, rel=1e-12)
    table = result.tidy()
    assert table["expected_loss"].sum() == pytest.approx(by_hand)
    assert ((table["lo"] <= table["expected_loss"]) & (table["expected_loss"] <= table["hi"])).all()
    grouped = expected_loss(model, recoveries(sample_book, "guarantee"), sample_book, "2024-12-31")
    assert grouped.tidy()["ead"].sum() == pytest.approx(table["ead"].sum())


def test_wrong_calls_are_refused(sample_book) -> None:
    with pytest.raises(InputError, match="a note more than 90 days past due"):
        recoveries(made.book([made.note("N")], made.months("N", "2023-01", [0])))
    with pytest.raises(InputError, match="a month from 0 to 36"):
        recoveries(sample_book).lgd(48)
