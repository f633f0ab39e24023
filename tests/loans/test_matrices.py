"""Transition matrices, roll rates, shrinkage: counts that add up, and truths that are found again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.loans import loan_book, roll_rates, shrink, transitions
from creditlab.loans.matrices import EXITS, bucket_names
from creditlab.loans.shrinkage import strength_of
from tests.loans import made


def test_pairs_worked_by_hand() -> None:
    notes = [made.note("A"), made.note("B", "H2"), made.note("C", "H3")]
    rows = [
        *made.months("A", "2023-01", [0, 10, 40, 0]),
        *made.months("B", "2023-01", [0, 0]),  # paid in March
        *made.months("C", "2023-01", [100, 100, 100, 100], written_off=[0, 1, 1, 1]),
    ]
    got = transitions(made.book(notes, rows), states=(0, 30, 90)).counts()
    assert got.loc["0", "0"] == 1 and got.loc["0", "1-30"] == 1 and got.loc["1-30", "31-90"] == 1
    assert got.loc["31-90", "0"] == 1 and got.loc["0", "paid"] == 1
    assert got.loc["90+", "written_off"] == 1  # once, not again in the months after
    assert got.to_numpy().sum() == 6


def test_every_pair_of_months_is_counted_once_and_gaps_apart() -> None:
    book = made.random_book(30)
    result = transitions(book)
    note, month = book.months["note"].to_numpy(), book.months["month"].to_numpy()
    same = note[1:] == note[:-1]
    started = book.on_book[:-1]
    regular = (same & (month[1:] == month[:-1] + 1) & started).sum()
    gaps = (same & (month[1:] > month[:-1] + 1) & started).sum()
    ends = (np.append(~same, True) & book.on_book & (month < book.last)).sum()
    assert result.tidy()["n"].sum() == regular + ends and result.facts["irregular pairs"] == gaps
    assert result.irregular["n"].sum() == regular + ends + gaps


@pytest.mark.parametrize("by", ["product", "channel", "village_id", "cohort_year"])
def test_groups_add_up_to_the_bank(by: str) -> None:
    book = made.random_book(31)
    result = transitions(book, by)
    table = result.tidy()
    parts = table[table["group"] != "all"].groupby(["from", "to"])[["n", "balance"]].sum()
    whole = table[table["group"] == "all"].set_index(["from", "to"])[["n", "balance"]]
    pd.testing.assert_frame_equal(parts.sort_index(), whole.sort_index(), check_dtype=False)
    pd.testing.assert_frame_equal(transitions(book).counts(), result.counts())


def test_rows_are_probabilities_and_lie_in_their_intervals() -> None:
    table = transitions(made.random_book(32), "product").tidy()
    seen = table[table["total"] > 0]
    sums = seen.groupby(["group", "from"])["estimate"].sum()
    np.testing.assert_allclose(sums, 1.0)
    assert (seen["lo"] <= seen["estimate"]).all() and (seen["estimate"] <= seen["hi"]).all()


def test_windows_of_months_part_the_pairs() -> None:
    book = made.random_book(33)
    parts = [transitions(book, start=s, end=e) for s, e in ((None, "2024-01-31"), ("2024-01-31", None))]
    assert sum(p.tidy()["n"].sum() for p in parts) == transitions(book).tidy()["n"].sum()


def test_the_order_of_the_rows_does_not_matter() -> None:
    tables = made.random_tables(34)
    one, other = (transitions(loan_book(t), "village_id") for t in (tables, made.shuffled(tables)))
    pd.testing.assert_frame_equal(one.tidy(), other.tidy())


def test_a_known_chain_is_found_again() -> None:
    """10,000 notes of ten months by a known matrix: each row's estimates within 4.5 standard errors of the truth."""
    rng = np.random.default_rng(1)
    truth = np.array([[0.9, 0.1, 0.0], [0.4, 0.2, 0.4], [0.05, 0.05, 0.9]])
    days = np.array([0, 20, 120])
    n, length = 10_000, 10
    state = np.zeros((n, length), dtype=int)
    for k in range(1, length):
        u = rng.random(n)
        state[:, k] = (u[:, None] > truth.cumsum(axis=1)[state[:, k - 1]]).sum(axis=1)
    frame = pd.DataFrame(
        {
            "note_id": np.repeat([f"N{i:05d}" for i in range(n)], length),
            "month_end": np.tile(pd.date_range("2023-01-31", periods=length, freq="ME"), n),
            "balance": 1.0,
            "dpd": days[state.reshape(-1)],
        }
    )
    loans = pd.DataFrame(
        {"note_id": [f"N{i:05d}" for i in range(n)], "granted_on": "2023-01-01", "due_on": "2024-12-31"}
    )
    result = transitions({"loans": loans, "loan_months": frame}, states=(0, 30, 90))
    got = result.matrix().loc[["0", "1-30", "90+"], ["0", "1-30", "90+"]].to_numpy()
    total = result.counts().loc[["0", "1-30", "90+"]].sum(axis=1).to_numpy()[:, None]
    assert (np.abs(got - truth) <= 4.5 * np.sqrt(truth * (1 - truth) / total) + 1e-12).all()


def test_roll_rates_part_every_state_into_worse_same_and_better(sample_book) -> None:
    rolls = roll_rates(transitions(sample_book, "product"))
    table = rolls.tidy()
    seen = table[table["n"] > 0]
    np.testing.assert_allclose(seen["worse"] + seen["same"] + seen["better"], 1.0)
    assert (seen["cured"] + seen["paid"] <= seen["better"] + 1e-12).all()
    bank = table[table["group"] == "all"].set_index("from")
    # arrears of 31 to 60 days go on worsening in most cases, those of 1 to 30 in less than half
    assert bank.loc["1-30", "worse_hi"] < 0.5 < bank.loc["31-60", "worse_lo"]
    with pytest.raises(InputError, match="a Transitions"):
        roll_rates(table)


def test_a_shrunken_probability_lies_between_the_village_s_and_the_bank_s(sample_book) -> None:
    result = transitions(sample_book, "village_id")
    table = shrink(result).tidy()
    seen = table[table["total"] > 0]
    lower, upper = np.minimum(seen["raw"], seen["bank"]), np.maximum(seen["raw"], seen["bank"])
    assert ((seen["estimate"] >= lower - 1e-12) & (seen["estimate"] <= upper + 1e-12)).all()
    sums = seen.groupby(["group", "from"])["estimate"].sum()
    np.testing.assert_allclose(sums, 1.0)
    unseen = table[table["total"] == 0]
    np.testing.assert_allclose(unseen["estimate"], unseen["bank"])
    weight = seen["total"] / (seen["total"] + seen["strength"])
    np.testing.assert_allclose(seen["estimate"], weight * seen["raw"] + (1 - weight) * seen["bank"], atol=1e-12)


def test_the_strength_of_the_prior_is_found_again() -> None:
    """300 groups of 60 pairs from a Dirichlet of strength 20: log strength within four standard errors (0.12)."""
    rng = np.random.default_rng(2)
    mean = np.array([0.7, 0.2, 0.1])
    rows = rng.dirichlet(20 * mean, 300)
    counts = np.array([rng.multinomial(60, p) for p in rows])
    assert abs(np.log(strength_of(counts, mean)) - np.log(20)) < 0.48
    # groups that do not differ: the strongest prior, or one under which no group moves
    same = np.array([rng.multinomial(60, mean) for _ in range(300)])
    assert strength_of(same, mean) > 500
    assert strength_of(np.zeros((3, 3)), mean) == 1e7


def test_shrinking_beats_the_raw_village_matrices() -> None:
    """Known village rows: the squared error of the shrunken ones is under that of the raw ones and of the bank's."""
    rng = np.random.default_rng(3)
    mean = np.array([0.8, 0.15, 0.05])
    truth = rng.dirichlet(40 * mean, 200)
    sizes = rng.integers(5, 60, 200)
    counts = np.array([rng.multinomial(n, p) for n, p in zip(sizes, truth, strict=True)])
    s = strength_of(counts, counts.sum(axis=0) / counts.sum())
    bank = counts.sum(axis=0) / counts.sum()
    shrunken = (counts + s * bank) / (sizes[:, None] + s)
    raw = counts / sizes[:, None]
    errors = [((e - truth) ** 2).sum() for e in (shrunken, raw, np.broadcast_to(bank, truth.shape))]
    assert errors[0] < min(errors[1:])


def test_wrong_calls_are_refused(sample_book) -> None:
    with pytest.raises(InputError, match="transitions by a group"):
        shrink(transitions(sample_book))
    with pytest.raises(InputError, match="buckets that rise from 0"):
        bucket_names((30, 60))
    with pytest.raises(InputError, match="one of 'class5'"):
        transitions(sample_book, states="dpd")
    assert len(EXITS) == 3


def test_five_classes_as_states(sample_book) -> None:
    matrix = transitions(sample_book, states="class5").matrix()
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0)
    assert matrix.loc["loss", "written_off"] > 0 and matrix.loc["paid", "paid"] == 1.0
