"""Loan book: millions of loan-months read, classified, rolled and cut into vintages.

The tape is simulated: notes of 3 to 36 months over 66 month ends, ids as text, rows in random order, 8 % of the months
in arrears, the five plans, 600 villages. Times are wall and CPU seconds of this process (CPU of all threads). With
--parquet the tape is written to a file first and reading it is measured too. DuckDB counts the same classes, pairs of
months and vintages on two threads, and the counts are compared.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MONTHS = 66
CLASSES = np.array(["normal", "special_mention", "substandard", "doubtful", "loss"], dtype=object)


def make_tape(rows: int, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Loans, loan months and households of about so many loan-months."""
    rng = np.random.default_rng(seed)
    notes = max(rows // 12, 1)
    start = rng.integers(-6, MONTHS - 1, notes)
    term = rng.choice([6, 11, 12, 24, 36], notes, p=(0.1, 0.3, 0.4, 0.15, 0.05))
    fails = rng.random(notes) < 0.08
    first, last = np.maximum(start, 0), np.minimum(start + term + np.where(fails, 18, 0), MONTHS - 1)
    count = last - first + 1
    note = np.repeat(np.arange(notes), count)
    month = np.arange(len(note)) - np.repeat(np.cumsum(count) - count, count) + first[note]
    late = (month - start[note] - term[note] + 1) * 30
    dpd = np.where(fails[note] & (late > 0), late, np.where(rng.random(len(note)) < 0.03, 15, 0))
    order = rng.permutation(len(note))
    ids = pd.Series(pd.array([f"N{i:08d}" for i in range(notes)], dtype="str"))
    homes = pd.array([f"H{i:08d}" for i in range(notes)], dtype="str")
    base = np.datetime64("2020-01")
    amount = np.round(rng.lognormal(10.5, 0.8, notes), -2)
    level = (dpd > 0).astype(int) + (dpd > 90) + (dpd > 270) + (dpd > 360)
    loans = pd.DataFrame(
        {
            "note_id": ids,
            "household_id": homes,
            "borrower_id": homes,
            "borrower_kind": rng.choice(["person", "firm"], notes, p=(0.97, 0.03)),
            "granted_on": (base + start).astype("datetime64[D]") + 9,
            "due_on": (base + start + term).astype("datetime64[D]") + 9,
            "amount": amount,
            "plan": rng.choice(
                ["harvest", "instalments", "monthly_interest", "quarterly_interest", "revolving"], notes
            ),
            "product": rng.choice(["farmer_micro", "business_operating", "online_quick"], notes),
            "channel": rng.choice(["branch", "agent", "mobile", "wechat"], notes),
        }
    )
    months = pd.DataFrame(
        {
            "note_id": ids.take(note[order]).reset_index(drop=True),
            "month_end": ((base + month[order] + 1).astype("datetime64[D]") - 1).astype("datetime64[us]"),
            "balance": amount[note[order]],
            "overdue_principal": np.where(dpd[order] > 0, amount[note[order]], 0.0),
            "overdue_interest": 0.0,
            "dpd": dpd[order],
            "class5": pd.Categorical.from_codes(level[order], categories=CLASSES).astype("str"),
            "extended": 0,
            "restructured": 0,
            "written_off": 0,
            "transferred": 0,
        }
    )
    villages = pd.DataFrame({"household_id": homes, "village_id": rng.integers(0, 600, notes).astype(str)})
    return {"loans": loans, "loan_months": months, "households": villages}


def measured(name: str, call: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result, wall and CPU seconds of one call, printed."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    seconds, used = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:44s} wall {seconds:7.2f} s  CPU {used:7.2f} s")
    return result, seconds, used


def cut(tape: dict[str, pd.DataFrame], rows: int) -> dict[str, pd.DataFrame]:
    """The tape with exactly so many loan-months."""
    return tape | {"loan_months": tape["loan_months"].iloc[:rows].reset_index(drop=True)}


#: the steps that DuckDB does too
ALIKE = ("book", "classes", "moves", "vintages")


def ours(tape: dict[str, pd.DataFrame]) -> tuple[float, float, dict[str, Any]]:
    """Wall seconds of all steps from frames to ratios, CPU seconds of those that DuckDB does too, what came out."""
    from creditlab import loans

    found: dict[str, Any] = {}
    found["book"], total, alike = measured("loan_book: check, number, sort", lambda: loans.loan_book(tape))
    book = found["book"]
    for key, name, call in (
        ("digest", "digest of the book (every result's stamp)", lambda: book.digest),
        ("classes", "classify: five classes by versioned rules", lambda: loans.classify(book)),
        ("moves", "transitions, bank", lambda: loans.transitions(book)),
        ("rolls", "roll rates", lambda: loans.roll_rates(found["moves"])),
        ("villages", "transitions by village, shrunken", lambda: loans.shrink(loans.transitions(book, "village_id"))),
        ("vintages", "vintages by quarter and product", lambda: loans.vintage_curves(book, "product")),
        ("ratios", "NPL ratios by month", lambda: loans.npl_ratios(book)),
    ):
        found[key], seconds, used = measured(name, call)
        total, alike = total + seconds, alike + used * (key in ALIKE)
    return total, alike, found


#: the same counts in SQL: classes by month, pairs of months by bucket, first hits by cohort and age
_PREPARED = """
CREATE TABLE tape AS
SELECT m.note_id, m.month_end, m.balance, m.dpd, m.class5, l.granted_on, l.product,
       date_diff('month', DATE '2020-01-01', m.month_end) AS t
FROM months m JOIN loans l USING (note_id)
ORDER BY m.note_id, m.month_end"""
_CLASSES = """
SELECT month_end, greatest(
         CASE class5 WHEN 'normal' THEN 0 WHEN 'special_mention' THEN 1 WHEN 'substandard' THEN 2
                     WHEN 'doubtful' THEN 3 ELSE 4 END,
         CASE WHEN granted_on < DATE '2023-07-01' AND month_end < DATE '2025-12-31'
              THEN (dpd > 0)::INT + (dpd > 90)::INT
              ELSE (dpd > 0)::INT + (dpd > 90)::INT + (dpd > 270)::INT + (dpd > 360)::INT END) AS class,
       count(*) AS notes, sum(balance) AS balance
FROM tape GROUP BY ALL ORDER BY ALL"""
_MOVES = """
WITH b AS (SELECT note_id, t,
                  (dpd > 0)::INT + (dpd > 30)::INT + (dpd > 60)::INT + (dpd > 90)::INT + (dpd > 180)::INT AS s
           FROM tape),
     p AS (SELECT s, lead(s) OVER w AS next, lead(t) OVER w - t AS gap FROM b
           WINDOW w AS (PARTITION BY note_id ORDER BY t))
SELECT s, next, count(*) AS n FROM p WHERE gap = 1 GROUP BY ALL ORDER BY ALL"""
_VINTAGES = """
WITH f AS (SELECT note_id, min(t) AS hit FROM tape WHERE dpd > 90 GROUP BY note_id)
SELECT date_trunc('quarter', granted_on) AS cohort, product,
       hit - date_diff('month', DATE '2020-01-01', granted_on) AS age, count(*) AS bad
FROM f JOIN loans USING (note_id) WHERE granted_on >= DATE '2020-01-01' GROUP BY ALL ORDER BY ALL"""


def duckdb_side(tape: dict[str, pd.DataFrame], found: dict[str, Any]) -> tuple[float, float]:
    """Wall and CPU seconds of the same counts in DuckDB, after checking that they are the same."""
    import duckdb

    database = duckdb.connect()
    database.execute("SET threads = 2")
    database.register("months", tape["loan_months"])
    database.register("loans", tape["loans"])
    _, total, cpu = measured("DuckDB: join and sort", lambda: database.execute(_PREPARED))
    answers = {}
    for key, sql in (("classes", _CLASSES), ("moves", _MOVES), ("vintages", _VINTAGES)):
        answers[key], seconds, used = measured(f"DuckDB: {key}", lambda sql=sql: database.execute(sql).df())  # type: ignore[misc]
        total, cpu = total + seconds, cpu + used
    same(answers, found)
    return total, cpu


def same(answers: dict[str, pd.DataFrame], found: dict[str, Any]) -> None:
    """Both sides counted the same; else the comparison is void."""
    by_rule = found["classes"].tidy()
    assert answers["classes"]["notes"].sum() == by_rule["notes_rule"].sum()
    ours_by_class = by_rule.groupby("class5")["notes_rule"].sum().reindex(CLASSES).to_numpy()
    np.testing.assert_array_equal(answers["classes"].groupby("class")["notes"].sum().to_numpy(), ours_by_class)
    square = answers["moves"].pivot(index="s", columns="next", values="n").fillna(0).to_numpy()
    np.testing.assert_array_equal(square, found["moves"].counts().to_numpy()[: len(square), : square.shape[1]])
    ages = found["vintages"].tidy()
    ever = ages[ages["age"] == ages["age"].max()]["bad"].sum()
    vintages = answers["vintages"]
    assert vintages.loc[vintages["age"] <= ages["age"].max(), "bad"].sum() == ever


def main(arguments: list[str]) -> int:
    """Measure both sides and print their ratio; ours is also the sum with villages, ratios and digests."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks loans", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--parquet", action="store_true", help="read the tape from a file")
    parser.add_argument("--beside", action="store_true", help="measure the sample and the hazard too")
    options = parser.parse_args(arguments)
    from creditlab import loans

    loans.npl_ratios(make_tape(2000))  # what is loaded once is not measured
    tape = cut(make_tape(int(options.rows * 1.05)), options.rows)
    rows = len(tape["loan_months"])
    print(f"{rows:,} loan-months of {len(tape['loans']):,} notes")
    total = 0.0
    if options.parquet:
        with tempfile.TemporaryDirectory() as folder:
            for name, frame in tape.items():
                frame.to_parquet(Path(folder) / f"{name}.parquet", index=False)
            read = {name: Path(folder) / f"{name}.parquet" for name in tape}
            tape, total, _ = measured("read Parquet", lambda: {n: pd.read_parquet(p) for n, p in read.items()})
    seconds, alike, found = ours(tape)
    total += seconds
    print(f"{'sum':44s} wall {total:7.2f} s  {rows / total:,.0f} loan-months per second")
    wall, cpu = duckdb_side(tape, found)
    print(f"{'sum, DuckDB':44s} wall {wall:7.2f} s  CPU {cpu:7.2f} s")
    print(f"{'the same steps, ours':44s} CPU {alike:.2f} s; ours over DuckDB, CPU {alike / cpu:.2f}")
    if options.beside:
        book = found["book"]
        measured("performance sample at one date", lambda: loans.performance_sample(book, "2023-12-31"))
        measured("hazard with 600 village effects", lambda: loans.hazard_model(book, covariates=["product"]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
