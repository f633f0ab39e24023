"""Figures that make the choice of the definition of bad visible, and the sample that follows from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from creditlab.plots import theme
from creditlab.plots.loans.ledger import DASHES, LINES, SYMBOLS, TOP
from creditlab.plots.words import WORDS, Text, word


def definition(result: Any) -> go.Figure:
    """The grid of definitions: bad rate and n of each number of days past due and window; the choice is framed.

    A cell with '!' leaves out notes that the window cannot judge; the number is in the hover text. `result` has `dpd
    window n bads bad_rate lo hi refused_notes captured` and, for the frame, `choice`.
    """
    needed = ["dpd", "window", "n", "bads", "bad_rate", "lo", "hi", "refused_notes", "refused_plans", "captured"]
    table = theme.rows(result, needed, "plots.loans.definition")
    dpds, windows = sorted(set(table["dpd"])), list(dict.fromkeys(table["window"]))
    cells = table.set_index(["dpd", "window"]).reindex(pd.MultiIndex.from_product([dpds, windows]))
    shape = (len(dpds), len(windows))
    rate = cells["bad_rate"].to_numpy(dtype=float).reshape(shape)
    text = [_cell(row) for row in cells.itertuples()]
    note = [
        Text("每格：坏账率与 n；! 表示该窗口无法判断部分借据", "cell: bad rate and n; ! some notes cannot be judged"),
        theme.intervals(getattr(result, "level", None)),
    ]
    fig = theme.figure("definition", note, height=190 + 62 * len(dpds))
    columns = ["n", "bads", "lo", "hi", "refused_notes", "captured"]
    fig.add_heatmap(
        z=rate,
        x=windows,
        y=[str(d) for d in dpds],
        text=np.array(text, dtype=object).reshape(shape),
        texttemplate="%{text}",
        customdata=cells[columns].to_numpy(dtype=float).reshape(*shape, len(columns)),
        colorscale=[[0, theme.colour("paper")], [1, theme.colour("sand")]],
        xgap=2,
        ygap=2,
        showscale=False,
        hovertemplate=theme.hover(
            {"dpd": "%{y}", "window": "%{x}", "bad_rate": "%{z:.2%}",
             "interval": "%{customdata[2]:.2%} … %{customdata[3]:.2%}", "n": "%{customdata[0]:,}",
             "bads": "%{customdata[1]:,}", "refused_notes": "%{customdata[4]:,}", "captured": "%{customdata[5]:.0%}"}
        ),
    )  # fmt: skip
    choice = getattr(result, "choice", None)
    if choice is not None and choice.dpd in dpds and choice.window in windows:
        x, y = windows.index(choice.window), dpds.index(choice.dpd)
        line = {"color": theme.colour("vermilion"), "width": 3}
        fig.add_shape(type="rect", x0=x - 0.5, x1=x + 0.5, y0=y - 0.5, y1=y + 0.5, line=line)
    return fig.update_layout(
        xaxis=theme.axis("window", type="category", showgrid=False),
        yaxis=theme.axis("dpd", type="category", showgrid=False),
    )


def _cell(row: Any) -> str:
    if np.isnan(row.bad_rate):
        return "–"
    mark = " !" if row.refused_notes else ""
    return f"{row.bad_rate:.1%}{mark}<br>n={int(row.n):,}"


def come_back(result: Any) -> go.Figure:
    """Of the notes that reached so many days past due: the share that came back and the share that ended badly in a
    year.

    `result` is a `DefinitionLab`, or its `rolls`. Below the dotted line fewer than a quarter comes back.
    """
    from creditlab.loans.definitions import COME_BACK

    table = getattr(result, "rolls", result)
    needed = [
        "dpd",
        "n",
        "cured_share",
        "cured_lo",
        "cured_hi",
        "ended_badly_share",
        "ended_badly_lo",
        "ended_badly_hi",
    ]
    table = theme.rows(table, needed, "plots.loans.come_back")
    note = [
        Text("180 天之后的转坏指核销或转让", "from 180 days on, badly means written off or sold"),
        Text(
            "达到该天数且已满 12 个月的借据：" + "、".join(f"{r.dpd}天 n={r.n:,}" for r in table.itertuples()),
            "notes that reached the days a year or more ago: "
            + ", ".join(f"{r.dpd} n={r.n:,}" for r in table.itertuples()),
        ),
        theme.intervals(getattr(result, "level", None)),
    ]
    fig = theme.figure("come_back", note, height=400, margin=TOP)
    place = np.arange(len(table))
    for i, (name, colour) in enumerate((("cured", "green"), ("ended_badly", "vermilion"))):
        share, lo, hi = (table[f"{name}_{end}"] for end in ("share", "lo", "hi"))
        fig.add_scatter(
            x=place + (i - 0.5) * 0.12,
            y=share,
            mode="lines+markers",
            name=word("came_back" if name == "cured" else name),
            line={"color": theme.colour(colour), "dash": DASHES[i]},
            marker={"symbol": SYMBOLS[i], "size": 9},
            error_y=theme.spread(share, lo, hi),
            customdata=np.column_stack([lo, hi, table["n"]]),
            hovertemplate=theme.hover(
                {
                    "share": "%{y:.1%}",
                    "interval": "%{customdata[0]:.1%} … %{customdata[1]:.1%}",
                    "n": "%{customdata[2]:,}",
                }
            ),
        )
    fig.add_hline(y=COME_BACK, line={"color": theme.colour("ink"), "dash": "dot", "width": 1})
    ticks: dict[str, Any] = {"tickvals": place.tolist(), "ticktext": [str(d) for d in table["dpd"]]}
    return fig.update_layout(
        xaxis=theme.axis("dpd", **ticks, showgrid=False), yaxis=theme.axis("share", "%", tickformat=".0%", range=[0, 1])
    )


def maturity(result: Any, dpd: int | None = None) -> go.Figure:
    """How long after the due date the bad notes of each plan have shown themselves; the line is the recommended window.

    `result` is a `DefinitionLab`, or its `maturity`; `dpd` chooses the days past due, by default those of the choice.
    """
    table = getattr(result, "maturity", result)
    table = theme.rows(table, ["dpd", "plan", "days", "n", "bad", "captured"], "plots.loans.maturity")
    choice = getattr(result, "choice", None)
    days = dpd if dpd is not None else choice.dpd if choice is not None else int(table["dpd"].iloc[0])
    part = table[(table["dpd"] == days) & table["captured"].notna()]
    whole = part[part["plan"] == "all"]
    bad = int(whole["bad"].max()) if len(whole) else 0
    note = [
        Text(f"逾期 {days} 天", f"{days} days past due"),
        Text(
            f"到期满两年的借据 n = {int(whole['n'].max()) if len(whole) else 0:,}，其中坏 {bad:,}",
            f"notes due two years ago or more n = {int(whole['n'].max()) if len(whole) else 0:,}, {bad:,} of them bad",
        ),
    ]
    fig = theme.figure("maturity", note, height=420, margin=TOP)
    for i, plan in enumerate(dict.fromkeys(part["plan"])):
        curve = part[part["plan"] == plan]
        label = WORDS[plan].both if plan in WORDS else theme.clip(plan)
        fig.add_scatter(
            x=curve["days"],
            y=curve["captured"].round(6),
            mode="lines+markers",
            name=f"{label} (n={int(curve['n'].iloc[0]):,})",
            line={
                "color": theme.colour("ink" if plan == "all" else LINES[i % len(LINES)]),
                "dash": DASHES[i % len(DASHES)],
            },
            marker={"symbol": SYMBOLS[i % len(SYMBOLS)], "size": 5},
            customdata=curve[["bad"]].to_numpy(),
            hovertemplate=theme.hover(
                {"days_after_due": "%{x}", "captured": "%{y:.0%}", "bads": "%{customdata[0]:,}"}, label
            ),
        )
    if choice is not None and choice.days_after_due is not None:
        fig.add_vline(x=choice.days_after_due, line={"color": theme.colour("vermilion"), "dash": "dash", "width": 2})
    return fig.update_layout(
        xaxis=theme.axis("days_after_due", dtick=90, showgrid=False),
        yaxis=theme.axis("captured", "%", tickformat=".0%", range=[-0.02, 1.05]),
    )


def waterfall(result: Any) -> go.Figure:
    """How the sample came about: borrowers at the start, those left out step by step, those in the sample."""
    table = getattr(result, "waterfall", result)
    table = theme.rows(table, ["step", "zh", "en", "n", "left"], "plots.loans.waterfall")
    first, last = int(table["n"].iloc[0]), int(table["n"].iloc[-1])
    note = [theme.of(last, first, "进入样本", "in the sample")]
    fig = theme.figure("waterfall", note, height=150 + 46 * len(table), showlegend=False)
    labels = theme.show_labels(fig, [Text(r.zh, r.en) for r in table.itertuples()], most=64)
    ends = table["step"].isin(["open", "kept"]).to_numpy()
    fig.add_bar(
        y=labels,
        x=table["n"],
        base=np.where(ends, 0, table["left"]),
        orientation="h",
        text=[f"{n:,}" if end or not n else f"−{n:,}" for n, end in zip(table["n"], ends, strict=True)],
        textposition="outside",
        cliponaxis=False,
        marker={"color": [theme.colour("blue" if end else "sand") for end in ends]},
        customdata=table[["left"]].to_numpy(),
        hovertemplate=theme.hover({"n": "%{x:,}", "left": "%{customdata[0]:,}"}),
    )
    return fig.update_layout(
        xaxis=theme.axis("households", rangemode="tozero"),
        yaxis={"autorange": "reversed", "type": "category", "automargin": True},
        margin={"r": 60},
    )
