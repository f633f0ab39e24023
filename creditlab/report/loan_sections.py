"""The report on a loan book: its sections in reading order, the reconciliation to the ledger first.

It arranges the parts of a `LoanStudy`; a part that is absent is named with its reason. In the external edition groups
under ten borrowers are blanked and no table names a village.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from creditlab import __version__
from creditlab.plots import loans as plots
from creditlab.plots.words import WORDS, Text
from creditlab.report.document import (
    Block,
    Callout,
    Document,
    FigureBlock,
    KeyFigure,
    KeyFigures,
    Paragraph,
    Section,
    TableBlock,
    pair_texts,
)
from creditlab.results import made_at
from creditlab.village.suppression import suppress

_PLAIN = {"month_end": Text("月末", "month end"), "group": Text("分组", "group")}


def loan_document(study: Any) -> Document:
    """The report of a `LoanStudy`, for the analyst and the validator."""
    makers = (
        _ledger, _structure, _classification, _ratios, _migration, _movement, _vintages, _calendars, _definition,
        _hazard, _losses, _court, _channels, _findings, _method,
    )  # fmt: skip
    sections = [section for make in makers if (section := make(_Parts(study))).blocks]
    return Document(
        title=Text("信贷台账报告", "The loan book"),
        subtitle=Text.same(study.name or "–"),
        sections=sections,
        manifest={
            "made": made_at(),
            "creditlab": __version__,
            "stamp": study.stamp.to_dict(),
            "parts": {name: part.stamp.to_dict() for name, part in study.parts.items()},
        },
        lang=study.lang,
        edition=study.edition,
    )


class _Parts:
    """The parts of a study, and the blocks that say why one is absent."""

    def __init__(self, study: Any) -> None:
        self.study, self.external = study, study.edition == "external"

    def __contains__(self, name: str) -> bool:
        return name in self.study.parts

    def __getitem__(self, name: str) -> Any:
        return self.study.parts[name]

    def missing(self, *names: str) -> list[Block]:
        """A note for each of the parts that is absent."""
        rows = self.study.table.set_index("part")
        return [
            Callout(
                Text(
                    f"{rows.loc[name, 'zh']}：本次没有。原因：{self.study.absent[name]}",
                    f"{rows.loc[name, 'en']}: absent here. Reason: {self.study.absent[name]}",
                ),
                "none",
            )
            for name in names
            if name in self.study.absent
        ]

    def grouped(self, frame: pd.DataFrame, n: str) -> pd.DataFrame:
        """A table of groups, blanked where they are small in the external edition."""
        if not self.external or frame.empty:
            return frame
        return suppress(frame.rename(columns={"group": "name"}), n=n).rename(columns={"name": "group"})


def _words(names: Mapping[str, tuple[str, str]]) -> dict[str, Text]:
    return {name: Text(*pair) for name, pair in names.items()}


def _label(value: str) -> Text:
    return WORDS.get(value) or Text.same(value)


# --- sections ------------------------------------------------------------------------------------------------------


def _ledger(parts: _Parts) -> Section:
    """The bank's own numbers: the first table of the report is the reconciliation."""
    blocks: list[Block] = parts.missing("reconciliation")
    if "reconciliation" in parts:
        result = parts["reconciliation"]
        facts = result.facts
        blocks += [
            Callout(
                Text(
                    f"台账与总账核对：{facts['months']} 个月、{facts['cells']} 个单元格，"
                    f"{facts['differing_cells']} 个不一致，最大差额 {facts['largest_difference_yuan']:,.0f} 元。",
                    f"Book against the bank's control totals: {facts['months']} months, {facts['cells']} cells, "
                    f"{facts['differing_cells']} differ, by {facts['largest_difference_yuan']:,.0f} yuan at most.",
                ),
                "amber" if facts["differing_cells"] else "green",
            ),
            _differences(result),
            FigureBlock(
                "ledger.differences",
                Text("台账与总账差额", "Book less ledger"),
                plots.reconciliation(result),
                Text(
                    "各月、各类别的差额；没有柱子表示一致。", "The difference by month and class; no bar is good news."
                ),
                result.differences() if facts["differing_cells"] else result.totals().tail(12),
            ),
        ]
    if "ratios" in parts:
        blocks.append(KeyFigures(_key_figures(parts)))
    return Section("ledger", Text("银行自己的数", "The bank's own numbers"), blocks)


def _differences(result: Any) -> TableBlock:
    """The cells that differ; if none does, the totals of the last year side by side."""
    differs = result.differences()
    frame = differs if len(differs) else result.totals().tail(12)
    words = {"month_end": Text("月末", "month end")}
    if len(differs):
        words["class5"] = Text("五级分类", "class")
        frame = frame.assign(class5=[_label(c) for c in frame["class5"]])
    for measure, zh, en in (("notes", "笔数", "notes"), ("balance", "余额", "balance"), ("npl_balance", "不良", "NPL")):
        for side, zh_side, en_side in (
            ("book", "台账", "book"),
            ("ledger", "总账", "ledger"),
            ("difference", "差", "diff."),
        ):
            words[f"{measure}_{side}"] = Text(f"{zh_side}{zh}", f"{en}, {en_side}")
    title = (
        Text("不一致的单元格", "Cells that differ")
        if len(differs)
        else Text("最近十二个月合计（全部一致）", "Totals of the last twelve months (all agree)")
    )
    note = Text("差 = 台账 − 总账；金额为元。", "Difference = book less ledger; amounts in yuan.")
    formats = {name: ",.0f" for name in words if name not in ("month_end", "class5")}
    return TableBlock("ledger.reconciliation", title, frame, words, formats, note)


def _key_figures(parts: _Parts) -> list[KeyFigure]:
    rows = parts["ratios"].side_by_side().set_index("view")
    names = {
        "by_count": ("不良率（笔数）", "NPL ratio by count"),
        "by_household": ("不良率（户数）", "NPL ratio by household"),
        "by_balance": ("不良率（余额）", "NPL ratio by balance"),
        "by_vintage": ("不良率（账龄18个月）", "NPL ratio by vintage, 18 months"),
    }
    figures = []
    for view, (zh, en) in names.items():
        row = rows.loc[view]
        size = f"n = {row['n']:,.0f}" + (f", n_eff = {row['n_eff']:,.0f}" if view == "by_balance" else "")
        note = Text.same(f"{size}; {row['lo']:.1%} – {row['hi']:.1%}")
        figures.append(KeyFigure(Text(zh, en), float(row["ratio"]), note, format=".2%"))
    last = parts["ratios"].at().iloc[0]
    figures.append(
        KeyFigure(Text("加回核销与转让", "with write-offs and sales"), float(last["with_add_back"]), format=".2%")
    )
    figures.append(
        KeyFigure(Text("逾期90天以上/不良", "overdue 90+ over NPL"), float(last["overdue_90_to_npl"]), format=".0%")
    )
    return figures


def _structure(parts: _Parts) -> Section:
    blocks: list[Block] = parts.missing("structure")
    if "structure" in parts:
        result = parts["structure"]
        table = result.tidy()
        last = table[table["month_end"] == table["month_end"].max()]
        last = last.assign(kind=[_kind(k) for k in last["kind"]])
        words = _words(
            {"kind": ("借款人", "borrower"), "borrowers": ("借款人数", "borrowers"), "notes": ("借据", "notes"),
             "balance": ("余额（元）", "balance (yuan)"), "overdue_principal": ("逾期本金", "overdue principal"),
             "overdue_interest": ("欠息", "overdue interest"),
             "overdue_principal_share": ("逾期本金占比", "principal share")}
        )  # fmt: skip
        formats = dict.fromkeys(("balance", "overdue_principal", "overdue_interest"), ",.0f")
        blocks.append(
            TableBlock(
                "structure.kinds",
                Text(
                    "期末：个人与组织，本金与利息分列", "At the end: persons and organisations, principal and interest"
                ),
                parts.grouped(last, "borrowers"),
                words,
                {**formats, "borrowers": ",.0f", "notes": ",.0f", "overdue_principal_share": ".2%"},
            )
        )
        lines = result.lines.assign(kind=[_kind(k) for k in result.lines["kind"]])
        words = _words(
            {"kind": ("借款人", "borrower"), "lines": ("授信", "lines"), "contracts": ("合同", "contracts"),
             "notes": ("借据", "notes"), "limit": ("授信额度", "limit"), "drawn": ("用信", "drawn"),
             "usage": ("用信率", "usage")}
        )  # fmt: skip
        blocks.append(
            TableBlock(
                "structure.lines",
                Text("授信、合同与借据", "Lines, contracts and notes"),
                parts.grouped(lines, "notes"),
                words,
                {
                    "limit": ",.0f",
                    "drawn": ",.0f",
                    "usage": ".0%",
                    "lines": ",.0f",
                    "contracts": ",.0f",
                    "notes": ",.0f",
                },
            )
        )
    return Section("structure", Text("台账结构", "Structure of the book"), blocks)


def _kind(name: str) -> Text:
    from creditlab.loans.structure import KIND_LABELS

    return Text(*KIND_LABELS[name]) if name in KIND_LABELS else Text.same(name)


def _classification(parts: _Parts) -> Section:
    blocks: list[Block] = parts.missing("classification")
    if "classification" in parts:
        result = parts["classification"]
        facts = result.facts
        marked = result.parameters()
        unverified = marked[marked["evidence"] == "unverified"]
        names = "; ".join(f"{r.rule}: {r.parameter}" for r in unverified.itertuples())
        blocks += [
            Callout(
                Text(
                    f"{facts['better than the rule']} 个借据月的台账分类优于规则底线，{facts['judged worse, kept']} "
                    "个由银行判断为更差（保留）。",
                    f"{facts['better than the rule']} loan-months are classed better than the rule allows; "
                    f"{facts['judged worse, kept']} were judged worse by the bank and are kept.",
                ),
                "amber" if facts["better than the rule"] else "green",
            ),
            Callout(
                Text(f"未经原文核实的参数：{names}", f"Parameters not read in a primary text: {names}"),
                "amber" if names else "green",
            ),
            FigureBlock(
                "classes.share",
                Text("按规则的五级分类结构", "Classes by the rule"),
                plots.classes(result),
                Text("各月末关注、次级、可疑、损失占余额的比例。", "Shares of the balance by class at each month end."),
                result.tidy().tail(60),
            ),
            TableBlock(
                "classes.reasons",
                Text("期末分类由什么决定", "What decided the classes at the end"),
                parts.grouped(_reasons(result), "notes"),
                _words({"reason": ("依据", "reason"), "class5": ("分类", "class"), "notes": ("笔数", "notes"),
                        "balance": ("余额（元）", "balance (yuan)")}),
                {"balance": ",.0f", "notes": ",.0f"},
            ),
            TableBlock(
                "classes.parameters",
                Text("规则参数及其依据", "Parameters of the rules and what they rest on"),
                pair_texts(marked.drop(columns="evidence"), "evidence"),
                _words({"rule": ("规则", "rule"), "parameter": ("参数", "parameter"), "value": ("取值", "value"),
                        "evidence": ("依据程度", "evidence"), "source": ("出处", "source")}),
            ),
        ]  # fmt: skip
    return Section("classes", Text("五级分类", "Five-class classification"), blocks)


def _reasons(result: Any) -> pd.DataFrame:
    from creditlab.loans.classification import REASON_LABELS

    rows = result.by_reason
    return rows.assign(
        reason=[Text(*REASON_LABELS[r]) for r in rows["reason"]], class5=[_label(c) for c in rows["class5"]]
    )


def _ratios(parts: _Parts) -> Section:
    blocks: list[Block] = parts.missing("ratios", "ratios_by_product", "ratios_by_village")
    if "ratios" in parts:
        blocks.append(
            FigureBlock(
                "ratios.views",
                Text("四种口径的不良率", "Four NPL ratios"),
                plots.ratios(parts["ratios"]),
                Text(
                    "按笔数、户数、余额与账龄四种口径；余额口径在核销后下降，账龄口径不受影响。",
                    "By count, household, balance and vintage; the ratio by balance falls with write-offs, the "
                    "vintage not.",
                ),
                parts["ratios"].tidy().tail(24),
            )
        )
    for name, title in (
        ("ratios_by_product", Text("各产品期末不良率", "By product at the end")),
        ("ratios_by_village", Text("各村期末不良率（不良余额最大的 20 个）", "By village at the end (20 largest NPL)")),
    ):
        if name in parts and not (parts.external and name == "ratios_by_village"):
            rows = parts[name].at()
            if name == "ratios_by_village":
                rows = rows.sort_values(["npl_balance", "group"], ascending=[False, True], kind="stable").head(20)
            blocks.append(_ratio_table(f"ratios.{name[10:]}", title, parts.grouped(rows, "households")))
    return Section("ratios", Text("不良率", "NPL ratios"), blocks)


def _ratio_table(id: str, title: Text, rows: pd.DataFrame) -> TableBlock:
    words = {
        "group": ("分组", "group"), "notes": ("笔数", "notes"), "by_count": ("按笔数", "by count"),
        "by_count_lo": ("下限", "lower"), "by_count_hi": ("上限", "upper"), "balance": ("余额", "balance"),
        "n_eff": ("有效样本量", "n_eff"), "by_balance": ("按余额", "by balance"), "by_balance_lo": ("下限", "lower"),
        "by_balance_hi": ("上限", "upper"), "vintage_n": ("账龄样本", "vintage n"),
        "by_vintage": ("按账龄", "by vintage"),
        "special_mention_share": ("关注占比", "special mention"), "with_add_back": ("加回核销", "with add-back"),
    }  # fmt: skip
    shares = [c for c in words if c.startswith("by_") or c in ("special_mention_share", "with_add_back")]
    formats = {**dict.fromkeys(shares, ".1%"), **dict.fromkeys(("notes", "balance", "n_eff", "vintage_n"), ",.0f")}
    return TableBlock(id, title, rows, _words(words), formats)


def _migration(parts: _Parts) -> Section:
    blocks: list[Block] = parts.missing("migration", "flow", "renewals")
    if "migration" in parts:
        from creditlab.loans.class_moves import RATE_LABELS

        result = parts["migration"]
        rows = result.tidy().assign(rate=[Text(*RATE_LABELS[r]) for r in result.tidy()["rate"]])
        words = _words(
            {"rate": ("指标", "rate"), "opening": ("期初余额", "opening"), "decrease": ("期间减少", "decrease"),
             "moved": ("向下迁徙", "moved down"), "estimate": ("迁徙率", "rate"), "lo": ("下限", "lower"),
             "hi": ("上限", "upper"), "n": ("笔数", "n"), "n_eff": ("有效样本量", "n_eff"),
             "reason": ("说明", "reason")}
        )  # fmt: skip
        formats = {**dict.fromkeys(("opening", "decrease", "moved", "n_eff"), ",.0f"),
                   **dict.fromkeys(("estimate", "lo", "hi"), ".1%")}  # fmt: skip
        span = f"{result.facts['start']} – {result.facts['end']}"
        blocks.append(
            TableBlock("migration.rates", Text(f"迁徙率（{span}）", f"Migration rates ({span})"), rows, words, formats)
        )
    if "flow" in parts:
        blocks += [
            FigureBlock(
                "migration.flow",
                Text("不良贷款的流入与流出", "Flow of non-performing loans"),
                plots.flow(parts["flow"]),
                Text("向上为新增，向下为上调、收回、核销与转让。",
                "Up: inflow. Down: cured, repaid, written off, sold."),
                parts["flow"].tidy(),
            ),
            TableBlock(
                "migration.years",
                Text("按年汇总（元）", "By year (yuan)"),
                parts["flow"].yearly(),
                _words({"year": ("年", "year"), "opening": ("期初", "opening"), "inflow": ("新增", "inflow"),
                        "cured": ("上调", "cured"), "repaid": ("收回", "repaid"),
                        "written_off": ("核销", "written off"),
                        "transferred": ("转让", "sold"), "closing": ("期末", "closing"),
                        "formation_rate": ("不良生成率", "formation rate")}),
                {**dict.fromkeys(("opening", "inflow", "cured", "repaid", "written_off", "transferred", "closing"),
                ",.0f"),
                 "formation_rate": ".1%", "year": "d"},
                Text("期初 + 新增 − 上调 − 收回 − 核销 − 转让 = 期末。",
                     "Opening + inflow - cured - repaid - written off - sold = closing."),
            ),
        ]  # fmt: skip
    if "renewals" in parts:
        result = parts["renewals"]
        blocks.append(
            FigureBlock(
                "migration.renewals",
                Text("续贷：此前是否逾期，此后如何", "Renewals: arrears before, and what followed"),
                plots.renewals(result),
                Text(
                    "无还本续贷本身不是重组；续贷前曾逾期者此后更常变坏。",
                    "A sound renewal is no restructuring by itself; those after arrears go bad more often.",
                ),
                parts.grouped(result.by_kind.rename(columns={"kind": "group"}), "n"),
                _words({"group": ("类型", "kind"), "n": ("笔数", "n"), "amount": ("金额", "amount"),
                        "later_bad": ("此后坏", "later bad"), "share": ("占比", "share"), "lo": ("下限", "lower"),
                        "hi": ("上限", "upper")}),
                {"share": ".1%", "lo": ".1%", "hi": ".1%", "amount": ",.0f", "n": ",.0f", "later_bad": ",.0f"},
            )
        )  # fmt: skip
    return Section("migration", Text("迁徙、生成与续贷", "Migration, formation and renewals"), blocks)


def _movement(parts: _Parts) -> Section:
    names = ("transitions", "roll_rates", "village_transitions", "movement", "generator")
    blocks: list[Block] = parts.missing(*names)
    if "transitions" in parts:
        result = parts["transitions"]
        blocks.append(
            FigureBlock(
                "movement.matrix",
                Text("逾期状态的月度转移", "Monthly transitions of arrears"),
                plots.transitions(result),
                Text(
                    "每行为起始状态，各格为下月状态的概率。", "A row per state; cells are probabilities a month later."
                ),
                result.tidy(),
            )
        )
    if "roll_rates" in parts:
        rows = parts["roll_rates"].tidy()
        blocks.append(
            FigureBlock(
                "movement.rolls",
                Text("滚动率（产品）", "Roll rates by product"),
                plots.roll_rates(parts["roll_rates"]),
                Text("各状态下月恶化的比例及区间。", "The share worse a month later, with intervals."),
                parts.grouped(rows, "n"),
            )
        )
    if "movement" in parts:
        facts = parts["movement"].facts
        upper, lower = (float(facts[k]) for k in ("upper", "lower"))
        blocks.append(
            Paragraph(
                Text(
                    f"五级分类月度迁移矩阵的加权带宽（欧央行）：向下 {upper:.3f}，向上 {lower:.3f}（n = "
                    f"{facts['n']:,}）。",
                    f"Matrix weighted bandwidth of the classes' monthly migration (ECB): down {upper:.3f}, up "
                    f"{lower:.3f} "
                    f"(n = {facts['n']:,}).",
                )
            )
        )
    if "generator" in parts:
        facts = parts["generator"].facts
        blocks.append(
            Paragraph(
                Text(
                    f"五级分类的转移强度可用于不规则日期：最大行误差 {facts['largest row error']:.3f}"
                    f"（{'可用' if facts['usable'] else '不可用'}）。",
                    f"The generator of the classes serves irregular dates: largest row error "
                    f"{facts['largest row error']:.3f} ({'usable' if facts['usable'] else 'not usable'}).",
                )
            )
        )
    if "village_transitions" in parts and not parts.external:
        rows = parts["village_transitions"].tidy()
        part = rows[(rows["from"] == "1-30") & (rows["to"] == "31-60")]
        part = part.sort_values(["estimate", "group"], ascending=[False, True], kind="stable").head(15)
        words = _words(
            {"group": ("村", "village"), "total": ("借据月", "n"), "raw": ("原始", "raw"), "bank": ("全行", "bank"),
             "estimate": ("收缩后", "shrunken"), "lo": ("下限", "lower"), "hi": ("上限", "upper")}
        )  # fmt: skip
        blocks.append(
            TableBlock(
                "movement.villages",
                Text("1–30 天恶化为 31–60 天：收缩后最高的村", "From 1-30 to 31-60 days: highest after shrinking"),
                part,
                words,
                dict.fromkeys(("raw", "bank", "estimate", "lo", "hi"), ".1%"),
                Text(
                    "村矩阵以狄利克雷先验收缩至全行。", "Village matrices are drawn to the bank's by a Dirichlet prior."
                ),
            )
        )
    return Section("movement", Text("滚动与转移", "Rolling and transitions"), blocks)


def _vintages(parts: _Parts) -> Section:
    blocks: list[Block] = parts.missing("vintages", "vintages_by_plan")
    if "vintages" in parts:
        result = parts["vintages"]
        ages = result.tidy()
        words = _words(
            {"cohort": ("放款年", "cohort"), "age": ("月龄", "age"), "n": ("笔数", "n"), "n_seen": ("可见", "seen"),
             "bad": ("坏", "bad"), "estimate": ("占比", "share"), "lo": ("下限", "lower"), "hi": ("上限", "upper"),
             "product_limit": ("含未满期", "with younger"), "by_amount": ("按金额", "by amount")}
        )  # fmt: skip
        blocks.append(
            FigureBlock(
                "vintages.curves",
                Text("账龄曲线", "Vintage curves"),
                plots.vintages(result),
                Text(
                    "各年放款曾逾期 90 天以上的比例；虚线含未满期借据。",
                    "Ever over 90 days by cohort; dots use younger notes.",
                ),
                ages[ages["age"].isin([6, 12, 15, 18, 24, 36])],
                words,
                dict.fromkeys(("estimate", "lo", "hi", "product_limit", "by_amount"), ".2%"),
            )
        )
    if "vintages_by_plan" in parts:
        rows = parts["vintages_by_plan"].at(4)
        rows = rows.assign(group=[_label(g) for g in rows["group"]])
        words = _words(
            {"group": ("还款方式", "plan"), "cohort": ("放款年", "cohort"), "n": ("笔数", "n"), "bad": ("坏", "bad"),
             "estimate": ("占比", "share"), "lo": ("下限", "lower"), "hi": ("上限", "upper"),
             "reason": ("说明", "reason")}
        )  # fmt: skip
        blocks.append(
            TableBlock(
                "vintages.plans",
                Text("按到期日计：到期后 4 个月", "By due date: four months after it"),
                parts.grouped(rows, "n"),
                words,
                dict.fromkeys(("estimate", "lo", "hi"), ".1%"),
            )
        )
    return Section("vintages", Text("账龄", "Vintages"), blocks)


def _calendars(parts: _Parts) -> Section:
    blocks: list[Block] = parts.missing("calendar", "comparable")
    if "calendar" in parts:
        result = parts["calendar"]
        blocks.append(
            FigureBlock(
                "calendars.months",
                Text("逾期的季节性", "Arrears by calendar month"),
                plots.calendar(result),
                Text("各还款方式按日历月份的逾期占比。", "The share overdue by calendar month and plan."),
                result.tidy(),
            )
        )
    if "comparable" in parts:
        rows = parts["comparable"].tidy()
        words = _words(
            {"plan": ("还款方式", "plan"), "notes": ("在贷", "open"), "raw": ("在贷口径", "over open notes"),
             "untested_share": ("尚不能显示", "cannot show yet"), "tested": ("已到检验日", "tested"),
             "comparable": ("可比口径", "comparable"), "lo": ("下限", "lower"), "hi": ("上限", "upper")}
        )  # fmt: skip
        blocks.append(
            FigureBlock(
                "calendars.comparable",
                Text("可比逾期率", "Comparable arrears"),
                plots.comparable(parts["comparable"]),
                Text(
                    "空心：占全部在贷；实心：近一年到检验日的借据中曾逾期 90 天以上者。",
                    "Hollow: of all open notes; full: of the notes that came to their test within the year.",
                ),
                rows.assign(plan=[_label(p) for p in rows["plan"]]),
                words,
                dict.fromkeys(("raw", "untested_share", "comparable", "lo", "hi"), ".1%"),
            )
        )
    return Section("calendars", Text("农时日历", "Agricultural calendars"), blocks)


def _definition(parts: _Parts) -> Section:
    blocks: list[Block] = parts.missing("definition", "sample")
    if "definition" in parts:
        lab = parts["definition"]
        choice = lab.choice
        blocks += [
            Callout(Text(f"建议的定义：{choice.label('zh')}",
            f"The definition that the data recommend: {choice.label('en')}")),
            *(Paragraph(Text(zh, en)) for zh, en in lab.reasons),
            FigureBlock(
                "definition.grid",
                Text("天数 × 窗口", "Days × windows"),
                plots.definition(lab),
                Text(
                    "每格为坏账率与 n；! 表示该窗口结束于到期日加天数之前，无法判断部分借据。",
                    "Bad rate and n; '!' where the window ends before the due date plus the days and leaves notes out.",
                ),
                lab.tidy(),
                _words({"dpd": ("天数", "days"), "window": ("窗口", "window"), "n": ("n", "n"), "bads": ("坏", "bads"),
                        "bad_rate": ("坏账率", "bad rate"), "lo": ("下限", "lower"), "hi": ("上限", "upper"),
                        "indeterminate": ("不确定", "indeterminate"), "left_out": ("窗口未满", "not complete"),
                        "refused_notes": ("无法判断", "cannot judge"), "refused_plans": ("其中", "of which"),
                        "captured": ("已显示", "captured"), "kappa": ("与建议一致 κ", "agreement κ"),
                        "spread": ("年度间离散", "spread"), "p_value": ("p 值", "p-value")}),
                {**dict.fromkeys(("bad_rate", "lo", "hi"), ".2%"), "captured": ".1%", "kappa": ".3f", "spread": ".4f",
                 "p_value": ".3f"},
            ),
            FigureBlock(
                "definition.comeback",
                Text("逾期之后是否回头", "Who comes back"),
                plots.come_back(lab),
                Text("达到各天数的借据一年内回头与转坏的比例。", "Shares that came back or ended badly within a year."),
                lab.rolls,
            ),
            FigureBlock(
                "definition.maturity",
                Text("坏借据何时显现", "When the bad show themselves"),
                plots.maturity(lab),
                Text("到期后各天数已显现的坏借据占比。",
                "The share of the bad that has shown by days after the due date."),
                lab.maturity[(lab.maturity["dpd"] == choice.dpd) & lab.maturity["days"].isin([-90, 0, 60, 90, 120,
                180, 360])],
            ),
        ]  # fmt: skip
    if "sample" in parts:
        sample = parts["sample"]
        table = pair_texts(sample.waterfall.rename(columns={"zh": "what_zh", "en": "what_en"}), "what")
        blocks.append(
            FigureBlock(
                "definition.waterfall",
                Text("样本形成（逐步剔除）", "How the sample came about"),
                plots.waterfall(sample),
                Text(f"定义：{sample.bad.label('zh')}。", f"Definition: {sample.bad.label('en')}."),
                table,
                {"what": Text("步骤", "step"), "n": Text("涉及", "concerned"), "left": Text("剩余", "left")},
            )
        )
    return Section("definition", Text("什么是坏，把握多大", "What is bad, and how sure"), blocks)


def _hazard(parts: _Parts) -> Section:
    blocks: list[Block] = parts.missing("hazard")
    if "hazard" in parts:
        model = parts["hazard"]
        facts = model.facts
        words = _words(
            {"term": ("项", "term"), "level": ("水平", "level"), "reference": ("参照", "reference"),
             "estimate": ("对数风险", "log hazard"), "se": ("标准误", "se"), "lo": ("下限", "lower"),
             "hi": ("上限", "upper"),
             "months": ("借据月", "loan-months"), "events": ("坏", "events"), "reason": ("说明", "note")}
        )  # fmt: skip
        blocks += [
            Paragraph(
                Text(
                    f"离散时间风险率：{facts['notes']:,} 笔、{facts['loan-months']:,} "
                    f"个借据月、{facts['events']:,} 个坏事件；"
                    f"村效应标准差 {facts['sigma']:.2f}（似然比检验 p = {facts['p_value of villages']:.2g}）。",
                    f"Discrete-time hazard: {facts['notes']:,} notes, {facts['loan-months']:,} loan-months, "
                    f"{facts['events']:,} events; standard deviation of the village effects {facts['sigma']:.2f} "
                    f"(likelihood ratio p = {facts['p_value of villages']:.2g}).",
                )
            ),
            TableBlock(
                "hazard.coefficients",
                Text("系数", "Coefficients"),
                model.tidy(),
                words,
                {**dict.fromkeys(("estimate", "se", "lo", "hi"), ".3f"), "months": ",.0f", "events": ",.0f"},
            ),
        ]
        if not parts.external:
            villages = model.villages.sort_values("effect", ascending=False, kind="stable")
            blocks.append(
                FigureBlock(
                    "hazard.villages",
                    Text("村的风险倍数", "Hazard by village"),
                    plots.hazard(model),
                    Text("为平均村的多少倍，附区间。", "Times the hazard of an average village, with intervals."),
                    villages.head(40),
                )
            )
    return Section("hazard", Text("风险率模型", "Hazard"), blocks)


def _losses(parts: _Parts) -> Section:
    blocks: list[Block] = parts.missing("recoveries", "recoveries_by_guarantee", "expected_loss")
    name = "recoveries_by_guarantee" if "recoveries_by_guarantee" in parts else "recoveries"
    if name in parts:
        result = parts[name]
        rows = result.lgd(min(24, int(result.tidy()["month"].max())))
        words = _words(
            {"group": ("分组", "group"), "notes": ("违约借据", "notes"), "seen": ("可见满期", "seen"),
            "lgd": ("违约损失率", "LGD"),
             "lo": ("下限", "lower"), "hi": ("上限", "upper"), "cured": ("回头占比", "cured"),
             "reason": ("说明", "reason")}
        )  # fmt: skip
        blocks += [
            FigureBlock(
                "losses.curves",
                Text("清收曲线", "Recovery curves"),
                plots.recoveries(result),
                Text(
                    "违约后各月累计回收（折现），未结案者计至可见之月。",
                    "Discounted recoveries since the default; open cases count.",
                ),
                result.tidy()[result.tidy()["month"].isin([6, 12, 18, 24, 36])],
            ),
            TableBlock(
                "losses.lgd",
                Text("违约后 24 个月的损失率", "Loss given default after 24 months"),
                parts.grouped(rows.assign(group=[_label(g) for g in rows["group"]]), "notes"),
                words,
                dict.fromkeys(("lgd", "lo", "hi", "cured"), ".1%"),
            ),
        ]
    if "expected_loss" in parts and not parts.external:
        result = parts["expected_loss"]
        rows = (
            result.tidy().sort_values(["expected_loss", "village_id"], ascending=[False, True], kind="stable").head(20)
        )
        words = _words(
            {"village_id": ("村", "village"), "notes": ("借据", "notes"), "ead": ("余额", "balance"),
            "pd": ("PD", "PD"),
             "lgd": ("LGD", "LGD"), "expected_loss": ("预期损失（元）", "expected loss (yuan)"),
             "rate": ("占余额", "share"),
             "lo": ("下限", "lower"), "hi": ("上限", "upper")}
        )  # fmt: skip
        formats = {
            "ead": ",.0f",
            "pd": ".1%",
            "lgd": ".0%",
            "expected_loss": ",.0f",
            "rate": ".2%",
            "lo": ",.0f",
            "hi": ",.0f",
        }
        blocks.append(
            TableBlock(
                "losses.expected", Text("预期损失最大的村", "Largest expected losses by village"), rows, words, formats
            )
        )
    return Section("losses", Text("损失与清收", "Losses and recoveries"), blocks)


def _court(parts: _Parts) -> Section:
    blocks: list[Block] = parts.missing("enforcement", "enforcement_by_village")
    if "enforcement" in parts:
        from creditlab.loans.court import STAGES

        result = parts["enforcement"]
        rows = result.tidy().assign(stage=[Text(*STAGES[s][2:]) for s in result.tidy()["stage"]])
        words = _words(
            {"stage": ("阶段", "stage"), "cases": ("案件", "cases"), "events": ("已完成", "done"),
            "median": ("中位天数", "median days"),
             "lo": ("下限", "lower"), "hi": ("上限", "upper"), "done_180": ("180天内", "by 180 days"),
             "done_365": ("一年内", "within a year"), "reason": ("说明", "reason")}
        )  # fmt: skip
        blocks.append(
            FigureBlock(
                "court.times",
                Text("立案至申请执行", "From filing to enforcement"),
                plots.enforcement(result),
                Text(
                    "已申请执行的案件占比；未结案件计至可见之日。",
                    "The share that came to enforcement; running cases count.",
                ),
                rows,
                words,
                {**dict.fromkeys(("median", "lo", "hi"), ",.0f"), "done_180": ".0%", "done_365": ".0%"},
            )
        )
    if "enforcement_by_village" in parts and not parts.external:
        rows = parts["enforcement_by_village"].outcomes
        rows = rows[rows["closed"] >= 5].sort_values(
            ["no_assets_share", "group"], ascending=[False, True], kind="stable"
        )
        words = _words(
            {"group": ("村", "village"), "closed": ("已结案", "closed"), "no_assets": ("终本", "no assets"),
             "no_assets_share": ("终本占比", "share"), "lo": ("下限", "lower"), "hi": ("上限", "upper"),
             "enforced_share": ("执行到位率", "enforced share")}
        )  # fmt: skip
        blocks.append(
            TableBlock(
                "court.villages",
                Text("终本占比最高的村（结案 5 件以上）", "Cases ended for lack of assets (5 closed or more)"),
                rows.head(15),
                words,
                dict.fromkeys(("no_assets_share", "lo", "hi", "enforced_share"), ".0%"),
            )
        )
    return Section("court", Text("执行", "Enforcement"), blocks)


def _channels(parts: _Parts) -> Section:
    blocks: list[Block] = parts.missing("channels")
    if "channels" in parts:
        result = parts["channels"]
        rows = result.tidy().assign(channel=[_label(c) for c in result.tidy()["channel"]])
        words = _words(
            {"channel": ("渠道", "channel"), "applied": ("申请", "applied"), "granted": ("批准", "granted"),
             "refused": ("拒绝", "refused"), "withdrawn": ("撤回", "withdrawn"), "approval": ("批准率", "approval"),
             "approval_oe": ("批准 O/E", "approval O/E"), "judged": ("可判", "judged"), "bad": ("坏", "bad"),
             "bad_rate": ("坏账率", "bad rate"), "bad_rate_lo": ("下限", "lower"), "bad_rate_hi": ("上限", "upper"),
             "bad_oe": ("坏账 O/E", "bads O/E")}
        )  # fmt: skip
        blocks.append(
            FigureBlock(
                "channels.rates",
                Text("各渠道漏斗与剔除结构后的比较", "Funnel by channel, and with the mixture taken out"),
                plots.channels(result),
                Text(
                    "实际/期望：以全行同产品、同金额档、同年份的比率为期望。",
                    "O/E against the bank's rates of the same product, amount band and year.",
                ),
                rows,
                words,
                {**dict.fromkeys(("approval", "bad_rate", "bad_rate_lo", "bad_rate_hi"), ".1%"),
                 **dict.fromkeys(("approval_oe", "bad_oe"), ".2f")},
            )
        )  # fmt: skip
    return Section("channels", Text("申请渠道", "Applications by channel"), blocks)


def _findings(parts: _Parts) -> Section:
    findings = parts.study.findings
    if not len(findings):
        blocks: list[Block] = [Paragraph(Text("没有发现问题。", "Nothing was found."))]
    else:
        table = pair_texts(findings.rename(columns={"rule": "rule_en"}), "rule")
        words = _words(
            {
                "table": ("表", "table"),
                "column": ("列", "column"),
                "rule": ("发现", "finding"),
                "rows": ("行数", "rows"),
            }
        )
        blocks = [TableBlock("findings.list", Text("发现", "Findings"), table, words, {"rows": ",.0f"})]
    return Section("findings", Text("发现", "Findings"), blocks)


def _method(parts: _Parts) -> Section:
    texts = [
        Text(
            "区间为 90%：比率用杰弗里斯区间，余额口径用有效样本量 (Σb)²/Σb²；同一村的借据并不独立，真实不确定性更大。",
            "Intervals are 90 %: Jeffreys for shares, with the effective n (Σb)²/Σb² for balances; notes of one "
            "village are "
            "not independent, so the true uncertainty is larger.",
        ),
        Text(
            "五级分类：规则只给底线，银行判断为更差者保留。2023年7月1日前发放的贷款沿用旧规则，"
            "最迟2025年12月31日重新分类。"
            "交叉违约只用于非零售债务人，从不用于农户；向正常借款人办理的无还本续贷本身不是重组。",
            "Classes: the rule gives floors, the bank's worse judgement is kept. Loans granted before 1 July 2023 "
            "keep the old "
            "rule until reclassified, at latest 31 December 2025. Cross-default tests apply to non-retail debtors "
            "only, never "
            "to a farm household; a renewal without repaying principal to a sound borrower is no restructuring by "
            "itself.",
        ),
        Text(
            "收获后一次还本付息的贷款在到期日加逾期天数之前不可能显示本金逾期：不足此长度的窗口对其拒绝使用，"
            "并列出笔数。",
            "A loan repaid once at harvest cannot show arrears of principal before its due date plus the days past "
            "due: a "
            "shorter window is refused for it, with the number of notes.",
        ),
        Text(
            "局限：台账不显示减值、资金挪用与他行逾期；转让价格未知，故已转让借据在转让时退出清收曲线；"
            "从未逾期的续贷与正常续贷无法区分；风险率模型不知道来年的天气与行情。",
            "Limits: a tape shows no impairment, misuse of funds or arrears elsewhere; sale prices are unknown, so "
            "sold notes "
            "leave the recovery curve at the sale; a renewal that was never overdue cannot be told from a sound "
            "one; the hazard "
            "knows nothing of next year's weather and prices.",
        ),
    ]
    return Section("method", Text("方法与局限", "Method and limits"), [Paragraph(t) for t in texts])
