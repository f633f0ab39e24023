"""The sections on what becomes of loans: the definition of bad, the hazard, losses, courts, channels."""

from __future__ import annotations

from typing import Any

import pandas as pd

from creditlab.plots import loans as plots
from creditlab.plots.words import Text
from creditlab.report.document import Block, Callout, FigureBlock, Paragraph, Section, TableBlock, pair_texts
from creditlab.report.loan_parts import Parts, label, labelled, reasoned, said, words
from creditlab.results import NotEstimable


def definition(parts: Parts) -> Section:
    """What is bad, and how sure: the laboratory, its recommendation, and the sample that it makes."""
    blocks: list[Block] = parts.missing("definition", "sample")
    if "definition" in parts:
        lab = parts["definition"]
        choice = lab.choice
        blocks += [
            Callout(
                Text(
                    f"建议的定义：{choice.label('zh')}",
                    f"The definition that the data recommend: {choice.label('en')}",
                )
            ),
            *(Paragraph(Text(zh, en)) for zh, en in lab.reasons),
            _grid(parts, lab),
            _variants(parts, lab),
            FigureBlock(
                "definition.comeback",
                Text("逾期之后是否回头", "Who comes back"),
                plots.come_back(lab),
                Text("达到各天数的借据一年内回头与转坏的比例。", "Shares that came back or ended badly within a year."),
                parts.shown(lab.rolls, "n", ("dpd",)),
            ),
            FigureBlock(
                "definition.maturity",
                Text("坏借据何时显现", "When the bad show themselves"),
                plots.maturity(lab),
                Text(
                    "到期后各天数已显现的坏借据占比。",
                    "The share of the bad that has shown by days after the due date.",
                ),
                parts.shown(_curve(lab), "n", ("dpd", "plan", "kind", "days")),
            ),
        ]
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
        blocks.append(_splits(sample))
    return Section("definition", Text("什么是坏，把握多大", "What is bad, and how sure"), blocks)


def _curve(lab: Any) -> pd.DataFrame:
    curve = lab.maturity
    return curve[(curve["dpd"] == lab.choice.dpd) & curve["days"].isin([-90, 0, 60, 90, 120, 180, 360])]


def _grid(parts: Parts, lab: Any) -> FigureBlock:
    columns = words(
        {"dpd": ("天数", "days"), "window": ("窗口", "window"), "n": ("n", "n"), "bads": ("坏", "bads"),
         "bad_rate": ("坏账率", "bad rate"), "lo": ("下限", "lower"), "hi": ("上限", "upper"),
         "indeterminate": ("不确定", "indeterminate"), "left_out": ("窗口未满", "not complete"),
         "refused_notes": ("无法判断", "cannot judge"), "refused_plans": ("其中", "of which"),
         "captured": ("已显示", "captured"), "kappa": ("与建议一致 κ", "agreement κ"),
         "spread": ("年度间离散", "spread"), "p_value": ("p 值", "p-value")}
    )  # fmt: skip
    return FigureBlock(
        "definition.grid",
        Text("天数 × 窗口", "Days × windows"),
        plots.definition(lab),
        Text(
            "每格为坏账率与 n；! 表示该窗口结束于到期日加天数之前，无法判断部分借据。框出者为建议。",
            "Bad rate and n; '!' where the window ends before the due date plus the days and leaves notes out. The "
            "frame is the recommendation.",
        ),
        parts.shown(lab.tidy(), "n", ("dpd", "window")),
        columns,
        {**dict.fromkeys(("bad_rate", "lo", "hi"), ".2%"), "captured": ".1%", "kappa": ".3f", "spread": ".4f",
         "p_value": ".3f"},
    )  # fmt: skip


def _variants(parts: Parts, lab: Any) -> TableBlock:
    """The same days and window on principal or interest alone, by note or household."""
    whats = {"principal or interest": Text("本金或利息", "principal or interest"),
             "principal": Text("本金", "principal"), "interest": Text("利息", "interest")}  # fmt: skip
    units = {"household": Text("农户", "household"), "note": Text("借据", "note")}
    rows = lab.variants.assign(of=[whats[o] for o in lab.variants["of"]], unit=[units[u] for u in lab.variants["unit"]])
    return TableBlock(
        "definition.variants",
        Text(
            "同样的天数与窗口：本金还是利息，借据还是农户",
            "The same days and window: principal or interest, note or household",
        ),
        reasoned(parts.shown(rows, "n", ("of", "unit", "reason"))),
        words({"of": ("逾期", "arrears of"), "unit": ("单位", "unit"), "n": ("n", "n"), "bads": ("坏", "bads"),
               "bad_rate": ("坏账率", "bad rate"), "lo": ("下限", "lower"), "hi": ("上限", "upper"),
               "reason": ("说明", "note")}),
        {**dict.fromkeys(("bad_rate", "lo", "hi"), ".2%"), **dict.fromkeys(("n", "bads"), ",.0f")},
    )  # fmt: skip


def _splits(sample: Any) -> TableBlock:
    """Development and out-of-time rows, and the villages dealt into folds."""
    rows = sample.splits.assign(bad=sample.tidy()["bad"], village=sample.tidy()["village_id"])
    table = rows.groupby("split", sort=True).agg(
        n=("bad", "size"), bads=("bad", "sum"), villages=("village", "nunique"), folds=("fold", "nunique"),
        in_both=("in_both", "sum"),
    ).reset_index()  # fmt: skip
    names = {"development": Text("开发", "development"), "out-of-time": Text("时间外", "out-of-time")}
    return TableBlock(
        "definition.splits",
        Text("样本的划分：时间外与留村交叉", "Splits that travel with the sample: out-of-time and leave-village-out"),
        table.assign(split=[names[s] for s in table["split"]]),
        words({"split": ("划分", "split"), "n": ("n", "n"), "bads": ("坏", "bads"), "villages": ("村", "villages"),
               "folds": ("村折数", "village folds"), "in_both": ("两边都有的户", "households in both")}),
        dict.fromkeys(("n", "bads", "villages", "folds", "in_both"), ",.0f"),
    )  # fmt: skip


def hazard(parts: Parts) -> Section:
    """The discrete-time hazard: coefficients and village effects."""
    blocks: list[Block] = parts.missing("hazard")
    if "hazard" in parts:
        model = parts["hazard"]
        facts = model.facts
        columns = words(
            {"what": ("项", "term"), "reference": ("参照", "reference"), "estimate": ("对数风险", "log hazard"),
             "se": ("标准误", "se"), "lo": ("下限", "lower"), "hi": ("上限", "upper"),
             "months": ("借据月", "loan-months"), "events": ("坏", "events"), "reason": ("说明", "note")}
        )  # fmt: skip
        table = model.tidy().assign(what=[Text(r.zh, r.en) for r in model.tidy().itertuples()])
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
                reasoned(labelled(table, "reference")),
                columns,
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


def losses(parts: Parts) -> Section:
    """Recovery curves, loss given default, expected loss."""
    blocks: list[Block] = parts.missing("recoveries", "recoveries_by_guarantee", "expected_loss")
    name = "recoveries_by_guarantee" if "recoveries_by_guarantee" in parts else "recoveries"
    if name in parts:
        result = parts[name]
        curve = result.tidy()
        blocks.append(
            FigureBlock(
                "losses.curves",
                Text("清收曲线", "Recovery curves"),
                plots.recoveries(result),
                Text(
                    "违约后各月累计回收（折现），未结案者计至可见之月。",
                    "Discounted recoveries since the default; open cases count.",
                ),
                parts.shown(
                    labelled(curve[curve["month"].isin([6, 12, 18, 24, 36])], "group"), "seen", ("group", "month")
                ),
            )
        )
        blocks.append(_lgd(parts))
    if "expected_loss" in parts and not parts.external:
        blocks += _expected(parts["expected_loss"])
    return Section("losses", Text("损失与清收", "Losses and recoveries"), blocks)


def _lgd(parts: Parts) -> TableBlock:
    """Loss given default of the whole bank and by guarantee."""
    results = [parts[n] for n in ("recoveries", "recoveries_by_guarantee") if n in parts]
    month = min(24, *(int(r.tidy()["month"].max()) for r in results))
    rows = pd.concat([r.lgd(month) for r in results], ignore_index=True)
    columns = words(
        {"group": ("分组", "group"), "notes": ("违约借据", "notes"), "seen": ("可见满期", "seen"),
         "lgd": ("违约损失率", "LGD"), "lo": ("下限", "lower"), "hi": ("上限", "upper"), "cured": ("回头占比", "cured"),
         "reason": ("说明", "reason")}
    )  # fmt: skip
    return TableBlock(
        "losses.lgd",
        Text(f"违约后 {month} 个月的损失率", f"Loss given default after {month} months"),
        reasoned(labelled(parts.shown(rows, "notes", ("group", "reason")), "group")),
        columns,
        dict.fromkeys(("lgd", "lo", "hi", "cured"), ".1%"),
    )


def _expected(result: Any) -> list[Block]:
    facts = result.facts
    rows = result.tidy().sort_values(["expected_loss", "village_id"], ascending=[False, True], kind="stable")
    columns = words(
        {"village_id": ("村", "village"), "notes": ("借据", "notes"), "ead": ("余额（元）", "balance (yuan)"),
         "pd": ("PD", "PD"), "lgd": ("LGD", "LGD"), "expected_loss": ("预期损失（元）", "expected loss (yuan)"),
         "rate": ("占余额", "share"), "lo": ("下限", "lower"), "hi": ("上限", "upper")}
    )  # fmt: skip
    yuan = dict.fromkeys(("ead", "expected_loss", "lo", "hi"), ",.0f")
    return [
        Paragraph(
            Text(
                f"预期损失 = PD × LGD × 余额：{facts['notes']:,} 笔未坏的在贷借据、余额 {facts['ead']:,.0f} 元，"
                f"预期损失 {facts['expected_loss']:,.0f} 元（{facts['rate']:.2%}）。",
                f"Expected loss = PD × LGD × balance: {facts['notes']:,} open notes that are not bad, balance "
                f"{facts['ead']:,.0f} yuan, expected loss {facts['expected_loss']:,.0f} yuan ({facts['rate']:.2%}).",
            )
        ),
        FigureBlock(
            "losses.expected",
            Text("预期损失最大的村", "Largest expected losses by village"),
            plots.expected_loss(result, most=20),
            Text(
                "预期损失占余额，附区间（村效应与 LGD 的不确定性）。",
                "Expected loss over balance with its interval (village effect and LGD).",
            ),
            rows,
            columns,
            {**yuan, "pd": ".1%", "lgd": ".0%", "rate": ".2%"},
        ),
    ]


def court(parts: Parts) -> Section:
    """Times to enforcement and to close, by court and village, and how cases ended."""
    blocks: list[Block] = parts.missing("enforcement", "enforcement_by_court", "enforcement_by_village")
    if "enforcement" in parts:
        result = parts["enforcement"]
        for stage, zh, en in (
            ("enforcement", "立案至申请执行", "From filing to enforcement"),
            ("closing", "申请执行至结案", "From enforcement to closing"),
        ):
            rows = result.tidy()
            blocks.append(
                FigureBlock(
                    f"court.{stage}",
                    Text(zh, en),
                    plots.enforcement(result, stage),
                    Text(
                        "已完成该阶段的案件占比；未完成的案件计至可见之日（删失）。",
                        "The share that came through the stage; running cases count as long as seen (censored).",
                    ),
                    reasoned(_stages(parts.shown(rows[rows["stage"] == stage], "cases", ("stage", "group", "reason")))),
                    _TIMES,
                    _TIME_FORMATS,
                )
            )
    for name, what in (("court", Text("法院", "court")), ("village", Text("村", "village"))):
        part = f"enforcement_by_{name}"
        if part in parts and not parts.external:
            blocks += _by(parts[part], name, what)
    return Section("court", Text("执行", "Enforcement"), blocks)


_TIMES = words(
    {"stage": ("阶段", "stage"), "group": ("分组", "group"), "cases": ("案件", "cases"), "events": ("已完成", "done"),
     "median": ("中位天数", "median days"), "lo": ("下限", "lower"), "hi": ("上限", "upper"),
     "done_180": ("180天内", "by 180 days"), "done_365": ("一年内", "within a year"), "reason": ("说明", "reason")}
)  # fmt: skip
_TIME_FORMATS = {**dict.fromkeys(("median", "lo", "hi"), ",.0f"), "done_180": ".0%", "done_365": ".0%"}


def _stages(rows: pd.DataFrame) -> pd.DataFrame:
    from creditlab.loans.court import STAGES

    return labelled(rows.assign(stage=[Text(*STAGES[s][2:]) for s in rows["stage"]]), "group")


def _by(result: Any, name: str, what: Text) -> list[Block]:
    """Times and ends by court or village; the slowest and the emptiest first."""
    rows = result.tidy()
    rows = rows[(rows["cases"] >= 5) & rows["stage"].isin(["enforcement", "closing"])]
    times = rows.sort_values(["stage", "median", "group"], ascending=[False, False, True], kind="stable")
    times = pd.concat([times[times["stage"] == s].head(12) for s in ("enforcement", "closing")])
    p = [_p_value(result.facts.get(f"p_value {stage}")) for stage in ("enforcement", "closing")]
    return [
        TableBlock(
            f"court.times_{name}",
            Text(f"各{what.zh}的时间（5 件以上，最慢的在前）", f"Times by {what.en} (5 cases or more, slowest first)"),
            reasoned(_stages(times)),
            {**_TIMES, "group": what},
            _TIME_FORMATS,
            Text(
                f"各组曲线相等的对数秩检验：申请执行 {p[0].zh}，结案 {p[1].zh}。",
                f"Log-rank test of equal curves: enforcement {p[0].en}, closing {p[1].en}.",
            ),
        ),
        FigureBlock(
            f"court.ends_{name}",
            Text(f"终本占比（{what.zh}，结案 5 件以上）", f"Ended for lack of assets by {what.en} (5 closed or more)"),
            plots.outcomes(result, most=20),
            Text("无财产可供执行而终结的案件占已结案的比例。", "Closed cases that ended as nothing could be found."),
            labelled(result.outcomes.sort_values(["closed", "group"], ascending=[False, True], kind="stable"), "group"),
            words({"group": (what.zh, what.en), "closed": ("已结案", "closed"), "no_assets": ("终本", "no assets"),
                   "no_assets_share": ("终本占比", "share"), "lo": ("下限", "lower"), "hi": ("上限", "upper"),
                   "enforced_share": ("执行到位率", "enforced share")}),
            dict.fromkeys(("no_assets_share", "lo", "hi", "enforced_share"), ".0%"),
        ),
    ]  # fmt: skip


def _p_value(value: Any) -> Text:
    if value is None or isinstance(value, NotEstimable):
        why = said(value.reason if value is not None else "–")
        return Text(f"无法检验（{why.zh}）", f"not testable ({why.en})")
    return Text.same(f"p = {float(value):.3f}")


def channels(parts: Parts) -> Section:
    """The funnel by channel, approval and bad rate, and the selection between channels."""
    blocks: list[Block] = parts.missing("channels")
    if "channels" in parts:
        result = parts["channels"]
        rows = labelled(parts.shown(result.tidy(), "applied", ("channel",)), "channel")
        rates = ("approval", "approval_lo", "approval_hi", "bad_rate", "bad_rate_lo", "bad_rate_hi")
        counts = {"channel": ("渠道", "channel"), "applied": ("申请", "applied"), "granted": ("批准", "granted"),
                  "refused": ("拒绝", "refused"), "withdrawn": ("撤回", "withdrawn"), "open": ("未决", "open"),
                  "drawn": ("放款", "drawn"), "judged": ("可判", "judged"), "bad": ("坏", "bad")}  # fmt: skip
        shares = {"channel": ("渠道", "channel"), "approval": ("批准率", "approval"), "approval_lo": ("下限", "lower"),
                  "approval_hi": ("上限", "upper"), "bad_rate": ("坏账率", "bad rate"),
                  "bad_rate_lo": ("下限", "lower"), "bad_rate_hi": ("上限", "upper"),
                  "approval_oe": ("批准 O/E", "approval O/E"), "bad_oe": ("坏账 O/E", "bads O/E"),
                  "days_median": ("中位天数", "median days")}  # fmt: skip
        formats = {
            **dict.fromkeys(rates, ".1%"),
            **dict.fromkeys(("approval_oe", "bad_oe"), ".2f"),
            "days_median": ".0f",
        }
        blocks += [
            FigureBlock(
                "channels.funnel", Text("各渠道漏斗", "Funnel by channel"), plots.funnel(result),
                Text("申请、批准、放款、可判、坏的笔数。", "Applied, granted, drawn, judged, bad."),
                rows, words(counts), dict.fromkeys([c for c in counts if c != "channel"], ",.0f"),
            ),
            TableBlock("channels.rates", Text("批准率与坏账率", "Approval and bad rate"), rows, words(shares), formats),
            FigureBlock(
                "channels.selection",
                Text("剔除结构后的比较：渠道间的选择", "With the mixture taken out: selection between channels"),
                plots.channels(result),
                Text(
                    "实际/期望：以全行同产品、同金额档、同年份的比率为期望。",
                    "O/E against the bank's rates of the same product, amount band and year.",
                ),
                rows,
                words(shares),
                formats,
            ),
            *_selection(parts, result),
        ]  # fmt: skip
    return Section("channels", Text("申请渠道", "Applications by channel"), blocks)


def _selection(parts: Parts, result: Any) -> list[Block]:
    """Whether channels differ within strata, and where the refused went."""
    p = [_p_value(result.facts[f"p_value {name}"]) for name in ("approval", "bad")]
    ways = {"not again": Text("半年内未再申请", "not again within half a year"),
            "same channel": Text("同一渠道再申请", "again by the same channel"),
            "another channel": Text("换渠道再申请", "again by another channel")}  # fmt: skip
    rows = parts.shown(result.reapplied, "n", ("way",))
    return [
        Paragraph(
            Text(
                f"同层内各渠道相等的检验（Cochran–Mantel–Haenszel）：批准 {p[0].zh}，坏账 {p[1].zh}。",
                f"Test of equal channels within strata (Cochran-Mantel-Haenszel): approval {p[0].en}, bads {p[1].en}.",
            )
        ),
        TableBlock(
            "channels.again",
            Text("被拒绝者此后如何", "What those refused did next"),
            rows.assign(way=[ways.get(w, label(w)) for w in rows["way"]]),
            words({"way": ("去向", "way"), "n": ("n", "n"), "granted": ("获批", "granted"),
                   "approval": ("获批率", "approval"), "lo": ("下限", "lower"), "hi": ("上限", "upper"),
                   "judged": ("可判", "judged"), "bad": ("坏", "bad")}),
            {**dict.fromkeys(("approval", "lo", "hi"), ".1%"),
             **dict.fromkeys(("n", "granted", "judged", "bad"), ",.0f")},
        ),
    ]  # fmt: skip
