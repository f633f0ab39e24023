"""Rows in pieces give the bins of all rows; cuts hold over periods and villages; what is in the way is named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.binning import Binner, Rows
from creditlab.errors import InputError
from creditlab.results import digest
from tests.binning.test_binner import SPECIAL, X, Y


@pytest.mark.parametrize("weighted", [False, True])
def test_four_pieces_give_the_bins_of_the_whole(weighted):
    w = np.random.default_rng(4).integers(0, 3, len(X)).astype(float) if weighted else None
    order = np.random.default_rng(5).permutation(len(X))
    pieces = [Rows(X.iloc[r], Y[r], None if w is None else w[r]) for r in np.array_split(order, 4)]
    whole = Binner(special=SPECIAL).fit(X, Y, sample_weight=w)
    merged = Binner(special=SPECIAL).fit_parts(pieces)
    assert digest(merged.result_.to_dict()) == digest(whole.result_.to_dict())
    assert merged.transform(X).equals(whole.transform(X))


def test_pieces_of_a_long_column_give_the_bins_of_the_whole():
    rng = np.random.default_rng(0)
    n = 160_000
    x = pd.DataFrame({"long": rng.normal(size=n), "tail": np.exp(3 * rng.normal(size=n)).round(3)})
    y = (rng.random(n) < 1 / (1 + np.exp(2 - x["long"] - 0.1 * np.log(x["tail"] + 0.01)))).astype(int)
    whole = Binner().fit(x, y)
    merged = Binner().fit_parts([Rows(x.iloc[r], y.iloc[r]) for r in np.array_split(rng.permutation(n), 4)])
    assert digest(merged.result_.to_dict()) == digest(whole.result_.to_dict())
    for name in x:  # the table counts what its own cuts say
        tidy = whole.result_[name].tidy()
        assert np.array_equal(np.bincount(whole.codes(x)[name], weights=y, minlength=len(tidy)), tidy["bads"])


def test_a_piece_of_one_class_is_no_obstacle_but_a_whole_is():
    bad_only = np.flatnonzero(Y == 1)
    rest = np.flatnonzero(Y == 0)
    merged = Binner().fit_parts([Rows(X[["income"]].iloc[r], Y[r]) for r in (bad_only, rest)])
    assert merged.result_["income"].spec == Binner().fit(X[["income"]], Y).result_["income"].spec
    with pytest.raises(InputError, match="both goods and bads"):
        Binner().fit_parts([Rows(X[["income"]].iloc[rest], Y[rest])])
    with pytest.raises(InputError, match="at least one piece"):
        Binner().fit_parts([])


def test_the_form_of_a_column_is_that_of_all_pieces():
    text = pd.DataFrame({"v": pd.Series([None] * 300 + ["a", "b", "c"] * 300, dtype=object)})
    dates = pd.DataFrame({"v": pd.Categorical(pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"] * 400))})
    y = np.arange(1200) % 7 < np.repeat([2, 3], 600)
    for frame in (text, dates):
        pieces = [Rows(frame.iloc[r], y[r].astype(int)) for r in (slice(0, 300), slice(300, 1200))]
        merged, whole = Binner().fit_parts(pieces), Binner().fit(frame, y.astype(int))
        assert merged.result_["v"].spec == whole.result_["v"].spec
    numbers = [pd.DataFrame({"v": [1, 2, 9] * 40}), pd.DataFrame({"v": [1.5, None, 9] * 40})]
    merged = Binner(special={"*": [9]}).fit_parts([Rows(part, y[:120].astype(int)) for part in numbers])
    assert merged.result_["v"].spec.special == ((9.0, ""),)


def turning(n: int = 6000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """A column whose effect holds in every year below 0 and turns in one year above it."""
    rng = np.random.default_rng(seed)
    x, year = rng.normal(size=n), rng.integers(2021, 2024, n)
    rise = np.where(x < 0, 0.9 * x, np.where(year == 2022, -1.5 * x, 1.2 * x))
    y = (rng.random(n) < 1 / (1 + np.exp(1.2 - rise))).astype(int)
    return pd.DataFrame({"x": x}), y, year


def test_cuts_hold_in_every_period_or_are_not_made():
    x, y, year = turning()
    free = Binner(trend="ascending").fit(x, y)
    steady = Binner(trend="ascending", stable_over="period").fit(x, y, period=year)
    assert max(free.result_["x"].spec.cuts) > 0.5 > 0.3 > max(steady.result_["x"].spec.cuts)
    assert any("2022" in note and "not made" in note for note in steady.result_["x"].notes)
    codes = steady.codes(x)["x"].to_numpy()
    for one in np.unique(year):
        rates = [y[(codes == k) & (year == one)].mean() for k in range(steady.result_["x"].spec.regular)]
        assert (np.diff(rates) > 0).all()


def test_stable_cuts_of_one_piece_and_of_three_agree():
    x, y, year = turning(seed=1)
    whole = Binner(stable_over="period").fit(x, y, period=year)
    merged = Binner(stable_over="period").fit_parts([Rows(x[year == t], y[year == t], period=year[year == t]) for t in
                                                     (2023, 2021, 2022)])  # fmt: skip
    assert merged.result_["x"].spec == whole.result_["x"].spec


def test_villages_are_dealt_into_fifths_by_name():
    x, y, _ = turning(seed=2)
    village = np.random.default_rng(0).integers(0, 60, len(x)).astype(str)
    fitted = Binner(stable_over="group").fit(x, y, groups=village)
    order = np.random.default_rng(1).permutation(len(x))
    again = Binner(stable_over="group").fit(x.iloc[order], y[order], groups=village[order])
    assert digest(fitted.result_.to_dict()) == digest(again.result_.to_dict())
    with pytest.raises(InputError, match="Give fit"):
        Binner(stable_over="group").fit(x, y)
    with pytest.raises(InputError, match="one per row"):
        Binner(stable_over="group").fit(x, y, groups=village[:-1])


@pytest.mark.parametrize(
    ("settings", "relax"),
    [
        ({"min_rate_gap": 0.9}, "relax min_rate_gap"),
        ({"max_pvalue": 1e-200}, "relax max_pvalue"),
        ({"min_share": 0.45}, "relax min_share"),
        ({"trend": "descending"}, "relax trend"),
        ({"min_bads": 130}, "relax min_bads"),
        ({"min_goods": 400}, "relax min_goods"),
    ],
)
def test_a_column_of_one_bin_says_which_rule_to_relax(settings, relax):
    x = pd.DataFrame({"x": np.repeat([0, 1, 2], 400)})
    y = np.concatenate([np.arange(400) < bads for bads in (20, 100, 250)]).astype(int)
    table = Binner(**settings).fit(x, y).result_["x"]
    assert table.spec.regular == 1 and relax in table.notes[-1], table.notes


def test_neighbours_are_told_apart_as_asked():
    x, y = X[["income", "count"]], Y
    for name in x:
        strict = Binner(max_pvalue=1e-3, min_rate_gap=0.05).fit(x, y).result_[name].tidy()
        rates = strict["bad_rate"].iloc[: strict["lower"].notna().sum()]
        assert (np.abs(np.diff(rates)) >= 0.05).all()


def test_the_likelihood_is_an_objective_of_its_own():
    for name in ("income", "count"):
        found = {o: Binner(objective=o, max_bins=4).fit(X[[name]], Y).result_[name] for o in ("iv", "likelihood")}

        def likelihood(table):
            tidy = table.tidy()
            return (tidy["goods"] * np.log1p(-tidy["bad_rate"]) + tidy["bads"] * np.log(tidy["bad_rate"])).sum()

        assert likelihood(found["likelihood"]) >= likelihood(found["iv"]) - 1e-9
        assert found["iv"].iv >= found["likelihood"].iv * 0.999  # the table's IV adds the prior to every bin
