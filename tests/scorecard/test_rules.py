"""Rules of selection: each removes what was planted for it, says so in the path, and no leak gets through."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from creditlab.columns import Column, Dictionary
from creditlab.errors import ColumnError, InputError
from creditlab.estimators import expit
from creditlab.scorecard import Scorecard, Select
from creditlab.scorecard.fitting import Target
from creditlab.scorecard.splits import split_rows, time_blocks

N, VILLAGES = 4000, 80


@pytest.fixture(scope="module")
def county() -> dict[str, object]:
    """Two true features, twins, noise, and leaks: what a village or a month only repeats of its own outcomes."""
    rng = np.random.default_rng(11)
    village = rng.integers(0, VILLAGES, N)
    month = rng.integers(0, 12, N)
    a, b = rng.normal(size=N), rng.normal(size=N)
    own = rng.normal(size=VILLAGES)  # every village has its own level, which nothing that is known of it explains
    log_odds = -1.8 - 0.9 * a - 0.5 * b + 1.2 * own[village]
    y = (rng.random(N) < expit(log_odds)).astype(int)
    code = rng.permutation(VILLAGES)[village]  # a number that names the village
    X = pd.DataFrame(
        {
            "a": a,
            "b": b,
            "twin": a + 0.3 * rng.normal(size=N),
            "sum": a + b + 0.05 * rng.normal(size=N),
            "noise": rng.normal(size=N),
            "village_name": np.array([f"V{c:03d}" for c in code]),
            "drifting": rng.normal(size=N) + 0.3 * month,
            "gaps": np.where(rng.random(N) < 0.97, np.nan, a),
        }
    )
    return {"X": X, "y": y, "groups": village, "period": 202301 + month}


def fitted(county: dict[str, object], names: list[str] | None = None, **rules) -> Scorecard:
    card = Scorecard(select=Select(**rules), max_correlation=1.0, min_iv=0.0)
    X = county["X"] if names is None else county["X"][names]  # type: ignore[index]
    return card.fit(X, county["y"], groups=county["groups"], period=county["period"])


def left(card: Scorecard, rule: str) -> set[str]:
    path = card.result_.path
    return set(path.loc[(path["rule"] == rule) & (path["action"] == "leaves"), "feature"])


def test_a_planted_leak_gets_through_random_folds_and_not_through_villages(county) -> None:
    names = ["a", "b", "village_name"]
    blind = Scorecard(select=Select(min_held_out_iv=0.02), min_iv=0).fit(county["X"][names], county["y"])
    aware = fitted(county, names, min_held_out_iv=0.02)
    assert "village_name" in blind.result_.features
    assert left(aware, "held_out_iv") == {"village_name"} and {"a", "b"} <= set(aware.result_.features)
    path = aware.result_.path.set_index("feature").loc["village_name"]
    assert path["statistic"] < 0.02 == path["limit"]


def test_a_leak_over_time_gets_through_random_folds_and_not_through_time() -> None:
    rng = np.random.default_rng(2)
    month = rng.integers(0, 12, 6000)
    level = rng.permutation(np.linspace(-1.5, 1.5, 12))  # months differ, in no order
    a = rng.normal(size=6000)
    y = (rng.random(6000) < expit(-1.5 - a + level[month])).astype(int)
    X = pd.DataFrame({"a": a, "batch": [f"B{m:02d}" for m in month]})
    blind = Scorecard(select=Select(min_held_out_iv=0.02)).fit(X, y)
    aware = Scorecard(select=Select(min_held_out_iv=0.02)).fit(X, y, period=month)
    assert blind.result_.features == ["a", "batch"] and aware.result_.features == ["a"]


@pytest.mark.parametrize("with_groups", [True, False])
@pytest.mark.parametrize("with_period", [True, False])
def test_splits_keep_villages_whole_and_the_future_out(county, with_groups: bool, with_period: bool) -> None:
    village, month = county["groups"], np.asarray(county["period"])
    target = Target(county["y"], np.ones(N), village if with_groups else None)
    made = split_rows(target, month if with_period else None, 4, 0)
    tested = np.concatenate([test for _, test in made])
    assert len(np.unique(tested)) == len(tested)
    for train, test in made:
        assert not set(train) & set(test)
        if with_groups:
            assert not set(village[train]) & set(village[test])
        if with_period:
            assert month[train].max() < month[test].min()
    later = time_blocks(month) > 0 if with_period else np.ones(N, dtype=bool)
    assert set(tested) == set(np.flatnonzero(later))


def test_each_rule_about_one_feature_removes_its_own(county) -> None:
    assert left(fitted(county, max_missing=0.9), "missing") == {"gaps"}
    assert left(fitted(county, max_psi=0.1), "psi") == {"drifting"}
    assert left(fitted(county, ["a", "b", "noise"], min_iv_lo=0.01), "iv_lo") == {"noise"}


def test_direction_of_the_dictionary_is_respected(county) -> None:
    labels = Dictionary.of(
        [Column("a", direction=1), Column("b", direction=-1)]
    )  # a is safer when high: declared wrong
    card = Scorecard(select=Select(), dictionary=labels).fit(county["X"][["a", "b"]], county["y"])
    assert left(card, "direction") == {"a"} and card.result_.features == ["b"]
    free = Scorecard(select=Select(direction=False), dictionary=labels).fit(county["X"][["a", "b"]], county["y"])
    assert set(free.result_.features) == {"a", "b"}


def test_clusters_and_vif_keep_one_of_what_is_the_same(county) -> None:
    clusters = fitted(county, ["a", "b", "twin", "noise"], cluster_correlation=0.8)
    assert left(clusters, "cluster") == {"twin"}
    assert clusters.result_.path.set_index("feature").loc["twin", "other"] == "a"
    assert "'a'" in clusters.result_.selection.set_index("feature").loc["twin", "reason_en"]
    inflated = fitted(county, ["a", "b", "sum", "noise"], max_vif=4.0)
    assert len(left(inflated, "vif")) == 1 and "noise" not in left(inflated, "vif")
    assert inflated.result_.path.query("rule == 'vif'")["statistic"].iloc[0] > 4.0


@pytest.mark.parametrize("stepwise", ["forward", "backward", "both"])
def test_stepwise_keeps_the_true_features(county, stepwise: str) -> None:
    card = fitted(county, ["a", "b", "noise", "village_name"], stepwise=stepwise, criterion="bic")
    assert set(card.result_.features) == {"a", "b"}
    path = card.result_.path
    gains = path[path["rule"] == "stepwise_in"]
    assert (gains["statistic"] > gains["limit"]).all() and (stepwise == "backward") == gains.empty


def test_stability_and_elimination_drop_noise_and_leak(county) -> None:
    names = ["a", "b", "noise", "village_name"]
    stable = fitted(county, names, stability=0.9, draws=10)
    assert {"a", "b"} == set(stable.result_.features)
    lean = fitted(county, names, eliminate=True)
    assert set(lean.result_.features) <= {"a", "b"} and "a" in lean.result_.features
    assert {"village_name", "noise"} <= left(lean, "eliminated")


def test_elimination_goes_by_the_importance_that_is_given_and_shows_it_no_held_out_outcome(county) -> None:
    names, seen = ["a", "b", "noise", "village_name"], []

    def importance(train, bad, weight, test):
        seen.append((set(train.index) & set(test.index), len(bad) == len(weight) == len(train), list(train.columns)))
        return {"a": 0.1, "b": 0.2, "noise": 0.5, "village_name": 0.0}

    lean = fitted(county, names, eliminate=True, importance=importance, folds=2)
    assert all(not shared and aligned for shared, aligned, _ in seen)
    path = lean.result_.path.query("rule == 'eliminated'").set_index("feature")
    assert path.loc["village_name", "statistic"] == 0.0 and path["statistic"].isin([0.0, 0.1, 0.2, 0.5]).all()
    assert len({tuple(columns) for _, _, columns in seen}) == 4  # one fewer at every step
    assert "importance" not in lean.select.to_dict()
    with pytest.raises(InputError, match="finite importance"):
        fitted(county, names, eliminate=True, importance=lambda *_: {"a": 1.0})
    with pytest.raises(InputError, match="eliminate=True"):
        Select(importance=importance)


def test_forced_features_stay_and_go_and_are_named(county) -> None:
    rules = {"min_held_out_iv": 0.02, "stepwise": "forward", "force_in": ("noise",), "force_out": ["a"]}
    card = fitted(county, ["a", "b", "noise"], **rules)
    picked = card.result_.selection.set_index("feature")
    assert not picked.loc["a", "kept"] and "order of the analyst" in picked.loc["a", "reason_en"]
    assert picked.loc["noise", "kept"] or "clamped" in picked.loc["noise", "reason_en"]
    assert card.result_.path.set_index("feature").loc["noise", "action"] == "stays"
    with pytest.raises(ColumnError, match="nothing"):
        fitted(county, ["a", "b"], force_in=("nothing",))


def test_the_path_is_complete_clonable_and_kept_in_the_file(county, tmp_path) -> None:
    card = fitted(county, ["a", "b", "twin", "noise"], stepwise="both", cluster_correlation=0.8)
    out = set(card.result_.selection.query("not kept")["feature"])
    path = card.result_.path
    assert out == set(path.loc[path["action"] == "leaves", "feature"])
    assert path["step"].tolist() == list(range(1, len(path) + 1)) and (path["reason_zh"] != "").all()
    card.to_json(tmp_path / "card.json")
    import creditlab as cl

    again = cl.load(tmp_path / "card.json")
    pd.testing.assert_frame_equal(again.result_.path, path)
    assert again.select == card.select
    refit = clone(card).fit(county["X"][["a", "b", "twin", "noise"]], county["y"], groups=county["groups"],
                            period=county["period"])  # fmt: skip
    pd.testing.assert_frame_equal(refit.result_.path, path)


def test_wrong_rules_are_refused(county) -> None:
    for rules in ({"max_missing": 2.0}, {"stepwise": "best"}, {"force_in": ("a",), "force_out": ("a",)}, {"folds": 1}):
        with pytest.raises(InputError):
            Select(**rules)
    with pytest.raises(InputError, match="period"):
        Scorecard(select=Select(max_psi=0.1)).fit(county["X"][["a"]], county["y"])
    with pytest.raises(InputError, match="Select"):
        Scorecard(select={"max_psi": 0.1}).fit(county["X"][["a"]], county["y"])
