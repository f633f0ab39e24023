"""A whole source as one player: exact Shapley values of groups of features, beside the sums of their features' values.

Both divide the same log-odds. They agree for a card, and for trees unless three or more features of different sources
act together unevenly; the gap says how much the way of grouping matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.challenger import Challenger, count_patterns
from creditlab.columns import Column
from creditlab.errors import InputError, message
from creditlab.estimators import read_frame
from creditlab.explanation.explanation import Explanation, check_additive, source_numbers
from creditlab.explanation.routes import exact_values, explain
from creditlab.results import Result, Stamp


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PlayerValues(Result):
    """Sources as players beside sums over their features.

    `tidy()` has a row per source: `source features mean_abs_player mean_abs_sum gap_mean gap_max`; gaps are of the
    absolute differences between the two, in log-odds.

    Parameters
    ----------
    players : rows × sources, each source one player. sums : `Explanation.by_source()` of the same rows.
    """

    title: ClassVar[str] = "Sources as players 以来源为参与者"

    players: pd.DataFrame
    sums: Explanation


def explain_players(
    model: Any, X: Any, dictionary: Mapping[str, Column] | None = None, background: Any = None
) -> PlayerValues:
    """Exact Shapley values with each source as one player, for all rows, and how far sums of features are from them.

    Parameters
    ----------
    model : a fitted card or booster. X : raw rows.
    dictionary : declared columns with their sources; None takes those that the model was fitted with.
    background : as in `explain`.

    Raises
    ------
    InputError : for a booster of an older file, which has no counted background, when none is given.
    FitError : when the values do not add up on every row.
    """
    e = explain(model, X, background=background)
    sums = e.by_source(dictionary)
    declared = e.labels if dictionary is None else dictionary
    owner, order = source_numbers(list(e.values.columns), declared)
    if isinstance(model, Challenger):
        values = _trees(model, X, background, owner)
        check_additive(values, e.base_value, model.decision_function(X), "trees")
    else:
        values = sums.values.to_numpy()
    players = pd.DataFrame(values, index=e.values.index, columns=order)
    gap = (players - sums.values).abs()
    table = pd.DataFrame(
        {
            "source": pd.Series(order, dtype="str"),
            "features": np.bincount(owner, minlength=len(order)),
            "mean_abs_player": players.abs().mean().to_numpy(),
            "mean_abs_sum": sums.values.abs().mean().to_numpy(),
            "gap_mean": gap.mean().to_numpy(),
            "gap_max": gap.max().to_numpy(),
        }
    )
    facts = {"rows": len(players), "sources": len(order), "gap_max": float(gap.to_numpy().max(initial=0.0))}
    stamp = Stamp.of([players, sums.values], {"model": e.model, "background": e.background})
    return PlayerValues(table=table, stamp=stamp, facts=facts, players=players, sums=sums)


def _trees(model: Challenger, X: Any, background: Any, owner: np.ndarray) -> np.ndarray:
    result = model.result_
    if background is None and result.background is None:
        raise InputError(
            message("a counted background", "none in this model file", "explain_players", "Pass background=.")
        )
    rows = None if background is None else result.design(read_frame(model, background))
    counted = result.background if rows is None else count_patterns(result.trees, rows)
    # a companion of special codes belongs to its column, the column to its source
    values, _ = exact_values(result, result.design(read_frame(model, X)), counted, owner[result.players])
    full = np.zeros((len(values), int(owner.max()) + 1))
    full[:, : values.shape[1]] = values
    return result.recalibrated[1] * full
