"""The bin table: what analysts argue about and validators sign.

One row per bin with counts, bad rate, WOE and IV and their intervals. The column `woe` is the one array from which
`transform`, points, reasons and exported code are taken. A table does not search for bins and does not change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import betaincinv, ndtri

from creditlab.binning.code import WHAT, python_source, sql_case
from creditlab.binning.cross import joint_values
from creditlab.binning.search import woe_of
from creditlab.binning.spec import BinSpec
from creditlab.binning.values import read_numbers
from creditlab.checks import check_one_of
from creditlab.errors import ColumnError, InputError, message, some
from creditlab.results import Result, Stamp

SCHEMA = 1


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BinTable(Result):
    """The bins of one characteristic with their counts and WOE = ln(share of goods / share of bads): higher is safer.

    Parameters
    ----------
    spec : which value falls into which bin; ranges are left-closed, [lower, upper).
    trend : the shape of the bad rate along the regular bins: ascending, descending, peak, valley, free or flat.
    pseudo : pseudo-rows that were added to each bin at the sample's own odds before its WOE was taken.
    level : level of the intervals in the table.
    notes : what was found and done in this column, bilingual.

    Columns of `tidy()`: `bin label lower upper n goods bads share bad_rate bad_rate_lo bad_rate_hi woe woe_lo woe_hi iv
    note`. Counts are sums of weights. Bad rate: Jeffreys interval (Brown, Cai, DasGupta 2001). WOE: normal interval
    with variance 1/g - 1/G + 1/b - 1/B (Katz et al. 1978) on the counts with pseudo-rows. IV of a bin:
    (g/G - b/B) · WOE.
    """

    title: ClassVar[str] = "Bin table 分箱表"
    plots: ClassVar[str] = "binning"

    spec: BinSpec
    trend: str
    pseudo: tuple[float, ...]
    level: float = 0.9
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The column."""
        return self.spec.name

    @property
    def kind(self) -> str:
        """'numeric' or 'category'."""
        return self.spec.kind

    @property
    def woe(self) -> np.ndarray:
        """WOE by bin number: the one array."""
        return self.table["woe"].to_numpy()

    @property
    def iv(self) -> float:
        """Information value: the sum over all bins, missing and special ones included."""
        return float(self.table["iv"].sum())

    def codes(self, values: pd.Series) -> np.ndarray:
        """The bin number of each value."""
        return self.spec.codes(values)

    def transform(self, values: pd.Series, out: np.ndarray | None = None) -> np.ndarray:
        """The WOE of each value; written to `out` where it is given."""
        return self.spec.look_up(values, self.woe, out)

    def values_in(self, frame: pd.DataFrame) -> pd.Series:
        """What is binned, from a frame of raw columns: the column itself, or the joint cells of a cross."""
        return joint_values(self.spec.sides, frame, self.name) if self.spec.sides else frame[self.name]

    def to_sql(self, column: str | None = None, dialect: str = "duckdb", what: str = "woe") -> str:
        """A CASE expression that gives the WOE (or the number of the bin: `what='bin'`); see `code.sql_case`."""
        return sql_case(self.spec, self._by_bin(what), column, dialect)

    def to_python(self, what: str = "woe", name: str | None = None) -> str:
        """The source of a function of one value that needs only Python; see `code.python_source`."""
        return python_source(self.spec, self._by_bin(what), name or f"{what}_of_value")

    def _by_bin(self, what: str) -> np.ndarray:
        check_one_of(what, WHAT, "what")
        return self.woe if what == "woe" else np.arange(self.spec.size)

    def label(self, code: int, lang: str = "both") -> str:
        """What a bin is called in 'zh', 'en' or 'both'."""
        return self.spec.label(code, lang)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON types; `from_dict` gives the same table back, float for float."""
        table = self.table
        return super().to_dict() | {
            "schema": SCHEMA,
            "spec": self.spec.to_dict(),
            "trend": self.trend,
            "counts": {c: table[c].tolist() for c in ("goods", "bads", "woe", "note")},
            "pseudo": list(self.pseudo),
            "level": self.level,
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> BinTable:
        """The table that `to_dict` wrote.

        Raises
        ------
        InputError : for another kind of object or a schema this version does not know.
        """
        if d.get("type") != "BinTable" or d.get("schema") != SCHEMA:
            came = f"type {d.get('type')!r}, schema {d.get('schema')!r}"
            raise InputError(message(f"a BinTable of schema {SCHEMA}", came, "BinTable.from_dict", "Write it again."))
        spec = BinSpec.from_dict(d["spec"])
        counts = {c: np.asarray(d["counts"][c]) for c in ("goods", "bads", "woe")}
        pseudo = tuple(float(p) for p in d["pseudo"])
        table = tabulate(spec, **counts, pseudo=np.asarray(pseudo), level=d["level"], note=d["counts"]["note"])
        return cls(
            table=table,
            stamp=Stamp(**d["stamp"]),
            facts=d["glance"],
            spec=spec,
            trend=d["trend"],
            pseudo=pseudo,
            level=d["level"],
            notes=tuple(d["notes"]),
        )

    def _repr_html_(self) -> str:
        return table_html(self)


def make_table(
    spec: BinSpec,
    goods: np.ndarray,
    bads: np.ndarray,
    *,
    pseudo: np.ndarray,
    stamp: Stamp,
    trend: str,
    woe: np.ndarray | None = None,
    level: float = 0.9,
    notes: Sequence[str] = (),
    facts: Mapping[str, Any] | None = None,
) -> BinTable:
    """A bin table from counts per bin of `spec`; `woe` is taken from the counts unless it is given."""
    if woe is None:
        woe = woe_of(goods, bads, goods.sum(), bads.sum(), pseudo)
    table = tabulate(
        spec, goods=goods, bads=bads, woe=woe, pseudo=pseudo, level=level, note=_bin_notes(spec, goods, bads)
    )
    known = {
        "name": spec.name,
        "kind": spec.kind,
        "trend": trend,
        "bins": spec.regular,
        "iv": float(table["iv"].sum()),
        "n": _number(table["n"].sum()),
        "missing": _number(table["n"].iloc[spec.missing]),
        "special": _number(table["n"].iloc[spec.regular : spec.missing].sum()),
    }
    return BinTable(
        table=table,
        stamp=stamp,
        facts=known | dict(facts or {}),
        spec=spec,
        trend=trend,
        pseudo=tuple(pseudo.tolist()),
        level=level,
        notes=tuple(notes),
    )


def tabulate(
    spec: BinSpec,
    *,
    goods: np.ndarray,
    bads: np.ndarray,
    woe: np.ndarray,
    pseudo: np.ndarray,
    level: float,
    note: Sequence[str],
) -> pd.DataFrame:
    """The stored table of a `BinTable`; every column but the counts, WOE and notes is derived here."""
    goods, bads = np.asarray(goods, dtype=float), np.asarray(bads, dtype=float)
    n, total_goods, total_bads = goods + bads, goods.sum(), bads.sum()
    with np.errstate(invalid="ignore"):
        bad_rate = bads / n
    rate_lo, rate_hi = _jeffreys(bads, n, level)
    half = ndtri((1 + level) / 2) * _woe_error(goods, bads, pseudo)
    bounds = np.array([spec.bounds(c) for c in range(spec.size)])
    whole = bool(np.all(goods == np.rint(goods)) and np.all(bads == np.rint(bads)))
    count = (lambda v: v.astype(np.int64)) if whole else (lambda v: v)
    return pd.DataFrame(
        {
            "bin": np.arange(spec.size),
            "label": [spec.label(c) for c in range(spec.size)],
            "lower": bounds[:, 0],
            "upper": bounds[:, 1],
            "n": count(n),
            "goods": count(goods),
            "bads": count(bads),
            "share": n / n.sum(),
            "bad_rate": bad_rate,
            "bad_rate_lo": rate_lo,
            "bad_rate_hi": rate_hi,
            "woe": woe,
            "woe_lo": np.where(n > 0, woe - half, np.nan),
            "woe_hi": np.where(n > 0, woe + half, np.nan),
            "iv": (goods / total_goods - bads / total_bads) * woe,
            "note": pd.Series(list(note), dtype="str"),
        }
    )


def _jeffreys(bads: np.ndarray, n: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    tail = (1 - level) / 2
    lo = np.where(bads > 0, betaincinv(bads + 0.5, n - bads + 0.5, tail), 0.0)
    hi = np.where(bads < n, betaincinv(bads + 0.5, n - bads + 0.5, 1 - tail), 1.0)
    return np.where(n > 0, lo, np.nan), np.where(n > 0, hi, np.nan)


def _woe_error(goods: np.ndarray, bads: np.ndarray, pseudo: np.ndarray) -> np.ndarray:
    """Standard error of ln(g/G) - ln(b/B), goods and bads being two binomial samples, pseudo-rows counted."""
    total_goods, total_bads = goods.sum(), bads.sum()
    share = total_bads / (total_goods + total_bads)
    g, b = goods + pseudo * (1 - share), bads + pseudo * share
    with np.errstate(divide="ignore"):
        variance = 1 / g - 1 / (total_goods + pseudo * (1 - share)) + 1 / b - 1 / (total_bads + pseudo * share)
    return np.sqrt(np.maximum(variance, 0.0))


def _bin_notes(spec: BinSpec, goods: np.ndarray, bads: np.ndarray) -> list[str]:
    """What a reader of one row must know: no rows, or a pure bin."""
    notes = []
    for code in range(spec.size):
        g, b = goods[code], bads[code]
        if g + b == 0:
            notes.append("训练无此情形，WOE取0 none in training: WOE 0")
        elif b == 0:
            notes.append(f"无坏客户 0 bads of {g:g}")
        elif g == 0:
            notes.append(f"无好客户 0 goods of {b:g}")
        else:
            notes.append("")
    return notes


def _number(value: Any) -> int | float:
    return int(value) if float(value).is_integer() else float(value)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BinningResult(Result, Mapping[str, BinTable]):
    """All bin tables by name, in column order; `tidy()` has a row per feature.

    Columns of `tidy()`: `name kind trend bins iv n missing special note`.
    """

    title: ClassVar[str] = "Binning 分箱结果"
    plots: ClassVar[str] = "binning"

    tables: tuple[BinTable, ...]

    @classmethod
    def of(cls, tables: Sequence[BinTable], stamp: Stamp) -> BinningResult:
        """The result of these tables."""
        rows = [
            {k: t.facts[k] for k in ("name", "kind", "trend", "bins", "iv", "n", "missing", "special")}
            | {"note": "; ".join(t.notes)}
            for t in tables
        ]
        facts = {"features": len(tables), "n": rows[0]["n"] if rows else 0, "iv_max": max(r["iv"] for r in rows)}
        return cls(table=pd.DataFrame(rows), stamp=stamp, facts=facts, tables=tuple(tables))

    def __getitem__(self, name: str) -> BinTable:
        for table in self.tables:
            if table.name == name:
                return table
        raise ColumnError(
            message(
                "a binned column", repr(name), "BinningResult", f"There are {some([t.name for t in self.tables], 8)}."
            )
        )

    def __iter__(self) -> Iterator[str]:
        return (t.name for t in self.tables)

    def __len__(self) -> int:
        return len(self.tables)

    def unseen(self, frame: pd.DataFrame) -> pd.DataFrame:
        """What scoring rows bring that training did not: a row per feature, counts of rows.

        Columns: `name rows missing special new_missing new_special unseen infinite`. `new_missing` and `new_special`
        count rows of a bin without training rows, `unseen` levels never seen; all of these have WOE 0.
        """
        return pd.DataFrame(
            [_unseen(t, t.values_in(frame)) for t in self.tables if set(t.spec.columns) <= set(frame.columns)]
        )

    def to_dict(self) -> dict[str, Any]:
        """All tables as JSON types."""
        return super().to_dict() | {"schema": SCHEMA, "tables": [t.to_dict() for t in self.tables]}

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> BinningResult:
        """The result that `to_dict` wrote."""
        if d.get("type") != "BinningResult" or d.get("schema") != SCHEMA:
            came = f"type {d.get('type')!r}, schema {d.get('schema')!r}"
            raise InputError(
                message(f"a BinningResult of schema {SCHEMA}", came, "BinningResult.from_dict", "Write it again.")
            )
        return cls.of([BinTable.from_dict(t) for t in d["tables"]], Stamp(**d["stamp"]))


def _unseen(table: BinTable, values: pd.Series) -> dict[str, Any]:
    spec = table.spec
    count = np.bincount(table.codes(values), minlength=spec.size)
    new = np.where(table.table["n"].to_numpy() == 0, count, 0)
    infinite = 0 if spec.form == "text" else int(np.isinf(read_numbers(values, spec.form)).sum())
    return {
        "name": spec.name,
        "rows": int(count.sum()),
        "missing": int(count[spec.missing]),
        "special": int(count[spec.regular : spec.missing].sum()),
        "new_missing": int(new[spec.missing]),
        "new_special": int(new[spec.regular : spec.missing].sum()),
        "unseen": int(count[spec.missing + 1 :].sum()),
        "infinite": infinite,
    }


def table_html(table: BinTable) -> str:
    """The bin table as HTML with small bars: share of rows, and WOE to the left (riskier) or right (safer) of zero."""
    frame = table.table
    reach = max(float(np.abs(frame["woe"]).max()), 1e-12)
    plain_rows: list[Any] = frame.to_dict("records")
    rows = "".join(_row_html(row, reach) for row in plain_rows)
    names = ("标签 bin", "n", "坏 bads", "占比 share", "坏账率 bad rate", "WOE", "", "IV", "")
    head = "".join(f"<th style='text-align:left'>{n}</th>" for n in names)
    notes = "".join(f"<li>{escape(n)}</li>" for n in table.notes)
    return (
        f"<div class='creditlab-result'><h4>{escape(table.title)}: {escape(table.name)}</h4>"
        f"<p>{table.kind} · {table.trend} · IV <b>{table.iv:.4f}</b> · [lower, upper)</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><ul>{notes}</ul>"
        f"<p><small>{escape(str(table.stamp))}</small></p></div>"
    )


def _row_html(row: Mapping[str, Any], reach: float) -> str:
    rate = (
        "–"
        if np.isnan(row["bad_rate"])
        else (f"{row['bad_rate']:.2%} <small>{row['bad_rate_lo']:.1%}–{row['bad_rate_hi']:.1%}</small>")
    )
    share = f"{_bar(row['share'] * 60, '#9aa5b1')} {row['share']:.1%}"
    width = abs(row["woe"]) / reach * 40
    bar = _bar(width, "#4c78a8" if row["woe"] >= 0 else "#b4483c", 40 - width if row["woe"] < 0 else 40)
    cells = (
        escape(row["label"]), f"{row['n']:g}", f"{row['bads']:g}", share, rate, f"{row['woe']:+.3f}", bar,
        f"{row['iv']:.4f}", f"<small>{escape(row['note'])}</small>",
    )  # fmt: skip
    return "<tr>" + "".join(f"<td style='text-align:left'>{c}</td>" for c in cells) + "</tr>"


def _bar(width: float, colour: str, offset: float = 0.0) -> str:
    style = f"display:inline-block;height:.7em;width:{width:.1f}px;margin-left:{offset:.1f}px;background:{colour}"
    return f"<span style='{style}'></span>"
