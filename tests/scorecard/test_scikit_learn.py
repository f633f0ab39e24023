"""The card among scikit-learn's own tools: copies, pipelines, searches, folds; and frames of other libraries."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from creditlab.binning import Binner
from creditlab.errors import ColumnError, InputError
from creditlab.files import canonical_json
from creditlab.scaling import Scale
from creditlab.scorecard import Scorecard
from tests.engines import package_folder
from tests.scorecard import parity


def test_clone_keeps_every_setting_and_no_fit(card, sample) -> None:
    copy = clone(card)
    assert is_classifier(copy) and not hasattr(copy, "result_")
    mine, its = card.get_params(), copy.get_params()
    assert set(mine) == set(its) and {k: repr(v) for k, v in mine.items()} == {k: repr(v) for k, v in its.items()}
    copy.set_params(binner__max_bins=3, min_z=0)
    assert card.binner.max_bins == 8 and copy.binner.max_bins == 3
    again = clone(card).fit(sample.X, sample.y, groups=sample.village)
    assert canonical_json(again.to_dict()) == canonical_json(card.to_dict())


def test_cross_validation_by_auc_is_that_of_hand_made_folds(sample) -> None:
    found = cross_val_score(
        Scorecard(), sample.X, sample.y, groups=sample.village, cv=GroupKFold(4), scoring="roc_auc", error_score="raise"
    )
    by_hand = []
    for fit, test in GroupKFold(4).split(sample.X, sample.y, sample.village):
        card = Scorecard().fit(sample.X.iloc[fit], sample.y.iloc[fit])
        by_hand.append(roc_auc_score(sample.y.iloc[test], card.predict_proba(sample.X.iloc[test])[:, 1]))
    assert found.tolist() == by_hand and min(by_hand) > 0.65
    prob = cross_val_predict(Scorecard(), sample.X, sample.y, cv=4, method="predict_proba")
    assert prob.shape == (len(sample.y), 2) and roc_auc_score(sample.y, prob[:, 1]) > 0.65


@pytest.mark.parametrize("name", ["roc_auc", "neg_log_loss", "neg_brier_score", "average_precision", "accuracy"])
def test_scorers_take_the_card(card, sample, name: str) -> None:
    assert np.isfinite(get_scorer(name)(card, sample.X, sample.y))


def test_a_search_reaches_the_binner_inside_and_names_the_best(sample) -> None:
    grid = {"binner__max_bins": [1, 3, 6], "base": ["spread", "separate"]}
    search = GridSearchCV(Scorecard(Binner()), grid, cv=3, scoring="roc_auc", error_score="raise").fit(
        sample.X, sample.y
    )
    table = pd.DataFrame(search.cv_results_)
    one = table[table["param_binner__max_bins"] == 1]["mean_test_score"]
    assert search.best_params_["binner__max_bins"] > 1 and (one < search.best_score_ - 0.03).all()
    assert search.best_estimator_.points(sample.X).index.equals(sample.X.index)


def test_the_card_at_the_end_of_a_pipeline_and_the_binner_at_its_head(sample) -> None:
    def more(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(ratio=frame["deposit"] / (1 + frame["收入"].abs()))

    pipe = Pipeline([("more", FunctionTransformer(more)), ("card", Scorecard(scale=Scale(500, 10, 40)))])
    pipe.fit(sample.X, sample.y, card__groups=sample.village)
    assert "ratio" in pipe[-1].feature_names_in_ and pipe[-1].result_.facts["groups"] == 25
    assert pipe.predict_proba(sample.X).shape == (len(sample.X), 2)
    assert cross_val_score(pipe, sample.X, sample.y, scoring="roc_auc", cv=3, error_score="raise").min() > 0.6
    head = make_pipeline(Binner(), LogisticRegression()).fit(sample.X, sample.y)
    assert head[:-1].get_feature_names_out().tolist() == list(sample.X)
    assert roc_auc_score(sample.y, head.predict_proba(sample.X)[:, 1]) > 0.65


def test_woe_beside_other_columns_with_names(sample) -> None:
    both = make_column_transformer((Binner(), ["收入", "crop"]), ("passthrough", ["noise"])).set_output(
        transform="pandas"
    )
    frame = both.fit_transform(sample.X, sample.y)
    assert frame.columns.tolist() == ["binner__收入", "binner__crop", "passthrough__noise"]
    assert frame.index.equals(sample.X.index)
    alone = Binner().fit(sample.X[["收入", "crop"]], sample.y).transform(sample.X[["收入", "crop"]])
    assert np.array_equal(frame.iloc[:, :2].to_numpy(), alone.to_numpy())
    plain = Binner().set_output(transform="default").fit(sample.X.to_numpy(dtype=object)[:, [0, 3]], sample.y)
    assert isinstance(plain.transform(sample.X.to_numpy(dtype=object)[:, [0, 3]]), np.ndarray)


def test_rows_weights_and_villages_are_routed(sample) -> None:
    import sklearn

    weight = np.random.default_rng(0).integers(1, 3, len(sample.y))
    with sklearn.config_context(enable_metadata_routing=True):
        card = Scorecard().set_fit_request(sample_weight=True, groups=True)
        by_auc = get_scorer("roc_auc").set_score_request(sample_weight=True)
        search = GridSearchCV(card, {"min_z": [0.0, 1.0]}, cv=GroupKFold(3), scoring=by_auc, error_score="raise")
        search.fit(sample.X, sample.y, sample_weight=weight, groups=sample.village)
    facts = search.best_estimator_.result_.facts
    assert facts["groups"] == 25 and facts["n"] == weight.sum()


@pytest.fixture
def polars():
    """The polars of the engines' environment; what creditlab needs still comes from its own."""
    folder = str(package_folder("polars"))
    sys.path.append(folder)
    yield pytest.importorskip("polars")
    sys.path.remove(folder)


@pytest.mark.polars
def test_polars_frames_give_what_pandas_frames_give(polars) -> None:
    X, y = parity.sample(4000)
    X = X.astype({"flag": "boolean"})
    X.loc[:99, "flag"] = None
    frame = polars.from_pandas(X).with_columns(
        polars.col("count").cast(polars.Int16),
        polars.col("day").cast(polars.Date),
        polars.col("crop").cast(polars.Categorical),
        polars.when(polars.col("code") > 0).then(polars.col("code").cast(polars.Int64)).alias("gaps"),
    )
    same = X.assign(gaps=X["code"].where(X["code"] > 0).map(np.trunc))
    binner, bad = Binner(special={"code": [-9]}), polars.Series(y.to_numpy())
    mine = Scorecard(binner, min_iv=0, min_z=0, sign_constrained=False).fit(frame, bad, groups=frame["village"])
    its = Scorecard(binner, min_iv=0, min_z=0, sign_constrained=False).fit(same, y, groups=same["village"])
    assert mine.result_.features == its.result_.features and len(mine.result_.features) == 11
    assert mine.result_.tidy().equals(its.result_.tidy())
    assert mine.points(frame).tolist() == its.points(same).tolist()
    assert np.array_equal(mine.predict_proba(frame), its.predict_proba(same))
    assert mine.reasons(frame, k=2, lang="en").equals(its.reasons(same, k=2, lang="en"))
    assert mine.scores(frame).tidy()["points"].tolist() == mine.points(frame).tolist()
    woe = Binner().set_output(transform="polars").fit(frame, bad).transform(frame)
    assert isinstance(woe, polars.DataFrame) and woe.columns == list(same)
    assert np.array_equal(woe.to_numpy(), Binner().fit(same, y).transform(same).to_numpy())
    scores = cross_val_score(Scorecard(), frame, bad, scoring="roc_auc", cv=3, error_score="raise")
    assert scores.tolist() == cross_val_score(Scorecard(), same, y, scoring="roc_auc", cv=3).tolist()


def test_arrow_tables_are_taken_as_frames() -> None:
    import pyarrow as pa

    X, y = parity.sample(2000)
    table = pa.Table.from_pandas(X)
    card = Scorecard().fit(table, y)
    assert card.points(table).tolist() == Scorecard().fit(X, y).points(X).tolist()


def test_calls_that_cannot_be_meant_are_refused(card, sample) -> None:
    with pytest.raises(ColumnError, match="'deposit'"):
        card.predict(sample.X[["crop", "收入"]])
    with pytest.raises(InputError, match="one row"):
        card.predict(sample.X.head(0))
