"""The sum of what every bin gives, for many rows or one: points, log-odds, from the same edges as everywhere.

Along a number the points of a card are a step function. Its steps (cuts, and the two ends of each special code) are
compared with a block of rows that stays in the cache, and what each step gives is looked up; no bin number is kept. The
order of the sum is that of the card, so that floats are the same to the bit in every block and at any thread count.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from creditlab.binning import BinSpec, BinTable
from creditlab.binning.values import read_numbers

BLOCK = 1 << 17
#: steps that a number of one byte can count
MOST_COUNTED = 255
#: below this many rows the calls cost more than the work
FEW_ROWS = 1_000


@dataclass(frozen=True, eq=False)
class Steps:
    """What one numeric characteristic gives.

    Parameters
    ----------
    name, form : the column, and how it is read.
    ends : (k,) ascending, the first -inf: where what is given changes.
    given : (k + 1,) for missing values, then from each end on.
    """

    name: str
    form: str
    ends: np.ndarray
    given: np.ndarray

    @classmethod
    def of(cls, spec: BinSpec, by_bin: np.ndarray) -> Steps:
        """The steps of `by_bin` along the values of a spec.

        >>> spec = BinSpec("age", "number", cuts=(30.0,), special=((-9.0, ""),))
        >>> steps = Steps.of(spec, np.array([1, 2, 5, 0]))
        >>> steps.given.tolist(), steps.ends.round(9).tolist()
        ([0, 1, 5, 1, 2], [-inf, -9.0, -9.0, 30.0])
        """
        codes = np.array([float(code) for code, _ in spec.special])
        ends = np.unique(np.concatenate([[-np.inf], spec.cuts, codes, np.nextafter(codes, np.inf)]))
        given = by_bin[spec.number_codes(np.append(np.nan, ends))]
        changes = np.append(True, given[2:] != given[1:-1])
        return cls(spec.name, spec.form, ends[changes], given[np.append(True, changes)])

    def add(self, x: np.ndarray, total: np.ndarray, room: Room) -> None:
        """Add what each value gives to `total`."""
        if len(x) < FEW_ROWS or len(self.ends) > MOST_COUNTED:
            many = self.ends.searchsorted(x, side="right")
            many[x != x] = 0
            np.add(total, self.given[many], out=total)
            return
        place, mask, found = room.of(len(x))
        np.greater_equal(x, self.ends[0], out=place.view(bool))
        for end in self.ends[1:]:
            np.greater_equal(x, end, out=mask.view(bool))
            np.add(place, mask, out=place)
        self.given.take(place, out=found, mode="clip")
        np.add(total, found, out=total)


class Room:
    """Memory that every block of a thread uses again."""

    def __init__(self, rows: int, kind: np.dtype) -> None:
        self._bytes, self._found = np.empty((2, rows), dtype=np.uint8), np.empty(rows, dtype=kind)

    def of(self, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Two bytes and one value for each row."""
        return self._bytes[0, :rows], self._bytes[1, :rows], self._found[:rows]


@dataclass(frozen=True, eq=False)
class Levels:
    """What one characteristic of text, or a cross, gives by the number of its bin."""

    table: BinTable
    given: np.ndarray


@dataclass(frozen=True, eq=False)
class Scoring:
    """A sum over characteristics, ready to be taken of rows.

    Parameters
    ----------
    once : what every row gets. parts : what each characteristic gives, in the order of the sum.
    """

    once: float
    parts: tuple[Steps | Levels, ...]
    kind: np.dtype

    @classmethod
    def of(cls, once: float, by_bin: Mapping[str, np.ndarray], tables: Mapping[str, BinTable]) -> Scoring:
        """The sum of `by_bin`, in its number type: whole numbers stay whole."""
        arrays = [np.asarray(values) for values in by_bin.values()]
        whole = isinstance(once, int | np.integer) and all(values.dtype.kind in "iu" for values in arrays)
        bound = abs(once) + sum(float(np.abs(values).max()) for values in arrays)
        kind = np.dtype((np.int32 if bound < 2**31 else np.int64) if whole else np.float64)
        parts: list[Steps | Levels] = []
        for name, values in zip(by_bin, arrays, strict=True):
            spec, given = tables[name].spec, values.astype(kind)
            parts.append(Levels(tables[name], given) if spec.form == "text" else Steps.of(spec, given))
        return cls(once, tuple(parts), kind)

    def total(self, frame: pd.DataFrame, threads: int | None = None) -> np.ndarray:
        """(n,) the sum of each row.

        Parameters
        ----------
        frame : rows × at least the columns of the card.
        threads : how many work at once; None takes the cores that this process may use. It never changes the answer.
        """
        n = len(frame)
        total = np.full(n, self.once, dtype=self.kind)
        columns = _columns(self.parts, frame)
        starts = list(range(0, n, BLOCK))
        workers = min(threads or usable_cores(), max(len(starts) // 2, 1))
        if workers == 1:
            self._add(columns, starts, total)
        else:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(lambda w: self._add(columns, starts[w::workers], total), range(workers)))
        return total

    def _add(self, columns: Sequence[Column], starts: Sequence[int], total: np.ndarray) -> None:
        room = Room(min(BLOCK, len(total)), self.kind)
        for start in starts:
            rows = slice(start, min(start + BLOCK, len(total)))
            for part, column in zip(self.parts, columns, strict=True):
                values = column.block(rows)
                if isinstance(part, Steps):
                    part.add(values, total[rows], room)
                else:
                    total[rows] += part.given[values]


@dataclass(frozen=True, eq=False)
class Column:
    """The values of one column by block: floats, or bin numbers.

    A column of another number type is read block by block, so that no second table of floats is held.
    """

    values: np.ndarray | pd.Series
    form: str = ""

    def block(self, rows: slice) -> np.ndarray:
        """The values of these rows."""
        part = self.values[rows] if isinstance(self.values, np.ndarray) else self.values.iloc[rows]
        if isinstance(part, pd.Series):
            return read_numbers(part, self.form)
        return part.astype(np.float64) if part.dtype.kind in "iufb" and part.dtype != np.float64 and self.form else part


def _columns(parts: Sequence[Steps | Levels], frame: pd.DataFrame) -> list[Column]:
    """The column of each part. Those of floats are taken together where rows are few: one call instead of many."""
    names = [part.name for part in parts if isinstance(part, Steps)]
    floats: dict[str, np.ndarray] = {}
    if len(frame) < FEW_ROWS:
        kinds = dict(zip(frame.columns, frame.dtypes, strict=True))
        names = [name for name in names if kinds[name] == np.float64]
        floats = dict(zip(names, frame[names].to_numpy().T, strict=True))
    return [
        Column(floats[part.name]) if isinstance(part, Steps) and part.name in floats else _column(part, frame)
        for part in parts
    ]


def _column(part: Steps | Levels, frame: pd.DataFrame) -> Column:
    if isinstance(part, Levels):
        return Column(part.table.codes(part.table.values_in(frame)))
    values = frame[part.name]
    if part.form != "date" and isinstance(values.dtype, np.dtype) and values.dtype.kind in "iufb":
        return Column(values.to_numpy(), part.form)
    if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_datetime64_any_dtype(values.dtype):
        return Column(values, part.form)
    return Column(read_numbers(values, part.form))  # text is understood as a whole column


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
