"""Portraits: what the page says is what the file holds, pseudonyms only, both languages, small segments refused."""

from __future__ import annotations

import re

import pandas as pd
import pytest

import creditlab as cl
from creditlab.data.household import household_file
from creditlab.data.schema import TABLES
from creditlab.data.world import make_county
from creditlab.errors import ColumnError, InputError
from creditlab.features import FeatureFrame, make_features

AS_OF = pd.Timestamp("2023-12-31")


@pytest.fixture(scope="module")
def file():
    return household_file(make_county(14, seed=1).tables, AS_OF)


@pytest.fixture(scope="module")
def made(file) -> FeatureFrame:
    return make_features(file)


@pytest.fixture(scope="module")
def home(made) -> str:
    frame = made.frame
    return frame.index[(frame["guarantors"] > 0) & (frame["dpd_max_12m"] > 0)][0]


@pytest.fixture(scope="module")
def portrait(file, made, home):
    return cl.portrait(file, home, features=made)


def test_values_are_those_of_the_features(portrait, made, home):
    table = portrait.tidy().set_index("feature")
    for name in ("household_members", "dpd_max_12m", "guarantors", "deposit_inflow_12m"):
        assert table.loc[name, "value"] == made.frame.loc[home, name]
    assert table.loc["farm_area", "reason"] in ("", "not_collected", "not_connected")
    assert set(table["section"]) == {"who", "production", "conduct", "network"}


def test_series_end_with_the_date_and_add_up_to_the_features(portrait, made, home):
    assert portrait.months["month"].max() <= AS_OF and portrait.flows["period"].max() <= AS_OF
    year = portrait.months[portrait.months["month"] > AS_OF - pd.DateOffset(months=12)]
    assert year["dpd"].max() == made.frame.loc[home, "dpd_max_12m"]
    assert (portrait.network["role"] == "guarantor").sum() == made.frame.loc[home, "guarantors"]


def test_the_page_is_bilingual_scriptless_and_shows_only_pseudonyms(portrait, file, home):
    page = portrait.page("en")
    assert "<script" not in page and home in page and "Guarantee network" in page and "担保网络" in page
    assert page != portrait.page("zh")
    hidden = {c.zh for t in TABLES.values() for c in t if c.use in ("audit", "overlay", "screening")} - {"有效期至"}
    assert not [word for word in hidden if f">{word}<" in page]
    assert set(re.findall(r"\b[HP][0-9a-f]{12}\b", page)) <= set(file.frame.index)


def test_a_card_gives_points_reasons_and_what_would_move_them(file, made, home):
    X = made.frame[["outside_debt", "deposit_avg_12m", "dpd_max_12m"]]
    y = (made.frame["dpd_max_12m"] > 5).astype(int)
    card = cl.Scorecard(binner=cl.Binner(special={n: made.special[n] for n in X}), inference="wald").fit(X, y)
    found = cl.portrait(file, home, card, features=made)
    assert found.score["points"] == card.points(X.loc[[home]]).iloc[0] and found.score["reasons"]
    assert found.score["reasons"][0]["zh"] in found.page("zh")
    assert found.missing["adds_points"].notna().all()


def test_a_segment_is_a_summary(file, made):
    homes = made.frame.index[made.frame["farm_area"] > 0]
    found = cl.portrait(file, homes, features=made, name="<b>种植户</b>")
    table = found.tidy().set_index("feature")
    assert table.loc["farm_area", "value"] == made.frame.loc[homes, "farm_area"].median()
    assert found.network.empty and found.subject["households"] == len(homes)
    page = found.page()
    assert "&lt;b&gt;种植户" in page and "<b>种植户" not in page
    assert not re.findall(r"\b[HP][0-9a-f]{12}\b", page)  # nobody in it is named
    assert found.months["late_share"].between(0, 1).all()


def test_the_external_edition_has_no_household_and_no_small_segment(file, made, home):
    with pytest.raises(InputError, match="a segment of 10 households or more"):
        cl.portrait(file, home, features=made, edition="external")
    with pytest.raises(InputError, match="a segment of 10 households or more"):
        cl.portrait(file, made.frame.index[:9], features=made, edition="external")
    found = cl.portrait(file, made.frame.index[:10], features=made, edition="external")
    assert found.subject["households"] == 10
    assert "对外版" in found.page("zh") and "仅限行内" not in found.page("zh") and "; internal" not in found.page("en")


def test_the_external_edition_shows_no_small_count(file, made):
    """Every share of it stands for no household, all of them, or ten and more on both sides."""
    homes = made.frame.index[:60]
    found = cl.portrait(file, homes, features=made, edition="external")
    inside = cl.portrait(file, homes, features=made)
    assert "仅限行内使用" in inside.page("zh")
    late = (found.months["late_share"] * found.months["borrowers"]).dropna().round()
    assert ((late == 0) | (late >= 10)).all() and (found.months["borrowers"] >= 10).all()
    shares = [int(s) for s in re.findall(r"已采集 (\d+)%", found.page("zh"))]
    assert all(s == 0 or s >= 100 * 10 / 60 - 1 for s in shares) and "已采集 &lt;17%" in found.page("zh")


def test_a_disagreement_with_a_visit_is_shown(file, made):
    """The sources of facts are more than the tables: each kind of visit is one."""
    conflicts = cl.portrait(file, made.frame.index, features=made).conflicts
    homes = conflicts.loc[conflicts["source_b"].str.startswith("visit_"), "household_id"]
    assert len(homes) and "走访" in cl.portrait(file, homes.iloc[0], features=made).page("zh")


def test_wrong_calls(file, made):
    with pytest.raises(ColumnError, match="households of this file"):
        cl.portrait(file, "nobody", features=made)
    with pytest.raises(InputError, match="at least one household"):
        cl.portrait(file, [], features=made)


def test_figures_draw_what_the_portrait_holds(portrait, file):
    assert list(portrait.plot.conduct().data[0].y) == portrait.months["dpd"].tolist()
    for noun in ("flows", "crops", "missing"):
        assert getattr(portrait.plot, noun)().layout.title.text


def test_the_same_file_gives_the_same_page(file, made, home, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert cl.portrait(file, home, features=made).page() == cl.portrait(file, home, features=made).page()
