"""The sections on how loans move: migration, renewals and extensions, rolling, vintages, the farm year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from creditlab.plots import loans as plots
from creditlab.plots.words import Text
from creditlab.report.document import Block, FigureBlock, Paragraph, Section, TableBlock
from creditlab.report.loan_parts import TOO_FEW, Parts, labelled, reasoned, words

_FLOWS = ("opening", "inflow", "cured", "repaid", "written_off", "transferred", "closing")
#: breakdowns of roll rates and vintages: the end of the part's name → label
BREAKDOWNS = {
    "product": Text("产品", "product"),
    "channel": Text("渠道", "channel"),
    "cohort": Text("放款年", "cohort"),
    "village": Text("村", "village"),
}


def migration(parts: Parts) -> Section:
    """Migration rates, flow of non-performing loans, renewals and extensions."""
    blocks: list[Block] = parts.missing("migration", "flow", "renewals", "extensions")
    if "migration" in parts:
        blocks.append(_rates(parts["migration"]))
    if "flow" in parts:
        flow = parts["flow"]
        columns = words(
            {"year": ("年", "year"), "opening": ("期初", "opening"), "inflow": ("新增", "inflow"),
             "cured": ("上调", "cured"), "repaid": ("收回", "repaid"), "written_off": ("核销", "written off"),
             "transferred": ("转让", "sold"), "closing": ("期末", "closing"),
             "formation_rate": ("不良生成率", "formation rate")}
        )  # fmt: skip
        blocks += [
            FigureBlock(
                "migration.flow",
                Text("不良贷款的流入与流出", "Flow of non-performing loans"),
                plots.flow(flow),
                Text(
                    "向上为新增，向下为上调、收回、核销与转让。", "Up: inflow. Down: cured, repaid, written off, sold."
                ),
                flow.tidy(),
            ),
            TableBlock(
                "migration.years",
                Text("按年汇总（元）", "By year (yuan)"),
                flow.yearly(),
                columns,
                {**dict.fromkeys(_FLOWS, ",.0f"), "formation_rate": ".1%", "year": "d"},
                Text(
                    "期初 + 新增 − 上调 − 收回 − 核销 − 转让 = 期末。",
                    "Opening + inflow - cured - repaid - written off - sold = closing.",
                ),
            ),
        ]
    if "renewals" in parts:
        blocks += _renewals(parts)
    if "extensions" in parts:
        blocks += _extensions(parts)
    return Section("migration", Text("迁徙、生成、续贷与展期", "Migration, formation, renewals, extensions"), blocks)


def _rates(result: Any) -> FigureBlock:
    from creditlab.loans.class_moves import RATE_LABELS

    rows = result.tidy()
    rows = reasoned(rows.assign(rate=[Text(*RATE_LABELS[r]) for r in rows["rate"]]))
    columns = words(
        {"rate": ("指标", "rate"), "opening": ("期初余额", "opening"), "decrease": ("期间减少", "decrease"),
         "moved": ("向下迁徙", "moved down"), "estimate": ("迁徙率", "rate"), "lo": ("下限", "lower"),
         "hi": ("上限", "upper"), "of_opening": ("占期初", "of opening"), "n": ("笔数", "n"),
         "n_eff": ("有效样本量", "n_eff"), "reason": ("说明", "reason")}
    )  # fmt: skip
    formats = {**dict.fromkeys(("opening", "decrease", "moved", "n_eff"), ",.0f"),
               **dict.fromkeys(("estimate", "lo", "hi", "of_opening"), ".1%")}  # fmt: skip
    span = f"{result.facts['start']} – {result.facts['end']}"
    return FigureBlock(
        "migration.rates",
        Text(f"迁徙率（{span}）", f"Migration rates ({span})"),
        plots.migration(result),
        Text(
            "监管公式：向下迁徙 ÷（期初余额 − 期间减少）。贷款期限多为一年，期间减少很大，比率因此偏高；"
            "表中“占期初”为向下迁徙占期初余额的比例。",
            "The supervisor's formula: moved down / (opening - decrease). With loans of about a year the decrease is "
            "large and the rate high; 'of opening' in the table is what moved down over the opening balance.",
        ),
        rows,
        columns,
        formats,
    )


def _kinds(parts: Parts, result: Any) -> tuple[pd.DataFrame, dict[str, Text], dict[str, str]]:
    """Renewals or extensions by kind, as a table of the report."""
    rows = parts.shown(
        result.by_kind.assign(kind=[Text(r.zh, r.en) for r in result.by_kind.itertuples()]), "n", ("kind",)
    )
    columns = words(
        {"kind": ("类型", "kind"), "n": ("笔数", "n"), "amount": ("金额（元）", "amount (yuan)"),
         "later_bad": ("此后坏", "later bad"), "share": ("占比", "share"), "lo": ("下限", "lower"),
         "hi": ("上限", "upper")}
    )  # fmt: skip
    return (
        rows,
        columns,
        {**dict.fromkeys(("share", "lo", "hi"), ".1%"), **dict.fromkeys(("amount", "n", "later_bad"), ",.0f")},
    )


def _renewals(parts: Parts) -> list[Block]:
    result = parts["renewals"]
    plain, known, guessed = result.npl.iloc[-1][["ratio", "ratio_with_refinanced", "ratio_with_suspected"]]
    return [
        FigureBlock(
            "migration.renewals",
            Text("续贷（借新还旧）：此前是否逾期，此后如何", "Renewals: arrears before, and what followed"),
            plots.renewals(result),
            Text(
                "向正常借款人办理的无还本续贷本身不是重组；续贷前曾逾期者应单独看。",
                "A renewal without repaying principal to a sound borrower is no restructuring by itself; those after "
                "arrears deserve a look of their own.",
            ),
            *_kinds(parts, result),
        ),
        Paragraph(
            Text(
                f"期末不良率（余额）{plain:.2%}；若续贷时逾期的借据其逾期天数继续累计为 {known:.2%}，"
                f"再计入疑似未登记的借新还旧为 {guessed:.2%}。",
                f"NPL ratio by balance at the end {plain:.2%}; {known:.2%} had the days gone on through renewals of "
                f"overdue notes, {guessed:.2%} with the suspected undeclared ones.",
            )
        ),
    ]


def _extensions(parts: Parts) -> list[Block]:
    result = parts["extensions"]
    last, facts = result.npl.iloc[-1], result.facts
    return [
        FigureBlock(
            "migration.extensions",
            Text("展期：此前是否逾期，此后如何", "Extensions: arrears before, and what followed"),
            plots.extensions(result),
            Text(
                "展期后逾期天数归零而余额未还者，可能掩盖逾期。",
                "Where the days start again and the balance was not repaid, the extension may hide arrears.",
            ),
            *_kinds(parts, result),
        ),
        Paragraph(
            Text(
                f"展期 {facts['extensions']:,} 笔，其中 {facts['hidden']:,} 笔展期后逾期天数归零；"
                f"若天数继续累计，期末不良率（余额）由 {last['ratio']:.2%} 变为 {last['ratio_with_hidden']:.2%}。",
                f"{facts['extensions']:,} extensions, {facts['hidden']:,} of them with days that started again; had "
                f"they gone on, the NPL ratio by balance at the end would be {last['ratio_with_hidden']:.2%}, not "
                f"{last['ratio']:.2%}.",
            )
        ),
    ]


def movement(parts: Parts) -> Section:
    """Transition matrices and roll rates, by product, channel, cohort and village, with the ECB's statistics."""
    names = ("transitions", "roll_rates", "roll_rates_by_channel", "roll_rates_by_cohort", "roll_rates_by_village",
             "village_transitions", "movement", "generator", "reached")  # fmt: skip
    blocks: list[Block] = parts.missing(*names)
    if "transitions" in parts:
        cells = parts.shown(parts["transitions"].tidy(), "n", ("group", "from", "to"), ("group", "from"))
        blocks.append(
            FigureBlock(
                "movement.matrix",
                Text("逾期状态的月度转移", "Monthly transitions of arrears"),
                plots.transitions(replace(parts["transitions"], table=cells)),
                Text(
                    "每行为起始状态，各格为下月状态的概率。", "A row per state; cells are probabilities a month later."
                ),
                labelled(cells, "from", "to"),
            )
        )
    if "roll_rates" in parts:
        rolls = parts.drawn(parts["roll_rates"], "n")
        blocks.append(
            TOO_FEW
            if rolls is None
            else FigureBlock(
                "movement.rolls",
                Text("滚动率（产品）", "Roll rates by product"),
                plots.roll_rates(rolls),
                Text("各状态下月恶化的比例及区间。", "The share worse a month later, with intervals."),
                parts.shown(labelled(parts["roll_rates"].tidy(), "group"), "n", ("group", "from")),
            )
        )
    blocks += [
        _rolls(parts, name) for name in ("roll_rates", "roll_rates_by_channel", "roll_rates_by_cohort") if name in parts
    ]
    if "village_transitions" in parts and not parts.external:
        blocks.append(_village_moves(parts["village_transitions"]))
    blocks += _statistics(parts)
    return Section("movement", Text("滚动与转移", "Rolling and transitions"), blocks)


def _rolls(parts: Parts, name: str) -> TableBlock:
    """How notes go on from 1 to 30 days: worse, cured and paid by group."""
    rows = parts[name].tidy()
    states = list(dict.fromkeys(rows["from"]))
    chosen = states[1]
    what = BREAKDOWNS[name.removeprefix("roll_rates").removeprefix("_by_") or "product"]
    part = labelled(parts.shown(rows[rows["from"] == chosen], "n", ("group", "from")), "group")
    columns = {"group": what, **words({"n": ("借据月", "n"), "worse": ("恶化", "worse"), "worse_lo": ("下限", "lower"),
               "worse_hi": ("上限", "upper"), "same": ("不变", "same"), "cured": ("回到正常", "cured"),
               "paid": ("结清", "paid"), "worse_balance": ("恶化（余额）", "worse, by balance")})}  # fmt: skip
    return TableBlock(
        f"movement.{name}",
        Text(f"从逾期 {chosen} 天出发的下月去向（{what.zh}）", f"From {chosen} days, a month later, by {what.en}"),
        part,
        columns,
        {**dict.fromkeys([c for c in columns if c not in ("group", "n")], ".1%"), "n": ",.0f"},
    )


def _village_moves(result: Any) -> FigureBlock:
    rows = result.tidy()
    part = rows[(rows["from"] == "1-30") & (rows["to"] == "31-60")]
    part = part.sort_values(["estimate", "group"], ascending=[False, True], kind="stable")
    columns = words(
        {"group": ("村", "village"), "total": ("借据月", "n"), "raw": ("原始", "raw"), "bank": ("全行", "bank"),
         "estimate": ("收缩后", "shrunken"), "lo": ("下限", "lower"), "hi": ("上限", "upper")}
    )  # fmt: skip
    return FigureBlock(
        "movement.villages",
        Text("1–30 天恶化为 31–60 天：收缩后最高的村", "From 1-30 to 31-60 days: highest after shrinking"),
        plots.villages(result, most=20),
        Text(
            "村矩阵以狄利克雷先验收缩至全行（虚线）；空心为原始比例。",
            "Village matrices are drawn to the bank's (dotted) by a Dirichlet prior; hollow: the raw share.",
        ),
        part,
        columns,
        dict.fromkeys(("raw", "bank", "estimate", "lo", "hi"), ".1%"),
    )


def _statistics(parts: Parts) -> list[Block]:
    """The ECB's statistics of the classes' matrix, and whether its generator serves irregular dates."""
    blocks: list[Block] = []
    if "movement" in parts:
        blocks.append(_bandwidths(parts))
    if "generator" in parts:
        blocks.append(_intensities(parts))
    if "reached" in parts and not parts.external:
        blocks.append(_reached(parts["reached"]))
    return blocks


def _bandwidths(parts: Parts) -> FigureBlock:
    result = parts["movement"]
    facts = result.facts
    rows = _hidden_neighbours(parts.shown(result.tidy(), "n", ("from", "to", "reason"), ("from",)))
    columns = words({"from": ("起始", "from"), "to": ("下月", "to"), "n": ("n", "n"), "share": ("占比", "share"),
                     "lo": ("下限", "lower"), "hi": ("上限", "upper"), "n_eff": ("有效 n", "effective n"),
                     "z": ("z", "z"), "p_value": ("p 值", "p-value"),
                     "z_groups": ("z（村间方差）", "z between villages"), "reason": ("说明", "note")})  # fmt: skip
    down, up = (_with_limits(facts, side) for side in ("upper", "lower"))
    return FigureBlock(
        "movement.ecb",
        Text("五级分类月度迁移矩阵统计量（欧央行）", "Statistics of the classes' monthly migration matrix (ECB)"),
        plots.movement(replace(result, table=rows)),
        Text(
            f"加权带宽：向下 {down}，向上 {up}（n = {facts['n']:,}，{result.level:.0%} 区间，按村间差异）。"
            "z < 0 表示离对角线越远概率反而越高；z 按欧央行公式视各借据月独立，z（村间方差）则计入同村相关。",
            f"Matrix weighted bandwidth: down {down}, up {up} (n = {facts['n']:,}, {result.level:.0%} intervals "
            "between villages). z < 0 says that the probability rises with the distance from the diagonal; z takes "
            "loan-months as independent as the ECB does, z between villages lets those of a village go together.",
        ),
        reasoned(labelled(rows, "from", "to")),
        columns,
        {**dict.fromkeys(("share", "lo", "hi"), ".2%"), "z": ".2f", "z_groups": ".2f", "p_value": ".3f",
         **dict.fromkeys(("n", "n_eff"), ",.0f")},
    )  # fmt: skip


def _with_limits(facts: Mapping[str, Any], name: str) -> str:
    value, lo, hi = (float(facts[f"{name}{end}"]) for end in ("", "_lo", "_hi"))
    return f"{value:.3f} [{lo:.3f}, {hi:.3f}]" if lo == lo else f"{value:.3f}"


def _hidden_neighbours(rows: pd.DataFrame) -> pd.DataFrame:
    """z of a cell gives away its neighbour towards the diagonal: blank where that is blanked."""
    states = list(dict.fromkeys(rows["from"]))
    place = {name: i for i, name in enumerate(states)}
    i, j = rows["from"].map(place), rows["to"].map(place)
    near = j + (i > j).astype(int) - (i < j).astype(int)
    hidden = rows["n"].isna().set_axis(pd.MultiIndex.from_arrays([i, j]))
    blank = hidden.reindex(pd.MultiIndex.from_arrays([i, near]), fill_value=False).to_numpy()
    numbers = ["z", "p_value", "z_groups"]
    return rows.assign(**{c: rows[c].mask(blank) for c in numbers})


def _intensities(parts: Parts) -> Block:
    """The generator of the classes; outside the bank a sentence only, since a rate may rest on a small cell."""
    result = parts["generator"]
    error, fits = result.facts["largest row error"], result.facts["usable"]
    sentence = Text(
        f"五级分类的转移强度可用于不规则日期：最大行误差 {error:.3f}（{'可用' if fits else '不可用'}）。",
        f"The generator of the classes serves irregular dates: largest row error {error:.3f} "
        f"({'usable' if fits else 'not usable'}).",
    )
    if parts.external:
        return Paragraph(sentence)
    rows = result.tidy()
    return FigureBlock(
        "movement.generator",
        Text("五级分类的转移强度（每月）", "Generator of the classes (rates per month)"),
        plots.generator(result),
        sentence,
        labelled(rows[rows["at_risk"] > 0], "from", "to"),
        words({"from": ("起始", "from"), "to": ("去往", "to"), "rate": ("每月强度", "rate per month"),
               "lo": ("下限", "lower"), "hi": ("上限", "upper"), "n": ("迁移次数", "moves"),
               "at_risk": ("在险借据月", "months at risk")}),
        {**dict.fromkeys(("rate", "lo", "hi"), ".4f"), **dict.fromkeys(("n", "at_risk"), ",.0f")},
    )  # fmt: skip


def _reached(result: Any) -> FigureBlock:
    """The chance to become non-performing within a year, from each class above."""
    rows = result.tidy()
    return FigureBlock(
        "movement.reached",
        Text("由转移强度推出的不良累计概率", "Chance of having become non-performing, from the generator"),
        plots.reached(result),
        Text(
            "假定强度不变且只取决于当前类别（马尔可夫）；区间计入同村相关，不含该假定的误差。",
            "Supposes that rates stay and depend on the present class alone (Markov); intervals let the notes of a "
            "village go together and leave out the error of that supposition.",
        ),
        labelled(rows[rows["months"].isin([1, 3, 6, 12])], "from"),
        words({"from": ("起始", "from"), "months": ("月数", "months"), "chance": ("累计概率", "chance"),
               "lo": ("下限", "lower"), "hi": ("上限", "upper"), "at_risk": ("在险借据月", "months at risk")}),
        {**dict.fromkeys(("chance", "lo", "hi"), ".2%"), "months": ".0f", "at_risk": ",.0f"},
    )  # fmt: skip


def vintages(parts: Parts) -> Section:
    """Vintage curves of the bank, and by plan, product, channel and village."""
    names = ("vintages", "vintages_by_plan", "vintages_by_product", "vintages_by_channel", "vintages_by_village")
    blocks: list[Block] = parts.missing(*names)
    if "vintages" in parts:
        result = parts["vintages"]
        ages = result.tidy()
        columns = words(
            {"cohort": ("放款年", "cohort"), "age": ("月龄", "age"), "n": ("笔数", "n"), "n_seen": ("可见", "seen"),
             "bad": ("坏", "bad"), "estimate": ("占比", "share"), "lo": ("下限", "lower"), "hi": ("上限", "upper"),
             "product_limit": ("含未满期", "with younger"), "by_amount": ("按金额", "by amount")}
        )  # fmt: skip
        curves = parts.drawn(result, "n", ("age",))
        blocks.append(
            TOO_FEW
            if curves is None
            else FigureBlock(
                "vintages.curves",
                Text("账龄曲线", "Vintage curves"),
                plots.vintages(curves),
                Text(
                    "各年放款曾逾期 90 天以上的比例；虚线含未满期借据。",
                    "Ever over 90 days by cohort; dots use younger notes.",
                ),
                parts.shown(ages[ages["age"].isin([6, 12, 15, 18, 24, 36])], "n", ("cohort", "age")),
                columns,
                dict.fromkeys(("estimate", "lo", "hi", "product_limit", "by_amount"), ".2%"),
            )
        )
    if "vintages_by_plan" in parts:
        title = Text(
            "按到期日计：到期后 4 个月（还款方式可比）", "By due date: four months after it (plans comparable)"
        )
        blocks.append(_at_age(parts, "vintages_by_plan", 4, title, Text("还款方式", "plan")))
    for name in ("product", "channel", "village"):
        part = f"vintages_by_{name}"
        if part in parts and not (name == "village" and parts.external):
            what = BREAKDOWNS[name]
            title = Text(f"放款后 18 个月（{what.zh}）", f"18 months after the grant, by {what.en}")
            blocks.append(_at_age(parts, part, 18, title, what))
    return Section("vintages", Text("账龄", "Vintages"), blocks)


def _at_age(parts: Parts, name: str, age: int, title: Text, what: Text) -> TableBlock:
    """The cohorts at one age: those seen in full; for villages the fifteen highest of the latest such cohort."""
    rows = parts[name].at(age)
    note = None
    if name == "vintages_by_village":
        seen = rows[rows["estimate"].notna()]
        sizes = seen.groupby("cohort")["n"].sum()
        latest = max(sizes[sizes >= 0.5 * sizes.max()].index) if len(sizes) else ""
        rows = seen[seen["cohort"] == latest]
        rows = rows.sort_values(["estimate", "group"], ascending=[False, True], kind="stable").head(15)
        note = Text(
            "最近完整批次中占比最高的 15 个村；村小，区间宽。",
            "The fifteen highest of the latest complete cohort; villages are small and intervals wide.",
        )
    columns = {"group": what, **words({"cohort": ("放款年", "cohort"), "n": ("笔数", "n"), "bad": ("坏", "bad"),
               "estimate": ("占比", "share"), "lo": ("下限", "lower"), "hi": ("上限", "upper"),
               "reason": ("说明", "reason")})}  # fmt: skip
    shown = parts.shown(rows, "n", ("group", "cohort", "reason"))
    return TableBlock(
        f"vintages.{name.removeprefix('vintages_by_')}",
        title,
        reasoned(labelled(shown, "group")),
        columns,
        dict.fromkeys(("estimate", "lo", "hi"), ".1%"),
        note,
    )


def calendars(parts: Parts) -> Section:
    """The farm year: when arrears come, and rates that plans of different dates can be compared by."""
    blocks: list[Block] = parts.missing("calendar", "comparable")
    if "calendar" in parts:
        result = parts["calendar"]
        columns = words(
            {"plan": ("还款方式", "plan"), "due": ("到期笔数", "notes due"),
             "peak_due_month": ("到期高峰月", "peak month"), "peak_due_share": ("占比", "share"),
             "new_bad": ("新坏", "newly bad"),
             "peak_bad_month": ("新坏高峰月", "peak month of the bad"), "peak_bad_share": ("占比", "share")}
        )  # fmt: skip
        blocks += [
            FigureBlock(
                "calendars.months",
                Text("逾期的季节性", "Arrears by calendar month"),
                plots.calendar(result),
                Text("各还款方式按日历月份的逾期占比。", "The share overdue by calendar month and plan."),
                parts.shown(labelled(result.tidy(), "plan"), "months", ("plan", "month")),
            ),
            TableBlock(
                "calendars.seasons",
                Text("到期与变坏的季节", "Seasons of falling due and of going bad"),
                labelled(parts.shown(result.seasons(), "due", ("plan",)), "plan"),
                columns,
                {**dict.fromkeys(("peak_due_share", "peak_bad_share"), ".0%"),
                 **dict.fromkeys(("due", "new_bad", "peak_due_month", "peak_bad_month"), ",.0f")},
            ),
        ]  # fmt: skip
    if "comparable" in parts:
        rows = parts["comparable"].tidy()
        columns = words(
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
                labelled(parts.shown(rows, "notes", ("plan",)), "plan"),
                columns,
                dict.fromkeys(("raw", "untested_share", "comparable", "lo", "hi"), ".1%"),
            )
        )
    return Section("calendars", Text("农时日历", "Agricultural calendars"), blocks)
