"""Where unequal treatment may come from, and what could be done: proxies, alternatives, the village.

The figures by group are in `fairness`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_columns, check_frame, check_groups, check_prob, check_target
from creditlab.errors import InputError, message
from creditlab.validation.discrimination import placements
from creditlab.validation.fairness import FEW, adverse_impact
from creditlab.validation.representativeness import coded, out_of_fold
from creditlab.validation.result import Kind, TestFamily, TestResult
from creditlab.validation.robustness import Predict, approve
from creditlab.validation.verdict import AMBER, DEFAULTS, GREEN, INFO, RED, Threshold

PROXY = Kind(
    "fair.proxy",
    "Protected attribute from the features",
    "特征对受保护属性的可推断性",
    "out-of-fold AUC of a forest of trees; p by permutation",
    "the features tell nothing about the group (AUC = ½) 特征无法推断组别",
    "proxy",
)
LDA = Kind(
    "fair.lda",
    "Less discriminatory alternatives",
    "更少差别的替代模型",
    "AUC against adverse impact ratio at equal approval",
    "",
    "alternatives",
)
VILLAGE = Kind(
    "fair.village",
    "Same household in another village",
    "同户异村的PD变化",
    "PIPL 2021 art. 24; counterfactual change of the village columns",
    "",
    "other_village",
)


def proxy(
    frame: pd.DataFrame,
    member: Any,
    draws: int = 99,
    folds: int = 4,
    most: int = 8000,
    seed: int = 0,
    threshold: Threshold = DEFAULTS["proxy"],
) -> TestResult:
    """Can the features tell who belongs to a protected group? Out-of-fold AUC of a forest of trees; p by permutation.

    `facts`: drivers, the columns it leans on. The colour is that of the AUC where p < .05.

    >>> rng = np.random.default_rng(0)
    >>> member = rng.integers(0, 2, 400)
    >>> proxy(pd.DataFrame({"x": member + rng.normal(0, 0.2, 400)}), member, draws=39).verdict
    'red'
    """
    check_frame(frame, "proxy")
    group = check_target(member, "member", len(frame))
    rng = np.random.default_rng(seed)
    rows = np.arange(len(frame)) if len(frame) <= most else np.sort(rng.choice(len(frame), most, replace=False))
    label = group[rows].astype(int)
    if min(label.sum(), len(label) - label.sum()) < 2 * folds:
        return PROXY.result(inputs=[group], n=len(rows), reason=FEW.format(2 * folds), threshold=threshold)
    score, falls = out_of_fold(coded(frame.iloc[rows]), label, folds, seed)
    value = placements(label, score).auc
    null = np.array([placements(rng.permutation(label), score).auc for _ in range(draws)])
    p_value = float((1 + (null >= value).sum()) / (draws + 1))
    drivers = sorted(zip(map(str, frame.columns), map(float, falls), strict=True), key=lambda d: (-d[1], d[0]))[:5]
    return PROXY.result(
        inputs=[group],
        n=len(rows),
        estimate=value,
        statistic=value,
        p_value=p_value,
        threshold=f"p < 0.05 and AUC: {threshold}",
        verdict=threshold.verdict(value) if p_value < 0.05 else GREEN,
        facts={"drivers": {k: round(v, 4) for k, v in drivers if v > 0}, "draws": draws, "seed": seed},
    )


def alternatives(
    y: Any, member: Any, candidates: Mapping[str, Any], approval: float = 0.7, most_loss: float = 0.005, least: int = 10
) -> TestFamily:
    """Is there a candidate that treats the group more alike at hardly any loss? The first candidate is the model in
    use.

    `estimate` is the adverse impact ratio at equal approval, `statistic` the AUC, `loss` the AUC lost against it.
    A candidate with a ratio nearer to 1 and a loss of at most `most_loss` is amber: it should be considered.

    >>> candidates = {"now": [0.9, 0.8, 0.6, 0.1] * 10, "other": [0.9, 0.2, 0.8, 0.1] * 10}
    >>> alternatives([1, 0] * 20, [1, 1, 0, 0] * 10, candidates).tidy()["verdict"].tolist()
    ['info', 'amber']
    """
    target, group = check_target(y, "y"), check_target(member, "member")
    if not candidates or min(group.sum(), len(group) - group.sum()) < least:
        raise InputError(
            message(
                f"candidates and {least} rows of either group",
                f"{len(candidates)} candidates",
                "alternatives",
                "Give {name: PDs}.",
            )
        )
    rows: list[dict[str, Any]] = []
    for name, prob in candidates.items():
        p = check_prob(prob, len(target), f"candidate {name}")
        yes = approve(p, approval)
        test = adverse_impact(
            int(yes[group == 1].sum()), int(group.sum()), int(yes[group == 0].sum()), int((group == 0).sum())
        )
        value = placements(target, p).auc
        row: dict[str, Any] = {
            "scope": str(name),
            "n": len(p),
            "estimate": float(test.estimate),
            "lo": float(test.lo),
            "hi": float(test.hi),
            "level": 0.95,
            "statistic": value,
            "threshold": f"AUC loss ≤ {most_loss:g}",
        }
        if not rows:
            rows.append(row | {"loss": 0.0, "verdict": INFO})
            continue
        loss = rows[0]["statistic"] - value
        nearer = abs(math.log(max(row["estimate"], 1e-9))) < abs(math.log(max(rows[0]["estimate"], 1e-9))) - 1e-12
        rows.append(row | {"loss": loss, "verdict": AMBER if nearer and loss <= most_loss else GREEN})
    return LDA.family(rows, inputs=[target, group], n=len(target), method="none", facts={"approval": approval})


def other_village(
    frame: pd.DataFrame,
    predict: Predict,
    columns: Sequence[str],
    groups: Any,
    cap: float = 0.05,
    draws: int = 20,
    seed: int = 0,
) -> TestResult:
    """How far a household's PD would move if it lived elsewhere: its village columns taken from other villages.

    `estimate` is the largest move of a PD, up or down, over the drawn villages, at the 95 % quantile of households; red
    above `cap`, the declared most that the village alone may do. `facts`: mean, share_above.

    >>> frame = pd.DataFrame({"own": [0.1, 0.2, 0.3, 0.4], "village_rate": [0.0, 0.0, 0.2, 0.2]})
    >>> def predict(f):
    ...     return f["own"] + f["village_rate"]
    >>> other_village(frame, predict, ["village_rate"], ["a", "a", "b", "b"], cap=0.1).verdict
    'red'
    """
    check_frame(frame, "other_village")
    check_columns(frame, columns, "other_village")
    codes = pd.factorize(check_groups(groups, len(frame)))[0]
    first = np.unique(codes, return_index=True)[1]
    rng = np.random.default_rng(seed)
    donors = first if len(first) <= draws else np.sort(rng.choice(first, draws, replace=False))
    base = check_prob(predict(frame), len(frame), "predict(frame)")
    low, high = base.copy(), base.copy()
    for donor in donors:
        moved = frame.assign(
            **{
                c: pd.Series([frame[c].iloc[donor]] * len(frame), index=frame.index, dtype=frame[c].dtype)
                for c in columns
            }
        )
        prob = check_prob(predict(moved), len(frame), "predict(frame)")
        low, high = np.minimum(low, prob), np.maximum(high, prob)
    move = np.maximum(high - base, base - low)
    value = float(np.quantile(move, 0.95))
    return VILLAGE.result(
        inputs=[base, codes],
        n=len(frame),
        estimate=value,
        threshold=f"95 % of households ≤ {cap:g}",
        verdict=RED if value > cap else GREEN,
        facts={
            "mean": float(move.mean()),
            "share_above": float((move > cap).mean()),
            "villages": len(donors),
            "seed": seed,
        },
    )
