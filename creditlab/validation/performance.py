"""The sections of a validation that need outcomes and PDs only: discrimination, calibration, challengers.

Each function takes the checked sample and hands out lines. Which tests are made where is decided here, how they are
made is not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from creditlab.validation.benchmarks import challenge, mcnemar, profit
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
from creditlab.validation.curves import calibration_points
from creditlab.validation.discrimination import (
    AUC,
    GINI,
    INITIAL,
    KS,
    PAIRED,
    auc,
    auc_against_initial,
    auc_width_bound,
    delong,
    gini,
    ks,
)
from creditlab.validation.grade_order import HETEROGENEOUS, MONOTONE, heterogeneity, monotone_grades
from creditlab.validation.grades import GROUPED, JEFFREYS, binomial, grade_chi_square, jeffreys, jeffreys_p, rate_limits
from creditlab.validation.lines import Lines, too_few
from creditlab.validation.multiplicity import holm
from creditlab.validation.ranking import auc_between, auc_within, average_precision, h_measure, lift
from creditlab.validation.reliability import ICI, STUKEL, integrated_calibration, redelmeier, stukel
from creditlab.validation.result import Kind, TestResult
from creditlab.validation.scopes import Cell, Sample
from creditlab.validation.segments import oe_by_segment, village_funnel
from creditlab.validation.transfer import intraclass_correlation
from creditlab.validation.verdict import AMBER, GREEN, RED, ValidationSpec
from creditlab.validation.years import normal_years, traffic_light

GRADE = Kind(
    "cal.jeffreys_grade",
    "Jeffreys test by PD grade",
    "分级Jeffreys检验",
    f"{JEFFREYS.reference}; Holm 1979",
    JEFFREYS.hypothesis,
)
#: correlations of the assets under which the binomial test is read
CORRELATIONS = (0.0, 0.05, 0.10)
WIDE = "the interval of the AUC could be {:.2f} wide, above {:g} AUC区间过宽"


def discrimination(sample: Sample, at: ValidationSpec) -> Lines:
    """Does the score tell bad from good, in every sample; is it worse than at development; people or villages."""
    lines = Lines("discrimination", at)
    for cell in sample.cells("all", "split", "period"):
        reason = too_few(cell, at)
        period = cell.scope.kind == "period"
        if not reason and period and auc_width_bound(0.7, cell.bads, len(cell.y) - cell.bads, at.level) > at.widest_auc:
            reason = WIDE.format(auc_width_bound(0.7, cell.bads, len(cell.y) - cell.bads, at.level), at.widest_auc)
        if reason:
            for kind in (AUC,) if period else (AUC, GINI, KS):
                lines.refuse(cell, kind, reason)
            continue
        current = auc(cell.y, cell.p, cell.groups, at.level, threshold=at.thresholds["auc"])
        lines.add(cell, current)
        if not period:
            lines.add(cell, gini(cell.y, cell.p, cell.groups, at.level))
            lines.add(cell, ks(cell.y, cell.p, at.level, at.thresholds["ks"], cell.groups, at.draws))
            _against_development(lines, sample, cell, current)
            _further(lines, cell)
    _grade_order(lines, sample)
    return lines


def _against_development(lines: Lines, sample: Sample, cell: Cell, current: TestResult) -> None:
    start = sample.development
    if start is None or cell.scope.kind != "split" or cell.scope.development:
        return
    first = sample.cell(cell.model, start)
    reason = too_few(first, lines.at) or current.reason
    if reason:
        lines.refuse(cell, INITIAL, reason)
        return
    initial = float(auc(first.y, first.p).estimate)
    variance = float(current.facts["se"]) ** 2
    lines.add(
        cell,
        auc_against_initial(initial, float(current.estimate), variance, len(cell.y), lines.at.thresholds["p_value"]),
    )


def _further(lines: Lines, cell: Cell) -> None:
    """Measures with a bootstrap, and people against villages."""
    at = lines.at
    lines.add(cell, lift(cell.y, cell.p, level=at.level))
    for measure in (average_precision, h_measure):
        lines.add(cell, measure(cell.y, cell.p, groups=cell.groups, draws=at.draws, seed=at.seed, level=at.level))
    if cell.groups is not None:
        lines.add(cell, auc_within(cell.y, cell.p, cell.groups, at.level))
        lines.add(cell, auc_between(cell.y, cell.p, cell.groups, at.level))


def _grade_order(lines: Lines, sample: Sample) -> None:
    for cell in sample.cells("all", "split"):
        points = calibration_points(cell.y, cell.p, lines.at.grades)
        D, N = points["defaults"].to_numpy(), points["n"].to_numpy()
        if len(N) < 2:
            for kind in (MONOTONE, HETEROGENEOUS):
                lines.refuse(cell, kind, "one grade only 只有一个级别")
            continue
        lines.add(cell, monotone_grades(D, N, lines.at.thresholds["p_value"]))
        lines.add(cell, heterogeneity(D, N, 1 - lines.at.level))


def calibration(sample: Sample, at: ValidationSpec, segments: Any = None) -> Lines:
    """Are the PDs at the right level: in all, by grade, by period, by segment, by village."""
    lines = Lines("calibration", at)
    for cell in sample.cells("all", "split"):
        threshold = at.thresholds["p_value"]
        mean = float(cell.p.mean())
        lines.add(cell, calibration_in_the_large(cell.y, cell.p, cell.groups, at.level, at.thresholds["oe"]))
        lines.add(cell, jeffreys(cell.bads, len(cell.y), mean, at.level, threshold))
        for rho in sorted({*CORRELATIONS, at.correlation}):
            lines.add(cell, binomial(cell.bads, len(cell.y), mean, rho, threshold), f"{cell.name} · ρ = {rho:g}")
        lines.add(cell, traffic_light(cell.bads, len(cell.y), mean, at.correlation))
        lines.add(cell, brier(cell.y, cell.p, cell.groups, at.grades, at.level))
        _approximate(lines, cell)
        _shape(lines, cell)
        _grades(lines, cell)
    _periods(lines, sample)
    _segments(lines, sample, segments)
    return lines


def _shape(lines: Lines, cell: Cell) -> None:
    """Slope, bend and distance of the calibration curve."""
    at, reason = lines.at, too_few(cell, lines.at)
    y, p, villages = cell.y, cell.p, cell.groups
    lines.test(cell, COX, reason, lambda: cox(y, p, villages, at.level, at.thresholds["slope"]))
    lines.test(cell, STUKEL, reason, lambda: stukel(y, p, at.thresholds["p_value"]))
    lines.test(cell, ICI, reason, lambda: integrated_calibration(y, p, villages, 4, at.draws, at.seed, at.level))


def _approximate(lines: Lines, cell: Cell) -> None:
    """Tests that lean on the normal approximation, where enough is expected."""
    at = lines.at
    expected = float(cell.p.sum())
    least = min(expected, len(cell.p) - expected)
    if least < at.min_expected:
        reason = f"expected bads or goods {least:.3g} < {at.min_expected:g} 期望好坏样本数不足"
        for kind in (SPIEGELHALTER, HOSMER, GROUPED):
            lines.refuse(cell, kind, reason)
        return
    threshold = at.thresholds["p_value"]
    lines.add(cell, spiegelhalter(cell.y, cell.p, cell.groups, threshold))
    lines.add(cell, hosmer_lemeshow(cell.y, cell.p, at.grades, cell.scope.development, threshold))
    points = calibration_points(cell.y, cell.p, at.grades)
    lines.add(cell, grade_chi_square(points["n"], points["defaults"], points["x"], False, threshold))


def _grades(lines: Lines, cell: Cell) -> None:
    """The Jeffreys test of each PD grade of the scope, p-values corrected by Holm."""
    at = lines.at
    points = calibration_points(cell.y, cell.p, at.grades)
    N, D = points["n"].to_numpy(), points["defaults"].to_numpy()
    p = jeffreys_p(D, N, points["x"])
    adjusted = holm(p)
    lo, hi = rate_limits(D, N, at.level)
    threshold = at.thresholds["p_value"]
    common = GRADE.words() | {
        "section": lines.section,
        "model": cell.model,
        "level": at.level,
        "reason": "",
        "threshold": f"Holm p: {threshold}",
        "split": cell.scope.label if cell.scope.kind == "split" else "",
    }
    lines.rows += [
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


def _periods(lines: Lines, sample: Sample) -> None:
    """O/E by period, coloured after Holm over the periods; from three periods on, the test of the periods together."""
    at = lines.at
    for model in sample.probs:
        cells = [sample.cell(model, scope) for scope in sample.scopes if scope.kind == "period"]
        tests = [calibration_in_the_large(cell.y, cell.p, cell.groups, at.level, at.thresholds["oe"]) for cell in cells]
        p = np.array([float(test.p_value) for test in tests])
        adjusted = p.copy()
        adjusted[~np.isnan(p)] = holm(p[~np.isnan(p)])
        for cell, test, value in zip(cells, tests, adjusted, strict=True):
            idle = not value < 1 - at.level and test.verdict in (AMBER, RED)
            lines.add(
                cell,
                test,
                p_adjusted=value,
                **({"verdict": GREEN} if idle else {}),
                threshold=f"{test.threshold}; p (holm) < {1 - at.level:.2g}",
            )
        if len(cells) >= 3:
            whole = sample.cell(model, sample.scopes[0])
            rates, pds = [float(c.y.mean()) for c in cells], [float(c.p.mean()) for c in cells]
            lines.add(whole, normal_years(rates, pds, at.thresholds["p_value"]), f"{whole.name} · {len(cells)} periods")


def _segments(lines: Lines, sample: Sample, segments: Any) -> None:
    for model in sample.probs:
        whole = sample.cell(model, sample.scopes[0])
        if segments is not None:
            for name in segments.columns:
                labels = segments[name].astype(object).where(segments[name].notna(), "missing 缺失").map(str)
                lines.add(
                    whole,
                    oe_by_segment(
                        whole.y, whole.p, labels, whole.groups, lines.at.level, threshold=lines.at.thresholds["oe"]
                    ),
                    f"{whole.name} · {name}",
                )
        if whole.groups is not None and sample.group_names is not None:
            names = np.asarray(sample.group_names, dtype=object)[whole.groups]
            lines.add(whole, village_funnel(whole.y, whole.p, names, lines.at.level))
            lines.add(
                whole, intraclass_correlation(whole.y - whole.p, whole.groups, lines.at.level), f"{whole.name} · y - PD"
            )


def challengers(sample: Sample, at: ValidationSpec) -> Lines:
    """The champion against each challenger on the same rows: order, level, decisions, money."""
    lines = Lines("discrimination", at)
    champion, *others = sample.probs
    for name in others:
        for scope in sample.scopes:
            if scope.kind == "period":
                continue
            ours, theirs = sample.cell(champion, scope), sample.cell(name, scope)
            label: dict[str, Any] = {"scope": f"{champion} - {name} · {scope.label}", "model": name}
            reason = too_few(ours, at)
            if reason:
                lines.refuse(ours, PAIRED, reason, **label)
                continue
            money = None if sample.amount is None else sample.amount[scope.rows]
            tests = [
                delong(ours.y, ours.p, theirs.p, ours.groups, at.level),
                challenge(ours.y, ours.p, theirs.p, ours.groups, at.level),
                redelmeier(ours.y, ours.p, theirs.p, ours.groups, at.level),
                mcnemar(ours.y, ours.p, theirs.p, at.approval),
                profit(ours.y, ours.p, theirs.p, money, at.margin, at.lgd, at.approval, ours.groups, at.level),
            ]
            for test in tests:
                lines.add(ours, test, **label)
    for line in lines.rows:
        line["section"] = "discrimination" if line["id"] == PAIRED.id else "challengers"
    return lines
