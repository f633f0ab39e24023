"""The windows and aggregates that a feature may declare, with what each means for the as-of date.

A window is the as-of rule of a feature. Two things hold for all of them: no row counts whose event lies after the
as-of date (that day inclusive), and none that became known later. It selects nothing itself: `known.View` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["on date", "closed month", "latest", "record year", "record two years", "recent", "ever"]

_RULES: Mapping[str, tuple[str, str]] = {
    "on date": ("截止日有效的状态", "the state that is valid on the as-of date"),
    "closed month": ("银行已结账的最近月末", "the last month end that the bank has closed"),
    "latest": ("最近一次记录，不早于{n}个月", "the latest event, not older than {n} months"),
    "record year": (
        "截至该户最近已知月末的12个月，该月末不早于6个月",
        "the 12 months to the household's last known month end, which is not older than 6 months",
    ),
    "record two years": (
        "截至该户最近已知月末的24个月，该月末不早于6个月",
        "the 24 months to the household's last known month end, which is not older than 6 months",
    ),
    "recent": ("截止日前{n}个月", "the {n} months before the as-of date"),
    "ever": ("截止日前全部记录", "everything up to the as-of date"),
}

#: word → what a Chinese and an English reader call it
AGGREGATES: Mapping[str, tuple[str, str]] = {
    "value": ("取值", "the value"),
    "sum": ("合计", "sum"),
    "mean": ("均值", "mean"),
    "max": ("最大", "largest"),
    "min": ("最小", "smallest"),
    "count": ("计数", "count"),
    "share": ("占比", "share"),
    "ratio": ("比率", "ratio"),
    "any": ("有无", "whether there is any"),
    "spread": ("变异系数", "standard deviation over mean"),
    "change": ("变化", "change"),
    "time since": ("距今时长", "time since"),
    "gap": ("差异", "difference between sources"),
    "category": ("类别", "category"),
}


@dataclass(frozen=True)
class Window:
    """Which rows of a table count for a feature.

    >>> RECENT_12.name, RECENT_12.rule("en")
    ('recent 12 months', 'the 12 months before the as-of date')
    """

    kind: Kind
    months: int = 0

    @property
    def name(self) -> str:
        """The window in a few words."""
        return f"{self.kind} {self.months} months" if self.months else self.kind

    def rule(self, lang: str = "zh") -> str:
        """The as-of rule in 'zh' or 'en'."""
        zh, en = _RULES[self.kind]
        return (zh if lang == "zh" else en).format(n=self.months)


ON_DATE = Window("on date")
CLOSED_MONTH = Window("closed month")
LATEST_24, LATEST_36 = Window("latest", 24), Window("latest", 36)
RECORD_YEAR, RECORD_TWO_YEARS = Window("record year"), Window("record two years")
RECENT_12, RECENT_24, RECENT_36 = (Window("recent", n) for n in (12, 24, 36))
EVER = Window("ever")
