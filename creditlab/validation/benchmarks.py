"""Champion against challengers: decisions, money, disagreement, and what a simple rule would do.

PDs of both on the same rows. The AUC's paired test is `delong`, the Brier score's is `redelmeier`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import bdtr, ndtr, stdtr

from creditlab.checks import check_groups, check_level, check_prob, check_target
from creditlab.errors import InputError, message
from creditlab.validation.discrimination import delong
from creditlab.validation.reliability import redelmeier
from creditlab.validation.result import Kind, TestFamily, TestResult
from creditlab.validation.robustness import approve
from creditlab.validation.rows import cluster_codes, clustered_variance, critical
from creditlab.validation.verdict import AMBER, GREEN, INFO

MCNEMAR = Kind(
    "bm.mcnemar",
    "Right decisions of two models",
    "两模型正确决策比较",
    "McNemar, Psychometrika 12 (1947) 153-157, exact",
    "both are right on as many of the rows where they differ 分歧样本中正确数相同",
    "mcnemar",
)
PROFIT = Kind(
    "bm.profit",
    "Profit at equal approval",
    "同等通过率下利润之差",
    "Σ margin·EAD·(1 - y) - LGD·EAD·y; difference by rows or villages",
    "both earn the same 利润相同",
    "profit",
)
DISAGREE = Kind(
    "bm.disagreement", "Largest disagreements", "分歧最大的样本", "|Δ logit| of the PDs", "", "disagreement"
)
SURROGATE = Kind(
    "bm.surrogate",
    "Fidelity of the card to the challenger",
    "评分卡对挑战者的拟合度",
    "R² of a line of one log-odds on the other",
    "",
    "surrogate",
)
KEEP = Kind(
    "bm.models",
    "Is the challenger to be preferred",
    "是否优先挑战者",
    "DeLong 1988 and Redelmeier 1991 together",
    "the AUCs are equal AUC相同",
    "challenge",
)


def mcnemar(y: Any, prob_a: Any, prob_b: Any, approval: float = 0.7) -> TestResult:
    """Which model decides rightly more often when both approve the same share? Exact, two-sided.

    A decision is right where a good is approved or a bad refused. `estimate` is the share of rows on which only a is
    right less that on which only b is. `facts`: only_a, only_b, flips.

    >>> mcnemar([1, 0, 1, 0], [0.9, 0.1, 0.8, 0.2], [0.1, 0.9, 0.8, 0.2], approval=0.5).facts["only_a"]
    2
    """
    target = check_target(y, "y")
    a, b = (approve(check_prob(p, len(target), name), approval) for p, name in ((prob_a, "prob_a"), (prob_b, "prob_b")))
    right_a, right_b = a != (target == 1), b != (target == 1)
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    differ = only_a + only_b
    p_value = min(1.0, 2 * float(bdtr(min(only_a, only_b), differ, 0.5))) if differ else math.nan
    return MCNEMAR.result(
        inputs=[target, a, b],
        n=len(target),
        estimate=(only_a - only_b) / len(target),
        statistic=only_a,
        p_value=p_value,
        reason="" if differ else "the decisions are equal 决策全部相同",
        facts={"only_a": only_a, "only_b": only_b, "flips": int((a != b).sum()), "approval": approval},
    )


def profit(
    y: Any,
    prob_a: Any,
    prob_b: Any,
    exposure: Any = None,
    margin: float = 0.03,
    lgd: float = 0.5,
    approval: float = 0.7,
    groups: Any = None,
    level: float = 0.95,
) -> TestResult:
    """What a earns more than b when both approve the same share, in units of exposure; t or z of no difference.

    A good approved earns margin·EAD, a bad approved loses LGD·EAD. `facts`: profit_a, profit_b.

    >>> profit([1, 0, 1, 0], [0.9, 0.1, 0.8, 0.2], [0.1, 0.9, 0.8, 0.2], margin=0.1, approval=0.5).estimate.__round__(6)
    0.6
    """
    level, target = check_level(level), check_target(y, "y")
    n = len(target)
    ead = np.ones(n) if exposure is None else np.asarray(exposure, dtype=float).reshape(-1)
    if len(ead) != n or not (np.isfinite(ead) & (ead >= 0)).all():
        raise InputError(
            message(
                f"{n} exposures of zero or more", f"{len(ead)} values", "exposure", "Give the balance of every row."
            )
        )
    gain = np.where(target == 1, -lgd * ead, margin * ead)
    a, b = (approve(check_prob(p, n, name), approval) for p, name in ((prob_a, "prob_a"), (prob_b, "prob_b")))
    parts = gain * (a.astype(float) - b.astype(float))
    codes = cluster_codes(groups, n)
    total = float(parts.sum())
    variance = (
        float(n / (n - 1) * ((parts - parts.mean()) ** 2).sum())
        if codes is None
        else clustered_variance(parts - parts.mean(), codes)
    )
    z, df = critical(level, codes)
    se = math.sqrt(variance)
    t = total / se if se > 0 else math.nan
    p_value = math.nan if math.isnan(t) else float(2 * (ndtr(-abs(t)) if codes is None else stdtr(df, -abs(t))))
    return PROFIT.result(
        inputs=[target, ead, a, b],
        n=n,
        estimate=total,
        statistic=t,
        df=df,
        p_value=p_value,
        lo=total - z * se,
        hi=total + z * se,
        level=level,
        reason="" if se > 0 else "the decisions are equal 决策全部相同",
        facts={
            "profit_a": float(gain[a].sum()),
            "profit_b": float(gain[b].sum()),
            "margin": margin,
            "lgd": lgd,
            "approval": approval,
        },
    )


def disagreement(prob_a: Any, prob_b: Any, k: int = 50, labels: Any = None) -> TestFamily:
    """The k rows on which two PDs differ most in log-odds: estimate logit a - logit b, with both PDs.

    `labels` are pseudonyms or row names; without them rows are numbered from 0.

    >>> disagreement([0.1, 0.5], [0.1, 0.2], k=1).tidy()[["scope", "pd_a", "pd_b"]].values.tolist()
    [['1', 0.5, 0.2]]
    """
    a = check_prob(prob_a, None, "prob_a")
    b = check_prob(prob_b, len(a), "prob_b")
    gap = logit(a) - logit(b)
    names = np.arange(len(a)) if labels is None else np.asarray(labels, dtype=object)
    order = np.argsort(-np.abs(gap), kind="stable")[:k]
    rows = [
        {
            "scope": str(names[i]),
            "n": 1,
            "estimate": float(gap[i]),
            "pd_a": float(a[i]),
            "pd_b": float(b[i]),
            "verdict": INFO,
            "threshold": "",
        }
        for i in order
    ]
    return DISAGREE.family(rows, inputs=[a, b], n=len(a), method="none")


def logit(p: np.ndarray) -> np.ndarray:
    """Log-odds, PDs of 0 and 1 drawn in by 1e-9."""
    q = np.clip(p, 1e-9, 1 - 1e-9)
    return np.log(q) - np.log1p(-q)


def surrogate(prob_card: Any, prob_other: Any) -> TestResult:
    """How much of the challenger's log-odds the card's explain: R² of a straight line. `facts`: slope, gap_90, the
    90 % quantile of what is left, in log-odds.

    >>> surrogate([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]).estimate.__round__(9)
    1.0
    """
    x = logit(check_prob(prob_card, None, "prob_card"))
    z = logit(check_prob(prob_other, len(x), "prob_other"))
    dx, dz = x - x.mean(), z - z.mean()
    if len(x) < 3 or not (dx**2).sum() > 0 or not (dz**2).sum() > 0:
        return SURROGATE.result(inputs=[x, z], n=len(x), reason="PDs that do not vary PD无变异")
    slope = float((dx * dz).sum() / (dx**2).sum())
    left = dz - slope * dx
    return SURROGATE.result(
        inputs=[x, z],
        n=len(x),
        estimate=1 - float((left**2).sum() / (dz**2).sum()),
        facts={"slope": slope, "gap_90": float(np.quantile(np.abs(left), 0.9))},
    )


def challenge(y: Any, champion: Any, challenger: Any, groups: Any = None, level: float = 0.95) -> TestResult:
    """Is the challenger better in order and not worse in level? `estimate` is its gain in AUC with the paired interval.

    Amber: its AUC interval lies above 0 and its Brier score is not significantly worse, so the champion is challenged;
    green otherwise. `facts`: brier_gain and its p (below 0 the challenger is better).

    >>> challenge([1, 0, 1, 0], [0.5, 0.4, 0.6, 0.5], [0.9, 0.1, 0.8, 0.2]).estimate
    0.125
    """
    order, level_test = (
        delong(y, challenger, champion, groups, level),
        redelmeier(y, challenger, champion, groups, level),
    )
    lo = float(order.lo)
    worse = float(level_test.p_value) < 1 - level and float(level_test.estimate) > 0
    verdict = INFO if math.isnan(lo) else AMBER if lo > 0 and not worse else GREEN
    facts = {
        "auc_challenger": order.facts["auc_a"],
        "auc_champion": order.facts["auc_b"],
        "brier_gain": float(level_test.estimate),
        "brier_p": float(level_test.p_value),
    }
    return KEEP.result(
        inputs=[np.asarray(champion, dtype=float), np.asarray(challenger, dtype=float)],
        n=order.n,
        estimate=float(order.estimate),
        statistic=float(order.statistic),
        df=float(order.df),
        p_value=float(order.p_value),
        lo=lo,
        hi=float(order.hi),
        level=level,
        reason=order.reason,
        verdict=verdict,
        threshold="gain above 0 and Brier not worse",
        facts=facts,
    )


def village_mean_pd(y: Any, groups: Any, folds: int = 5) -> np.ndarray:
    """The PD of a rule that knows only the village: its bad rate in the other folds of rows, drawn to the mean.

    A benchmark for `delong`: a card that does not beat it ranks villages, not people. Half a village's weight is ten
    rows.

    >>> village_mean_pd([1, 0, 0, 0, 0, 0], ["a", "a", "a", "b", "b", "b"]).shape
    (6,)
    """
    target = check_target(y, "y").astype(float)
    codes = pd.factorize(check_groups(groups, len(target)))[0]
    fold, prob = np.arange(len(target)) % folds, np.empty(len(target))
    for part in range(folds):
        others = fold != part
        base = target[others].mean() if others.any() else 0.5
        n = np.bincount(codes[others], minlength=codes.max() + 1)
        bads = np.bincount(codes[others], weights=target[others], minlength=codes.max() + 1)
        prob[~others] = ((bads + 10 * base) / (n + 10))[codes[~others]]
    return prob
