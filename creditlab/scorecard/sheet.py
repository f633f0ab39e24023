"""The card on one page of HTML, for a notebook or a file: checks, performance, points. Text from data is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from creditlab.scorecard.sample import ROLE_NAMES

if TYPE_CHECKING:
    from creditlab.scorecard.result import ScorecardResult

#: colour and sign of each signal: the sign tells them apart in grey
MARKS = {
    "green": ("#2e8b57", "●", "绿 green"), "amber": ("#c9820a", "▲", "黄 amber"), "red": ("#c0392b", "■", "红 red"),
}  # fmt: skip
_LEFT = "text-align:left;padding:.1em .6em;white-space:nowrap"
_RIGHT = "text-align:right;padding:.1em .6em;white-space:nowrap;font-variant-numeric:tabular-nums"
_TABLE = "border-collapse:collapse;font-size:.95em;line-height:1.3;margin:.6em 0"
_CSS = "body{font-family:'Noto Sans SC','Microsoft YaHei',sans-serif;margin:2em;max-width:90em}"


def sheet(result: ScorecardResult) -> str:
    """The card as a fragment of HTML."""
    return (
        f"<div class='creditlab-result' style='overflow-x:auto'><h4>{escape(result.title)}</h4>"
        f"<p>{_facts(result)}</p>{_signals(result)}{_performance(result)}{_points(result)}"
        f"<p><small>{escape(str(result.stamp))}</small></p></div>"
    )


def page(result: ScorecardResult, name: str) -> str:
    """The card as a page that opens without a network."""
    return (
        f"<!DOCTYPE html>\n<html lang='zh'><head><meta charset='utf-8'><title>{escape(name)}</title>"
        f"<style>{_CSS}</style></head><body><h3>{escape(name)}</h3>{sheet(result)}</body></html>\n"
    )


def _facts(result: ScorecardResult) -> str:
    facts = result.facts
    parts = [
        ("样本 rows", f"{facts['n']:g}"), ("坏 bads", f"{facts['bads']:g}"),
        ("坏账率 bad rate", f"{facts['bad_rate']:.2%}"),
        ("变量 features", str(len(result.features))),
        ("基准 scale", f"{result.scale.points:.0f} @ {result.scale.odds:.3g} : 1, PDO {result.scale.pdo:.3g}"),
    ]  # fmt: skip
    steps = result.calibration.get("steps", ())
    if steps:
        parts.append(("校准 calibration", ", ".join(str(step["method"]) for step in steps)))
    return " · ".join(f"{escape(a)} <b>{escape(b)}</b>" for a, b in parts)


def _signals(result: ScorecardResult) -> str:
    rows = []
    for row in result.signals().to_dict("records"):
        colour, sign, word = MARKS[row["colour"]]
        mark = f"<span style='color:{colour}' title='{word}'>{sign} {word}</span>"
        rows.append(_cells([(_LEFT, mark), (_LEFT, f"{escape(row['zh'])} {escape(row['en'])}")]))
    return f"<table style='{_TABLE}'><tbody>{''.join(rows)}</tbody></table>"


def _performance(result: ScorecardResult) -> str:
    table = result.performance
    if not len(table):
        return ""
    heads = ["样本 rows", "户数 n", "坏 bads", "村 villages", "AUC (95 %)", "KS", "坏账率 bad rate (95 %)",
             "平均PD mean PD", "log-loss", "PSI"]  # fmt: skip
    rows = []
    for row in table.to_dict("records"):
        name = " ".join(ROLE_NAMES.get(row["part"], (row["part"],)))
        auc = f"{row['auc']:.3f} ({_text(row['auc_lo'], '.3f')}–{_text(row['auc_hi'], '.3f')})"
        rate = f"{row['bad_rate']:.2%} ({_text(row['bad_rate_lo'], '.2%')}–{_text(row['bad_rate_hi'], '.2%')})"
        values = [f"{row['n']:g}", f"{row['bads']:g}", f"{row['villages'] or '–'}", auc, f"{row['ks']:.3f}", rate,
                  f"{row['mean_pd']:.2%}", f"{row['log_loss']:.4f}", f"{row['psi']:.3f}"]  # fmt: skip
        rows.append(_cells([(_LEFT, escape(name)), *((_RIGHT, escape(v)) for v in values)]))
    alone = "区间按独立样本 intervals take rows as independent"
    note = "区间按村聚类 intervals by village" if table["villages"].max() > 1 else alone
    return _table(heads, rows) + f"<p style='margin:.2em 0'><small>{note}</small></p>"


def _points(result: ScorecardResult) -> str:
    rows, last = [], ""
    table = result.points_table()
    for row in table[(table["n"] > 0) | (table["feature"] == "(base)")].to_dict("records"):
        both = dict.fromkeys([str(row["label_zh"]), str(row["label_en"])])
        name = " ".join(both) if row["feature"] != last else ""
        last = row["feature"]
        label = " ".join(dict.fromkeys([str(row["bin_zh"]), str(row["bin_en"])]))
        rate = "–" if pd.isna(row["bad_rate"]) else f"{row['bad_rate']:.2%}"
        cells = [(_LEFT, f"<b>{escape(name)}</b>"), (_LEFT, escape(label)), (_RIGHT, f"{row['n']:g}"), (_RIGHT, rate),
                 (_RIGHT, f"<b>{row['points']:d}</b>")]  # fmt: skip
        rows.append(_cells(cells))
    return _table(["变量 feature", "分箱 bin", "户数 n", "坏账率 bad rate", "分值 points"], rows)


def _text(value: float, form: str) -> str:
    return format(value, form) if np.isfinite(value) else "–"


def _cells(cells: list[tuple[str, str]]) -> str:
    return "<tr>" + "".join(f"<td style='{style}'>{text}</td>" for style, text in cells) + "</tr>"


def _table(heads: list[str], rows: list[str]) -> str:
    head = "".join(f"<th style='{_LEFT if k == 0 else _RIGHT}'>{escape(h)}</th>" for k, h in enumerate(heads))
    return f"<table style='{_TABLE}'><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
