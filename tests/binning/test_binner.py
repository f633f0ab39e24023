"""What the table shows is what transform gives, for any column; weights equal copies; nothing collapses silently."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import creditlab as cl
from creditlab.binning import Binner, BinningResult
from creditlab.errors import ColumnError, InputError
from creditlab.results import digest


def sample(n: int = 1200, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """A column of each kind; risk rises with z."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(1.5 - z))).astype(int)
    days = rng.integers(0, 900, n)
    frame = pd.DataFrame(
        {
            "income": z + rng.normal(size=n),
            "gaps": np.where(rng.random(n) < 0.2, np.nan, z),
            "code": np.where(rng.random(n) < 0.15, -9.0, z.round(1)),
            "wild": np.select([z > 2, z < -2], [np.inf, -np.inf], z),
            "count": rng.poisson(np.exp(z / 2)),
            "flag": z > 0.5,
            "crop": rng.choice(["水稻, 小麦", '"玉米" [%]', "a|b"], n),
            "grade": pd.Categorical(np.where(z > 0, "B", "A")),
            "nullable": pd.array(np.where(z > 1, None, rng.integers(0, 5, n)), dtype="Int64"),
            "maybe": pd.array([None if v > 1 else v > 0 for v in z], dtype="boolean"),
            "arrow": pd.Series(z).astype("double[pyarrow]"),
            "day": pd.Timestamp("2022-01-01") + pd.to_timedelta(days, unit="D"),
            "plain_day": [dt.date(2022, 1, 1) + dt.timedelta(days=int(d)) for d in days],
            "mixed": pd.Series([str(i % 7) if i % 2 else i % 7 for i in range(n)], dtype=object),
            "constant": 1.0,
            "void": np.nan,
            "none": pd.Series([None] * n, dtype=object),
            "village": rng.integers(0, 300, n).astype(str),
        },
        index=pd.Index(range(100, 100 + n), name="row"),
    )
    return frame, y


X, Y = sample()
SPECIAL = {"code": {-9: "not connected 未接入"}}
FITTED = Binner(special=SPECIAL).fit(X, Y)


@pytest.mark.parametrize("name", X.columns)
def test_every_row_is_counted_once_and_coded_by_the_table(name):
    table = FITTED.result_[name]
    codes = FITTED.codes(X)[name].to_numpy()
    tidy = table.tidy()
    assert tidy["n"].sum() == len(X) and tidy["bads"].sum() == Y.sum()
    assert np.array_equal(np.bincount(codes, minlength=table.spec.size), tidy["n"])
    assert np.array_equal(np.bincount(codes, weights=Y, minlength=table.spec.size), tidy["bads"])
    assert np.array_equal(FITTED.transform(X)[name].to_numpy(), tidy["woe"].to_numpy()[codes])
    assert np.isfinite(tidy["woe"]).all() and (tidy["iv"] >= -1e-12).all()


def test_rows_keep_their_index_and_one_row_equals_the_batch():
    woe = FITTED.transform(X)
    assert woe.index.equals(X.index) and list(woe.columns) == list(X.columns)
    for row in (0, 7, 1199):
        pd.testing.assert_frame_equal(FITTED.transform(X.iloc[[row]]), woe.iloc[[row]])


def test_inputs_are_not_changed():
    before = digest(X, Y)
    Binner(special=SPECIAL).fit(X, Y, sample_weight=np.ones(len(X)))
    assert digest(X, Y) == before


def test_row_order_does_not_matter():
    order = np.random.default_rng(9).permutation(len(X))
    shuffled = Binner(special=SPECIAL).fit(X.iloc[order], Y[order])
    assert digest(shuffled.result_.to_dict()) == digest(FITTED.result_.to_dict())


def test_the_same_call_gives_the_same_result():
    assert digest(Binner(special=SPECIAL).fit(X, Y).result_.to_dict()) == digest(FITTED.result_.to_dict())


def test_a_weight_of_w_equals_w_copies():
    w = np.random.default_rng(3).integers(0, 4, len(X))
    weighted = Binner(special=SPECIAL).fit(X, Y, sample_weight=w)
    copies = Binner(special=SPECIAL).fit(X.iloc[np.repeat(np.arange(len(X)), w)], np.repeat(Y, w))
    for name in X.columns:
        one, other = weighted.result_[name], copies.result_[name]
        assert one.spec == other.spec, name
        numbers = ["n", "bads", "woe", "woe_lo", "bad_rate_hi", "iv"]
        np.testing.assert_allclose(one.tidy()[numbers], other.tidy()[numbers], atol=1e-12, rtol=1e-12)


def test_a_monotone_transform_of_the_values_gives_the_same_bins():
    moved = pd.DataFrame({"income": np.exp(X["income"]) * 3 + 7})
    plain = Binner().fit(X[["income"]], Y)
    assert plain.codes(X[["income"]]).equals(Binner().fit(moved, Y).codes(moved))


@pytest.mark.parametrize("shape", ["ascending", "descending", "peak", "valley", "free"])
def test_a_declared_shape_holds(shape):
    frame = X[["income", "count", "gaps"]]
    fitted = Binner(trend=shape, max_bins=6).fit(frame, Y)
    for name in frame:
        table = fitted.result_[name].tidy().iloc[: fitted.result_[name].spec.regular]
        rise = np.sign(np.diff(table["bad_rate"]))
        if shape in ("ascending", "descending"):
            assert (rise == (1 if shape == "ascending" else -1)).all()
        elif shape != "free":
            assert (np.diff(rise if shape == "peak" else -rise) <= 0).all()
        assert len(table) <= 6
        assert (table["n"] >= 0.05 * table["n"].sum() - 1e-9).all()


def test_trends_by_column_and_the_rest_is_auto():
    fitted = Binner(trend={"income": "descending"}).fit(X[["income", "gaps"]], Y)
    assert fitted.result_["gaps"].trend == "ascending"
    assert fitted.result_["income"].trend == "flat"  # the data ascend: no descending cut exists, and the table says so
    assert "relax trend" in fitted.result_["income"].notes[0]


def test_nothing_collapses_silently():
    notes = {t.name: "; ".join(t.notes) for t in FITTED.result_.tables}
    assert "constant" in notes["constant"] and "all values are missing" in notes["void"]
    assert "infinities" in notes["wild"] and "many levels" in notes["village"]
    for table in FITTED.result_.tables:
        if table.spec.regular == 1:
            assert table.iv == pytest.approx(0, abs=1e-12) and table.notes
    assert FITTED.result_.tidy().set_index("name").loc["void", "note"]
    few = Binner(min_expected=200).fit(X[["income"]], Y).result_["income"]
    assert "too few for two bins" in few.notes[0] and "min_expected" in few.notes[0]


def test_missing_and_codes_have_bins_with_their_own_woe():
    rng = np.random.default_rng(0)
    x = rng.normal(size=4000)
    x[:600], x[600:1000] = np.nan, -9
    p = np.full(4000, 0.1)
    p[:600], p[600:1000] = 0.6, 0.02
    y = (rng.random(4000) < p).astype(int)
    table = Binner(special={"*": {-9: "refused"}}).fit(pd.DataFrame({"x": x}), y).result_["x"]
    tidy = table.tidy().set_index("label")
    total = np.log((y == 0).sum() / y.sum())
    for label, rows in (("缺失 missing", slice(0, 600)), ("-9 refused", slice(600, 1000))):
        g, b = (y[rows] == 0).sum(), y[rows].sum()
        assert tidy.loc[label, "n"] == g + b
        smoothed = np.log((g + 0.5 * np.exp(total)) / (b + 0.5)) - total  # half a bad, goods at the sample's odds
        assert tidy.loc[label, "woe"] == pytest.approx(smoothed, abs=1e-12)
        assert tidy.loc[label, "woe"] == pytest.approx(np.log(g / b) - total, abs=0.1)


def test_a_tiny_missing_bin_is_shrunk_and_a_pure_bin_is_finite():
    rng = np.random.default_rng(1)
    x = rng.normal(size=2000)
    y = (rng.random(2000) < 0.05).astype(int)
    x[:3], y[:3] = np.nan, 1
    tidy = Binner().fit(pd.DataFrame({"x": x}), y).result_["x"].tidy()
    tiny = tidy[tidy["label"] == "缺失 missing"].iloc[0]
    assert tiny["n"] == 3 and tiny["bad_rate"] == 1 and "0 goods" in tiny["note"]
    assert -1.0 < tiny["woe"] < 0  # the raw WOE would be minus infinity
    x[:1000], y[:1000] = np.nan, 0
    pure = Binner().fit(pd.DataFrame({"x": x}), y).result_["x"].tidy().query("label == '缺失 missing'").iloc[0]
    assert np.isfinite(pure["woe"]) and pure["woe"] > 2 and pure["bad_rate_lo"] == 0 < pure["bad_rate_hi"] < 0.01


def test_without_a_prior_no_pure_bin_is_made_and_one_that_cannot_be_helped_is_named():
    x = pd.DataFrame({"x": np.repeat([0.0, 1.0, 2.0, np.nan], 200)})
    y = np.concatenate([np.zeros(200), np.arange(200) < 40, np.arange(200) < 90, np.arange(200) < 60]).astype(int)
    tidy = Binner(prior=0).fit(x, y).result_["x"].tidy().iloc[:-1]
    assert (tidy["bads"] > 0).all() and len(tidy) == 2
    share = (tidy["goods"] / (y == 0).sum()) / (tidy["bads"] / y.sum())
    np.testing.assert_allclose(tidy["woe"], np.log(share), rtol=1e-12)  # the textbook's
    y[600:] = 0
    with pytest.raises(InputError, match=r"prior=0 .* got 200 goods and 0 bads in 'missing' \(column 'x'\)"):
        Binner(prior=0).fit(x, y)
    assert Binner(prior=0, missing="worst").fit(x, y).result_["x"].spec.joins


@pytest.mark.parametrize("seed", range(6))
def test_a_rule_that_is_named_is_the_one_to_relax(seed):
    import re

    loose = {
        "trend": "free", "min_share": 0.0, "min_expected": 0.0, "min_goods": 0.0, "min_bads": 0.0,
        "min_rate_gap": 0.0, "max_pvalue": 1.0,
    }  # fmt: skip
    rng = np.random.default_rng(seed)
    x = pd.DataFrame({"x": rng.normal(size=200) if seed % 2 else rng.integers(0, 4, 200)})
    y = (rng.random(200) < 1 / (1 + np.exp(1.5 - 0.5 * x["x"]))).astype(int)
    for hard in (
        {"min_rate_gap": 0.9}, {"max_pvalue": 1e-9}, {"min_bads": y.sum() // 2}, {"min_goods": (y == 0).sum() // 2},
        {"min_share": 0.5}, {"min_expected": 30}, {"trend": "descending", "min_share": 0.3},
    ):  # fmt: skip
        table = Binner(**hard).fit(x, y).result_["x"]
        if table.spec.regular > 1:
            continue
        named = re.findall("|".join(loose), table.notes[-1].partition("relax")[2])
        relaxed = hard | {name: loose[name] for name in named}
        assert named and Binner(**relaxed).fit(x, y).result_["x"].spec.regular > 1, (hard, table.notes)


def test_what_training_never_saw_has_woe_zero_and_is_counted():
    train = X[["income", "crop", "code"]]
    fitted = Binner(special={"code": [-9, -8]}).fit(train, Y)
    fresh = train.head(6).assign(
        income=[np.nan, np.inf, -np.inf, 0, 0, 0],
        crop=["豆", None, "a|b", "a|b", "a|b", "a|b"],
        code=[-8, -9, 0, 0, 0, 0],
    )
    woe = fitted.transform(fresh)
    assert woe["income"].iloc[0] == 0 and woe["crop"].iloc[0] == 0 and woe["crop"].iloc[1] == 0
    assert woe["code"].iloc[0] == 0
    income = fitted.result_["income"]
    assert woe["income"].iloc[1] == income.woe[income.spec.regular - 1] and woe["income"].iloc[2] == income.woe[0]
    seen = fitted.result_.unseen(fresh).set_index("name")
    assert seen.loc["income", ["new_missing", "infinite"]].tolist() == [1, 2]
    assert seen.loc["crop", ["unseen", "new_missing"]].tolist() == [1, 1]
    assert seen.loc["code", ["special", "new_special"]].tolist() == [2, 1]


def test_noise_of_many_levels_makes_no_information():
    rng = np.random.default_rng(4)
    y = (rng.random(6000) < 0.15).astype(int)
    iv = [
        Binner().fit(pd.DataFrame({"v": rng.integers(0, 300, 6000).astype(str)}), y).result_["v"].iv for _ in range(5)
    ]
    assert np.median(iv) < 0.005 and max(iv) < 0.03


def test_many_levels_with_signal_are_grouped_and_shrunken():
    rng = np.random.default_rng(5)
    effect = rng.normal(0, 0.8, 300)
    level = rng.integers(0, 300, 12000)
    y = (rng.random(12000) < 1 / (1 + np.exp(2 - effect[level]))).astype(int)
    table = Binner().fit(pd.DataFrame({"v": level.astype(str)}), y).result_["v"]
    assert 3 <= table.spec.regular <= 8
    tidy = table.tidy().iloc[: table.spec.regular]
    raw = np.log(tidy["goods"] / tidy["bads"]) - np.log((y == 0).sum() / y.sum())
    assert abs(tidy["woe"].iloc[0]) < abs(raw.iloc[0]) and abs(tidy["woe"].iloc[-1]) < abs(raw.iloc[-1])
    truth = pd.Series(effect[level]).groupby(table.codes(pd.Series(level.astype(str)))).mean()
    assert truth.is_monotonic_increasing


def test_rare_levels_are_pooled():
    level = np.repeat(["a", "b", *(f"r{i}" for i in range(10))], [600, 600, *([3] * 10)])
    y = np.random.default_rng(0).integers(0, 2, len(level))
    table = Binner().fit(pd.DataFrame({"v": level}), y).result_["v"]
    assert "rare levels pooled: 10" in table.notes[0]
    assert any({f"r{i}" for i in range(10)} <= set(group) for group in table.spec.groups)


def test_json_round_trip_is_exact():
    import json

    read = BinningResult.from_dict(json.loads(json.dumps(FITTED.result_.to_dict())))
    assert read.to_dict() == FITTED.result_.to_dict()
    for name in X.columns:
        one, other = FITTED.result_[name], read[name]
        assert np.array_equal(one.transform(X[name]), other.transform(X[name]))
        pd.testing.assert_frame_equal(one.tidy(), other.tidy(), check_exact=True)
    with pytest.raises(InputError, match="BinTable of schema 1"):
        cl.BinTable.from_dict({"type": "BinTable", "schema": 99})


def test_the_table_shows_itself_and_escapes_text():
    frame = pd.DataFrame({"v": np.where(X["flag"], "<script>", "b&c")})
    html = Binner().fit(frame, Y).result_["v"]._repr_html_()
    assert "&lt;script&gt;" in html and "<script>" not in html and "background" in html
    assert "IV" in FITTED.result_._repr_html_() or "iv" in FITTED.result_._repr_html_()
    assert "income" in FITTED.result_["income"].summary() and "\n" not in repr(FITTED.result_)


def test_it_works_in_pipelines_clones_and_searches():
    frame = X[["income", "crop", "gaps"]]
    pipe = make_pipeline(Binner(), LogisticRegression())
    search = GridSearchCV(pipe, {"binner__max_bins": [2, 5]}, cv=3, scoring="roc_auc").fit(frame, Y)
    assert search.best_score_ > 0.6
    twin = clone(Binner(special=SPECIAL, max_bins=4))
    assert twin.get_params()["special"] == SPECIAL and not hasattr(twin, "result_")
    fitted = Binner().set_output(transform="pandas").fit(frame, Y)
    assert list(fitted.get_feature_names_out()) == ["income", "crop", "gaps"]
    assert isinstance(fitted.transform(frame), pd.DataFrame)


def test_arrays_are_columns_without_names():
    array = X[["income", "gaps"]].to_numpy()
    fitted = Binner().fit(array, Y)
    woe = fitted.transform(array)
    assert isinstance(woe, np.ndarray) and list(fitted.result_) == ["x0", "x1"]
    assert np.array_equal(woe, Binner().fit(X[["income", "gaps"]], Y).transform(X[["income", "gaps"]]).to_numpy())


@pytest.mark.filterwarnings("ignore:X (has|does not have) .*feature names:UserWarning")
def test_a_frame_and_its_array_meet_the_same_bins():
    frame = X[["income", "gaps"]]
    by_name, by_place = Binner().fit(frame, Y), Binner().fit(frame.to_numpy(), Y)
    woe = by_name.transform(frame)
    assert np.array_equal(by_name.transform(frame.to_numpy()), woe.to_numpy())
    assert np.array_equal(by_place.transform(frame).to_numpy(), woe.to_numpy())
    numbered = frame.set_axis([7, 3], axis=1)
    assert np.array_equal(Binner().fit(numbered, Y).transform(numbered[[3, 7]])["7"], woe["income"])


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from([np.nan, np.inf, -np.inf, -9.0, 0.0, 1.0, 1.7e308, 1e300, 5e-324]), st.booleans()),
        min_size=12,
        max_size=60,
    )
)
def test_any_mix_of_missing_codes_and_infinities_adds_up(rows):
    x, y = pd.DataFrame({"x": [r[0] for r in rows]}), np.array([r[1] for r in rows], dtype=int)
    if y.min() == y.max():
        return
    fitted = Binner(special={"x": [-9]}, min_expected=0).fit(x, y)
    tidy = fitted.result_["x"].tidy()
    assert tidy["n"].sum() == len(x) and tidy["bads"].sum() == y.sum()
    assert np.isfinite(fitted.transform(x)).all().all()


@pytest.mark.parametrize(
    ("settings_", "match"),
    [
        ({"max_bins": 0}, "max_bins"),
        ({"max_bins": 2.5}, "whole number"),
        ({"min_share": 0.6}, "Relax min_share"),
        ({"min_share": -1}, "min_share"),
        ({"min_bads": 10_000}, "Relax min_bads"),
        ({"trend": "up"}, "one of 'auto'"),
        ({"trend": {"nobody": "free"}}, "'nobody'"),
        ({"trend": {"income": "up"}}, "column 'income'"),
        ({"special": {"nobody": [1]}}, "'nobody'"),
        ({"special": {"income": 5}}, "list of codes"),
        ({"special": {"income": ["x"]}}, "numbers as special codes"),
        ({"missing": "drop"}, "missing"),
        ({"prior": np.nan}, "prior"),
    ],
)
def test_wrong_settings_are_refused(settings_, match):
    with pytest.raises(InputError, match=match):
        Binner(**settings_).fit(X[["income", "gaps"]], Y)


def test_wrong_data_are_refused():
    with pytest.raises(InputError, match="target of 0 and 1"):
        Binner().fit(X[["income"]], Y + 1)
    with pytest.raises(InputError, match="one class"):
        Binner().fit(X[["income"]], Y * 0)
    with pytest.raises(InputError, match="at least one row"):
        Binner().fit(X[["income"]].head(0), Y[:0])
    with pytest.raises(InputError, match="weights of zero or more"):
        Binner().fit(X[["income"]], Y, sample_weight=-np.ones(len(X)))
    with pytest.raises(InputError, match="feature names"):
        FITTED.transform(X.drop(columns="income"))
    with pytest.raises(ColumnError, match="a binned column"):
        FITTED.result_["nobody"]
