"""The bin table: what analysts argue about and validators sign.

One row per bin with counts, bad rate, WOE and IV and their intervals. The column `woe` is the one array from which
`transform`, points, reasons and exported code are taken. A table does not search for bins and does not change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

import numpy as np
import pandas as pd

from creditlab.binning.code import WHAT, python_source, sql_case
from creditlab.binning.cross import joint_values
from creditlab.binning.markup import table_html
from creditlab.binning.search import woe_of
from creditlab.binning.spec import BinSpec
from creditlab.binning.tally import Outcomes, Scope, Tally, estimates, iv_facts, scopes_of, tally
from creditlab.binning.values import read_numbers
from creditlab.checks import check_level, check_one_of
from creditlab.errors import ColumnError, InputError, message, some
from creditlab.results import Result, Stamp, digest, later

if TYPE_CHECKING:
    from creditlab.binning.views import BinView

SCHEMA = 1
SUMMARY = ("name", "kind", "trend", "bins", "iv", "iv_lo", "iv_hi", "iv_noise", "n", "missing", "special")
#: kinds of scopes that are the training rows or a part of them
TRAIN, TRAIN_PERIOD = "train", "train period"
ONE_CLUSTER = "群组少于两个：区间按独立样本计算 fewer than two groups: intervals take rows as independent"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BinTable(Result):
    """The bins of one characteristic with their counts and WOE = ln(share of goods / share of bads): higher is safer.

    Parameters
    ----------
    spec : which value falls into which bin; ranges are left-closed, [lower, upper).
    trend : the shape of the bad rate along the regular bins: ascending, descending, peak, valley, free or flat.
    woe : (bins,) WOE by bin number, read-only: the one array.
    pseudo : pseudo-rows that were added to each bin at the sample's own odds before its WOE was taken.
    counted : goods and bads by bin; with groups also what sharing a village does to the intervals, with amounts yuan.
    scopes : the training rows by period, where periods were given.
    level : level of the intervals in the table; `at_level` gives another.
    notes : what was found and done in this column, bilingual.

    Columns of `tidy()`, always: `bin label lower upper n goods bads share bad_rate bad_rate_lo bad_rate_hi woe woe_lo
    woe_hi iv iv_lo iv_hi note`. With groups, before the note: `clusters deff`, clusters in the bin and design effect of
    its bad rate. With amounts: `amount bad_amount amount_bad_rate amount_bad_rate_lo amount_bad_rate_hi amount_n`, yuan
    and the rows that the amounts are worth as evidence.

    Counts are sums of weights. Bad rate: Jeffreys interval (Brown, Cai, DasGupta 2001). WOE: normal interval with
    variance 1/g - 1/G + 1/b - 1/B (Katz et al. 1978) on the counts with pseudo-rows. IV of a bin: (g/G - b/B) · WOE;
    its interval is free of the bias that chance adds, see `information.iv_limits`. With groups all three are
    cluster-robust, see `intervals.design_of`.
    """

    title: ClassVar[str] = "Bin table 分箱表"
    plots: ClassVar[str] = "binning"

    spec: BinSpec
    trend: str
    woe: np.ndarray
    pseudo: tuple[float, ...]
    counted: Tally
    scopes: tuple[Scope, ...] = ()
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
    def iv(self) -> float:
        """Information value: the sum over all bins, missing and special ones included."""
        return float(self.facts["iv"])

    @property
    def iv_lo(self) -> float:
        """Lower limit of the IV that these bins have in the population."""
        return self._iv()["iv_lo"]

    @property
    def iv_hi(self) -> float:
        """Upper limit of the IV that these bins have in the population."""
        return self._iv()["iv_hi"]

    @property
    def iv_noise(self) -> float:
        """The IV to expect in so many rows and bins without any relation; a search for cuts adds to it."""
        return self._iv()["iv_noise"]

    def _iv(self) -> dict[str, float]:
        return iv_facts(self.counted, self.woe, np.asarray(self.pseudo), self.level)

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

    def at_level(self, level: float) -> BinTable:
        """The same table with intervals of another level."""
        return _made(replace(_Parts.of(self), level=check_level(level)), self.stamp, self.facts)

    def seen_by(self, codes: np.ndarray, rows: Outcomes) -> BinTable:
        """The same table with the clusters, amounts and periods of its training rows, whose bin numbers are `codes`."""
        counted = tally(codes, self.spec.size, rows, iv_of=(self.woe, np.asarray(self.pseudo)))
        scopes = () if rows.period is None else scopes_of(
            TRAIN_PERIOD, rows.period, codes, self.spec.size, rows, self.events
        )  # fmt: skip
        notes = self.notes
        if rows.groups is not None and counted.design is None:
            notes = (*notes, ONE_CLUSTER)
        parts = replace(_Parts.of(self), counted=counted, scopes=scopes, notes=notes)
        inputs = digest(self.stamp.inputs, counted.to_dict(), [s.to_dict() for s in scopes])
        return _made(parts, replace(self.stamp, inputs=inputs), self.facts)

    @property
    def events(self) -> float:
        """Pseudo-events of the rarer class added to each bin of other rows: as many as to a training bin, else ½."""
        return self.counted.events(self.pseudo[0]) or 0.5

    def on(self, values: pd.Series, y: Any, sample_weight: Any = None, **given: Any) -> BinView:
        """These bins on other rows, beside the training rows; see `Binner.on` for what may be given."""
        from creditlab.binning.views import view_of

        return view_of(self, values, y, sample_weight, **given)

    def view(self) -> BinView:
        """The training rows, and their periods where they were given, side by side."""
        from creditlab.binning.views import BinView

        return BinView.of(self, ())

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON types; `from_dict` gives the same table back, float for float."""
        return super().to_dict() | {
            "schema": SCHEMA,
            "spec": self.spec.to_dict(),
            "trend": self.trend,
            "counts": self.counted.to_dict()
            | {"woe": self.woe.tolist(), "note": _bin_notes(self.spec, self.counted.goods, self.counted.bads)},
            "scopes": [s.to_dict() for s in self.scopes],
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
        parts = _Parts(
            spec=BinSpec.from_dict(d["spec"]),
            trend=d["trend"],
            pseudo=tuple(float(p) for p in d["pseudo"]),
            counted=Tally.from_dict(d["counts"]),
            scopes=tuple(Scope.from_dict(s) for s in d.get("scopes", ())),
            level=d["level"],
            notes=tuple(d["notes"]),
            woe=np.asarray(d["counts"]["woe"], dtype=float),
        )
        return _made(parts, Stamp(**d["stamp"]), d["glance"])

    def _repr_html_(self) -> str:
        return table_html(self)


@dataclass(frozen=True)
class _Parts:
    """What a bin table is made of; everything else in it is derived."""

    spec: BinSpec
    trend: str
    woe: np.ndarray
    pseudo: tuple[float, ...]
    counted: Tally
    scopes: tuple[Scope, ...]
    level: float
    notes: tuple[str, ...]

    @classmethod
    def of(cls, table: BinTable) -> _Parts:
        return cls(**{name: getattr(table, name) for name in cls.__dataclass_fields__})


def _made(parts: _Parts, stamp: Stamp, facts: Mapping[str, Any]) -> BinTable:
    spec, counted, pseudo = parts.spec, parts.counted, np.asarray(parts.pseudo)
    parts.woe.setflags(write=False)
    n = counted.goods + counted.bads
    known = {
        "name": spec.name,
        "kind": spec.kind,
        "trend": parts.trend,
        "bins": spec.regular,
        **iv_facts(counted, parts.woe, pseudo, parts.level),
        "n": _number(n.sum()),
        "missing": _number(n[spec.missing]),
        "special": _number(n[spec.regular : spec.missing].sum()),
    }
    if counted.design is not None:
        known["clusters"] = counted.design.clusters
    return BinTable(
        table=later(tabulate, spec, counted, woe=parts.woe, pseudo=pseudo, level=parts.level),
        stamp=stamp,
        facts=known | {k: v for k, v in facts.items() if k not in known},
        **{name: getattr(parts, name) for name in parts.__dataclass_fields__},
    )


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
    goods, bads = np.asarray(goods, dtype=float), np.asarray(bads, dtype=float)
    if woe is None:
        woe = woe_of(goods, bads, goods.sum(), bads.sum(), pseudo)
    parts = _Parts(
        spec=spec,
        trend=trend,
        pseudo=tuple(pseudo.tolist()),
        counted=Tally(goods, bads),
        scopes=(),
        level=level,
        notes=tuple(notes),
        woe=woe,
    )
    return _made(parts, stamp, facts or {})


def tabulate(spec: BinSpec, counted: Tally, *, woe: np.ndarray, pseudo: np.ndarray, level: float) -> pd.DataFrame:
    """The stored table of a `BinTable`; every column but the counts and WOE is derived here."""
    bounds = np.array([spec.bounds(c) for c in range(spec.size)])
    columns = estimates(counted, woe, pseudo, level)
    if all(np.all(v == np.rint(v)) for v in (counted.goods, counted.bads)):
        columns |= {name: columns[name].astype(np.int64) for name in ("n", "goods", "bads")}
    return pd.DataFrame(
        {
            "bin": np.arange(spec.size),
            "label": [spec.label(c) for c in range(spec.size)],
            "lower": bounds[:, 0],
            "upper": bounds[:, 1],
            **columns,
            "note": pd.Series(_bin_notes(spec, counted.goods, counted.bads), dtype="str"),
        }
    )


def _bin_notes(spec: BinSpec, goods: np.ndarray, bads: np.ndarray) -> list[str]:
    """What a reader of one row must know: joined to another bin, no rows, or a pure bin."""
    notes, joins = [], dict(spec.joins)
    for code in range(spec.size):
        g, b = goods[code], bads[code]
        if code in joins:
            target = joins[code]
            notes.append(f"并入“{spec.label(target, 'zh')}” joined to '{spec.label(target, 'en')}'")
        elif g + b == 0:
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


class Named(Protocol):
    """A table of one column."""

    @property
    def name(self) -> str:
        """The column."""
        ...


T = TypeVar("T", bound=Named)


def named_table(tables: Sequence[T], name: str, where: str) -> T:
    """The table of one column among those of a result."""
    for table in tables:
        if table.name == name:
            return table
    there = f"There are {some([t.name for t in tables], 8)}."
    raise ColumnError(message("a binned column", repr(name), where, there))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BinningResult(Result, Mapping[str, BinTable]):
    """All bin tables by name, in column order; `tidy()` has a row per feature.

    Columns of `tidy()`: `name kind trend bins iv iv_lo iv_hi iv_noise n missing special note`; `iv_noise` is the IV to
    expect in these bins without any relation.
    """

    title: ClassVar[str] = "Binning 分箱结果"
    plots: ClassVar[str] = "binning"

    tables: tuple[BinTable, ...]

    @classmethod
    def of(cls, tables: Sequence[BinTable], stamp: Stamp) -> BinningResult:
        """The result of these tables."""
        rows = [{k: t.facts[k] for k in SUMMARY} | {"note": "; ".join(t.notes)} for t in tables]
        facts = {"features": len(tables), "n": rows[0]["n"] if rows else 0, "iv_max": max(r["iv"] for r in rows)}
        return cls(table=pd.DataFrame(rows), stamp=stamp, facts=facts, tables=tuple(tables))

    def __getitem__(self, name: str) -> BinTable:
        return named_table(self.tables, name, "BinningResult")

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
