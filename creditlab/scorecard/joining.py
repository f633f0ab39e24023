"""Two cards on one scale: is a point of the one worth a point of the other, where households pass between them?

Tested on households that both cards can score and whose outcome is known: those that came in by the entry card and are
now scored by the behaviour card. Plain arrays; log-odds should come from models that never saw the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.stats import chi2, f

from creditlab.binning.intervals import quantile
from creditlab.checks import check_groups, check_level, check_target
from creditlab.errors import InputError, message
from creditlab.estimators import expit
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.scorecard.logistic import fit_logistic

#: fewer bads than this and no test of a join says anything (two per parameter that is tested)
LEAST_BADS = 8
TEXTS = {
    "level_entry": ("准入评分：实际/期望", "entry card: observed over expected"),
    "level_behaviour": ("行为评分：实际/期望", "behaviour card: observed over expected"),
    "slope_entry": ("准入评分：斜率", "entry card: slope"),
    "slope_behaviour": ("行为评分：斜率", "behaviour card: slope"),
    "step": ("换卡时对数几率的平均变化", "mean change of log-odds where the card changes"),
    "level_gap": ("两卡截距之差", "difference of the two intercepts"),
    "slope_gap": ("两卡斜率之差", "difference of the two slopes"),
    "one_scale": ("两卡同一刻度（联合检验）", "both cards on one scale (joint test)"),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class JoinTest(Result):
    """A row per question: `test zh en estimate lo hi target statistic df p_value verdict`."""

    title: ClassVar[str] = "Join of two cards 两卡衔接检验"


def join_test(y: Any, entry: Any, behaviour: Any, groups: Any = None, *, level: float = 0.95) -> JoinTest:
    """Both cards on the rows of households that pass from one to the other.

    The outcomes are stacked under both log-odds and regressed on a constant and the log-odds of each card. On one scale
    both have the same intercept and the same slope: a Wald test of the two differences, with a covariance that allows
    for each row being there twice and for villages.

    Parameters
    ----------
    y : (n,) 1 = bad. entry, behaviour : (n,) log-odds of bad of the same rows by each card.
    groups : (n,) villages. level : of the intervals; a p-value below 1 - level is the verdict 'fail'.

    Returns
    -------
    JoinTest : level (observed over expected) and slope of each card, the mean step where the card changes (no verdict:
        conduct is news), the gaps of level and slope, and the joint test 'one_scale' with F or chi-square.

    Raises
    ------
    InputError : when there are fewer than 8 bads, or log-odds that are not finite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> eta = rng.normal(-1.5, 1, 4000)
    >>> y = (rng.random(4000) < 1 / (1 + np.exp(-eta))).astype(int)
    >>> join_test(y, eta, eta + rng.normal(0, 0.01, 4000)).tidy().iloc[-1][["test", "verdict"]].tolist()
    ['one_scale', 'pass']
    """
    check_level(level)
    bad = check_target(y, "y").astype(float)
    etas = [_log_odds(values, len(bad), name) for values, name in ((entry, "entry"), (behaviour, "behaviour"))]
    if min(bad.sum(), len(bad) - bad.sum()) < LEAST_BADS:
        raise InputError(
            message(f"at least {LEAST_BADS} bads and goods among those who pass", f"{int(bad.sum())} bads", "y",
                    "Pool more observation dates, or take a longer time since the first loan.")
        )  # fmt: skip
    codes = None if groups is None else pd.factorize(check_groups(groups, len(bad)))[0]
    coef, cov, df = _stacked(bad, etas, codes)
    t = quantile(level, np.array([df]))[0]
    rows = [_level(name, bad, eta, codes, level) for name, eta in zip(("entry", "behaviour"), etas, strict=True)]
    at_one = np.array([0.0, 1.0, 0.0, 1.0])
    for name, place in (("slope_entry", 1), ("slope_behaviour", 3)):
        rows.append(_row(name, coef[place], np.sqrt(cov[place, place]), t, at_one[place], df, level))
    step = etas[1] - etas[0]
    rows.append(_row("step", step.mean(), _mean_error(step, codes), t, np.nan, df, level))
    gap = np.array([[-1.0, 0, 1, 0], [0, -1.0, 0, 1]])
    difference, spread = gap @ coef, gap @ cov @ gap.T
    for name, k in (("level_gap", 0), ("slope_gap", 1)):
        rows.append(_row(name, difference[k], np.sqrt(spread[k, k]), t, 0.0, df, level))
    rows.append(_joint(difference, spread, df, level))
    table = pd.DataFrame(rows)
    facts = {"n": len(bad), "bads": int(bad.sum()), "villages": 0 if codes is None else int(codes.max()) + 1,
             "mean_pd_entry": float(expit(etas[0]).mean()), "mean_pd_behaviour": float(expit(etas[1]).mean()),
             "p_value": float(table["p_value"].iloc[-1]), "verdict": str(table["verdict"].iloc[-1])}  # fmt: skip
    return JoinTest(table=table, stamp=Stamp.of([bad, *etas], {"level": level}), facts=facts)


def _log_odds(values: Any, n: int, name: str) -> np.ndarray:
    found = np.asarray(values, dtype=float).reshape(-1)
    if len(found) != n or not np.isfinite(found).all():
        raise InputError(message(f"{n} finite log-odds", f"{len(found)} values", name, "Align them with y."))
    return found


def _stacked(bad: np.ndarray, etas: list[np.ndarray], codes: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, float]:
    """(intercept, slope) of each card, their joint covariance by village or by row, and its degrees of freedom."""
    coef, scores, bread = np.zeros(4), np.zeros((len(bad), 4)), np.zeros((4, 4))
    for k, eta in enumerate(etas):
        fit = fit_logistic(eta[:, None], bad, sign=0)
        x = np.column_stack([np.ones(len(bad)), eta])
        prob = expit(x @ fit.coef)
        place = slice(2 * k, 2 * k + 2)
        coef[place], scores[:, place] = fit.coef, x * (bad - prob)[:, None]
        bread[place, place] = np.linalg.inv(x.T @ (x * (prob * (1 - prob))[:, None]))
    if codes is not None:
        sums = np.zeros((int(codes.max()) + 1, 4))
        np.add.at(sums, codes, scores)
        scores = sums
    m = len(scores)
    meat = scores.T @ scores * m / (m - 1)
    return coef, bread @ meat @ bread, m - 1.0


def _level(name: str, bad: np.ndarray, eta: np.ndarray, codes: np.ndarray | None, level: float) -> dict[str, Any]:
    """Observed over expected, its limits on the log scale."""
    prob = expit(eta)
    ratio = bad.sum() / prob.sum()
    parts = bad - ratio * prob
    if codes is not None:
        parts = np.bincount(codes, parts)
    m = len(parts)
    error = np.sqrt(m / (m - 1) * (parts @ parts)) / bad.sum()
    t = quantile(level, np.array([m - 1.0]))[0]
    row = _row(f"level_{name}", np.log(ratio), error, t, 0.0, m - 1.0, level)
    return row | {"estimate": ratio, "lo": np.exp(row["lo"]), "hi": np.exp(row["hi"]), "target": 1.0}


def _mean_error(values: np.ndarray, codes: np.ndarray | None) -> float:
    parts = values - values.mean()
    if codes is not None:
        parts = np.bincount(codes, parts)
    m = len(parts)
    return float(np.sqrt(m / (m - 1) * (parts @ parts)) / len(values))


def _row(name: str, estimate: float, error: float, t: float, target: float, df: float, level: float) -> dict[str, Any]:
    zh, en = TEXTS[name]
    row: dict[str, Any] = {"test": name, "zh": zh, "en": en, "estimate": float(estimate)}
    row |= {"lo": float(estimate - t * error), "hi": float(estimate + t * error), "target": target}
    if np.isnan(target):
        return row | {"statistic": np.nan, "df": df, "p_value": np.nan, "verdict": ""}
    statistic = (estimate - target) / error if error > 0 else 0.0
    p_value = float(f.sf(statistic**2, 1, df))
    verdict = "pass" if p_value >= 1 - level else "fail"
    return row | {"statistic": float(statistic), "df": df, "p_value": p_value, "verdict": verdict}


def _joint(difference: np.ndarray, spread: np.ndarray, df: float, level: float) -> dict[str, Any]:
    zh, en = TEXTS["one_scale"]
    row: dict[str, Any] = {"test": "one_scale", "zh": zh, "en": en, "estimate": np.nan, "lo": np.nan, "hi": np.nan}
    if np.linalg.matrix_rank(spread) < 2:  # both cards say the same of every row
        reason = NotEstimable("both cards give the same log-odds")
        return row | {"target": 0.0, "statistic": float(reason), "df": 2.0, "p_value": 1.0, "verdict": "pass"}
    wald = float(difference @ np.linalg.solve(spread, difference))
    p_value = float(f.sf(wald / 2, 2, df)) if df < 1000 else float(chi2.sf(wald, 2))
    verdict = "pass" if p_value >= 1 - level else "fail"
    return row | {"target": 0.0, "statistic": wald, "df": 2.0, "p_value": p_value, "verdict": verdict}
