"""Rows to fit on, as they are given: columns, target, weights, groups and periods of a piece, and their reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import column_or_1d

from creditlab.binning.sample import Sample, joined
from creditlab.binning.tally import Outcomes
from creditlab.checks import check_target, check_weights
from creditlab.errors import InputError, message

#: parts into which groups are dealt when a cut must hold in each of them
GROUP_PARTS = 5


@dataclass(frozen=True)
class Rows:
    """One piece of the rows of a fit.

    Parameters
    ----------
    X : DataFrame or 2-D array, n rows.
    y : n values of 0 and 1, 1 = bad.
    sample_weight : n weights, or None for one each.
    groups, period : n labels each, or None.
    amount : n amounts in yuan, or None.
    """

    X: Any
    y: Any
    sample_weight: Any = None
    groups: Any = None
    period: Any = None
    amount: Any = None


def read_target(rows: Rows, frame: pd.DataFrame) -> tuple[pd.DataFrame, Sample, np.ndarray]:
    """The frame, its target side and which rows were kept: a weight of zero is no copy."""
    bad = _target(rows.y, len(frame))
    weight = None if rows.sample_weight is None else check_weights(rows.sample_weight, len(frame))
    kept = np.ones(len(frame), dtype=bool) if weight is None else weight > 0
    if weight is not None and not kept.all():
        frame, bad, weight = frame[kept], bad[kept], weight[kept]
    return frame, Sample.of(bad.astype(np.int64), weight), kept


def _target(y: Any, n: int) -> np.ndarray:
    if y is None:
        raise InputError("Binner requires y to be passed, but the target y is None: give 0 and 1 per row, 1 = bad.")
    return check_target(y if isinstance(y, pd.Series) else column_or_1d(y, warn=True), n=n, both=False)


def outcomes_of(parts: Sequence[Rows], samples: Sequence[Sample], kept: Sequence[np.ndarray]) -> Outcomes | None:
    """Groups, periods and amounts of the kept rows of all pieces, with their outcomes; None where there are none."""
    given = {}
    for name in ("groups", "period", "amount"):
        labels = [getattr(rows, name) for rows in parts]
        if all(v is None for v in labels):
            continue
        if any(v is None for v in labels):
            raise InputError(message(f"{name} in every piece", "pieces without", "Binner.fit_parts", f"Give {name}."))
        read = [_beside(v, mask, name) for v, mask in zip(labels, kept, strict=True)]
        given[name] = pd.concat(read, ignore_index=True)
    if not given:
        return None
    whole = joined(samples)
    return Outcomes.of(whole.bad, whole.weight, **given)


def _beside(values: Any, kept: np.ndarray, name: str) -> pd.Series:
    """The kept entries of what rides beside the rows."""
    series = values.reset_index(drop=True) if isinstance(values, pd.Series) else pd.Series(values)
    if len(series) != len(kept):
        raise InputError(message(f"{len(kept)} values of {name}", f"{len(series)}", "Binner.fit", "Give one per row."))
    return series[kept]


def labels_over(rows: Rows, over: str | None, kept: np.ndarray) -> np.ndarray | None:
    """The labels of the kept rows over which bins must hold."""
    given = {"period": rows.period, "group": rows.groups}.get(over or "")
    if given is None:
        return None
    labels = np.asarray(given)
    if labels.shape != kept.shape:
        raise InputError(
            message(f"{len(kept)} labels", f"{labels.shape}", f"{over} of Binner.fit", "Give one per row.")
        )
    return labels[kept]


def with_totals(samples: Sequence[Sample]) -> list[Sample]:
    """The target sides of all pieces with the totals of all of them; a target of one class is refused."""
    goods, bads = sum(s.total_goods for s in samples), sum(s.total_bads for s in samples)
    if goods == 0 or bads == 0:
        check_target(np.full(1, float(goods == 0)))  # says what is wrong
    return [replace(s, total_goods=goods, total_bads=bads) for s in samples]


def with_parts(samples: Sequence[Sample], over: str | None, labels: Sequence[np.ndarray | None]) -> list[Sample]:
    """The target sides with the number of each row's period, or of the fifth that its group falls into."""
    if over is None:
        return list(samples)
    if any(given is None for given in labels):
        name = "period" if over == "period" else "groups"
        raise InputError(
            message(f"{name} for stable_over='{over}'", "none", "Binner.fit", f"Give fit(X, y, {name}=...).")
        )
    texts = [pd.Series(given).astype(str).to_numpy(dtype=object) for given in labels]
    if over == "group":
        texts = [group_parts(text) for text in texts]
    names = sorted({str(name) for text in texts for name in np.unique(text.astype(str))})
    place = {name: k for k, name in enumerate(names)}
    return [
        replace(sample, part=np.array([place[v] for v in text], dtype=np.int64), part_names=tuple(names))
        for sample, text in zip(samples, texts, strict=True)
    ]


def group_parts(text: np.ndarray) -> np.ndarray:
    """A number of five for each group: by the group's name, so that pieces and orders of rows agree."""
    number = pd.util.hash_array(text, categorize=True) % np.uint64(GROUP_PARTS)
    return np.array([f"groups {n + 1} of {GROUP_PARTS}" for n in range(GROUP_PARTS)], dtype=object)[number.astype(int)]
