"""The sample of a card with its split: which rows train, which villages test, which later periods are out of time.

Give it to `Scorecard.fit`: the card is fitted on the training rows alone and shows itself on all three. The split is a
part of the data, so that no later step can mix them up. It bins nothing and judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_frame, check_groups, check_target, check_weights
from creditlab.errors import InputError, message

ROLES = ("train", "test", "out_of_time")
ROLE_NAMES = {"train": ("训练", "train"), "test": ("测试", "test"), "out_of_time": ("跨期", "out of time")}


@dataclass(frozen=True, eq=False, repr=False)
class Sample:
    """Rows of raw columns with outcome, village, period, weight, and the role of each row.

    Parameters
    ----------
    X : frame of raw columns. y : 0/1, 1 = bad.
    village : n labels; then whole villages are tested and intervals allow for them.
    period : n labels of time that sort in order (dates, 202301, …).
    weight : n weights.
    role : n of 'train', 'test', 'out_of_time'; all 'train' until `split` is called.

    >>> rng = np.random.default_rng(0)
    >>> rows = Sample(pd.DataFrame({"a": rng.normal(size=200)}), rng.integers(0, 2, 200), village=np.arange(200) // 10)
    >>> rows.split(test=0.25, seed=1)
    <Sample 200 rows: 150 train, 50 test>
    """

    X: pd.DataFrame
    y: Any
    village: Any = None
    period: Any = None
    weight: Any = None
    role: Any = None

    def __post_init__(self) -> None:
        frame = check_frame(self.X, "Sample(X=...)")
        n = len(frame)
        set_ = object.__setattr__
        set_(self, "y", check_target(self.y, "y", n, both=False))
        set_(self, "village", None if self.village is None else check_groups(self.village, n, "village"))
        set_(self, "period", None if self.period is None else check_groups(self.period, n, "period"))
        set_(self, "weight", None if self.weight is None else check_weights(self.weight, n, "weight"))
        role = np.full(n, "train", dtype=object) if self.role is None else np.asarray(self.role, dtype=object)
        if role.shape != (n,) or not set(role.tolist()) <= set(ROLES):
            raise InputError(message(f"one of {', '.join(ROLES)} per row", "others", "role", "Use split()."))
        set_(self, "role", role)

    @classmethod
    def of(cls, data: Any) -> Sample:
        """The sample of a modelling frame: its `X`, `y`, `village`, `period` where there are several, and weights."""
        period, weight = getattr(data, "period", None), getattr(data, "weight", None)
        several = period is not None and pd.Series(period).nunique() > 1
        weighted = weight is not None and not (np.asarray(weight) == 1).all()
        return cls(
            data.X, data.y, getattr(data, "village", None), period if several else None, weight if weighted else None
        )

    def split(self, test: float = 0.25, out_of_time: Any = None, seed: int = 0) -> Sample:
        """The same rows with their roles: later periods first, then villages (or rows) at random.

        Parameters
        ----------
        test : share of the rows before `out_of_time` that are tested: whole villages where villages are known.
        out_of_time : rows of this period and later; needs periods.

        Raises
        ------
        InputError : when a role that was asked for would be without goods or bads.
        """
        if isinstance(test, bool) or not isinstance(test, int | float) or not 0 <= test < 1:
            raise InputError(message("a share from 0 to below 1", repr(test), "test", "A quarter is 0.25."))
        role = np.full(len(self.X), "train", dtype=object)
        if out_of_time is not None:
            if self.period is None:
                raise InputError(message("the period of each row", "none", "out_of_time", "Give Sample(period=...)."))
            role[self._from(out_of_time)] = "out_of_time"
        if test > 0:
            role[self._tested(role == "train", test, np.random.default_rng(seed))] = "test"
        for name in ROLES:
            rows = role == name
            asked = (
                name == "train" or (name == "test" and test > 0) or (name == "out_of_time" and out_of_time is not None)
            )
            if asked and len(np.unique(self.y[rows])) < 2:
                raise InputError(
                    message("goods and bads in every part", f"{int(rows.sum())} rows of one kind or none", name,
                            "Use another share, seed or period.")
                )  # fmt: skip
        return replace(self, role=role)

    def _from(self, period: Any) -> np.ndarray:
        """The rows of a period and later."""
        try:
            return (pd.Series(self.period).infer_objects() >= period).to_numpy(dtype=bool)
        except TypeError:
            raise InputError(
                message("a period of the kind of the periods", repr(period), "out_of_time", "Write it as they are.")
            ) from None

    def _tested(self, free: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
        """The rows to test: goods and bads by share, or whole villages until the share is reached."""
        if self.village is None:
            picked = [rng.permutation(np.flatnonzero(free & (self.y == v))) for v in (0, 1)]
            return np.concatenate([rows[: round(share * len(rows))] for rows in picked])
        codes = pd.factorize(self.village)[0]
        size = np.bincount(codes, weights=free)
        order = rng.permutation(np.flatnonzero(size > 0))
        chosen = order[np.cumsum(size[order]) <= share * free.sum() + 1e-9]
        return np.flatnonzero(free & np.isin(codes, chosen if len(chosen) else order[:1]))

    def part(self, role: str) -> Sample:
        """The rows of one role."""
        rows = self.role == role
        parts = {name: getattr(self, name) for name in ("village", "period", "weight")}
        return Sample(self.X[rows], self.y[rows], role=self.role[rows],
                      **{name: None if v is None else v[rows] for name, v in parts.items()})  # fmt: skip

    def parts(self) -> Iterator[tuple[str, Sample]]:
        """Every role that has rows, with them."""
        return ((name, self.part(name)) for name in ROLES if (self.role == name).any())

    def __repr__(self) -> str:
        counts = ", ".join(f"{int((self.role == name).sum())} {name}" for name in ROLES if (self.role == name).any())
        return f"<Sample {len(self.X)} rows: {counts}>"
