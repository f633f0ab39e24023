"""The report on a loan book: its sections in reading order, the reconciliation to the ledger first.

It arranges the parts of a `LoanStudy`; a part that is absent is named with its reason. In the external edition cells
under ten are blanked and no table names a village.
"""

from __future__ import annotations

from typing import Any

from creditlab import __version__
from creditlab.plots.words import Text
from creditlab.report import loan_ledger as ledger
from creditlab.report import loan_moves as moves
from creditlab.report import loan_outcomes as outcomes
from creditlab.report.document import Block, Document, Paragraph, Section, TableBlock, pair_texts
from creditlab.report.loan_parts import Parts, words
from creditlab.results import made_at


def loan_document(study: Any) -> Document:
    """The report of a `LoanStudy`, for the analyst and the validator."""
    makers = (
        ledger.ledger, ledger.structure, ledger.classification, ledger.ratios, moves.migration, moves.movement,
        moves.vintages, moves.calendars, outcomes.definition, outcomes.hazard, outcomes.losses, outcomes.court,
        outcomes.channels, _findings, _method,
    )  # fmt: skip
    parts = Parts(study)
    sections = [section for make in makers if (section := make(parts)).blocks]
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


def _findings(parts: Parts) -> Section:
    findings = parts.study.findings
    if not len(findings):
        blocks: list[Block] = [Paragraph(Text("没有发现问题。", "Nothing was found."))]
    else:
        table = pair_texts(findings.rename(columns={"rule": "rule_en"}), "rule")
        columns = words(
            {
                "table": ("表", "table"),
                "column": ("列", "column"),
                "rule": ("发现", "finding"),
                "rows": ("行数", "rows"),
            }
        )
        blocks = [TableBlock("findings.list", Text("发现", "Findings"), table, columns, {"rows": ",.0f"})]
    return Section("findings", Text("发现", "Findings"), blocks)


def _method(parts: Parts) -> Section:
    level = parts.study.level
    texts = [
        Text(
            f"区间为 {level:.0%}：比率用杰弗里斯区间，余额口径用有效样本量 (Σb)²/Σb²；"
            "同一村的借据并不独立，真实不确定性更大。",
            f"Intervals are {level:.0%}: Jeffreys for shares, with the effective n (Σb)²/Σb² for balances; notes of "
            "one village are not independent, so the true uncertainty is larger.",
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
