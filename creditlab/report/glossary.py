"""The terms of a report in Chinese and English, with their meaning in one line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from creditlab.plots.words import Text

__all__ = ["GLOSSARY", "Term"]


@dataclass(frozen=True)
class Term:
    """A term as it is printed, its name, and what it means."""

    term: str
    name: Text
    meaning: Text


GLOSSARY: Sequence[Term] = (
    Term(
        "PD",
        Text("违约概率", "probability of default"),
        Text("履约期内成为坏样本的概率", "probability of turning bad within the window"),
    ),
    Term(
        "DPD",
        Text("逾期天数", "days past due"),
        Text("最早一笔未还款项到期后的天数", "days since the oldest unpaid amount fell due"),
    ),
    Term(
        "NPL",
        Text("不良贷款", "non-performing loan"),
        Text(
            "次级、可疑、损失三类；按笔数与按余额是两个数",
            "substandard, doubtful, loss; by count and by balance are two figures",
        ),
    ),
    Term(
        "WOE",
        Text("证据权重", "weight of evidence"),
        Text("ln(好占比/坏占比)", "ln(share of goods / share of bads)"),
    ),
    Term(
        "IV",
        Text("信息值", "information value"),
        Text("Σ(好占比−坏占比)×WOE", "Σ (share of goods − share of bads) × WOE"),
    ),
    Term(
        "AUC",
        Text("ROC 曲线下面积", "area under the ROC curve"),
        Text("随机一户坏户评分低于随机一户好户的概率", "probability that a bad household scores below a good one"),
    ),
    Term(
        "KS",
        Text("KS 统计量", "Kolmogorov–Smirnov"),
        Text("好坏评分分布的最大差", "largest gap between the score distributions of goods and bads"),
    ),
    Term(
        "PSI",
        Text("群体稳定性指数", "population stability index"),
        Text("Σ(现占比−参照占比)×ln(现占比/参照占比)", "Σ (now − reference) × ln(now / reference)"),
    ),
    Term(
        "O/E",
        Text("实际/期望", "observed over expected"),
        Text("实际坏户数除以违约概率之和", "bads over the sum of PDs"),
    ),
    Term(
        "SHAP",
        Text("特征贡献", "Shapley contribution"),
        Text("各特征对该户对数几率的贡献", "what each feature adds to a household's log-odds"),
    ),
    Term(
        "Jeffreys",
        Text("Jeffreys 检验", "Jeffreys test"),
        Text("Beta(D+½, N−D+½) 不超过 PD 的概率", "probability that Beta(D+½, N−D+½) lies below the PD"),
    ),
    Term(
        "Holm",
        Text("Holm 校正", "Holm correction"),
        Text("一族检验的逐步校正 p 值", "step-down p-values of a family of tests"),
    ),
    Term(
        "cluster",
        Text("聚类", "clustered"),
        Text("同一村的农户不独立，区间据此放宽", "households of a village are not independent; intervals allow for it"),
    ),
    Term(
        "five-class",
        Text("五级分类", "five-class classification"),
        Text("正常、关注、次级、可疑、损失", "normal, special mention, substandard, doubtful, loss"),
    ),
    Term(
        "vintage",
        Text("账龄", "vintage"),
        Text("同期发放的一批贷款", "the loans granted in one period"),
    ),
    Term(
        "EBLUP",
        Text("经验最优线性无偏预测", "empirical best linear unbiased prediction"),
        Text("小村向模型收缩的估计", "estimate of a small village drawn towards a model"),
    ),
)
