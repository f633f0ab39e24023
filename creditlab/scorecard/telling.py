"""What a household may be told about its score: losses against a named baseline, by concept, and what would change it.

Losses are exact on the points of the card: over all features they add up to baseline minus score. Features that
correlate are told as one concept, features that may not be told are left out, and only what the household can act on is
offered as a change. Sentences are those of `reasons`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_one_of
from creditlab.errors import ColumnError, InputError, message, some
from creditlab.scorecard.counterfactual import declared_ways
from creditlab.scorecard.points import add_points
from creditlab.scorecard.reasons import BASELINE, check_count, rank_losses, sentence
from creditlab.scorecard.result import ScorecardResult

#: baselines of reasons: zh, en
BASELINES: Mapping[str, tuple[str, str]] = {
    "mean": BASELINE,
    "approved": ("已通过客户平均", "the average of approved households"),
    "cutoff": ("分数线上的客户", "a household at the cut-off"),
    "best": ("最高分档", "the best bin"),
}
ADVICE = ("若{label}达到「{bin}」，可多 {gain} 分", "{label} at '{bin}' would give {gain} points more")
DETAILS = (
    "rank", "concept", "feature", "value", "loss", "margin", "margin_se", "unstable", "reason", "next_bin", "gain",
    "advice",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Telling:
    """What reasons are measured against and which features may be told.

    Parameters
    ----------
    baseline : 'mean' of the training rows, 'approved': the mean of the reference rows that reach the cut-off, 'cutoff':
        what a household at the cut-off has on average, or 'best': the best bin of each feature.
    cutoff : points, for 'approved' and 'cutoff'.
    reference : raw rows, for 'approved'.
    hide : features that may not be told, such as ones that would disclose a source; columns declared as not `told`
        never are. What the column policy forbids cannot be in a card.
    merge : tell features of one concept together (`ScorecardResult.concepts`).
    actionable : features that the household can act on; None takes the actions that the dictionary declares.
    """

    baseline: str = "mean"
    cutoff: float | None = None
    reference: pd.DataFrame | None = None
    hide: Collection[str] = ()
    merge: bool = True
    actionable: Collection[str] | None = None

    def __post_init__(self) -> None:
        check_one_of(self.baseline, tuple(BASELINES), "baseline")
        if self.baseline in ("approved", "cutoff") and self.cutoff is None:
            raise InputError(message("a cut-off in points", "None", f"baseline='{self.baseline}'", "Give cutoff=."))
        if self.baseline == "approved" and self.reference is None:
            raise InputError(message("reference rows", "None", "baseline='approved'", "Give reference=, raw rows."))
        if isinstance(self.hide, str) or isinstance(self.actionable, str):
            raise InputError(message("a list of features", "a text", "hide, actionable", "Write ('name',)."))


def slopes_of(
    points: Mapping[str, np.ndarray], codes: Mapping[str, np.ndarray], weight: np.ndarray
) -> dict[str, float]:
    """How many points each feature has more, on average, for one point more of the score; they add up to 1."""
    each = {name: values[codes[name]] for name, values in points.items()}
    total = np.sum(list(each.values()), axis=0) if each else np.zeros(len(weight))
    centred = total - weight @ total / weight.sum()
    spread = float(weight @ centred**2)
    return {name: float((weight * centred) @ values) / spread if spread > 0 else 0.0 for name, values in each.items()}


def baseline_points(result: ScorecardResult, telling: Telling) -> dict[str, float]:
    """The unrounded points that each feature is held against."""
    (once, exact), means = result.exact_points(), result.mean_points()
    if telling.baseline == "best":
        regular = {name: result.bins[name].spec.regular or len(values) for name, values in exact.items()}
        return {name: float(values[: regular[name]].max()) for name, values in exact.items()}
    if telling.baseline == "cutoff":
        gap = float(telling.cutoff or 0.0) - once - sum(means.values())
        slopes = result.slopes or {name: 1 / len(means) for name in means}
        return {name: means[name] + slopes[name] * gap for name in means}
    if telling.baseline == "approved" and telling.reference is not None:
        codes, n = result.codes(telling.reference), len(telling.reference)
        passed = add_points(*result.integer_points(), codes, n) >= float(telling.cutoff or 0.0)
        if not passed.any():
            raise InputError(
                message("reference rows at or above the cut-off", "none", "baseline='approved'", "Lower the cut-off.")
            )
        return {name: float(values[codes[name][passed]].mean()) for name, values in exact.items()}
    return means


@dataclass(frozen=True)
class Losses:
    """Losses by concept, and what they are made of."""

    concepts: list[str]
    members: list[list[str]]
    names: list[str]
    by_feature: np.ndarray
    by_concept: np.ndarray

    def leaders(self) -> np.ndarray:
        """(n, concepts) the number of the feature of each concept that costs a row most."""
        found = np.zeros(self.by_concept.shape, dtype=int)
        for c, listed in enumerate(self.members):
            places = np.array([self.names.index(name) for name in listed])
            found[:, c] = places[np.argmax(np.rint(self.by_feature[:, places] * 1e9), axis=1)]
        return found


def losses_of(result: ScorecardResult, codes: Mapping[str, np.ndarray], n: int, telling: Telling) -> Losses:
    """What each feature that may be told, and each concept, costs every row against the baseline, in points."""
    unknown = [name for name in (*telling.hide, *(telling.actionable or ())) if name not in result.bins]
    if unknown:
        raise ColumnError(message("columns of the card", some(unknown), "hide, actionable", "Check the spelling."))
    exact, base = result.exact_points()[1], baseline_points(result, telling)
    untold = {name for name in exact if name in result.labels and not result.labels[name].told}
    names = [name for name in exact if name not in {*telling.hide, *untold}]
    loss = np.zeros((n, len(names)))
    for j, name in enumerate(names):
        loss[:, j] = base[name] - exact[name][codes[name]]
    concept = {name: result.concepts.get(name, name) if telling.merge else name for name in names}
    return losses_by_concept(names, loss, concept)


def losses_by_concept(names: list[str], loss: np.ndarray, concept: Mapping[str, str]) -> Losses:
    """Losses (n, features) added up by concept.

    A concept stands where its first feature stands, so that ties keep the order of the columns.
    """
    order = list(dict.fromkeys(concept[name] for name in names))
    members = [[name for name in names if concept[name] == one] for one in order]
    together = np.zeros((len(loss), len(order)))
    for c, listed in enumerate(members):
        together[:, c] = loss[:, [names.index(name) for name in listed]].sum(axis=1)
    return Losses(order, members, names, loss, together)


def margin_errors(
    result: ScorecardResult, losses: Losses, line: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """The standard error of the loss of concept `first` less that of `second`, by row, from that of the coefficients.

    `line` (n, features) is the part of the losses that comes from coefficients, without what bins have beside it. NaN
    where a coefficient that is compared has no variance (penalised, clamped); without a second concept its loss counts
    as 0.
    """
    coef, cov = result.coef, result.covariance
    known = [name for name in losses.names if name in cov.columns and coef[name] != 0]
    inner = cov.loc[known, known].to_numpy(dtype=float, copy=True)
    weight = np.zeros((len(first), len(known)))
    for k, name in enumerate(known):
        concept = next(c for c, listed in enumerate(losses.members) if name in listed)
        part = line[:, losses.names.index(name)] / coef[name]
        weight[:, k] = part * ((first == concept).astype(float) - (second == concept))
    without = ~np.isfinite(np.diag(inner))
    inner[without, :] = inner[:, without] = 0.0
    error = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", weight, inner, weight), 0.0))
    return np.where((weight[:, without] != 0).any(axis=1), np.nan, error)


def next_better(result: ScorecardResult, name: str, way: str = "value") -> np.ndarray:
    """For each bin the nearest regular bin with more whole points (of text the one with the fewest more); else -1.

    `way` 'up' or 'down' looks among higher or lower values only.
    """
    points, spec = result.integer_points()[1][name], result.bins[name].spec
    better, place = np.full(len(points), -1), np.arange(spec.regular)
    ordered = result.bins[name].kind != "category"
    for b in range(spec.regular):
        onward = place > b if way == "up" else place < b if way == "down" else place >= 0
        more = np.flatnonzero((points[: spec.regular] > points[b]) & (onward | (not ordered)))
        if len(more):
            far = np.abs(more - b) if ordered else points[more]
            better[b] = more[np.lexsort((-points[more], far))[0]]
    return better


def tell(result: ScorecardResult, frame: pd.DataFrame, telling: Telling, k: int, lang: str) -> pd.DataFrame:
    """A row per household and reason; columns `DETAILS`, the index of the frame."""
    check_one_of(lang, ("zh", "en"), "lang")
    check_count(k)
    codes, n, place = result.codes(frame), len(frame), int(lang == "en")
    losses = losses_of(result, codes, n, telling)
    line = losses_of(replace(result, shifts={}), codes, n, telling).by_feature if result.shifts else losses.by_feature
    order, size = rank_losses(losses.by_concept, k + 1)
    ways, leader = _ways(result, telling), losses.leaders()
    better = {name: next_better(result, name, ways.get(name, "value")) for name in losses.names}
    whole, labels = result.integer_points()[1], {name: result.bin_labels(name, lang) for name in losses.names}
    words = {name: result.bins[name].spec.words(lang) for name in losses.names}
    rows: list[tuple[Any, ...]] = []
    index: list[int] = []
    for rank in range(k):
        here, after = order[:, rank], order[:, rank + 1]
        margin = size[:, rank] - np.where(after >= 0, np.nan_to_num(size[:, rank + 1]), 0.0)
        error = margin_errors(result, losses, line, here, after)
        for row in np.flatnonzero(here >= 0).tolist():
            concept = int(here[row])
            name = losses.names[leader[row, concept]]
            others = [result.label(other, lang) for other in losses.members[concept] if other != name]
            now = int(codes[name][row])
            told = sentence(
                result.label(name, lang), words[name][now], size[row, rank], BASELINES[telling.baseline], others, lang
            )
            to = int(better[name][now])
            gain = int(whole[name][to] - whole[name][now]) if to >= 0 else 0
            advice = ADVICE[place].format(label=result.label(name, lang), bin=labels[name][to], gain=gain)
            rows.append((
                rank + 1, losses.concepts[concept], name, labels[name][now], size[row, rank], margin[row], error[row],
                bool(margin[row] < (error[row] if np.isfinite(error[row]) else 1.0)), told,
                labels[name][to] if to >= 0 else "", gain, advice if to >= 0 and name in ways else "",
            ))  # fmt: skip
            index.append(row)
    table = pd.DataFrame(rows, columns=list(DETAILS), index=frame.index[index])
    table = table.iloc[np.argsort(np.asarray(index, dtype=int), kind="stable")]
    texts = dict.fromkeys(("concept", "feature", "value", "reason", "next_bin", "advice"), "str")
    return table.astype(texts | {"rank": "int64", "gain": "int64", "unstable": "bool"})


def wide(details: pd.DataFrame, index: pd.Index, row_of: Sequence[int], k: int) -> pd.DataFrame:
    """`reason_1 feature_1 loss_1 reason_2 …` from the rows of `tell`; `row_of` is the row number of each."""
    columns: dict[str, Any] = {}
    place = np.asarray(row_of, dtype=int)
    for rank in range(1, k + 1):
        mine = details["rank"].to_numpy() == rank
        for name, kind in (("reason", object), ("feature", object), ("loss", float)):
            values = np.full(len(index), None if kind is object else np.nan, dtype=kind)
            values[place[mine]] = details[name].to_numpy()[mine]
            columns[f"{name}_{rank}"] = values
    frame = pd.DataFrame(columns, index=index)
    return frame.astype({name: "str" for name in frame.columns if not name.startswith("loss")})


def _ways(result: ScorecardResult, telling: Telling) -> dict[str, str]:
    """Feature that the household can act on → which way."""
    if telling.actionable is not None:
        return dict.fromkeys(telling.actionable, "value")
    return declared_ways(result)
