"""Results become a document: which sections a study's report has, in which order, with which words.

It arranges what the study found. It estimates nothing; every number comes from a result and goes under an id.
"""

from __future__ import annotations

from typing import Any

from creditlab import __version__
from creditlab.plots.words import Text
from creditlab.report import modelling_sections as modelling
from creditlab.report import village_sections as villages
from creditlab.report import village_space_sections as geography
from creditlab.report import village_why_sections as reasons
from creditlab.report.document import Document, Paragraph, Section
from creditlab.results import made_at, plain


def study_document(study: Any, lang: str = "zh", edition: str = "internal") -> Document:
    """The report of a study, for the analyst who acts and the validator who signs.

    Parameters
    ----------
    study : a `StudyResult`.
    lang : the language shown first; both are in the page.
    edition : 'internal', or 'external' with small cells suppressed and no rows of persons.
    """
    sections = [
        villages.summary(study, edition),
        modelling.data(study),
        modelling.scorecard(study),
        modelling.validation(study.validation),
        modelling.explanations(study),
        *([villages.villages(study, edition)] if len(study.villages) else []),
        *_why(study, edition),
        *([villages.actions(study)] if len(study.actions) and edition == "internal" else []),
        _method(study),
    ]
    return Document(
        title=Text("村级信用风险研究报告", "Village credit risk study"),
        subtitle=Text.same(study.name),
        sections=sections,
        manifest=_manifest(study),
        lang=lang,
        edition=edition,
    )


def _why(study: Any, edition: str) -> list[Section]:
    """The sections on why villages differ; they list single villages, so they stay inside the bank."""
    if getattr(study, "why", None) is None or edition != "internal":
        return []
    sections = [
        geography.space(study),
        reasons.criteria(study) if study.why.criteria is not None else None,
        reasons.why(study),
        reasons.dynamics(study),
    ]
    return [section for section in sections if section is not None]


def validation_document(result: Any, name: str, manifest: dict[str, Any], lang: str = "zh") -> Document:
    """The report on a model or a score that was made elsewhere: tests by sample, ROC, calibration."""
    sections = [
        modelling.validation(result),
        Section(
            "model",
            Text("模型本身", "The model itself"),
            [
                Paragraph(
                    Text(
                        "仅提供了评分或违约概率，因此没有分箱、系数与解释部分；如需这些部分，请提供 model.json。",
                        "Only a score or a PD was given, so there are no bins, coefficients or explanations here; "
                        "give a model.json to have them.",
                    )
                )
            ],
        ),
    ]
    return Document(
        title=Text("模型验证报告", "Model validation"),
        subtitle=Text.same(name),
        sections=sections,
        manifest={**manifest, "made": made_at(), "creditlab": __version__},
        lang=lang,
    )


def _manifest(study: Any) -> dict[str, Any]:
    return {
        "made": made_at(),
        "stamp": study.stamp.to_dict(),
        "models": {label: model.result_.stamp.to_dict() for label, model in study.models.items()},
        "config": plain(study.config),
        "sources": plain(study.sources),
    }


def _method(study: Any) -> Section:
    policy = (
        Text(
            "各列的准入、用途与层级类别已在数据契约中声明：禁用列不读取，叠加与审计列不进入模型，"
            "村级预期仅使用放款前的农户本源特征。",
            "Access, use and level classes of all columns are declared in the contracts: blocked columns are not read, "
            "overlay and audit columns enter no model, and the expected rate of a village uses only household-origin "
            "columns dated before the grant.",
        )
        if study.dictionary
        else Text(
            "未声明列的类别（单表）：除调用者点名者外不剔除任何列；请自行确认没有使用法律禁止的信息。"
            "各组的预期违约来自全部特征，因而可能已包含组自身的影响，实际/期望会偏向1。",
            "No column policy was declared (flat table): nothing was left out except what the caller named; check "
            "that no information is used that the law forbids. The expected bads of a group come from all "
            "features, which may carry the group's own effect and draw O/E towards 1.",
        )
    )
    return Section(
        "method",
        Text("方法与局限", "Method and limits"),
        [
            Paragraph(policy),
            Paragraph(
                Text(
                    "分箱：在细分箱上以动态规划求精确最优，趋势由留出似然选择；缺失值与特殊代码单独成箱。"
                    "评分卡：WOE 上的逻辑回归，符号受约束，标准误按村聚类。挑战者：LightGBM。"
                    "村：实际坏户数对交叉拟合并校准后的违约概率之和（O/E），有地图时以 BYM2 借邻村之力收缩，"
                    "否则以泊松-伽马模型收缩，"
                    "排名附带进入前 k 的概率。",
                    "Binning: exact optimum by dynamic programming over fine bins, the shape chosen by held-out "
                    "likelihood; missing values and special codes are bins of their own. Scorecard: logistic "
                    "regression on WOE, signs constrained, standard errors clustered by village. Challenger: LightGBM. "
                    "Villages: observed bads over the sum of cross-fitted, calibrated PDs (O/E), shrunken by BYM2 over "
                    "the map where there is one, else by Poisson-gamma; ranks carry P(top k).",
                )
            ),
            Paragraph(
                Text(
                    "局限：只有获得贷款的农户有结果，拒绝者与从未申请者没有；村的差异是关联而非因果；"
                    "经办人与村若重合则不能区分；驱动因素与联保检验是关联；行动建议依据声明的规则与阈值，须由人复核。",
                    "Limits: outcomes exist only for households that were granted a loan; a village's excess is an "
                    "association, not a cause; where officers and villages coincide they cannot be told apart; "
                    "drivers and the test of guarantees are associations; the suggested actions follow declared rules "
                    "and thresholds, and a person decides.",
                )
            ),
        ],
    )
