"""Bins for an amount: exact, the same for any order of rows, the same everywhere they are used."""

from __future__ import annotations

import itertools
import json

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

import creditlab as cl
from creditlab.binning import Binner, ContinuousBinner
from creditlab.binning.mean_shapes import choose_mean_shape
from creditlab.binning.means import MeanRules, MeanSample
from creditlab.errors import InputError

RULES = MeanRules(max_bins=8, min_share=0.05, min_rows=30, min_gap=0, prior=1, seed=0)
SIGN = {"ascending": [1], "descending": [-1], "peak": [1, -1], "valley": [-1, 1], "free": None}


def made(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "distance": rng.uniform(0, 50, n).round(2),
            "age": rng.integers(18, 80, n).astype(float),
            "作物": rng.choice(["水稻", "小麦", "玉米, 甜", "100% 'dry'"], n),
            "insured": rng.random(n) < 0.4,
            "opened": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1000, n), unit="D"),
        }
    )
    X.loc[rng.random(n) < 0.05, "distance"] = np.nan
    X.loc[rng.random(n) < 0.03, "age"] = -9
    X.loc[rng.random(n) < 0.04, "作物"] = None
    expected = 500 + 40 * X["distance"].fillna(30) + 400 * X["insured"] + 300 * (X["作物"] == "水稻")
    return X, np.where(rng.random(n) < 0.3, expected * rng.gamma(2, 0.5, n), 0.0).round(2)


X, Y = made()
FITTED = ContinuousBinner(special={"age": {-9: "未填 not given"}}).fit(X, Y)


def shaped(means, shape):
    steps = np.sign(np.diff(means))
    if (steps == 0).any() and shape != "free":
        return False
    turns = [s for s, _ in itertools.groupby(steps)]
    wanted = SIGN[shape]
    return wanted is None or turns == wanted or (len(wanted) == 2 and len(turns) == 1 and turns[0] in wanted)


def between(x, y, cuts):
    codes = np.searchsorted(cuts, x, side="right")
    return sum(np.sum(codes == k) * (y[codes == k].mean() - y.mean()) ** 2 for k in range(len(cuts) + 1))


def brute_force(x, y, shape, max_bins, min_rows, min_gap):
    """The greatest sum of squares between two bins or more, over all partitions of the distinct values."""
    edges, best = np.unique(x)[1:], 0.0
    for k in range(1, max_bins):
        for cuts in itertools.combinations(edges, k):
            codes = np.searchsorted(cuts, x, side="right")
            n = np.bincount(codes, minlength=k + 1)
            means = np.bincount(codes, weights=y, minlength=k + 1) / np.maximum(n, 1)
            if n.min() >= min_rows and shaped(means, shape) and np.abs(np.diff(means)).min() >= min_gap - 1e-9:
                best = max(best, between(x, y, cuts))
    return best


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(-20, 40)), min_size=12, max_size=40),
    st.sampled_from(list(SIGN)),
    st.integers(2, 4),
    st.integers(1, 5),
    st.sampled_from([0.0, 3.0]),
)
def test_the_optimum_is_that_of_all_partitions(rows, shape, max_bins, min_rows, min_gap):
    x, y = (np.array(v, dtype=float) for v in zip(*rows, strict=True))
    if y.min() == y.max():
        return
    binner = ContinuousBinner(trend=shape, max_bins=max_bins, min_share=0, min_rows=min_rows, min_gap=min_gap)
    table = binner.fit(pd.DataFrame({"x": x}), y).result_["x"]
    assert between(x, y, table.spec.cuts) == pytest.approx(brute_force(x, y, shape, max_bins, min_rows, min_gap))


def test_no_tree_of_as_many_leaves_explains_more():
    x, y = X["age"].to_numpy(), Y
    table = ContinuousBinner(trend="free", max_bins=5, min_share=0, min_rows=40).fit(X[["age"]], y).result_["age"]
    tree = DecisionTreeRegressor(max_leaf_nodes=5, min_samples_leaf=40).fit(x[:, None], y)
    assert table.r2 >= tree.score(x[:, None], y) - 1e-12


def test_where_values_are_many_the_bins_are_at_least_as_good_as_a_tree():
    rng = np.random.default_rng(1)
    x = rng.lognormal(size=60_000)
    y = np.where(rng.random(len(x)) < 0.2, 1000 * np.log1p(x) * rng.lognormal(size=len(x)), 0)
    table = ContinuousBinner(trend="free", max_bins=6, min_share=0, min_rows=3000).fit(pd.DataFrame({"x": x}), y)
    tree = DecisionTreeRegressor(max_leaf_nodes=6, min_samples_leaf=3000).fit(x[:, None], y)
    assert table.result_["x"].r2 >= 0.999 * tree.score(x[:, None], y)


def test_the_table_holds_what_numpy_computes():
    table, codes = FITTED.result_["distance"], FITTED.result_["distance"].codes(X["distance"])
    by = pd.Series(Y).groupby(codes).agg(["size", "sum", "mean", "std"])
    rows = table.tidy().set_index("bin").loc[by.index]
    np.testing.assert_allclose(rows[["n", "total", "mean", "std"]], by, rtol=1e-9)
    assert table.r2 == pytest.approx(rows["r2"].sum(), rel=1e-12)
    shown = rows["effect"] * (rows["n"] + np.array(table.pseudo)) / rows["n"]
    np.testing.assert_allclose(shown, by["mean"] - Y.mean(), rtol=1e-9)


def test_a_target_of_zeros_and_ones_has_bad_rates_as_means():
    bad = (Y > 0).astype(float)
    table = ContinuousBinner(trend="ascending").fit(X[["distance"]], bad).result_["distance"]
    rates = pd.Series(bad).groupby(table.codes(X["distance"])).mean()
    np.testing.assert_allclose(table.table["mean"], rates, rtol=1e-9)
    counts = Binner(trend="ascending", objective="likelihood", min_expected=0).fit(X[["distance"]], bad)
    assert table.r2 >= 0.99 * counts_r2(counts.result_["distance"], bad)


def counts_r2(table, bad):
    n, rate = table.table["n"].to_numpy(), table.table["bad_rate"].to_numpy()
    keep = n > 0
    return float((n[keep] * (rate[keep] - bad.mean()) ** 2).sum() / (len(bad) * bad.var()))


def test_order_of_rows_units_and_copies_do_not_matter():
    frame, order = X[["distance", "作物"]], np.random.default_rng(3).permutation(len(X))
    plain = ContinuousBinner().fit(frame, Y)
    turned = ContinuousBinner().fit(frame.iloc[order], Y[order])
    in_cents = ContinuousBinner().fit(frame, 100 * Y + 7)
    weight = np.random.default_rng(4).integers(0, 3, len(X))
    weighted = ContinuousBinner().fit(frame, Y, weight)
    copied = ContinuousBinner().fit(frame.loc[np.repeat(X.index, weight)], np.repeat(Y, weight))
    for name in frame:
        assert plain.result_[name].spec == turned.result_[name].spec == in_cents.result_[name].spec
        np.testing.assert_allclose(
            in_cents.result_[name].effect, 100 * plain.result_[name].effect, rtol=1e-8, atol=1e-8
        )
        assert weighted.result_[name].spec == copied.result_[name].spec
        for column in ("n", "mean", "mean_lo", "effect", "effect_hi", "r2", "zero_share"):
            a, b = (f.result_[name].table[column].to_numpy(dtype=float) for f in (weighted, copied))
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_table_transform_sql_and_python_agree():
    woe = FITTED.transform(X)
    raw = X  # duckdb reads the frame by its name
    sql = duckdb.sql(FITTED.to_sql("raw")).df()
    for name in X:
        table = FITTED.result_[name]
        np.testing.assert_array_equal(woe[name], table.effect[table.codes(X[name])])
        np.testing.assert_array_equal(sql[name], woe[name])
    scope: dict = {}
    exec(FITTED.result_["distance"].to_python(name="effect"), scope)
    values = [None if np.isnan(v) else v for v in raw["distance"]]
    assert [scope["effect"](v) for v in values] == woe["distance"].tolist()


def test_missing_special_and_unseen_values_have_bins_of_their_own():
    table = FITTED.result_["age"]
    assert table.label(table.spec.regular, "zh").startswith("-9")
    one = pd.DataFrame({"age": [-9.0, np.nan], "distance": [np.nan, 3.0], "作物": ["番茄", None]}).assign(
        insured=True, opened=pd.Timestamp("2021-01-01")
    )[list(X)]
    effects = FITTED.transform(one)
    assert effects["作物"][0] == 0  # unseen
    assert effects["age"][1] == 0  # no missing values in training
    few = ContinuousBinner(min_rows=30, prior=1).fit(pd.DataFrame({"x": [np.nan, *range(400)]}), [1e6, *range(400)])
    shown = few.result_["x"].table.iloc[-1]
    assert shown["effect"] == pytest.approx(
        (shown["mean"] - few.result_["x"].moments.mean) / 30
    )  # one row among thirty


def test_auto_finds_the_shape_that_is_there():
    rng = np.random.default_rng(5)
    x = rng.uniform(-1, 1, 6000)
    frame = pd.DataFrame({"up": x, "down": -x, "valley": x, "peak": x, "turn": x})
    truth = {"up": x, "down": x, "valley": x**2, "peak": -(x**2), "turn": np.sin(5 * x)}
    wanted = {"up": "ascending", "down": "descending", "valley": "valley", "peak": "peak", "turn": "free"}
    for name, mean in truth.items():
        y = 1000 * mean + rng.normal(0, 500, len(x))
        assert ContinuousBinner().fit(frame[[name]], y).result_[name].trend == wanted[name]


def test_auto_seldom_takes_a_richer_shape_than_the_truth():
    richer = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=1500)
        sample = MeanSample.of(np.maximum(x + rng.normal(0, 3, 1500), 0), None)
        choice = choose_mean_shape(x, sample, sample.limits(RULES, 1500), 0)
        richer += choice.shape not in ("ascending", "descending")
    # one standard error: about one in six for each of two steps, were the gains of richer shapes centred at zero
    assert richer <= binom.ppf(0.999, 40, 2 * 0.16)


def test_levels_of_pure_noise_are_one_group_and_shrunken():
    rng = np.random.default_rng(6)
    y = rng.lognormal(size=8000)
    levels = pd.DataFrame({"branch": rng.integers(0, 300, 8000).astype(str)})
    table = ContinuousBinner().fit(levels, y).result_["branch"]
    raw = pd.Series(y).groupby(levels["branch"]).mean() - y.mean()
    assert np.abs(table.effect[: table.spec.regular]).max() < raw.abs().max() / 3


@pytest.mark.parametrize("clustered", [False, True])
def test_intervals_cover_the_truth(clustered):
    rng, hits, tries, size = np.random.default_rng(7), 0, 300, 400
    x = np.repeat([0.0, 1.0], size // 2)
    village = np.tile(np.arange(20), size // 20)
    for _ in range(tries):
        own = rng.normal(0, 1, 20)[village] if clustered else 0.0
        y = 10 + x + own + rng.gamma(4, 0.5, size)
        binner = ContinuousBinner(min_rows=1, prior=0).fit(
            pd.DataFrame({"x": x}), y, groups=village if clustered else None
        )
        row = binner.result_["x"].table.iloc[1]
        hits += row["mean_lo"] <= 13 <= row["mean_hi"]
    # nominal 90 %, and three points for what t on skewed rows or few clusters loses; binomial error of 300 draws
    assert binom.ppf(0.001, tries, 0.87) <= hits <= binom.ppf(0.999, tries, 0.93)


def test_saved_and_loaded_it_is_the_same(tmp_path):
    path, again = tmp_path / "a.json", tmp_path / "b.json"
    FITTED.to_json(path)
    loaded = cl.load(path)
    loaded.to_json(again)
    assert path.read_bytes() == again.read_bytes()
    pd.testing.assert_frame_equal(loaded.transform(X), FITTED.transform(X))
    json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda c: pytest.fail(c))  # no NaN or Infinity


def test_awkward_columns_say_what_is_wrong():
    n = 200
    frame = pd.DataFrame(
        {
            "nothing": np.full(n, np.nan),
            "one": np.full(n, 3.0),
            "ends": np.r_[-np.inf, np.inf, np.arange(n - 2.0)],
            "few": pd.array([1, 2, None, 4] * 50, dtype="Int64"),
            "text": ["a"] * n,
        }
    )
    result = ContinuousBinner(min_share=0.1).fit(frame, np.arange(float(n))).result_
    assert "missing" in result["nothing"].notes[0]
    assert "constant" in result["one"].notes[0] and "constant" in result["text"].notes[0]
    assert "infinities" in result["ends"].notes[0] and result["ends"].spec.regular > 1
    assert result["few"].table["n"].sum() == n
    html = result["few"]._repr_html_()
    assert "R²" in html and "NaN" not in html
    assert result["few"].plot.mean(unit="yuan").data


def test_data_text_is_escaped_in_html():
    nasty = pd.DataFrame({"<b>x": ["<script>"] * 60 + ["b"] * 60})
    html = ContinuousBinner().fit(nasty, np.arange(120.0)).result_["<b>x"]._repr_html_()
    assert "<script>" not in html and "<b>x" not in html


@pytest.mark.parametrize(
    ("settings", "y", "words"),
    [
        ({}, np.r_[np.nan, Y[1:]], "missing or infinite"),
        ({}, np.zeros(len(Y)), "nothing to explain"),
        ({}, Y[1:], "finite amounts"),
        ({}, np.full(len(Y), "x"), "could not convert"),
        ({}, None, "requires y"),
        ({"trend": "up"}, Y, "trend"),
        ({"max_bins": 0}, Y, "max_bins"),
        ({"min_gap": -1}, Y, "min_gap"),
        ({"special": {"nobody": [1]}}, Y, "nobody"),
    ],
)
def test_wrong_calls_raise(settings, y, words):
    with pytest.raises(InputError, match=words):
        ContinuousBinner(**settings).fit(X, y)


@pytest.mark.filterwarnings("ignore")  # scikit-learn's checks warn on purpose
@parametrize_with_checks([ContinuousBinner()])
def test_estimator_checks(estimator, check):
    check(estimator)
