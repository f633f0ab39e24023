"""Villages beside officers and branches, by a second path: Hamiltonian Monte Carlo of the crossed logit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, special
from scipy.sparse import csr_array

from creditlab.study.recheck_posteriors import sampled
from creditlab.study.recheck_tables import Shown

UNKNOWN = "unknown 未知"
#: allowance in standard deviations of an effect: the study takes its spreads from a normal around their mode
NEAR = 0.15


@dataclass(frozen=True)
class CrossedModel:
    """A logit with an offset and normal effects of several factors; spreads have the prior s·exp(-s²/2)."""

    y: np.ndarray
    offset: np.ndarray
    design: Any
    factor: np.ndarray

    def start(self) -> tuple[np.ndarray, np.ndarray]:
        """Scores of all levels, the common level, the log spreads."""
        k, several = len(self.factor), int(self.factor.max()) + 1
        first, scale = np.zeros(k + 1 + several), np.ones(k + 1 + several)
        first[k + 1 :], scale[k] = np.log(0.4), 3.0 / np.sqrt(max(float(self.y.sum()), 9.0))
        return first, scale

    def density(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log posterior of each state and its slope."""
        k = len(self.factor)
        sigma = np.exp(np.clip(q[:, k + 1 :], -4.5, 1.5))
        effect = sigma[:, self.factor] * q[:, :k]
        eta = (self.design @ effect.T).T + self.offset + q[:, [k]]
        left = self.y - special.expit(eta)
        value = (self.y * eta - np.logaddexp(0, eta)).sum(axis=1) - (q[:, :k] ** 2).sum(axis=1) / 2
        value += (2 * np.log(sigma) - sigma**2 / 2).sum(axis=1)
        pull = (self.design.T @ left.T).T
        slope = np.empty_like(q)
        slope[:, :k] = sigma[:, self.factor] * pull - q[:, :k]
        slope[:, k] = left.sum(axis=1)
        for f in range(sigma.shape[1]):
            own = self.factor == f
            slope[:, k + 1 + f] = (pull[:, own] * effect[:, own]).sum(axis=1) + 2 - sigma[:, f] ** 2
        return value, slope


def recheck_crossed(shown: Shown, rows: pd.DataFrame, level: float) -> None:
    """The tables of officers, and of what stands beside each village."""
    if not shown.rows("why.officers") or "officer" not in rows:
        return
    names = ["village_id", *(f for f in ("officer", "branch") if f in rows and rows[f].fillna(UNKNOWN).nunique() > 1)]
    labels = [rows[f].astype(object).where(rows[f].notna(), UNKNOWN).astype(str) for f in names]
    coded = [pd.factorize(values, sort=True) for values in labels]
    y, x = rows["bad"].to_numpy(dtype=float), special.logit(rows["pd_expected"].to_numpy(dtype=float))
    offset = x + optimize.brentq(lambda c: float(special.expit(x + c).sum() - y.sum()), -5, 5)
    sizes = [len(levels) for _, levels in coded]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    place = np.concatenate([codes + start for (codes, _), start in zip(coded, starts, strict=False)])
    shape = (len(y), int(starts[-1]))
    design = csr_array((np.ones(len(place)), (np.tile(np.arange(len(y)), len(coded)), place)), shape=shape)
    factor = np.repeat(np.arange(len(sizes)), sizes)
    kept = sampled(CrossedModel(y, offset, design, factor), seed=3)
    k = len(factor)
    effects = np.exp(np.clip(kept[..., k + 1 :], -4.5, 1.5))[..., factor] * kept[..., :k]
    p = special.expit(offset)
    apart = [
        _separable(codes, [c for j, (c, _) in enumerate(coded) if j != i], p * (1 - p))
        for i, (codes, _) in enumerate(coded)
    ]
    tables = []
    for i, (codes, levels) in enumerate(coded):
        own = (
            pd.DataFrame({"code": codes, "y": y, "p": p})
            .groupby("code")
            .agg(n=("y", "size"), bad=("y", "sum"), expected=("p", "sum"))
        )
        found = own.reset_index(drop=True).assign(level=list(levels), separable=apart[i])
        tables.append(found.join(_summary(effects[..., starts[i] : starts[i + 1]], level)))
    within = {c: ("abs", f"{c}_limit") for c in ("effect", "sd", "lo", "hi", "p_above", "beside")}
    shown.against("why.officers", tables[1], "level", within)
    _beside(shown, coded, starts, effects, tables, within)


def _beside(shown: Shown, coded: Any, starts: np.ndarray, effects: np.ndarray, tables: Any, within: Any) -> None:
    """What the other factors add to each village: their effects by the village's loans."""
    village, size = coded[0][0], len(coded[0][1])
    beside = np.zeros((*effects.shape[:2], size))
    shares = []
    for i, (codes, levels) in enumerate(coded[1:], start=1):
        share = (
            pd.crosstab(village, codes, normalize="index").reindex(columns=range(len(levels)), fill_value=0).to_numpy()
        )
        shares.append(share)
        beside += effects[..., starts[i] : starts[i + 1]] @ share.T
    table = tables[0].rename(columns={"level": "village"}).assign(main_share=shares[0].max(axis=1))
    its = tables[1]["separable"].to_numpy()[shares[0].argmax(axis=1)]
    table["separable"] = np.where(table["main_share"] >= 0.5, np.minimum(table["separable"], its), table["separable"])
    mean = _summary(beside, 0.9)
    table["beside"], table["beside_limit"] = mean["effect"], mean["effect_limit"]
    shown.against("why.beside", table, "village", within)


def _summary(draws: np.ndarray, level: float) -> pd.DataFrame:
    flat, tail = draws.reshape(-1, draws.shape[2]), (1 - level) / 2
    sd, error = flat.std(axis=0), draws.mean(axis=1).std(axis=0, ddof=1) / np.sqrt(len(draws))
    lo, hi = np.quantile(flat, [tail, 1 - tail], axis=0)
    p = (flat > 0).mean(axis=0)
    near = 4 * error + NEAR * sd
    return pd.DataFrame(
        {
            "effect": flat.mean(axis=0),
            "sd": sd,
            "lo": lo,
            "hi": hi,
            "p_above": p,
            "effect_limit": near,
            "sd_limit": 2 * near,
            "lo_limit": 3 * near,
            "hi_limit": 3 * near,
            "p_above_limit": 4 * error / sd + 0.06,
        }
    )


def _separable(codes: np.ndarray, others: list[np.ndarray], weight: np.ndarray) -> np.ndarray:
    """The least share of a level's information that is left beside any other factor, from weighted cross-tables."""
    left = np.ones(codes.max() + 1)
    for other in others:
        C = pd.crosstab(codes, other, values=weight, aggfunc="sum").fillna(0).to_numpy()
        if ((C > 0).sum(axis=1) == 1).all():
            here = C.argmax(axis=1)
            rest = (np.bincount(here, minlength=C.shape[1])[here] > 1).astype(float)
        else:
            rest = 1 - (C**2 / np.outer(C.sum(axis=1), C.sum(axis=0))).sum(axis=1)
        left = np.minimum(left, rest)
    return np.clip(left, 0, 1)
