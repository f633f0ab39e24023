"""The sum over blocks is the sum over bins: to the bit, at any block and thread count, for every kind of column."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest

import creditlab as cl
from creditlab.binning import BinSpec
from creditlab.scorecard import Scorecard, scoring
from creditlab.scorecard.points import add_points
from creditlab.scorecard.scoring import Room, Scoring, Steps
from tests.scorecard import parity


def by_bins(card: Scorecard, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Points and log-odds from the number of each bin."""
    codes = card.result_.codes(frame)
    return add_points(*card.result_.integer_points(), codes, len(frame)), card.result_.log_odds(codes, len(frame))


@pytest.mark.parametrize("block", [1, 3, 1000, 1 << 17])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_blocks_and_threads_give_what_the_bins_give(block: int, threads: int, monkeypatch) -> None:
    monkeypatch.setattr(scoring, "BLOCK", block)
    card, frame = parity.card(), parity.rows().iloc[-2500 if block > 3 else -300 :]
    points, log_odds = by_bins(card, frame)
    assert card.points(frame, threads=threads).tolist() == points.tolist()
    assert card.result_.effects.total(frame, threads).tolist() == log_odds.tolist()


def test_one_row_is_the_batch() -> None:
    card, frame = parity.card(), parity.rows().iloc[-80:]
    whole = card.points(frame).tolist()
    assert [int(card.points(frame.iloc[[i]]).iloc[0]) for i in range(len(frame))] == whole
    assert np.concatenate([card.decision_function(frame.iloc[[i]]) for i in range(80)]).tolist() == (
        card.decision_function(frame).tolist()
    )


@pytest.mark.parametrize("kind", ["int8", "int64", "uint16", "float32", "float64", "bool", "Int64", "Float64", "object",
                                  "string", "int64[pyarrow]", "category"])  # fmt: skip
def test_every_dtype_of_a_number(kind: str, monkeypatch) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2 if kind == "bool" else 9, 4000)
    y = (rng.random(4000) < 1 / (1 + np.exp(2 - 0.3 * x))).astype(int)
    card = Scorecard(min_iv=0, min_z=0).fit(pd.DataFrame({"x": x.astype(float)}), y)
    frame = pd.DataFrame({"x": pd.Series(x).astype(kind)})
    for block in (64, 1 << 17):
        monkeypatch.setattr(scoring, "BLOCK", block)
        assert card.points(frame).tolist() == by_bins(card, frame)[0].tolist()


@pytest.mark.parametrize("rows", [7, 5000])
@pytest.mark.parametrize("cuts", [0, 1, 254, 255, 700])
def test_any_number_of_cuts(rows: int, cuts: int) -> None:
    rng = np.random.default_rng(cuts)
    ends = np.sort(rng.normal(size=cuts))
    spec = BinSpec("x", "number", tuple(ends), special=((-9.0, ""), (0.5, "inside"), (np.inf, "top")))
    by_bin = rng.integers(-9, 9, spec.size)
    x = np.concatenate([rng.normal(size=rows), ends, np.nextafter(ends, -9), [-9, 0.5, np.inf, -np.inf, np.nan, -0.0]])
    total = np.full(len(x), 100, dtype=np.int64)
    steps = Steps.of(spec, by_bin)
    steps.add(x, total, Room(len(x), total.dtype))
    assert total.tolist() == (100 + by_bin[spec.number_codes(x)]).tolist()
    assert len(steps.ends) <= cuts + 7


def test_large_points_do_not_wrap_around() -> None:
    result = parity.card().result_
    tables = {name: result.bins[name] for name in result.features}
    once, points = result.integer_points()
    huge = Scoring.of(once, {name: values * 2**40 for name, values in points.items()}, tables)
    frame = parity.rows()
    assert huge.total(frame).tolist() == [once + (p - once) * 2**40 for p in parity.expected()]


def test_other_columns_and_another_order_change_nothing() -> None:
    card, frame = parity.card(), parity.rows()
    turned = frame[frame.columns[::-1]].assign(unrelated=0.0)
    assert card.points(turned).tolist() == parity.expected()


def test_scoring_holds_no_second_table() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300_000, 20)), columns=[f"x{k}" for k in range(20)])
    y = (rng.random(300_000) < 1 / (1 + np.exp(2 + X.sum(axis=1)))).astype(int)
    card = Scorecard().fit(X.head(5000), y.head(5000))
    for frame in (X, X[X.columns[::-1]].assign(more=1.0), X.round().astype("int32")):
        tracemalloc.start()
        card.points(frame, threads=2)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 0.35 * 8 * X.size  # a table of floats as large as this one would be 1.0


def test_a_loaded_card_is_ready(tmp_path) -> None:
    parity.card().to_json(tmp_path / "card.json")
    assert {"sums", "effects"} <= set(vars(cl.load(tmp_path / "card.json").result_))
