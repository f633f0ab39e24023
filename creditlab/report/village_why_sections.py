"""The sections on why villages differ: criteria, the gap in parts, officers, drivers, guarantees, enforcement, moves.

They arrange `study.why`; a part that could not be made is named with its reason. It estimates nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from creditlab.data.schema import TABLES
from creditlab.plots import village_why as plots
from creditlab.plots.words import Text
from creditlab.report.document import Block, Callout, FigureBlock, Paragraph, Section, TableBlock
from creditlab.report.loan_parts import reasoned
from creditlab.results import NotEstimable
from creditlab.village.contagion import VERDICTS
from creditlab.village.criteria import CRITERIA, STATES
from creditlab.village.index import describe

#: rows of a table on the page; report.json holds them all
SHOWN = 60
PARTS: Mapping[str, Text] = {
    "gap": Text("差距分解", "gap in parts"),
    "crossed": Text("经办人与支行", "officers and branches"),
    "environment": Text("信用环境指数", "credit environment"),
    "enforcement": Text("执行结果", "enforcement"),
    "courts": Text("法院", "courts"),
    "drivers": Text("驱动因素", "drivers"),
    "contagion": Text("联保传染", "contagion"),
    "warning": Text("迁徙预警", "early warning"),
    "news": Text("新增与退出", "new and gone"),
    "moves": Text("迁徙走势", "moves"),
    "trends": Text("趋势", "trends"),
    "changes": Text("变点", "change points"),
    "quality": Text("数据质量", "data quality"),
    "book": Text("现有贷款", "the book now"),
    "criteria": Text("三项标准", "three criteria"),
    "space": Text("空间聚集", "geography"),
}
_RATIO = {"estimate": ".2f", "lo": ".2f", "hi": ".2f", "p_above": ".0%"}


def _panels(table: pd.DataFrame) -> Text:
    """What the figure of the criteria shows, and which of them have no panel because nothing was recorded."""
    known = set(table.loc[table["estimate"].notna(), "criterion"])
    none = [Text(*CRITERIA[name]) for name in CRITERIA if name not in known]
    zh, en = "不良占比最高者在各项标准上的位置。", "Those of the highest bad-loan share on each criterion."
    if none:
        zh += f"没有记录、因而不列示：{'、'.join(t.zh for t in none)}。"
        en += f" Nothing is recorded on, and no panel is drawn of: {', '.join(t.en for t in none)}."
    return Text(zh, en)


def criteria(study: Any) -> Section:
    """Each village on the three criteria of the article, with the declaration of the indices."""
    result, why = study.why.criteria, study.why
    zh, en = study.unit
    table = _named(study, result.wide().sort_values("bad_share_estimate", ascending=False, kind="stable"))
    columns = {"village": Text("代码", "code"), "name": Text("名称", "name")}
    formats: dict[str, str] = {}
    known = set(result.tidy().dropna(subset="estimate")["criterion"])
    for name, texts in CRITERIA.items():
        label = Text(*texts)
        if name not in known:
            continue
        table[f"{name}_state"] = [Text(*STATES[state]) for state in table[f"{name}_state"]]
        columns |= {
            f"{name}_estimate": label,
            f"{name}_lo": Text(f"{label.zh}下限", f"{label.en}, lower"),
            f"{name}_hi": Text(f"{label.zh}上限", f"{label.en}, upper"),
            f"{name}_state": Text(f"{label.zh}判断", f"{label.en}, state"),
        }
        formats |= dict.fromkeys([f"{name}_estimate", f"{name}_lo", f"{name}_hi"], ".2f")
    columns = {name: text for name, text in columns.items() if name in table}
    blocks: list[Block] = [
        Paragraph(
            Text(
                "原文提出三项标准，各自单独评价，均附区间：不良占比、信用环境、债务执行。数值为相对全县平均的倍数，"
                "越大越差；偏差（较好）概率达 90% 者记为“明显偏差（较好）”，本村无记录者记为“无数据”。",
                "The article names three criteria. Each is judged by itself, with its interval: bad-loan share, credit "
                "environment, enforcement. Figures are multiples of the county's average, higher is worse; 'clearly' "
                "means a probability of 90 % or more, and a village without records of its own has 'no data'.",
            )
        ),
        FigureBlock(
            "criteria.figure",
            Text("三项标准", "The three criteria"),
            plots.criteria(result, _names(study)),
            _panels(result.tidy()),
            result.tidy()[["village", "criterion", "estimate", "lo", "hi", "state"]],
        ),
        TableBlock("criteria.table", Text(f"各{zh}三项标准", f"The three criteria by {en}"), table, columns, formats,
                   shown=SHOWN),
    ]  # fmt: skip
    for part in (why.environment, why.enforcement and why.enforcement.index):
        if part is not None:
            blocks.append(_declaration(part))
    return Section("criteria", Text("三项标准", "Three criteria"), blocks)


def _declaration(index: Any) -> TableBlock:
    """What an index is made of, with the county's rates."""
    table = describe(index.spec)
    rates = index.components.drop_duplicates("component").set_index("component")["county_rate"]
    seen = index.components.groupby("component")[["observed", "exposure"]].sum()
    table = table.assign(
        component=[Text(r["zh"], r["en"]) for r in table.to_dict("records")],
        unit=[Text(r["unit_zh"], r["unit_en"]) for r in table.to_dict("records")],
        rate=table["component"].map(rates),
        observed=table["component"].map(seen["observed"]),
        exposure=table["component"].map(seen["exposure"]),
    )
    columns = {
        "component": Text("指标", "component"),
        "weight": Text("权重", "weight"),
        "unit": Text("单位", "unit"),
        "observed": Text("发生数", "observed"),
        "exposure": Text("基数", "exposure"),
        "rate": Text("全县水平", "county's rate"),
    }
    left = index.facts["left_out"]
    note = None
    if left:
        named = "; ".join(f"{name}: {reason}" for name, reason in left.items())
        note = Text.same(named)
    title = Text(f"{index.spec.zh}：指数声明", f"{index.spec.en}: the declared index")
    formats = {"rate": ".3g", "exposure": ",.0f", "observed": ",.0f"}
    return TableBlock(f"criteria.{index.spec.name}", title, table, columns, formats, note)


def why(study: Any) -> Section:
    """Why villages differ: gap in parts, both cards, officers, drivers, guarantees, enforcement."""
    parts = study.why
    blocks: list[Block] = [
        Paragraph(
            Text(
                "差距 = 借款人结构（按来源）+ 村环境（收缩后）+ 偶然，逐村精确相加。结构来自放款前的农户本源特征。",
                "Gap = composition (by source) + context (shrunken) + noise, adding up exactly in every village. The "
                "composition comes from household-origin facts dated before the grant.",
            )
        )
    ]
    if parts.gap is not None and parts.gap.tidy()["context"].notna().any():
        blocks += _gap(study)
    if "estimate_full" in study.villages:
        blocks.append(_cards(study))
    if parts.crossed is not None and parts.crossed.villages["effect"].notna().any():
        blocks += _officers(study)
    if parts.drivers is not None:
        blocks += _drivers(study)
    if parts.contagion is not None:
        blocks += _contagion(parts.contagion)
    if parts.enforcement is not None:
        blocks.append(_enforcement(study))
    if parts.courts is not None and len(parts.courts.tidy()) > 1:
        blocks.append(_courts(parts.courts))
    if parts.missing:
        blocks.append(_missing(parts.missing))
    return Section("why", Text("原因", "Why"), blocks)


def _gap(study: Any) -> list[Block]:
    result, (zh, en) = study.why.gap, study.unit
    table = _named(study, result.tidy().sort_values("context", ascending=False, kind="stable"))
    wide = result.by_source()
    labels = _sources(study)
    columns = {
        "village": Text("代码", "code"), "name": Text("名称", "name"), "n": Text("户次", "n"),
        "gap": Text("差距", "gap"), "composition": Text("结构", "composition"),
        "composition_lo": Text("结构下限", "composition, lower"),
        "composition_hi": Text("结构上限", "composition, upper"), "context": Text("环境", "context"),
        "context_lo": Text("环境下限", "context, lower"),
        "context_hi": Text("环境上限", "context, upper"), "noise": Text("偶然", "noise"),
    }  # fmt: skip
    columns = {name: text for name, text in columns.items() if name in table}
    formats = {c: "+.1%" for c in columns if c not in ("village", "name", "n")}
    return [
        FigureBlock(
            "why.gap",
            Text("差距的分解", "The gap in parts"),
            plots.gap(result, _names(study), labels),
            Text("环境部分最大者，其差距由哪些部分构成。", "What the gap is made of where the context is largest."),
            wide.reset_index(),
        ),
        TableBlock(
            "why.gap_table",
            Text(f"各{zh}差距分解", f"The gap of each {en}"),
            table,
            columns,
            formats,
            shown=SHOWN,
        ),
    ]


def _cards(study: Any) -> Block:
    table = study.villages[["village", "n", "bad", "expected", "estimate", "expected_full", "estimate_full"]]
    return FigureBlock(
        "why.cards",
        Text("结构卡与全卡的 O/E", "O/E under the composition card and the full card"),
        plots.cards(study.villages, _names(study)),
        Text(
            "全卡含逾期、续贷、诉讼与村级特征，它们本身带有村的影响，会把 O/E 拉向 1；判断村时用结构卡。",
            "The full card sees arrears, renewals, judgments and village facts, which carry the village's own effect "
            "and draw O/E towards 1; villages are judged by the composition card.",
        ),
        table,
    )


def _officers(study: Any) -> list[Block]:
    result = study.why.crossed
    counts = result.villages["verdict"].value_counts()
    said = Text(
        f"村本身偏高 {counts.get('village', 0)} 个；随经办人或支行偏高 {counts.get('officer', 0)} 个；"
        f"无法区分 {counts.get('not told apart', 0)} 个。无法区分者应抽查档案，而非派驻。",
        f"{counts.get('village', 0)} villages are high by themselves, {counts.get('officer', 0)} with their officer or "
        f"branch, in {counts.get('not told apart', 0)} the two cannot be told apart: there the files are audited, and "
        "no cadre is sent.",
    )
    villages = _named(study, result.villages)
    columns = ["village", "n", "effect", "lo", "hi", "beside", "main_officer", "main_share", "separable", "verdict"]
    blocks: list[Block] = [
        Callout(said, "info"),
        FigureBlock(
            "why.beside",
            Text("村与经办人", "Village and officer"),
            plots.beside(result, _names(study)),
            Text(
                "横轴村自身效应，纵轴其经办人与支行的效应。", "The village's own effect against that of those who lend."
            ),
            villages[columns],
        ),
    ]
    if (result.tidy()["factor"] == "officer").any():
        table = result.tidy().query("factor == 'officer'").drop(columns="factor")
        blocks.append(
            FigureBlock(
                "why.officers",
                Text("经办人效应", "Effects of officers"),
                plots.effects(result, "officer"),
                Text(
                    "各经办人的效应及区间，已扣除村与支行。",
                    "The effect of each officer, village and branch taken out.",
                ),
                table,
            )
        )
    return blocks


def _drivers(study: Any) -> list[Block]:
    result = study.why.drivers
    table = result.tidy()
    if not table["ratio"].notna().any():
        return [Paragraph(Text(f"驱动因素无法估计：{table['reason'].iloc[0]}", f"Drivers: {table['reason'].iloc[0]}"))]
    facts = result.facts
    said = Text(
        f"下列因素与村环境同向变动（关联，非因果），合计解释村间差异的 {facts['explained']:.0%}"
        f"（{facts['explained_lo']:.0%}–{facts['explained_hi']:.0%}）；误差按乡镇聚类。",
        f"These facts go with the context of a village (association, not cause); together they go with "
        f"{facts['explained']:.0%} ({facts['explained_lo']:.0%}–{facts['explained_hi']:.0%}) of the differences "
        "between villages. Errors allow for townships.",
    )
    shown = table.assign(driver=[Text(*result.labels.get(d, (d, d))) for d in table["driver"]])
    formats = {"ratio": ".2f", "lo": ".2f", "hi": ".2f", "p_value": ".3f", "q_value": ".3f", "mean": ".3g", "sd": ".3g"}
    return [
        Paragraph(said),
        FigureBlock(
            "why.drivers",
            Text("村环境的驱动因素", "Drivers of the context"),
            plots.drivers(result),
            Text("每增加一个标准差，O/E 变为多少倍。", "The factor on O/E that goes with one standard deviation more."),
            shown,
            formats=formats,
        ),
    ]


def _contagion(result: Any) -> list[Block]:
    verdict = Text(*VERDICTS[result.verdict])
    tests = {
        "linked": Text("现有担保", "links that held"),
        "future": Text("未来担保（安慰剂）", "future links (placebo)"),
    }
    table = reasoned(result.tidy().assign(test=[tests[t] for t in result.tidy()["test"]]))
    formats = {"both_expected": ".1f", "ratio": ".2f", "lo": ".2f", "hi": ".2f", "p_value": ".3f"}
    blocks: list[Block] = [
        Paragraph(Text(f"联保：{verdict.zh}。此为关联，非因果。", f"Joint guarantees: {verdict.en}. An association.")),
        TableBlock("why.contagion", Text("联保传染检验", "Test of joint bads"), table, formats=formats),
    ]
    hit = result.groups[result.groups["p_value"] <= 0.05]
    if len(hit):
        blocks.append(
            TableBlock(
                "why.chains",
                Text("一同倒下的担保链", "Guarantee chains that fell together"),
                hit.rename(columns={"group": "group_no"}),
                formats={"expected": ".1f", "excess": ".1f", "p_value": ".4f"},
                note=Text("p 值未作多重校正。", "p-values are not adjusted for the number of chains."),
                shown=SHOWN,
            )
        )
    return blocks


def _enforcement(study: Any) -> Block:
    result = study.why.enforcement
    table = _named(study, result.tidy().rename(columns={"unit": "village"})).drop(columns="reason")
    table = table.sort_values("estimate", ascending=False, kind="stable")
    facts = result.facts
    columns = {
        "village": Text("代码", "code"), "name": Text("名称", "name"), "cases": Text("执行案件", "cases"),
        "closed": Text("已结", "closed"), "share_enforced": Text("到位率（金额）", "enforced, by amount"),
        "months_to_close": Text("结案月数", "months to close"), "no_assets": Text("无财产终本", "no assets"),
        "dishonest": Text("失信名单", "dishonest list"), "estimate": Text("执行难度", "hardness"),
        "lo": Text("下限", "lower"), "hi": Text("上限", "upper"), "p_above": Text("难于平均的概率", "P(harder)"),
    }  # fmt: skip
    columns = {name: text for name, text in columns.items() if name in table}
    shares = dict.fromkeys(["share_enforced", "no_assets", "dishonest"], ".0%")
    county = {name: facts[name] for name in ("share_enforced", "months_to_close", "no_assets", "dishonest")}
    note = None
    if not any(isinstance(v, NotEstimable) for v in county.values()):
        note = Text(
            f"全县：到位率 {county['share_enforced']:.0%}，结案 {county['months_to_close']:.1f} 月，"
            f"无财产终本 {county['no_assets']:.0%}，失信 {county['dishonest']:.0%}；未结案件按已等待月数计。",
            f"County: {county['share_enforced']:.0%} enforced, {county['months_to_close']:.1f} months to close, "
            f"{county['no_assets']:.0%} without assets, {county['dishonest']:.0%} listed; open cases count with the "
            "months they have waited.",
        )
    return TableBlock(
        "why.enforcement", Text("各村执行结果", "Enforcement by village"), table, columns,
        {**shares, "months_to_close": ".1f", **_RATIO}, note, n=facts["cases"], shown=SHOWN,
    )  # fmt: skip


def _courts(result: Any) -> Block:
    table = result.tidy().drop(columns="reason").sort_values("estimate", ascending=False, kind="stable")
    formats = dict.fromkeys(["share_enforced", "no_assets", "dishonest"], ".0%")
    return TableBlock(
        "why.courts",
        Text("各法院执行结果", "Enforcement by court"),
        table,
        formats={**formats, "months_to_close": ".1f", "amount": ",.0f", "enforced": ",.0f", **_RATIO},
        note=Text("法院之间相对彼此平均比较。", "Courts are compared with their average."),
    )


def dynamics(study: Any) -> Section | None:
    """Where villages are going: early warning, new and gone, trends, change points; None without the book."""
    parts = study.why
    blocks: list[Block] = []
    if parts.warning is not None:
        moved = parts.warning.tidy().sort_values("p_above", ascending=False, kind="stable")
        moved = moved.rename(columns={"worse": "worse_count", "better": "better_count"})
        blocks.append(
            TableBlock(
                "dynamics.warning",
                Text("迁徙预警（近四个季度）", "Early warning (last four quarters)"),
                _named(study, moved),
                formats={"expected": ".1f", "ratio": ".2f", **_RATIO},
                note=Text(
                    "转入更差状态的笔数对全县迁徙所预期者。", "Loans that moved to a worse state against expectation."
                ),
                shown=20,
            )
        )
    if parts.news is not None and len(parts.news):
        words = {"new": Text("本季新增", "new"), "stays": Text("仍在", "stays"), "gone": Text("本季退出", "gone")}
        news = _named(study, parts.news.assign(status=[words[s] for s in parts.news["status"]]))
        title = Text("本季新增与退出", "New this quarter, gone this quarter")
        blocks.append(TableBlock("dynamics.news", title, news, formats={"p_now": ".0%", "p_before": ".0%"}))
    if parts.trends is not None and parts.trends.tidy()["change"].notna().any():
        table = parts.trends.tidy().sort_values("p_rising", ascending=False, kind="stable").drop(columns="reason")
        blocks.append(
            TableBlock(
                "dynamics.trends",
                Text("趋势（每年倍数，已扣除季节与全县水平）", "Trend (factor a year, season and county taken out)"),
                _named(study, table),
                formats={"expected": ".1f", "change": ".2f", "lo": ".2f", "hi": ".2f", "p_rising": ".0%"},
                shown=20,
            )
        )
    if parts.changes is not None:
        table = parts.changes.tidy()
        table = table[table["q_value"] <= 0.1].sort_values("p_value", kind="stable").drop(columns="reason")
        if len(table):
            blocks.append(
                TableBlock(
                    "dynamics.changes",
                    Text("变点（假发现率 10%）", "Change points (false discoveries 10 %)"),
                    _named(study, table),
                    formats={"before": ".2f", "after": ".2f", "ratio": ".2f", "p_value": ".3f", "q_value": ".3f"},
                    note=Text(
                        "最早与最晚：变化前最后一期所在的范围；变化前无坏样本时倍数为 ∞。",
                        "First and last: the range of the last quarter before the change; the factor is ∞ where no bad "
                        "came before it.",
                    ),
                )
            )
    return Section("dynamics", Text("动态", "Dynamics"), blocks) if blocks else None


def _missing(missing: Mapping[str, tuple[str, str]]) -> Block:
    table = pd.DataFrame(
        [{"part": PARTS.get(name, Text.same(name)), "reason": Text(*texts)} for name, texts in missing.items()]
    )
    columns = {"part": Text("部分", "part"), "reason": Text("原因", "reason")}
    return TableBlock("why.missing", Text("未能做的部分", "Parts that could not be made"), table, columns)


def _sources(study: Any) -> dict[str, Text]:
    """Source of a feature → what a reader calls it: the table's name."""
    parts = study.why.gap.parts["source"].unique()
    return {s: Text(TABLES[s].zh, TABLES[s].en) for s in parts if s in TABLES}


def _names(study: Any) -> dict[Any, str] | None:
    table = study.villages
    return table.set_index("village")["name"].to_dict() if "name" in table else None


def _named(study: Any, table: pd.DataFrame) -> pd.DataFrame:
    """The table with the name of each village beside its code."""
    names = _names(study)
    if names is None or "name" in table:
        return table.reset_index(drop=True)
    place = list(table.columns).index("village") + 1
    left, right = table.columns[:place], table.columns[place:]
    return table.assign(name=table["village"].map(names))[[*left, "name", *right]].reset_index(drop=True)
