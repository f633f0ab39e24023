"""Points by an expert, blended with what few data say, by a stated weight.

Where bads are few the data alone cannot give points. An expert states cuts and points of a feature; the weight says how
many bads of evidence they are worth in every bin. Data points are those of the regression; each bin's blend is the
precision-weighted mean of the two, so that the expert speaks where nothing was seen and falls silent as bads come in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning import Binner, Edit
from creditlab.errors import ColumnError, InputError, message, some
from creditlab.results import plain
from creditlab.scorecard.calibration import shift_to_rate
from creditlab.scorecard.fitting import Target
from creditlab.scorecard.result import INTERCEPT, ScorecardResult

BLEND = (
    "feature", "bin", "label_zh", "label_en", "n", "bads", "expert_points", "data_points", "expert_share",
    "blended_points", "moved",
)  # fmt: skip
#: why a feature of the expert scores without a coefficient: nothing was seen of it, or what was seen says 0; zh, en
UNSEEN = ("只用专家分：样本中没有变化", "points by the expert alone: it does not vary in the sample")
HELD_BACK = (
    "数据给出的系数为 0：分值为专家分，按数据证据折减",
    "the data gave it a coefficient of 0: its points are the expert's, less what the data hold against them",
)


@dataclass(frozen=True)
class PointSteps:
    """An expert's points of a number: below the first cut, from cut to cut, from the last on; and of missing values.

    Only differences within a feature matter. `missing` None leaves missing values to the data.

    >>> PointSteps(cuts=(30.0, 60.0), points=(10, 25, 20)).points
    (10.0, 25.0, 20.0)
    """

    cuts: tuple[float, ...]
    points: tuple[float, ...]
    missing: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "cuts", tuple(float(c) for c in self.cuts))
        object.__setattr__(self, "points", tuple(float(p) for p in self.points))
        rising = len(self.cuts) > 0 and bool((np.diff(self.cuts) > 0).all())
        numbers = (*self.cuts, *self.points, 0.0 if self.missing is None else self.missing)
        if not rising or len(self.points) != len(self.cuts) + 1 or not np.isfinite(numbers).all():
            raise InputError(
                message(
                    "rising cuts and one more number of points",
                    repr((self.cuts, self.points)),
                    "PointSteps",
                    "Correct.",
                )
            )


@dataclass(frozen=True)
class PointGroups:
    """An expert's points of a text column by bin: {levels: points}, such as {("wheat", "rice"): 20, ("maize",): 5}."""

    points: Mapping[tuple[str, ...], float]
    missing: float | None = None

    def __post_init__(self) -> None:
        given = {(levels,) if isinstance(levels, str) else tuple(levels): float(p) for levels, p in self.points.items()}
        object.__setattr__(self, "points", given)
        named = [level for levels in given for level in levels]
        if len(given) < 2 or len(set(named)) < len(named) or not np.isfinite(list(given.values())).all():
            raise InputError(
                message(
                    "two bins of levels or more, each level once", repr(given), "PointGroups", "Correct the levels."
                )
            )


@dataclass(frozen=True, kw_only=True)
class Expert:
    """An expert's card for some features, and what it is worth.

    Parameters
    ----------
    points : {feature: `PointSteps` or `PointGroups`}; the bins of these features are the expert's.
    weight : bads of evidence that the points are worth in every bin. In a bin with b bads and g goods the expert's
        share is weight / (weight + 1 / (1/b + 1/g)): with many goods, and as many bads as the weight, one half.
    author, reason : who states it, and on what grounds.

    >>> Expert(points={"age": PointSteps((30.0,), (5, 20))}, weight=20, author="Li", reason="credit manual 2025").weight
    20
    """

    points: Mapping[str, PointSteps | PointGroups]
    weight: float
    author: str
    reason: str

    def __post_init__(self) -> None:
        wrong = [name for name, steps in self.points.items() if not isinstance(steps, PointSteps | PointGroups)]
        if wrong or not self.points:
            raise InputError(
                message("PointSteps or PointGroups by feature", some(wrong) or "none", "Expert", "State the points.")
            )
        if isinstance(self.weight, bool) or not isinstance(self.weight, int | float) or not 0 <= self.weight < np.inf:
            raise InputError(message("a weight in bads, 0 or more", repr(self.weight), "Expert", "Give a number."))
        for name in ("author", "reason"):
            if not str(getattr(self, name)).strip():
                raise InputError(message(f"a {name}", "an empty text", "Expert", "Say who and why."))

    def edits(self) -> tuple[Edit, ...]:
        """The expert's bins as edits of a binner."""
        made = []
        for name, steps in self.points.items():
            bins = {"cuts": steps.cuts} if isinstance(steps, PointSteps) else {"groups": tuple(steps.points)}
            made.append(Edit(column=name, operation="expert", reason=self.reason, author=self.author, **bins))
        return tuple(made)

    def binner(self, binner: Binner) -> Binner:
        """The binner with the expert's bins; those that a person edited in it stay."""
        kept = {edit.column for edit in binner.edits}
        more = tuple(edit for edit in self.edits() if edit.column not in kept)
        return binner.set_params(edits=(*binner.edits, *more))

    def to_dict(self) -> dict[str, Any]:
        """The card of the expert as JSON types."""
        points: dict[str, dict[str, Any]] = {}
        for name, steps in self.points.items():
            if isinstance(steps, PointSteps):
                points[name] = {"cuts": list(steps.cuts), "points": list(steps.points), "missing": steps.missing}
            else:
                pairs = [[list(levels), value] for levels, value in steps.points.items()]
                points[name] = {"groups": pairs, "missing": steps.missing}
        return {"points": points, "weight": plain(self.weight), "author": self.author, "reason": self.reason}

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> Expert:
        """What `to_dict` wrote."""
        points: dict[str, PointSteps | PointGroups] = {}
        for name, given in d["points"].items():
            if "cuts" in given:
                points[name] = PointSteps(tuple(given["cuts"]), tuple(given["points"]), given["missing"])
            else:
                points[name] = PointGroups(
                    {tuple(levels): value for levels, value in given["groups"]}, given["missing"]
                )
        return cls(points=points, weight=d["weight"], author=d["author"], reason=d["reason"])


def with_expert(result: ScorecardResult, expert: Expert, frame: pd.DataFrame, target: Target) -> ScorecardResult:
    """The result with blended points, the level of the data, and the table of what moved.

    Raises
    ------
    ColumnError : for a feature of the expert that is not a column.
    """
    missing = [name for name in expert.points if name not in result.bins]
    if missing:
        raise ColumnError(message("columns of the table", some(missing), "Expert(points=...)", "Check the spelling."))
    for name, steps in expert.points.items():
        wanted = "category" if isinstance(steps, PointGroups) else "numeric"
        if result.bins[name].kind != wanted:
            fix = "Use PointGroups for text and PointSteps for numbers."
            raise InputError(
                message(f"points for a {result.bins[name].kind} column", f"those of a {wanted} one", name, fix)
            )
    result = _admitted(result, list(expert.points))
    factor, exact = result.scale.factor, result.exact_points()[1]
    shifts, parts = {}, []
    for name in expert.points:
        part = _blend(result, name, expert, exact[name])
        shift = np.array(result.shifts.get(name, np.zeros(len(exact[name]))), dtype=float)
        shift[part["bin"].to_numpy()] -= part["moved"].to_numpy() / factor
        shifts[name] = shift
        parts.append(part)
    stated = {"expert_weight": expert.weight, "expert_author": expert.author, "expert_reason": expert.reason}
    result = replace(
        result,
        shifts={**result.shifts, **shifts},
        blend=pd.concat(parts, ignore_index=True),
        facts=dict(result.facts) | stated,
    )
    return _levelled(result, frame, target)


def _admitted(result: ScorecardResult, names: list[str]) -> ScorecardResult:
    """The result in which these features score, with a coefficient of 0 where the data gave none."""
    selection, table = result.selection.copy(), result.table.copy()
    out = [name for name in names if name not in result.features]
    rows = []
    for name in out:
        place = selection["feature"] == name
        why = UNSEEN if int(selection.loc[place, "bins"].iloc[0]) < 2 else HELD_BACK
        selection.loc[place, ["kept", "coef", "reason_zh", "reason_en"]] = [True, 0.0, *why]
        bins = result.bins[name].table
        mean = float(bins["share"].to_numpy() @ bins["woe"].to_numpy())
        rows.append({"feature": name, "coef": 0.0, "iv": result.bins[name].iv, "bins": len(bins), "mean_woe": mean,
                     "interval": "", "reason": why[1]})  # fmt: skip
    if rows:
        table = table[~table["feature"].isin(out)]
        fresh = pd.DataFrame(rows).reindex(columns=table.columns)
        table = pd.concat([table, fresh.astype(table.dtypes.to_dict())], ignore_index=True)
    return replace(result, selection=selection, table=table)


def _blend(result: ScorecardResult, name: str, expert: Expert, exact: np.ndarray) -> pd.DataFrame:
    """A row per bin that the expert speaks about: both points, centred on the training rows, and their blend."""
    steps, bins = expert.points[name], result.bins[name]
    table, spec = bins.table, bins.spec
    given = np.full(len(exact), np.nan)
    if isinstance(steps, PointSteps):
        given[: spec.regular] = steps.points
    else:
        given[: spec.regular] = list(steps.points.values())
    if steps.missing is not None:
        given[bins.codes(pd.Series([None], dtype="float64" if bins.kind != "category" else "str", name=name))[0]] = (
            steps.missing
        )
    said = np.flatnonzero(np.isfinite(given))
    n, bads = table["n"].to_numpy(dtype=float)[said], table["bads"].to_numpy(dtype=float)[said]
    weight = n if n.sum() > 0 else np.ones(len(said))
    centre = float(weight @ exact[said] / weight.sum())
    stated = given[said] - float(weight @ given[said] / weight.sum()) + centre
    seen = bads * (n - bads) / np.maximum(n, 1e-12)  # 1 / (1/b + 1/g): 0 where either is 0
    with np.errstate(invalid="ignore"):
        share = np.where(expert.weight > 0, expert.weight / (expert.weight + seen), 0.0)
    blended = share * stated + (1 - share) * exact[said]
    return pd.DataFrame(
        {
            "feature": pd.Series([name] * len(said), dtype="str"),
            "bin": said,
            "label_zh": pd.Series([bins.label(b, "zh") for b in said.tolist()], dtype="str"),
            "label_en": pd.Series([bins.label(b, "en") for b in said.tolist()], dtype="str"),
            "n": n,
            "bads": bads,
            "expert_points": stated,
            "data_points": exact[said],
            "expert_share": share,
            "blended_points": blended,
            "moved": blended - exact[said],
        }
    )[list(BLEND)]


def _levelled(result: ScorecardResult, frame: pd.DataFrame, target: Target) -> ScorecardResult:
    """The result whose mean PD on the training rows is their bad rate: the level comes from the data."""
    log_odds = result.log_odds(result.codes(frame), len(frame))
    if target.offset is not None:
        log_odds = log_odds + target.offset
    rate = float(target.weight @ target.bad / target.weight.sum())
    table = result.table.copy()
    table.loc[table["feature"] == INTERCEPT, ["coef", "lo", "hi"]] += shift_to_rate(log_odds, rate, target.weight)
    return replace(result, table=table)
