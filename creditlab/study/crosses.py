"""Crosses that a booster finds for a card: at most three, each kept only where rows that it never saw support it.

Use it where a card falls behind its challenger. A booster names the pairs of features that act together; each pair is
tried as one more characteristic, with bins found in every fold anew and whole villages held out, and enters while its
gain in held-out log-likelihood is beyond chance. The card stays a page of points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtri
from sklearn.base import clone

from creditlab.binning import Binner, Cross
from creditlab.challenger import Challenger, count_patterns
from creditlab.checks import check_groups, check_target, check_weights
from creditlab.errors import InputError, message
from creditlab.explanation.shapley import interaction_values
from creditlab.results import Result, Stamp
from creditlab.scorecard import Scorecard, fit_logistic
from creditlab.scorecard.fitting import Regression, Target, joint_effects, regress
from creditlab.scorecard.joint import Bins, Line
from creditlab.scorecard.splits import Split, make_splits

#: pairs that are tried: the strongest of the booster
TRIED = 8
#: a gain is beyond chance where it is above 0 at this level, one-sided, shared among the pairs that are tried
#: (Bonferroni)
LEVEL = 0.05
#: rows on which interactions of the booster are counted
ROWS = 2_000


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CrossSearch(Result):
    """A row per pair tried: `pair first second strength step gain se taken zh en`; `card` has the crosses that held.

    `strength` is the booster's mean absolute interaction (log-odds), `gain` what the pair adds to the held-out
    log-likelihood of the card at the step at which it entered or last was tried (nats over all rows), with its standard
    error by village.
    """

    title: ClassVar[str] = "Crosses 交叉特征"

    card: Scorecard
    crosses: tuple[Cross, ...]


def find_crosses(
    card: Scorecard,
    X: pd.DataFrame,
    y: Any,
    groups: Any = None,
    *,
    sample_weight: Any = None,
    booster: Challenger | None = None,
    most: int = 3,
    folds: int = 5,
    seed: int = 0,
) -> CrossSearch:
    """The card with the crosses that a booster finds and held-out rows support.

    Parameters
    ----------
    card : a `Scorecard`, fitted or not; it is cloned, never changed.
    X, y, groups, sample_weight : the training rows, as for `card.fit`; no other row is looked at.
    booster : an unfitted `Challenger`; None takes one with the card's special codes and trees of depth two.
    most : crosses that may enter, 0 to 3: more would no longer fit on a page.
    folds, seed : of the held-out rows; whole villages where `groups` are given.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame(rng.normal(size=(3000, 3)), columns=["a", "b", "c"])
    >>> y = (rng.random(3000) < 1 / (1 + np.exp(1 - 1.5 * (X["a"] > 0) * (X["b"] > 0) - X["c"]))).astype(int)
    >>> find_crosses(Scorecard(), X, y).crosses[0].name
    'a × b'
    """
    if isinstance(most, bool) or not isinstance(most, int) or not 0 <= most <= 3:
        raise InputError(message("a whole number from 0 to 3", repr(most), "find_crosses(most=...)", "Take 3."))
    bad, weight = check_target(y, "y", len(X)).astype(float), check_weights(sample_weight, len(X))
    codes = None if groups is None else pd.factorize(check_groups(groups, len(X)))[0]
    target = Target(bad, weight, codes)
    pairs = _strongest(card, X, target, booster, seed)
    binner = Binner() if card.binner is None else clone(card.binner)
    crossed = binner.set_params(crosses=(*binner.crosses, *(cross for cross, _ in pairs)))
    splits = make_splits(crossed, X, target, None, folds, seed)
    names = [n for n in splits[0].woe_train.columns if n not in {cross.name for cross, _ in pairs}]
    how = card.regression().settled(target.events, len(names))
    rows, taken = _greedy(splits, target, names, [cross for cross, _ in pairs], how, most)
    crosses = tuple(cross for name in taken for cross, _ in pairs if cross.name == name)
    table = pd.DataFrame(
        [
            {"pair": c.name, "first": c.first, "second": c.second, "strength": strength} | rows[c.name]
            for c, strength in pairs
        ],
        columns=["pair", "first", "second", "strength", "step", "gain", "se", "taken"],
    )
    table = _told(table.sort_values(["taken", "gain"], ascending=False, kind="stable", ignore_index=True))
    final = clone(card).set_params(binner=clone(crossed).set_params(crosses=(*_own(card), *crosses)))
    final = final.fit(X, check_target(y, "y", len(X)), sample_weight, groups)
    facts = {"tried": len(pairs), "taken": len(crosses), "folds": len(splits), "rows": len(X), "bads": float(bad.sum())}
    stamp = Stamp.of([X, bad, weight], {"most": most, "folds": folds}, seed)
    return CrossSearch(table=table, stamp=stamp, facts=facts, card=final, crosses=crosses)


def _own(card: Scorecard) -> tuple[Any, ...]:
    return () if card.binner is None else tuple(card.binner.crosses)


def _strongest(
    card: Scorecard, X: pd.DataFrame, target: Target, booster: Challenger | None, seed: int
) -> list[tuple[Cross, float]]:
    """The pairs that act together most in a booster, with their mean absolute interaction."""
    if booster is None:
        special = None if card.binner is None else card.binner.special
        booster = Challenger(special=special, num_leaves=4, max_depth=2, seed=seed)
    fitted = clone(booster).fit(X, target.bad.astype(int), target.weight, target.groups)
    some = np.sort(np.random.default_rng(seed).permutation(len(X))[:ROWS])
    result = fitted.result_
    design = result.design(X.iloc[some])
    found = interaction_values(result.trees, design, count_patterns(result.trees, design), result.players)
    known = {cross.name for cross in _own(card)}
    listed = []
    for (i, j), values in found.items():
        first, second = (result.features[k] for k in sorted((i, j)))
        cross = Cross(first, second)
        if cross.name not in known and " × " not in first + second:
            listed.append((cross, float(np.abs(values).mean())))
    return sorted(listed, key=lambda pair: (-pair[1], pair[0].name))[:TRIED]


@dataclass(frozen=True)
class _Fold:
    """A split with what each feature of the card adds to the log-odds, on training and on held-out rows."""

    split: Split
    level: float
    train: dict[str, np.ndarray]
    test: dict[str, np.ndarray]

    @classmethod
    def of(cls, split: Split, target: Target, names: list[str], how: Regression) -> _Fold:
        """The card of these features, fitted on the training rows of a split."""
        own = Target(target.bad[split.train], target.weight[split.train])
        woe, seen = split.woe_train[names], split.woe_test[names]
        if not how.joint:
            coef = regress(woe.to_numpy(dtype=float), own, how).coef
            slopes = dict(zip(names, coef[1:], strict=True))
            return cls(split, float(coef[0]), *({n: slopes[n] * f[n].to_numpy() for n in names} for f in (woe, seen)))
        levels = {n: np.unique(woe[n].to_numpy(), return_inverse=True) for n in names}
        features = [Line(woe[n].to_numpy(), levels[n][0]) if n in split.lines else Bins(levels[n][1], levels[n][0])
                    for n in names]  # fmt: skip
        found = joint_effects(features, own, how, how.ridge)
        # a WOE that the training rows do not have lies between those that they have
        each = [{n: np.interp(f[n].to_numpy(), levels[n][0], v) for n, v in zip(names, found.values, strict=True)}
                for f in (woe, seen)]  # fmt: skip
        return cls(split, found.intercept, *each)

    def logs(self, target: Target, cross: Cross | None, how: Regression) -> np.ndarray:
        """Weighted log-likelihood of the held-out rows; with a cross beside its two features and the rest."""
        eta = self.level + np.sum(list(self.test.values()), axis=0)
        if cross is not None:
            pair = [self.train[cross.first], self.train[cross.second]]
            new = [self.test[cross.first], self.test[cross.second]]
            rest = np.sum(list(self.train.values()), axis=0) - pair[0] - pair[1]
            rest_new = eta - self.level - new[0] - new[1]
            train = np.column_stack([rest, *pair, self.split.woe_train[cross.name]])
            test = np.column_stack([rest_new, *new, self.split.woe_test[cross.name]])
            coef = fit_logistic(
                train, target.bad[self.split.train], target.weight[self.split.train],
                sign=np.array([1, 1, 1, -1]) * abs(how.sign), ridge=np.array([0.0, 0.0, 0.0, how.ridge]),
            ).coef  # fmt: skip
            eta = coef[0] + test @ coef[1:]
        return target.weight[self.split.test] * (target.bad[self.split.test] * eta - np.logaddexp(0.0, eta))


def _greedy(
    splits: list[Split], target: Target, names: list[str], pairs: list[Cross], how: Regression, most: int
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Pair → at which step it entered or was last tried and what it gained; and those taken, in order."""
    rows: dict[str, dict[str, Any]] = {c.name: {"step": 0, "gain": 0.0, "se": 0.0, "taken": False} for c in pairs}
    taken: list[str] = []
    errors = float(ndtri(1 - LEVEL / max(len(pairs), 1)))
    while len(taken) < min(most, len(pairs)):
        folds = [_Fold.of(split, target, [*names, *taken], how) for split in splits]
        now = np.concatenate([fold.logs(target, None, how) for fold in folds])
        for cross in pairs:
            if cross.name not in taken:
                logs = np.concatenate([fold.logs(target, cross, how) for fold in folds])
                gain, se = _gain(logs - now, splits, target)
                rows[cross.name] = {"step": len(taken) + 1, "gain": gain, "se": se, "taken": False}
        best = max((c.name for c in pairs if c.name not in taken), key=lambda name: rows[name]["gain"])
        if rows[best]["gain"] <= errors * rows[best]["se"]:
            break
        rows[best]["taken"] = True
        taken.append(best)
    return rows, taken


def _gain(difference: np.ndarray, splits: list[Split], target: Target) -> tuple[float, float]:
    """The sum and its standard error, by village where villages are known."""
    parts = difference
    if target.groups is not None:
        parts = np.bincount(target.groups[np.concatenate([s.test for s in splits])], difference)
    spread = float(((parts - parts.mean()) ** 2).sum())
    return float(difference.sum()), float(np.sqrt(spread * len(parts) / max(len(parts) - 1, 1)))


def _told(table: pd.DataFrame) -> pd.DataFrame:
    """With a sentence about each pair in both languages."""
    zh, en = [], []
    for row in table.to_dict("records"):
        numbers = f"{row['gain']:.1f} ± {row['se']:.1f}"
        zh.append(("入选：" if row["taken"] else "未入选：") + f"留出样本对数似然增益 {numbers}")
        en.append(("taken: " if row["taken"] else "left: ") + f"held-out log-likelihood gains {numbers} nats")
    return table.assign(zh=pd.Series(zh, dtype="str"), en=pd.Series(en, dtype="str"))
