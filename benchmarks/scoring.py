"""Scoring 1,000,000 rows of 51 features: rows per second, one row, and memory, beside optbinning in the same run.

50 numeric columns with 5 % missing and a special code in every fifth, one text column of 40 levels. One card has six
cuts a column, one seventeen (shapes are free, so that all are used). Times are the best wall time of a few runs with
one and two threads; memory is the peak of what is allocated beside the table. optbinning scores the same rows by its
own card of as many cuts, in a process and a folder of its own. `--peer-rows` measures it on fewer rows.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._peers import peer_path

CODE, NUMBERS, LEVELS, SAMPLE = -999.0, 50, 40, 60_000


def make_table(rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """The columns and the target."""
    rng = np.random.default_rng(seed)
    risk, level = rng.normal(size=rows), rng.integers(0, LEVELS, rows)
    frame: dict[str, Any] = {}
    for c in range(NUMBERS):
        x = 0.3 * risk + rng.normal(size=rows)
        x = (x, np.exp(x), np.round(x, 1))[c % 3]
        x[rng.random(rows) < 0.05] = np.nan
        if c % 5 == 4:
            x[rng.random(rows) < 0.04] = CODE
        frame[f"x{c}"] = x
    frame["crop"] = pd.Categorical.from_codes(level, [f"level {k}" for k in range(LEVELS)])
    log_odds = -2.5 + risk + 0.5 * (level % 5 == 0)
    return pd.DataFrame(frame), (rng.random(rows) < 1 / (1 + np.exp(-log_odds))).astype(int)


def best(call: Callable[[], Any], times: int = 5) -> float:
    """Least wall seconds of a few calls."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def make_card(bins: int) -> Any:
    """A card that keeps all columns, with `bins` bins a column in any shape."""
    from creditlab import Binner, Scorecard

    X, y = make_table(SAMPLE, seed=0)
    special = {f"x{c}": [CODE] for c in range(4, NUMBERS, 5)}
    binner = Binner("free", bins, min(0.05, 0.5 / bins), special=special)
    keep = {"min_iv": 0, "max_correlation": 1, "events_per_feature": 0, "min_z": 0, "sign_constrained": False}
    return Scorecard(binner, **keep).fit(X, y)


def ours(bins: int, rows: int) -> dict[str, Any]:
    """Rows per second, milliseconds of one row, memory."""
    from creditlab import load

    card = make_card(bins)
    result = card.result_
    cuts = [len(result.bins[name].spec.cuts) for name in result.features if result.bins[name].kind == "numeric"]
    row: dict[str, Any] = {"card": "creditlab", "features": len(result.features), "cuts": float(np.mean(cuts))}
    frame, _ = make_table(rows, seed=1)
    for threads in (1, 2):
        row[f"rows_per_s_{threads}"] = rows / best(lambda t=threads: card.points(frame, threads=t))
    tracemalloc.start()
    card.points(frame, threads=2)
    row["memory_mb"] = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    with tempfile.TemporaryDirectory() as folder:
        card.to_json(Path(folder) / "card.json")
        loaded = load(Path(folder) / "card.json")
    one = frame.iloc[:1]
    row["first_row_ms"] = 1e3 * best(lambda: loaded.points(one), times=1)
    row["one_row_ms"] = 1e3 * statistics.median(best(lambda: loaded.points(one), times=1) for _ in range(200))
    assert loaded.points(frame.head(1000)).tolist() == card.points(frame).head(1000).tolist()
    return row


def theirs(bins: int, rows: int) -> dict[str, Any]:
    """The same of optbinning; run in a process that has it on its path."""
    from optbinning import BinningProcess, Scorecard
    from sklearn.linear_model import LogisticRegression

    X, y = make_table(SAMPLE, seed=0)
    X["crop"] = X["crop"].astype(object)
    process = BinningProcess(
        list(X), max_n_bins=bins, max_n_prebins=max(20, 2 * bins), categorical_variables=["crop"],
        special_codes=[CODE], min_bin_size=min(0.05, 0.5 / bins), n_jobs=1,
        binning_fit_params={name: {"monotonic_trend": None} for name in X},
    )  # fmt: skip
    card = Scorecard(
        process, LogisticRegression(max_iter=1000), scaling_method="pdo_odds", rounding=True,
        scaling_method_params={"pdo": 50, "odds": 19, "scorecard_points": 600},
    ).fit(X, y)  # fmt: skip
    cuts = [len(card.binning_process_.get_binned_variable(name).splits) for name in X if name != "crop"]
    frame, _ = make_table(rows, seed=1)
    frame["crop"] = frame["crop"].astype(object)
    taken = best(lambda: card.score(frame), times=2)
    tracemalloc.start()
    card.score(frame)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    return {"card": "optbinning", "features": X.shape[1], "cuts": float(np.mean(cuts)), "rows_per_s_1": rows / taken,
            "memory_mb": peak}  # fmt: skip


def in_process(who: str, bins: int, rows: int, path: str) -> dict[str, Any]:
    """One contestant in a process of its own."""
    root = str(Path(__file__).resolve().parents[1])
    found = os.pathsep.join([root, *([path] if path else [])])
    env = os.environ | {"PYTHONPATH": found, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.scoring", "--who", who, "--bins", str(bins)]
    done = subprocess.run([*command, "--rows", str(rows)], capture_output=True, text=True, encoding="utf-8", env=env)
    if done.returncode:
        return {"card": who, "cuts": bins - 1, "failed": done.stderr.strip().splitlines()[-1:]}
    return json.loads(done.stdout.splitlines()[-1])


def main(arguments: list[str]) -> int:
    """Print the table; 1 when a target is missed on a machine that has two cores to give."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks scoring")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peer-rows", type=int, default=1_000_000)
    parser.add_argument("--bins", type=int, default=0)
    parser.add_argument("--who", choices=("ours", "theirs"))
    options = parser.parse_args(arguments)
    if options.who:
        print(json.dumps((ours if options.who == "ours" else theirs)(options.bins, options.rows)))
        return 0
    found = []
    path = peer_path("optbinning")
    for bins in (7, 18):
        found.append(in_process("ours", bins, options.rows, ""))
        if path is not None:
            found.append(in_process("theirs", bins, options.peer_rows, path) | {"rows": options.peer_rows})
    frame = pd.DataFrame(found)
    frame["rows"] = frame.get("rows", pd.Series(dtype=float)).fillna(options.rows).astype(int)
    print(frame.to_string(index=False, float_format=lambda v: f"{v:,.2f}", na_rep=""))
    if path is None:
        print("optbinning could not be installed and was not measured")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
