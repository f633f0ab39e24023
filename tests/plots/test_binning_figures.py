"""Figures of bins draw the numbers of their tables and views, with their intervals, and say what they leave out."""

from __future__ import annotations

import numpy as np
import pytest

from creditlab.errors import ColumnError, InputError
from creditlab.plots import binning, binning_views
from creditlab.plots.words import Text, word
from tests.plots import made

BINNER, SEEN = made.binner(), made.seen()
VIEW = SEEN["deposit"]


def traces(fig, name):
    return [t for t in fig.data if (t.name or "").startswith(name)]


def ends(trace, axis="y"):
    """The two ends of the error bars of a trace."""
    middle, bars = np.asarray(getattr(trace, axis), dtype=float), getattr(trace, f"error_{axis}")
    return middle - np.asarray(bars.arrayminus, dtype=float), middle + np.asarray(bars.array, dtype=float)


def test_figures_are_reached_from_results():
    table = BINNER.result_["deposit"]
    assert table.plot.bad_rate().to_json() == binning.bad_rate(table).to_json()
    assert table.plot.by_period().to_json() == binning_views.by_period(table.view()).to_json()
    assert VIEW.plot.by_period().to_json() == binning_views.by_period(VIEW).to_json()
    assert SEEN.plot.iv_by_scope().to_json() == binning_views.iv_by_scope(SEEN).to_json()
    assert BINNER.result_.plot.grid().to_json() == binning.grid(BINNER.result_).to_json()


def test_the_rate_by_amount_stands_beside_the_one_by_count():
    table = BINNER.result_["deposit"].tidy().query("n > 0")
    fig = binning.bad_rate(BINNER.result_["deposit"])
    (money,) = traces(fig, word("amount_bad_rate"))
    np.testing.assert_allclose(money.y, table["amount_bad_rate"])
    np.testing.assert_allclose(ends(money), table[["amount_bad_rate_lo", "amount_bad_rate_hi"]].to_numpy().T)
    assert money.marker.symbol == "square-open"  # told apart from the other without colour


def test_a_special_bin_is_called_by_its_meaning_in_each_language():
    table = BINNER.result_["deposit"]
    assert binning.bin_text(table, table.spec.regular) == Text("未接入", "not connected")
    fig = binning.bad_rate(table)
    assert fig.layout.meta["words"]["未接入 not connected"] == {"zh": "未接入", "en": "not connected"}


def test_iv_shows_its_interval_and_what_chance_gives():
    fig = binning.iv(BINNER.result_)
    table = BINNER.result_.tidy().sort_values("iv", ascending=False)
    (interval,), (noise,) = traces(fig, word("interval")), traces(fig, word("iv_noise"))
    np.testing.assert_allclose(ends(interval, "x"), table[["iv_lo", "iv_hi"]].to_numpy().T, atol=1e-12)
    np.testing.assert_allclose(noise.x, table["iv_noise"])
    assert "90% intervals" in fig.layout.meta["note"]["en"]


def test_compare_draws_the_same_bins_of_each_sample_side_by_side():
    fig = binning_views.compare(VIEW)
    for scope in ("train", "held-out"):
        (trace,) = traces(fig, f"{word('bad_rate')} · {binning_views.said_scope(scope)}")
        rows = VIEW.tidy().query("scope == @scope and bin in @VIEW.tidy().query('n > 0')['bin'].unique()")
        drawn = np.asarray(trace.y, dtype=float)
        there = ~np.isnan(np.asarray(trace.customdata, dtype=float)[:, 0])
        np.testing.assert_allclose(drawn[there], rows["bad_rate"])
        assert not there[-2] and np.isnan(drawn[-2])  # the line breaks before the missing: they are no end of the order
        known = rows["n"] > 0
        limits = rows.loc[known, ["bad_rate_lo", "bad_rate_hi"]].to_numpy().T
        np.testing.assert_allclose(np.array(ends(trace))[:, there][:, known], limits, atol=1e-12)
    train, other = traces(fig, word("bad_rate"))
    assert (np.asarray(other.x) > np.asarray(train.x)).all() and other.marker.symbol != train.marker.symbol
    only = binning_views.compare(VIEW, ["2022", "2023"])
    assert len(traces(only, word("bad_rate"))) == 2 and "2022 n = 600" in only.layout.meta["note"]["en"]


def test_by_period_has_a_line_per_bin_that_breaks_where_training_ends():
    fig = binning_views.by_period(VIEW)
    lines = [t for t in fig.data if t.mode == "markers+lines"]
    assert len(lines) == 5  # four ranges and the special code
    first = lines[0]
    rows = VIEW.tidy().query("bin == 0 and kind in ('train period', 'period')")
    drawn = np.asarray(first.y, dtype=float)
    np.testing.assert_allclose(drawn[~np.isnan(drawn)], rows["bad_rate"])
    assert np.isnan(drawn[2])  # the gap
    assert list(first.marker.symbol[:2]) == ["circle"] * 2 and list(first.marker.symbol[3:]) == ["circle-open"] * 2
    assert len({(t.marker.symbol[0], t.line.dash) for t in lines}) == 5  # told apart without colour
    assert list(fig.layout.xaxis.ticktext) == [
        "2022<br>n = 600", "2023<br>n = 600", "2024<br>n = 300", "2025<br>n = 300",
    ]  # fmt: skip


def test_by_group_has_a_panel_per_bin_and_marks_what_lies_apart():
    fig = binning_views.by_group(VIEW, "village")
    rates = VIEW.bins.tidy()["bad_rate"]
    lines = traces(fig, word("rate_in_training"))
    assert [line.y[0] for line in lines] == [rates[k] for k in range(len(lines))]
    rows = VIEW.tidy().query("kind == 'village' and n > 0")
    marked = traces(fig, word("apart"))
    of_bin = rates[rows["bin"]].to_numpy()
    outside = rows[(rows["bad_rate_lo"] > of_bin) | (rows["bad_rate_hi"] < of_bin)]
    assert sum(len(t.x) for t in marked) == len(outside)
    assert sum(len(t.x) for t in traces(fig, word("bad_rate"))) + len(outside) == len(rows)
    assert binning_views.by_group(VIEW).layout.meta["note"]["en"].startswith("5 of 5 groups")  # most scopes: fifths


def test_iv_by_scope_keeps_the_order_of_training():
    fig = binning_views.iv_by_scope(SEEN)
    (train,), (other,) = traces(fig, word("train")), traces(fig, word("held_out"))
    iv = SEEN.wide("iv").sort_values("train", ascending=False)
    np.testing.assert_allclose(train.x, iv["train"])
    np.testing.assert_allclose(other.x, iv["held-out"])


def test_the_grid_takes_the_best_or_the_named():
    assert len(traces(binning.grid(BINNER.result_), word("bad_rate"))) == 3
    fig = binning.grid(BINNER.result_, ["crop"])
    assert len(traces(fig, word("bad_rate"))) == 1 and "1 of 3 features" in fig.layout.meta["note"]["en"]
    with pytest.raises(ColumnError, match="a binned column"):
        binning.grid(BINNER.result_, ["nobody"])


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: binning_views.compare(VIEW, ["nowhere"]), "scopes among train, 2022"),
        (lambda: binning_views.compare(VIEW.tidy()), "a BinView"),
        (lambda: binning_views.by_period(BINNER.without_edits().result_["crop"].on(_crop(), [0, 1])), None),
        (lambda: binning_views.by_group(VIEW, "branch"), "one of"),
        (lambda: binning_views.by_group(BINNER.result_["deposit"].view()), "Give by= or groups="),
        (lambda: binning.grid({}), "a BinningResult"),
    ],
)
def test_what_cannot_be_drawn_says_what_is_missing(call, match):
    if match is None:  # periods of the fit are enough
        assert call().data
        return
    with pytest.raises(InputError, match=match):
        call()


def _crop():
    import pandas as pd

    return pd.Series(["水稻", "水稻"])
