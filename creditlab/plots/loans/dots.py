"""Figures of shares as dots with their intervals: indicators, migration rates, extensions, villages, losses, ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from creditlab.plots import theme
from creditlab.plots.loans.ledger import DASHES, LINES, SYMBOLS, TOP, months_of
from creditlab.plots.words import WORDS, Text, word

#: rows in one figure
MOST = 40


def _dots(
    fig: go.Figure, table: pd.DataFrame, labels: Sequence[str], axis: str, *, value: str = "estimate", n: str = "n"
) -> go.Figure:
    """A dot per row of `table` (value lo hi, and its n), labels on the vertical axis from the top down."""
    fig.add_scatter(
        x=table[value],
        y=list(labels),
        mode="markers",
        marker={"color": theme.colour("blue"), "size": 8},
        error_x=theme.spread(table[value], table["lo"], table["hi"]),
        customdata=table[["lo", "hi", n]].to_numpy(dtype=float),
        hovertemplate=theme.hover(
            {axis: "%{x:.2%}", "interval": "%{customdata[0]:.2%} … %{customdata[1]:.2%}", "n": "%{customdata[2]:,.0f}"}
        ),
        showlegend=False,
    )
    return fig.update_layout(
        xaxis=theme.axis(axis, "%", tickformat=".0%", rangemode="tozero"),
        yaxis={"autorange": "reversed", "type": "category", "automargin": True},
    )


def _labels(fig: go.Figure, texts: Sequence[Text], sizes: Sequence[str], most: int = 64) -> list[str]:
    """Labels in both languages, each with its size behind it."""
    return [f"{label} ({size})" for label, size in zip(theme.show_labels(fig, texts, most), sizes, strict=True)]


def _name(value: Any) -> Text:
    return WORDS.get(str(value)) or Text.same(str(value) or "–")


def indicators(result: Any) -> go.Figure:
    """The supervisor's indicators with their intervals, n and, for balances, the effective n."""
    columns = ["indicator", "zh", "en", "basis", "n", "n_eff", "estimate", "lo", "hi"]
    table = theme.rows(result, columns, "plots.loans.indicators")
    known = table[table["estimate"].notna()]
    end = getattr(result, "facts", {}).get("month_end", "")
    note = [str(end), theme.intervals(getattr(result, "level", None))]
    fig = theme.figure("indicators", note, height=150 + 28 * len(known))
    sizes = [
        f"n={r.n:,}" + (f", n_eff={r.n_eff:,.0f}" if r.basis == "balance" else "") for r in known.itertuples()
    ]  # fmt: skip
    labels = _labels(fig, [Text(r.zh, r.en) for r in known.itertuples()], sizes)
    return _dots(fig, known, labels, "share", n="n_eff")


def migration(result: Any) -> go.Figure:
    """The migration rates of the classes with their intervals, n and effective n."""
    from creditlab.loans.class_moves import RATE_LABELS

    table = theme.rows(result, ["rate", "estimate", "lo", "hi", "n", "n_eff"], "plots.loans.migration")
    known = table[table["estimate"].notna()]
    facts = getattr(result, "facts", {})
    span = f"{facts['start']} – {facts['end']}" if "start" in facts else ""
    fig = theme.figure("migration_rates", [span], height=160 + 40 * len(known))
    names = [Text(*RATE_LABELS[r]) for r in known["rate"]]
    sizes = [f"n={r.n:,}, n_eff={r.n_eff:,.0f}" for r in known.itertuples()]
    return _dots(fig, known, _labels(fig, names, sizes), "migration_rate", n="n_eff")


def extensions(result: Any) -> go.Figure:
    """Of the extended notes of each kind, the share that was later more than 90 days past due, with n and interval."""
    table = result.by_kind if hasattr(result, "by_kind") else result
    table = theme.rows(table, ["kind", "zh", "en", "n", "share", "lo", "hi"], "plots.loans.extensions")
    fig = theme.figure("extensions", [theme.sample(table["n"].sum())], height=160 + 44 * len(table))
    labels = _labels(fig, [Text(r.zh, r.en) for r in table.itertuples()], [f"n={n:,}" for n in table["n"]])
    return _dots(fig, table, labels, "ever_bad", value="share")


def villages(result: Any, start: str = "1-30", end: str = "31-60", most: int = MOST) -> go.Figure:
    """A transition of each village, raw (hollow) and drawn to the bank's (full, with its interval); highest on top."""
    columns = ["group", "from", "to", "total", "raw", "bank", "estimate", "lo", "hi"]
    table = theme.rows(result, columns, "plots.loans.villages")
    part = table[(table["from"] == start) & (table["to"] == end) & table["estimate"].notna()]
    drawn = part.sort_values(["estimate", "group"], ascending=[False, True], kind="stable").head(most)
    move = f"{_name(start).both} → {_name(end).both}"
    note = [move, theme.of(len(drawn), len(part), "村", "villages"), theme.intervals(getattr(result, "level", None))]
    fig = theme.figure("village_moves", note, height=170 + 19 * max(len(drawn), 3), margin=TOP, showlegend=True)
    labels = [f"{theme.clip(r.group)} (n={r.total:,})" for r in drawn.itertuples()]
    fig.add_scatter(
        x=drawn["raw"],
        y=labels,
        mode="markers",
        name=word("raw_share"),
        marker={"color": theme.colour("grey"), "symbol": "circle-open", "size": 7},
        hovertemplate=theme.hover({"raw_share": "%{x:.1%}"}),
    )
    _dots(fig, drawn, labels, "share", n="total")
    fig.data[-1].update(name=word("shrunken"), showlegend=True)
    if len(drawn):
        fig.add_vline(x=float(drawn["bank"].iloc[0]), line={"color": theme.colour("ink"), "dash": "dot", "width": 1})
    return fig


def expected_loss(result: Any, most: int = MOST) -> go.Figure:
    """Expected loss over balance of each village with its interval; the largest expected losses, highest on top."""
    columns = ["village_id", "notes", "ead", "expected_loss", "rate", "lo", "hi"]
    table = theme.rows(result, columns, "plots.loans.expected_loss")
    drawn = table.sort_values(["expected_loss", "village_id"], ascending=[False, True], kind="stable").head(most)
    whole = drawn["ead"].where(drawn["ead"] > 0)
    shares = drawn.assign(lo=drawn["lo"] / whole, hi=drawn["hi"] / whole)
    n = int(table["notes"].sum())
    note = [theme.of(len(drawn), len(table), "村", "villages"), Text(f"在贷借据 n = {n:,}", f"open notes n = {n:,}"),
            theme.intervals(getattr(result, "level", None))]  # fmt: skip
    fig = theme.figure("expected_loss", note, height=150 + 19 * max(len(drawn), 3))
    labels = [f"{theme.clip(r.village_id)} (n={r.notes:,})" for r in shares.itertuples()]
    return _dots(fig, shares, labels, "loss_rate", value="rate", n="notes")


def outcomes(result: Any, least: int = 5, most: int = MOST) -> go.Figure:
    """The share of closed cases that ended for lack of assets (终本), by court or village with `least` or more."""
    table = getattr(result, "outcomes", result)
    columns = ["group", "closed", "no_assets_share", "lo", "hi"]
    table = theme.rows(table, columns, "plots.loans.outcomes")
    known = table[table["closed"] >= least]
    order = known.sort_values(["no_assets_share", "group"], ascending=[False, True], kind="stable")
    drawn = pd.concat([order[order["group"] == "all"], order[order["group"] != "all"]]).head(most)
    whole = int(table.loc[table["group"] == "all", "closed"].sum()) or int(table["closed"].sum())
    note = [Text(f"已结案 n = {whole:,}", f"closed cases n = {whole:,}"),
            theme.of(len(drawn), len(table), "组", "groups"),
            theme.intervals(getattr(result, "level", None))]  # fmt: skip
    fig = theme.figure("court_ends", note, height=150 + 24 * max(len(drawn), 3))
    named = [_name(g) for g in drawn["group"]]
    labels = _labels(fig, named, [f"n={n:,}" for n in drawn["closed"]])
    return _dots(fig, drawn, labels, "no_assets", value="no_assets_share", n="closed")


def structure(result: Any) -> go.Figure:
    """Overdue principal and overdue interest of persons and of organisations over their balance, by month end."""
    amounts = ["balance", "overdue_principal", "overdue_interest"]
    table = theme.rows(result, ["month_end", "kind", "notes", *amounts], "plots.loans.structure")
    person = np.where(table["kind"] == "person", "persons", "organisations")
    sums = table.assign(who=person).groupby(["who", "month_end"], as_index=False)[["notes", *amounts]].sum()
    last = table[table["month_end"] == table["month_end"].max()]
    note = [months_of(table["month_end"].nunique()),
            Text(f"期末 n = {last['notes'].sum():,} 笔", f"at the end n = {last['notes'].sum():,} notes")]  # fmt: skip
    fig = theme.figure("arrears_apart", note, height=400, margin=TOP)
    lines = [(who, of) for who in ("persons", "organisations") for of in amounts[1:]]
    for i, (who, of) in enumerate(lines):
        part = sums[(sums["who"] == who) & (sums["balance"] > 0)]
        if len(part):
            fig.add_scatter(
                x=part["month_end"], y=part[of] / part["balance"], mode="lines+markers",
                name=Text(f"{WORDS[who].zh}：{WORDS[of].zh}", f"{WORDS[who].en}: {WORDS[of].en}").both,
                line={"color": theme.colour(LINES[i]), "dash": DASHES[i]},
                marker={"symbol": SYMBOLS[i], "size": 4},
                customdata=part[["notes", of]].to_numpy(dtype=float),
                hovertemplate=theme.hover(
                    {"month": "%{x|%Y-%m}", "share": "%{y:.2%}", "notes": "%{customdata[0]:,}",
                     of: "%{customdata[1]:,.0f}"}
                ),
            )  # fmt: skip
            theme.show_labels(fig, [Text(f"{WORDS[who].zh}：{WORDS[of].zh}", f"{WORDS[who].en}: {WORDS[of].en}")])
    months = theme.axis("month", tickformat="%Y-%m", nticks=8, showgrid=False)
    return fig.update_layout(xaxis=months, yaxis=theme.axis("share", "%", tickformat=".0%", rangemode="tozero"))


def funnel(result: Any) -> go.Figure:
    """The funnel of each channel: applied, granted, drawn, judged, bad."""
    steps = ("applied", "granted", "drawn", "judged", "bad")
    table = theme.rows(result, ["channel", *steps], "plots.loans.funnel")
    fig = theme.figure("channel_funnel", [theme.sample(table["applied"].sum())], height=400, margin=TOP)
    for i, row in enumerate(table.to_dict("records")):
        counts = [int(row[s]) for s in steps]
        fig.add_bar(
            x=[word(s) for s in steps],
            y=counts,
            name=_name(row["channel"]).both if row["channel"] in WORDS else theme.clip(row["channel"]),
            marker={
                "color": theme.colour(LINES[i % len(LINES)]),
                "pattern": {"shape": ("", "/", "x", ".", "-")[i % 5], "size": 4, "fillmode": "overlay"},
            },
            text=[f"{c:,}" for c in counts],
            textposition="outside",
            hovertemplate=theme.hover({"n": "%{y:,}"}, theme.clip(row["channel"])),
        )
    return fig.update_layout(xaxis={"showgrid": False}, yaxis=theme.axis("n"))
