"""Figures of why villages differ: bars that add up to the mark, intervals drawn, shapes beside colours."""

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.plots import village_why
from creditlab.plots.words import word
from tests.plots import made_why


def test_the_bars_of_a_village_add_up_to_its_mark():
    fig = village_why.gap(made_why.gap(), most=8)
    bars = [t for t in fig.data if t.type == "bar"]
    (mark,) = [t for t in fig.data if t.type == "scatter"]
    np.testing.assert_allclose(np.sum([b.x for b in bars], axis=0), mark.x, atol=1e-12)
    assert len(mark.x) == 8 and fig.layout.barmode == "relative"
    context = next(b for b in bars if b.name == word("context"))
    assert list(context.x) == sorted(context.x, reverse=True)
    # read in grey: neighbours differ in pattern, not only in colour
    assert len({b.marker.pattern.shape for b in bars}) >= 3


def test_the_criteria_have_a_panel_each_and_no_mark_without_a_record():
    fig = village_why.criteria(made_why.criteria(), most=25)
    # enforcement has no estimate here, and so no panel
    assert {t.xaxis for t in fig.data} == {"x", "x2"}
    drawn = [t for t in fig.data if t.xaxis == "x2" and len(t.x)]
    for trace in drawn:
        np.testing.assert_allclose(np.asarray(trace.x) - trace.error_x.arrayminus, 0.6)
    assert {t.marker.symbol for t in drawn} == {"square", "circle"}


def test_effects_are_in_order_and_an_unknown_factor_is_named():
    (trace,) = village_why.effects(made_why.crossed()).data
    assert list(trace.x) == sorted(trace.x, reverse=True) and len(trace.x) == 4
    with pytest.raises(InputError, match="a factor with effects"):
        village_why.effects(made_why.crossed(), "branch")


def test_every_village_stands_once_beside_its_officer():
    fig = village_why.beside(made_why.crossed())
    assert sum(len(t.x) for t in fig.data) == 25


def test_truth_says_how_many_intervals_hold_it():
    fig = village_why.truth(made_why.both_cards(), made_why.truth())
    assert fig.layout.meta["note"]["en"] == "6 of 6 villages · 83% of the intervals hold the truth"
    sizes = {t.name: len(t.x) for t in fig.data if t.name}
    assert sizes == {word("inside"): 5, word("outside"): 1}


def test_moves_of_an_unknown_village_and_none_at_all():
    with pytest.raises(InputError, match="a village of the table"):
        village_why.moves(made_why.moves(), "nobody")
    (bars, line) = village_why.moves(made_why.moves(), 0).data
    assert list(bars.x)[:2] == ["2023Q1", "2023Q2"] and list(line.y) == [1.5] * 6


def test_a_result_draws_itself():
    assert (
        made_why.drivers().plot.drivers().layout.title.text == village_why.drivers(made_why.drivers()).layout.title.text
    )
    assert isinstance(made_why.criteria().wide(), pd.DataFrame)
