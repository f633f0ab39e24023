"""The lines of a validation against their second path: which figures agree, which differ, which were left.

It takes the lines as a report holds them and the rows that they are about, and compares number by number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.errors import InputError, message
from creditlab.files import write_text
from creditlab.results import Result, Stamp
from creditlab.validation.second_draws import MOST_ROWS, TOO_MANY, drawn_limits
from creditlab.validation.second_path import (
    DRAWN,
    DRAWN_FIGURES,
    LOOSE,
    PATHS,
    SKIPPED,
    SKIPPED_AREAS,
    TOLERANCE,
    calibration,
    roc,
)
from creditlab.validation.second_ranks import Part

FIGURES = ("n", "estimate", "statistic", "df", "p_value", "lo", "hi")
COLUMNS = ["part", "id", "scope", "figure", "reported", "second", "difference", "state", "reason", "figures"]
EQUAL, DIFFERENT, UNCHECKED = "equal", "different", "not rechecked"
NO_ROWS = "no second path for this scope 该范围无法复算"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Recheck(Result):
    """A row per reported figure: the reported and the second value, their difference, and the state.

    state : equal (within a relative 1e-6, the tolerance of the quadrature, or a Monte-Carlo limit that the reason
    states), different, or not rechecked with a reason. figures : how many figures of the report a row stands for.
    """

    title: ClassVar[str] = "Recheck by a second path 第二路径复算"

    def differences(self) -> pd.DataFrame:
        """The figures that differ."""
        return self.table[self.table["state"] == DIFFERENT].drop(columns=["state", "reason"]).reset_index(drop=True)

    def unchecked(self) -> pd.DataFrame:
        """What was not computed again, and why: a row per part, id and reason with the number of figures."""
        rows = self.table[self.table["state"] == UNCHECKED]
        return rows.groupby(["part", "id", "reason"], sort=False)["figures"].sum().reset_index()

    def sections(self) -> pd.DataFrame:
        """A row per section of the report: figures that are equal, different, not rechecked.

        The section is the first part of an id.
        """
        section = (
            self.table["id"]
            .astype(str)
            .str.replace(r"[ .].*", "", regex=True)
            .where(self.table["part"].isin(["table", "figure"]), self.table["part"])
        )
        counts = self.table.assign(section=section).pivot_table(
            index="section", columns="state", values="figures", aggfunc="sum", fill_value=0, sort=False
        )
        return counts.reindex(columns=[EQUAL, DIFFERENT, UNCHECKED], fill_value=0).astype(int).reset_index()

    def write(self, path: Any) -> None:
        """All figures as CSV."""
        write_text(path, self.table.to_csv(index=False, lineterminator="\n"))


def recheck_result(rows: list[dict[str, Any]], inputs: Any) -> Recheck:
    """The rows as a result with its counts."""
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["figures"] = table["figures"].fillna(1).astype(int)
    counts = table.groupby("state")["figures"].sum()
    facts = {
        "figures": int(table["figures"].sum()),
        "equal": int(counts.get(EQUAL, 0)),
        "different": int(counts.get(DIFFERENT, 0)),
        "unchecked": int(counts.get(UNCHECKED, 0)),
    }
    return Recheck(table=table, stamp=Stamp.of(inputs, {"tolerance": TOLERANCE}), facts=facts)


@dataclass(frozen=True)
class Data:
    """The rows that a report is about: outcomes, PDs by model, and what cuts or groups them."""

    y: np.ndarray
    prob: Mapping[str, np.ndarray]
    split: np.ndarray | None = None
    groups: np.ndarray | None = None
    period: np.ndarray | None = None
    amount: np.ndarray | None = None
    order: np.ndarray | None = None


def recheck_lines(
    lines: Any, data: Data, spec: Mapping[str, Any], reference: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Every figure of every line, compared.

    Parameters
    ----------
    lines : records of `ValidationResult.tidy()`, as report.json holds them under "tests".
    spec : level, grades, correlation, approval, margin, lgd, development. reference : the stored bins.

    >>> from creditlab.validation import validate
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(2, 8, 500)
    >>> y = (rng.random(500) < p).astype(int)
    >>> result = validate(y, p)
    >>> lines = result.tidy().to_dict("records")
    >>> rows = recheck_lines(lines, Data(y, {"model": p}), result.spec.to_dict(), result.reference)
    >>> {row["state"] for row in rows} <= {"equal", "not rechecked"}
    True
    """
    names = list(data.prob)
    if not names:
        raise InputError(message("PDs of at least one model", "none", "recheck_lines", "Give {name: PDs}."))
    return [row for line in lines for row in _line(line, data, spec, reference, names)]


def _line(
    line: Mapping[str, Any], data: Data, spec: Mapping[str, Any], reference: Mapping[str, Any], names: list[str]
) -> Iterator[dict[str, Any]]:
    id = str(line["id"])
    reported = {
        name: float(line[name]) for name in FIGURES if line.get(name) is not None and not math.isnan(float(line[name]))
    }
    common = {"part": "test", "id": id, "scope": str(line["scope"])}
    why, second = _why_not(id), dict[str, float]()
    if set(reported) == {"n"}:  # a line that was refused, or is about rows only
        why = ""
    part = None if why else _part(line, data, spec, reference, names)
    if part is not None:
        second, why = _second(id, part, figures=bool(set(reported) - {"n"}))
    elif not why:
        why = NO_ROWS
    limits, spread = _drawn(id, part, reported, int(spec.get("draws", 200)))
    second = {**second, **limits}
    for name, value in reported.items():
        by_draws = name in DRAWN_FIGURES.get(id, ())
        if by_draws and name in limits:
            yield {**common, "figure": name, "reported": value, **within(value, limits[name], spread)}
            continue
        many = part is not None and len(part.y) > MOST_ROWS
        drawn = (TOO_MANY if many else DRAWN) if by_draws else ""
        if why or drawn or name not in second:
            yield {**common, "figure": name, "reported": value, "state": UNCHECKED, "reason": why or drawn or NO_ROWS}
        else:
            yield {
                **common,
                "figure": name,
                "reported": value,
                **compared(value, second[name], LOOSE.get(id, TOLERANCE)),
            }


def _drawn(id: str, part: Part | None, reported: Mapping[str, float], draws: int) -> tuple[dict[str, float], float]:
    """Limits that come from a bootstrap, by other draws, and how far both may be apart."""
    wanted = DRAWN_FIGURES.get(id, ())
    if part is None or not set(wanted) & set(reported) or len(part.y) > MOST_ROWS or "estimate" not in reported:
        return {}, 0.0
    return drawn_limits(id, part, reported["estimate"], draws)


def within(reported: float, second: float, limit: float) -> dict[str, Any]:
    """A figure from draws beside one from other draws: equal within a stated Monte-Carlo limit."""
    gap = second - reported
    told = f"draws: within {limit:.3g} 随机抽样：容差 {limit:.3g}"
    return {"second": second, "difference": gap, "state": EQUAL if abs(gap) <= limit else DIFFERENT, "reason": told}


def _second(id: str, part: Part, figures: bool) -> tuple[dict[str, float], str]:
    """The figures of the second path, or why it has none; a refused line has its n only."""
    own = {"n": float(len(part.y))}
    if not figures:
        return own, ""
    try:
        with np.errstate(all="ignore"):
            return own | PATHS[id](part), ""
    except (ZeroDivisionError, ValueError, np.linalg.LinAlgError) as error:
        return {}, f"the second path has no value 第二路径无值: {type(error).__name__}"


def compared(reported: float, second: float, tolerance: float = TOLERANCE) -> dict[str, Any]:
    """Second value, difference and state of one figure."""
    gap = second - reported
    close = abs(gap) <= tolerance * max(1e-3, abs(reported), abs(second)) or (
        math.isnan(reported) and math.isnan(second)
    )
    return {"second": second, "difference": gap, "state": EQUAL if close else DIFFERENT, "reason": ""}


def _why_not(id: str) -> str:
    if id in PATHS:
        return ""
    return SKIPPED.get(id) or SKIPPED_AREAS.get(id.split(".", 1)[0], "no second path 无第二路径")


def _part(
    line: Mapping[str, Any], data: Data, spec: Mapping[str, Any], reference: Mapping[str, Any], names: list[str]
) -> Part | None:
    """The rows of a line: model, sample, and what its scope says beside them."""
    model, id = str(line["model"]), str(line["id"])
    pieces = str(line["scope"]).split(" · ")
    paired = id in ("disc.delong_pair", "bm.models", "cal.redelmeier", "bm.mcnemar", "bm.profit")
    if paired or (len(names) > 1 and pieces[0] == model):
        pieces = pieces[1:]
    label, rest = (pieces[0], pieces[1:]) if pieces else ("all", [])
    where = _rows(label, data)
    champion = names[0] if paired else model
    if where is None or champion not in data.prob or (paired and model not in data.prob):
        return None
    p = data.prob[champion]
    groups = None if data.groups is None else data.groups[where]
    if groups is not None and len(set(groups)) < 2:
        groups = None
    level = float(spec.get("level", 0.95))
    part = Part(
        data.y[where],
        p[where],
        groups,
        level,
        grades=int(spec.get("grades", 10)),
        fitted=label == _development(data, spec),
        correlation=float(spec.get("correlation", 0.0)),
        stored=reference.get(model),
        other=data.prob[model][where] if paired else None,
        settings={name: float(spec[name]) for name in ("approval", "margin", "lgd") if name in spec},
        amount=None if data.amount is None else data.amount[where],
        periods=None if data.period is None else data.period[where],
    )
    named = re.search(r"worst 最差: (.*) \(\d+ rows", str(line.get("reason", "")))
    part = replace(part, worst=named[1] if named else "")
    return _special(part, id, rest, data, spec, model)


def _special(part: Part, id: str, rest: list[str], data: Data, spec: Mapping[str, Any], model: str) -> Part | None:
    """What some tests take beside their rows: the development rows, a correlation, a grade, the order of time."""
    if id == "disc.auc_init":
        start = _rows(_development(data, spec) or "", data)
        return (
            None
            if start is None
            else replace(part, first=Part(data.y[start], data.prob[model][start], None, part.level))
        )
    if id == "cal.binomial" and rest:
        return replace(part, correlation=float(rest[-1].split("=")[1]))
    if id == "cal.jeffreys_grade":
        return replace(part, grade=int(rest[-1].split()[-1]))
    if id in ("conc.hhi", "conc.top") and rest and rest[-1].startswith("rows"):
        return replace(part, amount=None)
    if id == "mon.sprt" and data.order is not None:
        place = np.argsort(data.order, kind="stable")
        return replace(part, y=part.y[place], p=part.p[place])
    return part


def _rows(label: str, data: Data) -> np.ndarray | None:
    if label == "all":
        return np.ones(len(data.y), dtype=bool)
    for cut in (data.split, data.period):
        if cut is not None and label in set(map(str, cut)):
            return np.asarray(cut).astype(str) == label
    return None


def _development(data: Data, spec: Mapping[str, Any]) -> str | None:
    if spec.get("development") is not None:
        return str(spec["development"])
    there = set() if data.split is None else set(map(str, data.split))
    return next((name for name in ("train", "development", "dev") if name in there), None)


def recheck_curves(rows: Any, data: Data, spec: Mapping[str, Any], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """The points of the ROC and calibration curves of a report: model scope curve x y lo hi n.

    `names`: a model as the curve names it → as `data` does. One row per curve and figure: the largest difference over
    its points.
    """
    table = pd.DataFrame(rows)
    found: list[dict[str, Any]] = []
    if not len(table):
        return found
    for (curve, model, scope), points in table.groupby(["curve", "model", "scope"], sort=False):
        where = _rows(str(scope), data)
        own = names.get(str(model), str(model))
        common = {"part": "figure", "id": f"{curve} curve", "scope": f"{model} · {scope}"}
        if where is None or own not in data.prob:
            count = int(points[["x", "y", "lo", "hi", "n"]].notna().to_numpy().sum())
            reason = {"figure": "points", "reported": float(len(points)), "state": UNCHECKED, "reason": NO_ROWS}
            reason |= {"figures": count}
            found.append({**common, **reason})
            continue
        part = Part(data.y[where], data.prob[own][where], None, float(spec["level"]), grades=int(spec["grades"]))
        second = roc(part, points["n"].to_numpy(dtype=int)) if curve == "roc" else calibration(part)
        for figure in ("x", "y", "lo", "hi", "n"):
            worst = _largest(points[figure], second[figure])
            found.append({**common, "figure": figure, **worst, "figures": int(points[figure].notna().sum())})
    return found


def _largest(reported: pd.Series, second: np.ndarray) -> dict[str, Any]:
    """The point with the largest difference."""
    ours = reported.to_numpy(dtype=float)
    if len(ours) != len(second):
        return {"reported": float(len(ours)), **compared(float(len(ours)), float(len(second)))}
    worst = int(np.argmax(np.abs(ours - second)))
    return {"reported": float(ours[worst]), **compared(float(ours[worst]), float(second[worst]))}


def recheck_arithmetic(tables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Figures of a report's tables that follow from others of the same row: rates, ratios. One row per table and rule.

    >>> recheck_arithmetic({"t": [{"n": 4, "bads": 1, "bad_rate": 0.25}]})[0]["state"]
    'equal'
    """
    found = []
    for id, rows in tables.items():
        for rule, (whole, parts) in ARITHMETIC.items():
            fit = [r for r in rows if all(_number(r.get(name)) for name in (whole, *parts)) and r[parts[1]] != 0]
            if fit:
                gaps = [(abs(r[parts[0]] / r[parts[1]] - r[whole]), r) for r in fit]
                worst = max(gaps, key=lambda gap: gap[0])[1]
                second = worst[parts[0]] / worst[parts[1]]
                common = {"part": "table", "id": id, "scope": f"{len(fit)} rows", "figure": rule}
                line = {**common, "reported": float(worst[whole]), **compared(float(worst[whole]), second)}
                found.append({**line, "figures": len(fit)})
    return found


#: rule → what must be the first of two columns over the second
ARITHMETIC: Mapping[str, tuple[str, tuple[str, str]]] = {
    "bad_rate = bads / n": ("bad_rate", ("bads", "n")),
    "ratio = observed / expected": ("ratio", ("observed", "expected")),
    "rate = bad / n": ("rate", ("bad", "n")),
}


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def recheck_printed(tables: Mapping[str, Any], lines: Any) -> list[dict[str, Any]]:
    """Do the tables of the page show the lines of the validation, number for number? One row per table.

    These are the tables `<area>.tests` and `<area>.<id of a test>`.
    """
    held = {_numbers(line) for line in lines}
    ends = {"tests", *(line["id"] for line in lines)}
    found = []
    for id, rows in tables.items():
        ours = id.partition(".")[2] in ends
        shown = [r for r in rows if "verdict" in r and "n" in r] if ours else []
        if shown:
            strange = sum(not any(_within(_numbers(r), line) for line in held) for r in shown)
            common = {"part": "table", "id": id, "scope": f"{len(shown)} rows", "figure": "rows as in tests"}
            line = {**common, "reported": float(len(shown))}
            count = sum(_number(value) for row in rows for value in row.values())
            found.append({**line, **compared(float(len(shown)), float(len(shown) - strange)), "figures": count})
    return found


def _numbers(row: Mapping[str, Any]) -> frozenset[tuple[str, float]]:
    return frozenset((name, float(row[name])) for name in FIGURES if _number(row.get(name)))


def _within(shown: frozenset[tuple[str, float]], line: frozenset[tuple[str, float]]) -> bool:
    return shown <= line
