"""Limits from a bootstrap by a second path: villages drawn as lists of rows, measures by other libraries.

The draws are others than those of the report, and fewer: limits are compared within four standard errors of the
quantiles of both. `DRAWN_PATHS` says for which tests.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import special, stats

from creditlab.validation.second_ranks import Figures, Part, average_precision, h_measure, ks

#: draws here; with more rows than this a second bootstrap takes longer than a reader waits
TIMES, MOST_ROWS = 60, 20_000
TOO_MANY = f"a bootstrap of more than {MOST_ROWS:,} rows is not drawn again 样本过大，不再重复抽样"


def drawn_limits(id: str, part: Part, estimate: float, draws: int) -> tuple[Figures, float]:
    """lo and hi by other draws, and how far two runs may be apart.

    Parameters
    ----------
    estimate : the reported figure: the draws are moved to it, as the report's are. draws : how many the report took.
    """
    measure, moved = DRAWN_PATHS[id]
    rng, found = np.random.default_rng(17), []
    units = _members(part)
    for _ in range(TIMES):
        rows = np.concatenate([units[i] for i in rng.integers(0, len(units), len(units))])
        if 0 < part.y[rows].sum() < len(rows):
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                found.append(measure(replace(part, y=part.y[rows], p=part.p[rows], groups=None)))
    values = np.array(found)
    values = values[np.isfinite(values)]
    if moved:
        values = values - (values.mean() - estimate)
    tail = (1 - part.level) / 2
    lo, hi = np.quantile(values, [tail, 1 - tail])
    spread = math.sqrt(tail * (1 - tail)) / stats.norm.pdf(stats.norm.ppf(tail)) * values.std(ddof=1)
    return {"lo": float(lo), "hi": float(hi)}, float(4 * spread * math.sqrt(1 / len(values) + 1 / max(draws, 20)))


def _members(part: Part) -> list[np.ndarray]:
    if part.groups is None:
        return [np.array([i]) for i in range(len(part.y))]
    return [np.flatnonzero(part.groups == name) for name in pd.unique(part.groups)]


def calibration_index(part: Part) -> float:
    """Mean gap of the PD and a smooth curve: statsmodels' logit on Harrell's four-knot spline of the log-odds."""
    import statsmodels.api as sm

    if len(np.unique(part.p)) < 5:
        return math.nan
    x = special.logit(part.p)
    knots = np.unique(np.percentile(x, [5, 35, 65, 95]))
    columns = [np.ones(len(x)), x]
    if len(knots) >= 3:
        a, b = knots[-2:]
        for t in knots[:-2]:
            cubes = [np.clip(x - k, 0, None) ** 3 for k in (t, a, b)]
            columns.append(
                (cubes[0] - cubes[1] * (b - t) / (b - a) + cubes[2] * (a - t) / (b - a)) / np.ptp(knots) ** 2
            )
    fit = sm.GLM(part.y, np.column_stack(columns), family=sm.families.Binomial()).fit(maxiter=60)
    return float(np.abs(fit.fittedvalues - part.p).mean())


def village_funnel(part: Part) -> Figures:
    """The worst village: O/E, score over the spread of all, exact limits; ranked by p corrected in statsmodels."""
    from statsmodels.stats.multitest import multipletests

    table = pd.DataFrame({"g": part.groups, "O": part.y, "E": part.p}).groupby("g").sum()
    O, E = table["O"].to_numpy(dtype=float), table["E"].to_numpy()
    middle = stats.poisson.cdf(O - 1, E) + stats.poisson.pmf(O, E) / 2
    z = stats.norm.ppf(np.clip(middle, 1e-15, 1 - 1e-15))
    inner = stats.mstats.winsorize(z, (0, 0)) if len(z) <= 9 else np.clip(z, *np.percentile(z, [10, 90]))
    phi = max(1.0, float(np.mean(np.asarray(inner) ** 2)) / (0.6787 if len(z) > 9 else 1.0)) if len(z) > 1 else 1.0
    exact = np.minimum(1, 2 * np.minimum(stats.poisson.cdf(O, E), stats.poisson.sf(O - 1, E)))
    p = exact if phi == 1 else 2 * stats.norm.sf(np.abs(z) / math.sqrt(phi))
    adjusted = multipletests(p, method="fdr_bh")[1]
    i = int(np.argsort(np.round(adjusted, 12), kind="stable")[0])
    tail = (1 - part.level) / 2
    lo = stats.gamma.ppf(tail, O[i]) / E[i] if O[i] else 0.0
    hi = stats.gamma.ppf(1 - tail, O[i] + 1) / E[i]
    return {
        "estimate": O[i] / E[i],
        "statistic": z[i] / math.sqrt(phi),
        "p_value": float(p[i]),
        "lo": lo,
        "hi": hi,
    }


#: id → the measure of one draw, and whether draws are moved to the estimate
DRAWN_PATHS: Mapping[str, tuple[Callable[[Part], float], bool]] = {
    "disc.ks": (lambda part: ks(part)["estimate"], True),
    "disc.prauc": (lambda part: average_precision(part)["estimate"], True),
    "disc.h_measure": (lambda part: h_measure(part)["estimate"], True),
    "cal.ici": (calibration_index, False),
}
