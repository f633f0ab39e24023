"""The sections on data, scorecard, validation and explanations."""

from __future__ import annotations

from typing import Any

import pandas as pd

from creditlab.plots import binning as binning_plots
from creditlab.plots import explanation as explanation_plots
from creditlab.plots import loans as loan_plots
from creditlab.plots import scorecard as scorecard_plots
from creditlab.plots import validation as validation_plots
from creditlab.plots.words import Text
from creditlab.report.document import Block, Callout, FigureBlock, Paragraph, Section, TableBlock, pair_texts

SPLITS = {
    "development": Text("开发样本", "development"),
    "test": Text("测试样本", "test"),
    "out-of-time": Text("时间外样本", "out-of-time"),
}
MODELS = {"card": Text("评分卡", "scorecard"), "challenger": Text("挑战者", "challenger")}


def data(study: Any) -> Section:
    """What was read, whether it agrees with the ledger, what was imperfect, who is in the sample."""
    blocks: list[Block] = []
    if study.reconciliation is not None:
        blocks += _reconciliation(study.reconciliation)
    splits = study.splits.assign(split=study.splits["split"].map(lambda s: SPLITS.get(s, Text.same(s))))
    blocks.append(
        TableBlock(
            "data.splits",
            Text("样本划分", "Samples"),
            splits,
            {
                "split": Text("样本", "sample"),
                "n": Text("样本量", "n"),
                "bads": Text("坏样本数", "bads"),
                "bad_rate": Text("坏账率", "bad rate"),
            },
            {"bad_rate": ".2%"},
        )
    )
    if study.waterfall is not None:
        blocks.append(
            TableBlock(
                "data.waterfall",
                Text("样本形成（逐步剔除）", "How the sample came about"),
                pair_texts(study.waterfall.rename(columns={"zh": "what_zh", "en": "what_en"}), "what"),
                {"what": Text("步骤", "step"), "n": Text("涉及户次", "concerned"), "left": Text("剩余户次", "left")},
            )
        )
    blocks.append(_findings(study.findings))
    blocks.append(TableBlock("data.sources", Text("读入的表", "Tables read"), study.sources))
    return Section("data", Text("数据", "Data"), blocks)


def _reconciliation(result: Any) -> list[Block]:
    facts = result.facts
    differences = result.differences()
    state = "amber" if len(differences) else "green"
    text = Text(
        f"台账与总账核对：{facts['months']} 个月、{facts['cells']} 个单元格，{facts['differing_cells']} 个不一致。",
        f"Book against the bank's control totals: {facts['months']} months, {facts['cells']} cells, "
        f"{facts['differing_cells']} differ.",
    )
    figure = FigureBlock(
        "data.npl",
        Text("不良率：按笔数与按余额", "NPL ratio by count and by balance"),
        loan_plots.npl(result),
        Text("各月末不良率，按笔数与按余额两种口径。", "NPL ratio at each month end, by count and by balance."),
        _npl_table(result),
    )
    table = TableBlock("data.reconciliation", Text("不一致的单元格", "Cells that differ"), differences)
    return [Callout(text, state), *([table] if len(differences) else []), figure]


def _npl_table(result: Any) -> pd.DataFrame:
    return loan_plots.npl_by_month(result)


def _findings(findings: pd.DataFrame) -> Block:
    if len(findings) == 0:
        return Paragraph(Text("数据检查没有发现问题。", "The checks of the data found nothing."))
    note = Text("行号从 0 起；不显示任何个人取值。", "Row numbers start at 0; no value of a person is shown.")
    return TableBlock(
        "data.findings",
        Text("数据检查发现", "Findings in the data"),
        findings,
        {
            "table": Text("表", "table"),
            "column": Text("列", "column"),
            "rule": Text("规则与处理", "rule"),
            "severity": Text("严重度", "severity"),
            "rows": Text("行数", "rows"),
            "first_rows": Text("首几行", "first rows"),
        },
        note=note,
    )


def scorecard(study: Any) -> Section:
    """Which characteristics, which points, which coefficients with which certainty."""
    card = study.models["card"].result_
    selection = pair_texts(card.selection, "reason")
    points = card.points_table()
    blocks: list[Block] = [
        FigureBlock(
            "scorecard.iv",
            Text("各特征信息值", "Information value by characteristic"),
            binning_plots.iv(card.bins),
            Text("开发样本上各特征的信息值。", "Information value of each characteristic on the development sample."),
            card.bins.tidy(),
        ),
        TableBlock(
            "scorecard.selection",
            Text("特征筛选", "Selection"),
            selection,
            formats={"iv": ".4f"},
            note=_selection_note(),
        ),
        TableBlock("scorecard.coefficients", Text("系数", "Coefficients"), card.tidy()),
        FigureBlock(
            "scorecard.coefficients_figure",
            Text("系数与区间", "Coefficients with intervals"),
            scorecard_plots.coefficients(card),
            Text(
                "各特征系数及其区间；区间按村聚类。",
                "Coefficient and interval of each characteristic, clustered by village.",
            ),
            card.tidy(),
        ),
        TableBlock("scorecard.points", Text("分值表", "Points table"), points, shown=400),
    ]
    return Section("scorecard", Text("评分卡", "Scorecard"), blocks)


def _selection_note() -> Text:
    return Text(
        "系数符号与坏账率相矛盾者不入卡。p 值未对筛选过程作调整。",
        "A characteristic whose points would contradict its bad rate stays out. P-values are not adjusted for "
        "the selection.",
    )


def validation(result: Any) -> Section:
    """Does it separate, are its PDs right, does it last: tests by sample and model."""
    tests = pair_texts(result.tidy(), "test")
    split = tests["split"] != ""
    tests = tests[split] if split.any() else tests
    grades = tests["id"] == "cal.jeffreys_grade"
    curves = result.curves
    blocks: list[Block] = [
        _tests("validation.tests", Text("检验结果", "Tests"), tests[~grades], "split"),
        FigureBlock(
            "validation.roc",
            Text("ROC 曲线", "ROC curves"),
            validation_plots.roc(result),
            Text("各模型各样本的 ROC 曲线。", "ROC curve of each model on each sample."),
            curves[curves["curve"] == "roc"],
        ),
        FigureBlock(
            "validation.calibration",
            Text("校准：预测与实际", "Calibration: predicted against observed"),
            validation_plots.calibration(result),
            Text("按预测违约率分组的实际坏账率及区间。", "Observed bad rate with interval in groups of predicted PD."),
            curves[curves["curve"] == "calibration"],
        ),
        _tests(
            "validation.grades", Text("分级校准（Jeffreys）", "Calibration by grade (Jeffreys)"), tests[grades], "scope"
        ),
    ]
    return Section("validation", Text("验证", "Validation"), blocks)


def _tests(id: str, title: Text, tests: pd.DataFrame, sample: str) -> TableBlock:
    words = {
        "test": Text("检验", "test"),
        "model": Text("模型", "model"),
        sample: Text("样本", "sample"),
        "n": Text("样本量", "n"),
        "estimate": Text("估计值", "estimate"),
        "lo": Text("下限", "lower"),
        "hi": Text("上限", "upper"),
        "statistic": Text("统计量", "statistic"),
        "df": Text("自由度", "df"),
        "p_value": Text("p 值", "p-value"),
        "p_adjusted": Text("校正 p 值", "adjusted p"),
        "verdict": Text("结论", "verdict"),
        "threshold": Text("阈值", "threshold"),
        "reason": Text("备注", "remark"),
        "reference": Text("依据", "reference"),
    }
    numbers = ("estimate", "lo", "hi", "statistic", "p_value", "p_adjusted")
    columns = {c: w for c, w in words.items() if tests[c].notna().any() and (tests[c].astype("str") != "").any()}
    note = Text(
        "区间按组（村）聚类；各检验的零假设与多重检验校正见阈值与依据列；无法估计者在备注中说明原因。",
        "Intervals are clustered by group (village); thresholds and references say what is tested and how "
        "multiplicity is handled; what cannot be estimated says why in the remark.",
    )
    formats = {c: ".4f" for c in numbers if c in columns} | ({"verdict": "state"} if "verdict" in columns else {})
    return TableBlock(id, title, tests, columns, formats, note)


def explanations(study: Any) -> Section:
    """What moves the scores, in one form for card and challenger."""
    blocks: list[Block] = []
    for label, explanation in study.explanations.items():
        name = MODELS[label]
        blocks.append(
            FigureBlock(
                f"explanation.{label}",
                Text(f"{name.zh}：平均绝对贡献", f"{name.en.capitalize()}: mean absolute contribution"),
                explanation_plots.importance(explanation),
                Text(
                    "各特征对对数几率的平均绝对贡献。",
                    "Mean absolute contribution of each characteristic to the log-odds of bad.",
                ),
                explanation.tidy(),
            )
        )
        blocks.append(Paragraph(_value_function(explanation)))
    if study.dictionary:
        by_source = study.explanations["card"].by_source(study.dictionary).tidy().rename(columns={"feature": "source"})
        blocks.append(TableBlock("explanation.sources", Text("评分卡：按数据来源", "Scorecard: by source"), by_source))
    return Section("explanation", Text("解释", "Explanations"), blocks)


def _value_function(explanation: Any) -> Text:
    zh, en = explanation.value_function
    return Text(zh, en)
