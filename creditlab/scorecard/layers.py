"""What is laid over a fitted card: points set by hand, a calibration, the scale that its ends ask for.

Each function takes a result and gives a new one, of which points, PD, reasons and exports are again one model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from creditlab.errors import InputError, message, some
from creditlab.estimators import expit
from creditlab.scaling import Scale, Span
from creditlab.scorecard.calibration import Knots, isotonic, platt, shift_to_rate
from creditlab.scorecard.edits import PointEdit, bin_number
from creditlab.scorecard.result import INTERCEPT, ScorecardResult


def with_edits(result: ScorecardResult, edits: Iterable[PointEdit]) -> ScorecardResult:
    """The result with points set by hand, one edit after the other.

    Raises
    ------
    InputError : when the feature is not in the card, or has no bin of that label (after a refit on other rows).
    """
    for edit in edits:
        if edit.feature not in result.features:
            raise InputError(
                message(
                    f"the feature of the edit, '{edit.feature}', in the card",
                    f"features {some(result.features, 8)}",
                    "edits",
                    "Force the feature in (Select(force_in=...)), or drop the edit.",
                )  # fmt: skip
            )
        labels = result.bin_labels(edit.feature)
        number = bin_number(labels, edit.bin)
        if number is None:
            raise InputError(
                message(
                    f"the bin '{edit.bin}' of '{edit.feature}'",
                    f"bins {some(labels, 12)}",
                    "edits",
                    "Fix the cuts of this column by an edit of the binner, or set its points again.",
                )  # fmt: skip
            )
        now = result.exact_points()[1][edit.feature]
        shift = np.array(result.shifts.get(edit.feature, np.zeros(len(now))), dtype=float)
        shift[number] -= (edit.points - now[number]) / result.scale.factor
        moves = {name: np.array(values) for name, values in result.moves.items()}
        if edit.feature in moves:  # what a person set is not rounded elsewhere
            moves[edit.feature][number] = 0
        shifts = {**result.shifts, edit.feature: shift}
        result = replace(result, shifts=shifts, moves=moves, edits=(*result.edits, edit))
    return result


def unedited(result: ScorecardResult) -> dict[str, np.ndarray]:
    """The shifts without what the edits added: the first edit of a bin knows what was there before."""
    shifts = {name: np.array(values, dtype=float) for name, values in result.shifts.items()}
    seen = set()
    for edit in result.edits:
        if (edit.feature, edit.bin) in seen or edit.points_before is None:
            continue
        seen.add((edit.feature, edit.bin))
        number = result.bin_labels(edit.feature).index(edit.bin)
        now = result.exact_points()[1][edit.feature][number]
        shifts[edit.feature][number] += (now - edit.points_before) / result.scale.factor
    return {name: values for name, values in shifts.items() if np.abs(values).max() > 1e-12}


def spanned(span: Span, result: ScorecardResult) -> Scale:
    """The scale whose ends are the riskiest and the safest sum of bins."""
    worst = best = result.intercept
    for effects in result.effects_by_bin.values():
        worst, best = worst + effects.max(), best + effects.min()
    return span.scale(float(worst), float(best))


@dataclass(frozen=True)
class Line:
    """Calibrated log-odds = intercept + slope · log-odds."""

    intercept: float
    slope: float

    def apply(self, log_odds: np.ndarray) -> np.ndarray:
        """Calibrated log-odds."""
        return self.intercept + self.slope * log_odds


def find_calibration(
    method: str, log_odds: np.ndarray, bad: np.ndarray | None, weight: np.ndarray, target_rate: float | None
) -> Line | Knots:
    """The calibration that rows of these log-odds ask for; see `Scorecard.calibrate`."""
    if bad is None and method != "intercept":
        raise InputError(message("outcomes", "None", "y", "Give y."))
    if method == "isotonic":
        return isotonic(log_odds, bad, weight)  # type: ignore[arg-type]
    if method == "platt":
        return Line(*platt(log_odds, bad, weight))  # type: ignore[arg-type]
    rate = float(weight @ bad / weight.sum()) if target_rate is None and bad is not None else target_rate
    return Line(shift_to_rate(log_odds, rate, weight), 1.0)  # type: ignore[arg-type]


def with_calibration(result: ScorecardResult, found: Line | Knots) -> ScorecardResult:
    """The result after a calibration."""
    if isinstance(found, Knots):
        return replace(result, knots=found if result.knots is None else _chained(result.knots, found))
    if result.knots is not None:
        raise InputError(
            message(
                "a card without an isotonic calibration",
                "one that has it",
                "calibrate",
                "Calibrate the card as it was before, or take 'isotonic' again.",
            )  # fmt: skip
        )
    return _line(result, found.intercept, found.slope)


def _chained(first: Knots, second: Knots) -> Knots:
    """One bend after another, exact at the knots of both."""
    back = np.interp(second.log_odds, first.calibrated, first.log_odds)
    ends = np.asarray(second.log_odds)
    back = back + np.minimum(ends - first.calibrated[0], 0) + np.maximum(ends - first.calibrated[-1], 0)
    at = np.unique(np.concatenate([first.log_odds, back]))
    return Knots(tuple(at.tolist()), tuple(second.apply(first.apply(at)).tolist()))


def _line(result: ScorecardResult, a: float, b: float) -> ScorecardResult:
    """The model with log-odds a + b · (its log-odds): intercept, coefficients, limits and covariance."""
    table = result.table.copy()
    steps = table["coef"].to_numpy() * b
    steps[table["feature"].to_numpy() == INTERCEPT] += a
    table["coef"] = steps
    table["se"] = table["se"] * b
    for side in [name for name in ("unshrunk", "lo", "hi") if name in table]:
        table[side] = table[side] * b
        table.loc[table["feature"] == INTERCEPT, side] += a
    selection = result.selection.copy()
    selection["coef"] = selection["coef"] * b
    base = {name: np.asarray(values) * b for name, values in result.shifts.items()}
    return replace(result, table=table, selection=selection, covariance=result.covariance * b**2, shifts=base, moves={},
                   bin_se={name: np.asarray(values) * abs(b) for name, values in result.bin_se.items()})  # fmt: skip


def calibration_facts(
    method: str, found: Line | Knots, before: np.ndarray, bad: np.ndarray | None, weight: np.ndarray
) -> dict[str, Any]:
    """What a calibration did on its rows: mean PD and, with outcomes, log-loss, before and after."""
    total = float(weight.sum())
    facts: dict[str, Any] = {"method": method, "n": total}
    if isinstance(found, Line):
        facts |= {"intercept": found.intercept, "slope": found.slope}
    for name, eta in (("before", before), ("after", found.apply(before))):
        facts[f"mean_pd_{name}"] = float(weight @ expit(eta) / total)
        if bad is not None:
            facts[f"log_loss_{name}"] = float(-(weight @ (bad * eta - np.logaddexp(0.0, eta))) / total)
    return facts if bad is None else facts | {"bad_rate": float(weight @ bad / total)}
