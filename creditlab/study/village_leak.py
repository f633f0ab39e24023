"""What a careless village rate does to a measured AUC: the same model with three rates, under two ways to split.

Reference: the simulation of section 0, point 3, of our note on village studies: a bad rate computed on all rows lifts
the AUC under random and under leave-village-out splits alike, because a row's own label sits inside it; grouped
cross-validation alone does not reveal it. Fitted inside the fold, own household excluded, the lift is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_groups, check_target
from creditlab.features.missing import MISSING_CODES
from creditlab.features.village_rates import PRIOR, VillageRate
from creditlab.results import Result, Stamp
from creditlab.validation import auc

#: rate → what a Chinese and an English reader call it
RATES = {
    "none": ("不用村坏账率", "no village rate"),
    "careless": ("全样本村坏账率（含本户结果）", "village rate over all rows, own outcome inside"),
    "fold": ("折内、剔除本户的村坏账率", "village rate inside the fold, own household excluded"),
}
SPLITS = {"random": ("随机分折", "random folds"), "village": ("按村分折", "folds by village")}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class VillageRateLeak(Result):
    """One row per rate and split: rate split auc lo hi gain, zh and en; `gain` is against no rate under that split.

    `lo` and `hi` are the mean ± 2 standard errors over the seeds of the folds: they say how far the folds matter, not
    how far another sample would.
    """

    title: ClassVar[str] = "The leak of a careless village rate 村坏账率的泄漏"
    plots: ClassVar[str] = "portraits"

    runs: pd.DataFrame


def village_rate_leak(
    data: Any, *, folds: int = 5, seeds: Sequence[int] = (0, 1, 2), prior: float = PRIOR
) -> VillageRateLeak:
    """AUC of a ridge logit with and without a village rate, under random folds and folds by village.

    Parameters
    ----------
    data : a `ModellingFrame` (its `X`, `y`, `village`, `household`); for a fair picture the composition card's.
    folds, seeds : of the cross-validation; each seed draws other folds.
    prior : shrinkage of the rates, see `VillageRate`.
    """
    y = check_target(data.y)
    village = np.asarray(check_groups(data.village, len(y), "village"))
    household = np.asarray(getattr(data, "household", np.arange(len(y))))
    base = _numbers(data.X)
    careless = VillageRate(prior).fit(village, y).transform(village)
    rows = []
    for seed in seeds:
        for split in SPLITS:
            parts = _folds(village, household, split, folds, seed)
            for rate in RATES:
                scores = np.empty(len(y))
                for held in parts:
                    scores[held] = _scored(base, y, village, household, careless, held, rate, prior)
                rows.append({"seed": seed, "split": split, "rate": rate, "auc": float(auc(y, scores).estimate)})
    runs = pd.DataFrame(rows)
    table = _summary(runs)
    facts = {"rows": len(y), "bads": int(y.sum()), "villages": len(np.unique(village)), "features": base.shape[1]}
    stamp = Stamp.of([base, y, village.astype(str)], {"folds": folds, "seeds": list(seeds), "prior": prior})
    return VillageRateLeak(table=table, runs=runs, stamp=stamp, facts=facts)


def _numbers(X: pd.DataFrame) -> np.ndarray:
    """Standardised ranks of the numbers, with 0 where a value is missing and a mark for it; texts are left out."""
    parts = []
    codes = list(MISSING_CODES.values())
    for name in X.select_dtypes("number").columns:
        values = X[name].where(~X[name].isin(codes))
        known = values.notna()
        if known.sum() < 2 or values.nunique() < 2:
            continue
        ranks = values.rank(pct=True) - 0.5
        parts.append(ranks.fillna(0.0).to_numpy())
        if 0 < known.mean() < 1:
            parts.append((~known).to_numpy(dtype="float64"))
    return np.column_stack(parts)


def _folds(village: np.ndarray, household: np.ndarray, split: str, folds: int, seed: int) -> list[np.ndarray]:
    """The rows of each fold; a household is never torn apart, under folds by village no village is."""
    from sklearn.model_selection import GroupKFold

    groups = pd.factorize(village if split == "village" else household)[0]
    cut = GroupKFold(n_splits=min(folds, int(groups.max()) + 1), shuffle=True, random_state=seed)
    return [held for _, held in cut.split(groups, groups=groups)]


def _scored(
    base: np.ndarray, y: np.ndarray, village: np.ndarray, household: np.ndarray, careless: np.ndarray,
    held: np.ndarray, rate: str, prior: float,
) -> np.ndarray:  # fmt: skip
    """Log-odds of the rows held out, from a ridge logit fitted on the others."""
    from sklearn.linear_model import LogisticRegression

    fit = np.ones(len(y), dtype=bool)
    fit[held] = False
    train, test = base[fit], base[held]
    if rate != "none":
        made = VillageRate(prior)
        inside = careless[fit] if rate == "careless" else made.fit_transform(village[fit], y[fit], household[fit])
        outside = careless[held] if rate == "careless" else made.transform(village[held])
        scale = max(float(inside.std()), 1e-9)
        train = np.column_stack([train, (inside - inside.mean()) / scale])
        test = np.column_stack([test, (outside - inside.mean()) / scale])
    return LogisticRegression(C=0.1, max_iter=500).fit(train, y[fit]).decision_function(test)


def _summary(runs: pd.DataFrame) -> pd.DataFrame:
    found = runs.groupby(["rate", "split"])["auc"].agg(["mean", "std", "size"]).reset_index()
    half = 2 * (found["std"].fillna(0.0) / np.sqrt(found["size"]))
    table = found.assign(auc=found["mean"], lo=found["mean"] - half, hi=found["mean"] + half)
    none = table[table["rate"] == "none"].set_index("split")["auc"]
    table["gain"] = table["auc"] - table["split"].map(none)
    table["zh"] = table["rate"].map({k: v[0] for k, v in RATES.items()})
    table["en"] = table["rate"].map({k: v[1] for k, v in RATES.items()})
    order = {r: i for i, r in enumerate(RATES)}
    table = table.sort_values(["rate", "split"], key=lambda s: s.map(order).fillna(0) if s.name == "rate" else s)
    return table[["rate", "zh", "en", "split", "auc", "lo", "hi", "gain"]].reset_index(drop=True)
