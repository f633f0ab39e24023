"""Two models beside each other: do card and booster say the same of a household and of a village, and where not.

Both speak in log-odds against their own baseline; a feature that only one of them uses counts as nothing in the other.
It sets explanations side by side and does not say which one is right: outcomes, or the known truth of a sample, do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from creditlab.checks import check_groups
from creditlab.errors import InputError, message
from creditlab.explanation.explanation import Explanation
from creditlab.results import Result, Stamp

#: leading contributions that are compared as a set
TOP = 3


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Comparison(Result):
    """How two explanations of the same rows agree; `tidy()` has a row per measure: `measure value n`.

    Parameters
    ----------
    names : of the two models. first, second : the explanations.
    households : a row per household: `log_odds_1 log_odds_2 gap leader_1 leader_2 same_leader shared`, `gap` the
        second's log-odds less the first's, leaders the features that raise the risk most, `shared` the Jaccard index of
        the three largest contributions.
    villages : a row per group: `n gap_1 gap_2 difference driver_1 driver_2 apart`: mean log-odds less all households'
        under each model, the feature that moves each most, and half the sum of absolute differences by feature.
    """

    title: ClassVar[str] = "Two models 两个模型"
    plots: ClassVar[str] = "explanation_pair"

    names: tuple[str, str]
    first: Explanation
    second: Explanation
    households: pd.DataFrame
    villages: pd.DataFrame

    def disagreements(self, k: int = 50, lang: str = "zh", reasons: int = 2) -> pd.DataFrame:
        """The k households on which the two differ most, with the reasons of both side by side."""
        rows = self.households["gap"].abs().sort_values(ascending=False, kind="stable").index[:k]
        told = []
        for number, e in ((1, self.first), (2, self.second)):
            listed = e.reasons(reasons, lang).loc[rows]
            listed = listed[[f"reason_{i + 1}" for i in range(reasons)]]
            told.append(listed.rename(columns=lambda c, number=number: f"{c}_of_{number}"))
        return pd.concat([self.households.loc[rows], *told], axis=1)


def compare(
    first: Explanation, second: Explanation, groups: Any = None, names: tuple[str, str] = ("card", "booster")
) -> Comparison:
    """Set two explanations of the same rows side by side, per household and per group (village).

    Parameters
    ----------
    first, second : what `explain` gave for the same rows in the same order, with unique labels.
    groups : the village of each row; None compares households only.
    names : what the two models are called.

    Raises
    ------
    InputError : for explanations of other rows, or labels that occur twice.
    """
    one, two = first.values, second.values
    if not one.index.equals(two.index) or not one.index.is_unique:
        raise InputError(
            message("explanations of the same rows, each once", "other rows", "compare", "Explain the same frame.")
        )
    columns = list(dict.fromkeys([*one.columns, *two.columns]))
    arrays = tuple(frame.reindex(columns=columns, fill_value=0.0).to_numpy() for frame in (one, two))
    households = _households(arrays, columns, first, second)
    villages = _villages(arrays, columns, groups)
    table = _measures(households, villages, arrays)
    facts = {"rows": len(households), "groups": len(villages), "first": names[0], "second": names[1]}
    stamp = Stamp.of([*arrays], {"first": first.model, "second": second.model})
    return Comparison(
        table=table, stamp=stamp, facts=facts, names=names, first=first, second=second, households=households,
        villages=villages,
    )  # fmt: skip


def top_sets(values: np.ndarray, k: int) -> np.ndarray:
    """(n, p) which k contributions of each row are largest; only those that raise the risk."""
    order = np.argsort(-np.rint(values * 1e9), axis=1, kind="stable")[:, :k]
    chosen = np.zeros(values.shape, dtype=bool)
    np.put_along_axis(chosen, order, True, axis=1)
    return chosen & (values > 1e-9)


def jaccard(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """(n,) shared members of two sets over all members; 1 where both are empty."""
    both, either = (one & two).sum(axis=1), (one | two).sum(axis=1)
    return np.divide(both, either, out=np.ones(len(one)), where=either > 0)


def leading(values: np.ndarray, columns: list[str]) -> np.ndarray:
    """(n,) the feature that raises the risk of each row most; 'none' where nothing does."""
    best = np.argmax(np.rint(values * 1e9), axis=1)
    there = values[np.arange(len(values)), best] > 1e-9
    return np.where(there, np.array(columns, dtype=object)[best], "none")


def _households(
    arrays: tuple[np.ndarray, ...], columns: list[str], first: Explanation, second: Explanation
) -> pd.DataFrame:
    led = [leading(values, columns) for values in arrays]
    log_odds = [e.log_odds.to_numpy() for e in (first, second)]
    return pd.DataFrame(
        {
            "log_odds_1": log_odds[0],
            "log_odds_2": log_odds[1],
            "gap": log_odds[1] - log_odds[0],
            "leader_1": pd.Series(led[0], dtype="str").to_numpy(),
            "leader_2": pd.Series(led[1], dtype="str").to_numpy(),
            "same_leader": led[0] == led[1],
            "shared": jaccard(*(top_sets(values, TOP) for values in arrays)),
        },
        index=first.values.index,
    )


def _villages(arrays: tuple[np.ndarray, ...], columns: list[str], groups: Any) -> pd.DataFrame:
    names = ["n", "gap_1", "gap_2", "difference", "driver_1", "driver_2", "apart"]
    if groups is None:
        return pd.DataFrame(columns=names)
    labels = check_groups(groups, len(arrays[0]))
    codes, listed = pd.factorize(labels, sort=True)
    n = np.bincount(codes, minlength=len(listed))
    gaps = []
    for values in arrays:
        sums = np.zeros((len(listed), values.shape[1]))
        np.add.at(sums, codes, values)
        gaps.append(sums / n[:, None] - values.mean(axis=0))
    total = [gap.sum(axis=1) for gap in gaps]
    # what moves a village most, in the direction in which it differs
    driver = [np.argmax(gap * np.sign(whole)[:, None], axis=1) for gap, whole in zip(gaps, total, strict=True)]
    table = pd.DataFrame(
        {
            "n": n, "gap_1": total[0], "gap_2": total[1], "difference": total[1] - total[0],
            "driver_1": np.array(columns)[driver[0]], "driver_2": np.array(columns)[driver[1]],
            "apart": np.abs(gaps[0] - gaps[1]).sum(axis=1) / 2,
        },
        index=pd.Index(listed, name="group"),
    )  # fmt: skip
    return table[names]


def _measures(households: pd.DataFrame, villages: pd.DataFrame, arrays: tuple[np.ndarray, ...]) -> pd.DataFrame:
    n = len(households)
    order = [np.abs(values).mean(axis=0) for values in arrays]
    rows: list[tuple[str, float, int]] = [
        ("rank correlation of log-odds", _rank(households["log_odds_1"], households["log_odds_2"]), n),
        ("mean absolute difference of log-odds", float(households["gap"].abs().mean()), n),
        ("share with the same leading feature", float(households["same_leader"].mean()), n),
        ("mean Jaccard index of the top three", float(households["shared"].mean()), n),
        ("rank correlation of importance", _rank(*order), n),
    ]
    if len(villages):
        same = float((villages["driver_1"] == villages["driver_2"]).mean())
        rows += [
            ("rank correlation of village gaps", _rank(villages["gap_1"], villages["gap_2"]), len(villages)),
            ("share of villages with the same driver", same, len(villages)),
        ]
    return pd.DataFrame(rows, columns=["measure", "value", "n"]).astype({"measure": "str"})


def _rank(one: Any, two: Any) -> float:
    if len(one) < 2 or np.ptp(np.asarray(one)) == 0 or np.ptp(np.asarray(two)) == 0:
        return float("nan")
    return float(spearmanr(one, two).statistic)
