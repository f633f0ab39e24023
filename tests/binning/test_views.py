"""Bins seen on other rows: what holds, what is gone, what moved; periods, villages and other cuts beside training."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from creditlab.binning import Binner, BinView
from creditlab.binning.tally import Labels
from creditlab.errors import ColumnError, InputError
from creditlab.plots.words import WORDS
from creditlab.validation import psi

PER_SCOPE = [
    "name", "scope", "kind", "n", "bads", "bad_rate", "iv", "iv_lo", "iv_hi", "iv_noise", "trend", "shape",
    "reversals", "reversed", "holds", "psi", "psi_noise", "note",
]  # fmt: skip


def drawn(n: int, seed: int, turned: bool = False, noise: bool = False) -> tuple[pd.DataFrame, np.ndarray]:
    """A risk that rises with income, or falls (turned), or knows nothing of it; and a column of noise."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    slope = 0.0 if noise else -1.0 if turned else 1.0
    y = (rng.random(n) < 1 / (1 + np.exp(2 - slope * z))).astype(int)
    return pd.DataFrame({"income": z, "noise": rng.normal(size=n), "crop": rng.choice(["a", "b"], n)}), y


X, Y = drawn(4000, 0)
TEST, Y_TEST = drawn(3000, 1)
BINNER = Binner().fit(X, Y)


def beside(n: int, seed: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "groups": rng.integers(0, 60, n),
        "period": pd.Series(rng.choice(pd.to_datetime(["2023-03-31", "2023-06-30"]), n)),
        "amount": rng.lognormal(9, 1, n),
    }


def test_every_scope_stands_beside_training_with_its_n():
    seen = BINNER.on(TEST, Y_TEST, **beside(3000), by={"branch": np.arange(3000) % 2}, name="test")
    tidy = seen.tidy()
    assert list(tidy) == PER_SCOPE
    assert all(name in WORDS for name in PER_SCOPE)
    one = tidy[tidy["name"] == "income"]
    assert one["kind"].tolist() == ["train", "sample", "period", "period", *["groups"] * 5, "branch", "branch"]
    assert one["scope"].tolist()[:4] == ["train", "test", "2023-03-31", "2023-06-30"]
    sums = one.groupby("kind", sort=False)["n"].sum()
    assert sums.tolist() == [4000, 3000, 3000, 3000, 3000]
    bads = one.groupby("kind", sort=False)["bads"].sum()
    assert bads.tolist() == [Y.sum(), *[Y_TEST.sum()] * 4]
    assert seen["income"].wide("n").sum().tolist() == one["n"].tolist()
    assert seen.wide("iv").loc["income", "test"] == one["iv"].iloc[1]


def test_training_rows_seen_again_are_the_training_table():
    view = BINNER.result_["income"].on(X["income"], Y)
    train, again = (view.tidy().query(f"scope == '{s}'").drop(columns=["scope", "kind"]) for s in ("train", "held-out"))
    regular = BINNER.result_["income"].spec.regular
    # missing values have more pseudo-rows in training; the rest is the same arithmetic on the same counts
    pd.testing.assert_frame_equal(train.head(regular), again.head(regular).set_axis(train.index[:regular]))
    assert view.by_scope["psi"].tolist() == [0, 0]
    table = BINNER.result_["income"].tidy().head(regular)
    pd.testing.assert_frame_equal(train.head(regular)[["n", "woe", "iv"]], table[["n", "woe", "iv"]].astype(float))


def test_one_bin_table_and_the_whole_binner_say_the_same():
    given = beside(3000)
    both = BINNER.on(TEST, Y_TEST, **given)["income"], BINNER.result_["income"].on(TEST["income"], Y_TEST, **given)
    pd.testing.assert_frame_equal(both[0].tidy(), both[1].tidy())


def test_a_relation_that_holds_and_one_that_turned_are_told_apart():
    held = BINNER.on(TEST, Y_TEST).tidy().set_index(["name", "scope"])
    row = held.loc[("income", "held-out")]
    assert row["holds"] and row["shape"] == "ascending" and row["reversed"] == 0 and row["iv_lo"] > 0.3
    assert held.loc[("noise", "held-out"), "shape"] == "flat"
    turned = BINNER.on(*drawn(3000, 2, turned=True)).tidy().set_index(["name", "scope"])
    row = turned.loc[("income", "held-out")]
    assert not row["holds"] and row["shape"] == "descending" and row["iv_lo"] > 0.3
    assert row["reversals"] >= 5 and row["reversed"] >= 1


def test_chance_alone_turns_the_order_of_noise_but_rarely_beyond_chance():
    """Held-out rows without any relation: the chance of one reversal beyond chance is at most 5 % by construction."""
    failed, turned = 0, 0
    for seed in range(60):
        row = BINNER.result_["income"].on(*(lambda d: (d[0]["income"], d[1]))(drawn(1500, 100 + seed, noise=True)))
        failed += int(not row.by_scope["holds"].iloc[1])
        turned += int(row.by_scope["reversals"].iloc[1] > 0)
    assert failed <= 8 and turned >= 50  # of 60: 8 is three standard errors above 3


def test_the_iv_of_noise_on_other_rows_is_what_chance_gives():
    """Bins are fixed there, so the mean IV of noise is `iv_noise` (χ², see test_intervals); its interval holds 0."""
    rows = [
        BINNER.result_["noise"].on(*(lambda d: (d[0]["noise"], d[1]))(drawn(2000, 200 + s))).by_scope.iloc[1]
        for s in range(80)
    ]
    ratio = np.mean([r["iv"] for r in rows]) / np.mean([r["iv_noise"] for r in rows])
    bins = BINNER.result_["noise"].spec.regular
    assert ratio == pytest.approx(1, abs=4 * np.sqrt(2 / (bins - 1) / 80))
    assert np.mean([r["iv_lo"] == 0 for r in rows]) > 0.85


def test_psi_is_that_of_validation_and_shows_a_mix_that_moved():
    moved = TEST.assign(income=TEST["income"] + 0.7)
    view = BINNER.result_["income"].on(moved["income"], Y_TEST)
    counts = [view.wide("n")[s].to_numpy() for s in ("train", "held-out")]
    assert view.by_scope["psi"].iloc[1] == pytest.approx(psi(*counts).estimate, rel=1e-12)
    assert view.by_scope["psi"].iloc[1] > 20 * view.by_scope["psi_noise"].iloc[1]


def test_villages_raise_the_psi_of_chance():
    rng = np.random.default_rng(0)
    village = rng.integers(0, 40, 3000)
    x = pd.Series(rng.normal(size=3000) + rng.normal(0, 1.5, 40)[village])
    table = BINNER.result_["income"]
    one, other = (table.on(x, Y_TEST, groups=g).by_scope["psi_noise"].iloc[1] for g in (None, village))
    assert other > 3 * one


def test_villages_that_differ_widen_what_is_seen_on_other_rows():
    rng = np.random.default_rng(7)
    village = rng.integers(0, 60, 3000)
    y = (rng.random(3000) < 1 / (1 + np.exp(2 - TEST["income"] - rng.normal(0, 1.2, 60)[village]))).astype(int)
    table = BINNER.result_["income"]
    plain, robust = (table.on(TEST["income"], y, groups=g).tidy().query("scope == 'held-out' and n > 0")
                     for g in (None, village))  # fmt: skip
    width = [(t["bad_rate_hi"] - t["bad_rate_lo"]).to_numpy() for t in (plain, robust)]
    assert (width[1] > width[0]).all() and robust["deff"].max() > 1.5


def test_periods_of_the_fit_are_in_every_view_of_it():
    given = beside(4000)
    fitted = Binner().fit(X, Y, **given)
    view = fitted.result_["income"].view()
    assert view.by_scope["scope"].tolist() == ["train", "2023-03-31", "2023-06-30"]
    assert view.by_scope["kind"].tolist() == ["train", "train period", "train period"]
    np.testing.assert_allclose(view.wide("n").iloc[:, 1:].sum(axis=1), view.wide("n")["train"])
    np.testing.assert_allclose(view.wide("amount").iloc[:, 1:].sum(axis=1), view.wide("amount")["train"])
    later = fitted.on(TEST, Y_TEST, name="out-of-time")["income"]
    assert later.by_scope["scope"].tolist() == ["train", "2023-03-31", "2023-06-30", "out-of-time"]
    assert isinstance(view, BinView) and view._repr_html_().count("2023-06-30") == 1


def test_a_period_without_bads_has_rates_but_no_iv_and_says_so():
    period = np.where(Y_TEST == 1, "2023", np.where(np.arange(3000) % 2, "2024", "2023"))
    seen = BINNER.result_["income"].on(TEST["income"], Y_TEST, period=period)
    row = seen.by_scope.set_index("scope").loc["2024"]
    assert row["bads"] == 0 and np.isnan(row[["iv", "iv_lo", "iv_noise"]].astype(float)).all()
    assert "one class" in row["note"] and row["holds"]
    bins = seen.tidy().query("scope == '2024' and n > 0")
    assert (bins["bad_rate"] == 0).all() and (bins["bad_rate_hi"] > 0).all() and bins["woe"].isna().all()
    json.dumps(seen.to_dict(), allow_nan=False)
    assert "nan" not in seen._repr_html_()


def test_a_weight_of_w_equals_w_copies_on_other_rows_too():
    w = np.random.default_rng(3).integers(0, 4, 3000)
    at, given = np.repeat(np.arange(3000), w), beside(3000)
    one = BINNER.on(TEST, Y_TEST, w, **given)
    other = BINNER.on(TEST.iloc[at], Y_TEST[at], **{k: np.asarray(v)[at] for k, v in given.items()})
    for a, b in ((one.tidy(), other.tidy()), (one["income"].tidy(), other["income"].tidy())):
        assert a["scope"].tolist() == b["scope"].tolist()
        numbers = a.select_dtypes("number").columns
        np.testing.assert_allclose(a[numbers], b[numbers], rtol=1e-11, atol=1e-12)


def test_what_training_never_saw_is_counted_in_its_bin():
    fresh = TEST.head(300).assign(crop="new", income=np.nan)
    seen = BINNER.on(fresh, Y_TEST[:300])
    assert seen["crop"].wide("n")["held-out"].iloc[-1] == 300
    assert seen["income"].wide("n").loc["缺失 missing", "held-out"] == 300
    assert seen.tidy().set_index(["name", "scope"]).loc[("income", "held-out"), "shape"] == "flat"


def test_labels_are_in_the_order_of_their_values():
    assert Labels.of([10, 9, 2], 3, "x").names == ("2", "9", "10")
    assert Labels.of(pd.PeriodIndex(["2023-10", "2023-09"], freq="M"), 2, "x").names == ("2023-09", "2023-10")
    assert Labels.of(pd.Series(["乙", 3], dtype=object), 2, "x").names == ("3", "乙")


def test_wrong_calls_say_what_is_expected():
    with pytest.raises(InputError, match="a name for these rows other than 'train'"):
        BINNER.on(TEST, Y_TEST, name="train")
    with pytest.raises(InputError, match="3000 values"):
        BINNER.on(TEST, Y_TEST[:10])
    with pytest.raises(InputError, match="target of 0 and 1"):
        BINNER.on(TEST, Y_TEST + 1)
    with pytest.raises(InputError, match="feature names"):
        BINNER.on(TEST.drop(columns="noise"), Y_TEST)
    with pytest.raises(ColumnError, match="a binned column"):
        BINNER.on(TEST, Y_TEST)["nobody"]
    with pytest.raises(ColumnError, match="BinView.wide"):
        BINNER.result_["income"].view().wide("rate")


def test_scopes_are_escaped():
    html = BINNER.result_["crop"].on(TEST["crop"], Y_TEST, by=np.repeat(["<i>x", "y"], 1500))._repr_html_()
    assert "&lt;i&gt;x" in html and "<i>x" not in html
