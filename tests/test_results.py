"""The Result base: frozen, self-describing, traceable."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.results import NotEstimable, Result, Stamp, digest, made_at, plain


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Rates(Result):
    title = "Rates 比率"
    extra: int = 0


@pytest.fixture
def result() -> Rates:
    table = pd.DataFrame({"village": ["甲<b>", "乙"], "estimate": [0.25, math.nan]})
    return Rates(
        table=table, stamp=Stamp.of(table, {"level": 0.9}, seed=3), facts={"n": 7, "auc": NotEstimable("n < 10")}
    )


def test_a_result_cannot_be_changed_by_assignment_or_through_its_tables(result: Rates) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.extra = 1  # type: ignore[misc]
    taken = result.tidy()
    taken.loc[0, "estimate"] = 99.0
    assert result.tidy().loc[0, "estimate"] == 0.25


def test_a_result_does_not_follow_later_changes_of_the_frame_it_was_made_from() -> None:
    table = pd.DataFrame({"x": [1.0]})
    made = Rates(table=table, stamp=Stamp.of(table, {}))
    table.loc[0, "x"] = 2.0
    assert made.tidy().loc[0, "x"] == 1.0


def test_every_view_comes_from_the_one_table(result: Rates) -> None:
    assert result.glance()["n"].tolist() == [7]
    assert math.isnan(result.glance()["auc"][0])
    assert "甲<b>" in result.summary() and "not estimable: n < 10" in result.summary()
    html = result._repr_html_()
    assert "甲&lt;b&gt;" in html and "<b>甲" not in html
    assert repr(result) == "<Rates n=7 auc=not estimable: n < 10>"


def test_to_dict_is_json_without_nan(result: Rates) -> None:
    text = json.dumps(result.to_dict(), allow_nan=False)
    back = json.loads(text)
    assert back["table"][1]["estimate"] is None
    assert back["glance"]["auc"] == {"not_estimable": "n < 10"}
    assert back["stamp"]["seed"] == 3


def test_the_digest_depends_on_content_only() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", None]})
    other_layout = pd.DataFrame({"b": ["x", None], "a": [1.0, 2.0]})[["a", "b"]]
    assert digest(frame) == digest(other_layout)
    assert digest(frame) != digest(frame.assign(a=[1.0, 2.5]))
    assert digest(frame) != digest(frame.rename(columns={"a": "c"}))
    assert digest({"x": 1, "y": 2}) == digest({"y": 2, "x": 1})
    assert digest(np.array([1.0])) != digest(np.array([1]))


def test_a_digest_does_not_run_two_values_together() -> None:
    assert digest("ab", "c") != digest("a", "bc")


def test_plain_gives_json_types() -> None:
    assert plain({"d": pd.Timestamp("2023-12-31"), "x": np.float64(1.5), "s": {2, 1}, "na": pd.NA}) == {
        "d": "2023-12-31",
        "x": 1.5,
        "s": [1, 2],
        "na": None,
    }


def test_times_come_from_source_date_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert made_at() == "1970-01-02T00:00:00Z"


def test_a_stored_table_must_be_a_frame() -> None:
    with pytest.raises(InputError, match="Expected a DataFrame as the stored table; got list"):
        Rates(table=[1], stamp=Stamp("", ""))  # type: ignore[arg-type]


def test_a_result_without_figures_says_so(result: Rates) -> None:
    with pytest.raises(AttributeError, match="Rates has no figures"):
        _ = result.plot.bars
