"""Binning 1,000,000 rows: ours against np.sort, a compiled counting pass and optbinning, in one run.

The table has 50 numeric columns of ten kinds (normal, lognormal, rounded, zeros, counts, ages, shares, two long tails,
Pareto, a large offset) with 5 % missing and a special code in every fifth, 5 text columns of 5,000 levels, 5 % bads.
Each contestant runs in a process of its own on one core and on two, cold (its first call) and warm. Times are CPU
seconds and wall seconds; `x sort` is CPU seconds as a multiple of np.sort of the 50 columns in the same process. Ours
is the default `Binner()`, told of the special code. optbinning (auto trend, default settings, told of the code) is put
in a folder of its own, and measured column by column (`OptimalBinning` on arrays) and as a table (`BinningProcess`,
what stands beside `Binner`); `--peer-columns` measures fewer of its columns and says so.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._peers import peer_path

CODE = -999.0
LEVELS = 5_000
BLOCK = 1 << 15


def make_table(rows: int, columns: int, text: int = 0, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Numeric columns that carry a little risk each, text columns of many levels, and the target."""
    rng = np.random.default_rng(seed)
    log_odds = np.full(rows, -3.2)
    frame: dict[str, Any] = {}
    for c in range(columns):
        z = rng.normal(size=rows)
        log_odds += 0.35 / np.sqrt(columns / 10) * z
        x = _kind(z, c % 10, rng)
        x[rng.random(rows) < 0.05] = np.nan
        if c % 5 == 4:
            x[rng.random(rows) < 0.04] = CODE
        frame[f"x{c}"] = x
    for c in range(text):
        level = rng.zipf(1.3, rows) % LEVELS
        log_odds += 0.3 * rng.normal(size=LEVELS)[level]
        frame[f"t{c}"] = pd.Series(np.char.add("level ", level.astype(str)))
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


def measured(call: Callable[[], Any]) -> tuple[float, float, Any]:
    """CPU and wall seconds of one call, and what it gave."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = call()
    return time.process_time() - cpu, time.perf_counter() - wall, found


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
    """A floor: sort every column."""
    for name in frame:
        np.sort(frame[name].to_numpy())


def compiled_pass(frame: pd.DataFrame, y: np.ndarray) -> tuple[float, float]:
    """Another floor: one compiled loop that finds the cell of each value on a known linear grid, and counts."""
    import numba

    @numba.njit
    def count(x, y, low, scale, both):  # type: ignore[no-untyped-def]
        last = both.shape[1] - 2
        for i in range(len(x)):
            v = x[i]
            cell = last + 1 if v != v else min(max(int((v - low) * scale), 0), last)
            both[y[i], cell] += 1

    both = np.zeros((2, 16_385), dtype=np.int64)
    count(frame.iloc[:100, 0].to_numpy(), y[:100], 0.0, 1.0, both)  # compiled here, not timed

    def all_columns() -> None:
        for name in frame:
            x = frame[name].to_numpy()
            low, high = np.nanquantile(x[:20_000], [0.0005, 0.9995])
            count(x, y, low, 16_383 / max(high - low, 1e-300), both)

    return measured(all_columns)[:2]


def ours(frame: pd.DataFrame, y: np.ndarray, numbers: int) -> dict[str, Any]:
    """Cold and warm fits, transform, the floors and memory, of creditlab."""
    from creditlab.binning import Binner

    special = {"*": {CODE: "not connected"}}
    numeric = frame.iloc[:, :numbers]
    floor = min(measured(lambda: sort_columns(numeric))[:2] for _ in range(2))
    cold = measured(lambda: Binner(special=special).fit(numeric, y))
    warm = min((measured(lambda: Binner(special=special).fit(numeric, y)) for _ in range(2)), key=lambda m: m[0])
    transform = min(measured(lambda: warm[2].transform(numeric))[:2] for _ in range(3))
    found = {
        "sort": floor, "counting pass": compiled_pass(numeric, y), "fit cold": cold[:2], "fit": warm[:2],
        "transform": transform,
    }  # fmt: skip
    for name in frame.columns[numbers:][:1]:
        found["text column"] = measured(lambda n=name: Binner().fit(frame[[n]], y))[:2]
    tracemalloc.start()
    Binner(special=special).fit(frame, y)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return found | {"extra MiB": peak}


def optbinning(frame: pd.DataFrame, y: np.ndarray, columns: int) -> dict[str, Any]:
    """Fit and transform of optbinning's defaults on some columns: column by column as arrays, and the table at once.

    A single column comes first, so that none is cold.
    """
    from optbinning import BinningProcess, OptimalBinning

    OptimalBinning(special_codes=[CODE]).fit(frame.iloc[:20_000, 0].to_numpy(), y[:20_000])
    names = list(frame.columns[:columns])
    fit = measured(lambda: [OptimalBinning(special_codes=[CODE]).fit(frame[n].to_numpy(), y) for n in names])
    pairs = list(zip(fit[2], names, strict=True))

    def transform() -> list[Any]:
        return [b.transform(frame[n].to_numpy(), metric="woe") for b, n in pairs]

    least = min(measured(transform)[:2] for _ in range(3))
    some = frame[names]
    table_fit = measured(lambda: BinningProcess(names, special_codes=[CODE]).fit(some, y))
    table = min(measured(lambda: table_fit[2].transform(some, metric="woe"))[:2] for _ in range(3))
    return {
        "optbinning fit": fit[:2], "optbinning transform": least, "BinningProcess fit": table_fit[:2],
        "BinningProcess transform": table, "columns": len(names),
    }  # fmt: skip


def child(options: argparse.Namespace) -> int:
    """One contestant in this process; prints its figures as JSON."""
    if options.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    if options.child == "ours":
        frame, y = make_table(options.rows, options.columns, options.text)
        print(json.dumps(ours(frame, y, options.columns)))
    else:
        path = peer_path("optbinning")
        sys.path.insert(1, path or "")
        frame, y = make_table(options.rows, options.columns)
        print(json.dumps(optbinning(frame, y, options.peer_columns or options.columns)))
    return 0


def in_child(options: argparse.Namespace, contestant: str, cores: int) -> dict[str, Any]:
    """The figures of one contestant in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.binning", "--child", contestant, "--cores", str(cores)]
    command += [f"--{n}={getattr(options, n.replace('-', '_'))}" for n in ("rows", "columns", "text", "peer-columns")]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), str(cores))
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env=os.environ | threads,
        cwd=Path(__file__).resolve().parents[1],
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def show(name: str, times: tuple[float, float], floor: float) -> None:
    """One line of the table."""
    print(f"  {name:22s} CPU {times[0]:8.2f} s  wall {times[1]:8.2f} s  {times[0] / max(floor, 1e-9):7.2f} x sort")


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks binning", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--text", type=int, default=5)
    parser.add_argument("--peer-columns", type=int, default=0, help="columns that optbinning bins; 0: all")
    parser.add_argument("--child", choices=("ours", "optbinning"), help=argparse.SUPPRESS)
    parser.add_argument("--cores", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        return child(options)
    print(f"{options.rows:,} rows, {options.columns} numeric columns, {options.text} text columns of {LEVELS:,} levels")
    cpu, wall = first_call()
    print(f"import and first fit (2,000 rows) in a fresh process: CPU {cpu:.2f} s  wall {wall:.2f} s")
    peer = peer_path("optbinning") is not None
    for cores in (1, 2):
        found = in_child(options, "ours", cores)
        print(f"creditlab, {cores} core{'s' * (cores > 1)}; extra memory of a fit {found.pop('extra MiB'):.0f} MiB")
        floor = found["sort"][0]
        for name, times in found.items():
            show(name, times, floor)
        if peer:
            _show_peer(in_child(options, "optbinning", cores), found, options.columns)
    if not peer:
        print("optbinning could not be installed: not measured")
    return 0


def _show_peer(peer: dict[str, Any], found: dict[str, Any], columns: int) -> None:
    """Beside ours, scaled to all columns where fewer were measured."""
    scale = columns / peer.pop("columns")
    for name, times in peer.items():
        show(name, (times[0] * scale, times[1] * scale), found["sort"][0])
    note = "" if scale == 1 else f" (scaled from {columns / scale:.0f} columns)"
    for step in ("fit", "transform"):
        for name in ("optbinning", "BinningProcess"):
            ratio = [peer[f"{name} {step}"][k] * scale / found[step][k] for k in (0, 1)]
            print(f"  {step}: {name} / creditlab, CPU {ratio[0]:.1f}, wall {ratio[1]:.1f}{note}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
