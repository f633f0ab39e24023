"""Splits: dates are never cut in two, groups never divided, the same seed gives the same rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.study.splits import split_rows

N = 400


@pytest.fixture
def y() -> np.ndarray:
    return (np.random.default_rng(1).random(N) < 0.2).astype(np.int8)


def test_at_random_within_goods_and_bads(y: np.ndarray) -> None:
    split = split_rows(y, seed=3)
    assert y[split == "test"].mean() == pytest.approx(y.mean(), abs=0.01)
    assert (split == "test").mean() == pytest.approx(0.3, abs=0.005)
    assert (split == split_rows(y, seed=3)).all() and (split != split_rows(y, seed=4)).any()


def test_a_date_holds_the_latest_rows_back_and_is_never_cut(y: np.ndarray) -> None:
    date = pd.Series(pd.to_datetime("2023-01-31") + pd.to_timedelta(np.arange(N) % 12 * 30, unit="D"))
    split = split_rows(y, date=date)
    assert date[split == "out-of-time"].min() > date[split == "development"].max()
    assert (split == "out-of-time").mean() >= 0.3
    assert "test" not in split


def test_a_group_is_whole_on_one_side(y: np.ndarray) -> None:
    group = np.array([f"v{i % 23}" for i in range(N)], dtype=object)
    split = split_rows(y, group=group, seed=2)
    sides = pd.DataFrame({"group": group, "split": split}).groupby("group")["split"].nunique()
    assert (sides == 1).all()
    shuffled = np.random.default_rng(0).permutation(N)
    again = split_rows(y[shuffled], group=group[shuffled], seed=2)
    assert set(group[shuffled][again == "test"]) == set(group[split == "test"])


def test_two_groups_are_not_held_back_whole(y: np.ndarray) -> None:
    split = split_rows(y, group=np.where(np.arange(N) % 2, "A", "B"), seed=2)
    sides = pd.DataFrame({"group": np.arange(N) % 2, "split": split}).groupby("group")["split"].nunique()
    assert (sides == 2).all() and (split == "test").mean() == pytest.approx(0.3, abs=0.005)


def test_date_and_group_together(y: np.ndarray) -> None:
    group = np.array([f"v{i % 23}" for i in range(N)], dtype=object)
    date = pd.Series(pd.to_datetime("2023-01-31") + pd.to_timedelta(np.arange(N) % 12 * 30, unit="D"))
    assert set(split_rows(y, date=date, group=group)) == {"development", "test", "out-of-time"}


def test_what_cannot_be_split_is_refused(y: np.ndarray) -> None:
    with pytest.raises(InputError, match="at least two dates"):
        split_rows(y, date=pd.Series(pd.Timestamp("2023-01-01"), index=range(N)))
    with pytest.raises(InputError, match="1 rows without"):
        split_rows(y, date=pd.Series([pd.NaT, *[pd.Timestamp("2023-01-01")] * (N - 1)]))
    with pytest.raises(InputError, match="at least two groups"):
        split_rows(y, group=np.zeros(N))
    with pytest.raises(InputError, match="goods and bads in the development rows"):
        split_rows(np.array([0, 0, 0, 1]), group=np.arange(4), share=0.5, seed=2)
