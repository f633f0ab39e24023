"""Enforcement by village: counts that add up, open cases that count, and hardness against known truth."""

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import ColumnError, InputError
from creditlab.village import enforcement_outcomes

DAY = "2025-06-30"


def cases(seed=0, villages=40, each=12):
    """Half of the villages are hard: their cases close slowly and without assets."""
    rng = np.random.default_rng(seed)
    village = np.repeat(np.arange(villages), each)
    hard = village % 2 == 1
    n = len(village)
    started = pd.Timestamp("2022-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D")
    closed = started + pd.to_timedelta(np.ceil(rng.exponential(np.where(hard, 500, 200))), unit="D")
    amount = np.round(np.exp(rng.normal(10, 0.6, n)), -2)
    none = rng.random(n) < np.where(hard, 0.8, 0.3)
    open_ = closed > pd.Timestamp(DAY)
    frame = pd.DataFrame(
        {
            "court": "county court",
            "amount": amount,
            "enforcement_on": started,
            "closed_on": pd.Series(closed).mask(open_),
            "enforced_amount": pd.Series(np.where(none, 0.05, 0.8) * amount).mask(open_),
            "outcome": pd.Series(np.where(none, "no_assets", "paid"), dtype=object).mask(open_),
            "dishonest_list": pd.Series(none & (rng.random(n) < 0.5), dtype=float).mask(open_),
        }
    )
    return frame, village


def test_counts_add_up_and_shares_are_by_amount():
    frame, village = cases()
    result = enforcement_outcomes(frame, village, DAY)
    table = result.tidy()
    closed = frame["closed_on"].notna()
    assert table["cases"].sum() == len(frame) and table["closed"].sum() == closed.sum()
    share = frame.loc[closed, "enforced_amount"].sum() / frame.loc[closed, "amount"].sum()
    assert result.facts["share_enforced"] == pytest.approx(share)
    assert (table["share_enforced"] * table["amount"]).sum() == pytest.approx(table["enforced"].sum())
    assert table["no_assets"].mul(table["closed"]).sum() == frame["outcome"].eq("no_assets").sum()


def test_hard_villages_are_hard():
    frame, village = cases()
    table = enforcement_outcomes(frame, village, DAY).tidy()
    hard = table["unit"] % 2 == 1
    assert table.loc[hard, "estimate"].mean() > 1.3 > 0.85 > table.loc[~hard, "estimate"].mean()
    assert table.loc[hard, "p_above"].mean() > 0.85


def test_a_court_that_closes_nothing_does_not_look_fast():
    """Open cases count with the months they have waited: closing half of them makes the time shorter, not longer."""
    frame, village = cases(seed=1)
    waiting = frame.copy()
    for column in ("closed_on", "enforced_amount", "outcome", "dishonest_list"):
        waiting[column] = waiting[column].mask(village == 0)
    first = enforcement_outcomes(waiting, village, DAY, units=range(40))
    parts = first.index.components.query("component == 'months_to_close'").set_index("village")
    assert parts["observed"][0] == 0 and parts["estimate"][0] > parts["estimate"].median()
    assert np.isnan(first.tidy()["months_to_close"][0])


def test_nothing_after_the_date_is_seen():
    frame, village = cases(seed=2)
    early = enforcement_outcomes(frame, village, "2023-06-30", units=range(40)).tidy()
    later = frame.assign(
        closed_on=frame["closed_on"].where(frame["closed_on"] <= pd.Timestamp("2023-06-30")),
        outcome=frame["outcome"].where(frame["closed_on"] <= pd.Timestamp("2023-06-30")),
    )
    again = enforcement_outcomes(later, village, "2023-06-30", units=range(40)).tidy()
    pd.testing.assert_frame_equal(early, again)


def test_by_court_and_villages_without_a_case():
    frame, village = cases()
    by_court = enforcement_outcomes(frame, frame["court"], DAY).tidy()
    assert len(by_court) == 1 and by_court["cases"][0] == len(frame)
    listed = enforcement_outcomes(frame, village, DAY, units=[*range(40), 99]).tidy()
    assert listed["cases"].iloc[-1] == 0 and listed["reason"].iloc[-1]
    assert np.isnan(listed["share_enforced"].iloc[-1])


def test_awkward_inputs():
    frame, village = cases()
    nothing = enforcement_outcomes(frame.iloc[:0], [], DAY, units=["A"]).tidy()
    assert nothing["cases"][0] == 0 and np.isnan(nothing["estimate"][0])
    with pytest.raises(ColumnError, match="outcome"):
        enforcement_outcomes(frame.drop(columns="outcome"), village, DAY)
    with pytest.raises(InputError, match="480 cases without"):
        enforcement_outcomes(frame, [None] * len(frame), DAY)
    with pytest.raises(InputError, match="amounts of 0 or more"):
        enforcement_outcomes(frame.assign(amount=-1.0), village, DAY)
