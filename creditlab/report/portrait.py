"""The portrait as one page of A4: both languages by two radio buttons, drawn without a script, ready to print.

`render_portrait(portrait)` gives one HTML file. It draws only what the portrait holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from creditlab.columns import MISSING_REASONS, UNITS_ZH
from creditlab.data.statements import SOURCES
from creditlab.features.coverage import FRESH_MONTHS
from creditlab.plots import theme
from creditlab.plots.words import WORDS, Text
from creditlab.report.page import page_asset, page_environment
from creditlab.results import made_at

WIDTH = 300
#: fewest households behind a count of the external edition
MINIMUM = 10
SHOWN = 5
_TITLES = {"who": Text("家庭与经营", "Who"), "production": Text("生产与现金流", "Production and flows"),
           "conduct": Text("信贷行为", "Conduct"), "network": Text("担保与村", "Guarantees and village")}  # fmt: skip
_VALUES = {
    "wheat": "小麦", "maize": "玉米", "apple": "苹果", "vegetable": "蔬菜", "retail": "零售", "catering": "餐饮",
    "transport": "运输", "processing": "加工", "services": "服务", "none": "无", "open": "在营", "closed": "已关",
    "agricultural_service": "农业服务", "repair": "修理", "workshop": "作坊", "food": "食品加工",
}  # fmt: skip
#: where the label of the plan is too long for a line of the page
_SHORT = {
    "household_members": "members", "household_labour_share": "share who work", "household_dependants": "dependants",
    "household_migrants_share": "share working away", "business_age": "age of the business",
    "social_months_12m": "social security, months", "farm_insured_loss_36m": "insured loss, 3 years",
    "deposit_inflow_volatility_12m": "volatility of money in", "deposit_months_covered": "outflow covered by deposit",
    "merchant_receipts_12m": "merchant receipts, a year", "guaranteed_amount": "balance guaranteed",
    "guaranteed_dpd": "its most days past due", "guarantors_dpd": "their most days past due",
    "loan_organisation_balance": "organisations' balance", "village_others_late_share": "others over 30 days late",
    "village_others_insured_share": "others insured", "village_service_points": "service points",
    "business_sector": "sector", "deposit_avg_12m": "average deposit, a year",
    "deposit_inflow_12m": "money in, a year",
    "farm_livestock": "livestock (pigs)", "guarantees_given": "notes guaranteed", "guarantors": "guarantors",
    "village_km_to_branch": "to the branch", "overdue_months_24m": "months overdue, 2 years",
    "cases_open": "open cases", "stated_income": "stated income", "dpd_max_12m": "most days past due, a year",
}  # fmt: skip
_FACTS = {"area": Text("承包面积", "area"), "members": Text("人口数", "members"),
          "business": Text("经营状态", "business"), "village": Text("所在村", "village"),
          "income": Text("年收入", "income of the year")}  # fmt: skip
_EMPTY = {
    "conduct": Text("近三年无借据", "no note in the last three years"),
    "few": Text("近三年无借据，或各月借款户不足 10 户", "no note in three years, or under 10 borrowers in each month"),
    "flows": Text("无存款账户", "no deposit account"),
    "crops": Text("无农业登记", "no farm record"),
    "segment": Text("客群画像不列单户关系", "no single links in the portrait of a segment"),
    "network": Text("无有效担保关系", "no guarantee in force"),
}  # fmt: skip


@dataclass(frozen=True)
class Chart:
    """Bars (x, y, width, height, colour), lines (points, colour), ticks of the value axis, labels of the other."""

    title: Text
    bars: Sequence[tuple[float, float, float, float, str]] = ()
    lines: Sequence[tuple[str, str]] = ()
    ticks: Sequence[tuple[float, str]] = ()
    labels: Sequence[tuple[float, str]] = ()
    keys: Sequence[tuple[str, Text]] = field(default_factory=tuple)
    width: int = WIDTH


def render_portrait(portrait: Any, lang: str = "zh") -> str:
    """The portrait as the text of one HTML file."""
    return page_environment().get_template("portrait.html.j2").render(
        lang=lang,
        edition=_edition(portrait),
        no_conduct=_EMPTY["few" if _external(portrait) else "conduct"],
        subject=portrait.subject,
        where=_where(portrait.subject),
        score=_score(portrait),
        sections=[_section(portrait, name) for name in _TITLES],
        conduct=_conduct(portrait), flows=_flows(portrait.flows), crops=_crops(portrait.crops),
        links=_links(portrait.network), conflicts=_conflicts(portrait),
        sources=_sources(portrait),
        empty=_EMPTY, style=page_asset("cards.css") + page_asset("portrait.css"),
        colours={name: pair[0] for name, pair in theme.COLOURS.items()}, made=made_at(), stamp=portrait.stamp.inputs,
    )  # fmt: skip


def portrait_fragment(portrait: Any) -> str:
    """The page inside a frame, for a notebook: it keeps its own styles and scripts stay out."""
    page = escape(render_portrait(portrait), quote=True)
    return f'<iframe srcdoc="{page}" sandbox="" style="width:100%;height:1150px;border:1px solid #d5dae1"></iframe>'


def _edition(portrait: Any) -> Text:
    """Who may read the page, and what is on it."""
    if _external(portrait):
        return Text(
            f"对外版：仅含汇总，少于 {MINIMUM} 户的数目不列；仅含模型可用列",
            f"external edition: sums only, no count under {MINIMUM} households; model columns only",
        )
    if portrait.subject["kind"] == "segment":
        return Text("汇总；仅含模型可用列；仅限行内使用", "sums; model columns only; internal")
    return Text("假名；仅含模型可用列；仅限行内使用", "pseudonym; model columns only; internal")


def _external(portrait: Any) -> bool:
    return portrait.facts.get("edition") == "external"


def _share(part: float, portrait: Any) -> str:
    """A share of the households; in the external edition one that few households (or all but few) make up is hidden."""
    households = portrait.subject["households"]
    count = round(part * households)
    if not _external(portrait) or MINIMUM <= count <= households - MINIMUM or count in (0, households):
        return f"{part:.0%}"
    bound = MINIMUM / households
    return f"<{bound:.0%}" if count < MINIMUM else f">{1 - bound:.0%}"


def _where(subject: Any) -> Text:
    place = " ".join(x for x in (subject["township"], subject["village"], str(subject["village_id"])) if x)
    count, villages = subject["households"], subject["villages"]
    unit = "village" if villages == 1 else "villages"
    if subject["kind"] == "household":
        return Text(f"{place} · 截至 {subject['as_of']}", f"{place} · as of {subject['as_of']}")
    return Text(
        f"{count:,} 户，{subject['villages']} 个村 · 截至 {subject['as_of']}",
        f"{count:,} households in {villages} {unit} · as of {subject['as_of']}",
    )


def _score(portrait: Any) -> dict[str, Any]:
    score = portrait.score
    if not score:
        return {}
    rate, points = f"{score['pd']:.1%}", f"{score['points']:,.0f}"
    if portrait.subject["kind"] == "household":
        head = Text(f"{points} 分 · {score['tier']} 档", f"{points} points · tier {score['tier']}")
        line = Text(f"违约概率 {rate}（{score['card']}）", f"PD {rate} ({score['card']})")
    else:
        tiers = _tiers(score["tiers"], _external(portrait))
        head = Text(f"中位 {points} 分", f"median {points} points")
        line = Text(f"平均违约概率 {rate}；各档户数 {tiers}", f"mean PD {rate}; by tier {tiers}")
    reasons = [{"text": Text(r["zh"], r["en"]), "points": f"−{r['points']:.0f}"} for r in score.get("reasons", ())]
    return {"head": head, "line": line, "reasons": reasons}


def _tiers(counts: dict[str, int], external: bool) -> str:
    """Households by tier; in the external edition small ones are hidden, and one more so that no total tells them."""
    hidden = {k for k, v in counts.items() if external and v < MINIMUM}
    others = sorted((v, k) for k, v in counts.items() if k not in hidden)
    if len(hidden) == 1 and others:
        hidden.add(others[0][1])
    return " ".join(f"{k} {'*' if k in hidden else v}" for k, v in counts.items())


def _section(portrait: Any, name: str) -> dict[str, Any]:
    table = portrait.tidy()
    segment = portrait.subject["kind"] == "segment"
    return {
        "title": _TITLES[name],
        "rows": [_row(r, segment, portrait) for r in table[table["section"] == name].to_dict("records")],
    }


def _row(row: dict[str, Any], segment: bool, portrait: Any) -> dict[str, Any]:
    flag = row["kind"] == "flag"
    if row["reason"]:
        value = Text(*MISSING_REASONS[row["reason"]])
    elif flag and not segment:
        value = Text("是", "yes") if row["value"] else Text("否", "no")
    elif flag and row["value"] is not None:
        value = Text.same(_share(float(row["value"]), portrait))
    else:
        value = _value(row["value"], "share" if flag else row["unit"])
    return {
        "label": Text(row["zh"], _SHORT.get(row["feature"], row["en"])), "value": value, "missing": row["reason"] != "",
        "county": _value(row["median"], "share" if flag else row["unit"]),
    }  # fmt: skip


def _value(value: Any, unit: str) -> Text:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return Text.same("–")
    if isinstance(value, str):
        known = WORDS.get(value)
        return known if known is not None else Text(_VALUES.get(value, value), value.replace("_", " "))
    if unit == "share":
        return Text.same(f"{value:.0%}")
    number = f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.3g}"
    if unit in ("", "count"):
        return Text.same(number)
    return Text(f"{number} {UNITS_ZH.get(unit, unit)}", f"{number} {unit}")


def _short(value: float) -> str:
    """A tick in few characters.

    >>> _short(12500), _short(90)
    ('12.5k', '90')
    """
    return f"{value / 1000:.4g}k" if abs(value) >= 1000 else f"{value:.3g}"


def _scaled(values: Any, height: float) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Heights in pixels, and ticks at nothing, half and the top."""
    numbers = np.nan_to_num(np.asarray(values, dtype="float64"))
    top = max(float(numbers.max(initial=0.0)), 1e-9)
    return numbers / top * height, [(height * (1 - part), _short(top * part)) for part in (0.5, 1.0)]


def _conduct(portrait: Any) -> Chart:
    months = portrait.months
    segment = portrait.subject["kind"] == "segment"
    title = (
        Text("余额（线）与逾期超30天户占比（柱）", "Balance (line), share over 30 days late (bars)") if segment
        else Text("余额（线）与逾期天数（柱）", "Balance (line) and days past due (bars)")
    )  # fmt: skip
    if not len(months):
        return Chart(title)
    height, width = 76.0, WIDTH / len(months)
    late = (months["late_share"] * 100 if segment else months["dpd"]).fillna(0.0)  # hidden months have no bar
    tall, ticks = _scaled(late, height)
    balance, _ = _scaled(months["balance"], height)
    bars = [(i * width + 1, height - h, max(width - 2, 1), h, "vermilion") for i, h in enumerate(tall) if h > 0]
    line = " ".join(f"{(i + 0.5) * width:.1f},{height - h:.1f}" for i, h in enumerate(balance))
    top = f"{months['balance'].max():,.0f}"
    keys = [
        ("vermilion", Text("逾期（%）", "late (%)") if segment else Text("逾期（天）", "days past due")),
        ("blue", Text(f"余额，最高 {top} 元", f"balance, highest {top} yuan")),
    ]
    return Chart(title, bars, [(line, "blue")], ticks if late.max() > 0 else (), _years(months["month"], width), keys)


def _years(dates: pd.Series, width: float) -> list[tuple[float, str]]:
    """A label at the first period of each year."""
    first = ~dates.dt.year.duplicated().to_numpy()
    # the first year may begin with its last month: its label would run into the next
    crowded = len(dates) > 3 and bool(first[1:3].any())
    return [((i + 0.5) * width, str(d.year)) for i, d in enumerate(dates) if first[i] and not (i == 0 and crowded)]


def _flows(flows: pd.DataFrame) -> Chart:
    title = Text("存款转入与转出（柱）、期末余额（线），元", "Money in, out (bars), end balance (line)")
    if not len(flows):
        return Chart(title)
    height, width = 76.0, WIDTH / len(flows)
    both, ticks = _scaled(flows[["inflow", "outflow", "end_balance"]].to_numpy(), height)
    half = (width - 3) / 2
    bars = [(i * width + 1, height - h[0], half, h[0], "sky") for i, h in enumerate(both)]
    bars += [(i * width + 1 + half, height - h[1], half, h[1], "sand") for i, h in enumerate(both)]
    line = " ".join(f"{(i + 0.5) * width:.1f},{height - h[2]:.1f}" for i, h in enumerate(both))
    keys = [("sky", Text("转入", "in")), ("sand", Text("转出", "out")), ("blue", Text("余额", "balance"))]
    return Chart(title, bars, [(line, "blue")], ticks, _years(flows["period"], width), keys)


def _crops(crops: pd.DataFrame) -> Chart:
    title = Text("各作物面积，亩", "Area by crop, mu")
    grown = crops[crops["area"] > 0] if len(crops) else crops
    if not len(grown):
        return Chart(title)
    height, years = 60.0, sorted(grown["year"].unique())
    totals = grown.groupby("year")["area"].sum()
    _, ticks = _scaled(totals, height)
    width = WIDTH / len(years)
    fills = dict(zip(sorted(grown["crop"].unique()), ("green", "ochre", "vermilion", "purple"), strict=False))
    bars, top = [], float(totals.max())
    for i, year in enumerate(years):
        floor = height
        for row in grown[grown["year"] == year].sort_values("crop").to_dict("records"):
            tall = row["area"] / top * height
            floor -= tall
            bars.append((i * width + width * 0.2, floor, width * 0.6, tall, fills.get(row["crop"], "grey")))
    names = grown.drop_duplicates("crop").set_index("crop")
    keys = [
        (fill, Text(str(names.loc[c, "zh"]).removesuffix("面积"), str(names.loc[c, "en"]))) for c, fill in fills.items()
    ]
    return Chart(title, bars, (), ticks, [((i + 0.5) * width, str(y)) for i, y in enumerate(years)], keys)


def _links(network: pd.DataFrame) -> list[dict[str, Any]]:
    roles = {"guarantor": Text("为其担保", "backed by"), "guaranteed": Text("替其担保", "backs")}
    return [
        {"role": roles[r["role"]], "household": r["household"], "state": _owed(r["owed"], r["dpd"])}
        for r in network.groupby("role").head(SHOWN).to_dict("records")
    ]  # fmt: skip


def _owed(owed: float, dpd: float) -> Text:
    return Text(f"{owed:,.0f} 元，逾期 {dpd:.0f} 天", f"{owed:,.0f} yuan, {dpd:.0f} days late")


def _conflicts(portrait: Any) -> list[dict[str, Any]]:
    """The disagreements of a household one by one; of a segment, how many households each fact concerns."""
    found, subject = portrait.conflicts, portrait.subject
    households = subject["households"]
    if subject["kind"] == "segment":
        counts = found.groupby("fact")["household_id"].nunique() if len(found) else pd.Series(dtype="int64")
        return [
            {"label": _FACTS.get(str(fact), Text.same(fact)),
             "value": Text(f"{n:,} 户（{n / households:.1%}）", f"{n:,} households ({n / households:.1%})")
             if not _external(portrait) or n >= MINIMUM
             else Text(f"不足 {MINIMUM} 户", f"under {MINIMUM} households")}
            for fact, n in counts.items()
        ]  # fmt: skip
    rows = []
    for row in found.head(SHOWN).to_dict("records"):
        a, b = (Text(*SOURCES[row[s]]) for s in ("source_a", "source_b"))
        first, second, taken = (_told(row[c]) for c in ("value_a", "value_b", "resolved"))
        value = Text(
            f"{a.zh} {first} ≠ {b.zh} {second}，取 {taken}", f"{a.en} {first} ≠ {b.en} {second}, taken {taken}"
        )
        rows.append({"label": _FACTS.get(row["fact"], Text.same(row["fact"])), "value": value})
    return rows


def _told(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float | np.number) else str(value)


def _sources(portrait: Any) -> list[dict[str, Any]]:
    """A box per source: its state, its age, and what it would add to the score where it is lacking."""
    segment = portrait.subject["kind"] == "segment"
    boxes = []
    for _, rows in portrait.missing.groupby("source", sort=False):
        first = rows.sort_values("households", ascending=False).iloc[0]
        text, state = _of_segment(rows, first, portrait) if segment else _of_household(first)
        adds = float(first["adds_points"])
        if adds >= 0.5:
            text = Text(f"{text.zh}；补采可变动 {adds:.0f} 分", f"{text.en}; would move {adds:.0f} points")
        boxes.append({"label": Text(str(first["zh"]), str(first["en"])), "text": text, "state": state})
    return boxes


def _of_household(first: pd.Series) -> tuple[Text, str]:
    state, age = str(first["state"]), float(first["age_days"])
    if state != "reached" or np.isnan(age):
        return Text(str(first["state_zh"]), str(first["state_en"])), state
    return Text(f"{age:.0f} 天前", f"{age:.0f} days old"), "stale" if age > FRESH_MONTHS * 30.4375 else state


def _of_segment(rows: pd.DataFrame, first: pd.Series, portrait: Any) -> tuple[Text, str]:
    state = str(first["state"])
    part = rows.loc[rows["state"] == "reached", "households"].sum() / rows["households"].sum()
    told = _share(float(part), portrait)
    if state == "reached":
        return Text(f"已采集 {told}", f"reached {told}"), state
    zh, en = str(first["state_zh"]), str(first["state_en"])
    return Text(f"已采集 {told}；其余多为{zh}", f"reached {told}; others mostly {en}"), state
