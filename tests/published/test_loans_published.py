"""Loan-book statistics against published figures, each with its source."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.loans import five_category, migration_rate, migration_statistics, transitions
from creditlab.loans.book import month_ends


@pytest.mark.parametrize(
    ("moved", "opening", "decrease", "rate"),
    [(500, 5000, 1000, 0.125), (600, 4500, 1000, 0.171), (600, 4000, 1000, 0.20)],
)
def test_special_mention_migration_of_the_examination_texts(moved, opening, decrease, rate) -> None:
    """Banking qualification examination, three question banks: 12.5 %, 17.1 %, 20 %, printed to one decimal."""
    assert round(float(migration_rate(moved, opening, decrease)), 3) == rate


def test_matrix_weighted_bandwidth_of_mathworks() -> None:
    """MathWorks, matrixWeightedBandwidth: prints [0.3306 0.6066]; by the formula of ECB (2019) 41/124 and 202/333."""
    counts = [[10, 8, 15, 9, 10], [11, 9, 13, 9, 8], [0, 10, 10, 11, 10], [0, 0, 9, 11, 11], [0, 0, 0, 11, 10]]
    facts = migration_statistics(counts).facts
    assert facts["upper"] == pytest.approx(202 / 333, abs=1e-15) and facts["lower"] == pytest.approx(
        41 / 124, abs=1e-15
    )
    assert (round(facts["lower"], 4), round(facts["upper"], 4)) == (0.3306, 0.6066)


def test_migration_z_of_the_ecb_formula() -> None:
    """ECB, Instructions for reporting the validation results of internal models (2019), 2.5.5.2: a row of 200."""
    counts = np.zeros((5, 5))
    counts[2] = [10, 30, 120, 30, 10]
    row = migration_statistics(counts).tidy().query("`from` == '3'").set_index("to")
    np.testing.assert_allclose(row["z"], [3.24442842, 8.60073269, 8.60073269, 3.24442842], atol=5e-9)
    assert row.loc["1", "p_value"] == pytest.approx(0.99941157, abs=5e-9)


#: R package msm, statetable.msm(state, PTNUM, data = cav): rows are states 1 to 3, columns states 1 to 4
CAV = np.array([[1367, 204, 44, 148], [46, 134, 54, 48], [4, 13, 107, 55]])


def _walks(counts: np.ndarray) -> list[list[int]]:
    """Sequences of states whose steps are exactly these counts: each walk goes on as long as a step is left."""
    left = counts.copy()
    walks = []
    while left.sum():
        state = int(np.argmax(left.sum(axis=1)))
        walk = [state]
        while state < len(left) and left[state].sum():
            following = int(np.argmax(left[state]))
            left[state, following] -= 1
            state = following
            walk.append(state)
        walks.append(walk)
    return walks


def test_the_counts_of_msm_are_found_in_sequences_of_them() -> None:
    """Markov counts of the heart transplant study as in msm's statetable, from sequences that contain these steps.

    Counting across the end of one sequence and the beginning of the next, or losing a last step, would show.
    """
    days = [0, 20, 45, 95]
    rows, loans = [], []
    for i, walk in enumerate(_walks(CAV)):
        for start in range(0, len(walk) - 1, 500):  # long walks in parts: a note has at most 500 months here
            part = walk[start : start + 501]
            name = f"N{i:04d}-{start:05d}"
            loans.append({"note_id": name, "granted_on": "1960-01-01", "due_on": "2010-01-01"})
            ends = month_ends(range(1960 * 12, 1960 * 12 + len(part)))
            rows += [
                {"note_id": name, "month_end": e, "balance": 1.0, "dpd": days[s]}
                for e, s in zip(ends, part, strict=True)
            ]
    book = {"loans": pd.DataFrame(loans), "loan_months": pd.DataFrame(rows)}
    got = transitions(book, states=(0, 30, 60)).counts()
    states = ["0", "1-30", "31-60", "60+"]
    np.testing.assert_array_equal(got.loc[states[:3], states], CAV)
    shares = transitions(book, states=(0, 30, 60)).matrix().loc[states[:3], states]
    assert (shares.to_numpy() <= 1).all()


def test_the_worked_case_of_overdue_interest() -> None:
    """A published case: interest due on 20 December 2016 is 11 days past due on 31 December, special mention."""
    days = (pd.Timestamp("2016-12-31") - pd.Timestamp("2016-12-20")).days
    assert days == 11 and five_category([days], "2007").tolist() == ["special_mention"]
