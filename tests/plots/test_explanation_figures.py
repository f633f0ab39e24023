"""Figures of explanations draw the numbers of the result, missing values and codes apart, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from creditlab.errors import InputError
from creditlab.plots import explanation, explanation_effects, explanation_pair
from tests.plots import made, made_explanation


def test_dependence_keeps_codes_and_missing_values_apart_and_counts_every_row() -> None:
    e = made_explanation.full()
    fig = explanation.dependence(e, "deposit", cells=10)
    (trace,) = fig.data
    n = np.array([row[1] for row in trace.customdata])
    assert n.sum() == len(e.values) and 40 in n and 20 in n  # the code's rows, the missing ones
    code = int(np.flatnonzero(n == 40)[0])
    raw = e.data["deposit"].to_numpy()
    assert trace.y[code] == pytest.approx(np.median(e.values["deposit"].to_numpy()[raw == -9]))
    assert list(trace.marker.symbol[-2:]) == ["diamond", "diamond"]


def test_dependence_of_a_feature_with_bins_draws_its_bins() -> None:
    e = made_explanation.full()
    (trace,) = explanation.dependence(e, "bin").data
    assert len(trace.y) == 3 and explanation.dependence(e, "crop").data[0].y.shape == (2,)
    with pytest.raises(InputError, match="a feature of the explanation"):
        explanation.dependence(e, "nosuch")


def test_the_heat_map_of_villages_holds_the_gaps_and_their_sum() -> None:
    e, groups = made_explanation.full(), made_explanation.villages()
    (heat,) = explanation.villages(e, groups).data
    table = e.by_source().by_group(groups)
    z = np.array(heat.z)
    np.testing.assert_allclose(z[:, :-1].sum(axis=1), z[:, -1], atol=1e-10)
    np.testing.assert_allclose(np.sort(z[:, -1]), np.sort(table["log_odds"]), atol=1e-12)
    assert list(z[:, -1]) == sorted(z[:, -1], reverse=True)


def test_every_household_is_in_a_cell() -> None:
    heat = explanation_pair.households(made_explanation.comparison()).data[0]
    assert np.nansum(np.array(heat.z, dtype=float)) == made_explanation.ROWS


def test_sources_that_add_nothing_are_not_drawn() -> None:
    fig = explanation_pair.departments(made_explanation.departments())
    assert [len(t.x) for t in fig.data] == [2, 2, 2, 2] and fig.layout.yaxis2.showticklabels is False


def test_own_curves_are_drawn_only_where_they_were_asked_for() -> None:
    assert len(explanation_effects.curves(made_explanation.effects("ice")).data) == 3
    lines = explanation_effects.curves(made_explanation.effects("pdp")).data
    assert len(lines) == 2 and lines[0].error_y.array is not None
    assert made.HOSTILE not in explanation_effects.curves(made_explanation.effects()).to_json()
