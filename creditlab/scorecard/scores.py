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


def _column(data: Any, name: str, n: int, default: Any) -> Any:
    value = None if isinstance(data, pd.DataFrame) else getattr(data, name, None)
    if value is None:
        return default if default is not None else pd.Series([None] * n, dtype="str")
    return value.reset_index(drop=True) if isinstance(value, pd.Series) else value
