"""The three criteria: each by itself, with an interval, and never a state where there is no record."""

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.village import ENVIRONMENT, bad_share, three_criteria


def test_the_bad_share_is_shrunken_towards_the_county_and_keeps_the_order_of_equal_sizes():
    table = bad_share([1, 4, 9, 2], [50, 50, 50, 50], list("ABCD"))
    raw = np.array([1, 4, 9, 2]) / 50 / (16 / 200)
    assert (np.argsort(table["estimate"]) == np.argsort(raw)).all()
    assert ((table["estimate"] - 1).abs() < np.abs(raw - 1) + 0.05).all()
    assert ((table["lo"] < table["estimate"]) & (table["estimate"] < table["hi"])).all()


def test_states_follow_the_probabilities_and_no_record_is_no_state():
    frame = pd.DataFrame(
        {"village": list("ABC"), "estimate": [2.0, 0.5, 1.1], "lo": 0.4, "hi": 3.0, "p_above": [0.95, 0.05, 0.6],
         "weight": [1.0, 1.0, 0.0]}
    )  # fmt: skip
    rows = {"bad_share": bad_share([3, 3, 3], [20, 20, 20], list("ABC")), "environment": frame}
    wide = three_criteria(rows).wide()
    assert wide["environment_state"].tolist() == ["bad", "good", "no data"]
    assert (wide["enforcement_state"] == "no data").all() and wide["enforcement_estimate"].isna().all()
    table = three_criteria(rows).tidy()
    assert len(table) == 9 and table.loc[table["state"] == "no data", "reason"].str.len().min() > 0


def test_no_bads_and_wrong_calls():
    assert bad_share([0, 0], [5, 5], list("AB"))["estimate"].isna().all()
    assert (three_criteria({"bad_share": bad_share([0, 0], [5, 5], list("AB"))}).tidy()["state"] == "no data").all()
    with pytest.raises(InputError, match="at most as many bads as loans"):
        bad_share([3], [2])
    with pytest.raises(InputError, match="criteria among"):
        three_criteria({"income": bad_share([1], [2])})
    with pytest.raises(InputError, match="no villages"):
        three_criteria({})


def test_the_environment_never_reads_the_banks_own_outcome():
    """No component comes from the book of loans; conduct at the bank enters neither by name nor by source."""
    assert {c.source for c in ENVIRONMENT.components} == {
        "court", "guarantees", "credit registry", "collection log", "village committee",
    }  # fmt: skip
    assert not any(word in c.name for c in ENVIRONMENT.components for word in ("dpd", "npl", "bad", "class5"))
