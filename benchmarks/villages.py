"""Villages: BYM2 from 300 villages and 10,000 loans to 10,000 villages and 5,000,000 loans, seconds and memory.

Each size runs in a process of its own: loans are made, the clock starts, `VillageLogit(spatial="bym2")` gathers them
into sufficient statistics and fits, with intervals and P(top k). Times are CPU and wall seconds without making or
reading loans; memory is the highest of the whole process, the loans themselves among it. The other smoothers and the
tests of geography are timed on the same county. The error of the grid of offsets is printed beside what was measured
against loans that were not gathered.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np

SIZES = [(300, 10_000), (1_000, 100_000), (3_000, 1_000_000), (10_000, 5_000_000)]
#: what was promised: seconds for the smallest and the largest size, MiB for the largest, log-odds for the grid
SMALL_SECONDS, LARGE_SECONDS, LARGE_MIB, GRID = 1.0, 30.0, 2048, 1e-4


def made(villages: int, loans: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, Any]:
    """Outcomes, log-odds and villages of so many loans, and the neighbours."""
    from creditlab import village as vl

    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, np.sqrt(villages), (villages, 2))
    graph = vl.Graph.nearest(xy)
    share = rng.lognormal(0, 0.7, villages)
    village = rng.choice(villages, loans, p=share / share.sum())
    wave = np.sin(xy[:, 0]) * 0.4 + rng.normal(0, 0.3, villages)
    offset = rng.normal(-3.2, 0.9, loans)
    bad = (rng.random(loans) < 1 / (1 + np.exp(-offset - wave[village]))).astype(np.int8)
    return bad, offset, village, graph


def measure(villages: int, loans: int) -> dict[str, Any]:
    """Seconds, memory and the error of the grid, for one size."""
    from creditlab import village as vl

    warm = made(30, 600, seed=1)
    vl.VillageLogit(spatial="bym2").fit(*warm[:3], graph=warm[3])  # what is imported once
    bad, offset, village, graph = made(villages, loans)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu, wall = time.process_time(), time.perf_counter()
    result = vl.VillageLogit(spatial="bym2").fit(bad, offset, village, graph=graph).result_
    found = {
        "villages": villages,
        "loans": loans,
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
    }
    found["mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found |= {"mib_before": held, "grid_error": result.facts["grid_error"], "sd": result.facts["sd"]}
    found["seen_error"] = grid_seen(bad, offset, village, villages)
    return found | _others(bad, offset, village, graph, villages)


def grid_seen(bad: np.ndarray, offset: np.ndarray, village: np.ndarray, villages: int) -> float:
    """The largest change of a village's level by gathering, against its loans one by one, in log-odds."""
    from creditlab.village.likelihood import gather, tabulate

    likelihood = tabulate(gather(bad.astype(float), offset, village, villages))
    worst = 0.0
    for level in (-0.5, 0.0, 0.7):
        p = 1 / (1 + np.exp(-offset - level))
        exact = np.bincount(village, bad - p, villages)
        curvature = np.bincount(village, p * (1 - p), villages)
        slope = likelihood.slope(np.full(villages, level))
        worst = max(worst, float(np.max(np.abs(slope - exact) / np.maximum(curvature, 1e-12))))
    return worst


def _others(bad: np.ndarray, offset: np.ndarray, village: np.ndarray, graph: Any, villages: int) -> dict[str, float]:
    """CPU seconds of the other smoothers and of the tests of geography."""
    from creditlab import village as vl

    p = 1 / (1 + np.exp(-offset))
    seen, hoped = np.bincount(village, bad, villages), np.bincount(village, p, villages)
    spread = np.bincount(village, p * (1 - p), villages)
    calls = {
        "gamma_s": lambda: vl.PoissonGamma().fit(seen, hoped, spread),
        "logit_s": lambda: vl.VillageLogit().fit(bad, offset, village),
        "moran_s": lambda: vl.moran(seen, graph, size=hoped, variance=spread),
        "lisa_s": lambda: vl.lisa(seen, graph, size=hoped, variance=spread),
    }
    found = {}
    for name, call in calls.items():
        start = time.process_time()
        call()
        found[name] = time.process_time() - start
    return found


def main(arguments: list[str] | None = None) -> int:
    """A row per size, the growth between them, and whether what was promised holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--one", nargs=2, type=int, metavar=("VILLAGES", "LOANS"), help="one size, as JSON")
    parser.add_argument("--most", type=int, default=10_000, help="leave out sizes with more villages")
    asked = parser.parse_args(arguments)
    if asked.one:
        print(json.dumps(measure(*asked.one)))
        return 0
    rows = []
    for villages, loans in [size for size in SIZES if size[0] <= asked.most]:
        command = [sys.executable, "-m", "benchmarks", "villages", "--one", str(villages), str(loans)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout))
        print(" ".join(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v:,}" for k, v in rows[-1].items()))
    for a, b in zip(rows[:-1], rows[1:], strict=True):
        ratio = b["loans"] / a["loans"]
        print(f"loans x{ratio:.0f}, villages x{b['villages'] / a['villages']:.1f}: CPU x{b['cpu_s'] / a['cpu_s']:.1f}")
    first, last = rows[0], rows[-1]
    held = [first["cpu_s"] < SMALL_SECONDS, all(max(r["grid_error"], r["seen_error"]) < GRID for r in rows)]
    if last["villages"] == SIZES[-1][0]:
        held += [last["cpu_s"] < LARGE_SECONDS, last["mib"] < LARGE_MIB]
    print("holds" if all(held) else f"does not hold: {held}")
    return int(not all(held))


if __name__ == "__main__":
    sys.exit(main())
