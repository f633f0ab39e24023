"""Loan book: millions of loan-months read, classified, rolled and cut into vintages.

The tape is simulated: notes of 3 to 36 months over 66 month ends, ids as text, rows in random order, 8 % of the months
in arrears, the five plans, 600 villages. Times are wall and CPU seconds of this process. With --parquet the tape is
written to a file first and reading it is measured too.
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


def main(arguments: list[str]) -> int:
    """Measure and print; the sum is of reading into a book, classifying, rolling and the vintages."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks loans", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--parquet", action="store_true", help="read the tape from a file")
    options = parser.parse_args(arguments)
    from creditlab import loans

    loans.npl_ratios(make_tape(2000))  # what is loaded once is not measured
    tape = make_tape(options.rows)
    rows = len(tape["loan_months"])
    print(f"{rows:,} loan-months of {len(tape['loans']):,} notes")
    total = 0.0
    if options.parquet:
        with tempfile.TemporaryDirectory() as folder:
            for name, frame in tape.items():
                frame.to_parquet(Path(folder) / f"{name}.parquet", index=False)
            read = {name: Path(folder) / f"{name}.parquet" for name in tape}
            tape, seconds, _ = measured("read Parquet", lambda: {n: pd.read_parquet(p) for n, p in read.items()})
            total += seconds
    book, seconds, _ = measured("loan_book: check, number, sort", lambda: loans.loan_book(tape))
    total += seconds
    for name, call in (
        ("digest of the book (every result's stamp)", lambda: book.digest),
        ("classify: five classes by versioned rules", lambda: loans.classify(book)),
        ("transitions and roll rates, bank", lambda: loans.roll_rates(loans.transitions(book))),
        ("transitions by village, shrunken", lambda: loans.shrink(loans.transitions(book, "village_id"))),
        ("vintages by quarter and product", lambda: loans.vintage_curves(book, "product")),
        ("NPL ratios by month", lambda: loans.npl_ratios(book)),
    ):
        _, seconds, _ = measured(name, call)
        total += seconds
    print(f"{'sum':44s} wall {total:7.2f} s  {rows / total:,.0f} loan-months per second")
    measured("performance sample at one date (beside)", lambda: loans.performance_sample(book, "2023-12-31"))
    measured("hazard with 600 village effects (beside)", lambda: loans.hazard_model(book, covariates=["product"]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
