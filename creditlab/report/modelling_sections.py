"""The sections on data, scorecard, validation and explanations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from creditlab.data.schema import TABLES
from creditlab.plots import binning as binning_plots
from creditlab.plots import explanation as explanation_plots
from creditlab.plots import loans as loan_plots
from creditlab.plots import scorecard as scorecard_plots
from creditlab.plots.words import WORDS, Text
from creditlab.report.area_sections import MODELS, SPLITS
from creditlab.report.document import Block, FigureBlock, Paragraph, Section, TableBlock, pair_texts
from creditlab.report.loan_ledger import agreement
from creditlab.report.outline import area_head
from creditlab.scorecard.sample import ROLE_NAMES
from creditlab.scorecard.sheet import limits_of_points
from creditlab.scorecard.signals import limits_of


def data_blocks(study: Any) -> list[Block]:
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
    words = {"table": Text("表", "table"), "rows": Text("行数", "rows"), "columns": Text("列数", "columns"),
             "digest": Text("摘要", "digest")}  # fmt: skip
    there = {c: w for c, w in words.items() if c in study.sources}
    blocks.append(TableBlock("data.sources", Text("读入的表", "Tables read"), study.sources, there))
    return blocks


def _reconciliation(result: Any) -> list[Block]:
    differences = result.differences()
    npl = loan_plots.npl_by_month(result)
    figure = FigureBlock(
        "data.npl",
        Text("不良率：按笔数与按余额", "NPL ratio by count and by balance"),
        loan_plots.npl(result),
        Text("各月末不良率，按笔数与按余额两种口径。", "NPL ratio at each month end, by count and by balance."),
        npl,
    )
    words = {"month_end": Text("月末", "month end"), "class5": Text("五级分类", "class")}
    for measure, zh, en in (("notes", "笔数", "notes"), ("balance", "余额（元）", "balance (yuan)")):
        for side, zh_side, en_side in (
            ("book", "台账", "book"),
            ("ledger", "总账", "ledger"),
            ("difference", "差", "diff."),
        ):
            words[f"{measure}_{side}"] = Text(f"{zh_side}{zh}", f"{en}, {en_side}")
    formats = {name: ",.0f" for name in words if name not in ("month_end", "class5")}
    table = TableBlock(
        "data.reconciliation",
        Text("不一致的单元格", "Cells that differ"),
        differences.assign(class5=[WORDS.get(c) or Text.same(c) for c in differences["class5"]]),
        words,
        formats,
        Text(
            "差 = 台账 − 总账。每个不一致都列为数据检查发现。",
            "Difference = book less ledger. Each is a finding below.",
        ),
    )
    return [agreement(result), *([table] if len(differences) else []), figure]


def _findings(findings: pd.DataFrame) -> Block:
    if len(findings) == 0:
        return Paragraph(Text("数据检查没有发现问题。", "The checks of the data found nothing."))
    table = pair_texts(findings.rename(columns={"rule": "rule_en"}), "rule")
    states = {"stop": "red", "error": "red", "warning": "amber", "info": "info"}
    table["severity"] = table["severity"].map(states)
    return TableBlock(
        "data.findings",
        Text("数据检查发现", "Findings in the data"),
        table,
        {
            "severity": Text("严重度", "severity"),
            "table": Text("表", "table"),
            "column": Text("列", "column"),
            "rule": Text("规则与处理", "rule"),
            "rows": Text("行数", "rows"),
            "first_rows": Text("首几行", "first rows"),
        },
        {"severity": "state"},
        Text("行号从 0 起；不显示任何个人取值。", "Row numbers start at 0; no value of a person is shown."),
    )


def labelled(frame: pd.DataFrame, dictionary: Any, column: str = "feature") -> pd.DataFrame:
    """The frame with the names of features replaced by their labels in both languages, where declared."""
    if not dictionary:
        return frame
    named = frame[column].map(
        lambda name: Text(dictionary.label(name, "zh"), dictionary.label(name, "en")) if name in dictionary else name
    )
    return frame.assign(**{column: named.astype(object)})


def design(card: Any, labels: Any) -> Section:
    """Which characteristics, which points, which coefficients with which certainty.

    `card` is the result of a scorecard, `labels` its dictionary (may be empty).
    """
    blocks: list[Block] = [
        _checks(card),
        _performance(card),
        FigureBlock(
            "scorecard.iv",
            Text("各特征信息值", "Information value by characteristic"),
            binning_plots.iv(card.bins, labels=labels or None),
            Text("开发样本上各特征的信息值。", "Information value of each characteristic on the development sample."),
            labelled(card.bins.tidy().rename(columns={"name": "feature"}), labels),
            formats={"iv": ".4f"},
        ),
        TableBlock(
            "scorecard.selection",
            Text("特征筛选", "Selection"),
            labelled(pair_texts(card.selection, "reason"), labels),
            {
                "feature": Text("特征", "characteristic"),
                "iv": Text("信息值", "IV"),
                "bins": Text("分箱数", "bins"),
                "kept": Text("入选", "kept"),
                "reason": Text("原因", "reason"),
            },
            {"iv": ".4f"},
            _selection_note(),
        ),
        FigureBlock(
            "scorecard.coefficients",
            Text("系数与区间", "Coefficients with intervals"),
            scorecard_plots.coefficients(card),
            Text("各特征系数及其区间；区间按村聚类。", "Coefficients with intervals, clustered by village."),
            labelled(card.tidy(), labels),
            _COEFFICIENTS,
            dict.fromkeys(("coef", "se", "z", "p_value", "lo", "hi"), ".4f"),
        ),
        *(_bins(card.bins[name], name, labels) for name in _strongest(card)),
        _points(card, labels),
    ]
    return Section(**area_head("design"), blocks=blocks)


def _checks(card: Any) -> TableBlock:
    """What the card says of itself: signs, bads per feature, thin bins, rounding, held-out rows."""
    signals = card.signals()
    table = pair_texts(signals.rename(columns={"zh": "check_zh", "en": "check_en"}).drop(columns="check"), "check")
    return TableBlock(
        "scorecard.checks",
        Text("评分卡自检", "The card's own checks"),
        table.assign(limits=[limits_of(row) for row in signals.to_dict("records")]),
        {"colour": Text("结果", "result"), "check": Text("检查", "check"), "limits": Text("界限", "limits")},
        {"colour": "state"},
        Text(
            "▲ 关注界限，■ 不合格界限；均为经验值，只提示需要细看之处。",
            "▲ turns amber, ■ turns red. Limits are rules of thumb: they ask for a look and decide nothing.",
        ),
    )


def _performance(card: Any) -> TableBlock:
    """How the card ranks and how its PD fits, on every part of its sample."""
    table = card.performance
    by_village = bool(table["villages"].max() > 1)
    parts = {name: Text(*texts) for name, texts in ROLE_NAMES.items()}
    return TableBlock(
        "scorecard.performance",
        Text("评分卡表现", "How the card performs"),
        table.assign(part=[parts.get(name, Text.same(name)) for name in table["part"]]),
        {
            "part": Text("样本", "rows"),
            "n": Text("样本量", "n"),
            "bads": Text("坏", "bads"),
            "auc": Text.same("AUC"),
            "auc_lo": Text("下限", "lower"),
            "auc_hi": Text("上限", "upper"),
            "ks": Text.same("KS"),
            "bad_rate": Text("坏账率", "bad rate"),
            "bad_rate_lo": Text("下限", "lower"),
            "bad_rate_hi": Text("上限", "upper"),
            "mean_pd": Text("平均PD", "mean PD"),
            "psi": Text.same("PSI"),
        },
        dict.fromkeys(("auc", "auc_lo", "auc_hi", "ks", "psi"), ".3f")
        | dict.fromkeys(("bad_rate", "bad_rate_lo", "bad_rate_hi", "mean_pd"), ".2%") | {"n": ",.0f", "bads": ",.0f"},
        Text("95% 区间，按村（组）聚类。", "95 % limits, by village (group).") if by_village
        else Text("95% 区间，按独立样本。", "95 % limits, rows taken as independent."),
    )  # fmt: skip


def booster_design(booster: Any, labels: Any) -> Section:
    """What a model of trees is made of; its characteristics stand in the section on explanations."""
    facts = booster.glance().iloc[0]
    table = pd.DataFrame({"item": [str(name) for name in facts.index], "value": [str(value) for value in facts]})
    words = {"item": Text("项目", "item"), "value": Text("取值", "value")}
    text = Text(
        "本模型由决策树组成，没有分值表；各特征的作用见第 8 部分。",
        "This model is made of trees and has no points table; what each characteristic does stands in section 8.",
    )
    blocks = [Paragraph(text), TableBlock("design.facts", Text("模型概要", "The model in brief"), table, words)]
    return Section(**area_head("design"), blocks=blocks)


#: characteristics whose bins are drawn; the points table has them all
DRAWN = 6

_COEFFICIENTS = {
    "feature": Text("特征", "characteristic"),
    "coef": Text("系数", "coefficient"),
    "se": Text("标准误", "std. error"),
    "z": Text.same("z"),
    "p_value": Text("p 值", "p-value"),
    "lo": Text("下限", "lower"),
    "hi": Text("上限", "upper"),
    "reason": Text("备注", "remark"),
}


def _strongest(card: Any) -> list[str]:
    selection = card.selection
    return (
        selection[selection["kept"]].sort_values("iv", ascending=False, kind="stable")["feature"].head(DRAWN).tolist()
    )


def _bins(table: Any, name: str, labels: Any) -> FigureBlock:
    zh, en = (labels.label(name, "zh"), labels.label(name, "en")) if labels else (name, name)
    id = "scorecard.bins." + re.sub(r"[^A-Za-z0-9_]", lambda m: f"u{ord(m[0]):x}", name)
    return FigureBlock(
        id,
        Text(f"分箱：{zh}", f"Bins: {en}"),
        binning_plots.bad_rate(table, labels=labels or None),
        Text("各分箱坏账率及区间，柱为占比。", "Bad rate of each bin with its interval; bars show the share of rows."),
        table.tidy(),
        {c: w for c, w in _BINS.items() if c in table.tidy()},
        {"share": ".1%", "bad_rate": ".1%", "bad_rate_lo": ".1%", "bad_rate_hi": ".1%", "woe": ".3f", "iv": ".4f"},
    )


_BINS = {
    "label": Text("区间或取值", "range or value"),
    "n": Text("样本量", "n"),
    "bads": Text("坏", "bads"),
    "share": Text("占比", "share"),
    "bad_rate": Text("坏账率", "bad rate"),
    "bad_rate_lo": Text("下限", "lower"),
    "bad_rate_hi": Text("上限", "upper"),
    "woe": Text.same("WOE"),
    "iv": Text.same("IV"),
}


def _points(card: Any, labels: Any) -> TableBlock:
    points = pair_texts(pair_texts(card.points_table().drop(columns="bin"), "label"), "bin")
    return TableBlock(
        "scorecard.points",
        Text("分值表", "Points table"),
        points,
        {
            "label": Text("特征", "characteristic"),
            "bin": Text("分箱", "bin"),
            "n": Text("样本量", "n"),
            "bads": Text("坏", "bads"),
            "bad_rate": Text("坏账率", "bad rate"),
            "points": Text("分值", "points"),
            "points_lo": Text("下限", "lower"),
            "points_hi": Text("上限", "upper"),
            "points_exact": Text("未取整", "unrounded"),
            "moved": Text("偏离直线", "off its line"),
            "woe": Text.same("WOE"),
            "coef": Text("系数", "coefficient"),
        },
        {
            "bad_rate": ".1%",
            "woe": ".3f",
            "coef": ".3f",
            "points_exact": ".2f",
            "points_lo": ".1f",
            "points_hi": ".1f",
            "moved": "+.1f",
        },  # fmt: skip
        Text(
            f"分数越高越安全；WOE = ln(好占比/坏占比)；上下限（90 %）：{limits_of_points(card)[0]}；“偏离直线”："
            "该箱分值与“系数 × WOE”之差，由其他特征已说明的部分引起，且不改变坏账率的次序。",
            f"Higher is safer; WOE = ln(share of goods / share of bads); limits (90 %): {limits_of_points(card)[1]}; "
            "'off its line': how far the bin's points are from coefficient × WOE, because of what the other features "
            "tell too; the order of the bad rates holds.",
        ),
        shown=400,
    )


def _selection_note() -> Text:
    return Text(
        "系数符号与坏账率相矛盾、或贡献小于估计误差的特征不入卡。p 值未对筛选过程作调整。",
        "A characteristic whose points would contradict its bad rate, or that adds less than the error of its own "
        "estimate, stays out. P-values are not adjusted for the selection.",
    )


_IMPORTANCE = {
    "feature": Text("特征", "characteristic"),
    "mean_abs": Text("平均绝对贡献", "mean |contribution|"),
    "share": Text("占比", "share"),
}


def explanation_blocks(explanations: Mapping[str, Any], labels: Any) -> list[Block]:
    """What moves the scores, in one form for card and challenger."""
    blocks: list[Block] = []
    for label, explanation in explanations.items():
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
                # against the portfolio itself every mean is 0
                labelled(explanation.tidy().drop(columns="mean"), labels),
                _IMPORTANCE,
                {"mean_abs": ".4f", "share": ".1%"},
            )
        )
        blocks.append(Paragraph(_value_function(explanation)))
    if labels and "card" in explanations:
        blocks.append(_sources(explanations["card"], labels))
    return blocks


def _sources(explanation: Any, labels: Any) -> Block:
    """Importance by source of the card, and the share of households in which a source raises the risk most."""
    by_source = explanation.by_source(labels)
    leads = by_source.leaders().iloc[0]
    table = by_source.tidy().drop(columns=["mean", "rank"]).rename(columns={"feature": "source"})
    table = table.assign(
        leads=[float(leads[s]) for s in table["source"]],
        source=[Text(TABLES[s].zh, TABLES[s].en) if s in TABLES else s for s in table["source"]],
    )
    texts = {"mean_abs": _IMPORTANCE["mean_abs"], "share": _IMPORTANCE["share"]}
    return TableBlock(
        "explanation.sources",
        Text("评分卡：按数据来源", "Scorecard: by source"),
        table,
        {**texts, "source": Text("来源", "source"), "leads": Text("为主因的户占比", "share of households it leads")},
        {"mean_abs": ".4f", "share": ".1%", "leads": ".1%"},
    )


def _value_function(explanation: Any) -> Text:
    zh, en = explanation.value_function
    return Text(zh, en)
