"""Text columns of many levels: seconds of a fit beside np.sort and pd.factorize, and what they do to a card's AUC.

The second part needs the real tables; run it as `python -m benchmarks levels FOLDER`. For each table the mean test AUC
of the default card over five stratified 70/30 splits (seeds 101 to 105) is printed without and with its small unit
(postcode), and the change that a column of 800 levels that are noise makes to it: its mean over 20 seeds and its worst.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

SEEDS = range(101, 106)
ROWS, LEVELS, NOISE_SEEDS = 1_000_000, 5_000, 20


def cpu(call: Callable[[], Any], times: int = 3) -> float:
    """Least CPU seconds of a few calls."""
    found = []
    for _ in range(times):
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return min(found)


def speed(rows: int = ROWS, levels: int = LEVELS) -> pd.DataFrame:
    """CPU seconds of one column of each dtype: fit, transform, and the floors in the same process."""
    from creditlab.binning import Binner

    rng = np.random.default_rng(0)
    level = rng.zipf(1.3, rows) % levels
    y = (rng.random(rows) < 0.03 + 0.04 * (level % 7 == 0)).astype(int)
    text = pd.Series(np.char.add("L", level.astype(str)))
    columns = {
        "object": text.astype(object),
        "str": text.astype("str"),
        "category": text.astype("category"),
        "arrow": text.astype("string[pyarrow]"),
    }
    floor = cpu(lambda: np.sort(rng.random(rows)))
    found = []
    for name, values in columns.items():
        frame = pd.DataFrame({"c": values})
        binner = Binner().fit(frame, y)
        fit, transform = cpu(lambda f=frame: Binner().fit(f, y)), cpu(lambda f=frame, b=binner: b.transform(f))
        factorize = cpu(lambda v=values: pd.factorize(v))
        found.append(
            {"dtype": name, "fit": fit, "transform": transform, "factorize": factorize, "fit_x_sort": fit / floor}
        )
    return pd.DataFrame(found).assign(np_sort=floor)


def mean_auc(X: pd.DataFrame, y: pd.Series, special: Any, seeds: range = SEEDS) -> float:
    """Mean test AUC of the default card over the splits."""
    from creditlab import Binner, Scorecard

    found = []
    for seed in seeds:
        fit, test = train_test_split(np.arange(len(y)), test_size=0.3, stratify=y, random_state=seed)
        card = Scorecard(Binner(special=special)).fit(X.iloc[fit], y.iloc[fit])
        found.append(roc_auc_score(y.iloc[test], card.predict_proba(X.iloc[test])[:, 1]))
    return float(np.mean(found))


def ranking(folder: Path, name: str) -> dict[str, Any]:
    """AUC of one table without and with its small unit and with noise of many levels."""
    facts = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    frame = pd.read_parquet(folder / f"{name}.parquet")
    X, y = frame[facts["numeric"] + facts["categorical"]], frame[facts["target"]]
    row: dict[str, Any] = {"table": name, "without": mean_auc(X, y, facts["special_codes"])}
    if facts.get("group"):
        row["with_unit"] = mean_auc(X.assign(unit=frame[facts["group"]]), y, facts["special_codes"])
    change = []
    for seed in range(NOISE_SEEDS):
        noise = np.random.default_rng(seed).integers(0, 800, len(y)).astype(str)
        change.append(mean_auc(X.assign(noise=noise), y, facts["special_codes"]) - row["without"])
    return row | {"noise_mean_change": float(np.mean(change)), "noise_worst_change": float(np.min(change))}


def main(arguments: list[str]) -> int:
    """Print both tables; 2 when the folder that was named holds none."""
    print(f"one text column of {LEVELS:,} levels, {ROWS:,} rows, CPU seconds")
    print(speed().to_string(index=False, float_format=lambda v: f"{v:.3f}"))
    given = Path(arguments[0]) if arguments else None
    folder = given or Path(__file__).resolve().parents[1].parent / "shared" / "data" / "real"
    found = [name for name in ("lendingclub_2007_2011", "heloc") if (folder / f"{name}.parquet").exists()]
    if not found:
        print(f"No real table found in {folder}: the ranking was not measured.")
        return 2 if given else 0
    rows = [ranking(folder, name) for name in found]
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda v: f"{v:.5f}"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
