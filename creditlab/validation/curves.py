"""Points of the ROC and calibration curves, aggregated so that a figure of a million rows stays small.

They feed figures and the report's tables; no test is read off them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from creditlab.validation.grades import grade_codes, rate_limits


def roc_points(y: np.ndarray, p: np.ndarray, points: int = 200, level: float = 0.95) -> pd.DataFrame:
    """Up to `points` points of the ROC curve: x false, y true positive rate with Jeffreys limits, n rows flagged."""
    order = np.argsort(-p, kind="stable")
    ranked, bad = p[order], y[order].astype(float)
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    hits, flagged = np.cumsum(bad)[last], last + 1
    hits, flagged = np.append(0, hits), np.append(0, flagged)
    bads = bad.sum()
    if len(flagged) > points:  # even steps along the curve, ends kept
        length = hits / bads + (flagged - hits) / (len(bad) - bads)
        kept = np.unique(np.searchsorted(length, np.linspace(0, length[-1], points)).clip(0, len(length) - 1))
        hits, flagged = hits[kept], flagged[kept]
    lo, hi = rate_limits(hits, bads, level)
    x = (flagged - hits) / (len(bad) - bads)
    return pd.DataFrame({"x": x, "y": hits / bads, "lo": lo, "hi": hi, "n": flagged})


def calibration_points(y: np.ndarray, p: np.ndarray, grades: int = 10, level: float = 0.95) -> pd.DataFrame:
    """A point per PD grade: x mean PD, y default rate with Jeffreys limits, n rows, and defaults."""
    codes = grade_codes(p, grades)
    n, defaults = np.bincount(codes), np.bincount(codes, weights=y)
    mean = np.clip(np.bincount(codes, weights=p) / n, 0, 1)
    lo, hi = rate_limits(defaults, n, level)
    return pd.DataFrame({"x": mean, "y": defaults / n, "lo": lo, "hi": hi, "n": n, "defaults": defaults.astype(int)})
