"""The village study against the truth of the sample county: which card, which villages, which actions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from creditlab import village as vl
from creditlab.errors import InputError, UnreadableError
from creditlab.study import StudyResult, with_truth


@pytest.fixture(scope="module")
def truth(sample_study: StudyResult, sample_folder: Path) -> pd.DataFrame:
    return with_truth(sample_study, sample_folder)


def test_the_composition_card_is_nearer_to_the_truth_than_the_full_card(truth: pd.DataFrame) -> None:
    """O/E stand side by side; the estimated village effect is nearer to the true one without conduct and place."""
    effect = truth["effect"] - truth["effect"].mean()
    near, far = (np.log(truth[c]) - np.log(truth[c]).mean() for c in ("estimate", "estimate_full"))
    assert np.corrcoef(near, effect)[0, 1] > np.corrcoef(far, effect)[0, 1]
    assert np.sqrt(((near - effect) ** 2).mean()) < np.sqrt(((far - effect) ** 2).mean())
    # a village's own rate would say less than either
    assert np.corrcoef(near, effect)[0, 1] > 0.4


def test_o_over_e_of_the_full_card_is_drawn_to_one_where_it_should_not_be(truth: pd.DataFrame) -> None:
    worst = truth.nlargest(24, "effect")
    raw = np.log(worst["estimate_full"]).mean() - np.log(truth["estimate_full"]).mean()
    assert raw < np.log(worst["estimate"]).mean() - np.log(truth["estimate"]).mean()


def test_intervals_of_o_over_e_hold_the_true_ratio(truth: pd.DataFrame) -> None:
    """One county of 120 villages, whose true ratio has distress, drought and contagion that no card sees: the share
    held by 90 % intervals, less three errors of a proportion and 5 % for what the card cannot see."""
    held = (truth["lo"] <= truth["true_ratio"]) & (truth["true_ratio"] <= truth["hi"])
    assert held.mean() >= 0.9 - 0.05 - 3 * np.sqrt(0.9 * 0.1 / len(truth))


def test_gaps_add_up_for_every_village_and_source(sample_study: StudyResult) -> None:
    gap = sample_study.why.gap  # type: ignore[union-attr]
    table, wide = gap.tidy(), gap.by_source()
    parts = table[["composition", "context", "noise"]].sum(axis=1)
    np.testing.assert_allclose(parts, table["gap"], atol=1e-10)
    np.testing.assert_allclose(wide.drop(columns="gap").sum(axis=1), wide["gap"], atol=1e-10)
    assert {"deposits", "agriculture", "credit_reports"} <= set(wide.columns)
    villages = sample_study.villages.set_index("village")
    overall = villages["bad"].sum() / villages["n"].sum()
    own = villages.loc[table["village"], "rate"].to_numpy() - overall
    np.testing.assert_allclose(table["gap"], own, atol=1e-12)


def test_no_part_of_the_composition_is_conduct_village_or_overlay(sample_study: StudyResult) -> None:
    """Every feature behind the expected rate is a household-origin fact."""
    from creditlab.features import PLAN

    level = {f.name: f.column.level for f in PLAN}
    parts = sample_study.why.gap.parts  # type: ignore[union-attr]
    named = set(parts.loc[parts["kind"] == "composition", "feature"]) & set(level)
    assert len(named) >= 5 and {level[name] for name in named} == {"household-origin"}


def test_the_composition_recovers_who_lives_where(sample_study: StudyResult, truth: pd.DataFrame) -> None:
    gap = sample_study.why.gap.tidy()  # type: ignore[union-attr]
    both = gap.merge(truth[["village", "composition_pd"]], on="village")
    large = both["n"] >= 20
    # the card is fitted on some 300 bads and misses what only the officer sees: far from 1, and far from 0 (error .1)
    assert both.loc[large, "composition"].corr(both.loc[large, "composition_pd"], method="spearman") > 0.4


def test_the_officer_who_lends_badly_is_found(sample_study: StudyResult, sample_folder: Path) -> None:
    officers = pd.read_parquet(sample_folder / "truth" / "officers.parquet").set_index("officer")
    table = sample_study.why.crossed.tidy().query("factor == 'officer'")  # type: ignore[union-attr]
    worst = table.sort_values("effect").iloc[-1]
    assert officers.loc[worst["level"], "bad"] == 1 and worst["p_above"] > 0.95


def test_actions_follow_the_pattern_and_not_the_rank(truth: pd.DataFrame) -> None:
    """Villages written to mislead: poor borrowers get a product review and never a cadre; cadres go where the village
    itself is bad; the village of the bad officer, whose guarantee chain fell too, gets an audit or has its chain
    unwound: which of the two is clearer lies within the noise of the draws."""
    by = truth.groupby("action")["effect"].mean()
    assert by["cadre"] > by["routine"] + 0.4
    poor, officer = truth[truth["part"] == "poor_only"], truth[truth["part"] == "officer"]
    assert not poor["action"].isin(["cadre", "enforcement"]).any() and (poor["action"] == "product").any()
    assert officer["action"].isin(["audit", "unwind"]).any() and not (officer["action"] == "cadre").any()
    assert (truth.loc[truth["part"] == "tiny", "action"].isin(["wait", "routine"])).all()


def test_the_chain_that_fell_together_is_named(sample_study: StudyResult, sample_folder: Path) -> None:
    households = pd.read_parquet(sample_folder / "truth" / "households.parquet")
    home = set(households.loc[households["chain"] == 1, "written_village_id"])
    contagion = sample_study.why.contagion  # type: ignore[union-attr]
    assert contagion.verdict in ("contagion", "unplaced") and set(contagion.groups["village"].head(2)) & home


def test_hard_enforcement_is_seen_where_the_village_is_bad(sample_study: StudyResult, truth: pd.DataFrame) -> None:
    """Cases end for lack of assets where the village's effect is high; a handful of cases a village, so the rank
    correlation is weak but there."""
    index = sample_study.why.enforcement.index.tidy()  # type: ignore[union-attr]
    both = index.merge(truth[["village", "effect"]], on="village")
    assert both["estimate"].corr(both["effect"], method="spearman") > 0.2
    environment = sample_study.why.environment.tidy().merge(truth[["village", "effect"]], on="village")  # type: ignore[union-attr]
    assert environment["estimate"].corr(environment["effect"], method="spearman") > 0.15


def test_what_is_at_stake_adds_up(sample_study: StudyResult) -> None:
    actions = sample_study.actions
    assert (actions["bads_lo"] <= actions["bads_ahead"]).all() and (actions["bads_ahead"] <= actions["bads_hi"]).all()
    assert (actions["yuan_excess"] <= actions["yuan_ahead"] + 1e-6).all()
    assert (actions["yuan_ahead"] <= actions["performing_balance"] + 1e-6).all()
    assert actions["yuan_excess"].is_monotonic_decreasing
    assert actions[["evidence_zh", "evidence_en"]].map(len).min().min() > 10


def test_the_parts_name_what_they_saw_and_when(sample_study: StudyResult) -> None:
    why = sample_study.why
    assert why is not None and not why.missing
    assert set(why.parts()) >= {"gap", "crossed", "criteria", "environment", "enforcement", "courts", "drivers",
                                "contagion", "warning", "trends", "changes", "quality", "book", "space"}  # fmt: skip
    moves = why.moves
    assert moves is not None
    sums = moves.groupby("quarter")[["worse", "expected"]].sum()
    np.testing.assert_allclose(sums["worse"], sums["expected"], rtol=1e-4)
    # the drought year: maize land is what was hit
    assert why.drivers.tidy().set_index("driver").loc["crop_shock", "mean"] > 0.1


def test_choosing_villages_by_expected_excess_from_the_same_draws(sample_study: StudyResult) -> None:
    draws = sample_study.panel.draws(2000)
    size = sample_study.villages.set_index("village")["expected"].loc[draws.columns]
    chosen = vl.choose(draws, k=12, size=size).tidy()
    assert chosen["chosen"].sum() == 12
    found = chosen[chosen["chosen"]]["village"].isin(sample_study.villages.head(30)["village"]).mean()
    assert found > 0.6


def test_a_real_county_has_no_truth(sample_study: StudyResult, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="a county that knows its truth"):
        with_truth(sample_study, tmp_path)


def test_cards_of_villages(sample_study: StudyResult, tmp_path: Path) -> None:
    """One page per village of the action list, in both languages, without scripts or addresses."""
    sample_study.to_cards(tmp_path / "cards.html", lang="en")
    text = (tmp_path / "cards.html").read_text(encoding="utf-8")
    assert text.count('<article class="card"') == (sample_study.actions["action"] != "wait").sum()
    assert "<script" not in text and "http" not in text.replace("http-equiv", "")
    first = sample_study.actions.iloc[0]
    assert first["village"] in text and first["action_zh"] in text and first["action_en"].replace("'", "&#39;") in text
    few = tmp_path / "few.html"
    sample_study.to_cards(few, villages=sample_study.villages["village"].tail(3).tolist(), lang="zh")
    assert few.read_text(encoding="utf-8").count('<article class="card"') == 3
    with pytest.raises(InputError, match="villages of the study"):
        sample_study.to_cards(few, villages=["nobody"])


def test_the_report_has_the_sections_and_the_external_edition_has_no_single_village(
    sample_study: StudyResult,
) -> None:
    inside = sample_study.document()
    names = [s.id for s in inside.sections]
    assert {"criteria", "why", "dynamics", "actions"} <= set(names)
    stored = inside.to_dict()
    assert stored["tables"]["actions.table"]["rows"] and stored["tables"]["criteria.environment"]["rows"]
    outside = sample_study.document(edition="external")
    assert not {"criteria", "why", "dynamics", "actions"} & {s.id for s in outside.sections}


def test_the_block_that_the_scan_finds_is_truly_bad(sample_study: StudyResult, truth: pd.DataFrame) -> None:
    """Chance alone does not make such a block, and what its villages add lies above the county's by an sd at least."""
    space = sample_study.why.space
    members = space.blocks.members.query("cluster == 1")["village"]
    effect = truth.set_index("village")["effect"]
    assert space.blocks.p_value <= 0.05 and len(members) >= 2
    assert effect[members].mean() > effect.mean() + effect.std()
    assert {b.id for b in sample_study.document().blocks()} >= {"space.moran", "space.local", "space.scan"}


def test_the_first_table_of_the_study_is_the_reconciliation(sample_study: StudyResult) -> None:
    tables = [block for block in sample_study.document().blocks() if block.kind == "table"]
    assert tables[0].id == "summary.reconciliation"
    total = tables[0].frame.iloc[-2]
    assert total["notes_book"] - total["notes_ledger"] == total["notes_difference"]
    book = sample_study.reconciliation.tidy()  # type: ignore[union-attr]
    last = book[book["month_end"] == book["month_end"].max()]
    assert total["balance_book"] == last["balance_book"].sum()
    outside = [block.id for block in sample_study.document(edition="external").blocks() if block.kind == "table"]
    assert "summary.reconciliation" not in outside
