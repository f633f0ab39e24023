"""Applying what was saved: scoring a table, and a model as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning import Binner
from creditlab.checks import check_columns, check_frame, check_one_of
from creditlab.errors import InputError, message
from creditlab.explanation import explain
from creditlab.files import whole_file
from creditlab.scorecard import Scorecard
from creditlab.study.outcome import harmless

#: reasons written beside each score
REASONS = 3


def score_table(model: Any, frame: pd.DataFrame, lang: str = "zh") -> pd.DataFrame:
    """Points, PD and reasons of each row.

    Parameters
    ----------
    model : a fitted `Scorecard` or `Challenger`.
    frame : rows × at least the features of the model.

    Returns
    -------
    DataFrame : row pd points reason_1 … reason_3, the same sentences for card and booster; index as in `frame`.
    """
    check_frame(frame, "table")
    check_columns(frame, model.feature_names_in_, "table")
    X = frame[list(model.feature_names_in_)]
    scores = pd.DataFrame({"row": np.arange(len(X))}, index=frame.index)
    scores["pd"] = model.predict_proba(X)[:, 1]
    scores["points"] = model.points(X)
    if hasattr(model, "reasons"):
        reasons = model.reasons(X, k=REASONS, lang=lang)
    else:  # the same sentences, from the exact contributions of the trees
        reasons = explain(model, X).reasons(REASONS, lang)
    return scores.join(reasons[[c for c in reasons.columns if c.startswith("reason")]])


def write_scores(scores: pd.DataFrame, path: str | Path) -> None:
    """Write scores as Parquet or CSV by the file's ending, whole or not at all."""
    ending = check_one_of(Path(path).suffix.lower(), (".parquet", ".csv"), f"ending of {path}")
    with whole_file(path) as draft:
        if ending == ".parquet":
            scores.to_parquet(draft, index=False)
        else:
            harmless(scores).to_csv(draft, index=False, encoding="utf-8-sig", lineterminator="\n")


def model_sql(model: Any, dialect: str, *, table: str = "t", keep: Sequence[str] = (), parts: bool = False) -> str:
    """A scorecard as a SELECT of points, or a binner as a SELECT of WOE.

    Raises
    ------
    InputError : for a model that is no sum over bins, or a dialect that is not known.
    """
    if isinstance(model, Binner):
        return model.to_sql(table, dialect, keep=keep)
    if isinstance(model, Scorecard):
        return model.to_sql(dialect, table, keep=keep, parts=parts)
    raise InputError(message("a scorecard or a binner", type(model).__name__, "model", "Give the card's model.json."))
