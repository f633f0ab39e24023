"""Edits are law, have an author and a reason, survive clones and refits, and can be undone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

import creditlab as cl
from creditlab import Scorecard
from creditlab.binning import Binner, Edit
from creditlab.errors import ColumnError, InputError
from creditlab.results import digest
from tests.binning.test_binner import SPECIAL, X, Y

COLUMNS = ["income", "count", "code", "crop", "day", "gaps"]
FRAME = X[COLUMNS]
BASE = Binner(special=SPECIAL, max_bins=6).fit(FRAME, Y)


def rows_of(binner: Binner, name: str) -> np.ndarray:
    return np.bincount(binner.codes(FRAME)[name], minlength=binner.result_[name].spec.size)


def test_merging_makes_a_new_binner_and_leaves_the_old_one():
    before = digest(BASE.result_.to_dict())
    edited = BASE.edit("income", author="Li").merge(1, 2, reason="policy 2025-12")
    old, new = BASE.result_["income"], edited.result_["income"]
    assert digest(BASE.result_.to_dict()) == before and BASE.edits == ()
    assert new.spec.cuts == old.spec.cuts[:1] + old.spec.cuts[2:]
    assert new.tidy()["n"].iloc[1] == old.tidy()["n"].iloc[1:3].sum()
    assert np.array_equal(rows_of(edited, "income"), new.tidy()["n"])
    assert np.array_equal(edited.transform(FRAME)["income"], new.woe[edited.codes(FRAME)["income"]])
    assert edited.result_["count"].spec == BASE.result_["count"].spec


def test_cuts_splits_and_moves():
    edited = BASE.edit("income", author="Li").cuts([-1, 0, 1], reason="round numbers")
    assert edited.result_["income"].spec.cuts == (-1.0, 0.0, 1.0)
    split = edited.edit("income").split(1, -0.5, reason="too wide")
    assert split.result_["income"].spec.cuts == (-1.0, -0.5, 0.0, 1.0)
    moved = split.edit("income").move(-0.5, -0.25, reason="as in the old card")
    assert moved.result_["income"].spec.cuts == (-1.0, -0.25, 0.0, 1.0)
    for binner in (edited, split, moved):
        assert np.array_equal(rows_of(binner, "income"), binner.result_["income"].tidy()["n"])
    dates = BASE.edit("day").cuts(["2023-01-01", pd.Timestamp("2024-01-01")], reason="calendar years")
    assert [dates.result_["day"].label(k, "en") for k in range(3)] == ["< 2023-01-01", "[2023-01-01, 2024-01-01)",
                                                                        "≥ 2024-01-01"]  # fmt: skip


def test_levels_are_grouped_by_hand():
    levels = sorted(FRAME["crop"].unique())
    together = BASE.edit("crop").group(levels[:2], reason="same buyer")
    groups = together.result_["crop"].spec.groups
    assert tuple(levels[:2]) in groups and sorted(v for g in groups for v in g) == levels
    apart = together.edit("crop").split(groups.index(tuple(levels[:2])), levels[:1], reason="other buyer now")
    assert (levels[0],) in apart.result_["crop"].spec.groups
    merged = apart.edit("crop").merge(0, 1, reason="alike")
    assert len(merged.result_["crop"].spec.groups) == len(apart.result_["crop"].spec.groups) - 1
    for binner in (together, apart, merged):
        assert np.array_equal(rows_of(binner, "crop"), binner.result_["crop"].tidy()["n"])


def test_the_log_tells_who_why_when_and_what_it_changed(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1764547200")
    held = FRAME.iloc[:400], Y[:400]
    edited = BASE.edit("income", author="Li", held_out=held).merge(0, 1, reason="policy")
    edited = edited.edit("count", author="Wang").cuts([1, 3], reason="as the officer sees it")
    log = edited.edit_log()
    assert log["column"].tolist() == ["income", "count"] and log["author"].tolist() == ["Li", "Wang"]
    assert log["reason"].tolist() == ["policy", "as the officer sees it"]
    assert log["made_at"].str.startswith("2025-12-01").all()
    assert log["iv_before"].iloc[0] == BASE.result_["income"].iv
    assert log["iv_after"].iloc[0] == edited.result_["income"].iv < log["iv_before"].iloc[0]
    assert log["bins_before"].iloc[0] == log["bins_after"].iloc[0] + 1
    codes = edited.codes(held[0])["income"].to_numpy()
    rates = log["held_out_rates"].iloc[0]
    assert rates[0] == pytest.approx(held[1][codes == 0].mean())
    assert np.isfinite([log["held_out_iv_before"].iloc[0], log["held_out_iv_after"].iloc[0]]).all()
    assert any("Li" in note and "policy" in note for note in edited.result_["income"].notes)


def test_undo_and_the_model_without_the_edits():
    one = BASE.edit("income").merge(0, 1, reason="a")
    two = one.edit("income").merge(0, 1, reason="b").edit("count").cuts([1], reason="c")
    assert digest(two.undo(2).result_.to_dict()) == digest(one.result_.to_dict())
    assert digest(two.without_edits().result_.to_dict()) == digest(BASE.result_.to_dict())
    assert len(two.edits) == 3 and len(two.undo().edits) == 2
    with pytest.raises(InputError, match="whole number"):
        two.undo(9)


def test_edits_are_a_parameter_that_fit_replays():
    edited = BASE.edit("income").cuts([-1, 0.5], reason="round").edit("crop").merge(0, 1, reason="alike")
    again = clone(edited).fit(FRAME, Y)
    assert digest(again.result_.to_dict()) == digest(edited.result_.to_dict())
    half = clone(edited).fit(FRAME.iloc[:700], Y[:700])
    assert half.result_["income"].spec.cuts == (-1.0, 0.5)
    assert half.result_["crop"].spec.groups == edited.result_["crop"].spec.groups
    assert half.result_["count"].tidy()["n"].sum() == 700


def test_edited_binners_are_cross_validated_piped_and_searched():
    edited = BASE.edit("income").cuts([-1, 0.5], reason="round")
    pipe = make_pipeline(clone(edited), LogisticRegression())
    assert np.mean(cross_val_score(pipe, FRAME, Y, scoring="roc_auc", cv=3)) > 0.6
    search = GridSearchCV(pipe, {"binner__max_bins": [3, 5]}, cv=2).fit(FRAME, Y)
    best = search.best_estimator_.named_steps["binner"]
    assert best.result_["income"].spec.cuts == (-1.0, 0.5) and best.edits == edited.edits
    card = Scorecard(clone(edited)).fit(FRAME, Y)
    assert card.result_.bins["income"].spec.cuts == (-1.0, 0.5)


def test_edits_are_saved_with_the_binner(tmp_path):
    edited = BASE.edit("income", author="李").cuts([-1, 0.5], reason="整数")
    edited.to_json(tmp_path / "binner.json")
    loaded = cl.load(tmp_path / "binner.json")
    assert loaded.edits == edited.edits
    assert digest(loaded.result_.to_dict()) == digest(edited.result_.to_dict())
    with pytest.raises(InputError, match="Fit it again"):
        loaded.edit("income").merge(0, 1, reason="x")
    refitted = clone(loaded).fit(FRAME, Y)
    assert digest(refitted.result_.to_dict()) == digest(edited.result_.to_dict())


def test_a_broken_rule_is_a_finding_and_the_cut_stays():
    edited = Binner(trend="ascending", max_bins=3).fit(FRAME[["income"]], Y).edit("income").cuts(
        [-9, -1, 0, 0.1, 2.9], reason="by hand"
    )  # fmt: skip
    table = edited.result_["income"]
    assert table.spec.cuts == (-9.0, -1.0, 0.0, 0.1, 2.9)
    notes = " ".join(table.notes)
    assert "min_share" in notes and "max_bins" in notes and "< -9" in notes


def test_edits_need_no_search_and_no_second_fit():
    edited = BASE.edit("income").merge(0, 1, reason="a")
    assert edited.n_features_in_ == BASE.n_features_in_ and list(edited.feature_names_in_) == COLUMNS


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        (lambda e: e.merge(0, 2, reason="r"), "side by side"),
        (lambda e: e.merge(0, reason="r"), "two or more"),
        (lambda e: e.merge(0, 99, reason="r"), "bin number"),
        (lambda e: e.merge(0, True, reason="r"), "bin number"),
        (lambda e: e.merge(0, 1, reason=" "), "reason"),
        (lambda e: e.split(0, 1e9, reason="r"), "inside bin"),
        (lambda e: e.move(123.0, 1, reason="r"), "one of the cuts"),
        (lambda e: e.cuts([2, 1], reason="r"), "ascending"),
        (lambda e: e.cuts([np.nan], reason="r"), "finite"),
        (lambda e: e.group(["a"], reason="r"), "text column"),
    ],
)
def test_wrong_edits_are_refused(wrong, match):
    with pytest.raises(InputError, match=match):
        wrong(BASE.edit("income"))


def test_wrong_levels_and_columns_are_refused():
    with pytest.raises(InputError, match="levels that training had"):
        BASE.edit("crop").group(["tea"], reason="r")
    with pytest.raises(InputError, match="numbers, flags or dates"):
        BASE.edit("crop").cuts([1], reason="r")
    with pytest.raises(ColumnError):
        BASE.edit("absent")
    with pytest.raises(ColumnError):
        Binner(edits=(Edit(column="absent", cuts=(1.0,)),)).fit(FRAME, Y)
    with pytest.raises(InputError, match=r"Edit\(...\)"):
        Binner(edits=("merge",)).fit(FRAME, Y)
