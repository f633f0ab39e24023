"""Two models judged by the known truth of the sample county: where they disagree, which one is nearer.

For notebooks and tests: a real county has no truth, there outcomes decide in time. Levels are not judged, only the
differences between households and between villages: each model's log-odds are taken about their own mean.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.errors import InputError, UnreadableError, message
from creditlab.results import Result, Stamp
from creditlab.village.intervals import jeffreys_limits

#: bands of disagreement between two models: quarters of the households, by the size of the difference
BANDS = ("smallest quarter", "second quarter", "third quarter", "largest quarter")
COLUMNS = ("scope", "band", "n", "gap", "error_1", "error_2", "second_nearer", "lo", "hi")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Judgement(Result):
    """A row per band of disagreement: `scope band n gap error_1 error_2 second_nearer lo hi`.

    `scope` is 'households' or 'villages'; `gap` the mean absolute difference of the two models' log-odds, `error_1` and
    `error_2` their mean absolute distance from the truth, `second_nearer` the share of the n that the second model is
    nearer to, with its 90 % interval (Jeffreys).
    """

    title: ClassVar[str] = "Two models judged by the truth 以真值评判两个模型"


def true_pd(index: pd.Index, households: Any, as_of: Any, folder: str | os.PathLike[str]) -> pd.Series:
    """The true PD of each row of a modelling frame, NaN where the county does not know it.

    Parameters
    ----------
    index, households, as_of : of the rows: `data.X.index`, `data.household`, `data.as_of`.
    folder : the folder of the sample county; the truth lies under `truth/`.
    """
    place = Path(folder) / "truth" / "performance.parquet"
    if not place.is_file():
        raise UnreadableError(
            message("a county that knows its truth", "no performance.parquet", str(folder), "Use the sample county.")
        )
    known = pd.read_parquet(place).set_index(["household_id", "as_of"])["pd"]
    keys = pd.MultiIndex.from_arrays([np.asarray(households), pd.to_datetime(np.asarray(as_of))])
    return pd.Series(known.reindex(keys).to_numpy(), index=index, name="true_pd")


def nearer_to_truth(comparison: Any, truth: Any, groups: Any = None) -> Judgement:
    """Which of two models is nearer to the true PD, by how much they disagree; per household and per village.

    Parameters
    ----------
    comparison : what `compare` gave. truth : true PD of the same rows, NaN where it is not known.
    groups : the village of each row; None judges households only.

    Raises
    ------
    InputError : when no row has a known truth, or truth has another length.
    """
    table = comparison.households
    prob = np.asarray(truth, dtype=float)
    if len(prob) != len(table) or not ((prob > 0) & (prob < 1)).any():
        raise InputError(
            message(f"{len(table)} true PDs", f"{len(prob)} or none known", "nearer_to_truth", "Pass true_pd(...).")
        )
    known = (prob > 0) & (prob < 1)
    true = np.log(prob[known]) - np.log1p(-prob[known])
    told = table.loc[known, ["log_odds_1", "log_odds_2"]].to_numpy()
    rows = _bands("households", told, true)
    if groups is not None:
        codes, names = pd.factorize(np.asarray(groups, dtype=object)[known], sort=True)
        n = np.bincount(codes, minlength=len(names))
        means = [np.bincount(codes, weights=v, minlength=len(names)) / n for v in (*told.T, true)]
        rows += _bands("villages", np.column_stack(means[:2]), means[2])
    facts = {"rows": int(known.sum()), "first": comparison.names[0], "second": comparison.names[1]}
    stamp = Stamp.of([told, true], {"names": list(comparison.names)})
    return Judgement(table=pd.DataFrame(rows, columns=list(COLUMNS)), stamp=stamp, facts=facts)


def _bands(scope: str, told: np.ndarray, true: np.ndarray) -> list[tuple[Any, ...]]:
    told, true = told - told.mean(axis=0), true - true.mean()
    apart, error = np.abs(told[:, 1] - told[:, 0]), np.abs(told - true[:, None])
    quarter = np.minimum((np.argsort(np.argsort(apart, kind="stable"), kind="stable") * 4) // max(len(apart), 1), 3)
    rows = []
    for number, band in [*enumerate(BANDS), (-1, "all")]:
        here = quarter == number if number >= 0 else np.ones(len(apart), dtype=bool)
        if not here.any():
            continue
        nearer, n = int((error[here, 1] < error[here, 0]).sum()), int(here.sum())
        lo, hi = jeffreys_limits(np.array([nearer]), np.array([n]), 0.9)
        rows.append((scope, band, n, float(apart[here].mean()), *error[here].mean(axis=0).tolist(), nearer / n,
                     float(lo[0]), float(hi[0])))  # fmt: skip
    return rows
