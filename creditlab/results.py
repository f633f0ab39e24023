"""The base of every result: frozen, self-describing, traceable.

A result answers questions: `tidy()` (a row per estimate), `glance()` (a row per model), `summary()` (text),
`to_dict()` (JSON), `plot` (figures). Every accessor is derived from one stored table. A result does not fit, draw or
write; it carries the `Stamp` that leads from a sentence in a report back to the rows.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from html import escape
from itertools import chain
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab import __version__
from creditlab.errors import InputError, message
from creditlab.files import canonical_json


@dataclass(frozen=True)
class NotEstimable:
    """An estimate that does not exist, with the reason. It is NaN as a number and false as a truth value.

    >>> float(NotEstimable("no bads"))
    nan
    """

    reason: str

    def __float__(self) -> float:
        return math.nan

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return f"not estimable: {self.reason}"


def digest(*values: Any) -> str:
    """The SHA-256 of frames, arrays and JSON values in order: 16 hexadecimal digits.

    Frames are hashed by content (names, values, index), not by memory layout.
    """
    sha = hashlib.sha256()
    for value in values:
        for part in _parts(value):
            sha.update(len(part).to_bytes(8, "little"))
            sha.update(part)
    return sha.hexdigest()[:16]


def _parts(value: Any) -> Iterable[bytes]:
    if isinstance(value, pd.DataFrame):
        names = canonical_json([str(c) for c in value.columns]).encode()
        return chain([names], (part for c in range(value.shape[1]) for part in _parts(value.iloc[:, c])))
    if isinstance(value, pd.Series | pd.Index):
        series = value.to_series() if isinstance(value, pd.Index) else value
        if series.dtype == object:
            series = series.map(repr)
        if isinstance(series.dtype, pd.StringDtype):  # the same hash, made once per distinct text
            codes, texts = pd.factorize(series)
            series = pd.Series(pd.Categorical.from_codes(codes, texts), index=series.index)
        return [np.ascontiguousarray(pd.util.hash_pandas_object(series, index=True).to_numpy()).tobytes()]
    if isinstance(value, np.ndarray):
        return [str(value.dtype).encode(), str(value.shape).encode(), np.ascontiguousarray(value).tobytes()]
    if isinstance(value, bytes):
        return [value]
    return [canonical_json(plain(value)).encode()]


def plain(value: Any) -> Any:
    """A value as JSON types: numpy scalars become numbers, NaN and infinities None, dates ISO text, frames records.

    >>> plain({"x": np.float64("nan"), "n": np.int64(3)})
    {'x': None, 'n': 3}
    """
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, NotEstimable):
        return {"not_estimable": value.reason}
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, pd.Timestamp | datetime):
        midnight = value.hour == value.minute == value.second == 0
        return value.strftime("%Y-%m-%d") if midnight else value.strftime("%Y-%m-%dT%H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, pd.DataFrame):
        return [plain(row) for row in value.to_dict("records")]
    if isinstance(value, pd.Series | pd.Index | np.ndarray):
        return [plain(v) for v in value.tolist()]
    if isinstance(value, list | tuple | set | frozenset):
        listed = sorted(value) if isinstance(value, set | frozenset) else value
        return [plain(v) for v in listed]
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    return str(value)


def made_at() -> str:
    """The time of making, UTC, ISO 8601; taken from SOURCE_DATE_EPOCH when that is set."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Stamp:
    """Where a product comes from: digest of its inputs, digest of its spec, package version, seed.

    It holds no time, so that the same inputs give the same stamp.
    """

    inputs: str
    spec: str
    version: str = __version__
    seed: int | None = None

    @classmethod
    def of(cls, inputs: Any, spec: Any, seed: int | None = None) -> Stamp:
        """Stamp a product made from `inputs` (frames, arrays) by `spec` (a mapping of settings)."""
        listed = inputs if isinstance(inputs, list | tuple) else [inputs]
        return cls(inputs=digest(*listed), spec=digest(spec), seed=seed)

    def to_dict(self) -> dict[str, Any]:
        return {"inputs": self.inputs, "spec": self.spec, "version": self.version, "seed": self.seed}

    def __str__(self) -> str:
        seed = "" if self.seed is None else f" seed {self.seed}"
        return f"inputs {self.inputs} spec {self.spec} creditlab {self.version}{seed}"


class Figures:
    """The figures of one result: `result.plot.noun()` calls `creditlab.plots.<area>.noun(result)`.

    Plotly is imported when the first figure is asked for, never before.
    """

    def __init__(self, result: Result) -> None:
        self._result = result

    def _module(self) -> Any:
        area = type(self._result).plots
        if not area:
            raise AttributeError(f"{type(self._result).__name__} has no figures")
        return importlib.import_module(f"creditlab.plots.{area}")

    def __getattr__(self, noun: str) -> Callable[..., Any]:
        if noun.startswith("_"):
            raise AttributeError(noun)
        module = self._module()
        if noun not in module.__all__:
            raise AttributeError(f"no figure '{noun}'; there are {', '.join(module.__all__)}")
        draw = getattr(module, noun)
        return lambda *args, **options: draw(self._result, *args, **options)

    def __dir__(self) -> list[str]:
        return list(self._module().__all__) if type(self._result).plots else []


def later(make: Callable[..., pd.DataFrame], *given: Any, **named: Any) -> Any:
    """A stored table that is made when it is first read: `make(*given, **named)`, a function of a module."""
    return functools.partial(make, *given, **named)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Result:
    """Base of all results. A subclass adds fields, sets `title`, and may override `glance`.

    Parameters
    ----------
    table : the one stored table, a row per estimate; kept private and handed out as a shallow copy. Where many results
        are made and few are read, `later(...)`.
    stamp : where the result comes from.
    facts : what `glance` shows: name → scalar, one row per model.

    Two results are compared by `digest(result.to_dict())`, not by `==`.
    """

    title: ClassVar[str] = "Result"
    plots: ClassVar[str] = ""

    table: pd.DataFrame
    stamp: Stamp
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        table = object.__getattribute__(self, "table")
        if not callable(table):
            self._store(table)
        object.__setattr__(self, "facts", dict(self.facts))

    def _store(self, table: Any) -> None:
        if not isinstance(table, pd.DataFrame):
            raise InputError(
                message("a DataFrame as the stored table", type(table).__name__, type(self).__name__, "Wrap it.")
            )
        object.__setattr__(self, "table", table.copy(deep=False))

    def __getattribute__(self, name: str) -> Any:
        value = object.__getattribute__(self, name)
        if name == "table" and callable(value):
            self._store(value())
            value = object.__getattribute__(self, name)
        if isinstance(value, pd.DataFrame | pd.Series) and not name.startswith("__"):
            return value.copy(deep=False)  # copy-on-write: the caller may change his copy, never ours
        return value

    def tidy(self) -> pd.DataFrame:
        """One row per estimate."""
        return self.table

    def glance(self) -> pd.DataFrame:
        """One row per model."""
        return pd.DataFrame([{k: _cell(v) for k, v in self.facts.items()}])

    def summary(self) -> str:
        """The result as text: title, facts, table, stamp."""
        facts = "\n".join(f"  {name}: {_text(value)}" for name, value in self.facts.items())
        parts = [self.title, facts, self.tidy().to_string(max_rows=60), f"stamp: {self.stamp}"]
        return "\n".join(p for p in parts if p)

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON types: what the report and the digest are made of."""
        return {
            "type": type(self).__name__,
            "stamp": self.stamp.to_dict(),
            "glance": plain(dict(self.facts)),
            "table": plain(self.tidy().reset_index(drop=True)),
        }

    @property
    def plot(self) -> Figures:
        """The figures of this result, by noun."""
        return Figures(self)

    def __repr__(self) -> str:
        facts = " ".join(f"{name}={_text(value)}" for name, value in list(self.facts.items())[:6])
        return f"<{type(self).__name__} {facts or f'{len(self.tidy())} rows'}>"

    def _repr_html_(self) -> str:
        facts = " · ".join(f"{escape(str(k))} <b>{escape(_text(v))}</b>" for k, v in self.facts.items())
        table = self.tidy()
        # 60 rows are what a screen holds; the whole table is one call away
        body = table.head(60).to_html(
            index=not isinstance(table.index, pd.RangeIndex),
            escape=True,
            border=0,
            na_rep="–",
            float_format=lambda v: f"{v:.4g}",
        )
        more = f"<p>… {len(table) - 60} more rows: <code>.tidy()</code></p>" if len(table) > 60 else ""
        return (
            f"<div class='creditlab-result'><h4>{escape(self.title)}</h4><p>{facts}</p>{body}{more}"
            f"<p><small>{escape(str(self.stamp))}</small></p></div>"
        )


def _cell(value: Any) -> Any:
    return float(value) if isinstance(value, NotEstimable) else value


def _text(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.4g}"
    return str(value)
