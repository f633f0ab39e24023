"""Report of a validation: 100,000 rows tested and written as one page, and how fast Chromium opens it.

A saved card and a foreign PD are validated on the same made table, through the function that the command line calls.
Times are wall and CPU seconds of this process; the page is opened with the network off.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

FEATURES = 20
VILLAGES = 400


def make_table(rows: int, seed: int = 0) -> pd.DataFrame:
    """Numeric features with gaps, a text column, villages with effects of their own, months, a target."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(rows, FEATURES)), columns=[f"x{k:02d}" for k in range(FEATURES)])
    X["crop"] = rng.choice(["wheat 小麦", "maize 玉米", "vegetables 蔬菜"], rows)
    village = rng.integers(0, VILLAGES, rows)
    log_odds = (
        -2.8
        + 0.5 * X["x00"]
        - 0.4 * X["x01"]
        + 0.3 * (X["crop"] == "maize 玉米")
        + rng.normal(0, 0.4, VILLAGES)[village]
    )
    X = X.mask(rng.random(X.shape) < 0.03)
    X["village"] = np.char.add("V", village.astype(str))
    X["month"] = pd.Timestamp("2022-01-31") + pd.to_timedelta(rng.integers(0, 24, rows) * 30, unit="D")
    X["pd"] = 1 / (1 + np.exp(-log_odds))
    X["bad"] = (rng.random(rows) < X["pd"]).astype(int)
    return X


async def _load(path: Path) -> float:
    import choreographer

    async with choreographer.Browser(headless=True) as browser:
        tab = await browser.create_tab("about:blank")
        for domain in ("Runtime", "Page", "Network"):
            await tab.send_command(f"{domain}.enable")
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        await tab.send_command("Network.emulateNetworkConditions", params=offline)
        await tab.send_command("Page.navigate", params={"url": path.as_uri()})
        await asyncio.sleep(5)
        asked = {"expression": "performance.timing.loadEventEnd - performance.timing.navigationStart"}
        answer = await tab.send_command("Runtime.evaluate", params=asked)
        return float(answer["result"]["result"]["value"]) / 1000


def load_seconds(path: Path) -> float:
    """Seconds from navigation to the end of the load event in headless Chromium, the network off."""
    return asyncio.run(_load(path))


def _made(name: str, out: Path, **call: Any) -> None:
    from creditlab.study import validation_report

    wall, cpu = time.perf_counter(), time.process_time()
    validation_report(out=out, target="bad", group="village", date="month", **call)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:14s} made {wall:6.1f} s wall, {cpu:6.1f} s CPU; {out.stat().st_size / 1e6:.2f} MB", end="")
    if shutil.which("chromium") or shutil.which("google-chrome"):
        print(f"; opens in {min(load_seconds(out) for _ in range(3)):.2f} s")
    else:
        print("; no Chromium to open it")


def main(arguments: list[str]) -> int:
    """Make, write, open."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks report", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args(arguments)
    import creditlab as cl

    table = make_table(options.rows)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        table.to_parquet(place / "table.parquet", index=False)
        columns = [*(f"x{k:02d}" for k in range(FEATURES)), "crop"]
        cl.Scorecard().fit(table[columns], table["bad"], groups=table["village"]).to_json(place / "model.json")
        print(f"{options.rows:,} rows, {len(columns)} features, {VILLAGES} villages")
        _made("saved card", place / "card.html", table=place / "table.parquet", model=place / "model.json")
        _made("foreign PD", place / "pd.html", table=place / "table.parquet", pd="pd")
    print(f"peak memory of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
