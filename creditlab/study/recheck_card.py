"""The design of a scorecard by a second path: its bins counted from the rows, its WOE, coefficients and points.

Rows are cut by pandas at the stored cut points, WOE follows from the counts, coefficients come from SciPy, points
from the scale. Intervals clustered by village are not computed again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

from creditlab.binning import Binner
from creditlab.validation.rechecking import UNCHECKED, compared

COUNTED = ("n", "bads", "share", "bad_rate", "woe", "iv")
MERGED = "a bin of several levels, or of a code, that its label does not tell 标签未列明取值的分箱"
SPREAD = "an interval or error clustered by village 按村聚类的区间或误差"
#: the card's own optimum stops at about this
FITTED = 1e-4


def recheck_card(stored: Mapping[str, Any], card: Any, X: pd.DataFrame, y: np.ndarray) -> list[dict[str, Any]]:
    """Figures of the sections on the scorecard, from the development rows.

    Parameters
    ----------
    stored : report.json. card : the fitted `Scorecard`. X, y : the rows that it was fitted on, unweighted.
    """
    result, binner = card.result_, Binner() if card.binner is None else card.binner
    figures = {f["id"]: f["data"]["rows"] for f in stored.get("figures", ())}
    rows: list[dict[str, Any]] = []
    woe = pd.DataFrame(index=np.arange(len(X)))
    for name in result.bins:
        table = result.bins[name].tidy()
        place = _places(X[name].reset_index(drop=True), table)
        id = "scorecard.bins." + re.sub(r"[^A-Za-z0-9_]", lambda m: f"u{ord(m[0]):x}", name)
        rows += _counts(id, table, place, y, figures.get(id, []), binner)
        if name in list(result.features):
            woe[name] = place.map(table["woe"]).to_numpy()
    rows += list(_coefficients(result, woe, y, figures.get("scorecard.coefficients", [])))
    points = stored.get("tables", {}).get("scorecard.points", {}).get("rows", [])
    return rows + list(_points(result, points))


def _places(values: pd.Series, table: pd.DataFrame) -> pd.Series:
    """The row of the bin table of each value; missing where the label does not tell."""
    place = pd.Series(np.nan, index=values.index)
    label = table["label"].astype(str)
    if table["lower"].notna().any():
        numbers = pd.to_numeric(values, errors="coerce").astype(float)
        for i in table.index[table["lower"].notna() | table["upper"].notna()]:
            inside = (numbers >= table.at[i, "lower"]) & (numbers < table.at[i, "upper"])
            place[inside] = i
        for i in table.index[table["lower"].isna()]:
            code = pd.to_numeric(label[i], errors="coerce")
            if not math.isnan(float(code)):
                place[numbers == float(code)] = i
    else:
        for i, text in label.items():
            place[values.astype(str) == text] = i
    for i in table.index[label.str.startswith("缺失")]:
        place[values.isna()] = i
    return place


def _counts(
    id: str, table: pd.DataFrame, place: pd.Series, y: np.ndarray, shown: Any, binner: Any
) -> Iterator[dict[str, Any]]:
    goods, bads, prior = float((1 - y).sum()), float(y.sum()), float(binner.prior)
    ranged = bool(table["lower"].notna().any())
    told = bool(place.notna().all())
    for i, row in enumerate(shown):
        common = {"part": "figure", "id": id, "scope": str(row.get("label"))}
        spread = [k for k in row if k.endswith(("_lo", "_hi")) and row[k] is not None]
        yield from (
            {**common, "figure": k, "reported": float(row[k]), "state": UNCHECKED, "reason": SPREAD} for k in spread
        )
        here = y[(place == table.index[i]).to_numpy()]
        n, b = float(len(here)), float(here.sum())
        second = {"n": n, "bads": b, "share": n / len(y)}
        if n:
            second["bad_rate"] = b / n
        if n:
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


def _coefficients(result: Any, woe: pd.DataFrame, y: np.ndarray, shown: Any) -> Iterator[dict[str, Any]]:
    told = bool(woe.notna().all().all()) and woe.shape[1] > 0 and not result.facts.get("lasso")
    fit = _penalised(woe.to_numpy(), y, float(result.facts.get("ridge", 0.0))) if told else None
    names = ["(intercept)", *woe.columns]
    for row in shown:
        feature = row["feature"]["zh"] if isinstance(row["feature"], Mapping) else str(row["feature"])
        common = {"part": "figure", "id": "scorecard.coefficients", "scope": feature}
        for figure, value in row.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if figure == "coef" and fit is not None and feature in names:
                found = compared(float(value), float(fit[names.index(feature)]), FITTED)
                yield {**common, "figure": figure, "reported": float(value), **found}
            else:
                reason = SPREAD if figure != "coef" else MERGED
                yield {**common, "figure": figure, "reported": float(value), "state": UNCHECKED, "reason": reason}


def _penalised(woe: np.ndarray, y: np.ndarray, ridge: float) -> np.ndarray:
    """Intercept and slopes: log-likelihood less ridge/2 · Σ slope², by BFGS."""
    X = np.column_stack([np.ones(len(y)), woe])
    weight = np.append(0.0, np.full(woe.shape[1], ridge))

    def loss(b: np.ndarray) -> float:
        return float(np.logaddexp(0, X @ b).sum() - y @ (X @ b) + (weight * b**2).sum() / 2)

    def slope(b: np.ndarray) -> np.ndarray:
        return np.asarray(X.T @ (expit(X @ b) - y) + weight * b)

    return np.asarray(minimize(loss, np.zeros(X.shape[1]), jac=slope, method="BFGS", options={"gtol": 1e-8}).x)


def _points(result: Any, shown: Any) -> Iterator[dict[str, Any]]:
    """Unrounded points by the formula of the scale: (offset - factor·intercept)/p - factor·coefficient·WOE."""
    scale, features = result.scale, len(list(result.features))
    factor = scale.pdo / math.log(2)
    offset = scale.points - factor * math.log(scale.odds)
    share = (offset - factor * float(result.intercept)) / features
    for row in shown:
        label = row["label"]["zh"] if isinstance(row["label"], Mapping) else str(row["label"])
        bin_ = row["bin"]["zh"] if isinstance(row["bin"], Mapping) else str(row["bin"])
        common = {"part": "table", "id": "scorecard.points", "scope": f"{label} {bin_}"}
        for figure, value in row.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if figure == "points_exact":
                second = share - factor * row["coef"] * row["woe"]
                yield {**common, "figure": figure, "reported": float(value), **compared(float(value), second)}
            elif figure == "points":
                near = abs(value - row["points_exact"]) <= 1.0
                yield {
                    **common,
                    "figure": figure,
                    "reported": float(value),
                    **compared(float(value), float(value) if near else math.inf),
                }
            else:
                yield {
                    **common,
                    "figure": figure,
                    "reported": float(value),
                    "state": UNCHECKED,
                    "reason": "shown with its bin 见分箱",
                }
