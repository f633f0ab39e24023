"""Validations of a table from files: which column is what, PDs of saved models or of models built elsewhere, reports.

The roles of the columns go into the report's manifest, so that `recheck`, `monitor` and the next validation read the
table in the same way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_columns, check_frame, check_prob, check_target
from creditlab.columns import Dictionary
from creditlab.config import StudyConfig
from creditlab.data import read_table
from creditlab.errors import InputError, UnreadableError, message
from creditlab.explanation import explain, explanation_quality
from creditlab.files import write_json, write_text
from creditlab.results import digest
from creditlab.scorecard import Scorecard
from creditlab.study.apply import score_table
from creditlab.study.flat import flat_table
from creditlab.study.models import load
from creditlab.study.splits import OUT_OF_TIME, split_rows
from creditlab.validation import ValidationResult, ValidationSpec, monitor, validate

PERIODS = {"year": "Y", "quarter": "Q", "month": "M"}


@dataclass(frozen=True)
class Roles:
    """Which column of a table is what.

    Parameters
    ----------
    target : 0/1. pd, score : PD, or score (higher = safer), of a model built elsewhere.
    challengers : further columns of PDs. group : villages. date : gives early and late rows. period : year, quarter or
        month of the date. split : sample of each row. amount : balance. segments, protected : columns to judge by.
    """

    target: str
    pd: str | None = None
    score: str | None = None
    challengers: tuple[str, ...] = ()
    group: str | None = None
    date: str | None = None
    period: str | None = None
    split: str | None = None
    amount: str | None = None
    segments: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("challengers", "segments", "protected"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.period is not None and (self.period not in PERIODS or self.date is None):
            raise InputError(
                message("year, quarter or month, and a date column", repr(self.period), "period", "Name the date.")
            )
        if self.split is not None and self.date is not None and self.period is None:
            fix = "Give split, or date; both only with a period."
            raise InputError(message("one way to cut samples", "split and date", "validate", fix))

    def columns(self) -> list[str]:
        """All columns that are named."""
        single = (self.target, self.pd, self.score, self.group, self.date, self.split, self.amount)
        return [c for c in (*single, *self.challengers, *self.segments, *self.protected) if c is not None]


@dataclass(frozen=True)
class Rows:
    """The rows of a table as `validate` takes them, and how a score became a PD."""

    arguments: Mapping[str, Any]
    spec: ValidationSpec
    score_map: Mapping[str, float] | None


def read_rows(
    frame: pd.DataFrame,
    roles: Roles,
    models: Mapping[str, Any],
    spec: Any = None,
    score_map: Any = None,
    both: bool = True,
) -> Rows:
    """Check the named columns and take the table apart.

    Parameters
    ----------
    models : name → fitted model, the champion first; empty for a model built elsewhere.
    score_map : intercept and slope of the log-odds on the score, of an earlier run; None fits them here.
    both : goods and bads must be there; a quarter may have no default.
    """
    check_frame(frame, "table")
    check_columns(frame, roles.columns(), "table")
    y = check_target(frame[roles.target], f"column '{roles.target}'", both=both)
    prob: dict[str, np.ndarray] = {n: score_table(m, frame)["pd"].to_numpy() for n, m in models.items()}
    if roles.pd is not None:
        prob[roles.pd] = _numbers(frame, roles.pd)
    elif roles.score is not None:
        score_map = score_map or fit_score(_numbers(frame, roles.score), y)
        prob[roles.score] = pd_of_score(_numbers(frame, roles.score), score_map)
    for name in roles.challengers:
        prob[name] = _numbers(frame, name)
    prob = {name: check_prob(p, len(y), f"PDs '{name}'") for name, p in prob.items()}
    at = ValidationSpec.of(spec)
    split, period = _samples(frame, roles, y)
    if split is not None and roles.split is None and at.development is None:
        at = replace(at, development="early")
    champion = next(iter(models.values()), None)
    arguments: dict[str, Any] = {
        "y": y,
        "prob": prob if len(prob) > 1 else next(iter(prob.values())),
        "groups": None if roles.group is None else _groups(frame, roles),
        "split": split,
        "period": period,
        "amount": None if roles.amount is None else _numbers(frame, roles.amount),
        "segments": frame[list(roles.segments)] if roles.segments else None,
        "protected": frame[list(roles.protected)] if roles.protected else None,
    }
    if champion is not None:
        arguments |= {
            "frame": frame[list(champion.feature_names_in_)].reset_index(drop=True),
            "predict": lambda part: champion.predict_proba(part)[:, 1],
        }
    return Rows(arguments, at, score_map)


def _samples(frame: pd.DataFrame, roles: Roles, y: np.ndarray) -> tuple[Any, Any]:
    days = None if roles.date is None else flat_table(frame, StudyConfig(target=roles.target, date=roles.date)).date
    period = None
    if roles.period is not None and days is not None:
        period = days.dt.to_period(PERIODS[roles.period]).astype(str).to_numpy(dtype=object)
    if roles.split is not None:
        return frame[roles.split].astype(str).to_numpy(dtype=object), period
    if days is None or days.nunique() < 2:
        return None, period
    return np.where(split_rows(y, date=days) == OUT_OF_TIME, "late", "early"), period


def _groups(frame: pd.DataFrame, roles: Roles) -> np.ndarray:
    # the outcome is not looked at here, and a quarter may have one class: a target of both stands in
    stand_in = frame.assign(**{roles.target: np.arange(len(frame)) % 2})
    parts = flat_table(stand_in, StudyConfig(target=roles.target, group=roles.group))
    assert parts.group is not None
    return parts.group.to_numpy(dtype=object)


def _numbers(frame: pd.DataFrame, column: str) -> np.ndarray:
    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    wrong = ~np.isfinite(values)
    if wrong.any():
        rows = ", ".join(map(str, np.flatnonzero(wrong)[:3]))
        came = f"{int(wrong.sum())} rows without one (rows {rows})"
        raise InputError(message("a number in every row", came, f"column '{column}'", "Leave these rows out."))
    return values


def fit_score(score: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Intercept and slope of the log-odds of bad on a score; what is stored beside a report for the next run."""
    from sklearn.linear_model import LogisticRegression

    centre, spread = float(score.mean()), float(score.std()) or 1.0
    fit = LogisticRegression(C=1e6, tol=1e-10, max_iter=1000).fit(((score - centre) / spread).reshape(-1, 1), y)
    slope = float(fit.coef_[0, 0]) / spread
    return {"intercept": float(fit.intercept_[0]) - slope * centre, "slope": slope}


def pd_of_score(score: np.ndarray, stored: Mapping[str, float]) -> np.ndarray:
    """PDs of scores by a stored intercept and slope."""
    return np.asarray(1 / (1 + np.exp(-np.clip(stored["intercept"] + stored["slope"] * score, -700, 700))))


def validation_report(
    table: str | Path,
    out: str | Path,
    *,
    target: str,
    model: Any = None,
    lang: str = "zh",
    spec: str | Path | None = None,
    reference: str | Path | None = None,
    also: Sequence[str] = (),
    **roles: Any,
) -> ValidationResult:
    """Test saved models, or PD or score columns of models built elsewhere; write the report and its JSON beside it.

    Parameters
    ----------
    table : a table with the target and either the models' features or the column `pd` or `score`.
    out : the HTML file; the JSON gets the same name with the ending .json.
    model : the path of a model.json, or several: the champion first, then challengers.
    spec : a TOML file with the bank's thresholds (see `ValidationSpec`). reference : an earlier report.json.
    also : 'xlsx' and 'docx': the report as a workbook and as a Word document beside the page, under its name.
    roles : further columns by their role, see `Roles`. A score's PDs come from a logistic regression on it, and the
        report's calibration then speaks of that fit.
    """
    frame = read_table(table)
    named = Roles(target=target, **roles)
    paths = [] if model is None else [model] if isinstance(model, str | Path) else list(model)
    given = [w for w, there in (("MODEL.json", paths), ("--pd", named.pd), ("--score", named.score)) if there]
    if len(given) != 1:
        raise InputError(
            message("one of MODEL.json, --pd and --score", f"{len(given)}", "validate", "Give exactly one.")
        )
    earlier = None if reference is None else read_report(reference)
    models = load_models(paths)
    rows = read_rows(frame, named, models, spec, (earlier or {}).get("manifest", {}).get("score_map"))
    result = validate(**rows.arguments, reference=(earlier or {}).get("reference") or None, spec=rows.spec)
    manifest = manifest_of(result, frame, named, rows, models, given[0])
    y = rows.arguments["y"]
    write_validation(result, Path(table).name, manifest, out, lang, models, frame, y, earlier, also=also)
    return result


def load_models(paths: list[Any]) -> dict[str, Any]:
    """Name → model; the name is that of the file, or of its folder where files are all called model.json."""
    names = [Path(p).stem if Path(p).stem != "model" else Path(p).resolve().parent.name for p in paths]
    if len(set(names)) < len(names):
        names = [f"{name} {i + 1}" for i, name in enumerate(names)]
    return {name: load(path) for name, path in zip(names, paths, strict=True)}


def manifest_of(
    result: ValidationResult, frame: pd.DataFrame, roles: Roles, rows: Rows, models: Mapping[str, Any], given: str
) -> dict[str, Any]:
    """What leads back to the inputs: digests, roles of the columns, spec, models."""
    return {
        "stamp": result.stamp.to_dict(),
        "table": digest(frame),
        "rows": len(frame),
        "given": given,
        "columns": {name: value for name, value in asdict(roles).items() if value},
        "score_map": dict(rows.score_map) if rows.score_map else None,
        "models": {name: model.result_.stamp.to_dict() for name, model in models.items()},
        "order": list(models),
        "spec": {name: value for name, value in result.spec.to_dict().items() if name != "thresholds"},
        "thresholds": {name: asdict(at) for name, at in result.spec.thresholds.items()},
    }


def write_validation(
    result: ValidationResult,
    name: str,
    manifest: dict[str, Any],
    out: str | Path,
    lang: str,
    models: Mapping[str, Any],
    frame: pd.DataFrame,
    y: np.ndarray,
    earlier: Any = None,
    more: Mapping[str, Any] | None = None,
    also: Sequence[str] = (),
) -> None:
    """The report, its JSON beside it, and the forms of an office that `also` names."""
    from creditlab.report import render, validation_document
    from creditlab.report.office import write_office

    champion = next(iter(models.values()), None)
    about = {} if champion is None else _about(champion, frame, y)
    blocks = {area: list(found) for area, found in about.pop("more", {}).items()}
    for area, found in (more or {}).items():
        blocks[area] = [*blocks.get(area, []), *found]
    document = validation_document(result, name, manifest, lang=lang, earlier=earlier, more=blocks, **about)
    write_office(document, Path(out).parent, also, Path(out).stem)
    write_text(out, render(document))
    write_json(Path(out).with_suffix(".json"), document.to_dict())


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


def read_report(path: str | Path) -> dict[str, Any]:
    """A report.json as a mapping.

    Raises
    ------
    UnreadableError : no such file, no JSON, or not a report of creditlab.
    """
    try:
        stored = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UnreadableError(
            message("a report.json", type(error).__name__, str(path), "Give the JSON beside the report.")
        ) from error
    if not isinstance(stored, dict) or stored.get("schema") != "creditlab.report":
        raise UnreadableError(message("a report of creditlab", "other JSON", str(path), "Give its report.json."))
    return stored


def monitoring_report(
    earlier: str | Path,
    table: str | Path,
    out: str | Path,
    *,
    model: Any = None,
    lang: str = "zh",
    spec: str | Path | None = None,
    spread: float = 0.0,
    also: Sequence[str] = (),
    **roles: Any,
) -> tuple[ValidationResult, Any]:
    """The next quarter in one call: all tests on stored bins, charts, village alerts, and what changed; one report.

    Columns and spec are those of the earlier report's manifest; `roles` and `spec` override them. Give `model` where
    the earlier report was made with a model.json. `also` as in `validation_report`.

    Returns
    -------
    The ValidationResult of the new batch, and its ValidationDiff against the earlier report.
    """
    from creditlab.plots.words import Text
    from creditlab.report import TableBlock
    from creditlab.validation.difference import validation_diff

    stored = read_report(earlier)
    manifest = stored.get("manifest", {})
    if "columns" not in manifest or not stored.get("tests"):
        raise InputError(
            message("the report.json of `creditlab validate`", "another report", str(earlier), "Validate once first.")
        )
    if manifest.get("given") == "MODEL.json" and model is None:
        raise InputError(message("the model.json of the earlier report", "none", "monitor", "Give --model."))
    frame = read_table(table)
    named = Roles(**{**manifest["columns"], "split": None, **{k: v for k, v in roles.items() if v}})
    at = ValidationSpec.of(spec or {**manifest["spec"], "development": None, "thresholds": manifest["thresholds"]})
    models = load_models([] if model is None else [model] if isinstance(model, str | Path) else list(model))
    order = None if named.date is None else pd.to_datetime(frame[named.date].astype(str), format="mixed").to_numpy()
    rows = read_rows(frame, replace(named, date=None, period=None), models, at, manifest.get("score_map"), False)
    prob, given = rows.arguments["prob"], rows.arguments
    result = monitor(
        given["y"], _named_like(prob, stored), stored["reference"], given["groups"], order, given["amount"], at, spread
    )
    diff = validation_diff({"table": stored["tests"]}, result)
    changes = TableBlock(
        "stability.changes",
        Text("与上期相比的变化", "Changes against the earlier report"),
        diff.changes().drop(columns=["test_zh", "test_en"]),
    )
    new = manifest_of(result, frame, named, rows, models, manifest["given"]) | {"earlier": manifest.get("stamp")}
    write_validation(
        result, Path(table).name, new, out, lang, models, frame, given["y"], stored, {"stability": [changes]}, also
    )
    return result, diff


def _named_like(prob: Any, stored: Mapping[str, Any]) -> Any:
    """PDs under the names that the earlier report has for its bins."""
    names = list(stored["reference"])
    if not isinstance(prob, Mapping):
        return {names[0]: prob} if names else prob
    return prob
