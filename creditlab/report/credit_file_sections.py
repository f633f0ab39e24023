"""The parts of a report on the credit file: who has been reached, what to collect next, leaks, doubtful links.

It arranges what `study.collection`, `study.leaks` and `study.links` hold. Coverage and ledger list villages, so they
stay inside the bank.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from creditlab.data.schema import PORTS, TABLES
from creditlab.features.coverage import STATES
from creditlab.plots import portraits as portrait_plots
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

#: rows of the tables by village that are shown; report.json and the CSV files have them all
SHOWN = 20
_VERDICTS = {"leak": Text("泄漏嫌疑", "leak suspected"), "look": Text("需查看", "look at it")}
_OUTCOMES = {
    "linked": Text("自动匹配", "linked"),
    "decided same": Text("人工判定：同一人", "decided by a person: the same"),
    "decided different": Text("人工判定：非同一人", "decided by a person: somebody else"),
    "doubtful": Text("待人工判定", "to be decided by a person"),
    "none": Text("无匹配", "nobody like it"),
}


def coverage_section(study: Any) -> Section:
    """Census against households reached, by source, port and village; and the ledger of what to collect next."""
    covered, ledger = study.collection.coverage, study.collection.ledger
    blocks: list[Block] = [_reached(covered), *_by_source(covered), _by_port(covered), _by_village(covered)]
    if ledger is None:
        blocks.append(Callout(Text.same(study.collection.reason), "none"))
    else:
        blocks += [*_ledger(ledger), *_worth(ledger), _visits(ledger)]
    return Section("coverage", Text("采集覆盖与下一步采集", "Coverage, and what to collect next"), blocks)


def _source(names: pd.Series) -> pd.Series:
    words = {name: Text(table.zh, table.en) for name, table in TABLES.items()}
    return pd.Series([words.get(n, Text.same(n)) for n in names], index=names.index, dtype=object)


def _reached(covered: Any) -> Block:
    facts, table = covered.facts, covered.tidy()
    resident = int(table.groupby("village_id")["resident"].first().sum()) if len(table) else 0
    day = Text.same(facts["as_of"])
    return KeyFigures(
        [
            KeyFigure(Text("普查户数", "households of the census"), facts["households"], day, "", ",d"),
            KeyFigure(Text("其中常住", "of them resident"), resident, None, "", ",d"),
            KeyFigure(Text("至少一个来源已采集", "reached by a source"), facts["reached_by_any"], None, "", ",d"),
            KeyFigure(Text("采集覆盖率", "share reached"), facts["share_reached"], None, "", ".1%"),
            KeyFigure(Text("从未采集", "never reached"), facts["never_reached"], None, "", ",d"),
        ]
    )  # fmt: skip


_COUNTS = {name: Text(*words) for name, words in STATES.items()}
_SHARES = {
    "share": Text("覆盖率", "share reached"),
    "resident_share": Text("常住户覆盖率", "share of residents"),
    "fresh_share": Text("一年内", "within a year"),
    "median_age_days": Text("中位天数", "median age, days"),
}
_FORMATS = dict.fromkeys(("share", "resident_share", "fresh_share"), ".1%") | {"median_age_days": ",.0f"}
_NUMBERS = dict.fromkeys(STATES, ",d")


def _by_source(covered: Any) -> list[Block]:
    table = covered.sources()
    columns = {"source": Text("来源", "source"), "households": Text("户数", "households"), **_COUNTS, **_SHARES}
    return [
        FigureBlock(
            "coverage.sources",
            Text("各来源：已采集、确为零，或缺失的原因", "By source: reached, a true zero, or why not"),
            portrait_plots.coverage(covered),
            Text(
                "每户在每个来源恰有一种状态；“确为零”是完整登记中确无记录，不是缺失。",
                "Each household is in exactly one state per source; a true zero is no gap: the register is complete "
                "and has nothing.",
            ),
            table.assign(source=_source(table["source"])),
            columns,
            _FORMATS | _NUMBERS,
            words=[Text(*words) for words in STATES.values()],
        )
    ]


def _by_port(covered: Any) -> Block:
    counts = ["reached", "resident_reached", "fresh"]
    ports = covered.ports
    table = ports.groupby(["source", "port"], as_index=False, sort=True, observed=True)[counts].sum()
    table = table.assign(share=table["reached"] / max(covered.facts["households"], 1))
    table = table[table["reached"] > 0].reset_index(drop=True)
    return TableBlock(
        "coverage.ports",
        Text("按来源与端口", "By source and port"),
        table.assign(
            source=_source(table["source"]),
            port=[Text(*PORTS[p]) if p in PORTS else Text.same(p) for p in table["port"]],
        ),
        {
            "source": Text("来源", "source"), "port": Text("端口", "port"), "reached": Text("户数", "households"),
            "resident_reached": Text("其中常住", "resident"), "fresh": Text("一年内", "within a year"),
            "share": Text("覆盖率", "share reached"),
        },
        {"share": ".1%", **dict.fromkeys(counts, ",d")},
        Text(
            "按村×来源×端口的明细见 coverage_ports.csv。",
            "By village, source and port: coverage_ports.csv.",
        ),
    )  # fmt: skip


def _by_village(covered: Any) -> Block:
    table = covered.tidy()
    lacking = ["not_authorised", "not_connected", "not_collected"]
    table = table.assign(lacking=table[lacking].sum(axis=1))
    table = table[table["lacking"] > 0].sort_values(
        ["lacking", "village_id", "source"], ascending=[False, True, True], ignore_index=True
    )
    columns = {"village_id": Text("村", "village"), "source": Text("来源", "source"),
               "households": Text("户数", "households"), **_COUNTS, **_SHARES}  # fmt: skip
    return TableBlock(
        "coverage.villages",
        Text("缺失最多的村与来源", "Villages and sources with most gaps"),
        table.assign(source=_source(table["source"])),
        columns,
        _FORMATS | _NUMBERS,
        Text("全部村见 coverage.csv。", "All villages: coverage.csv."),
        shown=SHOWN,
    )


_LEDGER = {
    "households": Text("户数", "households"),
    "gain": Text("信息增益（纳特）", "gain, nats"),
    "gain_lo": Text("下限", "lower"),
    "gain_hi": Text("上限", "upper"),
    "per_thousand": Text("每千户增益", "gain per 1,000"),
    "cost": Text("成本", "cost"),
    "gain_per_cost": Text("每单位成本增益", "gain per unit of cost"),
    "decisions": Text("预计换档户数", "expected changes of tier"),
    "adds_points": Text("分数变动合计", "change of points in all"),
}
_LEDGER_FORMATS = {
    **dict.fromkeys(("gain", "gain_lo", "gain_hi", "per_thousand"), ".3f"),
    "gain_per_cost": ".5f", "cost": ",.0f", "decisions": ",.0f", "adds_points": ",.0f", "households": ",d",
}  # fmt: skip


def _told(table: pd.DataFrame) -> pd.DataFrame:
    named = pair_texts(table.assign(action_en=table["action"]).drop(columns="action"), "action")
    return named.assign(source=_source(table["source"]), per_thousand=1000 * table["gain"] / table["households"])


def _ledger(ledger: Any) -> list[Block]:
    head = {"source": Text("来源", "source"), "action": Text("做什么", "what to do")}
    return [
        Paragraph(
            Text(
                "缺一条记录的代价如何量出：在已有该记录且有结果的借款户上，用未见过其村的模型，比较评分卡“有该来源”与"
                "“遮去该来源”的对数损失与 AUC；再按评分卡在每户自身得分处所含的信息，折算到缺该记录的户，"
                "并按实测兑现比例缩减。排序为每单位成本的信息增益；未给成本时每次行动计 1。"
                "结果只见于借款户，对从未借款的户为推断。",
                "How the worth of a missing record is measured: on borrowers that have the record and an outcome, "
                "models that never saw their village give log-loss and AUC with the source against the source masked; "
                "the gain is carried to a household that lacks it by the information that the card implies at its own "
                "score, cut down to the part that was realised. Ranked by gain per unit of cost; an action costs 1 "
                "where no cost was given. Outcomes exist for borrowers only: for others it is an inference.",
            )
        ),
        FigureBlock(
            "collection.sources",
            Text("补齐各缺口可增加的信息", "What closing each gap would add"),
            portrait_plots.ledger(ledger),
            Text(
                "纳特：对数损失的预期下降，合计于缺该来源的各户；NaN 表示样本不足以实测。",
                "Nats: the expected fall in log-loss, summed over the households that lack the source; a dash: not "
                "measurable.",
            ),
            _told(ledger.sources()),
            {**head, **_LEDGER},
            _LEDGER_FORMATS,
        ),
    ]


def _worth(ledger: Any) -> list[Block]:
    if ledger.worth is None:
        return []
    table = ledger.worth.tidy()
    gains = ("auc_with", "auc_masked", "auc_gain", "auc_gain_lo", "auc_gain_hi")
    nats = ("gain", "gain_lo", "gain_hi")
    return [
        TableBlock(
            "collection.worth",
            Text("有该记录的借款户：有此来源与遮去此来源", "Borrowers with the record: with the source and masked"),
            table.assign(source=_source(table["source"]), **{n: 1000 * table[n] for n in nats}),
            {
                "source": Text("来源", "source"), "rows": Text("户次", "rows"), "bads": Text("坏", "bads"),
                "auc_with": Text("AUC", "AUC"), "auc_masked": Text("遮去后", "masked"),
                "auc_gain": Text("AUC 增量", "AUC gain"), "auc_gain_lo": Text("下限", "lower"),
                "auc_gain_hi": Text("上限", "upper"), "gain": Text("每千户增益（纳特）", "nats per 1,000"),
                "gain_lo": Text("下限", "lower"), "gain_hi": Text("上限", "upper"),
                "realised": Text("兑现比例", "realised"), "kept": Text("一年后仍有效", "told a year later"),
                "reason": Text("备注", "remark"),
            },
            {**dict.fromkeys(gains, ".4f"), **dict.fromkeys(nats, ".2f"), "realised": ".0%", "kept": ".0%",
             "rows": ",d", "bads": ",d"},
            Text(
                f"区间按村聚类（{ledger.worth.facts['level']:.0%}）；增量不高于 0 的来源，补采无益于评分。",
                f"Intervals clustered by village ({ledger.worth.facts['level']:.0%}); a source whose gain is not above "
                "0 is of no use to the score.",
            ),
        )
    ]  # fmt: skip


def _visits(ledger: Any) -> Block:
    table = ledger.villages()
    head = {"rank": Text("序", "rank"), "village_id": Text("村", "village"), "source": Text("来源", "source"),
            "action": Text("做什么", "what to do")}  # fmt: skip
    return TableBlock(
        "collection.villages",
        Text("走访计划：先去哪里、采什么", "Plan of visits: where to go first, what to ask"),
        _told(table),
        {**head, **_LEDGER},
        _LEDGER_FORMATS,
        Text("逐户清单见 collect.csv。", "Household by household: collect.csv."),
        shown=SHOWN,
    )


def leak_blocks(study: Any) -> list[Block]:
    """The hunt for leaks: what was looked at, which features were flagged, why, and what was done."""
    if study.leaks is None:
        return []
    facts, labels = study.leaks.facts, study.dictionary
    table = pair_texts(study.leaks.flagged().drop(columns="signs"), "signs", "done")
    zh = f"泄漏排查：{facts['features']} 个特征，{facts['leak']} 个有泄漏嫌疑，{facts['look']} 个需查看。"
    en = f"Leakage hunter: {facts['features']} features, {facts['leak']} suspected leaks, {facts['look']} to look at."
    blocks: list[Block] = [Callout(Text(zh, en), "red" if facts["leak"] else "amber" if facts["look"] else "green")]
    note = Text(
        f"看五个迹象：来源行日期晚于观察日；信息值不低于 {facts['iv_limit']:g}；一年前几无区分力（仅县域研究）；"
        "只在坏客户中出现的取值；有无该值即可区分。迹象不是证据：不自动剔除，追溯来源行后由人写入 drop。",
        f"Five signs: rows dated after the observation date; IV of {facts['iv_limit']:g} or more; told nothing a year "
        "earlier (county study only); values that only the bad have; that there is a value tells the outcome. A sign "
        "is no proof: nothing is removed by itself; trace the rows, then a person names the feature in drop.",
    )
    if not len(table):
        return [*blocks, Paragraph(note)]
    names = [Text(labels.label(n, "zh"), labels.label(n, "en")) if n in labels else n for n in table["feature"]]
    table = table.assign(label=names, verdict=[_VERDICTS[v] for v in table["verdict"]])
    words = {
        "label": Text("特征", "feature"), "verdict": Text("结论", "verdict"), "signs": Text("原因", "why"),
        "iv": Text("信息值", "IV"), "iv_lo": Text("下限", "lower"), "iv_earlier": Text("一年前", "a year earlier"),
        "presence": Text("有无该值的信息值", "IV of presence"), "pure": Text("纯坏箱占比", "bads in pure bins"),
        "later": Text("晚于观察日的行", "rows dated later"), "done": Text("处理", "what was done"),
    }  # fmt: skip
    formats = dict.fromkeys(("iv", "iv_lo", "iv_earlier", "presence"), ".3f") | {"pure": ".1%"}
    title = Text("泄漏排查：被标记的特征", "Leakage hunter: flagged features")
    return [*blocks, TableBlock("data.leaks", title, table, words, formats, note)]


def link_blocks(study: Any) -> list[Block]:
    """Rows without a number: how many were linked, are to be decided, or were decided by a person."""
    links = study.links
    if not len(links):
        return []
    table = links.groupby(["table", "outcome"], as_index=False).size().rename(columns={"size": "rows"})
    table = table.assign(table=_source(table["table"]), outcome=[_OUTCOMES.get(o, o) for o in table["outcome"]])
    return [
        TableBlock(
            "data.links",
            Text("无证件号的行如何归户", "Rows without a number: which household"),
            table,
            {"table": Text("表", "table"), "outcome": Text("结果", "outcome"), "rows": Text("行数", "rows")},
            {"rows": ",d"},
            Text(
                "待判定者由 creditlab check --out 列出；填好判定后用 --links 读回。",
                "creditlab check --out lists what is to be decided; filled in, it comes back with --links.",
            ),
        )
    ]
