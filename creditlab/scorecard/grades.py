"""The master scale: grades of PD that every card of the bank shares.

A grade is a band of PD with a name. Use it to compare cards, to set limits by grade and to follow default rates; it
does not calibrate and does not decide. Observed rates come with Jeffreys intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from creditlab.checks import check_level, check_prob, check_target, check_weights
from creditlab.errors import InputError, message
from creditlab.results import Result, Stamp
from creditlab.scaling import Scale
from creditlab.scorecard.exhibit import RATE, Shown, exhibit


@dataclass(frozen=True)
class MasterScale:
    """Grades by PD: grade k holds PDs from the limit before it, included, up to `limits[k]`, excluded.

    Parameters
    ----------
    limits : PDs that part the grades, rising, between 0 and 1.
    names : one more than limits; None numbers them from 1 (safest).

    >>> MasterScale((0.01, 0.05)).grade([0.001, 0.01, 0.9]).tolist()
    ['1', '2', '3']
    """

    limits: tuple[float, ...]
    names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        limits = tuple(float(v) for v in self.limits)
        names = tuple(str(k + 1) for k in range(len(limits) + 1)) if self.names is None else tuple(self.names)
        object.__setattr__(self, "limits", limits)
        object.__setattr__(self, "names", names)
        steps = np.diff([0.0, *limits, 1.0])
        if not limits or not (steps > 0).all():
            raise InputError(message("rising PDs between 0 and 1", repr(limits), "MasterScale", "Correct the limits."))
        if len(names) != len(limits) + 1 or len(set(names)) < len(names):
            raise InputError(
                message(f"{len(limits) + 1} different names", repr(names), "MasterScale", "Name every grade once.")
            )

    @classmethod
    def geometric(cls, low: float, high: float, grades: int, names: Sequence[str] | None = None) -> MasterScale:
        """Grades whose PD limits rise by the same factor from `low` to `high`.

        >>> MasterScale.geometric(0.01, 0.16, 4).limits
        (0.01, 0.04, 0.16)
        """
        if not (0 < low < high < 1) or isinstance(grades, bool) or not isinstance(grades, int) or grades < 3:
            raise InputError(
                message(
                    "0 < low < high < 1 and 3 grades or more", repr((low, high, grades)), "geometric", "Correct it."
                )
            )
        limits = [float(f"{v:.12g}") for v in np.geomspace(low, high, grades - 1)]
        return cls(tuple(limits), None if names is None else tuple(names))

    def grade(self, prob: Any) -> np.ndarray:
        """The grade of each PD."""
        values = check_prob(prob)
        names: tuple[str, ...] = self.names or ()
        return np.array(names, dtype=object)[np.searchsorted(self.limits, values, side="right")]

    def table(
        self, prob: Any, bad: Any = None, weight: Any = None, scale: Scale | None = None, level: float = 0.9
    ) -> Grades:
        """Rows, mean PD and, where outcomes are known, the observed rate of every grade.

        Parameters
        ----------
        prob : n PDs. bad : n outcomes. weight : n weights.
        scale : then `points_from` and `points_to` say which scores a grade has (points >= from, < to).
        level : of the Jeffreys interval `bad_rate_lo bad_rate_hi`.
        """
        values = check_prob(prob)
        w = check_weights(weight, len(values))
        names: tuple[str, ...] = self.names or ()
        code = np.searchsorted(self.limits, values, side="right")
        n, ends = np.bincount(code, weights=w, minlength=len(names)), np.array([0.0, *self.limits, 1.0])
        with np.errstate(invalid="ignore"):
            mean = np.bincount(code, weights=w * values, minlength=len(names)) / n
        columns = {"grade": pd.Series(names, dtype="str"), "pd_from": ends[:-1], "pd_to": ends[1:], "n": n,
                   "share": n / n.sum(), "mean_pd": mean}  # fmt: skip
        if scale is not None:
            with np.errstate(divide="ignore"):
                at = scale.points_of_pd(ends)
            columns |= {"points_from": at[1:], "points_to": at[:-1]}
        if bad is not None:
            columns |= _observed(check_target(bad, "bad", len(values), both=False), w, code, n, check_level(level))
        frame = pd.DataFrame(columns)
        facts = {
            "n": float(n.sum()),
            "grades": len(names),
            "used": int((n > 0).sum()),
            "largest_share": float((n / n.sum()).max()),
        } | ({} if bad is None else {"level": level})
        return Grades(table=frame, stamp=Stamp.of([values, w], {"limits": list(self.limits)}), facts=facts)


FACTS = (
    Shown("户数", "n", "n"), Shown("等级", "grades", "grades"), Shown("有户的等级", "grades in use", "used"),
    Shown("最大占比", "largest share", "largest_share", RATE),
)  # fmt: skip
COLUMNS = (
    Shown("等级", "grade", "grade", ""),
    Shown("PD 自", "PD from", "pd_from", ".2%"),
    Shown("至", "to", "pd_to", ".2%"),
    Shown("户数", "n", "n"),
    Shown("占比", "share", "share", RATE),
    Shown("平均PD", "mean PD", "mean_pd", ".2%"),
    Shown("分值自", "points from", "points_from"),
    Shown("至", "to", "points_to"),
    Shown("坏", "bads", "bads"),
    Shown("坏账率", "bad rate", "bad_rate", ".2%", "bad_rate_lo", "bad_rate_hi"),
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Grades(Result):
    """A row per grade: `grade pd_from pd_to n share mean_pd`, points and outcomes where they are known."""

    title: ClassVar[str] = "Master scale 主标尺"

    def _repr_html_(self) -> str:
        return exhibit(self, FACTS, COLUMNS, note="PD 自（含）至（不含）。 PD from (included) to (excluded).")


def _observed(bad: np.ndarray, w: np.ndarray, code: np.ndarray, n: np.ndarray, level: float) -> dict[str, np.ndarray]:
    bads = np.bincount(code, weights=w * bad, minlength=len(n))
    with np.errstate(invalid="ignore"):
        rate = bads / n
    tail = (1 - level) / 2
    lo = np.where(bads > 0, betaincinv(bads + 0.5, n - bads + 0.5, tail), 0.0)
    hi = np.where(bads < n, betaincinv(bads + 0.5, n - bads + 0.5, 1 - tail), 1.0)
    empty = n == 0
    return {"bads": bads, "bad_rate": rate, "bad_rate_lo": np.where(empty, np.nan, lo),
            "bad_rate_hi": np.where(empty, np.nan, hi)}  # fmt: skip
