"""Applying what was saved: scoring a table, a model as SQL, and testing a model or a foreign score on a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning import Binner
from creditlab.checks import check_columns, check_frame, check_one_of, check_prob, check_target
from creditlab.columns import Dictionary
from creditlab.config import StudyConfig
from creditlab.data import read_table
from creditlab.errors import InputError, message
from creditlab.explanation import explain, explanation_quality
from creditlab.files import whole_file, write_json, write_text
from creditlab.results import Result, digest
from creditlab.scorecard import Scorecard
from creditlab.study.flat import flat_table
from creditlab.study.models import load
from creditlab.study.outcome import harmless
from creditlab.study.splits import OUT_OF_TIME, split_rows
from creditlab.validation import validate

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
    DataFrame : row pd points and, where the model gives them, reason_1 … reason_3; index as in `frame`.
    """
    check_frame(frame, "table")
    check_columns(frame, model.feature_names_in_, "table")
    X = frame[list(model.feature_names_in_)]
    scores = pd.DataFrame({"row": np.arange(len(X))}, index=frame.index)
    scores["pd"] = model.predict_proba(X)[:, 1]
    scores["points"] = model.points(X)
    if hasattr(model, "reasons"):
        reasons = model.reasons(X, k=REASONS, lang=lang)
        scores = scores.join(reasons[[c for c in reasons.columns if c.startswith("reason")]])
    return scores


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


def validation_report(
    table: str | Path,
    out: str | Path,
    *,
    target: str,
    model: str | Path | None = None,
    pd: str | None = None,
    score: str | None = None,
    group: str | None = None,
    date: str | None = None,
    lang: str = "zh",
) -> Result:
    """Test a saved model, or a PD or score column of a model built elsewhere; write the report and its JSON beside it.

    Parameters
    ----------
    table : a table with the target and either the model's features or the column `pd` or `score`.
    out : the HTML file; the JSON gets the same name with the ending .json.
    score : a column where higher is safer; its PDs come from a logistic regression on the score, and the report's
        calibration then speaks of that fit.
    """
    from creditlab.report import render, validation_document

    given = [name for name, value in (("MODEL.json", model), ("--pd", pd), ("--score", score)) if value is not None]
    if len(given) != 1:
        raise InputError(
            message("one of MODEL.json, --pd and --score", f"{len(given)}", "validate", "Give exactly one.")
        )
    frame = read_table(table)
    y = _target(frame, target, str(table))
    fitted = None if model is None else load(model)
    prob = _prob(frame, y, fitted, pd, score)
    group_column = None if group is None else flat_table_group(frame, target, group)
    split = None
    if date is not None:
        parts = flat_table(frame, StudyConfig(target=target, date=date), "table")
        split = np.where(split_rows(y, date=parts.date) == OUT_OF_TIME, "late", "early")
    spec = None if split is None else {"development": "early"}
    result = validate(y, prob, split=split, groups=group_column, spec=spec)
    manifest = {"stamp": result.stamp.to_dict(), "table": digest(frame), "given": given[0]}
    about = {} if fitted is None else _about(fitted, frame, y)
    document = validation_document(result, Path(table).name, manifest, lang=lang, **about)
    write_text(out, render(document))
    write_json(Path(out).with_suffix(".json"), document.to_dict())
    return result


def _about(model: Any, frame: pd.DataFrame, y: np.ndarray) -> dict[str, Any]:
    """The parts of a report that need the model itself: its design, what moves its scores, how well that is told."""
    from creditlab.report.modelling_sections import booster_design, design, explanation_blocks
    from creditlab.report.opinion_blocks import opinion_blocks

    label = "card" if isinstance(model, Scorecard) else "challenger"
    labels = getattr(model, "dictionary", None) or Dictionary()
    X = frame[list(model.feature_names_in_)]
    explained = {label: explain(model, X)}
    section = design if isinstance(model, Scorecard) else booster_design
    tested = {f"quality_{label}": explanation_quality(model, X, y, refits=0, rows=500)}
    blocks = [*explanation_blocks(explained, labels), *opinion_blocks(tested)]
    return {"design": section(model.result_, labels), "more": {"explanation": blocks}}


def flat_table_group(frame: pd.DataFrame, target: str, group: str) -> np.ndarray:
    """The group of each row as text, missing ones apart."""
    parts = flat_table(frame, StudyConfig(target=target, group=group), "table")
    assert parts.group is not None
    return parts.group.to_numpy(dtype=object)


def _target(frame: pd.DataFrame, target: str, where: str) -> np.ndarray:
    check_frame(frame, where)
    check_columns(frame, [target], where)
    return check_target(frame[target], f"column '{target}' of {where}")


def _prob(frame: pd.DataFrame, y: np.ndarray, model: Any, pd_column: str | None, score: str | None) -> np.ndarray:
    if model is not None:
        return score_table(model, frame)["pd"].to_numpy()
    column = pd_column or score
    check_columns(frame, [column], "table")  # type: ignore[list-item]
    values = frame[column].to_numpy(dtype=float)
    if pd_column is not None:
        return check_prob(values, len(y), f"column '{pd_column}'")
    return _prob_of_score(values, y, str(score))


def _prob_of_score(values: np.ndarray, y: np.ndarray, name: str) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    if not np.isfinite(values).all():
        raise InputError(
            message(
                "a score in every row",
                f"{int((~np.isfinite(values)).sum())} rows without",
                f"column '{name}'",
                "Leave these rows out.",
            )
        )
    spread = values.std() or 1.0
    x = ((values - values.mean()) / spread).reshape(-1, 1)
    return LogisticRegression(C=1e6).fit(x, y).predict_proba(x)[:, 1]
