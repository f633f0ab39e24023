"""The village panel by a second path: counts by pandas, calibration by statsmodels, limits by Fourier, O/E by sampling.

It reads the rows of the evidence. What comes from draws is compared within the Monte-Carlo error of both sides and a
stated allowance for the study's Laplace approximation.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from creditlab.study.recheck_posteriors import share_and_limit, summed_up, village_draws
from creditlab.study.recheck_tables import Shown

#: columns of the panel that come from draws → the column with what two runs may differ by
DRAWS = {name: ("abs", f"{name}_limit") for name in ("estimate", "lo", "hi", "p_above", "p_top")}


def calibrated(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, float]:
    """PDs on the logistic line through the outcomes, by statsmodels; and its slope.

    With fewer than 20 of a class, or a slope beyond 10, only the level; a slope below 0 gives every row the mean rate.
    """
    import statsmodels.api as sm

    x = special.logit(np.clip(p, 1e-12, 1 - 1e-12))
    level = optimize.brentq(lambda c: float(special.expit(x + c).sum() - y.sum()), -30, 30)
    if min(y.sum(), (1 - y).sum()) < 20 or np.ptp(x) < 1e-9:
        return special.expit(x + level), 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = sm.Logit(y, sm.add_constant(x)).fit(disp=0, tol=1e-12, maxiter=200)
    slope = float(fit.params[1])
    if slope > 10:
        return special.expit(x + level), 1.0
    return (np.full(len(y), y.mean()), 0.0) if slope < 0 else (special.expit(fit.params[0] + slope * x), slope)


def recheck_villages(
    shown: Shown, rows: pd.DataFrame, neighbours: pd.DataFrame | None, config: Mapping[str, Any]
) -> pd.DataFrame:
    """Compare every table of the panel; returns the second panel, a row per village in sorted order."""
    level = float(config["level"])
    y, village = rows["bad"].to_numpy(dtype=float), rows["village_id"].astype(str).to_numpy()
    p, slope = calibrated(y, rows["pd_composition"].to_numpy(dtype=float))
    worst = float(np.abs(p - rows["pd_expected"].to_numpy(dtype=float)).max())
    shown.same("villages.table", f"{len(rows)} rows", "calibrated PDs, largest gap", 0.0, worst)
    second = counted(y, p, village, level).assign(slope=slope)
    names, effects, ratios = village_draws(y, p, village, neighbours)
    second = second.join(summed_up(ratios, level))
    second["p_above"], second["p_above_limit"] = share_and_limit(effects > 0)
    k = config["top"]
    k = min(max(5, round(len(names) / 10)), max(1, len(names) // 2)) if k is None else min(int(k), len(names))
    second["p_top"], second["p_top_limit"] = share_and_limit(stats.rankdata(-ratios, axis=2) <= k)
    if "pd_out_of_village" in rows:
        full, _ = calibrated(y, rows["pd_out_of_village"].to_numpy(dtype=float))
        other = counted(y, full, village, level)
        second["expected_full"], second["ratio_full"] = other["expected"], other["ratio"]
        _, _, ratios_full = village_draws(y, full, village, neighbours)
        found = summed_up(ratios_full, level)
        second["estimate_full"], second["estimate_full_limit"] = found["estimate"], found["estimate_limit"]
    for id in ("villages.table", "summary.villages", "villages.funnel", "villages.caterpillar", "villages.map"):
        shown.against(id, second, "village", DRAWS)
    shown.against("why.cards", second, "village", DRAWS | {"estimate_full": ("abs", "estimate_full_limit")})
    return second


def counted(y: np.ndarray, p: np.ndarray, village: np.ndarray, level: float) -> pd.DataFrame:
    """Counts, rates and O/E of each village, the limits from the Poisson-binomial by its characteristic function."""
    data = pd.DataFrame({"village": village, "y": y, "p": p, "v": p * (1 - p)})
    table = data.groupby("village").agg(n=("y", "size"), bad=("y", "sum"), expected=("p", "sum"), variance=("v", "sum"))
    table = table.reset_index()
    table["rate"], table["ratio"] = table["bad"] / table["n"], table["bad"] / table["expected"]
    table["excess"] = table["bad"] - table["expected"]
    ends = [shifted(int(group["y"].sum()), group["p"].to_numpy(), level) for _, group in data.groupby("village")]
    table["ratio_lo"], table["ratio_hi"] = np.array(ends).T / table["expected"].to_numpy()
    return table


def shifted(bads: int, p: np.ndarray, level: float) -> tuple[float, float]:
    """Expected bads at the shifts of all log-odds at which `bads` is at the edge of being too many, or too few."""
    x, tail, n = special.logit(np.clip(p, 1e-12, 1 - 1e-12)), (1 - level) / 2, len(p)
    angle = np.exp(2j * np.pi * np.arange(n + 1) / (n + 1))

    def at_most(t: float, count: int) -> float:
        logs = np.log1p(special.expit(x + t)[:, None] * (angle - 1)).sum(axis=0)
        return float(np.real(np.fft.fft(np.exp(logs)))[: count + 1].sum() / (n + 1))

    def total(t: float) -> float:
        return float(special.expit(x + t).sum())

    lo = 0.0 if bads == 0 else total(optimize.brentq(lambda t: 1 - at_most(t, bads - 1) - tail, -30, 30, xtol=1e-12))
    hi = float(n) if bads == n else total(optimize.brentq(lambda t: at_most(t, bads) - tail, -30, 30, xtol=1e-12))
    return lo, hi


def recheck_gap(shown: Shown, tables: Mapping[str, pd.DataFrame], second: pd.DataFrame, folder: Path) -> None:
    """The parts of each village's gap: means of the rows, the path integral by Gauss-Legendre."""
    rows = tables["rows"]
    y, p = rows["bad"].to_numpy(dtype=float), rows["pd_expected"].to_numpy(dtype=float)
    village = rows["village_id"].astype(str).to_numpy()
    x = special.logit(p)
    x = x + optimize.brentq(lambda c: float(special.expit(x + c).sum() - y.sum()), -5, 5)
    p = special.expit(x)
    means = pd.DataFrame({"y": y, "p": p}).groupby(village).mean()
    own = second.set_index("village")
    table = pd.DataFrame({"n": own["n"], "gap": means["y"] - y.mean(), "composition": means["p"] - p.mean()})
    # the study's own shrunken O/E, which has been compared with its second path, times the mean PD
    told = shown.frame("villages.table").set_index("village")["estimate"].astype(float)
    table["context"] = (told.reindex(table.index) - 1) * means["p"]
    table["noise"] = table["gap"] - table["composition"] - table["context"]
    table = table.rename_axis("village").reset_index()
    late = dict.fromkeys(("composition_lo", "composition_hi", "context_lo", "context_hi"), DRAWN_GAP)
    shown.against("why.gap_table", table, "village", reasons=late)
    parts = tables.get("contributions")
    if parts is None:
        return
    spread = _by_source(parts * float(second["slope"].iloc[0]), x, village, folder)
    both = spread.reset_index(names="village").merge(table[["village", "gap", "context", "noise"]], on="village")
    shown.against("why.gap", both, "village", limits=dict.fromkeys(spread.columns, 1e-5))


DRAWN_GAP = (
    "draws of the posterior and of households, beside the card's covariance: no other path yet "
    "后验与农户重抽样的区间，暂无第二路径"
)


def _by_source(parts: pd.DataFrame, x: np.ndarray, village: np.ndarray, folder: Path) -> pd.DataFrame:
    """Villages × sources of the composition: ∫ p(1-p) along the straight line from the mean log-odds, by 20 nodes."""
    from creditlab.study.models import load

    known = load(folder / "composition.json").dictionary
    centred = parts - parts.mean()
    left = x - centred.sum(axis=1).to_numpy()
    base = left.mean()
    whole = centred.assign(**{"rest 其余": left - base})
    node, weight = np.polynomial.legendre.leggauss(20)
    total = whole.sum(axis=1).to_numpy()
    along = special.expit(base + total[:, None] * (node + 1) / 2)
    pull = (along * (1 - along)) @ (weight / 2)
    moved = whole.mul(pull, axis=0)
    source = {name: known[name].source if name in known else name for name in moved.columns}
    moved = moved.T.groupby(source).sum().T
    return moved.groupby(village).mean() - moved.mean()
