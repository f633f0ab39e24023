"""Results become a document: which sections a study's report has, in which order, with which words.

It arranges what the study found. It estimates nothing; every number comes from a result and goes under an id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from creditlab import __version__
from creditlab.plots.theme import escape
from creditlab.plots.words import Text
from creditlab.report import credit_file_sections as credit_file
from creditlab.report import modelling_sections as modelling
from creditlab.report import village_sections as villages
from creditlab.report import village_space_sections as geography
from creditlab.report import village_why_sections as reasons
from creditlab.report.area_sections import area_sections, strip
from creditlab.report.document import Block, Callout, Document, FigureBlock, Paragraph, Section
from creditlab.report.findings_log import findings, findings_section, verdict_blocks
from creditlab.report.formal_sections import appendix_section, documentation_section, scope_section
from creditlab.report.opinion_blocks import opinion_blocks
from creditlab.report.outline import area_head
from creditlab.results import digest, made_at, plain


def study_document(
    study: Any, lang: str = "zh", edition: str = "internal", earlier: Mapping[str, Any] | None = None
) -> Document:
    """The report of a study, for the analyst who acts and the validator who signs.

    Parameters
    ----------
    study : a `StudyResult`.
    lang : the language shown first; both are in the page.
    edition : 'internal', or 'external' with small cells suppressed and no rows of persons.
    earlier : an earlier report.json, whose owners and statuses of findings are kept.
    """
    manifest = _manifest(study)
    tests = study.validation.tidy()
    listed = findings(study.validation, study.findings, earlier)
    areas = area_sections(study.validation, _of_study(study))
    sections = [
        villages.summary(study, edition, [strip(study.validation), *verdict_blocks(listed)]),
        *(replace(s, number=f"V{k}") for k, s in enumerate(_village_sections(study, edition), start=1)),
        scope_section(manifest, tests),
        areas.pop("data"),
        modelling.design(study.models["card"].result_, study.dictionary),
        *areas.values(),
        documentation_section(_documents(study)),
        findings_section(listed),
        _method(study),
        appendix_section(tests),
    ]
    for section in sections:
        _counted_as(section, study.unit)
    return Document(
        title=Text("村级信用风险研究报告", "Village credit risk study"),
        subtitle=Text.same(study.name),
        sections=sections,
        manifest=manifest,
        lang=lang,
        edition=edition,
        **_figures(study.validation),
    )


def _counted_as(section: Section, unit: tuple[str, str]) -> None:
    """Notes of figures of a flat table count its groups, where those of a county count villages."""
    zh, en = unit
    if en == "village":
        return
    for block in (b for b in section.blocks if isinstance(b, FigureBlock)):
        note = (block.figure.layout.meta or {}).get("note")
        if note:
            said = {"zh": note["zh"].replace("村 ", f"{zh} "), "en": note["en"].replace(" villages", f" {en}s")}
            block.figure.update_layout(meta={**block.figure.layout.meta, "note": said})
            block.figure.update_layout(title_subtitle_text="<br>".join(escape(line) for line in said.values()))


def _figures(result: Any) -> dict[str, Any]:
    """The lines of a validation for other programs, and the bins of the next run."""
    return {"tests": result.tidy().to_dict("records"), "reference": result.reference}


def _village_sections(study: Any, edition: str) -> list[Section]:
    """Which villages, why, and what next."""
    return [
        *([villages.villages(study, edition)] if len(study.villages) else []),
        *_why(study, edition),
        *([villages.actions(study)] if len(study.actions) and edition == "internal" else []),
        *([credit_file.coverage_section(study)] if study.collection is not None and edition == "internal" else []),
    ]


def _of_study(study: Any) -> dict[str, list[Block]]:
    """What the study adds to the areas of the validation: the data it read, and the explanations of its models."""
    return {
        "data": [*modelling.data_blocks(study), *credit_file.link_blocks(study), *credit_file.leak_blocks(study)],
        "explanation": [
            *modelling.explanation_blocks(study.explanations, study.dictionary),
            *opinion_blocks(getattr(study, "opinion", {})),
        ],
    }


def _documents(study: Any) -> dict[str, Text | None]:
    """Where each document of the checklist stands in this report."""
    here = {
        "target": Text("复现清单：config", "manifest: config"),
        "method": Text("方法与局限", "Method and limits"),
        "limitations": Text("方法与局限", "Method and limits"),
        "parameters": Text("3 模型设计", "3 Design"),
        "results": Text("4–11", "4-11"),
        "monitoring": Text("report.json 与 model.json 中的参照分组", "reference bins in report.json and model.json"),
        "reproduction": Text("1 范围与复现", "1 Scope and manifest"),
    }
    edits = Text("评分卡的编辑记录（无编辑时为空）", "log of edits of the card; empty where there are none")
    return {
        **here,
        "exclusions": Text("2 数据与合规", "2 Data and legality") if study.waterfall is not None else None,
        "dictionary": Text("docs 与 model.json", "docs and model.json") if study.dictionary else None,
        "overrides": edits,
    }


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


def validation_document(
    result: Any,
    name: str,
    manifest: dict[str, Any],
    lang: str = "zh",
    edition: str = "internal",
    design: Section | None = None,
    more: Mapping[str, Sequence[Block]] | None = None,
    earlier: Mapping[str, Any] | None = None,
) -> Document:
    """The report on one model, or on a score that was made elsewhere: sections 0 to 13 of the outline.

    Parameters
    ----------
    result : a `ValidationResult`. name : what was validated. manifest : what leads back to the inputs.
    design : the section on the model itself; None says that only a score or a PD was given.
    more : further blocks by area, such as explanations.
    earlier : an earlier report.json, whose owners and statuses of findings are kept.
    """
    manifest = {**manifest, "made": made_at(), "creditlab": __version__}
    tests = result.tidy()
    listed = findings(result, None, earlier)
    areas = area_sections(result, more)
    sections = [
        Section(
            "summary", Text("封面与结论", "Cover and verdict"), [*verdict_blocks(listed), strip(result)], number="0"
        ),
        scope_section(manifest, tests),
        areas.pop("data"),
        design or _no_design(),
        *areas.values(),
        documentation_section(_documents_of_score(design)),
        findings_section(listed),
        appendix_section(tests),
    ]
    return Document(
        title=Text("模型验证报告", "Model validation"),
        subtitle=Text.same(name),
        sections=sections,
        manifest=manifest,
        lang=lang,
        edition=edition,
        **_figures(result),
    )


def _documents_of_score(design: Section | None) -> dict[str, Text | None]:
    made = Text("3 模型设计", "3 Design") if design else None
    return {
        "parameters": made,
        "results": Text("4–11", "4-11"),
        "reproduction": Text("1 范围与复现", "1 Scope and manifest"),
        "monitoring": Text("report.json 中的参照分组", "reference bins in report.json"),
    }


def _no_design() -> Section:
    """What stands in the place of the model where only a score or a PD was given."""
    text = Text(
        "仅提供了评分或违约概率，因此没有分箱、系数与解释部分；如需这些部分，请提供 model.json。",
        "Only a score or a PD was given, so there are no bins, coefficients or explanations here; "
        "give a model.json to have them.",
    )
    return Section(**area_head("design"), blocks=[Callout(text, "none")])


def _manifest(study: Any) -> dict[str, Any]:
    return {
        "made": made_at(),
        "stamp": study.stamp.to_dict(),
        "models": {label: model.result_.stamp.to_dict() for label, model in study.models.items()},
        "config": plain(study.config),
        "sources": plain(study.sources),
        "evidence": {name: digest(frame) for name, frame in getattr(study, "evidence", {}).items()},
    }


def _policy(study: Any) -> Text:
    """Whether a policy of columns holds, and who declared it."""
    if study.dictionary and study.sample is not None:
        return Text(
            "各列的准入、用途与层级类别已在数据契约中声明：禁用列不读取，叠加与审计列不进入模型，"
            "村级预期仅使用放款前的农户本源特征。",
            "Access, use and level classes of all columns are declared in the contracts: blocked columns are not read, "
            "overlay and audit columns enter no model, and the expected rate of a village uses only household-origin "
            "columns dated before the grant.",
        )
    if study.config.columns:
        zh, en = (
            (
                "各组预期仅使用声明为农户本源的列。",
                "The expected rate of a group uses only columns declared household-origin.",
            )
            if "composition" in study.models
            else (
                "没有声明农户本源的列，各组的预期来自全部特征，因而可能已包含组自身的影响，实际/期望会偏向1。",
                "No column is declared household-origin: the expected bads of a group come from all features, which "
                "may carry the group's own effect and draw O/E towards 1.",
            )
        )
        return Text(
            f"列的类别由调用者的字典文件声明（{len(study.config.columns)} 列）：禁止列与无授权的取值不读取，"
            f"筛查、叠加与审计列不作特征；剔除了什么见第 2 部分的数据检查发现。{zh}",
            f"The classes of the columns are declared in the caller's dictionary file ({len(study.config.columns)} "
            "columns): blocked columns and values without consent are not read; screening, overlay and audit columns "
            f"are no features; what was left out stands among the findings in section 2. {en}",
        )
    return Text(
        "未声明列的类别（单表）：除调用者点名者外不剔除任何列；请自行确认没有使用法律禁止的信息。"
        "各组的预期违约来自全部特征，因而可能已包含组自身的影响，实际/期望会偏向1。",
        "No column policy was declared (flat table): nothing was left out except what the caller named; check "
        "that no information is used that the law forbids. The expected bads of a group come from all "
        "features, which may carry the group's own effect and draw O/E towards 1.",
    )


def _method(study: Any) -> Section:
    policy = _policy(study)
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
