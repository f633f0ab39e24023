"""Text columns: what the table shows is what transform gives; order, units and pieces are respected."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from creditlab.binning import Binner, Rows
from creditlab.binning.categories import shrunken_rates
from creditlab.binning.levels import LevelCounts
from creditlab.binning.sample import Sample
from creditlab.errors import ColumnError, InputError
from creditlab.results import digest

N = 3000


def target(n: int = N, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random(n) < 0.2).astype(int)


AWKWARD = {
    "punctuation": ["a, b", "[c]", '"d"', "50 %", "e|f", "g'h", "back\\slash"],
    "chinese": ["水稻", "小麦", "玉米、大豆", "（其他）"],
    "blank": ["", "  ", "x", None],
    "numbers as text": ["001", "1", "1.0", "-9"],
    "one": ["only"],
}


@pytest.mark.parametrize("kind", [*AWKWARD, "300 levels", "unused categories", "all missing", "arrow"])
def test_the_table_counts_what_transform_gives(kind):
    rng, y = np.random.default_rng(1), target()
    if kind in AWKWARD:
        values = pd.Series(rng.choice(np.array(AWKWARD[kind], dtype=object), N), dtype=object)
    else:
        text = pd.Series(rng.integers(0, 300, N).astype(str))
        values = {
            "300 levels": text,
            "unused categories": pd.Series(pd.Categorical(text.str[:1], categories=list("0123456789x"))),
            "all missing": pd.Series([None] * N, dtype=object),
            "arrow": text.astype("string[pyarrow]"),
        }[kind]
    frame = pd.DataFrame({"c": values})
    binner = Binner().fit(frame, y)
    table = binner.result_["c"]
    codes = binner.codes(frame)["c"].to_numpy()
    assert np.array_equal(np.bincount(codes, minlength=table.spec.size), table.tidy()["n"])
    assert np.array_equal(np.bincount(codes, weights=y, minlength=table.spec.size), table.tidy()["bads"])
    assert np.array_equal(binner.transform(frame)["c"], table.woe[codes])
    if table.spec.regular == 1:
        assert table.notes
    if kind == "all missing":  # nothing says that it is text
        return
    unseen = binner.result_.unseen(pd.DataFrame({"c": ["never seen", "never seen", None]}))
    assert unseen["unseen"].tolist() == [2] and unseen["missing"].tolist() == [1]


def test_counts_of_pieces_add_up_to_those_of_the_whole():
    rng, y = np.random.default_rng(2), target()
    values = pd.Series(rng.choice(np.array([*"abcdef", None], dtype=object), N))
    whole = LevelCounts.of(values, Sample.of(y, None))
    parts = [LevelCounts.of(values.iloc[r], Sample.of(y[r], None)) for r in np.array_split(rng.permutation(N), 4)]
    merged = parts[0].merge(parts[1]).merge(parts[2].merge(parts[3]))
    assert merged.names == whole.names and np.array_equal(merged.both, whole.both)


def test_many_levels_in_pieces_are_grouped_as_the_whole():
    rng = np.random.default_rng(3)
    level = rng.integers(0, 400, 8000)
    y = (rng.random(8000) < 0.1 + 0.2 * (level % 5 == 0)).astype(int)
    frame = pd.DataFrame({"zip": level.astype(str)})
    whole = Binner().fit(frame, y)
    merged = Binner().fit_parts([Rows(frame.iloc[r], y[r]) for r in np.array_split(rng.permutation(8000), 4)])
    assert digest(merged.result_.to_dict()) == digest(whole.result_.to_dict())
    assert whole.result_["zip"].spec.regular > 1


def test_a_grade_is_grouped_with_its_neighbours():
    rng = np.random.default_rng(4)
    grade = rng.choice(list("ABCDEFG"), N)
    rate = {"A": 0.05, "B": 0.05, "C": 0.1, "D": 0.3, "E": 0.32, "F": 0.1, "G": 0.5}
    y = (rng.random(N) < np.array([rate[g] for g in grade])).astype(int)
    frame = pd.DataFrame({"grade": grade})
    order = list("ABCDEFG")
    for trend in ("auto", "ascending", "free"):
        groups = Binner(ordinal={"grade": order}, trend=trend).fit(frame, y).result_["grade"].spec.groups
        assert [level for group in groups for level in group] == order
    loose = Binner().fit(frame, y).result_["grade"].spec.groups  # by bad rate F is not beside E and G
    assert [level for group in loose for level in group] != order
    ordered = pd.DataFrame({"grade": pd.Categorical(grade, categories=order, ordered=True)})
    declared = Binner(ordinal={"grade": order}).fit(frame, y).result_["grade"]
    assert Binner().fit(ordered, y).result_["grade"].spec == declared.spec


def test_ordered_groups_are_the_best_ones():
    rng = np.random.default_rng(5)
    grade = rng.choice(list("ABCDEF"), N)
    y = (rng.random(N) < 0.05 + 0.06 * np.array(["ABCDEF".index(g) for g in grade])).astype(int)
    frame = pd.DataFrame({"grade": grade})
    binner = Binner(ordinal={"grade": list("ABCDEF")}, trend="ascending", max_bins=3, prior=1e-9).fit(frame, y)
    best = 0.0
    for k in (1, 2):
        for cuts in combinations(range(1, 6), k):
            bin_of = np.searchsorted(cuts, ["ABCDEF".index(g) for g in grade], side="right")
            g, b = np.bincount(bin_of[y == 0]) / (y == 0).sum(), np.bincount(bin_of[y == 1]) / y.sum()
            if (np.diff(b / g) > 0).all() and (np.bincount(bin_of) >= 0.05 * N).all():
                best = max(best, float(((g - b) * np.log(g / b)).sum()))
    assert binner.result_["grade"].iv == pytest.approx(best, rel=1e-6)  # the prior of 1e-9 events moves WOE that little


def test_levels_outside_the_order_are_counted_as_unseen():
    frame = pd.DataFrame({"grade": np.random.default_rng(6).choice(list("ABX"), N)})
    table = Binner(ordinal={"grade": ["A", "B"]}).fit(frame, target()).result_["grade"]
    assert table.tidy()["n"].iloc[-1] == (frame["grade"] == "X").sum()
    assert any("outside the declared order: 1" in note for note in table.notes)


def units(n: int = 20_000, seed: int = 7) -> tuple[pd.DataFrame, np.ndarray]:
    """Villages of five digits in townships of two; risk lies in the township."""
    rng = np.random.default_rng(seed)
    township = rng.integers(10, 50, n)
    village = township * 1000 + rng.integers(0, 40, n)
    effect = rng.normal(size=100)[township]
    return pd.DataFrame({"village": village.astype(str)}), (rng.random(n) < 1 / (1 + np.exp(2 - effect))).astype(int)


def test_villages_lean_on_their_township():
    frame, y = units()
    old = frame["village"].str[2:].astype(int) < 30  # the other villages are new
    plain = Binner().fit(frame[old], y[old])
    nested = Binner(nested={"village": 2}).fit(frame[old], y[old])
    assert nested.result_["village"].iv > plain.result_["village"].iv
    new = frame[~old]
    assert (plain.transform(new)["village"] == 0).all()
    woe = nested.transform(new)["village"].to_numpy()
    assert np.corrcoef(woe, y[~old])[0, 1] < -0.1  # unseen villages carry the risk of their township
    assert any("shrunken towards 40 larger units" in note for note in nested.result_["village"].notes)
    back = type(nested).from_dict(nested._sealed())
    assert np.array_equal(back.transform(new)["village"], woe)


def test_a_column_may_name_the_unit():
    frame, y = units()
    frame = frame.assign(township=frame["village"].str[:2])
    frame.loc[frame.index[:3], "township"] = None
    by_prefix = Binner(nested={"village": 2}).fit(frame, y).result_["village"]
    by_column = Binner(nested={"village": "township"}).fit(frame, y)
    assert by_column.result_["village"].spec.groups == by_prefix.spec.groups
    np.testing.assert_array_equal(by_column.result_["village"].woe, by_prefix.woe)
    new = by_column.transform(frame.head(1).assign(village="new"))
    assert new["village"].iloc[0] == 0  # its unit is not in its name
    fit = by_column.fit_transform(frame, y)["village"]  # out of fold, with the same units
    np.testing.assert_array_equal(fit, Binner(nested={"village": 2}).fit_transform(frame, y)["village"])


def test_rates_shrink_towards_the_unit_and_lie_between():
    rng = np.random.default_rng(8)
    n = rng.integers(1, 40, 200).astype(float)
    parent = np.repeat(np.arange(10), 20)
    bads = rng.binomial(n.astype(int), np.linspace(0.05, 0.4, 10)[parent]).astype(float)
    alone, leaning = shrunken_rates(n - bads, bads), shrunken_rates(n - bads, bads, parent=parent)
    overall = bads.sum() / n.sum()
    inside = (alone - overall) * (bads / n - alone) >= -1e-12
    assert inside.all()
    truth = np.linspace(0.05, 0.4, 10)[parent]
    assert ((leaning - truth) ** 2 @ n) < ((alone - truth) ** 2 @ n)
    one = shrunken_rates(n - bads, bads, parent=np.zeros(200, dtype=int))
    np.testing.assert_allclose(one, alone, rtol=1e-12)  # one unit is no unit


@pytest.mark.parametrize(
    "settings", [{"ordinal": {"absent": ["a"]}}, {"nested": {"absent": 2}}, {"nested": {"c": "absent"}}]
)
def test_a_declared_column_must_be_there(settings):
    with pytest.raises(ColumnError):
        Binner(**settings).fit(pd.DataFrame({"c": ["a", "b"] * 50}), target(100))


def test_a_width_must_be_a_whole_number():
    with pytest.raises(InputError, match="nested"):
        Binner(nested={"c": 0}).fit(pd.DataFrame({"c": ["a", "b"] * 50}), target(100))


@pytest.mark.filterwarnings("error")
def test_few_rows_in_many_units_are_binned_without_a_warning():
    for seed in range(12):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(3, 14))
        frame = pd.DataFrame({"v": rng.integers(0, 60, n).astype(str), "t": rng.choice(["a", "b", "c"], n)})
        y = np.arange(n) % 3 == 0
        for nested in ({"v": 1}, {"v": "t"}):
            table = Binner(nested=nested).fit(frame, y.astype(int)).result_["v"]
            assert table.tidy()["n"].sum() == n and np.isfinite(table.woe).all()
