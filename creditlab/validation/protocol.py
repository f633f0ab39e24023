"""The validation of one model, or of a champion and challengers: every test in every scope, in one table.

Use it on outcomes and PDs of any origin. It colours figures by a `ValidationSpec`, refuses with a reason where rows are
too few, corrects for many grades, and takes villages as clusters. The verdict on the model stays with a person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.errors import InputError, message
from creditlab.results import Result, Stamp, plain
from creditlab.validation.calibration import (
    COX,
    HOSMER,
    SPIEGELHALTER,
    brier,
    calibration_in_the_large,
    cox,
    hosmer_lemeshow,
    spiegelhalter,
)
from creditlab.validation.concentration import hhi
from creditlab.validation.curves import calibration_points, roc_points
from creditlab.validation.discrimination import (
    AUC,
    GINI,
    INITIAL,
    KS,
    PAIRED,
    auc,
    auc_against_initial,
    delong,
    gini,
    ks,
)
from creditlab.validation.grades import JEFFREYS, binomial, grade_edges, jeffreys, jeffreys_p, rate_limits
from creditlab.validation.multiplicity import holm
from creditlab.validation.result import Kind, TestResult
from creditlab.validation.scopes import Cell, Sample, read_sample
from creditlab.validation.stability import PSI, psi
from creditlab.validation.verdict import INFO, ValidationSpec

COLUMNS = ["section", "id", "scope", "n", "statistic", "df", "p_value", "lo", "hi", "threshold", "verdict", "reference"]
COLUMNS += ["estimate", "level", "p_adjusted", "model", "split", "test_zh", "test_en", "reason"]
GRADE = Kind("cal.jeffreys_grade", "Jeffreys test by PD grade", "分级Jeffreys检验", f"{JEFFREYS.reference}; Holm 1979")
#: sections that need the model itself, and what they would take
WITH_MODEL = (
    (Kind("rob.noise", "Robustness to noise", "噪声稳健性", "validation of inputs"), "frame, predict"),
    (Kind("rob.feature_loss", "Loss of a source", "数据源缺失", "validation of inputs"), "frame, predict"),
    (Kind("rob.seed", "Refits", "重新拟合", "validation of inputs"), "frame, refit"),
)
Row = dict[str, Any]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ValidationResult(Result):
    """All tests of a validation: one row per test and scope, the curves behind them, and the bins for monitoring.

    Parameters
    ----------
    curves : model scope curve x y lo hi n; curve is "roc" (false and true positive rate) or "calibration" (mean PD and
        default rate of a grade), at most 200 points each.
    reference : model → {"edges", "counts"}: PD grades of the development sample; pass it to a later `validate`.
    """

    title: ClassVar[str] = "Validation 模型验证"
    plots: ClassVar[str] = "validation"

    curves: pd.DataFrame
    reference: Mapping[str, Any] = field(default_factory=dict)
    spec: ValidationSpec = field(default_factory=ValidationSpec)

    def section(self, name: str) -> pd.DataFrame:
        """The rows of one section: discrimination, calibration, stability, concentration, robustness."""
        return self.table[self.table["section"] == name].reset_index(drop=True)

    def to_dict(self) -> dict[str, Any]:
        more = {"curves": self.curves, "reference": dict(self.reference), "spec": self.spec.to_dict()}
        return {**super().to_dict(), **{name: plain(value) for name, value in more.items()}}


def validate(
    y: Any,
    prob: Any,
    frame: pd.DataFrame | None = None,
    predict: Callable[[pd.DataFrame], Any] | None = None,
    refit: Callable[[Any], Any] | None = None,
    split: Any = None,
    groups: Any = None,
    period: Any = None,
    amount: Any = None,
    reference: Any = None,
    spec: Any = None,
) -> ValidationResult:
    """Every test of discrimination, calibration and stability of a model in every scope.

    Parameters
    ----------
    y : 0/1 per row, 1 = bad, both present.
    prob : PD per row, or {name: PD per row} with the champion first; challengers are compared with it.
    frame, predict, refit : features, `predict(frame)` → PD, and `refit(rows)` → predict, for the sections that need the
        model; without them those sections say so.
    split : sample of each row, such as "train", "test", "oot". The development sample is "train", "development" or
        "dev", or the one that `spec` names; PSI and the AUC of other samples are set against it.
    groups : villages, the clusters of all intervals that can take them.
    period : of each row; AUC and O/E are also given by period.
    amount : balance of each row, for concentration.
    reference : an earlier ValidationResult or its `reference`, whose stored bins PSI then uses.
    spec : ValidationSpec, or a mapping of its fields (see there); thresholds of the bank's own.

    Returns
    -------
    ValidationResult: section id scope n statistic df p_value lo hi threshold verdict reference, then estimate level
    p_adjusted model split test_zh test_en reason. A test that needs more rows than there are is a row with a reason.

    Raises
    ------
    InputError : one class only, PDs outside 0 … 1, arrays of unequal length, unknown names in `spec`.

    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(1, 9, 2000)
    >>> result = validate(rng.random(2000) < p, p, split=np.where(np.arange(2000) < 1400, "train", "test"))
    >>> result.tidy().query("id == 'disc.auc'")["scope"].tolist()
    ['all', 'train', 'test']
    """
    at = ValidationSpec.of(spec)
    sample = read_sample(y, prob, split, groups, period, amount, at)
    bins = {model: _reference_bins(model, sample, reference, at) for model in sample.probs}
    rows = [
        *_discrimination(sample, at),
        *_calibration(sample, at),
        *_stability(sample, bins, at),
        *_concentration(sample),
        *_with_model(sample, frame, predict, refit),
    ]
    table = pd.DataFrame(rows).reindex(columns=COLUMNS)
    inputs = [sample.y, *sample.probs.values(), *([] if sample.groups is None else [sample.groups])]
    return ValidationResult(
        table=table,
        curves=_curves(sample, at),
        reference={model: stored for model, stored in bins.items() if stored},
        spec=at,
        stamp=Stamp.of([*inputs, *(scope.rows for scope in sample.scopes)], at.to_dict()),
        facts=_facts(sample, table),
    )


def _discrimination(sample: Sample, at: ValidationSpec) -> list[Row]:
    rows = []
    for cell in sample.cells("all", "split", "period"):
        reason = _too_few(cell, at)
        kinds = (AUC,) if cell.scope.kind == "period" else (AUC, GINI, KS)
        if reason:
            rows += [_refused(cell, "discrimination", kind, reason) for kind in kinds]
            continue
        tests = [auc(cell.y, cell.p, cell.groups, at.level, threshold=at.thresholds["auc"])]
        if cell.scope.kind != "period":
            tests.append(gini(cell.y, cell.p, cell.groups, at.level))
            tests.append(ks(cell.y, cell.p, at.level, at.thresholds["ks"]))
        rows += [_row(cell, "discrimination", test) for test in tests]
        rows += _against_development(sample, cell, tests[0], at)
    return rows + _paired(sample, at)


def _against_development(sample: Sample, cell: Cell, current: TestResult, at: ValidationSpec) -> list[Row]:
    start = sample.development
    if start is None or cell.scope.kind != "split" or cell.scope.development:
        return []
    first = sample.cell(cell.model, start)
    reason = _too_few(first, at) or current.reason
    if reason:
        return [_refused(cell, "discrimination", INITIAL, reason)]
    initial = float(auc(first.y, first.p).estimate)
    test = auc_against_initial(
        initial, float(current.estimate), float(current.facts["se"]) ** 2, len(cell.y), at.thresholds["p_value"]
    )
    return [_row(cell, "discrimination", test)]


def _paired(sample: Sample, at: ValidationSpec) -> list[Row]:
    champion, *challengers = sample.probs
    rows = []
    for name in challengers:
        for scope in sample.scopes:
            if scope.kind == "period":
                continue
            ours, theirs = sample.cell(champion, scope), sample.cell(name, scope)
            label = {"scope": f"{champion} - {name} · {scope.label}", "model": name}
            reason = _too_few(ours, at)
            if reason:
                rows.append({**_refused(ours, "discrimination", PAIRED, reason), **label})
            else:
                test = delong(ours.y, ours.p, theirs.p, ours.groups, at.level)
                rows.append({**_row(ours, "discrimination", test), **label})
    return rows


def _calibration(sample: Sample, at: ValidationSpec) -> list[Row]:
    rows = []
    for cell in sample.cells("all", "split", "period"):
        tests = [calibration_in_the_large(cell.y, cell.p, cell.groups, at.level, at.thresholds["oe"])]
        if cell.scope.kind == "period":
            rows += [_row(cell, "calibration", test) for test in tests]
            continue
        tests.append(jeffreys(cell.bads, len(cell.y), float(cell.p.mean()), at.level, at.thresholds["p_value"]))
        tests.append(binomial(cell.bads, len(cell.y), float(cell.p.mean()), at.correlation, at.thresholds["p_value"]))
        tests.append(brier(cell.y, cell.p, cell.groups, at.grades, at.level))
        rows += [_row(cell, "calibration", test) for test in tests]
        rows += _approximate(cell, at)
        reason = _too_few(cell, at)
        slope = None if reason else cox(cell.y, cell.p, cell.groups, at.level, at.thresholds["slope"])
        rows.append(_refused(cell, "calibration", COX, reason) if slope is None else _row(cell, "calibration", slope))
        rows += _grades(cell, at)
    return rows


def _approximate(cell: Cell, at: ValidationSpec) -> list[Row]:
    """Tests that lean on the normal approximation, where enough is expected."""
    expected = float(cell.p.sum())
    least = min(expected, len(cell.p) - expected)
    if least < at.min_expected:
        reason = f"expected bads or goods {least:.3g} < {at.min_expected:g} 期望好坏样本数不足"
        return [_refused(cell, "calibration", kind, reason) for kind in (SPIEGELHALTER, HOSMER)]
    threshold = at.thresholds["p_value"]
    tests = [
        spiegelhalter(cell.y, cell.p, cell.groups, threshold),
        hosmer_lemeshow(cell.y, cell.p, at.grades, cell.scope.development, threshold),
    ]
    return [_row(cell, "calibration", test) for test in tests]


def _grades(cell: Cell, at: ValidationSpec) -> list[Row]:
    """The Jeffreys test of each PD grade of the scope, p-values corrected by Holm."""
    points = calibration_points(cell.y, cell.p, at.grades)
    N, D = points["n"].to_numpy(), points["defaults"].to_numpy()
    p = jeffreys_p(D, N, points["x"])
    adjusted = holm(p)
    lo, hi = rate_limits(D, N, at.level)
    threshold = at.thresholds["p_value"]
    common = _labels(cell, "calibration", GRADE) | {
        "threshold": f"Holm p: {threshold}",
        "level": at.level,
        "reason": "",
    }
    return [
        common
        | {
            "scope": f"{cell.name} · grade {i + 1}",
            "n": int(N[i]),
            "estimate": D[i] / N[i],
            "statistic": float(D[i]),
            "p_value": p[i],
            "p_adjusted": adjusted[i],
            "lo": lo[i],
            "hi": hi[i],
            "verdict": threshold.verdict(adjusted[i]),
        }
        for i in range(len(N))
    ]


def _stability(sample: Sample, bins: Mapping[str, Any], at: ValidationSpec) -> list[Row]:
    rows = []
    stored_earlier = any(stored and stored["earlier"] for stored in bins.values())
    for cell in sample.cells("all") if stored_earlier or sample.development is None else sample.cells("split"):
        stored = bins[cell.model]
        if stored is None:
            reason = "no development sample and no reference: name one in split, or pass reference 无开发样本或参照"
            rows.append(_refused(cell, "stability", PSI, reason))
        elif stored["earlier"] or not cell.scope.development:
            counts = _count(cell.p, stored["edges"])
            labels = [f"grade {i + 1}" for i in range(len(counts))]
            test = psi(stored["counts"], counts, labels=labels, threshold=at.thresholds["psi"])
            gone = test.facts["empty"]
            reason = f"empty now 现为空: {', '.join(gone)}" if gone else test.reason
            rows.append(_row(cell, "stability", test) | {"reason": reason})
    return rows


def _reference_bins(model: str, sample: Sample, reference: Any, at: ValidationSpec) -> Row | None:
    """PD grades and their counts: those of an earlier validation, else of the development sample, else none."""
    earlier = reference.reference if isinstance(reference, ValidationResult) else reference
    if earlier is not None:
        if not isinstance(earlier, Mapping):
            came = type(reference).__name__
            raise InputError(
                message("a ValidationResult or its reference", came, "reference", "Pass result.reference.")
            )
        stored = earlier.get(model)
        if stored is not None:
            edges, counts = list(stored["edges"]), list(stored["counts"])
            if len(counts) != len(edges) + 1:
                came = f"{len(edges)} edges and {len(counts)} counts"
                raise InputError(message("one count more than edges", came, "reference", "Pass it unchanged."))
            return {"edges": edges, "counts": counts, "earlier": True}
    start = sample.development
    if start is None:
        return None
    p = sample.probs[model][start.rows]
    edges = grade_edges(p, at.grades).tolist()
    return {"edges": edges, "counts": _count(p, edges).tolist(), "earlier": False}


def _count(p: np.ndarray, edges: list[float]) -> np.ndarray:
    return np.bincount(np.searchsorted(np.asarray(edges, dtype=float), p, side="left"), minlength=len(edges) + 1)


def _concentration(sample: Sample) -> list[Row]:
    if sample.groups is None:
        return []
    whole = sample.cell(next(iter(sample.probs)), sample.scopes[0])
    rows = [_row(whole, "concentration", hhi(np.bincount(sample.groups))) | {"scope": "all · rows by group"}]
    if sample.amount is not None:
        index = hhi(np.bincount(sample.groups, weights=sample.amount))
        rows.append(_row(whole, "concentration", index) | {"scope": "all · amount by group"})
    return rows


def _with_model(sample: Sample, frame: Any, predict: Any, refit: Any) -> list[Row]:
    given = {"frame": frame is not None, "predict": predict is not None, "refit": refit is not None}
    whole = sample.cell(next(iter(sample.probs)), sample.scopes[0])
    rows = []
    for kind, needs in WITH_MODEL:
        ready = all(given[name] for name in needs.split(", "))
        reason = "not built yet 尚未实现" if ready else f"needs the model: pass {needs} 需要模型：请提供 {needs}"
        rows.append(_refused(whole, "robustness", kind, reason))
    return rows


def _curves(sample: Sample, at: ValidationSpec) -> pd.DataFrame:
    parts = []
    for cell in sample.cells("all", "split"):
        points = calibration_points(cell.y, cell.p, at.grades, at.level).drop(columns="defaults")
        both = [points.assign(curve="calibration")]
        if 0 < cell.bads < len(cell.y):
            both.insert(0, roc_points(cell.y, cell.p, level=at.level).assign(curve="roc"))
        parts += [part.assign(model=cell.model, scope=cell.scope.label) for part in both]
    return pd.concat(parts, ignore_index=True)[["model", "scope", "curve", "x", "y", "lo", "hi", "n"]]


def _too_few(cell: Cell, at: ValidationSpec) -> str:
    goods = len(cell.y) - cell.bads
    if cell.bads < at.min_bads:
        return f"{cell.bads} bads < {at.min_bads} 坏样本不足"
    return f"{goods} goods < {at.min_goods} 好样本不足" if goods < at.min_goods else ""


def _labels(cell: Cell, section: str, kind: Kind) -> Row:
    split = cell.scope.label if cell.scope.kind == "split" else ""
    names = {"test_zh": kind.zh, "test_en": kind.en, "reference": kind.reference}
    return {"section": section, "id": kind.id, "scope": cell.name, "model": cell.model, "split": split, **names}


def _row(cell: Cell, section: str, test: TestResult) -> Row:
    row: Row = dict(test.row)
    split = cell.scope.label if cell.scope.kind == "split" else ""
    return {**row, "section": section, "scope": cell.name, "model": cell.model, "split": split}


def _refused(cell: Cell, section: str, kind: Kind, reason: str) -> Row:
    return {**_labels(cell, section, kind), "n": len(cell.y), "threshold": "", "verdict": INFO, "reason": reason}


def _facts(sample: Sample, table: pd.DataFrame) -> dict[str, Any]:
    colours = table["verdict"].value_counts()
    return {
        "n": len(sample.y),
        "bads": int(sample.y.sum()),
        "groups": 0 if sample.group_names is None else len(sample.group_names),
        "models": ", ".join(sample.probs),
        "tests": len(table),
        **{colour: int(colours.get(colour, 0)) for colour in ("red", "amber", "green", "info")},
        "not_estimated": int((table["reason"] != "").sum()),
    }
