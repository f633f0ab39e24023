"""The second opinion: two models side by side, the quality of their explanations, what the card misses, departments.

Both studies call it after the models are explained. Each part is a result of `explanation` or `departments`; a part
that the data do not carry is left out. It fits nothing: models, explanations and cross-fits are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from creditlab.errors import InputError
from creditlab.explanation import compare, explanation_quality, what_the_card_misses
from creditlab.results import Result
from creditlab.study.crossfit import CrossFit
from creditlab.study.departments import value_of_fit

#: rows on which the quality of explanations is tested, beside additivity, which is tested on all
ROWS = 500


def second_opinion(
    models: Mapping[str, Any], explanations: Mapping[str, Any], X: pd.DataFrame, y: np.ndarray, groups: Any, *,
    held_out: bool, fit: CrossFit | None = None, outcome: Any = None, villages: Any = None,
    dictionary: Any = None, seed: int = 0,
) -> dict[str, Result]:  # fmt: skip
    """The parts by name: comparison, quality_card, quality_challenger, missed, departments.

    Parameters
    ----------
    models, explanations : of 'card' and 'challenger'; X, y, groups : the rows that were explained.
    held_out : whether the models were fitted on other rows; only then can it be said what the card misses.
    fit, outcome, villages : cross-fitted contributions with the outcomes and villages of their rows; dictionary : the
        declared columns; without them the departments are left out.
    """
    card, booster = models["card"], models["challenger"]
    parts: dict[str, Result] = {}
    rows = X.set_axis(pd.RangeIndex(len(X)))
    if X.index.is_unique:
        parts["comparison"] = compare(explanations["card"], explanations["challenger"], groups)
    for label, other in (("card", booster), ("challenger", card)):
        parts[f"quality_{label}"] = explanation_quality(
            models[label], rows, y, groups, other=other, dictionary=dictionary, refits=0, rows=ROWS, seed=seed
        )
    if held_out:
        with suppress(InputError):  # no feature in common: there is nothing to compare
            parts["missed"] = what_the_card_misses(card, booster, rows, y, groups)
    if fit is not None and fit.contributions is not None and dictionary:
        with suppress(InputError):  # fewer than two sources, or more than can be valued
            parts["departments"] = value_of_fit(fit, outcome, villages, dictionary)
    return parts
