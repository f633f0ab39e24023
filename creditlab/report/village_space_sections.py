"""The section on geography: whether bad villages lie together, which do, and which block of neighbours.

It arranges `study.why.space`; without a map it says so. It estimates nothing.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from creditlab.plots import village_space as plots
from creditlab.plots.words import Text
from creditlab.report.document import Block, Callout, FigureBlock, Paragraph, Section, TableBlock
from creditlab.village.local import CLUSTERS

#: p-value up to which a test of the whole county counts as clear
CLEAR = 0.05


def space(study: Any) -> Section:
    """Do bad villages lie together, and where."""
    title = Text("空间聚集", "Geography")
    found = study.why.space
    if found is None:
        zh, en = study.why.missing.get("space", ("未检验", "not tested"))
        return Section(
            "space", title, [Callout(Text(f"未作空间检验：{zh}。", f"No tests of geography: {en}."), "info")]
        )
    blocks: list[Block] = [
        Paragraph(
            Text(
                "先作经验贝叶斯标准化，否则小村自成“热点”。莫兰指数回答全县有无格局；局部检验经错误发现率控制后才点名；"
                "扫描对全县只给一个 p 值。孤岛（无邻村）参与均值，但没有局部检验。",
                "Values are empirical-Bayes standardised first, or small villages would be the hot spots. Moran's I "
                "says whether there is a pattern at all; single villages are named only after control of false "
                "discoveries; the scan gives one p-value for the county. Islands (no neighbours) count in the mean and "
                "have no local test.",
            )
        ),
        _moran(found),
        FigureBlock(
            "space.scatter",
            Text("莫兰散点：O/E", "Moran scatter of O/E"),
            plots.scatter(found.excess, _names(study)),
            Text("每村的标准化 O/E 对其邻村均值；斜率即莫兰指数。",
                 "Standardised O/E of each village against its neighbours' mean; the slope is Moran's I."),
            found.excess.tidy(),
        ),
    ]  # fmt: skip
    xy = _places(study)
    if study.geojson is not None or xy is not None:
        blocks += [*_local(study, found, xy), *_blocks(study, found, xy)]
    else:
        blocks.append(_table(study, "space.local_table", found.local))
    return Section("space", title, blocks)


def _moran(found: Any) -> TableBlock:
    rows = []
    for text, result in (
        (Text("坏账率", "bad rate"), found.rates),
        (Text("O/E（扣除借款人结构）", "O/E"), found.excess),
    ):
        facts = result.facts
        p = float(facts["p_value"])
        clear = Text("有聚集", "neighbours are alike") if p <= CLEAR else Text("无证据", "no evidence")
        word = Text.same(facts["note"]) if facts["note"] else clear
        rows.append({"what": text, "statistic": float(facts["statistic"]), "expectation": float(facts["expectation"]),
                     "z": float(facts["z"]), "p_value": p, "islands": facts["islands"], "said": word})  # fmt: skip
    columns = {
        "what": Text("对象", "of"),
        "statistic": Text("莫兰指数", "Moran's I"),
        "expectation": Text("随机期望", "expected by chance"),
        "z": Text("z", "z"),
        "p_value": Text("p（置换）", "p (permutations)"),
        "islands": Text("孤岛", "islands"),
        "said": Text("结论", "finding"),
    }
    formats = {"statistic": ".3f", "expectation": ".3f", "z": ".2f", "p_value": ".3f"}
    return TableBlock("space.moran", Text("莫兰指数", "Moran's I"), pd.DataFrame(rows), columns, formats)


def _local(study: Any, found: Any, xy: pd.DataFrame | None) -> list[Block]:
    blocks: list[Block] = []
    for id, title, result in (
        ("space.local", Text("局部莫兰", "Local Moran"), found.local),
        ("space.hot", Text("Gi* 热点", "Gi* hot spots"), found.hot),
    ):
        named = result.facts["named"]
        count = int(named) if float(named) == float(named) else 0
        blocks.append(
            FigureBlock(
                id,
                title,
                plots.clusters(result, study.geojson, xy, _names(study)),
                Text(
                    f"控制错误发现率后点名 {count} 村；未点名不等于没有问题。",
                    f"{count} villages are named after control of false discoveries; not being named is no acquittal.",
                ),
                result.tidy().drop(columns="reason"),
            )
        )
    return [*blocks, _table(study, "space.local_table", found.local)]


def _table(study: Any, id: str, result: Any) -> TableBlock:
    """The villages that are named, or the ten with the smallest p-values."""
    table = result.tidy().sort_values(["p_value", "village"], kind="stable")
    named = table[~table["cluster"].isin(["none", "island"])]
    shown = (named if len(named) else table.head(10)).assign(
        cluster=lambda f: [Text(*CLUSTERS[c]) for c in f["cluster"]], name=lambda f: f["village"].map(_names(study))
    )
    columns = {
        "village": Text("代码", "code"),
        "name": Text("名称", "name"),
        "value": Text("标准化 O/E", "standardised O/E"),
        "lag": Text("邻村均值", "mean of neighbours"),
        "p_value": Text("p", "p"),
        "q_value": Text("q", "q"),
        "cluster": Text("类别", "kind"),
    }
    formats = {"value": ".2f", "lag": ".2f", "p_value": ".4f", "q_value": ".3f"}
    title = Text("局部莫兰：点名或最近于点名者", "Local Moran: named, or nearest to it")
    return TableBlock(id, title, shown, columns, formats)


def _blocks(study: Any, found: Any, xy: pd.DataFrame | None) -> list[Block]:
    if found.blocks is None:
        return []
    result, shuffled = found.blocks, found.shuffled
    note = Text(
        f"若各村本有差异、只是位置随机：p = {float(shuffled.facts['p_value']):.3f}。",
        f"If villages differ anyway and only their places are random: p = {float(shuffled.facts['p_value']):.3f}.",
    )
    names = _names(study)
    members = result.members.groupby("cluster")["village"].agg(lambda v: "、".join(str(names.get(i, i)) for i in v))
    table = result.tidy()
    table = table.assign(members=table["cluster"].map(members), centre=table["centre"].map(lambda v: names.get(v, v)))
    columns = {
        "cluster": Text("序", "no."),
        "members": Text("村", "villages"),
        "observed": Text("坏", "bad"),
        "expected": Text("期望", "expected"),
        "ratio": Text("O/E", "O/E"),
        "llr": Text("对数似然比", "LLR"),
        "p_value": Text("p", "p"),
    }
    formats = {"observed": ".0f", "expected": ".1f", "ratio": ".2f", "llr": ".2f", "p_value": ".3f"}
    return [
        FigureBlock(
            "space.scan",
            Text("扫描：相邻成片的村", "Scan: blocks of neighbouring villages"),
            plots.blocks(result, study.geojson, xy, names, villages=study.villages["village"]),
            Text(f"至少两村的圆形聚集。{note.zh}", f"Circular blocks of two villages or more. {note.en}"),
            table.drop(columns="members"),
        ),
        TableBlock("space.blocks", Text("扫描所得", "Blocks of the scan"), table, columns, formats),
    ]


def _names(study: Any) -> dict[Any, str]:
    table = study.villages
    return dict(zip(table["village"], table["name"], strict=True)) if "name" in table else {}


def _places(study: Any) -> pd.DataFrame | None:
    table = study.villages
    return table[["village", "x", "y"]].dropna() if {"x", "y"} <= set(table.columns) else None
