"""Reasons for a score: the features that cost most against a named baseline, as sentences in Chinese and English.

Card and booster use the same ranking and the same sentences. A reason is always a feature that was scored; what a
household may be told, and what it can act on, is decided by policy and not here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from creditlab.errors import InputError, message

#: the baselines of reasons: zh, en
BASELINE = ("训练样本平均", "the training average")
BACKGROUND = ("背景样本平均", "the background average")
#: the one set of sentences, of cards and boosters: one feature, or a concept of several
SENTENCES = {
    "one": ("{label}：{value}，比{baseline}低 {gap} 分", "{label}: {value}, {gap} points below {baseline}"),
    "many": (
        "{label}：{value}，连同{others}合计比{baseline}低 {gap} 分",
        "{label}: {value}, with {others} {gap} points below {baseline}",
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


def sentence(
    label: str, value: str, gap: float, baseline: tuple[str, str] = BASELINE, others: Sequence[str] = (),
    lang: str = "zh",
) -> str:  # fmt: skip
    """One reason in words.

    Parameters
    ----------
    label, value : of the feature that costs most. gap : points below the baseline, of the whole concept.
    baseline : (zh, en). others : labels of the other features of the concept.

    >>> sentence("income", "< 3000", 24.0, lang="en")
    'income: < 3000, 24 points below the training average'
    """
    place = int(lang == "en")
    listed = (", " if place else "、").join(others)
    told = SENTENCES["many" if others else "one"][place]
    return told.format(label=label, value=value, others=listed, baseline=baseline[place], gap=gap_text(gap))


def gap_text(size: float) -> str:
    """Whole points, one digit below one point."""
    return f"{size:.0f}" if size >= 0.95 else f"{size:.1g}"
