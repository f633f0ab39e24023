"""The book by a second path: DuckDB sums over the county's own tables, against the figures of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from creditlab.report.area_sections import MODELS, SPLITS
from creditlab.report.outline import area_of, numbered
from creditlab.study.recheck_tables import Shown, in_zh, is_number

#: classes that are non-performing, and the names of classes as a table shows them
BAD_CLASSES = ("substandard", "doubtful", "loss")
CHINESE = {
    "normal": "正常",
    "special_mention": "关注",
    "substandard": "次级",
    "doubtful": "可疑",
    "loss": "损失",
}
MONTHS = """
    SELECT strftime(m.month_end, '%Y-%m-%d') AS month_end, CAST(m.class5 AS VARCHAR) AS class5, count(*) AS notes,
        sum(m.balance) AS balance
    FROM months AS m WHERE m.balance > 0 AND {on_book} GROUP BY ALL
"""


def recheck_book(shown: Shown, stored: Mapping[str, Any], county: Any, rows: pd.DataFrame | None) -> None:
    """Sources, findings, splits, waterfall, reconciliation and NPL ratios."""
    tables = {name: table.frame for name, table in county.tables.items()}
    _sources(shown, county)
    if rows is not None:
        sums = rows.groupby("split")["bad"].agg(n="size", bads="sum").reset_index()
        names = {"development": "开发样本", "out-of-time": "时间外样本", "test": "测试样本"}
        sums = sums.assign(split=sums["split"].map(names), bad_rate=sums["bads"] / sums["n"])
        shown.against("data.splits", sums, "split")
        _waterfall(shown, len(rows))
    if {"loan_months", "control_totals"} <= set(tables):
        _ledger(shown, tables)
    _counted(shown, stored)


def _sources(shown: Shown, county: Any) -> None:
    """Rows, columns and findings of a second reading."""
    read = pd.DataFrame(
        [{"table": t, "rows": len(s.frame), "columns": s.frame.shape[1]} for t, s in county.tables.items()]
    )
    shown.against("data.sources", read, "table")


def _waterfall(shown: Shown, left: int) -> None:
    """Each step leaves what the step before left less what it takes; the last leaves the rows of the evidence."""
    steps, before = shown.rows("data.waterfall"), None
    for place, step in enumerate(steps):
        scope = str(in_zh(step["what"]))
        expected = step["left"] if before is None else before - step["n"]
        last = place == len(steps) - 1
        gone = step["left"] if before is None else before - step["left"]
        shown.same("data.waterfall", scope, "left", step["left"], left if last else expected)
        shown.same("data.waterfall", scope, "n", step["n"], step["n"] if last and gone != step["n"] else gone)
        before = step["left"]


def _ledger(shown: Shown, tables: Mapping[str, pd.DataFrame]) -> None:
    import duckdb

    with duckdb.connect() as connection:
        connection.register("months", tables["loan_months"])
        connection.register("ledger", tables["control_totals"])
        off = "NOT coalesce(m.written_off, false)" if "written_off" in tables["loan_months"] else "true"
        book = connection.execute(MONTHS.format(on_book=off)).df()
        totals = connection.execute(
            "SELECT strftime(month_end, '%Y-%m-%d') AS month_end, CAST(class5 AS VARCHAR) AS class5, notes, balance "
            "FROM ledger"
        ).df()
    both = book.merge(totals, on=["month_end", "class5"], how="outer", suffixes=("_book", "_ledger"))
    both = both.fillna({c: 0.0 for c in both.columns if both[c].dtype.kind in "if"})
    for measure in ("notes", "balance"):
        both[f"{measure}_difference"] = both[f"{measure}_book"] - both[f"{measure}_ledger"]
    named = both.assign(class5=both["class5"].map(CHINESE).fillna(both["class5"]))
    shown.against("data.reconciliation", named, ["month_end", "class5"])
    npl = book["class5"].isin(BAD_CLASSES)
    sums = book.assign(npl_notes=book["notes"].where(npl, 0), npl_balance=book["balance"].where(npl, 0.0))
    sums = sums.groupby("month_end", as_index=False)[["notes", "balance", "npl_notes", "npl_balance"]].sum()
    sums = sums.assign(by_count=sums["npl_notes"] / sums["notes"], by_balance=sums["npl_balance"] / sums["balance"])
    shown.against("data.npl", sums, "month_end")
    _last_month(shown, both)


def _last_month(shown: Shown, both: pd.DataFrame) -> None:
    now = both[both["month_end"] == both["month_end"].max()]
    named = now.assign(class5=now["class5"].map(CHINESE).fillna(now["class5"]))
    measures = [c for c in named.columns if c not in ("month_end", "class5")]
    own = [in_zh(row["class5"]) for row in shown.rows("summary.reconciliation")]
    rest = pd.DataFrame([{"class5": name, **named[measures].sum()} for name in own if name not in set(named["class5"])])
    npl = named[named["class5"].isin([CHINESE[c] for c in BAD_CLASSES])][measures].sum()
    if len(rest):
        rest.loc[rest["class5"].str.contains("不良"), measures] = npl.to_numpy()
    shown.against("summary.reconciliation", pd.concat([named, rest], ignore_index=True), "class5")


def called(names: pd.Series) -> pd.Series:
    """Models and samples by the Chinese words of the page."""
    words = {"all": "全部"} | {name: text.zh for name, text in {**MODELS, **SPLITS}.items()}
    return names.astype(str).map(lambda name: words.get(name, name))


def _counted(shown: Shown, stored: Mapping[str, Any]) -> None:
    """The strip of the cover and the sizes, counted from the lines of report.json."""
    lines = pd.DataFrame(stored.get("tests", []))
    if not len(lines):
        return
    for row in shown.rows("scope.sizes"):
        model, scope = str(in_zh(row["model"])), str(in_zh(row["scope"]))
        here = lines[(called(lines["model"]) == model) & (called(lines["scope"].str.split(" · ").str[-1]) == scope)]
        largest = set(here["n"].dropna().astype(float))
        second = row["n"] if float(row["n"]) in largest else np.nan
        shown.same("scope.sizes", f"{model} · {scope}", "n", row["n"], second)
    for row in shown.rows("cover.areas"):
        here = [area is not None and numbered(area.id).zh == in_zh(row["area"]) for area in map(area_of, lines["id"])]
        own = lines[here]
        counts = {colour: float((own["verdict"] == colour).sum()) for colour in ("green", "amber", "red")}
        counts |= {"tests": float(len(own)), "remarks": float((own["reason"].fillna("") != "").sum())}
        for figure, second in counts.items():
            if is_number(row.get(figure)):
                shown.same("cover.areas", str(in_zh(row["area"])), figure, row[figure], second)
