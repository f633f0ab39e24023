"""A declared index: declared weights, ratios against the average village, and honest intervals."""

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import ColumnError, InputError
from creditlab.village import Component, Index, village_index
from creditlab.village.index import describe

TWO = Index(
    "made", "示例", "made",
    (
        Component("refused", "拒访", "visits refused", ("次", "visits"), "visits"),
        Component("closed", "结案", "months to close", ("月", "months"), "court", "rate", 1.0, -1),
    ),
)  # fmt: skip


def facts(villages=80, seed=0, spread=0.5, visits=60):
    rng = np.random.default_rng(seed)
    level = rng.normal(0, spread, villages)
    n = rng.poisson(visits, villages) + 1
    months = rng.gamma(4, 6, villages)
    refused = rng.binomial(n, np.clip(0.15 * np.exp(level), 0, 1))
    closed = rng.poisson(months * 0.12 * np.exp(-level))
    names = [f"v{i:03d}" for i in range(villages)]
    rows = [
        pd.DataFrame({"village": names, "component": "refused", "observed": refused, "exposure": n}),
        pd.DataFrame({"village": names, "component": "closed", "observed": closed, "exposure": months}),
    ]
    return pd.concat(rows, ignore_index=True), level


def test_the_index_follows_the_truth_and_its_intervals_cover_it():
    """Both components carry the same true level, so the index estimates it; 90 % intervals, three seeds of 80."""
    covered = []
    for seed in range(3):
        rows, level = facts(seed=seed)
        table = village_index(rows, TWO).tidy()
        true = np.exp(level - level.mean())
        assert np.corrcoef(np.log(table["estimate"]), level)[0, 1] > 0.7
        covered.append(((table["lo"] <= true) & (true <= table["hi"])).mean())
    assert 0.8 <= np.mean(covered) <= 0.98


def test_the_average_village_is_one_and_more_is_worse_in_both_directions():
    rows, level = facts(seed=5)
    index = village_index(rows, TWO)
    parts = index.components.pivot(index="village", columns="component", values="estimate")
    assert np.log(index.tidy()["estimate"]).mean() == pytest.approx(0, abs=1e-9)
    assert parts.apply(lambda c: np.corrcoef(np.log(c), level)[0, 1]).min() > 0.5


def test_components_of_one_source_do_not_narrow_the_interval():
    """The same refusals counted three times as three components of one source: as wide as counted once."""
    rows, _ = facts(seed=1)
    one = rows[rows["component"] == "refused"]
    thrice = pd.concat([one.assign(component=c) for c in "abc"])
    same = Index("x", "示例", "x", tuple(Component(c, c, c, ("次", "visits"), "visits") for c in "abc"))
    apart = Index("x", "示例", "x", tuple(Component(c, c, c, ("次", "visits"), c) for c in "abc"))
    single = Index("x", "示例", "x", (Component("refused", "拒访", "x", ("次", "visits"), "visits"),))

    def width(rows, spec):
        table = village_index(rows, spec).tidy()
        return float(np.log(table["hi"] / table["lo"]).mean())

    assert width(thrice, same) == pytest.approx(width(one, single), rel=0.03)
    assert width(thrice, apart) < 0.75 * width(one, single)


def test_weights_count():
    rows, _ = facts(seed=2)
    heavy = Index(
        "x", "示例", "x", (Component("refused", "拒访", "x", ("次", "v"), "visits", weight=50.0), TWO.components[1])
    )
    parts = village_index(rows, heavy).components
    alone = parts[parts["component"] == "refused"]["estimate"].to_numpy()
    np.testing.assert_allclose(village_index(rows, heavy).tidy()["estimate"], alone, rtol=0.03)


def test_a_village_without_records_keeps_a_wide_interval_and_says_so():
    rows, _ = facts(seed=3)
    names = [*sorted(rows["village"].unique()), "nobody"]
    index = village_index(rows, TWO, villages=names)
    row = index.tidy().set_index("village").loc["nobody"]
    others = index.tidy().set_index("village").drop("nobody")
    assert row["weight"] == 0 and row["reason"] and 0.7 < row["estimate"] < 1.5
    assert np.log(row["hi"] / row["lo"]) > np.log(others["hi"] / others["lo"]).max() * 0.95


def test_components_without_events_or_records_are_left_out_by_name():
    rows, _ = facts()
    empty = rows.assign(observed=np.where(rows["component"] == "closed", 0, rows["observed"]))
    index = village_index(empty, TWO)
    assert list(index.facts["left_out"]) == ["closed"] and index.facts["components"] == 1
    nothing = village_index(rows.iloc[:0], TWO, villages=["a", "b"])
    assert nothing.tidy()["estimate"].isna().all() and "no component" in str(nothing.facts["note"])


def test_draws_give_the_intervals():
    rows, _ = facts(seed=4)
    index = village_index(rows, TWO)
    lo, hi = np.quantile(index.draws(2000), [0.05, 0.95], axis=0)
    np.testing.assert_allclose([lo, hi], index.tidy()[["lo", "hi"]].to_numpy().T, rtol=1e-9)
    assert (index.draws(50, seed=3) == index.draws(50, seed=3)).all()


def test_wrong_calls():
    rows, _ = facts()
    with pytest.raises(ColumnError, match="exposure"):
        village_index(rows.drop(columns="exposure"), TWO)
    with pytest.raises(InputError, match="no share above 1"):
        village_index(rows.assign(observed=rows["observed"] + 1000), TWO)
    with pytest.raises(InputError, match="one row per village and component"):
        village_index(pd.concat([rows, rows.head(2)]), TWO)
    with pytest.raises(InputError, match="positive weight"):
        Component("x", "x", "x", ("x", "x"), "x", weight=0)
    with pytest.raises(InputError, match="components, each once"):
        Index("x", "x", "x", (TWO.components[0], TWO.components[0]))
    assert describe(TWO)["direction"].tolist() == [1, -1]
