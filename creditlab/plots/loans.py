"""Figures of the loan book: what differs from the ledger, and the NPL ratio by count and by balance.

They draw the `Reconciliation` of a county.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from creditlab.loans.reconciliation import NPL
from creditlab.plots import theme
from creditlab.plots.words import WORDS, Text, word

__all__ = ["npl", "reconciliation"]

_COLOURS = ("blue", "sky", "sand", "vermilion", "purple")


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
    note = [_months(len(drawn)), Text(f"期末笔数 {notes}", f"notes at the end {notes}")]
    fig = theme.figure("npl", note, height=380)
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
        _months(months),
        Text(f"{len(off)} / {len(table)} 个单元格不一致", f"{len(off)} of {len(table)} cells differ"),
    ]
    fig = theme.figure("reconciliation", note, height=360, barmode="relative", showlegend=True)
    for i, name in enumerate(dict.fromkeys(off["class5"])):
        part = off[off["class5"] == name]
        fig.add_bar(
            x=part["month_end"],
            y=part["balance_difference"],
            width=20 * 86_400_000,  # of a month, in milliseconds
            name=WORDS[name].both if name in WORDS else theme.clip(name),
            marker={
                "color": theme.colour(_COLOURS[i % len(_COLOURS)]),
                "pattern": {"shape": ("", "/", "x", ".", "-")[i % 5]},
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


def _months(count: int) -> Text:
    return Text(f"{count} 个月", f"{count} months")
