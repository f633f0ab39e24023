"""Do explanations agree with what the model does when its inputs are changed: deletion, directions, neighbours,
hybrids.

These ask `predict(frame)` → PD; the tests of the contributions alone are in `explanation_quality`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_columns, check_frame, check_prob, check_target
from creditlab.errors import InputError, message
from creditlab.validation.benchmarks import logit
from creditlab.validation.discrimination import placements
from creditlab.validation.explanation_quality import contributions, rank_correlation
from creditlab.validation.representativeness import two_samples
from creditlab.validation.result import Kind, TestFamily, TestResult
from creditlab.validation.robustness import Predict
from creditlab.validation.verdict import AMBER, DEFAULTS, GREEN, Threshold

FAITHFUL = Kind(
    "ex.faithfulness",
    "Deleting the reasons changes the score",
    "删除主因检验",
    "Samek et al., IEEE TNNLS 28 (2017): AOPC against a random order",
    "",
    "faithfulness",
)
MONOTONE = Kind(
    "ex.monotone",
    "Declared directions hold",
    "声明方向成立",
    "individual conditional expectation, Goldstein et al. 2015",
    "",
    "declared_directions",
)
LIPSCHITZ = Kind(
    "ex.lipschitz",
    "Local change of the explanation",
    "解释的局部变化",
    "Alvarez-Melis, Jaakkola 2018",
    "",
    "local_change",
)
HYBRIDS = Kind(
    "ex.ood",
    "Explainer's hybrids off the data",
    "混合样本偏离数据",
    "classifier two-sample test on hybrids, Lopez-Paz, Oquab 2017",
    "no classifier tells hybrids from rows 无法区分混合样本与真实样本",
    "hybrids",
)


def faithfulness(
    values: Any,
    frame: pd.DataFrame,
    predict: Predict,
    background: pd.DataFrame,
    y: Any = None,
    k: int = 3,
    draws: int = 10,
    seed: int = 0,
) -> TestResult:
    """Does replacing the features with the largest |φ| change the log-odds more than replacing others at random?

    The area over the perturbation curve of 1 … k features, replaced by values of random background rows, against that
    of a random order; amber where it is not above. `facts`: aopc, random, and with `y` rho: the rank correlation of the
    permutation loss of AUC with mean |φ|.

    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200)})
    >>> def predict(f):
    ...     return 1 / (1 + np.exp(-3 * f["a"]))
    >>> faithfulness(np.column_stack([3 * frame["a"], 0 * frame["b"]]), frame, predict, frame, k=1).verdict
    'green'
    """
    phi = contributions(values)
    check_frame(frame, "frame")
    check_columns(background, list(frame.columns), "background")
    if phi.shape != frame.shape:
        raise InputError(
            message(
                "a contribution per row and column of the frame",
                f"{phi.shape} and {frame.shape}",
                "values",
                "Explain this frame.",
            )
        )
    rng = np.random.default_rng(seed)
    base = logit(check_prob(predict(frame), len(frame), "predict(frame)"))
    order, shuffled = (
        np.argsort(-np.abs(phi), axis=1, kind="stable"),
        rng.permuted(np.tile(np.arange(phi.shape[1]), (len(phi), 1)), axis=1),
    )
    areas = [np.zeros(len(frame)), np.zeros(len(frame))]
    for _ in range(draws):
        donors = background[list(frame.columns)].iloc[rng.integers(0, len(background), len(frame))]
        for which, ranked in enumerate((order, shuffled)):
            for m in range(1, min(k, phi.shape[1]) + 1):
                gone = np.zeros(phi.shape, dtype=bool)
                np.put_along_axis(gone, ranked[:, :m], True, axis=1)
                mixed = pd.DataFrame(
                    {
                        c: frame[c].where(~gone[:, j], pd.Series(donors[c].to_numpy(), index=frame.index))
                        for j, c in enumerate(frame.columns)
                    }
                )
                areas[which] += np.abs(logit(check_prob(predict(mixed), len(frame), "predict(frame)")) - base) / (
                    k * draws
                )
    gain = areas[0] - areas[1]
    se = float(gain.std(ddof=1) / math.sqrt(len(gain))) if len(gain) > 1 else math.nan
    facts: dict[str, Any] = {
        "aopc": float(areas[0].mean()),
        "random": float(areas[1].mean()),
        "k": k,
        "draws": draws,
        "seed": seed,
    }
    if y is not None:
        facts["rho"] = _permutation_rank(check_target(y, "y", len(frame)), frame, predict, phi, rng)
    lo, hi = float(gain.mean()) - 1.959963984540054 * se, float(gain.mean()) + 1.959963984540054 * se
    return FAITHFUL.result(
        inputs=[phi, base],
        n=len(phi),
        estimate=float(gain.mean()),
        lo=lo,
        hi=hi,
        level=0.95,
        threshold="interval above 0",
        verdict=GREEN if lo > 0 else AMBER,
        facts=facts,
    )


def _permutation_rank(
    target: np.ndarray, frame: pd.DataFrame, predict: Predict, phi: np.ndarray, rng: np.random.Generator
) -> float:
    base = placements(target, np.asarray(predict(frame), dtype=float)).auc
    loss = []
    for c in frame.columns:
        mixed = frame.assign(**{c: frame[c].to_numpy()[rng.permutation(len(frame))]})
        loss.append(base - placements(target, np.asarray(predict(mixed), dtype=float)).auc)
    return rank_correlation(np.array(loss), np.abs(phi).mean(0))


def declared_directions(
    frame: pd.DataFrame,
    predict: Predict,
    directions: dict[str, int],
    rows: int = 500,
    steps: int = 20,
    seed: int = 0,
    threshold: Threshold = DEFAULTS["violations"],
) -> TestFamily:
    """For each declared direction (+1: the PD rises with the column), the share of steps that go the other way.

    Each of up to `rows` rows is moved along `steps` quantiles of the column, all else as it is.

    >>> frame = pd.DataFrame({"x": np.linspace(0, 1, 50)})
    >>> declared_directions(frame, lambda f: f["x"], {"x": -1}).estimate
    1.0
    """
    check_frame(frame, "frame")
    check_columns(frame, list(directions), "directions")
    rng = np.random.default_rng(seed)
    part = frame if len(frame) <= rows else frame.iloc[np.sort(rng.choice(len(frame), rows, replace=False))]
    found = []
    for name, sign in directions.items():
        if sign not in (1, -1):
            raise InputError(
                message("a direction of +1 or -1", repr(sign), f"directions['{name}']", "+1: the PD rises with it.")
            )
        grid = np.unique(frame[name].astype(float).quantile(np.linspace(0, 1, steps)).to_numpy())
        curve = np.column_stack(
            [check_prob(predict(part.assign(**{name: value})), len(part), "predict(frame)") for value in grid]
        )
        step = np.diff(curve, axis=1) * sign
        share = float((step < -1e-12).mean()) if step.size else 0.0
        found.append(
            {
                "scope": name,
                "n": len(part),
                "estimate": share,
                "worst": float(max(0.0, -step.min())) if step.size else 0.0,
                "threshold": str(threshold),
                "verdict": threshold.verdict(share),
            }
        )
    return MONOTONE.family(found, inputs=[np.asarray(predict(part), dtype=float)], n=len(part), method="none")


def local_change(values: Any, frame: pd.DataFrame, neighbours: int = 10) -> TestResult:
    """The largest ‖φ - φ′‖/‖x - x′‖ of a row and its nearest others, numbers standardised; a rank, not a test.

    `estimate` is the median over rows of the largest ratio, `facts`: q95. An equal twin with other φ counts as ∞.

    >>> local_change([[0.0], [1.0], [2.0]], pd.DataFrame({"x": [0.0, 1.0, 2.0]}), neighbours=1).estimate.__round__(4)
    1.0
    """
    from scipy.spatial import cKDTree

    phi = contributions(values)
    numbers = frame.select_dtypes("number").to_numpy(dtype=float)
    if len(numbers) != len(phi) or numbers.shape[1] == 0 or len(phi) < 2:
        raise InputError(
            message("numeric columns for the same rows", f"{numbers.shape}", "frame", "Give the explained rows.")
        )
    spread = np.nanstd(numbers, axis=0, ddof=1)
    x = np.nan_to_num((numbers - np.nanmean(numbers, axis=0)) / np.where(spread > 0, spread, 1.0))
    distance, place = cKDTree(x).query(x, k=min(neighbours, len(x) - 1) + 1)
    change = np.linalg.norm(phi[:, None, :] - phi[place], axis=2)
    ratio = np.where(
        change < 1e-12, 0.0, np.divide(change, distance, out=np.full_like(change, np.inf), where=distance > 0)
    )
    worst = ratio.max(1)
    return LIPSCHITZ.result(
        inputs=[phi, x],
        n=len(phi),
        estimate=float(np.median(worst)),
        facts={
            "q95": float(np.quantile(worst[np.isfinite(worst)], 0.95)) if np.isfinite(worst).any() else math.nan,
            "infinite": int(np.isinf(worst).sum()),
        },
    )


def hybrids(
    frame: pd.DataFrame,
    background: pd.DataFrame,
    rows: int = 1000,
    seed: int = 0,
    threshold: Threshold = DEFAULTS["hybrids"],
) -> TestResult:
    """How far from real rows are the hybrids on which an interventional explainer asks the model?

    Half the columns of a row come from a background row, at random; a classifier is to tell hybrids from rows.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=400)
    >>> hybrids(pd.DataFrame({"a": x, "b": x}), pd.DataFrame({"a": x, "b": x})).estimate > 0.6
    True
    """
    check_frame(frame, "frame")
    check_columns(background, list(frame.columns), "background")
    rng = np.random.default_rng(seed)
    chosen = frame.iloc[rng.permutation(len(frame))[: 2 * rows]].reset_index(drop=True)
    half = len(chosen) // 2
    real, mixed = chosen.iloc[:half], chosen.iloc[half:].reset_index(drop=True)
    donors = background[list(frame.columns)].iloc[rng.integers(0, len(background), len(mixed))].reset_index(drop=True)
    swap = rng.random(mixed.shape) < 0.5
    mixed = pd.DataFrame({c: mixed[c].where(~swap[:, j], donors[c]) for j, c in enumerate(frame.columns)})
    test = two_samples(real, mixed, seed=seed, threshold=threshold)
    return HYBRIDS.result(
        inputs=[real, mixed],
        n=test.n,
        estimate=float(test.estimate),
        statistic=float(test.estimate),
        p_value=float(test.p_value),
        threshold=test.threshold,
        verdict=test.verdict,
        reason=test.reason,
    )
