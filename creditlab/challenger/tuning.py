"""Settings of a challenger tried on a budget: held-out villages decide, every trial is kept.

Use it when a challenger seems weak. It draws settings at random within stated ranges (J. Bergstra, Y. Bengio, JMLR
2012), judges each by the same folds, and gives back an unfitted challenger. The budget is a number of trials, so that
the same seed finds the same settings on any machine; a limit in seconds may end it earlier, and says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import clone

from creditlab.challenger.boosting import choose_trees
from creditlab.challenger.challenger import Challenger
from creditlab.challenger.coding import design_matrix
from creditlab.errors import InputError, message
from creditlab.estimators import read_sample
from creditlab.results import Result, Stamp

#: setting → how it is drawn: words give the kind, numbers the ends
SPACE: dict[str, tuple[str, float, float]] = {
    "learning_rate": ("log", 0.02, 0.15),
    "num_leaves": ("whole", 3, 31),
    "max_depth": ("whole", 2, 6),
    "min_child_weight": ("log", 10, 200),
    "feature_share": ("even", 0.3, 1.0),
    "penalty": ("log", 0.1, 30),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Tuning(Result):
    """A row per trial, the best first: the settings, `trees log_loss rank tried`; trial 0 is the challenger as it was.

    Parameters
    ----------
    best : the unfitted challenger of least held-out log-loss; the first one where two tie.
    """

    title: ClassVar[str] = "Tuning 调参"

    best: Challenger


def tune(
    challenger: Challenger,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    groups: Any = None,
    *,
    trials: int = 20,
    seconds: float | None = None,
    seed: int = 0,
    progress: Callable[[Iterable[int]], Iterable[int]] | None = None,
) -> Tuning:
    """Try settings of a challenger; folds hold whole groups (villages) out together.

    Parameters
    ----------
    challenger : an unfitted `Challenger`; its directions, special codes, binner and seed stay.
    X, y, sample_weight, groups : as in `Challenger.fit`.
    trials : settings tried beside those that it has. seconds : no trial begins later than this; None sets no limit.
    progress : wraps the trials; None shows a progress bar on a terminal, with the least log-loss so far.

    Raises
    ------
    InputError : for budgets that are not positive, or a sample with too few bads to choose by.

    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"income": rng.normal(size=1500)})
    >>> y = (rng.random(1500) < 1 / (1 + np.exp(1 + X["income"]))).astype(int)
    >>> found = tune(Challenger(n_estimators=40, folds=3), X, y, trials=2)
    >>> len(found.tidy()), type(found.best).__name__
    (3, 'Challenger')
    """
    _check_budget(trials, seconds)
    frame, bad, weight, codes = read_sample(clone(challenger), X, y, sample_weight, groups)
    challenger._check_settings()
    drawn = draw_settings(trials, seed)
    bar = _bar(range(trials + 1)) if progress is None else progress(range(trials + 1))
    rows: list[dict[str, Any]] = []
    started = time.monotonic()
    for trial in bar:
        if seconds is not None and rows and time.monotonic() - started > seconds:
            break
        settings = {} if trial == 0 else drawn[trial - 1]
        rows.append(_tried(clone(challenger).set_params(**settings), trial, frame, bad, weight, codes))
        if hasattr(bar, "set_postfix"):
            bar.set_postfix(log_loss=min(row["log_loss"] for row in rows))
    table = pd.DataFrame(rows).sort_values("log_loss", kind="stable", ignore_index=True)
    if table["log_loss"].isna().all():
        raise InputError(
            message(
                "at least 50 bads and 50 goods in folds", f"{int(bad.sum())} bads", "tune", "Keep the default settings."
            )
        )
    table["rank"] = np.arange(1, len(table) + 1)
    best = int(table.loc[0, "trial"])
    facts = {
        "trials": len(table) - 1, "asked": trials, "ended_by_time": len(table) - 1 < trials,
        "log_loss_before": float(rows[0]["log_loss"]), "log_loss_best": float(table.loc[0, "log_loss"]),
    }  # fmt: skip
    stamp = Stamp.of([frame, bad, weight], {"trials": trials, "seconds": seconds}, seed=seed)
    chosen = clone(challenger).set_params(**({} if best == 0 else drawn[best - 1]))
    return Tuning(table=table, stamp=stamp, facts=facts, best=chosen)


def draw_settings(trials: int, seed: int) -> list[dict[str, Any]]:
    """Settings drawn from `SPACE`: evenly, evenly in logarithms, or as whole numbers."""
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(trials):
        one: dict[str, Any] = {}
        for name, (kind, low, high) in SPACE.items():
            if kind == "whole":
                one[name] = int(rng.integers(int(low), int(high) + 1))
            elif kind == "log":
                one[name] = float(np.round(np.exp(rng.uniform(np.log(low), np.log(high))), 4))
            else:
                one[name] = float(np.round(rng.uniform(low, high), 3))
        drawn.append(one)
    return drawn


def _tried(
    model: Challenger, trial: int, frame: pd.DataFrame, bad: np.ndarray, weight: np.ndarray, codes: np.ndarray | None
) -> dict[str, Any]:
    growth = model._growth(weight)
    _, codings, _, grown_on = model._codings(frame, bad, weight, codes, growth.min_child_weight)
    design = design_matrix(codings, grown_on)
    directions = model._directions(codings, design, bad, weight, model._declared(frame))
    params = growth.params(directions, float(weight @ bad / weight.sum()))
    chosen = choose_trees(design, bad, weight, codes, params, growth)
    settings = {name: getattr(growth, name) for name in SPACE}
    return {"trial": trial, **settings, "trees": chosen.trees, "log_loss": chosen.loss}


def _bar(trials: range) -> Any:
    from tqdm import tqdm

    return tqdm(trials, desc="tune 调参", unit="trial", disable=None)


def _check_budget(trials: int, seconds: float | None) -> None:
    if isinstance(trials, bool) or not isinstance(trials, int) or trials < 1:
        raise InputError(message("a whole number of trials, at least 1", repr(trials), "tune(trials=...)", "Try 20."))
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0):
        raise InputError(message("a positive number of seconds", repr(seconds), "tune(seconds=...)", "Or None."))
