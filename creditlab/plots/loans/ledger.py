"""Figures of the bank's own numbers: what differs from the ledger, the NPL ratios side by side, classes, flow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from creditlab.loans.classes import NPL
from creditlab.plots import theme
from creditlab.plots.words import WORDS, Text, word

COLOURS = ("blue", "sky", "sand", "vermilion", "purple")
PATTERNS = ("", "/", "x", ".", "-")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "star")
#: room above a figure for two lines of note and a legend
TOP = {"t": 112}
LINES = ("vermilion", "blue", "green", "purple", "ochre", "grey")


def npl_by_month(result: Any) -> pd.DataFrame:
    """The NPL ratio of the book at each month end: month_end notes balance npl_notes npl_balance by_count by_balance.

    `result` has `month_end class5 notes_book balance_book npl_balance_book`; amounts in yuan.
    """
    needed = ["month_end", "class5", "notes_book", "balance_book", "npl_balance_book"]
    table = theme.rows(result, needed, "plots.loans.npl")
    named = table.assign(npl_notes=table["notes_book"].where(table["class5"].isin(NPL), 0))
    names = {"notes_book": "notes", "balance_book": "balance", "npl_balance_book": "npl_balance"}
    sums = named.rename(columns=names).groupby("month_end", as_index=False)[
        ["notes", "balance", "npl_notes", "npl_balance"]
    ].sum()  # fmt: skip
    sums["by_count"] = sums["npl_notes"] / sums["notes"].where(sums["notes"] > 0)
    sums["by_balance"] = sums["npl_balance"] / sums["balance"].where(sums["balance"] > 0)
    return sums


def npl(result: Any) -> go.Figure:
    """NPL ratio of the book at each month end, by count and by balance: two figures that are easily confused."""
    drawn = npl_by_month(result)
    last = drawn.iloc[-1]
    notes = f"n = {last['notes']:,.0f}"
    note = [months_of(len(drawn)), Text(f"期末笔数 {notes}", f"notes at the end {notes}")]
    fig = theme.figure("npl", note, height=380, margin=TOP)
    for name, colour, dash, symbol in (
        ("by_balance", "vermilion", "solid", "circle"),
        ("by_count", "blue", "dash", "diamond"),
    ):
        fig.add_scatter(
            x=drawn["month_end"],
            y=drawn[name],
            mode="lines+markers",
            name=word(name),
            line={"color": theme.colour(colour), "dash": dash},
            marker={"symbol": symbol, "size": 5},
            customdata=drawn[["notes", "npl_balance"]].to_numpy(),
            hovertemplate=theme.hover(
                {
                    "month": "%{x|%Y-%m}",
                    name: "%{y:.2%}",
                    "notes": "%{customdata[0]:,}",
                    "npl_balance": "%{customdata[1]:,.0f}",
                }
            ),
        )
    months = theme.axis("month", tickformat="%Y-%m", nticks=8, showgrid=False)
    return fig.update_layout(xaxis=months, yaxis=theme.axis("npl_ratio", "%", tickformat=".1%", rangemode="tozero"))


def reconciliation(result: Any) -> go.Figure:
    """Book less ledger by month, a bar per class that differs anywhere; an empty figure is good news.

    `result` has `month_end class5 balance_difference notes_difference`; amounts in yuan.
    """
    needed = ["month_end", "class5", "balance_difference", "notes_difference"]
    table = theme.rows(result, needed, "plots.loans.reconciliation")
    off = table[(table["balance_difference"] != 0) | (table["notes_difference"] != 0)]
    months = table["month_end"].nunique()
    note = [
        months_of(months),
        Text(f"{len(off)} / {len(table)} 个单元格不一致", f"{len(off)} of {len(table)} cells differ"),
    ]
    fig = theme.figure("reconciliation", note, height=360, barmode="relative", showlegend=True, margin=TOP)
    for i, name in enumerate(dict.fromkeys(off["class5"])):
        part = off[off["class5"] == name]
        fig.add_bar(
            x=part["month_end"],
            y=part["balance_difference"],
            width=20 * 86_400_000,  # of a month, in milliseconds
            name=WORDS[name].both if name in WORDS else theme.clip(name),
            marker={
                "color": theme.colour(COLOURS[i % 5]),
                "pattern": {"shape": PATTERNS[i % 5]},
            },
            customdata=part[["notes_difference"]].to_numpy(),
            hovertemplate=theme.hover(
                {"month": "%{x|%Y-%m}", "difference": "%{y:,.2f}", "notes": "%{customdata[0]:+}"}
            ),
        )
    span = [table["month_end"].min() - pd.Timedelta(days=20), table["month_end"].max() + pd.Timedelta(days=20)]
    empty: dict[str, Any] = {} if len(off) else {"range": [-1, 1]}
    return fig.update_layout(
        xaxis=theme.axis("month", tickformat="%Y-%m", nticks=8, range=np.array(span), type="date", showgrid=False),
        yaxis=theme.axis("difference", zeroline=True, **empty),
    )


def ratios(result: Any) -> go.Figure:
    """The NPL ratios of every month side by side: by count, by household, by balance, by vintage, each with its
    interval.

    `result` is `NplRatios` of the whole book. The dotted line adds back what was written off or sold.
    """
    views = ("by_balance", "by_count", "by_household", "by_vintage")
    needed = ["month_end", "notes", "n_eff", "vintage_n", *(f"{v}{end}" for v in views for end in ("", "_lo", "_hi"))]
    table = theme.rows(result, needed, "plots.loans.ratios")
    table = table[table["group"] == table["group"].iloc[0]] if "group" in table else table
    last = table.iloc[-1]
    note = [
        Text(
            f"期末 {last['notes']:,.0f} 笔，余额有效样本量 {last['n_eff']:,.0f}，账龄口径 {last['vintage_n']:,.0f} 笔",
            f"at the end {last['notes']:,.0f} notes, effective n of balances {last['n_eff']:,.0f}, "
            f"vintage of {last['vintage_n']:,.0f} notes",
        ),
        theme.intervals(getattr(result, "level", None)),
    ]
    fig = theme.figure("ratios", note, height=470, margin={**TOP, "t": 158})
    for i, view in enumerate(views):
        band(fig, table["month_end"], table[f"{view}_lo"], table[f"{view}_hi"], LINES[i])
        fig.add_scatter(
            x=table["month_end"],
            y=table[view],
            mode="lines+markers",
            name=word(view),
            line={"color": theme.colour(LINES[i]), "dash": DASHES[i]},
            marker={"symbol": SYMBOLS[i], "size": 4},
            customdata=table[[f"{view}_lo", f"{view}_hi"]].to_numpy(),
            hovertemplate=theme.hover(
                {"month": "%{x|%Y-%m}", view: "%{y:.2%}", "interval": "%{customdata[0]:.2%} … %{customdata[1]:.2%}"}
            ),
        )
    if "with_add_back" in table:
        fig.add_scatter(
            x=table["month_end"],
            y=table["with_add_back"],
            mode="lines",
            name=word("with_add_back"),
            line={"color": theme.colour("ink"), "dash": "dot", "width": 1.5},
            hovertemplate=theme.hover({"month": "%{x|%Y-%m}", "with_add_back": "%{y:.2%}"}),
        )
    months = theme.axis("month", tickformat="%Y-%m", nticks=8, showgrid=False)
    return fig.update_layout(xaxis=months, yaxis=theme.axis("npl_ratio", "%", tickformat=".1%", rangemode="tozero"))


def classes(result: Any) -> go.Figure:
    """Balance by class at each month end as a share of the book, by the rule; the line is the NPL ratio as recorded.

    `result` has `month_end class5 balance_rule balance_recorded notes_rule`; the normal class fills the rest.
    """
    table = theme.rows(
        result, ["month_end", "class5", "balance_rule", "balance_recorded", "notes_rule"], "plots.loans.classes"
    )
    total = table.groupby("month_end")[["balance_rule", "balance_recorded", "notes_rule"]].sum()
    last = total.iloc[-1]
    notes = f"n = {last['notes_rule']:,.0f}"
    note = [months_of(len(total)), Text(f"期末笔数 {notes}", f"notes at the end {notes}")]
    fig = theme.figure("classes", note, height=430, barmode="stack", margin=TOP)
    for i, name in enumerate(("special_mention", *NPL)):
        part = table[table["class5"] == name].set_index("month_end")
        fig.add_bar(
            x=part.index,
            y=part["balance_rule"] / total["balance_rule"],
            width=22 * 86_400_000,
            name=WORDS[name].both,
            marker={"color": theme.colour(COLOURS[i + 1]), "pattern": _pattern(i + 1)},
            customdata=part[["notes_rule", "balance_rule"]].to_numpy(),
            hovertemplate=theme.hover(
                {"month": "%{x|%Y-%m}", "share": "%{y:.2%}", "notes": "%{customdata[0]:,}",
                 "balance": "%{customdata[1]:,.0f}"}
            ),
        )  # fmt: skip
    recorded = (
        table[table["class5"].isin(NPL)].groupby("month_end")["balance_recorded"].sum() / total["balance_recorded"]
    )
    fig.add_scatter(
        x=recorded.index,
        y=recorded,
        mode="lines",
        name=word("npl_recorded"),
        line={"color": theme.colour("ink"), "dash": "dot"},
        hovertemplate=theme.hover({"month": "%{x|%Y-%m}", "npl_recorded": "%{y:.2%}"}),
    )
    months = theme.axis("month", tickformat="%Y-%m", nticks=8, showgrid=False)
    return fig.update_layout(xaxis=months, yaxis=theme.axis("share", "%", tickformat=".0%", rangemode="tozero"))


def flow(result: Any) -> go.Figure:
    """What flowed into the non-performing loans each month (up) and out of them (down), and the balance at the end."""
    outs = ("cured", "repaid", "written_off", "transferred")
    table = theme.rows(result, ["month_end", "inflow", *outs, "closing", "notes_in"], "plots.loans.flow")
    n = int(table["notes_in"].sum())
    note = [months_of(len(table)), Text(f"新增不良 n = {n:,} 笔", f"newly non-performing n = {n:,} notes")]
    fig = theme.figure("flow", note, height=430, barmode="relative", margin=TOP)
    for i, name in enumerate(("inflow", *outs)):
        fig.add_bar(
            x=table["month_end"],
            y=table[name] * (1 if name == "inflow" else -1),
            width=22 * 86_400_000,
            name=word(name),
            marker={
                "color": theme.colour(COLOURS[(i + 3) % 5]),
                "pattern": _pattern(i),
            },
            hovertemplate=theme.hover({"month": "%{x|%Y-%m}", name: "%{y:,.0f}"}),
        )
    fig.add_scatter(
        x=table["month_end"],
        y=table["closing"],
        mode="lines",
        name=word("closing"),
        line={"color": theme.colour("ink")},
        hovertemplate=theme.hover({"month": "%{x|%Y-%m}", "closing": "%{y:,.0f}"}),
    )
    months = theme.axis("month", tickformat="%Y-%m", nticks=8, showgrid=False)
    return fig.update_layout(xaxis=months, yaxis=theme.axis("yuan", zeroline=True))


def _pattern(place: int) -> dict[str, Any]:
    return {"shape": PATTERNS[place % len(PATTERNS)], "size": 4, "fillmode": "overlay"}


def band(fig: go.Figure, x: Any, lo: Any, hi: Any, colour: str) -> None:
    """An interval as a pale band behind a line; nothing where an end is missing."""
    frame = pd.DataFrame({"x": np.asarray(x), "lo": np.asarray(lo, dtype=float), "hi": np.asarray(hi, dtype=float)})
    known = frame.dropna()
    if len(known) < 2:
        return
    fig.add_scatter(
        x=np.concatenate([known["x"].to_numpy(), known["x"].to_numpy()[::-1]]),
        y=np.round(np.concatenate([known["hi"].to_numpy(), known["lo"].to_numpy()[::-1]]), 6),
        fill="toself",
        fillcolor=theme.colour(colour),
        opacity=0.12,
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
    )


def months_of(count: int) -> Text:
    """How many months are drawn."""
    return Text(f"{count} 个月", f"{count} months")
