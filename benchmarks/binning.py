"""Binning: ours against np.sort of the same columns (the floor) and optbinning where it is installed.

The table has numeric columns of ten kinds (normal, lognormal, rounded, zeros, counts, ages, shares, two long tails,
Pareto, a large offset) with 5 % missing, a special code in every fifth, and 5 % bads. Times are CPU seconds and wall
seconds of this process; `x sort` is CPU seconds as a multiple of np.sort. It measures the default `Binner()`.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

CODE = -999.0


def make_table(rows: int, columns: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Numeric columns that carry a little risk each, and the target."""
    rng = np.random.default_rng(seed)
    log_odds = np.full(rows, -3.2)
    frame = {}
    for c in range(columns):
        z = rng.normal(size=rows)
        log_odds += 0.35 / np.sqrt(columns / 10) * z
        x = _kind(z, c % 10, rng)
        x[rng.random(rows) < 0.05] = np.nan
        if c % 5 == 4:
            x[rng.random(rows) < 0.04] = CODE
        frame[f"x{c}"] = x
    return pd.DataFrame(frame), (rng.random(rows) < 1 / (1 + np.exp(-log_odds))).astype(np.int8)


def _kind(z: np.ndarray, kind: int, rng: np.random.Generator) -> np.ndarray:
    return [
        lambda: z.copy(),
        lambda: np.exp(8 + z),
        lambda: np.round(np.exp(9 + z), -2),
        lambda: np.where(rng.random(len(z)) < 0.4, 0.0, np.exp(z)),
        lambda: np.floor(np.exp(1 + 0.5 * z)),
        lambda: np.clip(np.round(45 + 12 * z), 18, 90),
        lambda: 1 / (1 + np.exp(-z)),
        lambda: np.sinh(3 * z),
        lambda: (1 - 0.999 / (1 + np.exp(-1.7 * z))) ** -0.8,
        lambda: 1e6 + z,
    ][kind]()


def measured(call: Callable[[], Any]) -> tuple[float, float]:
    """CPU and wall seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.process_time() - cpu, time.perf_counter() - wall


def first_call() -> tuple[float, float]:
    """CPU and wall seconds of import and first fit, in a process of its own: nothing here can have warmed it."""
    program = (
        "import time; wall, cpu = time.perf_counter(), time.process_time()\n"
        "import numpy as np, pandas as pd; from creditlab.binning import Binner\n"
        "rng = np.random.default_rng(0); frame = pd.DataFrame({'x': rng.normal(size=2000)})\n"
        "Binner().fit(frame, rng.integers(0, 2, 2000))\n"
        "print(time.process_time() - cpu, time.perf_counter() - wall)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, encoding="utf-8", check=True)
    cpu, wall = map(float, done.stdout.split())
    return cpu, wall


def sort_columns(frame: pd.DataFrame) -> None:
    """The floor: sort every column."""
    for name in frame:
        np.sort(frame[name].to_numpy())


def optbinning_columns(frame: pd.DataFrame, y: np.ndarray) -> None:
    """optbinning's default on every column."""
    from optbinning import OptimalBinning

    for name in frame:
        OptimalBinning(special_codes=[CODE]).fit(frame[name].to_numpy(), y)


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks binning", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=20)
    options = parser.parse_args(arguments)
    frame, y = make_table(options.rows, options.columns)
    print(f"binning of {options.rows:,} rows x {options.columns} numeric columns, {y.mean():.1%} bads")
    cpu, wall = first_call()
    print(f"import and first fit (2,000 rows) in a fresh process: CPU {cpu:.2f} s  wall {wall:.2f} s")
    _fit(frame.iloc[:2000], y[:2000])
    floor = measured(lambda: sort_columns(frame))
    binner: list[Any] = []
    times = {"np.sort (floor)": floor, "creditlab Binner().fit": measured(lambda: binner.append(_fit(frame, y)))}
    times["creditlab transform"] = measured(lambda: binner[0].transform(frame))
    if importlib.util.find_spec("optbinning"):
        times["optbinning fit"] = measured(lambda: optbinning_columns(frame, y))
    for name, (cpu, wall) in times.items():
        print(f"{name:24s} CPU {cpu:7.2f} s  wall {wall:7.2f} s  {cpu / max(floor[0], 1e-9):6.2f} x sort")
    if "optbinning fit" not in times:
        print("optbinning is not installed: it is no dependency of creditlab; install it beside to compare")
    tracemalloc.start()
    _fit(frame, y)
    print(f"extra memory of a fit: {tracemalloc.get_traced_memory()[1] / 2**20:.0f} MiB")
    tracemalloc.stop()
    return 0


def _fit(frame: pd.DataFrame, y: np.ndarray) -> Any:
    from creditlab.binning import Binner

    return Binner(special={"*": {CODE: "not connected"}}).fit(frame, y)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
