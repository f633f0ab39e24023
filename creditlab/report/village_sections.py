"""The sections on villages: the first page, the village study, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from creditlab.plots import village as village_plots
from creditlab.plots.words import Text
from creditlab.report.document import (
    Block,
    Callout,
    FigureBlock,
    KeyFigure,
    KeyFigures,
    Paragraph,
    Section,
    TableBlock,
    pair_texts,
)
from creditlab.report.loan_ledger import agreement, by_class
from creditlab.village.pattern import ACTIONS, RULES
from creditlab.village.ranking import RANKABLE
from creditlab.village.suppression import suppress

#: villages in the table of the first page
FIRST_PAGE = 10
#: rankability from which the order is shown as green
WELL_RANKED = 0.7


def summary(study: Any, edition: str, verdict: Sequence[Block]) -> Section:
    """The first page: the bank's own numbers, how good the models, which villages; and the verdict.

    The first table is the reconciliation of the book to the ledger, where there is one.
    """
    blocks: list[Block] = [KeyFigures(_key_figures(study))]
    if study.reconciliation is not None:
        blocks.append(agreement(study.reconciliation))
        if edition == "internal":
            blocks.append(by_class(study.reconciliation, "summary.reconciliation"))
    if len(study.villages):
        blocks += [_certainty(study), _table(study, "summary.villages", FIRST_PAGE, edition)]
    return Section("summary", Text("封面与结论", "Cover and verdict"), [*blocks, *verdict], number="0")


def _key_figures(study: Any) -> list[KeyFigure]:
    facts = study.facts
    figures = [
        KeyFigure(
            Text("样本（户次）", "rows in the sample"),
            facts["rows"],
            Text(f"坏 {facts['bads']}", f"{facts['bads']} bad"),
            format=",d",
        ),
        KeyFigure(Text("坏账率", "bad rate"), facts["bads"] / facts["rows"], format=".1%"),
    ]
    figures += [_auc(study, label) for label in ("card", "challenger")]
    if len(study.villages):
        unit = study.unit
        figures.append(KeyFigure(Text(f"{unit[0]}数", f"{unit[1]}s"), len(study.villages), format=",d"))
    return figures


def _auc(study: Any, label: str) -> KeyFigure:
    """AUC on the strictest sample there is: out-of-time, else test, else development."""
    tests = study.validation.tidy()
    rows = tests[(tests["id"] == "disc.auc") & (tests["model"] == label)].set_index("split")
    scope = next(s for s in ("out-of-time", "test", "development") if s in rows.index)
    row = rows.loc[scope]
    scopes = {"out-of-time": "时间外", "test": "测试样本", "development": "开发样本"}
    names = {"card": ("评分卡 AUC", "scorecard AUC"), "challenger": ("挑战者 AUC", "challenger AUC")}
    note = Text(
        f"{scopes[scope]}，区间 {row['lo']:.3f}–{row['hi']:.3f}", f"{scope}, interval {row['lo']:.3f}–{row['hi']:.3f}"
    )
    return KeyFigure(Text(*names[label]), float(row["estimate"]), note, format=".3f")


def _certainty(study: Any) -> Block:
    facts, unit = study.panel.facts, study.unit
    rho = facts.get("rankability", float("nan"))
    certain = study.villages["p_top"].head(facts["top"]).mean()
    known = np.isfinite(rho)
    zh = f"可排序性 {rho:.2f}；" if known else ""
    en = f"Rankability {rho:.2f}; " if known else ""
    if rho < RANKABLE:
        zh += "数据不足以支撑排名：差异多属偶然，以下次序不是名单。"
        en += f"the data do not carry a ranking: most differences between {unit[1]}s are chance, the order is no list. "
    return Callout(
        Text(
            f"{zh}名单中的{unit[0]}平均有 {certain:.0%} 的概率确属最差的 {facts['top']} 个：请看概率，不只看名次。",
            f"{en}A {unit[1]} on the list belongs to the worst {facts['top']} with a probability of {certain:.0%} on "
            f"average: read the probabilities, not only the order.",
        ),
        "red" if rho < RANKABLE else "green" if rho >= WELL_RANKED else "amber",
    )


def villages(study: Any, edition: str) -> Section:
    """Every village: rate, O/E, shrunken O/E, how sure; funnel, caterpillar, map."""
    unit = Text(*study.unit)
    shown = suppress(study.villages) if edition == "external" else study.villages
    drawn = shown.loc[~shown["suppressed"]].drop(columns="suppressed") if edition == "external" else shown
    panel = _Drawn(drawn, study.panel.facts)
    blocks: list[Block] = [
        Paragraph(
            Text(
                f"每{unit.zh}：实际坏户数、借款人结构所预期的坏户数、二者之比（O/E）及其收缩估计。收缩把小{unit.zh}拉向平均。",
                f"For each {unit.en}: observed bads, bads that its borrowers lead one to expect, their ratio (O/E) "
                f"and its shrunken estimate. Shrinking draws small {unit.en}s towards the mean.",
            )
        ),
        FigureBlock(
            "villages.funnel",
            Text("漏斗图", "Funnel"),
            village_plots.funnel(panel),
            Text(
                f"各{unit.zh} O/E 对期望坏户数，附 95% 与 99.8% 控制限。",
                f"O/E of each {unit.en} against expected bads, with 95 % and 99.8 % limits.",
            ),
            _brief(drawn),
        ),
        FigureBlock(
            "villages.caterpillar",
            Text("收缩后 O/E 与区间", "Shrunken O/E with intervals"),
            village_plots.caterpillar(panel),
            Text("收缩后 O/E 及区间，空心点为原始 O/E。", "Shrunken O/E with interval; hollow marks are raw O/E."),
            _brief(drawn),
        ),
    ]
    if {"x", "y"} <= set(drawn.columns):
        blocks.append(
            FigureBlock(
                "villages.map",
                Text("地图", "Map"),
                village_plots.map(panel, geojson=study.geojson),
                Text("各村收缩后 O/E；无底图，可离线查看。", "Shrunken O/E of each village; no tiles, works offline."),
                _brief(drawn),
            )
        )
    blocks.append(_table(study, "villages.table", len(shown), edition))
    return Section("villages", Text(f"各{unit.zh}", f"{unit.en.capitalize()}s"), blocks)


class _Drawn:
    """What the village figures read: `tidy()` and `facts`."""

    def __init__(self, table: pd.DataFrame, facts: Mapping[str, Any]) -> None:
        self._table = table
        self.facts = dict(facts)

    def tidy(self) -> pd.DataFrame:
        return self._table.rename(columns={"bad": "observed"})


def _brief(table: pd.DataFrame) -> pd.DataFrame:
    kept = ["village", "name", "n", "bad", "expected", "ratio", "ratio_lo", "ratio_hi", "estimate", "lo", "hi", "p_top"]
    return table[[c for c in kept if c in table]]


def _table(study: Any, id: str, count: int, edition: str) -> TableBlock:
    table = suppress(study.villages) if edition == "external" else study.villages
    words = {
        "village": Text("代码", "code"),
        "name": Text("名称", "name"),
        "n": Text("户次", "n"),
        "bad": Text("坏", "bad"),
        "rate": Text("坏账率", "bad rate"),
        "expected": Text("期望", "expected"),
        "ratio": Text("O/E", "O/E"),
        "ratio_full": Text("全卡 O/E", "O/E, full card"),
        "estimate": Text("收缩 O/E", "shrunken O/E"),
        "lo": Text("下限", "lower"),
        "hi": Text("上限", "upper"),
        "excess": Text("超额坏户", "excess bads"),
        "p_above": Text("P(O/E>1)", "P(O/E>1)"),
        "p_top": Text("P(前列)", "P(top k)"),
    }
    formats = {
        "rate": ".1%",
        "expected": ".1f",
        "ratio": ".2f",
        "ratio_full": ".2f",
        "estimate": ".2f",
        "lo": ".2f",
        "hi": ".2f",
        "excess": ".1f",
        "p_above": ".0%",
        "p_top": ".0%",
    }
    there = {c: w for c, w in words.items() if c in table}
    level = study.config.level
    note = Text(
        f"区间水平 {level:.0%}；户次少于 10 者在外部版中隐去。",
        f"Intervals at {level:.0%}; rows under 10 are blank in the external edition.",
    )
    return TableBlock(
        id,
        Text(f"最需关注的{study.unit[0]}", f"{study.unit[1].capitalize()}s that need attention most"),
        table.head(count),
        there,
        {c: f for c, f in formats.items() if c in there},
        note,
        shown=400,
    )


def actions(study: Any) -> Section:
    """What the pattern of each village calls for, with the evidence and what is at stake."""
    table = pair_texts(study.actions.drop(columns=["pattern", "action"]), "pattern", "action", "evidence")
    table["also"] = [_also(words) for words in table["also"]]
    columns = {
        "village": Text("代码", "code"),
        "name": Text("名称", "name"),
        "action": Text("行动", "action"),
        "also": Text("另可", "besides"),
        "estimate": Text("收缩 O/E", "shrunken O/E"),
        "lo": Text("下限", "lower"),
        "hi": Text("上限", "upper"),
        "bads_ahead": Text("在贷预期坏户", "bads ahead"),
        "yuan_ahead": Text("预期损失敞口（元）", "yuan ahead"),
        "yuan_excess": Text("其中超出结构者（元）", "of it beyond expectation"),
    }
    formats = {"estimate": ".2f", "lo": ".2f", "hi": ".2f", "bads_ahead": ".1f"}
    formats |= {"yuan_ahead": ",.0f", "yuan_excess": ",.0f"}
    columns = {name: text for name, text in columns.items() if name in table}
    counts = study.actions["action"].value_counts()
    said = [(*ACTIONS[name], int(n)) for name, n in counts.items()]
    blocks: list[Block] = [
        Paragraph(
            Text(
                "行动由格局推出，而非由名次推出：差距来自谁、环境与执行如何、样本与数据是否足够。每条规则按次序提问，"
                "首个成立者定行动。预期坏户与金额指现有正常贷款到期前的预期。",
                "The action follows from the pattern, not from the rank: what the gap is made of, environment and "
                "enforcement, whether loans and data suffice. Rules are asked in order, the first that holds decides. "
                "Bads and yuan ahead are what the performing loans of today lead one to expect by maturity.",
            )
        ),
        Callout(
            Text("；".join(f"{zh} {n}" for zh, _, n in said), "; ".join(f"{en}: {n}" for _, en, n in said)), "info"
        ),
        TableBlock(
            "actions.table",
            Text("行动清单", "Action list"),
            table,
            columns,
            {c: f for c, f in formats.items() if c in columns},
        ),
        TableBlock(
            "actions.evidence",
            Text("证据", "Evidence"),
            table,
            {c: columns[c] for c in ("village", "name") if c in columns}
            | {"pattern": Text("格局", "pattern"), "evidence": Text("证据", "evidence")},
        ),
        TableBlock("actions.rules", Text("规则", "Rules"), _rules()),
    ]
    return Section("actions", Text("下一步", "What next"), blocks)


def _also(words: str) -> Text:
    names = [ACTIONS[w] for w in words.split(",") if w]
    return Text("；".join(n[0] for n in names), "; ".join(n[1] for n in names)) if names else Text.same("–")


def _rules() -> pd.DataFrame:
    """The rules in the order in which they are asked."""
    rows = [
        {"rule_order": place, "pattern": Text(rule.zh, rule.en), "action": Text(*ACTIONS[rule.action])}
        for place, rule in enumerate(RULES, start=1)
    ]
    return pd.DataFrame(rows)
