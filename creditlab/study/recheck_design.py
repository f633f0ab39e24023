"""The tables of a card's design by a second path: information values of all candidates, selection, performance.

Rows are cut at the stored cut points by `recheck_card`; AUC and KS come from the ranks of `second_ranks`, rates from
statsmodels with errors clustered by village.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from creditlab.binning import Binner
from creditlab.study.recheck_card import binned
from creditlab.study.recheck_clustered import Clustered
from creditlab.study.recheck_effects import EFFECT, effects_again
from creditlab.study.recheck_tables import Shown
from creditlab.study.splits import DEVELOPMENT
from creditlab.validation.second_ranks import Part, auc, ks

PARTS = {"development": "训练", "test": "测试", "out-of-time": "跨期"}


def recheck_design(shown: Shown, card: Any, X: pd.DataFrame, rows: pd.DataFrame) -> None:
    """`scorecard.iv`, `.selection`, `.performance`, `.points` and the limits of `.bins.*`.

    Parameters
    ----------
    card : the fitted card. X, rows : all rows, with `bad split pd_card` and, where there are villages, `village_id`.
    """
    fitted = (rows["split"] == DEVELOPMENT).to_numpy()
    y = rows.loc[fitted, "bad"].to_numpy(dtype=float)
    village = rows.loc[fitted, "village_id"].astype(str).to_numpy() if "village_id" in rows else None
    found: list[dict[str, Any]] = []
    points: dict[str, tuple[Bins, str]] = {}
    for name in card.result_.bins:
        bins = Bins.of(card, name, X.loc[fitted, name].reset_index(drop=True), y, village)
        if bins is None:  # a cross, whose bins are made of two columns
            continue
        label = card.dictionary.label(name, "zh") if card.dictionary and name in card.dictionary else name
        found.append({"feature": label, **bins.summary()})
        id = "scorecard.bins." + re.sub(r"[^A-Za-z0-9_]", lambda m: f"u{ord(m[0]):x}", name)
        _limits(shown, id, bins)
        if name in list(card.result_.features):
            points[name] = bins, label
    second = pd.DataFrame(found)
    shown.against("scorecard.iv", second, "feature", dict.fromkeys(("iv_lo", "iv_hi", "iv_noise"), 1e-5))
    shown.against("scorecard.selection", second[["feature", "iv"]].assign(bins=second["filled"]), "feature")
    _points(shown, card, points, y)
    _performance(shown, rows, X, card)


def _limits(shown: Shown, id: str, bins: Bins) -> None:
    """The limits of the bad rates that a figure of bins shows; its counts are compared by `recheck_card`."""
    lo, hi = bins.clustered.rates(0.9)
    for row in shown.rows(id):
        here = np.flatnonzero(bins.table["label"].astype(str) == str(row.get("label")))
        for figure, ends in (("bad_rate_lo", lo), ("bad_rate_hi", hi)):
            if len(here) and row.get(figure) is not None:
                shown.same(id, str(row["label"]), figure, row[figure], ends[here[0]])


@dataclass(frozen=True)
class Bins:
    """The bins of one candidate on the development rows: counts, WOE, pseudo-rows, limits."""

    table: pd.DataFrame
    goods: np.ndarray
    bads: np.ndarray
    woe: np.ndarray
    inner: int
    clustered: Clustered
    codes: np.ndarray

    @classmethod
    def of(cls, card: Any, name: str, x: pd.Series, y: np.ndarray, village: Any) -> Bins | None:
        """None where the bins cannot be told from one column."""
        stored = card.result_.bins[name].to_dict()
        table = card.result_.bins[name].tidy().reset_index(drop=True)
        place = binned(x, stored, table)
        if place.isna().any():
            return None
        binner, codes = Binner() if card.binner is None else card.binner, place.to_numpy(dtype=int)
        n = np.bincount(codes, minlength=len(table)).astype(float)
        b = np.bincount(codes, weights=y, minlength=len(table))
        g, rare = n - b, min(y.mean(), 1 - y.mean())
        spec = stored["spec"]
        inner = len(spec["cuts"]) + 1 if spec["form"] == "number" else len(spec["groups"])
        filled = np.where(np.arange(len(n)) >= inner, binner.min_expected - rare * n, 0)
        pseudo = np.maximum(binner.prior, filled) / rare
        share = b.sum() / n.sum()
        woe = np.log((g + pseudo * (1 - share)) / g.sum()) - np.log((b + pseudo * share) / b.sum())
        woe = np.where(n > 0, woe, 0.0)
        return cls(table, g, b, woe, inner, Clustered(codes, y, village, len(table), woe, pseudo), codes)

    def summary(self) -> dict[str, float]:
        """IV with its limits, rows, missing, special and bins."""
        n, label = self.goods + self.bads, self.table["label"].astype(str)
        apart = np.arange(len(n)) >= self.inner
        missing = label.str.startswith("缺失").to_numpy()
        special = apart & ~missing & ~label.str.startswith("未见").to_numpy()
        gap = self.goods / self.goods.sum() - self.bads / self.bads.sum()
        counts = {"n": n.sum(), "missing": n[missing].sum(), "special": n[special].sum(), "bins": self.inner}
        return {
            "iv": float((gap * self.woe).sum()),
            "filled": float((n > 0).sum()),
            **self.clustered.iv(0.9),
            **{name: float(value) for name, value in counts.items()},
        }


EMPTY = "a bin without rows 没有样本的分箱"
JOINT = "an error of the joint fit of bins 分箱联合拟合的误差"


def _points(shown: Shown, card: Any, points: Mapping[str, tuple[Bins, str]], y: np.ndarray) -> None:
    """The points table by the formula of the scale, from lines or, where bins leave them, from the joint fit again."""
    result = card.result_
    if set(points) != set(result.features) or len(result.edits) or len(result.blend):
        return
    beside = None
    if result.bin_se:
        places = {name: pd.Series(bins.codes) for name, (bins, _) in points.items()}
        beside = effects_again(result, places, y, float(card.bin_sd), card.sign_constrained)
    parts = [_points_of(result, name, bins, label, beside) for name, (bins, label) in points.items()]
    near = ("abs", EFFECT if result.bin_se else 1e-6)
    limits = {"points": ("abs", 1.0), "points_exact": near, "moved": near}
    late = dict.fromkeys(("points_lo", "points_hi"), JOINT) if result.bin_se else {}
    shown.against("scorecard.points", pd.concat(parts, ignore_index=True), ["label", "bin"], limits, late)


def _points_of(result: Any, name: str, bins: Bins, label: str, beside: Any) -> pd.DataFrame:
    """(offset - factor·a)/p - factor·(what the bin adds), the line being b·WOE."""
    factor, features = result.scale.pdo / math.log(2), len(list(result.features))
    offset = result.scale.points - factor * math.log(result.scale.odds)
    coef, n = float(result.coef[name]), bins.goods + bins.bads
    line = coef * bins.woe
    exact = (offset - factor * float(result.intercept)) / features - factor * line
    moved = np.zeros(len(n))
    if beside is not None:
        shift = np.where(n > 0, beside[1][name] - line, 0.0)
        own = offset / features - factor * (beside[0] / features + beside[1][name])
        exact, moved = np.where(n > 0, own, exact), -factor * (shift - n / n.sum() @ shift)
    half = np.where(n > 0, factor * abs(coef) * bins.clustered.woes(0.9), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = bins.bads / n
    bin_ = [result.bins[name].label(c, "zh") for c in bins.table["bin"]]
    counts = {"label": label, "bin": bin_, "n": n, "bads": bins.bads, "bad_rate": rate, "woe": bins.woe, "coef": coef}
    ends = {"points_lo": exact - half, "points_hi": exact + half, "moved": moved}
    table = pd.DataFrame({**counts, "points_exact": exact, "points": exact, **ends}).astype(object)
    if beside is not None:  # a bin without rows has no part in the fit
        table.loc[n == 0, ["points_exact", "points", "moved"]] = EMPTY
    return table


def _performance(shown: Shown, rows: pd.DataFrame, X: pd.DataFrame, card: Any) -> None:
    """AUC and KS of the points, rates, mean PD, and the PSI of the points' classes."""
    points = card.points(X).to_numpy(dtype=float)
    found: list[dict[str, Any]] = []
    edges, then = np.zeros(0), np.zeros(0)
    for split, name in PARTS.items():
        here = (rows["split"] == split).to_numpy()
        if not here.any():
            continue
        own, y = rows[here], rows.loc[here, "bad"].to_numpy()
        several = own["village_id"].astype(str).to_numpy() if "village_id" in own else None
        part = Part(y, -points[here], several, 0.95)
        if not found:
            edges = np.unique(np.percentile(points[here], np.arange(10, 100, 10)))
        now = pd.cut(points[here], [-np.inf, *edges, np.inf], right=False, labels=False)
        shares = np.bincount(now, minlength=len(edges) + 1).astype(float)
        then = then if found else shares
        e, a = ((v + 0.5) / (v + 0.5).sum() for v in (then, shares))
        area = auc(part)
        row = {
            "part": name,
            "n": float(len(own)),
            "bads": float(y.sum()),
            "auc": area["estimate"],
            "auc_lo": area["lo"],
            "auc_hi": area["hi"],
            "ks": ks(part)["estimate"],
            "mean_pd": float(own["pd_card"].mean()),
            "psi": float(stats.entropy(a, e) + stats.entropy(e, a)) if found else 0.0,
        }
        found.append(row | _rate(y, several))
    shown.against("scorecard.performance", pd.DataFrame(found), "part")


def _rate(y: np.ndarray, groups: np.ndarray | None) -> dict[str, float]:
    """Bad rate with limits on the scale of log-odds: the intercept of a logit with clustered errors."""
    import statsmodels.api as sm

    rate, one = float(y.mean()), np.ones((len(y), 1))
    if groups is None or not 0 < rate < 1:
        return {"bad_rate": rate}
    codes = pd.factorize(groups)[0]
    k = codes.max() + 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = sm.Logit(y, one).fit(
            disp=0, tol=1e-14, cov_type="cluster", cov_kwds={"groups": codes, "use_correction": False}
        )
    half = float(fit.bse[0]) * np.sqrt(k / (k - 1)) * float(stats.t.ppf(0.975, k - 1))
    ends = 1 / (1 + np.exp(-(float(fit.params[0]) + np.array([-half, half]))))
    return {"bad_rate": rate, "bad_rate_lo": float(ends[0]), "bad_rate_hi": float(ends[1])}
