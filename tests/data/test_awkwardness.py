"""Every awkwardness of a real county is in the sample, and for each a test that the study meets it.

`AWKWARD` names both: the test that shows the awkwardness from the tables of the sample, and the tests that show what
the study makes of it. A name that no longer exists fails here.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from creditlab.features import make_features
from creditlab.loans import performance_sample

TESTS = Path(__file__).resolve().parents[1]
THERE = "data/test_world_truth.py"
#: what a real county has → the test in `THERE` that the sample has it, and the tests that it is met (file::test)
AWKWARD = {
    "villages of 3 loans and of 300": (
        "test_villages_of_three_loans_and_of_three_hundred",
        ["data/test_awkwardness.py::test_a_village_of_three_loans_is_not_ranked_on_them",
         "study/test_village_truth.py::test_intervals_of_o_over_e_hold_the_true_ratio"],
    ),
    "a spatial ridge of bad credit environment": (
        "test_a_ridge_of_bad_credit_environment_runs_through_the_county",
        ["village/test_bym2.py", "study/test_geography.py"],
    ),
    "villages that look bad only because of who lives there": (
        "test_villages_that_look_bad_only_by_who_lives_there",
        ["study/test_village_truth.py::test_the_composition_recovers_who_lives_where"],
    ),
    "villages that look fine only because of who lives there": (
        "test_villages_that_look_fine_only_because_of_who_lives_there",
        ["study/test_village_truth.py::test_the_composition_card_is_nearer_to_the_truth_than_the_full_card"],
    ),
    "an officer with bad loans in three villages": (
        "test_an_officer_has_bad_loans_in_three_villages_that_are_not_bad",
        ["study/test_village_truth.py::test_the_officer_who_lends_badly_is_found",
         "village/test_crossed.py::test_the_bad_officer_is_found_and_the_villages_are_not_blamed"],
    ),
    "a ring of borrowed-name loans": (
        "test_a_ring_of_borrowed_names",
        ["data/test_awkwardness.py::test_the_ring_shows_in_one_guarantor_of_many_alike_notes"],
    ),
    "loans due at harvest and at maturity: arrears in waves": (
        "test_days_past_due_come_in_waves",
        ["loans/test_calendars.py::test_the_plain_rate_hides_the_harvest_loans_and_the_comparable_rate_does_not"],
    ),
    "renewals that hide arrears": (
        "test_renewals_hide_arrears",
        ["loans/test_rollovers.py::test_renewals_after_arrears_hide_more_than_others_in_the_sample_county"],
    ),
    "joint-guarantee chains that fall together": (
        "test_a_chain_of_joint_guarantors_falls_together",
        ["study/test_village_truth.py::test_the_chain_that_fell_together_is_named",
         "village/test_contagion.py::test_the_chain_that_fell_is_the_first_group"],
    ),
    "write-offs that flatter the balance ratio": (
        "test_write_offs_flatter_the_balance_ratio",
        ["loans/test_ratios.py::test_write_offs_and_sales_lower_the_ratio_but_not_the_one_with_add_back"],
    ),
    "a drought year for one crop": (
        "test_a_drought_hits_one_crop_in_one_year",
        ["loans/test_vintages.py::test_the_vintages_of_the_drought_are_worse_than_the_next"],
    ),
    "granted on something that the file does not show": (
        "test_loans_were_granted_on_what_no_file_shows",
        ["data/test_awkwardness.py::test_the_granted_are_safer_than_the_file_says_of_the_refused"],
    ),
    "refused and never-applied households": (
        "test_there_are_refused_and_never_applied_households",
        ["data/test_awkwardness.py::test_refused_and_never_applied_households_have_their_file_and_features"],
    ),
    "sources that disagree on 5 % of the facts": (
        "test_sources_disagree_on_one_fact_in_twenty",
        ["data/test_verification.py::test_the_resolution_beats_every_single_source_on_every_fact"],
    ),
    "2 % wrong village codes": (
        "test_two_village_codes_in_a_hundred_are_wrong",
        ["data/test_awkwardness.py::test_most_wrong_village_codes_are_found_by_cross_verification"],
    ),
    "records that arrive months late": (
        "test_some_records_arrive_months_late",
        ["data/test_point_in_time.py::test_a_row_added_later_changes_nothing_before_it_is_known",
         "data/test_awkwardness.py::test_late_records_are_in_the_file_from_the_day_they_arrived"],
    ),
    "cadres sent to the villages that looked worst": (
        "test_cadres_were_sent_to_the_villages_that_looked_worst",
        ["data/test_awkwardness.py::test_the_villages_of_the_cadres_get_better_without_any_effect_too"],
    ),
}  # fmt: skip


@cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return frozenset(n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name.startswith("test_"))


@pytest.mark.parametrize("name", list(AWKWARD))
def test_each_awkwardness_is_shown_and_met(name: str) -> None:
    there, met = AWKWARD[name]
    assert there in names_in(THERE)
    assert met
    for place in met:
        file, _, test = place.partition("::")
        assert names_in(file) and (not test or test in names_in(file)), place


@pytest.fixture(scope="module")
def county(sample_county):
    return sample_county


@pytest.fixture(scope="module")
def truth(sample_truth: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return sample_truth


@pytest.fixture(scope="module")
def rows(county) -> pd.DataFrame:
    return performance_sample(county, as_of="2022-12-31").tidy()


def test_a_village_of_three_loans_is_not_ranked_on_them(rows: pd.DataFrame) -> None:
    """One bad loan of three is a raw rate of 33 %; shrunken it lies between the village's and the county's."""
    from creditlab import village as vl

    counts = rows.groupby("village_id")["bad"].agg(["sum", "size"])
    table = vl.PoissonGamma().fit(counts["sum"], counts["size"] * rows["bad"].mean()).result_.tidy()
    raw = counts["sum"].to_numpy() / (counts["size"].to_numpy() * rows["bad"].mean())
    small = counts["size"].to_numpy() <= 4
    assert small.sum() >= 3
    assert (np.abs(table["estimate"].to_numpy()[small] - 1) <= np.abs(raw[small] - 1) + 1e-9).all()
    width = (table["hi"] - table["lo"]).to_numpy() / table["estimate"].to_numpy()
    assert width[small].min() > np.median(width[counts["size"].to_numpy() >= 20])


def test_the_ring_shows_in_one_guarantor_of_many_alike_notes(county, truth) -> None:
    """Notes of one month, amount, purpose and officer under one surety: only the ring has so many."""
    loans, pledges = county.tables["loans"].frame, county.tables["guarantees"].frame.query("kind == 'surety'")
    both = pledges.rename(columns={"household_id": "surety"})[["note_id", "surety"]].merge(loans, on="note_id")
    alike = [both["surety"], both["granted_on"].dt.to_period("M"), both["amount"], both["officer_granted"]]
    sizes = both.groupby(alike)["household_id"].nunique()
    ring = set(truth["notes"].query("ring == 1")["note_id"])
    largest = both.set_index(pd.MultiIndex.from_arrays(alike)).loc[[sizes.idxmax()]]
    assert set(largest["note_id"]) == ring
    assert sizes.max() > 2 * sizes.drop(sizes.idxmax()).max()


def test_the_granted_are_safer_than_the_file_says_of_the_refused(county, truth) -> None:
    """A model of the granted, applied to the refused, promises too much: their true PD is higher at equal facts."""
    people = truth["households"]
    asked = people[people["asks"] == 1]
    band = pd.qcut(asked["pd_origin"], 5, labels=False)
    pd_true = asked.groupby([band, asked["borrower"]])["pd"].mean().unstack()
    assert (pd_true[0] > pd_true[1]).all()
    decided = set(county.tables["applications"].frame.query("decision == 'refused'")["household_id"])
    assert decided & set(asked.query("borrower == 0")["household_id"])


def test_refused_and_never_applied_households_have_their_file_and_features(county) -> None:
    file = county.household_file("2023-12-31")
    features = make_features(file)
    asked = set(county.tables["applications"].frame["household_id"])
    never = file.frame.index.difference(pd.Index(sorted(asked)))
    assert len(never) > 0.4 * len(file.frame)
    assert (features.frame.loc[never, "loan_open_notes"] == 0).mean() > 0.9
    assert features.frame.loc[never].notna().all(axis=None)


def test_most_wrong_village_codes_are_found_by_cross_verification(county, truth) -> None:
    check = county.cross_check("2025-06-30")
    held = check.table.query("fact == 'village'").set_index("household_id")["value"]
    people = truth["households"].set_index("household_id")
    held, wrong = held.loc[people.index], people["village_id"] != people["written_village_id"]
    assert (held[wrong] == people.loc[wrong, "village_id"]).mean() > 0.6
    assert (held[~wrong] == people.loc[~wrong, "village_id"]).mean() > 0.995


def test_late_records_are_in_the_file_from_the_day_they_arrived(county) -> None:
    tax = county.tables["tax"].frame
    late = tax[(tax["known_on"] - tax["observed_on"]).dt.days > 200].iloc[0]
    key = (late["household_id"], late["year_end"])
    for day, there in ((late["known_on"] - pd.Timedelta(days=1), False), (late["known_on"], True)):
        rows = county.household_file(day, households=[late["household_id"]]).tables["tax"]
        assert (key in set(zip(rows["household_id"], rows["year_end"], strict=True))) == there


def test_the_villages_of_the_cadres_get_better_without_any_effect_too(truth, county) -> None:
    """Chosen for their record, they look better next year by themselves: before-after would credit the cadres."""
    notes = (
        county.tables["loans"]
        .frame.merge(truth["notes"], on="note_id")
        .merge(truth["households"][["household_id", "village_id"]], on="household_id")
    )
    cadres = county.tables["interventions"].frame.query("kind == 'seconded_cadre'")
    sent = notes[notes["village_id"].isin(cadres["village_id"])]
    start = cadres["started_on"].min()
    before = sent[sent["due_on"].between(start - pd.DateOffset(years=2), start)]
    after = sent[sent["due_on"].between(start, start + pd.DateOffset(years=1))]
    fall = before["failed_on"].notna().mean() - after["failed_on"].notna().mean()
    drawn = before["pd"].mean() - after["pd"].mean()  # what truly changed, the effect of the cadres with it
    assert fall > drawn, "the record fell by more than the risk"
