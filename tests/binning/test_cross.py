"""A cross is an ordinary characteristic: exact over its grid, in cards, pipelines, files, SQL and Python."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import creditlab as cl
from creditlab import Scorecard
from creditlab.binning import Binner, Cross, Rows
from creditlab.binning.cross import cell_names
from creditlab.errors import ColumnError, InputError
from creditlab.explanation import explain
from creditlab.results import digest


def joint(n: int = 4000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Rice without insurance is risky; neither column alone tells much of it."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "crop": rng.choice(["水稻", "wheat", "it's maize"], n),
            "insured": pd.array(np.where(rng.random(n) < 0.05, None, rng.random(n) < 0.5), dtype="boolean"),
            "age": np.where(rng.random(n) < 0.05, np.nan, rng.normal(40, 10, n)),
        }
    )
    risky = (X["crop"] == "水稻") & ~X["insured"].fillna(True).astype(bool)
    return X, (rng.random(n) < np.where(risky, 0.5, 0.15)).astype(int)


X, Y = joint()
CROSS = Cross("crop", "insured")
FITTED = Binner(crosses=(CROSS, Cross("age", "insured", bins=3))).fit(X, Y)


def test_it_is_one_more_column():
    table = FITTED.result_[CROSS.name]
    assert FITTED.get_feature_names_out().tolist() == [*X.columns, "crop × insured", "age × insured"]
    assert FITTED.n_features_in_ == 3
    codes = FITTED.codes(X)[CROSS.name].to_numpy()
    assert np.array_equal(np.bincount(codes, weights=Y, minlength=table.spec.size), table.tidy()["bads"])
    assert np.array_equal(FITTED.transform(X)[CROSS.name], table.woe[codes])
    assert table.iv > 1.5 * max(FITTED.result_[side].iv for side in ("crop", "insured"))
    worst = table.spec.groups[int(np.argmin(table.woe[: table.spec.regular]))]
    assert worst == ("水稻 & 否 no",)


def test_the_grouping_is_the_best_of_all_partitions():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"a": rng.choice(list("ABC"), 3000), "b": rng.choice(list("xy"), 3000)})
    rate = {"Ax": 0.1, "Ay": 0.4, "Bx": 0.2, "By": 0.15, "Cx": 0.35, "Cy": 0.25}
    y = (rng.random(3000) < (frame["a"] + frame["b"]).map(rate)).astype(int).to_numpy()
    binner = Binner(crosses=(Cross("a", "b"),), max_bins=3, min_share=0.0, prior=1e-9).fit(frame, y)
    cell = (frame["a"] + frame["b"]).to_numpy()
    names = np.unique(cell)
    goods, bads = (np.array([((cell == c) & (y == k)).sum() for c in names]) for k in (0, 1))

    def partitions(items):
        if not items:
            yield []
            return
        for rest in partitions(items[1:]):
            yield [[items[0]], *rest]
            for k in range(len(rest)):
                yield [*rest[:k], [items[0], *rest[k]], *rest[k + 1 :]]

    best = 0.0
    for groups in partitions(list(range(len(names)))):
        if len(groups) <= 3:
            g, b = (np.array([c[k].sum() for k in groups]) / c.sum() for c in (goods, bads))
            best = max(best, float(((g - b) * np.log(g / b)).sum()))
    assert binner.result_["a × b"].iv == pytest.approx(best, rel=1e-6)  # the prior of 1e-9 events moves WOE that little


def test_missing_on_either_side_has_cells_of_its_own():
    spec = FITTED.result_[CROSS.name].spec
    names = cell_names(spec.sides)
    assert names.shape == (spec.sides[0].size, spec.sides[1].size)
    levels = [level for group in spec.groups for level in group]
    assert any("缺失 missing" in level for level in levels) and len(set(names.reshape(-1))) == names.size
    new = pd.DataFrame({"crop": ["sorghum", None], "insured": [True, None], "age": [30.0, 30.0]})
    assert FITTED.codes(new)[CROSS.name].tolist()[0] == spec.size - 1  # no such cell in training
    assert FITTED.result_.unseen(new).set_index("name").loc[CROSS.name, "unseen"] >= 1


def test_pieces_clones_pipelines_and_files_keep_it(tmp_path):
    merged = clone(FITTED).fit_parts([Rows(X[:1500], Y[:1500]), Rows(X[1500:], Y[1500:])])
    assert digest(merged.result_.to_dict()) == digest(FITTED.result_.to_dict())
    pipe = make_pipeline(Binner(crosses=(CROSS,)), LogisticRegression())
    search = GridSearchCV(pipe, {"binner__crosses": [(), (CROSS,)]}, cv=3, scoring="roc_auc").fit(X, Y)
    assert search.best_params_["binner__crosses"] == (CROSS,)
    FITTED.to_json(tmp_path / "b.json")
    loaded = cl.load(tmp_path / "b.json")
    assert loaded.transform(X).equals(FITTED.transform(X)) and loaded.crosses == FITTED.crosses


def test_a_card_scores_explains_and_gives_reasons_with_it():
    card = Scorecard(Binner(crosses=(CROSS,))).fit(X, Y)
    assert CROSS.name in card.result_.features
    risky = X[(X["crop"] == "水稻") & (X["insured"] == False)]  # noqa: E712 missing stays out
    assert card.points(risky).max() < card.points(X).median()
    assert card.reasons(risky.head(3), lang="en")["feature_1"].tolist() == [CROSS.name] * 3
    e = explain(card, X)
    np.testing.assert_allclose(e.values.sum(axis=1) + e.base_value, card.decision_function(X), atol=1e-8)
    again = type(card).from_dict(card._sealed()) if hasattr(card, "_sealed") else card
    assert again.points(X).equals(card.points(X))


def test_edits_group_cells_by_hand():
    groups = FITTED.result_[CROSS.name].spec.groups
    merged = FITTED.edit(CROSS.name).merge(0, 1, reason="alike")
    assert len(merged.result_[CROSS.name].spec.groups) == len(groups) - 1
    assert digest(clone(merged).fit(X, Y).result_.to_dict()) == digest(merged.result_.to_dict())


@pytest.mark.parametrize("what", ["woe", "bin"])
@pytest.mark.parametrize("name", [CROSS.name, "age × insured"])
def test_sql_and_python_say_the_same(name, what):
    import duckdb

    table = FITTED.result_[name]
    rows = pd.concat([X, pd.DataFrame({"crop": ["sorghum", None], "insured": [True, None], "age": [np.nan, 1e9]})])
    frame = rows.reset_index(drop=True).assign(i=np.arange(len(rows)))
    expected = table.transform(table.values_in(frame)) if what == "woe" else table.codes(table.values_in(frame))
    con = duckdb.connect()
    con.register("t", frame)
    found = con.execute(f"SELECT {table.to_sql(None, 'duckdb', what)} FROM t ORDER BY i").fetchall()
    assert [row[0] for row in found] == expected.tolist()
    space: dict = {}
    exec(table.to_python(what, "f"), space)
    pairs = frame[list(table.spec.columns)].astype(object).where(frame.notna(), None).itertuples(index=False)
    assert [space["f"](*pair) for pair in pairs] == expected.tolist()


@pytest.mark.parametrize("cross", [Cross("crop", "crop"), Cross("crop", "insured", bins=1), "crop × insured"])
def test_wrong_crosses_are_refused(cross):
    with pytest.raises(InputError):
        Binner(crosses=(cross,)).fit(X, Y)


def test_a_side_must_be_there():
    with pytest.raises(ColumnError):
        Binner(crosses=(Cross("crop", "absent"),)).fit(X, Y)
    with pytest.raises(InputError):
        FITTED.transform(X.drop(columns="insured"))
