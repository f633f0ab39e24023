"""The findings of a validation, read off its verdicts: severity, statement, evidence, and a proposal for the verdict.

A finding is a test of one model that is amber or red somewhere, or an error in the data. Its id stays the same from
report to report; owner and status are carried over from an earlier report.json. A person closes findings and decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from creditlab.plots.words import Text
from creditlab.report.area_sections import COLOURS, MODELS, area_tests
from creditlab.report.cells import cell
from creditlab.report.document import Block, Callout, Finding, Paragraph, Section, TableBlock
from creditlab.report.outline import area_head

#: ids of tests whose failure is a breach, a leak, or a model that is not what was validated
GRAVE = (
    "dq.leak",
    "dq.special_codes",
    "dq.duplicates",
    "rep.legal",
    "imp.score_parity",
    "imp.edges",
    "imp.reproduce",
    "cal.jeffreys",
    "disc.grade_monotone",
)
OWNER = Text("模型开发", "model developer")
DATA_OWNER = Text("数据管理", "data owner")
#: scopes named in one statement
NAMED = 3


def findings(result: Any, data: pd.DataFrame | None = None, earlier: Mapping[str, Any] | None = None) -> list[Finding]:
    """All findings, the gravest first.

    Parameters
    ----------
    result : a `ValidationResult`.
    data : findings of the data (table column rule rule_zh severity rows), or None.
    earlier : an earlier report.json, whose owners and statuses are kept.
    """
    kept = {f["id"]: f for f in (earlier or {}).get("findings", ())}
    found = [*_of_tests(result), *_of_data(data)]
    order = ("high", "medium", "low", "info")
    listed = sorted(found, key=lambda f: (order.index(f.severity), f.id))
    return [_carried(f, kept.get(f.id)) for f in listed]


def _carried(finding: Finding, before: Mapping[str, Any] | None) -> Finding:
    if before is None:
        return finding
    owner = Text(before["owner"]["zh"], before["owner"]["en"])
    return Finding(finding.id, finding.severity, finding.statement, finding.evidence, owner, before["status"])


def _of_tests(result: Any) -> Iterable[Finding]:
    for area, tests in area_tests(result).items():
        bad = tests[tests["verdict"].isin(["amber", "red"])]
        for (id, model), rows in bad.groupby([bad["id"], bad["model"].map(_plain)], sort=True):
            colour = max(rows["verdict"], key=COLOURS.index)
            evidence = f"{area}.{id}" if (tests["id"] == id).sum() > 12 else f"{area}.tests"
            yield Finding(
                f"F.{id}.{_slug(model)}", severity(id, colour, area), _statement(rows, colour), evidence, OWNER
            )


def _plain(model: Any) -> str:
    return model.en if isinstance(model, Text) else str(model)


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "model"


def severity(test: str, colour: str, area: str) -> str:
    """Grave tests that fail are high; other failures, and what decides on loans, medium; the rest low.

    >>> severity("imp.score_parity", "red", "implementation"), severity("disc.auc", "amber", "discrimination")
    ('high', 'medium')
    """
    if colour == "red":
        return "high" if test.startswith(GRAVE) and test != "cal.jeffreys_grade" else "medium"
    return "medium" if area in ("discrimination", "calibration", "fairness", "transfer") else "low"


def _statement(rows: pd.DataFrame, colour: str) -> Text:
    first = rows.iloc[0]
    test, model = first["test"], MODELS.get(first["model"], first["model"])
    model = model if isinstance(model, Text) else Text.same(model or "–")
    said = rows[rows["verdict"] == colour]
    zh = "；".join(_place(row, "zh") for _, row in said.head(NAMED).iterrows())
    en = "; ".join(_place(row, "en") for _, row in said.head(NAMED).iterrows())
    more = len(said) - NAMED
    words = {"red": Text("不合格", "fails"), "amber": Text("需关注", "to be watched")}[colour]
    tail = (f"；另 {more} 处", f"; {more} more") if more > 0 else ("", "")
    return Text(
        f"{model.zh}：{test.zh}{words.zh}（{zh}{tail[0]}）。",
        f"{model.en.capitalize()}: {test.en} {words.en} ({en}{tail[1]}).",
    )


def _place(row: pd.Series, lang: str) -> str:
    where = row["where"]
    name = getattr(where, lang) if isinstance(where, Text) else str(where)
    value, p = row["estimate"], row["p_value"]
    shown = [cell(float(value)).text.en] if pd.notna(value) else []
    if pd.notna(row["lo"]) and pd.notna(row["hi"]):
        shown.append(f"[{cell(float(row['lo'])).text.en}, {cell(float(row['hi'])).text.en}]")
    if pd.notna(p):
        small = cell(float(p), ".4f").text.en
        shown.append(f"p{small}" if small.startswith("<") else f"p={small}")
    return f"{name} {' '.join(shown)} n={int(row['n']):,}" if pd.notna(row["n"]) else f"{name} {' '.join(shown)}"


def _of_data(data: pd.DataFrame | None) -> Iterable[Finding]:
    if data is None:
        return
    levels = {"stop": "high", "error": "medium"}
    serious = data[data["severity"].isin(list(levels))]
    for (table, column), rows in serious.groupby(["table", "column"], sort=True):
        first = rows.iloc[0]
        level = "high" if (rows["severity"] == "stop").any() else "medium"
        zh = f"数据：{table}.{column}：{first.get('rule_zh', first['rule'])}（{int(rows['rows'].sum()):,} 行）。"
        en = f"Data: {table}.{column}: {first['rule']} ({int(rows['rows'].sum()):,} rows)."
        yield Finding(
            f"F.data.{_slug(str(table))}.{_slug(str(column))}", level, Text(zh, en), "data.findings", DATA_OWNER
        )


PROPOSALS = {
    "high": Text(
        "存在高等级问题：建议先整改，暂不批准。", "High findings are open: mend them first; do not approve yet."
    ),
    "medium": Text("存在中等级问题：建议附条件批准。", "Medium findings are open: approve with conditions."),
    "low": Text("仅有低等级问题：建议批准。", "Only low findings are open: approve."),
    "none": Text("没有未关闭的问题：建议批准。", "No finding is open: approve."),
}


def proposal(listed: Sequence[Finding]) -> str:
    """The gravest severity that is still open, or 'none'."""
    for level in ("high", "medium", "low"):
        if any(f.severity == level and f.status == "open" for f in listed):
            return level
    return "none"


def verdict_blocks(listed: Sequence[Finding]) -> list[Block]:
    """The proposal for the verdict, and the lines on which persons sign."""
    level = proposal(listed)
    state = {"high": "red", "medium": "amber"}.get(level, "green")
    text = PROPOSALS[level]
    signatures = pd.DataFrame(
        {
            "role": [
                Text("模型开发", "developer"),
                Text("独立验证", "independent validator"),
                Text("批准", "approved by"),
            ],
            "name": ["", "", ""],
            "verdict": ["", Text("批准 / 附条件批准 / 否决", "approve / with conditions / reject"), ""],
            "date": ["", "", ""],
        }
    )
    words = {
        "role": Text("角色", "role"),
        "name": Text("姓名与签字", "name and signature"),
        "verdict": Text("结论（由人填写）", "verdict (by a person)"),
        "date": Text("日期", "date"),
    }
    return [
        Callout(Text(f"自动提议：{text.zh}结论由验证人员作出。", f"Proposed: {text.en} The validator decides."), state),
        TableBlock("cover.signatures", Text("签署", "Signatures"), signatures, words),
    ]


def findings_section(listed: Sequence[Finding]) -> Section:
    """The log of findings."""
    note = Text(
        "编号在各期报告间保持不变；责任人与状态沿用上一期 report.json，由人更新。",
        "Ids stay the same from report to report; owner and status are carried over from an earlier report.json and "
        "changed by a person.",
    )
    none: list[Block] = [Paragraph(Text("没有发现问题。", "There are no findings."))]
    return Section(**area_head("findings"), blocks=[Paragraph(note), *(listed or none)])
