"""The sample county is as awkward as a real one: each awkwardness is shown from its tables, with the truth beside them.

The villages, officers and years that mislead a study are there on purpose; a test per item says that they still are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from creditlab.data.schema import TABLES

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
CROPS = ["area_wheat", "area_maize", "area_apple", "area_vegetable"]
COHORTS = ["2021-12-31", "2022-12-31", "2023-12-31"]
NPL = ["substandard", "doubtful", "loss"]


@pytest.fixture(scope="module")
def sample() -> dict[str, pd.DataFrame]:
    return {name: pd.read_parquet(SAMPLE / f"{name}.parquet") for name in TABLES}


@pytest.fixture(scope="module")
def truth() -> dict[str, pd.DataFrame]:
    return {path.stem: pd.read_parquet(path) for path in sorted((SAMPLE / "truth").glob("*.parquet"))}


@pytest.fixture(scope="module")
def notes(sample, truth) -> pd.DataFrame:
    """The notes with their worst days past due, their true village and the truth about them."""
    worst = sample["loan_months"].groupby("note_id")["dpd"].max().rename("worst")
    joined = sample["loans"].merge(truth["notes"], on="note_id").merge(truth["households"], on="household_id",
                                                                      suffixes=("", "_household"))  # fmt: skip
    joined = joined.merge(truth["villages"], on="village_id", suffixes=("", "_village")).join(worst, on="note_id")
    return joined.assign(bad=joined["worst"] >= 90)


@pytest.fixture(scope="module")
def cohorts(sample, truth) -> pd.DataFrame:
    """Households with an open performing note on a cohort date whose window ends in the span, and whether they went
    90 days past due by maturity and 120 days."""
    months = sample["loan_months"].merge(sample["loans"][["note_id", "household_id", "due_on"]], on="note_id")
    months["ends"] = months["due_on"] + pd.Timedelta(days=120)
    bad = months[(months["dpd"] >= 90) & (months["month_end"] <= months["ends"])]
    parts = []
    for day in pd.to_datetime(COHORTS):
        on_book = (months["dpd"] < 90) & (months["written_off"] == 0) & (months["transferred"] == 0)
        seen = months[(months["month_end"] == day) & on_book & (months["ends"] <= "2025-06-30")]
        fails = seen["note_id"].isin(bad.loc[bad["month_end"] > day, "note_id"])
        one = seen.assign(bad=fails).dropna(subset="household_id").groupby("household_id")["bad"].max().reset_index()
        parts.append(one.assign(as_of=day))
    return pd.concat(parts).merge(truth["performance"], on=["household_id", "as_of"])


def _auc(bad: pd.Series, score: pd.Series) -> float:
    rank, n = score.rank(), bad.sum()
    return float((rank[bad].sum() - n * (n + 1) / 2) / (n * (len(bad) - n)))


def _rate(bad: pd.Series, mask: pd.Series) -> float:
    return float(bad[mask].mean())


# -- enough to learn from ----------------------------------------------------------------------------------------------


def test_bad_households_suffice_for_a_scorecard(sample, cohorts):
    months = sample["loan_months"].merge(sample["loans"][["note_id", "household_id"]], on="note_id")
    assert months.loc[months["dpd"] >= 90, "household_id"].nunique() >= 400
    assert cohorts["bad"].sum() >= 400
    assert 0.08 <= cohorts["bad"].mean() <= 0.13
    assert cohorts.groupby("as_of")["bad"].mean().between(0.07, 0.14).all()


def test_the_true_pd_ranks_the_cohorts_and_has_the_right_level(cohorts):
    fresh = cohorts[cohorts["failing"] == 0]
    assert _auc(fresh["bad"], fresh["pd"]) > 0.80
    assert fresh["bad"].mean() == pytest.approx(fresh["pd"].mean(), abs=0.02)
    assert cohorts.loc[cohorts["failing"] == 1, "bad"].mean() > 0.95


def test_the_notes_failed_as_often_as_they_were_drawn(notes):
    drawn = notes[notes["pd"].notna() & (notes["ring"] == 0) & (notes["due_on"].between("2020-02-01", "2025-01-31"))]
    tenth = pd.qcut(drawn["pd"], 5)
    table = drawn.assign(failed=drawn["failed_on"].notna()).groupby(tenth, observed=True)[["pd", "failed"]].mean()
    assert table["failed"].is_monotonic_increasing
    assert (table["failed"] < table["pd"] * 1.15 + 0.01).all()  # a few of those that fail are renewed instead
    assert (table["failed"] > table["pd"] * 0.65 - 0.01).all()


def test_household_facts_carry_the_origin(sample, truth):
    deposits = sample["deposits"].groupby("household_id")["avg_balance"].mean()
    origin = truth["households"].set_index("household_id")["origin"]
    assert np.log(deposits + 1).corr(origin.reindex(deposits.index)) < -0.3


# -- villages ----------------------------------------------------------------------------------------------------------


def test_villages_of_three_loans_and_of_three_hundred(notes, truth):
    count = notes.groupby("village_id").size()
    assert count.min() <= 3 and count.max() >= 300
    assert (truth["villages"]["borrowers"] == 3).sum() >= 3
    sizes = truth["households"].groupby("village_id").size()
    assert abs(np.log(sizes).skew()) < 1.0 and sizes.max() > 3 * sizes.median()


def test_a_ridge_of_bad_credit_environment_runs_through_the_county(sample, truth, notes):
    place = sample["villages"].drop_duplicates("village_id").set_index("village_id")[["longitude", "latitude"]]
    villages = truth["villages"].set_index("village_id")
    xy = place.loc[villages.index].to_numpy()
    distance = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    near = (distance < 0.045) & (distance > 0)
    near = near / near.sum(axis=1, keepdims=True)

    def moran(values: np.ndarray) -> float:
        z = values - values.mean()
        return float(z @ near @ z / (z @ z))

    assert moran(villages["spatial"].to_numpy()) > 0.6
    ordinary = villages["part"] == "none"
    assert abs(moran(np.where(ordinary, villages["own"], 0.0))) < 0.2
    on_ridge = notes["spatial"] > 0.4
    assert _rate(notes["bad"], on_ridge) > 1.25 * _rate(notes["bad"], ~on_ridge)


def test_effect_is_the_sum_of_its_parts(truth):
    villages = truth["villages"]
    np.testing.assert_allclose(villages["effect"], villages["spatial"] + villages["own"], atol=2e-6)


def test_villages_that_look_bad_only_by_who_lives_there(notes, truth):
    poor = notes["part"] == "poor_only"
    assert notes.loc[poor, "effect"].abs().max() < 1e-6
    assert _rate(notes["bad"], poor) > 1.4 * _rate(notes["bad"], notes["part"] == "none")
    villages = truth["villages"].set_index("part")
    assert villages.loc["poor_only", "composition_pd"].min() > villages.loc["none", "composition_pd"].mean()


def test_villages_that_look_fine_only_because_of_who_lives_there(notes, truth):
    rich = notes["part"] == "rich_only"
    assert notes.loc[rich, "effect"].min() > 0.8
    assert _rate(notes["bad"], rich) < 1.1 * _rate(notes["bad"], notes["part"] == "none")
    villages = truth["villages"].set_index("part")
    assert villages.loc["rich_only", "composition_pd"].max() < villages.loc["none", "composition_pd"].mean()


# -- officers, rings, chains -------------------------------------------------------------------------------------------


def test_an_officer_has_bad_loans_in_three_villages_that_are_not_bad(notes, truth):
    officer = truth["officers"].set_index("officer")["bad"].eq(1).idxmax()
    his = (notes["officer_granted"] == officer) & (notes["ring"] == 0)
    assert notes.loc[his & notes["bad"], "village_id"].nunique() == 3
    assert notes.loc[his, "effect"].max() < 0
    assert _rate(notes["bad"], his) > 1.8 * _rate(notes["bad"], ~his)
    colleagues = notes["village_id"].isin(notes.loc[his, "village_id"]) & ~his & (notes["ring"] == 0)
    assert _rate(notes["bad"], his) > 1.5 * _rate(notes["bad"], colleagues)
    assert (notes.loc[his, "officer_now"] != officer).all()


def test_a_ring_of_borrowed_names(sample, notes):
    ring = notes[notes["ring"] == 1]
    assert ring["household_id"].nunique() == len(ring) >= 6
    for column in ("amount", "officer_granted", "purpose", "plan"):
        assert ring[column].nunique() == 1, column
    assert ring["granted_on"].dt.to_period("M").nunique() == 1
    assert ring["failed_on"].notna().all() and ring["bad"].all()
    surety = sample["guarantees"].query("kind == 'surety'")
    shared = surety[surety["note_id"].isin(ring["note_id"])].groupby("household_id")["note_id"].nunique()
    assert shared.max() == len(ring)


def test_a_chain_of_joint_guarantors_falls_together(sample, notes):
    chain = notes[(notes["chain"] > 0) & (notes["granted_on"] < "2022-01-01")]
    assert chain["household_id"].nunique() == len(chain) == 6
    failed = chain["failed_on"].sort_values()
    assert failed.notna().all() and (failed.iloc[-1] - failed.iloc[0]).days < 365
    pledged = sample["guarantees"].merge(chain[["note_id"]], on="note_id")
    assert pledged.groupby("note_id").size().eq(5).all()


def test_joint_groups_fail_together_more_often_than_chance(notes):
    joint = notes[notes["joint_group"].notna() & (notes["chain"] == 0)]
    by_household = joint.groupby(["joint_group", "household_id"])["bad"].max().reset_index()
    rng = np.random.default_rng(0)

    def together(bad: np.ndarray) -> int:
        per_group = np.bincount(by_household["joint_group"].astype(int), bad)
        return int((per_group * (per_group - 1) / 2).sum())

    bad = by_household["bad"].to_numpy()
    chance = [together(rng.permutation(bad)) for _ in range(200)]
    assert together(bad) > np.quantile(chance, 0.99)


# -- the book ----------------------------------------------------------------------------------------------------------


def test_days_past_due_come_in_waves(sample, notes):
    months = sample["loan_months"]
    share = months.assign(late=months["dpd"] > 0).groupby("month_end")["late"].mean()
    quarter_end = share.index.month % 3 == 0
    before = share.shift(1)
    assert (share[quarter_end] > before[quarter_end]).mean() > 0.8
    harvest = notes[notes["plan"] == "harvest"]
    assert set(harvest["due_on"].dt.month) == {7, 11}
    assert harvest["failed_on"].dropna().dt.month.isin([7, 11]).all()


def test_renewals_hide_arrears(sample, notes, truth):
    hidden = notes[notes["hidden_arrears"] == 1]
    assert len(hidden) >= 20 and hidden["renewed_from"].notna().all()
    honest = notes[notes["renewed_from"].notna() & (notes["hidden_arrears"] == 0)]
    assert len(honest) > 3 * len(hidden)
    assert hidden["bad"].mean() > 2 * honest["bad"].mean()
    old = sample["loans"].set_index("note_id").loc[hidden["renewed_from"]]
    assert (old["due_on"].to_numpy() == hidden["granted_on"].to_numpy()).all()
    last = sample["loan_months"].groupby("note_id")["dpd"].last()
    assert (last.loc[hidden["renewed_from"]] == 0).mean() > 0.9  # the book shows nothing


def test_write_offs_flatter_the_balance_ratio(sample):
    months = sample["loan_months"]
    npl = months["class5"].isin(NPL)
    on_book = (
        months.assign(npl=months["balance"].where(npl, 0.0))
        .groupby("month_end")[["npl", "balance", "written_off_balance"]]
        .sum()
    )
    ratio = on_book["npl"] / on_book["balance"]
    added_back = (on_book["npl"] + on_book["written_off_balance"]) / (
        on_book["balance"] + on_book["written_off_balance"]
    )
    for year in (2021, 2022, 2023, 2024):
        assert ratio.loc[f"{year}-12-31"] < ratio.loc[f"{year}-11-30"]
        assert added_back.loc[f"{year}-12-31"] > ratio.loc[f"{year}-12-31"] * 1.2


def test_written_off_and_sold_notes_are_off_the_book_and_some_come_back(sample):
    months = sample["loan_months"]
    off = (months["written_off"] == 1) | (months["transferred"] == 1)
    assert (months.loc[off, ["balance", "overdue_principal", "overdue_interest"]] == 0).all(axis=None)
    assert (months.loc[~off, "balance"] > 0).all()
    assert (months["transferred"] == 1).any() and (months["recovered"] > 0).sum() >= 20
    assert (months["recovered"] > 0).sum() == (off & (months["recovered"] > 0)).sum()


def test_the_classes_keep_their_floors_and_the_rule_of_july_2023_is_stricter(sample):
    months = sample["loan_months"]
    level = months["class5"].map({"normal": 0, "special_mention": 1, "substandard": 2, "doubtful": 3, "loss": 4})
    dpd, new = months["dpd"], months["month_end"] >= "2023-07-01"
    assert (level[dpd > 0] >= 1).all() and (level[dpd > 90] >= 2).all()
    assert (level[new & (dpd > 270)] >= 3).all() and (level[new & (dpd > 360)] >= 4).all()
    assert (level[~new & (dpd > 270) & (months["written_off"] == 0)] == 2).any()
    assert ((dpd == 0) & (level == 1)).any()  # extended, or by judgement
    on_book = (months["written_off"] == 0) & (months["transferred"] == 0)
    assert (months["overdue_principal"] + months["overdue_interest"] > 0)[on_book & (dpd > 0)].all()
    assert (months.loc[dpd == 0, ["overdue_principal", "overdue_interest"]] == 0).all(axis=None)


def test_the_ledger_reconciles_but_for_the_planted_differences(sample, truth):
    months = sample["loan_months"]
    on_book = months[(months["written_off"] == 0) & (months["transferred"] == 0)]
    keys = ["month_end", "class5"]
    book = on_book.groupby(keys)["balance"].agg(notes="size", balance="sum")
    ledger = sample["control_totals"].set_index(keys)
    book = book.reindex(ledger.index, fill_value=0)
    difference = (ledger[["notes", "balance"]] - book).loc[lambda d: (d != 0).any(axis=1)]
    planted = truth["ledger_differences"].set_index(keys)[["notes", "balance"]].sort_index()
    assert len(planted) == 4
    pd.testing.assert_frame_equal(difference.sort_index(), planted, check_dtype=False)
    bad = ledger.index.get_level_values("class5").isin(NPL)
    assert (ledger["npl_balance"] == ledger["balance"].where(bad, 0)).all()


# -- weather, selection --------------------------------------------------------------------------------------------


def test_a_drought_hits_one_crop_in_one_year(sample, notes):
    fields = sample["agriculture"].groupby("household_id")[CROPS].mean()
    crop = fields.idxmax(axis=1).str.removeprefix("area_").rename("crop")
    drawn = notes.join(crop, on="household_id").dropna(subset="crop")
    drawn = drawn[drawn["pd"].notna()].assign(year=drawn["due_on"].dt.year, failed=drawn["failed_on"].notna())
    rate = drawn.groupby(["crop", "year"])["failed"].mean().unstack()
    maize, others = rate.loc["maize"], rate.drop(index="maize").mean()
    assert maize[2022] > 1.6 * maize[[2021, 2023]].mean()
    assert maize[2022] / maize[[2021, 2023]].mean() > 1.4 * others[2022] / others[[2021, 2023]].mean()
    loss = sample["agriculture"].groupby(sample["agriculture"]["year_end"].dt.year)["insured_loss"].sum()
    assert loss.idxmax() == 2022


def test_loans_were_granted_on_what_no_file_shows(sample, truth):
    asked = truth["households"][truth["households"]["asks"] == 1]
    granted = asked["borrower"] == 1
    assert asked.loc[granted, "unseen"].mean() > asked.loc[~granted, "unseen"].mean() + 0.5
    matched = (
        asked.assign(band=pd.qcut(asked["origin"], 5)).groupby(["band", "borrower"], observed=True)["unseen"].mean()
    )
    assert (matched.xs(1, level="borrower") > matched.xs(0, level="borrower")).all()
    assert all("unseen" not in TABLES[name].names for name in sample)


def test_the_unseen_matters_for_repayment(notes):
    by_unseen = notes.groupby(pd.qcut(notes["unseen"], 4, labels=False))["bad"].mean()
    assert by_unseen[0] > 1.3 * by_unseen[3]


def test_there_are_refused_and_never_applied_households(sample, truth):
    households = set(sample["households"]["household_id"])
    decisions = sample["applications"].groupby("decision")["household_id"].agg(set)
    never = households - set(sample["applications"]["household_id"]) - set(sample["loans"]["household_id"].dropna())
    assert len(never) > 0.4 * len(households)
    refused = decisions["refused"] - decisions["granted"]
    assert len(refused) > 300
    assert not refused & set(sample["loans"]["household_id"].dropna())
    assert sample["applications"].query("decision == 'refused'")["reason"].notna().all()
    assert sample["applications"].query("decision == 'granted'")["note_id"].isin(sample["loans"]["note_id"]).all()


# -- records -----------------------------------------------------------------------------------------------------------


def test_sources_disagree_on_one_fact_in_twenty(sample, truth):
    survey = sample["collection_log"].query("covers == 'survey' and outcome == 'done'").drop_duplicates("household_id")
    conflicts = truth["conflicts"]
    members = survey.merge(sample["households"], on="household_id")
    differs = members["stated_members"] != members["members"]
    assert 0.035 < differs.mean() < 0.065
    assert set(members.loc[differs, "household_id"]) <= set(conflicts.query("fact == 'members'")["household_id"])
    register = sample["members"].groupby("household_id").size().rename("adults").reset_index()
    listed = register.merge(sample["households"], on="household_id")
    assert 0.03 < (listed["adults"] + listed["under_14"] != listed["members"]).mean() < 0.07
    fields = sample["agriculture"].assign(area=sample["agriculture"][CROPS].sum(axis=1))
    area = survey.merge(fields.groupby("household_id")["area"].median().reset_index(), on="household_id")
    off = (area["stated_area"] / area["area"] - 1).abs() > 0.2
    assert 0.03 < off.mean() < 0.07
    shops = survey.merge(sample["businesses"].query("status == 'open'")[["household_id"]].drop_duplicates())
    assert 0.02 < (shops["stated_business"] != "open").mean() < 0.08
    assert set(conflicts["wrong"]) == {"stated", "filed", "both"}
    # a household's own form errs more often than an officer of the bank
    true = survey.merge(truth["facts"], on="household_id")
    wrong = (true["stated_members"] != true["members"]).groupby(true["port"]).mean()
    assert wrong["bank"] < wrong["government"] < wrong["self"]


def test_two_village_codes_in_a_hundred_are_wrong(sample, truth):
    joined = sample["households"].merge(truth["households"], on="household_id", suffixes=("", "_true"))
    wrong = joined["village_id"] != joined["village_id_true"]
    assert 0.015 < wrong.mean() < 0.025
    assert joined["village_id"].equals(joined["written_village_id"])
    stated = sample["collection_log"].dropna(subset="stated_village_id").drop_duplicates("household_id")
    found = joined[wrong].merge(stated, on="household_id")
    assert len(found) > 0.7 * wrong.sum()
    assert (found["stated_village_id"] == found["village_id_true"]).mean() > 0.95


@pytest.mark.parametrize("name", ["agriculture", "tax", "social_security", "judgments", "businesses"])
def test_some_records_arrive_months_late(sample, name):
    lag = (sample[name]["known_on"] - sample[name]["observed_on"]).dt.days
    assert lag.median() < 120
    assert 0.01 < (lag > 150).mean() < 0.08


def test_the_bank_closes_its_months_within_days(sample):
    for name in ("loan_months", "deposits"):
        lag = (sample[name]["known_on"] - sample[name]["month_end"]).dt.days
        assert lag.between(1, 10).all()


def test_missing_values_have_their_reasons(sample):
    log = sample["collection_log"]
    assert {"done", "refused", "not_authorised", "not_connected"} == set(log["outcome"])
    home = sample["households"].set_index("household_id")["village_id"]
    asked = log[log["covers"] == "tax"]
    shut = asked[asked["outcome"] == "not_connected"]["household_id"]
    assert len(shut) > 100
    assert not set(shut) & set(sample["tax"]["household_id"])
    assert home.loc[shut].nunique() < 40  # whole villages, but for wrong codes
    assert log.loc[log["outcome"] != "done", "stated_income"].isna().all()
    assert log["recorded_on"].notna().equals(log["outcome"] == "done")


def test_consents_are_partial_some_withdrawn_and_some_data_come_without(sample):
    consents, reports = sample["consents"], sample["credit_reports"]
    assert 0.3 < consents["household_id"].nunique() / len(sample["households"]) < 0.7
    assert 0.01 < consents["withdrawn_on"].notna().mean() < 0.05
    assert (consents["withdrawn_on"].dropna() > consents.loc[consents["withdrawn_on"].notna(), "given_on"]).all()
    covered = reports["household_id"].isin(consents.query("covers == 'credit_reports'")["household_id"])
    assert 0.001 < 1 - covered.mean() < 0.1
    assert set(consents.query("purpose == 'screening'")["covers"]) == {"medical_arrears"}


# -- measures ----------------------------------------------------------------------------------------------------------


def test_cadres_were_sent_to_the_villages_that_looked_worst(sample, truth, notes):
    cadres = sample["interventions"].query("kind == 'seconded_cadre'")
    assert set(cadres["chosen_by"]) == {"worst_rate"} and cadres["started_on"].nunique() == 2
    due = notes[notes["due_on"].between("2021-01-01", "2022-12-31")]
    rate = due.assign(failed=due["failed_on"] < "2023-01-01").groupby("village_id")["failed"].agg(["mean", "size"])
    rate = rate.query("size >= 8")["mean"]
    sent = rate.index.isin(cadres["village_id"])
    assert rate[sent].mean() > 2 * rate[~sent].mean()
    # the worst by their record, not by their true effect: that is why the next year looks better without any effect
    true_rank = truth["villages"].set_index("village_id")["effect"].rank(ascending=False)
    assert (true_rank.loc[cadres["village_id"]] > 2 * len(cadres)).any()


def test_the_true_effects_of_the_measures_are_known(sample, truth):
    joined = sample["interventions"].merge(truth["interventions"], on=["intervention_id", "village_id"])
    assert len(joined) == len(sample["interventions"])
    effect = joined.groupby("kind")["effect"].first()
    assert effect["seconded_cadre"] < 0 and effect["financial_education"] == 0 and effect["enforcement_drive"] < 0
    assert set(joined.loc[joined["fades"] == 1, "kind"]) == {"enforcement_drive"}


def test_enforcement_is_harder_where_the_environment_is_bad(sample, truth):
    cases = sample["judgments"].dropna(subset="outcome").merge(truth["households"], on="household_id")
    cases = cases.merge(truth["villages"][["village_id", "effect"]], on="village_id")
    empty = cases["outcome"] == "no_assets"
    assert cases.loc[empty, "effect"].mean() > cases.loc[~empty, "effect"].mean() + 0.1
    assert {"debtor", "guarantor"} == set(sample["judgments"]["role"])
    assert sample["judgments"]["closed_on"].isna().any()
