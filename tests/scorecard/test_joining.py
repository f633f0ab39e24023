"""The join of two cards: no alarm on one scale, an alarm on two, and the figures of statsmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.estimators import expit
from creditlab.scorecard import Scorecard, Scores, join_scores, join_test


def _rows(rng: np.random.Generator, n: int = 900) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Outcome, log-odds of a card that sees one fact, of a card that sees two, both calibrated; village."""
    a, b = rng.normal(size=n), rng.normal(size=n)
    eta = -2 + 0.8 * a + 0.5 * b
    # a logit with an unseen normal part of sd s is a logit of slope 1/√(1 + 0.346 s²) to a good approximation
    entry = (-2 + 0.8 * a) / np.sqrt(1 + 0.346 * 0.25)
    return (rng.random(n) < expit(eta)).astype(int), entry, eta, rng.integers(0, 60, n)


def test_false_alarms_are_as_rare_as_the_level_says_and_a_shift_is_found() -> None:
    rng = np.random.default_rng(2)
    alarms, found = [], []
    for _ in range(150):
        y, entry, behaviour, village = _rows(rng)
        alarms.append(join_test(y, entry, behaviour, village).facts["verdict"] == "fail")
        found.append(join_test(y, entry - 0.5, behaviour, village).facts["verdict"] == "fail")
    # 150 trials at 5 %: more than 11 % has a chance below one in a thousand
    assert np.mean(alarms) <= 0.11
    assert np.mean(found) > 0.9


def test_level_and_slope_are_those_of_statsmodels() -> None:
    from statsmodels.api import GLM, add_constant, families

    y, entry, behaviour, village = _rows(np.random.default_rng(0))
    table = join_test(y, entry, behaviour, village).tidy().set_index("test")
    options = {"cov_type": "cluster", "cov_kwds": {"groups": village, "use_correction": False}}
    for name, eta in (("entry", entry), ("behaviour", behaviour)):
        fit = GLM(y, add_constant(eta), family=families.Binomial()).fit(**options)
        row = table.loc[f"slope_{name}"]
        assert row["estimate"] == pytest.approx(fit.params[1], abs=1e-8)
        # the correction of 60 villages: 60 / 59
        assert (row["hi"] - row["estimate"]) / 2.0010 == pytest.approx(fit.bse[1] * np.sqrt(60 / 59), rel=1e-3)
        assert table.loc[f"level_{name}", "estimate"] == pytest.approx(y.sum() / expit(eta).sum())


def test_rows_once_more_change_nothing_when_they_are_of_the_same_village() -> None:
    y, entry, behaviour, village = _rows(np.random.default_rng(4))
    once = join_test(y, entry, behaviour, village).tidy()
    twice = join_test(np.tile(y, 2), np.tile(entry, 2), np.tile(behaviour, 2), np.tile(village, 2)).tidy()
    numbers = ["estimate", "lo", "hi", "p_value"]
    pd.testing.assert_frame_equal(once[numbers], twice[numbers], rtol=1e-8)


def test_one_card_twice_passes_and_wrong_calls_raise() -> None:
    y, entry, _, village = _rows(np.random.default_rng(1))
    assert join_test(y, entry, entry, village).facts == join_test(y, entry, entry, village).facts
    assert join_test(y, entry, entry).facts["verdict"] == "pass"
    with pytest.raises(InputError, match="at least 8 bads"):
        join_test(np.r_[np.ones(7), np.zeros(93)], entry[:100], entry[:100])
    with pytest.raises(InputError, match="finite log-odds"):
        join_test(y, entry[:-1], entry)


def test_scores_say_which_card_scored_whom(sample) -> None:
    names = {name: Scorecard(name=name).fit(sample.X[["收入", "crop"]], sample.y) for name in ("entry", "behaviour")}
    entry = names["entry"].scores(sample)
    some = sample.X.iloc[:100]
    joined = join_scores(entry, names["behaviour"].scores(some))
    table = joined.tidy().set_index("household")
    assert isinstance(joined, Scores) and len(table) == len(sample.X)
    assert set(table.index[table["card"] == "behaviour"]) == set(some.index)
    assert joined.facts["behaviour"] == 100 and joined.facts["entry"] == len(sample.X) - 100
    with pytest.raises(InputError, match="two names"):
        join_scores(entry, entry)
    with pytest.raises(InputError, match="one row per household"):
        join_scores(entry, names["behaviour"].scores(pd.concat([some, some])))
