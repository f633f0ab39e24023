"""PDs brought to the level, and to the spread, of the outcomes before villages are compared with them.

Use `calibrate` on cross-fitted PDs ahead of O/E: a card fitted without a village is too sure of itself there, and its
PDs lie too far apart. One line for all rows is fitted, so that no village's own effect is taken out. It does not bend
the curve; a model that needs more than a line needs another model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from creditlab.checks import check_prob, check_weights
from creditlab.village.counts import check_outcome

#: log-odds are cut here, so that a PD of 0 or 1 from a model stays a number
EDGE = 1e-12
#: fewer bads or goods than this do not carry a slope, and a slope beyond STEEPEST means that PDs separate all bads
FEWEST, STEEPEST = 20, 10.0


@dataclass(frozen=True)
class Calibration:
    """Calibrated PDs `prob` = expit(intercept + slope · logit PD), with the standard error of the slope.

    `slope` is 1 and `slope_se` NaN where only the level was calibrated.
    """

    prob: np.ndarray
    intercept: float
    slope: float
    slope_se: float


def calibrate(prob: Any, y: Any, sample_weight: Any = None) -> Calibration:
    """PDs on the line intercept + slope · logit PD that fits the outcomes best (D. Cox, Biometrika 45 (1958) 562-565).

    Use it once on all rows, before O/E. With fewer than 20 bads or goods, or PDs that are all the same, only the level
    is calibrated. A slope below 0 (the PDs point the wrong way) is taken as 0: every row gets the mean rate.

    Parameters
    ----------
    prob : PD per row, from a model that never saw the row's village.
    y : 0/1 per row, 1 = bad.
    sample_weight : weight of each row.

    Raises
    ------
    InputError : PDs outside 0 … 1, outcomes other than 0/1.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=20_000) - 2
    >>> y = (rng.random(20_000) < 1 / (1 + np.exp(-x))).astype(int)
    >>> round(calibrate(1 / (1 + np.exp(-2 * x)), y).slope, 1)
    0.5
    """
    bad = check_outcome(y)
    p = check_prob(prob, len(bad))
    weight = np.ones(len(p)) if sample_weight is None else check_weights(sample_weight, len(p))
    log_odds = logit(p)
    few = min(bad.sum(), len(bad) - bad.sum()) < FEWEST
    if few or np.ptp(log_odds) < 1e-9:
        return _level(p, bad, weight)
    intercept, slope, se = _line(log_odds, bad, weight)
    if slope > STEEPEST:
        return _level(p, bad, weight)
    if slope < 0:
        rate = _dot(weight, bad) / float(weight.sum())
        return Calibration(prob=np.full(len(p), rate), intercept=float(logit(rate)), slope=0.0, slope_se=se)
    line = expit(intercept + slope * log_odds)
    return Calibration(prob=line, intercept=intercept, slope=slope, slope_se=se)


def calibrate_in_the_large(prob: Any, y: Any, sample_weight: Any = None) -> np.ndarray:
    """PDs shifted by one constant in log-odds so that their sum equals the number of bads.

    O/E per village compares villages with each other; the constant takes out the error that all share. With no bad at
    all every PD is 0, with only bads 1. Formula: p' = expit(logit p + a) with Σp' = Σy, by Newton on a (the sum is
    monotone in a).

    >>> calibrate_in_the_large([0.1, 0.3], [0, 1]).sum().round(9).item()
    1.0
    """
    bad = check_outcome(y)
    p = check_prob(prob, len(bad))
    weight = np.ones(len(p)) if sample_weight is None else check_weights(sample_weight, len(p))
    bads = _dot(weight, bad)
    if bad.min() == bad.max():
        return np.full(len(p), float(bad[0]))
    log_odds, shift = logit(p), 0.0
    for _ in range(100):
        shifted = expit(log_odds + shift)
        gap = bads - _dot(weight, shifted)
        if abs(gap) <= 1e-10 * max(bads, 1.0):
            return shifted
        step = gap / _dot(weight, shifted * (1 - shifted))
        shift += min(max(step, -2.0), 2.0)  # a bounded step cannot overshoot where the curve is flat
    return shifted


def logit(p: Any) -> Any:
    """Log-odds; 0 and 1 are cut to 1e-12 from the edge."""
    inside = np.clip(p, EDGE, 1 - EDGE)
    return np.log(inside) - np.log1p(-inside)


def expit(x: Any) -> Any:
    """Probability of log-odds."""
    return 1 / (1 + np.exp(-np.clip(x, -700, 700)))


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    """Σ a·b. Not a matrix product: its last digits would depend on the number of threads."""
    return float((a * b).sum())


def _level(p: np.ndarray, bad: np.ndarray, weight: np.ndarray) -> Calibration:
    shifted = calibrate_in_the_large(p, bad, weight)
    known = 0 < bad.sum() < len(bad)
    intercept = float(np.mean(logit(shifted) - logit(p))) if known else float("nan")
    return Calibration(prob=shifted, intercept=intercept, slope=1.0, slope_se=float("nan"))


def _line(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, float, float]:
    """Intercept and slope of the logistic regression of y on x, and the slope's standard error, by Newton."""
    centre = _dot(weight, x) / float(weight.sum())
    z = x - centre
    rate = _dot(weight, y) / float(weight.sum())
    a, b = float(logit(rate)), 0.0
    for _ in range(60):
        p = expit(a + b * z)
        w = weight * p * (1 - p)
        g0, g1 = _dot(weight, y - p), _dot(weight, (y - p) * z)
        h00, h01, h11 = float(w.sum()), _dot(w, z), _dot(w, z**2)
        det = h00 * h11 - h01**2
        da, db = (h11 * g0 - h01 * g1) / det, (h00 * g1 - h01 * g0) / det
        shrink = min(1.0, 2.0 / max(abs(da), abs(db), 1e-300))
        a, b = a + shrink * da, b + shrink * db
        if max(abs(da), abs(db)) < 1e-10 or abs(b) > STEEPEST:
            break
    return a - b * centre, b, float(np.sqrt(h00 / det))
