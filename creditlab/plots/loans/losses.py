"""Figures of what goes bad and what comes back: village hazards, recoveries, enforcement, channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from creditlab.plots import theme
from creditlab.plots.loans.ledger import DASHES, LINES, SYMBOLS, TOP, band
from creditlab.plots.words import WORDS, Text, word

#: villages in one figure; groups in one figure
MOST, GROUPS = 40, 5


def _name(value: str) -> str:
    return WORDS[value].both if value in WORDS else theme.clip(value)


def hazard(result: Any, most: int = MOST) -> go.Figure:
    """How many times the hazard of an average village each village has, with its interval; the highest on top."""
    table = getattr(result, "villages", result)
    table = theme.rows(table, ["village_id", "notes", "events", "effect", "lo", "hi", "ratio"], "plots.loans.hazard")
    drawn = table.sort_values("effect", ascending=False, kind="stable").head(most).reset_index(drop=True)
    facts = getattr(result, "facts", {})
    sigma = f"σ = {facts['sigma']:.2f}" if "sigma" in facts else ""
    note = [
        theme.of(len(drawn), len(table), "村", "villages"),
        Text(f"坏借据 n = {table['events'].sum():,}", f"bad notes n = {table['events'].sum():,}"),
        sigma,
        theme.intervals(getattr(result, "spec", {}).get("level")),
    ]
    fig = theme.figure("hazard", note, height=150 + 19 * len(drawn), showlegend=False)
    fig.add_scatter(
        x=drawn["ratio"],
        y=[f"{theme.clip(r.village_id)} ({r.events}/{r.notes})" for r in drawn.itertuples()],
        mode="markers",
        marker={"color": theme.colour("blue"), "size": 7},
        error_x=theme.spread(drawn["ratio"], np.exp(drawn["lo"]), np.exp(drawn["hi"])),
        customdata=np.column_stack([np.exp(drawn["lo"]), np.exp(drawn["hi"]), drawn["events"], drawn["notes"]]),
        hovertemplate=theme.hover(
            {"hazard_ratio": "%{x:.2f}", "interval": "%{customdata[0]:.2f} … %{customdata[1]:.2f}",
             "bads": "%{customdata[2]:,}", "n": "%{customdata[3]:,}"}
        ),
    )  # fmt: skip
    fig.add_vline(x=1, line={"color": theme.colour("ink"), "width": 1})
    return fig.update_layout(
        xaxis=theme.axis("hazard_ratio", type="log", dtick="D2"),
        yaxis={"autorange": "reversed", "type": "category", "automargin": True, "title": {"text": word("village")}},
    )


def recoveries(result: Any) -> go.Figure:
    """The share of the balance at default that has come back by each month since, with its interval, a line per
    group."""
    needed = ["group", "month", "notes", "seen", "recovered", "lo", "hi"]
    table = theme.rows(result, needed, "plots.loans.recoveries")
    sizes = table.groupby("group")["notes"].first().sort_values(ascending=False, kind="stable")
    shown = list(sizes.index[:GROUPS])
    note = [
        theme.sample(sizes.sum()),
        theme.of(len(shown), len(sizes), "组", "groups") if len(sizes) > 1 else "",
        theme.intervals(getattr(result, "level", None)),
    ]
    fig = theme.figure("recoveries", note, height=420, margin=TOP)
    for i, name in enumerate(shown):
        part = table[(table["group"] == name) & table["recovered"].notna()]
        band(fig, part["month"], part["lo"], part["hi"], LINES[i])
        fig.add_scatter(
            x=part["month"],
            y=part["recovered"].round(6),
            mode="lines",
            name=f"{_name(name)} (n={int(sizes[name]):,})",
            line={"color": theme.colour(LINES[i]), "dash": DASHES[i]},
            customdata=part[["lo", "hi", "seen"]].round(6).to_numpy(),
            hovertemplate=theme.hover(
                {"month_since_default": "%{x}", "recovered": "%{y:.1%}",
                 "interval": "%{customdata[0]:.1%} … %{customdata[1]:.1%}", "n": "%{customdata[2]:,}"}, _name(name)
            ),
        )  # fmt: skip
    return fig.update_layout(
        xaxis=theme.axis("month_since_default", dtick=6, showgrid=False),
        yaxis=theme.axis("recovered", "%", tickformat=".0%", rangemode="tozero"),
    )


def enforcement(result: Any, stage: str = "enforcement") -> go.Figure:
    """The share of cases that have come through a stage by each day, with its interval; running cases are counted.

    `stage` is 'enforcement' (from filing), 'closing' (from enforcement) or 'whole'. `result` is an `Enforcement`, or
    its `curves`.
    """
    from creditlab.loans.court import STAGES

    table = getattr(result, "curves", result)
    table = theme.rows(table, ["stage", "group", "day", "at_risk", "estimate", "lo", "hi"], "plots.loans.enforcement")
    table = table[table["stage"] == stage]
    sizes = table.groupby("group")["at_risk"].max().sort_values(ascending=False, kind="stable")
    shown = list(sizes.index[:GROUPS])
    zh, en = STAGES[stage][2:]
    note = [
        Text(zh, en),
        Text(
            f"案件 n = {int(sizes.max()) if len(sizes) else 0:,}",
            f"cases n = {int(sizes.max()) if len(sizes) else 0:,}",
        ),
        theme.intervals(getattr(result, "level", None)),
    ]
    fig = theme.figure("enforcement_time", note, height=420, margin=TOP, showlegend=len(shown) > 1)
    for i, name in enumerate(shown):
        part = table[table["group"] == name]
        band(fig, part["day"], part["lo"], part["hi"], LINES[i])
        fig.add_scatter(
            x=part["day"],
            y=part["estimate"].round(6),
            mode="lines",
            name=f"{_name(name)} (n={int(sizes[name]):,})",
            line={"color": theme.colour(LINES[i]), "dash": DASHES[i], "shape": "hv"},
            customdata=part[["lo", "hi", "at_risk"]].round(6).to_numpy(),
            hovertemplate=theme.hover(
                {"days": "%{x}", "done": "%{y:.0%}", "interval": "%{customdata[0]:.0%} … %{customdata[1]:.0%}",
                 "n": "%{customdata[2]:,}"}, _name(name)
            ),
        )  # fmt: skip
    fig.add_hline(y=0.5, line={"color": theme.colour("grey"), "dash": "dot", "width": 1})
    return fig.update_layout(
        xaxis=theme.axis("days", rangemode="tozero", showgrid=False),
        yaxis=theme.axis("done", "%", tickformat=".0%", range=[0, 1.02]),
    )


def channels(result: Any) -> go.Figure:
    """Approvals and bads of each channel against what the bank's rates give for the same mixture (O/E), with
    intervals."""
    columns = [f"{name}_oe{end}" for name in ("approval", "bad") for end in ("", "_lo", "_hi")]
    table = theme.rows(result, ["channel", "applied", "granted", "judged", *columns], "plots.loans.channels")
    note = [
        Text(
            f"申请 n = {table['applied'].sum():,}，可判借据 n = {table['judged'].sum():,}",
            f"applications n = {table['applied'].sum():,}, judged notes n = {table['judged'].sum():,}",
        ),
        theme.intervals(getattr(result, "level", None)),
    ]
    fig = theme.figure("channels", note, height=170 + 56 * len(table), margin=TOP)
    place = np.arange(len(table))
    for i, (name, colour) in enumerate((("approval_oe", "blue"), ("bad_oe", "vermilion"))):
        fig.add_scatter(
            x=table[name],
            y=place + (i - 0.5) * 0.22,
            mode="markers",
            name=word(name),
            marker={"color": theme.colour(colour), "symbol": SYMBOLS[i], "size": 10},
            error_x=theme.spread(table[name], table[f"{name}_lo"], table[f"{name}_hi"]),
            customdata=table[[f"{name}_lo", f"{name}_hi", "applied", "judged"]].to_numpy(),
            hovertemplate=theme.hover(
                {name: "%{x:.2f}", "interval": "%{customdata[0]:.2f} … %{customdata[1]:.2f}",
                 "applied": "%{customdata[2]:,}", "judged": "%{customdata[3]:,}"}
            ),
        )  # fmt: skip
    fig.add_vline(x=1, line={"color": theme.colour("ink"), "width": 1})
    ticks = [f"{_name(r.channel)} (n={r.applied:,})" for r in table.itertuples()]
    return fig.update_layout(
        xaxis=theme.axis("ratio"),
        yaxis={"tickvals": place.tolist(), "ticktext": ticks, "autorange": "reversed", "automargin": True},
    )
