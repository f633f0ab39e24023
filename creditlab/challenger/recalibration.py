"""Recalibration of a booster's log-odds by a line, and how far held-out rows say that one is needed.

A line keeps the ranking, the directions and the explanations (their contributions are multiplied by its slope). It is
needed after training with weights that change the mix of goods and bads, and where trees are too sure of themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq

from creditlab.errors import InputError, message
from creditlab.estimators import expit

METHODS = ("intercept", "platt")


def fit_line(
    log_odds: np.ndarray, bad: np.ndarray | None, weight: np.ndarray, method: str, target_rate: float | None = None
) -> tuple[float, float]:
    """(a, b) of the calibrated log-odds a + b · log-odds.

    'intercept' keeps b = 1 and meets the rate (that of `bad`, or the target); 'platt' is the logistic regression of bad
    on the log-odds (J. Platt, 1999; D. Cox, 1958).

    >>> a, b = fit_line(np.array([-2.0, 0.0, 2.0]), None, np.ones(3), "intercept", 0.2)
    >>> round(float(expit(np.array([-2.0, 0.0, 2.0]) + a).mean()), 9), b
    (0.2, 1.0)
    """
    if method == "intercept":
        rate = float(weight @ np.asarray(bad) / weight.sum()) if target_rate is None else target_rate
        if isinstance(rate, bool) or not 0 < rate < 1:
            raise InputError(message("a rate between 0 and 1", repr(rate), "target_rate", "5 % is 0.05."))
        return _shift(log_odds, float(rate), weight), 1.0
    from sklearn.linear_model import LogisticRegression

    # newton with a tolerance that two lines differ by less than a last digit of a report
    line = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=200)
    line.fit(log_odds[:, None], bad, sample_weight=weight)
    slope = float(line.coef_[0, 0])
    if slope <= 0:
        raise InputError(
            message("a score that ranks bads above goods", "one that does not", "calibrate", "Check the sign of y.")
        )
    return float(line.intercept_[0]), slope


def _shift(log_odds: np.ndarray, rate: float, weight: np.ndarray) -> float:
    middle = float(np.log(rate / (1 - rate)))
    ends = middle - float(log_odds.max()) - 1.0, middle - float(log_odds.min()) + 1.0
    total = weight.sum()
    return float(brentq(lambda s: float(weight @ expit(log_odds + s)) / total - rate, *ends, xtol=1e-13))


def calibration_facts(
    log_odds: np.ndarray, after: np.ndarray, bad: np.ndarray | None, weight: np.ndarray, method: str
) -> dict[str, Any]:
    """What a recalibration did: rows, mean PD before and after, bad rate and log-loss where outcomes are known."""
    total = weight.sum()
    before, now = expit(log_odds), expit(after)
    facts: dict[str, Any] = {
        "method": method, "n": float(total), "mean_pd_before": float(weight @ before / total),
        "mean_pd_after": float(weight @ now / total),
    }  # fmt: skip
    if bad is not None:
        facts["bad_rate"] = float(weight @ bad / total)
        facts["log_loss_before"] = _log_loss(log_odds, bad, weight)
        facts["log_loss_after"] = _log_loss(after, bad, weight)
    return facts


def _log_loss(log_odds: np.ndarray, bad: np.ndarray, weight: np.ndarray) -> float:
    signed = np.where(np.asarray(bad) == 1, -log_odds, log_odds)
    return float(weight @ np.logaddexp(0.0, signed) / weight.sum())
