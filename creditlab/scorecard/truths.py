"""Cards of reject inference against a known truth: which of them helps, which harms, and how sure that is.

Truth is a PD per household, as the sample county has it; a bank has none, and then the band is the answer. It fits
nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from creditlab.binning.intervals import quantile
from creditlab.estimators import expit

#: probabilities are kept this far from 0 and 1 where a logarithm is taken
EDGE = 1e-9
HELPS, HARMS, ALIKE = "helps", "harms", "no difference"


def against_truth(band: Any, truth: np.ndarray, level: float) -> pd.DataFrame:
    """The table of `RejectBand.judged`."""
    people, villages = band.people, band.villages
    alone = people["granted_only"].to_numpy()
    granted = (people["population"] == "granted").to_numpy()
    truth = shifted(truth, granted, float(alone[granted].mean()))
    base = divergence(truth, alone)
    rows = []
    for row in band.tidy().to_dict("records"):
        here = (people["population"] == row["population"]).to_numpy()
        prob = people[row["scenario"]].to_numpy()
        excess = divergence(truth, prob)
        gain, lo, hi = mean_interval((base - excess)[here], None if villages is None else villages[here], level)
        same = row["scenario"] == "granted_only"
        verdict = ALIKE if same or lo <= 0 <= hi else HELPS if gain > 0 else HARMS
        found = {"true_pd": truth[here].mean(), "auc": expected_auc(truth[here], prob[here])}
        found |= {"excess": excess[here].mean(), "gain": gain, "gain_lo": lo, "gain_hi": hi, "verdict": verdict}
        rows.append(row | found)
    found = pd.DataFrame(rows)
    found.attrs["level"] = level
    return found


def shifted(truth: np.ndarray, rows: np.ndarray, rate: float) -> np.ndarray:
    """The truth with all log-odds shifted so that its mean over some rows is a rate.

    >>> round(float(shifted(np.array([0.1, 0.3]), np.array([True, True]), 0.4).mean()), 6)
    0.4
    """
    log_odds = np.log(np.clip(truth, EDGE, 1 - EDGE) / np.clip(1 - truth, EDGE, 1))
    by = brentq(lambda b: expit(log_odds[rows] + b).mean() - rate, -30, 30)
    return expit(log_odds + by)


def divergence(truth: np.ndarray, prob: np.ndarray) -> np.ndarray:
    """Kullback-Leibler divergence of each PD from the true one, in nats: 0 where they agree."""
    t, p = np.clip(truth, EDGE, 1 - EDGE), np.clip(prob, EDGE, 1 - EDGE)
    return t * np.log(t / p) + (1 - t) * np.log((1 - t) / (1 - p))


def expected_auc(truth: np.ndarray, prob: np.ndarray) -> float:
    """The AUC that a score has on average over outcomes drawn from the truth: each row is both, by its PD."""
    from sklearn.metrics import roc_auc_score

    n = len(truth)
    both = np.concatenate([np.ones(n), np.zeros(n)])
    return float(roc_auc_score(both, np.tile(prob, 2), sample_weight=np.concatenate([truth, 1 - truth])))


def mean_interval(values: np.ndarray, villages: np.ndarray | None, level: float) -> tuple[float, float, float]:
    """Mean and limits, linearised by village where villages are known."""
    n, mean = len(values), float(values.mean())
    parts = values - mean
    if villages is not None:
        parts = np.bincount(pd.factorize(villages)[0], parts).astype(float)
    if len(parts) < 2:
        return mean, -np.inf, np.inf
    half = quantile(level, np.array([len(parts) - 1.0]))[0] * np.sqrt(len(parts) / (len(parts) - 1) * (parts @ parts))
    return mean, mean - half / n, mean + half / n
