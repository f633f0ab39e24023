"""What happens to the model when its inputs are noisy, lost, wrong or extreme, and when it is fitted again.

The tests take `predict(frame)` → PD, never a model. Each draws with its own seed. They say how much discrimination and
how many decisions hang on a source or on the luck of a fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_columns, check_frame, check_groups, check_prob, check_target
from creditlab.errors import InputError, message
from creditlab.validation.discrimination import auc, delong, placements
from creditlab.validation.result import Kind, TestFamily, TestResult
from creditlab.validation.verdict import DEFAULTS, GREEN, INFO, RED, Threshold

Predict = Callable[[pd.DataFrame], Any]
NOISE = Kind(
    "rob.noise",
    "Noise in the inputs",
    "输入噪声",
    "quantile perturbation; paired DeLong 1988, Holm 1979",
    "the AUC is the same under noise 加噪后AUC不变",
    "noise",
)
SOURCE = Kind(
    "rob.feature_loss",
    "Loss of a source",
    "数据源缺失",
    "all columns of a source missing; paired DeLong 1988, Holm 1979",
    "the AUC is the same without the source 缺失该来源后AUC不变",
    "source_loss",
)
REPORTING = Kind(
    "rob.reporting",
    "Wrong reports",
    "申报误差",
    "a share of the rows misreports by a factor; paired DeLong 1988, Holm 1979",
    "the AUC is the same with wrong reports 申报误差下AUC不变",
    "reporting_errors",
)
STRESS = Kind("rob.stress", "Stressed inputs", "压力情景", "shifted inputs: mean PD by village", "", "stress")
EXTREME = Kind(
    "rob.extreme", "Extreme rows", "极端输入", "finite and between 0 and 1 on rows at the borders", "", "extreme_rows"
)
SEED = Kind(
    "rob.seed",
    "Spread over refits",
    "重拟合波动",
    "relative standard deviation of a row's PD over refits",
    "",
    "refit_spread",
)
LABEL = Kind(
    "rob.label",
    "Other definitions of bad",
    "其他坏账定义",
    "AUC of the same PDs against other outcomes",
    "",
    "other_definitions",
)


def approve(prob: np.ndarray, approval: float) -> np.ndarray:
    """Which rows are approved when the safest share is: equal PDs at the border go by row order."""
    if not 0 < approval < 1:
        raise InputError(message("a share between 0 and 1", repr(approval), "approval", "0.7 approves 70 %."))
    chosen = np.zeros(len(prob), dtype=bool)
    chosen[np.argsort(prob, kind="stable")[: round(approval * len(prob))]] = True
    return chosen


def predicted(predict: Predict, frame: pd.DataFrame) -> np.ndarray:
    return check_prob(predict(frame), len(frame), "predict(frame)")


def _against(
    scope: str,
    target: np.ndarray,
    base: np.ndarray,
    other: np.ndarray,
    groups: Any,
    approval: float,
    threshold: Threshold,
) -> dict[str, Any]:
    """A row: relative loss of AUC - ½ with its interval, and decisions that flip at equal approval."""
    test = delong(target, base, other, groups)
    room = float(test.facts["auc_a"]) - 0.5
    flips = float((approve(base, approval) != approve(other, approval)).mean())
    row: dict[str, Any] = {
        "scope": scope,
        "n": len(target),
        "auc": test.facts["auc_b"],
        "flips": flips,
        "mean_pd": float(other.mean()),
        "level": 0.95,
        "threshold": f"loss of AUC-1/2: {threshold}",
    }
    if room <= 0:
        return row | {"reason": "the AUC is not above ½ AUC不高于½", "verdict": INFO}
    loss = float(test.estimate) / room
    return row | {
        "estimate": loss,
        "statistic": float(test.statistic),
        "p_value": float(test.p_value),
        "lo": float(test.lo) / room,
        "hi": float(test.hi) / room,
        "verdict": threshold.verdict(loss),
    }


def noise(
    y: Any,
    frame: pd.DataFrame,
    predict: Predict,
    sizes: Sequence[float] = (0.05, 0.1, 0.2),
    groups: Any = None,
    approval: float = 0.7,
    seed: int = 0,
    threshold: Threshold = DEFAULTS["decay"],
) -> TestFamily:
    """How much discrimination is lost, and how many decisions flip, when every input is blurred.

    A number moves by up to ±size in rank and takes the value at its new rank; another value is, with probability size,
    replaced by that of a random row. Missing values stay. `estimate` is the relative loss of AUC - ½.

    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"x": rng.normal(size=500)})
    >>> y = (rng.random(500) < 1 / (1 + np.exp(-frame["x"]))).astype(int)
    >>> table = noise(y, frame, lambda f: 1 / (1 + np.exp(-f["x"]))).tidy()
    >>> table["scope"].tolist()
    ['noise 5%', 'noise 10%', 'noise 20%']
    """
    check_frame(frame, "noise")
    target = check_target(y, "y", len(frame))
    base = predicted(predict, frame)
    rows = []
    for size in sizes:
        rng = np.random.default_rng([seed, int(round(size * 1e6))])
        blurred = pd.DataFrame({name: _blur(frame[name], size, rng) for name in frame.columns}, index=frame.index)
        rows.append(
            _against(f"noise {size:.0%}", target, base, predicted(predict, blurred), groups, approval, threshold)
        )
    return NOISE.family(
        rows,
        inputs=[target, base, np.array(sizes)],
        n=len(target),
        gate=0.05,
        facts={"auc": placements(target, base).auc, "approval": approval, "seed": seed},
    )


def _blur(values: pd.Series, size: float, rng: np.random.Generator) -> pd.Series:
    there = np.flatnonzero(values.notna().to_numpy())
    shift, swap = rng.uniform(-size, size, len(there)), rng.random(len(there)) < size
    other = rng.integers(0, max(len(there), 1), len(there))
    if not len(there):
        return values
    out = values.copy()
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = values.to_numpy(dtype=float, na_value=np.nan)[there]
        rank = pd.Series(numbers).rank(method="average").to_numpy() / (len(there) + 1)
        place = 1 - np.abs(1 - np.abs(rank + shift))  # reflected at both ends
        moved = np.quantile(numbers, np.clip(place, 0, 1), method="inverted_cdf")
        full = values.to_numpy(dtype=float, na_value=np.nan).copy()
        full[there] = moved
        return pd.Series(full, index=values.index)
    out.iloc[there] = np.where(swap, values.iloc[there].to_numpy()[other], values.iloc[there].to_numpy())
    return out


def source_loss(
    y: Any,
    frame: pd.DataFrame,
    predict: Predict,
    sources: Mapping[str, Sequence[str]],
    groups: Any = None,
    approval: float = 0.7,
    threshold: Threshold = DEFAULTS["decay"],
) -> TestFamily:
    """What is lost when a department's feed fails: all columns of a source missing, source by source.

    `estimate` is the relative loss of AUC - ½; flips the share of decisions that change; mean_pd the mean PD.

    >>> frame = pd.DataFrame({"x": [0.1, 0.2, 0.8, 0.9] * 10, "z": [1.0] * 40})
    >>> def predict(f):
    ...     return f["x"].fillna(0.5)
    >>> table = source_loss([0, 0, 1, 1] * 10, frame, predict, {"tax": ["x"], "court": ["z"]}).tidy()
    >>> table["estimate"].tolist()
    [1.0, 0.0]
    """
    check_frame(frame, "source_loss")
    target = check_target(y, "y", len(frame))
    base = predicted(predict, frame)
    rows = []
    for name, columns in sources.items():
        check_columns(frame, columns, f"source '{name}'")
        lost = frame.assign(**{column: _void(frame[column]) for column in columns})
        rows.append(_against(str(name), target, base, predicted(predict, lost), groups, approval, threshold))
    return SOURCE.family(
        rows,
        inputs=[target, base],
        n=len(target),
        gate=0.05,
        facts={"auc": placements(target, base).auc, "approval": approval},
    )


def _void(values: pd.Series) -> pd.Series:
    kind = pd.api.types
    dtype: Any = (
        "float64"
        if kind.is_integer_dtype(values.dtype) and not kind.is_extension_array_dtype(values.dtype)
        else object
        if kind.is_bool_dtype(values.dtype)
        else values.dtype
    )
    return pd.Series([np.nan if dtype == "float64" else None] * len(values), index=values.index, dtype=dtype)


def reporting_errors(
    y: Any,
    frame: pd.DataFrame,
    predict: Predict,
    columns: Sequence[str],
    error: float = 0.3,
    share: float = 0.3,
    groups: Any = None,
    approval: float = 0.7,
    seed: int = 0,
    threshold: Threshold = DEFAULTS["decay"],
) -> TestFamily:
    """What happens when a share of the households reports a column too high or too low by a factor.

    >>> frame = pd.DataFrame({"x": np.arange(1.0, 41.0)})
    >>> y = (np.arange(40) % 3 == 0).astype(int)
    >>> reporting_errors(y, frame, lambda f: f["x"] / 100, ["x"]).tidy()["scope"].tolist()
    ['x +30%', 'x -30%']
    """
    check_frame(frame, "reporting_errors")
    check_columns(frame, columns, "reporting_errors")
    target = check_target(y, "y", len(frame))
    base = predicted(predict, frame)
    who = np.random.default_rng(seed).random(len(frame)) < share
    rows = []
    for column in columns:
        numbers = frame[column].to_numpy(dtype=float, na_value=np.nan)
        for sign in (1, -1):
            wrong = frame.assign(**{column: np.where(who, numbers * (1 + sign * error), numbers)})
            rows.append(
                _against(
                    f"{column} {sign * error:+.0%}",
                    target,
                    base,
                    predicted(predict, wrong),
                    groups,
                    approval,
                    threshold,
                )
            )
    return REPORTING.family(
        rows, inputs=[target, base], n=len(target), gate=0.05, facts={"error": error, "share": share, "seed": seed}
    )


def stress(
    frame: pd.DataFrame, predict: Predict, scenarios: Mapping[str, Mapping[str, float]], groups: Any = None
) -> TestFamily:
    """The mean PD, in all and by village, when columns are multiplied: {"income -20 %": {"income": 0.8}}.

    `estimate` is the mean PD under stress over that without; below 1 in all rows is red, for a stress should not help.

    >>> frame = pd.DataFrame({"income": [1.0, 2.0]})
    >>> stress(frame, lambda f: 0.1 / f["income"], {"income -20 %": {"income": 0.8}}).estimate.__round__(4)
    1.25
    """
    check_frame(frame, "stress")
    base = predicted(predict, frame)
    villages = None if groups is None else pd.Series(check_groups(groups, len(frame))).map(str).to_numpy()
    rows = []
    for name, factors in scenarios.items():
        check_columns(frame, list(factors), f"scenario '{name}'")
        prob = predicted(
            predict,
            frame.assign(**{c: frame[c].to_numpy(dtype=float, na_value=np.nan) * f for c, f in factors.items()}),
        )
        ratio = float(prob.mean() / base.mean())
        rows.append(
            {
                "scope": name,
                "n": len(frame),
                "estimate": ratio,
                "statistic": float(prob.mean()),
                "verdict": GREEN if ratio >= 1 - 1e-12 else RED,
                "threshold": "PD not below",
            }
        )
        for village in [] if villages is None else sorted(set(villages)):
            here = villages == village
            part = float(prob[here].mean() / base[here].mean())
            rows.append(
                {
                    "scope": f"{name} · {village}",
                    "n": int(here.sum()),
                    "estimate": part,
                    "statistic": float(prob[here].mean()),
                    "verdict": INFO,
                    "threshold": "",
                }
            )
    return STRESS.family(rows, inputs=[base], n=len(frame), method="none")


def extreme_rows(frame: pd.DataFrame, predict: Predict) -> TestFamily:
    """Does the model answer at the borders: 0.1 and 99.9 % of every number, all missing, negative, an unseen category.

    A PD that is missing or outside 0 … 1, or an error, is red; the error's kind is the reason.

    >>> extreme_rows(pd.DataFrame({"x": [1.0, 2.0, 3.0]}), lambda f: f["x"].fillna(0).clip(0, 1)).verdict
    'green'
    """
    check_frame(frame, "extreme_rows")
    first = frame.iloc[[0]]
    numbers = [
        c for c in frame.columns if pd.api.types.is_numeric_dtype(frame[c]) and not pd.api.types.is_bool_dtype(frame[c])
    ]
    texts = [
        c
        for c in frame.columns
        if c not in numbers
        and not pd.api.types.is_bool_dtype(frame[c])
        and not pd.api.types.is_datetime64_any_dtype(frame[c])
    ]
    probes = {
        f"{q:.1%} of every number": first.assign(**{c: float(frame[c].astype(float).quantile(q)) for c in numbers})
        for q in (0.001, 0.999)
    }
    probes["all numbers negative"] = first.assign(**{c: -abs(float(frame[c].astype(float).max())) - 1 for c in numbers})
    probes["all numbers huge"] = first.assign(**dict.fromkeys(numbers, 1e12))
    probes["all missing"] = first.assign(**{c: _void(first[c]) for c in frame.columns})
    if texts:
        probes["unseen categories"] = first.assign(
            **{c: pd.Series(["never seen 未见"], index=first.index, dtype=object) for c in texts}
        )
    return EXTREME.family(
        [_probe(name, row, predict) for name, row in probes.items()], inputs=frame.isna(), n=len(probes), method="none"
    )


def _probe(name: str, row: pd.DataFrame, predict: Predict) -> dict[str, Any]:
    entry: dict[str, Any] = {"scope": name, "n": 1, "threshold": "finite, 0 … 1"}
    try:
        value = float(np.asarray(predict(row), dtype=float).reshape(-1)[0])
    except Exception as error:  # the finding itself: whatever the model raises on a row it may meet
        return entry | {"verdict": RED, "reason": f"raised 报错: {type(error).__name__}"}
    sound = 0 <= value <= 1
    return entry | {
        "estimate": value,
        "verdict": GREEN if sound else RED,
        "reason": "" if sound else "no PD between 0 and 1 PD不在0与1之间",
    }


def refit_spread(probs: Any, approval: float = 0.7, threshold: Threshold = DEFAULTS["refit"]) -> TestResult:
    """How much a household's PD hangs on the seed: the median of SD(PD)/mean PD over refits.

    Parameters
    ----------
    probs : rows × refits (other seeds, row orders or bootstrap samples), two refits or more.

    `facts`: flips, the mean share of decisions that differ from the first refit; worst, the 95 % quantile of the ratio.

    >>> refit_spread([[0.1, 0.1], [0.2, 0.2]]).estimate
    0.0
    """
    matrix = np.atleast_2d(np.asarray(probs, dtype=float))
    if matrix.shape[1] < 2:
        raise InputError(
            message("two refits or more", f"{matrix.shape[1]}", "probs", "Give a column of PDs per refit.")
        )
    check_prob(matrix.reshape(-1), None, "probs")
    mean = matrix.mean(1)
    ratio = np.divide(matrix.std(1, ddof=1), mean, out=np.zeros(len(mean)), where=mean > 0)
    first = approve(matrix[:, 0], approval)
    flips = float(np.mean([(approve(matrix[:, j], approval) != first).mean() for j in range(1, matrix.shape[1])]))
    value = float(np.median(ratio))
    return SEED.result(
        inputs=matrix,
        n=len(mean),
        estimate=value,
        threshold=threshold,
        verdict=threshold.verdict(value),
        facts={"refits": matrix.shape[1], "flips": flips, "worst": float(np.quantile(ratio, 0.95))},
    )


def other_definitions(prob: Any, outcomes: Mapping[str, Any], groups: Any = None, level: float = 0.95) -> TestFamily:
    """AUC of the same PDs against other definitions of bad (60, 90, 120 days; 12, 18, 24 months).

    >>> outcomes = {"90 dpd": [0, 0, 1, 1], "120 dpd": [0, 1, 0, 1]}
    >>> other_definitions([0.1, 0.2, 0.8, 0.9], outcomes).tidy()["estimate"].tolist()
    [1.0, 0.75]
    """
    p = check_prob(prob, None)
    rows = []
    for name, y in outcomes.items():
        test = auc(y, p, groups, level)
        rows.append(
            {
                "scope": str(name),
                "n": test.n,
                "bad_rate": test.facts["bads"] / test.n,
                "verdict": INFO,
                "reason": test.reason,
                "threshold": "",
                **{k: float(getattr(test, k)) for k in ("estimate", "statistic", "df", "p_value", "lo", "hi")},
            }
        )
    return LABEL.family(rows, inputs=[p], n=len(p), level=level)
