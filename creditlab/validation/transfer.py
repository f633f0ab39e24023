"""Does the model travel: to villages and months it has not seen, and to villages whose level is not yet known.

`refit(rows)` fits on row numbers and gives `predict(frame)` → PD; no model class is known here. A gap between random
folds and folds of whole villages is what the model has learned by heart about villages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import fdtrc, fdtri, stdtr, stdtrit

from creditlab.checks import check_frame, check_groups, check_prob, check_target
from creditlab.errors import InputError, message
from creditlab.validation.benchmarks import logit
from creditlab.validation.calibration import calibration_in_the_large
from creditlab.validation.discrimination import auc, delong
from creditlab.validation.result import Kind, TestFamily, TestResult
from creditlab.validation.robustness import Predict
from creditlab.validation.rows import check_score
from creditlab.validation.verdict import DEFAULTS, GREEN, INFO, Threshold

MEMORY = Kind(
    "oot.village",
    "Random folds less folds of villages",
    "随机折与整村折AUC之差",
    "paired DeLong of out-of-fold PDs, by village; GroupKFold",
    "the AUC is the same on unseen villages 未见村的AUC相同",
    "out_of_village",
)
CHAIN = Kind(
    "oot.chain",
    "Forward in time",
    "逐期向前检验",
    "fit on periods up to t, test on the next; Holm 1979",
    "AUC = ½ in the next period 下期AUC等于½",
    "forward_chain",
)
ICC = Kind(
    "oot.icc",
    "Likeness within a village",
    "村内相关（ICC）",
    "one-way ANOVA estimator, Donner 1986; design effect 1 + (m - 1)·ICC",
    "villages do not differ 村间无差异",
    "intraclass_correlation",
)
LABELS = Kind(
    "oot.transfer",
    "Level of a new village from m outcomes",
    "新村m个样本校准",
    "intercept re-estimated, penalised as a normal village effect; t over villages",
    "re-estimation does not change the log loss 重估不改变对数损失",
    "transfer_calibration",
)
Refit = Callable[[np.ndarray], Predict]


def out_of_village(
    y: Any,
    frame: pd.DataFrame,
    groups: Any,
    refit: Refit,
    folds: int = 5,
    seed: int = 0,
    threshold: Threshold = DEFAULTS["memory"],
) -> TestResult:
    """AUC in folds of rows less AUC in folds of whole villages, both out of fold on the same rows, with its interval.

    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"x": rng.normal(size=300)})
    >>> y = (rng.random(300) < 1 / (1 + np.exp(-frame["x"]))).astype(int)
    >>> def refit(rows):
    ...     return lambda f: 1 / (1 + np.exp(-f["x"]))
    >>> out_of_village(y, frame, np.arange(300) % 30, refit).estimate
    0.0
    """
    check_frame(frame, "frame")
    target = check_target(y, "y", len(frame))
    codes = pd.factorize(check_groups(groups, len(target)))[0]
    villages = int(codes.max()) + 1
    if villages < 2 * folds:
        return MEMORY.result(
            inputs=[target, codes],
            n=len(target),
            reason=f"{villages} villages < {2 * folds} 村数不足",
            threshold=threshold,
        )
    rng = np.random.default_rng(seed)
    of_village = rng.permutation(np.arange(villages) % folds)
    by_village = held_out(target, frame, of_village[codes], refit)
    by_row = held_out(target, frame, rng.permutation(np.arange(len(target)) % folds), refit)
    test = delong(target, by_row, by_village, codes)
    gap, lo = float(test.estimate), float(test.lo)
    return MEMORY.result(
        inputs=[target, by_row, by_village],
        n=len(target),
        estimate=gap,
        statistic=float(test.statistic),
        df=float(test.df),
        p_value=float(test.p_value),
        lo=lo,
        hi=float(test.hi),
        level=0.95,
        reason=test.reason,
        threshold=f"interval above 0 and gap: {threshold}",
        verdict=threshold.verdict(gap) if lo > 0 else GREEN,
        facts={"auc_rows": test.facts["auc_a"], "auc_villages": test.facts["auc_b"], "folds": folds, "seed": seed},
    )


def held_out(target: np.ndarray, frame: pd.DataFrame, fold: np.ndarray, refit: Refit) -> np.ndarray:
    """The PD of each row from a fit that did not see its fold."""
    prob = np.empty(len(target))
    for part in np.unique(fold):
        inside = fold != part
        if target[inside].min() == target[inside].max():
            raise InputError(message("both classes outside every fold", "one", f"fold {part}", "Use fewer folds."))
        rows = np.flatnonzero(~inside)
        prob[rows] = check_prob(refit(np.flatnonzero(inside))(frame.iloc[rows]), len(rows), "predict(frame)")
    return prob


def forward_chain(
    y: Any,
    frame: pd.DataFrame,
    period: Any,
    refit: Refit,
    groups: Any = None,
    least: int = 10,
    level: float = 0.95,
    threshold: Threshold = DEFAULTS["auc"],
) -> TestFamily:
    """Fit on all periods up to t, test on the next: AUC and O/E of each next period.

    Periods are ordered as values (dates or numbers), not as text.

    >>> frame = pd.DataFrame({"x": np.tile(np.linspace(-2, 2, 60), 2)})
    >>> y = (np.arange(120) % 60 > np.tile(np.arange(60)[::-1], 2)).astype(int)
    >>> def refit(rows):
    ...     return lambda f: 1 / (1 + np.exp(-f["x"]))
    >>> forward_chain(y, frame, np.repeat([2023, 2024], 60), refit).tidy()["scope"].tolist()
    ['2024 · AUC', '2024 · O/E']
    """
    check_frame(frame, "frame")
    target = check_target(y, "y", len(frame))
    when = pd.Series(check_groups(period, len(target), "period"))
    order = sorted(when.unique())
    place = when.map({p: i for i, p in enumerate(order)}).to_numpy()
    clusters = None if groups is None else check_groups(groups, len(target))
    if len(order) < 2:
        raise InputError(message("two periods or more", f"{len(order)}", "period", "Give the period of every row."))
    rows: list[dict[str, Any]] = []
    for t in range(1, len(order)):
        past, now = place < t, place == t
        bads = int(target[now].sum())
        label = order[t].strftime("%Y-%m-%d") if isinstance(order[t], pd.Timestamp) else str(order[t])
        if min(bads, int(now.sum()) - bads) < least or target[past].min() == target[past].max():
            reason = f"{min(bads, int(now.sum()) - bads)} bads or goods < {least}, or one class before 样本不足"
            rows += [
                {"scope": f"{label} · {what}", "n": int(now.sum()), "reason": reason, "verdict": INFO, "threshold": ""}
                for what in ("AUC", "O/E")
            ]
            continue
        p = check_prob(refit(np.flatnonzero(past))(frame[now]), int(now.sum()), "predict(frame)")
        own = None if clusters is None else clusters[now]
        for what, test in (
            ("AUC", auc(target[now], p, own, level, threshold=threshold)),
            ("O/E", calibration_in_the_large(target[now], p, own, level)),
        ):
            rows.append(
                {
                    "scope": f"{label} · {what}",
                    "n": test.n,
                    "verdict": test.verdict,
                    "threshold": test.threshold,
                    "reason": test.reason,
                    **{k: float(getattr(test, k)) for k in ("estimate", "statistic", "df", "p_value", "lo", "hi")},
                }
            )
    return CHAIN.family(rows, inputs=[target, place], n=len(target), level=level)


def intraclass_correlation(values: Any, groups: Any, level: float = 0.95) -> TestResult:
    """How alike rows of a village are: ICC from one-way analysis of variance, and the design effect of a mean.

    Give outcomes, or residuals y - PD, what is left when the card has spoken. F tests that villages do not differ; the
    interval is that of the F ratio (exact for normal values and equal villages). `facts`: size (m₀), design_effect.

    >>> intraclass_correlation([1, 1, 0, 0, 1, 1, 0, 0], list("aabbccdd")).estimate
    1.0
    """
    x = check_score(values, np.size(values), "values")
    codes = pd.factorize(check_groups(groups, len(x)))[0]
    n = np.bincount(codes)
    k, N = len(n), len(x)
    if k < 2 or k >= N:
        return ICC.result(
            inputs=[x, codes], n=N, reason="two villages, and one of several rows, are needed 至少两村且有村含多行"
        )
    means = np.bincount(codes, weights=x) / n
    between = float((n * (means - x.mean()) ** 2).sum() / (k - 1))
    within = float(((x - means[codes]) ** 2).sum() / (N - k))
    m0 = float((N - (n**2).sum() / N) / (k - 1))
    if between == 0 and within == 0:
        return ICC.result(inputs=[x, codes], n=N, reason="no spread 无变异")
    value = (between - within) / (between + (m0 - 1) * within)
    F = between / within if within > 0 else math.inf
    lo, hi = math.nan, math.nan
    if math.isfinite(F):
        low, high = F / fdtri(k - 1, N - k, (1 + level) / 2), F / fdtri(k - 1, N - k, (1 - level) / 2)
        lo, hi = (low - 1) / (low + m0 - 1), (high - 1) / (high + m0 - 1)
    return ICC.result(
        inputs=[x, codes],
        n=N,
        estimate=value,
        statistic=F if math.isfinite(F) else math.nan,
        df=k - 1,
        p_value=float(fdtrc(k - 1, N - k, F)) if math.isfinite(F) else 0.0,
        lo=lo,
        hi=hi,
        level=level,
        facts={"villages": k, "size": m0, "df_within": N - k, "design_effect": 1 + (m0 - 1) * max(value, 0.0)},
    )


def transfer_calibration(
    y: Any, prob: Any, groups: Any, labels: Sequence[int] = (10, 25, 50), spread: float = 0.5, seed: int = 0
) -> TestFamily:
    """Is it worth re-estimating a new village's level from its first m outcomes? Log loss on its other rows.

    The village's shift of the log-odds is fitted to m random rows with a normal penalty of standard deviation `spread`.
    `estimate` is the mean over villages of the change of log loss (below 0: worth it), t over villages; villages with
    fewer than 2m rows are left out.

    >>> rng = np.random.default_rng(0)
    >>> village = np.repeat(np.arange(20), 60)
    >>> truth = 1 / (1 + np.exp(2 - rng.normal(0, 1, 20)[village]))
    >>> transfer_calibration(rng.random(1200) < truth, np.full(1200, truth.mean()), village, [25]).estimate < 0
    True
    """
    target = check_target(y, "y").astype(float)
    eta = logit(check_prob(prob, len(target)))
    codes = pd.factorize(check_groups(groups, len(target)))[0]
    rng = np.random.default_rng(seed)
    shuffled = [rng.permutation(np.flatnonzero(codes == g)) for g in range(int(codes.max()) + 1)]
    rows = []
    for m in labels:
        changes = []
        for order in shuffled:
            if len(order) < 2 * m:
                continue
            seen, rest = order[:m], order[m:]
            changes.append(
                float(
                    (
                        _loss(target[rest], eta[rest] + _shift(target[seen], eta[seen], spread))
                        - _loss(target[rest], eta[rest])
                    ).mean()
                )
            )
        row: dict[str, Any] = {
            "scope": f"{m} outcomes",
            "n": len(changes),
            "verdict": INFO,
            "threshold": "",
            "level": 0.95,
        }
        if len(changes) < 3:
            rows.append(row | {"reason": f"{len(changes)} villages of {2 * m} rows < 3 村数不足"})
            continue
        d = np.array(changes)
        se = float(d.std(ddof=1) / math.sqrt(len(d)))
        t = float(d.mean()) / se if se > 0 else math.nan
        half = float(stdtrit(len(d) - 1, 0.975)) * se
        rows.append(
            row
            | {
                "estimate": float(d.mean()),
                "statistic": t,
                "df": len(d) - 1,
                "p_value": float(2 * stdtr(len(d) - 1, -abs(t))),
                "lo": float(d.mean()) - half,
                "hi": float(d.mean()) + half,
            }
        )
    return LABELS.family(rows, inputs=[target, eta, codes], n=len(target))


def _loss(target: np.ndarray, eta: np.ndarray) -> np.ndarray:
    return np.asarray(np.logaddexp(0, eta) - target * eta)


def _shift(target: np.ndarray, eta: np.ndarray, spread: float) -> float:
    """The penalised maximum-likelihood shift of the log-odds."""
    u = 0.0
    for _ in range(50):
        p = 1 / (1 + np.exp(-(eta + u)))
        step = float(((target - p).sum() - u / spread**2) / ((p * (1 - p)).sum() + 1 / spread**2))
        u += max(-1.0, min(1.0, step))
        if abs(step) < 1e-10:
            break
    return u
