"""Figures of the agricultural calendar: when payments fall due and arrears show, and rates that plans share."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from creditlab.plots import theme
from creditlab.plots.loans.ledger import DASHES, LINES, SYMBOLS, TOP
from creditlab.plots.words import WORDS, Text, word


def _plan(name: str) -> str:
    return WORDS[name].both if name in WORDS else theme.clip(name)


def calendar(result: Any, value: str = "overdue_share") -> go.Figure:
    """The share of loan-months with arrears by calendar month, a line per repayment plan, with intervals.

    `value` may be 'due' (notes falling due) or 'new_bad' (notes passing the threshold) instead.
    """
    needed = ["plan", "month", "months", "due", "new_bad", "overdue_share", "lo", "hi"]
    table = theme.rows(result, needed, "plots.loans.calendar")
    note = [
        Text(f"借据月 n = {table['months'].sum():,}", f"loan-months n = {table['months'].sum():,}"),
        theme.intervals(getattr(result, "level", None)) if value == "overdue_share" else "",
    ]
    fig = theme.figure("calendar", note, height=420, margin=TOP)
    for i, plan in enumerate(dict.fromkeys(table["plan"])):
        part = table[table["plan"] == plan]
        share = value == "overdue_share"
        fig.add_scatter(
            x=part["month"] + (i - 2) * 0.06,
            y=part[value].round(6),
            mode="lines+markers",
            name=_plan(plan),
            line={"color": theme.colour(LINES[i % len(LINES)]), "dash": DASHES[i % len(DASHES)]},
            marker={"symbol": SYMBOLS[i % len(SYMBOLS)], "size": 7},
            error_y=theme.spread(part[value], part["lo"], part["hi"]) if share else None,
            customdata=part[["month", "months", "due", "new_bad"]].to_numpy(),
            hovertemplate=theme.hover(
                {"calendar_month": "%{customdata[0]}", value: "%{y:.1%}" if share else "%{y:,}",
                 "n": "%{customdata[1]:,}", "due": "%{customdata[2]:,}", "new_bad": "%{customdata[3]:,}"}, _plan(plan)
            ),
        )  # fmt: skip
    unit = {"tickformat": ".0%"} if value == "overdue_share" else {}
    return fig.update_layout(
        xaxis=theme.axis("calendar_month", tickvals=list(range(1, 13)), range=[0.5, 12.5], showgrid=False),
        yaxis=theme.axis(value, "%" if value == "overdue_share" else "", rangemode="tozero", **unit),
    )


def comparable(result: Any) -> go.Figure:
    """Arrears of each plan: over all open notes (hollow), and over the notes that came to their test in the last
    year."""
    needed = ["plan", "notes", "raw", "tested", "comparable", "lo", "hi", "untested_share"]
    table = theme.rows(result, needed, "plots.loans.comparable")
    note = [
        Text(
            f"在贷 n = {table['notes'].sum():,} 笔，一年内到期可判 n = {table['tested'].sum():,} 笔",
            f"open n = {table['notes'].sum():,} notes, tested within a year n = {table['tested'].sum():,}",
        )
    ]
    fig = theme.figure("comparable", note, height=160 + 52 * len(table), margin=TOP)
    labels = [f"{_plan(r.plan)} (n={r.tested:,})" for r in table.itertuples()]
    fig.add_scatter(
        x=table["raw"],
        y=labels,
        mode="markers",
        name=word("raw"),
        marker={"color": theme.colour("grey"), "symbol": "circle-open", "size": 10},
        customdata=table[["notes", "untested_share"]].to_numpy(),
        hovertemplate=theme.hover({"raw": "%{x:.1%}", "n": "%{customdata[0]:,}", "untested": "%{customdata[1]:.0%}"}),
    )
    fig.add_scatter(
        x=table["comparable"],
        y=labels,
        mode="markers",
        name=word("comparable_rate"),
        marker={"color": theme.colour("vermilion"), "size": 10},
        error_x=theme.spread(table["comparable"], table["lo"], table["hi"]),
        customdata=table[["lo", "hi"]].to_numpy(),
        hovertemplate=theme.hover(
            {"comparable_rate": "%{x:.1%}", "interval": "%{customdata[0]:.1%} … %{customdata[1]:.1%}"}
        ),
    )
    return fig.update_layout(
        xaxis=theme.axis("overdue_share", "%", tickformat=".0%", rangemode="tozero"),
        yaxis={"autorange": "reversed", "type": "category", "automargin": True},
    )
