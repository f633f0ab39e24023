"""Properties of the feature frame, on the county whose truth is known."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from creditlab.data.household import household_file
from creditlab.data.schema import TABLES
from creditlab.features import MISSING_CODES, PLAN, FeatureFrame, make_features
from tests.features.stand_in import AS_OF, StandIn


@pytest.fixture(scope="module")
def world(small_world):
    return small_world


@pytest.fixture(scope="module")
def made(small_features: FeatureFrame) -> FeatureFrame:
    return small_features


def test_one_row_per_household_and_no_blanks(world, made):
    file = household_file(world.tables, AS_OF)
    assert made.frame.index.equals(file.frame.index) and made.frame.index.name == "household_id"
    assert not made.frame.isna().any(axis=None) and not np.isinf(made.frame.select_dtypes("number")).any(axis=None)
    kinds = {f.name: "str" if f.column.kind == "text" else "float64" for f in PLAN}
    assert made.frame.dtypes.astype("str").to_dict() == kinds
    assert made.as_of == AS_OF


def test_values_lie_where_they_must(made):
    values = made.frame.select_dtypes("number")
    values = values.where(~values.isin(list(MISSING_CODES.values())))
    for name, column in made.dictionary.items():
        if column.kind == "flag":
            assert set(values[name].dropna()) <= {0.0, 1.0}, name
        if "share" in name and "outflow" not in name:
            assert values[name].dropna().between(0, 1).all(), name
    changes = [f.name for f in PLAN if f.aggregate == "change"]
    assert "deposit_trend_6m" in changes and values[changes].abs().max().max() <= 1
    assert values.drop(columns=changes).min().min() >= 0
    assert values["overdue_months_24m"].max() <= 24


def test_every_feature_says_something_of_somebody(made):
    table = made.tidy().set_index("feature")
    assert (table["known"] > 20).all()
    numbers = made.frame.drop(columns=[f.name for f in PLAN if f.column.kind == "text"])
    constant = set(numbers.columns[numbers.nunique() < 2])
    assert constant <= {"cases_as_guarantor"}  # nobody is sued as a guarantor in a county of 14 villages


def test_special_covers_the_codes_that_occur(made):
    for name, codes in made.special.items():
        values = made.frame[name]
        found = set(values[values.isin([*MISSING_CODES, *MISSING_CODES.values()])])
        assert found <= set(codes), name


def test_tidy_counts_add_up(made):
    table = made.tidy()
    assert (table["known"] + table[list(MISSING_CODES)].sum(axis=1) == len(made.frame)).all()
    assert made.glance()["features"].item() == len(PLAN)
    assert "特征表" in made._repr_html_()


def test_rows_known_later_change_nothing(world, made):
    known = {n: t[t["known_on"] <= AS_OF] for n, t in world.tables.items()}
    spoilt = {}
    for name, frame in world.tables.items():
        later = frame[frame["known_on"] > AS_OF]
        numbers = [c.name for c in TABLES[name] if c.kind == "number" and c.use == "model"]
        spoilt[name] = pd.concat([known[name], later.assign(**{c: later[c] * 7 + 1 for c in numbers})])
    for tables in (known, spoilt):
        pd.testing.assert_frame_equal(make_features(household_file(tables, AS_OF)).frame, made.frame)


def test_events_after_the_date_change_nothing_even_when_the_file_holds_them(world, made):
    """A file that forgot to filter by the day of the event: tables with later rows of the same households."""
    file = household_file(world.tables, AS_OF)
    dated = ("deposits", "payments", "loan_months", "agriculture", "judgments", "credit_reports", "loans", "tax")
    tables = {n: file.tables[n] for n in file.tables}
    for name in dated:
        event = TABLES[name].event
        ahead = world.tables[name][world.tables[name][event] > AS_OF]
        assert len(ahead)
        tables[name] = pd.concat([tables[name], ahead])
    again = make_features(StandIn(file.frame, tables, file.consented, AS_OF))
    pd.testing.assert_frame_equal(again.frame, made.frame)


def test_order_of_rows_does_not_matter(world, made):
    turned = {n: t.sample(frac=1, random_state=3).reset_index(drop=True) for n, t in world.tables.items()}
    again = make_features(household_file(turned, AS_OF))
    pd.testing.assert_frame_equal(again.frame, made.frame, check_exact=True)
    assert again.stamp == made.stamp


def test_households_do_not_depend_on_one_another(world, made):
    some = made.frame.index[::7]
    alone = make_features(household_file(world.tables, AS_OF, households=some)).frame
    pd.testing.assert_frame_equal(alone, made.frame.loc[some], check_exact=True)


def test_inputs_stay_as_they_were(world):
    file = household_file(world.tables, AS_OF)
    before = {n: file.tables[n].copy() for n in file.tables}
    make_features(file)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(file.tables[name], frame)


def test_arrears_agree_with_the_tape(world, made):
    """The most days past due of each household, by a plain loop over the tape as it was known."""
    notes, months = world.tables["loans"], world.tables["loan_months"]
    seen = months[(months["known_on"] <= AS_OF) & (months["month_end"] > pd.Timestamp("2022-12-31"))]
    notes = notes[(notes["known_on"] <= AS_OF) & (notes["borrower_kind"] == "person")]
    owner = dict(zip(notes["note_id"], notes["household_id"], strict=True))
    worst: dict[str, float] = {}
    for note, dpd in zip(seen["note_id"], seen["dpd"], strict=True):
        if note in owner:
            worst[owner[note]] = max(dpd, worst.get(owner[note], 0))
    expected = pd.Series(worst).reindex(made.frame.index, fill_value=MISSING_CODES["not_applicable"])
    pd.testing.assert_series_equal(made.frame["dpd_max_12m"], expected, check_names=False, check_dtype=False)
    assert (expected > 0).sum() > 30


def test_risk_shows_in_the_direction_that_is_declared(world, made):
    """Against the true PD: what is called riskier is riskier on average, for the features that carry most."""
    truth = world.truth["households"].set_index("household_id")
    name = next(c for c in truth.columns if "pd" in c.lower())
    pd_true = truth[name].reindex(made.frame.index).astype(float)
    for feature in ("dpd_max_12m", "deposit_avg_12m", "overdue_months_24m"):
        values = made.frame[feature]
        there = ~values.isin(list(MISSING_CODES.values())) & pd_true.notna()
        rank = values[there].rank().corr(pd_true[there].rank())
        assert np.sign(rank) == made.dictionary[feature].direction and abs(rank) > 0.05, feature


def test_nothing_known_yet_is_an_answer(world):
    file = household_file(world.tables, AS_OF)
    void = {n: file.tables[n].iloc[:0] for n in file.tables}
    frame = make_features(dataclasses.replace(StandIn(file.frame, void), as_of=AS_OF)).frame
    assert (frame["loan_balance"] == 0).all() and (frame["farm_main_crop"] == "not_collected").all()


def test_import_is_light():
    code = "import sys, creditlab.features; print([m for m in ('scipy', 'sklearn', 'plotly') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    assert shown.stdout.strip() == "[]"
