"""The design of a scorecard by a second path: its bins counted from the rows, its WOE, coefficients and points.

Rows are cut by pandas at the stored cut points, WOE follows from the counts, coefficients come from SciPy, points
and their limits from statsmodels and from profiles. Limits of bins, and points, are in `recheck_design`.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq, minimize
from scipy.special import expit

from creditlab.binning import Binner
from creditlab.validation.rechecking import UNCHECKED, compared

COUNTED = ("n", "bads", "share", "bad_rate", "woe", "iv")
MERGED = "a bin of several levels, or of a code, that its label does not tell 标签未列明取值的分箱"
#: the card's own optimum stops at about this
FITTED = 1e-4


def recheck_card(
    stored: Mapping[str, Any], card: Any, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray | None = None
) -> list[dict[str, Any]]:
    """Figures of the sections on the scorecard, from the development rows.

    Parameters
    ----------
    stored : report.json. card : the fitted `Scorecard`. X, y : the rows that it was fitted on, unweighted.
    groups : villages, for the errors of the coefficients. Limits of bins and points are compared by `recheck_design`.
    """
    result, binner = card.result_, Binner() if card.binner is None else card.binner
    figures = {f["id"]: f["data"]["rows"] for f in stored.get("figures", ())}
    rows: list[dict[str, Any]] = []
    woe = pd.DataFrame(index=np.arange(len(X)))
    for name in result.bins:
        table = result.bins[name].tidy()
        place = binned(X[name].reset_index(drop=True), result.bins[name].to_dict(), table)
        place = place.map(dict(enumerate(table.index)))
        id = "scorecard.bins." + re.sub(r"[^A-Za-z0-9_]", lambda m: f"u{ord(m[0]):x}", name)
        rows += _counts(id, table, place, y, figures.get(id, []), binner)
        if name in list(result.features):
            woe[name] = place.map(table["woe"]).to_numpy()
    labels = _labels(card)
    return rows + list(_coefficients(result, woe, y, figures.get("scorecard.coefficients", []), labels, groups))


def _labels(card: Any) -> dict[str, str]:
    """Chinese label → feature, where the columns are declared."""
    known: Any = getattr(card, "dictionary", None) or {}
    return {known.label(name, "zh"): name for name in known} if known else {}


def binned(values: pd.Series, stored: Mapping[str, Any], table: pd.DataFrame) -> pd.Series:
    """The row of the bin table of each value, from the stored cut points, groups of levels and codes.

    Missing for crosses, whose bins are made of two features.
    """
    spec, place = stored["spec"], pd.Series(np.nan, index=values.index)
    if spec["parents"] or spec["joins"]:
        return place
    inner = len(spec["cuts"]) + 1 if spec["form"] == "number" else len(spec["groups"])
    if spec["form"] == "number":
        numbers = pd.to_numeric(values, errors="coerce").astype(float)
        edges = [-np.inf, *spec["cuts"], np.inf]
        place = pd.Series(np.searchsorted(edges, numbers, side="right") - 1.0, index=values.index).clip(0, inner - 1)
        for i, (code, _) in enumerate(spec["special"]):
            place[numbers == float(code)] = inner + i
    else:
        level = {str(name): i for i, names in enumerate(spec["groups"]) for name in names}
        level |= {str(code): inner + i for i, (code, _) in enumerate(spec["special"])}
        place = values.astype(str).map(level).astype(float)
    missing = np.flatnonzero(table["label"].astype(str).str.startswith("缺失"))
    if len(missing):
        place[values.isna()] = float(missing[0])
    return place


def _counts(
    id: str, table: pd.DataFrame, place: pd.Series, y: np.ndarray, shown: Any, binner: Any
) -> Iterator[dict[str, Any]]:
    goods, bads, prior = float((1 - y).sum()), float(y.sum()), float(binner.prior)
    ranged = bool(table["lower"].notna().any())
    told = bool(place.notna().all())
    for i, row in enumerate(shown):
        common = {"part": "figure", "id": id, "scope": str(row.get("label"))}
        here = y[(place == table.index[i]).to_numpy()]
        n, b = float(len(here)), float(here.sum())
        second = {"n": n, "bads": b, "share": n / len(y)}
        if not n:
            second |= {"woe": 0.0, "iv": 0.0}
        else:
            second["bad_rate"] = b / n
            # as many rows at the odds of the sample as hold `prior` events of the rarer class; a bin of missing values
            # or of a code is filled up until it has `min_expected` of them
            rare, apart = min(goods, bads) / len(y), ranged and pd.isna(table["lower"].iloc[i])
            fill = apart or str(row.get("label")).startswith("缺失")
            pseudo = max(prior, binner.min_expected - rare * n if fill else 0.0) / rare / len(y)
            second["woe"] = math.log(((n - b) / goods + pseudo) / (b / bads + pseudo))
            second["iv"] = second["woe"] * ((n - b) / goods - b / bads)
        for figure in COUNTED:
            if row.get(figure) is None:
                continue
            if not told or figure not in second:
                reason = MERGED if not told else "a bin of one class only 仅含一类的分箱"
                yield {**common, "figure": figure, "reported": float(row[figure]), "state": UNCHECKED, "reason": reason}
            else:
                yield {
                    **common,
                    "figure": figure,
                    "reported": float(row[figure]),
                    **compared(float(row[figure]), second[figure]),
                }


def _coefficients(
    result: Any, woe: pd.DataFrame, y: np.ndarray, shown: Any, labels: Mapping[str, str], groups: np.ndarray | None
) -> Iterator[dict[str, Any]]:
    told = bool(woe.notna().all().all()) and woe.shape[1] > 0 and not result.facts.get("lasso")
    table = second_coefficients(woe, y, result.facts, groups) if told else pd.DataFrame(index=["(intercept)"])
    for row in shown:
        zh = row["feature"]["zh"] if isinstance(row["feature"], Mapping) else str(row["feature"])
        feature = labels.get(zh, zh)
        common = {"part": "figure", "id": "scorecard.coefficients", "scope": feature}
        for figure, value in row.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            line = {**common, "figure": figure, "reported": float(value)}
            if figure in table and feature in table.index and result.facts.get("clamped", 0) == 0:
                # p-values of strong features are tiny: what counts there is their logarithm
                near = 1e-2 if figure == "p_value" else FITTED if figure in ("coef", "se") else 1e-3
                yield {**line, **compared(float(value), float(table.at[feature, figure]), near)}
            else:
                yield {**line, "state": UNCHECKED, "reason": MERGED if not told else HELD}


HELD = "a coefficient is held at its bound, or its interval is not one that is made here 系数受边界约束或区间类型不支持"


def second_coefficients(
    woe: pd.DataFrame, y: np.ndarray, facts: Mapping[str, Any], groups: np.ndarray | None
) -> pd.DataFrame:
    """coef (with the ridge), se z p_value (without it, statsmodels), lo hi (profiles by root finding)."""
    import statsmodels.api as sm

    X = np.column_stack([np.ones(len(y)), woe.to_numpy()])
    coef = _penalised(woe.to_numpy(), y, float(facts.get("ridge", 0.0)))
    options: dict[str, Any] = {}
    if groups is not None:
        options = {"cov_type": "cluster", "cov_kwds": {"groups": pd.factorize(groups)[0]}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = sm.GLM(y, X, family=sm.families.Binomial()).fit(tol=1e-12, maxiter=200, **options)
    table = pd.DataFrame({"coef": coef, "se": plain.bse, "z": plain.params / plain.bse}, index=["(intercept)", *woe])
    table["p_value"] = 2 * stats.norm.sf(np.abs(table["z"]))
    kind = facts.get("inference")
    if kind == "wald":
        half = float(stats.norm.ppf(0.975)) * plain.bse
        table["lo"], table["hi"] = plain.params - half, plain.params + half
    elif kind in ("firth", "profile"):
        ends = profiles(X, y, firth=kind == "firth")
        table.loc[table.index[1:], ["lo", "hi"]] = ends[1:]
    return table


def profiles(X: np.ndarray, y: np.ndarray, firth: bool) -> np.ndarray:
    """95 % limits of each coefficient from its profile likelihood; `firth` adds Jeffreys' prior (Heinze 2006)."""

    def loss(b: np.ndarray) -> float:
        eta = X @ b
        value = float(np.logaddexp(0, eta).sum() - y @ eta)
        if firth:
            p = expit(eta)
            value -= float(np.linalg.slogdet((X * (p * (1 - p))[:, None]).T @ X)[1]) / 2
        return value

    best = minimize(loss, _penalised(X[:, 1:], y, 1e-6), method="BFGS", options={"gtol": 1e-6})
    edge, ends = float(stats.chi2.ppf(0.95, 1)) / 2, np.full((X.shape[1], 2), np.nan)
    for j in range(1, X.shape[1]):
        for side in (0, 1):
            rest = [np.delete(best.x, j)]

            def above(value: float, j: int = j, rest: list[np.ndarray] = rest) -> float:
                found = minimize(lambda r: loss(np.insert(r, j, value)), rest[0], method="BFGS", options={"gtol": 1e-6})
                rest[0] = found.x
                return float(found.fun - best.fun) - edge

            step = (1 if side else -1) * 0.3 * max(abs(float(best.x[j])), 0.2)
            far = float(best.x[j]) + step
            while above(far) < 0 and abs(far - best.x[j]) < 60:
                step *= 1.6
                far += step
            ends[j, side] = brentq(above, min(far, best.x[j]), max(far, best.x[j]), xtol=1e-6)
    return ends


def _penalised(woe: np.ndarray, y: np.ndarray, ridge: float) -> np.ndarray:
    """Intercept and slopes: log-likelihood less ridge/2 · Σ slope², by BFGS."""
    X = np.column_stack([np.ones(len(y)), woe])
    weight = np.append(0.0, np.full(woe.shape[1], ridge))

    def loss(b: np.ndarray) -> float:
        return float(np.logaddexp(0, X @ b).sum() - y @ (X @ b) + (weight * b**2).sum() / 2)

    def slope(b: np.ndarray) -> np.ndarray:
        return np.asarray(X.T @ (expit(X @ b) - y) + weight * b)

    return np.asarray(minimize(loss, np.zeros(X.shape[1]), jac=slope, method="BFGS", options={"gtol": 1e-8}).x)
