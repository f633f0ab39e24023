"""Figures of why villages differ: the gap in parts, the criteria, officers beside villages, drivers, moves by quarter.

They draw the results of `creditlab.village` that a study keeps under `study.why`. Each takes `names` (village → name)
where villages are listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from creditlab.checks import check_columns
from creditlab.errors import InputError, message
from creditlab.plots import theme
from creditlab.plots.words import Text, word
from creditlab.village.criteria import CRITERIA

__all__ = ["beside", "cards", "criteria", "drivers", "effects", "gap", "moves", "truth"]

#: villages in a figure that lists them by name; the table has them all
MOST = 20
#: sources drawn by themselves, the others are added up
SOURCES = 4
#: state of a criterion → glossary word, colour, mark
_STATES = {
    "bad": ("clearly_worse", "vermilion", "square"),
    "unclear": ("not_clear", "blue", "circle"),
    "good": ("clearly_better", "green", "triangle-down"),
    "no data": ("no_data", "grey", "circle-open"),
}
#: verdict on village and officer → glossary word, colour, mark
_VERDICTS = {
    "village": ("verdict_village", "vermilion", "square"),
    "officer": ("verdict_officer", "purple", "diamond"),
    "not told apart": ("verdict_not_told_apart", "ochre", "x"),
    "not clear": ("not_clear", "sky", "circle"),
}
#: marks of a ratio on a log axis, and room above the figure for a note of two lines and a legend
_TICKS = [0.1, 0.2, 0.33, 0.5, 0.67, 1, 1.5, 2, 3, 5]
_TALL = {"t": 116}
_FILL = (("blue", ""), ("sky", "/"), ("green", ""), ("purple", "\\"), ("grey", "."))


def gap(
    result: Any, names: Mapping[Any, str] | None = None, labels: Mapping[str, Text] | None = None, most: int = MOST
) -> go.Figure:
    """The gap of each village to the county as bars of its parts, the largest context on top; a mark for the gap.

    Parameters
    ----------
    result : a `VillageGap`. labels : source → bilingual label.
    """
    wide = result.by_source()
    order = wide["context"].sort_values(ascending=False, kind="stable").index[:most]
    drawn = wide.loc[order]
    sources = [c for c in wide.columns if c not in ("context", "noise", "gap")]
    large = list(drawn[sources].abs().mean().sort_values(ascending=False, kind="stable").index[:SOURCES])
    note = [theme.of(len(drawn), len(wide), "村", "villages"), theme.sample(result.tidy()["n"].sum())]
    fig = theme.figure("gap_parts", note, height=190 + 24 * len(drawn), barmode="relative")
    texts = {s: (labels or {}).get(s, Text.same(s)) for s in large}
    shown = theme.show_labels(fig, list(texts.values()))
    bars = [(name, drawn[s], fill) for name, s, fill in zip(shown, large, _FILL, strict=False)]
    rest = [s for s in sources if s not in large]
    if rest:
        bars.append((word("other_sources"), drawn[rest].sum(axis=1), _FILL[4]))
    bars += [(word("context"), drawn["context"], ("vermilion", "")), (word("noise"), drawn["noise"], ("mist", "x"))]
    place = np.arange(len(drawn))
    for name, values, (colour, pattern) in bars:
        fig.add_bar(
            x=values,
            y=place,
            orientation="h",
            name=name,
            marker={"color": theme.colour(colour), "pattern": {"shape": pattern, "solidity": 0.25}},
            hovertemplate=f"{name}: %{{x:+.1%}}<extra></extra>",
        )
    fig.add_scatter(
        x=drawn["gap"],
        y=place,
        mode="markers",
        name=word("gap"),
        marker={"symbol": "diamond", "size": 9, "color": theme.colour("ink")},
        hovertemplate=theme.hover({"gap": "%{x:+.1%}"}),
    )
    fig.add_vline(x=0, line={"color": theme.colour("ink"), "width": 1})
    return fig.update_layout(
        xaxis=theme.axis("gap", "%", tickformat="+.0%"), yaxis=_listed(drawn.index, names), margin={"l": 40, "t": 120}
    )


def criteria(result: Any, names: Mapping[Any, str] | None = None, most: int = MOST) -> go.Figure:
    """Each village on the three criteria, side by side, with intervals; the highest bad-loan share on top.

    A criterion that no village has an estimate of has no panel.
    """
    from plotly.subplots import make_subplots

    needed = ["village", "criterion", "estimate", "lo", "hi", "p_above", "state"]
    table = theme.rows(result, needed, "plots.village_why.criteria")
    first = table[table["criterion"] == "bad_share"].sort_values("estimate", ascending=False, kind="stable")
    order = first["village"].tolist()[:most]
    known = set(table.loc[table["estimate"].notna(), "criterion"])
    panels = [name for name in CRITERIA if name in known] or list(CRITERIA)
    titles = [Text(*CRITERIA[name]).both for name in panels]
    fig = make_subplots(rows=1, cols=len(panels), shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.03)
    note = [theme.of(len(order), len(first), "村", "villages"), theme.intervals(_fact(result, "level"))]
    fig.update_layout(theme.figure("three_criteria", note, height=190 + 22 * len(order)).layout)
    shown: set[str] = set()
    for column, name in enumerate(panels, start=1):
        part = table[table["criterion"] == name].set_index("village").reindex(order).reset_index()
        for state, (label, colour, symbol) in _STATES.items():
            rows = part[(part["state"] == state) & part["estimate"].notna()]
            fig.add_scatter(
                x=rows["estimate"],
                y=rows["village"].map({v: i for i, v in enumerate(order)}),
                mode="markers",
                name=word(label),
                legendgroup=state,
                showlegend=label not in shown and len(rows) > 0,
                marker={"color": theme.colour(colour), "symbol": symbol, "size": 8},
                error_x=theme.spread(rows["estimate"], rows["lo"], rows["hi"]),
                customdata=rows[["lo", "hi", "p_above"]].to_numpy(),
                hovertemplate=theme.hover({"level_ratio": "%{x:.2f} (%{customdata[0]:.2f}–%{customdata[1]:.2f})"}),
                row=1,
                col=column,
            )
            shown |= {label} if len(rows) else set()
        fig.add_vline(x=1, line={"color": theme.colour("ink"), "width": 1}, row=1, col=column)
        axis = theme.axis("level_ratio", type="log", tickvals=_TICKS, tickangle=0)
        if column != (len(panels) + 1) // 2:  # three titles of one axis would run into each other
            axis["title"] = None
        fig.update_xaxes(**axis, row=1, col=column)
    fig.update_yaxes(**_listed(order, names), row=1, col=1)
    for column in range(2, len(panels) + 1):
        fig.update_yaxes(autorange="reversed", showgrid=False, row=1, col=column)
    return fig.update_layout(margin={"l": 40, "t": 130}, legend={"y": 1.08})


def effects(result: Any, factor: str = "officer", most: int = MOST) -> go.Figure:
    """The effects of one factor of `crossed_effects`, each given the others, with intervals; the highest on top."""
    table = theme.rows(result, ["factor", "level", "n", "effect", "lo", "hi", "p_above"], "plots.village_why.effects")
    part = table[(table["factor"] == factor) & table["effect"].notna()]
    if not len(part):
        came = f"{factor!r}, among {sorted(table['factor'].unique())}"
        raise InputError(message("a factor with effects", came, "plots.village_why.effects", "Name another factor."))
    drawn = part.sort_values("effect", ascending=False, kind="stable").head(most)
    unit = {"officer": ("经办人", "officers"), "branch": ("支行", "branches")}.get(
        factor, (factor, f"levels of {factor}")
    )
    note = [
        theme.of(len(drawn), len(part), *unit),
        theme.sample(part["n"].sum()),
        theme.intervals(_fact(result, "level")),
    ]
    fig = theme.figure("effects", note, height=150 + 20 * len(drawn), showlegend=False)
    fig.add_scatter(
        x=drawn["effect"],
        y=np.arange(len(drawn)),
        mode="markers",
        marker={
            "color": [theme.colour("vermilion" if p >= 0.9 else "blue") for p in drawn["p_above"]],
            "symbol": ["square" if p >= 0.9 else "circle" for p in drawn["p_above"]],
            "size": 8,
        },
        error_x=theme.spread(drawn["effect"], drawn["lo"], drawn["hi"]),
        customdata=drawn[["n", "p_above"]].to_numpy(),
        hovertemplate=theme.hover({"effect": "%{x:+.2f}", "n": "%{customdata[0]:,}"}),
    )
    fig.add_vline(x=0, line={"color": theme.colour("ink"), "width": 1})
    return fig.update_layout(xaxis=theme.axis("effect"), yaxis=_listed(drawn["level"], None), margin={"l": 40})


def beside(result: Any, names: Mapping[Any, str] | None = None) -> go.Figure:
    """Each village's own effect against that of its officers and branch: who is high, and where it cannot be said."""
    table = result.villages
    check_columns(table, ["village", "n", "effect", "beside", "verdict", "main_officer"], "plots.village_why.beside")
    drawn = table[table["effect"].notna()]
    fig = theme.figure("beside", [theme.of(len(drawn), len(table), "村", "villages")], height=480, margin=_TALL)
    for verdict, (label, colour, symbol) in _VERDICTS.items():
        part = drawn[drawn["verdict"] == verdict]
        fig.add_scatter(
            x=part["effect"],
            y=part["beside"],
            mode="markers",
            name=word(label),
            marker={"color": theme.colour(colour), "symbol": symbol, "size": 9},
            customdata=np.column_stack(
                [[_label(v, names) for v in part["village"]], part["main_officer"].map(theme.escape), part["n"]]
            )
            if len(part)
            else np.empty((0, 3)),
            hovertemplate=theme.hover(
                {"village_effect": "%{x:+.2f}", "beside_effect": "%{y:+.2f} %{customdata[1]}", "n": "%{customdata[2]}"},
                head="%{customdata[0]}",
            ),
        )
    fig.add_vline(x=0, line={"color": theme.colour("grey"), "width": 1})
    fig.add_hline(y=0, line={"color": theme.colour("grey"), "width": 1})
    return fig.update_layout(xaxis=theme.axis("village_effect"), yaxis=theme.axis("beside_effect"))


def drivers(result: Any) -> go.Figure:
    """The factor on O/E that goes with one standard deviation more of each driver, with intervals."""
    table = theme.rows(result, ["driver", "villages", "ratio", "lo", "hi"], "plots.village_why.drivers")
    drawn = table[table["ratio"].notna()].sort_values("ratio", ascending=False, kind="stable")
    note = [theme.of(len(drawn), len(table), "因素", "drivers"), theme.intervals(_fact(result, "level"))]
    fig = theme.figure("drivers", note, height=150 + 28 * max(len(drawn), 1), showlegend=False)
    clear = (drawn["lo"] > 1) | (drawn["hi"] < 1)
    fig.add_scatter(
        x=drawn["ratio"],
        y=np.arange(len(drawn)),
        mode="markers",
        marker={
            "color": [theme.colour("vermilion" if c else "blue") for c in clear],
            "symbol": ["square" if c else "circle" for c in clear],
            "size": 8,
        },
        error_x=theme.spread(drawn["ratio"], drawn["lo"], drawn["hi"]),
        customdata=drawn[["villages"]].to_numpy(),
        hovertemplate=theme.hover({"ratio_per_sd": "%{x:.2f}", "n": "%{customdata[0]}"}),
    )
    fig.add_vline(x=1, line={"color": theme.colour("ink"), "width": 1})
    labels = getattr(result, "labels", {})
    texts = [Text(*labels[d]) if d in labels else Text.same(d) for d in drawn["driver"]]
    axis = {"tickvals": np.arange(len(drawn)), "ticktext": theme.show_labels(fig, texts), "autorange": "reversed"}
    return fig.update_layout(
        xaxis=theme.axis("ratio_per_sd", type="log", tickvals=[0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.5, 2]),
        yaxis=axis,
        margin={"l": 40},
    )


def cards(result: Any, names: Mapping[Any, str] | None = None) -> go.Figure:
    """O/E of each village under the composition card against the full card, which carries the village's own effect.

    `result` has village, n, estimate (composition card, shrunken) and estimate_full.
    """
    table = theme.rows(result, ["village", "n", "estimate", "estimate_full"], "plots.village_why.cards")
    drawn = table[table[["estimate", "estimate_full"]].notna().all(axis=1)]
    fig = theme.figure("cards", [theme.of(len(drawn), len(table), "村", "villages")], height=460, showlegend=False)
    _diagonal(fig, pd.concat([drawn["estimate"], drawn["estimate_full"]]))
    fig.add_scatter(
        x=drawn["estimate"],
        y=drawn["estimate_full"],
        mode="markers",
        marker={"color": theme.colour("blue"), "size": 8, "opacity": 0.8},
        customdata=np.column_stack([[_label(v, names) for v in drawn["village"]], drawn["n"]]),
        hovertemplate=theme.hover(
            {"composition_ratio": "%{x:.2f}", "full_ratio": "%{y:.2f}", "n": "%{customdata[1]}"},
            head="%{customdata[0]}",
        ),
    )
    axis: dict[str, Any] = {"type": "log", "tickvals": _TICKS}
    return fig.update_layout(xaxis=theme.axis("composition_ratio", **axis), yaxis=theme.axis("full_ratio", **axis))


def moves(result: Any, village: Any, name: str = "") -> go.Figure:
    """Moves to a worse state of one village by quarter, against what the county's level and season lead one to expect.

    `result` has village quarter n worse expected (`study.why.moves`).
    """
    table = theme.rows(result, ["village", "quarter", "n", "worse", "expected"], "plots.village_why.moves")
    part = table[table["village"] == village].sort_values("quarter", kind="stable")
    if not len(part):
        raise InputError(message("a village of the table", repr(village), "plots.village_why.moves", "Check the name."))
    quarters = [f"{q.year}Q{q.quarter}" for q in pd.to_datetime(part["quarter"])]
    note = [Text.same(theme.escape(name or village)), f"n = {part['n'].sum():,}"]
    fig = theme.figure("moves", note, height=380, margin=_TALL)
    fig.add_bar(x=quarters, y=part["worse"], name=word("worse_moves"), marker={"color": theme.colour("sky")})
    fig.add_scatter(
        x=quarters,
        y=part["expected"],
        mode="lines+markers",
        name=word("moves_expected"),
        line={"color": theme.colour("vermilion"), "dash": "dash"},
        marker={"symbol": "diamond", "size": 6},
    )
    return fig.update_layout(xaxis=theme.axis("quarter"), yaxis=theme.axis("worse_moves", rangemode="tozero"))


def truth(result: Any, truth: pd.DataFrame, names: Mapping[Any, str] | None = None) -> go.Figure:
    """Shrunken O/E with its interval against the true O/E, where the truth is known: how far a study can be trusted.

    Parameters
    ----------
    result : village estimate lo hi. truth : village true_ratio.
    """
    table = theme.rows(result, ["village", "estimate", "lo", "hi"], "plots.village_why.truth")
    check_columns(truth, ["village", "true_ratio"], "truth")
    both = table.merge(truth[["village", "true_ratio"]], on="village", how="inner")
    drawn = both[both["estimate"].gt(0) & both["true_ratio"].gt(0)]
    held = (drawn["lo"] <= drawn["true_ratio"]) & (drawn["true_ratio"] <= drawn["hi"])
    share = Text(f"区间含真值 {held.mean():.0%}", f"{held.mean():.0%} of the intervals hold the truth")
    note = [theme.of(len(drawn), len(table), "村", "villages"), share]
    fig = theme.figure("truth", note, height=500, margin=_TALL)
    for label, rows, colour, symbol in (("inside", held, "blue", "circle"), ("outside", ~held, "vermilion", "square")):
        part = drawn[rows]
        fig.add_scatter(
            x=part["true_ratio"],
            y=part["estimate"],
            mode="markers",
            name=word(label),
            marker={"color": theme.colour(colour), "symbol": symbol, "size": 7},
            error_y=theme.spread(part["estimate"], part["lo"], part["hi"]),
            customdata=np.array([[_label(v, names)] for v in part["village"]], dtype=object).reshape(-1, 1),
            hovertemplate=theme.hover({"true_ratio": "%{x:.2f}", "shrunken_ratio": "%{y:.2f}"}, "%{customdata[0]}"),
        )
    _diagonal(fig, drawn["true_ratio"])
    axis: dict[str, Any] = {"type": "log", "tickvals": _TICKS}
    return fig.update_layout(xaxis=theme.axis("true_ratio", **axis), yaxis=theme.axis("shrunken_ratio", **axis))


def _diagonal(fig: go.Figure, values: pd.Series) -> None:
    ends = [float(values.min()), float(values.max())] if len(values) else [1.0, 1.0]
    line = {"color": theme.colour("grey"), "dash": "dash"}
    fig.add_scatter(x=ends, y=ends, mode="lines", showlegend=False, hoverinfo="skip", line=line)


def _listed(villages: Sequence[Any], names: Mapping[Any, str] | None) -> dict[str, Any]:
    # places, not names, carry the rows: two villages may have the same name
    texts = [_label(v, names) for v in villages]
    return {"tickvals": np.arange(len(texts)), "ticktext": texts, "autorange": "reversed", "showgrid": False}


def _label(village: Any, names: Mapping[Any, str] | None) -> str:
    name = None if names is None else names.get(village)
    return theme.clip(f"{name} {village}" if isinstance(name, str) and name != village else village, 26)


def _fact(result: Any, name: str) -> Any:
    return getattr(result, "facts", {}).get(name)
