"""Ranking power of the default scorecard and challenger on the real tables, beside the best published scorecard.

Five stratified 70/30 splits (seeds 101 to 105) of each table; special codes from the JSON beside it. Run it as
`python benchmarks/quality.py [FOLDER]`; without a folder it looks in `../shared/data/real` beside the checkout.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score, roc_curve
from sklearn.model_selection import train_test_split

from creditlab import Binner, Challenger, Scorecard

SEEDS = range(101, 106)
#: best mean test AUC of a WOE scorecard that finished all five splits, among five libraries
BEST = {"german": 0.7930, "heloc": 0.7948, "taiwan": 0.7739, "lendingclub_2007_2011": 0.6771}


def models(special: dict[str, Any]) -> dict[str, Any]:
    """The default models, told of the special codes."""
    return {"scorecard": Scorecard(Binner(special=special)), "challenger": Challenger(special=special)}


def measure(model: Any, X: pd.DataFrame, y: pd.Series, seed: int) -> dict[str, float]:
    """AUC, KS and log-loss on the test part of one split, and the seconds of the fit."""
    fit, test = train_test_split(np.arange(len(y)), test_size=0.3, stratify=y, random_state=seed)
    start = time.process_time()
    model.fit(X.iloc[fit], y.iloc[fit])
    seconds = time.process_time() - start
    prob = model.predict_proba(X.iloc[test])[:, 1]
    false, true, _ = roc_curve(y.iloc[test], prob)
    return {
        "auc": float(roc_auc_score(y.iloc[test], prob)),
        "ks": float((true - false).max()),
        "log_loss": float(log_loss(y.iloc[test], prob)),
        "fit_cpu_s": seconds,
    }


def measure_table(folder: Path, name: str) -> list[dict[str, Any]]:
    """A row per model: means over the splits beside the figure to beat."""
    facts = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    frame = pd.read_parquet(folder / f"{name}.parquet")
    X, y = frame[facts["numeric"] + facts["categorical"]], frame[facts["target"]]
    rows = []
    for label, model in models(facts["special_codes"]).items():
        mean = pd.DataFrame([measure(model, X, y, seed) for seed in SEEDS]).mean().to_dict()
        gap = mean["auc"] - BEST[name]
        rows.append({"table": name, "model": label, **mean, "best_published": BEST[name], "gap": gap})
    return rows


def main(arguments: list[str]) -> int:
    """Print the table; 2 when the folder that was named holds none."""
    given = Path(arguments[0]) if arguments else None
    folder = given or Path(__file__).resolve().parents[1].parent / "shared" / "data" / "real"
    found = [name for name in BEST if (folder / f"{name}.parquet").exists()]
    if not found:
        print(f"No table found in {folder}. Give the folder that holds {', '.join(f'{n}.parquet' for n in BEST)}.")
        return 2 if given else 0
    rows = [row for name in found for row in measure_table(folder, name)]
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda v: f"{v:.4f}"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
