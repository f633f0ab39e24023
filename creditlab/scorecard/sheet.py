"""The card on one page of HTML, for a notebook or a file: checks, performance, points. Text from data is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from creditlab.scorecard.sample import ROLE_NAMES
from creditlab.scorecard.signals import limits_of

if TYPE_CHECKING:
    from creditlab.scorecard.result import ScorecardResult

#: colour and sign of each signal: the sign tells them apart in grey
MARKS = {
    "green": ("#2e8b57", "●", "绿 green"), "amber": ("#c9820a", "▲", "黄 amber"), "red": ("#c0392b", "■", "红 red"),
}  # fmt: skip
_CELL = "padding:.15em .6em;vertical-align:top;"
_LEFT = _CELL + "text-align:left;white-space:nowrap"
_WRAPPED = _CELL + "text-align:left;white-space:normal;min-width:9em;max-width:24em"
_RIGHT = _CELL + "text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums"
_RULE = ";border-top:1px solid #999"
_TABLE = "border-collapse:collapse;font-size:.95em;line-height:1.3;margin:.6em 0"
_CSS = (
    "body{font-family:'Noto Sans SC','Noto Sans CJK SC','Microsoft YaHei',sans-serif;margin:2em;max-width:80em}"
    "@media print{body{margin:0}tr{break-inside:avoid}}"
)
#: how wide the bar of points may be, in em
BAR = 9.0

Cell = tuple[str, str]


def sheet(result: ScorecardResult) -> str:
    """The card as a fragment of HTML."""
    parts = [
        f"<h4>{escape(result.title)}</h4><p>{_facts(result)}</p>",
        _headed("检查 Checks", _signals(result)),
        _headed("表现 Performance", _performance(result)),
        _headed("分值表 Points", _points(result)),
        _headed("人工改分 Points set by hand", _edits(result)),
        _headed("专家分与数据 Expert and data", _blend(result)),
        _headed("校准 Calibration", _calibration(result)),
        f"<p><small>{escape(str(result.stamp))}</small></p>",
    ]
    return f"<div class='creditlab-result' style='overflow-x:auto'>{''.join(parts)}</div>"


def page(result: ScorecardResult, name: str) -> str:
    """The card as a page that opens without a network."""
    return (
        "<!DOCTYPE html>\n<html lang='zh'><head><meta charset='utf-8'>"
        f"<meta name='viewport' content='width=device-width'><title>{escape(name)}</title>"
        f"<style>{_CSS}</style></head><body><h3>{escape(name)}</h3>{sheet(result)}</body></html>\n"
    )


def _headed(title: str, body: str) -> str:
    return f"<h5 style='margin:1em 0 .2em'>{escape(title)}</h5>{body}" if body else ""


def _facts(result: ScorecardResult) -> str:
    facts = result.facts
    parts = [
        ("训练样本 training rows", f"{facts['n']:g}"), ("坏 bads", f"{facts['bads']:g}"),
        ("坏账率 bad rate", f"{facts['bad_rate']:.2%}"),
        ("变量 features", str(len(result.features))),
        ("基准 scale", f"{result.scale.points:.0f} @ {result.scale.odds:.3g} : 1, PDO {result.scale.pdo:.3g}"),
    ]  # fmt: skip
    return " · ".join(f"{escape(a)} <b>{escape(b)}</b>" for a, b in parts)


def _signals(result: ScorecardResult) -> str:
    table = result.signals()
    counts = table["colour"].value_counts()
    total = " ".join(_mark(name, f"{MARKS[name][2]} {int(counts.get(name, 0))}") for name in MARKS)
    rows = []
    for row in table.to_dict("records"):
        limits = escape(limits_of(row))
        cells = [(_LEFT, _mark(row["colour"], MARKS[row["colour"]][2])), (_WRAPPED, escape(row["zh"])),
                 (_WRAPPED + ";max-width:34em", escape(row["en"])), (_LEFT, limits)]  # fmt: skip
        rows.append(_cells(cells))
    heads = [(_LEFT, ""), (_LEFT, "检查"), (_LEFT, "check"), (_LEFT, "界限 limits")]
    return f"<p style='margin:.2em 0'>{total}</p>" + _table(heads, rows)


def _mark(colour: str, text: str) -> str:
    shade, sign, _ = MARKS[colour]
    return f"<span style='color:{shade}'>{sign} {escape(text)}</span>"


def _performance(result: ScorecardResult) -> str:
    table = result.performance
    if not len(table):
        return ""
    heads = [(_LEFT, "样本 rows"), *((_RIGHT, text) for text in (
        "户数 n", "坏 bads", "村 villages", "AUC (95 %)", "KS", "坏账率 bad rate (95 %)", "平均PD mean PD", "log-loss",
        "PSI (偶然 by chance)"))]  # fmt: skip
    rows: list[str] = []
    for row in table.to_dict("records"):
        name = " ".join(ROLE_NAMES.get(row["part"], (row["part"],)))
        auc = f"{_text(row['auc'], '.3f')} ({_text(row['auc_lo'], '.3f')}–{_text(row['auc_hi'], '.3f')})"
        rate = f"{row['bad_rate']:.2%} ({_text(row['bad_rate_lo'], '.2%')}–{_text(row['bad_rate_hi'], '.2%')})"
        shift = f"{row['psi']:.3f} ({row['psi_chance']:.3f})" if rows else "–"
        values = [f"{row['n']:g}", f"{row['bads']:g}", f"{row['villages'] or '–'}", auc, _text(row["ks"], ".3f"), rate,
                  f"{row['mean_pd']:.2%}", f"{row['log_loss']:.4f}", shift]  # fmt: skip
        rows.append(_cells([(_LEFT, escape(name)), *((_RIGHT, escape(v)) for v in values)]))
    alone = "区间按独立样本 intervals take rows as independent"
    note = "区间按村聚类 intervals by village" if table["villages"].max() > 1 else alone
    return _table(heads, rows) + _note(note)


def _points(result: ScorecardResult) -> str:
    table = result.points_table()
    table = table[(table["n"] > 0) | (table["feature"] == "(base)")].reset_index(drop=True)
    ends = table.loc[table["feature"] != "(base)", "points"]
    low, high = (float(ends.min()), float(ends.max())) if len(ends) else (0.0, 0.0)
    sizes = table["feature"].value_counts()
    rows, last = list[str](), ""
    for row in table.to_dict("records"):
        first = row["feature"] != last
        last = row["feature"]
        rule = _RULE if first else ""
        label = (_WRAPPED + rule, escape(_both(row, "bin")))
        cells = [label, *_numbers(row, rule), (_LEFT + rule, _bar(row, low, high))]
        name = f"<td style='{_WRAPPED + rule}' rowspan='{sizes[last]}'><b>{escape(_both(row, 'label'))}</b></td>"
        rows.append(_cells(cells, before=name if first else ""))
    heads = [(_LEFT, "变量 feature"), (_LEFT, "分箱 bin"), *((_RIGHT, text) for text in (
        "户数 n", "坏 bads", "坏账率 bad rate", "分值 points", "90 %")), (_LEFT, "")]  # fmt: skip
    note = (
        f"分数越高越安全；90 %：{limits_of_points(result)[0]}；▲ 该箱坏（或好）样本少于 5 个。"
        f" Higher is safer; 90 %: {limits_of_points(result)[1]}; ▲ fewer than 5 bads (or goods) in the bin."
    )
    return _table(heads, rows) + _note(note)


def limits_of_points(result: ScorecardResult) -> tuple[str, str]:
    """What the limits of points are."""
    if result.bin_se:
        return "该箱在其他变量之外的贡献的区间", "limits of what the bin adds beside the other features"
    return (
        "该箱好坏比的抽样区间换算成分值，系数视为已知",
        "what the interval of the bin's odds is in points, the coefficient taken as known",
    )


def _numbers(row: dict[str, Any], rule: str) -> list[Cell]:
    rate = "–" if pd.isna(row["bad_rate"]) else f"{row['bad_rate']:.2%}"
    mark = f" <span title='thin' style='color:{MARKS['amber'][0]}'>{MARKS['amber'][1]}</span>" if row["thin"] else ""
    limits = f"{round(row['points_lo']):d}…{round(row['points_hi']):d}" if np.isfinite(row["points_lo"]) else ""
    texts = [f"{row['n']:g}", f"{row['bads']:g}", rate, f"<b>{row['points']:d}</b>{mark}", limits]
    return [(_RIGHT + rule, text) for text in texts]


def _bar(row: dict[str, Any], low: float, high: float) -> str:
    if row["feature"] == "(base)" or high <= low:
        return ""
    width = BAR * (row["points"] - low) / (high - low)
    return f"<div style='background:#8fa9c4;height:.8em;margin-top:.2em;width:{width:.2f}em'></div>"


def _both(row: dict[str, Any], name: str) -> str:
    """A text in both languages, once where they are the same."""
    return " ".join(dict.fromkeys([str(row[f"{name}_zh"]), str(row[f"{name}_en"])]))


def _edits(result: ScorecardResult) -> str:
    log = result.edit_log()
    if not len(log):
        return ""
    rows = []
    for row in log.to_dict("records"):
        known = not pd.isna(row.get("auc_before", np.nan))
        cost = (
            [f"{row['auc_after'] - row['auc_before']:+.5f}", f"{row['log_loss_after'] - row['log_loss_before']:+.5f}",
             f"{row['changed']:.1%}"] if known else ["未测 not measured", "–", "–"]
        )  # fmt: skip
        name = " ".join(dict.fromkeys(result.label(row["feature"], lang) for lang in ("zh", "en")))
        before = "–" if pd.isna(row["points_before"]) else f"{row['points_before']:.1f}"
        words = [(_WRAPPED, name), (_WRAPPED, row["bin"]), (_RIGHT, before), (_RIGHT, f"{row['points']:g}"),
                 (_WRAPPED, row["reason"]), (_LEFT, row["author"]), (_LEFT, row["made_at"][:10]),
                 *((_RIGHT, text) for text in cost)]  # fmt: skip
        rows.append(_cells([(style, escape(str(text))) for style, text in words]))
    heads = [(_LEFT, "变量 feature"), (_LEFT, "分箱 bin"), (_RIGHT, "原分 before"), (_RIGHT, "改为 set to"),
             (_LEFT, "理由 reason"), (_LEFT, "修改人 author"), (_LEFT, "日期 date"), (_RIGHT, "AUC"),
             (_RIGHT, "log-loss"), (_RIGHT, "改变的决策 decisions changed")]  # fmt: skip
    moved = "之后的校准把这些分值与全卡一并变换。 A later calibration moved these points with the whole card."
    return _table(heads, rows) + _note(moved if result.calibration.get("steps") else "")


def _blend(result: ScorecardResult) -> str:
    table = result.blend
    if not len(table):
        return ""
    rows, last = [], ""
    for row in table.to_dict("records"):
        rule = _RULE if row["feature"] != last else ""
        name = " ".join(dict.fromkeys(result.label(row["feature"], lang) for lang in ("zh", "en"))) if rule else ""
        last = row["feature"]
        texts = [f"{row['n']:g}", f"{row['bads']:g}", f"{row['data_points']:.1f}", f"{row['expert_points']:.1f}",
                 f"{row['expert_share']:.0%}", f"{row['blended_points']:.1f}", f"{row['moved']:+.1f}"]  # fmt: skip
        rows.append(_cells([(_WRAPPED + rule, f"<b>{escape(name)}</b>"), (_WRAPPED + rule, escape(_both(row, "label"))),
                            *((_RIGHT + rule, text) for text in texts)]))  # fmt: skip
    heads = [(_LEFT, "变量 feature"), (_LEFT, "分箱 bin"), *((_RIGHT, text) for text in (
        "户数 n", "坏 bads", "数据分 data", "专家分 expert", "专家权重 share of the expert", "合成分 blended",
        "变动 moved"))]  # fmt: skip
    return _table(heads, rows) + _note(_stated(result))


def _stated(result: ScorecardResult) -> str:
    """What the expert stated the points to be worth."""
    weight, author = result.facts.get("expert_weight"), result.facts.get("expert_author")
    if weight is None:
        return ""
    reason = result.facts.get("expert_reason", "")
    return (
        f"专家分在每个箱内相当于 {weight:g} 个坏样本的证据（{author}：{reason}）。"
        f" In every bin the expert's points are worth {weight:g} bads of evidence ({author}: {reason})."
    )


def _calibration(result: ScorecardResult) -> str:
    steps: Sequence[Any] = result.calibration.get("steps", ())
    if not steps:
        return ""
    rows = []
    for step in steps:
        line = f"{step['intercept']:+.4f} + {step['slope']:.4f} ·" if "slope" in step else "–"
        texts = [f"{step['n']:g}", line, *(_percent(step.get(name)) for name in (
            "bad_rate", "mean_pd_before", "mean_pd_after")), *(_digits(step.get(name)) for name in (
            "log_loss_before", "log_loss_after"))]  # fmt: skip
        rows.append(_cells([(_LEFT, escape(str(step["method"]))), *((_RIGHT, escape(text)) for text in texts)]))
    heads = [(_LEFT, "方法 method"), *((_RIGHT, text) for text in (
        "户数 n", "对数几率变换 line of log-odds", "坏账率 bad rate", "平均PD前 mean PD before", "后 after",
        "log-loss 前 before", "后 after"))]  # fmt: skip
    return _table(heads, rows)


def _percent(value: Any) -> str:
    return "–" if value is None else f"{value:.2%}"


def _digits(value: Any) -> str:
    return "–" if value is None else f"{value:.4f}"


def _text(value: float, form: str) -> str:
    return format(value, form) if np.isfinite(value) else "–"


def _note(text: str) -> str:
    return f"<p style='margin:.2em 0;max-width:60em'><small>{escape(text)}</small></p>" if text else ""


def _cells(cells: Sequence[Cell], before: str = "") -> str:
    return f"<tr>{before}" + "".join(f"<td style='{style}'>{text}</td>" for style, text in cells) + "</tr>"


def _table(heads: Sequence[Cell], rows: list[str]) -> str:
    head = "".join(f"<th style='{style}'>{escape(text)}</th>" for style, text in heads)
    return f"<table style='{_TABLE}'><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
