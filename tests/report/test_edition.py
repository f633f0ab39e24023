"""The external edition: no cell under ten borrowers, and no total that gives one back."""

from __future__ import annotations

import pandas as pd
import pytest

from creditlab.village.suppression import suppress


def _villages(counts: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"village": [f"v{i}" for i in range(len(counts))], "n": counts, "bad": 1, "note": "x"})


@pytest.mark.parametrize(
    ("counts", "hidden"),
    [
        ([12, 40, 50], [False, False, False]),
        ([3, 12, 40], [True, True, False]),  # alone, the 3 would follow from the total
        ([3, 4, 40, 50], [True, True, True, False]),  # together still under ten
        ([6, 7, 40], [True, True, False]),
        ([2], [True]),
    ],
)
def test_small_cells_and_the_next_smallest_are_blanked(counts: list[int], hidden: list[bool]) -> None:
    shown = suppress(_villages(counts))
    assert shown["suppressed"].tolist() == hidden
    assert shown["n"].isna().tolist() == hidden and shown["note"].isna().tolist() == hidden
    assert shown["village"].notna().all()


@pytest.mark.parametrize("counts", [[1, 2, 3, 4, 5, 100], [9, 10, 11], [9, 9, 9], [5, 30, 30, 30]])
def test_the_difference_to_a_printed_total_is_never_a_small_group(counts: list[int]) -> None:
    shown = suppress(_villages(counts))
    rest = sum(counts) - shown["n"].sum()
    assert rest == 0 or rest >= 10
    assert not shown["suppressed"].any() or shown["suppressed"].sum() >= 2
