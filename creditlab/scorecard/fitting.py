"""From the WOE frame of the selected features to the model: coefficients, inference, the table of terms, the facts.

It joins the arrays of `logistic` to the names of the features. Inference is conditional on the selection and on the
bins, which were found on the same rows: p-values are a description, not proof (see `result_.summary()`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import norm

from creditlab.binning import BinningResult
from creditlab.results import NotEstimable
from creditlab.scorecard.logistic import LogisticFit, covariance, fit_logistic
from creditlab.scorecard.points import add_points, check_points
from creditlab.scorecard.result import INTERCEPT, ScorecardResult
from creditlab.scorecard.selection import used_bins

CLAMPED = NotEstimable("clamped at 0: the data pull it against its own bad rate, so it has no Wald interval")
PENALISED = NotEstimable("the features separate goods from bads: fitted with a normal prior, no likelihood interval")


@dataclass(frozen=True)
class Model:
    """A logistic fit with names and with the rows it was fitted on in summary."""

    features: tuple[str, ...]
    fit: LogisticFit
    covariance: np.ndarray
    n: float
    bads: float
    auc: float
    groups: int

    @property
    def terms(self) -> list[str]:
        return [INTERCEPT, *self.features]

    @property
    def coef(self) -> dict[str, float]:
        return dict(zip(self.features, self.fit.coef[1:].tolist(), strict=True))

    @property
    def clamped(self) -> set[str]:
        return {name for name, held in zip(self.features, self.fit.clamped[1:], strict=True) if held}


def fit_model(woe: pd.DataFrame, bad: np.ndarray, weight: np.ndarray, groups: np.ndarray | None, sign: int) -> Model:
    """The regression of bad on WOE with its covariance. Without a feature it is the intercept alone."""
    from sklearn.metrics import roc_auc_score

    design = woe.to_numpy(dtype=float).reshape(len(bad), -1)
    fit = fit_logistic(design, bad, weight, sign=sign)
    log_odds = fit.coef[0] + design @ fit.coef[1:]
    return Model(
        features=tuple(woe.columns),
        fit=fit,
        covariance=covariance(design, bad, fit, weight, groups),
        n=float(weight.sum()),
        bads=float(weight @ bad),
        auc=float(roc_auc_score(bad, log_odds, sample_weight=weight)),
        groups=0 if groups is None else len(np.unique(groups)),
    )


def fit_without_weak(
    woe: pd.DataFrame, bad: np.ndarray, weight: np.ndarray, groups: np.ndarray | None, sign: int, min_z: float
) -> tuple[Model, list[str]]:
    """The model after features whose |z| stays below `min_z` have left, and their names.

    One coefficient per feature, model-based z. A refit after each round lets the others take up what they gave.
    """
    names, weak = list(woe.columns), list[str]()
    while len(names) > 1 and min_z > 0:
        design = woe[names].to_numpy(dtype=float)
        fit = fit_logistic(design, bad, weight, sign=sign)
        gone = [] if fit.ridge else [names[j] for j in weak_features(design, weight, fit, min_z)]
        if not gone:
            break
        weak += gone
        names = [name for name in names if name not in gone]
    return fit_model(woe[names], bad, weight, groups, sign), weak


def weak_features(design: np.ndarray, weight: np.ndarray, fit: LogisticFit, min_z: float) -> list[int]:
    """Columns that leave one by one, the weakest first, until every other |z| reaches `min_z`; clamped ones stay.

    After each step coefficients and covariance are updated in closed form instead of by a refit (J. Lawless and
    K. Singhal, Biometrics 34 (1978) 318-327). A column that others determine has no z of its own and leaves first.
    """
    free = np.flatnonzero(~fit.clamped)
    x = np.column_stack([np.ones(len(design)), design])[:, free]
    p = 1 / (1 + np.exp(-(x @ fit.coef[free])))
    information = x.T @ (x * (weight * p * (1 - p))[:, None])
    # a trace of the scale makes the variance of a dependent column huge instead of undefined
    information[np.diag_indices_from(information)] *= 1 + 1e-9
    cov, coef = np.linalg.inv(information), fit.coef[free].copy()
    left, gone = list(range(1, len(free))), list[int]()
    while len(left) > 1:
        z = np.abs(coef[left]) / np.sqrt(np.diag(cov)[left])
        j = left[int(np.argmin(z))]
        if z.min() >= min_z:
            break
        gone.append(int(free[j]) - 1)
        left.remove(j)
        coef = coef - cov[:, j] * (coef[j] / cov[j, j])
        cov = cov - np.outer(cov[:, j], cov[j]) / cov[j, j]
    return gone


def make_table(model: Model, bins: BinningResult, woe: pd.DataFrame) -> pd.DataFrame:
    """A row per term: `feature coef se z p_value lo hi iv bins mean_woe reason`."""
    coef = model.fit.coef
    with np.errstate(invalid="ignore"):
        se = np.sqrt(np.diag(model.covariance))
    z = coef / se
    half = ndtri(0.975) * se
    reason = np.where(model.fit.clamped, CLAMPED.reason, PENALISED.reason if model.fit.ridge else "")
    return pd.DataFrame(
        {
            "feature": pd.Series(model.terms, dtype="str"),
            "coef": coef,
            "se": se,
            "z": z,
            "p_value": 2 * norm.sf(np.abs(z)),
            "lo": coef - half,
            "hi": coef + half,
            "iv": [np.nan, *(bins[name].iv for name in model.features)],
            "bins": [0, *(used_bins(bins[name]) for name in model.features)],
            "mean_woe": [np.nan, *(mean_woe(bins, name) for name in model.features)],
            "reason": pd.Series(reason, dtype="str"),
        }
    )


def mean_woe(bins: BinningResult, name: str) -> float:
    """The weighted mean of WOE over the training rows, from the bin table alone."""
    table = bins[name].table
    return float(table["share"].to_numpy() @ table["woe"].to_numpy())


def model_facts(model: Model, columns: int) -> dict[str, Any]:
    """What `glance` shows."""
    scored = len(model.features) - len(model.clamped)
    rate = model.bads / model.n
    null = model.n * (rate * np.log(rate) + (1 - rate) * np.log1p(-rate))
    free = scored + 1
    return {
        "n": model.n,
        "bads": model.bads,
        "bad_rate": rate,
        "columns": columns,
        "features": scored,
        "clamped": len(model.clamped),
        "auc_train": model.auc,
        "log_likelihood": model.fit.log_likelihood,
        "log_likelihood_null": float(null),
        "aic": 2 * free - 2 * model.fit.log_likelihood,
        "bic": float(free * np.log(model.n) - 2 * model.fit.log_likelihood),
        "covariance": "by group" if model.groups else "model",
        "groups": model.groups,
        "ridge": model.fit.ridge,
    }


def check_exact(result: ScorecardResult, frame: pd.DataFrame) -> ScorecardResult:
    """The result with the measured gap between points and log-odds, and the gap of rounding, among its facts.

    Raises
    ------
    FitError : when unrounded points summed differ from the affine map of the log-odds by more than 1e-9.
    """
    codes, n = result.codes(frame), len(frame)
    exact = add_points(*result.exact_points(), codes, n)
    gap = check_points(result.scale, exact, result.log_odds(codes, n))
    whole = add_points(*result.integer_points(), codes, n)
    facts = {"points_gap": gap, "rounding_gap": float(np.abs(whole - exact).max())}
    return replace(result, facts=dict(result.facts) | facts)
