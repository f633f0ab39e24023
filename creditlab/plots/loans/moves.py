"""Figures of moves counted month by month: transition matrices, roll rates, vintage curves, renewals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from creditlab.plots import theme
from creditlab.plots.loans.ledger import LINES, SYMBOLS, TOP
from creditlab.plots.words import WORDS, Text

#: dashes of complete curves; dots are for what is not complete
WHOLE = ("solid", "dash", "longdash", "dashdot", "longdashdot")
#: curves in one figure; more cannot be told apart
MOST = 6
#: of shares and rates: white for none
SHADES = [[0, theme.colour("paper")], [0.15, theme.colour("sky")], [1, theme.colour("blue")]]


def state_label(name: str) -> str:
    """A state as a reader calls it: a word of the glossary, or days past due."""
    return WORDS[name].both if name in WORDS else theme.clip(name)


def transitions(result: Any, group: str = "all") -> go.Figure:
    """Where the notes of each state are a month later: a row of probabilities per state, with n at its end.

    `result` is `Transitions` or shrunken ones, with `group from to total estimate lo hi`.
    """
    table = theme.rows(result, ["group", "from", "to", "total", "estimate", "lo", "hi"], "plots.loans.transitions")
    groups = list(dict.fromkeys(table["group"]))
    part = table[table["group"] == (group if group in groups else groups[0])]
    rows, columns = list(dict.fromkeys(part["from"])), list(dict.fromkeys(part["to"]))
    shares = part.pivot(index="from", columns="to", values="estimate").reindex(index=rows, columns=columns)
    n = part.groupby("from")["total"].first().reindex(rows)
    note = [
        theme.sample(n.sum()),
        Text(f"分组：{theme.clip(part['group'].iloc[0])}", f"group: {theme.clip(part['group'].iloc[0])}"),
        theme.intervals(getattr(result, "level", None)),
    ]
    fig = theme.figure("transitions", note, height=150 + 46 * len(rows))
    bounds = part.set_index(["from", "to"])[["lo", "hi"]].reindex(
        pd.MultiIndex.from_product([rows, columns])
    )  # fmt: skip
    custom = bounds.to_numpy().reshape(len(rows), len(columns), 2)
    values = shares.to_numpy(dtype=float)
    return square(
        fig,
        values,
        [["" if np.isnan(v) or v == 0 else f"{v:.1%}" for v in row] for row in values],
        (rows, columns),
        n,
        customdata=custom,
        colorscale=SHADES,
        zmin=0,
        zmax=1,
        hovertemplate=theme.hover(
            {"state": "%{y}", "next_state": "%{x}", "share": "%{z:.2%}",
             "interval": "%{customdata[0]:.2%} … %{customdata[1]:.2%}"}
        ),
    )  # fmt: skip


def square(
    fig: go.Figure,
    values: Any,
    texts: list[list[str]],
    names: tuple[Any, Any],
    n: pd.Series | None = None,
    to: str = "next_state",
    **options: Any,
) -> go.Figure:
    """A heatmap: cells by state (rows, with the n of each where known) and next state."""
    sizes = {} if n is None else {name: f" (n={int(size):,})" for name, size in n.items() if pd.notna(size)}
    fig.add_heatmap(
        z=values,
        x=[state_label(name) for name in names[1]],
        y=[f"{state_label(name)}{sizes.get(name, '')}" for name in names[0]],
        text=texts,
        texttemplate="%{text}",
        xgap=2,
        ygap=2,
        showscale=False,
        **options,
    )
    return fig.update_layout(
        xaxis=theme.axis(to, side="bottom", type="category", showgrid=False),
        yaxis=theme.axis("state", autorange="reversed", type="category", showgrid=False),
    )


def roll_rates(result: Any) -> go.Figure:
    """The share of the notes in each state that is worse a month later, with its interval, a mark per group."""
    table = theme.rows(result, ["group", "from", "n", "worse", "worse_lo", "worse_hi"], "plots.loans.roll_rates")
    shown = list(dict.fromkeys(table["group"]))[:MOST]
    note = [
        theme.sample(table.loc[table["group"] == shown[0], "n"].sum()),
        theme.of(len(shown), table["group"].nunique(), "组", "groups") if table["group"].nunique() > 1 else "",
    ]
    fig = theme.figure("roll_rates", note, height=420, margin=TOP)
    states = list(dict.fromkeys(table["from"]))
    for i, name in enumerate(shown):
        part = table[(table["group"] == name) & (table["n"] > 0)]
        place = np.array([states.index(s) for s in part["from"]]) + (i - (len(shown) - 1) / 2) * 0.12
        fig.add_scatter(
            x=place,
            y=part["worse"],
            mode="markers",
            name=state_label(name),
            marker={"color": theme.colour(LINES[i]), "symbol": SYMBOLS[i], "size": 8},
            error_y=theme.spread(part["worse"], part["worse_lo"], part["worse_hi"]),
            customdata=part[["n", "worse_lo", "worse_hi"]].to_numpy(),
            hovertemplate=theme.hover(
                {
                    "worse": "%{y:.1%}",
                    "interval": "%{customdata[1]:.1%} … %{customdata[2]:.1%}",
                    "n": "%{customdata[0]:,}",
                },
                state_label(name),
            ),
        )
    ticks: dict[str, Any] = {"tickvals": list(range(len(states))), "ticktext": [state_label(s) for s in states]}
    return fig.update_layout(
        xaxis=theme.axis("state", **ticks, showgrid=False),
        yaxis=theme.axis("worse", "%", tickformat=".0%", range=[0, 1]),
        showlegend=len(shown) > 1,
    )


def vintages(result: Any, group: str | None = None) -> go.Figure:
    """The share of each cohort that was ever bad by each age; dashed where younger notes are still missing.

    `result` has `group cohort age n estimate lo hi product_limit`; `group` says whose cohorts, by default the first.
    Error bars at the last complete age of a cohort.
    """
    needed = ["group", "cohort", "age", "n", "bad", "n_seen", "estimate", "lo", "hi", "product_limit"]
    table = theme.rows(result, needed, "plots.loans.vintages")
    groups = list(dict.fromkeys(table["group"]))
    part = table[table["group"] == (group if group in groups else groups[0])]
    cohorts = sorted(set(part["cohort"]))[-2 * MOST :]
    last = part[part["age"] == part["age"].max()]
    note = [
        theme.sample(last["n"].sum()),
        Text(f"分组：{theme.clip(part['group'].iloc[0])}", f"group: {theme.clip(part['group'].iloc[0])}"),
        theme.intervals(getattr(result, "level", None)),
    ]
    fig = theme.figure("vintages", note, height=440, margin=TOP)
    for i, cohort in enumerate(cohorts):
        curve = part[part["cohort"] == cohort]
        _curve(fig, curve, theme.clip(cohort), i)
    due = getattr(result, "clock", "grant") == "due"
    return fig.update_layout(
        xaxis=theme.axis("age_due" if due else "age", showgrid=False),
        yaxis=theme.axis("ever_bad", "%", tickformat=".1%", rangemode="tozero"),
    )


def _curve(fig: go.Figure, curve: pd.DataFrame, name: str, i: int) -> None:
    colour = theme.colour(LINES[i % len(LINES)])
    whole = curve[curve["estimate"].notna()]
    rest = curve[curve["product_limit"].notna() & (curve["age"] >= (whole["age"].max() if len(whole) else -1e9))]
    label = f"{name} (n={int(curve['n'].iloc[0]):,})"
    if len(whole):
        fig.add_scatter(
            x=whole["age"],
            y=whole["estimate"].round(6),
            mode="lines",
            name=label,
            legendgroup=name,
            line={"color": colour, "dash": WHOLE[i % len(WHOLE)]},
            customdata=whole[["bad", "lo", "hi"]].round(6).to_numpy(),
            hovertemplate=theme.hover(
                {"age": "%{x}", "ever_bad": "%{y:.2%}", "bads": "%{customdata[0]:,}",
                 "interval": "%{customdata[1]:.2%} … %{customdata[2]:.2%}"}, label
            ),
        )  # fmt: skip
        end = whole.iloc[[-1]]
        fig.add_scatter(
            x=end["age"],
            y=end["estimate"],
            mode="markers",
            marker={"color": colour, "symbol": SYMBOLS[i % len(SYMBOLS)], "size": 8},
            error_y=theme.spread(end["estimate"], end["lo"], end["hi"]),
            showlegend=False,
            legendgroup=name,
            hoverinfo="skip",
        )
    if len(rest) > 1:
        fig.add_scatter(
            x=rest["age"],
            y=rest["product_limit"].round(6),
            mode="lines",
            name=label,
            legendgroup=name,
            showlegend=not len(whole),
            line={"color": colour, "dash": "dot", "width": 1.3},
            customdata=rest[["n_seen"]].to_numpy(),
            hovertemplate=theme.hover({"age": "%{x}", "product_limit": "%{y:.2%}", "n": "%{customdata[0]:,}"}, label),
        )


def renewals(result: Any) -> go.Figure:
    """Of the renewed notes of each kind, the share that was later more than 90 days past due, with n and interval."""
    table = result.by_kind if hasattr(result, "by_kind") else result
    table = theme.rows(table, ["kind", "zh", "en", "n", "share", "lo", "hi"], "plots.loans.renewals")
    fig = theme.figure("renewals", [theme.sample(table["n"].sum())], height=160 + 56 * len(table), showlegend=False)
    labels = theme.show_labels(fig, [Text(r.zh, r.en) for r in table.itertuples()], most=44)
    fig.add_scatter(
        x=table["share"],
        y=[f"{label} (n={n:,})" for label, n in zip(labels, table["n"], strict=True)],
        mode="markers",
        marker={"color": theme.colour("blue"), "size": 10},
        error_x=theme.spread(table["share"], table["lo"], table["hi"]),
        customdata=table[["lo", "hi", "n"]].to_numpy(),
        hovertemplate=theme.hover(
            {
                "ever_bad": "%{x:.1%}",
                "interval": "%{customdata[0]:.1%} … %{customdata[1]:.1%}",
                "n": "%{customdata[2]:,}",
            }
        ),
    )
    return fig.update_layout(
        xaxis=theme.axis("ever_bad", "%", tickformat=".0%", rangemode="tozero"),
        yaxis={"autorange": "reversed", "type": "category", "automargin": True},
    )
