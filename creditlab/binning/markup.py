"""Bin tables as HTML for a notebook: small bars with their intervals, readable on a light and on a dark ground.

Text from data is escaped. Nothing is computed here but widths of bars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from creditlab.binning.mean_table import MeanTable
    from creditlab.binning.table import BinTable
    from creditlab.binning.views import BinView

CONVENTION = "WOE = ln(%goods / %bads): 越高越安全 higher is safer · 区间左闭右开 ranges [lower, upper)"
#: mid tones that stand out on white and on black; the interval takes the colour of the text
SHARE, RATE, SAFE, RISKY = "#8794a4", "#cf6f3c", "#3f86c6", "#cf6f3c"
_OPEN = "<div class='creditlab-result' style='overflow-x:auto'>"
_TABLE = "<table style='border-collapse:collapse;font-size:.95em;line-height:1.25'>"
_PAD = "padding:.15em .5em;vertical-align:middle"
_LEFT = f"{_PAD};text-align:left;white-space:nowrap"
_RIGHT = f"{_PAD};text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums"
_NOTE = f"{_PAD};text-align:left;white-space:normal;min-width:9em;max-width:16em"
WIDTH = 96
#: scopes side by side; the view has them all
MOST_SCOPES = 12


def table_html(table: BinTable) -> str:
    """The bin table: share, bad rate and WOE with bars and intervals, IV, notes; amounts where they were given."""
    frame = table.table
    rows: list[Any] = frame.to_dict("records")
    reach = _reach(frame)
    money = "amount" in frame
    head = ["分箱 bin", "样本量<br>n", "坏<br>bads", "占比 share", "坏账率 bad rate", "WOE", "IV"]
    if "deff" in frame:
        head.append("设计效应<br>deff")
    if money:
        head += ["金额（元）<br>amount (yuan)", "金额坏账率<br>bad rate by amount"]
    body = "".join(_row(table, row, reach) for row in rows)
    notes = "".join(f"<li>{escape(n)}</li>" for n in table.notes)
    return (
        f"{_OPEN}<h4 style='margin:.3em 0'>{escape(table.title)}: {escape(table.name)}</h4>"
        f"<p style='margin:.2em 0'>{_facts(table)}</p>"
        f"{_TABLE}<thead><tr>{_heads([*head, ''])}</tr></thead><tbody>{body}</tbody>"
        f"</table><p style='margin:.2em 0'><small>{escape(CONVENTION)} · {_level(table)}</small></p>"
        f"<ul style='margin:.2em 0'>{notes}</ul><p><small>{escape(str(table.stamp))}</small></p></div>"
    )


def mean_html(table: MeanTable) -> str:
    """The table of a continuous target: share, mean with its bar and interval, effect, share of zeros, notes."""
    frame = table.table
    rows: list[Any] = frame.to_dict("records")
    share = float(frame["share"].max())
    ends = frame.loc[frame["n"] > 0, ["effect", "effect_lo", "effect_hi"]].to_numpy()
    reach = float(np.abs(ends[np.isfinite(ends)]).max(initial=0)) or 1.0
    head = ["分箱 bin", "样本量<br>n", "占比 share", "均值 mean", "与总均值之差 effect", "零占比<br>share of zeros"]
    body = "".join(_mean_row(row, share, reach) for row in rows)
    kind = f"按群组稳健 cluster-robust, {table.moments.clusters} 群组 groups" if table.moments.clusters else (
        "样本独立 independent rows"
    )  # fmt: skip
    facts = (
        f"{TREND[table.trend]} {table.trend} · R² <b>{table.r2:.4f}</b> · 无关时期望 of no relation "
        f"{table.facts['r2_noise']:.4f} · 总均值 mean of all {table.moments.mean:,.6g}"
    )
    notes = "".join(f"<li>{escape(n)}</li>" for n in table.notes)
    return (
        f"{_OPEN}<h4 style='margin:.3em 0'>{escape(table.title)}: {escape(table.name)}</h4>"
        f"<p style='margin:.2em 0'>{facts}</p>{_TABLE}<thead><tr>{_heads([*head, ''])}</tr></thead>"
        f"<tbody>{body}</tbody></table><p style='margin:.2em 0'><small>区间左闭右开 ranges [lower, upper) · "
        f"{100 * table.level:.4g}% 区间 intervals, {kind}</small></p><ul style='margin:.2em 0'>{notes}</ul>"
        f"<p><small>{escape(str(table.stamp))}</small></p></div>"
    )


def _mean_row(row: Mapping[str, Any], share: float, reach: float) -> str:
    empty = row["n"] == 0
    ends = [(row[c] / reach + 1) / 2 for c in ("effect", "effect_lo", "effect_hi")]
    known = bool(np.isfinite(ends).all())
    drawn = bar(ends[0], RISKY, (ends[1], ends[2]) if known else None, start=0.5)
    limits = [f"{row[f'{c}_lo']:,.4g} – {row[f'{c}_hi']:,.4g}" if known else "" for c in ("mean", "effect")]
    cells = [
        (_LEFT, escape(row["label"])),
        (_RIGHT, _count(row)),
        (_LEFT, bar(row["share"] / share, SHARE, width=48) + f" {row['share']:.1%}"),
        (_RIGHT, "–" if empty else f"{row['mean']:,.6g}<br>{_small(limits[0])}"),
        (_LEFT, "0" if empty else f"{drawn} {row['effect']:+,.4g}<br>{_small(limits[1])}"),
        (_RIGHT, "–" if empty else f"{row['zero_share']:.1%}"),
        (_NOTE, f"<small>{escape(row['note'])}</small>"),
    ]
    return _cells(cells, empty)


def _cells(cells: Sequence[tuple[str, str]], faint: bool) -> str:
    row = " style='opacity:.55'" if faint else ""
    return f"<tr{row}>" + "".join(f"<td style='{style}'>{text}</td>" for style, text in cells) + "</tr>"


def view_html(view: BinView) -> str:
    """Bins × scopes: bad rate with its bar, interval and n; below, IV, shape and PSI of each scope."""
    shown = view.by_scope.head(MOST_SCOPES)
    most = view.bins.table["bad_rate"].max()
    reach = 1.8 * float(most) if most > 0 else 1.0  # what few rows show may run out of its box
    size = view.bins.spec.size
    rows: list[Any] = view.table.to_dict("records")
    body = ""
    for code in range(size):
        cells = [_scope_cell(rows[s * size + code], reach) for s in range(len(shown))]
        body += _line(escape(view.bins.label(code)), cells)
    scopes: list[Any] = shown.to_dict("records")
    foot = _line("IV", [_with_small(r["iv"], f"{r['iv_lo']:.4f}–{r['iv_hi']:.4f}") for r in scopes])
    foot += _line("无关时IV of no relation", [_with_small(r["iv_noise"], "") for r in scopes])
    foot += _line("形状 shape", [f"{r['shape']} {_held(r)}" for r in scopes])
    foot += _line("PSI", [_with_small(r["psi"], f"{r['psi_noise']:.4f} 随机 by chance") for r in scopes])
    heads = _heads(["分箱 bin", *(f"{escape(str(r['scope']))}<br>{_small(escape(_size(r)))}" for r in scopes)])
    more = len(view.by_scope) - len(shown)
    left = f"<p>… {more} more scopes: <code>.tidy()</code></p>" if more else ""
    return (
        f"{_OPEN}<h4 style='margin:.3em 0'>{escape(view.title)}: {escape(view.name)}</h4>"
        f"{_TABLE}<thead><tr>{heads}</tr></thead><tbody>{body}{foot}</tbody></table>"
        f"{left}"
        f"<p style='margin:.2em 0'><small>坏账率与区间 bad rate and interval · n · {escape(CONVENTION)} · "
        f"{_level(view.bins)}</small></p><p><small>{escape(str(view.stamp))}</small></p></div>"
    )


def _line(head: str, cells: Sequence[str]) -> str:
    return f"<tr><td style='{_LEFT}'>{head}</td>" + "".join(f"<td style='{_LEFT}'>{c}</td>" for c in cells) + "</tr>"


def _scope_cell(row: Mapping[str, Any], reach: float) -> str:
    if row["n"] == 0:
        return "–"
    rate, lo, hi = row["bad_rate"], row["bad_rate_lo"], row["bad_rate_hi"]
    drawn = bar(rate / reach, RATE, (lo / reach, hi / reach), width=64)
    return f"{drawn} {rate:.2%}<br>{_small(f'{lo:.1%}–{hi:.1%} · n {_count(row)}')}"


def _count(row: Mapping[str, Any]) -> str:
    return f"{row['n']:,.10g}"


def _size(row: Mapping[str, Any]) -> str:
    return f"n {row['n']:,.10g} · 坏 bads {row['bads']:,.10g} · {row['bad_rate']:.2%}"


def _held(row: Mapping[str, Any]) -> str:
    """Whether the order of training holds."""
    if row["holds"]:
        return _small(
            "✓" if not row["reversals"] else f"✓ ({row['reversals']} 处反向在偶然之内<br>turned within chance)"
        )
    return f"<b>✗ {row['reversed']} 处反向<br>turned beyond chance</b>"


def _with_small(value: float, text: str) -> str:
    return f"{value:.4f} {_small(text)}" if np.isfinite(value) else "–"


def _small(text: str) -> str:
    return f"<small style='opacity:.75'>{text}</small>"


def _facts(table: BinTable) -> str:
    """Kind, trend, IV with its interval and what chance would give."""
    kind = {"numeric": "数值 numeric", "category": "类别 category"}[table.kind]
    parts = [
        kind,
        f"{TREND[table.trend]} {table.trend}",
        f"IV <b>{table.iv:.4f}</b> ({table.iv_lo:.4f}–{table.iv_hi:.4f})",
    ]
    parts.append(f"无关时期望 of no relation {table.iv_noise:.4f}")
    if table.counted.design is not None:
        parts.append(f"{table.counted.design.clusters} 群组 groups")
    return " · ".join(parts)


TREND = {
    "ascending": "递增",
    "descending": "递减",
    "peak": "先升后降",
    "valley": "先降后升",
    "free": "无约束",
    "flat": "一箱",
}


def _level(table: BinTable) -> str:
    kind = "按群组稳健 cluster-robust" if table.counted.design is not None else "样本独立 independent rows"
    return f"{100 * table.level:.4g}% 区间 intervals, {kind}"


def _reach(frame: pd.DataFrame) -> dict[str, float]:
    """What the longest bar of each kind stands for."""
    found = {"share": frame["share"].max(), "rate": frame["bad_rate_hi"].max()}
    ends = frame.loc[frame["n"] > 0, ["woe", "woe_lo", "woe_hi"]].to_numpy()
    found["woe"] = np.abs(ends[np.isfinite(ends)]).max(initial=0)
    if "amount" in frame:
        found["amount_rate"] = frame["amount_bad_rate_hi"].max()
    nothing = 1e-9  # the WOE of one bin is 0, but for rounding
    return {name: float(v) if v > nothing else 1.0 for name, v in found.items()}


def _row(table: BinTable, row: Mapping[str, Any], reach: Mapping[str, float]) -> str:
    empty = row["n"] == 0
    cells = [
        (_LEFT, escape(row["label"])),
        (_RIGHT, _count(row)),
        (_RIGHT, f"{row['bads']:,.10g}"),
        (_LEFT, bar(row["share"] / reach["share"], SHARE, width=48) + f" {row['share']:.1%}"),
        (_LEFT, "–" if empty else rate_bar(row, "bad_rate", reach["rate"])),
        (_LEFT, f"{row['woe']:+.3f}" if empty else woe_bar(row, reach["woe"])),
        (_RIGHT, f"{row['iv']:.4f}"),
    ]
    if "deff" in row:
        cells.append((_RIGHT, "–" if empty else f"{row['deff']:.2f}"))
    if "amount" in row:
        known = row["amount"] > 0
        cells.append((_RIGHT, f"{row['amount']:,.0f}"))
        cells.append((_LEFT, rate_bar(row, "amount_bad_rate", reach["amount_rate"]) if known else "–"))
    cells.append((_NOTE, f"<small>{escape(row['note'])}</small>"))
    return _cells(cells, empty)


def _heads(names: Sequence[str]) -> str:
    return "".join(f"<th style='{_LEFT}'>{n}</th>" for n in names)


def rate_bar(row: Mapping[str, Any], name: str, reach: float, width: int = WIDTH) -> str:
    """A rate as a bar with its interval across the end, then as text."""
    rate, lo, hi = row[name], row[f"{name}_lo"], row[f"{name}_hi"]
    drawn = bar(rate / reach, RATE, (lo / reach, hi / reach), width=width)
    return f"{drawn} {rate:.2%}<br>{_small(f'{lo:.1%}–{hi:.1%}')}"


def woe_bar(row: Mapping[str, Any], reach: float) -> str:
    """WOE to the left (riskier) or to the right (safer) of zero, with its interval."""
    ends = [(row[c] / reach + 1) / 2 for c in ("woe", "woe_lo", "woe_hi")]
    colour = SAFE if row["woe"] >= 0 else RISKY
    drawn = bar(ends[0], colour, (ends[1], ends[2]), start=0.5)
    text = f"{row['woe_lo']:+.2f} – {row['woe_hi']:+.2f}"
    return f"{drawn} {row['woe']:+.3f}<br>{_small(text)}"


def bar(
    end: float, colour: str, interval: tuple[float, float] | None = None, start: float = 0.0, width: int = WIDTH
) -> str:
    """A bar from `start` to `end` in a box of shares 0 to 1, the interval a thin line in the colour of the text."""
    left, right = (min(max(v, 0.0), 1.0) for v in sorted((start, end)))
    parts = [_block(left, right - left, width, f"top:.15em;height:.7em;background:{colour}")]
    if start:
        parts.append(f"<span style='position:absolute;left:{start * width:.1f}px;top:0;height:1em;{_EDGE}'></span>")
    if interval is not None:
        lo, hi = (min(max(v, 0.0), 1.0) for v in interval)
        ends = [v for v in interval if 0 <= v <= 1]  # an end outside the box has no mark
        parts.append(_block(lo, hi - lo, width, "top:.45em;height:.1em;background:currentColor"))
        parts += [
            f"<span style='position:absolute;left:{v * width:.1f}px;top:.25em;height:.5em;{_EDGE}'></span>"
            for v in ends
        ]
    style = f"display:inline-block;position:relative;width:{width}px;height:1em;vertical-align:middle"
    return f"<span style='{style}'>{''.join(parts)}</span>"


_EDGE = "border-left:1px solid currentColor"


def _block(left: float, length: float, width: int, style: str) -> str:
    place = f"position:absolute;left:{left * width:.1f}px;width:{max(length, 0.0) * width:.1f}px"
    return f"<span style='{place};{style}'></span>"
