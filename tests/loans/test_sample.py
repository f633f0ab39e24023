"""The sample's splits, exposure and definitions; its outcomes are worked by hand in test_loans."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.loans import Bad, performance_sample, village_folds
from creditlab.results import NotEstimable
from tests.loans import made

DATES = ["2021-12-31", "2022-12-31", "2023-12-31"]


@pytest.fixture(scope="module")
def pooled(sample_county):
    return performance_sample(sample_county, DATES)


def test_villages_are_never_on_both_sides_and_all_rows_are_tested_once(pooled) -> None:
    village = pooled.tidy()["village_id"].to_numpy()
    tested = []
    for fit, test in pooled.leave_villages_out():
        assert not set(village[fit]) & set(village[test])
        tested += test.tolist()
    assert sorted(tested) == list(range(len(village)))
    bads = pooled.tidy()["bad"].groupby(pooled.splits["fold"]).sum()
    assert bads.max() - bads.min() <= 12  # rows are balanced too; the largest village alone has more bads


def test_out_of_time_is_the_last_date_and_says_who_is_in_both(pooled) -> None:
    late, early = pooled.rows("out-of-time"), pooled.rows("development")
    assert set(late["as_of"]) == {pd.Timestamp("2023-12-31")} and len(late) + len(early) == len(pooled.tidy())
    both = set(late["household_id"]) & set(early["household_id"])
    assert pooled.splits["in_both"].sum() == len(both) > 0


def test_the_date_of_the_split_can_be_given(sample_county) -> None:
    split = performance_sample(sample_county, DATES, out_of_time="2022-12-31").splits["split"]
    assert (split == "out-of-time").sum() > (split == "development").sum()
    with pytest.raises(InputError, match="must part the observation dates in two"):
        performance_sample(sample_county, DATES, out_of_time="2025-01-31")
    one = performance_sample(sample_county, "2023-12-31")
    assert isinstance(one.facts["out_of_time"], NotEstimable) and len(one.rows("out-of-time")) == 0


def test_folds_do_not_depend_on_the_order_of_the_rows() -> None:
    rng = np.random.default_rng(0)
    village, bad = rng.choice([f"V{i}" for i in range(20)], 500), rng.random(500) < 0.1
    order = rng.permutation(500)
    assert (village_folds(village, bad)[order] == village_folds(village[order], bad[order])).all()
    assert len(np.unique(village_folds(village, bad, seed=1))) == 5


def test_the_exposure_ends_with_the_event_and_gives_the_bad_rate(pooled) -> None:
    exposure = pooled.exposure
    ends = exposure.groupby(["household_id", "as_of"], sort=False)[["event", "done"]].agg(["sum", "last"])
    assert (ends["event"]["sum"] == ends["event"]["last"]).all() and len(ends) == len(pooled.tidy())
    assert (ends["event"]["sum"] + ends["done"]["sum"] == 1).all()  # nobody's window is open
    assert exposure["event"].sum() == pooled.tidy()["bad"].sum()
    curve = pooled.maturity()["estimate"]
    assert curve.iloc[-1] == pytest.approx(pooled.facts["bad_rate"]) and (np.diff(curve) >= -1e-15).all()


def test_incomplete_windows_are_left_out_refused_or_followed(sample_county) -> None:
    out = performance_sample(sample_county, "2024-06-30")
    steps = out.waterfall.set_index("step")["n"]
    assert steps["window not complete"] > 300
    with pytest.raises(InputError, match=f"got {steps['window not complete']} of"):
        performance_sample(sample_county, "2024-06-30", incomplete="refuse")
    followed = performance_sample(sample_county, "2024-06-30", incomplete="hazard")
    assert (followed.tidy()["complete"] == 0).sum() == steps["window not complete"] == followed.facts["incomplete"]
    assert len(followed.tidy()) == len(out.tidy()) + steps["window not complete"]
    ends = followed.exposure.groupby("household_id").last()
    assert ((ends["event"] + ends["done"]) == 0).sum() > 0  # some were still open when the book ended


def test_a_shorter_book_followed_by_hazard_agrees_with_the_longer_one(sample_county) -> None:
    """The share bad by month 9, estimated early with windows cut off, lies in the later interval."""
    from creditlab.loans import loan_book
    from creditlab.loans.shares import share_limits

    book = loan_book(sample_county)
    early = (
        performance_sample(book.until("2024-10-31"), "2023-12-31", incomplete="hazard").maturity().set_index("month")
    )
    whole = performance_sample(book, "2023-12-31", incomplete="hazard")
    late = whole.maturity().set_index("month")
    n = len(whole.tidy())
    lo, hi = share_limits(late.loc[9, "estimate"] * n, n, 0.99)
    assert lo < early.loc[9, "estimate"] < hi
    np.testing.assert_allclose(early.loc[1:9, "estimate"], late.loc[1:9, "estimate"], atol=1e-12)


def test_notes_as_units_and_principal_alone(sample_county) -> None:
    notes = performance_sample(sample_county, "2023-12-31", Bad(unit="note"))
    assert notes.tidy()["note_id"].is_unique
    homes = performance_sample(sample_county, "2023-12-31")
    by_home = notes.tidy().groupby("household_id")["bad"].max()
    shared = homes.tidy().set_index("household_id")["bad"].reindex(by_home.index).dropna()
    assert (by_home.loc[shared.index] <= shared).all()
    principal = performance_sample(sample_county, "2023-12-31", Bad(of="principal")).tidy()
    assert set(principal["bad"]) == {0, 1}


def test_the_indeterminate_are_neither_good_nor_bad() -> None:
    notes = [made.note(f"N{i}", f"H{i}", granted="2023-01-05", due="2023-12-20", plan="harvest") for i in range(3)]
    rows = [
        *made.months("N0", "2023-01", [0] * 12),
        *made.months("N1", "2023-01", [0] * 11 + [11, 42, 71]),
        *made.months("N2", "2023-01", [0] * 11 + [11, 42, 71, 102, 133]),
        *made.months("late", "2023-01", [0] * 18),
    ]
    homes = pd.DataFrame({"household_id": ["H0", "H1", "H2"], "village_id": "V"})
    book = made.book([*notes, made.note("late", "H9", due="2024-06-30")], rows, homes)
    plain = performance_sample(book, "2023-06-30").tidy().set_index("household_id")["bad"].to_dict()
    assert plain == {"H0": 0, "H1": 0, "H2": 1}
    grey = performance_sample(book, "2023-06-30", Bad(indeterminate=60))
    assert grey.tidy()["household_id"].tolist() == ["H0", "H2"]
    steps = grey.waterfall.set_index("step")
    assert steps.loc["indeterminate", "n"] == 1 and steps.loc["kept", "left"] == 2
    with pytest.raises(InputError, match="from 1 to 89"):
        Bad(indeterminate=90)


def test_a_short_window_is_refused_by_plan_with_the_number_of_notes() -> None:
    plans = ["harvest", "harvest", "instalments", "monthly_interest"]
    notes = [made.note(f"N{i}", f"H{i}", plan=p, due="2024-06-20") for i, p in enumerate(plans)]
    homes = pd.DataFrame({"household_id": [f"H{i}" for i in range(4)], "village_id": "V"})
    book = made.book(notes, [r for i in range(4) for r in made.months(f"N{i}", "2023-01", [0] * 24)], homes)
    with pytest.raises(InputError, match=r"too short for 3 of 3 such notes \(harvest 2, monthly_interest 1\)"):
        performance_sample(book, "2023-06-30", Bad(window="12m"))
    # interest of the monthly plan shows early, that of the harvest plan not
    with pytest.raises(InputError, match=r"too short for 2 of 2 such notes \(harvest 2\)"):
        performance_sample(book, "2023-06-30", Bad(of="interest", window="12m"))
    assert len(performance_sample(book, "2023-06-30", Bad(window="16m")).tidy()) == 4


def test_guarantors_are_not_counted_for_the_notes_of_others(sample_county, pooled) -> None:
    """Every household of the sample has a note of its own among those followed."""
    loans = sample_county.tables["loans"].frame
    assert set(pooled.tidy()["household_id"]) <= set(loans["household_id"].dropna())
    assert not pooled.tidy().duplicated(["household_id", "as_of"]).any()


def test_the_bad_rate_agrees_with_the_truth(sample_county, sample_folder) -> None:
    """The mean true PD of the cohort's households, given the year that followed, against the share that went bad.

    The truth leaves out contagion among guarantors and renewals that hide arrears: the bound is four standard errors.
    """
    sample = performance_sample(sample_county, "2023-12-31").tidy()
    truth = pd.read_parquet(sample_folder / "truth" / "performance.parquet")
    truth = truth[truth["as_of"] == "2023-12-31"].set_index("household_id")["pd"]
    prob = sample["household_id"].map(truth)
    assert prob.notna().mean() > 0.99
    spread = np.sqrt((prob * (1 - prob)).sum()) / len(prob)
    assert abs(sample["bad"].mean() - prob.mean()) < 4 * spread


def test_a_county_without_households_says_so(sample_county) -> None:
    tables = {k: v for k, v in sample_county.tables.items() if k != "households"}
    with pytest.raises(InputError, match="the table households"):
        performance_sample(SimpleNamespace(tables=tables), "2023-12-31")


def test_the_definition_as_a_sentence() -> None:
    assert Bad().label("zh") == "农户：到期后 120 天内本金或利息逾期 90 天及以上为坏"
