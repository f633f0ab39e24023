"""What each bin of a card adds beside the other features, fitted again by another optimiser in other coordinates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

#: L-BFGS-B leaves points of bins at about this share of a point
EFFECT = 0.05


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
