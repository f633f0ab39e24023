"""Two characteristics taken together as one: a small grid of their bins, its cells grouped by bad rate.

Each side is binned on its own into at most `bins` regular bins; missing values, special codes and unseen levels of a
side have rows and columns of their own. The cells of the grid are then levels of a text column, grouped as levels are:
in order of their (for many cells shrunken) bad rate, by the exact programme. Without a least size this is the best of
all groupings into that many groups, because groups of the greatest information value never interleave in bad rate;
with one it is the best among those in that order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning.spec import BinSpec


@dataclass(frozen=True)
class Cross:
    """Two columns that act on risk together, such as crop and insurance.

    Parameters
    ----------
    first, second : the columns.
    bins : the most regular bins of each side.

    >>> Cross("crop", "insured").name
    'crop × insured'
    """

    first: str
    second: str
    bins: int = 4

    @property
    def name(self) -> str:
        """The name of the joint characteristic."""
        return f"{self.first} × {self.second}"

    def to_dict(self) -> dict[str, Any]:
        """The cross as JSON types."""
        return {"first": self.first, "second": self.second, "bins": self.bins}


def cell_names(sides: Sequence[BinSpec]) -> np.ndarray:
    """(bins of the first, bins of the second): what each cell is called, each name once.

    >>> flag = BinSpec("insured", "flag", cuts=(1.0,))
    >>> cell_names((flag, flag))[0, 1]
    '否 no & 是 yes'
    """
    first, second = (_distinct([side.label(k) for k in range(side.size)]) for side in sides)
    return np.array([[f"{a} & {b}" for b in second] for a in first], dtype=object)


def _distinct(labels: list[str]) -> list[str]:
    """Labels of long lists of levels may be cut short alike: then their numbers tell them apart."""
    return [label if labels.count(label) == 1 else f"{label} #{k}" for k, label in enumerate(labels)]


def joint_values(sides: Sequence[BinSpec], frame: pd.DataFrame, name: str) -> pd.Series:
    """The cell of each row, by name."""
    first, second = (side.codes(frame[side.name]) for side in sides)
    names = cell_names(sides)
    cells = pd.Categorical.from_codes(first.astype(np.int64) * names.shape[1] + second, categories=names.reshape(-1))
    return pd.Series(cells, index=frame.index, name=name)
