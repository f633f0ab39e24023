"""The bin table of a continuous target: mean amount by bin, and what it differs from the mean of all rows.

The column `effect` is the one array from which `transform` and exported code are taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.binning.code import python_source, sql_case
from creditlab.binning.markup import mean_html
from creditlab.binning.means import Moments
from creditlab.binning.spec import BinSpec
from creditlab.binning.table import named_table
from creditlab.checks import check_level, check_one_of
from creditlab.errors import InputError, message
from creditlab.results import Result, Stamp, later

SCHEMA = 1
SUMMARY = ("name", "kind", "trend", "bins", "r2", "r2_noise", "n", "missing", "special")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MeanTable(Result):
    """The bins of one characteristic with the mean of a continuous target in each.

    Parameters
    ----------
    spec : which value falls into which bin; ranges are left-closed, [lower, upper).
    trend : the shape of the mean along the regular bins: ascending, descending, peak, valley, free or flat.
    moments : weight and amounts by bin with their standard errors.
    pseudo : (bins,) pseudo-rows at the mean of all rows that were added before the effect was taken.
    away : (regular bins,) the effect of each regular bin where it was taken from shrunken levels, or None.
    level : level of the intervals in the table; `at_level` gives another.
    notes : what was found and done in this column, bilingual.

    Columns of `tidy()`: `bin label lower upper n share total mean mean_lo mean_hi std zero_share effect effect_lo
    effect_hi r2 note`, amounts in the unit of the target. `effect` = mean of the bin - mean of all rows, with its
    pseudo-rows; `r2` = the bin's part of the share of variance explained; t intervals, with groups cluster-robust
    (linearised). In small bins of skewed amounts such intervals cover less than they say.
    """

    title: ClassVar[str] = "Means by bin 分箱均值表"
    plots: ClassVar[str] = "means"

    spec: BinSpec
    trend: str
    moments: Moments
    pseudo: tuple[float, ...]
    away: tuple[float, ...] | None = None
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
    def effect(self) -> np.ndarray:
        """Mean of the bin less the mean of all rows, by bin number: the one array."""
        return self.table["effect"].to_numpy()

    @property
    def r2(self) -> float:
        """The share of the variance of the target that lies between the bins."""
        return self.moments.joined()

    def codes(self, values: pd.Series) -> np.ndarray:
        """The bin number of each value."""
        return self.spec.codes(values)

    def transform(self, values: pd.Series, out: np.ndarray | None = None) -> np.ndarray:
        """The effect of each value; written to `out` where it is given."""
        return self.spec.look_up(values, self.effect, out)

    def to_sql(self, column: str | None = None, dialect: str = "duckdb", what: str = "effect") -> str:
        """A CASE expression that gives the effect (or the number of the bin: `what='bin'`); see `code.sql_case`."""
        return sql_case(self.spec, self._by_bin(what), column, dialect)

    def to_python(self, what: str = "effect", name: str | None = None) -> str:
        """The source of a function of one value that needs only Python; see `code.python_source`."""
        return python_source(self.spec, self._by_bin(what), name or f"{what}_of_value")

    def _by_bin(self, what: str) -> np.ndarray:
        check_one_of(what, ("effect", "bin"), "what")
        return self.effect if what == "effect" else np.arange(self.spec.size)

    def label(self, code: int, lang: str = "both") -> str:
        """What a bin is called in 'zh', 'en' or 'both'."""
        return self.spec.label(code, lang)

    def at_level(self, level: float) -> MeanTable:
        """The same table with intervals of another level."""
        return mean_table(
            self.spec, self.moments, self.pseudo, self.stamp, trend=self.trend, away=self.away,
            level=check_level(level), notes=self.notes, facts=self.facts,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON types; `from_dict` gives the same table back, float for float."""
        return super().to_dict() | {
            "schema": SCHEMA,
            "spec": self.spec.to_dict(),
            "trend": self.trend,
            "moments": self.moments.to_dict(),
            "pseudo": list(self.pseudo),
            "away": None if self.away is None else list(self.away),
            "level": self.level,
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> MeanTable:
        """The table that `to_dict` wrote.

        Raises
        ------
        InputError : for another kind of object or a schema this version does not know.
        """
        if d.get("type") != "MeanTable" or d.get("schema") != SCHEMA:
            came = f"type {d.get('type')!r}, schema {d.get('schema')!r}"
            raise InputError(message(f"a MeanTable of schema {SCHEMA}", came, "MeanTable.from_dict", "Write it again."))
        spec, moments = BinSpec.from_dict(d["spec"]), Moments.from_dict(d["moments"])
        given = {name: d[name] for name in ("trend", "away", "level", "notes")}
        return mean_table(spec, moments, d["pseudo"], Stamp(**d["stamp"]), facts=d["glance"], **given)

    def _repr_html_(self) -> str:
        return mean_html(self)


def mean_table(
    spec: BinSpec,
    moments: Moments,
    pseudo: Sequence[float],
    stamp: Stamp,
    *,
    trend: str,
    away: Sequence[float] | None = None,
    level: float = 0.9,
    notes: Sequence[str] = (),
    facts: Mapping[str, Any] | None = None,
) -> MeanTable:
    """The table of these moments; every column is derived here."""
    n = moments.n
    known = {
        "name": spec.name,
        "kind": spec.kind,
        "trend": trend,
        "bins": spec.regular,
        "r2": moments.joined(),
        "r2_noise": float((np.count_nonzero(n) - 1) / (n.sum() - 1)),
        "n": float(n.sum()),
        "mean": moments.mean,
        "missing": float(n[spec.missing]),
        "special": float(n[spec.regular : spec.missing].sum()),
    }
    if moments.clusters:
        known["clusters"] = moments.clusters
    return MeanTable(
        table=later(_tabulated, spec, moments, np.asarray(pseudo, dtype=float), away, level),
        stamp=stamp,
        facts=known | {k: v for k, v in (facts or {}).items() if k not in known},
        spec=spec,
        trend=trend,
        moments=moments,
        pseudo=tuple(float(p) for p in pseudo),
        away=None if away is None else tuple(float(v) for v in away),
        level=level,
        notes=tuple(notes),
    )


def _tabulated(
    spec: BinSpec, moments: Moments, pseudo: np.ndarray, away: Sequence[float] | None, level: float
) -> pd.DataFrame:
    n, q = moments.n, moments.quantile(level)
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = moments.away / n
        kept = n / (n + pseudo)
        std = np.sqrt(np.maximum(moments.square - moments.away * apart, 0.0) / (n - 1))
        r2 = moments.away * apart / moments.square.sum()
        zero = moments.zeros / n
    effect = np.where(n > 0, apart * kept, 0.0)
    if away is not None:
        effect[: spec.regular] = away
    bounds = np.array([spec.bounds(c) for c in range(spec.size)])
    mean, reach, wide = moments.mean + apart, q * moments.se_mean, q * moments.se_effect * kept
    counts = n.astype(np.int64) if np.all(n == np.rint(n)) else n
    return pd.DataFrame(
        {
            "bin": np.arange(spec.size),
            "label": [spec.label(c) for c in range(spec.size)],
            "lower": bounds[:, 0],
            "upper": bounds[:, 1],
            "n": counts,
            "share": n / n.sum(),
            "total": np.where(n > 0, mean * n, 0.0),
            "mean": mean,
            "mean_lo": mean - reach,
            "mean_hi": mean + reach,
            "std": np.where(n > 1, std, np.nan),
            "zero_share": zero,
            "effect": effect,
            "effect_lo": effect - wide,
            "effect_hi": effect + wide,
            "r2": np.where(n > 0, r2, 0.0),
            "note": pd.Series([_note(v, m) for v, m in zip(n, moments.df, strict=True)], dtype="str"),
        }
    )


def _note(n: float, df: float) -> str:
    if n == 0:
        return "训练无此情形，影响取0 none in training: effect 0"
    return "" if df > 0 else "样本过少，无区间 too few rows or groups for an interval"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ContinuousResult(Result, Mapping[str, MeanTable]):
    """All tables of a continuous target by name, in column order; `tidy()` has a row per feature.

    Columns of `tidy()`: `name kind trend bins r2 r2_noise n missing special note`; `r2_noise` is the R² to expect in
    these bins without any relation (a search for cuts adds to it).
    """

    title: ClassVar[str] = "Binning of a continuous target 连续目标分箱结果"
    plots: ClassVar[str] = "means"

    tables: tuple[MeanTable, ...]

    @classmethod
    def of(cls, tables: Sequence[MeanTable], stamp: Stamp) -> ContinuousResult:
        """The result of these tables."""
        rows = [{k: t.facts[k] for k in SUMMARY} | {"note": "; ".join(t.notes)} for t in tables]
        facts = {"features": len(tables), "n": rows[0]["n"], "r2_max": max(r["r2"] for r in rows)}
        return cls(table=pd.DataFrame(rows), stamp=stamp, facts=facts, tables=tuple(tables))

    def __getitem__(self, name: str) -> MeanTable:
        return named_table(self.tables, name, "ContinuousResult")

    def __iter__(self) -> Iterator[str]:
        return (t.name for t in self.tables)

    def __len__(self) -> int:
        return len(self.tables)

    def to_dict(self) -> dict[str, Any]:
        """All tables as JSON types."""
        return super().to_dict() | {"schema": SCHEMA, "tables": [t.to_dict() for t in self.tables]}

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> ContinuousResult:
        """The result that `to_dict` wrote."""
        return cls.of([MeanTable.from_dict(t) for t in d["tables"]], Stamp(**d["stamp"]))
