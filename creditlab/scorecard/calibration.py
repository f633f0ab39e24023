"""Calibration of a card's PD: a shift to a target rate, Platt's line, or an isotonic step line; on plain arrays.

A shift and a line are folded into intercept and coefficients, so that points, PD and exports stay one model and the
scale's promise (points at odds) holds again. An isotonic calibration bends the PD only: points keep their sum, and the
PD of a log-odds is read from its knots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from creditlab.errors import InputError, message
from creditlab.estimators import expit
from creditlab.scorecard.logistic import fit_logistic

METHODS = ("intercept", "platt", "isotonic")


@dataclass(frozen=True)
class Knots:
    """A rising line from log-odds to calibrated log-odds, of slope 1 beyond its ends; two knots at least."""

    log_odds: tuple[float, ...]
    calibrated: tuple[float, ...]

    def apply(self, log_odds: np.ndarray) -> np.ndarray:
        """Calibrated log-odds.

        >>> Knots((-1.0, 1.0), (-2.0, 0.0)).apply(np.array([-3.0, 0.0, 2.0])).tolist()
        [-4.0, -1.0, 1.0]
        """
        x, v = np.asarray(self.log_odds), np.asarray(self.calibrated)
        inside = np.interp(log_odds, x, v)
        return inside + np.minimum(log_odds - x[0], 0.0) + np.maximum(log_odds - x[-1], 0.0)


def shift_to_rate(log_odds: np.ndarray, rate: float, weight: np.ndarray) -> float:
    """What to add to the log-odds so that the mean PD is `rate`.

    >>> shift = shift_to_rate(np.array([-1.0, 1.0]), 0.1, np.ones(2))
    >>> round(float(expit(np.array([-1.0, 1.0]) + shift).mean()), 9)
    0.1
    """
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1:
        raise InputError(message("a rate between 0 and 1", repr(rate), "target_rate", "5 % is 0.05."))
    middle = float(np.log(rate / (1 - rate)))
    ends = middle - float(log_odds.max()) - 1.0, middle - float(log_odds.min()) + 1.0
    total = weight.sum()
    return float(brentq(lambda s: float(weight @ expit(log_odds + s)) / total - rate, *ends, xtol=1e-13))


def platt(log_odds: np.ndarray, bad: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """(a, b) of the logistic regression of bad on a + b · log-odds; b is kept at 0 or above.

    J. Platt, Probabilistic outputs for support vector machines, 1999, on log-odds.
    """
    fit = fit_logistic(log_odds[:, None], bad, weight, sign=1)
    if fit.held[1]:
        raise InputError(
            message("a score that ranks bads above goods", "one that does not", "calibrate", "Check the sign of y.")
        )
    return float(fit.coef[0]), float(fit.coef[1])


def isotonic(log_odds: np.ndarray, bad: np.ndarray, weight: np.ndarray) -> Knots:
    """The rising step line of bad rates (pool adjacent violators), drawn through the middles of its steps.

    Each step gets half a bad and half a good (Jeffreys), so that steps without bads have a PD; steps whose PD is then
    no longer above the one before are pooled with it. Equal PDs therefore do not occur and the ranking stays.
    """
    values, place = np.unique(log_odds, return_inverse=True)
    n, b = np.bincount(place, weights=weight), np.bincount(place, weights=weight * bad)
    blocks: list[list[float]] = []  # [rows, bads, rows · log-odds]
    for rows, bads, value in zip(n.tolist(), b.tolist(), values.tolist(), strict=True):
        blocks.append([rows, bads, rows * value])
        while len(blocks) > 1 and _rate(blocks[-2]) >= _rate(blocks[-1]):
            last = blocks.pop()
            blocks[-1] = [x + y for x, y in zip(blocks[-1], last, strict=True)]
    if len(blocks) < 2:
        raise InputError(
            message("bad rates that rise with the PD", "one step for all rows", "calibrate", "Use 'platt'.")
        )
    rate = np.array([_rate(block) for block in blocks])
    middle = np.array([block[2] / block[0] for block in blocks])
    return Knots(tuple(middle.tolist()), tuple((np.log(rate) - np.log1p(-rate)).tolist()))


def _rate(block: list[float]) -> float:
    return (block[1] + 0.5) / (block[0] + 1.0)
