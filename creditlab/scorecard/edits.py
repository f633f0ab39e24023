"""Points set by hand: who, why, and what it costs.

An edit names a bin by its feature and its label, so that a refit can replay it. Points set by hand change the log-odds
of the bin with them: PD, reasons and exports follow, and the sum of points stays the affine map of the log-odds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from creditlab.errors import InputError, message, some

if TYPE_CHECKING:
    from creditlab.scorecard.scorecard import Scorecard

COLUMNS = ("feature", "bin", "points_before", "points", "reason", "author", "made_at")


@dataclass(frozen=True, kw_only=True)
class PointEdit:
    """The points that a person gave one bin, and why.

    Parameters
    ----------
    feature, bin : the characteristic, and the English label of its bin.
    points : the points, unrounded ones allowed.
    reason, author, made_at : why, who, and when (ISO 8601).
    points_before : what the model gave.
    cost : effect on the rows that were given: `auc_before auc_after log_loss_before log_loss_after mean_points_before
        mean_points_after changed`, the last the share of rows that change sides at the cut-off where most do.

    >>> PointEdit(feature="age", bin="< 30", points=12, reason="policy 2025-12", author="Li").points
    12
    """

    feature: str
    bin: str
    points: float
    reason: str
    author: str
    made_at: str = ""
    points_before: float | None = None
    cost: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("reason", "author"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name).strip():
                raise InputError(message(f"a {name}", repr(getattr(self, name)), "PointEdit", "Say who and why."))
        if isinstance(self.points, bool) or not isinstance(self.points, int | float) or not np.isfinite(self.points):
            raise InputError(message("a finite number of points", repr(self.points), "PointEdit", "Give a number."))

    def to_dict(self) -> dict[str, Any]:
        """The edit as JSON types."""
        return asdict(self)


def point_log(edits: Sequence[PointEdit]) -> pd.DataFrame:
    """A row per edit, in the order they were made, with its measured cost."""
    rows = [{name: getattr(edit, name) for name in COLUMNS} | edit.cost for edit in edits]
    return pd.DataFrame(rows, columns=None if rows else list(COLUMNS))


def bin_number(labels: Sequence[str], label: str) -> int | None:
    """The number of the bin with this label, or None."""
    return labels.index(label) if label in labels else None


class PointEditor:
    """Edits of one feature of a fitted card; each gives a new card, the old one stays as it is.

    Parameters
    ----------
    card : the fitted card. feature : the characteristic. author : who edits.
    held_out : (X, y) rows on which the cost is measured.
    now : the time of the edits as text.
    """

    def __init__(self, card: Scorecard, feature: str, author: str, held_out: tuple[Any, Any] | None, now: str) -> None:
        if feature not in card.result_.features:
            raise InputError(
                message("a feature of the card", repr(feature), "edit", f"It has {some(card.result_.features)}.")
            )
        self._card, self._feature, self._author, self._held_out, self._now = card, feature, author, held_out, now

    def points(self, bin: int | str, points: float, *, reason: str, author: str = "") -> Scorecard:
        """A new card in which a bin (its number or its label) has these points.

        Raises
        ------
        InputError : for a bin that is not there, points that are no number, or an edit without author or reason.
        """
        labels = self._card.result_.bin_labels(self._feature)
        number = bin if isinstance(bin, int) and not isinstance(bin, bool) else bin_number(labels, str(bin))
        if number is None or not 0 <= number < len(labels):
            raise InputError(message("a bin of the feature", repr(bin), self._feature, f"It has {some(labels, 12)}."))
        before = float(self._card.result_.exact_points()[1][self._feature][number])
        edit = PointEdit(
            feature=self._feature, bin=labels[number], points=points, reason=reason, author=author or self._author,
            made_at=self._now, points_before=before,
        )  # fmt: skip
        return self._card.edited(edit, self._held_out)


def edit_cost(before: Any, after: Any, X: Any, y: np.ndarray) -> dict[str, float]:
    """AUC, log-loss and mean points on these rows before and after, and the share that changes sides."""
    from sklearn.metrics import log_loss, roc_auc_score

    from creditlab.scorecard.rounding import most_changed

    facts, score = {}, {}
    for name, card in (("before", before), ("after", after)):
        prob, score[name] = card.predict_proba(X)[:, 1], card.points(X).to_numpy()
        facts[f"auc_{name}"] = float(roc_auc_score(y, prob))
        facts[f"log_loss_{name}"] = float(log_loss(y, prob))
        facts[f"mean_points_{name}"] = float(score[name].mean())
    return facts | {"changed": most_changed(score["before"], score["after"], np.ones(len(y)))}
