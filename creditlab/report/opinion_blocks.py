"""The report's part on the second opinion: card and challenger side by side, the quality of explanations, departments.

It arranges what `study.opinion` holds; parts that were not made are not shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from creditlab.data.schema import TABLES
from creditlab.plots import explanation_effects, explanation_pair
from creditlab.plots.words import Text
from creditlab.report.document import Block, FigureBlock, Paragraph, TableBlock, pair_texts

MEASURES = {
    "rank correlation of log-odds": ("对数几率的秩相关", "rank correlation of log-odds"),
    "mean absolute difference of log-odds": ("对数几率之差的平均绝对值", "mean absolute difference of log-odds"),
    "share with the same leading feature": ("主因相同的户的占比", "share of households with the same leading feature"),
    "mean Jaccard index of the top three": ("前三个贡献的平均 Jaccard", "mean Jaccard index of the top three"),
    "rank correlation of importance": ("特征重要性的秩相关", "rank correlation of importance"),
    "rank correlation of village gaps": ("各村差距的秩相关", "rank correlation of village gaps"),
    "share of villages with the same driver": ("主因相同的村的占比", "share of villages with the same driver"),
}
_VERDICTS = {"pass": Text("通过", "pass"), "finding": Text("发现", "finding"), "shown": Text("仅展示", "shown")}


def opinion_blocks(opinion: Mapping[str, Any]) -> list[Block]:
    """Agreement of the two models, tests of their explanations, what the card misses, what departments add."""
    blocks: list[Block] = []
    if "comparison" in opinion:
        blocks.append(_comparison(opinion["comparison"]))
    for label, name in (("card", Text("评分卡", "scorecard")), ("challenger", Text("挑战者模型", "challenger"))):
        if f"quality_{label}" in opinion:
            blocks.append(_quality(opinion[f"quality_{label}"], label, name))
    if "missed" in opinion and len(opinion["missed"].tidy()):
        blocks += _missed(opinion["missed"])
    if "departments" in opinion:
        blocks += _departments(opinion["departments"])
    return blocks


def _comparison(result: Any) -> Block:
    table = result.tidy()
    told = table.assign(measure=[Text(*MEASURES[m]) if m in MEASURES else m for m in table["measure"]])
    return TableBlock(
        "explanation.agreement",
        Text("评分卡与挑战者模型是否说法一致", "Whether card and challenger say the same"),
        told,
        {"measure": Text("指标", "measure"), "value": Text("取值", "value"), "n": Text("样本量", "n")},
        {"value": ".3f"},
    )


def _quality(result: Any, label: str, name: Text) -> Block:
    table = pair_texts(result.tidy().drop(columns=["test"]), "note")
    table = table.assign(verdict=table["verdict"].map(lambda v: _VERDICTS.get(v, Text.same(v))).astype(object))
    return TableBlock(
        f"explanation.quality_{label}",
        Text(f"{name.zh}：解释质量", f"{name.en.capitalize()}: quality of explanations"),
        table,
        {
            "note": Text("检验", "test"), "value": Text("取值", "value"), "threshold": Text("阈值", "threshold"),
            "verdict": Text("结论", "verdict"), "n": Text("样本量", "n"),
        },
        {"value": ".3g", "threshold": ".3g"},
    )  # fmt: skip


def _missed(result: Any) -> list[Block]:
    table = result.tidy()
    shown = table[["proposal", "gap", "n", "z", "p_value", "p_holm", "auc_gain"]]
    held = int(result.facts["hold_at_5_percent"])
    zh = f"在未参与拟合的行上检验，Holm 校正后成立 {held} 项。"
    en = f"Tested on rows that neither model was fitted on; {held} hold after Holm's correction."
    return [
        FigureBlock(
            "explanation.missed",
            Text("评分卡的遗漏：可切分的箱与交叉", "What the card misses: bins to cut and crosses"),
            explanation_effects.proposals(result),
            Text(zh, en),
            shown,
            {
                "proposal": Text("建议", "proposal"), "gap": Text("对数几率差距", "gap in log-odds"),
                "n": Text("样本量", "n"), "p_value": Text("p 值", "p-value"),
                "p_holm": Text("校正后 p 值", "p-value after Holm"), "auc_gain": Text("AUC 增量", "AUC gain"),
            },
            {"gap": ".3f", "z": ".2f", "p_value": ".3f", "p_holm": ".3f", "auc_gain": ".4f"},
        )
    ]  # fmt: skip


def _departments(result: Any) -> list[Block]:
    labels = {name: Text(table.zh, table.en) for name, table in TABLES.items()}
    table = _named(result.tidy(), labels)
    level, share = float(result.facts["level"]), float(result.facts["share"])
    note = Text(
        f"按村交叉拟合；Shapley 值为各来源在所有组合中的平均增量，区间按村聚类（{level:.0%}）。"
        f"识别率按最差 {share:.0%} 的户计。",
        f"Cross-fitted by village. Shapley values: the mean gain over all sets of sources, with intervals clustered by "
        f"village ({level:.0%}). Bads caught are those among the riskiest {share:.0%} of households.",
    )
    return [
        FigureBlock(
            "explanation.departments",
            Text("各部门数据为评分增加了什么", "What each department's data add to the score"),
            explanation_pair.departments(result, labels),
            note,
            table,
            {
                "source": Text("来源", "source"), "metric": Text("指标", "metric"), "alone": Text("单独", "alone"),
                "without": Text("去掉后", "without it"), "drop": Text("去掉的损失", "lost without"),
                "shapley": Text("Shapley 值", "Shapley value"), "shapley_lo": Text("下限", "lower"),
                "shapley_hi": Text("上限", "upper"), "bads": Text("多识别的坏户数", "bads caught in addition"),
            },
            dict.fromkeys(("alone", "without", "drop", "shapley", "shapley_lo", "shapley_hi"), ".4f") | {"bads": ".1f"},
        ),
        Paragraph(
            Text(
                "该值针对本模型与现有其他来源；换一个模型或少一个来源，结果会不同。",
                "It holds for this model with the other sources there; another model or set of sources gives others.",
            )
        ),
    ]  # fmt: skip


def _named(table: pd.DataFrame, labels: dict[str, Text]) -> pd.DataFrame:
    moved = table.groupby("source")["shapley"].transform(lambda v: v.abs().max()) > 0
    kept = table[moved][["source", "metric", "alone", "without", "drop", "shapley", "shapley_lo", "shapley_hi", "bads"]]
    metrics = {"auc": Text.same("AUC"), "caught": Text("识别的坏户占比", "share of bads caught")}
    return kept.assign(
        source=[labels.get(s, Text.same(s)) for s in kept["source"]], metric=[metrics[m] for m in kept["metric"]]
    ).reset_index(drop=True)
