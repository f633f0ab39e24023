"""Dynamics: migration, trends with a season, change points and lists of two dates, against known truth."""

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import ColumnError, InputError
from creditlab.village import change_points, early_warning, new_and_gone, seasonal_expected, trends

ORDER = ("normal", "special_mention", "substandard")


def moved(seed=0, villages=50, each=60, bad=5):
    rng = np.random.default_rng(seed)
    village = np.repeat(np.arange(villages), each)
    start = rng.choice(3, len(village), p=[0.85, 0.1, 0.05])
    worse = rng.random(len(village)) < np.where(start == 0, 0.05, 0.2) * np.where(village < bad, 4, 1)
    end = np.minimum(start + worse, 2)
    return np.array(ORDER)[start], np.array(ORDER)[end], village


def test_migration_counts_add_up_and_the_bad_villages_come_first():
    start, end, village = moved()
    table = early_warning(start, end, village, ORDER).tidy()
    assert table["worse"].sum() == pytest.approx(table["expected"].sum())
    assert table["n"].sum() == len(start) and table["better"].sum() == 0
    assert set(table.nlargest(5, "estimate")["village"]) == set(range(5))
    assert (table.loc[:4, "p_above"] > 0.9).all() and (table.loc[5:, "p_above"] > 0.9).mean() < 0.1


def test_migration_without_any_move_and_unknown_states():
    still = early_warning(["normal"] * 4, ["normal"] * 4, list("AABB"), ORDER)
    assert still.tidy()["estimate"].isna().all() and still.tidy()["worse"].sum() == 0
    with pytest.raises(InputError, match="states among 'normal', 'special_mention', 'substandard'; got 1 others"):
        early_warning(["normal", "gone"], ["normal", "normal"], ["A", "A"], ORDER)
    with pytest.raises(InputError, match="at least one loan"):
        early_warning([], [], [], ORDER)


def quarters(seed=0, villages=60, periods=16, rising=6, slope=0.5):
    """Counts by village and quarter: a harvest season by crop, a county level, and some villages that rise."""
    rng = np.random.default_rng(seed)
    village = np.repeat(np.arange(villages), periods)
    period = np.tile(np.arange(periods), villages)
    crop = village % 2
    season = np.where((period % 4 == 2) & (crop == 1), 3.0, np.where((period % 4 == 1) & (crop == 0), 2.0, 1.0))
    loans = np.repeat(rng.integers(20, 80, villages), periods)
    level = 0.03 * season * np.exp(0.15 * np.sin(period / 3))
    trend = np.where(village < rising, slope, 0.0) * (period - periods / 2) / 4
    return rng.poisson(loans * level * np.exp(trend)), loans, village, period, crop


def test_expected_counts_carry_season_and_level():
    seen, loans, village, period, crop = quarters(rising=0)
    hoped = seasonal_expected(seen, loans, period, period % 4, crop)
    frame = pd.DataFrame({"seen": seen, "hoped": hoped, "period": period, "season": period % 4, "crop": crop})
    for keys in (["period"], ["season", "crop"]):
        sums = frame.groupby(keys)[["seen", "hoped"]].sum()
        np.testing.assert_allclose(sums["seen"], sums["hoped"], rtol=1e-6)
    harvest = (crop == 1) & (period % 4 == 2)
    assert (hoped / loans)[harvest].mean() / (hoped / loans)[(crop == 1) & (period % 4 == 3)].mean() == pytest.approx(
        3, rel=0.25
    )


def test_rising_villages_are_found_and_a_season_is_no_trend():
    seen, loans, village, period, crop = quarters(rising=20)
    hoped = seasonal_expected(seen, loans, period, period % 4, crop)
    table = trends(seen, hoped, village, period / 4).tidy()
    # the county rises too, by what a third of its villages do, so that theirs is less than .5 and the others' falls
    assert table.loc[:19, "change"].mean() > 1.1 > 0.95 > table.loc[20:, "change"].mean()
    assert (table.loc[:19, "p_rising"] > 0.9).mean() >= 0.5 and (table.loc[20:, "p_rising"] > 0.9).mean() < 0.1
    calm = quarters(seed=2, rising=0)
    flat = trends(calm[0], seasonal_expected(calm[0], calm[1], calm[3], calm[3] % 4, calm[4]), calm[2], calm[3] / 4)
    assert (flat.tidy()["p_rising"].between(0.05, 0.95)).mean() > 0.9


def test_trend_intervals_cover_the_truth():
    """Slopes drawn with sd .25 a year; 90 % intervals over three seeds of 60 villages."""
    covered = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        village, period = np.repeat(np.arange(60), 16), np.tile(np.arange(16), 60)
        slope = rng.normal(0, 0.25, 60)
        hoped = np.full(960, 2.0)
        seen = rng.poisson(hoped * np.exp(slope[village] * (period - 7.5) / 4))
        table = trends(seen, hoped, village, period / 4).tidy()
        covered.append(((table["lo"] <= np.exp(slope)) & (np.exp(slope) <= table["hi"])).mean())
    assert 0.8 <= np.mean(covered) <= 0.98


def test_change_points_are_found_where_they_are_and_chance_keeps_its_level():
    rng = np.random.default_rng(0)
    village, period = np.repeat(np.arange(80), 20), np.tile(np.arange(20), 80)
    rate = np.where((village < 10) & (period >= 12), 3.0, 1.0)
    table = change_points(rng.poisson(2 * rate), np.full(1600, 2.0), village, period).tidy()
    found = table.loc[:9]
    assert (found["last_before"].between(10, 13)).mean() >= 0.8 and (found["p_value"] < 0.05).mean() >= 0.8
    assert (table.loc[10:, "p_value"] < 0.05).mean() <= 0.13  # 70 villages: three errors of 5 %
    assert ((table["first"] <= table["last_before"]) & (table["last_before"] <= table["last"])).all()
    assert (table["q_value"] >= table["p_value"] - 1e-12).all()


def test_a_season_that_is_expected_is_no_change():
    period = np.arange(16)
    hoped = np.where(period % 4 == 3, 9.0, 1.0)
    row = change_points(hoped, hoped, ["A"] * 16, period).tidy().iloc[0]
    assert row["p_value"] > 0.5


def test_villages_without_events_or_periods_say_so():
    table = change_points([0, 0, 0, 0, 1, 1], [1] * 6, list("AAAABB"), [1, 2, 3, 4, 1, 2]).tidy()
    assert "no event" in table["reason"][0] and "fewer than 4 periods" in table["reason"][1]
    assert table["p_value"].isna().all()
    with pytest.raises(InputError, match="one row per village and period"):
        change_points([1, 1], [1, 1], ["A", "A"], [1, 1])
    assert trends([0, 0], [1, 1], ["A", "A"], [0, 1]).tidy()["change"].isna().all()
    assert "one period" in trends([1, 1], [1, 1], ["A", "B"], [0, 0]).tidy()["reason"][0]


def test_order_and_names_of_villages_change_nothing():
    seen, loans, village, period, crop = quarters(seed=3, villages=12)
    hoped = seasonal_expected(seen, loans, period, period % 4, crop)
    order = np.random.default_rng(0).permutation(len(seen))
    for call in (lambda o: trends(seen[o], hoped[o], village[o], period[o] / 4),
                 lambda o: change_points(seen[o], hoped[o], village[o], period[o])):  # fmt: skip
        pd.testing.assert_frame_equal(call(np.arange(len(seen))).tidy(), call(order).tidy(), atol=1e-9, rtol=0)
    named = change_points(seen, hoped, [f"z{99 - v}" for v in village], period).tidy()
    base = change_points(seen, hoped, village, period).tidy()
    np.testing.assert_array_equal(np.sort(named["p_value"]), np.sort(base["p_value"]))


def test_new_stays_gone():
    now = pd.DataFrame({"village": list("ABCD"), "p_above": [0.95, 0.92, 0.1, np.nan]})
    before = pd.DataFrame({"village": list("BCE"), "p_above": [0.99, 0.97, 0.93]})
    table = new_and_gone(now, before)
    assert dict(zip(table["village"], table["status"], strict=True)) == {
        "A": "new",
        "B": "stays",
        "C": "gone",
        "E": "gone",
    }
    assert table["status"].tolist()[0] == "new"
    assert len(new_and_gone(now, now)) == 2 and set(new_and_gone(now, now)["status"]) == {"stays"}
    with pytest.raises(InputError, match="each village once"):
        new_and_gone(pd.concat([now, now]), before)
    with pytest.raises(ColumnError, match="p_above"):
        new_and_gone(now[["village"]], before)
