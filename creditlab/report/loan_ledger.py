"""The first sections on a loan book: the bank's own numbers, its structure, its classes, its NPL ratios."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from creditlab.loans.classes import CLASSES, NPL
from creditlab.plots import loans as plots
from creditlab.plots.words import Text
from creditlab.report.document import (
    Block,
    Callout,
    FigureBlock,
    KeyFigure,
    KeyFigures,
    Section,
    TableBlock,
    pair_texts,
)
from creditlab.report.loan_parts import Parts, label, labelled, reasoned, words

_MEASURES = (("notes", "笔数", "notes"), ("balance", "余额", "balance"), ("npl_balance", "不良", "NPL"))
_SIDES = (("book", "台账", "book"), ("ledger", "总账", "ledger"), ("difference", "差", "diff."))


def ledger(parts: Parts) -> Section:
    """The bank's own numbers: the first table of the report is the reconciliation."""
    blocks: list[Block] = parts.missing("reconciliation")
    if "reconciliation" in parts:
        result = parts["reconciliation"]
        blocks += [
            agreement(result),
            by_class(result, "ledger.reconciliation", lambda last: parts.shown(last, "notes_book", ("class5",))),
            *([_differences(result)] if result.facts["differing_cells"] else []),
            FigureBlock(
                "ledger.differences",
                Text("台账与总账差额", "Book less ledger"),
                plots.reconciliation(result),
                Text(
                    "各月、各类别的差额；没有柱子表示一致。", "The difference by month and class; no bar is good news."
                ),
                result.totals(),
            ),
        ]
    if "ratios" in parts:
        blocks.append(KeyFigures(_key_figures(parts)))
    return Section("ledger", Text("银行自己的数", "The bank's own numbers"), blocks)


def agreement(result: Any) -> Callout:
    """In one sentence: how many months and cells were compared, and how many differ by how much."""
    facts = result.facts
    text = Text(
        f"台账与总账核对：{facts['months']} 个月、{facts['cells']} 个单元格，"
        f"{facts['differing_cells']} 个不一致，最大差额 {facts['largest_difference_yuan']:,.0f} 元。",
        f"Book against the bank's control totals: {facts['months']} months, {facts['cells']} cells, "
        f"{facts['differing_cells']} differ, by {facts['largest_difference_yuan']:,.0f} yuan at most.",
    )
    return Callout(text, "amber" if facts["differing_cells"] else "green")


def by_class(result: Any, id: str, shown: Callable[[pd.DataFrame], pd.DataFrame] = lambda last: last) -> TableBlock:
    """All classes at the last month end, and their sum, book beside ledger; `shown` may blank small cells."""
    table = result.tidy()
    last = table[table["month_end"] == table["month_end"].max()]
    order = {name: place for place, name in enumerate(CLASSES)}
    last = last.sort_values("class5", key=lambda c: c.map(order).fillna(len(order)), kind="stable")
    columns = _columns(("notes", "balance"))
    numbers = [c for c in columns if c != "class5"]
    rows = shown(labelled(last, "class5"))
    npl = last.loc[last["class5"].isin(NPL), numbers].sum().to_dict() | {"class5": Text("其中：不良", "of which NPL")}
    whole = last[numbers].sum().to_dict() | {"class5": Text("合计", "total")}
    frame = pd.concat([rows[list(columns)], pd.DataFrame([whole, npl])], ignore_index=True)
    end = last["month_end"].iloc[0].date()
    return TableBlock(
        id,
        Text(f"期末各类别：台账与总账（{end}）", f"By class at the end: book and ledger ({end})"),
        frame,
        columns,
        {c: ",.0f" for c in columns if c != "class5"},
        Text(
            "差 = 台账 − 总账；金额为元。不良 = 次级、可疑、损失。各月各类别全部列于 reconciliation 表。",
            "Difference = book less ledger; amounts in yuan. NPL = substandard, doubtful, loss. All months and classes "
            "are in the table 'reconciliation'.",
        ),
    )


def _columns(measures: tuple[str, ...]) -> dict[str, Text]:
    made = {"class5": Text("五级分类", "class")}
    for measure, zh, en in _MEASURES:
        if measure in measures:
            for side, zh_side, en_side in _SIDES:
                made[f"{measure}_{side}"] = Text(f"{zh_side}{zh}", f"{en}, {en_side}")
    return made


def _differences(result: Any) -> TableBlock:
    """Every cell that differs."""
    frame = labelled(result.differences(), "class5")
    columns = {"month_end": Text("月末", "month end"), **_columns(("notes", "balance"))}
    columns["npl_balance_difference"] = Text("差不良", "NPL, diff.")
    return TableBlock(
        "ledger.cells",
        Text("不一致的单元格", "Cells that differ"),
        frame,
        columns,
        {c: ",.0f" for c in columns if c not in ("month_end", "class5")},
        Text("每个不一致都列为发现。", "Each of them is a finding."),
    )


def _key_figures(parts: Parts) -> list[KeyFigure]:
    rows = parts["ratios"].side_by_side().set_index("view")
    months = parts["ratios"].vintage_months
    names = {
        "by_count": ("不良率（笔数）", "NPL ratio by count"),
        "by_household": ("不良率（户数）", "NPL ratio by household"),
        "by_balance": ("不良率（余额）", "NPL ratio by balance"),
        "by_vintage": (f"不良率（账龄{months}月）", f"NPL ratio by vintage, {months} months"),
    }
    figures = []
    for view, (zh, en) in names.items():
        row = rows.loc[view]
        size = f"n = {row['n']:,.0f}" + (f", n_eff = {row['n_eff']:,.0f}" if view == "by_balance" else "")
        note = Text.same(f"{size}; {row['lo']:.1%} – {row['hi']:.1%}")
        figures.append(KeyFigure(Text(zh, en), float(row["ratio"]), note, format=".2%"))
    return figures


def structure(parts: Parts) -> Section:
    """Persons and organisations, principal and interest apart; lines, contracts and notes."""
    blocks: list[Block] = parts.missing("structure")
    if "structure" in parts:
        result = parts["structure"]
        table = result.tidy()
        last = table[table["month_end"] == table["month_end"].max()]
        amounts = ("balance", "overdue_principal", "overdue_interest")
        columns = words(
            {"kind": ("借款人", "borrower"), "borrowers": ("借款人数", "borrowers"), "notes": ("借据", "notes"),
             "balance": ("余额（元）", "balance (yuan)"), "overdue_principal": ("逾期本金", "overdue principal"),
             "overdue_principal_share": ("占比", "share"), "overdue_interest": ("欠息", "overdue interest"),
             "overdue_interest_share": ("占比", "share")}
        )  # fmt: skip
        shares = ("overdue_principal_share", "overdue_interest_share")
        blocks += [
            TableBlock(
                "structure.kinds",
                Text(
                    "期末：个人与组织，本金与利息分列", "At the end: persons and organisations, principal and interest"
                ),
                _kinds(parts.shown(last, "borrowers", ("kind",))),
                columns,
                {**dict.fromkeys(("borrowers", "notes", *amounts), ",.0f"), **dict.fromkeys(shares, ".2%")},
            ),
            _lines(parts, result),
            FigureBlock(
                "structure.arrears",
                Text("逾期本金与欠息分列", "Overdue principal and interest apart"),
                plots.structure(result),
                Text(
                    "个人与组织的逾期本金、欠息占各自余额的比例。",
                    "Overdue principal and interest of persons and organisations over their balance.",
                ),
                _kinds(parts.shown(table.tail(12 * table["kind"].nunique()), "borrowers", ("kind",))),
            ),
        ]
    return Section("structure", Text("台账结构", "Structure of the book"), blocks)


def _lines(parts: Parts, result: Any) -> TableBlock:
    columns = words(
        {"kind": ("借款人", "borrower"), "lines": ("授信", "lines"), "contracts": ("合同", "contracts"),
         "notes": ("借据", "notes"), "limit": ("授信额度（元）", "limit (yuan)"),
         "drawn": ("用信（元）", "drawn (yuan)"), "usage": ("用信率", "usage")}
    )  # fmt: skip
    return TableBlock(
        "structure.lines",
        Text("授信 → 合同 → 借据（期末在贷）", "Credit lines → contracts → notes (open at the end)"),
        _kinds(parts.shown(result.lines, "notes", ("kind",))),
        columns,
        {**dict.fromkeys(("lines", "contracts", "notes", "limit", "drawn"), ",.0f"), "usage": ".0%"},
    )


def _kinds(frame: pd.DataFrame) -> pd.DataFrame:
    from creditlab.loans.structure import KIND_LABELS

    known = [Text(*KIND_LABELS[k]) if k in KIND_LABELS else Text.same(k) for k in frame["kind"]]
    return frame.assign(kind=known)


def classification(parts: Parts) -> Section:
    """The five classes by versioned rules beside the record, what decided them, and what the rules rest on."""
    blocks: list[Block] = parts.missing("classification")
    if "classification" in parts:
        result = parts["classification"]
        blocks += [
            *_statements(result),
            FigureBlock(
                "classes.share",
                Text("按规则的五级分类结构", "Classes by the rule"),
                plots.classes(result),
                Text(
                    "各月末关注、次级、可疑、损失占余额的比例；虚线为台账自己的不良率。",
                    "Shares of the balance by class at each month end; the dotted line is the NPL ratio as recorded.",
                ),
                parts.shown(labelled(result.tidy().tail(60), "class5"), "notes_rule", ("class5",)),
            ),
            TableBlock(
                "classes.reasons",
                Text("期末分类由什么决定", "What decided the classes at the end"),
                parts.shown(_reasons(result), "notes", ("reason", "class5")),
                words({"reason": ("依据", "reason"), "class5": ("分类", "class"), "notes": ("笔数", "notes"),
                       "balance": ("余额（元）", "balance (yuan)")}),
                {"balance": ",.0f", "notes": ",.0f"},
            ),
            TableBlock(
                "classes.parameters",
                Text("规则参数及其依据", "Parameters of the rules and what they rest on"),
                pair_texts(result.parameters().drop(columns="evidence"), "evidence"),
                words({"rule": ("规则", "rule"), "parameter": ("参数", "parameter"), "value": ("取值", "value"),
                       "evidence": ("依据程度", "evidence"), "source": ("出处", "source")}),
            ),
        ]  # fmt: skip
    return Section("classes", Text("五级分类", "Five-class classification"), blocks)


def _statements(result: Any) -> list[Block]:
    """Where record and rule part, and the parameters that nobody could verify."""
    facts, marked = result.facts, result.parameters()
    unverified = marked[marked["evidence"] == "unverified"]
    names = "; ".join(f"{r.rule}: {r.parameter} = {r.value or '–'}" for r in unverified.itertuples())
    better, worse = facts["better than the rule"], facts["judged worse, kept"]
    return [
        Callout(
            Text(
                f"{better:,} 个借据月的台账分类优于规则底线；{worse:,} 个由银行判断为更差（保留）。",
                f"{better:,} loan-months are classed better than the rule allows; {worse:,} were judged worse by the "
                "bank and are kept.",
            ),
            "amber" if better else "green",
        ),
        Callout(
            Text(
                f"未经原文核实（unverified）的参数：{names}" if names else "全部参数均有原文或转载依据。",
                f"Unverified parameters, not read in a primary text: {names}"
                if names
                else "All parameters rest on a text that was read.",
            ),
            "amber" if names else "green",
        ),
    ]


def _reasons(result: Any) -> pd.DataFrame:
    from creditlab.loans.classification import REASON_LABELS

    rows = result.by_reason
    return rows.assign(
        reason=[Text(*REASON_LABELS[r]) for r in rows["reason"]], class5=[label(c) for c in rows["class5"]]
    )


def ratios(parts: Parts) -> Section:
    """All indicators side by side, the NPL ratios over time, and by product and village."""
    blocks: list[Block] = parts.missing("indicators", "ratios", "ratios_by_product", "ratios_by_village")
    if "indicators" in parts:
        blocks.append(_indicators(parts["indicators"]))
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
                parts.shown(parts["ratios"].tidy().tail(24), "households", ()),
            )
        )
    if "ratios_by_product" in parts:
        rows = labelled(parts.shown(_long(parts["ratios_by_product"]), "n", ("group", "view")), "group", "view")
        blocks.append(
            TableBlock(
                "ratios.product",
                Text("各产品期末不良率，四种口径并列", "By product at the end, four views side by side"),
                rows,
                words({"group": ("产品", "product"), "view": ("口径", "view"), "n": ("n", "n"),
                       "n_eff": ("有效样本量", "n_eff"), "bad": ("不良", "NPL"), "ratio": ("不良率", "NPL ratio"),
                       "lo": ("下限", "lower"), "hi": ("上限", "upper")}),
                {**dict.fromkeys(("ratio", "lo", "hi"), ".1%"), **dict.fromkeys(("n", "n_eff", "bad"), ",.0f")},
            )
        )  # fmt: skip
    if "ratios_by_village" in parts and not parts.external:
        blocks.append(_villages(parts["ratios_by_village"]))
    return Section("ratios", Text("不良率与监管指标", "NPL ratios and indicators"), blocks)


def _long(result: Any) -> pd.DataFrame:
    rows = result.side_by_side()
    order = {view: place for place, view in enumerate(("by_count", "by_household", "by_balance", "by_vintage"))}
    return rows.sort_values(["group", "view"], key=lambda c: c.map(order) if c.name == "view" else c, kind="stable")


def _indicators(result: Any) -> FigureBlock:
    rows = result.tidy().assign(indicator=[Text(r.zh, r.en) for r in result.tidy().itertuples()])
    basis = {
        "count": Text("笔数/户数", "count"),
        "balance": Text("余额", "balance"),
        "vintage": Text("账龄", "vintage"),
    }
    rows = reasoned(rows.assign(basis=[basis[b] for b in rows["basis"]]))
    end = result.facts["month_end"]
    return FigureBlock(
        "ratios.indicators",
        Text(f"监管指标并列（{end}）", f"Indicators side by side ({end})"),
        plots.indicators(result),
        Text(
            "每个指标附 n、有效样本量与区间。迁徙率按监管公式，分母为期初余额减期间减少：一年期贷款大多在期内还清，"
            "分母小，比率高；不良生成率以期初正常余额为分母。",
            "Each with n, effective n and interval. Migration rates follow the supervisor's formula, over the opening "
            "balance less its decreases: one-year loans are mostly repaid within the period, so the denominator is "
            "small and the rate high; formation is over the opening performing balance.",
        ),
        rows,
        words({"indicator": ("指标", "indicator"), "basis": ("口径", "basis"), "n": ("n", "n"),
               "n_eff": ("有效样本量", "n_eff"), "estimate": ("值", "value"), "lo": ("下限", "lower"),
               "hi": ("上限", "upper"), "reason": ("说明", "note")}),
        {**dict.fromkeys(("estimate", "lo", "hi"), ".2%"), **dict.fromkeys(("n", "n_eff"), ",.0f")},
    )  # fmt: skip


def _villages(result: Any) -> TableBlock:
    rows = result.at().sort_values(["npl_balance", "group"], ascending=[False, True], kind="stable").head(20)
    columns = words(
        {"group": ("村", "village"), "notes": ("笔数", "notes"), "by_count": ("按笔数", "by count"),
         "by_count_lo": ("下限", "lower"), "by_count_hi": ("上限", "upper"), "n_eff": ("n_eff", "n_eff"),
         "by_balance": ("按余额", "by balance"), "by_balance_lo": ("下限", "lower"),
         "by_balance_hi": ("上限", "upper"), "vintage_n": ("账龄 n", "vintage n"),
         "by_vintage": ("按账龄", "by vintage")}
    )  # fmt: skip
    shares = [c for c in columns if c.startswith("by_")]
    return TableBlock(
        "ratios.village",
        Text("各村期末不良率（不良余额最大的 20 个）", "By village at the end (20 largest NPL)"),
        rows,
        columns,
        {**dict.fromkeys(shares, ".1%"), **dict.fromkeys(("notes", "n_eff", "vintage_n"), ",.0f")},
    )
