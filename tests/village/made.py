"""Loans of a made county whose truth is known: borrowers by feature, a village effect, officers, chains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from creditlab.village.calibration import expit


@dataclass(frozen=True)
class Loans:
    """One value per loan; `effect` per village; `phi` contributions in log-odds, `pd_origin` without the village."""

    bad: np.ndarray
    pd_origin: np.ndarray
    pd_true: np.ndarray
    village: np.ndarray
    phi: pd.DataFrame
    effect: np.ndarray


def make_loans(villages: int = 60, median: float = 40, spread: float = 0.5, seed: int = 0, lean: float = 0.5) -> Loans:
    """Villages of lognormal size; two features, one of which leans to some villages."""
    rng = np.random.default_rng(seed)
    size = np.maximum(np.round(np.exp(rng.normal(np.log(median), 0.6, villages))), 3).astype(int)
    village = np.repeat(np.arange(villages), size)
    effect = rng.normal(0, spread, villages) if spread else np.zeros(villages)
    n = len(village)
    phi = pd.DataFrame(
        {"deposit": 0.8 * rng.normal(size=n) + rng.normal(0, lean, villages)[village], "farm": 0.5 * rng.normal(size=n)}
    )
    base = -2.5
    origin = expit(base + phi.sum(axis=1).to_numpy())
    true = expit(base + phi.sum(axis=1).to_numpy() + effect[village])
    return Loans((rng.random(n) < true).astype(int), origin, true, village, phi, effect)
