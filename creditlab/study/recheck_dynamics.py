"""Moves to worse classes by a second path: pandas counts, Poisson regression for the season, grids for the villages."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from creditlab.study.recheck_posteriors import gamma_grid
from creditlab.study.recheck_tables import Shown
from creditlab.village.dynamics import CLASSES, LEVEL_SPREADS, SLOPE_SPREADS

#: quarters of the early warning, and the allowance for grids and for Laplace's approximation
QUARTERS, GRID, LAPLACE = 4, 0.01, 0.02


def recheck_dynamics(shown: Shown, moves: pd.DataFrame, county: Any, level: float) -> None:
    """Early warning of the last quarters, and trends against level and season."""
    rank = {name: place for place, name in enumerate(CLASSES)}
    start, end = moves["start"].map(rank), moves["end"].map(rank)
    moves = moves.assign(
        village=moves["village"].astype(str), worse=moves["size"] * (end > start), better=moves["size"] * (end < start)
    )
    known = moves[start.notna() & end.notna()]
    _warning(shown, known[known["quarter"].isin(sorted(moves["quarter"].unique())[-QUARTERS:])], level)
    _trends(shown, moves, county, level)


def _warning(shown: Shown, recent: pd.DataFrame, level: float) -> None:
    states = recent.groupby("start")[["worse", "size"]].sum()
    share = recent["start"].map(states["worse"] / states["size"])
    own = recent.assign(expected=recent["size"] * share, variance=recent["size"] * share * (1 - share))
    table = own.groupby("village")[["size", "worse", "better", "expected", "variance"]].sum().reset_index()
    table = table.rename(columns={"size": "n"}).assign(ratio=lambda t: t["worse"] / t["expected"])
    if not table["worse"].sum():
        return
    table = table.join(gamma_grid(table["worse"], table["expected"], table["variance"]).table(level))
    wide = GRID * (table["hi"] - table["lo"])
    limits = {f"{c}_limit": GRID * table[c] + wide for c in ("estimate", "lo", "hi")}
    within = {c: ("abs", f"{c}_limit") for c in ("estimate", "lo", "hi", "p_above")}
    table = table.rename(columns={"worse": "worse_count", "better": "better_count"})
    shown.against("dynamics.warning", table.assign(**limits, p_above_limit=GRID), "village", within)


def _trends(shown: Shown, moves: pd.DataFrame, county: Any, level: float) -> None:
    table = moves.groupby(["village", "quarter"], as_index=False)[["size", "worse"]].sum()
    table["expected"] = seasonal(table, county)
    years = table["quarter"].dt.year + (table["quarter"].dt.quarter - 1) / 4
    table["t"] = years - float((table["expected"] * years).sum() / table["expected"].sum())
    shift = np.log(max(table["worse"].sum(), 0.5) / table["expected"].sum())
    found = _slopes(table, shift, level)
    sums = table.groupby("village").agg(
        periods=("worse", "size"), observed=("worse", "sum"), expected=("expected", "sum")
    )
    within = {c: ("abs", f"{c}_limit") for c in ("change", "lo", "hi", "p_rising")} | {"expected": 1e-4}
    shown.against("dynamics.trends", sums.reset_index().join(found), "village", within)


def seasonal(table: pd.DataFrame, county: Any) -> np.ndarray:
    """Expected moves: Poisson regression on the period and on season by main crop, notes as exposure."""
    import statsmodels.api as sm

    places = county.tables["villages"].frame.drop_duplicates("village_id", keep="last")
    crop = pd.Series("", index=table.index)
    if "main_crop" in places:
        named = dict(zip(places["village_id"].astype(str), places["main_crop"], strict=True))
        crop = table["village"].map(named).astype(object).where(lambda c: c.notna(), "-").astype(str)
    both = table["quarter"].dt.quarter.astype(str) + crop
    period, worse = table["quarter"].astype(str), table["worse"].astype(float)
    # a quarter, or a season of a crop, without a move to worse has an expectation of 0 and no logarithm
    rows = pd.Series(True, index=table.index)
    while True:
        empty = [worse.where(rows, 0.0).groupby(by).transform("sum") == 0 for by in (period, both)]
        left = rows & ~(empty[0] | empty[1])
        if left.equals(rows):
            break
        rows = left
    expected = np.zeros(len(table))
    if rows.any():
        X = pd.concat([pd.get_dummies(period[rows], dtype=float), pd.get_dummies(both[rows], dtype=float)], axis=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = sm.GLM(
                worse[rows], X.to_numpy(), family=sm.families.Poisson(), offset=np.log(table.loc[rows, "size"])
            ).fit(tol=1e-12, maxiter=200)
        expected[rows.to_numpy()] = fit.fittedvalues
    return expected


def _slopes(table: pd.DataFrame, shift: float, level: float) -> pd.DataFrame:
    """Level and slope of each village on a grid of both, mixed over the two spreads: no approximation but the grid."""
    a, b = np.meshgrid(np.linspace(-3.5, 3.5, 113), np.linspace(-2, 2, 161), indexing="ij")
    parts, total = [], np.zeros((len(LEVEL_SPREADS), len(SLOPE_SPREADS)))
    for i, s in enumerate(LEVEL_SPREADS):
        for j, r in enumerate(SLOPE_SPREADS):
            total[i, j] = np.log(s * r) - s**2 / 2 - r**2 / 0.5
    for _, own in table.groupby("village"):
        eta = a[..., None] + b[..., None] * own["t"].to_numpy()
        height = (own["worse"].to_numpy() * eta - own["expected"].to_numpy() * np.exp(shift + eta)).sum(axis=-1)
        top = height.max()
        likelihood, by_spread = np.exp(height - top), []
        for i, s in enumerate(LEVEL_SPREADS):
            level_prior = stats.norm.pdf(a[:, 0], scale=s)
            along = level_prior @ likelihood
            row = []
            for j, r in enumerate(SLOPE_SPREADS):
                density = along * stats.norm.pdf(b[0], scale=r)
                total[i, j] += np.log(max(density.sum(), 1e-300)) + top
                row.append(density / max(density.sum(), 1e-300))
            by_spread.append(row)
        parts.append(by_spread)
    weight = np.exp(total - total.max())
    weight /= weight.sum()
    return pd.DataFrame([_slope_row(np.einsum("ij,ijk->k", weight, np.array(p)), b[0], level) for p in parts])


def _slope_row(density: np.ndarray, grid: np.ndarray, level: float) -> dict[str, float]:
    mean, tail = float(density @ grid), (1 - level) / 2
    sd = float(np.sqrt(density @ (grid - mean) ** 2))
    step = grid[1] - grid[0]
    height = np.concatenate([[0.0], np.cumsum(density)])
    edges = np.append(grid - step / 2, grid[-1] + step / 2)
    lo, hi = np.interp([tail, 1 - tail], height, edges)
    rising = 1 - float(np.interp(0.0, edges, height))
    near = LAPLACE + 0.1 * sd
    return {
        "change": float(np.exp(mean)),
        "lo": float(np.exp(lo)),
        "hi": float(np.exp(hi)),
        "p_rising": rising,
        "change_limit": near * np.exp(mean),
        "lo_limit": 2 * near * np.exp(lo),
        "hi_limit": 2 * near * np.exp(hi),
        "p_rising_limit": 0.04,
    }
