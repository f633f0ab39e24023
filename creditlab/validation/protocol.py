"""The validation of one model, or of a champion and challengers: every test in every scope, in one table.

Use it on outcomes and PDs of any origin. It colours figures by a `ValidationSpec`, refuses with a reason where rows are
too few, corrects for many grades, and takes villages as clusters. The verdict on the model stays with a person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from creditlab.errors import InputError, message
from creditlab.results import Result, Stamp, plain
from creditlab.validation import application, performance
from creditlab.validation.application import Given, check_given, count
from creditlab.validation.curves import calibration_points, roc_points
from creditlab.validation.grades import grade_edges
from creditlab.validation.lines import COLUMNS
from creditlab.validation.scopes import Sample, read_sample
from creditlab.validation.verdict import ValidationSpec


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ValidationResult(Result):
    """All tests of a validation: one row per test and scope, the curves behind them, and the bins for monitoring.

    Parameters
    ----------
    curves : model scope curve x y lo hi n; curve is "roc" (false and true positive rate) or "calibration" (mean PD and
        default rate of a grade), at most 200 points each.
    reference : model → {"edges", "counts"}: PD grades of the development sample; pass it to a later `validate`.
    details : "id · scope" → the table of a family of tests (grades, villages, slices), whose worst row is in `tidy()`.
    """

    title: ClassVar[str] = "Validation 模型验证"
    plots: ClassVar[str] = "validation"

    curves: pd.DataFrame
    reference: Mapping[str, Any] = field(default_factory=dict)
    spec: ValidationSpec = field(default_factory=ValidationSpec)
    details: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def section(self, name: str) -> pd.DataFrame:
        """The rows of one section: data, discrimination, calibration, stability, concentration, challengers,
        robustness, travel, fairness, implementation."""
        return self.table[self.table["section"] == name].reset_index(drop=True)

    def detail(self, id: str, scope: str = "all") -> pd.DataFrame:
        """The table behind a line of many rows, such as `detail("cal.village_funnel")`."""
        key = f"{id} · {scope}"
        if key not in self.details:
            came, known = repr(key), ", ".join(list(self.details)[:6])
            raise InputError(message(f"one of {known} …", came, "detail", "Ask for a line that has many rows."))
        return self.details[key].copy(deep=False)

    def diff(self, earlier: Any) -> Any:
        """What changed against an earlier ValidationResult: see `validation_diff`."""
        from creditlab.validation.difference import validation_diff

        return validation_diff(earlier, self)

    def to_dict(self) -> dict[str, Any]:
        more = {"curves": self.curves, "reference": dict(self.reference), "spec": self.spec.to_dict()}
        more["details"] = {name: plain(table) for name, table in self.details.items()}
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
    segments: pd.DataFrame | None = None,
    protected: pd.DataFrame | None = None,
    sources: Mapping[str, Sequence[str]] | None = None,
    documents: Mapping[str, Any] | None = None,
) -> ValidationResult:
    """Every test of a model in every scope, or of a champion and challengers.

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
    spec : ValidationSpec, a mapping of its fields (see there), or the path of a TOML file; the bank's own thresholds.
    segments : columns to give O/E by (product, village tier). protected : attributes that the model must not use.
    sources : source → its columns of `frame`. documents : item → where it is found (see `documentation`).

    Returns
    -------
    ValidationResult: section id scope n statistic df p_value lo hi threshold verdict reference, then estimate level
    p_adjusted model split test_zh test_en hypothesis reason. A test that needs more rows than there are is a row with
    a reason.

    Raises
    ------
    InputError : one class only, PDs outside 0 … 1, arrays of unequal length, unknown names in `spec`.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(1, 9, 2000)
    >>> result = validate(rng.random(2000) < p, p, split=np.where(np.arange(2000) < 1400, "train", "test"))
    >>> result.tidy().query("id == 'disc.auc'")["scope"].tolist()
    ['all', 'train', 'test']
    """
    at = ValidationSpec.of(spec)
    sample = read_sample(y, prob, split, groups, period, amount, at)
    given = Given(frame, predict, refit, sources, protected, documents, period)
    check_given(given, len(sample.y))
    return run(sample, reference, at, given, segments)


def run(
    sample: Sample, reference: Any, at: ValidationSpec, given: Given | None = None, segments: Any = None
) -> ValidationResult:
    """Every section on a checked sample: what `validate` and `monitor` share."""
    given = Given() if given is None else given
    bins = {model: _reference_bins(model, sample, reference, at) for model in sample.probs}
    sections = [
        application.data(sample, given, at),
        performance.discrimination(sample, at),
        performance.challengers(sample, at),
        performance.calibration(sample, at, segments),
        application.stability(sample, bins, at),
        application.concentration(sample, at),
        application.robustness(sample, given, at),
        application.travel(sample, given, at),
        application.fairness(sample, given, at),
        application.papers(sample, given, bins, at),
    ]
    table = pd.DataFrame([row for lines in sections for row in lines.rows]).reindex(columns=COLUMNS)
    inputs = [sample.y, *sample.probs.values(), *([] if sample.groups is None else [sample.groups])]
    return ValidationResult(
        table=table,
        curves=_curves(sample, at),
        reference={model: stored for model, stored in bins.items() if stored},
        spec=at,
        details={name: detail for lines in sections for name, detail in lines.details.items()},
        stamp=Stamp.of([*inputs, *(scope.rows for scope in sample.scopes)], at.to_dict(), seed=at.seed),
        facts=_facts(sample, table),
    )


def _reference_bins(model: str, sample: Sample, reference: Any, at: ValidationSpec) -> dict[str, Any] | None:
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
    return {"edges": edges, "counts": count(p, edges).tolist(), "earlier": False}


def _curves(sample: Sample, at: ValidationSpec) -> pd.DataFrame:
    parts = []
    for cell in sample.cells("all", "split"):
        points = calibration_points(cell.y, cell.p, at.grades, at.level).drop(columns="defaults")
        both = [points.assign(curve="calibration")]
        if 0 < cell.bads < len(cell.y):
            both.insert(0, roc_points(cell.y, cell.p, level=at.level).assign(curve="roc"))
        parts += [part.assign(model=cell.model, scope=cell.scope.label) for part in both]
    return pd.concat(parts, ignore_index=True)[["model", "scope", "curve", "x", "y", "lo", "hi", "n"]]


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
