"""Lines of a validation: a test, a family of tests or a refusal, with the model, sample and section it belongs to.

A family of many scopes (grades, villages, slices) is one line, that of its worst row, and its own table among the
details. Nothing is tested here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from creditlab.validation.result import Kind, TestFamily, TestResult
from creditlab.validation.scopes import Cell
from creditlab.validation.verdict import INFO, ValidationSpec

COLUMNS = ["section", "id", "scope", "n", "statistic", "df", "p_value", "lo", "hi", "threshold", "verdict", "reference"]
COLUMNS += ["estimate", "level", "p_adjusted", "model", "split", "test_zh", "test_en", "hypothesis", "reason"]
Line = dict[str, Any]


@dataclass
class Lines:
    """The lines of one section as they come, and the tables behind those of families."""

    section: str
    at: ValidationSpec
    rows: list[Line] = field(default_factory=list)
    details: dict[str, pd.DataFrame] = field(default_factory=dict)

    def add(self, cell: Cell, test: TestResult, scope: str = "", **more: Any) -> None:
        """A line of one test or family."""
        line: Line = dict(test.row)
        if isinstance(test, TestFamily):
            line = family_line(test)
            self.details[f"{line['id']} · {scope or cell.name}"] = test.tidy()
        self.rows.append(
            {
                **line,
                "section": self.section,
                "scope": scope or cell.name,
                "model": cell.model,
                "split": _split(cell),
                **more,
            }
        )

    def refuse(self, cell: Cell, kind: Kind, reason: str, scope: str = "", **more: Any) -> None:
        """A line that says why a test was not made."""
        line = {**kind.words(), "n": len(cell.y), "threshold": "", "verdict": INFO, "reason": reason}
        self.rows.append(
            {
                **line,
                "section": self.section,
                "scope": scope or cell.name,
                "model": cell.model,
                "split": _split(cell),
                **more,
            }
        )

    def test(self, cell: Cell, kind: Kind, reason: str, make: Callable[[], TestResult], scope: str = "") -> None:
        """The test, or the refusal where there is a reason."""
        if reason:
            self.refuse(cell, kind, reason, scope)
        else:
            self.add(cell, make(), scope)


#: families whose scopes are villages: a line that may leave the bank names none
UNNAMED = ("cal.village_funnel", "mon.village_alerts")


def family_line(test: TestFamily) -> Line:
    """The worst row of a family as one line: n of all, p corrected, and which scope it is."""
    worst = test.worst()
    line: Line = {str(name): worst[name] for name in worst.index if name in COLUMNS}
    rows = f"{len(test.tidy())} rows 行"
    where = f"worst of 最差 ({rows})" if line["id"] in UNNAMED else f"worst 最差: {worst['scope']} ({rows})"
    return line | {"n": test.n, "reason": f"{where}; {worst['reason']}" if worst["reason"] else where}


def _split(cell: Cell) -> str:
    return cell.scope.label if cell.scope.kind == "split" else ""


def too_few(cell: Cell, at: ValidationSpec) -> str:
    """Why a scope has too few bads or goods; empty where it has enough."""
    goods = len(cell.y) - cell.bads
    if cell.bads < at.min_bads:
        return f"{cell.bads} bads < {at.min_bads} 坏样本不足"
    return f"{goods} goods < {at.min_goods} 好样本不足" if goods < at.min_goods else ""
