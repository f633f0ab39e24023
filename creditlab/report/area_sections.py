"""The sections of a validation: an area, its verdict, its tests, its figures; and where nothing was tested, why.

Section by section it arranges the rows of a `ValidationResult`; it estimates nothing. What a model or a figure adds to
an area is handed in as further blocks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from creditlab.plots import validation as validation_plots
from creditlab.plots.words import Text
from creditlab.report.document import Block, Callout, FigureBlock, Paragraph, Section, TableBlock, pair_texts
from creditlab.report.loan_parts import said
from creditlab.report.outline import AREAS, BY_ID, Area, area_head, area_of, numbered

#: from the mildest to the worst
COLOURS = ("info", "green", "amber", "red")
SPLITS = {
    "development": Text("开发样本", "development"),
    "train": Text("开发样本", "development"),
    "test": Text("测试样本", "test"),
    "out-of-time": Text("时间外样本", "out-of-time"),
    "oot": Text("时间外样本", "out-of-time"),
    "early": Text("前期样本", "early"),
    "late": Text("后期样本", "late"),
}
MODELS = {
    "card": Text("评分卡", "scorecard"),
    "challenger": Text("挑战者", "challenger"),
    "card (out of village)": Text("评分卡（村外）", "scorecard (out of village)"),
    "model": Text("模型", "model"),
}
_GRADE = re.compile(r"\bgrade (?=\d)")
#: how a family says which of its rows is the worst
_WORST = re.compile(r"(?s)^worst (?:of )?最差(?:: (.*?))? \((\d+) rows 行\);?(.*)$")
#: tests with a row per grade, period or group: a table of their own, with the scope as first column
FAMILIES = 12
_NUMBERS = ("estimate", "lo", "hi", "statistic", "p_value", "p_adjusted")
_WORDS = {
    "test": Text("检验", "test"),
    "model": Text("模型", "model"),
    "where": Text("样本或范围", "sample or scope"),
    "verdict": Text("结论", "verdict"),
    "n": Text("样本量", "n"),
    "estimate": Text("估计值", "estimate"),
    "lo": Text("下限", "lower"),
    "hi": Text("上限", "upper"),
    "statistic": Text("统计量", "statistic"),
    "df": Text("自由度", "df"),
    "p_value": Text("p 值", "p-value"),
    "p_adjusted": Text("校正 p 值", "adjusted p"),
    "reason": Text("备注", "remark"),
}
_NOTE = Text(
    "区间按村（组）聚类，未给组时按行；阈值、假设与出处见附录，阈值可由本行在 TOML 中设定。",
    "Intervals are clustered by village (group), by row where none was given; thresholds, "
    "hypotheses and references are in the appendix; a bank sets its own thresholds in TOML.",
)


def area_tests(result: Any) -> dict[str, pd.DataFrame]:
    """Area → its rows of the validation, with words in both languages."""
    tests = pair_texts(result.tidy(), "test")
    tests = tests.assign(
        area=[getattr(area_of(id), "id", "") for id in tests["id"]],
        where=[_where(split, scope) for split, scope in zip(tests["split"], tests["scope"], strict=True)],
        model=tests["model"].map(lambda m: MODELS.get(m, m)).astype(object),
    )
    if "reason" in tests:
        tests = tests.assign(
            reason=pd.Series([said(v) if v else v for v in tests["reason"]], tests.index, dtype=object)
        )
    return {area.id: tests[tests["area"] == area.id] for area in AREAS}


def _where(split: Any, scope: Any) -> Any:
    """The scope in words, without the model before it, which has a column of its own."""
    scope = str(scope)
    tail = scope.split(" · ", 1)[-1]
    if tail == "all":
        return Text("全部", "all")
    if tail in SPLITS:
        return SPLITS[tail]
    head, _, rest = tail.partition(" · ")
    if rest and (head in SPLITS or head == "all"):
        sample = SPLITS.get(head, Text("全部", "all"))
        return Text(f"{sample.zh} · {_GRADE.sub('等级 ', rest)}", f"{sample.en} · {rest}")
    return Text(_GRADE.sub("等级 ", tail), tail) if _GRADE.search(tail) else tail


def _remark(reason: Any) -> Text:
    """A remark in the reader's language, with the worst row of a family said in words."""
    found = _WORST.match(str(reason))
    if not found:
        return said(reason)
    zh, en = f"{found[2]} 行中最差者", f"worst of {found[2]} rows"
    if found[1]:
        scope = _where("", found[1])
        named = scope if isinstance(scope, Text) else Text.same(scope)
        zh, en = f"{zh}：{named.zh}", f"{en}: {named.en}"
    if found[3].strip():
        rest = said(found[3].strip())
        zh, en = f"{zh}；{rest.zh}", f"{en}; {rest.en}"
    return Text(zh, en)


def worst(tests: pd.DataFrame) -> str:
    """The worst colour of some rows; 'none' where nothing could be judged."""
    seen = [v for v in tests["verdict"] if v in COLOURS]
    return max(seen, key=COLOURS.index) if seen else "none"


def strip(result: Any) -> TableBlock:
    """One line per area: how many tests, how many of each colour, the worst."""
    rows = []
    for id, tests in area_tests(result).items():
        if not BY_ID[id].prefixes:
            continue
        counts = tests["verdict"].value_counts()
        refused = int((tests["reason"].astype("str") != "").sum())
        rows.append(
            {
                "area": numbered(id),
                "state": worst(tests) if len(tests) else "none",
                "tests": len(tests),
                **{colour: int(counts.get(colour, 0)) for colour in ("red", "amber", "green")},
                "remarks": refused,
            }
        )
    words = {
        "area": Text("部分", "area"),
        "state": Text("最差结论", "worst verdict"),
        "tests": Text("检验数", "tests"),
        "red": Text("不合格", "fail"),
        "amber": Text("关注", "watch"),
        "green": Text("合格", "pass"),
        "remarks": Text("有备注", "with a remark"),
    }
    note = Text(
        "颜色按所附阈值自动给出，只是提示；结论由人作出。",
        "Colours follow the thresholds and are a hint; the verdict is a person's.",
    )
    return TableBlock(
        "cover.areas", Text("各部分一览", "The areas at a glance"), pd.DataFrame(rows), words, {"state": "state"}, note
    )


def area_section(area: Area, tests: pd.DataFrame, more: Sequence[Block] = ()) -> Section:
    """The section of one area: its question, its verdict in one line, figures and other blocks, its tests."""
    blocks: list[Block] = []
    if area.asks:
        blocks.append(Paragraph(area.asks))
    if len(tests):
        blocks.append(_verdict(tests))
    elif not more:
        blocks.append(_untested(area))
    blocks += more
    blocks += _tables(area, tests)
    return Section(**area_head(area.id), blocks=blocks)


def _untested(area: Area) -> Block:
    need = area.needs or Text("没有结果", "no results")
    return Callout(Text(f"未检验：{need.zh}。", f"Not tested: {need.en}."), "none")


def _verdict(tests: pd.DataFrame) -> Block:
    counts = tests["verdict"].value_counts()
    red, amber, green = (int(counts.get(c, 0)) for c in ("red", "amber", "green"))
    other = len(tests) - red - amber - green
    zh = f"{len(tests)} 项检验：不合格 {red}，关注 {amber}，合格 {green}，仅供参考或无法估计 {other}。"
    en = f"{len(tests)} tests: {red} fail, {amber} watch, {green} pass, {other} for information or not estimable."
    return Callout(Text(zh, en), worst(tests))


def _tables(area: Area, tests: pd.DataFrame) -> list[Block]:
    """The tests of the area in one table; a test with many scopes in a table of its own."""
    if not len(tests):
        return []
    counts = tests["id"].value_counts()
    large = [id for id in dict.fromkeys(tests["id"]) if counts[id] > FAMILIES]
    blocks: list[Block] = []
    rest = tests[~tests["id"].isin(large)]
    if len(rest):
        blocks.append(_table(f"{area.id}.tests", Text("检验结果", "Tests"), rest))
    for id in large:
        rows = tests[tests["id"] == id]
        title = rows["test"].iloc[0]
        blocks.append(_table(f"{area.id}.{id}", title, rows, "test"))
    return blocks


def _table(id: str, title: Text, tests: pd.DataFrame, without: str = "") -> TableBlock:
    columns = {c: w for c, w in _WORDS.items() if c != without and _filled(tests[c])}
    formats = {c: ".4f" for c in _NUMBERS if c in columns} | ({"verdict": "state"} if "verdict" in columns else {})
    return TableBlock(id, title, tests, columns, formats, _NOTE)


def _filled(column: pd.Series) -> bool:
    return bool(column.notna().any() and (column.astype("str") != "").any())


def roc_figure(result: Any) -> list[Block]:
    """The ROC curves of the validation."""
    curves = result.curves[result.curves["curve"] == "roc"]
    if not len(curves):
        return []
    alt = Text("各模型各样本的 ROC 曲线。", "ROC curve of each model on each sample.")
    return [
        FigureBlock("discrimination.roc", Text("ROC 曲线", "ROC curves"), validation_plots.roc(result), alt, curves)
    ]


def calibration_figure(result: Any) -> list[Block]:
    """Predicted against observed rates of the validation."""
    curves = result.curves[result.curves["curve"] == "calibration"]
    if not len(curves):
        return []
    alt = Text("按预测违约率分组的实际坏账率及区间。", "Observed bad rate with interval in groups of predicted PD.")
    title = Text("校准：预测与实际", "Calibration: predicted against observed")
    return [FigureBlock("calibration.curve", title, validation_plots.calibration(result), alt, curves)]


def area_sections(result: Any, more: Mapping[str, Sequence[Block]] | None = None) -> dict[str, Section]:
    """Section id → section, for every area that tests can fill, with further blocks by area."""
    more = dict(more or {})
    figures = {"discrimination": roc_figure(result), "calibration": calibration_figure(result)}
    tested = area_tests(result)
    return {
        area.id: area_section(area, tested[area.id], [*figures.get(area.id, ()), *more.get(area.id, ())])
        for area in AREAS
        if area.prefixes
    }
