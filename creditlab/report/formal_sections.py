"""What a validation report must have besides tests: scope, checklist of documents, references, glossary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from creditlab.plots.words import Text
from creditlab.report.area_sections import MODELS, SPLITS
from creditlab.report.cells import flat
from creditlab.report.document import Block, Callout, Paragraph, Section, TableBlock, pair_texts
from creditlab.report.glossary import GLOSSARY
from creditlab.report.loan_parts import said
from creditlab.report.outline import area_head
from creditlab.results import plain

#: document → what it is, and the sentence on what its absence means
DOCUMENTS: Mapping[str, Text] = {
    "purpose": Text("用途与使用限制", "purpose and limits of use"),
    "target": Text("坏样本定义", "definition of bad"),
    "exclusions": Text("样本剔除过程", "waterfall of exclusions"),
    "dictionary": Text("变量字典：来源部门与合法依据", "dictionary of variables with source and legal basis"),
    "method": Text("方法与假设", "method and assumptions"),
    "parameters": Text("参数表（分值、系数）", "table of parameters (points, coefficients)"),
    "results": Text("检验结果", "results of tests"),
    "limitations": Text("局限", "limitations"),
    "overrides": Text("人工调整记录", "log of overrides and edits"),
    "monitoring": Text("监测参照与触发条件", "reference for monitoring, and triggers"),
    "reproduction": Text("复现清单", "manifest for reproduction"),
    "independence": Text("开发与验证的独立性声明", "statement of independence of development and validation"),
    "impact_assessment": Text(
        "个人信息保护影响评估编号（PIPL 第55条）", "number of the impact assessment (PIPL Art. 55)"
    ),
    "retirement": Text("变更记录与退役安排", "log of changes and plan of retirement"),
    "signatures": Text("签署", "signatures"),
}
#: what only a person can supply
BY_PERSONS = ("purpose", "independence", "impact_assessment", "retirement", "signatures")


def scope_section(manifest: Mapping[str, Any], tests: pd.DataFrame) -> Section:
    """What was validated, on how many rows, with which settings."""
    rows = tests[(tests["split"] != "") | (tests["scope"].astype("str").str.endswith("all"))]
    rows = rows.assign(scope=[str(s).split(" · ", 1)[-1] for s in rows["scope"]])
    rows = rows[rows["scope"].isin(["all", *tests["split"]])]
    # a test of two samples counts both: the size of a sample is the n that most of its tests have
    sizes = rows.groupby(["model", "scope"], sort=False)["n"].agg(lambda n: n.mode().iloc[0]).reset_index()
    sizes = sizes.assign(
        model=[MODELS.get(m, m) for m in sizes["model"]],
        scope=[Text("全部", "all") if s == "all" else SPLITS.get(s, s) for s in sizes["scope"]],
    )
    listed = pd.DataFrame(
        [{"item": name, "value": str(value)} for name, value in flat(plain(dict(manifest)))], columns=["item", "value"]
    )
    blocks: list[Block] = [
        TableBlock(
            "scope.sizes",
            Text("模型与样本", "Models and samples"),
            sizes.astype({"n": "int64"}),
            {"model": Text("模型", "model"), "scope": Text("样本", "sample"), "n": Text("样本量", "n")},
        ),
        TableBlock(
            "scope.manifest",
            Text("设置与摘要值", "Settings and digests"),
            listed,
            {"item": Text("项目", "item"), "value": Text("取值", "value")},
            note=Text(
                "同样的输入、设置与种子得到同样的字节；`creditlab recheck` 用另一条路径重算。",
                "Same inputs, settings and seed give the same bytes; `creditlab recheck` takes another path.",
            ),
        ),
    ]
    return Section(**area_head("scope"), blocks=blocks)


def documentation_section(present: Mapping[str, Text | None]) -> Section:
    """The checklist of documents.

    Parameters
    ----------
    present : document → where it is; a document of DOCUMENTS that is not among them is missing, or for a person to add.
    """
    rows = []
    for name, what in DOCUMENTS.items():
        where = present.get(name)
        state = "green" if where else "amber" if name in BY_PERSONS else "red"
        missing = Text("由人提供", "to be supplied by a person") if name in BY_PERSONS else Text("缺失", "missing")
        rows.append({"document": what, "state": state, "where": where or missing})
    count = sum(r["state"] != "green" for r in rows)
    zh = f"{len(rows)} 项文档中 {count} 项尚缺或须由人提供。"
    text = Text(zh, f"{count} of {len(rows)} documents are missing or a person's to supply.")
    words = {"document": Text("文档", "document"), "state": Text("状态", "state"), "where": Text("所在", "where")}
    return Section(
        **area_head("documentation"),
        blocks=[
            Callout(text, "amber" if count else "green"),
            TableBlock(
                "documentation.list", Text("文档清单", "Checklist"), pd.DataFrame(rows), words, {"state": "state"}
            ),
        ],
    )


def appendix_section(tests: pd.DataFrame) -> Section:
    """Every kind of test in this report with its hypothesis, where it has one, and where it comes from."""
    kinds = pair_texts(tests, "test").drop_duplicates("id").sort_values("id", kind="stable")
    words = {"id": Text("编号", "id"), "test": Text("检验", "test"), "threshold": Text("阈值", "threshold"),
             "hypothesis": Text("原假设", "hypothesis"),
             "reference": Text("出处", "reference")}  # fmt: skip
    columns = {name: label for name, label in words.items() if name in kinds}
    if "hypothesis" in kinds:
        hypotheses = [said(h) if isinstance(h, str) and h else h for h in kinds["hypothesis"]]
        kinds = kinds.assign(hypothesis=pd.Series(hypotheses, kinds.index, dtype=object))
    terms = pd.DataFrame([{"term": term.term, "name": term.name, "meaning": term.meaning} for term in GLOSSARY])
    return Section(
        "appendix",
        Text("附录：检验出处与词汇", "Appendix: references and glossary"),
        [
            Paragraph(
                Text(
                    "p 值小表示数据与原假设不符；一族检验同时给出 Holm 校正值。",
                    "A small p-value speaks against the hypothesis; families of tests carry Holm's correction.",
                )
            ),
            TableBlock("appendix.tests", Text("检验与出处", "Tests and references"), kinds, columns),
            TableBlock(
                "appendix.glossary",
                Text("词汇", "Glossary"),
                terms,
                {"term": Text("缩写", "term"), "name": Text("名称", "name"), "meaning": Text("含义", "meaning")},
            ),
        ],
        number="A",
    )
