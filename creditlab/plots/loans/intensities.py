"""Figures of what follows from a matrix of moves: its generator, the chance by each month, the ECB's statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from creditlab.plots import theme
from creditlab.plots.loans.ledger import LINES, SYMBOLS, TOP
from creditlab.plots.loans.moves import MOST, SHADES, WHOLE, square, state_label
from creditlab.plots.words import WORDS, Text

#: z at which the colour is full
Z_MOST = 3.0
NO_COUNTS = Text("计数未知，无区间", "counts unknown: no intervals")


def generator(result: Any) -> go.Figure:
    """The rates per month from each state to each other; on the diagonal, below zero, the rate of leaving it.

    `result` has `from to rate lo hi n at_risk`; each cell shows the rate and its interval in percent. States that are
    never left have no row. The line below the title says on how many pairs the rates rest and how well they give the
    data back.
    """
    needed = ["from", "to", "rate", "lo", "hi", "n", "at_risk"]
    table = theme.rows(result, needed, "plots.loans.generator")
    states = list(dict.fromkeys(table["from"]))
    shape = pd.MultiIndex.from_product([states, states])
    cube = table.set_index(["from", "to"])[needed[2:]].astype(float).reindex(shape).to_numpy()
    cube = cube.reshape(len(states), len(states), -1)
    left = (cube[:, :, 0] != 0).any(axis=1) if cube[:, :, 0].any() else np.ones(len(states), dtype=bool)
    facts = getattr(result, "facts", {})
    error = facts.get("largest row error")
    known = bool(np.isfinite(cube[:, :, 1]).any())
    note = [
        theme.sample(facts.get("pairs")),
        theme.intervals(getattr(result, "level", None))
        if known
        else Text("计数未知，无区间", "counts unknown: no intervals"),
        Text(f"最大行误差 {error:.3f}", f"largest row error {error:.3f}") if error is not None else "",
        Text(
            f"{left.sum()} / {len(states)} 个状态会离开，其余为终态",
            f"{left.sum()} of {len(states)} states are left, the others are final",
        ),
    ]
    fig = theme.figure("generator", note, height=150 + 56 * int(left.sum()))
    shown = cube[left]
    moves = np.maximum(shown[:, :, 0], 0.0)
    starts = [name for name, stays in zip(states, left, strict=True) if stays]
    return square(
        fig,
        moves,
        [[_rate(*cell[:3]) for cell in row] for row in shown],
        (starts, states),
        pd.Series(shown[:, 0, 4], index=starts),
        to="moved_to",
        customdata=shown,
        colorscale=SHADES,
        zmin=0,
        zmax=float(moves.max()) or 1.0,
        hovertemplate=theme.hover(
            {"state": "%{y}", "moved_to": "%{x}", "intensity": "%{customdata[0]:.3g}",
             "interval": "%{customdata[1]:.3g} … %{customdata[2]:.3g}", "moves_seen": "%{customdata[3]:,}"}
        ),
    )  # fmt: skip


def _rate(rate: float, lo: float, hi: float) -> str:
    """A rate and its limits in percent per month, short enough for a cell; of a rate of 0 the upper limit alone."""
    if np.isnan(lo):
        return f"{rate:.2%}" if rate else ""
    if rate <= 0 <= lo:
        return f"0<br>≤ {_short(hi)}"
    return f"{_short(rate)}<br>[{_short(lo)}, {_short(hi)}]"


def _short(rate: float) -> str:
    """A rate in percent with two digits that matter.

    >>> [_short(v) for v in (0.12345, 0.0123, -0.1, 2e-6, 0.0)]
    ['12.3', '1.23', '-10.0', '<0.01', '0']
    """
    percent = 100 * rate
    if not percent:
        return "0"
    return "<0.01" if 0 < percent < 0.01 else f"{percent:.1f}" if abs(percent) >= 10 else f"{percent:.2f}"


def reached(result: Any) -> go.Figure:
    """The chance to have come to the states `to` by each month, a curve per state with its interval.

    `result` has `from months chance lo hi at_risk`; n is the note-months seen in the state.
    """
    table = theme.rows(result, ["from", "months", "chance", "lo", "hi", "at_risk"], "plots.loans.reached")
    shown = list(dict.fromkeys(table["from"]))[:MOST]
    facts = getattr(result, "facts", {})
    goals = [WORDS.get(name) or Text.same(theme.clip(name)) for name in getattr(result, "to", ())]
    note = [
        theme.sample(facts.get("pairs")),
        theme.intervals(getattr(result, "level", None)),
        Text("到达：" + "、".join(g.zh for g in goals), "come to: " + ", ".join(g.en for g in goals)) if goals else "",
    ]
    fig = theme.figure("reached", note, height=440, margin=TOP)
    for i, name in enumerate(shown):
        part = table[table["from"] == name]
        n = part["at_risk"].iloc[0]
        label = state_label(name) + (f" (n={n:,.0f})" if np.isfinite(n) else "")
        fig.add_scatter(
            x=part["months"],
            y=part["chance"].round(8),
            mode="lines+markers",
            name=label,
            line={"color": theme.colour(LINES[i]), "dash": WHOLE[i % len(WHOLE)]},
            marker={"symbol": SYMBOLS[i], "size": 6},
            error_y=theme.spread(part["chance"], part["lo"], part["hi"]),
            customdata=part[["lo", "hi"]].to_numpy(),
            hovertemplate=theme.hover(
                {"months_ahead": "%{x}", "chance_npl": "%{y:.2%}",
                 "interval": "%{customdata[0]:.2%} … %{customdata[1]:.2%}"}, label
            ),
        )  # fmt: skip
    return fig.update_layout(
        xaxis=theme.axis("months_ahead", showgrid=False),
        yaxis=theme.axis("chance_npl", "%", tickformat=".0%", rangemode="tozero"),
        showlegend=True,
    )


def movement(result: Any) -> go.Figure:
    """Does the share fall with the distance from the diagonal? z of each cell against its neighbour on the way there.

    `result` has `from to n total share lo hi z p_value`; each cell shows share, interval, n and z, red where z is below
    0. Under the title the two bandwidths with their intervals.
    """
    needed = ["from", "to", "n", "total", "share", "lo", "hi", "z", "p_value"]
    table = theme.rows(result, needed, "plots.loans.movement")
    states = list(dict.fromkeys(table["from"]))
    cells = table.set_index(["from", "to"])[["n", "share", "z", "p_value", "lo", "hi"]].astype(float)
    cube = cells.reindex(pd.MultiIndex.from_product([states, states])).to_numpy().reshape(len(states), len(states), 6)
    n, share, z = (cube[:, :, k] for k in range(3))
    total = table.groupby("from")["total"].first().reindex(states)
    facts = getattr(result, "facts", {})
    note = [
        theme.sample(facts.get("n")),
        Text(f"带宽：向下 {_band(facts, 'upper')}，向上 {_band(facts, 'lower')}",
             f"bandwidth: down {_band(facts, 'upper')}, up {_band(facts, 'lower')}") if facts else "",
        theme.intervals(getattr(result, "level", None)),
        Text("红：z 为负，离对角线越远占比越高", "red: z below 0, the share rises away from the diagonal"),
    ]  # fmt: skip
    return square(
        theme.figure("movement", note, height=170 + 74 * len(states)),
        np.where(np.isnan(n) | np.isnan(share), np.nan, np.nan_to_num(np.clip(z, -Z_MOST, Z_MOST))),
        [[_cell(*cell) for cell in row] for row in cube],
        (states, states),
        total,
        customdata=cube,
        colorscale=[[0, theme.colour("vermilion")], [0.5, theme.colour("paper")], [1, theme.colour("sky")]],
        zmin=-Z_MOST,
        zmax=Z_MOST,
        hovertemplate=theme.hover(
            {"state": "%{y}", "next_state": "%{x}", "share": "%{customdata[1]:.2%}",
             "interval": "%{customdata[4]:.2%} … %{customdata[5]:.2%}", "n": "%{customdata[0]:,}",
             "z": "%{customdata[2]:.2f}", "p_value": "%{customdata[3]:.3f}"}
        ),
    )  # fmt: skip


def _band(facts: Any, side: str) -> str:
    value, lo, hi = (float(facts.get(f"{side}{end}", np.nan)) for end in ("", "_lo", "_hi"))
    return f"{value:.3f} [{lo:.3f}, {hi:.3f}]" if np.isfinite(lo) else f"{value:.3f}"


def _cell(n: float, share: float, z: float, p_value: float, lo: float, hi: float) -> str:
    if np.isnan(n):
        return ""
    ends = "" if np.isnan(lo) else f"<br>[{lo:.2%}, {hi:.2%}]"
    return f"{share:.2%}{ends}<br>n={n:,.0f}" + ("" if np.isnan(z) else f", z={z:.1f}")
