"""Do coefficients and bins hold: over periods, over folds of villages, and near the cut-off.

They take tables of estimates, never models.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc
from scipy.stats import rankdata

from creditlab.checks import check_frame, check_prob
from creditlab.errors import InputError, message
from creditlab.validation.result import Kind, TestFamily, TestResult
from creditlab.validation.robustness import approve
from creditlab.validation.verdict import AMBER, DEFAULTS, GREEN, RED, Threshold

COEFFICIENTS = Kind(
    "stab.coef",
    "Coefficients over folds",
    "系数稳定性",
    "Cochran's Q, Biometrics 10 (1954) 101-129; sign flips; Holm 1979",
    "the coefficient is the same in all folds 各折系数相同",
    "coefficient_stability",
)
BINS = Kind(
    "stab.bins",
    "Order of the bins over periods",
    "分箱排序稳定性",
    "Spearman's ρ of WOE, crossings of neighbours",
    "",
    "bin_stability",
)
CUTOFF = Kind(
    "stab.cutoff",
    "Decisions near the cut-off",
    "切点附近决策",
    "share within one standard error of the cut-off",
    "",
    "near_cutoff",
)
FLIPS = Kind("stab.flips", "Decisions that flip", "决策翻转", "equal approval; Jeffreys interval", "", "decision_flips")


def coefficient_stability(
    estimates: pd.DataFrame, errors: pd.DataFrame | None = None, threshold: Threshold = DEFAULTS["p_value"]
) -> TestFamily:
    """Do the coefficients agree over independent folds (periods, groups of villages)? A row per coefficient.

    Q = Σ(b - b̄)²/se², b̄ weighted by 1/se², on folds - 1 degrees of freedom; without errors only signs and spread are
    given. Any change of sign is red. `estimate` is the coefficient of variation over folds.

    Parameters
    ----------
    estimates, errors : folds × coefficients.

    >>> folds = pd.DataFrame({"a": [0.9, 1.0, 1.1], "b": [0.2, -0.1, 0.3]})
    >>> coefficient_stability(folds).tidy()["verdict"].tolist()
    ['green', 'red']
    """
    check_frame(estimates, "estimates")
    b = estimates.to_numpy(dtype=float)
    se = None if errors is None else errors.reindex(columns=estimates.columns).to_numpy(dtype=float)
    if len(b) < 2 or not np.isfinite(b).all() or (se is not None and (se.shape != b.shape or not (se > 0).all())):
        raise InputError(
            message(
                "two folds or more of finite estimates, errors above 0",
                f"{b.shape}",
                "coefficient_stability",
                "Leave out folds without an estimate.",
            )
        )
    rows = []
    for j, name in enumerate(map(str, estimates.columns)):
        mean, flips = float(b[:, j].mean()), int((np.sign(b[:, j]) != np.sign(b[:, j].sum())).sum())
        row: dict[str, Any] = {
            "scope": name,
            "n": len(b),
            "estimate": float(b[:, j].std(ddof=1) / abs(mean)) if mean else math.nan,
            "flips": flips,
        }
        if se is not None:
            weight = 1 / se[:, j] ** 2
            centre = (weight * b[:, j]).sum() / weight.sum()
            Q = float((weight * (b[:, j] - centre) ** 2).sum())
            row |= {"statistic": Q, "df": len(b) - 1, "p_value": float(chdtrc(len(b) - 1, Q))}
        if flips or se is None:
            row |= {"verdict": RED if flips else GREEN}
        rows.append(row)
    return COEFFICIENTS.family(rows, inputs=[b] if se is None else [b, se], n=len(b), threshold=threshold)


def bin_stability(woe: pd.DataFrame) -> TestFamily:
    """Do a feature's bins keep their order? WOE by period (rows) and bin (columns); the first row is the reference.

    `estimate` is Spearman's ρ with the reference; `crossings`, neighbouring bins whose order has turned: amber.

    >>> bin_stability(pd.DataFrame([[-1, 0, 1], [-0.9, 0.2, 0.1]], index=["dev", "2024"])).tidy()["crossings"].tolist()
    [1]
    """
    check_frame(woe, "woe")
    values = woe.to_numpy(dtype=float)
    if values.shape[0] < 2 or values.shape[1] < 2:
        raise InputError(
            message(
                "a reference and one period or more, two bins or more", f"{values.shape}", "woe", "One row per period."
            )
        )
    first, rows = values[0], []
    for name, row in zip(woe.index[1:], values[1:], strict=True):
        there = np.isfinite(first) & np.isfinite(row)
        if there.sum() < 2 or np.ptp(first[there]) == 0 or np.ptp(row[there]) == 0:
            rows.append(
                {
                    "scope": str(name),
                    "n": int(there.sum()),
                    "reason": "no order to compare 无可比较的排序",
                    "verdict": "info",
                    "threshold": "",
                }
            )
            continue
        rho = float(np.corrcoef(rankdata(first[there]), rankdata(row[there]))[0, 1])
        crossings = int((np.diff(first[there]) * np.diff(row[there]) < 0).sum())
        rows.append(
            {
                "scope": str(name),
                "n": int(there.sum()),
                "estimate": rho,
                "crossings": crossings,
                "verdict": AMBER if crossings else GREEN,
                "threshold": "no crossing",
            }
        )
    return BINS.family(rows, inputs=values, n=values.shape[1], method="none")


def near_cutoff(score: Any, error: Any, cutoff: float, threshold: Threshold = DEFAULTS["flips"]) -> TestResult:
    """The share of rows whose score lies within one standard error of the cut-off.

    >>> near_cutoff([600, 610, 700], [5, 15, 5], 620).estimate.__round__(4)
    0.3333
    """
    s, e = (
        np.asarray(score, dtype=float).reshape(-1),
        np.broadcast_to(np.asarray(error, dtype=float), np.shape(score)).reshape(-1),
    )
    if not len(s) or not (np.isfinite(s) & np.isfinite(e) & (e >= 0)).all():
        raise InputError(
            message(
                "finite scores and standard errors of 0 or more", "others", "near_cutoff", "Give one of each per row."
            )
        )
    share = float((np.abs(s - cutoff) <= e).mean())
    return CUTOFF.result(inputs=[s, e], n=len(s), estimate=share, threshold=threshold, verdict=threshold.verdict(share))


def decision_flips(
    prob_a: Any, prob_b: Any, approval: float = 0.7, threshold: Threshold = DEFAULTS["flips"]
) -> TestResult:
    """The share of decisions that differ between two PDs when both approve the same share.

    >>> decision_flips([0.1, 0.2, 0.3, 0.4], [0.1, 0.3, 0.2, 0.4], approval=0.5).estimate
    0.5
    """
    from creditlab.validation.grades import rate_limits

    a = check_prob(prob_a, None, "prob_a")
    b = check_prob(prob_b, len(a), "prob_b")
    changed = approve(a, approval) != approve(b, approval)
    lo, hi = rate_limits(int(changed.sum()), len(a), 0.95)
    share = float(changed.mean())
    return FLIPS.result(
        inputs=[a, b],
        n=len(a),
        estimate=share,
        lo=lo,
        hi=hi,
        level=0.95,
        threshold=threshold,
        verdict=threshold.verdict(share),
        facts={"approval": approval},
    )
