"""A whole county to features: read, check, household file, features, with the share of each step and of memory.

The county of 600 villages and about 200,000 households has some 3 million loan-months. It is made first, once, in a
process of its own, and kept in --folder. Seconds are wall and CPU of this process; memory is the peak of the process.
The other side is the cost that cannot be avoided: reading the same files and doing nothing with them, and the bytes
of the tables themselves.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

MAKE = (
    "from creditlab.data.world import make_county, write_county; import sys;"
    "n, homes, seed = map(int, sys.argv[1:4]);"
    "write_county(make_county(n, seed=seed, households_per_village=homes), sys.argv[4])"
)


class Clock:
    """Wall and CPU seconds of each step, and the peak of memory after it."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.start()

    def start(self) -> None:
        """Begin a step."""
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def stop(self, step: str) -> None:
        """End a step and begin the next."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        wall, cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu
        self.rows.append({"step": step, "wall": wall, "cpu": cpu, "peak_gb": peak})
        self.start()


def measured(folder: Path, as_of: str) -> tuple[pd.DataFrame, dict[str, int], float]:
    """Each step from the folder to the features, with its share of the CPU time, and the tables' own gigabytes."""
    import creditlab as cl

    clock = Clock()
    county = cl.read_county(folder)
    clock.stop("read")
    findings = county.check()
    clock.stop("check")
    file = county.household_file(as_of)
    clock.stop("household file")
    features = cl.make_features(file)
    clock.stop("features")
    table = pd.DataFrame(clock.rows)
    table["share"] = table["cpu"] / table["cpu"].sum()
    counts = {
        "households": len(features.frame),
        "features": features.frame.shape[1],
        "loan_months": len(county.tables["loan_months"].frame),
        "rows": sum(len(s.frame) for s in county.tables.values()),
        "findings": len(findings),
    }  # fmt: skip
    held = sum(s.frame.memory_usage(index=True, deep=True).sum() for s in county.tables.values())
    return table, counts, held / 1e9


def floor(folder: Path) -> float:
    """CPU seconds of reading all files and doing nothing with them."""
    begun = time.process_time()
    for file in sorted(folder.glob("*.parquet")):
        pd.read_parquet(file)
    return time.process_time() - begun


def main(given: list[str] | None = None) -> int:
    """Make the county if it is not there, measure, print; 1 when it misses the 60 seconds or the 4 GB."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--villages", type=int, default=600)
    parser.add_argument("--households", type=int, default=333, help="mean households of a village")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--as-of", default="2023-12-31")
    parser.add_argument("--folder", type=Path, help="keep the county here, or read the one that is there")
    options = parser.parse_args(given)
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made) / "county"
        if not (folder / "households.parquet").is_file():
            size = [str(options.villages), str(options.households), str(options.seed)]
            subprocess.run([sys.executable, "-c", MAKE, *size, str(folder)], check=True)
        table, counts, held = measured(folder, options.as_of)
        plain = floor(folder)
    print(", ".join(f"{v:,} {k}" for k, v in counts.items()))
    print(table.round({"wall": 1, "cpu": 1, "peak_gb": 2, "share": 3}).to_string(index=False))
    total, wall, peak = table["cpu"].sum(), table["wall"].sum(), table["peak_gb"].max()
    print(f"in all {total:.1f} s CPU ({wall:.1f} s wall), peak {peak:.2f} GB")
    print(f"reading alone {plain:.1f} s CPU: ratio {total / plain:.1f}")
    print(f"tables alone {held:.2f} GB: ratio {peak / held:.1f}")
    worst = max(total, wall)
    print(f"aims: 60 s {'met' if worst <= 60 else 'missed'} on CPU and wall, 4 GB {'met' if peak <= 4 else 'missed'}")
    return 0 if worst <= 60 and peak <= 4 else 1


if __name__ == "__main__":
    sys.exit(main())
