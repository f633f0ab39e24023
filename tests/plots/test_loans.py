"""What the figures of the loan book show: the numbers of their results, n, intervals, the choice that was made."""

from __future__ import annotations

import numpy as np
import pytest

from creditlab import loans as ln
from creditlab.errors import ColumnError
from creditlab.plots import loans
from tests.plots import made_loans as made


def test_ratios_draw_four_views_and_the_add_back_with_bands() -> None:
    result = ln.npl_ratios(made.book(), vintage_months=6)
    fig = result.plot.ratios()
    lines = {t.name: t for t in fig.data if t.name}
    assert len(lines) == 5
    np.testing.assert_allclose(lines["按余额 by balance"].y, result.tidy()["by_balance"])
    bands = [t for t in fig.data if t.fill == "toself"]
    assert len(bands) == 4 and all(t.showlegend is False for t in bands)


def test_classes_by_the_rule_are_shares_of_the_book() -> None:
    result = ln.classify(made.book())
    bars = [t for t in result.plot.classes().data if t.type == "bar"]
    assert len(bars) == 4 and all(0 <= max(t.y) <= 1 for t in bars)
    patterns = {t.marker.pattern.shape for t in bars}
    assert len(patterns) == 4  # told apart in grey


def test_flow_goes_up_and_down_by_what_flowed() -> None:
    result = ln.npl_flow(made.book())
    bars = {t.name: np.array(t.y) for t in result.plot.flow().data if t.type == "bar"}
    assert (bars["新增不良 inflow"] >= 0).all() and (bars["核销 written off"] <= 0).all()
    assert bars["核销 written off"].sum() == pytest.approx(-result.tidy()["written_off"].sum())


def test_transitions_show_each_row_with_its_n() -> None:
    result = ln.transitions(made.book())
    (heat,) = result.plot.transitions().data
    assert "n=" in heat.y[0] and np.array(heat.z).shape == (6, 9)
    shrunken = ln.shrink(ln.transitions(made.book(), "village_id"))
    village = shrunken.tidy()["group"].iloc[0]
    drawn = np.array(shrunken.plot.transitions(village).data[0].z, dtype=float)
    expected = shrunken.tidy().query("group == @village")["estimate"].to_numpy().reshape(drawn.shape)
    np.testing.assert_allclose(drawn, expected)


def test_the_generator_s_cells_are_its_rates_with_intervals_and_final_states_have_no_row() -> None:
    result = made.steps()
    fig = result.plot.generator()
    (heat,) = fig.data
    drawn = np.array(heat.customdata, dtype=float)
    np.testing.assert_allclose(drawn[:, :, 0], result.matrix.to_numpy()[:2])
    limits = result.tidy()[["lo", "hi"]].to_numpy().reshape(3, 3, 2)[:2]
    np.testing.assert_allclose(drawn[:, :, 1:3], limits)
    assert drawn[0, 0, 0] < 0 and np.array(heat.z)[0, 0] == 0
    value, lo, hi = (f"{100 * v:.1f}" if v >= 0.1 else f"{100 * v:.2f}" for v in drawn[0, 1, :3])
    assert heat.text[0][1] == f"{value}<br>[{lo}, {hi}]"
    note = fig.layout.meta["note"]["en"]
    assert note.startswith("n = 500") and "2 of 3 states are left" in note and "90% intervals" in note
    assert fig.layout.xaxis.title.text == "去往状态 state moved to"
    unknown = ln.generator(result.after(1.0)).plot.generator().layout.meta["note"]["en"]
    assert "n = " not in unknown and "counts unknown" in unknown


def test_the_curve_of_a_generator_has_a_bar_at_every_month() -> None:
    curve = made.steps().reached("loss", [1, 6, 12])
    fig = curve.plot.reached()
    for trace, (_, part) in zip(fig.data, curve.tidy().groupby("from", sort=False), strict=True):
        np.testing.assert_allclose(np.array(trace.y) - trace.error_y.arrayminus, part["lo"], atol=1e-8)
        np.testing.assert_allclose(np.array(trace.y) + trace.error_y.array, part["hi"], atol=1e-8)
        assert "n=" in trace.name


def test_the_migration_statistics_show_share_interval_n_and_z_and_leave_blanked_cells_white() -> None:
    # the counts of the example of migration_statistics, with a share that rises on the way out
    counts = [[10, 8, 15, 9, 10], [11, 9, 13, 9, 8], [0, 10, 10, 11, 10], [0, 0, 9, 11, 11], [0, 0, 0, 11, 10]]
    result = ln.migration_statistics(counts)
    fig = result.plot.movement()
    (heat,) = fig.data
    shades, drawn = np.array(heat.z, dtype=float), np.array(heat.customdata, dtype=float)
    for row in result.tidy().itertuples():
        i, j = int(row._1) - 1, int(row.to) - 1
        assert drawn[i, j, 0] == row.n and drawn[i, j, 1] == row.share
        assert f"n={row.n:,}" in heat.text[i][j] and f"[{row.lo:.2%}, {row.hi:.2%}]" in heat.text[i][j]
        assert np.isnan(row.z) or (np.sign(shades[i, j]) == np.sign(row.z) and f"z={row.z:.1f}" in heat.text[i][j])
    assert shades[0, 2] < 0 and np.isnan(np.diag(shades)).all()
    facts = result.facts
    down = f"bandwidth: down 0.607 [{facts['upper_lo']:.3f}, {facts['upper_hi']:.3f}], up 0.331 ["
    assert heat.y[0] == "1 (n=52)" and down in fig.layout.meta["note"]["en"]
    rows = result.tidy()
    few = rows["n"] < 10
    numbers = ["n", "total", "share", "lo", "hi", "z", "p_value"]
    rows[numbers] = rows[numbers].astype(float).mask(few, axis=0)
    (blanked,) = loans.movement(rows).data
    assert np.isnan(np.array(blanked.z, dtype=float)).sum() == 5 + few.sum()
    assert not any(text and "n=" in text and int(text.split("n=")[1].split(",")[0]) < 10
                   for row in blanked.text for text in row)  # fmt: skip


def test_vintages_are_dotted_where_notes_are_missing() -> None:
    result = ln.vintage_curves(made.book(), cohort="cohort_year")
    fig = result.plot.vintages()
    whole = [t for t in fig.data if t.mode == "lines" and t.line.dash != "dot"]
    seen = result.tidy().dropna(subset="estimate")
    assert sum(len(t.x) for t in whole) == len(seen)
    assert any(t.line.dash == "dot" for t in fig.data)
    assert fig.layout.xaxis.title.text == "放款后月数 months since the grant"
    due = ln.vintage_curves(made.book(), clock="due").plot.vintages()
    assert due.layout.xaxis.title.text == "到期后月数 months since the due date"


def test_the_chosen_definition_is_framed_and_cells_that_leave_notes_out_are_marked() -> None:
    fig = made.lab().plot.definition()
    (frame,) = fig.layout.shapes
    x = list(fig.data[0].x).index(made.lab().choice.window)
    y = list(fig.data[0].y).index(str(made.lab().choice.dpd))
    assert (frame.x0 + frame.x1) / 2 == x and (frame.y0 + frame.y1) / 2 == y
    table = made.lab().tidy().set_index(["dpd", "window"])
    texts = np.array(fig.data[0].text)
    for i, dpd in enumerate(fig.data[0].y):
        for j, window in enumerate(fig.data[0].x):
            if (int(dpd), window) in table.index:
                assert ("!" in texts[i, j]) == (table.loc[(int(dpd), window), "refused_notes"] > 0)


def test_the_waterfall_s_bars_hang_from_one_another() -> None:
    sample = ln.performance_sample(made.book(), "2024-01-31")
    (bar,) = sample.plot.waterfall().data
    tops = np.array(bar.base, dtype=float) + np.array(bar.x, dtype=float)
    left = sample.waterfall["left"].to_numpy(dtype=float)
    np.testing.assert_allclose(tops[1:-1], left[:-2])


def test_villages_are_in_order_with_their_intervals() -> None:
    result = ln.hazard_model(made.book(), covariates=[])
    (marks,) = result.plot.hazard(most=3).data
    assert len(marks.x) == 3 and list(marks.x) == sorted(marks.x, reverse=True)
    assert "σ" in result.plot.hazard().layout.meta["note"]["en"]


def test_enforcement_draws_the_stage_that_was_asked_for() -> None:
    result = ln.enforcement(made.tables(), "court")
    for stage in ("enforcement", "closing", "whole"):
        drawn = sum(len(t.x) for t in result.plot.enforcement(stage).data if t.fill != "toself")
        assert drawn == (result.curves["stage"] == stage).sum()


def test_dots_are_the_estimates_with_their_limits_and_n() -> None:
    result = ln.shrink(ln.transitions(made.book(), "village_id"))
    raw, full = result.plot.villages("0", "1-30").data
    part = (
        result.tidy()
        .query("`from` == '0' and to == '1-30'")
        .sort_values(["estimate", "group"], ascending=[False, True])
    )
    np.testing.assert_allclose(full.x, part["estimate"])
    np.testing.assert_allclose(np.array(full.x) + np.array(full.error_x.array), part["hi"])
    np.testing.assert_allclose(raw.x, part["raw"])
    assert all("n=" in label for label in full.y)
    loss = made.expected()
    (dots,) = loss.plot.expected_loss(most=2).data
    assert len(dots.x) == 2 and max(dots.x) <= 1


def test_arrears_of_principal_and_interest_are_lines_apart() -> None:
    result = ln.book_structure(made.book())
    lines = {t.name: t for t in result.plot.structure().data}
    assert len(lines) == 4
    table = result.tidy()
    persons = table[table["kind"] == "person"]
    np.testing.assert_allclose(
        lines["个人：逾期本金 persons: overdue principal"].y, persons["overdue_principal"] / persons["balance"]
    )


def test_a_funnel_never_widens_after_the_grant() -> None:
    for bar in ln.channel_funnel(made.tables()).plot.funnel().data:
        assert bar.y[0] >= bar.y[1] >= bar.y[3] >= bar.y[4]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ColumnError, match="Expected the column 'by_vintage'"):
        loans.ratios(ln.npl_ratios(made.book()).tidy().drop(columns="by_vintage"))
    with pytest.raises(ColumnError, match="Expected the column 'captured'"):
        loans.maturity(made.lab().maturity.drop(columns="captured"))
