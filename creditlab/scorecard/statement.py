"""The card as one SQL statement: the integer points of every row, from the edges and points that scoring here uses.

Use it where the card must run inside a database. Every characteristic is one CASE expression over whole numbers, so the
sum is exact in every dialect; how values are read is told in `binning.code`. It does not create tables or views.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from creditlab.binning import BinSpec
from creditlab.binning.code import DIALECTS, identifier, sql_case
from creditlab.checks import check_one_of
from creditlab.errors import InputError, message

#: other names of the same dialects
ALIASES = {"postgresql": "postgres", "spark": "hive", "databricks": "hive", "mssql": "sqlserver", "mariadb": "mysql"}
TOTAL, PART = "points", "points_"


def card_statement(
    specs: Sequence[BinSpec],
    once: int,
    points: Mapping[str, np.ndarray],
    *,
    dialect: str = "duckdb",
    table: str | Sequence[str] = "t",
    keep: Sequence[str] = (),
    parts: bool = False,
    heading: str = "",
) -> str:
    """A SELECT of the points of every row of a table.

    Parameters
    ----------
    specs, points : the bins and the integer points per bin of each characteristic, by name.
    once : points that every row gets.
    dialect : duckdb, postgres, mysql, oracle, sqlserver, sqlite or hive (also Spark), or one of `ALIASES`.
    table : its name, or schema and name.
    keep : columns to give as they are, before the points (an identity, a date).
    parts : whether the points of each characteristic are given too, as `points_<name>`.
    heading : a comment above the statement.

    Raises
    ------
    InputError : for a dialect that is not known, or kept columns that repeat or are called like what is added.

    >>> spec = BinSpec("age", "number", cuts=(30.0,))
    >>> print(card_statement([spec], 500, {"age": np.array([-5, 7, 0])}, keep=["id"]))
    SELECT
      k1 AS "id",
      500 + s1 AS "points"
    FROM (
    SELECT
    "id" AS k1,
    CASE
      WHEN "age" IS NULL OR isnan(CAST("age" AS DOUBLE)) THEN 0
      WHEN CAST("age" AS DOUBLE) < 30.0e0 THEN -5
      ELSE 7
    END AS s1
    FROM "t"
    ) scored
    """
    dialect = check_one_of(ALIASES.get(dialect, dialect), tuple(DIALECTS), "dialect")
    added = [TOTAL, *(f"{PART}{spec.name}" for spec in specs if parts)]
    kept = _check_kept(keep, added)
    cases = [f"{sql_case(spec, points[spec.name], None, dialect)} AS s{k + 1}" for k, spec in enumerate(specs)]
    inner = [f"{identifier(name, dialect)} AS k{k + 1}" for k, name in enumerate(kept)] + cases
    total = " + ".join([str(int(once)), *(f"s{k + 1}" for k in range(len(specs)))])
    outer = [f"k{k + 1} AS {identifier(name, dialect)}" for k, name in enumerate(kept)]
    outer += [f"{total} AS {identifier(TOTAL, dialect)}"]
    outer += [f"s{k + 1} AS {identifier(name, dialect)}" for k, name in enumerate(added[1:])]
    comment = "".join(f"-- {line}\n" for line in heading.splitlines())
    return (
        f"{comment}SELECT\n  " + ",\n  ".join(outer) + "\nFROM (\nSELECT\n" + ",\n".join(inner or ["0 AS s0"])
        + f"\nFROM {_table(table, dialect)}\n) scored"
    )  # fmt: skip


def _table(table: str | Sequence[str], dialect: str) -> str:
    names = [table] if isinstance(table, str) else list(table)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise InputError(
            message("the name of a table", repr(table), "table", "Write 'households' or ('risk', 'households').")
        )
    return ".".join(identifier(name, dialect) for name in names)


def _check_kept(keep: Sequence[str], added: Sequence[str]) -> list[str]:
    kept = [keep] if isinstance(keep, str) else list(keep)
    # databases compare names without case as a rule
    names = [str(name).lower() for name in (*kept, *added)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            message(
                "columns that are called differently from each other and from what is added",
                ", ".join(twice),
                "keep",
                "Leave them out, or rename them in a view.",
            )
        )
    return kept
