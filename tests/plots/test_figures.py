"""What holds for every figure: the numbers of the result and no others, inert texts, a note on n, quiet defaults."""

import importlib
import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from creditlab import plots
from creditlab.errors import ColumnError, InputError
from creditlab.plots import (
    binning,
    binning_views,
    explanation,
    loans,
    means,
    rejects,
    scorecard,
    strategy,
    theme,
    validation,
    village,
    village_space,
    village_why,
)
from creditlab.village import funnel_limits
from tests.plots import made, made_explanation, made_loans, made_portraits, made_space, made_why

SCORES = pd.DataFrame({"points": np.arange(200) % 90, "bad": np.arange(200) % 5 == 0})
DRAWN = {
    "binning.bad_rate": lambda: binning.bad_rate(made.bins()),
    "binning.woe": lambda: binning.woe(made.bins()),
    "binning.iv": lambda: binning.iv(
        pd.DataFrame({"name": ["crop", "deposit", made.HOSTILE], "iv": [0.1, 0.3, 0.2], "n": 1000}), made.LABELS
    ),
    "binning.by_period": lambda: binning.by_period(made.binner().result_["deposit"]),
    "binning.grid": lambda: binning.grid(made.binner().result_, labels=made.LABELS),
    "binning_views.compare": lambda: binning_views.compare(made.seen()["deposit"], labels=made.LABELS),
    "binning_views.by_period": lambda: binning_views.by_period(made.seen()[made.HOSTILE]),
    "binning_views.by_group": lambda: binning_views.by_group(made.seen()["deposit"], "village"),
    "binning_views.iv_by_scope": lambda: binning_views.iv_by_scope(made.seen(), made.LABELS),
    "means.mean": lambda: means.mean(made.means().result_[made.HOSTILE], unit=made.HOSTILE),
    "rejects.band": lambda: rejects.band(made.reject_band(), made.reject_band()),
    "rejects.gains": lambda: rejects.gains(made.reject_band()),
    "scorecard.points": lambda: scorecard.points(made.points()),
    "scorecard.coefficients": lambda: scorecard.coefficients(made.coefficients()),
    "scorecard.score_distribution": lambda: scorecard.score_distribution(SCORES),
    "strategy.captured": lambda: strategy.captured(made.gains()),
    "strategy.trade_off": lambda: strategy.trade_off(made.sweep()),
    "strategy.profit": lambda: strategy.profit(made.sweep()),
    "validation.roc": lambda: validation.roc(made.validation()),
    "validation.calibration": lambda: validation.calibration(made.validation()),
    "validation.tests": lambda: validation.tests(made.validation()),
    "validation.family": lambda: validation.family(made.family()),
    "validation.changes": lambda: validation.changes(made.changes()),
    "village.funnel": lambda: village.funnel(made.villages()),
    "village.caterpillar": lambda: village.caterpillar(made.villages()),
    "village.top_k": lambda: village.top_k(made.made(made.villages(), top=3)),
    "village.map": lambda: village.map(made.villages(), made.geojson()),
    "village_space.scatter": lambda: village_space.scatter(made_space.moran(), made_why.NAMES),
    "village_space.clusters": lambda: village_space.clusters(
        made_space.local(), made_space.polygons(), names=made_why.NAMES
    ),
    "village_space.blocks": lambda: village_space.blocks(made_space.scan(), xy=made_space.xy(), names=made_why.NAMES),
    "village_why.gap": lambda: village_why.gap(made_why.gap(), made_why.NAMES),
    "village_why.criteria": lambda: village_why.criteria(made_why.criteria(), made_why.NAMES),
    "village_why.effects": lambda: village_why.effects(made_why.crossed()),
    "village_why.beside": lambda: village_why.beside(made_why.crossed(), made_why.NAMES),
    "village_why.drivers": lambda: village_why.drivers(made_why.drivers()),
    "village_why.cards": lambda: village_why.cards(made_why.both_cards(), made_why.NAMES),
    "village_why.moves": lambda: village_why.moves(made_why.moves(), 0, made.HOSTILE),
    "village_why.truth": lambda: village_why.truth(made_why.both_cards(), made_why.truth(), made_why.NAMES),
    "explanation.importance": lambda: explanation.importance(made.explanation()),
    "explanation.beeswarm": lambda: explanation.beeswarm(made.explanation()),
    "explanation.by_source": lambda: explanation.by_source(
        pd.DataFrame({"source": ["bank", "tax"], "mean_abs": [0.3, 0.1]})
    ),
    "explanation.household": lambda: explanation.household(made.explanation(), 7),
    **made_explanation.DRAWN,
    **made_loans.DRAWN,
    **made_portraits.DRAWN,
}  # fmt: skip


@pytest.fixture(scope="module")
def drawn():
    return {name: draw() for name, draw in DRAWN.items()}


def traces(fig, name):
    return [t for t in fig.data if (t.name or "").startswith(name)]


def test_every_figure_is_tested():
    areas = [a for a in plots._AREAS if a not in ("land", "theme", "words")]
    public = {f"{a}.{noun}" for a in areas for noun in importlib.import_module(f"creditlab.plots.{a}").__all__}
    assert public == set(DRAWN)


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_has_title_note_theme_and_stays_small(drawn, name):
    fig = drawn[name]
    assert isinstance(fig, go.Figure) and fig.layout.title.text
    assert fig.layout.template.layout.font.family == theme.FONTS
    assert set(fig.layout.meta["note"]) == {"zh", "en"}
    assert len(fig.to_json()) < 60_000


@pytest.mark.parametrize("name", DRAWN)
def test_text_from_data_is_shown_as_written_not_read_as_markup(drawn, name):
    text = json.dumps(json.loads(drawn[name].to_json())).replace("<b>", "").replace("</b>", "").replace("<br>", "")
    assert "<" not in text.replace("<extra></extra>", "").replace("(<0.67)", "")


def test_drawing_leaves_plotly_and_the_data_as_they_were():
    before, frame = pio.templates.default, made.villages()
    village.funnel(frame)
    assert pio.templates.default == before == "plotly"
    pd.testing.assert_frame_equal(frame, made.villages())


def test_the_same_result_gives_the_same_bytes():
    assert DRAWN["village.map"]().to_json() == DRAWN["village.map"]().to_json()
    assert DRAWN["explanation.beeswarm"]().to_json() == DRAWN["explanation.beeswarm"]().to_json()


@pytest.mark.parametrize(
    "draw, frame, column",
    [
        (binning.bad_rate, made.bins(), "bad_rate_lo"),
        (village.funnel, made.villages(), "expected"),
        (village.top_k, made.villages(), "p_top"),
        (loans.npl, made.book().tidy(), "notes_book"),
        (scorecard.points, made.points(), "points"),
    ],
)
def test_a_missing_column_is_named(draw, frame, column):
    with pytest.raises(ColumnError, match=f"Expected the column '{column}'"):
        draw(frame.drop(columns=column))


def test_bad_rate_draws_the_interval_and_leaves_out_empty_bins(drawn):
    (rate,) = traces(drawn["binning.bad_rate"], "坏账率")
    assert list(rate.y) == [0.05, 0.1, 0.2] and len(rate.x) == 3
    np.testing.assert_allclose(rate.error_y.array, [0.01, 0.02, 0.04])
    assert drawn["binning.bad_rate"].layout.meta["note"]["en"] == "n = 1,000"


def test_iv_is_in_order_and_named_in_both_languages(drawn):
    fig = drawn["binning.iv"]
    assert list(fig.data[0].x) == [0.3, 0.2, 0.1]
    assert fig.layout.meta["words"]["存款日均（元） average deposit (yuan)"] == {
        "zh": "存款日均（元）",
        "en": "average deposit (yuan)",
    }


def test_a_coefficient_without_interval_is_hollow_and_the_intercept_is_left_out(drawn):
    (marks,) = drawn["scorecard.coefficients"].data
    assert list(marks.marker.symbol) == ["circle", "circle-open"] and list(marks.x) == [-0.9, -0.4]


def test_score_bars_are_shares_of_each_group(drawn):
    for group in drawn["scorecard.score_distribution"].data:
        assert sum(group.y) == pytest.approx(1) and len(group.y) <= 40
    with pytest.raises(InputError, match="finite points"):
        scorecard.score_distribution(pd.DataFrame({"points": [1.0, np.nan]}))


def test_bads_captured_end_at_all_and_carry_their_interval(drawn):
    chance, curve = drawn["strategy.captured"].data
    table = made.gains().tidy()
    assert list(curve.y) == table["cum_bads"].tolist() and curve.y[-1] == curve.x[-1] == 1
    np.testing.assert_allclose(np.asarray(curve.y) + curve.error_y.array, table["cum_bads_hi"])
    assert list(chance.x) == list(chance.y) == [0, 1]


def test_a_cut_off_without_outcomes_has_no_mark_and_good_ones_are_filled(drawn):
    table = made.sweep().tidy()
    (marks,) = drawn["strategy.trade_off"].data
    assert len(marks.x) == table["bad_rate"].notna().sum() == len(table) - 1
    good, behind = drawn["strategy.profit"].data
    assert (good.marker.symbol, behind.marker.symbol) == ("circle", "circle-open")
    assert len(good.x) == table["as_good"].sum() and len(behind.x) == (~table["as_good"]).sum() > 0
    assert made.sweep().plot.profit().to_json() == drawn["strategy.profit"].to_json()


def test_roc_has_a_panel_per_sample_and_the_auc_with_its_interval(drawn):
    fig = drawn["validation.roc"]
    heads = [a.text for a in fig.layout.annotations]
    assert heads[:2] == ["开发样本 development (n=1,000)", "时间外样本 out-of-time (n=1,000)"]
    assert "评分卡 scorecard · AUC 0.710 (0.680–0.740)" in heads


def test_calibration_draws_its_intervals(drawn):
    marks = traces(drawn["validation.calibration"], "评分卡")[0]
    np.testing.assert_allclose(np.asarray(marks.y) + marks.error_y.array, np.asarray(marks.x) + 0.08)


def test_curves_that_are_not_there_are_named():
    only_roc = made.validation().curves.query("curve == 'roc'")
    with pytest.raises(InputError, match="rows of the curve 'calibration'"):
        validation.calibration(only_roc)


def test_verdicts_show_the_worst_grade(drawn):
    counts = {t.name: len(t.x) for t in drawn["validation.tests"].data}
    assert counts == {"合格 pass": 0, "关注 watch": 1, "不合格 fail": 1, "说明 note": 0}


def test_funnel_finds_the_village_outside_and_draws_the_limits_of_chance(drawn):
    fig = drawn["village.funnel"]
    (outside,) = traces(fig, "超出 99.8%")
    assert list(outside.x) == [10.0] and list(outside.y) == [3.0] and "石桥村 V00" in outside.customdata[0][0]
    assert len(traces(fig, "超出 95%")[0].x) == 1  # 2 bads where 10 were expected
    lower, upper = traces(fig, "99.8% 控制限")
    limits = funnel_limits(np.asarray(upper.x), level=0.998).tidy()
    np.testing.assert_allclose(upper.y, limits["hi"])
    np.testing.assert_allclose(lower.y, limits["lo"])
    assert "11 of 12 villages" in fig.layout.meta["note"]["en"]  # nothing was expected in one


def test_caterpillar_is_in_order_and_keeps_namesakes_apart(drawn):
    fig = drawn["village.caterpillar"]
    estimates = np.asarray(traces(fig, "收缩后")[0].x)
    assert (np.diff(estimates) <= 0).all()
    names = fig.layout.yaxis.ticktext
    assert len(set(names)) == 12 and {"李庄村 V02", "李庄村 V03"} <= set(names)
    assert len(village.caterpillar(made.villages(), most=5).layout.yaxis.ticktext) == 5


def test_map_has_five_classes_with_or_without_polygons(drawn):
    assert sum(t.fill == "toself" for t in drawn["village.map"].data) == 5
    dots = village.map(made.villages())
    assert sum(len(t.x) for t in dots.data) == 12 and not any(t.fill for t in dots.data)
    with pytest.raises(InputError, match="columns x and y, or a geojson"):
        village.map(made.villages().drop(columns=["x", "y"]))


def test_beeswarm_draws_quantiles_not_households(drawn):
    swarm = [t for t in drawn["explanation.beeswarm"].data if t.mode == "markers"]
    assert all(len(t.x) == 200 for t in swarm)
    values = made.explanation().values["deposit"]
    assert min(swarm[0].x) == values.min() and max(swarm[0].x) == values.max()


def test_household_steps_add_up_to_its_log_odds():
    e = made.explanation()
    (steps,) = explanation.household(e, 7, most=2).data
    assert steps.x[0] + sum(steps.x[1:-1]) == pytest.approx(steps.x[-1]) == pytest.approx(-2 + e.values.loc[7].sum())
    with pytest.raises(InputError, match="a row of the explanation"):
        explanation.household(e, "absent")


def test_npl_by_count_and_by_balance_are_two_figures():
    table = loans.npl_by_month(made.book())
    assert table["by_count"].tolist() == [0.2, 0.1] and table["by_balance"].tolist() == [0.3, 0.05]


def test_reconciliation_draws_only_what_differs(drawn):
    (bar,) = drawn["loans.reconciliation"].data
    assert list(bar.y) == [-4.0] and bar.name == "损失 loss"
    nothing = made.book().tidy().assign(balance_difference=0.0)
    assert len(loans.reconciliation(nothing).data) == 0


def test_palette_can_be_told_from_its_ground():
    def luminance(colour):
        parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for dark in (False, True):
        ground = luminance(theme.colour("paper", dark))
        for name in ("blue", "vermilion", "green", "purple", "grey", "ochre", "ink"):
            pair = sorted([luminance(theme.colour(name, dark)), ground])
            assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 3, (name, dark)  # WCAG 1.4.11


def test_clip_keeps_both_ends_and_escapes():
    assert theme.clip("a" * 50, 9) == "aaaa…aaaa" and theme.clip("<b>") == "&lt;b&gt;"


def test_unknown_word_and_colour_are_named():
    with pytest.raises(InputError, match="a word of the glossary"):
        theme.axis("no such word")
    with pytest.raises(InputError, match="one of blue"):
        theme.colour("pink")
