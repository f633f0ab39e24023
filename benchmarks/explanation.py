"""Explaining 200,000 households by a booster of 200 trees: seconds, memory, exactness; shap, LightGBM, woodelf too.

Ours explains the whole portfolio against the whole portfolio. LightGBM's `pred_contrib` (which is also what shap calls
for a booster without a background) gives path-dependent values; shap's interventional route costs rows × background
rows and is measured on fewer of both, and its time for the whole is what its rate implies. Each contestant works in a
process of its own on one thread; seconds are CPU seconds, memory is the peak of the process less that before. A first
run loads what must be compiled. `--rows` and `--trees` change the size.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pandas as pd

COLUMNS, FIT, SHAP_ROWS, SHAP_BACK = 40, 20_000, 200, 1000
LIMIT_S, LIMIT_MB = 60.0, 2048.0


def make_rows(rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers with missing values and a text column; three columns act together."""
    rng = np.random.default_rng(seed)
    frame = {f"x{c}": rng.normal(size=rows) for c in range(COLUMNS - 1)}
    for c in range(0, COLUMNS - 1, 4):
        frame[f"x{c}"][rng.random(rows) < 0.1] = np.nan
    crop = rng.integers(0, 12, rows)
    z = -2.5 + sum(np.nan_to_num(frame[f"x{c}"]) * 0.3 for c in range(10)) + (frame["x1"] > 0) * (frame["x2"] > 0) * 1.0
    X = pd.DataFrame({**frame, "crop": np.array([f"crop {k}" for k in range(12)])[crop]})
    return X, (rng.random(rows) < 1 / (1 + np.exp(-z - 0.1 * (crop % 3)))).astype(int)


def made_model(trees: int) -> Any:
    """A booster of exactly so many trees of depth five."""
    from creditlab.challenger import Challenger, boosting

    fixed = lambda design, bad, *_: boosting.Chosen(trees, float("nan"), np.full(len(bad), np.nan))  # noqa: E731
    boosting.choose_trees = fixed
    return Challenger(num_leaves=31, learning_rate=0.05).fit(*make_rows(FIT, 0))


def measured(who: str, rows: int, trees: int) -> dict[str, Any]:
    """Seconds, memory, largest gap to the model's log-odds and to ours (on the first rows)."""
    from creditlab import explain
    from creditlab.explanation import peers

    model = made_model(trees)
    result, (X, _) = model.result_, make_rows(rows, 1)
    explain(model, X.head(50), background=X.head(50))
    calls: dict[str, Any] = {
        "creditlab": lambda: explain(model, X, background=X).values.to_numpy(),
        "woodelf": lambda: explain(model, X, method="woodelf", background=X).values.to_numpy(),
        "pred_contrib": lambda: explain(model, X, value="path").values.to_numpy(),
        "shap": lambda: peers.interventional_shap(
            result.booster, result.design(X.head(SHAP_ROWS)), result.design(X.head(SHAP_BACK))
        ),
    }
    if who == "shap":  # numba compiles on the first call
        peers.interventional_shap(result.booster, result.design(X.head(2)), result.design(X.head(2)))
    before, start = peak_mb(), time.process_time()
    values = calls[who]()
    row: dict[str, Any] = {"who": who, "cpu_s": time.process_time() - start, "memory_mb": peak_mb() - before,
                           "rows": rows, "background": rows}  # fmt: skip
    if who == "shap":
        row |= {"rows": SHAP_ROWS, "background": SHAP_BACK}
        row["cpu_s_whole"] = row["cpu_s"] * (rows / SHAP_ROWS) * (rows / SHAP_BACK)
        ours = explain(model, X.head(SHAP_ROWS), background=X.head(SHAP_BACK)).values.to_numpy()
        values = result.by_feature(values[0])
    else:
        row["cpu_s_whole"] = row["cpu_s"]
        ours = explain(model, X.head(500), background=X).values.to_numpy()
        row["background"] = "trees" if who == "pred_contrib" else rows
    row["gap_to_ours"] = float(np.abs(values[: len(ours)] - ours).max())
    return row


def peak_mb() -> float:
    """Peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_process(who: str, options: argparse.Namespace) -> dict[str, Any]:
    """One contestant in a process of its own, on one thread."""
    env = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.explanation", "--who", who]
    command += ["--rows", str(options.rows), "--trees", str(options.trees)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=env)
    if done.returncode:
        return {"who": who, "failed": done.stderr.strip().splitlines()[-1:]}
    return json.loads(done.stdout.splitlines()[-1])


def main(arguments: list[str]) -> int:
    """Print the table with the ratio to ours; 1 when ours is over a minute or 2 GB for 200,000 rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks explanation")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--trees", type=int, default=200)
    parser.add_argument("--who", choices=("creditlab", "woodelf", "pred_contrib", "shap"))
    options = parser.parse_args(arguments)
    if options.who:
        print(json.dumps(measured(options.who, options.rows, options.trees)))
        return 0
    frame = pd.DataFrame([in_process(who, options) for who in ("creditlab", "woodelf", "pred_contrib", "shap")])
    frame["ratio"] = frame["cpu_s_whole"] / frame.loc[0, "cpu_s_whole"]
    print(frame.to_string(index=False, float_format=lambda v: f"{v:,.3g}", na_rep=""))
    ours = frame.iloc[0]
    over = ours["cpu_s"] > LIMIT_S or ours["memory_mb"] > LIMIT_MB
    print(f"limits: {LIMIT_S:.0f} s and {LIMIT_MB:.0f} MB for the whole: {'missed' if over else 'kept'}")
    return int(over)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
