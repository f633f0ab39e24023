"""The outline of a validation report: its numbered areas, and which tests belong to which.

The order is that of the ECB's instructions and of SR 26-2's three pillars: soundness, outcomes, monitoring. Tests find
their area by the first part of their id, so a test that is added later needs no entry here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from creditlab.plots.words import Text

__all__ = ["AREAS", "Area", "area_head", "area_of", "numbered"]


@dataclass(frozen=True)
class Area:
    """A part of the report.

    Parameters
    ----------
    id : the anchor of its section. number : printed before the title.
    prefixes : first parts of the ids of its tests.
    asks : the question that it answers.
    needs : what `validate` would take to fill it; printed where nothing was tested.
    """

    id: str
    number: int
    title: Text
    prefixes: tuple[str, ...] = ()
    asks: Text | None = None
    needs: Text | None = None


AREAS: tuple[Area, ...] = (
    Area("scope", 1, Text("范围与复现", "Scope and manifest")),
    Area(
        "data",
        2,
        Text("数据与合规", "Data and legality"),
        ("dq", "rep"),
        Text("数据是否完整、一致、合法并能代表申请人？", "Are the data whole, consistent, lawful and representative?"),
        Text("提供特征表、来源与申请人总体", "give the features, their sources and the applicants"),
    ),
    Area("design", 3, Text("模型设计", "Design")),
    Area(
        "discrimination",
        4,
        Text("区分能力", "Discrimination"),
        ("disc",),
        Text("模型能否把好坏农户排开？", "Does the model rank bad households below good ones?"),
        Text("提供结果与违约概率", "give outcomes and PDs"),
    ),
    Area(
        "calibration",
        5,
        Text("校准", "Calibration"),
        ("cal",),
        Text("预测的违约概率与实际一致吗？", "Do predicted and observed default rates agree?"),
        Text("提供结果与违约概率", "give outcomes and PDs"),
    ),
    Area(
        "stability",
        6,
        Text("稳定性与集中度", "Stability and concentration"),
        ("stab", "conc", "mon"),
        Text("总体、评级与组合是否改变或集中？", "Do population, grades or exposures move or concentrate?"),
        Text("提供样本划分、时期或早先的参照", "give the split, the periods or an earlier reference"),
    ),
    Area(
        "robustness",
        7,
        Text("稳健性与挑战者", "Robustness and challengers"),
        ("rob", "bm"),
        Text(
            "数据受扰动、缺一来源或换一模型时结果如何？",
            "What if data are noisy, a source is lost, or another model is used?",
        ),
        Text("提供特征表与模型（frame、predict、refit）", "give frame, predict and refit"),
    ),
    Area(
        "explanation",
        8,
        Text("可解释性", "Explanations"),
        ("ex",),
        Text("分数从何而来，解释是否可靠？", "Where do the scores come from, and can the explanations be relied on?"),
        Text("提供模型本身（model.json）", "give the model itself (model.json)"),
    ),
    Area(
        "fairness",
        9,
        Text("公平性", "Fairness"),
        ("fair",),
        Text("模型对受保护群体有何影响？", "What does the model do to protected groups?"),
        Text("提供审计列（如性别、年龄）", "give the audit columns, such as sex and age"),
    ),
    Area(
        "transfer",
        10,
        Text("跨期与跨村", "Out of time and out of village"),
        ("oot",),
        Text("在未见过的时期与村是否仍然有效？", "Does it hold in periods and villages that it never saw?"),
        Text("提供时期与村的划分", "give periods and villages"),
    ),
    Area(
        "implementation",
        11,
        Text("实施一致性", "Implementation"),
        ("imp", "doc"),
        Text("系统里运行的与验证过的是同一个模型吗？", "Is what runs in production what was validated?"),
        Text("提供模型本身（model.json）及其导出", "give the model itself (model.json) and its exports"),
    ),
    Area("documentation", 12, Text("文档", "Documentation")),
    Area("findings", 13, Text("问题清单", "Findings log")),
)
BY_ID = {area.id: area for area in AREAS}


def area_of(test: str) -> Area | None:
    """The area of a test by the first part of its id.

    >>> area_of("disc.auc").id
    'discrimination'
    """
    first = test.split(".", 1)[0]
    return next((area for area in AREAS if first in area.prefixes), None)


def area_head(id: str) -> dict[str, Any]:
    """Id, title and number of an area's section, to be filled in with its blocks."""
    area = BY_ID[id]
    return {"id": area.id, "title": area.title, "number": str(area.number)}


def numbered(id: str) -> Text:
    """The title of an area with its number, for a table.

    >>> numbered("fairness").en
    '9 Fairness'
    """
    area = BY_ID[id]
    return Text(f"{area.number} {area.title.zh}", f"{area.number} {area.title.en}")
