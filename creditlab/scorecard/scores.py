"""Scores: one row per household with PD, points and tier, and the card that scored it.

Tiers here are fixed bands of PD, the same for every card, so that cards can be compared. Limits, rates and programmes
are the business of the policy layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import as_pandas
from creditlab.errors import InputError, message
from creditlab.results import Result, Stamp

#: tier → PD below which it holds; the last tier takes the rest
TIERS: tuple[tuple[str, float], ...] = (("A", 0.02), ("B", 0.05), ("C", 0.10), ("D", 0.20), ("E", 1.0))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Scores(Result):
    """Columns of `tidy()`: household, village, as_of, pd, points, tier, card."""

    title: ClassVar[str] = "Scores 评分"


def tier_of(prob: np.ndarray) -> np.ndarray:
    """The tier of each PD.

    >>> tier_of(np.array([0.01, 0.05, 0.99])).tolist()
    ['A', 'C', 'E']
    """
    names = np.array([name for name, _ in TIERS], dtype=object)
    return names[np.searchsorted([limit for _, limit in TIERS[:-1]], prob, side="right")]


def make_scores(model: Any, data: Any, card: str) -> Scores:
    """Score `data`: an object with `X` and, where known, `household`, `village` and `as_of`; or a plain frame."""
    data = as_pandas(data)
    X = data if isinstance(data, pd.DataFrame) else data.X
    prob = model.predict_proba(X)[:, 1]
    n = len(prob)
    table = pd.DataFrame(
        {
            "household": _column(data, "household", n, np.asarray(X.index)),
            "village": _column(data, "village", n, None),
            "as_of": _column(data, "as_of", n, None),
            "pd": prob,
            "points": model.points(X).to_numpy(),
            "tier": pd.Series(tier_of(prob)).astype("str"),
            "card": pd.Series([card] * n).astype("str"),
        }
    )
    counts = table["tier"].value_counts()
    facts = {"card": card, "rows": n, "mean_pd": float(prob.mean())}
    facts |= {f"tier_{name}": int(counts.get(name, 0)) for name, _ in TIERS}
    stamp = Stamp.of(table[["pd", "points"]], {"model": model.result_.stamp.to_dict(), "card": card})
    return Scores(table=table, stamp=stamp, facts=facts)


def join_scores(entry: Scores, behaviour: Scores) -> Scores:
    """One table of two cards: a household that the behaviour card scored is taken from there, others from the entry.

    Raises
    ------
    InputError : when both cards bear one name, or a card scores a household twice on one date.
    """
    first, second = entry.tidy(), behaviour.tidy()
    names = [str(one.facts["card"]) for one in (entry, behaviour)]
    if names[0] == names[1]:
        raise InputError(message("cards of two names", repr(names[0]), "join_scores", "Set Scorecard(name=...)."))
    keys = ["household", *(["as_of"] if first["as_of"].notna().all() and second["as_of"].notna().all() else [])]
    for name, table in zip(names, (first, second), strict=True):
        if table.duplicated(keys).any():
            raise InputError(message("one row per household and date", f"{int(table.duplicated(keys).sum())} more",
                                     f"scores of '{name}'", "Score one date at a time."))  # fmt: skip
    passed = pd.MultiIndex.from_frame(first[keys]).isin(pd.MultiIndex.from_frame(second[keys]))
    table = pd.concat([first[~passed], second], ignore_index=True).sort_values(keys, kind="stable", ignore_index=True)
    counts = table["card"].value_counts()
    facts: dict[str, Any] = {"rows": len(table)} | {name: int(counts.get(name, 0)) for name in names}
    facts |= {"mean_pd": float(table["pd"].mean())}
    facts |= {f"tier_{name}": int((table["tier"] == name).sum()) for name, _ in TIERS}
    return Scores(table=table, stamp=Stamp.of([entry.stamp.to_dict(), behaviour.stamp.to_dict()], names), facts=facts)


def _column(data: Any, name: str, n: int, default: Any) -> Any:
    value = None if isinstance(data, pd.DataFrame) else getattr(data, name, None)
    if value is None:
        return default if default is not None else pd.Series([None] * n, dtype="str")
    return value.reset_index(drop=True) if isinstance(value, pd.Series) else value
