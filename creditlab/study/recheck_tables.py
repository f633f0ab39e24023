"""The tables and figures of a report.json beside second ones: row by row, number by number, each with its tolerance.

The second paths of the county (`recheck_book`, `recheck_villages` and so on) make a frame with the columns that a table
shows; `Shown.against` finds each row by its key and compares. What nobody compared is listed with a reason at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from creditlab.validation.rechecking import TOLERANCE, UNCHECKED, compared, within

#: figures that a reader adds up: what is a number in a row, and no truth value
Number = int | float


def is_number(value: Any) -> bool:
    """Is it a figure?"""
    return isinstance(value, Number) and not isinstance(value, bool)


def in_zh(value: Any) -> Any:
    """A text of two languages by its Chinese one; anything else as it is."""
    return value["zh"] if isinstance(value, Mapping) and "zh" in value else value


def in_en(value: Any) -> Any:
    """A text of two languages by its English one."""
    return value["en"] if isinstance(value, Mapping) and "en" in value else value


class Shown:
    """The tables and figures of a report, and what a second path said of them so far.

    Parameters
    ----------
    stored : report.json.
    """

    def __init__(self, stored: Mapping[str, Any]) -> None:
        tables = {id: ("table", table["rows"]) for id, table in stored.get("tables", {}).items()}
        figures = {f["id"]: ("figure", f["data"]["rows"]) for f in stored.get("figures", ())}
        self._shown = {**tables, **figures}
        self.found: list[dict[str, Any]] = []

    def rows(self, id: str) -> list[dict[str, Any]]:
        """The rows of a table or figure; none where the report has it not."""
        return self._shown.get(id, ("", []))[1]

    def frame(self, id: str) -> pd.DataFrame:
        """The rows as a frame, texts in Chinese."""
        return pd.DataFrame([{name: in_zh(value) for name, value in row.items()} for row in self.rows(id)])

    def against(
        self,
        id: str,
        second: pd.DataFrame,
        key: str | Sequence[str],
        limits: Mapping[str, Any] | None = None,
        reasons: Mapping[str, str] | None = None,
        word: Any = in_zh,
    ) -> None:
        """Compare every figure of a table with the row of `second` that has the same key.

        Parameters
        ----------
        second : a row per key, with those columns of the table that were computed again.
        limits : column → relative tolerance; or (columns of second) a pair ("abs", column or number): the largest
            absolute difference that is taken for equal, for draws; its reason is told.
        reasons : column → why it was not computed again. word : how a text of two languages becomes a key.
        """
        part, shown = self._shown.get(id, ("", []))
        keys = [key] if isinstance(key, str) else list(key)
        held = {tuple(map(str, values)): row for values, row in _by_key(second, keys)}
        for row in shown:
            name = tuple(str(word(row.get(k))) for k in keys)
            common = {"part": part, "id": id, "scope": " · ".join(name)}
            own = held.get(name)
            for figure, value in row.items():
                if not is_number(value) or figure in keys:
                    continue
                line = {**common, "figure": figure, "reported": float(value)}
                self.found.append(line | _verdict(figure, float(value), own, dict(limits or {}), dict(reasons or {})))

    def left(self, id: str, reason: str) -> None:
        """The figures of a table are not computed again, for a reason."""
        part, rows = self._shown.get(id, ("", []))
        count = sum(is_number(value) for row in rows for value in row.values())
        if count:
            line = {"part": part, "id": id, "scope": f"{len(rows)} rows", "figure": f"{count} figures"}
            self.found.append(line | {"reported": float(count), "state": UNCHECKED, "reason": reason, "figures": count})

    def same(self, id: str, scope: str, figure: str, reported: float, second: float, **state: Any) -> None:
        """Compare one figure."""
        part = self._shown.get(id, ("table", []))[0]
        line = {"part": part, "id": id, "scope": scope, "figure": figure, "reported": float(reported)}
        self.found.append(line | compared(float(reported), float(second), **state))


def _by_key(second: pd.DataFrame, keys: list[str]) -> list[tuple[tuple[Any, ...], Mapping[str, Any]]]:
    rows = second.to_dict("records")
    return [(tuple(row[k] for k in keys), row) for row in rows]


def _verdict(
    figure: str, value: float, own: Mapping[str, Any] | None, limits: dict[str, Any], reasons: dict[str, str]
) -> dict[str, Any]:
    if figure in reasons:
        return {"state": UNCHECKED, "reason": reasons[figure]}
    if own is None:  # a row that the second path does not know is a difference, not a gap
        return compared(value, float("nan"))
    if figure not in own:
        return {"state": UNCHECKED, "reason": "no second path for this column 该列无第二路径"}
    if isinstance(own[figure], str):  # the second path says why it has none
        return {"state": UNCHECKED, "reason": own[figure]}
    second = float("nan") if own[figure] is None else float(own[figure])
    allowed = limits.get(figure, TOLERANCE)
    if not isinstance(allowed, tuple):
        return compared(value, second, allowed)
    limit = float(own[allowed[1]] if isinstance(allowed[1], str) else allowed[1])
    return within(value, second, limit)


def proportion_limit(p: np.ndarray | float, n: int, m: int) -> Any:
    """Four standard errors of the difference of two shares drawn n and m times, at least 2 of the fewer draws."""
    spread = np.sqrt(np.maximum(np.asarray(p) * (1 - np.asarray(p)), 1 / min(n, m)) * (1 / n + 1 / m))
    return 4 * spread + 2 / min(n, m)
