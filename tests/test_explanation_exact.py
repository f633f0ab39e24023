"""Exact values: the published and hand-worked cases, players of any kind, interactions, the correlated diagnostic."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest

from creditlab.challenger import BoostedScorecard, Challenger, count_patterns
from creditlab.challenger.patterns import Background
from creditlab.challenger.trees import Tree, read_trees, walk_directions
from creditlab.columns import Column, Dictionary
from creditlab.errors import FitError, InputError, MissingExtraError
from creditlab.explanation import explain, explain_players, peers
from creditlab.explanation.correlated import ORDERS, correlated_values
from creditlab.explanation.shapley import expected_value, interaction_values, shapley_values
from creditlab.scorecard import Scorecard

SOURCES = Dictionary.of([Column(n, source=s) for n, s in zip("abcdef", ["x", "x", "y", "y", "z", "z"], strict=True)])


def made(n: int = 1200, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 6)), columns=list("abcdef"))
    X["b"] = 0.8 * X["a"] + 0.6 * X["b"]
    z = -1 + X["a"] * (X["c"] > 0) * (X["e"] > 0) * 2 + X["d"]
    X.loc[rng.random(n) < 0.1, "a"] = np.nan
    return X, (rng.random(n) < 1 / (1 + np.exp(-z))).astype(int).to_numpy()


@pytest.fixture(scope="module")
def boost() -> Challenger:
    return Challenger("none", n_estimators=40, folds=3, max_depth=6, dictionary=SOURCES).fit(*made())


def brute(trees: list[Tree], row: np.ndarray, rows: np.ndarray, players: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shapley values and pairwise interactions from the definition, over all sets of players."""
    count = int(players.max()) + 1
    value = {}
    for mask in range(1 << count):
        hybrid = np.where(np.array([mask >> p & 1 for p in players], dtype=bool), row, rows)
        value[mask] = float(sum(t.log_odds(hybrid) for t in trees).mean())
    phi, pair = np.zeros(count), np.zeros((count, count))
    for i in range(count):
        for size in range(count):
            for chosen in combinations([p for p in range(count) if p != i], size):
                mask = sum(1 << p for p in chosen)
                weight = factorial(size) * factorial(count - size - 1) / factorial(count)
                phi[i] += weight * (value[mask | 1 << i] - value[mask])
    for i, j in combinations(range(count), 2):
        for size in range(count - 1):
            for chosen in combinations([p for p in range(count) if p not in (i, j)], size):
                mask = sum(1 << p for p in chosen)
                weight = factorial(size) * factorial(count - size - 2) / factorial(count - 1)
                both = value[mask | 1 << i | 1 << j] - value[mask | 1 << i] - value[mask | 1 << j] + value[mask]
                pair[i, j] += weight * both
    return phi, pair


@pytest.mark.parametrize("players", [np.arange(6), np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 1, 1])])
def test_values_and_interactions_are_those_of_the_definition_for_players_of_any_kind(boost, players) -> None:
    design = boost.result_.design(made(seed=1)[0])
    rows, back = design[:4], design[100:140]
    trees = boost.result_.trees
    counted = count_patterns(trees, back)
    phi, pairs = shapley_values(trees, rows, counted, players), interaction_values(trees, rows, counted, players)
    for k in range(len(rows)):
        expected, both = brute(trees, rows[k], back, players)
        np.testing.assert_allclose(phi[k], expected, atol=1e-12)
        for i, j in combinations(range(int(players.max()) + 1), 2):
            np.testing.assert_allclose(pairs.get((i, j), np.zeros(4))[k], both[i, j], atol=1e-12)


def test_interactions_equal_those_of_woodelf(boost) -> None:
    woodelf = pytest.importorskip("woodelf", reason="woodelf-explainer (the extra explain) is not installed")
    design = boost.result_.design(made(seed=1)[0])
    rows, back = (pd.DataFrame(v, columns=[f"f{i}" for i in range(6)]) for v in (design[:50], design[100:400]))
    theirs = woodelf.WoodelfExplainer(boost.result_.booster, back).shap_interaction_values(
        rows, include_interaction_with_itself=False, verbose=False
    )
    counted = count_patterns(boost.result_.trees, back.to_numpy())
    ours = interaction_values(boost.result_.trees, rows.to_numpy(), counted, np.arange(6))
    assert len(ours) > 3
    for (i, j), values in ours.items():
        np.testing.assert_allclose(theirs[:, i, j], values / 2, atol=5e-7)  # each of the two gets half there


def test_unused_columns_get_nothing_and_a_repeated_column_shares_equally() -> None:
    """Null player and symmetry: two stumps on a column and its copy, one column that no tree asks for."""
    stump = lambda column: Tree(  # noqa: E731
        np.array([column]), np.array([0.0]), np.array([False]), np.array([-1]), np.array([-2]), np.array([0.0, 1.0])
    )
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    design = np.column_stack([x, x, rng.normal(size=200)])
    trees = [stump(0), stump(1)]
    phi = shapley_values(trees, design, count_patterns(trees, design), np.arange(3))
    np.testing.assert_allclose(phi[:, 0], phi[:, 1], atol=1e-15)
    assert (phi[:, 2] == 0).all() and np.abs(phi[:, 0]).max() > 0.3


def test_the_background_survives_its_file_and_is_no_list_of_rows(boost) -> None:
    counted, trees = boost.result_.background, boost.result_.trees
    back = Background.from_dict(counted.to_dict(), trees)
    assert expected_value(trees, back) == expected_value(trees, counted)
    assert back.rows == 1200 and all((a == b).all() for one, two in zip(back.counts, counted.counts, strict=True)
                                     for a, b in zip(one, two, strict=True))  # fmt: skip
    # as many whole numbers as patterns that occur, whatever the number of rows
    assert sum(f.size for leaves in counted.counts for f in leaves) < 64 * sum(len(leaves) for leaves in counted.counts)


def test_many_splits_are_explained_exactly_too() -> None:
    X, y = made(3000)
    deep = Challenger("none", n_estimators=4, folds=2, num_leaves=60, max_depth=8, min_child_weight=5).fit(X, y)
    assert max(len(t.feature) for t in deep.result_.trees) > 16
    e = explain(deep, X, background=X.head(500))
    np.testing.assert_allclose(e.log_odds, deep.decision_function(X), atol=1e-12)


def test_trees_read_from_text_score_as_lightgbm_with_missing_values(boost) -> None:
    X, _ = made(seed=5)
    X.iloc[:50] = np.nan
    design = boost.result_.design(X)
    ours = sum(t.log_odds(design) for t in boost.result_.trees)
    np.testing.assert_array_equal(ours, boost.result_.booster.predict(design, raw_score=True))


def test_text_that_is_no_model_or_has_categories_is_refused() -> None:
    with pytest.raises(InputError, match="a LightGBM model text"):
        read_trees("tree")
    block = "\nTree=0\nnum_leaves=2\nnum_cat=1\nleaf_value=0 1\n\nend of trees"
    with pytest.raises(InputError, match="Code text as whole numbers"):
        read_trees(block)


def test_a_direction_that_breaks_between_the_rows_of_a_sample_is_found() -> None:
    """A dent of width 1e-9 between two training values: no walk over rows would meet it."""
    dent = Tree(np.array([0, 0]), np.array([0.5, 0.5 + 1e-9]), np.array([False, False]), np.array([-1, -2]),
                np.array([1, -3]), np.array([0.0, 1.0, 0.5]))  # fmt: skip
    with pytest.raises(FitError, match="a step of -0.5 against it"):
        walk_directions([dent], np.array([1]))
    assert walk_directions([dent], np.array([0])) == 0


def test_v27_a_feature_that_was_not_scored_gets_credit_only_in_the_diagnostic() -> None:
    """Standardised, rho .8, beta (1, 0), x = (1, 1): conditional (.6, .4), interventional (1, 0)."""
    rho = np.array([[1.0, 0.8], [0.8, 1.0]])
    values, exact = correlated_values(np.array([1.0, 0.0]), np.array([[1.0, 1.0]]), rho)
    assert exact and values[0].tolist() == pytest.approx([0.6, 0.4], abs=1e-15)


def test_correlated_values_of_two_features_in_closed_form_and_of_many_by_orders() -> None:
    rng = np.random.default_rng(0)
    beta, d, r = np.array([1.3, -0.4]), rng.normal(size=(5, 2)), 0.55
    values, _ = correlated_values(beta, d, np.array([[1.0, r], [r, 1.0]]))
    half = 0.5 * r * (beta[1] * d[:, 0] - beta[0] * d[:, 1])
    own = beta * d
    np.testing.assert_allclose(values, np.column_stack([own[:, 0] + half, own[:, 1] - half]), atol=1e-12)
    p = 13
    factor = rng.normal(size=(p, 3))
    spread, coef, rows = factor @ factor.T + np.eye(p), rng.normal(size=p), rng.normal(size=(4, p))
    sampled, exact = correlated_values(coef, rows, spread)
    assert not exact and ORDERS >= 100
    np.testing.assert_allclose(sampled.sum(axis=1), rows @ coef, atol=1e-9)  # the sum stays exact


def test_the_diagnostic_of_a_card_adds_up_and_is_never_a_reason() -> None:
    X, y = made()
    card = Scorecard(min_iv=0, min_z=0).fit(X, y)
    e = explain(card, X, value="correlated")
    np.testing.assert_allclose(e.log_odds, card.decision_function(X), atol=1e-8)
    assert e.diagnostic and "诊断" in e.value_function[0] and "never a reason" in e.value_function[1]
    with pytest.raises(InputError, match="interventional value function"):
        e.reasons()


def test_sources_as_players_agree_for_a_card_and_show_their_gap_for_trees(boost) -> None:
    X, y = made(seed=2)
    trees = explain_players(boost, X, background=X)
    np.testing.assert_allclose(trees.players.sum(axis=1), trees.sums.values.sum(axis=1), atol=1e-10)
    table = trees.tidy().set_index("source")
    assert table.index.tolist() == ["x", "y", "z"] and table["features"].tolist() == [2, 2, 2]
    assert table["gap_max"].max() > 1e-3  # three features of three sources act together here
    counted = explain_players(boost, X.head(3))
    assert len(counted.players) == 3
    card = Scorecard(min_iv=0, min_z=0, dictionary=SOURCES).fit(X, y)
    assert explain_players(card, X).tidy()["gap_max"].max() == 0


def test_without_the_extra_only_its_own_route_is_missing(boost, monkeypatch) -> None:
    import sys

    X, _ = made(seed=3)
    monkeypatch.setitem(sys.modules, "woodelf", None)
    with pytest.raises(MissingExtraError, match=r"creditlab\[explain\]"):
        explain(boost, X.head(5), method="woodelf")
    assert len(explain(boost, X.head(5)).values) == 5


def test_a_route_that_does_not_add_up_is_replaced_and_says_so(boost, monkeypatch) -> None:
    X, _ = made(seed=3)
    monkeypatch.setattr(peers, "woodelf", lambda booster, design, back: np.zeros(design.shape))
    monkeypatch.setattr(peers, "interventional_shap", lambda booster, design, back: (np.zeros(design.shape), 0.0))
    for method, name in (("woodelf", "woodelf-explainer"), ("shap", "shap.TreeExplainer")):
        e = explain(boost, X.head(20), method=method, background=X)
        assert e.method.startswith(f"exact, pattern counts ({name} was off by")
        np.testing.assert_allclose(e.log_odds, boost.decision_function(X.head(20)), atol=1e-10)


def test_the_boosted_scorecard_speaks_the_same_language() -> None:
    X, y = made()
    card = BoostedScorecard(dictionary=SOURCES, n_estimators=60, folds=3).fit(X, y)
    e = explain(card, X)
    # depth one: what a bin adds, less its mean, is the contribution, and the printed effect
    effects, coded = card.result_.effects, card.result_.coded(X)
    for name, effect in effects.main.items():
        np.testing.assert_allclose(e.values[name], effect[coded[name].to_numpy()], atol=1e-10)
    assert e.base_value == pytest.approx(effects.intercept, abs=1e-10)
    assert e.reasons(1, "en")["reason_1"].dropna().str.endswith("points below the training average").all()
