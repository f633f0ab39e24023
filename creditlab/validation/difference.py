"""What changed between two validations: states, figures, what is new and what is gone.

A change of a figure is told together with whether it is more than chance: z from both intervals. It compares what both
have under the same id and scope; it does not run anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from creditlab.errors import InputError, message
from creditlab.results import Result, Stamp
from creditlab.validation.multiplicity import adjust
from creditlab.validation.result import SEVERITY

KEY = ["id", "model", "scope"]
COLUMNS = ["section", *KEY, "n_old", "n_new", "estimate_old", "estimate_new", "change", "z", "p_value", "p_adjusted"]
COLUMNS += ["verdict_old", "verdict_new", "state", "test_zh", "test_en"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ValidationDiff(Result):
    """A row per line that either validation has: figures then and now, z of the change, verdicts, state.

    state : worse, better (the colour changed), changed (the figure changed significantly), same, new, gone, or
    unjudged where one side has no figure.
    """

    title: ClassVar[str] = "Changes between two validations 两次验证的变化"
    plots: ClassVar[str] = "validation"

    def changes(self) -> pd.DataFrame:
        """The rows that are not the same."""
        table = self.table
        return table[table["state"] != "same"].reset_index(drop=True)


def validation_diff(old: Any, new: Any, level: float = 0.95) -> ValidationDiff:
    """What changed from an earlier validation to a later one.

    Parameters
    ----------
    old, new : ValidationResult, or its `to_dict()`. level : the changes of figures are significant at 1 - level after
        Holm over all that can be compared; samples count as independent.

    >>> from creditlab.validation import validate
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(2, 8, 400)
    >>> one = validate(rng.random(400) < p, p)
    >>> validation_diff(one, one).facts["worse"]
    0
    """
    then, now = _table(old, "old"), _table(new, "new")
    both = then.merge(now, on=KEY, how="outer", suffixes=("_old", "_new"), indicator=True, sort=False)
    order = {key: i for i, key in enumerate(map(tuple, pd.concat([now[KEY], then[KEY]]).drop_duplicates().to_numpy()))}
    both = both.assign(place=[order[tuple(k)] for k in both[KEY].to_numpy()]).sort_values("place", kind="stable")
    table = pd.DataFrame({name: both[name].to_numpy() for name in KEY})
    for name in ("section", "test_zh", "test_en"):
        table[name] = both[f"{name}_new"].where(both[f"{name}_new"].notna(), both[f"{name}_old"]).to_numpy()
    for name in ("n", "estimate", "verdict"):
        for side in ("old", "new"):
            table[f"{name}_{side}"] = both[f"{name}_{side}"].to_numpy()
    table["change"] = both["estimate_new"].to_numpy(dtype=float) - both["estimate_old"].to_numpy(dtype=float)
    table["z"] = table["change"] / np.sqrt(_error(both, "old") ** 2 + _error(both, "new") ** 2)
    table["p_value"] = 2 * ndtr(-np.abs(table["z"].to_numpy(dtype=float)))
    table["p_adjusted"] = adjust(table["p_value"].to_numpy(), "holm")
    side = both["_merge"].astype(str).to_numpy()
    table["state"] = [_state(row, where, 1 - level) for row, where in zip(table.itertuples(), side, strict=True)]
    counts = table["state"].value_counts()
    facts = {
        name: int(counts.get(name, 0)) for name in ("worse", "better", "changed", "new", "gone", "same", "unjudged")
    }
    return ValidationDiff(table=table[COLUMNS], stamp=Stamp.of([then, now], {"level": level}), facts=facts)


def _table(given: Any, name: str) -> pd.DataFrame:
    rows = given.tidy() if isinstance(given, Result) else given.get("table") if isinstance(given, Mapping) else None
    if rows is None:
        raise InputError(message("a ValidationResult or its to_dict()", type(given).__name__, name, "Pass the result."))
    table = pd.DataFrame(rows)
    gone = [
        c
        for c in (*KEY, "section", "n", "estimate", "lo", "hi", "level", "verdict", "test_zh", "test_en")
        if c not in table
    ]
    if gone:
        raise InputError(
            message("the columns of a validation", f"none of {', '.join(gone)}", name, "Pass the result of `validate`.")
        )
    table = table.assign(**{c: pd.to_numeric(table[c]).astype(float) for c in ("estimate", "lo", "hi", "level", "n")})
    return table.drop_duplicates(KEY)


def _error(both: pd.DataFrame, side: str) -> np.ndarray:
    """Standard errors from the widths of the intervals, NaN where there is none."""
    lo, hi, level = (both[f"{c}_{side}"].to_numpy(dtype=float) for c in ("lo", "hi", "level"))
    error = (hi - lo) / (2 * ndtri((1 + np.where(np.isnan(level), 0.95, level)) / 2))
    return np.where(error > 0, error, np.nan)


def _state(row: Any, side: str, alpha: float) -> str:
    if side != "both":
        return "gone" if side == "left_only" else "new"
    if row.verdict_old != row.verdict_new:
        if "info" in (row.verdict_old, row.verdict_new):
            return "unjudged"
        return "worse" if SEVERITY.index(row.verdict_new) > SEVERITY.index(row.verdict_old) else "better"
    return "changed" if row.p_adjusted < alpha else "same"
