"""A small document with every kind of block, and hostile text wherever text can come from data."""

from __future__ import annotations

import pandas as pd

from creditlab.plots import village
from creditlab.report import (
    Callout,
    Document,
    FigureBlock,
    Finding,
    KeyFigure,
    KeyFigures,
    Paragraph,
    Section,
    TableBlock,
    Text,
)
from creditlab.results import NotEstimable
from tests.plots.made import HOSTILE, geojson, villages


def text(word: str) -> Text:
    return Text(f"中文{word}", f"English {word}")


def figure(id: str, fig: object) -> FigureBlock:
    return FigureBlock(id, text("figure"), fig, text("what is seen"), villages())


def document(title: Text | None = None) -> Document:
    odd = pd.DataFrame(
        {HOSTILE: [HOSTILE, "甲"], "n": [12, 1234], "rate": [0.1234, float("nan")], "state": ["green", "red"]}
    )
    summary = Section(
        "summary",
        text("summary"),
        [
            Paragraph(text("paragraph")),
            Callout(text("callout"), "amber"),
            KeyFigures(
                [
                    (text("count"), 123456, text("note"), "green"),
                    KeyFigure(text("AUC"), 0.77777, format=".3f"),
                    KeyFigure(text("slope"), NotEstimable("7 < 10")),
                ]
            ),
            TableBlock(
                "villages", text("table"), odd, formats={"rate": ".1%", "state": "state"}, note=text("note"), n=9
            ),
            Finding("F-1", "high", text("finding"), "funnel", Text.same(HOSTILE)),
        ],
    )
    figures = Section(
        "figures",
        Text.same(HOSTILE),
        [
            figure("funnel", village.funnel(villages())),
            figure("caterpillar", village.caterpillar(villages())),
            figure("map", village.map(villages(), geojson())),
        ],
    )
    manifest = {"seed": 7, "digest": {"inputs": "abc", "name": HOSTILE}}
    return Document(title or Text.same(HOSTILE), text("subtitle"), [summary, figures], manifest)
