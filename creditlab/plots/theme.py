"""The look of every figure: the plotly template `creditlab`, colours, axes with units, texts made inert.

Figure functions start with `figure(...)` and name their axes with `axis(...)`. The template is registered with plotly
but never made its default. This module knows nothing of credit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape as escape_html
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

from creditlab.checks import check_columns, check_frame
from creditlab.errors import InputError, message
from creditlab.plots.words import Text, word

__all__ = [
    "COLOURS",
    "FONTS",
    "SHAPES",
    "axis",
    "clip",
    "colour",
    "escape",
    "figure",
    "hover",
    "label_of",
    "intervals",
    "of",
    "rows",
    "sample",
    "show_labels",
    "spread",
    "template",
]

FONTS = '"Source Han Sans SC","Noto Sans CJK SC","Microsoft YaHei","PingFang SC","WenQuanYi Micro Hei",sans-serif'

#: name → (on white, on a dark ground). Blue and vermilion differ for every kind of colour vision, and in grey by
#: lightness; green and purple never stand alone without another mark or line.
COLOURS: Mapping[str, tuple[str, str]] = {
    "blue": ("#14558f", "#79b8f2"),
    "vermilion": ("#d4561a", "#f08a52"),
    "green": ("#12826a", "#45c4a4"),
    "purple": ("#8f4a86", "#d79bd0"),
    "ochre": ("#a86100", "#f0b35e"),
    "sky": ("#9cc4e4", "#3f678a"),
    "sand": ("#efb98f", "#8a5233"),
    "grey": ("#6b7280", "#9aa3b0"),
    "mist": ("#d5dae1", "#454c57"),
    "ink": ("#1b2430", "#e6e9ee"),
    "grid": ("#e4e7ec", "#343b45"),
    "paper": ("#ffffff", "#1a1e25"),
}

#: state → (colour, plotly symbol), as on the page: disc, triangle, square, diamond
SHAPES: Mapping[str, tuple[str, str]] = {
    "green": ("green", "circle"),
    "amber": ("ochre", "triangle-up"),
    "red": ("vermilion", "square"),
    "info": ("blue", "diamond-open"),
}

_SERIES = ("blue", "vermilion", "green", "purple", "grey")


def colour(name: str, dark: bool = False) -> str:
    """A colour of the palette by name.

    >>> colour("blue")
    '#14558f'
    """
    if name not in COLOURS:
        raise InputError(message(f"one of {', '.join(COLOURS)}", repr(name), "colour", "Use a colour of the palette."))
    return COLOURS[name][int(dark)]


def template(dark: bool = False) -> go.layout.Template:
    """The plotly template: own layout, transparent ground, quiet grid, Chinese font stack."""
    ink, grid = colour("ink", dark), colour("grid", dark)
    line = {"gridcolor": grid, "linecolor": colour("grey", dark), "zerolinecolor": colour("grey", dark)}
    axes = {
        **line,
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": colour("grey", dark),
        "automargin": True,
        "title": {"standoff": 10, "font": {"size": 13}},
    }
    layout = {
        "font": {"family": FONTS, "size": 12, "color": ink},
        "title": {"x": 0, "xref": "container", "pad": {"l": 12, "t": 8}, "font": {"size": 15}, "automargin": True},
        "colorway": [colour(name, dark) for name in _SERIES],
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 64, "r": 20, "t": 72, "b": 56},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "xanchor": "left"},
        "hoverlabel": {"font": {"family": FONTS, "size": 12, "color": ink}, "bgcolor": colour("paper", dark)},
        "hovermode": "closest",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": colour("grey", dark), "activecolor": ink},
        "dragmode": False,
        "bargap": 0.25,
        # a label that is turned leans to the left and may leave the frame: none is dropped in silence
        "xaxis": {**axes, "autotickangles": [0, -30, -60], "ticklabeloverflow": "allow"},
        "yaxis": axes,
    }
    return go.layout.Template(layout=layout)


pio.templates["creditlab"] = template()


def figure(title: str, note: Sequence[Any] = (), height: int = 420, **layout: Any) -> go.Figure:
    """An empty figure in the theme, with a glossary word as its title and a line on n and interval below it.

    Parameters
    ----------
    title : a word of `creditlab.plots.words.WORDS`.
    note : what a reader must know to trust the figure, part by part: n, the interval, what was left out.
    height : pixels.
    layout : further plotly layout entries, such as `xaxis=axis(...)`.
    """
    parts = [Text.same(part) if isinstance(part, str) else part for part in note if part]
    lines = {"zh": " · ".join(part.zh for part in parts), "en": " · ".join(part.en for part in parts)}
    shown = "<br>".join(dict.fromkeys(escape(line) for line in lines.values() if line))
    heading = {"text": word(title), "subtitle": {"text": shown, "font": {"size": 12}}}
    meta = {"note": lines} if parts else None
    return go.Figure(layout={"template": "creditlab", "title": heading, "height": int(height), "meta": meta, **layout})


def axis(name: str, unit: str = "", **options: Any) -> dict[str, Any]:
    """A plotly axis titled with a glossary word and its unit.

    >>> axis("bad_rate", "%")["title"]
    {'text': '坏账率 bad rate (%)'}
    """
    return {"title": {"text": word(name, unit)}, **options}


def rows(result: Any, columns: Sequence[str], where: str) -> pd.DataFrame:
    """The table to draw: `result.tidy()` of a Result, or a frame itself, with the columns that the figure needs."""
    table = result.tidy() if hasattr(result, "tidy") else result
    check_columns(check_frame(table, where), columns, where)
    return table


def escape(value: Any) -> str:
    """Text from data made inert: plotly reads `<b>` and `<a>` in texts, here they are shown as they were written.

    >>> escape("<b>A&B</b>")
    '&lt;b&gt;A&amp;B&lt;/b&gt;'
    """
    return escape_html(str(value), quote=False)


def clip(value: Any, most: int = 28) -> str:
    """Text from data for an axis: shortened in the middle to `most` characters, inert.

    >>> clip("a" * 40, 9)
    'aaaa…aaaa'
    """
    text = str(value)
    if len(text) > most:
        half = (most - 1) // 2
        text = f"{text[: most - 1 - half]}…{text[-half:]}"
    return escape(text)


def hover(lines: Mapping[str, str], head: str = "") -> str:
    """A plotly hover template: an optional head, then one line "word: value" per glossary word.

    >>> hover({"n": "%{x}"})
    '样本量 n: %{x}<extra></extra>'
    """
    listed = [f"<b>{head}</b>"] if head else []
    return "<br>".join([*listed, *(f"{word(name)}: {value}" for name, value in lines.items())]) + "<extra></extra>"


def sample(n: Any) -> str:
    """The sample size for the line under a title; sums of weights keep their fraction.

    >>> sample(1234567.0), sample(None)
    ('n = 1,234,567', '')
    """
    return "" if n is None else f"n = {float(n):,.10g}"


def of(some: int, whole: int, zh: str, en: str) -> Text:
    """How many are drawn of how many.

    >>> of(30, 120, "村", "villages").en
    '30 of 120 villages'
    """
    return Text(f"{zh} {some} / {whole}", f"{some} of {whole} {en}")


def intervals(level: float | None) -> Text | str:
    """The level of the intervals, where it is known."""
    return Text(f"{100 * level:.4g}% 区间", f"{100 * level:.4g}% intervals") if level else ""


def label_of(name: Any, labels: Any = None) -> Text:
    """What a column is called in both languages: from a `Dictionary` (or a mapping to texts), else its name."""
    if labels is None or name not in labels:
        return Text.same(name)
    found = labels[name]
    if isinstance(found, Text):
        return found
    return Text(found.label("zh"), found.label("en")) if hasattr(found, "label") else Text(found.zh, found.en)


def show_labels(fig: go.Figure, labels: Sequence[Text], most: int = 36) -> list[str]:
    """Labels from data for an axis, one string each, with both languages; a report page switches between them.

    The pairs are kept in `layout.meta["words"]` of the figure, where the page finds them.
    """
    shown = [clip(text.both, most if text.zh == text.en else most + most // 2) for text in labels]
    meta = dict(fig.layout.meta or {})
    words = dict(meta.get("words", {}))
    words |= {
        both: {"zh": clip(text.zh, most), "en": clip(text.en, most)}
        for both, text in zip(shown, labels, strict=True)
        if text.zh != text.en
    }
    fig.update_layout(meta={**meta, "words": words} if words else meta or None)
    return shown


def spread(estimate: Any, lo: Any, hi: Any, **options: Any) -> dict[str, Any]:
    """Error bars from an estimate to the ends of its interval; no bar where an end is missing."""
    middle, low, high = (np.asarray(v, dtype=float) for v in (estimate, lo, hi))
    # rounding in the caller may put an end past the estimate by 1e-17; plotly would draw a bar the wrong way
    return {
        "type": "data",
        "symmetric": False,
        "array": np.maximum(high - middle, 0.0),
        "arrayminus": np.maximum(middle - low, 0.0),
        "thickness": 1.2,
        "width": 3,
        **options,
    }
