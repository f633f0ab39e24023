"""Pivots: sums that add up, statistics by hand, and cells that no margin gives back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import ColumnError, InputError
from creditlab.features import FeatureFrame, make_features, pivot
from creditlab.features.pivots import hide
from tests.features.stand_in import StandIn, census, rows


@pytest.fixture(scope="module")
def file() -> StandIn:
    return StandIn(census(), {"businesses": rows("businesses", "business_id household_id sector status status_from",
                                                 ("E1", "H1", "retail", "open", "2020-01-01"))})  # fmt: skip


@pytest.fixture(scope="module")
def made(file: StandIn) -> FeatureFrame:
    return make_features(file)


def test_cells_and_margins_by_hand(file, made):
    found = pivot(made, file, "household_members", segment="household_away")
    wide = found.wide()
    assert wide.loc["V1", "0"] == 3 and wide.loc["V2", "1"] == 5 and wide.loc["total", "total"] == 2.75
    counts = found.wide("households")
    assert counts.loc["V1", "total"] == 2 and counts.loc["total", "0"] == 3 and np.isnan(counts.loc["V1", "1"])


def test_missing_values_leave_the_statistic_and_are_counted(file, made):
    found = pivot(made, file, "household_labour_share").tidy().set_index("village")
    assert found.loc["V2", ["households", "n", "value"]].tolist() == [2, 1, 0.2]
    known = pivot(made, file, "household_labour_share", statistic="known").wide()
    assert known.loc["V2", "total"] == 0.5 and known.loc["total", "total"] == 0.75


def test_shares_of_texts_flags_and_numbers(file, made):
    assert pivot(made, file, "business_sector", statistic="share", level="retail").wide().loc["V1", "total"] == 1
    assert pivot(made, file, "household_away", statistic="share").wide().loc["V2", "total"] == 0.5
    assert pivot(made, file, "household_migrants_share", statistic="share").wide().loc["V1", "total"] == 0.5


def test_a_segment_may_be_a_series(file, made):
    tier = pd.Series({"H1": "A", "H2": "B", "H3": "A"})
    table = pivot(made, file, "household_members", segment=tier).wide("households")
    assert list(table.columns) == ["A", "B", "none", "total"] and table.loc["total", "none"] == 1


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"feature": "horoscope"}, "a feature such as"),
        ({"feature": "business_sector"}, "statistic='share' with a level"),
        ({"feature": "household_members", "segment": "farm_area"}, "a text or a flag"),
        ({"feature": "household_members", "by": "county"}, "'village', 'township'"),
        ({"feature": "household_members", "by": "township"}, "the table villages"),
    ],
)
def test_wrong_calls(file, made, options, match):
    with pytest.raises((ColumnError, InputError), match=match):
        pivot(made, file, **options)


def margins(body: np.ndarray) -> np.ndarray:
    table = np.zeros(np.add(body.shape, 1))
    table[:-1, :-1] = body
    table[-1], table[:, -1] = table.sum(axis=0), 0
    table[:, -1] = table.sum(axis=1)
    return table


def computable(table: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """The hidden cells whose value follows from the shown cells and margins, by linear algebra."""
    places = np.argwhere(hidden)
    equations = []
    for axis in (0, 1):
        for line in range(table.shape[axis]):
            sign = np.where(places[:, 1 - axis] == table.shape[1 - axis] - 1, -1.0, 1.0)
            equations.append(np.where(places[:, axis] == line, sign, 0.0))
    system = np.array(equations)
    rank = np.linalg.matrix_rank(system)
    return np.array([np.linalg.matrix_rank(np.vstack([system, row])) == rank for row in np.eye(len(places))])


@pytest.mark.parametrize("seed", range(25))
def test_no_hidden_cell_can_be_computed_from_what_is_shown(seed):
    rng = np.random.default_rng(seed)
    table = margins(rng.poisson(rng.choice([4, 12, 40]), (rng.integers(3, 12), rng.integers(2, 6))).astype(float))
    hidden = hide(table, 10)
    assert hidden[(table > 0) & (table < 10)].all()
    assert not hidden.any() or not computable(table, hidden).any()


def test_the_linear_algebra_finds_a_cell_that_is_given_back():
    table = margins(np.array([[3.0, 20], [30, 15]]))
    hidden = np.zeros_like(table, dtype=bool)
    hidden[0, 0] = True
    assert computable(table, hidden).all() and not computable(table, hide(table, 10)).any()


def test_nothing_is_hidden_where_all_cells_are_large_and_lines_hold_enough():
    assert not hide(margins(np.full((4, 3), 25.0)), 10).any()
    single = hide(np.array([[3.0], [20], [30], [53]]), 10)
    assert single[:, 0].tolist() == [True, True, False, False]


def test_the_external_edition_shows_no_small_cell_and_keeps_the_rest(file):
    homes = pd.DataFrame({"village_id": np.repeat(["V1", "V2", "V3", "V4"], [30, 33, 28, 6]),
                          "members": 4, "away": np.r_[np.ones(4), np.zeros(93)]},
                         index=pd.Index([f"H{i:03}" for i in range(97)], name="household_id"))  # fmt: skip
    wide = StandIn(homes, {})
    made = make_features(wide)
    outside = pivot(made, wide, "household_members", segment="household_away", edition="external")
    table = outside.tidy()
    shown = table[~table["suppressed"]]
    assert (shown["n"] >= 10).all() and 0 < table["suppressed"].sum() < len(table)
    assert table.loc[table["suppressed"], ["households", "n", "value"]].isna().all(axis=None)
    inside = pivot(made, wide, "household_members", segment="household_away").tidy()
    pd.testing.assert_frame_equal(
        shown[["households", "n", "value"]], inside.loc[shown.index, ["households", "n", "value"]], check_dtype=False
    )
