"""The bin table: stable columns, one convention, pure bins, amounts, weights as copies, HTML that shows and escapes."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from creditlab.binning import Binner, BinningResult, BinTable, Cross, Rows
from creditlab.binning.markup import CONVENTION
from creditlab.errors import InputError
from creditlab.plots.words import WORDS
from creditlab.results import digest

ALWAYS = [
    "bin", "label", "lower", "upper", "n", "goods", "bads", "share", "bad_rate", "bad_rate_lo", "bad_rate_hi",
    "woe", "woe_lo", "woe_hi", "iv", "iv_lo", "iv_hi",
]  # fmt: skip
WITH_GROUPS = ["clusters", "deff"]
WITH_AMOUNT = [
    "amount", "bad_amount", "amount_bad_rate", "amount_bad_rate_lo", "amount_bad_rate_hi", "amount_n",
]  # fmt: skip
SUMMARY = ["name", "kind", "trend", "bins", "iv", "iv_lo", "iv_hi", "iv_noise", "n", "missing", "special", "note"]


def drawn(n: int = 3000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, dict[str, np.ndarray]]:
    """Two columns, a target, and what may ride beside: villages that differ, months, amounts."""
    rng = np.random.default_rng(seed)
    village = rng.integers(0, 40, n)
    z = rng.normal(size=n) + rng.normal(0, 0.7, 40)[village]
    y = (rng.random(n) < 1 / (1 + np.exp(2 - z - rng.normal(0, 0.8, 40)[village]))).astype(int)
    X = pd.DataFrame({"income": np.where(rng.random(n) < 0.1, np.nan, z), "crop": rng.choice(["水稻", "<b>玉米"], n)})
    beside = {
        "groups": np.char.add("V", village.astype(str)),
        "period": rng.choice(["2022", "2023"], n),
        "amount": rng.lognormal(10, 1, n).round(),
    }
    return X, y, beside


X, Y, BESIDE = drawn()
PLAIN, RICH = Binner().fit(X, Y), Binner().fit(X, Y, **BESIDE)


def test_columns_are_stable_and_each_has_a_word_in_both_languages():
    assert list(PLAIN.result_["income"].tidy()) == [*ALWAYS, "note"]
    assert list(RICH.result_["income"].tidy()) == [*ALWAYS, *WITH_GROUPS, *WITH_AMOUNT, "note"]
    assert list(PLAIN.result_.tidy()) == SUMMARY == list(RICH.result_.tidy())
    for name in {*ALWAYS, *WITH_GROUPS, *WITH_AMOUNT, *SUMMARY}:
        assert WORDS[name].zh != WORDS[name].en or name in ("iv", "n")


def test_what_rides_beside_changes_no_bin_and_no_woe():
    for name in X:
        one, other = PLAIN.result_[name], RICH.result_[name]
        assert one.spec == other.spec and np.array_equal(one.woe, other.woe)
        same = [c for c in ALWAYS if not c.endswith(("_lo", "_hi"))]
        pd.testing.assert_frame_equal(one.tidy()[same], other.tidy()[same])


def test_estimates_lie_in_their_intervals_and_villages_widen_them():
    narrow, wide = (b.result_["income"].tidy().query("n > 0") for b in (PLAIN, RICH))
    for tidy in (narrow, wide):
        assert (tidy["bad_rate"] >= tidy["bad_rate_lo"]).all() and (tidy["bad_rate"] <= tidy["bad_rate_hi"]).all()
        assert (tidy["woe"] > tidy["woe_lo"]).all() and (tidy["woe"] < tidy["woe_hi"]).all()
        assert (tidy["iv_lo"] >= 0).all() and (tidy["iv_lo"] <= tidy["iv_hi"]).all()
    for name in ("bad_rate", "woe"):
        assert (wide[f"{name}_hi"] - wide[f"{name}_lo"] > narrow[f"{name}_hi"] - narrow[f"{name}_lo"]).all()
    assert wide["deff"].max() > 2 and (wide["clusters"] <= 40).all()
    table = RICH.result_["income"]
    assert table.glance()[["iv_lo", "iv_hi", "iv_noise", "clusters"]].iloc[0].tolist() == [
        table.iv_lo, table.iv_hi, table.iv_noise, 40,
    ]  # fmt: skip
    assert table.iv_noise > PLAIN.result_["income"].iv_noise > 0


def test_a_weight_of_w_equals_w_copies_in_every_column_also_with_villages_and_amounts():
    w = np.random.default_rng(3).integers(0, 4, len(X))
    at = np.repeat(np.arange(len(X)), w)
    weighted = Binner().fit(X, Y, sample_weight=w, **BESIDE)
    copies = Binner().fit(X.iloc[at], Y[at], **{k: v[at] for k, v in BESIDE.items()})
    for name in X:
        one, other = weighted.result_[name], copies.result_[name]
        assert one.spec == other.spec
        numbers = [c for c in one.tidy().columns if c not in ("label", "note")]
        np.testing.assert_allclose(one.tidy()[numbers], other.tidy()[numbers], rtol=1e-12, atol=1e-12)
        for figure in ("iv_lo", "iv_hi", "iv_noise"):
            assert getattr(one, figure) == pytest.approx(getattr(other, figure), rel=1e-12, abs=1e-12)
        one, other = (t.view().tidy().select_dtypes("number") for t in (one, other))
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def test_amounts_add_up_and_equal_amounts_give_the_rate_by_count():
    table = RICH.result_["income"]
    tidy = table.tidy()
    codes = table.codes(X["income"])
    np.testing.assert_allclose(tidy["amount"], np.bincount(codes, weights=BESIDE["amount"], minlength=len(tidy)))
    np.testing.assert_allclose(
        tidy["bad_amount"], np.bincount(codes, weights=BESIDE["amount"] * Y, minlength=len(tidy))
    )
    assert (tidy["amount_n"] < tidy["n"]).all()  # unequal loans are worth fewer rows
    equal = Binner().fit(X, Y, amount=np.full(len(X), 5000.0)).result_["income"].tidy()
    for of_amount, of_count in (("amount_bad_rate", "bad_rate"), ("amount_bad_rate_lo", "bad_rate_lo"),
                                ("amount_bad_rate_hi", "bad_rate_hi"), ("amount_n", "n")):  # fmt: skip
        np.testing.assert_allclose(equal[of_amount], equal[of_count], rtol=1e-9)


def test_a_pure_bin_is_allowed_flagged_and_has_finite_intervals():
    rng = np.random.default_rng(1)
    x = np.repeat([0.0, 1.0, 2.0], 400)
    y = (rng.random(1200) < np.repeat([0.0, 0.1, 0.3], 400)).astype(int)
    for groups in (None, rng.integers(0, 30, 1200)):
        table = Binner(min_bads=0).fit(pd.DataFrame({"x": x}), y, groups=groups).result_["x"]
        pure = table.tidy().iloc[0]
        assert pure["bads"] == 0 and "0 bads of 400" in pure["note"] and "无坏客户" in pure["note"]
        assert pure["bad_rate"] == 0 == pure["bad_rate_lo"] < pure["bad_rate_hi"] < 0.03
        assert np.isfinite(pure[["woe", "woe_lo", "woe_hi", "iv", "iv_lo", "iv_hi"]].astype(float)).all()
        assert pure["woe"] > 1 and pure["iv_hi"] > 0


def test_another_level_is_another_call():
    table = RICH.result_["income"]
    wider = table.at_level(0.99)
    assert wider.level == 0.99 and wider.iv_hi > table.iv_hi and np.array_equal(wider.woe, table.woe)
    assert (wider.tidy()["woe_hi"] > table.tidy()["woe_hi"])[table.tidy()["n"] > 0].all()
    assert digest(wider.at_level(table.level).to_dict()) == digest(table.to_dict())
    with pytest.raises(InputError, match="level between 0 and 1"):
        table.at_level(90)


def test_one_village_cannot_give_an_interval_and_says_so():
    table = Binner().fit(X, Y, groups=np.zeros(len(X))).result_["income"]
    assert "fewer than two groups" in table.notes[-1]
    pd.testing.assert_frame_equal(table.tidy(), PLAIN.result_["income"].tidy())


def test_json_gives_everything_back():
    read = BinningResult.from_dict(json.loads(json.dumps(RICH.result_.to_dict(), allow_nan=False)))
    assert read.to_dict() == RICH.result_.to_dict()
    for name in X:
        pd.testing.assert_frame_equal(read[name].tidy(), RICH.result_[name].tidy(), check_exact=True)
        pd.testing.assert_frame_equal(read[name].view().tidy(), RICH.result_[name].view().tidy(), check_exact=True)
        assert read[name].iv_hi == RICH.result_[name].iv_hi


def test_rows_in_pieces_and_in_another_order_give_the_same_intervals():
    half = len(X) // 2
    parts = [
        Rows(X[s], Y[s], None, *(BESIDE[k][s] for k in ("groups", "period", "amount")))
        for s in (slice(None, half), slice(half, None))
    ]
    order = np.random.default_rng(9).permutation(len(X))
    shuffled = Binner().fit(X.iloc[order], Y[order], **{k: v[order] for k, v in BESIDE.items()})
    for other in (Binner().fit_parts(parts), shuffled):
        for name in X:
            numbers = RICH.result_[name].tidy().select_dtypes("number")
            np.testing.assert_allclose(other.result_[name].tidy()[numbers.columns], numbers, rtol=1e-12, atol=1e-12)


def test_an_edited_table_keeps_villages_amounts_and_periods():
    edited = RICH.edit("income").merge(0, 1, reason="policy")
    table = edited.result_["income"]
    assert list(table.tidy()) == [*ALWAYS, *WITH_GROUPS, *WITH_AMOUNT, "note"]
    assert table.tidy()["amount"].sum() == RICH.result_["income"].tidy()["amount"].sum()
    assert table.view().by_scope["scope"].tolist() == ["train", "2022", "2023"]
    assert digest(edited.undo().result_.to_dict()) == digest(RICH.result_.to_dict())


def test_a_cross_has_villages_amounts_and_views_too():
    fitted = Binner(crosses=(Cross("income", "crop"),)).fit(X, Y, **BESIDE)
    name = "income × crop"
    tidy = fitted.result_[name].tidy()
    assert list(tidy) == [*ALWAYS, *WITH_GROUPS, *WITH_AMOUNT, "note"] and tidy["n"].sum() == len(X)
    seen = fitted.on(X, Y, name="again")[name]
    assert seen.by_scope["scope"].tolist() == ["train", "2022", "2023", "again"]
    assert seen.wide("n")["again"].tolist() == tidy["n"].tolist()


def test_what_joined_another_bin_says_so_and_is_counted_there():
    table = Binner(missing="worst").fit(X, Y, **BESIDE).result_["income"]
    row = table.tidy().iloc[table.spec.missing]
    assert row["n"] == 0 and "joined to" in row["note"] and np.isnan(row["woe_lo"])
    assert table.tidy()["n"].sum() == len(X) and table.tidy()["amount"].sum() == BESIDE["amount"].sum()


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"groups": ["a"]}, "groups"),
        ({"groups": [None] * 3000}, "a group in every row"),
        ({"period": range(7)}, "period"),
        ({"amount": [-1.0] * 3000}, "amounts of zero or more"),
        ({"amount": ["x"] * 3000}, "numbers"),
        ({"amount": np.ones(5)}, "3000 values of amount"),
    ],
)
def test_what_cannot_ride_beside_is_refused(given, match):
    with pytest.raises(InputError, match=match):
        Binner().fit(X, Y, **given)


def test_pieces_must_agree_on_what_they_bring():
    with pytest.raises(InputError, match="amount in every piece"):
        Binner().fit_parts([Rows(X, Y, amount=BESIDE["amount"]), Rows(X, Y)])


# --- what is seen -----------------------------------------------------------------------------------------------


def test_every_table_declares_its_convention():
    assert "higher is safer" in CONVENTION and "越高越安全" in CONVENTION and "[lower, upper)" in CONVENTION
    for html in (PLAIN.result_["income"]._repr_html_(), RICH.result_["income"].view()._repr_html_()):
        assert CONVENTION.split(":")[0].replace("%", "%") in html and "higher is safer" in html
    tidy = PLAIN.result_["income"].tidy().query("n > 0")
    assert np.corrcoef(tidy["woe"], tidy["bad_rate"])[0, 1] < 0  # and the numbers keep it


def test_the_html_shows_intervals_bars_and_notes_and_escapes_text():
    html = RICH.result_["crop"]._repr_html_()
    assert "&lt;b&gt;玉米" in html and "<b>玉米" not in html
    income = RICH.result_["income"]
    html = income._repr_html_()
    first = income.tidy().iloc[0]
    assert f"{first['bad_rate']:.2%}" in html and f"{first['bad_rate_lo']:.1%}–{first['bad_rate_hi']:.1%}" in html
    assert f"{income.iv_lo:.4f}–{income.iv_hi:.4f}" in html and f"{income.iv_noise:.4f}" in html
    assert "cluster-robust" in html and "amount (yuan)" in html and "deff" in html
    assert "independent rows" in PLAIN.result_["income"]._repr_html_()


def test_bars_stay_in_their_boxes_and_take_no_colour_that_fails_on_a_dark_ground():
    html = RICH.result_["income"]._repr_html_() + RICH.result_["income"].view()._repr_html_()
    for left, width in re.findall(r"left:([\d.]+)px;width:([\d.]+)px", html):
        assert float(left) >= 0 and float(left) + float(width) <= 96.1
    colours = set(re.findall(r"#([0-9a-f]{6})", html))
    for c in colours:  # relative luminance (WCAG 2): at least 3:1 against white and against JupyterLab's #111111
        rgb = [int(c[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in rgb]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert 1.05 / (luminance + 0.05) >= 3 and (luminance + 0.05) / (0.0056 + 0.05) >= 3, c
    assert "color:black" not in html and "background:white" not in html


def test_tables_written_before_read_on():
    """A table without design, amounts and scopes reads as one without them."""
    d = PLAIN.result_["income"].to_dict()
    del d["scopes"], d["counts"]["design"], d["counts"]["amounts"]
    assert BinTable.from_dict(d).to_dict() == PLAIN.result_["income"].to_dict()
