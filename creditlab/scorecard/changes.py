"""What may be changed in a fitted card: points by hand, the calibration of its PD. Each change gives a new card.

`Scorecard` inherits these methods; `layers` does the work on results. What was measured before a change no longer holds
and goes: `measured` measures again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import clone

from creditlab.checks import check_one_of, check_target, check_weights
from creditlab.errors import InputError, message
from creditlab.estimators import check_fitted, names_of, read_frame
from creditlab.results import digest, made_at
from creditlab.scorecard.calibration import METHODS
from creditlab.scorecard.edits import PointEdit, PointEditor, edit_cost
from creditlab.scorecard.layers import calibration_facts, find_calibration, unedited, with_calibration, with_edits
from creditlab.scorecard.result import ScorecardResult


class Changes:
    """The methods `edit`, `edited`, `without_edits`, `calibrate` of a model whose `result_` is a `ScorecardResult`."""

    result_: ScorecardResult
    edits: Sequence[PointEdit]

    if TYPE_CHECKING:

        def _log_odds(self, frame: pd.DataFrame) -> np.ndarray: ...

        def _restore(self, features: list[str], named: bool, result: Any) -> Self: ...

    def edit(self, feature: str, *, author: str = "", held_out: tuple[Any, Any] | None = None) -> PointEditor:
        """An editor of one feature's points: `.points(bin, points, reason=…)` gives a new card.

        Parameters
        ----------
        feature : a feature of the card. author : who edits.
        held_out : (X, y) rows on which the cost (AUC, log-loss, mean points, decisions) is measured.
        """
        check_fitted(self)
        return PointEditor(self, feature, author, held_out, made_at())  # type: ignore[arg-type]

    def edited(self, edit: PointEdit, held_out: tuple[Any, Any] | None = None) -> Self:
        """This card with one more edit; the cost is measured on the held-out rows."""
        check_fitted(self)
        fresh = self._with_result(with_edits(self.result_, (edit,)), (*self.edits, edit))
        if held_out is None:
            return fresh
        X, y = held_out
        cost = edit_cost(self, fresh, X, check_target(y, "held_out", len(X)))
        measured = replace(edit, cost=cost)
        kept = replace(fresh.result_, edits=(*fresh.result_.edits[:-1], measured))
        return self._with_result(kept, (*self.edits, measured))

    def without_edits(self) -> Self:
        """This card as the model gave it.

        Raises
        ------
        InputError : for a card that was calibrated too: take the one from before.
        """
        check_fitted(self)
        if self.result_.edits and self.result_.calibration:
            raise InputError(
                message("a card that was not calibrated", "one that was", "without_edits", "Take the one from before.")
            )
        result = replace(self.result_, shifts=unedited(self.result_), edits=())
        return self._with_result(result, ())

    def calibrate(
        self,
        X: Any,
        y: Any = None,
        method: str = "platt",
        *,
        target_rate: float | None = None,
        sample_weight: Any = None,
        log_odds: Any = None,
    ) -> Self:
        """A new card whose PD is calibrated on these rows; the card itself stays as it is.

        Parameters
        ----------
        X, y : rows that the card was not fitted on, as a rule. With a `target_rate` no outcomes are needed.
        method : 'intercept' shifts all log-odds so that the mean PD is `target_rate` (None: the bad rate of `y`);
            'platt' takes the line of the log-odds that fits best; 'isotonic' a rising step line, which bends the PD and
            leaves the points. The first two change points too: the scale's odds hold again.

        log_odds : of these rows by models that never saw them (`creditlab.cross_fit`); then the rows that the card was
            fitted on can calibrate it honestly. None takes the card's own.

        `result_.calibration` tells what was done, with log-loss and mean PD before and after.
        """
        frame = read_frame(self, X)
        check_one_of(method, METHODS, "method")
        weight = check_weights(sample_weight, len(frame))
        bad = None if y is None else check_target(y, "y", len(frame), both=method != "intercept").astype(float)
        if bad is None and (method != "intercept" or target_rate is None):
            raise InputError(message("outcomes", "None", "y", "Give y, or method='intercept' with a target_rate."))
        before = self.result_.calibrated(self._log_odds(frame)) if log_odds is None else _finite(log_odds, len(frame))
        found = find_calibration(method, before, bad, weight, target_rate)
        fresh = self._with_result(with_calibration(self.result_, found), self.edits)
        facts = calibration_facts(method, found, before, bad, weight)
        steps = [*self.result_.calibration.get("steps", ()), facts]
        return fresh._with_result(replace(fresh.result_, calibration={"steps": steps}), self.edits)

    def _with_result(self, result: ScorecardResult, edits: Sequence[PointEdit]) -> Self:
        """This card with another result; what was measured before no longer holds and goes."""
        stamp = replace(result.stamp, spec=digest(result.stamp.spec, result.layers()))
        facts = {name: value for name, value in result.facts.items() if not name.startswith("rounding")}
        result = replace(result, stamp=stamp, facts=facts, performance=pd.DataFrame()).prepared()
        fresh = clone(self).set_params(edits=tuple(edits))
        return fresh._restore(names_of(self), hasattr(self, "feature_names_in_"), result)


def _finite(log_odds: Any, n: int) -> np.ndarray:
    values = np.asarray(log_odds, dtype=float).reshape(-1)
    if len(values) != n or not np.isfinite(values).all():
        raise InputError(message(f"{n} finite log-odds", f"{len(values)} values", "log_odds", "Align them with X."))
    return values
