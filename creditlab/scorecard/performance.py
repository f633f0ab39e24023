"""How a card ranks and how well its PD fits, part by part of a sample, with intervals that allow for villages.

AUC after E. DeLong, D. DeLong, D. Clarke-Pearson, Biometrics 44 (1988) 837-845; with villages the parts of its error
are summed by village and t has one degree of freedom less than there are villages (N. Obuchowski, Biometrics 53, 1997).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from creditlab.scorecard.sample import Sample

PERFORMANCE = (
    "part", "n", "bads", "villages", "auc", "auc_lo", "auc_hi", "ks", "bad_rate", "bad_rate_lo", "bad_rate_hi",
    "mean_pd", "log_loss", "psi", "psi_chance",
)  # fmt: skip
#: classes of points by which the shift of scores is measured
CLASSES = 10


def auc_interval(
    bad: np.ndarray, score: np.ndarray, weight: np.ndarray, codes: np.ndarray | None, level: float = 0.95
) -> tuple[float, float, float]:
    """(AUC, lower, upper) of a score that is higher for riskier rows; NaN limits with fewer than two of a class.

    All are NaN where a class is not there.

    >>> rows = np.array([1, 1, 0, 0, 0]), np.array([0.9, 0.4, 0.5, 0.2, 0.1]), np.ones(5)
    >>> round(auc_interval(*rows, None)[0], 6)
    0.833333
    """
    if not _both(bad):
        return np.nan, np.nan, np.nan
    values, place = np.unique(score, return_inverse=True)
    bads = np.bincount(place, weights=weight * bad, minlength=len(values))
    goods = np.bincount(place, weights=weight * (1 - bad), minlength=len(values))
    beaten = (np.cumsum(goods) - goods / 2) / goods.sum()
    beating = 1 - (np.cumsum(bads) - bads / 2) / bads.sum()
    auc = float(bads @ beaten / bads.sum())
    part = weight * np.where(bad == 1, (beaten - auc)[place] / bads.sum(), (beating - auc)[place] / goods.sum())
    counts = int((bad == 1).sum()), int((bad == 0).sum())
    if min(counts) < 2 or (codes is not None and len(np.unique(codes)) < 2):
        return auc, np.nan, np.nan
    if codes is None:
        variance = sum(n / (n - 1) * float((part[bad == v] ** 2).sum()) for v, n in zip((1, 0), counts, strict=True))
        df = np.inf
    else:
        sums = np.bincount(codes, weights=part)
        groups = len(sums)
        variance, df = groups / (groups - 1) * float(sums @ sums), groups - 1.0
    half = float(student.ppf((1 + level) / 2, df)) * np.sqrt(variance)
    return auc, max(auc - half, 0.0), min(auc + half, 1.0)


def rate_interval(
    bad: np.ndarray, weight: np.ndarray, codes: np.ndarray | None, level: float = 0.95
) -> tuple[float, float, float]:
    """(rate, lower, upper): linearised, by village where villages are given, on the scale of log-odds."""
    total = weight.sum()
    rate = float(weight @ bad / total)
    part = weight * (bad - rate) / total
    sums = part if codes is None else np.bincount(codes, weights=part)
    groups = len(sums)
    if groups < 2 or not 0 < rate < 1:
        return rate, np.nan, np.nan
    error = np.sqrt(groups / (groups - 1) * float(sums @ sums)) / (rate * (1 - rate))
    half = float(student.ppf((1 + level) / 2, np.inf if codes is None else groups - 1)) * error
    middle = np.log(rate / (1 - rate))
    return rate, float(1 / (1 + np.exp(half - middle))), float(1 / (1 + np.exp(-half - middle)))


def performance(card: Any, sample: Sample) -> pd.DataFrame:
    """A row per part of the sample, in the order train, test, out of time; columns `PERFORMANCE`.

    `psi` compares the points with those of the training rows in ten classes of them; `psi_chance` is what chance alone
    gives: 9 · (1/n₁ + 1/n₂), and more where rows of a village are alike.
    """
    rows: list[dict[str, Any]] = []
    edges: Any = np.zeros(0)
    reference: Any = np.zeros(0)
    for name, part in sample.parts():
        prob, points = card.predict_proba(part.X)[:, 1], card.points(part.X).to_numpy(dtype=float)
        weight = np.ones(len(prob)) if part.weight is None else part.weight
        codes = None if part.village is None else pd.factorize(part.village)[0]
        bad = part.y.astype(float)
        if not rows:
            edges = np.unique(np.quantile(points, np.arange(1, CLASSES) / CLASSES))
            reference = np.bincount(np.searchsorted(edges, points, side="right"), weight, len(edges) + 1)
        shares = np.bincount(np.searchsorted(edges, points, side="right"), weight, len(edges) + 1)
        chance = len(edges) * (1 / reference.sum() + 1 / shares.sum())
        values: dict[str, Any] = dict(
            zip(("auc", "auc_lo", "auc_hi"), auc_interval(bad, -points, weight, codes), strict=True)
        )
        values |= dict(zip(("bad_rate", "bad_rate_lo", "bad_rate_hi"), rate_interval(bad, weight, codes), strict=True))
        clipped = np.clip(prob, 1e-15, 1 - 1e-15)
        values |= {
            "part": name, "n": float(weight.sum()), "bads": float(weight @ bad),
            "villages": 0 if codes is None else int(codes.max()) + 1, "ks": _ks(bad, -points, weight),
            "mean_pd": float(weight @ prob / weight.sum()),
            "log_loss": float(-(weight @ (bad * np.log(clipped) + (1 - bad) * np.log1p(-clipped))) / weight.sum()),
            "psi": _psi(reference, shares) if rows else 0.0, "psi_chance": chance if rows else 0.0,
        }  # fmt: skip
        rows.append(values)
    return pd.DataFrame(rows)[list(PERFORMANCE)].astype({"part": "str"})


def _both(bad: np.ndarray) -> bool:
    """Whether there are goods and bads."""
    return bool((bad == 1).any() and (bad == 0).any())


def _ks(bad: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    if not _both(bad):
        return float("nan")
    values, place = np.unique(score, return_inverse=True)
    bads = np.bincount(place, weights=weight * bad, minlength=len(values)).cumsum()
    goods = np.bincount(place, weights=weight * (1 - bad), minlength=len(values)).cumsum()
    return float(np.abs(bads / bads[-1] - goods / goods[-1]).max())


def _psi(reference: np.ndarray, shares: np.ndarray) -> float:
    a = (reference + 0.5) / (reference.sum() + 0.5 * len(reference))
    b = (shares + 0.5) / (shares.sum() + 0.5 * len(shares))
    return float((b - a) @ np.log(b / a))
