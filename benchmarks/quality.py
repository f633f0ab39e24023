"""Ranking power of the scorecard and the challenger on the real tables, beside the other WOE scorecards.

Five stratified 70/30 splits (seeds 101 to 105) of each table; special codes from the JSON beside it. For each table:
the default card, the card with the crosses that the booster finds (at most three, each shown), the challenger; the gap
of the card to the challenger with a paired interval (DeLong, test rows of all splits); where it is above 0.005 of AUC
the interactions that are missing. Run it as `python benchmarks/quality.py [FOLDER] [--peers]`; without a folder it
looks in `../shared/data/real` beside the checkout. `--peers` installs the other libraries in environments of their own
under build/peers and measures them on the same splits; without it they stand with their published means.
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

from creditlab import Binner, Challenger, Scorecard, find_crosses
from creditlab.validation import delong

try:
    from benchmarks.peer_cards import PEERS, peer_probabilities
except ModuleNotFoundError:  # run as a file
    from peer_cards import PEERS, peer_probabilities

SEEDS = range(101, 106)
#: best mean test (AUC, log-loss) of a WOE scorecard that finished all five splits, among five libraries
BEST = {
    "german": 0.7930,
    "heloc": 0.7948,
    "taiwan": 0.7739,
    "lendingclub_2007_2011": 0.6771,
    "lendingclub_2007_2011+zip3": 0.6529,
}
BEST_LOG_LOSS = {
    "german": 0.4960,
    "heloc": 0.5505,
    "taiwan": 0.4340,
    "lendingclub_2007_2011": 0.3858,
    "lendingclub_2007_2011+zip3": 0.3930,
}
#: a gap of AUC above which the missing interactions are named
GAP = 0.005


def read(folder: Path, name: str) -> tuple[pd.DataFrame, pd.Series, dict[str, Any]]:
    """Columns, target and special codes of a table; '+zip3' adds the small unit as a column."""
    stem, _, unit = name.partition("+")
    facts = json.loads((folder / f"{stem}.json").read_text(encoding="utf-8"))
    frame = pd.read_parquet(folder / f"{stem}.parquet")
    return frame[facts["numeric"] + facts["categorical"] + ([unit] if unit else [])], frame[facts["target"]], facts


def split(y: pd.Series, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the training and the test rows."""
    train, test = train_test_split(np.arange(len(y)), test_size=0.3, stratify=y, random_state=seed)
    return train, test


def figures(y: Any, prob: np.ndarray) -> dict[str, float]:
    """AUC, KS and log-loss."""
    false, true, _ = roc_curve(y, prob)
    return {
        "auc": float(roc_auc_score(y, prob)),
        "ks": float((true - false).max()),
        "log_loss": float(log_loss(y, np.clip(prob, 1e-9, 1 - 1e-9))),
    }


def measure(model: Any, X: pd.DataFrame, y: pd.Series, seed: int) -> tuple[dict[str, float], np.ndarray, Any]:
    """Figures on the test part of one split with the CPU seconds of the fit, its PDs, and what was fitted."""
    train, test = split(y, seed)
    start = time.process_time()
    fitted = model(X.iloc[train], y.iloc[train])
    seconds = time.process_time() - start
    prob = fitted.predict_proba(X.iloc[test])[:, 1]
    return figures(y.iloc[test], prob) | {"fit_cpu_s": seconds}, prob, fitted


def models(special: dict[str, Any]) -> dict[str, Any]:
    """Label → what fits it on rows: the defaults, told of the special codes."""
    card = Scorecard(Binner(special=special))
    return {
        "scorecard": lambda X, y: Scorecard(Binner(special=special)).fit(X, y),
        "with crosses": lambda X, y: find_crosses(card, X, y).card,
        "challenger": lambda X, y: Challenger(special=special).fit(X, y),
    }


def measure_table(folder: Path, name: str, labels: tuple[str, ...] = ("scorecard", "challenger")) -> list[dict]:
    """A row per model: means over the splits beside the figures to beat."""
    X, y, facts = read(folder, name)
    rows, probs = [], {}
    for label in labels:
        found = [measure(models(facts["special_codes"])[label], X, y, seed) for seed in SEEDS]
        probs[label] = [prob for _, prob, _ in found]
        mean = pd.DataFrame([row for row, _, _ in found]).mean().to_dict()
        crosses = {c.name for _, _, m in found for c in getattr(getattr(m, "binner", None), "crosses", ())}
        rows.append(
            {"table": name, "model": label, **mean, "best_other_auc": BEST[name], "gap": mean["auc"] - BEST[name],
             "best_other_log_loss": BEST_LOG_LOSS[name], "crosses": " | ".join(sorted(crosses))}
        )  # fmt: skip
    if {"with crosses", "challenger"} <= set(labels):
        print_gap(name, y, probs["with crosses"], probs["challenger"], X, facts)
    return rows


def print_gap(
    name: str, y: pd.Series, card: list[np.ndarray], booster: list[np.ndarray], X: pd.DataFrame, facts: dict[str, Any]
) -> None:
    """What the one-page card is behind the challenger, with a paired interval on the test rows of each split."""
    tests = [delong(y.iloc[split(y, seed)[1]], b, c) for seed, b, c in zip(SEEDS, booster, card, strict=True)]
    gaps = [float(t.estimate) for t in tests]
    # the splits share rows: the interval is that of one split, and the mean over the splits is the estimate
    half = float(np.mean([(float(t.hi) - float(t.lo)) / 2 for t in tests]))
    gap = float(np.mean(gaps))
    print(f"{name}: challenger less card {gap:+.4f} of AUC, 95 % interval {gap - half:+.4f} to {gap + half:+.4f}")
    if gap > GAP:
        train, _ = split(y, SEEDS[0])
        search = find_crosses(Scorecard(Binner(special=facts["special_codes"])), X.iloc[train], y.iloc[train])
        left = search.tidy().query("not taken").sort_values("strength", ascending=False)
        print("  interactions that the card lacks: " + ", ".join(left["pair"].head(5)))


def peers(folder: Path, name: str) -> list[dict[str, Any]]:
    """A row per other library that could be had, on the same splits."""
    X, y, facts = read(folder, name)
    rows = []
    for peer in PEERS:
        found = []
        for seed in SEEDS:
            train, test = split(y, seed)
            prob = peer_probabilities(peer, X, y, train, test, facts)
            if prob is None:
                break
            found.append(figures(y.iloc[test], prob))
        if len(found) == len(SEEDS):
            rows.append({"table": name, "model": peer, **pd.DataFrame(found).mean().to_dict()})
        else:
            rows.append({"table": name, "model": f"{peer}: {len(found)} of {len(SEEDS)} splits"})
    return rows


def main(arguments: list[str]) -> int:
    """Print the table; 2 when the folder that was named holds none."""
    given = [Path(a) for a in arguments if not a.startswith("--")]
    folder = given[0] if given else Path(__file__).resolve().parents[1].parent / "shared" / "data" / "real"
    found = [name for name in BEST if (folder / f"{name.partition('+')[0]}.parquet").exists()]
    if not found:
        print(f"No table found in {folder}. Give the folder that holds {', '.join(f'{n}.parquet' for n in BEST)}.")
        return 2 if given else 0
    rows = []
    for name in found:
        rows += measure_table(folder, name, ("scorecard", "with crosses", "challenger"))
        rows += peers(folder, name) if "--peers" in arguments else []
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda v: f"{v:.4f}", na_rep=""))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
