"""Are the explanations right, stable and fit to be told: tests on contributions, never on models.

Contributions are rows × features in log-odds of bad, as `creditlab.explain` gives them in `.values`; `predict` is a
plain callable. A figure without the value function, the background and the seed beside it cannot be re-performed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import kendalltau, spearmanr

from creditlab.checks import check_columns, check_level
from creditlab.errors import InputError, message
from creditlab.validation.result import Kind, TestFamily, TestResult
from creditlab.validation.verdict import DEFAULTS, GREEN, INFO, RED, Threshold

ADDITIVE = Kind(
    "ex.additivity",
    "Contributions add up to the model",
    "贡献可加性",
    "Lundberg, Lee, NeurIPS 2017: local accuracy, over all rows",
    "",
    "additivity",
)
NULL = Kind(
    "ex.null",
    "Unused columns and twins",
    "无用列与重复列",
    "Shapley 1953: null player and symmetry",
    "",
    "null_and_twins",
)
STABLE = Kind(
    "ex.boot_stability",
    "Stability over refits",
    "重拟合下的解释稳定性",
    "Kendall's τ of mean |φ|; Jaccard of the top reasons",
    "",
    "explanation_stability",
)
BACKGROUND = Kind(
    "ex.seed_bg",
    "Change with the background",
    "背景样本变化的影响",
    "max |φ - φ′| over rows and features",
    "",
    "background_change",
)
METHODS = Kind(
    "ex.method_agreement",
    "Agreement of two value functions",
    "两种价值函数的一致性",
    "first and first three reasons, signs, Spearman's ρ by row",
    "",
    "method_agreement",
)
INTERACTION = Kind(
    "ex.interaction_mass",
    "Share in interactions",
    "交互作用占比",
    "Σ|Φ_ij|, i ≠ j, over Σ|Φ_ij|; Lundberg et al. 2020",
    "",
    "interaction_mass",
)
REASONS = Kind(
    "ex.reason_actionable",
    "Reasons fit to be told",
    "理由可告知性",
    "dictionary: actionable, not sensitive, in plain language",
    "",
    "reason_audit",
)
MARGIN = Kind(
    "ex.margin", "Margin of the last reason", "末位理由的领先幅度", "φ_k less φ_(k+1) by row", "", "reason_margin"
)


def contributions(values: Any, where: str = "values") -> np.ndarray:
    matrix = np.asarray(values, dtype=float)
    if matrix.ndim != 2 or not matrix.size or not np.isfinite(matrix).all():
        raise InputError(
            message(
                "rows × features of finite contributions", f"shape {matrix.shape}", where, "Pass explanation.values."
            )
        )
    return matrix


def additivity(
    values: Any, base_value: Any, log_odds: Any, threshold: Threshold = DEFAULTS["additivity"]
) -> TestResult:
    """The largest |base + Σφ - log-odds| over all rows, none sampled. `facts`: row, the worst one.

    >>> additivity([[0.5, -0.2]], 0.1, [0.4]).verdict
    'green'
    """
    phi, f = contributions(values), np.asarray(log_odds, dtype=float).reshape(-1)
    if len(f) != len(phi):
        raise InputError(
            message("a log-odds per row", f"{len(f)} for {len(phi)}", "log_odds", "Align it with the rows.")
        )
    gap = np.abs(phi.sum(1) + np.asarray(base_value, dtype=float) - f)
    worst = int(gap.argmax())
    return ADDITIVE.result(
        inputs=[phi, f],
        n=len(phi),
        estimate=float(gap[worst]),
        threshold=threshold,
        verdict=threshold.verdict(float(gap[worst])),
        facts={"row": worst},
    )


def null_and_twins(
    values: Any,
    unused: Sequence[int] = (),
    twins: Sequence[tuple[int, int]] = (),
    threshold: Threshold = DEFAULTS["additivity"],
) -> TestFamily:
    """Columns the model does not use have no contribution; two copies of one column share it alike.

    Parameters
    ----------
    unused : positions of columns. twins : pairs of positions that hold the same column, used alike.

    >>> null_and_twins([[0.0, 0.2, 0.2]], unused=[0], twins=[(1, 2)]).verdict
    'green'
    """
    phi = contributions(values)
    gaps = [(f"unused {i}", np.abs(phi[:, i])) for i in unused] + [
        (f"twins {i}, {j}", np.abs(phi[:, i] - phi[:, j])) for i, j in twins
    ]
    if not gaps:
        raise InputError(message("unused columns or twins", "neither", "null_and_twins", "Name at least one."))
    rows = [
        {
            "scope": name,
            "n": len(phi),
            "estimate": float(gap.max()),
            "threshold": str(threshold),
            "verdict": threshold.verdict(float(gap.max())),
        }
        for name, gap in gaps
    ]
    return NULL.family(rows, inputs=phi, n=len(phi), method="none")


def explanation_stability(
    refits: Sequence[Any],
    k: int = 4,
    at_rank: Threshold = DEFAULTS["rank_agreement"],
    at_reasons: Threshold = DEFAULTS["reasons"],
) -> TestFamily:
    """Do the explanations survive refitting? Contributions of the same rows by two refits or more, all pairs.

    Rows: Kendall's τ of mean |φ| per feature, and the mean Jaccard overlap of each row's top k reasons (φ > 0), both
    averaged over pairs; lo and hi are the least and largest pair.

    >>> explanation_stability([[[0.2, 0.1]], [[0.3, 0.1]]]).tidy()["estimate"].tolist()
    [1.0, 1.0]
    """
    fits = [contributions(v, f"refit {i + 1}") for i, v in enumerate(refits)]
    if len(fits) < 2 or len({v.shape for v in fits}) > 1:
        raise InputError(
            message(
                "two refits or more of the same shape",
                f"{[v.shape for v in fits]}",
                "refits",
                "Explain the same rows by every refit.",
            )
        )
    pairs = list(itertools.combinations(fits, 2))
    tau = np.array([_tau(np.abs(a).mean(0), np.abs(b).mean(0)) for a, b in pairs])
    jaccard = np.array([_jaccard(a, b, k).mean() for a, b in pairs])
    rows = [
        {
            "scope": name,
            "n": len(fits[0]),
            "estimate": float(v.mean()),
            "lo": float(v.min()),
            "hi": float(v.max()),
            "threshold": str(t),
            "verdict": t.verdict(float(v.mean())),
        }
        for name, v, t in (("importance", tau, at_rank), (f"top {k} reasons", jaccard, at_reasons))
    ]
    return STABLE.family(rows, inputs=fits, n=len(fits[0]), method="none", facts={"refits": len(fits)})


def _tau(a: np.ndarray, b: np.ndarray) -> float:
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 1.0 if np.array_equal(a, b) else 0.0
    return float(kendalltau(a, b).statistic)


def _top(phi: np.ndarray, k: int) -> np.ndarray:
    """Whether a feature is among a row's k largest contributions above zero."""
    order = np.argsort(-phi, axis=1, kind="stable")[:, :k]
    chosen = np.zeros(phi.shape, dtype=bool)
    np.put_along_axis(chosen, order, True, axis=1)
    return chosen & (phi > 0)


def _jaccard(a: np.ndarray, b: np.ndarray, k: int) -> np.ndarray:
    x, z = _top(a, k), _top(b, k)
    union = (x | z).sum(1)
    return np.divide((x & z).sum(1), union, out=np.ones(len(a)), where=union > 0)


def background_change(values: Any, other: Any, threshold: Threshold = DEFAULTS["background"]) -> TestResult:
    """The largest change of a contribution when another background is drawn; `facts`: mean and 99 % quantile.

    >>> background_change([[0.2, 0.1]], [[0.22, 0.08]]).estimate.__round__(6)
    0.02
    """
    a, b = _pair(values, other)
    gap = np.abs(a - b)
    return BACKGROUND.result(
        inputs=[a, b],
        n=len(a),
        estimate=float(gap.max()),
        threshold=threshold,
        verdict=threshold.verdict(float(gap.max())),
        facts={"mean": float(gap.mean()), "q99": float(np.quantile(gap, 0.99))},
    )


def _pair(values: Any, other: Any) -> tuple[np.ndarray, np.ndarray]:
    a, b = contributions(values), contributions(other, "other")
    if a.shape != b.shape:
        raise InputError(
            message(
                "contributions of the same rows and features",
                f"{a.shape} and {b.shape}",
                "other",
                "Explain the same rows.",
            )
        )
    return a, b


def method_agreement(values: Any, other: Any) -> TestFamily:
    """How far two explanations of the same rows tell the same: top-1, top-3 set, signs, Spearman by row, importance.

    Also for points lost on the card against a challenger's contributions, feature by feature.

    >>> method_agreement([[0.3, 0.1, -0.2]], [[0.3, 0.1, -0.2]]).tidy()["estimate"].tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    a, b = _pair(values, other)
    first = a.argmax(1) == b.argmax(1)
    three = (_top(a, 3) == _top(b, 3)).all(1)
    heavy = np.maximum(np.abs(a), np.abs(b)) > 1e-12
    signs = (np.sign(a) == np.sign(b))[heavy].mean() if heavy.any() else 1.0
    by_row = np.array([rank_correlation(x, z) for x, z in zip(a, b, strict=True)])
    figures = {
        "top 1": first.mean(),
        "top 3": three.mean(),
        "signs": signs,
        "Spearman by row": np.nanmean(by_row) if np.isfinite(by_row).any() else math.nan,
        "importance": rank_correlation(np.abs(a).mean(0), np.abs(b).mean(0)),
    }
    rows = [
        {
            "scope": name,
            "n": len(a),
            "estimate": float(value),
            "verdict": INFO,
            "threshold": "",
            "reason": "" if np.isfinite(value) else "no spread 无变异",
        }
        for name, value in figures.items()
    ]
    return METHODS.family(rows, inputs=[a, b], n=len(a), method="none")


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    return math.nan if np.ptp(a) == 0 or np.ptp(b) == 0 else float(spearmanr(a, b).statistic)


def interaction_mass(interactions: Any, threshold: Threshold = DEFAULTS["interactions"]) -> TestResult:
    """The share of attribution off the diagonal of interaction values: above a fifth, main effects do not tell it all.

    Parameters
    ----------
    interactions : rows × features × features. Interval: bootstrap of rows, 200 draws.

    >>> interaction_mass([[[1.0, 0.0], [0.0, 1.0]]] * 3).estimate
    0.0
    """
    cube = np.abs(np.asarray(interactions, dtype=float))
    if cube.ndim != 3 or cube.shape[1] != cube.shape[2] or not np.isfinite(cube).all() or not cube.any():
        raise InputError(
            message(
                "rows × features × features", f"shape {cube.shape}", "interactions", "Pass SHAP interaction values."
            )
        )
    whole = cube.sum((1, 2))
    off = whole - np.einsum("nii->n", cube)
    rng = np.random.default_rng(0)
    drawn = [off[i].sum() / max(whole[i].sum(), 1e-300) for i in rng.integers(0, len(cube), (200, len(cube)))]
    lo, hi = np.quantile(drawn, [0.025, 0.975])
    share = float(off.sum() / whole.sum())
    return INTERACTION.result(
        inputs=cube,
        n=len(cube),
        estimate=share,
        lo=float(lo),
        hi=float(hi),
        level=0.95,
        threshold=threshold,
        verdict=threshold.verdict(share),
    )


def reason_audit(reasons: pd.DataFrame, dictionary: pd.DataFrame) -> TestFamily:
    """Of the reasons that were told: how many are actionable, not sensitive, in plain language, and scored at all.

    Parameters
    ----------
    reasons : rows × columns of feature names, missing where there are fewer. dictionary : index feature; columns
        actionable, sensitive, plain (flags). Sensitive, unexplained or unscored reasons are red.

    >>> dictionary = pd.DataFrame({"actionable": [True], "sensitive": [False], "plain": [True]}, index=["overdue"])
    >>> reason_audit(pd.DataFrame({"reason_1": ["overdue"]}), dictionary).verdict
    'green'
    """
    check_columns(dictionary, ["actionable", "sensitive", "plain"], "dictionary")
    told = pd.Series(reasons.to_numpy(dtype=object).reshape(-1)).dropna().map(str)
    if not len(told):
        raise InputError(
            message("at least one reason", "none", "reasons", "Pass the names of the features behind the reasons.")
        )
    known = told.isin(dictionary.index.map(str))
    flags = dictionary.set_axis(dictionary.index.map(str)).reindex(told[known])
    shares = {
        "in the dictionary": known.mean(),
        "not sensitive": (~flags["sensitive"].astype(bool)).mean() if len(flags) else 0.0,
        "in plain language": flags["plain"].astype(bool).mean() if len(flags) else 0.0,
        "actionable": flags["actionable"].astype(bool).mean() if len(flags) else 0.0,
    }
    rows = [
        {
            "scope": name,
            "n": len(told),
            "estimate": float(share),
            "threshold": "" if name == "actionable" else "100 %",
            "verdict": INFO if name == "actionable" else GREEN if share == 1 else RED,
        }
        for name, share in shares.items()
    ]
    return REASONS.family(rows, inputs=[told], n=len(told), method="none")


def conditional_contributions(beta: Any, deviation: Any, correlation: Any) -> np.ndarray:
    """Shapley values of a linear model when features left out take their Gaussian conditional mean: exact, 2^p subsets.

    A diagnostic only: a feature with coefficient 0 gets credit through the ones it goes with, and so cannot be told as
    a reason that was scored.

    Parameters
    ----------
    beta : coefficients of p ≤ 12 features. deviation : x less its mean. correlation : covariance of the features.

    Returns
    -------
    Contributions in feature order, adding up to Σ β·deviation.

    >>> conditional_contributions([1, 0], [1, 1], [[1, 0.8], [0.8, 1]]).round(6).tolist()
    [0.6, 0.4]
    """
    b, d, C = np.asarray(beta, dtype=float), np.asarray(deviation, dtype=float), np.asarray(correlation, dtype=float)
    p = len(b)
    if p > 12 or d.shape != (p,) or C.shape != (p, p):
        raise InputError(
            message(
                "at most 12 coefficients, deviations and their covariance",
                f"{b.shape}, {d.shape}, {C.shape}",
                "conditional_contributions",
                "Take fewer features.",
            )
        )

    def value(inside: tuple[int, ...]) -> float:
        S = list(inside)
        T = [j for j in range(p) if j not in inside]
        total = float(b[S] @ d[S])
        return total + (float(b[T] @ C[np.ix_(T, S)] @ np.linalg.solve(C[np.ix_(S, S)], d[S])) if S and T else 0.0)

    phi = np.zeros(p)
    for j in range(p):
        others = [i for i in range(p) if i != j]
        for size in range(p):
            weight = math.factorial(size) * math.factorial(p - size - 1) / math.factorial(p)
            for S in itertools.combinations(others, size):
                phi[j] += weight * (value(tuple(sorted((*S, j)))) - value(S))
    return phi


def reason_margin(values: Any, k: int = 4, level: float = 0.9) -> TestResult:
    """How safely the last reason that is told leads the first that is not: quantile 1 - level of φ_k - φ_(k+1) by row.

    `estimate` is the median margin in log-odds; `lo` the quantile. A margin near 0 means an arbitrary reason.

    >>> reason_margin([[0.5, 0.3, 0.1]], k=1).estimate.__round__(6)
    0.2
    """
    phi = contributions(values)
    if not 1 <= k < phi.shape[1]:
        raise InputError(message("fewer reasons than features", repr(k), "k", "Four is usual."))
    ranked = -np.sort(-phi, axis=1)
    margin = ranked[:, k - 1] - ranked[:, k]
    low = float(np.quantile(margin, 1 - check_level(level)))
    return MARGIN.result(inputs=phi, n=len(phi), estimate=float(np.median(margin)), lo=low, level=level, facts={"k": k})
