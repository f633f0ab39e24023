"""Figures of the credit file: conduct, flows, crops and missing sources of a portrait; coverage, pivots, receipts.

Each draws one result: a `Portrait`, a `Coverage`, a `CollectionLedger`, a `Pivot` or a `ReceiptReconciliation`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from creditlab.data.schema import TABLES
from creditlab.features.coverage import STATES
from creditlab.plots import theme
from creditlab.plots.words import Text, word

__all__ = ["conduct", "coverage", "crops", "flows", "heat", "leak", "ledger", "missing", "receipts"]

#: state of a household at a source → colour
_COLOURS = {"reached": "green", "zero": "sky", "not_applicable": "mist", "not_authorised": "vermilion",
            "not_connected": "ochre", "not_collected": "sand"}  # fmt: skip


def conduct(portrait: Any) -> go.Figure:
    """Days past due by month end (bars; of a segment: the share of borrowers over 30 days late) and the balance."""
    months, segment = portrait.months, portrait.subject["kind"] == "segment"
    fig = theme.figure("portrait_conduct", [_subject(portrait)], showlegend=True, margin={"r": 70, "t": 112})
    late = "late_share" if segment else "dpd"
    fig.add_bar(x=months["month"], y=months[late], name=word(late), marker={"color": theme.colour("vermilion")},
                hovertemplate=theme.hover({late: "%{y:.1%}" if segment else "%{y:.0f}"}, "%{x|%Y-%m}"))  # fmt: skip
    fig.add_scatter(x=months["month"], y=months["balance"], yaxis="y2", mode="lines", name=word("balance"),
                    line={"color": theme.colour("blue"), "width": 2, "dash": "dash"},
                    hovertemplate=theme.hover({"balance": "%{y:,.0f}"}, "%{x|%Y-%m}"))  # fmt: skip
    unit, form = ("%", ".0%") if segment else ("days", "")
    return fig.update_layout(
        xaxis=theme.axis("month", tickformat="%Y-%m"), yaxis=theme.axis(late, unit, tickformat=form,
        rangemode="tozero"), yaxis2=theme.axis("balance", "yuan", overlaying="y", side="right", showgrid=False,
    rangemode="tozero"), )  # fmt: skip


def flows(portrait: Any) -> go.Figure:
    """Money in and out by period (bars) and the balance at its end (line), by household."""
    table = portrait.flows
    fig = theme.figure("portrait_flows", [_subject(portrait)], showlegend=True, barmode="group", margin={"t": 112})
    for name, colour in (("inflow", "sky"), ("outflow", "sand")):
        fig.add_bar(x=table["period"], y=table[name], name=word(name), marker={"color": theme.colour(colour)},
                    hovertemplate=theme.hover({name: "%{y:,.0f}"}, "%{x|%Y-%m}"))  # fmt: skip
    fig.add_scatter(x=table["period"], y=table["end_balance"], mode="lines+markers", name=word("end_balance"),
                    line={"color": theme.colour("blue"), "width": 2, "dash": "dash"},
                    hovertemplate=theme.hover({"end_balance": "%{y:,.0f}"}, "%{x|%Y-%m}"))  # fmt: skip
    return fig.update_layout(xaxis=theme.axis("period", tickformat="%Y-%m"), yaxis=theme.axis("amount", "yuan"))


def crops(portrait: Any) -> go.Figure:
    """Area by crop and year, by household."""
    table = portrait.crops
    fig = theme.figure("portrait_crops", [_subject(portrait)], showlegend=True, barmode="stack", margin={"t": 112})
    for crop, colour in zip(sorted(table["crop"].unique()), ("green", "ochre", "vermilion", "purple"), strict=False):
        part = table[(table["crop"] == crop) & (table["area"] > 0)]
        if len(part):
            label = Text(part["zh"].iloc[0], part["en"].iloc[0]).both
            fig.add_bar(x=part["year"].astype("str"), y=part["area"], name=label,
                        marker={"color": theme.colour(colour)},
                        hovertemplate=theme.hover({"area": "%{y:.1f}"}, label))  # fmt: skip
    return fig.update_layout(xaxis=theme.axis("year", type="category"), yaxis=theme.axis("area", "mu"))


def missing(portrait: Any) -> go.Figure:
    """The sources of a portrait: how many households are in which state, reached or missing for which reason."""
    return _states(portrait.missing, "portrait_sources", [_subject(portrait)])


def coverage(result: Any) -> go.Figure:
    """Households of the census by source: reached, a true zero, or the reason why not."""
    long = result.sources()[["source", *STATES]].melt("source", var_name="state", value_name="households")
    never = result.facts["never_reached"]
    note = [
        theme.sample(result.facts["households"]),
        Text(f"{never:,} 户无任何来源", f"{never:,} reached by no source"),
    ]
    return _states(long, "coverage", note)


def _states(long: Any, title: str, note: list[Any]) -> go.Figure:
    totals = long.groupby("source")["households"].transform("sum")
    long = long.assign(share=long["households"] / totals)
    order = list(dict.fromkeys(long["source"]))[::-1]
    fig = theme.figure(title, note, height=140 + 28 * len(order), showlegend=True, barmode="stack", margin={"t": 130})
    names = dict(zip(order, theme.show_labels(fig, [Text(TABLES[s].zh, TABLES[s].en) for s in order]), strict=True))
    for state, colour in _COLOURS.items():
        part = long[(long["state"] == state) & (long["households"] > 0)]
        fig.add_bar(y=part["source"].map(names), x=part["share"], orientation="h", name=Text(*STATES[state]).both,
                    marker={"color": theme.colour(colour), "line": {"color": theme.colour("paper"), "width": 1}},
                    customdata=part[["households"]].to_numpy(),
                    hovertemplate=theme.hover({"share": "%{x:.1%}", "n": "%{customdata[0]:,}"}))  # fmt: skip
    return fig.update_layout(
        xaxis=theme.axis("share", "%", tickformat=".0%", range=[0, 1]),
        yaxis={"categoryorder": "array", "categoryarray": list(names.values())},
    )


def ledger(result: Any) -> go.Figure:
    """What closing each gap would add over all households that have it, by source and action.

    With measured worth: the expected fall in log-loss (nats) with its interval; without: the change in points.
    """
    table = result.sources()
    value, name, unit = ("adds_points", "points", "Σ") if result.worth is None else ("gain", "gain", "nat")
    table = table[table[value] > 0].sort_values(value)
    note: list[Any] = [theme.sample(result.facts["households"])]
    note += [] if result.worth is None else [theme.intervals(result.worth.facts["level"])]
    fig = theme.figure("collection", note, height=160 + 26 * len(table))
    labels = [Text(f"{TABLES[s].zh}：{zh}", f"{TABLES[s].en}: {en}")
              for s, zh, en in zip(table["source"], table["action_zh"], table["action"], strict=True)]  # fmt: skip
    error = {} if result.worth is None else {"error_x": theme.spread(table[value], table["gain_lo"], table["gain_hi"])}
    fig.add_bar(y=theme.show_labels(fig, labels), x=table[value], orientation="h", **error,
                marker={"color": theme.colour("blue")}, customdata=table[["households", "decisions"]].to_numpy(),
                hovertemplate=theme.hover({name: "%{x:,.3g}", "n": "%{customdata[0]:,}",
                                           "tier_moves": "%{customdata[1]:,.0f}"}))  # fmt: skip
    return fig.update_layout(xaxis=theme.axis(name, unit), yaxis={"automargin": True})


def heat(result: Any, most: int = 40) -> go.Figure:
    """A pivot as cells: villages (those with most households) by segment; hidden cells stay empty."""
    values = result.wide()
    counts = result.wide("n").reindex(index=values.index)
    last = counts.columns[-1]
    order = counts[last].drop("total", errors="ignore").sort_values(ascending=False).index[:most]
    rows = [*([v for v in ["total"] if v in values.index]), *order[::-1]]
    values, counts = values.loc[rows], counts.loc[rows]
    note = [Text(*result.label), theme.of(len(order), len(result.wide()) - 1, "村", "villages")]
    fig = theme.figure("pivot", note, height=150 + 18 * len(rows))
    fig.add_heatmap(z=values.to_numpy(dtype="float64"), x=[theme.escape(c) for c in values.columns],
                    y=[theme.escape(v) for v in values.index], colorscale=[[0, "#eef4fa"], [1, theme.colour("blue")]],
                    customdata=counts.to_numpy(dtype="float64"), xgap=1, ygap=1,
                    hovertemplate="%{y} × %{x}<br>%{z:.4g}<br>n %{customdata:,.0f}<extra></extra>")  # fmt: skip
    return fig.update_layout(
        xaxis=theme.axis("segment", type="category"), yaxis=theme.axis("village_code", type="category")
    )


def leak(result: Any) -> go.Figure:
    """AUC with each kind of village rate, under random folds and under folds by village, with the spread of folds."""
    table = theme.rows(result, ["rate", "split", "auc", "lo", "hi", "zh", "en"], "plots.portraits.leak")
    fig = theme.figure(
        "village_leak", [theme.sample(result.facts["rows"])], height=330, showlegend=True, margin={"t": 112}
    )
    labels = dict(
        zip(table["rate"], [Text(zh, en) for zh, en in zip(table["zh"], table["en"], strict=True)], strict=True)
    )
    names = dict(zip(labels, theme.show_labels(fig, list(labels.values()), most=60), strict=True))
    for split, (colour, symbol) in {"random": ("blue", "circle"), "village": ("vermilion", "square")}.items():
        part = table[table["split"] == split]
        fig.add_scatter(
            x=part["auc"], y=part["rate"].map(names), mode="markers", name=word(f"folds_{split}"),
            marker={"color": theme.colour(colour), "symbol": symbol, "size": 11},
            error_x=theme.spread(part["auc"], part["lo"], part["hi"]), hovertemplate="AUC %{x:.3f}<extra></extra>",
        )  # fmt: skip
    return fig.update_layout(
        xaxis={"title": {"text": "AUC"}}, yaxis={"categoryorder": "array", "categoryarray": list(names.values())[::-1]}
    )


def receipts(result: Any, most: int = 20) -> go.Figure:
    """The villages with the largest unexplained difference between books and bank."""
    table = result.villages().head(most).iloc[::-1]
    note = [theme.sample(result.facts["entries"]), theme.of(len(table), result.facts["villages"], "村", "villages")]
    fig = theme.figure("receipts", note, height=140 + 22 * len(table))
    fig.add_bar(y=[theme.escape(v) for v in table["village_id"]], x=table["unexplained_amount"], orientation="h",
                marker={"color": theme.colour("vermilion")},
                customdata=np.column_stack([table["unexplained_share"], table["unexplained"], table["entries"]]),
                hovertemplate=theme.hover({"amount": "%{x:,.0f}", "share": "%{customdata[0]:.1%}",
                                           "n": "%{customdata[1]} / %{customdata[2]}"}, "%{y}"))  # fmt: skip
    return fig.update_layout(xaxis=theme.axis("unexplained", "yuan"), yaxis=theme.axis("village_code", type="category"))


def _subject(portrait: Any) -> str:
    subject = portrait.subject
    return f"{theme.escape(subject['name'])} · {subject['as_of']}"
