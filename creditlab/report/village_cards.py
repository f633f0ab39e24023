"""A card per village: one page to print, in both languages, with what is known, how sure it is, and what to do.

`render_cards(study)` gives one HTML file without scripts; the language is switched by two radio buttons, and the page
prints one village per sheet. It draws only numbers of the study. Cards list single villages and stay inside the bank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_one_of
from creditlab.data.schema import TABLES
from creditlab.errors import InputError, message, some
from creditlab.plots import theme
from creditlab.plots.words import Text
from creditlab.report.page import page_asset, page_environment
from creditlab.report.village_space_sections import CLEAR
from creditlab.results import made_at
from creditlab.village.criteria import CRITERIA, STATES
from creditlab.village.crossed import VERDICTS
from creditlab.village.pattern import ACTIONS, FEW, percent

#: the drawn range of a relative level, on a log scale, and the width of a strip in pixels
LEAST, MOST, WIDTH = 0.25, 4.0, 240
#: sources of the composition that get a bar of their own
SOURCES = 4
#: drivers that are named
DRIVERS = 3


@dataclass(frozen=True)
class Strip:
    """An interval on the scale of relative levels: pixels of its ends and its middle."""

    label: Text
    state: str
    word: Text
    value: Text
    lo: float = 0.0
    middle: float = 0.0
    hi: float = 0.0


@dataclass(frozen=True)
class Bar:
    """A part of the gap: where its bar begins, how wide it is, and its value."""

    label: Text
    start: float
    width: float
    value: str
    colour: str


@dataclass(frozen=True)
class Card:
    """What a village's page shows."""

    village: str
    name: str
    township: str
    action: Text
    pattern: Text
    also: Text | None
    figures: Sequence[tuple[Text, Text]]
    strips: Sequence[Strip]
    bars: Sequence[Bar]
    quarters: Sequence[tuple[float, float, float, float]]
    facts: Sequence[tuple[Text, Text]]
    note: Text | None = None
    line: str = ""
    span: str = ""
    evidence: Text = field(default_factory=lambda: Text.same("–"))


def render_cards(study: Any, villages: Sequence[Any] | None = None, lang: str | None = None) -> str:
    """The cards as the text of one HTML file.

    Parameters
    ----------
    villages : the villages to show; None takes those of the action list of which something can be said, or the first
        ten where there is none.
    lang : the language shown first.

    Raises
    ------
    InputError : a village that the study does not know.
    """
    first = check_one_of(lang or study.config.lang, ("zh", "en"), "lang")
    known = study.villages.set_index("village", drop=False)
    if villages is None:
        villages = _listed(study)
    strangers = [v for v in villages if v not in known.index]
    if strangers:
        came = some(strangers)
        raise InputError(message("villages of the study", came, "cards", "Use the codes of study.villages."))
    gaps = study.why.gap.by_source() if study.why is not None and study.why.gap is not None else None
    return page_environment().get_template("cards.html.j2").render(
        cards=[card(study, village, gaps) for village in villages],
        lang=first,
        style=page_asset("cards.css"),
        colours={name: pair[0] for name, pair in theme.COLOURS.items()},
        scale=[(_place(v), f"{v:g}") for v in (0.25, 0.5, 1, 2, 4)],
        width=WIDTH,
        unit=Text(*study.unit),
        name=study.name,
        made=made_at(),
        stamp=study.stamp.inputs,
        level=study.config.level,
    )  # fmt: skip


def _listed(study: Any) -> list[Any]:
    """The villages of the action list but those that only wait; the first ten where there is no list."""
    actions = study.actions
    if not len(actions):
        return study.villages["village"].head(10).tolist()
    return actions.loc[actions["action"] != "wait", "village"].tolist()


def card(study: Any, village: Any, gaps: pd.DataFrame | None) -> Card:
    """What is known of one village, ready to be laid out; `gaps` are villages × parts of the gap."""
    row = study.villages.set_index("village").loc[village]
    action = _action(study, village)
    quarters, line, span = _quarters(study, village)
    return Card(
        village=str(village),
        name=_text(row.get("name")),
        township=_text(row.get("township")),
        action=Text(action["action_zh"], action["action_en"]),
        pattern=Text(action["pattern_zh"], action["pattern_en"]),
        also=_also(action.get("also", "")),
        figures=_figures(study, row, action),
        strips=_strips(study, village, row),
        bars=[] if gaps is None or village not in gaps.index else _bars(gaps.loc[village]),
        quarters=quarters,
        line=line,
        span=span,
        facts=_facts(study, village),
        note=_note(row),
        evidence=Text(_text(action.get("evidence_zh")) or "–", _text(action.get("evidence_en")) or "–"),
    )


def _action(study: Any, village: Any) -> dict[str, Any]:
    listed = study.actions[study.actions["village"] == village] if len(study.actions) else study.actions
    if len(listed):
        return listed.iloc[0].to_dict()
    zh, en = ACTIONS["routine"]
    return {"action_zh": zh, "action_en": en, "pattern_zh": "与预期相符", "pattern_en": "as expected"}


def _also(words: Any) -> Text | None:
    names = [ACTIONS[w] for w in str(words).split(",") if w in ACTIONS]
    return Text("；".join(n[0] for n in names), "; ".join(n[1] for n in names)) if names else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _figures(study: Any, row: pd.Series, action: dict[str, Any]) -> list[tuple[Text, Text]]:
    """The numbers at the top of the page."""
    k = study.panel.facts["top"]
    figures = [
        (
            Text("样本", "sample"),
            Text(f"{row['n']:.0f} 户次，坏 {row['bad']:.0f}", f"{row['bad']:.0f} bad of {row['n']:.0f}"),
        ),
        (Text("期望坏户", "expected bads"), Text.same(f"{row['expected']:.1f}")),
        (Text("收缩 O/E", "shrunken O/E"), Text.same(f"{row['estimate']:.2f} ({row['lo']:.2f}–{row['hi']:.2f})")),
        (Text("高于 1 的概率", "P(above 1)"), Text.same(percent(row["p_above"]))),
        (Text(f"属最差 {k} 个的概率", f"P(worst {k})"), Text.same(f"{row['p_top']:.0%}")),
    ]
    if np.isfinite(action.get("yuan_ahead", np.nan)):
        lo, hi = action["bads_lo"], action["bads_hi"]
        bads = f"{action['bads_ahead']:.1f} ({lo:.1f}–{hi:.1f})"
        figures += [
            (Text("现有借款户", "borrowers now"), Text.same(f"{action['borrowers']:,}")),
            (Text("正常贷款余额", "performing balance"), _yuan(action["performing_balance"])),
            (Text("其中预期坏户", "bads ahead"), Text.same(bads)),
            (Text("预期坏账敞口", "yuan ahead"), _yuan(action["yuan_ahead"])),
            (Text("超出结构部分", "beyond expectation"), _yuan(action["yuan_excess"])),
        ]
    return figures


def _yuan(value: float) -> Text:
    return Text(f"{value / 10_000:,.1f} 万元", f"{value:,.0f} yuan")


def _note(row: pd.Series) -> Text | None:
    if row["n"] >= FEW:
        return None
    return Text(
        "样本少于 10 户次：区间主要来自全县。", "Fewer than 10 rows: the interval comes mostly from the county."
    )


def _place(value: float) -> float:
    """Pixels of a relative level on the log scale, kept inside the strip."""
    inside = min(max(float(value), LEAST), MOST)
    return round(WIDTH * float(np.log(inside / LEAST) / np.log(MOST / LEAST)), 1)


def _strips(study: Any, village: Any, row: pd.Series) -> list[Strip]:
    """O/E and the three criteria as intervals."""
    strips = [
        _strip(Text("O/E（环境）", "O/E (context)"), _state(row["p_above"]), row["estimate"], row["lo"], row["hi"])
    ]
    result = study.why.criteria if study.why is not None else None
    if result is None:
        return strips
    table = result.tidy()
    for name, texts in CRITERIA.items():
        found = table[(table["village"] == village) & (table["criterion"] == name)].iloc[0]
        strips.append(_strip(Text(*texts), found["state"], found["estimate"], found["lo"], found["hi"]))
    return strips


def _state(p: float) -> str:
    return "bad" if p >= 0.9 else "good" if p <= 0.1 else "unclear"


def _strip(label: Text, state: str, estimate: float, lo: float, hi: float) -> Strip:
    word = Text(*STATES[state])
    if state == "no data" or not np.isfinite(estimate):
        return Strip(label, "no data", Text(*STATES["no data"]), Text.same("–"))
    value = Text.same(f"{estimate:.2f} ({lo:.2f}–{hi:.2f})")
    return Strip(label, state, word, value, _place(lo), _place(estimate), _place(hi))


def _bars(wide: pd.Series) -> list[Bar]:
    """The gap in parts: the largest sources, the others together, context, noise, and the gap itself."""
    if wide.isna().any():
        return []
    sources = wide.drop(["context", "noise", "gap"])
    large = sources.abs().sort_values(ascending=False, kind="stable").index[:SOURCES]
    parts = [
        (Text(TABLES[s].zh, TABLES[s].en) if s in TABLES else Text.same(s), float(sources[s]), "blue") for s in large
    ]
    rest = sources.drop(large)
    if len(rest):
        parts.append((Text("其他来源", "other sources"), float(rest.sum()), "grey"))
    parts += [
        (Text("村环境（收缩）", "context (shrunken)"), float(wide["context"]), "vermilion"),
        (Text("偶然", "noise"), float(wide["noise"]), "mist"),
        (Text("与全县之差", "gap to the county"), float(wide["gap"]), "ink"),
    ]
    reach = max(max(abs(value) for _, value, _ in parts), 1e-9)
    half = WIDTH / 2
    return [
        Bar(
            label=label,
            start=round(half + min(value, 0) / reach * half, 1),
            width=round(abs(value) / reach * half, 1),
            value=f"{100 * value:+.1f}",
            colour=colour,
        )
        for label, value, colour in parts
    ]


def _quarters(study: Any, village: Any) -> tuple[list[tuple[float, float, float, float]], str, str]:
    """Moves to a worse state by quarter as bars (x, y, width, height), the expected ones as a line, and the span."""
    moves = study.why.moves if study.why is not None else None
    if moves is None:
        return [], "", ""
    part = moves[moves["village"] == village].sort_values("quarter", kind="stable")
    if len(part) < 2:
        return [], "", ""
    top = max(float(part[["worse", "expected"]].max().max()), 1.0)
    step, high = WIDTH / len(part), 60.0
    bars = [
        (round(i * step + 1, 1), round(high * (1 - v / top), 1), round(step - 2, 1), round(high * v / top, 1))
        for i, v in enumerate(part["worse"])
    ]
    points = [f"{(i + 0.5) * step:.1f},{high * (1 - v / top):.1f}" for i, v in enumerate(part["expected"])]
    ends = [f"{q.year}Q{q.quarter}" for q in (part["quarter"].iloc[0], part["quarter"].iloc[-1])]
    return bars, " ".join(points), f"{ends[0]}–{ends[1]}"


def _facts(study: Any, village: Any) -> list[tuple[Text, Text]]:
    """One line each on officers, courts, early warning, trend, change, drivers, guarantees, neighbours, data."""
    if study.why is None:
        return []
    lines = [
        make(study.why, village)
        for make in (_officer, _court, _warning, _trend, _change, _driver, _chain, _near, _quality)
    ]
    return [line for line in lines if line is not None]


def _one(table: pd.DataFrame, village: Any, column: str = "village") -> pd.Series | None:
    found = table[table[column] == village]
    return found.iloc[0] if len(found) else None


def _balance(why: Any, village: Any) -> tuple[Text, Text] | None:
    row = None if why.book is None else _one(why.book, village)
    if row is None:
        return None
    share = f"{row['npl_share']:.1%} ({row['npl_lo']:.1%}–{row['npl_hi']:.1%})"
    return Text("不良（余额，逾期90天）", "NPL by balance"), Text(
        f"{share}，有效笔数 {row['n_eff']:.1f}",
        f"{share}, 90 days past due, effective number of notes {row['n_eff']:.1f}",
    )


def _officer(why: Any, village: Any) -> tuple[Text, Text] | None:
    row = None if why.crossed is None else _one(why.crossed.villages, village)
    if row is None or not np.isfinite(row["effect"]):
        return None
    zh, en = VERDICTS[row["verdict"]]
    text = Text(
        f"{zh}；主要经办人 {row['main_officer']} 占 {row['main_share']:.0%}，可区分信息 {row['separable']:.0%}",
        f"{en}; main officer {row['main_officer']} {row['main_share']:.0%}, {row['separable']:.0%} of the information "
        "separates them",
    )
    return Text("村与经办人", "village and officer"), text


def _court(why: Any, village: Any) -> tuple[Text, Text] | None:
    row = None if why.enforcement is None else _one(why.enforcement.tidy(), village, "unit")
    if row is None:
        return None
    label = Text("执行", "enforcement")
    if not row["closed"]:
        return label, Text(f"执行案件 {row['cases']} 件，无已结", f"{row['cases']} cases, none closed")
    return label, Text(
        f"执行案件 {row['cases']} 件，已结 {row['closed']}；到位率 {row['share_enforced']:.0%}，结案 "
        f"{row['months_to_close']:.1f} 月，无财产终本 {row['no_assets']:.0%}，失信 {row['dishonest']:.0%}",
        f"{row['cases']} cases, {row['closed']} closed; {row['share_enforced']:.0%} enforced, "
        f"{row['months_to_close']:.1f} months to close, {row['no_assets']:.0%} without assets, "
        f"{row['dishonest']:.0%} listed",
    )


def _warning(why: Any, village: Any) -> tuple[Text, Text] | None:
    row = None if why.warning is None else _one(why.warning.tidy(), village)
    if row is None or not np.isfinite(row["estimate"]):
        return None
    text = f"{row['worse']} / {row['expected']:.1f}; {row['estimate']:.2f} ({row['lo']:.2f}–{row['hi']:.2f})"
    status = {"new": Text("本季新增", "new"), "stays": Text("仍在名单", "stays"), "gone": Text("本季退出", "gone")}
    listed = None if why.news is None else _one(why.news, village)
    word = None if listed is None else status[listed["status"]]
    zh = f"近四季变差/预期 {text}" + (f"；{word.zh}" if word else "")
    en = f"worse/expected, four quarters: {text}" + (f"; {word.en}" if word else "")
    return Text("迁徙预警", "early warning"), Text(zh, en)


def _trend(why: Any, village: Any) -> tuple[Text, Text] | None:
    row = None if why.trends is None else _one(why.trends.tidy(), village)
    if row is None or not np.isfinite(row["change"]):
        return None
    text = f"×{row['change']:.2f} ({row['lo']:.2f}–{row['hi']:.2f})"
    return Text("趋势", "trend"), Text(
        f"相对全县每年 {text}，上升概率 {row['p_rising']:.0%}",
        f"{text} a year against the county, rising with {row['p_rising']:.0%}",
    )


def _change(why: Any, village: Any) -> tuple[Text, Text] | None:
    row = None if why.changes is None else _one(why.changes.tidy(), village)
    if row is None or not row["q_value"] <= 0.1:
        return None
    day = f"{pd.Timestamp(row['last_before']):%Y-%m}"
    return Text("变点", "change point"), Text(
        f"{day} 之后 O/E 由 {row['before']:.2f} 变为 {row['after']:.2f}（q={row['q_value']:.2f}）",
        f"after {day} O/E went from {row['before']:.2f} to {row['after']:.2f} (q={row['q_value']:.2f})",
    )


def _driver(why: Any, village: Any) -> tuple[Text, Text] | None:
    if why.drivers is None or not len(why.drivers.contributions):
        return None
    part = why.drivers.contributions
    part = part[part["village"] == village]
    part = part[part["ratio"].gt(1)].sort_values("ratio", ascending=False, kind="stable").head(DRIVERS)
    if not len(part):
        return None
    labels = why.drivers.labels
    rows = [(labels.get(d, (d, d)), r) for d, r in zip(part["driver"], part["ratio"], strict=True)]
    zh = "；".join(f"{texts[0]} ×{ratio:.2f}" for texts, ratio in rows)
    en = "; ".join(f"{texts[1]} ×{ratio:.2f}" for texts, ratio in rows)
    return Text("同向因素（关联）", "goes with (association)"), Text(zh, en)


def _chain(why: Any, village: Any) -> tuple[Text, Text] | None:
    if why.contagion is None:
        return None
    groups = why.contagion.groups
    found = groups[(groups["village"] == village) & (groups["p_value"] <= 0.01)]
    if not len(found):
        return None
    row = found.iloc[0]
    return Text("联保", "guarantees"), Text(
        f"一条担保链 {row['households']} 户中 {row['bad']} 户坏（预期 {row['expected']:.1f}）",
        f"a chain of {row['households']} households, {row['bad']} bad ({row['expected']:.1f} expected)",
    )


def _near(why: Any, village: Any) -> tuple[Text, Text] | None:
    """The block of neighbours that the scan found around the village, where chance alone does not make one."""
    found = None if why.space is None else why.space.blocks
    member = None if found is None else _one(found.members, village)
    if found is None or member is None:
        return None
    row = found.tidy().set_index("cluster").loc[member["cluster"]]
    if row["p_value"] > CLEAR:
        return None
    return Text("相邻各村", "neighbours"), Text(
        f"属于相邻 {row['villages']} 村的一片：坏 {row['observed']:.0f}，预期 {row['expected']:.1f}"
        f"（p = {row['p_value']:.3f}）",
        f"one of a block of {row['villages']} villages: {row['observed']:.0f} bad, {row['expected']:.1f} expected "
        f"(p = {row['p_value']:.3f})",
    )


def _quality(why: Any, village: Any) -> tuple[Text, Text] | None:
    row = None if why.quality is None else _one(why.quality, village)
    if row is None:
        return None
    reached = "–" if not np.isfinite(row["coverage"]) else f"{row['coverage']:.0%}"
    return Text("数据", "data"), Text(
        f"{row['households']} 户，来源冲突 {row['conflicts']} 户，五年内走访覆盖 {reached}",
        f"{row['households']} households, sources disagree on {row['conflicts']}, surveyed within five years {reached}",
    )
