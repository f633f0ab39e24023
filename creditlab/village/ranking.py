"""Ranks with their doubt, and the choice of villages, from draws of a posterior.

Use it where a list of the worst villages is wanted: it gives the probability that a village belongs on the list, and
says when the data cannot carry a list. It takes draws of any village quantity for which higher is worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_level
from creditlab.errors import InputError, message
from creditlab.results import Result, Stamp
from creditlab.village.counts import check_counts, village_names
from creditlab.village.draws import neutral

#: below this rankability a list of the worst villages is mostly chance (H. Lingsma et al. 2010)
RANKABLE = 0.5
NOT_RANKABLE = (
    "the data do not carry a ranking: most of the differences between villages are chance; read P(top k), not the list "
    "数据不足以支撑排名：村间差异多属偶然，请看进入前k的概率"
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class VillageRanks(Result):
    """Ranks, 1 = worst: village estimate expected_rank rank_lo rank_hi p_top p_above."""

    title: ClassVar[str] = "Ranks of villages 各村排名"
    plots: ClassVar[str] = "village"

    @property
    def rankability(self) -> float:
        """Share of the differences between villages that is not chance."""
        return float(self.facts["rankability"])

    @property
    def warning(self) -> str:
        """What to say beside the list; empty when the data carry it."""
        return str(self.facts["warning"])


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class VillageChoice(Result):
    """Villages by expected excess: village size excess lo hi cost excess_per_cost chosen p_top."""

    title: ClassVar[str] = "Choice of villages 选村"
    plots: ClassVar[str] = "village"


def rank(draws: Any, k: int, above: float | None = None, village: Any = None, level: float = 0.9) -> VillageRanks:
    """Expected rank of each village, and the probability that it is one of the k worst.

    Use it on `PoissonGamma().fit(...).result_.draws(4000)`. Villages with equal draws share their ranks.

    Parameters
    ----------
    draws : n × villages, higher = worse; a DataFrame names its villages by its columns.
    k : length of the list, 1 … number of villages.
    above : threshold of `p_above`; None takes the neutral value of the draws: 1 for O/E, 0 for effects.
    village : names, else the columns of a DataFrame, else 0, 1, …
    level : of `rank_lo` and `rank_hi`.

    Returns
    -------
    VillageRanks in the order of the draws. `facts`: k, rankability ρ = 1 - median(posterior variance) / variance
    between villages (equal to σ²/(σ² + median sampling variance), Lingsma et al., European Heart Journal 31 (2010) for
    a normal model), and a warning when ρ < 0.5. The expected rank is that of N. Laird and T. Louis, J. Educational
    Statistics 14 (1989) 29-46.

    >>> table = rank([[3.0, 1.0, 2.0], [3.0, 2.0, 1.0]], k=1, village=["A", "B", "C"]).tidy()
    >>> table["expected_rank"].tolist(), table["p_top"].tolist()
    ([1.0, 2.5, 2.5], [1.0, 0.0, 0.0])
    """
    above = neutral(draws, above)
    sample = _check_draws(draws)
    k = _check_k(k, sample.shape[1])
    tail = (1 - check_level(level)) / 2
    names = _names(village, draws, sample.shape[1])
    ranks = ranks_of(sample)
    table = pd.DataFrame({"village": names, "estimate": sample.mean(axis=0), "expected_rank": ranks.mean(axis=0)})
    table["rank_lo"], table["rank_hi"] = np.quantile(ranks, [tail, 1 - tail], axis=0)
    table["p_top"] = p_top(sample, k)
    table["p_above"] = (sample > above).mean(axis=0)
    rho = rankability(sample)
    facts = {
        "villages": len(names),
        "draws": len(sample),
        "k": k,
        "rankability": rho,
        "warning": "" if rho >= RANKABLE else NOT_RANKABLE,
    }
    return VillageRanks(
        table=table, stamp=Stamp.of([sample, pd.Series(names)], {"k": k, "above": above, "level": level}), facts=facts
    )


def choose(
    draws: Any,
    k: int,
    cost: Any = None,
    size: Any = None,
    above: float | None = None,
    village: Any = None,
    level: float = 0.9,
) -> VillageChoice:
    """The k villages with the largest expected excess, or with the most excess for their cost.

    Excess of a village = size · E[max(draw - above, 0)]: with draws of O/E and `size` the expected bads, it is the bads
    beyond what its borrowers explain. A large village a little above can outweigh a small one far above.

    Parameters
    ----------
    draws, above, village, level : as in `rank`; `lo` and `hi` are limits of the excess.
    k : number of villages to choose.
    cost : of a visit or cadre, positive, one per village in any unit; None takes equal costs.
    size : expected bads (or yuan) per village; None takes 1.

    Returns
    -------
    VillageChoice in the order of the draws: village size excess lo hi cost excess_per_cost chosen p_top, where `p_top`
    is the probability of being one of the k with the most excess for its cost.

    >>> choose([[1.5, 3.0], [1.7, 2.0]], k=1, size=[20, 2]).tidy()[["excess", "chosen"]].values.tolist()
    [[12.0, True], [3.0, False]]
    """
    above = neutral(draws, above)
    sample = _check_draws(draws)
    villages = sample.shape[1]
    k = _check_k(k, villages)
    tail = (1 - check_level(level)) / 2
    weight = np.ones(villages) if size is None else check_counts(size, "size", villages)
    price = np.ones(villages) if cost is None else check_counts(cost, "cost", villages)
    if (price == 0).any():
        raise InputError(message("positive costs", f"{int((price == 0).sum())} of zero", "cost", "Give every cost."))
    excess = weight * np.maximum(sample - above, 0)
    names = _names(village, draws, villages)
    table = pd.DataFrame({"village": names, "size": weight, "excess": excess.mean(axis=0)})
    table["lo"], table["hi"] = np.quantile(excess, [tail, 1 - tail], axis=0)
    table["cost"] = price
    table["excess_per_cost"] = table["excess"] / price
    order = np.argsort(-table["excess_per_cost"].to_numpy(), kind="stable")
    table["chosen"] = np.isin(np.arange(villages), order[:k])
    table["p_top"] = p_top(excess / price, k)
    facts = {"villages": villages, "k": k, "excess": float(table["excess"].sum())}
    facts["excess_chosen"] = float(table.loc[table["chosen"], "excess"].sum())
    spec = {"k": k, "above": above, "level": level}
    return VillageChoice(table=table, stamp=Stamp.of([sample, weight, price, pd.Series(names)], spec), facts=facts)


def ranks_of(sample: np.ndarray) -> np.ndarray:
    """The rank of each village in each draw, 1 = highest; villages that tie share their mean rank."""
    order = np.argsort(-sample, axis=1)
    ranked = np.take_along_axis(sample, order, axis=1)
    if (ranked[:, 1:] == ranked[:, :-1]).any():
        from scipy.stats import rankdata  # a second to import, and ties are rare in draws

        return rankdata(-sample, axis=1)
    ranks = np.empty(sample.shape)
    np.put_along_axis(ranks, order, np.arange(1.0, sample.shape[1] + 1)[None, :], axis=1)
    return ranks


def p_top(sample: np.ndarray, k: int) -> np.ndarray:
    """The probability that each village is one of the k highest of a draw; villages that tie share what is left."""
    villages = sample.shape[1]
    if k == villages:
        return np.ones(villages)
    last = np.partition(sample, villages - k, axis=1)[:, [villages - k]]
    higher, same = sample > last, sample == last
    left = k - higher.sum(axis=1, keepdims=True)
    return (higher + same * (left / same.sum(axis=1, keepdims=True))).mean(axis=0)


def rankability(sample: np.ndarray) -> float:
    """Share of the variance between villages that is not chance, between 0 and 1."""
    if sample.shape[1] < 2:
        return 0.0
    between = float(sample.var(axis=1, ddof=1).mean())
    within = float(np.median(sample.var(axis=0)))
    return float(np.clip(1 - within / between, 0, 1)) if between > 0 else 0.0


def _check_draws(draws: Any) -> np.ndarray:
    try:
        sample = np.asarray(draws, dtype=float)
    except (TypeError, ValueError):
        raise InputError(message("numbers", "values that are not", "draws", "Pass result.draws(n).")) from None
    if sample.ndim != 2 or 0 in sample.shape:
        came = f"an array of shape {sample.shape}"
        raise InputError(message("draws × villages", came, "draws", "Pass result.draws(n)."))
    if not np.isfinite(sample).all():
        came = f"{int((~np.isfinite(sample)).sum())} others"
        raise InputError(message("finite draws", came, "draws", "Leave out villages without an estimate."))
    return sample


def _check_k(k: Any, villages: int) -> int:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= villages:
        raise InputError(message(f"a list of 1 to {villages} villages", repr(k), "k", "Ask for a shorter list."))
    return int(k)


def _names(village: Any, draws: Any, villages: int) -> pd.Index:
    if village is None and isinstance(draws, pd.DataFrame):
        village = draws.columns
    return village_names(village, None, villages)
