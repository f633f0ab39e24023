"""Reasons for a score: the features that cost most against a named baseline, as sentences in Chinese and English.

Card and booster use the same ranking and the same sentences. A reason is always a feature that was scored; what a
household may be told, and what it can act on, is decided by policy and not here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from creditlab.checks import check_one_of
from creditlab.errors import InputError, message

#: the baselines of reasons: zh, en
BASELINE = ("训练样本平均", "the training average")
BACKGROUND = ("背景样本平均", "the background average")
SENTENCES = {
    "points": ("{label}：{value}，比{baseline}低 {gap} 分", "{label}: {value}, {gap} points below {baseline}"),
    "log_odds": (
        "{label}：{value}，违约对数几率比{baseline}高 {gap}",
        "{label}: {value}, log-odds of bad {gap} above {baseline}",
    ),
}
#: losses closer than this are ties, decided by column order
TIE = 1e-9


def rank_losses(loss: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k largest positive losses of each row: (column numbers, losses), -1 and NaN where there are fewer.

    >>> order, size = rank_losses(np.array([[1.0, 3.0, -2.0]]), 3)
    >>> order.tolist(), size.tolist()
    ([[1, 0, -1]], [[3.0, 1.0, nan]])
    """
    check_count(k)
    loss = np.column_stack([loss, np.zeros((len(loss), max(k - loss.shape[1], 0)))])
    steps = np.rint(loss / TIE)
    order = np.argsort(-steps, axis=1, kind="stable")[:, :k]
    size = np.take_along_axis(loss, order, axis=1)
    none = np.take_along_axis(steps, order, axis=1) <= 0
    return np.where(none, -1, order), np.where(none, np.nan, size)


def check_count(k: int) -> None:
    """A number of reasons that can be given."""
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise InputError(message("a whole number of reasons, at least 1", repr(k), "k", "Ask for k=3."))


def reason_frame(
    loss: np.ndarray,
    features: Sequence[str],
    index: pd.Index,
    value_text: Callable[[int, int], str],
    labels: Sequence[str],
    *,
    k: int = 3,
    lang: str = "zh",
    unit: str = "points",
    baseline: tuple[str, str] = BASELINE,
) -> pd.DataFrame:
    """A row per household: `reason_1 feature_1 loss_1 reason_2 …`, the largest loss first.

    Parameters
    ----------
    loss : (n, p) what each feature costs against the baseline; only positive losses are reasons.
    value_text : (row, column) → the value or bin of that household in words.
    unit : 'points' or 'log_odds', the unit of `loss`.
    baseline : the name of what losses are measured against, (zh, en).
    """
    check_one_of(lang, ("zh", "en"), "lang")
    place = int(lang == "en")
    sentence, named = SENTENCES[unit][place], baseline[place]
    order, size = rank_losses(loss, k)
    columns: dict[str, list[object]] = {}
    for rank in range(order.shape[1]):
        columns[f"reason_{rank + 1}"] = [
            None if j < 0 else sentence.format(
                label=labels[j], value=value_text(row, j), gap=_gap_text(size[row, rank], unit), baseline=named
            )
            for row, j in enumerate(order[:, rank])
        ]  # fmt: skip
        columns[f"feature_{rank + 1}"] = [None if j < 0 else features[j] for j in order[:, rank]]
        columns[f"loss_{rank + 1}"] = size[:, rank].tolist()
    frame = pd.DataFrame(columns, index=index)
    texts = {c: "str" for c in frame.columns if not c.startswith("loss")}
    return frame.astype(texts)


def _gap_text(size: float, unit: str) -> str:
    """Whole points, one decimal below one point; two decimals of log-odds."""
    return f"{size:.2f}" if unit == "log_odds" else f"{size:.0f}" if size >= 0.95 else f"{size:.1g}"
