"""The design of a scorecard by a second path: its bins counted from the rows, its WOE, coefficients and points.

Rows are cut by pandas at the stored cut points, WOE follows from the counts, coefficients and the effects of bins
beside each other come from SciPy's optimisers, points from the scale. Intervals clustered by village are not computed
again.
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
#: sums and products of the same floats
EXACT = 1e-9
EMPTY = "a bin without rows 没有样本的分箱"
#: L-BFGS-B leaves points of bins at about this share of a point
EFFECT = 0.05


def recheck_card(stored: Mapping[str, Any], card: Any, X: pd.DataFrame, y: np.ndarray) -> list[dict[str, Any]]:
    """Figures of the sections on the scorecard, from the development rows.

    Parameters
    ----------
    stored : report.json. card : the fitted `Scorecard`. X, y : the rows that it was fitted on, unweighted.
    """
    result, binner = card.result_, Binner() if card.binner is None else card.binner
    figures = {f["id"]: f["data"]["rows"] for f in stored.get("figures", ())}
    rows: list[dict[str, Any]] = []
    woe, bins = pd.DataFrame(index=np.arange(len(X))), dict[str, pd.Series]()
    for name in result.bins:
        table = result.bins[name].tidy()
        place = _places(X[name].reset_index(drop=True), table)
        id = "scorecard.bins." + re.sub(r"[^A-Za-z0-9_]", lambda m: f"u{ord(m[0]):x}", name)
        rows += _counts(id, table, place, y, figures.get(id, []), binner)
        if name in list(result.features):
            woe[name] = place.map(table["woe"]).to_numpy()
            bins[name] = place.map(table["bin"])
    rows += list(_coefficients(result, woe, y, figures.get("scorecard.coefficients", [])))
    points = stored.get("tables", {}).get("scorecard.points", {}).get("rows", [])
    beside = effects_again(result, bins, y, float(card.bin_sd), card.sign_constrained) if result.bin_se else None
    return rows + list(_points(result, points, beside))


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


def effects_again(
    result: Any, places: Mapping[str, pd.Series], y: np.ndarray, spread: float, ordered: bool
) -> tuple[float, dict[str, np.ndarray]] | None:
    """Intercept and what each bin adds beside the other features, by L-BFGS-B; None where labels do not tell the bins.

    Each feature has a line and departures from it (the card has rises from bin to bin): log-likelihood less the squared
    departures over 2 · spread² and the ridge. The order of the bad rates holds the sums.
    """
    if any(place.isna().any() for place in places.values()):
        return None
    ridge, starts, blocks = float(result.facts.get("ridge", 0.0)), [1], []
    for name, place in places.items():
        code = place.to_numpy().astype(int)
        used = np.unique(code)
        worst_last = used[np.lexsort((used, -result.bins[name].woe[used]))]
        seat = np.full(len(result.bins[name].woe), -1)
        seat[worst_last] = np.arange(len(used))
        w = result.bins[name].woe[worst_last]
        line = np.column_stack([np.ones(len(w)), w])
        blocks.append((seat[code], line, worst_last))
        starts.append(starts[-1] + len(used) - 1)

    def parts(z: np.ndarray) -> list[np.ndarray]:
        return [np.append(0.0, np.cumsum(z[a:b])) for a, b in zip(starts[:-1], starts[1:], strict=True)]

    def loss(z: np.ndarray) -> tuple[float, np.ndarray]:
        effects, slope = parts(z), np.zeros(len(z))
        eta = z[0] + sum(v[seat] for v, (seat, _, _) in zip(effects, blocks, strict=True))
        off = expit(eta) - y
        slope[0], size = off.sum(), float(np.logaddexp(0, eta).sum() - y @ eta)
        for v, (seat, line, _), a, b in zip(effects, blocks, starts[:-1], starts[1:], strict=True):
            fitted = np.linalg.lstsq(line, v, rcond=None)[0]
            away = v - line @ fitted
            size += float(away @ away) / (2 * spread**2) + ridge * float(fitted[1]) ** 2 / 2
            centred = line[:, 1] - line[:, 1].mean()
            tilt = ridge * fitted[1] * centred / max(float(centred @ centred), 1e-300)
            each = np.bincount(seat, weights=off, minlength=len(v)) + away / spread**2 + tilt
            slope[a:b] = np.cumsum(each[::-1])[::-1][1:]
        return size, slope

    bounds = [(None, None), *[(0.0, None)] * (starts[-1] - 1)] if ordered else None
    found = np.append(math.log(y.mean() / (1 - y.mean())), np.full(starts[-1] - 1, 0.05))
    for _ in range(5):  # a fresh start forgets a curvature that no longer helps
        again = minimize(loss, found, jac=True, method="L-BFGS-B", bounds=bounds,
                         options={"ftol": 1e-16, "gtol": 1e-8, "maxiter": 3000, "maxcor": 50})  # fmt: skip
        found = again.x
    level, values = float(found[0]), {}
    for name, v, (seat, _, order) in zip(places, parts(found), blocks, strict=True):
        mean = float(v[seat].mean())
        values[name] = np.full(len(result.bins[name].woe), np.nan)
        values[name][order] = v - mean
        level += mean
    return level, values


def _points(result: Any, shown: Any, beside: tuple[float, dict[str, np.ndarray]] | None) -> Iterator[dict[str, Any]]:
    """Unrounded points by the formula of the scale: (offset - factor·intercept)/p - factor·(what the bin adds)."""
    scale, features = result.scale, len(list(result.features))
    factor = scale.pdo / math.log(2)
    offset = scale.points - factor * math.log(scale.odds)
    share = (offset - factor * float(result.intercept)) / features
    own = result.points_table()
    for place, row in enumerate(shown):
        label = row["label"]["zh"] if isinstance(row["label"], Mapping) else str(row["label"])
        bin_ = row["bin"]["zh"] if isinstance(row["bin"], Mapping) else str(row["bin"])
        common = {"part": "table", "id": "scorecard.points", "scope": f"{label} {bin_}"}
        for figure, value in row.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if figure == "points_exact":
                line = share - factor * row["coef"] * row["woe"]
                seat = str(own.at[place, "feature"]), int(own.at[place, "bin"])
                found = (
                    _beside(float(value), beside, seat, offset / features, factor, features)
                    if result.bin_se
                    else compared(float(value), line, EXACT)
                )
                yield {**common, "figure": figure, "reported": float(value), **found}
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


def _beside(
    value: float, beside: tuple[float, dict[str, np.ndarray]] | None, seat: tuple[str, int], base: float, factor: float,
    features: int,
) -> dict[str, Any]:  # fmt: skip
    """Points of a bin from what it adds beside the other features."""
    added = math.nan if beside is None else float(beside[1][seat[0]][seat[1]])
    if beside is None or math.isnan(added):
        return {"state": UNCHECKED, "reason": MERGED if beside is None else EMPTY}
    second = base - factor * (beside[0] / features + added)
    return compared(value, second, EFFECT / max(1.0, abs(value)))
