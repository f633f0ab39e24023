"""Facts of villages: counts that can be recounted, nothing from the future, only what consent and policy allow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from creditlab.data import County
from creditlab.study import facts

DAY = "2023-12-31"


@pytest.fixture(scope="module")
def then(county: County) -> Any:
    return county.household_file(DAY)


def _changed(county: County, table: str, **columns: Any) -> County:
    """The county with columns of one table changed by functions of its frame."""
    source = county.tables[table]
    frame = source.frame.assign(**{name: make(source.frame) for name, make in columns.items()})
    return replace(county, tables={**county.tables, table: replace(source, frame=frame)})


def test_environment_counts_can_be_recounted(county: County, then: Any) -> None:
    table = facts.environment_facts(then)
    assert set(table["component"]) == {
        "evasion", "guarantor_refusal", "adverse_record", "collection_refusal", "civility_minus"
    }  # fmt: skip
    assert (table["observed"] <= table["exposure"]).all() and not table.duplicated(["village", "component"]).any()
    home = then.frame["village_id"]
    events = county.tables["civility_events"].frame
    known = events[(events["known_on"] <= DAY) & (events["happened_on"] > "2018-12-31")]
    known = known[known["household_id"].isin(home.index)]
    minus = table[table["component"] == "civility_minus"]
    assert minus["exposure"].sum() == len(known) and minus["observed"].sum() == (known["points"] < 0).sum()
    one = minus.iloc[0]
    here = known[known["household_id"].map(home) == one["village"]]
    assert (one["observed"], one["exposure"]) == ((here["points"] < 0).sum(), len(here))


def test_credit_reports_count_only_with_consent(county: County, then: Any) -> None:
    table = facts.environment_facts(then)
    adverse = table[table["component"] == "adverse_record"]
    consents = county.tables["consents"].frame
    given = consents[consents["covers"].eq("credit_reports") & (consents["given_on"] <= DAY)]
    reports = county.tables["credit_reports"].frame
    asked = reports[(reports["known_on"] <= DAY)]["household_id"].nunique()
    assert 0 < adverse["exposure"].sum() <= min(given["household_id"].nunique(), asked)


def test_editing_the_future_changes_nothing(county: County, then: Any) -> None:
    """Everything that became known after the day is turned upside down; the facts of the day stay as they were."""
    later = county
    for table, column, value in (
        ("civility_events", "points", -5),
        ("collection_log", "outcome", "refused"),
        ("judgments", "outcome", "no_assets"),
        ("loan_months", "class5", "loss"),
        ("agriculture", "insured_loss", 9e6),
        ("village_receipts", "reconciled", 0),
    ):
        frame = county.tables[table].frame
        after = frame["known_on"] > DAY
        later = _changed(later, table, **{column: lambda f, c=column, v=value, a=after: f[c].mask(a, v)})
    again = later.household_file(DAY)
    pd.testing.assert_frame_equal(facts.environment_facts(then), facts.environment_facts(again))
    pd.testing.assert_frame_equal(facts.driver_facts(then), facts.driver_facts(again))
    pd.testing.assert_frame_equal(facts.quarter_moves(then), facts.quarter_moves(again))


def test_moves_between_quarter_ends_are_of_notes_that_were_there_at_both(county: County, then: Any) -> None:
    moves = facts.quarter_moves(then)
    assert moves is not None
    months = county.tables["loan_months"].frame
    at = months.set_index(["note_id", "month_end"])["class5"]
    for row in moves.sample(20, random_state=0).itertuples():
        before = row.quarter - pd.offsets.QuarterEnd(1)
        assert at[(row.note, row.quarter)] == row.end and at[(row.note, before)] == row.start
    assert moves["quarter"].max() <= pd.Timestamp(DAY)
    assert not moves.duplicated(["note", "quarter"]).any()


def test_the_book_now_is_the_book_at_its_last_month_end(county: County) -> None:
    file = county.household_file(county.last_month())
    table = facts.book_now(file)
    assert table is not None
    months = file.tables["loan_months"]
    now = months[(months["month_end"] == months["month_end"].max()) & (months["balance"] > 0)]
    home = file.tables["loans"].set_index("note_id")["household_id"]
    homed = now[now["note_id"].map(home).isin(file.frame.index)]
    assert table["balance"].sum() == pytest.approx(homed["balance"].sum())
    np.testing.assert_allclose(table["balance"], table["performing_balance"] + table["npl_balance"])
    notes = homed.groupby(homed["note_id"].map(home).map(file.frame["village_id"]))["balance"]
    n = notes.size().reindex(table["village"]).to_numpy()
    assert ((table["n_eff"] >= 1 - 1e-9) & (table["n_eff"] <= n + 1e-9)).all()
    assert ((table["npl_lo"] <= table["npl_share"]) & (table["npl_share"] <= table["npl_hi"])).all()


def test_drivers_are_known_for_most_villages_and_the_drought_is_a_shock(then: Any) -> None:
    table = facts.driver_facts(then).set_index("village")
    assert list(table.columns) == list(facts.DRIVERS)
    assert (table.notna().mean() > 0.5).all()
    homes = then.frame["village_id"]
    farms = then.tables["agriculture"]
    farms = farms[farms["year_end"].between("2021-01-01", "2023-12-31")]
    maize = farms.assign(village=farms["household_id"].map(homes)).groupby("village")
    areas = [c for c in farms.columns if c.startswith("area_")]
    share = maize["area_maize"].sum() / maize[areas].sum().sum(axis=1)
    np.testing.assert_allclose(table["crop_shock"], share.reindex(table.index), atol=1e-12)


def test_quality_counts_households_with_a_conflict_once(county: County, then: Any) -> None:
    conflicts = county.conflicts(DAY)
    table = facts.quality_facts(then, conflicts)
    assert table["conflicts"].sum() == conflicts["household_id"].nunique()
    assert table["households"].sum() == len(then.frame) and table["coverage"].between(0, 1).all()


def test_absent_tables_give_nothing_and_no_error(county: County) -> None:
    kept = {name: county.tables[name] for name in ("households", "loans", "loan_months")}
    bare = replace(county, tables=kept).household_file(DAY)
    assert len(facts.environment_facts(bare)) == 0
    assert facts.court_cases(bare) is None and facts.guarantee_links(bare) is None
    assert list(facts.driver_facts(bare).columns) == ["village", "joint_share"]
    assert facts.quality_facts(bare, pd.DataFrame({"household_id": []}))["coverage"].isna().all()
